"""How far and how long equity stood below its peak."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.market.arrays import Dates, FloatArray
from nanodesk.market.axes import DatesLike, increasing_sessions
from nanodesk.metrics.series import checked_series


@dataclass(frozen=True, slots=True)
class Drawdown:
    """One stretch below a peak, from the first session under water to the session that regains the peak.

    Parameters
    ----------
    depth : float
        Largest fraction below the peak; positive.
    peak : datetime64[D] or None
        Session of the peak; ``None`` if the peak is the initial equity.
    start : datetime64[D]
        First session under water.
    trough : datetime64[D]
        Session of the largest depth, the first if it occurs twice.
    recovery : datetime64[D] or None
        First session back at the peak; ``None`` if the series ends under water.
    sessions : int
        Sessions under water: from ``start`` up to, not including, ``recovery``.
    to_trough : int
        Sessions from the peak to the trough.
    to_recovery : int or None
        Sessions from the trough to the recovery.
    """

    depth: float
    peak: np.datetime64 | None
    start: np.datetime64
    trough: np.datetime64
    recovery: np.datetime64 | None
    sessions: int
    to_trough: int
    to_recovery: int | None


def drawdown_series(returns: ArrayLike) -> FloatArray:
    """Fraction below the running peak of wealth after each session.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.

    Returns
    -------
    depths : ndarray of float64, shape (n,)
        ``1 - W / running_max(W)`` with ``W = cumprod(1 + r)``; 0 at a peak, positive below it. The first peak is
        the initial equity, so that a loss in the first session counts.

    Raises
    ------
    ShapeError
        If the returns are empty or not one-dimensional.
    ValidationError
        If a return is not finite.

    Examples
    --------
    >>> drawdown_series([-0.5, 1.0, 0.5, -0.25])
    array([0.5 , 0.  , 0.  , 0.25])
    """
    wealth = np.multiply.accumulate(1.0 + checked_series(returns))
    peak = np.maximum(np.maximum.accumulate(wealth), 1.0)
    depths: FloatArray = 1.0 - wealth / peak
    return depths


def drawdown_table(returns: ArrayLike, dates: DatesLike, top: int | None = 10) -> tuple[Drawdown, ...]:
    """The deepest stretches below a peak, with their dates.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    dates : array_like of datetime64[D], shape (n,)
        Sessions, strictly increasing.
    top : int or None, default 10
        How many to return; ``None`` for all.

    Returns
    -------
    drawdowns : tuple of Drawdown
        Deepest first; of equal depth, the earlier first.

    Raises
    ------
    ShapeError
        If the lengths differ.
    ValidationError
        If a return is not finite, or dates are not strictly increasing.

    Examples
    --------
    >>> worst, = drawdown_table([0.1, -0.5, 1.0], ["2024-01-02", "2024-01-03", "2024-01-04"])
    >>> worst.depth, str(worst.peak), str(worst.recovery), worst.sessions
    (0.5, '2024-01-02', '2024-01-04', 1)
    """
    depths = drawdown_series(returns)
    sessions = increasing_sessions(dates, len(depths))
    found = [_episode(depths, sessions, first, last) for first, last in _stretches(depths)]
    return tuple(sorted(found, key=lambda drawdown: -drawdown.depth)[:top])


def average_drawdown(returns: ArrayLike) -> tuple[float, float]:
    """Mean depth and mean length of all stretches under water.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.

    Returns
    -------
    depth : float
        Mean of the largest depth of each stretch; 0 if there was none.
    sessions : float
        Mean number of sessions under water; 0 if there was none.

    Raises
    ------
    ShapeError
        If the returns are empty or not one-dimensional.
    ValidationError
        If a return is not finite.

    Notes
    -----
    The mean over episodes, as Sterling ratios use it, not over sessions; the latter is the pain index.

    Examples
    --------
    >>> average_drawdown([-0.5, 1.0, -0.25, 0.0])
    (0.375, 1.5)
    """
    depths = drawdown_series(returns)
    stretches = _stretches(depths)
    if not stretches:
        return 0.0, 0.0
    worst = [float(depths[first:last].max()) for first, last in stretches]
    lengths = [last - first for first, last in stretches]
    return math.fsum(worst) / len(worst), sum(lengths) / len(lengths)


def longest_drawdown(returns: ArrayLike) -> int:
    """Sessions of the longest stretch under water, recovered or not.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.

    Returns
    -------
    sessions : int
        0 if wealth never fell below a peak.

    Raises
    ------
    ShapeError
        If the returns are empty or not one-dimensional.
    ValidationError
        If a return is not finite.

    Examples
    --------
    >>> longest_drawdown([-0.1, 0.0, 0.2, -0.1])
    2
    """
    return max((last - first for first, last in _stretches(drawdown_series(returns))), default=0)


def ulcer_index(returns: ArrayLike) -> float:
    """Root mean square of the drawdown over all sessions.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.

    Returns
    -------
    ulcer : float
        ``sqrt(mean(D ** 2))``, as a fraction.

    Raises
    ------
    ShapeError
        If the returns are empty or not one-dimensional.
    ValidationError
        If a return is not finite.

    References
    ----------
    Martin, McCann (1989), "The Investor's Guide to Fidelity Funds".

    Examples
    --------
    >>> ulcer_index([-0.5, 1.0, 0.0, 0.0])
    0.25
    """
    return math.sqrt(float(np.mean(drawdown_series(returns) ** 2)))


def _stretches(depths: FloatArray) -> list[tuple[int, int]]:
    """First row and one past the last row of each run of positive depths."""
    under = np.concatenate(([False], depths > 0.0, [False]))
    edges = np.flatnonzero(under[1:] != under[:-1])
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def _episode(depths: FloatArray, dates: Dates, first: int, last: int) -> Drawdown:
    trough = first + int(np.argmax(depths[first:last]))
    recovered = last < len(depths)
    return Drawdown(
        depth=float(depths[trough]),
        peak=dates[first - 1] if first else None,
        start=dates[first],
        trough=dates[trough],
        recovery=dates[last] if recovered else None,
        sessions=last - first,
        to_trough=trough - first + 1,
        to_recovery=last - trough if recovered else None,
    )
