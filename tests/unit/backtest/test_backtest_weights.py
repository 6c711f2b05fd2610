"""The rules of docs/backtest.md, one by one, on cases small enough to check by hand."""

import math
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nanodesk.backtest.kernels import weights as kernel
from nanodesk.backtest.result import REASONS
from nanodesk.backtest.stops import Stops
from nanodesk.backtest.weights import HOLD, backtest_weights
from nanodesk.market.panel import PricePanel
from nanodesk.portfolio.costs import CostModel

PUBLISHED = {"fill": "same_close", "reserve_costs": False, "cost_rounding": "floor", "rounding": "trade"}
NAN = math.nan


def panel(close, **columns):
    close = np.array(close, dtype=float)
    if close.ndim == 1:
        close = close[:, None]
    shaped = {name: np.array(values, dtype=float).reshape(close.shape) for name, values in columns.items()}
    return PricePanel(
        dates=np.arange(len(close)).astype("datetime64[D]"),
        symbols=tuple("ABCDEFG"[: close.shape[1]]),
        close=close,
        **shaped,
    )


def column(values):
    return np.array(values, dtype=float)[:, None]


class TestFillPolicies:
    bars = panel([10, 20, 40], open=[9, 16, 30], high=[11, 24, 44], low=[8, 12, 26])
    once = column([1.0, HOLD, HOLD])

    def shares(self, fill):
        result = backtest_weights(self.once, self.bars, cash=1200, fill=fill)
        return result.trades.row.tolist(), result.trades.price.tolist(), result.equity.tolist()

    def test_next_open_is_the_default(self):
        assert backtest_weights(self.once, self.bars, cash=1200).trades.price.tolist() == [16.0]

    def test_next_open_values_at_the_close_of_the_fill(self):
        assert self.shares("next_open") == ([1], [16.0], [1200.0, 1500.0, 3000.0])

    def test_next_close(self):
        assert self.shares("next_close") == ([1], [20.0], [1200.0, 1200.0, 2400.0])

    def test_same_close(self):
        assert self.shares("same_close") == ([0], [10.0], [1200.0, 2400.0, 4800.0])

    def test_vwap_proxy_is_the_mean_of_the_bar(self):
        rows, prices, _ = self.shares("vwap_proxy")
        assert (rows, prices) == ([1], [(16 + 24 + 12 + 20) / 4])

    def test_the_last_decision_of_a_delayed_fill_does_not_trade(self):
        assert len(backtest_weights(column([HOLD, HOLD, 1.0]), self.bars).trades) == 0


class TestHold:
    def test_a_row_of_nan_drifts_and_does_not_trade(self):
        result = backtest_weights([[0.5, 0.5], [HOLD, HOLD]], [[10.0, 10.0], [20.0, 10.0]], cash=100, fill="same_close")
        assert result.holdings.tolist() == [[5, 5], [5, 5]]
        assert result.weights[1].tolist() == [100 / 150, 50 / 150]

    def test_one_symbol_may_be_held_while_another_trades(self):
        result = backtest_weights([[0.5, 0.5], [HOLD, 0.0]], [[10.0, 10.0], [20.0, 10.0]], cash=100, fill="same_close")
        assert result.holdings[1].tolist() == [5, 0]

    def test_zero_sells(self):
        result = backtest_weights([[1.0], [0.0]], [[10.0], [20.0]], cash=100, fill="same_close")
        assert (result.holdings[1, 0], result.cash[1]) == (0, 200)


class TestQuantity:
    def test_whole_shares_truncate_toward_zero(self):
        result = backtest_weights([[0.55, -0.25]], [[10.0, 10.0]], cash=100, fill="same_close")
        assert result.holdings.tolist() == [[5, -2]]

    def test_fractions(self):
        result = backtest_weights([[0.55]], [[3.0]], cash=100, fill="same_close", quantity="fractional")
        assert result.holdings[0, 0] == 18.3333

    def test_lots(self):
        result = backtest_weights([[1.0], [0.5]], [[1.0], [1.0]], cash=95, lot_size=10, fill="same_close")
        assert result.holdings.ravel().tolist() == [90, 40]


class TestCosts:
    def test_each_kind_is_rounded_half_up_and_booked_apart(self):
        costs = CostModel(commission_bps=10, commission_per_share=0.01, half_spread_bps=5)
        result = backtest_weights([[0.5]], [[10.0]], cash=10_000, costs=costs, fill="same_close", price_scale=100)
        notional = 500 * 10.0
        assert result.costs["commission"].tolist() == [notional * 10e-4 + 500 * 0.01]
        assert result.costs["spread"].tolist() == [notional * 5e-4]
        assert result.equity[0] == 10_000 - 10 - 2.5
        assert result.trades.cost.tolist() == [12.5]

    def test_minimum_commission(self):
        result = backtest_weights([[0.5]], [[10.0]], cash=100, costs=CostModel(min_commission=3), fill="same_close")
        assert result.costs["commission"].tolist() == [3.0]

    def test_borrow_is_charged_each_session_on_shorts(self):
        result = backtest_weights(
            [[-1.0], [HOLD]],
            [[100.0], [200.0]],
            cash=10_000,
            costs=CostModel(borrow_bps_year=252),
            fill="same_close",
        )
        assert result.costs["borrow"].tolist() == [1.0, 2.0]

    def test_impact_grows_with_the_root_of_participation(self):
        closes = [100, 110, 100, 110, 100]
        bars = panel(closes, volume=[1000] * 5)
        weights = column([HOLD, HOLD, HOLD, HOLD, 1.0])
        result = backtest_weights(weights, bars, cash=25_000, costs=CostModel(impact_coef=1.0), fill="same_close")
        moves = np.log([110 / 100, 100 / 110, 110 / 100])
        shares = result.trades.quantity[0]
        expected = np.std(moves, ddof=1) * math.sqrt(shares / 1000) * shares * 100
        assert result.costs["impact"][4] == pytest.approx(expected, abs=1e-4)  # a price unit is 1e-4

    def test_costs_are_kept_back_so_that_cash_stays_positive(self):
        result = backtest_weights(
            [[0.5, 0.5]],
            [[185.0, 370.0]],
            cash=1_000_000,
            costs=CostModel(commission_bps=15, min_commission=1),
            fill="same_close",
        )
        assert 0 <= result.cash[0] < 2000

    def test_without_a_reserve_costs_may_overdraw(self):
        result = backtest_weights(
            [[1.0]], [[100.0]], cash=1000, costs=CostModel(commission_bps=100), fill="same_close", reserve_costs=False
        )
        assert result.cash[0] == -10.0

    def test_leverage_may_borrow(self):
        result = backtest_weights([[2.0]], [[100.0]], cash=1000, fill="same_close")
        assert (result.cash[0], result.holdings[0, 0]) == (-1000, 20)

    def test_sells_come_before_buys(self):
        result = backtest_weights([[0.0, 1.0], [1.0, 0.0]], [[10.0, 10.0]] * 2, cash=100, fill="same_close")
        assert result.trades.symbol.tolist() == [1, 1, 0]
        assert result.trades.quantity.tolist() == [10, -10, 10]

    def test_a_sale_that_costs_more_than_it_brings_is_left(self):
        result = backtest_weights(
            [[0.1], [0.0]], [[10.0], [10.0]], cash=12, costs=CostModel(min_commission=11), fill="same_close"
        )
        assert len(result.trades) == 0


class TestCaps:
    def test_cash_buffer(self):
        result = backtest_weights([[1.0]], [[10.0]], cash=1000, cash_buffer=0.1, fill="same_close")
        assert result.cash[0] == 100

    def test_no_trade_band_skips_small_trades_but_not_exits(self):
        closes = [[10.0, 10.0]] * 3
        weights = [[0.5, 0.02], [0.52, 0.02], [0.6, 0.0]]
        result = backtest_weights(weights, closes, cash=1000, no_trade_band=0.05, fill="same_close")
        assert result.holdings.tolist() == [[50, 0], [50, 0], [60, 0]]
        exits = backtest_weights([[0.5, 0.1], [0.5, 0.0]], closes[:2], cash=1000, no_trade_band=0.2, fill="same_close")
        assert exits.holdings.tolist() == [[50, 0], [50, 0]]
        small = backtest_weights([[0.5, 0.1], [0.5, 0.0]], closes[:2], cash=1000, no_trade_band=0.09, fill="same_close")
        assert small.holdings.tolist() == [[50, 10], [50, 0]]

    def test_turnover_cap_shrinks_all_trades_alike(self):
        result = backtest_weights([[0.6, 0.4]], [[10.0, 10.0]], cash=1000, max_turnover=0.25, fill="same_close")
        assert result.holdings.tolist() == [[30, 20]]
        assert result.turnover.tolist() == [0.25]

    def test_participation_cap_looks_at_past_volume_only(self):
        bars = panel([10, 10, 10], volume=[100, 300, 1e9])
        weights = column([HOLD, 1.0, HOLD])
        result = backtest_weights(weights, bars, max_participation=0.1, adv_window=2, fill="next_close")
        assert result.trades.quantity.tolist() == [20]

    def test_the_rest_of_a_capped_trade_is_not_carried(self):
        bars = panel([10] * 4, volume=[100] * 4)
        result = backtest_weights(column([1.0, HOLD, HOLD, HOLD]), bars, max_participation=0.1, fill="next_close")
        assert result.holdings.ravel().tolist() == [0, 10, 10, 10]


class TestMissingPrices:
    closes = np.array([[10.0, 10.0], [NAN, 10.0], [20.0, 10.0]])

    def test_a_missing_price_carries_the_last_one(self):
        result = backtest_weights([[0.5, 0.5], [HOLD] * 2, [HOLD] * 2], self.closes, cash=100, fill="same_close")
        assert result.equity.tolist() == [100, 100, 150]
        assert result.weights[1].tolist() == [0.5, 0.5]

    def test_it_is_not_traded(self):
        result = backtest_weights([[0.5, 0.5], [0.0, 0.0], [HOLD] * 2], self.closes, cash=100, fill="same_close")
        assert result.holdings[1].tolist() == [5, 0]

    def test_it_raises_by_option(self):
        with pytest.raises(ValueError, match=r"close is missing on 1970-01-02 for 'S0'.*Fill the gap"):
            backtest_weights(
                [[0.5, 0.5], [HOLD] * 2, [HOLD] * 2], self.closes, cash=100, fill="same_close", missing_price="raise"
            )

    def test_it_may_be_missing_where_nothing_is_held(self):
        result = backtest_weights(
            [[0.0, 1.0], [HOLD] * 2, [HOLD] * 2], self.closes, cash=100, fill="same_close", missing_price="raise"
        )
        assert result.equity[-1] == 100


class TestDelisting:
    closes = np.array([[10.0], [8.0], [NAN], [NAN]])
    weights = column([1.0, HOLD, HOLD, 1.0])

    def test_the_terminal_return_is_paid_on_the_next_session(self):
        result = backtest_weights(self.weights, self.closes, cash=100, fill="same_close", delisting_return=-0.5)
        assert result.equity.tolist() == [100, 80, 40, 40]
        assert (result.trades.row[1], REASONS[result.trades.reason[1]]) == (2, "delisting")

    def test_without_a_return_the_last_price_is_carried(self):
        result = backtest_weights(self.weights, self.closes, cash=100, fill="same_close")
        assert (result.equity[-1], result.holdings[-1, 0]) == (80, 10)

    def test_by_symbol(self):
        closes = np.array([[10.0, 10.0], [NAN, NAN]])
        result = backtest_weights(
            [[0.5, 0.5], [HOLD] * 2],
            closes,
            cash=100,
            symbols=["A", "B"],
            fill="same_close",
            delisting_return={"B": -1},
        )
        assert result.holdings[-1].tolist() == [5, 0]
        assert result.equity[-1] == 50


class TestCorporateActions:
    def test_a_split_multiplies_shares_and_leaves_equity(self):
        bars = panel([100, 50, 50], split=[1, 2, 1])
        result = backtest_weights(column([1.0, HOLD, HOLD]), bars, cash=1000, fill="same_close")
        assert result.holdings.ravel().tolist() == [10, 20, 20]
        assert result.equity.tolist() == [1000, 1000, 1000]
        assert result.symbol_returns[1:].ravel().tolist() == [0.0, 0.0]

    def test_the_fraction_of_a_share_is_paid_at_the_open(self):
        bars = panel([10, 31], open=[10, 30], split=[1, 1 / 3])
        result = backtest_weights(column([1.0, HOLD]), bars, cash=100, fill="same_close")
        assert result.holdings.ravel().tolist() == [10, 3]
        assert result.income.tolist() == [0, 10.0]

    def test_a_third_of_three_hundred_is_a_hundred(self):
        bars = panel([10, 30], split=[1, 1 / 3])
        result = backtest_weights(column([1.0, HOLD]), bars, cash=3000, fill="same_close")
        assert (result.holdings[1, 0], result.income[1]) == (100, 0)

    def test_dividends_go_to_holders_of_the_last_close(self):
        bars = panel([100, 99, 99], dividend=[5, 1, 0])
        result = backtest_weights(column([0.5, HOLD, HOLD]), bars, cash=1000, fill="same_close")
        assert result.income.tolist() == [0, 5, 0]
        assert result.symbol_returns[1, 0] == 0.0

    def test_shorts_pay_dividends(self):
        bars = panel([100, 100], dividend=[0, 1])
        assert backtest_weights(column([-0.5, HOLD]), bars, cash=1000, fill="same_close").income.tolist() == [0, -5]

    def test_stop_levels_follow_a_split(self):
        bars = panel([100, 49, 44], split=[1, 2, 1])
        result = backtest_weights(column([1.0, HOLD, HOLD]), bars, fill="same_close", stops=Stops(fixed_pct=0.1))
        assert result.stop_events.row.tolist() == [2]
        assert result.stop_events.trigger_price.tolist() == [45.0]


class TestPublishedSemantics:
    """Worked examples of the published wheel (spec 13.3, 0.9.3): equity once, truncated trades, floored costs."""

    def test_trailing_stop_example(self):
        prices = [[("A", p)] for p in (10000, 11000, 10300, 10900)]
        result = backtest_weights(
            [[("A", 1.0)]] * 4, prices, cash=10_000, stops=Stops(trailing_pct=0.05, atr="close_change"), **PUBLISHED
        )
        assert result.returns.tolist() == [0.0, 0.1, -0.06363636363636363, 0.0]
        assert result.exact.cash[-1] == 5400
        stops = result.stop_events
        assert (stops.row.tolist(), stops.trigger_price.tolist(), stops.exit_price.tolist()) == ([2], [104.5], [103.0])
        assert REASONS[stops.reason[0]] == "trailing_stop"

    def test_readme_example(self):
        result = backtest_weights(
            [[("AAPL", 0.5), ("MSFT", 0.5)], [("AAPL", 0.3), ("NVDA", 0.7)]],
            [[("AAPL", 185_00), ("MSFT", 370_00)], [("AAPL", 190_00), ("MSFT", 380_00), ("NVDA", 600_00)]],
            cash=1_000_000,
            costs=CostModel(commission_bps=15),
            stops=Stops(trailing_pct=0.05),
            **PUBLISHED,
        )
        assert [result.exact.initial_cash, *result.exact.equity.tolist()] == [100000000, 99850040, 102336556]
        assert result.exact.cash[-1] == -203444

    def test_trades_truncate_toward_zero(self):
        result = backtest_weights([[("A", 1.0)], [("A", 0.5)]], [[("A", 300)]] * 2, cash=100, **PUBLISHED)
        assert result.holdings.ravel().tolist() == [33, 17]


class TestLimits:
    """Nothing wraps: a test stands at each limit of 64 bits."""

    def test_money_beyond_the_ledger_is_refused(self):
        closes = np.array([[1e9], [1e9], [1.1e11]])
        with pytest.raises(ValueError, match="does not fit 64 bits"):
            backtest_weights(column([1.0, HOLD, HOLD]), closes, cash=1e13, fill="same_close")

    def test_quantity_beyond_doubles_is_refused(self):
        with pytest.raises(ValueError, match="position on 1970-01-01 for 'S0'"):
            backtest_weights([[1.0]], [[0.0001]], cash=1e13, fill="same_close")

    def test_cash_beyond_the_ledger_is_refused(self):
        with pytest.raises(ValueError, match=r"money units.*Lower price_scale"):
            backtest_weights([[1.0]], [[1.0]], cash=1e15)

    def test_just_inside_the_ledger(self):
        result = backtest_weights([[1.0]], [[1e9]], cash=1e14, fill="same_close")
        assert result.holdings[0, 0] == 1e5
        assert result.exact.equity[0] == 10**18

    def test_ruin_stops_trading(self):
        closes = [[100.0], [300.0], [300.0], [100.0]]
        result = backtest_weights([[-1.0]] * 4, closes, cash=1000, fill="same_close")
        assert result.equity[1] == -1000
        assert len(result.trades) == 1
        assert result.returns[2] == 0.0


class TestThreads:
    def test_another_thread_runs_while_the_engine_does(self, monkeypatch):
        """With a switch interval of ten seconds, only a released lock lets this thread see the engine at work."""
        closes = np.full((3000, 300), 10.0)
        inside, engine = threading.Event(), kernel.Engine

        class Watched:
            def __init__(self, *arguments):
                self.engine = engine(*arguments)

            def __getattr__(self, name):
                return getattr(self.engine, name)

            def run(self):
                inside.set()
                status = self.engine.run()
                inside.clear()
                return status

        monkeypatch.setattr(kernel, "Engine", Watched)
        weights = np.full(closes.shape, 1 / 300)
        thread = threading.Thread(target=lambda: backtest_weights(weights, closes, fill="same_close"))
        seen, interval = 0, sys.getswitchinterval()
        sys.setswitchinterval(10.0)
        try:
            thread.start()
            while thread.is_alive():
                seen += inside.is_set()
                time.sleep(0)
        finally:
            sys.setswitchinterval(interval)
        assert seen > 0

    def test_runs_in_threads_agree(self):
        rng = np.random.default_rng(3)
        closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, (500, 50)), axis=0))
        weights = rng.random(closes.shape) / 50
        alone = backtest_weights(weights, closes, fill="next_close").exact
        with ThreadPoolExecutor(4) as pool:
            runs = list(pool.map(lambda _: backtest_weights(weights, closes, fill="next_close").exact, range(8)))
        for run in runs:
            assert (run.equity == alone.equity).all()
            assert (run.trades == alone.trades).all()
