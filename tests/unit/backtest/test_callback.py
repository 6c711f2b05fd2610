import math

import pytest

from nanodesk.backtest.callback import run_backtest
from nanodesk.errors import PriceError, ShapeError, ValidationError, WeightsError
from nanodesk.metrics.performance import compute_metrics
from nanodesk.portfolio.costs import CostModel
from nanodesk.portfolio.portfolio import Portfolio
from nanodesk.strategies.equal_weight import EqualWeight

FREE = CostModel()
BARS = [{"A": 100, "B": 50}, {"A": 110, "B": 50}, {"A": 99, "B": 55}]


def half_in_a(bar_index, prices, portfolio):
    return [("A", 0.5)]


class TestRunBacktest:
    def test_example_of_the_seeds(self):
        result = run_backtest(
            strategy=lambda bar, prices, portfolio: [("AAPL", 0.5), ("GOOG", 0.5)],
            price_series=[{"AAPL": 150_00, "GOOG": 280_00}] * 252,
            initial_cash=1_000_000_00,
            cost_model=FREE,
        )
        assert result.metrics.num_periods == 252
        assert result.metrics.total_return == 0.0

    def test_trades_at_the_bar_that_the_strategy_saw(self):
        result = run_backtest(half_in_a, BARS, 10_000, CostModel(commission_bps=100))
        # 50 at 100 for a fee of 50; at 110, half of 10450 is 47 shares: 3 sold for 330 less a fee of 3
        assert result.portfolio.equity_curve().tolist() == [10_000, 9_950, 10_447, 9_927]
        assert result.portfolio.returns()[0] == -0.005

    def test_is_read_by_attribute_and_by_key(self):
        result = run_backtest(half_in_a, BARS, 10_000, FREE, 12.0, 0.001)
        assert list(result) == ["portfolio", "metrics", "failures"]
        assert result["portfolio"] is result.portfolio
        assert len(result) == 3
        expected = compute_metrics(result.portfolio.returns(), periods_per_year=12.0, risk_free=0.001)
        assert result["metrics"] == expected
        with pytest.raises(KeyError):
            result["sharpe"]

    def test_a_strategy_object_is_asked_by_its_method(self):
        result = run_backtest(EqualWeight(), BARS, 10_000, FREE)
        assert dict(result.portfolio.current_weights(BARS[-1])) == pytest.approx({"A": 0.5, "B": 0.5}, abs=0.02)

    def test_the_strategy_gets_copies(self):
        def vandal(bar_index, prices, portfolio):
            prices["A"] = 1
            portfolio.rebalance_simple([("A", 1.0)], prices)
            portfolio.record_return({"A": 1})
            return [("B", 0.5)]

        honest = run_backtest(lambda *_: [("B", 0.5)], BARS, 10_000, FREE)
        vandalised = run_backtest(vandal, BARS, 10_000, FREE)
        assert vandalised.portfolio.equity_curve().tolist() == honest.portfolio.equity_curve().tolist()

    def test_the_strategy_sees_no_later_bar(self):
        seen = []

        def watcher(bar_index, prices, portfolio):
            seen.append((bar_index, dict(prices), len(portfolio.returns())))
            return []

        run_backtest(watcher, BARS, 10_000, FREE)
        assert seen == [(i, bar, i) for i, bar in enumerate(BARS)]

    def test_a_bar_without_a_price_carries_the_last(self):
        result = run_backtest(half_in_a, [BARS[0], {"B": 50}, BARS[2]], 10_000, FREE)
        assert result.portfolio.equity_curve().tolist() == [10_000, 10_000, 10_000, 9_950]

    def test_bars_may_be_lists_of_pairs(self):
        pairs = run_backtest(half_in_a, [list(bar.items()) for bar in BARS], 10_000, FREE)
        mappings = run_backtest(half_in_a, BARS, 10_000, FREE)
        assert pairs.metrics == mappings.metrics

    def test_errors_get_out_with_the_bar(self):
        # WEAK 5 of the peer: it printed them and closed everything
        def fails_later(bar_index, prices, portfolio):
            return [("A", 1 / (1 - bar_index))]

        with pytest.raises(ZeroDivisionError) as caught:
            run_backtest(fails_later, BARS, 10_000, FREE)
        assert caught.value.__notes__ == ["in bar 1 of the backtest"]

    @pytest.mark.parametrize("answer", [None, 3, ["A"], [("A", math.nan)], [("A", 0.1), ("A", 0.1)], [("Z", 0.1)]])
    def test_nonsense_is_an_error(self, answer):
        with pytest.raises(ValidationError):
            run_backtest(lambda *_: answer, BARS, 10_000, FREE)

    @pytest.mark.parametrize("answer", [None, "nonsense", [("A", math.nan)], ZeroDivisionError("oh")])
    def test_flat_closes_everything_and_remembers(self, answer):
        def fails_in_bar_one(bar_index, prices, portfolio):
            if bar_index != 1:
                return [("A", 1.0)]
            if isinstance(answer, Exception):
                raise answer
            return answer

        result = run_backtest(fails_in_bar_one, BARS, 10_000, FREE, on_error="flat")
        assert [failure.bar_index for failure in result.failures] == [1]
        expected = type(answer) if isinstance(answer, Exception) else WeightsError
        assert isinstance(result.failures[0].error, expected)
        # sold at 110, bought again at 99
        assert result.portfolio.equity_curve().tolist() == [10_000, 10_000, 11_000, 11_000]

    def test_interrupts_always_get_out(self):
        def interrupted(*_):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run_backtest(interrupted, BARS, 10_000, FREE, on_error="flat")

    @pytest.mark.parametrize("price", [0, -5, math.nan, 1.5])
    def test_bad_prices_are_errors_whatever_the_option(self, price):
        for on_error in ("raise", "flat"):
            with pytest.raises(PriceError, match="'A'") as caught:
                run_backtest(half_in_a, [BARS[0], {"A": price}], 10_000, FREE, on_error=on_error)
            assert caught.value.__notes__ == ["in bar 1 of the price series"]

    def test_refuses_what_it_cannot_run(self):
        with pytest.raises(ShapeError, match="price_series"):
            run_backtest(half_in_a, [], 10_000, FREE)
        with pytest.raises(ValidationError, match="strategy"):
            run_backtest("momentum", BARS, 10_000, FREE)
        with pytest.raises(ValidationError, match="on_error"):
            run_backtest(half_in_a, BARS, 10_000, FREE, on_error="ignore")
        with pytest.raises(ValidationError, match="periods_per_year"):
            run_backtest(half_in_a, BARS, 10_000, FREE, 0.0)
        with pytest.raises(ValidationError, match="initial_cash"):
            run_backtest(half_in_a, BARS, 0, FREE)

    def test_portfolio_goes_on_after_the_backtest(self):
        result = run_backtest(half_in_a, BARS, 10_000, FREE)
        assert isinstance(result.portfolio, Portfolio)
        result.portfolio.rebalance_simple([], BARS[-1])
        assert result.portfolio.position("A").is_flat
