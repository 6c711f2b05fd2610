"""The published shape of a broker, over the paper broker."""

from typing import ClassVar

import pytest

from nanodesk.brokers.paper.broker import PaperBroker
from nanodesk.brokers.paper.market import PaperMarket, VirtualClock
from nanodesk.compat import nanobook
from nanodesk.compat.published_broker import BrokerOrder, PublishedBroker
from nanodesk.errors import BrokerError
from nanodesk.market.account import Quote
from nanodesk.market.fixed_point import E9
from nanodesk.market.trading_rules import TradingRules


@pytest.fixture
def market():
    quotes = [Quote("AAPL", 18_499 * E9 // 100, 18_501 * E9 // 100, None, 0, 0, 100 * E9)]
    return PaperMarket([TradingRules("AAPL")], quotes=quotes, cash_e9={"USD": 10**6 * E9}, now_ns=VirtualClock())


@pytest.fixture
def broker(market):
    made = PublishedBroker(lambda: PaperBroker(market))
    made.connect()
    return made


class TestAnswers:
    def test_the_readme(self, broker):
        number = broker.submit_order("AAPL", "buy", 100, order_type="limit", limit_price_cents=185_05)
        assert broker.order_status(number) == {
            "id": number,
            "status": "Filled",
            "filled_quantity": 100,
            "remaining_quantity": 0,
            "avg_fill_price_cents": 185_01,
        }
        assert broker.positions() == [
            {
                "symbol": "AAPL",
                "quantity": 100,
                "avg_cost_cents": 185_01,
                "market_value_cents": 184_99_00,
                "unrealized_pnl_cents": -2_00,
            }
        ]

    def test_account_and_quote(self, broker):
        assert broker.account() == {
            "equity_cents": 100_000_000,
            "buying_power_cents": 100_000_000,
            "cash_cents": 100_000_000,
            "gross_position_value_cents": 0,
        }
        assert broker.quote("AAPL") == {
            "symbol": "AAPL",
            "bid_cents": 184_99,
            "ask_cents": 185_01,
            "last_cents": 185_00,
            "volume": 0,
        }

    def test_rest_cancel_and_open_orders(self, broker):
        number = broker.submit_order("AAPL", "BUY", 150, "LIMIT", 185_01)
        status = broker.order_status(number)
        assert (status["status"], status["filled_quantity"], status["remaining_quantity"]) == (
            "PartiallyFilled",
            100,
            50,
        )
        assert [one["id"] for one in broker.open_orders()] == [number]
        broker.cancel_order(number)
        assert broker.order_status(number)["status"] == "Cancelled" and broker.open_orders() == []
        with pytest.raises(RuntimeError, match="order error"):
            broker.cancel_order(number)

    def test_order_as_an_object(self, broker):
        number = broker.submit_order(nanobook.Order("AAPL", "buy", 10, "limit", 185_01))
        assert broker.order_status(number)["status"] == "Filled"
        assert broker.submit_order(BrokerOrder("AAPL", "buy", 1, client_order_id="mine")) == number + 1

    def test_the_order_of_a_book_is_what_it_was(self):
        exchange = nanobook.Exchange()
        result = exchange.submit_limit("buy", 100, 5, "gtc")
        assert isinstance(exchange.get_order(result.order_id), nanobook.Order)

    def test_coins(self, market):
        broker = PublishedBroker(lambda: PaperBroker(market), unit_e9=10)
        broker.connect()
        broker.submit_order("AAPL", "buy", 3 * 10**8)
        assert broker.positions()[0]["quantity"] == 3 * 10**8

    def test_stop(self, broker):
        number = broker.submit_order("AAPL", "buy", 1, "stop", stop_price_cents=190_00)
        assert broker.order_status(number)["status"] == "Submitted"


class TestErrors:
    @pytest.mark.parametrize(
        "ask",
        [
            lambda b: b.positions(),
            lambda b: b.account(),
            lambda b: b.quote("AAPL"),
            lambda b: b.order_status(1),
            lambda b: b.cancel_order(1),
            lambda b: b.open_orders(),
            lambda b: b.submit_order("AAPL", "buy", 1),
            lambda b: b.submit_order("AAPL", "buy", 0),
        ],
    )
    def test_not_connected(self, market, ask):
        broker = PublishedBroker(lambda: PaperBroker(market))
        assert broker.disconnect() is None
        for _ in range(2):
            with pytest.raises(RuntimeError, match=r"^not connected$"):
                ask(broker)
            broker.connect()
            broker.disconnect()

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("AAPL", "x", 1), "Invalid side 'x'. Use 'buy' or 'sell'."),
            (("AAPL", "buy", 1, "x"), "Invalid order_type 'x'."),
            (("AAPL", "buy", 1, "limit"), "limit_price_cents required for limit orders"),
            (("AAPL", "buy", 1, "stop"), "stop_price_cents required for stop orders"),
            (("ABCDEFGHIJ", "buy", 1), "exceeds 8 bytes"),
            (("AAPL", "buy", 1, "market", None, "a b"), "client_order_id must be 1..=36"),
            (("AAPL", "buy", 1, "market", None, ""), "client_order_id must be 1..=36"),
        ],
    )
    def test_wrong_argument_before_anything_is_asked(self, market, arguments, words):
        with pytest.raises(ValueError, match=words):
            PublishedBroker(lambda: PaperBroker(market)).submit_order(*arguments)

    @pytest.mark.parametrize("terms", [(0, "market", None), (1, "limit", -5), (1, "limit", 0)])
    def test_wrong_number(self, broker, terms):
        with pytest.raises(ValueError, match="order error"):
            broker.submit_order("AAPL", "buy", *terms)

    def test_number_that_does_not_fit(self, broker):
        for ask in (lambda: broker.submit_order("AAPL", "buy", -1), lambda: broker.cancel_order(-1)):
            with pytest.raises(OverflowError):
                ask()

    def test_refusal(self, broker):
        with pytest.raises(RuntimeError, match="order error: The order needs"):
            broker.submit_order("AAPL", "buy", 10**6, "limit", 185_01)
        with pytest.raises(RuntimeError, match="no order 77"):
            broker.order_status(77)

    def test_unknown_outcome_names_the_id(self, market):
        paper = PaperBroker(market)
        broker = PublishedBroker(lambda: paper)
        broker.connect()
        paper.lose_reply()
        with pytest.raises(RuntimeError, match="'mine' is not known"):
            broker.submit_order("AAPL", "buy", 1, client_order_id="mine")

    def test_unreachable(self):
        def fail():
            raise BrokerError("nobody there")

        with pytest.raises(RuntimeError, match=r"^connection error: nobody there"):
            PublishedBroker(fail).connect()


class TestRiskOfOrders:
    """The vision page checks what it is about to send: ``risk.check_order(order, account)``."""

    RISK = nanobook.RiskEngine(max_position_pct=0.20, max_leverage=1.0)
    ACCOUNT: ClassVar = {"equity_cents": 1_000_000_00, "cash_cents": 1_000_000_00}

    def test_order_account_and_positions_of_a_broker(self):
        order = nanobook.Order("AAPL", "buy", 100, "limit", 185_00)
        held = [{"symbol": "AAPL", "quantity": 2_000, "avg_cost_cents": 1, "market_value_cents": 1}]
        published = self.RISK.check_order("AAPL", "buy", 100, 185_00, 1_000_000_00, [("AAPL", 2_000)])
        assert self.RISK.check_order(order, self.ACCOUNT, held) == published
        assert self.RISK.check_order(order, self.ACCOUNT | {"positions": held}) == published
        assert published[1]["status"] == "FAIL"

    def test_without_holdings_the_position_is_not_known(self):
        checks = self.RISK.check_order(nanobook.Order("AAPL", "buy", 100, "limit", 185_00), self.ACCOUNT)
        assert [check["status"] for check in checks] == ["PASS", "WARN", "PASS"]
        assert "write check_order(order, account, broker.positions())" in checks[1]["detail"]

    @pytest.mark.parametrize(
        ("order", "account", "message"),
        [
            (("AAPL", "buy", 1, "limit", 1), None, r"broker\.account\(\)"),
            (("AAPL", "buy", 1, "limit", 1), {}, r"broker\.account\(\)"),
            (("AAPL", "buy", 1, "market"), ACCOUNT, "with the price of a quote"),
        ],
    )
    def test_what_is_missing_is_named(self, order, account, message):
        with pytest.raises((TypeError, ValueError), match=message):
            self.RISK.check_order(nanobook.Order(*order), account)
