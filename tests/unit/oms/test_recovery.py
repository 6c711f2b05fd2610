"""After a crash: every intent is looked up, nothing is sent twice, and a second recovery finds nothing to do."""

import pytest

from nanodesk.brokers.base import AbsenceRule, nothing_reached
from nanodesk.errors import JournalError
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import OrderState
from nanodesk.oms.recovery import RecoveryReport
from scripted_broker import an_order

S = OrderState


class Crash(BaseException):
    """Stands for the death of the process: nothing of ours catches it."""


@pytest.fixture
def crash_at(make_engine, journal, broker):
    """Run until a step, forget everything but the journal, and start again."""

    def crash(step, work):
        def reached(name):
            if name == step:
                raise Crash

        engine = make_engine(journal, reached=reached)
        journal._reached = reached
        with pytest.raises(Crash):
            work(engine)
        journal._fault, journal._reached = "", nothing_reached  # a new process opens the journal anew
        return make_engine(journal)

    return crash


def send(engine):
    engine.begin_run("r1")
    engine.submit(an_order("a"))


class TestOneOrder:
    def test_nothing_to_do_finds_nothing(self, engine):
        assert engine.recover() == RecoveryReport()

    def test_intent_that_never_left_is_not_sent(self, crash_at, broker, clock):
        engine = crash_at("intent.logged", send)
        assert engine.order("a").state is S.INTENT_LOGGED and "AAPL" in engine.blocked_symbols()
        began = clock.now_s
        report = engine.recover()
        assert report.not_sent == ("a",) and report.interrupted_runs == ("r1",) and report.is_clean
        assert clock.now_s - began >= 6  # five seconds until a miss counts, then two, one apart
        assert engine.order("a").state is S.NOT_SENT and broker.sent == [] and engine.blocked_symbols() == {}

    def test_order_whose_answer_was_lost_is_adopted(self, crash_at, broker):
        engine = crash_at("ack.inside", send)
        broker.fill("a", 40, say=False)
        report = engine.recover()
        assert report.adopted == ("a",) and report.fills == 1
        view = engine.order("a")
        assert view.state is S.PARTIALLY_FILLED and view.venue_order_id == "V1" and view.cum_quantity_e9 == 40 * E9
        assert broker.sent == ["a"]

    def test_order_that_ended_meanwhile(self, crash_at, broker):
        engine = crash_at("ack.inside", send)
        broker.fill("a", 40, say=False)
        broker.says_on_stream = False
        broker.report("a", state=S.CANCELLED)
        engine.recover()
        view = engine.order("a")
        assert view.state is S.CANCELLED and view.cum_quantity_e9 == 40 * E9 and engine.open_orders() == ()

    def test_order_that_arrives_while_it_is_looked_for(self, crash_at, broker):
        broker.script.append("late:3")
        engine = crash_at("ack.inside", send)
        assert engine.recover().adopted == ("a",)

    def test_fill_under_its_id_is_evidence_even_if_the_lookup_finds_nothing(self, crash_at, broker):
        engine = crash_at("ack.inside", send)
        broker.fill("a", 40, say=False)
        del broker.orders["a"]
        engine.recover()
        assert engine.order("a").state is S.PARTIALLY_FILLED and engine.positions() == {"AAPL": 40 * E9}

    def test_broker_that_does_not_answer_leaves_it_unknown_and_blocked(self, crash_at, broker):
        engine = crash_at("intent.logged", send)
        broker.fail_reads = 10**6
        report = engine.recover(patience_s=10)
        assert report.unknown == ("a",) and not report.is_clean and "AAPL" in engine.blocked_symbols()
        broker.fail_reads = 0
        assert engine.recover().not_sent == ("a",)

    def test_unknown_of_the_run_before_is_looked_up_too(self, engine, make_engine, journal, broker):
        broker.script.append("lost")
        engine.submit(an_order("a"))
        again = make_engine(journal)
        assert again.recover().adopted == ("a",) and again.order("a").state is S.NEW

    def test_repeating_it_changes_nothing(self, crash_at, broker, journal):
        engine = crash_at("ack.inside", send)
        engine.recover()
        state, events = engine.state_hash(), journal.sequence
        assert engine.recover().adopted == () and engine.state_hash() == state and journal.sequence == events

    @pytest.mark.parametrize("step", ["recovery.start", "recovery.looked_up", "adopt.inside", "adopt.logged"])
    def test_crash_inside_it(self, crash_at, make_engine, journal, broker, step):
        crash_at("ack.inside", send)
        broker.fill("a", 40, say=False)
        engine = crash_at(step, lambda engine: engine.recover())
        engine.recover()
        assert engine.order("a").cum_quantity_e9 == 40 * E9 and broker.sent == ["a"]
        assert engine.recover().fills == 0

    def test_missed_fills_of_acknowledged_orders(self, crash_at, broker):
        engine = crash_at("ack.logged", send)
        broker.fill("a", 40, say=False)
        assert engine.recover().fills == 1 and engine.positions() == {"AAPL": 40 * E9}


class TestResend:
    RULE = AbsenceRule(wait_s=1.0, misses=2, spacing_s=0.5, same_id_is_refused=True)

    def test_is_not_done_by_default(self, crash_at, broker):
        broker.absence_rule = self.RULE
        engine = crash_at("intent.logged", send)
        assert engine.recover().not_sent == ("a",) and broker.sent == []

    def test_is_not_done_where_the_venue_takes_an_id_twice(self, crash_at, broker):
        engine = crash_at("intent.logged", send)
        assert engine.recover(resend=True).not_sent == ("a",) and broker.sent == []

    def test_under_the_same_id_where_that_is_safe(self, crash_at, broker):
        broker.absence_rule = self.RULE
        engine = crash_at("intent.logged", send)
        report = engine.recover(resend=True)
        assert report.resent == ("a",) and broker.sent == ["a"] and engine.order("a").state is S.NEW

    def test_that_meets_the_late_first_one_adopts_it(self, crash_at, broker):
        broker.absence_rule = self.RULE
        engine = crash_at("intent.logged", send)
        submit = broker.submit

        def arrives_just_before(order):
            broker._place(order)
            return submit(order)

        broker.submit = arrives_just_before
        assert engine.recover(resend=True).resent == ("a",)
        assert engine.order("a").state is S.NEW and len(broker.orders) == 1

    def test_that_is_lost_again_is_looked_up_again(self, crash_at, broker):
        broker.absence_rule = self.RULE
        broker.script.extend(["lost"])
        engine = crash_at("intent.logged", send)
        engine.recover(resend=True)
        assert engine.order("a").state is S.NEW and broker.sent == ["a"]


class TestRequests:
    def test_cancel_that_was_never_answered(self, crash_at, broker):
        def work(engine):
            send(engine)
            engine.cancel("a")

        engine = crash_at("cancel.logged", work)
        assert engine.order("a").state is S.PENDING_CANCEL
        engine.recover()
        assert engine.order("a").state is S.PENDING_CANCEL  # the venue has it live, and may still get the request
        engine.cancel("a")
        engine.poll()
        assert engine.order("a").state is S.CANCELLED

    @pytest.mark.parametrize(("step", "states"), [
        ("intent.logged", (S.NEW, S.NOT_SENT)), ("ack.inside", (S.REPLACED, S.NEW)),
    ])  # fmt: skip
    def test_replace_that_was_never_answered(self, make_engine, journal, broker, crash_at, step, states):
        make_engine(journal).submit(an_order("a"))
        broker.says_on_stream = False
        engine = crash_at(step, lambda engine: engine.replace("a", an_order("b", price=101)))
        engine.recover()
        assert (engine.order("a").state, engine.order("b").state) == states
        assert not engine.order("a").is_replace_pending


class TestFault:
    def test_full_disk_sends_nothing(self, engine, broker, journal):
        engine.submit(an_order("a"))
        journal._connection.execute("PRAGMA max_page_count=9")
        with pytest.raises(JournalError, match="full"):
            engine.submit_many([an_order(f"b{i}") for i in range(500)])
        with pytest.raises(JournalError, match="nothing more is sent"):
            engine.submit(an_order("c"))
        with pytest.raises(JournalError, match="nothing more is sent"):
            engine.cancel("a")
        assert broker.sent == ["a"] and broker.cancels == []

    def test_answer_that_cannot_be_written_is_found_again(self, make_engine, journal, broker):
        engine = make_engine(journal)
        submit = broker.submit

        def fill_the_disk(order):
            outcome = submit(order)
            pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
            journal._connection.execute(f"PRAGMA max_page_count={pages}")
            return outcome

        broker.submit = fill_the_disk
        broker.script.append("fill")
        with pytest.raises(JournalError):
            for number in range(100):
                engine.submit(an_order(f"a{number}", symbol=f"S{number}"))
        journal._connection.execute("PRAGMA max_page_count=100000")
        journal._fault = ""
        again = make_engine(journal)
        again.recover()
        assert len(again.orders()) == len(broker.sent)
        assert {view.state for view in again.orders()} == {S.NEW, S.FILLED}
        assert again.positions() == {"S0": 100 * E9}
