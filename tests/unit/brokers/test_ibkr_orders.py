"""Order states come from what the gateway says of the order, in whatever order it says it."""

from __future__ import annotations

from itertools import permutations

import pytest

from nanodesk.brokers.base import RequestRejected
from nanodesk.brokers.ibkr.messages import OrderMessage, OrderStatusMessage, TwsContract, TwsError
from nanodesk.brokers.ibkr.orders import OrderTable, TrackedOrder, next_state
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Order, OrderReport, OrderState, OrderType

CLIENT, ORDER_ID, PERM = 7, 5, 1000


def opened(status: str = "PreSubmitted", **changes: object) -> OrderMessage:
    values: dict[str, object] = {
        "contract": TwsContract("AAPL"),
        "side": Side.BUY,
        "quantity_e9": 10 * E9,
        "order_type": "LMT",
        "limit_e9": 180 * E9,
        "aux_e9": None,
        "tif": "DAY",
        "account": "DU1",
        "order_ref": "r-1",
        "perm_id": PERM,
        "status": status,
        "order_id": ORDER_ID,
        "client_id": CLIENT,
    }
    return OrderMessage(**(values | changes))  # type: ignore[arg-type]


def status(word: str, filled: int = 0, **changes: object) -> OrderStatusMessage:
    values: dict[str, object] = {
        "order_id": ORDER_ID,
        "status": word,
        "filled_e9": filled * E9,
        "remaining_e9": (10 - filled) * E9,
        "average_price_e9": 180 * E9 if filled else 0,
        "perm_id": PERM,
        "parent_id": 0,
        "last_price_e9": 0,
        "client_id": CLIENT,
        "why_held": "",
    }
    return OrderStatusMessage(**(values | changes))  # type: ignore[arg-type]


def error(code: int) -> TwsError:
    return TwsError(ORDER_ID, code, f"text of {code}")


@pytest.fixture
def table() -> OrderTable:
    return OrderTable(lambda contract: contract.symbol)


@pytest.fixture
def tracked(table: OrderTable) -> TrackedOrder:
    order = Order("r-1", "AAPL", Side.BUY, 10 * E9, OrderType.LIMIT, 180 * E9)
    return table.expect(CLIENT, ORDER_ID, order)


def states(events: list[object]) -> list[OrderState]:
    return [event.state for event in events if isinstance(event, OrderReport)]


class TestStatuses:
    def test_the_usual_way(self, table, tracked):
        assert states(table.on_order(opened())) == [OrderState.NEW]
        assert table.on_status(status("PreSubmitted")) == []
        assert table.on_status(status("Submitted")) == []
        assert states(table.on_status(status("Submitted", 4))) == [OrderState.PARTIALLY_FILLED]
        assert states(table.on_status(status("Filled", 10))) == [OrderState.FILLED]
        assert tracked.report.venue_order_id == str(PERM)
        assert tracked.report.average_price_e9 == 180 * E9

    def test_repeats_are_told_once(self, table, tracked):
        table.on_order(opened())
        assert len(table.on_status(status("Submitted", 4))) == 1
        for _ in range(3):
            assert table.on_status(status("Submitted", 4)) == []

    @pytest.mark.parametrize("order", list(permutations(range(4))))
    def test_every_order_of_arrival_ends_the_same(self, table, tracked, order):
        messages = [
            lambda: table.on_order(opened("PreSubmitted")),
            lambda: table.on_status(status("Submitted")),
            lambda: table.on_status(status("Submitted", 4)),
            lambda: table.on_status(status("Filled", 10)),
        ]
        for index in order:
            messages[index]()
        assert tracked.report.state is OrderState.FILLED
        assert tracked.report.filled_quantity_e9 == 10 * E9

    def test_a_status_before_its_order_is_kept(self, table):
        early = status("Submitted", 4, order_id=0, client_id=0)
        assert table.on_status(early) == []
        events = table.on_order(opened(order_id=0, client_id=0))
        assert states(events) == [OrderState.NEW, OrderState.PARTIALLY_FILLED]

    def test_pending_statuses_are_no_evidence(self, table, tracked):
        assert table.on_order(opened("PendingSubmit")) == []
        assert table.on_status(status("ApiPending")) == []
        assert tracked.report.state is OrderState.PENDING_NEW
        assert not tracked.is_heard

    def test_the_open_order_s_word_filled_waits_for_the_quantity(self, table, tracked):
        table.on_order(opened("Filled"))
        assert tracked.report.state is OrderState.PENDING_NEW

    def test_a_fill_after_the_cancel_is_a_late_fill(self, table, tracked):
        table.on_order(opened())
        table.on_status(status("Cancelled", 4))
        table.on_status(status("Filled", 10))
        assert tracked.report.state is OrderState.FILLED

    def test_an_unknown_word_changes_nothing(self, table, tracked):
        table.on_order(opened())
        assert table.on_status(status("Levitating")) == []

    def test_inactive_without_a_refusal_is_held(self, table, tracked):
        table.on_order(opened())
        assert states(table.on_status(status("Inactive"))) == [OrderState.SUSPENDED]
        assert states(table.on_status(status("Submitted"))) == [OrderState.NEW]

    @pytest.mark.parametrize("code_first", [True, False])
    def test_inactive_with_a_refusal_is_rejected(self, table, tracked, code_first):
        steps = [lambda: table.on_error(CLIENT, error(201)), lambda: table.on_status(status("Inactive"))]
        table.on_order(opened("PreSubmitted"))
        for step in steps if code_first else steps[::-1]:
            step()
        assert tracked.report.state is OrderState.REJECTED

    def test_filled_quantity_falls_only_by_a_correction(self, table, tracked):
        table.on_order(opened())
        table.on_status(status("Submitted", 6))
        table.on_status(status("Submitted", 4))
        assert tracked.report.filled_quantity_e9 == 6 * E9
        table.on_correction("r-1", 2 * E9)
        assert tracked.report.filled_quantity_e9 == 4 * E9


class TestTrap3ErrorsDoNotMoveOrders:
    @pytest.mark.parametrize("code", [103, 104, 105, 110, 161, 201, 321, 329, 399, 404, 434, 492, 10147, 10349, 99999])
    def test_a_live_order_stays_live(self, table, tracked, code):
        table.on_order(opened())
        table.on_error(CLIENT, error(code))
        assert tracked.report.state is OrderState.NEW
        assert (tracked.report.code, tracked.report.text) == (str(code), f"text of {code}")

    @pytest.mark.parametrize("code", [103, 110, 200, 201, 321, 434, 460, 10243, 10268, 10289])
    def test_an_order_of_which_nothing_was_heard_is_refused(self, table, tracked, code):
        assert states(table.on_error(CLIENT, error(code)) or []) == [OrderState.REJECTED]

    @pytest.mark.parametrize("code", [131, 399, 404, 481, 2109, 10167, 10311, 10349, 99999])
    def test_warnings_refuse_nothing(self, table, tracked, code):
        table.on_error(CLIENT, error(code))
        assert tracked.report.state is OrderState.PENDING_NEW

    @pytest.mark.parametrize("code", [100, 399, 99999])
    def test_an_error_is_no_sign_that_an_order_arrived(self, table, tracked, code):
        # Told as a report it would count as the venue's word, and nobody would look the order up again.
        assert table.on_error(CLIENT, error(code)) == []
        assert (tracked.report.state, tracked.report.code) == (OrderState.PENDING_NEW, str(code))

    def test_202_is_a_confirmation(self, table, tracked):
        table.on_order(opened())
        assert states(table.on_error(CLIENT, error(202)) or []) == [OrderState.CANCELLED]
        assert table.on_status(status("Cancelled")) == []

    @pytest.mark.parametrize("code", [135, 161, 10147, 10148])
    def test_a_refused_cancel_is_an_event_and_the_order_lives(self, table, tracked, code):
        table.on_order(opened())
        tracked.is_cancel_asked = True
        [event] = table.on_error(CLIENT, error(code)) or []
        assert isinstance(event, RequestRejected) and not event.is_replace
        assert tracked.report.state is OrderState.NEW and not tracked.is_cancel_asked

    def test_an_error_of_a_request_is_not_the_table_s(self, table):
        assert table.on_error(CLIENT, TwsError(1_500_000_001, 201, "")) is None


class TestIdentity:
    def test_an_order_of_another_session_is_adopted_by_its_reference(self, table):
        table.on_order(opened(order_id=3, client_id=2))
        found = table.find("r-1")
        assert found is not None and (found.client_id, found.perm_id) == (2, PERM)

    def test_the_same_order_id_of_another_client_is_another_order(self, table, tracked):
        table.on_order(opened(client_id=8, perm_id=PERM + 1, order_ref="other"))
        assert tracked.perm_id == 0

    def test_a_human_s_orders_are_told_apart_by_perm_id(self, table):
        for perm in (1, 2):
            table.on_order(opened(order_id=0, client_id=0, perm_id=perm, order_ref=""))
        assert table.find_perm(1) is not table.find_perm(2)

    def test_a_forgotten_order_is_unknown(self, table, tracked):
        table.forget(tracked)
        assert table.find("r-1") is None
        assert table.on_error(CLIENT, error(201)) is None

    def test_a_completed_order_brings_its_quantity(self, table):
        table.on_order(opened("Filled", order_id=0, is_completed=True, filled_e9=10 * E9))
        found = table.find("r-1")
        assert found is not None and found.report.state is OrderState.FILLED
        assert found.report.filled_quantity_e9 == 10 * E9


class TestNextState:
    @pytest.mark.parametrize("end", [OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED])
    @pytest.mark.parametrize(
        "word", ["PendingSubmit", "PreSubmitted", "Submitted", "PendingCancel", "Cancelled", "Inactive", "?"]
    )
    def test_an_end_is_an_end(self, end, word):
        assert next_state(end, word, 0, 10) is end
