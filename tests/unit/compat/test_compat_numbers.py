import math

import numpy as np
import pytest

from nanodesk.allocation.allocate import allocate
from nanodesk.compat.nanobook import (
    Metrics,
    inverse_cdar_weights,
    inverse_cvar_weights,
    optimize_max_sharpe,
    optimize_min_variance,
    optimize_risk_parity,
    py_bbands,
    py_compute_metrics,
    py_rolling_sharpe,
    py_rsi,
    py_spearman,
    py_time_series_split,
)
from nanodesk.metrics.performance import PerformanceMetrics, compute_metrics

RETURNS = np.random.default_rng(7).normal(0.0005, 0.01, (60, 4))
NAMES = ["A", "B", "C", "D"]
OPTIMIZERS = [
    optimize_min_variance,
    optimize_max_sharpe,
    optimize_risk_parity,
    inverse_cvar_weights,
    inverse_cdar_weights,
]


@pytest.mark.parametrize("optimize", OPTIMIZERS)
class TestOptimizers:
    def test_symbols_make_a_dict_and_none_a_list(self, optimize: object) -> None:
        assert callable(optimize)
        named, plain = optimize(RETURNS, NAMES), optimize(RETURNS)
        assert list(named) == NAMES
        assert list(named.values()) == plain
        assert sum(plain) == pytest.approx(1.0)

    def test_lists_and_arrays_alike(self, optimize: object) -> None:
        assert callable(optimize)
        assert optimize(RETURNS.tolist()) == optimize(RETURNS) == optimize(np.asfortranarray(RETURNS))

    @pytest.mark.parametrize("matrix", [[], [[]], [[0.1, 0.2]], [[0.1, 0.2], [0.1]], [[0.1, math.inf], [0.1, 0.2]]])
    def test_unusable_input_gives_an_empty_answer(self, optimize: object, matrix: list[list[float]]) -> None:
        assert callable(optimize)
        assert optimize(matrix, ["A", "B"]) == {}
        assert optimize(matrix) == []

    def test_blank_names_are_dropped_first(self, optimize: object) -> None:
        assert callable(optimize)
        assert list(optimize(RETURNS[:, :3], ["A", " ", "C", "D"])) == ["A", "C", "D"]
        assert optimize(RETURNS, ["A", " ", "C", "D"]) == {}

    def test_one_asset_takes_all(self, optimize: object) -> None:
        assert callable(optimize)
        assert optimize([[0.1], [0.2]], ["A"]) == {"A": 1.0}


def hedged() -> tuple[np.ndarray, np.ndarray]:
    """Four assets of which the last nearly mirrors the first; and their covariance."""
    rng = np.random.default_rng(11)
    market = rng.normal(0.0004, 0.01, (252, 1))
    own = rng.normal(0.0004, 0.01, (252, 4)) * np.array([0.4, 0.8, 1.2, 0.3])
    returns = market * np.array([0.3, 0.6, 1.0, 1.4]) + own
    returns[:, 3] = rng.normal(0.0, 0.002, 252) - 0.8 * returns[:, 0]
    return returns, np.cov(returns, rowvar=False)


class TestOptimizeMinVariance:
    def test_is_kept_wrong_as_published_and_ours_is_right(self) -> None:
        # BUG 7 of the specification: it hardly leaves equal weights.
        returns, covariance = hedged()
        published, optimum = np.array(optimize_min_variance(returns)), allocate("min_variance", covariance=covariance)
        assert np.abs(published - 0.25).max() < 0.01
        assert published @ covariance @ published > 20.0 * (optimum @ covariance @ optimum)


class TestOptimizeRiskParity:
    def test_is_kept_wrong_as_published_and_ours_is_right(self) -> None:
        # BUG 8 of the specification: wrong once a risk contribution turns negative.
        returns, covariance = hedged()
        published, optimum = np.array(optimize_risk_parity(returns)), allocate("risk_parity", covariance=covariance)
        shares = [w * (covariance @ w) / (w @ covariance @ w) for w in (published, optimum)]
        assert shares[0].min() < -0.2
        assert shares[1] == pytest.approx([0.25] * 4, abs=1e-6)


class TestOptimizeMaxSharpe:
    def test_both_names_of_the_rate(self) -> None:
        assert optimize_max_sharpe(RETURNS, NAMES, 0.0001) == optimize_max_sharpe(RETURNS, NAMES, risk_free_rate=0.0001)

    def test_falls_back_to_minimum_variance(self) -> None:
        assert optimize_max_sharpe(RETURNS, NAMES, 1.0) == optimize_min_variance(RETURNS, NAMES)


class TestComputeMetrics:
    def test_fields_are_ours_with_two_published_definitions(self) -> None:
        theirs = py_compute_metrics(RETURNS[:, 0])
        ours = compute_metrics(RETURNS[:, 0])
        assert isinstance(theirs, Metrics)
        assert isinstance(theirs, PerformanceMetrics)
        n = len(RETURNS)
        assert theirs.sortino == pytest.approx(ours.sortino * math.sqrt((n - 1) / n))
        for name in (
            "total_return",
            "cagr",
            "volatility",
            "sharpe",
            "calmar",
            "max_drawdown",
            "profit_factor",
            "kelly",
        ):
            assert getattr(theirs, name) == pytest.approx(getattr(ours, name)), name

    def test_tail_below_the_normal_quantile(self) -> None:
        returns = [-0.05, -0.04] + [0.01] * 20
        edge = np.mean(returns) - 1.6448536269514722 * np.std(returns, ddof=1)
        found = py_compute_metrics(returns)
        assert found is not None
        assert found.cvar_95 == pytest.approx(np.mean([value for value in returns if value <= edge]))

    def test_cannot_be_changed(self) -> None:
        found = py_compute_metrics([0.01])
        with pytest.raises(AttributeError):
            found.sharpe = 1.0  # type: ignore[union-attr,misc]

    def test_what_is_not_a_number_prints_as_published(self) -> None:
        assert repr(py_compute_metrics([math.nan, 0.2])).startswith("Metrics(total_return=NaN%, sharpe=0.00,")


class TestRolling:
    def test_warm_up(self) -> None:
        assert [math.isnan(value) for value in py_rolling_sharpe([0.1, 0.2, 0.1], 2)] == [True, False, False]
        assert all(math.isnan(value) for value in py_rolling_sharpe([0.1, 0.2], 3))
        assert py_rolling_sharpe([], 3) == []

    def test_no_periods_a_year(self) -> None:
        assert py_rolling_sharpe([0.1, 0.2], 2, 0)[1] == 0.0


class TestIndicators:
    def test_rsi_of_flat_and_of_rising_prices(self) -> None:
        assert py_rsi([1.0] * 4, 2)[2:] == [0.0, 0.0]
        assert py_rsi([1.0, 2.0, 3.0, 4.0], 2)[2:] == [100.0, 100.0]

    def test_bands_of_large_prices_keep_their_digits(self) -> None:
        # The wheel's running sums lose them: it answers 0 for a deviation of 0.004.
        prices = [1e8 + value for value in (0.001, 0.004, -0.003, 0.006, 0.002)]
        upper, middle, _ = py_bbands(prices, 4, 1.0, 1.0)
        assert upper[-1] - middle[-1] == pytest.approx(float(np.std(prices[1:])), rel=1e-3)


class TestSpearman:
    def test_agrees_with_scipy(self) -> None:
        from scipy.stats import spearmanr

        for seed in range(20):
            rng = np.random.default_rng(seed)
            x, y = np.round(rng.normal(size=(2, rng.integers(4, 40))), 1)
            expected = spearmanr(x, y)
            assert py_spearman(x, y) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9, abs=1e-12)


class TestTimeSeriesSplit:
    def test_agrees_with_scikit_learn(self) -> None:
        selection = pytest.importorskip("sklearn.model_selection")
        for n, splits in ((10, 3), (11, 4), (100, 5), (7, 6)):
            expected = [
                (train.tolist(), test.tolist()) for train, test in selection.TimeSeriesSplit(splits).split(np.zeros(n))
            ]
            assert py_time_series_split(n, splits) == expected
