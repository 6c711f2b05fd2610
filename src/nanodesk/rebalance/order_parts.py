"""One line of a plan as the orders that are sent for it: slices in time, and pieces that the venue takes."""

from __future__ import annotations

from nanodesk.market.fixed_point import notional_e9
from nanodesk.market.trading_rules import TradingRules


def slices(quantity_e9: int, count: int, *, rules: TradingRules, price_e9: int) -> tuple[int, ...]:
    """Parts of nearly the same size that add to a quantity, each large enough for the venue.

    Parameters
    ----------
    quantity_e9 : int
        Positive quantity, on the lot grid.
    count : int
        How many parts are wanted.
    rules : TradingRules
        Lots and minima; as few parts as these demand.
    price_e9 : int
        To value the parts with.

    Returns
    -------
    parts : tuple of int
        Quantities on the lot grid, larger ones first; no two differ by more than one lot.

    Examples
    --------
    >>> slices(10, 4, rules=TradingRules("X", lot_e9=1), price_e9=1)
    (3, 3, 2, 2)
    """
    lots = quantity_e9 // rules.lot_e9
    for parts in range(min(count, lots), 0, -1):
        each, more = divmod(lots, parts)
        least = each * rules.lot_e9
        value = notional_e9(price_e9, least, rules.multiplier)
        if parts == 1 or (least >= rules.min_quantity_e9 and value >= rules.min_notional_e9):
            return tuple((each + (i < more)) * rules.lot_e9 for i in range(parts))
    return ()


def pieces(quantity_e9: int, *, rules: TradingRules, price_e9: int) -> tuple[int, ...]:
    """Orders that add to a quantity, none above the venue's largest.

    Full pieces shrink by a lot from one to the next, since equal orders look like one sent twice.

    Parameters
    ----------
    quantity_e9 : int
        Positive quantity, on the lot grid.
    rules : TradingRules
        Largest quantity and value of an order.
    price_e9 : int
        To value the pieces with.

    Returns
    -------
    parts : tuple of int
        Quantities on the lot grid.

    Examples
    --------
    >>> pieces(10, rules=TradingRules("X", lot_e9=1, max_quantity_e9=4), price_e9=1)
    (4, 3, 2, 1)
    """
    unit = max(notional_e9(price_e9, rules.lot_e9, rules.multiplier), 1)
    most = min(rules.max_quantity_e9 // rules.lot_e9, rules.max_notional_e9 // unit)
    lots, found = quantity_e9 // rules.lot_e9, list[int]()
    while lots > 0 and most > 0:
        part = min(lots, max(most - len(found), 1))
        found.append(part * rules.lot_e9)
        lots -= part
    return tuple(found)
