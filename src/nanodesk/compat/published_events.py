"""The published event: one input of an exchange, its debug form and its two JSON schemas.

The first schema is that of the seeds: one object a line, tagged with the kind, as in ``{"Cancel":{"order_id":1}}``.
The second, of later releases, is flat: ``{"type":"Cancel","order_id":1}``. Both are read, the first is written.
Compiled, as logs and feeds hold many; the ``.pxd`` beside it names the fields. What an event of a log or a feed says is
looked up when it is asked for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from nanodesk.book import event_log, events, exchange
from nanodesk.compat import published_arguments as arguments
from nanodesk.errors import ReplayError

_TAGS = {
    "submit_limit": "SubmitLimit",
    "submit_market": "SubmitMarket",
    "cancel": "Cancel",
    "modify": "Modify",
    "submit_stop_market": "SubmitStopMarket",
    "submit_stop_limit": "SubmitStopLimit",
    "submit_trailing_stop_market": "SubmitTrailingStopMarket",
    "submit_trailing_stop_limit": "SubmitTrailingStopLimit",
}
# Where the published method names an argument otherwise than the engine.
_RENAMED = {
    "modify": {"price": "new_price", "quantity": "new_quantity"},
    "submit_trailing_stop_market": {"stop_price": "initial_stop_price"},
    "submit_trailing_stop_limit": {"stop_price": "initial_stop_price"},
}
_TRAIL_TAGS = {"fixed": "Fixed", "percentage": "Percentage", "sma_abs_change": "Atr", "wilder_atr": "WilderAtr"}
_TRAIL_WORDS = {"pct": "percentage", "atr": "sma_abs_change"}
# How an event is held: ready, as a place in a book's log, or as the numbers of a message.
_READY, _LOGGED, BUY_LIMIT, SELL_LIMIT, CANCEL, MODIFY = range(6)
_SPELLED = ("side", "tif", "trail_type", "trail_value", "atr_period")
_PRICES = ("price", "stop_price", "limit_price", "new_price")


class Event:
    """One input of an exchange: what was asked for, not what came of it.

    Parameters
    ----------
    kind : str
        Name of the method of `Exchange`: ``"submit_limit"``, ``"submit_market"``, ``"cancel"``, ``"modify"``,
        ``"submit_stop_market"``, ``"submit_stop_limit"``, ``"submit_trailing_stop_market"`` or
        ``"submit_trailing_stop_limit"``.
    *values : object
        Arguments of that method.
    **named : object
        Arguments of that method by name.

    Raises
    ------
    TypeError
        If an argument has the wrong type, is missing or unknown.
    ValueError
        If a word is unknown.
    OverflowError
        If a number does not fit 64 bits.

    Examples
    --------
    >>> event = Event("submit_limit", "buy", 100_50, 100)
    >>> event
    SubmitLimit { side: Buy, price: Price(10050), quantity: 100, time_in_force: GTC }
    >>> Event.from_json(event.to_json()) == event
    True
    """

    def __init__(self, kind: str, *values: Any, **named: Any) -> None:
        if kind not in _READERS:
            raise ValueError(f"Invalid kind {kind!r}. Use one of {', '.join(_READERS)}.")
        self._made: events.Event | None = events.Event(kind, **_READERS[kind](*values, **named))
        self._book: exchange.Exchange | None = None
        self._number, self._price, self._quantity, self._form = 0, 0, 0, _READY

    def _event(self) -> events.Event:
        """The engine's event, made when first asked for."""
        made = self._made
        if made is None:
            if self._book is not None:
                made = self._book.events(self._number, self._number + 1)[0]
            else:
                made = _of_message(self._form, self._number, self._price, self._quantity)
            self._made = made
        return made

    @property
    def kind(self) -> str:
        """Which input it is, as the method of `Exchange` is called."""
        return self._event().kind

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of that method by name; a copy."""
        renamed = _RENAMED.get(self.kind, {})
        named = {renamed.get(name, name): value for name, value in self._event().fields.items()}
        if named.get("trail_type") == "sma_abs_change":
            named["trail_type"] = "atr"
        return named

    def to_json(self) -> str:
        """The event as one line of the published log.

        Returns
        -------
        line : str
            Without the line break.
        """
        return json.dumps({_TAGS[self.kind]: _published(self._event())}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Event:
        """Read one line of a published log, in either schema.

        Parameters
        ----------
        text : str
            One JSON object.

        Returns
        -------
        event : Event
            What the line says.

        Raises
        ------
        ValueError
            If the text is no event.
        """
        try:
            read = event_log.from_json(json.loads(text))
            renamed = _RENAMED.get(read.kind, {})
            return cls(read.kind, **{renamed.get(name, name): value for name, value in read.fields.items()})
        except (ReplayError, TypeError, OverflowError) as error:
            raise ValueError(str(error)) from None

    @classmethod
    def of(cls, event: events.Event) -> Event:
        """The published face of an event that our engine logged.

        Parameters
        ----------
        event : nanodesk.book.events.Event
            An input that the published exchange has as well.

        Returns
        -------
        event : Event
            The same input.
        """
        face: Event = Event.__new__(Event)
        face._made = event
        return face

    def send(self, book: exchange.Exchange) -> None:
        """Repeat the input on a book of our engine.

        Parameters
        ----------
        book : nanodesk.book.exchange.Exchange
            Where to.
        """
        book.apply(self._event())

    def __getstate__(self) -> str:
        return self.to_json()

    def __reduce__(self) -> tuple[Callable[[str], Event], tuple[str]]:
        return Event.from_json, (self.to_json(),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and self._event() == other._event()

    def __hash__(self) -> int:
        return hash(self._event())

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}: {_debug(name, value)}" for name, value in _published(self._event()).items())
        return f"{_TAGS[self.kind]} {{ {fields} }}"


def beginning_of_log(items: Sequence[Any]) -> exchange.Exchange | None:
    """Whose log begins with these events.

    Parameters
    ----------
    items : sequence
        What is to be replayed.

    Returns
    -------
    book : nanodesk.book.exchange.Exchange or None
        None if they are no such beginning.

    Raises
    ------
    TypeError
        If an item is no event.
    """
    book: exchange.Exchange | None = None
    follows = True
    for place, item in enumerate(items):
        if not isinstance(item, Event):
            raise TypeError(f"argument 'events': '{type(item).__name__}' object cannot be cast as 'Event'")
        face: Event = item
        if place == 0:
            book = face._book
        follows = follows and face._form == _LOGGED and face._book is book and face._number == place
    return book if follows else None


def _of_message(form: int, number: int, price: int, quantity: int) -> events.Event:
    """What a message of a feed says."""
    if form == CANCEL:
        return events.Event("cancel", order_id=number)
    if form == MODIFY:
        return events.Event("modify", order_id=number, price=price, quantity=quantity)
    side = "buy" if form == BUY_LIMIT else "sell"
    return events.Event("submit_limit", side=side, price=price, quantity=quantity, tif="gtc")


def _limit(
    side: Any, price: Any, quantity: Any, tif: Any = "gtc", owner: Any = None, self_trade: Any = "off"
) -> dict[str, Any]:
    return {
        "side": arguments.side(side),
        "price": arguments.integer(price, "price"),
        "quantity": arguments.unsigned(quantity, "quantity"),
        "tif": arguments.time_in_force(tif),
    } | _owned(owner, self_trade)


def _market(side: Any, quantity: Any, owner: Any = None, self_trade: Any = "off") -> dict[str, Any]:
    return {"side": arguments.side(side), "quantity": arguments.unsigned(quantity, "quantity")} | _owned(
        owner, self_trade
    )


def _cancel(order_id: Any) -> dict[str, Any]:
    return {"order_id": arguments.unsigned(order_id, "order_id")}


def _modify(order_id: Any, new_price: Any, new_quantity: Any) -> dict[str, Any]:
    return {
        "order_id": arguments.unsigned(order_id, "order_id"),
        "price": arguments.integer(new_price, "new_price"),
        "quantity": arguments.unsigned(new_quantity, "new_quantity"),
    }


def _stop_market(side: Any, stop_price: Any, quantity: Any) -> dict[str, Any]:
    return {
        "side": arguments.side(side),
        "stop_price": arguments.integer(stop_price, "stop_price"),
        "quantity": arguments.unsigned(quantity, "quantity"),
    }


def _stop_limit(side: Any, stop_price: Any, limit_price: Any, quantity: Any, tif: Any = "gtc") -> dict[str, Any]:
    return {
        "side": arguments.side(side),
        "stop_price": arguments.integer(stop_price, "stop_price"),
        "limit_price": arguments.integer(limit_price, "limit_price"),
        "quantity": arguments.unsigned(quantity, "quantity"),
        "tif": arguments.time_in_force(tif),
    }


def _trailing_market(
    side: Any, initial_stop_price: Any, quantity: Any, trail_type: Any, trail_value: Any, atr_period: Any = None
) -> dict[str, Any]:
    return _stop_market(side, initial_stop_price, quantity) | _trail(trail_type, trail_value, atr_period)


def _trailing_limit(
    side: Any,
    initial_stop_price: Any,
    limit_price: Any,
    quantity: Any,
    trail_type: Any,
    trail_value: Any,
    tif: Any = "gtc",
    atr_period: Any = None,
) -> dict[str, Any]:
    return _stop_limit(side, initial_stop_price, limit_price, quantity, tif) | _trail(
        trail_type, trail_value, atr_period
    )


_READERS: dict[str, Callable[..., dict[str, Any]]] = {
    "submit_limit": _limit,
    "submit_market": _market,
    "cancel": _cancel,
    "modify": _modify,
    "submit_stop_market": _stop_market,
    "submit_stop_limit": _stop_limit,
    "submit_trailing_stop_market": _trailing_market,
    "submit_trailing_stop_limit": _trailing_limit,
}


def _owned(owner: Any, self_trade: Any) -> dict[str, Any]:
    """The additions to the published fields, only where they are used."""
    if owner is None:
        return {}
    number = arguments.integer(owner, "owner", low=1, high=2**32 - 1)
    mode = arguments.string(self_trade, "self_trade").lower()
    return {"owner": number} if mode == "off" else {"owner": number, "self_trade": mode}


def _trail(trail_type: Any, trail_value: Any, atr_period: Any) -> dict[str, Any]:
    word = arguments.string(trail_type, "trail_type").lower()
    word = _TRAIL_WORDS.get(word, word)
    if word not in _TRAIL_TAGS:
        raise ValueError(f"Invalid trail_type '{trail_type}'. Use 'fixed', 'percentage', or 'atr'.")
    value = arguments.real(trail_value, "trail_value")
    if word == "fixed":
        if not math.isfinite(value):
            raise ValueError(f"trail_value={value} must be finite when trail_type='fixed'")
        return {"trail_type": word, "trail_value": arguments.integer(int(value), "trail_value")}
    if word == "percentage":
        return {"trail_type": word, "trail_value": value}
    if atr_period is None:
        raise ValueError(f"atr_period is required when trail_type='{trail_type}'")
    return {"trail_type": word, "trail_value": value, "atr_period": arguments.unsigned(atr_period, "atr_period")}


def _published(event: events.Event) -> dict[str, Any]:
    """Arguments as the fields of the published log, in its order."""
    values, renamed = event.fields, _RENAMED["modify"] if event.kind == "modify" else {}
    fields = {renamed.get(name, name): value for name, value in values.items() if name not in _SPELLED}
    if "side" in values:
        fields = {"side": values["side"].capitalize()} | fields
    if "tif" in values:
        fields["time_in_force"] = values["tif"].upper()
    if "trail_type" in values:
        trail: Any = values["trail_value"]
        if "atr_period" in values:
            trail = {"multiplier": trail, "period": values["atr_period"]}
        fields["trail_method"] = {_TRAIL_TAGS[values["trail_type"]]: trail}
    return fields


def _debug(name: str, value: Any) -> str:
    if name in _PRICES:
        return f"Price({value})"
    if name == "order_id":
        return f"OrderId({value})"
    if name == "trail_method":
        tag, trail = next(iter(value.items()))
        if isinstance(trail, dict):
            return f"{tag} {{ multiplier: {_real(trail['multiplier'])}, period: {trail['period']} }}"
        return f"{tag}({_real(trail) if isinstance(trail, float) else trail})"
    return str(value)


def _real(value: float) -> str:
    """A float as the published debug form writes it: ``1e-5`` where Python has ``1e-05``."""
    digits, _, exponent = repr(value).partition("e")
    return f"{digits}e{int(exponent)}" if exponent else {"nan": "NaN"}.get(digits, digits)
