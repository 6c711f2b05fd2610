"""Submission, cancelling, modifying and queries of an exchange: one class per method or rule."""

from __future__ import annotations

import pytest

from nanodesk.book.exchange import Exchange
from nanodesk.errors import PriceError, QuantityError, ValidationError
from nanodesk.market.enums import OrderStatus, Side, TimeInForce
from nanodesk.market.instrument import Instrument

MAX = 2**63 - 1


def levels(exchange):
    book = exchange.full_book()
    return [tuple(v) for v in book.bids], [tuple(v) for v in book.asks]


class TestSubmitLimit:
    def test_rests_without_a_counterpart(self):
        exchange = Exchange()
        result = exchange.submit_limit("buy", 100, 5)
        assert (result.order_id, result.status, result.resting_quantity) == (1, OrderStatus.NEW, 5)
        assert result.trades == []
        assert exchange.best_bid_ask() == (100, None)

    def test_takes_the_best_price_first_and_the_oldest_order_first(self):
        exchange = Exchange()
        for price, quantity in ((102, 5), (101, 3), (101, 4)):
            exchange.submit_limit("sell", price, quantity)
        trades = exchange.submit_limit("buy", 102, 9).trades
        assert [(t.price, t.quantity, t.passive_order_id) for t in trades] == [(101, 3, 2), (101, 4, 3), (102, 2, 1)]
        assert [t.id for t in trades] == [1, 2, 3]
        assert exchange.last_trade_price() == 102

    def test_published_timestamps(self):
        # execution-kernel.md section 2: order 1 (ts 1), crossing order 2 (ts 2), trade 1 (ts 3), next order ts 4
        exchange = Exchange()
        exchange.submit_limit("sell", 100, 1)
        assert exchange.submit_limit("buy", 100, 1).trades[0].timestamp == 3
        exchange.submit_limit("buy", 90, 1)
        assert [exchange.get_order(i).timestamp for i in (1, 2, 3)] == [1, 2, 4]

    @pytest.mark.parametrize("side", ["buy", "Buy", "B", "b", Side.BUY])
    def test_side_words(self, side):
        assert Exchange().submit_limit(side, 1, 1).resting_quantity == 1

    @pytest.mark.parametrize("tif", ["ioc", "IOC", TimeInForce.IOC])
    def test_ioc_cancels_its_remainder(self, tif):
        exchange = Exchange()
        exchange.submit_limit("sell", 100, 3)
        result = exchange.submit_limit("buy", 100, 5, tif)
        assert (result.status, result.filled_quantity, result.cancelled_quantity) == (
            OrderStatus.PARTIALLY_FILLED,
            3,
            2,
        )
        assert exchange.get_order(2).status is OrderStatus.CANCELLED

    def test_fok_takes_an_id_and_a_timestamp_and_is_not_stored(self):
        exchange = Exchange()
        exchange.submit_limit("sell", 100, 3)
        result = exchange.submit_limit("buy", 100, 4, "fok")
        assert (result.status, result.reason, result.cancelled_quantity) == (OrderStatus.CANCELLED, "fok", 4)
        assert exchange.get_order(2) is None
        assert exchange.submit_limit("buy", 100, 3, "fok").filled_quantity == 3
        assert exchange.get_order(3).timestamp == 3

    @pytest.mark.parametrize("quantity", [0, -1, MAX + 1, -(2**70)])
    def test_quantity_out_of_range(self, quantity):
        exchange = Exchange()
        with pytest.raises(QuantityError) as caught:
            exchange.submit_limit("buy", 100, quantity)
        assert (caught.value.field, caught.value.value) == ("quantity", quantity)
        assert caught.value.allowed
        assert exchange.event_count() == 0
        assert exchange.submit_limit("buy", 100, 1).order_id == 1

    @pytest.mark.parametrize("price", [0, -1, MAX, MAX + 1, -(2**63), -(2**80)])
    def test_price_out_of_range(self, price):
        with pytest.raises(PriceError) as caught:
            Exchange().submit_limit("buy", price, 1)
        assert (caught.value.field, caught.value.value) == ("price", price)

    def test_price_off_the_grid_names_its_neighbours(self):
        exchange = Exchange(Instrument("ESH4", tick_size=25))
        with pytest.raises(PriceError, match="Use 500000 or 500025"):
            exchange.submit_limit("buy", 500_010, 1)

    def test_negative_prices_where_the_instrument_allows_them(self):
        exchange = Exchange(Instrument("CLH0", allows_negative_price=True))
        exchange.submit_limit("sell", -3763, 2)
        assert exchange.submit_limit("buy", 0, 1).trades[0].price == -3763

    @pytest.mark.parametrize(("price", "quantity"), [(1.0, 1), (1, 1.0), ("1", 1), (None, 1)])
    def test_types(self, price, quantity):
        with pytest.raises(TypeError):
            Exchange().submit_limit("buy", price, quantity)

    @pytest.mark.parametrize("words", [("hold", "gtc"), ("buy", "gtx"), (1, "gtc"), ("buy", None)])
    def test_words(self, words):
        with pytest.raises(ValidationError):
            Exchange().submit_limit(words[0], 1, 1, words[1])

    def test_try_gives_the_error_as_a_value(self):
        exchange = Exchange()
        assert isinstance(exchange.try_submit_limit("buy", 0, 1), PriceError)
        assert isinstance(exchange.try_submit_market("buy", 0), QuantityError)
        assert exchange.try_submit_limit("buy", 1, 1).order_id == 1

    def test_the_largest_numbers(self):
        exchange = Exchange()
        exchange.submit_limit("sell", MAX - 1, MAX)
        with pytest.raises(QuantityError, match="below 2\\*\\*63"):
            exchange.submit_limit("sell", 5, 1)
        result = exchange.submit_limit("buy", MAX - 1, MAX)
        assert (result.filled_quantity, result.trades[0].price) == (MAX, MAX - 1)
        assert levels(exchange) == ([], [])


class TestSubmitMarket:
    def test_sweeps_and_cancels_the_rest(self):
        exchange = Exchange()
        exchange.submit_limit("buy", 100, 3)
        exchange.submit_limit("buy", 90, 3)
        result = exchange.submit_market("sell", 10)
        assert [t.price for t in result.trades] == [100, 90]
        assert (result.filled_quantity, result.cancelled_quantity) == (6, 4)
        assert exchange.get_order(3).price == -(2**63)


class TestCancel:
    def test_takes_the_right_order_after_a_front_fill(self):
        # execution-kernel.md section 22, bug 1: the published engine cancels C instead of B and then hangs
        exchange = Exchange()
        a, b, c = (exchange.submit_limit("buy", 100, quantity).order_id for quantity in (10, 20, 30))
        exchange.submit_limit("sell", 100, 10)
        assert exchange.cancel(b).cancelled_quantity == 20
        assert levels(exchange) == ([(100, 30, 1)], [])
        trades = exchange.submit_limit("sell", 100, 5).trades
        assert [(t.passive_order_id, t.quantity) for t in trades] == [(c, 5)]
        assert exchange.get_order(a).status is OrderStatus.FILLED

    def test_partially_filled_ioc_is_terminal(self):
        # bug 2: it "succeeds" there and removes somebody else's order
        exchange = Exchange()
        exchange.submit_limit("sell", 100, 30)
        ioc = exchange.submit_limit("buy", 100, 100, "ioc").order_id
        exchange.submit_limit("buy", 100, 50)
        assert exchange.cancel(ioc).error == "OrderNotActive"
        assert levels(exchange) == ([(100, 50, 1)], [])

    @pytest.mark.parametrize("order_id", [0, -1, 2, 2**63, 2**90])
    def test_unknown(self, order_id):
        exchange = Exchange()
        exchange.submit_limit("buy", 1, 1)
        result = exchange.cancel(order_id)
        assert (result.success, result.error, result.cancelled_quantity) == (False, "OrderNotFound", 0)
        assert exchange.event_count() == 2

    def test_twice(self):
        exchange = Exchange()
        exchange.submit_limit("buy", 1, 1)
        assert exchange.cancel(1)
        assert exchange.cancel(1).error == "OrderNotActive"


class TestReduce:
    def test_keeps_id_and_place(self):
        exchange = Exchange()
        exchange.submit_limit("sell", 100, 10)
        exchange.submit_limit("sell", 100, 10)
        assert exchange.reduce(1, 4).cancelled_quantity == 4
        assert exchange.submit_limit("buy", 100, 7).trades[0].passive_order_id == 1
        order = exchange.get_order(1)
        assert (order.original_quantity, order.filled_quantity, order.cancelled_quantity) == (10, 6, 4)

    def test_all_of_it_is_a_cancel(self):
        exchange = Exchange()
        exchange.submit_limit("sell", 100, 10)
        assert exchange.reduce(1, 99).cancelled_quantity == 10
        assert exchange.get_order(1).status is OrderStatus.CANCELLED

    @pytest.mark.parametrize("quantity", [0, -1, 2**63])
    def test_bad_quantity_is_an_answer(self, quantity):
        exchange = Exchange()
        exchange.submit_limit("sell", 100, 10)
        assert exchange.reduce(1, quantity).error == ("InvalidQuantity" if quantity < 1 or quantity > MAX else None)


class TestModify:
    def test_new_id_and_last_in_the_queue(self):
        exchange = Exchange()
        exchange.submit_limit("sell", 100, 10)
        exchange.submit_limit("sell", 100, 10)
        result = exchange.modify(1, 100, 5)
        assert (result.success, result.old_order_id, result.new_order_id, result.cancelled_quantity) == (True, 1, 3, 10)
        assert [order.id for order in exchange.queue("sell", 100)] == [2, 3]

    def test_a_trading_modify_sets_the_last_price_and_sets_stops_off(self):
        # bug 3: live and replayed books differ there
        exchange = Exchange()
        exchange.submit_limit("sell", 105, 5)
        exchange.submit_limit("buy", 100, 5)
        exchange.submit_limit("sell", 106, 5)
        exchange.submit_stop_market("buy", 105, 2)
        assert exchange.modify(2, 105, 5).n_trades == 1
        assert exchange.last_trade_price() == 106
        assert exchange.replayed().state_hash() == exchange.state_hash()

    def test_keeps_owner_and_prevention(self):
        # bug 4: both are lost there
        exchange = Exchange()
        exchange.submit_limit("sell", 105, 5, owner=7)
        exchange.submit_limit("buy", 100, 5, owner=7, self_trade="cancel_newest")
        assert exchange.modify(2, 105, 5).n_trades == 0
        assert exchange.get_order(3).owner == 7

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ((1, 100, 0), "InvalidQuantity"),
            ((9, 100, 0), "InvalidQuantity"),
            ((1, 0, 1), "InvalidPrice"),
            ((1, 2**63 - 1, 1), "InvalidPrice"),
            ((9, 100, 1), "OrderNotFound"),
            ((2, 100, 1), "OrderNotActive"),
            ((3, 100, 1), "OrderNotFound"),
        ],
    )
    def test_errors_are_answers(self, arguments, error):
        exchange = Exchange()
        exchange.submit_limit("buy", 90, 1)
        exchange.submit_limit("buy", 90, 1, "ioc")
        exchange.submit_stop_market("buy", 200, 1)
        result = exchange.modify(*arguments)
        assert (result.success, result.error, result.new_order_id) == (False, error, 0)
        assert exchange.best_bid() == 90


class TestQueries:
    def test_empty_book(self):
        exchange = Exchange()
        assert exchange.best_bid_ask() == (None, None)
        assert (exchange.best_bid(), exchange.best_ask(), exchange.spread()) == (None, None, None)
        assert exchange.last_trade_price() is None
        assert exchange.trades() == exchange.notices() == exchange.events() == []
        assert exchange.get_order(1) is None
        assert exchange.get_stop_order(1) is None

    def test_order_identity_of_quantities(self):
        exchange = Exchange()
        exchange.submit_limit("sell", 100, 10)
        exchange.submit_limit("buy", 100, 4)
        exchange.cancel(1)
        order = exchange.get_order(1)
        assert order.filled_quantity + order.remaining_quantity + order.cancelled_quantity == 10
        assert (order.status, order.remaining_quantity, order.cancelled_quantity) == (OrderStatus.CANCELLED, 0, 6)

    def test_trades_of_a_result_outlive_clear_trades_and_the_exchange(self):
        exchange = Exchange()
        exchange.submit_limit("sell", 100, 10)
        result = exchange.submit_limit("buy", 100, 4)
        before = exchange.state_hash()
        exchange.clear_trades()
        assert exchange.trades() == []
        assert exchange.state_hash() == before
        del exchange
        assert [t.quantity for t in result.trades] == [4]

    def test_clear_order_history(self):
        exchange = Exchange()
        exchange.submit_limit("sell", 100, 10)
        exchange.submit_limit("buy", 100, 10)
        exchange.submit_limit("buy", 90, 10)
        before = exchange.state_hash()
        assert exchange.clear_order_history() == 2
        assert exchange.get_order(1) is None
        assert exchange.cancel(1).error == "OrderNotActive"
        assert exchange.get_order(3).remaining_quantity == 10
        assert exchange.state_hash() == before
        exchange.compact()
        assert exchange.state_hash() == before


class TestConfiguration:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"matching": "lottery"},
            {"fifo_percent": 101},
            {"fifo_percent": -1},
            {"cascade_limit": 0},
            {"max_display_parts": 0},
            {"min_allocation": -1},
            {"cascade_limit": 2**63},
        ],
    )
    def test_out_of_range(self, wrong):
        with pytest.raises(ValidationError):
            Exchange(**wrong)

    def test_without_a_log(self):
        exchange = Exchange(event_log=False)
        exchange.submit_limit("buy", 1, 1)
        exchange.cancel(1)
        assert exchange.event_count() == 0


class TestManyLevels:
    def test_wide_and_narrow_prices_keep_their_order(self):
        exchange = Exchange(Instrument("S", allows_negative_price=True))
        prices = [3**k * sign for k in range(39) for sign in (1, -1)] + list(range(-70, 70))
        for price in prices:
            exchange.submit_limit("buy", price, 1)
        expected = sorted(set(prices), reverse=True)
        assert [level.price for level in exchange.full_book().bids] == expected
        for order_id in range(1, len(prices) + 1, 2):
            exchange.cancel(order_id)
        remaining = {prices[i] for i in range(1, len(prices), 2)}
        assert [level.price for level in exchange.full_book().bids] == sorted(remaining, reverse=True)
