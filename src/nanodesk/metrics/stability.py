"""Steadiness of a score: how much of it is there, how fast it turns over, how far it repeats another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nanodesk.market.arrays import BoolArray, FloatArray
from nanodesk.metrics.information import known_mean, quantiles_of, rank_ic
from nanodesk.metrics.ranking import masked


def coverage(scores: FloatArray, *, mask: BoolArray | None = None) -> FloatArray:
    """Share of names with a value, per row.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` is missing.
    mask : ndarray of bool, shape (n_rows, n_symbols), optional
        Names that should have one; all by default.

    Returns
    -------
    share : ndarray of float64, shape (n_rows,)
        From 0 to 1; ``nan`` on a row without names.

    Examples
    --------
    >>> coverage(np.array([[1.0, np.nan, 2.0, np.nan]]))
    array([0.5])
    """
    wanted = np.full(len(scores), scores.shape[1]) if mask is None else mask.sum(axis=1)
    present = np.sum(~np.isnan(masked(scores, mask)), axis=1)
    return np.where(wanted > 0, present / np.maximum(wanted, 1), np.nan)


def rank_autocorrelation(scores: FloatArray, *, mask: BoolArray | None = None, lag: int = 1) -> FloatArray:
    """Rank correlation of the scores of one row with those some rows before, over the names both have.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` is missing.
    mask : ndarray of bool, shape (n_rows, n_symbols), optional
        Names that take part on each row.
    lag : int, default 1
        Rows between.

    Returns
    -------
    correlation : ndarray of float64, shape (n_rows - lag,)
        ``nan`` with fewer than three common names.

    Examples
    --------
    >>> rank_autocorrelation(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
    array([ 1., -1.])
    """
    kept = masked(scores, mask)
    return rank_ic(kept[lag:], kept[: max(len(kept) - lag, 0)])


def quantile_turnover(
    scores: FloatArray, quantile: int, n_quantiles: int = 5, *, mask: BoolArray | None = None
) -> FloatArray:
    """Share of a quantile's names that were not in it one row before.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` is missing.
    quantile : int
        From 1, the lowest scores.
    n_quantiles : int, default 5
        Groups.
    mask : ndarray of bool, shape (n_rows, n_symbols), optional
        Names that take part on each row.

    Returns
    -------
    turnover : ndarray of float64, shape (n_rows - 1,)
        From 0 to 1; ``nan`` where either row has no such group.
    """
    inside = quantiles_of(scores, n_quantiles, mask=mask) == quantile
    n = inside.sum(axis=1)
    new = np.sum(inside[1:] & ~inside[:-1], axis=1)
    return np.where((n[1:] > 0) & (n[:-1] > 0), new / np.maximum(n[1:], 1), np.nan)


def factor_correlation(values: Mapping[str, FloatArray], *, mask: BoolArray | None = None) -> FloatArray:
    """Mean over rows of the rank correlation of every two factors.

    Parameters
    ----------
    values : mapping of str to ndarray of float64, shape (n_rows, n_symbols)
        Factor values.
    mask : ndarray of bool, shape (n_rows, n_symbols), optional
        Names that take part.

    Returns
    -------
    correlation : ndarray of float64, shape (n_factors, n_factors)
        Symmetric, in the order of the mapping; ``nan`` where two factors never meet on three names.
    """
    matrices = list(values.values())
    out = np.full((len(matrices), len(matrices)), np.nan)
    for i, left in enumerate(matrices):
        for j in range(i, len(matrices)):
            out[i, j] = out[j, i] = known_mean(rank_ic(left, matrices[j], mask=mask))
    return out
