"""Returns by month, quarter and year, and over the spans that end today."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.errors import ValidationError
from nanodesk.market.arrays import Dates, FloatArray, IntArray
from nanodesk.market.axes import DatesLike, increasing_sessions
from nanodesk.metrics.series import annualised, checked_periods, checked_series, compounded

Period = Literal["month", "quarter", "year"]

_MONTHS: dict[str, int] = {"month": 1, "quarter": 3, "year": 12}
# A span of years may begin on a weekend or holiday: the longest closure of an exchange since 1970 is a week.
_LONGEST_CLOSURE_DAYS = 7


@dataclass(frozen=True, slots=True)
class TrailingReturns:
    """Return over each span that ends with the last session; ``None`` where the series is shorter than the span.

    Parameters
    ----------
    month_to_date, year_to_date : float
        Since the last session of the month or year before, as a fraction.
    three_months, one_year : float or None
        Since the same day three months or a year before, as a fraction.
    three_years_annualised, five_years_annualised : float or None
        Yearly rate over three or five years, as a fraction.
    """

    month_to_date: float
    three_months: float | None
    year_to_date: float
    one_year: float | None
    three_years_annualised: float | None
    five_years_annualised: float | None


def period_returns(returns: ArrayLike, dates: DatesLike, period: Period) -> tuple[Dates, FloatArray]:
    """Compounded return of each calendar month, quarter or year that holds a session.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    dates : array_like of datetime64[D], shape (n,)
        Sessions, strictly increasing.
    period : {"month", "quarter", "year"}
        Length of a period.

    Returns
    -------
    starts : ndarray of datetime64[M], shape (n_periods,)
        First month of each period, increasing; periods without a session are left out.
    values : ndarray of float64, shape (n_periods,)
        ``prod(1 + r) - 1`` over the sessions of the period. The first and last may be incomplete.

    Raises
    ------
    ShapeError
        If the lengths differ.
    ValidationError
        If a return is not finite, dates are not strictly increasing, or the period is unknown.

    Examples
    --------
    >>> starts, values = period_returns([0.1, 0.1, -0.5], ["2024-01-30", "2024-01-31", "2024-02-01"], "month")
    >>> [str(start) for start in starts], values.round(2)
    (['2024-01', '2024-02'], array([ 0.21, -0.5 ]))
    """
    series = checked_series(returns)
    if period not in _MONTHS:
        raise ValidationError(
            f"period={period!r} is unknown.", field="period", value=period, allowed='"month", "quarter" or "year"'
        )
    months = increasing_sessions(dates, len(series)).astype("datetime64[M]").astype(np.int64)
    label = months // _MONTHS[period]
    first = np.flatnonzero(np.concatenate(([True], label[1:] != label[:-1])))
    values = np.multiply.reduceat(1.0 + series, first) - 1.0
    return (label[first] * _MONTHS[period]).astype("datetime64[M]"), values


def monthly_returns(returns: ArrayLike, dates: DatesLike) -> tuple[IntArray, FloatArray]:
    """Compounded return of each month, one row a year: the heat map.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    dates : array_like of datetime64[D], shape (n,)
        Sessions, strictly increasing.

    Returns
    -------
    years : ndarray of int64, shape (n_years,)
        From the first to the last, without gaps.
    months : ndarray of float64, shape (n_years, 12)
        Fractions, January first; ``nan`` where a month holds no session.

    Raises
    ------
    ShapeError
        If the lengths differ.
    ValidationError
        If a return is not finite, or dates are not strictly increasing.

    Examples
    --------
    >>> years, months = monthly_returns([0.1, -0.5], ["2023-12-29", "2024-01-02"])
    >>> years, float(months[0, 11].round(2)), float(months[1, 0])
    (array([2023, 2024]), 0.1, -0.5)
    """
    starts, values = period_returns(returns, dates, "month")
    months = starts.astype(np.int64)
    year = 1970 + months // 12
    years = np.arange(year[0], year[-1] + 1)
    table = np.full((len(years), 12), np.nan)
    table[year - year[0], months % 12] = values
    return years, table


def yearly_returns(returns: ArrayLike, dates: DatesLike) -> tuple[IntArray, FloatArray]:
    """Compounded return of each calendar year that holds a session.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    dates : array_like of datetime64[D], shape (n,)
        Sessions, strictly increasing.

    Returns
    -------
    years : ndarray of int64, shape (n_years,)
        Increasing.
    values : ndarray of float64, shape (n_years,)
        Fractions; the first and last year may be incomplete.

    Raises
    ------
    ShapeError
        If the lengths differ.
    ValidationError
        If a return is not finite, or dates are not strictly increasing.

    Examples
    --------
    >>> yearly_returns([0.5, 0.5, -0.5], ["2023-01-03", "2023-12-29", "2024-01-02"])
    (array([2023, 2024]), array([ 1.25, -0.5 ]))
    """
    starts, values = period_returns(returns, dates, "year")
    return 1970 + starts.astype(np.int64) // 12, values


def trailing_returns(returns: ArrayLike, dates: DatesLike, *, periods_per_year: float = 252.0) -> TrailingReturns:
    """Return of the month, the quarter, the year and the years that end with the last session.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    dates : array_like of datetime64[D], shape (n,)
        Sessions, strictly increasing.
    periods_per_year : float, default 252
        Sessions per year, for the annualised spans.

    Returns
    -------
    trailing : TrailingReturns
        ``None`` for a span that begins before the first session (a closure of a week is forgiven).

    Raises
    ------
    ShapeError
        If the lengths differ.
    ValidationError
        If a return is not finite, or dates are not strictly increasing.

    Notes
    -----
    A span holds the sessions after the same day of the earlier month (the last day where the month is shorter):
    the close of that day is the base. Annualising counts sessions: ``(1 + R) ** (P / n) - 1``.

    Examples
    --------
    >>> trailing = trailing_returns([0.5, 0.1, 0.1], ["2024-01-31", "2024-02-01", "2024-02-02"])
    >>> round(trailing.month_to_date, 2), round(trailing.year_to_date, 3), trailing.one_year
    (0.21, 0.815, None)
    """
    series = checked_series(returns)
    sessions = increasing_sessions(dates, len(series))
    year = checked_periods(periods_per_year)
    last = sessions[-1]

    def since(base: np.datetime64) -> FloatArray:
        return series[np.searchsorted(sessions, base, side="right") :]

    def span(months: int) -> FloatArray | None:
        base = _months_before(last, months)
        covered = sessions[0] <= base + np.timedelta64(_LONGEST_CLOSURE_DAYS, "D")
        return since(base) if covered else None

    def total(months: int) -> float | None:
        part = span(months)
        return None if part is None else compounded(part)

    def yearly(months: int) -> float | None:
        part = span(months)
        return None if part is None else annualised(compounded(part), len(part), year)

    one_day = np.timedelta64(1, "D")
    return TrailingReturns(
        month_to_date=compounded(since(last.astype("datetime64[M]").astype("datetime64[D]") - one_day)),
        three_months=total(3),
        year_to_date=compounded(since(last.astype("datetime64[Y]").astype("datetime64[D]") - one_day)),
        one_year=total(12),
        three_years_annualised=yearly(36),
        five_years_annualised=yearly(60),
    )


def _months_before(day: np.datetime64, months: int) -> np.datetime64:
    date: dt.date = day.astype(object)
    years, month = divmod(date.year * 12 + date.month - 1 - months, 12)
    return np.datetime64(dt.date(years, month + 1, min(date.day, calendar.monthrange(years, month + 1)[1])), "D")
