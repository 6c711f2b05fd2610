from libc.stdint cimport int64_t

from nanodesk.book.kernels.journal cimport Event
from nanodesk.book.kernels.records cimport Book, Options

cdef tuple command_of(Event* e, Options* o, int64_t* ids)
cdef tuple raw_records(Book* b, int64_t start, int64_t stop)
