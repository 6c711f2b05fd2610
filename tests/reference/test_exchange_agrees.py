"""The compiled exchange against the naive one: results, trades, notices, levels and state hash after every command."""

from __future__ import annotations

import pytest

from reference.book_comparison import compare_stream, shrink
from reference.naive_book import NaiveDriver
from reference.stream_profiles import PROFILES

SEEDS = (1, 2, 3, 4)
LENGTH = 3_600  # 15 profiles x 4 seeds x 3,600 = 216,000 commands


def engine():
    return pytest.importorskip("reference.exchange_driver").Driver


@pytest.mark.parametrize("profile", list(PROFILES))
@pytest.mark.parametrize("seed", SEEDS)
def test_engine_agrees_with_reference(profile, seed):
    driver = engine()
    found = compare_stream(driver, seed, profile, LENGTH)
    if found is not None:
        pytest.fail(f"profile {profile}, seed {seed}\n{shrink(driver, found, max_runs=1500)}")


@pytest.mark.parametrize("profile", list(PROFILES))
def test_the_reference_keeps_the_laws(profile):
    found = compare_stream(NaiveDriver, 99, profile, 1000)
    assert found is None, str(found)
