"""A loopback Alpaca venue on a thread of the test, and brokers that trade on it."""

import asyncio
import contextlib
import threading
import time

from nanodesk.brokers.alpaca.broker import AlpacaBroker
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.market.account import Quote
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.order import Order, OrderType
from nanodesk.market.trading_rules import TradingRules
from nanodesk.venues.alpaca.venue import AlpacaLimits, serve
from nanodesk.venues.fault_effects import VenueClock
from nanodesk.venues.faults import Fault, FaultInjector
from nanodesk.venues.server import VenueOptions
from secret_watch import marked

KEY, SECRET = "PK" + marked("key"), marked("secret-83ab")
WIDE = AlpacaLimits(requests_1m=10**7)


def market(**options):
    """AAPL at 184.99 / 185.01, 100 shown, and MSFT at 370 / 370.10; 1 000 000 USD and 10 AAPL to begin with."""
    now = time.time_ns()
    return PaperMarket(
        [TradingRules("AAPL"), TradingRules("MSFT", can_short=True)],
        quotes=[quote("AAPL", "184.99", "185.01", now), quote("MSFT", "370", "370.10", now)],
        cash_e9={"USD": 10**6 * E9},
        holdings_e9={"AAPL": 10 * E9},
        **options,
    )


def quote(symbol, bid, ask, now=0, size="100"):
    return Quote(symbol, parse_e9(bid), parse_e9(ask), None, now, parse_e9(size), parse_e9(size))


class Venue:
    """A venue that listens, with its own loop; ``do`` runs something between two of its requests."""

    def __init__(self, *, limits=WIDE, port=0, made=None, **options):
        self.clock = VenueClock()
        self.market = made or market(now_ns=self.clock, **options)
        self.faults = FaultInjector()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.options = VenueOptions(
            port=port, api_key=KEY, api_secret=SECRET, faults=self.faults, clock_offset_ns=self.clock.offset_ns
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

    def move(self, symbol, bid, ask, size="100"):
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
    broker = AlpacaBroker(
        api_key=KEY,
        secret=secret,
        **{
            **venue.endpoints,
            "deadline_s": 3.0,
            "absence_wait_s": 0.1,
            "absence_spacing_s": 0.1,
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


def limit(name, side=Side.BUY, quantity="10", price="185.01", symbol="AAPL", tif=TimeInForce.DAY, **fields):
    return Order(name, symbol, side, parse_e9(quantity), OrderType.LIMIT, parse_e9(price), time_in_force=tif, **fields)
