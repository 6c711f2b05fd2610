"""What happens to an order that rests: queues, trades, cuts, cancels, link groups, waiting stops.

Queues are links by id, and an order names its level, so a cancel searches nothing. Whatever an order has beyond side,
price, quantity and time in force is one flag bit and a record beside the book.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t
from cython.cimports.libc.stdlib import free
from cython.cimports.libc.string import memset
from cython.cimports.nanodesk.book.kernels.ladder import ladder_find, ladder_insert
from cython.cimports.nanodesk.book.kernels.records import (
    BUY,
    FILLED,
    HELD,
    LINK_OCO,
    LINKED,
    NOTE_CONTINGENT,
    NOTE_DROPPED,
    PARENT,
    PARKED,
    PEGGED,
    REDUCE_ONLY,
    RESTING,
    STOP_CANCELLED,
    STOP_PENDING,
    STOP_TRIGGERED,
    TOP,
    TRAIL_NONE,
    WORKING,
    Extra,
    IdList,
)
from cython.cimports.nanodesk.book.kernels.store import extra_of, grown, list_push, list_remove, move_position, note

# ---- queues --------------------------------------------------------------------------------------------------------


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _append(
    b: cython.pointer(Book), level: cython.pointer(Level), o: cython.pointer(Order), id: int64_t
) -> cython.void:
    """To the back of the queue."""
    o.next = 0
    o.prev = level.tail
    if level.tail != 0:
        order_at(b, level.tail).next = id
    else:
        level.head = id
    level.tail = id


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _detach(b: cython.pointer(Book), level: cython.pointer(Level), o: cython.pointer(Order)) -> cython.void:
    """Out of the queue."""
    if o.prev != 0:
        order_at(b, o.prev).next = o.next
    else:
        level.head = o.next
    if o.next != 0:
        order_at(b, o.next).prev = o.prev
    else:
        level.tail = o.prev


def rest(b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t) -> cython.int:
    """Put an order of any kind to the back of its level."""
    ladder: cython.pointer(Ladder) = cython.address(b.ladders[o.side])
    index: uint32_t = ladder_find(ladder, terms_of(o).price)
    level: cython.pointer(Level)
    x: cython.pointer(Extra)
    visible: int64_t = o.open
    if index == 0:
        index = cython.cast(uint32_t, ladder_insert(ladder, terms_of(o).price))
        if b.top_order and ladder.best == index:
            o.flags |= TOP
    level = cython.address(ladder.levels[index])
    o.level = index
    o.state = RESTING
    if o.flags & ICEBERG:
        x = cython.address(b.extras[terms_of(o).extra])
        x.visible = min(x.display, o.open)
        visible = x.visible
    _append(b, level, o, id)
    level.visible += visible
    level.open += o.open
    level.count += 1
    if o.flags & (REDUCE_ONLY | LINKED):
        level.soft += 1
        ladder.soft += 1
    if o.flags & PEGGED:
        level.pegged += 1
    b.committed[o.side] += o.open
    return 0


def unrest(b: cython.pointer(Book), o: cython.pointer(Order)) -> cython.void:
    """Take an order out of its level, and the level out of the book if it is the last. Capacity is the caller's."""
    ladder: cython.pointer(Ladder) = cython.address(b.ladders[o.side])
    level: cython.pointer(Level) = cython.address(ladder.levels[o.level])
    _detach(b, level, o)
    level.count -= 1
    if level.count == 0:
        if o.flags & (REDUCE_ONLY | LINKED):
            ladder.soft -= 1
        ladder_remove(ladder, o.level)
    else:
        level.open -= o.open
        level.visible -= visible_of(b, o)
        if o.flags & (REDUCE_ONLY | LINKED):
            level.soft -= 1
            ladder.soft -= 1
        if o.flags & PEGGED:
            level.pegged -= 1
    o.level = 0


def show_anew(b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t, requeue: cython.bint) -> cython.void:
    """Refresh an iceberg whose visible part is used up (R14)."""
    level: cython.pointer(Level) = cython.address(b.ladders[o.side].levels[o.level])
    x: cython.pointer(Extra) = cython.address(b.extras[terms_of(o).extra])
    x.visible = min(x.display, o.open)
    level.visible += x.visible
    if requeue:
        o.flags &= ~TOP
        if level.tail != id:
            _detach(b, level, o)
            _append(b, level, o, id)


def take(
    b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t, quantity: int64_t, refresh: cython.int
) -> cython.int:
    """Let a resting order of any kind trade."""
    level: cython.pointer(Level) = cython.address(b.ladders[o.side].levels[o.level])
    x: cython.pointer(Extra)
    shown: int64_t = quantity
    o.open -= quantity
    level.open -= quantity
    b.committed[o.side] -= quantity
    if o.flags & ICEBERG:
        x = cython.address(b.extras[terms_of(o).extra])
        shown = min(quantity, x.visible)
        x.visible -= shown
        level.visible -= shown
        if x.visible == 0 and o.open > 0 and refresh != LATER:
            show_anew(b, o, id, refresh == REQUEUE)
    else:
        level.visible -= quantity
    if o.open == 0:
        unrest(b, o)
        o.state = FILLED
        if o.flags & PARENT:
            list_push(cython.address(b.filled_parents), id)
        if o.flags & PEGGED:
            list_remove(cython.address(b.pegs), id)
    return 0


# ---- trades ---------------------------------------------------------------------------------------------------------


def more_trades(log: cython.pointer(TradeLog)) -> cython.int:
    """Room for more trades. MemoryError if there is no memory."""
    log.data = cython.cast(cython.pointer(Trade), grown(log.data, cython.address(log.capacity), cython.sizeof(Trade)))
    return 0


def after_trade(
    b: cython.pointer(Book),
    a: cython.pointer(Order),
    aggressor: int64_t,
    p: cython.pointer(Order),
    passive: int64_t,
    quantity: int64_t,
) -> cython.int:
    """Positions, then link groups (R24)."""
    buyer: cython.pointer(Order) = a if a.side == BUY else p
    seller: cython.pointer(Order) = p if a.side == BUY else a
    if terms_of(buyer).owner != 0:
        move_position(b, terms_of(buyer).owner, quantity)
    if terms_of(seller).owner != 0:
        move_position(b, terms_of(seller).owner, -quantity)
    if a.flags & LINKED:
        _group_traded(b, a, aggressor, quantity)
    if p.flags & LINKED:
        _group_traded(b, p, passive, quantity)
    return 0


def make_trade(
    b: cython.pointer(Book),
    a: cython.pointer(Order),
    aggressor: int64_t,
    p: cython.pointer(Order),
    passive: int64_t,
    price: int64_t,
    quantity: int64_t,
) -> cython.int:
    """A trade of two resting orders in an auction (R68)."""
    b.has_last = True
    b.last_price = price
    print_trade(b, price, quantity, aggressor, passive, a.side)
    take(b, a, aggressor, quantity, STAY)
    take(b, p, passive, quantity, STAY)
    return after_trade(b, a, aggressor, p, passive, quantity)


# ---- cutting, cancelling, link groups -------------------------------------------------------------------------------


def cut(b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t, quantity: int64_t) -> cython.int:
    """Lower the open quantity of an order that rests, is parked or held, or of a pending stop (R27)."""
    level: cython.pointer(Level)
    x: cython.pointer(Extra)
    hidden: int64_t
    if quantity >= o.open:
        end_order(b, o, id)
        return 0
    if quantity <= 0:
        return 0
    x = extra_of(b, o)
    x.cut += quantity
    # An order that is matching, or a marked stop, holds no capacity.
    if o.state != WORKING and o.state != STOP_TRIGGERED:
        b.committed[o.side] -= quantity
    if o.state == RESTING:
        level = cython.address(b.ladders[o.side].levels[o.level])
        level.open -= quantity
        if o.flags & ICEBERG:
            hidden = o.open - x.visible
            if quantity > hidden:
                x.visible -= quantity - hidden
                level.visible -= quantity - hidden
        else:
            level.visible -= quantity
    elif o.state == STOP_PENDING:
        level = cython.address(b.stops[o.side].levels[o.level])
        level.open -= quantity
        level.visible -= quantity
    o.open -= quantity
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _unrest_stop(b: cython.pointer(Book), o: cython.pointer(Order)) -> cython.void:
    ladder: cython.pointer(Ladder) = cython.address(b.stops[o.side])
    level: cython.pointer(Level) = cython.address(ladder.levels[o.level])
    _detach(b, level, o)
    level.count -= 1
    level.open -= o.open
    level.visible -= o.open
    if level.count == 0:
        ladder_remove(ladder, o.level)
    o.level = 0


def rest_stop(b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t) -> cython.int:
    """Put a stop among those that wait at its price."""
    ladder: cython.pointer(Ladder) = cython.address(b.stops[o.side])
    index: uint32_t = ladder_find(ladder, terms_of(o).price)
    level: cython.pointer(Level)
    if index == 0:
        index = cython.cast(uint32_t, ladder_insert(ladder, terms_of(o).price))
    level = cython.address(ladder.levels[index])
    o.level = index
    o.state = STOP_PENDING
    _append(b, level, o, id)
    level.count += 1
    level.open += o.open
    level.visible += o.open
    return 0


def move_stop(b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t, price: int64_t) -> cython.int:
    """Give a pending stop another price."""
    _unrest_stop(b, o)
    terms_of(o).price = price
    return rest_stop(b, o, id)


def forget_stop(b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t) -> cython.void:
    """Take a stop out of the waiting ones."""
    _unrest_stop(b, o)
    if b.extras[terms_of(o).extra].trail_method != TRAIL_NONE:
        list_remove(cython.address(b.trailing), id)
    b.n_pending_stops -= 1
    b.committed[o.side] -= o.open


def end_order(b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t) -> int64_t:
    """Cancel whatever is active: order, parked peg, held leg or stop; with what hangs on it. What it still had."""
    quantity: int64_t = o.open
    x: cython.pointer(Extra)
    if o.state == RESTING:
        unrest(b, o)
        b.committed[o.side] -= quantity
        o.state = CANCELLED
        if o.flags & PEGGED:
            list_remove(cython.address(b.pegs), id)
    elif o.state == STOP_PENDING:
        forget_stop(b, o, id)
        o.state = STOP_CANCELLED
    elif o.state == STOP_TRIGGERED:
        # Marked, not yet submitted (R42.4).
        o.state = STOP_CANCELLED
        b.extras[terms_of(o).extra].marked = 0
        quantity = o.open
    else:
        if o.state == PARKED:
            list_remove(cython.address(b.pegs), id)
        elif o.state == HELD:
            list_remove(cython.address(b.held), id)
        # An order that is matching just now holds no capacity yet.
        if o.state != WORKING:
            b.committed[o.side] -= quantity
        o.state = CANCELLED if not b.extras[terms_of(o).extra].is_loss_leg else STOP_CANCELLED
    if o.flags & LINKED:
        group_ended(b, o, id)
    if o.flags & PARENT:
        drop_legs(b, o)
    return quantity


def drop_legs(b: cython.pointer(Book), o: cython.pointer(Order)) -> cython.int:
    """The held legs of a parent that will not fill (R51)."""
    x: cython.pointer(Extra) = cython.address(b.extras[terms_of(o).extra])
    legs: int64_t[2]
    i: cython.int
    leg: cython.pointer(Order)
    o.flags &= ~PARENT
    b.n_parents -= 1
    legs[0] = x.leg_profit
    legs[1] = x.leg_loss
    for i in range(2):
        leg = order_at(b, legs[i])
        if leg.state == HELD:
            note(b, NOTE_DROPPED, legs[i], leg.open, 0)
            end_order(b, leg, legs[i])
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _members(
    b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t, others: cython.pointer(IdList)
) -> cython.int:
    """The other members of a group, ids ascending. The members form a ring of ids."""
    at: int64_t = b.extras[terms_of(o).extra].group_next
    i: int64_t
    while at != id:
        list_push(others, at)
        i = others.n - 1
        while i > 0 and others.data[i - 1] > at:
            others.data[i] = others.data[i - 1]
            i -= 1
        others.data[i] = at
        at = b.extras[terms_of(order_at(b, at)).extra].group_next
    return 0


def unlink(b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t) -> cython.void:
    """Let an order leave its group; the last one left is no group."""
    x: cython.pointer(Extra) = cython.address(b.extras[terms_of(o).extra])
    at: int64_t = id
    ladder: cython.pointer(Ladder)
    while b.extras[terms_of(order_at(b, at)).extra].group_next != id:
        at = b.extras[terms_of(order_at(b, at)).extra].group_next
    b.extras[terms_of(order_at(b, at)).extra].group_next = x.group_next
    x.group_next = 0
    x.group = 0
    o.flags &= ~LINKED
    if o.state == RESTING and not o.flags & REDUCE_ONLY:
        ladder = cython.address(b.ladders[o.side])
        ladder.levels[o.level].soft -= 1
        ladder.soft -= 1
    if at != id and b.extras[terms_of(order_at(b, at)).extra].group_next == at:
        unlink(b, order_at(b, at), at)


def join(
    b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t, member: int64_t, kind: cython.int, group: uint32_t
) -> cython.int:
    """Let an order enter the ring of ``member`` (or start one: member == id)."""
    x: cython.pointer(Extra) = extra_of(b, o)
    ladder: cython.pointer(Ladder)
    x.link = kind
    x.group = group
    if member == id:
        x.group_next = id
    else:
        x.group_next = b.extras[terms_of(order_at(b, member)).extra].group_next
        b.extras[terms_of(order_at(b, member)).extra].group_next = id
    if o.state == RESTING and not o.flags & (REDUCE_ONLY | LINKED):
        ladder = cython.address(b.ladders[o.side])
        ladder.levels[o.level].soft += 1
        ladder.soft += 1
    o.flags |= LINKED
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _dissolve(b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t) -> cython.void:
    at: int64_t = id
    after: int64_t
    p: cython.pointer(Order) = o
    ladder: cython.pointer(Ladder)
    while True:
        after = b.extras[terms_of(p).extra].group_next
        b.extras[terms_of(p).extra].group_next = 0
        b.extras[terms_of(p).extra].group = 0
        p.flags &= ~LINKED
        if p.state == RESTING and not p.flags & REDUCE_ONLY:
            ladder = cython.address(b.ladders[p.side])
            ladder.levels[p.level].soft -= 1
            ladder.soft -= 1
        if after == id:
            return
        at = after
        p = order_at(b, at)


def group_ended(b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t) -> cython.int:
    """A member was cancelled, triggered or expired, or traded in an oco: the others are cancelled (R53, R54)."""
    others: IdList
    i: int64_t
    p: cython.pointer(Order)
    memset(cython.address(others), 0, cython.sizeof(IdList))
    _members(b, o, id, cython.address(others))
    _dissolve(b, o, id)
    for i in range(others.n):
        p = order_at(b, others.data[i])
        if p.open == 0:
            continue
        note(b, NOTE_CONTINGENT, others.data[i], p.open, id)
        end_order(b, p, others.data[i])
    free(others.data)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _group_traded(b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t, quantity: int64_t) -> cython.int:
    """A member traded (R53, R54)."""
    others: IdList
    i: int64_t
    p: cython.pointer(Order)
    if b.extras[terms_of(o).extra].link == LINK_OCO:
        return group_ended(b, o, id)
    memset(cython.address(others), 0, cython.sizeof(IdList))
    _members(b, o, id, cython.address(others))
    if o.state == FILLED:
        unlink(b, o, id)
    for i in range(others.n):
        p = order_at(b, others.data[i])
        if p.open == 0:
            continue
        note(b, NOTE_CONTINGENT, others.data[i], min(quantity, p.open), id)
        if quantity >= p.open and p.flags & LINKED:
            unlink(b, p, others.data[i])
        cut(b, p, others.data[i], quantity)
    free(others.data)
    return 0
