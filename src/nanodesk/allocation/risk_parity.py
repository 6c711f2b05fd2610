"""Portfolios in which every name carries its budget of the risk."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.allocation import covariance as covariances
from nanodesk.allocation.cone import solve
from nanodesk.allocation.limits import NO_LIMITS, Limits
from nanodesk.allocation.optimum import optimum
from nanodesk.allocation.region import Region
from nanodesk.allocation.small_positions import hold_or_drop
from nanodesk.errors import InfeasibleError, NotConvergedError, ShapeError, SolverError, ValidationError
from nanodesk.market.arrays import FloatArray
from nanodesk.market.finite import finite_array

NEWTON_STEPS = 100
SMALLEST_STEP = 1e-13
"""Relative step that ends the iteration; contributions are then equal to about 1e-13."""
LARGEST_LAST_STEP = 1e-5
"""Relative step below which a step that no longer halves shows that rounding has been reached."""
SHORTEST_STEP = 1e-10
"""Backtracking ends here."""
ROUNDING = 1e-14
"""Relative rounding of the objective: near the optimum full steps still gain, but the objective no longer shows it."""
START_SHARES = (1e-2, 1e-4, 1e-6)
"""Least start weight of a name, relative to its unlimited one, so that logarithms are finite; tried in turn."""


def risk_contributions(weights: ArrayLike, covariance: ArrayLike) -> FloatArray:
    """Share of the portfolio's variance that each name contributes, ``w * (C w) / (w' C w)``.

    Parameters
    ----------
    weights : array_like of float, shape (n_names,)
        Weights.
    covariance : array_like of float, shape (n_names, n_names)
        Covariance of returns.

    Returns
    -------
    contributions : ndarray of float64, shape (n_names,)
        Shares, adding to one; a hedge contributes less than zero. All zero when the portfolio has no variance.

    Examples
    --------
    >>> risk_contributions([0.5, 0.5], [[0.03, 0.0], [0.0, 0.01]])
    array([0.75, 0.25])
    """
    held = np.asarray(weights, dtype=np.float64)
    part: FloatArray = held * (np.asarray(covariance, dtype=np.float64) @ held)
    total = float(part.sum())
    return part / total if total > 0 else np.zeros_like(part)


def risk_parity(
    covariance: ArrayLike,
    *,
    budget: ArrayLike | None = None,
    limits: Limits = NO_LIMITS,
    previous: ArrayLike | None = None,
) -> FloatArray:
    """The long-only portfolio whose risk contributions equal the budget.

    Without limits that bind, the contributions match the budget to 1e-10. With them no such portfolio exists; then
    the result has the least ratio of volatility to the weighted geometric mean of the weights (the budgets are the
    exponents) among all portfolios within the limits. Without limits that is the same problem, so the result moves
    continuously as limits begin to bind.

    Parameters
    ----------
    covariance : array_like of float, shape (n_names, n_names)
        Covariance of returns per period; every variance is positive.
    budget : array_like of float, shape (n_names,), optional
        Positive share of the risk for each name, scaled to add to one; equal by default.
    limits : Limits, optional
        What may be held. Every name allowed gets a positive weight, so ``limits.net_weight`` must be positive.
    previous : array_like of float, shape (n_names,), optional
        Weights held now, for ``limits.max_turnover``.

    Returns
    -------
    weights : ndarray of float64, shape (n_names,)
        Weights; unique.

    Raises
    ------
    ValidationError
        If a variance or a budget is not positive, or the net weight is not.
    InfeasibleError
        If the limits contradict each other.
    NotConvergedError
        If the covariance is so close to singular that Newton's method stalls.

    References
    ----------
    Maillard, Roncalli, Teiletche (2010), "The Properties of Equally Weighted Risk Contribution Portfolios",
    J. Portfolio Management 36(4). Spinu (2013), "An Algorithm for Computing Risk Parity Weights", SSRN 2297383.
    Richard, Roncalli (2019), "Constrained Risk Budgeting Portfolios", arXiv:1902.05710.

    Examples
    --------
    >>> risk_parity([[0.04, 0.0], [0.0, 0.01]]).round(6)
    array([0.333333, 0.666667])
    """
    matrix = covariances.checked(covariance)
    check_long(limits, "risk_parity")
    shares = _budget(budget, matrix)
    region = limits.region(len(matrix), previous).long_part()
    return hold_or_drop(lambda part: _within(matrix, shares, part), region)


def check_long(limits: Limits, method: str) -> None:
    """Refuse a method that knows no shorts where the net weight is not positive.

    Parameters
    ----------
    limits : Limits
        Limits.
    method : str
        Name of the method, for the message.

    Raises
    ------
    ValidationError
        If the net weight is not positive while something is to be held.
    """
    if limits.net_weight <= 0.0 < limits.gross:
        raise ValidationError(
            f"{method} holds no shorts, so net={limits.net_weight:g} must be positive.",
            field="net",
            value=limits.net_weight,
            allowed="> 0",
            fix="Use long_only, or give limits.net.",
        )


def _budget(budget: ArrayLike | None, matrix: FloatArray) -> FloatArray:
    n = len(matrix)
    variance = np.diag(matrix)
    if not (variance > 0).all():
        index = int(np.flatnonzero(variance <= 0)[0])
        raise ValidationError(
            f"covariance[{index}, {index}]={variance[index]}: a name without risk cannot carry a share of it.",
            field="covariance",
            value=float(variance[index]),
            allowed="> 0",
        )
    if budget is None:
        return np.full(n, 1.0 / n)
    shares = finite_array("budget", budget, ndim=1)
    if len(shares) != n:
        raise ShapeError(
            f"budget has {len(shares)} entries for {n} names.",
            field="budget",
            value=shares.shape,
            allowed=f"{n} entries",
        )
    if (shares <= 0).any():
        index = int(np.argmax(shares <= 0))
        raise ValidationError(
            f"budget[{index}]={shares[index]} must be positive.",
            field="budget",
            value=float(shares[index]),
            allowed="> 0",
        )
    scaled: FloatArray = shares / shares.sum()
    return scaled


def _within(matrix: FloatArray, shares: FloatArray, region: Region) -> FloatArray:
    allowed = region.upper > 0
    weights = np.zeros(region.n_names)
    own = shares[allowed] / shares[allowed].sum()
    part = matrix[np.ix_(allowed, allowed)]
    weights[allowed] = _unlimited(part, own) * region.net
    if region.violation(weights) <= 1e-12:
        return weights
    weights[allowed] = _limited(part, own, region.restricted(allowed))
    return weights


def _unlimited(matrix: FloatArray, shares: FloatArray) -> FloatArray:
    """Newton's method on ``y' C y / 2 - shares' log(y)``, where C is the correlation matrix (Spinu 2013)."""
    deviation = np.sqrt(np.diag(matrix))
    correlation = matrix / deviation / deviation[:, None]
    diagonal = np.arange(len(shares))

    def newton_step(y: FloatArray) -> FloatArray:
        curvature = correlation.copy()
        curvature[diagonal, diagonal] += shares / y**2
        return np.asarray(np.linalg.solve(curvature, shares / y - correlation @ y), dtype=np.float64)

    start = np.sqrt(shares / np.abs(correlation.sum(axis=1)).mean())
    y = _descend(correlation, shares, start, newton_step) / deviation
    weights: FloatArray = y / y.sum()
    return weights


def _limited(matrix: FloatArray, shares: FloatArray, region: Region) -> FloatArray:
    """The same objective over multiples ``y = kappa * w`` of the region: each Newton step is a quadratic program."""
    scaled = matrix / np.diag(matrix).mean()
    start = _interior(matrix, shares, region)
    start /= float(np.sqrt(start @ scaled @ start))

    def newton_step(y: FloatArray) -> FloatArray:
        program, _ = region.homogeneous_program(scaled + np.diag(shares / y**2))
        # The expansion of -log(y) at the present point has slope -2 / y at zero.
        program.linear[: len(y)] = -2.0 * shares / y
        return solve(program)[: len(y)] - y

    return region.scaled(_descend(scaled, shares, start, newton_step))


def _interior(matrix: FloatArray, shares: FloatArray, region: Region) -> FloatArray:
    """A portfolio within the region with no weight at zero, near the unlimited one."""
    wanted = _unlimited(matrix, shares) * region.net
    # Divided by the wanted weights squared, a small weight resists as much as a large one.
    linear, quadratic = -1.0 / wanted, np.diag(1.0 / wanted**2)
    for share in (0.0, *START_SHARES):
        floor = np.maximum(region.lower, np.minimum(region.upper, share * wanted))
        try:
            near = optimum(region.within(floor, region.upper), linear, quadratic)
        except SolverError:
            continue  # a floor this high leaves no room, or none that an interior point method can stand in
        if (near > START_SHARES[-1] / 2 * wanted).all():
            return near
    raise InfeasibleError(
        "risk parity holds every name, for which the limits leave no room.",
        field="max_group" if region.previous is None else "max_turnover",
        fix="Loosen the limits, or exclude names by a max_weight of 0.",
    )


def _descend(
    matrix: FloatArray, shares: FloatArray, y: FloatArray, newton_step: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    """Newton's method with backtracking on ``y' matrix y / 2 - shares' log(y)``, which is convex."""

    def value(point: FloatArray) -> float:
        return float(point @ matrix @ point / 2 - shares @ np.log(point))

    last = np.inf
    for _ in range(NEWTON_STEPS):
        step = newton_step(y)
        slope = float((matrix @ y - shares / y) @ step)
        size = float(np.abs(step / y).max())
        if size < SMALLEST_STEP or (size < LARGEST_LAST_STEP and size >= last / 2):
            return y + step
        last = size
        length = min(1.0, 0.99 / float((-step / y).max())) if (step < 0).any() else 1.0
        before = value(y)
        rounding = ROUNDING * max(1.0, abs(before))
        while value(y + length * step) > before + 0.25 * length * slope + rounding and length > SHORTEST_STEP:
            length /= 2
        y = y + length * step
    raise NotConvergedError(
        f"risk parity did not converge in {NEWTON_STEPS} Newton steps.",
        field="covariance",
        fix="Shrink the covariance (ledoit_wolf) so that it is well conditioned.",
    )
