"""Cash, positions and last prices: what is held and what it is worth, without a rule on what to trade."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from nanodesk.errors import PriceError, ValidationError
from nanodesk.market.instrument import Instrument
from nanodesk.portfolio.fills import Fill
from nanodesk.portfolio.position import Position

MissingPrice = Literal["carry", "raise"]


class Ledger:
    """The books of one account, in integer cents.

    Parameters
    ----------
    cash : int
        In cents.
    instruments : mapping of str to Instrument or None
        The symbols that exist; with ``None`` every symbol is a share.
    missing_price : {"carry", "raise"}
        Value a holding without a price at its last one, or refuse.
    """

    def __init__(self, cash: int, instruments: Mapping[str, Instrument] | None, missing_price: MissingPrice) -> None:
        self.cash = cash
        self.instruments = instruments
        self.missing_price: MissingPrice = missing_price
        self.positions: dict[str, Position] = {}
        self.last_prices: dict[str, int] = {}
        self._shares: dict[str, Instrument] = {}

    def copy(self) -> Ledger:
        """Books in the same state that go their own way.

        Returns
        -------
        ledger : Ledger
            Shares only values that never change.
        """
        twin = Ledger(self.cash, self.instruments, self.missing_price)
        twin.positions = dict(self.positions)
        twin.last_prices = dict(self.last_prices)
        twin._shares = self._shares
        return twin

    def instrument(self, symbol: str) -> Instrument:
        """What a symbol is.

        Parameters
        ----------
        symbol : str
            Any symbol.

        Returns
        -------
        instrument : Instrument
            A share, where no instruments were given.

        Raises
        ------
        ValidationError
            If instruments were given and this is none of them.
        """
        if self.instruments is None:
            share = self._shares.get(symbol)
            if share is None:
                share = self._shares[symbol] = Instrument(symbol)
            return share
        if symbol not in self.instruments:
            raise ValidationError(
                f"symbol {symbol!r} is not among the {len(self.instruments)} instruments.",
                field=symbol,
                value=symbol,
                allowed="symbols of the instruments",
            )
        return self.instruments[symbol]

    def price(self, symbol: str, prices: Mapping[str, int]) -> int:
        """The price that values a symbol now: today's, else by option its last.

        Parameters
        ----------
        symbol : str
            Any symbol.
        prices : mapping of str to int
            Today's prices, in cents.

        Returns
        -------
        price : int
            In cents.

        Raises
        ------
        PriceError
            If it has none and ``missing_price="raise"``.
        ValidationError
            If it never had one.
        """
        if symbol in prices:
            return prices[symbol]
        if self.missing_price == "raise":
            raise PriceError(
                f"prices has no price for {symbol!r}.",
                field=symbol,
                allowed='a price, as missing_price="raise"',
                fix='Give one, or use missing_price="carry".',
            )
        if symbol not in self.last_prices:
            raise ValidationError(
                f"targets names {symbol!r}, which never had a price.",
                field=symbol,
                value=symbol,
                allowed="symbols with a price",
            )
        return self.last_prices[symbol]

    def held(self) -> dict[str, int]:
        """Signed quantity of everything that is held.

        Returns
        -------
        quantities : dict of str to int
            Without closed positions, sorted by symbol.
        """
        return {symbol: item.quantity for symbol, item in sorted(self.positions.items()) if item.quantity}

    def value(self, symbol: str, prices: Mapping[str, int]) -> int:
        """Market value of one position; negative when short.

        Parameters
        ----------
        symbol : str
            A symbol that was traded.
        prices : mapping of str to int
            Today's prices, in cents.

        Returns
        -------
        cents : int
            Exact.

        Raises
        ------
        PriceError
            If it has no price and ``missing_price="raise"``.
        """
        return self.positions[symbol].market_value(self.price(symbol, prices))

    def equity(self, prices: Mapping[str, int]) -> int:
        """Cash plus the market value of everything held.

        Parameters
        ----------
        prices : mapping of str to int
            Today's prices, in cents.

        Returns
        -------
        cents : int
            Exact.

        Raises
        ------
        PriceError
            If a holding has no price and ``missing_price="raise"``.
        """
        return self.cash + sum(self.value(symbol, prices) for symbol in self.held())

    def short_value(self, prices: Mapping[str, int]) -> int:
        """Market value of everything that is short, as a positive number.

        Parameters
        ----------
        prices : mapping of str to int
            Today's prices, in cents.

        Returns
        -------
        cents : int
            Exact.

        Raises
        ------
        PriceError
            If a short has no price and ``missing_price="raise"``.
        """
        return sum(-self.value(symbol, prices) for symbol, quantity in self.held().items() if quantity < 0)

    def book(self, fill: Fill) -> None:
        """Enter one fill: cash, position and last price.

        Parameters
        ----------
        fill : Fill
            Quantity, price and cost.

        Raises
        ------
        ValidationError
            If instruments were given and the symbol is none of them.
        """
        before = self.positions.get(fill.symbol)
        if before is None:
            before = Position(fill.symbol, multiplier=self.instrument(fill.symbol).multiplier)
        self.positions[fill.symbol] = before.apply_fill(fill.quantity, fill.price)
        self.last_prices[fill.symbol] = fill.price
        self.cash += fill.cash
