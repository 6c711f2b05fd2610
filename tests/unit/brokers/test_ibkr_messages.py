"""Messages of TWS: recorded ones parse, layouts agree with ib_async, everything wrong is one error."""

from __future__ import annotations

import gzip
import json

import pytest

from market_data import market_data
from nanodesk.brokers.ibkr.codec import TwsCodec
from nanodesk.brokers.ibkr.frames import frame
from nanodesk.brokers.ibkr.messages import (
    AccountValue,
    CommissionMessage,
    CurrentTime,
    EndMessage,
    EndOf,
    ExecutionMessage,
    ManagedAccounts,
    OrderStatusMessage,
    Tick,
    TwsContract,
    TwsError,
)
from nanodesk.brokers.ibkr.parsing import parse_fixed, parse_time
from nanodesk.errors import FeedError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.order import Order, OrderType
from nanodesk.venues.tws.requests import PlaceOrder, parse_request

EXECUTION = [
    *("11", "-1", "5", "265598", "AAPL", "STK", "", "0", "", "", "NASDAQ", "USD", "AAPL", "NMS"),
    *("0000e0d5.65a1.01.01", "20261120 09:30:00 US/Eastern", "DU1", "NASDAQ", "BOT", "100", "185.05"),
    *("77", "7", "0", "100", "185.05", "r-1", "", "", "", "2", "0"),
]


class TestParseFixed:
    def test_a_fill(self):
        fill = parse_fixed(EXECUTION)
        assert isinstance(fill, ExecutionMessage)
        assert (fill.execution_id, fill.side, fill.quantity_e9) == ("0000e0d5.65a1.01.01", Side.BUY, 100 * E9)
        assert (fill.price_e9, fill.order_ref, fill.perm_id) == (parse_e9("185.05"), "r-1", 77)

    @pytest.mark.parametrize(("at", "text"), [(18, "BUYS"), (19, "nan"), (19, "-1"), (20, ""), (14, ""), (2, "x")])
    def test_a_fill_that_is_none_is_refused(self, at, text):
        fields = [*EXECUTION]
        fields[at] = text
        with pytest.raises(FeedError):
            parse_fixed(fields)

    @pytest.mark.parametrize("length", range(1, 27))
    def test_a_fill_that_ends_early_is_refused(self, length):
        with pytest.raises(FeedError):
            parse_fixed(EXECUTION[:length])

    @pytest.mark.parametrize("first", ["", "x", "-3", "1e3", "999999999999999999999"])
    def test_a_message_without_a_number_is_refused(self, first):
        with pytest.raises(FeedError, match="id"):
            parse_fixed([first, "1"])

    def test_a_kind_that_is_not_used_is_passed_over(self):
        assert parse_fixed(["89", "7", "payload"]) is None

    def test_a_clock_without_a_known_zone_loses_no_fill(self):
        fields = [*EXECUTION]
        fields[15] = "20261120 09:30:00 Mars/Olympus"
        fill = parse_fixed(fields)
        assert isinstance(fill, ExecutionMessage)
        assert fill.ts_ns == 0

    def test_a_commission_without_an_amount_is_not_one_of_nothing(self):
        known = ["59", "1", "0000e0d5.65a1.01.01", "1.0035", "USD", "1.7976931348623157E308", "", ""]
        fee = parse_fixed(known)
        assert isinstance(fee, CommissionMessage)
        assert (fee.commission_e9, fee.currency) == (parse_e9("1.0035"), "USD")
        for unset in ("1.7976931348623157E308", "1.7976931348623157e+308", ""):
            assert parse_fixed([*known[:3], unset, *known[4:]]) is None

    def test_the_tail_of_a_double_is_no_reason_to_lose_a_fill_or_a_quote(self):
        fields = [*EXECUTION]
        fields[20] = "185.05000000000001"
        fill = parse_fixed(fields)
        assert isinstance(fill, ExecutionMessage)
        assert fill.price_e9 == parse_e9("185.05")
        tick = parse_fixed(["1", "6", "9", "1", "1.0849999999999997", "100", "0"])
        assert isinstance(tick, Tick)
        assert tick.price_e9 == parse_e9("1.085")

    @pytest.mark.parametrize("unset", ["", "2147483647", "9223372036854775807", "1.7976931348623157E308"])
    def test_a_size_without_a_value_is_none(self, unset):
        tick = parse_fixed(["2", "6", "9", "0", unset])
        assert isinstance(tick, Tick)
        assert tick.size_e9 is None

    def test_clocks(self):
        assert parse_time("20261120 09:30:00") == parse_time("20261120 09:30:00 UTC") == 1_795_167_000 * 10**9
        assert parse_time("1795167000") == 1_795_167_000 * 10**9


class TestRecorded:
    """Messages that another project (rust-ibapi, MIT) tests its own parser with; some are cut on purpose."""

    def items(self) -> list[list[str]]:
        path = market_data() / "api_fixtures" / "ib_tws_wire_messages.jsonl.gz"
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return [json.loads(line)["fields"] for line in file]

    def test_every_message_is_read_passed_over_or_refused_by_our_error(self):
        codec, read, passed, refused = TwsCodec(), 0, 0, 0
        items = self.items()
        assert len(items) == 64
        for fields in items:
            try:
                message = codec.parse(frame(fields)[4:])
            except FeedError:
                refused += 1
            else:
                read, passed = read + (message is not None), passed + (message is None)
        # the rest are requests, kinds that are not used, stumps and layouts of other versions
        assert read + passed + refused == 64
        assert read >= 12

    def test_whole_messages_have_the_values_of_their_source(self):
        codec = TwsCodec()
        messages = [codec.parse_fields(fields) for fields in self.items() if self.is_whole(fields)]
        assert ManagedAccounts(("DU1234567", "DU7654321")) in messages
        assert CurrentTime(1678890000) in messages
        assert AccountValue(123, "DU123456", "AccountType", "ADVISOR", "USD") in messages
        assert TwsError(-1, 2104, "Market data farm connection is OK:usfarm") in messages
        assert EndMessage(EndOf.EXECUTIONS, 9000) in messages
        status = OrderStatusMessage(13, "PreSubmitted", 0, 100 * E9, 0, 1376327563, 0, 0, 100, "")
        assert status in messages

    def is_whole(self, fields: list[str]) -> bool:
        try:
            TwsCodec().parse_fields(fields)
        except FeedError:
            return False
        return True


class TestCodec:
    def test_an_order_travels_exactly(self):
        order = Order("run-1.3", "AAPL", Side.SELL, parse_e9("0.1"), OrderType.LIMIT, parse_e9("123456789.123456789"))
        body = TwsCodec().place_order(17, TwsContract("AAPL", con_id=265598), order, "DU0000001")[4:]
        request = parse_request(body[:-1].decode().split("\0"))
        assert isinstance(request, PlaceOrder)
        assert (request.order_id, request.side, request.order_ref) == (17, Side.SELL, "run-1.3")
        assert request.quantity_e9 == parse_e9("0.1")
        assert request.limit_e9 == parse_e9("123456789.123456789")
        assert (request.order_type, request.tif, request.account) == ("LMT", "DAY", "DU0000001")
        assert request.transmit and not request.what_if

    def test_stop_prices_stand_where_they_belong(self):
        order = Order(
            "s", "AAPL", Side.SELL, E9, OrderType.STOP_LIMIT, 180 * E9, 181 * E9, time_in_force=TimeInForce.GTC
        )
        body = TwsCodec().place_order(1, TwsContract("AAPL"), order, "DU1")[4:]
        request = parse_request(body[:-1].decode().split("\0"))
        assert isinstance(request, PlaceOrder)
        assert (request.order_type, request.limit_e9, request.aux_e9) == ("STP LMT", 180 * E9, 181 * E9)
        assert request.tif == "GTC"

    @pytest.mark.parametrize("kind", ["5", "101"])
    def test_orders_that_end_anywhere_are_refused_by_our_error(self, kind):
        codec = TwsCodec()
        for length in range(1, 140):
            with pytest.raises(FeedError):
                codec.parse_fields([kind, *["1"] * length])
