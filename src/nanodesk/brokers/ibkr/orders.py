"""What became of each order, from what the gateway says and nothing else.

Errors do not move an order: a code on a live order is kept as its reason and the order stays where it is, until a
status says otherwise. Only an order of which nothing was heard yet is refused by a code, and only by those codes
that are known to refuse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from nanodesk.brokers.base import RequestRejected
from nanodesk.brokers.ibkr.codec import ORDER_TYPES
from nanodesk.brokers.ibkr.messages import OrderMessage, OrderStatusMessage, TwsContract, TwsError
from nanodesk.market.order import Order, OrderReport, OrderState, OrderType

REFUSAL_CODES: Final = frozenset(
    {103, 104, 106, 107, 109, 110, 111, 113, 116, 117, 118, 119, 121, 122, 123, 124, 125, 126, 132}
    | {137, 139, 140, 141, 144, 145, 147, 148, 152, 156, 160, 200, 201, 203, 321, 325, 328, 329, 336, 342}
    | {346, 347, 350, 355, 356, 357, 358, 360, 361, 362, 363, 364, 382, 383, 387, 388, 389, 391, 392, 412}
    | {422, 423, 424, 427, 428, 432, 434, 435, 436, 439, 440, 441, 442, 443, 460, 461, 463, 464, 10000}
    | {10003, 10004, 10005, 10006, 10007, 10015, 10016, 10020, 10021, 10043, 10052, 10318, 10329}
    | {10243, 10244, 10245, 10246, 10247, 10248, 10249, 10250, 10251, 10252, 10254, 10268, 10269, 10270, 10289}
)
"""Codes after which an order that was never acknowledged does not exist (vendor's table of message codes). Codes that
only warn are not among them: 131 (a flag is ignored), 399, 404, 481 (the size was reduced), 10311, 10349."""

RETRY_CODES: Final = frozenset({103})
"""Refusals that say nothing against the order itself."""

CANCEL_REFUSED_CODES: Final = frozenset({135, 136, 161, 10147, 10148})
CANCELLED_CODE: Final = 202
"""A confirmation in the clothes of an error."""

_STATES: Final = {
    "PendingSubmit": OrderState.PENDING_NEW,
    "ApiPending": OrderState.PENDING_NEW,
    "PreSubmitted": OrderState.NEW,
    "Submitted": OrderState.NEW,
    "PendingCancel": OrderState.PENDING_CANCEL,
    "ApiCancelled": OrderState.CANCELLED,
    "Cancelled": OrderState.CANCELLED,
    "Filled": OrderState.FILLED,
    "Inactive": OrderState.SUSPENDED,
}
_ORDER_TYPES: Final = {word: kind for kind, word in ORDER_TYPES.items()}
_NOT_HEARD: Final = (OrderState.PENDING_NEW, OrderState.UNKNOWN)


@dataclass(slots=True)
class TrackedOrder:
    """One order, as last heard of.

    Parameters
    ----------
    report : OrderReport
        What would be told now.
    order_id, client_id, perm_id : int
        Identities at the gateway.
    account : str
        Whose.
    is_heard : bool
        Whether the gateway has shown that it holds the order.
    is_cancel_asked : bool
        Whether a cancel is under way.
    refusal : str
        Code of an error that refuses orders, heard of this one.
    """

    report: OrderReport
    order_id: int
    client_id: int
    perm_id: int = 0
    account: str = ""
    is_heard: bool = False
    is_cancel_asked: bool = False
    refusal: str = ""


OrderEvent = OrderReport | RequestRejected


class OrderTable:
    """Orders by permId, by (client id, order id) and by our own id.

    Parameters
    ----------
    desk_name : callable
        Gives the symbol at the desk for a contract.
    """

    def __init__(self, desk_name: Callable[[TwsContract], str]) -> None:
        self._desk_name = desk_name
        self._by_perm: dict[int, TrackedOrder] = {}
        self._by_id: dict[tuple[int, int], TrackedOrder] = {}
        self._by_ref: dict[str, TrackedOrder] = {}
        self._early: dict[int, OrderStatusMessage] = {}

    def expect(self, client_id: int, order_id: int, order: Order) -> TrackedOrder:
        """Enter an order before its first byte leaves.

        Parameters
        ----------
        client_id, order_id : int
            Under which it will be known.
        order : Order
            What is sent.

        Returns
        -------
        tracked : TrackedOrder
            Pending, nothing heard.
        """
        report = OrderReport(
            client_order_id=order.client_order_id,
            venue_order_id="",
            symbol=order.symbol,
            side=order.side,
            state=OrderState.PENDING_NEW,
            quantity_e9=order.quantity_e9,
            filled_quantity_e9=0,
            order_type=order.order_type,
            limit_price_e9=order.limit_price_e9,
            stop_price_e9=order.stop_price_e9,
        )
        tracked = TrackedOrder(report, order_id, client_id)
        self._by_id[client_id, order_id] = self._by_ref[order.client_order_id] = tracked
        return tracked

    def forget(self, tracked: TrackedOrder) -> None:
        """Drop an order of which no whole frame has left.

        Parameters
        ----------
        tracked : TrackedOrder
            As given by :meth:`expect`.
        """
        self._by_id.pop((tracked.client_id, tracked.order_id), None)
        if self._by_ref.get(tracked.report.client_order_id) is tracked:
            del self._by_ref[tracked.report.client_order_id]

    def find(self, client_order_id: str) -> TrackedOrder | None:
        """An order by our id.

        Parameters
        ----------
        client_order_id : str
            Our id.

        Returns
        -------
        tracked : TrackedOrder or None
            ``None`` if nothing is known of it here.
        """
        return self._by_ref.get(client_order_id)

    def find_perm(self, perm_id: int) -> TrackedOrder | None:
        """An order by its number at the venue.

        Parameters
        ----------
        perm_id : int
            Unique across clients and sessions.

        Returns
        -------
        tracked : TrackedOrder or None
            ``None`` if nothing is known of it here.
        """
        return self._by_perm.get(perm_id)

    def on_order(self, message: OrderMessage) -> list[OrderEvent]:
        """Take an open or a completed order.

        Parameters
        ----------
        message : OrderMessage
            As sent, perhaps again.

        Returns
        -------
        events : list
            The report, if anything in it is new.
        """
        tracked = self._match(message) or self._adopt(message)
        self._learn(tracked, message.perm_id)
        tracked.account = message.account
        is_ours_as_sent = tracked.report.order_type is OrderType.MARKET
        report = replace(
            tracked.report,
            quantity_e9=message.quantity_e9 or tracked.report.quantity_e9,
            # A market order that we bounded is a limit order at the gateway and stays a market order here.
            limit_price_e9=tracked.report.limit_price_e9 if is_ours_as_sent else message.limit_e9,
            text=message.text or tracked.report.text,
        )
        # How much is filled stands in the status message alone, so that word waits for it.
        status = "" if message.status == "Filled" and not message.is_completed else message.status
        events = self._set(tracked, report, status, message.filled_e9, report.average_price_e9)
        early = self._early.pop(message.perm_id, None)
        return events + (self.on_status(early) if early is not None else [])

    def on_status(self, message: OrderStatusMessage) -> list[OrderEvent]:
        """Take a status; one that comes before its order is kept until the order is known.

        Parameters
        ----------
        message : OrderStatusMessage
            As sent, perhaps again, perhaps out of order.

        Returns
        -------
        events : list
            The report, if anything in it is new.
        """
        tracked = self._by_perm.get(message.perm_id) if message.perm_id else None
        tracked = tracked or (self._by_id.get((message.client_id, message.order_id)) if message.order_id > 0 else None)
        if tracked is None:
            self._early[message.perm_id] = message
            return []
        self._learn(tracked, message.perm_id)
        report = replace(tracked.report, text=message.why_held or tracked.report.text)
        return self._set(tracked, report, message.status, message.filled_e9, message.average_price_e9)

    def on_error(self, client_id: int, error: TwsError) -> list[OrderEvent] | None:
        """Take an error whose id may be that of an order.

        Parameters
        ----------
        client_id : int
            Of this session, in whose numbers the id stands.
        error : TwsError
            As sent.

        Returns
        -------
        events : list or None
            ``None`` if it is about no order known here.
        """
        tracked = self._by_id.get((client_id, error.request_id))
        if tracked is None:
            return None
        report = replace(tracked.report, code=str(error.code), text=error.text)
        if error.code == CANCELLED_CODE:
            return self._set(tracked, report, "Cancelled", 0, 0)
        if error.code in CANCEL_REFUSED_CODES and tracked.is_cancel_asked:
            tracked.is_cancel_asked = False
            return [RequestRejected(report.client_order_id, False, str(error.code), error.text)]
        if error.code in REFUSAL_CODES:
            tracked.refusal = str(error.code)
            # Inactive and a refusal mean a rejection together, whichever of the two comes first.
            if report.state is OrderState.SUSPENDED or (not tracked.is_heard and report.state in _NOT_HEARD):
                return self._tell(tracked, replace(report, state=OrderState.REJECTED))
        if not tracked.is_heard and report.state in _NOT_HEARD:
            # The words are kept for the outcome, but an error (100: too many messages) is no sign that it arrived.
            tracked.report = report
            return []
        return self._tell(tracked, report)

    def on_correction(self, client_order_id: str, taken_back_e9: int) -> list[OrderEvent]:
        """A bust or a correction took quantity back, the one event after which a filled quantity may fall.

        Parameters
        ----------
        client_order_id : str
            Our id.
        taken_back_e9 : int
            Quantity that was not filled after all.

        Returns
        -------
        events : list
            The report, if the order is known.
        """
        tracked = self._by_ref.get(client_order_id)
        if tracked is None or taken_back_e9 == 0:
            return []
        filled = max(tracked.report.filled_quantity_e9 - taken_back_e9, 0)
        return self._tell(tracked, replace(tracked.report, filled_quantity_e9=filled))

    def _match(self, message: OrderMessage) -> TrackedOrder | None:
        tracked = self._by_perm.get(message.perm_id) if message.perm_id else None
        if tracked is None and message.order_id > 0:
            tracked = self._by_id.get((message.client_id, message.order_id))
        if tracked is None and message.is_completed and message.order_ref:
            tracked = self._by_ref.get(message.order_ref)
        return tracked

    def _adopt(self, message: OrderMessage) -> TrackedOrder:
        # An order of an earlier session, of another client or of a human.
        report = OrderReport(
            client_order_id=message.order_ref,
            venue_order_id=str(message.perm_id),
            symbol=self._desk_name(message.contract),
            side=message.side,
            state=OrderState.PENDING_NEW,
            quantity_e9=message.quantity_e9,
            filled_quantity_e9=0,
            order_type=_ORDER_TYPES.get(message.order_type, OrderType.LIMIT),
            limit_price_e9=message.limit_e9,
            stop_price_e9=message.aux_e9,
        )
        tracked = TrackedOrder(report, message.order_id, message.client_id, account=message.account)
        if message.order_id > 0:
            self._by_id[message.client_id, message.order_id] = tracked
        if message.order_ref:
            self._by_ref[message.order_ref] = tracked
        return tracked

    def _learn(self, tracked: TrackedOrder, perm_id: int) -> None:
        if perm_id and not tracked.perm_id:
            tracked.perm_id = perm_id
            self._by_perm[perm_id] = tracked
        if perm_id:
            tracked.report = replace(tracked.report, venue_order_id=str(tracked.perm_id))

    def _set(
        self, tracked: TrackedOrder, report: OrderReport, status: str, filled_e9: int, average_e9: int
    ) -> list[OrderEvent]:
        filled = max(report.filled_quantity_e9, filled_e9)
        state = next_state(report.state, status, filled, report.quantity_e9, is_refused=bool(tracked.refusal))
        tracked.is_heard = tracked.is_heard or state not in _NOT_HEARD
        tracked.is_cancel_asked = tracked.is_cancel_asked and not state.is_terminal
        average = average_e9 if average_e9 and filled_e9 >= report.filled_quantity_e9 else report.average_price_e9
        return self._tell(
            tracked,
            replace(
                report,
                venue_order_id=tracked.report.venue_order_id,
                state=state,
                filled_quantity_e9=filled,
                average_price_e9=average,
            ),
        )

    def _tell(self, tracked: TrackedOrder, report: OrderReport) -> list[OrderEvent]:
        before, tracked.report = tracked.report, report
        if report == before:
            return []
        if before.state is report.state is OrderState.PENDING_NEW and not report.code:
            return []
        if before.state.is_terminal and report == replace(before, code=report.code, text=report.text):
            return []  # the confirmation of an end that was told already
        return [report]


def next_state(
    current: OrderState, status: str, filled_e9: int, quantity_e9: int, *, is_refused: bool = False
) -> OrderState:
    """Where an order stands after one more status.

    Parameters
    ----------
    current : OrderState
        Where it stood.
    status : str
        The gateway's word; one that is not known changes nothing.
    filled_e9, quantity_e9 : int
        Filled so far, and ordered.
    is_refused : bool, default False
        Whether an error that refuses orders was heard of it, which tells a rejected order from a held one when
        its status becomes Inactive.

    Returns
    -------
    state : OrderState
        Statuses repeat and overtake each other, so nothing goes back: a finished order stays finished (a late
        fill makes it filled), a fill outranks the statuses before it.

    Examples
    --------
    >>> next_state(OrderState.FILLED, "Submitted", 10, 10), next_state(OrderState.NEW, "Submitted", 4, 10)
    (<OrderState.FILLED: 'filled'>, <OrderState.PARTIALLY_FILLED: 'partially_filled'>)
    """
    heard = _STATES.get(status, current)
    if quantity_e9 > 0 and filled_e9 >= quantity_e9:
        return OrderState.FILLED
    if current.is_terminal:
        return current
    if heard is OrderState.SUSPENDED and is_refused:
        return OrderState.REJECTED
    if heard is OrderState.PENDING_NEW and current is not OrderState.UNKNOWN:
        return current
    if heard is OrderState.NEW and filled_e9 > 0:
        return OrderState.PARTIALLY_FILLED
    return heard
