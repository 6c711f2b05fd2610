"""``nanodesk lob``, also installed as ``lob``: a limit order book to type at, to replay, or to watch."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from nanodesk.cli.options import AsJson
from nanodesk.cli.output import note, print_json

if TYPE_CHECKING:
    from nanodesk.book.exchange import Exchange
    from nanodesk.cli.lob_shell.execute import Session


class Matching(StrEnum):
    """How the orders of a price share what arrives."""

    PRICE_TIME = "price_time"
    PRO_RATA = "pro_rata"
    SPLIT = "split"


def lob(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="An event log: replay it, show the book.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="A moving ladder; without FILE of a made-up market.")] = False,
    matching: Annotated[Matching, typer.Option(help="How a price is shared, in a new book.")] = Matching.PRICE_TIME,
    levels: Annotated[int, typer.Option(min=1, help="Levels shown of FILE's book.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of the made-up market.")] = 1,
    speed: Annotated[int, typer.Option(min=1, help="Commands a second, at the start of --watch.")] = 50,
    light: Annotated[bool, typer.Option("--light", help="--watch in light colors.")] = False,
    as_json: AsJson = False,
) -> None:
    """A limit order book. Without arguments a prompt; lines may also be piped in. Type help there.

    Example: nanodesk lob --watch
    """
    if watch:
        _watch(file, seed=seed, speed=speed, light=light)
        return
    if file is None:
        _talk(matching, as_json=as_json)
        return
    exchange = _load(file)
    if as_json:
        print_json({"file": str(file)} | book_values(exchange))
    else:
        from nanodesk.cli.lob_shell.render import draw_book, draw_totals, plain

        sys.stdout.write(f"{file}: {plain(draw_totals(exchange))}{plain(draw_book(exchange, levels))}")


def book_values(exchange: Exchange) -> dict[str, Any]:
    """A book as plain values.

    Parameters
    ----------
    exchange : Exchange
        Is not changed.

    Returns
    -------
    values : dict
        Every level, the measures of the book, and the hash of its state.
    """
    snapshot, trades = exchange.full_book(), exchange.trades()
    return {
        "schema": "nanodesk.lob/1",
        "commands": exchange.event_count(),
        "trades": len(trades),
        "volume": sum(trade.quantity for trade in trades),
        "last_price_cents": exchange.last_trade_price(),
        "phase": exchange.phase,
        "pending_stops": exchange.pending_stop_count(),
        "spread_cents": snapshot.spread,
        "mid_cents": snapshot.mid_price,
        "weighted_mid_cents": snapshot.weighted_mid,
        "imbalance": snapshot.imbalance,
        "bids": [_level_values(level) for level in snapshot.bids],
        "asks": [_level_values(level) for level in snapshot.asks],
        "state_hash": f"{exchange.state_hash():016x}",
    }


def _level_values(level: Any) -> dict[str, int]:
    return {"price_cents": level.price, "quantity": level.quantity, "orders": level.order_count}


def _load(file: Path) -> Exchange:
    from nanodesk.cli.lob_shell.execute import read_book
    from nanodesk.errors import DataError, ReplayError

    try:
        exchange, warned = read_book(file)
    except ReplayError as error:
        raise DataError(f"{file}: {error}") from error
    except OSError as error:
        raise DataError(f"{file}: {error.strerror or error}.") from error
    for line in warned:
        note(f"{file}: {line}")
    return exchange


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def _talk(matching: Matching, *, as_json: bool) -> None:
    from nanodesk.book.exchange import Exchange
    from nanodesk.cli.lob_shell.execute import Session

    session = Session(Exchange(matching=matching.value))
    if _is_terminal() and not as_json:
        _prompt(session)
        return
    if isinstance(sys.stdin, io.TextIOWrapper):
        # Bytes that are no text become marks, which the grammar refuses like any other word.
        sys.stdin.reconfigure(errors="replace")
    answer_lines(session, sys.stdin or (), sys.stderr if as_json else sys.stdout)
    if as_json:
        print_json(book_values(session.exchange))


def answer_lines(session: Session, lines: Iterable[str], out: TextIO) -> None:
    """Answer lines one by one in plain text, until ``quit`` or their end.

    Parameters
    ----------
    session : Session
        The book.
    lines : iterable of str
        Commands.
    out : file
        Where answers go.
    """
    from nanodesk.cli.lob_shell.execute import answer
    from nanodesk.cli.lob_shell.render import plain

    for line in lines:
        out.write(plain(answer(session, line)))
        out.flush()
        if session.is_over:
            break
    out.write("Goodbye!\n")


def _prompt(session: Session) -> None:
    try:
        from nanodesk.cli.lob_shell.prompt import run_prompt
    except ModuleNotFoundError as error:
        raise _missing("The prompt of lob", "prompt_toolkit", error) from error
    run_prompt(session)


def _watch(file: Path | None, *, seed: int, speed: int, light: bool) -> None:
    from nanodesk.cli.lob_watch.market import Market
    from nanodesk.cli.lob_watch.order_flow import OrderFlow, ReplayFlow, SyntheticFlow

    if not _is_terminal():
        raise typer.BadParameter("a terminal is needed; lob FILE prints the final book", param_hint="--watch")
    try:
        from nanodesk.cli.lob_watch.app import WatchApp
    except ModuleNotFoundError as error:
        raise _missing("lob --watch", "textual", error) from error
    flow: OrderFlow = SyntheticFlow(seed) if file is None else ReplayFlow(_load(file), file.name)
    WatchApp(Market(flow), speed=speed, light=light).run()


def _missing(what: str, module: str, error: ModuleNotFoundError) -> Exception:
    """What to install; any other missing module is a fault of its own."""
    from nanodesk.errors import MissingExtraError

    if (error.name or "").partition(".")[0] != module:
        return error
    return MissingExtraError(f"{what} needs {module}, which is not installed.", fix="pip install nanodesk[tui]")
