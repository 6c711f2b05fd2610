"""The plan against the slow, obvious one; and what holds for every plan."""

from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.trading_rules import TradingRules
from nanodesk.rebalance.plan import PlanSettings, make_plan
from nanodesk.rebalance.trading_cost import TradingCost
from reference.rebalance_reference import naive_orders

SYMBOLS = ("A", "B", "C", "D")
CENT = E9 // 100


@st.composite
def worlds(draw):
    market, held, weights = {}, {}, {}
    for symbol in SYMBOLS:
        bid = draw(st.integers(100, 50_000)) * CENT
        spread = draw(st.sampled_from([0, 1, 2, 7, 100])) * CENT
        tick = draw(st.sampled_from([CENT, 5 * CENT, E9 // 4]))
        lot = draw(st.sampled_from([E9 // 10, E9, 10 * E9]))
        market[symbol] = (bid, bid + spread, tick, lot)
        held[symbol] = (
            draw(st.sampled_from([0, 0, 1, -1])) * draw(st.integers(1, 400)) * E9 // draw(st.sampled_from([1, 3]))
        )
        weight = draw(st.sampled_from([None, 0.1, -0.1, 0.25, -0.25, 0.003, 0.123456789]))
        if weight is not None:
            weights[symbol] = weight
    equity = draw(st.integers(1_000, 60_000)) * E9
    offset = draw(st.sampled_from([0, 5, 30])) * E9 // 10_000
    min_trade = draw(st.sampled_from([0, 100, 2_000])) * E9
    return market, held, weights, equity, offset, min_trade


def planned(world, *, cash, cost=None, is_cash_account=False):
    market, held, weights, equity, offset, min_trade = world
    return make_plan(
        weights,
        [Holding(symbol, quantity) for symbol, quantity in held.items()],
        quotes={symbol: Quote(symbol, bid, ask, None, 0) for symbol, (bid, ask, _, _) in market.items()},
        rules={symbol: TradingRules(symbol, tick_e9=tick, lot_e9=lot) for symbol, (_, _, tick, lot) in market.items()},
        account=Account("PAPER", "USD", equity, cash, cash, False, 0),
        settings=PlanSettings(offset, min_trade, cost or TradingCost(), is_cash_account),
    )


ENOUGH = 10**12 * E9
COSTS = TradingCost(per_unit_e9=3_500_000, commission_e9_frac=1_000_000, minimum_e9=E9, slippage_e9_frac=500_000)


@given(worlds())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_same_orders(world):
    market, held, weights, equity, offset, min_trade = world
    expected = naive_orders(
        {symbol: Fraction(str(weight)) for symbol, weight in weights.items()},
        {symbol: Fraction(quantity, E9) for symbol, quantity in held.items()},
        {symbol: tuple(Fraction(number, E9) for number in numbers) for symbol, numbers in market.items()},
        Fraction(equity, E9),
        Fraction(offset, E9),
        Fraction(min_trade, E9),
    )
    made = planned(world, cash=ENOUGH)
    ours = [
        (o.symbol, Fraction(o.signed_quantity_e9, E9), Fraction(o.limit_price_e9, E9), o.closes)
        for o in sorted(made.orders, key=lambda order: (order.symbol, not order.closes))
    ]
    assert ours == expected


@given(worlds(), st.integers(0, 40_000), st.booleans())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_holds_for_every_plan(world, cash, is_cash_account):
    market, held, *_ = world
    made = planned(world, cash=cash * E9, cost=COSTS, is_cash_account=is_cash_account)
    after = dict(held)
    for order in made.orders:
        bid, ask, tick, lot = market[order.symbol]
        assert order.quantity_e9 > 0 and order.quantity_e9 % lot == 0
        assert order.limit_price_e9 % tick == 0
        assert order.limit_price_e9 >= ask if order.side is Side.BUY else order.limit_price_e9 <= max(bid, 2 * tick)
        before = after[order.symbol]
        after[order.symbol] += order.signed_quantity_e9
        if order.closes:
            assert abs(after[order.symbol]) < abs(before)
            assert before * after[order.symbol] >= 0
    sides = [order.side for order in made.orders]
    assert sides == sorted(sides, key=lambda side: side is Side.BUY)
    untouched = {skip.symbol for skip in made.skipped}
    for row in made.rows:
        if row.symbol not in untouched:
            assert abs(after[row.symbol] - row.wanted_e9) < market[row.symbol][3]
    opening = sum(order.side is Side.BUY and not order.closes for order in made.orders)
    if opening:
        assert made.needed_e9 <= made.funds_e9 + made.proceeds_e9


@given(worlds())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_second_plan_is_empty(world):
    """One pass converges: what the first plan did not trade, the second does not either."""
    market, held, weights, equity, offset, _ = world
    world = (market, held, weights, equity, offset, 0)
    made = planned(world, cash=ENOUGH)
    after = dict(held)
    for order in made.orders:
        after[order.symbol] += order.signed_quantity_e9
    assert planned((market, after, weights, equity, offset, 0), cash=ENOUGH).orders == ()
