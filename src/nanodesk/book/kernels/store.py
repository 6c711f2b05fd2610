"""Where a book lives: pages of orders, growing arrays, notices, the positions of owners.

An order is two half lines found by its id in pages of 32 768: what a match or a cancel touches, and its terms. Ids are
dense, so nothing is searched and nothing is allocated for one order. Rule numbers (R..) are those of docs/exchange.md.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t
from cython.cimports.libc.stdlib import calloc, free, malloc, realloc
from cython.cimports.libc.string import memcpy, memset
from cython.cimports.nanodesk.book.kernels.blocks import free_block, new_block
from cython.cimports.nanodesk.book.kernels.journal import journal_free
from cython.cimports.nanodesk.book.kernels.ladder import ladder_free, ladder_init
from cython.cimports.nanodesk.book.kernels.memory import nd_large_pages
from cython.cimports.nanodesk.book.kernels.records import (
    BLOCK_ORDERS,
    BUY,
    INT64_MAX,
    INT64_MIN,
    ND_CHAIN_START,
    PAGE_ORDERS,
    PAGE_SHIFT,
    SELL,
    Note,
)

# ---- memory -------------------------------------------------------------------------------------------------------


def grown(data: cython.p_void, capacity: cython.pointer(int64_t), size: cython.size_t) -> cython.p_void:
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
        b.pages[0] = cython.cast(cython.pointer(Order), new_block(2 * BLOCK_ORDERS * cython.sizeof(Order)))
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
    # Only the first page of a small book is less than a whole one.
    for i in range(b.n_pages):
        free_block(
            b.pages[i],
            2 * cython.sizeof(Order) * cython.cast(cython.size_t, b.capacity if b.n_pages == 1 else PAGE_ORDERS),
        )
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


def more_orders(b):
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
    orders = cython.cast(cython.pointer(Order), new_block(size))
    if orders == cython.NULL:
        with cython.gil:
            raise MemoryError
    if page == 0:
        memcpy(orders, b.pages[0], size / 2)
        free_block(b.pages[0], size // 2)
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
            cython.pointer(Note), grown(b.notes, cython.address(b.note_capacity), cython.sizeof(Note))
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
            cython.pointer(int64_t), grown(list.data, cython.address(list.capacity), cython.sizeof(int64_t))
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
                    cython.pointer(Extra), grown(b.extras, cython.address(capacity), cython.sizeof(Extra))
                )
                b.extra_capacity = cython.cast(uint32_t, capacity)
            index = b.n_extras
            b.n_extras += 1
        memset(cython.address(b.extras[index]), 0, cython.sizeof(Extra))
        terms_of(o).extra = index
    return cython.address(b.extras[index])


# ---- positions (R15) ------------------------------------------------------------------------------------------------


def position_slot(b: cython.pointer(Book), owner: uint32_t) -> cython.pointer(Position):
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
    slot: cython.pointer(Position) = position_slot(b, owner)
    slot.quantity = quantity
    return 0


def move_position(b: cython.pointer(Book), owner: uint32_t, quantity: int64_t) -> cython.int:
    """Add a trade to the net position of an owner, within -MAX and MAX (R15)."""
    slot: cython.pointer(Position) = position_slot(b, owner)
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
