"""Our Alpaca adapter against a venue that goes wrong: what is said of an order is what the venue's books say."""

import time
from dataclasses import replace

import pytest

from alpaca_venue import KEY, SECRET, WIDE, limit, running, trading
from nanodesk.brokers import websocket
from nanodesk.brokers.base import OutcomeKind, RequestRejected, StreamChange, StreamState
from nanodesk.brokers.paper import admin as paper_admin
from nanodesk.errors import BrokerError, NotConnectedError, RateLimitedError
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Execution, ExecutionKind, OrderReport, OrderState
from nanodesk.venues.alpaca.venue import AlpacaLimits
from nanodesk.venues.faults import FaultKind, FaultPoint
from waiting import events_until

NEVER_SEEN = [
    FaultKind.RESET_BEFORE_ACCEPT,
    FaultKind.BLACK_HOLE,
    FaultKind.PACING_DISCONNECT,
    FaultKind.ERROR_BEFORE_ACCEPT,
]
CARRIED_OUT = [
    FaultKind.RESET_AFTER_ACCEPT,
    FaultKind.HALF_OPEN,
    FaultKind.ERROR_AFTER_ACCEPT,
    FaultKind.MALFORMED,
    FaultKind.TRUNCATED,
    FaultKind.OVERSIZE,
    FaultKind.SLOW_TRICKLE,
    FaultKind.PARTIAL_THEN_DISCONNECT,
]
TOLD_TO_WAIT = [FaultKind.RATE_LIMITED, FaultKind.BANNED]
AWAY = "150"


def damages_no_empty_answer(kind):
    """A cancel is answered without content: there is nothing in it to damage."""
    return kind not in (FaultKind.MALFORMED, FaultKind.TRUNCATED, FaultKind.OVERSIZE, FaultKind.SLOW_TRICKLE)


@pytest.fixture
def venue():
    with running() as one:
        yield one


@pytest.fixture
def broker(venue):
    with trading(venue, deadline_s=0.4) as one:
        yield one


def accepted(venue):
    return [order for order in venue.orders() if order.state is not OrderState.REJECTED]


class TestNewOrders:
    @pytest.mark.parametrize("kind", NEVER_SEEN, ids=lambda kind: kind.value)
    def test_a_lost_request_is_unknown_and_then_proven_absent(self, venue, broker, kind):
        venue.fault(kind, match="new")
        assert broker.submit(limit("a-1")).kind is OutcomeKind.UNKNOWN
        assert accepted(venue) == []
        assert broker.status("a-1") is None

    @pytest.mark.parametrize("kind", CARRIED_OUT, ids=lambda kind: kind.value)
    def test_a_lost_answer_is_unknown_and_then_found(self, venue, broker, kind):
        venue.fault(kind, match="new")
        assert broker.submit(limit("a-1")).kind is OutcomeKind.UNKNOWN
        assert len(accepted(venue)) == 1
        assert broker.status("a-1").state is OrderState.FILLED
        assert [fill.client_order_id for fill in broker.executions()] == ["a-1"]

    def test_504_after_acceptance_is_one_post_and_one_order_and_the_same_id_again_finds_it(self, venue, broker):
        venue.fault(FaultKind.ERROR_AFTER_ACCEPT, match="new")
        assert broker.submit(limit("a-1")).kind is OutcomeKind.UNKNOWN
        assert venue.venue.counts()["rest POST orders"] == 1
        again = broker.submit(limit("a-1"))
        assert (again.kind, again.report.state) == (OutcomeKind.ACCEPTED, OrderState.FILLED)
        assert len(accepted(venue)) == len(venue.executions()) == 1
        events = events_until(broker, lambda found: executions(found))
        assert len(executions(events)) == 1

    def test_an_id_of_another_order_is_refused(self, venue, broker):
        broker.submit(limit("a-1", price=AWAY))
        outcome = broker.submit(limit("a-1", price="151"))
        assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "USED_ID")
        assert len(accepted(venue)) == 1

    def test_a_used_id_that_cannot_be_looked_up_is_unknown(self, venue, broker):
        broker.submit(limit("a-1", price=AWAY))
        venue.fault(FaultKind.ERROR_BEFORE_ACCEPT, match="status")
        assert broker.submit(limit("a-1", price=AWAY)).kind is OutcomeKind.UNKNOWN

    def test_an_id_stays_used_after_its_order_has_ended(self, venue, broker):
        broker.submit(limit("a-1"))
        assert broker.submit(limit("a-1")).report.state is OrderState.FILLED
        assert len(venue.executions()) == 1

    def test_absence_needs_two_misses_and_the_same_id_is_safe(self, broker):
        rule = broker.absence_rule
        assert (rule.misses, rule.same_id_is_refused) == (2, True)
        assert rule.wait_s > 0 and rule.spacing_s > 0

    @pytest.mark.parametrize("kind", TOLD_TO_WAIT, ids=lambda kind: kind.value)
    def test_being_told_to_wait_is_a_refusal_and_is_obeyed(self, venue, broker, kind):
        venue.fault(kind, match="new", seconds=30.0)
        outcome = broker.submit(limit("a-1"))
        assert (outcome.kind, outcome.code, outcome.may_retry) == (OutcomeKind.REFUSED, "RATE_LIMIT", True)
        asked = venue.venue.counts()
        assert broker.submit(limit("a-2")).code == "RATE_LIMIT"
        with pytest.raises(RateLimitedError) as caught:
            broker.account()
        assert 20 < caught.value.retry_after_s <= 31
        assert venue.venue.counts() == asked, "nothing was sent while the venue asked to wait"
        assert accepted(venue) == []

    def test_a_refused_connection_means_not_sent(self):
        with running() as venue, trading(venue, deadline_s=0.5) as broker:
            venue.run(venue.venue.close())
            outcome = broker.submit(limit("a-1"))
        assert (outcome.kind, outcome.code, outcome.may_retry) == (OutcomeKind.REFUSED, "NOT_SENT", True)

    def test_an_adapter_that_was_never_connected_sends_nothing(self, venue):
        with trading(venue, connect=False) as broker:
            for ask in (
                lambda: broker.submit(limit("a-1")),
                lambda: broker.submit_many([limit("a-2")]),
                lambda: broker.replace("a-1", limit("a-2")),
                broker.account,
            ):
                with pytest.raises(NotConnectedError):
                    ask()
        assert venue.venue.counts() == {}

    def test_a_part_that_filled_before_the_link_was_lost_is_found(self, venue, broker):
        venue.fault(FaultKind.PARTIAL_THEN_DISCONNECT, match="new")
        assert broker.submit(limit("a-1", price=AWAY)).kind is OutcomeKind.UNKNOWN
        report = broker.status("a-1")
        assert (report.state, report.filled_quantity_e9) == (OrderState.PARTIALLY_FILLED, 5 * E9)
        assert [fill.quantity_e9 for fill in broker.executions()] == [5 * E9]

    @pytest.mark.parametrize("kind", [FaultKind.RESET_BEFORE_ACCEPT, FaultKind.RESET_AFTER_ACCEPT])
    def test_one_lost_among_many_is_the_only_unknown_one(self, venue, broker, kind):
        venue.fault(kind, match="new", nth=3)
        outcomes = broker.submit_many([limit(f"m-{number}", quantity="1", price=AWAY) for number in range(6)])
        unknown = [outcome for outcome in outcomes if outcome.kind is OutcomeKind.UNKNOWN]
        assert len(unknown) == 1
        names = [order.client_order_id for order in accepted(venue)]
        assert len(names) == len(set(names)) == 5 + (kind is FaultKind.RESET_AFTER_ACCEPT)


class TestSteps:
    def test_the_steps_of_one_order_and_of_its_cancel(self, venue):
        steps = []
        with trading(venue, reached=steps.append) as broker:
            broker.submit(limit("a-1", price=AWAY))
            assert steps == ["send.connected", "send.half", "send.written", "reply.read"]
            steps.clear()
            broker.cancel("a-1")
            assert steps == ["cancel.sent"]

    def test_the_steps_of_many(self, venue):
        steps = []
        with trading(venue, reached=steps.append) as broker:
            broker.submit_many([limit(f"m-{number}", quantity="1", price=AWAY) for number in range(4)])
        assert steps == ["send.connected", "send.half", "send.written", "reply.read"]


class TestCancels:
    @pytest.mark.parametrize(
        "kind",
        NEVER_SEEN + [kind for kind in CARRIED_OUT if damages_no_empty_answer(kind)],
        ids=lambda kind: kind.value,
    )
    def test_a_cancel_without_an_answer_is_unknown(self, venue, broker, kind):
        broker.submit(limit("a-1", price=AWAY))
        venue.fault(kind, match="cancel")
        assert broker.cancel("a-1").kind is OutcomeKind.UNKNOWN
        expected = OrderState.NEW if kind in NEVER_SEEN else OrderState.CANCELLED
        assert broker.status("a-1").state is expected

    def test_a_cancel_that_lost_the_race_is_refused_and_the_fill_is_told(self, venue, broker):
        broker.submit(limit("a-1", price=AWAY))
        venue.fault(FaultKind.CANCEL_RACES_FILL, match="cancel")
        outcome = broker.cancel("a-1")
        assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "42210000")
        events = events_until(broker, executions)
        assert [event.client_order_id for event in executions(events)] == ["a-1"]

    def test_an_order_of_an_earlier_process_is_looked_up_and_cancelled(self, venue):
        with trading(venue) as broker:
            broker.submit(limit("a-1", price=AWAY))
        with trading(venue) as broker:
            assert broker.cancel("a-1").kind is OutcomeKind.ACCEPTED
            assert broker.status("a-1").state is OrderState.CANCELLED


class TestReplacements:
    @pytest.mark.parametrize("kind", NEVER_SEEN + CARRIED_OUT, ids=lambda kind: kind.value)
    def test_a_replacement_without_an_answer_is_unknown_and_never_leaves_two(self, venue, broker, kind):
        broker.submit(limit("a-1", price=AWAY))
        venue.fault(kind, match="replace")
        assert broker.replace("a-1", limit("a-2", price="151")).kind is OutcomeKind.UNKNOWN
        (live,) = broker.open_orders()
        assert live.client_order_id == ("a-1" if kind in NEVER_SEEN else "a-2")

    def test_the_same_replacement_again_is_found(self, venue, broker):
        broker.submit(limit("a-1", price=AWAY))
        venue.fault(FaultKind.ERROR_AFTER_ACCEPT, match="replace")
        broker.replace("a-1", limit("a-2", price="151"))
        outcome = broker.replace("a-1", limit("a-2", price="151"))
        assert outcome.kind is OutcomeKind.REFUSED, "the old order is gone"
        assert broker.status("a-2").replaces == "a-1"
        assert len(broker.open_orders()) == 1

    def test_a_replacement_that_lost_the_race_is_refused(self, venue, broker):
        broker.submit(limit("a-1", price=AWAY))
        venue.fault(FaultKind.CANCEL_RACES_FILL, match="replace")
        outcome = broker.replace("a-1", limit("a-2", price="151"))
        assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "42210000")
        assert broker.open_orders() == () and broker.status("a-1").state is OrderState.FILLED

    @pytest.mark.parametrize("terms", [{"symbol": "MSFT"}, {"side": "sell"}])
    def test_a_replacement_keeps_symbol_and_side(self, broker, terms):
        from nanodesk.market.enums import Side

        broker.submit(limit("a-1", price=AWAY))
        terms = {name: Side.parse(value) if name == "side" else value for name, value in terms.items()}
        outcome = broker.replace("a-1", limit("a-2", price="151", **terms))
        assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "LOCAL")
        assert len(broker.open_orders()) == 1

    def test_the_quantity_of_a_replacement_is_its_own_after_a_partial_fill(self, venue, broker):
        broker.submit(limit("a-1", quantity="150"))
        broker.replace("a-1", limit("a-2", quantity="50", price=AWAY))
        report = broker.status("a-2")
        assert (report.quantity_e9, report.filled_quantity_e9, report.replaces) == (50 * E9, 0, "a-1")
        assert broker.status("a-1").state is OrderState.REPLACED

    def test_a_refusal_that_comes_later_is_an_event(self, venue, broker):
        venue.do(lambda: setattr(venue.market, "_latency_ns", 50_000_000))
        broker.submit(limit("a-1", price=AWAY))
        events_until(broker, lambda found: any(getattr(one, "state", None) is OrderState.NEW for one in found))
        broker.cancel("a-1")
        venue.do(lambda: paper_admin.force_fill(venue.market, 1))
        events = events_until(broker, lambda found: any(isinstance(one, RequestRejected) for one in found))
        (told,) = [one for one in events if isinstance(one, RequestRejected)]
        assert (told.client_order_id, told.is_replace) == ("a-1", False)


def executions(events):
    return [event for event in events if isinstance(event, Execution)]


def changes(events):
    return [event.state for event in events if isinstance(event, StreamChange)]


def reports(events):
    return [event for event in events if isinstance(event, OrderReport)]


class TestTheStream:
    def test_a_fill_has_one_name_wherever_it_is_met(self, venue, broker):
        broker.submit(limit("a-1", quantity="150"))
        venue.move("AAPL", "184.99", "185.01")
        told = executions(events_until(broker, lambda found: len(executions(found)) == 2))
        assert [fill.execution_id for fill in told] == [fill.execution_id for fill in broker.executions()]
        assert broker.gaps == 0
        with trading(venue, connect=False) as later:
            broker.disconnect()
            later.connect()
            assert [fill.execution_id for fill in later.executions()] == [fill.execution_id for fill in told]

    def test_a_name_does_not_rest_on_the_venues_ids_of_fills(self, venue, broker):
        views = venue.venue._rest._desk.views
        usual = views.activity
        views.activity = lambda event: {**usual(event), "id": f"20220304135420903::{event.sequence}"}
        broker.submit(limit("a-1"))
        told = executions(events_until(broker, executions))
        assert [fill.execution_id for fill in told] == [fill.execution_id for fill in broker.executions()]

    def test_a_duplicate_fill_is_told_once(self, venue, broker):
        venue.fault(FaultKind.DUPLICATE, at=FaultPoint.EVENT, match="trade")
        broker.submit(limit("a-1"))
        events = events_until(broker, executions)
        time.sleep(0.1)
        assert len(executions([*events, *broker.events()])) == 1

    def test_a_missing_fill_is_noticed_and_fetched(self, venue, broker):
        venue.fault(FaultKind.GAP, at=FaultPoint.EVENT, match="trade")
        broker.submit(limit("a-1", quantity="150"))
        venue.move("AAPL", "184.99", "185.01")
        events = events_until(broker, lambda found: len(executions(found)) == 2)
        assert broker.gaps == 1
        assert [fill.quantity_e9 for fill in executions(events)] == [100 * E9, 50 * E9]

    def test_a_missing_last_fill_is_noticed_at_the_end_of_its_order(self, venue, broker):
        venue.fault(FaultKind.GAP, at=FaultPoint.EVENT, match="trade")
        broker.submit(limit("a-1", quantity="150"))
        broker.cancel("a-1")
        events = events_until(broker, lambda found: any(report.state.is_terminal for report in reports(found)))
        assert [fill.quantity_e9 for fill in executions(events)] == [100 * E9]
        assert isinstance(events[-1], OrderReport), "the fill is told before the end"

    def test_a_fill_before_its_order_is_told(self, venue, broker):
        venue.fault(FaultKind.REORDER, at=FaultPoint.EVENT, match="new")
        broker.submit(limit("a-1"))
        events = events_until(broker, executions)
        assert executions(events)[0].client_order_id == "a-1"

    def test_fills_in_the_wrong_order_are_each_told_once(self, venue, broker):
        venue.fault(FaultKind.REORDER, at=FaultPoint.EVENT, match="trade")
        broker.submit(limit("a-1", quantity="150"))
        venue.move("AAPL", "184.99", "185.01")
        events = events_until(broker, lambda found: any(one.state is OrderState.FILLED for one in reports(found)))
        time.sleep(0.1)
        events += broker.events()
        assert sorted(fill.quantity_e9 for fill in executions(events)) == [50 * E9, 100 * E9]

    def test_activities_that_come_late_are_waited_for(self, venue, broker):
        desk = venue.venue._rest._desk
        rows = desk.activities
        asked = []
        desk.activities = lambda request: rows(request) if len(asked) > 1 else asked.append(request) or []
        venue.venue._rest._calls["GET account/activities/*"] = replace(
            venue.venue._rest._calls["GET account/activities/*"], run=lambda request: desk.activities(request)
        )
        venue.fault(FaultKind.GAP, at=FaultPoint.EVENT, match="new")
        broker.submit(limit("a-1"))
        events = events_until(broker, executions)
        assert len(executions(events)) == 1 and len(asked) == 2

    def test_a_mute_stream_is_found_out_by_asking(self, venue):
        with trading(venue, poll_interval_s=0.1) as broker:
            venue.fault(FaultKind.MUTE, at=FaultPoint.EVENT, seconds=60.0)
            broker.submit(limit("a-1", price=AWAY))
            venue.move("AAPL", "149", "149.5")
            events = events_until(broker, lambda found: any(one.state.is_terminal for one in reports(found)))
            assert len(executions(events)) == 1
            assert [report.client_order_id for report in reports(events) if report.state.is_terminal] == ["a-1"]

    def test_a_stream_that_no_longer_answers_is_opened_again(self, venue):
        with trading(venue, heartbeat_s=0.2, deadline_s=0.3) as broker:
            broker.events()
            venue.fault(FaultKind.BLACK_HOLE, match="subscribe")
            events = events_until(broker, lambda found: StreamState.RESTORED_DATA_LOST in changes(found))
            assert changes(events) == [StreamState.LOST, StreamState.RESTORED_DATA_LOST]

    @pytest.mark.parametrize("kind", [FaultKind.MALFORMED, FaultKind.TRUNCATED, FaultKind.OVERSIZE])
    def test_a_message_that_cannot_be_read_ends_the_stream_and_loses_nothing(self, venue, broker, kind):
        broker.submit(limit("a-1", price=AWAY))
        events_until(broker, reports)
        venue.fault(kind, at=FaultPoint.EVENT, match="trade")
        venue.move("AAPL", "149", "149.5")
        events = events_until(
            broker, lambda found: executions(found) and StreamState.RESTORED_DATA_LOST in changes(found)
        )
        assert len(executions(events)) == 1

    def test_what_happened_while_the_link_was_down_is_told_after_it(self, venue, broker):
        broker.submit(limit("a-1", price=AWAY))
        venue.fault(FaultKind.REFUSE_CONNECT, at=FaultPoint.CONNECT, nth=1, count=2)
        venue.run(venue.venue.drop_clients())
        venue.move("AAPL", "149", "149.5")
        events = events_until(
            broker, lambda found: executions(found) and StreamState.RESTORED_DATA_LOST in changes(found)
        )
        assert len(executions(events)) == 1
        assert broker.is_connected

    def test_connecting_while_the_stream_is_lost_leaves_one_stream(self, venue):
        # The venue takes one stream of an account: two of ours would throw each other out for ever.
        with trading(venue, first_wait_s=0.5) as broker:
            venue.run(venue.venue.drop_clients())
            events_until(broker, lambda found: StreamState.LOST in changes(found))
            broker.connect()
            broker.events()
            time.sleep(0.7)
            assert broker.events() == ()
            assert broker.is_connected

    def test_one_stream_for_an_account(self, venue, broker, monkeypatch):
        monkeypatch.setattr(websocket.WebSocketClient.start, "__kwdefaults__", {"deadline_s": 0.3})
        with pytest.raises(NotConnectedError), trading(venue):
            pass
        assert venue.venue.counts()["ws refused"] >= 1
        assert broker.is_connected

    def test_an_order_placed_by_hand_is_told_without_a_name_of_ours(self, venue, broker):
        venue.do(lambda: venue.market.submit("PAPER", limit("by-hand", price=AWAY), is_manual=True))
        venue.do(lambda: venue.market.submit("PAPER", limit("x", price=AWAY), client_order_id="a/b:c"))
        assert [report.client_order_id for report in broker.open_orders()] == ["", ""]
        told = reports(events_until(broker, lambda found: len(reports(found)) == 2))
        assert [report.client_order_id for report in told] == ["", ""]


class TestBustsAndCorrections:
    def test_a_bust_is_told_once_under_the_name_of_its_fill(self, venue, broker):
        broker.submit(limit("a-1"))
        (fill,) = executions(events_until(broker, executions))
        venue.do(lambda: paper_admin.bust(venue.market, 1))
        (bust,) = executions(events_until(broker, executions))
        assert (bust.kind, bust.execution_id, bust.quantity_e9) == (
            ExecutionKind.BUST,
            fill.execution_id,
            fill.quantity_e9,
        )
        assert [(one.kind, one.execution_id) for one in broker.executions()] == [
            (ExecutionKind.TRADE, fill.execution_id),
            (ExecutionKind.BUST, fill.execution_id),
        ]

    def test_a_correction_is_told_with_what_is_right(self, venue, broker):
        broker.submit(limit("a-1"))
        (fill,) = executions(events_until(broker, executions))
        venue.do(lambda: paper_admin.correct(venue.market, 1, price_e9=184 * E9))
        (right,) = executions(events_until(broker, executions))
        assert (right.kind, right.execution_id, right.price_e9) == (ExecutionKind.CORRECT, fill.execution_id, 184 * E9)

    @pytest.mark.parametrize("restarts", [False, True])
    def test_a_sum_that_comes_up_again_after_a_bust_is_another_fill(self, venue, restarts):
        with trading(venue) as broker:
            broker.submit(limit("a-1", quantity="200"))
            (first,) = executions(events_until(broker, executions))
            venue.do(lambda: paper_admin.bust(venue.market, 1))
            events_until(broker, executions)
            if restarts:
                broker.disconnect()
                broker.connect()
            venue.move("AAPL", "184.99", "185.01")
            (second,) = executions(events_until(broker, executions))[-1:]
            assert (second.kind, second.quantity_e9) == (ExecutionKind.TRADE, first.quantity_e9)
            assert second.execution_id != first.execution_id
            names = [one.execution_id for one in broker.executions() if one.kind is ExecutionKind.TRADE]
            assert names == [first.execution_id, second.execution_id]
            (late,) = broker.executions(second.ts_event_ns)
            assert late.execution_id == second.execution_id


class TestTheClock:
    @pytest.mark.parametrize("offset_s", [-10, 10])
    def test_the_venues_clock_is_measured(self, venue, offset_s):
        venue.clock.step(offset_s)
        with trading(venue) as broker:
            assert abs(broker.clock_offset_ns() - offset_s * 10**9) < 50_000_000
            assert broker.submit(limit("a-1")).kind is OutcomeKind.ACCEPTED


class TestTheLimits:
    def test_the_venues_limits_are_kept_without_a_single_429(self):
        with running(limits=AlpacaLimits(requests_1m=60)) as venue, trading(venue) as broker:
            outcomes = broker.submit_many([limit(f"a-{number}", quantity="1", price=AWAY) for number in range(80)])
            assert {outcome.code for outcome in outcomes if outcome.kind is OutcomeKind.REFUSED} == {"RATE_LIMIT"}
            assert all(outcome.may_retry for outcome in outcomes if outcome.kind is OutcomeKind.REFUSED)
            assert 40 <= len(accepted(venue)) <= 58
            assert "status 429" not in venue.venue.counts()


class TestPages:
    def test_more_fills_and_orders_than_a_page_holds(self, venue, broker):
        from nanodesk.market.enums import Side
        from nanodesk.market.order import Order

        def trade():
            for number in range(260):
                venue.market.submit("PAPER", Order(f"p-{number}", "MSFT", Side.BUY, E9))
                venue.market.set_quote(venue.market.listing("MSFT").quote)
            for number in range(510):
                venue.market.submit("PAPER", limit(f"o-{number}", quantity="1", price="1"))

        venue.do(trade)
        broker.events()
        fills = broker.executions()
        assert [fill.client_order_id for fill in fills] == [f"p-{number}" for number in range(260)]
        assert [report.client_order_id for report in broker.open_orders()] == [f"o-{number}" for number in range(510)]


class TestSecrets:
    def test_no_error_and_no_log_tells_a_secret(self, caplog, capfd):
        caplog.set_level(0)
        told = []
        for kind in [*NEVER_SEEN, *CARRIED_OUT, *TOLD_TO_WAIT]:
            with running(limits=WIDE) as venue, trading(venue, deadline_s=0.2) as broker:
                for name in ("new", "account"):
                    venue.fault(kind, match=name)
                told.append(repr(broker.submit(limit("a-1"))))
                with pytest.raises(BrokerError) as caught:
                    broker.account()
                told += [repr(caught.value), str(caught.value.__dict__), repr(caught.value.__cause__), repr(broker)]
                told.append(repr(vars(broker)))
        with running() as venue, pytest.raises(BrokerError) as caught, trading(venue, secret="wrong" + SECRET):
            pass
        told += [repr(caught.value), caplog.text, *capfd.readouterr()]
        for text in told:
            assert SECRET not in text
            assert KEY not in text
