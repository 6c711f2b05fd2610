"""How returns move with a benchmark, and what is left beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.market.arrays import BoolArray, FloatArray
from nanodesk.metrics.performance import sharpe_ratio
from nanodesk.metrics.series import (
    checked_beside,
    checked_periods,
    checked_risk_free,
    checked_series,
    deviation,
)


@dataclass(frozen=True, slots=True)
class BenchmarkMetrics:
    """Regression on a benchmark and the active return against it; ``nan`` where a number is undefined.

    Parameters
    ----------
    alpha : float
        Yearly, as a fraction: the intercept times the sessions per year, arithmetic like the Sharpe ratio.
    alpha_t : float
        Student's t of the intercept, with ``n - 2`` degrees of freedom.
    beta : float
        Slope on the benchmark's excess return.
    correlation, r_squared : float
        Of the excess returns.
    tracking_error : float
        Yearly deviation (ddof 1) of the active return, as a fraction.
    information_ratio : float
        Yearly mean of the active return over the tracking error.
    up_capture, down_capture : float
        Geometric mean return in the sessions in which the benchmark rose, or fell, over that of the benchmark.
    treynor : float
        Yearly mean excess return over beta.
    """

    alpha: float
    alpha_t: float
    beta: float
    correlation: float
    r_squared: float
    tracking_error: float
    information_ratio: float
    up_capture: float
    down_capture: float
    treynor: float


def benchmark_metrics(
    returns: ArrayLike, benchmark: ArrayLike, *, periods_per_year: float = 252.0, risk_free: ArrayLike = 0.0
) -> BenchmarkMetrics:
    """Alpha, beta and the active return against a benchmark.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    benchmark : array_like of float, shape (n,)
        Simple returns of the benchmark on the same sessions.
    periods_per_year : float, default 252
        Sessions per year.
    risk_free : float or array_like of float, shape (n,), default 0
        Risk-free return per period, taken off both.

    Returns
    -------
    metrics : BenchmarkMetrics
        ``alpha_t`` needs three sessions and a fit that leaves something over.

    Raises
    ------
    ShapeError
        If the returns are empty or the lengths differ.
    ValidationError
        If a number is not finite.

    Notes
    -----
    Ordinary least squares of ``r - rf = a + b (m - rf) + e`` (Jensen 1968): ``alpha = a P``;
    ``alpha_t = a / (s sqrt(1 / n + mean(x)^2 / Sxx))`` with ``s^2 = sum(e^2) / (n - 2)``.
    Information ratio after Grinold & Kahn (2000), annualised; Treynor (1965), annualised; capture after
    Morningstar, per session rather than per year, which compounds a year of nothing but rises.

    Examples
    --------
    >>> metrics = benchmark_metrics([0.02, -0.02, 0.04], [0.01, -0.01, 0.02])
    >>> round(metrics.beta, 6), round(metrics.correlation, 6)
    (2.0, 1.0)
    """
    series = checked_series(returns)
    market = checked_beside(benchmark, series, field="benchmark")
    year = checked_periods(periods_per_year)
    free = checked_risk_free(risk_free, series)
    y = np.asarray(series - free, dtype=np.float64)
    x = np.asarray(market - free, dtype=np.float64)
    intercept, t, beta = _regression(x, y)
    correlation = _correlation(x, y)
    active = series - market
    return BenchmarkMetrics(
        alpha=intercept * year,
        alpha_t=t,
        beta=beta,
        correlation=correlation,
        r_squared=correlation**2,
        tracking_error=deviation(active) * math.sqrt(year),
        information_ratio=sharpe_ratio(active) * math.sqrt(year) if deviation(active) else math.nan,
        up_capture=_capture(series, market, market > 0.0),
        down_capture=_capture(series, market, market < 0.0),
        treynor=float(y.mean()) * year / beta if beta and math.isfinite(beta) else math.nan,
    )


def _regression(x: FloatArray, y: FloatArray) -> tuple[float, float, float]:
    """Intercept, its t and the slope."""
    if not deviation(x):
        return math.nan, math.nan, math.nan
    n = len(x)
    dx, dy = x - x.mean(), y - y.mean()
    sxx = float(dx @ dx)
    slope = float(dx @ dy) / sxx
    intercept = float(y.mean()) - slope * float(x.mean())
    residual = dy - slope * dx
    left_over = float(residual @ residual)
    # A perfect fit leaves rounding, and a t over rounding is noise.
    if n < 3 or left_over <= 1e-24 * float(dy @ dy):
        return intercept, math.nan, slope
    error = math.sqrt(left_over / (n - 2) * (1.0 / n + float(x.mean()) ** 2 / sxx))
    return intercept, intercept / error, slope


def _correlation(x: FloatArray, y: FloatArray) -> float:
    if not deviation(x) or not deviation(y):
        return math.nan
    dx, dy = x - x.mean(), y - y.mean()
    return max(-1.0, min(1.0, float(dx @ dy) / math.sqrt(float(dx @ dx) * float(dy @ dy))))


def _capture(series: FloatArray, market: FloatArray, chosen: BoolArray) -> float:
    if not chosen.any():
        return math.nan
    return _geometric_mean(series[chosen]) / _geometric_mean(market[chosen])


def _geometric_mean(values: FloatArray) -> float:
    if values.min() <= -1.0:
        return -1.0
    return math.expm1(float(np.log1p(values).mean()))
