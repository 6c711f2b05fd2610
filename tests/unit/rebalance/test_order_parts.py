"""Slices and pieces of a line."""

from hypothesis import given, settings
from hypothesis import strategies as st

from nanodesk.market.fixed_point import E9
from nanodesk.market.trading_rules import TradingRules
from nanodesk.rebalance.order_parts import pieces, slices


@settings(deadline=None)
@given(st.integers(1, 5_000), st.integers(1, 40), st.sampled_from([1, 3, E9]), st.integers(0, 50), st.integers(0, 300))
def test_slices(lots, count, lot, least_lots, least_value):
    rules = TradingRules("X", lot_e9=lot, min_quantity_e9=max(1, least_lots * lot), min_notional_e9=least_value * lot)
    parts = slices(lots * lot, count, rules=rules, price_e9=E9)
    assert sum(parts) == lots * lot
    assert 1 <= len(parts) <= count
    assert max(parts) - min(parts) <= lot
    assert all(part % lot == 0 for part in parts)
    if len(parts) > 1:
        assert min(parts) >= rules.min_quantity_e9
        assert min(parts) >= rules.min_notional_e9


@settings(deadline=None)
@given(st.integers(1, 500), st.integers(1, 30), st.integers(1, 60))
def test_pieces(lots, most, most_value):
    rules = TradingRules("X", lot_e9=E9, max_quantity_e9=most * E9, max_notional_e9=2 * most_value * E9)
    parts = pieces(lots * E9, rules=rules, price_e9=2 * E9)
    assert sum(parts) == lots * E9
    assert max(parts) <= min(most, most_value) * E9
    assert parts[0] == min(lots, most, most_value) * E9


def test_a_lot_above_the_venues_largest_order_is_not_sent():
    rules = TradingRules("X", lot_e9=E9, max_notional_e9=E9)
    assert pieces(5 * E9, rules=rules, price_e9=2 * E9) == ()
