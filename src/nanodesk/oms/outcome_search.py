"""Learning what became of an order whose outcome is not known, without ever guessing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from nanodesk.brokers.base import Broker
from nanodesk.errors import BrokerError
from nanodesk.oms.desk import Desk
from nanodesk.oms.journal_event import JournalEvent

SHORTEST_PAUSE_S: Final = 0.2
"""Between two questions about one order while it may still arrive."""


@dataclass(slots=True)
class _Trail:
    since_s: float
    next_s: float
    misses: int = 0


class OutcomeSearch:
    """Questions about orders that the venue may or may not have.

    "No such order" is proof only after the time in which the request could still have been accepted, and as often as
    the broker's :class:`~nanodesk.brokers.base.AbsenceRule` asks. An error is no answer and proves nothing.

    Parameters
    ----------
    broker : Broker
        To ask.
    monotonic_s : callable
        Clock of the waits.
    """

    def __init__(self, broker: Broker, monotonic_s: Callable[[], float]) -> None:
        self._broker = broker
        self._monotonic_s = monotonic_s
        self._trails: dict[str, _Trail] = {}

    def begin(self, client_order_id: str) -> None:
        """Start looking for an order; its request was written just now at the latest.

        Parameters
        ----------
        client_order_id : str
            The order.
        """
        now_s = self._monotonic_s()
        self._trails.setdefault(client_order_id, _Trail(now_s, now_s))

    def forget(self, client_order_id: str) -> None:
        """Stop looking for an order.

        Parameters
        ----------
        client_order_id : str
            The order.
        """
        self._trails.pop(client_order_id, None)

    @property
    def next_s(self) -> float | None:
        """When the next question is due, on the monotonic clock."""
        return min((trail.next_s for trail in self._trails.values()), default=None)

    def step(self, desk: Desk, *, not_sent: bool = True) -> dict[str, None]:
        """Ask after every order that is due.

        Parameters
        ----------
        desk : Desk
            Books what is found.
        not_sent : bool, default True
            Whether an order that is proved absent is marked so; else it is left to the caller.

        Returns
        -------
        changed : dict of str to None
            Client ids of orders that are known now.
        """
        changed: dict[str, None] = {}
        for name, trail in tuple(self._trails.items()):
            if not desk.ledger.orders[name].is_unresolved:
                del self._trails[name]
            elif trail.next_s <= self._monotonic_s():
                changed |= self._ask(desk, name, trail, not_sent=not_sent)
        return changed

    def absent(self) -> tuple[str, ...]:
        """Orders that the rule has proved absent and that wait for the caller's decision."""
        needed = max(self._broker.absence_rule.misses, 1)
        return tuple(name for name, trail in self._trails.items() if trail.misses >= needed)

    def _ask(self, desk: Desk, name: str, trail: _Trail, *, not_sent: bool) -> dict[str, None]:
        rule = self._broker.absence_rule
        asked_s = self._monotonic_s()
        pause_s = max(rule.spacing_s, SHORTEST_PAUSE_S)
        try:
            report = self._broker.status(name, desk.order(name).order.symbol)
        except BrokerError:
            trail.next_s = asked_s + pause_s
            return {}
        desk.reached("recovery.looked_up")
        if report is not None:
            del self._trails[name]
            bookings = desk.bookings()
            bookings.report(report, kind="order_adopted", is_answer=True)
            changed = desk.write(bookings, inside="adopt.inside")
            desk.reached("adopt.logged")
            return changed | desk.catch_up()
        if asked_s < trail.since_s + rule.wait_s:
            trail.next_s = min(asked_s + pause_s, trail.since_s + rule.wait_s)
            return {}
        trail.misses += 1
        trail.next_s = asked_s + pause_s
        if trail.misses < max(rule.misses, 1):
            return {}
        return self._conclude(desk, name, not_sent=not_sent)

    def _conclude(self, desk: Desk, name: str, *, not_sent: bool) -> dict[str, None]:
        changed = desk.catch_up()  # A fill under its id would be evidence, whatever the lookup says.
        if not desk.ledger.orders[name].is_unresolved:
            del self._trails[name]
            return changed
        if not not_sent:
            return changed
        del self._trails[name]
        return changed | mark_not_sent(desk, name)


def mark_not_sent(desk: Desk, client_order_id: str) -> dict[str, None]:
    """Write that an order never reached the venue.

    Parameters
    ----------
    desk : Desk
        Of the order.
    client_order_id : str
        An order that is proved absent.

    Returns
    -------
    changed : dict of str to None
        Its id.
    """
    bookings = desk.bookings()
    payload = {"error_type": "not_sent", "code": "", "text": "the venue has proved not to know it"}
    bookings.add(JournalEvent("order_failed", payload, client_order_id))
    replaced = desk.ledger.orders[client_order_id].replaces
    if replaced:
        result = {"outcome": "refused", "code": "", "text": "not sent", "replacement": client_order_id}
        bookings.add(JournalEvent("replace_result", result, replaced))
    return desk.write(bookings, inside="adopt.inside")
