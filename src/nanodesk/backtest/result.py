"""What every backtest returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from nanodesk.market.arrays import Dates, FloatArray, IntArray
from nanodesk.metrics.performance import PerformanceMetrics

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T")

REASONS = ("rebalance", "fixed_stop", "trailing_stop", "atr_stop", "delisting")
"""Why a fill happened; ``TradeTable.reason`` and ``StopTable.reason`` index it."""


class Derived(Generic[T]):
    """A field that takes a value, or a function of no arguments that is called when the field is first read."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, record: None, owner: type) -> Derived[T]: ...
    @overload
    def __get__(self, record: object, owner: type) -> T: ...
    def __get__(self, record: object | None, owner: type) -> T | Derived[T]:
        if record is None:
            raise AttributeError(self._name)  # tells dataclass that the field has no default
        value = record.__dict__[self._name]
        if callable(value):
            value = record.__dict__[self._name] = value()
        found: T = value
        return found

    def __set__(self, record: object, value: T | Callable[[], T]) -> None:
        record.__dict__[self._name] = value


class _Record:
    """Pickles as values: what was not computed yet is computed then."""

    def __getstate__(self) -> dict[str, Any]:
        return {item.name: getattr(self, item.name) for item in fields(self)}  # type: ignore[arg-type]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


@dataclass(frozen=True, eq=False, kw_only=True)
class TradeTable(_Record):
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

    row: Derived[IntArray] = Derived()
    symbol: Derived[IntArray] = Derived()
    quantity: Derived[FloatArray] = Derived()
    price: Derived[FloatArray] = Derived()
    notional: Derived[FloatArray] = Derived()
    cost: Derived[FloatArray] = Derived()
    reason: Derived[NDArray[np.int8]] = Derived()

    def __len__(self) -> int:
        return len(self.row)

    def to_polars(self, dates: Dates, symbols: Sequence[str]) -> pl.DataFrame:
        """One row a fill, with the session, the symbol and the reason by name.

        Parameters
        ----------
        dates : ndarray of datetime64[D], shape (n_dates,)
            Sessions of the backtest.
        symbols : sequence of str
            Symbols of the backtest.

        Returns
        -------
        frame : polars.DataFrame
            Columns date, symbol, quantity, price, notional, cost, reason.
        """
        import polars as pl

        return pl.DataFrame(
            {
                "date": dates[self.row],
                "symbol": np.asarray(symbols, dtype=object)[self.symbol],
                "quantity": self.quantity,
                "price": self.price,
                "notional": self.notional,
                "cost": self.cost,
                "reason": np.asarray(REASONS, dtype=object)[self.reason],
            },
            schema_overrides={"symbol": pl.String, "reason": pl.String},
        )


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

    def to_polars(self, dates: Dates, symbols: Sequence[str]) -> pl.DataFrame:
        """One row a stop, with the session, the symbol and the reason by name.

        Parameters
        ----------
        dates : ndarray of datetime64[D], shape (n_dates,)
            Sessions of the backtest.
        symbols : sequence of str
            Symbols of the backtest.

        Returns
        -------
        frame : polars.DataFrame
            Columns date, symbol, trigger_price, exit_price, reason.
        """
        import polars as pl

        return pl.DataFrame(
            {
                "date": dates[self.row],
                "symbol": np.asarray(symbols, dtype=object)[self.symbol],
                "trigger_price": self.trigger_price,
                "exit_price": self.exit_price,
                "reason": np.asarray(REASONS, dtype=object)[self.reason],
            },
            schema_overrides={"symbol": pl.String, "reason": pl.String},
        )


@dataclass(frozen=True, slots=True)
class ExactLedger:
    """The ledger as the engine kept it: integers, without rounding.

    A price unit is ``1 / price_scale`` of the currency, a quantity unit ``1 / quantity_scale`` of a share, and a
    money unit the product of the two. The books close exactly, session by session: the change of ``cash`` is
    ``income`` less the signed notional of the fills and the four costs.

    Parameters
    ----------
    price_scale, quantity_scale : int
        Price units per currency unit, quantity units per share.
    initial_cash : int
        Money units before the first session.
    cash, equity : ndarray of int64, shape (n_dates,)
        Money units at each close.
    commission, spread, impact, borrow : ndarray of int64, shape (n_dates,)
        Money units paid per session.
    income : ndarray of int64, shape (n_dates,)
        Dividends and fractions of shares from splits, in money units; negative for shorts.
    holdings : ndarray of int64, shape (n_dates, n_symbols)
        Quantity units after each session.
    trades : ndarray of int64, shape (n_trades, 4)
        ``symbol * 8 + reason``, signed quantity units, price units and cost in money units of every fill.
    trade_counts : ndarray of int64, shape (n_dates,)
        Fills per session.
    """

    price_scale: int
    quantity_scale: int
    initial_cash: int
    cash: IntArray
    equity: IntArray
    commission: IntArray
    spread: IntArray
    impact: IntArray
    borrow: IntArray
    income: IntArray
    holdings: IntArray
    trades: IntArray
    trade_counts: IntArray

    @property
    def money_scale(self) -> int:
        """Money units per currency unit."""
        return self.price_scale * self.quantity_scale

    @property
    def trade_row(self) -> IntArray:
        """Session of every fill."""
        return np.repeat(np.arange(len(self.trade_counts)), self.trade_counts)

    @property
    def trade_symbol(self) -> IntArray:
        """Column of every fill."""
        return self.trades[:, 0] >> 3

    @property
    def trade_quantity(self) -> IntArray:
        """Signed quantity units of every fill."""
        return self.trades[:, 1]

    @property
    def trade_price(self) -> IntArray:
        """Price units of every fill."""
        return self.trades[:, 2]

    @property
    def trade_cost(self) -> IntArray:
        """Commission, spread and impact of every fill, in money units."""
        return self.trades[:, 3]


@dataclass(frozen=True, eq=False, kw_only=True)
class BacktestResult(_Record, Mapping[str, Any]):
    """Equity, holdings, trades and costs of one backtest, by attribute or by key.

    A field may be given as a function of no arguments; it is then computed when it is first read.

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
        Change of equity over each session as a fraction; the first against ``initial_cash``. Zero once the equity
        is gone.
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
        One-way turnover: half of the notional bought and sold, as a fraction of the equity at the last close.
    metrics : PerformanceMetrics
        Headline numbers of ``returns``.
    income : ndarray of float64, shape (n_dates,), optional
        Dividends and cash for fractions of shares, in currency units.
    exact : ExactLedger, optional
        The same books in integers; ``None`` where the engine kept none.
    """

    dates: Dates
    symbols: tuple[str, ...]
    initial_cash: float
    equity: FloatArray
    cash: FloatArray
    returns: FloatArray
    holdings: Derived[FloatArray] = Derived()
    weights: Derived[FloatArray] = Derived()
    symbol_returns: Derived[FloatArray] = Derived()
    trades: TradeTable
    stop_events: StopTable
    costs: Derived[Mapping[str, FloatArray]] = Derived()
    turnover: Derived[FloatArray] = Derived()
    metrics: Derived[PerformanceMetrics] = Derived()
    income: FloatArray | None = None
    exact: ExactLedger | None = None

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
