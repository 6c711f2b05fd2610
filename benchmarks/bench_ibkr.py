"""Interactive Brokers on the loopback venue: codec, pace at the receiver, orders a second, fills consumed.

Usage: python benchmarks/bench_ibkr.py [--orders 2000]. The venue runs in a process of its own. Rows marked "unpaced"
have the pace of 40 messages a second taken off on both sides, to show what the adapter itself costs; a real gateway
takes 50 a second, and then nothing else matters.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nanodesk.brokers.base import OutcomeKind
from nanodesk.brokers.ibkr.broker import IbkrBroker
from nanodesk.brokers.ibkr.codec import TwsCodec
from nanodesk.brokers.ibkr.messages import TwsContract
from nanodesk.brokers.ibkr.pacing import Pacer
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.order import Execution, Order, OrderType

VENUE = """
import asyncio, json, sys, time
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.market.account import Quote
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.trading_rules import TradingRules
from nanodesk.venues.server import VenueOptions
from nanodesk.venues.tws.venue import serve

async def main():
    quote = Quote("AAPL", parse_e9("184.99"), parse_e9("185.01"), None, time.time_ns())
    market = PaperMarket([TradingRules("AAPL")], quotes=[quote], cash_e9={"USD": 10**9 * E9})
    venue = await serve(market, VenueOptions())
    venue.messages_per_second = int(sys.argv[1])
    print(venue.port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(json.dumps(dict(venue.counts())), flush=True)
    await venue.close()

asyncio.run(main())
"""


class Unpaced(Pacer):
    def wait(self, deadline_s: float) -> bool:  # noqa: ARG002
        return True


@contextmanager
def venue(messages_per_second: int, counts: dict[str, int]) -> Iterator[int]:
    command = [sys.executable, "-c", VENUE, str(messages_per_second)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdin is not None
        yield int(process.stdout.readline())
        process.stdin.close()
        counts.update(json.loads(process.stdout.readline()))


@contextmanager
def connected(port: int, *, is_paced: bool) -> Iterator[IbkrBroker]:
    broker = IbkrBroker(port=port, client_id=7, account="DU0000001")
    if not is_paced:
        broker._session._pacer = Unpaced()
    broker.connect()
    yield broker
    broker.disconnect()


def order(name: str, price: str = "185.01") -> Order:
    return Order(name, "AAPL", Side.BUY, E9, OrderType.LIMIT, parse_e9(price))


def percentiles(seconds: list[float]) -> str:
    cuts = statistics.quantiles(seconds, n=100)
    return f"p50 {cuts[49] * 1e6:,.0f} us, p99 {cuts[98] * 1e6:,.0f} us"


def rate(name: str, count: int, run: Callable[[], object]) -> None:
    started = time.perf_counter()
    run()
    print(f"{name:<44}{count / (time.perf_counter() - started):>12,.0f} /s")


def codec_rows() -> None:
    codec, contract, one = TwsCodec(), TwsContract("AAPL"), order("o-1")
    status = b"3\0005\0Submitted\0000\000100\0000\0001000000001\0000\0000\0007\000\0000\000"
    fill = "\0".join(
        ["11", "-1", "5", "1", "AAPL", "STK", "", "0", "", "", "SMART", "USD", "AAPL", "NMS", "0000e0d5.1.01.01"]
        + ["20261120 09:30:00 UTC", "DU1", "NASDAQ", "BOT", "100", "185.05", "77", "7", "0", "100", "185.05", "r"]
        + ["", "", "", "2", "0", ""]
    ).encode()
    rate("write placeOrder", 5_000, lambda: [codec.place_order(5, contract, one, "DU1") for _ in range(5_000)])
    rate("read orderStatus", 50_000, lambda: [codec.parse(status) for _ in range(50_000)])
    rate("read execDetails", 20_000, lambda: [codec.parse(fill) for _ in range(20_000)])


def paced_row(count: int) -> None:
    counts: dict[str, int] = {}
    with venue(50, counts) as port, connected(port, is_paced=True) as broker:
        started = time.perf_counter()
        outcomes = broker.submit_many([order(f"p-{index}") for index in range(count)])
        seconds = time.perf_counter() - started
        assert {one.kind for one in outcomes} == {OutcomeKind.ACCEPTED}
    print(f"{'paced, submit_many':<44}{count / seconds:>12,.1f} /s, worst second {counts['worst_second']} of 50")


def unpaced_rows(count: int) -> None:
    with venue(10**9, {}) as port, connected(port, is_paced=False) as broker:
        seconds, fills = [], 0
        for index in range(count):
            started = time.perf_counter()
            outcome = broker.submit(order(f"s-{index}"))
            seconds.append(time.perf_counter() - started)
            assert outcome.kind is OutcomeKind.ACCEPTED
        print(f"{'unpaced, submit one by one':<44}{count / sum(seconds):>12,.0f} /s, {percentiles(seconds)}")
        started = time.perf_counter()
        broker.submit_many([order(f"m-{index}") for index in range(count)])
        print(f"{'unpaced, submit_many':<44}{count / (time.perf_counter() - started):>12,.0f} /s")
        while fills < 2 * count and (events := broker.events(2.0)):
            fills += sum(isinstance(event, Execution) for event in events)
        print(f"{'fills told':<44}{fills:>12,} of {2 * count:,}")


async def library_row(count: int) -> None:
    import ib_async

    with venue(10**9, {}) as port:
        ib: Any = ib_async.IB()
        ib.client.MaxRequests = 0
        await ib.connectAsync("127.0.0.1", port, clientId=3, timeout=10)
        [contract] = await ib.qualifyContractsAsync(ib_async.Stock("AAPL", "SMART", "USD"))
        started = time.perf_counter()
        trades = [ib.placeOrder(contract, ib_async.LimitOrder("BUY", 1, 185.01)) for _ in range(count)]
        while not all(trade.isDone() for trade in trades):
            await asyncio.sleep(0.005)
        print(f"{'unpaced, ib_async placeOrder':<44}{count / (time.perf_counter() - started):>12,.0f} /s")
        ib.disconnect()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, default=2_000)
    count = parser.parse_args().orders
    logging.disable(logging.CRITICAL)
    codec_rows()
    paced_row(min(count, 200))
    unpaced_rows(count)
    asyncio.run(library_row(count))


if __name__ == "__main__":
    main()
