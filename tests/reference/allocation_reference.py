"""Optimal portfolios stated as plainly as possible, solved by other solvers than the package uses.

Quadratic programs are modelled in cvxpy and solved by OSQP (operator splitting, with its own polish), linear ones
by HiGHS (simplex). Limits are read from their definitions, not from ``Limits.region``.
"""

from __future__ import annotations

import cvxpy as cp
import numpy as np

OSQP = {"solver": cp.OSQP, "eps_abs": 1e-10, "eps_rel": 1e-10, "max_iter": 200_000, "polishing": True}


def conditions(w, kappa, n, limits, previous):
    """cvxpy constraints for weights ``w / kappa``."""
    cap = np.broadcast_to(np.asarray(limits.max_weight, float), n)
    net = limits.net_weight
    out = [cp.sum(w) == net * kappa, w <= cap * kappa]
    if limits.long_only:
        out.append(w >= 0)
    else:
        out += [w >= -cap * kappa, cp.norm1(w) <= limits.gross * kappa]
    if limits.max_group is not None:
        for label in sorted(set(limits.groups)):
            mask = np.array([group == label for group in limits.groups], float)
            limit = limits.max_group.get(label) if isinstance(limits.max_group, dict) else limits.max_group
            if limit is not None:
                out.append(cp.abs(mask @ w) <= limit * kappa)
    if limits.max_turnover is not None and previous is not None:
        out.append(cp.norm1(w - np.asarray(previous) * kappa) / 2 <= limits.max_turnover * kappa)
    return out


def _variance(w, covariance):
    return cp.quad_form(w, cp.psd_wrap(covariance / np.mean(np.diag(covariance))))


def _solve(objective, constraints, variable):
    problem = cp.Problem(objective, constraints)
    problem.solve(**OSQP)
    if problem.status in ("infeasible", "infeasible_inaccurate"):
        return None
    assert problem.status == "optimal", problem.status
    return variable.value


def min_variance(covariance, limits, previous=None):
    w = cp.Variable(len(covariance))
    return _solve(cp.Minimize(_variance(w, covariance)), conditions(w, 1.0, len(covariance), limits, previous), w)


def mean_variance(mean, covariance, risk_aversion, limits, previous=None):
    w = cp.Variable(len(covariance))
    scale = risk_aversion * np.mean(np.diag(covariance))
    objective = cp.Minimize(_variance(w, covariance) / 2 - (mean / scale) @ w)
    return _solve(objective, conditions(w, 1.0, len(covariance), limits, previous), w)


def max_sharpe(mean, covariance, risk_free, limits, previous=None):
    n = len(covariance)
    y, kappa = cp.Variable(n), cp.Variable(nonneg=True)
    excess = (mean - risk_free) / np.abs(mean - risk_free).max()
    solved = _solve(
        cp.Minimize(_variance(y, covariance)), [excess @ y == 1, *conditions(y, kappa, n, limits, previous)], y
    )
    return None if solved is None else solved / kappa.value


def least_cvar(returns, alpha, limits, previous=None):
    """Least CVaR by the simplex method on Rockafellar and Uryasev's program; None if infeasible."""
    n_sessions, n = returns.shape
    w, level, excess = cp.Variable(n), cp.Variable(), cp.Variable(n_sessions, nonneg=True)
    objective = cp.Minimize(level + cp.sum(excess) / ((1 - alpha) * n_sessions))
    problem = cp.Problem(objective, [*conditions(w, 1.0, n, limits, previous), excess >= -returns @ w - level])
    problem.solve(solver=cp.SCIPY, scipy_options={"method": "highs"})
    return None if problem.status == "infeasible" else problem.value


def nearest(raw, limits, previous=None):
    """Weights within limits nearest in chi-square distance to ``raw`` scaled to the net weight; None if infeasible."""
    target = raw * limits.net_weight / raw.sum()
    w = cp.Variable(len(raw))
    objective = cp.Minimize(cp.sum(cp.multiply(1 / target, cp.square(w - target))))
    return _solve(objective, conditions(w, 1.0, len(raw), limits, previous), w)


def constant_correlation_shrinkage(returns):
    """Ledoit and Wolf (2004b), appendix B, written with loops."""
    x = np.asarray(returns, float) - np.mean(returns, axis=0)
    t, n = x.shape
    s = np.array([[sum(x[k, i] * x[k, j] for k in range(t)) / t for j in range(n)] for i in range(n)])
    average = sum(s[i, j] / np.sqrt(s[i, i] * s[j, j]) for i in range(n) for j in range(i)) / (n * (n - 1) / 2)
    f = np.array([[s[i, i] if i == j else average * np.sqrt(s[i, i] * s[j, j]) for j in range(n)] for i in range(n)])
    pi = [[sum((x[k, i] * x[k, j] - s[i, j]) ** 2 for k in range(t)) / t for j in range(n)] for i in range(n)]

    def theta(i, j, of):
        return sum((x[k, of] ** 2 - s[of, of]) * (x[k, i] * x[k, j] - s[i, j]) for k in range(t)) / t

    rho = sum(pi[i][i] for i in range(n))
    for i in range(n):
        for j in range(n):
            if i != j:
                rho += average / 2 * np.sqrt(s[j, j] / s[i, i]) * theta(i, j, i)
                rho += average / 2 * np.sqrt(s[i, i] / s[j, j]) * theta(i, j, j)
    gamma = np.sum((f - s) ** 2)
    delta = max(0.0, min(1.0, (np.sum(pi) - rho) / gamma / t))
    return delta * f + (1 - delta) * s


def hierarchical_risk_parity(covariance):
    """Lopez de Prado (2016), section 2: single linkage by hand, quasi-diagonal order, recursive halves."""
    c = np.asarray(covariance, float)
    n = len(c)
    correlation = c / np.sqrt(np.outer(np.diag(c), np.diag(c)))
    d = np.sqrt(np.maximum(0.0, (1 - correlation) / 2))
    far = np.array([[np.sqrt(sum((d[k, i] - d[k, j]) ** 2 for k in range(n))) for j in range(n)] for i in range(n)])
    clusters = {i: [i] for i in range(n)}
    following = n
    while len(clusters) > 1:
        pairs = [(a, b) for a in clusters for b in clusters if a < b]
        a, b = min(pairs, key=lambda p: min(far[i, j] for i in clusters[p[0]] for j in clusters[p[1]]))
        clusters[following] = clusters.pop(a) + clusters.pop(b)
        following += 1
    (order,) = clusters.values()

    def variance(members):
        sub = c[np.ix_(members, members)]
        w = 1 / np.diag(sub)
        w = w / w.sum()
        return w @ sub @ w

    weights = np.ones(n)

    def halve(members):
        if len(members) < 2:
            return
        left, right = members[: len(members) // 2], members[len(members) // 2 :]
        share = 1 - variance(left) / (variance(left) + variance(right))
        weights[left] *= share
        weights[right] *= 1 - share
        halve(left)
        halve(right)

    halve(order)
    return weights


def identity_shrinkage(returns):
    """Ledoit and Wolf (2004a), section 3.2, written with loops over sessions."""
    x = np.asarray(returns, float) - np.mean(returns, axis=0)
    t, n = x.shape
    s = sum(np.outer(row, row) for row in x) / t
    m = np.trace(s) / n
    d2 = np.sum((s - m * np.eye(n)) ** 2) / n
    b2 = min(d2, sum(np.sum((np.outer(row, row) - s) ** 2) / n for row in x) / t**2)
    return b2 / d2 * m * np.eye(n) + (1 - b2 / d2) * s


def oracle_approximating_shrinkage(returns):
    """Chen et al. (2010), equation 23, in the form of scikit-learn (2 / n dropped)."""
    x = np.asarray(returns, float) - np.mean(returns, axis=0)
    t, n = x.shape
    s = sum(np.outer(row, row) for row in x) / t
    trace_of_square, square_of_trace = np.trace(s @ s), np.trace(s) ** 2
    rho = (trace_of_square + square_of_trace) / ((t + 1) * (trace_of_square - square_of_trace / n))
    rho = min(1.0, rho)
    return (1 - rho) * s + rho * np.trace(s) / n * np.eye(n)


def market(seed, n_sessions, n_names):
    """Returns with three common factors."""
    rng = np.random.default_rng(seed)
    loadings = rng.normal(1, 0.4, (3, n_names))
    return rng.normal(2e-4, 0.008, (n_sessions, 3)) @ loadings + rng.normal(0, 0.012, (n_sessions, n_names))
