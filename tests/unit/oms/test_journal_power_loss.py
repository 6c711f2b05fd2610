"""Power that goes at any instant: writes that were not yet synced are lost, in any combination, sector by sector.

What was synced when ``append`` returned is the ground; of what was written after it, each sector of 512 bytes may be
the old one or the new one, and a file may have its old length or its new one.
"""

import random

import pytest

from nanodesk.oms.journal import Journal
from nanodesk.oms.journal_event import JournalEvent

SECTOR = 512


def files(path):
    """The bytes that are on the disk, synced or not."""
    found = {}
    for suffix in ("", "-wal"):
        place = path.with_name(path.name + suffix)
        found[suffix] = place.read_bytes() if place.exists() else b""
    return found


def mixture(rng, before, after):
    """What may be left when the writes between two states were not synced."""
    length = rng.choice((len(before), len(after)))
    if rng.random() < 0.3:
        length = rng.randrange(min(len(before), len(after)), max(len(before), len(after)) + 1)
    keep = rng.choice((0.1, 0.5, 0.9))
    parts = []
    for start in range(0, length, SECTOR):
        old, new = before[start : start + SECTOR], after[start : start + SECTOR]
        parts.append((new if rng.random() < keep else old.ljust(len(new), b"\0")).ljust(SECTOR, b"\0"))
    return b"".join(parts)[:length]


def restart(place, state):
    for suffix, content in state.items():
        place.with_name(place.name + suffix).write_bytes(content)
    place.with_name(place.name + "-shm").unlink(missing_ok=True)
    place.with_name(place.name + ".seal").unlink(missing_ok=True)
    with Journal.open(place) as journal:
        return journal.verify().events


def note(number):
    return JournalEvent("note", {"number": number, "text": "x" * (number * 37 % 900)})


@pytest.mark.parametrize("cuts", [80, pytest.param(10_000, marks=pytest.mark.slow)])
def test_every_acknowledged_event_is_there(tmp_path, memory_path, cuts):
    rng = random.Random(3)
    states, acknowledged = [], []
    path = tmp_path / "orders.db"
    with Journal.open(path) as journal:
        for number in range(60):
            before = files(path)
            journal.append([note(number)] * rng.choice((1, 1, 5)))
            states.append((before, files(path), journal.sequence))
            acknowledged.append(journal.sequence)
    place = memory_path / "orders.db"
    for _ in range(cuts):
        at = rng.randrange(len(states))
        before, after, sequence = states[at]
        was = acknowledged[at - 1] if at else 0
        left = {"": after[""], "-wal": mixture(rng, before["-wal"], after["-wal"])}
        found = restart(place, left)
        assert found in (was, sequence), (at, found)


def test_every_cut_of_the_log(tmp_path, memory_path):
    path = tmp_path / "orders.db"
    with Journal.open(path) as journal:
        journal.append([note(0)])
        synced = len(files(path)["-wal"])
        journal.append([note(25)])
        after = files(path)
    place = memory_path / "orders.db"
    lengths = [*range(synced, len(after["-wal"]), 251), len(after["-wal"]) - 1]
    found = [restart(place, {"": after[""], "-wal": after["-wal"][:length]}) for length in lengths]
    assert set(found) == {1} and restart(place, after) == 2


def test_power_goes_inside_a_checkpoint(tmp_path, memory_path):
    rng = random.Random(4)
    path, states = tmp_path / "orders.db", []
    with Journal.open(path, reached=lambda step: states.append(files(path))) as journal:
        for number in range(40):
            journal.append([note(number)])
        before = files(path)
        journal.checkpoint(truncate=True)
        after = files(path)
    (inside,) = states
    place = memory_path / "orders.db"
    for _ in range(60):
        # The log is synced and whole while its pages are moved; it is emptied after they are synced.
        assert restart(place, {"": mixture(rng, before[""], inside[""]), "-wal": before["-wal"]}) == 40
        assert restart(place, {"": inside[""], "-wal": rng.choice((inside["-wal"], after["-wal"]))}) == 40


def test_log_that_begins_anew(tmp_path, memory_path):
    """After a checkpoint the log is written from its start again; the old commits behind are no damage."""
    rng = random.Random(5)
    path = tmp_path / "orders.db"
    with Journal.open(path) as journal:
        for number in range(40):
            journal.append([note(number)])
        journal.checkpoint()
        before = files(path)
        journal.append([note(41)])
        after = files(path)
    assert len(before["-wal"]) == len(after["-wal"]) and before["-wal"] != after["-wal"]
    # SQLite syncs the new header before the first new frame, or old frames would count again.
    old = after["-wal"][:32] + before["-wal"][32:]
    place = memory_path / "orders.db"
    for _ in range(60):
        assert restart(place, {"": after[""], "-wal": mixture(rng, old, after["-wal"])}) in (40, 41)
    assert restart(place, {"": after[""], "-wal": before["-wal"]}) == 40
