"""Steps of the wall clock."""

import pytest

from nanodesk.errors import StalePlanError
from nanodesk.rebalance.clock_watch import NS_PER_S, ClockWatch

S = NS_PER_S


class TestClockWatch:
    """nanobook reads both settings and uses neither (its bug 11)."""

    @pytest.mark.parametrize(
        ("wall_s", "passed_s", "is_fine"),
        [
            (1, 1, True),
            (-29, 1, True),
            (-30, 1, False),
            (31, 1, True),
            (32, 1, False),
            (100, 60, True),  # ahead by 40 s, at less than twice the pace
            (200, 60, False),
            (0, 0, True),
        ],
    )
    def test_one_step(self, wall_s, passed_s, is_fine):
        watch = ClockWatch(30.0, 2.0)
        watch.look(1_000 * S, 5.0)
        if is_fine:
            watch.look((1_000 + wall_s) * S, 5.0 + passed_s)
        else:
            with pytest.raises(StalePlanError, match="the clock moved by"):
                watch.look((1_000 + wall_s) * S, 5.0 + passed_s)

    def test_the_settings_act(self):
        watch = ClockWatch(5.0, 1.5)
        watch.look(0, 0.0)
        with pytest.raises(StalePlanError, match=r"by 7\.0 s while 1\.0 s"):
            watch.look(7 * S, 1.0)
