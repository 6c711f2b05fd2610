"""The parts of the page about the screen and the factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nanodesk.research.tearsheet import text
from nanodesk.research.tearsheet.bar_charts import bar_cell, bar_chart, curve_chart, spark_bars
from nanodesk.research.tearsheet.chart import Series
from nanodesk.research.tearsheet.markup import element, escape, figure, scrolling, section, table
from nanodesk.research.tearsheet.return_sections import floats
from nanodesk.research.tearsheet.time_charts import Span, time_chart

Numbers = Mapping[str, Any]

DECAY_LINES = 7
"""Factors drawn in the decay chart: the composite and those of the largest mean coefficient."""

CORRELATION_SHADES = (0.1, 0.25, 0.5, 0.75)


def screen_section(numbers: Numbers) -> str:
    """How each filter narrowed the universe.

    Parameters
    ----------
    numbers : mapping
        As ``numbers.collect`` gives them.

    Returns
    -------
    markup : str
        A section; empty without a filter.
    """
    screen = numbers["screen"]
    if screen is None:
        return ""
    widest = max(max(step["entered"] for step in screen["steps"]), 1)
    first = screen["steps"][0]
    rows = [
        (
            "Universe",
            "",
            text.decimal(first["entered"], 0),
            text.decimal(first["mean_entered"], 1),
            bar_cell(first["entered"], widest, color="c0"),
        )
    ]
    rows += [
        (
            escape(step["kind"]),
            text.decimal(step["left"] - step["entered"], 0) if step["left"] != step["entered"] else "0",
            text.decimal(step["left"], 0),
            text.decimal(step["mean_left"], 1),
            bar_cell(step["left"], widest, color="c1"),
        )
        for step in screen["steps"]
    ]
    head = ("Filter", "Dropped", "Left", "Average", element("span", "Left as a bar", class_="sr"))
    funnel = figure(
        "Screener funnel",
        table(head, rows, caption="Names left after each filter", text_columns=(0, 4), class_="wide"),
        note=f"On the last decision date, {screen['date']}, and on average over all.",
    )
    facts = numbers["strategy"]
    passed = time_chart(
        "passed",
        "Names that passed the screen",
        np.array(screen["decision_date"], dtype="datetime64[D]"),
        [Series("Names", floats(screen["passed"]), "c1")],
        unit="count",
        height=150,
        zero=True,
        span=_span(facts),
    )
    return section("screen", "Screen", element("div", [funnel, passed], class_="stack"))


def factor_section(numbers: Numbers) -> str:
    """Information coefficients, decay, quantile returns and correlations.

    Parameters
    ----------
    numbers : mapping
        As ``numbers.collect`` gives them.

    Returns
    -------
    markup : str
        A section; empty without a factor.
    """
    factors = numbers["factors"]
    if factors is None:
        return ""
    reports = factors["reports"]
    composite = reports[-1]
    parts = [
        _factor_table(reports),
        _ic_chart(composite, factors, numbers["strategy"]),
        element("div", [_decay(reports), _quantiles(composite)], class_="grid2"),
        _correlation(factors["correlation"]),
    ]
    return section(
        "factors",
        "Factors",
        element("div", parts, class_="stack"),
        lead="IC is the rank correlation of a score with the return to the next decision date.",
    )


def _span(facts: Numbers) -> Span:
    return Span(np.datetime64(facts["start"], "D"), np.datetime64(facts["end"], "D"))


def _factor_table(reports: list[dict[str, Any]]) -> str:
    rows = [
        (
            escape(report["id"]),
            text.decimal(report["ic_mean"], 3),
            text.decimal(report["ic_t"], 2),
            text.decimal(report["icir"], 2),
            text.percent(report["coverage"], 0),
            text.decimal(report["autocorrelation"], 2),
            _spark(report["ic_decay"]),
            _spark(report["quantile_returns"], centre=True),
        )
        for report in reports
    ]
    head = ("Factor", "Mean IC", "t (Newey–West)", "ICIR", "Coverage", "Autocorrelation", "IC decay", "Quantiles")
    return figure(
        "Factors at a glance",
        table(head, rows, caption="Factors at a glance", minor_columns=(4, 5)),
        note="Quantiles: return to the next decision date less the mean of all, lowest score first.",
    )


def _spark(values: list[float | None], *, centre: bool = False) -> str:
    array = floats(values)
    if not np.isfinite(array).any():
        return text.MISSING
    return spark_bars(array - np.nanmean(array) if centre else array)


def _ic_chart(report: Numbers, factors: Numbers, facts: Numbers) -> str:
    title = f"Information coefficient of {_name(report['id'])}"
    values = floats(report["ic"])
    if not np.isfinite(values).any():
        return figure(title, element("p", "No decision date has a coefficient.", class_="empty"))
    lines = [
        Series(f"Mean of {factors['ic_window']} decisions", floats(report["ic_rolling"]), "c1"),
        Series("IC", values, "c12", "sticks"),
    ]
    mean = text.decimal(report["ic_mean"], 3)
    return time_chart(
        "ic",
        title,
        np.array(factors["date"], dtype="datetime64[D]"),
        lines,
        unit="ratio",
        height=200,
        zero=True,
        base=0.0,
        note=f"Per decision date. Mean {mean}, t {text.decimal(report['ic_t'], 1)}.",
        end_labels=False,
        span=_span(facts),
    )


def _decay(reports: list[dict[str, Any]]) -> str:
    known = [report for report in reports if np.isfinite(floats(report["ic_decay"])).any()]
    if not known:
        return figure("IC decay", element("p", "No horizon has a coefficient.", class_="empty"))
    ranked = sorted(known[:-1], key=lambda report: -abs(report["ic_mean"] or 0.0))[: DECAY_LINES - 1]
    chosen = [known[-1], *(report for report in known[:-1] if report in ranked)]
    lines = [Series(_name(report["id"]), floats(report["ic_decay"]), f"c{i + 1}") for i, report in enumerate(chosen)]
    return curve_chart(
        "decay",
        "IC decay",
        [f"+{horizon}" for horizon in chosen[0]["horizons"]],
        lines,
        unit="ic",
        note="Mean IC by sessions ahead.",
    )


def _quantiles(report: Numbers) -> str:
    title = f"Quantile returns of {_name(report['id'])}"
    values = floats(report["quantile_returns"])
    if not np.isfinite(values).any():
        return figure(title, element("p", "No quantile has a return.", class_="empty"))
    labels = [f"Q{i + 1}" for i in range(len(values))]
    return bar_chart(
        "quantiles",
        title,
        labels,
        [Series("Mean return", values, "c1")],
        unit="fine_percent",
        note="Mean return to the next decision date, lowest score first.",
    )


def _correlation(correlation: Numbers | None) -> str:
    if correlation is None:
        return ""
    names = [escape(name) for name in correlation["id"]]
    head = element("tr", [element("td"), *(element("th", name, scope="col") for name in names)])
    rows = [
        element("tr", [element("th", name, scope="row"), *(_cell(value, i == j) for j, value in enumerate(row))])
        for i, (name, row) in enumerate(zip(names, correlation["matrix"], strict=True))
    ]
    caption = element("caption", "Rank correlation of the factors", class_="sr")
    body = scrolling(
        element("table", caption + element("thead", head) + element("tbody", rows)), "Rank correlation of the factors"
    )
    return figure(
        "Factor correlation",
        body,
        class_="heat matrix",
        note=f"Mean rank correlation among the screened names, over {correlation['dates']} decision dates.",
    )


def _cell(value: float | None, diagonal: bool) -> str:
    if value is None:
        return element("td", text.MISSING)
    depth = 1 + sum(abs(value) >= edge for edge in CORRELATION_SHADES)
    tone = None if diagonal or abs(value) < 0.005 else f"{'p' if value > 0 else 'n'}{depth}"
    return element("td", text.decimal(value, 2), class_="muted" if diagonal else tone)


def _name(factor: str) -> str:
    return "the composite" if factor == "composite" else factor
