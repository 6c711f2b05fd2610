"""Target weights times prices: the weights backtest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nanodesk.backtest.bars import Bars
from nanodesk.backtest.faults import explain
from nanodesk.backtest.kernels import weights as kernel
from nanodesk.backtest.options import (
    check_columns,
    check_models,
    cost_numbers,
    money,
    stop_numbers,
    terminal_returns,
)
from nanodesk.backtest.outcome import Books, build_result
from nanodesk.backtest.prices import PricesLike, read_prices
from nanodesk.backtest.result import BacktestResult
from nanodesk.backtest.schedule import Schedule, WeightsLike, read_weights
from nanodesk.backtest.stops import Stops
from nanodesk.errors import ShapeError
from nanodesk.market.arrays import FloatArray, IntArray
from nanodesk.market.axes import DatesLike
from nanodesk.market.ranges import one_of, real_number, whole_number
from nanodesk.portfolio.costs import CostModel

HOLD = math.nan
"""Weight of a symbol that drifts: neither bought nor sold on this date."""

FILLS = ("same_close", "next_open", "next_close", "vwap_proxy")
"""Where a decision is filled, in the order of the engine's numbers."""

FRACTION_SCALE = 10_000
"""Quantity units per share when fractions are allowed."""

_FREE = CostModel()
_NEVER = -(2**62)
_FIRST_TRADES = 1 << 22  # rows reserved at most: 128 MiB of address space, of which only what is written takes memory


def backtest_weights(
    weights: WeightsLike,
    prices: PricesLike,
    *,
    dates: DatesLike | None = None,
    symbols: Sequence[str] | None = None,
    cash: float = 1_000_000.0,
    rebalance: DatesLike | None = None,
    costs: CostModel = _FREE,
    fill: Literal["next_open", "next_close", "same_close", "vwap_proxy"] = "next_open",
    quantity: Literal["integer", "fractional"] = "integer",
    cash_buffer: float = 0.0,
    no_trade_band: float = 0.0,
    max_turnover: float | None = None,
    max_participation: float | None = None,
    adv_window: int = 21,
    impact_window: int = 21,
    stops: Stops | None = None,
    delisting_return: float | Mapping[str, float] | ArrayLike | None = None,
    missing_price: Literal["carry", "raise"] = "carry",
    lot_size: int = 1,
    price_scale: int | None = None,
    risk_free: float = 0.0,
    periods_per_year: float = 252.0,
    quantity_scale: int = FRACTION_SCALE,
    max_gross: float = 10.0,
    reserve_costs: bool = True,
    cost_rounding: Literal["nearest", "floor"] = "nearest",
    rounding: Literal["target", "trade"] = "target",
) -> BacktestResult:
    """Simulate a schedule of target weights over daily bars, with exact integer money.

    The weights of a row are decided at the close of its session and filled once, by ``fill``; what does not fill
    lapses. A symbol whose weight is ``nan`` (``HOLD``) is left alone, a row of ``nan`` does not trade, 0 sells.
    Every rule is written down in ``docs/backtest.md``.

    Parameters
    ----------
    weights : array, Polars or pandas frame, or list of lists of pairs
        Targets as fractions of equity, one row a session, ``(n_dates, n_symbols)``; with ``rebalance``, one row a
        decision, ``(n_decisions, n_symbols)``. A frame is wide (a date column and one column a symbol) or long (date,
        symbol, weight) and its dates are the decisions. In lists of ``(symbol, weight)`` pairs, as in long frames, a
        symbol that a row does not name is sold; ``None`` instead of a list holds everything.
    prices : PricePanel, array, Polars or pandas frame, or list of lists of pairs
        Bars. A plain array or wide frame holds closes, ``(n_dates, n_symbols)``; a long frame has date, symbol, close
        and optionally open, high, low, volume, dividend, split. Integers are cents, floats currency units; ``nan``
        where a symbol did not trade. Dividends and splits, where given, go with raw prices.
    dates : array-like of dates, optional
        Sessions of array or list prices.
    symbols : sequence of str, optional
        Columns of array prices.
    cash : float, default 1,000,000
        Initial cash, in currency units.
    rebalance : array-like, optional
        Sessions of the rows of ``weights``: indices or dates; or a mask over the sessions that picks rows.
    costs : CostModel, default free
        Commission, spread, impact and borrow.
    fill : {"next_open", "next_close", "same_close", "vwap_proxy"}, default "next_open"
        Open or close of the next session, mean of its open, high, low and close, or the very close of the decision,
        which is optimistic because nobody can trade a close already known.
    quantity : {"integer", "fractional"}, default "integer"
        Whole shares, or multiples of ``1 / quantity_scale``.
    cash_buffer : float, default 0
        Fraction of equity, within [0, 1), that targets leave in cash.
    no_trade_band : float, default 0
        Skip a symbol whose target is nearer than this fraction of equity to its weight; selling out is never skipped.
    max_turnover : float, optional
        Cap on half of what one row buys and sells, as a fraction of equity; all trades shrink by one factor.
    max_participation : float, optional
        Cap on each trade as a fraction of the average volume of the ``adv_window`` sessions before the fill.
    adv_window : int, default 21
        Sessions of the average volume.
    impact_window : int, default 21
        Sessions of the volatility used by impact.
    stops : Stops, optional
        Protective exits.
    delisting_return : float, mapping of str to float, or array of shape (n_symbols,), optional
        Return from the last close to the terminal payment, at least -1. A symbol without closes to the end of the
        data is closed on the session after its last one. ``None``: its last price is carried instead.
    missing_price : {"carry", "raise"}, default "carry"
        What to do when a held symbol has no close: value it at its last price, or refuse.
    lot_size : int, default 1
        Targets are multiples of this many quantity units.
    price_scale : int, optional
        Price units per currency unit; 100 for integer prices and 10,000 for floats.
    risk_free : float, default 0
        Risk-free return per session, for the metrics.
    periods_per_year : float, default 252
        Sessions of a year, for the metrics and for borrow.
    quantity_scale : int, default 10,000
        Quantity units per share when ``quantity`` is "fractional".
    max_gross : float, default 10
        Largest sum of absolute weights accepted in a row.
    reserve_costs : bool, default True
        Shrink purchases so that a long-only row that sums to at most 1 never takes cash below zero, costs included.
        ``False`` lets costs overdraw the cash.
    cost_rounding : {"nearest", "floor"}, default "nearest"
        How each cost becomes money units.
    rounding : {"target", "trade"}, default "target"
        Truncate the target position toward zero, or the trade that leads to it.

    Returns
    -------
    result : BacktestResult
        Equity, cash, holdings, trades, stop events, costs and metrics.

    Raises
    ------
    ShapeError
        If shapes do not fit, or the fill policy or stops need columns that the prices lack.
    PriceError
        If a price is zero, negative, infinite, below one price unit, or missing where ``missing_price="raise"``.
    WeightsError
        If a weight is infinite, a row exceeds ``max_gross``, or a symbol or date is unknown.
    QuantityError
        If a position or an amount of money does not fit 64 bits at these scales.
    ValidationError
        If an option is out of range, or dates or symbols repeat or are unsorted.

    Examples
    --------
    >>> import numpy as np
    >>> closes = np.array([[100.0, 50.0], [110.0, 50.0], [121.0, 45.0]])
    >>> weights = [[0.5, 0.5], [HOLD, HOLD], [HOLD, HOLD]]
    >>> result = backtest_weights(weights, closes, cash=10_000, fill="same_close")
    >>> result.equity.tolist(), result.holdings[-1].tolist()
    ([10000.0, 10500.0, 10550.0], [50.0, 100.0])
    """
    choices = {
        "fill": (fill, FILLS),
        "quantity": (quantity, ("integer", "fractional")),
        "missing_price": (missing_price, ("carry", "raise")),
        "cost_rounding": (cost_rounding, ("nearest", "floor")),
        "rounding": (rounding, ("target", "trade")),
    }
    for name, (word, words) in choices.items():
        one_of(name, word, words)
    check_models(costs, stops)
    bars = read_prices(prices, dates=dates, symbols=symbols)
    if 0 in bars.close.shape:
        raise ShapeError(f"prices has shape {bars.close.shape}: nothing to trade.", field="prices", allowed="not empty")
    scale = (
        bars.default_price_scale if price_scale is None else whole_number("price_scale", price_scale, low=1, high=10**9)
    )
    fraction = whole_number("quantity_scale", quantity_scale, low=1, high=10**9) if quantity == "fractional" else 1
    numbers = {
        "scale": scale / bars.default_price_scale if bars.in_cents else float(scale),
        "quantity_scale": float(fraction),
        "cash": money(cash, scale * fraction),
        "fill": FILLS.index(fill),
        "raises_missing": missing_price == "raise",
        "by_delta": rounding == "trade",
        "reserves": bool(reserve_costs),
        "invested": 1.0 - real_number("cash_buffer", cash_buffer, low=0.0, high=1.0, closed=False),
        "max_gross": real_number("max_gross", max_gross, low=0.0, high=1e6),
        "band": real_number("no_trade_band", no_trade_band, low=0.0, high=1.0),
        "max_turnover": -1.0 if max_turnover is None else real_number("max_turnover", max_turnover, low=0.0, high=1e6),
        "max_participation": -1.0
        if max_participation is None
        else real_number("max_participation", max_participation, low=0.0, high=1e6),
        "lot": whole_number("lot_size", lot_size, low=1, high=2**40),
        "volume_window": whole_number("adv_window", adv_window, low=1, high=100_000),
        "impact_window": whole_number("impact_window", impact_window, low=2, high=100_000),
        "periods_per_year": real_number("periods_per_year", periods_per_year, low=1e-6, high=1e9),
        "rounding": 0.5 if cost_rounding == "nearest" else 0.0,
        **cost_numbers(costs, scale, scale * fraction),
        **stop_numbers(stops),
    }
    check_columns(bars, fill, stops, needs_volume=max_participation is not None or costs.impact_coef > 0.0)
    schedule = read_weights(weights, bars, rebalance=rebalance)
    terminal = None if delisting_return is None else terminal_returns(delisting_return, bars)
    books = _simulate(schedule, bars, numbers, stops, terminal)
    return build_result(
        books, bars, price_scale=scale, quantity_scale=fraction, risk_free=risk_free, periods_per_year=periods_per_year
    )


def _simulate(
    schedule: Schedule,
    bars: Bars,
    numbers: Mapping[str, Any],
    stops: Stops | None,
    terminal: FloatArray | None,
) -> Books:
    n_dates, n_symbols = bars.close.shape
    room = kernel.TRADES_PER_CELL * n_symbols
    state = np.zeros((19, n_symbols), np.int64)
    state[8] = _NEVER
    tracks_changes = stops is not None and stops.atr_multiple is not None and stops.atr == "close_change"
    books = Books(
        sessions=np.zeros((n_dates, len(kernel.SESSION_COLUMNS)), np.int64),
        holdings=np.empty((n_dates, n_symbols), np.int64),
        trades=np.empty((room + min(len(schedule.weights) * n_symbols, _FIRST_TRADES), 4), np.int64),
        stops=np.empty((4 * n_symbols if stops else 0, 5), np.int64),
        initial_cash=numbers["cash"],
    )
    arrays: dict[str, Any] = {
        "weights": schedule.weights,
        "decision": schedule.decision,
        "close": bars.close,
        "open": bars.open,
        "high": bars.high,
        "low": bars.low,
        "volume": bars.volume,
        "holdings": books.holdings,
        "sessions": books.sessions,
        "trades": books.trades,
        "stops": books.stops,
        "state": state,
        "changes": np.zeros((stops.atr_period if stops and tracks_changes else 1, n_symbols), np.int64),
        "measures": np.zeros((4, n_symbols)),
        "log_returns": np.zeros(int(numbers["impact_window"])),
    }
    arrays.update(_actions(bars))
    if terminal is not None:
        arrays.update(_delistings(bars, terminal))
    engine = kernel.Engine(arrays, numbers)
    while (status := kernel.STATUS[engine.run()]) == "full":
        books.trades = _longer(books.trades)
        books.stops = _longer(books.stops)
        engine.tables(books.trades, books.stops)
    if status != "done":
        scale, max_gross = numbers["scale"], numbers["max_gross"]
        raise explain(status, engine.error(), schedule, bars, scale=scale, max_gross=max_gross)
    n_trades, n_stops = engine.counts()
    books.trades = books.trades[:n_trades]
    books.stops = books.stops[:n_stops]
    return books


def _longer(table: IntArray) -> IntArray:
    longer = np.empty((2 * len(table), table.shape[1]), np.int64)
    longer[: len(table)] = table
    return longer


def _actions(bars: Bars) -> dict[str, NDArray[Any]]:
    if bars.dividend is None and bars.split is None:
        return {}
    found = np.zeros(len(bars.dates), bool)
    arrays: dict[str, NDArray[Any]] = {}
    if bars.dividend is not None:
        found |= (bars.dividend > 0.0).any(axis=1)
        arrays["dividend"] = bars.dividend
    if bars.split is not None:
        found |= ((bars.split != 1.0) & ~np.isnan(bars.split)).any(axis=1)
        arrays["split"] = bars.split
    return arrays | {"action_row": found.astype(np.int64)}


def _delistings(bars: Bars, terminal: FloatArray) -> dict[str, NDArray[Any]]:
    n_dates = len(bars.dates)
    traded = ~np.isnan(bars.close)
    after = n_dates - np.argmax(traded[::-1], axis=0)
    ends = traded.any(axis=0) & (after < n_dates) & ~np.isnan(terminal)
    row = np.where(ends, after, -1).astype(np.int64)
    return {
        "delisting_row": row,
        "delistings": np.bincount(row[ends], minlength=n_dates).astype(np.int64),
        "terminal": terminal,
    }
