"""Options of the weights backtest, checked and turned into the engine's numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nanodesk.backtest.bars import Bars
from nanodesk.backtest.stops import Stops
from nanodesk.errors import QuantityError, ShapeError, ValidationError
from nanodesk.market.arrays import FloatArray
from nanodesk.market.ranges import real_number
from nanodesk.portfolio.costs import CostModel

MAX_MONEY = 2.0**60
"""Largest amount of the ledger, in money units: two of them still add up within 64 bits."""


def check_columns(bars: Bars, fill: str, stops: Stops | None, *, needs_volume: bool) -> None:
    """Refuse prices that lack a column which the fill policy, the stops, the caps or the costs need.

    Parameters
    ----------
    bars : Bars
        The prices.
    fill : str
        Fill policy.
    stops : Stops, optional
        Stops, if any.
    needs_volume : bool
        Whether impact or a participation cap is on.

    Raises
    ------
    ShapeError
        If a column is missing; the message names it, what needs it, and the way out.
    """
    wants: dict[str, str] = {}
    if fill == "next_open":
        wants["open"] = 'fill="next_open"'
    if fill == "vwap_proxy":
        wants |= dict.fromkeys(("open", "high", "low"), 'fill="vwap_proxy"')
    if stops is not None and stops.check == "intrabar":
        wants |= dict.fromkeys(("open", "high", "low"), 'Stops(check="intrabar")')
    if stops is not None and stops.atr_multiple is not None and stops.atr == "wilder":
        wants |= dict.fromkeys(("high", "low"), 'Stops(atr="wilder")')
    if needs_volume:
        wants["volume"] = "max_participation or impact_coef"
    fixes = {
        "open": 'Use fill="next_close", or give a PricePanel with opens.',
        "volume": "Give a PricePanel with volumes.",
    }
    for name, why in wants.items():
        if getattr(bars, name) is None:
            fix = fixes.get(name, "Give a PricePanel with highs and lows.")
            if "Stops" in why:
                fix = f'Give a PricePanel with {name}s, or use check="close" and atr="close_change".'
            raise ShapeError(f"{why} needs {name} prices, and prices has none.", field=name, allowed=why, fix=fix)


def check_models(costs: Any, stops: Any) -> None:
    """Refuse costs and stops that are no models, such as plain dicts.

    Parameters
    ----------
    costs, stops : object
        What the caller gave.

    Raises
    ------
    ValidationError
        If one is of another type.
    """
    for name, value, model in (("costs", costs, CostModel), ("stops", stops, Stops)):
        if not isinstance(value, model) and not (name == "stops" and value is None):
            raise ValidationError(
                f"{name}={value!r} must be a {model.__name__}.",
                field=name,
                value=value,
                allowed=model.__name__,
                fix=f"Write {name}={model.__name__}(...).",
            )


def cost_numbers(costs: CostModel, price_scale: int, money_scale: int) -> dict[str, Any]:
    """The cost model in the units of the books.

    Parameters
    ----------
    costs : CostModel
        In basis points and currency units.
    price_scale, money_scale : int
        Price units and money units per currency unit.

    Returns
    -------
    numbers : dict
        What the engine takes.

    Raises
    ------
    ValidationError
        If a number of basis points exceeds the notional itself.
    """
    for name in ("commission_bps", "half_spread_bps", "borrow_bps_year"):
        most = 10_000.0 if name != "borrow_bps_year" else 1_000_000.0
        real_number(f"costs.{name}", getattr(costs, name), low=0.0, high=most)
    least = real_number("costs.min_commission", costs.min_commission * money_scale, low=0.0, high=MAX_MONEY)
    return {
        "commission_bps": float(costs.commission_bps),
        "per_unit": float(costs.commission_per_share) * price_scale,
        "min_commission": int(least + 0.5),
        "spread_bps": float(costs.half_spread_bps),
        "impact_coef": float(costs.impact_coef),
        "borrow_bps": float(costs.borrow_bps_year),
    }


def stop_numbers(stops: Stops | None) -> dict[str, Any]:
    """The stops as the engine takes them, 0 where one is off.

    Parameters
    ----------
    stops : Stops, optional
        ``None`` for none.

    Returns
    -------
    numbers : dict
        What the engine takes.
    """
    return {
        "has_stops": stops is not None,
        "intrabar": stops is not None and stops.check == "intrabar",
        "fixed": (stops and stops.fixed_pct) or 0.0,
        "trailing": (stops and stops.trailing_pct) or 0.0,
        "atr_multiple": (stops and stops.atr_multiple) or 0.0,
        "atr_period": stops.atr_period if stops else 1,
        "wilder": stops is not None and stops.atr_multiple is not None and stops.atr == "wilder",
        "reentry_after": stops.reentry_after if stops else 0,
    }


def money(cash: float, money_scale: int) -> int:
    """Initial cash in money units.

    Parameters
    ----------
    cash : float
        In currency units.
    money_scale : int
        Money units per currency unit.

    Returns
    -------
    units : int
        The nearest number of money units.

    Raises
    ------
    ValidationError
        If the cash is not a positive amount.
    QuantityError
        If it does not fit the ledger.
    """
    if isinstance(cash, bool) or not isinstance(cash, (int, float, np.integer, np.floating)) or not cash > 0:
        raise ValidationError(
            f"cash={cash!r} must be a positive amount.",
            field="cash",
            value=cash,
            allowed="> 0",
            fix="Pass cash=1_000_000.",
        )
    units = float(cash) * money_scale
    if not 1.0 <= units < MAX_MONEY:
        raise QuantityError(
            f"cash={cash} is {units:.3g} money units of 1/{money_scale}.",
            field="cash",
            value=cash,
            allowed="from 1 to 2**60 money units",
            fix="Lower price_scale or quantity_scale.",
        )
    return round(units)


def terminal_returns(given: Any, bars: Bars) -> FloatArray:
    """Terminal return of each symbol, ``nan`` where its last price is carried.

    Parameters
    ----------
    given : float, mapping or array
        As the caller wrote it.
    bars : Bars
        The prices.

    Returns
    -------
    returns : ndarray of float64, shape (n_symbols,)
        One a symbol.

    Raises
    ------
    ValidationError
        If a symbol is unknown or a return below -1.
    """
    if isinstance(given, Mapping):
        unknown = [symbol for symbol in given if symbol not in bars.symbols]
        if unknown:
            raise ValidationError(
                f"delisting_return names {unknown[0]!r}, which has no prices.",
                field="delisting_return",
                value=unknown[0],
                allowed="symbols of prices",
            )
        returns = np.array([given.get(symbol, math.nan) for symbol in bars.symbols], dtype=np.float64)
    else:
        returns = np.array(np.broadcast_to(np.asarray(given, dtype=np.float64), (len(bars.symbols),)))
    wrong = np.flatnonzero(np.isinf(returns) | (returns < -1.0) | (returns > 1e6))
    if len(wrong):
        at = int(wrong[0])
        raise ValidationError(
            f"delisting_return={returns[at]} for {bars.symbols[at]!r} must be a return of at least -1.",
            field="delisting_return",
            value=float(returns[at]),
            allowed="-1 (worthless) or more; nan where the last price is carried",
        )
    return returns
