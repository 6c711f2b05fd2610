"""Orders, stops, notices and trades of a book, read out as the values that a caller keeps."""

import cython
from cython.cimports.libc.stdint import int64_t, uint64_t
from cython.cimports.libc.string import memcpy
from cython.cimports.nanodesk.book.kernels.queues import visible_of
from cython.cimports.nanodesk.book.kernels.records import (
    CANCELLED,
    FILLED,
    HELD,
    PARKED,
    POST_ONLY,
    REDUCE_ONLY,
    RESTING,
    STOP_CANCELLED,
    STOP_PENDING,
    STOP_TRIGGERED,
    Book,
    Extra,
    Note,
    TradeLog,
    order_at,
    terms_of,
)
from cython.cimports.nanodesk.book.kernels.records import Order as OrderRecord
from cython.cimports.nanodesk.book.kernels.records import Trade as TradeRecord

from nanodesk.book.orders import Notice, Order, StopOrder
from nanodesk.book.words import NOTES, SELF_TRADE, TIFS, TRAIL_TYPES
from nanodesk.market.enums import OrderStatus, Side, TimeInForce

_STATUS_OF = {status.value: status for status in OrderStatus}


def order_of(b: cython.pointer(Book), id: int64_t) -> object:
    """An order, also one that is gone; None if the id is no order's, or was rejected or forgotten."""
    o: cython.pointer(OrderRecord)
    x: cython.pointer(Extra) = cython.NULL
    cut: int64_t = 0
    active: cython.bint
    if id < 1 or id >= b.next_id or b.pages[id >> 15] == cython.NULL:
        return None
    o = order_at(b, id)
    if terms_of(o).extra != 0:
        x = cython.address(b.extras[terms_of(o).extra])
        cut = x.cut
        if x.is_loss_leg:
            return None
    active = o.state == RESTING or o.state == PARKED or o.state == HELD
    if not active and o.state != FILLED and o.state != CANCELLED:
        return None
    filled: object = terms_of(o).quantity - o.open - cut
    status: object = (
        "filled" if o.state == FILLED else "cancelled" if not active else "partially_filled" if filled else "new"
    )
    return Order(
        id=id,
        side=Side.SELL if o.side else Side.BUY,
        price=terms_of(o).price,
        original_quantity=terms_of(o).quantity,
        remaining_quantity=o.open if active else 0,
        filled_quantity=filled,
        cancelled_quantity=cut if active else cut + o.open,
        visible_quantity=visible_of(b, o) if o.state == RESTING else 0,
        timestamp=terms_of(o).timestamp,
        time_in_force=TimeInForce(TIFS[o.policy & 15]),
        status=_STATUS_OF[status],
        owner=terms_of(o).owner or None,
        self_trade=SELF_TRADE[o.policy >> 4],
        post_only=bool(o.flags & POST_ONLY),
        reduce_only=bool(o.flags & REDUCE_ONLY),
        display=(x.display or None) if x != cython.NULL else None,
        expire_ns=(x.expire_ns or None) if x != cython.NULL else None,
        stop_id=(x.twin or None) if x != cython.NULL else None,
        is_held=o.state == HELD,
        is_parked=o.state == PARKED,
    )


def stop_of(b: cython.pointer(Book), id: int64_t) -> object:
    """A stop, also one that is gone; None if the id is no stop's."""
    o: cython.pointer(OrderRecord)
    x: cython.pointer(Extra)
    if id < 1 or id >= b.next_id or b.pages[id >> 15] == cython.NULL:
        return None
    o = order_at(b, id)
    if o.state == STOP_PENDING or (o.state == HELD and b.extras[terms_of(o).extra].is_loss_leg):
        status = "pending" if o.state == STOP_PENDING else "held"
    elif o.state == STOP_TRIGGERED:
        status = "triggered"
    elif o.state == STOP_CANCELLED:
        status = "cancelled"
    else:
        return None
    x = cython.address(b.extras[terms_of(o).extra])
    return StopOrder(
        id=id,
        side=Side.SELL if o.side else Side.BUY,
        stop_price=terms_of(o).price,
        limit_price=x.limit_price if x.has_limit else None,
        quantity=o.open,
        status=status,
        timestamp=terms_of(o).timestamp,
        owner=terms_of(o).owner or None,
        trail_type=TRAIL_TYPES[x.trail_method],
        watermark=x.watermark if x.has_watermark else None,
        triggered_order_id=x.twin or None,
    )


def trade_rows(log: cython.pointer(TradeLog)) -> object:
    """The trades that are not cleared as a structured array, copied."""
    import numpy

    first: int64_t = log.first_visible
    n: int64_t = log.n - first
    array = numpy.empty(
        n,
        dtype=[
            ("price", "i8"),
            ("quantity", "i8"),
            ("aggressor", "i8"),
            ("passive", "i8"),
            ("timestamp", "i8"),
            ("is_sell", "i8"),
        ],
    )
    address: uint64_t = array.ctypes.data
    if n > 0:
        memcpy(
            cython.cast(cython.p_void, address),
            cython.address(log.data[first]),
            n * cython.sizeof(TradeRecord),
        )
    return array


def notices_of(b: cython.pointer(Book)) -> list:
    """The notices not yet taken (R70)."""
    found: list = []
    i: int64_t
    n: cython.pointer(Note)
    for i in range(b.n_notes):
        n = cython.address(b.notes[i])
        found.append(Notice(NOTES[n.kind], n.order_id, n.quantity, n.related_id))
    return found
