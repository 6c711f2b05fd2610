"""Shares of a level: self-trade prevention, reduce-only limits, pro-rata and split passes (R16, R22, R26)."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t
from cython.cimports.nanodesk.book.kernels.ladder import Ladder, Level
from cython.cimports.nanodesk.book.kernels.queues import (
    LATER,
    after_trade,
    cut,
    end_order,
    print_trade,
    show_anew,
    take,
    visible_of,
)
from cython.cimports.nanodesk.book.kernels.records import (
    FILLED,
    ICEBERG,
    LINKED,
    NOTE_REDUCE_ONLY,
    NOTE_SELF_TRADE,
    OWNED,
    REDUCE_ONLY,
    RESTING,
    SPLIT,
    STP_BOTH,
    STP_DECREMENT,
    STP_NEWEST,
    STP_OFF,
    TOP,
    WORKING,
    int128,
    order_at,
    terms_of,
)
from cython.cimports.nanodesk.book.kernels.store import extra_of, list_push, note, reducible


def prevent(
    b: cython.pointer(Book),
    o: cython.pointer(Order),
    id: int64_t,
    p: cython.pointer(Order),
    passive: int64_t,
    mode: cython.int,
    out: cython.pointer(Outcome),
) -> cython.int:
    """Self-trade prevention between an aggressor and its own resting order (R26); 1 if the aggressor is gone."""
    loss: int64_t
    if mode == STP_DECREMENT:
        loss = min(o.open, p.open)
        note(b, NOTE_SELF_TRADE, passive, loss, id)
        # Both lose at once: what hangs on the resting order sees the aggressor without its loss.
        o.open -= loss
        extra_of(b, o).cut += loss
        out.cancelled += loss
        cut(b, p, passive, loss)
    elif mode != STP_NEWEST:
        note(b, NOTE_SELF_TRADE, passive, p.open, id)
        end_order(b, p, passive)
    if mode == STP_NEWEST or mode == STP_BOTH or o.open == 0:
        return 1
    # A link group of the resting order may have taken the aggressor with it (R53, R54).
    return 1 if o.state != WORKING else 0


def held_back(b: cython.pointer(Book), p: cython.pointer(Order), passive: int64_t) -> cython.int:
    """Cut a resting reduce-only order to what it may still trade (R16); 1 if that ended it."""
    may: int64_t = reducible(b, p)
    if p.open <= may:
        return 0
    note(b, NOTE_REDUCE_ONLY, passive, p.open - may, 0)
    cut(b, p, passive, p.open - may)
    return 1 if may == 0 else 0


@cython.overflowcheck(False)
def allocate(
    b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t, mode: cython.int, out: cython.pointer(Outcome)
) -> cython.int:
    """One pro-rata or split pass at the best level (R22); 1 if prevention ended the aggressor."""
    ladder: cython.pointer(Ladder) = cython.address(b.ladders[1 - o.side])
    index: uint32_t = ladder.best
    price: int64_t = ladder.levels[index].price
    level: cython.pointer(Level)
    p: cython.pointer(Order)
    ids: cython.pointer(int64_t)
    shares: cython.pointer(int64_t)
    at: int64_t
    after: int64_t
    n: int64_t
    i: int64_t
    left: int64_t
    quantity: int64_t
    fifo: int64_t
    residuals: int64_t
    base: int64_t
    if mode != STP_OFF:
        at = ladder.levels[index].head
        while at != 0:
            p = order_at(b, at)
            after = p.next
            if terms_of(p).owner == terms_of(o).owner:
                n = ladder.levels[index].count
                if prevent(b, o, id, p, at, mode, out):
                    return 1
                if ladder.best != index or ladder.levels[index].price != price:
                    return 0
                # A cancelled order may take linked neighbours with it: then walk again from the front.
                if ladder.levels[index].count < n - 1:
                    after = ladder.levels[index].head
            at = after
    b.scratch.n = 0
    b.shares.n = 0
    level = cython.address(ladder.levels[index])
    at = level.head
    while at != 0:
        list_push(cython.address(b.scratch), at)
        list_push(cython.address(b.shares), 0)
        at = order_at(b, at).next
    n = b.scratch.n
    ids = b.scratch.data
    shares = b.shares.data
    left = o.open
    if left >= level.visible:
        for i in range(n):
            shares[i] = visible_of(b, order_at(b, ids[i]))
    else:
        if b.top_order and order_at(b, ids[0]).flags & TOP:
            shares[0] = min(left, visible_of(b, order_at(b, ids[0])))
            left -= shares[0]
        if b.algorithm == SPLIT:
            fifo = (
                cython.cast(int64_t, cython.cast(int128, left) * b.fifo_percent / (100 * cython.cast(int128, b.lot)))
                * b.lot
            )
            left -= fifo
            for i in range(n):
                quantity = min(fifo, visible_of(b, order_at(b, ids[i])) - shares[i])
                shares[i] += quantity
                fifo -= quantity
            left += fifo
        residuals = 0
        for i in range(n):
            residuals += visible_of(b, order_at(b, ids[i])) - shares[i]
        base = left
        for i in range(n):
            quantity = visible_of(b, order_at(b, ids[i])) - shares[i]
            if quantity == 0:
                continue
            quantity = (
                cython.cast(
                    int64_t,
                    cython.cast(int128, base) * quantity / (cython.cast(int128, residuals) * b.lot),
                )
                * b.lot
            )
            if quantity < b.min_allocation:
                quantity = 0
            shares[i] += quantity
            left -= quantity
        for i in range(n):
            if left == 0:
                break
            quantity = min(left, visible_of(b, order_at(b, ids[i])) - shares[i])
            shares[i] += quantity
            left -= quantity
    for i in range(n):
        if o.open == 0 or o.state != WORKING:
            break
        p = order_at(b, ids[i])
        if shares[i] == 0 or p.state != RESTING:
            continue
        if p.flags & REDUCE_ONLY and held_back(b, p, ids[i]):
            continue
        quantity = min(o.open, min(shares[i], visible_of(b, p)))
        if quantity == 0:
            continue
        o.open -= quantity
        out.filled += quantity
        print_trade(b, price, quantity, id, ids[i], o.side)
        b.last_price = price
        take(b, p, ids[i], quantity, LATER)
        if o.open == 0:
            o.state = FILLED
        if (o.flags | p.flags) & (OWNED | LINKED):
            after_trade(b, o, id, p, ids[i], quantity)
    for i in range(n):
        p = order_at(b, ids[i])
        if p.state == RESTING and p.flags & ICEBERG and b.extras[terms_of(p).extra].visible == 0:
            show_anew(b, p, ids[i], True)
    return 0
