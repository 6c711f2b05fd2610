"""Unmodified clients of others trade on the loopback venue: one script, four clients and ours."""

import asyncio
import threading
import time
from decimal import Decimal

import pytest

from binance_venue import KEY, SECRET, limit, running, trading
from nanodesk.brokers.base import OutcomeKind
from nanodesk.market.order import OrderState

PRICE, AWAY = "50001", "40000"


@pytest.fixture
def venue():
    with running() as one:
        yield one


class Script:
    """What every client does; the subclasses say it in the client's own words."""

    def run(self):
        assert "BTC" in self.markets()
        assert self.balance("USDT") == 1_000_000
        first = self.place("one-1", "0.5", PRICE)
        assert (first.status, first.filled) == ("FILLED", Decimal("0.5"))
        assert self.place("one-2", "0.5", AWAY).status == "NEW"
        assert self.open_ids() == ["one-2"]
        assert reason(self.refused("one-2", "0.5", AWAY)) == "duplicate"
        assert reason(self.refused("one-3", "0.0001", AWAY)) == "filter"
        assert reason(self.refused("one-4", "49", "49990")) == "balance"
        assert self.status("one-1") == "FILLED"
        assert self.cancel("one-2") == "CANCELED"
        assert self.open_ids() == []
        assert self.status("one-2") == "CANCELED"
        assert self.trades() == [Decimal("0.5")]
        assert self.balance("BTC") == Decimal("10.5")


def reason(told):
    """Why an order was refused: every client passes on the venue's words, not every one its code."""
    words = {"Duplicate order": "duplicate", "Filter failure: NOTIONAL": "filter", "insufficient balance": "balance"}
    return next((name for text, name in words.items() if text in told), told)


class Placed:
    def __init__(self, status, filled):
        self.status, self.filled = status.upper(), Decimal(str(filled))


class Ours(Script):
    def __init__(self, broker):
        self.broker = broker

    def word(self, state):
        return "CANCELED" if state is OrderState.CANCELLED else state.value.upper()

    def markets(self):
        return {"BTC", self.broker.trading_rules("ETH").symbol}

    def balance(self, asset):
        return Decimal(self.broker.account().balances_e9[asset]).scaleb(-9)

    def place(self, name, quantity, price):
        report = self.broker.submit(limit(name, quantity=quantity, price=price)).report
        return Placed(self.word(report.state), Decimal(report.filled_quantity_e9).scaleb(-9))

    def refused(self, name, quantity, price):
        outcome = self.broker.submit(limit(name, quantity=quantity, price=price))
        # An open order has this id, and ids are ours: what came of it is to be looked up.
        is_there = outcome.text.startswith("Duplicate order")
        assert outcome.kind is (OutcomeKind.UNKNOWN if is_there else OutcomeKind.REFUSED)
        return outcome.text

    def open_ids(self):
        return [report.client_order_id for report in self.broker.open_orders()]

    def status(self, name):
        return self.word(self.broker.status(name).state)

    def cancel(self, name):
        return self.word(self.broker.cancel(name).report.state)

    def trades(self):
        return [Decimal(fill.quantity_e9).scaleb(-9) for fill in self.broker.executions()]


def test_ours(venue):
    with trading(venue) as broker:
        Ours(broker).run()


class LoopScript(Script):
    """A client that is asynchronous: each step runs on a loop of its own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()

    def wait(self, work):
        return self.loop.run_until_complete(asyncio.wait_for(work, 10))


class Ccxt(LoopScript):
    def __init__(self, exchange):
        super().__init__()
        self.exchange = exchange

    def markets(self):
        return {symbol.partition("/")[0] for symbol in self.wait(self.exchange.load_markets())}

    def balance(self, asset):
        return Decimal(str(self.wait(self.exchange.fetch_balance())["total"][asset])).quantize(Decimal("0.1"))

    def place(self, name, quantity, price):
        order = self.wait(self.create(name, quantity, price))
        return Placed(order["info"]["status"], order["filled"])

    def create(self, name, quantity, price):
        parameters = {"newClientOrderId": name}
        return self.exchange.create_order("BTC/USDT", "limit", "buy", float(quantity), float(price), parameters)

    def refused(self, name, quantity, price):
        import ccxt

        with pytest.raises(ccxt.BaseError) as caught:
            self.wait(self.create(name, quantity, price))
        return str(caught.value)

    def open_ids(self):
        return [order["clientOrderId"] for order in self.wait(self.exchange.fetch_open_orders("BTC/USDT"))]

    def status(self, name):
        parameters = {"origClientOrderId": name}
        return self.wait(self.exchange.fetch_order("", "BTC/USDT", parameters))["info"]["status"]

    def cancel(self, name):
        return self.wait(self.exchange.cancel_order("", "BTC/USDT", {"origClientOrderId": name}))["info"]["status"]

    def trades(self):
        return [Decimal(str(fill["amount"])) for fill in self.wait(self.exchange.fetch_my_trades("BTC/USDT"))]


def ccxt_exchange(venue):
    ccxt = pytest.importorskip("ccxt.pro")
    options = {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False}
    exchange = ccxt.binance({"apiKey": KEY, "secret": SECRET, "options": {**options, "fetchMargins": False}})
    exchange.enableRateLimit = False
    urls, place = exchange.urls["api"], f"127.0.0.1:{venue.port}"
    urls.update(public=f"http://{place}/api/v3", private=f"http://{place}/api/v3")
    urls["ws"]["spot"] = f"ws://{place}/ws"
    urls["ws"]["ws-api"]["spot"] = f"ws://{place}/ws-api/v3"
    return exchange


def test_ccxt(venue):
    exchange = ccxt_exchange(venue)
    script = Ccxt(exchange)
    try:
        script.run()
        candles = script.wait(exchange.fetch_ohlcv("BTC/USDT", "1m", limit=3))
        assert (len(candles), candles[-1][4]) == (3, 50001.0)
        day = script.wait(exchange.fetch_ticker("BTC/USDT"))
        assert (day["last"], day["baseVolume"], day["ask"]) == (50001.0, 0.5, 50001.0)
    finally:
        script.wait(exchange.close())
        script.loop.close()


def test_ccxt_pro_hears_orders_trades_and_quotes(venue):
    exchange = ccxt_exchange(venue)

    async def session():
        await exchange.load_markets()
        watching = [
            asyncio.ensure_future(exchange.watch_orders("BTC/USDT")),
            asyncio.ensure_future(exchange.watch_my_trades("BTC/USDT")),
            asyncio.ensure_future(exchange.watch_bids_asks(["BTC/USDT"])),
        ]
        try:
            await asyncio.sleep(0.3)
            await exchange.create_order("BTC/USDT", "limit", "buy", 0.1, 50001, {"newClientOrderId": "pro-1"})
            return await asyncio.wait_for(asyncio.gather(*watching), 5)
        finally:
            await exchange.close()

    orders, trades, quotes = asyncio.run(session())
    assert orders[-1]["clientOrderId"] == "pro-1"
    assert trades[-1]["amount"] == 0.1
    assert quotes["BTC/USDT"]["ask"] == 50001


class Sdk(Script):
    """The official SDK."""

    def __init__(self, client):
        self.rest = client.rest_api

    def markets(self):
        return {row.base_asset for row in self.rest.exchange_info().data().symbols}

    def balance(self, asset):
        rows = self.rest.get_account().data().balances
        return sum(Decimal(row.free) + Decimal(row.locked) for row in rows if row.asset == asset).quantize(
            Decimal("0.1")
        )

    def place(self, name, quantity, price):
        order = self.create(name, quantity, price)
        return Placed(order.status, order.executed_qty)

    def create(self, name, quantity, price):
        return self.rest.new_order(
            symbol="BTCUSDT",
            side="BUY",
            type="LIMIT",
            time_in_force="GTC",
            quantity=float(quantity),
            price=float(price),
            new_client_order_id=name,
        ).data()

    def refused(self, name, quantity, price):
        from binance_common.errors import Error

        with pytest.raises(Error) as caught:
            self.create(name, quantity, price)
        return str(caught.value)

    def open_ids(self):
        return [order.client_order_id for order in self.rest.get_open_orders(symbol="BTCUSDT").data()]

    def status(self, name):
        return self.rest.get_order(symbol="BTCUSDT", orig_client_order_id=name).data().status

    def cancel(self, name):
        return self.rest.delete_order(symbol="BTCUSDT", orig_client_order_id=name).data().status

    def trades(self):
        return [Decimal(row.qty) for row in self.rest.my_trades(symbol="BTCUSDT").data()]


def sdk_client(venue):
    pytest.importorskip("binance_sdk_spot")
    from binance_common.configuration import (
        ConfigurationRestAPI,
        ConfigurationWebSocketAPI,
        ConfigurationWebSocketStreams,
    )
    from binance_sdk_spot.spot import Spot

    place = f"127.0.0.1:{venue.port}"
    return Spot(
        config_rest_api=ConfigurationRestAPI(api_key=KEY, api_secret=SECRET, base_path=f"http://{place}", backoff=0),
        config_ws_api=ConfigurationWebSocketAPI(api_key=KEY, api_secret=SECRET, stream_url=f"ws://{place}/ws-api/v3"),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=f"ws://{place}"),
    )


def test_sdk(venue):
    Sdk(sdk_client(venue)).run()


def test_sdk_hears_every_update_of_its_orders(venue):
    client = sdk_client(venue)
    heard = []

    async def session():
        connection = await client.websocket_api.create_connection()
        answer = await connection.user_data_stream_subscribe_signature()
        answer.stream.on("message", heard.append)
        placed = await connection.order_place(
            symbol="BTCUSDT",
            side="BUY",
            type="LIMIT",
            time_in_force="GTC",
            quantity=0.1,
            price=50001,
            new_client_order_id="sdk-ws",
        )
        await asyncio.sleep(0.3)
        await connection.close_connection()
        return placed.data().result

    assert asyncio.run(asyncio.wait_for(session(), 10)).status == "FILLED"
    assert len(heard) >= 2


class PythonBinance(LoopScript):
    def __init__(self, make):
        super().__init__()
        self.client = self.wait(make())

    def markets(self):
        return {row["baseAsset"] for row in self.wait(self.client.get_exchange_info())["symbols"]}

    def balance(self, asset):
        row = self.wait(self.client.get_asset_balance(asset=asset))
        return (Decimal(row["free"]) + Decimal(row["locked"])).quantize(Decimal("0.1"))

    def place(self, name, quantity, price):
        order = self.wait(self.create(name, quantity, price))
        return Placed(order["status"], order["executedQty"])

    def create(self, name, quantity, price):
        return self.client.create_order(
            symbol="BTCUSDT",
            side="BUY",
            type="LIMIT",
            timeInForce="GTC",
            quantity=quantity,
            price=price,
            newClientOrderId=name,
        )

    def refused(self, name, quantity, price):
        from binance.exceptions import BinanceAPIException

        with pytest.raises(BinanceAPIException) as caught:
            self.wait(self.create(name, quantity, price))
        return str(caught.value)

    def open_ids(self):
        return [order["clientOrderId"] for order in self.wait(self.client.get_open_orders(symbol="BTCUSDT"))]

    def status(self, name):
        return self.wait(self.client.get_order(symbol="BTCUSDT", origClientOrderId=name))["status"]

    def cancel(self, name):
        return self.wait(self.client.cancel_order(symbol="BTCUSDT", origClientOrderId=name))["status"]

    def trades(self):
        return [Decimal(row["qty"]) for row in self.wait(self.client.get_my_trades(symbol="BTCUSDT"))]


def test_python_binance(venue):
    binance = pytest.importorskip("binance")
    address = f"http://127.0.0.1:{venue.port}/api"

    async def make():
        client = binance.AsyncClient(KEY, SECRET)
        client.API_URL = address
        return client

    script = PythonBinance(make)
    try:
        script.run()
        candles = script.wait(script.client.get_klines(symbol="BTCUSDT", interval="1m", limit=2))
        assert [float(row[4]) for row in candles][-1] == 50001.0
        assert float(script.wait(script.client.get_avg_price(symbol="BTCUSDT"))["price"]) == 50001.0
    finally:
        script.wait(script.client.close_connection())
        script.loop.close()


def test_the_peers_collapse_updates_and_ours_does_not():
    """40 orders of 8 partial fills each: 360 reports, all of them told, in order, none twice."""
    orders, parts, threads = 40, 8, threading.active_count()
    with running(prints_per_level=parts) as venue, trading(venue) as broker:
        for number in range(orders):
            venue.move("BTC", "49999", "50001", "0.08")
            broker.submit(limit(f"part-{number}", quantity="0.08"))
        deadline, told = time.monotonic() + 5, []
        while len(told) < orders * (2 * parts + 1) and time.monotonic() < deadline:
            told += [event for event in broker.events(timeout_s=0.1) if hasattr(event, "client_order_id")]
        fills = [event for event in told if hasattr(event, "execution_id")]
        reports = [event for event in told if not hasattr(event, "execution_id")]
        assert len(reports) == orders * (parts + 1) == 360
        assert len({fill.execution_id for fill in fills}) == len(fills) == orders * parts
        assert broker.gaps == 0
    assert threading.active_count() < threads + 20
