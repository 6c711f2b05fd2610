"""Instruments: grids, multipliers, symbols of any length."""

import pytest

from nanodesk.errors import PriceError, QuantityError, ValidationError
from nanodesk.market.enums import OrderStatus, Side, TimeInForce
from nanodesk.market.instrument import Instrument


class TestInstrument:
    def test_symbols_may_be_longer_than_eight_bytes(self):
        assert Instrument("BTCUSDT-PERPETUAL-240628").symbol == "BTCUSDT-PERPETUAL-240628"

    @pytest.mark.parametrize("symbol", ["", "A B", "A\n", "\x00"])
    def test_refuses_names_that_break_files_and_terminals(self, symbol):
        with pytest.raises(ValidationError, match="symbol="):
            Instrument(symbol)

    @pytest.mark.parametrize("field", ["tick_size", "lot_size", "multiplier", "price_scale"])
    @pytest.mark.parametrize("value", [0, -1, 1.5, True])
    def test_refuses_grids_that_are_no_positive_integer(self, field, value):
        with pytest.raises(ValidationError, match=field) as caught:
            Instrument("X", **{field: value})
        assert (caught.value.field, caught.value.value) == (field, value)

    def test_multiplier_enters_the_notional(self):
        assert Instrument("ESH4", tick_size=25, multiplier=50).notional(480_025, -2) == -48_002_500

    def test_price_off_the_grid_names_both_neighbours(self):
        with pytest.raises(PriceError, match="Use 500000 or 500025") as caught:
            Instrument("ESH4", tick_size=25).check_price(500_010)
        assert caught.value.value == 500_010

    def test_prices_at_or_below_zero_only_where_allowed(self):
        with pytest.raises(PriceError, match="must be positive"):
            Instrument("AAPL").check_price(0)
        assert Instrument("CLM0", allows_negative_price=True).check_price(-3763) == -3763

    @pytest.mark.parametrize("quantity", [0, -100, 150])
    def test_quantity_off_the_lot_grid(self, quantity):
        with pytest.raises(QuantityError, match="lot_size=100"):
            Instrument("7203", lot_size=100).check_quantity(quantity)


class TestSide:
    @pytest.mark.parametrize("word", ["buy", "BUY", "b", "B", Side.BUY])
    def test_parse_accepts_words_in_any_case(self, word):
        assert Side.parse(word) is Side.BUY

    @pytest.mark.parametrize("word", ["", "long", 1, None])
    def test_parse_refuses_the_rest(self, word):
        with pytest.raises(ValidationError, match="side="):
            Side.parse(word)

    def test_opposite(self):
        assert Side.BUY.opposite is Side.SELL
        assert Side.SELL.opposite is Side.BUY


class TestTimeInForce:
    def test_only_gtc_rests_and_only_fok_refuses_parts(self):
        assert [tif for tif in TimeInForce if tif.can_rest] == [TimeInForce.GTC, TimeInForce.GTD, TimeInForce.DAY]
        assert [tif for tif in TimeInForce if not tif.allows_partial] == [TimeInForce.FOK]


class TestOrderStatus:
    def test_terminal_states(self):
        assert [status for status in OrderStatus if status.is_terminal] == [OrderStatus.FILLED, OrderStatus.CANCELLED]
