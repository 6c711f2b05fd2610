"""The TWS look-alike in a thread of the test's own process, so that a test can reach into the market behind it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from nanodesk.brokers.base import AbsenceRule
from nanodesk.brokers.ibkr.broker import IbkrBroker
from nanodesk.brokers.ibkr.pacing import Pacer
from nanodesk.brokers.ibkr.session import SessionTimes
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.brokers.paper.values import Fees
from nanodesk.market.account import Quote
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.trading_rules import TradingRules
from nanodesk.venues.fault_effects import VenueClock
from nanodesk.venues.faults import Fault, FaultInjector
from nanodesk.venues.server import VenueOptions, VenueProcess
from nanodesk.venues.tws.venue import PAPER_ACCOUNT, TwsVenue, serve

T = TypeVar("T")

QUICK = SessionTimes(connect_s=5.0, request_s=5.0, write_s=2.0, commission_s=0.3, silence_s=30.0, backoff=0.05)


def aapl_quote(bid: str = "184.99", ask: str = "185.01", size: str = "0") -> Quote:
    return Quote("AAPL", parse_e9(bid), parse_e9(ask), None, 0, parse_e9(size), parse_e9(size))


class _Unpaced(Pacer):
    def wait(self, deadline_s: float) -> bool:
        return True


class LoopbackTws:
    """Start it in a ``with`` block; ``call`` runs a function where the market lives."""

    def __init__(self, faults: Iterable[Fault] = (), *, market: PaperMarket | None = None, **options: Any) -> None:
        self.clock = VenueClock()
        self.faults = FaultInjector(faults)
        self.market = market or PaperMarket(
            [TradingRules("AAPL", can_short=True), TradingRules("MSFT"), TradingRules("BRK.B")],
            quotes=[
                aapl_quote(size=options.pop("size", "0")),
                Quote("MSFT", parse_e9("369.95"), parse_e9("370.05"), parse_e9("370"), 0),
            ],
            cash_e9={"USD": 10_000_000 * E9},
            now_ns=self.clock,
            **({"fees": Fees(per_unit_e9=5_000_000)} | options),
        )
        self.venue: TwsVenue
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._process = VenueProcess(self.market, VenueOptions(faults=self.faults), self.clock)

    def __enter__(self) -> LoopbackTws:
        self._thread.start()
        self._wait(self._process.start(self._serve))
        return self

    async def _serve(self, market: PaperMarket, options: VenueOptions) -> TwsVenue:
        self.venue = await serve(market, options)
        return self.venue

    def __exit__(self, *_: object) -> None:
        self._wait(self._process.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _wait(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    @property
    def port(self) -> int:
        return self.venue.port

    def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        async def run() -> T:
            return function(*args, **kwargs)

        result: T = self._wait(run())
        return result

    def broker(self, *, is_paced: bool = False, **changes: Any) -> IbkrBroker:
        """A broker that has not connected; without pacing on both sides unless the test is about it."""
        settings: dict[str, Any] = {
            "port": self.port,
            "client_id": 7,
            "account": PAPER_ACCOUNT,
            "times": QUICK,
            "absence_rule": AbsenceRule(wait_s=0.1, misses=2, spacing_s=0.05),
        }
        broker = IbkrBroker(**(settings | changes))
        if not is_paced:
            self.venue.messages_per_second = 1_000_000
            broker._session._pacer = _Unpaced()
        return broker
