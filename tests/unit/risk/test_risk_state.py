"""Checks 42 to 48."""

import pytest

from nanodesk.market.fixed_point import E9
from nanodesk.market.order import WorkingOrder
from nanodesk.market.trading_rules import TradingStatus
from nanodesk.risk.engine import RiskEngine
from nanodesk.risk.kill_switch import KillSwitchState
from nanodesk.risk.trading_state import TradingState
from risk_scenes import account, context, free, holding, limit, rules, verdict

HELD = {"holdings": (holding("AAPL", 10),)}
FLATTEN = KillSwitchState(True, "me", "fire", 1, may_flatten=True)


class TestKillSwitch:
    def test_pulled_fails(self):
        assert verdict(42, limit(), context(kill_switch=KillSwitchState(False))) == "pass"
        assert verdict(42, limit(), context(kill_switch=KillSwitchState(True, "me", "fire"))) == "fail"

    def test_not_read_fails(self):
        assert verdict(42, limit(), context(kill_switch=None)) == "fail"

    def test_flattening_warns(self):
        desk = context(kill_switch=FLATTEN, **HELD)
        assert verdict(42, limit(side="sell", reduce_only=True), desk) == "warn"
        assert verdict(42, limit(side="sell"), desk) == "fail"
        assert verdict(42, limit(side="sell", reduce_only=True, quantity=11), desk) == "fail"
        assert verdict(42, limit(reduce_only=True), desk) == "fail"

    def test_flattening_needs_leave(self):
        desk = context(kill_switch=KillSwitchState(True, "me", "fire"), **HELD)
        assert verdict(42, limit(side="sell", reduce_only=True), desk) == "fail"


class TestHalted:
    @pytest.mark.parametrize(
        "changes",
        [
            {"rules": {"AAPL": rules(status=TradingStatus.HALTED)}},
            {"halted_symbols": frozenset({"AAPL"})},
            {"halted_venues": frozenset({"paper"})},
            {"rules": {"AAPL": rules(venue="XNAS")}, "halted_venues": frozenset({"XNAS"})},
        ],
    )
    def test_symbol_or_venue_halted_fails(self, changes):
        assert verdict(43, limit(), context(**changes)) == "fail"

    def test_another_halt_passes(self):
        halts = {"halted_symbols": frozenset({"MSFT"}), "halted_venues": frozenset({"XLON"})}
        assert verdict(43, limit(), context(**halts)) == "pass"


class TestUnknownOrder:
    def test_blocked_symbol_fails(self):
        assert verdict(44, limit(), context(blocked_symbols={"AAPL": "r-0 is unknown"})) == "fail"
        assert verdict(44, limit(), context(blocked_symbols={"AAPL": ""})) == "fail"
        assert verdict(44, limit(), context(blocked_symbols={"MSFT": "x"})) == "pass"

    def test_unknown_working_order_fails(self):
        def desk(is_unknown):
            return context(working=(WorkingOrder(limit(client_order_id="w-1"), E9, is_unknown),))

        assert verdict(44, limit(), desk(True)) == "fail"
        assert verdict(44, limit(), desk(False)) == "pass"
        assert verdict(44, limit(), desk(None)) == "fail"
        assert verdict(44, limit(symbol="MSFT"), desk(True)) == "pass"


@pytest.mark.parametrize(("number", "field"), [(45, "is_reconciled"), (46, "is_stream_live")])
class TestToldFacts:
    @pytest.mark.parametrize(("fact", "expected"), [(True, "pass"), (False, "fail"), (None, "fail"), (1, "fail")])
    def test_only_true_passes(self, number, field, fact, expected):
        assert verdict(number, limit(), context(**{field: fact})) == expected


class TestTradingState:
    def test_active_passes_and_halted_fails(self):
        assert verdict(47, limit(), context(trading_state=TradingState.ACTIVE)) == "pass"
        assert verdict(47, limit(), context(trading_state=TradingState.HALTED)) == "fail"
        assert verdict(47, limit(side="sell"), context(trading_state=TradingState.HALTED, **HELD)) == "fail"

    def test_reducing_sends_what_reduces(self):
        desk = context(trading_state=TradingState.REDUCING, **HELD)
        assert verdict(47, limit(side="sell"), desk) == "pass"
        assert verdict(47, limit(side="sell", quantity=11), desk) == "fail"
        assert verdict(47, limit(), desk) == "fail"

    def test_one_order_that_does_not_reduce_fails_the_batch(self):
        desk = context(trading_state=TradingState.REDUCING, **HELD)
        report = RiskEngine(free()).check_batch([limit(side="sell"), limit(symbol="MSFT", client_order_id="r-2")], desk)
        assert report.of(47)[0].status.value == "fail"

    def test_halted_lets_an_asked_for_flattening_pass(self):
        desk = context(trading_state=TradingState.HALTED, kill_switch=FLATTEN, **HELD)
        assert verdict(47, limit(side="sell", reduce_only=True), desk) == "warn"

    @pytest.mark.parametrize("state", [None, "active", 0])
    def test_not_told_fails(self, state):
        assert verdict(47, limit(), context(trading_state=state)) == "fail"


class TestConfirmed:
    live = free(mode="live", confirm_above=1000)

    def test_paper_needs_none(self):
        assert verdict(48, limit(), context(), free(confirm_above=0)) == "pass"

    def test_live_above_the_threshold_needs_a_human(self):
        desk = context(account=account(is_live=True))
        assert verdict(48, limit(), desk, self.live) == "pass"
        assert verdict(48, limit(quantity=11), desk, self.live) == "fail"
        assert (
            verdict(48, limit(quantity=11), context(account=account(is_live=True), is_confirmed=True), self.live)
            == "pass"
        )

    @pytest.mark.parametrize("word", ["yes", 1])
    def test_only_true_confirms(self, word):
        desk = context(account=account(is_live=True), is_confirmed=word)
        assert verdict(48, limit(quantity=11), desk, self.live) == "fail"

    def test_unknown_mode_counts_as_live(self):
        desk = context(account=account(is_live=None))
        assert verdict(48, limit(quantity=11), desk, self.live) == "fail"
