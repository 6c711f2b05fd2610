"""Volatility forecasts by recursion, without fitting anything."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.market.arrays import FloatArray
from nanodesk.market.ranges import one_of, whole_number
from nanodesk.volatility.inputs import return_series

Mean = Literal["zero", "constant"]

SHOCK_WEIGHT = 0.08
"""Sum of the weights of past squared shocks (specification 14)."""
SHOCK_RATIO = 0.80
"""Weight of one shock lag relative to the lag before it."""
VARIANCE_WEIGHT = 0.90
"""Sum of the weights of past variances; what is left, 0.02, pulls towards the sample variance."""
VARIANCE_RATIO = 0.85
"""Weight of one variance lag relative to the lag before it."""
LEAST_VARIANCE = 1e-12
LEAST_PULL = 1e-6
MOST_LAGS = 8


def garch_ewma_forecast(returns: ArrayLike, p: int = 1, q: int = 1, mean: Mean = "zero") -> float:
    """One-step volatility forecast by a GARCH(p, q) recursion with fixed weights: the light default.

    ``h[t + 1] = 0.02 * v0 + sum(a[i] * shock[t - i]**2) + sum(b[j] * h[t - j])`` with ``a`` adding to 0.08 and ``b``
    to 0.90, both falling geometrically, from ``h[0] = v0``, the sample variance. The forecast is the square root of
    the variance that follows the last return; every shock enters once per lag.

    Parameters
    ----------
    returns : array_like of float, shape (n_sessions,)
        Returns per period, oldest first.
    p : int, default 1
        Lags of squared shocks, 1 to 8.
    q : int, default 1
        Lags of variance, 1 to 8.
    mean : {"zero", "constant"}, default "zero"
        Whether shocks are the returns or their deviations from the sample mean.

    Returns
    -------
    volatility : float
        Forecast for the next period, as a fraction per period.

    Raises
    ------
    ShapeError
        If fewer than two returns are given.
    ValidationError
        If a return is not finite, or ``p``, ``q`` or ``mean`` is out of range.

    See Also
    --------
    garch_ewma_forecast_published : The published function, which takes one step too many.

    Examples
    --------
    >>> round(garch_ewma_forecast([0.01, -0.004, 0.008, -0.002, 0.005]), 6)
    0.006167
    """
    for name, lags in (("p", p), ("q", q)):
        whole_number(name, lags, low=1, high=MOST_LAGS)
    one_of("mean", mean, ("zero", "constant"))
    series = return_series(returns)
    shocks = series - series.mean() if mean == "constant" else series
    return math.sqrt(_variances(shocks, int(p), int(q))[-1])


def garch_ewma_forecast_published(returns: ArrayLike, p: int = 1, q: int = 1, mean: str = "zero") -> float:
    """The forecast as published: one recursion step too many, so that the last shock counts twice.

    Kept for programs that pin its numbers; use :func:`garch_ewma_forecast`. Its answer is
    ``sqrt(omega + sum(a[i] * shock[T - i]**2) + sum(b[j] * h[T + 1 - j]))`` with lags from 1, where ``h[T]`` already
    is the forecast.

    Parameters
    ----------
    returns : array_like of float, shape (n_sessions,)
        Returns per period, oldest first. With fewer than two, or any not finite, the answer is their sample
        deviation, 0.0 where that is undefined.
    p, q : int, default 1
        Lags, moved into 1 to 8 and to no more than the number of returns.
    mean : str, default "zero"
        "constant" or "mean" subtracts the sample mean; anything else does not.

    Returns
    -------
    volatility : float
        Forecast per period.

    Examples
    --------
    >>> garch_ewma_forecast_published([0.01, -0.004, 0.008, -0.002, 0.005])
    0.0060816267429035795
    """
    series = np.ascontiguousarray(returns, dtype=np.float64)
    if series.ndim != 1:
        raise ShapeError(f"returns has shape {series.shape}, not (n_sessions,).", field="returns", value=series.shape)
    if len(series) < 2 or not np.isfinite(series).all():
        deviation = float(np.std(series, ddof=1)) if len(series) > 1 and np.isfinite(series).all() else 0.0
        return deviation if math.isfinite(deviation) else 0.0
    p = min(max(int(p), 1), MOST_LAGS, len(series))
    q = min(max(int(q), 1), MOST_LAGS, len(series))
    shocks = series - series.mean() if mean in ("constant", "mean") else series
    variances = _variances(shocks, p, q)
    return math.sqrt(_next_variance(shocks.tolist(), variances, _weights(p, q)))


def _variances(shocks: FloatArray, p: int, q: int) -> list[float]:
    """``h[0], ..., h[T]``; the last one is the variance that follows the last shock."""
    weights = _weights(p, q)
    known: list[float] = []
    variances = [max(float(np.var(shocks, ddof=1)), LEAST_VARIANCE)]
    for shock in shocks.tolist():
        known.append(shock)
        variances.append(_next_variance(known, variances, weights))
    return variances


def _weights(p: int, q: int) -> tuple[float, list[float], list[float]]:
    """Pull towards the first variance, weights of shocks and of variances, nearest lag first."""
    of_shocks = _lag_weights(SHOCK_WEIGHT, SHOCK_RATIO, p)
    of_variances = _lag_weights(VARIANCE_WEIGHT, VARIANCE_RATIO, q)
    return max(1.0 - sum(of_shocks) - sum(of_variances), LEAST_PULL), of_shocks, of_variances


def _lag_weights(total: float, ratio: float, lags: int) -> list[float]:
    raw = [ratio**lag for lag in range(lags)]
    return [total * weight / sum(raw) for weight in raw]


def _next_variance(
    shocks: list[float], variances: list[float], weights: tuple[float, list[float], list[float]]
) -> float:
    pull, of_shocks, of_variances = weights
    total = pull * variances[0]
    # Near the start there are fewer terms than lags; the missing ones are dropped.
    for lag in range(min(len(of_shocks), len(shocks))):
        total += of_shocks[lag] * shocks[-1 - lag] ** 2
    for lag in range(min(len(of_variances), len(variances))):
        total += of_variances[lag] * variances[-1 - lag]
    return max(total, LEAST_VARIANCE)


def riskmetrics_volatility(returns: ArrayLike, *, decay: float = 0.94) -> FloatArray:
    """Exponentially weighted volatility, each value known before the return it stands beside.

    ``v[t + 1] = decay * v[t] + (1 - decay) * returns[t]**2`` from ``v[0] = returns[0]**2``.

    Parameters
    ----------
    returns : array_like of float, shape (n_sessions,)
        Returns per period, oldest first.
    decay : float, default 0.94
        Weight of a session relative to the next one; 0.94 for daily and 0.97 for monthly returns.

    Returns
    -------
    volatility : ndarray of float64, shape (n_sessions + 1,)
        Forecasts per period: entry ``t`` uses returns before ``t``; the last one is for the period to come, and the
        first one, which has nothing before it, is ``nan``.

    Raises
    ------
    ShapeError
        If no return is given.
    ValidationError
        If a return is not finite or ``decay`` is not within (0, 1).

    References
    ----------
    J.P. Morgan/Reuters (1996), "RiskMetrics Technical Document", 4th ed., section 5.2.

    Examples
    --------
    >>> riskmetrics_volatility([0.01, 0.01])
    array([ nan, 0.01, 0.01])
    """
    series = return_series(returns, at_least=1)
    if not 0 < decay < 1:
        raise ValidationError(f"decay={decay} must lie within (0, 1).", field="decay", value=decay, allowed="(0, 1)")
    volatility = np.full(len(series) + 1, np.nan)
    variance = float(series[0]) ** 2
    volatility[1] = math.sqrt(variance)
    for t in range(1, len(series)):
        variance = decay * variance + (1.0 - decay) * float(series[t]) ** 2
        volatility[t + 1] = math.sqrt(variance)
    return volatility
