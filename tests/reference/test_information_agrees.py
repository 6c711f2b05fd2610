"""Skill metrics against SciPy, statsmodels and alphalens, where definitions coincide."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from nanodesk.metrics.information import quantile_returns, rank_ic, sector_neutral_ic
from nanodesk.metrics.newey_west import newey_west_t
from nanodesk.metrics.stability import quantile_turnover, rank_autocorrelation

SECTORS = ["x", "y", "z", "y"] * 10


def random_case(seed, holes=True):
    rng = np.random.default_rng(seed)
    scores, returns = rng.normal(size=(30, 40)), rng.normal(size=(30, 40))
    returns += 0.3 * scores
    if holes:
        scores = scores.round(1)
        scores[rng.random(scores.shape) < 0.15] = np.nan
        returns[rng.random(scores.shape) < 0.15] = np.nan
    return scores, returns


class TestRankIc:
    @pytest.mark.parametrize("seed", range(10))
    def test_agrees_with_scipy(self, seed):
        scores, returns = random_case(seed)
        expected = [spearmanr(a, b, nan_policy="omit").statistic for a, b in zip(scores, returns, strict=True)]
        np.testing.assert_allclose(rank_ic(scores, returns), expected, rtol=1e-12)


class TestNeweyWestT:
    @pytest.mark.parametrize("lags", [0, 1, 5])
    def test_agrees_with_statsmodels(self, lags):
        regression = pytest.importorskip("statsmodels.regression.linear_model")
        x = np.cumsum(np.random.default_rng(lags).normal(0.05, 0.2, 120)) * 0.1 + 0.3
        fit = regression.OLS(x, np.ones(120)).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False})
        assert newey_west_t(x, lags=lags) == pytest.approx(float(fit.tvalues[0]), rel=1e-10)


@pytest.mark.filterwarnings("ignore")
class TestAlphalens:
    """Groups coincide where the number of names is a multiple of the number of quantiles and no scores tie."""

    @pytest.fixture(scope="class")
    def performance(self):
        return pytest.importorskip("alphalens.performance")

    @pytest.fixture(scope="class")
    def case(self):
        pandas = pytest.importorskip("pandas")
        scores, returns = random_case(3, holes=False)
        dates = pandas.bdate_range("2020-01-01", periods=30)
        index = pandas.MultiIndex.from_product([dates, [f"S{i:02d}" for i in range(40)]], names=["date", "asset"])
        frame = pandas.DataFrame({"1D": returns.ravel(), "factor": scores.ravel()}, index=index)
        frame["group"] = pandas.Categorical(SECTORS * 30)
        frame["factor_quantile"] = frame.groupby(level="date")["factor"].transform(
            lambda x: pandas.qcut(x, 5, labels=False) + 1
        )
        return frame, scores, returns

    def test_rank_ic(self, performance, case):
        frame, scores, returns = case
        expected = performance.factor_information_coefficient(frame)["1D"].to_numpy()
        np.testing.assert_allclose(rank_ic(scores, returns), expected, rtol=1e-12)

    def test_sector_neutral_ic(self, performance, case):
        frame, scores, returns = case
        expected = performance.factor_information_coefficient(frame, group_adjust=True)["1D"].to_numpy()
        np.testing.assert_allclose(sector_neutral_ic(scores, returns, SECTORS), expected, rtol=1e-10)

    def test_quantile_returns(self, performance, case):
        frame, scores, returns = case
        expected, _ = performance.mean_return_by_quantile(frame, by_date=True, demeaned=False)
        expected = expected["1D"].unstack("factor_quantile").to_numpy()
        np.testing.assert_allclose(quantile_returns(scores, returns, 5), expected, rtol=1e-10)

    def test_turnover_of_the_top_quantile(self, performance, case):
        frame, scores, _ = case
        expected = performance.quantile_turnover(frame["factor_quantile"], 5).to_numpy()[-29:]
        np.testing.assert_allclose(quantile_turnover(scores, 5), expected, rtol=1e-12)

    def test_rank_autocorrelation(self, performance, case):
        frame, scores, _ = case
        expected = performance.factor_rank_autocorrelation(frame).to_numpy()[1:]
        np.testing.assert_allclose(rank_autocorrelation(scores), expected, rtol=1e-10)
