"""What every backtest returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nanodesk.metrics.performance import PerformanceMetrics

if TYPE_CHECKING:
    import polars as pl

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TradeTable:
    """Every fill of a backtest, one row a fill, in the order of execution.

    Parameters
    ----------
    row : ndarray of int64, shape (n_trades,)
        Session index of the fill.
    symbol : ndarray of int64, shape (n_trades,)
        Column index of the symbol.
    quantity : ndarray of float64, shape (n_trades,)
        Signed shares; positive buys.
    price : ndarray of float64, shape (n_trades,)
        Price before costs, in currency units.
    notional : ndarray of float64, shape (n_trades,)
        ``abs(quantity) * price``, in currency units.
    cost : ndarray of float64, shape (n_trades,)
        Commission, spread and impact of the fill together, in currency units.
    reason : ndarray of int8, shape (n_trades,)
        Index into ``REASONS``.
    """

    row: IntArray
    symbol: IntArray
    quantity: FloatArray
    price: FloatArray
    notional: FloatArray
    cost: FloatArray
    reason: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.row)


REASONS = ("rebalance", "fixed_stop", "trailing_stop", "atr_stop", "delisting")
"""Why a fill happened; ``TradeTable.reason`` and ``StopTable.reason`` index it."""


@dataclass(frozen=True, slots=True)
class StopTable:
    """Every stop that fired.

    Parameters
    ----------
    row : ndarray of int64, shape (n_stops,)
        Session index of the exit.
    symbol : ndarray of int64, shape (n_stops,)
        Column index of the symbol.
    trigger_price : ndarray of float64, shape (n_stops,)
        The stop level, in currency units.
    exit_price : ndarray of float64, shape (n_stops,)
        The price of the exit; beyond the level where the bar gapped through it.
    reason : ndarray of int8, shape (n_stops,)
        Index into ``REASONS``.
    """

    row: IntArray
    symbol: IntArray
    trigger_price: FloatArray
    exit_price: FloatArray
    reason: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True)
class BacktestResult(Mapping[str, Any]):
    """Equity, holdings, trades and costs of one backtest, by attribute or by key.

    Parameters
    ----------
    dates : ndarray of datetime64[D], shape (n_dates,)
        Sessions.
    symbols : tuple of str, length n_symbols
        Column order of every matrix.
    initial_cash : float
        Equity before the first session, in currency units.
    equity : ndarray of float64, shape (n_dates,)
        Cash plus market value at each close, in currency units.
    cash : ndarray of float64, shape (n_dates,)
        Cash at each close, in currency units.
    returns : ndarray of float64, shape (n_dates,)
        Change of equity over each session as a fraction; the first against ``initial_cash``.
    holdings : ndarray of float64, shape (n_dates, n_symbols)
        Signed shares after each session.
    weights : ndarray of float64, shape (n_dates, n_symbols)
        Market value of each holding at the close as a fraction of equity.
    symbol_returns : ndarray of float64, shape (n_dates, n_symbols)
        Close-to-close total return of each symbol; ``nan`` where unknown.
    trades : TradeTable
        Every fill.
    stop_events : StopTable
        Every stop that fired.
    costs : mapping of str to ndarray of float64, shape (n_dates,)
        Currency paid per session by kind: ``commission``, ``spread``, ``impact``, ``borrow``.
    turnover : ndarray of float64, shape (n_dates,)
        One-way traded notional per session as a fraction of equity.
    metrics : PerformanceMetrics
        Headline numbers of ``returns``.
    """

    dates: NDArray[np.datetime64]
    symbols: tuple[str, ...]
    initial_cash: float
    equity: FloatArray
    cash: FloatArray
    returns: FloatArray
    holdings: FloatArray
    weights: FloatArray
    symbol_returns: FloatArray
    trades: TradeTable
    stop_events: StopTable
    costs: Mapping[str, FloatArray]
    turnover: FloatArray
    metrics: PerformanceMetrics

    def __getitem__(self, key: str) -> Any:
        if key not in _RESULT_KEYS:
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(_RESULT_KEYS)

    def __len__(self) -> int:
        return len(_RESULT_KEYS)

    def to_polars(self) -> pl.DataFrame:
        """One row a session: date, equity, cash, return, turnover and costs by kind.

        Returns
        -------
        frame : polars.DataFrame
            ``n_dates`` rows.
        """
        import polars as pl

        columns: dict[str, Any] = {
            "date": self.dates,
            "equity": self.equity,
            "cash": self.cash,
            "return": self.returns,
            "turnover": self.turnover,
        }
        return pl.DataFrame(columns | {f"cost_{kind}": paid for kind, paid in self.costs.items()})


_RESULT_KEYS = tuple(item.name for item in fields(BacktestResult))
