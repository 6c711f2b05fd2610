"""Two wrong arguments at once: the class of the error is the same for both books, and neither changes (R4, R90)."""

from __future__ import annotations

from itertools import combinations

import pytest

from nanodesk.market.instrument import Instrument
from reference.book_comparison import Pair
from reference.exchange_driver import Driver

CONFIGURATION = {"instrument": Instrument("TEST", tick_size=5, lot_size=2)}
BEFORE = (
    ("limit", "buy", 95, 10, "gtc", {"owner": 1}),
    ("limit", "sell", 105, 10, "gtc", {}),
    ("limit", "buy", 90, 4, "gtc", {"display": 2}),
    ("clock", 10),
)
RIGHT = {
    "side": "buy",
    "tif": "gtc",
    "price": 100,
    "stop_price": 110,
    "limit_price": 115,
    "take_profit": 120,
    "stop_loss": 80,
    "quantity": 10,
    "reference": "bid",
    "offset": 0,
    "method": "wilder_atr",
    "value": 1.5,
    "period": 3,
    "kind": "oco",
    "ids": (1, 2),
    "owner": 1,
    "position": 4,
    "now_ns": 20,
    "low": 50,
    "high": 200,
}
WRONG = {
    "side": ("hold",),
    "tif": ("soon", "gtd", "day", "ioc", "fok"),
    "price": ("7", 1.5, 0, 101, 2**63 - 1, -(2**80)),
    "stop_price": (None, 101, 2**64),
    "limit_price": (1.5, 0, 2**70),
    "take_profit": ("7", 70, 101),
    "stop_loss": (1.5, 130, -(2**64)),
    "quantity": ("7", 1.5, 0, 3, 2**63, 2**63 - 2),
    "reference": ("last",),
    "offset": (0.5, 2**63),
    "method": ("wide",),
    "value": ("7", 0.0, -1, 1e300, float("nan")),
    "period": ("7", 0, None, 10**9),
    "kind": ("both",),
    "ids": ((1,), (1, 1), (1, 99), (1, "2"), ()),
    "owner": (None, "7", 0, 2**32),
    "position": ("7", 2**63, -(2**63)),
    "now_ns": ("7", 5, 2**64),
    "low": ("7", 52, 210),
    "high": (1.5, 202, 2**64),
}
WRONG_OPTIONS = {
    "owner": ("7", 0, 2**32),
    "self_trade": ("never", "decrement"),
    "post_only": (True,),
    "reduce_only": (True,),
    "display": ("7", 0, 12, 3),
    "min_quantity": (1.5, 0, 12, 3),
    "expire_ns": ("7", 5, 30, 2**70),
    "tif": ("soon", "ioc", "day"),
    "contingency": ("both",),
    "limit_price": ("7", 101),
}
CALLS = {
    "limit": (
        ("side", "price", "quantity", "tif"),
        ("post_only", "display", "min_quantity", "reduce_only", "owner", "self_trade", "expire_ns"),
    ),
    "market": (("side", "quantity"), ("min_quantity", "reduce_only", "owner", "self_trade")),
    "pegged": (
        ("side", "reference", "quantity", "offset"),
        ("limit_price", "tif", "expire_ns", "owner", "self_trade", "display"),
    ),
    "stop_market": (("side", "stop_price", "quantity"), ("owner", "self_trade", "reduce_only")),
    "stop_limit": (
        ("side", "stop_price", "limit_price", "quantity", "tif"),
        ("owner", "self_trade", "reduce_only", "expire_ns"),
    ),
    "trail_market": (
        ("side", "stop_price", "quantity", "method", "value", "period"),
        ("owner", "self_trade", "reduce_only"),
    ),
    "trail_limit": (
        ("side", "stop_price", "limit_price", "quantity", "method", "value", "period", "tif"),
        ("owner", "self_trade", "reduce_only", "expire_ns"),
    ),
    "bracket": (
        ("side", "price", "quantity", "take_profit", "stop_loss"),
        ("tif", "expire_ns", "contingency", "owner", "self_trade"),
    ),
    "link": (("kind", "ids"), None),
    "position": (("owner", "position"), None),
    "clock": (("now_ns",), None),
    "session_close": (("now_ns",), None),
    "band": (("low", "high"), None),
    "uncross": (("price",), None),
}


def wrong_commands(name: str):
    """The command with every one and every two of its arguments and options wrong."""
    arguments, options = CALLS[name]
    faults = [(argument, value) for argument in arguments for value in WRONG[argument]]
    faults += [(f"with {option}", value) for option in options or () for value in WRONG_OPTIONS[option]]
    for chosen in (*((one,) for one in faults), *combinations(faults, 2)):
        changed = dict(chosen)
        if len(changed) < len(chosen):
            continue
        command = [name, *(changed.get(argument, RIGHT[argument]) for argument in arguments)]
        if options is not None:
            named = ((option, f"with {option}") for option in options)
            command.append({option: changed[key] for option, key in named if key in changed})
        yield tuple(command)


@pytest.mark.parametrize("name", CALLS)
def test_the_class_of_the_error_and_an_untouched_book(name):
    pair = Pair(Driver, CONFIGURATION)
    for command in BEFORE:
        assert pair.apply(command) is None
    refused = 0
    for command in wrong_commands(name):
        before = pair.engine.exchange.state_hash(), pair.engine.exchange.event_count()
        found = pair.apply(command)
        assert found is None, f"{command}: {found.part}: expected {found.expected}, actual {found.actual}"
        if before[1] != pair.engine.exchange.event_count():  # two faults may make a right command: begin anew
            pair = Pair(Driver, CONFIGURATION)
            for earlier in BEFORE:
                pair.apply(earlier)
        else:
            assert before[0] == pair.engine.exchange.state_hash()
            refused += 1
    assert refused > 2
