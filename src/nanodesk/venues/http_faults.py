"""What faults do to the answers of a venue that speaks HTTP, whatever it says in them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from nanodesk.venues.fault_effects import bytes_under
from nanodesk.venues.faults import Fault, FaultKind

NEVER_LOOKED_AT: Final = frozenset(
    {
        FaultKind.BLACK_HOLE,
        FaultKind.RESET_BEFORE_ACCEPT,
        FaultKind.REFUSE_CONNECT,
        FaultKind.ID_IN_USE,
        FaultKind.PACING_DISCONNECT,
        FaultKind.RATE_LIMITED,
        FaultKind.BANNED,
        FaultKind.ERROR_BEFORE_ACCEPT,
    }
)
"""Faults after which the request was not carried out."""

_DAMAGED: Final = (FaultKind.MALFORMED, FaultKind.TRUNCATED, FaultKind.OVERSIZE, FaultKind.SLOW_TRICKLE)
_FOR_EVER_S: Final = 3600.0


class ConnectionEnded(Exception):  # noqa: N818  (what happened to the connection)
    """The fault ends the connection without an answer."""


async def end_connection(fault: Fault) -> None:
    """Let a fault swallow a request: at once, or after a long silence.

    Parameters
    ----------
    fault : Fault
        One that is never looked at, or half open.

    Raises
    ------
    ConnectionEnded
        Always.
    """
    if fault.kind in (FaultKind.BLACK_HOLE, FaultKind.HALF_OPEN):
        await asyncio.sleep(fault.seconds or _FOR_EVER_S)
    raise ConnectionEnded


async def struck_answer(
    request: web.BaseRequest, fault: Fault, response: web.Response, drop_clients: Callable[[], Awaitable[None]]
) -> web.StreamResponse:
    """The answer to a request that was carried out, as a fault leaves it.

    Parameters
    ----------
    request : BaseRequest
        As received.
    fault : Fault
        That struck it.
    response : Response
        What would have been answered.
    drop_clients : callable
        Ends every connection.

    Returns
    -------
    response : StreamResponse
        Whole or damaged.

    Raises
    ------
    ConnectionEnded
        If there is none.
    """
    if fault.kind in (FaultKind.HALF_OPEN, FaultKind.RESET_AFTER_ACCEPT):
        await end_connection(fault)
    if fault.kind in (FaultKind.PARTIAL_THEN_DISCONNECT, FaultKind.RESTART):
        asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(drop_clients()))
        raise ConnectionEnded
    return await damaged(request, fault, response)


async def damaged(request: web.BaseRequest, fault: Fault, whole: web.Response) -> web.StreamResponse:
    """An answer as a fault lets it arrive: cut, spoiled, swollen or in drops; whole, if the fault is another.

    Parameters
    ----------
    request : BaseRequest
        As received.
    fault : Fault
        That struck it.
    whole : Response
        What would have been answered.

    Returns
    -------
    response : StreamResponse
        Written already where it is damaged.

    Raises
    ------
    ConnectionEnded
        If the answer is cut.
    """
    if fault.kind not in _DAMAGED:
        return whole
    content = whole.body if isinstance(whole.body, bytes) else b""
    response = web.StreamResponse(status=whole.status, headers=whole.headers)
    pieces = bytes_under(fault, content)
    response.content_length = len(content) if fault.kind is FaultKind.TRUNCATED else sum(map(len, pieces))
    await response.prepare(request)
    for piece in pieces:
        await response.write(piece)
        if fault.kind is FaultKind.SLOW_TRICKLE:
            await asyncio.sleep(fault.seconds or 1.0)
    if fault.kind is FaultKind.TRUNCATED:
        raise ConnectionEnded
    await response.write_eof()
    return response
