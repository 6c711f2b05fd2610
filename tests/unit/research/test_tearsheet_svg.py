"""SVG shapes and the thinning of long lines."""

import re

import numpy as np

from nanodesk.research.tearsheet.svg import area_path, coordinate, extreme_rows, line_path, percent_of, stick_path


class TestExtremeRows:
    def test_short_series_keep_every_row(self):
        assert extreme_rows(np.zeros((2, 10)), buckets=5).tolist() == list(range(10))

    def test_the_worst_and_the_best_session_survive(self):
        rng = np.random.default_rng(3)
        values = rng.normal(size=(3, 8313)).cumsum(axis=1)
        rows = extreme_rows(values, buckets=100)
        assert len(rows) <= 2 + 3 * 2 * 100
        for series in values:
            assert series[rows].min() == series.min() and series[rows].max() == series.max()
        assert rows[0] == 0 and rows[-1] == 8312

    def test_every_bucket_keeps_its_own_extremes(self):
        values = np.random.default_rng(4).normal(size=(1, 1000))
        kept = set(extreme_rows(values, buckets=10).tolist())
        for start in range(0, 1000, 100):
            bucket = values[0, start : start + 100]
            assert start + int(bucket.argmin()) in kept and start + int(bucket.argmax()) in kept

    def test_gaps_keep_their_edges(self):
        values = np.arange(10_000.0)[None, :].copy()
        values[0, 3001:3778] = np.nan
        kept = set(extreme_rows(values, buckets=20).tolist())
        assert {3000, 3001, 3777, 3778} <= kept

    def test_a_series_without_a_number(self):
        assert extreme_rows(np.full((1, 5000), np.nan), buckets=10).tolist() == [0, 4999]


class TestPaths:
    def test_a_line_breaks_at_a_gap_and_a_lone_point_is_a_dot(self):
        x, y = np.arange(5.0), np.array([1.0, np.nan, 2.0, 3.0, np.nan])
        assert line_path(x, y) == "M0,1h0M2,2L3,3"

    def test_an_area_closes(self):
        x = np.array([0.0, 10.0])
        assert area_path(x, np.array([1.0, 2.0]), np.array([5.0, 5.0])) == "M0,1L10,2L10,5L0,5Z"

    def test_sticks_leave_out_what_is_missing(self):
        assert stick_path(np.array([1.0, 2.0]), np.array([np.nan, 3.0]), 9.0) == "M2,9V3"

    def test_nothing_gives_nothing(self):
        empty = np.array([np.nan])
        assert line_path(np.zeros(1), empty) == area_path(np.zeros(1), empty, empty) == ""


class TestCoordinate:
    def test_no_exponent_no_negative_zero(self):
        for value in (-0.04, 0.0, 1e-9, 999.96, -3.25):
            assert re.fullmatch(r"-?\d+(\.\d)?", coordinate(value))
        assert coordinate(-0.04) == "0"


class TestPercentOf:
    def test_round_and_other_shares(self):
        assert [percent_of(share) for share in (0.0, 1.0, 1 / 3, 0.1)] == ["0%", "100%", "33.33%", "10%"]
