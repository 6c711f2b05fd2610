"""A command value and a book to an answer. The engine does the work; here it is called and quoted."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nanodesk.cli.lob_shell.forms import BY_WORD, FORMS, Form
from nanodesk.cli.lob_shell.grammar import Command, parse_line
from nanodesk.cli.lob_shell.render import (
    Fragments,
    clock,
    describe_notice,
    describe_order,
    describe_stop,
    describe_submit,
    dollars,
    draw_book,
    fills,
    indication,
    list_trades,
    refusal,
)
from nanodesk.cli.lob_shell.words import nearest, quoted
from nanodesk.errors import BookError, NanodeskError

if TYPE_CHECKING:
    from nanodesk.book.exchange import Exchange

LEVELS = 10

_PHASE_FAULTS = {
    "halt": "only a market that trades can be halted; type resume or uncross first.",
    "resume": "the book is crossed: type uncross to end the auction.",
    "uncross": "there is no auction to end. Type auction to begin one.",
}


class Session:
    """What a prompt works on: one book, until it is left.

    Parameters
    ----------
    exchange : Exchange
        The book; ``clear`` and ``load`` replace it.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.is_over = False
        self.stop_ids: list[int] = []


def answer(session: Session, line: str) -> Fragments:
    """Read a line and carry it out.

    Parameters
    ----------
    session : Session
        Changed by commands; untouched by a line that is wrong.
    line : str
        Any text.

    Returns
    -------
    text : list of (style, text)
        Nothing for an empty line; an error is one line of style ``error``.
    """
    command = None
    try:
        command = parse_line(line)
        return [] if command is None else execute(session, command)
    except NanodeskError as error:
        return [("error", f"{error}\n")]
    except OSError as error:
        what = f"{command.name}: {quoted(command.values['path'])}" if command is not None else "file"
        return [("error", f"{what}: {(error.strerror or str(error)).lower()}.\n")]


def execute(session: Session, command: Command) -> Fragments:
    """Carry out one command.

    Parameters
    ----------
    session : Session
        Its book is changed by commands that change books.
    command : Command
        From ``parse_line``.

    Returns
    -------
    text : list of (style, text)
        Ends with a line break; what happened to other orders follows the answer.

    Raises
    ------
    NanodeskError
        If the engine refuses the values; the book is untouched.
    OSError
        If a file cannot be read or written.
    """
    try:
        text = _CALLS[command.name](session, command)
    except NanodeskError as error:
        raise _taught(error, command, session.exchange) from None
    for notice in session.exchange.take_notices():
        text += describe_notice(notice, session.exchange)
    return text


def _taught(error: NanodeskError, command: Command, exchange: Exchange) -> NanodeskError:
    """The engine's refusal in the words of the prompt: times of day and commands, not nanoseconds and methods."""
    now = clock(exchange.clock_ns)
    texts = {
        "now_ns": f"clock: it is {now} already, and time does not go back.",
        "close_ns": f"close: it is {now} already; name a later time.",
        "expire_ns": f"{command.name}: it is {now} already; name a later time in until=.",
        "phase": f"{command.name}: {_PHASE_FAULTS.get(command.name, str(error))}",
        "order_ids": f"link: {str(error).removeprefix('order_ids: ')}",
    }
    if error.field == "tif" and error.value == "day":
        text = f"{command.name}: day orders need a closing time. Try: close 16:00"
    else:
        text = texts.get(error.field or "", f"{command.name}: {error}")
    return BookError(text, field=error.field, value=error.value, allowed=error.allowed)


def _limit(session: Session, command: Command) -> Fragments:
    values = command.values
    result = session.exchange.submit_limit(command.name, **values)
    tif = "" if values.get("tif", "gtc") == "gtc" else f" {values['tif']}"
    return describe_submit(f"{command.name} {values['quantity']:,} @ {dollars(values['price'])}{tif}", result)


def _market(session: Session, command: Command) -> Fragments:
    values = command.values
    result = session.exchange.submit_market(**values)
    return describe_submit(f"market {values['side']} {values['quantity']:,}", result)


def _peg(session: Session, command: Command) -> Fragments:
    values = command.values
    result = session.exchange.submit_pegged(**values)
    what = f"{values['side']} {values['quantity']:,} pegged to {values['reference']}"
    order = session.exchange.get_order(result.order_id)
    if order is not None and order.is_parked:
        return [("", f"O{result.order_id} {what}: waits for a price to follow.\n")]
    return describe_submit(what if order is None else f"{what}, now @ {dollars(order.price)}", result)


def _bracket(session: Session, command: Command) -> Fragments:
    values = command.values
    bracket = session.exchange.submit_bracket(**values)
    what = f"{values['side']} {values['quantity']:,} @ {dollars(values['price'])}"
    text = describe_submit(what, bracket.entry)
    if bracket.entry.reason is None:
        session.stop_ids.append(bracket.stop_loss_id)
        legs = f"  profit target O{bracket.take_profit_id} @ {dollars(values['take_profit'])}"
        text.append(("dim", f"{legs}, stop O{bracket.stop_loss_id} @ {dollars(values['stop_loss'])}\n"))
    return text


def _stop(session: Session, command: Command) -> Fragments:
    values = dict(command.values)
    exchange = session.exchange
    if command.name == "stop":
        result = exchange.submit_stop_market(**values)
    elif command.name == "stoplimit":
        result = exchange.submit_stop_limit(**values)
    else:
        trail = values.pop("trail")
        values |= {
            "trail_type": trail.trail_type,
            "trail_value": trail.trail_value,
            "atr_period": trail.atr_period,
        }
        submit = (
            exchange.submit_trailing_stop_limit if "limit_price" in values else exchange.submit_trailing_stop_market
        )
        result = submit(**values)
    if result.status == "pending":
        session.stop_ids.append(result.order_id)
    what = f"O{result.order_id} stop {values['side']} {values['quantity']:,} at {dollars(values['stop_price'])}"
    if result.status == "rejected":
        return [("", f"{what}: "), ("error", "rejected, the market is halted: type resume first.\n")]
    state = "pending" if result.status == "pending" else "holds already, triggered"
    return [("", f"{what}: {state}.\n")]


def _cancel(session: Session, command: Command) -> Fragments:
    result = session.exchange.cancel(**command.values)
    if result.error is not None:
        return refusal(result.error)
    return [("", f"O{command.values['order_id']}: {result.cancelled_quantity:,} cancelled.\n")]


def _reduce(session: Session, command: Command) -> Fragments:
    order_id = command.values["order_id"]
    result = session.exchange.reduce(**command.values)
    if result.error is not None:
        return refusal(result.error)
    order = session.exchange.get_order(order_id)
    left = "" if order is None else f", {order.remaining_quantity:,} open"
    return [("", f"O{order_id}: {result.cancelled_quantity:,} taken off{left}.\n")]


def _modify(session: Session, command: Command) -> Fragments:
    values = command.values
    result = session.exchange.modify(**values)
    if result.error is not None:
        return refusal(result.error)
    order = session.exchange.get_order(result.new_order_id)
    side = "" if order is None else f"{order.side.value} "
    what = f"{side}{values['quantity']:,} @ {dollars(values['price'])}"
    return [("", f"O{result.old_order_id} is now O{result.new_order_id}: {what}.\n"), *fills(result.trades)]


def _link(session: Session, command: Command) -> Fragments:
    group = session.exchange.link(command.values["contingency"], command.values["order_ids"])
    orders = ", ".join(f"O{order_id}" for order_id in command.values["order_ids"])
    return [("", f"Group {group} ({command.values['contingency']}): {orders}.\n")]


def _book(session: Session, command: Command) -> Fragments:
    return draw_book(session.exchange, command.values.get("levels", LEVELS))


def _trades(session: Session, _command: Command) -> Fragments:
    return list_trades(session.exchange.trades())


def _status(session: Session, command: Command) -> Fragments:
    order_id = command.values["order_id"]
    stop = session.exchange.get_stop_order(order_id)
    if stop is not None:
        return describe_stop(stop)
    order = session.exchange.get_order(order_id)
    return [("error", f"There is no order O{order_id}.\n")] if order is None else describe_order(order)


def _queue(session: Session, command: Command) -> Fragments:
    orders = session.exchange.queue(**command.values)
    if not orders:
        return [("dim", "Nobody waits there.\n")]
    text: Fragments = []
    for place, order in enumerate(orders[:LEVELS], 1):
        hidden = order.remaining_quantity - order.visible_quantity
        text.append(("dim", f"  {place:>2}. "))
        text.append(("", f"O{order.id} {order.visible_quantity:,}{f' (+{hidden:,} hidden)' if hidden else ''}\n"))
    if len(orders) > LEVELS:
        text.append(("dim", f"  and {len(orders) - LEVELS:,} more\n"))
    return text


def _position(session: Session, command: Command) -> Fragments:
    if "quantity" in command.values:
        session.exchange.set_position(**command.values)
    owner = command.values["owner"]
    return [("", f"Owner {owner}: {session.exchange.position(owner):,}.\n")]


def _hash(session: Session, _command: Command) -> Fragments:
    return [("", f"{session.exchange.state_hash():016x}\n")]


def _halt(session: Session, _command: Command) -> Fragments:
    session.exchange.halt()
    return [("", "Halted: cancels only, until resume.\n")]


def _resume(session: Session, _command: Command) -> Fragments:
    session.exchange.resume()
    return [("", "Trading.\n")]


def _auction(session: Session, _command: Command) -> Fragments:
    if session.exchange.phase != "auction":
        session.exchange.start_auction()
    return [("", f"{indication(session.exchange)}.\n".replace("auction", "Auction", 1))]


def _uncross(session: Session, command: Command) -> Fragments:
    result = session.exchange.uncross(**command.values)
    if result.price is None:
        return [("", "Nothing could trade. The market is open.\n")]
    text = f"{result.volume:,} traded at {dollars(result.price)}. The market is open.\n"
    return [("", text), *list_trades(result.trades)]


def _band(session: Session, command: Command) -> Fragments:
    low, high = command.values.get("low"), command.values.get("high")
    session.exchange.set_price_band(low, high)
    if low is None:
        return [("", "No price band.\n")]
    return [("", f"Orders must be priced {dollars(low)} to {'any price' if high is None else dollars(high)}.\n")]


def _clock(session: Session, command: Command) -> Fragments:
    session.exchange.advance_clock(**command.values)
    return [("", f"It is {clock(command.values['now_ns'])}.\n")]


def _close(session: Session, command: Command) -> Fragments:
    session.exchange.set_session_close(**command.values)
    return [("", f"Day orders end at {clock(command.values['close_ns'])}.\n")]


def _clear(session: Session, _command: Command) -> Fragments:
    from nanodesk.book.exchange import Exchange

    old = session.exchange
    session.exchange = Exchange(old.instrument, **old.configuration)
    session.stop_ids.clear()
    return [("", "An empty book.\n")]


def _path(command: Command) -> Path:
    try:
        return Path(command.values["path"]).expanduser()
    except RuntimeError as error:
        home = quoted(command.values["path"].partition("/")[0])
        raise BookError(f"nobody's home is {home}.", field="path", value=command.values["path"]) from error


def _save(session: Session, command: Command) -> Fragments:
    path = _path(command)
    session.exchange.save(path)
    return [("", f"{session.exchange.event_count():,} commands written to {path}.\n")]


def _load(session: Session, command: Command) -> Fragments:
    path = _path(command)
    session.exchange, warned = read_book(path)
    session.exchange.take_notices()
    session.stop_ids.clear()
    text: Fragments = [("notice", f"{line}\n") for line in warned]
    text.append(("", f"{session.exchange.event_count():,} commands read from {path}.\n"))
    return text + draw_book(session.exchange, LEVELS)


def read_book(path: Path) -> tuple[Exchange, list[str]]:
    """The book that a file leads to, and what its reader warned of.

    Parameters
    ----------
    path : Path
        An event log.

    Returns
    -------
    exchange : Exchange
        After its last command.
    warned : list of str
        One line each, for example that the file ends early.

    Raises
    ------
    ReplayError
        If the file is no event log.
    OSError
        If it cannot be read.
    """
    from nanodesk.book.exchange import Exchange

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exchange = Exchange.load(path)
    return exchange, [" ".join(str(warning.message).split()) for warning in caught]


def _help(_session: Session, command: Command) -> Fragments:
    topic = command.values.get("topic")
    if topic is None:
        return _help_list()
    form = BY_WORD.get(topic)
    if form is None:
        hint = nearest(topic, tuple(known.name for known in FORMS))
        return [("error", f"help: {quoted(topic)} is no command.{hint} Type help for the list.\n")]
    short = f" (short: {', '.join(form.aliases)})" if form.aliases else ""
    return [
        ("bold", form.usage),
        ("", f"\n  {form.summary}{short}\n"),
        ("dim", f"  example: {form.example}\n"),
    ]


def _help_list() -> Fragments:
    text: Fragments = []
    width = max(len(form.example) for form in FORMS)
    group = ""
    for form in FORMS:
        if form.group != group:
            group = form.group
            text.append(("bold", f"{group}\n"))
        text.append(("", f"  {form.example:<{width}}  "))
        text.append(("dim", f"{form.summary}{_short(form)}\n"))
    return [*text, ("dim", "Prices are dollars, quantities whole numbers. help COMMAND tells all its words.\n")]


def _short(form: Form) -> str:
    return f" ({', '.join(form.aliases)})" if form.aliases else ""


def _quit(session: Session, _command: Command) -> Fragments:
    session.is_over = True
    return []


_CALLS: dict[str, Callable[[Session, Command], Fragments]] = {
    "buy": _limit,
    "sell": _limit,
    "market": _market,
    "peg": _peg,
    "bracket": _bracket,
    "stop": _stop,
    "stoplimit": _stop,
    "trail": _stop,
    "cancel": _cancel,
    "reduce": _reduce,
    "modify": _modify,
    "link": _link,
    "book": _book,
    "trades": _trades,
    "status": _status,
    "queue": _queue,
    "position": _position,
    "hash": _hash,
    "halt": _halt,
    "resume": _resume,
    "auction": _auction,
    "uncross": _uncross,
    "band": _band,
    "clock": _clock,
    "close": _close,
    "clear": _clear,
    "save": _save,
    "load": _load,
    "help": _help,
    "quit": _quit,
}
