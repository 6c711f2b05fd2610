"""What every chart shares: its series, axes, legend, read-out and frame."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nanodesk.market.arrays import FloatArray
from nanodesk.research.tearsheet import text
from nanodesk.research.tearsheet.markup import data_island, element, escape, figure
from nanodesk.research.tearsheet.scale import Scale
from nanodesk.research.tearsheet.svg import WIDTH, coordinate, percent_of

LETTERS = (150, 62, 36)
"""Letters that fit under a chart as wide as the page, under one of half the page, and under one on a phone."""

Shape = Literal["line", "area", "sticks"]

_DECIMALS = {"percent": 5, "fine_percent": 6, "ratio": 3, "ic": 4, "count": 1, "bps": 2, "money": 0}


@dataclass(frozen=True, slots=True)
class Series:
    """One named sequence of a chart.

    Parameters
    ----------
    label : str
        Name in the legend, plain text.
    values : ndarray of float64, shape (n,)
        One per date or category; ``nan`` is a gap.
    color : str
        Class that sets the color: ``c0`` (neutral) to ``c12``.
    shape : {"line", "area", "sticks"}, default "line"
        How it is drawn; an area and sticks start at zero.
    """

    label: str
    values: FloatArray
    color: str
    shape: Shape = "line"


@dataclass(frozen=True, slots=True)
class Hover:
    """What the script of the page needs to read a chart.

    Parameters
    ----------
    days : sequence of int, optional
        Days since 1970 of the points of a chart over time.
    ends : tuple of int, optional
        First and last day of its axis.
    labels : sequence of str, optional
        Names of the positions of any other chart.
    scale : Scale, optional
        Axis of the values, where a dot follows each line.
    """

    days: Sequence[int] = ()
    ends: tuple[int, int] | None = None
    labels: Sequence[str] = ()
    scale: Scale | None = None

    def island(self, series: Sequence[Series], unit: str) -> str:
        """The data block of a chart.

        Parameters
        ----------
        series : sequence of Series
            What is read out.
        unit : str
            As in ``text.tick``.

        Returns
        -------
        markup : str
            A block that is not executed.
        """
        data: dict[str, Any] = {"u": unit, "s": [_rounded(item.values, unit) for item in series]}
        if self.ends:
            data |= {"t": list(self.ends), "d": list(self.days)}
        else:
            data |= {"l": list(self.labels)}
        if self.scale is not None:
            data["y"] = [self.scale.low, self.scale.high, int(self.scale.log)]
        return data_island(data)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the legend says while no pointer is on the chart.

    Parameters
    ----------
    at : str
        Date or category of the values, plain text.
    values : tuple of (float or None), optional
        One per series; empty writes no value.
    """

    at: str
    values: tuple[float | None, ...] = ()


def framed(
    name: str,
    title: str,
    layers: Iterable[str],
    *,
    series: Sequence[Series],
    hover: Hover,
    reading: Reading,
    unit: str,
    height: int,
    note: str = "",
    aligned: bool = False,
) -> str:
    """A chart with heading, legend and read-out around its layers.

    Parameters
    ----------
    name : str
        Unique name on the page.
    title, note : str
        Heading and the line under it, plain text.
    layers : iterable of str
        SVG markup, the lowest first.
    series : sequence of Series
        What the legend names, thinned to the points that are read out.
    hover : Hover
        Positions of the points.
    reading : Reading
        What the legend says at rest.
    unit : str
        As in ``text.tick``.
    height : int
        Pixels of the plot.
    aligned : bool, default False
        Whether room is left on the right for labels, so that charts over time stand in line.

    Returns
    -------
    markup : str
        A figure.
    """
    cross = element("line", class_="cross", x1="0", x2="0", y1=0, y2=height, visibility="hidden")
    dots = (
        element("circle", class_=f"dot {item.color}", r=3.5, visibility="hidden")
        for item in series
        if hover.scale is not None
    )
    plot = element(
        "svg",
        [*layers, cross, *dots],
        class_="plot",
        width="100%",
        height=height,
        role="img",
        tabindex=0,
        aria_label=_spoken(title, series, unit),
    )
    body = _legend(series, reading, unit) + element("div", plot, class_="frame") + hover.island(series, unit)
    return figure(title, body, note=note, class_="" if aligned else "nolabel", chart=name)


def _legend(series: Sequence[Series], reading: Reading, unit: str) -> str:
    write = text.reading(unit)
    values = reading.values or (None,) * len(series)
    keys = (
        element(
            "span",
            [
                element("i", class_=f"swatch {item.color}"),
                escape(item.label) + " ",
                element("b", write(value) if reading.values else ""),
            ],
            class_="key",
        )
        for item, value in zip(series, values, strict=True)
    )
    return element("div", [element("span", escape(reading.at), class_="at"), *keys], class_="legend")


def _spoken(title: str, series: Sequence[Series], unit: str) -> str:
    write = text.reading(unit)
    parts = []
    for item in series:
        finite = item.values[np.isfinite(item.values)]
        if len(finite):
            low, high, end = (write(float(value)) for value in (finite.min(), finite.max(), finite[-1]))
            parts.append(f"{item.label} from {low} to {high}, last {end}")
    return f"{title}: " + ("; ".join(parts) or "no values")


def level(values: FloatArray | float, scale: Scale, height: int) -> FloatArray:
    """Distance from the top of the plot.

    Parameters
    ----------
    values : ndarray of float64 or float
        What is drawn.
    scale : Scale
        Axis.
    height : int
        Pixels of the plot.

    Returns
    -------
    y : ndarray of float64
        Pixels; ``nan`` stays ``nan``.
    """
    return height * (1.0 - scale.fraction(np.asarray(values, dtype=np.float64)))


def value_axis(scale: Scale, unit: str, height: int, base: float | None = None) -> str:
    """Grid lines and labels of the values.

    Parameters
    ----------
    scale : Scale
        Axis.
    unit : str
        As in ``text.tick``.
    height : int
        Pixels of the plot.
    base : float, optional
        A value whose grid line is drawn stronger.

    Returns
    -------
    markup : str
        SVG.
    """
    write = text.tick(unit, tick_step(scale))
    parts = []
    for value, share in zip(scale.ticks, scale.fraction(np.array(scale.ticks)), strict=True):
        y = coordinate(height * (1.0 - float(share)))
        strong = base is not None and abs(value - base) < 1e-12
        parts.append(element("line", x1=0, x2="100%", y1=y, y2=y, class_="base" if strong else "grid"))
        parts.append(element("text", escape(write(value)), x=-8, y=y, dy="0.32em", class_="ty"))
    return "".join(parts)


def tick_step(scale: Scale) -> float:
    """Distance of two ticks, which sets the decimals of their labels.

    Parameters
    ----------
    scale : Scale
        Axis.

    Returns
    -------
    step : float
        The least distance; the value of a lone tick.
    """
    if len(scale.ticks) < 2:
        return abs(scale.ticks[0]) if scale.ticks and scale.ticks[0] else 1.0
    return min(b - a for a, b in zip(scale.ticks, scale.ticks[1:], strict=False))


def position_axis(ticks: Sequence[tuple[float, str]], height: int) -> str:
    """Ticks across, at shares of the width.

    Parameters
    ----------
    ticks : sequence of (float, str)
        Share of the width and label; every other long label gives way on a narrow screen.
    height : int
        Pixels of the plot.

    Returns
    -------
    markup : str
        SVG.
    """
    parts = []
    for i, (share, label) in enumerate(ticks):
        x = percent_of(share)
        place = "start" if share < 0.02 else "end" if share > 0.985 else "middle"
        parts.append(element("line", x1=x, x2=x, y1=height, y2=height + 4, class_="base"))
        parts.append(
            element(
                "text",
                escape(label),
                x=x,
                y=height + 17,
                text_anchor=place,
                class_="tx minor" if i % 2 and len(label) > 4 else "tx",
            )
        )
    return element("line", x1=0, x2="100%", y1=height, y2=height, class_="base") + "".join(parts)


def category_axis(labels: Sequence[str], height: int) -> str:
    """Labels under evenly spaced positions, as many as fit; the last one always stands.

    Parameters
    ----------
    labels : sequence of str
        Plain text.
    height : int
        Pixels of the plot.

    Returns
    -------
    markup : str
        SVG.
    """
    letters = len(labels) * (max(len(label) for label in labels) + 1)
    strides = [1]
    for room in LETTERS:
        kept = -(-len(labels) // strides[-1])
        strides.append(strides[-1] * _stride(kept, letters / strides[-1] / room))
    _, full, half, narrow = strides
    last = len(labels) - 1
    return "".join(
        element(
            "text",
            escape(labels[i]),
            x=percent_of((i + 0.5) / len(labels)),
            y=height + 17,
            text_anchor="middle",
            class_="tx" if (last - i) % narrow == 0 else "tx minor" if (last - i) % half == 0 else "tx minor extra",
        )
        for i in range(last % full, len(labels), full)
    )


def _stride(count: int, least: float) -> int:
    """Every how many of `count` labels one stands: at least `least`, and such that the first and last do, if it can."""
    floor = max(1, math.ceil(least))
    return next((step for step in range(floor, 2 * floor + 1) if (count - 1) % step == 0), floor)


def stretched(shapes: Iterable[str], height: int) -> str:
    """Shapes in plot units, stretched to the width of the screen.

    Parameters
    ----------
    shapes : iterable of str
        SVG markup, ``WIDTH`` units wide and ``height`` high.
    height : int
        Pixels of the plot.

    Returns
    -------
    markup : str
        SVG.
    """
    box = f"0 0 {WIDTH:.0f} {height}"
    return element("svg", shapes, viewBox=box, preserveAspectRatio="none", width="100%", height=height, class_="inner")


def _rounded(values: FloatArray, unit: str) -> list[float | None]:
    digits = _DECIMALS.get(unit, 3)
    if unit == "multiple":
        return [float(f"{value:.4g}") if np.isfinite(value) else None for value in values.tolist()]
    return [round(value, digits) + 0.0 if np.isfinite(value) else None for value in values.tolist()]
