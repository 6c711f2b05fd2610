"""Price together with traded quantity.

Conventions are TA-Lib's: outputs are as long as inputs, with ``nan`` in the lookback; leading ``nan`` of an input
are skipped; a ``nan`` further on makes what depends on it ``nan``, where sums run on everything after it.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from nanodesk.indicators.talib_calls import call, check_period, series
from nanodesk.market.arrays import FloatArray


def obv(close: ArrayLike, volume: ArrayLike) -> FloatArray:
    """On-balance volume: volume added on rising closes and taken away on falling ones.

    Parameters
    ----------
    close : array_like of float, shape (n_bars,)
        Closing prices, oldest first.
    volume : array_like of float, shape (n_bars,)
        Traded quantity.

    Returns
    -------
    obv : ndarray of float64, shape (n_bars,)
        Running sum, starting at the first volume.

    Raises
    ------
    ShapeError
        If an input is empty or lengths differ.
    MissingExtraError
        If TA-Lib is not installed.

    References
    ----------
    Granville (1963), "Granville's New Key to Stock Market Profits".

    Examples
    --------
    >>> obv([10.0, 11.0, 10.5], [100.0, 50.0, 30.0])
    array([100., 150., 120.])
    """
    result: FloatArray = call("OBV", series(close=close, volume=volume))
    return result


def mfi(high: ArrayLike, low: ArrayLike, close: ArrayLike, volume: ArrayLike, *, period: int = 14) -> FloatArray:
    """Money flow index: relative strength of typical price times volume.

    Parameters
    ----------
    high, low, close : array_like of float, shape (n_bars,)
        Bars, oldest first.
    volume : array_like of float, shape (n_bars,)
        Traded quantity.
    period : int, default 14
        Bars looked at; at least 2.

    Returns
    -------
    mfi : ndarray of float64, shape (n_bars,)
        0 to 100.

    Raises
    ------
    ShapeError
        If an input is empty or lengths differ.
    ValidationError
        If ``period`` is out of range.
    MissingExtraError
        If TA-Lib is not installed.
    """
    inputs = series(high=high, low=low, close=close, volume=volume)
    result: FloatArray = call("MFI", inputs, timeperiod=check_period("period", period))
    return result


def accumulation_distribution(high: ArrayLike, low: ArrayLike, close: ArrayLike, volume: ArrayLike) -> FloatArray:
    """Running sum of volume weighted by where the close lies in its bar, from -1 at the low to 1 at the high.

    Parameters
    ----------
    high, low, close : array_like of float, shape (n_bars,)
        Bars, oldest first.
    volume : array_like of float, shape (n_bars,)
        Traded quantity.

    Returns
    -------
    line : ndarray of float64, shape (n_bars,)
        Running sum.

    Raises
    ------
    ShapeError
        If an input is empty or lengths differ.
    MissingExtraError
        If TA-Lib is not installed.

    Examples
    --------
    >>> accumulation_distribution([2.0], [0.0], [1.5], [100.0])
    array([50.])
    """
    result: FloatArray = call("AD", series(high=high, low=low, close=close, volume=volume))
    return result
