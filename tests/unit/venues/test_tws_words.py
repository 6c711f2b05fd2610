"""The TWS look-alike's messages say what the market holds, its pace counts, its requests are read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanodesk.brokers.ibkr.codec import TwsCodec
from nanodesk.brokers.ibkr.frames import frame
from nanodesk.brokers.ibkr.messages import (
    CommissionMessage,
    ContractDetailsMessage,
    ExecutionMessage,
    OrderMessage,
    OrderStatusMessage,
    TwsContract,
)
from nanodesk.brokers.paper.values import PaperExecution, PaperOrder
from nanodesk.errors import FeedError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import ExecutionKind, Order, OrderState, OrderType
from nanodesk.market.trading_rules import TradingRules, TradingStatus
from nanodesk.venues.tws import messages as say
from nanodesk.venues.tws.connection import Pace
from nanodesk.venues.tws.orders import refusal
from nanodesk.venues.tws.requests import PlainRequest, parse_request

CODEC = TwsCodec()
CONTRACT = TwsContract("AAPL", con_id=100001, local_symbol="AAPL", trading_class="NMS")
AMOUNTS = st.integers(1, 10**17)
REFS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


def read(fields: list[object]) -> object:
    return CODEC.parse(frame(fields)[4:])


@st.composite
def paper_orders(draw: st.DrawFn) -> PaperOrder:
    kind = draw(st.sampled_from(OrderType))
    order = Order(
        "tws-7-5",
        "AAPL",
        draw(st.sampled_from(Side)),
        draw(AMOUNTS),
        kind,
        draw(AMOUNTS) if kind.needs_limit else None,
        draw(AMOUNTS) if kind.needs_stop else None,
        draw(st.sampled_from(TimeInForce)),
    )
    filled = draw(st.integers(0, order.quantity_e9))
    state = draw(st.sampled_from([OrderState.NEW, OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED]))
    return PaperOrder(3, "PAPER", draw(REFS), order, state, filled, filled * draw(AMOUNTS), updated_ns=10**18)


class TestOrders:
    @given(paper_orders())
    def test_an_open_order_is_read_as_it_was_written(self, order):
        message = read(say.open_order(order, (5, 7, 77), CONTRACT, "DU1"))
        assert isinstance(message, OrderMessage)
        self.compare(message, order)
        assert (message.order_id, message.client_id, message.is_completed) == (5, 7, False)

    @given(paper_orders())
    def test_a_completed_order_is_read_as_it_was_written(self, order):
        message = read(say.completed_order(order, 77, CONTRACT, "DU1"))
        assert isinstance(message, OrderMessage)
        self.compare(message, order)
        assert message.is_completed
        if order.filled_quantity_e9 < 10**15:  # within the digits of the decoder's float
            assert message.filled_e9 == order.filled_quantity_e9

    def compare(self, message: OrderMessage, order: PaperOrder) -> None:
        terms = order.order
        assert (message.side, message.quantity_e9) == (order.side, order.quantity_e9)
        assert (message.limit_e9, message.aux_e9) == (terms.limit_price_e9, terms.stop_price_e9)
        assert (message.order_ref, message.account, message.perm_id) == (order.client_order_id, "DU1", 77)
        assert message.status == say.status_word(order)

    @given(paper_orders())
    def test_a_status_is_read_as_it_was_written(self, order):
        message = read(say.order_status(order, (5, 7, 77)))
        assert isinstance(message, OrderStatusMessage)
        assert (message.filled_e9, message.average_price_e9) == (order.filled_quantity_e9, order.average_price_e9)
        assert message.remaining_e9 == order.quantity_e9 - order.filled_quantity_e9

    def test_a_stop_that_waits_is_presubmitted(self):
        order = Order("s", "AAPL", Side.BUY, E9, OrderType.STOP, None, E9)
        assert say.status_word(PaperOrder(1, "P", "", order, OrderState.NEW)) == "PreSubmitted"
        assert say.status_word(PaperOrder(1, "P", "", order, OrderState.NEW, is_triggered=True)) == "Submitted"


class TestFills:
    FILL = PaperExecution(
        42, 1, 3, "PAPER", "r-1", "AAPL", Side.SELL, 5 * E9, 185 * E9, E9 // 3, "USD", True, 10**18, 5 * E9, 925 * E9
    )
    ORDER = PaperOrder(3, "PAPER", "r-1", Order("x", "AAPL", Side.SELL, 5 * E9), OrderState.FILLED)

    def test_a_fill_and_its_commission_carry_the_same_id(self):
        fill = read(say.execution_details(self.FILL, self.ORDER, (5, 7, 77), CONTRACT, "DU1", seed=0xE0D5))
        fee = read(say.commission_report(self.FILL, 0xE0D5))
        assert isinstance(fill, ExecutionMessage) and isinstance(fee, CommissionMessage)
        assert fill.execution_id == fee.execution_id == "0000e0d5.0000002a.01.01"
        assert (fill.side, fill.quantity_e9, fill.price_e9) == (Side.SELL, 5 * E9, 185 * E9)
        assert (fill.order_ref, fill.ts_ns, fee.commission_e9) == ("r-1", 10**18, E9 // 3)

    @pytest.mark.parametrize(
        ("kind", "revision", "ending", "shares"),
        [
            (ExecutionKind.CORRECT, 1, ".02", 5 * E9),
            (ExecutionKind.BUST, 0, ".02", 0),
            (ExecutionKind.BUST, 1, ".03", 0),
        ],
    )
    def test_corrections_and_busts_count_up(self, kind, revision, ending, shares):
        from dataclasses import replace

        one = replace(self.FILL, kind=kind, revision=revision)
        fill = read(say.execution_details(one, self.ORDER, (5, 7, 77), CONTRACT, "DU1"))
        assert isinstance(fill, ExecutionMessage)
        assert fill.execution_id.endswith(ending) and fill.quantity_e9 == shares


class TestContracts:
    @pytest.mark.parametrize("status", list(TradingStatus))
    def test_details_are_read_as_they_were_written(self, status):
        rules = TradingRules("AAPL", tick_e9=E9 // 20, sector="Technology", status=status)
        message = read(say.contract_details(9, CONTRACT, rules, 1_795_194_000 * 10**9))
        assert isinstance(message, ContractDetailsMessage)
        assert (message.request_id, message.min_tick_e9, message.industry) == (9, E9 // 20, "Technology")
        assert message.contract.con_id == 100001
        assert {"LMT", "MKT", "STP", "STPLMT", "DAY"} <= set(message.order_types)
        assert ("CLOSED" in message.liquid_hours) is (status is TradingStatus.CLOSED)


class TestPace:
    def test_fifty_in_a_second_pass_and_the_next_is_a_strike(self):
        pace = Pace()
        assert all(pace.count(index / 100) for index in range(50))
        assert not pace.count(0.5)
        assert (pace.strikes, pace.worst) == (1, 51)
        assert pace.count(0.51)

    def test_the_window_slides(self):
        pace = Pace()
        assert all(pace.count(index / 32) for index in range(500))
        assert pace.worst == 32


class TestRequests:
    def test_plain_requests_keep_their_number_and_words(self):
        assert parse_request(["62", "1", "9", "All", "NetLiquidation"]) == PlainRequest(
            62, 9, ("All", "NetLiquidation")
        )
        assert parse_request(["8", "1", "1"]) == PlainRequest(8, 1, ())
        assert parse_request(["71", "2", "7", ""]) == PlainRequest(71, 7, ("",))
        assert parse_request(["17", "1"]) == PlainRequest(17, 0, ())

    @pytest.mark.parametrize("fields", [["3"], ["3", "x"], ["1", "11", "1"], ["4", "1", "1.5"], ["9", "8"]])
    def test_what_cannot_be_read_is_refused(self, fields):
        with pytest.raises(FeedError):
            parse_request(fields)


class TestRefusals:
    def test_refusals_have_the_codes_of_tws(self):
        assert refusal("tick", "x")[0] == 110
        assert refusal("insufficient_funds", "too dear") == (201, "Order rejected - reason:too dear")
        assert refusal("460", "no trading permissions") == (460, "no trading permissions")
