"""Our own safeguards, taken out one at a time: each loss must be noticed by one of a few short trials.

A trial is a story that ends well with the safeguards in place. A mutant that every trial survives would mean that the
safeguard protects nothing, or that no test looks.
"""

import shutil
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from nanodesk.errors import JournalError, NanodeskError, NotConnectedError
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import OrderState
from nanodesk.oms import audit, bookings, desk, journal, ledger, order_engine, order_record, order_state, outcome_search
from nanodesk.oms.journal import Journal
from nanodesk.oms.journal_event import JournalEvent
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.oms.order_state import Decision, OrderEvent, Verdict
from nanodesk.oms.reconcile import reconcile
from scripted_broker import FakeTime, ScriptedBroker, an_order

S = OrderState


class Stage:
    """An engine that may be struck dead and started again."""

    def __init__(self, folder):
        self.folder, self.clock, self.broker = folder, FakeTime(), ScriptedBroker()
        self.journal = Journal.open(folder / "orders.db")
        self.journal._connection.execute("PRAGMA synchronous=OFF")
        self.start()

    def start(self):
        clock = self.clock
        self.engine = OrderEngine(
            self.broker, self.journal, now_ns=clock.now_ns, monotonic_s=clock.monotonic_s, sleep=clock.sleep
        )
        return self.engine

    def polls(self, count=20):
        for _ in range(count):
            self.clock.now_s += 1
            self.engine.poll()

    def state(self, name):
        return self.engine.order(name).state

    def close(self):
        self.journal.close()


def lost_answer(stage):
    stage.broker.script.append("lost")
    stage.broker.says_on_stream = False
    stage.engine.submit(an_order("a"))
    assert stage.state("a") is S.UNKNOWN and stage.engine.blocked_symbols()
    assert stage.engine.submit(an_order("b")).state is S.RISK_REJECTED
    stage.polls()
    assert stage.state("a") is S.NEW and stage.broker.sent == ["a"]


def late_arrival(stage):
    stage.broker.script.append("late:4")
    stage.engine.submit(an_order("a"))
    stage.polls()
    assert stage.state("a") is S.NEW and not stage.engine.ledger.anomalies


def never_arrived(stage):
    stage.broker.script.append("never")
    stage.engine.submit(an_order("a"))
    stage.polls()
    assert stage.state("a") is S.NOT_SENT


def deaf_broker_proves_nothing(stage):
    stage.broker.script.append("lost")
    stage.broker.says_on_stream, stage.broker.fail_reads = False, 10
    stage.engine.submit(an_order("a"))
    stage.polls(8)
    assert stage.state("a") is S.UNKNOWN
    stage.polls()
    assert stage.state("a") is S.NEW


def crash_before_the_answer(stage):
    submit = stage.broker.submit

    def die(order):
        submit(order)
        stage.broker.fill(order.client_order_id, 30, say=False)
        raise KeyboardInterrupt

    stage.broker.submit = die
    with pytest.raises(KeyboardInterrupt):
        stage.engine.submit(an_order("a"))
    stage.broker.submit = submit
    engine = stage.start()
    assert engine.blocked_symbols() and engine.recover().adopted == ("a",)
    assert engine.positions() == {"AAPL": 30 * E9} and engine.submit(an_order("a")).cum_quantity_e9 == 30 * E9
    assert stage.broker.sent == ["a"]


def told_twice(stage):
    stage.engine.submit(an_order("a"))
    execution = stage.broker.fill("a", 30, fee=1)
    stage.broker.stream.append(execution)
    stage.engine.poll()
    stage.broker.stream.append(execution)
    stage.engine.poll()
    stage.start().catch_up()
    view = stage.engine.order("a")
    assert (view.cum_quantity_e9, view.fees) == (30 * E9, {"USD": E9})


def late_fill(stage):
    stage.engine.submit(an_order("a"))
    stage.engine.cancel("a")
    stage.engine.poll()
    stage.broker.stream.append(stage.broker.fill("a", 30, say=False))
    stage.engine.poll()
    assert stage.state("a") is S.CANCELLED and stage.engine.positions() == {"AAPL": 30 * E9}


def corrections(stage):
    stage.engine.submit(an_order("a"))
    first, second = stage.broker.fill("a", 30), stage.broker.fill("a", 20)
    stage.broker.correct(first, 10)
    stage.broker.bust(second)
    stage.engine.poll()
    assert stage.engine.positions() == {"AAPL": 10 * E9} and stage.engine.order("a").leaves_quantity_e9 == 90 * E9


def stale_reports(stage):
    stage.engine.submit(an_order("a"))
    old = stage.broker.orders["a"]
    stage.broker.report("a", state=S.SUSPENDED)
    stage.broker.stream.append(old)
    stage.engine.poll()
    assert stage.state("a") is S.SUSPENDED
    stage.broker.report("a", state=S.CANCELLED)
    stage.broker.stream.extend([old, replace(old, ts_event_ns=0)])
    stage.engine.poll()
    assert stage.state("a") is S.CANCELLED


def filled_without_executions(stage):
    stage.engine.submit(an_order("a"))
    execution = stage.broker.fill("a", say=False)
    stage.broker.stream.append(stage.broker.orders["a"])
    stage.engine.poll()
    assert [order.leaves_quantity_e9 for order in stage.engine.working()] == [100 * E9]
    stage.broker.stream.append(execution)
    stage.engine.poll()
    assert stage.engine.working() == () and stage.engine.positions() == {"AAPL": 100 * E9}


def gap_in_the_stream(stage):
    stage.engine.submit(an_order("a"))
    restored = stage.broker.lose_stream()
    stage.engine.poll()
    with pytest.raises(NotConnectedError):
        stage.engine.submit(an_order("b"))
    stage.broker.fill("a", 30, say=False)
    stage.broker.stream.append(restored)
    stage.engine.poll()
    assert stage.engine.positions() == {"AAPL": 30 * E9}


def mute_stream(stage):
    stage.engine.submit(an_order("a"))
    stage.broker.fill("a", 30, say=False)
    stage.polls(40)
    assert stage.engine.positions() == {"AAPL": 30 * E9}


def cancel_pending(stage):
    stage.engine.submit(an_order("a"))
    stage.broker.cancel_script.append("unknown")
    assert stage.engine.cancel("a").state is S.PENDING_CANCEL
    assert stage.engine.working() and stage.start().order("a").state is S.PENDING_CANCEL


def overfill(stage):
    stage.engine.submit(an_order("a"))
    stage.broker.fill("a", 100)
    stage.broker.fill("a", 1)
    stage.engine.poll()
    assert stage.engine.blocked_symbols() and stage.engine.positions() == {"AAPL": 101 * E9}


def position_moved(stage):
    reconcile(stage.engine)
    stage.broker.book_position("MSFT", E9)
    assert reconcile(stage.engine).blocked and stage.engine.positions() == {"MSFT": E9}
    assert not reconcile(stage.engine).findings and stage.engine.blocked_symbols()


def fault_of_the_disk(stage):
    stage.engine.submit(an_order("a"))
    pages = stage.journal._connection.execute("PRAGMA page_count").fetchone()[0]
    stage.journal._connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(JournalError):
        stage.engine.submit_many([an_order(f"b{number}") for number in range(400)])
    stage.journal._connection.execute("PRAGMA max_page_count=100000")
    with pytest.raises(JournalError):
        stage.engine.submit(an_order("c"))
    assert stage.broker.sent == ["a"]


def last_risk_check(stage):
    stage.engine.at_send = lambda order: SimpleNamespace(is_accepted=False, failures=())
    assert stage.engine.submit(an_order("a")).state is S.RISK_REJECTED and stage.broker.sent == []


def durable_before_sending(stage):
    def look(order):
        with Journal.open(stage.journal.path, read_only=True) as reader:
            assert [event.kind for event in reader.read()][-1] == "order_intent"
        return ScriptedBroker.submit(stage.broker, order)

    stage.broker.submit = look
    assert stage.engine.submit(an_order("a")).state is S.NEW
    assert stage.journal._connection.execute("PRAGMA synchronous").fetchone()[0] == 0  # of the tests only
    with Journal.open(stage.folder / "fresh.db") as fresh:
        assert fresh._connection.execute("PRAGMA synchronous").fetchone()[0] == 2


def one_writer(stage):
    with pytest.raises(JournalError):
        Journal.open(stage.journal.path)


def edited_journal(stage):
    stage.engine.submit(an_order("a"))
    stage.journal._connection.execute("UPDATE events SET ts_ns = ts_ns + 1 WHERE sequence = 2")
    with pytest.raises(JournalError):
        stage.start()


def shortened_journal(stage):
    stage.engine.submit(an_order("a"))
    stage.journal._connection.execute("DELETE FROM events WHERE sequence = 3")
    with Journal.open(stage.journal.path, read_only=True) as reader, pytest.raises(JournalError):
        reader.verify()


def flipped_at_rest(stage):
    path = stage.folder / "rest.db"
    with Journal.open(path) as other:
        other.append([JournalEvent("note", {})])
    content = bytearray(path.read_bytes())
    content[92] ^= 1
    path.write_bytes(content)
    with pytest.raises(JournalError):
        Journal.open(path)


def damaged_log(stage):
    for number in range(5):
        stage.journal.append([JournalEvent("note", {"number": number})])
    copy = stage.folder / "copy" / "orders.db"
    copy.parent.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{stage.journal.path}{suffix}", f"{copy}{suffix}")
    log = copy.with_name("orders.db-wal")
    content = bytearray(log.read_bytes())
    content[32 + 24 + 4096 + 2000] ^= 1
    log.write_bytes(content)
    with pytest.raises(JournalError):
        Journal.open(copy)


def cut_export(stage):
    stage.engine.submit(an_order("a"))
    place = stage.folder / "audit.jsonl"
    audit.export_audit(stage.journal, place)
    place.write_bytes(b"".join(place.read_bytes().splitlines(keepends=True)[:-2]))
    with pytest.raises(JournalError):
        audit.verify_audit(place)


TRIALS = [
    lost_answer, late_arrival, never_arrived, deaf_broker_proves_nothing, crash_before_the_answer, told_twice,
    late_fill, corrections, stale_reports, filled_without_executions, gap_in_the_stream, mute_stream, cancel_pending,
    overfill, position_moved, fault_of_the_disk, last_risk_check, durable_before_sending, one_writer, edited_journal,
    shortened_journal, flipped_at_rest, damaged_log, cut_export,
]  # fmt: skip


def run_trials(tmp_path):
    """Names of the trials that failed."""
    failed = []
    for number, trial in enumerate(TRIALS):
        folder = tmp_path / str(number)
        folder.mkdir()
        stage = None
        try:
            stage = Stage(folder)
            trial(stage)
        except (AssertionError, NanodeskError, pytest.fail.Exception, LookupError, TypeError, AttributeError):
            failed.append(trial.__name__)
        finally:
            if stage is not None and stage.journal._lock is not None:
                stage.journal._fault = stage.journal._fault or "left as it is"
                stage.journal.close()
        if failed:
            break
    return failed


def table_with(monkeypatch, *entries):
    table = dict(order_state.TABLE)
    for life, event, decision in entries:
        table[life, event] = decision
    monkeypatch.setattr(order_state, "TABLE", table)


def patch(target, name, value):
    return lambda monkeypatch: monkeypatch.setattr(target, name, value)


def both(*parts):
    return lambda monkeypatch: [part(monkeypatch) for part in parts]


def table(*entries):
    return lambda monkeypatch: table_with(monkeypatch, *entries)


def send_first(self, orders):
    """Sends, and writes the intents afterwards."""
    fresh = self._fresh(orders)
    outcomes = self._outcomes(fresh)
    self._intend(fresh)
    made = self.bookings()
    for order, outcome in zip(fresh, outcomes, strict=True):
        order_engine._book_outcome(made, order.client_order_id, outcome)
    self._write(made.events)
    return tuple(self.order(order.client_order_id) for order in orders)


def absent_at_once(self, engine, name, trail, *, not_sent):
    report = self._broker.status(name)
    if report is None:
        return outcome_search.mark_not_sent(engine, name)
    return ORIGINAL_ASK(self, engine, name, trail, not_sent=not_sent)


def error_is_absence(self, engine, name, trail, *, not_sent):
    try:
        self._broker.status(name)
    except NanodeskError:
        return outcome_search.mark_not_sent(engine, name)
    return ORIGINAL_ASK(self, engine, name, trail, not_sent=not_sent)


def resend_unknown(self, engine, name, trail, *, not_sent):
    self._broker.submit(engine.ledger.orders[name].order)
    return ORIGINAL_ASK(self, engine, name, trail, not_sent=not_sent)


def ignore_stream(self, events):
    return None


def roll_back_only(self, error):
    if self._connection.in_transaction:
        self._connection.execute("ROLLBACK")


def forgiving_read(path):
    try:
        yield from ORIGINAL_READ(path)
    except JournalError as error:
        if "cut" not in str(error):
            raise


RECONCILE = sys.modules["nanodesk.oms.reconcile"]
ORIGINAL_READ = audit.read_audit
ORIGINAL_ASK = outcome_search.OutcomeSearch._ask
REJECTED = Decision(Verdict.APPLIED, S.REJECTED)
DROPPED = Decision(Verdict.STALE, S.CANCELLED)
NOTHING = lambda *arguments, **options: None  # noqa: E731
MUTANTS = {
    "orders are sent before their intents are durable": patch(OrderEngine, "submit_many", send_first),
    "an unknown outcome is called a rejection": table((S.INTENT_LOGGED, OrderEvent.SEND_UNKNOWN, REJECTED)),
    "an unknown order blocks nothing": patch(order_record.OrderRecord, "is_unresolved", property(lambda self: False)),
    "blocked symbols are traded": patch(desk.Desk, "blocked_symbols", lambda self: {}),
    "the first miss is proof": patch(outcome_search.OutcomeSearch, "_ask", absent_at_once),
    "an error is proof of absence": patch(outcome_search.OutcomeSearch, "_ask", error_is_absence),
    "an unknown order is sent again": patch(outcome_search.OutcomeSearch, "_ask", resend_unknown),
    "nobody looks for unknown orders": patch(outcome_search.OutcomeSearch, "step", lambda self, *a, **k: {}),
    "an unknown order is never begun to be looked for": patch(outcome_search.OutcomeSearch, "begin", NOTHING),
    "executions are not looked up before booking": patch(Journal, "find_execution", lambda self, *names: ()),
    "executions are neither looked up nor unique": both(
        patch(Journal, "find_execution", lambda self, *names: ()),
        patch(journal, "_SCHEMA", journal._SCHEMA.replace("UNIQUE INDEX one_booking", "INDEX one_booking")),
    ),
    "fills are not counted for their order": patch(order_record.OrderRecord, "book", lambda self, *values: None),
    "a live report revives a cancelled order": table(
        (S.CANCELLED, OrderEvent.SAYS_NEW, Decision(Verdict.APPLIED, S.NEW))
    ),
    "a late fill revives its order": table((S.CANCELLED, OrderEvent.FILL, Decision(Verdict.APPLIED, S.NEW))),
    "older reports count": patch(
        order_record.OrderRecord, "report_ts_ns", property(lambda self: 0, lambda self, value: None)
    ),
    "fills still to be told are forgotten": patch(order_record.OrderRecord, "awaited_e9", property(lambda self: 0)),
    "the state of the stream is ignored": patch(desk.Desk, "_follow_stream", ignore_stream),
    "nobody watches a mute stream": patch(OrderEngine, "_look_after", lambda self: {}),
    "executions are not read again after a gap": patch(desk.Desk, "catch_up", lambda self, **options: {}),
    "a cancel is believed when it is sent": table(
        *((life, OrderEvent.CANCEL_ASKED, Decision(Verdict.APPLIED, S.CANCELLED)) for life in (S.NEW, S.PENDING_NEW))
    ),
    "a bust is ignored": patch(ledger.Ledger, "_bust", NOTHING),
    "a correction adds instead of replacing": patch(
        bookings, "_values", lambda payload: {"quantity_e9": 0, "price_e9": 0}
    ),
    "fills beyond the quantity raise no alarm": patch(ledger.Ledger, "_check_quantity", NOTHING),
    "positions are not compared": patch(RECONCILE, "_differing", lambda desk, theirs: []),
    "an unexplained position blocks nothing": patch(
        ledger.Ledger, "blocked_symbols", lambda self, in_flight=frozenset(): dict(self.anomalies)
    ),
    "a fault of the disk does not stop sending": patch(Journal, "_poison", roll_back_only),
    "the last risk check is not asked": patch(OrderEngine, "_passes", lambda self, order, made: True),
    "commits are not synced": patch(journal, "_SETTINGS", ("synchronous=NORMAL",)),
    "nobody holds the lock": patch(journal, "WriterLock", lambda path: SimpleNamespace(release=lambda: None)),
    "the chain is not checked": patch(journal, "next_hash", lambda previous, *event: b"\0" * 32),
    "the end of the journal is not checked": patch(Journal, "verify", lambda self: None),
    "the seal is not checked": patch(journal, "check_seal", lambda path: False),
    "the log behind its damage is not looked at": patch(journal, "check_wal_tail", NOTHING),
    "the end of an export is not checked": patch(audit, "read_audit", forgiving_read),
}


def test_every_trial_ends_well_with_the_safeguards_in_place(tmp_path):
    assert run_trials(tmp_path) == []


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_caught(tmp_path, monkeypatch, name):
    MUTANTS[name](monkeypatch)
    assert run_trials(tmp_path) != []


def test_there_are_enough():
    assert len(MUTANTS) >= 25
