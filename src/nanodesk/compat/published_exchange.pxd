cdef class Exchange:
    cdef object _book
    cdef object _first_event
    cdef object __weakref__
