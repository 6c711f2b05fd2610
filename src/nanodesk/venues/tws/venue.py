"""A look-alike of TWS and IB Gateway on the loopback, server version 178, over one paper market.

Unmodified clients of the TWS API connect to it, read account, orders and quotes, and trade. Orders, fills and ids
live in the market and outlive every connection.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from nanodesk.brokers.event_loop import BackgroundTasks
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.brokers.paper.values import EventKind, MarketEvent
from nanodesk.errors import FeedError
from nanodesk.venues.faults import Fault, FaultKind
from nanodesk.venues.server import VenueOptions
from nanodesk.venues.tws import messages as say
from nanodesk.venues.tws.connection import MESSAGES_PER_SECOND, Connection
from nanodesk.venues.tws.messages import Fields
from nanodesk.venues.tws.orders import TwsOrders
from nanodesk.venues.tws.session import Session

PAPER_ACCOUNT: Final = "DU0000001"
"""Name under which clients see the account, unless the market's own starts with DU."""

SNAPSHOT_END_S: Final = 11.0
_QUOTE_PERIOD_S: Final = 0.25
"""TWS samples streamed quotes; a quarter of a second is its period for shares."""

_RESTART_S: Final = 0.5
_REORDER_S: Final = 0.05
_OF_BYTES: Final = (FaultKind.MALFORMED, FaultKind.TRUNCATED, FaultKind.OVERSIZE, FaultKind.SLOW_TRICKLE)


class TwsVenue:
    """The venue and its clients.

    Parameters
    ----------
    market : PaperMarket
        Behind it.
    options : VenueOptions
        How to run it.

    Attributes
    ----------
    messages_per_second : int
        Pace that clients are held to from their connection on.
    snapshot_end_s : float
        How long after the request a snapshot of quotes ends: eleven seconds, as at the vendor.
    """

    name: str = "tws"

    def __init__(self, market: PaperMarket, options: VenueOptions) -> None:
        self.market = market
        self.options = options
        account = options.account_id if options.account_id.startswith("DU") else PAPER_ACCOUNT
        self.orders = TwsOrders(market, account, options.account_id, options.seed)
        self.sessions: dict[int, Session] = {}
        self.messages: Counter[str] = Counter()
        self.worst_second = 0
        self.messages_per_second = MESSAGES_PER_SECOND
        self.snapshot_end_s = SNAPSHOT_END_S
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._tasks = BackgroundTasks()
        self._due: asyncio.TimerHandle | None = None
        self._streamer: asyncio.TimerHandle | None = None
        self._port = 0
        self._held_back: list[Callable[[], None]] = []
        self._is_cut_off = False
        self._stop_listening = market.listen(options.account_id, self._on_event)

    # --- the running venue ------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """Port that it listens on."""
        return self._port

    @property
    def endpoints(self) -> Mapping[str, str]:
        """Host, port and account that a client needs."""
        return {"address": f"{self.options.host}:{self._port}", "account": self.orders.account}

    def counts(self) -> Mapping[str, int]:
        """Messages by direction and id, and ``worst_second``: the most that any second has held of one client.

        Returns
        -------
        counts : mapping of str to int
            Since the start.
        """
        worst = max([self.worst_second, *(session.pace.worst for session in self.sessions.values())])
        return {**dict(sorted(self.messages.items())), "worst_second": worst}

    async def drop_clients(self) -> None:
        """End every connection at once, as a restart does; the venue listens on."""
        for connection in list(self._connections):
            connection.abort()
        await asyncio.sleep(0)

    async def close(self) -> None:
        """Stop listening and end every connection."""
        self._stop_listening()
        for timer in (*self._timers, self._due, self._streamer):
            if timer is not None:
                timer.cancel()
        self._tasks.cancel()
        if self._server is not None:
            self._server.close()
        await self.drop_clients()
        if self._server is not None:
            await self._server.wait_closed()

    async def listen(self) -> None:
        """Bind and accept clients."""
        self._server = await asyncio.start_server(self._serve, self.options.host, self._port or self.options.port)
        self._port = int(self._server.sockets[0].getsockname()[1])

    def now_ns(self) -> int:
        """The venue's clock.

        Returns
        -------
        now_ns : int
            Nanoseconds since 1970.
        """
        return self.market.now_ns()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        fault = self.options.faults.connect()
        if fault is not None and fault.kind in (FaultKind.HALF_OPEN, FaultKind.BLACK_HOLE):
            connection.is_deaf = connection.is_dumb = True
        elif fault is not None and fault.kind is not FaultKind.ID_IN_USE:
            connection.abort()
            return
        self._connections.add(connection)
        session = Session(self, connection, refuses_id=fault is not None and fault.kind is FaultKind.ID_IN_USE)
        try:
            await session.run()
        except FeedError as error:
            self.messages["malformed"] += 1
            session.say(say.error(-1, 321, f"Error validating request:-'{error}'."))
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass
        finally:
            self._connections.discard(connection)
            self.worst_second = max(self.worst_second, session.pace.worst)
            if self.sessions.get(session.client_id) is session:
                del self.sessions[session.client_id]
            connection.close()

    # --- time -------------------------------------------------------------------------------------------------

    def arm(self) -> None:
        """Plan the market's next delayed action, if there is one."""
        due_ns = self.market.next_due_ns()
        if due_ns is None:
            return
        if self._due is not None:
            self._due.cancel()
        delay_s = max((due_ns - self.market.now_ns()) / 1e9, 0.0)
        self._due = asyncio.get_running_loop().call_later(delay_s, self._advance)

    def _advance(self) -> None:
        self._due = None
        self.market.advance()
        self.arm()

    def stream(self) -> None:
        """Send changed quotes from now on, as long as a client streams one."""
        if self._streamer is None:
            self._streamer = asyncio.get_running_loop().call_later(_QUOTE_PERIOD_S, self._send_quotes)

    def _send_quotes(self) -> None:
        self._streamer = None
        streaming = [session for session in self.sessions.values() if session.streams]
        for session in streaming:
            if not self._is_cut_off:
                session.tell_quotes()
        if streaming:
            self.stream()

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do something after a while, unless the venue is closed before.

        Parameters
        ----------
        delay_s : float
            Seconds.
        action : callable
            What to do.
        """
        handle: asyncio.TimerHandle

        def run() -> None:
            self._timers.discard(handle)
            action()

        handle = asyncio.get_running_loop().call_later(delay_s, run)
        self._timers.add(handle)

    # --- news of the market -----------------------------------------------------------------------------------

    def _on_event(self, event: MarketEvent) -> None:
        if event.order is None or event.order.symbol not in self.market.symbols:
            return
        messages = self.orders.tell(event)
        for session in list(self.sessions.values()):
            if session.hears_of(event.order) and messages:
                self._deliver(session, event, messages)
        if event.kind in (EventKind.TRADE, EventKind.BUST, EventKind.CORRECT):
            # The listener may not ask the market back, so holdings follow in the next turn of the loop.
            self.later(0.0, self._tell_holdings)

    def _deliver(self, session: Session, event: MarketEvent, messages: list[Fields]) -> None:
        if self._is_cut_off:
            self._held_back.append(lambda: _say_all(session, messages))
            return
        groups = session.gate.pass_on(event.kind.value, messages)
        fault = session.gate.last_fault
        if fault is not None and fault.kind is FaultKind.REORDER:
            # Within one event TWS mixes its messages too: a status before its order, a commission before its fill.
            messages.reverse()
            self.later(_REORDER_S, lambda: _say_groups(session, session.gate.flush()))
        elif fault is not None and fault.kind is FaultKind.RESET_AFTER_ACCEPT:
            session.connection.abort()
        elif fault is not None and fault.kind is FaultKind.BLACK_HOLE:
            session.connection.is_deaf = session.connection.is_dumb = True
        elif fault is not None and fault.kind in _OF_BYTES:
            session.connection.next_fault = fault
        _say_groups(session, groups)

    def _tell_holdings(self) -> None:
        for session in self.sessions.values():
            if session.wants_positions:
                session.tell_positions()
            if session.wants_account:
                session.tell_account()

    # --- faults of the venue itself ---------------------------------------------------------------------------

    def strike(self, fault: Fault) -> bool:
        """Do what a fault of the venue does here, where that is more than at other venues.

        Parameters
        ----------
        fault : Fault
            A restart with ``value`` 1101 or 1102 is the nightly reset; one with ``seconds`` closes the port so long.

        Returns
        -------
        done : bool
            False for what the venue's process does by itself.
        """
        if fault.kind is not FaultKind.RESTART:
            return False
        if fault.value in ("1101", "1102"):
            self.cut_off(int(fault.value), fault.seconds or _RESTART_S)
        else:
            self.restart(fault.seconds)
        return True

    def cut_off(self, back_with: int, seconds: float) -> None:
        """The nightly reset: clients stay connected and the link to the venue is lost for a while.

        Parameters
        ----------
        back_with : int
            1102 when what happened meanwhile is told afterwards, 1101 when it is lost.
        seconds : float
            How long.
        """
        self._is_cut_off = True
        self._say_everyone(1100, "Connectivity between IB and Trader Workstation has been lost.")
        self.later(seconds, lambda: self._link_back(back_with))

    def _link_back(self, code: int) -> None:
        self._is_cut_off = False
        held, self._held_back = self._held_back, []
        if code == 1101:
            text = "Connectivity between IB and Trader Workstation has been restored - data lost."
            for session in self.sessions.values():
                session.streams.clear()
            self._say_everyone(code, text)
            return
        self._say_everyone(code, "Connectivity between IB and Trader Workstation has been restored - data maintained.")
        for tell in held:
            tell()

    def _say_everyone(self, code: int, text: str) -> None:
        for session in self.sessions.values():
            session.say(say.error(-1, code, text))

    def restart(self, seconds: float) -> None:
        """The nightly restart: connections end, nobody listens for a while, then the same port is back.

        Parameters
        ----------
        seconds : float
            How long.
        """
        self._tasks.start(self._restart(seconds))

    async def _restart(self, seconds: float) -> None:
        if self._server is not None:
            self._server.close()
        await self.drop_clients()
        await asyncio.sleep(seconds)
        with suppress(OSError):
            await self.listen()


def _say_groups(session: Session, groups: list[list[Fields]]) -> None:
    for messages in groups:
        _say_all(session, messages)


def _say_all(session: Session, messages: list[Fields]) -> None:
    for fields in messages:
        session.say(fields)


async def serve(market: PaperMarket, options: VenueOptions) -> TwsVenue:
    """Start the venue.

    Parameters
    ----------
    market : PaperMarket
        Behind it.
    options : VenueOptions
        How to run it.

    Returns
    -------
    venue : TwsVenue
        Listening.
    """
    venue = TwsVenue(market, options)
    await venue.listen()
    return venue
