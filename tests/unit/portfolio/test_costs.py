import math
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest

from nanodesk.errors import PriceError, ValidationError
from nanodesk.portfolio.costs import CostModel


def exact(notional, bps):
    return int((Decimal(notional) * Decimal(repr(bps)) / 10_000).quantize(Decimal(1), ROUND_HALF_UP))


class TestCostModel:
    @pytest.mark.parametrize("field", ["commission_bps", "min_commission", "borrow_bps_year"])
    @pytest.mark.parametrize("value", [-1, math.nan, math.inf, "1", True, None])
    def test_refuses_what_is_no_cost(self, field, value):
        with pytest.raises(ValidationError, match=field):
            CostModel(**{field: value})


class TestCommissionCents:
    def test_agrees_with_exact_arithmetic(self):
        rng = np.random.default_rng(0)
        for _ in range(2000):
            notional, bps = int(rng.integers(1, 10**12)), float(rng.integers(0, 400)) / 4
            assert CostModel(commission_bps=bps).commission_cents(1, notional) == exact(notional, bps)

    def test_rounds_half_up(self):
        # 1 000 at 5 bps is half a cent
        assert CostModel(commission_bps=5).commission_cents(1, 1_000) == 1
        assert CostModel(commission_bps=5).commission_cents(1, 999) == 0

    def test_per_share_and_minimum(self):
        model = CostModel(commission_per_share=0.005, min_commission=1.0)
        assert model.commission_cents(-1000, 10**6) == 500
        assert model.commission_cents(10, 10**6) == 100

    def test_nothing_traded_costs_nothing(self):
        assert CostModel(min_commission=1.0).commission_cents(0, 0) == 0

    def test_refuses_what_no_double_holds(self):
        with pytest.raises(PriceError):
            CostModel(commission_bps=1).commission_cents(1, 10**400)


class TestSpreadCents:
    def test_is_its_share_of_the_notional(self):
        assert CostModel(half_spread_bps=1.5).spread_cents(1_000_000) == 150


class TestImpactCents:
    def test_grows_with_the_root_of_the_size(self):
        model = CostModel(impact_coef=1.0)
        once = model.impact_cents(100, 10**8, volatility=0.01, average_volume=10_000)
        assert model.impact_cents(400, 10**8, volatility=0.01, average_volume=10_000) == 2 * once == 200_000

    def test_unknown_volume_counts_as_a_whole_session(self):
        model = CostModel(impact_coef=1.0)
        assert model.impact_cents(7, 10**6, volatility=0.02, average_volume=0.0) == 20_000


class TestBorrowCents:
    def test_a_year_costs_the_yearly_rate(self):
        assert 252 * CostModel(borrow_bps_year=100).borrow_cents(25_200_000) == 252_000

    def test_sign_does_not_matter(self):
        assert CostModel(borrow_bps_year=252).borrow_cents(-1_000_000) == 100


class TestTradeCostCents:
    def test_each_kind_is_rounded_on_its_own(self):
        # two halves of a cent make two cents, as the parts are printed
        assert CostModel(commission_bps=5, half_spread_bps=5).trade_cost_cents(1, 1_000) == 2

    def test_nothing_traded_costs_nothing(self):
        assert CostModel(min_commission=1.0).trade_cost_cents(0, 0) == 0
