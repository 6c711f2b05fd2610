"""The two axes of every matrix of prices: sessions that increase, and symbols that are unique."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.market.arrays import Dates

DatesLike: TypeAlias = ArrayLike | Sequence[date | np.datetime64]
"""Sessions as a caller may give them: an array, a column, dates or ISO text."""


def increasing_sessions(dates: DatesLike, n_dates: int | None = None) -> Dates:
    """Sessions as ``datetime64[D]``, each after the one before.

    Parameters
    ----------
    dates : array_like of datetime64[D], shape (n_dates,)
        Sessions; dates and ISO text are accepted.
    n_dates : int, optional
        How many are expected.

    Returns
    -------
    dates : ndarray of datetime64[D], shape (n_dates,)
        The same memory where it fits already.

    Raises
    ------
    ShapeError
        If they are not one-dimensional or not ``n_dates``.
    ValidationError
        If one is no date, repeats or comes before its predecessor; the message names its index.

    Examples
    --------
    >>> increasing_sessions(["2024-01-02", "2024-01-03"])
    array(['2024-01-02', '2024-01-03'], dtype='datetime64[D]')
    """
    try:
        days: Dates = np.asarray(dates, dtype="datetime64[D]")
    except (TypeError, ValueError) as error:
        raise ValidationError(f"dates does not hold dates: {error}.", field="dates", allowed="YYYY-MM-DD") from error
    if days.ndim != 1 or (n_dates is not None and len(days) != n_dates):
        wanted = "(n_dates,)" if n_dates is None else f"({n_dates},)"
        raise ShapeError(
            f"dates has shape {days.shape}, expected {wanted}.",
            field="dates",
            value=days.shape,
            allowed=wanted,
            fix="Give one session a row.",
        )
    missing = np.isnat(days)
    if missing.any():
        at = int(np.argmax(missing))
        raise ValidationError(
            f"dates[{at}] is missing (NaT).", field="dates", value=None, allowed="a date", fix="Drop the row."
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


def unique_symbols(symbols: Sequence[str]) -> tuple[str, ...]:
    """Names of columns, each once.

    Parameters
    ----------
    symbols : sequence of str
        In the order of the columns.

    Returns
    -------
    symbols : tuple of str
        The same.

    Raises
    ------
    ValidationError
        If one appears twice.

    Examples
    --------
    >>> unique_symbols(["AAPL", "MSFT"])
    ('AAPL', 'MSFT')
    """
    names = tuple(symbols)
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValidationError(f"symbol {twice!r} appears twice.", field="symbols", value=twice, allowed="unique names")
    return names
