"""The parts of the page that come first and last: title, warnings, headline numbers, all metrics, the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nanodesk.research.tearsheet import text
from nanodesk.research.tearsheet.labels import GROUPS, metric_label, metric_text
from nanodesk.research.tearsheet.markup import element, escape, figure, section, table

Numbers = Mapping[str, Any]


def page_header(numbers: Numbers) -> str:
    """Name, description, facts and warnings of the run.

    Parameters
    ----------
    numbers : mapping
        As ``numbers.collect`` gives them.

    Returns
    -------
    markup : str
        The header of the page, warnings first.
    """
    facts = numbers["strategy"]
    button = element(
        "button", "Dark", type="button", id="theme", hidden=True, aria_label="Switch between light and dark"
    )
    title = element("div", element("h1", escape(facts["name"])) + button, class_="head")
    about = element("p", escape(facts["description"]), class_="about") if facts["description"] else ""
    return element("header", [warning_banner(numbers["warnings"]), title, about, _facts(facts)], class_="wrap")


def warning_banner(warnings: list[str]) -> str:
    """What the reader must know before any number.

    Parameters
    ----------
    warnings : list of str
        Plain text.

    Returns
    -------
    markup : str
        A red banner; empty without a warning.
    """
    if not warnings:
        return ""
    items = element("ul", (element("li", escape(item)) for item in warnings))
    count = "Read this first" if len(warnings) == 1 else f"Read these {len(warnings)} warnings first"
    return element("div", element("strong", count) + items, class_="warnings", role="alert")


def headline_section(numbers: Numbers) -> str:
    """The dozen numbers that sum the run up.

    Parameters
    ----------
    numbers : mapping
        As ``numbers.collect`` gives them.

    Returns
    -------
    markup : str
        A section.
    """
    against = numbers["benchmark_metrics"]
    name = numbers["strategy"]["benchmark"] or "Benchmark"
    cards = [
        element(
            "div",
            element("dt", escape(label))
            + element(
                "dd", [element("div", escape(value), class_="value"), element("div", escape(below), class_="against")]
            ),
        )
        for label, value, below in _cards(numbers["metrics"], against, name, numbers["strategy"])
    ]
    return section("summary", "Headline numbers", element("dl", cards, class_="card cards"))


def metric_section(numbers: Numbers) -> str:
    """Every metric by group, beside the benchmark's where it has one.

    Parameters
    ----------
    numbers : mapping
        As ``numbers.collect`` gives them.

    Returns
    -------
    markup : str
        A section.
    """
    against = numbers["benchmark_metrics"] or {}
    name = numbers["strategy"]["benchmark"] or "Benchmark"
    figures = []
    for group, metrics in numbers["metrics"].items():
        if not any(value is not None for value in metrics.values()):
            continue
        beside = against.get(group, {}) if group not in ("benchmark", "portfolio") else {}
        rows = [
            (
                escape(metric_label(key)),
                escape(metric_text(group, key, value)),
                *((escape(metric_text(group, key, beside.get(key))),) if beside else ()),
            )
            for key, value in metrics.items()
            if value is not None or beside.get(key) is not None
        ]
        title = GROUPS.get(group, metric_label(group))
        head = ("Metric", "Strategy", *((escape(name),) if beside else ()))
        figures.append(figure(title, table(head, rows, caption=title, class_="metrics")))
    return section(
        "metrics",
        "All metrics",
        element("div", figures, class_="groups"),
        lead=f"Annualised by {numbers['strategy']['periods_per_year']} sessions; after costs.",
    )


def manifest_section(numbers: Numbers) -> str:
    """The run's identity and every setting in force.

    Parameters
    ----------
    numbers : mapping
        As ``numbers.collect`` gives them.

    Returns
    -------
    markup : str
        A section.
    """
    facts = numbers["strategy"]
    identity = [
        ("Run", element("code", escape(facts["run_id"]))),
        ("Data snapshot", element("code", escape(facts["snapshot_id"]))),
        ("Code version", escape(facts["code_version"])),
        ("Seed", escape(facts["seed"])),
        ("Symbols", text.decimal(facts["symbols"], 0)),
        ("Decisions", text.decimal(facts["decisions"], 0)),
    ]
    body = figure(
        "Identity",
        table(("Fact", "Value"), identity, caption="Identity of the run", text_columns=(0, 1), class_="manifest"),
    )
    rows = [(element("code", escape(key)), escape(value)) for key, value in flattened(numbers["manifest"])]
    if not rows:
        return section("run", "Run", body)
    settings = table(("Setting", "Value"), rows, caption="Manifest", text_columns=(0, 1), class_="manifest")
    summary = element("summary", f"{len(rows)} settings, every default filled in")
    return section("run", "Run", body + figure("Manifest", element("details", summary + settings)))


def flattened(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Dotted keys of a nested mapping, with their values as text.

    Parameters
    ----------
    value : object
        Mappings and lists of plain values.
    path : str, optional
        Key of ``value`` itself.

    Yields
    ------
    item : tuple of str
        Key and value; lists of plain values stay on one line.

    Examples
    --------
    >>> list(flattened({"a": {"b": 1, "c": [1, 2]}, "d": [{"e": True}]}))
    [('a.b', '1'), ('a.c', '1, 2'), ('d[0].e', 'true')]
    """
    if isinstance(value, Mapping) and (value or not path):
        for key, item in value.items():
            yield from flattened(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(item, (Mapping, list)) for item in value):
        for i, item in enumerate(value):
            yield from flattened(item, f"{path}[{i}]")
    elif isinstance(value, list):
        yield path, ", ".join(_setting(item) for item in value)
    else:
        yield path, _setting(value)


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return text.MISSING if value is None or value == {} else str(value)


def _facts(facts: Numbers) -> str:
    currency = facts["currency"]
    shown = (
        ("Period", f"{facts['start']} to {facts['end']}"),
        ("Sessions", text.decimal(facts["sessions"], 0)),
        ("Benchmark", facts["benchmark"] or "none"),
        ("Equity", f"{text.money(facts['initial_cash'])} to {text.money(facts['final_equity'], currency)}"),
        ("Run", facts["run_id"]),
    )
    items = (element("li", f"{label} {element('b', escape(value))}") for label, value in shown)
    return element("ul", items, class_="facts")


def _cards(metrics: Numbers, against: Numbers | None, name: str, facts: Numbers) -> Iterator[tuple[str, str, str]]:
    def value(group: str, key: str) -> str:
        return metric_text(group, key, metrics[group].get(key))

    def beside(group: str, key: str) -> str:
        return f"{name} {metric_text(group, key, against[group].get(key))}" if against else ""

    for label, group, key in (
        ("CAGR", "return", "cagr"),
        ("Volatility", "risk", "volatility"),
        ("Sharpe ratio", "ratios", "sharpe"),
        ("Maximum drawdown", "risk", "max_drawdown"),
        ("Sortino ratio", "ratios", "sortino"),
        ("Calmar ratio", "ratios", "calmar"),
    ):
        yield label, value(group, key), beside(group, key)
    yield (
        "Growth of 1",
        text.multiple(facts["final_equity"] / facts["initial_cash"]),
        f"{name} {text.multiple(1.0 + against['return']['total_return'])}" if against else "",
    )
    yield (
        "Probabilistic Sharpe",
        value("significance", "probabilistic_sharpe"),
        f"Sharpe ± {value('ratios', 'sharpe_standard_error')}",
    )
    if against:
        yield "Alpha, per year", value("benchmark", "alpha"), f"t {value('benchmark', 'alpha_t')}"
        yield "Beta", value("benchmark", "beta"), f"Correlation {value('benchmark', 'correlation')}"
    else:
        yield "Winning months", value("hit_rates", "win_months"), f"Sessions {value('hit_rates', 'win_days')}"
        yield "CVaR 95, session", value("risk", "cvar_95"), f"Worst {value('return', 'worst_day')}"
    yield (
        "Turnover per year",
        value("portfolio", "turnover_per_year"),
        f"{value('portfolio', 'holdings')} names on average",
    )
    yield (
        "Costs per year",
        value("portfolio", "costs_bps_per_year"),
        _breakeven(metrics["portfolio"].get("breakeven_cost_bps")),
    )


def _breakeven(cost_bps: float | None) -> str:
    if cost_bps is None:
        return ""
    return f"Breakeven {text.reading('bps')(cost_bps)}" if cost_bps > 0 else "Loses before costs"
