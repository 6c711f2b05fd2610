import math

import numpy as np
import pytest
import quantstats.stats as qs

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.metrics.drawdown import (
    average_drawdown,
    drawdown_series,
    drawdown_table,
    longest_drawdown,
    ulcer_index,
)
from reference.metrics_reference import drawdown_episodes, drawdowns, mean, ulcer

SUMS_AGREE = 1e-12


def random_returns(seed):
    rng = np.random.default_rng(seed)
    return np.round(rng.normal(0.0005, 0.02, rng.integers(1, 400)), 3)


def sessions(n):
    return np.datetime64("2020-01-01") + np.arange(n)


class TestDrawdownSeries:
    @pytest.mark.parametrize("seed", range(20))
    def test_agrees_with_the_reference(self, seed):
        returns = random_returns(seed)
        np.testing.assert_allclose(drawdown_series(returns), drawdowns(returns.tolist()), atol=SUMS_AGREE)

    def test_starts_at_the_initial_equity(self):
        np.testing.assert_array_equal(drawdown_series([-0.5, 0.0]), [0.5, 0.5])

    def test_stays_lost_after_ruin(self):
        np.testing.assert_array_equal(drawdown_series([0.5, -1.0, 0.5]), [0.0, 1.0, 1.0])

    def test_refuses_nan(self):
        with pytest.raises(ValidationError, match=r"returns\[1\]"):
            drawdown_series([0.1, math.nan])


class TestDrawdownTable:
    @pytest.mark.parametrize("seed", range(20))
    def test_agrees_with_the_reference(self, seed):
        returns = random_returns(seed)
        dates = sessions(len(returns))
        expected = sorted(drawdown_episodes(returns.tolist()), key=lambda episode: -episode[0])
        actual = drawdown_table(returns, dates, top=None)
        assert len(actual) == len(expected)
        assert [d.depth for d in actual] == pytest.approx([e[0] for e in expected], rel=1e-9)
        by_start = {d.start: d for d in actual}
        for _depth, first, trough, recovery in expected:
            found = by_start[dates[first]]
            assert found.trough == dates[trough]
            assert found.recovery == (None if recovery is None else dates[recovery])
            assert found.peak == (dates[first - 1] if first else None)
            assert found.sessions == (len(returns) if recovery is None else recovery) - first
            assert found.to_trough == trough - first + 1
            assert found.to_recovery == (None if recovery is None else recovery - trough)

    def test_keeps_the_deepest(self):
        returns = random_returns(3)
        dates = sessions(len(returns))
        everything = drawdown_table(returns, dates, top=None)
        assert drawdown_table(returns, dates, top=2) == everything[:2]

    def test_no_drawdown_no_rows(self):
        assert drawdown_table([0.1, 0.0], sessions(2)) == ()

    @pytest.mark.parametrize(
        "dates", [["2024-01-03", "2024-01-02"], ["2024-01-02", "2024-01-02"], ["2024-01-02", "NaT"]]
    )
    def test_refuses_dates_that_do_not_increase(self, dates):
        with pytest.raises(ValidationError, match=r"dates\[1\]"):
            drawdown_table([0.1, 0.1], dates)

    def test_refuses_dates_of_another_length(self):
        with pytest.raises(ShapeError, match="dates"):
            drawdown_table([0.1, 0.1], sessions(3))


class TestAverageDrawdown:
    @pytest.mark.parametrize("seed", range(10))
    def test_agrees_with_the_reference(self, seed):
        returns = random_returns(seed)
        episodes = drawdown_episodes(returns.tolist())
        depth, length = average_drawdown(returns)
        assert depth == pytest.approx(mean([e[0] for e in episodes]) if episodes else 0.0, rel=1e-9)
        lengths = [(len(returns) if e[3] is None else e[3]) - e[1] for e in episodes]
        assert length == pytest.approx(mean(lengths) if lengths else 0.0)

    def test_none_under_water(self):
        assert average_drawdown([0.1]) == (0.0, 0.0)


class TestLongestDrawdown:
    def test_counts_an_unrecovered_stretch(self):
        assert longest_drawdown([0.1, -0.1, 0.01, 0.01]) == 3

    def test_none_under_water(self):
        assert longest_drawdown([0.1]) == 0


class TestUlcerIndex:
    @pytest.mark.parametrize("seed", range(10))
    def test_agrees_with_the_reference(self, seed):
        returns = random_returns(seed)
        assert ulcer_index(returns) == pytest.approx(ulcer(returns.tolist()), rel=1e-9, abs=SUMS_AGREE)

    def test_agrees_with_quantstats_but_for_its_divisor(self):
        # quantstats divides by n - 1
        import pandas as pd

        returns = random_returns(7)
        series = pd.Series(returns, index=pd.DatetimeIndex(sessions(len(returns))))
        n = len(returns)
        assert ulcer_index(returns) == pytest.approx(qs.ulcer_index(series) * math.sqrt((n - 1) / n), rel=1e-9)
