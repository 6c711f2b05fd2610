import datetime

import numpy as np
import polars as pl
import pytest

from nanodesk.errors import DataError, SchemaMismatchError, ValidationError
from nanodesk.research.dataset_kinds import About
from nanodesk.research.lake import Lake, open_lake
from nanodesk.research.lake_files import MemoryStore
from nanodesk.research.quality import QualityGates

DAY = datetime.date
PRICES = pl.DataFrame(
    {
        "symbol": ["A", "A", "A", "B", "B"],
        "date": [DAY(2023, 12, 28), DAY(2023, 12, 29), DAY(2024, 1, 2), DAY(2023, 12, 29), DAY(2024, 1, 2)],
        "close": [10.0, 11.0, 12.0, 20.0, 21.0],
    }
)
REVISED = PRICES.with_columns(pl.when(pl.col("close") == 11.0).then(11.5).otherwise("close").alias("close"))


@pytest.fixture(params=["memory", "folder"])
def lake(request, tmp_path):
    return Lake(MemoryStore(), location="memory") if request.param == "memory" else open_lake(tmp_path / "lake")


class TestIngest:
    def test_reads_back_what_was_written(self, lake):
        report = lake.ingest(PRICES, "us", kind="prices")
        assert (report.added, report.revised, report.unchanged, report.quarantined) == (5, 0, 0, 0)
        panel = lake.price_panel("us")
        assert panel.symbols == ("A", "B")
        np.testing.assert_array_equal(panel.close, [[10, np.nan], [11, 20], [12, 21]])

    def test_every_row_carries_when_it_was_known_and_by_which_ingest(self, lake):
        lake.ingest(PRICES, "us", kind="prices")
        rows = lake.rows("us")
        assert rows["known_at"].to_list() == rows["date"].to_list()
        assert rows["ingest"].to_list() == [1] * 5

    def test_the_same_rows_again_change_nothing(self, lake):
        first = lake.ingest(PRICES, "us", kind="prices")
        again = lake.ingest(PRICES.sample(fraction=1, shuffle=True, seed=1), "us", kind="prices")
        assert (again.added, again.revised, again.unchanged) == (0, 0, 5)
        assert again.snapshot_id == first.snapshot_id
        assert lake.snapshots() == (first.snapshot_id,)

    def test_equal_content_gives_equal_snapshots_in_every_lake(self, lake):
        other = Lake(MemoryStore(), location="other")
        assert (
            lake.ingest(PRICES, "us", kind="prices").snapshot_id
            == other.ingest(PRICES, "us", kind="prices").snapshot_id
        )

    def test_new_rows_are_appended(self, lake):
        lake.ingest(PRICES.head(2), "us", kind="prices")
        report = lake.ingest(PRICES, "us", kind="prices")
        assert (report.added, report.unchanged) == (3, 2)
        assert lake.rows("us").filter(pl.col("ingest") == 2).height == 3

    def test_changed_rows_become_a_revision_and_the_old_ones_stay_readable(self, lake):
        before = lake.ingest(PRICES, "us", kind="prices").snapshot_id
        report = lake.ingest(REVISED, "us", kind="prices", revised_at=DAY(2024, 2, 1))
        assert (report.added, report.revised, report.unchanged) == (0, 1, 4)
        assert lake.price_panel("us").close[1, 0] == 11.5
        assert lake.price_panel("us", as_of=DAY(2024, 2, 1)).close[1, 0] == 11.5
        assert lake.price_panel("us", as_of=DAY(2024, 1, 31)).close[1, 0] == 11.0
        assert lake.at(before).price_panel("us").close[1, 0] == 11.0

    def test_a_revision_taken_back_is_a_revision(self, lake):
        lake.ingest(PRICES, "us", kind="prices")
        lake.ingest(REVISED, "us", kind="prices", revised_at=DAY(2024, 2, 1))
        report = lake.ingest(PRICES, "us", kind="prices", revised_at=DAY(2024, 3, 1))
        assert report.revised == 1
        assert [lake.price_panel("us", as_of=DAY(2024, month, 15)).close[1, 0] for month in (1, 2, 3)] == [11, 11.5, 11]

    def test_changed_rows_need_their_day(self, lake):
        lake.ingest(PRICES, "us", kind="prices")
        snapshot = lake.snapshot_id()
        with pytest.raises(DataError, match=r"1 rows differ.*the first is A 2023-12-29.*Pass revised_at"):
            lake.ingest(REVISED, "us", kind="prices")
        assert lake.at("latest").snapshot_id() == snapshot

    def test_a_revision_cannot_be_known_before_what_it_replaces(self, lake):
        lake.ingest(PRICES, "us", kind="prices")
        with pytest.raises(ValidationError, match="revised_at=2023-01-01 is before 2023-12-29"):
            lake.ingest(REVISED, "us", kind="prices", revised_at=DAY(2023, 1, 1))

    def test_bad_rows_are_set_aside_with_their_reason(self, lake):
        bad = pl.concat([PRICES, pl.DataFrame({"symbol": ["C"], "date": [DAY(2024, 1, 2)], "close": [-1.0]})])
        gates = QualityGates(max_quarantined_pct=20.0)
        report = lake.ingest(bad, "us", kind="prices", gates=gates, file="us.csv")
        assert (report.added, report.quarantined) == (5, 1)
        row = lake.quarantine("us").row(0, named=True)
        assert (row["symbol"], row["close"], row["line"], row["file"]) == ("C", -1.0, 6, "us.csv")
        assert (row["gate"], row["reason"]) == ("non_positive", "close must be greater than 0")
        assert lake.ingest(bad, "us", kind="prices", gates=gates, file="us.csv").snapshot_id == report.snapshot_id
        assert lake.describe("us").quarantined == 1

    def test_too_many_bad_rows_write_nothing(self, lake):
        with pytest.raises(DataError, match=r"1 of 5 rows \(20.00 %\) fail a gate.*max_quarantined_pct=2"):
            lake.ingest(PRICES.with_columns(close=pl.Series([0.0, 1, 1, 1, 1])), "us", kind="prices")
        assert lake.datasets() == ()
        assert lake.snapshots() == ()

    def test_another_kind_under_the_same_name(self, lake):
        lake.ingest(PRICES, "us", kind="prices")
        with pytest.raises(SchemaMismatchError, match="'us' is of kind 'prices', not 'series'"):
            lake.ingest(pl.DataFrame({"name": ["X"], "date": [DAY(2024, 1, 2)], "value": [1.0]}), "us", kind="series")

    def test_other_columns_under_the_same_name(self, lake):
        lake.ingest(PRICES, "us", kind="prices")
        with pytest.raises(SchemaMismatchError, match="'us' has columns symbol, date, close; this frame has"):
            lake.ingest(PRICES.with_columns(volume=1.0), "us", kind="prices")

    @pytest.mark.parametrize(
        ("frame", "message"),
        [
            (PRICES.drop("close"), "column 'close' is missing"),
            (PRICES.rename({"close": "closee"}), "column 'close' is missing.*Rename 'closee'"),
            (PRICES.with_columns(opne=1.0), "column 'opne' is not one.*Did you mean 'open'"),
            (PRICES.with_columns(close=pl.lit([1.0, 2.0])), "column 'close' has type List"),
            (
                PRICES.with_columns(date=pl.date(10, 1, 1)),
                "frame:1: date=0010-01-01 is not between 1800-01-01",
            ),
            (PRICES.with_columns(close=pl.lit("cheap")), "frame:1: close='cheap' cannot be read as a number"),
        ],
    )
    def test_wrong_columns(self, lake, frame, message):
        with pytest.raises(SchemaMismatchError, match=message):
            lake.ingest(frame, "us", kind="prices")

    def test_unknown_kind(self, lake):
        with pytest.raises(ValidationError, match=r"kind='price' is unknown.*Did you mean 'prices'"):
            lake.ingest(PRICES, "us", kind="price")


class TestPricePanel:
    def test_span_and_symbols(self, lake):
        lake.ingest(PRICES, "us", kind="prices")
        panel = lake.price_panel("us", start="2023-12-29", end=DAY(2023, 12, 31), symbols=["B", "A"])
        assert panel.symbols == ("B", "A")
        np.testing.assert_array_equal(panel.close, [[20, 11]])

    def test_only_symbols_with_rows_in_the_span(self, lake):
        lake.ingest(PRICES, "us", kind="prices")
        assert lake.price_panel("us", end="2023-12-28").symbols == ("A",)

    def test_a_name_without_a_row_in_the_span_is_an_empty_column(self, lake):
        lake.ingest(PRICES, "us", kind="prices")
        panel = lake.price_panel("us", end="2023-12-28", symbols=["B", "A"])
        np.testing.assert_array_equal(panel.close, [[np.nan, 10]])

    def test_a_name_asked_for_twice(self, lake):
        lake.ingest(PRICES, "us", kind="prices")
        with pytest.raises(DataError, match="symbol 'A' is named twice"):
            lake.price_panel("us", symbols=["A", "B", "A"])

    def test_a_dataset_of_which_every_row_failed(self, lake):
        gates = QualityGates(max_quarantined_pct=100.0)
        lake.ingest(PRICES.with_columns(close=-1.0), "us", kind="prices", gates=gates)
        with pytest.raises(DataError, match="has no price from its start to its end"):
            lake.price_panel("us")

    def test_an_empty_span(self, lake):
        lake.ingest(PRICES, "us", kind="prices")
        with pytest.raises(DataError, match="no price from 2025-01-01"):
            lake.price_panel("us", start="2025-01-01")

    def test_unknown_symbol_names_the_nearest(self, lake):
        lake.ingest(PRICES.with_columns(symbol="AAA" + pl.col("symbol")), "us", kind="prices")
        with pytest.raises(DataError, match=r"symbols=\['AABA'\] are not in dataset 'us'.*Did you mean 'AAA"):
            lake.price_panel("us", symbols=["AABA"])

    def test_unknown_dataset_names_the_nearest(self, lake):
        lake.ingest(PRICES, "stocks", kind="prices")
        with pytest.raises(DataError, match=r"'stock' is not in lake.*Did you mean 'stocks'"):
            lake.price_panel("stock")

    def test_a_dataset_of_another_kind(self, lake):
        lake.ingest(pl.DataFrame({"name": ["X"], "date": [DAY(2024, 1, 2)], "value": [1.0]}), "macro", kind="series")
        with pytest.raises(DataError, match="'macro' holds series, not prices"):
            lake.price_panel("macro")

    def test_adjusted_prices_have_no_raw_price(self, lake):
        lake.ingest(PRICES, "us", kind="prices", about=About(adjusted=True))
        assert lake.price_panel("us").raw_close is None

    def test_sectors_come_from_securities(self, lake):
        lake.ingest(PRICES, "us", kind="prices")
        lake.ingest(pl.DataFrame({"symbol": ["A", "Z"], "sector": ["tech", "energy"]}), "names", kind="securities")
        assert lake.price_panel("us").sectors == {"A": "tech"}


class TestAdjustment:
    SPLIT = pl.DataFrame(
        {
            "symbol": ["A"] * 4,
            "date": [DAY(2024, 1, 2), DAY(2024, 1, 3), DAY(2024, 1, 4), DAY(2024, 1, 5)],
            "close": [100.0, 102.0, 51.0, 50.0],
            "volume": [10.0, 10.0, 20.0, 20.0],
            "next_factor": [None, 0.5, 0.98, None],
        }
    )

    def test_total_return_keeps_the_first_session(self, lake):
        lake.ingest(self.SPLIT, "us", kind="prices")
        panel = lake.price_panel("us")
        np.testing.assert_allclose(panel.close[:, 0], [100, 102, 102, 50 / 0.5 / 0.98])
        np.testing.assert_allclose(panel.close * panel.volume, panel.raw_close * [[10], [10], [20], [20]])

    def test_anchored_at_the_last_session(self, lake):
        lake.ingest(self.SPLIT, "us", kind="prices")
        np.testing.assert_allclose(
            lake.price_panel("us", anchor="last").close[:, 0], [100 * 0.49, 102 * 0.49, 51 * 0.98, 50]
        )

    def test_split_only(self, lake):
        lake.ingest(self.SPLIT, "us", kind="prices")
        np.testing.assert_allclose(lake.price_panel("us", adjust="split").close[:, 0], [100, 102, 102, 100])

    def test_none_gives_actions_on_their_ex_dates(self, lake):
        lake.ingest(self.SPLIT, "us", kind="prices")
        panel = lake.price_panel("us", adjust="none")
        np.testing.assert_array_equal(panel.close[:, 0], [100, 102, 51, 50])
        np.testing.assert_allclose(panel.split[:, 0], [1, 1, 2, 1])
        np.testing.assert_allclose(panel.dividend[:, 0], [0, 0, 0, 51 * 0.02])

    def test_does_not_depend_on_where_the_panel_starts(self, lake):
        lake.ingest(self.SPLIT, "us", kind="prices")
        whole, part = lake.price_panel("us"), lake.price_panel("us", start="2024-01-04")
        np.testing.assert_array_equal(part.close, whole.close[2:])

    def test_dividends_and_splits_by_ex_date_give_the_same(self, lake):
        lake.ingest(self.SPLIT, "us", kind="prices")
        given = self.SPLIT.drop("next_factor").with_columns(
            dividend=pl.Series([0.0, 0.0, 0.0, 1.02]), split=pl.Series([1.0, 1.0, 2.0, 1.0])
        )
        lake.ingest(given, "actions", kind="prices")
        np.testing.assert_allclose(lake.price_panel("us").close, lake.price_panel("actions").close, rtol=1e-14)


class TestSeries:
    FRAME = pl.DataFrame(
        {
            "name": ["DGS10"] * 3,
            "date": [DAY(2024, 1, 2), DAY(2024, 1, 3), DAY(2024, 1, 5)],
            "value": [4.0, 4.1, 4.2],
            "known_at": [DAY(2024, 1, 3), DAY(2024, 1, 4), DAY(2024, 1, 6)],
        }
    )
    DATES = np.array(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"], dtype="datetime64[D]")

    def test_is_known_from_its_day_on(self, lake):
        lake.ingest(self.FRAME, "rates", kind="series")
        np.testing.assert_array_equal(lake.series("DGS10", self.DATES), [np.nan, 4.0, 4.1, 4.1, 4.2])

    def test_lag_in_sessions(self, lake):
        lake.ingest(self.FRAME, "rates", kind="series")
        np.testing.assert_array_equal(lake.series("DGS10", self.DATES, lag_sessions=1), [np.nan, np.nan, 4.0, 4.1, 4.1])

    def test_as_fraction(self, lake):
        lake.ingest(self.FRAME, "rates", kind="series", about=About(units={"DGS10": "percent"}))
        assert lake.series("DGS10", self.DATES, unit="fraction")[-1] == pytest.approx(0.042)

    def test_a_unit_that_is_no_rate(self, lake):
        lake.ingest(self.FRAME, "rates", kind="series")
        with pytest.raises(DataError, match="'DGS10' has unit 'unknown', which is no fraction"):
            lake.series("DGS10", self.DATES, unit="fraction")

    def test_a_series_that_ended_names_its_coverage(self, lake):
        lake.ingest(self.FRAME, "rates", kind="series")
        near, far = np.array(["2024-01-19", "2024-01-23"], dtype="datetime64[D]")
        assert lake.series("DGS10", np.array([near]))[0] == 4.2
        with pytest.raises(DataError, match="'DGS10' covers 2024-01-02 to 2024-01-05; 2024-01-23 is more than 10"):
            lake.series("DGS10", np.array([far]))

    def test_a_monthly_series_is_not_stale_between_its_values(self, lake):
        months = pl.DataFrame(
            {"name": ["CPI"] * 3, "date": [DAY(2024, m, 1) for m in (1, 2, 3)], "value": [1.0, 2.0, 3.0]}
        )
        lake.ingest(months, "cpi", kind="series")
        assert lake.series("CPI", np.array(["2024-04-05"], dtype="datetime64[D]"))[0] == 3.0
        with pytest.raises(DataError, match="'CPI' covers"):
            lake.series("CPI", np.array(["2024-05-20"], dtype="datetime64[D]"))

    def test_unknown_name_names_the_nearest(self, lake):
        lake.ingest(self.FRAME, "rates", kind="series")
        with pytest.raises(DataError, match=r"series 'DGS1O' is not in lake.*Did you mean 'DGS10'"):
            lake.series("DGS1O", self.DATES)

    def test_a_name_in_two_datasets_must_say_which(self, lake):
        lake.ingest(self.FRAME, "rates", kind="series")
        lake.ingest(self.FRAME.with_columns(value=1.0), "other", kind="series")
        with pytest.raises(DataError, match="in several datasets"):
            lake.series("DGS10", self.DATES)
        assert lake.series("other/DGS10", self.DATES)[-1] == 1.0

    def test_names(self, lake):
        lake.ingest(self.FRAME, "rates", kind="series")
        assert lake.series_names() == ("DGS10",)


class TestMembership:
    FRAME = pl.DataFrame(
        {
            "index": ["SP500"] * 3,
            "symbol": ["A", "B", "A"],
            "from": [DAY(2020, 1, 2), DAY(2021, 1, 4), DAY(2023, 1, 3)],
            "to": [DAY(2022, 1, 3), None, None],
        }
    )

    def test_from_first_day_inside_to_first_day_outside(self, lake):
        lake.ingest(self.FRAME, "members", kind="membership")
        dates = np.array(["2020-01-01", "2020-01-02", "2021-12-31", "2022-01-03", "2023-01-03"], dtype="datetime64[D]")
        member = lake.membership("SP500", dates, ["B", "A", "C"])
        assert member.T.tolist() == [
            [False, False, True, True, True],
            [False, True, True, False, True],
            [False] * 5,
        ]

    def test_an_exit_that_is_learnt_later(self, lake):
        lake.ingest(self.FRAME, "members", kind="membership")
        left = self.FRAME.with_columns(pl.col("to").fill_null(DAY(2024, 6, 3)))
        lake.ingest(left, "members", kind="membership", revised_at=DAY(2024, 6, 3))
        day = np.array(["2024-06-04"], dtype="datetime64[D]")
        assert not lake.membership("SP500", day, ["B"])[0, 0]
        assert lake.membership("SP500", day, ["B"], as_of="2024-06-02")[0, 0]

    def test_unknown_index(self, lake):
        with pytest.raises(DataError, match="index='SP50' is in no membership dataset"):
            lake.membership("SP50", np.array([], dtype="datetime64[D]"), [])


class TestFundamentals:
    FRAME = pl.DataFrame(
        {
            "symbol": ["A", "A", "A", "B"],
            "period_end": [DAY(2023, 12, 31), DAY(2024, 3, 31), DAY(2023, 12, 31), DAY(2023, 12, 31)],
            "known_at": [DAY(2024, 2, 15), DAY(2024, 5, 10), DAY(2024, 6, 1), DAY(2024, 3, 1)],
            "equity": [100.0, 110.0, 99.0, None],
            "amend": [False, False, True, False],
        }
    )
    DATES = np.array(["2024-02-14", "2024-02-15", "2024-05-09", "2024-05-10", "2024-06-03"], dtype="datetime64[D]")

    def test_the_newest_period_known_wins(self, lake):
        lake.ingest(self.FRAME, "edgar", kind="fundamentals")
        actual = lake.fundamentals("edgar", self.DATES, ["A", "B", "C"], "equity")
        np.testing.assert_array_equal(actual[:, 0], [np.nan, 100, 100, 110, 110])
        assert np.isnan(actual[:, 1:]).all()

    def test_an_amendment_replaces_the_report_it_amends(self, lake):
        late = self.FRAME.filter(pl.col("equity") != 110)
        lake.ingest(late, "edgar", kind="fundamentals")
        np.testing.assert_array_equal(lake.fundamentals("edgar", self.DATES, ["A"], "equity")[-2:, 0], [100, 99])

    def test_age_counts_from_the_first_sight_of_a_period(self, lake):
        lake.ingest(self.FRAME, "edgar", kind="fundamentals")
        age = lake.report_age("edgar", self.DATES, ["A", "B"])
        np.testing.assert_array_equal(age[:, 0], [np.nan, 0, 84, 0, 24])
        np.testing.assert_array_equal(age[:, 1], [np.nan, np.nan, 69, 70, 94])

    def test_as_of_hides_what_came_later(self, lake):
        lake.ingest(self.FRAME, "edgar", kind="fundamentals")
        assert lake.fundamentals("edgar", self.DATES, ["A"], "equity", as_of="2024-03-01")[-1, 0] == 100

    def test_unknown_column_names_the_nearest(self, lake):
        lake.ingest(self.FRAME, "edgar", kind="fundamentals")
        with pytest.raises(DataError, match=r"no column 'equty'.*Did you mean 'equity'"):
            lake.fundamentals("edgar", self.DATES, ["A"], "equty")

    def test_a_report_known_before_its_period_ended_is_set_aside(self, lake):
        bad = self.FRAME.with_columns(period_end=pl.lit(DAY(2030, 1, 1)))
        with pytest.raises(DataError, match="the period ends after the report was known"):
            lake.ingest(bad, "edgar", kind="fundamentals", gates=QualityGates(on_fail="stop"))


class TestListings:
    def test_symbols_of_which_both_are_known(self, lake):
        frame = pl.DataFrame({"symbol": ["A", "B"], "exchange": ["XNYS", "XNAS"], "type": ["common", None]})
        lake.ingest(frame, "names", kind="securities")
        assert lake.listings() == {"A": ("XNYS", "common")}


class TestOpenLake:
    def test_a_file_is_no_lake(self, tmp_path):
        (tmp_path / "lake").write_text("x")
        with pytest.raises(DataError, match="is a file"):
            open_lake(tmp_path / "lake")

    def test_unknown_snapshot(self, tmp_path):
        with pytest.raises(DataError, match="snapshot='0123' is not in this lake"):
            open_lake(tmp_path, snapshot="0123")

    def test_a_pinned_lake_does_not_move(self, lake):
        lake.ingest(PRICES.head(2), "us", kind="prices")
        pinned = lake.at(lake.snapshot_id())
        lake.ingest(PRICES, "us", kind="prices")
        assert pinned.describe("us").rows == 2
        assert lake.describe("us").rows == 5

    def test_bundled_is_read_only(self):
        with pytest.raises(DataError, match="'bundled' is read-only"):
            open_lake("bundled").ingest(PRICES, "us", kind="prices")
