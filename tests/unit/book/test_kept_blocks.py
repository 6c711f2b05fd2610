"""Blocks of memory that go from one book to the next carry nothing over, whoever frees and takes them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nanodesk.book.batch import COMMAND_DTYPE
from nanodesk.book.exchange import Exchange

ORDERS = 150_000  # five pages of orders; the log is of 2 MiB blocks after the first


def flow(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    commands = np.zeros(2 * ORDERS, COMMAND_DTYPE)
    commands["kind"] = np.where(np.arange(2 * ORDERS) % 2, 2, 0)
    commands["side"] = rng.integers(0, 2, 2 * ORDERS)
    commands["price"] = rng.integers(90, 111, 2 * ORDERS)
    commands["quantity"] = rng.integers(1, 30, 2 * ORDERS)
    commands["order_id"] = np.maximum(np.arange(2 * ORDERS) // 2 - rng.integers(0, 500, 2 * ORDERS), 1)
    return commands


def run(seed: int) -> tuple[int, bytes]:
    """A book that comes and goes: its hash and its answers."""
    exchange = Exchange()
    answers = exchange.submit_batch(flow(seed))
    assert exchange.replayed().state_hash() == exchange.state_hash()
    return exchange.state_hash(), answers.tobytes()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_book_in_used_blocks_is_the_same_book(threads):
    seeds = [1, 2, 1, 3, 2, 1]
    with ThreadPoolExecutor(threads) as pool:
        found = dict(enumerate(pool.map(run, seeds)))
    for place, seed in enumerate(seeds):
        assert found[place] == found[seeds.index(seed)]
    assert len({state for state, _ in found.values()}) == 3


def test_many_books_at_once_are_more_than_is_kept():
    books = [Exchange() for _ in range(8)]
    for book in books:
        book.submit_batch(flow(5))
    expected = books[0].state_hash()
    del books, book
    again = [Exchange() for _ in range(8)]
    for book in again:
        book.submit_batch(flow(5))
    assert {book.state_hash() for book in again} == {expected}
