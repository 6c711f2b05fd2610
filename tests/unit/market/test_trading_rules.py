import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanodesk.errors import ValidationError
from nanodesk.market.trading_rules import TradingRules, TradingStatus

RULES = TradingRules("AAPL", tick_e9=25, lot_e9=10)


class TestGrid:
    @given(st.integers(0, 10**12), st.integers(1, 10**9))
    def test_ticks_enclose_the_price(self, price_e9, tick_e9):
        rules = dataclasses.replace(RULES, tick_e9=tick_e9)
        low, high = rules.floor_to_tick(price_e9), rules.ceil_to_tick(price_e9)
        assert low <= price_e9 <= high
        assert low % tick_e9 == high % tick_e9 == 0
        assert high - low == (tick_e9 if price_e9 % tick_e9 else 0)

    @given(st.integers(-(10**12), 10**12), st.integers(1, 10**9))
    def test_lots_are_no_further_from_zero(self, quantity_e9, lot_e9):
        rules = dataclasses.replace(RULES, lot_e9=lot_e9)
        lots = rules.floor_to_lot(quantity_e9)
        assert lots % lot_e9 == 0
        assert 0 <= abs(quantity_e9) - abs(lots) < lot_e9
        assert lots * quantity_e9 >= 0
        assert rules.floor_to_lot(-quantity_e9) == -lots

    def test_examples(self):
        assert (RULES.floor_to_tick(49), RULES.ceil_to_tick(51), RULES.floor_to_lot(-19)) == (25, 75, -10)


class TestTradingRules:
    @pytest.mark.parametrize(
        ("field", "value"),
        [("symbol", ""), ("tick_e9", 0), ("tick_e9", -1), ("lot_e9", 0), ("lot_e9", 1.5), ("lot_e9", True)],
    )
    def test_faults_are_named(self, field, value):
        with pytest.raises(ValidationError, match=field):
            dataclasses.replace(RULES, **{field: value})

    def test_trades_unless_told_otherwise(self):
        assert RULES.status is TradingStatus.TRADING
        assert not RULES.can_short
