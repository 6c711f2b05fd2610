"""Alpaca behind the port of a broker: own client for REST v2 and the trade stream."""

from __future__ import annotations

import time
from collections.abc import Coroutine, Sequence
from random import Random
from typing import Any, Final, TypeVar

from nanodesk.brokers.alpaca.fills import FillTracker
from nanodesk.brokers.alpaca.hosts import LIVE_URLS, PAPER_URLS, require_account, require_agreement
from nanodesk.brokers.alpaca.placing import AlpacaPlacing
from nanodesk.brokers.alpaca.reading import AlpacaReading
from nanodesk.brokers.alpaca.rest import READING_PATIENCE_S, AlpacaRest
from nanodesk.brokers.alpaca.session import AlpacaSession
from nanodesk.brokers.alpaca.stream import AlpacaStream
from nanodesk.brokers.base import AbsenceRule, BrokerEvent, Clock, Outcome, Reached, nothing_reached
from nanodesk.brokers.credentials import Secret, as_secret
from nanodesk.brokers.event_inbox import EventInbox
from nanodesk.brokers.event_loop import EventLoopThread
from nanodesk.brokers.http import AnswerSeen, HttpClient, nothing_seen
from nanodesk.brokers.known_orders import KnownOrders
from nanodesk.brokers.redaction import Redactor
from nanodesk.brokers.venue_clock import VenueClock
from nanodesk.brokers.websocket import require_aiohttp
from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.order import Execution, Order, OrderReport
from nanodesk.market.trading_rules import TradingRules

T = TypeVar("T")

DEADLINE_S: Final = 10.0
_ROUNDS: Final = 60
"""Longest chain of questions behind one call, in deadlines."""


class AlpacaBroker:
    """One account at Alpaca.

    Parameters
    ----------
    api_key, secret : str or Secret
        The two halves of the key.
    base_url, stream_url, data_url : str, optional
        Addresses of trading, trade stream and market data; those of paper trading, or of the live venue with
        ``paper=False``. They, the key and the account must be of the environment that ``paper`` names;
        ``http://127.0.0.1`` is the loopback venue and counts as paper.
    paper : bool, default True
        No real money.
    fractional : bool, default False
        Whether parts of shares are traded where the asset allows them.
    reached : callable, optional
        Told the steps of sending; tests stop the process there.
    now_ns : callable, optional
        Our wall clock.
    rng : Random, optional
        Spreads the reconnects.
    deadline_s : float, default 10
        Seconds for one request.
    absence_wait_s, absence_spacing_s : float, default 10, 5
        When a miss of :meth:`status` begins to count, and the wait before the second. The venue's requests carry
        no time after which they die, so the waits are a judgement, and the id is what makes a resend safe.
    poll_interval_s : float, default 30
        How often open orders are compared with what the stream told.
    heartbeat_s : float, default 10
        How often the stream is asked whether it still answers.
    first_wait_s : float, default 0.25
        Bound of the first wait before reconnecting.
    on_answer : callable, optional
        Told every raw answer of REST, for the audit.

    Raises
    ------
    ConfigError
        If addresses or key do not agree with ``paper``.
    MissingExtraError
        If ``pip install nanodesk[live]`` is needed.
    """

    def __init__(
        self,
        *,
        api_key: Secret | str,
        secret: Secret | str,
        base_url: str | None = None,
        stream_url: str | None = None,
        data_url: str | None = None,
        paper: bool = True,
        fractional: bool = False,
        reached: Reached = nothing_reached,
        now_ns: Clock = time.time_ns,
        rng: Random | None = None,
        deadline_s: float = DEADLINE_S,
        absence_wait_s: float = 10.0,
        absence_spacing_s: float = 5.0,
        poll_interval_s: float = 30.0,
        heartbeat_s: float = 10.0,
        first_wait_s: float = 0.25,
        on_answer: AnswerSeen = nothing_seen,
    ) -> None:
        require_aiohttp()
        defaults = PAPER_URLS if paper else LIVE_URLS
        urls = [given or usual for given, usual in zip((base_url, stream_url, data_url), defaults, strict=True)]
        secrets = [as_secret(api_key, name="api_key"), as_secret(secret, name="secret")]
        key, half = secrets[0].reveal(), secrets[1]
        clean = Redactor(secrets).clean_received
        require_agreement(urls[0], urls[1], urls[2], api_key=key, is_paper=paper)
        self._is_live = not paper
        self._account_id = ""
        self._deadline_s = deadline_s
        self._absence = AbsenceRule(
            wait_s=absence_wait_s, misses=2, spacing_s=absence_spacing_s, same_id_is_refused=True
        )
        self._loop = EventLoopThread("nanodesk-alpaca")
        self._inbox = EventInbox()
        self._clock = VenueClock(now_ns)
        known, fills = KnownOrders(), FillTracker()
        self._clients = [
            HttpClient(url, loop=self._loop, deadline_s=deadline_s, on_answer=on_answer, clean=clean)
            for url in (urls[0], urls[2])
        ]
        rest, data = (AlpacaRest(client, api_key=key, secret=half, now_ns=now_ns) for client in self._clients)
        self._reading = AlpacaReading(
            rest,
            data,
            known=known,
            clock=self._clock,
            now_ns=now_ns,
            is_live=self._is_live,
            is_fractional=fractional,
        )
        self._stream = AlpacaStream(
            self._reading,
            known=known,
            fills=fills,
            inbox=self._inbox,
            now_ns=now_ns,
            poll_interval_s=poll_interval_s,
        )
        self._placing = AlpacaPlacing(
            rest,
            self._reading,
            known=known,
            reached=reached,
            on_taken=self._stream.took,
            on_found=self._stream.tell,
        )
        self._session = AlpacaSession(
            urls[1],
            api_key=key,
            secret=half,
            on_event=self._stream.on_event,
            on_state=self._stream.on_state,
            rng=rng or Random(),  # noqa: S311  (spreads reconnects, hides nothing)
            deadline_s=deadline_s,
            heartbeat_s=heartbeat_s,
            first_wait_s=first_wait_s,
            clean=clean,
        )

    # -- the account and its connection ---------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """``alpaca``."""
        return "alpaca"

    @property
    def account_id(self) -> str:
        """The venue's number of the account, known after :meth:`connect`."""
        return self._account_id

    @property
    def is_live(self) -> bool:
        """Whether real money is at stake."""
        return self._is_live

    @property
    def is_connected(self) -> bool:
        """Whether the account's events arrive and requests can be made."""
        return self._loop.is_running and self._session.is_live

    @property
    def absence_rule(self) -> AbsenceRule:
        """Two misses, the second after a further wait; the same id may then be sent again without risk."""
        return self._absence

    @property
    def gaps(self) -> int:
        """How often a fill of the stream did not fit and its order's fills were asked for."""
        return self._stream.gaps

    def connect(self) -> None:
        """Measure the clock, check the account, listen to its events.

        Raises
        ------
        BrokerError
            If the venue cannot be reached, refuses the key, or the account does not agree with ``paper``.
        """
        if self.is_connected:
            return
        self.disconnect()  # a stream that was lost and waits to come back is ended first: the venue takes one alone
        self._loop.start()
        try:
            self._loop.run(self._connect(), timeout_s=READING_PATIENCE_S + 4 * self._deadline_s + DEADLINE_S)
        except BaseException:
            self.disconnect()
            raise

    async def _connect(self) -> None:
        await self._reading.measure_clock()
        self._account_id = (await self._reading.account()).account_id
        require_account(self._account_id, is_paper=not self._is_live)
        self._stream.start()
        await self._session.start()

    def disconnect(self) -> None:
        """Close everything; open orders stay open at the venue."""
        if not self._loop.is_running:
            return
        self._loop.run(self._disconnect(), timeout_s=self._deadline_s)
        self._loop.stop()

    async def _disconnect(self) -> None:
        self._stream.stop()
        await self._session.stop()
        for client in self._clients:
            await client.close()

    # -- questions ------------------------------------------------------------------------------------------------

    def account(self) -> Account:
        """Money now, as the venue counts it."""
        return self._ask(self._reading.account())

    def positions(self) -> tuple[Holding, ...]:
        """Holdings that are not zero, sorted by symbol."""
        return self._ask(self._reading.positions())

    def trading_rules(self, symbol: str) -> TradingRules:
        """What the venue accepts, at most a minute old.

        Parameters
        ----------
        symbol : str
            Name of the asset.

        Returns
        -------
        rules : TradingRules
            Cents and whole shares, finer lots with ``fractional``; closed while the market is.
        """
        return self._ask(self._reading.trading_rules(symbol), rounds=2)

    def quote(self, symbol: str) -> Quote:
        """Newest bid and ask of a share.

        Parameters
        ----------
        symbol : str
            Name of the share.

        Returns
        -------
        quote : Quote
            With the venue's time of it; sizes as the venue tells them.
        """
        return self._ask(self._reading.quote(symbol))

    def status(self, client_order_id: str, symbol: str | None = None) -> OrderReport | None:  # noqa: ARG002
        """The venue's word on one order, looked up by our id.

        Parameters
        ----------
        client_order_id : str
            Our id.
        symbol : str, optional
            Not needed here.

        Returns
        -------
        report : OrderReport or None
            ``None`` when the venue answered that it knows none.
        """
        return self._ask(self._reading.status(client_order_id), rounds=2)

    def open_orders(self) -> tuple[OrderReport, ...]:
        """Every open order of the account, ours or not."""
        return self._ask(self._reading.open_orders(), rounds=_ROUNDS)

    def executions(self, since_ns: int = 0) -> tuple[Execution, ...]:
        """Fills from an instant on, oldest first, from the account's activities.

        Parameters
        ----------
        since_ns : int, default 0
            Nanoseconds since 1970.

        Returns
        -------
        executions : tuple of Execution
            Named by order and filled quantity, as those of the stream are.
        """
        return self._ask(self._reading.executions(since_ns), rounds=_ROUNDS)

    def events(self, timeout_s: float = 0.0) -> tuple[BrokerEvent, ...]:
        """What the stream brought since the last call.

        Parameters
        ----------
        timeout_s : float, default 0.0
            How long to wait for the first event.

        Returns
        -------
        events : tuple of BrokerEvent
            In the order of arrival; a fill comes before the state that it led to.
        """
        return self._inbox.take(timeout_s=timeout_s)

    def clock_offset_ns(self) -> int:
        """The venue's clock minus ours, from the shortest of the last round trips."""
        return self._clock.offset_ns

    # -- orders ---------------------------------------------------------------------------------------------------

    def submit(self, order: Order) -> Outcome:
        """Send one order, once.

        Parameters
        ----------
        order : Order
            What to send.

        Returns
        -------
        outcome : Outcome
            Accepted, refused, or unknown. An id that was used before is looked up: the order that has it is ours
            when symbol, side, type, quantity and prices agree.

        Raises
        ------
        NotConnectedError
            If :meth:`connect` was never called; nothing left.
        """
        return self._tell(self._placing.submit(order))

    def submit_many(self, orders: Sequence[Order]) -> tuple[Outcome, ...]:
        """Send several in order over a few connections, each written before the next.

        Parameters
        ----------
        orders : sequence of Order
            What to send.

        Returns
        -------
        outcomes : tuple of Outcome
            One for each, in the same order.
        """
        if not orders:
            return ()
        return self._tell(self._placing.submit_many(orders))

    def cancel(self, client_order_id: str) -> Outcome:
        """Ask to cancel an order.

        Parameters
        ----------
        client_order_id : str
            Our id.

        Returns
        -------
        outcome : Outcome
            Accepted means that the venue took the request; the end arrives as an event.
        """
        return self._tell(self._placing.cancel(client_order_id))

    def replace(self, client_order_id: str, replacement: Order) -> Outcome:
        """Ask to put another order in the place of a live one, in one request.

        Parameters
        ----------
        client_order_id : str
            Our id of the live order.
        replacement : Order
            The new order, with an id and a quantity of its own; same symbol, side and type.

        Returns
        -------
        outcome : Outcome
            Its report is the new order's.
        """
        return self._tell(self._placing.replace(client_order_id, replacement))

    # -- the way to the other thread ------------------------------------------------------------------------------

    def _ask(self, work: Coroutine[Any, Any, T], *, rounds: int = 1) -> T:
        return self._loop.run(work, timeout_s=READING_PATIENCE_S + self._deadline_s * (1 + rounds))

    def _tell(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.start_work(work).result()  # it keeps its own deadline
