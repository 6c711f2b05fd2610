"""Portfolios by the worst tail of historical returns: least CVaR, inverse CVaR, inverse CDaR."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.allocation.cone import Program, solve
from nanodesk.allocation.covariance import complete_sessions
from nanodesk.allocation.limits import NO_LIMITS, Limits
from nanodesk.allocation.mean_variance import check_net
from nanodesk.allocation.optimum import explain
from nanodesk.allocation.region import Region
from nanodesk.allocation.risk_parity import check_long
from nanodesk.allocation.score import fit
from nanodesk.allocation.small_positions import hold_or_drop
from nanodesk.errors import InfeasibleError, ValidationError
from nanodesk.market.arrays import FloatArray

SMALLEST_TAIL = 1e-8
"""A name that never lost counts as losing this much, so that its weight stays finite (specification 15)."""


def conditional_value_at_risk(returns: ArrayLike, *, alpha: float = 0.95) -> float:
    """Mean loss in the worst ``1 - alpha`` of sessions, a session at the edge counting in part.

    Parameters
    ----------
    returns : array_like of float, shape (n_sessions,)
        Returns of one portfolio.
    alpha : float, default 0.95
        Confidence level, within [0.5, 1).

    Returns
    -------
    cvar : float
        Loss as a fraction; positive when the tail loses.

    References
    ----------
    Rockafellar, Uryasev (2000), "Optimization of Conditional Value-at-Risk", J. Risk 2(3).

    Examples
    --------
    >>> round(conditional_value_at_risk([-0.04, -0.02, 0.01, 0.03], alpha=0.5), 6)
    0.03
    """
    _check_alpha(alpha)
    losses = np.sort(-np.asarray(returns, dtype=np.float64))[::-1]
    tail = (1.0 - alpha) * len(losses)
    share = np.clip(tail - np.arange(len(losses)), 0.0, 1.0)
    return float(share @ losses) / tail


def min_cvar(
    returns: ArrayLike, *, alpha: float = 0.95, limits: Limits = NO_LIMITS, previous: ArrayLike | None = None
) -> FloatArray:
    """The portfolio of least conditional value at risk over the sessions given.

    Parameters
    ----------
    returns : array_like of float, shape (n_sessions, n_names)
        Historical returns per period; sessions with any ``nan`` are left out.
    alpha : float, default 0.95
        Confidence level, within [0.5, 1): the mean of the worst ``1 - alpha`` of sessions is minimised.
    limits : Limits, optional
        What may be held; ``limits.net_weight`` must not be 0.
    previous : array_like of float, shape (n_names,), optional
        Weights held now, for ``limits.max_turnover``.

    Returns
    -------
    weights : ndarray of float64, shape (n_names,)
        Weights. The optimal CVaR is unique; the weights need not be, and then a central optimum is returned.

    Raises
    ------
    ValidationError
        If ``alpha`` is out of range or fewer than two complete sessions remain.
    InfeasibleError
        If the limits contradict each other; names them.
    NotConvergedError
        If the solver did not reach its tolerance.

    References
    ----------
    Rockafellar, Uryasev (2000), "Optimization of Conditional Value-at-Risk", J. Risk 2(3).
    """
    _check_alpha(alpha)
    check_net(limits, "cvar")
    history = complete_sessions(returns)
    return hold_or_drop(lambda part: _least_tail(history, alpha, part), limits.region(history.shape[1], previous))


def _least_tail(history: FloatArray, alpha: float, region: Region) -> FloatArray:
    """Minimise ``level + sum(excess) / ((1 - alpha) n)`` with ``excess >= loss - level`` and ``excess >= 0``."""
    n_sessions, n_names = history.shape
    # Losses near 1 keep every row of the program on one scale.
    history = history / (float(np.abs(history).max()) or 1.0)
    equal, at_most, level = region.rows()
    excess = level + 1 + np.arange(n_sessions)
    names = np.broadcast_to(np.arange(n_names), (n_sessions, n_names))
    at_most.add(
        np.column_stack([names, np.full(n_sessions, level), excess]),
        np.column_stack([-history, np.full((n_sessions, 2), -1.0)]),
        0.0,
        family="tail",
    )
    free = np.full(level - n_names + 1, np.inf)
    program = Program(
        linear=np.concatenate([np.zeros(level), [1.0], np.full(n_sessions, 1.0 / ((1.0 - alpha) * n_sessions))]),
        lower=np.concatenate([region.lower, -free, np.zeros(n_sessions)]),
        upper=np.concatenate([region.upper, free, np.full(n_sessions, np.inf)]),
        equal=equal,
        at_most=at_most,
    )
    try:
        return solve(program)[:n_names]
    except InfeasibleError:
        raise explain(region) from None


def inverse_cvar(
    returns: ArrayLike, *, alpha: float = 0.95, limits: Limits = NO_LIMITS, previous: ArrayLike | None = None
) -> FloatArray:
    """Weights in proportion to one over each name's own tail loss.

    The tail loss is the mean of the ``ceil((1 - alpha) * n_sessions)`` largest of ``max(-return, 0)``.

    Parameters
    ----------
    returns : array_like of float, shape (n_sessions, n_names)
        Historical returns per period; sessions with any ``nan`` are left out.
    alpha : float, default 0.95
        Confidence level, within [0.5, 1).
    limits : Limits, optional
        What may be held; the weights are made to fit by :func:`nanodesk.allocation.score.fit`.
    previous : array_like of float, shape (n_names,), optional
        Weights held now, for ``limits.max_turnover``.

    Returns
    -------
    weights : ndarray of float64, shape (n_names,)
        Weights.

    Raises
    ------
    ValidationError
        If ``alpha`` is out of range or fewer than two complete sessions remain.
    InfeasibleError
        If the limits contradict each other.

    Examples
    --------
    >>> inverse_cvar([[-0.01, -0.03], [0.02, 0.02]]).round(6)
    array([0.75, 0.25])
    """
    _check_alpha(alpha)
    check_long(limits, "inverse_cvar")
    losses = np.maximum(-complete_sessions(returns), 0.0)
    return fit(1.0 / _tail_mean(losses, alpha), limits=limits, previous=previous)


def inverse_cdar(
    returns: ArrayLike, *, alpha: float = 0.95, limits: Limits = NO_LIMITS, previous: ArrayLike | None = None
) -> FloatArray:
    """Weights in proportion to one over each name's conditional drawdown at risk.

    That is the mean of the ``ceil((1 - alpha) * n_sessions)`` largest drawdowns of the name held alone; the peak
    starts at the value before the first session.

    Parameters
    ----------
    returns : array_like of float, shape (n_sessions, n_names)
        Historical returns per period; sessions with any ``nan`` are left out.
    alpha : float, default 0.95
        Confidence level, within [0.5, 1).
    limits : Limits, optional
        What may be held; the weights are made to fit by :func:`nanodesk.allocation.score.fit`.
    previous : array_like of float, shape (n_names,), optional
        Weights held now, for ``limits.max_turnover``.

    Returns
    -------
    weights : ndarray of float64, shape (n_names,)
        Weights.

    Raises
    ------
    ValidationError
        If ``alpha`` is out of range or fewer than two complete sessions remain.
    InfeasibleError
        If the limits contradict each other.

    References
    ----------
    Chekhlov, Uryasev, Zabarankin (2005), "Drawdown Measure in Portfolio Optimization", IJTAF 8(1).

    Examples
    --------
    >>> inverse_cdar([[-0.1, -0.2], [0.0, 0.0]]).round(6)
    array([0.666667, 0.333333])
    """
    _check_alpha(alpha)
    check_long(limits, "inverse_cdar")
    value = np.cumprod(np.maximum(1.0 + complete_sessions(returns), 0.0), axis=0)
    peak = np.maximum.accumulate(np.maximum(value, 1.0), axis=0)
    return fit(1.0 / _tail_mean(1.0 - value / peak, alpha), limits=limits, previous=previous)


def _tail_mean(losses: FloatArray, alpha: float) -> FloatArray:
    # (1 - 0.95) * 20 is 1.0000000000000009 in binary; without the rounding it would count two sessions.
    count = max(1, math.ceil(round((1.0 - alpha) * len(losses), 9)))
    tail: FloatArray = np.sort(losses, axis=0)[-count:].mean(axis=0)
    return np.maximum(tail, SMALLEST_TAIL)


def _check_alpha(alpha: float) -> None:
    if not 0.5 <= alpha < 1.0:
        raise ValidationError(
            f"alpha={alpha} must lie within [0.5, 1).", field="alpha", value=alpha, allowed="[0.5, 1)", fix="Try 0.95."
        )
