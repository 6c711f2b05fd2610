"""What a weights backtest hands back: fields, keys, frames, pickles, and what is computed late."""

import pickle
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from nanodesk.backtest.result import BacktestResult, StopTable, TradeTable
from nanodesk.backtest.stops import Stops
from nanodesk.backtest.weights import backtest_weights
from nanodesk.metrics.performance import compute_metrics
from nanodesk.portfolio.costs import CostModel

CLOSES = np.array([[10.0, 20.0], [11.0, 19.0], [8.0, 21.0]])
DATES = np.array(["2024-01-02", "2024-01-03", "2024-01-05"], dtype="datetime64[D]")


@pytest.fixture
def result():
    return backtest_weights(
        [[0.5, 0.5]] * 3,
        CLOSES,
        dates=DATES,
        symbols=["A", "B"],
        cash=1000,
        costs=CostModel(commission_bps=10),
        fill="same_close",
        stops=Stops(fixed_pct=0.1),
    )


class TestBacktestResult:
    def test_attributes_and_keys_are_the_same(self, result):
        assert set(result) == {*result.keys()}
        assert result["equity"] is result.equity
        assert len(result) == len(list(result))
        with pytest.raises(KeyError):
            result["sharpe"]

    def test_returns_compound_to_the_equity(self, result):
        assert np.allclose(1000 * np.cumprod(1 + result.returns), result.equity)

    def test_metrics_are_those_of_the_returns(self, result):
        assert result.metrics == compute_metrics(result.returns)

    def test_holdings_times_prices_and_cash_are_equity(self, result):
        assert np.allclose((result.holdings * CLOSES).sum(axis=1) + result.cash, result.equity)
        assert np.allclose((result.weights * result.equity[:, None]), result.holdings * CLOSES)

    def test_turnover_is_half_of_what_is_traded(self, result):
        traded = np.bincount(result.trades.row, weights=result.trades.notional, minlength=3)
        before = np.concatenate([[1000], result.equity[:-1]])
        assert np.allclose(result.turnover, traded / 2 / before)

    def test_costs_by_kind_sum_to_the_costs_of_trades(self, result):
        paid = sum(result.costs.values())
        assert np.allclose(paid, np.bincount(result.trades.row, weights=result.trades.cost, minlength=3))

    def test_frame(self, result):
        frame = result.to_polars()
        assert frame.columns == [
            "date", "equity", "cash", "return", "turnover",
            "cost_commission", "cost_spread", "cost_impact", "cost_borrow",
        ]  # fmt: skip
        assert frame["equity"].to_list() == result.equity.tolist()
        assert frame["date"].dtype == pl.Date

    def test_pickle_keeps_everything(self, result):
        again = pickle.loads(pickle.dumps(result))  # noqa: S301 (our own bytes)
        for name in ("equity", "holdings", "weights", "symbol_returns", "turnover"):
            np.testing.assert_array_equal(getattr(again, name), getattr(result, name))
        assert again.metrics == result.metrics
        assert again.trades.price.tolist() == result.trades.price.tolist()

    def test_replace_takes_values(self, result):
        assert replace(result, weights=np.zeros((3, 2))).weights.sum() == 0

    def test_fields_may_be_functions_that_run_once(self):
        calls = []

        def weights():
            calls.append(1)
            return np.ones((1, 1))

        one = np.ones(1)
        made = BacktestResult(
            dates=DATES[:1], symbols=("A",), initial_cash=1.0, equity=one, cash=one, returns=one,
            holdings=np.ones((1, 1)), weights=weights, symbol_returns=np.ones((1, 1)), trades=None, stop_events=None,
            costs={}, turnover=one, metrics=compute_metrics(one),
        )  # fmt: skip
        assert not calls
        assert made.weights is made.weights
        assert calls == [1]

    def test_is_frozen(self, result):
        with pytest.raises(AttributeError):
            result.equity = None


class TestTradeTable:
    def test_frame_names_dates_symbols_and_reasons(self, result):
        frame = result.trades.to_polars(result.dates, result.symbols)
        assert frame.columns == ["date", "symbol", "quantity", "price", "notional", "cost", "reason"]
        assert frame["reason"].unique().sort().to_list() == ["fixed_stop", "rebalance"]
        assert frame.row(0)[1:4] == ("A", 49.0, 10.0)  # one share less, to pay the commission
        assert len(frame) == len(result.trades)

    def test_fields_are_required(self):
        with pytest.raises(TypeError, match="missing"):
            TradeTable(row=np.zeros(0))


class TestStopTable:
    def test_frame(self, result):
        frame = result.stop_events.to_polars(result.dates, result.symbols)
        assert isinstance(result.stop_events, StopTable)
        assert frame.select("symbol", "trigger_price", "exit_price", "reason").rows() == [("A", 9.0, 8.0, "fixed_stop")]


class TestExactLedger:
    def test_books_close_in_integers(self, result):
        exact = result.exact
        value = (exact.holdings * (CLOSES * exact.price_scale).astype(np.int64)).sum(axis=1)
        assert (exact.cash + value == exact.equity).all()
        assert exact.money_scale == 10_000
        assert (exact.trade_quantity * exact.trade_price).sum() + exact.trade_cost.sum() == (
            exact.initial_cash - exact.cash[-1]
        )
