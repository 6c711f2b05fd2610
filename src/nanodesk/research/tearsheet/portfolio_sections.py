"""The parts of the page about the book: exposure, holdings, attribution, trading and costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nanodesk.market.arrays import Dates
from nanodesk.research.tearsheet import text
from nanodesk.research.tearsheet.bar_charts import bar_cell, bar_chart, curve_chart
from nanodesk.research.tearsheet.chart import Series
from nanodesk.research.tearsheet.markup import element, escape, figure, section, table
from nanodesk.research.tearsheet.return_sections import floats
from nanodesk.research.tearsheet.time_charts import stacked_chart, time_chart

Numbers = Mapping[str, Any]

SHOWN_HOLDINGS = 30
SHOWN_CONTRIBUTIONS = 10
COST_COLORS = ("c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8")


def portfolio_section(numbers: Numbers) -> str:
    """Exposure, number of holdings, sectors and what is held and wanted.

    Parameters
    ----------
    numbers : mapping
        As ``numbers.collect`` gives them.

    Returns
    -------
    markup : str
        A section.
    """
    series = numbers["series"]
    dates = np.array(series["date"], dtype="datetime64[D]")
    count = time_chart(
        "holdings-count",
        "Number of holdings",
        dates,
        [Series("Names held", floats(series["holdings"]), "c1")],
        unit="count",
        height=110,
        zero=True,
    )
    charts = [_exposure(series, dates), count, _sectors(numbers["sectors"]), _holdings(numbers)]
    return section("portfolio", "Portfolio", element("div", charts, class_="stack"))


def attribution_section(numbers: Numbers) -> str:
    """The names that added and cost most.

    Parameters
    ----------
    numbers : mapping
        As ``numbers.collect`` gives them.

    Returns
    -------
    markup : str
        A section.
    """
    rows = numbers["contributions"]
    if not rows:
        return section("attribution", "Attribution", element("p", "Nothing was held.", class_="card empty"))
    gains = [row for row in rows if row["contribution"] > 0][:SHOWN_CONTRIBUTIONS]
    losses = [row for row in reversed(rows) if row["contribution"] < 0][:SHOWN_CONTRIBUTIONS]
    reach = max((abs(row["contribution"]) for row in rows), default=0.0)
    tables = element(
        "div",
        [
            _contributions("Top contributors", gains, reach, numbers),
            _contributions("Top detractors", losses, reach, numbers),
        ],
        class_="grid2",
    )
    return section(
        "attribution",
        "Attribution",
        tables,
        lead="Weight at the previous close times the session's return, summed; before costs.",
    )


def trading_section(numbers: Numbers) -> str:
    """Turnover, costs, what higher costs would have done, fills and stops.

    Parameters
    ----------
    numbers : mapping
        As ``numbers.collect`` gives them.

    Returns
    -------
    markup : str
        A section.
    """
    if not numbers["trades"]["count"]:
        return section("trading", "Trading and costs", element("p", "Nothing was traded.", class_="card empty"))
    grid = [
        element("div", _period_charts(numbers["periods"]), class_="grid2"),
        element("div", _sensitivity(numbers), class_="grid2"),
        element("div", [_trades(numbers), _stops(numbers["stops"])], class_="grid2"),
    ]
    return section("trading", "Trading and costs", element("div", grid, class_="stack"))


def _exposure(series: Numbers, dates: Dates) -> str:
    gross, net, cash = (floats(series[key]) for key in ("gross", "net", "cash"))
    if np.nanmax(np.abs(gross - net), initial=0.0) < 1e-9:
        lines = [Series("Invested", gross, "c1"), Series("Cash", cash, "c0")]
        note = "Fraction of equity; long only, so gross and net exposure are one."
    else:
        lines = [Series("Gross", gross, "c1"), Series("Net", net, "c2"), Series("Cash", cash, "c0")]
        note = "Fraction of equity. Gross adds longs and shorts, net takes shorts off."
    return time_chart("exposure", "Exposure", dates, lines, unit="percent", height=170, zero=True, base=0.0, note=note)


def _sectors(sectors: Numbers | None) -> str:
    if sectors is None:
        return ""
    layers = [
        Series(name, floats(weight), "c12" if name in ("unknown", "Other") else f"c{i % 11 + 1}")
        for i, (name, weight) in enumerate(zip(sectors["name"], sectors["weight"], strict=True))
    ]
    return stacked_chart(
        "sectors",
        "Sectors",
        np.array(sectors["date"], dtype="datetime64[D]"),
        layers,
        unit="percent",
        note=f"Gross weight as a fraction of equity, averaged over each {sectors['unit']}.",
    )


def _holdings(numbers: Numbers) -> str:
    rows, facts = numbers["holdings"], numbers["strategy"]
    if not rows:
        empty = element("p", "Nothing is held and nothing is wanted.", class_="empty")
        return figure("Holdings and next target", empty)
    first, rest = rows[:SHOWN_HOLDINGS], rows[SHOWN_HOLDINGS:]
    body = _holding_table(first, rows, "Holdings and next target weights")
    if rest:
        more = _holding_table(rest, rows, "Further holdings and next target weights")
        body += element("details", element("summary", f"{len(rest)} smaller weights") + more)
    note = f"Held at the close of {facts['end']}; target of the decision of {facts['last_decision'] or text.MISSING}."
    return figure("Holdings and next target", body, note=note)


def _holding_table(shown: list[dict[str, Any]], rows: list[dict[str, Any]], caption: str) -> str:
    reach = max(max(abs(row["weight"]), abs(row["target"])) for row in rows)
    known = any(row["sector"] for row in rows)
    color = "" if any(row["target"] < 0 for row in rows) else "c1"
    cells = (
        (
            escape(row["symbol"]),
            *((escape(row["sector"] or text.MISSING),) if known else ()),
            text.percent(row["weight"], 2),
            text.percent(row["target"], 2),
            _change(row["change"]),
            bar_cell(row["target"], reach, color=color),
        )
        for row in shown
    )
    bar = element("span", "Target weight as a bar", class_="sr")
    head = ("Symbol", *(("Sector",) if known else ()), "Held", "Target", "Change", bar)
    last = len(head) - 1
    words = (0, 1, last) if known else (0, last)
    return table(head, cells, caption=caption, text_columns=words, minor_columns=(last,), class_="wide")


def _change(value: float) -> str:
    if abs(value) < 5e-5:
        return element("span", text.decimal(0.0, 2, suffix="%"), class_="muted")
    return element("span", text.percent(value, 2, signed=True), class_="up" if value > 0 else "down")


def _contributions(title: str, rows: list[dict[str, Any]], reach: float, numbers: Numbers) -> str:
    if not rows:
        return figure(title, element("p", "None.", class_="empty"))
    currency = numbers["strategy"]["currency"]
    cells = [
        (
            escape(row["symbol"]),
            text.percent(row["contribution"], 1, signed=True),
            text.money(row["profit"]),
            text.decimal(row["sessions"], 0),
            bar_cell(abs(row["contribution"]), reach, color="gain" if row["contribution"] > 0 else "loss"),
        )
        for row in rows
    ]
    head = (
        "Symbol",
        "Contribution",
        f"Profit {escape(currency)}".strip(),
        "Sessions",
        element("span", "Contribution as a bar", class_="sr"),
    )
    return figure(title, table(head, cells, caption=title, text_columns=(0, 4), minor_columns=(3,), class_="wide"))


def _period_charts(periods: Numbers) -> list[str]:
    labels = list(periods["period"])
    unit = periods["unit"]
    turnover = bar_chart(
        "turnover",
        f"Turnover by {unit}",
        labels,
        [Series("One-way", floats(periods["turnover"]), "c1")],
        unit="percent",
        note="One-way traded notional over equity, summed.",
    )
    paid = [
        Series(kind.capitalize(), floats(values), color)
        for (kind, values), color in zip(periods["cost_bps"].items(), COST_COLORS, strict=False)
        if any(values)
    ]
    if not paid:
        return [turnover, figure("Costs", element("p", "The run assumes no costs.", class_="empty"))]
    costs = bar_chart(
        "costs",
        f"Costs by {unit}",
        labels,
        paid,
        unit="bps",
        stacked=True,
        note="Basis points of the mean equity of the period, by kind.",
    )
    return [turnover, costs]


def _sensitivity(numbers: Numbers) -> list[str]:
    curve = numbers["cost_sensitivity"]
    labels = [f"{level:.0f} bps" for level in curve["cost_bps"]]
    breakeven = numbers["metrics"].get("portfolio", {}).get("breakeven_cost_bps")
    note = "Of each trade's notional, in place of the costs of the run."
    zero = ""
    if breakeven is not None:
        at = f"The mean return is zero at {text.decimal(breakeven, 0)} bps."
        zero = f" {at}" if breakeven > 0 else " The mean return is negative even without costs."
    return [
        curve_chart(
            "cost-cagr",
            "Growth by cost of a trade",
            labels,
            [Series("CAGR", floats(curve["cagr"]), "c1")],
            unit="percent",
            note=note + zero,
        ),
        curve_chart(
            "cost-sharpe",
            "Sharpe ratio by cost of a trade",
            labels,
            [Series("Sharpe", floats(curve["sharpe"]), "c1")],
            unit="ratio",
            note=note,
        ),
    ]


def _trades(numbers: Numbers) -> str:
    trades = numbers["trades"]
    rows = [
        (
            _reason(row["reason"]),
            text.decimal(row["count"], 0),
            text.money(row["notional"]),
            text.money(row["cost"]),
            text.decimal(1e4 * row["cost"] / row["notional"] if row["notional"] else None, 1),
        )
        for row in trades["by_reason"]
    ]
    total = (
        "All",
        text.decimal(trades["count"], 0),
        text.money(trades["notional"]),
        text.money(trades["cost"]),
        text.decimal(1e4 * trades["cost"] / trades["notional"] if trades["notional"] else None, 1),
    )
    currency = escape(numbers["strategy"]["currency"])
    head = ("Reason", "Fills", f"Notional {currency}".strip(), f"Cost {currency}".strip(), "Cost, bps")
    return figure("Fills by reason", table(head, [*rows, total], caption="Fills by reason", minor_columns=(3,)))


def _stops(stops: Numbers) -> str:
    if not stops["count"]:
        return figure("Stops", element("p", "No stop fired.", class_="empty"))
    kinds = ", ".join(f"{row['count']} {_reason(row['reason']).lower()}" for row in stops["by_reason"])
    rows = [
        (
            row["date"],
            escape(row["symbol"]),
            _reason(row["reason"]),
            text.decimal(row["trigger_price"]),
            text.decimal(row["exit_price"]),
        )
        for row in stops["last"]
    ]
    head = ("Date", "Symbol", "Kind", "Level", "Exit")
    body = table(head, rows, caption="Latest stops", text_columns=(0, 1, 2))
    distance = text.percent(stops["slippage"], 2, signed=True)
    return figure("Stops", body, note=f"{kinds}. Exits {distance} from their level on average. The latest {len(rows)}:")


def _reason(name: str) -> str:
    return name.replace("_", " ").capitalize()
