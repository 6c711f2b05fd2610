"""A strategy asked bar by bar and a schedule of the same weights end with the same cents."""

import numpy as np
import pytest

from nanodesk.backtest.callback import run_backtest
from nanodesk.portfolio.costs import CostModel

weights = pytest.importorskip("nanodesk.backtest.weights")


def random_case(seed, *, long_only):
    rng = np.random.default_rng(seed)
    n, symbols = int(rng.integers(2, 40)), int(rng.integers(1, 8))
    prices = np.maximum(1, 1000 * np.exp(np.cumsum(rng.normal(0, 0.03, (n, symbols)), axis=0))).astype(np.int64)
    target = rng.random((n, symbols)) * (rng.random((n, symbols)) < 0.7)
    if long_only:
        target /= np.maximum(target.sum(axis=1, keepdims=True), rng.choice([1.0, 1.5]))
    else:
        target *= rng.choice([-0.4, 0.5], (n, symbols))
    costs = CostModel(
        commission_bps=float(rng.choice([0.0, 7.5, 30.0])),
        commission_per_share=float(rng.choice([0.0, 0.005])),
        min_commission=float(rng.choice([0.0, 1.0, 20.0])),
        half_spread_bps=float(rng.choice([0.0, 3.0])),
        borrow_bps_year=0.0 if long_only else 400.0,
    )
    return prices, target, int(rng.integers(10_000, 10_000_000)), costs


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("long_only", [True, False])
def test_equity_is_the_same_to_the_cent(seed, long_only):
    prices, target, cash, costs = random_case(seed, long_only=long_only)
    names = [f"S{i}" for i in range(prices.shape[1])]
    bars = [dict(zip(names, row.tolist(), strict=True)) for row in prices]
    answer = [list(zip(names, row.tolist(), strict=True)) for row in target]
    slow = run_backtest(lambda bar, *_: answer[bar], bars, cash, costs).portfolio
    fast = weights.backtest_weights(
        target, prices, symbols=names, cash=cash / 100, costs=costs, fill="same_close", price_scale=100
    )
    assert slow.equity_curve()[1:].tolist() == np.rint(fast.equity * 100).astype(np.int64).tolist()
    np.testing.assert_array_equal(slow.returns(), fast.returns)
    held = [slow.position(name).quantity if slow.position(name) else 0 for name in names]
    assert held == fast.holdings[-1].tolist()
    assert slow.cash == round(fast.cash[-1] * 100)
