"""``nanodesk venue``: a look-alike of a broker on this machine, for rehearsals and tests."""

from __future__ import annotations

import errno
import importlib
import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nanodesk.errors import MissingExtraError, ValidationError

if TYPE_CHECKING:
    from nanodesk.venues.server import Serve

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class VenueName(StrEnum):
    """Which broker it looks like."""

    BINANCE = "binance"
    ALPACA = "alpaca"
    TWS = "tws"


_MODULES = {
    VenueName.BINANCE: "nanodesk.venues.binance_spot.venue",
    VenueName.ALPACA: "nanodesk.venues.alpaca.venue",
    VenueName.TWS: "nanodesk.venues.tws.venue",
}


def venue(
    name: Annotated[VenueName, typer.Argument(metavar="binance|alpaca|tws", help="Which broker it looks like.")],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 chooses one.")] = 0,
    admin_port: Annotated[int, typer.Option("--admin-port", min=0, max=65535, help="Port of the desk's door.")] = 0,
    quotes: Annotated[Path | None, typer.Option("--quotes", help="Quotes file; a few symbols without it.")] = None,
    faults: Annotated[Path | None, typer.Option("--faults", help="Fault file: what goes wrong, and when.")] = None,
    truth: Annotated[Path | None, typer.Option("--truth", help="Where the truth is written at the end.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of everything random.")] = 0,
    quote_asset: Annotated[str, typer.Option("--quote-asset", help="At binance: what pairs are paid in.")] = "USDT",
    maker_bps: Annotated[str, typer.Option("--maker-bps", help="Commission of resting orders.")] = "0",
    taker_bps: Annotated[str, typer.Option("--taker-bps", help="Commission of taking orders.")] = "0",
    replenish: Annotated[bool, typer.Option("--replenish", help="Displayed sizes come back after each fill.")] = False,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    allow_remote: Annotated[bool, typer.Option("--allow-remote", help="Let --host be more than loopback.")] = False,
) -> None:
    """Run a venue until SIGTERM: prints one JSON line with its port when it is ready.

    Example: nanodesk venue binance --port 0 --quotes quotes.json --faults faults.toml
    """
    import asyncio

    from nanodesk.brokers.paper.market import PaperMarket
    from nanodesk.brokers.paper.quotes import example_quotes, read_quotes
    from nanodesk.brokers.paper.values import Fees
    from nanodesk.venues.fault_effects import VenueClock
    from nanodesk.venues.faults import FaultInjector, read_faults
    from nanodesk.venues.server import VenueOptions, run_venue

    if host not in _LOOPBACK and not allow_remote:
        raise ValidationError(
            f"host={host!r} is not loopback; anybody on the network could trade on it.",
            field="host",
            value=host,
            allowed=", ".join(_LOOPBACK),
            fix="Add --allow-remote if that is meant.",
        )
    currency = quote_asset if name is VenueName.BINANCE else None
    book = example_quotes(currency=currency) if quotes is None else read_quotes(quotes, currency=currency)
    clock = VenueClock()
    market = PaperMarket(
        book.rules,
        quotes=book.quotes,
        cash_e9={book.currency: book.cash_e9},
        holdings_e9=book.holdings_e9,
        fees=Fees.bps(maker=_bps("--maker-bps", maker_bps), taker=_bps("--taker-bps", taker_bps)),
        now_ns=clock,
        seed=seed,
        replenish=replenish,
    )
    options = VenueOptions(
        host=host,
        port=port,
        admin_port=admin_port,
        seed=seed,
        faults=FaultInjector(() if faults is None else read_faults(faults), seed=seed),
        quote_asset=quote_asset,
        truth_path=truth,
        clock_offset_ns=clock.offset_ns,
    )
    serve = _serve(name)
    try:
        asyncio.run(run_venue(market, options, clock, serve, _print_ready))
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
            raise
        raise ValidationError(
            f"port={port}, admin_port={admin_port} at {host}: {os.strerror(error.errno).lower()}.",
            field="port",
            value=port,
            allowed="a port that nobody listens on",
            fix="Choose another, or 0 and let the system choose.",
        ) from error


def _bps(option: str, text: str) -> str:
    from nanodesk.market.fixed_point import parse_e9

    try:
        parse_e9(text)
    except ValidationError as error:
        raise typer.BadParameter(f"{option}: {error}") from error
    return text


def _serve(name: VenueName) -> Serve:
    module = _MODULES[name]
    try:
        serve: Serve = importlib.import_module(module).serve
    except ModuleNotFoundError as error:
        if error.name == module:
            raise ValidationError(f"venue={name.value!r} is not part of this build.", field="venue") from error
        raise MissingExtraError(
            f"nanodesk venue {name.value} needs {error.name}.", fix="pip install nanodesk[live]"
        ) from error
    return serve


def _print_ready(ready: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
