import dataclasses

import pytest

from nanodesk.errors import ValidationError
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9, LARGEST_E9
from nanodesk.market.order import Execution, Order, OrderReport, OrderState, OrderType, WorkingOrder

LIMIT = Order("r-1", "AAPL", Side.BUY, 10 * E9, OrderType.LIMIT, 100 * E9)


class TestOrder:
    @pytest.mark.parametrize(
        ("kind", "limit", "stop"),
        [
            (OrderType.MARKET, None, None),
            (OrderType.LIMIT, E9, None),
            (OrderType.STOP, None, E9),
            (OrderType.STOP_LIMIT, E9, E9),
        ],
    )
    def test_prices_belong_to_the_type(self, kind, limit, stop):
        order = Order("r-1", "AAPL", Side.BUY, E9, kind, limit, stop)
        assert (order.order_type.needs_limit, order.order_type.needs_stop) == (limit is not None, stop is not None)
        with pytest.raises(ValidationError, match="limit_price_e9"):
            Order("r-1", "AAPL", Side.BUY, E9, kind, None if limit else E9, stop)
        with pytest.raises(ValidationError, match="stop_price_e9"):
            Order("r-1", "AAPL", Side.BUY, E9, kind, limit, None if stop else E9)

    @pytest.mark.parametrize("field", ["quantity_e9", "limit_price_e9"])
    @pytest.mark.parametrize("value", [0, -1, 1.0, float("nan"), True, "1", LARGEST_E9 + 1])
    def test_numbers_are_positive_integers(self, field, value):
        with pytest.raises(ValidationError, match=field) as caught:
            dataclasses.replace(LIMIT, **{field: value})
        assert caught.value.field == field

    @pytest.mark.parametrize("name", ["a", "A_b-c.9", "x" * 36])
    def test_ids_of_every_venue(self, name):
        assert dataclasses.replace(LIMIT, client_order_id=name).client_order_id == name

    @pytest.mark.parametrize("name", ["", "x" * 37, "a b", "a/b", "ä", "a\n", "a:b", None, 7])
    def test_other_ids_are_refused(self, name):
        with pytest.raises(ValidationError, match="client_order_id"):
            dataclasses.replace(LIMIT, client_order_id=name)

    def test_signed_quantity(self):
        assert LIMIT.signed_quantity_e9 == 10 * E9
        assert dataclasses.replace(LIMIT, side=Side.SELL).signed_quantity_e9 == -10 * E9

    def test_is_a_value(self):
        assert dataclasses.replace(LIMIT) == LIMIT
        assert hash(dataclasses.replace(LIMIT)) == hash(LIMIT)
        with pytest.raises(dataclasses.FrozenInstanceError):
            LIMIT.symbol = "MSFT"


class TestOrderState:
    def test_terminal_ones(self):
        terminal = {state.value for state in OrderState if state.is_terminal}
        assert terminal == {"risk_rejected", "not_sent", "filled", "cancelled", "replaced", "rejected", "expired"}

    def test_what_may_be_live(self):
        at_rest = {state for state in OrderState if not state.may_be_live and not state.is_terminal}
        assert at_rest == {OrderState.CREATED, OrderState.INTENT_LOGGED}
        assert OrderState.UNKNOWN.may_be_live


class TestOrderReport:
    def test_leaves(self):
        report = OrderReport("r-1", "v-1", "AAPL", Side.BUY, OrderState.PARTIALLY_FILLED, 10, 4)
        assert report.leaves_quantity_e9 == 6
        assert dataclasses.replace(report, filled_quantity_e9=12).leaves_quantity_e9 == 0
        assert dataclasses.replace(report, state=OrderState.CANCELLED).leaves_quantity_e9 == 0


class TestExecution:
    def test_signed_quantity(self):
        fill = Execution("x", "r-1", "v-1", "AAPL", Side.SELL, 5, 7)
        assert fill.signed_quantity_e9 == -5
        assert dataclasses.replace(fill, side=Side.BUY).signed_quantity_e9 == 5


def test_a_working_order_is_known_unless_said_otherwise():
    assert not WorkingOrder(LIMIT, E9).is_unknown
