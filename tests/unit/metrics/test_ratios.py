import math

import empyrical
import numpy as np
import pandas as pd
import pytest
import quantstats.stats as qs

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.metrics import ratios
from nanodesk.metrics.ratios import gain_to_pain, martin_ratio, omega_ratio, recovery_factor, ulcer_performance
from reference.metrics_reference import drawdowns, performance, ulcer

SUMS_AGREE = 1e-9


def random_returns(seed, n=500):
    return np.random.default_rng(seed).standard_t(4, n) * 0.01 + 0.0003


def as_series(returns):
    return pd.Series(returns, index=pd.bdate_range("2020-01-01", periods=len(returns)))


class TestOmegaRatio:
    @pytest.mark.parametrize("seed", range(5))
    def test_agrees_with_the_formula_quantstats_and_empyrical(self, seed):
        returns = random_returns(seed)
        gains = math.fsum(r for r in returns if r > 0)
        losses = math.fsum(-r for r in returns if r < 0)
        assert omega_ratio(returns) == pytest.approx(gains / losses, rel=SUMS_AGREE)
        assert omega_ratio(returns) == pytest.approx(qs.omega(as_series(returns)), rel=SUMS_AGREE)
        assert omega_ratio(returns) == pytest.approx(empyrical.omega_ratio(returns), rel=SUMS_AGREE)

    def test_takes_a_threshold_per_session(self):
        assert omega_ratio([0.5, 0.5], threshold=[0.25, 0.75]) == 1.0

    def test_without_losses(self):
        assert omega_ratio([0.1]) == math.inf
        assert math.isnan(omega_ratio([0.0]))


class TestGainToPain:
    @pytest.mark.parametrize("seed", range(5))
    def test_agrees_with_quantstats(self, seed):
        returns = random_returns(seed)
        assert gain_to_pain(returns) == pytest.approx(qs.gain_to_pain_ratio(as_series(returns)), rel=SUMS_AGREE)

    def test_is_omega_less_one(self):
        returns = random_returns(9)
        assert gain_to_pain(returns) == pytest.approx(omega_ratio(returns) - 1.0, rel=SUMS_AGREE)


class TestUlcerPerformance:
    @pytest.mark.parametrize("seed", range(5))
    def test_agrees_with_the_reference(self, seed):
        values = random_returns(seed).tolist()
        growth = performance(values)["cagr"] - (1.0001**252 - 1)
        actual = ulcer_performance(values, risk_free=0.0001)
        assert actual == pytest.approx(growth / ulcer(values), rel=SUMS_AGREE)

    def test_does_not_grow_with_the_length(self):
        # quantstats divides the total return: twice the sample, about twice the ratio
        returns = random_returns(3)
        once, twice = ulcer_performance(returns), ulcer_performance(np.tile(returns, 2))
        assert abs(twice) < 1.5 * abs(once)

    def test_never_under_water(self):
        assert ulcer_performance([0.1, 0.1]) == math.inf
        assert math.isnan(ulcer_performance([0.0, 0.0]))


class TestMartinRatio:
    def test_takes_no_risk_free_rate_off(self):
        values = random_returns(4).tolist()
        assert martin_ratio(values) == pytest.approx(performance(values)["cagr"] / ulcer(values), rel=SUMS_AGREE)


class TestRecoveryFactor:
    @pytest.mark.parametrize("seed", range(5))
    def test_agrees_with_the_reference(self, seed):
        values = random_returns(seed).tolist()
        expected = performance(values)["total_return"] / max(drawdowns(values))
        assert recovery_factor(values) == pytest.approx(expected, rel=SUMS_AGREE)

    def test_keeps_the_sign(self):
        assert recovery_factor([-0.5]) == -1.0


@pytest.mark.parametrize(
    "name", ["omega_ratio", "gain_to_pain", "ulcer_performance", "martin_ratio", "recovery_factor"]
)
def test_bad_returns_are_refused(name):
    measure = getattr(ratios, name)
    with pytest.raises(ValidationError, match=r"returns\[1\]"):
        measure([0.1, math.nan])
    with pytest.raises(ShapeError):
        measure([])
