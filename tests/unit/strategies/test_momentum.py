import numpy as np
import pytest

from nanodesk.backtest.callback import run_backtest
from nanodesk.errors import ValidationError
from nanodesk.portfolio.costs import CostModel
from nanodesk.portfolio.portfolio import Portfolio
from nanodesk.strategies.base import Strategy
from nanodesk.strategies.momentum import Momentum

BOOK = Portfolio(100, CostModel())


def random_bars(seed, n=60, symbols=8):
    rng = np.random.default_rng(seed)
    paths = (10_000 * np.exp(np.cumsum(rng.normal(0, 0.02, (n, symbols)), axis=0))).astype(int)
    bars = [{f"S{i}": int(price) for i, price in enumerate(row)} for row in paths]
    for bar in bars:
        if rng.random() < 0.3:
            bar.pop(f"S{rng.integers(symbols)}")
    return bars


def answers(strategy, bars):
    return [strategy.compute_weights(i, bar, BOOK) for i, bar in enumerate(bars)]


def slow_answers(bars, top, lookback, skip, every):
    out, kept = [], []
    for i, bar in enumerate(bars):
        if i >= lookback and (i - lookback) % every == 0:
            then, lately = bars[i - lookback], bars[i - skip]
            ranked = sorted((-lately[s] / then[s], s) for s in bar if s in then and s in lately)[:top]
            kept = [(s, 1 / len(ranked)) for _, s in ranked]
        out.append(kept)
    return out


class TestMomentum:
    @pytest.mark.parametrize("seed", range(8))
    def test_agrees_with_the_whole_history_at_hand(self, seed):
        rng = np.random.default_rng(seed)
        lookback = int(rng.integers(1, 30))
        top, skip, every = int(rng.integers(1, 9)), int(rng.integers(0, lookback)), int(rng.integers(1, 6))
        bars = random_bars(seed)
        actual = answers(Momentum(top, lookback=lookback, skip=skip, rebalance_every=every), bars)
        assert actual == slow_answers(bars, top, lookback, skip, every)

    def test_later_bars_change_nothing_before(self):
        bars, other = random_bars(1), random_bars(2)
        settings = {"lookback": 10, "skip": 2, "rebalance_every": 3}
        whole = answers(Momentum(3, **settings), bars)
        for cut in (5, 20, 40):
            assert answers(Momentum(3, **settings), bars[:cut] + other[cut:])[:cut] == whole[:cut]

    def test_equal_returns_are_ordered_by_symbol(self):
        assert answers(Momentum(1, lookback=1, skip=0), [{"B": 1, "A": 1}] * 2)[1] == [("A", 1.0)]

    def test_runs_in_a_backtest(self):
        result = run_backtest(Momentum(2, lookback=10, skip=1, rebalance_every=5), random_bars(3), 10**8, CostModel())
        assert result.metrics.num_periods == 60
        assert (result.portfolio.returns()[:11] == 0.0).all()

    def test_is_a_strategy(self):
        assert isinstance(Momentum(), Strategy)

    @pytest.mark.parametrize(
        "options",
        [{"top": 0}, {"lookback": 0}, {"skip": -1}, {"skip": 252}, {"rebalance_every": 0}, {"top": 1.5}, {"top": True}],
    )
    def test_refuses_numbers_out_of_range(self, options):
        with pytest.raises(ValidationError, match=next(iter(options))):
            Momentum(**options)
