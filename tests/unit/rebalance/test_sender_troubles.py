"""A full disk, a lost line, a long peg: what is open is not left alone, and what was planned is still sent in order."""

import sqlite3

import pytest

from nanodesk.brokers.base import Outcome, OutcomeKind, StreamChange, StreamState
from nanodesk.errors import BrokerError, JournalError, NotConnectedError
from nanodesk.market.fixed_point import E9
from nanodesk.rebalance import sending
from nanodesk.rebalance.execute import RunOptions
from nanodesk.rebalance.run_report import RunOutcome
from nanodesk.rebalance.standing_quotes import StandingQuotesBroker
from rebalance_desk import QUOTES, Desk, quotes_of, target

UNATTENDED = RunOptions()
THIN = {"AAPL": "100"}
WEIGHTS = {"AAPL": 0.3, "MSFT": 0.3}


def run(desk, weights=WEIGHTS, broker=None, **hooks):
    with desk.open(broker=broker, **hooks) as rebalancer:
        return rebalancer.run(target(weights), UNATTENDED)


class TestDisk:
    @pytest.mark.parametrize(("step", "nth"), [("ack.inside", 1), ("intent.inside", 2), ("ack.inside", 2)])
    def test_what_can_no_longer_be_followed_is_cancelled(self, tmp_path, step, nth):
        """The journal takes nothing more; a cancel needs none."""
        desk = Desk(tmp_path, sizes=THIN)
        seen = []

        def full(reached):
            seen.append(reached)
            if reached == step and seen.count(step) == nth:
                raise sqlite3.OperationalError("database or disk is full")

        with pytest.raises(JournalError), desk.open(reached=full, journal_reached=full) as rebalancer:
            rebalancer.run(target(WEIGHTS), UNATTENDED)
        assert desk.open_orders() == ()
        desk.market.set_quote(quotes_of(QUOTES)[0])
        assert run(desk).outcome in (RunOutcome.DONE, RunOutcome.NOTHING_TO_DO)
        assert sum(fill.quantity_e9 for fill in desk.market.executions("PAPER")) == sum(desk.held().values()) * E9


class Flaky(StandingQuotesBroker):
    """Loses its stream when the first order is in, and has it back some seconds later."""

    back_after_s, reads_fail, lost_ns = 5, 0, 0

    def submit(self, order):
        outcome = super().submit(order)
        if not self.lost_ns:
            self.lost_ns = self.market.now_ns()
            self._events.append(StreamChange(StreamState.LOST, self.lost_ns))
        return outcome

    def events(self, timeout_s=0.0):
        found = super().events(timeout_s)
        if self.lost_ns > 0 and self.market.now_ns() - self.lost_ns > self.back_after_s * E9:
            self.lost_ns = -1
            self.reads_fail = 3
            found += (StreamChange(StreamState.RESTORED_DATA_LOST, self.market.now_ns()),)
        return found

    def executions(self, since_ns=0):
        if self.reads_fail:
            self.reads_fail -= 1
            raise BrokerError("not now")
        return super().executions(since_ns)


class TestLine:
    def test_a_stream_that_comes_back_is_waited_for_and_read_again_first(self, tmp_path):
        desk = Desk(tmp_path, sizes=THIN, text="[execution]\norder_timeout_secs = 30\norder_interval_ms = 500\n")
        broker = Flaky(desk.market, sleep=desk.clock.sleep)
        report = run(desk, broker=broker)
        assert [line.status for line in report.lines] == ["partial", "filled"], report.reason
        assert broker.reads_fail == 0
        times = [order.created_ns for order in desk.market.orders("PAPER")]
        assert times[1] - times[0] > 5 * E9

    def test_one_that_does_not_come_back_ends_the_run_and_its_orders(self, tmp_path):
        desk = Desk(tmp_path, sizes=THIN, text="[execution]\norder_timeout_secs = 30\norder_interval_ms = 500\n")
        broker = Flaky(desk.market, sleep=desk.clock.sleep)
        broker.back_after_s = 10**6
        with pytest.raises(NotConnectedError, match="is lost"):
            run(desk, broker=broker)
        assert desk.open_orders() == ()
        assert len(desk.market.orders("PAPER")) == 1


class TestOrder:
    def test_a_sale_that_is_sent_again_stays_before_the_purchases(self, tmp_path):
        desk = Desk(tmp_path, held={"NVDA": "100", "MSFT": "100"})

        class Busy(StandingQuotesBroker):
            refusals = 1

            def submit(self, order):
                if self.refusals:
                    self.refusals -= 1
                    return Outcome(OutcomeKind.REFUSED, code="429", text="not now", may_retry=True)
                return super().submit(order)

        report = run(desk, {"AAPL": 0.3}, broker=Busy(desk.market, sleep=desk.clock.sleep))
        assert report.outcome is RunOutcome.DONE, report.reason
        sides = [order.order.side.value for order in desk.market.orders("PAPER")]
        assert sides == ["sell", "sell", "buy"]

    def test_a_peg_that_moves_more_often_than_an_id_counts(self, tmp_path, monkeypatch):
        monkeypatch.setattr(sending, "LARGEST_ATTEMPT", 3)
        text = '[execution]\norder_type = "peg"\npeg_to = "mid"\npeg_interval_ms = 1000\norder_timeout_secs = 20\n'
        desk = Desk(tmp_path, prices=QUOTES | {"AAPL": ("184.00", "185.00")}, text=text)
        asks = iter(range(18502, 18700, 4))
        broker = StandingQuotesBroker(desk.market, sleep=desk.clock.sleep)

        def sleep(seconds):
            before = desk.clock() // E9
            desk.clock.sleep(seconds)
            if desk.clock() // E9 != before:
                desk.market.set_quote(quotes_of({"AAPL": ("184.00", f"{next(asks) / 100:.2f}")})[0])

        broker._sleep = sleep
        assert run(desk, {"AAPL": 0.3}, broker=broker).outcome is RunOutcome.INCOMPLETE
        names = [order.client_order_id for order in desk.market.orders("PAPER")]
        assert len(names) == len(set(names)) > 5


class NoQuoteFor(StandingQuotesBroker):
    """Has no quote of AAPL for a while, once an order of it is in."""

    from_s, to_s = 1, 5

    def quote(self, symbol):
        orders = self.market.orders("PAPER")
        if symbol == "AAPL" and orders:
            age_s = (self.market.now_ns() - orders[0].created_ns) / E9
            if self.from_s <= age_s < self.to_s:
                raise BrokerError("no market data just now")
        return super().quote(symbol)


class TestQuotes:
    def test_a_slice_waits_for_its_price(self, tmp_path):
        text = '[execution]\norder_type = "twap"\ntwap_slices = 3\ntwap_interval_secs = 4\n'
        desk = Desk(tmp_path, text=text)
        report = run(desk, broker=NoQuoteFor(desk.market, sleep=desk.clock.sleep))
        assert report.outcome is RunOutcome.DONE, report.reason

    def test_one_name_without_a_price_ends_no_other(self, tmp_path):
        text = '[execution]\norder_type = "twap"\ntwap_slices = 3\ntwap_interval_secs = 4\n'
        desk = Desk(tmp_path, text=text)
        broker = NoQuoteFor(desk.market, sleep=desk.clock.sleep)
        broker.to_s = 60
        report = run(desk, broker=broker)
        assert [line.status for line in report.lines] == ["partial", "filled"]

    def test_a_peg_stays_where_it_is(self, tmp_path):
        text = '[execution]\norder_type = "peg"\npeg_to = "mid"\npeg_interval_ms = 1000\norder_timeout_secs = 10\n'
        desk = Desk(tmp_path, prices=QUOTES | {"AAPL": ("184.00", "185.00")}, text=text)
        report = run(desk, {"AAPL": 0.3}, broker=NoQuoteFor(desk.market, sleep=desk.clock.sleep))
        assert report.outcome is RunOutcome.INCOMPLETE
        assert len(desk.market.orders("PAPER")) == 1 and desk.open_orders() == ()
