from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from nanodesk.book.kernels.records cimport Book

cdef extern from *:
    """
    /* Whether an object has just these references, so that nobody else sees it change. */
    #if defined(Py_GIL_DISABLED)
    #define nd_references(v, n) 0
    #else
    #define nd_references(v, n) (Py_REFCNT(v) == (n))
    #endif

    /* The head of a NumPy array, as in every release since 1.0: whether it is still n rows of three int64. Its owner may
       have given it another shape or type in place before letting go of it. */
    typedef struct {
        PyObject_HEAD
        char* data;
        int dimensions;
        Py_ssize_t* shape;
        Py_ssize_t* strides;
        PyObject* base;
        PyObject* type;
    } nd_array;
    static inline int nd_is_rows(PyObject* v, Py_ssize_t n, PyObject* base, PyObject* type) {
        nd_array* a = (nd_array*)v;
        return a->dimensions == 2 && a->shape[0] == n && a->shape[1] == 3 && a->strides[0] == 24 && a->strides[1] == 8
            && a->base == base && a->type == type;
    }
    """
    bint nd_references(PyObject* v, int n)
    bint nd_is_rows(PyObject* v, Py_ssize_t n, PyObject* base, PyObject* type)

cdef class Rows:
    cdef int64_t* data
    cdef int64_t n
    cdef int64_t small[66]

cdef class BookSnapshot:
    cdef Rows rows
    cdef int64_t* data
    cdef object bid_view
    cdef object ask_view
    cdef int64_t n_bids
    cdef int64_t n_asks
    cdef readonly int64_t timestamp
    cdef int _fill(self, Book* b, int64_t levels) except -1
    cdef bint _is_ours(self, PyObject* array, int64_t n) noexcept
    cdef bint _refill(self, Book* b, int64_t levels) except -1
    cdef list _rows(self, int64_t first, int64_t n)
    cdef object _array(self, int64_t first, int64_t n)
    cdef object _total(self, int64_t first, int64_t n)
