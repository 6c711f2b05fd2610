from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from nanodesk.errors import PriceError
from nanodesk.market.fixed_point import E9, LARGEST_E9, format_e9, notional_e9, parse_e9

AMOUNTS = st.integers(1 - LARGEST_E9, LARGEST_E9 - 1)


class TestFixedPoint:
    @given(AMOUNTS)
    def test_text_comes_back(self, amount_e9):
        assert parse_e9(format_e9(amount_e9)) == amount_e9
        assert parse_e9(Decimal(amount_e9).scaleb(-9)) == amount_e9
        assert "e" not in format_e9(amount_e9).lower()

    @given(st.floats(-1e6, 1e6).map(lambda value: round(value, 6)))
    def test_a_float_is_the_decimal_that_it_prints_as(self, value):
        assert parse_e9(value) == round(Decimal(repr(value)) * E9)

    @given(st.text(max_size=40) | st.binary(max_size=8) | st.floats() | st.decimals() | st.integers())
    def test_anything_is_an_amount_or_one_error(self, value):
        try:
            amount_e9 = parse_e9(value)
        except PriceError:
            return
        assert abs(amount_e9) < LARGEST_E9
        assert isinstance(value, float) or Decimal(amount_e9) == Decimal(value).scaleb(9)

    @given(AMOUNTS, AMOUNTS, st.integers(1, 1000))
    def test_notional_is_within_half_a_billionth(self, price_e9, quantity_e9, multiplier):
        cash_e9 = notional_e9(price_e9, quantity_e9, multiplier)
        assert abs(2 * (cash_e9 * E9 - price_e9 * quantity_e9 * multiplier)) <= E9
        assert notional_e9(price_e9, -quantity_e9, multiplier) == -cash_e9
