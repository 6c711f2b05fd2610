"""One symbol's signed quantity with what it cost, in exact integers."""

from __future__ import annotations

import operator
from dataclasses import dataclass

from nanodesk.errors import PriceError, QuantityError


@dataclass(frozen=True, slots=True)
class Position:
    """Signed quantity with its cost basis; a value, so that it can be handed out.

    Parameters
    ----------
    symbol : str
        What is held.
    quantity : int, default 0
        Units held; negative when short.
    total_cost : int, default 0
        Cash paid for what is held, in cents; negative when short (cash received). Costs of trading are not part of it.
    realized_pnl : int, default 0
        Profit of all closed quantity, in cents, before costs of trading.
    multiplier : int, default 1
        Cash per price unit and quantity unit.

    Notes
    -----
    Nothing is lost to rounding: after any fills, ``realized_pnl - total_cost`` is exactly the cash that flowed, so
    realized plus unrealized profit is cash flow plus market value.

    Examples
    --------
    >>> position = Position("AAPL").apply_fill(100, 150_00).apply_fill(-50, 160_00)
    >>> position.quantity, position.avg_entry_price, position.realized_pnl
    (50, 15000.0, 50000)
    """

    symbol: str
    quantity: int = 0
    total_cost: int = 0
    realized_pnl: int = 0
    multiplier: int = 1

    @property
    def avg_entry_price(self) -> float:
        """Mean price of what is held, in cents; 0 when flat."""
        return self.total_cost / (self.quantity * self.multiplier) if self.quantity else 0.0

    @property
    def is_flat(self) -> bool:
        """Whether nothing is held."""
        return self.quantity == 0

    def apply_fill(self, quantity: int, price: int) -> Position:
        """The position after buying or selling.

        Parameters
        ----------
        quantity : int
            Signed units; negative sells. Not zero.
        price : int
            Price of the fill, in cents. It may be zero or negative for instruments that trade there.

        Returns
        -------
        position : Position
            A new value. Adding keeps the average of all purchases; closing a part keeps the average and realizes the
            difference; crossing zero closes all and opens the rest at the price of the fill.

        Raises
        ------
        QuantityError
            If the quantity is zero or not an integer.
        PriceError
            If the price is not an integer.

        Notes
        -----
        Closing ``c`` of ``q`` takes ``total_cost * c / q`` off the basis, rounded half to even in whole cents, and
        realizes the cash of the fill against just that amount.

        Examples
        --------
        >>> short = Position("AAPL").apply_fill(-1000, 100).apply_fill(500, 100)
        >>> short.avg_entry_price, short.realized_pnl
        (100.0, 0)
        """
        signed, cents = _checked_fill(self.symbol, quantity, price)
        unit = cents * self.multiplier
        if self.quantity * signed >= 0:
            return self._after(signed, self.total_cost + signed * unit, self.realized_pnl)
        closed = min(abs(signed), abs(self.quantity))
        closing = closed if signed > 0 else -closed
        basis = _divided(self.total_cost * closed, abs(self.quantity))
        opened = signed - closing
        profit = self.realized_pnl - closing * unit - basis
        return self._after(signed, self.total_cost - basis + opened * unit, profit)

    def market_value(self, price: int) -> int:
        """Value at a price; negative when short.

        Parameters
        ----------
        price : int
            In cents.

        Returns
        -------
        cents : int
            ``quantity * price * multiplier``.
        """
        return self.quantity * price * self.multiplier

    def unrealized_pnl(self, price: int) -> int:
        """Profit that closing at a price would realize, before costs.

        Parameters
        ----------
        price : int
            In cents.

        Returns
        -------
        cents : int
            ``market_value(price) - total_cost``.
        """
        return self.market_value(price) - self.total_cost

    def _after(self, signed: int, total_cost: int, realized_pnl: int) -> Position:
        return Position(self.symbol, self.quantity + signed, total_cost, realized_pnl, self.multiplier)


def _checked_fill(symbol: str, quantity: int, price: int) -> tuple[int, int]:
    try:
        signed = operator.index(quantity)
    except TypeError:
        signed = 0
    if signed == 0 or isinstance(quantity, bool):
        raise QuantityError(
            f"quantity={quantity!r} must be a whole number other than 0 ({symbol}).",
            field="quantity",
            value=quantity,
            allowed="an integer other than 0",
        )
    try:
        return signed, operator.index(price)
    except TypeError:
        raise PriceError(
            f"price={price!r} must be a whole number of cents ({symbol}).",
            field="price",
            value=price,
            allowed="an integer",
            fix="Use nanodesk.market.units.to_cents.",
        ) from None


def _divided(numerator: int, denominator: int) -> int:
    """Quotient of integers, rounded half to even, exact at any size."""
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    return whole + (twice > denominator or (twice == denominator and whole % 2 == 1))
