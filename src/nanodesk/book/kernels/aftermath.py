"""What follows a trade, and what waits: stops and trailing stops, bracket legs, expiry, pegged orders.

Stops wait in two ladders of their own, the next to trigger at the front, so that a print costs one comparison a
side. Prints
are read from the trade log: nothing here runs while no stop and no bracket waits (docs/exchange.md, R38 to R60).
"""

import cython
from cython.cimports.libc.math import floor
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import malloc, qsort
from cython.cimports.nanodesk.book.kernels.journal import Event
from cython.cimports.nanodesk.book.kernels.ladder import Ladder, Level
from cython.cimports.nanodesk.book.kernels.matching import enter
from cython.cimports.nanodesk.book.kernels.queues import (
    cut,
    end_order,
    forget_stop,
    group_ended,
    join,
    move_stop,
    rest,
    rest_stop,
    unrest,
)
from cython.cimports.nanodesk.book.kernels.records import (
    ABSENT,
    ASK_REDUCE_ONLY,
    BUY,
    CONTINUOUS,
    HALTED,
    HELD,
    INT64_MAX,
    INT64_MIN,
    IOC,
    LINKED,
    NOTE_ACTIVATED,
    NOTE_CASCADE_LIMIT,
    NOTE_EXPIRED,
    NOTE_PARKED,
    NOTE_REJECTED,
    NOTE_REPRICED,
    NOTE_TRIGGERED,
    OWNED,
    PARENT,
    PARKED,
    REASON_HALTED,
    REDUCE_ONLY,
    RESTING,
    SELL,
    STOP_PENDING,
    STOP_TRIGGERED,
    TOP,
    TRAIL_FIXED,
    TRAIL_NONE,
    TRAIL_PERCENTAGE,
    TRAIL_SMA,
    WORKING,
    Book,
    Expiry,
    Extra,
    Options,
    Order,
    Outcome,
    Trade,
    TradeLog,
    int128,
    order_at,
    terms_of,
)
from cython.cimports.nanodesk.book.kernels.store import extra_of, grown, list_push, list_remove, new_order, note

_HISTORY = cython.declare(int64_t, 10000)
_NO_OFFSET = cython.declare(int64_t, 0)
_TOO_FAR = cython.declare(cython.double, 4611686018427387904.0)


# ---- prints --------------------------------------------------------------------------------------------------------


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _print_end(b: cython.pointer(Book), first: int64_t) -> int64_t:
    """One past the last trade id of the print that begins at ``first`` (R40)."""
    log: cython.pointer(TradeLog) = b.trades
    t: cython.pointer(Trade) = cython.address(log.data[first - log.base_id])
    u: cython.pointer(Trade)
    at: int64_t = first + 1
    while at < b.next_trade_id:
        u = cython.address(log.data[at - log.base_id])
        if u.aggressor != t.aggressor or u.price != t.price:
            break
        at += 1
    return at


def fold_history(b: cython.pointer(Book), until: int64_t) -> cython.void:
    """Enter the prints before trade id ``until`` in the history of absolute changes."""
    price: int64_t
    change: uint64_t
    while b.history_at < until:
        price = b.trades.data[b.history_at - b.trades.base_id].price
        if b.has_history:
            change = _distance(price, b.history_last)
            if b.history == cython.NULL:
                b.history = cython.cast(
                    cython.pointer(uint64_t), malloc(cython.cast(cython.size_t, _HISTORY) * cython.sizeof(uint64_t))
                )
            if b.history != cython.NULL:
                b.history[b.n_history % _HISTORY] = change
                b.n_history += 1
        b.has_history = True
        b.history_last = price
        b.history_at = _print_end(b, b.history_at)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.overflowcheck(False)
def _distance(p: int64_t, q: int64_t) -> uint64_t:
    """Absolute difference, which may need the 64th bit."""
    wide: int128 = cython.cast(int128, p) - q
    return cython.cast(uint64_t, -wide if wide < 0 else wide)


# ---- trailing (R41) ------------------------------------------------------------------------------------------------


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.overflowcheck(False)
def _average_change(b: cython.pointer(Book), period: int64_t, factor: cython.double) -> cython.double:
    """A multiple of the mean of the last absolute changes; below 0 if there is none."""
    n: int64_t = min(period, min(b.n_history, _HISTORY))
    i: int64_t
    total: int128 = 0
    if n == 0:
        return -1.0
    for i in range(n):
        total += b.history[(b.n_history - 1 - i) % _HISTORY]
    return factor * cython.cast(cython.double, total) / cython.cast(cython.double, n)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _wilder(x: cython.pointer(Extra), price: int64_t) -> cython.double:
    """Wilder's average true range of the prints since submission; below 0 if there are too few."""
    span: cython.double
    period: cython.double = cython.cast(cython.double, x.trail_period)
    if x.has_previous:
        span = cython.cast(cython.double, _distance(price, x.trail_previous))
        x.trail_count += 1
        if x.trail_count < x.trail_period:
            x.trail_range += span
        elif x.trail_count == x.trail_period:
            x.trail_range = (x.trail_range + span) / period
        else:
            x.trail_range = (x.trail_range * (period - 1.0) + span) / period
    x.has_previous = 1
    x.trail_previous = price
    return x.trail_range if x.trail_count >= x.trail_period else -1.0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
@cython.overflowcheck(False)
def _trail(b: cython.pointer(Book), id: int64_t, price: int64_t) -> cython.int:
    """Move one trailing stop after a print."""
    o: cython.pointer(Order) = order_at(b, id)
    x: cython.pointer(Extra) = cython.address(b.extras[terms_of(o).extra])
    range_: cython.double
    wanted: cython.double
    offset: int64_t
    candidate: int128
    if not x.has_watermark:
        x.watermark = price
        x.has_watermark = 1
    elif o.side == SELL:
        x.watermark = max(x.watermark, price)
    else:
        x.watermark = min(x.watermark, price)
    if x.trail_method == TRAIL_FIXED:
        offset = x.trail_value
    else:
        if x.trail_method == TRAIL_PERCENTAGE:
            wanted = floor(cython.cast(cython.double, _distance(x.watermark, 0)) * x.trail_factor + 0.5)
        else:
            if x.trail_method == TRAIL_SMA:
                range_ = _average_change(b, x.trail_period, x.trail_factor)
            else:
                range_ = x.trail_factor * _wilder(x, price)
            wanted = floor(range_) if range_ >= 0.0 else 0.0
        if not (wanted > 0.0 and wanted < _TOO_FAR):
            return 0
        offset = cython.cast(int64_t, wanted)
    if offset <= 0 or offset >= (cython.cast(int64_t, 1) << 62):
        return 0
    candidate = cython.cast(int128, x.watermark) + (-offset if o.side == SELL else offset)
    if candidate <= INT64_MIN or candidate >= INT64_MAX:
        return 0
    if candidate > terms_of(o).price if o.side == SELL else candidate < terms_of(o).price:
        move_stop(b, o, id, cython.cast(int64_t, candidate))
    return 0


# ---- stops ----------------------------------------------------------------------------------------------------------


def _compare(p, q):
    x: int64_t = cython.cast(cython.pointer(int64_t), p)[0]
    y: int64_t = cython.cast(cython.pointer(int64_t), q)[0]
    return 1 if x > y else -1 if x < y else 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _mark(b: cython.pointer(Book), price: int64_t) -> cython.int:
    """Mark every pending stop that holds at a print, in order of id."""
    start: int64_t = b.marked.n
    side: cython.int
    ladder: cython.pointer(Ladder)
    level: cython.pointer(Level)
    o: cython.pointer(Order)
    id: int64_t
    for side in range(2):
        ladder = cython.address(b.stops[side])
        while ladder.best != 0:
            level = cython.address(ladder.levels[ladder.best])
            if level.price > price if side == BUY else level.price < price:
                break
            id = level.head
            o = order_at(b, id)
            list_push(cython.address(b.marked), id)
            _set_off(b, o, id)
    if b.marked.n - start > 1:
        qsort(cython.address(b.marked.data[start]), b.marked.n - start, cython.sizeof(int64_t), _compare)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _set_off(b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t) -> cython.void:
    forget_stop(b, o, id)
    o.state = STOP_TRIGGERED
    b.extras[terms_of(o).extra].marked = 1


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _fire(b: cython.pointer(Book), id: int64_t) -> cython.int:
    """Submit the order that a marked stop becomes (R42.4), unless it was cancelled meanwhile."""
    stop: cython.pointer(Order) = order_at(b, id)
    x: cython.pointer(Extra) = cython.address(b.extras[terms_of(stop).extra])
    y: cython.pointer(Extra)
    o: cython.pointer(Order)
    new: int64_t
    price: int64_t
    policy: cython.int = stop.policy
    expire_ns: int64_t = x.expire_ns
    quantity: int64_t = stop.open
    out: Outcome
    if stop.state != STOP_TRIGGERED or not x.marked:
        return 0
    x.marked = 0
    if x.has_limit:
        price = x.limit_price
    else:
        price = INT64_MAX if stop.side == BUY else INT64_MIN
        policy = (policy & ~15) | IOC
    new = b.next_id
    o = new_order(b, stop.side, price, quantity, policy, stop.flags & (REDUCE_ONLY | OWNED), terms_of(stop).owner)
    y = extra_of(b, o)
    y.twin = id
    y.expire_ns = expire_ns
    b.extras[terms_of(order_at(b, id)).extra].twin = new
    note(b, NOTE_TRIGGERED, id, quantity, new)
    if order_at(b, id).flags & LINKED:
        group_ended(b, order_at(b, id), id)
    enter(b, o, new, cython.NULL, cython.address(out))
    if out.reason != 0:
        note(b, NOTE_REJECTED, new, quantity, 0)
    elif o.state == RESTING and expire_ns != 0:
        watch_expiry(b, new, expire_ns)
    return 0


def submit_stop(
    b: cython.pointer(Book), e: cython.pointer(Event), options: cython.pointer(Options), out: cython.pointer(Outcome)
) -> cython.int:
    """Accept a stop of any kind (R38, R39): out.success when it triggered, out.profit_id its order, reason when
    halted."""
    id: int64_t = b.next_id
    flags: cython.int = (REDUCE_ONLY if e.flags & ASK_REDUCE_ONLY else 0) | (OWNED if e.owner != 0 else 0)
    o: cython.pointer(Order) = new_order(b, e.side, options.stop_price, e.quantity, e.policy, flags, e.owner)
    x: cython.pointer(Extra)
    out.order_id = id
    out.success = 0
    out.reason = 0
    out.profit_id = 0
    out.first_trade = b.next_trade_id
    if b.phase == HALTED:
        out.reason = REASON_HALTED
        o.state = ABSENT
        return 0
    x = extra_of(b, o)
    x.has_limit = options.has_limit
    x.limit_price = options.limit_price
    x.expire_ns = options.expire_ns
    x.trail_method = options.trail_method
    if x.trail_method != TRAIL_NONE:
        x.trail_factor = options.trail_value
        x.trail_value = options.offset
        x.trail_period = options.trail_period
        x.has_previous = b.has_last
        x.trail_previous = b.last_price
    # The first stop begins to watch at the present print.
    if b.n_pending_stops == 0 and not b.leftover:
        b.seen = b.next_trade_id
    _await(b, o, id)
    if x.trail_method != TRAIL_NONE:
        list_push(cython.address(b.trailing), id)
    elif b.phase == CONTINUOUS and b.has_last and _holds(o, b.last_price):
        _set_off(b, o, id)
        out.success = 1
        aftermath(b, id)
        out.profit_id = b.extras[terms_of(order_at(b, id)).extra].twin
        return 0
    if x.expire_ns != 0:
        watch_expiry(b, id, x.expire_ns)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _holds(o: cython.pointer(Order), price: int64_t) -> cython.bint:
    return price >= terms_of(o).price if o.side == BUY else price <= terms_of(o).price


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _await(b: cython.pointer(Book), o: cython.pointer(Order), id: int64_t) -> cython.int:
    """Make a stop pending."""
    rest_stop(b, o, id)
    b.n_pending_stops += 1
    b.committed[o.side] += o.open
    return 0


# ---- aftermath (R42) -----------------------------------------------------------------------------------------------


def aftermath(b: cython.pointer(Book), first: int64_t) -> cython.int:
    """Run the consequences of trades, round by round; ``first`` is a stop that triggered on submission, or 0."""
    rounds: int64_t = 0
    i: int64_t
    n_parents: int64_t
    until: int64_t
    price: int64_t
    prints: int64_t
    while first != 0 or b.seen < b.next_trade_id or b.filled_parents.n > 0:
        if rounds == b.cascade_limit:
            prints = 0
            until = b.seen
            while until < b.next_trade_id:
                until = _print_end(b, until)
                prints += 1
            b.leftover = True
            return note(b, NOTE_CASCADE_LIMIT, 0, prints, 0)
        rounds += 1
        b.leftover = False
        b.marked.n = 0
        if first != 0:
            list_push(cython.address(b.marked), first)
            first = 0
        while b.seen < b.next_trade_id:
            if b.n_pending_stops == 0:
                b.seen = b.next_trade_id
                break
            until = _print_end(b, b.seen)
            price = b.trades.data[b.seen - b.trades.base_id].price
            if b.trailing.n > 0:
                fold_history(b, until)
                for i in range(b.trailing.n):
                    _trail(b, b.trailing.data[i], price)
            b.seen = until
            _mark(b, price)
        n_parents = b.filled_parents.n
        if b.marked.n == 0 and n_parents == 0:
            break
        i = 0
        while i < b.marked.n:
            _fire(b, b.marked.data[i])
            i += 1
        for i in range(n_parents):
            _activate(b, b.filled_parents.data[i])
        for i in range(n_parents, b.filled_parents.n):
            b.filled_parents.data[i - n_parents] = b.filled_parents.data[i]
        b.filled_parents.n -= n_parents
    b.leftover = False
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _activate(b: cython.pointer(Book), parent: int64_t) -> cython.int:
    """Send the legs of a filled parent (R57)."""
    o: cython.pointer(Order) = order_at(b, parent)
    x: cython.pointer(Extra) = cython.address(b.extras[terms_of(o).extra])
    profit_id: int64_t = x.leg_profit
    loss_id: int64_t = x.leg_loss
    profit: cython.pointer(Order) = order_at(b, profit_id)
    loss: cython.pointer(Order) = order_at(b, loss_id)
    kind: cython.int = x.leg_link
    filled: int64_t = terms_of(o).quantity - x.cut
    out: Outcome
    o.flags &= ~PARENT
    b.n_parents -= 1
    if profit.state == HELD and profit.open > filled:
        cut(b, profit, profit_id, profit.open - filled)
    if loss.state == HELD and loss.open > filled:
        cut(b, loss, loss_id, loss.open - filled)
    if profit.state == HELD and loss.state == HELD:
        join(b, profit, profit_id, profit_id, kind, 0)
        join(b, loss, loss_id, profit_id, kind, 0)
    if profit.state == HELD:
        list_remove(cython.address(b.held), profit_id)
        b.committed[profit.side] -= profit.open
        profit.state = WORKING
        note(b, NOTE_ACTIVATED, profit_id, profit.open, 0)
        enter(b, profit, profit_id, cython.NULL, cython.address(out))
        if out.reason != 0:
            note(b, NOTE_REJECTED, profit_id, profit.open, 0)
            if profit.flags & LINKED:
                group_ended(b, profit, profit_id)
    if loss.state == HELD:
        list_remove(cython.address(b.held), loss_id)
        b.committed[loss.side] -= loss.open
        note(b, NOTE_ACTIVATED, loss_id, loss.open, 0)
        _await(b, loss, loss_id)
        if b.has_last and _holds(loss, b.last_price):
            _set_off(b, loss, loss_id)
            _fire(b, loss_id)
    return 0


# ---- expiry (R60) --------------------------------------------------------------------------------------------------


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _sooner(p: Expiry, q: Expiry) -> cython.bint:
    return p.expire_ns < q.expire_ns or (p.expire_ns == q.expire_ns and p.id < q.id)


def watch_expiry(b: cython.pointer(Book), id: int64_t, expire_ns: int64_t) -> cython.int:
    """Enter an order in the heap of what expires. An order that ends before stays there until its time."""
    i: int64_t
    e: Expiry
    if b.n_expiries == b.expiry_capacity:
        b.expiries = cython.cast(
            cython.pointer(Expiry), grown(b.expiries, cython.address(b.expiry_capacity), cython.sizeof(Expiry))
        )
    e.expire_ns = expire_ns
    e.id = id
    i = b.n_expiries
    b.n_expiries += 1
    while i > 0 and _sooner(e, b.expiries[(i - 1) >> 1]):
        b.expiries[i] = b.expiries[(i - 1) >> 1]
        i = (i - 1) >> 1
    b.expiries[i] = e
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _pop_expiry(b: cython.pointer(Book)) -> Expiry:
    first: Expiry = b.expiries[0]
    last: Expiry
    i: int64_t = 0
    child: int64_t
    b.n_expiries -= 1
    last = b.expiries[b.n_expiries]
    while 2 * i + 1 < b.n_expiries:
        child = 2 * i + 1
        if child + 1 < b.n_expiries and _sooner(b.expiries[child + 1], b.expiries[child]):
            child += 1
        if not _sooner(b.expiries[child], last):
            break
        b.expiries[i] = b.expiries[child]
        i = child
    b.expiries[i] = last
    return first


def expire(b: cython.pointer(Book)) -> cython.int:
    """Cancel what expires at or before the present clock."""
    e: Expiry
    o: cython.pointer(Order)
    while b.n_expiries > 0 and b.expiries[0].expire_ns <= b.clock:
        e = _pop_expiry(b)
        o = order_at(b, e.id)
        if o.state == RESTING or o.state == PARKED or o.state == STOP_PENDING:
            note(b, NOTE_EXPIRED, e.id, o.open, 0)
            end_order(b, o, e.id)
    return 0


# ---- pegs (R58, R59) -----------------------------------------------------------------------------------------------


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _best_fixed(b: cython.pointer(Book), side: cython.int, price: cython.pointer(int64_t)) -> cython.bint:
    """The best price of a side that a non-pegged order has."""
    ladder: cython.pointer(Ladder) = cython.address(b.ladders[side])
    index: uint32_t = ladder.best
    while index != 0:
        if ladder.levels[index].count > ladder.levels[index].pegged:
            price[0] = ladder.levels[index].price
            return True
        index = ladder.levels[index].worse
    return False


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.overflowcheck(False)
def _floor_to(value: int128, step: int64_t) -> int128:
    rest_: int128 = value % step
    if rest_ < 0:
        rest_ += step
    return value - rest_


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
@cython.overflowcheck(False)
def _target(b: cython.pointer(Book), o: cython.pointer(Order), price: cython.pointer(int64_t)) -> cython.bint:
    """Where a pegged order belongs now; False if nowhere."""
    x: cython.pointer(Extra) = cython.address(b.extras[terms_of(o).extra])
    bid: int64_t = 0
    ask: int64_t = 0
    at: int128
    opposite: cython.pointer(Ladder) = cython.address(b.ladders[1 - o.side])
    best: int64_t
    if x.peg != 1 and not _best_fixed(b, BUY, cython.address(bid)):
        return False
    if x.peg != 0 and not _best_fixed(b, SELL, cython.address(ask)):
        return False
    if x.peg == 0:
        at = bid
    elif x.peg == 1:
        at = ask
    else:
        at = cython.cast(int128, bid) + ask
        at = _floor_to(at, 2) / 2
    at += x.peg_offset
    if o.side == BUY:
        at = _floor_to(at, b.tick)
        if x.has_limit and at > x.limit_price:
            at = x.limit_price
    else:
        at = -_floor_to(-at, b.tick)
        if x.has_limit and at < x.limit_price:
            at = x.limit_price
    if at < b.band_low:
        at = b.band_low
    if at > b.band_high:
        at = b.band_high
    if opposite.best != 0:
        best = opposite.levels[opposite.best].price
        if o.side == BUY:
            if at > cython.cast(int128, best) - b.tick:
                at = cython.cast(int128, best) - b.tick
        elif at < cython.cast(int128, best) + b.tick:
            at = cython.cast(int128, best) + b.tick
    if at <= INT64_MIN or at >= INT64_MAX or (at <= 0 and not b.allows_negative) or at % b.tick != 0:
        return False
    price[0] = cython.cast(int64_t, at)
    return True


def place_peg(b: cython.pointer(Book), id: int64_t) -> cython.int:
    """Rest or park a new pegged order."""
    o: cython.pointer(Order) = order_at(b, id)
    price: int64_t = 0
    list_push(cython.address(b.pegs), id)
    if _target(b, o, cython.address(price)):
        terms_of(o).price = price
        return rest(b, o, id)
    terms_of(o).price = 0
    o.state = PARKED
    b.committed[o.side] += o.open
    return 0


def reprice(b: cython.pointer(Book)) -> cython.int:
    """Move every pegged order to where it belongs (R59)."""
    i: int64_t
    id: int64_t
    price: int64_t = 0
    o: cython.pointer(Order)
    if b.phase != CONTINUOUS:
        return 0
    for i in range(b.pegs.n):
        id = b.pegs.data[i]
        o = order_at(b, id)
        if _target(b, o, cython.address(price)):
            if o.state == RESTING:
                if terms_of(o).price == price:
                    continue
                unrest(b, o)
            b.committed[o.side] -= o.open
            terms_of(o).price = price
            rest(b, o, id)
            o.flags &= ~TOP
            note(b, NOTE_REPRICED, id, price, 0)
        elif o.state == RESTING:
            unrest(b, o)
            o.state = PARKED
            terms_of(o).price = 0
            note(b, NOTE_PARKED, id, 0, 0)
    return 0
