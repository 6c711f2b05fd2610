"""Matrices into lists of ``(symbol, value)`` pairs.

A pair holds a string and a float, so no reference cycle can pass through it. The collector finds that out by itself,
one visit a pair later, and those visits cost more than making the pairs; here each pair leaves the collector at once.
"""

import cython


def build(names: list, values: cython.double[:, ::1], shown: cython.const[cython.uchar][:, ::1]) -> list:
    """One list of pairs a row, of the cells where ``shown`` is not 0."""
    rows: list = []
    row: list
    pair: tuple
    t: cython.Py_ssize_t
    j: cython.Py_ssize_t
    for t in range(values.shape[0]):
        row = []
        for j in range(values.shape[1]):
            if shown[t, j]:
                pair = (names[j], values[t, j])
                PyObject_GC_UnTrack(pair)  # noqa: F821  declared in the .pxd
                row.append(pair)
        rows.append(row)
    return rows
