"""Charts: labels that fit, marks where they belong, read-outs that match."""

import json
import re
from itertools import pairwise

import numpy as np
import pytest

from nanodesk.research.tearsheet.bar_charts import bar_cell, bar_chart, curve_chart, histogram, spark_bars
from nanodesk.research.tearsheet.chart import LETTERS, Series, category_axis
from nanodesk.research.tearsheet.time_charts import Mark, spread_labels, stacked_chart, time_chart

DATES = np.datetime64("2020-01-01") + np.arange(2000)


def island(markup):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', markup).group(1))


class TestCategoryAxis:
    @pytest.mark.parametrize("count", [1, 2, 5, 11, 33, 60, 250])
    @pytest.mark.parametrize("width", [2, 4, 7])
    def test_labels_fit_every_width_and_the_last_stands(self, count, width):
        labels = [str(i).rjust(width, "0") for i in range(count)]
        found = re.findall(r'class="([^"]*)">(\d+)<', category_axis(labels, 100))
        tiers = [found, [f for f in found if "extra" not in f[0]], [f for f in found if "minor" not in f[0]]]
        for room, shown in zip(LETTERS, tiers, strict=True):
            assert shown[-1][1] == labels[-1]
            steps = {int(b[1]) - int(a[1]) for a, b in pairwise(shown)}
            assert len(steps) <= 1
            assert len(shown) == 1 or count * (width + 1) / min(steps) <= room


class TestSpreadLabels:
    def test_labels_keep_their_distance_and_stay_on_the_chart(self):
        rng = np.random.default_rng(5)
        for _ in range(200):
            places = sorted(rng.uniform(0, 100, rng.integers(1, 7)).tolist())
            moved = spread_labels(places, 13.0, 100.0)
            assert all(b - a >= 13.0 - 1e-9 for a, b in pairwise(moved))
            assert max(moved) <= 100.0


class TestTimeChart:
    def test_the_read_out_holds_the_points_that_are_drawn(self):
        values = np.random.default_rng(6).normal(size=2000).cumsum()
        data = island(time_chart("a", "A", DATES, [Series("x", values, "c1")], unit="ratio"))
        assert len(data["d"]) == len(data["s"][0]) < 2000
        rows = np.array(data["d"]) - int(DATES[0].astype(int))
        np.testing.assert_allclose(data["s"][0], values[rows], atol=5.1e-4)
        assert max(data["s"][0]) == round(values.max(), 3) and data["t"] == [data["d"][0], data["d"][-1]]

    def test_a_gap_breaks_the_line(self):
        values = np.ones(2000)
        values[500:600] = np.nan
        line = re.search(
            r'<path d="([^"]*)" class="line c1"', time_chart("a", "A", DATES, [Series("x", values, "c1")], unit="ratio")
        )
        assert line.group(1).count("M") == 2

    def test_marks_and_bands(self):
        markup = time_chart(
            "a", "A", DATES, [Series("x", np.arange(2000.0), "c1")], unit="ratio",
            marks=[Mark(DATES[1999], 5.0, "<here>")], bands=[(DATES[0], DATES[1000])],
        )  # fmt: skip
        assert '<rect x="0%" width="50.03%"' in markup
        assert 'text-anchor="end" class="tm">&lt;here&gt;<' in markup

    def test_a_line_that_ended_early_has_no_label_at_the_end(self):
        early = np.where(np.arange(2000) < 1000, 1.0, np.nan)
        assert 'class="te' not in time_chart("a", "A", DATES, [Series("x", early, "c1")], unit="ratio")


class TestStackedChart:
    def test_the_top_of_the_stack_is_the_sum(self):
        parts = [Series(name, np.full(4, share), "c1") for name, share in (("a", 0.25), ("b", 0.75))]
        markup = stacked_chart("a", "A", DATES[:4], parts, unit="percent", height=103)
        assert re.findall(r'<path d="M0,([\d.]+)', markup) == ["78", "3"]


class TestBarChart:
    def test_stacked_bars_stand_on_each_other(self):
        parts = [Series("a", np.array([1.0]), "c1"), Series("b", np.array([2.0]), "c2")]
        markup = bar_chart("a", "A", ["x"], parts, unit="ratio", stacked=True, height=103)
        assert re.findall(r'<path d="M500,([\d.]+)V([\d.]+)"', markup) == [("103", "69.7"), ("69.7", "3")]

    def test_missing_values_leave_no_bar(self):
        markup = bar_chart("a", "A", ["x", "y"], [Series("a", np.array([np.nan, 1.0]), "c1")], unit="ratio")
        assert len(re.findall(r"M[\d.]+,[\d.]+V", markup)) == 1 and island(markup)["s"] == [[None, 1.0]]


class TestHistogram:
    def test_every_session_is_counted(self):
        values = np.random.default_rng(7).standard_t(3, 5000) * 0.01
        data = island(histogram("a", "A", values, curve=(0.0, 0.01), lines=[(-0.02, "VaR")]))
        assert sum(data["s"][0]) == 5000 and len(data["s"]) == 2

    def test_returns_that_never_move(self):
        data = island(histogram("a", "A", np.zeros(50), curve=(0.0, 0.0), lines=[]))
        assert sum(data["s"][0]) == 50 and len(data["s"]) == 1


class TestCurveChart:
    def test_positions_are_read_out(self):
        data = island(curve_chart("a", "A", ["+1", "+5"], [Series("x", np.array([0.1, np.nan]), "c1")], unit="ic"))
        assert data["l"] == ["+1", "+5"] and data["s"] == [[0.1, None]]


class TestCells:
    def test_a_loss_points_left_of_the_middle(self):
        assert 'x="25%" y="3" width="25%"' in bar_cell(-0.5, 1.0)
        assert 'x="50%" y="3" width="50%"' in bar_cell(2.0, 1.0)

    @pytest.mark.parametrize(("value", "reach"), [(None, 1.0), (float("nan"), 1.0), (1.0, 0.0)])
    def test_nothing_to_draw(self, value, reach):
        assert 'width="0%"' in bar_cell(value, reach)

    def test_tiny_bars_split_gains_from_losses(self):
        markup = spark_bars(np.array([1.0, -1.0, np.nan]))
        assert markup.count("bar gain") == markup.count("bar loss") == 1
