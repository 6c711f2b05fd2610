"""The desk's own door to a venue: a small HTTP endpoint on loopback for truth, quotes, faults and admin actions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from nanodesk.brokers.paper import admin as paper_admin
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.brokers.paper.values import Reject
from nanodesk.errors import NanodeskError, ValidationError
from nanodesk.market.account import Quote
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import parse_e9
from nanodesk.market.order import Order, OrderType
from nanodesk.market.trading_rules import TradingStatus
from nanodesk.venues.fault_effects import VenueClock
from nanodesk.venues.faults import FaultInjector, parse_faults

LARGEST_BODY: Final = 1 << 20
PREFIX: Final = "/_desk/"
_REQUEST_TIMEOUT_S: Final = 10.0

Action = Callable[[dict[str, Any]], Any]


class AdminActions:
    """What may be asked at the door, by name; each takes the JSON body and gives back plain values.

    Parameters
    ----------
    market : PaperMarket
        Behind the venue.
    faults : FaultInjector
        Of the venue.
    clock : VenueClock
        Of the venue.
    account_id : str
        Account meant when a body names none.
    truth : callable
        Gives the truth.
    restart : callable
        Drops every client.
    """

    def __init__(
        self,
        market: PaperMarket,
        faults: FaultInjector,
        clock: VenueClock,
        account_id: str,
        truth: Callable[[], Mapping[str, Any]],
        restart: Callable[[], None],
    ) -> None:
        self._market = market
        self._faults = faults
        self._clock = clock
        self._account_id = account_id
        self._restart = restart
        self.reads: dict[str, Callable[[], Any]] = {"health": lambda: {"ok": True}, "truth": truth}
        self.writes: dict[str, Action] = {
            "quote": self._quote,
            "fault": self._fault,
            "heal": self._heal,
            "reject": self._reject,
            "order": self._order,
            "cancel": self._cancel,
            "fill": self._fill,
            "bust": self._bust,
            "correct": self._correct,
            "deposit": self._deposit,
            "split": self._split,
            "rename": self._rename,
            "status": self._status,
            "clock": self._step_clock,
            "restart": self._drop,
            "close_session": self._close_session,
        }

    def _quote(self, body: dict[str, Any]) -> None:
        now = self._market.now_ns()
        prices = {key: _optional(body.pop(key, None), key) for key in ("bid", "ask", "last")}
        sizes = {key: parse_e9(body.pop(key, 0), field=key) for key in ("bid_size", "ask_size")}
        levels = {key: [_level(row, key) for row in body.pop(key, [])] for key in ("bids", "asks")}
        symbol = _text(body, "symbol")
        _end(body)
        quote = Quote(symbol, prices["bid"], prices["ask"], prices["last"], now, sizes["bid_size"], sizes["ask_size"])
        self._market.set_quote(quote, bids=levels["bids"], asks=levels["asks"])

    def _fault(self, body: dict[str, Any]) -> None:
        for rule in parse_faults({"schema": 1, "rules": [body]}, source="fault"):
            self._faults.add(rule)

    def _heal(self, body: dict[str, Any]) -> None:
        _end(body)
        self._faults.clear()

    def _reject(self, body: dict[str, Any]) -> None:
        side = body.pop("side", None)
        reject = Reject(
            _text(body, "code"),
            str(body.pop("text", "")),
            body.pop("symbol", None),
            None if side is None else Side.parse(side),
            _integer(body, "skip", 0),
            _integer(body, "count", 1),
        )
        _end(body)
        self._market.add_reject(reject)

    def _order(self, body: dict[str, Any]) -> dict[str, Any]:
        order = Order(
            "manual",
            _text(body, "symbol"),
            Side.parse(_text(body, "side")),
            parse_e9(body.pop("quantity", ""), field="quantity"),
            OrderType(body.pop("type", "market")),
            _optional(body.pop("limit_price", None), "limit_price"),
            _optional(body.pop("stop_price", None), "stop_price"),
            TimeInForce(body.pop("time_in_force", "day")),
        )
        account = self._account(body)
        _end(body)
        placed = self._market.submit(account, order, is_manual=True)
        return {"number": placed.number, "state": placed.state.value, "code": placed.code, "text": placed.text}

    def _cancel(self, body: dict[str, Any]) -> dict[str, Any]:
        number, account = _integer(body, "order"), self._account(body)
        _end(body)
        answer = self._market.cancel(account, number)
        return {"taken": answer.is_taken, "code": answer.code, "text": answer.text}

    def _fill(self, body: dict[str, Any]) -> dict[str, Any]:
        number = _integer(body, "order")
        quantity, price = (_optional(body.pop(key, None), key) for key in ("quantity", "price"))
        _end(body)
        return {"execution": paper_admin.force_fill(self._market, number, quantity_e9=quantity, price_e9=price).number}

    def _bust(self, body: dict[str, Any]) -> None:
        number = _integer(body, "execution")
        _end(body)
        paper_admin.bust(self._market, number)

    def _correct(self, body: dict[str, Any]) -> None:
        number = _integer(body, "execution")
        price, quantity = (_optional(body.pop(key, None), key) for key in ("price", "quantity"))
        _end(body)
        paper_admin.correct(self._market, number, price_e9=price, quantity_e9=quantity)

    def _deposit(self, body: dict[str, Any]) -> None:
        account, asset = self._account(body), _text(body, "asset")
        amount = parse_e9(body.pop("amount", ""), field="amount")
        _end(body)
        paper_admin.deposit(self._market, account, asset, amount)

    def _split(self, body: dict[str, Any]) -> None:
        symbol, new, old = _text(body, "symbol"), _integer(body, "new"), _integer(body, "old")
        _end(body)
        paper_admin.split(self._market, symbol, new, old)

    def _rename(self, body: dict[str, Any]) -> None:
        symbol, new_symbol = _text(body, "symbol"), _text(body, "new_symbol")
        _end(body)
        paper_admin.rename(self._market, symbol, new_symbol)

    def _status(self, body: dict[str, Any]) -> None:
        symbol, status = _text(body, "symbol"), TradingStatus(_text(body, "status"))
        _end(body)
        self._market.set_status(symbol, status)

    def _step_clock(self, body: dict[str, Any]) -> None:
        seconds = parse_e9(body.pop("seconds", 0), field="seconds") / 1e9
        _end(body)
        self._clock.step(seconds)

    def _drop(self, body: dict[str, Any]) -> None:
        _end(body)
        self._restart()

    def _close_session(self, body: dict[str, Any]) -> dict[str, Any]:
        _end(body)
        return {"expired": [order.number for order in self._market.close_session()]}

    def _account(self, body: dict[str, Any]) -> str:
        return str(body.pop("account", self._account_id))


def _optional(value: object, field: str) -> int | None:
    return None if value is None else parse_e9(value, field=field)  # type: ignore[arg-type]


def _level(row: object, field: str) -> tuple[int, int]:
    if not isinstance(row, list) or len(row) != 2:
        raise ValidationError(
            f"{field} must be pairs of price and size.", field=field, value=row, allowed='[["1","2"]]'
        )
    return parse_e9(row[0], field=field), parse_e9(row[1], field=field)


def _text(body: dict[str, Any], key: str) -> str:
    value = body.pop(key, None)
    if not isinstance(value, str) or not value:
        raise ValidationError(f"{key}={value!r} must be text.", field=key, value=value, allowed="text")
    return value


def _integer(body: dict[str, Any], key: str, default: int | None = None) -> int:
    value = body.pop(key, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValidationError(f"{key}={value!r} must be an integer.", field=key, value=value, allowed="an integer")
    return value


def _end(body: dict[str, Any]) -> None:
    if body:
        key = sorted(body)[0]
        raise ValidationError(f"{key} is unknown here.", field=key, value=body[key], allowed="no further key")


class AdminServer:
    """Serves :class:`AdminActions` under ``/_desk/`` on 127.0.0.1: GET to read, POST with a JSON body to act.

    A request from a web page (one with an ``Origin``) or for another host name is refused, so that no page in a
    browser of this machine can move the venue.

    Parameters
    ----------
    actions : AdminActions
        What may be asked.
    """

    def __init__(self, actions: AdminActions) -> None:
        self._actions = actions
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listen.

        Parameters
        ----------
        port : int, default 0
            0 lets the system choose.
        """
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=LARGEST_BODY)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            status, answer = await asyncio.wait_for(self._answer(reader), _REQUEST_TIMEOUT_S)
            body = json.dumps(answer, sort_keys=True, separators=(",", ":")).encode()
            head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
            await writer.drain()
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass  # the other side hung up, or never spoke HTTP
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[str, Any]:
        method, _, rest = (await reader.readline()).decode("latin-1").partition(" ")
        path = rest.split(" ")[0]
        headers = await _headers(reader)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            return "413 Content Too Large", {"error": f"at most {LARGEST_BODY} bytes"}
        content = await reader.readexactly(int(length))
        host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
        if "origin" in headers or host not in ("127.0.0.1", "localhost"):
            return "403 Forbidden", {"error": "only programs on this machine may ask"}
        return self._act(method, path.removeprefix(PREFIX), content)

    def _act(self, method: str, name: str, content: bytes) -> tuple[str, Any]:
        try:
            if method == "GET" and name in self._actions.reads:
                return "200 OK", self._actions.reads[name]()
            if method == "POST" and name in self._actions.writes:
                body = json.loads(content or b"{}")
                if not isinstance(body, dict):
                    raise ValidationError("The body must be a JSON object.", field="body", value=body)
                return "200 OK", self._actions.writes[name](body) or {"ok": True}
        except (NanodeskError, ValueError, TypeError, RecursionError) as error:
            return "400 Bad Request", {"error": str(error)[:500]}
        return "404 Not Found", {"error": f"no {method} {name[:40]}"}


async def _headers(reader: asyncio.StreamReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    while (line := (await reader.readline()).strip()) and len(headers) < 100:
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers
