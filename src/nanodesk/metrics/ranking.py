"""Cross-sectional ranks: the one definition that scores, transforms and the information coefficient share."""

from __future__ import annotations

import numpy as np

from nanodesk.errors import ShapeError
from nanodesk.market.arrays import BoolArray, FloatArray
from nanodesk.metrics.kernels.ranks import average_ties

# Sorted together, so that values and order of 5,000 names stay in the second-level cache between sort and ranking.
ROWS_AT_ONCE = 16


def average_ranks(values: FloatArray, *, mask: BoolArray | None = None) -> FloatArray:
    """Rank of every value within its row, 1 for the smallest; ties share the mean of their ranks.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_columns)
        One cross-section per row; ``nan`` is missing.
    mask : ndarray of bool, shape (n_rows, n_columns), optional
        Cells that take part; the others count as missing.

    Returns
    -------
    ranks : ndarray of float64, shape (n_rows, n_columns)
        Ranks from 1 to the number of values in the row; ``nan`` where missing or outside the mask.

    Raises
    ------
    ShapeError
        If ``values`` is not a matrix or ``mask`` has another shape.

    Notes
    -----
    O(n log n) per row. The sort is NumPy's vectorised one; a compiled pass averages the ties.

    Examples
    --------
    >>> average_ranks(np.array([[3.0, 1.0, np.nan, 3.0]]))
    array([[2.5, 1. , nan, 2.5]])
    """
    present = masked(values, mask)
    ranks = np.empty_like(present)
    for start in range(0, len(present), ROWS_AT_ONCE):
        part = present[start : start + ROWS_AT_ONCE]
        order = np.argsort(part, axis=1).astype(np.int64, copy=False)
        average_ties(part, order, ranks[start : start + ROWS_AT_ONCE])
    return ranks


def masked(values: FloatArray, mask: BoolArray | None = None) -> FloatArray:
    """The values as a contiguous float64 matrix, ``nan`` outside the mask.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_columns)
        One cross-section per row; ``nan`` is missing.
    mask : ndarray of bool, shape (n_rows, n_columns), optional
        Cells that are kept; ``None`` keeps all.

    Returns
    -------
    values : ndarray of float64, shape (n_rows, n_columns)
        ``values`` itself where nothing had to change.

    Raises
    ------
    ShapeError
        If ``values`` is not a matrix or ``mask`` has another shape.

    Examples
    --------
    >>> masked(np.array([[1.0, 2.0]]), np.array([[True, False]]))
    array([[ 1., nan]])
    """
    matrix = np.ascontiguousarray(values, dtype=np.float64)
    if matrix.ndim != 2:
        raise ShapeError(
            f"values has {matrix.ndim} dimensions, expected 2 (rows x columns).", field="values", value=matrix.shape
        )
    if mask is None:
        return matrix
    if mask.shape != matrix.shape:
        raise ShapeError(
            f"mask has shape {mask.shape}, expected {matrix.shape} like values.", field="mask", value=mask.shape
        )
    return matrix if mask.all() else np.where(mask, matrix, np.nan)
