"""Charts over time: lines, areas and sticks, and areas on top of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nanodesk.market.arrays import Dates, FloatArray
from nanodesk.research.tearsheet import text
from nanodesk.research.tearsheet.chart import (
    Hover,
    Reading,
    Series,
    framed,
    level,
    position_axis,
    stretched,
    value_axis,
)
from nanodesk.research.tearsheet.markup import element, escape
from nanodesk.research.tearsheet.scale import Scale, date_ticks, linear_scale, log_scale, without_outliers
from nanodesk.research.tearsheet.svg import (
    WIDTH,
    area_path,
    coordinate,
    extreme_rows,
    line_path,
    path,
    percent_of,
    stick_path,
)

LABEL_GAP = 13.0
"""Least distance of two labels at the end of their lines, in pixels."""


@dataclass(frozen=True, slots=True)
class Span:
    """The dates between which a chart runs.

    Parameters
    ----------
    first, last : datetime64[D]
        Ends of the axis.
    """

    first: np.datetime64
    last: np.datetime64

    def fraction(self, dates: Dates) -> FloatArray:
        """Share of the width left of each date.

        Parameters
        ----------
        dates : ndarray of datetime64[D]
            Any within the span.

        Returns
        -------
        fraction : ndarray of float64
            In calendar time; one half if the span is a single day.
        """
        days = int((self.last - self.first).astype(np.int64))
        since = (dates.astype("datetime64[D]") - self.first).astype(np.float64)
        return since / days if days else np.full(dates.shape, 0.5)

    def days(self) -> tuple[int, int]:
        """Both ends as days since 1970.

        Returns
        -------
        days : tuple of int
            First and last.
        """
        return int(self.first.astype(np.int64)), int(self.last.astype(np.int64))

    def axis(self, height: int) -> str:
        """Ticks at starts of years, months or days.

        Parameters
        ----------
        height : int
            Pixels of the plot.

        Returns
        -------
        markup : str
            SVG.
        """
        ticks = date_ticks(self.first, self.last)
        shares = self.fraction(np.array([at for at, _ in ticks]))
        return position_axis([(float(share), label) for share, (_, label) in zip(shares, ticks, strict=True)], height)


@dataclass(frozen=True, slots=True)
class Mark:
    """A labelled point of a chart over time.

    Parameters
    ----------
    date : datetime64[D]
        Where, across.
    value : float
        Where, upward.
    label : str
        Plain text.
    """

    date: np.datetime64
    value: float
    label: str


def time_chart(
    name: str,
    title: str,
    dates: Dates,
    series: Sequence[Series],
    *,
    unit: str,
    height: int = 200,
    log: bool = False,
    zero: bool = False,
    base: float | None = None,
    note: str = "",
    marks: Sequence[Mark] = (),
    bands: Sequence[tuple[np.datetime64, np.datetime64]] = (),
    end_labels: bool = True,
    trim: bool = False,
    span: Span | None = None,
) -> str:
    """Lines, areas or sticks over time.

    Parameters
    ----------
    name : str
        Unique name on the page.
    title : str
        Heading, plain text.
    dates : ndarray of datetime64[D], shape (n,)
        Increasing.
    series : sequence of Series
        What is drawn, the first on top.
    unit : str
        As in ``text.tick``.
    height : int, default 200
        Pixels.
    log : bool, default False
        Whether the axis is logarithmic.
    zero : bool, default False
        Whether zero must be on the axis.
    base : float, optional
        A value whose grid line is drawn stronger.
    note : str, optional
        One line under the heading.
    marks : sequence of Mark, optional
        Labelled points.
    bands : sequence of (datetime64, datetime64), optional
        Spans shaded behind the lines.
    end_labels : bool, default True
        Whether each line carries its last value at its end.
    trim : bool, default False
        Whether a few outliers may lie on the edge of the axis rather than flatten the rest.
    span : Span, optional
        Ends of the time axis, when not the first and last date.

    Returns
    -------
    markup : str
        A figure.
    """
    matrix = np.stack([item.values for item in series])
    rows = extreme_rows(matrix)
    span = span or Span(dates[0], dates[-1])
    across = span.fraction(dates[rows])
    shown = [Series(item.label, item.values[rows], item.color, item.shape) for item in series]
    drawn = np.append(without_outliers(matrix).ravel() if trim else matrix.ravel(), np.nan if base is None else base)
    scale = log_scale(drawn) if log else linear_scale(drawn, zero=zero, count=max(3, height // 45))
    layers = [
        *(_band(span.fraction(np.array(band)), height) for band in bands),
        value_axis(scale, unit, height, base),
        span.axis(height),
        stretched((_drawn(item, across, scale, height) for item in reversed(shown)), height),
        *(_mark(mark, span, scale, height) for mark in marks),
        _end_labels(shown, across, scale, unit, height) if end_labels else "",
    ]
    return framed(
        name,
        title,
        layers,
        series=shown,
        hover=Hover(days=dates[rows].astype(np.int64).tolist(), ends=span.days(), scale=scale),
        reading=Reading(str(dates[-1]), tuple(float(item.values[-1]) for item in series)),
        unit=unit,
        height=height,
        note=note,
        aligned=True,
    )


def stacked_chart(
    name: str, title: str, dates: Dates, series: Sequence[Series], *, unit: str, height: int = 220, note: str = ""
) -> str:
    """Areas on top of each other over time.

    Parameters
    ----------
    name, title, note : str
        As in ``time_chart``.
    dates : ndarray of datetime64[D], shape (n,)
        Increasing.
    series : sequence of Series
        From the bottom up; values not negative.
    unit : str
        As in ``text.tick``.
    height : int, default 220
        Pixels.

    Returns
    -------
    markup : str
        A figure.
    """
    edges = np.cumsum(np.vstack([np.zeros(len(dates)), *(item.values for item in series)]), axis=0)
    scale = linear_scale(edges, zero=True)
    span = Span(dates[0], dates[-1])
    across, y = span.fraction(dates) * WIDTH, level(edges, scale, height)
    areas = (path(area_path(across, y[i + 1], y[i]), class_=f"fill {item.color}") for i, item in enumerate(series))
    return framed(
        name,
        title,
        [stretched(areas, height), value_axis(scale, unit, height, 0.0), span.axis(height)],
        series=series,
        hover=Hover(days=dates.astype(np.int64).tolist(), ends=span.days()),
        reading=Reading(str(dates[-1]), tuple(float(item.values[-1]) for item in series)),
        unit=unit,
        height=height,
        note=note,
        aligned=True,
    )


def spread_labels(places: Sequence[float], gap: float, limit: float) -> list[float]:
    """Move labels apart so that none covers another.

    Parameters
    ----------
    places : sequence of float
        Wanted positions, increasing.
    gap : float
        Least distance.
    limit : float
        Largest position.

    Returns
    -------
    moved : list of float
        In the same order.

    Examples
    --------
    >>> spread_labels([10.0, 12.0, 99.0], 8.0, 100.0)
    [10.0, 18.0, 99.0]
    """
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + gap) if moved else place)
    for i in range(len(moved) - 1, -1, -1):
        ceiling = limit if i == len(moved) - 1 else moved[i + 1] - gap
        moved[i] = min(moved[i], ceiling)
    return moved


def _drawn(item: Series, across: FloatArray, scale: Scale, height: int) -> str:
    x, y = across * WIDTH, level(item.values, scale, height)
    if item.shape == "line":
        return path(line_path(x, y), class_=f"line {item.color}")
    foot = float(level(0.0, scale, height))
    if item.shape == "sticks":
        width = min(max(0.7 * WIDTH / len(x), 0.8), 30.0)
        return path(stick_path(x, y, foot), class_=f"bar {item.color}", stroke_width=coordinate(width))
    outline = path(line_path(x, y), class_=f"line thin {item.color}")
    return path(area_path(x, y, np.full(len(x), foot)), class_=f"area {item.color}") + outline


def _end_labels(series: Sequence[Series], across: FloatArray, scale: Scale, unit: str, height: int) -> str:
    write = text.reading(unit)
    ends = []
    for item in series:
        rows = np.flatnonzero(np.isfinite(item.values))
        if len(rows) and across[rows[-1]] > 0.9:
            value = float(item.values[rows[-1]])
            ends.append((float(level(value, scale, height)), float(across[rows[-1]]), item.color, write(value)))
    ends.sort()
    places = spread_labels([y for y, *_ in ends], LABEL_GAP, height)
    return "".join(
        element("circle", cx=percent_of(share), cy=coordinate(y), r=2.5, class_=f"end {color}")
        + element("text", escape(label), x="100%", dx=8, y=coordinate(place), dy="0.32em", class_=f"te {color}")
        for (y, share, color, label), place in zip(ends, places, strict=True)
    )


def _mark(mark: Mark, span: Span, scale: Scale, height: int) -> str:
    share = float(span.fraction(np.array([mark.date]))[0])
    x, y = percent_of(share), coordinate(float(level(mark.value, scale, height)))
    side, shift = ("end", -7) if share > 0.6 else ("start", 7)
    label = element("text", escape(mark.label), x=x, dx=shift, y=y, dy="0.32em", text_anchor=side, class_="tm")
    return element("circle", cx=x, cy=y, r=3, class_="mark") + label


def _band(ends: FloatArray, height: int) -> str:
    start, width = float(ends[0]), max(float(ends[1] - ends[0]), 0.001)
    return element("rect", x=percent_of(start), width=percent_of(width), y=0, height=height, class_="band")
