import copy
import json
import math
import pickle
from typing import Any

import pytest

from nanodesk.compat.nanobook import CostModel, backtest_weights, run_backtest, sweep_equal_weight

WEIGHTS = [[("A", 0.5), ("B", 0.5)], [("A", 0.3), ("C", 0.7)]]
PRICES = [[("A", 18500), ("B", 37000)], [("A", 19000), ("B", 38000), ("C", 60000)]]
KEYS = ["returns", "equity_curve", "final_cash", "metrics", "holdings", "symbol_returns", "stop_events"]


def result(**options: Any) -> Any:
    return backtest_weights(WEIGHTS, PRICES, 100_000_000, 15, **options)


def one(*prices: int, weight: float = 1.0, **stops: float) -> Any:
    return backtest_weights([[("A", weight)]] * len(prices), [[("A", p)] for p in prices], 1_000_000, 0, stop_cfg=stops)


class TestBacktestWeights:
    def test_example_of_the_specification(self) -> None:
        found = one(10000, 11000, 10300, 10900, trailing_stop_pct=0.05)
        assert found["returns"] == [0.0, 0.1, pytest.approx(-0.0636363636), 0.0]
        assert found["stop_events"] == [
            {"period_index": 2, "symbol": "A", "trigger_price": 10450, "exit_price": 10300, "reason": "trailing"}
        ]
        assert found["final_cash"] == 5400

    def test_stopped_symbol_is_bought_again_at_once(self) -> None:
        found = one(10000, 9400, 9000, fixed_stop_pct=0.05)
        assert [len(row) for row in found["holdings"]] == [1, 0, 1]

    def test_missing_price_keeps_the_last_one(self) -> None:
        found = backtest_weights([[("A", 0.5)]] * 3, [[("A", 100)], [], [("A", 110)]], 100_000, 0)
        assert found["equity_curve"] == [100_000, 100_000, 100_000, 105_000]
        assert found["holdings"][1] == [("A", 0.5)]
        assert found["symbol_returns"][1] == []

    def test_price_of_zero_is_a_missing_price(self) -> None:
        rows = [[("A", 100)], [("A", 0)], [("A", 110)]]
        found = backtest_weights([[("A", 0.5)]] * 3, rows, 100_000, 0)
        assert found["equity_curve"] == [100_000, 100_000, 100_000, 105_000]
        assert [math.isnan(row[0][1]) for row in found["symbol_returns"]] == [True, True, True]

    def test_stop_survives_a_gap_in_the_prices(self) -> None:
        rows = [[("A", 100)], [], [("A", 50)]]
        found = backtest_weights([[("A", 0.5)]] * 3, rows, 100_000, 0, stop_cfg={"fixed_stop_pct": 0.1})
        assert [event["period_index"] for event in found["stop_events"]] == [2]

    def test_symbol_that_never_has_a_price_is_passed_over(self) -> None:
        found = backtest_weights([[("A", 0.5), ("X", 0.5)]], [[("A", 100)]], 100_000, 0)
        assert found["holdings"] == [[("A", 0.5)]]

    def test_rows_are_sorted_by_symbol(self) -> None:
        found = backtest_weights([[("Z", 0.5), ("A", 0.2)]], [[("Z", 100), ("A", 90)]], 100_000, 0)
        assert [name for name, _ in found["holdings"][0]] == ["A", "Z"]
        assert [name for name, _ in found["symbol_returns"][0]] == ["A", "Z"]

    def test_repeated_symbol_counts_once_with_its_last_value(self) -> None:
        found = backtest_weights([[("A", 0.5), ("A", 0.2)]], [[("A", 100), ("A", 90)]], 90_000, 0)
        assert found["holdings"] == [[("A", 0.2)]]

    def test_lost_equity_gives_no_returns(self) -> None:
        # Sold short for three times the equity, and the price doubles.
        found = one(100, 200, 150, weight=-3.0)
        assert len(found["equity_curve"]) == 4
        assert len(found["returns"]) == 2
        assert found["returns"][1] < -1.0

    def test_events_of_a_period_are_sorted_by_symbol(self) -> None:
        rows = [[("Z", 100), ("A", 100)], [("Z", 50), ("A", 50)]]
        targets = [[("Z", 0.5), ("A", 0.5)]] * 2
        found = backtest_weights(targets, rows, 100_000, 0, stop_cfg={"fixed_stop_pct": 0.1})
        assert [event["symbol"] for event in found["stop_events"]] == ["A", "Z"]

    def test_absurd_gross_weight_is_refused(self) -> None:
        with pytest.raises(ValueError, match="max_gross"):
            one(100, weight=1e7)

    def test_pairs_may_be_lists(self) -> None:
        assert backtest_weights([[["A", 1.0]]], [[["A", 100]]], 1000, 0)["equity_curve"] == [1000, 1000]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((WEIGHTS, PRICES[:1], 100, 5), "2 periods and price_schedule 1"),
            ((WEIGHTS, PRICES, 0, 5), "initial_cash=0"),
            ((WEIGHTS, PRICES, 100, 10_001), "cost_bps=10001"),
            (([[("A", math.nan)]], [[("A", 5)]], 100, 5), "weight_schedule\\[0\\]"),
            (([[("A", 1.0)]], [[("A", -5)]], 100, 5), "negative price"),
        ],
    )
    def test_invalid_input_is_an_empty_result_or_an_error(self, arguments: Any, message: str) -> None:
        found = backtest_weights(*arguments)
        assert (found["returns"], found["equity_curve"], found["metrics"]) == ([], [arguments[2]], None)
        with pytest.raises(ValueError, match=message):
            backtest_weights(*arguments, strict=True)

    def test_empty_schedules_are_not_an_error(self) -> None:
        assert backtest_weights([], [], 100, 5, strict=True)["equity_curve"] == [100]

    @pytest.mark.parametrize(("cash", "price"), [(2**62, 100), (10**12, 1)])
    def test_ledger_is_exact_or_refuses(self, cash: int, price: int) -> None:
        if cash > 2**60:
            with pytest.raises(OverflowError):
                backtest_weights([[("A", 1.0)]], [[("A", price)]], cash, 0)
        else:
            assert backtest_weights([[("A", 1.0)]], [[("A", price)]], cash, 0)["equity_curve"] == [cash, cash]


class TestWeightsResult:
    def test_is_a_dict_with_the_published_keys(self) -> None:
        found = result()
        assert isinstance(found, dict)
        assert list(found) == KEYS == list(found.keys())
        assert len(found) == len(KEYS)
        assert "holdings" in found

    def test_attributes_are_keys(self) -> None:
        found = result()
        assert found.metrics.sharpe == found["metrics"].sharpe
        assert found.holdings is found["holdings"]
        with pytest.raises(AttributeError):
            _ = found.nothing

    @pytest.mark.parametrize(
        "read",
        [
            lambda found: dict(found),
            lambda found: {**found},
            lambda found: {} | found,
            lambda found: found | {},
            lambda found: dict(found.items()),
            lambda found: dict(zip(found, found.values(), strict=True)),
            lambda found: {key: found.get(key) for key in found},
            lambda found: {key: found.pop(key) for key in list(found)},
            lambda found: found.copy(),
            lambda found: copy.copy(found),
            lambda found: copy.deepcopy(found),
            lambda found: pickle.loads(pickle.dumps(found)),  # noqa: S301
            lambda found: (lambda **keys: keys)(**found),
            lambda found: dict.fromkeys(KEYS) | found,
        ],
    )
    def test_no_way_of_reading_sees_an_unfinished_value(self, read: Any) -> None:
        found = read(result())
        assert found["holdings"] == result()["holdings"]
        assert [len(row) for row in found["symbol_returns"]] == [2, 3]

    def test_prints_finished_values(self) -> None:
        assert "'holdings': [[('A', " in repr(result())

    def test_update_of_another_dict(self) -> None:
        other: dict[str, Any] = {}
        other.update(result())
        assert other["holdings"] == result()["holdings"]

    def test_to_json(self) -> None:
        found = result()
        del found["metrics"]
        assert json.loads(json.dumps(found))["holdings"][0][0][0] == "A"

    def test_equality_compares_finished_values(self) -> None:
        assert one(100, 100) != one(100, 110)
        left, right = one(100), one(100)
        left["symbol_returns"] = right["symbol_returns"] = []
        left["metrics"] = right["metrics"] = None
        assert left == right
        assert left == dict(right)

    def test_value_may_be_replaced_before_it_was_read(self) -> None:
        found = result()
        found["holdings"] = "mine"
        assert found["holdings"] == "mine"
        del found["symbol_returns"]
        assert "symbol_returns" not in found

    def test_unknown_keys(self) -> None:
        found = result()
        assert found.get("nothing", 5) == 5
        with pytest.raises(KeyError):
            found["nothing"]


class TestRunBacktest:
    bars = ({"A": 100}, {"A": 110}, {"A": 120})

    def test_strategy_sees_the_bar_and_a_copy_of_the_portfolio(self) -> None:
        seen = []

        def strategy(bar: int, prices: dict[str, int], portfolio: Any) -> Any:
            seen.append((bar, dict(prices), portfolio.cash))
            prices["A"] = 1
            portfolio.rebalance_simple([("A", 1.0)], [("A", 1)])
            return [("A", 0.5)]

        run_backtest(strategy, list(self.bars), 1000, CostModel.zero())
        assert seen[:2] == [(0, {"A": 100}, 1000), (1, {"A": 110}, 500)]

    @pytest.mark.parametrize("answer", [None, {"A": 0.5}, [["A", 0.5]], [("A", "x")], iter([("A", 0.5)])])
    def test_wrong_answer_sells_everything_and_is_logged(self, answer: Any, caplog: pytest.LogCaptureFixture) -> None:
        with pytest.warns(RuntimeWarning, match="bar [12]"):
            found = run_backtest(
                lambda bar, *_: [("A", 1.0)] if bar == 0 else answer, list(self.bars), 1000, CostModel.zero()
            )
        assert found.portfolio.positions()["A"].quantity == 0
        assert caplog.records[0].bar_index == 1
        with pytest.raises((TypeError, ValueError)):
            run_backtest(lambda *_: answer, list(self.bars), 1000, CostModel.zero(), on_error="raise")

    def test_error_in_the_strategy_sells_everything_and_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        def strategy(bar: int, *_: Any) -> Any:
            if bar == 1:
                raise RuntimeError("boom")
            return [("A", 1.0)]

        with pytest.warns(RuntimeWarning, match=r"bar 1.*boom"):
            found = run_backtest(strategy, list(self.bars), 1000, CostModel.zero())
        assert found.portfolio.equity_curve() == [1000, 1000, 1100, 1100]
        assert "boom" in caplog.text
        with pytest.raises(RuntimeError, match="boom"):
            run_backtest(strategy, list(self.bars), 1000, CostModel.zero(), on_error="raise")

    def test_an_interrupt_is_not_swallowed(self) -> None:
        def strategy(*_: Any) -> Any:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run_backtest(strategy, list(self.bars), 1000, CostModel.zero())

    def test_long_symbols_are_dropped(self) -> None:
        found = run_backtest(lambda *_: [("TOOLONGSYM", 0.5), ("A", 0.5)], list(self.bars), 1000, CostModel.zero())
        assert list(found.portfolio.positions()) == ["A"]

    def test_unknown_way_with_errors(self) -> None:
        with pytest.raises(ValueError, match="on_error"):
            run_backtest(lambda *_: [], [], 1000, CostModel.zero(), on_error="hide")


class TestSweepEqualWeight:
    def test_one_answer_a_parameter(self) -> None:
        found = sweep_equal_weight(3, [[("A", 100)], [("A", 110)]], 1000)
        assert [metrics.num_periods for metrics in found if metrics is not None] == [2, 2, 2]

    def test_no_bars_no_metrics(self) -> None:
        assert sweep_equal_weight(2, [], 100) == [None, None]
