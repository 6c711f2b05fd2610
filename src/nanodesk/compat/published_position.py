"""The published position: signed quantity, cost basis and average, in whole cents."""

from __future__ import annotations

from typing import Any

from nanodesk.compat import published_arguments as arguments


class Position:
    """A signed quantity of one symbol with its cost; it stays, with quantity 0, after it was closed.

    The average is the cost over the quantity, truncated toward zero, and realized profit is taken against that
    truncated average, so that fractions of a cent are lost as published. A short that is partly covered keeps its
    average.

    Parameters
    ----------
    symbol : str
        Name, at most eight bytes.

    Examples
    --------
    >>> position = Position("AAPL")
    >>> position.apply_fill(100, 150_00)
    >>> position.apply_fill(-50, 160_00)
    >>> position
    Position(symbol=AAPL, qty=50, avg_price=15000, realized_pnl=50000)
    """

    __slots__ = ("_avg_entry_price", "_quantity", "_realized_pnl", "_symbol", "_total_cost")

    def __init__(self, symbol: Any) -> None:
        self._symbol = arguments.symbol(symbol, "symbol")
        self._quantity = 0
        self._avg_entry_price = 0
        self._total_cost = 0
        self._realized_pnl = 0

    @property
    def symbol(self) -> str:
        """Name."""
        return self._symbol

    @property
    def quantity(self) -> int:
        """Shares; negative when short."""
        return self._quantity

    @property
    def avg_entry_price(self) -> int:
        """Cost per share, in cents, truncated toward zero; 0 when flat."""
        return self._avg_entry_price

    @property
    def total_cost(self) -> int:
        """Cost of what is held, in cents, with the sign of the quantity."""
        return self._total_cost

    @property
    def realized_pnl(self) -> int:
        """Profit of what was closed, in cents, before costs."""
        return self._realized_pnl

    def apply_fill(self, quantity: Any, price: Any) -> None:
        """Add a fill.

        Parameters
        ----------
        quantity : int
            Signed shares; positive buys.
        price : int
            Cents per share.
        """
        shares, cents = arguments.integer(quantity, "quantity"), arguments.integer(price, "price")
        if self._quantity * shares >= 0:
            self._open(shares, cents)
        elif abs(shares) < abs(self._quantity):
            self._reduce(shares, cents)
        else:
            rest = self._quantity + shares
            self._realized_pnl += (cents - self._avg_entry_price) * self._quantity
            self._quantity = self._total_cost = self._avg_entry_price = 0
            self._open(rest, cents)

    def _open(self, shares: int, price: int) -> None:
        self._quantity += shares
        self._total_cost += shares * price
        self._average()

    def _reduce(self, shares: int, price: int) -> None:
        self._realized_pnl += (self._avg_entry_price - price) * shares
        self._total_cost += self._avg_entry_price * shares
        self._quantity += shares
        self._average()

    def _average(self) -> None:
        self._avg_entry_price = _truncated_ratio(self._total_cost, self._quantity)

    def unrealized_pnl(self, price: Any) -> int:
        """Profit of what is held, at a price.

        Parameters
        ----------
        price : int
            Cents per share.

        Returns
        -------
        profit : int
            ``(price - avg_entry_price) * quantity``, in cents.
        """
        return (arguments.integer(price, "price") - self._avg_entry_price) * self._quantity

    def market_value(self, price: Any) -> int:
        """Value of what is held, at a price.

        Parameters
        ----------
        price : int
            Cents per share.

        Returns
        -------
        value : int
            ``quantity * price``, in cents.
        """
        return self._quantity * arguments.integer(price, "price")

    def copy(self) -> Position:
        """A position of its own with the same numbers.

        Returns
        -------
        position : Position
            Later fills of one do not change the other.
        """
        return self.restore(**self.state())

    def state(self) -> dict[str, Any]:
        """The five numbers by name, as `restore` takes them.

        Returns
        -------
        state : dict of str to str or int
            ``symbol``, ``quantity``, ``avg_entry_price``, ``realized_pnl``, ``total_cost``.
        """
        return {
            "symbol": self._symbol,
            "quantity": self._quantity,
            "avg_entry_price": self._avg_entry_price,
            "realized_pnl": self._realized_pnl,
            "total_cost": self._total_cost,
        }

    @classmethod
    def restore(
        cls, *, symbol: Any, quantity: Any, avg_entry_price: Any, total_cost: Any, realized_pnl: Any
    ) -> Position:
        """A position from its five numbers.

        Parameters
        ----------
        symbol : str
            Name.
        quantity, avg_entry_price, total_cost, realized_pnl : int
            As the attributes of the same names.

        Returns
        -------
        position : Position
            With these numbers.
        """
        position = cls(symbol)
        position._quantity = arguments.integer(quantity, "quantity")
        position._avg_entry_price = arguments.integer(avg_entry_price, "avg_entry_price")
        position._total_cost = arguments.integer(total_cost, "total_cost")
        position._realized_pnl = arguments.integer(realized_pnl, "realized_pnl")
        return position

    def __repr__(self) -> str:
        return (
            f"Position(symbol={self._symbol}, qty={self._quantity}, avg_price={self._avg_entry_price}, "
            f"realized_pnl={self._realized_pnl})"
        )


def _truncated_ratio(numerator: int, denominator: int) -> int:
    """Integer division toward zero; 0 over 0."""
    if denominator == 0:
        return 0
    size = abs(numerator) // abs(denominator)
    return size if (numerator < 0) == (denominator < 0) else -size
