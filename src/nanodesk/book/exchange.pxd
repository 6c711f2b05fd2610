cdef extern from *:
    """
    /* A small Python integer without a call; 0 if it is not one. */
    #if PY_VERSION_HEX >= 0x030C0000
    static inline int nd_small(PyObject* v, long long* number) {
        if (!PyLong_CheckExact(v) || !PyUnstable_Long_IsCompact((PyLongObject*)v)) return 0;
        *number = (long long)PyUnstable_Long_CompactValue((PyLongObject*)v);
        return 1;
    }
    #else
    static inline int nd_small(PyObject* v, long long* number) {
        Py_ssize_t size;
        if (!PyLong_CheckExact(v)) return 0;
        size = Py_SIZE(v);
        if (size == 1) { *number = (long long)((PyLongObject*)v)->ob_digit[0]; return 1; }
        return 0;
    }
    #endif
    """
    bint nd_small(object, long long*)

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

    cdef int64_t _quantity_of(self, object value, str field) except -1
    cdef int64_t _price_of(self, object value, str field) except? -1
    cdef int _room(self, int side, int64_t quantity) except -1
    cdef int _mode(self, Event* e, object self_trade) except -1
    cdef int _owned(self, Event* e, object owner) except -1
    cdef int _optional(self, Event* e, Options* o, object post_only, object display, object min_quantity, object expire_ns) except -1
    cdef int _reducing(self, Event* e, object reduce_only, object self_trade) except -1
    cdef SubmitResult _result(self, Outcome* out)
    cdef object _stop(self, Event* e, Options* o, object owner, object self_trade, object reduce_only, object expire_ns)
    cdef int _trail_types(self, object method, object value, object period) except -1
    cdef int _trail(self, Options* o, object value, object period) except -1
    cdef object _simple(self, Event* e)

cdef class DepthView:
    cdef Exchange exchange
    cdef int64_t levels
    cdef object memory
    cdef readonly object prices
    cdef readonly object quantities
    cdef readonly object counts
    cdef int64_t* data
