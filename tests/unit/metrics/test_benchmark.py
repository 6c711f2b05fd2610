import math

import empyrical
import numpy as np
import pandas as pd
import pytest
import quantstats.stats as qs
import statsmodels.api as sm

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.metrics.benchmark import benchmark_metrics

SUMS_AGREE = 1e-9


def random_case(seed, n=400):
    rng = np.random.default_rng(seed)
    market = rng.standard_t(4, n) * 0.01 + 0.0003
    return 0.0002 + 0.8 * market + rng.normal(0, 0.005, n), market


class TestBenchmarkMetrics:
    @pytest.mark.parametrize("seed", range(10))
    def test_regression_agrees_with_statsmodels(self, seed):
        returns, market = random_case(seed)
        free = np.linspace(0.0, 1e-4, len(returns))
        fit = sm.OLS(returns - free, sm.add_constant(market - free)).fit()
        metrics = benchmark_metrics(returns, market, risk_free=free)
        assert metrics.alpha == pytest.approx(fit.params[0] * 252, rel=SUMS_AGREE)
        assert metrics.alpha_t == pytest.approx(fit.tvalues[0], rel=SUMS_AGREE)
        assert metrics.beta == pytest.approx(fit.params[1], rel=SUMS_AGREE)
        assert metrics.r_squared == pytest.approx(fit.rsquared, rel=SUMS_AGREE)
        assert metrics.treynor == pytest.approx((returns - free).mean() * 252 / fit.params[1], rel=SUMS_AGREE)

    @pytest.mark.parametrize("seed", range(5))
    def test_agrees_with_quantstats(self, seed):
        returns, market = random_case(seed)
        index = pd.bdate_range("2020-01-01", periods=len(returns))
        ours = pd.Series(returns, index=index)
        theirs = pd.Series(market, index=index)
        greeks = qs.greeks(ours, theirs, periods=252)
        metrics = benchmark_metrics(returns, market)
        assert metrics.beta == pytest.approx(greeks["beta"], rel=SUMS_AGREE)
        assert metrics.alpha == pytest.approx(greeks["alpha"], rel=SUMS_AGREE)
        assert metrics.r_squared == pytest.approx(qs.r_squared(ours, theirs), rel=SUMS_AGREE)
        # quantstats leaves the information ratio per session
        per_session = qs.information_ratio(ours, theirs)
        assert metrics.information_ratio == pytest.approx(per_session * math.sqrt(252), rel=SUMS_AGREE)

    @pytest.mark.parametrize("seed", range(5))
    def test_agrees_with_empyrical(self, seed):
        returns, market = random_case(seed)
        metrics = benchmark_metrics(returns, market)
        assert metrics.beta == pytest.approx(empyrical.beta(returns, market), rel=SUMS_AGREE)
        # empyrical compounds the intercept over a year; ours multiplies it, as the Sharpe ratio does
        compounded = empyrical.alpha(returns, market, period="daily")
        assert (1 + metrics.alpha / 252) ** 252 - 1 == pytest.approx(compounded, rel=SUMS_AGREE)
        assert metrics.tracking_error == pytest.approx(np.std(returns - market, ddof=1) * math.sqrt(252))
        # empyrical annualises both sides of a capture ratio before it divides
        risen = market > 0
        year = empyrical.annual_return(returns[risen]), empyrical.annual_return(market[risen])
        assert empyrical.up_capture(pd.Series(returns), pd.Series(market)) == pytest.approx(year[0] / year[1])
        per_session = [(1 + rate) ** (1 / 252) - 1 for rate in year]
        assert metrics.up_capture == pytest.approx(per_session[0] / per_session[1], rel=SUMS_AGREE)

    def test_of_the_benchmark_itself(self):
        _, market = random_case(1)
        metrics = benchmark_metrics(market, market)
        assert (metrics.beta, metrics.correlation, metrics.up_capture, metrics.down_capture) == pytest.approx((1,) * 4)
        assert metrics.alpha == pytest.approx(0.0, abs=1e-15)
        assert metrics.tracking_error == 0.0
        assert math.isnan(metrics.information_ratio)
        assert math.isnan(metrics.alpha_t)

    def test_a_levered_benchmark_has_no_noise_for_a_t(self):
        _, market = random_case(2)
        assert math.isnan(benchmark_metrics(1.5 * market, market).alpha_t)

    def test_unmoved_benchmark(self):
        metrics = benchmark_metrics([0.1, 0.2, -0.1], [0.0, 0.0, 0.0])
        undefined = (metrics.alpha, metrics.beta, metrics.correlation, metrics.treynor, metrics.up_capture)
        assert all(math.isnan(value) for value in undefined)

    def test_ruin_in_a_rising_market(self):
        assert benchmark_metrics([-1.0, 0.1], [0.1, 0.1]).up_capture == pytest.approx(-10.0)

    def test_refuses_bad_input(self):
        with pytest.raises(ShapeError, match="benchmark"):
            benchmark_metrics([0.1, 0.2], [0.1])
        with pytest.raises(ValidationError, match=r"benchmark\[1\]"):
            benchmark_metrics([0.1, 0.2], [0.1, math.nan])
