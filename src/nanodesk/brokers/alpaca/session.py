"""Alpaca's trade stream: log-on, events, and a watch over its silence."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from random import Random
from typing import Final

from nanodesk.brokers.credentials import Secret, as_secret
from nanodesk.brokers.event_loop import within
from nanodesk.brokers.fields import Fields
from nanodesk.brokers.http import as_received
from nanodesk.brokers.strict_json import parse_json
from nanodesk.brokers.websocket import WebSocketClient
from nanodesk.errors import BrokerError

logger = logging.getLogger(__name__)

_MAX_MESSAGE_BYTES: Final = 1024 * 1024
_STREAM: Final = "trade_updates"
_LISTEN: Final = json.dumps({"action": "listen", "data": {"streams": [_STREAM]}})


class AlpacaSession:
    """The one connection that Alpaca allows an account for its trade stream.

    Parameters
    ----------
    url : str
        Address of the stream.
    api_key : str
        The public half of the key.
    secret : Secret or str
        The other half; kept hidden, and revealed into each request.
    on_event : callable
        Told the data of each event of the account.
    on_state : callable
        Told whether the stream is up, and why not.
    rng : Random
        Spreads the reconnects.
    deadline_s : float, default 10
        Seconds for one answer.
    heartbeat_s : float, default 10
        How often the venue is asked whether it still listens: a socket that answers pings may be mute.
    first_wait_s : float, default 0.25
        Bound of the first wait before reconnecting.
    clean : callable, optional
        Takes secrets out of every message.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str,
        secret: Secret | str,
        on_event: Callable[[Fields], None],
        on_state: Callable[[bool, str], None],
        rng: Random,
        deadline_s: float = 10.0,
        heartbeat_s: float = 10.0,
        first_wait_s: float = 0.25,
        clean: Callable[[bytes], bytes] = as_received,
    ) -> None:
        self._api_key, self._secret = api_key, as_secret(secret, name="secret")
        self._on_event = on_event
        self._on_state = on_state
        self._deadline_s = deadline_s
        self._heartbeat_s = heartbeat_s
        self._waiting: dict[str, asyncio.Future[Fields]] = {}
        self._beating: asyncio.Task[None] | None = None
        self._socket = WebSocketClient(
            url,
            on_message=self._on_message,
            on_open=self._log_on,
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
        """Open the stream and listen.

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
        self._fail_waiting("the stream was closed")

    async def _log_on(self) -> None:
        keys = {"key_id": self._api_key, "secret_key": self._secret.reveal()}
        answer = await self._ask("authorization", json.dumps({"action": "authenticate", "data": keys}))
        if answer.text("status", "") != "authorized":
            raise BrokerError("The stream refuses the key.", field="api_key", fix="Check key and environment.")
        await self._listen()
        self._on_state(True, "")

    async def _listen(self) -> None:
        answer = await self._ask("listening", _LISTEN)
        if _STREAM not in answer.words("streams"):
            raise BrokerError("The stream does not offer the account's events.", field="streams")

    async def _ask(self, stream: str, message: str) -> Fields:
        answer: asyncio.Future[Fields] = asyncio.get_running_loop().create_future()
        self._waiting[stream] = answer
        try:
            await self._socket.send(message)
            return await within(self._deadline_s, answer)
        finally:
            self._waiting.pop(stream, None)

    def _on_message(self, content: bytes) -> None:
        try:
            message = Fields(parse_json(content, what="message", max_bytes=_MAX_MESSAGE_BYTES), "message")
            stream = message.text("stream", "")
            if stream == _STREAM:
                self._on_event(message.child("data"))
            elif (answer := self._waiting.get(stream)) is not None and not answer.done():
                answer.set_result(message.child("data"))
        except BrokerError as error:
            # Something was said that we cannot read: from here on the stream may not be believed.
            logger.warning("message_unreadable", extra={"reason": str(error)})
            self._socket.reconnect(f"a message could not be read: {error}")

    def _lost(self, reason: str) -> None:
        self._fail_waiting(reason)
        self._on_state(False, reason)

    def _fail_waiting(self, reason: str) -> None:
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_exception(BrokerError(f"The stream ended before the answer: {reason}."))
                answer.exception()

    async def _beat(self) -> None:
        # The stream has no question of its own; asking to listen again changes nothing and must be acknowledged.
        while True:
            await asyncio.sleep(self._heartbeat_s)
            if not self.is_live:
                continue
            try:
                await self._listen()
            except BrokerError as error:
                self._socket.reconnect(f"it does not answer: {error}")
