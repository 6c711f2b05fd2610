"""Replay equals live after every event, from memory and from disk; a cut or flipped log never lies."""

from __future__ import annotations

import random
import warnings

import pytest

from nanodesk.book.event_log import TornLogWarning
from nanodesk.book.exchange import Exchange
from nanodesk.errors import ReplayError
from reference.command_stream import CommandStream
from reference.exchange_driver import Driver
from reference.stream_profiles import PROFILES

LENGTH = 600
EMPTY = 0  # events before the first


def live(profile: str, seed: int) -> tuple[Driver, dict[int, int]]:
    """An exchange after a stream, and its state hash by number of events."""
    stream = CommandStream(seed, PROFILES[profile])
    driver = Driver(**stream.configuration)
    hashes = {EMPTY: driver.exchange.state_hash()}
    for _ in range(LENGTH):
        command = stream.next()
        stream.driver.apply(command)
        driver.apply(command)
        hashes[driver.exchange.event_count()] = driver.exchange.state_hash()
    return driver, hashes


@pytest.mark.parametrize("profile", ["everything", "links", "sessions", "extremes", "allocation"])
class TestReplay:
    def test_event_by_event(self, profile):
        driver, hashes = live(profile, 1)
        exchange = driver.exchange
        twin = Exchange(exchange.instrument, **exchange.configuration)
        for count, event in enumerate(exchange.events(), start=1):
            twin.apply(event)
            assert twin.state_hash() == hashes[count], event

    @pytest.mark.parametrize("binary", [False, True], ids=["json", "binary"])
    def test_from_disk(self, profile, binary, tmp_path):
        driver, _ = live(profile, 2)
        driver.exchange.save(tmp_path / "log", binary=binary)
        twin = Driver()
        twin.exchange, twin.last_id = Exchange.load(tmp_path / "log"), driver.last_id
        driver_seen, twin_seen = driver.observable(), twin.observable()
        assert twin_seen[:3] == driver_seen[:3]
        assert driver_seen[3] == twin_seen[3][len(twin_seen[3]) - len(driver_seen[3]) :]
        assert driver_seen[4].items() <= twin_seen[4].items()


@pytest.mark.parametrize("binary", [False, True], ids=["json", "binary"])
class TestDamage:
    def test_a_cut_log_gives_a_true_prefix_or_an_error(self, binary, tmp_path):
        driver, hashes = live("everything", 3)
        driver.exchange.save(tmp_path / "log", binary=binary)
        whole, rng = (tmp_path / "log").read_bytes(), random.Random(3)
        for size in sorted(rng.sample(range(len(whole)), 60)):
            (tmp_path / "log").write_bytes(whole[:size])
            count = events_recovered(tmp_path / "log", hashes)
            assert count is None or count <= max(hashes), f"cut at byte {size}"

    def test_a_flipped_byte_is_noticed(self, binary, tmp_path):
        driver, hashes = live("everything", 4)
        driver.exchange.save(tmp_path / "log", binary=binary)
        whole, rng = bytearray((tmp_path / "log").read_bytes()), random.Random(4)
        for at in rng.sample(range(len(whole)), 60):
            damaged = bytearray(whole)
            damaged[at] ^= 1 << rng.randrange(8)
            (tmp_path / "log").write_bytes(damaged)
            assert events_recovered(tmp_path / "log", hashes) is None, f"flip at byte {at}"


def events_recovered(path, hashes: dict[int, int]) -> int | None:
    """None when loading raised or warned about nothing true; else how many events the true prefix has."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            exchange = Exchange.load(path)
        except ReplayError:
            return None
    assert any(issubclass(w.category, TornLogWarning) for w in told)
    assert exchange.state_hash() == hashes[exchange.event_count()]
    return exchange.event_count()
