"""The parts of the page about returns: growth, drawdowns, rolling figures, the calendar and the distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nanodesk.market.arrays import Dates, FloatArray
from nanodesk.research.tearsheet import text
from nanodesk.research.tearsheet.bar_charts import bar_cell, bar_chart, histogram
from nanodesk.research.tearsheet.chart import Series
from nanodesk.research.tearsheet.markup import element, figure, section, table
from nanodesk.research.tearsheet.time_charts import Mark, time_chart

Numbers = Mapping[str, Any]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

SHADES = (0.005, 0.015, 0.03, 0.06)
"""Monthly returns at which the heat map goes one shade deeper."""

YEAR_SHADES = (0.02, 0.08, 0.16, 0.30)


def growth_section(numbers: Numbers) -> str:
    """Growth of one unit, depth below the peak, and rolling figures.

    Parameters
    ----------
    numbers : mapping
        As ``numbers.collect`` gives them.

    Returns
    -------
    markup : str
        A section.
    """
    series, benchmark = numbers["series"], numbers["series"]["benchmark"]
    dates = np.array(series["date"], dtype="datetime64[D]")
    name, against = numbers["strategy"]["name"], numbers["strategy"]["benchmark"] or "Benchmark"
    growth = [Series(name, floats(series["growth"]), "c1")]
    depth = [Series(name, floats(series["drawdown"]), "c1", "area")]
    if benchmark:
        growth.append(Series(against, floats(benchmark["growth"]), "c0"))
        depth.append(Series(against, floats(benchmark["drawdown"]), "c0"))
    charts = [
        time_chart(
            "growth",
            "Growth of 1",
            dates,
            growth,
            unit="multiple",
            height=320,
            log=True,
            base=1.0,
            note=_growth_note(growth[0].values),
        ),
        _underwater(numbers, dates, depth),
        _rolling(numbers, dates, name, against),
    ]
    return section("performance", "Performance", element("div", charts, class_="stack"))


def calendar_section(numbers: Numbers) -> str:
    """Returns by month and by year.

    Parameters
    ----------
    numbers : mapping
        As ``numbers.collect`` gives them.

    Returns
    -------
    markup : str
        A section.
    """
    calendar = numbers["calendar"]
    years = [str(year) for year in calendar["years"]]
    bars = [Series(numbers["strategy"]["name"], floats(calendar["year_totals"]), "c1")]
    if calendar["benchmark_year_totals"]:
        bars.append(Series(numbers["strategy"]["benchmark"], floats(calendar["benchmark_year_totals"]), "c0"))
    chart = bar_chart(
        "years",
        "Returns by calendar year",
        years,
        bars,
        unit="percent",
        height=220,
        note="The first and last year may be incomplete.",
    )
    return section("calendar", "Calendar", element("div", [chart, _heat_map(calendar)], class_="stack"))


def risk_section(numbers: Numbers) -> str:
    """The deepest drawdowns and the distribution of returns.

    Parameters
    ----------
    numbers : mapping
        As ``numbers.collect`` gives them.

    Returns
    -------
    markup : str
        A section.
    """
    return section(
        "risk", "Drawdowns and distribution", [_drawdown_table(numbers["drawdowns"]), _distribution(numbers)]
    )


def floats(values: list[float | None]) -> FloatArray:
    """Plain numbers as an array.

    Parameters
    ----------
    values : list of float or None
        ``None`` where there is no number.

    Returns
    -------
    array : ndarray of float64, shape (n,)
        ``nan`` where there is no number.
    """
    return np.array(values, dtype=np.float64)


def _growth_note(growth: FloatArray) -> str:
    if (growth <= 0.0).any():
        return "Logarithmic scale. Equity reached zero: from there the line runs along the floor of the chart."
    return "Logarithmic scale, after all costs."


def _underwater(numbers: Numbers, dates: Dates, depth: list[Series]) -> str:
    if not any((item.values < 0.0).any() for item in depth):
        return figure("Drawdown", element("p", "Wealth never fell below a peak.", class_="empty"))
    return time_chart(
        "underwater",
        "Drawdown",
        dates,
        depth,
        unit="percent",
        height=170,
        zero=True,
        base=0.0,
        note="Below the running peak of wealth, which starts at the initial equity; the five deepest shaded.",
        marks=_deepest(numbers["drawdowns"]),
        bands=_bands(numbers["drawdowns"], dates),
    )


def _deepest(drawdowns: list[dict[str, Any]]) -> list[Mark]:
    return [
        Mark(np.datetime64(item["trough"], "D"), -item["depth"], f"{text.percent(-item['depth'])} · {item['trough']}")
        for item in drawdowns[:1]
    ]


def _bands(drawdowns: list[dict[str, Any]], dates: Dates) -> list[tuple[Any, Any]]:
    return [
        (np.datetime64(item["start"], "D"), np.datetime64(item["recovery"], "D") if item["recovery"] else dates[-1])
        for item in drawdowns[:5]
    ]


def _rolling(numbers: Numbers, dates: Dates, name: str, against: str) -> str:
    series, benchmark = numbers["series"], numbers["series"]["benchmark"]
    window, rolling = series["rolling_window"], series["rolling"]
    if not any(value is not None for value in rolling["volatility"]):
        return figure("Rolling figures", element("p", f"Needs {window} sessions.", class_="empty"))
    charts = []
    for key, title, unit, base in (
        ("sharpe", "Sharpe ratio", "ratio", 0.0),
        ("volatility", "volatility", "percent", None),
        ("beta", f"beta to {against}", "ratio", 1.0),
    ):
        if key not in rolling:
            continue
        lines = [Series(name, floats(rolling[key]), "c1")]
        if benchmark and key in benchmark:
            lines.append(Series(against, floats(benchmark[key]), "c0"))
        charts.append(
            time_chart(
                f"rolling-{key}",
                f"Rolling {title}",
                dates,
                lines,
                unit=unit,
                height=130,
                base=base,
                zero=key == "volatility",
                trim=key != "volatility",
                note=f"Last {window} sessions, annualised." if key != "beta" else f"Last {window} sessions.",
            )
        )
    return "".join(charts)


def _heat_map(calendar: Numbers) -> str:
    rows = []
    for i in range(len(calendar["years"]) - 1, -1, -1):
        cells = [element("th", str(calendar["years"][i]), scope="row")]
        cells += [_heat_cell(value, SHADES) for value in calendar["months"][i]]
        cells.append(_heat_cell(calendar["year_totals"][i], YEAR_SHADES, "total"))
        rows.append(element("tr", cells))
    names = [
        element("span", month, class_="large") + element("span", month[0], class_="small", aria_hidden="true")
        for month in MONTHS
    ]
    head = element(
        "tr",
        [
            element("th", element("span", "Year", class_="sr"), scope="col"),
            *(element("th", name, scope="col") for name in names),
            element("th", "Year", scope="col"),
        ],
    )
    parts = (
        element("caption", "Monthly returns in percent", class_="sr") + element("thead", head) + element("tbody", rows)
    )
    return figure(
        "Monthly returns", element("table", parts), note="Percent, compounded within the month.", class_="heat"
    )


def _heat_cell(value: float | None, shades: tuple[float, ...], class_: str = "") -> str:
    if value is None:
        return element("td", "")
    depth = 1 + sum(abs(value) >= edge for edge in shades)
    tone = "" if abs(value) < 0.0005 else f"{'p' if value > 0 else 'n'}{depth}"
    digits = 0 if abs(value) >= 0.995 else 1
    body = element("span", text.decimal(100 * value, digits), class_="large") + element(
        "span", text.decimal(100 * value, 0), class_="small", aria_hidden="true"
    )
    return element("td", body, class_=f"{tone} {class_}".strip() or None)


def _drawdown_table(drawdowns: list[dict[str, Any]]) -> str:
    if not drawdowns:
        return figure("Deepest drawdowns", element("p", "Wealth never fell below a peak.", class_="empty"))
    reach = max(item["depth"] for item in drawdowns)
    rows = [
        (
            str(rank),
            text.percent(-item["depth"]),
            item["peak"] or item["start"],
            item["trough"],
            item["recovery"] or element("span", "not yet", class_="muted"),
            text.decimal(item["sessions"], 0),
            text.decimal(item["to_trough"], 0),
            text.decimal(item["to_recovery"], 0),
            bar_cell(item["depth"], reach, color="loss"),
        )
        for rank, item in enumerate(drawdowns, 1)
    ]
    head = (
        "#",
        "Depth",
        "Peak",
        "Trough",
        "Recovered",
        "Sessions",
        "To trough",
        "To recovery",
        element("span", "Depth as a bar", class_="sr"),
    )
    body = table(
        head, rows, caption="Deepest drawdowns", text_columns=(0, 2, 3, 4, 8), minor_columns=(2, 6, 7, 8), class_="wide"
    )
    return figure(
        "Deepest drawdowns",
        body,
        note="Sessions under water; where the first peak is the initial equity, the first session below it is shown.",
    )


def _distribution(numbers: Numbers) -> str:
    returns = floats(numbers["series"]["return"])
    if len(returns) < 5:
        return figure("Distribution of session returns", element("p", "Needs five sessions.", class_="empty"))
    metrics = numbers["metrics"]["risk"]
    year = float(numbers["strategy"]["periods_per_year"])
    lines = [
        (metrics[key], label)
        for key, label in (("var_95", "VaR 95"), ("cvar_95", "CVaR 95"))
        if metrics.get(key) is not None
    ]
    curve = (float(returns.mean()), metrics["volatility"] / year**0.5)
    return histogram(
        "distribution",
        "Distribution of session returns",
        returns,
        curve=curve,
        lines=lines,
        note="The curve is a normal distribution of the same mean and deviation; the outermost bars "
        f"collect what lies beyond. VaR 95 {text.percent(metrics.get('var_95'), 2)}, CVaR 95 "
        f"{text.percent(metrics.get('cvar_95'), 2)}, skew {text.decimal(metrics.get('skew'))}, excess "
        f"kurtosis {text.decimal(metrics.get('excess_kurtosis'))}.",
    )
