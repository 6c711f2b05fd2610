"""Covariance of returns: sample, exponentially weighted, and shrunk (Ledoit-Wolf, oracle approximating).

Every estimator returns a symmetric positive semidefinite matrix per period, in squared return units.
Sessions in which any name has no return (``nan``) are left out as a whole: filling gaps pair by pair would
use more data but can give a matrix that no set of returns has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.market.arrays import FloatArray
from nanodesk.market.finite import finite_array
from nanodesk.market.ranges import one_of

Target = Literal["identity", "constant_correlation"]
Estimator = Literal["sample", "ewma", "ledoit_wolf", "oas"]


def complete_sessions(returns: ArrayLike, *, at_least: int = 2) -> FloatArray:
    """The sessions in which every name has a return.

    Parameters
    ----------
    returns : array_like of float, shape (n_sessions, n_names)
        Returns; ``nan`` where a name did not trade.
    at_least : int, default 2
        Fewest sessions that must remain.

    Returns
    -------
    complete : ndarray of float64, shape (n_complete, n_names)
        Rows without ``nan``.

    Raises
    ------
    ShapeError
        If ``returns`` is not a matrix with at least one column.
    ValidationError
        If a return is infinite, or fewer than ``at_least`` complete sessions remain; names the emptiest column.
    """
    matrix = finite_array("returns", returns, ndim=2, allow_nan=True)
    if matrix.shape[1] == 0:
        raise ShapeError("returns has no names.", field="returns", value=matrix.shape, allowed="(n_sessions, n_names)")
    known = ~np.isnan(matrix)
    complete = matrix if known.all() else matrix[known.all(axis=1)]
    if len(complete) < at_least:
        emptiest = int(known.sum(axis=0).argmin())
        raise ValidationError(
            f"returns has {len(complete)} complete sessions of {len(matrix)}, fewer than {at_least}; "
            f"column {emptiest} has {int(known[:, emptiest].sum())} returns.",
            field="returns",
            value=len(complete),
            allowed=f">= {at_least} complete sessions",
            fix="Leave out names with a short history, or use a longer window.",
        )
    return complete


def sample(returns: ArrayLike, *, ddof: int = 1) -> FloatArray:
    """Sample covariance.

    Parameters
    ----------
    returns : array_like of float, shape (n_sessions, n_names)
        Returns per period.
    ddof : int, default 1
        The sum of products is divided by ``n_sessions - ddof``.

    Returns
    -------
    covariance : ndarray of float64, shape (n_names, n_names)
        Covariance per period; singular when there are not more sessions than names.

    Raises
    ------
    ValidationError
        If fewer than ``ddof + 1`` complete sessions remain.

    Examples
    --------
    >>> sample([[0.01, 0.02], [-0.01, 0.00], [0.00, 0.01]])
    array([[0.0001, 0.0001],
           [0.0001, 0.0001]])
    """
    centred = _centred(complete_sessions(returns, at_least=max(2, ddof + 1)))
    return _product(centred, len(centred) - ddof)


def ewma(returns: ArrayLike, *, decay: float = 0.97, demean: bool = False) -> FloatArray:
    """Exponentially weighted covariance; the last session weighs most.

    Parameters
    ----------
    returns : array_like of float, shape (n_sessions, n_names)
        Returns per period, oldest first.
    decay : float, default 0.97
        Weight of a session relative to the next one; weights are normalised to add to one. An average of
        ``(1 + decay) / (1 - decay)`` sessions counts, so fewer names than that keep the matrix well conditioned.
    demean : bool, default False
        Subtract the weighted mean first; RiskMetrics does not.

    Returns
    -------
    covariance : ndarray of float64, shape (n_names, n_names)
        Covariance per period.

    Raises
    ------
    ValidationError
        If ``decay`` is not within (0, 1) or fewer than two complete sessions remain.

    References
    ----------
    J.P. Morgan/Reuters (1996), "RiskMetrics Technical Document", 4th ed., section 5.2 (0.94 daily, 0.97 monthly).
    """
    if not 0 < decay < 1:
        raise ValidationError(f"decay={decay} must lie within (0, 1).", field="decay", value=decay, allowed="(0, 1)")
    complete = complete_sessions(returns)
    weight = decay ** np.arange(len(complete) - 1, -1, -1, dtype=np.float64)
    weight /= weight.sum()
    if demean:
        complete = complete - weight @ complete
    return _product(complete * np.sqrt(weight)[:, None], 1.0)


def ledoit_wolf(returns: ArrayLike, *, target: Target = "identity") -> FloatArray:
    """Sample covariance shrunk towards a simple target, by the amount that minimises the expected squared error.

    Parameters
    ----------
    returns : array_like of float, shape (n_sessions, n_names)
        Returns per period.
    target : {"identity", "constant_correlation"}, default "identity"
        The average variance on the diagonal (2004a), or the sample variances with one common correlation (2004b).

    Returns
    -------
    covariance : ndarray of float64, shape (n_names, n_names)
        Covariance per period; the sample part divides by the number of sessions, as in the papers.

    Raises
    ------
    ValidationError
        If the target is unknown, fewer than two complete sessions remain, or a name is constant where
        correlations are needed.

    References
    ----------
    Ledoit, Wolf (2004a), "A well-conditioned estimator for large-dimensional covariance matrices",
    J. Multivariate Analysis 88. Ledoit, Wolf (2004b), "Honey, I Shrunk the Sample Covariance Matrix",
    J. Portfolio Management 30(4).
    """
    one_of("target", target, ("identity", "constant_correlation"))
    centred = _centred(complete_sessions(returns))
    return _shrunk_to_identity(centred) if target == "identity" else _shrunk_to_constant_correlation(centred)


def _shrunk_to_identity(centred: FloatArray) -> FloatArray:
    n_sessions, n_names = centred.shape
    covariance = _product(centred, n_sessions)
    mean_variance = float(np.trace(covariance)) / n_names
    squares = float(np.sum(covariance * covariance))
    # The mean squared error of the sample: E||x x' - S||^2 / T, per name.
    error = (float(np.sum(np.sum(centred * centred, axis=1) ** 2)) / n_sessions - squares) / (n_names * n_sessions)
    dispersion = squares / n_names - mean_variance**2
    error = min(error, dispersion)
    return _towards_identity(covariance, 0.0 if error <= 0 else error / dispersion, mean_variance)


def _towards_identity(covariance: FloatArray, shrinkage: float, mean_variance: float) -> FloatArray:
    shrunk = (1.0 - shrinkage) * covariance
    shrunk.flat[:: len(shrunk) + 1] += shrinkage * mean_variance
    return shrunk


def _shrunk_to_constant_correlation(centred: FloatArray) -> FloatArray:
    n_sessions, n_names = centred.shape
    covariance = _product(centred, n_sessions)
    if n_names == 1:
        return covariance
    deviation = np.sqrt(np.diag(covariance))
    if not deviation.all():
        index = int(np.flatnonzero(deviation == 0)[0])
        raise ValidationError(
            f"column {index} of returns is constant.",
            field="returns",
            value=index,
            fix='Leave the name out, or use target="identity".',
        )
    outer = np.outer(deviation, deviation)
    correlation = covariance / outer
    common = (float(correlation.sum()) - n_names) / (n_names * (n_names - 1))
    target = common * outer
    np.fill_diagonal(target, np.diag(covariance))
    # Ledoit and Wolf (2004b), appendix B: pi (noise of the sample), rho (its covariance with the target), gamma.
    noise = (centred**2).T @ centred**2 / n_sessions - covariance**2
    cubes = (centred**3).T @ centred / n_sessions - np.diag(covariance)[:, None] * covariance
    np.fill_diagonal(cubes, 0.0)
    shared = float(np.trace(noise)) + common * float(np.sum(cubes * (deviation[None, :] / deviation[:, None])))
    misfit = float(np.sum((target - covariance) ** 2))
    shrinkage = 0.0 if misfit == 0 else min(1.0, max(0.0, (float(noise.sum()) - shared) / misfit / n_sessions))
    shrunk: FloatArray = shrinkage * target + (1.0 - shrinkage) * covariance
    return shrunk


def oas(returns: ArrayLike) -> FloatArray:
    """Sample covariance shrunk towards the identity by the oracle approximating amount, best for normal returns.

    Parameters
    ----------
    returns : array_like of float, shape (n_sessions, n_names)
        Returns per period.

    Returns
    -------
    covariance : ndarray of float64, shape (n_names, n_names)
        Covariance per period; the sample part divides by the number of sessions.

    Raises
    ------
    ValidationError
        If fewer than two complete sessions remain.

    References
    ----------
    Chen, Wiesel, Eldar, Hero (2010), "Shrinkage Algorithms for MMSE Covariance Estimation", IEEE Trans. Signal
    Processing 58(10), equation 23 with the simplification of the authors' later note (2 / n_names dropped).
    """
    centred = _centred(complete_sessions(returns))
    n_sessions, n_names = centred.shape
    covariance = _product(centred, n_sessions)
    mean_variance = float(np.trace(covariance)) / n_names
    mean_square = float(np.mean(covariance * covariance))
    spread = (n_sessions + 1) * (mean_square - mean_variance**2 / n_names)
    shrinkage = 1.0 if spread <= 0 else min(1.0, (mean_square + mean_variance**2) / spread)
    return _towards_identity(covariance, shrinkage, mean_variance)


_ESTIMATORS: Mapping[Estimator, Callable[..., FloatArray]] = {
    "sample": sample,
    "ewma": ewma,
    "ledoit_wolf": ledoit_wolf,
    "oas": oas,
}


def estimate(returns: ArrayLike, method: Estimator = "ledoit_wolf", **params: Any) -> FloatArray:
    """Covariance by the named estimator.

    Parameters
    ----------
    returns : array_like of float, shape (n_sessions, n_names)
        Returns per period; sessions with any ``nan`` are left out.
    method : {"sample", "ewma", "ledoit_wolf", "oas"}, default "ledoit_wolf"
        Estimator.
    **params
        Its keyword arguments.

    Returns
    -------
    covariance : ndarray of float64, shape (n_names, n_names)
        Covariance per period, positive semidefinite.

    Raises
    ------
    ValidationError
        If the method is unknown, or by the estimator.

    Examples
    --------
    >>> estimate([[0.01, 0.02], [-0.01, 0.00], [0.00, 0.01]], "sample").shape
    (2, 2)
    """
    one_of("method", method, tuple(_ESTIMATORS))
    return _ESTIMATORS[method](returns, **params)


def checked(covariance: ArrayLike) -> FloatArray:
    """A covariance matrix given by a caller, as a symmetric array.

    Parameters
    ----------
    covariance : array_like of float, shape (n_names, n_names)
        Covariance per period.

    Returns
    -------
    covariance : ndarray of float64, shape (n_names, n_names)
        The same; asymmetry of rounding size is averaged away.

    Raises
    ------
    ShapeError
        If it is not a square matrix.
    ValidationError
        If an entry is not finite, a variance is negative or the matrix is not symmetric.
    """
    matrix = finite_array("covariance", covariance, ndim=2)
    if matrix.shape[0] != matrix.shape[1]:
        raise ShapeError(
            f"covariance has shape {matrix.shape}, not (n_names, n_names).",
            field="covariance",
            value=matrix.shape,
            allowed="(n_names, n_names)",
        )
    variance = np.diag(matrix)
    if (variance < 0).any():
        index = int(np.flatnonzero(variance < 0)[0])
        raise ValidationError(
            f"covariance[{index}, {index}]={variance[index]} is a negative variance.",
            field="covariance",
            value=float(variance[index]),
            allowed=">= 0",
        )
    if (matrix == matrix.T).all():
        return matrix
    asymmetry = float(np.abs(matrix - matrix.T).max())
    if asymmetry > 1e-8 * float(variance.max()):
        raise ValidationError(
            f"covariance is not symmetric: entries differ by {asymmetry:g}.",
            field="covariance",
            value=asymmetry,
            fix="Use (C + C.T) / 2.",
        )
    return (matrix + matrix.T) / 2


def _centred(returns: FloatArray) -> FloatArray:
    centred: FloatArray = returns - returns.mean(axis=0)
    return centred


def _product(rows: FloatArray, count: float) -> FloatArray:
    # BLAS fills one triangle of X'X and mirrors it, so the result is exactly symmetric.
    product: FloatArray = rows.T @ rows / count
    return product
