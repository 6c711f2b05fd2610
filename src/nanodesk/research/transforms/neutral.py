"""Removing what a score owes to groups and to other columns, and filling what is missing from the group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nanodesk.market.arrays import BoolArray, FloatArray, IntArray
from nanodesk.metrics.ranking import masked
from nanodesk.research.transforms.cross_section import row_quantile

UNKNOWN = -1


def group_demean(values: FloatArray, mask: BoolArray, groups: IntArray) -> FloatArray:
    """Distance from the mean of the name's group in its row.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` is missing and stays so.
    mask : ndarray of bool, shape (n_rows, n_symbols)
        Names that take part.
    groups : ndarray of int64, shape (n_symbols,)
        Group number per symbol; -1 is unknown.

    Returns
    -------
    values : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` where the group is unknown; zero for a name alone in its group.
    """
    kept = masked(values, mask & (groups != UNKNOWN))
    out = np.full(kept.shape, np.nan)
    for group in np.unique(groups[groups != UNKNOWN]):
        inside = groups == group
        # Row-major, so that a row is summed in the same order whether or not others stand beside it.
        part = np.ascontiguousarray(kept[:, inside])
        n = np.maximum(np.sum(~np.isnan(part), axis=1, keepdims=True), 1)
        out[:, inside] = part - np.nansum(part, axis=1, keepdims=True) / n
    return out


def residuals(
    values: FloatArray, mask: BoolArray, covariates: Sequence[FloatArray], groups: IntArray | None = None
) -> FloatArray:
    """What least squares on groups and covariates leaves unexplained, row by row.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` is missing and stays so.
    mask : ndarray of bool, shape (n_rows, n_symbols)
        Names that take part.
    covariates : sequence of ndarray of float64, shape (n_rows, n_symbols)
        Regressors beside the intercept.
    groups : ndarray of int64, shape (n_symbols,), optional
        Group number per symbol: one intercept each; -1 is unknown.

    Returns
    -------
    values : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` where a covariate or the group is missing, and on rows with no more names than coefficients.

    Notes
    -----
    By Frisch, Waugh and Lovell the groups are taken out of both sides by demeaning, so the system solved has one
    unknown per covariate however many groups there are.
    """
    labels = np.zeros(values.shape[1], dtype=np.int64) if groups is None else groups
    usable = mask & ~np.isnan(values) & (labels != UNKNOWN)
    for covariate in covariates:
        usable = usable & ~np.isnan(covariate)
    target = group_demean(values, usable, labels)
    design = [group_demean(covariate, usable, labels) for covariate in covariates]
    out = np.full(values.shape, np.nan)
    for row in range(len(values)):
        names = np.flatnonzero(usable[row])
        if len(names) <= len(np.unique(labels[names])) + len(design):
            continue
        out[row, names] = target[row, names]
        if design:
            x = np.column_stack([column[row, names] for column in design])
            out[row, names] -= x @ np.linalg.lstsq(x, target[row, names], rcond=None)[0]
    return out


def group_median_fill(values: FloatArray, mask: BoolArray, groups: IntArray) -> FloatArray:
    """Give a missing name the median of its group in its row.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` is missing.
    mask : ndarray of bool, shape (n_rows, n_symbols)
        Names that take part.
    groups : ndarray of int64, shape (n_symbols,)
        Group number per symbol; -1 is unknown.

    Returns
    -------
    values : ndarray of float64, shape (n_rows, n_symbols)
        Still ``nan`` where the group is unknown or has no value.
    """
    out = masked(values, mask).copy()
    for group in np.unique(groups[groups != UNKNOWN]):
        inside = np.flatnonzero(groups == group)
        part = out[:, inside]
        out[:, inside] = np.where(np.isnan(part) & mask[:, inside], row_quantile(part, 0.5), part)
    return out


def zero_fill(values: FloatArray, mask: BoolArray) -> FloatArray:
    """Give a missing name the middle of a standardised row.

    Parameters
    ----------
    values : ndarray of float64, shape (n_rows, n_symbols)
        Standardised values, for which zero is the middle.
    mask : ndarray of bool, shape (n_rows, n_symbols)
        Names that take part.

    Returns
    -------
    values : ndarray of float64, shape (n_rows, n_symbols)
        ``nan`` outside the mask only; rows without any value stay ``nan``.
    """
    kept = masked(values, mask)
    some = ~np.isnan(kept).all(axis=1, keepdims=True)
    return np.where(np.isnan(kept) & mask & some, 0.0, kept)
