"""The log in memory: short records for plain commands, whole ones for the rest, found by their place."""

import numpy as np

from nanodesk.book.batch import COMMAND_DTYPE
from nanodesk.book.exchange import Exchange
from nanodesk.market.instrument import Instrument

LARGEST = 2**63 - 1


def records(exchange: Exchange, start: int = 0, stop: int | None = None) -> np.ndarray:
    stop = exchange.event_count() if stop is None else stop
    return np.frombuffer(exchange.raw_log(start, stop)[0], COMMAND_DTYPE)


class TestRecords:
    def test_every_field_comes_back(self):
        exchange = Exchange(Instrument("SPREAD", allows_negative_price=True))
        exchange.submit_limit("buy", -(2**62), 1)
        exchange.submit_limit("sell", 5, 2**40 - 1)
        exchange.submit_limit("sell", 5, 2**40)
        exchange.submit_limit("buy", -7, LARGEST - 1, "ioc")
        exchange.submit_limit("buy", 1, 3, owner=2**32 - 1, self_trade="decrement")
        exchange.submit_market("sell", 9)
        exchange.modify(2, 6, 4)
        exchange.reduce(3, 8)
        found = [tuple(row.tolist()) for row in records(exchange)]
        assert found == [
            (0, 0, 0, 0, 0, -(2**62), 1, 0),
            (0, 1, 0, 0, 0, 5, 2**40 - 1, 0),
            (0, 1, 0, 0, 0, 5, 2**40, 0),
            (0, 0, 1, 0, 0, -7, LARGEST - 1, 0),
            (0, 0, 64, 0, 2**32 - 1, 1, 3, 0),
            (1, 1, 1, 0, 0, -(2**63), 9, 0),
            (3, 0, 0, 0, 0, 6, 4, 2),
            (4, 0, 0, 0, 0, 0, 8, 3),
        ]

    def test_cancels_of_any_id(self):
        exchange = Exchange()
        exchange.submit_limit("buy", 5, 1)
        ids = [1, 1, 0, -1, 2, 2**55, 2**56 - 1, 2**56, LARGEST, -(2**63)]
        for order_id in ids:
            exchange.cancel(order_id)
        assert records(exchange)["order_id"][1:].tolist() == [max(order_id, 0) for order_id in ids]
        assert set(records(exchange)["kind"][1:].tolist()) == {2}
        assert exchange.replayed().state_hash() == exchange.state_hash()

    def test_cancels_of_a_batch(self):
        commands = np.zeros(3, COMMAND_DTYPE)
        commands["kind"], commands["order_id"] = 2, (-1, 1, LARGEST)
        exchange = Exchange()
        exchange.submit_batch(commands)
        assert np.array_equal(records(exchange), commands)

    def test_what_a_batch_row_holds_besides_is_kept(self):
        commands = np.zeros(3, COMMAND_DTYPE)
        commands["price"], commands["quantity"], commands["order_id"] = 10, 1, (0, 77, 0)
        exchange = Exchange()
        exchange.submit_batch(commands)
        assert np.array_equal(records(exchange), commands)


class TestPlaces:
    def test_any_part_of_a_long_log(self):
        n = 400_000
        rng = np.random.default_rng(5)
        commands = np.zeros(n, COMMAND_DTYPE)
        commands["kind"] = rng.choice([0, 1, 2, 3, 4], n, p=[0.4, 0.05, 0.4, 0.1, 0.05])
        commands["side"] = rng.integers(0, 2, n)
        commands["price"] = rng.integers(1, 100, n)
        commands["quantity"] = rng.integers(1, 100, n) << rng.integers(0, 45, n)
        commands["order_id"] = rng.integers(1, n // 4, n)
        submits = commands["kind"] <= 1
        commands["order_id"][submits] = 0
        exchange = Exchange()
        answers = exchange.submit_batch(commands)
        logged = commands[answers["error"] < 100]
        assert exchange.event_count() == len(logged)
        whole = records(exchange)
        for name in ("kind", "quantity", "order_id"):
            cancels = whole["kind"] == 2
            expected = np.where(cancels, 0, logged[name]) if name == "quantity" else logged[name]
            assert np.array_equal(whole[name], expected), name
        for start in (0, 1, 511, 512, 513, 100_000, 262_143, len(logged) - 1, len(logged)):
            stop = min(start + 100, len(logged))
            assert np.array_equal(records(exchange, start, stop), whole[start:stop])
            assert len(exchange.events(start, stop)) == stop - start
        other = exchange.replayed()
        assert other.state_hash() == exchange.state_hash()
        assert np.array_equal(records(other), whole)

    def test_an_empty_log(self):
        exchange = Exchange()
        assert exchange.raw_log(0, 0) == (b"", b"", b"")
        assert exchange.events() == []
        assert exchange.events(3, 1) == []
        assert exchange.replayed().state_hash() == exchange.state_hash()
        assert Exchange(event_log=False).event_count() == 0
