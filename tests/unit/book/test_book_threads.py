"""One instrument is one thread; many instruments run side by side and end as they would one after the other."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nanodesk.book.batch import COMMAND_DTYPE
from nanodesk.book.exchange import Exchange
from nanodesk.book.multi_exchange import MultiExchange

SYMBOLS = ("A", "B", "C", "D")


def flow(seed: int, n: int = 40_000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    commands = np.zeros(n, COMMAND_DTYPE)
    commands["kind"] = rng.choice(5, n, p=[0.5, 0.05, 0.3, 0.1, 0.05])
    commands["side"] = rng.integers(0, 2, n)
    commands["price"] = rng.integers(90, 111, n)
    commands["quantity"] = rng.integers(1, 30, n)
    commands["order_id"] = rng.integers(0, n // 2, n)
    return commands


def run(exchange: Exchange, seed: int) -> tuple[int, bytes]:
    """Batches with single calls between them; the state hash and all answers."""
    answers = []
    for part in np.split(flow(seed), 8):
        answers.append(exchange.submit_batch(part).tobytes())
        for price in range(95, 106):
            exchange.submit_limit("buy" if price < 100 else "sell", price, 3)
        exchange.submit_stop_market("sell", 92, 5)
    return exchange.state_hash(), b"".join(answers)


@pytest.mark.parametrize("matching", ["price_time", "split"])
def test_two_threads_give_what_one_gives(matching):
    together, apart = MultiExchange(matching=matching), MultiExchange(matching=matching)
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(run, together.get_or_create(symbol), seed) for seed, symbol in enumerate(SYMBOLS)]
        found = [job.result() for job in jobs]
    assert found == [run(apart.get_or_create(symbol), seed) for seed, symbol in enumerate(SYMBOLS)]
    assert len({state for state, _ in found}) == len(SYMBOLS)
    assert together.best_prices() == apart.best_prices()


@pytest.mark.parametrize("work", ["batch", "replay"])
def test_others_run_while_a_batch_does(work):
    """The interpreter lock is given back: another thread is seen at work in the middle of a long batch."""
    commands = flow(7, 2_000_000)
    commands["kind"] = 0
    # Several times: on a busy machine the other thread may wait for a processor as long as a batch takes.
    assert any(is_seen_in_the_middle(work, commands) for _ in range(5))


def is_seen_in_the_middle(work, commands):
    exchange = Exchange()
    if work == "replay":
        exchange.submit_batch(commands)
    seen, stop = [], threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.append(time.perf_counter())
            time.sleep(0.001)

    other = threading.Thread(target=look)
    other.start()
    start = time.perf_counter()
    if work == "batch":
        exchange.submit_batch(commands)
    else:
        exchange.replayed()
    third = (time.perf_counter() - start) / 3
    stop.set()
    other.join()
    return any(start + third < at < start + 2 * third for at in seen)
