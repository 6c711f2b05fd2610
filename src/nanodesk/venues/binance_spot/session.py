"""WebSocket API of the Binance look-alike: calls by message, log-on, and the account's events."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from aiohttp import WSMsgType, web

from nanodesk.brokers.base import Clock
from nanodesk.brokers.paper.values import EventKind, MarketEvent, PaperExecution
from nanodesk.brokers.strict_json import json_writer
from nanodesk.venues.binance_spot.authority import SpotAuthority
from nanodesk.venues.binance_spot.desk import SpotDesk
from nanodesk.venues.binance_spot.errors import SpotError
from nanodesk.venues.binance_spot.limits import SpotMeter
from nanodesk.venues.binance_spot.parameters import Parameters
from nanodesk.venues.binance_spot.views import MS, decimal8
from nanodesk.venues.fault_effects import EventGate, bytes_under
from nanodesk.venues.faults import Fault, FaultInjector, FaultKind

logger = logging.getLogger(__name__)

LIFE_S: Final = 86_400.0
"""A connection ends after a day."""

WARNING_S: Final = 600.0
PING_S: Final = 20.0
MAX_MESSAGE_BYTES: Final = 1 << 20
MOST_UNREAD_BYTES: Final = 64 << 20
FLUSH_BYTES: Final = 8 << 10
"""What waits to be sent leaves at the latest when it is this much: a client reads while we answer the next request."""

_encode = json_writer()
_CALLS: Final = {
    "ping": "GET ping",
    "time": "GET time",
    "exchangeInfo": "GET exchangeInfo",
    "depth": "GET depth",
    "ticker.book": "GET ticker/bookTicker",
    "ticker.price": "GET ticker/price",
    "ticker.24hr": "GET ticker/24hr",
    "avgPrice": "GET avgPrice",
    "klines": "GET klines",
    "uiKlines": "GET uiKlines",
    "trades.recent": "GET trades",
    "trades.historical": "GET historicalTrades",
    "trades.aggregate": "GET aggTrades",
    "order.place": "POST order",
    "order.test": "POST order/test",
    "order.cancel": "DELETE order",
    "order.cancelReplace": "POST order/cancelReplace",
    "order.amend.keepPriority": "PUT order/amend/keepPriority",
    "order.status": "GET order",
    "openOrders.status": "GET openOrders",
    "openOrders.cancelAll": "DELETE openOrders",
    "allOrders": "GET allOrders",
    "account.status": "GET account",
    "account.rateLimits.orders": "GET rateLimit/order",
    "myTrades": "GET myTrades",
    "myPreventedMatches": "GET myPreventedMatches",
    "myAllocations": "GET myAllocations",
    "openOrderLists.status": "GET openOrderList",
    "allOrderLists": "GET allOrderList",
    "account.commission": "GET account/commission",
}


class SpotSession:
    """One connection.

    Parameters
    ----------
    socket : WebSocketResponse
        Open.
    transport : Transport or None
        Below it.
    desk : SpotDesk
        Makes the calls.
    authority : SpotAuthority
        Checks requests.
    meter : SpotMeter
        Limits.
    faults : FaultInjector
        What goes wrong.
    counts : Counter
        Messages by name.
    now_ns : callable
        The venue's clock.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        *,
        desk: SpotDesk,
        authority: SpotAuthority,
        meter: SpotMeter,
        faults: FaultInjector,
        counts: Counter[str],
        now_ns: Clock,
    ) -> None:
        self.socket = socket
        self._transport = transport
        self._desk = desk
        self._authority = authority
        self._meter = meter
        self._faults = faults
        self._counts = counts
        self._now_ns = now_ns
        self._connected_ms = now_ns() // MS
        self._logged_on_ms: int | None = None
        self._next_subscription = 0
        self._subscriptions: dict[int, Callable[[], None]] = {}
        self._unsent = bytearray()
        self._loop = asyncio.get_running_loop()
        self._own_methods: dict[str, Callable[[dict[str, str], bytes], Any]] = {
            "session.logon": self._log_on,
            "session.status": lambda *_: self._status(),
            "session.logout": self._log_out,
            "userDataStream.subscribe": self._subscribe_logged_on,
            "userDataStream.subscribe.signature": self._subscribe_signed,
            "userDataStream.unsubscribe": self._unsubscribe,
            "session.subscriptions": lambda *_: [{"subscriptionId": number} for number in self._subscriptions],
        }
        self._gate: EventGate[bytes] = EventGate(faults)
        self._shows_limits = True

    async def serve(self) -> None:
        """Answer until the connection ends."""
        ending = self._loop.create_task(self._end_of_life())
        try:
            async for message in self.socket:
                if message.type is WSMsgType.TEXT:
                    await self._on_message(message.data)
        finally:
            for stop in self._subscriptions.values():
                stop()
            ending.cancel()

    async def _end_of_life(self) -> None:
        await asyncio.sleep(LIFE_S - WARNING_S)
        self.tell({"event": {"e": "serverShutdown", "E": self._now_ns() // MS}})
        await asyncio.sleep(WARNING_S)
        await self.socket.close()

    def _say(self, content: bytes | tuple[bytes, ...]) -> None:
        # What is said in one turn of the loop goes out in one write: a fill is three messages, and a system call
        # costs more than all.
        if not self._unsent:
            self._loop.call_soon(self._flush)
        for piece in content if isinstance(content, tuple) else (content,):
            self._unsent += _frame(piece)
        if len(self._unsent) >= FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        block, self._unsent = self._unsent, bytearray()
        transport = self._transport
        if not block or transport is None or transport.is_closing():
            return
        transport.write(block)
        if transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
            self.abort()  # a client that does not read is dropped, as the venue does

    def _hang_up(self) -> None:
        self._flush()
        self.abort()

    def abort(self) -> None:
        """End the connection without a word."""
        self._unsent.clear()
        if self._transport is not None:
            self._transport.abort()

    def tell(self, content: dict[str, Any]) -> None:
        """Send one message.

        Parameters
        ----------
        content : dict
            Of it.
        """
        self._say(_encode(content).encode())

    # -- requests -------------------------------------------------------------------------------------------------

    async def _on_message(self, text: str) -> None:
        number: Any = None
        try:
            number, method, values, payload = _read(text)
            self._counts[f"ws {method}" if method in _CALLS or method in self._own_methods else "ws unknown"] += 1
            await self._answer(number, method, values, payload)
        except SpotError as error:
            self._refuse(number, error)

    async def _answer(self, number: Any, method: str, values: dict[str, str], payload: bytes) -> None:
        call = self._desk.calls.get(_CALLS.get(method, ""))
        own = self._own_methods.get(method)
        if call is None and own is None:
            logger.warning("not_served: %r", method[:80])
            raise SpotError(-1000, f"Unknown method '{method[:60]}'.")
        name = call.fault if call is not None else "login" if "session" in method else "subscribe"
        fault = self._faults.request(name)
        if fault is not None and await self._struck_before(fault):
            return
        self._shows_limits = values.pop("returnRateLimits", "true") != "false"
        try:
            self._meter.take(call.weight_of(values) if call is not None else 2)
            if call is not None:
                if call.is_signed:
                    self._require(values, payload)
                if fault is not None:
                    self._desk.strike_before(fault, values)
                result = call.run(Parameters(values))
                if fault is not None:
                    self._desk.strike_after(fault, result)
            else:
                assert own is not None  # noqa: S101  (checked above)
                result = own(values, payload)
        except SpotError as error:
            if fault is None:
                raise
            answer: dict[str, Any] = {"id": number, "status": error.status, "error": error.content()}
        else:
            answer = {"id": number, "status": 200, "result": result}
        self._reply(answer, fault)

    def _require(self, values: dict[str, str], payload: bytes) -> None:
        # After a log-on the key and the signature may be left out, the time may not.
        if self._logged_on_ms is not None and "signature" not in values:
            self._authority.require_time(values)
        else:
            self._authority.require(values, payload, values.get("apiKey"))

    def _refuse(self, number: Any, error: SpotError) -> None:
        self._counts[f"status {error.status}"] += 1
        self._reply({"id": number, "status": error.status, "error": error.content()}, None)

    def _reply(self, answer: dict[str, Any], fault: Fault | None) -> None:
        if self._shows_limits:
            answer["rateLimits"] = self._meter.rows(with_counts=True)
        content = _encode(answer).encode()
        if fault is None:
            self._say(content)
        elif fault.kind is FaultKind.ERROR_AFTER_ACCEPT:
            error = SpotError(-1007, "Timeout waiting for response from backend server.", status=504)
            self.tell({"id": answer["id"], "status": 504, "error": error.content()})
        elif fault.kind in (FaultKind.RESET_AFTER_ACCEPT, FaultKind.PARTIAL_THEN_DISCONNECT, FaultKind.RESTART):
            self._hang_up()
        elif fault.kind is not FaultKind.HALF_OPEN:
            self._say(bytes_under(fault, content))
            if fault.kind is FaultKind.TRUNCATED:
                self._hang_up()

    async def _struck_before(self, fault: Fault) -> bool:
        if fault.kind in (FaultKind.RATE_LIMITED, FaultKind.BANNED):
            self._meter.stop(fault.seconds or 1.0, is_ban=fault.kind is FaultKind.BANNED)
        if fault.kind is FaultKind.ERROR_BEFORE_ACCEPT:
            raise SpotError(-1008, "Spot server is currently overloaded with other requests.", status=503)
        if fault.kind in (FaultKind.RESET_BEFORE_ACCEPT, FaultKind.PACING_DISCONNECT):
            self._hang_up()
            return True
        return fault.kind is FaultKind.BLACK_HOLE

    # -- log-on and subscriptions ---------------------------------------------------------------------------------

    def _log_on(self, values: dict[str, str], payload: bytes) -> dict[str, Any]:
        if not self._authority.is_ed25519:
            raise SpotError(-4056, "HMAC_SHA256 API key is not supported.")
        self._authority.require(values, payload, values.get("apiKey"))
        self._logged_on_ms = self._now_ns() // MS
        return self._status()

    def _log_out(self, *_: object) -> dict[str, Any]:
        self._logged_on_ms = None
        return self._status()

    def _status(self) -> dict[str, Any]:
        return {
            "apiKey": None if self._logged_on_ms is None else "loopback-key",
            "authorizedSince": self._logged_on_ms,
            "connectedSince": self._connected_ms,
            "returnRateLimits": self._shows_limits,
            "serverTime": self._now_ns() // MS,
            "userDataStream": bool(self._subscriptions),
        }

    def _subscribe_logged_on(self, *_: object) -> dict[str, Any]:
        if self._logged_on_ms is None:
            raise SpotError(-2014, "API-key format invalid.", status=401)
        return self._subscribe()

    def _subscribe_signed(self, values: dict[str, str], payload: bytes) -> dict[str, Any]:
        self._authority.require(values, payload, values.get("apiKey"))
        return self._subscribe()

    def _subscribe(self) -> dict[str, Any]:
        number = self._next_subscription
        self._next_subscription += 1
        self._subscriptions[number] = self._desk.market.listen(
            self._desk.account_id, lambda event: self._on_event(number, event)
        )
        return {"subscriptionId": number}

    def _unsubscribe(self, values: dict[str, str], _: bytes) -> dict[str, Any]:
        wanted = [int(values["subscriptionId"])] if values.get("subscriptionId", "").isdigit() else None
        for number in wanted if wanted is not None else list(self._subscriptions):
            stop = self._subscriptions.pop(number, None)
            if stop is not None:
                stop()
                event = {"e": "eventStreamTerminated", "E": self._now_ns() // MS}
                self.tell({"subscriptionId": number, "event": event})
        return {}

    # -- events ---------------------------------------------------------------------------------------------------

    def _on_event(self, number: int, event: MarketEvent) -> None:
        for content in self._contents(event):
            self._counts[f"event {content['e']}"] += 1
            message = _encode({"subscriptionId": number, "event": content}).encode()
            if content["e"] == "executionReport":
                self._send_event(message, event.kind.value)
            elif not self._gate.is_mute:
                self._say(message)

    def _contents(self, event: MarketEvent) -> list[dict[str, Any]]:
        contents = []
        if event.order is not None:
            cancel_id = self._desk.cancel_ids.get(event.order.number, "")
            report = self._desk.views.report(event, cancel_id=cancel_id)
            if report is not None:
                contents.append(report)
        if event.kind is EventKind.BALANCE:
            contents += [
                {
                    "e": "balanceUpdate",
                    "E": event.ts_ns // MS,
                    "a": asset,
                    "d": decimal8(amount),
                    "T": event.ts_ns // MS,
                }
                for asset, amount in event.balances_e9.items()
            ]
        if event.execution is not None:
            rows = [{"a": row["asset"], "f": row["free"], "l": row["locked"]} for row in self._touched(event.execution)]
            contents.append({"e": "outboundAccountPosition", "E": event.ts_ns // MS, "u": event.ts_ns // MS, "B": rows})
        return contents

    def _touched(self, execution: PaperExecution) -> list[dict[str, str]]:
        # The venue tells the assets that may have changed, not the whole account.
        rules = self._desk.market.rules(execution.symbol)
        return self._desk.balances({rules.base or rules.symbol, rules.currency, execution.fee_asset})

    def _send_event(self, message: bytes, name: str) -> None:
        passed = self._gate.pass_on(name, message)
        fault = self._gate.last_fault
        if fault is not None and fault.kind is FaultKind.BLACK_HOLE:
            return
        if fault is not None and fault.kind is FaultKind.RESET_AFTER_ACCEPT:
            self._hang_up()
            return
        for one in passed:
            self._say(bytes_under(fault, one) if fault is not None and one is message else one)
        if fault is not None and fault.kind is FaultKind.TRUNCATED:
            self._hang_up()


class SpotSessions:
    """All connections of the WebSocket API.

    Parameters
    ----------
    desk : SpotDesk
        Makes the calls.
    authority : SpotAuthority
        Checks requests.
    meter : SpotMeter
        Limits.
    faults : FaultInjector
        What goes wrong.
    counts : Counter
        Messages by name.
    now_ns : callable
        The venue's clock.
    """

    def __init__(
        self,
        desk: SpotDesk,
        authority: SpotAuthority,
        meter: SpotMeter,
        faults: FaultInjector,
        counts: Counter[str],
        now_ns: Clock,
    ) -> None:
        self._desk = desk
        self._authority = authority
        self._meter = meter
        self._faults = faults
        self._counts = counts
        self._now_ns = now_ns
        self._open: set[SpotSession] = set()

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve one connection to its end.

        Parameters
        ----------
        request : BaseRequest
            That asks for an upgrade.

        Returns
        -------
        response : StreamResponse
            The closed connection.
        """
        fault = self._faults.connect()
        if fault is not None:
            if fault.kind is FaultKind.BLACK_HOLE or fault.kind is FaultKind.HALF_OPEN:
                await asyncio.sleep(fault.seconds or 3600.0)
            if request.transport is not None:
                request.transport.abort()
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse(heartbeat=PING_S, max_msg_size=MAX_MESSAGE_BYTES, compress=False)
        await socket.prepare(request)
        session = SpotSession(
            socket,
            request.transport,
            desk=self._desk,
            authority=self._authority,
            meter=self._meter,
            faults=self._faults,
            counts=self._counts,
            now_ns=self._now_ns,
        )
        self._open.add(session)
        try:
            await session.serve()
        finally:
            self._open.discard(session)
        return socket

    async def announce_shutdown(self) -> None:
        """Tell every connection that it will end soon."""
        for session in self._open:
            session.tell({"event": {"e": "serverShutdown", "E": self._now_ns() // MS}})

    async def drop(self) -> None:
        """End every connection at once."""
        for session in list(self._open):
            session.abort()


def _frame(content: bytes) -> bytes:
    """One unmasked message of RFC 6455: text, or binary where it is no UTF-8."""
    try:
        content.decode()
        kind = 0x81
    except UnicodeDecodeError:
        kind = 0x82
    size = len(content)
    if size < 126:
        return bytes((kind, size)) + content
    if size < 1 << 16:
        return bytes((kind, 126)) + size.to_bytes(2, "big") + content
    return bytes((kind, 127)) + size.to_bytes(8, "big") + content


def _read(text: str) -> tuple[Any, str, dict[str, str], bytes]:
    try:
        message = json.loads(text)
        number, method, parameters = message.get("id"), message["method"], message.get("params") or {}
        if not isinstance(method, str) or not isinstance(parameters, dict):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SpotError(-1135, "Invalid JSON Request") from None
    values = {name: _text(value) for name, value in parameters.items() if value is not None}
    signed = "&".join(f"{name}={values[name]}" for name in sorted(values) if name != "signature")
    return number, method, values, signed.encode("utf-8", "replace")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, (list, dict)) else str(value)
