"""Prices and target weights as callers give them, checked and in one form."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from nanodesk.errors import PriceError, ValidationError, WeightsError
from nanodesk.market.instrument import Instrument

Prices: TypeAlias = Mapping[str, int] | Iterable[tuple[str, int]]
"""Price in cents by symbol, as a mapping or as pairs."""

Targets: TypeAlias = Mapping[str, float] | Iterable[tuple[str, float]]
"""Weight as a fraction of equity by symbol, as a mapping or as pairs."""


def checked_prices(prices: Prices, instruments: Mapping[str, Instrument] | None = None) -> dict[str, int]:
    """Prices in integer cents, one for each symbol.

    Parameters
    ----------
    prices : mapping of str to int, or iterable of pairs
        Whole cents, positive unless the instrument trades below zero.
    instruments : mapping of str to Instrument, optional
        Where given, the only symbols that exist.

    Returns
    -------
    prices : dict of str to int
        In the order given.

    Raises
    ------
    PriceError
        If a price is not an integer, or zero or negative where it must be positive.
    ValidationError
        If a symbol occurs twice or is unknown, or the pairs are not pairs.

    Examples
    --------
    >>> checked_prices([("AAPL", 150_00)])
    {'AAPL': 15000}
    """
    checked = {}
    for symbol, price in _pairs(prices, "prices", ValidationError).items():
        cents = _whole(symbol, price)
        known = instruments.get(symbol) if instruments is not None else None
        if instruments is not None and known is None:
            raise _unknown("prices", symbol)
        if cents <= 0 and not (known is not None and known.allows_negative_price):
            raise PriceError(
                f"prices[{symbol!r}]={cents} must be positive.",
                field=symbol,
                value=cents,
                allowed="> 0",
                fix="Leave a symbol out that did not trade.",
            )
        checked[symbol] = cents
    return checked


def checked_targets(targets: Targets) -> dict[str, float]:
    """Target weights, one for each symbol.

    Parameters
    ----------
    targets : mapping of str to float, or iterable of pairs
        Fractions of equity; negative for shorts.

    Returns
    -------
    targets : dict of str to float
        In the order given.

    Raises
    ------
    WeightsError
        If a weight is not a finite number, a symbol occurs twice, or the pairs are not pairs.

    Examples
    --------
    >>> checked_targets([("AAPL", 0.6), ("MSFT", 0.4)])
    {'AAPL': 0.6, 'MSFT': 0.4}
    """
    checked = {}
    for symbol, weight in _pairs(targets, "targets", WeightsError).items():
        number = isinstance(weight, (int, float, np.integer, np.floating)) and not isinstance(weight, bool)
        if not number or not math.isfinite(weight):
            raise WeightsError(
                f"targets[{symbol!r}]={weight!r} must be a finite number.",
                field=symbol,
                value=weight,
                allowed="a finite fraction of equity",
            )
        checked[symbol] = float(weight)
    return checked


def _pairs(given: Any, field: str, error: type[ValidationError]) -> dict[str, Any]:
    items = given.items() if isinstance(given, Mapping) else given
    pairs: dict[str, Any] = {}
    try:
        for symbol, value in items:
            if not isinstance(symbol, str):
                raise error(f"{field} names a symbol {symbol!r}; it must be a string.", field=field, value=symbol)
            if symbol in pairs:
                raise error(f"{field} names {symbol!r} twice.", field=symbol, value=value, allowed="each symbol once")
            pairs[symbol] = value
    except (TypeError, ValueError) as reason:
        if isinstance(reason, ValidationError):
            raise
        raise error(
            f"{field} must be a mapping or pairs of symbol and value, got {type(given).__name__}.",
            field=field,
            value=given,
            allowed="a mapping or (symbol, value) pairs",
        ) from reason
    return pairs


def _whole(symbol: str, price: Any) -> int:
    try:
        if isinstance(price, bool):
            raise TypeError
        return operator.index(price)
    except TypeError:
        raise PriceError(
            f"prices[{symbol!r}]={price!r} must be a whole number of cents.",
            field=symbol,
            value=price,
            allowed="an integer",
            fix="Use nanodesk.market.units.to_cents for currency units.",
        ) from None


def _unknown(field: str, symbol: str) -> ValidationError:
    return ValidationError(
        f"{field} names {symbol!r}, which is not among the instruments.",
        field=symbol,
        value=symbol,
        allowed="symbols of the instruments",
    )
