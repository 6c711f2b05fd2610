"""From the integer books of the engine to the result in currency units; what costs time is computed when read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nanodesk.backtest.bars import Bars
from nanodesk.backtest.result import BacktestResult, ExactLedger, StopTable, TradeTable
from nanodesk.market.arrays import FloatArray, IntArray
from nanodesk.metrics.performance import PerformanceMetrics


@dataclass(slots=True)
class Books:
    """Tables that the engine filled.

    Parameters
    ----------
    sessions : ndarray of int64, shape (n_dates, 9)
        Columns named by ``SESSION_COLUMNS`` of the kernel.
    holdings : ndarray of int64, shape (n_dates, n_symbols)
        Quantity units after each session.
    trades : ndarray of int64, shape (n_trades, 4)
        ``symbol * 8 + reason``, quantity, price, cost.
    stops : ndarray of int64, shape (n_stops, 5)
        Session, symbol, level, exit price, reason.
    initial_cash : int
        Money units.
    """

    sessions: IntArray
    holdings: IntArray
    trades: IntArray
    stops: IntArray
    initial_cash: int


def build_result(
    books: Books, bars: Bars, *, price_scale: int, quantity_scale: int, risk_free: float, periods_per_year: float
) -> BacktestResult:
    """The result of a finished simulation.

    Parameters
    ----------
    books : Books
        What the engine wrote.
    bars : Bars
        The prices it read.
    price_scale, quantity_scale : int
        Price units per currency unit, quantity units per share.
    risk_free : float
        Risk-free return per session.
    periods_per_year : float
        Sessions of a year.

    Returns
    -------
    result : BacktestResult
        In currency units and shares.
    """
    money = float(price_scale * quantity_scale)
    columns = np.ascontiguousarray(books.sessions.T)
    cash, equity, commission, spread, impact, borrow, income, traded, n_trades = columns
    before = np.concatenate([[books.initial_cash], equity[:-1]])
    alive = before > 0
    base = np.where(alive, before, 1)
    returns = np.where(alive, (equity - before) / base, 0.0)

    def metrics() -> PerformanceMetrics:
        from nanodesk.metrics.performance import compute_metrics

        return compute_metrics(returns, periods_per_year=periods_per_year, risk_free=risk_free)

    exact = ExactLedger(
        price_scale=price_scale,
        quantity_scale=quantity_scale,
        initial_cash=books.initial_cash,
        cash=cash,
        equity=equity,
        commission=commission,
        spread=spread,
        impact=impact,
        borrow=borrow,
        income=income,
        holdings=books.holdings,
        trades=books.trades,
        trade_counts=np.diff(n_trades, prepend=0),
    )
    costs = {"commission": commission, "spread": spread, "impact": impact, "borrow": borrow}
    return BacktestResult(
        dates=bars.dates,
        symbols=bars.symbols,
        initial_cash=books.initial_cash / money,
        equity=equity / money,
        cash=cash / money,
        returns=returns,
        holdings=lambda: books.holdings / quantity_scale,
        weights=lambda: _weights(exact, bars),
        symbol_returns=lambda: _symbol_returns(bars),
        trades=_trade_table(exact),
        stop_events=_stop_table(books.stops, price_scale),
        costs=lambda: {kind: paid / money for kind, paid in costs.items()},
        turnover=lambda: np.where(alive, traded / (2.0 * base), 0.0),
        metrics=metrics,
        income=income / money,
        exact=exact,
    )


def _trade_table(exact: ExactLedger) -> TradeTable:
    return TradeTable(
        row=lambda: exact.trade_row,
        symbol=lambda: exact.trade_symbol,
        quantity=lambda: exact.trade_quantity / exact.quantity_scale,
        price=lambda: exact.trade_price / exact.price_scale,
        notional=lambda: np.abs(exact.trade_quantity) * exact.trade_price / exact.money_scale,
        cost=lambda: exact.trade_cost / exact.money_scale,
        reason=lambda: (exact.trades[:, 0] & 7).astype(np.int8),
    )


def _stop_table(stops: IntArray, price_scale: int) -> StopTable:
    return StopTable(
        row=stops[:, 0].copy(),
        symbol=stops[:, 1].copy(),
        trigger_price=stops[:, 2] / price_scale,
        exit_price=stops[:, 3] / price_scale,
        reason=stops[:, 4].astype(np.int8),
    )


def _symbol_returns(bars: Bars) -> FloatArray:
    """Close to close, in terms of the share held before: splits multiply, dividends add."""
    returns = np.full(bars.close.shape, np.nan)
    now = bars.close[1:]
    if bars.split is not None:
        now = now * np.where(np.isnan(bars.split[1:]), 1.0, bars.split[1:])
    if bars.dividend is not None:
        now = now + np.nan_to_num(bars.dividend[1:])
    returns[1:] = now / bars.close[:-1] - 1.0
    return returns


def _weights(exact: ExactLedger, bars: Bars) -> FloatArray:
    value = exact.holdings * _marks(exact, bars)
    equity = exact.equity[:, None]
    weights: FloatArray = np.divide(value, equity, out=np.zeros(value.shape), where=equity != 0)
    return weights


def _marks(exact: ExactLedger, bars: Bars) -> IntArray:
    """Price units at which each holding was valued at each close: the close, else what was known before it."""
    scale = exact.price_scale / (bars.default_price_scale if bars.in_cents else 1.0)
    known = ~np.isnan(bars.close)
    units = np.maximum(np.where(known, bars.close, 0.0) * scale + 0.5, 1.0)
    marks: IntArray = units.astype(np.int64)
    if known.all():
        return marks
    ends = np.cumsum(exact.trade_counts)
    starts, symbols, prices = ends - exact.trade_counts, exact.trade_symbol, exact.trade_price
    last = np.zeros(len(bars.symbols), np.int64)
    for t in range(len(marks)):
        if bars.split is not None:
            _move_to_new_footing(last, bars.split[t])
        last[symbols[starts[t] : ends[t]]] = prices[starts[t] : ends[t]]
        np.copyto(last, marks[t], where=known[t])
        marks[t] = last
    return marks


def _move_to_new_footing(last: IntArray, split: FloatArray) -> None:
    at = np.flatnonzero((split != 1.0) & ~np.isnan(split) & (last > 0))
    last[at] = np.clip(last[at] / split[at] + 0.5, 1.0, 2.0**50).astype(np.int64)
