"""The account's events at Alpaca made complete: a fill that does not fit sends us to the activities for all of them.

The stream repeats nothing and numbers nothing. What can be checked is each order's own sum: a fill of the stream is
told at once when it is the very next of an order followed from its beginning; any other is asked for.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from nanodesk.brokers.alpaca.fills import FillTracker, named_fills, standing_quantity
from nanodesk.brokers.alpaca.messages import (
    FillRow,
    TradeUpdate,
    fill_id,
    is_of_several_legs,
    trade_update,
)
from nanodesk.brokers.alpaca.reading import AlpacaReading
from nanodesk.brokers.base import Clock, RequestRejected, StreamChange, StreamState
from nanodesk.brokers.event_inbox import EventInbox
from nanodesk.brokers.event_loop import BackgroundTasks
from nanodesk.brokers.fields import Fields
from nanodesk.brokers.known_orders import KnownOrder, KnownOrders
from nanodesk.errors import BrokerError
from nanodesk.market.order import Execution, ExecutionKind, OrderReport

logger = logging.getLogger(__name__)

_BEGINNINGS: Final = frozenset({"new", "pending_new", "accepted"})
_REFUSED: Final = {"order_cancel_rejected": False, "order_replace_rejected": True}
_TRIES: Final = 4
_FIRST_WAIT_S: Final = 0.25
"""Activities may follow the stream with a delay; asked again after this, twice this, four times this."""


class AlpacaStream:
    """Events of the account, from the stream and from questions.

    Parameters
    ----------
    reading : AlpacaReading
        Asks.
    known : KnownOrders
        The orders that are open as far as we know.
    fills : FillTracker
        What was told of fills.
    inbox : EventInbox
        Where events go.
    now_ns : callable
        Our wall clock.
    poll_interval_s : float
        How often open orders are compared with what was told.
    """

    def __init__(
        self,
        reading: AlpacaReading,
        *,
        known: KnownOrders,
        fills: FillTracker,
        inbox: EventInbox,
        now_ns: Clock,
        poll_interval_s: float,
    ) -> None:
        self._reading = reading
        self._known = known
        self._fills = fills
        self._inbox = inbox
        self._now_ns = now_ns
        self._poll_interval_s = poll_interval_s
        self._tasks = BackgroundTasks()
        self._asking = asyncio.Lock()
        self._was_live = False
        self.gaps = 0

    def start(self) -> None:
        """Begin to compare; call on the event loop, before the stream is opened."""
        self._asking = asyncio.Lock()
        self._tasks.start(self._poll())

    def stop(self) -> None:
        """End what runs."""
        self._tasks.cancel()

    def on_state(self, is_live: bool, reason: str) -> None:
        """The stream came up or was lost.

        Parameters
        ----------
        is_live : bool
            Whether events arrive.
        reason : str
            Why not.
        """
        self._fills.missed()
        if not is_live:
            state = StreamState.LOST
        else:
            # Nothing is repeated, so whatever happened in between has to be asked for.
            state = StreamState.RESTORED_DATA_LOST if self._was_live else StreamState.LIVE
            if self._was_live:
                self._tasks.start(self._compare())
            self._was_live = True
        self._inbox.put([StreamChange(state, self._now_ns(), reason)])

    def on_event(self, data: Fields) -> None:
        """One event of the account.

        Parameters
        ----------
        data : Fields
            As received.

        Raises
        ------
        BrokerError
            If it cannot be read.
        """
        if is_of_several_legs(data.child("order")):
            return
        update = trade_update(data)
        if update.event in _REFUSED:
            self._refused(update, data)
            return
        report = self._reading.remember(data.child("order"))
        if update.event in _BEGINNINGS and not report.filled_quantity_e9:
            self._fills.began(report.venue_order_id)
        if update.fill is None:
            self.tell(report)
        elif self._fills.fits(update.fill):
            self._tell_fill(update.fill, report)
        elif self._fills.was_told(update.fill):
            self.tell(report)
        else:
            self._note_gap(report)

    def _refused(self, update: TradeUpdate, data: Fields) -> None:
        text = data.text("reason", "") or f"The order is {update.report.state.value}."
        is_replace = _REFUSED[update.event]
        self._inbox.put([RequestRejected(update.report.client_order_id, is_replace, update.event, text, update.ts_ns)])

    def took(self, report: OrderReport) -> None:
        """The venue has just taken an order; what it filled arrives as events.

        Parameters
        ----------
        report : OrderReport
            From the answer.
        """
        if not report.filled_quantity_e9:
            self._fills.began(report.venue_order_id)

    def tell(self, report: OrderReport) -> None:
        """Tell the state of an order, after its fills.

        Parameters
        ----------
        report : OrderReport
            From the stream or from an answer; one that is older than the fills told is left out.
        """
        behind = self._fills.unseen(report.venue_order_id, report.filled_quantity_e9)
        if behind > 0:
            self._note_gap(report)
        elif behind == 0 or report.state.is_terminal:
            self._inbox.put([report])
            if report.state.is_terminal:
                self._fills.ended(report.venue_order_id)

    def _tell_fill(self, row: FillRow, report: OrderReport) -> None:
        execution = row.execution(fill_id(row.order_id, row.cumulative_e9), report.client_order_id)
        self._fills.caught_up(row.order_id, row.cumulative_e9, is_exact=True)
        self._inbox.put([execution, report] if self._fills.is_news(execution) else [report])
        if report.state.is_terminal:
            self._fills.ended(row.order_id)

    def _note_gap(self, report: OrderReport) -> None:
        self.gaps += 1
        logger.info("fills_asked_for", extra={"client_order_id": report.client_order_id, "symbol": report.symbol})
        self._tasks.start(self._fetch_fills(report))

    async def _fetch_fills(self, report: OrderReport) -> None:
        async with self._asking:  # one after the other, so that states are told in their order
            try:
                told = await self._ask_for_fills(report)
            except BrokerError as error:
                # The owner asks for everything then; the next comparison tries again too.
                self._inbox.put([report, StreamChange(StreamState.RESTORED_DATA_LOST, self._now_ns(), str(error))])
                return
            is_exact = all(one.kind is ExecutionKind.TRADE for one in told)
            self._fills.caught_up(report.venue_order_id, standing_quantity(told), is_exact=is_exact)
            self._inbox.put([report])
            if report.state.is_terminal:
                self._fills.ended(report.venue_order_id)

    async def _ask_for_fills(self, report: OrderReport) -> list[Execution]:
        order_id = report.venue_order_id
        for attempt in range(_TRIES):
            if attempt:
                await asyncio.sleep(_FIRST_WAIT_S * 2 ** (attempt - 1))
            found = named_fills(await self._reading.fills_of(order_id), self._reading.client_id(order_id))
            self._inbox.put([one for one in found if self._fills.is_news(one)])
            if standing_quantity(found) >= report.filled_quantity_e9:
                return found
        raise BrokerError("The activities do not hold all fills of the order yet.", field="cum_qty")

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_interval_s)
            await self._compare()

    async def _compare(self) -> None:
        try:
            await self._compare_open_orders()
        except BrokerError as error:
            logger.info("comparison_failed", extra={"reason": str(error)})

    async def _compare_open_orders(self) -> None:
        expected = self._known.open_orders()
        if not expected:
            return
        at_venue = {report.venue_order_id: report for report in await self._reading.open_orders()}
        for known in expected:
            report = at_venue.get(known.venue_order_id)
            if report is None and known.is_open:
                report = await self._ended(known)
            elif report is not None and self._fills.unseen(known.venue_order_id, report.filled_quantity_e9):
                self._note_gap(report)

    async def _ended(self, known: KnownOrder) -> OrderReport:
        report = await self._reading.order(known.venue_order_id)
        self.tell(report)
        if report.state.is_terminal:
            self._known.ended(known)
        return report
