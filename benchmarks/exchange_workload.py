"""What the exchange benchmarks do to a book; the same calls for either engine."""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

CALLS = 200_000
FLOW = 1_000_000
_RANDOM = random.Random(1)
BIDS = [10_000 - _RANDOM.randrange(100) for _ in range(CALLS)]


def timed(make: Callable[[], Any], run: Callable[[Any], object], calls: int, repeats: int = 7) -> tuple[float, float]:
    """Best and median nanoseconds a call of processor time."""
    found = []
    for _ in range(repeats):
        state = make()
        gc.collect()
        gc.disable()
        start = time.process_time_ns()
        run(state)
        found.append((time.process_time_ns() - start) / calls)
        gc.enable()
        del state
    return min(found), statistics.median(found)


def submit_resting(exchange: Any) -> None:
    submit = exchange.submit_limit
    for price in BIDS:
        submit("buy", price, 100)


def submit_filling(exchange: Any) -> None:
    submit = exchange.submit_limit
    for _ in range(CALLS):
        submit("buy", 10_000, 100)


def submit_filling_and_read(exchange: Any) -> None:
    submit = exchange.submit_limit
    for _ in range(CALLS):
        _ = submit("buy", 10_000, 100).trades


def cancel_all(state: tuple[Any, list[int]]) -> None:
    exchange, ids = state
    cancel = exchange.cancel
    for order_id in ids:
        cancel(order_id)


def ask_best(exchange: Any) -> None:
    ask = exchange.best_bid_ask
    for _ in range(CALLS):
        ask()


def ask_depth(exchange: Any) -> None:
    depth = exchange.depth
    for _ in range(CALLS // 10):
        depth(10)


def with_asks(engine: Callable[[], Any]) -> Any:
    exchange = engine()
    submit = exchange.submit_limit
    for _ in range(CALLS):
        submit("sell", 10_000, 100)
    return exchange


def resting(engine: Callable[[], Any], count: int = CALLS, n_levels: int = 100) -> tuple[Any, list[int]]:
    exchange = engine()
    submit = exchange.submit_limit
    top = 2_000_000
    ids = [submit("buy", top - i % n_levels, 100).order_id for i in range(count)]
    random.Random(2).shuffle(ids)
    return exchange, ids


def two_sided(engine: Callable[[], Any]) -> Any:
    exchange = engine()
    for price in BIDS[:5_000]:
        exchange.submit_limit("buy", price, 100)
        exchange.submit_limit("sell", 20_050 - price, 100)
    return exchange


CASES: tuple[tuple[str, Callable[[Callable[[], Any]], Any], Callable[[Any], object], int], ...] = (
    ("submit, rests", lambda engine: engine(), submit_resting, CALLS),
    ("submit, one fill", with_asks, submit_filling, CALLS),
    ("submit, one fill, trades read", with_asks, submit_filling_and_read, CALLS),
    ("cancel, random among 200 k", resting, cancel_all, CALLS),
    ("best_bid_ask", two_sided, ask_best, CALLS),
    ("depth(10)", two_sided, ask_depth, CALLS // 10),
)
"""Calls that both engines have. The published engine's cancel is wrong after fills; here nothing fills before."""
