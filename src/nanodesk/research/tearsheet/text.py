"""Numbers as a reader sees them: units, signs and digits, the same on every machine."""

from __future__ import annotations

import math
from collections.abc import Callable

MISSING = "–"
_MINUS = "\N{MINUS SIGN}"
Formatter = Callable[[float | None], str]


def percent(value: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """A fraction as percent.

    Parameters
    ----------
    value : float or None
        Fraction: 0.25 is 25 %.
    digits : int, default 1
        Decimals; none from 1000 % on.
    signed : bool, default False
        Whether a gain carries a plus sign.

    Returns
    -------
    text : str
        An en dash where there is no number.

    Examples
    --------
    >>> percent(0.1234), percent(0.5, 0, signed=True), percent(None)
    ('12.3%', '+50%', '–')
    """
    if value is not None and math.isfinite(value) and abs(value) >= 9.9995:
        digits = 0
    return decimal(None if value is None else 100.0 * value, digits, signed=signed, suffix="%")


def decimal(value: float | None, digits: int = 2, *, signed: bool = False, suffix: str = "") -> str:
    """A plain number with thousands separated.

    Parameters
    ----------
    value : float or None
        The number.
    digits : int, default 2
        Decimals.
    signed : bool, default False
        Whether a positive number carries a plus sign.
    suffix : str, optional
        Unit, directly after the digits.

    Returns
    -------
    text : str
        With a true minus sign; an en dash where there is no number. Never a negative zero.

    Examples
    --------
    >>> decimal(1234.5, 0), decimal(float("nan")), decimal(-0.0001)
    ('1,234', '–', '0.00')
    """
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    body = f"{abs(value):,.{digits}f}"
    if not body.strip("0.,"):
        return body + suffix
    return (_MINUS if value < 0 else "+" if signed else "") + body + suffix


def multiple(value: float | None) -> str:
    """A growth multiple, with three significant digits.

    Parameters
    ----------
    value : float or None
        Final over initial wealth.

    Returns
    -------
    text : str
        With a multiplication sign.

    Examples
    --------
    >>> multiple(2.514), multiple(57.21), multiple(0.04321)
    ('2.51×', '57.2×', '0.043×')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    digits = 0 if abs(value) >= 100 or value == 0 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    return decimal(value, digits, suffix="×")


def money(value: float | None, currency: str = "") -> str:
    """An amount, shortened to thousands, millions or billions.

    Parameters
    ----------
    value : float or None
        Currency units.
    currency : str, optional
        Code printed after the amount.

    Returns
    -------
    text : str
        Three or four significant digits.

    Examples
    --------
    >>> money(1_234_567.0, "USD"), money(950.0), money(-20_500.0)
    ('1.23M USD', '950', '−20.5k')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * size:
            scaled = value / size
            digits = 2 if abs(scaled) < 9.995 else 1 if abs(scaled) < 99.95 else 0
            return decimal(scaled, digits, suffix=letter) + (f" {currency}" if currency else "")
    return decimal(value, 0 if abs(value) >= 100 or value == int(value) else 2) + (f" {currency}" if currency else "")


def tick(unit: str, step: float) -> Formatter:
    """How the ticks of an axis are written.

    Parameters
    ----------
    unit : str
        ``percent``, ``fine_percent`` (two decimals when read), ``multiple``, ``ratio``, ``ic``, ``count``, ``bps`` or
        ``money``.
    step : float
        Distance of two ticks, in the values' own unit; sets the decimals.

    Returns
    -------
    formatter : callable
        From value to text.

    Examples
    --------
    >>> tick("percent", 0.1)(0.3), tick("percent", 0.005)(0.015), tick("ratio", 0.5)(1.0)
    ('30%', '1.5%', '1.0')
    """
    if unit == "money":
        return money
    in_percent = unit in ("percent", "fine_percent")
    size = step * (100.0 if in_percent else 1.0)
    digits = max(0, -math.floor(math.log10(size) + 1e-9)) if size > 0 else 0
    if size > 0 and abs(round(size, digits) - size) > 1e-6 * size:
        digits += 1
    if in_percent:
        return lambda value: percent(value, digits)
    suffix = "×" if unit == "multiple" else ""
    return lambda value: decimal(value, digits, suffix=suffix)


def reading(unit: str) -> Formatter:
    """How one value of a series is written in a legend or a table.

    Parameters
    ----------
    unit : str
        As in ``tick``.

    Returns
    -------
    formatter : callable
        From value to text.
    """
    formatters: dict[str, Formatter] = {
        "percent": percent,
        "fine_percent": lambda value: percent(value, 2),
        "ic": lambda value: decimal(value, 3),
        "multiple": multiple,
        "count": lambda value: decimal(value, 0),
        "tenth": lambda value: decimal(value, 1),
        "bps": lambda value: decimal(value, 1, suffix=" bps"),
        "money": money,
    }
    return formatters.get(unit, decimal)
