"""One entrance to all ways of choosing weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.allocation.covariance import Estimator, complete_sessions, estimate
from nanodesk.allocation.hierarchical import hierarchical_risk_parity
from nanodesk.allocation.limits import NO_LIMITS, Limits
from nanodesk.allocation.mean_variance import max_sharpe, mean_variance, min_variance
from nanodesk.allocation.risk_parity import risk_parity
from nanodesk.allocation.score import equal_weight, inverse_volatility, score_weight
from nanodesk.allocation.tail_risk import inverse_cdar, inverse_cvar, min_cvar
from nanodesk.errors import InfeasibleError, ShapeError, ValidationError
from nanodesk.market.arrays import FloatArray
from nanodesk.market.ranges import one_of

Method = Literal[
    "equal",
    "score",
    "inverse_vol",
    "min_variance",
    "mean_variance",
    "max_sharpe",
    "risk_parity",
    "hrp",
    "cvar",
    "inverse_cvar",
    "inverse_cdar",
]
NoExcess = Literal["raise", "min_variance"]


@dataclass(frozen=True, slots=True)
class _Inputs:
    returns: ArrayLike | None
    covariance: ArrayLike | None
    mean: ArrayLike | None
    scores: ArrayLike | None
    limits: Limits
    previous: ArrayLike | None
    risk_free: float
    alpha: float
    covariance_method: Estimator
    risk_aversion: float
    no_excess: NoExcess

    def history(self) -> ArrayLike:
        return self._needed("returns", self.returns)

    def score(self) -> ArrayLike:
        return self._needed("scores", self.scores)

    def matrix(self) -> ArrayLike:
        if self.covariance is not None:
            return self.covariance
        if self.returns is None:
            raise ValidationError(
                "returns or covariance is needed by this method.", field="covariance", fix="Pass one of them."
            )
        return estimate(self.returns, self.covariance_method)

    def expected(self) -> ArrayLike:
        if self.mean is not None:
            return self.mean
        if self.returns is None:
            raise ValidationError("mean or returns is needed by this method.", field="mean", fix="Pass one of them.")
        return np.asarray(complete_sessions(self.returns).mean(axis=0))

    def n_names(self) -> int:
        for given in (self.scores, self.mean, self.covariance):
            if given is not None:
                return len(np.asarray(given))
        shape = np.shape(self.history())
        if len(shape) != 2:
            raise ShapeError(
                f"returns has shape {shape}, not (n_sessions, n_names).",
                field="returns",
                value=shape,
                allowed="a matrix",
            )
        return int(shape[1])

    def held(self) -> dict[str, Any]:
        return {"limits": self.limits, "previous": self.previous}

    @staticmethod
    def _needed(name: str, value: ArrayLike | None) -> ArrayLike:
        if value is None:
            raise ValidationError(f"{name} is needed by this method.", field=name, fix=f"Pass {name}.")
        return value


def _max_sharpe(given: _Inputs) -> FloatArray:
    matrix = given.matrix()
    try:
        return max_sharpe(given.expected(), matrix, risk_free=given.risk_free, **given.held())
    except InfeasibleError as error:
        if given.no_excess == "min_variance" and error.field == "mean":
            return min_variance(matrix, **given.held())
        raise


_METHODS: Mapping[Method, Callable[[_Inputs], FloatArray]] = {
    "equal": lambda given: equal_weight(given.n_names(), **given.held()),
    "score": lambda given: score_weight(given.score(), **given.held()),
    "inverse_vol": lambda given: inverse_volatility(given.matrix(), **given.held()),
    "min_variance": lambda given: min_variance(given.matrix(), **given.held()),
    "mean_variance": lambda given: mean_variance(
        given.expected(), given.matrix(), risk_aversion=given.risk_aversion, **given.held()
    ),
    "max_sharpe": _max_sharpe,
    "risk_parity": lambda given: risk_parity(given.matrix(), **given.held()),
    "hrp": lambda given: hierarchical_risk_parity(given.matrix(), **given.held()),
    "cvar": lambda given: min_cvar(given.history(), alpha=given.alpha, **given.held()),
    "inverse_cvar": lambda given: inverse_cvar(given.history(), alpha=given.alpha, **given.held()),
    "inverse_cdar": lambda given: inverse_cdar(given.history(), alpha=given.alpha, **given.held()),
}

METHODS: tuple[Method, ...] = tuple(_METHODS)
"""Names that :func:`allocate` knows."""

FROM_RETURNS = frozenset(METHODS) - {"equal", "score"}
"""Methods that look at past returns, unless they are given what they estimate from them."""


def allocate(
    method: Method,
    *,
    returns: ArrayLike | None = None,
    covariance: ArrayLike | None = None,
    mean: ArrayLike | None = None,
    scores: ArrayLike | None = None,
    limits: Limits = NO_LIMITS,
    previous: ArrayLike | None = None,
    risk_free: float = 0.0,
    alpha: float = 0.95,
    covariance_method: Estimator = "ledoit_wolf",
    risk_aversion: float = 1.0,
    no_excess: NoExcess = "raise",
) -> FloatArray:
    """Weights by the named method, within limits.

    Parameters
    ----------
    method : str
        ``equal``, ``score``, ``inverse_vol``, ``min_variance``, ``mean_variance``, ``max_sharpe``, ``risk_parity``,
        ``hrp``, ``cvar``, ``inverse_cvar`` or ``inverse_cdar``.
    returns : array_like of float, shape (n_sessions, n_names), optional
        Historical returns per period. Sessions with any ``nan`` are left out.
    covariance : array_like of float, shape (n_names, n_names), optional
        Covariance per period; estimated from ``returns`` where it is not given.
    mean : array_like of float, shape (n_names,), optional
        Expected return per period; the mean of ``returns`` where it is not given.
    scores : array_like of float, shape (n_names,), optional
        For ``score``.
    limits : Limits, optional
        What may be held.
    previous : array_like of float, shape (n_names,), optional
        Weights held now, for ``limits.max_turnover``.
    risk_free : float, default 0.0
        Risk-free return per period, for ``max_sharpe``.
    alpha : float, default 0.95
        Confidence level of the tail methods.
    covariance_method : {"sample", "ewma", "ledoit_wolf", "oas"}, default "ledoit_wolf"
        Estimator, where ``covariance`` is not given.
    risk_aversion : float, default 1.0
        For ``mean_variance``.
    no_excess : {"raise", "min_variance"}, default "raise"
        What ``max_sharpe`` does where no portfolio within the limits has a mean above ``risk_free``.

    Returns
    -------
    weights : ndarray of float64, shape (n_names,)
        Weights as fractions of equity, within the limits.

    Raises
    ------
    ValidationError
        If the method is unknown, what it needs is missing, or an input is out of range.
    InfeasibleError
        If the limits contradict each other; names them.
    NotConvergedError
        If the solver did not reach its tolerance.

    Examples
    --------
    >>> allocate("inverse_vol", covariance=[[0.04, 0.0], [0.0, 0.01]]).round(6)
    array([0.333333, 0.666667])
    """
    one_of("method", method, METHODS)
    one_of("no_excess", no_excess, ("raise", "min_variance"))
    given = _Inputs(
        returns,
        covariance,
        mean,
        scores,
        limits,
        previous,
        risk_free,
        alpha,
        covariance_method,
        risk_aversion,
        no_excess,
    )
    return _METHODS[method](given)
