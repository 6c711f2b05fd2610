"""Sums, maxima and exact moments over trailing windows that end at chosen rows.

Time is cut into chunks as long as the window, counted from row 0. A window that ends in one chunk is the tail of
the chunk before plus the head of its own (van Herk 1992), so every result is a plain sum of at most `window` terms:
nothing is ever subtracted, nothing drifts, a row's result depends on that row's window alone, and two adds per
element serve any number of windows. Columns are independent lanes; the inner loops run over them.
"""

import cython


@cython.ccall
@cython.exceptval(-1)
def weighted_sums(
    values: cython.double[:, ::1],
    weights: cython.double[::1],
    rows: cython.longlong[::1],
    window: cython.longlong,
    running: cython.double[::1],
    out: cython.double[:, ::1],
) -> cython.longlong:
    """Sum of ``values[t] * weights[t]`` over ``rows[d] - window < t <= rows[d]``, into ``out[d]``.

    `rows` increase strictly and lie below ``len(values)``; a negative row gives zero. `running` is scratch of one
    double per column.
    """
    n_rows: cython.Py_ssize_t = values.shape[0]
    n: cython.Py_ssize_t = values.shape[1]
    n_out: cython.Py_ssize_t = rows.shape[0]
    start: cython.Py_ssize_t = 0
    stop: cython.Py_ssize_t
    t: cython.Py_ssize_t
    j: cython.Py_ssize_t
    d: cython.Py_ssize_t = 0
    e: cython.Py_ssize_t
    weight: cython.double
    with cython.nogil:
        while d < n_out and rows[d] < 0:
            for j in range(n):
                out[d, j] = 0.0
            d += 1
        while start < n_rows and d < n_out:
            stop = start + window if start + window < n_rows else n_rows
            if rows[d] < stop:  # heads: windows that end in this chunk
                for j in range(n):
                    running[j] = 0.0
                for t in range(start, stop):
                    weight = weights[t]
                    for j in range(n):
                        running[j] += values[t, j] * weight
                    if rows[d] == t:
                        if start > 0 and t - window + 1 < start:
                            for j in range(n):
                                out[d, j] += running[j]
                        else:
                            for j in range(n):
                                out[d, j] = running[j]
                        d += 1
                        if d == n_out:
                            break
            e = d  # tails: windows that start inside this chunk and end in the next
            while e < n_out and rows[e] - window + 1 < stop:
                e += 1
            e -= 1
            if e >= d:
                for j in range(n):
                    running[j] = 0.0
                for t in range(stop - 1, start, -1):
                    weight = weights[t]
                    for j in range(n):
                        running[j] += values[t, j] * weight
                    if rows[e] - window + 1 == t:
                        for j in range(n):
                            out[e, j] = running[j]
                        e -= 1
                        if e < d:
                            break
            start = stop
    return 0


@cython.ccall
@cython.exceptval(-1)
def maxima(
    values: cython.double[:, ::1],
    rows: cython.longlong[::1],
    window: cython.longlong,
    lowest: cython.double,
    running: cython.double[::1],
    out: cython.double[:, ::1],
) -> cython.longlong:
    """Largest value over ``rows[d] - window < t <= rows[d]``, nan ignored; `lowest` where there is none.

    The same walk as `weighted_sums`, with the maximum in place of the sum. `rows` are not negative.
    """
    n_rows: cython.Py_ssize_t = values.shape[0]
    n: cython.Py_ssize_t = values.shape[1]
    n_out: cython.Py_ssize_t = rows.shape[0]
    start: cython.Py_ssize_t = 0
    stop: cython.Py_ssize_t
    t: cython.Py_ssize_t
    j: cython.Py_ssize_t
    d: cython.Py_ssize_t = 0
    e: cython.Py_ssize_t
    with cython.nogil:
        while start < n_rows and d < n_out:
            stop = start + window if start + window < n_rows else n_rows
            if rows[d] < stop:
                for j in range(n):
                    running[j] = lowest
                for t in range(start, stop):
                    for j in range(n):
                        running[j] = values[t, j] if values[t, j] > running[j] else running[j]
                    if rows[d] == t:
                        if start > 0 and t - window + 1 < start:
                            for j in range(n):
                                out[d, j] = running[j] if running[j] > out[d, j] else out[d, j]
                        else:
                            for j in range(n):
                                out[d, j] = running[j]
                        d += 1
                        if d == n_out:
                            break
            e = d
            while e < n_out and rows[e] - window + 1 < stop:
                e += 1
            e -= 1
            if e >= d:
                for j in range(n):
                    running[j] = lowest
                for t in range(stop - 1, start, -1):
                    for j in range(n):
                        running[j] = values[t, j] if values[t, j] > running[j] else running[j]
                    if rows[e] - window + 1 == t:
                        for j in range(n):
                            out[e, j] = running[j]
                        e -= 1
                        if e < d:
                            break
            start = stop
    return 0


@cython.ccall
@cython.exceptval(-1)
def exact_moments(
    x: cython.double[::1],
    y: cython.double[:, ::1],
    rows: cython.longlong[::1],
    columns: cython.longlong[::1],
    window: cython.longlong,
    out: cython.double[:, ::1],
) -> cython.longlong:
    """Centred moments of the pairs ``(x[t], y[t, column])`` of one window each, by repeated passes.

    For the few windows where a difference of plain sums would lose digits. Pairs with a nan are left out.
    ``out[k]`` receives the sums of squares of x, of products, of squares of y, and the squared residuals of y on x
    with intercept (the squares of y themselves where x does not vary), for the window that ends at ``rows[k]``.
    """
    k: cython.Py_ssize_t
    t: cython.Py_ssize_t
    first: cython.Py_ssize_t
    column: cython.Py_ssize_t
    n: cython.double
    mean_x: cython.double
    mean_y: cython.double
    sxx: cython.double
    sxy: cython.double
    syy: cython.double
    rss: cython.double
    slope: cython.double
    shift: cython.double
    residual: cython.double
    with cython.nogil:
        for k in range(rows.shape[0]):
            column = columns[k]
            first = rows[k] - window + 1 if rows[k] >= window else 0
            n = 0.0
            mean_x = 0.0
            mean_y = 0.0
            for t in range(first, rows[k] + 1):
                if x[t] == x[t] and y[t, column] == y[t, column]:
                    n += 1.0
                    mean_x += x[t]
                    mean_y += y[t, column]
            if n > 0.0:
                mean_x /= n
                mean_y /= n
            sxx = 0.0
            sxy = 0.0
            syy = 0.0
            for t in range(first, rows[k] + 1):
                if x[t] == x[t] and y[t, column] == y[t, column]:
                    sxx += (x[t] - mean_x) * (x[t] - mean_x)
                    sxy += (x[t] - mean_x) * (y[t, column] - mean_y)
                    syy += (y[t, column] - mean_y) * (y[t, column] - mean_y)
            slope = sxy / sxx if sxx > 0.0 else 0.0
            # The mean residual is zero in exact arithmetic; taking it out again removes the rounding of the means.
            shift = 0.0
            for t in range(first, rows[k] + 1):
                if x[t] == x[t] and y[t, column] == y[t, column]:
                    shift += (y[t, column] - mean_y) - slope * (x[t] - mean_x)
            if n > 0.0:
                shift /= n
            rss = 0.0
            for t in range(first, rows[k] + 1):
                if x[t] == x[t] and y[t, column] == y[t, column]:
                    residual = (y[t, column] - mean_y) - slope * (x[t] - mean_x) - shift
                    rss += residual * residual
            out[k, 0] = sxx
            out[k, 1] = sxy
            out[k, 2] = syy
            out[k, 3] = rss
    return 0
