"""Hierarchical risk parity: split the money down a tree of correlated names."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.allocation import covariance as covariances
from nanodesk.allocation.limits import NO_LIMITS, Limits
from nanodesk.allocation.risk_parity import check_long
from nanodesk.allocation.score import fit
from nanodesk.errors import ValidationError
from nanodesk.market.arrays import FloatArray, IntArray
from nanodesk.market.ranges import one_of

Linkage = Literal["single", "average", "complete", "ward"]
_LINKAGES = ("single", "average", "complete", "ward")


def hierarchical_risk_parity(
    covariance: ArrayLike,
    *,
    linkage: Linkage = "single",
    limits: Limits = NO_LIMITS,
    previous: ArrayLike | None = None,
) -> FloatArray:
    """Weights by recursive bisection along the leaf order of a correlation tree.

    Names are ordered by clustering the distances between the columns of ``sqrt((1 - correlation) / 2)``; the ordered
    list is halved again and again, and each pair of halves shares its money inversely to the variances of their
    inverse-variance portfolios. Limits are met afterwards by :func:`nanodesk.allocation.score.fit`.

    Parameters
    ----------
    covariance : array_like of float, shape (n_names, n_names)
        Covariance of returns per period; every variance is positive.
    linkage : {"single", "average", "complete", "ward"}, default "single"
        How the distance between clusters is measured; "single" is the paper's.
    limits : Limits, optional
        What may be held; the net weight must be positive.
    previous : array_like of float, shape (n_names,), optional
        Weights held now, for ``limits.max_turnover``.

    Returns
    -------
    weights : ndarray of float64, shape (n_names,)
        Weights.

    Raises
    ------
    ValidationError
        If a variance is not positive, the linkage is unknown or the net weight is not positive.
    InfeasibleError
        If the limits contradict each other.

    References
    ----------
    Lopez de Prado (2016), "Building Diversified Portfolios that Outperform Out of Sample",
    J. Portfolio Management 42(4).

    Examples
    --------
    >>> hierarchical_risk_parity([[0.04, 0.0], [0.0, 0.01]]).round(6)
    array([0.2, 0.8])
    """
    matrix = covariances.checked(covariance)
    check_long(limits, "hrp")
    one_of("linkage", linkage, _LINKAGES)
    variance = np.diag(matrix)
    if not (variance > 0).all():
        index = int(np.flatnonzero(variance <= 0)[0])
        raise ValidationError(
            f"covariance[{index}, {index}]={variance[index]} must be positive.",
            field="covariance",
            value=float(variance[index]),
            allowed="> 0",
        )
    if len(matrix) == 1:
        return fit(np.ones(1), limits=limits, previous=previous)
    return fit(_bisect(matrix, leaf_order(matrix, linkage)), limits=limits, previous=previous)


def leaf_order(covariance: FloatArray, linkage: Linkage = "single") -> IntArray:
    """Order of the names along the leaves of the correlation tree.

    Parameters
    ----------
    covariance : ndarray of float64, shape (n_names, n_names)
        Covariance with positive variances; at least two names.
    linkage : {"single", "average", "complete", "ward"}, default "single"
        How the distance between clusters is measured.

    Returns
    -------
    order : ndarray of int64, shape (n_names,)
        Names from the first leaf to the last.
    """
    from scipy.cluster.hierarchy import leaves_list
    from scipy.cluster.hierarchy import linkage as build_tree
    from scipy.spatial.distance import pdist

    deviation = np.sqrt(np.diag(covariance))
    correlation = np.clip(covariance / deviation / deviation[:, None], -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    distance = np.sqrt((1.0 - correlation) / 2.0)
    order: IntArray = leaves_list(build_tree(pdist(distance), method=linkage)).astype(np.int64)
    return order


def _bisect(matrix: FloatArray, order: IntArray) -> FloatArray:
    ordered = matrix[np.ix_(order, order)]
    inverse = 1.0 / np.diag(ordered)
    share = np.ones(len(order))
    spans = [(0, len(order))]
    while spans:
        start, stop = spans.pop()
        if stop - start < 2:
            continue
        middle = start + (stop - start) // 2
        left = _cluster_variance(ordered, inverse, start, middle)
        right = _cluster_variance(ordered, inverse, middle, stop)
        share[start:middle] *= right / (left + right)
        share[middle:stop] *= left / (left + right)
        spans += [(start, middle), (middle, stop)]
    weights = np.empty(len(order))
    weights[order] = share
    return weights


def _cluster_variance(ordered: FloatArray, inverse: FloatArray, start: int, stop: int) -> float:
    weights = inverse[start:stop] / inverse[start:stop].sum()
    return float(weights @ ordered[start:stop, start:stop] @ weights)
