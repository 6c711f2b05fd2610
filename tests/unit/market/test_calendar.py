import datetime

import numpy as np
import pytest

from nanodesk.errors import DataError, MissingSessionError, ValidationError
from nanodesk.market import calendar


@pytest.fixture(scope="module")
def oracle():
    exchange_calendars = pytest.importorskip("exchange_calendars")
    return exchange_calendars.get_calendar("XNYS", start="1990-01-01", end="2027-12-31")


class TestSessions:
    @pytest.mark.parametrize("name", ["XNYS", "XNAS"])
    def test_every_session_agrees_with_exchange_calendars(self, oracle, name):
        actual = calendar.sessions(name, "1990-01-01", "2027-12-31")
        assert np.array_equal(actual, oracle.sessions.to_numpy().astype("datetime64[D]"))

    def test_always_open_has_every_day(self):
        assert len(calendar.sessions("24-7", "2024-01-01", "2024-12-31")) == 366

    def test_span_without_sessions_is_empty(self):
        assert len(calendar.sessions("XNYS", "2024-07-06", "2024-07-07")) == 0

    def test_days_after_the_attacks_of_2001_are_closed(self):
        assert calendar.next_session("XNYS", "2001-09-10") == datetime.date(2001, 9, 17)

    def test_end_before_start(self):
        with pytest.raises(ValidationError, match="end=2024-01-01 is before start=2024-01-02"):
            calendar.sessions("XNYS", "2024-01-02", "2024-01-01")

    @pytest.mark.parametrize(
        ("start", "end", "word"),
        [("1980-01-01", "2000-01-01", "start=1980-01-01 is earlier than the first session"),
         ("2000-01-01", "2031-01-01", "end=2031-01-01 is later than the last session")],
    )  # fmt: skip
    def test_names_the_bound_that_is_crossed(self, start, end, word):
        with pytest.raises(DataError, match=word):
            calendar.sessions("XNYS", start, end)

    def test_unknown_calendar_names_the_nearest(self):
        with pytest.raises(ValidationError, match="Did you mean 'XNYS'"):
            calendar.sessions("XNYC", "2024-01-01", "2024-01-02")

    def test_text_that_is_no_date(self):
        with pytest.raises(ValidationError, match="start='soon' is not a date"):
            calendar.sessions("XNYS", "soon", "2024-01-01")


class TestSession:
    def test_hours_of_every_session_agree_with_exchange_calendars(self, oracle):
        opens = oracle.schedule["open"].dt.tz_convert(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
        closes = oracle.schedule["close"].dt.tz_convert(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
        early = {stamp.date() for stamp in oracle.early_closes}
        for day, open_ns, close_ns in zip(oracle.sessions, opens, closes, strict=True):
            expected = calendar.Session(day.date(), int(open_ns), int(close_ns), day.date() in early)
            assert calendar.session("XNYS", day.date()) == expected

    def test_always_open(self):
        hours = calendar.session("24-7", "2024-01-01")
        assert hours.close_ns - hours.open_ns == 86_400 * 10**9

    def test_holiday_names_the_session_before(self):
        with pytest.raises(MissingSessionError, match=r"2024-07-04 is not a session.*2024-07-03"):
            calendar.session("XNYS", "2024-07-04")


class TestIsSession:
    def test_weekend_and_half_day(self):
        assert not calendar.is_session("XNYS", datetime.date(2024, 7, 6))
        assert calendar.is_session("XNYS", np.datetime64("2024-07-03"))


class TestIsHalfDay:
    def test_day_before_independence_day(self):
        assert calendar.is_half_day("XNYS", "2024-07-03")
        assert not calendar.is_half_day("XNYS", "2024-07-05")


class TestNeighbours:
    def test_step_over_a_holiday(self):
        assert calendar.next_session("XNYS", "2024-07-03") == datetime.date(2024, 7, 5)
        assert calendar.previous_session("XNYS", "2024-07-05") == datetime.date(2024, 7, 3)

    def test_beyond_the_table(self):
        with pytest.raises(DataError, match="2027-12-31 is the last one"):
            calendar.next_session("XNYS", "2027-12-31")
        with pytest.raises(DataError, match="1990-01-02 is the first one"):
            calendar.previous_session("XNYS", "1990-01-02")


class TestOffsetSessions:
    def test_moves_from_days_that_are_no_sessions(self):
        days = np.array(["2024-07-06", "2024-07-08"], dtype="datetime64[D]")
        assert calendar.offset_sessions("XNYS", days, 0).tolist() == [datetime.date(2024, 7, 5), days[1].item()]

    def test_outside_the_table_is_not_a_time(self):
        days = np.array(["1990-01-02", "2027-12-31", "2030-01-01"], dtype="datetime64[D]")
        assert np.isnat(calendar.offset_sessions("XNYS", days, -1)).tolist() == [True, False, True]


class TestNames:
    def test_lists_every_calendar(self):
        assert calendar.names() == ("24-7", "XNAS", "XNYS")


class TestBounds:
    def test_covers_1990_to_2027(self):
        assert calendar.bounds("XNYS") == (datetime.date(1990, 1, 2), datetime.date(2027, 12, 31))


class TestAsDay:
    def test_takes_dates_and_text(self):
        assert (
            calendar.as_day(datetime.date(2024, 7, 3)) == calendar.as_day("2024-07-03") == np.datetime64("2024-07-03")
        )

    def test_refuses_not_a_time(self):
        with pytest.raises(ValidationError, match="start is not a time"):
            calendar.as_day(np.datetime64("NaT"), field="start")
