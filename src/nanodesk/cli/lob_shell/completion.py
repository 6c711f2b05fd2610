"""What may come next in a line: commands, fixed words, ids of open orders, prices at the touch, files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nanodesk.cli.lob_shell.execute import Session
from nanodesk.cli.lob_shell.forms import BY_WORD, FORMS, Form, Slot
from nanodesk.cli.lob_shell.render import dollars
from nanodesk.cli.lob_shell.words import Choice, read_id, read_price

_LEVELS = 20
_FILES = 100


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One way to go on.

    Parameters
    ----------
    word : str
        Replaces the word under the cursor.
    typed : str
        That word so far.
    meaning : str, default ""
        Shown beside it.
    """

    word: str
    typed: str
    meaning: str = ""


def suggest(line: str, session: Session) -> list[Suggestion]:
    """Ways to go on from a line.

    Parameters
    ----------
    line : str
        What stands before the cursor.
    session : Session
        Its book gives ids and prices.

    Returns
    -------
    suggestions : list of Suggestion
        Those that begin as the last word does, in any case.
    """
    words = line.split()
    typed = words.pop() if words and not line[-1].isspace() else ""
    found: Iterator[tuple[str, str]]
    if not words:
        found = ((form.name, form.summary) for form in FORMS)
    else:
        form = BY_WORD.get(words[0].lower())
        if form is None:
            return []
        if form.slots and form.slots[0].takes_rest:
            typed = line.lstrip()[len(words[0]) :].lstrip()
        found = _after(form, words[1:], typed, session)
    return [Suggestion(word, typed, text) for word, text in found if word.lower().startswith(typed.lower())]


def _after(form: Form, words: list[str], typed: str, session: Session) -> Iterator[tuple[str, str]]:
    slots = form.slots
    if slots and slots[0].takes_rest:
        return _files(typed)
    if len(words) < len(slots):
        return _for_slot(slots[len(words)], session)
    if slots and slots[-1].repeats:
        return ((word, text) for word, text in _for_slot(slots[-1], session) if word not in words)
    return _options(form, words, typed)


def _for_slot(slot: Slot, session: Session) -> Iterator[tuple[str, str]]:
    if isinstance(slot.read, Choice):
        return ((word, "") for word in slot.read.words if len(word) > 1)
    if slot.read is read_id:
        return _open_orders(session)
    if slot.read is read_price:
        return _touch(session)
    if slot.field == "topic":
        return ((form.name, form.summary) for form in FORMS)
    return iter(())


def _options(form: Form, words: list[str], typed: str) -> Iterator[tuple[str, str]]:
    known = form.options or {}
    taken = {known[name].field for word in words if (name := word.partition("=")[0].lower()) in known}
    for name, option in known.items():
        if option.field in taken:
            continue
        if option.read is None:
            yield name, ""
        elif isinstance(option.read, Choice) and typed.lower().startswith(f"{name}="):
            for word in option.read.words:
                yield f"{name}={word}", ""
        else:
            yield f"{name}=", option.label


def _open_orders(session: Session) -> Iterator[tuple[str, str]]:
    snapshot = session.exchange.depth(_LEVELS)
    for side, levels in (("sell", reversed(snapshot.asks)), ("buy", iter(snapshot.bids))):
        for level in levels:
            for order in session.exchange.queue(side, level.price):
                yield str(order.id), f"{side} {order.remaining_quantity:,} @ {dollars(order.price)}"
    for stop_id in session.stop_ids:
        stop = session.exchange.get_stop_order(stop_id)
        if stop is not None and stop.status == "pending":
            yield str(stop_id), f"stop {stop.side.value} {stop.quantity:,} at {dollars(stop.stop_price)}"


def _touch(session: Session) -> Iterator[tuple[str, str]]:
    bid, ask = session.exchange.best_bid_ask()
    last = session.exchange.last_trade_price()
    for meaning, price in (("best bid", bid), ("best ask", ask), ("last trade", last)):
        if price is not None:
            yield dollars(price).replace("$", "").replace(",", ""), meaning


def _files(typed: str) -> Iterator[tuple[str, str]]:
    if not typed.isprintable():
        return
    parent, slash, _ = typed.rpartition("/")
    try:
        entries = sorted(Path(parent + slash or ".").expanduser().iterdir())[:_FILES]
    except (OSError, RuntimeError):  # the second where a home is unknown
        return
    for entry in entries:
        if not entry.name.startswith(".") and entry.name.isprintable():
            yield parent + slash + entry.name + ("/" if entry.is_dir() else ""), ""
