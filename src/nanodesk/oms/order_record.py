"""The life, quantities and requests of one order, folded from events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanodesk.market.order import Order, OrderState
from nanodesk.oms.order_state import Decision, OrderEvent, Verdict, decide, event_of, shown_state
from nanodesk.oms.order_view import OrderView
from nanodesk.oms.payloads import STATES

_MAY_TRADE = frozenset(
    {
        OrderState.INTENT_LOGGED,
        OrderState.UNKNOWN,
        OrderState.PENDING_NEW,
        OrderState.NEW,
        OrderState.DONE_FOR_DAY,
        OrderState.SUSPENDED,
        OrderState.STOPPED,
        OrderState.CALCULATED,
    }
)
_REQUESTS = (OrderState.PENDING_CANCEL, OrderState.PENDING_REPLACE)
_UNSENT = frozenset({OrderState.CREATED, OrderState.RISK_REJECTED, OrderState.NOT_SENT})


class OrderRecord:
    """One order; changed only by the ledger, in the order of the journal.

    Parameters
    ----------
    order : Order
        As it is to be sent.
    run_id : str
        Run that it belongs to.
    replaces : str, default ""
        Client id of the order that it is to take the place of.
    intent_ns : int, default 0
        Our clock when its intent was written.
    """

    __slots__ = (
        "cum_e9",
        "fees_e9",
        "intent_ns",
        "is_cancel_pending",
        "life",
        "may_retry",
        "order",
        "product_e18",
        "quantity_e9",
        "reason",
        "replaced_by",
        "replaces",
        "report_ts_ns",
        "run_id",
        "taken_back_e9",
        "venue_cum_e9",
        "venue_order_id",
        "venue_pending",
        "wanted_by",
    )

    def __init__(self, order: Order, run_id: str, replaces: str = "", intent_ns: int = 0) -> None:
        self.order = order
        self.intent_ns = intent_ns
        self.run_id = run_id
        self.life = decide(OrderState.CREATED, OrderEvent.INTENT).life
        self.quantity_e9 = order.quantity_e9
        self.cum_e9 = 0
        self.product_e18 = 0
        self.venue_cum_e9 = 0
        self.taken_back_e9 = 0
        self.fees_e9: dict[str, int] | None = None
        self.is_cancel_pending = False
        self.wanted_by = ""  # id of the replacement that is asked for
        self.venue_pending: OrderState | None = None  # a request that the venue tells of and we have not made
        self.venue_order_id = ""
        self.reason = ""
        self.may_retry = False
        self.replaces = replaces
        self.replaced_by = ""
        self.report_ts_ns = 0

    @property
    def state(self) -> OrderState:
        """The strongest of what holds."""
        is_asked = self.is_cancel_pending or self.wanted_by or self.venue_pending is not None
        if self.life is OrderState.NEW and not is_asked:  # nearly always
            if self.cum_e9 >= self.quantity_e9:
                return OrderState.FILLED
            return OrderState.PARTIALLY_FILLED if self.cum_e9 > 0 else OrderState.NEW
        if self.life in _UNSENT:
            return self.life
        holding = []
        if self.cum_e9 >= self.quantity_e9:
            holding.append(OrderState.FILLED)
        if not self.life.is_terminal:
            if self.cum_e9 > 0:
                holding.append(OrderState.PARTIALLY_FILLED)
            if self.is_cancel_pending:
                holding.append(OrderState.PENDING_CANCEL)
            if self.wanted_by:
                holding.append(OrderState.PENDING_REPLACE)
            if self.venue_pending is not None:
                holding.append(self.venue_pending)
        return shown_state(self.life, holding)

    @property
    def is_unresolved(self) -> bool:
        """Whether only the venue can tell if the order exists."""
        return self.life is OrderState.INTENT_LOGGED or self.life is OrderState.UNKNOWN

    @property
    def leaves_e9(self) -> int:
        """What may still fill."""
        if self.life not in _MAY_TRADE:
            return 0
        return max(self.quantity_e9 - max(self.cum_e9, self.venue_cum_e9 - self.taken_back_e9), 0)

    @property
    def awaited_e9(self) -> int:
        """What the venue calls filled and no execution has told yet."""
        target = self.venue_cum_e9 - self.taken_back_e9
        if self.life is OrderState.FILLED and not self.venue_cum_e9:
            target = self.quantity_e9 - self.taken_back_e9
        return max(target - self.cum_e9, 0)

    @property
    def at_risk_e9(self) -> int:
        """What may still change the position: to be filled, or filled and not yet told."""
        return self.leaves_e9 + self.awaited_e9

    def classify(self, payload: Mapping[str, Any], *, is_alive: bool = False) -> tuple[Decision, bool]:
        """What a report does to the life, and whether it changes anything at all.

        Parameters
        ----------
        payload : mapping
            As :func:`~nanodesk.oms.payloads.report_payload` gives it.
        is_alive : bool, default False
            Whether it was asked for because a list shows an order open that has ended for us.

        Returns
        -------
        decision : Decision
            From the table; stale if the report is older than the last one that was applied.
        is_news : bool
            Whether any field of the order would differ afterwards.
        """
        ts_ns = payload.get("ts_event_ns", 0)
        reported = STATES[payload["state"]]
        is_older = 0 < ts_ns < self.report_ts_ns
        is_after_end = self.life.is_terminal and (is_alive or 0 < self.report_ts_ns < ts_ns)
        decision = decide(self.life, event_of(reported, is_after_end=is_after_end))
        if is_older and not reported.is_terminal and decision.verdict is Verdict.APPLIED and not self.is_unresolved:
            decision = Decision(Verdict.STALE, self.life)
        is_news = decision.verdict is not Verdict.STALE and (
            decision.life is not self.life or decision.verdict is Verdict.ANOMALY or self._clears(reported)
        )
        filled = payload.get("filled_quantity_e9", 0)
        is_news = is_news or filled > self.venue_cum_e9
        is_news = is_news or (not self.venue_order_id and "venue_order_id" in payload)
        is_news = is_news or (not is_older and 0 < payload.get("quantity_e9", 0) != self.quantity_e9)
        return decision, is_news

    def _clears(self, reported: OrderState) -> bool:
        if reported in _REQUESTS:
            return not self._has_asked(reported) and self.venue_pending is not reported
        return self.venue_pending is not None or (
            reported.is_terminal and (self.is_cancel_pending or bool(self.wanted_by))
        )

    def apply_report(self, payload: Mapping[str, Any], *, is_answer: bool, is_alive: bool = False) -> Verdict:
        """Fold a report in.

        Parameters
        ----------
        payload : mapping
            As :func:`~nanodesk.oms.payloads.report_payload` gives it.
        is_answer : bool
            Whether we asked for it: then its filled quantity stands even if it is lower than one told before.
        is_alive : bool, default False
            As in :meth:`classify`.

        Returns
        -------
        verdict : Verdict
            What the table says.
        """
        decision, _ = self.classify(payload, is_alive=is_alive)
        ts_ns = payload.get("ts_event_ns", 0)
        is_older = 0 < ts_ns < self.report_ts_ns
        if decision.verdict is not Verdict.STALE:
            self._enter(decision.life, STATES[payload["state"]])
            self.report_ts_ns = max(self.report_ts_ns, ts_ns)
            if payload.get("text") or payload.get("code"):
                self.reason = told_reason(payload)
        filled = payload.get("filled_quantity_e9", 0)
        if is_answer and not filled and self.life is OrderState.FILLED and self.taken_back_e9:
            # Filled with nothing filled is what is left of an order whose executions were busted.
            self.taken_back_e9 = max(self.quantity_e9, self.venue_cum_e9)
        elif is_answer:
            self.venue_cum_e9, self.taken_back_e9 = filled, 0
        else:
            self.venue_cum_e9 = max(self.venue_cum_e9, filled)
        self.venue_order_id = payload.get("venue_order_id", "") or self.venue_order_id
        if not is_older and payload.get("quantity_e9", 0) > 0:
            self.quantity_e9 = payload["quantity_e9"]
        return decision.verdict

    def _enter(self, life: OrderState, reported: OrderState) -> None:
        self.life = life
        self.venue_pending = None
        if life.is_terminal:
            self.is_cancel_pending = False
            self.wanted_by = ""
        elif reported in _REQUESTS and not self._has_asked(reported):
            self.venue_pending = reported

    def _has_asked(self, request: OrderState) -> bool:
        return self.is_cancel_pending if request is OrderState.PENDING_CANCEL else bool(self.wanted_by)

    def apply_event(self, event: OrderEvent) -> Verdict:
        """Fold in what is no report.

        Parameters
        ----------
        event : OrderEvent
            An answer, a request or an execution.

        Returns
        -------
        verdict : Verdict
            What the table says.
        """
        decision = decide(self.life, event)
        if decision.verdict not in (Verdict.STALE, Verdict.NOT_POSSIBLE):
            self._enter_quietly(decision.life)
        return decision.verdict

    def _enter_quietly(self, life: OrderState) -> None:
        if life is not self.life:
            self._enter(life, life)

    def book(self, quantity_e9: int, price_e9: int, fee_e9: int, fee_currency: str) -> None:
        """Add a quantity at a price; a negative one takes it back.

        Parameters
        ----------
        quantity_e9 : int
            Change of the filled quantity.
        price_e9 : int
            Its price.
        fee_e9 : int
            Its fee, with the same sense.
        fee_currency : str
            Currency of the fee.
        """
        self.cum_e9 += quantity_e9
        self.product_e18 += quantity_e9 * price_e9
        if fee_e9:
            fees = self.fees_e9 = self.fees_e9 or {}
            fees[fee_currency] = fees.get(fee_currency, 0) + fee_e9
            if not fees[fee_currency]:
                del fees[fee_currency]

    def write_off(self, *, has_ended: bool) -> None:
        """Await no fill any more; a person has looked at the broker.

        Parameters
        ----------
        has_ended : bool
            Whether the venue knows the order no more, and it counts as expired.
        """
        if has_ended:
            self.apply_event(OrderEvent.SAYS_EXPIRED)
            self.reason = "the venue knows it no more, and a person takes it as ended"
        counted_e9 = max(self.venue_cum_e9, self.quantity_e9 if self.life is OrderState.FILLED else 0)
        self.taken_back_e9 = max(counted_e9 - self.cum_e9, 0)

    @property
    def average_price_e9(self) -> int:
        """Mean price of what is booked, half away from zero."""
        return (2 * self.product_e18 + self.cum_e9) // (2 * self.cum_e9) if self.cum_e9 > 0 else 0

    def view(self) -> OrderView:
        """The order as others see it.

        Returns
        -------
        view : OrderView
            Frozen.
        """
        return OrderView(
            order=self.order,
            state=self.state,
            cum_quantity_e9=self.cum_e9,
            leaves_quantity_e9=self.leaves_e9,
            average_price_e9=self.average_price_e9,
            venue_order_id=self.venue_order_id,
            run_id=self.run_id,
            reason=self.reason,
            is_cancel_pending=self.is_cancel_pending,
            is_replace_pending=bool(self.wanted_by),
            fees_e9=dict(self.fees_e9 or {}),
            awaited_quantity_e9=self.awaited_e9,
            may_retry=self.may_retry,
            replaces=self.replaces,
            replaced_by=self.replaced_by,
        )


def told_reason(payload: Mapping[str, Any]) -> str:
    """Code and text of a report or an answer as one line.

    Parameters
    ----------
    payload : mapping
        Holds ``code`` and ``text``, or neither.

    Returns
    -------
    reason : str
        At most 500 characters.
    """
    return " ".join(part for part in (payload.get("code", ""), payload.get("text", "")) if part)[:500]
