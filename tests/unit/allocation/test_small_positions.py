import numpy as np
import pytest

from nanodesk.allocation.allocate import METHODS, allocate
from nanodesk.allocation.limits import Limits
from nanodesk.allocation.mean_variance import min_variance
from nanodesk.errors import InfeasibleError
from reference.allocation_reference import market

RETURNS = market(8, 252, 30) + 0.001


class TestHoldOrDrop:
    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("min_weight", [0.005, 0.03, 0.06])
    def test_weights_are_zero_or_at_least_the_minimum(self, method, min_weight):
        limits = Limits(max_weight=0.1, min_weight=min_weight)
        weights = allocate(method, returns=RETURNS, scores=RETURNS.mean(axis=0), limits=limits)
        held = weights[weights != 0]
        assert held.min() >= min_weight - 1e-9
        assert limits.region(30).violation(weights) < 1e-8

    def test_long_short(self):
        limits = Limits(max_weight=0.2, min_weight=0.05, long_only=False, net=1.0, gross=1.6)
        weights = min_variance(np.cov(RETURNS.T), limits=limits)
        assert np.abs(weights[weights != 0]).min() >= 0.05 - 1e-9
        assert (weights < 0).any()

    def test_nothing_to_drop_leaves_the_optimum(self):
        covariance = np.cov(RETURNS.T)
        plain = min_variance(covariance, limits=Limits(max_weight=0.1))
        smallest = plain[plain > 0].min()
        limits = Limits(max_weight=0.1, min_weight=smallest / 2)
        assert (min_variance(covariance, limits=limits) == plain).all()

    def test_names_held_at_their_minimum_where_none_can_be_dropped(self):
        covariance = np.diag([1.0, 1.0, 100.0])
        weights = min_variance(covariance, limits=Limits(max_weight=0.45, min_weight=0.2))
        assert weights == pytest.approx([0.4, 0.4, 0.2], abs=1e-9)

    def test_minimum_per_name(self):
        weights = min_variance(np.diag([1.0, 2.0, 50.0]), limits=Limits(min_weight=[0.0, 0.4, 0.0]))
        assert weights[1] == 0.0
        assert weights[2] > 0.0

    def test_no_set_of_names_fits(self):
        with pytest.raises(InfeasibleError, match="min_weight"):
            min_variance(np.eye(3), limits=Limits(max_weight=0.45, min_weight=0.4))
