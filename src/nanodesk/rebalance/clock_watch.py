"""The clocks of a run, and whether the wall clock runs as time does: a step in it makes old quotes look fresh."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from nanodesk.errors import StalePlanError

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Clocks:
    """Time, as a run sees it.

    Parameters
    ----------
    now_ns : callable
        Wall clock, nanoseconds since 1970.
    monotonic_s : callable
        Clock of waits, seconds.
    sleep : callable
        Waits so many seconds.
    """

    now_ns: Callable[[], int] = time.time_ns
    monotonic_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class ClockWatch:
    """Compares the wall clock with the monotonic one at every look.

    Parameters
    ----------
    threshold_s : float
        Seconds that the wall clock may fall back or run ahead between two looks.
    max_rate : float
        Wall seconds for a monotonic second up to which running ahead is believed to be a slow correction.
    """

    def __init__(self, threshold_s: float, max_rate: float) -> None:
        self._threshold_ns = round(threshold_s * NS_PER_S)
        self._max_rate = max_rate
        self._last: tuple[int, float] | None = None

    def look(self, now_ns: int, monotonic_s: float) -> None:
        """Compare with the look before.

        Parameters
        ----------
        now_ns : int
            Wall clock, nanoseconds since 1970.
        monotonic_s : float
            Monotonic clock, seconds.

        Raises
        ------
        StalePlanError
            If the wall clock fell back by more than the threshold, or ran ahead of it faster than the rate.

        Examples
        --------
        >>> watch = ClockWatch(30.0, 2.0)
        >>> watch.look(0, 0.0)
        >>> watch.look(-31 * NS_PER_S, 0.0)
        Traceback (most recent call last):
            ...
        nanodesk.errors.StalePlanError: the clock moved by -31.0 s while 0.0 s passed. Set it, then plan again.
        """
        if self._last is not None:
            wall_ns = now_ns - self._last[0]
            passed_s = monotonic_s - self._last[1]
            ahead_ns = wall_ns - round(passed_s * NS_PER_S)
            too_fast = ahead_ns > self._threshold_ns and wall_ns > self._max_rate * passed_s * NS_PER_S
            if ahead_ns < -self._threshold_ns or too_fast:
                raise StalePlanError(
                    f"the clock moved by {wall_ns / NS_PER_S:.1f} s while {passed_s:.1f} s passed.",
                    field="clock",
                    value=ahead_ns,
                    allowed=f"a step of at most {self._threshold_ns / NS_PER_S:g} s",
                    fix="Set it, then plan again.",
                )
        self._last = (now_ns, monotonic_s)
