"""Sharpe, volatility and beta over a sliding window: linear in the length, and as exact as each window on its own.

A running sum that adds the new value and takes off the old one loses digits: after one large value has passed
through, its rounding stays for ever. Nothing is ever taken off here. The series is cut into blocks of the window's
length; every window is then the tail of one block and the head of the next, and both are built by adding only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.market.arrays import FloatArray
from nanodesk.market.ranges import whole_number
from nanodesk.metrics.series import (
    checked_beside,
    checked_periods,
    checked_risk_free,
    checked_series,
)


def rolling_sharpe(
    returns: ArrayLike, window: int, *, periods_per_year: float = 252.0, risk_free: ArrayLike = 0.0
) -> FloatArray:
    """Annualised Sharpe ratio of the last ``window`` returns.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    window : int
        Sessions, at least 2.
    periods_per_year : float, default 252
        Sessions per year.
    risk_free : float or array_like of float, shape (n,), default 0
        Risk-free return per period.

    Returns
    -------
    sharpe : ndarray of float64, shape (n,)
        ``mean(x) * sqrt(P) / std(x, ddof=1)`` of each window; 0 where the deviation is 0, ``nan`` before the
        first full window.

    Raises
    ------
    ShapeError
        If the returns are empty or the lengths differ.
    ValidationError
        If a return is not finite, or the window is shorter than 2.

    Examples
    --------
    >>> rolling_sharpe([0.01, 0.03, 0.02], 2, periods_per_year=1.0).round(6)
    array([     nan, 1.414214, 3.535534])
    """
    series = checked_series(returns)
    excess = np.broadcast_to(series - checked_risk_free(risk_free, series), series.shape)
    size = whole_number("window", window, low=2)
    year = math.sqrt(checked_periods(periods_per_year))
    moments = _windows(excess, excess, size)
    spread = np.sqrt(moments.xx / (size - 1))
    ratio = np.divide(moments.x * year, spread, out=np.zeros_like(spread), where=spread > 0.0)
    return _after_warm_up(ratio, len(series))


def rolling_volatility(returns: ArrayLike, window: int, *, periods_per_year: float = 252.0) -> FloatArray:
    """Annualised standard deviation of the last ``window`` returns.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions.
    window : int
        Sessions, at least 2.
    periods_per_year : float, default 252
        Sessions per year.

    Returns
    -------
    volatility : ndarray of float64, shape (n,)
        ``std(x, ddof=1) * sqrt(P)`` of each window; ``nan`` before the first full window.

    Raises
    ------
    ShapeError
        If the returns are empty or not one-dimensional.
    ValidationError
        If a return is not finite, or the window is shorter than 2.

    Examples
    --------
    >>> rolling_volatility([0.01, 0.03, 0.02], 2, periods_per_year=1.0).round(6)
    array([     nan, 0.014142, 0.007071])
    """
    series = checked_series(returns)
    size = whole_number("window", window, low=2)
    year = math.sqrt(checked_periods(periods_per_year))
    return _after_warm_up(np.sqrt(_windows(series, series, size).xx / (size - 1)) * year, len(series))


def rolling_beta(returns: ArrayLike, benchmark: ArrayLike, window: int) -> FloatArray:
    """Slope of returns on benchmark returns over the last ``window`` sessions.

    Parameters
    ----------
    returns : array_like of float, shape (n,)
        Simple returns, as fractions; take off the risk-free return from both where it matters.
    benchmark : array_like of float, shape (n,)
        Simple returns of the benchmark on the same sessions.
    window : int
        Sessions, at least 2.

    Returns
    -------
    beta : ndarray of float64, shape (n,)
        ``cov(r, b) / var(b)`` of each window; ``nan`` before the first full window and where the benchmark did
        not move.

    Raises
    ------
    ShapeError
        If the lengths differ.
    ValidationError
        If a return is not finite, or the window is shorter than 2.

    Examples
    --------
    >>> rolling_beta([0.02, 0.04, 0.03], [0.01, 0.02, 0.04], 2).round(6)
    array([ nan,  2. , -0.5])
    """
    series = checked_series(returns)
    market = checked_beside(benchmark, series, field="benchmark")
    moments = _windows(market, series, whole_number("window", window, low=2))
    slope = np.divide(moments.xy, moments.xx, out=np.full_like(moments.xx, np.nan), where=moments.xx > 0.0)
    return _after_warm_up(slope, len(series))


@dataclass(frozen=True, slots=True)
class _Moments:
    """Means, and sums of squared and crossed deviations from them, each of one shape."""

    x: FloatArray
    y: FloatArray
    xx: FloatArray
    xy: FloatArray

    def ravel(self, start: int, count: int) -> _Moments:
        return _Moments(*(field.ravel()[start : start + count] for field in (self.x, self.y, self.xx, self.xy)))


def _windows(x: FloatArray, y: FloatArray, size: int) -> _Moments:
    """Moments of every full window, shape (n - size + 1,)."""
    n = len(x)
    count = n - size + 1
    if count <= 0:
        nothing = np.empty(0)
        return _Moments(nothing, nothing, nothing, nothing)
    blocks = -(-n // size) + 1
    grid_x, grid_y = np.zeros((blocks, size)), np.zeros((blocks, size))
    grid_x.ravel()[:n], grid_y.ravel()[:n] = x, y
    heads = _accumulated(grid_x, grid_y)
    flipped = _accumulated(grid_x[:, ::-1], grid_y[:, ::-1])
    tails = _Moments(*(field[:, ::-1] for field in (flipped.x, flipped.y, flipped.xx, flipped.xy)))
    # Window i is the tail of its block from i on, and the head of the next block up to i + size - 1.
    offset = (np.arange(count) % size).astype(np.float64)
    return _merged(tails.ravel(0, count), size - offset, heads.ravel(size - 1, count), offset)


def _accumulated(x: FloatArray, y: FloatArray) -> _Moments:
    """Moments of the first 1, 2, ... values of each row, by Welford's update down all rows at once."""
    out = _Moments(*(np.empty_like(x) for _ in range(4)))
    mean_x, mean_y, xx, xy = (np.zeros(len(x)) for _ in range(4))
    for k in range(x.shape[1]):
        step = x[:, k] - mean_x
        mean_x = mean_x + step / (k + 1)
        mean_y = mean_y + (y[:, k] - mean_y) / (k + 1)
        xx = xx + step * (x[:, k] - mean_x)
        xy = xy + step * (y[:, k] - mean_y)
        out.x[:, k], out.y[:, k], out.xx[:, k], out.xy[:, k] = mean_x, mean_y, xx, xy
    return out


def _merged(a: _Moments, n_a: FloatArray, b: _Moments, n_b: FloatArray) -> _Moments:
    """Moments of two samples together (Chan, Golub, LeVeque 1983); ``n_b`` may be 0."""
    n = n_a + n_b
    share = n_b / n
    between = n_a * share
    step_x, step_y = b.x - a.x, b.y - a.y
    alone = n_b == 0
    return _Moments(
        x=a.x + step_x * share,
        y=a.y + step_y * share,
        xx=np.where(alone, a.xx, a.xx + b.xx + step_x**2 * between),
        xy=np.where(alone, a.xy, a.xy + b.xy + step_x * step_y * between),
    )


def _after_warm_up(values: FloatArray, n: int) -> FloatArray:
    out = np.full(n, np.nan)
    if len(values):
        out[n - len(values) :] = values
    return out
