"""Reads any message of Alpaca with the adapter's own parsers: the entry point of fixtures and fuzzers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from nanodesk.brokers.alpaca.fills import named_fills
from nanodesk.brokers.alpaca.messages import (
    account,
    activity,
    asset_rules,
    latest_quote,
    order_report,
    position,
    trade_update,
)
from nanodesk.brokers.alpaca.times import parse_time
from nanodesk.brokers.fields import Fields
from nanodesk.brokers.strict_json import parse_json


def read_message(content: bytes | str) -> Counter[str]:
    """Read one message of REST or of the trade stream, whatever it is.

    Parameters
    ----------
    content : bytes or str
        As received.

    Returns
    -------
    found : Counter
        How many orders, updates, fills, accounts, positions, assets, quotes, clocks and errors it held; empty for
        other kinds.

    Raises
    ------
    BrokerError
        If it cannot be read; nothing else is ever raised.

    Examples
    --------
    >>> read_message('{"code": 40410000, "message": "order not found"}')
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
        if kind is not None:
            _PARSERS[kind](Fields(value, kind))
            found[kind] += 1
        elif value.get("stream") in ("authorization", "listening"):
            Fields(value, "message").child("data").words("streams")
        else:
            for one in value.values():
                _read(one, found)


def _kind(value: dict[str, Any]) -> str | None:
    """What an object is, from the keys that it has."""
    if value.get("activity_type") == "FILL":
        return "fill"
    return next((kind for kind, keys in _KEYS if all(key in value for key in keys)), None)


_KEYS: Final = (
    ("update", ("event", "order")),
    ("order", ("client_order_id", "filled_qty")),
    ("account", ("account_number", "buying_power")),
    ("position", ("avg_entry_price", "qty", "side")),
    ("asset", ("tradable", "fractionable", "symbol")),
    ("clock", ("is_open", "timestamp")),
    ("quote", ("ap", "bp", "t")),
    ("error", ("code", "message")),
)


def _read_error(row: Fields) -> None:
    row.integer("code")
    row.text("message")


def _read_quote(row: Fields) -> None:
    latest_quote(Fields({"quote": {key: row.value(key) for key in ("t", "bp", "bs", "ap", "as")}}, "quote"), "ANY")


def _read_clock(row: Fields) -> None:
    row.flag("is_open")
    parse_time(row.text("timestamp"))


_PARSERS: Final[dict[str, Callable[[Fields], object]]] = {
    "update": trade_update,
    "order": order_report,
    "fill": lambda row: named_fills([activity(row)], ""),
    "account": lambda row: account(row, is_live=False, ts_ns=0),
    "position": position,
    "asset": lambda row: asset_rules(row, is_open=True, is_fractional=True),
    "clock": _read_clock,
    "quote": _read_quote,
    "error": _read_error,
}
