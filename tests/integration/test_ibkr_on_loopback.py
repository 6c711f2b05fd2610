"""The adapter of Interactive Brokers on the TWS look-alike: each trap of the client library, each fault of a link."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from loopback_tws import QUICK, LoopbackTws, aapl_quote
from nanodesk.brokers.base import BrokerEvent, OutcomeKind, StreamChange, StreamState
from nanodesk.brokers.ibkr.broker import IbkrBroker
from nanodesk.brokers.ibkr.frames import frame
from nanodesk.brokers.ibkr.lists import read_completed_orders
from nanodesk.brokers.paper import admin as paper_admin
from nanodesk.errors import BrokerError, ConfigError, NotConnectedError
from nanodesk.market.account import Quote
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.order import Execution, ExecutionKind, Order, OrderReport, OrderState, OrderType
from nanodesk.venues.faults import Fault, FaultKind, FaultPoint
from nanodesk.venues.tws.messages import completed_order
from nanodesk.venues.tws.session import Session
from nanodesk.venues.tws.venue import PAPER_ACCOUNT
from waiting import until

pytest.importorskip("ib_async")


def limit(name: str, price: str = "180", units: int = 10, side: Side = Side.BUY, **terms: object) -> Order:
    return Order(name, "AAPL", side, units * E9, OrderType.LIMIT, parse_e9(price), **terms)  # type: ignore[arg-type]


@contextmanager
def connected(venue: LoopbackTws, **changes: object) -> Iterator[IbkrBroker]:
    broker = venue.broker(**changes)  # type: ignore[arg-type]
    broker.connect()
    try:
        yield broker
    finally:
        broker.disconnect()


class Listener:
    """Gathers what a broker tells."""

    def __init__(self, broker: IbkrBroker) -> None:
        self.broker = broker
        self.seen: list[BrokerEvent] = []

    def poll(self) -> list[BrokerEvent]:
        self.seen += self.broker.events(0.02)
        return self.seen

    @property
    def fills(self) -> list[Execution]:
        return [event for event in self.poll() if isinstance(event, Execution)]

    @property
    def streams(self) -> list[StreamState]:
        return [event.state for event in self.poll() if isinstance(event, StreamChange)]

    def reports(self, name: str) -> list[OrderState]:
        events = (event for event in self.poll() if isinstance(event, OrderReport))
        return [event.state for event in events if event.client_order_id == name]


class TestTrap1OrdersDoNotVanish:
    def test_every_order_is_at_the_venue_or_known_not_to_have_left(self):
        names = [f"q{index}" for index in range(100)]
        with LoopbackTws() as venue, connected(venue, is_paced=True, client_id=3) as broker:
            venue.call(lambda: venue.venue.later(0.25, lambda: [c.abort() for c in list(venue.venue._connections)]))
            outcomes = broker.submit_many([limit(name) for name in names])
            there = {order.client_order_id for order in venue.market.orders()}
            not_sent = {name for name, one in zip(names, outcomes, strict=True) if one.code == "not_sent"}
            sent = set(names) - not_sent
            assert 0 < len(there) < 100
            assert there <= sent and not not_sent & there
            assert len(sent) <= len(there) + 1  # the one whose bytes were under way when the link broke
            assert {one.kind for one in outcomes} <= {OutcomeKind.ACCEPTED, OutcomeKind.UNKNOWN}
            until(lambda: broker.is_connected)
            # the venue's word on each: what was sent is found, what was not is not there
            found = {report.client_order_id for report in broker.open_orders()}
            assert found == there

    def test_a_batch_does_not_go_on_after_a_gap(self):
        steps: list[str] = []

        def cut(step: str) -> None:
            steps.append(step)
            if step == "send.half" and steps.count(step) == 3:
                broker._session._link.close("cut")  # type: ignore[union-attr]

        with LoopbackTws() as venue, connected(venue, reached=cut, times=replace(QUICK, backoff=0.001)) as broker:
            outcomes = broker.submit_many([limit(f"g{index}") for index in range(6)])
            assert [one.code for one in outcomes[2:]] == ["no_answer", "not_sent", "not_sent", "not_sent"]
            until(lambda: broker.is_connected)
            assert {order.client_order_id for order in venue.market.orders()} <= {"g0", "g1"}
            assert broker.status("g2") is None


class TestTrap2Pacing:
    def test_no_second_at_the_receiver_holds_more_than_fifty(self):
        worst = []
        for _ in range(3):  # a machine that stalls the receiver bunches what it reads; once without that is proof
            with LoopbackTws() as venue, connected(venue, is_paced=True) as broker:
                outcomes = broker.submit_many([limit(f"p{index}") for index in range(100)])
                assert {one.kind for one in outcomes} == {OutcomeKind.ACCEPTED}
                worst.append(venue.venue.counts()["worst_second"])
            if worst[-1] <= 50:
                return
        pytest.fail(f"worst seconds {worst}")


class TestTraps4To6Fills:
    def test_fills_told_twice_are_booked_once(self):
        fault = Fault(FaultKind.DUPLICATE, FaultPoint.EVENT, count=0)
        with LoopbackTws([fault], size="60", replenish=True) as venue, connected(venue) as broker:
            listener = Listener(broker)
            broker.submit(limit("a", "185.05", 100))
            until(lambda: len(listener.fills) == 2)
            time.sleep(0.1)
            assert [(fill.quantity_e9 // E9, fill.fee_e9) for fill in listener.fills] == [
                (60, parse_e9("0.3")),
                (40, parse_e9("0.2")),
            ]
            assert listener.reports("a")[-1] is OrderState.FILLED

    def test_a_correction_and_a_bust_change_the_fill_that_was(self):
        with LoopbackTws() as venue, connected(venue) as broker:
            listener = Listener(broker)
            broker.submit(limit("a", "185.05"))
            until(lambda: len(listener.fills) == 1)
            venue.call(paper_admin.correct, venue.market, 1, price_e9=parse_e9("184.5"))
            until(lambda: len(listener.fills) == 2)
            venue.call(paper_admin.bust, venue.market, 1)
            until(lambda: len(listener.fills) == 3)
            trade, correction, bust = listener.fills
            assert {fill.execution_id for fill in listener.fills} == {trade.execution_id}
            assert (correction.kind, correction.price_e9) == (ExecutionKind.CORRECT, parse_e9("184.5"))
            assert (bust.kind, bust.quantity_e9) == (ExecutionKind.BUST, 10 * E9)
            assert broker.positions() == ()

    def test_fills_of_orders_that_are_not_ours_are_told(self):
        with LoopbackTws() as venue, connected(venue, client_id=0) as broker:
            listener = Listener(broker)
            order = limit("hand", "185.05")
            venue.call(venue.market.submit, "PAPER", order, is_manual=True)
            until(lambda: len(listener.fills) == 1)
            assert listener.fills[0].client_order_id == ""
            assert [one.quantity_e9 for one in broker.positions()] == [10 * E9]


class TestTrap7BadBytes:
    @pytest.mark.parametrize("kind", [FaultKind.MALFORMED, FaultKind.TRUNCATED, FaultKind.OVERSIZE])
    def test_a_spoiled_message_ends_the_link_and_loses_nothing(self, kind):
        fault = Fault(kind, FaultPoint.EVENT, match="trade")
        with LoopbackTws([fault]) as venue, connected(venue) as broker:
            listener = Listener(broker)
            broker.submit(limit("a", "185.05"))
            until(lambda: StreamState.RESTORED_DATA_LOST in listener.streams)
            until(lambda: len(listener.fills) == 1)
            assert listener.streams == [StreamState.LIVE, StreamState.LOST, StreamState.RESTORED_DATA_LOST]
            assert broker.status("a").state is OrderState.FILLED

    def test_a_message_byte_by_byte_is_read(self):
        fault = Fault(FaultKind.SLOW_TRICKLE, FaultPoint.REQUEST, match="open_orders", nth=2, seconds=0.001)
        with LoopbackTws([fault]) as venue, connected(venue) as broker:
            broker.submit(limit("a"))
            assert [one.client_order_id for one in broker.open_orders()] == ["a"]

    @pytest.mark.parametrize(
        "hello",
        [
            b"",
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            struct.pack(">I", 2**31 - 1) + b"x" * 100,
            struct.pack(">I", 0),
            frame(["176"]),
            frame(["12", "now"]),
            frame(["200", "now"]),
            frame(["x", "now"]),
            frame([178, "now"]),
        ],
        ids=["closed", "http", "2 GiB", "empty", "one field", "old", "new", "no number", "silence after it"],
    )
    def test_whatever_answers_the_handshake_is_our_error(self, hello):
        server = socket.create_server(("127.0.0.1", 0))

        def answer() -> None:
            peer, _ = server.accept()
            peer.sendall(hello)
            if hello != frame([178, "now"]):
                peer.close()
                return
            peer.settimeout(3)
            while peer.recv(4096):
                pass

        threading.Thread(target=answer, daemon=True).start()
        port = server.getsockname()[1]
        times = replace(QUICK, connect_s=0.4)
        broker = IbkrBroker(port=port, client_id=1, account="DU0000001", times=times)
        with pytest.raises(NotConnectedError):
            broker.connect()
        assert not broker.is_connected
        server.close()

    @pytest.mark.parametrize("request_name", ["open_orders", "status", "executions"])
    def test_a_list_that_cannot_be_read_at_the_start_is_fatal(self, request_name):
        fault = Fault(FaultKind.ERROR_BEFORE_ACCEPT, match=request_name)
        with LoopbackTws([fault]) as venue:
            broker = venue.broker()
            with pytest.raises(BrokerError, match="error 321"):
                broker.connect()
            assert not broker.is_connected

    def test_a_silent_list_at_the_start_is_fatal(self):
        fault = Fault(FaultKind.BLACK_HOLE, match="open_orders")
        with LoopbackTws([fault]) as venue:
            broker = venue.broker(times=replace(QUICK, request_s=0.3))
            with pytest.raises(BrokerError, match=r"open orders: no answer within 0\.3 s"):
                broker.connect()
            assert not broker.is_connected


class TestTrap8AndAccounts:
    def test_the_account_must_be_the_gateway_s(self):
        with LoopbackTws() as venue:
            broker = venue.broker(account="DU7777777")
            with pytest.raises(BrokerError, match="not among the gateway's accounts"):
                broker.connect()
            assert not broker.is_connected and venue.market.orders() == ()

    def test_the_only_account_is_found_and_its_prefix_checked(self):
        with LoopbackTws() as venue:
            with connected(venue, account="") as broker:
                assert broker.account_id == "DU0000001"
            live = venue.broker(account="", mode="live", client_id=8)
            with pytest.raises(ConfigError, match="live trading"):
                live.connect()
            assert not live.is_connected

    def test_a_client_id_in_use_says_so(self):
        with LoopbackTws() as venue, connected(venue):
            second = venue.broker(times=replace(QUICK, connect_s=0.6))
            with pytest.raises(NotConnectedError, match="client_id=7 is in use"):
                second.connect()

    def test_a_client_id_that_frees_itself_is_waited_for(self):
        with LoopbackTws([Fault(FaultKind.ID_IN_USE, FaultPoint.CONNECT)]) as venue, connected(venue) as broker:
            assert broker.is_connected


class TestSteps:
    def test_the_steps_of_sending_are_told_in_order(self):
        steps: list[str] = []
        with LoopbackTws() as venue, connected(venue, reached=steps.append) as broker:
            steps.clear()
            broker.submit(limit("a"))
            assert steps == ["send.connected", "send.half", "send.written", "reply.read"]
            steps.clear()
            broker.cancel("a")
            assert steps == ["cancel.sent"]

    def test_half_a_request_is_no_order(self):
        class Killed(BaseException):
            pass

        def stop(step: str) -> None:
            if step == "send.half":
                raise Killed

        with LoopbackTws() as venue:
            broker = venue.broker(reached=stop)
            broker.connect()
            with pytest.raises(Killed):
                broker.submit(limit("a"))
            broker.disconnect()
            with connected(venue) as later:
                assert later.status("a") is None
                assert venue.market.orders() == ()
                assert later.submit(limit("a")).kind is OutcomeKind.ACCEPTED


class TestOutcomes:
    def test_a_lost_answer_is_unknown_and_then_found(self):
        fault = Fault(FaultKind.RESET_AFTER_ACCEPT, match="new")
        with LoopbackTws([fault]) as venue, connected(venue) as broker:
            outcome = broker.submit(limit("a"))
            assert (outcome.kind, outcome.code) == (OutcomeKind.UNKNOWN, "no_answer")
            until(lambda: broker.is_connected)
            report = broker.status("a")
            assert report is not None and report.state is OrderState.NEW
            assert len(venue.market.orders()) == 1

    def test_a_request_that_never_arrived_is_unknown_and_then_absent(self):
        fault = Fault(FaultKind.RESET_BEFORE_ACCEPT, match="new")
        with LoopbackTws([fault]) as venue, connected(venue) as broker:
            assert broker.submit(limit("a")).kind is OutcomeKind.UNKNOWN
            until(lambda: broker.is_connected)
            assert broker.status("a") is None

    def test_partial_fill_then_disconnect(self):
        fault = Fault(FaultKind.PARTIAL_THEN_DISCONNECT, match="new")
        with LoopbackTws([fault]) as venue, connected(venue) as broker:
            listener = Listener(broker)
            broker.submit(limit("a"))
            until(lambda: StreamState.RESTORED_DATA_LOST in listener.streams)
            until(lambda: sum(fill.quantity_e9 for fill in listener.fills) == 5 * E9)
            assert broker.status("a").state is OrderState.PARTIALLY_FILLED
            assert len(listener.fills) == 1

    def test_an_error_after_the_order_was_taken_cancels_nothing(self):
        fault = Fault(FaultKind.ERROR_AFTER_ACCEPT, match="new", value="110")
        with LoopbackTws([fault]) as venue, connected(venue) as broker:
            assert broker.submit(limit("a")).kind is OutcomeKind.ACCEPTED
            until(lambda: broker.status("a").code == "110")
            assert broker.status("a").state is OrderState.NEW

    def test_events_backwards_end_the_same(self):
        fault = Fault(FaultKind.REORDER, FaultPoint.EVENT, count=0)
        with LoopbackTws([fault], size="60", replenish=True) as venue, connected(venue) as broker:
            listener = Listener(broker)
            broker.submit(limit("a", "185.05", 100))
            until(lambda: len(listener.fills) == 2)
            until(lambda: listener.reports("a")[-1:] == [OrderState.FILLED])

    def test_messages_that_never_came_are_found_by_asking(self):
        fault = Fault(FaultKind.GAP, FaultPoint.EVENT, match="trade")
        with LoopbackTws([fault]) as venue, connected(venue) as broker:
            listener = Listener(broker)
            broker.submit(limit("a", "185.05"))
            assert listener.fills == []
            assert [fill.quantity_e9 for fill in broker.executions()] == [10 * E9]
            until(lambda: len(listener.fills) == 1)
            assert broker.status("a").state is OrderState.FILLED

    def test_a_cancel_that_loses_the_race_is_refused_and_the_fill_told(self):
        fault = Fault(FaultKind.CANCEL_RACES_FILL, match="cancel")
        with LoopbackTws([fault]) as venue, connected(venue) as broker:
            listener = Listener(broker)
            broker.submit(limit("a"))
            outcome = broker.cancel("a")
            assert outcome.kind is OutcomeKind.REFUSED
            until(lambda: len(listener.fills) == 1)
            assert broker.status("a").state is OrderState.FILLED

    def test_a_fill_after_the_cancel_is_told(self):
        fault = Fault(FaultKind.LATE_FILL, FaultPoint.VENUE, match="cancelled")
        with LoopbackTws([fault]) as venue, connected(venue) as broker:
            listener = Listener(broker)
            broker.submit(limit("a"))
            broker.cancel("a")  # taken, or refused because the fill was heard first
            until(lambda: len(listener.fills) == 1)
            assert OrderState.CANCELLED in listener.reports("a")

    def test_a_replace_never_has_two_orders_at_once(self):
        with LoopbackTws() as venue, connected(venue) as broker:
            broker.submit(limit("a"))
            outcome = broker.replace("a", limit("b", "181", 20))
            assert outcome.report is not None and outcome.report.replaces == "a"
            first, second = venue.market.orders()
            assert first.state is OrderState.CANCELLED and second.client_order_id == "b"
            assert first.updated_ns <= second.created_ns

    def test_a_replace_that_loses_the_race_sends_nothing(self):
        fault = Fault(FaultKind.CANCEL_RACES_FILL, match="cancel")
        with LoopbackTws([fault]) as venue, connected(venue) as broker:
            broker.submit(limit("a"))
            assert broker.replace("a", limit("b", "181")).kind is OutcomeKind.REFUSED
            assert len(venue.market.orders()) == 1

    def test_what_the_venue_has_no_words_for_is_refused_unsent(self):
        with LoopbackTws() as venue, connected(venue) as broker:
            for order in (limit("a", post_only=True), limit("a", time_in_force=TimeInForce.GTD)):
                assert broker.submit(order).code == "unsupported"
            assert broker.submit(limit("b")).kind is OutcomeKind.ACCEPTED
            assert broker.submit(limit("b")).code == "duplicate"
            assert len(venue.market.orders()) == 1

    def test_an_order_of_another_client_is_seen_and_not_ours_to_cancel(self):
        with LoopbackTws() as venue, connected(venue, client_id=8) as other, connected(venue) as broker:
            other.submit(limit("theirs"))
            assert [one.client_order_id for one in broker.open_orders()] == ["theirs"]
            assert broker.cancel("theirs").code == "10147"

    def test_orders_and_fills_of_another_account_of_the_gateway_are_not_told(self):
        # An advisor's gateway tells every client the orders and fills of all its accounts.
        with LoopbackTws() as venue, connected(venue) as broker:
            listener = Listener(broker)
            broker.submit(limit("ours", "185.05"))
            until(lambda: len(listener.fills) == 1)
            orders, session = venue.venue.orders, venue.venue.sessions[7]
            orders.account = "DU9999999"
            [order] = venue.market.orders()
            venue.call(session.say, [*orders.open_order(order)[:-1], ""])
            for fields in orders.executions(-1, [order]):
                fields[12 if fields[0] == 11 else 2] = "0000e0d5.0000ffff.01.01"
                venue.call(session.say, fields)
            orders.account = PAPER_ACCOUNT
            broker.submit(limit("after", "185.05"))
            until(lambda: len(listener.fills) == 2)
            assert [fill.client_order_id for fill in listener.fills] == ["ours", "after"]

    def test_a_summary_without_an_answer_is_not_left_open(self):
        # A gateway takes two subscriptions to the account summary at once.
        fault = Fault(FaultKind.ERROR_BEFORE_ACCEPT, match="account", count=3)
        with LoopbackTws([fault]) as venue, connected(venue) as broker:
            for _ in range(3):
                with pytest.raises(BrokerError, match="account summary: error 321"):
                    broker.account()
            assert broker.account().equity_e9 == 10_000_000 * E9
            until(lambda: venue.venue.messages["in_62"] == venue.venue.messages["in_63"] == 4)

    def test_order_ids_go_on_where_an_earlier_session_ended(self):
        with LoopbackTws() as venue:
            for name in ("a", "b"):
                with connected(venue) as broker:
                    venue.venue.orders._next_ids.clear()  # "Reset API order ID sequence"
                    assert broker.submit(limit(name)).kind is OutcomeKind.ACCEPTED
            assert [order.client_order_id for order in venue.market.orders(open_only=True)] == ["a", "b"]


class TestLongLists:
    """Six finished orders that the gateway tells one after the other, each within the time of a request."""

    @pytest.fixture
    def slow(self, monkeypatch):
        def tell_slowly(session, pause_s):
            orders = session.venue.orders
            rows = list(session.venue.market.orders(orders.account_id))
            for index, order in enumerate(rows):
                line = completed_order(order, orders.ids(order)[2], orders.contract(order.symbol), orders.account)
                session.venue.later(pause_s * (index + 1), lambda line=line: session.say(line))
            session.venue.later(pause_s * (len(rows) + 1), lambda: session.say([102]))

        def with_pause(pause_s):
            monkeypatch.setattr(Session, "_completed_orders", lambda session: tell_slowly(session, pause_s))

        return with_pause

    def test_a_list_that_goes_on_is_waited_for(self, slow):
        with LoopbackTws() as venue, connected(venue, times=replace(QUICK, request_s=0.5)) as broker:
            broker.submit_many([limit(f"d{index}", "200") for index in range(6)])
            slow(0.2)
            assert len(read_completed_orders(broker._session)) == 6

    def test_one_that_stops_is_not(self, slow):
        with LoopbackTws() as venue, connected(venue, times=replace(QUICK, request_s=0.2)) as broker:
            broker.submit_many([limit(f"d{index}", "200") for index in range(3)])
            slow(1.0)
            with pytest.raises(BrokerError, match=r"no answer within 0\.2 s"):
                read_completed_orders(broker._session)


class TestLinkLoss:
    def test_bug_14_codes_1100_and_1102_are_heard(self):
        with LoopbackTws() as venue, connected(venue) as broker:
            listener = Listener(broker)
            broker.submit(limit("a"))
            venue.call(venue.venue.cut_off, 1102, 0.3)
            until(lambda: StreamState.LOST in listener.streams)
            assert not broker.is_connected
            with pytest.raises(NotConnectedError):
                broker.submit(limit("b"))
            venue.call(venue.market.set_quote, aapl_quote("179.98", "179.99"))
            until(lambda: StreamState.RESTORED in listener.streams)
            until(lambda: len(listener.fills) == 1)
            assert broker.is_connected and len(venue.market.orders()) == 1

    def test_after_1101_what_was_missed_is_read(self):
        with LoopbackTws() as venue, connected(venue) as broker:
            listener = Listener(broker)
            broker.submit(limit("a"))
            venue.call(venue.venue.cut_off, 1101, 0.2)
            until(lambda: StreamState.LOST in listener.streams)
            venue.call(venue.market.set_quote, aapl_quote("179.98", "179.99"))
            until(lambda: StreamState.RESTORED_DATA_LOST in listener.streams)
            assert len(listener.fills) == 1  # told before the stream counts as restored
            assert listener.reports("a")[-1] is OrderState.FILLED

    def test_the_nightly_restart_is_survived(self):
        with LoopbackTws() as venue, connected(venue) as broker:
            listener = Listener(broker)
            broker.submit(limit("a"))
            broker.submit(limit("b", "170"))
            venue.call(venue.venue.restart, 0.4)
            until(lambda: StreamState.LOST in listener.streams)
            venue.call(venue.market.set_quote, aapl_quote("179.98", "179.99"))
            until(lambda: StreamState.RESTORED_DATA_LOST in listener.streams, 10.0)
            assert len(listener.fills) == 1 and broker.is_connected
            assert [one.client_order_id for one in broker.open_orders()] == ["b"]
            assert broker.cancel("b").kind is OutcomeKind.ACCEPTED

    def test_the_nightly_reset_can_be_written_as_a_fault(self):
        fault = Fault(FaultKind.RESTART, FaultPoint.VENUE, match="new", value="1102", seconds=0.2)
        with LoopbackTws([fault]) as venue, connected(venue) as broker:
            listener = Listener(broker)
            broker.submit(limit("a"))
            until(lambda: StreamState.RESTORED in listener.streams)
            assert listener.streams == [StreamState.LIVE, StreamState.LOST, StreamState.RESTORED]
            assert broker.status("a").state is OrderState.NEW

    def test_a_port_that_was_changed_is_not_tried_again(self):
        with LoopbackTws() as venue, connected(venue) as broker:
            listener = Listener(broker)
            venue.call(venue.venue._say_everyone, 1300, "Please reconnect on the new port - 4003")
            venue.call(lambda: [one.close() for one in list(venue.venue._connections)])
            until(lambda: StreamState.LOST in listener.streams)
            time.sleep(0.3)
            assert not broker.is_connected
            broker.connect()
            assert broker.is_connected

    def test_a_mute_gateway_is_noticed(self):
        fault = Fault(FaultKind.HALF_OPEN, match="time")
        times = replace(QUICK, silence_s=0.2, request_s=0.3)
        with LoopbackTws([fault]) as venue, connected(venue, times=times) as broker:
            listener = Listener(broker)
            until(lambda: StreamState.RESTORED_DATA_LOST in listener.streams)

    def test_connect_while_it_is_away_says_so(self):
        with LoopbackTws() as venue, connected(venue, times=replace(QUICK, connect_s=0.2)) as broker:
            venue.call(venue.venue.restart, 30.0)
            until(lambda: not broker.is_connected)
            with pytest.raises(NotConnectedError, match="not back yet"):
                broker.connect()

    def test_a_gateway_that_stays_away_is_given_up(self):
        with LoopbackTws() as venue:
            broker = venue.broker(times=replace(QUICK, reconnect_s=0.3))
            broker.connect()
            listener = Listener(broker)
            venue.call(venue.venue.restart, 30.0)
            until(lambda: any("Given up" in one.text for one in listener.poll() if isinstance(one, StreamChange)))
            assert not broker.is_connected
            broker.disconnect()

    def test_a_complaint_about_the_pace_slows_us(self):
        fault = Fault(FaultKind.RATE_LIMITED, match="time")
        with LoopbackTws([fault]) as venue, connected(venue, is_paced=True) as broker:
            before = broker._session._pacer.spacing_s
            with pytest.raises(BrokerError, match="error 100"):
                broker.clock_offset_ns()
            assert broker._session._pacer.spacing_s == 2 * before


class TestBugs11And14:
    def test_bug_11_an_error_of_open_orders_is_an_error(self):
        fault = Fault(FaultKind.ERROR_BEFORE_ACCEPT, match="open_orders", nth=2)
        with LoopbackTws([fault]) as venue, connected(venue) as broker:
            broker.submit(limit("a"))
            with pytest.raises(BrokerError, match="open orders: error 321"):
                broker.open_orders()
            assert len(broker.open_orders()) == 1

    def test_bug_14_a_silent_market_times_out(self):
        fault = Fault(FaultKind.GAP, FaultPoint.EVENT, count=0)
        with LoopbackTws([fault]) as venue, connected(venue, times=replace(QUICK, request_s=0.3)) as broker:
            start_s = time.monotonic()
            outcome = broker.submit(limit("a"))
            assert (outcome.kind, outcome.code) == (OutcomeKind.UNKNOWN, "no_answer")
            assert time.monotonic() - start_s < 3
            assert broker.status("a").state is OrderState.NEW

    def test_bug_14_market_orders_are_bounded(self):
        with LoopbackTws() as venue, connected(venue) as broker:
            broker.submit(Order("a", "AAPL", Side.BUY, 10 * E9))
            broker.submit(Order("b", "AAPL", Side.SELL, 10 * E9))
            buy, sell = (order.order for order in venue.market.orders())
            assert (buy.order_type, buy.time_in_force) == (OrderType.LIMIT, TimeInForce.IOC)
            assert buy.limit_price_e9 == parse_e9("185.93")  # 185.01 and 50 bps, down to the tick
            assert sell.limit_price_e9 == parse_e9("184.07")  # 184.99 less 50 bps, up to the tick
            assert broker.status("a").state is broker.status("b").state is OrderState.FILLED

    def test_a_market_order_without_a_market_is_refused_unsent(self):
        with LoopbackTws() as venue, connected(venue) as broker:
            outcome = broker.submit(Order("a", "BRK.B", Side.BUY, E9))
            assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "no_bound")
            assert venue.market.orders() == ()

    def test_unbounded_on_purpose(self):
        with LoopbackTws() as venue, connected(venue, market_bound_bps=None) as broker:
            broker.submit(Order("a", "AAPL", Side.BUY, 10 * E9))
            assert venue.market.orders()[0].order.order_type is OrderType.MARKET

    def test_bug_14_status_tells_the_orders_apart(self):
        with LoopbackTws() as venue, connected(venue) as broker:
            broker.submit(limit("rests"))
            broker.submit(limit("fills", "185.05"))
            broker.submit(limit("dies"))
            broker.cancel("dies")
            states = {name: broker.status(name).state for name in ("rests", "fills", "dies")}
            assert states == {
                "rests": OrderState.NEW,
                "fills": OrderState.FILLED,
                "dies": OrderState.CANCELLED,
            }

    def test_status_after_a_restart_of_ours_comes_from_the_venue(self):
        with LoopbackTws(size="4") as venue:
            with connected(venue) as broker:
                broker.submit(limit("part", "185.01"))
                broker.submit(limit("done", "185.05", 1, Side.BUY))
            with connected(venue, client_id=9) as later:
                report = later.status("part")
                assert report is not None
                assert (report.state, report.filled_quantity_e9) == (OrderState.PARTIALLY_FILLED, 4 * E9)
                assert later.status("never") is None


class TestQuotes:
    def test_no_right_to_data_is_an_error(self):
        fault = Fault(FaultKind.ERROR_BEFORE_ACCEPT, match="quote")
        with LoopbackTws([fault]) as venue, connected(venue) as broker, pytest.raises(BrokerError, match="error 354"):
            broker.quote("AAPL")

    def test_no_price_at_all_is_an_error(self):
        with LoopbackTws() as venue, connected(venue) as broker, pytest.raises(BrokerError, match="no price"):
            broker.quote("BRK.B")

    def test_a_share_that_has_not_traded_needs_no_end_of_the_snapshot(self):
        # A gateway says the end after eleven seconds, longer than a request waits.
        with LoopbackTws() as venue, connected(venue, times=replace(QUICK, request_s=0.5)) as broker:
            quote = broker.quote("AAPL")
            assert (quote.bid_e9, quote.ask_e9, quote.last_e9) == (parse_e9("184.99"), parse_e9("185.01"), None)

    def test_a_side_alone_is_told_at_the_end_of_the_snapshot(self):
        with LoopbackTws() as venue, connected(venue, times=replace(QUICK, request_s=0.2)) as broker:
            venue.venue.snapshot_end_s = 0.6
            venue.call(venue.market.set_quote, Quote("AAPL", None, parse_e9("185.01"), None, 0))
            assert broker.quote("AAPL").ask_e9 == parse_e9("185.01")

    def test_a_clock_that_is_off_is_measured(self):
        with LoopbackTws() as venue, connected(venue) as broker:
            assert broker.clock_offset_ns() == 0
            venue.clock.step(10)
            assert 9 * E9 <= broker.clock_offset_ns() <= 10 * E9
            venue.clock.step(-20)
            assert -11 * E9 <= broker.clock_offset_ns() <= -9 * E9
