"""Candles of the Binance look-alike, made of the trades of its market; flat at the mark where nothing traded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from nanodesk.brokers.paper.values import PaperExecution
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.venues.binance_spot.views import MS, decimal8

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
INTERVALS: Final = {
    "1s": 1000, "1m": _MINUTE, "3m": 3 * _MINUTE, "5m": 5 * _MINUTE, "15m": 15 * _MINUTE, "30m": 30 * _MINUTE,
    "1h": _HOUR, "2h": 2 * _HOUR, "4h": 4 * _HOUR, "6h": 6 * _HOUR, "8h": 8 * _HOUR, "12h": 12 * _HOUR,
    "1d": _DAY, "3d": 3 * _DAY, "1w": 7 * _DAY,
}  # fmt: skip
"""Milliseconds by the venue's name; its month is not served, for months differ in length."""

_FIRST_MONDAY: Final = 4 * _DAY


class Candle:
    """What traded within one interval.

    Parameters
    ----------
    start, end : int
        First and last millisecond, since 1970.
    price : int
        Price before the first trade, in billionths; the candle is flat there until something trades.
    """

    def __init__(self, start: int, end: int, price: int) -> None:
        self.start, self.end, self.price = start, end, price
        self.open = self.high = self.low = self.close = price
        self.volume = self.cash = self.bought = self.bought_cash = self.count = 0
        self.first, self.last, self.last_quantity = -1, -1, 0

    def add(self, fill: PaperExecution) -> None:
        """Take a trade.

        Parameters
        ----------
        fill : PaperExecution
            One side of it, later than those before.
        """
        if not self.count:
            self.open = self.high = self.low = fill.price_e9
            self.first = fill.trade_number
        self.high, self.low, self.close = max(self.high, fill.price_e9), min(self.low, fill.price_e9), fill.price_e9
        self.volume += fill.quantity_e9
        self.cash += fill.cash_e9
        if fill.is_maker == (fill.side is Side.SELL):  # the buyer took
            self.bought += fill.quantity_e9
            self.bought_cash += fill.cash_e9
        self.count += 1
        self.last, self.last_quantity = fill.trade_number, fill.quantity_e9

    def row(self) -> list[Any]:
        """The candle as ``klines`` tells it."""
        prices = [decimal8(price) for price in (self.open, self.high, self.low, self.close)]
        amounts = [decimal8(amount) for amount in (self.bought, self.bought_cash)]
        return [
            *(self.start, *prices, decimal8(self.volume), self.end, decimal8(self.cash), self.count),
            *(*amounts, "0"),
        ]

    def mean(self) -> int:
        """Mean price of what traded, in billionths."""
        return self.cash * E9 // self.volume if self.volume else self.close


def start_of(time_ms: int, interval_ms: int) -> int:
    """When the interval of an instant began.

    Parameters
    ----------
    time_ms, interval_ms : int
        Milliseconds.

    Returns
    -------
    start_ms : int
        Weeks begin on Mondays.
    """
    origin = _FIRST_MONDAY if interval_ms == INTERVALS["1w"] else 0
    return time_ms - (time_ms - origin) % interval_ms


def candles(fills: Iterable[PaperExecution], starts: Iterable[int], interval_ms: int, mark_e9: int) -> list[Candle]:
    """Candles one after the other.

    Parameters
    ----------
    fills : iterable of PaperExecution
        Of one instrument, oldest first; both sides of a trade count once.
    starts : iterable of int
        When each begins, oldest first.
    interval_ms : int
        Length of each.
    mark_e9 : int
        Price where nothing has traded yet.

    Returns
    -------
    candles : list of Candle
        One for each start; without trades flat at the last close.
    """
    trades = list({fill.trade_number: fill for fill in fills if fill.quantity_e9}.values())
    price, at = mark_e9, 0
    made: list[Candle] = []
    for start in starts:
        while at < len(trades) and trades[at].ts_ns // MS < start:
            price, at = trades[at].price_e9, at + 1
        candle = Candle(start, start + interval_ms - 1, price)
        while at < len(trades) and trades[at].ts_ns // MS <= candle.end:
            candle.add(trades[at])
            at += 1
        price = candle.close
        made.append(candle)
    return made
