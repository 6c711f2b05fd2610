"""The trade stream of the Alpaca look-alike: log-on, listening, and events in binary frames."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from typing import Any, Final

from aiohttp import WSMsgType, web

from nanodesk.brokers.paper.values import MarketEvent
from nanodesk.brokers.strict_json import parse_json
from nanodesk.errors import BrokerError
from nanodesk.venues.alpaca.desk import AlpacaDesk
from nanodesk.venues.alpaca.limits import AlpacaLimits
from nanodesk.venues.alpaca.rest import AlpacaAuthority
from nanodesk.venues.fault_effects import EventGate, bytes_under
from nanodesk.venues.faults import Fault, FaultInjector, FaultKind
from nanodesk.venues.http_faults import end_connection

PING_S: Final = 20.0
MAX_MESSAGE_BYTES: Final = 1 << 16
_STREAM: Final = "trade_updates"


class AlpacaSession:
    """One connection.

    Parameters
    ----------
    socket : WebSocketResponse
        Open.
    transport : Transport or None
        Below it.
    desk : AlpacaDesk
        Words the events.
    authority : AlpacaAuthority
        Checks keys.
    faults : FaultInjector
        What goes wrong.
    counts : Counter
        Messages by name.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        *,
        desk: AlpacaDesk,
        authority: AlpacaAuthority,
        faults: FaultInjector,
        counts: Counter[str],
    ) -> None:
        self._socket = socket
        self._transport = transport
        self._desk = desk
        self._authority = authority
        self._faults = faults
        self._counts = counts
        self._is_authorized = False
        self._is_listening = False
        self._outbox: asyncio.Queue[tuple[bytes, ...] | None] = asyncio.Queue()
        self._gate: EventGate[bytes] = EventGate(faults)

    async def serve(self) -> None:
        """Answer until the connection ends."""
        sending = asyncio.get_running_loop().create_task(self._send())
        stop = self._desk.market.listen(self._desk.account_id, self._on_event)
        try:
            async for message in self._socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._on_message(message.data)
        finally:
            stop()
            sending.cancel()

    async def _send(self) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            while (pieces := await self._outbox.get()) is not None:
                for piece in pieces:
                    await self._socket.send_bytes(piece)
            self.abort()

    def abort(self) -> None:
        """End the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    def _tell(self, stream: str, data: dict[str, Any]) -> None:
        self._outbox.put_nowait((_encode(stream, data),))

    def _on_message(self, content: str | bytes) -> None:
        try:
            message = parse_json(content, max_bytes=MAX_MESSAGE_BYTES)
        except BrokerError:
            message = None
        action = message.get("action") if isinstance(message, dict) else None
        self._counts[f"ws {action}" if action in ("authenticate", "auth", "listen") else "ws unknown"] += 1
        if action in ("authenticate", "auth"):
            self._struck("login", lambda: self._log_on(message))
        elif action == "listen":
            self._struck("subscribe", lambda: self._listen(message))
        else:
            self._tell("error", {"error": "unknown action"})

    def _struck(self, name: str, answer: Any) -> None:
        fault = self._faults.request(name)
        if fault is None:
            answer()
        elif fault.kind not in (FaultKind.BLACK_HOLE, FaultKind.HALF_OPEN):
            self._outbox.put_nowait(None)

    def _log_on(self, message: dict[str, Any]) -> None:
        data = message.get("data")
        keys = data if isinstance(data, dict) else message
        pairs = (keys.get("key_id", keys.get("key")), keys.get("secret_key", keys.get("secret")))
        self._is_authorized = self._authority.knows(*pairs)
        status = "authorized" if self._is_authorized else "unauthorized"
        self._tell("authorization", {"status": status, "action": "authenticate"})

    def _listen(self, message: dict[str, Any]) -> None:
        data = message.get("data")
        asked = data.get("streams") if isinstance(data, dict) else None
        wanted = _STREAM in asked if isinstance(asked, list) else False
        if not self._is_authorized:
            self._tell("authorization", {"status": "unauthorized", "action": "listen"})
            return
        self._is_listening = wanted
        self._tell("listening", {"streams": [_STREAM] if wanted else []})

    def _on_event(self, event: MarketEvent) -> None:
        data = self._desk.update(event) if self._is_listening else None
        if data is not None:
            self._counts[f"event {data['event']}"] += 1
            self._send_event(_encode(_STREAM, data), event.kind.value)

    def _send_event(self, message: bytes, name: str) -> None:
        passed = self._gate.pass_on(name, message)
        fault = self._gate.last_fault
        if fault is not None and fault.kind is FaultKind.BLACK_HOLE:
            return
        if fault is not None and fault.kind is FaultKind.RESET_AFTER_ACCEPT:
            self._outbox.put_nowait(None)
            return
        for one in passed:
            self._outbox.put_nowait(_under(fault, one) if one is message else (one,))
        if fault is not None and fault.kind is FaultKind.TRUNCATED:
            self._outbox.put_nowait(None)


def _under(fault: Fault | None, message: bytes) -> tuple[bytes, ...]:
    return (message,) if fault is None else bytes_under(fault, message)


def _encode(stream: str, data: dict[str, Any]) -> bytes:
    return json.dumps({"stream": stream, "data": data}, separators=(",", ":")).encode()


class AlpacaSessions:
    """All connections of the trade stream; the venue allows one, as the real one does.

    Parameters
    ----------
    desk : AlpacaDesk
        Words the events.
    authority : AlpacaAuthority
        Checks keys.
    limits : AlpacaLimits
        How many may be open.
    faults : FaultInjector
        What goes wrong.
    counts : Counter
        Messages by name.
    """

    def __init__(
        self,
        desk: AlpacaDesk,
        authority: AlpacaAuthority,
        limits: AlpacaLimits,
        faults: FaultInjector,
        counts: Counter[str],
    ) -> None:
        self._desk = desk
        self._authority = authority
        self._limits = limits
        self._faults = faults
        self._counts = counts
        self._open: set[AlpacaSession] = set()

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve one connection to its end.

        Parameters
        ----------
        request : BaseRequest
            That asks for an upgrade.

        Returns
        -------
        response : StreamResponse
            The closed connection, or a refusal when another is open.

        Raises
        ------
        ConnectionEnded
            If a fault takes it.
        """
        fault = self._faults.connect()
        if fault is not None and fault.kind not in (FaultKind.ID_IN_USE, FaultKind.RATE_LIMITED, FaultKind.BANNED):
            await end_connection(fault)
        if fault is not None or len(self._open) >= self._limits.streams:
            self._counts["ws refused"] += 1
            return web.json_response({"code": 42910000, "message": "connection limit exceeded"}, status=429)
        socket = web.WebSocketResponse(heartbeat=PING_S, max_msg_size=MAX_MESSAGE_BYTES, compress=False)
        await socket.prepare(request)
        session = AlpacaSession(
            socket,
            request.transport,
            desk=self._desk,
            authority=self._authority,
            faults=self._faults,
            counts=self._counts,
        )
        self._open.add(session)
        try:
            await session.serve()
        finally:
            self._open.discard(session)
        return socket

    async def drop(self) -> None:
        """End every connection at once."""
        for session in list(self._open):
            session.abort()
