"""Faults put into order management on purpose: a simulation that does not see them is worth nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from nanodesk.brokers.base import AbsenceRule, OutcomeKind
from nanodesk.oms.bookings import Bookings
from nanodesk.oms.desk import Desk
from nanodesk.oms.ledger import Ledger
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.oms.order_record import OrderRecord
from nanodesk.oms.payloads import STATES
from simulation.link import SimLink
from simulation.trader import Trader

Plant = Callable[[Callable[[Any, str, object], None]], None]


def _never_believes_in_loss(put: Callable[[Any, str, object], None]) -> None:
    # A miss counts at once: the order may still be under way.
    real = SimLink.__init__

    def init(self: SimLink, world: object) -> None:
        real(self, world)
        self.absence_rule = AbsenceRule(0.0, 1, same_id_is_refused=self.absence_rule.same_id_is_refused)

    put(SimLink, "__init__", init)


def _unknown_is_failed(put: Callable[[Any, str, object], None]) -> None:
    # A time-out is taken for a refusal, so the trader tries again.
    real = OrderEngine._outcomes

    def outcomes(self: OrderEngine, orders: Any) -> Any:
        return [
            replace(one, kind=OutcomeKind.REFUSED) if one.kind is OutcomeKind.UNKNOWN else one
            for one in real(self, orders)
        ]

    put(OrderEngine, "_outcomes", outcomes)


def _blocks_nothing(put: Callable[[Any, str, object], None]) -> None:
    put(Ledger, "blocked_symbols", lambda self, in_flight=frozenset(): {})


def _sends_first(put: Callable[[Any, str, object], None]) -> None:
    # The intent is written after the order has left.
    real_intend = OrderEngine._intend

    def send(self: OrderEngine, orders: Any) -> None:
        self._outcomes(orders)
        real_intend(self, orders)

    put(OrderEngine, "_intend", lambda self, orders: list(orders))
    put(OrderEngine, "_send", send)


def _forgets_what_was_booked(put: Callable[[Any, str, object], None]) -> None:
    put(Bookings, "_known", lambda self, execution_id: self._booked.setdefault(execution_id, []))


def _ignores_busts(put: Callable[[Any, str, object], None]) -> None:
    real = Bookings._revision
    put(Bookings, "_revision", lambda self, execution, known: real(self, execution, known) if not known else None)


def _drops_late_fills(put: Callable[[Any, str, object], None]) -> None:
    real = Bookings._trade

    def trade(self: Bookings, execution: Any, known: Any, *, is_history: bool) -> None:
        record = self._ledger.orders.get(execution.client_order_id)
        if record is None or not record.life.is_terminal:
            real(self, execution, known, is_history=is_history)

    put(Bookings, "_trade", trade)


def _never_reads_again(put: Callable[[Any, str, object], None]) -> None:
    # What a gap in the stream swallowed is never asked for.
    real = Desk.read_venue

    def read_venue(self: Desk) -> Bookings:
        bookings = real(self)
        bookings.events.clear()
        return bookings

    put(Desk, "read_venue", read_venue)


def _last_word_wins(put: Callable[[Any, str, object], None]) -> None:
    # Reports overwrite each other in the order of arrival.
    real = OrderRecord.apply_report

    def apply_report(self: OrderRecord, payload: Any, **options: bool) -> Any:
        verdict = real(self, payload, **options)
        self.life = STATES[payload["state"]]
        self.venue_cum_e9 = payload.get("filled_quantity_e9", 0)
        return verdict

    put(OrderRecord, "apply_report", apply_report)


def _ignores_the_last_check(put: Callable[[Any, str, object], None]) -> None:
    put(OrderEngine, "_passes", lambda self, order, bookings: True)
    put(Trader, "_passes", lambda self, order: True)


def _folds_otherwise_when_read(put: Callable[[Any, str, object], None]) -> None:
    # The live state has something that the journal does not tell.
    real = OrderEngine.cancel

    def cancel(self: OrderEngine, client_order_id: str) -> Any:
        view = real(self, client_order_id)
        self._record(client_order_id).quantity_e9 += 1
        return view

    put(OrderEngine, "cancel", cancel)


def _leaves_fills_to_nobody(put: Callable[[Any, str, object], None]) -> None:
    put(Ledger, "_claim", lambda self, record, key: self._unowned.pop(key))


def _believes_every_refusal(put: Callable[[Any, str, object], None]) -> None:
    put(Desk, "_doubt_end", lambda self, record, bookings: None)


PLANTED: dict[str, Plant] = {
    "a miss is believed at once": _never_believes_in_loss,
    "a time-out is a refusal": _unknown_is_failed,
    "an unknown order blocks nothing": _blocks_nothing,
    "orders leave before their intent": _sends_first,
    "booked executions are forgotten": _forgets_what_was_booked,
    "busts are ignored": _ignores_busts,
    "late fills are dropped": _drops_late_fills,
    "nothing is read again": _never_reads_again,
    "the last word wins": _last_word_wins,
    "risk is asked nothing": _ignores_the_last_check,
    "the live state is not the journal's": _folds_otherwise_when_read,
    "fills told by number alone stay nobody's": _leaves_fills_to_nobody,
    "a refusal is never doubted": _believes_every_refusal,
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Work with one fault inside.

    Parameters
    ----------
    name : str
        Of :data:`PLANTED`.

    Yields
    ------
    None
    """
    before: list[tuple[Any, str, object]] = []

    def put(owner: Any, attribute: str, value: object) -> None:
        before.append((owner, attribute, getattr(owner, attribute)))
        setattr(owner, attribute, value)

    PLANTED[name](put)
    try:
        yield
    finally:
        for owner, attribute, value in reversed(before):
            setattr(owner, attribute, value)
