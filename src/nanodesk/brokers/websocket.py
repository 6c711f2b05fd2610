"""A WebSocket that comes back: deadline on opening, watchdog on silence, spread-out reconnects.

The messages and the changes of state are handed to the owner on the event loop, in the order of arrival.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable, Coroutine
from random import Random
from typing import TYPE_CHECKING, Any, Final

from nanodesk.brokers.backoff import jittered_backoff
from nanodesk.brokers.http import Endpoint, as_received
from nanodesk.brokers.http_connection import client_tls
from nanodesk.errors import BrokerError, MissingExtraError, NotConnectedError

if TYPE_CHECKING:
    import aiohttp

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
OPEN_DEADLINE_S: Final = 10.0


def require_aiohttp() -> None:
    """Say how to install what WebSockets need, if it is missing.

    Raises
    ------
    MissingExtraError
        Naming the extra.
    """
    try:
        import aiohttp  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("aiohttp is not installed.", fix="Run pip install nanodesk[live].") from error


class WebSocketClient:
    """One connection that is kept open until :meth:`stop`.

    Parameters
    ----------
    url : str
        ``wss://``, or ``ws://`` to this machine.
    on_message : callable
        Told the content of every message, bytes.
    on_open : callable
        Gives a coroutine that runs after each connection, before it counts as open; an error in it closes the
        connection.
    on_lost : callable
        Told why, once for each connection that had opened.
    rng : Random
        Spreads the reconnects.
    heartbeat_s : float, default 15
        A ping after this much silence; no sign of life for half as long again closes the connection.
    first_wait_s, cap_wait_s : float
        Bounds of the waits between attempts.
    clean : callable, optional
        Takes secrets out of every message before anything of it is read.
    """

    def __init__(
        self,
        url: str,
        *,
        on_message: Callable[[bytes], None],
        on_open: Callable[[], Coroutine[Any, Any, None]],
        on_lost: Callable[[str], None],
        rng: Random,
        heartbeat_s: float = 15.0,
        first_wait_s: float = 0.25,
        cap_wait_s: float = 30.0,
        clean: Callable[[bytes], bytes] = as_received,
    ) -> None:
        endpoint = Endpoint.parse(url, field="url", schemes=("ws", "wss"))
        self._url = url
        self._tls: ssl.SSLContext | None = client_tls() if endpoint.scheme == "wss" else None
        self._on_message = on_message
        self._clean = clean
        self._on_open = on_open
        self._on_lost = on_lost
        self._rng = rng
        self._heartbeat_s = heartbeat_s
        self._first_wait_s, self._cap_wait_s = first_wait_s, cap_wait_s
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._task: asyncio.Task[None] | None = None
        self._opened = asyncio.Event()
        self._last_failure = "it was never opened"

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._opened.is_set()

    async def start(self, *, deadline_s: float = OPEN_DEADLINE_S) -> None:
        """Open, and keep open from now on.

        Parameters
        ----------
        deadline_s : float, default 10
            Seconds to the first opening.

        Raises
        ------
        NotConnectedError
            If it did not open in time.
        """
        require_aiohttp()
        self._opened = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._keep_open())
        try:
            async with asyncio.timeout(deadline_s):
                await self._opened.wait()
        except TimeoutError:
            await self.stop()
            raise NotConnectedError(
                f"The stream did not open within {deadline_s:g} s: {self._last_failure}.",
                field="deadline_s",
                value=deadline_s,
            ) from None

    async def stop(self) -> None:
        """Close for good."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def send(self, text: str) -> None:
        """Send one text message.

        Parameters
        ----------
        text : str
            Content.

        Raises
        ------
        NotConnectedError
            If the connection is not open; nothing left.
        BrokerError
            If it broke while sending.
        """
        socket = self._socket
        if socket is None or socket.closed:
            raise NotConnectedError("The stream is not open.", fix="Wait until it is back.")
        try:
            await socket.send_str(text)
        except (OSError, RuntimeError) as error:
            raise BrokerError(f"The stream broke while sending ({type(error).__name__}).") from None

    def reconnect(self, reason: str) -> None:
        """Close this connection and open another: the owner has found it mute.

        Parameters
        ----------
        reason : str
            Why.
        """
        self._last_failure = reason
        socket = self._socket
        if socket is not None and not socket.closed:
            asyncio.get_running_loop().create_task(_close(socket))

    async def _keep_open(self) -> None:
        waits = jittered_backoff(self._rng, first_s=self._first_wait_s, cap_s=self._cap_wait_s)
        while True:
            try:
                had_opened = await self._one_connection()
            except Exception as error:  # noqa: BLE001
                # Whatever it was, a dead stream is told and opened again. Its words may not be ours to repeat.
                had_opened, self._last_failure = self._opened.is_set(), type(error).__name__
                logger.error("stream_failed_unexpectedly", extra={"reason": self._last_failure})
            finally:
                was_open, self._socket = self._opened.is_set(), None
                self._opened.clear()
            if was_open:
                self._on_lost(self._last_failure)
            if had_opened:
                waits = jittered_backoff(self._rng, first_s=self._first_wait_s, cap_s=self._cap_wait_s)
            await asyncio.sleep(next(waits))

    async def _one_connection(self) -> bool:
        import aiohttp

        try:
            trace = aiohttp.TraceConfig()
            trace.on_request_redirect.append(_refuse_redirect)
            async with aiohttp.ClientSession(auto_decompress=False, trace_configs=[trace]) as session:
                async with asyncio.timeout(OPEN_DEADLINE_S):
                    self._socket = await session.ws_connect(
                        self._url,
                        heartbeat=self._heartbeat_s,
                        max_msg_size=MAX_MESSAGE_BYTES,
                        ssl=self._tls if self._tls is not None else False,
                        timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                    )
                return await self._serve(self._socket)
        except (OSError, TimeoutError, aiohttp.ClientError, BrokerError) as error:
            # Only our own errors are worded; a vendor's may carry the URL.
            self._last_failure = str(error) if isinstance(error, BrokerError) else type(error).__name__
            logger.info("stream_failed", extra={"reason": self._last_failure})
            return False

    async def _serve(self, socket: aiohttp.ClientWebSocketResponse) -> bool:
        import aiohttp

        self._last_failure = "the venue closed it"
        reading = asyncio.get_running_loop().create_task(self._read(socket))
        try:
            await self._open_over(reading)
            self._opened.set()
            await reading
        except aiohttp.ClientError as error:
            self._last_failure = type(error).__name__
        finally:
            reading.cancel()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await reading
            await _close(socket)
        return self._opened.is_set()

    async def _open_over(self, reading: asyncio.Task[None]) -> None:
        opening = asyncio.ensure_future(self._on_open())
        await asyncio.wait({opening, reading}, timeout=OPEN_DEADLINE_S, return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            opening.cancel()
            raise BrokerError("it closed, or said nothing, while it was opened")
        opening.result()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        import aiohttp

        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self._on_message(self._clean(message.data.encode("utf-8", "surrogatepass")))
            elif message.type is aiohttp.WSMsgType.BINARY:
                self._on_message(self._clean(message.data))
            elif message.type is aiohttp.WSMsgType.ERROR:
                self._last_failure = "a frame could not be read"
                return


async def _refuse_redirect(*_: object) -> None:
    # aiohttp would follow it, to any host and in plain text, and then send what is signed for the venue.
    raise BrokerError("it answered with a redirect, which is not followed")


async def _close(socket: aiohttp.ClientWebSocketResponse) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(1.0):
            await socket.close()
