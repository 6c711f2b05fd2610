"""Questions about the risk engine, put to the published nanobook 0.9.3 wheel and to our compatible names alike.

Only the standard library is used: the same file runs in the wheel's interpreter. What is left out on purpose, because
ours differs, is in `deliberate`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

COUNT = 120
SYMBOLS = ("A", "B", "CC", "DDD", "ZZ")
NAN, INF = math.nan, math.inf


def members(nb: Any) -> list[str]:
    return sorted(name for name in dir(nb.RiskEngine) if name[0] != "_")


def engine(nb: Any, rng: random.Random) -> Any:
    limits: dict[str, Any] = {}
    if rng.random() < 0.7:
        limits = {
            "max_position_pct": rng.choice([0.25, 1.0, 0.05, round(rng.uniform(0.01, 1.0), 3)]),
            "max_leverage": rng.choice([1.0, 1.5, round(rng.uniform(1.0, 4.0), 3)]),
            "allow_short": rng.random() < 0.5,
            "max_short_pct": rng.choice([0.0, 0.3, round(rng.uniform(0.0, 2.0), 3)]),
            "max_trade_usd": rng.choice([0, 100.0, 1e5, round(rng.uniform(0.0, 3000.0), 2)]),
            "max_order_value_cents": rng.choice([0, 10**7, rng.randrange(1, 10**6)]),
            "max_batch_value_cents": rng.choice([0, 10**8, rng.randrange(1, 10**6)]),
        }
    return nb.RiskEngine(**limits)


def amounts(rng: random.Random) -> tuple[int, int]:
    """Quantity and price; sometimes zero, a price below zero too."""
    return rng.choice([0, 1, rng.randrange(1, 1000)]), rng.choice([0, -1, rng.randrange(-500, 20000)])


def positions(rng: random.Random) -> list[tuple[str, int]]:
    return [(rng.choice(SYMBOLS), rng.randrange(-500, 500)) for _ in range(rng.randrange(4))]


def weights(rng: random.Random) -> list[tuple[str, float]]:
    odd = [NAN, INF, -INF, 0.0, -0.0]
    return [
        (rng.choice(SYMBOLS), rng.choice(odd) if rng.random() < 0.1 else round(rng.uniform(-0.4, 0.4), 3))
        for _ in range(rng.randrange(5))
    ]


def ask(nb: Any, rng: random.Random) -> Any:
    asked = engine(nb, rng)
    equity = rng.choice([0, -100, 1, rng.randrange(1, 10**4), rng.randrange(1, 10**7), 10**9])
    side = rng.choice(["buy", "sell", "B", "S", "Buy"])
    held, targets = positions(rng), weights(rng)
    orders = [(rng.choice(SYMBOLS), rng.choice(["buy", "sell"]), *amounts(rng)) for _ in range(rng.randrange(5))]
    return [
        repr(asked),
        asked.check_order(rng.choice(SYMBOLS), side, *amounts(rng), equity_cents=equity, positions=held),
        asked.check_batch(orders=orders, equity_cents=equity, positions=held, target_weights=targets),
    ]


def answers(nb: Any, *, seed: int = 0, scale: int = 1) -> list[Any]:
    return [ask(nb, random.Random(f"risk-{seed}-{index}")) for index in range(COUNT * scale)]


def fixed(nb: Any) -> Any:
    """The examples of the published documents, and what they leave open."""
    first = nb.RiskEngine(max_position_pct=0.25, max_leverage=1.5)
    orders = [("AAPL", "buy", 100, 185_00), ("MSFT", "sell", 50, 370_00)]
    held = [("AAPL", 200), ("MSFT", 100)]
    return [
        first.check_order("AAPL", "buy", 100, 185_00, equity_cents=1_000_000_00, positions=[("AAPL", 200)]),
        first.check_batch(orders, 1_000_000_00, held, [("AAPL", 0.6), ("MSFT", 0.2)]),
        first.check_batch([], 100, [], []),
        # BUG 10, as published: an untouched holding is worth nothing, an equity of zero passes.
        first.check_batch([("MSFT", "buy", 1, 10000)], 100_00, [("AAPL", 100_000)], [("MSFT", 0.1)]),
        first.check_order("AAPL", "buy", 1, 19000, 0, []),
        [repr(nb.RiskEngine(*limits)) for limits in ((1, 1), (1 / 3, 1.123456), (1e-7, 1e20), (0.000123, 1e15))],
        nb.RiskEngine(max_position_pct=0.055).check_order("A", "buy", 55, 1, 1000, []),
    ]


def errors(nb: Any) -> dict[str, str | None]:
    """Type of the error; the wheel panics on a limit that it does not like, which is an `ValueError` in ours."""
    asked = nb.RiskEngine()

    def order(*values: Any) -> Callable[[], Any]:
        return lambda: asked.check_order(*values)

    def batch(*values: Any) -> Callable[[], Any]:
        return lambda: asked.check_batch(*values)

    def limit(**values: Any) -> Callable[[], Any]:
        return lambda: nb.RiskEngine(**values)

    calls: dict[str, Callable[[], Any]] = {
        "side": order("A", "hold", 1, 1, 1, []),
        "side type": order("A", 1, 1, 1, 1, []),
        "long symbol": order("ABCDEFGHI", "buy", 1, 1, 1, []),
        "symbol type": order(1, "buy", 1, 1, 1, []),
        "quantity below zero": order("A", "buy", -1, 1, 1, []),
        "quantity 2**64": order("A", "buy", 2**64, 1, 1, []),
        "quantity float": order("A", "buy", 1.5, 1, 1, []),
        "price float": order("A", "buy", 1, 1.0, 1, []),
        "price 2**63": order("A", "buy", 1, 2**63, 1, []),
        "equity 2**70": order("A", "buy", 1, 1, 2**70, []),
        "equity None": order("A", "buy", 1, 1, None, []),
        "position float": order("A", "buy", 1, 1, 1, [("A", 1.5)]),
        "position list": order("A", "buy", 1, 1, 1, [["A", 1]]),
        "position of three": order("A", "buy", 1, 1, 1, [("A", 1, 2)]),
        "positions dict": order("A", "buy", 1, 1, 1, {"A": 1}),
        "positions missing": order("A", "buy", 1, 1, 1),
        "empty symbol": order("", "buy", 1, 1, 1, []),
        "order list": batch([["A", "buy", 1, 1]], 1000, [], []),
        "order of three": batch([("A", "buy", 1)], 1000, [], []),
        "order side": batch([("A", "hold", 1, 1)], 1000, [], []),
        "order long symbol": batch([("ABCDEFGHI", "buy", 1, 1)], 1000, [], []),
        "weights None": batch([], 1000, [], None),
        "weights missing": batch([], 1000, []),
        "weight text": batch([], 1000, [], [("A", "x")]),
        "tuples": batch((("A", "buy", 1, 1),), 1000, (), ()),
        "position 0": limit(max_position_pct=0),
        "position 1.1": limit(max_position_pct=1.1),
        "position nan": limit(max_position_pct=NAN),
        "position None": limit(max_position_pct=None),
        "leverage 0.5": limit(max_leverage=0.5),
        "leverage inf": limit(max_leverage=INF),
        "leverage text": limit(max_leverage="x"),
        "drawdown -1": limit(max_drawdown_pct=-1),
        "drawdown nan": limit(max_drawdown_pct=NAN),
        "drawdown 1": limit(max_drawdown_pct=1),
        "trade -1": limit(max_trade_usd=-1),
        "short inf": limit(max_short_pct=INF),
        "short 5": limit(max_short_pct=5.0),
        "order value -1": limit(max_order_value_cents=-1),
        "order value 2**63": limit(max_order_value_cents=2**63),
        "batch value -1": limit(max_batch_value_cents=-1),
        "allow_short 1": limit(allow_short=1),
        "min_trade_usd": limit(min_trade_usd=1),
    }
    return {name: error_of(call) for name, call in calls.items()}


def error_of(call: Callable[[], Any]) -> str | None:
    try:
        call()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001  (the wheel's panic is no Exception)
        return "ValueError" if type(error).__name__ == "PanicException" else type(error).__name__
    return None


def deliberate(nb: Any) -> Any:
    """Products beyond 64 bits: the wheel wraps or saturates."""
    asked = nb.RiskEngine()
    return {
        "order beyond 64 bits": asked.check_order("A", "buy", 2**62, 10**6, 1000, []),
        "batch beyond 64 bits": asked.check_batch([("A", "buy", 2**62, 10**6)], 1000, [], []),
        "quantity beyond 63 bits": asked.check_order("A", "buy", 2**63, 1, 10**18, []),
    }
