from libc.stdint cimport int64_t, uint32_t

from nanodesk.book.kernels.journal cimport Event
from nanodesk.book.kernels.records cimport Book, Options, Order, Outcome

cdef int submit_stop(Book* b, Event* e, Options* options, Outcome* out) except -1 nogil
cdef int aftermath(Book* b, int64_t first) except -1 nogil
cdef int watch_expiry(Book* b, int64_t id, int64_t expire_ns) except -1 nogil
cdef int expire(Book* b) except -1 nogil
cdef int place_peg(Book* b, int64_t id) except -1 nogil
cdef int reprice(Book* b) except -1 nogil
cdef void fold_history(Book* b, int64_t until) noexcept nogil
cdef int _compare(const void* p, const void* q) noexcept nogil
