import math
from itertools import combinations

import numpy as np
import pytest

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.metrics.overfitting import overfitting_probability
from reference.metrics_reference import mean, std


def slow_probability(matrix, blocks):
    """The paper's recipe, one split after the other."""
    size = len(matrix) // blocks
    used = matrix[len(matrix) - size * blocks :]
    spans = [used[b * size : (b + 1) * size] for b in range(blocks)]

    def ratios(chosen):
        rows = np.concatenate([spans[b] for b in chosen])
        return [mean(column) / std(column, ddof=0) for column in rows.T.tolist()]

    logits = []
    for chosen in combinations(range(blocks), blocks // 2):
        inside = ratios(chosen)
        outside = ratios([b for b in range(blocks) if b not in chosen])
        best = inside.index(max(inside))
        omega = (1 + sum(value < outside[best] for value in outside)) / (len(outside) + 1)
        logits.append(math.log(omega / (1 - omega)))
    return sum(logit <= 1e-12 for logit in logits) / len(logits)


class TestOverfittingProbability:
    @pytest.mark.parametrize("seed", range(8))
    def test_agrees_with_the_recipe(self, seed):
        rng = np.random.default_rng(seed)
        trials, blocks = int(rng.integers(2, 9)), int(rng.choice([2, 4, 6]))
        matrix = rng.normal(0.0005, 0.01, (int(rng.integers(4 * blocks, 80)), trials))
        assert overfitting_probability(matrix, blocks=blocks) == slow_probability(matrix, blocks)

    def test_skill_is_not_luck(self):
        rng = np.random.default_rng(1)
        matrix = rng.normal(0.0, 0.01, (800, 20))
        matrix[:, 7] += 0.004
        assert overfitting_probability(matrix, blocks=8) < 0.01

    def test_luck_is(self):
        matrix = np.random.default_rng(2).normal(0.0, 0.01, (1600, 50))
        assert 0.2 < overfitting_probability(matrix, blocks=10) < 0.8

    def test_a_level_costs_no_digits(self):
        matrix = np.random.default_rng(3).normal(0.0, 0.01, (200, 6))
        shifted = matrix + 1e5
        assert overfitting_probability(shifted, blocks=6) == slow_probability(shifted, 6)

    def test_trials_that_do_not_vary(self):
        assert overfitting_probability(np.full((20, 3), 0.1), blocks=4) == 1.0

    @pytest.mark.parametrize("blocks", [0, 1, 3, 12, 2.0, True])
    def test_refuses_blocks_that_have_no_halves(self, blocks):
        with pytest.raises(ValidationError, match="blocks"):
            overfitting_probability(np.zeros((20, 2)), blocks=blocks)

    def test_refuses_bad_returns(self):
        with pytest.raises(ShapeError, match="returns"):
            overfitting_probability([0.1, 0.2])
        with pytest.raises(ShapeError, match="returns"):
            overfitting_probability([[0.1], [0.2]])
        with pytest.raises(ValidationError, match=r"returns\[1, 0\]"):
            overfitting_probability([[0.1, 0.2], [math.nan, 0.2]])
