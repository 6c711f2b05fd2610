"""The forms in which a backtest accepts prices, brought to one: matrices of doubles, sessions x symbols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nanodesk.backtest.kernels import pairs as pairs_kernel
from nanodesk.errors import PriceError, ShapeError, ValidationError
from nanodesk.market.panel import PricePanel
from nanodesk.market.units import CENTS_PER_UNIT

if TYPE_CHECKING:
    import polars as pl

FloatMatrix = NDArray[np.float64]
Dates = NDArray[np.datetime64]

FLOAT_PRICE_SCALE = 10_000
"""Price units per currency unit for prices given as floats: adjusted prices below a cent keep four digits."""

_OPTIONAL = ("open", "high", "low", "volume", "dividend", "split")


@dataclass(frozen=True, slots=True)
class Bars:
    """Prices as the engine reads them.

    Parameters
    ----------
    dates : ndarray of datetime64[D], shape (n_dates,)
        Sessions; days since 1970-01-01 that count from zero where the caller named none.
    symbols : tuple of str, length n_symbols
        Column names.
    close : ndarray of float64, shape (n_dates, n_symbols)
        Closes in currency units, or in cents; ``nan`` where there is none.
    open, high, low, volume, dividend, split : ndarray of float64, optional
        The rest, in the same unit.
    in_cents : bool
        Whether prices are cents.
    """

    dates: Dates
    symbols: tuple[str, ...]
    close: FloatMatrix
    open: FloatMatrix | None = None
    high: FloatMatrix | None = None
    low: FloatMatrix | None = None
    volume: FloatMatrix | None = None
    dividend: FloatMatrix | None = None
    split: FloatMatrix | None = None
    in_cents: bool = False

    @property
    def default_price_scale(self) -> int:
        """Price units per currency unit unless the caller says otherwise."""
        return CENTS_PER_UNIT if self.in_cents else FLOAT_PRICE_SCALE


def read_prices(prices: Any, *, dates: ArrayLike | None, symbols: Sequence[str] | None) -> Bars:
    """Bring prices of any accepted form to matrices.

    Parameters
    ----------
    prices : PricePanel, array, Polars frame or list of lists of pairs
        See ``backtest_weights``.
    dates : array-like of dates, optional
        Sessions of an array or of lists.
    symbols : sequence of str, optional
        Columns of an array.

    Returns
    -------
    bars : Bars
        The matrices.

    Raises
    ------
    ShapeError
        If dimensions do not fit.
    ValidationError
        If dates are unsorted or repeated, or symbols repeated.
    PriceError
        If lists of pairs hold something that is not a price.
    """
    if isinstance(prices, PricePanel):
        return _from_panel(prices)
    if is_frame(prices):
        return _from_frame(prices)
    if is_pairs(prices):
        return _from_pairs(prices, dates)
    matrix = np.asarray(prices)
    if matrix.ndim == 1:
        matrix = matrix[:, None]
    if matrix.ndim != 2 or matrix.dtype.kind not in "iuf":
        raise ShapeError(
            f"prices has shape {matrix.shape} and type {matrix.dtype}, expected numbers of shape (n_dates, n_symbols).",
            field="prices",
            value=matrix.shape,
            fix="Pass a (dates x symbols) array of closes, a PricePanel, a Polars frame or lists of (symbol, price).",
        )
    return Bars(
        dates=read_dates(dates, matrix.shape[0]),
        symbols=_read_symbols(symbols, matrix.shape[1]),
        close=doubles(matrix),
        in_cents=matrix.dtype.kind in "iu",
    )


def doubles(matrix: NDArray[Any]) -> FloatMatrix:
    """The matrix as contiguous float64, itself where it is that already.

    Parameters
    ----------
    matrix : ndarray
        Numbers.

    Returns
    -------
    matrix : ndarray of float64
        The same numbers.
    """
    return np.ascontiguousarray(matrix, dtype=np.float64)


def is_frame(table: Any) -> bool:
    """Whether the object is a Polars frame; does not import Polars for anything else.

    Parameters
    ----------
    table : object
        Anything.

    Returns
    -------
    answer : bool
        True for ``polars.DataFrame``.
    """
    return type(table).__module__.partition(".")[0] == "polars" and hasattr(table, "columns")


def is_pairs(rows: Any) -> bool:
    """Whether the object is a list of lists of ``(symbol, value)`` pairs.

    Parameters
    ----------
    rows : object
        Anything.

    Returns
    -------
    answer : bool
        True if the first non-empty row starts with a pair that starts with a string.
    """
    if not isinstance(rows, (list, tuple)):
        return False
    first = next((row for row in rows if row is not None and len(row)), None) if _all_rows(rows) else ()
    if first is None:
        return True
    return (
        isinstance(first, (list, tuple))
        and len(first) > 0
        and isinstance(first[0], (list, tuple))
        and len(first[0]) > 0
        and isinstance(first[0][0], str)
    )


def _all_rows(rows: Sequence[Any]) -> bool:
    return len(rows) > 0 and all(row is None or isinstance(row, (list, tuple)) for row in rows[:3])


def read_dates(dates: ArrayLike | None, n_dates: int) -> Dates:
    """Sessions as ``datetime64[D]``, checked.

    Parameters
    ----------
    dates : array-like of dates, optional
        ``None`` counts days from 1970-01-01.
    n_dates : int
        How many there must be.

    Returns
    -------
    dates : ndarray of datetime64[D], shape (n_dates,)
        Strictly increasing.

    Raises
    ------
    ShapeError
        If the length differs.
    ValidationError
        If dates are unsorted or repeated.
    """
    if dates is None:
        return np.arange(n_dates, dtype=np.int64).astype("datetime64[D]")
    days = np.asarray(dates, dtype="datetime64[D]")
    if days.shape != (n_dates,):
        raise ShapeError(
            f"dates has shape {days.shape}, but there are {n_dates} rows of prices.",
            field="dates",
            value=days.shape,
            allowed=f"({n_dates},)",
        )
    step = np.diff(days.astype(np.int64))
    if np.any(step <= 0):
        at = int(np.argmax(step <= 0)) + 1
        word = "repeats" if step[at - 1] == 0 else "comes before"
        raise ValidationError(
            f"dates[{at}]={days[at]} {word} dates[{at - 1}]={days[at - 1]}.",
            field="dates",
            value=str(days[at]),
            allowed="strictly increasing sessions",
            fix="Sort the sessions and drop duplicates.",
        )
    return days


def _read_symbols(symbols: Sequence[str] | None, n_symbols: int) -> tuple[str, ...]:
    if symbols is None:
        return tuple([f"S{i}" for i in range(n_symbols)])
    names = tuple(symbols)
    if len(names) != n_symbols:
        raise ShapeError(
            f"symbols has {len(names)} names, but prices has {n_symbols} columns.", field="symbols", value=len(names)
        )
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValidationError(f"symbol {twice!r} appears twice.", field="symbols", value=twice, allowed="unique names")
    return names


def _from_panel(panel: PricePanel) -> Bars:
    given = {name: getattr(panel, name) for name in _OPTIONAL}
    return Bars(
        dates=panel.dates,
        symbols=panel.symbols,
        close=doubles(panel.close),
        **{name: doubles(matrix) for name, matrix in given.items() if matrix is not None},
    )


def _from_pairs(rows: Sequence[Any], dates: ArrayLike | None) -> Bars:
    index: dict[str, int] = {}
    matrix, kinds = fill_pairs(rows, index, field="prices", absent=np.nan, may_grow=True)
    if kinds == pairs_kernel.MIXED:
        raise PriceError(
            "prices mixes integers, which are cents, with floats, which are currency.",
            field="prices",
            allowed="all integers or all floats",
            fix="Write 185_00 or 185.0 throughout.",
        )
    return Bars(
        dates=read_dates(dates, len(rows)),
        symbols=tuple(index),
        close=matrix,
        in_cents=kinds == pairs_kernel.INTEGERS,
    )


def fill_pairs(
    rows: Sequence[Any], index: dict[str, int], *, field: str, absent: float, may_grow: bool
) -> tuple[FloatMatrix, int]:
    """Lists of ``(symbol, value)`` pairs as a matrix.

    Parameters
    ----------
    rows : sequence of sequences of pairs
        One inner sequence a session; ``None`` leaves the row ``nan``.
    index : dict of str to int
        Column of each symbol; extended in place if ``may_grow``.
    field : str
        Name of the argument, for errors.
    absent : float
        Value of a symbol that a row does not name.
    may_grow : bool
        Whether unknown symbols become new columns, in order of appearance.

    Returns
    -------
    matrix : ndarray of float64, shape (len(rows), len(index))
        The values.
    kinds : int
        Which kinds of numbers were seen: see the kernel.

    Raises
    ------
    ValidationError
        If a row names a symbol twice, an unknown symbol, or something that is not a pair; the message names the row.
    """
    listed = list(rows)
    if may_grow and not index:
        _add_symbols(next((row for row in listed if row), ()), index)
    matrix = np.full((len(listed), max(len(index), 1)), absent)
    start, kinds = 0, 0
    while True:
        width = matrix.shape[1]
        scratch, seen = np.zeros(width, np.int64), np.full(width, -1, np.int64)
        start, fault, position, kinds = pairs_kernel.fill(listed, start, index, matrix, scratch, seen, kinds)
        if fault == pairs_kernel.DONE:
            return np.ascontiguousarray(matrix[:, : len(index)]), kinds
        if fault != pairs_kernel.UNKNOWN or not may_grow:
            raise _pair_error(field, listed, start, fault, position, index)
        _add_symbols(listed[start], index)
        if len(index) > matrix.shape[1]:
            wider = np.full((len(listed), 2 * len(index)), absent)
            wider[:start, : matrix.shape[1]] = matrix[:start]
            matrix = wider


def _add_symbols(row: Sequence[Any], index: dict[str, int]) -> None:
    for pair in row:
        if isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str):
            index.setdefault(pair[0], len(index))


def _pair_error(
    field: str, rows: Sequence[Any], row: int, fault: int, position: int, index: dict[str, int]
) -> ValidationError:
    if fault == pairs_kernel.NOT_A_ROW:
        return ShapeError(
            f"{field}[{row}]={rows[row]!r} is not a list of (symbol, value) pairs.", field=f"{field}[{row}]"
        )
    cell, name = rows[row][position], f"{field}[{row}][{position}]"
    if fault == pairs_kernel.UNKNOWN:
        return unknown_symbol(name, cell[0], tuple(index))
    if fault == pairs_kernel.TWICE:
        return ValidationError(
            f"{name}: symbol {cell[0]!r} appears twice in the row.", field=name, value=cell[0], allowed="once a row"
        )
    return ValidationError(
        f"{name}={cell!r} is not a (symbol, number) pair.", field=name, value=cell, allowed="(str, int or float)"
    )


def unknown_symbol(field: str, symbol: object, known: tuple[str, ...]) -> ValidationError:
    """The error for a symbol without prices, with the nearest known name.

    Parameters
    ----------
    field : str
        Where it was found.
    symbol : object
        What was found.
    known : tuple of str
        Symbols with prices.

    Returns
    -------
    error : ValidationError
        To be raised.
    """
    import difflib

    from nanodesk.errors import WeightsError

    near = difflib.get_close_matches(str(symbol), known, n=1)
    return WeightsError(
        f"{field}: symbol {symbol!r} has no prices.",
        field=field,
        value=symbol,
        allowed="symbols of prices",
        fix=f"Did you mean {near[0]!r}?" if near else "Add its prices or drop it from the weights.",
    )


def _from_frame(frame: pl.DataFrame) -> Bars:
    date = date_column(frame)
    if "symbol" in frame.columns:
        return _from_long_frame(frame, date)
    columns = [name for name in frame.columns if name != date]
    matrix = frame.select(columns).to_numpy()
    if matrix.dtype.kind not in "iuf":
        raise PriceError(
            "prices has columns that are not numbers.", field="prices", allowed="one number column a symbol"
        )
    return Bars(
        dates=read_dates(frame[date].to_numpy(), frame.height),
        symbols=tuple(columns),
        close=doubles(matrix),
        in_cents=all(frame[name].dtype.is_integer() for name in columns),
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


def _from_long_frame(frame: pl.DataFrame, date: str) -> Bars:
    close = next((name for name in ("close", "price") if name in frame.columns), None)
    if close is None:
        raise ShapeError(
            f"the frame has no column close among {frame.columns}.", field="close", allowed="date, symbol, close, ..."
        )
    dates, symbols, row, column = long_axes(frame, date, field="prices")
    given = [name for name in _OPTIONAL if name in frame.columns]

    def matrix(name: str) -> FloatMatrix:
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


def long_axes(
    frame: pl.DataFrame, date: str, *, field: str
) -> tuple[Dates, tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]:
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
