"""Volatility per period from the prices of past bars; multiply by the root of periods per year to annualise."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from nanodesk.errors import PriceError
from nanodesk.market.arrays import FloatArray
from nanodesk.volatility.inputs import price_series


def close_to_close(close: ArrayLike) -> float:
    """Sample standard deviation of log returns from close to close.

    Parameters
    ----------
    close : array_like of float, shape (n_sessions,)
        Closing prices; at least three.

    Returns
    -------
    volatility : float
        Per period, as a fraction.

    Raises
    ------
    ShapeError
        If fewer than three sessions are given.
    PriceError
        If a price is not finite and positive.

    Examples
    --------
    >>> round(close_to_close([100.0, 101.0, 100.0, 101.0]), 6)
    0.01149
    """
    (prices,) = price_series(at_least=3, close=close)
    return float(np.std(np.diff(np.log(prices)), ddof=1))


def parkinson(high: ArrayLike, low: ArrayLike) -> float:
    """Root mean of ``log(high / low)**2 / (4 log 2)``: the range of a price that moves without drift or gaps.

    Parameters
    ----------
    high, low : array_like of float, shape (n_sessions,)
        Extremes of each bar; at least one.

    Returns
    -------
    volatility : float
        Per period, as a fraction; overnight moves are not in it.

    Raises
    ------
    ShapeError
        If lengths differ or no session is given.
    PriceError
        If a price is not finite and positive, or a high is below its low.

    References
    ----------
    Parkinson (1980), "The Extreme Value Method for Estimating the Variance of the Rate of Return", J. Business 53(1).

    Examples
    --------
    >>> round(parkinson([102.0], [100.0]), 6)
    0.011893
    """
    highs, lows = price_series(at_least=1, high=high, low=low)
    _check_range(highs, lows)
    return math.sqrt(float(np.mean(np.log(highs / lows) ** 2)) / (4.0 * math.log(2.0)))


def garman_klass(open: ArrayLike, high: ArrayLike, low: ArrayLike, close: ArrayLike) -> float:  # noqa: A002
    """Root mean of ``log(high / low)**2 / 2 - (2 log 2 - 1) log(close / open)**2``.

    Parameters
    ----------
    open, high, low, close : array_like of float, shape (n_sessions,)
        Bars; at least one.

    Returns
    -------
    volatility : float
        Per period, as a fraction; overnight moves are not in it.

    Raises
    ------
    ShapeError
        If lengths differ or no session is given.
    PriceError
        If a price is not finite and positive, or outside its bar's range.

    References
    ----------
    Garman, Klass (1980), "On the Estimation of Security Price Volatilities from Historical Data", J. Business 53(1).

    Examples
    --------
    >>> round(garman_klass([100.0], [102.0], [100.0], [101.0]), 6)
    0.012563
    """
    opens, highs, lows, closes = _bars(open, high, low, close, at_least=1)
    inside = np.log(highs / lows) ** 2 / 2.0 - (2.0 * math.log(2.0) - 1.0) * np.log(closes / opens) ** 2
    return math.sqrt(max(0.0, float(inside.mean())))


def rogers_satchell(open: ArrayLike, high: ArrayLike, low: ArrayLike, close: ArrayLike) -> float:  # noqa: A002
    """Root mean of ``log(h/c) log(h/o) + log(l/c) log(l/o)``, which a drift does not disturb.

    Parameters
    ----------
    open, high, low, close : array_like of float, shape (n_sessions,)
        Bars; at least one.

    Returns
    -------
    volatility : float
        Per period, as a fraction; overnight moves are not in it.

    Raises
    ------
    ShapeError
        If lengths differ or no session is given.
    PriceError
        If a price is not finite and positive, or outside its bar's range.

    References
    ----------
    Rogers, Satchell (1991), "Estimating Variance from High, Low and Closing Prices", Annals of Applied Probability
    1(4).

    Examples
    --------
    >>> round(rogers_satchell([100.0], [102.0], [99.0], [101.0]), 6)
    0.019903
    """
    return math.sqrt(_rogers_satchell_variance(*_bars(open, high, low, close, at_least=1)))


def yang_zhang(open: ArrayLike, high: ArrayLike, low: ArrayLike, close: ArrayLike) -> float:  # noqa: A002
    """Overnight variance, plus a mix of open-to-close and Rogers-Satchell variance; drift and gaps both allowed.

    With ``n`` sessions after the first: ``v = v_overnight + k v_open_close + (1 - k) v_rogers_satchell`` and
    ``k = 0.34 / (1.34 + (n + 1) / (n - 1))``; the first two are sample variances.

    Parameters
    ----------
    open, high, low, close : array_like of float, shape (n_sessions,)
        Bars; at least three. The first one gives only its close.

    Returns
    -------
    volatility : float
        Per period, as a fraction.

    Raises
    ------
    ShapeError
        If lengths differ or fewer than three sessions are given.
    PriceError
        If a price is not finite and positive, or outside its bar's range.

    References
    ----------
    Yang, Zhang (2000), "Drift-Independent Volatility Estimation Based on High, Low, Open, and Close Prices",
    J. Business 73(3).

    Examples
    --------
    >>> bars = [100.0, 102.0, 101.0], [103.0, 104.0, 102.0], [99.0, 100.0, 98.0], [101.0, 103.0, 99.0]
    >>> round(yang_zhang(*bars), 6)
    0.033188
    """
    opens, highs, lows, closes = _bars(open, high, low, close, at_least=3)
    overnight = np.log(opens[1:] / closes[:-1])
    inside = np.log(closes[1:] / opens[1:])
    n = len(overnight)
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    range_variance = _rogers_satchell_variance(opens[1:], highs[1:], lows[1:], closes[1:])
    return math.sqrt(float(np.var(overnight, ddof=1)) + k * float(np.var(inside, ddof=1)) + (1.0 - k) * range_variance)


def _rogers_satchell_variance(opens: FloatArray, highs: FloatArray, lows: FloatArray, closes: FloatArray) -> float:
    up = np.log(highs / closes) * np.log(highs / opens)
    down = np.log(lows / closes) * np.log(lows / opens)
    return max(0.0, float(np.mean(up + down)))


def _bars(
    opens: ArrayLike, highs: ArrayLike, lows: ArrayLike, closes: ArrayLike, *, at_least: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    first, top, bottom, last = price_series(at_least=at_least, open=opens, high=highs, low=lows, close=closes)
    _check_range(top, bottom)
    for name, prices in (("open", first), ("close", last)):
        outside = (prices > top) | (prices < bottom)
        if outside.any():
            index = int(np.flatnonzero(outside)[0])
            raise PriceError(
                f"{name}[{index}]={prices[index]} lies outside its bar, {bottom[index]} to {top[index]}.",
                field=name,
                value=float(prices[index]),
                allowed=f"[{bottom[index]}, {top[index]}]",
            )
    return first, top, bottom, last


def _check_range(highs: FloatArray, lows: FloatArray) -> None:
    if (highs < lows).any():
        index = int(np.flatnonzero(highs < lows)[0])
        raise PriceError(
            f"high[{index}]={highs[index]} is below low[{index}]={lows[index]}.",
            field="high",
            value=float(highs[index]),
            allowed=f">= {lows[index]}",
        )
