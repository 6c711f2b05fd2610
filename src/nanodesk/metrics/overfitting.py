"""How likely the best of many trials is best by luck alone."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.market.arrays import FloatArray
from nanodesk.market.finite import finite_array

_COMBINATIONS_AT_A_TIME = 512  # bounds the memory: one matrix of combinations by trials


def overfitting_probability(returns: ArrayLike, *, blocks: int = 16) -> float:
    """Probability of backtest overfitting by combinatorially symmetric cross-validation.

    Parameters
    ----------
    returns : array_like of float, shape (n_dates, n_trials)
        Simple returns of every trial on the same sessions, as fractions; at least two trials.
    blocks : int, default 16
        Even number of equal spans of time, at least 2 and at most ``n_dates / 2``; the oldest sessions that do not
        fill a span are left out.

    Returns
    -------
    probability : float
        Share of the ``C(blocks, blocks / 2)`` ways to halve the spans in which the trial that is best in one half
        ranks no better than the median in the other. 0.5 is what luck gives.

    Raises
    ------
    ShapeError
        If the returns are not a matrix of at least two trials.
    ValidationError
        If a return is not finite, or ``blocks`` is odd or out of range.

    Notes
    -----
    Trials are compared by their Sharpe ratio, 0 where one does not vary. Equal ratios share their mean rank; of
    several that are best in sample, the first is taken. 16 blocks are 12,870 ways.

    References
    ----------
    Bailey, Borwein, Lopez de Prado, Zhu (2017), "The Probability of Backtest Overfitting", J. Computational
    Finance 20(4).

    Examples
    --------
    >>> steady = np.tile([0.01, 0.012], 20)
    >>> overfitting_probability(np.column_stack([steady, steady - 0.005]), blocks=4)
    0.0
    """
    matrix = _checked_trials(returns)
    size = len(matrix) // _checked_blocks(blocks, len(matrix))
    spans = matrix[len(matrix) - size * blocks :].reshape(blocks, size, -1)
    # Around each trial's own mean, so that the sums of squares lose no digits.
    centre = spans.mean(axis=(0, 1))
    sums, squares = (spans - centre).sum(axis=1), ((spans - centre) ** 2).sum(axis=1)
    below = ways = 0
    for chosen in _halves(blocks):
        n = size * blocks // 2
        inside = _sharpe(chosen @ sums, chosen @ squares, centre, n)
        outside = _sharpe((1.0 - chosen) @ sums, (1.0 - chosen) @ squares, centre, n)
        best = outside[np.arange(len(chosen)), inside.argmax(axis=1)][:, None]
        rank = (outside < best).sum(axis=1) + (1.0 + (outside == best).sum(axis=1)) / 2.0
        below += int(np.count_nonzero(rank <= (outside.shape[1] + 1) / 2.0))
        ways += len(chosen)
    return below / ways


def _halves(blocks: int) -> list[FloatArray]:
    """Every choice of half the blocks as rows of 0 and 1, in batches."""
    chosen = np.array(list(itertools.combinations(range(blocks), blocks // 2)))
    mask = np.zeros((len(chosen), blocks))
    np.put_along_axis(mask, chosen, 1.0, axis=1)
    return np.array_split(mask, math.ceil(len(mask) / _COMBINATIONS_AT_A_TIME))


def _sharpe(sums: FloatArray, squares: FloatArray, centre: FloatArray, n: int) -> FloatArray:
    mean = sums / n
    variance = np.maximum(squares / n - mean**2, 0.0)
    # What is left of a constant trial is rounding.
    varies = variance > 1e-30 * np.maximum(centre**2, 1e-300)
    return np.asarray(np.divide(mean + centre, np.sqrt(variance), out=np.zeros_like(mean), where=varies))


def _checked_trials(returns: ArrayLike) -> FloatArray:
    matrix = finite_array("returns", returns, ndim=2)
    if matrix.shape[1] < 2:
        raise ShapeError(
            f"returns has {matrix.shape[1]} columns, expected at least two trials.",
            field="returns",
            value=matrix.shape,
            allowed="(n_dates, n_trials), n_trials >= 2",
        )
    return matrix


def _checked_blocks(blocks: int, n: int) -> int:
    whole = isinstance(blocks, (int, np.integer)) and not isinstance(blocks, bool)
    if not whole or blocks < 2 or blocks % 2 or blocks > n // 2:
        raise ValidationError(
            f"blocks={blocks!r} must be an even number from 2 to {n // 2}.",
            field="blocks",
            value=blocks,
            allowed=f"even, 2 to {n // 2}",
        )
    return blocks
