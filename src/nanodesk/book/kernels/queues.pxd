from libc.stdint cimport int64_t, uint32_t

from nanodesk.book.kernels.ladder cimport Ladder, Level, ladder_remove
from nanodesk.book.kernels.records cimport CANCELLED, ICEBERG, Book, Order, Trade, TradeLog, order_at, terms_of

# How a trade treats an iceberg that shows nothing more: to the back at once; later (a pro-rata pass); stay (auction).
cdef enum:
    REQUEUE = 0
    LATER = 1
    STAY = 2

cdef int rest(Book* b, Order* o, int64_t id) except -1 nogil
cdef void unrest(Book* b, Order* o) noexcept nogil
cdef int64_t end_order(Book* b, Order* o, int64_t id) except -1 nogil
cdef int cut(Book* b, Order* o, int64_t id, int64_t quantity) except -1 nogil
cdef int make_trade(Book* b, Order* a, int64_t aggressor, Order* p, int64_t passive, int64_t price, int64_t quantity) except -1 nogil
cdef int group_ended(Book* b, Order* o, int64_t id) except -1 nogil
cdef int rest_stop(Book* b, Order* o, int64_t id) except -1 nogil
cdef int move_stop(Book* b, Order* o, int64_t id, int64_t price) except -1 nogil
cdef void forget_stop(Book* b, Order* o, int64_t id) noexcept nogil
cdef int drop_legs(Book* b, Order* o) except -1 nogil
cdef void unlink(Book* b, Order* o, int64_t id) noexcept nogil
cdef int join(Book* b, Order* o, int64_t id, int64_t member, int kind, uint32_t group) except -1 nogil
cdef int more_trades(TradeLog* log) except -1 nogil
cdef int take(Book* b, Order* o, int64_t id, int64_t quantity, int refresh) except -1 nogil
cdef int after_trade(Book* b, Order* a, int64_t aggressor, Order* p, int64_t passive, int64_t quantity) except -1 nogil
cdef void show_anew(Book* b, Order* o, int64_t id, bint requeue) noexcept nogil

cdef inline int64_t visible_of(Book* b, Order* o) noexcept nogil:
    """What the order shows."""
    return b.extras[terms_of(o).extra].visible if o.flags & ICEBERG else o.open

cdef inline void cancel_plain(Book* b, Order* o) noexcept nogil:
    """End a resting order on which nothing hangs. Where a link goes is chosen, not branched to: it cannot be foreseen."""
    cdef Ladder* ladder = &b.ladders[o.side]
    cdef Level* level = &ladder.levels[o.level]
    cdef int64_t* before = &order_at(b, o.prev).next
    cdef int64_t* after = &order_at(b, o.next).prev
    before = before if o.prev != 0 else &level.head
    after = after if o.next != 0 else &level.tail
    before[0] = o.next
    after[0] = o.prev
    o.state = CANCELLED
    b.committed[o.side] -= o.open
    level.open -= o.open
    level.visible -= o.open
    level.count -= 1
    if level.count == 0:
        ladder_remove(ladder, o.level)
    o.level = 0

cdef inline int print_trade(Book* b, int64_t price, int64_t quantity, int64_t aggressor, int64_t passive, int64_t side) except -1 nogil:
    """Record a trade."""
    cdef TradeLog* log = b.trades
    cdef Trade* t
    if log.n == log.capacity:
        more_trades(log)
    t = &log.data[log.n]
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
