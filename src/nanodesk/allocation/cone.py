"""Quadratic and linear programs handed straight to the Clarabel cone solver.

The builder is thin: triplets of numbers become the compressed columns that Clarabel reads, so a program of 50
names costs about as much to state as to solve. Two steps surround the solver. Large programs are solved on a
growing set of names until the optimality conditions of *all* names hold (a minimum-variance portfolio of 500
names under a 5 % cap holds about 30 of them). And the interior point is moved onto its active limits by one
linear solve, so that a weight at its cap is the cap and a weight of zero is zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nanodesk.allocation.rows import Rows
from nanodesk.errors import InfeasibleError, NotConvergedError
from nanodesk.market.arrays import BoolArray, FloatArray

TOLERANCE = 1e-11
"""Gap and feasibility asked of Clarabel, on an objective scaled to order one."""
REDUCED_TOLERANCE = 1e-8
"""What is still taken as solved where rounding stops the solver before ``TOLERANCE``."""
REGULARIZATIONS = (1e-8, 1e-7)
"""Clarabel's default, and what has solved every nearly singular program that stopped at it; tried in turn.

Refinement and the stopping rule see the program itself, so a larger value costs steps, not accuracy."""
_LOOSEN = "Raise a cap or the turnover, or lower the gross."

SOLVED = ("Solved", "AlmostSolved")
INFEASIBLE = ("PrimalInfeasible", "AlmostPrimalInfeasible")
GROWING_FROM = 48
"""Names from which a growing set is tried before one dense solve (docs/decisions/0003)."""
FIRST_SET = 36
"""Names in the first working set, and how many join at once."""
LARGEST_SET = 0.8
"""Share of the names beyond which a working set no longer pays."""
PRICE_TOLERANCE = 1e-9
"""Reduced cost, in units of the scaled objective, that counts as zero when names left out are priced."""
SNAP = 1e-10
"""Distance to a bound that is taken for rounding of the interior point: ten times its tolerance."""
SNAP_SIZE = 700
"""Largest linear system that moving onto the active limits may solve."""


@dataclass(frozen=True, slots=True)
class Program:
    """Minimise ``x' P x / 2 + linear' x`` under equalities, inequalities and bounds.

    Parameters
    ----------
    linear : ndarray of float64, shape (n,)
        Linear cost.
    lower, upper : ndarray of float64, shape (n,)
        Bounds, infinite where there is none.
    quadratic : ndarray of float64, shape (p, p), optional
        ``P`` on the leading ``p <= n`` variables; none for a linear program.
    equal, at_most : Rows
        Rows that hold with ``=`` and with ``<=``.
    preference : ndarray of float64, shape (p,), optional
        Guess which of the leading variables are not zero at the optimum, lowest first; those at minus infinity are
        never left out. Only speed depends on it.
    """

    linear: FloatArray
    lower: FloatArray
    upper: FloatArray
    quadratic: FloatArray | None = None
    equal: Rows = field(default_factory=Rows)
    at_most: Rows = field(default_factory=Rows)
    preference: FloatArray | None = None

    def gradient(self, x: FloatArray) -> FloatArray:
        """``P x + linear``.

        Parameters
        ----------
        x : ndarray of float64, shape (n,)
            Variables.

        Returns
        -------
        gradient : ndarray of float64, shape (n,)
            Slope of the objective.
        """
        slope = self.linear.copy()
        if self.quadratic is not None:
            slope[: len(self.quadratic)] += self.quadratic @ x[: len(self.quadratic)]
        return slope


@dataclass(frozen=True, slots=True)
class Solution:
    """An optimum and the prices of its limits.

    Parameters
    ----------
    x : ndarray of float64, shape (n,)
        Variables.
    dual_equal, dual_at_most : ndarray of float64, shape (n_rows,)
        Multipliers; those of ``at_most`` are not negative.
    dual_lower, dual_upper : ndarray of float64, shape (n,)
        Multipliers of the bounds, not negative.
    """

    x: FloatArray
    dual_equal: FloatArray
    dual_at_most: FloatArray
    dual_lower: FloatArray
    dual_upper: FloatArray


def solve(program: Program) -> FloatArray:
    """The optimum of ``program``.

    Parameters
    ----------
    program : Program
        What to minimise, under which limits.

    Returns
    -------
    x : ndarray of float64, shape (n,)
        Variables at the optimum, within their bounds.

    Raises
    ------
    InfeasibleError
        If no ``x`` satisfies all limits.
    NotConvergedError
        If the solver stopped before its tolerance was met, or the objective has no minimum.
    """
    scaled = _scaled(program)
    free = scaled.upper > scaled.lower
    if free.all():
        x = _solve_free(scaled)
    elif not free.any():
        x = _only_point(scaled)
    else:
        x = scaled.lower.copy()
        x[free] = _solve_free(_restricted(scaled, free, x))
    x = np.where(x - program.lower < SNAP, program.lower, x)
    return np.where(program.upper - x < SNAP, program.upper, x)


def _only_point(program: Program) -> FloatArray:
    x = program.lower
    broken = max(
        float(np.abs(program.equal.product(x) - program.equal.rhs()).max(initial=0.0)),
        float((program.at_most.product(x) - program.at_most.rhs()).max(initial=0.0)),
    )
    if broken > REDUCED_TOLERANCE:
        raise InfeasibleError("no portfolio satisfies all limits.", field="limits", value=broken, fix=_LOOSEN)
    return x


def _scaled(program: Program) -> Program:
    # Tolerances are absolute in the objective: daily variances near 1e-4 would end the solver far from the optimum.
    size = float(np.abs(program.linear).max(initial=0.0))
    if program.quadratic is not None:
        size = max(size, float(np.mean(np.diag(program.quadratic))))
    if size == 0.0:
        return program
    return replace(
        program,
        linear=program.linear / size,
        quadratic=None if program.quadratic is None else program.quadratic / size,
    )


def _solve_free(program: Program) -> FloatArray:
    if program.preference is not None and program.quadratic is not None and len(program.quadratic) >= GROWING_FROM:
        grown = _solve_growing(program, program.preference)
        if grown is not None:
            return grown
    return _settled(program, _clarabel(program)).x


def _solve_growing(program: Program, preference: FloatArray) -> FloatArray | None:
    """Solve on a working set of names; price the others; add those that would improve; until none would."""
    n, p = len(program.linear), len(preference)
    chosen = np.ones(n, dtype=np.bool_)
    if not (program.lower[:p] == 0.0).all():
        return None
    chosen[:p] = False
    likely = np.argsort(preference, kind="stable")
    chosen[likely[: FIRST_SET + int(np.isneginf(preference).sum())]] = True
    zero = np.zeros(n)
    while chosen[:p].sum() < LARGEST_SET * p:
        part = _restricted(program, chosen, zero)
        try:
            solution = _settled(part, _clarabel(part))
        except InfeasibleError:
            chosen[likely[: 2 * int(chosen[:p].sum())]] = True
            continue
        x = zero.copy()
        x[chosen] = solution.x
        reduced = program.gradient(x)
        reduced += program.equal.transposed(solution.dual_equal, n)
        reduced += program.at_most.transposed(solution.dual_at_most, n)
        wanted = np.flatnonzero(~chosen & (reduced < -PRICE_TOLERANCE))
        if len(wanted) == 0:
            return x
        order = wanted[np.argsort(reduced[wanted], kind="stable")]
        chosen[order[:FIRST_SET]] = True
    return None


def _restricted(program: Program, chosen: BoolArray, value: FloatArray) -> Program:
    """The program on the chosen variables; the others are fixed at ``value``."""
    position = np.where(chosen, np.cumsum(chosen) - 1, -1)
    fixed = np.where(chosen, 0.0, value)
    quadratic = program.quadratic
    if quadratic is not None:
        leading = chosen[: len(quadratic)]
        quadratic = quadratic[np.ix_(leading, leading)]
    return Program(
        linear=program.gradient(fixed)[chosen],
        lower=program.lower[chosen],
        upper=program.upper[chosen],
        quadratic=quadratic,
        equal=program.equal.on(position, fixed),
        at_most=program.at_most.on(position, fixed),
        preference=None if program.preference is None else program.preference[chosen[: len(program.preference)]],
    )


def _clarabel(program: Program) -> Solution:
    import clarabel
    from scipy import sparse

    n = len(program.linear)
    below = np.flatnonzero(np.isfinite(program.lower))
    above = np.flatnonzero(np.isfinite(program.upper))
    row_equal, column_equal, value_equal = program.equal.triplets()
    row_most, column_most, value_most = program.at_most.triplets()
    n_equal, n_most = program.equal.count, program.at_most.count
    start = np.cumsum([n_equal, n_most, len(below), len(above)])
    row = [row_equal, row_most + n_equal, np.arange(start[1], start[2]), np.arange(start[2], start[3])]
    column = [column_equal, column_most, below, above]
    value = [value_equal, value_most, np.full(len(below), -1.0), np.ones(len(above))]
    rhs = [program.equal.rhs(), program.at_most.rhs(), -program.lower[below], program.upper[above]]
    cones = [clarabel.NonnegativeConeT(int(start[3]) - n_equal)] if start[3] > n_equal else []
    if n_equal:
        cones.insert(0, clarabel.ZeroConeT(n_equal))
    matrix = sparse.csc_matrix(
        (np.concatenate(value), (np.concatenate(row), np.concatenate(column))), shape=(int(start[3]), n)
    )
    quadratic, right = _upper_triangle(program.quadratic, n), np.concatenate(rhs)
    for regularization in REGULARIZATIONS:
        settings = _settings(regularization)
        answer = clarabel.DefaultSolver(quadratic, program.linear, matrix, right, cones, settings).solve()
        if str(answer.status) in (*SOLVED, *INFEASIBLE):
            break
    _check_status(str(answer.status))
    x, dual = np.array(answer.x), np.array(answer.z)
    dual_lower, dual_upper = np.zeros(n), np.zeros(n)
    dual_lower[below] = dual[start[1] : start[2]]
    dual_upper[above] = dual[start[2] : start[3]]
    return Solution(x, dual[:n_equal], dual[n_equal : start[1]], dual_lower, dual_upper)


def _upper_triangle(quadratic: FloatArray | None, n: int) -> Any:
    from scipy import sparse

    if quadratic is None:
        return sparse.csc_matrix((n, n))
    p = len(quadratic)
    # Column j of the upper triangle is row j of the lower one: contiguous in memory, no sorting needed.
    row = np.tril_indices(p)
    pointer = np.concatenate([[0], np.cumsum(np.arange(1, p + 1)), np.full(n - p, p * (p + 1) // 2)])
    return sparse.csc_matrix((quadratic[row], row[1], pointer), shape=(n, n))


def _settings(regularization: float) -> Any:
    import clarabel

    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1  # same input, same bytes; parallelism is across runs
    settings.static_regularization_constant = regularization
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = TOLERANCE
    settings.reduced_tol_gap_abs = settings.reduced_tol_gap_rel = settings.reduced_tol_feas = REDUCED_TOLERANCE
    return settings


def _check_status(status: str) -> None:
    if status in SOLVED:
        return
    if status in INFEASIBLE:
        raise InfeasibleError("no portfolio satisfies all limits.", field="limits", value=status, fix=_LOOSEN)
    raise NotConvergedError(
        f"the cone solver stopped with status {status} before its tolerance of {REDUCED_TOLERANCE:g} was met.",
        field="status",
        value=status,
        fix="Check the inputs for extreme scales, or shrink the covariance.",
    )


def _settled(program: Program, solution: Solution) -> Solution:
    """Move an interior point onto its active limits by one linear solve; keep it if the optimality conditions fail."""
    if program.quadratic is None:
        return solution
    x = solution.x
    at_lower = x - program.lower < solution.dual_lower
    at_upper = program.upper - x < solution.dual_upper
    tight = program.at_most.rhs() - program.at_most.product(x) < solution.dual_at_most
    free = ~(at_lower | at_upper)
    n, n_free, n_equal = len(x), int(free.sum()), program.equal.count
    if n_free + n_equal + int(tight.sum()) > SNAP_SIZE:
        return solution
    fixed = np.where(at_lower, program.lower, np.where(at_upper, program.upper, x))
    active = np.vstack([program.equal.dense(np.ones(n_equal, dtype=np.bool_), n), program.at_most.dense(tight, n)])
    quadratic = np.zeros((n, n))
    quadratic[: len(program.quadratic), : len(program.quadratic)] = program.quadratic
    size = n_free + len(active)
    system = np.zeros((size, size))
    system[:n_free, :n_free] = quadratic[np.ix_(free, free)]
    system[n_free:, :n_free] = active[:, free]
    system[:n_free, n_free:] = active[:, free].T
    wanted = np.concatenate([program.equal.rhs(), program.at_most.rhs()[tight]])
    dual = np.concatenate([solution.dual_equal, solution.dual_at_most[tight]])
    residual = np.concatenate([-(program.gradient(fixed) + active.T @ dual)[free], wanted - active @ fixed])
    try:
        step = np.linalg.solve(system, residual)
    except np.linalg.LinAlgError:
        step = np.linalg.lstsq(system, residual, rcond=None)[0]
    fixed[free] += step[:n_free]
    dual = dual + step[n_free:]
    dual_at_most = np.zeros(program.at_most.count)
    dual_at_most[tight] = dual[n_equal:]
    slope = program.gradient(fixed) + active.T @ dual
    settled = Solution(
        fixed, dual[:n_equal], dual_at_most, np.where(at_lower, slope, 0.0), np.where(at_upper, -slope, 0.0)
    )
    return settled if _is_optimal(program, settled, slope, free) else solution


def _is_optimal(program: Program, solution: Solution, slope: FloatArray, free: BoolArray) -> bool:
    x = solution.x
    worst_violation = max(
        float((program.lower - x).max(initial=0.0)),
        float((x - program.upper).max(initial=0.0)),
        float((program.at_most.product(x) - program.at_most.rhs()).max(initial=0.0)),
        float(np.abs(program.equal.product(x) - program.equal.rhs()).max(initial=0.0)),
    )
    worst_price = min(
        float(solution.dual_at_most.min(initial=0.0)),
        float(solution.dual_lower.min(initial=0.0)),
        float(solution.dual_upper.min(initial=0.0)),
        -float(np.abs(slope[free]).max(initial=0.0)),
    )
    return worst_violation < 1e-12 * max(1.0, float(np.abs(x).max())) and worst_price > -PRICE_TOLERANCE
