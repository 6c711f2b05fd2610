"""Axes: where values fall, which get a tick, and how dates are labelled."""

import numpy as np
import pytest

from nanodesk.research.tearsheet.scale import date_ticks, linear_scale, log_scale, nice_ticks, without_outliers


def day(text):
    return np.datetime64(text, "D")


class TestLinearScale:
    def test_covers_every_value_with_a_little_room(self):
        scale = linear_scale(np.array([3.0, 7.0]))
        assert scale.low < 3.0 and scale.high > 7.0
        assert scale.fraction(np.array([scale.low, scale.high])).tolist() == [0.0, 1.0]

    def test_zero_is_an_end_without_room_when_all_values_are_on_one_side(self):
        assert linear_scale(np.array([0.0, 0.4]), zero=True).low == 0.0
        assert linear_scale(np.array([-0.4, -0.1]), zero=True).high == 0.0

    @pytest.mark.parametrize("values", [[], [np.nan], [5.0], [0.0], [-2.0, -2.0], [1e-300], [1e15, 1e15]])
    def test_nothing_to_span_still_gives_an_axis(self, values):
        for zero in (False, True):
            scale = linear_scale(np.array(values, dtype=float), zero=zero)
            assert scale.high > scale.low
            assert all(scale.low <= tick <= scale.high for tick in scale.ticks)

    def test_a_gap_stays_a_gap(self):
        scale = linear_scale(np.array([0.0, 1.0]))
        assert np.isnan(scale.fraction(np.array([np.nan]))[0])


class TestLogScale:
    def test_equal_ratios_are_equal_distances(self):
        at = log_scale(np.array([1.0, 100.0])).fraction(np.array([1.0, 10.0, 100.0]))
        assert at[1] - at[0] == pytest.approx(at[2] - at[1])

    def test_total_loss_lies_on_the_floor(self):
        scale = log_scale(np.array([1.0, 2.0, 0.0, -1.0]))
        assert scale.low > 0.0
        assert scale.fraction(np.array([0.0, -1.0])).tolist() == [0.0, 0.0]

    def test_a_gap_stays_a_gap(self):
        assert np.isnan(log_scale(np.array([1.0, 2.0])).fraction(np.array([np.nan]))[0])

    def test_ticks_of_wide_and_narrow_ranges(self):
        assert log_scale(np.array([0.9, 70.0])).ticks == (1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
        assert log_scale(np.array([0.98, 1.11])).ticks == (1.0, 1.05, 1.1)

    def test_reach_is_bounded(self):
        scale = log_scale(np.array([1e-200, 1.0]))
        assert scale.low >= 1e-7

    @pytest.mark.parametrize("values", [[], [0.0], [-1.0, np.nan], [1.0]])
    def test_nothing_positive_to_span_still_gives_an_axis(self, values):
        scale = log_scale(np.array(values, dtype=float))
        assert 0.0 < scale.low < scale.high


class TestNiceTicks:
    @pytest.mark.parametrize(
        ("low", "high", "ticks"),
        [
            (0.0, 1.0, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
            (-0.57, 0.0, (-0.5, -0.4, -0.3, -0.2, -0.1, 0.0)),
            (0.0, 6.18, (0.0, 2.0, 4.0, 6.0)),
        ],
    )
    def test_round_steps(self, low, high, ticks):
        assert nice_ticks(low, high, 4 if high > 2 else 5) == ticks


class TestDateTicks:
    @pytest.mark.parametrize(
        ("first", "last", "labels"),
        [
            ("2015-02-03", "2021-06-30", ["2016", "2017", "2018", "2019", "2020", "2021"]),
            ("2015-01-01", "2017-04-19", ["Jan 2015", "Jul 2015", "Jan 2016", "Jul 2016", "Jan 2017"]),
            ("2020-02-20", "2020-06-10", ["Mar 2020", "Apr 2020", "May 2020", "Jun 2020"]),
            ("2020-02-20", "2020-02-24", ["20 Feb", "21 Feb", "22 Feb", "23 Feb", "24 Feb"]),
            ("2020-02-20", "2020-02-20", ["20 Feb"]),
        ],
    )
    def test_labels(self, first, last, labels):
        assert [label for _, label in date_ticks(day(first), day(last))] == labels

    def test_every_tick_is_inside(self):
        for span in range(0, 20_000, 37):
            first, last = day("1990-01-02"), day("1990-01-02") + span
            ticks = date_ticks(first, last)
            assert 1 <= len(ticks) <= 9
            assert all(first <= at <= last for at, _ in ticks)


class TestWithoutOutliers:
    def test_one_spike_does_not_stretch_the_axis(self):
        values = np.append(np.sin(np.arange(1000.0)), -35.0)
        assert without_outliers(values).min() > -3.0

    def test_ordinary_values_are_left_alone(self):
        values = np.random.default_rng(1).normal(size=1000)
        assert without_outliers(values) is values

    def test_nothing_at_all(self):
        assert np.isnan(without_outliers(np.array([np.nan]))).all()
