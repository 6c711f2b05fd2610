"""The venue's clock as seen from here: offset from halved round trips, and a guard against a stepped wall clock."""

from __future__ import annotations

import time
from collections.abc import Callable

from nanodesk.brokers.base import Clock


class VenueClock:
    """Offset between the venue's clock and ours.

    Parameters
    ----------
    now_ns : callable
        Our wall clock.
    monotonic_ns : callable, optional
        A clock that nobody sets.
    keep : int, default 8
        How many measurements are kept; that of the shortest round trip counts.

    Examples
    --------
    >>> clock = VenueClock(lambda: 1_000, monotonic_ns=lambda: 0)
    >>> clock.measured(sent_ns=0, received_ns=200, venue_ns=5_100)
    >>> clock.offset_ns, clock.error_ns, clock.now_ns()
    (5000, 100, 6000)
    """

    def __init__(self, now_ns: Clock, *, monotonic_ns: Callable[[], int] = time.monotonic_ns, keep: int = 8) -> None:
        self._now_ns = now_ns
        self._monotonic_ns = monotonic_ns
        self._keep = keep
        self._samples: list[tuple[int, int]] = []
        self._base: int | None = None

    @property
    def is_measured(self) -> bool:
        """Whether there is a measurement that still holds."""
        return bool(self._samples)

    @property
    def offset_ns(self) -> int:
        """The venue's clock minus ours; 0 before the first measurement."""
        return min(self._samples)[1] if self._samples else 0

    @property
    def error_ns(self) -> int:
        """Half of the round trip of the best measurement: the offset is within this."""
        return min(self._samples)[0] if self._samples else 0

    def now_ns(self) -> int:
        """The venue's time now, as far as we know.

        Returns
        -------
        time_ns : int
            Nanoseconds since 1970.
        """
        return self._now_ns() + self.offset_ns

    def measured(self, *, sent_ns: int, received_ns: int, venue_ns: int) -> None:
        """Take one measurement.

        Parameters
        ----------
        sent_ns, received_ns : int
            Our clock before and after the question.
        venue_ns : int
            The venue's answer.
        """
        half = max(received_ns - sent_ns, 0) // 2
        self._samples = [*self._samples[1 - self._keep :], (half, venue_ns - sent_ns - half)]
        self._base = self._now_ns() - self._monotonic_ns()

    def forget(self) -> None:
        """Drop the measurements: they are known to be wrong."""
        self._samples, self._base = [], None

    def has_stepped(self, tolerance_ns: int) -> bool:
        """Whether our wall clock was set since the last measurement; if so the measurements are dropped.

        Parameters
        ----------
        tolerance_ns : int
            Smaller differences to the monotonic clock are drift.

        Returns
        -------
        has_stepped : bool
            Measure again before signing.
        """
        if self._base is None or abs(self._now_ns() - self._monotonic_ns() - self._base) <= tolerance_ns:
            return False
        self.forget()
        return True
