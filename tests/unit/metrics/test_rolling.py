import math

import numpy as np
import pytest

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.metrics.rolling import rolling_beta, rolling_sharpe, rolling_volatility
from reference.metrics_reference import beta, mean, rolling, std

# Sums in another order differ in the last digits; nothing may be worse than a window computed on its own.
SUMS_AGREE = 1e-12


def random_case(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 200))
    return rng.standard_t(3, n) * 0.02, rng.standard_t(3, n) * 0.02, int(rng.integers(2, min(n, 64) + 1))


def sharpe_of(values):
    return mean(values) / std(values) * math.sqrt(252) if std(values) else 0.0


class TestRollingSharpe:
    @pytest.mark.parametrize("seed", range(40))
    def test_agrees_with_the_reference(self, seed):
        returns, _, window = random_case(seed)
        expected = rolling(returns.tolist(), window, sharpe_of)
        np.testing.assert_allclose(rolling_sharpe(returns, window), expected, rtol=1e-10, atol=SUMS_AGREE)

    def test_takes_a_risk_free_series(self):
        returns, _, window = random_case(1)
        free = np.linspace(0, 1e-4, len(returns))
        np.testing.assert_array_equal(
            rolling_sharpe(returns, window, risk_free=free), rolling_sharpe(returns - free, window)
        )

    def test_constant_window_is_zero(self):
        # 0.1 three times: a mean by division gives a deviation of 1e-17 and a Sharpe of 1e17
        np.testing.assert_array_equal(rolling_sharpe([0.1] * 5, 3), [np.nan, np.nan, 0.0, 0.0, 0.0])

    def test_agrees_with_quantstats(self):
        import pandas as pd
        import quantstats.stats as qs

        returns, _, _ = random_case(2)
        series = pd.Series(returns, index=pd.bdate_range("2020-01-01", periods=len(returns)))
        theirs = qs.rolling_sharpe(series, rolling_period=20).reindex(series.index).to_numpy()
        np.testing.assert_allclose(rolling_sharpe(returns, 20), theirs, rtol=1e-9)


class TestRollingVolatility:
    @pytest.mark.parametrize("seed", range(40))
    def test_agrees_with_the_reference(self, seed):
        returns, _, window = random_case(seed)
        expected = rolling(returns.tolist(), window, lambda values: std(values) * math.sqrt(252))
        np.testing.assert_allclose(rolling_volatility(returns, window), expected, rtol=1e-10, atol=SUMS_AGREE)

    def test_a_passed_outlier_leaves_no_trace(self):
        # a running sum of squares that subtracts what left would keep an error near 1e-3 here
        rng = np.random.default_rng(0)
        returns = rng.normal(0.0, 1e-6, 300)
        returns[100] = 1e5
        volatility = rolling_volatility(returns, 20, periods_per_year=1.0)
        own = [np.std(returns[i - 19 : i + 1], ddof=1) for i in range(121, 300)]
        np.testing.assert_allclose(volatility[121:], own, rtol=1e-12)

    def test_a_large_level_costs_no_digits(self):
        returns = 1e6 + np.random.default_rng(0).normal(0.0, 1e-3, 100)
        expected = rolling(returns.tolist(), 10, std)
        np.testing.assert_allclose(rolling_volatility(returns, 10, periods_per_year=1.0), expected, rtol=1e-6)

    @pytest.mark.parametrize("window", [1, 0, -3, 2.0, True, "20"])
    def test_refuses_a_window_that_has_no_deviation(self, window):
        with pytest.raises(ValidationError, match="window"):
            rolling_volatility([0.1, 0.2, 0.3], window)

    def test_a_window_longer_than_the_series_never_fills(self):
        assert np.isnan(rolling_volatility([0.1, 0.2], 3)).all()

    def test_refuses_nan(self):
        with pytest.raises(ValidationError, match=r"returns\[0\]"):
            rolling_volatility([math.nan, 0.2], 2)


class TestRollingBeta:
    @pytest.mark.parametrize("seed", range(40))
    def test_agrees_with_the_reference(self, seed):
        returns, market, window = random_case(seed)
        pairs = list(zip(returns.tolist(), market.tolist(), strict=True))
        expected = rolling(pairs, window, beta)
        np.testing.assert_allclose(rolling_beta(returns, market, window), expected, rtol=1e-9, atol=1e-10)

    def test_of_the_benchmark_is_one(self):
        returns, _, _ = random_case(5)
        np.testing.assert_allclose(rolling_beta(returns, returns, 10)[9:], 1.0, rtol=1e-13)

    def test_unmoved_benchmark_has_no_beta(self):
        assert np.isnan(rolling_beta([0.1, 0.2, 0.3], [0.1, 0.1, 0.1], 2)).all()

    def test_refuses_another_length(self):
        with pytest.raises(ShapeError, match="benchmark"):
            rolling_beta([0.1, 0.2, 0.3], [0.1, 0.2], 2)
