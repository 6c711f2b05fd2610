"""Every optimum against an independent solver, for many random limits, on synthetic and on real returns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

cp = pytest.importorskip("cvxpy")

from market_data import market_data  # noqa: E402
from nanodesk.allocation.hierarchical import hierarchical_risk_parity  # noqa: E402
from nanodesk.allocation.limits import Limits  # noqa: E402
from nanodesk.allocation.mean_variance import max_sharpe, mean_variance, min_variance  # noqa: E402
from nanodesk.allocation.risk_parity import risk_parity  # noqa: E402
from nanodesk.allocation.score import fit  # noqa: E402
from nanodesk.allocation.tail_risk import conditional_value_at_risk, min_cvar  # noqa: E402
from nanodesk.errors import InfeasibleError  # noqa: E402
from reference import allocation_reference as reference  # noqa: E402

# The gate of research.md, trap 10, for objective, limits and (strictly convex) weights; OSQP itself ends near 1e-9.
GATE = 1e-6
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::RuntimeWarning:cvxpy")


def random_limits(rng, n):
    cap = float(min(1.0, rng.uniform(1.05, 6) / n))
    fields = {"max_weight": cap, "gross": float(rng.choice([1.0, 0.5, 1.3]))}
    if rng.random() < 0.2:
        fields["max_weight"] = tuple(rng.uniform(0.5, 5, n) / n)
    if rng.random() < 0.3:
        fields |= {"long_only": False, "net": float(rng.choice([1.0, 0.5])), "gross": float(rng.choice([1.3, 2.0]))}
    if rng.random() < 0.4:
        fields |= {"groups": [str(g) for g in rng.integers(0, 4, n)], "max_group": float(rng.uniform(0.2, 0.6))}
    previous = None
    if rng.random() < 0.4:
        previous = rng.dirichlet(np.full(n, 0.3)) * fields["gross"]
        fields["max_turnover"] = float(rng.uniform(0.05, 0.6))
    return Limits(**fields), previous


def agree(ours, theirs, objective, region, *, label):
    try:
        weights = ours()
    except InfeasibleError:
        weights = None
    expected = theirs()
    assert (weights is None) == (expected is None), label
    if weights is None:
        return
    assert region().violation(weights) < 1e-9, label
    assert objective(weights) - objective(expected) < GATE * abs(objective(expected)), label
    assert np.abs(weights - expected).max() < GATE, label


def compare(returns, limits, previous, rng, label):
    covariance, mean, n = np.cov(returns.T), returns.mean(axis=0), returns.shape[1]
    aversion = float(rng.uniform(1, 20))

    def region():
        return limits.region(n, previous)

    agree(
        lambda: min_variance(covariance, limits=limits, previous=previous),
        lambda: reference.min_variance(covariance, limits, previous),
        lambda w: w @ covariance @ w,
        region,
        label=f"{label} min_variance {limits}",
    )
    agree(
        lambda: mean_variance(mean, covariance, risk_aversion=aversion, limits=limits, previous=previous),
        lambda: reference.mean_variance(mean, covariance, aversion, limits, previous),
        lambda w: aversion * w @ covariance @ w / 2 - mean @ w,
        region,
        label=f"{label} mean_variance {aversion} {limits}",
    )
    if (mean > 0).any():
        agree(
            lambda: max_sharpe(mean, covariance, limits=limits, previous=previous),
            lambda: reference.max_sharpe(mean, covariance, 0.0, limits, previous),
            lambda w: -(mean @ w) / np.sqrt(w @ covariance @ w),
            region,
            label=f"{label} max_sharpe {limits}",
        )


class TestQuadraticOptima:
    @pytest.mark.parametrize("seed", range(24))
    def test_random_limits_on_synthetic_returns(self, seed):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 80))
        limits, previous = random_limits(rng, n)
        compare(reference.market(seed, n + int(rng.integers(5, 260)), n), limits, previous, rng, f"seed {seed}")

    @pytest.mark.parametrize("seed", range(8))
    def test_random_limits_on_real_returns(self, seed, sp500_returns):
        rng = np.random.default_rng(1000 + seed)
        columns = rng.choice(sp500_returns.shape[1], size=int(rng.integers(5, 21)), replace=False)
        start = int(rng.integers(0, len(sp500_returns) - 252))
        limits, previous = random_limits(rng, len(columns))
        compare(sp500_returns[start : start + 252, columns], limits, previous, rng, f"seed {seed}")

    def test_working_set_equals_whole_program_for_500_names(self, monkeypatch):
        returns = reference.market(7, 600, 500)
        covariance, mean = np.cov(returns.T), returns.mean(axis=0)
        limits = Limits(max_weight=0.05)
        grown = min_variance(covariance, limits=limits), max_sharpe(mean, covariance, limits=limits)
        monkeypatch.setattr("nanodesk.allocation.cone.GROWING_FROM", 10_000)
        whole = min_variance(covariance, limits=limits)
        assert np.abs(grown[0] - whole).max() < 1e-9
        whole = max_sharpe(mean, covariance, limits=limits)
        assert np.abs(grown[1] - whole).max() < 1e-9


class TestRiskParity:
    @pytest.mark.parametrize("seed", range(6))
    def test_caps_against_an_exponential_cone(self, seed):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(4, 25))
        covariance = np.cov(reference.market(seed, 252, n).T)
        limits = Limits(
            max_weight=1.3 / n, groups=[str(i % 3) for i in range(n)], max_group=0.36 if n % 3 == 0 or n > 8 else 0.55
        )
        weights = risk_parity(covariance, limits=limits)
        y, kappa = cp.Variable(n, pos=True), cp.Variable(nonneg=True)
        scaled = covariance / np.mean(np.diag(covariance))
        objective = cp.quad_form(y, cp.psd_wrap(scaled)) / 2 - cp.sum(cp.log(y)) / n
        problem = cp.Problem(cp.Minimize(objective), reference.conditions(y, kappa, n, limits, None))
        problem.solve(solver=cp.SCS, eps=1e-10, max_iters=200_000)

        def ratio(w):
            return np.log(w @ covariance @ w) / 2 - np.log(w).mean()

        expected = y.value / y.value.sum()
        assert limits.region(n).violation(weights) < 1e-12, seed
        assert ratio(weights) < ratio(expected) + GATE, seed
        assert np.abs(weights - expected).max() < 1e-5, seed  # SCS, a first-order method, ends near 1e-6

    def test_agrees_with_skfolio(self):
        optimization = pytest.importorskip("skfolio.optimization")
        returns = reference.market(3, 252, 20)
        theirs = optimization.RiskBudgeting().fit(returns).weights_
        assert np.abs(risk_parity(np.cov(returns.T)) - theirs).max() < 1e-5  # tolerance of skfolio's solver


class TestTails:
    @pytest.mark.parametrize("seed", range(12))
    def test_least_cvar_against_the_simplex_method(self, seed):
        rng = np.random.default_rng(seed)
        n, alpha = int(rng.integers(3, 40)), float(rng.choice([0.9, 0.95, 0.99]))
        returns = reference.market(seed, 252, n)
        limits, previous = random_limits(rng, n)
        expected = reference.least_cvar(returns, alpha, limits, previous)
        if expected is None:
            with pytest.raises(InfeasibleError):
                min_cvar(returns, alpha=alpha, limits=limits, previous=previous)
            return
        weights = min_cvar(returns, alpha=alpha, limits=limits, previous=previous)
        assert limits.region(n, previous).violation(weights) < 1e-9, seed
        assert abs(conditional_value_at_risk(returns @ weights, alpha=alpha) - expected) < GATE * expected, seed


class TestFit:
    @pytest.mark.parametrize("seed", range(12))
    def test_nearest_weights_within_random_limits(self, seed):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(3, 60))
        limits, previous = random_limits(rng, n)
        limits = replace(limits, long_only=True, net=None)
        raw = rng.uniform(0.05, 1, n)
        expected = reference.nearest(raw, limits, previous)
        if expected is None:
            with pytest.raises(InfeasibleError):
                fit(raw, limits=limits, previous=previous)
            return
        assert np.abs(fit(raw, limits=limits, previous=previous) - expected).max() < GATE, seed


class TestHierarchical:
    @pytest.mark.parametrize("seed", range(5))
    def test_against_clusters_merged_by_hand(self, seed):
        covariance = np.cov(reference.market(seed, 252, 4 + 3 * seed).T)
        ours, theirs = hierarchical_risk_parity(covariance), reference.hierarchical_risk_parity(covariance)
        assert np.abs(ours - theirs).max() < 1e-12, seed


@pytest.fixture(scope="module")
def sp500_returns():
    path = market_data() / "equities_daily" / "skfolio_sp500_dataset.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    import polars as pl

    prices = pl.read_csv(path).drop("Date").to_numpy().astype(float)
    return prices[1:] / prices[:-1] - 1
