"""The matrix transforms against one-row and one-column versions in plain Python, on random matrices with holes."""

import numpy as np
import pytest

from nanodesk.market.panel import PricePanel
from nanodesk.research.transforms import along_time, cross_section, neutral
from nanodesk.research.transforms.volatility import trailing_volatility
from reference import transforms_reference as slow

SHAPE = (40, 17)
SECTORS = [None, "a", "b", "a", "c", "b", "a", None, "d", "b", "a", "c", "c", "a", "b", "a", "c"]
NUMBERS = np.array([-1 if s is None else "abcd".index(s) for s in SECTORS])

CROSS = {
    "winsor_quantiles": {"lo": 0.05, "hi": 0.9},
    "winsor_mad": {"mad": 1.5},
    "zscore": {"min_count": 3},
    "robust_z": {"min_count": 2},
    "rank": {"min_count": 2},
    "gauss_rank": {"min_count": 4},
    "scale": {"gross": 2.0},
}


def random_case(seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, SHAPE) * 10.0 ** rng.uniform(-6, 6, (SHAPE[0], 1))
    values[5:15] = rng.integers(0, 4, (10, SHAPE[1]))  # many ties
    values[15:18] = 2.5  # a level row
    values[rng.random(SHAPE) < 0.2] = np.nan
    values[20] = np.nan
    values[21, 1:] = np.nan
    return values, rng.random(SHAPE) < 0.8


def cells(values):
    return [[None if x != x else float(x) for x in row] for row in np.asarray(values)]


def assert_same(fast, expected):
    expected = np.array([[np.nan if x is None else x for x in row] for row in expected])
    np.testing.assert_array_equal(np.isnan(fast), np.isnan(expected))
    np.testing.assert_allclose(fast, expected, rtol=1e-10, atol=1e-12)


class TestCrossSection:
    @pytest.mark.parametrize("seed", range(10))
    @pytest.mark.parametrize("name", CROSS)
    def test_agrees(self, name, seed):
        values, mask = random_case(seed)
        fast = getattr(cross_section, name)(values, mask, **CROSS[name])
        rows = cells(np.where(mask, values, np.nan))
        assert_same(fast, [getattr(slow, name)(row, **CROSS[name]) for row in rows])


class TestNeutral:
    @pytest.mark.parametrize("seed", range(10))
    def test_group_demean_agrees(self, seed):
        values, mask = random_case(seed)
        rows = cells(np.where(mask, values, np.nan))
        scale = np.nanmax(np.abs(values), axis=1, keepdims=True, initial=1.0, where=~np.isnan(values))
        expected = [slow.group_demean(row, SECTORS) for row in rows]
        expected = np.array([[np.nan if x is None else x for x in row] for row in expected])
        fast = neutral.group_demean(values, mask, NUMBERS)
        np.testing.assert_allclose(fast / scale, expected / scale, rtol=1e-10, atol=1e-13)

    @pytest.mark.parametrize("seed", range(10))
    def test_group_median_fill_agrees(self, seed):
        values, mask = random_case(seed)
        rows = cells(np.where(mask, values, np.nan))
        expected = [slow.group_median_fill(row, SECTORS) for row in rows]
        inside = [
            [x if kept else None for x, kept in zip(row, m, strict=True)] for row, m in zip(expected, mask, strict=True)
        ]
        assert_same(neutral.group_median_fill(values, mask, NUMBERS), inside)

    @pytest.mark.parametrize("seed", range(10))
    def test_residuals_agree_with_dummy_variable_least_squares(self, seed):
        rng = np.random.default_rng(seed)
        values, size, beta = (rng.normal(0, 1, (12, 40)) for _ in range(3))
        sectors = rng.integers(-1, 4, 40)
        for matrix in (values, size, beta):
            matrix[rng.random(matrix.shape) < 0.1] = np.nan
        mask = rng.random(values.shape) < 0.9
        fast = neutral.residuals(values, mask, [size, beta], sectors)
        for row in range(12):
            known = mask[row] & ~np.isnan(values[row] + size[row] + beta[row]) & (sectors >= 0)
            dummies = [(sectors[known] == s).astype(float) for s in np.unique(sectors[known])]
            x = np.column_stack([*dummies, size[row, known], beta[row, known]])
            y = values[row, known]
            np.testing.assert_allclose(fast[row, known], y - x @ np.linalg.pinv(x) @ y, atol=1e-12)
            assert np.isnan(fast[row, ~known]).all()


class TestAlongTime:
    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize(("name", "setting"), [("forward_fill", 2), ("ewma", 3.5), ("decay_linear", 6)])
    def test_agrees(self, name, setting, seed):
        values, _ = random_case(seed)
        columns = [getattr(slow, name)(column, setting) for column in cells(values.T)]
        assert_same(getattr(along_time, name)(values, setting).T, columns)


class TestTrailingVolatility:
    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize("estimator", ["std", "ewm", "parkinson", "garman_klass", "yang_zhang"])
    def test_agrees(self, estimator, seed):
        panel = random_bars(seed)
        rows = np.arange(0, 90, 4)
        fast = trailing_volatility(panel, rows, window=15, estimator=estimator)
        bars = [
            cells(np.stack([getattr(panel, f)[:, j] for f in ("open", "high", "low", "close")], axis=1))
            for j in range(5)
        ]
        expected = [[slow.volatility(column[: row + 1], 15, estimator) for column in map(_whole, bars)] for row in rows]
        assert_same(fast, expected)


def _whole(column):
    return [tuple(bar) for bar in column]


def random_bars(seed):
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, (90, 5)), axis=0))
    start = close * np.exp(rng.normal(0, 0.01, close.shape))
    high = np.maximum(start, close) * np.exp(np.abs(rng.normal(0, 0.01, close.shape)))
    low = np.minimum(start, close) * np.exp(-np.abs(rng.normal(0, 0.01, close.shape)))
    gone = rng.random(close.shape) < 0.08
    for matrix in (close, start, high, low):
        matrix[gone] = np.nan
    dates = np.datetime64("2020-01-01") + np.arange(90)
    return PricePanel(dates, tuple("ABCDE"), close, start, high, low)
