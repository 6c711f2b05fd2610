"""What follows a trade: prints, stops, cascades, bracket legs (R40 to R44, R57)."""

from __future__ import annotations

from reference.naive_matching import enter, reason_to_reject, take_and_rest
from reference.naive_orders import BUY, MAX, MIN, Order, Stop
from reference.naive_state import NaiveState
from reference.naive_trailing import trail


def aftermath(book: NaiveState, marked: list[Stop]) -> None:
    """Rounds until no print is unseen and no filled parent unlooked at (R42)."""
    rounds = 0
    while book.prints or book.filled_parents or marked:
        if rounds == book.cascade_limit:
            book.notice("cascade_limit", 0, len(book.prints))
            return
        rounds += 1
        marked = [*marked, *see_prints(book)]
        parents, book.filled_parents = book.filled_parents, []
        for stop in marked:
            if stop.status == "pending":  # else cancelled meanwhile by its link group
                trigger(book, stop)
        for parent in parents:
            activate(book, parent)
        marked = []


def see_prints(book: NaiveState) -> list[Stop]:
    """Take all unseen prints in order; the stops that hold, in the order found."""
    marked = []
    prints, book.prints = book.prints, []
    for price in prints:
        book.remember_print(price)
        pending = sorted(book.pending, key=lambda s: s.id)
        for stop in pending:
            if stop.trail is not None:
                trail(stop, price, book.changes)
        for stop in pending:
            if stop.holds_at(price):
                book.pending.remove(stop)
                marked.append(stop)
    return marked


def trigger(book: NaiveState, stop: Stop) -> None:
    """A marked stop becomes an order with a new id, and enters (R8, R42.4)."""
    is_market = stop.limit_price is None
    extreme = MAX if stop.side == BUY else MIN
    order = Order(
        book.take_id(),
        stop.side,
        extreme if is_market else stop.limit_price,
        stop.open,
        book.take_timestamp(),
        tif="ioc" if is_market else stop.tif,
        owner=stop.owner,
        self_trade=stop.self_trade,
        reduce_only=stop.reduce_only,
        expire_ns=None if is_market else stop.expire_ns,
        is_market=is_market,
        stop_id=stop.id,
    )
    stop.status = "triggered"
    stop.triggered_order_id = order.id
    book.notice("triggered", stop.id, stop.open, order.id)
    book.group_acts(stop, "triggered")
    if enter(book, order) is not None:
        book.notice("rejected", order.id, order.quantity)


def activate(book: NaiveState, parent: Order) -> None:
    """The held legs of a filled parent enter, take-profit first (R57)."""
    for leg in parent.legs:
        if leg.place == "held" and leg.open > parent.filled:
            book.cut(leg, leg.open - parent.filled)
    for leg in parent.legs:
        if leg.place != "held":
            continue
        if isinstance(leg, Order):
            activate_take_profit(book, leg)
        else:
            activate_stop_loss(book, leg)


def activate_take_profit(book: NaiveState, leg: Order) -> None:
    book.held.remove(leg)
    leg.place = "entering"
    book.notice("activated", leg.id, leg.open)
    if reason_to_reject(book, leg, None) is not None:
        book.notice("rejected", leg.id, leg.open)
        book.cancel(leg)
        del book.orders[leg.id]  # rejected orders are not stored (R7)
        return
    take_and_rest(book, leg)


def activate_stop_loss(book: NaiveState, leg: Stop) -> None:
    book.held.remove(leg)
    leg.status = "pending"
    book.notice("activated", leg.id, leg.open)
    if book.last_trade_price is not None and leg.holds_at(book.last_trade_price):
        trigger(book, leg)
    else:
        book.pending.append(leg)
