"""The published weights backtest: lists of pairs in, a dict out, over `nanodesk.backtest.weights`.

The engine is told to trade at the very close, to round costs down, to truncate trades and to keep nothing back for
costs; one price unit is a cent. What is left here is the published shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from nanodesk.backtest.kernels.pairs import INTEGERS
from nanodesk.backtest.pairs import fill_pairs
from nanodesk.backtest.result import REASONS, ExactLedger, StopTable
from nanodesk.backtest.stops import Stops
from nanodesk.backtest.weights import backtest_weights as simulate
from nanodesk.compat import published_arguments as arguments
from nanodesk.compat.kernels import pair_rows
from nanodesk.compat.published_metrics import compute_metrics
from nanodesk.compat.weights_result import WeightsResult
from nanodesk.errors import QuantityError, ValidationError
from nanodesk.market.arrays import BoolArray, FloatArray
from nanodesk.portfolio.costs import CostModel

Rows = list[list[tuple[str, float]]]

_MAX_BPS = 10_000
_DEFAULT_ATR_PERIOD = 14
_ANY_GROSS = 1e6


def backtest_weights(
    weight_schedule: Any,
    price_schedule: Any,
    initial_cash: Any,
    cost_bps: Any,
    periods_per_year: Any = 252.0,
    risk_free: Any = 0.0,
    stop_cfg: Any = None,
    *,
    strict: bool = False,
) -> WeightsResult:
    """Simulate target weights at the prices of the same period, as published.

    Parameters
    ----------
    weight_schedule : list of list of (str, float)
        Targets of each period, as fractions of equity. A held symbol that is not named is sold.
    price_schedule : list of list of (str, int)
        Cents per share, one list a period. A held symbol without a price above zero keeps its last one.
    initial_cash : int
        Cents.
    cost_bps : int
        Basis points of the notional of every fill, rounded down to the cent; 15 means 15 on each side.
    periods_per_year : float, default 252
        For annualising.
    risk_free : float, default 0
        Risk-free return per period.
    stop_cfg : dict, optional
        ``fixed_stop_pct`` and ``trailing_stop_pct`` (fractions, not percent, within [0, 1); 0 is off),
        ``atr_multiple`` (above 0) and ``atr_period`` (default 14). Stops look at the period's price and fill there;
        other keys are ignored.
    strict : bool, default False
        Raise where the published function returns an empty result: schedules of different length, cash of zero or
        less, more than 10,000 basis points, a weight that is not finite, a negative price.

    Returns
    -------
    result : WeightsResult
        A dict of ``returns``, ``equity_curve`` (cents, starting with the cash), ``final_cash`` (cents), ``metrics``
        (or None), ``holdings`` and ``symbol_returns`` (``(symbol, value)`` by symbol, one list a period) and
        ``stop_events``.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If a symbol is longer than eight bytes, a stop is out of range, or, on request, the input is not valid.
    OverflowError
        If an integer is out of range, or an amount does not fit the ledger of 2**60 cents.

    Examples
    --------
    >>> result = backtest_weights([[("A", 1.0)]] * 2, [[("A", 100)], [("A", 110)]], 10_000, 0)
    >>> result["returns"], result.final_cash, result["holdings"][-1]
    ([0.0, 0.1], 0, [('A', 1.0)])
    """
    cash = arguments.integer(initial_cash, "initial_cash")
    bps = arguments.integer(cost_bps, "cost_bps", low=0, high=2**32 - 1)
    periods, rate = arguments.real(periods_per_year, "periods_per_year"), arguments.real(risk_free, "risk_free")
    index: dict[str, int] = {}
    prices = _matrix(price_schedule, "price_schedule", index, np.nan)
    n_priced = len(index)
    weights = _matrix(weight_schedule, "weight_schedule", index, 0.0)
    for symbol in index:
        arguments.symbol(symbol, "weight_schedule")
    stops = _stops(stop_cfg)
    fault = _fault(weights, prices, cash, bps)
    if fault is not None or not len(prices):
        if strict and fault is not None:
            raise ValueError(fault)
        return _empty(cash)
    priced = list(index)[:n_priced]
    order = sorted(range(n_priced), key=priced.__getitem__)
    names = sorted(priced)
    # take, unlike an index, keeps the rows contiguous, as the engine reads them.
    weights, prices = np.take(weights, order, axis=1), np.take(prices, order, axis=1)
    return _simulated(weights, prices, names, cash, bps, stops, (periods, rate))


def _matrix(rows: Any, name: str, index: dict[str, int], absent: float) -> FloatArray:
    """Pairs as a matrix; the fast door first, and the published errors only where it refuses."""
    given = arguments.sequence(rows, name)
    whole = name == "price_schedule"
    try:
        matrix, kinds = fill_pairs(given, index, field=name, absent=absent, may_grow=True)
        if not whole or kinds in (0, INTEGERS):
            return _in_range(matrix, name) if whole else matrix
    except ValidationError:
        pass
    convert: Callable[[Any, str], float] = arguments.integer if whole else arguments.real
    # A symbol that a row names twice counts once, with its last value.
    checked = [list(dict(arguments.pairs(row, name, convert)).items()) for row in given]
    return fill_pairs(checked, index, field=name, absent=absent, may_grow=True)[0]


def _in_range(prices: FloatArray, name: str) -> FloatArray:
    if prices.size and np.nanmax(np.abs(prices), initial=0.0) >= 2.0**63:
        raise OverflowError(f"argument '{name}': a price does not fit 64 bits")
    return prices


def _stops(stop_cfg: Any) -> Stops | None:
    if stop_cfg is None:
        return None
    if not isinstance(stop_cfg, dict):
        raise TypeError(f"argument 'stop_cfg': '{type(stop_cfg).__name__}' object cannot be cast as 'dict'")
    fixed = _stop_fraction(stop_cfg, "fixed_stop_pct")
    trailing = _stop_fraction(stop_cfg, "trailing_stop_pct")
    multiple = arguments.real(stop_cfg["atr_multiple"], "atr_multiple") if "atr_multiple" in stop_cfg else None
    if multiple is not None and not 0.0 < multiple < math.inf:
        raise ValueError("atr_multiple must be finite and > 0")
    period = arguments.unsigned(stop_cfg.get("atr_period", _DEFAULT_ATR_PERIOD), "atr_period")
    if period < 1:
        raise ValueError("atr_period must be >= 1")
    if fixed is None and trailing is None and multiple is None:
        return None
    return Stops(fixed_pct=fixed, trailing_pct=trailing, atr_multiple=multiple, atr_period=period, atr="close_change")


def _stop_fraction(stop_cfg: Mapping[str, Any], key: str) -> float | None:
    if key not in stop_cfg:
        return None
    value = arguments.real(stop_cfg[key], key)
    if not 0.0 <= value < 1.0:
        raise ValueError(f"{key} must be finite and in (0, 1)")
    return value or None


def _fault(weights: FloatArray, prices: FloatArray, cash: int, bps: int) -> str | None:
    if len(weights) != len(prices):
        return f"weight_schedule has {len(weights)} periods and price_schedule {len(prices)}."
    if cash <= 0:
        return f"initial_cash={cash} must be above 0."
    if bps > _MAX_BPS:
        return f"cost_bps={bps} must be at most {_MAX_BPS}."
    if not np.isfinite(weights).all():
        return f"weight_schedule[{int(np.argwhere(~np.isfinite(weights))[0, 0])}] has a weight that is not finite."
    if (prices < 0.0).any():
        return f"price_schedule[{int(np.argwhere(prices < 0.0)[0, 0])}] has a negative price."
    return None


def _empty(cash: int) -> WeightsResult:
    return WeightsResult(
        {
            "returns": [],
            "equity_curve": [cash],
            "final_cash": cash,
            "metrics": None,
            "holdings": [],
            "symbol_returns": [],
            "stop_events": [],
        },
        {},
    )


def _simulated(
    weights: FloatArray,
    prices: FloatArray,
    names: list[str],
    cash: int,
    bps: int,
    stops: Stops | None,
    annual: tuple[float, float],
) -> WeightsResult:
    if not names:  # nothing ever has a price: one symbol that never trades
        names, weights, prices = [""], np.zeros((len(prices), 1)), np.full((len(prices), 1), np.nan)
    given = ~np.isnan(prices)
    closes = np.where(prices > 0.0, prices, np.nan)
    try:
        outcome = simulate(
            weights,
            closes,
            cash=cash,
            price_scale=1,
            costs=CostModel(commission_bps=bps),
            fill="same_close",
            stops=stops,
            reserve_costs=False,
            cost_rounding="floor",
            rounding="trade",
            max_gross=_ANY_GROSS,
        )
    except QuantityError as error:
        raise OverflowError(str(error)) from error
    exact = cast(ExactLedger, outcome.exact)
    returns = _returns(exact)
    return WeightsResult(
        {
            "returns": returns,
            "equity_curve": [cash, *exact.equity.tolist()],
            "final_cash": int(exact.cash[-1]),
            "metrics": compute_metrics(returns, *annual),
            "holdings": None,
            "symbol_returns": None,
            "stop_events": _events(outcome.stop_events, names),
        },
        {
            "holdings": lambda: _rows(names, outcome.weights, (exact.holdings != 0) & (exact.equity != 0)[:, None]),
            "symbol_returns": lambda: _rows(names, _symbol_returns(closes), given),
        },
    )


def _returns(exact: ExactLedger) -> list[float]:
    """One return for each period that starts with some equity; the others are left out, as published."""
    before = np.concatenate([[exact.initial_cash], exact.equity[:-1]])
    alive = before > 0
    found: list[float] = ((exact.equity[alive] - before[alive]) / before[alive]).tolist()
    return found


def _symbol_returns(closes: FloatArray) -> FloatArray:
    returns = np.full(closes.shape, np.nan)
    returns[1:] = (closes[1:] - closes[:-1]) / closes[:-1]
    return returns


def _rows(names: list[str], values: FloatArray, shown: BoolArray) -> Rows:
    """Pairs of the shown cells of each row, by symbol."""
    return pair_rows.build(names, np.ascontiguousarray(values), np.ascontiguousarray(shown).view(np.uint8))


def _events(stops: StopTable, names: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "period_index": int(row),
            "symbol": names[symbol],
            "trigger_price": int(level),
            "exit_price": int(price),
            "reason": REASONS[reason].removesuffix("_stop"),
        }
        for row, symbol, level, price, reason in zip(
            stops.row, stops.symbol, stops.trigger_price, stops.exit_price, stops.reason, strict=True
        )
    ]
