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
from nanodesk.book.kernels.records cimport Book, Options, Order

cdef int64_t whole_number(object value, str field, int is_price) except? -1
cdef int check_type(object value, str field) except -1
cdef int check_option_types(object owner=*, object expire_ns=*, object display=*, object min_quantity=*) except -1
cdef int side_word(object side) except -1
cdef int word_of(object value, str field, tuple words) except -1
cdef int resting_tif(object tif, str what) except -1
cdef int trail_method(object word) except -1
cdef int64_t quantity_of(Book* b, object value, str field) except -1
cdef int64_t price_of(Book* b, object value, str field) except? -1
cdef int check_room(Book* b, int side, int64_t quantity) except -1
cdef int read_self_trade(Event* e, object self_trade) except -1
cdef int read_owner(Event* e, object owner) except -1
cdef int read_reduce_only(Event* e, object reduce_only, object self_trade) except -1
cdef int read_options(Book* b, Event* e, Options* o, object post_only, object display, object min_quantity, object expire_ns) except -1
cdef int check_trail_types(object method, object value, object period) except -1
cdef int read_trail(Options* o, object value, object period) except -1
cdef int64_t id_of(object value) except? -1
cdef int64_t clamped(object value, str field) except? -1
cdef object not_linkable(Order* o)

cdef inline int64_t integer(object value, str field, int is_price) except? -1:
    """A Python integer as 64 bits. ``is_price``: 0 a quantity, 1 a price, 2 any other number, for the error."""
    cdef long long number
    if nd_small(value, &number):
        return number
    return whole_number(value, field, is_price)
