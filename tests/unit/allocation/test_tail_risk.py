import numpy as np
import pytest

from nanodesk.allocation.limits import Limits
from nanodesk.allocation.tail_risk import conditional_value_at_risk, inverse_cdar, inverse_cvar, min_cvar
from nanodesk.errors import ValidationError
from reference.allocation_reference import market

RETURNS = market(6, 200, 8)


class TestConditionalValueAtRisk:
    def test_counts_the_session_at_the_edge_in_part(self):
        returns = -np.array([5.0, 4.0, 3.0, 2.0, 1.0])
        assert conditional_value_at_risk(returns, alpha=0.7) == pytest.approx((5 + 0.5 * 4) / 1.5)

    @pytest.mark.parametrize("alpha", [0.0, 0.49, 1.0, np.nan])
    def test_refuses_alpha(self, alpha):
        with pytest.raises(ValidationError, match="alpha"):
            conditional_value_at_risk([0.1, 0.2], alpha=alpha)


class TestMinCvar:
    def test_beats_random_portfolios(self):
        best = conditional_value_at_risk(RETURNS @ min_cvar(RETURNS))
        rng = np.random.default_rng(0)
        for weights in rng.dirichlet(np.ones(8), 200):
            assert conditional_value_at_risk(RETURNS @ weights) >= best - 1e-12

    def test_limits_hold(self):
        limits = Limits(max_weight=0.2, groups=list("aabbccdd"), max_group=0.3, max_turnover=0.5)
        previous = np.full(8, 0.125)
        weights = min_cvar(RETURNS, limits=limits, previous=previous)
        assert limits.region(8, previous).violation(weights) < 1e-9

    def test_a_name_that_never_loses(self):
        returns = RETURNS.copy()
        returns[:, 2] = 0.001
        assert min_cvar(returns)[2] == pytest.approx(1.0, abs=1e-8)

    def test_skips_sessions_with_gaps(self):
        gaps = RETURNS.copy()
        gaps[7, 3] = np.nan
        assert np.abs(min_cvar(gaps) - min_cvar(np.delete(RETURNS, 7, axis=0))).max() < 1e-12

    def test_refuses_dollar_neutral(self):
        with pytest.raises(ValidationError, match="net=0"):
            min_cvar(RETURNS, limits=Limits(long_only=False))


class TestInverseCvar:
    def test_by_hand(self):
        # 20 sessions at 0.95: exactly one session is the tail, although (1 - 0.95) * 20 is above 1 in binary.
        returns = np.full((20, 2), 0.01)
        returns[3], returns[4] = [-0.02, -0.06], [-0.01, -0.05]
        assert inverse_cvar(returns) == pytest.approx([0.75, 0.25])

    def test_a_name_that_never_loses_keeps_a_finite_weight(self):
        weights = inverse_cvar([[0.01, -0.01], [0.02, 0.01]])
        assert weights == pytest.approx([1.0, 0.0], abs=1e-5)


class TestInverseCdar:
    def test_by_hand(self):
        returns = np.array([[0.1, 0.0], [-0.1, -0.4], [0.0, 0.0], [0.2, 0.1]])
        # alpha 0.5: the two worst drawdowns, 10 % twice and 40 % twice
        assert inverse_cdar(returns, alpha=0.5) == pytest.approx([0.8, 0.2])

    def test_fits_limits(self):
        assert inverse_cdar(RETURNS, limits=Limits(max_weight=0.14)).max() == 0.14
