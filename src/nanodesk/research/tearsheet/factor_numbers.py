"""How the screen narrowed the universe, and how well scores ordered later returns."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanodesk.market.arrays import FloatArray
from nanodesk.metrics.stability import factor_correlation
from nanodesk.research.result import FactorReport, ResearchResult

IC_WINDOW = 12
"""Decisions in the rolling mean of the information coefficient."""

CORRELATION_CELLS = 40_000
"""Dates times names over which factors are correlated; longer histories are sampled evenly."""


def screen_numbers(result: ResearchResult) -> dict[str, Any] | None:
    """Names before and after each filter, on the last decision date and on average.

    Parameters
    ----------
    result : ResearchResult
        One run.

    Returns
    -------
    numbers : dict or None
        ``date`` of the last screen, ``steps`` (``kind``, ``entered``, ``left``, ``mean_entered``, ``mean_left``) and
        ``passed``, the count after the last filter per decision date; ``None`` without a filter.
    """
    funnel = result.funnel
    if not funnel or not funnel[-1]:
        return None
    kinds = [step.kind for step in funnel[-1]]
    alike = [screen for screen in funnel if [step.kind for step in screen] == kinds]
    steps = [
        {
            "kind": step.kind,
            "entered": step.entered,
            "left": step.left,
            "mean_entered": sum(screen[i].entered for screen in alike) / len(alike),
            "mean_left": sum(screen[i].left for screen in alike) / len(alike),
        }
        for i, step in enumerate(funnel[-1])
    ]
    return {
        "date": result.decision_dates[-1],
        "steps": steps,
        "decision_date": result.decision_dates,
        "passed": [screen[-1].left if screen else None for screen in funnel],
    }


def factor_numbers(result: ResearchResult) -> dict[str, Any] | None:
    """Information coefficients, decay, quantile returns and correlations of the factors.

    Parameters
    ----------
    result : ResearchResult
        One run.

    Returns
    -------
    numbers : dict or None
        ``date`` of the decisions, ``reports`` in the run's order (the composite last) and ``correlation``; ``None``
        without a factor.
    """
    if not result.factor_reports:
        return None
    return {
        "date": result.decision_dates,
        "ic_window": IC_WINDOW,
        "reports": [_report(report) for report in result.factor_reports],
        "correlation": _correlation(result),
    }


def _report(report: FactorReport) -> dict[str, Any]:
    return {
        "id": report.id,
        "ic_mean": report.ic_mean,
        "ic_t": report.ic_t,
        "icir": report.icir,
        "coverage": report.coverage,
        "autocorrelation": report.autocorrelation,
        "ic": report.ic,
        "ic_rolling": _rolling_mean(report.ic),
        "horizons": report.horizons,
        "ic_decay": report.ic_decay,
        "quantile_returns": report.quantile_returns,
    }


def _rolling_mean(values: FloatArray) -> FloatArray:
    """Mean of the finite values among the last ``IC_WINDOW``, where at least half of them are."""
    finite = np.isfinite(values)
    out = np.full(len(values), np.nan)
    for i in range(IC_WINDOW - 1, len(values)):
        seen = finite[i + 1 - IC_WINDOW : i + 1]
        if 2 * int(seen.sum()) >= IC_WINDOW:
            out[i] = values[i + 1 - IC_WINDOW : i + 1][seen].mean()
    return out


def _correlation(result: ResearchResult) -> dict[str, Any] | None:
    """Mean over decision dates of the rank correlation of each pair of factors among the screened names."""
    names = list(result.factor_values)
    if len(names) < 2 or not len(result.decision_dates):
        return None
    screened = np.isfinite(result.scores)
    columns = np.flatnonzero(screened.any(axis=0))
    if not len(columns):
        return None
    n_rows = max(min(len(screened), CORRELATION_CELLS // len(columns)), min(len(screened), 12))
    rows = np.unique(np.linspace(0, len(screened) - 1, n_rows).round().astype(np.int64))
    cells = np.ix_(rows, columns)
    values = {name: np.where(screened[cells], result.factor_values[name][cells], np.nan) for name in names}
    matrix = factor_correlation(values)
    np.fill_diagonal(matrix, 1.0)
    return {"id": names, "dates": len(rows), "matrix": matrix}
