from libc.stdint cimport int64_t, uint64_t

from nanodesk.book.kernels.records cimport Book

cdef extern from *:
    """
    #define ND_START 0xCBF29CE484222325ULL
    #define ND_FOLD 0x9E3779B97F4A7C15ULL
    """
    uint64_t ND_START
    uint64_t ND_FOLD

cdef void fold_trades(Book* b) noexcept nogil
cdef uint64_t state_hash(Book* b) except? 0 nogil
