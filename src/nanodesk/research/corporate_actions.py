"""Splits and dividends: from marks and actions to adjusted prices that never change in hindsight.

An action is a factor ``f`` on the last session before it takes effect: a price of that session or earlier times
``f`` compares with the prices after it (``f = 0.5`` for two new shares per old one, ``0.99`` for a 1 % dividend).
With ``C[s]`` the product of all factors before session ``s``, starting where the dataset starts,

    adjusted to the first session:  P[s] / C[s]           (default)
    adjusted to the last session:   P[s] / C[s] * C[end]

Both give the same returns. The first is the default because ``C[s]`` uses nothing after ``s``: a panel read as of an
earlier day is bit for bit the beginning of a panel read later. The second is what vendors print, and changes all of
the past at every dividend.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from nanodesk.market.arrays import FloatArray
from nanodesk.research.quality import split_like

Adjust = Literal["total_return", "split", "none"]
Anchor = Literal["first", "last"]

_SMALLEST_SPLIT_MOVE = 0.18  # relative move of the price; a smaller action is a dividend (5 for 4 is 0.2)
_SPLIT_ROUNDING_FRAC = 0.005  # marks are ratios of prices rounded to a cent


def factors_from_actions(close: FloatArray, dividend: FloatArray | None, split: FloatArray | None) -> FloatArray:
    """Factor on the session before each ex-date.

    Parameters
    ----------
    close : ndarray of float64, shape (n_dates, n_symbols)
        Raw close; ``nan`` where not traded.
    dividend : ndarray of float64, shape (n_dates, n_symbols), or None
        Cash per new share on the ex-date.
    split : ndarray of float64, shape (n_dates, n_symbols), or None
        New shares per old share on the ex-date.

    Returns
    -------
    factor : ndarray of float64, shape (n_dates, n_symbols)
        One where nothing happens; row ``i`` holds the actions of ``i + 1``.

    Notes
    -----
    ``f = (1 - dividend * split / last_close) / split`` with the last close known before the ex-date; a dividend that
    is not smaller than the price is taken as a factor of one half, and reported by the jump gate.
    """
    factor = np.ones_like(close)
    before = _last_known(close)[:-1]
    shares = np.ones_like(before) if split is None else np.nan_to_num(split[1:], nan=1.0)
    paid = np.zeros_like(before) if dividend is None else np.nan_to_num(dividend[1:], nan=0.0)
    share_of_price = np.nan_to_num(paid * shares / before, nan=0.0)
    factor[:-1] = (1.0 - np.minimum(share_of_price, 0.5)) / shares
    return factor


def cumulative(factor: FloatArray) -> FloatArray:
    """Product of all factors strictly before each session.

    Parameters
    ----------
    factor : ndarray of float64, shape (n_dates, n_symbols)
        Factors as described above; ``nan`` counts as one.

    Returns
    -------
    product : ndarray of float64, shape (n_dates, n_symbols)
        The first row is one.

    Examples
    --------
    >>> cumulative(np.array([[0.5], [1.0], [np.nan]]))[:, 0].tolist()
    [1.0, 0.5, 0.5]
    """
    product = np.ones_like(factor)
    np.cumprod(np.where(np.isnan(factor[:-1]), 1.0, factor[:-1]), axis=0, out=product[1:])
    return product


def split_part(factor: FloatArray) -> FloatArray:
    """The factors that are splits; every other action becomes one.

    Parameters
    ----------
    factor : ndarray of float64, shape (n_dates, n_symbols)
        Factors of any action.

    Returns
    -------
    splits : ndarray of float64, shape (n_dates, n_symbols)
        A factor above one is always a reverse split: a dividend only lowers prices. Below one it is a split when it
        moves the price by at least 18 % and its inverse is close to a common ratio.

    Examples
    --------
    >>> split_part(np.array([[0.5, 0.99, 10.0, 0.6666]])).round(4).tolist()
    [[0.5, 1.0, 10.0, 0.6667]]
    """
    splits = np.ones_like(factor)
    for row, column in np.argwhere((factor > 1.0) | (factor < 1.0 - _SMALLEST_SPLIT_MOVE)):
        splits[row, column] = _split_factor(float(factor[row, column]))
    return splits


def _split_factor(factor: float) -> float:
    ratio = split_like(factor)
    if ratio is not None and abs(factor * ratio - 1.0) <= _SPLIT_ROUNDING_FRAC:
        return 1.0 / ratio
    return factor if factor > 1.0 else 1.0


def to_actions(factor: FloatArray, close: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Dividends and splits on their ex-dates, from factors.

    Parameters
    ----------
    factor : ndarray of float64, shape (n_dates, n_symbols)
        Factors of any action.
    close : ndarray of float64, shape (n_dates, n_symbols)
        Raw close.

    Returns
    -------
    dividend : ndarray of float64, shape (n_dates, n_symbols)
        Cash per new share on the session after the mark.
    split : ndarray of float64, shape (n_dates, n_symbols)
        New shares per old share on the session after the mark.
    """
    splits = split_part(factor)
    rest = np.where(np.isnan(factor), 1.0, factor) / splits
    dividend, split = np.zeros_like(close), np.ones_like(close)
    before = _last_known(close)[:-1]
    split[1:] = 1.0 / splits[:-1]
    dividend[1:] = np.maximum(np.nan_to_num(before * splits[:-1] * (1.0 - rest[:-1]), nan=0.0), 0.0)
    return dividend, split


def adjusted_bars(
    matrices: Mapping[str, FloatArray], bars: Mapping[str, FloatArray], *, adjust: Adjust, anchor: Anchor
) -> dict[str, FloatArray]:
    """The price matrices of a panel, adjusted as asked.

    Parameters
    ----------
    matrices : mapping of str to ndarray of float64, shape (n_dates, n_symbols)
        Raw ``close`` and whatever actions the dataset has: ``next_factor``, or ``dividend`` and ``split``.
    bars : mapping of str to ndarray of float64, shape (n_dates, n_symbols)
        Raw open, high, low, close and volume, as far as they exist.
    adjust : {"total_return", "split", "none"}
        What prices are adjusted for.
    anchor : {"first", "last"}
        Session whose prices stay as they were.

    Returns
    -------
    columns : dict of str to ndarray of float64, shape (n_dates, n_symbols)
        The bars and ``raw_close``; ``dividend`` and ``split`` as well where prices stay raw and actions exist. Volume
        moves against the price, so that their product stays the value traded.
    """
    raw = bars["close"]
    factor = _factors(matrices)
    if factor is None:
        return {**bars, "raw_close": raw}
    if adjust == "none":
        dividend, split = to_actions(factor, raw)
        return {**bars, "raw_close": raw, "dividend": dividend, "split": split}
    product = cumulative(factor if adjust == "total_return" else split_part(factor))
    scale = 1.0 / product if anchor == "first" else product[-1] / product
    scaled = {name: bar / scale if name == "volume" else bar * scale for name, bar in bars.items()}
    return {**scaled, "raw_close": raw}


def _factors(matrices: Mapping[str, FloatArray]) -> FloatArray | None:
    if "next_factor" in matrices:
        return np.nan_to_num(matrices["next_factor"], nan=1.0)
    if "dividend" in matrices or "split" in matrices:
        return factors_from_actions(matrices["close"], matrices.get("dividend"), matrices.get("split"))
    return None


def _last_known(close: FloatArray) -> FloatArray:
    """Each cell, or the last one above it that is not ``nan``."""
    rows = np.where(np.isnan(close), 0, np.arange(len(close))[:, None])
    return np.take_along_axis(close, np.maximum.accumulate(rows, axis=0), axis=0)
