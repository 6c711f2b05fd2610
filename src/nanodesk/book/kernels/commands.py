"""One record in, one outcome out: what a live call, a batch row and a replayed log record share.

The shell has checked what raises; whatever is left is an outcome (docs/exchange.md, R28 to R34).
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memset
from cython.cimports.nanodesk.book.kernels.aftermath import (
    aftermath,
    expire,
    place_peg,
    reprice,
    submit_stop,
    watch_expiry,
)
from cython.cimports.nanodesk.book.kernels.journal import Cursor, Event, journal_cancel, journal_next, journal_seek
from cython.cimports.nanodesk.book.kernels.ladder import Ladder
from cython.cimports.nanodesk.book.kernels.matching import enter, submit_plain
from cython.cimports.nanodesk.book.kernels.memory import nd_prefetch
from cython.cimports.nanodesk.book.kernels.queues import cancel_plain, cut, end_order, join, unrest
from cython.cimports.nanodesk.book.kernels.records import (
    ABSENT,
    ASK_POST_ONLY,
    ASK_REDUCE_ONLY,
    AUCTION,
    BUY,
    CANCELLED,
    CONTINUOUS,
    EVENT_BAND,
    EVENT_BRACKET,
    EVENT_CANCEL,
    EVENT_CLOCK,
    EVENT_HALT,
    EVENT_LIMIT,
    EVENT_LINK,
    EVENT_MARKET,
    EVENT_MODIFY,
    EVENT_PEGGED,
    EVENT_POSITION,
    EVENT_REDUCE,
    EVENT_RESUME,
    EVENT_SESSION_CLOSE,
    EVENT_START_AUCTION,
    EVENT_STOP_MARKET,
    EVENT_TRAIL_LIMIT,
    EVENT_UNCROSS,
    FILLED,
    FOK,
    FORGOTTEN_ORDER,
    GTC,
    HALTED,
    HANGING,
    HAS_HIGH,
    HAS_LOW,
    HAS_OPTIONS,
    HELD,
    ICEBERG,
    INT64_MAX,
    INT64_MIN,
    INVALID_PRICE,
    INVALID_QUANTITY,
    IOC,
    LINKED,
    MODIFY_HALTED,
    MODIFY_POST_ONLY,
    MODIFY_PRICE_BAND,
    MODIFY_REDUCE_ONLY,
    NOT_ACTIVE,
    NOT_FOUND,
    NOT_MODIFIABLE,
    NOTE_DROPPED,
    OWNED,
    PARENT,
    PARKED,
    PEGGED,
    POST_ONLY,
    REASON_AUCTION,
    REASON_HALTED,
    REDUCE_ONLY,
    RESTING,
    STATUS_CANCELLED,
    STATUS_NEW,
    STOP_PENDING,
    Book,
    Extra,
    Options,
    Order,
    Outcome,
    order_at,
    terms_of,
)
from cython.cimports.nanodesk.book.kernels.store import (
    extra_of,
    grown,
    list_push,
    list_remove,
    log_event,
    new_order,
    note,
    reducible,
    set_position,
)
from cython.cimports.nanodesk.book.kernels.uncross import end_auction, uncross

# How many rows ahead a batch fetches the order that a record names.
_AHEAD = cython.declare(int64_t, 8)


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(-1, check=False)
def _settle(b: cython.pointer(Book), out: cython.pointer(Outcome)) -> cython.int:
    """What comes after an order's own matching (R42, R45)."""
    out.n_trades = b.next_trade_id - out.first_trade
    if out.n_trades != 0 and (b.n_pending_stops != 0 or b.filled_parents.n != 0 or b.leftover):
        aftermath(b, 0)
    if b.pegs.n != 0:
        reprice(b)
    return 0


def submit_event(b: cython.pointer(Book), e: cython.pointer(Event), out: cython.pointer(Outcome)) -> cython.int:
    """Log and run a limit or market order without options: the short way."""
    log_event(b, e)
    submit_plain(b, e.side, e.price, e.quantity, e.policy, e.owner, out)
    return _settle(b, out)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _standing(b: cython.pointer(Book), id: int64_t) -> cython.int:
    """Why an id cannot be cancelled or reduced, or 0 (R31)."""
    state: uint8_t
    if id < 1 or id >= b.next_id or b.pages[id >> 15] == cython.NULL:
        return NOT_FOUND if id < 1 or id >= b.next_id else NOT_ACTIVE
    state = order_at(b, id).state
    if state == RESTING or state == PARKED or state == HELD or state == STOP_PENDING:
        return 0
    if state == FILLED or state == CANCELLED or state == FORGOTTEN_ORDER:
        return NOT_ACTIVE
    return NOT_FOUND


def cancel_event(b: cython.pointer(Book), id: int64_t, out: cython.pointer(Outcome)) -> cython.int:
    """Log and run a cancel; a plain resting order is gone after its own line and those of its neighbours."""
    e: Event
    o: cython.pointer(Order)
    if id <= 0 or id >= b.next_id:
        if b.logging:
            memset(cython.address(e), 0, cython.sizeof(Event))
            e.kind = EVENT_CANCEL
            e.id = id
            log_event(b, cython.address(e))
        return _cancel(b, id, out)
    if b.logging:
        journal_cancel(cython.address(b.journal), id)
    o = order_at(b, id)
    if o.state != RESTING or o.flags & HANGING or b.pegs.n != 0:
        return _cancel(b, id, out)
    out.error = 0
    out.success = 1
    out.cancelled = o.open
    cancel_plain(b, o)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _cancel(b: cython.pointer(Book), id: int64_t, out: cython.pointer(Outcome)) -> cython.int:
    out.error = _standing(b, id)
    out.success = out.error == 0
    out.cancelled = 0
    if out.success:
        out.cancelled = end_order(b, order_at(b, id), id)
        if b.pegs.n != 0:
            reprice(b)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _reduce(b: cython.pointer(Book), id: int64_t, quantity: int64_t, out: cython.pointer(Outcome)) -> cython.int:
    out.error = INVALID_QUANTITY if quantity <= 0 or quantity % b.lot != 0 else _standing(b, id)
    out.success = out.error == 0
    out.cancelled = 0
    if out.success:
        out.cancelled = min(quantity, order_at(b, id).open)
        cut(b, order_at(b, id), id, quantity)
        if b.pegs.n != 0:
            reprice(b)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _off_grid(b: cython.pointer(Book), price: int64_t) -> cython.bint:
    return (
        price == INT64_MAX
        or price == INT64_MIN
        or (price <= 0 and not b.allows_negative)
        or (b.tick != 1 and price % b.tick != 0)
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _unmodifiable(b: cython.pointer(Book), id: int64_t, price: int64_t, quantity: int64_t) -> cython.int:
    """Why a modify is refused, or 0 (R33)."""
    o: cython.pointer(Order)
    ladder: cython.pointer(Ladder)
    best: int64_t
    error: cython.int
    if quantity <= 0 or quantity % b.lot != 0:
        return INVALID_QUANTITY
    if _off_grid(b, price):
        return INVALID_PRICE
    error = _standing(b, id)
    if error != 0:
        return error
    o = order_at(b, id)
    if o.state == HELD or o.state == STOP_PENDING:
        return NOT_FOUND
    if o.flags & PEGGED:
        return NOT_MODIFIABLE
    if b.phase == AUCTION and (
        terms_of(o).price == INT64_MAX or terms_of(o).price == INT64_MIN or o.flags & (POST_ONLY | REDUCE_ONLY | PARENT)
    ):
        return NOT_MODIFIABLE
    if b.phase == HALTED:
        return MODIFY_HALTED
    if b.committed[o.side] - o.open > INT64_MAX - quantity:
        return INVALID_QUANTITY
    # More parts than R14 allows: quantity > display * max_display_parts.
    if o.flags & ICEBERG and (quantity - 1) // b.max_display_parts >= b.extras[terms_of(o).extra].display:
        return INVALID_QUANTITY
    if price < b.band_low or price > b.band_high:
        return MODIFY_PRICE_BAND
    if o.flags & REDUCE_ONLY and reducible(b, o) == 0:
        return MODIFY_REDUCE_ONLY
    if o.flags & POST_ONLY and b.phase == CONTINUOUS:
        ladder = cython.address(b.ladders[1 - o.side])
        if ladder.best != 0:
            best = ladder.levels[ladder.best].price
            if best <= price if o.side == BUY else best >= price:
                return MODIFY_POST_ONLY
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _modify(
    b: cython.pointer(Book), id: int64_t, price: int64_t, quantity: int64_t, out: cython.pointer(Outcome)
) -> cython.int:
    """Cancel and replace (R33): links and legs go over to the new order."""
    old: cython.pointer(Order)
    new: cython.pointer(Order)
    x: cython.pointer(Extra)
    y: cython.pointer(Extra)
    at: int64_t
    new_id: int64_t = b.next_id
    cancelled: int64_t
    flags: cython.int
    expire_ns: int64_t = 0
    out.error = _unmodifiable(b, id, price, quantity)
    out.success = out.error == 0
    out.old_id = id
    out.order_id = 0
    out.cancelled = 0
    out.first_trade = b.next_trade_id
    if not out.success:
        out.n_trades = 0
        return 0
    old = order_at(b, id)
    cancelled = old.open
    flags = old.flags
    unrest(b, old)
    b.committed[old.side] -= cancelled
    old.state = CANCELLED
    old.flags &= ~(LINKED | PARENT)
    new = new_order(
        b,
        old.side,
        price,
        quantity,
        old.policy,
        flags & (ICEBERG | REDUCE_ONLY | LINKED | PARENT | POST_ONLY | OWNED),
        terms_of(old).owner,
    )
    old = order_at(b, id)
    if terms_of(old).extra != 0:
        y = extra_of(b, new)
        x = cython.address(b.extras[terms_of(old).extra])
        y.display = min(x.display, quantity)
        y.expire_ns = x.expire_ns
        expire_ns = x.expire_ns
        y.link = x.link
        y.leg_link = x.leg_link
        y.leg_profit = x.leg_profit
        y.leg_loss = x.leg_loss
        if flags & LINKED:
            y.group = x.group
            y.group_next = x.group_next
            at = x.group_next
            while b.extras[terms_of(order_at(b, at)).extra].group_next != id:
                at = b.extras[terms_of(order_at(b, at)).extra].group_next
            b.extras[terms_of(order_at(b, at)).extra].group_next = new_id
            x.group_next = 0
            x.group = 0
    enter(b, new, new_id, cython.NULL, out)
    if expire_ns != 0 and new.state == RESTING:
        watch_expiry(b, new_id, expire_ns)
    out.success = 1
    out.error = 0
    out.old_id = id
    out.cancelled = cancelled
    return _settle(b, out)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _submit(
    b: cython.pointer(Book), e: cython.pointer(Event), options: cython.pointer(Options), out: cython.pointer(Outcome)
) -> cython.int:
    """A limit or market order with options."""
    id: int64_t = b.next_id
    flags: cython.int = (
        (POST_ONLY if e.flags & ASK_POST_ONLY else 0)
        | (REDUCE_ONLY if e.flags & ASK_REDUCE_ONLY else 0)
        | (OWNED if e.owner != 0 else 0)
        | (ICEBERG if options.display != 0 else 0)
    )
    o: cython.pointer(Order) = new_order(b, e.side, e.price, e.quantity, e.policy, flags, e.owner)
    x: cython.pointer(Extra)
    if options.display != 0 or options.expire_ns != 0:
        x = extra_of(b, o)
        x.display = options.display
        x.expire_ns = options.expire_ns
    enter(b, o, id, options, out)
    if options.expire_ns != 0 and o.state == RESTING:
        watch_expiry(b, id, options.expire_ns)
    return _settle(b, out)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _submit_pegged(
    b: cython.pointer(Book), e: cython.pointer(Event), options: cython.pointer(Options), out: cython.pointer(Outcome)
) -> cython.int:
    id: int64_t = b.next_id
    flags: cython.int = PEGGED | (OWNED if e.owner != 0 else 0) | (ICEBERG if options.display != 0 else 0)
    o: cython.pointer(Order) = new_order(b, e.side, 0, e.quantity, e.policy, flags, e.owner)
    x: cython.pointer(Extra)
    out.order_id = id
    out.filled = 0
    out.cancelled = 0
    out.resting = e.quantity
    out.reason = 0
    out.status = STATUS_NEW
    out.first_trade = b.next_trade_id
    out.n_trades = 0
    if b.phase != CONTINUOUS:
        out.reason = REASON_HALTED if b.phase == HALTED else REASON_AUCTION
        out.status = STATUS_CANCELLED
        out.cancelled = e.quantity
        out.resting = 0
        o.state = ABSENT
        return 0
    x = extra_of(b, o)
    x.display = options.display
    x.expire_ns = options.expire_ns
    x.peg = options.peg
    x.peg_offset = options.offset
    x.has_limit = options.has_limit
    x.limit_price = options.limit_price
    place_peg(b, id)
    if options.expire_ns != 0:
        watch_expiry(b, id, options.expire_ns)
    return reprice(b)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _submit_bracket(
    b: cython.pointer(Book), e: cython.pointer(Event), options: cython.pointer(Options), out: cython.pointer(Outcome)
) -> cython.int:
    """A parent with two held legs (R50)."""
    id: int64_t = b.next_id
    owned: cython.int = OWNED if e.owner != 0 else 0
    policy: cython.int = (e.policy & ~15) | GTC
    i: cython.int
    o: cython.pointer(Order)
    x: cython.pointer(Extra)
    new_order(b, e.side, e.price, e.quantity, e.policy, PARENT | owned, e.owner)
    new_order(b, 1 - e.side, options.take_profit, e.quantity, policy, owned, e.owner)
    new_order(b, 1 - e.side, options.stop_price, e.quantity, policy, owned, e.owner)
    for i in range(1, 3):
        o = order_at(b, id + i)
        x = extra_of(b, o)
        x.is_loss_leg = i == 2
        o.state = HELD
        list_push(cython.address(b.held), id + i)
        b.committed[o.side] += o.open
    o = order_at(b, id)
    x = extra_of(b, o)
    x.leg_link = options.link
    x.expire_ns = options.expire_ns
    x.leg_profit = id + 1
    x.leg_loss = id + 2
    b.n_parents += 1
    enter(b, o, id, cython.NULL, out)
    if out.reason != 0:
        b.n_parents -= 1
        for i in range(1, 3):
            o = order_at(b, id + i)
            note(b, NOTE_DROPPED, id + i, o.open, 0)
            b.committed[o.side] -= o.open
            o.state = ABSENT
            list_remove(cython.address(b.held), id + i)
    elif o.state == RESTING and options.expire_ns != 0:
        watch_expiry(b, id, options.expire_ns)
    out.profit_id = id + 1
    out.loss_id = id + 2
    return _settle(b, out)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _link(
    b: cython.pointer(Book), kind: cython.int, ids: cython.pointer(int64_t), n: int64_t, out: cython.pointer(Outcome)
) -> cython.int:
    i: int64_t
    for i in range(n):
        join(b, order_at(b, ids[i]), ids[i], ids[0], kind, cython.cast(uint32_t, b.next_group))
    out.order_id = b.next_group
    b.next_group += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _set_state(b: cython.pointer(Book), e: cython.pointer(Event)) -> cython.int:
    """Clock, session, band, phase and position commands."""
    if e.kind == EVENT_POSITION:
        return set_position(b, e.owner, e.quantity)
    if e.kind == EVENT_CLOCK:
        b.clock = e.price
        expire(b)
    elif e.kind == EVENT_SESSION_CLOSE:
        b.session_close = e.price
        return 0
    elif e.kind == EVENT_BAND:
        b.band_low = e.price if e.flags & HAS_LOW else INT64_MIN
        b.band_high = e.quantity if e.flags & HAS_HIGH else INT64_MAX
    elif e.kind == EVENT_HALT:
        b.phase = HALTED
    elif e.kind == EVENT_RESUME:
        end_auction(b)
    elif e.kind == EVENT_START_AUCTION:
        b.phase = AUCTION
    b.unusual = b.phase != CONTINUOUS or b.band_low != INT64_MIN or b.band_high != INT64_MAX
    if b.pegs.n != 0 and (e.kind == EVENT_CLOCK or e.kind == EVENT_RESUME):
        reprice(b)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _log_options(
    b: cython.pointer(Book), e: cython.pointer(Event), options: cython.pointer(Options), ids: cython.pointer(int64_t)
) -> cython.int:
    """Append a record with options: they go to a table of their own, link ids to another."""
    record: Event = e[0]
    i: int64_t
    copy: Options = options[0]
    if not b.logging:
        return 0
    copy.ids_start = b.link_ids.n
    if b.n_options == b.option_capacity:
        b.options = cython.cast(
            cython.pointer(Options), grown(b.options, cython.address(b.option_capacity), cython.sizeof(Options))
        )
    for i in range(copy.ids_count):
        list_push(cython.address(b.link_ids), ids[i])
    b.options[b.n_options] = copy
    record.id = b.n_options
    record.flags |= HAS_OPTIONS
    b.n_options += 1
    return log_event(b, cython.address(record))


def apply_event(
    b: cython.pointer(Book),
    e: cython.pointer(Event),
    options: cython.pointer(Options),
    ids: cython.pointer(int64_t),
    out: cython.pointer(Outcome),
) -> cython.int:
    """Log and run one command of any kind. ``options`` only where the kind or the flags ask for them, else NULL."""
    kind: cython.int = e.kind
    if options != cython.NULL:
        _log_options(b, e, options, ids)
    else:
        log_event(b, e)
    if kind == EVENT_LIMIT or kind == EVENT_MARKET:
        if options == cython.NULL:
            submit_plain(b, e.side, e.price, e.quantity, e.policy, e.owner, out)
            return _settle(b, out)
        return _submit(b, e, options, out)
    if kind == EVENT_CANCEL:
        return _cancel(b, e.id, out)
    if kind == EVENT_MODIFY:
        return _modify(b, e.id, e.price, e.quantity, out)
    if kind == EVENT_REDUCE:
        return _reduce(b, e.id, e.quantity, out)
    if kind >= EVENT_STOP_MARKET and kind <= EVENT_TRAIL_LIMIT:
        submit_stop(b, e, options, out)
        return reprice(b) if b.pegs.n != 0 else 0
    if kind == EVENT_PEGGED:
        return _submit_pegged(b, e, options, out)
    if kind == EVENT_BRACKET:
        return _submit_bracket(b, e, options, out)
    if kind == EVENT_LINK:
        return _link(b, options.link, ids, options.ids_count, out)
    if kind == EVENT_UNCROSS:
        uncross(b, e.flags & HAS_LOW, e.price, out)
        return _settle(b, out)
    return _set_state(b, e)


def check_event(b: cython.pointer(Book), e: cython.pointer(Event)) -> cython.int:
    """Why a batch row is refused, or 0: what the shell would raise for."""
    tif: cython.int = e.policy & 15
    mode: cython.int = e.policy >> 4
    if e.kind > EVENT_REDUCE:
        return BATCH_BAD_KIND
    if e.kind >= EVENT_CANCEL:
        return 0
    if e.side > 1:
        return BATCH_BAD_SIDE
    if tif > FOK or mode > 4 or e.flags != 0:
        return BATCH_BAD_POLICY
    if e.quantity <= 0 or (b.lot != 1 and e.quantity % b.lot != 0):
        return BATCH_BAD_QUANTITY
    if e.kind == EVENT_MARKET:
        e.price = INT64_MAX if e.side == BUY else INT64_MIN
        e.policy = (mode << 4) | IOC
    elif _off_grid(b, e.price):
        return BATCH_BAD_PRICE
    if mode != 0 and e.owner == 0:
        return BATCH_BAD_OWNER
    if b.committed[e.side] > INT64_MAX - e.quantity:
        return BATCH_BAD_CAPACITY
    return 0


def run_batch(
    b: cython.pointer(Book), events: cython.pointer(Event), n: int64_t, rows: cython.pointer(BatchRow)
) -> cython.int:
    """Run new, cancel, modify and reduce records; a refused row leaves the book and the log alone."""
    i: int64_t
    out: Outcome
    # A copy: another thread may write to the array between the check of a row and its use.
    e: Event
    row: cython.pointer(BatchRow)
    error: cython.int
    ahead: uint64_t
    memset(cython.address(out), 0, cython.sizeof(Outcome))
    for i in range(n):
        e = events[i]
        row = cython.address(rows[i])
        # The order that a record a few rows ahead names is fetched now; no branch, as kinds are hard to foresee. There
        # is a record at id 0, and nothing reads it.
        ahead = cython.cast(uint64_t, events[i + _AHEAD if i + _AHEAD < n else i].id)
        ahead *= ahead < cython.cast(uint64_t, b.next_id)
        nd_prefetch(order_at(b, cython.cast(int64_t, ahead)))
        row.first_trade = b.next_trade_id
        if e.kind == EVENT_CANCEL:
            cancel_event(b, e.id, cython.address(out))
            row.order_id = e.id
            row.filled = 0
            row.resting = 0
            row.cancelled = out.cancelled
            row.n_trades = 0
            row.status = 0
            row.reason = 0
            row.error = out.error
            row.success = out.success
            continue
        error = check_event(b, cython.address(e))
        if error != 0:
            memset(row, 0, cython.sizeof(BatchRow))
            row.first_trade = b.next_trade_id
            row.error = error
            continue
        if e.kind <= EVENT_MARKET:
            submit_event(b, cython.address(e), cython.address(out))
            out.error = 0
            out.success = 1
        else:
            out.order_id = e.id
            out.filled = 0
            out.resting = 0
            out.status = 0
            out.reason = 0
            out.n_trades = 0
            apply_event(b, cython.address(e), cython.NULL, cython.NULL, cython.address(out))
        row.order_id = nd_single(out.order_id)
        row.filled = nd_single(out.filled)
        row.resting = nd_single(out.resting)
        row.cancelled = nd_single(out.cancelled)
        row.n_trades = cython.cast(uint32_t, out.n_trades)
        row.status = out.status
        row.reason = out.reason
        row.error = out.error
        row.success = out.success
    return 0


def run_plain(b, events, first, n):
    """Check and run records without options from ``first`` on; where it stopped: n, or the first record of another
    kind, or -1 - i."""
    i: int64_t
    out: Outcome
    e: Event
    memset(cython.address(out), 0, cython.sizeof(Outcome))
    for i in range(first, n):
        e = events[i]
        if e.kind > EVENT_REDUCE or e.flags != 0:
            return i
        if check_event(b, cython.address(e)) != 0:
            return -1 - i
        if e.kind <= EVENT_MARKET:
            submit_event(b, cython.address(e), cython.address(out))
        else:
            apply_event(b, cython.address(e), cython.NULL, cython.NULL, cython.address(out))
    return n


def run_log(b: cython.pointer(Book), source: cython.pointer(Book)) -> cython.int:
    """Run the records of another book's log."""
    i: int64_t
    out: Outcome
    c: Cursor
    e: Event
    o: cython.pointer(Options)
    memset(cython.address(out), 0, cython.sizeof(Outcome))
    journal_seek(cython.address(source.journal), 0, cython.address(c))
    for i in range(source.journal.n):
        journal_next(cython.address(c), cython.address(e))
        if e.kind <= EVENT_MARKET and e.flags == 0:
            submit_event(b, cython.address(e), cython.address(out))
        elif e.flags & HAS_OPTIONS:
            o = cython.address(source.options[e.id])
            apply_event(b, cython.address(e), o, source.link_ids.data + o.ids_start, cython.address(out))
        else:
            apply_event(b, cython.address(e), cython.NULL, cython.NULL, cython.address(out))
    return 0
