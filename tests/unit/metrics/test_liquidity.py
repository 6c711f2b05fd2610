import math

import numpy as np
import pytest

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.metrics.liquidity import capacity, days_to_liquidate


class TestDaysToLiquidate:
    def test_is_set_by_the_slowest_holding(self):
        weights, traded = [[0.5, -0.5], [1.0, 0.0]], [[1e6, 1e5], [1e6, 0.0]]
        np.testing.assert_allclose(days_to_liquidate(weights, [1e6, 1e6], traded), [50.0, 10.0])

    def test_untraded_and_unknown(self):
        days = days_to_liquidate([[0.5], [0.5], [0.0]], [1.0, 1.0, 1.0], [[0.0], [math.nan], [math.nan]])
        assert days[0] == math.inf
        assert math.isnan(days[1])
        assert days[2] == 0.0

    @pytest.mark.parametrize("share", [0.0, 1.1, -0.1, math.nan])
    def test_refuses_a_share_that_is_none(self, share):
        with pytest.raises(ValidationError, match="participation_frac"):
            days_to_liquidate([[1.0]], [1.0], [[1.0]], participation_frac=share)

    def test_refuses_shapes_that_differ(self):
        with pytest.raises(ShapeError, match="traded_value"):
            days_to_liquidate([[1.0]], [1.0], [[1.0, 2.0]])


class TestCapacity:
    def test_at_that_equity_liquidation_takes_a_session(self):
        rng = np.random.default_rng(0)
        weights, traded = rng.random((5, 8)) / 8, rng.random((5, 8)) * 1e7
        room = capacity(weights, traded)
        np.testing.assert_allclose(days_to_liquidate(weights, room, traded), 1.0)

    def test_nothing_held(self):
        np.testing.assert_array_equal(capacity([[0.0]], [[1.0]]), [math.inf])
