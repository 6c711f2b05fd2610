"""REST of the Binance look-alike: requests read, calls made, faults struck."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from nanodesk.venues.binance_spot.authority import SpotAuthority, signed_part
from nanodesk.venues.binance_spot.desk import Call, SpotDesk
from nanodesk.venues.binance_spot.errors import SpotError
from nanodesk.venues.binance_spot.limits import SpotMeter
from nanodesk.venues.binance_spot.parameters import Parameters, parse_query
from nanodesk.venues.faults import Fault, FaultInjector, FaultKind
from nanodesk.venues.http_faults import ConnectionEnded, damaged, end_connection

logger = logging.getLogger(__name__)

MAX_BODY_BYTES: Final = 1 << 20
BEFORE: Final = frozenset(
    {
        FaultKind.BLACK_HOLE,
        FaultKind.RESET_BEFORE_ACCEPT,
        FaultKind.PACING_DISCONNECT,
        FaultKind.RATE_LIMITED,
        FaultKind.BANNED,
        FaultKind.ERROR_BEFORE_ACCEPT,
    }
)
"""Faults after which the request was never looked at."""


class SpotRest:
    """Answers of the REST interface.

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
    drop_clients : callable
        Ends every connection.
    """

    def __init__(
        self,
        desk: SpotDesk,
        authority: SpotAuthority,
        meter: SpotMeter,
        faults: FaultInjector,
        counts: Counter[str],
        drop_clients: Callable[[], Awaitable[None]],
    ) -> None:
        self._desk = desk
        self._authority = authority
        self._meter = meter
        self._faults = faults
        self._counts = counts
        self._drop_clients = drop_clients
        self._open: set[asyncio.Transport] = set()
        self._dropping: set[asyncio.Task[None]] = set()

    def drop(self) -> None:
        """End the connections of requests that are under way or were answered."""
        for transport in self._open:
            transport.abort()
        self._open.clear()

    async def answer(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Answer one request.

        Parameters
        ----------
        request : BaseRequest
            As received.
        path : str
            Below ``/api/v3/``.

        Returns
        -------
        response : StreamResponse
            Good or bad.
        """
        call = self._desk.calls.get(f"{request.method} {path}")
        self._counts[f"rest {request.method} {path}" if call else "rest unknown"] += 1
        transport = request.transport
        if transport is not None and transport not in self._open:
            self._open = {one for one in self._open if not one.is_closing()} | {transport}
        fault = self._faults.connect() or (self._faults.request(call.fault) if call else None)
        try:
            if fault is not None and fault.kind in BEFORE:
                await self._strike_before(fault)
            status, content, headers = await self._run(request, call, fault)
            if fault is not None:
                return await self._strike_after(request, fault, status, content, headers)
        except ConnectionEnded:
            if transport is not None:
                transport.abort()
            raise web.HTTPServiceUnavailable from None
        except SpotError as error:
            status, content, headers = self._error(error)
        return web.Response(body=content, status=status, headers=headers, content_type="application/json")

    async def _run(
        self, request: web.BaseRequest, call: Call | None, fault: Fault | None
    ) -> tuple[int, bytes, dict[str, str]]:
        try:
            if call is None:
                logger.warning("not_served: %s %s", request.method, request.raw_path.partition("?")[0][:80])
                raise SpotError(-1000, "There is nothing here.", status=404)
            query = request.raw_path.partition("?")[2]
            body = (await self._body(request)).decode("utf-8", "replace")
            values = parse_query(f"{query}&{body}" if query and body else query or body)
            self._meter.take(call.weight_of(values))
            if call.is_signed:
                payload = (signed_part(query) + signed_part(body)).encode()
                self._authority.require(values, payload, request.headers.get("X-MBX-APIKEY"))
            if fault is not None:
                self._desk.strike_before(fault, values)
            answer = call.run(Parameters(values))
            if fault is not None:
                self._desk.strike_after(fault, answer)
        except SpotError as error:
            return self._error(error)
        return 200, _encode(answer), self._meter.headers()

    async def _body(self, request: web.BaseRequest) -> bytes:
        if not request.can_read_body:
            return b""
        if (request.content_length or 0) > MAX_BODY_BYTES:
            raise SpotError(-1101, "Too many parameters; expected less.")
        return await request.read()

    def _error(self, error: SpotError) -> tuple[int, bytes, dict[str, str]]:
        self._counts[f"status {error.status}"] += 1
        headers = self._meter.headers()
        if error.retry_after_s is not None:
            headers["Retry-After"] = str(error.retry_after_s)
        return error.status, _encode(error.content()), headers

    async def _strike_before(self, fault: Fault) -> None:
        if fault.kind in (FaultKind.RATE_LIMITED, FaultKind.BANNED):
            self._meter.stop(fault.seconds or 1.0, is_ban=fault.kind is FaultKind.BANNED)
        if fault.kind is FaultKind.ERROR_BEFORE_ACCEPT:
            raise SpotError(-1008, "Spot server is currently overloaded with other requests.", status=503)
        await end_connection(fault)

    async def _strike_after(
        self, request: web.BaseRequest, fault: Fault, status: int, content: bytes, headers: dict[str, str]
    ) -> web.StreamResponse:
        if fault.kind is FaultKind.ERROR_AFTER_ACCEPT:
            raise SpotError(-1007, "Timeout waiting for response from backend server. Send status unknown.", status=504)
        if fault.kind in (FaultKind.HALF_OPEN, FaultKind.RESET_AFTER_ACCEPT):
            await end_connection(fault)
        if fault.kind in (FaultKind.PARTIAL_THEN_DISCONNECT, FaultKind.RESTART):
            task = asyncio.get_running_loop().create_task(_call(self._drop_clients))
            self._dropping.add(task)
            task.add_done_callback(self._dropping.discard)
            raise ConnectionEnded
        whole = web.Response(body=content, status=status, headers=headers, content_type="application/json")
        return await damaged(request, fault, whole)


async def _call(action: Callable[[], Awaitable[None]]) -> None:
    await action()


def _encode(answer: Any) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode()
