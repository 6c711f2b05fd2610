"""Sending orders and believing only the venue: the one writer of a journal, over one broker.

An intent is on disk before the first byte of its order leaves. What came of it is accepted, refused or not known; an
order that is not known blocks its symbol until the venue gives evidence, and no second one is sent in its place.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from nanodesk.brokers.base import (
    Broker,
    Clock,
    Outcome,
    OutcomeKind,
    Reached,
    nothing_reached,
)
from nanodesk.errors import BrokerError, DuplicateRunError, ValidationError
from nanodesk.market.order import Order
from nanodesk.oms.bookings import Bookings
from nanodesk.oms.desk import Desk
from nanodesk.oms.journal import Journal
from nanodesk.oms.journal_event import JournalEvent
from nanodesk.oms.order_record import OrderRecord
from nanodesk.oms.order_state import OrderEvent, Verdict, decide
from nanodesk.oms.order_view import OrderView
from nanodesk.oms.outcome_search import OutcomeSearch
from nanodesk.oms.payloads import order_payload, report_payload
from nanodesk.oms.recovery import RecoveryReport, recover
from nanodesk.risk.report import RiskReport

WATCHDOG_S: Final = 30.0
"""Silence of the stream, with orders open, after which the broker is asked."""

_LONGEST_TEXT = 500
_log = logging.getLogger(__name__)


AtSend = Callable[[Order], RiskReport | None]


class OrderEngine(Desk):
    """Orders of one account, from intent to the last fill.

    Parameters
    ----------
    broker : Broker
        Connected before the first order.
    journal : Journal
        Open for writing; what it holds is folded in first.
    now_ns : callable, default time.time_ns
        Wall clock.
    monotonic_s : callable, default time.monotonic
        Clock of waits.
    sleep : callable, default time.sleep
        How recovery waits.
    at_send : callable, optional
        Last risk check, between the durable intent and the first byte; a report that accepts nothing, or an
        exception, refuses the order.
    reached : callable, optional
        Called with the name of each step.
    watchdog_s : float, default 30.0
        Silence of the stream, with orders open, after which the broker is asked.

    Raises
    ------
    JournalDamagedError
        If the journal is not sound.

    Notes
    -----
    One thread. Whatever raises :class:`~nanodesk.errors.JournalError` has halted the engine: nothing more is sent.
    """

    def __init__(
        self,
        broker: Broker,
        journal: Journal,
        *,
        now_ns: Clock = time.time_ns,
        monotonic_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        at_send: AtSend | None = None,
        reached: Reached = nothing_reached,
        watchdog_s: float = WATCHDOG_S,
    ) -> None:
        super().__init__(broker, journal, now_ns=now_ns, monotonic_s=monotonic_s, sleep=sleep, reached=reached)
        self.at_send = at_send
        self.watchdog_s = watchdog_s
        self.search = OutcomeSearch(broker, monotonic_s)
        self._run_id = ""
        self._checkpointed = journal.sequence

    # Runs and notes

    def begin_run(self, run_id: str, payload: Mapping[str, Any] | None = None) -> None:
        """Open a run, to which the orders from now on belong; one that was interrupted goes on.

        Parameters
        ----------
        run_id : str
            Its name.
        payload : mapping, optional
            Facts for the audit.

        Raises
        ------
        DuplicateRunError
            If a run of this name was closed.
        """
        if self.ledger.runs.get(run_id, "started") != "started":
            raise DuplicateRunError(
                f"run {run_id!r} has been {self.ledger.runs[run_id]}.", field="run_id", value=run_id
            )
        self._bind()
        self._run_id = run_id
        self._write([JournalEvent("run_started", {**(payload or {}), "run_id": run_id})])

    def record(self, event_name: str, payload: Mapping[str, Any] | None = None) -> None:
        """Write a note that changes no order: positions, a plan, a risk report.

        Parameters
        ----------
        event_name : str
            Name in the audit.
        payload : mapping, optional
            Facts; amounts are integers in billionths.

        Raises
        ------
        ValidationError
            If the name is one of the engine's own.
        """
        if event_name in self.ledger.kinds or event_name == "stream_changed":
            raise ValidationError(
                f"event_name={event_name!r} is written by the engine itself.",
                field="event_name",
                value=event_name,
                allowed="any other name",
            )
        self._write([JournalEvent(event_name, {**(payload or {}), "run_id": self._run_id})])

    def end_run(self, run_id: str, payload: Mapping[str, Any] | None = None) -> None:
        """Close a run and empty the write-ahead log.

        Parameters
        ----------
        run_id : str
            Its name.
        payload : mapping, optional
            Facts for the audit.
        """
        self._write([JournalEvent("run_completed", {**(payload or {}), "run_id": run_id})])
        self._run_id = ""
        self.journal.checkpoint(truncate=True)

    # Requests

    def submit(self, order: Order) -> OrderView:
        """Send one order, once.

        Parameters
        ----------
        order : Order
            With an id never used for another. The same order again sends nothing and gives what is known of it.

        Returns
        -------
        view : OrderView
            Accepted, refused, refused by risk, or unknown.

        Raises
        ------
        NotConnectedError
            If the broker or its stream is not live; nothing is written and nothing sent.
        JournalError
            If the intent could not be made durable; nothing is sent.
        ValidationError
            If the id belongs to a different order.
        """
        return self.submit_many((order,))[0]

    def submit_many(self, orders: Sequence[Order]) -> tuple[OrderView, ...]:
        """Send several, with one commit for all intents and one for all answers.

        Parameters
        ----------
        orders : sequence of Order
            In the order of sending.

        Returns
        -------
        views : tuple of OrderView
            One for each, in the same order.

        Raises
        ------
        NotConnectedError, JournalError, ValidationError
            As :meth:`submit`.
        """
        fresh = self._fresh(orders)
        if fresh:
            self._require_ready()
            sendable = self._intend(fresh)
            self._in_flight = frozenset(order.client_order_id for order in sendable)
            try:
                self._send(sendable)
            finally:
                self._in_flight = frozenset()
        return tuple(self.order(order.client_order_id) for order in orders)

    def _fresh(self, orders: Sequence[Order]) -> list[Order]:
        fresh: dict[str, Order] = {}
        for order in orders:
            known = self.ledger.orders.get(order.client_order_id)
            other = fresh.get(order.client_order_id) if known is None else known.order
            if other is None:
                fresh[order.client_order_id] = order
            elif other != order:
                raise ValidationError(
                    f"client_order_id={order.client_order_id!r} belongs to a different order.",
                    field="client_order_id",
                    value=order.client_order_id,
                    fix="Give the order an id of its own, or the next attempt.",
                )
        return list(fresh.values())

    def _intend(self, orders: Sequence[Order]) -> list[Order]:
        blocked = self.blocked_symbols()
        events, sendable = [], []
        for order in orders:
            payload = order_payload(order) | {"run_id": self._run_id}
            events.append(JournalEvent("order_intent", payload, order.client_order_id))
            if reason := blocked.get(order.symbol):
                events.append(_failure("blocked", order.client_order_id, text=f"{order.symbol} is blocked: {reason}"))
            else:
                sendable.append(order)
        self._write(events, inside="intent.inside")
        self.reached("intent.logged")
        return sendable

    def _send(self, orders: Sequence[Order]) -> None:
        bookings = self.bookings()
        passed = [order for order in orders if self._passes(order, bookings)]
        for order, outcome in zip(passed, self._outcomes(passed), strict=True):
            _book_outcome(bookings, order.client_order_id, outcome)
            if outcome.kind is OutcomeKind.UNKNOWN:
                self.search.begin(order.client_order_id)
        self._write(bookings.events, inside="ack.inside")
        self.reached("ack.logged")

    def _passes(self, order: Order, bookings: Bookings) -> bool:
        if self.at_send is None:
            return True
        try:
            report = self.at_send(order)
        except Exception as error:  # noqa: BLE001  a check that cannot be made is a check that failed
            text = f"the last check could not be made: {type(error).__name__}: {error}"
        else:
            if report is None or report.is_accepted:
                return True
            text = "; ".join(f"{check.name}: {check.detail}" for check in report.failures) or "nothing was checked"
        bookings.add(_failure("risk", order.client_order_id, text=text))
        return False

    def _outcomes(self, orders: Sequence[Order]) -> Sequence[Outcome]:
        if not orders:
            return ()
        try:
            outcomes = (self.broker.submit(orders[0]),) if len(orders) == 1 else self.broker.submit_many(orders)
        except Exception as error:  # noqa: BLE001  whatever escaped, the orders may be at the venue
            _log.warning("submit_raised", extra={"error": type(error).__name__})
            outcomes = ()
        lost = Outcome(OutcomeKind.UNKNOWN, text="the adapter gave no outcome")
        return (*outcomes, *(lost,) * (len(orders) - len(outcomes)))

    def cancel(self, client_order_id: str) -> OrderView:
        """Ask the venue to cancel; the order is dead when the venue says so.

        Parameters
        ----------
        client_order_id : str
            An order of ours. One that has ended is left alone.

        Returns
        -------
        view : OrderView
            After the answer.

        Raises
        ------
        NotConnectedError
            If the broker is not connected.
        ValidationError
            If there is no such order.
        """
        record = self._record(client_order_id)
        if decide(record.life, OrderEvent.CANCEL_ASKED).verdict is Verdict.NOT_POSSIBLE or not record.leaves_e9:
            return record.view()
        self._require_connected()
        self._write([JournalEvent("cancel_intent", {"run_id": self._run_id}, client_order_id)])
        self.reached("cancel.logged")
        outcome = self._ask(lambda: self.broker.cancel(client_order_id))
        bookings = self.bookings()
        payload = _answer(outcome)
        if outcome.report is not None:
            payload["report"] = report_payload(outcome.report)
        if outcome.kind is OutcomeKind.REFUSED:
            self.reached("cancel.lost_race")
        bookings.add(JournalEvent("cancel_result", payload, client_order_id))
        for execution in outcome.executions:
            bookings.execution(execution)
        self._write(bookings.events)
        return record.view()

    def replace(self, client_order_id: str, order: Order) -> OrderView:
        """Ask the venue to put another order in the place of a live one.

        Both ids are on disk before the request leaves, and both count as working until the venue has answered.

        Parameters
        ----------
        client_order_id : str
            The live order.
        order : Order
            The new one, of the same symbol and side, with an id of its own; its quantity is what it may fill itself.

        Returns
        -------
        view : OrderView
            Of the new order.

        Raises
        ------
        NotConnectedError
            If the broker or its stream is not live.
        ValidationError
            If the old order is unknown or has ended, or the new one does not fit it.
        """
        record = self._record(client_order_id)
        self._require_replaceable(record, order)
        self._require_ready()
        name = order.client_order_id
        intent = order_payload(order) | {"run_id": self._run_id, "replaces": client_order_id}
        self._write(
            [
                JournalEvent("order_intent", intent, name),
                JournalEvent("replace_intent", {"replacement": name}, client_order_id),
            ],
            inside="intent.inside",
        )
        self.reached("intent.logged")
        self._in_flight = frozenset((name,))
        reason = self.blocked_symbols().get(order.symbol, "")
        try:
            bookings = self.bookings()
            if reason:
                outcome = Outcome(OutcomeKind.REFUSED, text=f"{order.symbol} is blocked: {reason}")
                bookings.add(_failure("blocked", name, text=outcome.text))
            elif self._passes(order, bookings):
                outcome = _settled(self._ask(lambda: self.broker.replace(client_order_id, order)))
                _book_outcome(bookings, name, outcome)
                if outcome.kind is OutcomeKind.UNKNOWN:
                    self.search.begin(name)
            else:
                outcome = Outcome(OutcomeKind.REFUSED, text="refused by risk")
            payload = _answer(outcome) | {"replacement": name}
            bookings.add(JournalEvent("replace_result", payload, client_order_id))
            self._write(bookings.events, inside="ack.inside")
            self.reached("ack.logged")
        finally:
            self._in_flight = frozenset()
        return self.order(name)

    def _require_replaceable(self, record: OrderRecord, order: Order) -> None:
        if decide(record.life, OrderEvent.REPLACE_ASKED).verdict is Verdict.NOT_POSSIBLE or record.wanted_by:
            raise ValidationError(
                f"order {record.order.client_order_id} is {record.state.value} and cannot be replaced.",
                field="client_order_id",
                value=record.order.client_order_id,
                allowed="a live order with no replace pending",
            )
        if (order.symbol, order.side) != (record.order.symbol, record.order.side):
            raise ValidationError(
                f"the replacement is {order.side.value} {order.symbol}, "
                f"the order is {record.order.side.value} {record.order.symbol}.",
                field="order",
                value=order.client_order_id,
                allowed="the same symbol and side",
            )
        if order.client_order_id in self.ledger.orders:
            raise ValidationError(
                f"client_order_id={order.client_order_id!r} was used before.",
                field="client_order_id",
                value=order.client_order_id,
                fix="Give the replacement an id of its own.",
            )

    def _ask(self, request: Callable[[], Outcome]) -> Outcome:
        try:
            return request()
        except Exception as error:  # noqa: BLE001  whatever escaped, the request may be at the venue
            return Outcome(OutcomeKind.UNKNOWN, text=type(error).__name__)

    # What the venue tells

    def poll(self, timeout_s: float = 0.0) -> tuple[OrderView, ...]:
        """Take what the stream brought, book it exactly once, and look after what is not known.

        Parameters
        ----------
        timeout_s : float, default 0.0
            How long to wait for the first event.

        Returns
        -------
        changed : tuple of OrderView
            Orders that are not as they were.
        """
        self._bind()
        events = self.broker.events(timeout_s)
        changed = self._take(events)
        changed |= self._look_after()
        if not events and not changed and self.journal.sequence != self._checkpointed:
            self._checkpointed = self.journal.sequence
            self.journal.checkpoint()
        return tuple(self.ledger.orders[name].view() for name in changed)

    def _look_after(self) -> dict[str, None]:
        changed: dict[str, None] = {}
        now_s = self.monotonic_s()
        if not self.broker.is_connected:
            return changed
        is_silent = bool(self.ledger.open_ids) and now_s - self._last_word_s >= self.watchdog_s
        try:
            if self._must_catch_up or is_silent:
                self._last_word_s = now_s
                changed |= self.catch_up()
            changed |= self.search.step(self)
        except BrokerError as error:
            _log.warning("broker_not_asked", extra={"error": type(error).__name__})
        return changed

    def recover(self, *, resend: bool = False, patience_s: float = 60.0) -> RecoveryReport:
        """After a start: learn what became of every intent, and book what was missed.

        Parameters
        ----------
        resend : bool, default False
            Whether an order that is proved absent is sent again under the same id, where the venue refuses an id for
            good once used; else it is marked as not sent, for a new plan.
        patience_s : float, default 60.0
            How long to go on asking a broker that does not answer; orders that stay unknown block their symbols.

        Returns
        -------
        report : RecoveryReport
            What was found; a second recovery finds nothing to do.
        """
        return recover(self, self.search, resend=resend, patience_s=patience_s, may_send=self._may_go_again)

    def _may_go_again(self, client_order_id: str) -> bool:
        # What was allowed before a crash may be forbidden after it: a kill switch, a limit, another price.
        self._in_flight = frozenset((client_order_id,))
        try:
            return self._passes(self._record(client_order_id).order, self.bookings())
        finally:
            self._in_flight = frozenset()


def _failure(kind: str, client_order_id: str, *, text: str, code: str = "", may_retry: bool = False) -> JournalEvent:
    payload: dict[str, Any] = {"error_type": kind, "code": code, "text": text[:_LONGEST_TEXT]}
    if may_retry:
        payload["may_retry"] = True
    return JournalEvent("order_failed", payload, client_order_id)


def _answer(outcome: Outcome) -> dict[str, Any]:
    return {"outcome": outcome.kind.value, "code": outcome.code, "text": outcome.text[:_LONGEST_TEXT]}


def _settled(outcome: Outcome) -> Outcome:
    # A replace that was taken and not yet done may still fail: until the venue tells of the new order, who knows.
    if outcome.kind is OutcomeKind.ACCEPTED and outcome.report is None:
        return Outcome(
            OutcomeKind.UNKNOWN, None, outcome.executions, outcome.code, outcome.text or "taken, not yet done"
        )
    return outcome


def _book_outcome(bookings: Bookings, name: str, outcome: Outcome) -> None:
    if outcome.kind is OutcomeKind.ACCEPTED:
        payload = {} if outcome.report is None else {"report": report_payload(outcome.report)}
        bookings.add(JournalEvent("order_submitted", payload, name))
    else:
        kind = "refused" if outcome.kind is OutcomeKind.REFUSED else "unknown"
        text = outcome.text or kind
        bookings.add(_failure(kind, name, text=text, code=outcome.code, may_retry=outcome.may_retry))
    for execution in outcome.executions:
        bookings.execution(execution)
