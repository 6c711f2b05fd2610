"""The best weights within limits, or which limits leave none."""

from __future__ import annotations

import numpy as np

from nanodesk.allocation.cone import Program, solve
from nanodesk.allocation.region import Region
from nanodesk.allocation.rows import Rows
from nanodesk.errors import InfeasibleError
from nanodesk.market.arrays import FloatArray


def optimum(
    region: Region, linear: FloatArray, quadratic: FloatArray | None, *, preference: FloatArray | None = None
) -> FloatArray:
    """The weights of a region that minimise ``w' quadratic w / 2 + linear' w``.

    Parameters
    ----------
    region : Region
        Limits.
    linear : ndarray of float64, shape (n_names,)
        Linear cost.
    quadratic : ndarray of float64, shape (n_names, n_names) or None
        Quadratic cost.
    preference : ndarray of float64, shape (n_names,), optional
        Names likely to be held, lowest first; only speed depends on it.

    Returns
    -------
    weights : ndarray of float64, shape (n_names,)
        Weights.

    Raises
    ------
    InfeasibleError
        Naming the limits that clash.
    NotConvergedError
        If the solver did not reach its tolerance.
    """
    program = region.program(linear, quadratic, preference)
    try:
        return solve(program)[: region.n_names]
    except InfeasibleError:
        raise explain(region) from None


def explain(region: Region) -> InfeasibleError:
    """The limits that clash, found by relaxing each kind of limit as little as possible.

    Parameters
    ----------
    region : Region
        Limits that no portfolio satisfies.

    Returns
    -------
    error : InfeasibleError
        To be raised by the caller.
    """
    equal, at_most, n_variables = region.rows()
    families = at_most.families()
    kinds = sorted(set(families))
    relaxed = Rows()
    row, column, value = at_most.triplets()
    rhs = at_most.rhs()
    for index, family in enumerate(families):
        own = row == index
        relaxed.add(
            np.append(column[own], n_variables + kinds.index(family))[None, :],
            np.append(value[own], -1.0)[None, :],
            rhs[index : index + 1],
        )
    added = n_variables - region.n_names
    excess = solve(
        Program(
            linear=np.append(np.zeros(n_variables), np.ones(len(kinds))),
            lower=np.concatenate([region.lower, np.full(added, -np.inf), np.zeros(len(kinds))]),
            upper=np.concatenate([region.upper, np.full(added + len(kinds), np.inf)]),
            equal=equal,
            at_most=relaxed,
        )
    )[n_variables:]
    # Half the sum of changes is the turnover; all other rows are stated in weights.
    scale = np.where([kind == "max_turnover" for kind in kinds], 0.5, 1.0)
    clashing = [f"{kind} (short by {excess[i] * scale[i]:.3g})" for i, kind in enumerate(kinds) if excess[i] > 1e-7]
    named = {kind.split("[")[0] for i, kind in enumerate(kinds) if excess[i] > 1e-7}
    others = sorted({kind.split("[")[0] for kind in kinds} - named) + ["max_weight", "net"]
    return InfeasibleError(
        f"no portfolio satisfies all limits: {' and '.join(clashing) or 'they'} cannot hold together with "
        f"{', '.join(others)}.",
        field=clashing[0].split(" ")[0].split("[")[0] if clashing else "limits",
        value=tuple(clashing),
        fix="Loosen the limits named.",
    )
