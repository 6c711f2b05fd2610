import numpy as np
import pytest
from pydantic import ValidationError

from nanodesk.errors import DataError, ShapeError
from nanodesk.market.panel import PricePanel
from nanodesk.research.screen_context import ScreenContext
from nanodesk.research.universe import parse_filters, screen

SYMBOLS = ("A", "B", "C", "D", "E", "F")
T = 30


def panel(**changes):
    rng = np.random.default_rng(3)
    close = 20 * np.exp(np.cumsum(rng.normal(0, 0.02, (T, 6)), axis=0))
    fields = {
        "dates": np.datetime64("2024-01-01") + np.arange(T),
        "symbols": SYMBOLS,
        "close": close,
        "high": close * 1.01,
        "low": close * 0.99,
        "volume": np.full((T, 6), 1e5),
        "raw_close": close,
        "sectors": {"A": "tech", "B": "tech", "C": "tech", "D": "energy", "E": "energy", "F": "health"},
    }
    return PricePanel(**(fields | changes))


def run(filters, *, row=T - 1, panel_=None, composite=None, held=None, **options):
    extra = {name: options.pop(name) for name in ("members", "figures", "report_age", "listings") if name in options}
    context = ScreenContext(panel_ or panel(), np.array([row]), **extra)
    mask, steps = screen(parse_filters(filters), context, row, composite=composite, held=held, **options)
    return "".join(np.array(SYMBOLS)[mask]), steps


SCORES = np.array([6.0, 5.0, 4.0, 3.0, 2.0, np.nan])


class TestParseFilters:
    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ({"kind": "prise"}, "does not match any of the expected tags"),
            ({"kind": "price", "min": -1.0}, "greater than or equal to 0"),
            ({"kind": "price", "min": "5"}, "valid number"),
            ({"kind": "price"}, "give min, max or both"),
            ({"kind": "price", "min": 9, "max": 5}, "min 9 is greater than max 5"),
            ({"kind": "history", "min_session": 9}, "Extra inputs are not permitted"),
            ({"kind": "rank_top", "n": 9, "exit_rank": 5}, "exit_rank 5 must be at least n 9"),
            ({"kind": "momentum", "lookback": 5, "skip": 5}, "skip 5 must be smaller than lookback 5"),
            ({"kind": "momentum", "min_percentile": 0.9, "max_percentile": 0.1}, "min_percentile 0.9 is greater"),
            ({"kind": "diversify"}, "give max_sector_share"),
            ({"kind": "volatility", "max": float("nan")}, "finite number"),
        ],
    )
    def test_refuses(self, table, message):
        with pytest.raises(ValidationError, match=message):
            parse_filters([table])

    def test_speaks_only_about_the_kind_given(self):
        with pytest.raises(ValidationError) as caught:
            parse_filters([{"kind": "price", "min": 1.0}, {"kind": "volatility", "windo": 5, "max": 1.0}])
        assert [error["loc"] for error in caught.value.errors()] == [(1, "volatility", "windo")]

    def test_filters_are_frozen(self):
        with pytest.raises(ValidationError, match="frozen"):
            parse_filters([{"kind": "price", "min": 5}])[0].min = 6.0

    def test_takes_whole_numbers_for_floats_and_lists_for_names(self):
        first, second = parse_filters([{"kind": "price", "min": 5}, {"kind": "exclude", "symbols": ["A"]}])
        assert (first.min, second.symbols) == (5.0, ("A",))


class TestScreen:
    def test_logs_the_funnel(self):
        names, steps = run([{"kind": "exclude", "symbols": ["B"]}, {"kind": "exclude", "sectors": ["energy"]}])
        assert names == "ACF"
        assert [(step.kind, step.entered, step.left, step.dropped) for step in steps] == [
            ("traded", 6, 6, ()),
            ("exclude", 6, 5, ("B",)),
            ("exclude", 5, 3, ("D", "E")),
        ]

    def test_a_name_without_a_close_on_the_date_does_not_enter(self):
        close = panel().close.copy()
        close[-1, 2] = np.nan
        names, steps = run([], panel_=panel(close=close))
        assert names == "ABDEF"
        assert steps[0].dropped == ("C",)

    def test_empty_universe_names_the_step_that_dropped_the_most(self):
        with pytest.raises(DataError, match=r"empty universe on 2024-01-30.*'price' dropped the most, 5 of 5.*Loosen"):
            run([{"kind": "exclude", "symbols": ["A"]}, {"kind": "price", "min": 1e6}])

    def test_fewer_than_min_names_is_an_error(self):
        with pytest.raises(DataError, match=r"3 names are left, min_names=4.*6 -> 6 \(traded\) -> 3 \(exclude\)"):
            run([{"kind": "exclude", "symbols": ["A", "B", "C"]}], min_names=4)

    def test_nothing_traded(self):
        with pytest.raises(DataError, match=r"'traded' dropped the most.*Start later"):
            run([], panel_=panel(close=np.full((T, 6), np.nan), raw_close=None))

    def test_max_names_keeps_the_best(self):
        names, steps = run([], composite=SCORES[::-1].copy(), max_names=2)
        assert names == "EF"
        assert steps[-1].kind == "max_names"

    def test_max_names_without_scores(self):
        with pytest.raises(DataError, match="6 names passed, max_names=2"):
            run([], max_names=2)

    def test_scores_that_do_not_fit(self):
        with pytest.raises(ShapeError, match=r"composite has shape \(2,\)"):
            run([], composite=np.zeros(2))

    def test_row_that_is_no_decision(self):
        with pytest.raises(ShapeError, match="row=5 is not a decision row"):
            screen((), ScreenContext(panel(), np.array([9])), 5)


class TestScreenContext:
    def test_rows_must_increase(self):
        with pytest.raises(ShapeError, match="rows must increase"):
            ScreenContext(panel(), np.array([5, 5]))

    def test_figures_must_fit(self):
        with pytest.raises(ShapeError, match=r"shares has shape \(2, 6\), expected \(1, 6\)"):
            ScreenContext(panel(), np.array([5]), figures={"shares": np.zeros((2, 6))})


class TestHistory:
    def test_counts_sessions_and_gaps(self):
        close = panel().close.copy()
        close[:10, 0] = np.nan  # 20 sessions
        close[-6:-1, 1] = np.nan  # five gaps in the last ten
        kind = {"kind": "history", "min_sessions": 21, "max_missing": 0.3, "window": 10}
        assert run([kind], panel_=panel(close=close))[0] == "CDEF"


class TestPrice:
    def test_reads_the_raw_price(self):
        raw = np.tile([1.0, 5.0, 6.0, 7.0, 8.0, 9.0], (T, 1))
        assert run([{"kind": "price", "min": 5.0, "max": 8.0}], panel_=panel(raw_close=raw))[0] == "BCDE"

    def test_refuses_adjusted_prices(self):
        with pytest.raises(DataError, match="'price' needs raw prices"):
            run([{"kind": "price", "min": 5.0}], panel_=panel(raw_close=None))
        assert run([{"kind": "price", "min": 5.0, "allow_adjusted": True}], panel_=panel(raw_close=None))[0] == "ABCDEF"


class TestMarketCap:
    def test_is_shares_times_raw_price(self):
        shares = np.array([[1.0, 2.0, 3.0, 4.0, np.nan, 6.0]])
        raw = np.full((T, 6), 10.0)
        kind = {"kind": "market_cap", "min": 25.0}
        assert run([kind], panel_=panel(raw_close=raw), figures={"shares": shares})[0] == "CDF"

    def test_refuses_without_shares(self):
        with pytest.raises(DataError, match="'market_cap' needs the figure 'shares', which is not available"):
            run([{"kind": "market_cap", "min": 1.0}])


class TestDollarVolume:
    def test_needs_volume(self):
        with pytest.raises(DataError, match="'dollar_volume' needs volume, which is not available"):
            run([{"kind": "dollar_volume", "min": 1.0}], panel_=panel(volume=None))

    def test_keeps_what_trades_enough(self):
        volume = np.tile([1e3, 1e4, 1e5, 1e6, 1e7, 1e8], (T, 1))
        assert run([{"kind": "dollar_volume", "min": 1e6, "window": 20}], panel_=panel(volume=volume))[0] == "CDEF"


class TestSpreadProxy:
    @pytest.mark.parametrize("method", ["corwin_schultz", "abdi_ranaldo"])
    def test_drops_wide_spreads(self, method):
        close = np.full((T, 6), 20.0)
        high, low = close * 1.0001, close * 0.9999
        high[:, 0] = 21.0
        low[:, 0] = 19.0
        close[:, 0] = np.where(np.arange(T) % 2, 21.0, 19.0)
        kind = {"kind": "spread_proxy", "method": method, "max_bps": 50.0}
        assert run([kind], panel_=panel(close=close, high=high, low=low))[0] == "BCDEF"

    def test_needs_high_and_low(self):
        with pytest.raises(DataError, match="needs high"):
            run([{"kind": "spread_proxy"}], panel_=panel(high=None))


class TestVolatility:
    def test_keeps_the_range(self):
        close = panel().close.copy()
        close[:, 0] = 20.0
        kind = {"kind": "volatility", "window": 20, "min": 0.08, "max": 5.0}
        assert run([kind], panel_=panel(close=close))[0] == "BCDEF"


class TestMomentum:
    def test_is_relative_to_the_names_that_are_left(self):
        growth = np.array([0.05, 0.04, 0.03, 0.02, 0.01, 0.0])
        close = 20 * np.exp(np.arange(T)[:, None] * growth)
        kind = {"kind": "momentum", "lookback": 20, "skip": 2, "min_percentile": 0.5}
        assert run([kind], panel_=panel(close=close))[0] == "ABC"
        assert run([{"kind": "exclude", "symbols": ["A", "B"]}, kind], panel_=panel(close=close))[0] == "CD"

    def test_no_history_leaves_nobody(self):
        with pytest.raises(DataError, match="'momentum' dropped the most"):
            run([{"kind": "momentum"}])


class TestFundamentalCoverage:
    def test_drops_stale_reports_and_names_without_one(self):
        age = np.array([[1.0, 100.0, 200.0, 201.0, np.nan, 5.0]])
        assert run([{"kind": "fundamental_coverage", "max_age_days": 200}], report_age=age)[0] == "ABCF"

    def test_needs_reports(self):
        with pytest.raises(DataError, match="'fundamental_coverage' needs reports"):
            run([{"kind": "fundamental_coverage"}])


class TestFundamental:
    def test_may_be_negative(self):
        equity = np.array([[-5.0, -1.0, 0.0, 1.0, np.nan, 9.0]])
        kind = {"kind": "fundamental", "column": "equity", "min": -1, "max": 5}
        assert run([kind], figures={"equity": equity})[0] == "BCD"

    def test_names_the_column_that_is_missing(self):
        with pytest.raises(DataError, match="'fundamental sales' needs the figure 'sales'"):
            run([{"kind": "fundamental", "column": "sales", "min": 0}])


class TestListing:
    def test_unknown_names_are_dropped(self):
        listings = {"A": ("XNYS", "common"), "B": ("XNAS", "fund"), "C": ("OTC", "common")}
        assert run([{"kind": "listing", "exchanges": ["XNYS", "XNAS"]}], listings=listings)[0] == "A"

    def test_refuses_where_the_lake_does_not_know(self):
        with pytest.raises(DataError, match="'listing' needs exchange and type"):
            run([{"kind": "listing"}])


class TestExclude:
    def test_sectors_must_be_known(self):
        with pytest.raises(DataError, match="'exclude' needs the sectors"):
            run([{"kind": "exclude", "sectors": ["energy"]}], panel_=panel(sectors={}))


class TestMembership:
    def test_keeps_members(self):
        member = np.array([[True, False, True, False, False, False]])
        assert run([{"kind": "membership", "index": "SP500"}], members={"SP500": member})[0] == "AC"

    def test_names_the_index_that_is_missing(self):
        with pytest.raises(DataError, match="members of 'SP500'"):
            run([{"kind": "membership", "index": "SP500"}])


class TestRankTop:
    def test_keeps_the_best_and_drops_names_without_score(self):
        assert run([{"kind": "rank_top", "n": 2}], composite=SCORES)[0] == "AB"
        assert run([{"kind": "rank_top", "n": 6}], composite=SCORES)[0] == "ABCDE"

    def test_held_names_stay_until_the_exit_rank(self):
        held = np.array([False, False, False, True, True, True])
        assert run([{"kind": "rank_top", "n": 2, "exit_rank": 4}], composite=SCORES, held=held)[0] == "ABD"

    def test_equal_scores_follow_the_order_of_the_panel(self):
        assert run([{"kind": "rank_top", "n": 3}], composite=np.ones(6))[0] == "ABC"

    def test_needs_scores(self):
        with pytest.raises(DataError, match="'rank_top' needs scores"):
            run([{"kind": "rank_top", "n": 2}])


class TestDiversify:
    def test_caps_sectors_at_their_share_of_what_is_left(self):
        assert run([{"kind": "diversify", "max_sector_share": 0.5}], composite=SCORES)[0] == "ABCDEF"
        assert run([{"kind": "diversify", "max_sector_share": 0.4}], composite=SCORES)[0] == "ABDEF"
        assert run([{"kind": "diversify", "max_sector_share": 0.34}], composite=SCORES)[0] == "ADF"

    @pytest.mark.parametrize(("mode", "expected"), [("group", "AD"), ("exempt", "ABDEF"), ("drop", "A")])
    def test_unknown_sectors(self, mode, expected):
        kind = {"kind": "diversify", "max_sector_share": 0.4, "unknown_sector": mode}
        sectors = {"A": "tech", "B": "tech", "C": "tech"}
        assert run([kind], panel_=panel(sectors=sectors), composite=SCORES)[0] == expected

    def test_needs_sectors(self):
        with pytest.raises(DataError, match="'diversify' needs the sectors"):
            run([{"kind": "diversify", "max_sector_share": 0.5}], panel_=panel(sectors={}))

    def test_drops_the_worse_of_two_twins(self):
        close = panel().close.copy()
        close[:, 3] = 2 * close[:, 0]
        kind = {"kind": "diversify", "max_correlation": 0.95, "window": 25, "min_overlap": 10}
        assert run([kind], panel_=panel(close=close), composite=SCORES)[0] == "ABCEF"
        assert run([kind], panel_=panel(close=close), composite=-SCORES)[0] == "BCDEF"
