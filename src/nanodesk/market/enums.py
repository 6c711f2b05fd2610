"""Side, time in force and order status, with the strings accepted at the edge."""

from __future__ import annotations

from enum import Enum, unique
from typing import Literal

from nanodesk.errors import ValidationError

SideLike = Literal["buy", "sell"]


@unique
class Side(Enum):
    """Direction of an order."""

    __hash__ = object.__hash__  # members are looked up for every message; the enum's own hash is a call of Python

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @classmethod
    def parse(cls, side: Side | str) -> Side:
        """Accept the enum or a word in any case.

        Parameters
        ----------
        side : Side or str
            ``Side.BUY``, ``"buy"``, ``"B"`` and the like.

        Returns
        -------
        side : Side
            The enum member.

        Raises
        ------
        ValidationError
            If the word names no side.
        """
        if isinstance(side, Side):
            return side
        for member in cls:
            if isinstance(side, str) and side.lower() in (member.value, member.value[0]):
                return member
        raise ValidationError(
            f"side={side!r} is unknown.",
            field="side",
            value=side,
            allowed='"buy" or "sell"',
            fix='Use "buy" or "sell".',
        )


@unique
class TimeInForce(Enum):
    """How long an order lives."""

    __hash__ = object.__hash__  # members are looked up for every message; the enum's own hash is a call of Python

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    GTD = "gtd"
    DAY = "day"

    @property
    def can_rest(self) -> bool:
        """Whether a remainder stays in the book."""
        return self in (TimeInForce.GTC, TimeInForce.GTD, TimeInForce.DAY)

    @property
    def allows_partial(self) -> bool:
        """Whether a part may fill when the whole cannot."""
        return self is not TimeInForce.FOK


@unique
class OrderStatus(Enum):
    """Where an order stands in its life."""

    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more can happen to the order."""
        return self in (OrderStatus.FILLED, OrderStatus.CANCELLED)
