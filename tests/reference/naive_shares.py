"""How a pass of pro-rata or split matching shares a quantity over a queue (R22.1 to R22.5)."""

from __future__ import annotations


def shares(
    quantity: int, visible: list[int], *, lot: int, fifo_percent: int, min_allocation: int, has_top: bool
) -> list[int]:
    """Allocation of each order in queue order; a ``fifo_percent`` of 0 is pro-rata."""
    if quantity >= sum(visible):
        return list(visible)
    given = [0] * len(visible)
    left = quantity
    if has_top:
        given[0] = min(left, visible[0])
        left -= given[0]
    fifo = left * fifo_percent // (100 * lot) * lot
    in_queue_order(fifo, given, visible)
    left -= fifo
    residuals = [v - g for v, g in zip(visible, given, strict=True)]
    total = sum(residuals)
    proportional = [left * r // (total * lot) * lot for r in residuals]
    for i, part in enumerate(proportional):
        if part >= min_allocation:
            given[i] += part
    in_queue_order(quantity - sum(given), given, visible)
    return given


def in_queue_order(quantity: int, given: list[int], visible: list[int]) -> int:
    """Hand out front to back, each up to what it still shows; what is left over."""
    for i, shown in enumerate(visible):
        part = min(quantity, shown - given[i])
        given[i] += part
        quantity -= part
    return quantity
