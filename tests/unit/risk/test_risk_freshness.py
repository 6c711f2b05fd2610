"""Checks 16 to 21."""

import pytest

from nanodesk.market.fixed_point import E9
from risk_scenes import NOW, account, context, free, limit, quote, units, verdict


def aged(check, age_ns):
    fields = {
        16: lambda: {"quotes": {"AAPL": quote(ts_ns=NOW - age_ns)}},
        17: lambda: {"account": account(ts_ns=NOW - age_ns)},
        18: lambda: {"holdings_ts_ns": NOW - age_ns},
    }
    return context(**fields[check]())


class TestAges:
    @pytest.mark.parametrize(("check", "seconds"), [(16, 30), (17, 60), (18, 60)])
    def test_equal_passes_and_beyond_fails(self, check, seconds):
        assert verdict(check, limit(), aged(check, seconds * E9)) == "pass"
        assert verdict(check, limit(), aged(check, seconds * E9 + 1)) == "fail"

    @pytest.mark.parametrize("check", [16, 17, 18])
    def test_a_little_future_is_skew_and_more_fails(self, check):
        assert verdict(check, limit(), aged(check, -E9)) == "pass"
        assert verdict(check, limit(), aged(check, -E9 - 1)) == "fail"

    @pytest.mark.parametrize("check", [16, 17, 18])
    @pytest.mark.parametrize("age", [float("nan"), float("inf"), float("-inf"), NOW, NOW + 5])
    def test_no_time_fails(self, check, age):
        assert verdict(check, limit(), aged(check, age), free(max_quote_age_s=10**15)) == "fail"

    def test_missing_quote_fails(self):
        assert verdict(16, limit(), context(quotes={})) == "fail"

    @pytest.mark.parametrize("field", ["equity_e9", "cash_e9", "buying_power_e9"])
    @pytest.mark.parametrize("value", [None, 1.0, float("nan"), True, "1"])
    def test_account_of_other_numbers_fails(self, field, value):
        assert verdict(17, limit(), context(account=account(**{field: value}))) == "fail"

    def test_holdings_must_include_every_event(self):
        assert verdict(18, limit(), context(holdings_sequence=7, newest_sequence=7)) == "pass"
        assert verdict(18, limit(), context(holdings_sequence=7, newest_sequence=8)) == "fail"


class TestClockSkew:
    @pytest.mark.parametrize("sign", [1, -1])
    def test_equal_passes_and_beyond_fails(self, sign):
        assert verdict(19, limit(), context(clock_offset_ns=sign * E9)) == "pass"
        assert verdict(19, limit(), context(clock_offset_ns=sign * (E9 + 1))) == "fail"

    @pytest.mark.parametrize("offset", [None, float("nan"), 0.0])
    def test_not_compared_fails(self, offset):
        assert verdict(19, limit(), context(clock_offset_ns=offset)) == "fail"


class TestSoundQuote:
    @pytest.mark.parametrize(
        ("bid", "ask", "expected"), [(99, 101, "pass"), (100, 100, "warn"), (101, 99, "fail"), (100.01, 100, "fail")]
    )
    def test_crossed_and_locked(self, bid, ask, expected):
        assert verdict(20, limit(), context(quotes={"AAPL": quote(bid=bid, ask=ask)})) == expected

    @pytest.mark.parametrize("side", ["bid_e9", "ask_e9"])
    @pytest.mark.parametrize("value", [None, 0, -1, 1.5, float("nan")])
    def test_one_side_fails(self, side, value):
        assert verdict(20, limit(), context(quotes={"AAPL": quote(**{side: value})})) == "fail"

    def test_quote_of_another_symbol_fails(self):
        assert verdict(20, limit(), context(quotes={"AAPL": quote("MSFT")})) == "fail"


class TestPriceJump:
    @pytest.mark.parametrize(
        ("planned", "expected"),
        [(100, "pass"), ("90.909090910", "pass"), ("90.90", "fail"), (125, "fail"), (112, "fail")],
    )
    def test_against_the_last_plan(self, planned, expected):
        assert verdict(21, limit(), context(plan_prices_e9={"AAPL": units(planned)})) == expected

    def test_first_plan_passes(self):
        assert verdict(21, limit(), context(plan_prices_e9={"MSFT": 1})) == "pass"

    @pytest.mark.parametrize(
        ("earlier", "expected"), [(90.91, "pass"), (90.9, "warn"), (111.11, "pass"), (111.12, "warn")]
    )
    def test_since_an_order_of_the_day_it_is_a_warning(self, earlier, expected):
        """Ten percent of the earlier price: a person looks whether it was a split, or the news."""
        assert verdict(21, limit(), context(earlier_prices_e9={"AAPL": units(earlier)})) == expected

    def test_the_plan_of_the_run_goes_before(self):
        desk = context(plan_prices_e9={"AAPL": units(50)}, earlier_prices_e9={"AAPL": units(100)})
        assert verdict(21, limit(), desk) == "fail"

    @pytest.mark.parametrize("planned", [0, -1, 1.5, float("nan")])
    def test_plan_without_a_price_fails(self, planned):
        assert verdict(21, limit(), context(plan_prices_e9={"AAPL": planned})) == "fail"

    def test_no_market_fails(self):
        assert verdict(21, limit(), context(quotes={})) == "fail"
