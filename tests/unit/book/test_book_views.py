"""Snapshots, arrays, the batch door and many exchanges."""

from __future__ import annotations

import numpy as np
import pytest

from nanodesk.book.batch import ANSWER_DTYPE, COMMAND_DTYPE
from nanodesk.book.exchange import Exchange
from nanodesk.book.multi_exchange import MultiExchange
from nanodesk.book.results import Trade
from nanodesk.errors import QuantityError, UnknownOrderError, ValidationError
from nanodesk.market.instrument import Instrument


def quoted() -> Exchange:
    exchange = Exchange()
    for side, price, quantity in (("buy", 99, 30), ("buy", 98, 10), ("sell", 101, 10), ("sell", 103, 40)):
        exchange.submit_limit(side, price, quantity)
    return exchange


class TestBookSnapshot:
    def test_levels(self):
        book = quoted().depth(1)
        assert book.bids == [(99, 30, 1)]
        assert book.asks == [(101, 10, 1)]
        assert book.timestamp == 4

    def test_analytics(self):
        book = quoted().depth(10)
        assert (book.best_bid, book.best_ask, book.spread, book.mid_price) == (99, 101, 2, 100.0)
        assert (book.total_bid_quantity, book.total_ask_quantity) == (40, 50)
        assert book.imbalance == -10 / 90
        assert book.weighted_mid == (10 * 99 + 30 * 101) / 40

    def test_vwap_of_taking(self):
        book = quoted().depth(10)
        assert book.vwap("buy", 10) == 101.0
        assert book.vwap("buy", 50) == (10 * 101 + 40 * 103) / 50
        assert book.vwap("sell", 35) == (30 * 99 + 5 * 98) / 35
        assert book.vwap("buy", 51) is None
        with pytest.raises(QuantityError):
            book.vwap("buy", 0)

    def test_vwap_of_trades(self):
        exchange = quoted()
        trades = exchange.submit_market("buy", 20).trades
        assert Trade.vwap(trades) == (10 * 101 + 10 * 103) / 20
        assert Trade.vwap([]) is None

    def test_empty(self):
        book = Exchange().depth()
        assert book.bids == book.asks == []
        assert book.spread is book.mid_price is book.imbalance is book.weighted_mid is None
        assert book.bid_array.shape == (0, 3)

    def test_arrays_share_the_memory_of_the_snapshot(self):
        exchange = quoted()
        book = exchange.depth(10)
        bids, asks = book.bid_array, book.ask_array
        assert np.shares_memory(book.bid_array, bids)
        exchange.submit_market("buy", 50)
        del book
        assert bids.tolist() == [[99, 30, 1], [98, 10, 1]]
        assert asks.tolist() == [[101, 10, 1], [103, 40, 1]]
        assert not bids.flags.writeable

    def test_deep(self):
        exchange = Exchange()
        for price in range(1, 1_001):
            exchange.submit_limit("buy", price, 1)
        assert exchange.full_book().bid_array[:, 0].tolist() == list(range(1_000, 0, -1))

    def test_negative_depth(self):
        with pytest.raises(ValidationError):
            Exchange().depth(-1)


class TestDepthView:
    def test_refreshes_in_place(self):
        exchange = quoted()
        view = exchange.depth_view(3)
        prices = view.prices
        assert view.refresh() == (2, 2)
        assert prices.tolist() == [[99, 98, 0], [101, 103, 0]]
        assert view.quantities.tolist() == [[30, 10, 0], [10, 40, 0]]
        exchange.submit_market("buy", 50)
        assert view.refresh() == (2, 0)
        assert prices.tolist() == [[99, 98, 0], [0, 0, 0]]


class TestSubmitBatch:
    def test_equals_single_calls(self):
        rng = np.random.default_rng(5)
        n = 5_000
        commands = np.zeros(n, COMMAND_DTYPE)
        commands["kind"] = rng.choice(5, n, p=[0.5, 0.05, 0.3, 0.1, 0.05])
        commands["side"] = rng.integers(0, 2, n)
        commands["policy"] = rng.choice(3, n, p=[0.8, 0.1, 0.1])
        commands["price"] = rng.integers(95, 106, n)
        commands["quantity"] = rng.integers(0, 30, n)
        commands["order_id"] = rng.integers(0, n // 2, n)
        one, many = Exchange(), Exchange()
        answers = many.submit_batch(commands)
        for row, answer in zip(commands, answers, strict=True):
            self.check(one, row, answer)
        assert many.state_hash() == one.state_hash()
        assert many.events() == one.events()
        assert many.replayed().state_hash() == one.state_hash()

    def check(self, exchange, row, answer):
        kind, side = int(row["kind"]), ("buy", "sell")[row["side"]]
        price, quantity, order_id = int(row["price"]), int(row["quantity"]), int(row["order_id"])
        if kind <= 1:
            tif = ("gtc", "ioc", "fok")[row["policy"]]
            try:
                result = (
                    exchange.submit_limit(side, price, quantity, tif)
                    if kind == 0
                    else exchange.submit_market(side, quantity)
                )
            except ValidationError:
                assert answer["error"] >= 100
                return
            assert (answer["order_id"], answer["filled"], answer["resting"], answer["cancelled"]) == (
                result.order_id,
                result.filled_quantity,
                result.resting_quantity,
                result.cancelled_quantity,
            )
            assert answer["n_trades"] == result.n_trades
            return
        result = (
            exchange.cancel(order_id)
            if kind == 2
            else exchange.modify(order_id, price, quantity)
            if kind == 3
            else exchange.reduce(order_id, quantity)
        )
        assert bool(answer["success"]) == result.success
        assert answer["cancelled"] == result.cancelled_quantity

    def test_out(self):
        exchange = Exchange()
        commands = np.zeros(3, COMMAND_DTYPE)
        commands["price"] = commands["quantity"] = 5
        out = np.zeros(3, ANSWER_DTYPE)
        assert exchange.submit_batch(commands, out) is out
        assert out["order_id"].tolist() == [1, 2, 3]
        with pytest.raises(ValidationError):
            exchange.submit_batch(commands, out[:2])

    def test_layout(self):
        with pytest.raises(ValidationError):
            Exchange().submit_batch(np.zeros(3, np.int64))

    @pytest.mark.parametrize(
        ("field", "value"),
        [("kind", 9), ("side", 2), ("policy", 3), ("policy", 16), ("quantity", -1), ("price", 0), ("flags", 1)],
    )
    def test_bad_rows_are_refused_and_leave_nothing(self, field, value):
        exchange = Exchange()
        commands = np.zeros(1, COMMAND_DTYPE)
        commands["price"] = commands["quantity"] = 5
        commands[field] = value
        assert exchange.submit_batch(commands)["error"][0] >= 100
        assert exchange.event_count() == 0


class TestTradeArray:
    def test_fields(self):
        exchange = quoted()
        exchange.submit_limit("buy", 101, 4)
        row = exchange.trade_array()[0]
        assert (row["price"], row["quantity"], row["aggressor"], row["passive"], row["is_sell"]) == (101, 4, 5, 3, 0)


class TestMultiExchange:
    def test_views_are_live_and_in_order(self):
        venues = MultiExchange([Instrument("ZZZ", tick_size=5)])
        venues.get_or_create("AAPL").submit_limit("buy", 15_000, 1)
        venues.submit_limit("MSFT", "sell", 300, 2)
        assert venues.best_prices() == [("ZZZ", None, None), ("AAPL", 15_000, None), ("MSFT", None, 300)]
        assert venues.symbols() == ["ZZZ", "AAPL", "MSFT"]
        assert len(venues) == 3
        assert "AAPL" in venues
        assert venues.get_or_create("ZZZ").instrument.tick_size == 5
        assert venues.submit_market("MSFT", "buy", 1).filled_quantity == 1
        assert venues.modify("MSFT", 1, 301, 1).success
        assert venues.cancel("AAPL", 1).success

    def test_unknown_symbol_makes_no_book(self):
        venues = MultiExchange()
        with pytest.raises(UnknownOrderError):
            venues.cancel("AAPL", 1)
        with pytest.raises(UnknownOrderError):
            venues.modify("AAPL", 1, 1, 1)
        assert venues.get("AAPL") is None
        assert len(venues) == 0
