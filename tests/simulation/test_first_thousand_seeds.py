"""Seeds 0 to 999; ``python -m simulation.run SEED`` from ``tests/`` plays one again."""

import pytest

from simulation.options import Options
from simulation.run import run_seed

PARTS, SEEDS_A_PART = 10, 100
FIRST = 0


@pytest.mark.parametrize("part", range(PARTS))
def test_every_seed_ends_in_agreement_with_the_venue(part):
    begin = FIRST + part * SEEDS_A_PART
    for seed in range(begin, begin + SEEDS_A_PART):
        outcome = run_seed(seed)
        assert not outcome.error, f"seed {seed}\n{Options.of(seed)}\n{outcome.error}"
