"""What a type checker sees of metrics, portfolio, strategies and sweeps; checked by mypy, never run."""

from concurrent.futures import ProcessPoolExecutor
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

from nanodesk.backtest.callback import CallbackResult, run_backtest
from nanodesk.backtest.sweep import SweepRow, grid, sweep
from nanodesk.metrics.performance import PerformanceMetrics, compute_metrics
from nanodesk.metrics.rolling import rolling_sharpe
from nanodesk.portfolio.costs import CostModel
from nanodesk.portfolio.portfolio import Portfolio
from nanodesk.portfolio.position import Position
from nanodesk.strategies.base import Strategy
from nanodesk.strategies.equal_weight import EqualWeight
from nanodesk.strategies.momentum import Momentum

strategies: list[Strategy] = [EqualWeight(), Momentum(5)]
bars = [{"AAPL": 150_00}, {"AAPL": 151_00}]


def half(bar_index: int, prices: dict[str, int], portfolio: Portfolio) -> list[tuple[str, float]]:
    return [(symbol, 0.5) for symbol in prices]


def window_of(parameter: dict[str, Any]) -> int:
    return int(parameter["window"])


book = Portfolio(1_000_000_00, CostModel(commission_bps=5))
book.rebalance_simple([("AAPL", 0.6)], {"AAPL": 150_00})
assert_type(book.position("AAPL"), Position | None)
assert_type(book.compute_metrics(), PerformanceMetrics | None)
assert_type(book.returns(), NDArray[np.float64])
assert_type(compute_metrics([0.1]), PerformanceMetrics)
assert_type(rolling_sharpe([0.1, 0.2], 2), NDArray[np.float64])
assert_type(run_backtest(half, bars, 100, CostModel()), CallbackResult)
assert_type(run_backtest(strategies[0], bars, 100, CostModel(), on_error="flat"), CallbackResult)
assert_type(sweep(window_of, grid(window=[1, 2])), list[SweepRow[dict[str, Any], int]])
assert_type(sweep(window_of, grid(window=[1]), executor=ProcessPoolExecutor), list[SweepRow[dict[str, Any], int]])
