"""The state hash of R72, folded word by word from what the book shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.naive_orders import BUY, MAX, MIN

if TYPE_CHECKING:
    from reference.naive_orders import Order
    from reference.naive_state import NaiveState

START = 0xCBF29CE484222325
MULTIPLIER = 0x9E3779B97F4A7C15
WORD = 2**64 - 1
PHASES = {"continuous": 0, "halted": 1, "auction": 2}


def fold(h: int, words: list[int]) -> int:
    """Fold 64-bit words into a hash, one after the other."""
    for word in words:
        h = ((h ^ (word & WORD)) * MULTIPLIER) & WORD
        h ^= h >> 32
    return h


def fold_trade(h: int, trade: tuple) -> int:
    """The trade chain after one more trade."""
    trade_id, price, quantity, aggressor, passive, side, timestamp = trade
    return fold(h, [trade_id, price, quantity, aggressor, passive, 0 if side == BUY else 1, timestamp])


def or_zero(value: int | None) -> list[int]:
    """1 and the value, or 0 and 0."""
    return [0, 0] if value is None else [1, value]


def state_hash(book: NaiveState, bids: list[list[Order]], asks: list[list[Order]]) -> int:
    """The hash of everything a later command can see; ``bids`` and ``asks`` are the book's levels."""
    words = [book.next_id, book.next_trade_id, book.next_timestamp, book.clock, book.session_close or 0]
    words += [PHASES[book.phase], *or_zero(book.last_trade_price)]
    words += [MIN if book.band_low is None else book.band_low, MAX if book.band_high is None else book.band_high]
    words.append(book.trade_chain)
    for levels in (bids, asks):
        words.append(len(levels))
        for orders in levels:
            words += [orders[0].price, len(orders)]
            for order in orders:
                words += [order.id, order.open, order.visible, order.owner or 0]
    words.append(len(book.pending))
    for stop in sorted(book.pending, key=lambda s: s.id):
        words += [stop.id, 0 if stop.side == BUY else 1, stop.stop_price, *or_zero(stop.limit_price)]
        words += [stop.open, stop.owner or 0, *or_zero(stop.trail.watermark if stop.trail else None)]
    for items in (book.parked, book.held):
        words.append(len(items))
        for item in sorted(items, key=lambda o: o.id):
            words += [item.id, item.open]
    positions = sorted((owner, position) for owner, position in book.positions.items() if position != 0)
    words.append(len(positions))
    for owner, position in positions:
        words += [owner, position]
    return fold(START, words)
