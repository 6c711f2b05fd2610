"""Order books of the Binance look-alike: snapshots and changes, numbered without gaps."""

from __future__ import annotations

from typing import Any, Final

from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.venues.binance_spot.views import decimal8

LEVELS: Final = 5000
LARGEST_SHOWN_E9: Final = 9_000_000 * E9
"""A quote of unlimited size is shown as this much."""

Side2 = tuple[dict[int, int], dict[int, int]]


class SpotBooks:
    """Books of a market, with a number for each change that was seen.

    Parameters
    ----------
    market : PaperMarket
        Behind the venue.
    """

    def __init__(self, market: PaperMarket) -> None:
        self._market = market
        self._last: dict[str, tuple[int, Side2]] = {}

    def _now(self, symbol: str) -> Side2:
        bids = dict(self._market.depth(symbol, Side.BUY, LEVELS))
        asks = dict(self._market.depth(symbol, Side.SELL, LEVELS))
        return _capped(bids), _capped(asks)

    def look(self, symbol: str) -> tuple[int, Side2, Side2]:
        """Compare a book with what it was, and number its changes.

        Parameters
        ----------
        symbol : str
            Name at the market.

        Returns
        -------
        first : int
            Number of the first change.
        changed : pair of dict
            Levels of bids and asks that changed, 0 for those that are gone.
        book : pair of dict
            All levels now.
        """
        number, before = self._last.get(symbol, (1, ({}, {})))
        now = self._now(symbol)
        changed = (_difference(before[0], now[0]), _difference(before[1], now[1]))
        count = len(changed[0]) + len(changed[1])
        self._last[symbol] = (number + count, now)
        return number + 1, changed, now

    def number(self, symbol: str) -> int:
        """Number of the last change that was seen.

        Parameters
        ----------
        symbol : str
            Name at the market.

        Returns
        -------
        number : int
            1 before the first.
        """
        return self._last.get(symbol, (1, None))[0]

    def best(self, symbol: str) -> tuple[tuple[int, int], tuple[int, int]]:
        """Best bid and ask, price and quantity; zeros on an empty side.

        Parameters
        ----------
        symbol : str
            Name at the market.

        Returns
        -------
        best : pair of (int, int)
            In billionths.
        """
        bids, asks = self._market.depth(symbol, Side.BUY, 1), self._market.depth(symbol, Side.SELL, 1)
        return _first(bids), _first(asks)

    def snapshot(self, symbol: str, limit: int) -> dict[str, Any]:
        """A book as ``depth`` shows it.

        Parameters
        ----------
        symbol : str
            Name at the market.
        limit : int
            Levels of each side.

        Returns
        -------
        book : dict
            The venue's object.
        """
        _, _, (bids, asks) = self.look(symbol)
        return {"lastUpdateId": self.number(symbol), "bids": rows(bids)[:limit], "asks": rows(asks)[:limit]}


def rows(levels: dict[int, int]) -> list[list[str]]:
    """Levels as the venue writes them.

    Parameters
    ----------
    levels : dict of int to int
        Quantity by price, best first.

    Returns
    -------
    rows : list of [str, str]
        Price and quantity.
    """
    return [[decimal8(price), decimal8(quantity)] for price, quantity in levels.items()]


def _capped(levels: dict[int, int]) -> dict[int, int]:
    return {price: min(quantity, LARGEST_SHOWN_E9) for price, quantity in levels.items()}


def _difference(before: dict[int, int], now: dict[int, int]) -> dict[int, int]:
    changed = {price: quantity for price, quantity in now.items() if before.get(price) != quantity}
    return changed | {price: 0 for price in before if price not in now}


def _first(levels: tuple[tuple[int, int], ...]) -> tuple[int, int]:
    return (levels[0][0], min(levels[0][1], LARGEST_SHOWN_E9)) if levels else (0, 0)
