"""What a caller hands in, checked and turned into the numbers of a record (R90 to R93 of docs/exchange.md).

The first wrong argument raises, naming field, value and what is allowed. Nothing here changes a book.
"""

import cython
from cython.cimports.cpython.long import PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from cython.cimports.libc.math import isfinite
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t
from cython.cimports.nanodesk.book.kernels.journal import Event
from cython.cimports.nanodesk.book.kernels.records import (
    ASK_POST_ONLY,
    ASK_REDUCE_ONLY,
    BUY,
    DAY,
    FOK,
    GTC,
    GTD,
    INT64_MAX,
    INT64_MIN,
    IOC,
    LINKED,
    PARKED,
    PEGGED,
    RESTING,
    SELL,
    STOP_PENDING,
    TRAIL_FIXED,
    TRAIL_PERCENTAGE,
    TRAIL_SMA,
    Book,
    Options,
    int128,
)
from cython.cimports.nanodesk.book.kernels.records import Order as OrderRecord

from nanodesk.book.words import SELF_TRADE, TIFS, TRAILS
from nanodesk.errors import PriceError, QuantityError, ValidationError
from nanodesk.market.enums import Side

_OFF_WORD = cython.declare(object, "off")
_LARGEST_PERIOD = 10_000


def _refuse_integer(value, field, is_price, low):
    """Raise for a number that is no 64-bit integer, naming the field."""
    if not hasattr(type(value), "__index__"):
        raise TypeError(f"{field}={value!r} must be an integer, not {type(value).__name__}")
    kind = (QuantityError, PriceError, ValidationError)[is_price]
    raise kind(
        f"{field}={value} does not fit a signed 64-bit integer.",
        field=field,
        value=int(value),
        allowed=f"{low} to {INT64_MAX}",
        fix="Use a smaller unit or split the order.",
    )


def whole_number(value: object, field: str, is_price: cython.int) -> int64_t:
    """A Python integer as 64 bits."""
    overflow: cython.int = 0
    number: cython.longlong
    if not PyLong_CheckExact(value):
        if not hasattr(type(value), "__index__"):
            _refuse_integer(value, field, is_price, 0)
        value = value.__index__()
    number = PyLong_AsLongLongAndOverflow(value, cython.address(overflow))
    if overflow:
        _refuse_integer(value, field, is_price, INT64_MIN if is_price else 1)
    return number


def check_type(value: object, field: str) -> cython.int:
    """Raise TypeError for what is no integer."""
    if not PyLong_CheckExact(value) and not hasattr(type(value), "__index__"):
        raise TypeError(f"{field}={value!r} must be an integer, not {type(value).__name__}")
    return 0


def check_option_types(
    owner: object = None, expire_ns: object = None, display: object = None, min_quantity: object = None
) -> cython.int:
    """Raise TypeError for an option that is neither missing nor an integer: types come before all else (R90)."""
    if owner is not None:
        check_type(owner, "owner")
    if expire_ns is not None:
        check_type(expire_ns, "expire_ns")
    if display is not None:
        check_type(display, "display")
    if min_quantity is not None:
        check_type(min_quantity, "min_quantity")
    return 0


def side_word(side: object) -> cython.int:
    """0 for buy, 1 for sell; any case, or a Side."""
    if side is Side.BUY:
        return BUY
    if side is Side.SELL:
        return SELL
    return BUY if Side.parse(side) is Side.BUY else SELL


def word_of(value: object, field: str, words: tuple) -> cython.int:
    """The place of a word in a list of words, any case; enum members give their value."""
    text: object = getattr(value, "value", value)
    if isinstance(text, str):
        text = text.lower()
        if text in words:
            return words.index(text)
    allowed = ", ".join(f'"{word}"' for word in words)
    raise ValidationError(
        f"{field}={value!r} is unknown.", field=field, value=value, allowed=allowed, fix=f"Use one of {allowed}."
    )


def resting_tif(tif: object, what: str) -> cython.int:
    """The time in force of something that must be able to rest."""
    number: cython.int = word_of(tif, "tif", TIFS)
    if number == IOC or number == FOK:
        raise ValidationError(
            f"tif={tif!r} does not go with {what}.", field="tif", value=tif, allowed="gtc, gtd or day"
        )
    return number


def _lower(word):
    """A word in small letters; what is no word stays."""
    text = getattr(word, "value", word)
    return text.lower() if isinstance(text, str) else None


def trail_method(word: object) -> cython.int:
    """The number of a trailing method (R39)."""
    found: object = TRAILS.get(_lower(word))
    if found is None:
        raise ValidationError(
            f"trail_type={word!r} is unknown.",
            field="trail_type",
            value=word,
            allowed='"fixed", "percentage", "sma_abs_change" or "wilder_atr"',
        )
    return found


def quantity_of(b: cython.pointer(Book), value: object, field: str) -> int64_t:
    """A quantity on the grid of the lot (R3)."""
    quantity: int64_t = integer(value, field, False)
    if quantity <= 0:
        raise QuantityError(
            f"{field}={quantity} must be positive.",
            field=field,
            value=quantity,
            allowed=f"1 to {INT64_MAX}",
            fix="Say what to trade with side and a positive quantity.",
        )
    if b.lot != 1 and quantity % b.lot != 0:
        below = quantity - quantity % b.lot
        raise QuantityError(
            f"{field}={quantity} is not a multiple of lot_size={b.lot}.",
            field=field,
            value=quantity,
            allowed=f"a positive multiple of {b.lot}",
            fix=f"Use {below or b.lot}.",
        )
    return quantity


def price_of(b: cython.pointer(Book), value: object, field: str) -> int64_t:
    """A price on the grid of the tick (R3)."""
    price: int64_t = integer(value, field, True)
    tick: object
    below: object
    if price <= 0 and not b.allows_negative:
        raise PriceError(
            f"{field}={price} must be positive.",
            field=field,
            value=price,
            allowed=f"1 to {INT64_MAX - 1}",
            fix="Use an instrument with allows_negative_price=True for spreads.",
        )
    if price == INT64_MAX or price == INT64_MIN:
        raise PriceError(
            f"{field}={price} is the price of a market order.",
            field=field,
            value=price,
            allowed="the numbers between -(2**63 - 1) and 2**63 - 2",
            fix="Use submit_market.",
        )
    if b.tick != 1 and price % b.tick != 0:
        tick = b.tick
        below = int(price) // tick * tick
        raise PriceError(
            f"{field}={price} is not a multiple of tick_size={tick}.",
            field=field,
            value=price,
            allowed=f"a multiple of {tick}",
            fix=f"Use {below} or {below + tick}.",
        )
    return price


def check_room(b: cython.pointer(Book), side: cython.int, quantity: int64_t) -> cython.int:
    """Raise if a side cannot promise so much more (R5)."""
    if b.committed[side] > INT64_MAX - quantity:
        free_: object = INT64_MAX - b.committed[side]
        raise QuantityError(
            f"quantity={quantity} does not fit: at most {free_}, as all open quantity of a side stays below 2**63.",
            field="quantity",
            value=quantity,
            allowed=f"at most {free_}",
            fix="Cancel something first.",
        )
    return 0


def read_self_trade(e: cython.pointer(Event), self_trade: object) -> cython.int:
    """The self-trade mode into the record."""
    mode: cython.int
    if self_trade is not _OFF_WORD:
        mode = word_of(self_trade, "self_trade", SELF_TRADE)
        e.policy = cython.cast(uint8_t, (e.policy & 15) | (mode << 4))
    return 0


def read_owner(e: cython.pointer(Event), owner: object) -> cython.int:
    """The owner into the record (R15)."""
    number: int64_t
    if owner is not None:
        number = integer(owner, "owner", 2)
        if number < 1 or number > 4294967295:
            raise ValidationError(
                f"owner={number} is out of range.", field="owner", value=number, allowed="1 to 4294967295, or None"
            )
        e.owner = cython.cast(uint32_t, number)
    return 0


def read_reduce_only(e: cython.pointer(Event), reduce_only: object, self_trade: object) -> cython.int:
    """Reduce-only into the record; what needs an owner has one (R92)."""
    if reduce_only is not False and reduce_only:
        e.flags |= ASK_REDUCE_ONLY
        if e.owner == 0:
            raise ValidationError(
                "reduce_only=True needs an owner whose position can be reduced.",
                field="reduce_only",
                value=True,
                allowed="False without an owner",
                fix="Give owner=.",
            )
    if e.policy >> 4 != 0 and e.owner == 0:
        raise ValidationError(
            f"self_trade={self_trade!r} needs an owner.",
            field="self_trade",
            value=self_trade,
            allowed='"off" without an owner',
            fix="Give owner=.",
        )
    return 0


@cython.overflowcheck(False)
def read_options(
    b: cython.pointer(Book),
    e: cython.pointer(Event),
    o: cython.pointer(Options),
    post_only: object,
    display: object,
    min_quantity: object,
    expire_ns: object,
) -> cython.int:
    """Post-only, minimum and display quantity and expiry into the record and its options (R92)."""
    tif: cython.int = e.policy & 15
    parts: object
    can_rest: cython.bint = tif == GTC or tif >= GTD
    if post_only is not False and post_only:
        e.flags |= ASK_POST_ONLY
        if not can_rest:
            raise ValidationError(
                f"post_only=True needs an order that can rest, not tif={TIFS[tif]!r}.",
                field="post_only",
                value=True,
                allowed="with gtc, gtd or day",
            )
    if display is not None and not can_rest:
        raise ValidationError(
            f"display needs an order that can rest, not tif={TIFS[tif]!r}.",
            field="display",
            value=display,
            allowed="with gtc, gtd or day",
        )
    if min_quantity is not None:
        o.min_quantity = quantity_of(b, min_quantity, "min_quantity")
        if o.min_quantity > e.quantity:
            raise QuantityError(
                f"min_quantity={o.min_quantity} is above quantity={e.quantity}.",
                field="min_quantity",
                value=o.min_quantity,
                allowed=f"at most {e.quantity}",
            )
        if tif == FOK or e.flags & ASK_POST_ONLY:
            raise ValidationError(
                "min_quantity does not go with fok or post_only.",
                field="min_quantity",
                value=o.min_quantity,
                allowed="None with fok or post_only",
            )
    if display is not None:
        o.display = quantity_of(b, display, "display")
        if o.display > e.quantity:
            raise QuantityError(
                f"display={o.display} is above quantity={e.quantity}.",
                field="display",
                value=o.display,
                allowed=f"at most {e.quantity}",
            )
        if e.quantity > cython.cast(int128, o.display) * b.max_display_parts:
            parts = b.max_display_parts
            raise QuantityError(
                f"display={o.display} is below 1/{parts} of quantity={e.quantity}.",
                field="display",
                value=o.display,
                allowed=f"at least {-(-int(e.quantity) // parts)}",
            )
    if (expire_ns is not None) != (tif == GTD):
        raise ValidationError(
            "expire_ns and tif='gtd' need each other.", field="expire_ns", value=expire_ns, allowed="with gtd only"
        )
    if tif == GTD:
        o.expire_ns = integer(expire_ns, "expire_ns", 2)
        if o.expire_ns <= b.clock:
            raise ValidationError(
                f"expire_ns={o.expire_ns} is not after the clock.",
                field="expire_ns",
                value=o.expire_ns,
                allowed=f"> {b.clock}",
            )
    if tif == DAY:
        if b.session_close <= b.clock:
            raise ValidationError(
                "tif='day' needs a session close after the clock.",
                field="tif",
                value="day",
                allowed="after set_session_close",
                fix="Call set_session_close(close_ns) first.",
            )
        o.expire_ns = b.session_close
    return 0


def check_trail_types(method: object, value: object, period: object) -> cython.int:
    """Raise TypeError for a trailing value or period that is no number (R90)."""
    if isinstance(value, (str, bytes)) or not hasattr(type(value), "__float__"):
        raise TypeError(f"trail_value={value!r} must be a number, not {type(value).__name__}")
    if period is not None and TRAILS.get(_lower(method), TRAIL_SMA) >= TRAIL_SMA:
        check_type(period, "atr_period")
    return 0


def read_trail(o: cython.pointer(Options), value: object, period: object) -> cython.int:
    """The numbers of a trailing method into the options (R39)."""
    number: cython.double
    whole: object
    if o.trail_method == TRAIL_FIXED:
        if hasattr(type(value), "__index__") or isfinite(float(value)):
            whole = int(value)
        else:
            whole = 0
        if not 1 <= whole <= INT64_MAX:
            raise ValidationError(
                f"trail_value={value!r} must be at least one price unit.",
                field="trail_value",
                value=value,
                allowed=f"a whole number from 1 to {INT64_MAX}",
            )
        o.offset = whole
        return 0
    number = float(value)
    if not isfinite(number) or number <= 0.0 or number > (1.0 if o.trail_method == TRAIL_PERCENTAGE else 4.0e18):
        raise ValidationError(
            f"trail_value={value!r} is out of range.",
            field="trail_value",
            value=value,
            allowed="in (0, 1]" if o.trail_method == TRAIL_PERCENTAGE else "in (0, 4e18]",
        )
    o.trail_value = number
    if o.trail_method >= TRAIL_SMA:
        if period is None or not 1 <= integer(period, "atr_period", 2) <= _LARGEST_PERIOD:
            raise ValidationError(
                f"atr_period={period!r} is needed by this trail_type.",
                field="atr_period",
                value=period,
                allowed=f"1 to {_LARGEST_PERIOD}",
            )
        o.trail_period = period
    return 0


def id_of(value: object) -> int64_t:
    """An id; those beyond 64 bits are no order's, so they become 0."""
    overflow: cython.int = 0
    number: cython.longlong
    if nd_small(value, cython.address(number)):
        return number if number > 0 else 0
    if not PyLong_CheckExact(value):
        if not hasattr(type(value), "__index__"):
            raise TypeError(f"order_id={value!r} must be an integer, not {type(value).__name__}")
        value = value.__index__()
    number = PyLong_AsLongLongAndOverflow(value, cython.address(overflow))
    return 0 if overflow or number < 0 else number


def clamped(value: object, field: str) -> int64_t:
    """An integer of a command that answers instead of raising: beyond 64 bits it becomes the nearest extreme, off
    any grid."""
    overflow: cython.int = 0
    number: int64_t
    if not PyLong_CheckExact(value):
        if not hasattr(type(value), "__index__"):
            raise TypeError(f"{field}={value!r} must be an integer, not {type(value).__name__}")
        value = value.__index__()
    number = PyLong_AsLongLongAndOverflow(value, cython.address(overflow))
    if overflow:
        return INT64_MIN
    return number


def not_linkable(o: cython.pointer(OrderRecord)) -> object:
    """Why an order cannot join a group (R93), or None."""
    if o == cython.NULL or (o.state != RESTING and o.state != PARKED and o.state != STOP_PENDING):
        return "not active"
    if o.flags & PEGGED and o.state != STOP_PENDING:
        return "pegged"
    if o.state == PARKED:
        return "not active"
    return "linked already" if o.flags & LINKED else None
