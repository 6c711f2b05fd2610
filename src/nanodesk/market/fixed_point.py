"""Exact decimal amounts as integers: one unit is a billionth (1e-9) of a share, a coin or a unit of currency.

Brokers quote in cents, in ticks of 1e-8 and in fractions of a share. One scale holds them all without a
rounding, so prices, quantities and cash of different venues compare and add as integers.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Final

from nanodesk.errors import PriceError, ValidationError

E9: Final = 1_000_000_000
"""Units per share, coin or unit of currency."""

DECIMALS: Final = 9
LARGEST_DIGIT: Final = 18
LARGEST_E9: Final = 10 ** (LARGEST_DIGIT + DECIMALS)
"""Bound of every amount that is read: a billion billion; past it the input is wrong, not rich."""

_PLAIN = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?")
_EXACT: Final = Context(prec=100, traps=[InvalidOperation, Inexact])
"""Never rounds: what does not fit is an error."""


def parse_e9(value: str | int | float | Decimal, *, field: str = "amount") -> int:
    """An amount as read from a user or a venue, in billionths.

    Parameters
    ----------
    value : str, int, float or Decimal
        Whole units, as ``"185.05"``. A float counts as the shortest decimal that prints as it, rounded to nine
        places; text and ``Decimal`` must fit nine places exactly.
    field : str, default "amount"
        Name used in the error.

    Returns
    -------
    amount_e9 : int
        The same amount in billionths.

    Raises
    ------
    PriceError
        If the value is no finite decimal number, needs more than nine places, or is 1e18 or more.

    Examples
    --------
    >>> parse_e9("185.05"), parse_e9(0.1), parse_e9("1e-8")
    (185050000000, 100000000, 10)
    """
    try:
        if isinstance(value, bool):
            raise ValueError
        if isinstance(value, str):
            if not _PLAIN.fullmatch(value):
                raise ValueError
            number = Decimal(value)
        else:
            # Of a float the shortest text, which a subclass (numpy's) may spell otherwise.
            number = Decimal(float.__repr__(value)) if isinstance(value, float) else Decimal(value)
        if not number.is_finite() or (number.adjusted() >= LARGEST_DIGIT and number):
            raise ValueError
        scaled = number.scaleb(DECIMALS, context=_EXACT)
        whole = int(scaled.to_integral_value())
        if whole != scaled and not isinstance(value, float):
            raise ValueError
    except (ValueError, TypeError, ArithmeticError) as error:
        raise PriceError(
            f"{field}={str(value)[:40]!r} is no decimal number with at most {DECIMALS} places.",
            field=field,
            value=value,
            allowed="a finite decimal number below 1e18 with at most 9 places",
        ) from error
    return whole


def format_e9(amount_e9: int) -> str:
    """Plain decimal text of an amount: no exponent, no zeros at the end.

    Parameters
    ----------
    amount_e9 : int
        Amount in billionths.

    Returns
    -------
    text : str
        ``parse_e9(text)`` gives the amount back.

    Examples
    --------
    >>> format_e9(185_050_000_000), format_e9(-10), format_e9(0)
    ('185.05', '-0.00000001', '0')
    """
    sign = "-" if amount_e9 < 0 else ""
    whole, rest = divmod(abs(amount_e9), E9)
    return f"{sign}{whole}" + (f".{rest:09d}".rstrip("0") if rest else "")


def notional_e9(price_e9: int, quantity_e9: int, multiplier: int = 1) -> int:
    """Cash value of a quantity at a price, half away from zero.

    Parameters
    ----------
    price_e9, quantity_e9 : int
        Price and signed quantity in billionths.
    multiplier : int, default 1
        Cash per point and contract.

    Returns
    -------
    cash_e9 : int
        Signed cash in billionths of the currency; exact whenever nine places can hold it.

    Examples
    --------
    >>> notional_e9(parse_e9("185.05"), parse_e9("-2")) == parse_e9("-370.10")
    True
    """
    product = price_e9 * quantity_e9 * multiplier
    magnitude = (2 * abs(product) + E9) // (2 * E9)
    return -magnitude if product < 0 else magnitude


def require_positive_e9(amount_e9: int | None, *, field: str) -> int:
    """The amount itself, if it is a whole number above zero and within bounds.

    Parameters
    ----------
    amount_e9 : int or None
        Amount in billionths.
    field : str
        Name used in the error.

    Returns
    -------
    amount_e9 : int
        The same number.

    Raises
    ------
    ValidationError
        If it is missing, no integer, zero, negative or beyond 1e27.
    """
    if isinstance(amount_e9, bool) or not isinstance(amount_e9, int) or not 0 < amount_e9 <= LARGEST_E9:
        raise ValidationError(
            f"{field}={amount_e9!r} must be a positive integer of billionths.",
            field=field,
            value=amount_e9,
            allowed=f"1 to {LARGEST_E9}",
            fix="Pass parse_e9('185.05') for 185.05.",
        )
    return amount_e9
