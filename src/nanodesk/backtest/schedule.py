"""The forms in which a backtest accepts target weights, brought to one: decision rows, and the session of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.backtest.bars import Bars, doubles, read_dates
from nanodesk.backtest.frames import date_column, frame_of, long_axes, number_matrix
from nanodesk.backtest.pairs import fill_pairs, is_pairs, unknown_symbol
from nanodesk.backtest.prices import Pairs
from nanodesk.errors import ShapeError, ValidationError, WeightsError
from nanodesk.market.arrays import Dates, FloatArray, IntArray
from nanodesk.market.axes import DatesLike

if TYPE_CHECKING:
    import polars as pl

WeightsLike: TypeAlias = "ArrayLike | pl.DataFrame | pl.LazyFrame | Pairs"
"""Target weights as a caller may give them."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Target weights as the engine reads them.

    Parameters
    ----------
    weights : ndarray of float64, shape (n_decisions, n_symbols)
        Targets; ``nan`` holds what is there.
    decision : ndarray of int64, shape (n_dates,)
        Row of ``weights`` decided on each session, -1 where there is none.
    """

    weights: FloatArray
    decision: IntArray

    def session(self, row: int) -> int:
        """Session on which a row of weights was decided.

        Parameters
        ----------
        row : int
            Row of ``weights``.

        Returns
        -------
        session : int
            Index of the session.
        """
        return int(np.flatnonzero(self.decision == row)[0])


def read_weights(weights: WeightsLike, bars: Bars, *, rebalance: DatesLike | None = None) -> Schedule:
    """Bring target weights of any accepted form to decision rows.

    Parameters
    ----------
    weights : array, Polars or pandas frame or list of lists of pairs
        See ``backtest_weights``.
    bars : Bars
        Prices that the weights refer to.
    rebalance : array-like, optional
        Sessions of the rows of ``weights``: indices, dates, or a mask over the sessions.

    Returns
    -------
    schedule : Schedule
        Rows and their sessions.

    Raises
    ------
    ShapeError
        If the shape does not fit the prices.
    WeightsError
        If a symbol has no prices or a date is not a session.
    """
    n_dates, n_symbols = bars.close.shape
    if (frame := frame_of(weights)) is not None:
        matrix, rows = _from_frame(frame, bars)
        return Schedule(matrix, _decisions(rows, n_dates))
    if is_pairs(weights):
        index = {symbol: i for i, symbol in enumerate(bars.symbols)}
        matrix, _ = fill_pairs(weights, index, field="weights", absent=0.0, may_grow=False)
        matrix = matrix[:, :n_symbols]
    else:
        matrix = np.asarray(weights)
        given = matrix.shape
        if matrix.ndim == 1:
            matrix = matrix[:, None]
        if matrix.ndim != 2 or matrix.shape[1] != n_symbols or matrix.dtype.kind not in "iufb":
            raise ShapeError(
                f"weights has shape {given} and type {matrix.dtype}, expected numbers with one column for "
                f"each of the {n_symbols} symbols.",
                field="weights",
                value=given,
                allowed=f"(n_dates, {n_symbols}), or (n_decisions, {n_symbols}) with rebalance",
            )
        matrix = doubles(matrix)
    return _place(np.ascontiguousarray(matrix), rebalance, bars)


def _place(matrix: FloatArray, rebalance: DatesLike | None, bars: Bars) -> Schedule:
    n_dates = len(bars.dates)
    if rebalance is None:
        if len(matrix) != n_dates:
            raise ShapeError(
                f"weights has {len(matrix)} rows, but there are {n_dates} sessions.",
                field="weights",
                value=len(matrix),
                allowed=f"{n_dates} rows",
                fix="Give a row a session (nan holds), or name the sessions of the rows with rebalance=.",
            )
        return Schedule(matrix, np.arange(n_dates, dtype=np.int64))
    rows = np.asarray(rebalance)
    if rows.dtype.kind == "b" and rows.shape == (n_dates,):
        at = np.flatnonzero(rows)
        if len(matrix) == n_dates:
            decision = np.full(n_dates, -1, np.int64)
            decision[at] = at
            return Schedule(matrix, decision)
        rows = at
    elif rows.dtype.kind in "MUO":
        rows = _sessions(rows.astype("datetime64[D]"), bars, field="rebalance")
    if rows.shape != (len(matrix),) or rows.dtype.kind not in "iu":
        raise ShapeError(
            f"rebalance has shape {rows.shape} and type {rows.dtype} for {len(matrix)} rows of weights.",
            field="rebalance",
            value=rows.shape,
            allowed="one session index or date a row of weights, or a mask over all sessions",
        )
    return Schedule(matrix, _decisions(rows.astype(np.int64), n_dates))


def _decisions(rows: IntArray, n_dates: int) -> IntArray:
    wrong = np.flatnonzero((rows < 0) | (rows >= n_dates) | np.concatenate([[False], np.diff(rows) <= 0]))
    if len(wrong):
        at = int(wrong[0])
        raise ValidationError(
            f"rebalance[{at}]={rows[at]} must lie in 0 to {n_dates - 1} and after the row before.",
            field=f"rebalance[{at}]",
            value=int(rows[at]),
            allowed=f"strictly increasing session indices from 0 to {n_dates - 1}",
        )
    decision = np.full(n_dates, -1, np.int64)
    decision[rows] = np.arange(len(rows))
    return decision


def _sessions(days: Dates, bars: Bars, *, field: str) -> IntArray:
    rows = np.searchsorted(bars.dates, days)
    known = (rows < len(bars.dates)) & (bars.dates[np.minimum(rows, len(bars.dates) - 1)] == days)
    if not known.all():
        at = int(np.argmin(known))
        before = bars.dates[max(int(rows[at]) - 1, 0)]
        raise WeightsError(
            f"{field}: {days[at]} is not a session of the prices.",
            field=field,
            value=str(days[at]),
            allowed=f"sessions from {bars.dates[0]} to {bars.dates[-1]}",
            fix=f"The nearest session before it is {before}.",
        )
    return rows.astype(np.int64)


def _from_frame(frame: pl.DataFrame, bars: Bars) -> tuple[FloatArray, IntArray]:
    date = date_column(frame)
    if "symbol" in frame.columns and "weight" in frame.columns:
        dates, names, row, column = long_axes(frame, date, field="weights")
        matrix = np.zeros((len(dates), len(bars.symbols)))
        matrix[row, _columns(names, bars)[column]] = frame["weight"].to_numpy()
        return matrix, _sessions(dates, bars, field="weights")
    columns = [name for name in frame.columns if name != date]
    values = number_matrix(frame, columns, field="weights", error=WeightsError)
    matrix = np.zeros((frame.height, len(bars.symbols)))
    matrix[:, _columns(columns, bars)] = values
    days = read_dates(frame[date].to_numpy(), frame.height)
    return matrix, _sessions(days, bars, field="weights")


def _columns(names: Sequence[str], bars: Bars) -> IntArray:
    index = {symbol: i for i, symbol in enumerate(bars.symbols)}
    for name in names:
        if name not in index:
            raise unknown_symbol("weights", name, bars.symbols)
    return np.array([index[name] for name in names], dtype=np.int64)
