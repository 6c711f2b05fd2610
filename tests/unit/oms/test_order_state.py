"""The table of states and events: nothing undecided, and the rules that its rows obey."""

import itertools
from pathlib import Path

import pytest

from nanodesk.market.order import OrderState
from nanodesk.oms.order_state import PRECEDENCE, TABLE, OrderEvent, Verdict, decide, event_of, shown_state

S, E = OrderState, OrderEvent
EXECUTIONS = (E.FILL, E.CORRECTION, E.BUST)
SAYS = tuple(event for event in E if event.value.startswith("says"))
SHOWN_ONLY = (S.PARTIALLY_FILLED, S.PENDING_CANCEL, S.PENDING_REPLACE)
ENDS = (S.REJECTED, S.EXPIRED, S.CANCELLED, S.REPLACED, S.FILLED)


class TestTable:
    def test_every_pair_is_decided(self):
        assert set(TABLE) == set(itertools.product(OrderState, OrderEvent))
        assert len(TABLE) == 19 * 33

    @pytest.mark.parametrize("state", OrderState)
    def test_no_execution_is_ever_dropped(self, state):
        booked = {Verdict.APPLIED, Verdict.LATE_FILL, Verdict.ANOMALY}
        assert {decide(state, event).verdict for event in EXECUTIONS} <= booked

    @pytest.mark.parametrize("state", [S.CANCELLED, S.REJECTED, S.EXPIRED, S.REPLACED])
    def test_fill_after_the_end_is_booked_late_and_revives_nothing(self, state):
        decision = decide(state, E.FILL)
        assert decision.verdict is Verdict.LATE_FILL and decision.life is state

    @pytest.mark.parametrize("event", [*SAYS, E.FILL])
    def test_word_of_an_order_that_was_never_sent_is_an_anomaly(self, event):
        if event in (E.SAYS_NOTHING, E.SAYS_REJECTED):
            return
        assert decide(S.NOT_SENT, event).verdict is Verdict.ANOMALY

    @pytest.mark.parametrize("event", E)
    def test_only_an_anomaly_leads_from_an_end_to_life(self, event):
        for state in ENDS:
            decision = decide(state, event)
            assert decision.life.is_terminal or decision.verdict is Verdict.ANOMALY

    @pytest.mark.parametrize("event", E)
    def test_stale_and_impossible_change_nothing(self, event):
        for state in OrderState:
            decision = decide(state, event)
            if decision.verdict in (Verdict.STALE, Verdict.NOT_POSSIBLE):
                assert decision.life is (S.NEW if state in SHOWN_ONLY else state)

    def test_unknown_leaves_only_by_evidence(self):
        evidence = {*SAYS, *EXECUTIONS, E.SEND_ACCEPTED, E.SEND_REFUSED, E.REPLACE_TAKEN, E.PROVED_ABSENT} - {
            E.SAYS_NOTHING
        }
        for event in E:
            left = decide(S.UNKNOWN, event).life is not S.UNKNOWN
            assert left == (event in evidence - {E.SAYS_LIVE_AFTER_END})

    def test_lost_answer_never_undoes_what_the_venue_said(self):
        for state in (S.NEW, S.SUSPENDED, *ENDS):
            assert decide(state, E.SEND_UNKNOWN).verdict is Verdict.STALE
            assert decide(state, E.PROVED_ABSENT).verdict is Verdict.STALE

    def test_ends_are_joined_whatever_their_order(self):
        says = {S.REJECTED: E.SAYS_REJECTED, S.EXPIRED: E.SAYS_EXPIRED, S.CANCELLED: E.SAYS_CANCELLED,
                S.REPLACED: E.SAYS_REPLACED, S.FILLED: E.SAYS_FILLED}  # fmt: skip
        for one, other in itertools.product(ENDS, ENDS):
            assert decide(one, says[other]).life is decide(other, says[one]).life

    def test_request_for_an_order_that_ended_is_not_sent(self):
        for state in (*ENDS, S.NOT_SENT, S.RISK_REJECTED, S.CREATED):
            assert decide(state, E.CANCEL_ASKED).verdict is Verdict.NOT_POSSIBLE

    @pytest.mark.parametrize("state", SHOWN_ONLY)
    def test_names_of_the_life_new_have_its_row(self, state):
        assert all(TABLE[state, event] == TABLE[S.NEW, event] for event in E)


class TestShownState:
    def test_fix_precedence(self):
        order = (S.PENDING_CANCEL, S.PENDING_REPLACE, S.DONE_FOR_DAY, S.CALCULATED, S.FILLED, S.STOPPED, S.SUSPENDED,
                 S.CANCELLED, S.PARTIALLY_FILLED, S.NEW)  # fmt: skip
        ranks = [PRECEDENCE[state] for state in order]
        assert ranks == sorted(ranks, reverse=True) and set(PRECEDENCE) == set(OrderState)

    def test_strongest_wins(self):
        assert shown_state(S.NEW, [S.PARTIALLY_FILLED, S.PENDING_CANCEL]) is S.PENDING_CANCEL
        assert shown_state(S.CANCELLED, [S.FILLED]) is S.FILLED
        assert shown_state(S.NEW, []) is S.NEW


class TestEventOf:
    def test_every_state_is_an_event(self):
        assert {event_of(state) for state in OrderState} == set(SAYS) - {E.SAYS_LIVE_AFTER_END}

    def test_live_report_dated_after_the_end(self):
        assert event_of(S.NEW, is_after_end=True) is E.SAYS_LIVE_AFTER_END
        assert event_of(S.CANCELLED, is_after_end=True) is E.SAYS_CANCELLED


class TestPage:
    """The table in ``docs/order-management.md`` is the table of the code."""

    def test_says_what_the_table_says(self):
        page = Path(__file__).parents[3] / "docs" / "order-management.md"
        rows = [line.strip("| \n").split(" | ") for line in page.read_text().splitlines() if line.startswith("| ")]
        header = next(row for row in rows if row[0] == "event")
        start = rows.index(header) + 1
        said = {row[0]: row[1:] for row in rows[start : start + len(E)]}
        lives = [S(name) for name in header[1:]]
        assert set(lives) == set(S) - set(SHOWN_ONLY)
        assert said == {event.value: [cell(TABLE[life, event], life) for life in lives] for event in E}


def cell(decision, life):
    after = "=" if decision.life is life else decision.life.value
    words = {Verdict.APPLIED: after, Verdict.ANOMALY: f"! {after}", Verdict.LATE_FILL: "late", Verdict.STALE: "·"}
    return words.get(decision.verdict, "—")
