"""Range of the price.

Conventions are TA-Lib's: outputs are as long as inputs, with ``nan`` in the lookback; leading ``nan`` of an input
are skipped; a ``nan`` further on makes what depends on it ``nan``, where sums run on everything after it.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from nanodesk.indicators.talib_calls import call, check_period, series
from nanodesk.market.arrays import FloatArray


def true_range(high: ArrayLike, low: ArrayLike, close: ArrayLike) -> FloatArray:
    """Largest of the bar's range and its distances from the close before.

    Parameters
    ----------
    high, low, close : array_like of float, shape (n_bars,)
        Bars, oldest first.

    Returns
    -------
    true_range : ndarray of float64, shape (n_bars,)
        In price units; the first bar has none.

    Raises
    ------
    ShapeError
        If an input is empty or lengths differ.
    MissingExtraError
        If TA-Lib is not installed.

    Examples
    --------
    >>> true_range([10.0, 12.0], [9.0, 11.5], [9.5, 12.0])
    array([nan, 2.5])
    """
    result: FloatArray = call("TRANGE", series(high=high, low=low, close=close))
    return result


def atr(high: ArrayLike, low: ArrayLike, close: ArrayLike, *, period: int = 14) -> FloatArray:
    """Average true range with Wilder's smoothing; first value at index ``period``.

    Parameters
    ----------
    high, low, close : array_like of float, shape (n_bars,)
        Bars, oldest first.
    period : int, default 14
        Bars looked at; at least 1.

    Returns
    -------
    atr : ndarray of float64, shape (n_bars,)
        In price units.

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
    result: FloatArray = call("ATR", inputs, timeperiod=check_period("period", period, least=1))
    return result


def natr(high: ArrayLike, low: ArrayLike, close: ArrayLike, *, period: int = 14) -> FloatArray:
    """Average true range in percent of the close.

    Parameters
    ----------
    high, low, close : array_like of float, shape (n_bars,)
        Bars, oldest first.
    period : int, default 14
        Bars looked at; at least 1.

    Returns
    -------
    natr : ndarray of float64, shape (n_bars,)
        Percent.

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
    result: FloatArray = call("NATR", inputs, timeperiod=check_period("period", period, least=1))
    return result
