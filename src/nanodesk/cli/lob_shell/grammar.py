"""A line of text to a command value; a line that is wrong to one sentence that teaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nanodesk.cli.lob_shell.forms import BY_WORD, FORMS, Form, Slot
from nanodesk.cli.lob_shell.words import nearest, quoted
from nanodesk.errors import ValidationError


@dataclass(frozen=True, slots=True)
class Command:
    """One command, read and checked word by word.

    Parameters
    ----------
    name : str
        Full name, whatever short form was typed.
    values : mapping of str to object
        By the engine's parameter names: prices in cents, times in nanoseconds.
    """

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)


def parse_line(line: str) -> Command | None:
    """Read one line.

    Parameters
    ----------
    line : str
        Any text. Case does not matter, except in file names.

    Returns
    -------
    command : Command or None
        None for an empty line and for a comment, which begins with ``#``.

    Raises
    ------
    ValidationError
        With a single line that says what is wrong and shows a line that works.

    Examples
    --------
    >>> parse_line("BUY 100.50 100 ioc")
    Command(name='buy', values={'price': 10050, 'quantity': 100, 'tif': 'ioc'})
    >>> parse_line("buy 100.50")
    Traceback (most recent call last):
        ...
    nanodesk.errors.ValidationError: buy: QTY is missing. Try: buy 100.50 100 ioc
    """
    words = line.split()
    if not words or words[0].startswith("#"):
        return None
    form = BY_WORD.get(words[0].lower())
    if form is None:
        names = tuple(known.name for known in FORMS)
        raise ValidationError(
            f"{quoted(words[0])} is no command.{nearest(words[0], names)} Type help for the list.", value=words[0]
        )
    try:
        if form.slots and form.slots[0].takes_rest:
            words = [words[0], *([line.strip()[len(words[0]) :].strip()] if len(words) > 1 else [])]
        values, rest = _read_slots(form, words[1:])
        _read_options(form, rest, values)
        _settle(form, values)
    except ValidationError as error:
        raise ValidationError(
            f"{form.name}: {error}", value=error.value, allowed=form.usage, fix=f"Try: {form.example}"
        ) from None
    return Command(form.name, values)


def _read_slots(form: Form, words: list[str]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    for place, slot in enumerate(form.slots):
        if slot.repeats:
            values[slot.field] = tuple(slot.read(word) for word in words[place:])
            words = words[:place]
        if place >= len(words) and not slot.repeats:
            if not slot.is_optional:
                raise ValidationError(f"{_label(slot)} is missing.")
        elif not slot.repeats:
            values[slot.field] = slot.read(words[place])
    return values, words[len(form.slots) :]


def _label(slot: Slot) -> str:
    return slot.label.replace("|", " or ")


def _read_options(form: Form, words: list[str], values: dict[str, Any]) -> None:
    known = form.options or {}
    for word in words:
        name, sign, text = word.partition("=")
        option = known.get(name.lower())
        if option is None:
            raise ValidationError(_unknown_option(form, name), value=word)
        if option.field in values:
            raise ValidationError(f"{quoted(word)} is said twice or goes against another word.", value=word)
        if option.read is None:
            if sign:
                raise ValidationError(f"{name.lower()} takes no value.", value=word)
            values[option.field] = option.value
        elif not text:
            raise ValidationError(f"{name.lower()} needs a value, {name.lower()}={option.label}.", value=word)
        else:
            values[option.field] = option.read(text)
    for name in form.required:
        if known[name].field not in values:
            raise ValidationError(f"{name}={known[name].label} is missing.")


def _unknown_option(form: Form, name: str) -> str:
    known = tuple(form.options or ())
    if not known:
        return f"{quoted(name)} is too much."
    return f"{quoted(name)} is unknown.{nearest(name, known)}"


def _settle(form: Form, values: dict[str, Any]) -> None:
    """Checks across words, and what one word implies for another."""
    if form.name == "link" and len(set(values["order_ids"])) < 2:
        raise ValidationError("two different IDs or more are needed.", value=values["order_ids"])
    if "expire_ns" in values:
        if "tif" in values:
            raise ValidationError(f"until= does not go with {values['tif']}.", value=values["tif"])
        values["tif"] = "gtd"
    if "tif" in values and values["tif"] in ("ioc", "fok"):
        for name, word in (("post_only", "post"), ("display", "show=")):
            if name in values:
                raise ValidationError(f"{word} needs an order that can rest, not {values['tif']}.")
    for name, word in (("display", "show="), ("min_quantity", "min=")):
        if name in values and values[name] > values["quantity"]:
            raise ValidationError(f"{word}{values[name]} is more than QTY {values['quantity']}.", value=values[name])
    if form.name == "bracket":
        low, high = ("stop", "take") if values["side"] == "buy" else ("take", "stop")
        prices = {"stop": values["stop_loss"], "take": values["take_profit"]}
        if not prices[low] < values["price"] < prices[high]:
            raise ValidationError(f"a {values['side']} needs {low}= below PRICE below {high}=.")
    if form.name == "band" and values.get("low", 0) > values.get("high", values.get("low", 0)):
        raise ValidationError("LOW is above HIGH.", value=values["low"])
    if "owner" not in values:
        for name, word in (("self_trade", "stp="), ("reduce_only", "reduce-only")):
            if name in values and form.options is not None and "owner" in form.options:
                raise ValidationError(f"{word} needs owner=N.")
