cdef class Trade:
    cdef readonly object _of
cdef class SubmitResult:
    cdef readonly object _of
cdef class CancelResult:
    cdef readonly object _of
    cdef object _error
cdef class Order:
    cdef readonly object _of
cdef class BookSnapshot:
    cdef readonly object _of
