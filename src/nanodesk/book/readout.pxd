from libc.stdint cimport int64_t

from nanodesk.book.kernels.records cimport Book, TradeLog

cdef object order_of(Book* b, int64_t id)
cdef object stop_of(Book* b, int64_t id)
cdef object trade_rows(TradeLog* log)
cdef list notices_of(Book* b)
