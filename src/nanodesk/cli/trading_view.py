"""A rebalance as pages of the terminal: plan, risk, fills, drift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nanodesk.cli.output import print_whole, stdout_console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nanodesk.rebalance.drift import DriftReport
    from nanodesk.rebalance.plan import Plan
    from nanodesk.rebalance.run_report import RunReport
    from nanodesk.rebalance.sending import LineResult
    from nanodesk.risk.report import RiskReport

MOST_ROWS = 60


def print_run(report: RunReport, *, plan_is_shown: bool = False) -> None:
    """Print a rebalance for people.

    Parameters
    ----------
    report : RunReport
        What happened.
    plan_is_shown : bool, default False
        Whether plan and risk were printed before.
    """
    console = stdout_console()
    if not plan_is_shown:
        print_plan(report.plan, report.risk, report.account.currency)
    for warning in report.warnings:
        console.print(f"! {warning}", style="yellow", soft_wrap=True)
    if report.lines:
        print_fills(report.lines, report.account.currency)
    if report.drift is not None:
        print_drift(report.drift, only_drifted=True)
    style = "bold green" if report.outcome.value in ("done", "nothing_to_do", "dry_run") else "bold yellow"
    console.print(_said_of_outcome(report), style=style, soft_wrap=True)


def _said_of_outcome(report: RunReport) -> str:
    said = _OUTCOMES[report.outcome.value]
    if report.outcome.value == "refused" and report.risk is not None and report.risk.failures and not report.lines:
        return f"{said}; nothing was sent. Change the target, or the limits above ([risk] in config.toml)"
    return f"{said}: {_reason(report)}" if report.reason else said


def _reason(report: RunReport) -> str:
    """What the table above has not said already."""
    failures = () if report.risk is None else report.risk.failures
    if failures and report.reason.startswith(str(failures[0])):
        count = len({check.number for check in failures})
        return f"{count} check{'s' * (count > 1)} failed"
    return report.reason


_OUTCOMES = {
    "nothing_to_do": "Nothing to do",
    "dry_run": "Dry run, nothing was sent",
    "declined": "Nothing was sent",
    "refused": "Refused by risk",
    "done": "Done",
    "incomplete": "Not all orders were filled",
    "unresolved": "Not reconciled",
    "stopped": "Stopped",
}


def print_plan(plan: Plan, risk: RiskReport | None, currency: str) -> None:
    """Print what is to be done and what risk says to it.

    Parameters
    ----------
    plan : Plan
        Orders and what was left out.
    risk : RiskReport or None
        Of the plan.
    currency : str
        Of the account.
    """
    from nanodesk.market.fixed_point import E9, format_e9

    console = stdout_console()
    if not plan.orders:
        console.print("No orders: nothing is worth a trade, or a lot away from its target.")
    else:
        table = grid("Plan", "Symbol", "Shares", "Limit", "Value")
        table.add_column("Why")
        for order in plan.orders[:MOST_ROWS]:
            value = order.quantity_e9 * order.limit_price_e9 / E9 / E9
            quantity, limit = format_e9(order.quantity_e9), money(order.limit_price_e9)
            table.add_row(order.action, order.symbol, quantity, limit, f"{value:,.0f}", order.description)
        print_whole(table)
        if len(plan.orders) > MOST_ROWS:
            console.print(f"... and {len(plan.orders) - MOST_ROWS} more", style="dim")
        cost = f"{plan.cost_e9 / E9:,.2f} {currency}"
        console.print(f"{counted(len(plan.orders), 'order')}, expected cost {cost}", style="dim")
    for skip in plan.skipped[:MOST_ROWS]:
        console.print(f"left alone: {skip.symbol} {format_e9(skip.quantity_e9)}, {skip.reason}", style="dim")
    if risk is not None:
        _print_risk(console, risk)


def _print_risk(console: Console, risk: RiskReport) -> None:
    from nanodesk.rebalance.config import key_of_limit

    numbers = {check.number for check in risk.checks}
    failed = {check.number for check in risk.failures}
    warned = {check.number for check in risk.warnings} - failed
    said = f"Risk: {len(numbers)} checks, {len(numbers - failed - warned)} passed"
    parts = [f"{len(found)} {word}" for found, word in ((warned, "warned"), (failed, "failed")) if found]
    console.print(", ".join([said, *parts]), style="bold red" if failed else "bold green")
    for check in (*risk.failures, *risk.warnings)[:MOST_ROWS]:
        where = f" ({key_of_limit(check.key)})" if check.key else ""
        console.print(f"  {check}. {check.fix}{where}", soft_wrap=True)


def print_fills(lines: Sequence[LineResult], currency: str) -> None:
    """Print what was sent and filled.

    Parameters
    ----------
    lines : sequence of LineResult
        In the order of sending.
    currency : str
        Of the account; fees in another are named.
    """
    from nanodesk.market.fixed_point import format_e9

    table = grid("Fills", "Symbol", "Shares", "Limit", "Filled", "Price", "Fee")
    table.add_column("Status")
    for result in lines[:MOST_ROWS]:
        line = result.line
        sizes = (format_e9(line.quantity_e9), money(line.limit_price_e9), format_e9(result.filled_e9))
        average = money(result.average_price_e9) if result.filled_e9 else ""
        table.add_row(line.action, line.symbol, *sizes, average, _fees(result, currency), result.status)
    print_whole(table)
    if len(lines) > MOST_ROWS:
        filled = sum(result.is_filled for result in lines[MOST_ROWS:])
        stdout_console().print(f"... and {len(lines) - MOST_ROWS} more, {filled} of them filled", style="dim")


def _fees(result: LineResult, currency: str) -> str:
    from nanodesk.market.fixed_point import E9, format_e9

    return ", ".join(
        f"{paid / E9:,.2f}" if unit == currency else f"{format_e9(paid)} {unit}"
        for unit, paid in sorted(result.fees_e9.items())
    )


def print_drift(drift: DriftReport, *, only_drifted: bool = False) -> None:
    """Print how far an account is from its target.

    Parameters
    ----------
    drift : DriftReport
        Every name.
    only_drifted : bool, default False
        Leave out names within the tolerance.
    """
    from nanodesk.market.fixed_point import E9, format_e9

    rows = drift.drifted if only_drifted else drift.rows
    if rows:
        table = grid("Symbol", "Held", "Target", "Price", "Weight", "Wanted", "Drift")
        for row in rows:
            weights = (row.actual_e9, row.weight_e9, row.difference_e9)
            shares = (format_e9(row.held_e9), format_e9(row.wanted_e9), money(row.price_e9))
            table.add_row(row.symbol, *shares, *map(_percent, weights))
        print_whole(table)
    console = stdout_console()
    within = f"{len(drift.drifted)} of {counted(len(drift.rows), 'name')} drifted"
    console.print(f"Reconciled: tracking error {drift.tracking_error_pct:.3f} %, {within}")
    console.print(f"            equity {drift.equity_e9 / E9:,.2f}, cash {drift.cash_e9 / E9:,.2f}")


def counted(count: int, what: str) -> str:
    """A number of things.

    Parameters
    ----------
    count : int
        How many.
    what : str
        One of them.

    Returns
    -------
    text : str
        With an s unless there is one.

    Examples
    --------
    >>> counted(1, "order"), counted(2, "order")
    ('1 order', '2 orders')
    """
    return f"{count} {what}{'' if count == 1 else 's'}"


def _percent(fraction_e9: int) -> str:
    """With two decimals and a sign, unless it is as good as zero."""
    hundredths = round(fraction_e9 / 10**5)
    return f"{hundredths / 100:+.2f}%" if hundredths else "0.00%"


def money(amount_e9: int) -> str:
    """An amount for people: exact, with at least two decimals.

    Parameters
    ----------
    amount_e9 : int
        In billionths.

    Returns
    -------
    text : str
        For example ``1,234.50``.

    Examples
    --------
    >>> money(1_234_500_000_000), money(-100_000)
    ('1,234.50', '-0.0001')
    """
    from nanodesk.market.fixed_point import format_e9

    whole, _, rest = format_e9(abs(amount_e9)).partition(".")
    return f"{'-' if amount_e9 < 0 else ''}{int(whole):,}.{rest:<02}"


def grid(first: str, *numbers: str) -> Table:
    """An empty table in the style of all of them.

    Parameters
    ----------
    first : str
        Heading of the first column, at the left.
    *numbers : str
        Headings of the others, at the right, save that of names.

    Returns
    -------
    table : rich.table.Table
        Without rows.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(first)
    for name in numbers:
        table.add_column(name, justify="left" if name == "Symbol" else "right")
    return table
