"""Charts over categories: bars, a histogram, lines over a few positions, and marks inside table cells."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from nanodesk.market.arrays import FloatArray
from nanodesk.research.tearsheet import text
from nanodesk.research.tearsheet.chart import (
    Hover,
    Reading,
    Series,
    category_axis,
    framed,
    level,
    position_axis,
    stretched,
    tick_step,
    value_axis,
)
from nanodesk.research.tearsheet.markup import element, escape
from nanodesk.research.tearsheet.scale import linear_scale
from nanodesk.research.tearsheet.svg import WIDTH, coordinate, line_path, path, percent_of, stick_path

NARROWEST = 0.001
"""Least reach of a histogram, as a fraction: returns that never move still get a readable axis."""

HISTOGRAM_TAIL = 0.002
"""Share of the largest moves that the outermost bars collect."""


def bar_chart(
    name: str,
    title: str,
    categories: Sequence[str],
    series: Sequence[Series],
    *,
    unit: str,
    height: int = 200,
    stacked: bool = False,
    note: str = "",
) -> str:
    """Vertical bars by category, side by side or stacked.

    Parameters
    ----------
    name, title, note : str
        As in ``time_chart``.
    categories : sequence of str
        Labels under the bars, plain text.
    series : sequence of Series
        One value per category each; stacked ones are not negative.
    unit : str
        As in ``text.tick``.
    height : int, default 200
        Pixels.
    stacked : bool, default False
        Whether the bars of a category lie on top of each other.

    Returns
    -------
    markup : str
        A figure.
    """
    matrix = np.stack([item.values for item in series])
    sizes = np.nan_to_num(matrix)
    tops = np.cumsum(sizes, axis=0) if stacked else matrix
    feet = tops - sizes if stacked else np.zeros(matrix.shape)
    scale = linear_scale(tops, zero=True, count=max(3, height // 45))
    slot = WIDTH / len(categories)
    width = min(0.72 * slot, 60.0) / (1 if stacked else len(series))
    centre = (np.arange(len(categories), dtype=np.float64) + 0.5) * slot
    bars = []
    for i, item in enumerate(series):
        x = centre + (0.0 if stacked else (i - (len(series) - 1) / 2) * width)
        data = stick_path(x, level(tops[i], scale, height), level(feet[i], scale, height))
        bars.append(path(data, class_=f"bar {item.color}", stroke_width=coordinate(0.94 * width)))
    return framed(
        name,
        title,
        [value_axis(scale, unit, height, 0.0), category_axis(categories, height), stretched(bars, height)],
        series=series,
        hover=Hover(labels=categories),
        reading=Reading(categories[-1], tuple(float(item.values[-1]) for item in series)),
        unit=unit,
        height=height,
        note=note,
    )


def histogram(
    name: str,
    title: str,
    values: FloatArray,
    *,
    curve: tuple[float, float] | None,
    lines: Sequence[tuple[float, str]],
    height: int = 220,
    note: str = "",
    bins: int = 61,
) -> str:
    """Counts of returns, with a normal curve of the same mean and deviation.

    Parameters
    ----------
    name, title, note : str
        As in ``time_chart``.
    values : ndarray of float64, shape (n,)
        Fractions; the outermost bars collect the largest ``HISTOGRAM_TAIL``.
    curve : tuple of float, optional
        Mean and standard deviation of the curve.
    lines : sequence of (float, str)
        Labelled vertical lines.
    height : int, default 220
        Pixels.
    bins : int, default 61
        Number of bars.

    Returns
    -------
    markup : str
        A figure.
    """
    finite = values[np.isfinite(values)]
    edges = _edges(finite, [at for at, _ in lines], bins)
    reach, counts = float(edges[-1]), np.histogram(np.clip(finite, edges[0], edges[-1]), edges)[0].astype(np.float64)
    middle = (edges[1:] + edges[:-1]) / 2
    bell = _bell(np.linspace(-reach, reach, 161), curve, len(finite) * float(edges[1] - edges[0]))
    bell_at = _bell(middle, curve, len(finite) * float(edges[1] - edges[0]))
    scale = linear_scale(np.concatenate([counts, bell]), zero=True)
    x = (middle + reach) / (2 * reach) * WIDTH
    width = coordinate(0.9 * WIDTH / len(counts))
    body = [path(stick_path(x, level(counts, scale, height), height), class_="bar c1", stroke_width=width)]
    body.append(path(line_path(np.linspace(0, WIDTH, len(bell)), level(bell, scale, height)), class_="line c2"))
    across = linear_scale(edges, count=7)
    write, write_edge = text.tick("percent", tick_step(across)), text.tick("percent", float(edges[1] - edges[0]))
    ticks = [((at + reach) / (2 * reach), write(at)) for at in across.ticks if abs(at) <= reach]
    labels = [f"{write_edge(low)} to {write_edge(high)}" for low, high in pairwise(edges)]
    layers = [value_axis(scale, "count", height, 0.0), position_axis(ticks, height), stretched(body, height)]
    return framed(
        name,
        title,
        [*layers, _vertical_lines(lines, reach)],
        series=[Series("Sessions", counts, "c1", "sticks"), *([Series("Normal", bell_at, "c2")] if len(bell) else [])],
        hover=Hover(labels=labels),
        reading=Reading(""),
        unit="count",
        height=height,
        note=note,
    )


def curve_chart(
    name: str,
    title: str,
    positions: Sequence[str],
    series: Sequence[Series],
    *,
    unit: str,
    height: int = 200,
    base: float | None = 0.0,
    note: str = "",
) -> str:
    """Lines over a few labelled positions, evenly spaced.

    Parameters
    ----------
    name, title, note : str
        As in ``time_chart``.
    positions : sequence of str
        One label per position.
    series : sequence of Series
        What is drawn, the first on top.
    unit : str
        As in ``text.tick``.
    height : int, default 200
        Pixels.
    base : float, optional
        A value whose grid line is drawn stronger.

    Returns
    -------
    markup : str
        A figure.
    """
    across = (np.arange(len(positions)) + 0.5) / len(positions) * WIDTH
    drawn = np.concatenate([item.values for item in series])
    scale = linear_scale(np.append(drawn, np.nan if base is None else base))
    lines = (
        path(line_path(across, level(item.values, scale, height)), class_=f"line {item.color}")
        for item in reversed(series)
    )
    return framed(
        name,
        title,
        [value_axis(scale, unit, height, base), category_axis(positions, height), stretched(lines, height)],
        series=series,
        hover=Hover(labels=positions, scale=scale),
        reading=Reading(positions[0], tuple(float(item.values[0]) for item in series)),
        unit=unit,
        height=height,
        note=note,
    )


def bar_cell(value: float | None, reach: float, *, color: str = "") -> str:
    """A horizontal bar inside a table cell, from the middle if values have both signs.

    Parameters
    ----------
    value : float or None
        What is drawn.
    reach : float
        Value of a full bar; negative values need ``color`` empty.
    color : str, optional
        Color class; by default blue for a gain and orange for a loss, around the middle.

    Returns
    -------
    markup : str
        A fluid ``svg`` hidden from screen readers, because the number stands beside it.
    """
    share = 0.0 if not value or not np.isfinite(value) or reach <= 0 else min(abs(value) / reach, 1.0)
    if color:
        rect = element("rect", x="0", y=3, width=percent_of(share), height=8, rx=1, class_=f"fill {color}")
        return element("svg", rect, class_="cell", height=14, aria_hidden="true")
    start = 0.5 if (value or 0.0) >= 0 else 0.5 - share / 2
    rect = element(
        "rect",
        x=percent_of(start),
        y=3,
        width=percent_of(share / 2),
        height=8,
        rx=1,
        class_="fill gain" if (value or 0.0) >= 0 else "fill loss",
    )
    axis = element("line", x1="50%", x2="50%", y1=0, y2=14, class_="grid")
    return element("svg", axis + rect, class_="cell", height=14, aria_hidden="true")


def spark_bars(values: FloatArray, *, width: int = 76, height: int = 22) -> str:
    """Tiny bars around zero, for a table cell.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        What is drawn.
    width, height : int
        Pixels.

    Returns
    -------
    markup : str
        An ``svg`` hidden from screen readers.
    """
    scale = linear_scale(values, zero=True)
    slot = width / max(len(values), 1)
    x = (np.arange(len(values), dtype=np.float64) + 0.5) * slot
    foot = height * (1 - float(scale.fraction(np.array(0.0))))
    tops = height * (1 - scale.fraction(values))
    parts = [element("line", x1=0, x2=width, y1=coordinate(foot), y2=coordinate(foot), class_="grid")]
    for color, chosen in (("gain", values >= 0), ("loss", values < 0)):
        data = stick_path(x, np.where(chosen, tops, np.nan), foot)
        parts.append(path(data, class_=f"bar {color}", stroke_width=coordinate(min(0.7 * slot, 10.0))))
    return element("svg", parts, class_="spark", width=width, height=height, aria_hidden="true")


def _edges(values: FloatArray, marked: Sequence[float], bins: int) -> FloatArray:
    reach = float(np.quantile(np.abs(values), 1.0 - HISTOGRAM_TAIL)) if len(values) else 0.01
    reach = 1.04 * max(reach, *(abs(at) for at in marked if np.isfinite(at)), NARROWEST)
    return np.linspace(-reach, reach, min(bins, max(5, 2 * int(np.sqrt(len(values))) + 1)) + 1)


def _bell(across: FloatArray, curve: tuple[float, float] | None, area: float) -> FloatArray:
    if curve is None or not curve[1] > 0.0:
        return np.zeros(0)
    mean, deviation = curve
    density = np.exp(-0.5 * ((across - mean) / deviation) ** 2) / (deviation * np.sqrt(2.0 * np.pi))
    heights: FloatArray = density * area
    return heights


def _vertical_lines(lines: Sequence[tuple[float, str]], reach: float) -> str:
    rules, labels = [], []
    for i, (at, label) in enumerate(line for line in lines if np.isfinite(line[0])):
        x = percent_of((at + reach) / (2 * reach))
        side = "end" if at < 0 else "start"
        rules.append(element("line", x1=x, x2=x, y1=0, y2="100%", class_="rule"))
        labels.append(
            element(
                "text", escape(label), x=x, dx=-5 if side == "end" else 5, y=10 + 14 * i, text_anchor=side, class_="tm"
            )
        )
    return "".join(rules + labels)
