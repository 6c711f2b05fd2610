import datetime

import polars as pl
import pytest
from pydantic import ValidationError

from nanodesk.errors import DataError, MissingSessionError
from nanodesk.market import calendar
from nanodesk.research.dataset_kinds import About, conform, kind_of
from nanodesk.research.quality import QualityGates, check, split_like

DAYS = [day.item() for day in calendar.sessions("XNYS", "2024-01-02", "2024-03-28")]
LOOSE = {"max_quarantined_pct": 100.0}


def bars(**changes):
    """One name with calm bars; ``changes`` maps a column to ``{row: value}``."""
    rows = len(DAYS)
    columns = {
        "symbol": ["A"] * rows,
        "date": list(DAYS),
        "open": [10.0 + 0.01 * (i % 7) for i in range(rows)],
        "close": [10.0 + 0.02 * (i % 5) for i in range(rows)],
        "volume": [1000.0] * rows,
    }
    columns["high"] = [max(o, c) + 0.05 for o, c in zip(columns["open"], columns["close"], strict=True)]
    columns["low"] = [min(o, c) - 0.05 for o, c in zip(columns["open"], columns["close"], strict=True)]
    if "next_factor" in changes:
        columns["next_factor"] = [None] * rows
    for name, cells in changes.items():
        for row, value in cells.items():
            columns[name][row] = value
    return pl.DataFrame(columns, schema_overrides={"next_factor": pl.Float64} if "next_factor" in columns else None)


def run(frame, *, kind="prices", about=About(), **gates):  # noqa: B008 - frozen
    shape = kind_of(kind)
    return check(conform(frame, shape, file="f.csv"), shape, QualityGates(**gates), about=about, file="f.csv")


def found(checked):
    return {finding.gate: finding for finding in checked.findings}


class TestCheck:
    def test_clean_bars_pass(self):
        checked = run(bars())
        assert checked.findings == ()
        assert checked.bad.is_empty()
        assert checked.good.height == len(DAYS)

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), None, 0.0, -1.0])
    def test_a_close_that_is_no_price_is_quarantined(self, value):
        checked = run(bars(close={5: value}), **LOOSE)
        assert checked.bad["line"].to_list() == [6]
        expected = "missing_value" if value is None else "non_positive" if value in (0.0, -1.0) else "not_finite"
        assert checked.bad["gate"].to_list() == [expected]
        example = found(checked)[expected].examples[0]
        assert (example.line, example.key, example.column) == (6, f"A {DAYS[5]}", "close")
        assert "close" in found(checked)[expected].reason

    @pytest.mark.parametrize(
        ("changes", "gate"),
        [
            ({"high": {4: 9.0}}, "high_below_low"),
            ({"volume": {4: -1.0}}, "negative_volume"),
            ({"open": {4: float("inf")}}, "not_finite"),
            ({"next_factor": {4: 1000.0}}, "action_range"),
            ({"next_factor": {4: 0.0}}, "action_range"),
            ({"date": {4: DAYS[3]}}, "duplicate"),
            ({"date": {4: datetime.date(2024, 1, 6)}}, "stray_session"),
        ],
    )
    def test_gates_that_quarantine(self, changes, gate):
        checked = run(bars(**changes), **LOOSE)
        assert checked.bad["gate"].to_list() == [gate]
        assert checked.good.height == len(DAYS) - 1

    @pytest.mark.parametrize(
        ("changes", "gate"),
        [
            ({"volume": {4: 0.0}}, "zero_volume"),
            ({"close": {4: 10.5}}, "outside_range"),
            ({"close": {30: 15.0}, "high": {30: 15.1}}, "price_jump"),
            ({"close": dict.fromkeys(range(20, 32), 10.02)}, "stale_run"),
        ],
    )
    def test_gates_that_warn_and_keep(self, changes, gate):
        checked = run(bars(**changes))
        assert gate in found(checked)
        assert checked.bad.is_empty()

    def test_ignored_gates_say_nothing(self):
        assert run(bars(volume={4: 0.0}), zero_volume="ignore").findings == ()

    def test_a_warning_gate_can_be_made_to_quarantine(self):
        assert run(bars(volume={4: 0.0}), zero_volume="fail", **LOOSE).bad["line"].to_list() == [5]

    def test_a_jump_with_its_action_is_no_jump(self):
        half = {i: 5.0 + 0.01 * (i % 5) for i in range(30, len(DAYS))}
        wide = {"high": dict.fromkeys(half, 11.0), "low": dict.fromkeys(half, 4.0)}
        assert "price_jump" in found(run(bars(close=half, **wide)))
        assert "price_jump" not in found(run(bars(close=half, next_factor={29: 0.5}, **wide)))

    def test_the_last_line_of_a_duplicate_wins(self):
        checked = run(bars(date={4: DAYS[3]}, close={3: 10.01, 4: 10.02}), outside_range="ignore", **LOOSE)
        assert checked.good.filter(pl.col("date") == DAYS[3])["close"].to_list() == [10.02]
        assert checked.bad["close"].to_list() == [10.01]

    def test_unsorted_dates_are_sorted_with_a_note(self):
        frame = bars()
        swapped = pl.concat([frame[1], frame[0], frame[2:]])
        checked = run(swapped)
        assert found(checked)["unsorted"].examples[0].line == 2
        assert checked.good["date"].is_sorted()

    def test_unsorted_dates_are_an_error_by_option(self):
        frame = bars()
        swapped = pl.concat([frame[1], frame[0], frame[2:]])
        with pytest.raises(DataError, match=r"f.csv:2: date=2024-01-02 comes after a later date"):
            run(swapped, unsorted="fail")

    def test_blocks_of_symbols_in_any_order_are_sorted_enough(self):
        frame = pl.concat([bars().with_columns(symbol=pl.lit("B")), bars()])
        assert "unsorted" not in found(run(frame))

    def test_missing_sessions(self):
        frame = bars().filter(~pl.col("date").is_in(DAYS[10:13]))
        finding = found(run(frame))["missing_sessions"]
        assert (finding.rows, finding.examples[0].value) == (3, str(DAYS[10]))
        with pytest.raises(MissingSessionError, match=f"3 sessions of XNYS have no row, the first is {DAYS[10]}"):
            run(frame, missing_sessions="fail")
        assert run(frame, missing_sessions="ignore").findings == ()

    def test_a_market_that_never_closes_has_no_strays(self):
        frame = bars(date={4: datetime.date(2024, 1, 6)})
        assert "stray_session" not in found(run(frame, about=About(calendar="24-7")))

    def test_stop_names_file_line_column_value_and_rule(self):
        message = r"f.csv:6: close=-1.0 \(A 2024-01-09\): close must be greater than 0.*Nothing was written"
        with pytest.raises(DataError, match=message) as caught:
            run(bars(close={5: -1.0}), on_fail="stop")
        assert (caught.value.field, caught.value.value) == ("close", "-1.0")

    def test_too_many(self):
        with pytest.raises(DataError, match="max_quarantined_pct=1;") as caught:
            run(bars(close={5: -1.0}), max_quarantined_pct=1.0)
        assert caught.value.field == "max_quarantined_pct"

    def test_an_amendment_wins_over_the_report_of_the_same_day(self):
        day = datetime.date(2024, 3, 1)
        frame = pl.DataFrame(
            {
                "symbol": ["A", "A"],
                "period_end": [datetime.date(2023, 12, 31)] * 2,
                "known_at": [day, day],
                "equity": [2.0, 1.0],
                "amend": [True, False],
            }
        )
        assert run(frame, kind="fundamentals", **LOOSE).good["equity"].to_list() == [2.0]

    def test_nothing_is_lost(self):
        frame = bars(close={5: -1.0, 9: float("nan")}, date={20: DAYS[19]})
        checked = run(frame, **LOOSE)
        assert sorted([*checked.good["line"], *checked.bad["line"]]) == list(range(1, len(DAYS) + 1))


class TestQualityGates:
    def test_refuses_unknown_levels_and_keys(self):
        with pytest.raises(ValidationError, match="'ignore', 'warn' or 'fail'"):
            QualityGates(duplicate="error")
        with pytest.raises(ValidationError, match="Extra inputs"):
            QualityGates(duplicates="fail")


class TestSplitLike:
    @pytest.mark.parametrize(
        ("ratio", "expected"), [(0.5, 2.0), (2.0, 0.5), (0.0998, 10.0), (1.5, 1 / 1.5), (0.97, None)]
    )
    def test_recognises(self, ratio, expected):
        assert split_like(ratio) == expected
