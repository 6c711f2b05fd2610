import math

import numpy as np
import pytest

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.metrics.holdings import (
    annual_turnover,
    breakeven_cost_bps,
    cash_drag,
    costs_bps_per_year,
    effective_number,
    gross_exposure,
    holdings_count,
    net_exposure,
    sector_weights,
    top_share,
)

WEIGHTS = [[0.0, 0.0, 0.0], [0.5, 0.25, 0.25], [1.0, -0.5, 0.0]]


class TestGrossExposure:
    def test_counts_shorts_as_exposure(self):
        np.testing.assert_array_equal(gross_exposure(WEIGHTS), [0.0, 1.0, 1.5])

    def test_refuses_what_is_not_a_matrix(self):
        with pytest.raises(ShapeError, match="weights"):
            gross_exposure([0.5, 0.5])

    def test_names_the_cell_that_is_not_finite(self):
        with pytest.raises(ValidationError, match=r"weights\[1, 0\]=nan"):
            gross_exposure([[0.5], [math.nan]])


class TestNetExposure:
    def test_takes_shorts_off(self):
        np.testing.assert_array_equal(net_exposure(WEIGHTS), [0.0, 1.0, 0.5])


class TestHoldingsCount:
    def test_counts_longs_and_shorts(self):
        np.testing.assert_array_equal(holdings_count(WEIGHTS), [0, 3, 2])


class TestEffectiveNumber:
    def test_is_the_inverse_herfindahl_index(self):
        np.testing.assert_allclose(effective_number(WEIGHTS), [0.0, 1 / (0.25 + 0.0625 + 0.0625), 1.5**2 / 1.25])

    @pytest.mark.parametrize("scale", [0.01, 0.5, 3.0])
    def test_cash_and_leverage_do_not_concentrate(self, scale):
        np.testing.assert_allclose(effective_number(np.full((1, 8), scale / 8)), [8.0])


class TestTopShare:
    def test_of_the_largest(self):
        np.testing.assert_allclose(top_share(WEIGHTS, top=1), [0.0, 0.5, 2 / 3])

    @pytest.mark.parametrize("seed", range(5))
    def test_agrees_with_a_sort(self, seed):
        weights = np.random.default_rng(seed).normal(0, 1, (4, 30))
        expected = [sum(sorted(np.abs(row))[-10:]) / np.abs(row).sum() for row in weights]
        np.testing.assert_allclose(top_share(weights), expected)

    def test_fewer_holdings_than_asked_are_all(self):
        np.testing.assert_array_equal(top_share(WEIGHTS, top=10), [0.0, 1.0, 1.0])

    @pytest.mark.parametrize("top", [0, -1, 1.5, True])
    def test_refuses_no_holdings(self, top):
        with pytest.raises(ValidationError, match="top"):
            top_share(WEIGHTS, top=top)


class TestSectorWeights:
    def test_adds_up_to_the_net_exposure(self):
        names, net = sector_weights(WEIGHTS, ["A", "B", "C"], {"A": "tech", "C": "oil"})
        assert names == ("oil", "tech", "unknown")
        np.testing.assert_array_equal(net, [[0.0, 0.0, 0.0], [0.25, 0.5, 0.25], [0.0, 1.0, -0.5]])

    def test_refuses_names_that_do_not_match(self):
        with pytest.raises(ShapeError, match="symbols"):
            sector_weights(WEIGHTS, ["A"], {})


class TestAnnualTurnover:
    def test_is_the_mean_times_the_sessions(self):
        assert annual_turnover([0.5, 0.0, 0.0, 0.0]) == pytest.approx(31.5)


class TestCostsBpsPerYear:
    def test_is_measured_on_the_equity_before_the_session(self):
        costs = {"commission": [10.0, 0.0], "spread": [0.0, 11.0]}
        actual = costs_bps_per_year(costs, [1100.0, 1200.0], initial_equity=1000.0, periods_per_year=250)
        assert actual == pytest.approx({"commission": 1e4 * 250 * 0.005, "spread": 1e4 * 250 * 0.005})

    def test_a_session_without_equity_costs_nothing(self):
        actual = costs_bps_per_year({"borrow": [1.0, 1.0]}, [0.0, 0.0], initial_equity=1.0, periods_per_year=2)
        assert actual == {"borrow": 1e4}

    def test_refuses_another_length(self):
        with pytest.raises(ShapeError, match="commission"):
            costs_bps_per_year({"commission": [1.0]}, [1.0, 1.0], initial_equity=1.0)


class TestBreakevenCostBps:
    def test_at_that_cost_nothing_is_left(self):
        rng = np.random.default_rng(0)
        turnover = rng.random(250) * 0.1
        gross = rng.normal(0.001, 0.01, 250)
        cost_bps = breakeven_cost_bps(gross, turnover)
        net = gross - 2.0 * turnover * cost_bps / 1e4
        assert net.mean() == pytest.approx(0.0, abs=1e-15)

    def test_adds_the_costs_paid_back(self):
        # 2 bps of the equity paid on 10 % of it traded: 20 bps, and 10 bps of return are left for 100 more
        actual = breakeven_cost_bps(
            [0.001], [0.05], costs={"commission": [0.2]}, equity=[1001.0], initial_equity=1000.0
        )
        assert actual == pytest.approx(120.0)

    def test_nothing_traded(self):
        assert math.isnan(breakeven_cost_bps([0.01], [0.0]))

    def test_costs_need_equity(self):
        with pytest.raises(ValidationError, match="equity"):
            breakeven_cost_bps([0.01], [0.1], costs={"commission": [1.0]})


class TestCashDrag:
    def test_is_the_return_that_cash_missed(self):
        # all cash, then half cash
        assert cash_drag([[0.5], [0.5]], [0.01, 0.02], periods_per_year=2) == pytest.approx(0.01 + 0.5 * 0.02)

    def test_leverage_gains_what_it_borrowed_for(self):
        assert cash_drag([[2.0], [2.0]], [0.0, 0.01], periods_per_year=2) == pytest.approx(-0.01)
