"""The published Binance adapter on the loopback venue; what it got wrong (list of faults, no. 15) is right here."""

import pytest

from binance_venue import KEY, SECRET, running
from nanodesk.compat.nanobook import BinanceBroker, Order

COIN = 10**8


@pytest.fixture
def venue():
    with running() as one:
        yield one


@pytest.fixture
def broker(venue):
    one = BinanceBroker(KEY, SECRET, testnet=True, quote_asset="USDT", **venue.endpoints)
    one.connect()
    yield one
    one.disconnect()


class TestPublishedCalls:
    def test_keys_and_cents(self, broker):
        assert broker.account() == {
            "equity_cents": 150_000_000,
            "buying_power_cents": 100_000_000,
            "cash_cents": 100_000_000,
            "gross_position_value_cents": 50_000_000,
        }
        assert broker.positions() == [
            {
                "symbol": "BTC",
                "quantity": 10 * COIN,
                "avg_cost_cents": 0,
                "market_value_cents": 50_000_000,
                "unrealized_pnl_cents": 0,
            }
        ]
        quote = broker.quote("BTC")
        assert (quote["bid_cents"], quote["ask_cents"], quote["last_cents"]) == (4_999_900, 5_000_100, 5_000_000)
        assert set(quote) == {"symbol", "bid_cents", "ask_cents", "last_cents", "volume"}

    def test_orders_as_objects(self, broker):
        number = broker.submit_order(Order("BTC", "buy", COIN, "limit", 5_000_100))
        assert broker.order_status(number)["status"] == "Filled"

    def test_errors_are_the_published_kinds(self, venue, broker):
        closed = BinanceBroker(KEY, SECRET, testnet=True, **venue.endpoints)
        for ask in (closed.positions, closed.account, lambda: closed.quote("BTC"), lambda: closed.order_status(1)):
            with pytest.raises(RuntimeError, match="not connected"):
                ask()
        for words in (("BTC", "buy", 1, "limit"), ("BTC", "hold", 1), ("BTC", "buy", 1, "iceberg")):
            with pytest.raises(ValueError):
                broker.submit_order(*words)
        with pytest.raises(RuntimeError, match="insufficient balance"):
            broker.submit_order("BTC", "buy", 40 * COIN)

    def test_live_by_default_as_published_and_never_on_loopback(self, venue):
        with pytest.raises(RuntimeError, match="testnet=False"):
            BinanceBroker(KEY, SECRET, **venue.endpoints).connect()


class TestFaultFifteen:
    def test_status_is_the_venues(self, broker):
        number = broker.submit_order("BTC", "buy", COIN // 2, "limit", 4_000_000)
        assert broker.order_status(number) == {
            "id": number,
            "status": "Submitted",
            "filled_quantity": 0,
            "remaining_quantity": COIN // 2,
            "avg_fill_price_cents": 0,
        }
        assert broker.order_status(broker.submit_order("BTC", "buy", COIN))["status"] == "Filled"

    def test_open_orders_are_listed(self, broker):
        number = broker.submit_order("BTC", "buy", COIN, "limit", 4_000_000)
        assert [order["id"] for order in broker.open_orders()] == [number]

    def test_cancel_cancels(self, broker):
        number = broker.submit_order("BTC", "buy", COIN, "limit", 4_000_000)
        broker.cancel_order(number)
        assert broker.order_status(number)["status"] == "Cancelled"
        with pytest.raises(RuntimeError, match="Unknown order sent"):
            broker.cancel_order(number)

    def test_orders_and_positions_count_in_one_unit(self, broker):
        broker.submit_order("BTC", "buy", COIN // 4)
        (held,) = broker.positions()
        assert held["quantity"] == 10 * COIN + COIN // 4
        broker.submit_order("BTC", "sell", held["quantity"])
        assert broker.positions() == []

    def test_prices_keep_the_places_of_the_venue(self, venue):
        from nanodesk.brokers.binance.orders import order_parameters
        from nanodesk.market.enums import Side, TimeInForce
        from nanodesk.market.fixed_point import parse_e9
        from nanodesk.market.order import Order, OrderType

        order = Order(
            "a", "PEPE", Side.BUY, parse_e9("1000.5"), OrderType.LIMIT, parse_e9("0.00001234"),
            time_in_force=TimeInForce.GTC,
        )  # fmt: skip
        words = order_parameters(order, "PEPEUSDT")
        assert (words["price"], words["quantity"]) == ("0.00001234", "1000.5")

    def test_the_account_is_read_from_the_account_and_the_stream_from_the_testnet(self, broker, venue):
        counts = venue.venue.counts()
        assert counts["ws userDataStream.subscribe.signature"] == 1
        assert "rest unknown" not in counts
        assert "ws unknown" not in counts
