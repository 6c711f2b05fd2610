"""The vendor's own client, unmodified, trades on the loopback venue: the same script as ours."""

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from alpaca_venue import KEY, SECRET, AlpacaLimits, limit, running, trading
from nanodesk.brokers.base import OutcomeKind
from nanodesk.market.fixed_point import parse_e9
from nanodesk.market.order import Execution, OrderState
from nanodesk.venues.faults import FaultKind
from waiting import events_until

PRICE, AWAY = "185.01", "150"


@pytest.fixture
def venue():
    with running(limits=AlpacaLimits(requests_1m=10**6, streams=2)) as one:
        yield one


class Script:
    """What every client does; the subclasses say it in the client's own words."""

    def run(self):
        assert self.markets() >= {"AAPL", "MSFT"}
        assert self.cash() == 1_000_000
        assert self.ask("AAPL") == Decimal(PRICE)
        assert self.place("one-1", "10", PRICE) == ("filled", 10)
        assert self.place("one-2", "10", AWAY) == ("new", 0)
        assert self.open_ids() == ["one-2"]
        assert "must be unique" in self.refused("one-2", "11", AWAY) or self.is_ours
        assert "buying power" in self.refused("one-3", "100000", AWAY)
        assert "sub-penny" in self.refused("one-4", "1", "150.001")
        assert self.status("one-1") == "filled"
        self.replace("one-2", "one-5", "20", "151")
        assert self.open_ids() == ["one-5"]
        assert self.status("one-2") == "replaced"
        assert self.cancel("one-5") == "canceled"
        assert self.open_ids() == []
        assert self.fills() == [Decimal(10)]
        assert self.position("AAPL") == 20

    is_ours = False


def word(state):
    return {OrderState.CANCELLED: "canceled"}.get(state, state.value)


class Ours(Script):
    is_ours = True

    def __init__(self, broker):
        self.broker = broker

    def markets(self):
        return {self.broker.trading_rules(symbol).symbol for symbol in ("AAPL", "MSFT")}

    def cash(self):
        return Decimal(self.broker.account().cash_e9).scaleb(-9)

    def ask(self, symbol):
        return Decimal(self.broker.quote(symbol).ask_e9).scaleb(-9)

    def place(self, name, quantity, price):
        report = self.broker.submit(limit(name, quantity=quantity, price=price)).report
        return word(report.state), report.filled_quantity_e9 // 10**9

    def refused(self, name, quantity, price):
        outcome = self.broker.submit(limit(name, quantity=quantity, price=price))
        assert outcome.kind is OutcomeKind.REFUSED
        return outcome.text

    def open_ids(self):
        return [report.client_order_id for report in self.broker.open_orders()]

    def status(self, name):
        return word(self.broker.status(name).state)

    def replace(self, name, new, quantity, price):
        self.broker.replace(name, limit(new, quantity=quantity, price=price))

    def cancel(self, name):
        assert self.broker.cancel(name).kind is OutcomeKind.ACCEPTED
        return self.status(name)

    def fills(self):
        return [Decimal(fill.quantity_e9).scaleb(-9) for fill in self.broker.executions()]

    def position(self, symbol):
        return next(one.quantity_e9 for one in self.broker.positions() if one.symbol == symbol) // 10**9


def test_ours(venue):
    with trading(venue) as broker:
        Ours(broker).run()


class AlpacaPy(Script):
    def __init__(self, trading_client, data_client):
        self.client, self.data = trading_client, data_client

    def markets(self):
        return {asset.symbol for asset in self.client.get_all_assets()}

    def cash(self):
        return Decimal(self.client.get_account().cash)

    def ask(self, symbol):
        from alpaca.data.requests import StockLatestQuoteRequest

        request = StockLatestQuoteRequest(symbol_or_symbols=symbol)
        return Decimal(str(self.data.get_stock_latest_quote(request)[symbol].ask_price))

    def submit(self, name, quantity, price):
        from alpaca.trading.requests import LimitOrderRequest

        request = LimitOrderRequest(
            symbol="AAPL",
            qty=float(quantity),
            side="buy",
            time_in_force="day",
            limit_price=float(price),
            client_order_id=name,
        )
        return self.client.submit_order(request)

    def place(self, name, quantity, price):
        order = self.submit(name, quantity, price)
        return order.status.value, Decimal(order.filled_qty)

    def refused(self, name, quantity, price):
        from alpaca.common.exceptions import APIError

        with pytest.raises(APIError) as caught:
            self.submit(name, quantity, price)
        return str(caught.value)

    def open_ids(self):
        return [order.client_order_id for order in self.client.get_orders()]

    def status(self, name):
        return self.client.get_order_by_client_id(name).status.value

    def replace(self, name, new, quantity, price):
        from alpaca.trading.requests import ReplaceOrderRequest

        request = ReplaceOrderRequest(qty=int(quantity), limit_price=float(price), client_order_id=new)
        old = self.client.get_order_by_client_id(name)
        order = self.client.replace_order_by_id(old.id, request)
        assert (order.replaces, order.client_order_id) == (old.id, new)
        assert self.client.get_order_by_id(old.id).replaced_by == order.id

    def cancel(self, name):
        self.client.cancel_order_by_id(self.client.get_order_by_client_id(name).id)
        return self.status(name)

    def fills(self):
        return [Decimal(row["qty"]) for row in self.client.get("/account/activities", {"activity_types": "FILL"})]

    def position(self, symbol):
        return Decimal(self.client.get_open_position(symbol).qty)


@pytest.fixture
def client(venue):
    library = pytest.importorskip("alpaca.trading.client")
    return library.TradingClient(KEY, SECRET, paper=True, url_override=f"http://127.0.0.1:{venue.port}")


def test_alpaca_py(venue, client):
    from alpaca.data.historical import StockHistoricalDataClient

    data = StockHistoricalDataClient(KEY, SECRET, url_override=f"http://127.0.0.1:{venue.port}")
    AlpacaPy(client, data).run()


def test_alpaca_py_hears_what_we_hear(venue, client):
    from alpaca.trading.requests import MarketOrderRequest
    from alpaca.trading.stream import TradingStream

    stream = TradingStream(KEY, SECRET, url_override=f"ws://127.0.0.1:{venue.port}/stream")
    heard, complete, listening = [], threading.Event(), threading.Event()

    async def on_update(update):
        heard.append(update)
        if update.event == "fill":
            complete.set()

    stream.subscribe_trade_updates(on_update)
    thread = threading.Thread(target=stream.run, daemon=True)
    with trading(venue) as broker:
        thread.start()
        for _ in range(100):
            if venue.venue.counts().get("ws listen", 0) >= 2:
                break
            listening.wait(0.05)
        client.submit_order(
            MarketOrderRequest(symbol="AAPL", qty=5, side="buy", time_in_force="day", client_order_id="a-1")
        )
        events = events_until(broker, lambda found: any(isinstance(event, Execution) for event in found))
        assert complete.wait(3)
    stream.stop()  # its thread ends within its own five seconds
    (fill,) = [event for event in events if isinstance(event, Execution)]
    assert [update.event for update in heard] == ["new", "fill"]
    theirs = heard[-1]
    assert theirs.execution_id and theirs.position_qty == 15
    assert (fill.client_order_id, fill.quantity_e9) == (theirs.order.client_order_id, parse_e9(theirs.qty))
    assert (fill.price_e9, fill.venue_order_id) == (parse_e9(theirs.price), str(theirs.order.id))


def test_alpaca_py_sends_again_after_504_where_we_do_not(venue, client):
    from alpaca.common.exceptions import APIError
    from alpaca.trading.requests import MarketOrderRequest

    client._retry_wait = 0
    venue.fault(FaultKind.ERROR_AFTER_ACCEPT, match="new", count=3)
    terms = {"symbol": "AAPL", "qty": 1, "side": "buy", "time_in_force": "day"}
    client.submit_order(MarketOrderRequest(**terms))
    theirs = len(venue.executions())
    assert theirs == 4, "one order was wanted"
    venue.fault(FaultKind.ERROR_AFTER_ACCEPT, match="new")
    with pytest.raises(APIError, match="must be unique"):
        client.submit_order(MarketOrderRequest(**terms, client_order_id="named"))
    with trading(venue) as broker:
        venue.fault(FaultKind.ERROR_AFTER_ACCEPT, match="new")
        assert broker.submit(limit("a-1")).kind is OutcomeKind.UNKNOWN
        assert broker.status("a-1").state is OrderState.FILLED
    assert len(venue.executions()) == theirs + 2


def test_the_rest_of_alpaca_py(venue, client):
    from alpaca.common.exceptions import APIError
    from alpaca.data.historical import StockHistoricalDataClient
    from alpaca.data.requests import StockLatestTradeRequest, StockSnapshotRequest
    from alpaca.trading.enums import QueryOrderStatus
    from alpaca.trading.requests import (
        ClosePositionRequest,
        GetCalendarRequest,
        GetOrdersRequest,
        LimitOrderRequest,
        MarketOrderRequest,
    )

    clock = client.get_clock()
    assert clock.is_open and clock.next_close > clock.timestamp
    days = client.get_calendar(GetCalendarRequest(start=date(2024, 7, 3), end=date(2024, 7, 5)))
    assert [(day.date.day, day.close.hour) for day in days] == [(3, 13), (5, 16)]
    assert client.get_asset("AAPL").tradable
    with pytest.raises(APIError, match="not found"):
        client.get_asset("NOSUCH")

    order = client.submit_order(MarketOrderRequest(symbol="MSFT", notional=1000, side="buy", time_in_force="day"))
    assert (order.filled_qty, order.notional) == ("2", "1000")
    for name in ("r-1", "r-2"):
        client.submit_order(
            LimitOrderRequest(
                symbol="AAPL", qty=1, side="buy", time_in_force="gtc", limit_price=100, client_order_id=name
            )
        )
    later = datetime.now(UTC) + timedelta(hours=1)
    assert client.get_orders(GetOrdersRequest(after=later)) == []
    assert [one.status for one in client.cancel_orders()] == [200, 200]
    closed = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.CLOSED, symbols=["AAPL"], limit=1))
    assert [one.client_order_id for one in closed] == ["r-2"]

    half = client.close_position("AAPL", ClosePositionRequest(percentage="50"))
    assert half.filled_qty == "5"
    assert [one.status for one in client.close_all_positions(cancel_orders=True)] == [200, 200]
    assert client.get_all_positions() == []

    data = StockHistoricalDataClient(KEY, SECRET, url_override=f"http://127.0.0.1:{venue.port}")
    assert data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols="MSFT"))["MSFT"].price == 370
    snapshots = data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=["AAPL", "MSFT"]))
    assert snapshots["AAPL"].latest_quote.ask_price == 185.01


def test_alpaca_py_with_another_key(venue):
    library = pytest.importorskip("alpaca.trading.client")
    from alpaca.common.exceptions import APIError

    client = library.TradingClient(KEY, "other", paper=True, url_override=f"http://127.0.0.1:{venue.port}")
    with pytest.raises(APIError, match="not authorized") as caught:
        client.get_account()
    assert caught.value.status_code == 401
