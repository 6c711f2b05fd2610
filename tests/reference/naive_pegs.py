"""Pegged orders: where they belong, and the pass that moves them (R58, R45)."""

from __future__ import annotations

from reference.naive_orders import BUY, SELL, Order
from reference.naive_state import NaiveState


def peg_target(book: NaiveState, order: Order) -> int | None:
    """The price a pegged order belongs at; None when it must be parked."""
    peg = order.peg
    assert peg is not None
    reference = peg_reference(book, peg.reference)
    if reference is None:
        return None
    price = reference + peg.offset
    is_buy = order.side == BUY
    price = price - price % book.tick if is_buy else price + -price % book.tick
    if peg.limit_price is not None:
        price = min(price, peg.limit_price) if is_buy else max(price, peg.limit_price)
    if book.band_low is not None:
        price = max(price, book.band_low)
    if book.band_high is not None:
        price = min(price, book.band_high)
    bid, ask = book.best_price(BUY), book.best_price(SELL)
    if is_buy and ask is not None:
        price = min(price, ask - book.tick)
    if not is_buy and bid is not None:
        price = max(price, bid + book.tick)
    return price if book.is_price(price) else None


def peg_reference(book: NaiveState, reference: str) -> int | None:
    """Best price of the orders that are not pegged themselves."""
    bid = book.best_price(BUY, with_pegs=False)
    ask = book.best_price(SELL, with_pegs=False)
    if reference == "bid":
        return bid
    if reference == "ask":
        return ask
    return None if bid is None or ask is None else (bid + ask) // 2


def place_peg(book: NaiveState, order: Order) -> None:
    """Rest a new pegged order at its target, or park it."""
    target = peg_target(book, order)
    if target is None:
        book.park(order)
        return
    order.price = target
    book.rest(order)


def reprice_pegs(book: NaiveState) -> None:
    """One pass over all pegged orders by id, in the continuous phase."""
    if book.phase != "continuous":
        return
    pegged = [o for o in [*book.resting[BUY], *book.resting[SELL]] if o.peg is not None]
    for order in sorted([*pegged, *book.parked], key=lambda o: o.id):
        target = peg_target(book, order)
        now = order.price if order.place == "resting" else None
        if target == now:
            continue
        book.lift(order)
        if target is None:
            book.park(order)
            book.notice("parked", order.id, 0)
        else:
            order.price = target
            book.rest(order)
            order.is_top = False  # repriced (R22.2)
            book.notice("repriced", order.id, target)
