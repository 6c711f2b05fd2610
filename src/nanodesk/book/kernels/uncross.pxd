from libc.stdint cimport int64_t

from nanodesk.book.kernels.records cimport Book, Outcome

cdef bint is_crossed(Book* b) noexcept nogil
cdef bint auction_price(Book* b, bint has_reference, int64_t reference, int64_t* price, int64_t* volume, int64_t* surplus) noexcept nogil
cdef int uncross(Book* b, bint has_reference, int64_t reference, Outcome* out) except -1 nogil
cdef int end_auction(Book* b) except -1 nogil
