"""Speed and direction of the price.

Conventions are TA-Lib's: outputs are as long as inputs, with ``nan`` in the lookback; leading ``nan`` of an input
are skipped; a ``nan`` further on makes what depends on it ``nan``, where sums run on everything after it.
"""

from __future__ import annotations

from typing import NamedTuple

from numpy.typing import ArrayLike

from nanodesk.errors import ValidationError
from nanodesk.indicators.talib_calls import call, check_period, series
from nanodesk.market.arrays import FloatArray


def rsi(close: ArrayLike, *, period: int = 14) -> FloatArray:
    """Relative strength index with Wilder's smoothing; first value at index ``period``.

    Parameters
    ----------
    close : array_like of float, shape (n_bars,)
        Closing prices, oldest first.
    period : int, default 14
        Bars looked at; at least 2.

    Returns
    -------
    rsi : ndarray of float64, shape (n_bars,)
        0 to 100; 0 where the price never moved, 100 where it never fell.

    Raises
    ------
    ShapeError
        If an input is empty.
    ValidationError
        If ``period`` is out of range.
    MissingExtraError
        If TA-Lib is not installed.

    References
    ----------
    Wilder (1978), "New Concepts in Technical Trading Systems".

    Examples
    --------
    >>> rsi([1.0, 2.0, 3.0, 2.0], period=2)
    array([ nan,  nan, 100.,  50.])
    """
    inputs = series(close=close)
    result: FloatArray = call("RSI", inputs, timeperiod=check_period("period", period))
    return result


class Macd(NamedTuple):
    """Moving average convergence and divergence.

    Parameters
    ----------
    line, signal, histogram : ndarray of float64, shape (n_bars,)
        Fast less slow average; average of the line; line less signal. In price units.
    """

    line: FloatArray
    signal: FloatArray
    histogram: FloatArray


def macd(close: ArrayLike, *, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd:
    """Difference of two exponential averages, and its own average; first values at index ``slow + signal - 2``.

    Parameters
    ----------
    close : array_like of float, shape (n_bars,)
        Closing prices, oldest first.
    fast, slow : int, default 12 and 26
        Bars of the two averages; at least 2, ``fast < slow``.
    signal : int, default 9
        Bars of the average of the difference; at least 1.

    Returns
    -------
    macd : Macd
        ``(line, signal, histogram)``.

    Raises
    ------
    ShapeError
        If the input is empty.
    ValidationError
        If a number of bars is out of range or ``fast >= slow``.
    MissingExtraError
        If TA-Lib is not installed.

    References
    ----------
    Appel (2005), "Technical Analysis: Power Tools for Active Investors".
    """
    inputs = series(close=close)
    fast, slow = check_period("fast", fast), check_period("slow", slow)
    if fast >= slow:
        raise ValidationError(f"fast={fast} must be below slow={slow}.", field="fast", value=fast, allowed=f"< {slow}")
    signal = check_period("signal", signal, least=1)
    return Macd(*call("MACD", inputs, fastperiod=fast, slowperiod=slow, signalperiod=signal))


class Stochastic(NamedTuple):
    """Place of the close within the recent range.

    Parameters
    ----------
    k, d : ndarray of float64, shape (n_bars,)
        Smoothed place, 0 to 100, and its average.
    """

    k: FloatArray
    d: FloatArray


def stochastic(
    high: ArrayLike, low: ArrayLike, close: ArrayLike, *, period: int = 14, smooth_k: int = 3, smooth_d: int = 3
) -> Stochastic:
    """Slow stochastic oscillator: where the close stands in the range of the last ``period`` bars.

    Parameters
    ----------
    high, low, close : array_like of float, shape (n_bars,)
        Bars, oldest first.
    period : int, default 14
        Bars of the range; at least 1.
    smooth_k, smooth_d : int, default 3
        Bars of the simple averages that smooth ``k`` and give ``d``; at least 1.

    Returns
    -------
    stochastic : Stochastic
        ``(k, d)``.

    Raises
    ------
    ShapeError
        If an input is empty or lengths differ.
    ValidationError
        If a number of bars is out of range.
    MissingExtraError
        If TA-Lib is not installed.
    """
    inputs = series(high=high, low=low, close=close)
    return Stochastic(
        *call(
            "STOCH",
            inputs,
            fastk_period=check_period("period", period, least=1),
            slowk_period=check_period("smooth_k", smooth_k, least=1),
            slowk_matype=0,
            slowd_period=check_period("smooth_d", smooth_d, least=1),
            slowd_matype=0,
        )
    )


def adx(high: ArrayLike, low: ArrayLike, close: ArrayLike, *, period: int = 14) -> FloatArray:
    """Average directional index: strength of a trend, whatever its direction.

    Parameters
    ----------
    high, low, close : array_like of float, shape (n_bars,)
        Bars, oldest first.
    period : int, default 14
        Bars looked at; at least 2.

    Returns
    -------
    adx : ndarray of float64, shape (n_bars,)
        0 to 100; first value at index ``2 * period - 1``.

    Raises
    ------
    ShapeError
        If an input is empty or lengths differ.
    ValidationError
        If ``period`` is out of range.
    MissingExtraError
        If TA-Lib is not installed.

    References
    ----------
    Wilder (1978), "New Concepts in Technical Trading Systems".
    """
    inputs = series(high=high, low=low, close=close)
    result: FloatArray = call("ADX", inputs, timeperiod=check_period("period", period))
    return result


def cci(high: ArrayLike, low: ArrayLike, close: ArrayLike, *, period: int = 14) -> FloatArray:
    """Commodity channel index: typical price less its average, over 0.015 mean absolute deviations.

    Parameters
    ----------
    high, low, close : array_like of float, shape (n_bars,)
        Bars, oldest first.
    period : int, default 14
        Bars looked at; at least 2.

    Returns
    -------
    cci : ndarray of float64, shape (n_bars,)
        Mostly within -100 and 100.

    Raises
    ------
    ShapeError
        If an input is empty or lengths differ.
    ValidationError
        If ``period`` is out of range.
    MissingExtraError
        If TA-Lib is not installed.

    References
    ----------
    Lambert (1980), "Commodity Channel Index", Commodities 9(10).
    """
    inputs = series(high=high, low=low, close=close)
    result: FloatArray = call("CCI", inputs, timeperiod=check_period("period", period))
    return result


def williams_r(high: ArrayLike, low: ArrayLike, close: ArrayLike, *, period: int = 14) -> FloatArray:
    """Williams %R: how far the close lies below the recent high, as a share of the recent range.

    Parameters
    ----------
    high, low, close : array_like of float, shape (n_bars,)
        Bars, oldest first.
    period : int, default 14
        Bars looked at; at least 2.

    Returns
    -------
    williams_r : ndarray of float64, shape (n_bars,)
        -100 to 0.

    Raises
    ------
    ShapeError
        If an input is empty or lengths differ.
    ValidationError
        If ``period`` is out of range.
    MissingExtraError
        If TA-Lib is not installed.
    """
    inputs = series(high=high, low=low, close=close)
    result: FloatArray = call("WILLR", inputs, timeperiod=check_period("period", period))
    return result


def roc(close: ArrayLike, *, period: int = 10) -> FloatArray:
    """Rate of change over ``period`` bars, in percent.

    Parameters
    ----------
    close : array_like of float, shape (n_bars,)
        Closing prices, oldest first.
    period : int, default 10
        Bars looked at; at least 1.

    Returns
    -------
    roc : ndarray of float64, shape (n_bars,)
        ``(close / close[period bars ago] - 1) * 100``.

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
    >>> roc([100.0, 110.0, 121.0], period=1)
    array([nan, 10., 10.])
    """
    inputs = series(close=close)
    result: FloatArray = call("ROC", inputs, timeperiod=check_period("period", period, least=1))
    return result


def momentum(close: ArrayLike, *, period: int = 10) -> FloatArray:
    """Change over ``period`` bars, in price units.

    Parameters
    ----------
    close : array_like of float, shape (n_bars,)
        Closing prices, oldest first.
    period : int, default 10
        Bars looked at; at least 1.

    Returns
    -------
    momentum : ndarray of float64, shape (n_bars,)
        ``close - close[period bars ago]``.

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
    >>> momentum([100.0, 110.0, 121.0], period=1)
    array([nan, 10., 11.])
    """
    inputs = series(close=close)
    result: FloatArray = call("MOM", inputs, timeperiod=check_period("period", period, least=1))
    return result
