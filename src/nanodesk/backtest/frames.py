"""Frames of prices or weights, wide or long, as matrices; reshaped by index, because a pivot is slow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nanodesk.backtest.bars import OPTIONAL_COLUMNS, Bars, doubles, read_dates
from nanodesk.errors import PriceError, ShapeError, ValidationError
from nanodesk.market.arrays import Dates, FloatArray, IntArray

if TYPE_CHECKING:
    import polars as pl


def frame_of(table: Any) -> pl.DataFrame | None:
    """The object as a Polars frame, if it is a frame; imports neither Polars nor pandas for anything else.

    Parameters
    ----------
    table : object
        Anything. A lazy frame is collected; the dates of a pandas frame may be its index.

    Returns
    -------
    frame : polars.DataFrame or None
        ``None`` where it is no frame.
    """
    library, kind = type(table).__module__.partition(".")[0], type(table).__name__
    if library == "polars" and kind in ("DataFrame", "LazyFrame"):
        frame: pl.DataFrame = table.collect() if kind == "LazyFrame" else table
        return frame
    return _from_pandas(table) if library == "pandas" and kind == "DataFrame" else None


def _from_pandas(table: Any) -> pl.DataFrame:
    import polars as pl

    names = [str(name) for name in table.columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValidationError(f"column {twice!r} appears twice.", field="columns", value=twice, allowed="unique names")
    values = {name: table.iloc[:, i].to_numpy() for i, name in enumerate(names)}
    if table.index.dtype.kind == "M":
        values = {"date": table.index.tz_localize(None).to_numpy().astype("datetime64[D]"), **values}
    return pl.DataFrame(values)


def number_matrix(frame: pl.DataFrame, columns: Sequence[str], *, field: str, error: type[ValidationError]) -> Any:
    """Columns of numbers as a matrix.

    Parameters
    ----------
    frame : polars.DataFrame
        Prices or weights.
    columns : sequence of str
        Which.
    field : str
        Name of the argument, for errors.
    error : type
        What to raise.

    Returns
    -------
    matrix : ndarray, shape (frame.height, len(columns))
        Nulls as ``nan``.

    Raises
    ------
    ValidationError
        If a column does not hold numbers; the message names it.
    """
    for name in columns:
        if not frame[name].dtype.is_numeric():
            raise error(
                f"{field}: column {name!r} holds {frame[name].dtype}, not numbers.",
                field=name,
                value=str(frame[name].dtype),
                allowed="one number column a symbol, or long columns date, symbol and close or weight",
                fix="Cast it, or drop it.",
            )
    return frame.select(columns).to_numpy()


def bars_from_frame(frame: pl.DataFrame) -> Bars:
    """Closes of a wide frame, or bars of a long one.

    Parameters
    ----------
    frame : polars.DataFrame
        A date column and one column a symbol; or date, symbol, close and any of the optional columns.

    Returns
    -------
    bars : Bars
        The matrices; integer prices are cents.

    Raises
    ------
    ShapeError
        If there is no column of dates or closes.
    PriceError
        If a column of prices does not hold numbers.
    """
    date = date_column(frame)
    if "symbol" in frame.columns:
        return _from_long_frame(frame, date)
    columns = [name for name in frame.columns if name != date]
    matrix = number_matrix(frame, columns, field="prices", error=PriceError)
    return Bars(
        dates=read_dates(frame[date].to_numpy(), frame.height),
        symbols=tuple(columns),
        close=doubles(matrix),
        in_cents=all(frame[name].dtype.is_integer() for name in columns),
    )


def _from_long_frame(frame: pl.DataFrame, date: str) -> Bars:
    close = next((name for name in ("close", "price") if name in frame.columns), None)
    if close is None:
        raise ShapeError(
            f"the frame has no column close among {frame.columns}.", field="close", allowed="date, symbol, close, ..."
        )
    dates, symbols, row, column = long_axes(frame, date, field="prices")
    given = [name for name in OPTIONAL_COLUMNS if name in frame.columns]

    def matrix(name: str) -> FloatArray:
        out = np.full((len(dates), len(symbols)), np.nan)
        out[row, column] = frame[name].to_numpy()
        return out

    return Bars(
        dates=dates,
        symbols=symbols,
        close=matrix(close),
        in_cents=frame[close].dtype.is_integer(),
        **{name: matrix(name) for name in given},
    )


def date_column(frame: pl.DataFrame) -> str:
    """Name of the column of sessions: ``date``, or the only column of dates.

    Parameters
    ----------
    frame : polars.DataFrame
        Prices or weights.

    Returns
    -------
    name : str
        The column.

    Raises
    ------
    ShapeError
        If there is none, or it is not clear which.
    """
    dated = [name for name in frame.columns if frame[name].dtype.is_temporal()]
    if "date" in dated:
        return "date"
    if len(dated) == 1:
        return dated[0]
    raise ShapeError(
        f"the frame has {len(dated)} columns of dates among {frame.columns[:6]}.",
        field="date",
        allowed="one column of dates, named date",
        fix="Name the session column 'date' and cast it to pl.Date.",
    )


def long_axes(frame: pl.DataFrame, date: str, *, field: str) -> tuple[Dates, tuple[str, ...], IntArray, IntArray]:
    """Sorted sessions and symbols of a long frame, and the cell of each of its rows.

    Parameters
    ----------
    frame : polars.DataFrame
        One row a (date, symbol).
    date : str
        Its column of sessions.
    field : str
        Name of the argument, for errors.

    Returns
    -------
    dates : ndarray of datetime64[D]
        Sorted sessions.
    symbols : tuple of str
        Sorted symbols.
    row, column : ndarray of int64, shape (frame.height,)
        Cell of each row of the frame.

    Raises
    ------
    ValidationError
        If a (date, symbol) appears twice, or one of them is missing.
    """
    for name in (date, "symbol"):
        if frame[name].null_count():
            raise ValidationError(f"{field}: column {name} has missing values.", field=name, allowed="no nulls")
    dates, row = np.unique(frame[date].to_numpy().astype("datetime64[D]"), return_inverse=True)
    names = frame["symbol"].unique().sort()
    column = frame["symbol"].rank("dense").to_numpy().astype(np.int64) - 1
    cell = row.astype(np.int64) * len(names) + column
    order = np.sort(cell)
    twice = order[1:][order[1:] == order[:-1]]
    if len(twice):
        at, which = divmod(int(twice[0]), len(names))
        raise ValidationError(
            f"{field}: {names[which]!r} on {dates[at]} appears twice.",
            field=field,
            value=(str(dates[at]), names[which]),
            allowed="one row a (date, symbol)",
            fix="Drop the duplicate.",
        )
    return dates, tuple(names.to_list()), row.astype(np.int64), column
