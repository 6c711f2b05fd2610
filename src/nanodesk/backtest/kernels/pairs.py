"""Lists of ``(symbol, value)`` pairs into a matrix of doubles.

Reading a Python object costs a cache miss or two, so each is touched once. Rows mostly name the same symbols in the
same order, and the same string object stands for one symbol: the place of a pair in the row before is tried first, by
comparing addresses, and the dictionary is asked only where that fails. Holds the interpreter lock, as it must.
"""

import cython
from cython.cimports.cpython.float import PyFloat_AS_DOUBLE
from cython.cimports.cpython.long import PyLong_AsDouble

DONE, NOT_A_ROW, NOT_A_PAIR, UNKNOWN, TWICE = range(5)
INTEGERS, FLOATS, MIXED = 1, 2, 3

NAN = cython.declare(cython.double, float("nan"))


def fill(
    rows: list,
    start: cython.Py_ssize_t,
    index: dict,
    out: cython.double[:, ::1],
    columns: cython.longlong[::1],
    seen: cython.longlong[::1],
    kinds: cython.int,
):
    """Fill ``out`` from row ``start`` on and stop at the first fault.

    ``columns`` and ``seen`` are scratch of the width of ``out``, ``seen`` filled with -1. Returns the row, the fault,
    the position of the pair in the row, and which kinds of numbers were seen so far.
    """
    t: cython.Py_ssize_t
    j: cython.Py_ssize_t
    column: cython.Py_ssize_t
    width: cython.Py_ssize_t = out.shape[1]
    row: list
    pair: tuple
    names: list = [None] * width
    number: cython.double
    for t in range(start, len(rows)):
        given = rows[t]
        if type(given) is list:
            row = given
        elif type(given) is tuple:
            row = list(given)
        elif given is None:
            out[t, :] = NAN
            continue
        else:
            return t, NOT_A_ROW, 0, kinds
        for j in range(len(row)):
            item = row[j]
            if type(item) is tuple:
                pair = item
            elif type(item) is list:
                pair = tuple(item)
            else:
                return t, NOT_A_PAIR, j, kinds
            if len(pair) != 2:
                return t, NOT_A_PAIR, j, kinds
            symbol = pair[0]
            if j < width and symbol is names[j]:
                column = columns[j]
            else:
                if type(symbol) is not str:
                    return t, NOT_A_PAIR, j, kinds
                place = index.get(symbol)
                if place is None:
                    return t, UNKNOWN, j, kinds
                column = place
                if j < width:
                    names[j] = symbol
                    columns[j] = column
            if seen[column] == t:
                return t, TWICE, j, kinds
            seen[column] = t
            value = pair[1]
            if type(value) is float:
                number = PyFloat_AS_DOUBLE(value)
                kinds |= 2
            elif type(value) is int:
                number = PyLong_AsDouble(value)
                kinds |= 1
            elif value is None:
                number = NAN
            elif hasattr(value, "__index__") and not isinstance(value, str):
                number = int(value)
                kinds |= 1
            elif hasattr(value, "__float__"):
                number = float(value)
                kinds |= 2
            else:
                return t, NOT_A_PAIR, j, kinds
            out[t, column] = number
    return len(rows), DONE, 0, kinds
