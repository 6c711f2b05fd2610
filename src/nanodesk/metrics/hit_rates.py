"""How often, how much and how long in a row."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.market.arrays import BoolArray, FloatArray
from nanodesk.market.axes import DatesLike
from nanodesk.metrics.calendar_returns import period_returns
from nanodesk.metrics.series import checked_series


@dataclass(frozen=True, slots=True)
class HitRates:
    """Wins among sessions, months, quarters and years, and streaks of sessions.

    Parameters
    ----------
    win_days, win_months, win_quarters, win_years : float
        Share of the periods with a gain, as a fraction; a return of zero counts among the periods only.
    average_win, average_loss : float
        Mean return of the sessions with a gain and of those with a loss; ``nan`` where there are none. The loss is
        negative.
    longest_win_streak, longest_loss_streak : int
        Sessions in a row with a gain, or with a loss; a return of zero ends both.
    """

    win_days: float
    win_months: float
    win_quarters: float
    win_years: float
    average_win: float
    average_loss: float
    longest_win_streak: int
    longest_loss_streak: int


def hit_rates(returns: ArrayLike, dates: DatesLike) -> HitRates:
    """Shares of winning periods, mean win and loss, and the longest streaks.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    dates : array_like of datetime64[D], shape (n,)
        Sessions, strictly increasing.

    Returns
    -------
    rates : HitRates
        Months, quarters and years are compounded first; the first and last may be incomplete.

    Raises
    ------
    ShapeError
        If the lengths differ.
    ValidationError
        If a return is not finite, or dates are not strictly increasing.

    Examples
    --------
    >>> rates = hit_rates([0.1, 0.1, -0.5], ["2024-01-30", "2024-01-31", "2024-02-01"])
    >>> rates.win_months, rates.longest_win_streak, rates.average_loss
    (0.5, 2, -0.5)
    """
    series = checked_series(returns)
    won, lost = series > 0.0, series < 0.0
    return HitRates(
        win_days=float(won.mean()),
        win_months=_share_won(period_returns(series, dates, "month")[1]),
        win_quarters=_share_won(period_returns(series, dates, "quarter")[1]),
        win_years=_share_won(period_returns(series, dates, "year")[1]),
        average_win=float(series[won].mean()) if won.any() else math.nan,
        average_loss=float(series[lost].mean()) if lost.any() else math.nan,
        longest_win_streak=_longest_run(won),
        longest_loss_streak=_longest_run(lost),
    )


def _share_won(values: FloatArray) -> float:
    return float(np.mean(values > 0.0))


def _longest_run(flags: BoolArray) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return int(np.max(edges[1::2] - edges[::2], initial=0))
