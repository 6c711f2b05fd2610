"""A loopback venue that speaks Binance Spot: REST v3, WebSocket API, the account's events and market streams.

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
from nanodesk.venues.binance_spot.authority import SpotAuthority
from nanodesk.venues.binance_spot.desk import SpotDesk
from nanodesk.venues.binance_spot.limits import SpotLimits, SpotMeter
from nanodesk.venues.binance_spot.rest import SpotRest
from nanodesk.venues.binance_spot.session import SpotSessions
from nanodesk.venues.binance_spot.streams import SpotStreams
from nanodesk.venues.server import VenueOptions

__all__ = ["BinanceSpotVenue", "SpotLimits", "serve"]


class BinanceSpotVenue:
    """A venue that listens.

    Parameters
    ----------
    market : PaperMarket
        Behind it.
    options : VenueOptions
        How to run.
    limits : SpotLimits
        Rate limits.
    """

    def __init__(self, market: PaperMarket, options: VenueOptions, limits: SpotLimits) -> None:
        self._market = market
        self._options = options
        self._counts: Counter[str] = Counter()
        authority = SpotAuthority(options.api_key, options.api_secret, self.now_ns)
        meter = SpotMeter(limits, lambda: self.now_ns() / 1e9)
        self.desk = SpotDesk(
            market,
            account_id=options.account_id,
            quote_asset=options.quote_asset,
            meter=meter,
            now_ns=self.now_ns,
        )
        self._rest = SpotRest(self.desk, authority, meter, options.faults, self._counts, self.drop_clients)
        self._sessions = SpotSessions(self.desk, authority, meter, options.faults, self._counts, self.now_ns)
        self._streams = SpotStreams(self.desk, self._counts, self.now_ns)
        self._runner: web.ServerRunner | None = None
        self._clock: asyncio.Task[None] | None = None
        self._port = 0

    @property
    def name(self) -> str:
        """``binance``."""
        return "binance"

    @property
    def port(self) -> int:
        """Port that it listens on."""
        return self._port

    @property
    def endpoints(self) -> Mapping[str, str]:
        """``base_url``, ``ws_api_url`` and ``stream_url``, as the adapter wants them."""
        place = f"{self._options.host}:{self._port}"
        return {
            "base_url": f"http://{place}",
            "ws_api_url": f"ws://{place}/ws-api/v3",
            "stream_url": f"ws://{place}",
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
        self._streams.start()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if path.startswith("/api/v3/"):
            return await self._rest.answer(request, path.removeprefix("/api/v3/"))
        if path == "/ws-api/v3":
            return await self._sessions.serve(request)
        if path == "/stream" or path == "/ws" or path.startswith("/ws/"):
            return await self._streams.serve(request, path)
        return web.json_response({"code": -1000, "msg": "There is nothing here."}, status=404)

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
        await self._streams.drop()

    async def announce_shutdown(self) -> None:
        """Tell every session that the venue will end it soon."""
        await self._sessions.announce_shutdown()

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._clock is not None:
            self._clock.cancel()
        self._streams.stop()
        await self.drop_clients()
        if self._runner is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(2.0):
                    await self._runner.cleanup()


async def serve(market: PaperMarket, options: VenueOptions, *, limits: SpotLimits | None = None) -> BinanceSpotVenue:
    """Run the venue in the current event loop.

    Parameters
    ----------
    market : PaperMarket
        Behind it; its symbols are base assets, named with the quote asset behind them here.
    options : VenueOptions
        How to run.
    limits : SpotLimits, optional
        Rate limits, else those of a usual account.

    Returns
    -------
    venue : BinanceSpotVenue
        It listens already.
    """
    venue = BinanceSpotVenue(market, options, limits or SpotLimits())
    await venue.start()
    return venue
