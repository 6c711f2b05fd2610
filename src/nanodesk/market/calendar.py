"""Trading days, opens, closes and half days, from a table that ships with the package.

The table (``session_table.json``) is compiled from exchange_calendars by ``tools/build_session_table.py`` and
stores only what differs from a plain weekday, so a correction is one readable line.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from nanodesk.errors import DataError, MissingSessionError, SchemaMismatchError, ValidationError
from nanodesk.market.arrays import Dates, IntArray

Day = date | np.datetime64 | str

SCHEMA = 1
ALIASES = {"XNAS": "XNYS"}
"""NASDAQ keeps the sessions and hours of the New York Stock Exchange."""
_ALWAYS_OPEN = "24-7"
_MINUTES_PER_DAY = 1440
_NS_PER_MINUTE = 60_000_000_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day.

    Parameters
    ----------
    date : date
        Local date of the session.
    open_ns, close_ns : int
        Open and close, nanoseconds since 1970 UTC.
    is_half_day : bool
        Whether it closes early.
    """

    date: date
    open_ns: int
    close_ns: int
    is_half_day: bool


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    sessions: Dates
    open_minute: int
    close_minute: int
    early_closes: dict[np.datetime64, int]
    offset_starts: Dates
    offsets: IntArray


def names() -> tuple[str, ...]:
    """Every calendar known.

    Returns
    -------
    names : tuple of str
        Market identifier codes, and ``24-7`` for markets that never close.

    Examples
    --------
    >>> names()
    ('24-7', 'XNAS', 'XNYS')
    """
    return tuple(sorted({*_document()["calendars"], *ALIASES, _ALWAYS_OPEN}))


def bounds(calendar: str) -> tuple[date, date]:
    """First and last session that the table knows.

    Parameters
    ----------
    calendar : str
        Name of a calendar.

    Returns
    -------
    first, last : date
        Both inclusive.

    Raises
    ------
    ValidationError
        If the calendar is unknown.

    Examples
    --------
    >>> bounds("XNYS")
    (datetime.date(1990, 1, 2), datetime.date(2027, 12, 31))
    """
    known = _table(calendar).sessions
    return _date(known[0]), _date(known[-1])


def sessions(calendar: str, start: Day, end: Day) -> Dates:
    """All sessions from ``start`` to ``end``, both included.

    Parameters
    ----------
    calendar : str
        Name of a calendar.
    start, end : date, datetime64 or ISO text
        Bounds; they need not be sessions.

    Returns
    -------
    sessions : ndarray of datetime64[D], shape (n_sessions,)
        Increasing; empty where the span holds none.

    Raises
    ------
    ValidationError
        If the calendar is unknown or ``end`` is before ``start``.
    DataError
        If a bound lies outside the table.

    Examples
    --------
    >>> sessions("XNYS", "2024-07-03", "2024-07-08")
    array(['2024-07-03', '2024-07-05', '2024-07-08'], dtype='datetime64[D]')
    """
    first, last = as_day(start, field="start"), as_day(end, field="end")
    if last < first:
        raise ValidationError(
            f"end={last} is before start={first}.", field="end", value=str(last), allowed=f">= {first}"
        )
    table = _table(calendar)
    _check_bounds(table, first, "start")
    _check_bounds(table, last, "end")
    low, high = np.searchsorted(table.sessions, [first, last + 1])
    return table.sessions[low:high].copy()


def is_session(calendar: str, day: Day) -> bool:
    """Whether the market trades on a day.

    Parameters
    ----------
    calendar : str
        Name of a calendar.
    day : date, datetime64 or ISO text
        The day asked about.

    Returns
    -------
    trades : bool
        True on half days too.

    Raises
    ------
    ValidationError
        If the calendar is unknown.
    DataError
        If the day lies outside the table.

    Examples
    --------
    >>> is_session("XNYS", "2024-07-04"), is_session("24-7", "2024-07-04")
    (False, True)
    """
    table, asked = _table(calendar), as_day(day, field="day")
    _check_bounds(table, asked, "day")
    at = int(np.searchsorted(table.sessions, asked))
    return bool(table.sessions[at] == asked)


def is_half_day(calendar: str, day: Day) -> bool:
    """Whether the market closes early on a session.

    Parameters
    ----------
    calendar : str
        Name of a calendar.
    day : date, datetime64 or ISO text
        A session.

    Returns
    -------
    early : bool
        True where the close is earlier than the ordinary one.

    Raises
    ------
    MissingSessionError
        If the day is not a session.
    DataError
        If the day lies outside the table.

    Examples
    --------
    >>> is_half_day("XNYS", "2024-07-03")
    True
    """
    return session(calendar, day).is_half_day


def session(calendar: str, day: Day) -> Session:
    """Open and close of one session.

    Parameters
    ----------
    calendar : str
        Name of a calendar.
    day : date, datetime64 or ISO text
        A session.

    Returns
    -------
    session : Session
        Its hours in UTC.

    Raises
    ------
    MissingSessionError
        If the day is not a session; the message names the neighbours.
    DataError
        If the day lies outside the table.

    Examples
    --------
    >>> hours = session("XNYS", "2024-07-03")
    >>> (hours.close_ns - hours.open_ns) // 60_000_000_000, hours.is_half_day
    (210, True)
    """
    table, asked = _table(calendar), as_day(day, field="day")
    if not is_session(calendar, asked):
        raise MissingSessionError(
            f"{asked} is not a session of calendar {calendar!r}.",
            field="day",
            value=str(asked),
            allowed="a session",
            fix=f"The last session before it is {previous_session(calendar, asked)}.",
        )
    close = table.early_closes.get(asked, table.close_minute)
    offset = int(table.offsets[np.searchsorted(table.offset_starts, asked, side="right") - 1])
    midnight = int(asked.astype(np.int64)) * _MINUTES_PER_DAY - offset
    return Session(
        _date(asked),
        (midnight + table.open_minute) * _NS_PER_MINUTE,
        (midnight + close) * _NS_PER_MINUTE,
        asked in table.early_closes,
    )


def next_session(calendar: str, day: Day) -> date:
    """First session strictly after a day.

    Parameters
    ----------
    calendar : str
        Name of a calendar.
    day : date, datetime64 or ISO text
        Any day of the table.

    Returns
    -------
    session : date
        The following session.

    Raises
    ------
    DataError
        If the day lies outside the table, or the table ends before the answer.

    Examples
    --------
    >>> next_session("XNYS", "2024-07-03")
    datetime.date(2024, 7, 5)
    """
    return _neighbour(calendar, as_day(day, field="day"), 1)


def previous_session(calendar: str, day: Day) -> date:
    """Last session strictly before a day.

    Parameters
    ----------
    calendar : str
        Name of a calendar.
    day : date, datetime64 or ISO text
        Any day of the table.

    Returns
    -------
    session : date
        The preceding session.

    Raises
    ------
    DataError
        If the day lies outside the table, or the table starts after the answer.

    Examples
    --------
    >>> previous_session("XNYS", "2024-07-05")
    datetime.date(2024, 7, 3)
    """
    return _neighbour(calendar, as_day(day, field="day"), -1)


def offset_sessions(calendar: str, days: Dates, count: int) -> Dates:
    """The session ``count`` sessions away from each day; a day that is no session counts as the last one before it.

    Parameters
    ----------
    calendar : str
        Name of a calendar.
    days : ndarray of datetime64[D], shape (n_days,)
        Days of the table.
    count : int
        Sessions to move; negative moves back.

    Returns
    -------
    sessions : ndarray of datetime64[D], shape (n_days,)
        ``NaT`` where the answer lies outside the table.

    Examples
    --------
    >>> offset_sessions("XNYS", np.array(["2024-07-05", "2024-07-06"], "datetime64[D]"), -1)
    array(['2024-07-03', '2024-07-03'], dtype='datetime64[D]')
    """
    known = _table(calendar).sessions
    at = np.searchsorted(known, days, side="right") - 1
    moved = at + count
    inside = (at >= 0) & (moved >= 0) & (moved < len(known)) & (days <= known[-1])
    answer = np.full(len(days), np.datetime64("NaT"), dtype="datetime64[D]")
    answer[inside] = known[moved[inside]]
    return answer


def as_day(value: Day, *, field: str = "day") -> np.datetime64:
    """A date in any accepted form.

    Parameters
    ----------
    value : date, datetime64 or ISO text
        The date.
    field : str, default "day"
        Name used in the error.

    Returns
    -------
    day : datetime64[D]
        The same day.

    Raises
    ------
    ValidationError
        If it is no date.

    Examples
    --------
    >>> as_day("2024-07-03")
    np.datetime64('2024-07-03')
    """
    given: Any = value
    try:
        day: np.datetime64 = np.datetime64(given, "D")
    except (ValueError, TypeError) as error:
        raise ValidationError(
            f"{field}={value!r} is not a date.", field=field, value=value, allowed="YYYY-MM-DD"
        ) from error
    if np.isnat(day):
        raise ValidationError(f"{field} is not a time (NaT).", field=field, value=value, allowed="YYYY-MM-DD")
    return day


def _neighbour(calendar: str, day: np.datetime64, step: int) -> date:
    table = _table(calendar)
    _check_bounds(table, day, "day")
    at = int(np.searchsorted(table.sessions, day, side="right" if step > 0 else "left")) - (step < 0)
    if not 0 <= at < len(table.sessions):
        word, edge = ("last", table.sessions[-1]) if step > 0 else ("first", table.sessions[0])
        raise DataError(
            f"no session of calendar {calendar!r} is known beyond {day}: {edge} is the {word} one.",
            field="day",
            value=str(day),
        )
    return _date(table.sessions[at])


def _date(day: np.datetime64) -> date:
    return date.fromordinal(int(day.astype(np.int64)) + _EPOCH_ORDINAL)


def _check_bounds(table: _Table, day: np.datetime64, field: str) -> None:
    # The days from the year's start up to the first session are known to be closed, hence the month's floor.
    first, last = table.sessions[0], table.sessions[-1]
    if first.astype("datetime64[M]").astype("datetime64[D]") <= day <= last:
        return
    early = day < first
    raise DataError(
        f"{field}={day} is {'earlier' if early else 'later'} than the {'first' if early else 'last'} session of "
        f"calendar {table.name!r} ({first if early else last}).",
        field=field,
        value=str(day),
        allowed=f"{first} to {last}",
        fix="Extend the table with tools/build_session_table.py." if not early else None,
    )


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(files("nanodesk.market").joinpath("session_table.json").read_text("utf-8"))
    if document.get("schema") != SCHEMA:
        raise SchemaMismatchError(
            f"session_table.json has schema {document.get('schema')!r}, this version reads {SCHEMA}.",
            field="schema",
            value=document.get("schema"),
        )
    return document


@cache
def _table(name: str) -> _Table:
    if name == _ALWAYS_OPEN:
        return _every_day()
    calendars = _document()["calendars"]
    if ALIASES.get(name, name) not in calendars:
        near = difflib.get_close_matches(name.upper(), [*calendars, *ALIASES, _ALWAYS_OPEN], n=1, cutoff=0.5)
        raise ValidationError(
            f"calendar {name!r} is unknown.",
            field="calendar",
            value=name,
            allowed=", ".join(sorted({*calendars, *ALIASES, _ALWAYS_OPEN})),
            fix=f"Did you mean {near[0]!r}?" if near else "Use XNYS, XNAS or 24-7.",
        )
    entry = calendars[ALIASES.get(name, name)]
    days = _span(entry["first"], entry["last"])
    weekday = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday, Monday is 0
    closed = np.isin(days, np.array(entry["holidays"], dtype="datetime64[D]"))
    changes = entry["utc_offset_changes"]
    return _Table(
        name,
        days[(weekday < 5) & ~closed],
        entry["open_minute"],
        entry["close_minute"],
        {np.datetime64(day, "D"): minute for day, minute in entry["early_closes"].items()},
        np.array(list(changes), dtype="datetime64[D]"),
        np.array(list(changes.values()), dtype=np.int64),
    )


def _every_day() -> _Table:
    entry = _document()["calendars"]["XNYS"]
    days = _span(entry["first"], entry["last"])
    return _Table(_ALWAYS_OPEN, days, 0, _MINUTES_PER_DAY, {}, days[:1], np.zeros(1, dtype=np.int64))


def _span(first: str, last: str) -> Dates:
    return np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
