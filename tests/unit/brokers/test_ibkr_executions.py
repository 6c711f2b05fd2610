"""Fills of Interactive Brokers are booked once, corrected in place, and told with their commission."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nanodesk.brokers.ibkr.executions import ExecutionTable, split_revision
from nanodesk.brokers.ibkr.messages import CommissionMessage, ExecutionMessage, TwsContract
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import ExecutionKind

FILL = ExecutionMessage(
    request_id=-1,
    order_id=5,
    contract=TwsContract("AAPL"),
    execution_id="0000e0d5.65a1.01.01",
    ts_ns=10**18,
    account="DU1",
    side=Side.BUY,
    quantity_e9=100 * E9,
    price_e9=185 * E9,
    perm_id=77,
    client_id=7,
    cumulative_e9=100 * E9,
    average_price_e9=185 * E9,
    order_ref="r-1",
)
FEE = CommissionMessage(FILL.execution_id, E9, "USD")


@pytest.fixture
def table() -> ExecutionTable:
    return ExecutionTable(lambda contract: contract.symbol, commission_wait_s=0.25)


class TestSplitRevision:
    @pytest.mark.parametrize("text", ["", ".", ".01", "a.", "a.b", "a.1x", "a.٣"])
    def test_what_has_no_revision_is_its_own_base(self, text):
        assert split_revision(text) == (text, 1)

    def test_only_the_digits_after_the_last_dot_count(self):
        assert split_revision("0000e0d5.65a1.02.03") == ("0000e0d5.65a1.02", 3)


class TestFills:
    def test_a_fill_waits_for_its_commission(self, table):
        assert table.on_execution(FILL, 0.0) == []
        [told] = table.on_commission(FEE)
        assert (told.execution_id, told.fee_e9, told.fee_currency) == ("0000e0d5.65a1.01", E9, "USD")
        assert (told.kind, told.client_order_id, told.venue_order_id) == (ExecutionKind.TRADE, "r-1", "77")

    def test_a_commission_may_come_first(self, table):
        assert table.on_commission(FEE) == []
        [told] = table.on_execution(FILL, 0.0)
        assert told.fee_e9 == E9

    def test_a_late_commission_loses_no_fill_and_corrects_the_fee(self, table):
        table.on_execution(FILL, 0.0)
        assert table.next_due_s() == 0.25
        assert table.overdue(0.2) == []
        [told] = table.overdue(0.25)
        assert (told.kind, told.fee_e9) == (ExecutionKind.TRADE, 0)
        assert table.overdue(9.0) == [] and table.next_due_s() is None
        [corrected] = table.on_commission(FEE)
        assert corrected == replace(told, kind=ExecutionKind.CORRECT, fee_e9=E9, fee_currency="USD")

    def test_trap_4_repeats_of_fills_and_of_commissions_are_told_once(self, table):
        table.on_execution(FILL, 0.0)
        table.on_commission(FEE)
        assert table.on_execution(FILL, 1.0) == []
        assert table.on_commission(FEE) == []
        assert len(table.history([FILL.execution_id, FILL.execution_id])) == 1

    def test_trap_5_a_correction_takes_the_place_of_its_fill(self, table):
        table.on_execution(FILL, 0.0)
        table.on_commission(FEE)
        second = replace(FILL, execution_id="0000e0d5.65a1.01.02", price_e9=184 * E9)
        table.on_execution(second, 1.0)
        [corrected] = table.on_commission(replace(FEE, execution_id=second.execution_id))
        assert (corrected.kind, corrected.execution_id) == (ExecutionKind.CORRECT, "0000e0d5.65a1.01")
        assert corrected.price_e9 == 184 * E9
        assert sum(fill.quantity_e9 for fill in table.of_order("r-1")) == 100 * E9

    def test_an_old_revision_after_a_new_one_is_ignored(self, table):
        table.on_execution(replace(FILL, execution_id="0000e0d5.65a1.01.03"), 0.0)
        assert table.on_execution(FILL, 1.0) == []

    def test_a_correction_while_the_fill_waits_tells_both(self, table):
        table.on_execution(FILL, 0.0)
        [trade] = table.on_execution(replace(FILL, execution_id="0000e0d5.65a1.01.02"), 0.1)
        [correct] = table.overdue(1.0)
        assert [trade.kind, correct.kind] == [ExecutionKind.TRADE, ExecutionKind.CORRECT]

    def test_a_correction_of_a_fill_of_an_earlier_session_is_a_correction(self, table):
        table.on_execution(replace(FILL, execution_id="0000e0d5.65a1.01.02"), 0.0)
        assert [told.kind for told in table.overdue(1.0)] == [ExecutionKind.CORRECT]

    def test_a_correction_to_nothing_is_a_bust_of_what_was_filled(self, table):
        table.on_execution(FILL, 0.0)
        table.on_commission(FEE)
        table.on_execution(replace(FILL, execution_id="0000e0d5.65a1.01.02", quantity_e9=0), 1.0)
        [bust] = table.overdue(2.0)
        assert (bust.kind, bust.quantity_e9, bust.fee_e9) == (ExecutionKind.BUST, 100 * E9, 0)
        assert table.of_order("r-1") == ()

    def test_trap_6_a_fill_of_an_unknown_order_is_told_like_any_other(self, table):
        table.on_execution(replace(FILL, order_id=0, client_id=0, order_ref=""), 0.0)
        [told] = table.overdue(1.0)
        assert told.client_order_id == "" and told.quantity_e9 == 100 * E9

    def test_history_keeps_what_has_no_instant(self, table):
        table.on_execution(replace(FILL, ts_ns=0), 0.0)
        assert len(table.history([FILL.execution_id], since_ns=2 * 10**18)) == 1

    def test_history_from_an_instant_on(self, table):
        table.on_execution(FILL, 0.0)
        assert table.history([FILL.execution_id], since_ns=10**18 + 1) == ()
        assert len(table.history([FILL.execution_id], since_ns=10**18)) == 1
