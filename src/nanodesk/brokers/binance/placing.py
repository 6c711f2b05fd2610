"""Orders, cancels and replacements at Binance: one request each, and an honest word on what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from nanodesk.brokers.base import BrokerEvent, Outcome, OutcomeKind, Reached
from nanodesk.brokers.binance.messages import acknowledged, fills_of_order, order_report
from nanodesk.brokers.binance.orders import order_parameters
from nanodesk.brokers.binance.pairs import Pairs
from nanodesk.brokers.binance.refusal import (
    MAY_PASS_LATER,
    REPLACED_BY_HALF,
    BinanceRefusal,
    is_undecided,
    outcome_of,
)
from nanodesk.brokers.binance.rest import BinanceRest
from nanodesk.brokers.binance.session import BinanceSession
from nanodesk.brokers.fields import Fields
from nanodesk.brokers.known_orders import KnownOrders
from nanodesk.errors import BrokerError, OrderRejectedError, ValidationError
from nanodesk.market.order import Order

_ONE_ORDER: Final = {"REQUEST_WEIGHT": 1, "ORDERS": 1}
_ONE_CANCEL: Final = {"REQUEST_WEIGHT": 1}


class BinancePlacing:
    """What changes orders.

    Parameters
    ----------
    rest : BinanceRest
        For one order at a time.
    session : BinanceSession
        For many at once.
    pairs : Pairs
        Names of instruments.
    known : KnownOrders
        Where each order went.
    reached : callable
        Told the steps of sending.
    deadline_s : float
        Seconds for the answers to many orders.
    publish : callable
        Told what an answer says about another order than the one it is about.
    """

    def __init__(
        self,
        rest: BinanceRest,
        session: BinanceSession,
        *,
        pairs: Pairs,
        known: KnownOrders,
        reached: Reached,
        deadline_s: float,
        publish: Callable[[Sequence[BrokerEvent]], None],
    ) -> None:
        self._rest = rest
        self._session = session
        self._pairs = pairs
        self._known = known
        self._reached = reached
        self._deadline_s = deadline_s
        self._publish = publish

    async def submit(self, order: Order) -> Outcome:
        """Send one order.

        Parameters
        ----------
        order : Order
            What to send.

        Returns
        -------
        outcome : Outcome
            Accepted, refused or unknown.
        """
        try:
            pair = self._pairs.pair(order.symbol)
            parameters = order_parameters(order, pair)
            self._known.sent(order.client_order_id, pair)
            answer = await self._rest.request(
                "POST", "order", dict(parameters), counts=_ONE_ORDER, reached=self._reached
            )
            return self._accepted(answer, order)
        except (OrderRejectedError, ValidationError) as error:
            return _refused_here(error)
        except BrokerError as error:
            return outcome_of(error)

    async def submit_many(self, orders: Sequence[Order]) -> tuple[Outcome, ...]:
        """Send several over the WebSocket API, in order, without waiting between them.

        Parameters
        ----------
        orders : sequence of Order
            What to send.

        Returns
        -------
        outcomes : tuple of Outcome
            One for each. ``send.half`` is reached when half of the orders are written.
        """
        answers: list[asyncio.Future[Fields] | Outcome] = []
        try:
            await self._rest.require_clock()
        except BrokerError as error:
            return tuple(_nothing_sent(error) for _ in orders)
        until_s = self._rest.patient_until()
        self._reached("send.connected")
        for index, order in enumerate(orders):
            if index and index == len(orders) // 2:
                self._reached("send.half")
            answers.append(await self._send(order, until_s))
        self._reached("send.written")
        promised = [answer for answer in answers if not isinstance(answer, Outcome)]
        if promised:
            await asyncio.wait(promised, timeout=self._deadline_s)
            self._observe(promised)
        self._reached("reply.read")
        return tuple(
            answer if isinstance(answer, Outcome) else self._read(answer, order)
            for answer, order in zip(answers, orders, strict=True)
        )

    def _observe(self, promised: Sequence[asyncio.Future[Fields]]) -> None:
        # Each answer carries the venue's counts; those of the last one hold.
        told = [answer for answer in promised if answer.done() and answer.exception() is None]
        if told:
            with suppress(BrokerError):  # an order is no less placed because a count beside it cannot be read
                self._session.observe(told[-1].result())

    async def _send(self, order: Order, until_s: float) -> asyncio.Future[Fields] | Outcome:
        try:
            pair = self._pairs.pair(order.symbol)
            parameters = order_parameters(order, pair)
            self._known.sent(order.client_order_id, pair)
            await self._rest.wait_for_room(_ONE_ORDER, until_s=until_s)
            answer = await self._session.send("order.place", self._rest.signed_message(dict(parameters)))
            answer.add_done_callback(lambda _: self._rest.governor.answered(_ONE_ORDER))
            return answer
        except (OrderRejectedError, ValidationError) as error:
            return _refused_here(error)
        except BrokerError as error:
            return outcome_of(error)

    def _read(self, answer: asyncio.Future[Fields], order: Order) -> Outcome:
        if not answer.done():
            return Outcome(OutcomeKind.UNKNOWN, code="NO_ANSWER", text=f"No answer within {self._deadline_s:g} s.")
        try:
            return self._accepted(self._session.result_of(answer.result()), order)
        except BinanceRefusal as refusal:
            self._rest.note_refusal(refusal)
            return outcome_of(refusal)
        except BrokerError as error:
            return outcome_of(error)

    def _accepted(self, answer: object, order: Order) -> Outcome:
        row = Fields(answer, "answer to the order")
        report = acknowledged(row, order, self._pairs)
        self._known.told_report(report, self._pairs.pair(order.symbol))
        return Outcome(OutcomeKind.ACCEPTED, report=report, executions=fills_of_order(row, report, self._pairs))

    async def cancel(self, client_order_id: str, pair: str) -> Outcome:
        """Cancel one order.

        Parameters
        ----------
        client_order_id : str
            Our id.
        pair : str
            Name at the venue.

        Returns
        -------
        outcome : Outcome
            Refused when the venue says that there is nothing to cancel.
        """
        try:
            answer = await self._rest.request(
                "DELETE",
                "order",
                {"symbol": pair, "origClientOrderId": client_order_id},
                counts=_ONE_CANCEL,
                reached=self._when_cancel_is_sent,
            )
            return Outcome(
                OutcomeKind.ACCEPTED, report=order_report(Fields(answer, "answer to the cancel"), self._pairs)
            )
        except BrokerError as error:
            return outcome_of(error)

    def _when_cancel_is_sent(self, step: str) -> None:
        if step == "send.written":
            self._reached("cancel.sent")

    async def replace(self, client_order_id: str, replacement: Order, pair: str) -> Outcome:
        """Put another order in the place of a live one.

        Parameters
        ----------
        client_order_id : str
            Our id of the live order.
        replacement : Order
            The new order; its quantity is its own, fills of the old one are not counted in it.
        pair : str
            Name at the venue.

        Returns
        -------
        outcome : Outcome
            Its report is the new order's. Both happen or neither, except when the venue cancelled the old order
            and refused the new one (code -2021): then the end of the old one arrives as an event.
        """
        try:
            parameters = order_parameters(replacement, pair)
            self._known.sent(replacement.client_order_id, pair)
            answer = await self._rest.request(
                "POST",
                "order/cancelReplace",
                {**parameters, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": client_order_id},
                counts=_ONE_ORDER,
                reached=self._reached,
            )
            return self._accepted(Fields(answer, "answer to the replace").value("newOrderResponse"), replacement)
        except BinanceRefusal as refusal:
            return self._half_replaced(refusal)
        except (OrderRejectedError, ValidationError) as error:
            return _refused_here(error)
        except BrokerError as error:
            return outcome_of(error)

    def _half_replaced(self, refusal: BinanceRefusal) -> Outcome:
        data: Mapping[str, Any] = refusal.data if isinstance(refusal.data, dict) else {}
        reasons = [data.get("newOrderResponse"), data.get("cancelResponse")]
        told = next((r for r in reasons if isinstance(r, dict) and isinstance(r.get("code"), int)), {})
        text = f"{refusal.text} {told.get('msg', '')}".strip()[:200]
        if refusal.code == REPLACED_BY_HALF and data.get("cancelResult") == "SUCCESS":
            try:
                self._publish([order_report(Fields(data.get("cancelResponse"), "cancelled order"), self._pairs)])
            except BrokerError:
                return Outcome(OutcomeKind.UNKNOWN, code=str(refusal.code), text=text)
        if refusal.code == REPLACED_BY_HALF and data.get("newOrderResult") == "SUCCESS":
            return Outcome(OutcomeKind.UNKNOWN, code=str(refusal.code), text=text)
        code = told.get("code", refusal.code)
        if told is data.get("newOrderResponse") and is_undecided(code, str(told.get("msg", ""))):
            return Outcome(OutcomeKind.UNKNOWN, code=str(code), text=text)
        return Outcome(OutcomeKind.REFUSED, code=str(code), text=text, may_retry=code in MAY_PASS_LATER)


def _refused_here(error: OrderRejectedError | ValidationError) -> Outcome:
    if isinstance(error, BinanceRefusal):
        return outcome_of(error)
    return Outcome(OutcomeKind.REFUSED, code="LOCAL", text=str(error))


def _nothing_sent(error: BrokerError) -> Outcome:
    return Outcome(OutcomeKind.REFUSED, code="NOT_SENT", text=str(error), may_retry=True)
