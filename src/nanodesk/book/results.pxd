from libc.stdint cimport int64_t, uint8_t

from nanodesk.book.kernels.records cimport TradeLog

cdef class Trades:
    cdef TradeLog log
    cdef Trade _at(self, int64_t trade_id)
    cdef list _between(self, int64_t first_id, int64_t n)

cdef class Trade:
    cdef readonly int64_t id
    cdef readonly int64_t price
    cdef readonly int64_t quantity
    cdef readonly int64_t aggressor_order_id
    cdef readonly int64_t passive_order_id
    cdef readonly int64_t timestamp
    cdef int64_t side

cdef class SubmitResult:
    cdef readonly int64_t order_id
    cdef readonly int64_t filled_quantity
    cdef readonly int64_t resting_quantity
    cdef readonly int64_t cancelled_quantity
    cdef int64_t first_trade
    cdef readonly int64_t n_trades
    cdef Trades store
    cdef uint8_t status_code
    cdef uint8_t reason_code

cdef class CancelResult:
    cdef readonly int64_t cancelled_quantity
    cdef uint8_t error_code

cdef class ModifyResult:
    cdef readonly object old_order_id
    cdef readonly int64_t new_order_id
    cdef readonly int64_t cancelled_quantity
    cdef int64_t first_trade
    cdef readonly int64_t n_trades
    cdef Trades store
    cdef uint8_t error_code

cdef class StopSubmitResult:
    cdef readonly int64_t order_id
    cdef int64_t triggered
    cdef uint8_t status_code
