"""The forms in which a backtest accepts prices, brought to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.backtest.bars import OPTIONAL_COLUMNS, Bars, doubles, read_dates
from nanodesk.backtest.frames import bars_from_frame, frame_of
from nanodesk.backtest.kernels import pairs as pairs_kernel
from nanodesk.backtest.pairs import fill_pairs, is_pairs
from nanodesk.errors import PriceError, ShapeError
from nanodesk.market.axes import DatesLike, unique_symbols
from nanodesk.market.panel import PricePanel

if TYPE_CHECKING:
    import polars as pl

Pairs: TypeAlias = Sequence[Sequence[tuple[str, float]] | None]
"""One list of ``(symbol, value)`` a session; ``None`` for an empty one."""
PricesLike: TypeAlias = "ArrayLike | PricePanel | pl.DataFrame | pl.LazyFrame | Pairs"
"""Prices as a caller may give them."""


def read_prices(prices: PricesLike, *, dates: DatesLike | None, symbols: Sequence[str] | None) -> Bars:
    """Bring prices of any accepted form to matrices.

    Parameters
    ----------
    prices : PricePanel, array, Polars or pandas frame or list of lists of pairs
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
    if (frame := frame_of(prices)) is not None:
        return bars_from_frame(frame)
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


def _read_symbols(symbols: Sequence[str] | None, n_symbols: int) -> tuple[str, ...]:
    if symbols is None:
        return tuple([f"S{i}" for i in range(n_symbols)])
    names = tuple(symbols)
    if len(names) != n_symbols:
        raise ShapeError(
            f"symbols has {len(names)} names, but prices has {n_symbols} columns.",
            field="symbols",
            value=len(names),
            fix="Name every column.",
        )
    return unique_symbols(names)


def _from_panel(panel: PricePanel) -> Bars:
    matrices = {name: getattr(panel, name) for name in OPTIONAL_COLUMNS}
    given: dict[str, Any] = {name: doubles(matrix) for name, matrix in matrices.items() if matrix is not None}
    return Bars(
        dates=panel.dates,
        symbols=panel.symbols,
        close=doubles(panel.close),
        **given,
    )


def _from_pairs(rows: Sequence[Any], dates: DatesLike | None) -> Bars:
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
