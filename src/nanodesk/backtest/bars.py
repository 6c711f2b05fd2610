"""Prices as the engine reads them: matrices of doubles, sessions x symbols."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanodesk.market.arrays import Dates, FloatArray
from nanodesk.market.axes import DatesLike, increasing_sessions
from nanodesk.market.units import CENTS_PER_UNIT

FLOAT_PRICE_SCALE = 10_000
"""Price units per currency unit for prices given as floats: adjusted prices below a cent keep four digits."""

OPTIONAL_COLUMNS = ("open", "high", "low", "volume", "dividend", "split")
"""What bars may have beside closes."""


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
    close: FloatArray
    open: FloatArray | None = None
    high: FloatArray | None = None
    low: FloatArray | None = None
    volume: FloatArray | None = None
    dividend: FloatArray | None = None
    split: FloatArray | None = None
    in_cents: bool = False

    @property
    def default_price_scale(self) -> int:
        """Price units per currency unit unless the caller says otherwise."""
        return CENTS_PER_UNIT if self.in_cents else FLOAT_PRICE_SCALE


def doubles(matrix: NDArray[Any]) -> FloatArray:
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


def read_dates(dates: DatesLike | None, n_dates: int) -> Dates:
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
        If a date is missing, unsorted or repeated.
    """
    if dates is None:
        return np.arange(n_dates, dtype=np.int64).astype("datetime64[D]")
    return increasing_sessions(dates, n_dates)
