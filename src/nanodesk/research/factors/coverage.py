"""The missing-value rule of every factor that reads a window."""

from __future__ import annotations

import math

import numpy as np

from nanodesk.market.arrays import FloatArray
from nanodesk.research.factors.base import Parameter, Parameters


def covered(score: FloatArray, observed: FloatArray, sessions: int, parameters: Parameters) -> FloatArray:
    """The score where enough of the window is observed, ``nan`` elsewhere.

    Parameters
    ----------
    score : ndarray of float64, shape (n_decisions, n_symbols)
        Values.
    observed : ndarray of float64, shape (n_decisions, n_symbols)
        Sessions of the window on which all series are known.
    sessions : int
        Length of the window.
    parameters : mapping
        Holds ``min_coverage``.

    Returns
    -------
    score : ndarray of float64, shape (n_decisions, n_symbols)
        ``nan`` where ``observed < needed(...)``. Sessions before the panel begins count as not observed.
    """
    return np.where(observed >= needed(sessions, float(parameters["min_coverage"])), score, np.nan)


def needed(sessions: int, share: float) -> int:
    """Least number of observed sessions: the share rounded up, never below two.

    Parameters
    ----------
    sessions : int
        Length of the window.
    share : float
        Least share of it.

    Returns
    -------
    count : int
        Sessions.

    Examples
    --------
    >>> needed(252, 0.8), needed(63, 0.8), needed(1, 1.0)
    (202, 51, 1)
    """
    return max(math.ceil(round(share * sessions, 9)), min(2, sessions))


def window(default: int, *, low: int, meaning: str = "sessions") -> Parameter:
    """A window length in sessions.

    Parameters
    ----------
    default : int
        Sessions where none are given.
    low : int
        Fewest sessions for which the formula is defined.
    meaning : str, default "sessions"
        Phrase for the list of factors.

    Returns
    -------
    parameter : Parameter
        From `low` to 2520 sessions, ten years.
    """
    return Parameter(default, low, 2520, meaning)


def min_coverage() -> Parameter:
    """The least observed share of a window.

    Returns
    -------
    parameter : Parameter
        0.8 by default: 202 of 252 sessions, 51 of 63.
    """
    return Parameter(0.8, 0.0, 1.0, "least observed share of the window")
