"""Numbers as text: units, signs, digits."""

import math

import pytest

from nanodesk.research.tearsheet import text
from nanodesk.research.tearsheet.labels import metric_label, metric_text
from nanodesk.research.tearsheet.markup import data_island, element, escape, table
from nanodesk.research.tearsheet.overview_sections import flattened


class TestPercent:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [(0.1234, "12.3%"), (-0.001, "−0.1%"), (-0.00001, "0.0%"), (None, "–"), (math.nan, "–"), (70.31, "7,031%")],
    )
    def test_text(self, value, expected):
        assert text.percent(value) == expected

    def test_signed(self):
        assert [text.percent(v, signed=True) for v in (0.05, 0.0, -0.05)] == ["+5.0%", "0.0%", "−5.0%"]


class TestMultiple:
    @pytest.mark.parametrize(
        ("value", "expected"), [(1.0, "1.00×"), (10.5, "10.5×"), (1234.0, "1,234×"), (0.0, "0×"), (-0.5, "−0.50×")]
    )
    def test_text(self, value, expected):
        assert text.multiple(value) == expected


class TestMoney:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [(999.6, "1.00k"), (999_600.0, "1.00M"), (12_345.0, "12.3k"), (2.5e9, "2.50B"), (0.0, "0"), (7.25, "7.25")],
    )
    def test_text(self, value, expected):
        assert text.money(value) == expected


class TestTick:
    @pytest.mark.parametrize(
        ("unit", "step", "value", "expected"),
        [
            ("percent", 0.2, 0.4, "40%"),
            ("percent", 0.025, 0.075, "7.5%"),
            ("ratio", 0.25, 0.75, "0.75"),
            ("count", 200.0, 1000.0, "1,000"),
            ("multiple", 5.0, 50.0, "50×"),
            ("multiple", 0.05, 1.05, "1.05×"),
            ("bps", 20.0, 40.0, "40"),
        ],
    )
    def test_decimals_follow_the_step(self, unit, step, value, expected):
        assert text.tick(unit, step)(value) == expected


class TestMetricText:
    def test_units(self):
        assert metric_text("return", "cagr", 0.1) == "10.0%"
        assert metric_text("risk", "max_drawdown_trough", "2020-03-23") == "2020-03-23"
        assert metric_text("significance", "sessions", 8313) == "8,313"
        assert metric_text("portfolio", "commission_bps_per_year", 8.4) == "8.4 bps"

    def test_a_probability_is_not_rounded_up_to_certainty(self):
        assert metric_text("significance", "probabilistic_sharpe", 0.99999) == ">99.9%"

    def test_an_unknown_metric_is_spelled_out(self):
        assert metric_label("some_new_metric") == "Some new metric"
        assert metric_text("ratios", "some_new_metric", 1.5) == "1.50"


class TestMarkup:
    def test_attributes_are_escaped(self):
        assert element("i", title='"><script>') == '<i title="&quot;&gt;&lt;script&gt;"></i>'
        assert element("i", hidden=True, class_=None) == "<i hidden></i>"

    def test_no_tag_can_begin_inside_a_data_island(self):
        assert "<" not in data_island(["</script><script>alert(1)"]).removeprefix("<script").removesuffix("</script>")

    def test_a_table_names_its_rows_and_columns(self):
        markup = table(("Name", "Value"), [("a", "1")], caption="A & B")
        assert '<caption class="sr">A &amp; B</caption>' in markup
        assert '<th scope="row">a</th><td class="n">1</td>' in markup
        assert escape("'") == "&#x27;"


class TestFlattened:
    def test_nested_settings(self):
        manifest = {"a": {"x": None, "y": []}, "b": [{"k": 1}, {"k": 2}], "c": {}}
        assert dict(flattened(manifest)) == {"a.x": "–", "a.y": "", "b[0].k": "1", "b[1].k": "2", "c": "–"}
