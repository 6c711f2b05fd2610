import gzip
import random
import struct
from collections import Counter
from pathlib import Path

import pytest

from market_data import market_data
from nanodesk.compat.kernels import itch_events
from nanodesk.compat.nanobook import parse_itch
from nanodesk.compat.published_itch import read_slowly
from nanodesk.errors import FeedError


def header(kind: str) -> bytes:
    return kind.encode() + struct.pack(">HHHI", 1, 0, 0, 5)


def add(kind: str, side: bytes, price: int) -> bytes:
    return header(kind) + struct.pack(">QcI8sI", 7, side, 100, b"AAPL    ", price) + (b"NSDQ" if kind == "F" else b"")


@pytest.fixture
def parse(tmp_path: Path):
    def told(*messages: bytes, tail: bytes = b"") -> list[tuple[str, str]]:
        path = tmp_path / "sample.itch"
        path.write_bytes(b"".join(struct.pack(">H", len(item)) + item for item in messages) + tail)
        return [(symbol, repr(event)) for symbol, event in parse_itch(str(path))]

    return told


class TestParseItch:
    @pytest.mark.parametrize("kind", ["A", "F"])
    def test_orders_are_limits_in_whole_cents(self, parse, kind: str) -> None:
        assert parse(add(kind, b"B", 1_500_099)) == [
            ("AAPL", "SubmitLimit { side: Buy, price: Price(15000), quantity: 100, time_in_force: GTC }")
        ]
        assert "side: Sell" in parse(add(kind, b"S", 1))[0][1]

    def test_cancels_and_modifies_carry_the_numbers_of_the_feed(self, parse) -> None:
        messages = [
            header("X") + struct.pack(">QI", 7, 3),
            header("D") + struct.pack(">Q", 8),
            header("U") + struct.pack(">QQII", 9, 10, 50, 123_456),
        ]
        assert parse(*messages) == [
            ("", "Cancel { order_id: OrderId(7) }"),
            ("", "Cancel { order_id: OrderId(8) }"),
            ("", "Modify { order_id: OrderId(9), new_price: Price(1234), new_quantity: 50 }"),
        ]

    def test_the_rest_gives_nothing(self, parse) -> None:
        messages = [header(kind) + bytes(60) for kind in "ECPRSHYLVWKJhQBINO"]
        assert parse(*messages) == []
        assert parse() == []

    @pytest.mark.parametrize(
        ("kind", "needed"),
        [("A", 35), ("F", 35), ("E", 30), ("C", 35), ("X", 22), ("D", 18), ("U", 34), ("P", 43), ("R", 10)],
    )
    def test_the_published_minimum(self, parse, kind: str, needed: int) -> None:
        parse(kind.encode() + b"\1" * needed)
        with pytest.raises(OSError, match=f"ITCH '{kind}' message too short: {needed - 1} bytes, need {needed}"):
            parse(kind.encode() + b"\1" * (needed - 1))

    def test_length_zero(self, parse) -> None:
        with pytest.raises(OSError, match="length is 0"):
            parse(add("A", b"B", 1), tail=b"\0\0")

    def test_a_cut_message(self, parse) -> None:
        with pytest.raises(OSError, match="failed to fill whole buffer"):
            parse(tail=b"\0\x24A")

    def test_a_cut_length_is_the_end(self, parse) -> None:
        assert len(parse(add("A", b"B", 1), tail=b"\0")) == 1

    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            parse_itch(str(tmp_path / "none.itch"))

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(IsADirectoryError):
            parse_itch(str(tmp_path))

    def test_a_simulated_day(self, tmp_path: Path) -> None:
        packed = market_data() / "itch" / "ritch_ex20101224_lengthprefixed.itch.gz"
        plain = tmp_path / "day.itch"
        plain.write_bytes(gzip.decompress(packed.read_bytes()))
        told = parse_itch(plain)
        # 4,997 A and 3 F; 1,745 D and 45 X; 12 U.
        assert Counter(event.kind for _, event in told) == {"submit_limit": 5000, "cancel": 1790, "modify": 12}
        assert {symbol for symbol, _ in told} == {"ALC", "BOB", "CHAR", ""}

    def test_a_directory_has_no_orders(self) -> None:
        assert parse_itch(market_data() / "itch" / "nasdaq_20191230_first1000.itch") == []


class TestCompiledReader:
    """The compiled reader gives what reading message by message gives, or nothing where there is a fault."""

    @staticmethod
    def both(data: bytes) -> tuple[object, object]:
        try:
            slow: object = [(symbol, repr(event)) for symbol, event in read_slowly(data)]
        except FeedError:
            slow = None
        fast = itch_events.decode(data, {})
        return slow, None if fast is None else [(symbol, repr(event)) for symbol, event in fast]

    def test_a_day_cut_and_changed_at_random(self) -> None:
        packed = market_data() / "itch" / "ritch_ex20101224_lengthprefixed.itch.gz"
        whole, rng = gzip.decompress(packed.read_bytes())[:20_000], random.Random(5)
        sound = 0
        for _ in range(300):
            data = bytearray(whole[rng.randrange(40) * 36 : rng.randrange(2, 4_000)] or whole)
            for _ in range(rng.randrange(4)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            slow, fast = self.both(bytes(data))
            assert fast == slow
            sound += fast is not None
        assert sound > 20

    def test_bytes_at_random(self) -> None:
        rng = random.Random(6)
        for _ in range(2_000):
            kinds = rng.choices(b"AFXDUECPRSZ", k=rng.randrange(6))
            body = b"".join(
                struct.pack(">H", len(message)) + message
                for kind in kinds
                for message in [bytes([kind]) + rng.randbytes(rng.choice((34, 35, 39, 43, 50)))]
            )
            slow, fast = self.both(body + rng.randbytes(rng.randrange(3)))
            assert fast == slow

    def test_the_largest_order_number(self, parse) -> None:
        reference = 2**64 - 1
        assert parse(header("D") + struct.pack(">Q", reference)) == [
            ("", f"Cancel {{ order_id: OrderId({reference}) }}")
        ]
