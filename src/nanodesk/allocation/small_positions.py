"""Positions too small to be worth holding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nanodesk.allocation.region import SLACK, Region
from nanodesk.errors import InfeasibleError
from nanodesk.market.arrays import BoolArray, FloatArray


def hold_or_drop(solve: Callable[[Region], FloatArray], region: Region) -> FloatArray:
    """Weights that are zero or at least ``region.min_weight``: solve, drop what is too small, solve again.

    Which names to hold is a choice among sets, for which no convex program exists; this is a heuristic. Each round
    drops every name below its minimum, or, where more names are held than the gross could fill at their minimum,
    the smallest ones beyond that number. Where no name can be dropped without breaking a limit, the names left are
    held at no less than their minimum. Equal weights are told apart by position, so the result repeats.

    Parameters
    ----------
    solve : callable
        Weights, shape (n_names,), for a region.
    region : Region
        Limits.

    Returns
    -------
    weights : ndarray of float64, shape (n_names,)
        Weights within the region, none of them too small.

    Raises
    ------
    InfeasibleError
        If no set of names this heuristic meets can be held at its minimum weights.
    """
    if region.is_empty:
        return np.zeros(region.n_names)
    weights = solve(region)
    if not region.min_weight.any():
        return weights
    excluded = np.zeros(region.n_names, dtype=np.bool_)
    while True:
        small = _too_small(weights, region)
        if not small.any():
            return np.where(np.abs(weights) <= SLACK, 0.0, weights)
        held = np.flatnonzero(np.abs(weights) > SLACK)
        ascending = held[np.lexsort((np.abs(weights[held]), ~small[held]))]
        n_dropped = _number_to_drop(ascending, small, region)
        dropped = _droppable(region, excluded, ascending, n_dropped)
        if dropped is None:
            return _held_at_minimum(solve, region, excluded, weights)
        excluded = dropped
        weights = solve(region.without(excluded))


def _too_small(weights: FloatArray, region: Region) -> BoolArray:
    size = np.abs(weights)
    return (size > SLACK) & (size < region.min_weight - SLACK)


def _number_to_drop(ascending: NDArray[np.intp], small: BoolArray, region: Region) -> int:
    gross = region.net if region.gross is None else region.gross
    filled = np.cumsum(region.min_weight[ascending[::-1]])
    most = int(np.searchsorted(filled, gross + SLACK, side="right"))
    return len(ascending) - most if len(ascending) > most else int(small.sum())


def _droppable(region: Region, excluded: BoolArray, ascending: NDArray[np.intp], n_dropped: int) -> BoolArray | None:
    """``excluded`` and the ``n_dropped`` smallest names, or fewer, so that the limits still allow a portfolio."""
    while n_dropped:
        trial = excluded.copy()
        trial[ascending[:n_dropped]] = True
        try:
            region.without(trial).check()
        except InfeasibleError:
            n_dropped -= 1
            continue
        return trial
    return None


def _held_at_minimum(
    solve: Callable[[Region], FloatArray], region: Region, excluded: BoolArray, weights: FloatArray
) -> FloatArray:
    long = ~excluded & (weights > SLACK)
    short = ~excluded & (weights < -SLACK)
    lower = np.where(long, region.min_weight, np.where(short, region.lower, 0.0))
    upper = np.where(short, -region.min_weight, np.where(long, region.upper, 0.0))
    if (lower > upper + SLACK).any():
        index = int(np.flatnonzero(lower > upper + SLACK)[0])
        raise InfeasibleError(
            f"min_weight={region.min_weight[index]:g} clashes with max_weight={region.upper[index]:g}.",
            field="min_weight",
            value=float(region.min_weight[index]),
            fix="Lower min_weight.",
        )
    floored = region.within(lower, upper)
    try:
        floored.check()
        return solve(floored)
    except InfeasibleError as error:
        raise InfeasibleError(
            f"min_weight cannot be held together with the other limits: {error}",
            field="min_weight",
            value=float(region.min_weight.max()),
            fix="Lower min_weight.",
        ) from error
