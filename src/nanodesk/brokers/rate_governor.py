"""Keeps requests below a venue's limits: counts what is sent, believes what the venue counts, stops when told to."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from nanodesk.errors import RateLimitedError

HEADROOM: Final = 0.95
"""Fraction of every limit that is used; the venue may count what we do not see."""

LONG_WAIT_S: Final = 1.0
"""A wait beyond it is logged when it begins and when it ends: somebody may wonder whether anything still happens."""

BAN_WITHOUT_A_TIME_S: Final = 120.0
"""Shortest ban of Binance, when an answer 418 names no time."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Window:
    interval_s: int
    limit: int
    started: float = -math.inf
    used: int = 0
    in_flight: int = 0

    def room_at(self, now: float, amount: int) -> float:
        """Seconds until this amount fits."""
        self._turn(now)
        if self.used == 0 or self.used + amount <= int(self.limit * HEADROOM):
            return 0.0
        return self.started + self.interval_s - now

    def take(self, now: float, amount: int) -> None:
        self._turn(now)
        self.used += amount
        self.in_flight += amount

    def answered(self, amount: int) -> None:
        self.in_flight = max(0, self.in_flight - amount)

    def believe(self, now: float, used: int) -> None:
        # The venue may count less than we do (an order that fills no longer counts) or more (others share our
        # address); what it has not seen yet is on its way.
        self._turn(now)
        self.used = used + self.in_flight

    def _turn(self, now: float) -> None:
        # Windows are whole intervals of the venue's clock, not sliding ones.
        start = math.floor(now / self.interval_s) * self.interval_s
        if start > self.started:
            self.started, self.used = start, 0


class RateGovernor:
    """What may be sent now.

    Parameters
    ----------
    now_s : callable
        Seconds of the venue's clock since 1970.

    Examples
    --------
    >>> governor = RateGovernor(lambda: 60.0)
    >>> governor.set_limit("weight", 60, 100)
    >>> governor.wait_for({"weight": 90})
    0.0
    >>> governor.take({"weight": 90}); governor.wait_for({"weight": 10})
    60.0
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._windows: dict[tuple[str, int], _Window] = {}
        self._stopped_until = -math.inf

    def set_limit(self, kind: str, interval_s: int, limit: int) -> None:
        """State a limit of the venue.

        Parameters
        ----------
        kind : str
            What is counted.
        interval_s : int
            Length of its window.
        limit : int
            Most within a window.
        """
        window = self._windows.get((kind, interval_s))
        if window is None:
            self._windows[kind, interval_s] = _Window(interval_s, limit)
        else:
            window.limit = limit

    def limits(self) -> dict[tuple[str, int], tuple[int, int]]:
        """Used and allowed by kind and window in seconds."""
        return {key: (window.used, window.limit) for key, window in self._windows.items()}

    def wait_for(self, amounts: dict[str, int]) -> float:
        """Seconds until a request may be sent.

        Parameters
        ----------
        amounts : dict of str to int
            What it counts, by kind.

        Returns
        -------
        wait_s : float
            Zero when it may go now.
        """
        now = self._now_s()
        waits = [self._stopped_until - now, 0.0]
        waits += [window.room_at(now, amounts.get(kind, 0)) for (kind, _), window in self._windows.items()]
        return max(waits)

    def take(self, amounts: dict[str, int]) -> None:
        """Count a request that is about to leave.

        Parameters
        ----------
        amounts : dict of str to int
            What it counts, by kind.
        """
        now = self._now_s()
        for (kind, _), window in self._windows.items():
            window.take(now, amounts.get(kind, 0))

    def answered(self, amounts: dict[str, int]) -> None:
        """A request was answered, or its answer given up: it is in the venue's count now.

        Parameters
        ----------
        amounts : dict of str to int
            What it counted, by kind.
        """
        for (kind, _), window in self._windows.items():
            window.answered(amounts.get(kind, 0))

    def believe(self, kind: str, interval_s: int, used: int) -> None:
        """Take over the venue's own count; what is on its way comes on top.

        Parameters
        ----------
        kind : str
            What is counted.
        interval_s : int
            Length of its window.
        used : int
            The venue's count.
        """
        window = self._windows.get((kind, interval_s))
        if window is not None:
            window.believe(self._now_s(), used)

    def stop_for(self, retry_after_s: float) -> None:
        """Send nothing for a while: the venue said so.

        Parameters
        ----------
        retry_after_s : float
            Seconds.
        """
        self._stopped_until = max(self._stopped_until, self._now_s() + retry_after_s)

    def stopped_for(self) -> float:
        """Seconds that the venue still asks to wait; zero or less when it does not."""
        return self._stopped_until - self._now_s()

    def require_room(self, amounts: dict[str, int], *, patience_s: float = 0.0) -> float:
        """The wait for a request, if it is short enough.

        Parameters
        ----------
        amounts : dict of str to int
            What it counts, by kind.
        patience_s : float, default 0
            Longest wait that is acceptable.

        Returns
        -------
        wait_s : float
            Zero: it may go.

        Raises
        ------
        RateLimitedError
            If the wait is longer; nothing was sent.
        """
        wait_s = self.wait_for(amounts)
        if wait_s > patience_s:
            raise RateLimitedError(f"The venue's limits leave no room for {wait_s:.1f} s.", retry_after_s=wait_s)
        return wait_s


async def wait_for_room(wait_s: float) -> None:
    """Let a full limit pass.

    Parameters
    ----------
    wait_s : float
        Seconds, from :meth:`RateGovernor.wait_for`.
    """
    is_long = wait_s > LONG_WAIT_S
    if is_long:
        logger.info("limit_full", extra={"wait_s": wait_s})
    try:
        await asyncio.sleep(wait_s)
    finally:
        if is_long:
            logger.info("limit_has_room")


def retry_after(text: str | None, *, is_ban: bool, cap_s: float = 7 * 86_400.0) -> float:
    """Seconds that an answer 429 or 418 asks to wait.

    Parameters
    ----------
    text : str or None
        Header ``Retry-After``.
    is_ban : bool
        Whether the status is 418.
    cap_s : float, default a week
        Longest wait that is believed.

    Returns
    -------
    wait_s : float
        At least one second.

    Examples
    --------
    >>> retry_after("30", is_ban=False), retry_after(None, is_ban=True), retry_after("soon", is_ban=False)
    (30.0, 120.0, 1.0)
    """
    least = BAN_WITHOUT_A_TIME_S if is_ban else 1.0
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 9:
        return least
    return min(max(float(text), 1.0), cap_s)


def used_from_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, int, int]]:
    """Counts that a Binance answer carries.

    Parameters
    ----------
    headers : iterable of (str, str)
        Names in lower case and values.

    Returns
    -------
    counts : list of (str, int, int)
        Kind, window in seconds, used.

    Examples
    --------
    >>> used_from_headers([("x-mbx-used-weight-1m", "17"), ("x-mbx-order-count-10s", "3"), ("date", "now")])
    [('REQUEST_WEIGHT', 60, 17), ('ORDERS', 10, 3)]
    """
    found = []
    for name, value in headers:
        for prefix, kind in (("x-mbx-used-weight-", "REQUEST_WEIGHT"), ("x-mbx-order-count-", "ORDERS")):
            window, unit = name.removeprefix(prefix)[:-1], name[-1:]
            is_whole = name.startswith(prefix) and window.isascii() and window.isdigit() and unit in _UNITS
            if is_whole and value.isascii() and value.isdigit() and len(value) < 12 and len(window) < 6:
                found.append((kind, int(window) * _UNITS[unit], int(value)))
    return found


_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
