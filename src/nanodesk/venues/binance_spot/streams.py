"""Market streams of the Binance look-alike: best quotes, changes of the book and trades."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter, deque
from typing import Any, Final

from aiohttp import WSCloseCode, WSMsgType, web

from nanodesk.brokers.base import Clock
from nanodesk.market.enums import Side
from nanodesk.venues.binance_spot.book import rows
from nanodesk.venues.binance_spot.candles import INTERVALS, Candle, start_of
from nanodesk.venues.binance_spot.desk import SpotDesk
from nanodesk.venues.binance_spot.errors import SpotError
from nanodesk.venues.binance_spot.views import MS, decimal8

LOOK_EVERY_S: Final = 0.05
MESSAGES_PER_SECOND: Final = 5
PING_S: Final = 20.0
_CANDLES: Final = "kline_"
_KINDS: Final = ("bookTicker", "depth", "depth@100ms", "trade", *(f"{_CANDLES}{name}" for name in INTERVALS))


class StreamClient:
    """One connection.

    Parameters
    ----------
    socket : WebSocketResponse
        Open.
    is_combined : bool
        Whether messages name their stream.
    names : set of str
        Streams that it follows.
    """

    def __init__(self, socket: web.WebSocketResponse, *, is_combined: bool, names: set[str]) -> None:
        self.socket = socket
        self.is_combined = is_combined
        self.names = names
        self.is_new: set[str] = set(names)

    async def tell(self, name: str, content: dict[str, Any]) -> None:
        """Send one message of a stream.

        Parameters
        ----------
        name : str
            Of the stream.
        content : dict
            Of the message.
        """
        message = {"stream": name, "data": content} if self.is_combined else content
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self.socket.send_str(json.dumps(message, separators=(",", ":")))


class SpotStreams:
    """All connections to market streams.

    Parameters
    ----------
    desk : SpotDesk
        Knows the market.
    counts : Counter
        Messages by name.
    now_ns : callable
        The venue's clock.
    """

    def __init__(self, desk: SpotDesk, counts: Counter[str], now_ns: Clock) -> None:
        self._desk = desk
        self._counts = counts
        self._now_ns = now_ns
        self._open: set[StreamClient] = set()
        self._looking: asyncio.Task[None] | None = None
        self._best: dict[str, Any] = {}
        self._traded: dict[str, int] = {}
        self._candles: dict[str, Candle] = {}

    def start(self) -> None:
        """Begin to look at the books."""
        self._looking = asyncio.get_running_loop().create_task(self._look())

    def stop(self) -> None:
        """End it."""
        if self._looking is not None:
            self._looking.cancel()

    async def drop(self) -> None:
        """End every connection at once."""
        for client in list(self._open):
            with contextlib.suppress(Exception):
                async with asyncio.timeout(0.2):
                    await client.socket.close()

    async def serve(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Serve one connection to its end.

        Parameters
        ----------
        request : BaseRequest
            That asks for an upgrade.
        path : str
            ``/ws``, ``/ws/<stream>`` or ``/stream``.

        Returns
        -------
        response : StreamResponse
            The closed connection.
        """
        socket = web.WebSocketResponse(heartbeat=PING_S, max_msg_size=1 << 16, compress=False)
        await socket.prepare(request)
        first = path.removeprefix("/ws").strip("/") if path.startswith("/ws") else request.query.get("streams", "")
        names = {name for name in first.split("/") if self._symbol(name) is not None}
        client = StreamClient(socket, is_combined=path == "/stream", names=names)
        self._open.add(client)
        recent: deque[float] = deque(maxlen=MESSAGES_PER_SECOND)
        try:
            async for message in socket:
                now_s = asyncio.get_running_loop().time()
                if len(recent) == MESSAGES_PER_SECOND and now_s - recent[0] < 1.0:
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"Too many requests")
                    break
                recent.append(now_s)
                if message.type is WSMsgType.TEXT:
                    await self._on_message(client, message.data)
        finally:
            self._open.discard(client)
        return socket

    async def _on_message(self, client: StreamClient, text: str) -> None:
        try:
            message = json.loads(text)
            method, number = message["method"], message["id"]
        except (ValueError, KeyError, TypeError, RecursionError):
            await client.socket.send_str('{"error":{"code":2,"msg":"Invalid request"}}')
            return
        parameters = message.get("params") or []
        self._counts[f"stream {str(method)[:40]}"] += 1
        names = {str(name) for name in parameters} if isinstance(parameters, list) else set()
        if method == "SUBSCRIBE":
            client.names |= names
            client.is_new |= names
        elif method == "UNSUBSCRIBE":
            client.names -= names
        elif method == "SET_PROPERTY" and len(parameters) == 2 and parameters[0] == "combined":
            client.is_combined = bool(parameters[1])
        result = sorted(client.names) if method == "LIST_SUBSCRIPTIONS" else None
        await client.socket.send_str(json.dumps({"result": result, "id": number}))

    def _symbol(self, name: str) -> str | None:
        pair, _, kind = name.partition("@")
        if kind not in _KINDS:
            return None
        try:
            return self._desk.orders.known(pair.upper())
        except SpotError:
            return None

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            wanted = {name for client in self._open for name in client.names}
            for symbol in sorted({symbol for name in wanted if (symbol := self._symbol(name)) is not None}):
                await self._publish(symbol, wanted)

    async def _publish(self, symbol: str, wanted: set[str]) -> None:
        pair = self._desk.views.pair(symbol)
        first, (bids, asks), _ = self._desk.books.look(symbol)
        number = self._desk.books.number(symbol)
        best = self._desk.books.best(symbol)
        is_moved = self._best.get(symbol) != best
        self._best[symbol] = best
        (bid, bid_size), (ask, ask_size) = best
        ticker = {
            "u": number,
            "s": pair,
            "b": decimal8(bid),
            "B": decimal8(bid_size),
            "a": decimal8(ask),
            "A": decimal8(ask_size),
        }
        lower = pair.lower()
        await self._tell(f"{lower}@bookTicker", ticker, is_moved=is_moved)
        if bids or asks:
            change = {
                "e": "depthUpdate",
                "E": self._now_ns() // MS,
                "s": pair,
                "U": first,
                "u": number,
                "b": rows(bids),
                "a": rows(asks),
            }
            for name in (f"{lower}@depth", f"{lower}@depth@100ms"):
                await self._tell(name, change, is_moved=True)
        if f"{lower}@trade" in wanted:
            await self._tell_trades(symbol, pair)
        for name in sorted(one for one in wanted if one.startswith(f"{lower}@{_CANDLES}")):
            await self._tell_candle(name, symbol, pair)

    async def _tell_candle(self, name: str, symbol: str, pair: str) -> None:
        interval = name.partition(_CANDLES)[2]
        length, before = INTERVALS[interval], self._candles.get(name)
        start = start_of(self._now_ns() // MS, length)
        starts = [start] if before is None or before.start >= start else [before.start, start]
        for candle in self._desk.candles(symbol, starts, length):
            is_closed = candle.start < start
            is_moved = before is None or is_closed or (candle.start, candle.last) != (before.start, before.last)
            await self._tell(name, _candle(self._now_ns() // MS, pair, interval, candle, is_closed), is_moved=is_moved)
            self._candles[name] = candle

    async def _tell_trades(self, symbol: str, pair: str) -> None:
        fills = self._desk.market.executions(symbol=symbol)
        last = self._traded.get(symbol, 0)
        for fill in fills:
            if fill.trade_number <= last:
                continue
            last = fill.trade_number
            content = {
                "e": "trade",
                "E": self._now_ns() // MS,
                "s": pair,
                "t": fill.trade_number,
                "p": decimal8(fill.price_e9),
                "q": decimal8(fill.quantity_e9),
                "T": fill.ts_ns // MS,
                "m": fill.is_maker == (fill.side is Side.BUY),
                "M": True,
            }
            await self._tell(f"{pair.lower()}@trade", content, is_moved=True)
        self._traded[symbol] = last

    async def _tell(self, name: str, content: dict[str, Any], *, is_moved: bool) -> None:
        for client in list(self._open):
            if name in client.names and (is_moved or name in client.is_new):
                client.is_new.discard(name)
                await client.tell(name, content)


def _candle(now_ms: int, pair: str, interval: str, candle: Candle, is_closed: bool) -> dict[str, Any]:
    inside = {
        "t": candle.start,
        "T": candle.end,
        "s": pair,
        "i": interval,
        "f": candle.first,
        "L": candle.last,
        "o": decimal8(candle.open),
        "c": decimal8(candle.close),
        "h": decimal8(candle.high),
        "l": decimal8(candle.low),
        "v": decimal8(candle.volume),
        "n": candle.count,
        "x": is_closed,
        "q": decimal8(candle.cash),
        "V": decimal8(candle.bought),
        "Q": decimal8(candle.bought_cash),
        "B": "0",
    }
    return {"e": "kline", "E": now_ms, "s": pair, "k": inside}
