"""After a crash at any instant: what became of every intent, and which fills were missed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from nanodesk.brokers.base import Outcome, OutcomeKind
from nanodesk.errors import BrokerError
from nanodesk.market.order import OrderReport
from nanodesk.oms.desk import Desk
from nanodesk.oms.journal_event import JournalEvent
from nanodesk.oms.outcome_search import SHORTEST_PAUSE_S, OutcomeSearch, mark_not_sent


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What a recovery found.

    Parameters
    ----------
    adopted : tuple of str
        Orders that the venue has, though we had no answer.
    not_sent : tuple of str
        Orders that are proved never to have arrived; a new plan decides about them.
    resent : tuple of str
        Orders that were sent again under the same id, where that is safe and was asked for.
    unknown : tuple of str
        Orders of which nothing could be learned; their symbols stay blocked.
    fills : int
        Executions booked that had been missed.
    interrupted_runs : tuple of str
        Runs that were begun and not completed.
    """

    adopted: tuple[str, ...] = ()
    not_sent: tuple[str, ...] = ()
    resent: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    fills: int = 0
    interrupted_runs: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left unknown."""
        return not self.unknown


def recover(
    desk: Desk,
    search: OutcomeSearch,
    *,
    resend: bool,
    patience_s: float,
    may_send: Callable[[str], bool] = lambda _: True,
) -> RecoveryReport:
    """Learn what became of every intent; safe to be interrupted and to be repeated.

    Parameters
    ----------
    desk : Desk
        Over a connected broker.
    search : OutcomeSearch
        Asks the broker.
    resend : bool
        Whether to send an absent order again where the same id is refused for good once used.
    patience_s : float
        How long to go on asking beyond the wait that the broker's rule needs.
    may_send : callable, optional
        Asked of each order just before it is sent again; one that may not go is marked as not sent.

    Returns
    -------
    report : RecoveryReport
        What was found.
    """
    desk.reached("recovery.start")
    fills_before = desk.booked_fills
    pending = [view.client_order_id for view in desk.open_orders() if desk.is_unresolved(view.client_order_id)]
    for name in pending:
        search.begin(name)
    may_resend = resend and desk.broker.absence_rule.same_id_is_refused
    resent: list[str] = []
    rule = desk.broker.absence_rule
    deadline_s = desk.monotonic_s() + rule.wait_s + rule.misses * rule.spacing_s + patience_s
    desk.drain()
    while search.next_s is not None:
        with suppress(BrokerError):  # What was not told now is asked for again.
            search.step(desk, not_sent=not may_resend)
        for name in search.absent() if may_resend else ():
            desk.reached("recovery.replan")
            if may_send(name):
                _resend(desk, search, name)
                resent.append(name)
            else:
                search.forget(name)
                mark_not_sent(desk, name)
        now_s, next_s = desk.monotonic_s(), search.next_s
        if next_s is None or now_s >= deadline_s:
            break
        desk.sleep(max(next_s - now_s, SHORTEST_PAUSE_S / 10))
    with suppress(BrokerError):  # It is tried again at the next poll.
        desk.catch_up(inside="adopt.inside")
    report = _report(desk, pending, resent, fills_before)
    if report.not_sent:
        desk.reached("recovery.replan")
    return report


def _resend(desk: Desk, search: OutcomeSearch, name: str) -> None:
    # The intent is durable already, and a venue that has the id refuses it: then the order is there after all.
    search.forget(name)
    outcome, report = _sent_again(desk, name)
    bookings = desk.bookings()
    if report is not None:
        bookings.report(report, kind="order_adopted", is_answer=True)
    elif outcome.kind is OutcomeKind.ACCEPTED:
        bookings.add(JournalEvent("order_submitted", {}, name))
    elif outcome.kind is OutcomeKind.REFUSED:
        payload = {"error_type": "refused", "code": outcome.code, "text": outcome.text[:500]}
        bookings.add(JournalEvent("order_failed", payload, name))
    else:
        search.begin(name)
    for execution in outcome.executions:
        bookings.execution(execution)
    desk.write(bookings, inside="adopt.inside")
    desk.reached("adopt.logged")


def _sent_again(desk: Desk, name: str) -> tuple[Outcome, OrderReport | None]:
    try:
        order = desk.order(name).order
        outcome = desk.broker.submit(order)
        is_refused = outcome.kind is OutcomeKind.REFUSED
        return outcome, desk.broker.status(name, order.symbol) if is_refused else outcome.report
    except Exception as error:  # noqa: BLE001  whatever escaped, the order may be at the venue
        return Outcome(OutcomeKind.UNKNOWN, text=type(error).__name__), None


def _report(desk: Desk, pending: list[str], resent: list[str], fills_before: int) -> RecoveryReport:
    unknown = tuple(name for name in pending if desk.is_unresolved(name))
    not_sent = tuple(name for name in pending if desk.order(name).state.value == "not_sent")
    known = {*unknown, *not_sent, *resent}
    return RecoveryReport(
        adopted=tuple(name for name in pending if name not in known),
        not_sent=not_sent,
        resent=tuple(resent),
        unknown=unknown,
        fills=desk.booked_fills - fills_before,
        interrupted_runs=tuple(run for run, state in desk.ledger.runs.items() if state == "started"),
    )
