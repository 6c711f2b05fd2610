"""The numbers that tear sheet, terminal and sweep share."""

import dataclasses

import numpy as np
import pytest

from nanodesk.cli.results import summary
from nanodesk.metrics.performance import compute_metrics
from nanodesk.research.headline import (
    benchmark_headline,
    benchmark_returns,
    costs_bps_per_year,
    turnover_per_year,
)
from nanodesk.research.report import report_numbers
from sample_results import momentum_result, random_closes

DATES, SYMBOLS, CLOSES = random_closes(300)
RESULT = momentum_result(DATES, SYMBOLS, CLOSES, index=CLOSES.mean(axis=1), held=3, lookback=60)


def with_benchmark(returns):
    return dataclasses.replace(RESULT, benchmark_returns=returns)


def with_gap():
    returns = RESULT.benchmark_returns.copy()
    returns[3] = np.nan
    return with_benchmark(returns)


class TestBenchmarkReturns:
    def test_are_the_run_s_own_without_gaps(self):
        assert benchmark_returns(RESULT) == (RESULT.benchmark_returns, ())

    def test_count_a_gap_as_zero_and_say_so(self):
        returns, (note,) = benchmark_returns(with_gap())
        assert returns[3] == 0.0
        assert "no return on 1 sessions" in note

    def test_are_left_out_where_nothing_is_known(self):
        returns, (note,) = benchmark_returns(with_benchmark(np.full(len(RESULT.benchmark_returns), np.nan)))
        assert returns is None
        assert "left out" in note

    def test_are_none_without_a_benchmark(self):
        assert benchmark_returns(with_benchmark(None)) == (None, ())


class TestBenchmarkHeadline:
    def test_takes_off_the_risk_free_return_of_each_session(self):
        expected = compute_metrics(RESULT.benchmark_returns, risk_free=RESULT.risk_free)
        assert benchmark_headline(RESULT) == expected

    def test_survives_a_gap(self):
        assert benchmark_headline(with_gap()) is not None

    def test_is_none_without_a_benchmark(self):
        assert benchmark_headline(with_benchmark(None)) is None


class TestCostsBpsPerYear:
    def test_terminal_and_page_print_one_number(self):
        page = report_numbers(RESULT)["metrics"]["portfolio"]
        costs = costs_bps_per_year(RESULT)
        assert sum(costs.values()) == pytest.approx(page["costs_bps_per_year"], rel=1e-12)
        assert summary(RESULT, None)["costs_bps_year"] == costs


class TestTurnoverPerYear:
    def test_terminal_and_page_print_one_number(self):
        page = report_numbers(RESULT)["metrics"]["portfolio"]
        assert turnover_per_year(RESULT) == page["turnover_per_year"] == summary(RESULT, None)["turnover_year"]
