import math

import empyrical
import numpy as np
import pytest
import quantstats.stats as qs
import scipy.stats

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.metrics import distribution
from nanodesk.metrics.distribution import (
    conditional_value_at_risk,
    cornish_fisher_var,
    excess_kurtosis,
    skewness,
    tail_ratio,
    value_at_risk,
)
from reference import metrics_reference as reference

SUMS_AGREE = 1e-9


def random_returns(seed):
    rng = np.random.default_rng(seed)
    return rng.standard_t(4, int(rng.integers(4, 400))) * 0.01


def as_series(returns):
    import pandas as pd

    return pd.Series(returns, index=pd.bdate_range("2020-01-01", periods=len(returns)))


class TestSkewness:
    @pytest.mark.parametrize("seed", range(15))
    def test_agrees_with_reference_scipy_and_quantstats(self, seed):
        returns = random_returns(seed)
        actual = skewness(returns)
        assert actual == pytest.approx(reference.skew_sample(returns.tolist()), rel=SUMS_AGREE)
        assert actual == pytest.approx(qs.skew(as_series(returns)), rel=SUMS_AGREE)
        plain = skewness(returns, bias_corrected=False)
        assert plain == pytest.approx(scipy.stats.skew(returns), rel=SUMS_AGREE)

    def test_constant_returns_have_none(self):
        assert skewness([0.1] * 5) == 0.0

    def test_two_returns_are_too_few(self):
        assert math.isnan(skewness([0.1, 0.2]))
        assert skewness([0.1, 0.2], bias_corrected=False) == pytest.approx(0.0, abs=1e-12)

    def test_does_not_underflow(self):
        returns = random_returns(1)
        assert skewness(returns * 1e-100) == pytest.approx(skewness(returns), rel=SUMS_AGREE)


class TestExcessKurtosis:
    @pytest.mark.parametrize("seed", range(15))
    def test_agrees_with_reference_scipy_and_quantstats(self, seed):
        returns = random_returns(seed)
        actual = excess_kurtosis(returns)
        assert actual == pytest.approx(reference.excess_kurtosis_sample(returns.tolist()), rel=SUMS_AGREE)
        assert actual == pytest.approx(qs.kurtosis(as_series(returns)), rel=SUMS_AGREE)
        plain = excess_kurtosis(returns, bias_corrected=False)
        assert plain == pytest.approx(scipy.stats.kurtosis(returns), rel=SUMS_AGREE)

    def test_constant_returns_have_none(self):
        assert excess_kurtosis([0.1] * 5) == 0.0

    def test_three_returns_are_too_few(self):
        assert math.isnan(excess_kurtosis([0.1, 0.2, 0.4]))


class TestValueAtRisk:
    @pytest.mark.parametrize("seed", range(10))
    def test_agrees_with_reference_and_empyrical(self, seed):
        returns = random_returns(seed)
        assert value_at_risk(returns) == pytest.approx(reference.quantile(returns.tolist(), 0.05), rel=SUMS_AGREE)
        assert value_at_risk(returns) == pytest.approx(empyrical.value_at_risk(returns), rel=SUMS_AGREE)

    @pytest.mark.parametrize("share", [0.0, 1.0, 5.0, -0.05, math.nan])
    def test_refuses_a_share_that_is_no_fraction(self, share):
        with pytest.raises(ValidationError, match="tail_frac"):
            value_at_risk([0.1], tail_frac=share)


class TestCornishFisherVar:
    @pytest.mark.parametrize("seed", range(10))
    def test_agrees_with_the_reference(self, seed):
        returns = random_returns(seed)
        expected = reference.cornish_fisher(returns.tolist(), 0.05)
        assert cornish_fisher_var(returns) == pytest.approx(expected, rel=SUMS_AGREE)

    def test_is_near_the_normal_quantile_of_normal_returns(self):
        returns = np.random.default_rng(0).normal(0.0, 0.01, 200_000)
        assert cornish_fisher_var(returns) == pytest.approx(-0.01645, abs=1e-4)


class TestConditionalValueAtRisk:
    @pytest.mark.parametrize("seed", range(10))
    def test_agrees_with_a_sort(self, seed):
        returns = random_returns(seed)
        worst = sorted(returns)[: math.ceil(0.1 * len(returns))]
        assert conditional_value_at_risk(returns, tail_frac=0.1) == pytest.approx(np.mean(worst), rel=SUMS_AGREE)

    def test_agrees_with_empyrical_where_the_tail_holds_as_many(self):
        # empyrical takes int((n - 1) * 0.05) + 1 returns: the ceiling, except where 0.05 n is near a whole number
        for n in (50, 99, 101, 250):
            returns = np.random.default_rng(n).normal(0, 0.01, n)
            theirs = empyrical.conditional_value_at_risk(returns)
            assert conditional_value_at_risk(returns) == pytest.approx(theirs, rel=SUMS_AGREE)


class TestTailRatio:
    @pytest.mark.parametrize("seed", range(10))
    def test_agrees_with_empyrical_and_quantstats(self, seed):
        returns = random_returns(seed)
        assert tail_ratio(returns) == pytest.approx(empyrical.tail_ratio(returns), rel=SUMS_AGREE)
        assert tail_ratio(returns) == pytest.approx(qs.tail_ratio(as_series(returns)), rel=SUMS_AGREE)

    def test_no_left_tail_no_ratio(self):
        assert math.isnan(tail_ratio([0.0, 0.0, 0.1]))


@pytest.mark.parametrize(
    "name",
    ["skewness", "excess_kurtosis", "value_at_risk", "cornish_fisher_var", "conditional_value_at_risk", "tail_ratio"],
)
def test_bad_returns_are_refused(name):
    measure = getattr(distribution, name)
    with pytest.raises(ValidationError, match=r"returns\[1\]"):
        measure([0.1, math.inf])
    with pytest.raises(ShapeError):
        measure([])
