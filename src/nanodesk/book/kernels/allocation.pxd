from libc.stdint cimport int64_t

from nanodesk.book.kernels.records cimport Book, Order, Outcome

cdef int prevent(Book* b, Order* o, int64_t id, Order* p, int64_t passive, int mode, Outcome* out) except -1 nogil
cdef int held_back(Book* b, Order* p, int64_t passive) except -1 nogil
cdef int allocate(Book* b, Order* o, int64_t id, int mode, Outcome* out) except -1 nogil
