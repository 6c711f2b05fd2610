"""Ours against the broker's: one pass finds and books everything, a second finds nothing."""

from dataclasses import replace

import pytest

from nanodesk.errors import BrokerError
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Execution, OrderState
from nanodesk.oms.reconcile import PeriodicReconcile, reconcile
from scripted_broker import PRICE, ScriptedBroker, an_order

S = OrderState


def found(report):
    return sorted((finding.kind, finding.symbol) for finding in report.findings)


def foreign_fill(broker, quantity=5, symbol="MSFT", name="H1"):
    return Execution(name, "", "human", symbol, Side.BUY, quantity * E9, PRICE, ts_event_ns=broker.tick())


@pytest.fixture
def opened(engine):
    assert reconcile(engine).is_clean
    return engine


def assert_settled(engine):
    report = reconcile(engine)
    assert report.findings == () and report.blocked == engine.blocked_symbols()
    assert engine.positions() == {holding.symbol: holding.quantity_e9 for holding in engine.broker.positions()}
    return report


class TestOpening:
    def test_what_was_there_before_is_taken_over(self, engine, broker):
        broker.held.update(MSFT=5 * E9, TSLA=-2 * E9)
        assert reconcile(engine).is_clean and engine.positions() == {"MSFT": 5 * E9, "TSLA": -2 * E9}
        assert_settled(engine)

    def test_fills_before_it_count_once(self, engine, broker):
        broker.execute(foreign_fill(broker), say=False)
        engine.submit(an_order("a"))
        broker.fill("a", 40)
        engine.poll()
        broker.fill("a", 10, say=False)
        reconcile(engine)
        assert engine.positions() == {"AAPL": 50 * E9, "MSFT": 5 * E9}
        assert_settled(engine)

    def test_foreign_fill_after_it_is_booked(self, opened, broker):
        broker.execute(foreign_fill(broker), say=False)
        assert found(reconcile(opened)) == [("foreign_fill", "MSFT")]
        assert_settled(opened)

    def test_fee_in_the_coin_itself(self, engine, broker):
        engine.submit(an_order("a", symbol="BTC"))
        reconcile(engine)
        broker.stream.append(replace(broker.fill("a", 10, say=False), fee_e9=E9 // 100, fee_currency="BTC"))
        broker.held["BTC"] -= E9 // 100
        engine.poll()
        assert engine.positions() == {"BTC": 10 * E9 - E9 // 100}
        assert reconcile(engine).findings[0].kind == "order"
        assert_settled(engine)


class TestFindings:
    def test_missed_fill(self, opened, broker):
        opened.submit(an_order("a"))
        broker.fill("a", 40, say=False)
        report = reconcile(opened)
        assert found(report) == [("fill", "AAPL"), ("order", "AAPL")] and report.blocked == {}
        assert opened.order("a").cum_quantity_e9 == 40 * E9
        assert_settled(opened)

    @pytest.mark.parametrize(("quantity", "price"), [(40, PRICE - 7), (30, PRICE)])
    def test_list_that_corrects_an_execution_without_a_message(self, opened, broker, journal, quantity, price):
        opened.submit(an_order("a"))
        execution = broker.fill("a", 40)
        opened.poll()
        corrected = replace(execution, quantity_e9=quantity * E9, price_e9=price)
        broker.all_executions[-1] = corrected
        broker.book_position("AAPL", -execution.quantity_e9, execution.price_e9)
        broker.book_position("AAPL", corrected.quantity_e9, price)
        broker.orders["a"] = replace(broker.orders["a"], filled_quantity_e9=quantity * E9, ts_event_ns=broker.tick())
        report = reconcile(opened)
        assert ("fill", "AAPL") in found(report) and report.blocked == {}
        assert opened.order("a").cum_quantity_e9 == quantity * E9 and opened.order("a").average_price_e9 == price
        event = next(event for event in journal.read() if event.kind == "execution_corrected")
        assert event.payload["was"]["quantity_e9"] == 40 * E9 and event.payload["was"]["price_e9"] == PRICE
        assert_settled(opened)
        broker.all_executions[-1] = execution  # an older page is no news
        assert opened.catch_up() == {}

    def test_missed_cancel(self, opened, broker):
        opened.submit(an_order("a"))
        broker.says_on_stream = False
        broker.report("a", state=S.CANCELLED)
        report = reconcile(opened)
        assert report.findings[0].ours == "new" and report.findings[0].theirs == "cancelled"
        assert opened.order("a").state is S.CANCELLED and assert_settled(opened).is_clean

    def test_orphan(self, opened, broker):
        broker._place(an_order("human"))
        report = reconcile(opened)
        assert found(report) == [("orphan", "AAPL")] and report.orphans == ("V1",)
        assert assert_settled(opened).orphans == ("V1",)

    def test_unknown_order_is_told_and_not_judged(self, opened, broker):
        broker.script.append("never")
        opened.submit(an_order("a"))
        report = reconcile(opened)
        assert report.unknown == ("a",) and "AAPL" in report.blocked and not report.is_clean

    def test_awaited_fill_is_no_position_difference(self, opened, broker):
        opened.submit(an_order("a"))
        execution = broker.fill("a", say=False)
        broker.all_executions.clear()
        report = reconcile(opened)
        assert report.awaited == ("a",) and found(report) == [("order", "AAPL")] and report.blocked == {}
        broker.all_executions.append(execution)
        assert found(reconcile(opened)) == [("fill", "AAPL")]
        assert assert_settled(opened).is_clean

    def test_order_that_the_venue_forgot_blocks_until_it_is_known_again(self, opened, broker):
        opened.submit(an_order("a"))
        report = broker.orders.pop("a")
        assert found(reconcile(opened)) == [("order", "AAPL")]
        again = reconcile(opened)
        assert again.findings == () and "knows it no more" in again.blocked["AAPL"]
        broker.orders["a"] = report
        assert reconcile(opened).is_clean

    def test_broker_that_cannot_be_asked(self, opened, broker):
        broker.fail_reads = 1
        with pytest.raises(BrokerError):
            reconcile(opened)
        assert reconcile(opened).is_clean


class TestPositions:
    def test_difference_that_nothing_explains_blocks(self, opened, broker, journal):
        broker.book_position("MSFT", 7 * E9)
        report = reconcile(opened)
        assert [(item.kind, item.ours, item.theirs) for item in report.findings] == [("position", "0", "7")]
        assert opened.positions() == {"MSFT": 7 * E9} and "no fill explains" in report.blocked["MSFT"]
        event = next(event for event in journal.read() if event.kind == "position_mismatch")
        assert event.payload == {"symbol": "MSFT", "ours_e9": 0, "theirs_e9": 7 * E9}
        assert "MSFT" in assert_settled(opened).blocked
        assert opened.submit(an_order("a", symbol="MSFT")).state is S.RISK_REJECTED

    def test_fill_that_comes_late_explains_it(self, opened, broker):
        broker.execute(foreign_fill(broker, 7), say=False)
        execution = broker.all_executions.pop()
        reconcile(opened)
        assert "MSFT" in opened.blocked_symbols()
        broker.all_executions.append(execution)
        reconcile(opened)
        assert opened.blocked_symbols() == {} and opened.positions() == {"MSFT": 7 * E9}
        assert assert_settled(opened).is_clean

    def test_person_accepts_it(self, opened, broker, make_engine, journal):
        broker.book_position("MSFT", 7 * E9)
        reconcile(opened)
        report = reconcile(opened, accept=["MSFT", "OTHER"])
        assert report.is_clean and opened.positions() == {"MSFT": 7 * E9}
        assert make_engine(journal).state_hash() == opened.state_hash()

    def test_fill_between_two_readings_is_no_difference(self, opened, broker):
        opened.submit(an_order("a"))
        executions, calls = broker.executions, []

        def fills_behind(since_ns=0):
            answer = executions(since_ns)
            if not calls:
                calls.append(1)
                broker.fill("a", 40, say=False)
            return answer

        broker.executions = fills_behind
        assert "position" not in {finding.kind for finding in reconcile(opened).findings}
        assert assert_settled(opened).is_clean

    def test_anomaly_is_cleared_once_both_agree(self, opened, broker):
        opened.submit(an_order("a"))
        broker.fill("a", 100)
        broker.fill("a", 5)
        opened.poll()
        assert "AAPL" in opened.blocked_symbols()
        assert reconcile(opened).blocked == {} and opened.positions() == {"AAPL": 105 * E9}


class TestCash:
    def test_fills_and_fees_explain_it(self, opened, broker):
        opened.submit(an_order("a"))
        broker.fill("a", 40, fee=3)
        opened.poll()
        assert reconcile(opened).is_clean

    def test_dividend_is_found_once(self, opened, broker):
        broker.cash_e9 += 12 * E9
        (finding,) = reconcile(opened).findings
        assert (finding.kind, finding.symbol) == ("cash", "USD")
        assert (finding.ours, finding.theirs) == ("1000000", "1000012")
        assert assert_settled(opened).is_clean

    def test_rounding_is_tolerated(self, opened, broker):
        broker.cash_e9 += E9 // 100
        assert reconcile(opened).is_clean


class TestPeriodic:
    def test_compares_when_it_is_time(self, opened, broker, clock):
        timer = PeriodicReconcile(opened, every_s=60)
        assert timer.step().is_clean and timer.step() is None
        clock.now_s += 61
        broker.fail_reads = 1
        assert timer.step() is None and timer.step().is_clean and timer.step() is None


def test_other_broker_may_be_asked(opened, broker):
    witness = ScriptedBroker()
    witness.held["MSFT"] = 3 * E9
    assert found(reconcile(opened, witness)) == [("position", "MSFT")]


class TestInstruments:
    def test_each_is_asked_for_once_and_may_be_gone_then(self, opened, broker, make_engine, journal):
        """A share that was traded once and is delisted today must not keep the desk from ever trading again."""
        asked = []
        rules = broker.trading_rules
        broker.trading_rules = lambda symbol: asked.append(symbol) or rules(symbol)
        opened.submit(an_order("a"))
        broker.fill("a", 100)
        reconcile(opened)
        assert reconcile(opened).is_clean and asked == ["AAPL"]

        def gone(symbol):
            raise BrokerError(f"no contract of the name {symbol}")

        broker.trading_rules = gone
        again = make_engine(journal)
        assert reconcile(again).is_clean
        broker.cash_e9 += 50 * E9
        assert found(reconcile(again)) == [("cash", "USD")]

    def test_one_that_was_never_described_leaves_cash_uncompared(self, opened, broker):
        def gone(symbol):
            raise BrokerError(f"no contract of the name {symbol}")

        broker.trading_rules = gone
        broker.execute(foreign_fill(broker))
        reconcile(opened)
        assert reconcile(opened).is_clean
