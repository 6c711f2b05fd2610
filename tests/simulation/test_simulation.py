"""The simulation itself: the same seed is the same run, and a fault in order management does not pass it unseen."""

import hashlib
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulation.options import PROFILES, Options
from simulation.planted import PLANTED, planted
from simulation.regression_seeds import REGRESSION_SEEDS
from simulation.run import main, run_seed

TESTS = Path(__file__).resolve().parents[1]
ENOUGH = 150
"""Seeds within which every planted fault has to show."""


@pytest.fixture(autouse=True)
def _quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", REGRESSION_SEEDS)
def test_what_failed_once_passes(seed):
    outcome = run_seed(seed)
    assert not outcome.error, f"{REGRESSION_SEEDS[seed]}\n{Options.of(seed)}\n{outcome.error}"


def test_the_same_seed_writes_the_same_bytes():
    for seed in range(40):
        first, second = run_seed(seed), run_seed(seed)
        assert first.digest == second.digest != ""
        assert first.counts == second.counts


def test_the_bytes_do_not_hang_on_the_order_of_hashes():
    code = "from simulation.run import run_seed; print(*(run_seed(seed).digest for seed in range(12)))"
    path = os.pathsep.join([str(TESTS), *(entry for entry in sys.path if entry)])
    told = set()
    for hash_seed in ("0", "4321"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path}
        command = [sys.executable, "-c", code]
        told.add(subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout)
    digests = next(iter(told)).split()
    assert len(told) == 1
    assert len(set(digests)) == 12
    here = hashlib.sha256(" ".join(run_seed(seed).digest for seed in range(12)).encode()).digest()
    assert here == hashlib.sha256(" ".join(digests).encode()).digest()


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_seen(name):
    with planted(name):
        assert any(run_seed(seed).error for seed in range(ENOUGH))


def test_the_options_cover_what_may_go_wrong():
    options = [Options.of(seed) for seed in range(400)]
    assert {one.profile for one in options} == set(PROFILES)
    for name in (
        "crashes", "lost_before", "lost_after", "late", "refused", "rate_limited", "raises", "cancel_race", "duplicate",
        "reorder", "gap", "stream_loss", "disconnect", "latency_ms", "read_error", "reads_lag", "busts", "late_fills",
        "humans", "kill", "nameless", "misread",
    ):  # fmt: skip
        values = {bool(getattr(one, name)) for one in options}
        assert values == {True, False}, name


def test_a_seed_tells_its_options(capsys):
    assert main(["7"]) == 0
    told = capsys.readouterr().out
    assert "seed 7" in told and f"profile = {Options.of(7).profile!r}" in told
