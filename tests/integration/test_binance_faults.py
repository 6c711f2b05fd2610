"""Our adapter against a venue that goes wrong: what is said of an order is what the venue's books say."""

import time

import pytest

from binance_venue import KEY, SECRET, WIDE, limit, running, trading
from nanodesk.brokers.base import OutcomeKind, StreamChange, StreamState
from nanodesk.brokers.binance import reading as binance_reading
from nanodesk.brokers.paper import admin as paper_admin
from nanodesk.errors import BrokerError, NotConnectedError, RateLimitedError
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Execution, Order, OrderReport, OrderState, OrderType
from nanodesk.market.trading_rules import TradingRules
from nanodesk.venues.binance_spot.venue import SpotLimits
from nanodesk.venues.faults import FaultKind, FaultPoint
from waiting import events_until, until

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
AWAY = "40000"


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
        outcome = broker.submit(limit("a-1"))
        assert outcome.kind is OutcomeKind.UNKNOWN
        assert accepted(venue) == []
        assert broker.status("a-1") is None
        assert broker.submit(limit("a-2")).kind is OutcomeKind.ACCEPTED

    @pytest.mark.parametrize("kind", CARRIED_OUT, ids=lambda kind: kind.value)
    def test_a_lost_answer_is_unknown_and_then_found(self, venue, broker, kind):
        venue.fault(kind, match="new")
        assert broker.submit(limit("a-1")).kind is OutcomeKind.UNKNOWN
        assert len(accepted(venue)) == 1
        assert broker.status("a-1").state is OrderState.FILLED
        assert [fill.client_order_id for fill in broker.executions()] == ["a-1"]

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
                lambda: broker.cancel("a-1"),
                broker.account,
            ):
                with pytest.raises(NotConnectedError):
                    ask()
        assert venue.venue.counts() == {}

    def test_a_part_that_filled_before_the_link_was_lost_is_found(self, venue, broker):
        venue.fault(FaultKind.PARTIAL_THEN_DISCONNECT, match="new")
        assert broker.submit(limit("a-1", price=AWAY)).kind is OutcomeKind.UNKNOWN
        report = broker.status("a-1")
        assert (report.state, report.filled_quantity_e9) == (OrderState.PARTIALLY_FILLED, 250_000_000)
        assert [fill.quantity_e9 for fill in broker.executions()] == [250_000_000]

    @pytest.mark.parametrize("kind", [FaultKind.RESET_BEFORE_ACCEPT, FaultKind.RESET_AFTER_ACCEPT])
    def test_a_session_lost_among_many_leaves_the_rest_unknown(self, venue, broker, kind):
        venue.fault(kind, match="new", nth=3)
        outcomes = broker.submit_many([limit(f"m-{number}", quantity="0.001") for number in range(6)])
        # An answer that was on its way when the link was reset may be lost with it.
        assert all(outcome.kind in (OutcomeKind.ACCEPTED, OutcomeKind.UNKNOWN) for outcome in outcomes[:2])
        assert all(outcome.kind is OutcomeKind.UNKNOWN for outcome in outcomes[2:])
        names = [order.client_order_id for order in accepted(venue)]
        assert len(names) == len(set(names))


class TestCancels:
    @pytest.mark.parametrize("kind", NEVER_SEEN + CARRIED_OUT, ids=lambda kind: kind.value)
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
        assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "-2011")
        events = events_until(broker, lambda found: any(isinstance(event, Execution) for event in found))
        assert [event.client_order_id for event in events if isinstance(event, Execution)] == ["a-1"]


class TestReplacements:
    @pytest.mark.parametrize("kind", NEVER_SEEN + CARRIED_OUT, ids=lambda kind: kind.value)
    def test_a_replacement_without_an_answer_is_unknown_and_never_leaves_two(self, venue, broker, kind):
        broker.submit(limit("a-1", price=AWAY))
        venue.fault(kind, match="replace")
        assert broker.replace("a-1", limit("a-2", price="41000")).kind is OutcomeKind.UNKNOWN
        (live,) = broker.open_orders()
        assert live.client_order_id == ("a-1" if kind in NEVER_SEEN else "a-2")

    def test_a_refused_cancel_leaves_nothing_new(self, venue, broker):
        broker.submit(limit("a-1"))
        outcome = broker.replace("a-1", limit("a-2", price="41000"))
        assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "-2011")
        assert broker.open_orders() == ()

    def test_half_a_replacement_is_told_as_the_end_of_the_old_order(self, venue, broker):
        broker.submit(limit("a-1", price=AWAY))
        outcome = broker.replace("a-1", limit("a-2", quantity="49", price="49990"))
        assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "-2010")
        ended = events_until(
            broker,
            lambda found: any(isinstance(event, OrderReport) and event.state.is_terminal for event in found),
        )
        assert ended[-1].client_order_id == "a-1"
        assert broker.open_orders() == ()

    def test_a_replacement_keeps_symbol_and_side(self, venue, broker):
        broker.submit(limit("a-1", price=AWAY))
        outcome = broker.replace("a-1", limit("a-2", symbol="ETH", price="2000"))
        assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "LOCAL")
        assert len(broker.open_orders()) == 1


def executions(events):
    return [event for event in events if isinstance(event, Execution)]


def changes(events):
    return [event.state for event in events if isinstance(event, StreamChange)]


class TestTheStream:
    def test_a_duplicate_fill_is_told_once(self, venue, broker):
        venue.fault(FaultKind.DUPLICATE, at=FaultPoint.EVENT, match="trade")
        broker.submit(limit("a-1"))
        events = events_until(broker, executions)
        time.sleep(0.1)
        assert len(executions([*events, *broker.events()])) == 1

    def test_a_missing_fill_is_noticed_and_fetched(self, venue, broker):
        venue.fault(FaultKind.GAP, at=FaultPoint.EVENT, match="trade")
        broker.submit(limit("a-1", quantity="0.5", price=AWAY))
        venue.move("BTC", "39000", "40000", "0.1")
        venue.move("BTC", "39000", "40000", "0.1")
        events = events_until(broker, lambda found: len(executions(found)) == 2)
        assert broker.gaps == 1
        assert len({fill.execution_id for fill in executions(events)}) == 2

    def test_a_fill_before_its_order_is_told(self, venue, broker):
        venue.fault(FaultKind.REORDER, at=FaultPoint.EVENT, match="new")
        broker.submit(limit("a-1"))
        events = events_until(broker, lambda found: len(executions(found)) == 1)
        assert executions(events)[0].client_order_id == "a-1"
        assert broker.gaps == 0

    def test_a_mute_stream_is_found_out_by_asking(self, venue):
        with trading(venue, poll_interval_s=0.1) as broker:
            venue.fault(FaultKind.MUTE, at=FaultPoint.EVENT, seconds=60.0)
            broker.submit(limit("a-1", price=AWAY))
            venue.move("BTC", "39000", "39001")
            events = events_until(broker, lambda found: len(executions(found)) == 1)
            ended = [event for event in events if isinstance(event, OrderReport) and event.state.is_terminal]
            assert [report.client_order_id for report in ended] == ["a-1"]

    def test_a_session_that_no_longer_answers_is_opened_again(self, venue):
        with trading(venue, heartbeat_s=0.2, deadline_s=0.3) as broker:
            broker.events()
            venue.fault(FaultKind.BLACK_HOLE, match="time")
            events = events_until(broker, lambda found: StreamState.RESTORED_DATA_LOST in changes(found))
            assert changes(events) == [StreamState.LOST, StreamState.RESTORED_DATA_LOST]

    @pytest.mark.parametrize("kind", [FaultKind.MALFORMED, FaultKind.TRUNCATED, FaultKind.OVERSIZE])
    def test_a_message_that_cannot_be_read_ends_the_session_and_loses_nothing(self, venue, broker, kind):
        broker.submit(limit("a-1", price=AWAY))
        events_until(broker, lambda found: any(isinstance(event, OrderReport) for event in found))
        venue.fault(kind, at=FaultPoint.EVENT, match="trade")
        venue.move("BTC", "39000", "39001")
        events = events_until(
            broker, lambda found: executions(found) and StreamState.RESTORED_DATA_LOST in changes(found)
        )
        assert len(executions(events)) == 1

    def test_what_happened_while_the_link_was_down_is_told_after_it(self, venue, broker):
        broker.submit(limit("a-1", price=AWAY))
        venue.fault(FaultKind.REFUSE_CONNECT, at=FaultPoint.CONNECT, nth=1, count=2)
        venue.run(venue.venue.drop_clients())
        venue.move("BTC", "39000", "39001")
        events = events_until(
            broker, lambda found: executions(found) and StreamState.RESTORED_DATA_LOST in changes(found)
        )
        assert len(executions(events)) == 1
        assert broker.is_connected

    def test_an_announced_shutdown_is_followed_by_a_new_session(self, venue, broker):
        broker.events()
        venue.run(venue.venue.announce_shutdown())
        events = events_until(broker, lambda found: StreamState.RESTORED_DATA_LOST in changes(found))
        assert changes(events)[0] is StreamState.LOST

    def test_an_order_placed_by_hand_is_told_without_a_name_of_ours(self, venue, broker):
        venue.do(lambda: venue.market.submit("PAPER", limit("by-hand", price=AWAY), is_manual=True))
        venue.do(lambda: venue.market.submit("PAPER", limit("x", price=AWAY), client_order_id="a/b:c"))
        assert [report.client_order_id for report in broker.open_orders()] == ["", ""]


class TestTheClock:
    @pytest.mark.parametrize("offset_s", [-10, 10])
    def test_a_clock_that_is_off_is_measured(self, venue, offset_s):
        venue.clock.step(offset_s)
        with trading(venue) as broker:
            assert abs(broker.clock_offset_ns() - offset_s * 10**9) < 50_000_000
            assert broker.submit(limit("a-1")).kind is OutcomeKind.ACCEPTED

    @pytest.mark.parametrize("step_s", [-10, 10])
    def test_a_step_of_the_venues_clock_refuses_one_order_and_is_measured_then(self, venue, broker, step_s):
        venue.clock.step(step_s)
        outcome = broker.submit(limit("a-1"))
        assert (outcome.kind, outcome.code, outcome.may_retry) == (OutcomeKind.REFUSED, "-1021", True)
        assert broker.submit(limit("a-2")).kind is OutcomeKind.ACCEPTED
        assert broker.account().cash_e9 > 0

    def test_a_step_of_our_clock_is_noticed_before_signing(self, venue):
        steps = [0]
        with trading(venue, now_ns=lambda: time.time_ns() + steps[0]) as broker:
            steps[0] = 10 * 10**9
            assert broker.submit(limit("a-1")).kind is OutcomeKind.ACCEPTED


class TestTheLimits:
    def test_the_venues_limits_are_kept_without_a_single_429(self):
        with running(limits=SpotLimits(weight_1m=400, orders_10s=10, orders_1d=15)) as venue, trading(venue) as broker:
            outcomes = list(broker.submit_many([limit(f"a-{number}", price=AWAY) for number in range(30)]))
            assert {outcome.code for outcome in outcomes if outcome.kind is OutcomeKind.REFUSED} == {"RATE_LIMIT"}
            assert all(outcome.may_retry for outcome in outcomes if outcome.kind is OutcomeKind.REFUSED)
            taken = [outcome for outcome in outcomes if outcome.kind is OutcomeKind.ACCEPTED]
            assert 9 <= len(taken) <= 14
            assert "status 429" not in venue.venue.counts()

    def test_orders_that_fill_do_not_use_up_the_limit(self):
        with running(limits=SpotLimits(weight_1m=6000, orders_10s=10)) as venue, trading(venue) as broker:
            outcomes = [broker.submit(limit(f"a-{number}", quantity="0.001")) for number in range(40)]
            assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}


class StopError(Exception):
    """Stands for a process that ends at a step."""


class TestSteps:
    def test_each_request_passes_its_steps_in_order(self, venue):
        steps = []
        sending = ["send.connected", "send.half", "send.written", "reply.read"]
        with trading(venue, reached=steps.append) as broker:
            for act, expected in (
                (lambda: broker.submit(limit("a-1", price=AWAY)), sending),
                (lambda: broker.replace("a-1", limit("a-2", price=AWAY)), sending),
                (lambda: broker.cancel("a-2"), ["cancel.sent"]),
                (lambda: broker.submit_many([limit("b-1"), limit("b-2")]), sending),
                (lambda: broker.status("a-1"), []),
            ):
                steps.clear()
                act()
                assert steps == expected

    @pytest.mark.parametrize(
        ("step", "is_there"), [("send.connected", 0), ("send.half", 0), ("send.written", 1), ("reply.read", 1)]
    )
    def test_an_end_at_a_step_leaves_the_order_there_or_not(self, venue, step, is_there):
        def stop(reached):
            if reached == step:
                until(lambda: len(accepted(venue)) == is_there)  # what was written has arrived by then
                raise StopError

        with trading(venue, reached=stop) as broker, pytest.raises(StopError):
            broker.submit(limit("a-1"))
        time.sleep(0.05)
        assert len(accepted(venue)) == is_there
        with trading(venue) as after:
            report = after.status("a-1")
            assert (report is not None) is bool(is_there)


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


class TestManyFills:
    def test_a_new_process_reads_whose_they_are_as_a_list(self, monkeypatch):
        monkeypatch.setattr(binance_reading, "ORDERS_IN_AN_ANSWER", 4)
        with running() as venue:
            with trading(venue) as broker:
                for number in range(10):
                    broker.submit(limit(f"m-{number}", symbol="ETH", price="3001"))
            manual = Order("by-hand", "ETH", Side.BUY, E9 // 2, OrderType.LIMIT, 3001 * E9)
            venue.do(lambda: venue.market.submit("PAPER", manual, is_manual=True))
            before = dict(venue.venue.counts())
            with trading(venue) as after:
                fills = after.executions()
            asked = {name: count - before.get(name, 0) for name, count in venue.venue.counts().items()}
            assert [fill.client_order_id for fill in fills] == [*(f"m-{number}" for number in range(10)), ""]
            assert asked["rest GET allOrders"] == 3 and not asked.get("rest GET order")


class TestBalances:
    def test_a_coin_without_a_market_is_no_holding_and_stops_nothing(self, venue, broker):
        for asset in ("LDBTC", "GIFT", "BTC"):
            venue.do(lambda name=asset: paper_admin.deposit(venue.market, "PAPER", name, E9))
        assert [(held.symbol, held.quantity_e9) for held in broker.positions()] == [("BTC", 11 * E9)]
        assert broker.account().balances_e9["LDBTC"] == E9
        with trading(venue, symbols={"ether": "ETHUSDT"}) as named:
            assert [held.symbol for held in named.positions()] == ["BTC"], "it has a market, only no name here"


class TestManyInstruments:
    def test_a_lost_order_is_found_and_its_fills_among_many(self):
        with running() as venue:
            venue.do(
                lambda: [
                    venue.market.add_instrument(TradingRules(f"C{number:03d}", base=f"C{number:03d}", currency="USDT"))
                    for number in range(150)
                ]
            )
            with trading(venue) as broker:
                broker.submit(limit("a-1", symbol="ETH", price="3001"))
                broker.submit(limit("a-2", side=Side.SELL, symbol="ETH", quantity="0.4995", price="2999"))
            with trading(venue) as after:
                assert after.status("a-1").state is OrderState.FILLED
                assert {fill.client_order_id for fill in after.executions()} == {"a-1", "a-2"}
                assert after.status("never") is None
            with trading(venue) as hinted:
                before = venue.venue.counts()["rest GET order"]
                assert hinted.status("a-1", "ETH").state is OrderState.FILLED
                assert hinted.status("gone", "ETH") is None
                assert hinted.status("a-2", "DELISTED").state is OrderState.FILLED, "searched for everywhere"
                assert venue.venue.counts()["rest GET order"] >= before + 3
                hinted.status("a-1", "ETH")
