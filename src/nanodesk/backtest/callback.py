"""A strategy asked bar by bar, its answers traded at the prices of the bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.market.ranges import one_of
from nanodesk.metrics.performance import PerformanceMetrics, compute_metrics
from nanodesk.metrics.series import checked_periods
from nanodesk.portfolio.costs import CostModel
from nanodesk.portfolio.portfolio import Portfolio
from nanodesk.portfolio.quotes import Prices, Targets, checked_prices
from nanodesk.strategies.base import Strategy

Callback: TypeAlias = Callable[[int, dict[str, int], Portfolio], Targets]
"""A function that answers like ``Strategy.compute_weights``."""

OnError = Literal["raise", "flat"]


@dataclass(frozen=True, slots=True)
class StrategyFailure:
    """One bar in which the strategy failed and everything was closed.

    Parameters
    ----------
    bar_index : int
        Number of the bar, from 0.
    error : Exception
        What it raised, or what was wrong with its answer.
    """

    bar_index: int
    error: Exception


@dataclass(frozen=True, slots=True)
class CallbackResult(Mapping[str, Any]):
    """What ``run_backtest`` returns, by attribute or by key.

    Parameters
    ----------
    portfolio : Portfolio
        After the last bar.
    metrics : PerformanceMetrics
        Headline numbers of its returns.
    failures : tuple of StrategyFailure
        Bars in which the strategy failed; empty with ``on_error="raise"``.
    """

    portfolio: Portfolio
    metrics: PerformanceMetrics
    failures: tuple[StrategyFailure, ...] = ()

    def __getitem__(self, key: str) -> Any:
        if key not in _KEYS:
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(_KEYS)

    def __len__(self) -> int:
        return len(_KEYS)


def run_backtest(
    strategy: Strategy | Callback,
    price_series: Sequence[Prices],
    initial_cash: int,
    cost_model: CostModel,
    periods_per_year: float = 252.0,
    risk_free: float = 0.0,
    *,
    on_error: OnError = "raise",
) -> CallbackResult:
    """Ask a strategy for weights in each bar, and trade them at the prices of that bar.

    Parameters
    ----------
    strategy : Strategy or callable
        An object with ``compute_weights``, or a function of bar index, prices and portfolio.
    price_series : sequence of mappings of str to int, or of lists of pairs
        Price in cents of each symbol, one mapping a bar. A symbol that is missing from a bar did not trade: what is
        held of it keeps its last price.
    initial_cash : int
        In cents.
    cost_model : CostModel
        What trading and holding shorts costs.
    periods_per_year : float, default 252
        Sessions per year, for the metrics and the borrow fee.
    risk_free : float, default 0
        Risk-free return per bar, for the metrics.
    on_error : {"raise", "flat"}, default "raise"
        When the strategy fails or answers nonsense: let the error out, with the bar in its notes; or close everything
        in that bar, remember the error in ``failures`` and go on.

    Returns
    -------
    result : CallbackResult
        One return a bar; the first holds only the costs of the first trades.

    Raises
    ------
    ShapeError
        If there are no bars.
    PriceError
        If a price is not a positive integer.
    ValidationError
        If the answer of the strategy is no list of weights, or an option is unknown.

    Notes
    -----
    The strategy sees the very close at which it trades. That is the convention of the interface, and optimistic;
    ``backtest.weights`` fills at the next open by default. With ``fill="same_close"`` both agree to the cent.

    Examples
    --------
    >>> bars = [{"AAPL": 150_00, "GOOG": 280_00}, {"AAPL": 153_00, "GOOG": 280_00}]
    >>> result = run_backtest(lambda bar, prices, portfolio: [("AAPL", 0.5)], bars, 1_000_000_00, CostModel())
    >>> result.portfolio.returns().round(4), result["metrics"].num_periods
    (array([0.  , 0.01]), 2)
    """
    one_of("on_error", on_error, ("raise", "flat"))
    if not len(price_series):
        raise ShapeError("price_series is empty.", field="price_series", value=0, allowed="at least one bar")
    year = checked_periods(periods_per_year)
    decide = _decider(strategy)
    portfolio = Portfolio(initial_cash, cost_model)
    failures = []
    for bar_index, bar in enumerate(price_series):
        prices = _checked_bar(bar, bar_index)
        try:
            portfolio.rebalance_simple(decide(bar_index, dict(prices), portfolio.copy()), prices)
        except Exception as error:
            if on_error == "raise":
                error.add_note(f"in bar {bar_index} of the backtest")
                raise
            failures.append(StrategyFailure(bar_index, error))
            portfolio.rebalance_simple((), prices)
        portfolio.record_return(prices, periods_per_year=year)
    metrics = compute_metrics(portfolio.returns(), periods_per_year=year, risk_free=risk_free)
    return CallbackResult(portfolio, metrics, tuple(failures))


def _decider(strategy: Strategy | Callback) -> Callback:
    if isinstance(strategy, Strategy):
        return strategy.compute_weights
    if callable(strategy):
        return strategy
    raise ValidationError(
        f"strategy={strategy!r} has no compute_weights and cannot be called.",
        field="strategy",
        value=strategy,
        allowed="a Strategy or a function of bar index, prices and portfolio",
    )


def _checked_bar(bar: Prices, bar_index: int) -> dict[str, int]:
    try:
        return checked_prices(bar)
    except ValidationError as error:
        error.add_note(f"in bar {bar_index} of the price series")
        raise


_KEYS = tuple(item.name for item in fields(CallbackResult))
