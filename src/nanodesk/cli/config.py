"""``nanodesk config``: what the trading commands work with."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nanodesk.cli.options import AsJson
from nanodesk.cli.output import note, print_json

if TYPE_CHECKING:
    from nanodesk.rebalance.config import TradingConfig

config = typer.Typer(
    name="config", help="What the trading commands work with.", no_args_is_help=True, rich_markup_mode=None
)

_EXACT_DIGITS = 15
"""Decimal digits that a number of a file keeps."""


@config.command("show")
def show(
    file: Annotated[Path | None, typer.Option("--config", help="Configuration; by default ./config.toml.")] = None,
    broker: Annotated[str | None, typer.Option("--broker", help="paper, ibkr, binance or alpaca.")] = None,
    account_id: Annotated[str | None, typer.Option("--account", help="Account that may trade.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print every setting in force, defaults included, as a file that may be used again; secrets are only named.

    Example: nanodesk config show --broker paper
    """
    from nanodesk.cli.trading_desk import read_config
    from nanodesk.rebalance.startup_checks import startup_issues

    said, location = read_config(file, broker=broker, account=account_id)
    issues = [str(issue) for issue in startup_issues(said, location=location, environ=os.environ, writes=False)]
    values = in_force(said)
    if as_json:
        print_json({"schema": "nanodesk.config/1", "location": location, "config": values, "startup_issues": issues})
        return
    usual = in_force(type(said).model_validate({"connection": {"broker": "paper"}}))
    sys.stdout.write(f"# in force: {location}\n" + "\n".join(_lines(values, usual)) + "\n")
    for issue in issues:
        note(f"! {issue}")


def in_force(said: TradingConfig) -> dict[str, dict[str, Any]]:
    """Every setting by section and key, as a file would say it.

    Parameters
    ----------
    said : TradingConfig
        Any.

    Returns
    -------
    values : dict of str to dict
        ``None`` where a setting is off. ``[risk]`` has the engine's names; each published one is shown as what it sets.
    """
    from nanodesk.rebalance.startup_checks import shown_secret_name
    from nanodesk.risk.limits import RiskConfig

    values: dict[str, dict[str, Any]] = said.model_dump(by_alias=True)
    del values["schema"]
    limits = RiskConfig(**said.risk.limits()).model_dump(mode="json", by_alias=True)
    values["risk"] = {name: limits[name] for name in said.risk.limits()} | {"min_trade_usd": said.risk.min_trade_usd}
    for name in ("api_key_env", "api_secret_env"):
        if values["connection"][name] is not None:
            values["connection"][name] = shown_secret_name(values["connection"][name])
    return values


def _lines(values: Mapping[str, Mapping[str, Any]], usual: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "schema = 1"
    for section, rows in values.items():
        names = {key: key if value is not None else f"# {key}" for key, value in rows.items()}
        width = max(map(len, names.values()))
        yield f"\n[{section}]"
        for key, value in rows.items():
            said, default = (_toml(one, is_amount=section == "risk") for one in (value, usual[section][key]))
            line = f"{names[key]:<{width}} = {said}"
            yield line if said == default else f"{line}  # default: {default}"


def _toml(value: Any, *, is_amount: bool) -> str:
    """JSON spells these values as TOML does; decimal text of an amount stands as a number where that loses nothing."""
    if value is None:
        return "off"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if is_amount and isinstance(value, str) and len(value) <= _EXACT_DIGITS:
        return value
    return json.dumps(sorted(value) if isinstance(value, (set, frozenset)) else value)
