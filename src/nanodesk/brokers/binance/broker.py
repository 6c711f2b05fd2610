"""Binance Spot behind the port of a broker: own client for REST, WebSocket API and the account's events."""

from __future__ import annotations

import time
from collections.abc import Coroutine, Mapping, Sequence
from random import Random
from typing import Any, Final, TypeVar

from nanodesk.brokers.base import (
    AbsenceRule,
    BrokerEvent,
    Clock,
    Outcome,
    OutcomeKind,
    Reached,
    nothing_reached,
)
from nanodesk.brokers.binance.hosts import LIVE_URLS, TESTNET_URLS, require_agreement
from nanodesk.brokers.binance.pairs import Pairs, rate_limits, read_pairs
from nanodesk.brokers.binance.placing import BinancePlacing
from nanodesk.brokers.binance.reading import BinanceReading
from nanodesk.brokers.binance.rest import READING_PATIENCE_S, BinanceRest
from nanodesk.brokers.binance.session import BinanceSession
from nanodesk.brokers.binance.signing import signer_of
from nanodesk.brokers.binance.stream import BinanceStream
from nanodesk.brokers.credentials import Secret, as_secret
from nanodesk.brokers.event_inbox import EventInbox
from nanodesk.brokers.event_loop import EventLoopThread
from nanodesk.brokers.fields import Fields
from nanodesk.brokers.http import AnswerSeen, HttpClient, nothing_seen
from nanodesk.brokers.known_orders import KnownOrders
from nanodesk.brokers.rate_governor import RateGovernor
from nanodesk.brokers.redaction import Redactor
from nanodesk.brokers.venue_clock import VenueClock
from nanodesk.brokers.websocket import require_aiohttp
from nanodesk.errors import ValidationError
from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.order import Execution, Order, OrderReport
from nanodesk.market.trading_rules import TradingRules

T = TypeVar("T")

DEADLINE_S: Final = 10.0
LONGEST_RECV_WINDOW_MS: Final = 60_000
_TIME_AHEAD_S: Final = 1.0
"""The venue accepts a time up to this far ahead of its own, so a request may live that much longer."""


class BinanceBroker:
    """One account at Binance Spot.

    Parameters
    ----------
    api_key : str or Secret
        Public half of the key.
    secret : str or Secret
        HMAC secret, or an Ed25519 private key in PEM.
    base_url, ws_api_url, stream_url : str, optional
        Addresses; those of the testnet, or of the live venue with ``testnet=False``. All three must be of the
        environment that ``testnet`` names; ``http://127.0.0.1`` is the loopback venue and counts as a testnet.
    quote_asset : str, default "USDT"
        Currency that pays: ``BTC`` at the desk is ``BTCUSDT`` there.
    testnet : bool, default True
        No real money.
    recv_window_ms : int, default 5000
        How long after its time a request may still be accepted; also what proves that an order never arrived.
    symbols : mapping of str to str, optional
        Pair by symbol at the desk. Without it every pair against the quote asset is known; where there are more
        than 100, fills are asked for only where the account is or was active.
    reached : callable, optional
        Told the steps of sending; tests stop the process there.
    now_ns : callable, optional
        Our wall clock.
    rng : Random, optional
        Spreads the reconnects.
    deadline_s : float, default 10
        Seconds for one request.
    poll_interval_s : float, default 30
        How often open orders are compared with what the stream told.
    heartbeat_s : float, default 10
        How often the session is asked whether it still answers.
    first_wait_s : float, default 0.25
        Bound of the first wait before reconnecting.
    on_answer : callable, optional
        Told every raw answer of REST, for the audit.

    Raises
    ------
    ConfigError
        If the addresses do not agree with ``testnet``.
    ValidationError
        If an argument is out of range.
    MissingExtraError
        If ``pip install nanodesk[live]`` is needed.
    """

    def __init__(
        self,
        *,
        api_key: Secret | str,
        secret: Secret | str,
        base_url: str | None = None,
        ws_api_url: str | None = None,
        stream_url: str | None = None,
        quote_asset: str = "USDT",
        testnet: bool = True,
        recv_window_ms: int = 5000,
        symbols: Mapping[str, str] | None = None,
        reached: Reached = nothing_reached,
        now_ns: Clock = time.time_ns,
        rng: Random | None = None,
        deadline_s: float = DEADLINE_S,
        poll_interval_s: float = 30.0,
        heartbeat_s: float = 10.0,
        first_wait_s: float = 0.25,
        on_answer: AnswerSeen = nothing_seen,
    ) -> None:
        require_aiohttp()
        defaults = TESTNET_URLS if testnet else LIVE_URLS
        urls = [given or usual for given, usual in zip((base_url, ws_api_url, stream_url), defaults, strict=True)]
        require_agreement(*urls, is_testnet=testnet)
        if not 1 <= recv_window_ms <= LONGEST_RECV_WINDOW_MS:
            raise ValidationError(
                f"recv_window_ms={recv_window_ms} is out of range.",
                field="recv_window_ms",
                value=recv_window_ms,
                allowed=f"1 to {LONGEST_RECV_WINDOW_MS}",
            )
        self._is_live = not testnet
        self._quote_asset = quote_asset
        self._symbols = symbols
        self._reached = reached
        self._now_ns = now_ns
        self._deadline_s = deadline_s
        self._poll_interval_s = poll_interval_s
        self._recv_window_ms = recv_window_ms
        self._account_id = ""
        self._clock = VenueClock(now_ns)
        self._governor = RateGovernor(lambda: self._clock.now_ns() / 1e9)
        self._loop = EventLoopThread("nanodesk-binance")
        self._inbox = EventInbox()
        self._known = KnownOrders()
        secrets = [as_secret(api_key, name="api_key"), as_secret(secret, name="secret")]
        clean = Redactor(secrets).clean_received
        self._http = HttpClient(urls[0], loop=self._loop, deadline_s=deadline_s, on_answer=on_answer, clean=clean)
        self._rest = BinanceRest(
            self._http,
            api_key=secrets[0].reveal(),
            signer=signer_of(secrets[1].reveal()),
            governor=self._governor,
            clock=self._clock,
            now_ns=now_ns,
            recv_window_ms=recv_window_ms,
        )
        self._session = BinanceSession(
            urls[1],
            rest=self._rest,
            on_event=lambda event: self._stream.on_event(event),
            on_state=lambda is_live, reason: self._stream.on_state(is_live, reason),
            now_ns=now_ns,
            rng=rng or Random(),  # noqa: S311  (spreads reconnects, hides nothing)
            deadline_s=deadline_s,
            heartbeat_s=heartbeat_s,
            first_wait_s=first_wait_s,
            clean=clean,
        )
        self._use(Pairs(quote_asset, {}, {}))

    def _use(self, pairs: Pairs) -> None:
        self._pairs = pairs
        self._reading = BinanceReading(
            self._rest, pairs=pairs, known=self._known, now_ns=self._now_ns, is_live=self._is_live
        )
        self._stream = BinanceStream(
            self._reading,
            pairs=pairs,
            known=self._known,
            inbox=self._inbox,
            now_ns=self._now_ns,
            poll_interval_s=self._poll_interval_s,
        )
        self._placing = BinancePlacing(
            self._rest,
            self._session,
            pairs=pairs,
            known=self._known,
            reached=self._reached,
            deadline_s=self._deadline_s,
            publish=self._stream.publish,
        )

    # -- the account and its connection ---------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """``binance``."""
        return "binance"

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
        """A request dies when its window has passed on the venue's clock; a second miss guards against a slow index."""
        wait_s = self._recv_window_ms / 1000 + _TIME_AHEAD_S + self._clock.error_ns / 1e9
        return AbsenceRule(wait_s=wait_s, misses=2, spacing_s=0.5, same_id_is_refused=False)

    @property
    def gaps(self) -> int:
        """How often the stream left fills out that had to be asked for."""
        return self._stream.gaps

    def connect(self) -> None:
        """Measure the clock, read the rules, subscribe to the account's events.

        Raises
        ------
        BrokerError
            If the venue cannot be reached or refuses the key.
        """
        if self.is_connected:
            return
        self.disconnect()  # a session that was lost and waits to come back is ended first
        self._loop.start()
        try:
            self._loop.run(self._connect(), timeout_s=READING_PATIENCE_S + 6 * self._deadline_s)
        except BaseException:
            self.disconnect()
            raise

    async def _connect(self) -> None:
        await self._rest.measure_clock()
        which = {"showPermissionSets": "false"}  # they are most of a very long answer
        info = Fields(await self._rest.read("exchangeInfo", dict(which), weight=20, is_signed=False), "exchangeInfo")
        for limit in rate_limits(info):
            self._governor.set_limit(limit.kind, limit.interval_s, limit.limit)
        self._use(read_pairs(info, self._quote_asset, self._symbols))
        self._account_id = (await self._reading.account()).account_id
        await self._session.start()
        self._stream.start()

    def disconnect(self) -> None:
        """Close everything; open orders stay open at the venue."""
        if not self._loop.is_running:
            return
        self._loop.run(self._disconnect(), timeout_s=self._deadline_s)
        self._loop.stop()

    async def _disconnect(self) -> None:
        self._stream.stop()
        await self._session.stop()
        await self._http.close()

    # -- questions ------------------------------------------------------------------------------------------------

    def account(self) -> Account:
        """Money now; coins count at their mid price against the quote asset."""
        return self._ask(self._reading.account())

    def positions(self) -> tuple[Holding, ...]:
        """Coins held that trade against the quote asset, free and locked together."""
        return self._ask(self._reading.positions())

    def trading_rules(self, symbol: str) -> TradingRules:
        """What the venue accepts, as read when connecting.

        Parameters
        ----------
        symbol : str
            Name at the desk.

        Returns
        -------
        rules : TradingRules
            From its filters.
        """
        self._reading.asked.add(self._pairs.pair(symbol))
        return self._pairs.rules[symbol]

    def quote(self, symbol: str) -> Quote:
        """Best bid and ask.

        Parameters
        ----------
        symbol : str
            Name at the desk.

        Returns
        -------
        quote : Quote
            At most a tenth of a second older than the question.
        """
        return self._ask(self._reading.quote(symbol))

    def status(self, client_order_id: str, symbol: str | None = None) -> OrderReport | None:
        """The venue's word on one order, looked up by our id.

        Parameters
        ----------
        client_order_id : str
            Our id.
        symbol : str, optional
            Where it went; without it every known instrument is searched.

        Returns
        -------
        report : OrderReport or None
            ``None`` when no instrument knows it.
        """
        return self._ask(self._reading.status(client_order_id, symbol), rounds=len(self._pairs.desk_of))

    def open_orders(self) -> tuple[OrderReport, ...]:
        """Every open order of the account, ours or not."""
        return self._ask(self._reading.open_orders())

    def executions(self, since_ns: int = 0) -> tuple[Execution, ...]:
        """Fills from an instant on, oldest first.

        Parameters
        ----------
        since_ns : int, default 0
            Nanoseconds since 1970.

        Returns
        -------
        executions : tuple of Execution
            Their ids are ``PAIR:number``, for the venue numbers trades by pair.
        """
        return self._ask(self._reading.executions(since_ns), rounds=len(self._pairs.desk_of))

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
            Accepted with the fills so far, refused, or unknown. The venue takes an id again once its order has
            ended, so an unknown order is looked up and never sent again.

        Raises
        ------
        NotConnectedError
            If :meth:`connect` was never called; nothing left.
        """
        return self._tell(self._placing.submit(order))

    def submit_many(self, orders: Sequence[Order]) -> tuple[Outcome, ...]:
        """Send several in order over the WebSocket API, without waiting between them.

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
        return self._loop.run(self._placing.submit_many(orders), timeout_s=60.0 + self._deadline_s)

    def cancel(self, client_order_id: str) -> Outcome:
        """Cancel an order.

        Parameters
        ----------
        client_order_id : str
            Our id.

        Returns
        -------
        outcome : Outcome
            Refused with -2011 when it has ended.
        """
        return self._tell(self._cancel(client_order_id))

    async def _cancel(self, client_order_id: str) -> Outcome:
        pair, _ = await self._where(client_order_id)
        if pair is None:
            return _no_such_order(client_order_id)
        return await self._placing.cancel(client_order_id, pair)

    def replace(self, client_order_id: str, replacement: Order) -> Outcome:
        """Cancel an order and place another in one request.

        Parameters
        ----------
        client_order_id : str
            Our id of the live order.
        replacement : Order
            The new order, with an id and a quantity of its own; same symbol and side.

        Returns
        -------
        outcome : Outcome
            Its report is the new order's. A refusal with -2021 means that the old order is gone all the same.
        """
        return self._tell(self._replace(client_order_id, replacement))

    async def _replace(self, client_order_id: str, replacement: Order) -> Outcome:
        pair, old = await self._where(client_order_id)
        if pair is None:
            return _no_such_order(client_order_id)
        if replacement.symbol != self._pairs.symbol(pair) or (old is not None and old.side is not replacement.side):
            return Outcome(OutcomeKind.REFUSED, code="LOCAL", text="A replacement keeps symbol and side.")
        return await self._placing.replace(client_order_id, replacement, pair)

    async def _where(self, client_order_id: str) -> tuple[str | None, OrderReport | None]:
        pair = self._known.pair_of(client_order_id)
        if pair is not None:
            return pair, None
        report = await self._reading.status(client_order_id)
        return (None, None) if report is None else (self._pairs.pair_of.get(report.symbol, report.symbol), report)

    # -- the way to the other thread ------------------------------------------------------------------------------

    def _ask(self, work: Coroutine[Any, Any, T], *, rounds: int = 1) -> T:
        return self._loop.run(work, timeout_s=READING_PATIENCE_S + self._deadline_s * (2 + rounds))

    def _tell(self, work: Coroutine[Any, Any, Outcome]) -> Outcome:
        return self._loop.start_work(work).result()  # it keeps its own deadline


def _no_such_order(client_order_id: str) -> Outcome:
    return Outcome(OutcomeKind.REFUSED, code="-2013", text=f"Binance knows no order {client_order_id}.")
