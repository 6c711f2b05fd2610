"""Call auctions: the indicative price (R67) and the uncrossing (R68)."""

from __future__ import annotations

from reference.naive_matching import is_gone_after_cut
from reference.naive_orders import BUY, SELL, Order
from reference.naive_state import NaiveState


def indicative(book: NaiveState, reference: int | None) -> tuple[int, int, int] | None:
    """Price, volume and surplus of an uncrossing now, or None."""
    if reference is None:
        reference = book.last_trade_price
    buys, sells = book.resting[BUY], book.resting[SELL]
    candidates = {o.price for o in [*buys, *sells] if not o.is_market}
    if not candidates and reference is not None:
        candidates = {reference}
    rows = []
    for price in candidates:
        demand = sum(o.open for o in buys if o.price >= price)
        supply = sum(o.open for o in sells if o.price <= price)
        rows.append((price, min(demand, supply), demand - supply))
    largest = max((volume for _, volume, _ in rows), default=0)
    if largest == 0:
        return None
    rows = [r for r in rows if r[1] == largest]
    smallest = min(abs(surplus) for _, _, surplus in rows)
    rows = sorted(r for r in rows if abs(r[2]) == smallest)
    if all(surplus > 0 for _, _, surplus in rows) or (reference is None and not all(s < 0 for _, _, s in rows)):
        return rows[-1]
    if all(surplus < 0 for _, _, surplus in rows):
        return rows[0]
    assert reference is not None
    return min(rows, key=lambda row: (abs(row[0] - reference), -row[0]))


def uncross(book: NaiveState, reference: int | None) -> tuple[int | None, int]:
    """Trade everything that crosses, at one price unless cuts call for another; the last price, and the volume."""
    price, volume = None, 0
    while (found := indicative(book, reference)) is not None:
        price = found[0]
        volume += uncross_at(book, found[0])
        if not book.is_crossed:
            break
    cancel_market_orders(book)
    book.phase = "continuous"
    return price, volume


def uncross_at(book: NaiveState, price: int) -> int:
    """Front buy against front sell at one price, while both reach it."""
    volume = 0
    while True:
        buys, sells = book.best_level(BUY), book.best_level(SELL)
        if not buys or not sells or buys[0].price < price or sells[0].price > price:
            return volume
        buy, sell = buys[0], sells[0]
        if is_gone_after_cut(book, buy) or is_gone_after_cut(book, sell):
            continue
        quantity = min(buy.open, sell.open)
        aggressor, passive = (buy, sell) if buy.id > sell.id else (sell, buy)
        shown = [(o, o.visible) for o in (buy, sell)]
        book.trade(aggressor, passive, price, quantity)
        for order, visible in shown:
            show_anew(order, visible, quantity)
        volume += quantity


def show_anew(order: Order, visible: int, traded: int) -> None:
    """An iceberg that used up its visible part shows again without losing its place."""
    if order.place == "resting" and traded >= visible:
        order.visible = order.shown


def cancel_market_orders(book: NaiveState) -> None:
    """Market orders do not outlive the auction (R68)."""
    left = [o for o in [*book.resting[BUY], *book.resting[SELL]] if o.is_market]
    for order in sorted(left, key=lambda o: o.id):
        if order.place == "resting":
            book.cancel(order, "auction")
