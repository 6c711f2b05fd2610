import subprocess
import sys

import numpy as np
import pytest

from nanodesk.allocation.allocate import METHODS, allocate
from nanodesk.allocation.covariance import estimate
from nanodesk.allocation.limits import Limits
from nanodesk.allocation.mean_variance import min_variance
from nanodesk.errors import InfeasibleError, ValidationError
from reference.allocation_reference import market

RETURNS = market(9, 252, 10) + 0.001


class TestAllocate:
    @pytest.mark.parametrize("method", METHODS)
    def test_every_method_obeys_every_limit(self, method):
        limits = Limits(
            max_weight=0.2, groups=list("aaabbbcccc"), max_group=0.45, max_turnover=0.4, gross=0.9, min_weight=0.01
        )
        previous = np.full(10, 0.09)
        scores = RETURNS.mean(axis=0)
        weights = allocate(method, returns=RETURNS, scores=scores, limits=limits, previous=previous)
        assert weights.shape == (10,)
        assert limits.region(10, previous).violation(weights) < 1e-8

    @pytest.mark.parametrize("method", METHODS)
    def test_same_input_same_bytes(self, method):
        scores = RETURNS.mean(axis=0)
        once = allocate(method, returns=RETURNS, scores=scores, limits=Limits(max_weight=0.3))
        again = allocate(method, returns=RETURNS, scores=scores, limits=Limits(max_weight=0.3))
        assert once.tobytes() == again.tobytes()

    @pytest.mark.parametrize("covariance_method", ["sample", "ewma", "ledoit_wolf", "oas"])
    def test_estimates_the_covariance(self, covariance_method):
        weights = allocate("min_variance", returns=RETURNS, covariance_method=covariance_method)
        assert (weights == min_variance(estimate(RETURNS, covariance_method))).all()

    def test_a_covariance_given_is_used(self):
        assert (allocate("min_variance", covariance=np.eye(3)) == min_variance(np.eye(3))).all()

    @pytest.mark.parametrize(
        ("method", "field"),
        [
            ("score", "scores"),
            ("min_variance", "covariance"),
            ("max_sharpe", "covariance"),
            ("cvar", "returns"),
            ("equal", "returns"),
            ("kelly", "method"),
        ],
    )
    def test_names_what_is_missing(self, method, field):
        with pytest.raises(ValidationError) as caught:
            allocate(method)
        assert caught.value.field == field

    def test_mean_is_needed_beside_a_covariance(self):
        with pytest.raises(ValidationError, match="mean"):
            allocate("max_sharpe", covariance=np.eye(3))

    def test_no_excess(self):
        falling = RETURNS - 0.1
        with pytest.raises(InfeasibleError, match="risk_free"):
            allocate("max_sharpe", returns=falling)
        weights = allocate("max_sharpe", returns=falling, no_excess="min_variance")
        assert (weights == allocate("min_variance", returns=falling)).all()
        with pytest.raises(ValidationError, match="no_excess"):
            allocate("max_sharpe", returns=falling, no_excess="cash")

    def test_importing_stays_light(self):
        script = (
            "import sys, nanodesk.allocation.allocate, nanodesk.volatility.garch, nanodesk.indicators.momentum;"
            "heavy = {'scipy', 'clarabel', 'talib', 'arch', 'pandas', 'sklearn'} & set(sys.modules);"
            "sys.exit(str(heavy) if heavy else 0)"
        )
        subprocess.run([sys.executable, "-c", script], check=True)
