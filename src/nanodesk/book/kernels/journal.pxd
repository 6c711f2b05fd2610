from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

# One record of the event log as it is handed in and read back. `id` is an order id, or the place of the Options when flags
# say so.
ctypedef struct Event:
    uint8_t kind
    uint8_t side
    uint8_t policy
    uint8_t flags
    uint32_t owner
    int64_t price
    int64_t quantity
    int64_t id

ctypedef struct Chunk:
    uint64_t* words
    uint64_t* end
    int64_t first

# The event log in memory: see journal.py.
ctypedef struct Journal:
    uint64_t* at
    uint64_t* limit
    int64_t n
    Chunk* chunks
    int64_t n_chunks
    int64_t chunk_capacity

ctypedef struct Cursor:
    Journal* journal
    int64_t chunk
    uint64_t* at

cdef enum:
    PLAIN_CANCEL = 2
    WHOLE_RECORD = 255
    LONGEST_RECORD = 5

cdef extern from *:
    """
    #define ND_PLAIN_QUANTITY (1ULL << 40)
    #define ND_PLAIN_ID (1ULL << 56)
    """
    uint64_t ND_PLAIN_QUANTITY
    uint64_t ND_PLAIN_ID

cdef int journal_more(Journal* j) except -1 nogil
cdef int journal_whole(Journal* j, Event* e) except -1 nogil
cdef void journal_free(Journal* j) noexcept nogil
cdef void journal_seek(Journal* j, int64_t i, Cursor* c) noexcept nogil
cdef void journal_next(Cursor* c, Event* e) noexcept nogil

cdef inline size_t journal_room(Journal* j) noexcept nogil:
    """Words left in the chunk. In bytes first: the overflow checks of a checked build take a difference of pointers for one."""
    return (<size_t>j.limit - <size_t>j.at) >> 3

cdef inline int journal_cancel(Journal* j, int64_t id) except -1 nogil:
    """Append the cancel of an order that exists."""
    if j.at == j.limit:
        journal_more(j)
    j.at[0] = PLAIN_CANCEL | (<uint64_t>id << 8)
    j.at += 1
    j.n += 1
    return 0

cdef inline int journal_write(Journal* j, Event* e) except -1 nogil:
    """Append any record."""
    if e.kind > 1 or e.flags != 0 or e.owner != 0 or e.id != 0 or <uint64_t>e.quantity >= ND_PLAIN_QUANTITY:
        return journal_whole(j, e)
    if journal_room(j) < 2:
        journal_more(j)
    j.at[0] = e.kind | (<uint64_t>e.side << 8) | (<uint64_t>e.policy << 16) | (<uint64_t>e.quantity << 24)
    j.at[1] = <uint64_t>e.price
    j.at += 2
    j.n += 1
    return 0
