cimport cython
from libc.stdint cimport int64_t

# Outside the collector's lists: it holds numbers only.
@cython.final
cdef class LevelSnapshot:
    cdef readonly int64_t price
    cdef readonly int64_t quantity
    cdef readonly int64_t order_count
