"""Limits are kept, the venue's counts believed, its requests to wait obeyed."""

import pytest

from nanodesk.brokers.rate_governor import HEADROOM, RateGovernor
from nanodesk.errors import RateLimitedError


class Now:
    def __init__(self, seconds=60.0):
        self.seconds = seconds

    def __call__(self):
        return self.seconds


@pytest.fixture
def now():
    return Now()


@pytest.fixture
def governor(now):
    one = RateGovernor(now)
    one.set_limit("W", 60, 100)
    one.set_limit("ORDERS", 10, 20)
    return one


def take(governor, **amounts):
    if governor.wait_for(amounts):
        return False
    governor.take(amounts)
    governor.answered(amounts)
    return True


class TestRoom:
    def test_no_window_ever_holds_more_than_its_limit(self, now, governor):
        sent = []
        for _ in range(5000):
            if take(governor, W=3, ORDERS=1):
                sent.append(now.seconds)
            now.seconds += 0.05
        for interval, limit, each in ((60, 100, 3), (10, 20, 1)):
            counts = {}
            for second in sent:
                counts[second // interval] = counts.get(second // interval, 0) + each
            assert max(counts.values()) <= limit * HEADROOM

    def test_the_wait_ends_with_the_window(self, now, governor):
        now.seconds = 75.0
        governor.take({"W": 95})
        assert governor.wait_for({"W": 1}) == 45.0
        now.seconds = 120.0
        assert governor.wait_for({"W": 1}) == 0.0

    def test_a_request_larger_than_a_limit_goes_alone(self, governor):
        assert governor.wait_for({"W": 1000}) == 0.0

    def test_the_venue_is_believed_up_and_down_and_what_is_on_its_way_comes_on_top(self, governor):
        governor.take({"W": 10})
        governor.believe("W", 60, 80)
        assert governor.limits()["W", 60] == (90, 100)
        governor.answered({"W": 10})
        governor.believe("W", 60, 20)
        assert governor.limits()["W", 60] == (20, 100)

    def test_a_limit_that_was_not_told_is_not_kept(self, governor):
        governor.believe("OTHER", 60, 10**9)
        assert governor.wait_for({"OTHER": 10**9}) == 0.0


class TestStop:
    def test_nothing_goes_until_the_time_is_over(self, now, governor):
        governor.stop_for(30.0)
        governor.stop_for(5.0)
        with pytest.raises(RateLimitedError) as caught:
            governor.require_room({"W": 1}, patience_s=29.0)
        assert caught.value.retry_after_s == 30.0
        assert governor.require_room({"W": 1}, patience_s=30.0) == 30.0
        now.seconds += 30.0
        assert governor.require_room({"W": 1}) == 0.0
