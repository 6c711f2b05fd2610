"""A log cut or flipped at any byte: an error of ours, or the longest sound prefix with a warning; no other book."""

from __future__ import annotations

import json
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from nanodesk.book.event_log import MAGIC, TornLogWarning
from nanodesk.book.exchange import Exchange
from nanodesk.errors import ReplayError
from nanodesk.market.instrument import Instrument

PUBLISHED = (
    '{"SubmitLimit":{"side":"Buy","price":10100,"quantity":100,"time_in_force":"GTC"}}\n'
    '{"SubmitTrailingStopMarket":{"side":"Sell","stop_price":9500,"quantity":1,'
    '"trail_method":{"Atr":{"multiplier":2.0,"period":14}}}}\n'
    '{"Modify":{"order_id":1,"new_price":10101,"new_quantity":6}}\n'
    '{"type":"SubmitLimit","schema_version":1,"side":"SELL","price":10101,"quantity":6,"time_in_force":"IOC",'
    '"owner":3,"stp_policy":"CancelNewest"}\n'
    '{"Cancel":{"order_id":2}}\n'
)


def small() -> Exchange:
    """Records with and without options, one with link ids, and one that failed."""
    exchange = Exchange(Instrument("TEST", allows_negative_price=True), matching="split", fifo_percent=25)
    exchange.submit_limit("buy", 100, 5, display=2, owner=7, self_trade="decrement")
    exchange.submit_limit("buy", 90, 5)
    exchange.submit_stop_market("sell", 80, 3)
    exchange.link("oco", [2, 3])
    exchange.submit_trailing_stop_market("sell", -5, 1, "wilder_atr", 1.5, 3)
    exchange.submit_limit("sell", 100, 2)
    exchange.modify(2, 91, 4)
    exchange.cancel(99)
    return exchange


def prefixes(exchange: Exchange) -> dict[int, int]:
    """State hash by number of records."""
    twin = Exchange(exchange.instrument, **exchange.configuration)
    found = {0: twin.state_hash()}
    for count, event in enumerate(exchange.events(), start=1):
        twin.apply(event)
        found[count] = twin.state_hash()
    return found


def outcome(path: Path, data: bytes) -> tuple[Exchange | None, bool]:
    """What loading gives, None for a ReplayError, and whether it warned."""
    path.write_bytes(data)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            return Exchange.load(path), any(issubclass(w.category, TornLogWarning) for w in told)
        except ReplayError:
            return None, False


def flips(data: bytes) -> Iterator[tuple[str, bytes]]:
    for at in range(len(data)):
        for bit in range(8):
            yield f"bit {bit} of byte {at}", data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


@pytest.mark.parametrize("binary", [False, True], ids=["json", "binary"])
class TestOwnLog:
    def test_every_cut(self, tmp_path, binary):
        exchange = small()
        exchange.save(tmp_path / "whole", binary=binary)
        whole, hashes, most = (tmp_path / "whole").read_bytes(), prefixes(exchange), 0
        for size in range(len(whole)):
            loaded, warned = outcome(tmp_path / "log", whole[:size])
            if loaded is not None:
                assert warned or size == 0, size
                assert loaded.state_hash() == hashes[loaded.event_count()], size
                most = max(most, loaded.event_count())
        assert most == exchange.event_count()

    def test_every_flip(self, tmp_path, binary):
        exchange = small()
        exchange.save(tmp_path / "whole", binary=binary)
        hashes = prefixes(exchange)
        for where, data in flips((tmp_path / "whole").read_bytes()):
            loaded, warned = outcome(tmp_path / "log", data)
            if loaded is not None:
                assert warned, where
                assert loaded.state_hash() == hashes[loaded.event_count()], where

    def test_every_byte_left_out_or_doubled(self, tmp_path, binary):
        exchange = small()
        exchange.save(tmp_path / "whole", binary=binary)
        whole, hashes = (tmp_path / "whole").read_bytes(), prefixes(exchange)
        for at in range(len(whole)):
            for data in (whole[:at] + whole[at + 1 :], whole[: at + 1] + whole[at:]):
                loaded, warned = outcome(tmp_path / "log", data)
                if loaded is not None:
                    assert warned or data.rstrip(b"\n") == whole.rstrip(b"\n"), at
                    assert loaded.state_hash() == hashes[loaded.event_count()], at


class TestPublishedLog:
    """It has no checksum: a changed digit is another log, but nothing escapes and nothing is half done."""

    def test_every_cut(self, tmp_path):
        data = PUBLISHED.encode()
        for size in range(len(data)):
            loaded, warned = outcome(tmp_path / "log", data[:size])
            assert loaded is not None, size
            lines = data[:size].split(b"\n")
            # A last line that is whole but for its line feed counts.
            assert loaded.event_count() - (len(lines) - 1) == int(lines[-1] in data.split(b"\n") and lines[-1] != b"")
            assert warned == (loaded.event_count() == len(lines) - 1 and lines[-1] != b""), size

    def test_every_flip(self, tmp_path):
        for where, data in flips(PUBLISHED.encode()):
            loaded, _ = outcome(tmp_path / "log", data)
            if loaded is not None:
                assert loaded.replayed().state_hash() == loaded.state_hash(), where


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "null",
        "[]",
        "{}",
        '"SubmitLimit"',
        "9" * 10_000,
        '{"Cancel":null}',
        '{"Cancel":{}}',
        '{"Cancel":{"order_id":1,"price":1}}',
        '{"Cancel":{"order_id":NaN}}',
        '{"SubmitLimit":{"side":"Buy","price":1e400,"quantity":1}}',
        '{"SubmitLimit":{"side":"Buy","price":' + "9" * 5000 + ',"quantity":1}}',
        '{"Link":{"contingency":"oco","order_ids":' + json.dumps(list(range(1000))) + "}}",
        "\\u0000",
        "\x00",
    ],
    ids=lambda line: line[:24],
)
def test_lines_that_are_no_command(tmp_path, line):
    path = tmp_path / "log.jsonl"
    path.write_text(PUBLISHED + line + "\n" + PUBLISHED)
    with pytest.raises(ReplayError) as caught:
        Exchange.load(path)
    assert caught.value.events_read == 5
    assert caught.value.position == 6


def test_a_block_that_unpacks_to_more_than_it_says(tmp_path):
    path = tmp_path / "log"
    small().save(path, binary=True)
    data = path.read_bytes()
    header = len(MAGIC) + 8 + struct.unpack_from("<I", data, len(MAGIC))[0]
    packed = zlib.compress(bytes(50_000_000))
    block = struct.pack("<5I", len(packed), 32, 0, 0, zlib.crc32(packed))
    path.write_bytes(data[:header] + block + packed)
    with pytest.raises(ReplayError, match="sizes"):
        Exchange.load(path)
