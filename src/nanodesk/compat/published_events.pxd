cimport cython
from libc.stdint cimport int64_t, uint8_t, uint64_t

# Outside the collector's lists: what it holds can hold no event.
@cython.no_gc
@cython.final
cdef class Event:
    cdef object _made
    cdef object _book
    cdef uint64_t _number
    cdef int64_t _price
    cdef int64_t _quantity
    cdef uint8_t _form
