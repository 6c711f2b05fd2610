"""Counts and promises on real data that is too large or too restricted to ship; skipped where it is absent."""

import datetime

import numpy as np
import polars as pl
import pytest

from market_data import market_data
from nanodesk.market import calendar
from nanodesk.research.lake import open_lake
from nanodesk.research.point_in_time import report_age_at, reports_at
from nanodesk.research.sources.files import FileFormat, FileSource
from nanodesk.research.universe import parse_filters, screen, screen_context

PRICES = "equities_daily/us_stocks_pit_20150320_20160630.csv.gz"
REPORTS = "fundamentals/edgar_reports_pit_20150320_20160630.csv.gz"


@pytest.fixture(scope="module")
def prices():
    return FileSource(market_data() / PRICES, "us", "pystock")


@pytest.fixture(scope="module")
def reports():
    return FileSource(market_data() / REPORTS, "edgar", "edgar")


@pytest.fixture(scope="module")
def ingested(prices, reports, tmp_path_factory):
    lake = open_lake(tmp_path_factory.mktemp("lake"))
    return lake, lake.ingest_source(prices), lake.ingest_source(reports)


class TestPointInTimePrices:
    def test_the_file_has_the_rows_its_readme_promises(self, prices):
        frame = prices.read().frame
        assert frame.height == 1_440_042
        assert frame["symbol"].n_unique() == 4_766
        assert frame["date"].n_unique() == 334
        assert frame["next_factor"].count() == 13_926

    def test_what_the_gates_find(self, ingested):
        _, report, _ = ingested
        found = {finding.gate: finding.rows for finding in report.findings}
        assert (report.rows, report.quarantined) == (1_440_042, 48)
        assert found["non_positive"] == 12
        assert found["stray_session"] == 33  # "a few exchange holidays carry a handful of stray rows"
        assert found["zero_volume"] == 3_185
        assert "duplicate" not in found
        assert "outside_range" not in found

    def test_quarantine_keeps_every_row_that_is_missing(self, ingested, prices):
        lake, report, _ = ingested
        assert lake.quarantine("us").height + lake.describe("us").rows == report.rows
        assert set(lake.quarantine("us")["gate"]) == {"non_positive", "not_finite", "action_range", "stray_session"}

    def test_only_sessions_are_left(self, ingested):
        panel = ingested[0].price_panel("us")
        assert panel.shape == (324, 4_766)
        expected = calendar.sessions("XNYS", "2015-03-20", "2016-06-30")
        assert set(panel.dates.tolist()) <= set(expected.tolist())

    def test_the_same_file_again_changes_nothing(self, ingested, prices):
        lake, first, _ = ingested
        before = lake.snapshot_id()
        assert lake.ingest_source(prices).unchanged == first.added
        assert lake.snapshot_id() == before

    def test_adjusted_prices_pass_over_a_known_split(self, ingested):
        # Netflix, seven for one, in effect on 2015-07-15: 702.60 the day before, 98.13 on the day.
        lake = ingested[0]
        panel = lake.price_panel("us", symbols=["NFLX"], start="2015-07-14", end="2015-07-15")
        raw = lake.price_panel("us", symbols=["NFLX"], start="2015-07-14", end="2015-07-15", adjust="none")
        assert raw.close[:, 0].tolist() == [702.6, 98.13]
        assert raw.split[1, 0] == pytest.approx(7.0, abs=0.001)
        assert panel.close[1, 0] / panel.close[0, 0] == pytest.approx(98.13 * 7 / 702.6, rel=1e-3)

    def test_a_panel_as_of_a_day_is_the_beginning_of_the_whole_one(self, ingested):
        whole = ingested[0].price_panel("us")
        part = ingested[0].price_panel("us", as_of="2015-12-31", symbols=whole.symbols)
        for name in ("close", "open", "high", "low", "volume", "raw_close"):
            np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[: len(part.dates)])


class TestReports:
    def test_the_file_has_the_rows_its_readme_promises(self, reports):
        frame = reports.read().frame
        assert frame.height == 41_895
        assert frame["symbol"].n_unique() == 4_370
        assert dict(frame["doc_type"].value_counts().iter_rows()) == {"10-K": 9_096, "10-Q": 32_799}

    def test_what_the_gates_find(self, ingested):
        _, _, report = ingested
        found = {finding.gate: finding.rows for finding in report.findings}
        assert found == {"future_period": 3, "duplicate": 114}
        assert report.added == 41_895 - 3 - 114

    def test_no_filing_is_visible_before_the_day_it_was_collected(self, ingested):
        """On all rows: each, alone, is unknown the day before it was collected and known on the day."""
        rows = (
            ingested[0].rows("edgar").with_row_index("row").with_columns(pl.col("row").cast(pl.Float64).alias("mark"))
        )
        days = rows["known_at"].unique().sort().to_numpy().astype("datetime64[D]")
        checked = 0
        for day, group in rows.group_by("known_at", maintain_order=True):
            group = group.unique(subset="symbol", keep="last", maintain_order=True)
            names = group["symbol"].to_list()
            dates = np.array([day[0] - datetime.timedelta(days=1), day[0]], dtype="datetime64[D]")
            values = reports_at(group, dates, names, column="mark")
            assert np.isnan(values[0]).all()
            assert values[1].tolist() == group["mark"].to_list()
            checked += group.height
        assert len(days) == rows["known_at"].n_unique()
        assert checked == rows.unique(subset=["symbol", "known_at"]).height

    def test_every_value_read_on_any_day_was_collected_by_then(self, ingested):
        """Over the whole join: the day on which a value became known is never after the day that reads it."""
        lake = ingested[0]
        panel = lake.price_panel("us", symbols=None)
        rows = lake.rows("edgar").with_columns(pl.col("known_at").cast(pl.Int32).cast(pl.Float64).alias("collected"))
        collected = reports_at(rows, panel.dates, panel.symbols, column="collected")
        known = ~np.isnan(collected)
        assert known.sum() > 500_000
        today = np.broadcast_to(panel.dates.astype(np.int64)[:, None].astype(float), collected.shape)
        assert (collected[known] <= today[known]).all()
        assert (report_age_at(rows, panel.dates, panel.symbols)[known] >= 0).all()

    def test_cutting_the_filings_changes_no_earlier_reading(self, ingested):
        lake = ingested[0]
        dates = calendar.sessions("XNYS", "2015-03-20", "2015-12-31")
        symbols = sorted(lake.rows("edgar", columns=[])["symbol"].unique().to_list())
        whole = lake.fundamentals("edgar", dates, symbols, "equity")
        cut = lake.fundamentals("edgar", dates, symbols, "equity", as_of="2015-12-31")
        np.testing.assert_array_equal(cut, whole)


class TestScreenOnRealData:
    def test_thousands_of_names_become_a_few_dozen(self, ingested):
        lake = ingested[0]
        panel = lake.price_panel("us")
        rows = np.arange(130, 324, 21)
        filters = parse_filters(
            [
                {"kind": "history", "min_sessions": 120},
                {"kind": "price", "min": 5.0},
                {"kind": "dollar_volume", "min": 5e6},
                {"kind": "spread_proxy", "max_bps": 50.0},
                {"kind": "volatility", "min": 0.08, "max": 0.8},
                {"kind": "momentum", "lookback": 126, "skip": 21, "min_percentile": 0.3},
                {"kind": "fundamental_coverage", "max_age_days": 200},
                {"kind": "fundamental", "column": "equity", "min": 0.0},
                {"kind": "rank_top", "n": 60, "exit_rank": 90},
                {"kind": "diversify", "max_correlation": 0.9, "window": 126},
            ]
        )
        context = screen_context(filters, panel, rows, lake=lake, fundamentals="edgar")
        scores = np.random.default_rng(7).normal(size=panel.shape)
        for row in rows:
            mask, steps = screen(filters, context, int(row), composite=scores[row], min_names=20, max_names=75)
            assert 20 <= mask.sum() <= 60
            counts = [steps[0].entered, *(step.left for step in steps)]
            assert counts == sorted(counts, reverse=True)
            assert counts[0] == 4_766

    def test_the_screen_as_of_a_day_is_the_screen_of_the_whole_run(self, ingested):
        lake = ingested[0]
        filters = parse_filters(
            [
                {"kind": "history", "min_sessions": 100},
                {"kind": "dollar_volume", "min": 5e6},
                {"kind": "volatility", "max": 0.6},
                {"kind": "fundamental_coverage"},
            ]
        )
        whole = lake.price_panel("us")
        part = lake.price_panel("us", as_of="2015-12-31", symbols=whole.symbols)
        row = np.array([len(part.dates) - 1])
        masks = [
            screen(filters, screen_context(filters, panel, row, lake=lake, fundamentals="edgar"), int(row[0]))[0]
            for panel in (whole, part)
        ]
        np.testing.assert_array_equal(*masks)
        assert masks[0].sum() > 500


class TestOtherFiles:
    def test_survivorship_free_prices(self, tmp_path):
        path = market_data() / "equities_daily/sp500_survivorship_free_2014-2016.csv.gz"
        lake = open_lake(tmp_path)
        report = lake.ingest_source(FileSource(path, "sp500", "sp500_survivorship_free"))
        assert report.rows == 473_920
        found = {finding.gate: finding.rows for finding in report.findings}
        assert found["outside_range"] == 41
        assert not {"high_below_low", "duplicate"} & set(found)
        assert found["unsorted"] > 0  # two symbols are sorted as text, month first
        frame = lake.rows("sp500", columns=[])
        assert frame["symbol"].n_unique() == 607
        assert frame["date"].n_unique() == 1_131  # 1,505 spellings: the two write their dates in another form

    def test_treasury_curve(self):
        path = market_data() / "macro/treasury_curves_daily.csv.gz"
        layout = FileFormat("series", wide=True, date_column="Time Period")
        frame = FileSource(path, "curve", layout).read().frame
        assert frame["line"].max() == 6_817
        assert frame["name"].n_unique() == 11

    def test_sp100_file(self):
        frame = FileSource(market_data() / "equities_daily/nanobook_sp100_ohlcv.csv.gz", "sp100").read().frame
        assert (frame.height, frame["symbol"].n_unique(), frame["date"].n_unique()) == (36_980, 20, 1_849)
