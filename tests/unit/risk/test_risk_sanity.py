"""Checks 1 to 7."""

import pytest

from nanodesk.market.enums import TimeInForce
from nanodesk.market.fixed_point import E9, LARGEST_E9
from nanodesk.market.order import OrderType
from nanodesk.market.trading_rules import TradingStatus
from risk_scenes import NOW, account, context, free, limit, market, quote, rules, spoilt, units, verdict


class TestWholeNumbers:
    @pytest.mark.parametrize("field", ["quantity_e9", "limit_price_e9"])
    @pytest.mark.parametrize("value", [0, -1, 1.0, float("nan"), float("inf"), True, "1", None, LARGEST_E9 + 1])
    def test_what_is_no_positive_integer_fails(self, field, value):
        assert verdict(1, spoilt(limit(), **{field: value}), context()) == "fail"

    def test_one_billionth_passes(self):
        assert verdict(1, limit(quantity=1e-9, price=1e-9), context()) == "pass"

    def test_largest_product_passes_and_one_more_fails(self):
        assert verdict(1, spoilt(limit(price=1), quantity_e9=LARGEST_E9), context()) == "pass"
        assert verdict(1, spoilt(limit(), quantity_e9=LARGEST_E9, limit_price_e9=E9 + 1), context()) == "fail"

    def test_price_that_does_not_belong_fails(self):
        assert verdict(1, spoilt(market(), limit_price_e9=E9), context()) == "fail"
        assert verdict(1, spoilt(limit(), stop_price_e9=E9), context()) == "fail"

    def test_missing_stop_price_fails(self):
        assert verdict(1, spoilt(market(), order_type=OrderType.STOP), context()) == "fail"

    @pytest.mark.parametrize("name", ["", "a b", "x" * 37, "a/b", None, 7])
    def test_malformed_id_fails(self, name):
        assert verdict(1, spoilt(limit(), client_order_id=name), context()) == "fail"


class TestKnownInstrument:
    def test_listed_symbol_passes(self):
        assert verdict(2, limit(), context()) == "pass"

    def test_symbol_without_rules_fails(self):
        assert verdict(2, limit(symbol="NVDA"), context()) == "fail"

    @pytest.mark.parametrize("status", [TradingStatus.HALTED, TradingStatus.CLOSED, "trading", None])
    def test_other_status_fails(self, status):
        assert verdict(2, limit(), context(rules={"AAPL": rules(status=status)})) == "fail"

    def test_allowed_and_blocked_lists(self):
        assert verdict(2, limit(), context(), free(allowed_symbols={"AAPL"})) == "pass"
        assert verdict(2, limit(), context(), free(allowed_symbols={"MSFT"})) == "fail"
        assert verdict(2, limit(), context(), free(allowed_symbols=set())) == "fail"
        assert verdict(2, limit(), context(), free(blocked_symbols={"AAPL"})) == "fail"


class TestSymbolSyntax:
    @pytest.mark.parametrize(
        "symbol",
        [
            "A",
            "BRK.B",
            "BTC-USD",
            "ES=F",
            "^VIX",
            "BTCUSDT",
            "RDS_A",
            "7203.T",
            "X" * 32,
            "币安人生",
            "币安人生USDT",
            "ÖL",
        ],
    )
    def test_names_of_venues_pass(self, symbol):
        assert verdict(3, spoilt(limit(), symbol=symbol), context()) == "pass"

    @pytest.mark.parametrize(
        "symbol",
        [
            "", "../../x", "..", "a..b", "/etc", "a/b", "a\\b", "C:\\x", "A\0B", "A\nB", "A B", " A", "A ", "-A", ".A",
            "_A", "X" * 33, "A\u200bB", "A\u202eB", "ＡＡＰＬ", "ﬁ", "AАPL", "Αpple", "A;B", "A|B", "$A", "A%00", "~A",
            "A*", "А1A", None, 5, b"A", "\ud800",
        ],
    )  # fmt: skip
    def test_paths_controls_and_lookalikes_fail(self, symbol):
        assert verdict(3, spoilt(limit(), symbol=symbol), context()) == "fail"


class TestSupportedType:
    def test_what_the_venue_takes_passes(self):
        assert verdict(4, limit(), context()) == "pass"

    def test_what_it_does_not_take_fails(self):
        desk = context(rules={"AAPL": rules(order_types=frozenset({OrderType.LIMIT}))})
        assert verdict(4, limit(), desk) == "pass"
        assert verdict(4, market(), desk) == "fail"
        desk = context(rules={"AAPL": rules(times_in_force=frozenset({TimeInForce.GTC}))})
        assert verdict(4, limit(time_in_force=TimeInForce.GTC), desk) == "pass"
        assert verdict(4, limit(), desk) == "fail"

    @pytest.mark.parametrize(
        ("field", "value"),
        [("side", "buy"), ("side", None), ("side", 1), ("order_type", "limit"), ("time_in_force", "day"),
         ("post_only", 1), ("reduce_only", None)],
    )  # fmt: skip
    def test_words_instead_of_members_fail(self, field, value):
        assert verdict(4, spoilt(limit(), **{field: value}), context()) == "fail"

    def test_post_only_must_be_able_to_rest(self):
        assert verdict(4, limit(post_only=True), context()) == "pass"
        assert verdict(4, limit(post_only=True, time_in_force=TimeInForce.IOC), context()) == "fail"
        assert verdict(4, market(post_only=True), context()) == "fail"


class TestGridAndBounds:
    def test_on_the_grid_passes(self):
        assert verdict(5, limit(price=100.01, quantity=3), context()) == "pass"

    def test_off_the_grid_fails(self):
        assert verdict(5, limit(price=100.005), context()) == "fail"
        assert verdict(5, limit(quantity=1.5), context()) == "fail"

    @pytest.mark.parametrize(
        ("field", "equal", "beyond"),
        [
            ("min_quantity_e9", 10, 11),
            ("max_quantity_e9", 10, 9),
            ("min_notional_e9", 1000, 1000.01),
            ("max_notional_e9", 1000, 999.99),
            ("min_price_e9", 100, 100.01),
            ("max_price_e9", 100, 99.99),
        ],
    )
    def test_equal_passes_and_beyond_fails(self, field, equal, beyond):
        assert verdict(5, limit(), context(rules={"AAPL": rules(**{field: units(equal)})})) == "pass"
        assert verdict(5, limit(), context(rules={"AAPL": rules(**{field: units(beyond)})})) == "fail"

    def test_market_order_is_valued_at_the_market(self):
        desk = context(rules={"AAPL": rules(min_notional_e9=units(1000))})
        assert verdict(5, market(quantity=10), desk) == "pass"
        assert verdict(5, market(quantity=9), desk) == "fail"

    def test_without_any_price_fails(self):
        assert verdict(5, market(), context(quotes={})) == "fail"

    def test_notional_counts_the_multiplier(self):
        desk = context(rules={"AAPL": rules(multiplier=50, max_notional_e9=units(49_999))})
        assert verdict(5, limit(), desk) == "fail"


class TestSessionOpen:
    def test_open_passes(self):
        assert verdict(6, limit(), context()) == "pass"

    @pytest.mark.parametrize("fact", [False, None, 1])
    def test_closed_or_not_told_fails(self, fact):
        assert verdict(6, limit(), context(is_session_open=fact)) == "fail"
        assert verdict(6, limit(), context(is_session_open=fact), free(allow_outside_session=True)) == "pass"

    def test_expiry_must_lie_ahead(self):
        assert verdict(6, limit(), context(rules={"AAPL": rules(expires_ns=NOW + 1)})) == "pass"
        assert verdict(6, limit(), context(rules={"AAPL": rules(expires_ns=NOW)})) == "fail"


class TestRightAccount:
    def test_configured_account_passes(self):
        assert verdict(7, limit(), context()) == "pass"

    @pytest.mark.parametrize(
        ("facts", "config"),
        [
            ({"account_id": "DU1"}, {}),
            ({"account_id": ""}, {"account_id": ""}),
            ({"is_live": True}, {}),
            ({"is_live": None}, {}),
            ({}, {"mode": "live"}),
            ({}, {"account_id": "U1"}),
        ],
    )
    def test_another_account_or_mode_fails(self, facts, config):
        assert verdict(7, limit(), context(account=account(**facts)), free(**config)) == "fail"

    def test_live_account_in_live_mode_passes(self):
        desk = context(account=account(account_id="U1", is_live=True))
        assert verdict(7, limit(), desk, free(account_id="U1", mode="live")) == "pass"


def test_the_scene_is_accepted_whole():
    assert quote().mid_e9 == 100 * E9
    for number in range(1, 49):
        assert verdict(number, limit(), context()) == "pass", number
