"""An unmodified ib_async 2.1 trades on the TWS look-alike: the venue is believed because a stranger can use it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from loopback_tws import LoopbackTws, aapl_quote
from nanodesk.venues.faults import Fault, FaultKind, FaultPoint
from nanodesk.venues.tws.venue import PAPER_ACCOUNT

ibi = pytest.importorskip("ib_async")


@pytest.fixture(autouse=True)
def quiet():
    logging.getLogger("ib_async").setLevel(logging.CRITICAL + 1)
    yield
    logging.getLogger("ib_async").setLevel(logging.NOTSET)


@asynccontextmanager
async def client(venue: LoopbackTws, client_id: int = 7) -> AsyncIterator[Any]:
    ib = ibi.IB()
    await ib.connectAsync("127.0.0.1", venue.port, clientId=client_id, timeout=5, raiseSyncErrors=True)
    try:
        yield ib
    finally:
        ib.disconnect()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not so within 20 s")


async def aapl(ib: Any) -> Any:
    [contract] = await ib.qualifyContractsAsync(ibi.Stock("AAPL", "SMART", "USD"))
    return contract


class TestSession:
    def test_sync_account_positions_contract_and_quote(self):
        async def run(venue: LoopbackTws) -> None:
            async with client(venue) as ib:
                assert ib.client.serverVersion() == 178
                assert ib.managedAccounts() == [PAPER_ACCOUNT]
                assert ib.positions() == [] and ib.openTrades() == []
                values = {value.tag: value.value for value in await ib.accountSummaryAsync()}
                assert values["NetLiquidation"] == values["TotalCashValue"] == "10000000"
                assert {value.tag for value in ib.accountValues()} >= {"NetLiquidation", "BuyingPower"}
                contract = await aapl(ib)
                assert (contract.conId, contract.primaryExchange, contract.tradingClass) == (100001, "NASDAQ", "NMS")
                [details] = await ib.reqContractDetailsAsync(contract)
                assert (details.minTick, details.minSize) == (0.01, 1.0)
                venue.venue.snapshot_end_s = 0.2  # ib_async waits for the end, eleven seconds at the vendor
                [ticker] = await ib.reqTickersAsync(contract)
                assert (ticker.bid, ticker.ask) == (184.99, 185.01)
                assert abs((await ib.reqCurrentTimeAsync()).timestamp() - venue.clock() / 1e9) < 5

        with LoopbackTws() as venue:
            asyncio.run(run(venue))

    def test_share_classes_and_unknown_contracts(self):
        async def run(venue: LoopbackTws) -> None:
            async with client(venue) as ib:
                [found] = await ib.qualifyContractsAsync(ibi.Stock("BRK B", "SMART", "USD"))
                assert found.conId
                assert await ib.reqContractDetailsAsync(ibi.Stock("NOPE", "SMART", "USD")) == []
                assert await ib.reqContractDetailsAsync(ibi.Stock("AAPL", "SMART", "EUR")) == []

        with LoopbackTws() as venue:
            asyncio.run(run(venue))

    def test_a_client_id_in_use_is_refused(self):
        async def run(venue: LoopbackTws) -> None:
            async with client(venue), client(venue, 8):
                heard: list[int] = []
                second = ibi.IB()
                second.errorEvent += lambda _id, code, *_: heard.append(code)
                with pytest.raises((ConnectionError, asyncio.TimeoutError, TimeoutError)):
                    await second.connectAsync("127.0.0.1", venue.port, clientId=7, timeout=1)
                assert heard == [326]

        with LoopbackTws() as venue:
            asyncio.run(run(venue))

    def test_streamed_quotes_follow_the_market(self):
        async def run(venue: LoopbackTws) -> None:
            async with client(venue) as ib:
                ticker = ib.reqMktData(await aapl(ib))
                await until(lambda: ticker.bid == 184.99)
                await asyncio.to_thread(venue.call, venue.market.set_quote, aapl_quote("190.00", "190.02"))
                await until(lambda: (ticker.bid, ticker.ask) == (190.0, 190.02))
                ib.cancelMktData(ticker.contract)

        with LoopbackTws() as venue:
            asyncio.run(run(venue))


class TestOrders:
    def test_partial_fills_commissions_and_position(self):
        async def run(venue: LoopbackTws) -> None:
            async with client(venue) as ib:
                order = ibi.LimitOrder("BUY", 100, 185.05, orderRef="cid-1")
                trade = ib.placeOrder(await aapl(ib), order)
                await until(lambda: trade.isDone() and all(f.commissionReport.execId for f in trade.fills))
                assert trade.orderStatus.status == "Filled" and trade.orderStatus.avgFillPrice == 185.01
                assert [fill.execution.shares for fill in trade.fills] == [60.0, 40.0]
                assert [fill.commissionReport.commission for fill in trade.fills] == [0.3, 0.2]
                assert {fill.execution.orderRef for fill in trade.fills} == {"cid-1"}
                await until(lambda: [p.position for p in ib.positions()] == [100.0])
                [item] = ib.portfolio()
                assert (item.position, item.averageCost) == (100.0, 185.01)

        with LoopbackTws(size="60", replenish=True) as venue:
            asyncio.run(run(venue))

    def test_rest_modify_cancel(self):
        async def run(venue: LoopbackTws) -> None:
            async with client(venue) as ib:
                order = ibi.LimitOrder("BUY", 10, 180.0, orderRef="cid-2", tif="GTC")
                trade = ib.placeOrder(await aapl(ib), order)
                await until(lambda: trade.orderStatus.status == "Submitted")
                order.lmtPrice, order.totalQuantity = 181.0, 12
                ib.placeOrder(trade.contract, order)
                await until(lambda: venue.market.orders()[0].order.limit_price_e9 == 181 * 10**9)
                assert len(venue.market.orders()) == 1
                ib.cancelOrder(order)
                await until(lambda: trade.orderStatus.status == "Cancelled")
                [done] = await ib.reqCompletedOrdersAsync(False)
                assert (done.order.orderRef, done.orderStatus.status) == ("cid-2", "Cancelled")

        with LoopbackTws() as venue:
            asyncio.run(run(venue))

    def test_stop_order_waits_and_triggers(self):
        async def run(venue: LoopbackTws) -> None:
            async with client(venue) as ib:
                trade = ib.placeOrder(await aapl(ib), ibi.StopOrder("BUY", 10, 186.0))
                await until(lambda: trade.orderStatus.status == "PreSubmitted")
                await asyncio.to_thread(venue.call, venue.market.set_quote, aapl_quote("186.00", "186.02"))
                await until(lambda: trade.orderStatus.status == "Filled")

        with LoopbackTws() as venue:
            asyncio.run(run(venue))

    @pytest.mark.parametrize(
        ("order", "code"),
        [
            (lambda: ibi.LimitOrder("BUY", 1, 180.001), 110),
            (lambda: ibi.LimitOrder("BUY", 0, 180.0), 434),
            (lambda: ibi.LimitOrder("BUY", 10_000_000, 180.0), 201),
            (lambda: ibi.Order(action="BUY", totalQuantity=1, orderType="TRAIL", auxPrice=1.0), 387),
            (lambda: ibi.LimitOrder("BUY", 1, 180.0, account="DU9999999"), 321),
            (lambda: ibi.LimitOrder("BUY", 1, -5.0), 321),
        ],
        ids=["tick", "size", "funds", "type", "account", "price"],
    )
    def test_refusals_have_their_codes(self, order, code):
        async def run(venue: LoopbackTws) -> None:
            async with client(venue) as ib:
                heard: list[int] = []
                ib.errorEvent += lambda _id, number, *_: heard.append(number)
                ib.placeOrder(await aapl(ib), order())
                await until(lambda: code in heard)
                assert await ib.reqAllOpenOrdersAsync() == []

        with LoopbackTws() as venue:
            asyncio.run(run(venue))

    def test_what_if_places_nothing(self):
        async def run(venue: LoopbackTws) -> None:
            async with client(venue) as ib:
                state = await asyncio.wait_for(
                    ib.whatIfOrderAsync(await aapl(ib), ibi.LimitOrder("BUY", 2, 180.0)), timeout=5
                )
                assert (state.status, float(state.initMarginChange)) == ("PreSubmitted", 360.0)
                assert venue.market.orders() == ()

        with LoopbackTws() as venue:
            asyncio.run(run(venue))

    def test_used_and_unknown_ids(self):
        async def run(venue: LoopbackTws) -> None:
            async with client(venue) as ib:
                heard: list[tuple[int, int]] = []
                ib.errorEvent += lambda number, code, *_: heard.append((number, code))
                contract = await aapl(ib)
                trade = ib.placeOrder(contract, ibi.MarketOrder("BUY", 1))
                await until(trade.isDone)
                used = trade.order.orderId
                ib.client.placeOrder(used, contract, ibi.LimitOrder("BUY", 1, 180.0))
                ib.client.placeOrder(used - 1, contract, ibi.LimitOrder("BUY", 1, 180.0))
                ib.client.cancelOrder(used)
                ib.client.cancelOrder(999)
                await until(lambda: len(heard) >= 4)
                assert heard == [(used, 104), (used - 1, 103), (used, 161), (999, 10147)]

        with LoopbackTws() as venue:
            asyncio.run(run(venue))

    def test_orders_and_fills_outlive_the_connection(self):
        async def run(venue: LoopbackTws) -> None:
            async with client(venue) as ib:
                contract = await aapl(ib)
                ib.placeOrder(contract, ibi.LimitOrder("BUY", 3, 180.0, orderRef="rest"))
                done = ib.placeOrder(contract, ibi.MarketOrder("BUY", 2, orderRef="done"))
                await until(done.isDone)
            async with client(venue) as ib:
                assert [trade.order.orderRef for trade in ib.openTrades()] == ["rest"]
                assert [fill.execution.orderRef for fill in ib.fills()] == ["done"]
                trade = ib.placeOrder(contract, ibi.MarketOrder("SELL", 2))
                await until(trade.isDone)
                assert trade.orderStatus.status == "Filled"

        with LoopbackTws() as venue:
            asyncio.run(run(venue))

    def test_the_master_client_hears_of_everything(self):
        async def run(venue: LoopbackTws) -> None:
            async with client(venue, 0) as master, client(venue) as ib:
                paid: list[str] = []
                master.commissionReportEvent += lambda trade, fill, report: paid.append(fill.execution.orderRef)
                await master.reqAllOpenOrdersAsync()
                trade = ib.placeOrder(await aapl(ib), ibi.MarketOrder("BUY", 2, orderRef="of-7"))
                await until(trade.isDone)
                await until(lambda: [f.execution.orderRef for f in master.fills()] == ["of-7"])

        with LoopbackTws() as venue:
            asyncio.run(run(venue))


class TestFaults:
    def test_every_message_twice_and_backwards_still_reads(self):
        faults = [
            Fault(FaultKind.DUPLICATE, FaultPoint.EVENT, match="trade"),
            Fault(FaultKind.REORDER, FaultPoint.EVENT, match="new"),
        ]

        async def run(venue: LoopbackTws) -> None:
            async with client(venue) as ib:
                trade = ib.placeOrder(await aapl(ib), ibi.MarketOrder("BUY", 5))
                await until(lambda: len(ib.fills()) == 1 and sum(f.execution.shares for f in ib.fills()) == 5)
                assert trade.contract.symbol == "AAPL"

        with LoopbackTws(faults) as venue:
            asyncio.run(run(venue))

    def test_too_many_messages_are_strikes(self):
        async def run(venue: LoopbackTws) -> None:
            async with client(venue) as ib:
                heard: list[int] = []
                ib.errorEvent += lambda _id, code, *_: heard.append(code)
                ib.client.MaxRequests = 0
                for _ in range(200):
                    ib.client.reqCurrentTime()
                await until(lambda: not ib.isConnected())
                assert heard.count(100) == 3

        with LoopbackTws() as venue:
            asyncio.run(run(venue))
