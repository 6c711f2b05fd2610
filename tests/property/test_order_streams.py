"""Venue events in any order, any number of times, cut into any polls, end in the same state; and read again too."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from nanodesk.market.fixed_point import E9
from nanodesk.market.order import OrderState
from nanodesk.oms.audit import export_audit, import_audit
from nanodesk.oms.journal import Journal
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.oms.reconcile import reconcile
from scripted_broker import PRICE, FakeTime, ScriptedBroker, an_order

ORDERS = {"a": "AAPL", "b": "AAPL", "c": "MSFT"}
LIVE = (OrderState.NEW, OrderState.SUSPENDED, OrderState.STOPPED, OrderState.PARTIALLY_FILLED)
ENDS = (OrderState.CANCELLED, OrderState.EXPIRED, OrderState.REJECTED, OrderState.REPLACED)

actions = st.lists(
    st.tuples(
        st.sampled_from(sorted(ORDERS)),
        st.sampled_from(["fill", "fill", "fill", "live", "end", "bust", "correct", "fee"]),
        st.integers(0, 10),
    ),
    max_size=25,
)


class Desk:
    """An engine over a journal in memory, where there is one."""

    def __init__(self):
        parent = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
        self.folder = Path(tempfile.mkdtemp(dir=parent))
        self.clock = FakeTime()
        self.broker = ScriptedBroker()
        self.journal = Journal.open(self.folder / "orders.db")
        self.journal._connection.execute("PRAGMA synchronous=OFF")
        self.engine = self.start()

    def start(self):
        clock = self.clock
        return OrderEngine(
            self.broker, self.journal, now_ns=clock.now_ns, monotonic_s=clock.monotonic_s, sleep=clock.sleep
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.journal.close()
        shutil.rmtree(self.folder)


def venue_history(steps):
    """What a venue says of three orders, in its own order."""
    broker = ScriptedBroker()
    for name, symbol in ORDERS.items():
        broker._place(an_order(name, symbol=symbol))
    said, fills = [], {name: [] for name in ORDERS}
    for name, action, number in steps:
        report, mine = broker.orders[name], fills[name]
        room = report.quantity_e9 // E9 - report.filled_quantity_e9 // E9
        if action == "fill" and room:
            mine.append(broker.fill(name, 1 + number % room, price=PRICE + number, fee=number % 3))
        elif action == "live" and not report.state.is_terminal:
            broker.report(name, state=LIVE[number % len(LIVE)])
        elif action == "end" and not report.state.is_terminal:
            broker.report(name, state=ENDS[number % len(ENDS)])
        elif action == "bust" and mine:
            broker.bust(mine.pop(number % len(mine)))
        elif action == "correct" and mine:
            place = number % len(mine)
            mine[place] = broker.correct(mine[place], max(mine[place].quantity_e9 // E9 - 1, 1), PRICE + number)
        elif action == "fee" and mine and mine[-1].kind.value == "trade" and not mine[-1].fee_e9:
            broker.stream.append(replace(mine[-1], fee_e9=E9, fee_currency="USD"))
        said.extend(broker.stream)
        broker.stream.clear()
    return said


def play(polls):
    """The same sendings, then these events in these polls."""
    with Desk() as desk:
        desk.engine.submit_many([an_order(name, symbol=symbol) for name, symbol in ORDERS.items()])
        desk.broker.stream.clear()
        for events in polls:
            desk.broker.stream.extend(events)
            desk.engine.poll()
        views = desk.engine.orders()
        assert desk.start().orders() == views
        assert desk.start().state_hash() == desk.engine.state_hash()
        return [replace(view, reason="") for view in views], desk.engine.positions(), desk.engine.state_hash()


@settings(max_examples=150, deadline=None)
@given(steps=actions, data=st.data())
def test_any_order_any_number_any_polls(steps, data):
    said = venue_history(steps)
    expected = play([said])
    shuffled = data.draw(st.permutations(said)) if said else []
    repeated = shuffled + data.draw(st.lists(st.sampled_from(said), max_size=10)) if said else []
    polls, rest = [], list(repeated)
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        polls.append(rest[:size])
        rest = rest[size:]
    assert play(polls) == expected


WAYS = (
    *("submit", "fill", "missed fill", "cancel", "missed cancel", "foreign", "moved", "dividend"),
    *("lost", "never", "bust", "orphan", "poll", "stream", "restart"),
)
venue_steps = st.lists(st.tuples(st.sampled_from(WAYS), st.integers(0, 5)), max_size=25)


def disturb(desk, action, number, made):
    """One thing that goes well or wrong."""
    broker, engine = desk.broker, desk.engine
    live = [name for name, report in broker.orders.items() if not report.state.is_terminal]
    name = live[number % len(live)] if live else None
    if action in ("submit", "lost", "never") and engine.is_stream_live:
        broker.script.append({"submit": "accept"}.get(action, action))
        made.append(f"o{len(made)}")
        engine.submit(an_order(made[-1], symbol=f"S{number}"))
        broker.script.clear()
    elif action in ("fill", "missed fill") and name:
        broker.fill(name, 10, say=action == "fill")
    elif action == "cancel" and name in engine.ledger.orders and engine.broker.is_connected:
        engine.cancel(name)
    elif action == "missed cancel" and name:
        broker.says_on_stream = False
        broker.report(name, state=OrderState.CANCELLED)
        broker.says_on_stream = True
    elif action == "foreign":
        fill = replace(broker.all_executions[-1], execution_id=f"H{broker.tick()}") if broker.all_executions else None
        if fill is not None and fill.kind.value == "trade":
            broker.execute(replace(fill, client_order_id="", venue_order_id="", ts_event_ns=broker.tick()), say=False)
    elif action == "moved":
        broker.book_position(f"S{number}", E9)
    elif action == "dividend":
        broker.cash_e9 += 7 * E9
    elif action == "bust":
        trades = [item for item in broker.all_executions if item.kind.value == "trade"]
        busted = {item.execution_id for item in broker.all_executions if item.kind.value == "bust"}
        left = [item for item in trades if item.execution_id not in busted]
        if left:
            broker.bust(left[number % len(left)], say=number % 2 == 0)
    elif action == "orphan":
        broker._place(an_order(f"human{broker.tick()}"))
    elif action == "poll":
        engine.poll()
    elif action == "stream":
        broker.stream.append(broker.lose_stream())
        engine.poll()
    elif action == "restart":
        desk.engine = desk.start()


@settings(max_examples=150, deadline=None)
@given(steps=venue_steps)
def test_one_pass_converges(steps):
    with Desk() as desk:
        reconcile(desk.engine)
        made = []
        for action, number in steps:
            disturb(desk, action, number, made)
        desk.engine.recover()
        broker, engine = desk.broker, desk.engine
        before = cash_of(engine)
        first = reconcile(engine)
        second = reconcile(engine)
        assert second.findings == () and second.blocked == first.blocked and second.unknown == ()
        # What the venue holds is what we hold, at the venue's mean price, and no cash moved without an execution.
        assert engine.positions() == {holding.symbol: holding.quantity_e9 for holding in broker.positions()}
        for name in made:
            fills = [item for item in broker.all_executions if item.client_order_id == name]
            alive = {item.execution_id: item for item in fills}
            trades = [item for item in alive.values() if item.kind.value != "bust"]
            assert engine.order(name).cum_quantity_e9 == sum(item.quantity_e9 for item in trades)
        assert broker.sent == [name for name in made if name in set(broker.sent)]
        assert cash_of(engine) == cash_of(desk.start())
        assert before is not None and desk.start().state_hash() == engine.state_hash()
        check_export(desk)


def cash_of(engine):
    return dict(engine.ledger.flows_e18), {key: fee for key, fee in engine.ledger.fees_e9.items() if fee}


def check_export(desk):
    """The export is reproducible, and a journal made of it has the same chain and state."""
    one, two, copy = (desk.folder / name for name in ("1.jsonl", "2.jsonl", "copy.db"))
    check = export_audit(desk.journal, one)
    export_audit(desk.journal, two)
    assert one.read_bytes() == two.read_bytes() and import_audit(one, copy) == check
    with Journal.open(copy, read_only=True) as journal:
        assert list(journal.read()) == list(desk.journal.read())
