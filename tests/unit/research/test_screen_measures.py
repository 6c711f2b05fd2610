import numpy as np
import pytest

from nanodesk.research import screen_measures as fast
from reference import universe_reference as slow

# Sums in another order: a few ulps of the largest term, over at most 30 terms.
TOLERANCE = 1e-9


def random_bars(seed, n_dates=70, n_symbols=9):
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.03, (n_dates, n_symbols)), axis=0))
    high = close * (1 + rng.uniform(0, 0.03, close.shape))
    low = close * (1 - rng.uniform(0, 0.03, close.shape))
    volume = rng.integers(0, 10_000, close.shape).astype(float)
    gone = rng.random(close.shape) < 0.06
    for matrix in (close, high, low, volume):
        matrix[gone] = np.nan
        matrix[:25, 0] = np.nan
        matrix[40:, 1] = np.nan
    return high, low, close, volume


ROWS = np.array([0, 3, 19, 20, 21, 38, 39, 55, 69])


@pytest.mark.parametrize("seed", range(8))
class TestAgainstReference:
    def check(self, actual, expected):
        high, low, close, volume = expected[0]
        wanted = [
            [expected[1](high[:, j], low[:, j], close[:, j], volume[:, j], row) for j in range(9)] for row in ROWS
        ]
        np.testing.assert_allclose(actual, wanted, rtol=TOLERANCE, atol=TOLERANCE)

    def test_sessions_traded(self, seed):
        bars = random_bars(seed)
        self.check(fast.sessions_traded(bars[2], ROWS), (bars, lambda h, lo, c, v, row: slow.sessions_traded(c, row)))

    def test_missing_share(self, seed):
        bars = random_bars(seed)
        actual = fast.missing_share(bars[2], ROWS, window=20)
        self.check(actual, (bars, lambda h, lo, c, v, row: slow.missing_share(c, row, 20)))

    @pytest.mark.parametrize("window", [20, 21])
    def test_median_dollar_volume(self, seed, window):
        bars = random_bars(seed)
        actual = fast.median_dollar_volume(bars[2], bars[3], ROWS, window=window)
        self.check(actual, (bars, lambda h, lo, c, v, row: slow.median_dollar_volume(c, v, row, window)))

    def test_annual_volatility(self, seed):
        bars = random_bars(seed)
        actual = fast.annual_volatility(bars[2], ROWS, window=20)
        self.check(actual, (bars, lambda h, lo, c, v, row: slow.annual_volatility(c, row, 20)))

    def test_skipped_return(self, seed):
        bars = random_bars(seed)
        actual = fast.skipped_return(bars[2], ROWS, lookback=20, skip=5)
        self.check(actual, (bars, lambda h, lo, c, v, row: slow.skipped_return(c, row, 20, 5)))

    def test_corwin_schultz(self, seed):
        bars = random_bars(seed)
        actual = fast.corwin_schultz_bps(*bars[:3], ROWS, window=20)
        self.check(actual, (bars, lambda h, lo, c, v, row: slow.corwin_schultz_bps(h, lo, c, row, 20)))

    def test_abdi_ranaldo(self, seed):
        bars = random_bars(seed)
        actual = fast.abdi_ranaldo_bps(*bars[:3], ROWS, window=20)
        self.check(actual, (bars, lambda h, lo, c, v, row: slow.abdi_ranaldo_bps(h, lo, c, row, 20)))

    def test_correlation_with(self, seed):
        close = random_bars(seed)[2]
        actual = fast.correlation_with(close[:, 1:], close[:, 0], min_overlap=15)
        expected = [slow.correlation(close[:, 0], close[:, j], 15) for j in range(1, 9)]
        np.testing.assert_allclose(actual, expected, rtol=TOLERANCE)


class TestSpreadEstimators:
    def test_a_known_spread_is_found(self):
        # Many small trades a day at bid and ask around an efficient price: both papers simulate exactly this.
        rng, spread = np.random.default_rng(5), 0.01
        mid = np.exp(np.cumsum(rng.normal(0, 0.02 / np.sqrt(390), (390 * 1000, 1)), axis=0))
        traded = (mid * (1 + spread / 2 * rng.choice([-1, 1], mid.shape))).reshape(1000, 390, 1)
        high, low, close = traded.max(axis=1), traded.min(axis=1), traded[:, -1]
        row = np.array([999])
        assert abs(fast.corwin_schultz_bps(high, low, close, row, window=900)[0, 0] - 100) < 40
        assert abs(fast.abdi_ranaldo_bps(high, low, close, row, window=900)[0, 0] - 100) < 40
