import numpy as np
import pytest

from nanodesk.allocation.limits import Limits
from nanodesk.allocation.risk_parity import risk_contributions, risk_parity
from nanodesk.errors import InfeasibleError, ValidationError
from reference.allocation_reference import market


class TestRiskContributions:
    def test_adds_to_one(self):
        covariance = np.cov(market(1, 100, 5).T)
        assert risk_contributions(np.full(5, 0.2), covariance).sum() == pytest.approx(1.0, abs=1e-15)

    def test_no_risk_no_contribution(self):
        assert risk_contributions([0.5, 0.5], np.zeros((2, 2))).tolist() == [0.0, 0.0]


class TestRiskParity:
    @pytest.mark.parametrize("n", [1, 2, 3, 10, 50, 300])
    def test_contributions_are_equal(self, n):
        covariance = np.atleast_2d(np.cov(market(n, 400, n).T))
        contributions = risk_contributions(risk_parity(covariance), covariance)
        assert np.abs(contributions - 1 / n).max() < 1e-10

    def test_contributions_are_equal_where_a_hedge_misleads_the_published_iteration(self):
        """There they ended at .097/.259/.657/-.013 (specification 22, bug 8): one name offsets the others."""
        correlation = np.array(
            [[1.0, 0.6, 0.5, -0.7], [0.6, 1.0, 0.4, -0.6], [0.5, 0.4, 1.0, -0.5], [-0.7, -0.6, -0.5, 1.0]]
        )
        deviation = np.array([0.01, 0.02, 0.03, 0.005])
        covariance = correlation * np.outer(deviation, deviation)
        contributions = risk_contributions(risk_parity(covariance), covariance)
        assert np.abs(contributions - 0.25).max() < 1e-12

    @pytest.mark.parametrize("seed", range(20))
    def test_contributions_match_random_budgets(self, seed):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 40))
        covariance = np.cov(rng.normal(0, rng.uniform(1e-4, 0.1, n), (3 * n, n)).T)
        budget = rng.uniform(0.01, 1, n)
        contributions = risk_contributions(risk_parity(covariance, budget=budget), covariance)
        assert np.abs(contributions - budget / budget.sum()).max() < 1e-10, seed

    def test_nearly_singular_covariance(self):
        covariance = np.full((3, 3), 1e-4) + np.diag([1e-12, 2e-12, 3e-12])
        contributions = risk_contributions(risk_parity(covariance), covariance)
        assert np.abs(contributions - 1 / 3).max() < 1e-10

    def test_gross_scales_the_weights(self):
        covariance = np.cov(market(4, 100, 6).T)
        assert np.abs(risk_parity(covariance, limits=Limits(gross=0.5)) * 2 - risk_parity(covariance)).max() < 1e-12

    def test_names_with_a_cap_of_zero_are_left_out(self):
        covariance = np.cov(market(4, 100, 6).T)
        weights = risk_parity(covariance, limits=Limits(max_weight=[1, 1, 0, 1, 1, 1]))
        assert weights[2] == 0.0
        kept = [0, 1, 3, 4, 5]
        assert np.abs(weights[kept] - risk_parity(covariance[np.ix_(kept, kept)])).max() < 1e-12

    def test_turnover(self):
        covariance = np.cov(market(4, 100, 6).T)
        limits = Limits(max_turnover=0.2)
        previous = np.array([0.5, 0.5, 0, 0, 0, 0])
        weights = risk_parity(covariance, limits=limits, previous=previous)
        assert np.abs(weights - previous).sum() / 2 == pytest.approx(0.2, abs=1e-10)
        assert weights.min() > 0

    def test_no_room_for_every_name(self):
        with pytest.raises(InfeasibleError, match="holds every name"):
            risk_parity(np.eye(3), limits=Limits(max_turnover=0.0), previous=[0.5, 0.5, 0.0])

    @pytest.mark.parametrize(
        ("covariance", "keywords", "message"),
        [
            (np.diag([1.0, 0.0]), {}, "without risk"),
            (np.eye(2), {"budget": [1.0, 0.0]}, r"budget\[1\]"),
            (np.eye(2), {"budget": [1.0]}, "budget has 1 entries for 2 names"),
            (np.eye(2), {"limits": Limits(long_only=False)}, "holds no shorts"),
        ],
    )
    def test_refuses(self, covariance, keywords, message):
        with pytest.raises(ValidationError, match=message):
            risk_parity(covariance, **keywords)
