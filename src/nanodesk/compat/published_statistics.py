"""The published rank correlation, quantile spread and time-series splits."""

from __future__ import annotations

import math

import numpy as np

from nanodesk.compat import published_arguments as arguments
from nanodesk.market.arrays import FloatArray


def spearman(x: object, y: object) -> tuple[float, float]:
    """Rank correlation with average ranks and its two-sided p-value.

    Parameters
    ----------
    x, y : sequence of float, length n
        Two variables.

    Returns
    -------
    correlation, p_value : float
        Both ``nan`` if the lengths differ, if ``n < 3``, if a value is ``nan`` or if a variable is constant.

    Notes
    -----
    The p-value is that of Student's t with ``n - 2`` degrees of freedom; 0 for a perfect correlation.

    Examples
    --------
    >>> spearman([1.0, 2.0, 2.0, 3.0], [1.0, 1.0, 4.0, 3.0])[0]
    0.5
    """
    left, right = arguments.reals(x, "x"), arguments.reals(y, "y")
    if len(left) != len(right) or len(left) < 3 or np.isnan(left).any() or np.isnan(right).any():
        return math.nan, math.nan
    correlation = _correlation(_average_ranks(left), _average_ranks(right))
    return correlation, _p_value(correlation, len(left) - 2)


def _average_ranks(values: FloatArray) -> FloatArray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: FloatArray = (last - (counts - 1) / 2.0)[inverse]
    return ranks


def _correlation(left: FloatArray, right: FloatArray) -> float:
    left, right = left - left.mean(), right - right.mean()
    scale = math.sqrt(float(left @ left) * float(right @ right))
    if scale == 0.0:
        return math.nan
    return min(max(float(left @ right) / scale, -1.0), 1.0)


def _p_value(correlation: float, freedom: int) -> float:
    from scipy.special import betainc

    if math.isnan(correlation):
        return math.nan
    rest = 1.0 - correlation * correlation
    # Student's t in terms of the incomplete beta function: df / (df + t^2) is 1 - r^2.
    return float(betainc(freedom / 2.0, 0.5, rest)) if rest > 0.0 else 0.0


def quintile_spread(scores: object, returns: object, n_quantiles: object = 5) -> float:
    """Mean return of the highest scores less that of the lowest.

    Parameters
    ----------
    scores, returns : sequence of float, length n
        A score and the later return of each asset, as a fraction.
    n_quantiles : int, default 5
        Number of groups; the outer two hold ``n // n_quantiles`` assets each, ties in the given order.

    Returns
    -------
    spread : float
        ``nan`` if the lengths differ, a score is ``nan``, or there are fewer assets than groups.

    Examples
    --------
    >>> quintile_spread([1.0, 2.0, 3.0, 4.0], [0.01, 0.02, 0.03, 0.05], 2)
    0.025
    """
    score, gain = arguments.reals(scores, "scores"), arguments.reals(returns, "returns")
    groups = arguments.unsigned(n_quantiles, "n_quantiles")
    if len(score) != len(gain) or not 1 <= groups <= len(score) or np.isnan(score).any():
        return math.nan
    size = len(score) // groups
    order = np.argsort(score, kind="stable")
    return float(gain[order[len(order) - size :]].mean() - gain[order[:size]].mean())


def time_series_split(n_samples: object, n_splits: object = 5) -> list[tuple[list[int], list[int]]]:
    """Growing training windows, each followed by a test window of the same length.

    Parameters
    ----------
    n_samples : int
        Number of observations.
    n_splits : int, default 5
        Number of folds; the tests are the last ``n_splits`` stretches of ``n_samples // (n_splits + 1)``.

    Returns
    -------
    folds : list of (list of int, list of int)
        Indices of training and test; empty for fewer than two folds or too few observations.

    Examples
    --------
    >>> time_series_split(5, 2)
    [([0, 1, 2], [3]), ([0, 1, 2, 3], [4])]
    """
    count, folds = arguments.unsigned(n_samples, "n_samples"), arguments.unsigned(n_splits, "n_splits")
    size = count // (folds + 1)
    if folds < 2 or size < 1:
        return []
    starts = range(count - folds * size, count, size)
    return [(list(range(start)), list(range(start, start + size))) for start in starts]
