"""What holds for every portfolio: optimality conditions, limits, and invariance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanodesk.allocation.allocate import METHODS, allocate
from nanodesk.allocation.limits import Limits
from nanodesk.allocation.mean_variance import max_sharpe, mean_variance, min_variance
from nanodesk.allocation.risk_parity import risk_contributions, risk_parity
from nanodesk.allocation.tail_risk import conditional_value_at_risk, min_cvar
from nanodesk.errors import InfeasibleError
from reference.allocation_reference import market

seeds = st.integers(0, 10_000)
sizes = st.integers(2, 70)
tightness = st.floats(1.01, 8.0)
# Slope of the objective relative to its scale; the solver's own tolerance is a hundred times smaller.
KKT = 1e-8


def kkt_residual(slope, weights, cap):
    """Worst breach of: one common slope for names between the limits, no less at zero, no more at the cap."""
    at_zero, at_cap = weights <= 1e-9, weights >= cap - 1e-9
    between = ~(at_zero | at_cap)
    above = slope[at_zero].min(initial=np.inf)
    below = slope[at_cap].max(initial=-np.inf)
    low, high = (slope[between].min(), slope[between].max()) if between.any() else (below, above)
    return max(high - low if between.any() else 0.0, high - above if between.any() else below - above, below - low)


@settings(max_examples=40, deadline=None)
@given(seeds, sizes, tightness)
def test_min_variance_meets_the_optimality_conditions(seed, n, slack):
    covariance = np.cov(market(seed, n + 60, n).T)
    cap = min(1.0, slack / n)
    weights = min_variance(covariance, limits=Limits(max_weight=cap))
    slope = covariance @ weights / np.diag(covariance).mean()
    assert kkt_residual(slope, weights, cap) < KKT


@settings(max_examples=40, deadline=None)
@given(seeds, sizes, tightness, st.floats(0.1, 100.0))
def test_mean_variance_meets_the_optimality_conditions(seed, n, slack, aversion):
    returns = market(seed, n + 60, n)
    covariance, mean = np.cov(returns.T), returns.mean(axis=0)
    cap = min(1.0, slack / n)
    weights = mean_variance(mean, covariance, risk_aversion=aversion, limits=Limits(max_weight=cap))
    slope = aversion * covariance @ weights - mean
    scale = max(aversion * np.diag(covariance).mean(), np.abs(mean).max())
    assert kkt_residual(slope / scale, weights, cap) < KKT


@settings(max_examples=40, deadline=None)
@given(seeds, sizes, tightness)
def test_max_sharpe_meets_the_optimality_conditions(seed, n, slack):
    returns = market(seed, n + 60, n) + 0.01
    covariance, mean = np.cov(returns.T), returns.mean(axis=0)
    cap = min(1.0, slack / n)
    weights = max_sharpe(mean, covariance, limits=Limits(max_weight=cap))
    variance = weights @ covariance @ weights
    # Slope of minus the logarithm of the ratio.
    slope = covariance @ weights / variance - mean / (mean @ weights)
    assert kkt_residual(slope * np.sqrt(variance / np.diag(covariance).mean()), weights, cap) < 10 * KKT


@settings(max_examples=30, deadline=None)
@given(seeds, sizes)
def test_risk_parity_splits_the_risk_evenly(seed, n):
    covariance = np.cov(market(seed, n + 60, n).T)
    assert np.abs(risk_contributions(risk_parity(covariance), covariance) - 1 / n).max() < 1e-10


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(2, 30), st.floats(1.01, 2.0))
def test_capped_risk_parity_meets_the_optimality_conditions(seed, n, slack):
    covariance = np.cov(market(seed, n + 60, n).T)
    cap = min(1.0, slack / n)
    weights = risk_parity(covariance, limits=Limits(max_weight=cap))
    # The logarithm of volatility over the geometric mean does not depend on the length of the weights, so the
    # multiplier of their sum is fixed by the caps alone.
    slope = weights * (covariance @ weights) / (weights @ covariance @ weights) - 1 / n
    slope /= weights
    at_cap = weights >= cap - 1e-10
    common = slope[~at_cap]
    assert np.ptp(common) < 1e-6 * n if len(common) else True
    if len(common) and at_cap.any():
        assert slope[at_cap].max() <= common.min() + 1e-6 * n


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=12, deadline=None)
@given(seed=seeds, n=st.integers(3, 40), slack=st.floats(1.05, 4.0), gross=st.sampled_from([0.3, 1.0, 1.5]))
def test_limits_always_hold_or_an_error_says_why(method, seed, n, slack, gross):
    rng = np.random.default_rng(seed)
    returns = market(seed, 80, n) + 0.002
    previous = rng.dirichlet(np.ones(n)) * gross
    limits = Limits(
        max_weight=slack * gross / n,
        min_weight=float(rng.choice([0.0, 0.2])) * gross / n,
        groups=[str(label) for label in rng.integers(0, 3, n)],
        max_group=float(rng.uniform(0.3, 1.0)) * gross,
        max_turnover=float(rng.uniform(0.1, 1.0)) * gross,
        gross=gross,
    )
    try:
        weights = allocate(method, returns=returns, scores=returns.mean(axis=0), limits=limits, previous=previous)
    except InfeasibleError as error:
        assert error.field is not None
        return
    assert limits.region(n, previous).violation(weights) < 1e-8
    held = weights[weights != 0]
    assert held.min() >= limits.min_weight - 1e-8


@pytest.mark.parametrize("method", ["min_variance", "max_sharpe", "risk_parity", "inverse_vol", "equal", "score"])
@settings(max_examples=10, deadline=None)
@given(seed=seeds, n=st.integers(3, 60))
def test_order_of_names_does_not_matter(method, seed, n):
    returns = market(seed, 120, n) + 0.002
    order = np.random.default_rng(seed).permutation(n)
    limits = Limits(max_weight=2.5 / n)

    def weights(matrix):
        return allocate(method, returns=matrix, scores=matrix.mean(axis=0), limits=limits)

    assert np.abs(weights(returns)[order] - weights(returns[:, order])).max() < 1e-7


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(3, 40))
def test_another_limit_never_improves_the_optimum(seed, n):
    returns = market(seed, n + 60, n)
    covariance = np.cov(returns.T)
    free = min_variance(covariance)
    capped = min_variance(covariance, limits=Limits(max_weight=2 / n))
    assert capped @ covariance @ capped >= (free @ covariance @ free) * (1 - 1e-9)
    tail_free, tail_capped = (min_cvar(returns, limits=limit) for limit in (Limits(), Limits(max_weight=2 / n)))
    least, more = (conditional_value_at_risk(returns @ weights) for weights in (tail_free, tail_capped))
    assert more >= least - 1e-9
