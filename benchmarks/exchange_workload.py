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


class StandingBook:
    """Bids and asks that fill a number of levels, made through the batch door; only nanodesk has it.

    Parameters
    ----------
    n_orders : int
        Resting orders, half of them bids.
    n_levels : int
        Levels, half of them bids.
    log : bool, default True
        Whether the inputs are recorded.
    """

    MIDDLE = 10_000_000
    CHUNK = 100_000

    def __init__(self, n_orders: int, n_levels: int, log: bool = True) -> None:
        import numpy as np

        from nanodesk.book.batch import ANSWER_DTYPE, COMMAND_DTYPE
        from nanodesk.book.exchange import Exchange

        self.exchange = Exchange(event_log=log)
        self.half = n_levels // 2
        size = min(self.CHUNK, n_orders)
        rows, answers = np.zeros(size, COMMAND_DTYPE), np.empty(size, ANSWER_DTYPE)
        for first in range(0, n_orders, size):
            number = np.arange(first, first + size)
            rows["side"] = number & 1
            away = 1 + (number >> 1) % self.half
            rows["price"] = np.where(rows["side"] == 0, self.MIDDLE - away, self.MIDDLE + away)
            rows["quantity"] = 5
            self.exchange.submit_batch(rows, answers)
        self.random_ids = np.random.default_rng(4).permutation(n_orders)[: min(n_orders, 50_000)] + 1
        self.waiting = self.random_ids.tolist()

    def at_the_touch(self, calls: int) -> None:
        """Submit at the best bid, then cancel."""
        submit, cancel, price = self.exchange.submit_limit, self.exchange.cancel, self.MIDDLE - 1
        for _ in range(calls):
            cancel(submit("buy", price, 1).order_id)

    def new_levels(self, calls: int) -> None:
        """Submit at a price in the depth of the book where nothing rests, then cancel."""
        submit, cancel, deep = self.exchange.submit_limit, self.exchange.cancel, self.MIDDLE - self.half
        for i in range(calls):
            cancel(submit("buy", deep - 1 - (i * 7919) % 97, 1).order_id)

    def anywhere(self, calls: int) -> None:
        """Cancel a random resting order, then submit it again at its price."""
        submit, cancel, ids, half = self.exchange.submit_limit, self.exchange.cancel, self.waiting, self.half
        for i in range(calls):
            place = i % len(ids)
            cancel(ids[place])
            ids[place] = submit("buy", self.MIDDLE - 1 - (i * 104_729) % half, 5).order_id

    def one_fill(self, calls: int) -> None:
        """Take one order at the best bid, and put one there again."""
        submit, price = self.exchange.submit_limit, self.MIDDLE - 1
        for _ in range(calls):
            submit("buy", price, 5)
            submit("sell", price, 5)


OPERATIONS: dict[str, Callable[[StandingBook, int], None]] = {
    "submit and cancel at the touch": StandingBook.at_the_touch,
    "submit and cancel on a new level": StandingBook.new_levels,
    "cancel at random and submit again": StandingBook.anywhere,
    "submit and fill": StandingBook.one_fill,
}
"""Pairs of calls that leave a book as large as it was."""
