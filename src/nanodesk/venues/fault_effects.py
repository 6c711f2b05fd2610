"""What faults do: to a stream of events, to an order, to the venue."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from nanodesk.brokers.paper import admin as paper_admin
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.brokers.paper.values import MarketEvent
from nanodesk.errors import ValidationError
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import parse_e9
from nanodesk.market.order import Order
from nanodesk.venues.faults import Fault, FaultInjector, FaultKind
from nanodesk.venues.faults import bytes_under as bytes_under

_T = TypeVar("_T")


class EventGate(Generic[_T]):
    """Lets the events of one client through, or twice, or late, or not.

    Parameters
    ----------
    faults : FaultInjector
        What goes wrong.
    monotonic_s : callable, optional
        Clock of the mute.

    Attributes
    ----------
    last_fault : Fault or None
        What struck the newest event; the venue itself acts on kinds that concern bytes or the connection.

    Examples
    --------
    >>> from nanodesk.venues.faults import FaultPoint
    >>> rule = Fault(FaultKind.REORDER, FaultPoint.EVENT, match="new")
    >>> gate = EventGate(FaultInjector([rule]))
    >>> gate.pass_on("new", "ack"), gate.pass_on("trade", "fill")
    ([], ['fill', 'ack'])
    """

    def __init__(self, faults: FaultInjector, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._faults = faults
        self._monotonic_s = monotonic_s
        self._held: list[_T] = []
        self._mute_until: float | None = None
        self.last_fault: Fault | None = None

    def pass_on(self, name: str, event: _T) -> list[_T]:
        """What the client gets to see now.

        Parameters
        ----------
        name : str
            A value of ``EventKind``.
        event : object
            As the venue would send it.

        Returns
        -------
        events : list
            To be sent in this order.
        """
        self.last_fault = fault = self._faults.event(name)
        if self.is_mute:
            return []
        if fault is None:
            return [event, *self.flush()]
        if fault.kind is FaultKind.DUPLICATE:
            return [event, event, *self.flush()]
        if fault.kind is FaultKind.GAP:
            return self.flush()
        if fault.kind is FaultKind.REORDER:
            self._held.append(event)
            return []
        if fault.kind is FaultKind.MUTE:
            self._mute_until = self._monotonic_s() + fault.seconds if fault.seconds else float("inf")
            return []
        return [event, *self.flush()]

    @property
    def is_mute(self) -> bool:
        """Whether nothing is sent now; pings go on."""
        return self._mute_until is not None and self._monotonic_s() < self._mute_until

    def flush(self) -> list[_T]:
        """Events held for reordering; ask when no other follows.

        Returns
        -------
        events : list
            Oldest first, each given once.
        """
        held, self._held = self._held, []
        return held


def strike_order(fault: Fault, market: PaperMarket, number: int) -> None:
    """What a fault does to the order of the request that it struck, before the answer is sent.

    ``cancel_races_fill`` fills the whole rest (call it before the cancel is given to the market);
    ``partial_then_disconnect`` fills half of the rest, on the lot grid. Other kinds do nothing.

    Parameters
    ----------
    fault : Fault
        That struck.
    market : PaperMarket
        Behind the venue.
    number : int
        The order.
    """
    order = market.order(number)
    if order is None or not order.is_open:
        return
    leaves = order.leaves_quantity_e9
    if fault.kind is FaultKind.CANCEL_RACES_FILL:
        paper_admin.force_fill(market, number)
    elif fault.kind is FaultKind.PARTIAL_THEN_DISCONNECT:
        half = market.rules(order.symbol).floor_to_lot(leaves // 2)
        if half:
            paper_admin.force_fill(market, number, quantity_e9=half)


class VenueClock:
    """The machine's clock plus an offset that faults move.

    Parameters
    ----------
    offset_ns : int, default 0
        First offset.
    """

    def __init__(self, offset_ns: int = 0) -> None:
        self._offset_ns = offset_ns

    def __call__(self) -> int:
        """The venue's time, nanoseconds since 1970."""
        return time.time_ns() + self._offset_ns

    def offset_ns(self) -> int:
        """The venue's clock minus the machine's.

        Returns
        -------
        offset_ns : int
            In nanoseconds.
        """
        return self._offset_ns

    def step(self, seconds: float) -> None:
        """Move the clock against the machine's.

        Parameters
        ----------
        seconds : float
            Forward, or back when negative.
        """
        self._offset_ns += round(seconds * 1_000_000_000)


def strike_venue(
    fault: Fault, event: MarketEvent, market: PaperMarket, clock: VenueClock, restart: Callable[[], None]
) -> None:
    """What a fault of the venue itself does after an event of the market.

    Parameters
    ----------
    fault : Fault
        At the point ``venue``.
    event : MarketEvent
        That it followed.
    market : PaperMarket
        Behind the venue.
    clock : VenueClock
        The venue's.
    restart : callable
        Drops every client.

    Raises
    ------
    ValidationError
        If ``value`` does not suit the kind, or the event names no order or execution.
    """
    if fault.kind is FaultKind.CLOCK_OFFSET:
        clock.step(fault.seconds)
    elif fault.kind is FaultKind.RESTART:
        restart()
    elif fault.kind is FaultKind.MANUAL_ORDER:
        _manual_order(fault, event, market)
    elif fault.kind in (FaultKind.BUST, FaultKind.CORRECT):
        if event.execution is None:
            raise ValidationError(f"{fault.kind.value} needs match=trade.", field="match", value=fault.match)
        if fault.kind is FaultKind.BUST:
            paper_admin.bust(market, event.execution.number)
        else:
            paper_admin.correct(market, event.execution.number, price_e9=parse_e9(fault.value, field="value"))
    elif event.order is not None:
        _strike_symbol(fault, event.order.number, event.order.symbol, market)


def _strike_symbol(fault: Fault, number: int, symbol: str, market: PaperMarket) -> None:
    if fault.kind is FaultKind.LATE_FILL:
        paper_admin.force_fill(market, number)
    elif fault.kind is FaultKind.SYMBOL_CHANGE:
        paper_admin.rename(market, symbol, fault.value)
    elif fault.kind is FaultKind.SPLIT:
        new, _, old = fault.value.partition(":")
        if not (new.isdecimal() and old.isdecimal()):
            raise ValidationError(
                f"value={fault.value!r} is no ratio.", field="value", value=fault.value, allowed="4:1"
            )
        paper_admin.split(market, symbol, int(new), int(old))


def _manual_order(fault: Fault, event: MarketEvent, market: PaperMarket) -> None:
    words = fault.value.split()
    if len(words) != 3:
        raise ValidationError(
            f"value={fault.value!r} is no order.", field="value", value=fault.value, allowed='"buy 10 AAPL"'
        )
    order = Order("manual", words[2], Side.parse(words[0]), parse_e9(words[1], field="value"))
    market.submit(event.account_id, order, is_manual=True)
