"""Transforms across the names of one row. Cells outside the mask take no part and come out as ``nan``."""

from __future__ import annotations

import numpy as np

from nanodesk.market.arrays import BoolArray, FloatArray
from nanodesk.metrics.ranking import average_ranks, masked

# Makes the median absolute deviation of a normal sample its standard deviation: 1 / Phi^-1(3/4).
MAD_TO_DEVIATION = 1.482602218505602
# The same for the mean absolute deviation: sqrt(pi / 2).
MEAN_AD_TO_DEVIATION = 1.2533141373155001


def row_quantile(values: FloatArray, share: float) -> FloatArray:
    """Quantile of each row, linear between neighbours.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` is missing.
    share : float
        From 0 to 1.

    Returns
    -------
    quantile : ndarray of float64, shape (n_rows, 1)
        ``nan`` on a row without values.

    Examples
    --------
    >>> row_quantile(np.array([[3.0, np.nan, 1.0, 2.0]]), 0.25)
    array([[1.5]])
    """
    return _quantile_of_sorted(np.sort(values, axis=1), share)


def _quantile_of_sorted(ordered: FloatArray, share: float) -> FloatArray:
    last = np.maximum(np.sum(~np.isnan(ordered), axis=1, keepdims=True) - 1, 0)
    position = share * last
    below = np.floor(position).astype(np.int64)
    low = np.take_along_axis(ordered, below, axis=1)
    high = np.take_along_axis(ordered, np.minimum(below + 1, last), axis=1)
    return np.asarray(low + (high - low) * (position - below))


def winsor_quantiles(values: FloatArray, mask: BoolArray, *, lo: float = 0.01, hi: float = 0.99) -> FloatArray:
    """Pull values beyond two quantiles of their row to those quantiles.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` is missing and stays so.
    mask : ndarray of bool, shape (n_rows, n_symbols)
        Names that take part.
    lo, hi : float, default 0.01 and 0.99
        Quantiles, from 0 to 1.

    Returns
    -------
    values : ndarray of float64, shape (n_rows, n_symbols)
        Between the two quantiles.
    """
    kept = masked(values, mask)
    ordered = np.sort(kept, axis=1)
    return np.clip(kept, _quantile_of_sorted(ordered, lo), _quantile_of_sorted(ordered, hi))


def winsor_mad(values: FloatArray, mask: BoolArray, *, mad: float) -> FloatArray:
    """Pull values beyond some robust deviations from the median of their row to that distance.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` is missing and stays so.
    mask : ndarray of bool, shape (n_rows, n_symbols)
        Names that take part.
    mad : float
        Multiple of the median absolute deviation, scaled by 1.4826 to agree with the deviation of a normal sample.

    Returns
    -------
    values : ndarray of float64, shape (n_rows, n_symbols)
        Within the distance; unchanged on a row whose median absolute deviation is zero.
    """
    kept = masked(values, mask)
    middle = row_quantile(kept, 0.5)
    reach = mad * MAD_TO_DEVIATION * row_quantile(np.abs(kept - middle), 0.5)
    reach = np.where(reach > 0.0, reach, np.inf)
    return np.clip(kept, middle - reach, middle + reach)


def zscore(values: FloatArray, mask: BoolArray, *, min_count: int = 3) -> FloatArray:
    """Distance from the mean of the row in sample deviations (ddof 1).

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` is missing and stays so.
    mask : ndarray of bool, shape (n_rows, n_symbols)
        Names that take part.
    min_count : int, default 3
        Fewest values of a row; with fewer the row is ``nan``.

    Returns
    -------
    score : ndarray of float64, shape (n_rows, n_symbols)
        Zero throughout on a row of equal values.
    """
    kept = _with_count(masked(values, mask), min_count)
    n = np.sum(~np.isnan(kept), axis=1, keepdims=True)
    centre = np.nansum(kept, axis=1, keepdims=True) / np.maximum(n, 1)
    distance = np.where(_is_level(kept), np.where(np.isnan(kept), np.nan, 0.0), kept - centre)
    deviation = np.sqrt(np.nansum(distance * distance, axis=1, keepdims=True) / np.maximum(n - 1, 1))
    return _divided(distance, deviation)


def robust_z(values: FloatArray, mask: BoolArray, *, min_count: int = 3) -> FloatArray:
    """Distance from the median of the row in robust deviations.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` is missing and stays so.
    mask : ndarray of bool, shape (n_rows, n_symbols)
        Names that take part.
    min_count : int, default 3
        Fewest values of a row; with fewer the row is ``nan``.

    Returns
    -------
    score : ndarray of float64, shape (n_rows, n_symbols)
        The deviation is 1.4826 times the median absolute deviation; where more than half the row is equal that is
        zero, and 1.2533 times the mean absolute deviation stands in. Zero throughout on a row of equal values.

    References
    ----------
    Iglewicz, Hoaglin (1993), "How to Detect and Handle Outliers".
    """
    kept = _with_count(masked(values, mask), min_count)
    distance = kept - row_quantile(kept, 0.5)
    away = np.abs(distance)
    n = np.maximum(np.sum(~np.isnan(kept), axis=1, keepdims=True), 1)
    median = MAD_TO_DEVIATION * row_quantile(away, 0.5)
    mean = MEAN_AD_TO_DEVIATION * np.nansum(away, axis=1, keepdims=True) / n
    return _divided(distance, np.where(median > 0.0, median, mean))


def rank(values: FloatArray, mask: BoolArray, *, min_count: int = 3) -> FloatArray:
    """Place in the row, evenly from just above -0.5 to just below 0.5.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` is missing and stays so.
    mask : ndarray of bool, shape (n_rows, n_symbols)
        Names that take part.
    min_count : int, default 3
        Fewest values of a row; with fewer the row is ``nan``.

    Returns
    -------
    score : ndarray of float64, shape (n_rows, n_symbols)
        ``(rank - 0.5) / n - 0.5`` with average ranks: ties share a place, the row sums to zero.

    Examples
    --------
    >>> rank(np.array([[30.0, 10.0, 20.0, np.nan, 40.0]]), np.ones((1, 5), dtype=bool))
    array([[ 0.125, -0.375, -0.125,    nan,  0.375]])
    """
    place = average_ranks(values, mask=mask)
    n = np.count_nonzero(~np.isnan(place), axis=1, keepdims=True)
    place -= 0.5
    place /= np.where(n >= min_count, n, np.nan)
    place -= 0.5
    return place


def gauss_rank(values: FloatArray, mask: BoolArray, *, min_count: int = 3) -> FloatArray:
    """Normal quantile of the place in the row.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` is missing and stays so.
    mask : ndarray of bool, shape (n_rows, n_symbols)
        Names that take part.
    min_count : int, default 3
        Fewest values of a row; with fewer the row is ``nan``.

    Returns
    -------
    score : ndarray of float64, shape (n_rows, n_symbols)
        ``Phi^-1((rank - 0.5) / n)``: about mean zero and deviation one, whatever the values.
    """
    from scipy.special import ndtri  # a tenth of a second to import: only where it is used

    return np.asarray(ndtri(rank(values, mask, min_count=min_count) + 0.5))


def clip(values: FloatArray, mask: BoolArray, *, lo: float, hi: float) -> FloatArray:
    """Pull values beyond two bounds to the bounds.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` is missing and stays so.
    mask : ndarray of bool, shape (n_rows, n_symbols)
        Names that take part.
    lo, hi : float
        Bounds; infinite for none.

    Returns
    -------
    values : ndarray of float64, shape (n_rows, n_symbols)
        Between the bounds.
    """
    return np.clip(masked(values, mask), lo, hi)


def scale(values: FloatArray, mask: BoolArray, *, gross: float = 1.0) -> FloatArray:
    """Stretch each row so that its absolute values sum to `gross`.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` is missing and stays so.
    mask : ndarray of bool, shape (n_rows, n_symbols)
        Names that take part.
    gross : float, default 1
        Sum of absolute values.

    Returns
    -------
    values : ndarray of float64, shape (n_rows, n_symbols)
        A row of zeros stays as it is.
    """
    kept = masked(values, mask)
    total = np.nansum(np.abs(kept), axis=1, keepdims=True)
    return np.asarray(kept * np.where(total > 0.0, gross / np.where(total > 0.0, total, 1.0), 1.0))


def _with_count(values: FloatArray, min_count: int) -> FloatArray:
    n = np.sum(~np.isnan(values), axis=1, keepdims=True)
    return np.where(n >= min_count, values, np.nan)


def _is_level(values: FloatArray) -> BoolArray:
    low = np.min(np.where(np.isnan(values), np.inf, values), axis=1, keepdims=True)
    high = np.max(np.where(np.isnan(values), -np.inf, values), axis=1, keepdims=True)
    return np.asarray(low == high)


def _divided(distance: FloatArray, deviation: FloatArray) -> FloatArray:
    spread = deviation > 0.0
    return np.where(spread, distance / np.where(spread, deviation, 1.0), np.where(np.isnan(distance), np.nan, 0.0))
