"""Weights in proportion to something known: equal, a score, inverse volatility; then made to fit the limits."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.allocation import covariance as covariances
from nanodesk.allocation.limits import NO_LIMITS, Limits
from nanodesk.allocation.optimum import optimum
from nanodesk.allocation.region import Region
from nanodesk.allocation.risk_parity import check_long
from nanodesk.allocation.small_positions import hold_or_drop
from nanodesk.errors import InfeasibleError, ValidationError
from nanodesk.market.arrays import FloatArray
from nanodesk.market.finite import finite_array


def equal_weight(n_names: int, *, limits: Limits = NO_LIMITS, previous: ArrayLike | None = None) -> FloatArray:
    """The same weight for every name, made to fit the limits by :func:`fit`.

    Parameters
    ----------
    n_names : int
        Number of names.
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
        If there is no name, or the net weight is not positive.
    InfeasibleError
        If the limits contradict each other.

    Examples
    --------
    >>> equal_weight(4)
    array([0.25, 0.25, 0.25, 0.25])
    """
    check_long(limits, "equal")
    return fit(np.ones(max(0, n_names)), limits=limits, previous=previous)


def score_weight(scores: ArrayLike, *, limits: Limits = NO_LIMITS, previous: ArrayLike | None = None) -> FloatArray:
    """Weights in proportion to a score.

    Long-only: to the score where it is positive; a name whose score is ``nan``, zero or negative is not held.
    Otherwise: to the score less the mean score, scaled so that absolute weights add to ``limits.gross`` (with
    ``limits.net`` of 0 half long, half short); a name without a score is not held.

    Parameters
    ----------
    scores : array_like of float, shape (n_names,)
        Higher is better.
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
        If a score is infinite, or none can be held.
    InfeasibleError
        If the limits contradict each other.

    Examples
    --------
    >>> score_weight([3.0, 1.0, -2.0])
    array([0.75, 0.25, 0.  ])
    >>> score_weight([3.0, 1.0, -1.0], limits=Limits(long_only=False)).round(3)
    array([ 0.5,  0. , -0.5])
    """
    score = finite_array("scores", scores, ndim=1, allow_nan=True)
    if limits.long_only:
        raw = np.where(score > 0, score, 0.0)
    else:
        known = ~np.isnan(score)
        raw = np.where(known, score - (score[known].mean() if known.any() else 0.0), 0.0)
        raw[np.abs(raw) <= 1e-14 * np.abs(score[known]).max(initial=0.0)] = 0.0
    if not raw.any() and limits.gross > 0:
        raise ValidationError(
            "scores holds no positive score." if limits.long_only else "scores are all the same or missing.",
            field="scores",
            allowed="at least one positive score" if limits.long_only else "scores that differ",
        )
    return fit(raw, limits=limits, previous=previous)


def inverse_volatility(
    covariance: ArrayLike, *, limits: Limits = NO_LIMITS, previous: ArrayLike | None = None
) -> FloatArray:
    """Weights in proportion to one over volatility, made to fit the limits by :func:`fit`.

    Parameters
    ----------
    covariance : array_like of float, shape (n_names, n_names)
        Covariance of returns per period; only its diagonal is read.
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
        If a variance is not positive.
    InfeasibleError
        If the limits contradict each other.

    Examples
    --------
    >>> inverse_volatility([[0.04, 0.0], [0.0, 0.01]]).round(6)
    array([0.333333, 0.666667])
    """
    variance = np.diag(covariances.checked(covariance))
    check_long(limits, "inverse_vol")
    if not (variance > 0).all():
        index = int(np.flatnonzero(variance <= 0)[0])
        raise ValidationError(
            f"covariance[{index}, {index}]={variance[index]} has no inverse volatility.",
            field="covariance",
            value=float(variance[index]),
            allowed="> 0",
        )
    return fit(1.0 / np.sqrt(variance), limits=limits, previous=previous)


def fit(raw: ArrayLike, *, limits: Limits = NO_LIMITS, previous: ArrayLike | None = None) -> FloatArray:
    """Scale raw weights to the net weight and move them into the limits as little as possible.

    The distance is ``sum((w - raw)**2 / abs(raw))``. With caps alone this is water-filling: capped names stand at
    their caps and all others keep their proportions. A name with a raw weight of zero is not held, unless a limit on
    turnover keeps it from being sold at once; then it counts like the smallest raw weight.

    Parameters
    ----------
    raw : array_like of float, shape (n_names,)
        Wanted proportions; signed where shorts are allowed.
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
        If a raw weight is not finite, or negative in a long-only portfolio.
    InfeasibleError
        If the limits contradict each other, or the names wanted cannot fill the portfolio.

    Examples
    --------
    >>> fit([6.0, 3.0, 1.0], limits=Limits(max_weight=0.5)).round(6)
    array([0.5  , 0.375, 0.125])
    """
    wanted = finite_array("raw", raw, ndim=1)
    if limits.long_only and (wanted < 0).any():
        index = int(np.argmax(wanted < 0))
        raise ValidationError(
            f"raw[{index}]={wanted[index]} must not be negative in a long-only portfolio.",
            field="raw",
            value=float(wanted[index]),
            allowed=">= 0",
        )
    region = limits.region(len(wanted), previous)
    if limits.long_only or not (wanted < 0).any():
        region = region.long_part()
    leaving = np.zeros(len(wanted), dtype=np.bool_) if region.previous is None else region.previous != 0.0
    region = region.without((wanted == 0.0) & ~leaving)
    if not region.is_empty:
        region.check()
    return hold_or_drop(lambda part: _nearest(wanted, part), region)


def water_fill(raw: FloatArray, total: float, upper: FloatArray) -> FloatArray:
    """``minimum(upper, level * raw)`` with the level at which it adds to ``total``.

    Parameters
    ----------
    raw : ndarray of float64, shape (n_names,)
        Proportions, not negative; names with a raw weight of zero get nothing.
    total : float
        Sum of the result.
    upper : ndarray of float64, shape (n_names,)
        Caps; those of names with a positive raw weight add to at least ``total``.

    Returns
    -------
    weights : ndarray of float64, shape (n_names,)
        Filled weights.

    Examples
    --------
    >>> water_fill(np.array([6.0, 3.0, 1.0]), 1.0, np.full(3, 0.5)).round(6)
    array([0.5  , 0.375, 0.125])
    """
    wanted = np.flatnonzero(raw > 0)
    order = wanted[np.argsort(upper[wanted] / raw[wanted], kind="stable")]  # the name that is full first comes first
    full = np.concatenate([[0.0], np.cumsum(upper[order])[:-1]])
    rest = np.cumsum(raw[order][::-1])[::-1]
    level = (total - full) / rest
    filled = level * raw[order] > upper[order]
    first_open = int(np.argmin(filled)) if not filled.all() else len(order)
    weights = np.zeros(len(raw))
    weights[order[:first_open]] = upper[order[:first_open]]
    if first_open < len(order):
        weights[order[first_open:]] = np.minimum(level[first_open] * raw[order[first_open:]], upper[order[first_open:]])
    return weights


def _nearest(wanted: FloatArray, region: Region) -> FloatArray:
    usable = np.where(region.upper > region.lower, wanted, 0.0)
    if not usable.any():
        raise InfeasibleError(
            f"no name may be held, yet the weights must add to {region.net:g}.", field="limits", value=region.net
        )
    total = float(usable.sum())
    if region.is_box and not region.lower.any():
        return water_fill(usable, region.net, region.upper)
    size = np.abs(usable)
    target = usable * (region.net / total) if region.gross is None else usable * (region.gross / float(size.sum()))
    if region.violation(target) <= 1e-12:
        return target
    held = size > 0
    pull = 1.0 / np.where(held, np.abs(target), np.abs(target[held]).min())
    return optimum(region, np.where(held, -np.sign(usable), 0.0), np.diag(pull))
