import copy
import json
import pickle
import random
from pathlib import Path

import pytest

from nanodesk.book import exchange as engine
from nanodesk.compat.nanobook import Event, Exchange, load_events, save_events

EVENTS = {
    Event("submit_limit", "buy", 100_50, 100): (
        "SubmitLimit { side: Buy, price: Price(10050), quantity: 100, time_in_force: GTC }",
        '{"SubmitLimit":{"side":"Buy","price":10050,"quantity":100,"time_in_force":"GTC"}}',
    ),
    Event("submit_market", "SELL", 5): (
        "SubmitMarket { side: Sell, quantity: 5 }",
        '{"SubmitMarket":{"side":"Sell","quantity":5}}',
    ),
    Event("cancel", order_id=99): ("Cancel { order_id: OrderId(99) }", '{"Cancel":{"order_id":99}}'),
    Event("modify", 1, 101_00, 50): (
        "Modify { order_id: OrderId(1), new_price: Price(10100), new_quantity: 50 }",
        '{"Modify":{"order_id":1,"new_price":10100,"new_quantity":50}}',
    ),
    Event("submit_stop_market", "sell", 9500, 10): (
        "SubmitStopMarket { side: Sell, stop_price: Price(9500), quantity: 10 }",
        '{"SubmitStopMarket":{"side":"Sell","stop_price":9500,"quantity":10}}',
    ),
    Event("submit_stop_limit", "b", 10500, 10600, 10, "ioc"): (
        "SubmitStopLimit { side: Buy, stop_price: Price(10500), limit_price: Price(10600), quantity: 10, "
        "time_in_force: IOC }",
        '{"SubmitStopLimit":{"side":"Buy","stop_price":10500,"limit_price":10600,"quantity":10,"time_in_force":"IOC"}}',
    ),
    Event("submit_trailing_stop_market", "sell", 9500, 10, "pct", 0.05): (
        "SubmitTrailingStopMarket { side: Sell, stop_price: Price(9500), quantity: 10, "
        "trail_method: Percentage(0.05) }",
        '{"SubmitTrailingStopMarket":{"side":"Sell","stop_price":9500,"quantity":10,'
        '"trail_method":{"Percentage":0.05}}}',
    ),
    Event("submit_trailing_stop_market", "sell", 9500, 10, "fixed", 200.9): (
        "SubmitTrailingStopMarket { side: Sell, stop_price: Price(9500), quantity: 10, trail_method: Fixed(200) }",
        '{"SubmitTrailingStopMarket":{"side":"Sell","stop_price":9500,"quantity":10,"trail_method":{"Fixed":200}}}',
    ),
    Event("submit_trailing_stop_limit", "sell", 9500, 9400, 10, "atr", 2, atr_period=14): (
        "SubmitTrailingStopLimit { side: Sell, stop_price: Price(9500), limit_price: Price(9400), quantity: 10, "
        "time_in_force: GTC, trail_method: Atr { multiplier: 2.0, period: 14 } }",
        '{"SubmitTrailingStopLimit":{"side":"Sell","stop_price":9500,"limit_price":9400,"quantity":10,'
        '"time_in_force":"GTC","trail_method":{"Atr":{"multiplier":2.0,"period":14}}}}',
    ),
}


def flow(seed: int, count: int = 200) -> Exchange:
    """Everything a published exchange can be told, cancels and owners included."""
    rng, book = random.Random(seed), Exchange()
    for _ in range(count):
        side, price, quantity = rng.choice(["buy", "sell"]), rng.randint(-3, 12), rng.randint(1, 9)
        choice = rng.randrange(10)
        if choice < 5:
            owner = rng.choice([None, None, 1, 2])
            mode = "off" if owner is None else rng.choice(["off", "cancel_newest", "cancel_oldest", "decrement"])
            tif = rng.choice(["gtc", "gtc", "ioc", "fok"])
            book.submit_limit(side, price, quantity, tif, owner=owner, self_trade=mode)
        elif choice == 5:
            book.submit_market(side, quantity)
        elif choice == 6:
            book.cancel(rng.randint(0, 100))
        elif choice == 7:
            book.modify(rng.randint(0, 100), price, rng.randint(0, 5))
        elif choice == 8:
            book.submit_stop_limit(side, price, rng.randint(1, 9), quantity)
        else:
            kind, value = rng.choice([("fixed", 2), ("pct", 0.5), ("atr", 1.5)])
            book.submit_trailing_stop_market(side, price, quantity, kind, value, 3 if kind == "atr" else None)
    return book


def state(book: Exchange) -> list[object]:
    orders = [repr(book.get_order(number)) for number in range(300)]
    stops = [book.get_stop_order(number) for number in range(300)]
    return [book.full_book(), book.trades(), book.last_trade_price(), orders, stops, book.events()]


def pickled(event: Event) -> object:
    return pickle.loads(pickle.dumps(event))  # noqa: S301


class TestEvent:
    @pytest.mark.parametrize("event", EVENTS)
    def test_debug_form_and_json(self, event: Event) -> None:
        debug, line = EVENTS[event]
        assert (repr(event), event.to_json(), event.__getstate__()) == (debug, line, line)

    @pytest.mark.parametrize("event", EVENTS)
    def test_it_comes_back_from_json_and_pickle(self, event: Event) -> None:
        for twin in (Event.from_json(event.to_json()), pickled(event), copy.deepcopy(event)):
            assert twin == event
            assert hash(twin) == hash(event)

    def test_kind_and_arguments_are_those_of_the_method(self) -> None:
        event = Event("submit_limit", "SELL", 5, 7)
        assert event.kind == "submit_limit"
        assert event.arguments == {"side": "sell", "price": 5, "quantity": 7, "tif": "gtc"}
        with pytest.raises(AttributeError):
            event.kind = "cancel"  # type: ignore[misc]

    def test_a_small_multiple_prints_as_published(self) -> None:
        assert "multiplier: 1e-5," in repr(Event("submit_trailing_stop_market", "buy", 1, 1, "atr", 1e-5, 3))

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            (("teleport", 1), ValueError),
            (("submit_limit", "x", 1, 1), ValueError),
            (("submit_limit", "buy", 1.0, 1), TypeError),
            (("submit_limit", "buy", 1, -1), OverflowError),
            (("submit_limit", "buy", 1), TypeError),
            (("cancel", 2**64), OverflowError),
            (("submit_trailing_stop_market", "buy", 1, 1, "fixed", float("nan")), ValueError),
        ],
    )
    def test_wrong_arguments(self, arguments: tuple[object, ...], error: type[Exception]) -> None:
        with pytest.raises(error):
            Event(*arguments)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "line",
        ["", "7", "[]", "{}", '{"Cancel":{}}', '{"Cancel":{"order_id":-1}}', '{"Cancel":{"order_id":1},"x":2}',
         '{"Teleport":{}}', '{"Cancel":3}', '{"type":"Modify"}', '{"SubmitMarket":{"side":"Up","quantity":1}}',
         '{"Halt":{}}', '{"Cancel":{"order_id":1.5}}'],
    )  # fmt: skip
    def test_text_that_is_no_event(self, line: str) -> None:
        with pytest.raises(ValueError):
            Event.from_json(line)

    def test_the_later_names(self) -> None:
        renamed = '{"SubmitTrailingStopMarket":{"side":"Buy","stop_price":1,"quantity":1,"trail_method":' \
            '{"SmaAbsChange":{"multiplier":2.0,"period":3}}}}'  # fmt: skip
        assert Event.from_json(renamed).arguments["atr_period"] == 3
        flat = '{"type":"SubmitLimit","schema_version":1,"side":"BUY","price":5,"quantity":2,"time_in_force":"IOC",' \
            '"owner":4,"stp_policy":"CancelOldest"}'  # fmt: skip
        expected = Event("submit_limit", "buy", 5, 2, "ioc", owner=4, self_trade="cancel_oldest")
        assert Event.from_json(flat) == expected


class TestReplay:
    @pytest.mark.parametrize("seed", range(10))
    def test_it_is_the_live_book(self, seed: int) -> None:
        live = flow(seed)
        assert state(Exchange.replay(live.events())) == state(live)

    def test_events_of_failures_are_there(self) -> None:
        book = Exchange()
        book.cancel(7)
        book.submit_limit("buy", 5, 5, "fok")
        assert [event.kind for event in book.events()] == ["cancel", "submit_limit"]

    def test_clear_events(self) -> None:
        book = flow(1, 10)
        book.clear_events()
        assert book.events() == []
        book.submit_market("buy", 1)
        assert book.events() == [Event("submit_market", "buy", 1)]


class TestLogs:
    @pytest.mark.parametrize("seed", range(5))
    def test_save_and_load(self, seed: int, tmp_path: Path) -> None:
        live, path = flow(seed), tmp_path / "orders.jsonl"
        live.save(str(path))
        assert state(Exchange.load(path)) == state(live)
        assert load_events(path) == live.events()

    def test_the_file_is_the_published_one(self, tmp_path: Path) -> None:
        path = tmp_path / "orders.jsonl"
        save_events(path, list(EVENTS))
        assert path.read_text().splitlines() == [line for _, line in EVENTS.values()]

    def test_our_engine_reads_it(self, tmp_path: Path) -> None:
        book, path = Exchange(), tmp_path / "orders.jsonl"
        for side, price in (("buy", 10), ("sell", 12), ("buy", 12), ("buy", 9)):
            book.submit_limit(side, price, 5)
        book.save(path)
        assert engine.Exchange.load(path).best_bid_ask() == book.best_bid_ask() == (10, None)

    def test_blank_lines_are_skipped(self, tmp_path: Path) -> None:
        path = tmp_path / "orders.jsonl"
        path.write_text('\n{"Cancel":{"order_id":1}}\r\n   \n{"type":"Cancel","order_id":2}')
        assert load_events(path) == [Event("cancel", 1), Event("cancel", 2)]

    @pytest.mark.parametrize("line", ["{", '{"Cancel":{}}', "\u2028", '{"a":' * 5000])
    def test_a_bad_line_is_named(self, line: str, tmp_path: Path) -> None:
        path = tmp_path / "orders.jsonl"
        path.write_text('{"Cancel":{"order_id":1}}\n' + line + "\n", encoding="utf-8")
        with pytest.raises(OSError, match="line 2"):
            Exchange.load(path)

    def test_a_quantity_of_zero_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "orders.jsonl"
        path.write_text(json.dumps({"SubmitMarket": {"side": "Buy", "quantity": 0}}))
        with pytest.raises(OSError, match="event 1: quantity=0"):
            Exchange.load(path)

    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            Exchange.load(str(tmp_path / "none.jsonl"))
        with pytest.raises(FileNotFoundError):
            Exchange().save(str(tmp_path / "none" / "orders.jsonl"))
        with pytest.raises(TypeError):
            Exchange().save(3)
