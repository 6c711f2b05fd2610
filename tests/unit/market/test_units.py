"""Rounding and formatting of integer money."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanodesk.errors import PriceError, QuantityError
from nanodesk.market.units import INT64_MAX, floor_to_lot, format_cents, round_to_tick, to_cents


class TestToCents:
    @pytest.mark.parametrize(
        ("amount", "cents"), [(0.0, 0), (1.005, 101), (-1.005, -101), (0.29, 29), (1e9, 10**11), (2.675, 268)]
    )
    def test_rounds_half_away_from_zero(self, amount, cents):
        assert to_cents(amount) == cents

    @pytest.mark.parametrize("amount", [math.nan, math.inf, -math.inf, 1e30])
    def test_refuses_what_has_no_cents(self, amount):
        with pytest.raises(PriceError, match="limit_price"):
            to_cents(amount, field="limit_price")

    @given(st.integers(-(10**12), 10**12))
    def test_whole_cents_survive(self, cents):
        assert to_cents(cents / 100) == cents


class TestFormatCents:
    @pytest.mark.parametrize(
        ("cents", "text"), [(10050, "$100.50"), (-250, "-$2.50"), (5, "$0.05"), (0, "$0.00"), (-5, "-$0.05")]
    )
    def test_sign_dollars_two_digits(self, cents, text):
        assert format_cents(cents) == text


class TestRoundToTick:
    @given(st.integers(-INT64_MAX, INT64_MAX), st.integers(1, 10**6))
    def test_lands_on_the_grid_within_half_a_tick(self, price, tick):
        rounded = round_to_tick(price, tick)
        assert rounded % tick == 0
        assert abs(rounded - price) * 2 <= tick

    def test_half_goes_away_from_zero(self):
        assert (round_to_tick(5, 10), round_to_tick(-5, 10)) == (10, -10)

    @pytest.mark.parametrize("tick", [0, -1])
    def test_refuses_a_tick_below_one(self, tick):
        with pytest.raises(PriceError, match="tick_size"):
            round_to_tick(100, tick)


class TestFloorToLot:
    @given(st.integers(-INT64_MAX, INT64_MAX), st.integers(1, 10**6))
    def test_never_grows(self, quantity, lot):
        rounded = floor_to_lot(quantity, lot)
        assert rounded % lot == 0
        assert abs(rounded) <= abs(quantity) < abs(rounded) + lot

    def test_refuses_a_lot_below_one(self):
        with pytest.raises(QuantityError, match="lot_size"):
            floor_to_lot(5, 0)
