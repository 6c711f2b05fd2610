"""Every cut and every flipped bit is seen, and the longest sound beginning is still there."""

import itertools
import random
import shutil
from collections import Counter

import pytest

from nanodesk.errors import JournalDamagedError, JournalError
from nanodesk.oms import audit
from nanodesk.oms.journal import Journal
from nanodesk.oms.journal_event import JournalEvent
from nanodesk.oms.journal_salvage import salvage
from nanodesk.oms.journal_seal import check_seal

EVENTS = 100


def write_journal(path, *, close=True):
    journal = Journal.open(path, now_ns=lambda: 1_700_000_000_123_456_789)
    for number in range(EVENTS):
        payload = {"symbol": "AAPL", "side": "buy", "quantity_e9": number * 10**9, "price_e9": 185 * 10**9, "text": "ü"}
        key = ("scripted", "TEST", f"E{number}") if number % 2 else ("", "", "")
        journal.append([JournalEvent("order_filled", payload, f"client-{number}", *key)])
    if close:
        journal.close()
    return journal


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    path = tmp_path_factory.mktemp("closed") / "orders.db"
    write_journal(path)
    with Journal.open(path, read_only=True) as journal:
        audit.export_audit(journal, path.with_name("audit.jsonl"))
        return path, list(journal.read())


def sound_events(path):
    """Events before the damage, and whether any was noticed."""
    found = []
    try:
        with Journal.open(path, read_only=True) as journal:
            found.extend(journal.read())
            journal.verify()
    except JournalError:
        return found, True
    return found, False


class TestSealedJournal:
    @pytest.mark.parametrize("bits", [1, pytest.param(8, marks=pytest.mark.slow)])
    def test_every_flip_is_seen(self, closed, memory_path, bits):
        path, _ = closed
        for name in ("orders.db", "orders.db.seal"):
            shutil.copy(path.with_name(name), memory_path)
        content = path.read_bytes()
        place = memory_path / "orders.db"
        missed = 0
        with place.open("r+b", buffering=0) as file:
            for at, byte in enumerate(content):
                for bit in range(at % 8, at % 8 + bits):
                    file.seek(at)
                    file.write(bytes([byte ^ 1 << bit % 8]))
                    missed += not is_seen(place)
                file.seek(at)
                file.write(bytes([byte]))
        assert missed == 0 and check_seal(place)

    def test_every_cut_is_seen(self, closed, memory_path):
        path, _ = closed
        for name in ("orders.db", "orders.db.seal"):
            shutil.copy(path.with_name(name), memory_path)
        place = memory_path / "orders.db"
        size = place.stat().st_size
        with place.open("r+b") as file:
            missed = 0
            for length in range(size - 1, -1, -1):
                file.truncate(length)
                missed += not is_seen(place)
        assert missed == 0

    def test_flip_stops_the_writer_before_the_seal_is_broken(self, closed, memory_path):
        path, _ = closed
        for name in ("orders.db", "orders.db.seal"):
            shutil.copy(path.with_name(name), memory_path)
        place = memory_path / "orders.db"
        content = bytearray(place.read_bytes())
        content[92] ^= 1  # a counter in the header, which no event shows
        place.write_bytes(content)
        for _ in range(2):
            with pytest.raises(JournalDamagedError, match="not the one that was sealed"):
                Journal.open(place)


def is_seen(path):
    try:
        check_seal(path)
    except JournalDamagedError:
        return True
    return False


class TestUnsealedJournal:
    """After a crash there is no seal: then no event is ever read otherwise than it was written."""

    def test_flip_is_seen_or_harms_no_event(self, closed, memory_path):
        path, events = closed
        content = path.read_bytes()
        place = memory_path / "orders.db"
        rng = random.Random(1)
        harmless = 0
        for at in sorted(rng.sample(range(len(content)), 300)):
            damaged = bytearray(content)
            damaged[at] ^= 1 << rng.randrange(8)
            place.write_bytes(damaged)
            found, is_noticed = sound_events(place)
            assert found == events[: len(found)]
            assert is_noticed or found == events
            harmless += not is_noticed
        assert harmless < 300 * 0.75  # unused bytes, which only the seal covers

    def test_flip_in_the_tree_loses_no_event(self, closed, memory_path):
        path, events = closed
        content = path.read_bytes()
        place = memory_path / "orders.db"
        lost = Counter()
        for at in range(0, len(content), 61):
            damaged = bytearray(content)
            damaged[at] ^= 1 << at % 8
            place.write_bytes(damaged)
            identity, _, found = salvage(place)
            assert list(found) == events[: len(found)]
            lost[len(found) < EVENTS] += 1
            assert len(found) >= len(sound_events(place)[0]) or not identity
        assert lost[True] < lost[False]

    def test_salvage_of_the_log_of_a_crash(self, memory_path):
        journal = write_journal(memory_path / "orders.db", close=False)
        big = journal.append([JournalEvent("note", {"text": "x" * 20_000, "n": number}) for number in range(3)])
        place = memory_path / "copy.db"
        for suffix in ("", "-wal"):
            shutil.copy(f"{journal.path}{suffix}", f"{place}{suffix}")
        expected = list(journal.read())
        journal.close()
        assert len(salvage(place)[2]) >= EVENTS and expected[-1] == big[-1]
        assert list(salvage(journal.path)[2]) == expected

    def test_flip_in_an_event_gives_all_before_it(self, closed, memory_path):
        path, events = closed
        content = path.read_bytes()
        for number in (1, 42, 99):
            place = memory_path / f"{number}.db"
            damaged = bytearray(content)
            damaged[content.rindex(events[number].hash)] ^= 1
            place.write_bytes(damaged)
            found, is_noticed = sound_events(place)
            assert is_noticed and found == events[:number]

    def test_cut_is_seen(self, closed, memory_path):
        path, events = closed
        content = path.read_bytes()
        place = memory_path / "orders.db"
        for length in range(1, len(content), 293):
            place.write_bytes(content[:length])
            found, is_noticed = sound_events(place)
            assert is_noticed and found == events[: len(found)]

    def test_removed_last_events_are_missed(self, closed, memory_path):
        path, events = closed
        place = memory_path / "orders.db"
        shutil.copy(path, place)
        journal = Journal.open(place)
        journal._connection.execute("DELETE FROM events WHERE sequence > 90")
        journal._connection.close()
        journal._lock.release()
        found, is_noticed = sound_events(place)
        assert is_noticed and found == events[:90]
        with pytest.raises(JournalDamagedError, match="event 91"):
            Journal.open(place)

    @pytest.mark.parametrize("statement", [
        "UPDATE events SET payload = CAST(replace(CAST(payload AS TEXT), '185', '186') AS BLOB) WHERE sequence = 50",
        "UPDATE events SET ts_ns = ts_ns + 1 WHERE sequence = 50",
        "UPDATE events SET revision = 1 WHERE sequence = 50",
        "UPDATE events SET client_order_id = 'x' WHERE sequence = 50",
        "UPDATE events SET account = 'x' WHERE sequence = 50",
        "DELETE FROM events WHERE sequence = 50",
        "UPDATE events SET version = 0 WHERE sequence = 50",
    ])  # fmt: skip
    def test_edited_event_is_seen(self, closed, memory_path, statement):
        path, events = closed
        place = memory_path / "orders.db"
        shutil.copy(path, place)
        journal = Journal.open(place)
        journal._connection.execute(statement)
        journal._connection.close()
        journal._lock.release()
        found, is_noticed = sound_events(place)
        assert is_noticed and found == events[:49]


class TestLog:
    """What a crash leaves in the write-ahead log: SQLite ends it silently at the first bad byte."""

    @pytest.fixture
    def crashed(self, memory_path):
        path = memory_path / "crashed" / "orders.db"
        journal = write_journal(path, close=False)
        saved = path.read_bytes(), path.with_name("orders.db-wal").read_bytes()
        journal.close()
        return saved

    def test_no_acknowledged_event_is_forgotten_silently(self, crashed, memory_path):
        database, log = crashed
        rng = random.Random(2)
        step = 24 + 4096
        place = memory_path / "orders.db"
        ends = [at for at in range(32, len(log), step) if log[at + 4 : at + 8] != bytes(4)]
        silent = set()
        for at in sorted(rng.sample(range(len(log)), 60)) + list(range(0, 32, 3)):
            damaged = bytearray(log)
            damaged[at] ^= 1 << rng.randrange(8)
            place.write_bytes(database)
            place.with_name("orders.db-wal").write_bytes(damaged)
            found, is_noticed = sound_events(place)
            if not is_noticed:
                silent.add((at > ends[-2], len(found) >= EVENTS - 1))
            assert is_noticed or len(found) >= EVENTS - 1
            place.with_name("orders.db-shm").unlink(missing_ok=True)
        assert (False, False) not in silent

    def test_header_that_is_damaged_stops_the_writer(self, crashed, memory_path):
        database, log = crashed
        place = memory_path / "orders.db"
        place.write_bytes(database)
        place.with_name("orders.db-wal").write_bytes(bytes([log[0] ^ 4]) + log[1:])
        with pytest.raises(JournalDamagedError, match="commits after it"):
            Journal.open(place)


class TestExport:
    @pytest.mark.parametrize("bits", [1, pytest.param(8, marks=pytest.mark.slow)])
    def test_every_flip_is_seen(self, closed, bits):
        path, events = closed
        lines = path.with_name("audit.jsonl").read_bytes().splitlines(keepends=True)
        previous = [audit.first_hash(*journal_names(path)), *(event.hash for event in events)]
        missed = 0
        for number, line in enumerate(lines[1:-1]):
            assert audit._read_line(line, previous[number], number + 1) == events[number]
            for at, bit in itertools.product(range(len(line)), range(bits)):
                flipped = line[:at] + bytes([line[at] ^ 1 << (at + number + bit) % 8]) + line[at + 1 :]
                missed += audit._read_line(flipped, previous[number], number + 1) is not None
        assert missed == 0

    @pytest.mark.slow
    def test_every_byte_of_the_whole_file(self, closed, memory_path):
        path, events = closed
        content = path.with_name("audit.jsonl").read_bytes()
        place = memory_path / "audit.jsonl"
        for at in range(len(content)):
            place.write_bytes(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
            assert_seen(place, events, exactly=content[:at].count(b"\n") - 1)
            place.write_bytes(content[:at])
            assert_seen(place, events, exactly=content[:at].count(b"\n") - 1)

    def test_sample_of_the_whole_file(self, closed, memory_path):
        path, events = closed
        content = path.with_name("audit.jsonl").read_bytes()
        place = memory_path / "audit.jsonl"
        ends = [at for at, byte in enumerate(content) if byte == 10]
        header, tail = range(ends[0] + 1), range(ends[-2], len(content))
        for at in [*ends[::7], *header, *tail, *range(0, len(content), 997)]:
            place.write_bytes(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
            assert_seen(place, events, exactly=content[:at].count(b"\n") - 1)

    def test_every_cut_is_seen_and_gives_what_is_whole(self, closed, memory_path):
        path, events = closed
        content = path.with_name("audit.jsonl").read_bytes()
        place = memory_path / "audit.jsonl"
        for length in [*range(0, len(content), 797), *range(len(content) - 200, len(content))]:
            place.write_bytes(content[:length])
            assert_seen(place, events, exactly=max(content[:length].count(b"\n") - 1, 0))

    @pytest.mark.parametrize("edit", [
        lambda lines: lines[:50] + lines[51:],
        lambda lines: lines[:50] + [lines[51], lines[50]] + lines[52:],
        lambda lines: lines[:50] + [lines[49]] + lines[50:],
        lambda lines: lines + [lines[50]],
        lambda lines: lines[:50] + [lines[50].replace(b'":', b'": ')] + lines[51:],
        lambda lines: lines[:50] + [b"[" * 100_000 + b"\n"] + lines[51:],
        lambda lines: lines[:50] + [b'{"ts":1e999}\n'] + lines[51:],
        lambda lines: lines[:50] + [lines[50].replace(b'"version":1', b'"version":' + b"9" * 5000)] + lines[51:],
    ])  # fmt: skip
    def test_edit_is_seen(self, closed, memory_path, edit):
        path, events = closed
        place = memory_path / "audit.jsonl"
        place.write_bytes(b"".join(edit(path.with_name("audit.jsonl").read_bytes().splitlines(keepends=True))))
        assert_seen(place, events)


def journal_names(path):
    with Journal.open(path, read_only=True) as journal:
        return journal.identity, journal.created_ns


def assert_seen(place, events, exactly=None):
    found = []
    with pytest.raises(JournalError):
        found.extend(event for event in collect(place, found))
    assert found == events[: len(found)]
    if exactly is not None:
        assert len(found) >= min(exactly, len(events))


def collect(place, found):
    for event in audit.read_audit(place):
        found.append(event)
    return ()
