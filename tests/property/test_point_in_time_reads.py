"""What is read as of a day is what a slow search over every row finds, and later rows never change it."""

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanodesk.research.lake import Lake
from nanodesk.research.lake_files import MemoryStore
from nanodesk.research.quality import QualityGates
from reference import lake_reference as slow

START = datetime.date(2024, 1, 1)
ANY = QualityGates(max_quarantined_pct=100.0, future_period="ignore", stray_session="ignore")
DATES = np.datetime64(START) + np.arange(0, 40)


def day(offset):
    return START + datetime.timedelta(days=offset)


reports = st.lists(
    st.tuples(st.sampled_from("ABC"), st.integers(-20, 30), st.integers(0, 35), st.none() | st.integers(-9, 9)),
    min_size=1,
    max_size=25,
    unique_by=lambda row: row[:3],
)


class TestFundamentals:
    @settings(max_examples=60, deadline=None)
    @given(reports)
    def test_agree_with_a_search_over_all_rows(self, rows):
        frame = pl.DataFrame(
            [(s, day(p), day(k), v) for s, p, k, v in rows],
            schema={"symbol": pl.String, "period_end": pl.Date, "known_at": pl.Date, "equity": pl.Float64},
            orient="row",
        )
        lake = Lake(MemoryStore(), location="memory")
        lake.ingest(frame, "f", kind="fundamentals", gates=ANY)
        known = frame.to_dicts()
        values = lake.fundamentals("f", DATES, list("ABC"), "equity")
        ages = lake.report_age("f", DATES, list("ABC"))
        for i, date in enumerate(DATES.tolist()):
            for j, symbol in enumerate("ABC"):
                np.testing.assert_equal(values[i, j], float(slow.newest_report(known, date, symbol, "equity")))
                np.testing.assert_equal(ages[i, j], float(slow.report_age(known, date, symbol)))


class TestSeries:
    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(0, 30), st.integers(0, 8), st.integers(-9, 9)),
            min_size=1,
            max_size=15,
            unique_by=lambda row: row[0],
        )
    )
    def test_agrees_with_a_search_over_all_rows(self, rows):
        frame = pl.DataFrame(
            [("X", day(d), float(v), day(d + delay)) for d, delay, v in rows],
            schema={"name": pl.String, "date": pl.Date, "value": pl.Float64, "known_at": pl.Date},
            orient="row",
        )
        lake = Lake(MemoryStore(), location="memory")
        lake.ingest(frame, "s", kind="series", gates=ANY)
        last = max(frame["known_at"])
        dates = DATES[np.datetime64(last) >= DATES]
        expected = [float(slow.series_value(frame.to_dicts(), date)) for date in dates.tolist()]
        np.testing.assert_array_equal(lake.series("X", dates), expected)


class TestRevisions:
    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.dictionaries(st.integers(0, 9), st.integers(1, 4), min_size=1), min_size=1, max_size=5))
    def test_every_past_state_stays_readable(self, states):
        """Each ingest is a file known ten days after the one before; as of a day, its rows over all earlier ones."""
        lake = Lake(MemoryStore(), location="memory")
        truth, known = [], {}
        for i, state in enumerate(states):
            rows = sorted(state.items())
            frame = pl.DataFrame(
                {"symbol": ["A"] * len(rows), "date": [day(d) for d, _ in rows], "close": [float(v) for _, v in rows]}
            )
            lake.ingest(frame, "p", kind="prices", gates=ANY, revised_at=day(20 + 10 * i))
            known = known | dict(rows)
            truth.append((lake.snapshot_id(), dict(known)))
        for snapshot, expected in truth:
            rows = lake.at(snapshot).rows("p")
            assert dict(rows.select("date", "close").iter_rows()) == {day(d): float(v) for d, v in expected.items()}

    def test_no_reading_as_of_a_day_uses_a_later_row(self):
        rng = np.random.default_rng(11)
        lake = Lake(MemoryStore(), location="memory")
        for i in range(4):
            frame = pl.DataFrame(
                {
                    "symbol": ["A"] * 20,
                    "date": [day(d) for d in range(20)],
                    "close": rng.integers(1, 4, 20).astype(float),
                }
            )
            lake.ingest(frame, "p", kind="prices", gates=ANY, revised_at=day(30 + i))
        for offset in range(35):
            rows = lake.rows("p", as_of=day(offset))
            assert (rows["known_at"] <= day(offset)).all()


@pytest.mark.parametrize("seed", range(10))
class TestAdjustedPanel:
    def random_prices(self, seed):
        rng = np.random.default_rng(seed)
        frames = []
        for symbol in "ABCD":
            listed = sorted(rng.choice(120, size=int(rng.integers(40, 110)), replace=False).tolist())
            marks = [float(rng.choice([0.5, 0.97, 2.0])) if rng.random() < 0.1 else None for _ in listed]
            close = 30 * np.exp(np.cumsum(rng.normal(0, 0.02, len(listed))))
            frames.append(
                pl.DataFrame(
                    {"symbol": symbol, "date": [day(d) for d in listed], "close": close, "next_factor": marks},
                    schema_overrides={"next_factor": pl.Float64},
                )
            )
        return pl.concat(frames)

    def test_agrees_with_a_walk_along_each_name(self, seed):
        frame, lake = self.random_prices(seed), Lake(MemoryStore(), location="memory")
        lake.ingest(frame, "p", kind="prices", gates=ANY)
        panel = lake.price_panel("p")
        for column, symbol in enumerate(panel.symbols):
            rows = frame.filter(pl.col("symbol") == symbol)
            marks = [np.nan if mark is None else mark for mark in rows["next_factor"]]
            expected = slow.adjusted_close(rows["close"], marks)
            actual = panel.close[:, column]
            np.testing.assert_allclose(actual[~np.isnan(actual)], expected, rtol=1e-12)

    def test_a_panel_as_of_a_day_is_the_beginning_of_a_later_one(self, seed):
        lake = Lake(MemoryStore(), location="memory")
        lake.ingest(self.random_prices(seed), "p", kind="prices", gates=ANY)
        whole = lake.price_panel("p")
        for cut in np.random.default_rng(seed).choice(len(whole.dates) - 1, size=5) + 1:
            part = lake.price_panel("p", as_of=whole.dates[cut - 1], symbols=whole.symbols)
            np.testing.assert_array_equal(part.dates, whole.dates[:cut])
            np.testing.assert_array_equal(part.close, whole.close[:cut])

    def test_both_anchors_give_the_same_returns(self, seed):
        lake = Lake(MemoryStore(), location="memory")
        lake.ingest(self.random_prices(seed), "p", kind="prices", gates=ANY)
        first, last = lake.price_panel("p").close, lake.price_panel("p", anchor="last").close
        np.testing.assert_allclose(first[1:] / first[:-1], last[1:] / last[:-1], rtol=1e-12)
        np.testing.assert_array_equal(last[-1], lake.price_panel("p").raw_close[-1])
