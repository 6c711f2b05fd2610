"""A run as a page of the terminal and as plain values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from nanodesk.research.result import ResearchResult

_BLOCKS, _ASCII_BLOCKS = "▁▂▃▄▅▆▇█", "_.-=+*%#"
_SPARK_WIDTH, _LEAST_SPARK = 60, 10
_MOST_LOG = 700.0
"""Largest exponent that a double holds."""
_MOST_TARGETS = 15
_TARGETS_PER_LINE = 5
_TARGET_GAP = 3

_ROWS = (
    ("Total return", "total_return", "{:,.1%}"),
    ("CAGR", "cagr", "{:.2%}"),
    ("Volatility", "volatility", "{:.2%}"),
    ("Sharpe", "sharpe", "{:.2f}"),
    ("Sortino", "sortino", "{:.2f}"),
    ("Max drawdown", "max_drawdown", "{:.2%}"),
    ("Calmar", "calmar", "{:.2f}"),
    ("CVaR 95, daily", "cvar_95", "{:.2%}"),
    ("Winning days", "win_rate", "{:.1%}"),
)


def summary(result: ResearchResult, folder: Path | None) -> dict[str, Any]:
    """What ``--json`` prints for one run.

    Parameters
    ----------
    result : ResearchResult
        The run.
    folder : Path or None
        Where it was stored.

    Returns
    -------
    values : dict
        Headline numbers, costs, the last screen, the target and the files.
    """
    from nanodesk.research.headline import (
        benchmark_headline,
        benchmark_returns,
        costs_bps_per_year,
        turnover_per_year,
    )

    benchmark = benchmark_headline(result)
    return {
        "run_id": result.run_id,
        "strategy": result.name,
        "snapshot": result.snapshot_id,
        "code_version": result.code_version,
        "first_session": str(result.backtest.dates[0]),
        "last_session": str(result.backtest.dates[-1]),
        "first_decision": str(result.decision_dates[0]),
        "decisions": len(result.decision_dates),
        "final_equity": float(result.backtest.equity[-1]),
        "metrics": dataclasses.asdict(result.backtest.metrics),
        "benchmark": result.benchmark_name,
        "benchmark_metrics": dataclasses.asdict(benchmark) if benchmark is not None else None,
        "costs_bps_year": costs_bps_per_year(result),
        "turnover_year": turnover_per_year(result),
        "trades": len(result.backtest.trades),
        "stops": len(result.backtest.stop_events),
        "funnel": [{"kind": s.kind, "entered": s.entered, "left": s.left} for s in result.funnel[-1]],
        "target": dict(sorted(result.target.weights.items())),
        "warnings": [*result.warnings, *benchmark_returns(result)[1]],
        "folder": None if folder is None else str(folder),
        "files": [] if folder is None else sorted(str(p) for p in folder.rglob("*") if p.is_file()),
    }


def print_result(result: ResearchResult, folder: Path | None) -> None:
    """Print a run for people.

    Parameters
    ----------
    result : ResearchResult
        The run.
    folder : Path or None
        Where it was stored.
    """
    from rich.text import Text

    from nanodesk.cli.output import print_whole, stdout_console
    from nanodesk.research.headline import benchmark_returns

    console = stdout_console()
    test = result.backtest
    title = Text.assemble((result.name, "bold cyan"), f"  run {result.run_id}")
    console.print(title)
    decisions = f"{len(result.decision_dates)} decisions from {result.decision_dates[0]}"
    console.print(f"{test.dates[0]} to {test.dates[-1]}, {len(test.symbols)} symbols, {decisions}", style="dim")
    for warning in (*result.warnings, *benchmark_returns(result)[1]):
        console.print(f"! {warning}", style="yellow")
    console.print()
    print_whole(_growth(result, console.width, ascii_only=console.options.ascii_only))
    _print_beside(_headline(result), _money(result), console.width)
    console.print(Text(f"Target, decided {result.decision_dates[-1]} after the close", style="bold"))
    print_whole(_target_lines(result, console.width))
    arrow = "->" if console.options.ascii_only else "→"
    console.print(Text.assemble(("\nLast screen  ", "bold"), _funnel_line(result, arrow)))
    if folder is not None:
        console.print()
        for name, what in _FILES:
            if (folder / name).exists():
                console.print(f"{what:<12} {folder / name}", soft_wrap=True)


_FILES = (
    ("tearsheet.html", "Tear sheet"),
    ("target.json", "Target"),
    ("manifest.toml", "Manifest"),
    ("run.json", "Run"),
)


def _print_beside(left: Table, right: Table, width: int) -> None:
    from rich.table import Table

    from nanodesk.cli.output import natural_width, print_whole

    both = Table.grid(padding=(0, 4))
    both.add_row(left, right)
    for table in (both,) if natural_width(both) <= width else (left, right):
        print_whole(table)


def _headline(result: ResearchResult) -> Table:
    from nanodesk.research.headline import benchmark_headline

    table = _table("Performance", "Strategy", result.benchmark_name or "")
    benchmark = benchmark_headline(result)
    for label, name, form in _ROWS:
        ours = form.format(getattr(result.backtest.metrics, name))
        table.add_row(label, ours, form.format(getattr(benchmark, name)) if benchmark is not None else "")
    return table


def _money(result: ResearchResult) -> Table:
    from nanodesk.research.headline import costs_bps_per_year, turnover_per_year

    table = _table("Trading", "")
    table.add_row("Final equity", f"{result.backtest.equity[-1]:,.0f}")
    table.add_row("Turnover / year", f"{turnover_per_year(result):.0%}")
    costs = costs_bps_per_year(result)
    table.add_row("Costs, bps / year", f"{sum(costs.values()):.1f}")
    for kind, paid in costs.items():
        if paid > 0:
            table.add_row(f"  {kind}", f"{paid:.1f}")
    table.add_row("Fills", f"{len(result.backtest.trades):,}")
    table.add_row("Stops fired", f"{len(result.backtest.stop_events):,}")
    for report in result.factor_reports[-1:]:
        if math.isnan(report.ic_mean):
            continue  # fewer than two names were ever ranked
        table.add_row(f"IC, {report.id}", f"{report.ic_mean:.3f} (t {report.ic_t:.1f})")
    return table


def _target_lines(result: ResearchResult, width: int) -> Table:
    from rich.table import Table

    ranked = sorted(result.target.weights.items(), key=lambda item: (-item[1], item[0]))
    if len(ranked) > _MOST_TARGETS:
        rest = ranked[_MOST_TARGETS - 1 :]
        ranked = [*ranked[: _MOST_TARGETS - 1], (f"{len(rest)} more", sum(weight for _, weight in rest))]
    longest = max((len(symbol) for symbol, _ in ranked), default=0)
    shown = [f"{symbol:<{longest}}{weight:9.2%}" for symbol, weight in ranked]
    each = longest + 9 + _TARGET_GAP
    per_line = min(_TARGETS_PER_LINE, max(1, (width + _TARGET_GAP) // each))
    grid = Table.grid(padding=(0, _TARGET_GAP))
    for start in range(0, len(shown), per_line):
        grid.add_row(*shown[start : start + per_line])
    return grid


def _table(first: str, *others: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _growth(result: ResearchResult, width: int, *, ascii_only: bool) -> Table:
    import numpy as np
    from rich.table import Table

    from nanodesk.research.headline import benchmark_returns

    grid = Table.grid(padding=(0, 2))
    lines = [("Equity, log", np.log(np.maximum(result.backtest.equity, 1e-9)))]
    benchmark, _ = benchmark_returns(result)
    if benchmark is not None:
        growth = np.cumsum(np.log1p(np.maximum(benchmark, -0.999)))
        lines.append((result.benchmark_name or "Benchmark", growth))
    low = min(float((values - values[0]).min()) for _, values in lines)
    high = max(float((values - values[0]).max()) for _, values in lines)
    multiples = [f"x {math.exp(min(values[-1] - values[0], _MOST_LOG)):,.2f}" for _, values in lines]
    room = width - max(len(label) for label, _ in lines) - max(map(len, multiples)) - 4
    blocks = _ASCII_BLOCKS if ascii_only else _BLOCKS
    for (label, values), multiple in zip(lines, multiples, strict=True):
        line = _spark(values - values[0], low, high, min(_SPARK_WIDTH, max(_LEAST_SPARK, room)), blocks)
        grid.add_row(label, line, multiple)
    return grid


def _spark(values: Any, low: float, high: float, width: int, blocks: str) -> str:
    picks = [values[round(i * (len(values) - 1) / (width - 1))] for i in range(width)]
    span = max(high - low, 1e-12)
    return "".join(blocks[min(len(blocks) - 1, int((value - low) / span * len(blocks)))] for value in picks)


def _funnel_line(result: ResearchResult, arrow: str) -> str:
    steps: Sequence[Any] = result.funnel[-1]
    if not steps:
        return "no filters"
    return f" {arrow} ".join([str(steps[0].entered), *(f"{step.left} {step.kind}" for step in steps)])
