"""The C-level door: an exchange for strategies compiled by Cython (cimport) or Numba (function addresses).

Every function takes the number that ``Exchange.address()`` gives, checks its arguments, and answers with numbers:
below 0
is an error, minus the code of ``book.batch`` or of a failed cancel or modify. Nothing is raised.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t
from cython.cimports.libc.string import memset
from cython.cimports.nanodesk.book.kernels.commands import apply_event, cancel_event, check_event, submit_event
from cython.cimports.nanodesk.book.kernels.journal import Event
from cython.cimports.nanodesk.book.kernels.ladder import Ladder, Level
from cython.cimports.nanodesk.book.kernels.records import EVENT_LIMIT, EVENT_MODIFY, INT64_MIN, Book, Outcome


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _answer(out: cython.pointer(Outcome), answer: cython.pointer(int64_t)) -> cython.void:
    """Six numbers: filled, resting, cancelled, first trade id, number of trades, reason."""
    if answer != cython.NULL:
        answer[0] = out.filled
        answer[1] = out.resting
        answer[2] = out.cancelled
        answer[3] = out.first_trade
        answer[4] = out.n_trades
        answer[5] = out.reason


def door_submit(book, side, price, quantity, policy, answer):
    """Submit a limit order; its id. ``policy``: 0 gtc, 1 ioc, 2 fok. ``answer``: six numbers, or NULL."""
    b: cython.pointer(Book) = cython.cast(cython.pointer(Book), book)
    e: Event
    out: Outcome
    error: cython.int
    memset(cython.address(e), 0, cython.sizeof(Event))
    if side < 0 or side > 1:
        return -101
    if policy < 0 or policy > 2:
        return -102
    e.kind = EVENT_LIMIT
    e.side = cython.cast(uint8_t, side)
    e.policy = cython.cast(uint8_t, policy)
    e.price = price
    e.quantity = quantity
    error = check_event(b, cython.address(e))
    if error != 0:
        return -error
    submit_event(b, cython.address(e), cython.address(out))
    _answer(cython.address(out), answer)
    return out.order_id


def door_cancel(book, order_id):
    """Cancel; the quantity that was open."""
    out: Outcome
    cancel_event(cython.cast(cython.pointer(Book), book), order_id, cython.address(out))
    return -out.error if out.error != 0 else out.cancelled


def door_modify(book, order_id, price, quantity, answer):
    """Cancel and replace; the new id."""
    e: Event
    out: Outcome
    memset(cython.address(e), 0, cython.sizeof(Event))
    memset(cython.address(out), 0, cython.sizeof(Outcome))
    e.kind = EVENT_MODIFY
    e.id = order_id
    e.price = price
    e.quantity = quantity
    apply_event(
        cython.cast(cython.pointer(Book), book), cython.address(e), cython.NULL, cython.NULL, cython.address(out)
    )
    if out.error != 0:
        return -out.error
    _answer(cython.address(out), answer)
    return out.order_id


def door_best(book, side):
    """Best price of a side (0 bids, 1 asks); the lowest 64-bit number if the side is empty."""
    ladder: cython.pointer(Ladder)
    if side < 0 or side > 1:
        return INT64_MIN
    ladder = cython.address(cython.cast(cython.pointer(Book), book).ladders[side])
    return ladder.levels[ladder.best].price if ladder.best != 0 else INT64_MIN


def door_depth(book, side, levels, rows):
    """Write the best levels as rows of price, visible quantity, order count; how many."""
    ladder: cython.pointer(Ladder)
    level: cython.pointer(Level)
    index: uint32_t
    n: int64_t = 0
    if side < 0 or side > 1:
        return -101
    ladder = cython.address(cython.cast(cython.pointer(Book), book).ladders[side])
    index = ladder.best
    while index != 0 and n < levels:
        level = cython.address(ladder.levels[index])
        rows[3 * n] = level.price
        rows[3 * n + 1] = level.visible
        rows[3 * n + 2] = level.count
        n += 1
        index = level.worse
    return n
