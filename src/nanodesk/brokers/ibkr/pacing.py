"""Even pacing of outgoing messages: one slot every few milliseconds, never a burst."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from nanodesk.errors import ValidationError

VENUE_LIMIT: Final = 50
"""Messages per second that a gateway takes from one client (spec, "Pacing")."""

DEFAULT_RATE: Final = 40.0
"""Messages per second that we send. Evenly spaced, any second of ours holds 41 at most; a network that holds them
back and then lets them through at once may add a quarter of that before the gateway counts more than 50."""


class Pacer:
    """Hands out slots that are never closer together than a second divided by the rate.

    Parameters
    ----------
    per_second : float, default 40.0
        Slots in a second, at most 49.
    monotonic_s, sleep : callable
        Clock and wait; replaced in tests.

    Raises
    ------
    ValidationError
        If the rate is not above 0 and below 50.

    Examples
    --------
    >>> Pacer(40).wait(deadline_s=float("inf"))
    True
    """

    def __init__(
        self,
        per_second: float = DEFAULT_RATE,
        *,
        monotonic_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not 0 < per_second <= VENUE_LIMIT - 1:
            raise ValidationError(
                f"messages_per_second={per_second} must be above 0 and at most {VENUE_LIMIT - 1}.",
                field="messages_per_second",
                value=per_second,
                allowed=f"above 0, at most {VENUE_LIMIT - 1}",
                fix=f"The gateway takes {VENUE_LIMIT} a second; {DEFAULT_RATE:.0f} leaves room for a slow network.",
            )
        self._spacing_s = 1.0 / per_second
        self._monotonic_s = monotonic_s
        self._sleep = sleep
        self._next_s = float("-inf")

    @property
    def spacing_s(self) -> float:
        """Seconds between two slots."""
        return self._spacing_s

    def wait(self, deadline_s: float) -> bool:
        """Sleep until the next slot and take it.

        Time that was slept too long is not made up for: the next slot counts from the moment this one was taken.

        Parameters
        ----------
        deadline_s : float
            Instant of the monotonic clock after which a slot is of no use.

        Returns
        -------
        taken : bool
            False, and nothing taken, if the slot comes too late.
        """
        if max(self._next_s, self._monotonic_s()) > deadline_s:
            return False
        while (left := self._next_s - self._monotonic_s()) > 0:
            self._sleep(left)
        self._next_s = self._monotonic_s() + self._spacing_s
        return True

    def halve(self) -> None:
        """Send half as fast from now on, because the gateway has complained."""
        self._spacing_s = min(self._spacing_s * 2, 1.0)
        self._next_s = max(self._next_s, self._monotonic_s() + 1.0)
