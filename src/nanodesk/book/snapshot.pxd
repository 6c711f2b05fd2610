from libc.stdint cimport int64_t

from nanodesk.book.kernels.matching cimport Book

cdef class BookSnapshot:
    cdef int64_t* data
    cdef int64_t small[66]
    cdef int64_t n_bids
    cdef int64_t n_asks
    cdef readonly int64_t timestamp
    cdef int _fill(self, Book* b, int64_t levels) except -1
    cdef list _rows(self, int64_t first, int64_t n)
    cdef object _array(self, int64_t first, int64_t n)
    cdef object _total(self, int64_t first, int64_t n)
