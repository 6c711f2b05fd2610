"""Every command that changes a book, with bad input: one typed error or answer that says what is allowed, and nothing
changed."""

from __future__ import annotations

import numpy as np
import pytest

from nanodesk.book.batch import COMMAND_DTYPE
from nanodesk.book.events import Event
from nanodesk.book.exchange import Exchange
from nanodesk.book.multi_exchange import MultiExchange
from nanodesk.errors import (
    BookError,
    CrossedBookError,
    NanodeskError,
    PriceError,
    QuantityError,
    ReplayError,
    UnknownOrderError,
    ValidationError,
)
from nanodesk.market.instrument import Instrument

MAX = 2**63 - 1
FILLED, CANCELLED, RESTING, STOP, PEG, GONE_STOP = range(1, 7)
"""Ids of ``used``, by what became of them."""


def used() -> Exchange:
    """A book with ticks of 5 and lots of 2 that holds one of everything."""
    exchange = Exchange(Instrument("TEST", tick_size=5, lot_size=2))
    exchange.submit_limit("sell", 100, 4)
    exchange.submit_limit("buy", 100, 6, "ioc")
    exchange.submit_limit("buy", 90, 10, owner=1)
    exchange.submit_stop_market("sell", 50, 4)
    exchange.submit_pegged("buy", "bid", 2)
    exchange.submit_stop_market("sell", 55, 4)
    exchange.cancel(GONE_STOP)
    exchange.submit_limit("sell", 110, 10)
    exchange.advance_clock(100)
    exchange.set_session_close(200)
    return exchange


def state(exchange: Exchange) -> tuple:
    return exchange.state_hash(), exchange.event_count(), exchange.notices(), exchange.trades()


def limit(**changed: object) -> tuple:
    return "submit_limit", {"side": "buy", "price": 95, "quantity": 4, **changed}


def market(**changed: object) -> tuple:
    return "submit_market", {"side": "buy", "quantity": 4, **changed}


def pegged(**changed: object) -> tuple:
    return "submit_pegged", {"side": "buy", "reference": "bid", "quantity": 4, **changed}


def stop(**changed: object) -> tuple:
    return "submit_stop_market", {"side": "buy", "stop_price": 120, "quantity": 4, **changed}


def stop_limit(**changed: object) -> tuple:
    return "submit_stop_limit", {"side": "buy", "stop_price": 120, "limit_price": 125, "quantity": 4, **changed}


def trailing(**changed: object) -> tuple:
    arguments = {"side": "sell", "stop_price": 50, "quantity": 4, "trail_type": "fixed", "trail_value": 5, **changed}
    return "submit_trailing_stop_market", arguments


def trailing_limit(**changed: object) -> tuple:
    _, arguments = trailing(**{"limit_price": 45, **changed})
    return "submit_trailing_stop_limit", arguments


def bracket(**changed: object) -> tuple:
    arguments = {"side": "buy", "price": 95, "quantity": 4, "take_profit": 120, "stop_loss": 80, **changed}
    return "submit_bracket", arguments


ANY_SUBMISSION = (limit, market, pegged, stop, stop_limit, trailing, trailing_limit, bracket)
BAD_QUANTITIES = (0, -2, 3, MAX, MAX + 1, -MAX - 1, 2**200)
BAD_PRICES = (0, -5, 96, MAX, MAX + 1, -(2**63), -(2**200))
PRICES = {
    limit: ("price",),
    pegged: ("limit_price",),
    stop: ("stop_price",),
    stop_limit: ("stop_price", "limit_price"),
    trailing: ("stop_price",),
    trailing_limit: ("stop_price", "limit_price"),
    bracket: ("price", "take_profit", "stop_loss"),
}

REFUSED = [
    *((call(quantity=quantity), QuantityError, "quantity") for call in ANY_SUBMISSION for quantity in BAD_QUANTITIES),
    *((call(quantity=MAX - 7), QuantityError, "quantity") for call in ANY_SUBMISSION),
    *((call(side=side), ValidationError, "side") for call in ANY_SUBMISSION for side in ("hold", "", None, 1)),
    *((call(owner=owner), ValidationError, "owner") for call in ANY_SUBMISSION for owner in (0, -1, 2**32, 2**70)),
    *((call(self_trade="decrement"), ValidationError, "self_trade") for call in ANY_SUBMISSION),
    *((call(self_trade="never", owner=1), ValidationError, "self_trade") for call in ANY_SUBMISSION),
    *((call(**{name: price}), PriceError, name) for call in PRICES for name in PRICES[call] for price in BAD_PRICES),
    *((call(tif="gtd"), ValidationError, "expire_ns") for call in (limit, pegged, stop_limit, trailing_limit, bracket)),
    *((call(expire_ns=150), ValidationError, "expire_ns") for call in (limit, pegged, stop_limit, bracket)),
    *((limit(tif="gtd", expire_ns=at), ValidationError, "expire_ns") for at in (100, -1, 2**63)),
    *((limit(tif=tif), ValidationError, "tif") for tif in ("soon", "", None, 7)),
    *((call(tif=tif), ValidationError, "tif") for call in (pegged, bracket) for tif in ("ioc", "fok", "soon")),
    *((limit(display=n), QuantityError, "display") for n in (0, 3, 6, -2, 2**64)),
    (limit(display=2, quantity=2002), QuantityError, "display"),
    (limit(display=2, tif="ioc"), ValidationError, "display"),
    *((limit(min_quantity=n), QuantityError, "min_quantity") for n in (0, 3, 6, -2, 2**64)),
    (limit(min_quantity=2, tif="fok"), ValidationError, "min_quantity"),
    (limit(min_quantity=2, post_only=True), ValidationError, "min_quantity"),
    (limit(post_only=True, tif="ioc"), ValidationError, "post_only"),
    *((call(reduce_only=True), ValidationError, "reduce_only") for call in (limit, market, stop, trailing)),
    (pegged(reference="last"), ValidationError, "reference"),
    (pegged(offset=2**63), PriceError, "offset"),
    (bracket(take_profit=90), PriceError, "take_profit"),
    (bracket(stop_loss=100), PriceError, "stop_loss"),
    (bracket(contingency="both"), ValidationError, "contingency"),
    *((trailing(trail_value=value), ValidationError, "trail_value") for value in (0, -1, 2**63, float("nan"))),
    (trailing(trail_type="percentage", trail_value=1.5), ValidationError, "trail_value"),
    (trailing(trail_type="wide"), ValidationError, "trail_type"),
    *((trailing(trail_type="atr", atr_period=n), ValidationError, "atr_period") for n in (None, 0, 10_001, 2**64)),
    (("link", {"contingency": "both", "order_ids": (3, 7)}), ValidationError, "contingency"),
    *((("link", {"contingency": "oco", "order_ids": ids}), BookError, "order_ids") for ids in ((), (3,), (3, 3))),
    *((("link", {"contingency": "oco", "order_ids": (3, PEG)}), BookError, "order_ids"),),
    *(
        (("link", {"contingency": "oco", "order_ids": (RESTING, gone)}), UnknownOrderError, "order_ids")
        for gone in (FILLED, CANCELLED, GONE_STOP, 0, -1, 99, 2**80)
    ),
    *((("set_position", {"owner": n, "quantity": 1}), ValidationError, "owner") for n in (0, -1, 2**32, 2**70)),
    *((("set_position", {"owner": 1, "quantity": n}), QuantityError, "quantity") for n in (MAX + 1, -MAX - 1)),
    *((("advance_clock", {"now_ns": n}), ValidationError, "now_ns") for n in (99, -1, 2**63)),
    *((("set_session_close", {"close_ns": n}), ValidationError, "close_ns") for n in (100, -1, 2**63)),
    *((("set_price_band", {"low": n, "high": None}), PriceError, "low") for n in (3, MAX, -(2**63), 2**70)),
    (("set_price_band", {"low": 100, "high": 95}), PriceError, "low"),
    *((("uncross", {"reference": n}), PriceError, "reference") for n in BAD_PRICES),
    (("uncross", {}), BookError, "phase"),
    *((("reduce", {"order_id": o, "quantity": 2}), None, "OrderNotFound") for o in (0, -1, 99, GONE_STOP, 2**90)),
    *((("cancel", {"order_id": o}), None, "OrderNotFound") for o in (0, -1, 99, GONE_STOP, 2**90)),
    *((("cancel", {"order_id": o}), None, "OrderNotActive") for o in (FILLED, CANCELLED)),
    *((("reduce", {"order_id": o, "quantity": 2}), None, "OrderNotActive") for o in (FILLED, CANCELLED)),
    *((("reduce", {"order_id": RESTING, "quantity": n}), None, "InvalidQuantity") for n in (0, -2, 3, 2**63)),
    *((("modify", {"order_id": RESTING, "price": 90, "quantity": n}), None, "InvalidQuantity") for n in BAD_QUANTITIES),
    *((("modify", {"order_id": RESTING, "price": p, "quantity": 2}), None, "InvalidPrice") for p in BAD_PRICES),
    *((("modify", {"order_id": o, "price": 90, "quantity": 2}), None, "OrderNotFound") for o in (0, -1, 99, STOP)),
    *((("modify", {"order_id": o, "price": 90, "quantity": 2}), None, "OrderNotActive") for o in (FILLED, CANCELLED)),
    (("modify", {"order_id": PEG, "price": 90, "quantity": 2}), None, "NotModifiable"),
]


def described(case: object) -> str | None:
    if isinstance(case, tuple):
        return case[0] + "-" + "-".join(f"{name}={value}" for name, value in case[1].items())
    return getattr(case, "__name__", str(case))


@pytest.mark.parametrize(("call", "kind", "what"), REFUSED, ids=described)
def test_says_what_is_wrong_and_changes_nothing(call, kind, what):
    exchange = used()
    name, arguments = call
    before = state(exchange)
    if kind is None:  # an expected outcome is an answer, logged like any other (R34), and no error
        answer = getattr(exchange, name)(**arguments)
        assert (answer.success, answer.error, answer.cancelled_quantity) == (False, what, 0)
        assert state(exchange)[::2] == before[::2]
        return
    with pytest.raises(kind) as caught:
        getattr(exchange, name)(**arguments)
    assert caught.value.field == what
    assert caught.value.allowed
    assert what in str(caught.value) or what == "contingency"
    assert state(exchange) == before
    with pytest.raises((ReplayError, ValidationError, BookError)):
        exchange.apply(Event(name, **arguments))
    assert state(exchange) == before


NUMBERS = {
    limit: ("price", "quantity", "display", "min_quantity", "owner", "expire_ns"),
    market: ("quantity", "min_quantity", "owner"),
    pegged: ("quantity", "offset", "limit_price", "display", "owner", "expire_ns"),
    stop: ("stop_price", "quantity", "owner"),
    stop_limit: ("stop_price", "limit_price", "quantity", "owner", "expire_ns"),
    trailing: ("stop_price", "quantity", "trail_value", "owner"),
    trailing_limit: ("stop_price", "limit_price", "quantity", "trail_value", "owner", "expire_ns"),
    bracket: ("price", "quantity", "take_profit", "stop_loss", "owner", "expire_ns"),
}
OTHER_NUMBERS = (
    ("cancel", {"order_id": 3}),
    ("reduce", {"order_id": 3, "quantity": 2}),
    ("modify", {"order_id": 3, "price": 90, "quantity": 2}),
    ("set_position", {"owner": 1, "quantity": 2}),
    ("advance_clock", {"now_ns": 300}),
    ("set_session_close", {"close_ns": 300}),
    ("set_price_band", {"low": 5, "high": 500}),
    ("uncross", {"reference": 100}),
)
WRONG_TYPES = [
    *((call(**{name: value}), name) for call, names in NUMBERS.items() for name in names for value in ("7", b"7", [1])),
    *((call(**{name: 1.5}), name) for call, names in NUMBERS.items() for name in names if name != "trail_value"),
    *(
        ((call, {**arguments, name: value}), name)
        for call, arguments in OTHER_NUMBERS
        for name in arguments
        for value in ("7", 1.5)
    ),
]


@pytest.mark.parametrize(("call", "what"), WRONG_TYPES, ids=described)
def test_a_wrong_type_is_named(call, what):
    exchange = used()
    before = state(exchange)
    with pytest.raises(TypeError, match=what):
        getattr(exchange, call[0])(**call[1])
    assert state(exchange) == before


class TestPhases:
    def test_a_crossed_book_cannot_resume(self):
        exchange = used()
        exchange.start_auction()
        exchange.submit_limit("buy", 120, 2)
        before = state(exchange)
        with pytest.raises(CrossedBookError) as caught:
            exchange.resume()
        assert caught.value.field == "phase"
        with pytest.raises(BookError):
            exchange.start_auction()
        assert state(exchange) == before


class TestBatch:
    @pytest.mark.parametrize(
        ("field", "value", "error"),
        [
            ("kind", 5, 100),
            ("kind", 255, 100),
            ("side", 2, 101),
            ("policy", 3, 102),
            ("policy", 5 * 16, 102),
            ("flags", 255, 102),
            ("quantity", 0, 103),
            ("quantity", -(2**63), 103),
            ("quantity", 3, 103),
            ("price", 96, 104),
            ("price", -5, 104),
            ("price", MAX, 104),
            ("price", -(2**63), 104),
            ("quantity", MAX - 7, 105),
            ("policy", 16, 106),
        ],
    )
    def test_a_refused_row(self, field, value, error):
        exchange = used()
        before = state(exchange)
        row = np.zeros(1, COMMAND_DTYPE)
        row["price"], row["quantity"] = 95, 4
        row[field] = value
        answer = exchange.submit_batch(row)[0]
        assert (answer["error"], answer["filled"], answer["resting"], answer["order_id"]) == (error, 0, 0, 0)
        assert state(exchange) == before

    @pytest.mark.parametrize("kind", [2, 3, 4])
    @pytest.mark.parametrize("order_id", [-(2**63), -1, 0, 99, MAX])
    def test_ids_that_do_not_exist(self, kind, order_id):
        exchange = used()
        before = exchange.state_hash()
        row = np.zeros(1, COMMAND_DTYPE)
        row["kind"], row["price"], row["quantity"], row["order_id"] = kind, 95, 4, order_id
        answer = exchange.submit_batch(row)[0]
        assert (answer["error"], answer["success"], answer["cancelled"]) == (1, 0, 0)
        assert exchange.state_hash() == before


class TestMultiExchange:
    def test_a_refusal_opens_no_book(self):
        venues = MultiExchange()
        with pytest.raises(NanodeskError):
            venues.cancel("AAPL", 1)
        assert len(venues) == 0
