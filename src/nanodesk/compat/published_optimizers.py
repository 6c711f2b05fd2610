"""The published optimizers, with the published numbers.

These iterations stop long before an optimum: minimum variance stays near equal weights and risk parity fails where a
contribution turns negative. Code that was tuned on their answers gets the same answers here; for the optimum use
``nanodesk.allocation``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from nanodesk.compat import published_arguments as arguments
from nanodesk.compat.kernels import published_gradient
from nanodesk.market.arrays import FloatArray

Weights = dict[str, float] | list[float]

_RIDGE = 1e-10
_LEAST_RISK = 1e-8
_LEAST_GROWTH = 1e-9
_LEAST_TOTAL = 1e-12


def optimize_min_variance(returns_matrix: object, symbols: object = None) -> Weights:
    """Published minimum variance: 350 short projected-gradient steps from equal weights.

    Parameters
    ----------
    returns_matrix : sequence of sequences of float, shape (n_periods, n_assets)
        Returns per period, as fractions.
    symbols : sequence of str, optional
        Names of the columns; blank names are dropped first. ``None`` returns a plain list.

    Returns
    -------
    weights : dict of str to float, or list of float
        Empty if the input is not usable.

    Examples
    --------
    >>> weights = optimize_min_variance([[0.01, 0.02], [0.03, -0.02], [0.0, 0.01]], ["A", "B"])
    >>> {name: round(weight, 3) for name, weight in weights.items()}
    {'A': 0.503, 'B': 0.497}
    """
    return _named(returns_matrix, symbols, _minimum_variance)


def optimize_max_sharpe(
    returns_matrix: object, symbols: object = None, risk_free: object = 0.0, *, risk_free_rate: object = None
) -> Weights:
    """Published maximum Sharpe ratio: at most 450 gradient steps; good to about 1e-4.

    Parameters
    ----------
    returns_matrix : sequence of sequences of float, shape (n_periods, n_assets)
        Returns per period, as fractions.
    symbols : sequence of str, optional
        Names of the columns; blank names are dropped first. ``None`` returns a plain list.
    risk_free : float, default 0
        Risk-free return per period. Where no asset earns more, the answer is the minimum variance.
    risk_free_rate : float, optional
        The same by the name that the published README uses.

    Returns
    -------
    weights : dict of str to float, or list of float
        Empty if the input is not usable.
    """
    rate = arguments.real(risk_free if risk_free_rate is None else risk_free_rate, "risk_free")
    return _named(returns_matrix, symbols, lambda returns: _maximum_sharpe(returns, rate))


def optimize_risk_parity(returns_matrix: object, symbols: object = None) -> Weights:
    """Published risk parity: at most 600 damped updates; wrong where a risk contribution turns negative.

    Parameters
    ----------
    returns_matrix : sequence of sequences of float, shape (n_periods, n_assets)
        Returns per period, as fractions.
    symbols : sequence of str, optional
        Names of the columns; blank names are dropped first. ``None`` returns a plain list.

    Returns
    -------
    weights : dict of str to float, or list of float
        Empty if the input is not usable.
    """
    return _named(returns_matrix, symbols, _risk_parity)


def inverse_cvar_weights(returns_matrix: object, symbols: object = None, alpha: object = 0.95) -> Weights:
    """Weights inversely proportional to each asset's mean loss in the worst ``1 - alpha`` of periods.

    Parameters
    ----------
    returns_matrix : sequence of sequences of float, shape (n_periods, n_assets)
        Returns per period, as fractions.
    symbols : sequence of str, optional
        Names of the columns; blank names are dropped first. ``None`` returns a plain list.
    alpha : float, default 0.95
        Confidence, clamped to [0.5, 0.999].

    Returns
    -------
    weights : dict of str to float, or list of float
        Empty if the input is not usable.
    """
    level = arguments.real(alpha, "alpha")
    return _named(returns_matrix, symbols, lambda returns: _inverse_tail(np.maximum(-returns, 0.0), level))


def inverse_cdar_weights(returns_matrix: object, symbols: object = None, alpha: object = 0.95) -> Weights:
    """Weights inversely proportional to each asset's mean drawdown in the worst ``1 - alpha`` of periods.

    Parameters
    ----------
    returns_matrix : sequence of sequences of float, shape (n_periods, n_assets)
        Returns per period, as fractions.
    symbols : sequence of str, optional
        Names of the columns; blank names are dropped first. ``None`` returns a plain list.
    alpha : float, default 0.95
        Confidence, clamped to [0.5, 0.999].

    Returns
    -------
    weights : dict of str to float, or list of float
        Empty if the input is not usable.
    """
    level = arguments.real(alpha, "alpha")
    return _named(returns_matrix, symbols, lambda returns: _inverse_tail(_drawdowns(returns), level))


def _named(returns_matrix: object, symbols: object, solve: Callable[[FloatArray], FloatArray]) -> Weights:
    """The published shape around every optimizer: unusable input gives an empty answer."""
    returns = arguments.matrix(returns_matrix, "returns_matrix")
    names = None if symbols is None else [name for name in arguments.strings(symbols, "symbols") if name.strip()]
    empty: Weights = [] if names is None else {}
    if returns is None or returns.shape[0] < 2 or returns.shape[1] == 0 or not np.isfinite(returns).all():
        return empty
    if names is not None and len(names) != returns.shape[1]:
        return empty
    weights: Sequence[float] = solve(returns).tolist() if returns.shape[1] > 1 else [1.0]
    return list(weights) if names is None else dict(zip(names, weights, strict=True))


def _covariance(returns: FloatArray) -> tuple[FloatArray, FloatArray]:
    count = returns.shape[1]
    means, covariance = np.empty(count), np.empty((count, count))
    published_gradient.sample_covariance(returns, _RIDGE, means, covariance)
    return means, covariance


def _minimum_variance(returns: FloatArray) -> FloatArray:
    _, covariance = _covariance(returns)
    weights = np.empty(returns.shape[1])
    published_gradient.minimum_variance(covariance, weights, np.empty((3, len(weights))))
    return weights


def _maximum_sharpe(returns: FloatArray, risk_free: float) -> FloatArray:
    means, covariance = _covariance(returns)
    excess = means - risk_free
    if not (excess > 0.0).any():
        return _minimum_variance(returns)
    weights = np.empty(returns.shape[1])
    published_gradient.maximum_sharpe(covariance, excess, weights, np.empty((3, len(weights))))
    return weights


def _risk_parity(returns: FloatArray) -> FloatArray:
    _, covariance = _covariance(returns)
    weights = np.empty(returns.shape[1])
    published_gradient.risk_parity(covariance, weights, np.empty((3, len(weights))))
    return weights


def _inverse_tail(losses: FloatArray, alpha: float) -> FloatArray:
    """Inverse of the mean of the largest losses of each column, normalised."""
    level = min(max(alpha, 0.5), 0.999) if alpha == alpha else 1.0
    count = max(1, math.ceil((1.0 - level) * len(losses)))
    risks = np.maximum(np.sort(losses, axis=0)[len(losses) - count :].mean(axis=0), _LEAST_RISK)
    inverse: FloatArray = 1.0 / risks
    total = inverse.sum()
    return inverse / total if total > _LEAST_TOTAL else np.full(len(inverse), 1.0 / len(inverse))


def _drawdowns(returns: FloatArray) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):
        wealth = np.cumprod(np.maximum(1.0 + returns, _LEAST_GROWTH), axis=0)
        peak = np.maximum(np.maximum.accumulate(wealth, axis=0), 1.0)
        drawdowns: FloatArray = np.nan_to_num((peak - wealth) / peak, nan=0.0)
    return drawdowns
