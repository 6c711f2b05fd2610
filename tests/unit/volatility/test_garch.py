import builtins

import numpy as np
import pytest

from nanodesk.errors import MissingExtraError, ShapeError, ValidationError
from nanodesk.volatility.garch import fit_garch, garch_forecast


def simulated(seed=3, n=3000, omega=2e-6, alpha=0.1, beta=0.85, mean=0.0):
    rng = np.random.default_rng(seed)
    variance, returns = omega / (1 - alpha - beta), []
    for _ in range(n):
        returns.append(np.sqrt(variance) * rng.normal())
        variance = omega + alpha * returns[-1] ** 2 + beta * variance
    return np.array(returns) + mean, np.sqrt(variance)


class TestFitGarch:
    def test_finds_the_parameters(self):
        pytest.importorskip("arch")
        returns, _ = simulated()
        fit = fit_garch(returns)
        assert fit.alpha[0] == pytest.approx(0.1, abs=0.03)
        assert fit.beta[0] == pytest.approx(0.85, abs=0.05)
        assert fit.gamma == ()
        assert fit.volatility.shape == (3000,)

    def test_forecast_follows_the_recursion_and_reverts(self):
        pytest.importorskip("arch")
        returns, _ = simulated()
        fit = fit_garch(returns, horizon=500)
        following = fit.omega + fit.alpha[0] * returns[-1] ** 2 + fit.beta[0] * fit.volatility[-1] ** 2
        assert fit.forecast[0] == pytest.approx(np.sqrt(following), rel=1e-9)
        long_run = np.sqrt(fit.omega / (1 - fit.alpha[0] - fit.beta[0]))
        assert fit.forecast[-1] == pytest.approx(long_run, rel=1e-3)

    def test_likelihood_is_of_fractions(self):
        pytest.importorskip("arch")
        returns, _ = simulated()
        fit = fit_garch(returns)
        variance = fit.volatility**2
        expected = -0.5 * np.sum(np.log(2 * np.pi * variance) + returns**2 / variance)
        assert fit.log_likelihood == pytest.approx(expected, rel=1e-9)

    def test_leverage_and_mean(self):
        pytest.importorskip("arch")
        returns, _ = simulated(mean=0.001)
        fit = fit_garch(returns, o=1, mean="constant", distribution="t")
        assert len(fit.gamma) == 1
        assert fit.mean == pytest.approx(0.001, abs=3e-4)

    @pytest.mark.parametrize(
        ("keywords", "field"),
        [({"p": 0}, "p"), ({"q": -1}, "q"), ({"horizon": 0}, "horizon"), ({"mean": "ar"}, "mean")],
    )
    def test_refuses(self, keywords, field):
        with pytest.raises(ValidationError) as caught:
            fit_garch(simulated(n=100)[0], **keywords)
        assert caught.value.field == field

    def test_refuses_a_flat_or_short_series(self):
        with pytest.raises(ValidationError, match="all the same"):
            fit_garch(np.zeros(100))
        with pytest.raises(ShapeError, match="at least 50"):
            fit_garch(np.ones(10))
        with pytest.raises(ValidationError, match="distribution"):
            fit_garch(simulated(n=100)[0], distribution="cauchy")

    def test_missing_extra_names_the_fix(self, monkeypatch):
        genuine = builtins.__import__

        def without(name, *arguments, **keywords):
            if name == "arch":
                raise ImportError(name)
            return genuine(name, *arguments, **keywords)

        monkeypatch.setattr(builtins, "__import__", without)
        with pytest.raises(MissingExtraError, match=r"pip install nanodesk\[stats\]"):
            fit_garch(simulated(n=100)[0])


class TestGarchForecast:
    def test_is_the_first_step(self):
        pytest.importorskip("arch")
        returns, following = simulated()
        assert garch_forecast(returns) == fit_garch(returns).forecast[0]
        assert garch_forecast(returns) == pytest.approx(following, rel=0.1)
