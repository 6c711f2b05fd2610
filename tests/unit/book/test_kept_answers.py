"""Answers that are used again behind the scenes never change in the hands of who kept them."""

import numpy as np
import pytest

from nanodesk.book.exchange import Exchange
from nanodesk.market.instrument import Instrument


def two_sided() -> Exchange:
    exchange = Exchange()
    for i in range(20):
        exchange.submit_limit("buy", 1_000 - i, 10 + i)
        exchange.submit_limit("sell", 1_001 + i, 10 + i)
    return exchange


class TestCancelResult:
    def test_kept_results_stay(self):
        exchange = two_sided()
        kept = [exchange.cancel(i) for i in (1, 3, 3, 999)]
        exchange.cancel(5)
        assert [(r.success, r.cancelled_quantity, r.error) for r in kept] == [
            (True, 10, None),
            (True, 11, None),
            (False, 0, "OrderNotActive"),
            (False, 0, "OrderNotFound"),
        ]

    def test_one_kept_among_many_dropped(self):
        exchange = two_sided()
        exchange.cancel(1)
        kept = exchange.cancel(3)
        exchange.cancel(999)
        exchange.cancel(999)
        assert (kept.success, kept.cancelled_quantity) == (True, 11)


class TestBestBidAsk:
    def test_follows_the_book(self):
        exchange = Exchange()
        assert exchange.best_bid_ask() == (None, None)
        exchange.submit_limit("buy", 7, 1)
        first = exchange.best_bid_ask()
        assert first == (7, None)
        exchange.submit_limit("sell", 9, 1)
        assert exchange.best_bid_ask() == (7, 9)
        exchange.cancel(1)
        assert exchange.best_bid_ask() == (None, 9)
        exchange.cancel(2)
        assert exchange.best_bid_ask() == (None, None)
        assert first == (7, None)

    def test_tells_a_price_of_zero_from_none(self):
        exchange = Exchange(Instrument("SPREAD", allows_negative_price=True))
        assert exchange.best_bid_ask() == (None, None)
        exchange.submit_limit("buy", 0, 1)
        assert exchange.best_bid_ask() == (0, None)


class TestSnapshots:
    def test_kept_snapshots_stay(self):
        exchange = two_sided()
        kept = [exchange.depth(2) for _ in range(3)]
        exchange.submit_limit("buy", 1_000, 5)
        for _ in range(4):
            exchange.depth(2)
        assert [s.bids[0].quantity for s in kept] == [10, 10, 10]

    def test_kept_arrays_and_what_looks_through_them_stay(self):
        exchange = two_sided()
        array = exchange.depth(5).bid_array
        row = exchange.depth(5).ask_array[0]
        memory = memoryview(exchange.depth(5).bid_array[1])
        whole = memoryview(exchange.depth(5))
        before = array.copy(), row.copy(), bytes(memory), bytes(whole)
        for i in range(8):
            exchange.submit_limit("buy", 1_000 - i, 1)
            exchange.submit_limit("sell", 1_001 + i, 1)
            snapshot = exchange.depth(5)
            assert snapshot.bid_array[0, 1] == 11
            assert snapshot.ask_array[0, 1] == 11
        assert np.array_equal(array, before[0])
        assert np.array_equal(row, before[1])
        assert bytes(memory) == before[2]
        assert bytes(whole) == before[3]

    def test_arrays_follow_the_number_of_levels(self):
        exchange = Exchange()
        for n in range(30):
            snapshot = exchange.depth(11)
            assert (snapshot.bid_array.shape, snapshot.ask_array.shape) == ((min(n, 11), 3), (0, 3))
            exchange.submit_limit("buy", 100 - n, 1)
        exchange.submit_limit("sell", 200, 3)
        for _ in range(3):
            assert exchange.depth(11).ask_array.tolist() == [[200, 3, 1]]
            assert len(exchange.depth(30).bid_array) == 30

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_an_array_changed_in_place_is_not_given_again(self):
        exchange = two_sided()
        for _ in range(4):
            array = exchange.depth(4).bid_array
            array.shape = (12,)
            del array
            assert exchange.depth(4).bid_array.shape == (4, 3)

    def test_arrays_are_read_only_and_outlive_all(self):
        exchange = two_sided()
        array = exchange.depth(3).ask_array
        del exchange
        assert not array.flags.writeable
        assert array[:, 0].tolist() == [1_001, 1_002, 1_003]
