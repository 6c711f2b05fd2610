"""What every loopback venue shares: its options, what its module provides, and the process that runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from nanodesk.brokers.paper_market import PaperMarket
from nanodesk.venues.faults import FaultInjector


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
        The venue's clock minus the machine's, asked whenever the venue tells the time; faults move it.
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
    from nanodesk.brokers.paper_truth import truth

    return {**truth(market), "venue": venue.name, "messages": dict(venue.counts()), "faults": list(faults.struck)}
