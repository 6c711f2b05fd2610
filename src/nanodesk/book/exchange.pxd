from libc.stdint cimport int64_t

from nanodesk.book.kernels.matching cimport Book, Event, Options, Outcome
from nanodesk.book.results cimport SubmitResult, Trades

cdef class Exchange:
    cdef Book book
    cdef Trades store
    cdef readonly object instrument
    cdef readonly dict configuration
    cdef int64_t notes_read
    cdef object __weakref__

    cdef int64_t quantity_of(self, object value, str field) except -1
    cdef int64_t price_of(self, object value, str field) except? -1
    cdef int room(self, int side, int64_t quantity) except -1
    cdef int owned(self, Event* e, object owner, object self_trade) except -1
    cdef int optional(self, Event* e, Options* o, object post_only, object display, object min_quantity, object expire_ns) except -1
    cdef int reducing(self, Event* e, object reduce_only, object self_trade) except -1
    cdef SubmitResult result(self, Outcome* out)
    cdef object stop(self, Event* e, Options* o, object owner, object self_trade, object reduce_only, object expire_ns)
    cdef int trail(self, Options* o, object method, object value, object period) except -1
    cdef object simple(self, Event* e)
