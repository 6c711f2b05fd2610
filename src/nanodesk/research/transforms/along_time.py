"""Transforms along the rows of each column. A row's result reads that row and earlier ones only."""

from __future__ import annotations

import numpy as np

from nanodesk.errors import ShapeError
from nanodesk.market.arrays import Dates, FloatArray


def forward_fill(values: FloatArray, limit: int) -> FloatArray:
    """Carry the last value over missing rows.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_columns)
        ``nan`` is missing.
    limit : int
        Most rows a value is carried.

    Returns
    -------
    values : ndarray of float64, shape (n_rows, n_columns)
        ``nan`` where the last value is older than `limit` rows.

    Examples
    --------
    >>> forward_fill(np.array([[1.0], [np.nan], [np.nan]]), 1).ravel()
    array([ 1.,  1., nan])
    """
    out = values.copy()
    age = np.zeros(values.shape[1], dtype=np.int64)
    for row in range(1, len(out)):
        age = np.where(np.isnan(values[row]), age + 1, 0)
        out[row] = np.where((age > 0) & (age <= limit), out[row - 1], values[row])
    return out


def align(values: FloatArray, dates: Dates, sessions: Dates, *, limit: int = 0) -> FloatArray:
    """Lay a matrix on the sessions of a calendar.

    Parameters
    ----------
    values : ndarray of float64, shape (n_dates, n_columns)
        One row per date.
    dates : ndarray of datetime64[D], shape (n_dates,)
        Increasing.
    sessions : ndarray of datetime64[D], shape (n_sessions,)
        Increasing; the rows of the result.
    limit : int, default 0
        Sessions that a value is carried forward over missing ones.

    Returns
    -------
    values : ndarray of float64, shape (n_sessions, n_columns)
        ``nan`` where a session is missing; dates that are no session are dropped.

    Raises
    ------
    ShapeError
        If `values` has not one row per date.
    """
    if len(values) != len(dates):
        raise ShapeError(
            f"values has {len(values)} rows, expected {len(dates)} like dates.", field="values", value=len(values)
        )
    out = np.full((len(sessions), values.shape[1]), np.nan)
    at = np.searchsorted(dates, sessions)
    found = at < len(dates)
    found[found] = dates[at[found]] == sessions[found]
    out[found] = values[at[found]]
    return forward_fill(out, limit)


def lagged(values: FloatArray, bars: int) -> FloatArray:
    """The value some rows before.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_columns)
        Any values.
    bars : int
        Rows back, not negative.

    Returns
    -------
    values : ndarray of float64, shape (n_rows, n_columns)
        ``nan`` on the first `bars` rows.
    """
    out = np.full(values.shape, np.nan)
    out[bars:] = values[: max(len(values) - bars, 0)]
    return out


def simple_return(newer: FloatArray, older: FloatArray) -> FloatArray:
    """``newer / older - 1``.

    Parameters
    ----------
    newer, older : ndarray of float64, shape (n_rows, n_columns)
        Prices; ``nan`` is missing.

    Returns
    -------
    change : ndarray of float64, shape (n_rows, n_columns)
        Fractions; ``nan`` where an end is missing.
    """
    return newer / older - 1.0


def log_return(newer: FloatArray, older: FloatArray) -> FloatArray:
    """``ln(newer / older)``.

    Parameters
    ----------
    newer, older : ndarray of float64, shape (n_rows, n_columns)
        Prices; ``nan`` is missing.

    Returns
    -------
    change : ndarray of float64, shape (n_rows, n_columns)
        ``nan`` where an end is missing.
    """
    return np.asarray(np.log(newer / older))


def rate_of_change(newer: FloatArray, older: FloatArray) -> FloatArray:
    """``100 (newer / older - 1)``, in per cent as chartists write it.

    Parameters
    ----------
    newer, older : ndarray of float64, shape (n_rows, n_columns)
        Prices; ``nan`` is missing.

    Returns
    -------
    change : ndarray of float64, shape (n_rows, n_columns)
        Per cent, not a fraction; ``nan`` where an end is missing.
    """
    return 100.0 * simple_return(newer, older)


def ewma(values: FloatArray, halflife: float) -> FloatArray:
    """Exponentially weighted mean of this and all earlier rows.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_columns)
        ``nan`` is missing.
    halflife : float
        Rows after which a weight has halved.

    Returns
    -------
    mean : ndarray of float64, shape (n_rows, n_columns)
        Weights ``0.5^(age / halflife)`` over the known values, scaled to sum to one; ``nan`` where this row's value is.
    """
    decay = 0.5 ** (1.0 / halflife)
    total, weight = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    out = np.full(values.shape, np.nan)
    for row, current in enumerate(values):
        known = ~np.isnan(current)
        total = total * decay + np.where(known, current, 0.0)
        weight = weight * decay + known
        out[row, known] = total[known] / weight[known]
    return out


def decay_linear(values: FloatArray, window: int) -> FloatArray:
    """Mean of the last rows, the newest weighing `window`, the oldest one.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_columns)
        ``nan`` is missing.
    window : int
        Rows.

    Returns
    -------
    mean : ndarray of float64, shape (n_rows, n_columns)
        Over the known values, weights scaled to sum to one; ``nan`` where this row's value is.
    """
    total, weight = np.zeros(values.shape), np.zeros(values.shape)
    for age in range(min(window, len(values))):
        earlier = lagged(values, age)
        known = ~np.isnan(earlier)
        total += np.where(known, (window - age) * earlier, 0.0)
        weight += (window - age) * known
    present = ~np.isnan(values)
    return np.where(present, total / np.where(present, weight, 1.0), np.nan)
