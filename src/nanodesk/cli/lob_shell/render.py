"""The book and what happens in it as words, with a style for each piece of text.

Text is a list of ``(style, text)``; ``plain`` drops the styles, the prompt maps them to colors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nanodesk.market.units import CENTS_PER_UNIT, INT64_MAX, INT64_MIN

if TYPE_CHECKING:
    from nanodesk.book.exchange import Exchange
    from nanodesk.book.orders import Notice, Order, StopOrder
    from nanodesk.book.results import SubmitResult, Trade
    from nanodesk.book.snapshot import BookSnapshot, Level

Fragments = list[tuple[str, str]]

BAR_UNITS = 50
"""Quantity of one full cell of a bar."""
BAR_CELLS = 20
"""Longest bar."""
TRADES_SHOWN = 20
_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
_NS = 1_000_000_000

_REASONS = {
    "halted": "the market is halted: type resume first",
    "auction": "an auction takes only plain limit and market orders: type uncross to end it",
    "price_band": "its price is outside the price band",
    "reduce_only": "its owner has no position that it would reduce",
    "post_only": "it would trade at once, and it is post-only",
    "fok": "it cannot be filled whole at once",
    "min_quantity": "less than its minimum can trade at once",
}
_ERRORS = {
    "OrderNotFound": "there is no such order",
    "OrderNotActive": "that order is filled or cancelled already",
    "InvalidQuantity": "that quantity is not possible here",
    "InvalidPrice": "that price is not possible here",
    "NotModifiable": "that kind of order cannot be modified: cancel it",
    "Halted": "the market is halted: type resume first",
    "PriceBand": "that price is outside the price band",
    "ReduceOnly": "its owner has no position that it would reduce",
    "PostOnly": "it would trade at once, and it is post-only",
}


def plain(fragments: Fragments) -> str:
    """Text without styles."""
    return "".join(text for _, text in fragments)


def dollars(cents: float) -> str:
    """Cents as dollars; half cents show a third digit.

    Examples
    --------
    >>> dollars(1_234_550), dollars(10050.5), dollars(-5)
    ('$12,345.50', '$100.505', '-$0.05')
    """
    if cents in (INT64_MAX, INT64_MIN):
        return "market"
    sign = "-" if cents < 0 else ""
    if isinstance(cents, int):
        whole, rest = divmod(abs(cents), CENTS_PER_UNIT)
        return f"{sign}${whole:,}.{rest:02d}"
    if cents.is_integer():
        return dollars(int(cents))
    amount = f"{abs(cents) / CENTS_PER_UNIT:,.4f}"
    return sign + "$" + (amount[:-1] if amount.endswith("0") else amount)


def clock(time_ns: int) -> str:
    """Nanoseconds as a time of the session.

    Examples
    --------
    >>> clock(55_800_500_000_000)
    '15:30:00.5'
    """
    seconds, nanos = divmod(time_ns, _NS)
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return text + (f".{nanos:09d}".rstrip("0") if nanos else "")


def bar(quantity: int) -> str:
    """A bar of one cell for each ``BAR_UNITS``, exact to an eighth of a cell; anything shows something.

    Examples
    --------
    >>> bar(100), bar(75), bar(10_000) == "█" * 20
    ('██', '█▌', True)
    """
    cells, rest = divmod(min(quantity, BAR_UNITS * BAR_CELLS), BAR_UNITS)
    return "█" * cells + (_EIGHTHS[rest * 8 // BAR_UNITS] or ("" if cells or not rest else "▏"))


def average_price(trades: Sequence[Trade]) -> float | None:
    """Volume-weighted price in cents, or None without trades."""
    quantity = sum(trade.quantity for trade in trades)
    if not quantity:
        return None
    return sum(trade.price * trade.quantity for trade in trades) / quantity


def draw_book(exchange: Exchange, levels: int) -> Fragments:
    """Asks from high to low, the spread, bids from high to low."""
    snapshot = exchange.depth(levels)
    bids, asks = snapshot.bids, snapshot.asks
    if not bids and not asks:
        return [("dim", "The book is empty. Try: buy 100.50 100\n"), *_footer(exchange)]
    rows = [*asks, *bids]
    widths = [
        max(len("Price"), *(len(dollars(row.price)) for row in rows)),
        max(len("Quantity"), *(len(f"{row.quantity:,}") for row in rows)),
        max(len("Orders"), *(len(f"{row.order_count:,}") for row in rows)),
    ]
    out: Fragments = [("dim", f"      {'Price':>{widths[0]}}  {'Quantity':>{widths[1]}}  {'Orders':>{widths[2]}}\n")]
    for row in reversed(asks):
        out += _level(row, "ask", "  ask ", widths)
    width = max(48, sum(widths) + 10 + max(len(bar(row.quantity)) for row in rows))
    out.append(("spread", f"  {_spread_line(snapshot, width)}\n"))
    for row in bids:
        out += _level(row, "bid", "  bid ", widths)
    return out + _footer(exchange)


def _level(row: Level, style: str, label: str, widths: list[int]) -> Fragments:
    numbers = f"  {row.quantity:>{widths[1]},}  {row.order_count:>{widths[2]},}  "
    return [
        ("dim", label),
        (style, f"{dollars(row.price):>{widths[0]}}"),
        ("", numbers),
        (style, bar(row.quantity)),
        ("", "\n"),
    ]


def _spread_line(snapshot: BookSnapshot, width: int) -> str:
    if snapshot.spread is None or snapshot.mid_price is None:
        text = "no bids" if snapshot.best_bid is None else "no asks"
    else:
        # In an auction bids and asks may stand on the wrong side of each other.
        word = "crossed by" if snapshot.spread < 0 else "spread"
        text = f"{word} {dollars(abs(snapshot.spread))}, mid {dollars(snapshot.mid_price)}"
        text += f", imbalance {snapshot.imbalance:+.0%}"
    return f"─── {text} " + "─" * max(3, width - len(text) - 7)


def _footer(exchange: Exchange) -> Fragments:
    """What else matters: last trade, stops, an auction, a halt."""
    facts = []
    last = exchange.last_trade_price()
    if last is not None:
        facts.append(f"last {dollars(last)}")
    if exchange.pending_stop_count():
        facts.append(_plural(exchange.pending_stop_count(), "stop") + " pending")
    if exchange.phase == "halted":
        facts.append("halted")
    if exchange.phase == "auction":
        facts.append(indication(exchange))
    return [("dim", f"  {'; '.join(facts)}\n")] if facts else []


def indication(exchange: Exchange) -> str:
    """What the auction would do now."""
    found = exchange.indicative()
    if found is None:
        return "auction: nothing would trade yet"
    side = "buyers" if found.surplus > 0 else "sellers"
    left = f", {abs(found.surplus):,} left over among {side}" if found.surplus else ""
    return f"auction: {found.volume:,} would trade at {dollars(found.price)}{left}"


def draw_totals(exchange: Exchange) -> Fragments:
    """What went through a book, in a line."""
    trades = exchange.trades()
    text = f"{_plural(exchange.event_count(), 'command')}, {_plural(len(trades), 'trade')}"
    average = average_price(trades)
    if average is not None:
        text += f", {sum(trade.quantity for trade in trades):,} traded at an average of {dollars(average)}"
    return [("", text + "\n")]


def list_trades(trades: Sequence[Trade]) -> Fragments:
    """Newest first: id, price, quantity, buyer's and seller's order."""
    if not trades:
        return [("dim", "No trades yet.\n")]
    shown = list(reversed(trades[-TRADES_SHOWN:]))
    out: Fragments = []
    price = max(len(dollars(trade.price)) for trade in shown)
    quantity = max(len(f"{trade.quantity:,}") for trade in shown)
    ident = max(len(str(trade.id)) for trade in shown) + 1
    for trade in shown:
        is_buy = trade.aggressor_side.value == "buy"
        pair = (trade.aggressor_order_id, trade.passive_order_id)
        buyer, seller = pair if is_buy else reversed(pair)
        out.append(("dim", f"  {f'T{trade.id}':<{ident}}  "))
        out.append(("bid" if is_buy else "ask", f"{dollars(trade.price):>{price}}"))
        out.append(("", f"  {trade.quantity:>{quantity},}  O{buyer} → O{seller}\n"))
    if len(trades) > TRADES_SHOWN:
        out.append(("dim", f"  and {len(trades) - TRADES_SHOWN:,} before\n"))
    return out


def describe_submit(what: str, result: SubmitResult) -> Fragments:
    """What became of an order."""
    head = ("", f"O{result.order_id} {what}: ")
    if result.reason is not None:
        return [head, ("error", f"rejected, {_REASONS.get(result.reason, result.reason)}."), ("", "\n")]
    trades = result.trades
    parts = []
    if result.filled_quantity:
        average = dollars(average_price(trades) or 0.0)
        word = "at" if len({trade.price for trade in trades}) == 1 else "at an average of"
        parts.append(f"{result.filled_quantity:,} filled {word} {average}")
    if result.resting_quantity:
        parts.append(f"{result.resting_quantity:,} rest" if result.filled_quantity else "rests")
    if result.cancelled_quantity:
        parts.append(f"{result.cancelled_quantity:,} cancelled")
    return [head, ("", f"{', '.join(parts)}.\n"), *fills(trades)]


def fills(trades: Iterable[Trade]) -> Fragments:
    """The trades of one order, oldest first."""
    found = list(trades)
    out: Fragments = []
    for trade in found[:TRADES_SHOWN]:
        out.append(("dim", f"  T{trade.id}  "))
        out.append(("", f"{trade.quantity:,} at {dollars(trade.price)} with O{trade.passive_order_id}\n"))
    if len(found) > TRADES_SHOWN:
        out.append(("dim", f"  and {len(found) - TRADES_SHOWN:,} more\n"))
    return out


def refusal(error: str) -> Fragments:
    """Why the engine answered no."""
    return [("error", f"No: {_ERRORS.get(error, error)}.\n")]


def describe_order(order: Order) -> Fragments:
    """Everything about an order in a few lines."""
    traits = [order.time_in_force.value]
    traits += ["post-only"] if order.post_only else []
    traits += ["reduce-only"] if order.reduce_only else []
    traits += [f"shows {order.display:,}"] if order.display is not None else []
    traits += [f"owner {order.owner}"] if order.owner is not None else []
    traits += [f"self-trade {order.self_trade.replace('_', ' ')}"] if order.self_trade != "off" else []
    traits += [f"until {clock(order.expire_ns)}"] if order.expire_ns is not None else []
    traits += [f"from stop O{order.stop_id}"] if order.stop_id is not None else []
    state = order.status.value.replace("_", " ")
    state = "waits for its entry" if order.is_held else "waits for a price to follow" if order.is_parked else state
    price = "" if order.is_parked else f" @ {dollars(order.price)}"
    out: Fragments = [
        ("", f"O{order.id} "),
        (_side_style(order.side.value), order.side.value),
        ("", f" {order.original_quantity:,}{price}: {state}\n"),
        ("", f"  {order.filled_quantity:,} filled, {order.remaining_quantity:,} open"),
        ("", f", {order.cancelled_quantity:,} cancelled" if order.cancelled_quantity else ""),
        ("", f", {order.visible_quantity:,} visible" if order.display is not None else ""),
        ("", "\n"),
        ("dim", f"  {', '.join(traits)}\n"),
    ]
    return out


def describe_stop(stop: StopOrder) -> Fragments:
    """Everything about a stop."""
    becomes = "market order" if stop.limit_price is None else f"limit order @ {dollars(stop.limit_price)}"
    out: Fragments = [
        ("", f"O{stop.id} "),
        (_side_style(stop.side.value), stop.side.value),
        ("", f" {stop.quantity:,}, a {becomes} once it trades at {dollars(stop.stop_price)}: {stop.status}\n"),
    ]
    if stop.trail_type is not None:
        best = "" if stop.watermark is None else f", best print {dollars(stop.watermark)}"
        out.append(("dim", f"  trails by {stop.trail_type.replace('_', ' ')}{best}\n"))
    if stop.triggered_order_id is not None:
        out.append(("dim", f"  became O{stop.triggered_order_id}\n"))
    return out


def describe_notice(notice: Notice, exchange: Exchange) -> Fragments:
    """What happened to some order beside the command's own."""
    order, quantity, related = f"O{notice.order_id}", f"{notice.quantity:,}", f"O{notice.related_id}"
    sentences = {
        "self_trade": f"{order} lost {quantity}: it met its owner's own {related}",
        "reduce_only": f"{order} lost {quantity}: its owner's position is smaller now",
        "contingent": f"{order} lost {quantity}: it is linked to {related}",
        "expired": f"{order} expired, {quantity} cancelled",
        "auction": f"{order} was left over in the auction, {quantity} cancelled",
        "dropped": f"{order} was dropped with its entry",
        "triggered": f"stop {order} triggered and became {related}",
        "activated": f"{order} is active: its entry is filled",
        "repriced": f"{order} moved to {dollars(notice.quantity)}",
        "parked": f"{order} left the book: there is no price to follow",
        "rejected": f"{order} was rejected, {quantity} cancelled",
        "cascade_limit": f"too many stops in one go: {quantity} prints wait for the next trade",
    }
    text = sentences.get(notice.kind, f"{notice.kind} {order} {quantity}")
    became = exchange.get_order(notice.related_id) if notice.kind == "triggered" else None
    if became is not None:
        text += f": {became.side.value} {became.original_quantity:,}, {became.filled_quantity:,} filled"
    return [("notice", f"  {text}.\n")]


def _side_style(side: str) -> str:
    return "bid" if side == "buy" else "ask"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
