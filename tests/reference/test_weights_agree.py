"""The compiled weights backtest against the slow reference: every output, bit for bit, with all options mixed."""

import os
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reference.weights_cases import check_agreement, random_case

N_CASES = 6_000
N_LONG = int(os.environ.get("NANODESK_CASES", "1000000"))


def check_seeds(seeds):
    for seed in seeds:
        try:
            check_agreement(random_case(random.Random(seed)))
        except BaseException:
            print(f"failing seed: {seed}")
            raise


class TestAgreement:
    @pytest.mark.parametrize("block", range(4))
    def test_random_cases(self, block):
        check_seeds(range(block * N_CASES // 4, (block + 1) * N_CASES // 4))

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=False))
    def test_cases_that_shrink(self, rng):
        check_agreement(random_case(rng))

    @pytest.mark.slow
    def test_a_million_random_cases(self):
        """About ten minutes; NANODESK_CASES sets another number."""
        check_seeds(range(10_000_000, 10_000_000 + N_LONG))
