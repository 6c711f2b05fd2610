"""Checks 32 to 34."""

import pytest

from nanodesk.market.fixed_point import E9
from nanodesk.risk.kill_switch import KillSwitchState
from nanodesk.risk.order_flow import FlowSnapshot
from risk_scenes import account, context, free, holding, limit, units, verdict

START = {32: "day_start_equity_e9", 33: "high_water_e9"}
LIMITS = {32: ("max_daily_loss_frac", "halt_daily_loss_frac"), 33: ("max_drawdown_frac", "halt_drawdown_frac")}


def lost(number, equity, **changes):
    return context(account=account(equity_e9=units(equity)), **{START[number]: units(100_000)}, **changes)


def config(number, **changes):
    return free(**dict(zip(LIMITS[number], ("0.05", "0.1"), strict=True)), **changes)


@pytest.mark.parametrize("number", [32, 33])
class TestLoss:
    def test_equal_passes_and_beyond_fails(self, number):
        assert verdict(number, limit(), lost(number, 95_000), config(number)) == "pass"
        assert verdict(number, limit(), lost(number, "94999.999999999"), config(number)) == "fail"
        assert verdict(number, limit(), lost(number, 200_000), config(number)) == "pass"

    def test_past_the_limit_reducing_warns_until_the_halt(self, number):
        held = {"holdings": (holding("AAPL", 10),)}
        assert verdict(number, limit(side="sell"), lost(number, 94_000, **held), config(number)) == "warn"
        assert verdict(number, limit(side="sell"), lost(number, 90_000, **held), config(number)) == "warn"
        assert verdict(number, limit(side="sell"), lost(number, 89_999, **held), config(number)) == "fail"
        strict = config(number, breach_may_be_reduced=False)
        assert verdict(number, limit(side="sell"), lost(number, 94_000, **held), strict) == "fail"

    def test_past_the_halt_only_a_flattening_that_was_asked_for_goes(self, number):
        pulled = KillSwitchState(True, "me", "out", 1, may_flatten=True)
        desk = lost(number, 50_000, holdings=(holding("AAPL", 10),), kill_switch=pulled)
        assert verdict(number, limit(side="sell", reduce_only=True), desk, config(number)) == "warn"
        assert verdict(number, limit(side="sell"), desk, config(number)) == "fail"

    @pytest.mark.parametrize("start", [None, 0, -1, 1.0, float("nan"), True])
    def test_without_a_start_it_fails(self, number, start):
        assert verdict(number, limit(), context(**{START[number]: start})) == "fail"

    @pytest.mark.parametrize("equity", [None, float("nan"), float("inf"), 1e14])
    def test_without_equity_it_fails(self, number, equity):
        assert verdict(number, limit(), context(account=account(equity_e9=equity))) == "fail"


class TestBreaker:
    def test_rejects_equal_passes_and_beyond_fails(self):
        assert verdict(34, limit(), context(flow=FlowSnapshot(consecutive_rejects=5))) == "pass"
        assert verdict(34, limit(), context(flow=FlowSnapshot(consecutive_rejects=6))) == "fail"

    def test_slippage_equal_passes_and_beyond_fails(self):
        assert verdict(34, limit(), context(flow=FlowSnapshot(recent_slippage_bps_e9=100 * E9))) == "pass"
        assert verdict(34, limit(), context(flow=FlowSnapshot(recent_slippage_bps_e9=100 * E9 + 1))) == "fail"

    @pytest.mark.parametrize("field", ["consecutive_rejects", "recent_slippage_bps_e9"])
    @pytest.mark.parametrize("value", [None, float("nan"), 1.0])
    def test_no_whole_number_fails(self, field, value):
        assert verdict(34, limit(), context(flow=FlowSnapshot(**{field: value}))) == "fail"

    def test_not_told_fails(self):
        assert verdict(34, limit(), context(flow=None)) == "fail"
