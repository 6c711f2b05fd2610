from libc.stdint cimport int64_t, uintptr_t

cdef int64_t door_submit(uintptr_t book, int64_t side, int64_t price, int64_t quantity, int64_t policy, int64_t* answer) noexcept nogil
cdef int64_t door_cancel(uintptr_t book, int64_t order_id) noexcept nogil
cdef int64_t door_modify(uintptr_t book, int64_t order_id, int64_t price, int64_t quantity, int64_t* answer) noexcept nogil
cdef int64_t door_best(uintptr_t book, int64_t side) noexcept nogil
cdef int64_t door_depth(uintptr_t book, int64_t side, int64_t levels, int64_t* rows) noexcept nogil
