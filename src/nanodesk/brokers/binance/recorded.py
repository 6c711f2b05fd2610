"""Reads any message of Binance with the adapter's own parsers: the entry point of fixtures and fuzzers."""

from __future__ import annotations

from collections import Counter
from typing import Any

from nanodesk.brokers.binance.messages import balances, fills_of_order, order_report, stream_report, trade
from nanodesk.brokers.binance.pairs import Pairs, rate_limits, read_pairs
from nanodesk.brokers.fields import Fields
from nanodesk.brokers.strict_json import parse_json


def read_message(content: bytes | str) -> Counter[str]:
    """Read one message of REST, WebSocket API or stream, whatever it is.

    Parameters
    ----------
    content : bytes or str
        As received.

    Returns
    -------
    found : Counter
        How many orders, reports, fills, accounts, instrument lists and errors it held; empty for other kinds.

    Raises
    ------
    BrokerError
        If it cannot be read; nothing else is ever raised.

    Examples
    --------
    >>> read_message('{"code": -1121, "msg": "Invalid symbol."}')
    Counter({'error': 1})
    """
    found: Counter[str] = Counter()
    _read(parse_json(content, what="message"), found)
    return found


def _read(value: Any, found: Counter[str]) -> None:
    if isinstance(value, list):
        for one in value:
            _read(one, found)
    elif isinstance(value, dict):
        kind = _kind(value)
        if kind in _INSIDE:
            for key in _INSIDE[kind]:
                _read(value.get(key), found)
        elif kind is not None:
            _PARSERS[kind](Fields(value, kind))
            found[kind] += 1


def _kind(value: dict[str, Any]) -> str | None:
    """What an object is, from the keys that it has."""
    if value.get("e") == "executionReport":
        return "report"
    for kind, keys in _KEYS:
        if all(key in value for key in keys):
            return kind
    return None


_NO_PAIRS = Pairs("USDT", {}, {})

_INSIDE = {
    "event": ("event",),
    "stream": ("data",),
    "answer": ("result", "error"),
    "list": ("orderReports",),
    "replaced": ("cancelResponse", "newOrderResponse"),
    "amended": ("amendedOrder",),
}

_KEYS = (
    ("event", ("event", "subscriptionId")),
    ("stream", ("stream", "data")),
    ("answer", ("status", "id", "result")),
    ("answer", ("status", "id", "error")),
    ("list", ("orderReports",)),
    ("replaced", ("cancelResult", "newOrderResult")),
    ("amended", ("amendedOrder",)),
    ("account", ("balances",)),
    ("instruments", ("rateLimits", "symbols")),
    ("order", ("clientOrderId", "executedQty")),
    ("fill", ("orderId", "commission", "isBuyer")),
    ("error", ("code", "msg")),
)


def _read_order(row: Fields) -> None:
    fills_of_order(row, order_report(row, _NO_PAIRS), _NO_PAIRS)


def _read_instruments(row: Fields) -> None:
    rate_limits(row)
    for quote_asset in ("USDT", "BTC", "BUSD"):
        read_pairs(row, quote_asset)


def _read_error(row: Fields) -> None:
    row.integer("code")
    row.text("msg")


_PARSERS = {
    "report": lambda row: stream_report(row, _NO_PAIRS),
    "account": balances,
    "instruments": _read_instruments,
    "order": _read_order,
    "fill": lambda row: trade(row, _NO_PAIRS),
    "error": _read_error,
}
