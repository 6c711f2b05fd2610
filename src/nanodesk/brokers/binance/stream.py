"""The account's events at Binance made complete: gaps are noticed, missing fills fetched, silence checked by asking.

The venue repeats nothing after a lost connection and numbers its reports without telling which belong to us. What
can be checked is each order's own sum: the filled quantity that a report states against the fills that were told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from nanodesk.brokers.base import BrokerEvent, Clock, StreamChange, StreamState
from nanodesk.brokers.binance.messages import StreamReport, stream_report
from nanodesk.brokers.binance.pairs import Pairs
from nanodesk.brokers.binance.reading import BinanceReading
from nanodesk.brokers.event_inbox import EventInbox
from nanodesk.brokers.event_loop import BackgroundTasks
from nanodesk.brokers.fields import Fields
from nanodesk.brokers.known_orders import KnownOrder, KnownOrders
from nanodesk.errors import BrokerError
from nanodesk.market.order import Execution, OrderReport

logger = logging.getLogger(__name__)


class BinanceStream:
    """Events of the account, from the stream and from questions.

    Parameters
    ----------
    reading : BinanceReading
        Asks.
    pairs : Pairs
        Names of instruments.
    known : KnownOrders
        What was told of each order.
    inbox : EventInbox
        Where events go.
    now_ns : callable
        Our wall clock.
    poll_interval_s : float
        How often open orders are compared with what was told.
    """

    def __init__(
        self,
        reading: BinanceReading,
        *,
        pairs: Pairs,
        known: KnownOrders,
        inbox: EventInbox,
        now_ns: Clock,
        poll_interval_s: float,
    ) -> None:
        self._reading = reading
        self._pairs = pairs
        self._known = known
        self._inbox = inbox
        self._now_ns = now_ns
        self._poll_interval_s = poll_interval_s
        self._tasks = BackgroundTasks()
        self._was_live = False
        self.gaps = 0

    def start(self) -> None:
        """Begin to compare; call on the event loop."""
        self._tasks.start(self._poll())

    def stop(self) -> None:
        """End what runs."""
        self._tasks.cancel()

    def on_state(self, is_live: bool, reason: str) -> None:
        """The session came up or was lost.

        Parameters
        ----------
        is_live : bool
            Whether events arrive.
        reason : str
            Why not.
        """
        if not is_live:
            state = StreamState.LOST
        else:
            # Nothing is repeated, so whatever happened in between has to be asked for.
            state = StreamState.RESTORED_DATA_LOST if self._was_live else StreamState.LIVE
            if self._was_live:
                self._tasks.start(self._compare())
            self._was_live = True
        self._inbox.put([StreamChange(state, self._now_ns(), reason)])

    def on_event(self, event: Fields) -> None:
        """One event of the account.

        Parameters
        ----------
        event : Fields
            As received; kinds other than ``executionReport`` say nothing that is not asked for elsewhere.

        Raises
        ------
        BrokerError
            If it cannot be read.
        """
        if event.text("e") == "executionReport":
            self._take(stream_report(event, self._pairs))

    def _take(self, told: StreamReport) -> None:
        events = [event for event in told.events if self._is_news(event, told.pair)]
        known = self._known.told_report(told.report, told.pair)
        self._inbox.put(events)
        if known.filled_e9 < told.report.filled_quantity_e9:
            self._note_gap(known)

    def _is_news(self, event: BrokerEvent, pair: str) -> bool:
        return not isinstance(event, Execution) or self._known.told_fill(event, pair)

    def _note_gap(self, known: KnownOrder) -> None:
        self.gaps += 1
        logger.warning("fills_missing", extra={"client_order_id": known.client_order_id, "pair": known.pair})
        self._tasks.start(self._fetch_fills(known))

    async def _fetch_fills(self, known: KnownOrder) -> None:
        try:
            fills = await self._reading.fills_of(known.pair, known.venue_order_id)
        except BrokerError as error:
            # The owner asks for everything then; the next comparison tries again too.
            self._inbox.put([StreamChange(StreamState.RESTORED_DATA_LOST, self._now_ns(), str(error))])
            return
        self._inbox.put([fill for fill in fills if self._known.told_fill(fill, known.pair)])

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
        at_venue = {(self._pair(report), report.venue_order_id): report for report in await self._reading.open_orders()}
        for known in expected:
            report = at_venue.get((known.pair, known.venue_order_id))
            if report is None and known.is_open:
                report = await self._reading.status_of(known.pair, known.venue_order_id)
                self._inbox.put([report])
                if report.state.is_terminal:
                    self._known.ended(known)
            if report is not None and known.filled_e9 < report.filled_quantity_e9:
                self._note_gap(known)

    def _pair(self, report: OrderReport) -> str:
        return self._pairs.pair_of.get(report.symbol, report.symbol)

    def publish(self, events: Sequence[BrokerEvent]) -> None:
        """Put events that an answer brought among those of the stream.

        Parameters
        ----------
        events : sequence of BrokerEvent
            What an answer says about another order.
        """
        self._inbox.put(events)
