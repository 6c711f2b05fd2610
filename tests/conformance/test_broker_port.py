"""Every promise of the broker port, asked of every broker."""

import time
from dataclasses import replace

import pytest

from conformance.brokers import ASK, BID, CASH, HARNESSES, OTHER, SIZE, SYMBOL
from nanodesk.brokers.base import Broker, OutcomeKind, RequestRejected, StreamChange, StreamState
from nanodesk.errors import BrokerError, NotConnectedError, ValidationError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Execution, ExecutionKind, Order, OrderReport, OrderState, OrderType

CENT = E9 // 100
GONE = {OrderState.CANCELLED, OrderState.EXPIRED, OrderState.REJECTED}


@pytest.fixture(params=sorted(HARNESSES))
def harness(request, tmp_path):
    with HARNESSES[request.param](tmp_path) as made:
        yield made


@pytest.fixture
def broker(harness):
    harness.broker.connect()
    yield harness.broker
    harness.broker.disconnect()


def limit(name, units, price, side=Side.BUY, **terms):
    return Order(name, terms.pop("symbol", SYMBOL), side, units * E9, OrderType.LIMIT, price, **terms)


def market(name, units, side=Side.BUY, **terms):
    return Order(name, terms.pop("symbol", SYMBOL), side, units * E9, **terms)


def settle(harness, name, wanted, seen=None):
    """The order's report once its state is one of those wanted; events go to ``seen``."""
    end = time.monotonic() + max(harness.timeout_s, 20.0)
    while True:
        report = harness.broker.status(name)
        if seen is not None:
            seen += harness.broker.events(0.0)
        if (report is not None and report.state in wanted) or time.monotonic() > end:
            assert report is not None and report.state in wanted, report
            if seen is not None:
                seen += harness.broker.events(harness.timeout_s / 10)
            return report
        time.sleep(0.005)


class TestConnection:
    def test_it_is_a_broker(self, harness):
        assert isinstance(harness.broker, Broker)
        assert harness.broker.name and not harness.broker.is_live

    def test_nothing_works_before_connect(self, harness):
        assert not harness.broker.is_connected
        for ask in (
            harness.broker.account,
            harness.broker.positions,
            harness.broker.open_orders,
            harness.broker.executions,
            lambda: harness.broker.quote(SYMBOL),
            lambda: harness.broker.status("a"),
            lambda: harness.broker.submit(market("a", 1)),
            lambda: harness.broker.cancel("a"),
        ):
            with pytest.raises(NotConnectedError):
                ask()

    def test_connect_and_disconnect_twice(self, harness):
        for _ in range(2):
            harness.broker.connect()
            harness.broker.connect()
            assert harness.broker.is_connected and harness.broker.account_id
            harness.broker.disconnect()
            harness.broker.disconnect()
            assert not harness.broker.is_connected

    def test_orders_outlive_the_connection(self, harness):
        harness.broker.connect()
        harness.broker.submit(limit("rest", 5, BID, time_in_force=TimeInForce.GTC))
        harness.broker.disconnect()
        harness.broker.connect()
        assert [report.client_order_id for report in harness.broker.open_orders()] == ["rest"]

    def test_the_stream_says_that_it_lives(self, broker, harness):
        events = broker.events(harness.timeout_s)
        assert any(isinstance(event, StreamChange) and event.state is StreamState.LIVE for event in events)


class TestReading:
    def test_account(self, broker):
        account = broker.account()
        assert account.cash_e9 == CASH * E9 and account.equity_e9 == CASH * E9
        assert account.buying_power_e9 >= CASH * E9 and not account.is_live and account.account_id == broker.account_id

    def test_no_positions(self, broker):
        assert broker.positions() == ()

    def test_quote(self, broker):
        quote = broker.quote(SYMBOL)
        assert (quote.symbol, quote.bid_e9, quote.ask_e9) == (SYMBOL, BID, ASK)

    def test_rules(self, broker):
        rules = broker.trading_rules(SYMBOL)
        assert rules.symbol == SYMBOL and rules.tick_e9 == CENT

    @pytest.mark.parametrize("read", ["quote", "trading_rules"])
    def test_bad_symbol_is_an_error_and_no_empty_answer(self, broker, read):
        with pytest.raises((ValidationError, BrokerError)):
            getattr(broker, read)("NOSUCH")

    def test_clock(self, broker):
        assert abs(broker.clock_offset_ns()) < 60 * E9


class TestSubmit:
    def test_marketable_limit_fills_at_the_ask(self, broker, harness):
        outcome = broker.submit(limit("a", 10, ASK + 5 * CENT))
        assert outcome.kind is OutcomeKind.ACCEPTED
        report = settle(harness, "a", {OrderState.FILLED})
        assert (report.filled_quantity_e9, report.average_price_e9) == (10 * E9, ASK)
        assert report.venue_order_id and report.symbol == SYMBOL and report.side is Side.BUY
        assert [(one.symbol, one.quantity_e9) for one in broker.positions()] == [(SYMBOL, 10 * E9)]
        assert broker.account().cash_e9 == CASH * E9 - 10 * ASK

    def test_market_order(self, broker, harness):
        broker.submit(market("a", 10))
        assert settle(harness, "a", {OrderState.FILLED}).average_price_e9 == ASK

    def test_sell_what_was_bought(self, broker, harness):
        broker.submit(market("a", 10))
        settle(harness, "a", {OrderState.FILLED})
        broker.submit(market("b", 10, Side.SELL))
        assert settle(harness, "b", {OrderState.FILLED}).average_price_e9 == BID
        assert broker.positions() == ()
        assert broker.account().cash_e9 == CASH * E9 - 10 * (ASK - BID)

    def test_passive_limit_rests(self, broker, harness):
        broker.submit(limit("a", 10, BID))
        report = settle(harness, "a", {OrderState.NEW})
        assert (report.filled_quantity_e9, report.limit_price_e9) == (0, BID)
        assert [one.client_order_id for one in broker.open_orders()] == ["a"]

    def test_partial_fill_and_the_rest_later(self, broker, harness):
        broker.submit(limit("a", SIZE + 50, ASK))
        report = settle(harness, "a", {OrderState.PARTIALLY_FILLED})
        assert report.filled_quantity_e9 == SIZE * E9 and report.leaves_quantity_e9 == 50 * E9
        harness.set_quote(SYMBOL, BID, ASK, SIZE)
        assert settle(harness, "a", {OrderState.FILLED}).filled_quantity_e9 == (SIZE + 50) * E9

    def test_ioc_remainder_is_gone(self, broker, harness):
        broker.submit(limit("a", SIZE + 50, ASK, time_in_force=TimeInForce.IOC))
        report = settle(harness, "a", GONE)
        assert report.filled_quantity_e9 == SIZE * E9
        assert broker.open_orders() == ()

    def test_submit_many_keeps_the_order(self, broker, harness):
        orders = [limit(f"m{index}", index + 1, BID) for index in range(10)]
        outcomes = broker.submit_many(orders)
        assert [one.kind for one in outcomes] == [OutcomeKind.ACCEPTED] * 10
        for order in orders:
            assert settle(harness, order.client_order_id, {OrderState.NEW}).quantity_e9 == order.quantity_e9

    def test_submit_many_of_nothing(self, broker):
        assert broker.submit_many([]) == ()

    @pytest.mark.parametrize(
        "order",
        [
            limit("bad", 1, ASK, symbol="NOSUCH"),
            limit("bad", 10_000_000, ASK),
            limit("bad", 1, ASK + 1),
        ],
        ids=["symbol", "funds", "tick"],
    )
    def test_refusal_is_an_outcome(self, broker, harness, order):
        outcome = broker.submit(order)
        assert outcome.kind is OutcomeKind.REFUSED
        assert outcome.code and broker.open_orders() == () and broker.positions() == ()
        report = broker.status("bad")
        assert report is None or report.state is OrderState.REJECTED

    def test_a_refusal_spoils_nothing(self, broker, harness):
        outcomes = broker.submit_many([limit("a", 1, BID), limit("b", 10_000_000, BID), limit("c", 1, BID)])
        assert [one.kind.value for one in outcomes] == ["accepted", "refused", "accepted"]

    def test_sell_without_position_is_refused(self, broker):
        assert broker.submit(market("a", 1, Side.SELL)).kind is OutcomeKind.REFUSED

    def test_unknown_id_is_none(self, broker):
        assert broker.status("never-sent") is None


class TestCancel:
    def test_cancel(self, broker, harness):
        broker.submit(limit("a", 10, BID))
        assert broker.cancel("a").kind is OutcomeKind.ACCEPTED
        assert settle(harness, "a", {OrderState.CANCELLED}).filled_quantity_e9 == 0
        assert broker.open_orders() == () and broker.account().buying_power_e9 >= CASH * E9

    def test_cancel_keeps_what_filled(self, broker, harness):
        broker.submit(limit("a", SIZE + 50, ASK))
        settle(harness, "a", {OrderState.PARTIALLY_FILLED})
        broker.cancel("a")
        assert settle(harness, "a", {OrderState.CANCELLED}).filled_quantity_e9 == SIZE * E9

    def test_cancel_of_unknown_is_refused(self, broker):
        outcome = broker.cancel("never-sent")
        assert outcome.kind is OutcomeKind.REFUSED and outcome.code

    def test_cancel_after_fill_changes_nothing(self, broker, harness):
        broker.submit(market("a", 10))
        settle(harness, "a", {OrderState.FILLED})
        seen = []
        outcome = broker.cancel("a")
        report = settle(harness, "a", {OrderState.FILLED}, seen)
        refused = outcome.kind is OutcomeKind.REFUSED or any(isinstance(event, RequestRejected) for event in seen)
        assert refused and report.filled_quantity_e9 == 10 * E9


class TestReplace:
    def test_replace(self, broker, harness):
        if not harness.can_replace:
            pytest.skip("this venue replaces nothing")
        broker.submit(limit("a", 10, BID))
        settle(harness, "a", {OrderState.NEW})
        outcome = broker.replace("a", limit("b", 20, BID - CENT))
        assert outcome.kind is OutcomeKind.ACCEPTED
        report = settle(harness, "b", {OrderState.NEW})
        assert (report.quantity_e9, report.limit_price_e9) == (20 * E9, BID - CENT)
        settle(harness, "a", {OrderState.REPLACED, OrderState.CANCELLED})
        assert [one.client_order_id for one in broker.open_orders()] == ["b"]

    def test_replace_of_unknown_is_refused(self, broker, harness):
        if not harness.can_replace:
            pytest.skip("this venue replaces nothing")
        assert broker.replace("never-sent", limit("b", 1, BID)).kind is OutcomeKind.REFUSED
        assert broker.open_orders() == ()


class TestExecutions:
    def test_each_fill_once(self, broker, harness):
        broker.submit(limit("a", SIZE + 50, ASK))
        settle(harness, "a", {OrderState.PARTIALLY_FILLED})
        harness.set_quote(SYMBOL, BID, ASK, SIZE)
        settle(harness, "a", {OrderState.FILLED})
        fills = broker.executions()
        assert sum(one.quantity_e9 for one in fills) == (SIZE + 50) * E9
        assert len({one.execution_id for one in fills}) == len(fills)
        assert {(one.client_order_id, one.symbol, one.side, one.kind) for one in fills} == {
            ("a", SYMBOL, Side.BUY, ExecutionKind.TRADE)
        }

    def test_ids_differ_between_symbols(self, broker, harness):
        for name, symbol in (("a", SYMBOL), ("b", OTHER)):
            broker.submit(market(name, 1, symbol=symbol))
            settle(harness, name, {OrderState.FILLED})
        fills = broker.executions()
        assert len({one.execution_id for one in fills}) == len(fills) == 2

    def test_since(self, broker, harness):
        broker.submit(market("a", 1))
        settle(harness, "a", {OrderState.FILLED})
        [fill] = broker.executions()
        assert broker.executions(fill.ts_event_ns + 3_600 * E9) == ()
        assert [one.execution_id for one in broker.executions(fill.ts_event_ns - E9)] == [fill.execution_id]


class TestEvents:
    def test_a_fill_is_heard_with_the_id_of_the_drop_copy(self, broker, harness):
        seen = []
        outcome = broker.submit(limit("a", 10, ASK))
        settle(harness, "a", {OrderState.FILLED}, seen)
        heard = {one.execution_id for one in (*seen, *outcome.executions) if isinstance(one, Execution)}
        assert heard == {one.execution_id for one in broker.executions()}

    def test_filled_quantity_never_falls(self, broker, harness):
        seen = []
        broker.submit(limit("a", SIZE + 50, ASK))
        settle(harness, "a", {OrderState.PARTIALLY_FILLED}, seen)
        harness.set_quote(SYMBOL, BID, ASK, SIZE)
        settle(harness, "a", {OrderState.FILLED}, seen)
        filled = [one.filled_quantity_e9 for one in seen if isinstance(one, OrderReport) and one.client_order_id == "a"]
        assert filled == sorted(filled) and filled[-1] == (SIZE + 50) * E9

    def test_an_event_is_given_once(self, broker, harness):
        broker.submit(limit("a", 1, BID))
        settle(harness, "a", {OrderState.NEW}, [])
        assert [event for event in broker.events(0.0) if isinstance(event, (OrderReport, Execution))] == []

    def test_orders_of_a_human_are_seen(self, broker, harness):
        harness.place_by_hand(SYMBOL, 7, BID)
        end = time.monotonic() + 20.0
        while not (found := broker.open_orders()) and time.monotonic() < end:
            time.sleep(0.01)
        assert [(one.client_order_id, one.quantity_e9) for one in found] == [("", 7 * E9)]


def test_values_are_frozen(broker):
    with pytest.raises(AttributeError):
        broker.quote(SYMBOL).bid_e9 = 1
    assert replace(broker.quote(SYMBOL), bid_e9=None).bid_e9 is None
