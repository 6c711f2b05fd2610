"""Stopping everything, and the broker's word for it."""

import fcntl
import os
from contextlib import contextmanager

import pytest

from nanodesk.errors import BrokerError
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Order, OrderType
from nanodesk.oms.journal import Journal
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.rebalance.kill import cancel_everything, stop_running
from nanodesk.rebalance.run_lock import is_held
from nanodesk.rebalance.standing_quotes import StandingQuotesBroker
from rebalance_desk import Desk


class Failing(StandingQuotesBroker):
    """A broker that cannot be asked for open orders a number of times."""

    failures = 0

    def open_orders(self):
        if self.failures:
            self.failures -= 1
            raise BrokerError("the line is down")
        return super().open_orders()


def resting(name):
    return Order(name, "AAPL", Side.BUY, E9, OrderType.LIMIT, 100 * E9)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


@contextmanager
def engine_of(desk, broker, **hooks):
    broker.connect()
    with Journal.open(desk.folder / "orders.db", now_ns=desk.clock, **hooks) as journal:
        yield OrderEngine(
            broker, journal, now_ns=desk.clock, monotonic_s=desk.monotonic_s, sleep=desk.clock.sleep, **hooks
        )


def cancel(desk, engine, broker, timeout_s=30.0):
    return cancel_everything(engine, broker, timeout_s=timeout_s, monotonic_s=desk.monotonic_s, sleep=desk.clock.sleep)


class TestCancelEverything:
    def test_ours_and_those_of_others(self, desk):
        broker = Failing(desk.market, sleep=desk.clock.sleep)
        desk.market.submit("PAPER", resting("by-hand"))
        with engine_of(desk, broker) as engine:
            engine.submit(resting("ours-1"))
            report = cancel(desk, engine, broker)
            assert engine.open_orders() == ()
        assert (report.cancelled, report.remaining, report.is_done) == (2, (), True)
        assert desk.open_orders() == ()

    def test_an_error_is_not_an_empty_answer(self, desk):
        """nanobook takes an error for "no orders" and reports success blind (its bug 11)."""
        broker = Failing(desk.market, sleep=desk.clock.sleep)
        with engine_of(desk, broker) as engine:
            engine.submit(resting("ours-1"))
            broker.failures = 10**6
            report = cancel(desk, engine, broker, timeout_s=5.0)
        assert not report.is_done
        assert not report.is_verified
        assert report.errors == ("the line is down",)
        assert report.as_values()["verified"] is False
        assert 5 <= report.duration_s < 8

    def test_what_was_sent_and_never_booked(self, desk):
        """The process died between its order and the answer: nobody has learned yet that the order is there."""

        def die(step):
            if step == "ack.inside":
                raise KeyboardInterrupt

        broker = Failing(desk.market, sleep=desk.clock.sleep)
        with pytest.raises(KeyboardInterrupt), engine_of(desk, broker, reached=die) as engine:
            engine.submit(resting("ours-1"))
        assert len(desk.open_orders()) == 1
        with engine_of(desk, broker) as engine:
            assert cancel(desk, engine, broker, timeout_s=3.0).is_done
        assert desk.open_orders() == ()

    def test_one_that_cannot_be_asked_for_keeps_no_other_open(self, desk):
        class Stubborn(Failing):
            def cancel(self, client_order_id):
                if client_order_id == "by-hand":
                    raise BrokerError("by-hand cannot be cancelled")
                return super().cancel(client_order_id)

        broker = Stubborn(desk.market, sleep=desk.clock.sleep)
        desk.market.submit("PAPER", resting("by-hand"))
        with engine_of(desk, broker) as engine:
            engine.submit(resting("ours-1"))
            report = cancel(desk, engine, broker, timeout_s=3.0)
        assert [order.order.client_order_id for order in desk.open_orders()] == ["by-hand"]
        assert report.errors == ("by-hand cannot be cancelled",) and not report.is_done

    def test_a_line_that_comes_back(self, desk):
        broker = Failing(desk.market, sleep=desk.clock.sleep)
        with engine_of(desk, broker) as engine:
            engine.submit(resting("ours-1"))
            broker.failures = 3
            report = cancel(desk, engine, broker)
        assert report.is_done
        assert desk.open_orders() == ()


def test_a_run_that_has_taken_back_its_name_is_waited_for(tmp_path):
    """Between the two last steps of a run its note is empty and its lock is still held."""
    lock, passed_s, sent = tmp_path / "run.lock", [0.0], []
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)

    def sleep(seconds):
        passed_s[0] += seconds
        if passed_s[0] > 0.3 and is_held(lock):
            os.close(handle)

    report = stop_running(
        lock, timeout_s=5.0, monotonic_s=lambda: passed_s[0], sleep=sleep, send=lambda *said: sent.append(said)
    )
    assert (report.how, sent) == ("none", [])
    assert not is_held(lock)
    assert passed_s[0] < 1.0
