"""The state machine of an order as a table: every state meets every event, and each meeting is decided.

An order's *life* is what the venue last said of it. Quantities and requests are kept beside the life: what is filled
follows from executions alone, and a cancel or a replace is pending until it is answered, whatever the life. The state
that is shown is the strongest of what holds, in the precedence of FIX.

Lives are joined rather than overwritten: an end beats every live state, a fill beats a cancel, an order that the venue
has named beats one that it has not. So reports may come twice, late or in the wrong order, and the life is the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, unique
from typing import Final

from nanodesk.market.order import OrderState

S = OrderState


@unique
class OrderEvent(Enum):
    """What can happen to an order."""

    __hash__ = object.__hash__  # members are looked up for every message; the enum's own hash is a call of Python

    INTENT = "intent"
    RISK_REFUSED = "risk_refused"
    SEND_ACCEPTED = "send_accepted"
    SEND_REFUSED = "send_refused"
    SEND_UNKNOWN = "send_unknown"
    PROVED_ABSENT = "proved_absent"
    CANCEL_ASKED = "cancel_asked"
    CANCEL_TAKEN = "cancel_taken"
    CANCEL_REFUSED = "cancel_refused"
    CANCEL_UNKNOWN = "cancel_unknown"
    REPLACE_ASKED = "replace_asked"
    REPLACE_TAKEN = "replace_taken"
    REPLACE_REFUSED = "replace_refused"
    REPLACE_UNKNOWN = "replace_unknown"
    SAYS_NOTHING = "says_nothing"
    SAYS_PENDING_NEW = "says_pending_new"
    SAYS_NEW = "says_new"
    SAYS_PARTIALLY_FILLED = "says_partially_filled"
    SAYS_FILLED = "says_filled"
    SAYS_PENDING_CANCEL = "says_pending_cancel"
    SAYS_CANCELLED = "says_cancelled"
    SAYS_PENDING_REPLACE = "says_pending_replace"
    SAYS_REPLACED = "says_replaced"
    SAYS_REJECTED = "says_rejected"
    SAYS_EXPIRED = "says_expired"
    SAYS_DONE_FOR_DAY = "says_done_for_day"
    SAYS_SUSPENDED = "says_suspended"
    SAYS_STOPPED = "says_stopped"
    SAYS_CALCULATED = "says_calculated"
    SAYS_LIVE_AFTER_END = "says_live_after_end"
    FILL = "fill"
    CORRECTION = "correction"
    BUST = "bust"


@unique
class Verdict(Enum):
    """What is done about an event.

    ``APPLIED``: it changes the order. ``STALE``: it is older than what is known, or says it again; ignored.
    ``LATE_FILL``: booked, though the order had ended. ``ANOMALY``: booked, and the symbol is blocked until
    reconciled. ``NOT_POSSIBLE``: a request of ours that has no sense in this state; nothing is sent.
    """

    APPLIED = "applied"
    STALE = "stale"
    LATE_FILL = "late_fill"
    ANOMALY = "anomaly"
    NOT_POSSIBLE = "not_possible"


@dataclass(frozen=True, slots=True)
class Decision:
    """The entry of the table for one state and one event.

    Parameters
    ----------
    verdict : Verdict
        What is done.
    life : OrderState
        The life afterwards.
    """

    verdict: Verdict
    life: OrderState


PRECEDENCE: Final = {
    S.PENDING_CANCEL: 12,
    S.PENDING_REPLACE: 11,
    S.DONE_FOR_DAY: 10,
    S.CALCULATED: 9,
    S.FILLED: 8,
    S.STOPPED: 7,
    S.SUSPENDED: 6,
    S.CANCELLED: 5,
    S.EXPIRED: 5,
    S.REPLACED: 5,
    S.PARTIALLY_FILLED: 4,
    S.NEW: 2,
    S.REJECTED: 2,
    S.PENDING_NEW: 2,
    S.UNKNOWN: 1,
    S.INTENT_LOGGED: 1,
    S.NOT_SENT: 1,
    S.RISK_REJECTED: 1,
    S.CREATED: 0,
}
"""Which state is shown when several hold (FIX 4.4, volume 4, "precedence"); ours stand below."""

_DRAFT = (S.CREATED,)
_OURS = (S.INTENT_LOGGED, S.UNKNOWN)
_NEVER_SENT = (S.RISK_REJECTED, S.NOT_SENT)
_PLAIN = (S.NEW, S.PARTIALLY_FILLED, S.PENDING_CANCEL, S.PENDING_REPLACE)
"""States that the life NEW is shown as; all have its row."""
_HELD = (S.DONE_FOR_DAY, S.SUSPENDED, S.STOPPED, S.CALCULATED)
_LIVE = (S.PENDING_NEW, *_PLAIN, *_HELD)
_ENDS = (S.REJECTED, S.EXPIRED, S.CANCELLED, S.REPLACED, S.FILLED)
"""Terminal lives at a venue, weakest first: when two are told of one order the stronger stands."""

_SAID: Final = {
    S.CREATED: OrderEvent.SAYS_NOTHING,
    S.RISK_REJECTED: OrderEvent.SAYS_NOTHING,
    S.INTENT_LOGGED: OrderEvent.SAYS_NOTHING,
    S.NOT_SENT: OrderEvent.SAYS_NOTHING,
    S.UNKNOWN: OrderEvent.SAYS_NOTHING,
    S.PENDING_NEW: OrderEvent.SAYS_PENDING_NEW,
    S.NEW: OrderEvent.SAYS_NEW,
    S.PARTIALLY_FILLED: OrderEvent.SAYS_PARTIALLY_FILLED,
    S.FILLED: OrderEvent.SAYS_FILLED,
    S.PENDING_CANCEL: OrderEvent.SAYS_PENDING_CANCEL,
    S.CANCELLED: OrderEvent.SAYS_CANCELLED,
    S.PENDING_REPLACE: OrderEvent.SAYS_PENDING_REPLACE,
    S.REPLACED: OrderEvent.SAYS_REPLACED,
    S.REJECTED: OrderEvent.SAYS_REJECTED,
    S.EXPIRED: OrderEvent.SAYS_EXPIRED,
    S.DONE_FOR_DAY: OrderEvent.SAYS_DONE_FOR_DAY,
    S.SUSPENDED: OrderEvent.SAYS_SUSPENDED,
    S.STOPPED: OrderEvent.SAYS_STOPPED,
    S.CALCULATED: OrderEvent.SAYS_CALCULATED,
}

_SAYS_LIVE = {
    OrderEvent.SAYS_NEW: S.NEW,
    OrderEvent.SAYS_PARTIALLY_FILLED: S.NEW,
    OrderEvent.SAYS_PENDING_CANCEL: S.NEW,
    OrderEvent.SAYS_PENDING_REPLACE: S.NEW,
    OrderEvent.SAYS_DONE_FOR_DAY: S.DONE_FOR_DAY,
    OrderEvent.SAYS_SUSPENDED: S.SUSPENDED,
    OrderEvent.SAYS_STOPPED: S.STOPPED,
    OrderEvent.SAYS_CALCULATED: S.CALCULATED,
}
_SAYS_END = {
    OrderEvent.SAYS_REJECTED: S.REJECTED,
    OrderEvent.SAYS_EXPIRED: S.EXPIRED,
    OrderEvent.SAYS_CANCELLED: S.CANCELLED,
    OrderEvent.SAYS_REPLACED: S.REPLACED,
    OrderEvent.SAYS_FILLED: S.FILLED,
}


def event_of(reported: OrderState, *, is_after_end: bool = False) -> OrderEvent:
    """The event that a venue's report is.

    Parameters
    ----------
    reported : OrderState
        State in the report.
    is_after_end : bool, default False
        Whether the report is dated after the end of the order.

    Returns
    -------
    event : OrderEvent
        One of those that begin with ``SAYS``.
    """
    event = _SAID[reported]
    is_live = event in _SAYS_LIVE or event is OrderEvent.SAYS_PENDING_NEW
    return OrderEvent.SAYS_LIVE_AFTER_END if is_live and is_after_end else event


def shown_state(life: OrderState, holding: Iterable[OrderState]) -> OrderState:
    """The strongest of what holds of an order.

    Parameters
    ----------
    life : OrderState
        What the venue last said.
    holding : iterable of OrderState
        What follows from quantities and requests.

    Returns
    -------
    state : OrderState
        By :data:`PRECEDENCE`.
    """
    return max((life, *holding), key=PRECEDENCE.__getitem__)


def decide(life: OrderState, event: OrderEvent) -> Decision:
    """Look up what an event does to an order.

    Parameters
    ----------
    life : OrderState
        Before.
    event : OrderEvent
        What happened.

    Returns
    -------
    decision : Decision
        Never missing.
    """
    return TABLE[life, event]


def _build() -> dict[tuple[OrderState, OrderEvent], Decision]:
    table: dict[tuple[OrderState, OrderEvent], Decision] = {}

    def on(event: OrderEvent, states: Iterable[OrderState], verdict: Verdict, life: OrderState | None = None) -> None:
        for state in states:
            table[state, event] = Decision(verdict, state if life is None else life)

    everywhere = tuple(OrderState)
    after_intent = tuple(state for state in everywhere if state not in _DRAFT)
    applied, stale, anomaly = Verdict.APPLIED, Verdict.STALE, Verdict.ANOMALY
    e = OrderEvent

    on(e.INTENT, after_intent, Verdict.NOT_POSSIBLE)
    on(e.INTENT, _DRAFT, applied, S.INTENT_LOGGED)
    on(e.RISK_REFUSED, everywhere, stale)
    on(e.RISK_REFUSED, (*_DRAFT, S.INTENT_LOGGED), applied, S.RISK_REJECTED)

    # Answers to a sending. What the stream said meanwhile is stronger than a lost answer.
    on(e.SEND_ACCEPTED, everywhere, stale)
    on(e.SEND_ACCEPTED, (S.INTENT_LOGGED, S.UNKNOWN, S.PENDING_NEW), applied, S.NEW)
    on(e.SEND_ACCEPTED, (*_DRAFT, *_NEVER_SENT), anomaly, S.NEW)
    on(e.SEND_REFUSED, everywhere, stale)
    on(e.SEND_REFUSED, (S.INTENT_LOGGED, S.UNKNOWN, S.PENDING_NEW), applied, S.REJECTED)
    on(e.SEND_REFUSED, (*_PLAIN, *_HELD), anomaly)
    on(e.SEND_UNKNOWN, everywhere, stale)
    on(e.SEND_UNKNOWN, (S.INTENT_LOGGED,), applied, S.UNKNOWN)
    on(e.PROVED_ABSENT, everywhere, stale)
    on(e.PROVED_ABSENT, _OURS, applied, S.NOT_SENT)

    # Requests of ours leave the life as it is.
    for asked in (e.CANCEL_ASKED, e.REPLACE_ASKED):
        on(asked, everywhere, Verdict.NOT_POSSIBLE)
        on(asked, (S.UNKNOWN, *_LIVE), applied)
    for answered in (e.CANCEL_TAKEN, e.CANCEL_UNKNOWN, e.REPLACE_UNKNOWN):
        on(answered, everywhere, stale)
        on(answered, (S.UNKNOWN, *_LIVE), applied)
    for refused in (e.CANCEL_REFUSED, e.REPLACE_REFUSED):
        on(refused, everywhere, stale)
        on(refused, (S.UNKNOWN, *_LIVE, *_ENDS), applied)
    on(e.REPLACE_TAKEN, everywhere, stale)
    on(e.REPLACE_TAKEN, (S.UNKNOWN, *_LIVE, S.REJECTED, S.EXPIRED, S.CANCELLED), applied, S.REPLACED)

    # What the venue says of a live order.
    on(e.SAYS_NOTHING, everywhere, stale)
    on(e.SAYS_PENDING_NEW, everywhere, stale)
    on(e.SAYS_PENDING_NEW, _OURS, applied, S.PENDING_NEW)
    on(e.SAYS_PENDING_NEW, (*_DRAFT, *_NEVER_SENT), anomaly, S.PENDING_NEW)
    for said, life in _SAYS_LIVE.items():
        on(said, (*_OURS, *_LIVE), applied, life)
        on(said, _ENDS, stale)
        on(said, (*_DRAFT, *_NEVER_SENT), anomaly, life)
    on(e.SAYS_LIVE_AFTER_END, everywhere, stale)
    on(e.SAYS_LIVE_AFTER_END, (*_ENDS, *_NEVER_SENT, *_DRAFT), anomaly, S.NEW)

    # What the venue says of an order that has ended.
    for said, life in _SAYS_END.items():
        on(said, (*_OURS, *_LIVE), applied, life)
        on(said, _ENDS, stale)
        on(said, _ENDS[: _ENDS.index(life)], applied, life)
        on(said, (*_DRAFT, *_NEVER_SENT), anomaly, life)
    on(e.SAYS_REJECTED, _NEVER_SENT, applied, S.REJECTED)

    # Executions are booked whatever the state.
    on(e.FILL, (*_OURS, S.PENDING_NEW, *_PLAIN), applied, S.NEW)
    on(e.FILL, (*_HELD, S.FILLED), applied)
    on(e.FILL, (S.REJECTED, S.EXPIRED, S.CANCELLED, S.REPLACED), Verdict.LATE_FILL)
    on(e.FILL, (*_DRAFT, *_NEVER_SENT), anomaly, S.NEW)
    for changed in (e.CORRECTION, e.BUST):
        on(changed, (*_OURS, S.PENDING_NEW, *_PLAIN), applied, S.NEW)
        on(changed, (*_HELD, *_ENDS), applied)
        on(changed, (*_DRAFT, *_NEVER_SENT), anomaly, S.NEW)
    # The life NEW is shown under four names; its row is the same under each.
    for state in _PLAIN:
        for event in OrderEvent:
            entry = table[S.NEW, event]
            table[state, event] = entry
    return table


TABLE: Final = _build()
"""``TABLE[life, event]`` for every pair."""
