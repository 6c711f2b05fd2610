"""Worked examples of matching, by hand from ``docs/exchange.md``; the reference is only as good as these."""

from __future__ import annotations

import pytest

from nanodesk.market.instrument import Instrument
from reference.book_examples import DRIVERS, Example
from reference.naive_orders import MAX, MIN
from reference.naive_shares import shares


def submitted(order_id, status, filled=0, resting=0, cancelled=0, reason="", trades=0):
    return ("submit", order_id, status, filled, resting, cancelled, reason, trades)


@pytest.fixture(params=DRIVERS, ids=lambda driver: driver.__module__.split(".")[-1])
def example(request):
    """Makes an example book: the naive one and the compiled one must both give what was worked out by hand."""
    return lambda **configuration: Example(request.param, **configuration)


class TestPublishedFaults:
    """Faults 1 to 5 of the published engine, as flows that ours must get right."""

    def test_cancel_after_a_front_fill_takes_the_right_order(self, example):
        book = example()
        for quantity in (10, 20, 30):
            book.buy(100, quantity)
        book.sell(100, 10)
        assert book.do("cancel", 2) == ("cancel", True, 20, "")
        assert book.queue("buy") == [3]
        assert book.sell(100, 5) == submitted(5, "filled", filled=5, trades=1)
        assert book.fills == [(100, 5, 3)]

    def test_last_order_of_a_level_can_be_cancelled_after_a_fill(self, example):
        book = example()
        book.buy(100, 1)
        book.buy(100, 2)
        book.sell(100, 1)
        assert book.do("cancel", 2) == ("cancel", True, 2, "")
        assert book.bids == []
        assert book.sell(100, 2) == submitted(4, "new", resting=2)

    def test_partly_filled_ioc_is_terminal(self, example):
        book = example()
        book.sell(10_000, 30)
        assert book.buy(10_000, 100, "ioc") == submitted(2, "partially_filled", 30, 0, 70, trades=1)
        book.buy(10_000, 50)
        assert book.do("cancel", 2) == ("cancel", False, 0, "OrderNotActive")
        assert book.bids == [(10_000, 50, 1)]

    def test_modify_that_trades_sets_the_last_price_and_wakes_stops(self, example):
        book = example()
        book.sell(105, 5)
        book.sell(106, 5)
        book.do("stop_market", "buy", 105, 2, {})
        book.buy(100, 5)
        assert book.do("modify", 4, 105, 5) == ("modify", True, 4, 5, 5, "", 1)
        assert [trade[1] for trade in book.seen[1]] == [105, 106]
        assert book.notices == [("triggered", 3, 2, 6)]

    def test_modify_keeps_the_owner(self, example):
        book = example()
        book.buy(100, 5, owner=7)
        book.do("modify", 1, 101, 5)
        book.sell(101, 5, "ioc", owner=7, self_trade="cancel_newest")
        assert book.fills == []

    def test_fok_sees_own_orders(self, example):
        book = example()
        book.sell(100, 5, owner=7)
        book.sell(100, 5)
        result = book.buy(100, 10, "fok", owner=7, self_trade="cancel_oldest")
        assert result == submitted(3, "cancelled", cancelled=10, reason="fok")

    @pytest.mark.parametrize("quantity", [0, -1, 2**63])
    def test_quantity_that_is_none_raises_and_changes_nothing(self, example, quantity):
        book = example()
        before = book.driver.apply(("compact",))[5]
        assert book.buy(100, quantity) == ("error", "QuantityError", "quantity")
        assert book.do("stop_market", "buy", 100, quantity, {}) == ("error", "QuantityError", "quantity")
        assert book.seen[5] == before

    @pytest.mark.parametrize("price", [0, -5, 2**63 - 1, 2**63])
    def test_price_outside_the_grid_raises(self, example, price):
        assert example().buy(price, 1) == ("error", "PriceError", "price")

    def test_only_the_last_price_of_a_sweep_is_not_enough(self, example):
        book = example()
        book.buy(10_100, 1)
        book.buy(10_000, 1)
        book.sell(20_000, 5)
        book.do("stop_market", "buy", 10_050, 2, {})
        book.sell(10_000, 2)
        assert book.notices == [("triggered", 4, 2, 6)]


class TestPriceTime:
    def test_best_price_first_then_first_come(self, example):
        book = example()
        book.sell(101, 5)
        book.sell(100, 3)
        book.sell(100, 4)
        assert book.buy(101, 10) == submitted(4, "filled", filled=10, trades=3)
        assert book.fills == [(100, 3, 2), (100, 4, 3), (101, 3, 1)]

    def test_ids_and_timestamps(self, example):
        book = example()
        book.sell(100, 1)
        book.buy(100, 1)
        assert book.seen[1] == ((1, 100, 1, 2, 1, "buy", 3),)
        book.buy(99, 1)
        assert book.driver.orders()[3][6] == 4

    def test_market_order_shows_the_extreme_price(self, example):
        book = example()
        assert book.do("market", "sell", 5, {}) == submitted(1, "cancelled", cancelled=5)
        assert book.driver.orders()[1][1] == MIN

    def test_rejected_order_takes_its_numbers_and_is_not_stored(self, example):
        book = example()
        assert book.buy(100, 5, "fok") == submitted(1, "cancelled", cancelled=5, reason="fok")
        assert 1 not in book.driver.orders()
        book.buy(100, 5)
        assert book.driver.orders()[2][6] == 2
        assert book.do("cancel", 1) == ("cancel", False, 0, "OrderNotFound")

    def test_fok_counts_hidden_quantity_but_not_reduce_only(self, example):
        book = example()
        book.sell(100, 10, display=2)
        assert book.buy(100, 10, "fok")[2] == "filled"
        book.do("position", 1, 10)
        book.sell(100, 10, owner=1, reduce_only=True)
        assert book.buy(100, 10, "fok")[6] == "fok"

    def test_min_quantity(self, example):
        book = example()
        book.sell(100, 4)
        assert book.buy(100, 10, min_quantity=5)[6] == "min_quantity"
        assert book.buy(100, 10, min_quantity=4) == submitted(3, "partially_filled", 4, 6, trades=1)

    def test_post_only_counts_own_orders(self, example):
        book = example()
        book.sell(100, 4, owner=1)
        assert book.buy(100, 1, post_only=True, owner=1)[6] == "post_only"
        assert book.buy(99, 1, post_only=True) == submitted(3, "new", resting=1)


class TestIceberg:
    def test_refresh_loses_the_place_in_the_queue(self, example):
        book = example()
        book.sell(100, 10, display=4)
        book.sell(100, 5)
        assert book.asks == [(100, 9, 2)]
        book.buy(100, 6)
        assert book.fills == [(100, 4, 1), (100, 2, 2)]
        assert book.queue("sell") == [2, 1]
        book.buy(100, 9)
        assert book.fills == [(100, 3, 2), (100, 4, 1), (100, 2, 1)]

    def test_a_cut_takes_the_hidden_part_first(self, example):
        book = example()
        book.sell(100, 10, display=4)
        assert book.do("reduce", 1, 7) == ("cancel", True, 7, "")
        assert book.asks == [(100, 3, 1)]
        assert book.do("reduce", 1, 99) == ("cancel", True, 3, "")
        assert book.status(1) == "cancelled"

    def test_display_too_small_for_the_quantity(self, example):
        book = example(max_display_parts=3)
        assert book.sell(100, 10, display=3) == ("error", "QuantityError", "display")
        assert book.sell(100, 9, display=3)[2] == "new"

    def test_a_modify_may_not_make_more_parts_than_an_entry(self, example):
        book = example(max_display_parts=3)
        book.sell(100, 5, display=3)
        assert book.do("modify", 1, 100, 10) == ("modify", False, 1, 0, 0, "InvalidQuantity", 0)
        assert book.do("modify", 1, 100, 9) == ("modify", True, 1, 2, 5, "", 0)
        assert book.do("modify", 2, 100, 1)[3] == 3
        assert book.do("modify", 3, 100, 4)[5] == "InvalidQuantity"
        assert book.do("modify", 3, 100, 3)[3] == 4


class TestShares:
    """R22, with numbers small enough to check by head."""

    def test_everything_when_there_is_enough(self):
        assert shares(9, [4, 5], lot=1, fifo_percent=0, min_allocation=1, has_top=False) == [4, 5]

    def test_pro_rata_floors_and_gives_the_rest_in_queue_order(self):
        # 10 of 60 over 10, 20, 30: 1.67, 3.33, 5 -> 1, 3, 5, and 1 left for the first.
        assert shares(10, [10, 20, 30], lot=1, fifo_percent=0, min_allocation=1, has_top=False) == [2, 3, 5]

    def test_small_shares_are_dropped(self):
        # as above, but shares below 3 are 0: 0, 3, 5, and 2 left for the first.
        assert shares(10, [10, 20, 30], lot=1, fifo_percent=0, min_allocation=3, has_top=False) == [2, 3, 5]

    def test_top_order_first(self):
        # 4 to the top order; 6 of 50 over 0, 20, 30: 2.4, 3.6 -> 2, 3; 1 left: first with a residual is the second.
        assert shares(10, [4, 20, 30], lot=1, fifo_percent=0, min_allocation=1, has_top=True) == [4, 3, 3]

    def test_split(self):
        # 40 % of 10 = 4 in queue order: 4 of the first; 6 over residuals 6, 20, 30 of 56: 0, 2, 3; 1 left: the first.
        assert shares(10, [10, 20, 30], lot=1, fifo_percent=40, min_allocation=1, has_top=False) == [5, 2, 3]

    def test_lots(self):
        # 100 over 100, 200, 300 in lots of 10: 16.7, 33.3, 50 -> 10, 30, 50; 10 left.
        assert shares(100, [100, 200, 300], lot=10, fifo_percent=0, min_allocation=1, has_top=False) == [20, 30, 50]

    def test_in_the_book_the_top_order_is_the_one_that_improved(self, example):
        book = example(matching="pro_rata", top_order=True)
        book.sell(101, 10)
        book.sell(100, 4)  # improves: top
        book.sell(100, 20)
        book.sell(100, 30)
        book.buy(100, 10)
        assert book.fills == [(100, 4, 2), (100, 3, 3), (100, 3, 4)]


class TestSelfTrade:
    @pytest.mark.parametrize(
        ("mode", "result", "left", "notices"),
        [
            ("cancel_newest", submitted(3, "cancelled", cancelled=5), [1, 2], []),
            ("cancel_oldest", submitted(3, "filled", filled=5, trades=1), [2], [("self_trade", 1, 3, 3)]),
            ("cancel_both", submitted(3, "cancelled", cancelled=5), [2], [("self_trade", 1, 3, 3)]),
            (
                "decrement",
                submitted(3, "partially_filled", filled=2, cancelled=3, trades=1),
                [2],
                [("self_trade", 1, 3, 3)],
            ),
        ],
    )
    def test_modes(self, example, mode, result, left, notices):
        book = example()
        book.sell(100, 3, owner=7)
        book.sell(100, 10, owner=8)
        assert book.buy(100, 5, owner=7, self_trade=mode) == result
        assert book.queue("sell") == left
        assert book.notices == notices

    def test_decrement_leaves_the_larger_resting_order_alive(self, example):
        book = example()
        book.sell(100, 9, owner=7)
        book.buy(100, 5, owner=7, self_trade="decrement")
        assert (book.open(1), book.queue("sell")) == (4, [1])

    def test_fok_stops_counting_at_the_first_own_order(self, example):
        book = example()
        book.sell(100, 6, display=2)
        book.sell(100, 5, owner=7)
        book.sell(100, 50)
        assert book.buy(100, 3, "fok", owner=7, self_trade="decrement")[6] == "fok"
        assert book.buy(100, 2, "fok", owner=7, self_trade="decrement")[2] == "filled"


class TestReduceOnly:
    def test_cut_on_entry(self, example):
        book = example()
        book.do("position", 1, 4)
        book.buy(100, 10)
        assert book.sell(100, 6, owner=1, reduce_only=True) == submitted(
            2, "partially_filled", filled=4, cancelled=2, trades=1
        )
        assert book.sell(100, 6, owner=1, reduce_only=True)[6] == "reduce_only"

    def test_cut_when_reached(self, example):
        book = example()
        book.do("position", 1, 4)
        book.sell(100, 4, owner=1, reduce_only=True)
        book.do("position", 1, 1)
        book.buy(100, 5)
        assert book.notices == [("reduce_only", 1, 3, 0)]
        assert book.fills == [(100, 1, 1)]


class TestGridAndLimits:
    def test_lots_and_ticks(self, example):
        book = example(instrument=Instrument("X", tick_size=5, lot_size=10, allows_negative_price=True))
        assert book.buy(-5, 10)[2] == "new"
        assert book.buy(3, 10) == ("error", "PriceError", "price")
        assert book.buy(0, 15) == ("error", "QuantityError", "quantity")

    def test_capacity_of_a_side(self, example):
        book = example()
        assert book.buy(100, MAX)[2] == "new"
        assert book.buy(100, 1) == ("error", "QuantityError", "quantity")
        assert book.do("modify", 1, 99, MAX)[1] is True
        assert book.sell(101, MAX)[2] == "new"

    def test_position_saturates(self, example):
        book = example()
        book.do("position", 1, MAX)
        book.sell(100, 5)
        book.buy(100, 5, owner=1)
        assert book.driver.position(1) == MAX
