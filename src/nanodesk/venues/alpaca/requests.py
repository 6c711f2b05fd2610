"""Requests at the Alpaca look-alike: queries and bodies read, with the venue's words for what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from nanodesk.brokers.alpaca.times import parse_time
from nanodesk.brokers.strict_json import parse_json
from nanodesk.errors import BrokerError, ValidationError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.order import Order, OrderType
from nanodesk.venues.alpaca.errors import WRONG_STATE, AlpacaError, bad

LONGEST_ID: Final = 128
_TYPES: Final = {kind.value: kind for kind in OrderType}
_TIMES: Final = {"day": TimeInForce.DAY, "gtc": TimeInForce.GTC, "ioc": TimeInForce.IOC, "fok": TimeInForce.FOK}
_INTENTS: Final = {
    "buy_to_open": (Side.BUY, False),
    "buy_to_close": (Side.BUY, True),
    "sell_to_open": (Side.SELL, False),
    "sell_to_close": (Side.SELL, True),
}
_NOT_OFFERED: Final = ("take_profit", "stop_loss", "trail_price", "trail_percent", "legs", "advanced_instructions")


@dataclass(frozen=True, slots=True)
class AlpacaRequest:
    """One request.

    Parameters
    ----------
    parts : tuple of str
        What the path names, decoded.
    query : mapping of str to str
        Of the address.
    body : mapping of str to object
        Of the content.
    """

    parts: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)

    def whole(self, name: str, default: int, most: int) -> int:
        """A whole number of the query.

        Parameters
        ----------
        name : str
            Which.
        default, most : int
            Without it, and at most.

        Returns
        -------
        number : int
            At least 1.

        Raises
        ------
        AlpacaError
            If it is none.
        """
        text = self.query.get(name, str(default))
        if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 6 and 1 <= int(text) <= most):
            raise bad(f"invalid {name}")
        return int(text)

    def word(self, name: str, words: tuple[str, ...]) -> str:
        """A word of the query.

        Parameters
        ----------
        name : str
            Which.
        words : tuple of str
            What is allowed; the first without it.

        Returns
        -------
        word : str
            In lower case.

        Raises
        ------
        AlpacaError
            If it is another.
        """
        word = self.query.get(name, words[0]).lower()
        if word not in words:
            raise bad(f"invalid {name}")
        return word

    def instant(self, name: str) -> int | None:
        """A time or day of the query.

        Parameters
        ----------
        name : str
            Which.

        Returns
        -------
        time_ns : int or None
            ``None`` without it.

        Raises
        ------
        AlpacaError
            If it is none.
        """
        text = self.query.get(name)
        if text is None:
            return None
        try:
            # A plus sign that was not encoded arrives as a space.
            return parse_time(text.replace(" ", "+") if "T" in text else f"{text}T00:00:00Z")
        except BrokerError:
            raise bad(f"invalid {name}") from None


def read_body(content: bytes) -> dict[str, Any]:
    """The JSON object of a request.

    Parameters
    ----------
    content : bytes
        As received.

    Returns
    -------
    body : dict
        Numbers exact.

    Raises
    ------
    AlpacaError
        If it is no object.
    """
    try:
        body = parse_json(content, what="request", max_bytes=1 << 20) if content else {}
    except BrokerError:
        raise AlpacaError(40010000, "request body format is invalid") from None
    if not isinstance(body, dict):
        raise AlpacaError(40010000, "request body format is invalid")
    return body


def amount(body: Mapping[str, Any], name: str) -> int | None:
    """An amount of a body, sent as text or as a number.

    Parameters
    ----------
    body : mapping of str to object
        Of the request.
    name : str
        Which.

    Returns
    -------
    amount_e9 : int or None
        Positive; ``None`` without it.

    Raises
    ------
    AlpacaError
        If it is none.
    """
    value = body.get(name)
    if value is None:
        return None
    try:
        number = parse_e9(value, field=name) if isinstance(value, (str, int, Decimal)) else 0
    except ValidationError:
        number = 0
    if isinstance(value, bool) or number <= 0:
        raise bad(f"{name} must be > 0")
    return number


def client_id(body: Mapping[str, Any]) -> str:
    """The client's id of an order.

    Parameters
    ----------
    body : mapping of str to object
        Of the request.

    Returns
    -------
    client_order_id : str
        Empty without one.

    Raises
    ------
    AlpacaError
        If it is no text, or too long.
    """
    value = body.get("client_order_id") or ""
    if not isinstance(value, str) or len(value) > LONGEST_ID:
        raise bad(f"client_order_id must be no more than {LONGEST_ID} characters")
    return value


def side_of(body: Mapping[str, Any]) -> Side:
    """Side of an order.

    Parameters
    ----------
    body : mapping of str to object
        Of the request.

    Returns
    -------
    side : Side
        Buy or sell.

    Raises
    ------
    AlpacaError
        If it is missing or another.
    """
    word = body.get("side")
    if word not in ("buy", "sell"):
        raise bad("invalid side")
    return Side.parse(word)


def time_in_force(body: Mapping[str, Any], default: TimeInForce | None = None) -> TimeInForce:
    """How long an order lives.

    Parameters
    ----------
    body : mapping of str to object
        Of the request.
    default : TimeInForce, optional
        Without it.

    Returns
    -------
    time_in_force : TimeInForce
        In our words.

    Raises
    ------
    AlpacaError
        If it is missing or another.
    """
    word = body.get("time_in_force")
    if word is None and default is not None:
        return default
    if not isinstance(word, str) or word not in _TIMES:
        raise bad("invalid time_in_force")
    return _TIMES[word]


def new_order(body: Mapping[str, Any], symbol: str, quantity_e9: int) -> Order:
    """The order that a request describes.

    Parameters
    ----------
    body : mapping of str to object
        Of the request.
    symbol : str
        What is listed.
    quantity_e9 : int
        Asked for, by number or by cash.

    Returns
    -------
    order : Order
        For the market; its own id stands for the client's.

    Raises
    ------
    AlpacaError
        If something is wrong or not offered.
    """
    for name in _NOT_OFFERED:
        if body.get(name) is not None:
            raise AlpacaError(WRONG_STATE, f"{name} is not offered by this venue")
    if body.get("order_class") not in (None, "", "simple") or body.get("extended_hours"):
        raise AlpacaError(WRONG_STATE, "only simple orders in regular hours are offered by this venue")
    side, word, intent = side_of(body), body.get("type"), body.get("position_intent")
    if not isinstance(word, str) or word not in _TYPES:
        raise bad("invalid order type")
    if intent is not None and (
        not isinstance(intent, str) or intent not in _INTENTS or _INTENTS[intent][0] is not side
    ):
        raise bad("invalid position_intent")
    kind, lives = _TYPES[word], time_in_force(body)
    if quantity_e9 % E9 and lives is not TimeInForce.DAY:
        raise AlpacaError(WRONG_STATE, "fractional orders must be DAY orders")
    prices = {"limit_price": kind.needs_limit, "stop_price": kind.needs_stop}
    for name, is_needed in prices.items():
        if (amount(body, name) is not None) is not is_needed:
            raise bad(f"{word} orders require {name}" if is_needed else f"{word} orders must not have {name}")
    return _made(
        symbol,
        side,
        quantity_e9,
        kind,
        amount(body, "limit_price"),
        amount(body, "stop_price"),
        lives,
        reduce_only=intent is not None and _INTENTS[intent][1],
    )


def changed_order(body: Mapping[str, Any], old: Order) -> Order:
    """The order that a request to replace describes.

    Parameters
    ----------
    body : mapping of str to object
        Of the request; what it leaves out stays.
    old : Order
        The order that it replaces.

    Returns
    -------
    order : Order
        Its quantity is the whole one of the old order unless it is named, filled or not: a trap of the venue.

    Raises
    ------
    AlpacaError
        If something is wrong.
    """
    if body.get("trail") is not None:
        raise AlpacaError(WRONG_STATE, "trail is not offered by this venue")
    prices = {}
    for name, before in (("limit_price", old.limit_price_e9), ("stop_price", old.stop_price_e9)):
        asked = amount(body, name)
        if asked is not None and before is None:
            raise bad(f"{old.order_type.value} orders must not have {name}")
        prices[name] = before if asked is None else asked
    quantity = amount(body, "qty") or old.quantity_e9
    lives = time_in_force(body, old.time_in_force)
    return _made(
        old.symbol,
        old.side,
        quantity,
        old.order_type,
        prices["limit_price"],
        prices["stop_price"],
        lives,
        reduce_only=old.reduce_only,
    )


def _made(
    symbol: str,
    side: Side,
    quantity: int,
    kind: OrderType,
    limit: int | None,
    stop: int | None,
    lives: TimeInForce,
    *,
    reduce_only: bool,
) -> Order:
    try:
        return Order("v", symbol, side, quantity, kind, limit, stop, lives, reduce_only=reduce_only)
    except ValidationError as error:
        raise bad(str(error)) from None
