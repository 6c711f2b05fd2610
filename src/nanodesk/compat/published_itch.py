"""The published ITCH reader: what it makes of each message, over `nanodesk.feeds.itch50`.

Its output cannot rebuild a book: a partial cancel becomes a whole one, executions are left out, and the order numbers
are those of the feed (docs/compat.md). It is here for programs that were written for it.
"""

from __future__ import annotations

from typing import Any

from nanodesk.compat.kernels import itch_events
from nanodesk.compat.published_events import Event
from nanodesk.compat.published_log import path_of
from nanodesk.errors import FeedError
from nanodesk.feeds import itch50
from nanodesk.market.enums import Side

# What the published reader asks of each type, after the type byte: it reads neither attribution (F) nor directory (R).
_NEEDED = {b"A": 35, b"F": 35, b"E": 30, b"C": 35, b"X": 22, b"D": 18, b"U": 34, b"P": 43, b"R": 10}
_E4_PER_CENT = 100


def parse_itch(path: Any) -> list[tuple[str, Event]]:
    """Read a file of ITCH 5.0 messages as events.

    Parameters
    ----------
    path : str or Path
        File of messages, each behind its length in two bytes.

    Returns
    -------
    events : list of (str, Event)
        Symbol and event. Types A and F give limit orders with the price in whole cents; D and X give cancels and U
        modifies, all three without a symbol and with the order numbers of the feed. Everything else gives nothing.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If a message is too short for its type, has length 0 or is cut.
    """
    data = path_of(path).read_bytes()
    found = itch_events.decode(data, {})
    if found is not None:
        return found
    try:
        return read_slowly(data)
    except FeedError as error:
        raise OSError(str(error)) from error


def read_slowly(data: bytes) -> list[tuple[str, Event]]:
    """The same, message by message over `nanodesk.feeds.itch50`, which names what is wrong.

    Parameters
    ----------
    data : bytes
        A file of messages.

    Returns
    -------
    events : list of (str, Event)
        As of `parse_itch`.

    Raises
    ------
    FeedError
        If a message is too short for its type, has length 0 or is cut.
    """
    found = [_event(message) for _, message in itch50.frames(data)]
    return [item for item in found if item is not None]


def _event(message: bytes) -> tuple[str, Event] | None:
    kind, payload = message[:1], len(message) - 1
    if payload < _NEEDED.get(kind, 0):
        raise FeedError(f"ITCH '{kind.decode()}' message too short: {payload} bytes, need {_NEEDED[kind]}")
    if kind in b"ECPR":
        return None
    # Type F is type A and an attribution, which plays no part here and may be missing.
    decoded = itch50.decode(b"A" + message[1:] if kind == b"F" else message)
    if isinstance(decoded, itch50.AddOrder):
        side = "buy" if decoded.side is Side.BUY else "sell"
        return decoded.stock, Event("submit_limit", side, decoded.price_e4 // _E4_PER_CENT, decoded.shares)
    if isinstance(decoded, (itch50.OrderCancelled, itch50.OrderDeleted)):
        return "", Event("cancel", decoded.reference)
    if isinstance(decoded, itch50.OrderReplaced):
        return "", Event("modify", decoded.reference, decoded.price_e4 // _E4_PER_CENT, decoded.shares)
    return None
