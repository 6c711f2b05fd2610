"""An order comes in: tests, matching, resting (R18 to R30).

Plain orders take the short loop of ``submit_plain``; whatever an order has beyond side, price, quantity and time in
force is one flag bit and a record beside the book, which only the general loop looks at.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t
from cython.cimports.nanodesk.book.kernels.allocation import allocate, held_back, prevent
from cython.cimports.nanodesk.book.kernels.ladder import Ladder, Level, ladder_find, ladder_insert, ladder_remove
from cython.cimports.nanodesk.book.kernels.memory import nd_prefetch
from cython.cimports.nanodesk.book.kernels.queues import (
    REQUEUE,
    after_trade,
    drop_legs,
    group_ended,
    print_trade,
    rest,
    take,
    visible_of,
)
from cython.cimports.nanodesk.book.kernels.records import (
    ABSENT,
    AUCTION,
    BUY,
    CANCELLED,
    FILLED,
    FOK,
    GTC,
    GTD,
    HALTED,
    INT64_MAX,
    INT64_MIN,
    IOC,
    LINKED,
    NO_REASON,
    OWNED,
    PARENT,
    POST_ONLY,
    PRICE_TIME,
    REASON_AUCTION,
    REASON_FOK,
    REASON_HALTED,
    REASON_MIN_QUANTITY,
    REASON_POST_ONLY,
    REASON_PRICE_BAND,
    REASON_REDUCE_ONLY,
    REDUCE_ONLY,
    RESTING,
    STATUS_CANCELLED,
    STATUS_FILLED,
    STATUS_NEW,
    STATUS_PARTIAL,
    STP_OFF,
    STP_OLDEST,
    TENDER,
    WORKING,
    order_at,
    terms_of,
)
from cython.cimports.nanodesk.book.kernels.store import extra_of, list_push, new_order, reducible


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(-1, check=False)
def _rest_plain(
    b: cython.pointer(Book), ladder: cython.pointer(Ladder), o: cython.pointer(Order), id: int64_t
) -> cython.int:
    """At the back of its level: that of the last order mostly, else found, else made."""
    index: uint32_t = ladder.best
    level: cython.pointer(Level) = cython.address(ladder.levels[index])
    if index == 0 or level.price != terms_of(o).price:
        index = ladder_find(ladder, terms_of(o).price)
        if index == 0:
            index = cython.cast(uint32_t, ladder_insert(ladder, terms_of(o).price))
        level = cython.address(ladder.levels[index])
    o.level = index
    o.state = RESTING
    o.next = 0
    o.prev = level.tail
    if level.tail != 0:
        order_at(b, level.tail).next = id
    else:
        level.head = id
    level.tail = id
    level.visible += o.open
    level.open += o.open
    level.count += 1
    b.committed[o.side] += o.open
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _tradable(
    b: cython.pointer(Book), o: cython.pointer(Order), limit: int64_t, mode: cython.int, needed: int64_t
) -> cython.bint:
    """Whether an order could trade at least ``needed`` at once (R20)."""
    ladder: cython.pointer(Ladder) = cython.address(b.ladders[1 - o.side])
    level: cython.pointer(Level)
    p: cython.pointer(Order)
    index: uint32_t = ladder.best
    at: int64_t
    found: int64_t = 0
    ahead: int64_t
    while index != 0 and found < needed:
        level = cython.address(ladder.levels[index])
        if level.price > limit if o.side == BUY else level.price < limit:
            break
        if mode == STP_OFF and level.soft == 0:
            found += level.open
            index = level.worse
            continue
        at = level.head
        ahead = 0
        while at != 0:
            p = order_at(b, at)
            if mode != STP_OFF and terms_of(p).owner == terms_of(o).owner:
                if mode != STP_OLDEST:
                    if b.algorithm != PRICE_TIME:
                        return found >= needed
                    return found + ahead >= needed
            elif p.flags & (REDUCE_ONLY | LINKED) == 0:
                ahead += visible_of(b, p)
            at = p.next
        if level.soft == 0 and mode != STP_OLDEST:
            found += level.open
        else:
            at = level.head
            while at != 0:
                p = order_at(b, at)
                if p.flags & (REDUCE_ONLY | LINKED) == 0 and (
                    mode == STP_OFF or terms_of(p).owner != terms_of(o).owner
                ):
                    found += p.open
                at = p.next
        index = level.worse
    return found >= needed


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _match(
    b: cython.pointer(Book),
    o: cython.pointer(Order),
    id: int64_t,
    limit: int64_t,
    mode: cython.int,
    out: cython.pointer(Outcome),
) -> cython.int:
    """The general loop: every kind of resting order, every algorithm; 1 if prevention ended the aggressor."""
    ladder: cython.pointer(Ladder) = cython.address(b.ladders[1 - o.side])
    level: cython.pointer(Level)
    p: cython.pointer(Order)
    passive: int64_t
    quantity: int64_t
    while o.open > 0 and ladder.best != 0 and o.state == WORKING:
        level = cython.address(ladder.levels[ladder.best])
        if level.price > limit if o.side == BUY else level.price < limit:
            break
        if b.algorithm != PRICE_TIME:
            if allocate(b, o, id, mode, out):
                return 1
            continue
        passive = level.head
        p = order_at(b, passive)
        if mode != STP_OFF and terms_of(p).owner == terms_of(o).owner:
            if prevent(b, o, id, p, passive, mode, out):
                return 1
            continue
        if p.flags & REDUCE_ONLY and held_back(b, p, passive):
            continue
        quantity = min(o.open, visible_of(b, p))
        o.open -= quantity
        out.filled += quantity
        print_trade(b, level.price, quantity, id, passive, o.side)
        b.last_price = level.price
        take(b, p, passive, quantity, REQUEUE)
        if o.open == 0:
            o.state = FILLED
        if (o.flags | p.flags) & (OWNED | LINKED):
            after_trade(b, o, id, p, passive, quantity)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _reject(o: cython.pointer(Order), reason: cython.int, out: cython.pointer(Outcome)) -> cython.int:
    """Take an order back before it did anything (R30)."""
    out.reason = reason
    out.status = STATUS_CANCELLED
    out.filled = 0
    out.cancelled = terms_of(o).quantity
    out.resting = 0
    o.state = ABSENT
    return 0


def enter(
    b: cython.pointer(Book),
    o: cython.pointer(Order),
    id: int64_t,
    options: cython.pointer(Options),
    out: cython.pointer(Outcome),
) -> cython.int:
    """Test, match and rest an order of any kind (R18 to R30)."""
    limit: int64_t = terms_of(o).price
    mode: cython.int = o.policy >> 4
    tif: cython.int = o.policy & 15
    market: cython.bint = terms_of(o).price == INT64_MAX or terms_of(o).price == INT64_MIN
    minimum: int64_t = 0 if options == cython.NULL else options.min_quantity
    may: int64_t
    gone: cython.int = 0
    ladder: cython.pointer(Ladder) = cython.address(b.ladders[1 - o.side])
    out.order_id = id
    out.reason = NO_REASON
    out.filled = 0
    out.cancelled = 0
    out.resting = 0
    out.first_trade = b.next_trade_id
    if b.unusual:
        if b.phase == HALTED:
            return _reject(o, REASON_HALTED, out)
        if b.phase == AUCTION and (
            tif == FOK or (tif == IOC and not market) or minimum > 0 or o.flags & (POST_ONLY | REDUCE_ONLY | PARENT)
        ):
            return _reject(o, REASON_AUCTION, out)
        if market:
            limit = min(limit, b.band_high) if o.side == BUY else max(limit, b.band_low)
        elif terms_of(o).price < b.band_low or terms_of(o).price > b.band_high:
            return _reject(o, REASON_PRICE_BAND, out)
        if b.phase == AUCTION:
            rest(b, o, id)
            out.resting = o.open
            out.status = STATUS_NEW
            return 0
    if o.flags & REDUCE_ONLY:
        may = reducible(b, o)
        if may == 0:
            return _reject(o, REASON_REDUCE_ONLY, out)
        if may < o.open:
            out.cancelled = o.open - may
            extra_of(b, o).cut += out.cancelled
            o.open = may
    if o.flags & POST_ONLY and ladder.best != 0:
        if ladder.levels[ladder.best].price <= limit if o.side == BUY else ladder.levels[ladder.best].price >= limit:
            return _reject(o, REASON_POST_ONLY, out)
    if tif == FOK and not _tradable(b, o, limit, mode, o.open):
        return _reject(o, REASON_FOK, out)
    if minimum > 0 and (minimum > o.open or not _tradable(b, o, limit, mode, minimum)):
        return _reject(o, REASON_MIN_QUANTITY, out)
    gone = _match(b, o, id, limit, mode, out)
    if out.first_trade != b.next_trade_id:
        b.has_last = True
    if o.state == FILLED:
        if o.flags & PARENT:
            list_push(cython.address(b.filled_parents), id)
    elif o.state == WORKING and o.open > 0 and not gone and (tif == GTC or tif >= GTD):
        rest(b, o, id)
        out.resting = o.open
    else:
        o.state = CANCELLED
        if o.flags & LINKED:
            group_ended(b, o, id)
        if o.flags & PARENT:
            drop_legs(b, o)
    # Whatever took from it on the way (R16, R26, R54) counts as cancelled.
    out.cancelled = terms_of(o).quantity - out.filled - out.resting
    if out.resting != 0:
        out.status = STATUS_NEW if out.filled == 0 else STATUS_PARTIAL
    elif out.cancelled == 0:
        out.status = STATUS_FILLED
    else:
        out.status = STATUS_CANCELLED if out.filled == 0 else STATUS_PARTIAL
    return 0


def submit_plain(
    b: cython.pointer(Book),
    side: cython.int,
    price: int64_t,
    quantity: int64_t,
    policy: cython.int,
    owner: uint32_t,
    out: cython.pointer(Outcome),
) -> cython.int:
    """A limit or market order with nothing more to it than an owner and a self-trade mode."""
    id: int64_t = b.next_id
    o: cython.pointer(Order) = new_order(b, side, price, quantity, policy, OWNED if owner != 0 else 0, owner)
    ladder: cython.pointer(Ladder)
    level: cython.pointer(Level)
    p: cython.pointer(Order)
    index: uint32_t
    passive: int64_t
    after: int64_t
    left: int64_t
    fill: int64_t
    taken: int64_t
    if b.unusual or b.algorithm != PRICE_TIME or owner != 0:
        return enter(b, o, id, cython.NULL, out)
    ladder = cython.address(b.ladders[1 - side])
    out.order_id = id
    out.reason = NO_REASON
    out.first_trade = b.next_trade_id
    if policy == FOK and not _tradable(b, o, price, STP_OFF, quantity):
        return _reject(o, REASON_FOK, out)
    left = quantity
    while ladder.best != 0:
        index = ladder.best
        level = cython.address(ladder.levels[index])
        if level.price > price if side == BUY else level.price < price:
            break
        passive = level.head
        taken = 0
        p = order_at(b, passive)
        while True:
            if p.flags & TENDER:
                break
            fill = p.open if p.open < left else left
            left -= fill
            p.open -= fill
            taken += fill
            print_trade(b, level.price, fill, id, passive, side)
            if p.open != 0:
                break
            p.state = FILLED
            p.level = 0
            level.count -= 1
            passive = p.next
            if passive == 0:
                break
            p = order_at(b, passive)
            nd_prefetch(order_at(b, p.next))
            if left == 0:
                break
        level.visible -= taken
        level.open -= taken
        b.committed[1 - side] -= taken
        if taken != 0:
            b.last_price = level.price
        level.head = passive
        if passive == 0:
            level.tail = 0
            ladder_remove(ladder, index)
        else:
            p.prev = 0
            if left != 0 and p.flags & TENDER:
                o.open = left
                out.filled = quantity - left
                out.cancelled = 0
                _match(b, o, id, price, STP_OFF, out)
                left = o.open
                break
        if left == 0:
            break
    o.open = left
    out.filled = quantity - left
    out.cancelled = 0
    out.resting = 0
    if left != quantity:
        b.has_last = True
    if left == 0:
        o.state = FILLED
        out.status = STATUS_FILLED
    elif policy & 15 == GTC:
        _rest_plain(b, cython.address(b.ladders[side]), o, id)
        out.resting = left
        out.status = STATUS_NEW if left == quantity else STATUS_PARTIAL
    else:
        o.state = CANCELLED
        out.cancelled = left
        out.status = STATUS_CANCELLED if left == quantity else STATUS_PARTIAL
    return 0
