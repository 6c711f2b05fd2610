"""Types a user relies on; checked by the strict type checker, never run."""

from datetime import date
from typing import assert_type

import numpy as np
import polars as pl

from nanodesk.backtest.result import BacktestResult
from nanodesk.backtest.weights import backtest_weights
from nanodesk.market.enums import Side
from nanodesk.market.instrument import Instrument
from nanodesk.market.panel import PricePanel
from nanodesk.market.units import PriceCents, to_cents
from nanodesk.metrics.calendar_returns import yearly_returns

assert_type(to_cents(1.5), PriceCents)
assert_type(Side.parse("buy"), Side)
assert_type(Instrument("ESH4", tick_size=25).notional(100, 2), int)


def every_form_of_prices_and_weights(panel: PricePanel, frame: pl.DataFrame) -> None:
    closes, days = np.ones((2, 1)), [date(2024, 1, 2), date(2024, 1, 3)]
    pairs = [[("A", 185_00)], [("A", 186_00)]]
    assert_type(backtest_weights(closes, closes, dates=days), BacktestResult)
    assert_type(backtest_weights([[1.0], [0.5]], closes, dates=["2024-01-02", "2024-01-03"]), BacktestResult)
    assert_type(backtest_weights(frame, frame, rebalance=np.array([True, False])), BacktestResult)
    assert_type(backtest_weights(closes, panel, rebalance=days), BacktestResult)
    assert_type(backtest_weights([[("A", 1.0)], None], pairs), BacktestResult)
    yearly_returns([0.1, 0.2], days)
    yearly_returns(frame["return"], frame["date"])
