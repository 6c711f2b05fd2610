"""The compiled exchange against the naive one: results, trades, notices, levels and state hash after every command."""

from __future__ import annotations

import pytest

from reference.book_comparison import compare_stream, shrink
from reference.command_stream import PROFILES
from reference.naive_book import NaiveDriver

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
        pytest.fail(f"profile {profile}, seed {seed}\n{shrink(driver, found, max_runs=300)}")


class WrongCancel(NaiveDriver):
    """The published engine's fault: after a fill, a cancel takes the order behind the one that is meant."""

    def _cancel(self, item_id):
        queue = self.book.resting["buy"]
        if len(queue) > 2 and queue[1].id == item_id and self.book.last_trade_price is not None:
            item_id = queue[2].id
        return super()._cancel(item_id)


def test_a_planted_fault_is_found_and_shrunk():
    found = next(f for seed in range(20) if (f := compare_stream(WrongCancel, seed, "plain", 2000)) is not None)
    smallest = shrink(WrongCancel, found)
    assert len(smallest.commands) <= 8
    assert smallest.commands[-1][0] == "cancel"


@pytest.mark.parametrize("profile", list(PROFILES))
def test_the_reference_keeps_the_laws(profile):
    found = compare_stream(NaiveDriver, 99, profile, 1000)
    assert found is None, str(found)
