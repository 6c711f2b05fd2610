"""The largest books, sweeps, cascades and numbers: right or a clear error, never a wrap, a hang or a crash."""

from __future__ import annotations

import numpy as np
import pytest

from nanodesk.book.batch import ANSWER_DTYPE, COMMAND_DTYPE
from nanodesk.book.exchange import Exchange
from nanodesk.errors import QuantityError
from nanodesk.market.instrument import Instrument

MAX = 2**63 - 1
CHUNK = 250_000
ROOM = 100  # rounds beyond those that a cascade needs


def fill(exchange: Exchange, n_orders: int, n_levels: int, rng: np.random.Generator) -> np.ndarray:
    """Bids at prices from 1 to ``n_levels`` in random order; the quantity of every order is its id modulo 7, plus 1."""
    prices = np.concatenate([rng.permutation(n_levels) + 1 for _ in range(n_orders // n_levels)])
    rows, answers = np.zeros(CHUNK, COMMAND_DTYPE), np.empty(CHUNK, ANSWER_DTYPE)
    for first in range(0, n_orders, CHUNK):
        ids = np.arange(first + 1, first + CHUNK + 1)
        rows["price"], rows["quantity"] = prices[first : first + CHUNK], ids % 7 + 1
        exchange.submit_batch(rows, answers)
        np.testing.assert_array_equal(answers["order_id"], ids)
        assert (answers["resting"] == rows["quantity"]).all()
    return prices


def cancel(exchange: Exchange, ids: np.ndarray) -> int:
    """Cancel all; the quantity that was cancelled."""
    total = 0
    for first in range(0, len(ids), CHUNK):
        rows = np.zeros(len(ids[first : first + CHUNK]), COMMAND_DTYPE)
        rows["kind"], rows["order_id"] = 2, ids[first : first + CHUNK]
        answers = exchange.submit_batch(rows)
        assert answers["success"].all()
        total += int(answers["cancelled"].sum())
    return total


@pytest.mark.parametrize(
    ("n_orders", "n_levels"),
    [
        (1_000_000, 1_000),
        (1_000_000, 1_000_000),
        pytest.param(10_000_000, 1_000, marks=pytest.mark.slow),
        pytest.param(10_000_000, 1_000_000, marks=pytest.mark.slow),
    ],
)
def test_many_orders_on_many_levels(n_orders, n_levels):
    rng = np.random.default_rng(7)
    exchange = Exchange(event_log=n_orders <= 1_000_000)
    prices = fill(exchange, n_orders, n_levels, rng)
    quantities = np.arange(1, n_orders + 1) % 7 + 1
    gone = rng.permutation(n_orders)[: n_orders // 10] + 1
    assert cancel(exchange, gone) == quantities[gone - 1].sum()
    quantities[gone - 1] = 0
    by_price = np.bincount(prices, weights=quantities, minlength=n_levels + 1).astype(np.int64)
    counts = np.bincount(prices[quantities > 0], minlength=n_levels + 1)
    held = np.flatnonzero(counts)[::-1]
    expected = np.column_stack([held, by_price[held], counts[held]])
    np.testing.assert_array_equal(exchange.full_book().bid_array, expected)
    # One order sweeps the upper tenth: every order there, best price first, oldest first.
    floor = int(held[len(held) // 10])
    result = exchange.submit_limit("sell", floor, MAX // 2, "ioc")
    swept = np.flatnonzero((prices >= floor) & (quantities > 0))
    order = np.lexsort((swept, -prices[swept]))
    trades = exchange.trade_array()
    np.testing.assert_array_equal(trades["passive"], swept[order] + 1)
    np.testing.assert_array_equal(trades["price"], prices[swept[order]])
    assert result.filled_quantity == quantities[swept].sum() == trades["quantity"].sum()
    assert exchange.committed_quantity("buy") == quantities.sum() - result.filled_quantity
    if exchange.event_count():
        assert exchange.replayed().state_hash() == exchange.state_hash()


@pytest.mark.parametrize("kind", ["market", "limit", "trailing"])
def test_a_cascade_of_ten_thousand_stops(kind):
    n = 10_000
    exchange = Exchange(cascade_limit=2 * n + ROOM)
    for i in range(n):
        exchange.submit_limit("buy", 2 * n - i, 1)
        stop = 2 * n - i
        if kind == "market":
            exchange.submit_stop_market("sell", stop, 1)
        elif kind == "limit":
            exchange.submit_stop_limit("sell", stop, 1, 1)
        else:
            exchange.submit_trailing_stop_market("sell", stop, 1, "fixed", n * 4)
    exchange.submit_limit("buy", 2 * n + 1, 1)
    exchange.submit_limit("sell", 2 * n, 2)
    assert exchange.pending_stop_count() == 0
    kinds = [notice.kind for notice in exchange.notices()]
    assert kinds.count("triggered") == n
    assert "cascade_limit" not in kinds
    assert len(exchange.trade_array()) == n + 1
    last = exchange.get_stop_order(2 * n)
    assert exchange.get_order(last.triggered_order_id).stop_id == last.id
    assert exchange.replayed().state_hash() == exchange.state_hash()


def test_ten_thousand_stops_at_one_price():
    exchange = Exchange()
    for _ in range(10_000):
        exchange.submit_stop_market("buy", 100, 3)
    exchange.submit_limit("sell", 100, 10_000)
    exchange.submit_limit("sell", 101, 30_000)
    exchange.submit_limit("buy", 100, 1)
    trades = exchange.trade_array()
    assert trades["quantity"].sum() == 30_001
    assert exchange.depth(5).asks == [(101, 9_999, 1)]
    assert [n.order_id for n in exchange.notices() if n.kind == "triggered"] == list(range(1, 10_001))


class TestLargestNumbers:
    def spreads(self, **rules: object) -> Exchange:
        return Exchange(Instrument("SPREAD", allows_negative_price=True), **rules)

    @pytest.mark.parametrize("matching", ["price_time", "pro_rata", "split"])
    @pytest.mark.parametrize("price", [MAX - 1, 1, 0, -1, -MAX])
    def test_the_largest_quantity_trades_whole(self, matching, price):
        exchange = self.spreads(matching=matching)
        exchange.submit_limit("buy", price, MAX - 5, owner=1)
        exchange.submit_limit("buy", price, 5, owner=1)
        with pytest.raises(QuantityError, match="at most 0"):
            exchange.submit_limit("buy", price, 1)
        result = exchange.submit_limit("sell", price, MAX, owner=2)
        assert (result.filled_quantity, result.resting_quantity) == (MAX, 0)
        assert sum(trade.quantity for trade in result.trades) == MAX
        assert (exchange.position(1), exchange.position(2)) == (MAX, -MAX)
        exchange.submit_limit("buy", price, 7, owner=1)
        exchange.submit_limit("sell", price, 7, owner=3)
        assert exchange.position(1) == MAX  # stays at the end of its range (R15)
        assert exchange.replayed().state_hash() == exchange.state_hash()

    def test_shares_of_the_largest_quantities_add_up(self):
        exchange = self.spreads(matching="pro_rata")
        for quantity in (MAX // 2, MAX // 3, MAX // 7):
            exchange.submit_limit("buy", 5, quantity)
        result = exchange.submit_limit("sell", 5, MAX // 2 + 1)
        assert result.filled_quantity == MAX // 2 + 1 == sum(trade.quantity for trade in result.trades)

    def test_measures_do_not_wrap(self):
        exchange = self.spreads()
        exchange.submit_limit("buy", -MAX, MAX)
        exchange.submit_limit("sell", MAX - 1, MAX)
        book = exchange.depth()
        assert exchange.spread() == book.spread == 2 * MAX - 1
        assert (book.total_bid_quantity, book.total_ask_quantity) == (MAX, MAX)
        assert book.mid_price == -0.5
        assert book.weighted_mid == -0.5
        assert book.imbalance == 0.0
        assert book.vwap("sell", MAX) == -float(MAX)

    def test_stops_and_pegs_at_the_ends_of_the_range(self):
        exchange = self.spreads()
        exchange.submit_limit("sell", MAX - 1, 2)
        exchange.submit_limit("buy", MAX - 1, 1)
        falling = exchange.submit_trailing_stop_market("sell", -MAX, 1, "fixed", MAX).order_id
        rising = exchange.submit_trailing_stop_market("buy", MAX - 1, 1, "percentage", 1.0).order_id
        exchange.submit_limit("buy", MAX - 1, 1)
        assert exchange.get_stop_order(falling).stop_price == -MAX
        assert exchange.get_stop_order(rising).status == "triggered"
        exchange.submit_limit("buy", -MAX, 1)
        peg = exchange.submit_pegged("buy", "bid", 1, -MAX).order_id
        assert exchange.get_order(peg).is_parked

    def test_changes_of_price_that_need_the_64th_bit(self):
        """0.6 times the mean of 20, 2^63 and 2^64, nearly, is above 2^62, so the stop does not move (R41)."""
        exchange = self.spreads()
        for price in (15, -5, MAX - 2, -MAX + 7):
            exchange.submit_limit("sell", price, 1)
            if price == -MAX + 7:
                stop = exchange.submit_trailing_stop_market("buy", MAX - 20, 1, "sma_abs_change", 0.6, 5).order_id
            exchange.submit_limit("buy", price, 1)
        assert exchange.get_stop_order(stop).stop_price == MAX - 20
        assert exchange.replayed().state_hash() == exchange.state_hash()

    def test_a_modify_beyond_what_fits_is_an_answer(self):
        exchange = self.spreads()
        exchange.submit_limit("buy", 5, MAX - 9)
        exchange.submit_limit("buy", 6, 9)
        before = exchange.state_hash()
        assert exchange.modify(2, 6, 10).error == "InvalidQuantity"
        assert exchange.state_hash() == before
        assert exchange.modify(2, 6, 9).success

    def test_a_modify_makes_no_iceberg_that_would_refresh_for_ever(self):
        exchange = Exchange()
        exchange.submit_limit("buy", 5, 9, display=9)
        assert exchange.modify(1, 5, MAX // 2).error == "InvalidQuantity"
        assert exchange.submit_limit("sell", 5, MAX // 2, "ioc").filled_quantity == 9

    def test_an_auction_of_the_largest_quantities(self):
        exchange = self.spreads()
        exchange.start_auction()
        exchange.submit_limit("buy", MAX - 1, MAX)
        exchange.submit_limit("sell", -MAX, MAX)
        assert exchange.indicative().volume == MAX
        assert exchange.uncross().volume == MAX

    def test_a_clock_at_the_end_of_time(self):
        exchange = self.spreads()
        exchange.submit_limit("buy", 5, 1, "gtd", expire_ns=MAX)
        exchange.advance_clock(MAX - 1)
        assert exchange.best_bid() == 5
        exchange.advance_clock(MAX)
        assert exchange.best_bid() is None
