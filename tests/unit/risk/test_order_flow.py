from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Execution, ExecutionKind
from nanodesk.risk.engine import RiskEngine
from nanodesk.risk.order_flow import DAY_NS, MINUTE_NS, OrderFlow, Rates, order_key
from risk_scenes import NOW, context, free, limit, units


def fill(number=1, *, price=100, side=Side.BUY, kind=ExecutionKind.TRADE):
    return Execution(f"x-{number}", "r-1", "v-1", "AAPL", side, units(10), units(price), kind=kind)


class TestRates:
    def test_windows_slide(self):
        flow = OrderFlow()
        for second in range(3):
            flow.sent(limit(client_order_id=f"r-{second}"), NOW + second * E9)
        flow.message(NOW + 2 * E9)
        snapshot = flow.snapshot(NOW + 2 * E9)
        assert snapshot.orders == Rates(1, 3, 3)
        assert snapshot.messages == Rates(2, 4, 4)
        assert flow.snapshot(NOW + MINUTE_NS).orders == Rates(0, 2, 3)
        assert flow.snapshot(NOW + 2 * MINUTE_NS).orders == Rates(0, 0, 3)

    def test_a_new_day_starts_at_zero(self):
        flow, start = OrderFlow(), NOW // DAY_NS * DAY_NS
        flow.sent(limit(), start + DAY_NS - 1)
        flow.executed(fill(), start + DAY_NS - 1)
        assert flow.snapshot(start + DAY_NS - 1).orders.day == 1
        assert flow.snapshot(start + DAY_NS).orders == Rates(1, 1, 0)
        assert flow.snapshot(start + DAY_NS).traded_notional_e9 == 0


class TestMemory:
    def test_what_was_sent_is_a_duplicate(self):
        flow = OrderFlow()
        flow.sent(limit(client_order_id="r-0"), NOW)
        report = RiskEngine(free()).check_order(limit(), context(flow=flow.snapshot(NOW)))
        assert report.of(36)[0].reason == "'r-0' was the same, sent 0.000 s ago"

    def test_looks_are_forgotten_and_ids_are_not(self):
        flow = OrderFlow(recent_window_ns=E9)
        flow.sent(limit(), NOW)
        assert flow.snapshot(NOW + E9).recent == {}
        assert "r-1" in flow.snapshot(NOW + 10 * DAY_NS).used_client_ids

    def test_the_latest_of_a_look_counts(self):
        flow = OrderFlow()
        for second, name in enumerate(["a", "b"]):
            flow.sent(limit(client_order_id=name), NOW + second * E9)
        assert flow.snapshot(NOW + E9).recent == {order_key(limit()): (NOW + E9, "b")}

    def test_ids_of_the_journal(self):
        flow = OrderFlow()
        flow.remember_ids(["old-1"])
        assert "old-1" in flow.snapshot(NOW).used_client_ids


class TestFills:
    def test_count_value_and_window(self):
        flow = OrderFlow(execution_window_ns=E9)
        flow.executed(fill(1), NOW)
        flow.executed(fill(2), NOW + E9, rate_e9=2 * E9)
        snapshot = flow.snapshot(NOW + E9)
        assert snapshot.executions == {"AAPL": 1}
        assert snapshot.traded_notional_e9 == units(3000)

    def test_slippage_is_a_loss_on_either_side(self):
        flow = OrderFlow()
        flow.executed(fill(1, price=101), NOW, reference_price_e9=units(100))
        assert flow.snapshot(NOW).recent_slippage_bps_e9 == 100 * E9
        flow.executed(fill(2, price=101, side=Side.SELL), NOW, reference_price_e9=units(100))
        assert flow.snapshot(NOW).recent_slippage_bps_e9 == 0

    def test_corrections_and_busts_are_no_flow(self):
        flow = OrderFlow()
        for kind in (ExecutionKind.BUST, ExecutionKind.CORRECT):
            flow.executed(fill(kind=kind), NOW)
        assert flow.snapshot(NOW).executions == {}

    def test_rejects_in_a_row(self):
        flow = OrderFlow()
        flow.rejected()
        flow.rejected()
        assert flow.snapshot(NOW).consecutive_rejects == 2
        flow.accepted()
        assert flow.snapshot(NOW).consecutive_rejects == 0
