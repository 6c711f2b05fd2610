"""Where values fall on an axis, and which values get a tick."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nanodesk.market.arrays import FloatArray

LOG_DECADES = 6.0
"""A log axis reaches at most this many decades below its top; what is lower, or not positive, lies on its floor."""

OUTLIER_TAIL = 0.01
OUTLIER_STRETCH = 3.0

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear or logarithmic axis.

    Parameters
    ----------
    low, high : float
        Ends of the axis, ``low < high``; both positive if ``log``.
    ticks : tuple of float
        Values that get a grid line, inside the axis.
    log : bool, default False
        Whether equal distances are equal ratios.
    """

    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool = False

    def fraction(self, values: FloatArray) -> FloatArray:
        """Share of the axis below each value, limited to [0, 1].

        Parameters
        ----------
        values : ndarray of float64
            Any shape; ``nan`` stays ``nan``.

        Returns
        -------
        fraction : ndarray of float64
            0 at ``low``, 1 at ``high``.
        """
        values = np.asarray(values, dtype=np.float64)
        if not self.log:
            return np.clip((values - self.low) / (self.high - self.low), 0.0, 1.0)
        span = math.log(self.high / self.low)
        return np.clip(np.log(np.fmax(values, self.low) / self.low) / span + 0.0 * values, 0.0, 1.0)


def linear_scale(values: FloatArray, *, count: int = 5, zero: bool = False) -> Scale:
    """A linear axis around the finite values, with ticks of 1, 2, 2.5 or 5 times a power of ten.

    Parameters
    ----------
    values : ndarray of float64
        What is drawn; may be empty or all ``nan``.
    count : int, default 5
        Rough number of ticks.
    zero : bool, default False
        Whether zero must be on the axis.

    Returns
    -------
    scale : Scale
        Ends on the data, not on ticks, with a little room.

    Examples
    --------
    >>> linear_scale(np.array([0.0, 10.0])).ticks
    (0.0, 2.0, 4.0, 6.0, 8.0, 10.0)
    """
    low, high = _range(values)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= 1e-12 * max(1.0, abs(low), abs(high)):
        pad = 0.5 * abs(low) if low else 1.0
        low, high = low - (0.0 if zero and low >= 0 else pad), high + pad
    room = 0.03 * (high - low)
    bottom = low if zero and low == 0.0 else low - room
    top = high if zero and high == 0.0 else high + room
    return Scale(bottom, top, nice_ticks(bottom, top, count))


def without_outliers(values: FloatArray) -> FloatArray:
    """The values, limited to where nearly all of them lie if a few stretch the axis beyond use.

    Parameters
    ----------
    values : ndarray of float64
        What is drawn.

    Returns
    -------
    limited : ndarray of float64
        The same values unless their range is more than ``OUTLIER_STRETCH`` times that of all but the outermost
        ``OUTLIER_TAIL`` on each side; then limited to that range, widened by half on each side.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return values
    low, high = (float(edge) for edge in np.quantile(finite, [OUTLIER_TAIL, 1.0 - OUTLIER_TAIL]))
    if not high > low or float(np.ptp(finite)) <= OUTLIER_STRETCH * (high - low):
        return values
    room = 0.5 * (high - low)
    return np.clip(values, low - room, high + room)


def log_scale(values: FloatArray, *, count: int = 5) -> Scale:
    """A logarithmic axis around the positive values.

    Parameters
    ----------
    values : ndarray of float64
        What is drawn; values that are not positive lie on the floor of the axis.
    count : int, default 5
        Rough number of ticks.

    Returns
    -------
    scale : Scale
        With ticks of 1, 2 and 5 times powers of ten over wide ranges, evenly stepped ones over narrow ranges.
    """
    positive = values[np.isfinite(values) & (values > 0.0)]
    low, high = _range(positive) if len(positive) else (1.0, 1.0)
    low = max(low, high / 10.0**LOG_DECADES)
    if high / low < 1.02:
        low, high = low / 1.02, high * 1.02
    room = 1.03 if high / low < 10 else 1.1
    low, high = low / room, high * room
    ticks = nice_ticks(low, high, count) if high / low < 8.0 else _decade_ticks(low, high, count)
    return Scale(low, high, tuple(tick for tick in ticks if tick > 0.0), log=True)


def nice_ticks(low: float, high: float, count: int) -> tuple[float, ...]:
    """Round values between two ends.

    Parameters
    ----------
    low, high : float
        Ends, ``low < high``.
    count : int
        Rough number of values wanted.

    Returns
    -------
    ticks : tuple of float
        Multiples of 1, 2, 2.5 or 5 times a power of ten.

    Examples
    --------
    >>> nice_ticks(-0.13, 0.31, 5)
    (-0.1, 0.0, 0.1, 0.2, 0.3)
    """
    raw = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((m * power for m in (1.0, 2.0, 2.5, 5.0) if m * power >= raw * 0.85), 10.0 * power)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(float(f"{i * step:.12g}") for i in range(first, last + 1))


def date_ticks(first: np.datetime64, last: np.datetime64, *, count: int = 9) -> tuple[tuple[np.datetime64, str], ...]:
    """Starts of years, months, or days between two dates, with their labels.

    Parameters
    ----------
    first, last : datetime64[D]
        Ends of the axis.
    count : int, default 9
        Largest number of ticks.

    Returns
    -------
    ticks : tuple of (datetime64[D], str)
        In order; at least one.

    Examples
    --------
    >>> [label for _, label in date_ticks(np.datetime64("1990-01-02"), np.datetime64("2022-12-28"))]
    ['1995', '2000', '2005', '2010', '2015', '2020']
    """
    years = np.arange(first.astype("datetime64[Y]"), last.astype("datetime64[Y]") + 1)
    for step in (1, 2, 5, 10, 20, 50):
        ticks = [year.astype("datetime64[D]") for year in years if (int(year.astype(int)) + 1970) % step == 0]
        ticks = [tick for tick in ticks if first <= tick <= last]
        if len(ticks) <= count:
            break
    if len(ticks) >= 4:
        return tuple((tick, str(tick)[:4]) for tick in ticks)
    return _month_ticks(first, last, count)


def _month_ticks(first: np.datetime64, last: np.datetime64, count: int) -> tuple[tuple[np.datetime64, str], ...]:
    months = np.arange(first.astype("datetime64[M]"), last.astype("datetime64[M]") + 1)
    for step in (1, 2, 3, 6):
        ticks = [month.astype("datetime64[D]") for month in months if int(month.astype(int)) % step == 0]
        ticks = [tick for tick in ticks if first <= tick <= last]
        if len(ticks) <= count:
            break
    if len(ticks) >= 2:
        return tuple((tick, f"{_MONTHS[int(str(tick)[5:7]) - 1]} {str(tick)[:4]}") for tick in ticks)
    days = int((last - first).astype(int))
    step = max(1, math.ceil((days + 1) / min(count, 6)))
    chosen = [first + offset for offset in range(0, days + 1, step)]
    return tuple((day, f"{int(str(day)[8:10])} {_MONTHS[int(str(day)[5:7]) - 1]}") for day in chosen)


def _decade_ticks(low: float, high: float, count: int) -> tuple[float, ...]:
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        ticks = [m * 10.0**e for e in exponents for m in steps if low <= m * 10.0**e <= high]
        if len(ticks) <= count + 3:
            break
    return tuple(float(f"{tick:.12g}") for tick in ticks)


def _range(values: FloatArray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
