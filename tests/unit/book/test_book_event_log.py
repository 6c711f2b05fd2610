"""Events, replay and logs on disk."""

from __future__ import annotations

import contextlib
import json
import pickle
import warnings

import pytest

from nanodesk.book.event_log import TornLogWarning, from_json, to_json
from nanodesk.book.events import Event
from nanodesk.book.exchange import Exchange
from nanodesk.errors import ReplayError, ValidationError
from nanodesk.market.instrument import Instrument


def busy_exchange() -> Exchange:
    """One of every command."""
    exchange = Exchange(Instrument("TEST", allows_negative_price=True), matching="split", fifo_percent=25)
    exchange.submit_limit("sell", 105, 10, owner=1)
    exchange.submit_limit("buy", 105, 4, "ioc", owner=2, self_trade="decrement")
    exchange.submit_limit("buy", 95, 9, display=3)
    exchange.submit_limit("buy", 105, 1, "fok", min_quantity=None)
    exchange.submit_limit("buy", 94, 2, post_only=True)
    exchange.submit_limit("buy", 105, 3, min_quantity=1)
    exchange.submit_market("sell", 2)
    exchange.submit_stop_market("sell", 80, 5)
    exchange.submit_stop_limit("buy", 120, 121, 5)
    exchange.submit_trailing_stop_market("sell", 70, 5, "fixed", 5)
    exchange.submit_trailing_stop_limit("sell", 70, 69, 5, "sma_abs_change", 1.5, atr_period=3)
    exchange.submit_trailing_stop_market("sell", 70, 5, "percentage", 0.1)
    exchange.submit_trailing_stop_market("sell", 70, 5, "wilder_atr", 2.5, 4)
    exchange.submit_pegged("buy", "mid", 3, -1, limit_price=100)
    exchange.submit_bracket("sell", 110, 5, 90, 130, contingency="oco")
    exchange.link("ouo", [3, 5])
    exchange.set_position(1, -6)
    exchange.submit_limit("buy", 96, 5, reduce_only=True, owner=1)
    exchange.advance_clock(5)
    exchange.set_session_close(50)
    exchange.submit_limit("buy", 91, 1, "day")
    exchange.submit_limit("buy", 92, 1, "gtd", expire_ns=60)
    exchange.set_price_band(None, 1_000)
    exchange.cancel(5)
    exchange.reduce(1, 1)
    exchange.modify(1, 106, 2)
    exchange.cancel(999)
    exchange.halt()
    exchange.resume()
    exchange.start_auction()
    exchange.submit_limit("buy", 107, 3)
    exchange.uncross()
    return exchange


class TestEvent:
    def test_is_a_value(self):
        event = Event("submit_limit", side="buy", price=100, quantity=5, tif="gtc")
        assert pickle.loads(pickle.dumps(event)) == event  # noqa: S301
        assert event.price == 100
        assert "price=100" in repr(event)
        with pytest.raises(AttributeError):
            event.price = 5
        with pytest.raises(AttributeError):
            _ = event.colour

    def test_json_and_back(self):
        for event in busy_exchange().events():
            assert from_json(json.loads(json.dumps(to_json(event)))) == event

    @pytest.mark.parametrize(
        ("line", "kind"),
        [
            ('{"SubmitLimit":{"side":"Buy","price":10100,"quantity":100,"time_in_force":"GTC"}}', "submit_limit"),
            ('{"SubmitMarket":{"side":"Buy","quantity":50}}', "submit_market"),
            ('{"Cancel":{"order_id":1}}', "cancel"),
            ('{"Modify":{"order_id":1,"new_price":5,"new_quantity":6}}', "modify"),
            (
                '{"SubmitTrailingStopMarket":{"side":"Sell","stop_price":9500,"quantity":1,'
                '"trail_method":{"Atr":{"multiplier":2.0,"period":14}}}}',
                "submit_trailing_stop_market",
            ),
            (
                '{"type":"SubmitLimit","schema_version":1,"side":"BUY","price":5,"quantity":6,"time_in_force":"GTC",'
                '"owner":3,"stp_policy":"CancelNewest"}',
                "submit_limit",
            ),
        ],
    )
    def test_published_formats(self, line, kind):
        event = from_json(json.loads(line))
        assert event.kind == kind
        Exchange().apply(event)


class TestReplay:
    def test_every_way_leads_to_the_same_book(self):
        exchange = busy_exchange()
        others = [
            exchange.replayed(),
            Exchange.replay(exchange.events(), exchange.instrument, **exchange.configuration),
        ]
        for other in others:
            assert other.state_hash() == exchange.state_hash()
            assert other.trades() == exchange.trades()
            assert other.notices() == exchange.notices()
            assert other.events() == exchange.events()

    def test_hash_after_every_event(self):
        exchange = busy_exchange()
        one = Exchange(exchange.instrument, **exchange.configuration)
        for count, event in enumerate(exchange.events(), start=1):
            one.apply(event)
            part = Exchange.replay(exchange.events(0, count), exchange.instrument, **exchange.configuration)
            assert part.state_hash() == one.state_hash()

    def test_unknown_command(self):
        with pytest.raises(ReplayError):
            Exchange().apply(Event("state_hash"))


@pytest.mark.parametrize("binary", [False, True])
class TestFiles:
    def test_round_trip(self, tmp_path, binary):
        exchange = busy_exchange()
        exchange.save(tmp_path / "log", binary=binary)
        loaded = Exchange.load(tmp_path / "log", strict=True)
        assert loaded.state_hash() == exchange.state_hash()
        assert loaded.instrument == exchange.instrument
        assert loaded.configuration == exchange.configuration

    def test_cut_anywhere(self, tmp_path, binary):
        exchange = busy_exchange()
        path = tmp_path / "log"
        exchange.save(path, binary=binary)
        data = path.read_bytes()
        recovered = 0
        for length in range(len(data)):
            path.write_bytes(data[:length])
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    loaded = Exchange.load(path)
                except ReplayError:
                    continue
            recovered += loaded.event_count() > 0
            assert loaded.events() == exchange.events(0, loaded.event_count())
            assert [w.category for w in caught] == [TornLogWarning] or length == 0
        assert recovered > 0

    def test_flipped_anywhere(self, tmp_path, binary):
        exchange = Exchange()
        exchange.submit_limit("buy", 100, 5)
        exchange.submit_limit("sell", 100, 2)
        path = tmp_path / "log"
        exchange.save(path, binary=binary)
        data = path.read_bytes()
        for at in range(len(data)):
            for bit in range(8):
                flipped = bytearray(data)
                flipped[at] ^= 1 << bit
                path.write_bytes(bytes(flipped))
                with pytest.raises((ReplayError, TornLogWarning)), warnings.catch_warnings():
                    warnings.simplefilter("error")
                    Exchange.load(path)

    def test_strict_refuses_a_torn_log(self, tmp_path, binary):
        path = tmp_path / "log"
        busy_exchange().save(path, binary=binary)
        path.write_bytes(path.read_bytes()[:-3])
        with pytest.raises(ReplayError):
            Exchange.load(path, strict=True)


class TestPublishedFiles:
    def test_blank_lines_and_a_torn_end(self, tmp_path):
        path = tmp_path / "log.jsonl"
        path.write_text('{"SubmitLimit":{"side":"Buy","price":5,"quantity":6,"time_in_force":"GTC"}}\n\n{"Canc')
        with pytest.warns(TornLogWarning, match="1 events before it are sound"):
            assert Exchange.load(path).best_bid() == 5

    def test_a_bad_line_is_named(self, tmp_path):
        path = tmp_path / "log.jsonl"
        path.write_text('{"SubmitMarket":{"side":"Buy","quantity":50}}\n{"Dance":{}}\n')
        with pytest.raises(ReplayError, match="line 2") as caught:
            Exchange.load(path)
        assert (caught.value.position, caught.value.events_read) == (2, 1)

    def test_an_unknown_schema(self, tmp_path):
        path = tmp_path / "log.jsonl"
        path.write_text('{"schema":2,"format":"nanodesk.exchange"}\n')
        with pytest.raises(ReplayError, match="schema 1"):
            Exchange.load(path)


class TestCraftedRecords:
    @pytest.mark.parametrize("at", range(32))
    @pytest.mark.parametrize("value", [1, 7, 77, 255])
    def test_any_byte_is_checked(self, at, value):
        source = Exchange()
        source.submit_limit("buy", 5, 9, display=3)
        source.submit_limit("buy", 5, 9)
        source.submit_trailing_stop_market("sell", 5, 1, "percentage", 0.5)
        events, options, ids = source.raw_log(0, 3)
        for record in range(3):
            changed = bytearray(events)
            changed[32 * record + at] = value
            target = Exchange()
            with contextlib.suppress(ReplayError):
                target.replay_raw(bytes(changed), options, ids)
            assert target.replayed().state_hash() == target.state_hash()

    @pytest.mark.parametrize("part", [(-1, 1), (0, 2), (1, 0)])
    def test_parts_of_the_log(self, part):
        exchange = Exchange()
        exchange.submit_limit("buy", 5, 9)
        with pytest.raises(ValidationError):
            exchange.raw_log(*part)
