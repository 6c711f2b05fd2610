"""Orders, cancels and replacements at Alpaca: one request each, and an honest word on what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from urllib.parse import quote

from nanodesk.brokers.alpaca.orders import order_body, replacement_body
from nanodesk.brokers.alpaca.reading import AlpacaReading
from nanodesk.brokers.alpaca.refusal import NO_SUCH_ORDER, AlpacaRefusal, outcome_of
from nanodesk.brokers.alpaca.rest import AlpacaRest
from nanodesk.brokers.base import Outcome, OutcomeKind, Reached
from nanodesk.brokers.fields import Fields
from nanodesk.brokers.known_orders import KnownOrders
from nanodesk.errors import BrokerError, OrderRejectedError
from nanodesk.market.order import Order, OrderReport, OrderState


class AlpacaPlacing:
    """What changes orders.

    Parameters
    ----------
    rest : AlpacaRest
        Sends.
    reading : AlpacaReading
        Looks up.
    known : KnownOrders
        The venue's ids of our orders.
    reached : callable
        Told the steps of sending.
    on_taken : callable
        Told an order that the venue has just taken, before its fills.
    on_found : callable
        Told an order that turned out to be there already, perhaps with fills.
    """

    def __init__(
        self,
        rest: AlpacaRest,
        reading: AlpacaReading,
        *,
        known: KnownOrders,
        reached: Reached,
        on_taken: Callable[[OrderReport], None],
        on_found: Callable[[OrderReport], None],
    ) -> None:
        self._rest = rest
        self._reading = reading
        self._known = known
        self._reached = reached
        self._on_taken = on_taken
        self._on_found = on_found

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
        return await self._submit(order, self._reached, None)

    async def _submit(self, order: Order, reached: Reached, until_s: float | None) -> Outcome:
        try:
            body = order_body(order)
            self._known.sent(order.client_order_id, order.symbol)
            return self._taken(
                await self._rest.request("POST", "orders", body, reached=reached, until_s=until_s), order
            )
        except AlpacaRefusal as refusal:
            return await self._look_up(order) if refusal.is_used_id else outcome_of(refusal)
        except OrderRejectedError as error:
            return _refused_here(error)
        except BrokerError as error:
            return outcome_of(error)

    def _taken(self, answer: object, order: Order) -> Outcome:
        row = Fields(answer, "answer to the order")
        if row.text("client_order_id") != order.client_order_id or row.text("symbol") != order.symbol:
            raise BrokerError("The answer is about another order.", field="client_order_id")
        report = self._reading.remember(row)
        if report.state is OrderState.REJECTED:
            return Outcome(OutcomeKind.REFUSED, report=report, code="rejected", text="The venue rejected the order.")
        self._on_taken(report)
        return Outcome(OutcomeKind.ACCEPTED, report=report)

    async def _look_up(self, order: Order, *, replaces: str = "") -> Outcome:
        # At this venue an id belongs to one order for good, so the order that has it tells what came of ours.
        try:
            report = await self._reading.status(order.client_order_id)
        except BrokerError as error:
            return Outcome(OutcomeKind.UNKNOWN, code="USED_ID", text=str(error))
        if report is None:
            return Outcome(OutcomeKind.UNKNOWN, code="USED_ID", text="The id was used, but no order has it.")
        if not _is_same(report, order) or (replaces and report.replaces != replaces):
            text = f"client_order_id={order.client_order_id} belongs to another order."
            return Outcome(OutcomeKind.REFUSED, code="USED_ID", text=text)
        self._on_found(report)
        return Outcome(OutcomeKind.ACCEPTED, report=report)

    async def submit_many(self, orders: Sequence[Order]) -> tuple[Outcome, ...]:
        """Send several in order, without waiting for one answer before the next.

        Parameters
        ----------
        orders : sequence of Order
            What to send.

        Returns
        -------
        outcomes : tuple of Outcome
            One for each. Each order is written before the next one begins; ``send.half`` is reached when half of
            them are.
        """
        until_s = self._rest.patient_until()
        self._reached("send.connected")
        sent: list[asyncio.Task[Outcome]] = []
        for index, order in enumerate(orders):
            if index and index == len(orders) // 2:
                self._reached("send.half")
            written = asyncio.Event()
            task = asyncio.get_running_loop().create_task(self._submit(order, _setting(written), until_s))
            task.add_done_callback(lambda _, event=written: event.set())  # type: ignore[misc]
            sent.append(task)
            await written.wait()
        self._reached("send.written")
        outcomes = await asyncio.gather(*sent)
        self._reached("reply.read")
        return tuple(outcomes)

    async def cancel(self, client_order_id: str) -> Outcome:
        """Ask to cancel one order.

        Parameters
        ----------
        client_order_id : str
            Our id.

        Returns
        -------
        outcome : Outcome
            Accepted without a report: its end arrives as an event.
        """
        try:
            order_id = await self._venue_id(client_order_id)
            if order_id is None:
                return _no_such_order(client_order_id)
            await self._rest.request("DELETE", f"orders/{quote(order_id)}", None, reached=self._when_cancel_is_sent)
            return Outcome(OutcomeKind.ACCEPTED)
        except BrokerError as error:
            return outcome_of(error)

    def _when_cancel_is_sent(self, step: str) -> None:
        if step == "send.written":
            self._reached("cancel.sent")

    async def _venue_id(self, client_order_id: str) -> str | None:
        known = self._known.known(client_order_id)
        if known is not None and known.venue_order_id:
            return known.venue_order_id
        report = await self._reading.status(client_order_id)
        return None if report is None else report.venue_order_id

    async def replace(self, client_order_id: str, replacement: Order) -> Outcome:
        """Ask to put another order in the place of a live one.

        Parameters
        ----------
        client_order_id : str
            Our id of the live order.
        replacement : Order
            The new order: same symbol, side and type, a quantity of its own.

        Returns
        -------
        outcome : Outcome
            Its report is the new order's.
        """
        try:
            old = await self._reading.status(client_order_id)
        except BrokerError as error:
            return Outcome(OutcomeKind.REFUSED, code="NOT_SENT", text=str(error), may_retry=True)
        if old is None:
            return _no_such_order(client_order_id)
        if (old.symbol, old.side, old.order_type) != (replacement.symbol, replacement.side, replacement.order_type):
            text = "A replacement at Alpaca keeps symbol, side and type."
            return Outcome(OutcomeKind.REFUSED, code="LOCAL", text=text)
        try:
            body = replacement_body(replacement)
            self._known.sent(replacement.client_order_id, replacement.symbol)
            path = f"orders/{quote(old.venue_order_id)}"
            return self._taken(await self._rest.request("PATCH", path, body, reached=self._reached), replacement)
        except AlpacaRefusal as refusal:
            if not refusal.is_used_id:
                return outcome_of(refusal)
            return await self._look_up(replacement, replaces=client_order_id)
        except OrderRejectedError as error:
            return _refused_here(error)
        except BrokerError as error:
            return outcome_of(error)


def _setting(written: asyncio.Event) -> Reached:
    def reached(step: str) -> None:
        if step == "send.written":
            written.set()

    return reached


def _is_same(report: OrderReport, order: Order) -> bool:
    theirs = (report.symbol, report.side, report.quantity_e9, report.order_type)
    prices = (report.limit_price_e9, report.stop_price_e9) == (order.limit_price_e9, order.stop_price_e9)
    return theirs == (order.symbol, order.side, order.quantity_e9, order.order_type) and prices


def _no_such_order(client_order_id: str) -> Outcome:
    return Outcome(OutcomeKind.REFUSED, code=str(NO_SUCH_ORDER), text=f"Alpaca knows no order {client_order_id}.")


def _refused_here(error: OrderRejectedError) -> Outcome:
    return Outcome(OutcomeKind.REFUSED, code="LOCAL", text=str(error))
