"""The engine over a scripted broker: intents, outcomes, fills, cancels, replaces, streams."""

from dataclasses import replace

import pytest

from nanodesk.brokers.base import Outcome, OutcomeKind, RequestRejected, StreamChange, StreamState
from nanodesk.errors import BrokerError, DuplicateRunError, JournalError, NotConnectedError, ValidationError
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import OrderReport, OrderState
from nanodesk.oms.journal import Journal
from nanodesk.risk.report import CheckStatus, RiskCheck, RiskReport
from scripted_broker import PRICE, ScriptedBroker, an_order

S = OrderState


def kinds(journal):
    return [event.kind for event in journal.read()]


class TestSubmit:
    def test_order_lives_from_intent_to_last_fill(self, engine, broker):
        engine.begin_run("r1")
        assert engine.submit(an_order("a")).state is S.NEW
        broker.fill("a", 40, fee=1)
        (view,) = engine.poll()
        assert (view.state, view.cum_quantity_e9, view.leaves_quantity_e9) == (S.PARTIALLY_FILLED, 40 * E9, 60 * E9)
        broker.fill("a", 60, price=PRICE + 5, fee=2)
        (view,) = engine.poll()
        assert view.state is S.FILLED and view.average_price_e9 == PRICE + 3
        assert view.fees == {"USD": 3 * E9} and view.run_id == "r1" and view.venue_order_id == "V1"
        assert engine.positions() == {"AAPL": 100 * E9}
        assert engine.open_orders() == () and engine.working() == ()

    def test_intent_is_durable_before_the_first_byte(self, engine, broker, journal):
        seen = []
        place = broker.submit

        def submit(order):
            with Journal.open(journal.path, read_only=True) as reader:
                seen.append(kinds(reader))
            return place(order)

        broker.submit = submit
        engine.submit(an_order("a"))
        assert seen == [["account_bound", "order_intent"]]

    def test_two_commits_an_order_and_two_for_a_batch(self, engine, journal):
        engine.submit(an_order("a"))
        before = journal.commits
        engine.submit(an_order("b"))
        assert journal.commits - before == 2
        engine.submit_many([an_order(f"c{i}") for i in range(50)])
        assert journal.commits - before == 4

    def test_fills_in_the_answer_are_booked_with_it(self, engine, broker, journal):
        broker.script.append("fill")
        before = journal.commits
        assert engine.submit(an_order("a")).state is S.FILLED
        assert journal.commits - before == 3  # one of them binds the journal to the account
        engine.poll()  # the stream tells the same again
        assert engine.positions() == {"AAPL": 100 * E9}

    def test_same_order_again_sends_nothing(self, engine, broker):
        engine.submit(an_order("a"))
        assert engine.submit(an_order("a")).state is S.NEW
        assert engine.submit_many([an_order("b"), an_order("b")])[0] == engine.order("b")
        assert broker.sent == ["a", "b"]

    def test_id_of_another_order_is_an_error(self, engine, broker):
        engine.submit(an_order("a"))
        with pytest.raises(ValidationError, match="belongs to a different order"):
            engine.submit(an_order("a", quantity=7))
        assert broker.sent == ["a"]

    def test_refused_is_rejected_with_the_reason(self, engine, broker):
        broker.script.append("refuse")
        view = engine.submit(an_order("a"))
        assert view.state is S.REJECTED and view.reason == "-2010 no money" and not view.may_retry
        assert engine.blocked_symbols() == {}

    def test_refusal_that_may_pass_later_says_so(self, engine, broker):
        broker.submit = lambda order: Outcome(OutcomeKind.REFUSED, code="-1015", text="too many", may_retry=True)
        assert engine.submit(an_order("a")).may_retry

    @pytest.mark.parametrize(
        ("report", "reason"),
        [
            (RiskReport((RiskCheck(42, "kill_switch", CheckStatus.FAIL, reason="thrown"),)), "kill_switch: thrown"),
            (RiskReport(()), "nothing was checked"),
            (BrokerError("no quote"), "the last check could not be made: BrokerError: no quote"),
        ],
    )
    def test_risk_refuses_at_the_last_moment(self, make_engine, journal, broker, report, reason):
        def at_send(order):
            if isinstance(report, Exception):
                raise report
            return report

        view = make_engine(journal, at_send=at_send).submit(an_order("a"))
        assert view.state is S.RISK_REJECTED and view.reason == reason and broker.sent == []

    def test_risk_that_passes_sends(self, make_engine, journal, broker):
        report = RiskReport((RiskCheck(42, "kill_switch", CheckStatus.WARN),))
        assert make_engine(journal, at_send=lambda order: report).submit(an_order("a")).state is S.NEW

    def test_own_batch_does_not_block_itself(self, make_engine, journal, broker):
        seen = []
        engine = make_engine(journal, at_send=lambda order: seen.append((engine.blocked_symbols(), engine.working())))
        engine.submit_many([an_order("a"), an_order("b")])
        assert seen == [({}, ()), ({}, ())]

    def test_nothing_is_sent_without_a_live_stream(self, engine, broker, journal):
        engine.poll()
        broker.stream.append(StreamChange(StreamState.LOST, 1))
        engine.poll()
        before = journal.sequence
        with pytest.raises(NotConnectedError, match="stream"):
            engine.submit(an_order("a"))
        broker.is_connected = False
        with pytest.raises(NotConnectedError, match="not connected"):
            engine.submit(an_order("a"))
        assert broker.sent == [] and journal.sequence == before

    def test_missing_outcomes_are_unknown(self, engine, broker):
        broker.submit_many = lambda orders: (broker.submit(orders[0]),)
        views = engine.submit_many([an_order("a"), an_order("b")])
        assert [view.state for view in views] == [S.NEW, S.UNKNOWN]

    def test_journal_of_another_account_is_refused(self, engine, make_engine, journal, broker):
        engine.submit(an_order("a"))
        broker.account_id = "OTHER"
        with pytest.raises(JournalError, match="scripted TEST, not to scripted OTHER"):
            make_engine(journal).submit(an_order("b"))


class TestUnknown:
    """Peers call a time-out a rejection and send again; ours stays unknown until the venue speaks."""

    @pytest.mark.parametrize("what", ["lost", TimeoutError(), RuntimeError("parse error"), KeyError("x")])
    def test_ambiguous_send_blocks_its_symbol(self, engine, broker, what):
        broker.script.append(what)
        broker.fail_reads = 99
        view = engine.submit(an_order("a"))
        assert view.state is S.UNKNOWN and not view.is_terminal
        assert "nothing is known of a" in engine.blocked_symbols()["AAPL"]
        assert [order.is_unknown for order in engine.working()] == [True]
        blocked = engine.submit(an_order("b"))
        assert blocked.state is S.RISK_REJECTED and "blocked" in blocked.reason
        assert engine.submit(an_order("c", symbol="IBM")).state is S.NEW
        assert broker.sent == ["a", "c"]

    def test_order_that_arrived_is_adopted(self, engine, broker):
        broker.script.append("lost")
        broker.says_on_stream = False
        engine.submit(an_order("a"))
        (view,) = engine.poll()
        assert view.state is S.NEW and engine.blocked_symbols() == {}

    def test_order_that_never_arrived_is_not_sent_after_the_rule(self, engine, broker, clock):
        broker.script.append("never")
        engine.submit(an_order("a"))
        for _ in range(20):
            engine.poll()
            if clock.now_s - 100 < 6:  # wait 5 s, then two misses one second apart
                assert engine.order("a").state is S.UNKNOWN
            clock.now_s += 0.5
        assert engine.order("a").state is S.NOT_SENT and engine.blocked_symbols() == {}
        assert broker.sent == ["a"]

    def test_order_that_arrives_late_is_found(self, engine, broker, clock):
        broker.script.append("late:3")
        engine.submit(an_order("a"))
        for _ in range(20):
            engine.poll()
            clock.now_s += 0.5
        assert engine.order("a").state is S.NEW

    def test_failing_lookup_proves_nothing(self, engine, broker, clock):
        broker.script.append("never")
        engine.submit(an_order("a"))
        broker.fail_reads = 1_000
        for _ in range(50):
            engine.poll()
            clock.now_s += 1
        assert engine.order("a").state is S.UNKNOWN

    def test_fill_is_evidence_as_well(self, engine, broker):
        broker.script.append("lost")
        broker.fail_reads = 99
        engine.submit(an_order("a"))
        broker.fill("a", 10)
        engine.poll()
        assert engine.order("a").state is S.PARTIALLY_FILLED and engine.blocked_symbols() == {}

    def test_order_that_surprises_after_all_is_booked_and_blocks(self, engine, broker, clock):
        broker.script.append("never")
        engine.submit(an_order("a"))
        for _ in range(20):
            engine.poll()
            clock.now_s += 1
        assert engine.order("a").state is S.NOT_SENT
        broker._place(an_order("a"))
        broker.fill("a", 10)
        engine.poll()
        view = engine.order("a")
        assert view.state is S.PARTIALLY_FILLED and engine.positions() == {"AAPL": 10 * E9}
        assert "AAPL" in engine.blocked_symbols()


class TestFills:
    def test_duplicates_are_ignored(self, engine, broker, journal):
        engine.submit(an_order("a"))
        execution = broker.fill("a", 40)
        broker.stream.extend([execution, execution])
        engine.poll()
        broker.stream.append(execution)
        engine.poll()
        assert engine.order("a").cum_quantity_e9 == 40 * E9 and kinds(journal).count("order_filled") == 1

    def test_repeated_reports_are_not_written(self, engine, broker, journal):
        engine.submit(an_order("a"))
        engine.poll()
        before = journal.sequence
        broker.stream.extend([broker.orders["a"]] * 5)
        engine.poll()
        assert journal.sequence == before

    def test_fill_before_the_acknowledgement(self, engine, broker):
        broker.script.append("lost")
        broker.fail_reads = 9
        engine.submit(an_order("a"))
        report = broker.orders["a"]
        broker.fill("a")
        broker.stream.append(report)
        engine.poll()
        assert engine.order("a").state is S.FILLED

    def test_filled_before_its_last_execution_is_awaited(self, engine, broker):
        engine.submit(an_order("a"))
        execution = broker.fill("a", say=False)
        broker.stream.append(broker.orders["a"])
        engine.poll()
        view = engine.order("a")
        assert view.state is S.FILLED and view.awaited_quantity_e9 == 100 * E9 and engine.positions() == {}
        assert engine.open_orders() == (view,) and engine.working()[0].leaves_quantity_e9 == 100 * E9
        broker.stream.append(execution)
        engine.poll()
        assert engine.order("a").awaited_quantity_e9 == 0 and engine.open_orders() == ()

    def test_late_fill_after_cancel(self, engine, broker):
        engine.submit(an_order("a"))
        engine.cancel("a")
        engine.poll()
        assert engine.order("a").state is S.CANCELLED
        broker.fill("a", 30)
        engine.poll()
        view = engine.order("a")
        assert view.state is S.CANCELLED and view.cum_quantity_e9 == 30 * E9
        assert engine.positions() == {"AAPL": 30 * E9}

    def test_late_fill_after_reject(self, engine, broker):
        broker.script.append("refuse")
        engine.submit(an_order("a"))
        broker._place(an_order("a"))
        broker.fill("a", 30)
        engine.poll()
        assert engine.order("a").cum_quantity_e9 == 30 * E9 and engine.positions() == {"AAPL": 30 * E9}

    def test_foreign_fill_moves_the_position(self, engine, broker, journal):
        engine.poll()
        execution = replace(broker_execution(broker), client_order_id="", venue_order_id="human")
        broker.stream.append(execution)
        engine.poll()
        assert engine.positions() == {"AAPL": 5 * E9} and "foreign_filled" in kinds(journal)

    def test_fill_is_ours_by_the_venues_id(self, engine, broker):
        engine.submit(an_order("a"))
        broker.stream.append(replace(broker_execution(broker), client_order_id="", venue_order_id="V1"))
        engine.poll()
        assert engine.order("a").cum_quantity_e9 == 5 * E9

    def test_overfill_is_booked_and_blocks(self, engine, broker):
        engine.submit(an_order("a"))
        broker.fill("a", 100)
        broker.fill("a", 5)
        engine.poll()
        assert engine.positions() == {"AAPL": 105 * E9}
        assert "beyond its quantity" in engine.blocked_symbols()["AAPL"]

    def test_sale_is_negative(self, engine, broker):
        engine.submit(an_order("a", side=Side.SELL))
        broker.fill("a", 7)
        engine.poll()
        assert engine.positions() == {"AAPL": -7 * E9}

    def test_one_id_with_two_contents_blocks(self, engine, broker):
        engine.submit(an_order("a"))
        execution = broker.fill("a", 10)
        broker.stream.append(replace(execution, quantity_e9=11 * E9))
        engine.poll()
        assert "told twice" in engine.blocked_symbols()["AAPL"]
        assert engine.positions() == {"AAPL": 10 * E9}

    def test_million_fold_quantities_stay_exact(self, engine, broker):
        engine.submit(an_order("a", quantity=10**12, price=10**9))
        broker.fill("a", 10**12, price=10**18 - 1)
        engine.poll()
        assert engine.order("a").average_price_e9 == 10**18 - 1


def broker_execution(broker):
    other = ScriptedBroker()
    other._place(an_order("zz"))
    return replace(other.fill("zz", 5, say=False), execution_id="F1")


class TestCorrections:
    def test_bust_takes_back(self, engine, broker):
        engine.submit(an_order("a"))
        execution = broker.fill("a", 40, fee=2)
        engine.poll()
        broker.bust(execution)
        engine.poll()
        view = engine.order("a")
        assert (view.state, view.cum_quantity_e9, view.leaves_quantity_e9) == (S.NEW, 0, 100 * E9)
        assert engine.positions() == {} and engine.ledger.fees_e9["USD"] == 0

    def test_correction_replaces(self, engine, broker):
        engine.submit(an_order("a"))
        execution = broker.fill("a", 40, fee=2)
        broker.correct(execution, 30, PRICE - 7)
        engine.poll()
        view = engine.order("a")
        assert view.cum_quantity_e9 == 30 * E9 and view.average_price_e9 == PRICE - 7
        assert engine.positions() == {"AAPL": 30 * E9}

    @pytest.mark.parametrize("first", ["bust", "correct"])
    def test_before_the_execution_itself(self, engine, broker, first):
        engine.submit(an_order("a"))
        execution = broker.fill("a", 40, say=False)
        broker.bust(execution) if first == "bust" else broker.correct(execution, 30)
        engine.poll()
        broker.stream.append(execution)
        engine.poll()
        assert engine.order("a").cum_quantity_e9 == (0 if first == "bust" else 30 * E9)
        assert engine.order("a").awaited_quantity_e9 == 0

    def test_told_twice_counts_once(self, engine, broker):
        engine.submit(an_order("a"))
        execution = broker.fill("a", 40)
        right = broker.correct(execution, 30)
        undone = broker.bust(right)
        broker.stream.extend([right, undone, execution, right])
        engine.poll()
        broker.stream.extend([undone, right, execution])
        engine.poll()
        assert engine.order("a").cum_quantity_e9 == 0 and engine.positions() == {}

    def test_older_correction_that_comes_late_is_ignored(self, engine, broker):
        engine.submit(an_order("a"))
        execution = broker.fill("a", 40)
        first = broker.correct(execution, 30, say=False)
        broker.correct(first, 20)
        broker.stream.append(first)
        engine.poll()
        assert engine.order("a").cum_quantity_e9 == 20 * E9

    def test_fee_that_is_told_later_is_added(self, engine, broker):
        engine.submit(an_order("a"))
        execution = broker.fill("a", 40)
        engine.poll()
        broker.stream.append(replace(execution, fee_e9=3 * E9, fee_currency="USD"))
        broker.stream.append(replace(execution, fee_e9=3 * E9, fee_currency="USD"))
        engine.poll()
        assert engine.order("a").fees == {"USD": 3 * E9} and engine.order("a").cum_quantity_e9 == 40 * E9


class TestCancel:
    def test_dead_only_when_the_venue_says_so(self, engine, broker):
        engine.submit(an_order("a"))
        view = engine.cancel("a")
        assert view.state is S.PENDING_CANCEL and view.is_cancel_pending and view.leaves_quantity_e9 == 100 * E9
        engine.poll()
        assert engine.order("a").state is S.CANCELLED

    def test_intent_is_durable_before_the_request(self, engine, broker, journal):
        engine.submit(an_order("a"))
        seen, cancel = [], broker.cancel
        broker.cancel = lambda name: seen.append(kinds(journal)[-1]) or cancel(name)
        engine.cancel("a")
        assert seen == ["cancel_intent"]

    def test_race_lost_to_a_fill(self, engine, broker):
        engine.submit(an_order("a"))
        broker.cancel_script.append("fill")
        steps = []
        engine.reached = steps.append
        view = engine.cancel("a")
        assert "cancel.lost_race" in steps
        engine.poll()
        assert view.state is S.FILLED and engine.order("a").state is S.FILLED
        assert engine.positions() == {"AAPL": 100 * E9}

    def test_unknown_cancel_stays_pending_until_the_venue_speaks(self, engine, broker, clock):
        engine.submit(an_order("a"))
        broker.cancel_script.append("unknown")
        assert engine.cancel("a").state is S.PENDING_CANCEL
        broker.says_on_stream = False
        broker.report("a", state=S.CANCELLED)
        engine.poll()
        assert engine.order("a").state is S.PENDING_CANCEL
        clock.now_s += 31  # the watchdog asks
        engine.poll()
        assert engine.order("a").state is S.CANCELLED

    def test_may_be_asked_again(self, engine, broker):
        engine.submit(an_order("a"))
        broker.cancel_script.extend(["unknown", "cancel"])
        engine.cancel("a")
        engine.cancel("a")
        engine.poll()
        assert engine.order("a").state is S.CANCELLED and broker.cancels == ["a", "a"]

    def test_of_an_order_that_ended_sends_nothing(self, engine, broker):
        engine.submit(an_order("a"))
        broker.fill("a")
        engine.poll()
        assert engine.cancel("a").state is S.FILLED and broker.cancels == []

    def test_of_no_order_is_an_error(self, engine):
        with pytest.raises(ValidationError, match="no order of this journal"):
            engine.cancel("nothing")


class TestReplace:
    def test_takes_the_place(self, engine, broker):
        engine.submit(an_order("a"))
        view = engine.replace("a", an_order("b", quantity=50))
        assert view.state is S.NEW and view.replaces == "a"
        engine.poll()
        old = engine.order("a")
        assert old.state is S.REPLACED and old.replaced_by == "b" and old.leaves_quantity_e9 == 0

    def test_lost_answer_counts_both_until_the_venue_speaks(self, engine, broker):
        engine.submit(an_order("a"))
        broker.script.append("lost")
        broker.says_on_stream, broker.fail_reads = False, 9
        engine.replace("a", an_order("b", quantity=50))
        assert [order.leaves_quantity_e9 for order in engine.working()] == [100 * E9, 50 * E9]
        assert engine.blocked_symbols() and engine.order("a").state is S.PENDING_REPLACE
        broker.fail_reads = 0
        for _ in range(3):
            engine.sleep(1)
            engine.poll()
        assert engine.order("a").state is S.REPLACED and engine.order("b").state is S.NEW
        assert [order.leaves_quantity_e9 for order in engine.working()] == [50 * E9]

    def test_request_that_never_arrived_leaves_the_old_order(self, engine, broker):
        engine.submit(an_order("a"))
        broker.script.append("never")
        engine.replace("a", an_order("b", quantity=50))
        for _ in range(20):
            engine.sleep(1)
            engine.poll()
        assert engine.order("b").state is S.NOT_SENT
        assert engine.order("a").state is S.NEW and not engine.order("a").is_replace_pending

    def test_in_a_blocked_symbol_sends_nothing(self, engine, broker):
        engine.submit(an_order("a"))
        broker.script.append("never")
        engine.submit(an_order("x"))
        view = engine.replace("a", an_order("b", quantity=50))
        assert view.state is S.RISK_REJECTED and "blocked" in view.reason and broker.sent == ["a", "x"]
        assert engine.order("a").state is S.NEW and not engine.order("a").is_replace_pending

    def test_refusal_after_it_was_taken(self, engine, broker):
        engine.submit(an_order("a"))
        taken = Outcome(OutcomeKind.ACCEPTED)
        broker.replace = lambda name, order: replace(taken, report=pending_report(order))
        engine.replace("a", an_order("b", quantity=50))
        broker.stream.append(RequestRejected("a", True, "104", "filled"))
        engine.poll()
        assert engine.order("a").replaced_by == "b"  # the venue said so first; its later word is a report

    @pytest.mark.parametrize(
        ("order", "message"),
        [
            (an_order("b", symbol="IBM"), "the replacement is buy IBM"),
            (an_order("b", side=Side.SELL), "the replacement is sell AAPL"),
            (an_order("a"), "was used before"),
        ],
    )
    def test_misfit_is_an_error(self, engine, broker, order, message):
        engine.submit(an_order("a"))
        with pytest.raises(ValidationError, match=message):
            engine.replace("a", order)
        assert broker.sent == ["a"]

    def test_of_an_order_that_ended_is_an_error(self, engine, broker):
        engine.submit(an_order("a"))
        broker.fill("a")
        engine.poll()
        with pytest.raises(ValidationError, match="is filled and cannot be replaced"):
            engine.replace("a", an_order("b"))


def pending_report(order):
    return OrderReport(order.client_order_id, "V9", order.symbol, order.side, S.PENDING_NEW, order.quantity_e9, 0)


class TestStream:
    def test_data_lost_is_read_again(self, engine, broker):
        engine.submit_many([an_order("a"), an_order("b"), an_order("c")])
        restored = broker.lose_stream()
        broker.fill("a", say=False)
        broker.says_on_stream = False
        broker.report("b", state=S.CANCELLED)
        broker.stream.append(restored)
        engine.poll()
        states = [engine.order(name).state for name in "abc"]
        assert states == [S.FILLED, S.CANCELLED, S.NEW] and engine.is_stream_live
        assert engine.positions() == {"AAPL": 100 * E9}

    def test_reading_that_fails_is_tried_again(self, engine, broker):
        engine.submit(an_order("a"))
        broker.stream.append(broker.lose_stream())
        broker.fill("a", say=False)
        broker.fail_reads = 1
        engine.poll()
        assert engine.order("a").state is S.NEW
        engine.poll()
        assert engine.order("a").state is S.FILLED

    def test_mute_stream_is_not_believed(self, engine, broker, clock):
        engine.submit(an_order("a"))
        engine.poll()
        broker.fill("a", say=False)
        engine.poll()
        assert engine.order("a").state is S.NEW
        clock.now_s += 31
        engine.poll()
        assert engine.order("a").state is S.FILLED

    def test_order_the_venue_forgot_blocks(self, engine, broker, clock):
        engine.submit(an_order("a"))
        engine.poll()
        broker.orders.clear()
        clock.now_s += 31
        engine.poll()
        assert engine.order("a").state is S.NEW and "knows it no more" in engine.blocked_symbols()["AAPL"]


class TestRuns:
    def test_runs_of_one_journal_are_kept_apart(self, engine, broker):
        for run in ("r1", "r2"):
            engine.begin_run(run, {"target_file": "t.json"})
            engine.submit(an_order(f"{run}-a"))
            engine.end_run(run, {"submitted": 1})
        assert [view.client_order_id for view in engine.orders("r2")] == ["r2-a"]
        assert len(engine.orders()) == 2 and engine.ledger.runs == {"r1": "completed", "r2": "completed"}

    def test_completed_run_does_not_begin_again(self, engine):
        engine.begin_run("r1")
        engine.begin_run("r1")  # interrupted, goes on
        engine.end_run("r1")
        with pytest.raises(DuplicateRunError, match="r1"):
            engine.begin_run("r1")

    def test_notes_carry_the_run(self, engine, journal):
        engine.begin_run("r1")
        engine.record("risk_check", {"passed": True})
        *_, last = journal.read()
        assert (last.kind, last.payload) == ("risk_check", {"passed": True, "run_id": "r1"})

    @pytest.mark.parametrize("name", ["order_filled", "stream_changed", "Bad Name", ""])
    def test_reserved_and_bad_names_are_refused(self, engine, name):
        with pytest.raises(ValidationError):
            engine.record(name)

    def test_log_is_emptied_at_the_end_of_a_run(self, engine, journal, tmp_path):
        engine.begin_run("r1")
        engine.submit(an_order("a"))
        assert (tmp_path / "orders.db-wal").stat().st_size > 0
        engine.end_run("r1")
        assert (tmp_path / "orders.db-wal").stat().st_size == 0


class TestReplay:
    def test_journal_read_again_gives_the_same(self, engine, make_engine, broker, journal):
        engine.begin_run("r1")
        broker.script.extend(["accept", "refuse", "lost", "accept", "never"])
        broker.fail_reads = 5
        engine.submit_many([an_order(name, symbol=f"S{name}") for name in "abcde"])
        broker.fill("a", 40, fee=1)
        engine.poll()
        engine.cancel("d")
        broker.correct(broker.all_executions[0], 30)
        engine.poll()
        again = make_engine(journal)
        assert again.orders() == engine.orders() and again.state_hash() == engine.state_hash()
        assert again.positions() == engine.positions() and again.blocked_symbols() == engine.blocked_symbols()
        assert again.working() == engine.working()


class TestSteps:
    def test_all_are_reached_in_order(self, make_engine, journal, broker, tmp_path):
        steps = []
        with Journal.open(tmp_path / "other.db", reached=steps.append) as other:
            engine = make_engine(other, reached=steps.append)
            engine.submit(an_order("a"))
            broker.fill("a", 40)
            engine.poll()
            engine.cancel("a")
            engine.end_run("r")
            other.snapshot(tmp_path / "snapshot.db")
        assert steps == [
            "intent.inside", "intent.logged", "ack.inside", "ack.logged", "fill.received", "fill.inside", "fill.logged",
            "cancel.logged", "checkpoint.inside", "snapshot.write",
        ]  # fmt: skip
