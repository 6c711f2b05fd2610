"""Parameters of a request to the Binance look-alike, read with the venue's own complaints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote_plus

from nanodesk.errors import ValidationError
from nanodesk.market.fixed_point import parse_e9
from nanodesk.venues.binance_spot.errors import SpotError, missing

_DECIMAL: Final = re.compile(r"([0-9]{1,20})(\.[0-9]{1,20})?")
_INTEGER: Final = re.compile(r"[0-9]{1,20}")
_CLIENT_ID: Final = re.compile(r"[\.A-Z\:/a-z0-9_-]{1,36}")
PLACES: Final = 8
"""Decimal places of every amount at the venue."""


def parse_query(text: str) -> dict[str, str]:
    """Parameters of a query string or a form.

    Parameters
    ----------
    text : str
        As received, percent-encoded.

    Returns
    -------
    parameters : dict of str to str
        Decoded.

    Raises
    ------
    SpotError
        If a name appears twice or the encoding is broken.
    """
    found: dict[str, str] = {}
    for part in filter(None, text.split("&")):
        name, _, value = part.partition("=")
        try:
            name, value = unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")
        except UnicodeDecodeError:
            raise SpotError(-1100, "Illegal characters found in a parameter.") from None
        if name in found:
            raise SpotError(-1101, f"Duplicate values for a parameter '{name}' detected.")
        found[name] = value
    return found


class Parameters:
    """Decoded parameters; what was not read is an error at the end.

    Parameters
    ----------
    values : mapping of str to str
        By name.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        self._read: set[str] = {"signature", "timestamp", "recvWindow", "apiKey"}

    def __contains__(self, name: str) -> bool:
        return self._values.get(name, "") != ""

    def named(self, *names: str) -> frozenset[str]:
        """Which of some parameters were sent.

        Parameters
        ----------
        *names : str
            Of the parameters.

        Returns
        -------
        names : frozenset of str
            Those with a value.
        """
        return frozenset(name for name in names if name in self)

    def ignore(self, names: Iterable[str]) -> None:
        """Accept parameters that this venue takes and does not need.

        Parameters
        ----------
        names : iterable of str
            Of the parameters.
        """
        self._read.update(names)

    def require_all_read(self) -> None:
        """Complain about parameters that mean nothing here.

        Raises
        ------
        SpotError
            -1104.
        """
        unread = set(self._values) - self._read
        if unread:
            raise SpotError(
                -1104,
                f"Not all sent parameters were read; read '{len(self._values) - len(unread)}' parameter(s) but was"
                f" sent '{len(self._values)}'.",
            )

    def text(self, name: str, default: str | None = None) -> str:
        """A text.

        Parameters
        ----------
        name : str
            Of the parameter.
        default : str, optional
            In place of a missing one.

        Returns
        -------
        text : str
            As sent.

        Raises
        ------
        SpotError
            -1102 if it is missing.
        """
        self._read.add(name)
        value = self._values.get(name, "")
        if value:
            return value
        if default is None:
            raise missing(name)
        return default

    def integer(self, name: str, default: int | None = None) -> int:
        """A whole number.

        Parameters
        ----------
        name : str
            Of the parameter.
        default : int, optional
            In place of a missing one.

        Returns
        -------
        number : int
            0 or more.

        Raises
        ------
        SpotError
            -1102 if it is missing, -1100 if it is none.
        """
        if name not in self and default is not None:
            self._read.add(name)
            return default
        value = self.text(name)
        if not _INTEGER.fullmatch(value):
            raise _illegal(name, "^[0-9]{1,20}$")
        return int(value)

    def amount(self, name: str) -> int:
        """A positive decimal amount.

        Parameters
        ----------
        name : str
            Of the parameter.

        Returns
        -------
        amount_e9 : int
            In billionths.

        Raises
        ------
        SpotError
            -1102 if it is missing, -1100 if it is none, -1111 at more than eight places, -1013 at zero.
        """
        value = self.text(name)
        if not _DECIMAL.fullmatch(value):
            raise _illegal(name, r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
        if len(value.partition(".")[2].rstrip("0")) > PLACES:
            raise SpotError(-1111, f"Parameter '{name}' has too much precision.")
        try:
            amount = parse_e9(value.rstrip("0").rstrip(".") if "." in value else value, field=name)
        except ValidationError:
            raise SpotError(-1013, f"Invalid {name}.") from None
        if not amount:
            raise SpotError(-1013, f"Invalid {name}.")
        return amount

    def word(self, name: str, allowed: Mapping[str, int] | Iterable[str], code: int, text: str) -> str:
        """One of a few words.

        Parameters
        ----------
        name : str
            Of the parameter.
        allowed : iterable of str
            The words.
        code : int
            Code of the complaint.
        text : str
            Its words.

        Returns
        -------
        word : str
            As sent.

        Raises
        ------
        SpotError
            With that code, or -1102.
        """
        value = self.text(name)
        if value not in set(allowed):
            raise SpotError(code, text)
        return value

    def client_id(self, name: str) -> str | None:
        """A client order id.

        Parameters
        ----------
        name : str
            Of the parameter.

        Returns
        -------
        client_id : str or None
            ``None`` when it was not sent.

        Raises
        ------
        SpotError
            -1100 if it is malformed.
        """
        self._read.add(name)
        if name not in self:
            return None
        value = self._values[name]
        if not _CLIENT_ID.fullmatch(value):
            raise _illegal(name, r"^[\.A-Z\:/a-z0-9_-]{1,36}$")
        return value

    def refuse(self, *names: str) -> None:
        """Complain about parameters that do not belong to this kind of order.

        Parameters
        ----------
        *names : str
            Of the parameters.

        Raises
        ------
        SpotError
            -1106.
        """
        for name in names:
            if name in self:
                raise SpotError(-1106, f"Parameter '{name}' sent when not required.")


def _illegal(name: str, legal: str) -> SpotError:
    return SpotError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")
