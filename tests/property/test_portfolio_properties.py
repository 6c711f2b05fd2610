"""What holds of positions and portfolios for any fills, weights, prices and costs."""

from hypothesis import given, settings
from hypothesis import strategies as st

from nanodesk.market.instrument import Instrument
from nanodesk.portfolio.costs import CostModel
from nanodesk.portfolio.portfolio import Portfolio
from nanodesk.portfolio.position import Position

SYMBOLS = ("A", "B", "C", "D")

quantities = st.integers(-(10**9), 10**9).filter(bool) | st.integers(-20, 20).filter(bool)
prices = st.integers(1, 10**7) | st.integers(1, 50)
costs = st.builds(
    CostModel,
    commission_bps=st.floats(0, 500),
    commission_per_share=st.floats(0, 0.5),
    min_commission=st.sampled_from([0.0, 0.01, 1.0, 25.0]),
    half_spread_bps=st.floats(0, 200),
    borrow_bps_year=st.sampled_from([0.0, 300.0]),
)
moderate = st.integers(50, 2000)  # whatever rises, equity and quantities stay within 64 and 53 bits
price_rows = st.dictionaries(st.sampled_from(SYMBOLS), moderate)


@st.composite
def long_only_rows(draw):
    shares = draw(st.lists(st.integers(0, 100), min_size=len(SYMBOLS), max_size=len(SYMBOLS)))
    whole = max(sum(shares), draw(st.integers(1, 200)))
    return {symbol: share / whole for symbol, share in zip(SYMBOLS, shares, strict=True) if share}


@given(st.lists(st.tuples(quantities, prices), max_size=40), st.integers(1, 1000), prices)
def test_profit_is_cash_flow_plus_market_value(fills, multiplier, last):
    position, cash = Position("A", multiplier=multiplier), 0
    for quantity, price in fills:
        position = position.apply_fill(quantity, price)
        cash -= quantity * price * multiplier
    assert position.realized_pnl + position.unrealized_pnl(last) == cash + position.market_value(last)
    if position.is_flat:
        assert (position.realized_pnl, position.total_cost) == (cash, 0)


@given(st.lists(st.tuples(quantities, prices), min_size=1, max_size=40))
def test_average_lies_between_the_prices_paid(fills):
    position = Position("A")
    for quantity, price in fills:
        position = position.apply_fill(quantity, price)
    low, high = min(price for _, price in fills), max(price for _, price in fills)
    if not position.is_flat:
        # every partial close rounds the basis by at most half a cent
        slack = len(fills) / abs(position.quantity)
        assert low - slack <= position.avg_entry_price <= high + slack


@given(quantities, prices, st.data())
def test_closing_a_part_keeps_the_average(quantity, price, data):
    position = Position("A").apply_fill(quantity, price)
    part = data.draw(st.integers(1, abs(quantity)))
    after = position.apply_fill(part if quantity < 0 else -part, data.draw(prices))
    assert after.is_flat or after.avg_entry_price == price


@settings(deadline=None)
@given(
    st.integers(1, 10**8),
    costs,
    st.lists(st.tuples(long_only_rows(), price_rows, price_rows), min_size=1, max_size=4),
    st.sampled_from([1, 100]),
    st.sampled_from(["target", "trade"]),
)
def test_a_long_only_portfolio_never_owes_cash(cash, cost_model, periods, lot_size, rounding):
    instruments = {symbol: Instrument(symbol, lot_size=lot_size) for symbol in SYMBOLS}
    book = Portfolio(cash, cost_model, instruments=instruments, rounding=rounding)
    seen = set()
    for targets, opening, closing in periods:
        seen |= opening.keys()
        book.rebalance_simple({s: w for s, w in targets.items() if s in seen}, opening)
        assert book.cash >= 0
        seen |= closing.keys()
        book.record_return(closing)
        assert book.cash >= 0
        assert all(position.quantity >= 0 for position in book.positions().values())
        assert book.equity_curve()[-1] >= 0


@settings(deadline=None)
@given(
    costs,
    st.lists(
        st.tuples(st.dictionaries(st.sampled_from(SYMBOLS), st.floats(-1.5, 1.5)), st.tuples(*[moderate] * 4)),
        min_size=1,
        max_size=4,
    ),
)
def test_equity_is_cash_and_profit(cost_model, periods):
    start = 10**8
    book, paid = Portfolio(start, cost_model), 0
    for targets, row in periods:
        now = dict(zip(SYMBOLS, row, strict=True))
        paid += sum(fill.cost for fill in book.rebalance_simple(targets, now))
        before = book.cash
        book.record_return(now)
        paid += before - book.cash
    profit = sum(p.realized_pnl + p.unrealized_pnl(now[s]) for s, p in book.positions().items())
    assert book.total_equity(now) == start + profit - paid == book.equity_curve()[-1]


@settings(deadline=None)
@given(st.lists(st.tuples(long_only_rows(), st.tuples(*[moderate] * 4)), max_size=5), costs)
def test_a_saved_portfolio_goes_on_as_it_was(tmp_path_factory, periods, cost_model):
    book = Portfolio(10**8, cost_model)
    for targets, row in periods:
        now = dict(zip(SYMBOLS, row, strict=True))
        book.rebalance_simple(targets, now)
        book.record_return(now)
    path = tmp_path_factory.mktemp("book") / "book.json"
    book.save_json(path)
    loaded = Portfolio.load_json(path)
    assert loaded.positions() == book.positions()
    assert loaded.returns().tolist() == book.returns().tolist()
    assert loaded.cash == book.cash
