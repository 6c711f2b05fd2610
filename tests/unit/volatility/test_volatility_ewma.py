import math

import numpy as np
import pytest

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.volatility.ewma import garch_ewma_forecast, garch_ewma_forecast_published, riskmetrics_volatility

RETURNS = [0.01, -0.004, 0.008, -0.002, 0.005]


def recursion(returns, p, q, extra_steps):
    """The recursion of specification 14 written out; ``extra_steps`` of 1 repeats the published slip."""
    shock, total = list(returns), len(returns)
    a = [0.08 * 0.8**i / sum(0.8**k for k in range(p)) for i in range(p)]
    b = [0.90 * 0.85**i / sum(0.85**k for k in range(q)) for i in range(q)]
    h = [np.var(shock, ddof=1)]
    for t in range(1, total + 1 + extra_steps):
        value = (1 - sum(a) - sum(b)) * h[0]
        last = min(t, total)
        value += sum(a[i] * shock[last - 1 - i] ** 2 for i in range(p) if last - 1 - i >= 0)
        value += sum(b[j] * h[t - 1 - j] for j in range(q) if t - 1 - j >= 0)
        h.append(value)
    return math.sqrt(h[-1])


class TestGarchEwmaForecast:
    @pytest.mark.parametrize(("p", "q"), [(1, 1), (2, 1), (3, 4), (8, 8)])
    def test_is_the_variance_after_the_last_return(self, p, q):
        returns = np.random.default_rng(4).normal(0, 0.01, 60)
        assert garch_ewma_forecast(returns, p, q) == pytest.approx(recursion(returns, p, q, 0), rel=1e-13)

    def test_every_shock_enters_once(self):
        """The published function uses the last shock twice (specification 22, weakness 8)."""
        calm = np.tile([0.001, -0.001], 30)
        shocked = np.append(calm, 0.05)
        variance = float(np.var(shocked, ddof=1))
        before = float(garch_ewma_forecast(np.append(calm, 0.0))) ** 2
        after = garch_ewma_forecast(shocked) ** 2
        # Beside the weight 0.08 of the last shock only the starting variance differs.
        start = float(np.var(np.append(calm, 0.0), ddof=1))
        pull = sum(0.9**k * 0.02 for k in range(61)) + 0.9**61
        assert after - before == pytest.approx(0.08 * 0.05**2 + pull * (variance - start), rel=1e-9)

    def test_constant_mean_subtracts_it(self):
        returns = np.array(RETURNS)
        assert garch_ewma_forecast(returns, mean="constant") == garch_ewma_forecast(returns - returns.mean())

    def test_more_lags_than_returns(self):
        assert garch_ewma_forecast([0.01, -0.01], 8, 8) > 0

    def test_constant_returns_keep_a_floor(self):
        assert garch_ewma_forecast([0.0, 0.0, 0.0]) == 1e-6

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            (([0.01],), ShapeError),
            (([0.01, np.nan],), ValidationError),
            ((RETURNS, 0, 1), ValidationError),
            ((RETURNS, 1, 9), ValidationError),
            ((RETURNS, 1.5, 1), ValidationError),
            ((RETURNS, 1, 1, "ar"), ValidationError),
        ],
    )
    def test_refuses(self, arguments, error):
        with pytest.raises(error):
            garch_ewma_forecast(*arguments)


class TestGarchEwmaForecastPublished:
    def test_published_number(self):
        """Output of the published wheel, version 0.9.1: py_garch_ewma_forecast of these five returns."""
        assert garch_ewma_forecast_published(RETURNS) == 0.0060816267429035795

    @pytest.mark.parametrize(("p", "q"), [(1, 1), (2, 1), (3, 4), (8, 8)])
    def test_is_one_step_too_many(self, p, q):
        returns = np.random.default_rng(4).normal(0, 0.01, 60)
        assert garch_ewma_forecast_published(returns, p, q) == pytest.approx(recursion(returns, p, q, 1), rel=1e-13)

    @pytest.mark.parametrize("returns", [[], [0.01], [0.01, np.nan], [0.01, np.inf]])
    def test_undefined_is_zero(self, returns):
        assert garch_ewma_forecast_published(returns) == 0.0

    def test_lags_are_moved_into_range(self):
        expected = garch_ewma_forecast_published(RETURNS, 1, 5)
        assert garch_ewma_forecast_published(RETURNS, 0, 20, "anything") == expected


class TestRiskmetricsVolatility:
    def test_recursion(self):
        returns = np.random.default_rng(5).normal(0, 0.01, 50)
        volatility = riskmetrics_volatility(returns, decay=0.9)
        variance = returns[0] ** 2
        for t in range(1, 50):
            assert volatility[t] == pytest.approx(math.sqrt(variance), rel=1e-14)
            variance = 0.9 * variance + 0.1 * returns[t] ** 2
        assert volatility[50] == pytest.approx(math.sqrt(variance), rel=1e-14)

    def test_looks_at_nothing_later(self):
        returns = np.random.default_rng(6).normal(0, 0.01, 50)
        changed = returns.copy()
        changed[30:] = 1.0
        ours, theirs = riskmetrics_volatility(returns)[1:31], riskmetrics_volatility(changed)[1:31]
        assert ours.tobytes() == theirs.tobytes()

    @pytest.mark.parametrize("decay", [0.0, 1.0, np.nan])
    def test_refuses_decay(self, decay):
        with pytest.raises(ValidationError, match="decay"):
            riskmetrics_volatility(RETURNS, decay=decay)
