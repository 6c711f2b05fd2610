import math

import numpy as np
import pytest

from nanodesk.errors import ValidationError
from nanodesk.metrics.newey_west import long_run_variance, newey_west_lags, newey_west_t

NAN = np.nan


class TestNeweyWestLags:
    def test_never_reaches_the_length(self):
        assert [newey_west_lags(n) for n in (1, 2, 3, 100, 1000)] == [0, 1, 1, 4, 6]


class TestLongRunVariance:
    def test_without_lags_is_the_population_variance(self):
        x = np.random.default_rng(0).normal(size=100)
        assert long_run_variance(x - x.mean(), 0) == pytest.approx(x.var())

    def test_is_never_negative(self):
        rng = np.random.default_rng(1)
        for lags in range(12):
            x = rng.normal(size=12) * (-1.0) ** np.arange(12)
            assert long_run_variance(x - x.mean(), lags) >= 0.0


class TestNeweyWestT:
    def test_without_lags_is_the_plain_t_with_population_deviation(self):
        x = np.random.default_rng(0).normal(0.1, 1, 200)
        assert newey_west_t(x, lags=0) == pytest.approx(x.mean() / x.std() * math.sqrt(200))

    def test_positive_autocorrelation_lowers_it(self):
        x = np.repeat(np.random.default_rng(0).normal(0.3, 1, 60), 4)
        assert abs(newey_west_t(x, lags=6)) < abs(newey_west_t(x, lags=0))

    def test_has_no_value_without_variation(self):
        assert math.isnan(newey_west_t(np.array([0.2, 0.2, NAN])))

    def test_negative_lags_are_refused(self):
        with pytest.raises(ValidationError, match="lags=-1"):
            newey_west_t(np.ones(3), lags=-1)
