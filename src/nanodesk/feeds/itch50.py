"""Nasdaq TotalView-ITCH 5.0: the messages that change a book, trades off it, and the directory of stocks.

Integers are unsigned and big-endian, prices are in 1/10,000 dollar, time is in nanoseconds after midnight in New York.
A file holds messages one after the other, each behind its length in two bytes.

References
----------
Nasdaq, "Nasdaq TotalView-ITCH 5.0", sections 1.2 to 1.6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Any

from nanodesk.errors import FeedError, TruncatedMessageError
from nanodesk.market.enums import Side

_LENGTH_BYTES = 2


@dataclass(frozen=True, slots=True)
class Header:
    """What every message begins with.

    Parameters
    ----------
    stock_locate : int
        Number of the stock on this day.
    tracking_number : int
        Number within the exchange.
    timestamp_ns : int
        Nanoseconds after midnight.
    """

    stock_locate: int
    tracking_number: int
    timestamp_ns: int


@dataclass(frozen=True, slots=True)
class AddOrder:
    """Types A and F: an order rests.

    Parameters
    ----------
    header : Header
        Stock and time.
    reference : int
        Number of the order on this day.
    side : Side
        Any byte but ``B`` is a sell.
    shares : int
        Quantity.
    stock : str
        Symbol without the padding.
    price_e4 : int
        In 1/10,000 dollar.
    attribution : str or None
        Market participant; None for type A.
    """

    header: Header
    reference: int
    side: Side
    shares: int
    stock: str
    price_e4: int
    attribution: str | None = None


@dataclass(frozen=True, slots=True)
class OrderExecuted:
    """Type E: a resting order trades at its own price.

    Parameters
    ----------
    header : Header
        Stock and time.
    reference : int
        Number of the order.
    shares : int
        Traded.
    match_number : int
        Number of the trade.
    """

    header: Header
    reference: int
    shares: int
    match_number: int


@dataclass(frozen=True, slots=True)
class OrderExecutedWithPrice:
    """Type C: a resting order trades at another price.

    Parameters
    ----------
    header : Header
        Stock and time.
    reference : int
        Number of the order.
    shares : int
        Traded.
    match_number : int
        Number of the trade.
    is_printable : bool
        Whether it counts for volume.
    price_e4 : int
        In 1/10,000 dollar.
    """

    header: Header
    reference: int
    shares: int
    match_number: int
    is_printable: bool
    price_e4: int


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """Type X: a part of a resting order is taken off.

    Parameters
    ----------
    header : Header
        Stock and time.
    reference : int
        Number of the order.
    shares : int
        Taken off.
    """

    header: Header
    reference: int
    shares: int


@dataclass(frozen=True, slots=True)
class OrderDeleted:
    """Type D: a resting order is taken off.

    Parameters
    ----------
    header : Header
        Stock and time.
    reference : int
        Number of the order.
    """

    header: Header
    reference: int


@dataclass(frozen=True, slots=True)
class OrderReplaced:
    """Type U: an order takes the place of another.

    Parameters
    ----------
    header : Header
        Stock and time.
    reference : int
        Number of the order that leaves.
    new_reference : int
        Number of the order that rests, on the same side.
    shares : int
        Its quantity.
    price_e4 : int
        Its price in 1/10,000 dollar.
    """

    header: Header
    reference: int
    new_reference: int
    shares: int
    price_e4: int


@dataclass(frozen=True, slots=True)
class Trade:
    """Type P: a trade against an order that was not displayed.

    Parameters
    ----------
    header : Header
        Stock and time.
    reference : int
        0 since 2010.
    side : Side
        Of the order that was not displayed.
    shares : int
        Traded.
    stock : str
        Symbol without the padding.
    price_e4 : int
        In 1/10,000 dollar.
    match_number : int
        Number of the trade.
    """

    header: Header
    reference: int
    side: Side
    shares: int
    stock: str
    price_e4: int
    match_number: int


@dataclass(frozen=True, slots=True)
class StockDirectory:
    """Type R: a stock that may trade on this day.

    Parameters
    ----------
    header : Header
        Number of the stock, and time.
    stock : str
        Symbol without the padding.
    market_category : str
        Where it is listed.
    financial_status : str
        Whether its issuer is deficient.
    round_lot_size : int
        Shares of a round lot.
    """

    header: Header
    stock: str
    market_category: str
    financial_status: str
    round_lot_size: int


Message = (
    AddOrder
    | OrderExecuted
    | OrderExecutedWithPrice
    | OrderCancelled
    | OrderDeleted
    | OrderReplaced
    | Trade
    | StockDirectory
)

_HEADER = Struct(">cHHHI")


def _text(field: bytes) -> str:
    """Without the padding; bytes that are no text become the replacement character."""
    return field.decode(errors="replace").strip(" \t\r\n\v\f")


def _side(byte: bytes) -> Side:
    return Side.BUY if byte == b"B" else Side.SELL


def _add(header: Header, reference: int, side: bytes, shares: int, stock: bytes, price: int, *mpid: bytes) -> AddOrder:
    return AddOrder(header, reference, _side(side), shares, _text(stock), price, _text(mpid[0]) if mpid else None)


def _executed_with_price(header: Header, reference: int, shares: int, match: int, printable: bytes, price: int) -> Any:
    return OrderExecutedWithPrice(header, reference, shares, match, printable == b"Y", price)


def _trade(header: Header, reference: int, side: bytes, shares: int, stock: bytes, price: int, match: int) -> Trade:
    return Trade(header, reference, _side(side), shares, _text(stock), price, match)


def _directory(header: Header, stock: bytes, category: bytes, status: bytes, lot: int) -> StockDirectory:
    return StockDirectory(header, _text(stock), _text(category), _text(status), lot)


_BODIES: dict[bytes, tuple[Struct, Callable[..., Message]]] = {
    b"A": (Struct(">QcI8sI"), _add),
    b"F": (Struct(">QcI8sI4s"), _add),
    b"E": (Struct(">QIQ"), OrderExecuted),
    b"C": (Struct(">QIQcI"), _executed_with_price),
    b"X": (Struct(">QI"), OrderCancelled),
    b"D": (Struct(">Q"), OrderDeleted),
    b"U": (Struct(">QQII"), OrderReplaced),
    b"P": (Struct(">QcI8sIQ"), _trade),
    b"R": (Struct(">8sccI14x"), _directory),
}


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Cut a file into its messages.

    Parameters
    ----------
    data : bytes
        Messages, each behind its length.

    Yields
    ------
    offset : int
        Where the message begins, in bytes.
    message : bytes
        Type byte and what follows.

    Raises
    ------
    FeedError
        If a length is 0.
    TruncatedMessageError
        If the last message is cut short. A cut length is the end of the file.

    Examples
    --------
    >>> list(frames(b"\\x00\\x02Z1\\x00\\x01Z"))
    [(2, b'Z1'), (6, b'Z')]
    """
    at, end = 0, len(data)
    while at + _LENGTH_BYTES <= end:
        length = int.from_bytes(data[at : at + _LENGTH_BYTES])
        at += _LENGTH_BYTES
        if length == 0:
            raise FeedError(f"ITCH message length is 0 at byte {at - _LENGTH_BYTES}", field="length", value=0)
        if at + length > end:
            raise TruncatedMessageError(
                f"ITCH message of {length} bytes at byte {at} is cut after {end - at}: failed to fill whole buffer",
                field="length",
                value=length,
                allowed=f"at most {end - at}",
            )
        yield at, data[at : at + length]
        at += length


def decode(message: bytes) -> Message | None:
    """Read one message.

    Parameters
    ----------
    message : bytes
        Type byte and what follows; more bytes than the type needs are left alone.

    Returns
    -------
    message : Message or None
        None for the types that neither change a book nor name a stock.

    Raises
    ------
    TruncatedMessageError
        If the message is too short for its type.

    Examples
    --------
    >>> decode(bytes.fromhex("44 0001 0002 00000000000a 0000000000000007"))
    OrderDeleted(header=Header(stock_locate=1, tracking_number=2, timestamp_ns=10), reference=7)
    """
    kind = message[:1]
    if kind not in _BODIES:
        return None
    layout, build = _BODIES[kind]
    needed = _HEADER.size + layout.size
    if len(message) < needed:
        raise TruncatedMessageError(
            f"ITCH '{kind.decode()}' message too short: {len(message)} bytes, need {needed}",
            field="message",
            value=len(message),
            allowed=f">= {needed}",
        )
    _, locate, tracking, high, low = _HEADER.unpack_from(message)
    return build(Header(locate, tracking, high << 32 | low), *layout.unpack_from(message, _HEADER.size))
