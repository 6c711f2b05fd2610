"""``nanodesk trade``: a strategy file decides once, and the decision is traded."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nanodesk.cli.options import AsJson, ManifestFile, Settings
from nanodesk.cli.rebalance import (
    AccountId,
    Broker,
    Config,
    Force,
    Host,
    Port,
    Quotes,
    SkipValidation,
    Url,
    finish,
    send,
)
from nanodesk.cli.settings import parse_settings

if TYPE_CHECKING:
    from nanodesk.brokers.paper.market import PaperMarket
    from nanodesk.rebalance.config import TradingConfig
    from nanodesk.rebalance.target import Target
    from nanodesk.research.manifest import Manifest

AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Last session whose close is known; by default all data.")
]


def trade(
    file: ManifestFile,
    once: Annotated[bool, typer.Option("--once", help="Decide once, trade, and end.")] = False,
    as_of: AsOf = None,
    config: Config = None,
    broker: Broker = None,
    url: Url = None,
    host: Host = None,
    port: Port = None,
    quotes: Quotes = None,
    account_id: AccountId = None,
    settings: Settings = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Decide, plan and check; send and write nothing.")] = False,
    force: Force = False,
    cron: Annotated[
        bool, typer.Option("--cron", help="A scheduled run: ask nothing, never do a decision twice.")
    ] = False,
    skip_validation: SkipValidation = False,
    as_json: AsJson = False,
) -> None:
    """Decide with a strategy file, and take the account to the decision: plan, risk, orders, fills, reconciled.

    Example: nanodesk trade examples/low_volatility.toml --broker paper --once
    """
    from nanodesk.cli.output import progress_bar
    from nanodesk.cli.trading_desk import read_config
    from nanodesk.research.manifest import load_manifest
    from nanodesk.research.run import decide_target
    from nanodesk.research.trading_config import trading_config

    if not once:
        raise typer.BadParameter("say --once: decide once, trade, and end")
    manifest = load_manifest(file, settings=parse_settings(settings or []))
    day = _day(as_of)
    wanted = broker or (manifest.execution.broker if manifest.execution is not None and config is None else None)
    desk, location = read_config(
        config, broker=wanted, base_url=url, host=host, port=port, quotes=quotes, account=account_id
    )
    with progress_bar() as progress:
        target = decide_target(manifest, day, base_dir=file.parent, progress=progress)
    is_paper = desk.connection.broker == "paper"
    if is_paper and location == "command line":
        desk = with_costs(desk, manifest)
    ready = trading_config(manifest, desk)
    target = with_facts(target, manifest, ready, day, file.parent)
    market = None
    if is_paper and ready.connection.quotes is None:
        market = evening_market(manifest, target, ready, day, file.parent)
    arguments: dict[str, Any] = {
        "config": ready,
        "location": location,
        "validate": not skip_validation,
        "paper_market": market,
    }
    if dry_run:
        finish(_look(target, arguments), as_json=as_json)
    unattended = force or cron or is_paper
    report = send(target, arguments, unattended=unattended, cron=cron, as_json=as_json)
    finish(report, as_json=as_json, was_asked=not unattended)


def with_costs(desk: TradingConfig, manifest: Manifest) -> TradingConfig:
    """A paper desk that charges what the manifest's backtest charges.

    Parameters
    ----------
    desk : TradingConfig
        Defaults.
    manifest : Manifest
        Its ``[backtest.costs]``.

    Returns
    -------
    desk : TradingConfig
        With those commissions.
    """
    costs = manifest.backtest.costs
    said = {
        "commission_per_share": costs.commission_per_share,
        "commission_min": costs.min_commission,
        "commission_bps": costs.commission_bps,
        "slippage_bps": costs.half_spread_bps,
    }
    return desk.model_copy(update={"cost": desk.cost.model_copy(update=said)})


def with_facts(
    target: Target, manifest: Manifest, desk: TradingConfig, day: datetime.date | None, base_dir: Path
) -> Target:
    """The same decision with the volumes and sectors of its data, where a limit asks for them.

    Parameters
    ----------
    target : Target
        A decision.
    manifest : Manifest
        The strategy.
    desk : TradingConfig
        Its limits.
    day : datetime.date or None
        Last session whose close is known.
    base_dir : Path
        Folder that ``data.lake`` is relative to.

    Returns
    -------
    target : Target
        What the data do not tell stays empty, and the check that needs it fails.
    """
    if desk.risk.max_adv_frac_e9 is None and desk.risk.max_sector_frac_e9 is None:
        return target
    from dataclasses import replace

    from nanodesk.research.run import inputs_until
    from nanodesk.research.traded_volume import average_daily_volume

    prices = inputs_until(manifest, day, base_dir).execution
    return replace(target, average_daily_volume=average_daily_volume(prices), sectors=dict(prices.sectors))


def evening_market(
    manifest: Manifest,
    target: Target,
    desk: TradingConfig,
    day: datetime.date | None,
    base_dir: Path,
    *,
    now_ns: Any = None,
) -> PaperMarket:
    """The paper market of the closes that a decision knew.

    Parameters
    ----------
    manifest : Manifest
        The strategy.
    target : Target
        Its decision.
    desk : TradingConfig
        Costs.
    day : datetime.date or None
        Last session whose close is known.
    base_dir : Path
        Folder that ``data.lake`` is relative to.
    now_ns : callable, optional
        Clock; the system's by default.

    Returns
    -------
    market : PaperMarket
        Spread as ``execution.spread_bps`` says, else twice the half spread of the backtest's costs.
    """
    import time

    from nanodesk.cli.broker_factory import paper_fees
    from nanodesk.research.closing_market import closing_market

    said = manifest.execution.spread_bps if manifest.execution is not None else None
    return closing_market(
        manifest,
        day,
        target.weights,
        base_dir=base_dir,
        spread_bps=2.0 * manifest.backtest.costs.half_spread_bps if said is None else said,
        now_ns=now_ns or time.time_ns,
        fees=paper_fees(desk),
        account_id=desk.account.id or "PAPER",
    )


def _look(target: Target, arguments: dict[str, Any]) -> Any:
    from nanodesk.cli.trading_desk import open_to_read
    from nanodesk.rebalance.execute import RunOptions

    with open_to_read(**arguments) as desk:
        return desk.rebalancer.run(target, RunOptions(is_dry_run=True))


def _day(text: str | None) -> datetime.date | None:
    if text is None:
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"--as-of: {text!r} is no date such as 2024-01-31") from None
