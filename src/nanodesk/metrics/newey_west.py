"""Errors of means of autocorrelated series, by Newey and West."""

from __future__ import annotations

import math

import numpy as np

from nanodesk.errors import ValidationError
from nanodesk.market.arrays import FloatArray


def newey_west_lags(n: int) -> int:
    """Lags of a Newey-West variance by the usual rule, ``floor(4 (n / 100)^(2/9))``.

    Parameters
    ----------
    n : int
        Length of the sample.

    Returns
    -------
    lags : int
        Smaller than ``n``.

    References
    ----------
    Newey, West (1994), "Automatic Lag Selection in Covariance Matrix Estimation", Rev. Economic Studies 61(4).

    Examples
    --------
    >>> newey_west_lags(100), newey_west_lags(2520)
    (4, 8)
    """
    return min(max(n - 1, 0), math.floor(4.0 * math.pow(n / 100.0, 2.0 / 9.0)))


def long_run_variance(values: FloatArray, lags: int) -> float:
    """Variance of a series of mean zero with its autocovariances, by Bartlett weights: never negative.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Deviations from the mean, in order.
    lags : int
        Autocovariances counted, from 0 to ``n - 1``.

    Returns
    -------
    variance : float
        ``g_0 + 2 sum_l (1 - l / (L + 1)) g_l`` with the autocovariances ``g_l`` over n, no small-sample factor.

    References
    ----------
    Newey, West (1987), "A Simple, Positive Semi-definite, Heteroskedasticity and Autocorrelation Consistent
    Covariance Matrix", Econometrica 55(3).

    Examples
    --------
    >>> long_run_variance(np.array([1.0, -1.0, 1.0, -1.0]), 1)
    0.25
    """
    total = float(values @ values)
    for lag in range(1, lags + 1):
        total += 2.0 * (1.0 - lag / (lags + 1.0)) * float(values[lag:] @ values[:-lag])
    return max(0.0, total / len(values))


def newey_west_t(series: FloatArray, *, lags: int | None = None) -> float:
    r"""t statistic of the mean, with an error that allows for autocorrelation.

    Parameters
    ----------
    series : ndarray of float64, shape (n_rows,)
        Observations in order; ``nan`` is left out.
    lags : int, optional
        Bartlett lags; by default ``newey_west_lags(n)``. More than there are observations count as all.

    Returns
    -------
    t : float
        ``nan`` with fewer than two values or no variation.

    Raises
    ------
    ValidationError
        If `lags` is negative.

    Notes
    -----
    With :math:`\gamma_l` the autocovariance over n, the variance of the mean is
    :math:`(\gamma_0 + 2 \sum_l (1 - l / (L + 1)) \gamma_l) / n`; no small-sample factor.

    References
    ----------
    Newey, West (1987), Econometrica 55(3); lag rule: Newey, West (1994), Review of Economic Studies 61(4).

    Examples
    --------
    >>> round(newey_west_t(np.array([1.0, 2.0, 3.0, 2.0]), lags=0), 6)
    5.656854
    """
    if lags is not None and lags < 0:
        raise ValidationError(f"lags={lags} must not be negative.", field="lags", value=lags, allowed=">= 0")
    known = series[~np.isnan(series)]
    n = len(known)
    if n < 2 or np.ptp(known) == 0.0:
        return math.nan
    used = newey_west_lags(n) if lags is None else min(lags, n - 1)
    variance = long_run_variance(known - known.mean(), used)
    return float(known.mean()) / math.sqrt(variance / n) if variance > 0.0 else math.nan
