"""Parts of the Binance adapter on their own: hosts, instruments, words of orders, refusals, what is known."""

import asyncio
import time

import pytest

from nanodesk.brokers.base import OutcomeKind, nothing_reached
from nanodesk.brokers.binance.hosts import LIVE_URLS, TESTNET_URLS, require_agreement
from nanodesk.brokers.binance.messages import order_report, stream_report
from nanodesk.brokers.binance.orders import order_parameters
from nanodesk.brokers.binance.pairs import Pairs, read_pairs
from nanodesk.brokers.binance.placing import BinancePlacing
from nanodesk.brokers.binance.refusal import OUTCOME_OPEN, BinanceRefusal, outcome_of, raise_for
from nanodesk.brokers.binance.rest import BinanceRest
from nanodesk.brokers.binance.signing import signer_of
from nanodesk.brokers.fields import Fields
from nanodesk.brokers.http_connection import HttpAnswer
from nanodesk.brokers.known_orders import KnownOrders
from nanodesk.brokers.rate_governor import RateGovernor
from nanodesk.brokers.venue_clock import VenueClock
from nanodesk.errors import BrokerError, ConfigError, OrderRejectedError, RateLimitedError, ValidationError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Execution, Order, OrderReport, OrderState, OrderType
from nanodesk.market.trading_rules import TradingStatus

LOOPBACK = ("http://127.0.0.1:1", "ws://127.0.0.1:1/ws-api/v3", "ws://127.0.0.1:1")


class TestHosts:
    @pytest.mark.parametrize(("urls", "is_testnet"), [(LIVE_URLS, False), (TESTNET_URLS, True), (LOOPBACK, True)])
    def test_one_environment(self, urls, is_testnet):
        assert len(require_agreement(*urls, is_testnet=is_testnet)) == 3

    @pytest.mark.parametrize(
        ("urls", "is_testnet"),
        [
            (LIVE_URLS, True),
            (TESTNET_URLS, False),
            (LOOPBACK, False),
            ((LIVE_URLS[0], *TESTNET_URLS[1:]), False),
            ((LIVE_URLS[0], *TESTNET_URLS[1:]), True),
            ((LOOPBACK[0], *TESTNET_URLS[1:]), True),
            (("https://api.binance.com.evil.example", *LIVE_URLS[1:]), False),
            (("https://evilbinance.com", *LIVE_URLS[1:]), False),
        ],
    )
    def test_mixtures_are_refused(self, urls, is_testnet):
        with pytest.raises(ConfigError) as caught:
            require_agreement(*urls, is_testnet=is_testnet)
        assert caught.value.problems


INFO = {
    "symbols": [
        {
            "symbol": "BTCUSDT",
            "status": "TRADING",
            "baseAsset": "BTC",
            "quoteAsset": "USDT",
            "orderTypes": ["LIMIT", "MARKET", "STOP_LOSS", "TAKE_PROFIT"],
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "0.00", "tickSize": "0.01000000"},
                {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001000"},
                {"filterType": "MIN_NOTIONAL", "minNotional": "5.00000000"},
            ],
        },
        {"symbol": "币安USDT", "status": "BREAK", "baseAsset": "币安", "quoteAsset": "USDT", "filters": []},
        {"symbol": "ETHBTC", "status": "TRADING", "baseAsset": "ETH", "quoteAsset": "BTC", "filters": []},
    ]
}


class TestPairs:
    def test_rules_from_filters(self):
        pairs = read_pairs(Fields(INFO, "info"), "USDT")
        rules = pairs.rules["BTC"]
        assert (rules.tick_e9, rules.lot_e9, rules.min_notional_e9) == (E9 // 100, E9 // 100_000, 5 * E9)
        assert rules.order_types == {OrderType.LIMIT, OrderType.MARKET, OrderType.STOP}
        assert (pairs.pair("BTC"), pairs.symbol("BTCUSDT"), pairs.symbol("ETHBTC")) == ("BTCUSDT", "BTC", "ETHBTC")
        assert pairs.rules["币安"].status is TradingStatus.CLOSED
        assert pairs.rules["币安"].tick_e9 == 1

    def test_a_pair_whose_rules_cannot_be_read_stops_only_who_asked_for_it(self):
        odd = {**INFO["symbols"][0], "symbol": "ODDUSDT", "baseAsset": "ODD"}
        odd["filters"] = [{"filterType": "LOT_SIZE", "stepSize": "a lot"}]
        info = Fields({**INFO, "symbols": [odd, *INFO["symbols"]]}, "info")
        pairs = read_pairs(info, "USDT")
        assert "ODD" not in pairs.pair_of
        assert pairs.pair("BTC") == "BTCUSDT"
        with pytest.raises(BrokerError, match="stepSize"):
            read_pairs(info, "USDT", {"ODD": "ODDUSDT"})

    def test_named_pairs(self):
        pairs = read_pairs(Fields(INFO, "info"), "USDT", {"ether": "ETHBTC"})
        assert dict(pairs.pair_of) == {"ether": "ETHBTC"}
        with pytest.raises(ValidationError, match="not listed"):
            pairs.pair("BTC")
        with pytest.raises(ValidationError, match="not listed at the venue"):
            read_pairs(Fields(INFO, "info"), "USDT", {"x": "NOPE"})


def order(**fields):
    usual = {"client_order_id": "a-1", "symbol": "BTC", "side": Side.BUY, "quantity_e9": E9}
    return Order(**{**usual, **fields})


LIMIT = {"order_type": OrderType.LIMIT, "limit_price_e9": E9, "time_in_force": TimeInForce.GTC}


class TestWords:
    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({}, {"type": "MARKET"}),
            (LIMIT, {"type": "LIMIT", "timeInForce": "GTC", "price": "1"}),
            ({**LIMIT, "time_in_force": TimeInForce.DAY}, {"type": "LIMIT", "timeInForce": "GTC"}),
            ({**LIMIT, "time_in_force": TimeInForce.IOC}, {"timeInForce": "IOC"}),
            ({**LIMIT, "post_only": True}, {"type": "LIMIT_MAKER"}),
            ({"order_type": OrderType.STOP, "stop_price_e9": 10}, {"type": "STOP_LOSS", "stopPrice": "0.00000001"}),
            (
                {**LIMIT, "order_type": OrderType.STOP_LIMIT, "stop_price_e9": E9},
                {"type": "STOP_LOSS_LIMIT", "stopPrice": "1", "price": "1"},
            ),
            ({"side": Side.SELL, "reduce_only": True}, {"side": "SELL"}),
        ],
    )
    def test_said(self, fields, expected):
        words = order_parameters(order(**fields), "BTCUSDT")
        assert expected.items() <= words.items()
        assert words["newClientOrderId"] == "a-1", "our id and nobody's prefix"
        assert ("timeInForce" in words) == (words["type"] in ("LIMIT", "STOP_LOSS_LIMIT"))

    @pytest.mark.parametrize(
        "fields",
        [
            {**LIMIT, "time_in_force": TimeInForce.GTD},
            {"reduce_only": True},
            {"post_only": True},
            {**LIMIT, "time_in_force": TimeInForce.IOC, "post_only": True},
        ],
    )
    def test_what_cannot_be_said_is_refused_here(self, fields):
        with pytest.raises(OrderRejectedError, match="was not sent"):
            order_parameters(order(**fields), "BTCUSDT")


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "answer", "kind"),
        [
            (400, {"code": -2010, "msg": "no"}, OutcomeKind.REFUSED),
            (400, {"code": -2010, "msg": "Duplicate order sent."}, OutcomeKind.UNKNOWN),
            (409, {"code": -2021, "msg": "half"}, OutcomeKind.REFUSED),
            (401, {"code": -2015, "msg": "key"}, OutcomeKind.REFUSED),
            (429, {"code": -1003, "msg": "slow"}, OutcomeKind.REFUSED),
            (418, None, OutcomeKind.REFUSED),
            (403, None, OutcomeKind.UNKNOWN),
            (400, {"msg": "no code"}, OutcomeKind.UNKNOWN),
            (400, {"code": True, "msg": "x"}, OutcomeKind.UNKNOWN),
            (500, {"code": -2010, "msg": "no"}, OutcomeKind.UNKNOWN),
            (504, {"code": -1007, "msg": "timeout"}, OutcomeKind.UNKNOWN),
            (302, [], OutcomeKind.UNKNOWN),
            *((400, {"code": code, "msg": "open"}, OutcomeKind.UNKNOWN) for code in sorted(OUTCOME_OPEN)),
        ],
    )
    def test_only_a_structured_refusal_is_one(self, status, answer, kind):
        with pytest.raises(BrokerError) as caught:
            raise_for(status, answer)
        assert outcome_of(caught.value).kind is kind


PAIRS = Pairs("USDT", {}, {"BTC": "BTCUSDT"}, {"BTCUSDT": "BTC"})
EVENT = {
    "e": "executionReport", "s": "BTCUSDT", "c": "cancel-9", "S": "BUY", "o": "LIMIT", "q": "1", "p": "2", "C": "a-1",
    "x": "CANCELED", "X": "CANCELED", "r": "NONE", "i": 7, "z": "0.3", "Z": "0.6", "T": 1,
}  # fmt: skip


class TestMessages:
    def test_a_coin_has_one_name_as_holding_and_as_fee(self):
        pairs = Pairs("USDT", {}, {"bitcoin": "BTCUSDT"}, {"BTCUSDT": "bitcoin"})
        fill = {**EVENT, "x": "TRADE", "X": "FILLED", "t": 9, "l": "0.3", "L": "2", "n": "0.0003", "N": "BTC"}
        execution = stream_report(Fields(fill, "event"), pairs).execution
        assert (execution.fee_currency, execution.symbol) == ("bitcoin", "bitcoin")
        assert pairs.coin("BNB") == "BNB"
        assert pairs.coin("USDT") == "USDT"

    def test_a_cancelled_order_has_its_own_id_back(self):
        report = stream_report(Fields(EVENT, "event"), PAIRS).report
        assert (report.client_order_id, report.state) == ("a-1", OrderState.CANCELLED)
        assert report.average_price_e9 == 2 * E9

    def test_an_amended_order_names_the_id_before(self):
        event = {**EVENT, "x": "REPLACED", "X": "NEW", "c": "a-2"}
        report = stream_report(Fields(event, "event"), PAIRS).report
        assert (report.client_order_id, report.replaces, report.state) == ("a-2", "a-1", OrderState.NEW)

    @pytest.mark.parametrize("name", ["web_12", "ios_9", "x-ABC1", "a/b", "a:b"])
    def test_ids_that_are_not_ours(self, name):
        event = {**EVENT, "x": "NEW", "X": "NEW", "c": name, "C": ""}
        assert stream_report(Fields(event, "event"), PAIRS).report.client_order_id == ""

    def test_a_word_that_is_not_known_is_an_error(self):
        with pytest.raises(BrokerError, match="does not know"):
            stream_report(Fields({**EVENT, "X": "MELTED"}, "event"), PAIRS)

    def test_unknown_cash_of_an_old_order(self):
        row = {
            "symbol": "BTCUSDT", "orderId": 1, "clientOrderId": "a", "price": "0", "origQty": "1", "executedQty": "1",
            "cummulativeQuoteQty": "-1.00000000", "status": "FILLED", "type": "MARKET", "side": "SELL", "time": 5,
        }  # fmt: skip
        report = order_report(Fields(row, "order"), PAIRS)
        assert (report.average_price_e9, report.limit_price_e9, report.ts_event_ns) == (0, None, 5_000_000)


def report(name, number, state=OrderState.NEW, filled=0):
    return OrderReport(name, number, "BTC", Side.BUY, state, E9, filled)


def fill(number, order_number, quantity=1):
    return Execution(f"BTCUSDT:{number}", "", order_number, "BTC", Side.BUY, quantity, E9)


class TestKnownOrders:
    def test_an_id_used_again_is_another_order(self):
        known = KnownOrders()
        known.sent("a", "BTCUSDT")
        first = known.told_report(report("a", "1", OrderState.FILLED), "BTCUSDT")
        known.sent("a", "BTCUSDT")
        second = known.told_report(report("a", "2"), "BTCUSDT")
        assert first is not second
        assert [one.venue_order_id for one in known.open_orders()] == ["2"]

    def test_a_fill_before_its_order_counts(self):
        known = KnownOrders()
        known.sent("a", "BTCUSDT")
        assert known.told_fill(fill(1, "9", 5), "BTCUSDT")
        assert not known.told_fill(fill(1, "9", 5), "BTCUSDT")
        assert known.told_report(report("a", "9", filled=5), "BTCUSDT").filled_e9 == 5
        assert known.client_id_of("BTCUSDT", "9") == "a"

    def test_a_late_word_does_not_open_an_order_again(self):
        known = KnownOrders()
        known.told_report(report("a", "1", OrderState.CANCELLED), "BTCUSDT")
        known.told_report(report("a", "1"), "BTCUSDT")
        assert known.open_orders() == ()


class TestVenueClock:
    def test_the_shortest_round_trip_counts(self):
        clock = VenueClock(lambda: 0, monotonic_ns=lambda: 0)
        clock.measured(sent_ns=0, received_ns=1000, venue_ns=9_000)
        clock.measured(sent_ns=0, received_ns=10, venue_ns=5_005)
        assert (clock.offset_ns, clock.error_ns) == (5_000, 5)

    def test_a_step_of_our_clock_is_seen(self):
        wall = [0]
        clock = VenueClock(lambda: wall[0], monotonic_ns=lambda: 0)
        clock.measured(sent_ns=0, received_ns=0, venue_ns=7)
        wall[0] = 100
        assert not clock.has_stepped(100)
        wall[0] = 101
        assert clock.has_stepped(100)
        assert not clock.is_measured


class TestSigners:
    @pytest.mark.parametrize("secret", ["", "ü", "-----BEGIN PRIVATE KEY-----\nno\n-----END PRIVATE KEY-----"])
    def test_what_is_no_secret_is_refused_without_being_shown(self, secret):
        with pytest.raises(ValidationError) as caught:
            signer_of(secret)
        assert not secret or secret not in str(caught.value)


ROW = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "orderId": 7, "clientOrderId": "cancel-9"} | {
    "origQty": "1", "executedQty": "0", "cummulativeQuoteQty": "0", "price": "2"
}  # fmt: skip


class TestHalfReplaced:
    """The old order is gone; what the answer says of the new one decides."""

    def outcome(self, new):
        class Refusing:
            async def request(self, *_args, **_options):
                data = {
                    "cancelResult": "SUCCESS",
                    "newOrderResult": "FAILURE",
                    "cancelResponse": {**ROW, "status": "CANCELED", "origClientOrderId": "a-1"},
                    "newOrderResponse": new,
                }
                raise BinanceRefusal(-2021, "Order cancel-replace partially failed.", status=409, data=data)

        told = []
        parts = {"pairs": PAIRS, "known": KnownOrders(), "reached": nothing_reached, "deadline_s": 1.0}
        placing = BinancePlacing(Refusing(), None, **parts, publish=told.extend)
        outcome = asyncio.run(placing.replace("a-1", order(**LIMIT), "BTCUSDT"))
        assert [(one.client_order_id, one.state) for one in told] == [("a-1", OrderState.CANCELLED)]
        return outcome.kind, outcome.code, outcome.may_retry

    @pytest.mark.parametrize(
        ("new", "expected"),
        [
            ({"code": -2010, "msg": "Account has insufficient balance."}, (OutcomeKind.REFUSED, "-2010", False)),
            ({"code": -1015, "msg": "Too many new orders."}, (OutcomeKind.REFUSED, "-1015", True)),
            ({"code": -1007, "msg": "Timeout waiting for response."}, (OutcomeKind.UNKNOWN, "-1007", False)),
            ({"code": -2010, "msg": "Duplicate order sent."}, (OutcomeKind.UNKNOWN, "-2010", False)),
        ],
    )
    def test_only_a_refusal_of_the_new_order_is_one(self, new, expected):
        assert self.outcome(new) == expected


class Answering:
    """A transport that answers at once."""

    async def send(self, _request):
        return HttpAnswer(200, {}, b"{}")


class TestRoomInTheLimits:
    """The limits are one request of weight 10 in a second."""

    def rest(self, **patience):
        governor = RateGovernor(time.time)
        governor.set_limit("REQUEST_WEIGHT", 1, 12)
        parts = {"api_key": "k", "signer": signer_of("s"), "governor": governor, "clock": VenueClock(time.time_ns)}
        return BinanceRest(Answering(), **parts, now_ns=time.time_ns, recv_window_ms=5000, **patience)

    def test_a_question_waits_for_it_and_an_order_does_not(self):
        rest = self.rest(patience_s=0.0)

        async def ask():
            for _ in range(3):
                await rest.read("account", weight=10, is_signed=False)
            await rest.wait_for_room({"REQUEST_WEIGHT": 10})

        with pytest.raises(RateLimitedError, match="leave no room"):
            asyncio.run(ask())
        assert rest.governor.limits()["REQUEST_WEIGHT", 1][0] == 10

    def test_what_the_venue_asks_to_wait_is_not_waited_for(self):
        rest = self.rest(patience_s=0.0)
        rest.governor.stop_for(30.0)
        with pytest.raises(RateLimitedError) as caught:
            asyncio.run(rest.read("account", weight=1, is_signed=False))
        assert 29.0 < caught.value.retry_after_s <= 30.0
