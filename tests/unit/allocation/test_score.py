import numpy as np
import pytest

from nanodesk.allocation.limits import Limits
from nanodesk.allocation.score import equal_weight, fit, inverse_volatility, score_weight, water_fill
from nanodesk.errors import InfeasibleError, ShapeError, ValidationError


class TestEqualWeight:
    def test_is_equal(self):
        assert equal_weight(4, limits=Limits(gross=0.8)).tolist() == [0.2] * 4

    def test_group_caps_move_weight_to_other_groups(self):
        weights = equal_weight(4, limits=Limits(groups=["a", "a", "a", "b"], max_group=0.6))
        assert weights == pytest.approx([0.2, 0.2, 0.2, 0.4], abs=1e-12)

    def test_as_many_names_as_the_minimum_allows(self):
        weights = equal_weight(500, limits=Limits(min_weight=0.005))
        assert weights[weights > 0] == pytest.approx([0.005] * 200)

    def test_no_names(self):
        with pytest.raises(ShapeError):
            equal_weight(0)


class TestScoreWeight:
    def test_missing_and_negative_scores_are_not_held(self):
        assert score_weight([np.nan, 2.0, -1.0, 6.0]).tolist() == [0.0, 0.25, 0.0, 0.75]

    def test_caps_fill_like_water(self):
        weights = score_weight([8.0, 1.0, 1.0], limits=Limits(max_weight=0.4))
        assert weights == pytest.approx([0.4, 0.3, 0.3])

    def test_long_short_is_half_long_half_short(self):
        weights = score_weight([3.0, 1.0, np.nan, -1.0, -3.0], limits=Limits(long_only=False, gross=2.0))
        assert weights == pytest.approx([0.75, 0.25, 0.0, -0.25, -0.75])

    def test_long_short_caps(self):
        limits = Limits(long_only=False, gross=2.0, max_weight=0.6)
        weights = score_weight([3.0, 1.0, -1.0, -3.0], limits=limits)
        assert limits.region(4).violation(weights) < 1e-12
        assert weights == pytest.approx(-weights[::-1], abs=1e-12)

    def test_refuses_what_cannot_be_ranked(self):
        with pytest.raises(ValidationError, match="no positive score"):
            score_weight([-1.0, np.nan])
        with pytest.raises(ValidationError, match="all the same"):
            score_weight([0.1, 0.1, 0.1], limits=Limits(long_only=False))
        with pytest.raises(ValidationError, match=r"scores\[1\]=inf"):
            score_weight([1.0, np.inf])
        with pytest.raises(ShapeError):
            score_weight([[1.0]])

    def test_too_few_positive_scores_for_the_cap(self):
        with pytest.raises(InfeasibleError, match="the 1 names allowed"):
            score_weight([1.0, -1.0, -1.0], limits=Limits(max_weight=0.5))


class TestInverseVolatility:
    def test_reads_the_diagonal(self):
        assert inverse_volatility([[0.04, 0.01], [0.01, 0.01]]) == pytest.approx([1 / 3, 2 / 3])

    def test_refuses_no_risk(self):
        with pytest.raises(ValidationError, match=r"covariance\[1, 1\]"):
            inverse_volatility(np.diag([1.0, 0.0]))


class TestFit:
    def test_keeps_what_already_fits(self):
        assert fit([3.0, 1.0]).tolist() == [0.75, 0.25]

    def test_turnover_moves_part_of_the_way(self):
        weights = fit([0.0, 1.0], limits=Limits(max_turnover=0.25), previous=[0.5, 0.5])
        assert weights == pytest.approx([0.25, 0.75], abs=1e-9)

    def test_refuses_negative_proportions_when_long_only(self):
        with pytest.raises(ValidationError, match="must not be negative"):
            fit([1.0, -1.0])


class TestWaterFill:
    @pytest.mark.parametrize("seed", range(50))
    def test_one_level_for_all_open_names(self, seed):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 30))
        raw, upper = rng.uniform(0, 1, n) * (rng.random(n) < 0.9) + (np.arange(n) == 0), rng.uniform(0.01, 1, n)
        total = float(rng.uniform(0.1, 1.0)) * upper[raw > 0].sum()
        weights = water_fill(raw, total, upper)
        assert weights.sum() == pytest.approx(total, rel=1e-12), seed
        assert (weights <= upper).all(), seed
        assert (weights[raw == 0] == 0).all(), seed
        free = (raw > 0) & (weights < upper)
        if free.any():
            level = weights[free] / raw[free]
            assert level.max() == pytest.approx(level.min(), rel=1e-9), seed
            full = (raw > 0) & ~free
            assert (upper[full] / raw[full] <= level.max() * (1 + 1e-9)).all(), seed
