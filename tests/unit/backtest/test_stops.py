"""Stops of the weights backtest: levels, gaps, re-entry, and what the settings refuse."""

import math

import numpy as np
import pytest

from nanodesk.backtest.result import REASONS
from nanodesk.backtest.stops import Stops
from nanodesk.backtest.weights import HOLD, backtest_weights
from nanodesk.errors import ShapeError, ValidationError
from nanodesk.market.panel import PricePanel
from nanodesk.portfolio.costs import CostModel


def bars(*rows):
    """Bars of one symbol as rows of open, high, low, close."""
    matrix = np.array(rows, dtype=float)
    return PricePanel(
        dates=np.arange(len(rows)).astype("datetime64[D]"),
        symbols=("A",),
        **{name: matrix[:, [i]] for i, name in enumerate(("open", "high", "low", "close"))},
    )


def run(panel, stops, weights=None, fill="same_close", **options):
    n = panel.shape[0]
    weights = [1.0] + [HOLD] * (n - 1) if weights is None else weights
    return backtest_weights(np.array(weights)[:, None], panel, cash=1000, fill=fill, stops=stops, **options)


def events(result):
    table = result.stop_events
    return [
        (int(t), level, price, REASONS[reason])
        for t, level, price, reason in zip(table.row, table.trigger_price, table.exit_price, table.reason, strict=True)
    ]


class TestStops:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, "has no stop"),
            ({"fixed_pct": 0.0}, "fixed_pct=0.0 must be a fraction above 0 and below 1"),
            ({"fixed_pct": 5.0}, "fixed_pct=5.0"),
            ({"trailing_pct": math.nan}, "trailing_pct=nan"),
            ({"atr_multiple": math.inf}, "atr_multiple=inf"),
            ({"atr_multiple": 2.0, "atr_period": 0}, "atr_period=0"),
            ({"fixed_pct": 0.1, "check": "high"}, "check='high' is unknown"),
            ({"fixed_pct": 0.1, "atr": "mean"}, "atr='mean' is unknown"),
            ({"fixed_pct": 0.1, "reentry_after": -1}, "reentry_after=-1"),
        ],
    )
    def test_settings_out_of_range_are_refused(self, options, message):
        with pytest.raises(ValidationError, match=message.replace("(", r"\(")):
            Stops(**options)

    def test_fixed_stop_on_the_close(self):
        result = run(bars([10] * 4, [9, 9, 9, 9.1], [8, 9, 8, 8.9]), Stops(fixed_pct=0.1))
        assert events(result) == [(2, 9.0, 8.9, "fixed_stop")]
        assert result.holdings.ravel().tolist() == [100, 100, 0]

    def test_a_short_stops_above(self):
        result = run(bars([10] * 4, [11.5] * 4), Stops(fixed_pct=0.1), weights=[-1.0, HOLD])
        assert events(result) == [(1, 11.0, 11.5, "fixed_stop")]

    def test_trailing_stop_follows_the_best_close(self):
        result = run(bars([10] * 4, [20] * 4, [19] * 4, [17] * 4), Stops(trailing_pct=0.1))
        assert events(result) == [(3, 18.0, 17.0, "trailing_stop")]

    def test_the_tightest_level_counts(self):
        result = run(bars([10] * 4, [12] * 4, [10.5] * 4), Stops(fixed_pct=0.2, trailing_pct=0.1))
        assert events(result) == [(2, 10.8, 10.5, "trailing_stop")]

    def test_wilder_atr_uses_true_ranges(self):
        rows = [[10, 11, 9, 10], [10, 11, 9, 10], [10, 11, 9, 10], [10, 10, 6, 6.5]]
        result = run(bars(*rows), Stops(atr_multiple=1.0, atr_period=2))
        # Ranges 2, 2, 2, then 4: (2 * 1 + 4) / 2 = 3 below the best close of 10.
        assert events(result) == [(3, 7.0, 6.5, "atr_stop")]

    def test_atr_is_off_until_its_period_is_full(self):
        assert events(run(bars([10] * 4, [1] * 4), Stops(atr_multiple=0.1, atr_period=5))) == []

    def test_atr_of_close_changes_since_entry(self):
        result = run(bars([10] * 4, [11] * 4, [9] * 4), Stops(atr_multiple=1.0, atr="close_change"))
        assert events(result) == [(2, 11 - 1.5, 9.0, "atr_stop")]

    def test_the_entry_bar_is_not_checked_when_filled_at_its_close(self):
        result = run(bars([10, 10, 1, 10], [10] * 4), Stops(fixed_pct=0.1, check="intrabar"))
        assert events(result) == []


class TestIntrabar:
    stops = Stops(fixed_pct=0.1, check="intrabar")

    def test_leaves_at_the_level(self):
        assert events(run(bars([10] * 4, [10, 10, 8, 10]), self.stops)) == [(1, 9.0, 9.0, "fixed_stop")]

    def test_a_gap_fills_at_the_open(self):
        assert events(run(bars([10] * 4, [8, 9.5, 7, 9]), self.stops)) == [(1, 9.0, 8.0, "fixed_stop")]

    def test_a_short_gaps_upward(self):
        result = run(bars([10] * 4, [12, 13, 11, 11]), self.stops, weights=[-1.0, HOLD])
        assert events(result) == [(1, 11.0, 12.0, "fixed_stop")]

    def test_entry_at_the_open_may_stop_in_the_same_bar(self):
        result = run(bars([10] * 4, [20, 21, 17, 20]), self.stops, fill="next_open")
        assert events(result) == [(1, 18.0, 18.0, "fixed_stop")]

    def test_the_level_uses_the_best_price_of_earlier_bars_only(self):
        stops = Stops(trailing_pct=0.1, check="intrabar")
        rows = [[10] * 4, [10, 20, 10, 19], [19, 19, 17.9, 18]]
        assert events(run(bars(*rows), stops)) == [(2, 18.0, 18.0, "trailing_stop")]

    def test_without_an_open_the_fill_stays_within_the_bar(self):
        assert events(run(bars([10] * 4, [math.nan, 8.5, 7, 8]), self.stops)) == [(1, 9.0, 8.5, "fixed_stop")]

    def test_exit_costs_are_charged(self):
        result = run(bars([10] * 4, [10, 10, 8, 10]), self.stops, costs=CostModel(commission_bps=100))
        assert result.trades.cost[1] == pytest.approx(0.01 * result.trades.notional[1])


class TestReentry:
    falls = bars([10] * 4, [8] * 4, [8] * 4, [8] * 4, [8] * 4)

    def test_no_reentry_until_a_row_names_the_symbol(self):
        result = run(self.falls, Stops(fixed_pct=0.1), weights=[1.0, HOLD, HOLD, 1.0, HOLD])
        assert result.holdings.ravel().tolist() == [100, 0, 0, 100, 100]

    def test_rows_of_the_session_of_the_exit_are_void(self):
        result = run(self.falls, Stops(fixed_pct=0.1), weights=[1.0, 1.0, HOLD, HOLD, HOLD], fill="next_close")
        assert result.holdings.ravel().tolist() == [0, 125, 125, 125, 125]
        late = run(bars([10] * 4, [10] * 4, [8] * 4, [8] * 4), Stops(fixed_pct=0.1), weights=[1.0, HOLD, 1.0, HOLD],
                   fill="next_close")  # fmt: skip
        assert late.holdings.ravel().tolist() == [0, 100, 0, 0]

    def test_reentry_may_be_delayed(self):
        result = run(self.falls, Stops(fixed_pct=0.1, reentry_after=2), weights=[1.0, HOLD, 1.0, 1.0, 1.0])
        assert result.holdings.ravel().tolist() == [100, 0, 0, 0, 100]

    def test_a_flip_of_side_starts_a_new_tracker(self):
        panel = bars([10] * 4, [20] * 4, [21] * 4)
        result = run(panel, Stops(fixed_pct=0.1), weights=[0.5, -0.5, HOLD])
        assert events(result) == []
        assert result.holdings[2, 0] < 0


class TestColumns:
    closes = np.array([[10.0], [11.0]])

    @pytest.mark.parametrize(
        ("stops", "message"),
        [
            (Stops(fixed_pct=0.1, check="intrabar"), 'needs open prices.*check="close"'),
            (Stops(atr_multiple=2.0), 'needs high prices.*atr="close_change"'),
        ],
    )
    def test_missing_columns_are_named_with_the_way_out(self, stops, message):
        with pytest.raises(ShapeError, match=message):
            backtest_weights(np.ones((2, 1)), self.closes, fill="same_close", stops=stops)
