"""Orders meet here: resting, matching, cutting, cancelling, and the memory they live in.

An order is one cache line found by its id in pages of 32 768; queues are links by id, and an order names its level,
so a cancel
searches nothing. Plain orders take the short loop of ``submit_plain``; whatever an order has beyond side, price,
quantity and time in force is one flag bit and a record beside the book, which only the general loop looks at.
Rule numbers (R..) are those of docs/exchange.md.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t
from cython.cimports.libc.stdlib import calloc, free, malloc, realloc
from cython.cimports.libc.string import memcpy, memset
from cython.cimports.nanodesk.book.kernels.journal import journal_free
from cython.cimports.nanodesk.book.kernels.ladder import (
    Ladder,
    Level,
    ladder_find,
    ladder_free,
    ladder_init,
    ladder_insert,
    ladder_remove,
)

# ---- memory -------------------------------------------------------------------------------------------------------


def _grown(data: cython.p_void, capacity: cython.pointer(int64_t), size: cython.size_t) -> cython.p_void:
    """The array with its capacity doubled (16 at first)."""
    more: int64_t = 16 if capacity[0] == 0 else capacity[0] * 2
    new: cython.p_void = realloc(data, cython.cast(cython.size_t, more) * size)
    if new == cython.NULL:
        with cython.gil:
            raise MemoryError
    capacity[0] = more
    nd_large_pages(new, cython.cast(cython.size_t, more) * size)
    return new


def book_init(b: cython.pointer(Book)) -> cython.int:
    """An empty book with the rules of a plain instrument; the shell sets the others. MemoryError if there is no
    memory."""
    i: cython.int
    memset(b, 0, cython.sizeof(Book))
    b.next_id = 1
    b.next_timestamp = 1
    b.next_trade_id = 1
    b.next_group = 1
    b.band_low = INT64_MIN
    b.band_high = INT64_MAX
    b.tick = 1
    b.lot = 1
    b.fifo_percent = 40
    b.min_allocation = 1
    b.cascade_limit = 100
    b.max_display_parts = 1000
    b.logging = True
    b.seen = 1
    b.history_at = 1
    b.chain_at = 1
    b.trade_chain = ND_CHAIN_START
    b.n_extras = 1
    for i in range(2):
        ladder_init(cython.address(b.ladders[i]), i == BUY)
        ladder_init(cython.address(b.stops[i]), i == SELL)
    b.capacity = BLOCK_ORDERS
    b.page_capacity = 8
    b.pages = cython.cast(cython.pointer(cython.pointer(Order)), malloc(8 * cython.sizeof(cython.p_void)))
    if b.pages != cython.NULL:
        b.pages[0] = cython.cast(cython.pointer(Order), nd_block(2 * BLOCK_ORDERS * cython.sizeof(Order)))
    if b.pages == cython.NULL or b.pages[0] == cython.NULL:
        with cython.gil:
            raise MemoryError
    b.n_pages = 1
    return 0


def book_free(b: cython.pointer(Book)) -> cython.void:
    """Give the memory back."""
    i: int64_t
    for i in range(2):
        ladder_free(cython.address(b.ladders[i]))
        ladder_free(cython.address(b.stops[i]))
    for i in range(b.n_pages):
        nd_block_free(b.pages[i])
    free(b.pages)
    journal_free(cython.address(b.journal))
    free(b.options)
    free(b.extras)
    free(b.notes)
    free(b.expiries)
    free(b.positions)
    free(b.trailing.data)
    free(b.pegs.data)
    free(b.filled_parents.data)
    free(b.marked.data)
    free(b.held.data)
    free(b.link_ids.data)
    free(b.scratch.data)
    free(b.shares.data)
    free(b.history)
    memset(b, 0, cython.sizeof(Book))


def trade_log_init(log: cython.pointer(TradeLog), first_id: int64_t) -> cython.int:
    """An empty log whose first trade will have the given id."""
    memset(log, 0, cython.sizeof(TradeLog))
    log.base_id = first_id
    return 0


def _more_orders(b):
    """Room for the order at next_id: the first page grows by doubling, later pages come whole and never move."""
    page: int64_t = b.next_id >> PAGE_SHIFT
    size: cython.size_t = 2 * cython.sizeof(Order)
    orders: cython.pointer(Order)
    pages: cython.p_void
    size *= cython.cast(cython.size_t, PAGE_ORDERS if page != 0 else 2 * b.capacity)
    if page == b.page_capacity:
        pages = realloc(b.pages, cython.cast(cython.size_t, b.page_capacity) * 2 * cython.sizeof(cython.p_void))
        if pages == cython.NULL:
            with cython.gil:
                raise MemoryError
        b.pages = cython.cast(cython.pointer(cython.pointer(Order)), pages)
        b.page_capacity *= 2
    orders = cython.cast(cython.pointer(Order), nd_block(size))
    if orders == cython.NULL:
        with cython.gil:
            raise MemoryError
    nd_large_pages(orders, size)
    if page == 0:
        memcpy(orders, b.pages[0], size / 2)
        nd_block_free(b.pages[0])
        b.capacity *= 2
    else:
        b.n_pages = page + 1
        b.capacity += PAGE_ORDERS
    b.pages[page] = orders
    return 0


def note(b: cython.pointer(Book), kind: int64_t, id: int64_t, quantity: int64_t, related: int64_t) -> cython.int:
    """Append one notice (R70)."""
    n: cython.pointer(Note)
    if b.n_notes == b.note_capacity:
        b.notes = cython.cast(
            cython.pointer(Note), _grown(b.notes, cython.address(b.note_capacity), cython.sizeof(Note))
        )
    n = cython.address(b.notes[b.n_notes])
    n.kind = kind
    n.order_id = id
    n.quantity = quantity
    n.related_id = related
    b.n_notes += 1
    return 0


def list_push(list: cython.pointer(IdList), id: int64_t) -> cython.int:
    """Append an id."""
    if list.n == list.capacity:
        list.data = cython.cast(
            cython.pointer(int64_t), _grown(list.data, cython.address(list.capacity), cython.sizeof(int64_t))
        )
    list.data[list.n] = id
    list.n += 1
    return 0


def list_remove(list: cython.pointer(IdList), id: int64_t) -> cython.void:
    """Take an id out of a list that is sorted, keeping the order; nothing if it is not there."""
    low: int64_t = 0
    high: int64_t = list.n
    middle: int64_t
    while low < high:
        middle = (low + high) >> 1
        if list.data[middle] < id:
            low = middle + 1
        else:
            high = middle
    if low < list.n and list.data[low] == id:
        list.n -= 1
        while low < list.n:
            list.data[low] = list.data[low + 1]
            low += 1


def extra_of(b: cython.pointer(Book), o: cython.pointer(Order)) -> cython.pointer(Extra):
    """The record beside the book of an order, made if it has none."""
    index: uint32_t = terms_of(o).extra
    capacity: int64_t
    if index == 0:
        if b.free_extra != 0:
            index = b.free_extra
            b.free_extra = cython.cast(uint32_t, b.extras[index].id)
        else:
            if b.n_extras >= b.extra_capacity:
                capacity = b.extra_capacity
                b.extras = cython.cast(
                    cython.pointer(Extra), _grown(b.extras, cython.address(capacity), cython.sizeof(Extra))
                )
                b.extra_capacity = cython.cast(uint32_t, capacity)
            index = b.n_extras
            b.n_extras += 1
        memset(cython.address(b.extras[index]), 0, cython.sizeof(Extra))
        terms_of(o).extra = index
    return cython.address(b.extras[index])


# ---- positions (R15) ------------------------------------------------------------------------------------------------


def _position_slot(b: cython.pointer(Book), owner: uint32_t) -> cython.pointer(Position):
    """The slot of an owner in the open-addressed table, made if missing."""
    old: cython.pointer(Position)
    old_capacity: int64_t
    i: int64_t
    at: uint32_t
    if b.n_positions * 2 >= b.position_capacity:
        old = b.positions
        old_capacity = b.position_capacity
        b.position_capacity = 16 if old_capacity == 0 else old_capacity * 2
        b.positions = cython.cast(
            cython.pointer(Position), calloc(cython.cast(cython.size_t, b.position_capacity), cython.sizeof(Position))
        )
        if b.positions == cython.NULL:
            b.positions = old
            b.position_capacity = old_capacity
            with cython.gil:
                raise MemoryError
        for i in range(old_capacity):
            if old[i].used:
                at = _position_place(b, old[i].owner)
                b.positions[at] = old[i]
        free(old)
    at = _position_place(b, owner)
    if not b.positions[at].used:
        b.positions[at].used = 1
        b.positions[at].owner = owner
        b.positions[at].quantity = 0
        b.n_positions += 1
    return cython.address(b.positions[at])


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.overflowcheck(False)
def _position_place(b: cython.pointer(Book), owner: uint32_t) -> uint32_t:
    """Where an owner is, or would be. The table is at most half full, so the walk ends."""
    mask: uint32_t = cython.cast(uint32_t, b.position_capacity - 1)
    at: uint32_t = (owner * cython.cast(uint32_t, 2654435769)) & mask
    while b.positions[at].used and b.positions[at].owner != owner:
        at = (at + 1) & mask
    return at


def position_of(b: cython.pointer(Book), owner: uint32_t) -> int64_t:
    """Net position of an owner."""
    at: uint32_t
    if b.n_positions == 0:
        return 0
    at = _position_place(b, owner)
    return b.positions[at].quantity if b.positions[at].used else 0


def set_position(b: cython.pointer(Book), owner: uint32_t, quantity: int64_t) -> cython.int:
    """Set the net position of an owner."""
    slot: cython.pointer(Position) = _position_slot(b, owner)
    slot.quantity = quantity
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _move_position(b: cython.pointer(Book), owner: uint32_t, quantity: int64_t) -> cython.int:
    slot: cython.pointer(Position) = _position_slot(b, owner)
    if quantity > 0:
        slot.quantity = INT64_MAX if slot.quantity > INT64_MAX - quantity else slot.quantity + quantity
    else:
        slot.quantity = -INT64_MAX if slot.quantity < -INT64_MAX - quantity else slot.quantity + quantity
    return 0


def reducible(b: cython.pointer(Book), o: cython.pointer(Order)) -> int64_t:
    """What a reduce-only order may trade now (R16)."""
    held: int64_t = position_of(b, terms_of(o).owner)
    if o.side == BUY:
        held = -held
    return held if held > 0 else 0


# ---- queues --------------------------------------------------------------------------------------------------------


def visible_of(b: cython.pointer(Book), o: cython.pointer(Order)) -> int64_t:
    """What the order shows."""
    if o.flags & ICEBERG:
        return b.extras[terms_of(o).extra].visible
    return o.open


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


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _show_anew(b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t, requeue: cython.bint) -> cython.void:
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


# How a trade treats an iceberg that shows nothing more: to the back at once; later (a pro-rata pass); stay (auction).
_REQUEUE = cython.declare(cython.int, 0)
_LATER = cython.declare(cython.int, 1)
_STAY = cython.declare(cython.int, 2)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _take(
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
        if x.visible == 0 and o.open > 0 and refresh != _LATER:
            _show_anew(b, o, id, refresh == _REQUEUE)
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


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _more_trades(log: cython.pointer(TradeLog)) -> cython.int:
    log.data = cython.cast(cython.pointer(Trade), _grown(log.data, cython.address(log.capacity), cython.sizeof(Trade)))
    return 0


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(-1, check=False)
def _print(
    b: cython.pointer(Book), price: int64_t, quantity: int64_t, aggressor: int64_t, passive: int64_t, side: int64_t
) -> cython.int:
    """Record a trade."""
    log: cython.pointer(TradeLog) = b.trades
    t: cython.pointer(Trade)
    if log.n == log.capacity:
        _more_trades(log)
    t = cython.address(log.data[log.n])
    t.price = price
    t.quantity = quantity
    t.aggressor = aggressor
    t.passive = passive
    t.timestamp = b.next_timestamp
    t.side = side
    log.n += 1
    b.next_timestamp += 1
    b.next_trade_id += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _after_trade(
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
        _move_position(b, terms_of(buyer).owner, quantity)
    if terms_of(seller).owner != 0:
        _move_position(b, terms_of(seller).owner, -quantity)
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
    _print(b, price, quantity, aggressor, passive, a.side)
    _take(b, a, aggressor, quantity, _STAY)
    _take(b, p, passive, quantity, _STAY)
    return _after_trade(b, a, aggressor, p, passive, quantity)


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


# ---- matching -------------------------------------------------------------------------------------------------------


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
def _prevent(
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
        return 1 if o.open == 0 else 0
    if mode != STP_NEWEST:
        note(b, NOTE_SELF_TRADE, passive, p.open, id)
        end_order(b, p, passive)
    if mode != STP_OLDEST:
        return 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _held_back(b: cython.pointer(Book), p: cython.pointer(Order), passive: int64_t) -> cython.int:
    """Cut a resting reduce-only order to what it may still trade (R16); 1 if that ended it."""
    may: int64_t = reducible(b, p)
    if p.open <= may:
        return 0
    note(b, NOTE_REDUCE_ONLY, passive, p.open - may, 0)
    cut(b, p, passive, p.open - may)
    return 1 if may == 0 else 0


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
            if _allocate(b, o, id, mode, out):
                return 1
            continue
        passive = level.head
        p = order_at(b, passive)
        if mode != STP_OFF and terms_of(p).owner == terms_of(o).owner:
            if _prevent(b, o, id, p, passive, mode, out):
                return 1
            continue
        if p.flags & REDUCE_ONLY and _held_back(b, p, passive):
            continue
        quantity = min(o.open, visible_of(b, p))
        o.open -= quantity
        out.filled += quantity
        _print(b, level.price, quantity, id, passive, o.side)
        b.last_price = level.price
        _take(b, p, passive, quantity, _REQUEUE)
        if o.open == 0:
            o.state = FILLED
        if (o.flags | p.flags) & (OWNED | LINKED):
            _after_trade(b, o, id, p, passive, quantity)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
@cython.overflowcheck(False)
def _allocate(
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
                if _prevent(b, o, id, p, at, mode, out):
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
        if p.flags & REDUCE_ONLY and _held_back(b, p, ids[i]):
            continue
        quantity = min(o.open, min(shares[i], visible_of(b, p)))
        if quantity == 0:
            continue
        o.open -= quantity
        out.filled += quantity
        _print(b, price, quantity, id, ids[i], o.side)
        b.last_price = price
        _take(b, p, ids[i], quantity, _LATER)
        if o.open == 0:
            o.state = FILLED
        if (o.flags | p.flags) & (OWNED | LINKED):
            _after_trade(b, o, id, p, ids[i], quantity)
    for i in range(n):
        p = order_at(b, ids[i])
        if p.state == RESTING and p.flags & ICEBERG and b.extras[terms_of(p).extra].visible == 0:
            _show_anew(b, p, ids[i], True)
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
            _print(b, level.price, fill, id, passive, side)
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
