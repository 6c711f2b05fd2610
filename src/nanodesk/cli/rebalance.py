"""``nanodesk rebalance``: an account taken to a target file, looked at, reconciled, recovered, killed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nanodesk.cli.options import AsJson
from nanodesk.cli.output import note, print_json, print_whole, stdout_console

if TYPE_CHECKING:
    from nanodesk.cli.trading_desk import OpenDesk, StopSignal
    from nanodesk.oms.order_engine import OrderEngine
    from nanodesk.oms.reconcile import ReconcileReport
    from nanodesk.rebalance.drift import DriftReport
    from nanodesk.rebalance.plan import Plan
    from nanodesk.rebalance.run_report import RunReport
    from nanodesk.rebalance.target import Target
    from nanodesk.risk.report import RiskReport

rebalance = typer.Typer(
    name="rebalance", help="Take an account to a target file.", no_args_is_help=True, rich_markup_mode=None
)

TargetFile = Annotated[Path, typer.Argument(metavar="TARGET", help="The target file, JSON.")]
Config = Annotated[Path | None, typer.Option("--config", help="Configuration; by default ./config.toml.")]
Broker = Annotated[str | None, typer.Option("--broker", help="paper, ibkr, binance or alpaca.")]
Url = Annotated[str | None, typer.Option("--url", help="Address of a REST broker.")]
Host = Annotated[str | None, typer.Option("--host", help="Host of TWS or the gateway.")]
Port = Annotated[int | None, typer.Option("--port", help="Its port.")]
Quotes = Annotated[str | None, typer.Option("--quotes", metavar="FILE", help="Quotes of the paper broker.")]
AccountId = Annotated[str | None, typer.Option("--account", help="Account that may trade; ibkr needs it.")]
SkipValidation = Annotated[bool, typer.Option("--skip-validation", help="Start in spite of startup issues.")]
Force = Annotated[bool, typer.Option("--force", help="Do not ask; for unattended runs.")]


@rebalance.callback()
def _options(context: typer.Context, config: Config = None, skip_validation: SkipValidation = False) -> None:
    """Take an account to a target file."""
    context.obj = (config, skip_validation)


@rebalance.command("status")
def status(
    context: typer.Context,
    config: Config = None,
    broker: Broker = None,
    url: Url = None,
    host: Host = None,
    port: Port = None,
    quotes: Quotes = None,
    account_id: AccountId = None,
    skip_validation: SkipValidation = False,
    as_json: AsJson = False,
) -> None:
    """Show the account, open orders, the switches and who works.

    Example: nanodesk rebalance status --broker paper --quotes quotes.json
    """
    from nanodesk.cli.trading_desk import open_to_read

    settings = _settings(
        context, config, broker=broker, base_url=url, host=host, port=port, quotes=quotes, account=account_id
    )
    with open_to_read(**settings, validate=_validates(context, skip_validation)) as desk:
        values = _status_values(desk)
    if as_json:
        print_json(values)
        return
    amounts = {name: f"{Decimal(values[name]):,} {values['currency']}" for name in ("equity", "cash", "buying_power")}
    _print_values({name: amounts.get(name, value) for name, value in values.items() if name != "currency"})


@rebalance.command("positions")
def positions(
    context: typer.Context,
    config: Config = None,
    broker: Broker = None,
    url: Url = None,
    host: Host = None,
    port: Port = None,
    quotes: Quotes = None,
    account_id: AccountId = None,
    skip_validation: SkipValidation = False,
    as_json: AsJson = False,
) -> None:
    """Show what the account holds, priced.

    Example: nanodesk rebalance positions --broker paper --quotes quotes.json
    """
    from nanodesk.cli.trading_desk import open_to_read

    settings = _settings(
        context, config, broker=broker, base_url=url, host=host, port=port, quotes=quotes, account=account_id
    )
    with open_to_read(**settings, validate=_validates(context, skip_validation)) as desk:
        rows = _position_rows(desk)
    if as_json:
        print_json({"positions": rows})
    elif not rows:
        stdout_console().print("No positions.")
    else:
        _print_positions(rows)


@rebalance.command("run")
def run(
    context: typer.Context,
    target: TargetFile,
    config: Config = None,
    broker: Broker = None,
    url: Url = None,
    host: Host = None,
    port: Port = None,
    quotes: Quotes = None,
    account_id: AccountId = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Plan and check, send nothing, write nothing.")] = False,
    force: Force = False,
    cron: Annotated[
        bool, typer.Option("--cron", "--cron-mode", help="A scheduled run: ask nothing, and never do a window twice.")
    ] = False,
    skip_validation: SkipValidation = False,
    as_json: AsJson = False,
) -> None:
    """Plan, check, confirm, send, wait, reconcile.

    Example: nanodesk rebalance run target.json --broker paper --quotes quotes.json --force
    """
    settings = _settings(
        context, config, broker=broker, base_url=url, host=host, port=port, quotes=quotes, account=account_id
    )
    wanted = read_target(target)
    options = {"validate": _validates(context, skip_validation)}
    if dry_run:
        finish(_dry_run(wanted, {**settings, **options}), as_json=as_json)
    finish(
        send(wanted, {**settings, **options}, unattended=force or cron, cron=cron, as_json=as_json),
        as_json=as_json,
        was_asked=not (force or cron),
    )


@rebalance.command("reconcile")
def reconcile(
    context: typer.Context,
    target: TargetFile,
    config: Config = None,
    broker: Broker = None,
    url: Url = None,
    host: Host = None,
    port: Port = None,
    quotes: Quotes = None,
    account_id: AccountId = None,
    skip_validation: SkipValidation = False,
    as_json: AsJson = False,
) -> None:
    """Compare the account with a target; exit code 6 on drift.

    Example: nanodesk rebalance reconcile target.json --broker paper --quotes quotes.json
    """
    from nanodesk.cli.exit_codes import DRIFT
    from nanodesk.cli.trading_desk import open_to_read
    from nanodesk.cli.trading_view import print_drift

    settings = _settings(
        context, config, broker=broker, base_url=url, host=host, port=port, quotes=quotes, account=account_id
    )
    wanted = read_target(target)
    with open_to_read(**settings, validate=_validates(context, skip_validation)) as desk:
        drift = desk.rebalancer.drift(wanted)
    if as_json:
        print_json({"drifted": len(drift.drifted), **drift.as_values()})
    else:
        print_drift(drift)
    if drift.drifted:
        raise typer.Exit(DRIFT)


@rebalance.command("recover")
def recover(
    context: typer.Context,
    target: Annotated[
        Path | None, typer.Argument(metavar="[TARGET]", help="A target file, to compare with afterwards.")
    ] = None,
    config: Config = None,
    broker: Broker = None,
    url: Url = None,
    host: Host = None,
    port: Port = None,
    quotes: Quotes = None,
    account_id: AccountId = None,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="SYMBOL", help="Take over the broker's position; may repeat."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only what the journal knows; write nothing.")] = False,
    skip_validation: SkipValidation = False,
    as_json: AsJson = False,
) -> None:
    """Learn what became of the orders of a run that died.

    Reconciles with the broker, and sends nothing.

    Example: nanodesk rebalance recover --broker paper --quotes quotes.json
    """
    from nanodesk.cli.exit_codes import BROKER
    from nanodesk.cli.trading_desk import open_desk, open_to_read
    from nanodesk.oms.reconcile import reconcile as compare

    settings = _settings(
        context, config, broker=broker, base_url=url, host=host, port=port, quotes=quotes, account=account_id
    )
    settings["validate"] = _validates(context, skip_validation)
    wanted = None if target is None else read_target(target)
    if dry_run:
        with open_to_read(**settings) as desk:
            values = _journal_values(desk)
            drift = None if wanted is None else desk.rebalancer.drift(wanted)
        _print_recovery(values, drift, as_json=as_json)
        return
    with open_desk(**settings) as desk:
        engine = desk.engine
        assert engine is not None  # noqa: S101  (a desk that writes has one)
        found = engine.recover()
        books = compare(engine, desk.broker)
        if not books.is_clean:
            books = compare(engine, desk.broker)
        if accept:
            _require_blocked(accept, _doubts(engine, books))
            compare(engine, desk.broker, accept=accept)
            books = compare(engine, desk.broker)
        values = {
            "adopted": list(found.adopted),
            "not_sent": list(found.not_sent),
            "unknown": list(found.unknown),
            "fills_booked": found.fills,
            "interrupted_runs": list(found.interrupted_runs),
            "open_orders": [view.client_order_id for view in engine.open_orders()],
            "blocked": _doubts(engine, books),
            "reconciled": books.is_clean,
        }
        drift = None if wanted is None else desk.rebalancer.drift(wanted)
    _print_recovery(values, drift, as_json=as_json)
    if not books.is_clean:
        note(
            "Not reconciled: look into the blocked symbols at the broker, then take over its position: --accept SYMBOL."
        )
        raise typer.Exit(BROKER)


@rebalance.command("kill")
def kill(
    context: typer.Context,
    config: Config = None,
    broker: Broker = None,
    url: Url = None,
    host: Host = None,
    port: Port = None,
    quotes: Quotes = None,
    account_id: AccountId = None,
    flatten: Annotated[bool, typer.Option("--flatten", help="Then close every position.")] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            "--timeout-secs",
            min=0.1,
            envvar="NANOBOOK_KILL_TIMEOUT_SECS",
            show_envvar=False,
            help="Seconds it may take.",
        ),
    ] = None,
    who: Annotated[str, typer.Option(help="Who pulls the switch.")] = "operator",
    why: Annotated[str, typer.Option(help="Why.")] = "nanodesk rebalance kill",
    as_json: AsJson = False,
) -> None:
    """Stop a run, cancel every open order, and prove it.

    Pulls the kill switch first, which stays pulled; then asks the broker itself what is left.

    Example: nanodesk rebalance kill --broker paper --quotes quotes.json --why "test of the switch"
    """
    from nanodesk.cli.exit_codes import BROKER
    from nanodesk.cli.kill_switch import pull_and_cancel

    settings = _settings(
        context, config, broker=broker, base_url=url, host=host, port=port, quotes=quotes, account=account_id
    )
    values = pull_and_cancel(
        settings["config"], settings["location"], flatten=flatten, timeout_s=timeout, who=who, why=why
    )
    if as_json:
        print_json(values)
    else:
        _print_values(values)
    if values["is_latched"]:
        note("The switch stays pulled: no run sends an order until `nanodesk rebalance release --why ...`.")
    if not values["done"]:
        note("Not done: look at what remains above and at the broker's own screen, then kill again.")
        raise typer.Exit(BROKER)


@rebalance.command("release")
def release(
    context: typer.Context,
    config: Config = None,
    broker: Broker = None,
    url: Url = None,
    host: Host = None,
    port: Port = None,
    quotes: Quotes = None,
    account_id: AccountId = None,
    losses: Annotated[
        bool, typer.Option("--losses", help="Allow trading after a loss too, measured anew from today's equity.")
    ] = False,
    who: Annotated[str, typer.Option(help="Who allows trading again.")] = "operator",
    why: Annotated[str, typer.Option(help="Why.")] = "",
    as_json: AsJson = False,
) -> None:
    """Allow orders again after a kill, or after a loss.

    Resets the kill switch, and with --losses the loss monitor; nothing else does.

    Example: nanodesk rebalance release --why "limits were set right"
    """
    from nanodesk.cli.trading_desk import open_desk
    from nanodesk.risk.kill_switch import KillSwitch

    if not why.strip():
        raise typer.BadParameter('say why orders may be sent again: --why "..."')
    settings = _settings(
        context, config, broker=broker, base_url=url, host=host, port=port, quotes=quotes, account=account_id
    )
    said = settings["config"]
    if losses:
        with open_desk(**settings, validate=False) as desk:
            account = desk.broker.account()
            desk.losses.reset(account.equity_e9, who=who, why=why, now_ns=account.ts_ns)
    KillSwitch(Path(said.logging.dir) / said.kill.switch_file).reset(who=who, why=why)
    if as_json:
        print_json({"kill_switch": "reset", "losses": "reset" if losses else "kept", "who": who, "why": why})
    else:
        stdout_console().print("The kill switch is reset; orders may be sent again.")


# -- shared with `trade` and `demo` -----------------------------------------------------------------------------------


def read_target(path: Path) -> Target:
    """Read a target file of a user.

    Parameters
    ----------
    path : Path
        JSON of at most 1 MiB.

    Returns
    -------
    target : Target
        Checked.
    """
    from nanodesk.rebalance.target import MAX_BYTES, Target
    from nanodesk.toml_files.source import read_text

    return Target.from_json(read_text(path, max_bytes=MAX_BYTES), file=str(path))


def send(
    target: Target, settings: dict[str, Any], *, unattended: bool, cron: bool = False, as_json: bool = False
) -> RunReport:
    """One rebalance in this process, with signals, lock and question.

    Parameters
    ----------
    target : Target
        What to hold.
    settings : dict
        Arguments of `open_desk`.
    unattended : bool
        Whether nobody is asked.
    cron : bool, default False
        Whether a completed window is refused.
    as_json : bool, default False
        Whether nothing may be printed but one object.

    Returns
    -------
    report : RunReport
        What happened.
    """
    from nanodesk.cli.trading_desk import open_desk, stop_signal
    from nanodesk.rebalance.execute import RunOptions

    if not unattended and (as_json or not sys.stdin.isatty()):
        raise typer.BadParameter("there is nobody to ask: add --force (or --cron, for a schedule)")
    with stop_signal() as stop, open_desk(window_id=target.window_id, should_stop=stop, **settings) as desk:
        confirm = None if unattended else _asking(stop, desk)
        with _told_how_to_go_on(desk):
            return desk.rebalancer.run(target, RunOptions(is_cron=cron, confirm=confirm))


@contextmanager
def _told_how_to_go_on(desk: OpenDesk) -> Iterator[None]:
    from nanodesk.cli.trading_view import counted
    from nanodesk.errors import NanodeskError

    assert desk.engine is not None  # noqa: S101  (a desk that writes has one)
    before = len(desk.engine.ledger.orders)
    try:
        yield
    except NanodeskError:
        sent = len(desk.engine.ledger.orders) - before
        if sent:
            note(f"{counted(sent, 'order')} had been sent when it failed. Run again: what was begun is taken up.")
        raise


def finish(report: RunReport, *, as_json: bool, was_asked: bool = False) -> None:
    """Print a rebalance and leave with its exit code.

    Parameters
    ----------
    report : RunReport
        What happened.
    as_json : bool
        Whether to print one object.
    was_asked : bool, default False
        Whether a human is asked before the first order, and so has seen the plan.

    Raises
    ------
    typer.Exit
        Always: 0 done, 3 refused by risk, 4 not reconciled, 6 not all filled.
    """
    from nanodesk.cli.trading_view import print_run

    if as_json:
        print_json(report.as_values())
    else:
        print_run(report, plan_is_shown=was_asked and (report.outcome.value == "declined" or bool(report.lines)))
    raise typer.Exit(outcome_code(report))


def outcome_code(report: RunReport) -> int:
    """The exit code of a rebalance.

    Parameters
    ----------
    report : RunReport
        What happened.

    Returns
    -------
    code : int
        0 done, stopped, declined or nothing to do; 3 refused by risk; 4 not reconciled; 6 not all filled.
    """
    from nanodesk.cli.exit_codes import BROKER, DONE, DRIFT, REFUSED_BY_RISK

    codes = {"refused": REFUSED_BY_RISK, "unresolved": BROKER, "incomplete": DRIFT}
    return codes.get(report.outcome.value, DONE)


def _asking(stop: StopSignal, desk: OpenDesk) -> Callable[[Plan, RiskReport], bool]:
    from nanodesk.cli.trading_view import counted, print_plan

    def confirm(plan: Plan, risk: RiskReport) -> bool:
        account = desk.broker.account()
        print_plan(plan, risk, account.currency)
        money = "REAL MONEY" if account.is_live else "paper"
        stop.may_leave = True  # nothing is open yet, so a signal may end the process here
        try:
            return typer.confirm(
                f"Send {counted(len(plan.orders), 'order')} to {desk.broker.name} {account.account_id} ({money})?"
            )
        finally:
            stop.may_leave = False

    return confirm


def _dry_run(target: Target, settings: dict[str, Any]) -> RunReport:
    from nanodesk.cli.trading_desk import open_to_read
    from nanodesk.rebalance.execute import RunOptions

    with open_to_read(**settings) as desk:
        return desk.rebalancer.run(target, RunOptions(is_dry_run=True))


def _settings(context: typer.Context, config: Path | None, **connection: Any) -> dict[str, Any]:
    from nanodesk.cli.trading_desk import read_config

    said, location = read_config(config or (context.obj or (None, False))[0], **connection)
    return {"config": said, "location": location}


def _validates(context: typer.Context, skip_validation: bool) -> bool:
    return not (skip_validation or (context.obj or (None, False))[1])


def _doubts(engine: OrderEngine, books: ReconcileReport) -> dict[str, str]:
    """Symbols that a person has to look into: blocked, or with fills that the broker counts and never told."""
    awaited = {engine.order(name).order.symbol: f"fills of {name} are awaited" for name in books.awaited}
    return awaited | dict(books.blocked)


def _require_blocked(symbols: list[str], blocked: Mapping[str, str]) -> None:
    if wrong := [symbol for symbol in symbols if symbol not in blocked]:
        known = ", ".join(sorted(blocked)[:20]) or "none"
        raise typer.BadParameter(f"--accept {wrong[0]}: this symbol is not blocked; blocked: {known}")


_WORDS = {"True": "yes", "False": "no", "None": "none"}


def _print_values(values: Mapping[str, Any]) -> None:
    """One line a value; what holds several, one line each."""
    console = stdout_console()
    for name, value in values.items():
        said = [f"{key}: {text}" for key, text in value.items()] if isinstance(value, dict) else value
        lines = [str(item) for item in said] if isinstance(said, list) else [_WORDS.get(str(said), str(said))]
        for i, line in enumerate(lines or ["none"]):
            console.print(f"{'' if i else name.replace('_', ' '):<23} {line}", soft_wrap=True)


def _journal_values(desk: OpenDesk) -> dict[str, Any]:
    engine = desk.engine
    if engine is None:
        return {"interrupted_runs": [], "open_orders": [], "blocked": {}}
    return {
        "interrupted_runs": [run for run, state in engine.ledger.runs.items() if state == "started"],
        "open_orders": [view.client_order_id for view in engine.open_orders()],
        "blocked": dict(engine.blocked_symbols()),
    }


def _print_recovery(values: dict[str, Any], drift: DriftReport | None, *, as_json: bool) -> None:
    from nanodesk.cli.trading_view import print_drift

    if as_json:
        print_json(values if drift is None else values | {"drift": drift.as_values()})
        return
    _print_values(values)
    if drift is not None:
        print_drift(drift)


def _status_values(desk: OpenDesk) -> dict[str, Any]:
    from nanodesk.cli.trading_desk import RUN_LOCK
    from nanodesk.market.fixed_point import format_e9
    from nanodesk.rebalance.run_lock import current_holder

    account = desk.broker.account()
    holder = current_holder(Path(desk.config.logging.dir) / RUN_LOCK)
    return {
        "broker": desk.broker.name,
        "account": account.account_id,
        "money": "live" if account.is_live else "paper",
        "currency": account.currency,
        "equity": format_e9(account.equity_e9),
        "cash": format_e9(account.cash_e9),
        "buying_power": format_e9(account.buying_power_e9),
        "positions": len(desk.broker.positions()),
        "open_orders": len(desk.broker.open_orders()),
        "clock_offset_ms": desk.broker.clock_offset_ns() / 1e6,
        "kill_switch": str(desk.kill_switch.state()),
        "trading_state": desk.losses.state.value,
        "blocked_symbols": {} if desk.engine is None else desk.engine.blocked_symbols(),
        "rebalancing": "nobody" if holder is None else str(holder),
    }


def _position_rows(desk: OpenDesk) -> list[dict[str, str]]:
    from nanodesk.market.fixed_point import format_e9, notional_e9
    from nanodesk.rebalance.plan import middle_price_e9

    rows = []
    for holding in desk.broker.positions():
        price = middle_price_e9(desk.broker.quote(holding.symbol))
        value = notional_e9(price, holding.quantity_e9, desk.broker.trading_rules(holding.symbol).multiplier)
        rows.append(
            {
                "symbol": holding.symbol,
                "quantity": format_e9(holding.quantity_e9),
                "average_price": format_e9(holding.average_price_e9),
                "price": format_e9(price),
                "value": format_e9(value),
            }
        )
    return rows


def _print_positions(rows: list[dict[str, str]]) -> None:
    from nanodesk.cli.trading_view import grid, money
    from nanodesk.market.fixed_point import parse_e9

    table = grid("Symbol", "Quantity", "Average price", "Price", "Value")
    for row in rows:
        amounts = (money(parse_e9(row[name])) for name in ("average_price", "price", "value"))
        table.add_row(row["symbol"], row["quantity"], *amounts)
    print_whole(table)
