import math

import numpy as np
import pandas as pd
import pytest
import quantstats.stats as qs

from nanodesk.metrics.hit_rates import hit_rates
from reference.metrics_reference import grouped, longest_run, mean

SUMS_AGREE = 1e-12


def share_won(values):
    return sum(value > 0 for value in values) / len(values)


class TestHitRates:
    @pytest.mark.parametrize("seed", range(10))
    def test_agrees_with_the_reference(self, seed):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 800))
        returns = np.round(rng.normal(0.0, 0.01, n), 2)
        dates = np.datetime64("2020-01-15") + np.arange(n)
        days = dates.astype(object)
        values = returns.tolist()
        rates = hit_rates(returns, dates)
        assert rates.win_days == share_won(values)
        assert rates.win_months == share_won(grouped(values, [(d.year, d.month) for d in days]).values())
        assert rates.win_quarters == share_won(grouped(values, [(d.year, (d.month - 1) // 3) for d in days]).values())
        assert rates.win_years == share_won(grouped(values, [d.year for d in days]).values())
        wins, losses = [v for v in values if v > 0], [v for v in values if v < 0]
        assert rates.average_win == pytest.approx(mean(wins) if wins else math.nan, rel=SUMS_AGREE, nan_ok=True)
        assert rates.average_loss == pytest.approx(mean(losses) if losses else math.nan, rel=SUMS_AGREE, nan_ok=True)
        assert rates.longest_win_streak == longest_run(v > 0 for v in values)
        assert rates.longest_loss_streak == longest_run(v < 0 for v in values)

    def test_agrees_with_quantstats(self):
        returns = np.random.default_rng(1).normal(0.0, 0.01, 300)
        index = pd.bdate_range("2020-01-01", periods=300)
        series = pd.Series(returns, index=index)
        rates = hit_rates(returns, index.to_numpy().astype("datetime64[D]"))
        assert rates.average_win == pytest.approx(qs.avg_win(series), rel=SUMS_AGREE)
        assert rates.average_loss == pytest.approx(qs.avg_loss(series), rel=SUMS_AGREE)
        assert rates.longest_win_streak == qs.consecutive_wins(series)
        assert rates.longest_loss_streak == qs.consecutive_losses(series)
        # quantstats leaves sessions of zero return out of the count; there are none here
        assert rates.win_days == pytest.approx(qs.win_rate(series))

    def test_a_flat_session_ends_a_streak(self):
        rates = hit_rates([0.1, 0.0, 0.1], np.datetime64("2024-01-01") + np.arange(3))
        assert rates.longest_win_streak == 1
        assert rates.win_days == pytest.approx(2 / 3)
        assert math.isnan(rates.average_loss)
