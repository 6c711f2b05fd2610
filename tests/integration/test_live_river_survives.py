"""Real processes, real SIGKILLs, venues in processes of their own: the reduced form of ``make torture``.

Every one of the 32 steps is died at once; the middle order is meant where a step has an order. See ``tests/torture``.
"""

import os
from dataclasses import replace

import pytest

from torture.disk_faults import DiskFault, run_disk_faults
from torture.kill_matrix import matrix, references_of, run_matrix, struck_points
from torture.mutant_hunt import hunt_all
from torture.network_faults import NetworkFault, run_network_faults
from torture.safeguards import MUTANTS
from torture.steps import STEPS
from torture.venue_life import available
from torture.workplace import workplace

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

SETTINGS = {"size": "200"}
KINDS = available()

NETWORK = [
    *(NetworkFault(kind, "new", fault) for kind in KINDS for fault in ("reset_after_accept", "rate_limited")),
    *(NetworkFault(kind, "cancel", "cancel_races_fill") for kind in KINDS),
    *(NetworkFault(kind, "replace", "partial_then_disconnect") for kind in KINDS),
    NetworkFault("binance", "new", "error_after_accept"), NetworkFault("binance", "cancel", "late_fill"),
    NetworkFault("ibkr", "new", "correct"), NetworkFault("ibkr", "cancel", "reset_before_accept"),
    NetworkFault("alpaca", "new", "malformed"), NetworkFault("alpaca", "cancel", "mute"),
]  # fmt: skip
SOME_MUTANTS = ("unknown is a refusal", "nobody looks an order up", "a failed commit is swallowed")


@pytest.fixture(scope="module")
def place():
    with workplace(2) as opened:
        yield opened


@pytest.fixture(scope="module")
def references(place):
    return references_of(place, KINDS, **SETTINGS)


def shared_out():
    """Every point once, the brokers by turns; a request that was written and not answered at every broker."""
    cases = []
    for index, point in enumerate(STEPS):
        everywhere = point == "K11"
        kinds = KINDS if everywhere else (KINDS[index % len(KINDS)],)
        cases += matrix(kinds, (point,), ("middle",))
    return [replace(case, settings=tuple(SETTINGS.items())) for case in cases]


def bad(results):
    return [str(result) for result in results if not result.is_good]


def test_a_death_at_every_step(place, references):
    results = run_matrix(place, shared_out(), references)
    assert bad(results) == []
    assert struck_points(results) == set(STEPS)
    assert sum(result.kills for result in results) >= 39


def test_a_disk_that_fails(place, references):
    settings = tuple(SETTINGS.items())
    cases = [DiskFault(KINDS[0], "K7", "full", settings), DiskFault(KINDS[-1], "K13", "size_limit", settings),
             DiskFault("ibkr", "K16", "io_error", settings)]  # fmt: skip
    assert bad(run_disk_faults(place, cases, references)) == []


def test_networks_that_misbehave(place):
    cases = [case for case in NETWORK if case.kind in KINDS]
    assert bad(run_network_faults(place, cases)) == []


def test_a_missing_safeguard_is_noticed(place, references):
    wanted = tuple(mutant for mutant in MUTANTS if mutant.name in SOME_MUTANTS)
    assert len(wanted) == len(SOME_MUTANTS)
    assert [name for name, caught in hunt_all(place, wanted, references) if not caught] == []


def test_there_are_enough_mutants():
    assert len(MUTANTS) >= 25
