"""Rows at which a strategy decides."""

import numpy as np
import pytest

from nanodesk.errors import ValidationError
from nanodesk.market import calendar
from nanodesk.research.decision_rows import decision_rows

YEAR = calendar.sessions("XNYS", "2023-12-20", "2025-01-10")


def days(pace, dates=YEAR, **options):
    return dates[decision_rows(dates, pace, calendar_name="XNYS", **options)].astype(str).tolist()


class TestDecisionRows:
    def test_month_ends_are_the_last_sessions(self):
        assert days("month_end")[:4] == ["2023-12-29", "2024-01-31", "2024-02-29", "2024-03-28"]
        assert len(days("month_end")) == 13

    def test_weeks_end_on_thursday_when_friday_is_a_holiday(self):
        weeks = days("weekly")
        assert "2024-03-28" in weeks  # Good Friday is closed
        assert "2024-07-05" in weeks

    def test_every(self):
        rows = decision_rows(YEAR, 21, calendar_name="XNYS", first=5)
        assert rows[:3].tolist() == [5, 26, 47]
        assert decision_rows(YEAR, "daily", calendar_name="XNYS", first=3)[0] == 3

    def test_a_month_that_lacks_its_last_session_has_no_decision(self):
        dates = YEAR[np.datetime64("2024-01-31") != YEAR]
        assert "2024-01-30" not in days("month_end", dates)

    @pytest.mark.parametrize("pace", ["month_end", "weekly", "daily", 7])
    def test_a_beginning_has_the_rows_of_the_whole(self, pace):
        whole = decision_rows(YEAR, pace, calendar_name="XNYS", first=20)
        for stop in range(1, len(YEAR), 17):
            part = decision_rows(YEAR[:stop], pace, calendar_name="XNYS", first=20)
            assert part.tolist() == whole[whole < stop].tolist()

    def test_unknown_pace(self):
        with pytest.raises(ValidationError, match="pace='monthly' is unknown"):
            decision_rows(YEAR, "monthly", calendar_name="XNYS")
