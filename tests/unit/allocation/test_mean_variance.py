import numpy as np
import pytest

from nanodesk.allocation.limits import Limits
from nanodesk.allocation.mean_variance import max_sharpe, mean_variance, min_variance
from nanodesk.errors import InfeasibleError, NotConvergedError, ShapeError, ValidationError
from reference.allocation_reference import market

RETURNS = market(2, 252, 12)
COVARIANCE = np.cov(RETURNS.T)
MEAN = RETURNS.mean(axis=0)


class TestMinVariance:
    def test_two_names_in_closed_form(self):
        covariance = np.array([[0.04, 0.006], [0.006, 0.01]])
        expected = (0.01 - 0.006) / (0.04 + 0.01 - 2 * 0.006)
        assert min_variance(covariance)[0] == pytest.approx(expected, abs=1e-12)

    def test_long_short_without_binding_limits_in_closed_form(self):
        solved = np.linalg.solve(COVARIANCE, np.ones(12))
        limits = Limits(long_only=False, net=1.0, gross=10.0, max_weight=5.0)
        assert np.abs(min_variance(COVARIANCE, limits=limits) - solved / solved.sum()).max() < 1e-10

    def test_reaches_the_minimum_where_small_steps_stay_near_equal_weights(self):
        """The published optimiser ended at 1.7 to 5.2 times the least variance (specification 22, bug 7)."""
        covariance = np.diag([1e-6, 4e-4, 9e-4])
        inverse = 1 / np.diag(covariance)
        assert np.abs(min_variance(covariance) - inverse / inverse.sum()).max() < 1e-10

    @pytest.mark.parametrize("scale", [1e-14, 1e-8, 1.0, 1e8])
    def test_does_not_depend_on_units(self, scale):
        limits = Limits(max_weight=0.15)
        plain = min_variance(COVARIANCE, limits=limits)
        assert np.abs(min_variance(COVARIANCE * scale, limits=limits) - plain).max() < 1e-9

    def test_weights_at_limits_are_exact(self):
        weights = min_variance(COVARIANCE, limits=Limits(max_weight=0.15))
        assert set(weights[weights > 0.1499]) == {0.15}
        assert weights[weights < 1e-9].tolist() == [0.0] * int((weights < 1e-9).sum())
        assert weights.sum() == pytest.approx(1.0, abs=1e-15)

    def test_one_name(self):
        assert min_variance([[0.04]]).tolist() == [1.0]

    def test_caps_that_leave_no_choice(self):
        assert min_variance(np.eye(4), limits=Limits(max_weight=0.25)).tolist() == [0.25] * 4

    def test_names_with_a_cap_of_zero_are_not_held(self):
        caps = [0.0, 0.3, 0.3, 0.3, 0.3, 0.3, 0.0, 0.3, 0.3, 0.3, 0.3, 0.3]
        weights = min_variance(COVARIANCE, limits=Limits(max_weight=caps))
        assert weights[0] == weights[6] == 0.0

    def test_singular_covariance_is_solved(self):
        covariance = np.cov(market(3, 10, 30).T)
        weights = min_variance(covariance, limits=Limits(max_weight=0.1))
        assert weights @ covariance @ weights < 1e-12 + np.full(30, 1 / 30) @ covariance @ np.full(30, 1 / 30)

    def test_same_input_same_bytes(self):
        limits = Limits(max_weight=0.15)
        assert min_variance(COVARIANCE, limits=limits).tobytes() == min_variance(COVARIANCE, limits=limits).tobytes()

    def test_gross_of_zero_holds_nothing(self):
        assert min_variance(COVARIANCE, limits=Limits(gross=0.0)).tolist() == [0.0] * 12

    def test_refuses_dollar_neutral(self):
        with pytest.raises(ValidationError, match="net=0 holds nothing"):
            min_variance(COVARIANCE, limits=Limits(long_only=False))

    def test_solver_that_stops_early_raises(self, monkeypatch):
        import clarabel

        from nanodesk.allocation import cone

        def hasty(regularization):
            settings = clarabel.DefaultSettings()
            settings.verbose, settings.max_iter = False, 1
            return settings

        monkeypatch.setattr(cone, "_settings", hasty)
        with pytest.raises(NotConvergedError, match="MaxIterations"):
            min_variance(COVARIANCE)


class TestMeanVariance:
    def test_without_aversion_takes_the_best_means(self):
        weights = mean_variance(MEAN, COVARIANCE, risk_aversion=0.0, limits=Limits(max_weight=0.5))
        assert set(np.argsort(weights)[-2:]) == set(np.argsort(MEAN)[-2:])

    def test_much_aversion_is_min_variance(self):
        weights = mean_variance(MEAN, COVARIANCE, risk_aversion=1e10)
        assert np.abs(weights - min_variance(COVARIANCE)).max() < 1e-6

    def test_dollar_neutral(self):
        limits = Limits(long_only=False, gross=1.0, max_weight=0.3)
        weights = mean_variance(MEAN, COVARIANCE, risk_aversion=1.0, limits=limits)
        assert abs(weights.sum()) < 1e-12
        assert np.abs(weights).sum() == pytest.approx(1.0, abs=1e-9)

    @pytest.mark.parametrize(
        ("mean", "aversion", "error"),
        [
            (MEAN[:-1], 1.0, ShapeError),
            (np.append(MEAN[:-1], np.nan), 1.0, ValidationError),
            (MEAN, -1.0, ValidationError),
            (MEAN, np.nan, ValidationError),
        ],
    )
    def test_refuses(self, mean, aversion, error):
        with pytest.raises(error):
            mean_variance(mean, COVARIANCE, risk_aversion=aversion)


class TestMaxSharpe:
    def test_unlimited_in_closed_form(self):
        mean = MEAN + 0.01
        solved = np.linalg.solve(COVARIANCE, mean - 0.002)
        limits = Limits(long_only=False, net=1.0, gross=20.0, max_weight=10.0)
        weights = max_sharpe(mean, COVARIANCE, risk_free=0.002, limits=limits)
        assert np.abs(weights - solved / solved.sum()).max() < 1e-9

    def test_dollar_neutral_in_closed_form_and_as_large_as_allowed(self):
        ones = np.linalg.solve(COVARIANCE, np.ones(12))
        solved = np.linalg.solve(COVARIANCE, MEAN)
        solved -= ones * (solved.sum() / ones.sum())
        limits = Limits(long_only=False, gross=2.0, max_weight=0.4)
        weights = max_sharpe(MEAN, COVARIANCE, limits=limits)
        assert np.abs(weights / np.abs(weights).sum() - solved / np.abs(solved).sum()).max() < 1e-10
        assert max(np.abs(weights).max() / 0.4, np.abs(weights).sum() / 2.0) == pytest.approx(1.0, abs=1e-12)

    @pytest.mark.parametrize("seed", range(10))
    def test_fewer_sessions_than_names_long_and_short(self, seed):
        """The covariance is singular, so that some ratio is unbounded: any answer within the limits will do."""
        returns = market(seed, 25, 60) + 0.004
        limits = Limits(long_only=False, gross=2.0, max_weight=0.08)
        weights = max_sharpe(returns.mean(axis=0), np.cov(returns.T), limits=limits)
        assert limits.region(60).violation(weights) < 1e-9, seed

    def test_no_portfolio_above_the_risk_free_rate(self):
        with pytest.raises(InfeasibleError, match="Use min_variance") as caught:
            max_sharpe(-np.abs(MEAN), COVARIANCE)
        assert caught.value.field == "mean"

    def test_limits_can_take_the_only_gains_away(self):
        mean = np.array([0.01, -0.02, -0.02, -0.02])
        assert max_sharpe(mean, np.eye(4) * 1e-4)[0] > 0.9
        with pytest.raises(InfeasibleError, match="risk_free"):
            max_sharpe(mean, np.eye(4) * 1e-4, limits=Limits(max_weight=0.3))

    def test_refuses_risk_free(self):
        with pytest.raises(ValidationError, match="risk_free"):
            max_sharpe(MEAN, COVARIANCE, risk_free=np.nan)
