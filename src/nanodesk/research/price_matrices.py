"""Long price rows to aligned matrices: a scatter by integer codes, since a pivot of thousands of columns is slow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from nanodesk.market.arrays import Dates, FloatArray, IntArray


def to_matrices(
    frame: pl.DataFrame, columns: Sequence[str], *, symbols: Sequence[str]
) -> tuple[Dates, dict[str, FloatArray]]:
    """One matrix per column.

    Parameters
    ----------
    frame : polars.DataFrame
        ``symbol``, ``date`` and the columns, at most one row per symbol and date; all symbols are in ``symbols``.
    columns : sequence of str
        Numeric columns.
    symbols : sequence of str, length n_symbols
        Order of the matrix columns.

    Returns
    -------
    dates : ndarray of datetime64[D], shape (n_dates,)
        The dates that occur, increasing.
    matrices : dict of str to ndarray of float64, shape (n_dates, n_symbols)
        ``nan`` where no row exists.
    """
    code = frame["symbol"].cast(pl.Enum(list(symbols))).to_physical().to_numpy().astype(np.int64)
    day = frame["date"].to_physical().to_numpy().astype(np.int64)
    if not len(day):
        return np.zeros(0, dtype="datetime64[D]"), {name: np.zeros((0, len(symbols))) for name in columns}
    first = int(day.min())
    seen = np.zeros(int(day.max()) - first + 1, dtype=np.bool_)
    seen[day - first] = True
    row = np.cumsum(seen) - 1
    at = row[day - first] * len(symbols) + code
    shape = (int(row[-1]) + 1, len(symbols))
    matrices = {name: _scattered(frame[name], at, shape) for name in columns}
    return (np.flatnonzero(seen) + first).astype("datetime64[D]"), matrices


def _scattered(column: pl.Series, at: IntArray, shape: tuple[int, int]) -> FloatArray:
    matrix = np.full(shape, np.nan)
    matrix.ravel()[at] = column.cast(pl.Float64).to_numpy()
    return matrix
