"""Names at the desk against contracts, and trading rules from contract details."""

from __future__ import annotations

import pytest

from nanodesk.brokers.ibkr.contracts import ContractBook, is_within, rules_from_details
from nanodesk.brokers.ibkr.messages import ContractDetailsMessage, TwsContract
from nanodesk.market.enums import TimeInForce
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import OrderType
from nanodesk.market.trading_rules import TradingStatus

NOON_NS = 1_795_194_000 * 10**9  # 2026-11-20 12:00 in New York


def details(**changes: object) -> ContractDetailsMessage:
    values: dict[str, object] = {
        "request_id": 1,
        "contract": TwsContract("AAPL", con_id=265598, primary_exchange="NASDAQ"),
        "min_tick_e9": E9 // 100,
        "min_size_e9": E9 // 10_000,
        "size_increment_e9": E9 // 10_000,
        "order_types": ("MKT", "LMT", "STP", "STPLMT", "IOC", "DAY", "GTC", "ADJUST"),
        "long_name": "APPLE INC",
        "industry": "Technology",
        "category": "Computers",
        "stock_type": "COMMON",
        "time_zone": "US/Eastern",
        "trading_hours": "",
        "liquid_hours": "20261120:0930-20261120:1600;20261121:CLOSED",
    }
    return ContractDetailsMessage(**(values | changes))  # type: ignore[arg-type]


class TestContractBook:
    def test_plain_names_are_shares_in_dollars(self):
        contract = ContractBook().contract("AAPL")
        assert (contract.symbol, contract.sec_type, contract.exchange, contract.currency) == (
            "AAPL",
            "STK",
            "SMART",
            "USD",
        )

    def test_names_that_were_given_go_both_ways(self):
        future = TwsContract("ES", "FUT", "CME", "USD", expiry="20261218", multiplier="50")
        book = ContractBook({"ESZ6": future})
        assert book.contract("ESZ6") is future
        assert book.desk_name(TwsContract("ES", "FUT", "CME", "USD", 495512563, expiry="20261218")) == "ESZ6"
        assert book.desk_name(TwsContract("ES", "FUT", "CME", "USD", expiry="20270319", local_symbol="ESH7")) == "ESH7"

    def test_numbers_that_were_learned_are_remembered(self):
        book = ContractBook()
        book.learn("FB", TwsContract("META", con_id=107113386))
        assert book.desk_name(TwsContract("META", con_id=107113386)) == "FB"

    def test_strikes_are_compared_as_numbers(self):
        option = TwsContract("AAPL", "OPT", expiry="20261218", strike="150.0", right="C")
        book = ContractBook({"AAPL C150": option})
        assert book.desk_name(TwsContract("AAPL", "OPT", expiry="20261218", strike="150", right="C")) == "AAPL C150"


class TestRules:
    def test_shares_trade_in_whole_ones(self):
        rules = rules_from_details("AAPL", details(), NOON_NS)
        assert (rules.tick_e9, rules.lot_e9, rules.min_quantity_e9) == (E9 // 100, E9, E9)
        assert rules.order_types == frozenset(OrderType)
        assert rules.times_in_force == {TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC}
        assert (rules.venue, rules.asset_class, rules.status) == ("NASDAQ", "equity", TradingStatus.TRADING)

    def test_coins_trade_in_their_steps(self):
        coin = TwsContract("BTC", "CRYPTO", "PAXOS", con_id=1)
        assert rules_from_details("BTC", details(contract=coin), NOON_NS).lot_e9 == E9 // 10_000

    def test_outside_its_hours_it_is_closed(self):
        assert rules_from_details("AAPL", details(), NOON_NS + 12 * 3600 * 10**9).status is TradingStatus.CLOSED

    @pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd"])
    def test_hours_of_an_unknown_zone_close_nothing(self, zone):
        assert rules_from_details("AAPL", details(time_zone=zone), NOON_NS).status is TradingStatus.TRADING

    @pytest.mark.parametrize("hours", ["", "x", "20261120:0930", "20261120:0930-20261120:9960", "-", ";;"])
    def test_hours_that_cannot_be_read_are_no_hours(self, hours):
        assert is_within(hours, "US/Eastern", NOON_NS) is not True

    @pytest.mark.parametrize("expiry", ["20261218", "20261218 16:00:00 US/Eastern"])
    def test_a_future_ends_with_its_last_day(self, expiry):
        future = TwsContract("ES", "FUT", "CME", expiry=expiry)
        midnight_ns = 1_797_638_400 * 10**9  # 2026-12-19 00:00 UTC
        assert rules_from_details("ES", details(contract=future), NOON_NS).expires_ns == midnight_ns

    @pytest.mark.parametrize("expiry", ["", "202612", "20261399", "2026121", "202612181", "soon"])
    def test_no_day_is_no_end(self, expiry):
        future = TwsContract("ES", "FUT", "CME", expiry=expiry)
        assert rules_from_details("ES", details(contract=future), NOON_NS).expires_ns is None

    def test_multipliers(self):
        future = TwsContract("ES", "FUT", "CME", multiplier="50")
        assert rules_from_details("ES", details(contract=future), NOON_NS).multiplier == 50
        assert rules_from_details("ES", details(contract=TwsContract("ES", multiplier="x")), NOON_NS).multiplier == 1
