"""Live orders end to end: risk, durable intent, a venue in its own process over loopback, answer, fill, journal.

Usage: python benchmarks/bench_live.py [--seconds S] [--group N] [--only single|grouped] [--no-pin] [--folder DIR]. The
venue is held to one core and we to another, where there are two; --no-pin leaves that to the system, which often puts
both on one. The disk decides the tail: one raw fdatasync of a page is timed before every order, on the same disk, and
told beside what we add. With --seconds 600 each minute has its line, with the memory of both processes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from array import array
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanodesk.brokers.binance.broker import BinanceBroker
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.market.account import Quote
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Order, OrderState, OrderType
from nanodesk.market.trading_rules import TradingRules
from nanodesk.oms.client_order_id import client_order_id
from nanodesk.oms.journal import Journal
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.oms.reconcile import reconcile
from nanodesk.rebalance.risk_view import RiskView
from nanodesk.risk.engine import RiskEngine
from nanodesk.risk.kill_switch import KillSwitch
from nanodesk.risk.limits import RiskConfig
from nanodesk.risk.loss_monitor import LossMonitor
from nanodesk.venues.fault_effects import VenueClock
from nanodesk.venues.server import VenueOptions, run_venue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SYMBOLS = tuple(f"S{number:02d}" for number in range(20))
PAGE = bytes(4096)
ANY = 10**9


def keep_to(core: int, *, is_wanted: bool) -> None:
    """Run on one core from now on, counted from either end of those we have."""
    if is_wanted and hasattr(os, "sched_setaffinity") and len(cores := sorted(os.sched_getaffinity(0))) > 1:
        os.sched_setaffinity(0, {cores[core]})


def venue() -> None:
    """The other process: a Binance look-alike whose limits are out of the way."""
    from nanodesk.venues.binance_spot.venue import SpotLimits, serve

    clock = VenueClock()
    market = PaperMarket(
        [TradingRules(name, base=name, currency="USDT") for name in SYMBOLS],
        quotes=[Quote(name, 99_990_000_000, 100_010_000_000, None, time.time_ns()) for name in SYMBOLS],
        cash_e9={"USDT": 10**9 * E9},
        now_ns=clock,
    )
    limits = SpotLimits(weight_1m=ANY, orders_10s=ANY, orders_1d=ANY)

    async def run(market: PaperMarket, options: VenueOptions) -> Any:
        return await serve(market, options, limits=limits)

    def say(ready: dict[str, Any]) -> None:
        print(json.dumps(ready), flush=True)

    asyncio.run(run_venue(market, VenueOptions(), clock, run, say))


def limits() -> RiskConfig:
    flow = ("orders_per_second", "orders_per_minute", "orders_per_day", "messages_per_second", "messages_per_minute",
            "messages_per_day", "executions_per_symbol", "open_orders")  # fmt: skip
    wide = {f"max_{name}": ANY for name in flow}
    return RiskConfig(
        **wide,
        max_turnover_frac=ANY,
        max_daily_notional=ANY,
        max_gross_notional=ANY,
        max_leverage=100,
        max_net_frac=100,
        duplicate_window_s=0,
        account_id="PAPER",
        sells_fund_buys=True,
    )


class Desk:
    """Broker, journal, engine and risk as a rebalance has them, with the instants of two steps noted."""

    def __init__(self, ready: dict[str, Any], folder: Path) -> None:
        self.left_s = 0.0
        self.broker = BinanceBroker(
            api_key="loopback-key",
            secret="loopback-secret",  # noqa: S106
            **ready["endpoints"],
            reached=self.reached,
        )
        self.broker.connect()
        self.journal = Journal.open(folder / "orders.db")
        self.engine = OrderEngine(self.broker, self.journal)
        reconcile(self.engine, self.broker)
        risk = RiskEngine(limits().model_copy(update={"account_id": self.broker.account_id}))
        losses = LossMonitor(risk.config, path=folder / "losses.json")
        view = RiskView(self.broker, risk, kill_switch=KillSwitch(folder / "kill.json"), loss_monitor=losses,
                        now_ns=time.time_ns)  # fmt: skip
        view.working, view.blocked = self.engine.working, self.engine.blocked_symbols
        view.is_reconciled = view.is_confirmed = True
        view.run_id = "bench"
        view.read_account()
        view.read_holdings()
        view.read_quotes(SYMBOLS)
        self.engine.at_send = view.check_at_send
        self.engine.begin_run("bench")
        self.count = 0

    def reached(self, step: str) -> None:
        if step == "send.connected":
            self.left_s = time.perf_counter()

    def order(self) -> Order:
        self.count += 1
        side = Side.BUY if (self.count // len(SYMBOLS)) % 2 == 0 else Side.SELL
        price = 100_010_000_000 if side is Side.BUY else 99_990_000_000
        name = client_order_id("bench", self.count % 1_000_000, 1 + self.count // 1_000_000)
        symbol = SYMBOLS[self.count % len(SYMBOLS)]
        return Order(name, symbol, side, E9, OrderType.LIMIT, price, time_in_force=TimeInForce.GTC)

    def close(self) -> None:
        self.journal.close()
        self.broker.disconnect()


def raw_sync(handle: int) -> float:
    started = time.perf_counter()
    os.write(handle, PAGE)
    os.fdatasync(handle)
    return time.perf_counter() - started


class Minutes:
    """A line for every minute of a long run: does it get slower, does the memory grow?"""

    def __init__(self, desk: Desk, venue_pid: int) -> None:
        self.desk, self.venue_pid = desk, venue_pid
        self.begins_s, self.count, self.whole = time.perf_counter(), desk.count, array("d")

    def add(self, seconds: float) -> None:
        self.whole.append(seconds)
        now_s = time.perf_counter()
        if now_s - self.begins_s >= 60.0:
            rate, memory = (self.desk.count - self.count) / sum(self.whole), [resident_mib(p) for p in self.pids()]
            print(told(f"{rate:6,.0f} orders/s, {memory[0]:.0f} + {memory[1]:.0f} MiB", self.whole), flush=True)
            self.__init__(self.desk, self.venue_pid)  # type: ignore[misc]

    def pids(self) -> tuple[int, int]:
        return os.getpid(), self.venue_pid


def resident_mib(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0


def one_by_one(
    desk: Desk, seconds: float, handle: int, minutes: Minutes
) -> tuple[int, float, array[float], array[float], array[float]]:
    added, whole, raw = array("d"), array("d"), array("d")
    until, spent, filled = time.perf_counter() + seconds, 0.0, 0
    while time.perf_counter() < until:
        raw.append(raw_sync(handle))
        order = desk.order()
        started = time.perf_counter()
        view = desk.engine.submit(order)
        desk.engine.poll()
        ended = time.perf_counter()
        filled += view.state is OrderState.FILLED
        added.append(desk.left_s - started)
        whole.append(ended - started)
        minutes.add(ended - started)
        spent += ended - started
    return filled, spent, added, whole, raw


def grouped(desk: Desk, seconds: float, size: int, minutes: Minutes) -> tuple[int, float]:
    until, spent, filled = time.perf_counter() + seconds, 0.0, 0
    while time.perf_counter() < until:
        orders = [desk.order() for _ in range(size)]
        started = time.perf_counter()
        views = desk.engine.submit_many(orders)
        desk.engine.poll()
        took = time.perf_counter() - started
        spent += took
        minutes.add(took)
        filled += sum(view.state is OrderState.FILLED for view in views)
    return filled, spent


def told(name: str, measured: Sequence[float]) -> str:
    times = sorted(measured)
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    return f"{name:44s} p50 {p50 * 1e3:7.3f} ms   p99 {p99 * 1e3:7.3f} ms   worst {times[-1] * 1e3:7.3f} ms"


@contextmanager
def running_venue(*options: str) -> Iterator[dict[str, Any]]:
    """A process that lives as long as the block."""
    process = subprocess.Popen([sys.executable, __file__, "--venue", *options], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield {**json.loads(process.stdout.readline()), "pid": process.pid}
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venue", action="store_true", help="be the venue")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--group", type=int, default=100)
    parser.add_argument("--only", choices=("single", "grouped"), help="one of the two ways; both without it")
    parser.add_argument("--no-pin", action="store_true", help="let the system choose the cores")
    parser.add_argument("--folder", help="where the journal stands; by default beside other temporary files")
    arguments = parser.parse_args()
    if arguments.venue:
        keep_to(-1, is_wanted=not arguments.no_pin)
        venue()
        return
    no_pin = ("--no-pin",) if arguments.no_pin else ()
    with running_venue(*no_pin) as ready, tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        keep_to(0, is_wanted=not arguments.no_pin)  # not before: a child inherits it
        folder = Path(name)
        desk = Desk(ready, folder)
        handle = os.open(folder / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        one_by_one(desk, 1.0, handle, Minutes(desk, ready["pid"]))
        if arguments.only != "grouped":
            tell_one_by_one(desk, arguments.seconds, handle, ready["pid"])
        if arguments.only != "single":
            tell_grouped(desk, arguments.seconds, arguments.group, ready["pid"])
        report = reconcile(desk.engine, desk.broker)
        print(f"reconciled: {report.is_clean}; journal of {desk.journal.sequence:,} events verified: "
              f"{desk.journal.verify().events:,}")  # fmt: skip
        desk.close()


def tell_one_by_one(desk: Desk, seconds: float, handle: int, venue_pid: int) -> None:
    commits, count, cpu = desk.journal.commits, desk.count, _cpu_s()
    filled, spent, added, whole, raw = one_by_one(desk, seconds, handle, Minutes(desk, venue_pid))
    orders = desk.count - count
    print(f"one by one: {orders / spent:,.0f} orders/s over {spent:.1f} s, {filled} of {orders} filled, "
          f"{(desk.journal.commits - commits) / orders:.2f} commits an order, "
          f"{(_cpu_s() - cpu) / orders * 1e3:.2f} ms of our CPU an order")  # fmt: skip
    print(told("added before the first byte (risk, intent)", added))
    print(told("whole: risk to fill in the journal", whole))
    print(told("raw fdatasync of one page beside each order", raw))


def tell_grouped(desk: Desk, seconds: float, size: int, venue_pid: int) -> None:
    count = desk.count
    filled, spent = grouped(desk, seconds, size, Minutes(desk, venue_pid))
    orders = desk.count - count
    print(f"groups of {size}: {orders / spent:,.0f} orders/s over {spent:.1f} s, {filled} of {orders} filled")


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
