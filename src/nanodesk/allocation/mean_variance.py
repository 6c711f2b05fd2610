"""Portfolios on the efficient frontier: least variance, best trade-off, best Sharpe ratio.

All three hand a quadratic program to the cone solver in :mod:`nanodesk.allocation.cone`; limits hold exactly.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.allocation import covariance as covariances
from nanodesk.allocation.cone import solve
from nanodesk.allocation.limits import NO_LIMITS, Limits
from nanodesk.allocation.optimum import optimum
from nanodesk.allocation.region import Region
from nanodesk.allocation.rows import Rows
from nanodesk.allocation.small_positions import hold_or_drop
from nanodesk.errors import InfeasibleError, ShapeError, ValidationError
from nanodesk.market.arrays import FloatArray
from nanodesk.market.finite import finite_array

LARGEST_SCALE = 1e3
"""How far below the largest possible excess return a dollar-neutral optimum may lie before it is stretched."""


def min_variance(covariance: ArrayLike, *, limits: Limits = NO_LIMITS, previous: ArrayLike | None = None) -> FloatArray:
    """The portfolio of least variance.

    Parameters
    ----------
    covariance : array_like of float, shape (n_names, n_names)
        Covariance of returns per period.
    limits : Limits, optional
        What may be held; ``limits.net_weight`` must not be 0, or the answer would be to hold nothing.
    previous : array_like of float, shape (n_names,), optional
        Weights held now, for ``limits.max_turnover``.

    Returns
    -------
    weights : ndarray of float64, shape (n_names,)
        Weights; unique when the covariance is positive definite.

    Raises
    ------
    ValidationError
        If the covariance is not finite and symmetric.
    InfeasibleError
        If the limits contradict each other; names them.
    NotConvergedError
        If the solver did not reach its tolerance.

    References
    ----------
    Markowitz (1952), "Portfolio Selection", J. Finance 7(1).

    Examples
    --------
    >>> min_variance([[0.04, 0.0], [0.0, 0.01]]).round(6)
    array([0.2, 0.8])
    """
    matrix = covariances.checked(covariance)
    check_net(limits, "min_variance")
    region = limits.region(len(matrix), previous)
    nothing = np.zeros(len(matrix))
    return hold_or_drop(lambda part: optimum(part, nothing, matrix, preference=_crowding(matrix)), region)


def mean_variance(
    mean: ArrayLike,
    covariance: ArrayLike,
    *,
    risk_aversion: float = 1.0,
    limits: Limits = NO_LIMITS,
    previous: ArrayLike | None = None,
) -> FloatArray:
    """The portfolio of largest ``mean' w - risk_aversion * w' covariance w / 2``.

    Parameters
    ----------
    mean : array_like of float, shape (n_names,)
        Expected return per period.
    covariance : array_like of float, shape (n_names, n_names)
        Covariance of returns per period.
    risk_aversion : float, default 1.0
        Price of variance; 0 maximises the mean alone.
    limits : Limits, optional
        What may be held.
    previous : array_like of float, shape (n_names,), optional
        Weights held now, for ``limits.max_turnover``.

    Returns
    -------
    weights : ndarray of float64, shape (n_names,)
        Weights.

    Raises
    ------
    ValidationError
        If an input is not finite, shapes differ or ``risk_aversion`` is negative.
    InfeasibleError
        If the limits contradict each other; names them.
    NotConvergedError
        If the solver did not reach its tolerance.

    Examples
    --------
    >>> mean_variance([0.02, 0.01], [[0.04, 0.0], [0.0, 0.04]], risk_aversion=1.0).round(6)
    array([0.625, 0.375])
    """
    matrix, expected = _moments(mean, covariance)
    if not math.isfinite(risk_aversion) or risk_aversion < 0:
        raise ValidationError(
            f"risk_aversion={risk_aversion} must be finite and at least 0.",
            field="risk_aversion",
            value=risk_aversion,
            allowed=">= 0",
        )
    region = limits.region(len(matrix), previous)
    quadratic = risk_aversion * matrix if risk_aversion > 0 else None
    slope = risk_aversion * _crowding(matrix) - expected
    return hold_or_drop(lambda part: optimum(part, -expected, quadratic, preference=slope), region)


def max_sharpe(
    mean: ArrayLike,
    covariance: ArrayLike,
    *,
    risk_free: float = 0.0,
    limits: Limits = NO_LIMITS,
    previous: ArrayLike | None = None,
) -> FloatArray:
    """The portfolio of largest ``(mean' w - risk_free * sum(w)) / sqrt(w' covariance w)``.

    Solved as a quadratic program in ``y = w * kappa`` with unit excess return, to which every limit is carried over,
    so the limits hold exactly (Charnes and Cooper 1962). A dollar-neutral portfolio, whose Sharpe ratio does not
    depend on its size, is made as large as the limits allow.

    Parameters
    ----------
    mean : array_like of float, shape (n_names,)
        Expected return per period.
    covariance : array_like of float, shape (n_names, n_names)
        Covariance of returns per period.
    risk_free : float, default 0.0
        Risk-free return per period.
    limits : Limits, optional
        What may be held.
    previous : array_like of float, shape (n_names,), optional
        Weights held now, for ``limits.max_turnover``.

    Returns
    -------
    weights : ndarray of float64, shape (n_names,)
        Weights.

    Raises
    ------
    ValidationError
        If an input is not finite or shapes differ.
    InfeasibleError
        If the limits contradict each other, or no portfolio within them has a mean above ``risk_free``.
    NotConvergedError
        If the solver did not reach its tolerance.

    Examples
    --------
    >>> max_sharpe([0.02, 0.01], [[0.04, 0.0], [0.0, 0.01]]).round(6)
    array([0.333333, 0.666667])
    """
    matrix, expected = _moments(mean, covariance)
    if not math.isfinite(risk_free):
        raise ValidationError(
            f"risk_free={risk_free} must be finite.", field="risk_free", value=risk_free, allowed="a finite number"
        )
    region = limits.region(len(matrix), previous)
    excess = expected - risk_free
    return hold_or_drop(lambda part: _best_ratio(matrix, excess, part), region)


def _best_ratio(matrix: FloatArray, excess: FloatArray, region: Region) -> FloatArray:
    best = optimum(region, -excess, None)
    # Relative to the largest mean, so that a ratio of rounding errors is not taken for skill.
    if float(best @ excess) <= 1e-10 * float(np.abs(excess).max()):
        raise InfeasibleError(
            f"no portfolio within the limits has a mean above risk_free: the best excess is {best @ excess:.3g}.",
            field="mean",
            value=float(best @ excess),
            allowed="> 0",
            fix="Use min_variance on such dates.",
        )
    scale = float(np.abs(excess).max())
    variance = np.diag(matrix)
    program, kappa = region.homogeneous_program(matrix, -excess / np.sqrt(np.where(variance > 0, variance, 1.0)))
    unit = Rows()
    unit.add(np.arange(len(excess))[None, :], excess[None, :] / scale, 1.0, family="excess")
    program.equal.extend(unit)
    if region.net == 0.0:
        # The scale is free: bounded, so that the interior point does not run off along it.
        program.upper[kappa] = LARGEST_SCALE * scale / float(best @ excess)
    x = solve(program)
    if region.net != 0.0:
        return region.scaled(x[: len(excess)])
    return _stretched(x[: len(excess)] / x[kappa], region)


def _stretched(weights: FloatArray, region: Region) -> FloatArray:
    """The largest multiple of dollar-neutral ``weights`` within the region; they form an interval, so bisect."""
    low, high = 1.0, 2.0
    while region.violation(high * weights) <= 1e-15 and high < 1e12:
        low, high = high, 2.0 * high
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if region.violation(middle * weights) <= 1e-15 else (low, middle)
    return low * weights


def _crowding(matrix: FloatArray) -> FloatArray:
    """Covariance of each name with the inverse-variance portfolio: names high in it are seldom held."""
    variance = np.diag(matrix)
    weights = 1.0 / np.where(variance > 0, variance, variance[variance > 0].mean() if variance.any() else 1.0)
    crowding: FloatArray = matrix @ (weights / weights.sum())
    return crowding


def _moments(mean: ArrayLike, covariance: ArrayLike) -> tuple[FloatArray, FloatArray]:
    matrix = covariances.checked(covariance)
    expected = finite_array("mean", mean, ndim=1)
    if len(expected) != len(matrix):
        raise ShapeError(
            f"mean has {len(expected)} entries for {len(matrix)} names.",
            field="mean",
            value=expected.shape,
            allowed=f"({len(matrix)},)",
        )
    return matrix, expected


def check_net(limits: Limits, method: str) -> None:
    """Refuse a dollar-neutral portfolio where the least risk is to hold nothing.

    Parameters
    ----------
    limits : Limits
        Limits.
    method : str
        Name of the method, for the message.

    Raises
    ------
    ValidationError
        If ``limits`` ask for a net of 0 with a gross above 0.
    """
    if limits.net_weight == 0.0 and limits.gross > 0.0:
        raise ValidationError(
            f"{method} with net=0 holds nothing: the least risk of a dollar-neutral portfolio is zero.",
            field="net",
            value=0.0,
            allowed="not 0",
            fix="Give limits.net, for instance 1.0.",
        )
