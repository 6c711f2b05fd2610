"""Sending, cancelling and replacing orders at a gateway: each written once, each outcome as far as it is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace as with_changes
from typing import Final

from nanodesk.brokers.base import Outcome, OutcomeKind, Reached
from nanodesk.brokers.ibkr.contracts import ContractBook
from nanodesk.brokers.ibkr.link import Sending
from nanodesk.brokers.ibkr.orders import RETRY_CODES, TrackedOrder
from nanodesk.brokers.ibkr.session import TwsSession
from nanodesk.errors import BrokerError, NotConnectedError
from nanodesk.market.enums import TimeInForce
from nanodesk.market.order import Order, OrderReport, OrderState, OrderType

NOT_ANSWERED: Final = (OrderState.PENDING_NEW, OrderState.UNKNOWN)
"""States in which the gateway has not shown that it holds an order."""


class Placing:
    """What changes orders; the promises are those of the broker port.

    Parameters
    ----------
    session : TwsSession
        Connection and tables.
    contracts : ContractBook
        Names.
    account : callable
        Gives the account's name.
    bounded : callable
        Gives the order that is sent for a market order.
    status : callable
        Asks the venue for one order.
    reached : callable
        Steps of sending.
    """

    def __init__(
        self,
        session: TwsSession,
        contracts: ContractBook,
        *,
        account: Callable[[], str],
        bounded: Callable[[Order], Order],
        status: Callable[[str], OrderReport | None],
        reached: Reached,
    ) -> None:
        self._session = session
        self._contracts = contracts
        self._account = account
        self._bounded = bounded
        self._status = status
        self._reached = reached
        self._request_s = session.times.request_s

    def submit_many(self, orders: Sequence[Order]) -> tuple[Outcome, ...]:
        """Send several orders in turn and gather their outcomes.

        Parameters
        ----------
        orders : sequence of Order
            What to send.

        Returns
        -------
        outcomes : tuple of Outcome
            One for each.
        """
        self._require_connection()
        sent: list[TrackedOrder | Outcome] = []
        for order in orders:
            is_cut = bool(sent) and isinstance(sent[-1], Outcome) and sent[-1].code == "not_sent"
            sent.append(_not_sent("An order before it was not sent.") if is_cut else self._send(order))
        deadline_s = time.monotonic() + self._request_s
        return tuple(one if isinstance(one, Outcome) else self._outcome(one, deadline_s) for one in sent)

    def _require_connection(self) -> None:
        if not self._session.is_connected:
            raise NotConnectedError(
                "Not connected to TWS or IB Gateway, or it has lost its link to the venue; nothing was sent.",
                fix="Call connect(), or wait for the stream to be restored.",
            )

    def _send(self, order: Order) -> TrackedOrder | Outcome:
        if refused := self._refuse(order):
            return refused
        try:
            wire = self._bounded(order) if order.order_type is OrderType.MARKET else order
        except BrokerError as error:
            return Outcome(OutcomeKind.REFUSED, code="no_bound", text=str(error), may_retry=True)
        session = self._session
        with session.changed:
            order_id = session.order_ids.take()
            tracked = session.orders.expect(session.client_id, order_id, order)
        contract = self._contracts.contract(order.symbol)
        deadline_s = time.monotonic() + self._request_s
        sending = session.send_order(
            lambda link: link.codec.place_order(order_id, contract, wire, self._account()), deadline_s=deadline_s
        )
        if sending is Sending.NOT_SENT:
            with session.changed:
                session.orders.forget(tracked)
            return _not_sent()
        return tracked

    def _refuse(self, order: Order) -> Outcome | None:
        # What this venue has no words for is refused before anything is sent.
        if order.post_only:
            return Outcome(OutcomeKind.REFUSED, code="unsupported", text="post_only is not known at this venue.")
        if order.time_in_force is TimeInForce.GTD:
            return Outcome(OutcomeKind.REFUSED, code="unsupported", text="time_in_force=gtd has no date here.")
        with self._session.changed:
            known = self._session.orders.find(order.client_order_id)
        if known is not None:
            text = f"client_order_id={order.client_order_id!r} has been used ({known.report.state.value})."
            return Outcome(OutcomeKind.REFUSED, known.report, code="duplicate", text=text)
        return None

    def _outcome(self, tracked: TrackedOrder, deadline_s: float) -> Outcome:
        session = self._session
        with session.changed:
            session.changed.wait_for(
                lambda: _is_answered(tracked.report) or not session.is_connected,
                max(deadline_s - time.monotonic(), 0.0),
            )
            report = tracked.report
        if report.state in NOT_ANSWERED:
            text = "No answer in time." if session.is_connected else "The connection ended before an answer."
            return Outcome(OutcomeKind.UNKNOWN, code="no_answer", text=text)
        self._reached("reply.read")
        if report.state is OrderState.REJECTED:
            may_retry = report.code in {str(code) for code in RETRY_CODES}
            return Outcome(OutcomeKind.REFUSED, report, code=report.code, text=report.text, may_retry=may_retry)
        return Outcome(OutcomeKind.ACCEPTED, report)

    def cancel(self, client_order_id: str) -> Outcome:
        """Ask to cancel.

        Parameters
        ----------
        client_order_id : str
            The order's id.

        Returns
        -------
        outcome : Outcome
            Of the request.
        """
        self._require_connection()
        tracked = self._find(client_order_id)
        if isinstance(tracked, Outcome):
            return tracked
        session = self._session
        deadline_s = time.monotonic() + self._request_s
        with session.changed:
            tracked.is_cancel_asked = True
            before = tracked.report
        sending = session.send_cancel(tracked.order_id, deadline_s=deadline_s)
        if sending is not Sending.SENT:
            tracked.is_cancel_asked = False
            return _not_sent() if sending is Sending.NOT_SENT else Outcome(OutcomeKind.UNKNOWN, code="no_answer")
        self._reached("cancel.sent")
        return self._cancel_outcome(tracked, before, deadline_s)

    def _find(self, client_order_id: str) -> TrackedOrder | Outcome:
        session = self._session
        with session.changed:
            tracked = session.orders.find(client_order_id)
        if tracked is None:
            try:
                self._status(client_order_id)
            except BrokerError as error:
                return Outcome(OutcomeKind.UNKNOWN, code="not_sent", text=str(error))
            with session.changed:
                tracked = session.orders.find(client_order_id)
        if tracked is None:
            return Outcome(OutcomeKind.REFUSED, code="135", text="The venue knows no such order.")
        if tracked.report.state.is_terminal:
            text = f"The order is {tracked.report.state.value}."
            return Outcome(OutcomeKind.REFUSED, tracked.report, code="161", text=text)
        if tracked.client_id != session.client_id or tracked.order_id <= 0:
            text = f"The order belongs to client id {tracked.client_id}; this is {session.client_id}."
            return Outcome(OutcomeKind.REFUSED, tracked.report, code="10147", text=text)
        return tracked

    def _cancel_outcome(self, tracked: TrackedOrder, before: OrderReport, deadline_s: float) -> Outcome:
        session = self._session

        def is_settled() -> bool:
            state = tracked.report.state
            return (
                state.is_terminal
                or (state is OrderState.PENDING_CANCEL and before.state is not state)
                or not tracked.is_cancel_asked
                or not session.is_connected
            )

        with session.changed:
            session.changed.wait_for(is_settled, max(deadline_s - time.monotonic(), 0.0))
            report = tracked.report
        if report.state in (OrderState.CANCELLED, OrderState.PENDING_CANCEL):
            return Outcome(OutcomeKind.ACCEPTED, report)
        if report.state.is_terminal:
            return Outcome(OutcomeKind.REFUSED, report, code=report.code or "161", text=f"It is {report.state.value}.")
        if not tracked.is_cancel_asked:
            return Outcome(OutcomeKind.REFUSED, report, code=report.code or "10148", text="The cancel was refused.")
        return Outcome(OutcomeKind.UNKNOWN, report, code="no_answer", text="No answer to the cancel in time.")

    def replace(self, client_order_id: str, replacement: Order) -> Outcome:
        """Cancel an order, wait until it is dead, then send another.

        Parameters
        ----------
        client_order_id : str
            The order's id.
        replacement : Order
            The new order.

        Returns
        -------
        outcome : Outcome
            Of the new order, or why there is none.
        """
        self._require_connection()
        if refused := self._refuse(replacement):
            return refused
        cancelled = self.cancel(client_order_id)
        tracked = self._session.orders.find(client_order_id)
        if cancelled.kind is not OutcomeKind.ACCEPTED or tracked is None:
            return cancelled if cancelled.kind is OutcomeKind.REFUSED else with_changes(cancelled, code="not_sent")
        session = self._session
        with session.changed:
            session.changed.wait_for(
                lambda: tracked.report.state.is_terminal or not session.is_connected, self._request_s
            )
            state = tracked.report.state
        if not state.is_terminal:
            return _not_sent("The old order was not reported dead in time; the new one was not sent.")
        if state is not OrderState.CANCELLED:
            return Outcome(OutcomeKind.REFUSED, tracked.report, code="161", text=f"The old order is {state.value}.")
        outcome = self.submit_many((replacement,))[0]
        report = outcome.report
        return (
            outcome if report is None else with_changes(outcome, report=with_changes(report, replaces=client_order_id))
        )


def _is_answered(report: OrderReport) -> bool:
    # Inactive alone does not tell a rejected order from a held one; the code that does is on its way.
    return report.state not in NOT_ANSWERED and (report.state is not OrderState.SUSPENDED or bool(report.code))


def _not_sent(text: str = "Not connected: no whole frame of it has left.") -> Outcome:
    return Outcome(OutcomeKind.UNKNOWN, code="not_sent", text=text)
