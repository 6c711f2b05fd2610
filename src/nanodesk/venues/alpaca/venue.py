"""A loopback venue that speaks Alpaca Trading v2: REST, the trade stream, and the newest quotes of market data.

Real clients trade on it unmodified; the matching and the money are those of the paper market behind it. It listens
on this machine only, in plain text.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping

from aiohttp import web

from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.venues.alpaca.desk import AlpacaDesk
from nanodesk.venues.alpaca.limits import AlpacaLimits, AlpacaMeter
from nanodesk.venues.alpaca.market_data import AlpacaMarketData
from nanodesk.venues.alpaca.rest import AlpacaAuthority, AlpacaRest
from nanodesk.venues.alpaca.session import AlpacaSessions
from nanodesk.venues.http_faults import ConnectionEnded
from nanodesk.venues.server import VenueOptions

__all__ = ["AlpacaLimits", "AlpacaVenue", "serve"]


class AlpacaVenue:
    """A venue that listens.

    Parameters
    ----------
    market : PaperMarket
        Behind it.
    options : VenueOptions
        How to run.
    limits : AlpacaLimits
        Rate limits.
    """

    def __init__(self, market: PaperMarket, options: VenueOptions, limits: AlpacaLimits) -> None:
        self._market = market
        self._options = options
        self._counts: Counter[str] = Counter()
        authority = AlpacaAuthority(options.api_key, options.api_secret)
        desk = AlpacaDesk(market, account_id=options.account_id, seed=options.seed, now_ns=self.now_ns)
        data = AlpacaMarketData(market, self.now_ns)
        meters = (self._meter(limits), self._meter(limits))
        self._rest = AlpacaRest(desk, data, authority, meters, options.faults, self._counts, self.drop_clients)
        self._sessions = AlpacaSessions(desk, authority, limits, options.faults, self._counts)
        self._runner: web.ServerRunner | None = None
        self._clock: asyncio.Task[None] | None = None
        self._port = 0

    def _meter(self, limits: AlpacaLimits) -> AlpacaMeter:
        return AlpacaMeter(limits.requests_1m, lambda: self.now_ns() / 1e9)

    @property
    def name(self) -> str:
        """``alpaca``."""
        return "alpaca"

    @property
    def port(self) -> int:
        """Port that it listens on."""
        return self._port

    @property
    def endpoints(self) -> Mapping[str, str]:
        """``base_url``, ``stream_url`` and ``data_url``, as the adapter wants them."""
        place = f"{self._options.host}:{self._port}"
        return {
            "base_url": f"http://{place}",
            "stream_url": f"ws://{place}/stream",
            "data_url": f"http://{place}",
        }

    def now_ns(self) -> int:
        """The venue's clock.

        Returns
        -------
        now_ns : int
            That of the market.
        """
        return self._market.now_ns()

    def counts(self) -> Mapping[str, int]:
        """Messages by name since the start."""
        return dict(sorted(self._counts.items()))

    async def start(self) -> None:
        """Listen."""
        self._runner = web.ServerRunner(
            web.Server(self._handle, handler_cancellation=True, access_log=None, keepalive_timeout=300.0)
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._options.host, self._options.port, backlog=512)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._clock = asyncio.get_running_loop().create_task(self._keep_time())

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if path.startswith("/v2/"):
            return await self._rest.answer(request, path.removeprefix("/v2/"))
        if path == "/stream":
            try:
                return await self._sessions.serve(request)
            except ConnectionEnded:
                if request.transport is not None:
                    request.transport.abort()
                raise web.HTTPServiceUnavailable from None
        return web.json_response({"code": 40410000, "message": "endpoint not found"}, status=404)

    async def _keep_time(self) -> None:
        # Delayed requests and reports of the market happen when their time comes, not when the next client asks.
        while True:
            self._market.advance()
            due = self._market.next_due_ns()
            wait_s = 0.05 if due is None else min(max((due - self._market.now_ns()) / 1e9, 0.0), 0.05)
            await asyncio.sleep(wait_s)

    async def drop_clients(self) -> None:
        """End every connection at once, as a restart does; the venue listens on."""
        self._rest.drop()
        await self._sessions.drop()

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._clock is not None:
            self._clock.cancel()
        await self.drop_clients()
        if self._runner is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(2.0):
                    await self._runner.cleanup()


async def serve(market: PaperMarket, options: VenueOptions, *, limits: AlpacaLimits | None = None) -> AlpacaVenue:
    """Run the venue in the current event loop.

    Parameters
    ----------
    market : PaperMarket
        Behind it; its symbols are shares in its currency.
    options : VenueOptions
        How to run.
    limits : AlpacaLimits, optional
        Rate limits, else those of a usual account.

    Returns
    -------
    venue : AlpacaVenue
        It listens already.
    """
    venue = AlpacaVenue(market, options, limits or AlpacaLimits())
    await venue.start()
    return venue
