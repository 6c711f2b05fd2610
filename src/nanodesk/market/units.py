"""Integer units of money, price, quantity and time, and rounding to their grids."""

from __future__ import annotations

import math
from typing import NewType

from nanodesk.errors import PriceError, QuantityError

PriceCents = NewType("PriceCents", int)
PriceTicks = NewType("PriceTicks", int)
Lots = NewType("Lots", int)
Nanos = NewType("Nanos", int)
Bps = NewType("Bps", int)

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)
BPS_PER_UNIT = 10_000
CENTS_PER_UNIT = 100
SESSIONS_PER_YEAR = 252
"""Of an exchange that closes on weekends and holidays: what annualises unless a caller says otherwise."""


def to_cents(amount: float, *, field: str = "amount") -> PriceCents:
    """Currency units to integer cents, half away from zero.

    Parameters
    ----------
    amount : float
        Finite amount in currency units.
    field : str, default "amount"
        Name used in the error.

    Returns
    -------
    cents : int
        The nearest whole number of cents.

    Raises
    ------
    PriceError
        If ``amount`` is not finite or does not fit 64 bits.

    Examples
    --------
    >>> to_cents(1.005), to_cents(-2.5)
    (101, -250)
    """
    if not math.isfinite(amount):
        raise PriceError(f"{field}={amount} is not finite.", field=field, value=amount, allowed="a finite number")
    cents = int(math.copysign(math.floor(round(abs(amount) * CENTS_PER_UNIT, 9) + 0.5), amount))
    if not INT64_MIN <= cents <= INT64_MAX:
        raise PriceError(f"{field}={amount} does not fit 64-bit cents.", field=field, value=amount)
    return PriceCents(cents)


def format_cents(cents: int) -> str:
    """Cents as dollars with sign, integer part and two digits.

    Parameters
    ----------
    cents : int
        Amount in cents.

    Returns
    -------
    text : str
        For example ``$100.50`` or ``-$2.50``.

    Examples
    --------
    >>> format_cents(10050), format_cents(-250), format_cents(5)
    ('$100.50', '-$2.50', '$0.05')
    """
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), CENTS_PER_UNIT)
    return f"{sign}${whole}.{rest:02d}"


def round_to_tick(price: int, tick_size: int) -> int:
    """Nearest multiple of the tick, half away from zero.

    Parameters
    ----------
    price : int
        Price in the smallest unit.
    tick_size : int
        Price step, at least 1, in the same unit.

    Returns
    -------
    rounded : int
        The nearest price on the grid.

    Raises
    ------
    PriceError
        If ``tick_size`` is not positive.

    Examples
    --------
    >>> round_to_tick(112, 25), round_to_tick(-113, 25)
    (100, -125)
    """
    if tick_size <= 0:
        raise PriceError(
            f"tick_size={tick_size} must be at least 1.", field="tick_size", value=tick_size, allowed=">= 1"
        )
    sign = -1 if price < 0 else 1
    return sign * ((abs(price) * 2 + tick_size) // (2 * tick_size)) * tick_size


def floor_to_lot(quantity: int, lot_size: int) -> int:
    """Largest multiple of the lot that is no further from zero than ``quantity``.

    Parameters
    ----------
    quantity : int
        Signed quantity.
    lot_size : int
        Quantity step, at least 1.

    Returns
    -------
    rounded : int
        Quantity truncated toward zero onto the grid.

    Raises
    ------
    QuantityError
        If ``lot_size`` is not positive.

    Examples
    --------
    >>> floor_to_lot(250, 100), floor_to_lot(-250, 100)
    (200, -200)
    """
    if lot_size <= 0:
        raise QuantityError(
            f"lot_size={lot_size} must be at least 1.", field="lot_size", value=lot_size, allowed=">= 1"
        )
    sign = -1 if quantity < 0 else 1
    return sign * (abs(quantity) // lot_size) * lot_size
