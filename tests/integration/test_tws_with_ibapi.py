"""IBKR's own client trades on the TWS look-alike, where the developer has it.

Its licence keeps it out of every dependency, so this runs only on a machine where ``ibapi`` was installed from the
vendor's download. What the registry calls ``ibapi`` is of 2020 and older than the protocol that is served.
"""

from __future__ import annotations

import inspect
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from loopback_tws import LoopbackTws
from nanodesk.brokers.ibkr.codec import MAX_VERSION
from nanodesk.venues.tws.venue import PAPER_ACCOUNT

ibapi_client = pytest.importorskip("ibapi.client", reason="IBKR's own client (ibapi) is not installed on this machine")
ibapi_wrapper = pytest.importorskip("ibapi.wrapper")

if not hasattr(ibapi_client, "MAX_CLIENT_VER") or ibapi_client.MAX_CLIENT_VER < MAX_VERSION:
    pytest.skip(f"this ibapi does not speak version {MAX_VERSION} of the protocol", allow_module_level=True)


class App(ibapi_wrapper.EWrapper, ibapi_client.EClient):  # type: ignore[misc, name-defined]
    """Gathers what the gateway says, by the name of the callback."""

    def __init__(self) -> None:
        ibapi_client.EClient.__init__(self, self)
        self.heard: dict[str, list[tuple[Any, ...]]] = {}
        self.changed = threading.Condition()

    def _hear(self, name: str, *what: Any) -> None:
        with self.changed:
            self.heard.setdefault(name, []).append(what)
            self.changed.notify_all()

    def wait(self, condition: Callable[[], object]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, 10), {name: rows[-1:] for name, rows in self.heard.items()}

    def told(self, name: str) -> list[tuple[Any, ...]]:
        return list(self.heard.get(name, ()))

    def nextValidId(self, orderId: int) -> None:
        self._hear("id", orderId)

    def managedAccounts(self, accountsList: str) -> None:
        self._hear("accounts", accountsList)

    def error(self, reqId: int, *rest: Any) -> None:
        code = [one for one in rest if isinstance(one, int)][-1]  # newer clients put the time before the code
        self._hear("error", reqId, code)

    def openOrder(self, orderId: int, contract: Any, order: Any, orderState: Any) -> None:
        self._hear("open", orderId, order.orderRef, order.lmtPrice, orderState.status, order.permId)

    def orderStatus(self, orderId: int, status: str, filled: Decimal, *rest: Any) -> None:
        self._hear("status", orderId, status, filled)

    def execDetails(self, reqId: int, contract: Any, execution: Any) -> None:
        self._hear("fill", reqId, execution.execId, execution.orderRef, execution.shares, execution.price)

    def execDetailsEnd(self, reqId: int) -> None:
        self._hear("fills end", reqId)

    def commissionReport(self, commissionReport: Any) -> None:
        self._hear("fee", commissionReport.execId, commissionReport.commission)

    def commissionAndFeesReport(self, commissionAndFeesReport: Any) -> None:
        self._hear("fee", commissionAndFeesReport.execId, commissionAndFeesReport.commissionAndFees)

    def contractDetails(self, reqId: int, contractDetails: Any) -> None:
        self._hear("details", contractDetails.contract.conId, contractDetails.minTick)

    def tickPrice(self, reqId: int, tickType: int, price: float, attrib: Any) -> None:
        self._hear("tick", reqId, int(tickType), price)

    def position(self, account: str, contract: Any, position: Decimal, avgCost: float) -> None:
        self._hear("position", account, contract.symbol, position)

    def positionEnd(self) -> None:
        self._hear("positions end")

    def openOrderEnd(self) -> None:
        self._hear("open end")

    def completedOrder(self, contract: Any, order: Any, orderState: Any) -> None:
        self._hear("completed", order.orderRef, orderState.status)

    def completedOrdersEnd(self) -> None:
        self._hear("completed end")

    def accountSummary(self, reqId: int, account: str, tag: str, value: str, currency: str) -> None:
        self._hear("summary", account, tag, value, currency)

    def accountSummaryEnd(self, reqId: int) -> None:
        self._hear("summary end", reqId)


@pytest.fixture
def venue() -> Iterator[LoopbackTws]:
    with LoopbackTws(size="4") as running:
        yield running


@pytest.fixture
def app(venue: LoopbackTws) -> Iterator[App]:
    logging.getLogger("ibapi").setLevel(logging.CRITICAL + 1)
    client = App()
    client.connect("127.0.0.1", venue.port, 7)
    threading.Thread(target=client.run, daemon=True).start()
    client.wait(lambda: client.told("id") and client.told("accounts"))
    yield client
    client.disconnect()


def aapl() -> Any:
    from ibapi.contract import Contract

    contract = Contract()
    contract.symbol, contract.secType, contract.exchange, contract.currency = "AAPL", "STK", "SMART", "USD"
    return contract


def limit(name: str, price: float, units: int = 10) -> Any:
    from ibapi.order import Order

    order = Order()
    order.action, order.orderType, order.totalQuantity, order.lmtPrice = "BUY", "LMT", Decimal(units), price
    order.orderRef, order.tif, order.account = name, "DAY", PAPER_ACCOUNT
    order.eTradeOnly = order.firmQuoteOnly = False  # older clients ask for both, and are refused for it (10268)
    return order


def cancel(app: App, order_id: int) -> None:
    wants = inspect.signature(app.cancelOrder).parameters
    if "orderCancel" in wants:
        from ibapi.order_cancel import OrderCancel

        app.cancelOrder(order_id, OrderCancel())
    else:
        app.cancelOrder(order_id, *[""] * (len(wants) - 1))


def test_session_account_contract_and_quote(app: App) -> None:
    assert app.serverVersion() == MAX_VERSION
    assert app.told("accounts") == [(PAPER_ACCOUNT,)]
    app.reqContractDetails(1, aapl())
    app.wait(lambda: app.told("details"))
    assert app.told("details") == [(100001, 0.01)]
    app.reqMktData(2, aapl(), "", False, False, [])
    app.wait(lambda: {(2, 1, 184.99), (2, 2, 185.01)} <= set(app.told("tick")))
    app.reqAccountSummary(3, "All", "NetLiquidation,BuyingPower")
    app.wait(lambda: app.told("summary end"))
    assert (PAPER_ACCOUNT, "NetLiquidation", "10000000", "USD") in app.told("summary")


def test_orders_fills_and_lists(app: App, venue: LoopbackTws) -> None:
    first = app.told("id")[0][0]
    app.placeOrder(first, aapl(), limit("part", 185.01))
    app.wait(lambda: (first, "Submitted", Decimal(4)) in app.told("status") and len(app.told("fee")) == 1)
    [(_, execution_id, name, shares, price)] = app.told("fill")
    assert (name, shares, price) == ("part", Decimal(4), 185.01)
    assert app.told("fee") == [(execution_id, 0.02)]

    app.placeOrder(first + 1, aapl(), limit("rests", 180.0))
    app.wait(lambda: any(row[0] == first + 1 and row[3] == "Submitted" for row in app.told("open")))
    app.placeOrder(first + 1, aapl(), limit("rests", 181.0))  # the same id again changes the order
    app.wait(lambda: any(row[:3] == (first + 1, "rests", 181.0) for row in app.told("open")))
    for order_id in (first, first + 1):
        cancel(app, order_id)
        app.wait(lambda number=order_id: (number, 202) in app.told("error"))
    assert {row[:2] for row in app.told("status")} >= {(first, "Cancelled"), (first + 1, "Cancelled")}

    app.reqAllOpenOrders()
    app.reqCompletedOrders(False)
    app.reqPositions()
    from ibapi.execution import ExecutionFilter

    app.reqExecutions(9, ExecutionFilter())
    app.wait(lambda: all(app.told(f"{what} end") for what in ("open", "completed", "positions", "fills")))
    assert Counter(app.told("completed")) == Counter({("part", "Cancelled"): 1, ("rests", "Cancelled"): 1})
    assert app.told("position")[-1] == (PAPER_ACCOUNT, "AAPL", Decimal(4))
    assert [row[:4] for row in app.told("fill") if row[0] == 9] == [(9, execution_id, "part", Decimal(4))]
    assert [order.filled_quantity_e9 for order in venue.market.orders()] == [4 * 10**9, 0]


def test_refusals_have_their_codes(app: App) -> None:
    first = app.told("id")[0][0]
    cancel(app, 999)
    app.placeOrder(first, aapl(), limit("off grid", 180.001))
    app.placeOrder(first, aapl(), limit("used id", 180.0))
    unknown = aapl()
    unknown.symbol = "NOPE"
    app.reqContractDetails(4, unknown)
    app.wait(lambda: {(999, 10147), (first, 110), (first, 103), (4, 200)} <= set(app.told("error")))
