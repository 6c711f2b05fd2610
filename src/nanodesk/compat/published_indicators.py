"""The published indicators: lists in, lists of the same length out, ``nan`` during the look-back.

TA-Lib's conventions in a few loops each, so that the compatible names need no extra. New code uses
``nanodesk.indicators``, which is TA-Lib itself.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from nanodesk.compat import published_arguments as arguments
from nanodesk.market.arrays import FloatArray


def rsi(close: object, period: object = 14) -> list[float]:
    """Relative strength index with Wilder's smoothing.

    Parameters
    ----------
    close : sequence of float, length n
        Closing prices.
    period : int, default 14
        Smoothing length, in bars; the first value stands at this index.

    Returns
    -------
    index : list of float, length n
        0 to 100; 0 where nothing moved, 100 where nothing fell.

    References
    ----------
    Wilder (1978), "New Concepts in Technical Trading Systems".

    Examples
    --------
    >>> rsi([1.0, 2.0, 1.0, 2.0], 2)
    [nan, nan, 50.0, 75.0]
    """
    prices = arguments.reals(close, "close").tolist()
    length = arguments.unsigned(period, "period")
    values = [math.nan] * len(prices)
    if length < 1 or len(prices) <= length:
        return values
    gain = loss = 0.0
    for before, now in pairwise(prices[: length + 1]):
        if now > before:
            gain += now - before
        else:
            loss -= now - before
    gain, loss = gain / length, loss / length
    values[length] = _strength(gain, loss)
    for bar in range(length + 1, len(prices)):
        change = prices[bar] - prices[bar - 1]
        gain = (gain * (length - 1) + (change if change > 0.0 else 0.0)) / length
        loss = (loss * (length - 1) + (-change if change < 0.0 else 0.0)) / length
        values[bar] = _strength(gain, loss)
    return values


def _strength(gain: float, loss: float) -> float:
    if loss == 0.0:
        return 0.0 if gain == 0.0 else 100.0
    return 100.0 - 100.0 / (1.0 + gain / loss)


def macd(
    close: object, fast_period: object = 12, slow_period: object = 26, signal_period: object = 9
) -> tuple[list[float], list[float], list[float]]:
    """Difference of two exponential means, its own mean, and the difference of those two.

    Parameters
    ----------
    close : sequence of float, length n
        Closing prices.
    fast_period, slow_period : int, default 12 and 26
        Lengths in bars, ``1 <= fast < slow``; else every value is ``nan``.
    signal_period : int, default 9
        Length of the mean of the line, in bars, at least 1.

    Returns
    -------
    line, signal, histogram : list of float, length n
        The line starts at ``slow_period - 1``, the others ``signal_period - 1`` later.
    """
    prices = arguments.reals(close, "close")
    fast = arguments.unsigned(fast_period, "fast_period")
    slow = arguments.unsigned(slow_period, "slow_period")
    smooth = arguments.unsigned(signal_period, "signal_period")
    line, signal = np.full(len(prices), math.nan), np.full(len(prices), math.nan)
    if 1 <= fast < slow <= len(prices) and smooth >= 1:
        start = slow - 1
        line[start:] = _exponential_mean(prices[slow - fast :], fast) - _exponential_mean(prices, slow)
        if len(prices) - start >= smooth:
            signal[start + smooth - 1 :] = _exponential_mean(line[start:], smooth)
    return line.tolist(), signal.tolist(), (line - signal).tolist()


def _exponential_mean(values: FloatArray, period: int) -> FloatArray:
    """Seeded with the mean of the first `period` values; one element for each value from there on."""
    weight = 2.0 / (period + 1)
    level = float(values[:period].mean())
    means = [level]
    for value in values[period:].tolist():
        level += (value - level) * weight
        means.append(level)
    return np.array(means)


def bbands(
    close: object, period: object = 20, num_std_up: object = 2.0, num_std_dn: object = 2.0
) -> tuple[list[float], list[float], list[float]]:
    """Mean of the window and bands a number of population deviations above and below it.

    Parameters
    ----------
    close : sequence of float, length n
        Closing prices.
    period : int, default 20
        Window in bars.
    num_std_up, num_std_dn : float, default 2
        Deviations above and below.

    Returns
    -------
    upper, middle, lower : list of float, length n
        ``nan`` before index ``period - 1``.

    References
    ----------
    Bollinger (2001), "Bollinger on Bollinger Bands".
    """
    prices = arguments.reals(close, "close")
    length = arguments.unsigned(period, "period")
    above, below = arguments.real(num_std_up, "num_std_up"), arguments.real(num_std_dn, "num_std_dn")
    middle, deviation = np.full(len(prices), math.nan), np.full(len(prices), math.nan)
    if 1 <= length <= len(prices):
        windows = np.lib.stride_tricks.sliding_window_view(prices, length)
        with np.errstate(invalid="ignore"):
            middle[length - 1 :] = windows.mean(axis=1)
            deviation[length - 1 :] = windows.std(axis=1)
    return (middle + above * deviation).tolist(), middle.tolist(), (middle - below * deviation).tolist()


def atr(high: object, low: object, close: object, period: object = 14) -> list[float]:
    """Average true range with Wilder's smoothing.

    Parameters
    ----------
    high, low, close : sequence of float, length n
        Prices of each bar; sequences of different lengths give only ``nan``.
    period : int, default 14
        Smoothing length, in bars.

    Returns
    -------
    ranges : list of float, length n
        The first value, at index ``period``, is the mean of the true ranges of bars 1 to ``period``.

    References
    ----------
    Wilder (1978), "New Concepts in Technical Trading Systems".
    """
    tops, bottoms = arguments.reals(high, "high"), arguments.reals(low, "low")
    closes = arguments.reals(close, "close")
    length = arguments.unsigned(period, "period")
    values = [math.nan] * len(tops)
    if length < 1 or not len(tops) == len(bottoms) == len(closes) > length:
        return values
    spans = _true_ranges(tops, bottoms, closes)
    level = float(spans[:length].mean())
    values[length] = level
    for bar, span in enumerate(spans[length:].tolist(), start=length + 1):
        level = (level * (length - 1) + span) / length
        values[bar] = level
    return values


def _true_ranges(high: FloatArray, low: FloatArray, close: FloatArray) -> FloatArray:
    """From the second bar on; a missing price is left out of the maximum."""
    before = close[:-1]
    spans: FloatArray = np.fmax(np.fmax(high[1:] - low[1:], np.abs(high[1:] - before)), np.abs(low[1:] - before))
    return spans
