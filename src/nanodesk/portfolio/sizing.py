"""From target weights to whole quantities: what to sell, what to buy, and how much the cash allows.

The backtest kernel takes the same steps in the same order of operations (``docs/backtest.md``), so that a portfolio
driven bar by bar and a weights backtest hold the same quantities and the same cents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nanodesk.errors import PriceError, QuantityError
from nanodesk.market.instrument import Instrument
from nanodesk.market.units import floor_to_lot

Rounding = Literal["target", "trade"]

_MAX_QUANTITY = 2**53
# After so many corrections the factor is exact but for lots and minimum fees, which the last step settles.
_CASH_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Order:
    """What one symbol needs to reach its weight.

    Parameters
    ----------
    symbol : str
        What is traded.
    quantity : int
        Signed units.
    price : int
        Price in cents.
    unit : int
        Cash for one unit: price times multiplier, in cents.
    lot_size : int
        Quantity step.
    """

    symbol: str
    quantity: int
    price: int
    unit: int
    lot_size: int


def order_toward(
    weight: float, held: int, *, instrument: Instrument, price: int, equity: int, rounding: Rounding = "target"
) -> Order:
    """The trade that takes a holding to its weight.

    Parameters
    ----------
    weight : float
        Target, as a fraction of equity; 0 closes.
    held : int
        Signed quantity held.
    instrument : Instrument
        Symbol, multiplier and lot.
    price : int
        In cents; positive unless the weight is 0.
    equity : int
        In cents, above 0.
    rounding : {"target", "trade"}, default "target"
        Truncate the quantity to hold, or the quantity to trade.

    Returns
    -------
    order : Order
        Truncated toward zero onto the lot grid; its quantity may be 0.

    Raises
    ------
    PriceError
        If the price is not positive and the weight not 0.
    QuantityError
        If the target is not below 2**53 units.

    Examples
    --------
    >>> order_toward(0.5, 33, instrument=Instrument("A"), price=300, equity=10_000).quantity
    -17
    >>> order_toward(0.5, 33, instrument=Instrument("A"), price=300, equity=10_000, rounding="trade").quantity
    -16
    """
    unit = price * instrument.multiplier
    quantity = -held if weight == 0.0 else _toward(weight, held, instrument, unit, equity, rounding)
    return Order(instrument.symbol, quantity, price, unit, instrument.lot_size)


def _toward(weight: float, held: int, instrument: Instrument, unit: int, equity: int, rounding: Rounding) -> int:
    if unit <= 0:
        raise PriceError(
            f"a weight of {instrument.symbol} has no meaning at a price that is not positive.",
            field=instrument.symbol,
            value=unit,
            allowed="> 0, or a target of 0",
        )
    target = float(equity) * weight / float(unit)
    if not abs(target) < _MAX_QUANTITY:
        raise QuantityError(
            f"target weight {weight} of {instrument.symbol} asks for {target:.6g} units.",
            field=instrument.symbol,
            value=target,
            allowed=f"below {_MAX_QUANTITY}",
        )
    if rounding == "target":
        return floor_to_lot(int(target), instrument.lot_size) - held
    short_of = int(float(equity) * weight) - held * unit
    whole = abs(short_of) // unit
    return floor_to_lot(whole if short_of > 0 else -whole, instrument.lot_size)


def within_cash(orders: Sequence[Order], cash: int, cost: Callable[[Order, int], int]) -> dict[str, int]:
    """Purchases shrunk by one factor until they and their costs fit the cash.

    Parameters
    ----------
    orders : sequence of Order
        Purchases: positive quantities.
    cash : int
        Cash at hand, in cents.
    cost : callable
        Costs in cents of buying a quantity of an order.

    Returns
    -------
    quantities : dict of str to int
        Units to buy by symbol, in order; together with their costs they do not exceed the cash.

    Notes
    -----
    The factor is corrected at most eight times. Where minimum fees keep the purchases from fitting even then, each is
    made in turn as far as the cash left allows.

    Examples
    --------
    >>> within_cash([Order("A", 100, 100, 100, 1)], 10_000, lambda order, quantity: quantity)
    {'A': 99}
    """
    sized: dict[str, int] = {}
    factor = 1.0
    for attempt in range(_CASH_ATTEMPTS):
        needed = 0
        for order in orders:
            quantity = order.quantity
            if attempt:
                quantity = floor_to_lot(int(float(quantity) * factor), order.lot_size)
            sized[order.symbol] = quantity
            needed += _bill(order, quantity, cost)
        if needed <= cash or needed == 0:
            return sized
        factor *= float(max(cash, 0)) / float(needed)
    return _in_turn(orders, sized, cash, cost)


def _in_turn(
    orders: Sequence[Order], sized: Mapping[str, int], cash: int, cost: Callable[[Order, int], int]
) -> dict[str, int]:
    bought = {}
    for order in orders:
        quantity = _affordable(order, sized[order.symbol], cash, cost)
        bought[order.symbol] = quantity
        cash -= _bill(order, quantity, cost)
    return bought


def _affordable(order: Order, quantity: int, cash: int, cost: Callable[[Order, int], int]) -> int:
    """The purchase itself if the cash pays for it, else shrunk once in proportion, else nothing."""
    needed = _bill(order, quantity, cost)
    if needed <= cash:
        return quantity
    if cash <= 0:
        return 0
    less = floor_to_lot(int(float(quantity) * (float(cash) / float(needed))), order.lot_size)
    return less if _bill(order, less, cost) <= cash else 0


def _bill(order: Order, quantity: int, cost: Callable[[Order, int], int]) -> int:
    return quantity * order.unit + cost(order, quantity) if quantity else 0
