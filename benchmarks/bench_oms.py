"""Order management: durable orders a second, synced commits an order, replay, and a million execution reports.

Usage: python benchmarks/bench_oms.py [--folder DIR] [--events N]. The disk decides most of the first figures, and its
mood changes by the second: raw SQLite and raw fdatasync are measured in the same rounds, turn by turn, and the ratios
are what can be compared. The broker is a trivial one in memory.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from nanodesk.brokers.base import AbsenceRule, BrokerEvent, Outcome, OutcomeKind
from nanodesk.market.account import Account, Holding
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Execution, Order, OrderReport, OrderState, OrderType
from nanodesk.market.trading_rules import TradingRules
from nanodesk.oms.client_order_id import client_order_id
from nanodesk.oms.journal import Journal
from nanodesk.oms.journal_event import JournalEvent
from nanodesk.oms.order_engine import OrderEngine

ROUNDS, CALLS, GROUP = 8, 100, 100
GOALS = {"orders one by one / s": 500, "orders grouped / s": 2_000, "commits an order": 2, "replay of 1 M / s": 10}


class MemoryBroker:
    """Accepts and fills at once; tells executions again on the stream, in bursts."""

    name, account_id, is_live, is_connected = "memory", "BENCH", False, True
    absence_rule = AbsenceRule(0.0, 1)

    def __init__(self) -> None:
        self.bursts: list[tuple[BrokerEvent, ...]] = []
        self.count = 0
        self.fills = True

    def submit(self, order: Order) -> Outcome:
        self.count += 1
        if not self.fills:
            return Outcome(OutcomeKind.ACCEPTED)
        name, venue = order.client_order_id, f"V{self.count}"
        report = OrderReport(
            name, venue, order.symbol, order.side, OrderState.FILLED, order.quantity_e9, order.quantity_e9
        )
        fill = Execution(f"E{self.count}", name, venue, order.symbol, order.side, order.quantity_e9, 100 * E9)
        return Outcome(OutcomeKind.ACCEPTED, report, (fill,))

    def submit_many(self, orders: list[Order]) -> tuple[Outcome, ...]:
        return tuple(self.submit(order) for order in orders)

    def events(self, timeout_s: float = 0.0) -> tuple[BrokerEvent, ...]:  # noqa: ARG002  the port's argument
        return self.bursts.pop() if self.bursts else ()

    def executions(self, since_ns: int = 0) -> tuple[Execution, ...]:  # noqa: ARG002  the port's argument
        return ()

    def open_orders(self) -> tuple[OrderReport, ...]:
        return ()

    def status(self, name: str) -> OrderReport | None:  # noqa: ARG002  the port's argument
        return None

    def positions(self) -> tuple[Holding, ...]:
        return ()

    def account(self) -> Account:
        return Account("BENCH", "USD", 0, 0, 0, False, 0)

    def trading_rules(self, symbol: str) -> TradingRules:
        return TradingRules(symbol)


def an_order(name: str, quantity: int = 10) -> Order:
    return Order(name, "AAPL", Side.BUY, quantity * E9, OrderType.LIMIT, 100 * E9)


def rates(folder: Path) -> None:
    journal = Journal.open(folder / "orders.db")
    engine = OrderEngine(MemoryBroker(), journal)  # type: ignore[arg-type]
    engine.begin_run("bench")
    raw = sqlite3.connect(folder / "raw.db", isolation_level=None)
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("PRAGMA synchronous=FULL")
    raw.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, body BLOB)")
    handle = os.open(folder / "raw.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    body, serial, delays = b"x" * 300, iter(range(10**9)), []

    def one() -> None:
        began = time.perf_counter()
        engine.submit(an_order(client_order_id("one", next(serial))))
        delays.append(time.perf_counter() - began)

    def group() -> None:
        engine.submit_many([an_order(client_order_id("group", next(serial))) for _ in range(GROUP)])

    def plain() -> None:
        raw.execute("INSERT INTO t (body) VALUES (?)", (body,))

    def sync() -> None:
        os.write(handle, body)
        os.fdatasync(handle)

    jobs: dict[str, tuple[Callable[[], None], int, int]] = {
        "orders one by one / s": (one, CALLS, 1),
        "orders grouped / s": (group, 4, GROUP),
        "raw SQLite commits / s": (plain, CALLS, 1),
        "raw fdatasync / s": (sync, CALLS, 1),
    }
    found: dict[str, list[float]] = {name: [] for name in jobs}
    commits, orders = journal.commits, engine.broker.count  # type: ignore[attr-defined]
    for turn in range(ROUNDS):
        names = list(jobs)
        for name in names[turn % 4 :] + names[: turn % 4]:
            job, calls, size = jobs[name]
            began = time.perf_counter()
            for _ in range(calls):
                job()
            found[name].append(calls * size / (time.perf_counter() - began))
            if name == "orders one by one / s" and turn == 0:
                print(f"commits an order, one by one  {(journal.commits - commits) / CALLS:9.2f}   goal <= 2")
    print(f"commits an order, all told    {(journal.commits - commits) / (engine.broker.count - orders):9.2f}")  # type: ignore[attr-defined]
    for name, values in found.items():
        goal = f"   goal >= {GOALS[name]}" if name in GOALS else ""
        print(
            f"{name:28s} median {statistics.median(values):9.0f}  min {min(values):8.0f}  max {max(values):8.0f}{goal}"
        )
    delays.sort()
    print(f"one order: p50 {delays[len(delays) // 2] * 1e3:.2f} ms, p99 {delays[int(len(delays) * 0.99)] * 1e3:.2f} ms")
    per_order = statistics.median(
        plain_rate / order_rate
        for plain_rate, order_rate in zip(found["raw SQLite commits / s"], found["orders one by one / s"], strict=True)
    )
    print(f"one order costs {per_order:.1f} raw SQLite commits of the same round")
    journal.close()


def consume(folder: Path, events: int) -> None:
    """A million execution reports in bursts of 1 000, then the journal read again in a process of its own."""
    journal = Journal.open(folder / "million.db")
    broker = MemoryBroker()
    broker.fills = False
    engine = OrderEngine(broker, journal)  # type: ignore[arg-type]
    fills_each = 8
    orders = [f"o{number}" for number in range(events // (fills_each + 2))]
    began = time.perf_counter()
    for start in range(0, len(orders), 1_000):
        engine.submit_many([an_order(name, fills_each) for name in orders[start : start + 1_000]])
    sent_s = time.perf_counter() - began
    began, told = time.perf_counter(), 0
    burst: list[BrokerEvent] = []
    for fill in range(fills_each):
        for name in orders:
            burst.append(Execution(f"{name}.{fill}", name, "", "AAPL", Side.BUY, E9, 100 * E9, 1, "USD"))
            if len(burst) == 1_000:
                told += len(burst)
                broker.bursts = [tuple(burst), tuple(burst[:100])]  # a tenth is told twice
                engine.poll()
                engine.poll()
                burst = []
    broker.bursts = [tuple(burst)]
    engine.poll()
    told += len(burst)
    took_s = time.perf_counter() - began
    held = engine.positions()["AAPL"] // E9
    print(f"{told} execution reports in {took_s:.1f} s ({told / took_s:.0f} / s), lost {told - held}")
    print(f"({len(orders)} orders before them at {len(orders) / sent_s:.0f} / s)")
    assert held == told and engine.open_orders() == ()
    journal.append([JournalEvent("note", {})] * max(events - journal.sequence, 0))
    state = engine.state_hash()
    journal.close()
    ran = subprocess.run(
        [sys.executable, __file__, "--replay", str(folder / "million.db")], capture_output=True, text=True, check=True
    )
    print(ran.stdout.strip(), "  goal <= 10 s, <= 512 MB")
    assert state in ran.stdout


def replay(path: Path) -> None:
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    began = time.perf_counter()
    with Journal.open(path, read_only=True) as journal:
        engine = OrderEngine(MemoryBroker(), journal)  # type: ignore[arg-type]
        took_s = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"replay of {journal.sequence} events: {took_s:.1f} s, {peak} MB at most ({base} before)")
        print(engine.state_hash())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--replay", type=Path)
    parser.add_argument("--only", choices=["rates", "million"])
    options = parser.parse_args()
    if options.replay:
        replay(options.replay)
        return
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    try:
        if options.only != "million":
            rates(folder)
        if options.only != "rates":
            consume(folder, options.events)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
