"""Slots are even, and no second of any kind holds more than the gateway takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanodesk.brokers.ibkr.pacing import DEFAULT_RATE, VENUE_LIMIT, Pacer
from nanodesk.errors import ValidationError


class Clock:
    """A clock that a sleep moves, too far each time by what the test says."""

    def __init__(self, overshoots: list[float] | None = None) -> None:
        self.now_s = 100.0
        self.overshoots = overshoots or []

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds + (self.overshoots.pop() if self.overshoots else 0.0)


def pacer(clock: Clock, rate: float = DEFAULT_RATE) -> Pacer:
    return Pacer(rate, monotonic_s=clock, sleep=clock.sleep)


class TestPacer:
    def test_the_first_message_does_not_wait(self):
        clock = Clock()
        assert pacer(clock).wait(100.0)
        assert clock.now_s == 100.0

    def test_slots_are_even(self):
        clock, stamps = Clock(), []
        paced = pacer(clock)
        for _ in range(5):
            paced.wait(float("inf"))
            stamps.append(round(clock.now_s - 100, 6))
        assert stamps == [0.0, 0.025, 0.05, 0.075, 0.1]

    def test_a_slot_that_comes_too_late_is_not_taken(self):
        clock = Clock()
        paced = pacer(clock)
        paced.wait(100.0)
        assert not paced.wait(100.01)
        assert paced.wait(100.03)

    def test_a_complaint_halves_the_pace(self):
        clock = Clock()
        paced = pacer(clock)
        paced.halve()
        assert paced.spacing_s == pytest.approx(0.05)
        paced.wait(float("inf"))
        assert clock.now_s == pytest.approx(101.0)

    @pytest.mark.parametrize("rate", [0, -1, 50, 49.5, float("nan"), float("inf")])
    def test_a_rate_that_could_reach_the_limit_is_refused(self, rate):
        with pytest.raises(ValidationError, match="messages_per_second"):
            Pacer(rate)

    @given(
        st.lists(st.sampled_from([0.0, 0.0, 0.001, 0.02, 0.4, 3.0]), max_size=150),
        st.lists(st.sampled_from([0.0, 0.0, 0.01, 0.5, 1.1]), min_size=150, max_size=150),
        st.sampled_from([DEFAULT_RATE, 10.0, 49.0]),
    )
    def test_no_second_holds_more_than_the_limit(self, overshoots, idle, rate):
        clock, stamps = Clock(overshoots), []
        paced = pacer(clock, rate)
        for pause in idle:
            clock.now_s += pause
            paced.wait(float("inf"))
            stamps.append(clock.now_s)
        worst = max(sum(1 for stamp in stamps if start <= stamp < start + 1) for start in stamps)
        assert worst <= rate + 1 <= VENUE_LIMIT
