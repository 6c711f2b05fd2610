"""The commands of ``lob`` as a table: parser, help and completion read the same rows.

A slot's or option's ``field`` is the name of the engine's parameter, so a parsed line is a call already.
"""

from __future__ import annotations

from dataclasses import dataclass

from nanodesk.cli.lob_shell.words import (
    Choice,
    Reader,
    read_id,
    read_offset,
    read_owner,
    read_path,
    read_position,
    read_price,
    read_quantity,
    read_time,
    read_trail,
)


@dataclass(frozen=True, slots=True)
class Slot:
    """A word that stands at a place of its own.

    Parameters
    ----------
    field : str
        Name of its value.
    label : str
        How help calls it.
    read : Reader
        Word to value.
    is_optional : bool, default False
        Whether it may be left out; then it is the last.
    takes_rest : bool, default False
        Whether it is the rest of the line, spaces included.
    repeats : bool, default False
        Whether several words may stand there; the value is a tuple.
    """

    field: str
    label: str
    read: Reader
    is_optional: bool = False
    takes_rest: bool = False
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """A word that may stand anywhere after the slots: a flag, or ``word=value``.

    Parameters
    ----------
    field : str
        Name of its value.
    read : Reader or None, default None
        Reader of what follows ``=``; None for a flag.
    value : object, default True
        Value of a flag.
    label : str, default ""
        How help calls what follows ``=``.
    """

    field: str
    read: Reader | None = None
    value: object = True
    label: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """How one command is written.

    Parameters
    ----------
    name : str
        Its first word.
    group : str
        Heading in help.
    summary : str
        What it does, in a line.
    example : str
        A line that works.
    slots : tuple of Slot, default ()
        What must follow, in order.
    options : dict of str to Option, default {}
        What may follow.
    required : tuple of str, default ()
        Options that must be there.
    aliases : tuple of str, default ()
        Short forms.
    """

    name: str
    group: str
    summary: str
    example: str
    slots: tuple[Slot, ...] = ()
    options: dict[str, Option] | None = None
    required: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        """The command with its places in capitals and its options in brackets."""
        words = [self.name]
        for slot in self.slots:
            label = f"{slot.label} ..." if slot.repeats else slot.label
            words.append(f"[{label}]" if slot.is_optional else label)
        flags: dict[str, list[str]] = {}
        for word, option in (self.options or {}).items():
            if option.read is None:
                flags.setdefault(option.field, []).append(word)
            elif word in self.required:
                words.append(f"{word}={option.label}")
            else:
                flags[word] = [f"{word}={option.label}"]
        return " ".join([*words, *(f"[{'|'.join(choices)}]" for choices in flags.values())])


_SIDE = Slot("side", "buy|sell", Choice(buy="buy", b="buy", sell="sell", s="sell"))
_PRICE = Slot("price", "PRICE", read_price)
_QUANTITY = Slot("quantity", "QTY", read_quantity)
_STOP = Slot("stop_price", "STOP", read_price)
_ID = Slot("order_id", "ID", read_id)
_FILE = Slot("path", "FILE", read_path, takes_rest=True)

_SELF_TRADE = Choice(
    off="off",
    newest="cancel_newest",
    oldest="cancel_oldest",
    both="cancel_both",
    decrement="decrement",
)
_MODES = "off|newest|oldest|both|decrement"
_OWNED = {
    "owner": Option("owner", read_owner, label="N"),
    "stp": Option("self_trade", _SELF_TRADE, label=_MODES),
}
_REDUCE_ONLY = {"reduce-only": Option("reduce_only")}
_RESTS = {
    "gtc": Option("tif", value="gtc"),
    "day": Option("tif", value="day"),
    "until": Option("expire_ns", read_time, label="TIME"),
}
_AT_ONCE = {"ioc": Option("tif", value="ioc"), "fok": Option("tif", value="fok")}
_SHOW = {"show": Option("display", read_quantity, label="QTY")}
_MIN = {"min": Option("min_quantity", read_quantity, label="QTY")}
_LIMIT = {"limit": Option("limit_price", read_price, label="PRICE")}
_ORDER = {**_RESTS, **_AT_ONCE, "post": Option("post_only"), **_SHOW, **_MIN, **_REDUCE_ONLY, **_OWNED}

ORDERS, STOPS, CHANGES, LOOK, SESSION, FILES = "Orders", "Stops", "Changes", "Look", "Session", "Book and files"

FORMS: tuple[Form, ...] = (
    Form("buy", ORDERS, "buy at a limit", "buy 100.50 100 ioc", (_PRICE, _QUANTITY), _ORDER),
    Form("sell", ORDERS, "sell at a limit", "sell 101 500 post show=100", (_PRICE, _QUANTITY), _ORDER),
    Form(
        "market",
        ORDERS,
        "trade at once at the best prices",
        "market buy 200",
        (_SIDE, _QUANTITY),
        {**_MIN, **_REDUCE_ONLY, **_OWNED},
    ),
    Form(
        "peg",
        ORDERS,
        "an order that follows the book and never takes",
        "peg buy bid 100 offset=-0.05",
        (_SIDE, Slot("reference", "bid|ask|mid", Choice(bid="bid", ask="ask", mid="mid")), _QUANTITY),
        {"offset": Option("offset", read_offset, label="DOLLARS"), **_LIMIT, **_RESTS, **_SHOW, **_OWNED},
    ),
    Form(
        "bracket",
        ORDERS,
        "an entry that, once filled, places a profit target and a stop",
        "bracket buy 100 50 take=105 stop=97.50",
        (_SIDE, _PRICE, _QUANTITY),
        {
            "take": Option("take_profit", read_price, label="PRICE"),
            "stop": Option("stop_loss", read_price, label="PRICE"),
            "ouo": Option("contingency", value="ouo"),
            "oco": Option("contingency", value="oco"),
            **_RESTS,
            **_OWNED,
        },
        required=("take", "stop"),
    ),
    Form(
        "stop",
        STOPS,
        "a market order once the market trades there",
        "stop sell 95 100",
        (_SIDE, _STOP, _QUANTITY),
        {**_REDUCE_ONLY, **_OWNED},
    ),
    Form(
        "stoplimit",
        STOPS,
        "a limit order once the market trades there",
        "stoplimit sell 95 94.50 100",
        (_SIDE, _STOP, Slot("limit_price", "LIMIT", read_price), _QUANTITY),
        {**_RESTS, **_AT_ONCE, **_REDUCE_ONLY, **_OWNED},
    ),
    Form(
        "trail",
        STOPS,
        "a stop that follows the market; by dollars, percent, 2*atr14 or 2*sma14",
        "trail sell 95 100 by=2.00",
        (_SIDE, _STOP, _QUANTITY),
        {"by": Option("trail", read_trail, label="DISTANCE"), **_LIMIT, **_REDUCE_ONLY, **_OWNED},
        required=("by",),
    ),
    Form("cancel", CHANGES, "take an order or a stop out", "cancel 3", (_ID,), aliases=("c",)),
    Form("reduce", CHANGES, "less quantity, same place in the queue", "reduce 3 40", (_ID, _QUANTITY), aliases=("r",)),
    Form(
        "modify",
        CHANGES,
        "cancel and replace: new id, back of the queue",
        "modify 3 100.25 80",
        (_ID, _PRICE, _QUANTITY),
        aliases=("m",),
    ),
    Form(
        "link",
        CHANGES,
        "one cancels (oco) or reduces (ouo) the others",
        "link oco 3 4",
        (
            Slot("contingency", "oco|ouo", Choice(oco="oco", ouo="ouo")),
            Slot("order_ids", "ID", read_id, repeats=True),
        ),
    ),
    Form(
        "book",
        LOOK,
        "draw the book",
        "book 5",
        (Slot("levels", "LEVELS", read_quantity, is_optional=True),),
        aliases=("b",),
    ),
    Form("trades", LOOK, "the last 20 trades, newest first", "trades", aliases=("t",)),
    Form("status", LOOK, "one order or stop", "status 3", (_ID,), aliases=("s",)),
    Form(
        "queue",
        LOOK,
        "who waits at a price, first in line first",
        "queue buy 100.50",
        (_SIDE, _PRICE),
    ),
    Form(
        "position",
        LOOK,
        "an owner's position; with a number, set it",
        "position 7",
        (Slot("owner", "OWNER", read_owner), Slot("quantity", "QTY", read_position, is_optional=True)),
    ),
    Form("hash", LOOK, "a fingerprint of the whole state", "hash"),
    Form("halt", SESSION, "take no orders until resume", "halt"),
    Form("resume", SESSION, "trade again", "resume"),
    Form("auction", SESSION, "gather orders without trading", "auction"),
    Form(
        "uncross",
        SESSION,
        "end the auction at one price; PRICE breaks a tie",
        "uncross",
        (Slot("reference", "PRICE", read_price, is_optional=True),),
    ),
    Form(
        "band",
        SESSION,
        "refuse orders priced outside; no prices: no band",
        "band 90 110",
        (
            Slot("low", "LOW", read_price, is_optional=True),
            Slot("high", "HIGH", read_price, is_optional=True),
        ),
    ),
    Form(
        "clock", SESSION, "move the time on; what is due expires", "clock 15:30", (Slot("now_ns", "TIME", read_time),)
    ),
    Form("close", SESSION, "when day orders end", "close 16:00", (Slot("close_ns", "TIME", read_time),)),
    Form("clear", FILES, "start again with an empty book", "clear"),
    Form("save", FILES, "write every command of this book to a file", "save book.jsonl", (_FILE,)),
    Form("load", FILES, "replace this book by a saved one", "load book.jsonl", (_FILE,)),
    Form(
        "help",
        FILES,
        "this list, or one command",
        "help buy",
        (Slot("topic", "COMMAND", str.lower, is_optional=True),),
        aliases=("h", "?"),
    ),
    Form("quit", FILES, "leave", "quit", aliases=("q", "exit")),
)

BY_WORD: dict[str, Form] = {word: form for form in FORMS for word in (form.name, *form.aliases)}
