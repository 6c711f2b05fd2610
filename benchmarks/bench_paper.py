"""The paper market and broker: microseconds per order, without a file, with one, and through the order engine.

Usage: python benchmarks/bench_paper.py [orders]. With a file the disk decides: a raw write and fdatasync of a page is
timed beside each order. An order of the broker is one sync, one through the engine three: intent, account, answer.
"""

import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from nanodesk.brokers.paper.broker import PaperBroker
from nanodesk.brokers.paper.market import PaperMarket, VirtualClock
from nanodesk.market.account import Quote
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Order, OrderType
from nanodesk.market.trading_rules import TradingRules
from nanodesk.oms.journal import Journal
from nanodesk.oms.order_engine import OrderEngine


def market() -> PaperMarket:
    quotes = [Quote("AAPL", 99 * E9, 101 * E9, None, 0)]
    return PaperMarket([TradingRules("AAPL")], quotes=quotes, cash_e9={"USD": 10**9 * E9}, now_ns=VirtualClock())


def orders(count: int, price: int) -> list[Order]:
    return [Order(f"o{i}", "AAPL", Side.BUY, E9, OrderType.LIMIT, price * E9) for i in range(count)]


def percentiles(times: list[int]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "p50_us": ordered[len(ordered) // 2] / 1e3,
        "p99_us": ordered[len(ordered) * 99 // 100] / 1e3,
        "per_second": round(len(ordered) / (sum(ordered) / 1e9)),
    }


def timed(call, items, *, less: list[int] | None = None) -> dict[str, float]:
    times = []
    for item in items:
        start = time.perf_counter_ns()
        call(item)
        times.append(time.perf_counter_ns() - start - (less[-1] if less else 0))
    return percentiles(times)


def raw_sync(handle: int) -> int:
    started = time.perf_counter_ns()
    os.write(handle, bytes(4096))
    os.fdatasync(handle)
    return time.perf_counter_ns() - started


def through_the_engine(folder: Path, count: int) -> dict[str, float]:
    broker = PaperBroker(market(), state_path=folder / "engine-account.jsonl")
    broker.connect()
    with Journal.open(folder / "orders.db") as journal:
        engine = OrderEngine(broker, journal)
        engine.begin_run("bench")
        try:
            return timed(lambda order: (engine.submit(order), engine.poll()), orders(count, 101))
        finally:
            broker.disconnect()


def main(count: int) -> None:
    results = {}
    made = market()
    results["market: submit and fill"] = timed(lambda order: made.submit("PAPER", order), orders(count, 101))
    made = market()
    results["market: submit and rest"] = timed(lambda order: made.submit("PAPER", order), orders(count, 90))
    results["market: cancel"] = timed(lambda number: made.cancel("PAPER", number), range(1, count + 1))
    broker = PaperBroker(market())
    broker.connect()
    results["broker: submit and fill"] = timed(broker.submit, orders(count, 101))
    with tempfile.TemporaryDirectory() as folder:
        broker = PaperBroker(market(), state_path=Path(folder) / "account.jsonl")
        broker.connect()
        handle = os.open(Path(folder) / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        raw: list[int] = []

        def submit(order: Order) -> None:
            raw.append(raw_sync(handle))
            broker.submit(order)

        rows = timed(submit, orders(count // 10, 101), less=raw)
        results["broker with file: submit and fill"] = rows
        results["raw write and fdatasync beside each"] = percentiles(raw)
        batches = [orders(count, 101)[at : at + 100] for at in range(count // 10, count // 2, 100)]
        start = time.perf_counter()
        for batch in batches:
            broker.submit_many(batch)
        rate = round(100 * len(batches) / (time.perf_counter() - start))
        results["broker with file: submit_many of 100"] = {"per_second": rate}
        broker.disconnect()
        results["engine over broker with file: intent, fill, answer"] = through_the_engine(Path(folder), count // 10)
    sys.stdout.write(json.dumps({"machine": platform.platform(), "orders": count, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
