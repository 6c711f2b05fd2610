"""One price of the published snapshots.

Compiled, as a caller reads ten at a time; the ``.pxd`` beside it names the fields.
"""

from __future__ import annotations

from typing import Any

from nanodesk.compat.published_values import dollars


class LevelSnapshot:
    """One price of one side.

    Parameters
    ----------
    price : int
        Cents.
    quantity : int
        Shares resting there.
    order_count : int
        Orders resting there.
    """

    def __init__(self, price: int, quantity: int, order_count: int) -> None:
        self.price = price
        self.quantity = quantity
        self.order_count = order_count

    @property
    def price_float(self) -> float:
        """Dollars."""
        cents: Any = self.price  # a Python integer: the quotient of two compiled ones would be whole
        quotient: float = cents / 100
        return quotient

    def _fields(self) -> tuple[int, int, int]:
        return self.price, self.quantity, self.order_count

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LevelSnapshot) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(self._fields())

    def __repr__(self) -> str:
        return f"Level(price={dollars(self.price)}, qty={self.quantity}, orders={self.order_count})"
