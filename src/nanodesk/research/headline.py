"""The few numbers of a run that every view shows: tear sheet, terminal and sweep take them from here."""

from __future__ import annotations

import numpy as np

from nanodesk.market.arrays import FloatArray
from nanodesk.metrics import holdings
from nanodesk.metrics.performance import PerformanceMetrics, compute_metrics
from nanodesk.research.result import ResearchResult


def benchmark_returns(result: ResearchResult) -> tuple[FloatArray | None, tuple[str, ...]]:
    """Benchmark returns without gaps, and what was done about gaps.

    Parameters
    ----------
    result : ResearchResult
        The run.

    Returns
    -------
    returns : ndarray of float64, shape (n_dates,), or None
        A missing return counts as zero; ``None`` without a benchmark, or where it has no return at all.
    notes : tuple of str
        One sentence where something is missing.
    """
    if result.benchmark_returns is None:
        return None, ()
    known = np.isfinite(result.benchmark_returns)
    missing = int((~known).sum())
    if missing == 0:
        return result.benchmark_returns, ()
    if missing == len(known):
        return None, (f"The benchmark {result.benchmark_name} has no return in this period and is left out.",)
    note = f"The benchmark {result.benchmark_name} has no return on {missing} sessions; they count as zero."
    return np.where(known, result.benchmark_returns, 0.0), (note,)


def benchmark_headline(result: ResearchResult) -> PerformanceMetrics | None:
    """Headline numbers of the benchmark over the same sessions.

    Parameters
    ----------
    result : ResearchResult
        The run.

    Returns
    -------
    metrics : PerformanceMetrics or None
        ``None`` without a benchmark.
    """
    returns, _ = benchmark_returns(result)
    if returns is None:
        return None
    return compute_metrics(returns, periods_per_year=result.periods_per_year, risk_free=result.risk_free)


def costs_bps_per_year(result: ResearchResult) -> dict[str, float]:
    """Costs by kind, as `nanodesk.metrics.holdings.costs_bps_per_year` defines them.

    Parameters
    ----------
    result : ResearchResult
        The run.

    Returns
    -------
    costs_bps : dict of str to float
        Basis points of equity a year.
    """
    backtest = result.backtest
    return holdings.costs_bps_per_year(
        backtest.costs,
        backtest.equity,
        initial_equity=backtest.initial_cash,
        periods_per_year=result.periods_per_year,
    )


def turnover_per_year(result: ResearchResult) -> float:
    """One-way turnover, as `nanodesk.metrics.holdings.annual_turnover` defines it.

    Parameters
    ----------
    result : ResearchResult
        The run.

    Returns
    -------
    turnover : float
        Fraction of equity a year.
    """
    return holdings.annual_turnover(result.backtest.turnover, periods_per_year=result.periods_per_year)
