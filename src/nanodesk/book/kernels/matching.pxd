from libc.stdint cimport int64_t, uint32_t

from nanodesk.book.kernels.records cimport Book, Options, Order, Outcome

cdef int enter(Book* b, Order* o, int64_t id, Options* options, Outcome* out) except -1 nogil
cdef int submit_plain(Book* b, int side, int64_t price, int64_t quantity, int policy, uint32_t owner, Outcome* out) except -1 nogil
