"""One instrument of the paper market: its exchange, its grid, and the house's orders behind the quote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from nanodesk.book.exchange import Exchange
from nanodesk.errors import PriceError, QuantityError, ValidationError
from nanodesk.market.account import Quote
from nanodesk.market.enums import Side
from nanodesk.market.trading_rules import TradingRules

HOUSE_OWNER: Final = 1
"""Owner number of the house in every exchange; accounts follow from 2."""

UNLIMITED_LOTS: Final = 2**50
"""What the house shows when a quote has no size."""

LARGEST_TICKS: Final = 2**62
LARGEST_LOTS: Final = 2**60
"""Bounds of one order on the exchange, far inside 64 bits so that no sum of a side overflows."""

Level = tuple[int, int]
"""Price and quantity in billionths."""


class Listing:
    """An exchange with its rules and its quote.

    Parameters
    ----------
    rules : TradingRules
        Grid, bounds and status.
    prints_per_level : int, default 1
        In how many orders the house splits each level, so that a sweep fills in that many prints.
    self_trade : str, default "off"
        Mode of self-trade prevention of the accounts' orders, a word of the exchange.
    """

    def __init__(self, rules: TradingRules, *, prints_per_level: int = 1, self_trade: str = "off") -> None:
        self.rules = rules
        self.quote: Quote | None = None
        self.levels: tuple[tuple[Level, ...], tuple[Level, ...]] = ((), ())
        self.last_price_e9: int | None = None
        self.orders: dict[int, int] = {}
        self.stops: dict[int, None] = {}
        self.trade_offset = 0
        self.last_trade_id = 0
        self._prints_per_level = prints_per_level
        self._self_trade = self_trade
        self._house: list[int] = []
        self._commands = 0
        self.exchange = Exchange(event_log=False)

    @property
    def asset(self) -> str:
        """Asset of the ledger that a trade moves: the coin, or the symbol itself."""
        return self.rules.base or self.rules.symbol

    @property
    def self_trade(self) -> str:
        """Mode of self-trade prevention of the accounts' orders."""
        return self._self_trade

    def ticks(self, price_e9: int, *, field: str = "price_e9") -> int:
        """A price as whole ticks.

        Parameters
        ----------
        price_e9 : int
            Price in billionths.
        field : str, default "price_e9"
            Name used in the error.

        Returns
        -------
        ticks : int
            From 1.

        Raises
        ------
        PriceError
            If the price is off the tick grid or beyond 2^62 ticks.
        """
        ticks, rest = divmod(price_e9, self.rules.tick_e9)
        if rest or not 0 < ticks <= LARGEST_TICKS:
            raise PriceError(
                f"{field}={price_e9} is no multiple of tick_e9={self.rules.tick_e9} within 2^62 ticks"
                f" ({self.rules.symbol}).",
                field=field,
                value=price_e9,
                allowed=f"a positive multiple of {self.rules.tick_e9}",
                fix=f"Use {self.rules.floor_to_tick(price_e9)} or {self.rules.ceil_to_tick(price_e9)}.",
            )
        return ticks

    def lots(self, quantity_e9: int, *, field: str = "quantity_e9") -> int:
        """A quantity as whole lots.

        Parameters
        ----------
        quantity_e9 : int
            Quantity in billionths.
        field : str, default "quantity_e9"
            Name used in the error.

        Returns
        -------
        lots : int
            From 1.

        Raises
        ------
        QuantityError
            If the quantity is off the lot grid or beyond 2^60 lots.
        """
        lots, rest = divmod(quantity_e9, self.rules.lot_e9)
        if rest or not 0 < lots <= LARGEST_LOTS:
            raise QuantityError(
                f"{field}={quantity_e9} is no multiple of lot_e9={self.rules.lot_e9} within 2^60 lots"
                f" ({self.rules.symbol}).",
                field=field,
                value=quantity_e9,
                allowed=f"a positive multiple of {self.rules.lot_e9}",
                fix=f"Use {self.rules.floor_to_lot(quantity_e9)}.",
            )
        return lots

    def price(self, ticks: int) -> int:
        """Whole ticks as a price.

        Parameters
        ----------
        ticks : int
            Price of the exchange.

        Returns
        -------
        price_e9 : int
            In billionths.
        """
        return ticks * self.rules.tick_e9

    def quantity(self, lots: int) -> int:
        """Whole lots as a quantity.

        Parameters
        ----------
        lots : int
            Quantity of the exchange.

        Returns
        -------
        quantity_e9 : int
            In billionths.
        """
        return lots * self.rules.lot_e9

    def best(self, side: Side) -> int | None:
        """Best price resting on a side, the accounts' orders included.

        Parameters
        ----------
        side : Side
            Buy for the best bid.

        Returns
        -------
        price_e9 : int or None
            ``None`` on an empty side.
        """
        ticks = self.exchange.best_bid() if side is Side.BUY else self.exchange.best_ask()
        return None if ticks is None else self.price(ticks)

    def depth(self, side: Side, levels: int = 10) -> tuple[Level, ...]:
        """Levels of a side, best first.

        Parameters
        ----------
        side : Side
            Buy for the bids.
        levels : int, default 10
            How many at most.

        Returns
        -------
        levels : tuple of (int, int)
            Price and displayed quantity in billionths.
        """
        book = self.exchange.depth(levels)
        rows = book.bids if side is Side.BUY else book.asks
        return tuple((self.price(row.price), self.quantity(row.quantity)) for row in rows)

    def mark(self) -> int | None:
        """Price that values a holding: middle of the quote, else the last trade.

        Returns
        -------
        price_e9 : int or None
            In billionths.
        """
        mid = self.quote.mid_e9 if self.quote is not None else None
        return self.last_price_e9 if mid is None else mid

    def current_quote(self, ts_ns: int) -> Quote:
        """What the book shows now: best bid and ask of house and accounts together, and the last price.

        Parameters
        ----------
        ts_ns : int
            Instant used when no quote was ever set.

        Returns
        -------
        quote : Quote
            With the displayed quantity at the best prices; the quote itself while it is crossed or locked.
        """
        quote = self.quote
        if quote is not None and is_crossed(quote):
            return quote
        (bid, bid_size), (ask, ask_size) = self._top(Side.BUY), self._top(Side.SELL)
        last = self.last_price_e9
        return Quote(self.rules.symbol, bid, ask, last, ts_ns if quote is None else quote.ts_ns, bid_size, ask_size)

    def _top(self, side: Side) -> tuple[int | None, int]:
        for price, quantity in self.depth(side, 1):
            return price, quantity if quantity < self.quantity(UNLIMITED_LOTS) else 0
        return None, 0

    def check_quote(self, quote: Quote, levels: tuple[Sequence[Level], Sequence[Level]]) -> None:
        """Refuse a quote that the exchange could not hold.

        Parameters
        ----------
        quote : Quote
            Prices and displayed quantities.
        levels : tuple of two sequences of (int, int)
            Further bids and asks, each worse than the one before.

        Raises
        ------
        PriceError
            If a price is off the grid or the levels are not in order.
        QuantityError
            If a quantity is off the grid.
        """
        for name, price, size, further, step in (
            ("bid", quote.bid_e9, quote.bid_quantity_e9, levels[0], -1),
            ("ask", quote.ask_e9, quote.ask_quantity_e9, levels[1], 1),
        ):
            if price is None:
                if further:
                    raise PriceError(f"{name} levels need a best {name}.", field=name, value=None, allowed="a price")
                continue
            self.ticks(price, field=name)
            if size:
                self.lots(size, field=f"{name}_size")
            for at, quantity in further:
                self.ticks(at, field=f"{name} level")
                self.lots(quantity, field=f"{name} level size")
                if (at - price) * step <= 0:
                    raise PriceError(
                        f"{name} level {at} is not worse than {price} ({self.rules.symbol}).",
                        field=name,
                        value=at,
                        allowed="levels from best to worst",
                    )
                price = at
        if quote.last_e9 is not None and quote.last_e9 <= 0:
            raise PriceError(f"last={quote.last_e9} must be above 0.", field="last", value=quote.last_e9, allowed="> 0")

    def withdraw_house(self) -> None:
        """Take every order of the house out of the book."""
        for order_id in self._house:
            self.exchange.cancel(order_id)
        self._house.clear()

    def house_orders(self) -> list[tuple[Side, int, int]]:
        """What the house wants to show: side, ticks and lots of each of its orders.

        Returns
        -------
        orders : list of (Side, int, int)
            Bids first, best first; empty without a quote or while it is crossed or locked.
        """
        quote = self.quote
        if quote is None or is_crossed(quote):
            return []
        wanted: list[tuple[Side, int, int]] = []
        for side, price, size, further in (
            (Side.BUY, quote.bid_e9, quote.bid_quantity_e9, self.levels[0]),
            (Side.SELL, quote.ask_e9, quote.ask_quantity_e9, self.levels[1]),
        ):
            if price is None:
                continue
            lots = size // self.rules.lot_e9 or UNLIMITED_LOTS
            rows = [(self.ticks(price), lots)] + [(self.ticks(at), self.lots(quantity)) for at, quantity in further]
            wanted += [(side, ticks, part) for ticks, whole in rows for part in self._parts(whole)]
        return wanted

    def _parts(self, lots: int) -> list[int]:
        parts = min(self._prints_per_level, lots)
        each, rest = divmod(lots, parts)
        return [each + (index < rest) for index in range(parts)]

    def keep_house_order(self, order_id: int) -> None:
        """Remember an order of the house that rests.

        Parameters
        ----------
        order_id : int
            Its id at the exchange.
        """
        self._house.append(order_id)

    def sweep_history(self) -> None:
        """Forget finished orders and trades of the exchange now and then; the market keeps its own."""
        self._commands += 1
        if self._commands % 4096 == 0:
            self.exchange.clear_trades()
            self.exchange.clear_order_history()

    def restamp(self, ts_ns: int) -> None:
        """Say that the quote is true at a later instant.

        Parameters
        ----------
        ts_ns : int
            Nanoseconds since 1970.
        """
        if self.quote is not None:
            self.quote = replace(self.quote, ts_ns=ts_ns)


def is_crossed(quote: Quote) -> bool:
    """Whether the bid is at or above the ask; such a quote is shown, but nobody can trade on it.

    Parameters
    ----------
    quote : Quote
        Prices.

    Returns
    -------
    crossed : bool
        ``False`` when a side is missing.
    """
    return quote.bid_e9 is not None and quote.ask_e9 is not None and quote.bid_e9 >= quote.ask_e9


def require_symbol(listings: dict[str, Listing], symbol: str) -> Listing:
    """The listing of a symbol.

    Parameters
    ----------
    listings : dict of str to Listing
        By symbol.
    symbol : str
        Name at the market.

    Returns
    -------
    listing : Listing
        Its exchange, rules and quote.

    Raises
    ------
    ValidationError
        If the market does not list it.
    """
    try:
        return listings[symbol]
    except KeyError:
        raise ValidationError(
            f"symbol={symbol[:40]!r} is not listed.",
            field="symbol",
            value=symbol,
            allowed=f"one of {len(listings)} listed symbols",
            fix="Add it to the quotes file, or give its TradingRules to the market.",
        ) from None
