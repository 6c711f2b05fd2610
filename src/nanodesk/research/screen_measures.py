"""Trailing measures of every name on decision dates: the numbers that screening rules compare.

All look at rows up to the decision row and nothing after it. ``rows`` are row numbers of the panel, increasing.
A measure over a window is ``nan`` unless at least 80 % of the window holds a value.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nanodesk.market.arrays import FloatArray, IntArray
from nanodesk.market.units import BPS_PER_UNIT, SESSIONS_PER_YEAR

MIN_COVERAGE_FRAC = 0.8
_CORWIN_SCHULTZ = 3.0 - 2.0 * np.sqrt(2.0)


def sessions_traded(close: FloatArray, rows: IntArray) -> FloatArray:
    """Number of sessions with a close, up to and including each row.

    Parameters
    ----------
    close : ndarray of float64, shape (n_dates, n_symbols)
        ``nan`` where not traded.
    rows : ndarray of int64, shape (n_decisions,)
        Decision rows.

    Returns
    -------
    count : ndarray of float64, shape (n_decisions, n_symbols)
        Whole numbers.
    """
    count = np.zeros((len(rows), close.shape[1]))
    total, done = np.zeros(close.shape[1]), 0
    for i, row in enumerate(rows):
        total = total + (~np.isnan(close[done : row + 1])).sum(axis=0)
        count[i], done = total, row + 1
    return count


def missing_share(close: FloatArray, rows: IntArray, *, window: int) -> FloatArray:
    """Share of the last sessions without a close; sessions before the first row count as missing.

    Parameters
    ----------
    close : ndarray of float64, shape (n_dates, n_symbols)
        ``nan`` where not traded.
    rows : ndarray of int64, shape (n_decisions,)
        Decision rows.
    window : int
        Sessions looked at.

    Returns
    -------
    share : ndarray of float64, shape (n_decisions, n_symbols)
        From 0 to 1.
    """
    return _each(rows, close, window, lambda part: 1.0 - (~np.isnan(part)).sum(axis=0) / window)


def median_dollar_volume(close: FloatArray, volume: FloatArray, rows: IntArray, *, window: int) -> FloatArray:
    """Median of the daily traded value.

    Parameters
    ----------
    close, volume : ndarray of float64, shape (n_dates, n_symbols)
        With the same adjustment, so that the product is the value traded.
    rows : ndarray of int64, shape (n_decisions,)
        Decision rows.
    window : int
        Sessions looked at.

    Returns
    -------
    value : ndarray of float64, shape (n_decisions, n_symbols)
        Currency units a session.
    """
    return _each(rows, (close, volume), window, lambda price, shares: _median(price * shares, window))


def annual_volatility(close: FloatArray, rows: IntArray, *, window: int) -> FloatArray:
    """Standard deviation (ddof 1) of daily log returns, times the root of 252.

    Parameters
    ----------
    close : ndarray of float64, shape (n_dates, n_symbols)
        Adjusted close.
    rows : ndarray of int64, shape (n_decisions,)
        Decision rows.
    window : int
        Returns looked at; they need one more close.

    Returns
    -------
    volatility : ndarray of float64, shape (n_decisions, n_symbols)
        A fraction a year.
    """
    return _each(rows, close, window + 1, lambda part: _deviation(np.diff(np.log(part), axis=0), window))


def skipped_return(close: FloatArray, rows: IntArray, *, lookback: int, skip: int) -> FloatArray:
    """Return from ``lookback`` sessions ago to ``skip`` sessions ago.

    Parameters
    ----------
    close : ndarray of float64, shape (n_dates, n_symbols)
        Adjusted close.
    rows : ndarray of int64, shape (n_decisions,)
        Decision rows.
    lookback, skip : int
        Sessions; ``lookback > skip >= 0``.

    Returns
    -------
    value : ndarray of float64, shape (n_decisions, n_symbols)
        ``nan`` where either close is missing.

    References
    ----------
    Jegadeesh, Titman (1993), "Returns to Buying Winners and Selling Losers", J. Finance 48(1).
    """
    value = np.full((len(rows), close.shape[1]), np.nan)
    enough = rows >= lookback
    value[enough] = close[rows[enough] - skip] / close[rows[enough] - lookback] - 1.0
    return value


def corwin_schultz_bps(
    high: FloatArray, low: FloatArray, close: FloatArray, rows: IntArray, *, window: int
) -> FloatArray:
    """Mean proportional spread from the ranges of pairs of days.

    Parameters
    ----------
    high, low, close : ndarray of float64, shape (n_dates, n_symbols)
        With the same adjustment.
    rows : ndarray of int64, shape (n_decisions,)
        Decision rows.
    window : int
        Pairs of days looked at.

    Returns
    -------
    spread_bps : ndarray of float64, shape (n_decisions, n_symbols)
        Basis points of the price.

    Notes
    -----
    Ranges are moved by the overnight gap where the close before lies outside them, and negative estimates of a pair
    count as zero, as the paper proposes.

    References
    ----------
    Corwin, Schultz (2012), "A Simple Way to Estimate Bid-Ask Spreads from Daily High and Low Prices", J. Finance 67(2).
    """
    return _each(
        rows, (high, low, close), window + 1, lambda h, lo, c: _mean(_corwin_schultz(h, lo, c), window) * BPS_PER_UNIT
    )


def abdi_ranaldo_bps(
    high: FloatArray, low: FloatArray, close: FloatArray, rows: IntArray, *, window: int
) -> FloatArray:
    """Mean proportional spread from the close and the mid-ranges around it, corrected every two days.

    Parameters
    ----------
    high, low, close : ndarray of float64, shape (n_dates, n_symbols)
        With the same adjustment.
    rows : ndarray of int64, shape (n_decisions,)
        Decision rows.
    window : int
        Pairs of days looked at.

    Returns
    -------
    spread_bps : ndarray of float64, shape (n_decisions, n_symbols)
        Basis points of the price.

    References
    ----------
    Abdi, Ranaldo (2017), "A Simple Estimation of Bid-Ask Spreads from Daily Close, High, and Low Prices", Review of
    Financial Studies 30(12).
    """
    return _each(
        rows, (high, low, close), window + 1, lambda h, lo, c: _mean(_abdi_ranaldo(h, lo, c), window) * BPS_PER_UNIT
    )


def correlation_with(returns: FloatArray, candidate: FloatArray, *, min_overlap: int) -> FloatArray:
    """Correlation of one name's returns with those of others, over the sessions that both traded.

    Parameters
    ----------
    returns : ndarray of float64, shape (window, n_others)
        ``nan`` where not traded.
    candidate : ndarray of float64, shape (window,)
        The same sessions.
    min_overlap : int
        Fewer common sessions give ``nan``.

    Returns
    -------
    correlation : ndarray of float64, shape (n_others,)
        Pearson's coefficient.
    """
    both = ~np.isnan(returns) & ~np.isnan(candidate)[:, None]
    count = both.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        x = np.where(both, candidate[:, None], 0.0)
        y = np.where(both, returns, 0.0)
        x = np.where(both, x - x.sum(axis=0) / count, 0.0)
        y = np.where(both, y - y.sum(axis=0) / count, 0.0)
        value: FloatArray = (x * y).sum(axis=0) / np.sqrt((x * x).sum(axis=0) * (y * y).sum(axis=0))
    return np.where(count >= min_overlap, value, np.nan)


def _each(
    rows: IntArray, data: FloatArray | tuple[FloatArray, ...], length: int, measure: Callable[..., FloatArray]
) -> FloatArray:
    """A measure of the last ``length`` sessions at every decision row; shorter at the start of the panel."""
    matrices = data if isinstance(data, tuple) else (data,)
    value = np.full((len(rows), matrices[0].shape[1]), np.nan)
    for i, row in enumerate(rows):
        part = slice(max(0, int(row) + 1 - length), int(row) + 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            value[i] = measure(*(matrix[part] for matrix in matrices))
    return value


def _median(part: FloatArray, window: int) -> FloatArray:
    # Symbols outermost makes the sort run along memory; nan sorts to the end, so the count finds the middle.
    ordered = np.sort(part.T.copy(), axis=1)
    count = (~np.isnan(part)).sum(axis=0)
    at = np.arange(len(ordered))
    lower, upper = np.maximum((count - 1) // 2, 0), np.minimum(count // 2, part.shape[0] - 1)
    middle = 0.5 * (ordered[at, lower] + ordered[at, upper])
    return np.where(count >= MIN_COVERAGE_FRAC * window, middle, np.nan)


def _deviation(part: FloatArray, window: int) -> FloatArray:
    present = ~np.isnan(part)
    count = present.sum(axis=0)
    filled = np.where(present, part, 0.0)
    centred = np.where(present, filled - filled.sum(axis=0) / count, 0.0)
    variance = (centred * centred).sum(axis=0) / (count - 1)
    enough = (count >= MIN_COVERAGE_FRAC * window) & (count > 1)
    return np.where(enough, np.sqrt(variance * SESSIONS_PER_YEAR), np.nan)


def _mean(part: FloatArray, window: int) -> FloatArray:
    present = ~np.isnan(part)
    count = present.sum(axis=0)
    return np.where(count >= MIN_COVERAGE_FRAC * window, np.where(present, part, 0.0).sum(axis=0) / count, np.nan)


def _corwin_schultz(high: FloatArray, low: FloatArray, close: FloatArray) -> FloatArray:
    before = close[:-1]
    gap = np.maximum(low[1:] - before, 0.0) + np.minimum(high[1:] - before, 0.0)
    upper, lower = high[1:] - gap, low[1:] - gap
    beta = np.log(high[:-1] / low[:-1]) ** 2 + np.log(upper / lower) ** 2
    gamma = np.log(np.maximum(high[:-1], upper) / np.minimum(low[:-1], lower)) ** 2
    alpha = (np.sqrt(2.0 * beta) - np.sqrt(beta)) / _CORWIN_SCHULTZ - np.sqrt(gamma / _CORWIN_SCHULTZ)
    growth = np.exp(alpha)
    spread: FloatArray = np.maximum(2.0 * (growth - 1.0) / (1.0 + growth), 0.0)
    return spread


def _abdi_ranaldo(high: FloatArray, low: FloatArray, close: FloatArray) -> FloatArray:
    middle = 0.5 * (np.log(high) + np.log(low))
    last = np.log(close[:-1])
    spread: FloatArray = 2.0 * np.sqrt(np.maximum((last - middle[:-1]) * (last - middle[1:]), 0.0))
    return spread
