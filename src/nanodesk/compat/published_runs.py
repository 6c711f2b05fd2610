"""The published callback runner and equal-weight sweep, over the published portfolio."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nanodesk.compat import published_arguments as arguments
from nanodesk.compat.published_costs import CostModel
from nanodesk.compat.published_metrics import Metrics
from nanodesk.compat.published_portfolio import Portfolio

logger = logging.getLogger(__name__)

Targets = Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True, repr=False)
class BacktestResult:
    """What `run_backtest` returns.

    Parameters
    ----------
    portfolio : Portfolio
        After the last bar.
    metrics : Metrics or None
        None if no return was recorded.
    """

    portfolio: Portfolio
    metrics: Metrics | None

    def __repr__(self) -> str:
        sharpe = "None" if self.metrics is None else f"Some({self.metrics.sharpe})"
        return f"BacktestResult(returns={len(self.portfolio.returns())}, sharpe={sharpe})"


def run_backtest(
    strategy: Callable[[int, dict[str, int], Portfolio], Any],
    price_series: Any,
    initial_cash: Any,
    cost_model: Any,
    periods_per_year: Any = 252.0,
    risk_free: Any = 0.0,
    *,
    on_error: str = "ignore",
) -> BacktestResult:
    """Ask a function for target weights on every bar and trade to them at that bar's prices.

    Parameters
    ----------
    strategy : callable
        ``strategy(bar_index, prices, portfolio)`` returns a list of ``(symbol, weight)``. It gets a copy of the
        portfolio and of the prices. Symbols of more than eight bytes in its answer are dropped.
    price_series : list of dict of str to int
        Cents per share, one dict a bar.
    initial_cash : int
        Cents.
    cost_model : CostModel
        Charged on every fill.
    periods_per_year : float, default 252
        For annualising.
    risk_free : float, default 0
        Risk-free return per period.
    on_error : {"ignore", "raise"}, default "ignore"
        As published, a strategy that raises, or answers with something else than pairs, counts as having no targets
        on that bar, so that everything is sold; a ``RuntimeWarning`` tells it, and its traceback is logged.
        ``"raise"`` stops instead.

    Returns
    -------
    result : BacktestResult
        ``portfolio`` and ``metrics``.

    Raises
    ------
    TypeError
        If an argument has the wrong type, or, on request, an answer.
    ValueError
        If a symbol of the prices is longer than eight bytes, or ``on_error`` is unknown.

    Examples
    --------
    >>> result = run_backtest(
    ...     strategy=lambda bar, prices, portfolio: [("AAPL", 0.5), ("GOOG", 0.5)],
    ...     price_series=[{"AAPL": 150_00, "GOOG": 280_00}] * 252,
    ...     initial_cash=1_000_000_00,
    ...     cost_model=CostModel.zero(),
    ... )
    >>> result
    BacktestResult(returns=252, sharpe=Some(0.0))
    """
    if on_error not in ("ignore", "raise"):
        raise ValueError(f"on_error={on_error!r} must be 'ignore' or 'raise'.")
    bars = [_bar(bar) for bar in arguments.sequence(price_series, "price_series")]
    portfolio = Portfolio(initial_cash, cost_model)
    for index, prices in enumerate(bars):
        targets = _ask(strategy, index, prices, portfolio, on_error)
        portfolio.rebalance_simple(targets, list(prices.items()))
        portfolio.record_return(list(prices.items()))
    return BacktestResult(portfolio, portfolio.compute_metrics(periods_per_year, risk_free))


def _bar(bar: Any) -> dict[str, int]:
    if not isinstance(bar, dict):
        raise TypeError(f"argument 'price_series': '{type(bar).__name__}' object cannot be cast as 'dict'")
    name = "price_series"
    return {arguments.symbol(symbol, name): arguments.integer(price, name) for symbol, price in bar.items()}


def _ask(
    strategy: Callable[[int, dict[str, int], Portfolio], Any],
    index: int,
    prices: dict[str, int],
    portfolio: Portfolio,
    on_error: str,
) -> Targets:
    try:
        return _answer(strategy(index, dict(prices), portfolio.copy()))
    except Exception as error:
        if on_error == "raise":
            raise
        warnings.warn(f"the strategy failed on bar {index}, which has no targets: {error!r}", RuntimeWarning, 3)
        logger.exception("strategy failed, no targets on this bar", extra={"bar_index": index})
        return []


def _answer(answer: Any) -> Targets:
    """Checked pairs, without the symbols that are too long."""
    kept = [pair for pair in arguments.sequence(answer, "answer") if not _is_too_long(pair)]
    return arguments.pairs(kept, "answer", arguments.real)


def _is_too_long(pair: Any) -> bool:
    return (
        isinstance(pair, tuple)
        and len(pair) == 2
        and isinstance(pair[0], str)
        and len(pair[0].encode()) > arguments.MAX_SYMBOL_BYTES
    )


def sweep_equal_weight(
    n_params: Any,
    price_series: Any,
    initial_cash: Any,
    periods_per_year: Any = 12.0,
    risk_free: Any = 0.0,
) -> list[Metrics | None]:
    """Performance of the equal-weight strategy without costs, once per parameter.

    The strategy has no parameter, so that every run is the same; it is made once. Sweeps that vary something are
    `nanodesk.backtest.sweep.sweep`.

    Parameters
    ----------
    n_params : int
        Length of the answer.
    price_series : list of list of (str, int)
        Cents per share, one list a bar.
    initial_cash : int
        Cents.
    periods_per_year : float, default 12
        For annualising.
    risk_free : float, default 0
        Risk-free return per period.

    Returns
    -------
    metrics : list of Metrics or None
        ``n_params`` times the same.
    """
    count = arguments.unsigned(n_params, "n_params")
    name = "price_series"
    bars = [arguments.pairs(bar, name, arguments.integer) for bar in arguments.sequence(price_series, name)]
    portfolio = Portfolio(initial_cash, CostModel.zero())
    for bar in bars:
        portfolio.rebalance_simple([(symbol, 1.0 / len(bar)) for symbol, _ in bar], bar)
        portfolio.record_return(bar)
    return [portfolio.compute_metrics(periods_per_year, risk_free)] * count
