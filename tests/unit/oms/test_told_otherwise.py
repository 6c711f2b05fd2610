"""What a venue says against what it said before: of orders refused, forgotten, or corrected to another side."""

from dataclasses import replace

import pytest

from nanodesk.brokers.base import Outcome, OutcomeKind
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Execution, ExecutionKind, OrderState
from nanodesk.oms.reconcile import reconcile
from scripted_broker import PRICE, an_order

S = OrderState


@pytest.fixture
def opened(engine):
    assert reconcile(engine).is_clean
    return engine


class TestRevisions:
    @pytest.mark.parametrize("changes", [{"side": Side.SELL}, {"symbol": "MSFT"}], ids=["side", "symbol"])
    def test_correction_to_another_side_or_symbol(self, opened, broker, make_engine, journal, changes):
        opened.submit(an_order("a"))
        first = broker.fill("a", 100)
        opened.poll()
        right = replace(first, kind=ExecutionKind.CORRECT, ts_event_ns=broker.tick(), **changes)
        broker.all_executions.append(right)
        broker.book_position(first.symbol, -first.signed_quantity_e9, first.price_e9)
        broker.book_position(right.symbol, right.signed_quantity_e9, right.price_e9)
        broker.stream.append(right)
        opened.poll()
        held = {holding.symbol: holding.quantity_e9 for holding in broker.positions()}
        assert opened.positions() == held
        assert make_engine(journal).state_hash() == opened.state_hash()

    def test_bust_that_names_the_side_of_the_way_back(self, opened, broker):
        opened.submit(an_order("a"))
        first = broker.fill("a", 100)
        opened.poll()
        broker.book_position("AAPL", -100 * E9, PRICE)
        broker.stream.append(replace(first, kind=ExecutionKind.BUST, side=Side.SELL, ts_event_ns=broker.tick()))
        opened.poll()
        assert opened.positions() == {}


class TestOwner:
    def test_numbers_of_a_venue_that_counts_per_symbol(self, opened, broker):
        """Somebody else's order of another instrument has the number of ours."""
        opened.submit(an_order("a"))
        other = Execution("H1", "by-hand", "V1", "MSFT", Side.BUY, 5 * E9, PRICE, ts_event_ns=broker.tick())
        broker.execute(other)
        broker.stream.append(replace(broker.orders["a"], client_order_id="by-hand", symbol="MSFT", state=S.FILLED))
        opened.poll()
        assert opened.order("a").cum_quantity_e9 == 0 and opened.order("a").state is S.NEW
        assert opened.positions() == {"MSFT": 5 * E9} and opened.blocked_symbols() == {}

    def test_fill_that_came_before_the_venues_id_was_known(self, opened, broker, make_engine, journal):
        """A list of fills may name an order by the venue's number alone, before any answer told us that number."""
        broker.script.append("lost")
        broker.says_on_stream = False
        opened.submit(an_order("a"))
        fill = broker.fill("a", 100, fee=1)
        broker.stream.append(replace(fill, client_order_id=""))
        broker.all_executions[-1] = replace(fill, client_order_id="")
        opened.poll()
        opened.poll()
        view = opened.order("a")
        assert (view.state, view.cum_quantity_e9, view.awaited_quantity_e9) == (S.FILLED, 100 * E9, 0)
        assert view.fees == {"USD": E9} and opened.positions() == {"AAPL": 100 * E9}
        assert reconcile(opened).is_clean or reconcile(opened).is_clean
        assert make_engine(journal).state_hash() == opened.state_hash()


class TestAlive:
    def test_order_that_was_refused_and_rests_all_the_same(self, opened, broker):
        """ib_insync 502, ib_async 217: "rejected" here, alive at the broker."""
        order = an_order("a")
        broker._place(order)
        broker.submit = lambda _order: Outcome(OutcomeKind.REFUSED, code="399", text="misread")
        assert opened.submit(order).state is S.REJECTED
        reconcile(opened)
        assert opened.order("a").state is S.NEW and "AAPL" in opened.blocked_symbols()
        opened.cancel("a")
        opened.poll()
        assert opened.order("a").state is S.CANCELLED
        reconcile(opened)
        assert reconcile(opened).is_clean

    def test_order_that_was_called_cancelled_by_a_venue_that_tells_no_time(self, opened, broker):
        broker.tick = lambda: 0
        opened.submit(an_order("a"))
        broker.stream.append(replace(broker.orders["a"], state=S.CANCELLED))
        opened.poll()
        assert opened.order("a").state is S.CANCELLED
        reconcile(opened)
        assert opened.order("a").state is S.NEW and "AAPL" in opened.blocked_symbols()

    def test_list_that_is_older_than_the_end_revives_nothing(self, opened, broker):
        opened.submit(an_order("a"))
        before = broker.orders["a"]
        opened.cancel("a")
        opened.poll()
        broker.open_orders = lambda: (before,)
        status, broker.status = broker.status, lambda _name, _symbol=None: before
        reconcile(opened)
        assert opened.order("a").state is S.CANCELLED and opened.blocked_symbols() == {}
        broker.status = status


class TestForgotten:
    def test_a_person_takes_it_as_ended(self, opened, broker, make_engine, journal):
        """TWS lists what was done today only: nobody will ever tell the end of an order of yesterday."""
        opened.submit(an_order("a"))
        broker.fill("a", 40)
        opened.poll()
        del broker.orders["a"]
        assert not reconcile(opened).is_clean
        assert "knows it no more" in reconcile(opened).blocked["AAPL"]
        reconcile(opened, accept=["AAPL"])
        assert reconcile(opened).is_clean
        view = opened.order("a")
        assert (view.state, view.cum_quantity_e9, view.leaves_quantity_e9) == (S.EXPIRED, 40 * E9, 0)
        assert make_engine(journal).state_hash() == opened.state_hash()

    def test_a_report_of_an_unknown_end_blocks_too(self, opened, broker):
        """The same within one session: in no list any more, and how it ended was not told."""
        opened.submit(an_order("a"))
        lost = broker.orders.pop("a")
        broker.status = lambda _name, _symbol=None: replace(lost, state=S.UNKNOWN)
        assert "AAPL" in reconcile(opened).blocked
        reconcile(opened, accept=["AAPL"])
        assert reconcile(opened).is_clean and opened.order("a").state is S.EXPIRED

    @pytest.mark.parametrize("is_forgotten", [True, False])
    @pytest.mark.parametrize("told", [S.FILLED, S.PARTIALLY_FILLED])
    def test_fills_that_no_list_tells_any_more(self, opened, broker, make_engine, journal, is_forgotten, told):
        opened.submit(an_order("a"))
        broker.fill("a", 40, say=False)
        broker.all_executions.clear()
        quantity = (100 if told is S.FILLED else 40) * E9
        broker.report("a", state=told, filled_quantity_e9=quantity)
        opened.poll()
        if is_forgotten:
            del broker.orders["a"]
        assert not reconcile(opened).is_clean
        reconcile(opened, accept=["AAPL"])
        report = reconcile(opened)
        assert report.awaited == () and report.blocked == {}
        assert opened.positions() == {"AAPL": 40 * E9} and opened.order("a").awaited_quantity_e9 == 0
        assert opened.order("a").is_terminal is (is_forgotten or told is S.FILLED)
        assert make_engine(journal).state_hash() == opened.state_hash()

    def test_what_still_may_be_at_the_venue_is_not_written_off(self, opened, broker):
        broker.script.append("never")
        broker.fail_reads = 10**6
        opened.submit(an_order("a"))
        broker.fail_reads = 0
        reconcile(opened, accept=["AAPL"])
        assert opened.order("a").state is S.UNKNOWN and "AAPL" in opened.blocked_symbols()


class TestClock:
    def test_fills_are_found_after_the_clock_was_ahead(self, make_engine, journal, broker, clock):
        """A day ahead when the order was intended and when the process died; right again when it starts."""
        ahead = make_engine(journal, now_ns=lambda: clock.now_ns() + 86_400 * 10**9)
        journal._now_ns = ahead.now_ns
        reconcile(ahead)
        ahead.submit(an_order("a"))
        broker.fill("a", 100, say=False)
        stamped = [replace(one, ts_event_ns=clock.now_ns()) for one in broker.all_executions]
        broker.executions = lambda since_ns=0: tuple(one for one in stamped if one.ts_event_ns >= since_ns)
        journal._now_ns = clock.now_ns
        again = make_engine(journal)
        again.recover()
        assert again.order("a").cum_quantity_e9 == 100 * E9
        assert reconcile(again).is_clean or reconcile(again).is_clean
