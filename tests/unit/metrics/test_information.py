import math

import numpy as np
import pytest

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.metrics.information import (
    fama_macbeth,
    forward_returns,
    ic_decay,
    icir,
    long_short,
    mean_by_quantile,
    monotonicity,
    quantile_returns,
    quantiles_of,
    rank_ic,
    sector_neutral_ic,
)

NAN = np.nan


class TestForwardReturns:
    def test_runs_to_the_next_decision(self):
        close = np.array([[10.0, 5.0], [11.0, 6.0], [12.0, 7.0], [15.0, 7.0]])
        np.testing.assert_allclose(
            forward_returns(close, np.array([0, 2, 3])), [[0.2, 0.4], [0.25, 0.0], [NAN, NAN]], rtol=1e-15
        )

    def test_a_horizon_past_the_data_is_unknown(self):
        close = np.array([[10.0], [11.0], [12.0]])
        np.testing.assert_allclose(forward_returns(close, np.array([0, 1, 2]), horizon=1)[:, 0], [0.1, 1 / 11, NAN])

    def test_a_name_that_stops_trading_ends_at_its_last_close(self):
        close = np.array([[10.0, 10.0, NAN], [4.0, NAN, 3.0], [NAN, NAN, 3.0], [NAN, NAN, 3.0]])
        np.testing.assert_allclose(forward_returns(close, np.array([0, 3])), [[-0.6, 0.0, NAN], [NAN, NAN, NAN]])

    def test_a_horizon_of_zero_is_refused(self):
        with pytest.raises(ValidationError, match="horizon=0"):
            forward_returns(np.ones((2, 1)), np.array([0]), horizon=0)


class TestRankIc:
    def test_perfect_order_is_one_and_reverse_is_minus_one(self):
        scores = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
        np.testing.assert_array_equal(rank_ic(scores, np.array([[1.0, 2.0, 9.0]] * 2)), [1.0, -1.0])

    def test_names_missing_on_either_side_are_left_out(self):
        ic = rank_ic(np.array([[1.0, 2.0, 3.0, NAN, 0.0]]), np.array([[1.0, 2.0, 3.0, -9.0, NAN]]))
        assert ic[0] == 1.0

    def test_too_few_names_or_level_scores_have_no_ic(self):
        scores = np.array([[1.0, 2.0, NAN], [1.0, 1.0, 1.0]])
        assert np.isnan(rank_ic(scores, np.array([[1.0, 2.0, 3.0]] * 2))).all()

    def test_different_shapes_are_refused(self):
        with pytest.raises(ShapeError, match="returns has shape"):
            rank_ic(np.zeros((1, 3)), np.zeros((1, 4)))


class TestSectorNeutralIc:
    def test_a_score_that_only_knows_sectors_has_no_skill_within_them(self):
        scores = np.array([[1.0, 1.0, 2.0, 2.0]])
        returns = np.array([[1.0, 3.0, 11.0, 13.0]])
        assert rank_ic(scores, returns)[0] > 0.8
        assert sector_neutral_ic(scores, returns, ["a", "a", "b", "b"])[0] == pytest.approx(0.0, abs=1e-12)

    def test_names_without_a_sector_are_left_out(self):
        ic = sector_neutral_ic(
            np.array([[1.0, 2.0, 3.0, 0.0]]), np.array([[1.0, 2.0, 3.0, 9.0]]), ["a", "a", "a", None]
        )
        assert ic[0] == pytest.approx(1.0)

    def test_one_sector_per_symbol_is_needed(self):
        with pytest.raises(ShapeError, match="sectors has 1"):
            sector_neutral_ic(np.zeros((1, 3)), np.zeros((1, 3)), ["a"])


class TestIcDecay:
    def test_a_score_that_knows_tomorrow_fades(self):
        rng = np.random.default_rng(1)
        close = np.exp(np.cumsum(rng.normal(0, 0.02, (300, 50)), axis=0))
        rows = np.arange(0, 200, 5)
        decay = ic_decay(forward_returns(close, rows, horizon=1), close, rows, (1, 5, 25))
        assert decay[0] == 1.0
        assert decay[0] > decay[1] > decay[2] > 0.0


class TestIcir:
    def test_is_mean_over_deviation(self):
        assert icir(np.array([0.1, 0.2, 0.3])) == pytest.approx(2.0)

    def test_needs_variation(self):
        assert math.isnan(icir(np.array([0.1, 0.1])))
        assert math.isnan(icir(np.array([0.1, NAN])))


class TestQuantilesOf:
    def test_groups_are_of_equal_size_lowest_first(self):
        np.testing.assert_array_equal(quantiles_of(np.arange(10.0)[None], 5)[0], np.repeat([1, 2, 3, 4, 5], 2))

    def test_equal_scores_share_a_group(self):
        groups = quantiles_of(np.array([[1.0, 1.0, 1.0, 2.0, 3.0, 4.0]]), 3)[0]
        assert len(set(groups[:3])) == 1

    def test_a_row_with_fewer_names_than_groups_has_none(self):
        assert np.isnan(quantiles_of(np.array([[1.0, 2.0, NAN]]), 3)).all()

    def test_one_group_is_refused(self):
        with pytest.raises(ValidationError, match="n_quantiles=1"):
            quantiles_of(np.ones((1, 3)), 1)


class TestQuantileReturns:
    def test_are_means_per_group(self):
        scores, returns = np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([[0.1, 0.3, 0.5, 0.9]])
        np.testing.assert_allclose(quantile_returns(scores, returns, 2), [[0.2, 0.7]])

    def test_a_name_without_return_takes_no_place(self):
        scores, returns = np.array([[1.0, 2.0, 3.0, 4.0, 9.0]]), np.array([[0.1, 0.3, 0.5, 0.9, NAN]])
        np.testing.assert_allclose(quantile_returns(scores, returns, 2), [[0.2, 0.7]])


class TestMeanByQuantile:
    def test_leaves_missing_rows_out(self):
        np.testing.assert_allclose(mean_by_quantile(np.array([[1.0, NAN], [3.0, NAN]])), [2.0, NAN])


class TestLongShort:
    def test_is_top_less_bottom(self):
        np.testing.assert_allclose(long_short(np.array([[0.1, 0.2, 0.4]])), [0.3])


class TestMonotonicity:
    def test_is_one_when_every_step_rises(self):
        assert monotonicity(np.array([-1.0, 0.0, 5.0])) == 1.0

    def test_is_minus_one_when_every_step_falls(self):
        assert monotonicity(np.array([3.0, 2.0])) == -1.0


class TestFamaMacbeth:
    def test_finds_the_premia_of_a_linear_world(self):
        rng = np.random.default_rng(0)
        value, size = rng.normal(size=(50, 30)), rng.normal(size=(50, 30))
        premium = rng.normal(0.02, 0.01, (50, 1))
        premia, t = fama_macbeth([value, size], 0.001 + premium * value - 0.01 * size)
        np.testing.assert_allclose(premia, [0.001, premium.mean(), -0.01], atol=1e-12)
        assert t[1] > 5.0

    def test_rows_with_too_few_names_are_left_out(self):
        premia, _ = fama_macbeth([np.array([[1.0, 2.0, NAN]])], np.array([[1.0, 2.0, 3.0]]))
        assert np.isnan(premia).all()
