"""``nanodesk demo``: the bundled strategy over three decades of real prices, and its last decision traded on paper."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nanodesk.cli.options import AsJson, DryRun

if TYPE_CHECKING:
    from nanodesk.rebalance.run_report import RunReport
    from nanodesk.research.manifest import Manifest
    from nanodesk.research.result import ResearchResult

MANIFEST = Path(__file__).with_name("demo.toml")

_NEXT = (
    ("nanodesk demo --manifest > mine.toml", "the strategy as a file: make it yours"),
    ("nanodesk run mine.toml", "backtest it; the tear sheet is under runs/"),
    ("nanodesk trade mine.toml --broker paper --once", "trade it on a paper account that stays, in logs/"),
    ("nanodesk rebalance --help", "accounts, orders, kill and recover"),
)
_LONGEST = max(len(command) for command, _ in _NEXT)


def demo(
    out: Annotated[Path | None, typer.Option(help="Folder of all runs; by default ./runs.")] = None,
    dry_run: DryRun = False,
    show_manifest: Annotated[bool, typer.Option("--manifest", help="Print the strategy file and stop.")] = False,
    as_json: AsJson = False,
) -> None:
    """Backtest the bundled strategy and trade its last decision on paper: no network, no account, no files needed.

    Example: nanodesk demo --out runs
    """
    if show_manifest:
        sys.stdout.write(MANIFEST.read_text(encoding="utf-8"))
        return
    from nanodesk.cli.output import print_json, progress_bar, stdout_console
    from nanodesk.cli.results import print_result, summary
    from nanodesk.cli.trading_view import print_run
    from nanodesk.research.manifest import load_manifest
    from nanodesk.research.run import run_manifest
    from nanodesk.research.tracking import save_run

    manifest = load_manifest(MANIFEST)
    with progress_bar() as progress:
        result = run_manifest(manifest, base_dir=Path.cwd(), progress=progress)
    folder = None if dry_run else save_run(result, out or manifest.tracking.store)
    traded = trade_on_paper(manifest, result, dry_run=dry_run)
    if as_json:
        print_json({**summary(result, folder), "trading": traded.as_values()})
        return
    print_result(result, folder)
    console = stdout_console()
    account = f"{traded.account.equity_e9 / 1e9:,.0f} {traded.account.currency} in cash"
    console.print(
        f"\nThe target traded on paper: {account}, at the closes of {result.decision_dates[-1]}", style="bold"
    )
    print_run(traded)
    console.print("\nNext", style="bold")
    for command, what in _NEXT:
        console.print(f"{command:<{_LONGEST}}  {what}", soft_wrap=True)


def trade_on_paper(manifest: Manifest, result: ResearchResult, *, dry_run: bool = False) -> RunReport:
    """Trade the last decision of a run against a paper market of its evening, on a clock that stands there.

    Parameters
    ----------
    manifest : Manifest
        Of the run.
    result : ResearchResult
        The run.
    dry_run : bool, default False
        Whether to plan and check only.

    Returns
    -------
    report : RunReport
        The same for the same run, bit for bit. Journal and account are gone when this returns.
    """
    import tempfile

    from nanodesk.brokers.paper.market import VirtualClock
    from nanodesk.cli.trade import evening_market, with_costs
    from nanodesk.cli.trading_desk import open_desk
    from nanodesk.oms.journal import Journal
    from nanodesk.rebalance.clock_watch import Clocks
    from nanodesk.rebalance.config import TradingConfig
    from nanodesk.rebalance.execute import RunOptions
    from nanodesk.research.trading_config import trading_config

    with tempfile.TemporaryDirectory(prefix="nanodesk-demo-") as folder:
        base = TradingConfig.model_validate({"connection": {"broker": "paper"}, "logging": {"dir": folder}})
        config = trading_config(manifest, with_costs(base, manifest))
        day = result.decision_dates[-1].item()
        clock = VirtualClock(_instant_ns(result.target.timestamp))
        market = evening_market(manifest, result.target, config, day, Path.cwd(), now_ns=clock)
        clocks = Clocks(clock, lambda: clock() / 1e9, clock.sleep)
        # A journal has an identity of its own, which goes into the names of orders; here it is always the same.
        Journal.restore(Path(folder) / config.logging.journal_file, "demo", clock(), ())
        with open_desk(config, location="demo", validate=False, clocks=clocks, paper_market=market) as desk:
            return desk.rebalancer.run(result.target, RunOptions(is_dry_run=dry_run))


def _instant_ns(timestamp: str) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(timestamp).timestamp()) * 10**9
