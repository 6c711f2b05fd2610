from libc.stdint cimport int64_t, uint32_t

from nanodesk.book.kernels.journal cimport Event, journal_write
from nanodesk.book.kernels.records cimport WORKING, Book, Extra, IdList, Order, Position, Terms, TradeLog, order_at, terms_of

cdef int book_init(Book* b) except -1 nogil
cdef void book_free(Book* b) noexcept nogil
cdef int trade_log_init(TradeLog* log, int64_t first_id) except -1 nogil
cdef int note(Book* b, int64_t kind, int64_t id, int64_t quantity, int64_t related) except -1 nogil
cdef int list_push(IdList* list, int64_t id) except -1 nogil
cdef void list_remove(IdList* list, int64_t id) noexcept nogil
cdef int more_orders(Book* b) except -1 nogil
cdef Extra* extra_of(Book* b, Order* o) except NULL nogil
cdef int64_t reducible(Book* b, Order* o) noexcept nogil
cdef int64_t position_of(Book* b, uint32_t owner) noexcept nogil
cdef int set_position(Book* b, uint32_t owner, int64_t quantity) except -1 nogil
cdef void* grown(void* data, int64_t* capacity, size_t size) except NULL nogil
cdef Position* position_slot(Book* b, uint32_t owner) except NULL nogil
cdef int move_position(Book* b, uint32_t owner, int64_t quantity) except -1 nogil

cdef inline int log_event(Book* b, Event* e) except -1 nogil:
    return journal_write(&b.journal, e) if b.logging else 0

cdef inline Order* new_order(Book* b, int side, int64_t price, int64_t quantity, int policy, int flags, uint32_t owner) except NULL nogil:
    """Take the next id and timestamp for a working order."""
    cdef Order* o
    cdef Terms* t
    if b.next_id >= b.capacity:
        more_orders(b)
    o = order_at(b, b.next_id)
    t = terms_of(o)
    t.price = price
    t.quantity = quantity
    t.timestamp = b.next_timestamp
    t.extra = 0
    t.owner = owner
    o.open = quantity
    o.next = 0
    o.prev = 0
    o.level = 0
    o.side = side
    o.policy = policy
    o.state = WORKING
    o.flags = flags
    b.next_id += 1
    b.next_timestamp += 1
    return o
