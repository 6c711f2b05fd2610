"""The published value types: words that are strings, numbers that print as dollars or ids.

The published Python package passes plain strings and integers; these are the same with the members that its reference
describes, so both spellings work wherever a word or a number is asked for.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from nanodesk.compat import published_arguments as arguments


class Side(StrEnum):
    """Direction of an order; ``Side.Buy == "buy"``.

    Examples
    --------
    >>> Side.Buy.opposite(), str(Side.Sell)
    (<Side.Sell: 'sell'>, 'SELL')
    """

    Buy = "buy"
    Sell = "sell"

    def opposite(self) -> Side:
        """The other side.

        Returns
        -------
        side : Side
            ``Sell`` for ``Buy`` and the reverse.
        """
        return Side.Sell if self is Side.Buy else Side.Buy

    def __str__(self) -> str:
        return self.name.upper()


class TimeInForce(StrEnum):
    """How long an order lives; ``TimeInForce.GTC == "gtc"``.

    Examples
    --------
    >>> TimeInForce.IOC.can_rest(), TimeInForce.FOK.allows_partial()
    (False, False)
    """

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"

    def can_rest(self) -> bool:
        """Whether a remainder stays in the book.

        Returns
        -------
        answer : bool
            True for ``GTC`` only.
        """
        return self is TimeInForce.GTC

    def allows_partial(self) -> bool:
        """Whether a part may fill when the whole cannot.

        Returns
        -------
        answer : bool
            False for ``FOK`` only.
        """
        return self is not TimeInForce.FOK

    def __str__(self) -> str:
        return self.name


class OrderStatus(StrEnum):
    """Where an order stands, spelled as results spell it.

    Examples
    --------
    >>> OrderStatus.PartiallyFilled == "PartiallyFilled", OrderStatus("Filled").is_terminal()
    (True, True)
    """

    New = "New"
    PartiallyFilled = "PartiallyFilled"
    Filled = "Filled"
    Cancelled = "Cancelled"

    def is_active(self) -> bool:
        """Whether the order can still trade.

        Returns
        -------
        answer : bool
            True for ``New`` and ``PartiallyFilled``.
        """
        return self in (OrderStatus.New, OrderStatus.PartiallyFilled)

    def is_terminal(self) -> bool:
        """Whether nothing more can happen to the order.

        Returns
        -------
        answer : bool
            True for ``Filled`` and ``Cancelled``.
        """
        return not self.is_active()


class Price(int):
    """A price in the smallest unit, printed as dollars and cents.

    Examples
    --------
    >>> print(Price(100_50), Price(-2_50), Price(5))
    $100.50 -$2.50 $0.05
    """

    ZERO: ClassVar[Price]
    MAX: ClassVar[Price]
    MIN: ClassVar[Price]

    def __new__(cls, value: Any = 0) -> Price:
        return super().__new__(cls, arguments.integer(value, "value"))

    def __str__(self) -> str:
        dollars, cents = divmod(abs(int(self)), 100)
        return f"{'-' if self < 0 else ''}${dollars}.{cents:02d}"

    def __repr__(self) -> str:
        return f"Price({int(self)})"


class OrderId(int):
    """Number of an order, printed as ``O42``.

    Examples
    --------
    >>> print(OrderId(42))
    O42
    """

    def __new__(cls, value: Any) -> OrderId:
        return super().__new__(cls, arguments.unsigned(value, "value"))

    def __str__(self) -> str:
        return f"O{int(self)}"

    def __repr__(self) -> str:
        return f"OrderId({int(self)})"


class TradeId(int):
    """Number of a trade, printed as ``T7``.

    Examples
    --------
    >>> print(TradeId(7))
    T7
    """

    def __new__(cls, value: Any) -> TradeId:
        return super().__new__(cls, arguments.unsigned(value, "value"))

    def __str__(self) -> str:
        return f"T{int(self)}"

    def __repr__(self) -> str:
        return f"TradeId({int(self)})"


Price.ZERO = Price(0)
Price.MAX = Price(2**63 - 1)
Price.MIN = Price(-(2**63))


def dollars(price: int | None) -> str:
    """A price as the published reprs show it.

    Parameters
    ----------
    price : int or None
        Cents.

    Returns
    -------
    text : str
        ``$100.50``, ``$-2.50`` or ``None``.
    """
    return "None" if price is None else f"${price / 100:.2f}"
