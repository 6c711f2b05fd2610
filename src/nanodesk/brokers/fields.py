"""Fields of a venue's JSON object, read one by one with their type and an error that names the field."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Any, NoReturn

from nanodesk.errors import BrokerError, ValidationError
from nanodesk.market.fixed_point import DECIMALS, parse_e9

_MISSING: Any = object()
LARGEST_INTEGER = 2**63
_SHORT = 17


class Fields:
    """One JSON object.

    Parameters
    ----------
    row : object
        What was read.
    what : str
        What it is, for errors: ``"order"``.

    Raises
    ------
    BrokerError
        If it is no object.

    Examples
    --------
    >>> row = Fields({"price": "185.05", "orderId": 7}, "order")
    >>> row.amount("price"), row.integer("orderId"), row.text("note", "")
    (185050000000, 7, '')
    """

    __slots__ = ("_row", "_what")

    def __init__(self, row: object, what: str) -> None:
        if not isinstance(row, dict):
            raise BrokerError(f"The {what} is no object.", field=what)
        self._row: dict[str, Any] = row
        self._what = what

    def __contains__(self, key: str) -> bool:
        return self._row.get(key) is not None

    def value(self, key: str) -> Any:
        """Whatever is there.

        Parameters
        ----------
        key : str
            Name of the field.

        Returns
        -------
        value : object
            ``None`` where the field is missing.
        """
        return self._row.get(key)

    def text(self, key: str, default: str = _MISSING) -> str:
        """A text.

        Parameters
        ----------
        key : str
            Name of the field.
        default : str, optional
            In place of one that is missing or null.

        Returns
        -------
        text : str
            As sent.

        Raises
        ------
        BrokerError
            If it is missing or no text.
        """
        value = self._row.get(key)
        if value is None:
            value = self._value(key, default)
        if not isinstance(value, str):
            self._refuse(key, "text")
        return value

    def integer(self, key: str, default: int = _MISSING) -> int:
        """A whole number, sent as a number or as text.

        Parameters
        ----------
        key : str
            Name of the field.
        default : int, optional
            In place of one that is missing or null.

        Returns
        -------
        number : int
            Within 64 bits.

        Raises
        ------
        BrokerError
            If it is missing or no such number.
        """
        value = self._row.get(key)
        if value.__class__ is int and -LARGEST_INTEGER <= value < LARGEST_INTEGER:
            return int(value)
        value = self._value(key, default)
        if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit() and len(value) <= 20:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not -LARGEST_INTEGER <= value < LARGEST_INTEGER:
            self._refuse(key, "a whole number")
        return int(value)

    def amount(self, key: str, default: int = _MISSING) -> int:
        """A decimal amount, sent as text or as a number.

        Parameters
        ----------
        key : str
            Name of the field.
        default : int, optional
            In place of one that is missing or null, in billionths.

        Returns
        -------
        amount_e9 : int
            In billionths, exact.

        Raises
        ------
        BrokerError
            If it is missing, no number, or needs more than nine places.
        """
        value = self._row.get(key)
        if value is None and default is not _MISSING:
            return default
        if isinstance(value, str) and (amount_e9 := _plain_amount(value)) is not None:
            return amount_e9
        value = self._value(key, _MISSING)
        if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
            self._refuse(key, "a decimal number")
        try:
            return parse_e9(value, field=key)
        except ValidationError:
            self._refuse(key, "a decimal number with at most 9 places")

    def flag(self, key: str, default: bool = _MISSING) -> bool:
        """True or false.

        Parameters
        ----------
        key : str
            Name of the field.
        default : bool, optional
            In place of one that is missing or null.

        Returns
        -------
        flag : bool
            As sent.

        Raises
        ------
        BrokerError
            If it is missing or neither.
        """
        value = self._value(key, default)
        if not isinstance(value, bool):
            self._refuse(key, "true or false")
        return value

    def child(self, key: str) -> Fields:
        """An object inside.

        Parameters
        ----------
        key : str
            Name of the field.

        Returns
        -------
        child : Fields
            The object.

        Raises
        ------
        BrokerError
            If it is missing or no object.
        """
        return Fields(self._value(key, _MISSING), f"{self._what}.{key}")

    def rows(self, key: str) -> tuple[Fields, ...]:
        """A list of objects inside.

        Parameters
        ----------
        key : str
            Name of the field.

        Returns
        -------
        rows : tuple of Fields
            One for each; none where the field is missing or null.

        Raises
        ------
        BrokerError
            If it is no list of objects.
        """
        return rows_of(self._row.get(key) or [], f"{self._what}.{key}")

    def words(self, key: str) -> tuple[str, ...]:
        """A list of texts inside.

        Parameters
        ----------
        key : str
            Name of the field.

        Returns
        -------
        words : tuple of str
            Empty where the field is missing or null.

        Raises
        ------
        BrokerError
            If it is no list of texts.
        """
        value = self._row.get(key) or []
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            self._refuse(key, "a list of texts")
        return tuple(value)

    def _value(self, key: str, default: Any) -> Any:
        value = self._row.get(key)
        if value is not None:
            return value
        if default is _MISSING:
            raise BrokerError(f"The {self._what} lacks {key!r}.", field=key)
        return default

    def _refuse(self, key: str, allowed: str) -> NoReturn:
        shown = str(self._row.get(key))[:40]
        raise BrokerError(f"The {self._what} has {key}={shown!r}, not {allowed}.", field=key, value=shown)


@lru_cache(maxsize=1 << 14)
def _plain_amount(text: str) -> int | None:
    # Nearly every amount is plain digits with a point, one that was there a moment ago; reading them as one integer
    # is exact and quick.
    whole, point, places = text.partition(".")
    is_plain = len(whole) <= _SHORT and len(places) <= DECIMALS and (whole + places).isdecimal() and text.isascii()
    return int(whole + places.ljust(DECIMALS, "0")) if is_plain and whole and (places or not point) else None


def rows_of(value: object, what: str) -> tuple[Fields, ...]:
    """A list of objects.

    Parameters
    ----------
    value : object
        What was read.
    what : str
        What it is, for errors.

    Returns
    -------
    rows : tuple of Fields
        One for each.

    Raises
    ------
    BrokerError
        If it is no list of objects.
    """
    if not isinstance(value, list):
        raise BrokerError(f"The {what} is no list.", field=what)
    return tuple(Fields(row, what) for row in value)
