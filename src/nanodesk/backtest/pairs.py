"""Lists of lists of ``(symbol, value)`` pairs, the published form of prices and weights, as matrices."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np

from nanodesk.backtest.kernels import pairs as pairs_kernel
from nanodesk.errors import ShapeError, ValidationError, WeightsError
from nanodesk.market.arrays import FloatArray


def is_pairs(rows: Any) -> TypeGuard[Sequence[Any]]:
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


def fill_pairs(
    rows: Sequence[Any], index: dict[str, int], *, field: str, absent: float, may_grow: bool
) -> tuple[FloatArray, int]:
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
    near = difflib.get_close_matches(str(symbol), known, n=1)
    return WeightsError(
        f"{field}: symbol {symbol!r} has no prices.",
        field=field,
        value=symbol,
        allowed="symbols of prices",
        fix=f"Did you mean {near[0]!r}?" if near else "Add its prices or drop it from the weights.",
    )
