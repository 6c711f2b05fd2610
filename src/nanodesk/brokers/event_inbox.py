"""Events on their way from an adapter's thread to whoever asks for them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable

from nanodesk.brokers.base import BrokerEvent


class EventInbox:
    """A queue without a bound: no event is ever dropped.

    Examples
    --------
    >>> inbox = EventInbox()
    >>> inbox.take(timeout_s=0.0)
    ()
    """

    def __init__(self) -> None:
        self._events: deque[BrokerEvent] = deque()
        self._changed = threading.Condition()

    def put(self, events: Iterable[BrokerEvent]) -> None:
        """Add events, in order; from any thread.

        Parameters
        ----------
        events : iterable of BrokerEvent
            What happened.
        """
        with self._changed:
            self._events.extend(events)
            self._changed.notify_all()

    def take(self, *, timeout_s: float) -> tuple[BrokerEvent, ...]:
        """Everything that waits.

        Parameters
        ----------
        timeout_s : float
            How long to wait for the first.

        Returns
        -------
        events : tuple of BrokerEvent
            In the order of arrival.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not self._events:
                left_s = deadline - time.monotonic()
                if left_s <= 0 or not self._changed.wait(left_s):
                    break
            events = tuple(self._events)
            self._events.clear()
        return events
