"""Ranks with averaged ties from a sorted order."""

import cython


@cython.ccall
@cython.exceptval(-1)
def average_ties(
    values: cython.double[:, ::1], order: cython.longlong[:, ::1], ranks: cython.double[:, ::1]
) -> cython.longlong:
    """Write rank 1 for the smallest of each row; equal values share the mean of their ranks; nan stays nan.

    `order` sorts each row ascending with nan last, as ``numpy.argsort`` does. Returns the number of values ranked.
    """
    row: cython.Py_ssize_t
    first: cython.Py_ssize_t
    last: cython.Py_ssize_t
    i: cython.Py_ssize_t
    n: cython.Py_ssize_t = values.shape[1]
    value: cython.double
    rank: cython.double
    ranked: cython.longlong = 0
    with cython.nogil:
        for row in range(values.shape[0]):
            first = 0
            while first < n:
                value = values[row, order[row, first]]
                if value != value:  # nan: the rest of the row is missing
                    break
                last = first
                while last + 1 < n and values[row, order[row, last + 1]] == value:
                    last += 1
                rank = 0.5 * (first + last) + 1.0
                for i in range(first, last + 1):
                    ranks[row, order[row, i]] = rank
                ranked += last - first + 1
                first = last + 1
            for i in range(first, n):
                ranks[row, order[row, i]] = value
    return ranked
