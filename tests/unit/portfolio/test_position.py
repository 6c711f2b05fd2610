import numpy as np
import pytest

from nanodesk.errors import PriceError, QuantityError
from nanodesk.portfolio.position import Position


def filled(*fills, multiplier=1):
    position = Position("AAPL", multiplier=multiplier)
    for quantity, price in fills:
        position = position.apply_fill(quantity, price)
    return position


class TestPosition:
    def test_example_of_the_seeds(self):
        position = filled((100, 150_00), (-50, 160_00))
        assert (position.quantity, position.realized_pnl, position.avg_entry_price) == (50, 500_00, 150_00)

    def test_adding_averages(self):
        position = filled((300, 333), (728, 341))
        assert position.total_cost == 348_148
        assert position.avg_entry_price == pytest.approx(338.665, abs=5e-4)

    def test_no_cents_leak_out_of_a_partial_sale(self):
        # the peer realizes against the truncated average of 338 (8856) and loses 492 cents of the cost
        position = filled((300, 333), (728, 341), (-738, 350))
        assert position.realized_pnl == 738 * 350 - round(348_148 * 738 / 1028)
        closed = position.apply_fill(-290, 350)
        assert closed.realized_pnl == 1028 * 350 - 348_148
        assert (closed.quantity, closed.total_cost, closed.avg_entry_price, closed.is_flat) == (0, 0, 0.0, True)

    def test_partial_cover_of_a_short_keeps_its_average(self):
        # BUG 12 of the peer: at a constant price of 100 it showed 300, then 1200, and 280 000 realized at the end
        short = filled((-1000, 100))
        assert short.avg_entry_price == 100
        half = short.apply_fill(500, 100)
        assert (half.quantity, half.avg_entry_price, half.realized_pnl) == (-500, 100, 0)
        less = half.apply_fill(300, 100)
        assert (less.quantity, less.avg_entry_price, less.realized_pnl) == (-200, 100, 0)
        closed = less.apply_fill(200, 100)
        assert (closed.total_cost, closed.realized_pnl) == (0, 0)

    def test_covering_lower_is_a_profit(self):
        position = filled((-100, 50), (40, 45))
        assert (position.realized_pnl, position.avg_entry_price, position.unrealized_pnl(45)) == (200, 50, 300)

    @pytest.mark.parametrize(("first", "second"), [((100, 50), (-150, 60)), ((-100, 60), (150, 50))])
    def test_a_flip_opens_at_the_price_of_the_fill(self, first, second):
        position = filled(first, second)
        assert position.realized_pnl == 1000
        assert position.avg_entry_price == second[1]
        assert abs(position.quantity) == 50

    def test_multiplier_scales_money_and_not_the_average(self):
        position = filled((2, 480_025), (-1, 480_050), multiplier=50)
        assert position.avg_entry_price == 480_025
        assert position.realized_pnl == 25 * 50
        assert position.market_value(480_000) == 480_000 * 50
        assert position.unrealized_pnl(480_000) == -25 * 50

    def test_negative_prices(self):
        # crude oil in April 2020 settled below zero
        position = filled((1, -3763), (-1, 1000), multiplier=10)
        assert position.realized_pnl == 47_630

    def test_is_a_value(self):
        before = filled((100, 50))
        before.apply_fill(-50, 60)
        assert before == filled((100, 50))

    @pytest.mark.parametrize("quantity", [0, 1.5, True, None, "1"])
    def test_refuses_no_quantity(self, quantity):
        with pytest.raises(QuantityError, match="quantity"):
            Position("AAPL").apply_fill(quantity, 100)

    @pytest.mark.parametrize("price", [1.5, None, "1"])
    def test_refuses_a_price_that_is_not_whole(self, price):
        with pytest.raises(PriceError, match="price"):
            Position("AAPL").apply_fill(1, price)

    def test_takes_numpy_integers(self):
        assert Position("AAPL").apply_fill(np.int64(3), np.int64(100)).total_cost == 300
