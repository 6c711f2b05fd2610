"""A record of the event log as the command that made it: the name of a method and its arguments."""

import cython
from cython.cimports.libc.stdint import int64_t
from cython.cimports.libc.string import memcpy
from cython.cimports.nanodesk.book.kernels.journal import Cursor, Event, journal_next, journal_seek
from cython.cimports.nanodesk.book.kernels.records import (
    ASK_POST_ONLY,
    ASK_REDUCE_ONLY,
    DAY,
    EVENT_BAND,
    EVENT_BRACKET,
    EVENT_CANCEL,
    EVENT_CLOCK,
    EVENT_HALT,
    EVENT_LIMIT,
    EVENT_LINK,
    EVENT_MARKET,
    EVENT_MODIFY,
    EVENT_PEGGED,
    EVENT_POSITION,
    EVENT_REDUCE,
    EVENT_SESSION_CLOSE,
    EVENT_START_AUCTION,
    EVENT_STOP_LIMIT,
    EVENT_STOP_MARKET,
    EVENT_TRAIL_LIMIT,
    EVENT_TRAIL_MARKET,
    EVENT_UNCROSS,
    GTD,
    HAS_HIGH,
    HAS_LOW,
    HAS_OPTIONS,
    TRAIL_FIXED,
    TRAIL_SMA,
    TRAIL_WILDER,
    Book,
    Options,
)

from nanodesk.book.words import CONTINGENCIES, METHODS, REFERENCES, SELF_TRADE, TIFS, TRAIL_TYPES
from nanodesk.errors import ReplayError


def command_of(e: cython.pointer(Event), o: cython.pointer(Options), ids: cython.pointer(int64_t)) -> tuple:
    """A record as the name of a method and its arguments, defaults left out."""
    fields: dict = {}
    kind: cython.int = e.kind
    tif: cython.int = e.policy & 15
    i: int64_t
    # A record from a file may hold any bytes: no word is looked up before its number is in range.
    if e.side > 1 or tif > DAY or e.policy >> 4 > 4:
        raise ReplayError("a record with a side, time in force or self-trade mode that does not exist")
    if o != cython.NULL and (o.link > 1 or o.peg > 2 or o.trail_method > TRAIL_WILDER):
        raise ReplayError("a record with options that do not exist")
    if kind == EVENT_CANCEL:
        return "cancel", {"order_id": e.id}
    if kind == EVENT_MODIFY:
        return "modify", {"order_id": e.id, "price": e.price, "quantity": e.quantity}
    if kind == EVENT_REDUCE:
        return "reduce", {"order_id": e.id, "quantity": e.quantity}
    if kind == EVENT_POSITION:
        return "set_position", {"owner": e.owner, "quantity": e.quantity}
    if kind == EVENT_CLOCK:
        return "advance_clock", {"now_ns": e.price}
    if kind == EVENT_SESSION_CLOSE:
        return "set_session_close", {"close_ns": e.price}
    if kind == EVENT_BAND:
        return "set_price_band", {
            "low": e.price if e.flags & HAS_LOW else None,
            "high": e.quantity if e.flags & HAS_HIGH else None,
        }
    if kind == EVENT_UNCROSS:
        return "uncross", {"reference": e.price} if e.flags & HAS_LOW else {}
    if kind >= EVENT_HALT and kind <= EVENT_START_AUCTION:
        return ("halt", "resume", "start_auction")[kind - EVENT_HALT], {}
    if kind > EVENT_UNCROSS or (kind > EVENT_MARKET and o == cython.NULL):
        raise ReplayError("a record of an unknown kind or without its options")
    if kind == EVENT_LINK:
        return "link", {
            "contingency": CONTINGENCIES[o.link],
            "order_ids": [ids[o.ids_start + i] for i in range(o.ids_count)],
        }
    fields["side"] = ("buy", "sell")[e.side]
    if kind == EVENT_LIMIT or kind == EVENT_BRACKET:
        fields["price"] = e.price
    if kind >= EVENT_STOP_MARKET and kind <= EVENT_TRAIL_LIMIT:
        fields["stop_price"] = o.stop_price
        if kind == EVENT_STOP_LIMIT or kind == EVENT_TRAIL_LIMIT:
            fields["limit_price"] = o.limit_price
    if kind == EVENT_PEGGED:
        fields["reference"] = REFERENCES[o.peg]
    fields["quantity"] = e.quantity
    if kind == EVENT_PEGGED:
        fields["offset"] = o.offset
        if o.has_limit:
            fields["limit_price"] = o.limit_price
    if kind == EVENT_BRACKET:
        fields["take_profit"] = o.take_profit
        fields["stop_loss"] = o.stop_price
        fields["contingency"] = CONTINGENCIES[o.link]
    if kind == EVENT_TRAIL_MARKET or kind == EVENT_TRAIL_LIMIT:
        fields["trail_type"] = TRAIL_TYPES[o.trail_method]
        fields["trail_value"] = o.offset if o.trail_method == TRAIL_FIXED else o.trail_value
        if o.trail_method >= TRAIL_SMA:
            fields["atr_period"] = o.trail_period
    if kind != EVENT_MARKET and kind != EVENT_STOP_MARKET and kind != EVENT_TRAIL_MARKET:
        fields["tif"] = TIFS[tif]
        if tif == GTD:
            fields["expire_ns"] = o.expire_ns if o != cython.NULL else 0
    if e.flags & ASK_POST_ONLY:
        fields["post_only"] = True
    if e.flags & ASK_REDUCE_ONLY:
        fields["reduce_only"] = True
    if o != cython.NULL and o.display != 0:
        fields["display"] = o.display
    if o != cython.NULL and o.min_quantity != 0:
        fields["min_quantity"] = o.min_quantity
    if e.owner != 0:
        fields["owner"] = e.owner
    if e.policy >> 4 != 0:
        fields["self_trade"] = SELF_TRADE[e.policy >> 4]
    return METHODS[kind], fields


def raw_records(b: cython.pointer(Book), start: int64_t, stop: int64_t) -> tuple:
    """Records as bytes, with their options and link ids; places in these tables count from the first of the part."""
    import numpy

    n: int64_t = stop - start
    events = bytearray(n * cython.sizeof(Event))
    options: list = []
    ids: list = []
    i: int64_t
    j: int64_t
    at: Cursor
    e: Event
    o: Options
    target: cython.p_char = events
    journal_seek(cython.address(b.journal), start, cython.address(at))
    for i in range(n):
        journal_next(cython.address(at), cython.address(e))
        if e.flags & HAS_OPTIONS:
            o = b.options[e.id]
            for j in range(o.ids_count):
                ids.append(b.link_ids.data[o.ids_start + j])
            o.ids_start = len(ids) - o.ids_count
            e.id = len(options)
            options.append(cython.cast(cython.p_char, cython.address(o))[: cython.sizeof(Options)])
        memcpy(target + i * cython.sizeof(Event), cython.address(e), cython.sizeof(Event))
    return bytes(events), b"".join(options), numpy.array(ids, dtype="<i8").tobytes()
