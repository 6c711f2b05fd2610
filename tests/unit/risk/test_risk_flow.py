"""Checks 35 to 41."""

import dataclasses

import pytest

from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Order, OrderType, WorkingOrder
from nanodesk.risk.engine import RiskEngine
from nanodesk.risk.order_flow import FlowSnapshot, Rates, order_key
from risk_scenes import NOW, account, context, free, holding, limit, market, units, verdict


def batch_status(number, orders, desk=None, **limits):
    report = RiskEngine(free(**limits)).check_batch(orders, context() if desk is None else desk)
    return {check.status.value for check in report.of(number)}


def named(order, name):
    return dataclasses.replace(order, client_order_id=name)


class TestRates:
    @pytest.mark.parametrize("kind", ["orders", "messages"])
    @pytest.mark.parametrize("window", ["second", "minute", "day"])
    def test_equal_passes_and_beyond_fails(self, kind, window):
        desk = context(flow=FlowSnapshot(**{kind: Rates(**{window: 9})}))
        assert verdict(35, limit(), desk, free(**{f"max_{kind}_per_{window}": 10})) == "pass"
        assert verdict(35, limit(), desk, free(**{f"max_{kind}_per_{window}": 9})) == "fail"

    def test_the_whole_batch_counts(self):
        orders = [limit(), limit(symbol="MSFT", client_order_id="r-2")]
        assert batch_status(35, orders, max_orders_per_second=2) == {"pass"}
        assert batch_status(35, orders, max_orders_per_second=1) == {"fail"}

    def test_not_told_fails(self):
        assert verdict(35, limit(), context(flow=None)) == "fail"


class TestDuplicate:
    def test_within_the_window_fails_and_after_it_passes(self):
        def sent(age_ns):
            return context(flow=FlowSnapshot(recent={order_key(limit()): (NOW - age_ns, "r-0")}))

        assert verdict(36, limit(), sent(0)) == "fail"
        assert verdict(36, limit(), sent(2 * E9)) == "fail"
        assert verdict(36, limit(), sent(2 * E9 + 1)) == "pass"
        assert verdict(36, limit(quantity=11), sent(0)) == "pass"
        assert verdict(36, limit(), sent(-5)) == "fail"

    def test_an_id_is_used_once_ever(self):
        assert verdict(36, limit(), context(flow=FlowSnapshot(used_client_ids={"r-1"}))) == "fail"
        assert verdict(36, limit(), context(working=(WorkingOrder(limit(quantity=1), E9),))) == "fail"

    def test_within_the_batch(self):
        assert batch_status(36, [limit(), limit(quantity=11)]) == {"fail"}
        assert batch_status(36, [limit(), named(limit(), "r-2")]) == {"fail"}
        assert batch_status(36, [limit(), named(limit(quantity=11), "r-2")]) == {"pass"}

    def test_at_send_the_order_itself_may_be_open(self):
        desk = context(working=(WorkingOrder(limit(), limit().quantity_e9),))
        (check,) = RiskEngine(free()).check_at_send(limit(), desk).of(36)
        assert check.status.value == "pass"

    def test_not_told_fails(self):
        assert verdict(36, limit(), context(flow=None)) == "fail"


class TestRepeatedExecution:
    def test_equal_passes_and_beyond_fails(self):
        desk = context(flow=FlowSnapshot(executions={"AAPL": 10}))
        assert verdict(37, limit(), desk, free(max_executions_per_symbol=10)) == "pass"
        assert verdict(37, limit(), desk, free(max_executions_per_symbol=9)) == "fail"
        assert verdict(37, limit(symbol="MSFT"), desk, free(max_executions_per_symbol=0)) == "pass"

    def test_not_told_fails(self):
        assert verdict(37, limit(), context(flow=None)) == "fail"


class TestOpenOrders:
    desk = context(working=tuple(WorkingOrder(named(limit(quantity=1), f"w-{i}"), E9) for i in range(4)))

    def test_in_all(self):
        assert verdict(38, limit(symbol="MSFT"), self.desk, free(max_open_orders=5)) == "pass"
        assert verdict(38, limit(symbol="MSFT"), self.desk, free(max_open_orders=4)) == "fail"

    def test_of_one_symbol(self):
        assert verdict(38, limit(), self.desk, free(max_open_orders_per_symbol=5)) == "pass"
        assert verdict(38, limit(), self.desk, free(max_open_orders_per_symbol=4)) == "fail"
        assert verdict(38, limit(symbol="MSFT"), self.desk, free(max_open_orders_per_symbol=4)) == "pass"


class TestSelfMatch:
    @staticmethod
    def against(own, **changes):
        resting = dataclasses.replace(limit(side="sell", quantity=1, price=101), **changes)
        return verdict(39, own, context(working=(WorkingOrder(named(resting, "w-1"), E9),)))

    def test_prices_that_cross_fail(self):
        assert self.against(limit(price=100.99)) == "pass"
        assert self.against(limit(price=101)) == "fail"
        assert self.against(limit(price=102)) == "fail"
        assert self.against(market()) == "fail"

    def test_the_same_side_passes(self):
        assert self.against(limit(price=90, side="sell")) == "pass"

    def test_a_resting_purchase_meets_a_sale(self):
        assert self.against(limit(price=99, side="sell"), side=Side.BUY, limit_price_e9=units(98)) == "pass"
        assert self.against(limit(price=98, side="sell"), side=Side.BUY, limit_price_e9=units(98)) == "fail"

    def test_an_open_market_order_meets_everything(self):
        assert self.against(limit(price=1), order_type=OrderType.MARKET, limit_price_e9=None) == "fail"

    def test_a_stop_that_has_not_fired_does_not_rest(self):
        stop = {"order_type": OrderType.STOP, "limit_price_e9": None, "stop_price_e9": units(90)}
        assert self.against(limit(price=200), **stop) == "pass"

    def test_another_symbol_passes(self):
        assert self.against(limit(price=102, symbol="MSFT")) == "pass"


class TestRepeatedRun:
    def test_a_run_goes_once(self):
        assert verdict(40, limit(), context(run_id="2026-02-08")) == "pass"
        assert verdict(40, limit(), context(run_id="2026-02-08", completed_runs=frozenset({"2026-02-08"}))) == "fail"
        assert verdict(40, limit(), context()) == "pass"


class TestBatch:
    def test_empty_fails(self):
        assert batch_status(41, []) == {"fail"}

    def test_total_equal_passes_and_beyond_fails(self):
        orders = [limit(), limit(symbol="MSFT", client_order_id="r-2")]
        assert batch_status(41, orders, max_batch_notional=2000) == {"pass"}
        assert batch_status(41, orders, max_batch_notional=1999) == {"fail"}

    def test_count_equal_passes_and_beyond_fails(self):
        orders = [limit(), limit(symbol="MSFT", client_order_id="r-2")]
        assert batch_status(41, orders, max_batch_orders=2) == {"pass"}
        assert batch_status(41, orders, max_batch_orders=1) == {"fail"}

    def test_both_sides_of_a_symbol_fail(self):
        assert batch_status(41, [limit(), limit(side="sell", client_order_id="r-2")]) == {"fail"}

    def test_sales_come_first_when_cash_is_short(self):
        buy, sell = limit(), limit(symbol="MSFT", side="sell", client_order_id="r-2")

        def desk(cash):
            return context(account=account(buying_power_e9=units(cash)), holdings=(holding("MSFT", 10),))

        assert batch_status(41, [buy, sell], desk(999)) == {"fail"}
        assert batch_status(41, [sell, buy], desk(999)) == {"pass"}
        assert batch_status(41, [buy, sell], desk(1000)) == {"pass"}

    def test_without_a_price_fails(self):
        order = Order("r-1", "NVDA", Side.BUY, E9)
        assert batch_status(41, [order]) == {"fail"}
