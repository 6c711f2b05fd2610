"""Shapes as SVG text, and the thinning that keeps every extreme of a long line.

A plot is an outer ``svg`` of fixed height and fluid width, in which text and grid are placed by percent, around an
inner one that stretches its ``WIDTH`` units to whatever the screen gives: curves fit any width, text never scales.
"""

from __future__ import annotations

import numpy as np

from nanodesk.market.arrays import FloatArray, IntArray
from nanodesk.research.tearsheet.markup import Attribute, element

WIDTH = 1000.0
"""Units across a plot, whatever its width on the screen."""

BUCKETS = 420
"""Columns in which a long line keeps its extremes: about one per two pixels of a wide screen."""


def extreme_rows(values: FloatArray, buckets: int = BUCKETS) -> IntArray:
    """Rows that draw the same picture: the least and greatest value of each series in each bucket, and both ends.

    Parameters
    ----------
    values : ndarray of float64, shape (n_series, n_rows)
        What is drawn; ``nan`` is a gap.
    buckets : int, default BUCKETS
        Number of equal runs of rows.

    Returns
    -------
    rows : ndarray of int64
        Increasing; all rows if there are no more than two per bucket. Where a series turns from a number to
        ``nan`` or back, both rows are kept, so that gaps stay where they are.
    """
    n_rows = values.shape[1]
    if n_rows <= 2 * buckets:
        return np.arange(n_rows)
    starts = (np.arange(buckets) * n_rows) // buckets
    kept = [np.array([0, n_rows - 1])]
    for series in values:
        missing = np.isnan(series)
        turns = np.flatnonzero(missing[1:] != missing[:-1])
        kept += [turns, turns + 1]
        for sign in (1.0, -1.0):
            filled = np.where(missing, np.inf, sign * series)
            least = np.repeat(np.minimum.reduceat(filled, starts), np.diff(np.append(starts, n_rows)))
            hits = np.flatnonzero((filled == least) & ~missing)
            bucket = np.searchsorted(starts, hits, side="right")
            kept.append(hits[np.unique(bucket, return_index=True)[1]])
    return np.unique(np.concatenate(kept)).astype(np.int64)


def coordinate(value: float) -> str:
    """A coordinate with one decimal at most.

    Parameters
    ----------
    value : float
        In plot units.

    Returns
    -------
    text : str
        Without a trailing ``.0`` and without a negative zero.

    Examples
    --------
    >>> coordinate(12.04), coordinate(-0.01), coordinate(3.25)
    ('12', '0', '3.2')
    """
    text = f"{value:.1f}"
    text = text[:-2] if text.endswith(".0") else text
    return "0" if text == "-0" else text


def line_path(x: FloatArray, y: FloatArray) -> str:
    """Path data of a line that breaks at ``nan``; a lone point becomes a dot.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Plot units.

    Returns
    -------
    path : str
        For the ``d`` attribute.

    Examples
    --------
    >>> line_path(np.array([0.0, 1.0, 2.0, 3.0]), np.array([5.0, 6.0, np.nan, 7.0]))
    'M0,5L1,6M3,7h0'
    """
    return "".join(
        "M" + "L".join(f"{coordinate(x[i])},{coordinate(y[i])}" for i in run) + ("h0" if len(run) == 1 else "")
        for run in _runs(y)
    )


def area_path(x: FloatArray, top: FloatArray, bottom: FloatArray) -> str:
    """Path data of the areas between two lines, one per run without ``nan``.

    Parameters
    ----------
    x, top, bottom : ndarray of float64, shape (n,)
        Plot units; ``bottom`` has a number wherever ``top`` has one.

    Returns
    -------
    path : str
        For the ``d`` attribute.
    """
    parts = []
    for run in _runs(top):
        there = "L".join(f"{coordinate(x[i])},{coordinate(top[i])}" for i in run)
        back = "L".join(f"{coordinate(x[i])},{coordinate(bottom[i])}" for i in run[::-1])
        parts.append(f"M{there}L{back}Z")
    return "".join(parts)


def stick_path(x: FloatArray, top: FloatArray, bottom: float | FloatArray) -> str:
    """Path data of vertical strokes.

    Parameters
    ----------
    x, top : ndarray of float64, shape (n,)
        Plot units; a ``nan`` in ``top`` draws nothing.
    bottom : float or ndarray of float64, shape (n,)
        Other end of each stroke.

    Returns
    -------
    path : str
        For the ``d`` attribute.
    """
    feet = np.broadcast_to(np.asarray(bottom, dtype=np.float64), x.shape)
    return "".join(
        f"M{coordinate(x[i])},{coordinate(feet[i])}V{coordinate(top[i])}" for i in np.flatnonzero(np.isfinite(top))
    )


def path(data: str, **attributes: Attribute) -> str:
    """A ``path`` element, or nothing if there is nothing to draw.

    Parameters
    ----------
    data : str
        Path data.
    **attributes : str, int, float, bool or None
        As in ``markup.element``.

    Returns
    -------
    markup : str
        The element.
    """
    return element("path", "", d=data, **attributes) if data else ""


def percent_of(fraction: float) -> str:
    """A share of the width, as an SVG length.

    Parameters
    ----------
    fraction : float
        0 is the left end, 1 the right one.

    Returns
    -------
    text : str
        With two decimals.

    Examples
    --------
    >>> percent_of(0.25)
    '25%'
    """
    return f"{100.0 * fraction:.2f}".rstrip("0").rstrip(".") + "%"


def _runs(values: FloatArray) -> list[IntArray]:
    rows = np.flatnonzero(np.isfinite(values))
    return np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1) if len(rows) else []
