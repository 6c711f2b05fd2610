"""The published optimizers' iterations, in the published order of operations.

The iterations stop long before an optimum, and where a risk contribution turns negative they wander: only the same
additions in the same order give the published weights. Every sum therefore runs from the first element to the last.
"""

import cython
from cython.cimports.libc.math import fabs, sqrt

# What the published wheel iterates with: steps, their decay, limits and the stop. Fitted to its answers, which these
# loops repeat bit for bit (tests/data/nanobook_0_9_3.json).
_DECAY = cython.declare(cython.double, 0.995)
_SETTLED = cython.declare(cython.double, 1e-16)
_LEAST_SHARE = cython.declare(cython.double, 1e-12)
_LARGEST = cython.declare(cython.double, 1.7976931348623157e308)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _set_equal(weights: cython.double[::1]) -> cython.void:
    i: cython.Py_ssize_t
    for i in range(weights.shape[0]):
        weights[i] = 1.0 / weights.shape[0]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _normalise(weights: cython.double[::1]) -> cython.void:
    """Divide by the sum; equal weights where there is no positive, finite sum."""
    i: cython.Py_ssize_t
    total: cython.double = 0.0
    for i in range(weights.shape[0]):
        total += weights[i]
    if not 0.0 < total <= _LARGEST:
        _set_equal(weights)
        return
    for i in range(weights.shape[0]):
        weights[i] = weights[i] / total


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _multiply(matrix: cython.double[:, ::1], vector: cython.double[::1], product: cython.double[::1]) -> cython.void:
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    total: cython.double
    for i in range(matrix.shape[0]):
        total = 0.0
        for j in range(matrix.shape[1]):
            total += matrix[i, j] * vector[j]
        product[i] = total


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _dot(left: cython.double[::1], right: cython.double[::1]) -> cython.double:
    i: cython.Py_ssize_t
    total: cython.double = 0.0
    for i in range(left.shape[0]):
        total += left[i] * right[i]
    return total


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _move(weights: cython.double[::1], proposal: cython.double[::1]) -> cython.double:
    """Copy the proposal over the weights; return the squared length of the step."""
    i: cython.Py_ssize_t
    step: cython.double
    total: cython.double = 0.0
    for i in range(weights.shape[0]):
        step = proposal[i] - weights[i]
        total += step * step
        weights[i] = proposal[i]
    return total


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _project(point: cython.double[::1], ordered: cython.double[::1]) -> cython.void:
    """Euclidean projection on the simplex in place (Duchi et al. 2008), then normalised; `ordered` is scratch."""
    n: cython.Py_ssize_t = point.shape[0]
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    value: cython.double
    total: cython.double = 0.0
    level: cython.double = 0.0
    threshold: cython.double = 0.0
    found: cython.bint = False
    for i in range(n):  # insertion sort, largest first: n is the number of assets and the order hardly changes
        value = point[i]
        j = i
        while j > 0 and ordered[j - 1] < value:
            ordered[j] = ordered[j - 1]
            j -= 1
        ordered[j] = value
    for i in range(n):
        total += ordered[i]
        level = (total - 1.0) / (i + 1)
        if ordered[i] - level > 0.0:
            threshold = level
            found = True
    if not found:  # the entries are so large that subtracting one is lost to rounding
        _set_equal(point)
        return
    for i in range(n):
        value = point[i] - threshold
        point[i] = value if value > 0.0 else 0.0
    _normalise(point)


@cython.ccall
@cython.nogil
@cython.exceptval(-1)
def sample_covariance(
    returns: cython.double[:, ::1],
    ridge: cython.double,
    means: cython.double[::1],
    covariance: cython.double[:, ::1],
) -> cython.int:
    """Fill the means and the sample covariance (n - 1) of the columns, with `ridge` added to the diagonal."""
    periods: cython.Py_ssize_t = returns.shape[0]
    n: cython.Py_ssize_t = returns.shape[1]
    t: cython.Py_ssize_t
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    for j in range(n):
        means[j] = 0.0
        for i in range(n):
            covariance[j, i] = 0.0
    for t in range(periods):
        for j in range(n):
            means[j] += returns[t, j]
    for j in range(n):
        means[j] = means[j] / periods
    for t in range(periods):
        for i in range(n):
            for j in range(n):
                covariance[i, j] += (returns[t, i] - means[i]) * (returns[t, j] - means[j])
    for i in range(n):
        for j in range(n):
            covariance[i, j] = covariance[i, j] / (periods - 1)
        covariance[i, i] += ridge
    return 0


@cython.ccall
@cython.nogil
@cython.exceptval(-1)
def minimum_variance(
    covariance: cython.double[:, ::1], weights: cython.double[::1], scratch: cython.double[:, ::1]
) -> cython.int:
    """Projected gradient from equal weights: at most 350 steps of 0.20, shrinking. `scratch` has three rows."""
    i: cython.Py_ssize_t
    k: cython.int
    step: cython.double = 0.20
    gradient: cython.double[::1] = scratch[0]
    proposal: cython.double[::1] = scratch[1]
    _set_equal(weights)
    for k in range(350):
        _multiply(covariance, weights, gradient)
        for i in range(weights.shape[0]):
            proposal[i] = weights[i] - step * (2.0 * gradient[i])
        _project(proposal, scratch[2])
        if _move(weights, proposal) < _SETTLED:
            break
        step *= _DECAY
    _normalise(weights)
    return 0


@cython.ccall
@cython.nogil
@cython.exceptval(-1)
def maximum_sharpe(
    covariance: cython.double[:, ::1],
    excess: cython.double[::1],
    weights: cython.double[::1],
    scratch: cython.double[:, ::1],
) -> cython.int:
    """Gradient ascent on the Sharpe ratio from equal weights: at most 450 steps of 0.08, shrinking."""
    i: cython.Py_ssize_t
    k: cython.int
    step: cython.double = 0.08
    variance: cython.double
    deviation: cython.double
    mean: cython.double
    marginal: cython.double[::1] = scratch[0]
    proposal: cython.double[::1] = scratch[1]
    _set_equal(weights)
    for k in range(450):
        _multiply(covariance, weights, marginal)
        variance = _dot(weights, marginal)
        if not variance > 0.0:
            break
        deviation = sqrt(variance)
        mean = _dot(excess, weights)
        for i in range(weights.shape[0]):
            proposal[i] = weights[i] + step * (excess[i] / deviation - mean * marginal[i] / (variance * deviation))
        _project(proposal, scratch[2])
        if _move(weights, proposal) < _SETTLED:
            break
        step *= _DECAY
    _normalise(weights)
    return 0


@cython.ccall
@cython.nogil
@cython.exceptval(-1)
def risk_parity(
    covariance: cython.double[:, ::1], weights: cython.double[::1], scratch: cython.double[:, ::1]
) -> cython.int:
    """Multiplicative update towards equal risk contributions, damped, at most 600 rounds."""
    n: cython.Py_ssize_t = weights.shape[0]
    i: cython.Py_ssize_t
    k: cython.int
    variance: cython.double
    target: cython.double
    share: cython.double
    marginal: cython.double[::1] = scratch[0]
    proposal: cython.double[::1] = scratch[1]
    _set_equal(weights)
    for k in range(600):
        _multiply(covariance, weights, marginal)
        variance = _dot(weights, marginal)
        if not variance > 0.0:
            break
        target = variance / n
        for i in range(n):
            share = fabs(weights[i] * marginal[i])
            proposal[i] = weights[i] * sqrt(target / (share if share > _LEAST_SHARE else _LEAST_SHARE))
        _normalise(proposal)
        for i in range(n):
            proposal[i] = 0.6 * weights[i] + (1.0 - 0.6) * proposal[i]
        _normalise(proposal)
        if _move(weights, proposal) < _SETTLED:
            break
    _normalise(weights)
    return 0
