"""Parts of the Alpaca adapter on their own: hosts, words, refusals, names of fills, limits."""

import asyncio

import pytest

from nanodesk.brokers.alpaca.broker import AlpacaBroker
from nanodesk.brokers.alpaca.fills import FillTracker, in_order, named_fills, standing_quantity
from nanodesk.brokers.alpaca.hosts import LIVE_URLS, PAPER_URLS, require_account, require_agreement
from nanodesk.brokers.alpaca.messages import (
    STATES,
    FillRow,
    account,
    asset_rules,
    latest_quote,
    mean,
    order_report,
    position,
)
from nanodesk.brokers.alpaca.orders import order_body, replacement_body
from nanodesk.brokers.alpaca.refusal import AlpacaRefusal, outcome_of, raise_for
from nanodesk.brokers.alpaca.rest import AlpacaRest
from nanodesk.brokers.alpaca.times import parse_time
from nanodesk.brokers.base import OutcomeKind
from nanodesk.brokers.fields import Fields
from nanodesk.brokers.http_connection import HttpAnswer
from nanodesk.errors import BrokerError, ConfigError, OrderRejectedError, RateLimitedError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import ExecutionKind, Order, OrderState, OrderType
from nanodesk.market.trading_rules import TradingStatus
from secret_watch import marked

LOOPBACK = ("http://127.0.0.1:1", "ws://127.0.0.1:1/stream", "http://127.0.0.1:1")
SECRET = marked("secret")
ORDER_ID = "61e69015-8549-4bfd-b9c3-01e75843f47d"


class TestHosts:
    @pytest.mark.parametrize(
        ("urls", "key", "is_paper"),
        [(PAPER_URLS, "PK1", True), (LIVE_URLS, "AK1", False), (LOOPBACK, "PK1", True), (LOOPBACK, "any", True)],
    )
    def test_one_environment(self, urls, key, is_paper):
        require_agreement(*urls, api_key=key, is_paper=is_paper)

    @pytest.mark.parametrize(
        ("urls", "key", "is_paper"),
        [
            (LIVE_URLS, "PK1", True),
            (PAPER_URLS, "PK1", False),
            (LOOPBACK, "AK1", False),
            (LOOPBACK, "AK1", True),
            (PAPER_URLS, "AK1", True),
            (LIVE_URLS, "PK1", False),
            ((LIVE_URLS[0], PAPER_URLS[1], LIVE_URLS[2]), "PK1", True),
            ((LIVE_URLS[0], PAPER_URLS[1], LIVE_URLS[2]), "AK1", False),
            ((LOOPBACK[0], *PAPER_URLS[1:]), "PK1", True),
            (("https://api.alpaca.markets.evil.example", *LIVE_URLS[1:]), "AK1", False),
        ],
    )
    def test_mixtures_are_refused_without_telling_the_key(self, urls, key, is_paper):
        with pytest.raises(ConfigError) as caught:
            require_agreement(*urls, api_key=key + marked("hidden"), is_paper=is_paper)
        assert caught.value.problems and "hidden" not in str(caught.value)

    def test_the_account_must_agree_too(self):
        require_account("PA3717PJAYWN", is_paper=True)
        require_account("682389557", is_paper=False)
        for number, is_paper in (("682389557", True), ("PA3717PJAYWN", False)):
            with pytest.raises(BrokerError, match="paper="):
                require_account(number, is_paper=is_paper)

    def test_live_is_not_the_default(self):
        broker = AlpacaBroker(api_key="PKx", secret=SECRET)
        assert not broker.is_live and not broker.is_connected
        with pytest.raises(ConfigError):
            AlpacaBroker(api_key="PKx", secret=SECRET, paper=False)


def row(**fields):
    usual = {
        "id": ORDER_ID, "client_order_id": "a-1", "symbol": "AAPL", "qty": "10", "filled_qty": "4", "type": "limit",
        "filled_avg_price": "161.25333333333333", "side": "buy", "limit_price": "185.05", "status": "new",
    }  # fmt: skip
    return Fields({**usual, **fields}, "order")


class TestMessages:
    def test_an_order(self):
        report = order_report(row(updated_at="2021-03-16T18:38:01.9Z", replaces=ORDER_ID), replaces="a-0")
        assert (report.quantity_e9, report.filled_quantity_e9) == (10 * E9, 4 * E9)
        assert (report.average_price_e9, report.limit_price_e9, report.stop_price_e9) == (
            161_253_333_333,
            185_050_000_000,
            None,
        )
        assert (report.replaces, report.ts_event_ns) == ("a-0", parse_time("2021-03-16T18:38:01.9Z"))

    @pytest.mark.parametrize(("word", "state"), STATES.items())
    def test_every_status_has_a_state(self, word, state):
        assert order_report(row(status=word)).state is state

    def test_eighteen_statuses(self):
        assert len(STATES) == 18

    def test_an_order_by_cash_is_as_large_as_what_it_filled(self):
        assert order_report(row(qty=None)).quantity_e9 == 4 * E9

    @pytest.mark.parametrize("name", [ORDER_ID, "x" * 37, "a/b", ""])
    def test_ids_that_are_not_ours(self, name):
        assert order_report(row(client_order_id=name)).client_order_id == ""

    @pytest.mark.parametrize(
        "fields",
        [
            {"status": "dancing"},
            {"side": ""},
            {"type": "pegged"},
            {"qty": "1e999"},
            {"filled_qty": "0.1234567891"},
            {"filled_avg_price": "NaN"},
            {"filled_avg_price": "9" * 60},
            {"symbol": None},
            {"id": "../../etc"},
            {"updated_at": "yesterday"},
        ],
        ids=str,
    )
    def test_what_cannot_be_read_is_an_error(self, fields):
        with pytest.raises(BrokerError):
            order_report(row(**fields))

    def test_means_are_rounded_and_quantities_are_not(self):
        assert mean(Fields({"x": "0.0000000005"}, "x"), "x") == 0
        assert mean(Fields({"x": "0.0000000015"}, "x"), "x") == 2
        with pytest.raises(BrokerError):
            position(Fields({"symbol": "A", "qty": "0.1234567891", "side": "long", "avg_entry_price": "1"}, "position"))

    @pytest.mark.parametrize("quantity", ["5", "-5"])
    def test_short_is_negative_however_it_is_written(self, quantity):
        short = {"symbol": "A", "qty": quantity, "side": "short", "avg_entry_price": "1"}
        assert position(Fields(short, "position")).quantity_e9 == -5 * E9

    def test_a_blocked_account_can_buy_nothing(self):
        money = {"account_number": "PA1", "cash": "1", "equity": "2", "buying_power": "4"}
        assert account(Fields(money, "account"), is_live=False, ts_ns=0).buying_power_e9 == 4 * E9
        blocked = Fields({**money, "trading_blocked": True}, "account")
        assert account(blocked, is_live=False, ts_ns=0).buying_power_e9 == 0

    def test_a_price_of_zero_is_none(self):
        quote = latest_quote(Fields({"quote": {"t": "2022-03-18T14:02:43Z", "bp": 1, "ap": 0}}, "quote"), "A")
        assert (quote.bid_e9, quote.ask_e9) == (E9, None)

    def test_rules_of_an_asset(self):
        words = {"symbol": "A", "class": "us_equity", "status": "active", "tradable": True, "fractionable": True}
        asset = Fields({**words, "shortable": True, "easy_to_borrow": False}, "asset")
        whole = asset_rules(asset, is_open=True, is_fractional=False)
        assert (whole.lot_e9, whole.tick_e9, whole.can_short, whole.status) == (
            E9,
            E9 // 100,
            False,
            TradingStatus.TRADING,
        )
        assert asset_rules(asset, is_open=False, is_fractional=True).status is TradingStatus.CLOSED
        assert asset_rules(asset, is_open=True, is_fractional=True).lot_e9 == 1
        halted = Fields({**words, "tradable": False}, "asset")
        assert asset_rules(halted, is_open=True, is_fractional=False).status is TradingStatus.HALTED


class TestOrders:
    def test_amounts_are_exact_text(self):
        order = Order("a-1", "BRK.B", Side.SELL, 123_456_789, OrderType.STOP_LIMIT, 10**7, 2 * 10**7, reduce_only=True)
        assert order_body(order) == {
            "symbol": "BRK.B",
            "side": "sell",
            "type": "stop_limit",
            "qty": "0.123456789",
            "time_in_force": "day",
            "client_order_id": "a-1",
            "limit_price": "0.01",
            "stop_price": "0.02",
            "position_intent": "sell_to_close",
        }

    @pytest.mark.parametrize("terms", [{"post_only": True}, {"time_in_force": TimeInForce.GTD}])
    def test_what_the_venue_cannot_be_told_is_refused_here(self, terms):
        with pytest.raises(OrderRejectedError, match="was not sent"):
            order_body(Order("a-1", "A", Side.BUY, E9, OrderType.LIMIT, E9, **terms))

    def test_a_replacement_always_names_its_quantity(self):
        order = Order("a-2", "A", Side.BUY, E9, OrderType.LIMIT, E9)
        assert replacement_body(order) == {
            "qty": "1",
            "time_in_force": "day",
            "client_order_id": "a-2",
            "limit_price": "1",
        }
        with pytest.raises(OrderRejectedError):
            replacement_body(Order("a-2", "A", Side.BUY, E9, reduce_only=True))


class TestRefusals:
    @pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
    def test_a_structured_refusal(self, status):
        with pytest.raises(AlpacaRefusal) as caught:
            raise_for(status, {"code": 40310000, "message": "no"})
        assert (outcome_of(caught.value).kind, outcome_of(caught.value).code) == (OutcomeKind.REFUSED, "40310000")

    @pytest.mark.parametrize(
        ("status", "answer"),
        [
            (500, {"code": 1, "message": "x"}),
            (504, None),
            (403, None),
            (403, "x"),
            (408, {"message": "x"}),
            (302, {}),
            (422, {}),
        ],
    )
    def test_everything_else_is_unknown(self, status, answer):
        with pytest.raises(BrokerError) as caught:
            raise_for(status, answer)
        assert outcome_of(caught.value).kind is OutcomeKind.UNKNOWN

    def test_too_many(self):
        with pytest.raises(RateLimitedError) as caught:
            raise_for(429, None, retry_after_s=3.0)
        assert outcome_of(caught.value).may_retry

    def test_a_used_id_is_recognised(self):
        assert AlpacaRefusal(40010001, "client_order_id must be unique", status=422).is_used_id
        assert not AlpacaRefusal(40010001, "qty must be > 0", status=422).is_used_id


def fill(number, quantity, cumulative, kind=ExecutionKind.TRADE, previous="", ts=None):
    return FillRow(
        f"x{number}", "o1", "A", Side.BUY, kind, quantity * E9, E9, cumulative * E9, 0, ts or number, previous
    )


BUST, CORRECT = ExecutionKind.BUST, ExecutionKind.CORRECT


class TestFills:
    def test_names_after_busts_and_corrections(self):
        rows = [
            fill(1, 10, 10),
            fill(2, 10, 0, BUST, "x1"),
            fill(3, 10, 10),
            fill(4, 8, 8, CORRECT, "x3"),
            fill(5, 2, 10),
        ]
        found = named_fills(rows, "a-1")
        assert [one.execution_id for one in found] == ["o1:10", "o1:10", "o1:10+1", "o1:10+1", "o1:10+2"]
        assert standing_quantity(found) == 10 * E9

    def test_a_bust_of_an_unknown_fill_counts_but_is_not_told(self):
        assert [one.execution_id for one in named_fills([fill(1, 1, 0, BUST, "?"), fill(2, 1, 1)], "a")] == ["o1:1+1"]

    def test_fills_of_one_instant_are_ordered_by_what_was_filled(self):
        rows = [fill(1, 100, 869, ts=7), fill(2, 30, 1000, ts=7), fill(3, 101, 970, ts=7)]
        assert [row.cumulative_e9 // E9 for row in in_order(rows)] == [869, 970, 1000]

    def test_only_the_very_next_fill_of_a_followed_order_fits(self):
        tracker = FillTracker()
        assert not tracker.fits(fill(1, 5, 5))
        tracker.began("o1")
        assert (
            tracker.fits(fill(1, 5, 5)) and not tracker.fits(fill(2, 5, 10)) and not tracker.fits(fill(2, 5, 5, BUST))
        )
        tracker.caught_up("o1", 5 * E9, is_exact=True)
        tracker.began("o1")
        assert tracker.fits(fill(2, 5, 10)) and tracker.unseen("o1", 5 * E9) == 0
        tracker.missed()
        assert not tracker.fits(fill(2, 5, 10))
        tracker.ended("o1")
        assert tracker.unseen("o1", 5 * E9) == 5 * E9

    def test_each_is_news_once(self):
        tracker = FillTracker()
        (one,) = named_fills([fill(1, 5, 5)], "a")
        assert [tracker.is_news(one), tracker.is_news(one)] == [True, False]
        tracker.began("o1")
        assert tracker.was_told(fill(1, 5, 5)) and not tracker.was_told(fill(2, 5, 10))


class Answering:
    """A transport that answers with these headers."""

    def __init__(self, status=200, **headers):
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.status, self.sent = status, 0

    async def send(self, request):
        self.sent += 1
        return HttpAnswer(self.status, self.headers, b"{}")


class TestLimits:
    @pytest.mark.parametrize(
        ("headers", "wait_s"),
        [
            ({"x_ratelimit_limit": "200", "x_ratelimit_remaining": "100", "x_ratelimit_reset": "1030"}, 0),
            ({"x_ratelimit_limit": "200", "x_ratelimit_remaining": "10", "x_ratelimit_reset": "1030"}, 30),
            ({"x_ratelimit_limit": "200", "x_ratelimit_remaining": "0", "x_ratelimit_reset": "99999"}, 120),
            ({"x_ratelimit_limit": "x", "x_ratelimit_remaining": "-1", "x_ratelimit_reset": "soon"}, 0),
        ],
    )
    def test_the_venues_count_is_believed(self, headers, wait_s):
        http = Answering(**headers)
        rest = AlpacaRest(http, api_key="k", secret=SECRET, now_ns=lambda: 1000 * E9, patience_s=0)
        asyncio.run(rest.read("account"))
        assert rest.governor.wait_for({"REQUESTS": 1}) == wait_s

    def test_429_stops_everything_until_the_reset(self):
        rest = AlpacaRest(
            Answering(429, x_ratelimit_reset="1020"), api_key="k", secret=SECRET, now_ns=lambda: 1000 * E9, patience_s=0
        )
        for _ in range(2):
            with pytest.raises(RateLimitedError) as caught:
                asyncio.run(rest.read("account"))
            assert caught.value.retry_after_s == 20
        assert rest._http.sent == 1


class TestTimes:
    @pytest.mark.parametrize("text", ["", "2022-13-01T00:00:00Z", "2022-03-04T18:54:20", "2022-03-04T25:00:00Z", "now"])
    def test_what_is_no_time(self, text):
        with pytest.raises(BrokerError):
            parse_time(text)

    def test_places_beyond_the_ninth_are_dropped(self):
        assert parse_time("1970-01-01T00:00:00.123456789999Z") == 123_456_789

    def test_offsets(self):
        assert parse_time("1970-01-01T05:30:00+05:30") == 0


def test_states_of_orders_that_the_venue_still_works_on_are_live():
    for word in ("accepted", "held", "pending_new", "done_for_day", "stopped", "suspended", "calculated"):
        assert STATES[word].may_be_live
    assert OrderState.REPLACED.is_terminal
