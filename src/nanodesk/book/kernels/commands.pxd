from libc.stdint cimport int64_t, uint8_t, uint32_t

from nanodesk.book.kernels.journal cimport Event
from nanodesk.book.kernels.records cimport Book, Options, Order, Outcome

cdef int apply_event(Book* b, Event* e, Options* options, int64_t* ids, Outcome* out) except -1 nogil
cdef int submit_event(Book* b, Event* e, Outcome* out) except -1 nogil
cdef int cancel_event(Book* b, int64_t id, Outcome* out) except -1 nogil
cdef int check_event(Book* b, Event* e) noexcept nogil

# One row of a batch's answer.
ctypedef struct BatchRow:
    int64_t order_id
    int64_t filled
    int64_t resting
    int64_t cancelled
    int64_t first_trade
    uint32_t n_trades
    uint8_t status
    uint8_t reason
    uint8_t error
    uint8_t success

cdef enum:
    BATCH_BAD_KIND = 100
    BATCH_BAD_SIDE = 101
    BATCH_BAD_POLICY = 102
    BATCH_BAD_QUANTITY = 103
    BATCH_BAD_PRICE = 104
    BATCH_BAD_CAPACITY = 105
    BATCH_BAD_OWNER = 106

cdef extern from *:
    """
    /* A number read by itself: two that were just written, read back as one vector, wait until both have left the store
       buffer. */
    #define nd_single(number) (*(const volatile int64_t*)&(number))
    """
    int64_t nd_single(int64_t number) nogil

cdef int run_batch(Book* b, Event* events, int64_t n, BatchRow* rows) except -1 nogil
cdef int run_log(Book* b, Book* source) except -1 nogil
cdef int64_t run_plain(Book* b, Event* events, int64_t first, int64_t n) except? -9223372036854775807 nogil
