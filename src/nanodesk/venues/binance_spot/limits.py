"""Rate limits of the Binance look-alike: weights by minute, unfilled orders by ten seconds and day, bans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from nanodesk.venues.binance_spot.errors import SpotError

SECONDS: Final = {"SECOND": 1, "MINUTE": 60, "DAY": 86_400}
_LETTER: Final = {"SECOND": "S", "MINUTE": "M", "DAY": "D"}


@dataclass(frozen=True, slots=True)
class SpotLimits:
    """Limits to enforce; ``exchangeInfo`` tells them.

    Parameters
    ----------
    weight_1m : int, default 6000
        Weight of all requests of a minute.
    orders_10s : int, default 100
        Unfilled orders of ten seconds.
    orders_1d : int, default 200000
        Unfilled orders of a day.
    ban_after : int, default 20
        How many requests against an answer 429 lead to a ban.
    ban_s : int, default 120
        Its length.
    """

    weight_1m: int = 6_000
    orders_10s: int = 100
    orders_1d: int = 200_000
    ban_after: int = 20
    ban_s: int = 120


class _Count:
    def __init__(self, kind: str, interval: str, number: int, limit: int) -> None:
        self.kind, self.interval, self.number, self.limit = kind, interval, number, limit
        self.seconds = SECONDS[interval] * number
        self.window, self.used = -1, 0

    def turn(self, now_s: float) -> None:
        window = int(now_s // self.seconds)
        if window != self.window:
            self.window, self.used = window, 0

    def left_s(self, now_s: float) -> int:
        return max(1, int((self.window + 1) * self.seconds - now_s) + 1)

    def row(self) -> dict[str, Any]:
        return {
            "rateLimitType": self.kind,
            "interval": self.interval,
            "intervalNum": self.number,
            "limit": self.limit,
        }


class SpotMeter:
    """Counts requests and orders.

    Parameters
    ----------
    limits : SpotLimits
        What is allowed.
    now_s : callable
        Seconds of the venue's clock.
    """

    def __init__(self, limits: SpotLimits, now_s: Callable[[], float]) -> None:
        self._limits = limits
        self._now_s = now_s
        self._weight = _Count("REQUEST_WEIGHT", "MINUTE", 1, limits.weight_1m)
        self._orders = (
            _Count("ORDERS", "SECOND", 10, limits.orders_10s),
            _Count("ORDERS", "DAY", 1, limits.orders_1d),
        )
        self._stopped_until = 0.0
        self._ignored = 0
        self._banned_until = 0.0

    def take(self, weight: int) -> None:
        """Count a request.

        Parameters
        ----------
        weight : int
            Of it.

        Raises
        ------
        SpotError
            -1003 with status 429, or 418 for who goes on asking.
        """
        now = self._now_s()
        if now < self._banned_until:
            raise self._too_many(418, self._banned_until - now)
        self._weight.turn(now)
        self._weight.used += weight
        if now < self._stopped_until or self._weight.used > self._weight.limit:
            self.stop(self._weight.left_s(now) if now >= self._stopped_until else self._stopped_until - now)

    def stop(self, seconds: float, *, is_ban: bool = False) -> None:
        """Refuse this request, and those that follow for a while.

        Parameters
        ----------
        seconds : float
            How long.
        is_ban : bool, default False
            Whether to answer 418.

        Raises
        ------
        SpotError
            Always.
        """
        now = self._now_s()
        self._ignored = self._ignored + 1 if now < self._stopped_until else 0
        self._stopped_until = max(self._stopped_until, now + seconds)
        if is_ban or self._ignored >= self._limits.ban_after:
            self._banned_until = now + (seconds if is_ban else self._limits.ban_s)
            raise self._too_many(418, self._banned_until - now)
        raise self._too_many(429, self._stopped_until - now)

    def _too_many(self, status: int, seconds: float) -> SpotError:
        wait_s = max(1, int(seconds) + (seconds % 1 > 0))
        text = (
            f"Way too much request weight used; IP banned until {int((self._now_s() + wait_s) * 1000)}."
            if status == 418
            else f"Too much request weight used; current limit is {self._weight.limit} request weight per 1 MINUTE."
        )
        data = {"serverTime": int(self._now_s() * 1000), "retryAfter": int((self._now_s() + wait_s) * 1000)}
        return SpotError(-1003, text, status=status, data=data, retry_after_s=wait_s)

    def take_order(self) -> None:
        """Count a new order.

        Raises
        ------
        SpotError
            -1015.
        """
        self.require_room_for_an_order()
        for count in self._orders:
            count.used += 1

    def require_room_for_an_order(self) -> None:
        """Refuse where one more order would be too many.

        Raises
        ------
        SpotError
            -1015.
        """
        now = self._now_s()
        for count in self._orders:
            count.turn(now)
            if count.used >= count.limit:
                raise SpotError(
                    -1015,
                    f"Too many new orders; current limit is {count.limit} orders per {count.number} {count.interval}.",
                    status=429,
                    retry_after_s=count.left_s(now),
                )

    def order_filled(self) -> None:
        """Count an order no longer: it has traded."""
        for count in self._orders:
            count.used = max(0, count.used - 1)

    def headers(self) -> dict[str, str]:
        """Counts as the answer's headers tell them."""
        now = self._now_s()
        for count in (self._weight, *self._orders):
            count.turn(now)
        return {
            "X-MBX-USED-WEIGHT": str(self._weight.used),
            "X-MBX-USED-WEIGHT-1M": str(self._weight.used),
            **{f"X-MBX-ORDER-COUNT-{count.number}{_LETTER[count.interval]}": str(count.used) for count in self._orders},
        }

    def rows(self, *, with_counts: bool) -> list[dict[str, Any]]:
        """Limits as ``exchangeInfo`` and the WebSocket API tell them.

        Parameters
        ----------
        with_counts : bool
            Whether to tell what is used.

        Returns
        -------
        rows : list of dict
            One for each limit.
        """
        self.headers()
        counts = (self._weight, *self._orders)
        return [{**count.row(), **({"count": count.used} if with_counts else {})} for count in counts]
