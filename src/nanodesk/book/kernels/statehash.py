"""The 64-bit hash of everything that decides the future of a book, and of every trade of its past (R72)."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, malloc, qsort
from cython.cimports.nanodesk.book.kernels.aftermath import _compare
from cython.cimports.nanodesk.book.kernels.ladder import Ladder, Level
from cython.cimports.nanodesk.book.kernels.queues import visible_of
from cython.cimports.nanodesk.book.kernels.records import PARKED, Book, Extra, Order, Trade, order_at, terms_of
from cython.cimports.nanodesk.book.kernels.store import position_of


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
@cython.overflowcheck(False)
def _fold(h: uint64_t, w: int64_t) -> uint64_t:
    h = (h ^ cython.cast(uint64_t, w)) * ND_FOLD
    return h ^ (h >> 32)


@cython.overflowcheck(False)
def fold_trades(b):
    """Bring the trade chain up to the last trade."""
    h: uint64_t = b.trade_chain
    t: cython.pointer(Trade)
    while b.chain_at < b.next_trade_id:
        t = cython.address(b.trades.data[b.chain_at - b.trades.base_id])
        h = _fold(h, b.chain_at)
        h = _fold(h, t.price)
        h = _fold(h, t.quantity)
        h = _fold(h, t.aggressor)
        h = _fold(h, t.passive)
        h = _fold(h, t.side)
        h = _fold(h, t.timestamp)
        b.chain_at += 1
    b.trade_chain = h


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _fold_side(b: cython.pointer(Book), side: cython.int, h: uint64_t) -> uint64_t:
    ladder: cython.pointer(Ladder) = cython.address(b.ladders[side])
    level: cython.pointer(Level)
    o: cython.pointer(Order)
    index: uint32_t = ladder.best
    at: int64_t
    h = _fold(h, ladder.active)
    while index != 0:
        level = cython.address(ladder.levels[index])
        h = _fold(h, level.price)
        h = _fold(h, level.count)
        at = level.head
        while at != 0:
            o = order_at(b, at)
            h = _fold(h, at)
            h = _fold(h, o.open)
            h = _fold(h, visible_of(b, o))
            h = _fold(h, terms_of(o).owner)
            at = o.next
        index = level.worse
    return h


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _fold_stop(b: cython.pointer(Book), id: int64_t, h: uint64_t) -> uint64_t:
    o: cython.pointer(Order) = order_at(b, id)
    x: cython.pointer(Extra) = cython.address(b.extras[terms_of(o).extra])
    h = _fold(h, id)
    h = _fold(h, o.side)
    h = _fold(h, terms_of(o).price)
    h = _fold(h, x.has_limit)
    h = _fold(h, x.limit_price if x.has_limit else 0)
    h = _fold(h, o.open)
    h = _fold(h, terms_of(o).owner)
    h = _fold(h, x.has_watermark)
    return _fold(h, x.watermark if x.has_watermark else 0)


def state_hash(b):
    """The hash of R72. MemoryError if there is no memory to sort stops or owners."""
    h: uint64_t = ND_START
    i: int64_t
    n: int64_t = 0
    side: cython.int
    index: uint32_t
    at: int64_t
    ids: cython.pointer(int64_t)
    fold_trades(b)
    h = _fold(h, b.next_id)
    h = _fold(h, b.next_trade_id)
    h = _fold(h, b.next_timestamp)
    h = _fold(h, b.clock)
    h = _fold(h, b.session_close)
    h = _fold(h, b.phase)
    h = _fold(h, b.has_last)
    h = _fold(h, b.last_price if b.has_last else 0)
    h = _fold(h, b.band_low)
    h = _fold(h, b.band_high)
    h = _fold(h, cython.cast(int64_t, b.trade_chain))
    h = _fold_side(b, 0, h)
    h = _fold_side(b, 1, h)
    ids = cython.cast(
        cython.pointer(int64_t),
        malloc((b.n_pending_stops + b.n_positions + 1) * cython.sizeof(int64_t)),
    )
    if ids == cython.NULL:
        with cython.gil:
            raise MemoryError
    for side in range(2):
        index = b.stops[side].best
        while index != 0:
            at = b.stops[side].levels[index].head
            while at != 0:
                ids[n] = at
                n += 1
                at = order_at(b, at).next
            index = b.stops[side].levels[index].worse
    qsort(ids, n, cython.sizeof(int64_t), _compare)
    h = _fold(h, n)
    for i in range(n):
        h = _fold_stop(b, ids[i], h)
    n = 0
    for i in range(b.pegs.n):
        n += order_at(b, b.pegs.data[i]).state == PARKED
    h = _fold(h, n)
    for i in range(b.pegs.n):
        at = b.pegs.data[i]
        if order_at(b, at).state == PARKED:
            h = _fold(_fold(h, at), order_at(b, at).open)
    h = _fold(h, b.held.n)
    for i in range(b.held.n):
        h = _fold(_fold(h, b.held.data[i]), order_at(b, b.held.data[i]).open)
    n = 0
    for i in range(b.position_capacity):
        if b.positions[i].used and b.positions[i].quantity != 0:
            ids[n] = b.positions[i].owner
            n += 1
    qsort(ids, n, cython.sizeof(int64_t), _compare)
    h = _fold(h, n)
    for i in range(n):
        h = _fold(_fold(h, ids[i]), position_of(b, cython.cast(uint32_t, ids[i])))
    free(ids)
    return h
