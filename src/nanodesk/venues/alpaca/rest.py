"""REST of the Alpaca look-alike: requests routed and read, calls made, faults struck."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from aiohttp import web

from nanodesk.venues.alpaca.desk import AlpacaDesk
from nanodesk.venues.alpaca.errors import UNAUTHORIZED, AlpacaError, not_found
from nanodesk.venues.alpaca.limits import AlpacaMeter
from nanodesk.venues.alpaca.market_data import AlpacaMarketData
from nanodesk.venues.alpaca.requests import AlpacaRequest, read_body
from nanodesk.venues.faults import Fault, FaultInjector, FaultKind
from nanodesk.venues.http_faults import NEVER_LOOKED_AT, ConnectionEnded, end_connection, struck_answer

logger = logging.getLogger(__name__)

MAX_BODY_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Parameters
    ----------
    name : str
        Method and path, ``*`` for what varies: ``"GET orders/*"``.
    fault : str
        Its name in the fault file.
    run : callable
        Takes the request, gives the answer.
    status : int, default 200
        Of a good answer.
    """

    name: str
    fault: str
    run: Callable[[AlpacaRequest], Any]
    status: int = 200


class AlpacaAuthority:
    """Who may ask.

    Parameters
    ----------
    api_key, secret : str
        The two halves of the key that is known.
    """

    def __init__(self, api_key: str, secret: str) -> None:
        self._known = api_key.encode(), secret.encode()

    def knows(self, api_key: object, secret: object) -> bool:
        """Whether a key is the one that is known.

        Parameters
        ----------
        api_key, secret : object
            As sent.

        Returns
        -------
        known : bool
            Both halves agree.
        """
        key, half = (str(one or "").encode("utf-8", "replace") for one in (api_key, secret))
        is_key, is_half = hmac.compare_digest(key, self._known[0]), hmac.compare_digest(half, self._known[1])
        return is_key and is_half


class AlpacaRest:
    """Answers of trading and market data.

    Parameters
    ----------
    desk : AlpacaDesk
        Orders and account.
    data : AlpacaMarketData
        What everybody is told.
    authority : AlpacaAuthority
        Checks keys.
    meters : (AlpacaMeter, AlpacaMeter)
        Limits of trading and of market data.
    faults : FaultInjector
        What goes wrong.
    counts : Counter
        Messages by name.
    drop_clients : callable
        Ends every connection.
    """

    def __init__(
        self,
        desk: AlpacaDesk,
        data: AlpacaMarketData,
        authority: AlpacaAuthority,
        meters: tuple[AlpacaMeter, AlpacaMeter],
        faults: FaultInjector,
        counts: Counter[str],
        drop_clients: Callable[[], Awaitable[None]],
    ) -> None:
        self._desk = desk
        self._authority = authority
        self._meters = meters
        self._faults = faults
        self._counts = counts
        self._drop_clients = drop_clients
        self._open: set[asyncio.Transport] = set()
        self._calls = {call.name: call for call in _calls(desk, data)}

    def drop(self) -> None:
        """End the connections of requests that are under way or were answered."""
        for transport in self._open:
            transport.abort()
        self._open.clear()

    def _route(self, method: str, path: str) -> tuple[Call | None, tuple[str, ...]]:
        parts = path.split("/")
        for wild in (None, 1, 2):
            if wild is not None and wild < len(parts):
                name = "/".join("*" if index == wild else part for index, part in enumerate(parts))
            elif wild is None:
                name = path
            else:
                continue
            call = self._calls.get(f"{method} {name}")
            if call is not None:
                return call, () if wild is None else (unquote(parts[wild]),)
        return None, ()

    async def answer(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Answer one request.

        Parameters
        ----------
        request : BaseRequest
            As received.
        path : str
            Below ``/v2/``.

        Returns
        -------
        response : StreamResponse
            Good or bad.
        """
        call, parts = self._route(request.method, path)
        self._counts[f"rest {call.name}" if call else "rest unknown"] += 1
        transport = request.transport
        if transport is not None and transport not in self._open:
            self._open = {one for one in self._open if not one.is_closing()} | {transport}
        meter = self._meters[path.startswith("stocks/")]
        fault = self._faults.connect() or (self._faults.request(call.fault) if call else None)
        try:
            try:
                if fault is not None and fault.kind in NEVER_LOOKED_AT:
                    await _strike_before(fault, meter)
                response = await self._run(request, call, parts, meter, fault)
            except AlpacaError as error:
                return self._failed(error, meter)
            return response if fault is None else await self._struck(request, fault, response, meter)
        except ConnectionEnded:
            if transport is not None:
                transport.abort()
            raise web.HTTPServiceUnavailable from None

    async def _run(
        self,
        request: web.BaseRequest,
        call: Call | None,
        parts: tuple[str, ...],
        meter: AlpacaMeter,
        fault: Fault | None,
    ) -> web.Response:
        try:
            meter.take()
            headers = request.headers
            if not self._authority.knows(headers.get("APCA-API-KEY-ID"), headers.get("APCA-API-SECRET-KEY")):
                raise AlpacaError(UNAUTHORIZED, "request is not authorized")
            if call is None:
                logger.warning("not_served: %s %s", request.method, request.raw_path.partition("?")[0][:80])
                raise not_found("endpoint")
            content = await request.read() if request.can_read_body else b""
            asked = AlpacaRequest(parts, dict(request.rel_url.query), read_body(content[: MAX_BODY_BYTES + 1]))
            if fault is not None:
                self._desk.strike_before(fault, asked)
            answer = call.run(asked)
            if fault is not None:
                self._desk.strike_after(fault, answer)
        except AlpacaError as error:
            return self._failed(error, meter)
        if answer is None:
            return web.Response(status=204, headers=meter.headers())
        return _json(call.status, answer, meter)

    def _failed(self, error: AlpacaError, meter: AlpacaMeter) -> web.Response:
        self._counts[f"status {error.status}"] += 1
        return _json(error.status, error.content(), meter)

    async def _struck(
        self, request: web.BaseRequest, fault: Fault, response: web.Response, meter: AlpacaMeter
    ) -> web.StreamResponse:
        if fault.kind is FaultKind.ERROR_AFTER_ACCEPT:
            self._counts["status 504"] += 1
            return web.Response(status=504, text="<html>504 Gateway Time-out</html>", headers=meter.headers())
        return await struck_answer(request, fault, response, self._drop_clients)


async def _strike_before(fault: Fault, meter: AlpacaMeter) -> None:
    if fault.kind in (FaultKind.RATE_LIMITED, FaultKind.BANNED):
        meter.stop(fault.seconds or 1.0)
    if fault.kind is FaultKind.ERROR_BEFORE_ACCEPT:
        raise AlpacaError(50010000, "internal server error")
    await end_connection(fault)


def _json(status: int, content: Any, meter: AlpacaMeter) -> web.Response:
    body = json.dumps(content, separators=(",", ":")).encode()
    return web.Response(body=body, status=status, headers=meter.headers(), content_type="application/json")


def _calls(desk: AlpacaDesk, data: AlpacaMarketData) -> list[Call]:
    return [
        Call("GET account", "account", lambda _: desk.account()),
        Call("GET account/activities", "executions", desk.activities),
        Call("GET account/activities/*", "executions", desk.activities),
        Call("GET clock", "time", lambda _: data.clock()),
        Call("GET calendar", "other", data.calendar),
        Call("GET assets", "rules", desk.assets),
        Call("GET assets/*", "rules", desk.asset),
        Call("POST orders", "new", desk.place),
        Call("GET orders", "open_orders", desk.orders),
        Call("GET orders:by_client_order_id", "status", desk.order_by_client_id),
        Call("GET orders/*", "status", desk.order),
        Call("PATCH orders/*", "replace", desk.replace),
        Call("DELETE orders", "cancel", lambda _: desk.cancel_all(), status=207),
        Call("DELETE orders/*", "cancel", desk.cancel),
        Call("GET positions", "positions", lambda _: desk.positions()),
        Call("GET positions/*", "positions", desk.position),
        Call("DELETE positions", "new", desk.close_all, status=207),
        Call("DELETE positions/*", "new", desk.close_position),
        Call("GET stocks/quotes/latest", "quote", data.latest_quotes),
        Call("GET stocks/*/quotes/latest", "quote", data.latest_quote),
        Call("GET stocks/trades/latest", "quote", data.latest_trades),
        Call("GET stocks/*/trades/latest", "quote", data.latest_trade),
        Call("GET stocks/snapshots", "quote", data.snapshots),
        Call("GET stocks/*/snapshot", "quote", data.snapshot),
    ]
