"""A loopback Binance venue on a thread of the test, and brokers that trade on it."""

import asyncio
import contextlib
import threading
import time

from nanodesk.brokers.binance.broker import BinanceBroker
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.brokers.paper.values import Fees
from nanodesk.market.account import Quote
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.order import Order, OrderType
from nanodesk.market.trading_rules import TradingRules
from nanodesk.venues.binance_spot.venue import SpotLimits, serve
from nanodesk.venues.fault_effects import VenueClock
from nanodesk.venues.faults import Fault, FaultInjector
from nanodesk.venues.server import VenueOptions
from secret_watch import marked

KEY, SECRET = marked("key-51c9"), marked("secret-83ab")
WIDE = SpotLimits(weight_1m=10**8, orders_10s=10**7, orders_1d=10**8)
BTC = TradingRules("BTC", base="BTC", currency="USDT", tick_e9=E9 // 100, lot_e9=E9 // 100_000, min_notional_e9=5 * E9)
ETH = TradingRules("ETH", base="ETH", currency="USDT", tick_e9=E9 // 100, lot_e9=E9 // 10_000, min_notional_e9=5 * E9)


def market(**options):
    """BTC at 49 999 / 50 001 and ETH at 2 999 / 3 001, 50 of each shown; 1 000 000 USDT and 10 BTC to begin with."""
    now = time.time_ns()
    return PaperMarket(
        [BTC, ETH],
        quotes=[quote("BTC", "49999", "50001", now), quote("ETH", "2999", "3001", now)],
        cash_e9={"USDT": 10**6 * E9},
        holdings_e9={"BTC": 10 * E9},
        fees=Fees.bps(maker="10", taker="10"),
        **options,
    )


def quote(symbol, bid, ask, now=0, size="50"):
    return Quote(symbol, parse_e9(bid), parse_e9(ask), None, now, parse_e9(size), parse_e9(size))


class Venue:
    """A venue that listens, with its own loop; ``do`` runs something between two of its requests."""

    def __init__(self, *, limits=WIDE, secret=SECRET, port=0, made=None, **options):
        self.clock = VenueClock()
        self.market = made or market(now_ns=self.clock, **options)
        self.faults = FaultInjector()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.options = VenueOptions(
            port=port, api_key=KEY, api_secret=secret, faults=self.faults, clock_offset_ns=self.clock.offset_ns
        )
        self.venue = self.run(serve(self.market, self.options, limits=limits))
        self.endpoints = dict(self.venue.endpoints)
        self.port = self.venue.port

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def do(self, action):
        async def act():
            return action()

        return self.run(act())

    def fault(self, kind, **fields):
        self.do(lambda: self.faults.add(Fault(kind, **fields)))

    def orders(self):
        return self.do(lambda: self.market.orders("PAPER"))

    def executions(self):
        return self.do(lambda: self.market.executions("PAPER"))

    def move(self, symbol, bid, ask, size="50"):
        self.do(lambda: self.market.set_quote(quote(symbol, bid, ask, time.time_ns(), size)))

    def close(self):
        self.run(self.venue.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()


@contextlib.contextmanager
def running(**options):
    venue = Venue(**options)
    try:
        yield venue
    finally:
        venue.close()


@contextlib.contextmanager
def trading(venue, *, secret=SECRET, connect=True, **options):
    broker = BinanceBroker(
        api_key=KEY,
        secret=secret,
        **{
            **venue.endpoints,
            "deadline_s": 3.0,
            "recv_window_ms": 1000,
            "first_wait_s": 0.02,
            **options,
        },
    )
    try:
        if connect:
            broker.connect()
        yield broker
    finally:
        broker.disconnect()


def limit(name, side=Side.BUY, quantity="0.5", price="50001", symbol="BTC", tif=TimeInForce.GTC, **fields):
    return Order(name, symbol, side, parse_e9(quantity), OrderType.LIMIT, parse_e9(price), time_in_force=tif, **fields)
