"""Entry and continuous matching: tests on entry (R19), tradable quantity (R20), the three algorithms, self-trade."""

from __future__ import annotations

from reference.naive_orders import BUY, MAX, MIN, RESTING_TIFS, Order, crosses
from reference.naive_shares import shares
from reference.naive_state import NaiveState


def matching_limit(book: NaiveState, order: Order) -> int:
    """The price up to which an order takes: its own, a market order's clamped to the band (R62)."""
    if not order.is_market:
        return order.price
    if order.side == BUY:
        return MAX if book.band_high is None else book.band_high
    return MIN if book.band_low is None else book.band_low


def enter(book: NaiveState, order: Order, min_quantity: int | None = None) -> str | None:
    """Test, store, match and rest or cancel the remainder; the reason if rejected (R19, R25)."""
    reason = reason_to_reject(book, order, min_quantity)
    if reason is not None:
        reject(book, order)
        return reason
    book.orders[order.id] = order
    take_and_rest(book, order)
    return None


def reject(book: NaiveState, order: Order) -> None:
    order.open = 0
    order.status = "cancelled"
    order.place = "gone"
    book.drop_legs(order)


def reason_to_reject(book: NaiveState, order: Order, min_quantity: int | None) -> str | None:
    if book.phase == "halted":
        return "halted"
    if book.phase == "auction" and not may_enter_auction(order, min_quantity):
        return "auction"
    if not order.is_market and not in_band(book, order.price):
        return "price_band"
    if order.reduce_only:
        order.open = min(order.open, book.reducible(order))
        if order.open == 0:
            return "reduce_only"
    if book.phase == "auction":
        return None
    if order.post_only and would_cross(book, order):
        return "post_only"
    if order.tif == "fok" and tradable(book, order) < order.open:
        return "fok"
    if min_quantity is not None and (order.open < min_quantity or tradable(book, order) < min_quantity):
        return "min_quantity"
    return None


def may_enter_auction(order: Order, min_quantity: int | None) -> bool:
    """R66: only plain resting limit orders and market orders wait for the auction."""
    if min_quantity is not None or order.post_only or order.reduce_only or order.legs or order.peg is not None:
        return False
    return order.is_market or order.tif in RESTING_TIFS


def in_band(book: NaiveState, price: int) -> bool:
    above = book.band_low is None or price >= book.band_low
    below = book.band_high is None or price <= book.band_high
    return above and below


def would_cross(book: NaiveState, order: Order) -> bool:
    return any(crosses(order.side, order.price, level[0].price) for level in book.far_side(order))


def is_own(aggressor: Order, passive: Order) -> bool:
    """Whether self-trade prevention holds between the two (R26)."""
    return aggressor.self_trade != "off" and aggressor.owner is not None and aggressor.owner == passive.owner


def is_firm(order: Order) -> bool:
    return not order.reduce_only and order.group is None


def tradable(book: NaiveState, order: Order) -> int:
    """What an order could trade at once (R20)."""
    total = 0
    limit = matching_limit(book, order)
    for level in book.far_side(order):
        if not crosses(order.side, limit, level[0].price):
            break
        others = [o for o in level if not is_own(order, o)]
        if len(others) == len(level) or order.self_trade == "cancel_oldest":
            total += sum(o.open for o in others if is_firm(o))
            continue
        if book.matching == "price_time":
            for other in level:
                if is_own(order, other):
                    break
                total += other.visible if is_firm(other) else 0
        break
    return total


def take_and_rest(book: NaiveState, order: Order) -> None:
    """Match in the continuous phase; then what is left rests or is cancelled (R25)."""
    if book.phase == "auction":
        book.rest(order)
        return
    match(book, order)
    if order.open == 0:
        if order.status == "filled":
            book.tell_legs(order)
        return
    if order.tif in RESTING_TIFS:
        book.rest(order)
    else:
        book.cancel(order)


def match(book: NaiveState, order: Order) -> None:
    """Take levels best first while the order crosses and has quantity (R18)."""
    limit = matching_limit(book, order)
    while order.open > 0:
        levels = book.far_side(order)
        if not levels or not crosses(order.side, limit, levels[0][0].price):
            return
        if is_used_up(book, order):
            book.cancel(order)
            return
        if book.matching == "price_time":
            take_front(book, order, levels[0][0])
        else:
            take_pass(book, order, levels[0])


def is_used_up(book: NaiveState, order: Order) -> bool:
    """A reduce-only aggressor with nothing left to reduce stops (R16)."""
    return order.reduce_only and book.reducible(order) == 0


def is_gone_after_cut(book: NaiveState, passive: Order) -> bool:
    """Cut a resting reduce-only order to what it may still reduce (R16); whether nothing is left."""
    if passive.reduce_only:
        excess = passive.open - min(passive.open, book.reducible(passive))
        if excess > 0:
            book.cut(passive, excess, "reduce_only")
    return passive.open == 0


def take_front(book: NaiveState, order: Order, front: Order) -> None:
    """Price-time: one meeting with the order at the front (R21)."""
    if is_own(order, front):
        prevent_self_trade(book, order, front)
        return
    if is_gone_after_cut(book, front):
        return
    book.trade(order, front, front.price, min(order.open, front.visible))
    refresh(book, front)


def refresh(book: NaiveState, order: Order) -> None:
    """An iceberg whose visible part is used up shows again, at the back (R14)."""
    if order.place == "resting" and order.visible == 0:
        book.move_to_back(order)


def take_pass(book: NaiveState, order: Order, level: list[Order]) -> None:
    """Pro-rata and split: one pass at a level (R22)."""
    for own in [o for o in level if is_own(order, o)]:
        if order.open > 0 and own.place == "resting":
            prevent_self_trade(book, order, own)
    queue = [o for o in level if o.place == "resting"]
    if order.open == 0 or not queue:
        return
    visible = [o.visible for o in queue]
    parts = shares(
        order.open,
        visible,
        lot=book.lot,
        fifo_percent=book.fifo_percent if book.matching == "split" else 0,
        min_allocation=book.min_allocation,
        has_top=book.top_order and queue[0].is_top,
    )
    for passive, part in zip(queue, parts, strict=True):
        if part == 0 or order.open == 0 or passive.place != "resting":
            continue
        if is_used_up(book, order):
            book.cancel(order)
            break
        if is_gone_after_cut(book, passive):
            continue
        book.trade(order, passive, passive.price, min(part, passive.visible, order.open))
    for passive in queue:
        refresh(book, passive)


def prevent_self_trade(book: NaiveState, order: Order, own: Order) -> None:
    """What happens when an aggressor meets an order of its owner (R26)."""
    if order.self_trade == "cancel_newest":
        book.cancel(order)
    elif order.self_trade == "cancel_oldest":
        book.cancel(own, "self_trade", order.id)
    elif order.self_trade == "cancel_both":
        book.cancel(own, "self_trade", order.id)
        if order.open > 0:
            book.cancel(order)
    else:
        decrement(book, order, own)


def decrement(book: NaiveState, order: Order, own: Order) -> None:
    """Both lose the smaller quantity without a trade; whoever has none left is cancelled."""
    loss = min(order.open, own.open)
    order.open -= loss
    book.cut(own, loss, "self_trade", order.id)
    if order.open == 0 and order.place == "entering":
        book.cancel(order)
