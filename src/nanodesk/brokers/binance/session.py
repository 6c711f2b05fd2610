"""One session of Binance's WebSocket API: requests by id, the account's events, and a watch over its silence."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from random import Random
from typing import Any, Final

from nanodesk.brokers.base import Clock
from nanodesk.brokers.binance.pairs import rate_limits
from nanodesk.brokers.binance.refusal import raise_for
from nanodesk.brokers.binance.rest import MS, BinanceRest
from nanodesk.brokers.binance.signing import Parameter
from nanodesk.brokers.event_loop import within
from nanodesk.brokers.fields import Fields
from nanodesk.brokers.http import as_received
from nanodesk.brokers.rate_governor import retry_after
from nanodesk.brokers.strict_json import json_writer, parse_json
from nanodesk.brokers.websocket import WebSocketClient
from nanodesk.errors import BrokerError

logger = logging.getLogger(__name__)

_MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
_BALANCES: Final = b'"e":"outboundAccountPosition"'
_HEAD: Final = 80
_write = json_writer()


class BinanceSession:
    """The WebSocket API for one key, with the account's events.

    Parameters
    ----------
    url : str
        Address of the WebSocket API.
    rest : BinanceRest
        Signs, counts and keeps the clock.
    on_event : callable
        Told each event of the account.
    on_state : callable
        Told whether the stream of events is up, and why not.
    now_ns : callable
        Our wall clock.
    rng : Random
        Spreads the reconnects.
    deadline_s : float, default 10
        Seconds for one answer.
    heartbeat_s : float, default 10
        How often a question shows that the session is not only open but answers.
    first_wait_s : float, default 0.25
        Bound of the first wait before reconnecting.
    clean : callable, optional
        Takes secrets out of every message.
    """

    def __init__(
        self,
        url: str,
        *,
        rest: BinanceRest,
        on_event: Callable[[Fields], None],
        on_state: Callable[[bool, str], None],
        now_ns: Clock,
        rng: Random,
        deadline_s: float = 10.0,
        heartbeat_s: float = 10.0,
        first_wait_s: float = 0.25,
        clean: Callable[[bytes], bytes] = as_received,
    ) -> None:
        self._rest = rest
        self._on_event = on_event
        self._on_state = on_state
        self._now_ns = now_ns
        self._deadline_s = deadline_s
        self._heartbeat_s = heartbeat_s
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Fields]] = {}
        self._beating: asyncio.Task[None] | None = None
        self._socket = WebSocketClient(
            url,
            on_message=self._on_message,
            on_open=self._subscribe,
            on_lost=self._lost,
            rng=rng,
            heartbeat_s=heartbeat_s,
            first_wait_s=first_wait_s,
            clean=clean,
        )

    @property
    def is_live(self) -> bool:
        """Whether the account's events arrive."""
        return self._socket.is_open

    async def start(self) -> None:
        """Open the session and subscribe to the account's events.

        Raises
        ------
        NotConnectedError
            If that did not succeed in time.
        """
        await self._socket.start()
        self._beating = asyncio.get_running_loop().create_task(self._beat())

    async def stop(self) -> None:
        """Close for good."""
        if self._beating is not None:
            self._beating.cancel()
        await self._socket.stop()
        self._fail_waiting("the session was closed")

    async def send(self, method: str, parameters: dict[str, Parameter]) -> asyncio.Future[Fields]:
        """Send one request and return the promise of its answer.

        Parameters
        ----------
        method : str
            As ``order.place``.
        parameters : dict of str to object
            Complete, with signature where one is needed.

        Returns
        -------
        answer : Future of Fields
            The whole answer, good or bad.

        Raises
        ------
        NotConnectedError
            If the session is not open; nothing left.
        BrokerError
            If it broke while sending.
        """
        number = f"n{next(self._numbers)}"
        answer: asyncio.Future[Fields] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        answer.add_done_callback(lambda _: self._waiting.pop(number, None))
        try:
            await self._socket.send(_write({"id": number, "method": method, "params": parameters}))
        except BaseException:
            answer.cancel()
            raise
        return answer

    async def ask(self, method: str, parameters: dict[str, Parameter]) -> Any:
        """Send one request and wait for its result.

        Parameters
        ----------
        method : str
            As ``time``.
        parameters : dict of str to object
            Complete, with signature where one is needed.

        Returns
        -------
        result : object
            What the answer carries.

        Raises
        ------
        BrokerError
            If there is no answer in time, or it is an error.
        """
        answer = await within(self._deadline_s, await self.send(method, parameters))
        self.observe(answer)
        return self.result_of(answer)

    def observe(self, answer: Fields) -> None:
        """Believe what the venue counts, as told beside an answer.

        Parameters
        ----------
        answer : Fields
            As received, the newest of several.

        Raises
        ------
        BrokerError
            If it cannot be read.
        """
        self._rest.observe(rate_limits(answer))

    def result_of(self, answer: Fields) -> Any:
        """The result of an answer, or the error that it is.

        Parameters
        ----------
        answer : Fields
            As received.

        Returns
        -------
        result : object
            What it carries.

        Raises
        ------
        BrokerError
            Of the kinds of :mod:`nanodesk.brokers.binance.refusal`.
        """
        status = answer.integer("status")
        if status == 200:
            return answer.value("result")
        wait_s = 0.0
        if status in (418, 429):
            wait_s = self._wait_asked_for(answer, is_ban=status == 418)
            self._rest.governor.stop_for(wait_s)
        return raise_for(status, answer.value("error"), retry_after_s=wait_s)

    def _wait_asked_for(self, answer: Fields, *, is_ban: bool) -> float:
        try:
            until_ms = answer.child("error").child("data").integer("retryAfter")
        except BrokerError:
            return retry_after(None, is_ban=is_ban)
        return max(until_ms / 1000 - self._rest.clock.now_ns() / 1e9, 1.0)

    async def _subscribe(self) -> None:
        parameters = self._rest.signed_message({})
        result = Fields(await self.ask("userDataStream.subscribe.signature", parameters), "subscription")
        result.integer("subscriptionId")
        self._on_state(True, "")

    def _on_message(self, content: bytes) -> None:
        if _BALANCES in content[:_HEAD]:
            return  # one with every fill; balances are asked for, never added up
        try:
            message = Fields(parse_json(content, what="message", max_bytes=_MAX_MESSAGE_BYTES), "message")
            if "event" in message:
                self._take_event(message.child("event"))
            elif "status" in message:
                answer = self._waiting.pop(message.text("id", ""), None)
                if answer is not None and not answer.done():
                    answer.set_result(message)
        except BrokerError as error:
            # Something was said that we cannot read: from here on the stream may not be believed.
            logger.warning("message_unreadable", extra={"reason": str(error)})
            self._socket.reconnect(f"a message could not be read: {error}")

    def _take_event(self, event: Fields) -> None:
        kind = event.text("e", "")
        if kind in ("serverShutdown", "eventStreamTerminated"):
            self._socket.reconnect(f"the venue announced {kind}")
        else:
            self._on_event(event)

    def _lost(self, reason: str) -> None:
        self._fail_waiting(reason)
        self._on_state(False, reason)

    def _fail_waiting(self, reason: str) -> None:
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_exception(BrokerError(f"The session ended before the answer: {reason}."))
                answer.exception()

    async def _beat(self) -> None:
        # A socket that answers pings may still be mute; only an answer to a question proves that it is not.
        while True:
            await asyncio.sleep(self._heartbeat_s)
            if not self.is_live:
                continue
            sent_ns = self._now_ns()
            try:
                answer = Fields(await self.ask("time", {}), "time")
                self._rest.clock.measured(
                    sent_ns=sent_ns, received_ns=self._now_ns(), venue_ns=answer.integer("serverTime") * MS
                )
            except BrokerError as error:
                self._socket.reconnect(f"it does not answer: {error}")
