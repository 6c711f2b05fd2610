"""The published IbkrBroker on the loopback venue: the published calls, keys and errors, without its faults."""

from __future__ import annotations

import pytest

from loopback_tws import LoopbackTws
from nanodesk.compat import nanobook
from nanodesk.venues.faults import Fault, FaultKind
from waiting import until

pytest.importorskip("ib_async")


class TestIbkrBroker:
    def test_the_calls_of_the_read_me(self):
        with LoopbackTws() as venue:
            broker = nanobook.IbkrBroker("127.0.0.1", venue.port, client_id=1)
            broker.connect()
            order_id = broker.submit_order("AAPL", "buy", 100, order_type="limit", limit_price_cents=185_05)
            until(lambda: broker.order_status(order_id)["status"] == "Filled")
            assert broker.order_status(order_id) == {
                "id": order_id,
                "status": "Filled",
                "filled_quantity": 100,
                "remaining_quantity": 0,
                "avg_fill_price_cents": 185_01,
            }
            [position] = broker.positions()
            assert (position["symbol"], position["quantity"], position["avg_cost_cents"]) == ("AAPL", 100, 185_01)
            quote = broker.quote("AAPL")
            assert (quote["bid_cents"], quote["ask_cents"], quote["volume"]) == (184_99, 185_01, 0)
            assert set(broker.account()) == {
                *("equity_cents", "buying_power_cents", "cash_cents", "gross_position_value_cents"),
            }
            broker.disconnect()

    def test_states_and_cancel_are_the_venue_s(self):
        with LoopbackTws() as venue:
            broker = nanobook.IbkrBroker("127.0.0.1", venue.port, 1)
            broker.connect()
            order_id = broker.submit_order("AAPL", "buy", 5, "limit", 180_00)
            assert broker.order_status(order_id)["status"] == "Submitted"
            assert [one["id"] for one in broker.open_orders()] == [order_id]
            broker.cancel_order(order_id)
            assert broker.order_status(order_id)["status"] == "Cancelled"
            broker.disconnect()

    def test_bug_11_an_error_of_the_open_orders_is_raised(self):
        with LoopbackTws([Fault(FaultKind.ERROR_BEFORE_ACCEPT, match="open_orders", nth=2)]) as venue:
            broker = nanobook.IbkrBroker("127.0.0.1", venue.port, 1)
            broker.connect()
            with pytest.raises(RuntimeError, match="321"):
                broker.open_orders()
            broker.disconnect()

    def test_errors_are_the_published_ones(self):
        broker = nanobook.IbkrBroker("127.0.0.1", 4002, 1)
        with pytest.raises(RuntimeError, match="not connected"):
            broker.positions()
        with pytest.raises(RuntimeError, match="connection error"):
            nanobook.IbkrBroker("127.0.0.1", 1, 1).connect()
        with pytest.raises(RuntimeError, match="mode"):
            nanobook.IbkrBroker("127.0.0.1", 4001, 1).connect()
