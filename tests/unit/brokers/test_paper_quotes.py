"""The quotes file: what is read back is what was written, and every fault is named."""

import json
from dataclasses import replace

import pytest

from nanodesk.brokers.paper.quotes import (
    RecordedFeed,
    example_quotes,
    parse_quotes,
    quotes_from_closes,
    read_quotes,
    read_table,
    write_quotes,
)
from nanodesk.errors import ConfigError, DataError, PriceError
from nanodesk.market.account import Quote
from nanodesk.market.fixed_point import E9
from nanodesk.market.trading_rules import TradingRules

CONTRACT = {
    "schema": 1,
    "currency": "USD",
    "cash": "1000000",
    "symbols": [
        {
            "symbol": "AAPL",
            "bid": "184.99",
            "ask": "185.01",
            "last": "185.00",
            "bid_size": "1000",
            "ask_size": "1000",
            "tick": "0.01",
            "lot": "1",
        }
    ],
}


def with_symbol(**changes):
    return {**CONTRACT, "symbols": [{**CONTRACT["symbols"][0], **changes}]}


class TestReading:
    def test_the_documented_file(self, tmp_path):
        path = tmp_path / "quotes.json"
        path.write_text(json.dumps(CONTRACT))
        book = read_quotes(path)
        assert (book.currency, book.cash_e9, book.holdings_e9) == ("USD", 10**6 * E9, {})
        assert book.rules == (TradingRules("AAPL"),)
        assert book.quotes == (Quote("AAPL", 184_990_000_000, 185_010_000_000, 185 * E9, 0, 1_000 * E9, 1_000 * E9),)

    def test_toml(self, tmp_path):
        path = tmp_path / "quotes.toml"
        path.write_text(
            'schema = 1\n[[symbols]]\nsymbol = "A"\nbid = 1.10\nask = 1.2\nposition = -5\ncan_short = true\n'
        )
        book = read_quotes(path)
        assert book.quotes[0].bid_e9 == 1_100_000_000 and book.holdings_e9 == {"A": -5 * E9}

    def test_numbers_are_exact(self, tmp_path):
        path = tmp_path / "quotes.json"
        path.write_text('{"schema":1,"symbols":[{"symbol":"A","bid":0.123456789,"tick":1e-9,"lot":"0.00001"}]}')
        assert read_quotes(path).quotes[0].bid_e9 == 123_456_789

    def test_currency_of_the_venue(self):
        assert parse_quotes(CONTRACT, currency="USDT").rules[0].currency == "USDT"

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            ({**CONTRACT, "schema": 2}, "schema: 2 must be 1"),
            ({**CONTRACT, "colour": 1}, "colour: unknown key"),
            ({**CONTRACT, "cash": "-1"}, "cash: '-1' must be 0 or more"),
            ({**CONTRACT, "cash": "NaN"}, "cash: 'NaN' must be a decimal"),
            ({**CONTRACT, "cash": True}, "cash: True must be a decimal"),
            ({**CONTRACT, "currency": ""}, "currency: '' must be a name"),
            ({**CONTRACT, "symbols": []}, "symbols: must be a list"),
            ({**CONTRACT, "symbols": [7]}, "symbols[0]: must be a table"),
            ({**CONTRACT, "symbols": CONTRACT["symbols"] * 2}, "'AAPL' is given twice"),
            ({**CONTRACT, "as_of_ns": "now"}, "as_of_ns: 'now' must be an integer"),
            (with_symbol(symbol=""), "symbols[0].symbol: '' must be a name"),
            (with_symbol(bid="0"), "symbols[0].bid: '0' must be above 0"),
            (with_symbol(bid="184.995"), "symbols[0].bid: 184.995 is no multiple of tick 0.01"),
            (with_symbol(bid_size="0.5"), "symbols[0].bid_size: 0.5 is no multiple of lot 1"),
            (with_symbol(ask=[1]), "symbols[0].ask: [1] must be a decimal"),
            (with_symbol(tick="0"), "tick_e9=0 must be a positive integer"),
            (with_symbol(multiplier=0), "multiplier: 0 must be an integer"),
            (with_symbol(can_short="yes"), "can_short: 'yes' must be true or false"),
            (with_symbol(sector=3), "sector: 3 must be text"),
            (with_symbol(price="1"), "symbols[0].price: unknown key"),
        ],
    )
    def test_fault_names_file_and_key(self, content, problem):
        with pytest.raises(ConfigError) as caught:
            parse_quotes(content, source="q.json")
        assert len(caught.value.problems) == 1
        assert caught.value.problems[0].startswith("q.json: ") and problem in caught.value.problems[0]

    def test_all_faults_at_once(self):
        with pytest.raises(ConfigError) as caught:
            parse_quotes({**with_symbol(bid="x", ask="y"), "schema": 3})
        assert len(caught.value.problems) == 3

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("a.json", '{"schema":1,"schema":1}'),
            ("a.json", '{"schema":NaN}'),
            ("a.json", "[" * 50_000),
            ("a.json", "[]"),
            ("a.json", " " * (2 << 20)),
            ("a.toml", "a = [" * 50_000),
            ("a.toml", ".".join("a" * 16_000) + " = 1"),
            ("a.toml", "a = "),
            ("a.toml", "cash = 1e99223372036854775807"),
            ("a.toml", "cash = -inf"),
            ("a.json", '{"cash": 1e-99223372036854775807}'),
        ],
    )
    def test_hostile_file(self, tmp_path, name, text):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(ConfigError, match=name):
            read_table(path)

    def test_missing_file_and_bytes_that_are_no_text(self, tmp_path):
        (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00")
        for name in ("no.json", "b.json"):
            with pytest.raises(ConfigError, match=name):
                read_quotes(tmp_path / name)


class TestWriting:
    def test_round_trip(self, tmp_path):
        book = example_quotes()
        rules = (*book.rules[:-1], replace(book.rules[-1], base="ETH", can_short=True, min_notional_e9=5, sector="x"))
        book = replace(book, rules=rules, holdings_e9={"AAPL": -7})
        write_quotes(tmp_path / "q.json", book)
        assert read_quotes(tmp_path / "q.json") == book


class TestFromCloses:
    def test_spread_is_at_least_a_tick(self):
        [quote] = quotes_from_closes({"A": "10"}, spread_bps=0, ts_ns=5)
        assert (quote.bid_e9, quote.ask_e9, quote.last_e9, quote.ts_ns) == (10 * E9, 10_010_000_000, 10 * E9, 5)

    def test_float_close_off_the_grid(self):
        [quote] = quotes_from_closes({"A": 33.333333333333336}, spread_bps="3")
        assert (quote.bid_e9, quote.ask_e9) == (33_320_000_000, 33_340_000_000)

    @pytest.mark.parametrize("closes", [{"A": 0.001}, {"A": 0}, {"A": -5}, {"A": float("nan")}])
    def test_bad_close(self, closes):
        with pytest.raises(PriceError):
            quotes_from_closes(closes)

    def test_bad_spread(self):
        with pytest.raises(PriceError):
            quotes_from_closes({"A": 1}, spread_bps=-1)


def test_recording_out_of_order():
    with pytest.raises(DataError):
        RecordedFeed([Quote("A", 1, 2, None, 5), Quote("A", 1, 2, None, 4)])
