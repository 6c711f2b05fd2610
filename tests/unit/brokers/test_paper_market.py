"""The paper market's rules, one by one."""

import pytest

from nanodesk.brokers.paper import admin as paper_admin
from nanodesk.brokers.paper.market import PaperMarket, VirtualClock
from nanodesk.brokers.paper.quotes import RecordedFeed
from nanodesk.brokers.paper.truth import truth, truth_json
from nanodesk.brokers.paper.values import FEES, EventKind, Fees, IdRule, Reject
from nanodesk.errors import PriceError, QuantityError, ValidationError
from nanodesk.market.account import Quote
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.order import Order, OrderState, OrderType
from nanodesk.market.trading_rules import TradingRules, TradingStatus

MS = 1_000_000


def quote(bid="99", ask="101", bid_size=0, ask_size=0, last=None, symbol="AAPL", ts=0):
    prices = [None if price is None else parse_e9(price) for price in (bid, ask, last)]
    return Quote(symbol, *prices, ts, bid_size * E9, ask_size * E9)


def make(*, rules=None, quotes=None, cash=100_000, **options):
    options.setdefault("now_ns", VirtualClock())
    rules = rules or [TradingRules("AAPL")]
    return PaperMarket(rules, quotes=[quote()] if quotes is None else quotes, cash_e9={"USD": cash * E9}, **options)


def order(name, side, units, price=None, *, stop=None, **terms):
    kinds = {(False, False): OrderType.MARKET, (True, False): OrderType.LIMIT}
    kind = kinds.get((price is not None, stop is not None), OrderType.STOP if price is None else OrderType.STOP_LIMIT)
    limit, trigger = (None if one is None else parse_e9(one) for one in (price, stop))
    return Order(name, terms.pop("symbol", "AAPL"), Side(side), parse_e9(units), kind, limit, trigger, **terms)


def buy(market, name, units, price=None, account="PAPER", submit=None, **terms):
    return market.submit(account, order(name, "buy", units, price, **terms), **(submit or {}))


def sell(market, name, units, price=None, account="PAPER", submit=None, **terms):
    return market.submit(account, order(name, "sell", units, price, **terms), **(submit or {}))


def heard(market, account="PAPER"):
    events = []
    market.listen(account, events.append)
    return events


class TestHouse:
    def test_marketable_limit_fills_at_the_quote(self):
        filled = buy(make(), "a", 10, "105")
        assert (filled.state, filled.average_price_e9) == (OrderState.FILLED, 101 * E9)

    def test_displayed_size_is_used_up_until_the_next_quote(self):
        market = make(quotes=[quote(ask_size=10)])
        assert buy(market, "a", 25, "101").filled_quantity_e9 == 10 * E9
        assert market.quote("AAPL").ask_e9 is None
        market.set_quote(quote(ask_size=10))
        assert market.find("PAPER", "a").filled_quantity_e9 == 20 * E9

    def test_replenished_size_fills_in_prints(self):
        market = make(quotes=[quote(ask_size=10)], replenish=True)
        assert buy(market, "a", 25, "101").state is OrderState.FILLED
        assert [one.quantity_e9 // E9 for one in market.executions()] == [10, 10, 5]

    def test_replenish_rests_what_does_not_cross(self):
        market = make(quotes=[quote(ask_size=10)], replenish=True)
        assert buy(market, "a", 25, "100").state is OrderState.NEW
        assert buy(market, "b", 25, "100", time_in_force=TimeInForce.IOC).state is OrderState.CANCELLED

    def test_prints_per_level(self):
        market = make(quotes=[quote(ask_size=10)], prints_per_level=3)
        buy(market, "a", 10)
        assert [one.quantity_e9 // E9 for one in market.executions()] == [4, 3, 3]

    def test_levels(self):
        market = make(quotes=[])
        market.set_quote(quote(ask_size=5), asks=[(102 * E9, 5 * E9), (103 * E9, 5 * E9)])
        filled = buy(market, "a", 12)
        assert filled.filled_value == (5 * 101 + 5 * 102 + 2 * 103) * E9 * E9

    def test_a_quote_through_a_resting_order_fills_it_at_its_limit(self):
        market = make()
        buy(market, "a", 10, "100")
        market.set_quote(quote("97", "98"))
        assert market.find("PAPER", "a").average_price_e9 == 100 * E9

    def test_crossed_quote_is_shown_but_not_traded(self):
        market = make()
        market.set_quote(quote("101", "100"))
        assert (market.quote("AAPL").bid_e9, market.quote("AAPL").ask_e9) == (101 * E9, 100 * E9)
        assert buy(market, "a", 1).code == "no_liquidity"

    def test_two_accounts_trade_with_each_other(self):
        market = make()
        market.add_account("B", {"USD": 10_000 * E9}, holdings_e9={"AAPL": 50 * E9})
        buy(market, "a", 10, "100")
        sold = sell(market, "b", 10, "100", account="B")
        maker, taker = market.executions()
        assert sold.state is OrderState.FILLED and (maker.is_maker, taker.is_maker) == (True, False)
        assert (maker.counter_number, taker.counter_number) == (2, 1) and maker.trade_number == taker.trade_number

    @pytest.mark.parametrize(
        ("bad", "error"),
        [
            (quote("99.001"), PriceError),
            (Quote("AAPL", 99 * E9, None, None, 0, E9 // 2), QuantityError),
            (quote(symbol="X"), ValidationError),
            (Quote("AAPL", -1, None, None, 0), PriceError),
            (quote(last="0"), PriceError),
        ],
    )
    def test_bad_quote(self, bad, error):
        with pytest.raises(error):
            make().set_quote(bad)

    def test_levels_must_get_worse(self):
        with pytest.raises(PriceError):
            make().set_quote(quote(), bids=[(99 * E9, E9)])


class TestOrders:
    @pytest.mark.parametrize(
        ("one", "code"),
        [
            (order("x", "buy", 1, symbol="NO"), "unknown_symbol"),
            (order("x", "buy", 1, "100.001"), "tick"),
            (order("x", "buy", "0.5", "100"), "lot"),
            (order("x", "buy", 2_000, "100"), "insufficient_funds"),
            (order("x", "buy", 2_000), "insufficient_funds"),
            (order("x", "sell", 1, "100"), "insufficient_position"),
            (order("x", "buy", 1, "101", post_only=True), "post_only"),
            (order("x", "buy", 1, post_only=True), "post_only"),
            (order("x", "buy", 1, "100", reduce_only=True), "reduce_only"),
            (order("x", "buy", 1, "100", time_in_force=TimeInForce.GTD), "time_in_force"),
            (order("x", "buy", 2 * 10**9, "100", symbol="TINY"), "out_of_range"),
            (order("x", "buy", 1, str(10**17)), "out_of_range"),
        ],
    )
    def test_refused(self, one, code):
        market = make(rules=[TradingRules("AAPL"), TradingRules("TINY", lot_e9=1)])
        refused = market.submit("PAPER", one)
        assert (refused.state, refused.code) == (OrderState.REJECTED, code) and refused.text
        assert market.orders(open_only=True) == () and market.executions() == ()
        assert market.check("PAPER", one)[0] == code

    @pytest.mark.parametrize(
        ("limits", "code"),
        [
            ({"max_quantity_e9": 5 * E9}, "quantity_range"),
            ({"min_quantity_e9": 50 * E9}, "quantity_range"),
            ({"min_notional_e9": 5_000 * E9}, "notional_range"),
            ({"max_notional_e9": 50 * E9}, "notional_range"),
            ({"max_price_e9": 50 * E9}, "price_range"),
            ({"order_types": frozenset({OrderType.MARKET})}, "order_type"),
            ({"times_in_force": frozenset({TimeInForce.IOC})}, "time_in_force"),
            ({"status": TradingStatus.HALTED}, "halted"),
            ({"status": TradingStatus.CLOSED}, "closed"),
            ({"expires_ns": 0}, "expired"),
        ],
    )
    def test_rules_of_the_instrument(self, limits, code):
        market = make(rules=[TradingRules("AAPL", **limits)])
        assert buy(market, "a", 10, "100").code == code

    def test_unknown_account(self):
        assert buy(make(), "a", 1, account="X").code == "unknown_account"

    def test_client_ids(self):
        market = make()
        assert buy(market, "a", 1).state is OrderState.FILLED
        assert buy(market, "a", 1).code == "duplicate_id"
        assert buy(market, "a", 1, submit={"id_rule": IdRule.OPEN}).state is OrderState.FILLED
        buy(market, "b", 1, "90")
        assert buy(market, "b", 1, submit={"id_rule": IdRule.OPEN}).code == "duplicate_id"
        assert buy(market, "b", 1, submit={"id_rule": IdRule.FREE}).state is OrderState.FILLED
        assert market.find("PAPER", "b").is_open

    def test_a_refused_order_does_not_use_its_id_up(self):
        market = make()
        assert buy(market, "a", 10_000).state is OrderState.REJECTED
        assert buy(market, "a", 1).state is OrderState.FILLED
        assert market.find("PAPER", "a").state is OrderState.FILLED

    def test_fok(self):
        market = make(quotes=[quote(ask_size=10)])
        killed = buy(market, "a", 11, "101", time_in_force=TimeInForce.FOK)
        assert (killed.state, killed.code, killed.filled_quantity_e9) == (OrderState.CANCELLED, "fok", 0)
        assert buy(market, "b", 10, time_in_force=TimeInForce.FOK).state is OrderState.FILLED

    def test_market_remainder_is_cancelled(self):
        market = make(quotes=[quote(ask_size=10)])
        cut = buy(market, "a", 11)
        assert (cut.state, cut.code, cut.filled_quantity_e9) == (OrderState.CANCELLED, "no_liquidity", 10 * E9)

    def test_day_ends_with_the_session_and_gtc_does_not(self):
        market = make()
        buy(market, "d", 1, "90")
        buy(market, "g", 1, "90", time_in_force=TimeInForce.GTC)
        assert [one.client_order_id for one in market.close_session()] == ["d"]
        assert [one.client_order_id for one in market.orders(open_only=True)] == ["g"]

    def test_gtd(self):
        clock = VirtualClock()
        market = make(now_ns=clock)
        buy(market, "a", 1, "90", time_in_force=TimeInForce.GTD, submit={"expires_ns": 5 * MS})
        clock.advance(4 * MS)
        assert market.find("PAPER", "a").is_open
        clock.advance(MS)
        assert market.find("PAPER", "a").state is OrderState.EXPIRED

    def test_manual_order_has_no_client_id(self):
        placed = buy(make(), "x", 1, "90", submit={"is_manual": True})
        assert placed.is_manual and placed.client_order_id == "" and placed.report().client_order_id == ""

    def test_rejects_written_in_advance(self):
        market = make(rejects=[Reject("busy", "Try later.", symbol="AAPL", skip=1, count=2)])
        codes = [buy(market, f"o{index}", 1).code for index in range(4)]
        assert codes == ["", "busy", "busy", ""]

    def test_quantity_for_cash(self):
        market = make(quotes=[quote(ask_size=10)])
        assert market.quantity_for("AAPL", Side.BUY, 350 * E9) == 3 * E9
        assert market.quantity_for("AAPL", Side.BUY, 35_000 * E9) == 10 * E9

    @pytest.mark.parametrize("options", [{"latency_ns": -1}, {"prints_per_level": 0}, {"leverage": 0}])
    def test_bad_option(self, options):
        with pytest.raises(ValidationError):
            make(**options)

    def test_share_named_like_a_currency(self):
        with pytest.raises(ValidationError, match="currency"):
            make(rules=[TradingRules("USD")], quotes=[])


class TestChanges:
    def test_smaller_quantity_keeps_the_place(self):
        market = make()
        market.add_account("B", {"USD": 10_000 * E9})
        buy(market, "a", 10, "100")
        buy(market, "b", 10, "100", account="B")
        assert market.change("PAPER", 1, quantity_e9=5 * E9).is_taken
        market.set_quote(quote("99", "100", ask_size=5))
        assert market.order(1).state is OrderState.FILLED and market.order(2).filled_quantity_e9 == 0

    def test_new_price_loses_the_place(self):
        market = make()
        market.add_account("B", {"USD": 10_000 * E9})
        buy(market, "a", 10, "99.5")
        buy(market, "b", 10, "100", account="B")
        assert market.change("PAPER", 1, limit_price_e9=100 * E9).is_taken
        market.set_quote(quote("99", "100", ask_size=5))
        assert market.order(1).filled_quantity_e9 == 0 and market.order(2).filled_quantity_e9 == 5 * E9

    def test_a_change_can_trade(self):
        market = make()
        buy(market, "a", 10, "99.5")
        assert market.change("PAPER", 1, limit_price_e9=101 * E9).order.state is OrderState.FILLED

    @pytest.mark.parametrize(
        ("terms", "code"),
        [
            ({}, "nothing_to_change"),
            ({"quantity_e9": 10_000 * E9}, "insufficient_funds"),
            ({"limit_price_e9": 1}, "tick"),
            ({"stop_price_e9": E9}, "order_type"),
            ({"quantity_e9": 0}, "order_type"),
        ],
    )
    def test_refused_change_leaves_the_order(self, terms, code):
        market = make()
        before = buy(market, "a", 10, "99.5")
        balances = market.balances("PAPER")
        answer = market.change("PAPER", 1, **terms)
        assert answer.code == code and market.order(1) == before and market.balances("PAPER") == balances

    def test_replace_is_all_or_nothing(self):
        market = make(cash=1_000)
        buy(market, "a", 10, "99")
        assert market.replace("PAPER", 1, order("b", "buy", 11, "99")).code == "insufficient_funds"
        assert market.order(1).is_open
        answer = market.replace("PAPER", 1, order("b", "buy", 10, "100"))
        assert answer.is_taken and (answer.order.number, answer.order.replaces) == (2, 1)
        assert (market.order(1).state, market.order(1).replaced_by) == (OrderState.REPLACED, 2)

    def test_replace_keeps_symbol_and_side(self):
        market = make()
        buy(market, "a", 10, "99")
        assert market.replace("PAPER", 1, order("b", "sell", 10, "99")).code == "order_type"
        assert market.replace("PAPER", 1, order("a", "buy", 10, "99")).code == "duplicate_id"

    def test_cancel(self):
        market = make()
        buy(market, "a", 10, "99")
        assert market.cancel("X", 1).code == "unknown_order"
        assert market.cancel("PAPER", 1).is_taken
        assert market.cancel("PAPER", 1).code == "order_closed"
        assert market.balances("PAPER") == {"USD": (100_000 * E9, 0)}

    def test_cancel_all(self):
        market = make(rules=[TradingRules("AAPL"), TradingRules("MSFT")], quotes=[])
        for index, symbol in enumerate(("AAPL", "MSFT", "AAPL")):
            buy(market, f"o{index}", 1, "9", symbol=symbol)
        assert len(market.cancel_all("PAPER", "AAPL")) == 2 and len(market.orders(open_only=True)) == 1


class TestStops:
    def test_buy_stop_triggers_on_the_last_price(self):
        market = make()
        events = heard(market)
        assert buy(market, "s", 5, stop="105").state is OrderState.NEW
        market.set_quote(quote("104", "106", last="104"))
        assert market.find("PAPER", "s").is_waiting_stop
        market.set_quote(quote("104", "106", last="105"))
        filled = market.find("PAPER", "s")
        assert (filled.state, filled.average_price_e9) == (OrderState.FILLED, 106 * E9)
        assert [event.kind for event in events] == [EventKind.NEW, EventKind.TRIGGERED, EventKind.TRADE]

    def test_without_a_last_price_the_quote_triggers(self):
        market = make(holdings_e9={"AAPL": 5 * E9})
        sell(market, "s", 5, stop="95")
        market.set_quote(quote("95", "96"))
        assert market.find("PAPER", "s").average_price_e9 == 95 * E9

    def test_a_trade_triggers_and_triggers_on(self):
        market = make(quotes=[quote(bid_size=5, ask_size=5)], holdings_e9={"AAPL": 20 * E9})
        market.set_quote(quote(bid_size=5, last="100"), bids=[(98 * E9, 5 * E9), (97 * E9, 5 * E9), (96 * E9, 5 * E9)])
        sell(market, "s2", 5, stop="98")
        sell(market, "s1", 5, stop="99")
        sell(market, "m", 5)
        assert [market.find("PAPER", name).average_price_e9 // E9 for name in ("m", "s1", "s2")] == [99, 98, 97]

    def test_stop_that_holds_already_triggers_at_once(self):
        market = make()
        market.set_quote(quote(last="101"))
        assert buy(market, "s", 1, stop="101").state is OrderState.FILLED

    def test_stop_limit_rests(self):
        market = make()
        buy(market, "s", 5, "104", stop="105")
        market.set_quote(quote("105", "106", last="105"))
        triggered = market.find("PAPER", "s")
        assert triggered.is_triggered and triggered.state is OrderState.NEW and market.quote("AAPL").bid_e9 == 105 * E9

    def test_stop_without_money_when_it_triggers(self):
        market = make(cash=1_000)
        buy(market, "s", 9, stop="105")
        market.set_quote(quote("119", "120", last="119"))
        assert market.find("PAPER", "s").code == "insufficient_funds"
        assert market.balances("PAPER") == {"USD": (1_000 * E9, 0)}

    def test_cancelled_stop_never_triggers(self):
        market = make()
        buy(market, "s", 5, stop="105")
        market.cancel("PAPER", 1)
        market.set_quote(quote("105", "106", last="110"))
        assert market.executions() == ()


class TestMoney:
    def test_reserved_by_open_orders(self):
        market = make(fees=Fees.bps(taker="10"), holdings_e9={"AAPL": 7 * E9})
        buy(market, "a", 10, "90")
        sell(market, "b", 3, "110")
        assert market.balances("PAPER") == {
            "AAPL": (4 * E9, 3 * E9),
            "USD": (100_000 * E9 - 900_900_000_000, 900_900_000_000),
        }
        assert market.account("PAPER").buying_power_e9 == 100_000 * E9 - 900_900_000_000

    def test_per_share_fee_with_a_minimum_per_order(self):
        market = make(quotes=[quote(ask_size=100)], fees=Fees(per_unit_e9=3_500_000, minimum_e9=350_000_000))
        buy(market, "a", 250, "101")
        market.set_quote(quote(ask_size=20))
        market.set_quote(quote(ask_size=500))
        assert [one.fee_e9 for one in market.executions()] == [350_000_000, 70_000_000, 455_000_000]
        assert market.ledger.amount(FEES, "USD") == 875_000_000
        buy(market, "b", 1)
        assert market.executions()[-1].fee_e9 == 350_000_000

    def test_fee_in_the_coins_received(self):
        rules = [TradingRules("BTCUSDT", base="BTC", currency="USDT", lot_e9=10_000)]
        market = PaperMarket(
            rules,
            quotes=[quote(symbol="BTCUSDT")],
            cash_e9={"USDT": 1_000 * E9},
            fees=Fees.bps(taker="10", in_received_asset=True),
            now_ns=VirtualClock(),
        )
        buy(market, "a", 2, symbol="BTCUSDT")
        assert market.executions()[0].fee_asset == "BTC"
        assert market.balances("PAPER") == {"BTC": (1_998_000_000, 0), "USDT": (798 * E9, 0)}

    def test_short(self):
        market = make(rules=[TradingRules("AAPL", can_short=True)], cash=1_000)
        assert sell(market, "a", 11).code == "insufficient_funds"
        assert sell(market, "b", 5).state is OrderState.FILLED
        account = market.account("PAPER")
        assert account.cash_e9 == 1_495 * E9 and account.equity_e9 == (1_495 - 500) * E9
        assert market.positions("PAPER")[0].quantity_e9 == -5 * E9
        assert buy(market, "c", 5).state is OrderState.FILLED and market.positions("PAPER") == ()

    def test_covering_needs_no_buying_power(self):
        market = make(rules=[TradingRules("AAPL", can_short=True)], cash=1_000)
        sell(market, "a", 10)
        assert market.account("PAPER").buying_power_e9 < 0
        assert buy(market, "b", 1, "90").code == ""
        assert buy(market, "c", 10, "90").code == "insufficient_funds"

    def test_leverage(self):
        market = make(cash=1_000, leverage=2)
        assert buy(market, "a", 30).code == "insufficient_funds"
        assert buy(market, "b", 19).state is OrderState.FILLED
        assert market.account("PAPER").cash_e9 < 0

    def test_reduce_only_rests_and_is_cut(self):
        market = make(holdings_e9={"AAPL": 10 * E9})
        sell(market, "r", 8, "110", reduce_only=True)
        assert sell(market, "x", 5, reduce_only=True).code == "reduce_only"
        sell(market, "y", 2)
        assert market.find("PAPER", "r").leaves_quantity_e9 == 8 * E9

    def test_average_cost(self):
        market = make()
        buy(market, "a", 10)
        market.set_quote(quote("109", "111"))
        buy(market, "b", 10)
        assert market.positions("PAPER")[0].average_price_e9 == 106 * E9
        sell(market, "c", 15)
        assert market.positions("PAPER")[0].average_price_e9 == 106 * E9

    def test_self_trade_changes_no_amount(self):
        market = make(holdings_e9={"AAPL": 10 * E9})
        buy(market, "a", 5, "100")
        before = market.ledger.holdings("PAPER")
        sell(market, "b", 5, "100")
        assert market.ledger.holdings("PAPER") == before and len(market.executions()) == 2

    def test_self_trade_prevention(self):
        market = make(holdings_e9={"AAPL": 10 * E9}, self_trade="cancel_oldest")
        buy(market, "a", 5, "100")
        sell(market, "b", 5, "100")
        assert (market.find("PAPER", "a").state, market.find("PAPER", "a").code) == (OrderState.CANCELLED, "self_trade")
        assert market.find("PAPER", "b").is_open

    @pytest.mark.parametrize(
        "fees", [{"per_unit_e9": -1}, {"taker_e9": E9}, {"minimum_e9": 1, "in_received_asset": True}]
    )
    def test_bad_fees(self, fees):
        with pytest.raises(ValidationError):
            Fees(**fees)


class TestLatency:
    def test_request_and_report_take_their_time(self):
        clock = VirtualClock()
        market = make(now_ns=clock, latency_ns=3 * MS, report_latency_ns=2 * MS)
        events = heard(market)
        assert buy(market, "a", 1).state is OrderState.PENDING_NEW
        clock.advance(3 * MS)
        assert market.find("PAPER", "a").state is OrderState.FILLED and [e.kind.value for e in events] == ["pending"]
        clock.advance(2 * MS)
        market.advance()
        assert [(event.kind.value, event.ts_ns // MS) for event in events] == [("pending", 0), ("new", 3), ("trade", 3)]
        assert market.next_due_ns() is None

    def test_cancel_can_lose_the_race(self):
        clock = VirtualClock()
        market = make(now_ns=clock, latency_ns=3 * MS)
        events = heard(market)
        buy(market, "a", 1, "100")
        clock.advance(3 * MS)
        assert market.cancel("PAPER", 1).is_taken
        market.set_quote(quote("98", "99"))
        clock.advance(3 * MS)
        market.advance()
        assert events[-1].kind is EventKind.CANCEL_REJECTED and market.order(1).state is OrderState.FILLED

    def test_reports_keep_their_order_under_jitter(self):
        clock = VirtualClock()
        market = make(now_ns=clock, report_latency_ns=MS, latency_jitter_ns=50 * MS, seed=3)
        events = heard(market)
        for index in range(20):
            buy(market, f"o{index}", 1)
            clock.advance(MS)
        clock.advance(100 * MS)
        market.advance()
        assert [event.sequence for event in events] == list(range(1, 41))

    def test_recorded_feed(self):
        clock = VirtualClock()
        market = make(now_ns=clock, quotes=[], latency_ns=2)
        market.play(RecordedFeed([quote("99", "101", ts=5), quote("109", "111", ts=10)]))
        clock.advance(8)
        buy(market, "a", 1)
        clock.advance(2)
        assert market.find("PAPER", "a").average_price_e9 in (101 * E9, 111 * E9)
        assert market.quote("AAPL").bid_e9 == 109 * E9


class TestAdmin:
    def test_bust_gives_everything_back(self):
        market = make(fees=Fees.bps(taker="10"))
        events = heard(market)
        buy(market, "a", 10)
        [busted] = paper_admin.bust(market, 1)
        assert busted.kind.value == "bust" and market.ledger.holdings("PAPER") == {"USD": 100_000 * E9}
        assert market.ledger.amount(FEES, "USD") == 0 and market.order(1).filled_quantity_e9 == 0
        assert events[-1].kind is EventKind.BUST and events[-1].previous.kind.value == "trade"
        with pytest.raises(ValidationError):
            paper_admin.bust(market, 1)

    def test_correct(self):
        market = make()
        buy(market, "a", 10)
        paper_admin.correct(market, 1, price_e9=100 * E9, quantity_e9=9 * E9)
        [one] = market.executions()
        assert (one.number, one.revision, one.cash_e9) == (1, 1, 900 * E9)
        assert market.ledger.holdings("PAPER") == {"AAPL": 9 * E9, "USD": 99_100 * E9}
        with pytest.raises(PriceError):
            paper_admin.correct(market, 1, price_e9=1)

    def test_fill_after_cancel(self):
        market = make()
        buy(market, "a", 10, "100")
        market.cancel("PAPER", 1)
        paper_admin.force_fill(market, 1, quantity_e9=4 * E9)
        late = market.order(1)
        assert (late.state, late.filled_quantity_e9, late.average_price_e9) == (OrderState.CANCELLED, 4 * E9, 100 * E9)
        assert market.ledger.holdings("PAPER")["AAPL"] == 4 * E9 and market.ledger.imbalance() == {}
        with pytest.raises(ValidationError):
            paper_admin.force_fill(market, 1, quantity_e9=7 * E9)

    def test_forced_fill_of_a_resting_order(self):
        market = make()
        buy(market, "a", 10, "100")
        paper_admin.force_fill(market, 1, quantity_e9=4 * E9)
        market.set_quote(quote("98", "99"))
        assert [one.quantity_e9 // E9 for one in market.executions()] == [4, 6]
        assert len({one.trade_number for one in market.executions()}) == 2
        assert market.balances("PAPER")["USD"] == (99_000 * E9, 0)

    def test_split(self):
        market = make(holdings_e9={"AAPL": 7 * E9})
        buy(market, "a", 1, "90")
        paper_admin.split(market, "AAPL", 3, 2)
        assert market.order(1).code == "split" and market.ledger.imbalance() == {}
        assert market.ledger.holdings("PAPER") == {"AAPL": 10 * E9, "USD": 100_000 * E9 + parse_e9("33.33")}
        assert market.quote("AAPL").bid_e9 == 66 * E9

    def test_rename(self):
        market = make()
        buy(market, "a", 10)
        paper_admin.rename(market, "AAPL", "APPL")
        assert [(one.symbol, one.average_price_e9) for one in market.positions("PAPER")] == [("APPL", 101 * E9)]
        assert buy(market, "b", 1).code == "unknown_symbol"
        assert buy(market, "c", 1, symbol="APPL").state is OrderState.FILLED and market.ledger.imbalance() == {}

    def test_halt_and_resume(self):
        market = make()
        market.set_status("AAPL", TradingStatus.HALTED)
        assert buy(market, "a", 1).code == "halted" and market.quote("AAPL").bid_e9 is None
        market.set_status("AAPL", TradingStatus.TRADING)
        assert buy(market, "b", 1).state is OrderState.FILLED

    def test_deposit(self):
        market = make()
        events = heard(market)
        paper_admin.deposit(market, "PAPER", "USD", -50 * E9)
        assert market.ledger.imbalance() == {} and events[0].balances_e9 == {"USD": 99_950 * E9}


def test_truth_is_canonical():
    market = make()
    buy(market, "a", 10)
    assert truth(market)["balances"]["PAPER"] == {"AAPL": "10", "USD": "98990"}
    assert truth_json(market) == truth_json(market) and truth_json(market).endswith("\n")
