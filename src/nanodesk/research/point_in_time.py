"""Joins that look backward only: what was known at the end of each decision date."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from nanodesk.errors import DataError
from nanodesk.market import calendar
from nanodesk.market.arrays import BoolArray, Dates, FloatArray

_STALE_SESSIONS = 10
_RECENT = 25  # values that tell how often a series comes
_FRACTION_SCALE = {"percent": 0.01, "fraction": 1.0}


def series_at(frame: pl.DataFrame, dates: Dates) -> FloatArray:
    """Last value known on each date.

    Parameters
    ----------
    frame : polars.DataFrame
        ``date``, ``known_at`` and ``value`` of one series; several versions of a date are allowed.
    dates : ndarray of datetime64[D], shape (n_dates,)
        Decision dates; ``NaT`` gives ``nan``.

    Returns
    -------
    values : ndarray of float64, shape (n_dates,)
        ``nan`` before the first is known. An observation of an older period never replaces a newer one.
    """
    state = _states(frame, period="date", name=None)
    known = _days(state["known_at"])
    at = np.searchsorted(known, dates, side="right") - 1
    values = np.full(len(dates), np.nan)
    inside = (at >= 0) & ~np.isnat(dates)
    values[inside] = state["value"].to_numpy()[at[inside]]
    return values


def check_coverage(name: str, frame: pl.DataFrame, dates: Dates, *, market: str) -> None:
    """Refuse to carry a series on after it has ended.

    Parameters
    ----------
    name : str
        Its name, for the error.
    frame : polars.DataFrame
        ``date`` and ``known_at`` of its values.
    dates : ndarray of datetime64[D], shape (n_dates,)
        Where values are wanted; ``NaT`` is skipped.
    market : str
        Calendar in which sessions are counted.

    Raises
    ------
    DataError
        If a date is more than 10 sessions after the next value was due; the spacing of the last values says when.
    """
    asked = dates[~np.isnat(dates)]
    if frame.is_empty() or not len(asked):
        return
    days = _days(frame["date"].unique().sort())
    spacing = int(np.median(np.diff(days[-_RECENT:]).astype(np.int64))) if len(days) > 1 else 1
    due = _days(frame["known_at"]).max() + max(spacing - 1, 0)
    limit = calendar.offset_sessions(market, np.array([due]), _STALE_SESSIONS)[0]
    if not np.isnat(limit) and asked.max() > limit:
        raise DataError(
            f"series {name!r} covers {days[0]} to {days[-1]}; {asked.max()} is more than {_STALE_SESSIONS} sessions "
            "after it ended.",
            field="series",
            value=str(asked.max()),
            allowed=f"dates up to {limit}",
            fix="End the run earlier, ingest newer values, or name another series.",
        )


def to_fraction(name: str, unit: str) -> float:
    """What the values of a series are multiplied by to become fractions.

    Parameters
    ----------
    name : str
        Its name, for the error.
    unit : str
        Its unit.

    Returns
    -------
    scale : float
        One hundredth for percent.

    Raises
    ------
    DataError
        If the unit is no rate.

    Examples
    --------
    >>> to_fraction("DGS3MO", "percent")
    0.01
    """
    if unit in _FRACTION_SCALE:
        return _FRACTION_SCALE[unit]
    raise DataError(
        f"series {name!r} has unit {unit or 'unknown'!r}, which is no fraction.",
        field="unit",
        value=unit,
        allowed=", ".join(_FRACTION_SCALE),
        fix="Name a rate, or ingest the series with its unit.",
    )


def reports_at(frame: pl.DataFrame, dates: Dates, symbols: Sequence[str], *, column: str) -> FloatArray:
    """A figure of the newest report known on each date.

    Parameters
    ----------
    frame : polars.DataFrame
        ``symbol``, ``period_end``, ``known_at`` and the column.
    dates : ndarray of datetime64[D], shape (n_decisions,)
        Decision dates.
    symbols : sequence of str, length n_symbols
        Order of the columns.
    column : str
        The figure.

    Returns
    -------
    values : ndarray of float64, shape (n_decisions, n_symbols)
        Of the newest period known, in its latest version; ``nan`` where none is known or the report lacks the figure.
    """
    state = _states(frame, period="period_end", name="symbol")
    return _asof(state.select("symbol", "known_at", pl.col(column).cast(pl.Float64).alias("value")), dates, symbols)


def report_age_at(frame: pl.DataFrame, dates: Dates, symbols: Sequence[str]) -> FloatArray:
    """Calendar days since a report of a new period was last made known.

    Parameters
    ----------
    frame : polars.DataFrame
        ``symbol``, ``period_end`` and ``known_at``.
    dates : ndarray of datetime64[D], shape (n_decisions,)
        Decision dates.
    symbols : sequence of str, length n_symbols
        Order of the columns.

    Returns
    -------
    age_days : ndarray of float64, shape (n_decisions, n_symbols)
        ``nan`` where no report is known. A repetition or amendment of a known period does not reset the age.
    """
    ordered = frame.sort("symbol", "known_at", "period_end")
    newest = pl.col("period_end").cum_max().shift(1).over("symbol")
    news = ordered.filter(newest.is_null() | (pl.col("period_end") > newest))
    day = pl.col("known_at").cast(pl.Int32).cast(pl.Float64)
    return dates.astype(np.int64)[:, None] - _asof(
        news.select("symbol", "known_at", day.alias("value")), dates, symbols
    )


def members_at(frame: pl.DataFrame, dates: Dates, symbols: Sequence[str]) -> BoolArray:
    """Who belonged to an index on each date.

    Parameters
    ----------
    frame : polars.DataFrame
        ``symbol``, ``from`` and ``to`` of one index; ``to`` is the first day outside, null while inside.
    dates : ndarray of datetime64[D], shape (n_dates,)
        Increasing dates.
    symbols : sequence of str, length n_symbols
        Order of the columns.

    Returns
    -------
    member : ndarray of bool, shape (n_dates, n_symbols)
        True from ``from`` up to the day before ``to``.
    """
    column = {symbol: i for i, symbol in enumerate(symbols)}
    member = np.zeros((len(dates), len(symbols)), dtype=np.bool_)
    for symbol, start, stop in frame.select("symbol", "from", "to").iter_rows():
        if symbol in column:
            low = np.searchsorted(dates, np.datetime64(start, "D"))
            high = len(dates) if stop is None else np.searchsorted(dates, np.datetime64(stop, "D"))
            member[low:high, column[symbol]] = True
    return member


def _states(frame: pl.DataFrame, *, period: str, name: str | None) -> pl.DataFrame:
    """The rows that became the newest knowledge on the day they were known, in that order."""
    by = [] if name is None else [name]
    versions = ["ingest"] if "ingest" in frame.columns else []
    ordered = frame.sort([*by, "known_at", period, *versions])
    newest = pl.col(period).cum_max()
    return ordered.filter(pl.col(period) >= (newest if name is None else newest.over(name)))


def _asof(state: pl.DataFrame, dates: Dates, symbols: Sequence[str]) -> FloatArray:
    """Per symbol the last value whose day is not after the date; rows come sorted by symbol and day."""
    values = np.full((len(dates), len(symbols)), np.nan)
    position = {symbol: i for i, symbol in enumerate(symbols)}
    names = state["symbol"].to_numpy()
    known, value = _days(state["known_at"]), state["value"].cast(pl.Float64).to_numpy()
    starts = np.flatnonzero(np.r_[True, names[1:] != names[:-1]]) if len(names) else np.zeros(0, dtype=np.int64)
    for start, stop in zip(starts, [*starts[1:], len(names)], strict=True):
        column = position.get(names[start])
        if column is not None:
            at = np.searchsorted(known[start:stop], dates, side="right") - 1
            inside = at >= 0
            values[inside, column] = value[start + at[inside]]
    return values


def _days(column: pl.Series) -> Dates:
    return column.to_numpy().astype("datetime64[D]")
