"""Rate limits of the Alpaca look-alike: requests of a minute that begins with the first of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from nanodesk.venues.alpaca.errors import TOO_MANY, AlpacaError

_WINDOW_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class AlpacaLimits:
    """Limits to enforce.

    Parameters
    ----------
    requests_1m : int, default 200
        Requests of a minute, of trading and of market data each.
    streams : int, default 1
        Trade streams that may be open at once.
    """

    requests_1m: int = 200
    streams: int = 1


class AlpacaMeter:
    """Counts the requests of one interface.

    Parameters
    ----------
    limit : int
        Most requests of a minute.
    now_s : callable
        Seconds of the venue's clock.
    """

    def __init__(self, limit: int, now_s: Callable[[], float]) -> None:
        self._limit = limit
        self._now_s = now_s
        self._ends = 0.0
        self._used = 0
        self._stopped_until = 0.0

    def take(self) -> None:
        """Count a request.

        Raises
        ------
        AlpacaError
            42910000 when there are too many.
        """
        now = self._now_s()
        if not now < self._ends <= now + _WINDOW_S:
            self._ends, self._used = now + _WINDOW_S, 0
        if now < self._stopped_until or self._used >= self._limit:
            raise AlpacaError(TOO_MANY, "rate limit exceeded")
        self._used += 1

    def stop(self, seconds: float) -> None:
        """Refuse what comes for a while.

        Parameters
        ----------
        seconds : float
            How long.

        Raises
        ------
        AlpacaError
            Always.
        """
        self._stopped_until = self._now_s() + seconds
        raise AlpacaError(TOO_MANY, "rate limit exceeded")

    def headers(self) -> dict[str, str]:
        """Counts as the answer's headers tell them."""
        stopped = self._now_s() < self._stopped_until
        ends = self._stopped_until if stopped else self._ends
        return {
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": "0" if stopped else str(self._limit - self._used),
            "X-RateLimit-Reset": str(int(ends) + 1),
        }
