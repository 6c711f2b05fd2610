"""Averages that lie over the price.

Conventions are TA-Lib's: outputs are as long as inputs, with ``nan`` in the lookback; leading ``nan`` of an input
are skipped; a ``nan`` further on makes what depends on it ``nan``, where sums run on everything after it.
"""

from __future__ import annotations

from typing import NamedTuple

from numpy.typing import ArrayLike

from nanodesk.indicators.talib_calls import call, check_period, check_width, series
from nanodesk.market.arrays import FloatArray


def sma(close: ArrayLike, *, period: int = 30) -> FloatArray:
    """Simple moving average.

    Parameters
    ----------
    close : array_like of float, shape (n_bars,)
        Closing prices, oldest first.
    period : int, default 30
        Bars looked at; at least 2.

    Returns
    -------
    sma : ndarray of float64, shape (n_bars,)
        Mean of the last ``period`` closes.

    Raises
    ------
    ShapeError
        If an input is empty.
    ValidationError
        If ``period`` is out of range.
    MissingExtraError
        If TA-Lib is not installed.

    Examples
    --------
    >>> sma([1.0, 2.0, 3.0, 4.0], period=2)
    array([nan, 1.5, 2.5, 3.5])
    """
    inputs = series(close=close)
    result: FloatArray = call("SMA", inputs, timeperiod=check_period("period", period))
    return result


def ema(close: ArrayLike, *, period: int = 30) -> FloatArray:
    """Exponential moving average with weight ``2 / (period + 1)``, seeded by the first simple average.

    Parameters
    ----------
    close : array_like of float, shape (n_bars,)
        Closing prices, oldest first.
    period : int, default 30
        Bars looked at; at least 2.

    Returns
    -------
    ema : ndarray of float64, shape (n_bars,)
        Average.

    Raises
    ------
    ShapeError
        If an input is empty.
    ValidationError
        If ``period`` is out of range.
    MissingExtraError
        If TA-Lib is not installed.

    Examples
    --------
    >>> ema([1.0, 2.0, 3.0, 4.0], period=2)
    array([nan, 1.5, 2.5, 3.5])
    """
    inputs = series(close=close)
    result: FloatArray = call("EMA", inputs, timeperiod=check_period("period", period))
    return result


def wma(close: ArrayLike, *, period: int = 30) -> FloatArray:
    """Linearly weighted moving average; the last close weighs most.

    Parameters
    ----------
    close : array_like of float, shape (n_bars,)
        Closing prices, oldest first.
    period : int, default 30
        Bars looked at; at least 2.

    Returns
    -------
    wma : ndarray of float64, shape (n_bars,)
        Average.

    Raises
    ------
    ShapeError
        If an input is empty.
    ValidationError
        If ``period`` is out of range.
    MissingExtraError
        If TA-Lib is not installed.

    Examples
    --------
    >>> wma([1.0, 2.0, 4.0], period=2).round(4)
    array([   nan, 1.6667, 3.3333])
    """
    inputs = series(close=close)
    result: FloatArray = call("WMA", inputs, timeperiod=check_period("period", period))
    return result


class BollingerBands(NamedTuple):
    """A moving average with a band around it.

    Parameters
    ----------
    upper, middle, lower : ndarray of float64, shape (n_bars,)
        In price units.
    """

    upper: FloatArray
    middle: FloatArray
    lower: FloatArray


def bollinger(
    close: ArrayLike, *, period: int = 20, deviations_up: float = 2.0, deviations_down: float = 2.0
) -> BollingerBands:
    """Simple moving average, and bands some population standard deviations above and below it.

    Parameters
    ----------
    close : array_like of float, shape (n_bars,)
        Closing prices, oldest first.
    period : int, default 20
        Bars looked at; at least 2.
    deviations_up, deviations_down : float, default 2.0
        Width of the bands, in standard deviations; not negative.

    Returns
    -------
    bands : BollingerBands
        ``(upper, middle, lower)``.

    Raises
    ------
    ShapeError
        If the input is empty.
    ValidationError
        If ``period`` or a width is out of range.
    MissingExtraError
        If TA-Lib is not installed.

    References
    ----------
    Bollinger (2001), "Bollinger on Bollinger Bands".

    Examples
    --------
    >>> bollinger([1.0, 3.0], period=2)
    BollingerBands(upper=array([nan,  4.]), middle=array([nan,  2.]), lower=array([nan,  0.]))
    """
    inputs = series(close=close)
    up = check_width("deviations_up", deviations_up)
    down = check_width("deviations_down", deviations_down)
    period = check_period("period", period)
    return BollingerBands(*call("BBANDS", inputs, timeperiod=period, nbdevup=up, nbdevdn=down, matype=0))
