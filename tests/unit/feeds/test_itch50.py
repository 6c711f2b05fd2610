import csv
import gzip
import json
import random
import struct
from collections import Counter
from pathlib import Path

import pytest

from market_data import market_data
from nanodesk.errors import FeedError, TruncatedMessageError
from nanodesk.feeds import itch50
from nanodesk.market.enums import Side

LENGTHS = {"A": 36, "F": 40, "E": 31, "C": 36, "X": 23, "D": 19, "U": 35, "P": 44, "R": 39}
NAMES = {
    "order_ref": "reference",
    "original_order_ref": "reference",
    "new_order_ref": "new_reference",
    "executed_shares": "shares",
    "cancelled_shares": "shares",
    "price": "price_e4",
    "execution_price": "price_e4",
}


def framed(*messages: bytes) -> bytes:
    return b"".join(struct.pack(">H", len(message)) + message for message in messages)


def header(kind: str) -> bytes:
    return kind.encode() + struct.pack(">HHHI", 13, 2, 1, 500)


class TestFrames:
    def test_messages_and_their_places(self) -> None:
        assert list(itch50.frames(framed(b"S12", b"Z"))) == [(2, b"S12"), (7, b"Z")]

    @pytest.mark.parametrize("data", [b"", b"\0", framed(b"S1") + b"\0"])
    def test_a_cut_length_is_the_end(self, data: bytes) -> None:
        assert len(list(itch50.frames(data))) == data.count(b"S1")

    def test_length_zero(self) -> None:
        with pytest.raises(FeedError, match="length is 0 at byte 4"):
            list(itch50.frames(framed(b"S1") + b"\0\0"))

    def test_a_cut_message(self) -> None:
        with pytest.raises(TruncatedMessageError, match="2 bytes at byte 2 is cut after 1"):
            list(itch50.frames(framed(b"S1")[:-1]))


class TestDecode:
    def test_add_order(self) -> None:
        body = struct.pack(">QcI8sI", 7, b"B", 100, b"AAPL    ", 1_500_099)
        told = itch50.decode(header("A") + body)
        start = itch50.Header(stock_locate=13, tracking_number=2, timestamp_ns=(1 << 32) + 500)
        assert told == itch50.AddOrder(start, 7, Side.BUY, 100, "AAPL", 1_500_099)
        attributed = itch50.decode(header("F") + body + b"NSDQ")
        assert attributed == itch50.AddOrder(start, 7, Side.BUY, 100, "AAPL", 1_500_099, "NSDQ")

    @pytest.mark.parametrize("kind", LENGTHS)
    def test_every_length(self, kind: str) -> None:
        message = header(kind) + bytes(LENGTHS[kind] - 11)
        assert itch50.decode(message) is not None
        assert itch50.decode(message + b"later fields") is not None
        for cut in range(1, len(message)):
            with pytest.raises(TruncatedMessageError, match=f"'{kind}' message too short: {cut} bytes"):
                itch50.decode(message[:cut])

    def test_other_types_are_none(self) -> None:
        assert [itch50.decode(bytes([kind])) for kind in range(256) if chr(kind) not in LENGTHS] == [None] * 247
        assert itch50.decode(b"") is None

    def test_any_bytes_are_read_or_refused(self) -> None:
        rng = random.Random(0)
        for _ in range(2000):
            message = bytes([rng.choice(b"AFECXDUPRZ")]) + rng.randbytes(rng.randrange(60))
            try:
                itch50.decode(message)
            except TruncatedMessageError as error:
                assert error.value == len(message)


class TestAgainstTheFieldTable:
    def test_lengths(self) -> None:
        ends: Counter[str] = Counter()
        with (market_data() / "itch" / "itch50_field_table.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                ends[row["type"]] = max(ends[row["type"]], int(row["offset"]) + int(row["length"]))
        assert {kind: ends[kind] for kind in LENGTHS} == LENGTHS


class TestRealMessages:
    """Restricted files: read where they are, never copied."""

    def test_fields_of_the_golden_messages(self) -> None:
        seen = set()
        for item in json.loads((market_data() / "itch" / "golden_messages_20191230.json").read_text()):
            told, expected = itch50.decode(bytes.fromhex(item["hex"])), item["expect"]
            if told is None:
                assert expected["type"] not in LENGTHS
                continue
            assert told.header == itch50.Header(expected["stock_locate"], expected["tracking"], expected["timestamp"])
            for name, value in expected.items():
                field = NAMES.get(name, name)
                if name == "side":
                    value = Side.parse(value)
                if hasattr(told, field):
                    assert getattr(told, field) == value, (expected["type"], name)
            seen.add(expected["type"])
        assert seen == {"R", "A", "E", "X", "D", "U", "P"}

    def test_a_day_of_apple(self) -> None:
        folder = market_data() / "itch"
        data = gzip.decompress((folder / "aapl_20190130_reencoded_part1.itch.gz").read_bytes())
        told = [item for item in (itch50.decode(message) for _, message in itch50.frames(data)) if item is not None]
        events = [item for item in told if not isinstance(item, itch50.StockDirectory)]
        with gzip.open(folder / "aapl_20190130_events_l10_part1.csv.gz", "rt", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(events) == len(rows) == 6000
        for event, row in zip(events, rows, strict=True):
            assert event.header.timestamp_ns == int(row["timestamp_ns"])
            if isinstance(event, itch50.AddOrder):
                price, side = round(float(row["price"]) * 10_000), Side.BUY if row["direction"] == "1" else Side.SELL
                assert (event.price_e4, event.side, event.shares) == (price, side, int(row["size"]))
            if isinstance(event, itch50.OrderReplaced):
                assert (event.new_reference, event.reference) == (int(row["order_id"]), int(float(row["old_order_id"])))
            else:
                assert not isinstance(event, itch50.Trade)
                assert event.reference == int(row["order_id"])

    @pytest.mark.parametrize(
        ("name", "kind"),
        [("AddOrderNoMPID", "A"), ("AddOrderWithMPID", "F"), ("OrderExecuted", "E"), ("OrderExecutedWithPrice", "C"),
         ("OrderCancel", "X"), ("OrderDelete", "D"), ("OrderReplace", "U"), ("NonCrossTrade", "P")],
    )  # fmt: skip
    def test_captured_packets(self, name: str, kind: str) -> None:
        (path,) = (market_data() / "itch" / "omi_pcap").glob(f"*__{name}.pcap")
        found = [message for message in packet_messages(path) if message[:1] == kind.encode()]
        assert len(found) == 5
        for message in found:
            told = itch50.decode(message)
            assert told is not None
            assert len(message) == LENGTHS[kind]
            assert 0 < told.header.timestamp_ns < 86_400 * 10**9


def packet_messages(path: Path) -> list[bytes]:
    """Messages of a capture: pcap record, Ethernet with a VLAN tag, IPv4, UDP, MoldUDP64 with one message."""
    data, at, found = path.read_bytes(), 24, []
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        mold = data[at + 16 + 18 + 20 + 8 : at + 16 + length]
        found.append(mold[22 : 22 + int.from_bytes(mold[20:22])])
        at += 16 + length
    return found
