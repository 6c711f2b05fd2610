"""What the seeded simulation has found, each as the shortest story that shows it."""

from dataclasses import replace

import pytest

from nanodesk.brokers.base import AbsenceRule, Outcome, OutcomeKind, RequestRejected
from nanodesk.errors import BrokerError
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Execution, OrderState
from nanodesk.oms.journal import Journal
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.oms.reconcile import reconcile
from scripted_broker import PRICE, RULE, FakeTime, ScriptedBroker, an_order


class Desk:
    def __init__(self, path, broker):
        self.broker, self.time = broker, FakeTime()
        self.journal = Journal.open(path, now_ns=self.time.now_ns)
        self.engine = OrderEngine(
            broker, self.journal, now_ns=self.time.now_ns, monotonic_s=self.time.monotonic_s, sleep=self.time.sleep
        )


@pytest.fixture
def open_desk(tmp_path):
    opened = []

    def make(broker, name="orders.db"):
        for old in opened:
            old.journal.close()
        opened.append(Desk(tmp_path / name, broker))
        return opened[-1]

    yield make
    opened[-1].journal.close()


def state_of(desk, name):
    return desk.engine.order(name).state


def test_a_reading_that_fails_after_an_adoption_does_not_end_the_recovery(open_desk):
    broker = ScriptedBroker()
    broker.script.extend(["lost", "lost"])
    open_desk(broker).engine.submit_many([an_order("a-1"), an_order("a-2", symbol="MSFT")])
    desk = open_desk(broker)
    real, failures = broker.executions, [BrokerError("gone"), BrokerError("gone")]

    def executions(since_ns=0):
        if failures:
            raise failures.pop()
        return real(since_ns)

    broker.executions = executions
    report = desk.engine.recover()
    assert set(report.adopted) == {"a-1", "a-2"} and report.is_clean
    assert not failures


@pytest.mark.parametrize("what", ["the status cannot be asked", "the adapter fails"])
def test_an_order_that_was_sent_again_is_looked_for_until_it_is_found(open_desk, what):
    broker = ScriptedBroker(AbsenceRule(1.0, 1, same_id_is_refused=True))
    broker.script.append("never")
    open_desk(broker).engine.submit(an_order("a-1"))
    desk = open_desk(broker)
    if what == "the adapter fails":
        broker.script.append(ValueError("not a broker error"))
    else:
        broker.script.append("refuse")
        failures, real = [BrokerError("gone")], broker.status

        def status(name, symbol=None):
            if len(broker.sent) == 2 and failures:
                raise failures.pop()
            return real(name)

        broker.status = status
    report = desk.engine.recover(resend=True)
    assert report.is_clean
    assert broker.sent.count("a-1") == 3  # once by the first process, then again, and again once it was proved absent
    assert state_of(desk, "a-1") is OrderState.NEW


def test_a_replace_that_was_taken_and_not_done_leaves_the_old_order_alive(open_desk):
    broker = ScriptedBroker(RULE)
    desk = open_desk(broker)
    desk.engine.submit(an_order("a-1"))
    broker.replace = lambda name, order: Outcome(OutcomeKind.ACCEPTED)
    view = desk.engine.replace("a-1", an_order("a-2", price=101))
    assert view.state is OrderState.UNKNOWN
    assert state_of(desk, "a-1") is OrderState.PENDING_REPLACE
    for _ in range(20):  # the venue never gets to it: the new order is proved absent, the old one is what it was
        desk.time.sleep(1.0)
        desk.engine.poll()
    assert state_of(desk, "a-2") is OrderState.NOT_SENT
    assert state_of(desk, "a-1") is OrderState.NEW


def test_a_stream_that_is_late_does_not_tell_the_opening_positions_again(open_desk):
    broker = ScriptedBroker()
    desk = open_desk(broker)
    old = Execution("E1", "", "V9", "AAPL", Side.BUY, 5 * E9, PRICE, ts_event_ns=broker.tick())
    broker.execute(old, say=False)
    reconcile(desk.engine)
    assert desk.engine.positions() == {"AAPL": 5 * E9}
    broker.stream.append(old)
    desk.engine.poll()
    assert desk.engine.positions() == {"AAPL": 5 * E9}
    assert reconcile(desk.engine).is_clean


def test_an_order_whose_fills_were_busted_awaits_nothing(open_desk):
    broker = ScriptedBroker()
    desk = open_desk(broker)
    desk.engine.submit(an_order("a-1"))
    execution = broker.fill("a-1", say=False)
    broker.stream.append(broker.bust(execution, say=False))
    desk.engine.poll()
    broker.report("a-1", filled_quantity_e9=0)
    broker.all_executions.clear()
    reconcile(desk.engine)
    assert state_of(desk, "a-1") is OrderState.FILLED
    assert desk.engine.order("a-1").awaited_quantity_e9 == 0
    assert reconcile(desk.engine).is_clean


def test_an_old_word_on_a_foreign_order_is_not_believed(open_desk):
    broker = ScriptedBroker()
    desk = open_desk(broker)
    broker._place(an_order("by-hand"))
    early = replace(broker.orders.pop("by-hand"), client_order_id="")
    late = replace(early, state=OrderState.FILLED, filled_quantity_e9=early.quantity_e9, ts_event_ns=broker.tick())
    broker.stream.extend([late, early])
    desk.engine.poll()
    assert desk.engine.ledger.orphans[early.symbol, early.venue_order_id]["state"] == "filled"
    assert reconcile(desk.engine).orphans == ()


class Refusal:
    is_accepted, failures = False, ()


def test_what_may_no_longer_go_is_not_sent_again_by_the_recovery(open_desk):
    broker = ScriptedBroker(AbsenceRule(1.0, 1, same_id_is_refused=True))
    broker.script.append("never")
    open_desk(broker).engine.submit(an_order("a-1"))
    desk = open_desk(broker)
    asked = []
    desk.engine.at_send = lambda order: asked.append((order, desk.engine.blocked_symbols())) or Refusal()
    report = desk.engine.recover(resend=True)
    assert report.not_sent == ("a-1",) and report.resent == ()
    assert broker.sent == ["a-1"]
    assert asked == [(an_order("a-1"), {})]  # its own unknown state is no reason to refuse it


def test_the_refusal_of_an_earlier_replacement_frees_nothing_now(open_desk):
    broker = ScriptedBroker(RULE)
    desk = open_desk(broker)
    desk.engine.submit(an_order("a-1"))
    before_ns = desk.time.now_ns()
    desk.time.sleep(0.5)
    broker.script.append("never")
    assert desk.engine.replace("a-1", an_order("a-2", price=101)).state is OrderState.UNKNOWN
    broker.stream.append(RequestRejected("a-1", True, "halted", "AAPL is halted.", before_ns))
    desk.engine.poll()
    assert state_of(desk, "a-2") is OrderState.UNKNOWN
    assert "AAPL" in desk.engine.blocked_symbols()
    broker.stream.append(RequestRejected("a-1", True, "halted", "AAPL is halted.", desk.time.now_ns()))
    desk.engine.poll()
    assert state_of(desk, "a-2") is OrderState.REJECTED
    assert desk.engine.blocked_symbols() == {}


def test_what_is_left_of_a_corrected_fill_that_was_busted_is_not_awaited(open_desk):
    broker = ScriptedBroker()
    desk = open_desk(broker)
    desk.engine.submit(an_order("a-1", quantity=21))
    execution = broker.fill("a-1", say=False)
    broker.all_executions.clear()  # neither the fill nor its correction from 21 to 19 was heard
    broker.stream.append(broker.bust(replace(execution, quantity_e9=19 * E9), say=False))
    broker.held.clear()
    broker.report("a-1", filled_quantity_e9=0)
    desk.engine.poll()
    assert desk.engine.order("a-1").awaited_quantity_e9 == 2 * E9
    reconcile(desk.engine)
    assert desk.engine.order("a-1").awaited_quantity_e9 == 0
    sequence = desk.journal.sequence
    assert reconcile(desk.engine).awaited == ()
    assert desk.journal.sequence == sequence


def test_a_bust_told_before_the_order_is_known_by_its_number_is_not_awaited(open_desk):
    broker = ScriptedBroker()
    desk = open_desk(broker)
    broker.script.append("lost")
    desk.engine.submit(an_order("a-1"))
    execution = broker.fill("a-1", say=False)
    broker.all_executions.clear()
    broker.stream.append(replace(broker.bust(execution, say=False), client_order_id=""))
    broker.held.clear()
    desk.engine.poll()
    broker.report("a-1", state=OrderState.FILLED, filled_quantity_e9=0)
    reconcile(desk.engine)
    assert state_of(desk, "a-1") is OrderState.FILLED
    assert desk.engine.order("a-1").awaited_quantity_e9 == 0
    assert reconcile(desk.engine).awaited == ()
