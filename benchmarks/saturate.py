"""Orders as fast as an adapter lets them out, at a loopback venue with its published limits, for as long as wanted.

Usage: python benchmarks/saturate.py --venue binance|alpaca|tws [--minutes 60] [--faults] [--folder DIR]. The venue is a
process of its own, as `nanodesk venue` starts it; orders go the whole way of the order engine: durable intent, send,
answer, fills, journal. A line a minute; at the end the venue's truth is held against the journal, order by order. With
--faults connections die, answers get lost, events come twice, late, out of order or not at all, all the while. Ends
with 1 if an answer was 429 or 418, a second held more than 50 messages at TWS, or the two books differ. A venue that
the system stops for a moment counts what has piled up as one second: leave the machine some room.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from nanodesk.errors import BrokerError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.order import Order, OrderState, OrderType
from nanodesk.oms.client_order_id import client_order_id
from nanodesk.oms.journal import Journal
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.oms.reconcile import PeriodicReconcile, reconcile

SYMBOLS = tuple(f"S{number:02d}" for number in range(20))
RESTING = SYMBOLS[-1]
"""Bought far below the quote and cancelled; the others are bought and sold in turn, at the quote."""

BID, ASK, FAR = "99.99", "100.01", "90.00"
GROUP = 16
RECONCILE_S = 900.0
SETTLE_S = 300.0
TWS_LIMIT = 50
FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "reset_after_accept", "match": "new", "probability": 0.002},
    {"fault": "reset_before_accept", "match": "new", "probability": 0.002},
    {"fault": "error_after_accept", "match": "new", "probability": 0.002},
    {"fault": "reset_after_accept", "match": "cancel", "probability": 0.01},
    {"fault": "black_hole", "match": "status", "probability": 0.002},
    {"fault": "duplicate", "at": "event", "probability": 0.02},
    {"fault": "reorder", "at": "event", "probability": 0.02},
    {"fault": "gap", "at": "event", "probability": 0.002},
    {"fault": "reset_after_accept", "at": "event", "probability": 0.0005},
    {"fault": "restart", "at": "venue", "match": "trade", "probability": 0.0002},
)


def start_venue(name: str, folder: Path, *, faults: bool) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    quotes = [{"symbol": symbol, "bid": BID, "ask": ASK, "last": "100", "position": "1000000"} for symbol in SYMBOLS]
    book = {"schema": 1, "cash": "1000000000", "symbols": quotes}
    (folder / "quotes.json").write_text(json.dumps(book))
    command = [sys.executable, "-m", "nanodesk.cli.app", "venue", name, "--quotes", str(folder / "quotes.json"),
               "--truth", str(folder / "truth.json")]  # fmt: skip
    if faults:
        rules = [{"count": 0, **rule} for rule in FAULTS]
        (folder / "faults.json").write_text(json.dumps({"schema": 1, "rules": rules}))
        command += ["--faults", str(folder / "faults.json")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def broker_at(name: str, ready: dict[str, Any]) -> Any:
    """The adapter as a user has it, with its own limits."""
    if name == "tws":
        from nanodesk.brokers.ibkr.broker import IbkrBroker

        return IbkrBroker(port=ready["port"], client_id=7, account="")
    keys = {"api_key": "loopback-key", "secret": "loopback-secret"}
    if name == "binance":
        from nanodesk.brokers.binance.broker import BinanceBroker

        return BinanceBroker(**keys, **ready["endpoints"])
    from nanodesk.brokers.alpaca.broker import AlpacaBroker

    return AlpacaBroker(**keys, **ready["endpoints"])


class Run:
    """Groups of orders, one after the other, as long as there is time."""

    def __init__(self, broker: Any, folder: Path) -> None:
        self.broker = broker
        self.journal = Journal.open(folder / "orders.db")
        self.engine = OrderEngine(broker, self.journal)
        reconcile(self.engine)
        self.reconciling = PeriodicReconcile(self.engine, every_s=RECONCILE_S)
        self.engine.begin_run("saturate")
        self.count = self.steps = 0
        self.held_back = 0
        self.troubles: Counter[str] = Counter()

    def order(self, symbol: str, side: Side, price: str) -> Order:
        self.count += 1
        name = client_order_id("saturate", self.count % 1_000_000, 1 + self.count // 1_000_000)
        return Order(name, symbol, side, E9, OrderType.LIMIT, parse_e9(price), time_in_force=TimeInForce.DAY)

    def step(self) -> None:
        """One group, one order alone; every fourth time one that rests and is cancelled."""
        self.steps += 1
        side, price = (Side.BUY, ASK) if self.steps % 2 else (Side.SELL, BID)
        group = [self.order(symbol, side, price) for symbol in SYMBOLS[:GROUP]]
        views = [*self.engine.submit_many(group), self.engine.submit(self.order(SYMBOLS[GROUP], side, price))]
        if self.steps % 4 == 0:
            views.append(self.engine.submit(self.order(RESTING, Side.BUY, FAR)))
            if not views[-1].is_terminal:
                self.engine.cancel(views[-1].client_order_id)
        refused = sum(view.state is OrderState.REJECTED and view.may_retry for view in views)
        blocked = sum(view.state is OrderState.RISK_REJECTED for view in views)  # after an answer that was lost
        self.held_back += refused
        self.engine.poll(timeout_s=0.5 if refused or 2 * blocked > len(views) else 0.0)

    def until(self, end_s: float) -> None:
        while time.monotonic() < end_s:
            try:
                self.step()
                self.reconciling.step()
            except BrokerError as error:  # the stream is away, or a question was not answered: the engine goes on
                self.troubles[type(error).__name__] += 1
                self.wait(0.2)

    def wait(self, seconds: float) -> None:
        """Listen to the venue, which is how a lost stream is followed until it is back."""
        time.sleep(0 if self.broker.is_connected else seconds)
        self.engine.poll(timeout_s=seconds)

    def settle(self) -> None:
        """Cancel what is open and wait until everything is known."""
        end_s = time.monotonic() + SETTLE_S
        while time.monotonic() < end_s:
            try:
                self.wait(0.5)
                for view in self.engine.open_orders():
                    self.engine.cancel(view.client_order_id)
                if not self.engine.open_orders() and reconcile(self.engine).is_clean:
                    return
            except BrokerError as error:
                self.troubles[type(error).__name__] += 1


def resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def differences(engine: OrderEngine, truth: dict[str, Any]) -> list[str]:
    """Where the venue's truth and our journal disagree: orders, fills, positions."""
    found = []
    taken = [row for row in truth["orders"] if row["account"] == "PAPER"]
    ours = {view.client_order_id: view for view in engine.orders()}
    names = Counter(row["client_order_id"] for row in taken)
    found += [f"{name} is there {count} times" for name, count in names.items() if count > 1]
    for row in taken:
        view = ours.get(row["client_order_id"])
        if view is None or view.cum_quantity_e9 != parse_e9(row["filled"]):
            booked = "nothing" if view is None else view.cum_quantity_e9 / E9
            found.append(f"{row['client_order_id']}: booked {booked}, at the venue {row['filled']}")
    found += [f"{name}: filled, and not at the venue" for name, view in ours.items()
              if view.cum_quantity_e9 and name not in names]  # fmt: skip
    held = {symbol: parse_e9(amount) for symbol, amount in truth["balances"]["PAPER"].items() if symbol in SYMBOLS}
    if held != engine.positions():
        found.append(f"positions: ours {engine.positions()}, at the venue {held}")
    found += [f"{name} is {view.state.value}" for name, view in ours.items() if not view.is_terminal]
    return found + [f"{symbol} is blocked: {reason}" for symbol, reason in engine.blocked_symbols().items()]


def told(run: Run, venue_pid: int, started_s: float, cpu: tuple[float, float]) -> str:
    spent_s = time.monotonic() - started_s
    ours, venues = (cpu_s(os.getpid()) - cpu[0]) / spent_s, (cpu_s(venue_pid) - cpu[1]) / spent_s
    sent = f"{len(run.engine.ledger.orders):>9,} orders, {run.engine.booked_fills:>9,} fills"
    memory = f"{resident_mib(os.getpid()):6.0f} + {resident_mib(venue_pid):6.0f} MiB"
    held_back = f"{run.held_back:>8,} held back"
    return f"{spent_s / 60:6.1f} min {sent}, {held_back}; memory {memory}; CPU {ours:4.0%} + {venues:4.0%}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venue", choices=("binance", "alpaca", "tws"), required=True)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--faults", action="store_true", help="let things go wrong all the while")
    parser.add_argument("--folder", help="where the journal stands; by default beside other temporary files")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the venue ends with us
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        process, ready = start_venue(arguments.venue, folder, faults=arguments.faults)
        try:
            run = Run(connected(broker_at(arguments.venue, ready)), folder)
            started_s, cpu = time.monotonic(), (cpu_s(os.getpid()), cpu_s(process.pid))
            minute, end_s = started_s, started_s + 60 * arguments.minutes
            while minute < end_s:
                minute = min(minute + 60, end_s)
                run.until(minute)
                print(told(run, process.pid, started_s, cpu), flush=True)
            run.settle()
        finally:
            process.terminate()
            process.wait()
        return judged(run, json.loads((folder / "truth.json").read_text()))


def connected(broker: Any) -> Any:
    for attempt in range(20):
        try:
            broker.connect()
            return broker
        except BrokerError:
            if attempt == 19:
                raise
            time.sleep(0.5)
    return broker


def judged(run: Run, truth: dict[str, Any]) -> int:
    messages = truth["messages"]
    refused = {name: messages.get(f"status {name}", 0) for name in (429, 418)}
    requests = sum(count for name, count in messages.items() if name.startswith(("rest ", "ws ", "in_")))
    states = Counter(view.state.value for view in run.engine.orders())
    executions = sum(row["account"] == "PAPER" for row in truth["executions"])
    print(f"{requests:,} requests at the venue; 429: {refused[429]}, 418: {refused[418]}")
    if "worst_second" in messages:
        print(f"worst second: {messages['worst_second']} messages of {TWS_LIMIT}")
    print(
        f"{sum(states.values()):,} orders: "
        + ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()))
    )
    print(f"fills: {executions:,} at the venue, {run.engine.booked_fills:,} booked")
    print(f"faults struck: {len(truth['faults']):,}; interruptions: {dict(run.troubles) or 'none'}")
    found = differences(run.engine, truth)
    print(f"differences: {len(found)}" + "".join(f"\n  {one}" for one in found[:20]))
    run.journal.verify()
    run.journal.close()
    run.broker.disconnect()
    is_over = messages.get("worst_second", 0) > TWS_LIMIT or any(refused.values())
    return 1 if found or is_over else 0


if __name__ == "__main__":
    sys.exit(main())
