"""When a strategy decides: rows of a panel by pace, known on the day itself."""

from __future__ import annotations

import numpy as np

from nanodesk.errors import ValidationError
from nanodesk.market import calendar
from nanodesk.market.arrays import Dates, IntArray

_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; weeks start on Monday


def decision_rows(dates: Dates, pace: str | int, *, calendar_name: str, first: int = 0) -> IntArray:
    """Rows after whose close a decision is taken.

    The last session of a week or month is told by the calendar, not by the next row of the data, so that a panel that
    ends today has the same rows as the beginning of one that ends later.

    Parameters
    ----------
    dates : ndarray of datetime64[D], shape (n_dates,)
        Sessions of the panel, increasing.
    pace : {"daily", "weekly", "month_end"} or int
        How often; a number means each so many sessions, counted from `first`.
    calendar_name : str
        Calendar of the sessions.
    first : int, default 0
        No decision before this row.

    Returns
    -------
    rows : ndarray of int64, shape (n_decisions,)
        Increasing. A week or month whose last session is not in the panel has none.

    Raises
    ------
    ValidationError
        If the pace is unknown.

    Examples
    --------
    >>> days = calendar.sessions("XNYS", "2024-01-25", "2024-02-02")
    >>> days[decision_rows(days, "month_end", calendar_name="XNYS")]
    array(['2024-01-31'], dtype='datetime64[D]')
    """
    if isinstance(pace, int) and pace >= 1:
        return np.arange(first, len(dates), pace, dtype=np.int64)
    if pace == "daily":
        return np.arange(first, len(dates), dtype=np.int64)
    if pace not in ("weekly", "month_end"):
        raise ValidationError(
            f"pace={pace!r} is unknown.",
            field="pace",
            value=pace,
            allowed="daily, weekly, month_end, or a whole number",
        )
    later = calendar.offset_sessions(calendar_name, dates, 1)
    period = _week if pace == "weekly" else _month
    ends = ~np.isnat(later) & (period(dates) != period(later))
    rows = np.flatnonzero(ends)
    return rows[rows >= first].astype(np.int64)


def _week(dates: Dates) -> IntArray:
    return (dates.astype(np.int64) + _EPOCH_WEEKDAY) // 7


def _month(dates: Dates) -> IntArray:
    return dates.astype("datetime64[M]").astype(np.int64)
