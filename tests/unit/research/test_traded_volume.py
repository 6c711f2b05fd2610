import numpy as np

from nanodesk.market.panel import PricePanel
from nanodesk.research.traded_volume import average_daily_volume

DAYS = np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-01-31"))


def panel(**volumes):
    close = np.ones((len(DAYS), len(volumes)))
    volume = np.column_stack([np.broadcast_to(np.asarray(each, dtype=float), len(DAYS)) for each in volumes.values()])
    return PricePanel(DAYS, tuple(volumes), close, volume=volume)


class TestAverageDailyVolume:
    def test_the_last_twenty_sessions(self):
        rising = np.where(np.arange(30) < 10, 1e9, np.arange(30))
        assert average_daily_volume(panel(A=rising, B=7)) == {"A": 19.5, "B": 7.0}

    def test_sessions_without_volume_do_not_count_and_half_of_them_must_have_one(self):
        half = np.where(np.arange(30) < 20, np.nan, 6)
        assert average_daily_volume(panel(A=half)) == {"A": 6.0}
        half[20] = np.nan
        assert average_daily_volume(panel(A=half, B=0)) == {}

    def test_closes_alone(self):
        assert average_daily_volume(PricePanel(DAYS, ("A",), np.ones((len(DAYS), 1)))) == {}
