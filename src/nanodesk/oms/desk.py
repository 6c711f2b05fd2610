"""The books of one account: its journal, what follows from it, and the broker whose word is written there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from nanodesk.brokers.base import Broker, BrokerEvent, Clock, Reached, StreamChange, StreamState, nothing_reached
from nanodesk.errors import JournalError, NotConnectedError, ValidationError
from nanodesk.market.order import Execution, OrderState, WorkingOrder
from nanodesk.oms.bookings import Bookings
from nanodesk.oms.journal import Journal
from nanodesk.oms.journal_event import JournalEvent, StoredEvent
from nanodesk.oms.ledger import Ledger
from nanodesk.oms.order_record import OrderRecord
from nanodesk.oms.order_view import OrderView

OVERLAP_NS: Final = 3_600 * 10**9
"""How far behind the last complete reading executions are read again; what was booked is dropped."""


class Desk:
    """Everything that is known of one account, durable before it is believed.

    Parameters
    ----------
    broker : Broker
        Whose word is written down.
    journal : Journal
        Open for writing; what it holds is folded in first.
    now_ns : callable, default time.time_ns
        Wall clock.
    monotonic_s : callable, default time.monotonic
        Clock of waits.
    sleep : callable, default time.sleep
        How recovery waits.
    reached : callable, optional
        Called with the name of each step.

    Attributes
    ----------
    ledger : Ledger
        What follows from the journal.
    missing : dict of str to str
        Orders that the venue knew and, at the last reading, knew no more, with their symbols.
    open_orphans : set of str
        Venue ids of the open orders that are not ours, at the last reading.

    Raises
    ------
    JournalDamagedError
        If the journal is not sound.
    """

    def __init__(
        self,
        broker: Broker,
        journal: Journal,
        *,
        now_ns: Clock = time.time_ns,
        monotonic_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        reached: Reached = nothing_reached,
    ) -> None:
        self.broker = broker
        self.journal = journal
        self.ledger = Ledger()
        self.now_ns = now_ns
        self.monotonic_s = monotonic_s
        self.sleep = sleep
        self.reached = reached
        self.missing: dict[str, str] = {}
        self.open_orphans: set[str] = set()
        self._in_flight: frozenset[str] = frozenset()
        self._working: tuple[WorkingOrder, ...] = ()
        self._blocked: dict[str, str] = {}
        self._looked_at: tuple[int, frozenset[str]] | None = None
        self._is_stream_lost = False
        self._must_catch_up = False
        self._last_word_s = monotonic_s()
        self._read_until_ns = 0
        for event in journal.read():
            self.ledger.apply(event)
            self._read_until_ns = event.ts_ns

    def order(self, client_order_id: str) -> OrderView:
        """One order.

        Parameters
        ----------
        client_order_id : str
            Its id.

        Returns
        -------
        view : OrderView
            As of now.

        Raises
        ------
        ValidationError
            If there is none.
        """
        return self._record(client_order_id).view()

    def orders(self, run_id: str | None = None) -> tuple[OrderView, ...]:
        """Every order, or those of one run, oldest first.

        Parameters
        ----------
        run_id : str, optional
            The run.

        Returns
        -------
        views : tuple of OrderView
            With those that have ended.
        """
        records = self.ledger.orders.values()
        return tuple(record.view() for record in records if run_id is None or record.run_id == run_id)

    def open_orders(self) -> tuple[OrderView, ...]:
        """Orders that may still change: not ended, or with fills that the venue counts and has not told."""
        return tuple(record.view() for record in self._open_records())

    def working(self) -> tuple[WorkingOrder, ...]:
        """What may still change positions, for a risk check that takes each at its worst."""
        self._look()
        return self._working

    def _look(self) -> None:
        # Each order of a group is checked on its own, and nothing changes in between: the others are looked at once.
        if self._looked_at == (self.ledger.sequence, self._in_flight):
            return
        self._working = tuple(
            WorkingOrder(record.order, record.at_risk_e9, record.is_unresolved)
            for record in self._open_records()
            if record.order.client_order_id not in self._in_flight and record.at_risk_e9
        )
        self._blocked = self.ledger.blocked_symbols(self._in_flight)
        self._looked_at = (self.ledger.sequence, self._in_flight)

    def positions(self) -> dict[str, int]:
        """Signed positions that are not zero, in billionths, sorted by symbol."""
        return self.ledger.positions_e9()

    def blocked_symbols(self) -> dict[str, str]:
        """Symbols in which nothing is sent, with the reason."""
        self._look()
        return dict(self._blocked)

    def state_hash(self) -> str:
        """One text for the whole state; see :meth:`Ledger.state_hash`."""
        return self.ledger.state_hash()

    @property
    def is_stream_live(self) -> bool:
        """Whether the broker is connected, and its stream to be believed, with what it left out read again."""
        return self.broker.is_connected and not self._is_stream_lost and not self._must_catch_up

    @property
    def booked_fills(self) -> int:
        """Executions booked since the journal began, of any order of the account."""
        return self.ledger.booked

    def is_unresolved(self, client_order_id: str) -> bool:
        """Whether only the venue can tell if an order exists.

        Parameters
        ----------
        client_order_id : str
            The order.

        Returns
        -------
        is_unresolved : bool
            Its symbol is blocked as long.
        """
        return self._record(client_order_id).is_unresolved

    def drain(self) -> dict[str, None]:
        """Book what the stream has brought, and nothing else.

        Returns
        -------
        changed : dict of str to None
            Client ids of the orders that are not as they were.
        """
        self._bind()
        return self._take(self.broker.events(0.0))

    def _write(self, events: Sequence[JournalEvent], *, inside: str = "") -> dict[str, None]:
        changed: dict[str, None] = {}
        for stored in self.journal.append(events, inside=inside):
            self._apply(stored, changed)
        return changed

    def _apply(self, stored: StoredEvent, changed: dict[str, None]) -> None:
        self.ledger.apply(stored)
        if stored.client_order_id in self.ledger.orders:
            changed[stored.client_order_id] = None

    def write(self, bookings: Bookings, *, inside: str = "") -> dict[str, None]:
        """Commit and fold in; for recovery and reconciliation.

        Parameters
        ----------
        bookings : Bookings
            Made by :meth:`bookings`.
        inside : str, default ""
            Name of a step inside the commit.

        Returns
        -------
        changed : dict of str to None
            Client ids of the orders that are not as they were.
        """
        return self._write(bookings.events, inside=inside)

    def bookings(self) -> Bookings:
        """Events in the making, on top of the present state."""
        self._bind()
        return Bookings(self.ledger, self.journal)

    def _open_records(self) -> list[OrderRecord]:
        return [self.ledger.orders[name] for name in self.ledger.open_ids]

    def _record(self, client_order_id: str) -> OrderRecord:
        record = self.ledger.orders.get(client_order_id)
        if record is None:
            raise ValidationError(
                f"client_order_id={client_order_id!r} is no order of this journal.",
                field="client_order_id",
                value=client_order_id,
            )
        return record

    def _require_connected(self) -> None:
        if not self.broker.is_connected:
            raise NotConnectedError(
                f"{self.broker.name} is not connected.",
                field="broker",
                fix="Wait for its link to be restored, or call connect().",
            )

    def _require_ready(self) -> None:
        self._require_connected()
        if not self.is_stream_live:
            what = "is lost" if self._is_stream_lost else "left something out that has not been read yet"
            raise NotConnectedError(
                f"the stream of {self.broker.name} {what}; no order is sent that could not be followed.",
                field="broker",
                fix="Poll until it is restored and read.",
            )
        self._bind()

    def _bind(self) -> None:
        ledger, name, account = self.ledger, self.broker.name, self.broker.account_id
        if not ledger.venue:
            self._write([JournalEvent("account_bound", {"venue": name, "account": account})])
        elif (ledger.venue, ledger.account) != (name, account):
            raise JournalError(
                f"{self.journal.path} belongs to {ledger.venue} {ledger.account}, not to {name} {account}.",
                field="journal",
                value=str(self.journal.path),
                fix="Keep one journal for each account.",
            )

    def _take(self, events: Sequence[BrokerEvent]) -> dict[str, None]:
        if not events:
            return {}
        self._last_word_s = self.monotonic_s()
        bookings = self.bookings()
        bookings.tell(events)
        executions = [event for event in events if isinstance(event, Execution)]
        if executions:
            self.reached("fill.received")
            if any(self._is_being_cancelled(event) for event in executions):
                self.reached("cancel.lost_race")
        changed = self._write(bookings.events, inside="fill.inside" if executions else "")
        if executions:
            self.reached("fill.logged")
        self._follow_stream(events)
        return changed

    def _is_being_cancelled(self, execution: Execution) -> bool:
        record = self.ledger.orders.get(execution.client_order_id)
        return record is not None and record.is_cancel_pending

    def _follow_stream(self, events: Iterable[object]) -> None:
        for event in events:
            if isinstance(event, StreamChange):
                self._is_stream_lost = event.state is StreamState.LOST
                self._must_catch_up = self._must_catch_up or event.state is StreamState.RESTORED_DATA_LOST

    def catch_up(self, *, inside: str = "") -> dict[str, None]:
        """Read executions and open orders again, and book what the stream did not bring.

        Parameters
        ----------
        inside : str, default ""
            Name of a step inside the commit.

        Returns
        -------
        changed : dict of str to None
            Client ids of the orders that are not as they were.

        Raises
        ------
        BrokerError
            If the broker cannot be asked; it is tried again at the next :meth:`poll`.
        """
        asked_ns = self.now_ns()
        bookings = self.read_venue()
        changed = self._write(bookings.events, inside=inside)
        self.caught_up(asked_ns)
        return changed

    def read_venue(self) -> Bookings:
        """Read executions and open orders, and ask after orders of ours that are not among them.

        Returns
        -------
        bookings : Bookings
            What is new, not yet written.

        Raises
        ------
        BrokerError
            If the broker cannot be asked.
        """
        self._must_catch_up = True
        self.missing.clear()
        bookings = self.bookings()
        for execution in self.broker.executions(self.executions_since_ns()):
            bookings.execution(execution, is_history=True)
        told = set()
        self.open_orphans.clear()
        for report in self.broker.open_orders():
            owner = bookings.owner(report)
            told.add(owner)
            if not owner:
                self.open_orphans.add(report.venue_order_id)
            if owner and self.ledger.orders[owner].life.is_terminal:
                self._doubt_end(self.ledger.orders[owner], bookings)
            else:
                bookings.report(report, is_answer=True)
        for record in self._open_records():
            name = record.order.client_order_id
            if name not in told and not record.is_unresolved:
                self._ask_after(record, bookings)
        return bookings

    def caught_up(self, asked_ns: int) -> None:
        """Note that what was read has been written.

        Parameters
        ----------
        asked_ns : int
            Our clock when the reading began.
        """
        self._read_until_ns = asked_ns
        self._must_catch_up = False

    def _doubt_end(self, record: OrderRecord, bookings: Bookings) -> None:
        """A list shows an order open that has ended for us: the list may be old, or the end was misread. Ask."""
        report = self.broker.status(record.order.client_order_id, record.order.symbol)
        if report is None or 0 < report.ts_event_ns <= record.report_ts_ns:
            return
        is_alive = report.state.may_be_live and report.state is not OrderState.UNKNOWN
        bookings.report(report, is_answer=True, is_alive=is_alive and record.cum_e9 < record.quantity_e9)

    def _ask_after(self, record: OrderRecord, bookings: Bookings) -> None:
        name = record.order.client_order_id
        report = self.broker.status(name, record.order.symbol)
        if report is not None:
            bookings.report(report, is_answer=True)
        if (report is None or report.state is OrderState.UNKNOWN) and record.at_risk_e9:
            self.missing[name] = record.order.symbol
            if record.order.symbol in self.ledger.anomalies:
                return
            reason = f"the venue has told of {name} before and knows it no more"
            bookings.add(JournalEvent("symbol_blocked", {"symbol": record.order.symbol, "reason": reason}))

    def executions_since_ns(self) -> int:
        """From when on executions are read: before the oldest open intent and the last complete reading.

        And never from later than now: either may have been noted by a clock that was ahead.

        Returns
        -------
        since_ns : int
            Nanoseconds since 1970.
        """
        intents = [record.intent_ns for record in self._open_records()]
        return max(min([self._read_until_ns, self.now_ns(), *intents]) - OVERLAP_NS, 0)
