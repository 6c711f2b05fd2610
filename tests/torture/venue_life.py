"""One venue in a process of its own, with three instruments whose displayed size never fills an order whole."""

from __future__ import annotations

import asyncio
import importlib
import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any, Final

from nanodesk.brokers.paper import admin as paper_admin
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.brokers.paper.values import EventKind, MarketEvent
from nanodesk.market.account import Quote
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.trading_rules import TradingRules
from nanodesk.venues.fault_effects import VenueClock
from nanodesk.venues.faults import FaultInjector
from nanodesk.venues.server import VenueOptions, run_venue

MODULES: Final = {
    "binance": "nanodesk.venues.binance_spot.venue",
    "ibkr": "nanodesk.venues.tws.venue",
    "alpaca": "nanodesk.venues.alpaca.venue",
}
"""The venue's module by the name of its broker."""

SYMBOLS: Final = ("AAA", "BBB", "CCC")
CASH: Final = "900000"
HELD: Final = {"AAA": "1000"}
WEIGHTS: Final = {"AAA": 0.05003, "BBB": 0.05003, "CCC": 0.03003}
"""A third of a share away from every rounding, so that a price paid a little better changes no target quantity."""

BID, ASK, FAR_BID, FAR_ASK = "99.99", "100.01", "99.00", "101.00"
_ENOUGH: Final = "100000"

LATER_S: Final = 0.03
LATER_QUANTITY_E9: Final = 50 * E9
"""An order that was filled in part gets this much more a moment later, whether its client still lives or not."""


def available() -> tuple[str, ...]:
    """Brokers whose venue is part of this build."""
    return tuple(name for name, module in MODULES.items() if importlib.util.find_spec(module) is not None)


def stock(size: str) -> list[dict[str, Any]]:
    """Bodies for the venue's door that put ``size`` at the touch of every instrument, and plenty far from it."""
    far = {"bids": [[FAR_BID, _ENOUGH]], "asks": [[FAR_ASK, _ENOUGH]]}
    touch = {"bid": BID, "ask": ASK, "last": "100", "bid_size": size, "ask_size": size}
    return [{"symbol": symbol, **touch, **far} for symbol in SYMBOLS]


def serve_venue(kind: str, say: Callable[[dict[str, Any]], None], *, seed: int = 0) -> None:
    """Run until SIGTERM; ``say`` is told the ready line."""
    currency = "USDT" if kind == "binance" else "USD"
    clock = VenueClock()
    quotes = [Quote(name, parse_e9(BID), parse_e9(ASK), 100 * E9, time.time_ns(), 100 * E9, 100 * E9)
              for name in SYMBOLS]  # fmt: skip
    market = PaperMarket(
        [TradingRules(name, currency=currency, base=name if kind == "binance" else "") for name in SYMBOLS],
        quotes=quotes,
        cash_e9={currency: parse_e9(CASH)},
        holdings_e9={name: parse_e9(quantity) for name, quantity in HELD.items()},
        now_ns=clock,
        seed=seed,
    )
    options = VenueOptions(seed=seed, faults=FaultInjector(seed=seed), clock_offset_ns=clock.offset_ns)
    asyncio.run(run_venue(market, options, clock, _serve(kind), say))


class _Later:
    def __init__(self, market: PaperMarket) -> None:
        self._market, self._seen = market, set[int]()

    def hear(self, event: MarketEvent) -> None:
        order = event.order
        if event.kind is EventKind.TRADE and order is not None and order.is_open and order.number not in self._seen:
            self._seen.add(order.number)
            asyncio.get_running_loop().call_later(LATER_S, self._fill, order.number)

    def _fill(self, number: int) -> None:
        order = self._market.order(number)
        if order is not None and order.is_open:
            quantity = min(LATER_QUANTITY_E9, order.leaves_quantity_e9)
            paper_admin.force_fill(self._market, number, quantity_e9=quantity)


def _serve(kind: str) -> Callable[..., Any]:
    async def serve(market: PaperMarket, options: VenueOptions) -> Any:
        market.listen(options.account_id, _Later(market).hear)
        module = importlib.import_module(MODULES[kind])
        if kind == "binance":
            limits = module.SpotLimits(weight_1m=10**8, orders_10s=10**7, orders_1d=10**8)
            return await module.serve(market, options, limits=limits)
        if kind == "alpaca":
            return await module.serve(market, options, limits=module.AlpacaLimits(requests_1m=10**7))
        venue = await module.serve(market, options)
        if kind == "ibkr":
            venue.messages_per_second = 1_000_000
        return venue

    return serve


def ask(admin_url: str, name: str, body: dict[str, Any] | None = None) -> Any:
    """One request at the venue's door."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{admin_url}/{name}", data), timeout=20) as answer:  # noqa: S310
        return json.load(answer)
