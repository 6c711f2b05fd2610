"""What every loopback venue shares: its options, what its module provides, and the process that runs it."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from nanodesk.atomic_file import write_text
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.brokers.paper.truth import truth
from nanodesk.brokers.paper.values import MarketEvent
from nanodesk.errors import ValidationError
from nanodesk.venues.admin import AdminActions, AdminServer
from nanodesk.venues.fault_effects import VenueClock, strike_venue
from nanodesk.venues.faults import Fault, FaultInjector

_log = logging.getLogger(__name__)
_LONGEST_WAIT_S: Final = 0.05
"""How often the market looks at its clock, so that a latency made meanwhile is not overslept."""


@dataclass(frozen=True, slots=True)
class VenueOptions:
    """How to run a venue.

    Parameters
    ----------
    host : str, default "127.0.0.1"
        Address to bind; anything but loopback needs ``--allow-remote`` at the command line.
    port : int, default 0
        0 lets the system choose.
    admin_port : int, default 0
        Port of the desk's own endpoint (truth, quotes, faults), always on 127.0.0.1.
    seed : int, default 0
        Of everything random, ids included.
    faults : FaultInjector
        What goes wrong.
    account_id : str, default "PAPER"
        Account of the market that clients trade.
    quote_asset : str, default "USDT"
        At the Binance look-alike: what follows the desk's symbol in a pair, and the market's currency.
    api_key, api_secret : str
        What clients of the two REST venues must show. Rehearsal values, no secrets.
    truth_path : Path, optional
        Where the truth is written when the venue stops.
    clock_offset_ns : callable
        The venue's clock minus the machine's, for information: ``market.now_ns()`` is the venue's time already,
        offset included.
    """

    host: str = "127.0.0.1"
    port: int = 0
    admin_port: int = 0
    seed: int = 0
    faults: FaultInjector = field(default_factory=FaultInjector)
    account_id: str = "PAPER"
    quote_asset: str = "USDT"
    api_key: str = "loopback-key"
    api_secret: str = "loopback-secret"  # noqa: S105  (of a venue that trades no money)
    truth_path: Path | None = None
    clock_offset_ns: Callable[[], int] = lambda: 0


class RunningVenue(Protocol):
    """What ``serve`` gives back: a venue that listens."""

    @property
    def name(self) -> str:
        """``binance``, ``alpaca`` or ``tws``."""

    @property
    def port(self) -> int:
        """Port that it listens on."""

    @property
    def endpoints(self) -> Mapping[str, str]:
        """Addresses by name, printed when ready: ``base_url``, ``ws_api_url``, ``stream_url``, ..."""

    def counts(self) -> Mapping[str, int]:
        """Messages by name since the start, for the truth dump."""

    async def drop_clients(self) -> None:
        """End every connection at once, as a restart does; the venue listens on."""

    async def close(self) -> None:
        """Stop listening and end every connection."""


Serve = Callable[[PaperMarket, VenueOptions], Awaitable[RunningVenue]]
"""Each venue module has one: ``async def serve(market, options)``; it returns as soon as the venue listens."""


def truth_of(market: PaperMarket, venue: RunningVenue, faults: FaultInjector) -> dict[str, Any]:
    """Everything the venue knows, for tests to compare with.

    Parameters
    ----------
    market : PaperMarket
        Behind the venue.
    venue : RunningVenue
        Its message counts.
    faults : FaultInjector
        What struck.

    Returns
    -------
    truth : dict
        See ``docs/venues.md``.
    """
    return {**truth(market), "venue": venue.name, "messages": dict(venue.counts()), "faults": list(faults.struck)}


class VenueProcess:
    """One venue and the desk's door to it on one event loop.

    Parameters
    ----------
    market : PaperMarket
        Behind the venue; its clock must be ``clock``.
    options : VenueOptions
        How to run it.
    clock : VenueClock
        The venue's.
    """

    def __init__(self, market: PaperMarket, options: VenueOptions, clock: VenueClock) -> None:
        self._market = market
        self._options = options
        self._clock = clock
        self._venue: RunningVenue | None = None
        self._admin: AdminServer | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._dropping: set[asyncio.Task[None]] = set()

    async def start(self, serve: Serve) -> dict[str, Any]:
        """Listen on both ports.

        Parameters
        ----------
        serve : callable
            Of the venue's module.

        Returns
        -------
        ready : dict
            What is printed: ``venue``, ``host``, ``port``, ``admin_url``, ``account``, ``endpoints``.
        """
        options, market = self._options, self._market
        self._venue = venue = await serve(market, options)
        actions = AdminActions(market, options.faults, self._clock, options.account_id, self.truth, self._restart)
        self._admin = AdminServer(actions)
        await self._admin.start(options.admin_port)
        market.listen(options.account_id, self._hear)
        self._ticker = asyncio.create_task(self._tick())
        return {
            "venue": venue.name,
            "host": options.host,
            "port": venue.port,
            "admin_url": f"http://127.0.0.1:{self._admin.port}/_desk",
            "account": options.account_id,
            "endpoints": dict(venue.endpoints),
        }

    def truth(self) -> dict[str, Any]:
        """Everything the venue knows now.

        Returns
        -------
        truth : dict
            See :func:`truth_of`.
        """
        if self._venue is None:
            raise ValidationError("The venue has not been started.", field="venue", value=None)
        return truth_of(self._market, self._venue, self._options.faults)

    def _restart(self) -> None:
        if self._venue is not None:
            task = asyncio.ensure_future(self._venue.drop_clients())
            self._dropping.add(task)
            task.add_done_callback(self._dropping.discard)

    def _hear(self, event: MarketEvent) -> None:
        fault = self._options.faults.venue(event.kind.value)
        if fault is not None:
            # Later: a listener must not call the market back.
            asyncio.get_running_loop().call_soon(self._strike, fault, event)

    def _strike(self, fault: Fault, event: MarketEvent) -> None:
        own = getattr(self._venue, "strike", None)
        if own is not None and own(fault):
            return  # the venue has its own way, as the nightly reset of TWS
        try:
            strike_venue(fault, event, self._market, self._clock, self._restart)
        except ValidationError as error:
            _log.warning("fault_failed", extra={"fault": fault.kind.value, "reason": str(error)})

    async def _tick(self) -> None:
        while True:
            due = self._market.next_due_ns()
            wait = _LONGEST_WAIT_S if due is None else (due - self._market.now_ns()) / 1e9
            await asyncio.sleep(min(max(wait, 0.0), _LONGEST_WAIT_S))
            self._market.advance()

    async def stop(self) -> None:
        """Stop both, and write the truth where the options say."""
        if self._ticker is not None:
            self._ticker.cancel()
        if self._options.truth_path is not None and self._venue is not None:
            text = json.dumps(self.truth(), sort_keys=True, separators=(",", ":")) + "\n"
            write_text(self._options.truth_path, text)
        if self._venue is not None:
            await self._venue.close()
        if self._admin is not None:
            await self._admin.close()


async def run_venue(
    market: PaperMarket,
    options: VenueOptions,
    clock: VenueClock,
    serve: Serve,
    say: Callable[[dict[str, Any]], None],
) -> None:
    """Run a venue until SIGTERM or SIGINT.

    Parameters
    ----------
    market : PaperMarket
        Behind the venue.
    options : VenueOptions
        How to run it.
    clock : VenueClock
        The market's clock.
    serve : callable
        Of the venue's module.
    say : callable
        Told once that the venue is ready, with what to print.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    process = VenueProcess(market, options, clock)
    try:
        say(await process.start(serve))
        await stopping.wait()
    finally:
        await process.stop()
