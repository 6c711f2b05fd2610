import numpy as np
import pytest

from nanodesk.research import corporate_actions as actions
from reference import lake_reference as slow


def column(*values):
    return np.array(values, dtype=float)[:, None]


class TestFactorsFromActions:
    def test_a_dividend_is_taken_from_the_close_before(self):
        factor = actions.factors_from_actions(column(100, 99, 98), column(0, 2, 0), None)
        np.testing.assert_allclose(factor[:, 0], [0.98, 1, 1])

    def test_a_split_divides(self):
        factor = actions.factors_from_actions(column(100, 50), None, column(1, 2))
        np.testing.assert_allclose(factor[:, 0], [0.5, 1])

    def test_dividend_and_split_on_one_day(self):
        # Two for one, and then 1 a new share: an old share became two at 49 and 2 in cash.
        factor = actions.factors_from_actions(column(100, 49), column(0, 1), column(1, 2))
        np.testing.assert_allclose(factor[0, 0], 0.98 / 2)

    def test_the_last_known_close_stands_in_for_a_missing_one(self):
        factor = actions.factors_from_actions(column(100, np.nan, 99), column(0, 0, 1), None)
        np.testing.assert_allclose(factor[:, 0], [1, 0.99, 1])


class TestCumulative:
    @pytest.mark.parametrize("seed", range(5))
    def test_agrees_with_a_walk(self, seed):
        rng = np.random.default_rng(seed)
        close = rng.uniform(5, 50, (40, 3))
        factor = np.where(rng.random(close.shape) < 0.2, rng.uniform(0.3, 3, close.shape), np.nan)
        actual = close / actions.cumulative(factor)
        for j in range(3):
            np.testing.assert_allclose(actual[:, j], slow.adjusted_close(close[:, j], factor[:, j]), rtol=1e-13)


class TestSplitPart:
    def test_tells_splits_from_dividends(self):
        factor = np.array([[0.5, 1 / 3, 0.1429, 0.995, 0.9, 0.75, 20.0, 1.0, np.nan]])
        expected = [[0.5, 1 / 3, 1 / 7, 1, 1, 1, 20, 1, 1]]
        np.testing.assert_allclose(actions.split_part(factor), expected)


class TestToActions:
    @pytest.mark.parametrize("seed", range(5))
    def test_and_back(self, seed):
        rng = np.random.default_rng(seed)
        close = rng.uniform(5, 50, (30, 4))
        factor = np.where(rng.random(close.shape) < 0.3, rng.choice([0.5, 0.97, 0.1, 4.0], close.shape), 1.0)
        factor[-1] = 1.0  # the mark of the last session takes effect after it
        again = actions.factors_from_actions(close, *actions.to_actions(factor, close))
        np.testing.assert_allclose(again, factor, rtol=1e-12)


class TestAdjustedBars:
    def test_without_actions_nothing_moves(self):
        bars = {"close": column(1, 2)}
        columns = actions.adjusted_bars(bars, bars, adjust="total_return", anchor="first")
        assert set(columns) == {"close", "raw_close"}
        np.testing.assert_array_equal(columns["close"], bars["close"])
