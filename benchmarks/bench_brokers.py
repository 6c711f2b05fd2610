"""Orders a second and microseconds an order of the REST adapters on their loopback venues, beside other clients.

Usage: python benchmarks/bench_brokers.py [--venue binance|alpaca] [--orders 400] [--rounds 3]. The venue runs in a
process of its own; all
clients send the same marketable limit order to the same venue, in turns, so that whatever else the machine does
strikes all of them. Clients that are not installed are left out. Ours also hears the account's events meanwhile and
checks them; the others do not.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

VENUE = """
import asyncio, sys, time
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.market.account import Quote
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.trading_rules import TradingRules
from nanodesk.venues.binance_spot.venue import SpotLimits, serve
from nanodesk.venues.server import VenueOptions

async def main():
    rules = TradingRules("BTC", base="BTC", currency="USDT", lot_e9=E9 // 100_000, min_notional_e9=5 * E9)
    quote = Quote("BTC", parse_e9("49999"), parse_e9("50001"), None, time.time_ns())
    market = PaperMarket([rules], quotes=[quote], cash_e9={"USDT": 10**9 * E9})
    limits = SpotLimits(weight_1m=10**9, orders_10s=10**9, orders_1d=10**9)
    venue = await serve(market, VenueOptions(), limits=limits)
    print(venue.port, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
ALPACA_VENUE = """
import asyncio, time
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.market.account import Quote
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.trading_rules import TradingRules
from nanodesk.venues.alpaca.venue import AlpacaLimits, serve
from nanodesk.venues.server import VenueOptions

async def main():
    quote = Quote("AAPL", parse_e9("184.99"), parse_e9("185.01"), None, time.time_ns())
    market = PaperMarket([TradingRules("AAPL")], quotes=[quote], cash_e9={"USD": 10**9 * E9})
    venue = await serve(market, VenueOptions(), limits=AlpacaLimits(requests_1m=10**9))
    print(venue.port, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
KEY, SECRET = "loopback-key", "loopback-secret"
QUANTITY, PRICE = 0.001, 50001
Client = Callable[[int], list[float]]
"""Sends that many orders one by one, returns the seconds of each."""


@contextmanager
def venue(program: str) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(5)


def one_by_one(send: Callable[[], object], count: int) -> list[float]:
    seconds = []
    for _ in range(count):
        started = time.perf_counter()
        send()
        seconds.append(time.perf_counter() - started)
    return seconds


class Ours:
    def __init__(self, port: int) -> None:
        from nanodesk.brokers.binance.broker import BinanceBroker

        place = f"127.0.0.1:{port}"
        self.broker = BinanceBroker(
            api_key=KEY,
            secret=SECRET,
            base_url=f"http://{place}",
            ws_api_url=f"ws://{place}/ws-api/v3",
            stream_url=f"ws://{place}",
        )
        self.sent = 0

    def order(self) -> object:
        from nanodesk.market.enums import Side, TimeInForce
        from nanodesk.market.fixed_point import E9
        from nanodesk.market.order import Order, OrderType

        self.sent += 1
        return Order(
            f"o-{self.sent}", "BTC", Side.BUY, E9 // 1000, OrderType.LIMIT, PRICE * E9, time_in_force=TimeInForce.GTC
        )

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Only while it is measured: it hears every event of the account, also of the others' orders."""
        self.broker.connect()
        yield
        self.broker.events(0.0)
        self.broker.disconnect()

    def rest(self, count: int) -> list[float]:
        with self.connected():
            return one_by_one(lambda: self.broker.submit(self.order()), count)

    def awaited(self, count: int) -> list[float]:
        """The same calls inside the adapter's loop and without the account's events, as the others are measured."""

        async def send() -> list[float]:
            await self.broker._session.stop()
            return await awaited(lambda: self.broker._placing.submit(self.order()), count)

        with self.connected():
            return self.broker._loop.run(send(), timeout_s=60)

    def many(self, count: int) -> list[float]:
        orders = [self.order() for _ in range(count)]
        with self.connected():
            started = time.perf_counter()
            outcomes = self.broker.submit_many(orders)
            seconds = time.perf_counter() - started
        assert all(outcome.kind.value == "accepted" for outcome in outcomes)
        return [seconds / count] * count


class OursAtAlpaca(Ours):
    def __init__(self, port: int) -> None:
        from nanodesk.brokers.alpaca.broker import AlpacaBroker

        place = f"127.0.0.1:{port}"
        self.broker = AlpacaBroker(  # type: ignore[assignment]
            api_key=KEY,
            secret=SECRET,
            base_url=f"http://{place}",
            stream_url=f"ws://{place}/stream",
            data_url=f"http://{place}",
        )
        self.sent = 0

    def order(self) -> object:
        from nanodesk.market.enums import Side
        from nanodesk.market.fixed_point import E9
        from nanodesk.market.order import Order, OrderType

        self.sent += 1
        return Order(f"o-{self.sent}", "AAPL", Side.BUY, E9, OrderType.LIMIT, 18501 * E9 // 100)


def alpaca_py(port: int) -> Client:
    from alpaca.trading.client import TradingClient
    from alpaca.trading.requests import LimitOrderRequest

    client = TradingClient(KEY, SECRET, url_override=f"http://127.0.0.1:{port}")
    terms = {"symbol": "AAPL", "qty": 1, "side": "buy", "time_in_force": "day", "limit_price": 185.01}
    return lambda count: one_by_one(lambda: client.submit_order(LimitOrderRequest(**terms)), count)


def sdk_client(port: int) -> object:
    from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketAPI
    from binance_sdk_spot.spot import Spot

    place = f"127.0.0.1:{port}"
    return Spot(
        config_rest_api=ConfigurationRestAPI(api_key=KEY, api_secret=SECRET, base_path=f"http://{place}"),
        config_ws_api=ConfigurationWebSocketAPI(api_key=KEY, api_secret=SECRET, stream_url=f"ws://{place}/ws-api/v3"),
    )


ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT"}


def sdk_rest(port: int) -> Client:
    client = sdk_client(port)
    words = {**ORDER, "time_in_force": "GTC", "quantity": QUANTITY, "price": PRICE}
    return lambda count: one_by_one(lambda: client.rest_api.new_order(**words), count)  # type: ignore[attr-defined]


def sdk_ws(port: int) -> Client:
    client = sdk_client(port)
    words = {**ORDER, "time_in_force": "GTC", "quantity": QUANTITY, "price": PRICE}

    async def run(count: int) -> list[float]:
        connection = await client.websocket_api.create_connection()  # type: ignore[attr-defined]
        seconds = await awaited(lambda: connection.order_place(**words), count)
        await connection.close_connection()
        return seconds

    return lambda count: asyncio.run(run(count))


async def awaited(send: Callable[[], object], count: int) -> list[float]:
    seconds = []
    for _ in range(count):
        started = time.perf_counter()
        await send()  # type: ignore[misc]
        seconds.append(time.perf_counter() - started)
    return seconds


def python_binance(port: int) -> Client:
    from binance import AsyncClient

    words = {**ORDER, "timeInForce": "GTC", "quantity": str(QUANTITY), "price": str(PRICE)}

    async def run(count: int) -> list[float]:
        client = AsyncClient(KEY, SECRET)
        client.API_URL = f"http://127.0.0.1:{port}/api"
        seconds = await awaited(lambda: client.create_order(**words), count)
        await client.close_connection()
        return seconds

    return lambda count: asyncio.run(run(count))


def ccxt(port: int) -> Client:
    import ccxt.async_support as library

    async def run(count: int) -> list[float]:
        options = {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False}
        exchange = library.binance({"apiKey": KEY, "secret": SECRET, "options": {**options, "fetchMargins": False}})
        exchange.enableRateLimit = False
        address = f"http://127.0.0.1:{port}/api/v3"
        exchange.urls["api"].update(public=address, private=address)
        await exchange.load_markets()
        seconds = await awaited(lambda: exchange.create_order("BTC/USDT", "limit", "buy", QUANTITY, PRICE), count)
        await exchange.close()
        return seconds

    return lambda count: asyncio.run(run(count))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--venue", choices=("binance", "alpaca"))
    parser.add_argument("--orders", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    for name, (program, clients_of) in VENUES.items():
        if options.venue in (None, name):
            with venue(program) as port:
                measure(clients_of(port), options.orders, options.rounds)


def binance_clients(port: int) -> dict[str, Client]:
    ours = Ours(port)
    clients: dict[str, Client] = {
        "nanodesk, submit (REST, with events)": ours.rest,
        "nanodesk, the same awaited, no events": ours.awaited,
        "nanodesk, submit_many (WebSocket API)": ours.many,
    }
    others = {
        "binance-sdk-spot, REST": sdk_rest,
        "binance-sdk-spot, WebSocket API": sdk_ws,
        "python-binance, REST": python_binance,
        "ccxt, REST": ccxt,
    }
    for name, make in others.items():
        with suppress(ImportError):
            clients[name] = make(port)
    return clients


def alpaca_clients(port: int) -> dict[str, Client]:
    ours = OursAtAlpaca(port)
    clients: dict[str, Client] = {
        "nanodesk at Alpaca, submit (with events)": ours.rest,
        "nanodesk at Alpaca, the same awaited, no events": ours.awaited,
        "nanodesk at Alpaca, submit_many (8 connections)": ours.many,
    }
    with suppress(ImportError):
        clients["alpaca-py"] = alpaca_py(port)
    return clients


VENUES = {"binance": (VENUE, binance_clients), "alpaca": (ALPACA_VENUE, alpaca_clients)}


def measure(clients: dict[str, Client], orders: int, rounds: int) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in clients}
    for send in clients.values():
        send(20)
    for _ in range(rounds):
        for name, send in clients.items():
            seconds[name] += send(orders)
    print("| client | orders/s | p50 us | p99 us |\n|---|---|---|---|")
    for name, found in seconds.items():
        found.sort()
        p50, p99 = statistics.median(found), found[int(len(found) * 0.99)]
        print(f"| {name} | {len(found) / sum(found):.0f} | {p50 * 1e6:.0f} | {p99 * 1e6:.0f} |")


if __name__ == "__main__":
    main()
