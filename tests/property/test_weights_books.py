"""What holds for every weights backtest, whatever the options: books close, cash stays positive, no future is seen."""

import random

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nanodesk.errors import QuantityError
from nanodesk.market.panel import PricePanel
from reference.weights_cases import check_conservation, random_case, run_engine

NAMES = ("open", "high", "low", "close", "volume", "dividend", "split")
LENIENT = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


def run(case):
    try:
        return run_engine(case)
    except QuantityError:
        return None


def cut(result, row):
    """Everything the result says about the sessions before ``row``."""
    exact = result.exact
    n_trades = int(exact.trade_counts[:row].sum())
    stops = result.stop_events.row < row
    names = ("cash", "equity", "commission", "spread", "impact", "borrow", "income", "holdings", "trade_counts")
    parts = [getattr(exact, name)[:row] for name in names]
    parts += [exact.trades[:n_trades], result.weights[:row], result.returns[:row], result.turnover[:row]]
    return parts + [result.stop_events.exit_price[stops], result.stop_events.trigger_price[stops]]


class TestBooks:
    @LENIENT
    @given(st.randoms(use_true_random=False))
    def test_equity_is_cash_and_holdings_and_cash_is_fills_costs_and_income(self, rng):
        case = random_case(rng)
        result = run(case)
        if result is None:
            return
        check_conservation(result)
        exact = result.exact
        gain = exact.equity[-1] - exact.initial_cash
        assert gain == np.diff(exact.equity, prepend=exact.initial_cash).sum()
        values = result.weights * result.equity[:, None]
        assert np.allclose(values.sum(axis=1) + result.cash, result.equity, rtol=1e-9, atol=1e-6)

    @LENIENT
    @given(st.randoms(use_true_random=False))
    def test_a_long_only_portfolio_never_borrows(self, rng):
        case = random_case(rng) | {"reserve_costs": True}
        weights = np.abs(case["weights"])
        total = np.nansum(weights, axis=1, keepdims=True)
        case["weights"] = weights / np.maximum(total, 1.0)
        result = run(case)
        if result is not None:
            assert (result.exact.cash >= 0).all()
            assert (result.exact.holdings >= 0).all()

    @LENIENT
    @given(st.randoms(use_true_random=False))
    def test_the_future_changes_nothing_before_it(self, rng):
        # A delisting is known by the end of the data; noise may add up to any gross.
        case = random_case(rng) | {"delisting_return": None, "max_gross": 1e6}
        n_dates = len(case["weights"])
        row = rng.randint(0, n_dates)
        other = random_case(random.Random(rng.randint(0, 10**6)))
        changed = dict(case)
        noise = np.resize(other["weights"], case["weights"].shape)
        changed["weights"] = np.where(np.arange(n_dates)[:, None] >= row, noise, case["weights"])
        panel = case["prices"]
        columns = {name: getattr(panel, name) for name in NAMES if getattr(panel, name) is not None}
        future = {name: np.concatenate([m[:row], m[row:][::-1] * (2.0 if name != "split" else 1.0)])
                  for name, m in columns.items()}  # fmt: skip
        changed["prices"] = PricePanel(dates=panel.dates, symbols=panel.symbols, **future)
        before, after = run(case), run(changed)
        if before is None or after is None:
            return
        for expected, actual in zip(cut(before, row), cut(after, row), strict=True):
            np.testing.assert_array_equal(actual, expected)

    @LENIENT
    @given(st.randoms(use_true_random=False))
    def test_cutting_the_data_changes_nothing_before_the_cut(self, rng):
        case = random_case(rng) | {"delisting_return": None}
        row = rng.randint(1, len(case["weights"]))
        short = dict(case, weights=case["weights"][:row], prices=case["prices"].rows(row))
        before, after = run(case), run(short)
        if before is None or after is None:
            return
        for expected, actual in zip(cut(before, row), cut(after, row), strict=True):
            np.testing.assert_array_equal(actual, expected)

    @LENIENT
    @given(st.randoms(use_true_random=False))
    def test_the_order_of_symbols_only_orders_the_trades(self, rng):
        """Without caps and costs that couple symbols, columns may be permuted freely."""
        case = random_case(rng) | {"delisting_return": None, "reserve_costs": False}
        n_symbols = case["weights"].shape[1]
        order = list(range(n_symbols))
        rng.shuffle(order)
        panel = case["prices"]
        permuted = dict(
            case,
            weights=case["weights"][:, order],
            prices=panel.columns([panel.symbols[i] for i in order]),
            max_turnover=None,
        )
        before, after = run(case | {"max_turnover": None}), run(permuted)
        if before is None or after is None:
            return
        assert (after.exact.holdings == before.exact.holdings[:, order]).all()
        assert (after.exact.cash == before.exact.cash).all()
