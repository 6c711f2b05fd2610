"""Real SIGKILLs of a real process at every step of order management, while the venue lives on.

The venue is a file that only grows: what a dead process sent stays there. After each kill a new process recovers,
goes on with the same plan and must end as one that was never interrupted: one order for each line at the venue, every
fill booked once, and the same hash of the state.
"""

import json
import os
import signal
from collections import Counter

import pytest

from nanodesk.market.fixed_point import E9
from nanodesk.market.order import OrderState
from nanodesk.oms.client_order_id import client_order_id
from nanodesk.oms.journal import Journal
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.oms.reconcile import reconcile
from scripted_broker import FakeTime, ScriptedBroker, an_order

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

LINES = 3
SENDING = ("intent.inside", "intent.logged", "send.connected", "send.written", "reply.read", "ack.inside", "ack.logged")
FOLLOWING = ("fill.received", "fill.inside", "fill.logged", "cancel.logged", "cancel.sent", "orders.between")
ENDING = ("reconcile.before", "reconcile.inside", "run.before_completed", "checkpoint.inside", "snapshot.write")
RECOVERING = ("recovery.start", "recovery.looked_up", "adopt.inside", "adopt.logged", "recovery.replan")
NEVER_LEFT = ("intent.logged", "send.connected")


class FileVenue(ScriptedBroker):
    """A venue whose truth is a file; each change is one write, so that a kill never halves it."""

    def __init__(self, path, reached):
        super().__init__()
        self.path, self.reached, self.is_loading = path, reached, True
        for line in path.read_text().splitlines() if path.exists() else ():
            what, name, *rest = json.loads(line)
            if what == "place":
                self._place(an_order(name, symbol=rest[0]))
            elif what == "fill":
                self.fill(name, rest[0], say=False)
            else:
                self.orders[name] = self.report(name, state=OrderState(rest[0]))
        self.is_loading = False
        self.stream.clear()

    def write(self, *row):
        if not self.is_loading:
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(handle, json.dumps(row).encode() + b"\n")
            os.close(handle)

    def submit(self, order):
        self.reached("send.connected")
        self.write("place", order.client_order_id, order.symbol)
        self.write("fill", order.client_order_id, 60)
        self.reached("send.written")
        outcome = super().submit(order)
        self.fill(order.client_order_id, 60)
        self.reached("reply.read")
        return outcome

    def cancel(self, name):
        if not self.orders[name].state.is_terminal:
            self.write("report", name, "cancelled")
        outcome = super().cancel(name)
        self.reached("cancel.sent")
        return outcome


def run(folder, kill_at=None, nth=1):
    """One life of the trading process: recover, do what is left of the plan, end the run."""
    seen = Counter()

    def reached(step):
        seen[step] += 1
        if step == kill_at and seen[step] == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    clock = FakeTime()
    broker = FileVenue(folder / "venue.jsonl", reached)
    with Journal.open(folder / "orders.db", reached=reached) as journal:
        engine = OrderEngine(
            broker, journal, now_ns=clock.now_ns, monotonic_s=clock.monotonic_s, sleep=clock.sleep, reached=reached
        )
        engine.recover()
        if engine.ledger.runs.get("plan") != "completed":
            engine.begin_run("plan")
            trade(engine, reached)
            reached("run.before_completed")
            engine.end_run("plan")
        journal.snapshot(folder / "snapshot.db")
        (folder / "state.json").write_text(json.dumps([engine.state_hash(), engine.positions(), outcome(engine)]))


def trade(engine, reached):
    for line in range(LINES):
        attempt = 1
        while True:
            view = engine.submit(an_order(client_order_id("plan", line, attempt), symbol=f"S{line}"))
            if view.state is not OrderState.NOT_SENT:
                break
            attempt += 1
        engine.poll()
        engine.cancel(view.client_order_id)
        engine.poll()
        reached("orders.between")
    reached("reconcile.before")
    assert reconcile(engine).unknown == ()


def outcome(engine):
    return [[view.order.symbol, view.state.value, view.cum_quantity_e9] for view in engine.orders()]


def life(folder, kill_at=None, nth=1):
    """Run in a process of its own; gives the signal that ended it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            run(folder, kill_at, nth)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def check(folder):
    """Against the venue's own file."""
    rows = [json.loads(line) for line in (folder / "venue.jsonl").read_text().splitlines()]
    placed = Counter(row[2] for row in rows if row[0] == "place")
    assert placed == {f"S{line}": 1 for line in range(LINES)}
    state_hash, positions, orders = json.loads((folder / "state.json").read_text())
    assert positions == {f"S{line}": 60 * E9 for line in range(LINES)}
    sent = [order for order in orders if order[1] != "not_sent"]
    assert sent == [[f"S{line}", "cancelled", 60 * E9] for line in range(LINES)]
    with Journal.open(folder / "orders.db", read_only=True) as journal:
        journal.verify()
        fills = Counter(event.execution_id for event in journal.read() if event.kind == "order_filled")
    assert sorted(fills.values()) == [1] * LINES
    return state_hash, len(orders) - len(sent)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert life(folder) == 0
    return check(folder)[0]


POSITIONS = [2, pytest.param(1, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)]


@pytest.mark.parametrize("nth", POSITIONS)
@pytest.mark.parametrize("step", SENDING + FOLLOWING)
def test_killed_at_an_order(tmp_path, uninterrupted, step, nth):
    assert life(tmp_path, step, nth) == -signal.SIGKILL
    assert life(tmp_path) == 0
    state_hash, not_sent = check(tmp_path)
    assert not_sent == (step in NEVER_LEFT)
    assert state_hash == uninterrupted or not_sent


@pytest.mark.parametrize("step", ENDING)
def test_killed_at_the_end(tmp_path, uninterrupted, step):
    assert life(tmp_path, step) == -signal.SIGKILL
    assert life(tmp_path) == 0
    assert check(tmp_path) == (uninterrupted, 0)


@pytest.mark.parametrize(
    ("first", "step"),
    [
        ("send.written", "recovery.start"), ("send.written", "recovery.looked_up"), ("send.written", "adopt.inside"),
        ("send.written", "adopt.logged"), ("intent.logged", "recovery.looked_up"), ("intent.logged", "adopt.inside"),
        ("intent.logged", "recovery.replan"), ("ack.inside", "adopt.inside"), ("fill.inside", "adopt.inside"),
        ("cancel.sent", "adopt.inside"),
    ],
)  # fmt: skip
def test_killed_again_in_recovery(tmp_path, uninterrupted, first, step):
    assert life(tmp_path, first, 2) == -signal.SIGKILL
    assert life(tmp_path, step) == -signal.SIGKILL
    assert life(tmp_path) == 0
    state_hash, not_sent = check(tmp_path)
    assert not_sent == (first in NEVER_LEFT)
    assert state_hash == uninterrupted or not_sent
