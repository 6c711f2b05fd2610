"""Messages of ITCH 5.0 as the events that the published reader makes of them.

Only whole, sound messages are read here: at the first that is not, the caller reads again message by message and says
what is wrong.
"""

import cython
from cython.cimports.libc.stdint import uint8_t, uint32_t, uint64_t
from cython.cimports.nanodesk.compat.published_events import Event

# Forms of an event, as in published_events.
_BUY_LIMIT = cython.declare(uint8_t, 2)
_SELL_LIMIT = cython.declare(uint8_t, 3)
_CANCEL = cython.declare(uint8_t, 4)
_MODIFY = cython.declare(uint8_t, 5)
_E4_PER_CENT = cython.declare(uint32_t, 100)
_SYMBOL = cython.declare(cython.Py_ssize_t, 8)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _u32(p: cython.p_uchar) -> uint32_t:
    high: uint32_t = p[0]
    middle: uint32_t = p[1]
    return (high << 24) | (middle << 16) | (p[2] << 8) | p[3]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _u64(p: cython.p_uchar) -> uint64_t:
    return (cython.cast(uint64_t, _u32(p)) << 32) | _u32(p + 4)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _needed(kind: uint8_t) -> cython.Py_ssize_t:
    """Bytes behind the type that the published reader asks of each type."""
    if kind == 65 or kind == 70 or kind == 67:  # A, F, C
        return 35
    if kind == 68:  # D
        return 18
    if kind == 85:  # U
        return 34
    if kind == 88:  # X
        return 22
    if kind == 69:  # E
        return 30
    if kind == 80:  # P
        return 43
    return 10 if kind == 82 else 0  # R


@cython.cfunc
def _decoded(data: bytes, symbols: dict) -> object:
    found: list = []
    start: cython.p_uchar = cython.cast(cython.p_uchar, cython.cast(cython.p_char, data))
    end: cython.Py_ssize_t = len(data)
    at: cython.Py_ssize_t = 0
    length: cython.Py_ssize_t
    p: cython.p_uchar
    kind: uint8_t
    face: Event
    symbol: object
    key: bytes
    pair: tuple
    while at + 2 <= end:
        length = (start[at] << 8) | start[at + 1]
        at += 2
        if length == 0 or at + length > end:
            return None
        p = start + at
        at += length
        kind = p[0]
        if length - 1 < _needed(kind):
            return None
        if kind != 65 and kind != 70 and kind != 68 and kind != 88 and kind != 85:
            continue
        face = Event.__new__(Event)
        face._number = _u64(p + 11)
        symbol = ""
        if kind == 85:
            face._form = _MODIFY
            face._quantity = _u32(p + 27)
            face._price = _u32(p + 31) // _E4_PER_CENT
        elif kind == 68 or kind == 88:
            face._form = _CANCEL
        else:
            face._form = _BUY_LIMIT if p[19] == 66 else _SELL_LIMIT
            face._quantity = _u32(p + 20)
            face._price = _u32(p + 32) // _E4_PER_CENT
            key = cython.cast(cython.p_char, p + 24)[:_SYMBOL]
            symbol = symbols.get(key)
            if symbol is None:
                symbol = symbols[key] = key.decode(errors="replace").strip(" \t\r\n\v\f")
        pair = (symbol, face)
        # A string and numbers: no cycle can pass through it, so the collector need not look (as in pair_rows).
        PyObject_GC_UnTrack(pair)  # noqa: F821  declared in the .pxd
        found.append(pair)
    return found


def decode(data: bytes, symbols: dict) -> list | None:
    """Symbol and event of every message, or None at a fault; ``symbols`` maps eight bytes to text and is filled."""
    # Thousands of new pairs would send the collector through all that the program holds, again and again.
    was_on: cython.bint = PyGC_Disable() == 1  # noqa: F821  declared in the .pxd
    try:
        return _decoded(data, symbols)
    finally:
        if was_on:
            PyGC_Enable()  # noqa: F821  declared in the .pxd
