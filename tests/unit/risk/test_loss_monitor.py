import stat

import pytest

from nanodesk.errors import SchemaMismatchError, ValidationError
from nanodesk.risk.limits import RiskConfig
from nanodesk.risk.loss_monitor import LossMonitor, LossRecord
from nanodesk.risk.trading_state import TradingState
from risk_scenes import units

ACTIVE, REDUCING, HALTED = TradingState
CONFIG = RiskConfig(
    max_daily_loss_frac="0.05", halt_daily_loss_frac="0.1", max_drawdown_frac="0.2", halt_drawdown_frac="0.3"
)
DAY = "2026-02-09"


def monitor(**options):
    return LossMonitor(CONFIG, **options)


def states(*equities, day=DAY):
    watched = monitor()
    return [watched.update(units(equity), now_ns=n, day=day) for n, equity in enumerate(equities)]


class TestDailyLoss:
    def test_equal_stays_and_beyond_acts(self):
        assert states(100_000, 95_000) == [ACTIVE, ACTIVE]
        assert states(100_000, "94999.999999999") == [ACTIVE, REDUCING]
        assert states(100_000, 90_000) == [ACTIVE, REDUCING]
        assert states(100_000, "89999.999999999") == [ACTIVE, HALTED]

    def test_it_only_tightens(self):
        assert states(100_000, 94_000, 120_000, 80_000, 200_000) == [ACTIVE, REDUCING, REDUCING, HALTED, HALTED]

    def test_a_new_day_starts_the_loss_again_and_keeps_the_state(self):
        watched = monitor()
        watched.update(units(100_000), now_ns=1, day="2026-02-09")
        assert watched.update(units(96_000), now_ns=2, day="2026-02-09") is ACTIVE
        assert watched.update(units(96_000), now_ns=2, day="2026-02-10") is ACTIVE
        assert watched.update(units(92_000), now_ns=3, day="2026-02-10") is ACTIVE
        assert watched.update(units(91_000), now_ns=4, day="2026-02-10") is REDUCING
        assert watched.update(units(91_000), now_ns=5, day="2026-02-11") is REDUCING
        assert watched.record.reason == "daily loss of 0.052083334"
        assert watched.record.since_ns == 4

    def test_a_desk_that_looks_once_a_day_sees_the_loss_since_the_evening_before(self):
        watched = monitor()
        assert watched.update(units(100_000), now_ns=1, day="2026-02-06") is ACTIVE
        assert watched.update(units(94_999), now_ns=2, day="2026-02-09") is REDUCING
        assert watched.record.day_start_equity_e9 == units(100_000)

    @pytest.mark.parametrize(("day", "state"), [("2026-02-10", REDUCING), ("2026-02-11", ACTIVE)])
    def test_an_evening_is_at_most_four_days_ago(self, day, state):
        watched = monitor()
        watched.update(units(100_000), now_ns=1, day="2026-02-06")
        assert watched.update(units(94_000), now_ns=2, day=day) is state

    def test_a_clock_that_is_set_back_begins_no_day(self):
        watched = monitor()
        watched.update(units(100_000), now_ns=1, day="2026-02-10")
        assert watched.update(units(96_000), now_ns=2, day="2026-02-09") is ACTIVE
        assert watched.update(units(94_000), now_ns=3, day="2026-02-10") is REDUCING


class TestDrawdown:
    def test_from_the_high_water_mark_over_days(self):
        watched = monitor()
        path = [100_000, 97_000, 94_000, 91_000, 88_000, 85_000, 82_000, 80_000]
        found = [watched.update(units(equity), now_ns=n, day=f"2026-02-0{n + 1}") for n, equity in enumerate(path)]
        assert found == [ACTIVE] * 8
        assert watched.update(units("79999.999999999"), now_ns=9, day="2026-02-09") is REDUCING
        assert watched.record.reason.startswith("drawdown")

    def test_halts(self):
        watched = monitor(record=LossRecord(DAY, units(80_000), units(110_000)))
        assert watched.update(units(76_999), now_ns=1, day=DAY) is HALTED


class TestActs:
    @pytest.mark.parametrize("equity", [None, float("nan"), 1e5, True, "1"])
    def test_no_whole_number_halts(self, equity):
        assert monitor().update(equity, now_ns=1, day=DAY) is HALTED

    @pytest.mark.parametrize("equity", [0, -1])
    def test_no_equity_halts(self, equity):
        assert monitor().update(equity, now_ns=1, day=DAY) is HALTED

    def test_others_may_tighten_and_never_loosen(self):
        watched = monitor()
        assert watched.tighten(REDUCING, "reject breaker", now_ns=5) is REDUCING
        assert watched.tighten(ACTIVE, "all is well", now_ns=6) is REDUCING
        assert (watched.record.reason, watched.record.since_ns) == ("reject breaker", 5)

    def test_only_a_reset_frees(self):
        watched = monitor()
        watched.update(units(100_000), now_ns=1, day=DAY)
        watched.update(units(80_000), now_ns=2, day=DAY)
        assert watched.reset(units(80_000), who="ann", why="reviewed", now_ns=3) is ACTIVE
        assert watched.update(units(78_000), now_ns=4, day=DAY) is ACTIVE
        assert watched.record.reason == "reset by ann: reviewed"

    @pytest.mark.parametrize(("who", "why", "equity"), [("", "x", 1), ("x", " ", 1), ("x", "y", 0), ("x", "y", 1.5)])
    def test_a_reset_says_who_and_why_and_from_what(self, who, why, equity):
        with pytest.raises(ValidationError):
            monitor().reset(equity, who=who, why=why, now_ns=1)

    def test_cash_that_moves_is_no_loss(self):
        watched = monitor()
        watched.update(units(100_000), now_ns=1, day=DAY)
        watched.move_cash(units(-50_000))
        assert watched.update(units(50_000), now_ns=2, day=DAY) is ACTIVE
        assert watched.update(units(50_000), now_ns=3, day="2026-02-10") is ACTIVE
        monitor().move_cash(5)


class TestStorage:
    def test_the_state_survives_the_process(self, tmp_path):
        path = tmp_path / "desk" / "loss.json"
        first = monitor(path=path)
        first.update(units(100_000), now_ns=1, day=DAY)
        first.update(units(94_000), now_ns=2, day=DAY)
        again = monitor(path=path)
        assert (again.state, again.record) == (REDUCING, first.record)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_an_equity_that_changes_nothing_is_written_once_a_minute(self, tmp_path):
        path, minute = tmp_path / "loss.json", 60 * 10**9
        first = monitor(path=path)
        for now_ns, equity in ((minute, 100_000), (minute + 1, 99_000), (2 * minute - 1, 98_000)):
            first.update(units(equity), now_ns=now_ns, day=DAY)
        assert monitor(path=path).record.last_equity_e9 == units(100_000)
        first.update(units(98_500), now_ns=2 * minute, day=DAY)
        assert monitor(path=path).record == first.record

    def test_a_record_of_before_is_read(self, tmp_path):
        path = tmp_path / "loss.json"
        path.write_text(
            '{"schema": 1, "day": "2026-02-08", "day_start_equity_e9": 5, "high_water_e9": 7, "state": "active",'
            ' "reason": "", "since_ns": 0}'
        )
        assert monitor(path=path).record == LossRecord("2026-02-08", 5, 7)

    @pytest.mark.parametrize(
        "text",
        ["", "{", "[]", "null", '{"schema": 2}', '{"schema": 1, "state": "calm"}',
         '{"schema": 1, "state": "active", "x": 1}',
         '{"schema": 1, "state": "active", "high_water_e9": 1.5}', '{"schema": 1, "state": "active", "day": 5}'],
    )  # fmt: skip
    def test_a_damaged_file_is_refused(self, tmp_path, text):
        path = tmp_path / "loss.json"
        path.write_text(text)
        with pytest.raises(SchemaMismatchError):
            monitor(path=path)

    def test_text_round_trip(self):
        record = LossRecord(DAY, 5, 7, HALTED, "because", 9)
        assert LossRecord.from_json(record.to_json()) == record


class TestTradingState:
    def test_the_worse_of_two(self):
        for index, first in enumerate(TradingState):
            for other in list(TradingState)[index:]:
                assert first.worse(other) is other
                assert other.worse(first) is other
