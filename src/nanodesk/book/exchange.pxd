from libc.stdint cimport int64_t

from nanodesk.book.kernels.journal cimport Event
from nanodesk.book.kernels.records cimport Book, Options, Outcome
from nanodesk.book.results cimport CancelResult, SubmitResult, Trades
from nanodesk.book.snapshot cimport BookSnapshot

cdef class Exchange:
    cdef Book book
    cdef Trades store
    cdef readonly object instrument
    cdef readonly dict configuration
    cdef int64_t notes_read
    cdef CancelResult answer
    cdef BookSnapshot shown
    cdef BookSnapshot shown_before
    cdef tuple quote
    cdef int64_t quoted_bid
    cdef int64_t quoted_ask
    cdef int quoted
    cdef object __weakref__

    cdef SubmitResult _result(self, Outcome* out)
    cdef object _stop(self, Event* e, Options* o, object owner, object self_trade, object reduce_only, object expire_ns)
    cdef object _simple(self, Event* e)

cdef class DepthView:
    cdef Exchange exchange
    cdef int64_t levels
    cdef object memory
    cdef readonly object prices
    cdef readonly object quantities
    cdef readonly object counts
    cdef int64_t* data
