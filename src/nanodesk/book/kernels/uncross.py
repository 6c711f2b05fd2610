"""The call auction: the price that trades most, and the trades at it (docs/exchange.md, R64 to R68)."""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t
from cython.cimports.libc.stdlib import qsort
from cython.cimports.nanodesk.book.kernels.aftermath import _compare
from cython.cimports.nanodesk.book.kernels.ladder import Ladder
from cython.cimports.nanodesk.book.kernels.queues import cut, end_order, make_trade
from cython.cimports.nanodesk.book.kernels.records import (
    BUY,
    CONTINUOUS,
    INT64_MAX,
    INT64_MIN,
    NOTE_AUCTION,
    NOTE_REDUCE_ONLY,
    REDUCE_ONLY,
    RESTING,
    SELL,
    Book,
    Order,
    Outcome,
    int128,
    order_at,
)
from cython.cimports.nanodesk.book.kernels.store import list_push, note, reducible


def is_crossed(b: cython.pointer(Book)) -> cython.bint:
    """Whether the best bid is at or above the best ask."""
    bids: cython.pointer(Ladder) = cython.address(b.ladders[BUY])
    asks: cython.pointer(Ladder) = cython.address(b.ladders[SELL])
    if bids.best == 0 or asks.best == 0:
        return False
    return bids.levels[bids.best].price >= asks.levels[asks.best].price


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _worst_first(s: cython.pointer(Ladder)) -> uint32_t:
    """The worst level of a side."""
    index: uint32_t = s.best
    while index != 0 and s.levels[index].worse != 0:
        index = s.levels[index].worse
    return index


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.overflowcheck(False)
def _gap(p: int64_t, q: int64_t) -> int128:
    wide: int128 = cython.cast(int128, p) - q
    return -wide if wide < 0 else wide


def auction_price(
    b: cython.pointer(Book),
    has_reference: cython.bint,
    reference: int64_t,
    price: cython.pointer(int64_t),
    volume: cython.pointer(int64_t),
    surplus: cython.pointer(int64_t),
) -> cython.bint:
    """The price of R67 with its volume and surplus; False if nothing would trade.

    One walk over all prices from low to high: buys leave the count above their limit, sells enter at theirs.
    """
    bids: cython.pointer(Ladder) = cython.address(b.ladders[BUY])
    asks: cython.pointer(Ladder) = cython.address(b.ladders[SELL])
    bid: uint32_t = _worst_first(bids)
    ask: uint32_t = asks.best
    index: uint32_t = bids.best
    buying: int64_t = 0
    selling: int64_t = 0
    at: int64_t
    traded: int64_t
    excess: int64_t
    found: cython.bint = False
    limits: cython.bint = False
    low: int64_t = 0
    high: int64_t = 0
    near: int64_t = 0
    near_surplus: int64_t = 0
    low_surplus: int64_t = 0
    high_surplus: int64_t = 0
    above: cython.bint = True
    below: cython.bint = True
    if not has_reference and b.has_last:
        has_reference = True
        reference = b.last_price
    while index != 0:
        buying += bids.levels[index].open
        index = bids.levels[index].worse
    # Market sells stand at the lowest price there is: in the count from the beginning, but no candidate.
    while ask != 0 and asks.levels[ask].price == INT64_MIN:
        selling += asks.levels[ask].open
        ask = asks.levels[ask].worse
    volume[0] = 0
    while True:
        if bid != 0 and bids.levels[bid].price == INT64_MAX:
            bid = 0
        if bid != 0 and (ask == 0 or bids.levels[bid].price <= asks.levels[ask].price):
            at = bids.levels[bid].price
        elif ask != 0:
            at = asks.levels[ask].price
        elif not limits and has_reference:
            at = reference
        else:
            break
        if ask != 0 and asks.levels[ask].price == at:
            selling += asks.levels[ask].open
            ask = asks.levels[ask].worse
        traded = min(buying, selling)
        excess = buying - selling
        if traded > 0 and (
            not found
            or traded > volume[0]
            or (
                traded == volume[0]
                and (excess if excess > 0 else -excess) < (surplus[0] if surplus[0] > 0 else -surplus[0])
            )
        ):
            found = True
            volume[0] = traded
            surplus[0] = excess
            low = at
            high = at
            near = at
            low_surplus = excess
            high_surplus = excess
            near_surplus = excess
            above = excess > 0
            below = excess < 0
        elif found and traded == volume[0] and (excess == surplus[0] or excess == -surplus[0]):
            high = at
            high_surplus = excess
            above = above and excess > 0
            below = below and excess < 0
            if has_reference and _gap(at, reference) <= _gap(near, reference):
                near = at
                near_surplus = excess
        if bid != 0 and bids.levels[bid].price == at:
            buying -= bids.levels[bid].open
            bid = bids.levels[bid].better
        elif not limits and bid == 0 and ask == 0 and at == reference and not found:
            break
        limits = True
    if not found:
        return False
    if above or (not below and not has_reference):
        price[0] = high
        surplus[0] = high_surplus
    elif below:
        price[0] = low
        surplus[0] = low_surplus
    else:
        price[0] = near
        surplus[0] = near_surplus
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _held_back(b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t) -> cython.int:
    may: int64_t
    if not o.flags & REDUCE_ONLY:
        return 0
    may = reducible(b, o)
    if o.open <= may:
        return 0
    note(b, NOTE_REDUCE_ONLY, id, o.open - may, 0)
    cut(b, o, id, o.open - may)
    return 1


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _trade_at(b: cython.pointer(Book), price: int64_t) -> cython.int:
    """Trade the fronts of both sides at one price until one side has no order left that would."""
    bids: cython.pointer(Ladder) = cython.address(b.ladders[BUY])
    asks: cython.pointer(Ladder) = cython.address(b.ladders[SELL])
    bid_id: int64_t
    ask_id: int64_t
    bid: cython.pointer(Order)
    ask: cython.pointer(Order)
    quantity: int64_t
    while bids.best != 0 and asks.best != 0:
        if bids.levels[bids.best].price < price or asks.levels[asks.best].price > price:
            break
        bid_id = bids.levels[bids.best].head
        ask_id = asks.levels[asks.best].head
        bid = order_at(b, bid_id)
        ask = order_at(b, ask_id)
        if _held_back(b, bid, bid_id) or _held_back(b, ask, ask_id):
            continue
        quantity = min(bid.open, ask.open)
        if bid_id > ask_id:
            make_trade(b, bid, bid_id, ask, ask_id, price, quantity)
        else:
            make_trade(b, ask, ask_id, bid, bid_id, price, quantity)
    return 0


def end_auction(b: cython.pointer(Book)) -> cython.int:
    """Cancel the market orders that rest, in order of id, and go on continuously."""
    i: int64_t
    side: cython.int
    edge: int64_t
    at: int64_t
    o: cython.pointer(Order)
    ladder: cython.pointer(Ladder)
    b.scratch.n = 0
    list_push(cython.address(b.scratch), 0)
    b.scratch.n = 0
    for side in range(2):
        edge = INT64_MAX if side == BUY else INT64_MIN
        ladder = cython.address(b.ladders[side])
        if ladder.best != 0 and ladder.levels[ladder.best].price == edge:
            at = ladder.levels[ladder.best].head
            while at != 0:
                list_push(cython.address(b.scratch), at)
                at = order_at(b, at).next
    qsort(b.scratch.data, b.scratch.n, cython.sizeof(int64_t), _compare)
    for i in range(b.scratch.n):
        at = b.scratch.data[i]
        o = order_at(b, at)
        if o.state != RESTING:  # its link group took it with another one
            continue
        note(b, NOTE_AUCTION, at, o.open, 0)
        end_order(b, o, at)
    b.phase = CONTINUOUS
    b.unusual = b.band_low != INT64_MIN or b.band_high != INT64_MAX
    return 0


def uncross(
    b: cython.pointer(Book), has_reference: cython.bint, reference: int64_t, out: cython.pointer(Outcome)
) -> cython.int:
    """Trade at the auction price, cancel what is left of market orders, go on continuously (R68)."""
    price: int64_t = 0
    volume: int64_t = 0
    surplus: int64_t = 0
    before: int64_t = b.next_trade_id
    i: int64_t
    out.first_trade = before
    out.success = 0
    out.price = 0
    out.filled = 0
    while auction_price(
        b, has_reference, reference, cython.address(price), cython.address(volume), cython.address(surplus)
    ):
        out.price = price
        out.success = 1
        _trade_at(b, price)
        if not is_crossed(b):
            break
    for i in range(before, b.next_trade_id):
        out.filled += b.trades.data[i - b.trades.base_id].quantity
    return end_auction(b)
