import math

import numpy as np
import pytest
import quantstats.stats as qs
import scipy.stats

from nanodesk.errors import ValidationError
from nanodesk.metrics.significance import (
    SharpeEstimate,
    deflated_sharpe,
    estimate_sharpe,
    expected_maximum_sharpe,
    mean_t,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe_standard_error,
)
from reference import metrics_reference as reference

SUMS_AGREE = 1e-9


def random_returns(seed):
    rng = np.random.default_rng(seed)
    return rng.standard_t(5, int(rng.integers(30, 500))) * 0.01 + 0.0005


class TestSharpeEstimate:
    @pytest.mark.parametrize(("skew", "kurtosis", "expected"), [(0.0, 3.0, 0.982), (-2.448, 10.164, 0.913)])
    def test_probability_of_the_paper(self, skew, kurtosis, expected):
        # Bailey & Lopez de Prado (2012), section on hedge fund data: monthly SR 0.458 over two years
        estimate = SharpeEstimate(0.458, 24, skew, kurtosis)
        assert estimate.probability_above(0.0) == pytest.approx(expected, abs=5e-4)

    @pytest.mark.parametrize(
        ("per_year", "skew", "kurtosis", "years"),
        [(250, 0.0, 3.0, 2.73), (52, 0.0, 3.0, 2.83), (12, 0.0, 3.0, 3.24), (12, -0.72, 5.78, 4.99)],
    )
    def test_minimum_length_of_the_paper(self, per_year, skew, kurtosis, years):
        # Bailey & Lopez de Prado (2012): an annual Sharpe of 2 against 1 at 95 %
        estimate = SharpeEstimate(2 / math.sqrt(per_year), 10, skew, kurtosis)
        length = estimate.minimum_length(1 / math.sqrt(per_year), 0.95)
        assert length / per_year == pytest.approx(years, abs=5e-3)

    @pytest.mark.parametrize(
        ("n_trials", "skew", "kurtosis", "expected"),
        [(100, -3.0, 10.0, 0.9004), (46, -3.0, 10.0, 0.9505), (88, 0.0, 3.0, 0.9505)],
    )
    def test_deflation_of_the_paper(self, n_trials, skew, kurtosis, expected):
        # Bailey & Lopez de Prado (2014), numerical example: annual SR 2.5, 1250 days, V 1/2 a year, 250 days a year
        estimate = SharpeEstimate(2.5 / math.sqrt(250), 1250, skew, kurtosis)
        bar = expected_maximum_sharpe(n_trials, 0.5 / 250)
        assert estimate.probability_above(bar) == pytest.approx(expected, abs=5e-5)

    def test_one_return_proves_nothing(self):
        assert SharpeEstimate(3.0, 1).probability_above(0.0) == 0.5

    def test_no_error_is_certainty(self):
        sure = SharpeEstimate(1.0, 10, skewness=2.0, kurtosis=5.0)
        assert sure.standard_error == 0.0
        assert [sure.probability_above(bar) for bar in (0.5, 1.0, 1.5)] == [1.0, 0.5, 0.0]


class TestEstimateSharpe:
    @pytest.mark.parametrize("seed", range(5))
    def test_agrees_with_the_reference(self, seed):
        returns = random_returns(seed)
        values = returns.tolist()
        estimate = estimate_sharpe(returns)
        assert estimate.sharpe == pytest.approx(reference.mean(values) / reference.std(values), rel=SUMS_AGREE)
        assert estimate.n == len(returns)
        assert estimate.skewness == pytest.approx(reference.skew_population(values), rel=SUMS_AGREE)
        assert estimate.kurtosis == pytest.approx(reference.kurtosis_population(values), rel=SUMS_AGREE)


class TestMeanT:
    @pytest.mark.parametrize("seed", range(5))
    def test_agrees_with_scipy(self, seed):
        returns = random_returns(seed)
        assert mean_t(returns) == pytest.approx(scipy.stats.ttest_1samp(returns, 0.0).statistic, rel=SUMS_AGREE)

    def test_constant_returns_have_none(self):
        assert mean_t([0.1] * 4) == 0.0


class TestSharpeStandardError:
    @pytest.mark.parametrize("seed", range(10))
    @pytest.mark.parametrize("lags", [0, 1, 7])
    def test_agrees_with_the_reference(self, seed, lags):
        returns = random_returns(seed)
        expected = reference.hac_sharpe_error(returns.tolist(), lags)
        assert sharpe_standard_error(returns, lags=lags) == pytest.approx(expected, rel=1e-8)

    def test_without_lags_it_is_the_error_of_independent_returns(self):
        returns = random_returns(3)
        n = len(returns)
        independent = estimate_sharpe(returns).standard_error * math.sqrt((n - 1) / n)
        assert sharpe_standard_error(returns, lags=0) == pytest.approx(independent, rel=1e-3)

    def test_is_the_spread_of_the_estimate(self):
        # the error of one sample against the deviation of the ratio over many samples of an AR(1) process
        rng = np.random.default_rng(1)
        noise = rng.normal(0.0, 1.0, (400, 2000))
        paths = np.empty_like(noise)
        paths[:, 0] = noise[:, 0]
        for t in range(1, paths.shape[1]):
            paths[:, t] = 0.3 * paths[:, t - 1] + noise[:, t]
        paths += 0.1
        ratios = paths.mean(axis=1) / paths.std(axis=1, ddof=1)
        errors = [sharpe_standard_error(path) for path in paths[:40]]
        assert np.mean(errors) == pytest.approx(ratios.std(), rel=0.1)
        assert sharpe_standard_error(paths[0], lags=0) < 0.8 * ratios.std()

    @pytest.mark.parametrize("lags", [-1, 3, 1.0, True])
    def test_refuses_lags_it_has_no_pairs_for(self, lags):
        with pytest.raises(ValidationError, match="lags"):
            sharpe_standard_error([0.1, 0.2, 0.3], lags=lags)

    def test_constant_returns_have_none(self):
        assert math.isnan(sharpe_standard_error([0.1] * 5))


class TestProbabilisticSharpe:
    @pytest.mark.parametrize("seed", range(10))
    def test_agrees_with_the_reference(self, seed):
        returns = random_returns(seed)
        expected = reference.probabilistic_sharpe(returns.tolist(), 0.02)
        assert probabilistic_sharpe(returns, benchmark_sharpe=0.02) == pytest.approx(expected, rel=SUMS_AGREE)

    def test_agrees_with_quantstats_but_for_its_kurtosis(self):
        # quantstats takes 3 off a kurtosis that is an excess already: it sees thinner tails than a normal
        import pandas as pd

        returns = np.random.default_rng(0).normal(0.001, 0.01, 2000)
        series = pd.Series(returns, index=pd.bdate_range("2015-01-01", periods=2000))
        theirs = float(qs.probabilistic_sharpe_ratio(series))
        assert probabilistic_sharpe(returns) == pytest.approx(theirs, abs=1e-3)

    def test_risk_free_is_taken_off(self):
        returns = random_returns(2)
        assert probabilistic_sharpe(returns, risk_free=0.001) == probabilistic_sharpe(returns - 0.001)

    def test_constant_returns_have_none(self):
        assert math.isnan(probabilistic_sharpe([0.1] * 5))


class TestExpectedMaximumSharpe:
    def test_is_the_mean_of_the_best_of_many(self):
        best = np.random.default_rng(0).normal(0.0, 0.1, (20_000, 50)).max(axis=1)
        assert expected_maximum_sharpe(50, 0.01) == pytest.approx(best.mean(), rel=0.02)

    @pytest.mark.parametrize("n_trials", [0, -1, 2.0, True])
    def test_refuses_a_count_below_one(self, n_trials):
        with pytest.raises(ValidationError, match="n_trials"):
            expected_maximum_sharpe(n_trials, 0.1)

    @pytest.mark.parametrize("variance", [-0.1, math.nan, math.inf])
    def test_refuses_a_variance_that_is_none(self, variance):
        with pytest.raises(ValidationError, match="sharpe_variance"):
            expected_maximum_sharpe(2, variance)


class TestDeflatedSharpe:
    def test_one_trial_is_the_probabilistic_ratio_and_no_raw_sharpe(self):
        # WEAK 9 of the peer: one trial returned the Sharpe ratio itself
        returns = random_returns(4)
        assert deflated_sharpe(returns, n_trials=1) == probabilistic_sharpe(returns)

    def test_sample_length_is_that_of_the_returns(self):
        # WEAK 9 of the peer: it took the number of trials for the length, so more trials made it surer
        returns = np.tile(random_returns(4), 4)
        probabilities = [deflated_sharpe(returns, n_trials=n) for n in (1, 2, 10, 100, 10_000)]
        assert probabilities == sorted(probabilities, reverse=True)
        twice = np.tile(returns, 2)
        assert deflated_sharpe(twice, n_trials=10) > deflated_sharpe(returns, n_trials=10)

    def test_takes_the_variance_across_trials(self):
        returns = random_returns(5)
        bar = expected_maximum_sharpe(30, 0.004)
        expected = reference.probabilistic_sharpe(returns.tolist(), bar)
        assert deflated_sharpe(returns, n_trials=30, sharpe_variance=0.004) == pytest.approx(expected, rel=SUMS_AGREE)


class TestMinimumTrackRecord:
    def test_is_where_the_probability_reaches_the_confidence(self):
        estimate = estimate_sharpe(random_returns(6) + 0.002)
        needed = minimum_track_record(random_returns(6) + 0.002, confidence=0.99)
        at_that_length = SharpeEstimate(estimate.sharpe, 1, estimate.skewness, estimate.kurtosis)
        spread = at_that_length.minimum_length(0.0, 0.99)
        assert needed == spread
        longer = SharpeEstimate(estimate.sharpe, math.ceil(needed), estimate.skewness, estimate.kurtosis)
        shorter = SharpeEstimate(estimate.sharpe, math.floor(needed), estimate.skewness, estimate.kurtosis)
        assert shorter.probability_above(0.0) < 0.99 <= longer.probability_above(0.0)

    def test_no_skill_is_never_proved(self):
        assert minimum_track_record([-0.01, 0.0, -0.02]) == math.inf

    @pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
    def test_refuses_a_confidence_that_is_no_probability(self, confidence):
        with pytest.raises(ValidationError, match="confidence"):
            minimum_track_record([0.1, 0.2], confidence=confidence)
