"""One instrument's venue: submit, cancel, modify, query, record, replay.

The rules are in docs/exchange.md; the loops are in ``kernels``. This class checks what comes in, keeps the memory
and turns
outcomes into values. It is compiled, as a caller touches it once an order.
"""

from importlib import import_module

import cython
from cython.cimports.cpython.long import PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from cython.cimports.cpython.object import PyObject
from cython.cimports.libc.math import isfinite
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, malloc
from cython.cimports.libc.string import memcpy, memset
from cython.cimports.nanodesk.book.kernels.aftermath import fold_history
from cython.cimports.nanodesk.book.kernels.commands import (
    BatchRow,
    apply_event,
    cancel_event,
    run_batch,
    run_log,
    run_plain,
    submit_event,
)
from cython.cimports.nanodesk.book.kernels.journal import Cursor, Event, journal_next, journal_seek
from cython.cimports.nanodesk.book.kernels.ladder import Ladder, Level, ladder_find
from cython.cimports.nanodesk.book.kernels.queues import visible_of
from cython.cimports.nanodesk.book.kernels.records import (
    ASK_POST_ONLY,
    ASK_REDUCE_ONLY,
    AUCTION,
    BUY,
    CANCELLED,
    DAY,
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
    EVENT_STOP_LIMIT,
    EVENT_STOP_MARKET,
    EVENT_TRAIL_LIMIT,
    EVENT_TRAIL_MARKET,
    EVENT_UNCROSS,
    FILLED,
    FOK,
    FORGOTTEN_ORDER,
    FORGOTTEN_STOP,
    GTC,
    GTD,
    HAS_HIGH,
    HAS_LOW,
    HAS_OPTIONS,
    HELD,
    INT64_MAX,
    INT64_MIN,
    IOC,
    LINKED,
    PARENT,
    PARKED,
    PEGGED,
    POST_ONLY,
    PRICE_TIME,
    REDUCE_ONLY,
    RESTING,
    SELL,
    STOP_CANCELLED,
    STOP_PENDING,
    STOP_TRIGGERED,
    TRAIL_FIXED,
    TRAIL_PERCENTAGE,
    TRAIL_SMA,
    TRAIL_WILDER,
    Book,
    Extra,
    Note,
    Options,
    Outcome,
    int128,
    order_at,
    terms_of,
)
from cython.cimports.nanodesk.book.kernels.records import Order as OrderRecord
from cython.cimports.nanodesk.book.kernels.records import Trade as TradeRecord
from cython.cimports.nanodesk.book.kernels.statehash import fold_trades, state_hash
from cython.cimports.nanodesk.book.kernels.store import book_free, book_init, position_of
from cython.cimports.nanodesk.book.kernels.uncross import auction_price, is_crossed
from cython.cimports.nanodesk.book.results import CancelResult, ModifyResult, StopSubmitResult, SubmitResult, Trades
from cython.cimports.nanodesk.book.snapshot import BookSnapshot, nd_references

from nanodesk.book.batch import ANSWER_DTYPE, COMMAND_DTYPE
from nanodesk.book.events import COMMANDS
from nanodesk.book.events import Event as LogEvent
from nanodesk.book.orders import AuctionResult, BracketResult, Indicative, Notice, Order, StopOrder
from nanodesk.errors import (
    BookError,
    CrossedBookError,
    NanodeskError,
    PriceError,
    QuantityError,
    ReplayError,
    UnknownOrderError,
    ValidationError,
)
from nanodesk.market.enums import OrderStatus, Side, TimeInForce
from nanodesk.market.instrument import Instrument

# The usual words, to be compared by address: literals of a caller are the same objects.
_BUY_WORD = cython.declare(object, "buy")
_SELL_WORD = cython.declare(object, "sell")
_GTC_WORD = cython.declare(object, "gtc")
_IOC_WORD = cython.declare(object, "ioc")
_OFF_WORD = cython.declare(object, "off")
_TIFS = ("gtc", "ioc", "fok", "gtd", "day")
_SELF_TRADE = ("off", "cancel_newest", "cancel_oldest", "cancel_both", "decrement")
_ALGORITHMS = ("price_time", "pro_rata", "split")
_REFERENCES = ("bid", "ask", "mid")
_CONTINGENCIES = ("oco", "ouo")
_PHASES = ("continuous", "halted", "auction")
_TRAILS = {
    "fixed": 1,
    "percentage": 2,
    "pct": 2,
    "sma_abs_change": 3,
    "atr": 3,
    "wilder_atr": 4,
}
_NOTES = (
    "self_trade",
    "reduce_only",
    "contingent",
    "expired",
    "auction",
    "dropped",
    "triggered",
    "activated",
    "repriced",
    "parked",
    "rejected",
    "cascade_limit",
)
_METHODS = (
    "submit_limit",
    "submit_market",
    "cancel",
    "modify",
    "reduce",
    "submit_stop_market",
    "submit_stop_limit",
    "submit_trailing_stop_market",
    "submit_trailing_stop_limit",
    "submit_pegged",
    "submit_bracket",
)
_LARGEST_PERIOD = 10_000
_LARGEST_GROUP = 100


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


@cython.cfunc
@cython.inline
@cython.exceptval(-1, check=True)
def _integer(value: object, field: str, is_price: cython.int) -> int64_t:
    """A Python integer as 64 bits."""
    overflow: cython.int = 0
    number: cython.longlong
    if nd_small(value, cython.address(number)):
        return number
    if not PyLong_CheckExact(value):
        if not hasattr(type(value), "__index__"):
            _refuse_integer(value, field, is_price, 0)
        value = value.__index__()
    number = PyLong_AsLongLongAndOverflow(value, cython.address(overflow))
    if overflow:
        _refuse_integer(value, field, is_price, INT64_MIN if is_price else 1)
    return number


@cython.cfunc
@cython.inline
@cython.exceptval(-1)
def _check_type(value: object, field: str) -> cython.int:
    """Raise TypeError for what is no integer."""
    if not PyLong_CheckExact(value) and not hasattr(type(value), "__index__"):
        raise TypeError(f"{field}={value!r} must be an integer, not {type(value).__name__}")
    return 0


@cython.cfunc
@cython.exceptval(-1)
def _check_option_types(
    owner: object = None, expire_ns: object = None, display: object = None, min_quantity: object = None
) -> cython.int:
    """Raise TypeError for an option that is neither missing nor an integer: types come before all else (R90)."""
    if owner is not None:
        _check_type(owner, "owner")
    if expire_ns is not None:
        _check_type(expire_ns, "expire_ns")
    if display is not None:
        _check_type(display, "display")
    if min_quantity is not None:
        _check_type(min_quantity, "min_quantity")
    return 0


@cython.cfunc
@cython.exceptval(-1)
def _side_word(side: object) -> cython.int:
    if side is Side.BUY:
        return BUY
    if side is Side.SELL:
        return SELL
    return BUY if Side.parse(side) is Side.BUY else SELL


@cython.cfunc
@cython.inline
@cython.exceptval(-1)
def _side(side: object) -> cython.int:
    """0 for buy, 1 for sell; the usual words cost a comparison of addresses."""
    if side is _BUY_WORD:
        return BUY
    if side is _SELL_WORD:
        return SELL
    return _side_word(side)


@cython.cfunc
@cython.exceptval(-1)
def _word(value: object, field: str, words: tuple) -> cython.int:
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


@cython.cfunc
@cython.inline
@cython.exceptval(-1)
def _tif(tif: object) -> cython.int:
    if tif is _GTC_WORD:
        return GTC
    if tif is _IOC_WORD:
        return IOC
    return _word(tif, "tif", _TIFS)


@cython.cfunc
@cython.exceptval(-1)
def _resting_tif(tif: object, what: str) -> cython.int:
    """The time in force of something that must be able to rest."""
    number: cython.int = _tif(tif)
    if number == IOC or number == FOK:
        raise ValidationError(
            f"tif={tif!r} does not go with {what}.", field="tif", value=tif, allowed="gtc, gtd or day"
        )
    return number


def _lower(word):
    """A word in small letters; what is no word stays."""
    text = getattr(word, "value", word)
    return text.lower() if isinstance(text, str) else None


@cython.cfunc
@cython.exceptval(-1)
def _trail_method(word: object) -> cython.int:
    """The number of a trailing method (R39)."""
    found: object = _TRAILS.get(_lower(word))
    if found is None:
        raise ValidationError(
            f"trail_type={word!r} is unknown.",
            field="trail_type",
            value=word,
            allowed='"fixed", "percentage", "sma_abs_change" or "wilder_atr"',
        )
    return found


@cython.final
@cython.cclass
class Exchange:
    """The venue of one instrument: a limit order book with price-time, pro-rata or split matching.

    Parameters
    ----------
    instrument : Instrument, optional
        Gives tick, lot and whether prices may be zero or negative. None: tick 1, lot 1, prices above zero.
    matching : {"price_time", "pro_rata", "split"}, default "price_time"
        How the orders of a level share an aggressor (R21, R22).
    fifo_percent : int, default 40
        Share that goes first come, first served in "split", 0 to 100.
    min_allocation : int, default 1
        Pro-rata shares below it become 0.
    top_order : bool, default False
        Whether the order that set the best price is served first in "pro_rata" and "split".
    cascade_limit : int, default 100
        Rounds of stops that one command may set off; reaching it is a notice.
    max_display_parts : int, default 1000
        Largest ratio of an iceberg's quantity to what it shows.
    event_log : bool, default True
        Whether inputs are recorded for ``events``, ``save`` and ``replay``.

    Raises
    ------
    ValidationError
        If a parameter is outside its range.

    Notes
    -----
    The rules are numbered in docs/exchange.md. A command that raises changes nothing. One exchange belongs to one
    thread.

    Examples
    --------
    >>> exchange = Exchange()
    >>> exchange.submit_limit("sell", 10_050, 100).order_id
    1
    >>> result = exchange.submit_limit("buy", 10_050, 30)
    >>> result.filled_quantity, exchange.best_bid_ask()
    (30, (None, 10050))
    """

    def __cinit__(self):
        self.store = Trades.__new__(Trades)
        book_init(cython.address(self.book))
        self.book.trades = cython.address(self.store.log)

    def __dealloc__(self):
        book_free(cython.address(self.book))

    def __init__(
        self,
        instrument=None,
        *,
        matching="price_time",
        fifo_percent=40,
        min_allocation=1,
        top_order=False,
        cascade_limit=100,
        max_display_parts=1000,
        event_log=True,
    ):
        b: cython.pointer(Book) = cython.address(self.book)
        if instrument is not None and not isinstance(instrument, Instrument):
            raise TypeError(f"instrument must be an Instrument or None, not {type(instrument).__name__}")
        self.instrument = instrument
        b.algorithm = _word(matching, "matching", _ALGORITHMS)
        for name, value, low, high in (
            ("fifo_percent", fifo_percent, 0, 100),
            ("min_allocation", min_allocation, 0, INT64_MAX),
            ("cascade_limit", cascade_limit, 1, INT64_MAX),
            ("max_display_parts", max_display_parts, 1, 1_000_000),
        ):
            if not low <= _integer(value, name, 2) <= high:
                raise ValidationError(
                    f"{name}={value} is out of range.", field=name, value=value, allowed=f"{low} to {high}"
                )
        b.fifo_percent = fifo_percent
        b.min_allocation = min_allocation
        b.cascade_limit = cascade_limit
        b.max_display_parts = max_display_parts
        b.top_order = bool(top_order) and b.algorithm != PRICE_TIME
        b.logging = bool(event_log)
        if instrument is not None:
            if instrument.tick_size > INT64_MAX or instrument.lot_size > INT64_MAX:
                raise ValidationError("tick_size and lot_size must fit 64 bits.", field="instrument", value=instrument)
            b.tick = instrument.tick_size
            b.lot = instrument.lot_size
            b.allows_negative = instrument.allows_negative_price
        self.configuration = {
            "matching": _ALGORITHMS[b.algorithm],
            "fifo_percent": b.fifo_percent,
            "min_allocation": b.min_allocation,
            "top_order": bool(top_order),
            "cascade_limit": b.cascade_limit,
            "max_display_parts": b.max_display_parts,
        }

    # ---- checks -----------------------------------------------------------------------------------------------------

    def _quantity_of(self, value, field):
        quantity: int64_t = _integer(value, field, False)
        if quantity <= 0:
            raise QuantityError(
                f"{field}={quantity} must be positive.",
                field=field,
                value=quantity,
                allowed=f"1 to {INT64_MAX}",
                fix="Say what to trade with side and a positive quantity.",
            )
        if self.book.lot != 1 and quantity % self.book.lot != 0:
            below = quantity - quantity % self.book.lot
            raise QuantityError(
                f"{field}={quantity} is not a multiple of lot_size={self.book.lot}.",
                field=field,
                value=quantity,
                allowed=f"a positive multiple of {self.book.lot}",
                fix=f"Use {below or self.book.lot}.",
            )
        return quantity

    def _price_of(self, value, field):
        price: int64_t = _integer(value, field, True)
        tick: object
        below: object
        if price <= 0 and not self.book.allows_negative:
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
        if self.book.tick != 1 and price % self.book.tick != 0:
            tick = self.book.tick
            below = int(price) // tick * tick
            raise PriceError(
                f"{field}={price} is not a multiple of tick_size={tick}.",
                field=field,
                value=price,
                allowed=f"a multiple of {tick}",
                fix=f"Use {below} or {below + tick}.",
            )
        return price

    def _room(self, side, quantity):
        if self.book.committed[side] > INT64_MAX - quantity:
            free_: object = INT64_MAX - self.book.committed[side]
            raise QuantityError(
                f"quantity={quantity} does not fit: at most {free_}, as all open quantity of a side stays below 2**63.",
                field="quantity",
                value=quantity,
                allowed=f"at most {free_}",
                fix="Cancel something first.",
            )
        return 0

    def _mode(self, e, self_trade):
        mode: cython.int
        if self_trade is not _OFF_WORD:
            mode = _word(self_trade, "self_trade", _SELF_TRADE)
            e.policy = cython.cast(uint8_t, (e.policy & 15) | (mode << 4))
        return 0

    def _owned(self, e, owner):
        number: int64_t
        if owner is not None:
            number = _integer(owner, "owner", 2)
            if number < 1 or number > 4294967295:
                raise ValidationError(
                    f"owner={number} is out of range.", field="owner", value=number, allowed="1 to 4294967295, or None"
                )
            e.owner = cython.cast(uint32_t, number)
        return 0

    def _reducing(self, e, reduce_only, self_trade):
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
    def _optional(self, e, o, post_only, display, min_quantity, expire_ns):
        tif: cython.int = e.policy & 15
        parts: object
        can_rest: cython.bint = tif == GTC or tif >= GTD
        if post_only is not False and post_only:
            e.flags |= ASK_POST_ONLY
            if not can_rest:
                raise ValidationError(
                    f"post_only=True needs an order that can rest, not tif={_TIFS[tif]!r}.",
                    field="post_only",
                    value=True,
                    allowed="with gtc, gtd or day",
                )
        if display is not None and not can_rest:
            raise ValidationError(
                f"display needs an order that can rest, not tif={_TIFS[tif]!r}.",
                field="display",
                value=display,
                allowed="with gtc, gtd or day",
            )
        if min_quantity is not None:
            o.min_quantity = self._quantity_of(min_quantity, "min_quantity")
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
            o.display = self._quantity_of(display, "display")
            if o.display > e.quantity:
                raise QuantityError(
                    f"display={o.display} is above quantity={e.quantity}.",
                    field="display",
                    value=o.display,
                    allowed=f"at most {e.quantity}",
                )
            if e.quantity > cython.cast(int128, o.display) * self.book.max_display_parts:
                parts = self.book.max_display_parts
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
            o.expire_ns = _integer(expire_ns, "expire_ns", 2)
            if o.expire_ns <= self.book.clock:
                raise ValidationError(
                    f"expire_ns={o.expire_ns} is not after the clock.",
                    field="expire_ns",
                    value=o.expire_ns,
                    allowed=f"> {self.book.clock}",
                )
        if tif == DAY:
            if self.book.session_close <= self.book.clock:
                raise ValidationError(
                    "tif='day' needs a session close after the clock.",
                    field="tif",
                    value="day",
                    allowed="after set_session_close",
                    fix="Call set_session_close(close_ns) first.",
                )
            o.expire_ns = self.book.session_close
        return 0

    def _result(self, out):
        r: SubmitResult = SubmitResult.__new__(SubmitResult)
        r.order_id = out.order_id
        r.filled_quantity = out.filled
        r.resting_quantity = out.resting
        r.cancelled_quantity = out.cancelled
        r.first_trade = out.first_trade
        r.n_trades = out.n_trades
        r.store = self.store
        r.status_code = out.status
        r.reason_code = out.reason
        return r

    # ---- submission -------------------------------------------------------------------------------------------------

    def submit_limit(
        self,
        side,
        price,
        quantity,
        tif="gtc",
        *,
        post_only=False,
        display=None,
        min_quantity=None,
        reduce_only=False,
        owner=None,
        self_trade="off",
        expire_ns=None,
    ):
        """Submit a limit order.
        Parameters
        ----------
        side : Side or str
            Direction.
        price : int
            Limit.
        quantity : int
            How much.
        tif : TimeInForce or str, default "gtc"
            "gtc", "ioc", "fok", "gtd" or "day".
        post_only : bool, default False
            Reject it rather than take (R13).
        display : int, optional
            Show at most so much of it (R14).
        min_quantity : int, optional
            Reject it unless so much trades at once (R12).
        reduce_only : bool, default False
            Only lower the owner's position (R16).
        owner : int, optional
            Whose order it is, 1 to 2**32 - 1.
        self_trade : str, default "off"
            What to do when it meets an order of the same owner: "off", "cancel_newest", "cancel_oldest",
            "cancel_both" or
            "decrement" (R26).
        expire_ns : int, optional
            When a "gtd" order expires.

        Returns
        -------
        result : SubmitResult
            How it stood when its own matching ended.

        Raises
        ------
        ValidationError
            If an argument is outside what is allowed: QuantityError, PriceError or ValidationError itself (R90).
        """
        e: Event
        o: Options
        out: Outcome
        number: cython.longlong = 0
        limit: cython.longlong = 0
        ordinary: cython.bint = nd_small(quantity, cython.address(number)) and nd_small(price, cython.address(limit))
        has_options: cython.bint = (
            post_only is not False
            or display is not None
            or min_quantity is not None
            or reduce_only is not False
            or expire_ns is not None
        )
        if not ordinary or has_options or owner is not None:
            _check_type(price, "price")
            _check_type(quantity, "quantity")
            _check_option_types(owner, expire_ns, display, min_quantity)
        e.kind = EVENT_LIMIT
        e.flags = 0
        e.owner = 0
        e.id = 0
        e.side = _side(side)
        e.policy = _tif(tif)
        if self_trade is not _OFF_WORD:
            self._mode(cython.address(e), self_trade)
        # The ordinary number on an ordinary grid, without a call.
        if not ordinary or number <= 0 or self.book.lot != 1:
            number = self._quantity_of(quantity, "quantity")
        e.quantity = number
        if not ordinary or limit <= 0 or self.book.tick != 1:
            limit = self._price_of(price, "price")
        e.price = limit
        if owner is not None:
            self._owned(cython.address(e), owner)
        if has_options or e.policy & 15 >= GTD:
            memset(cython.address(o), 0, cython.sizeof(Options))
            self._optional(cython.address(e), cython.address(o), post_only, display, min_quantity, expire_ns)
            self._reducing(cython.address(e), reduce_only, self_trade)
            self._room(e.side, e.quantity)
            apply_event(
                cython.address(self.book), cython.address(e), cython.address(o), cython.NULL, cython.address(out)
            )
            return self._result(cython.address(out))
        if e.policy >> 4 != 0:
            self._reducing(cython.address(e), False, self_trade)
        if self.book.committed[e.side] > INT64_MAX - e.quantity:
            self._room(e.side, e.quantity)
        submit_event(cython.address(self.book), cython.address(e), cython.address(out))
        return self._result(cython.address(out))

    def submit_market(self, side, quantity, *, min_quantity=None, reduce_only=False, owner=None, self_trade="off"):
        """Submit an order that takes what there is; its remainder is cancelled.
        Parameters
        ----------
        side : Side or str
            Direction.
        quantity : int
            How much.
        min_quantity : int, optional
            Reject it unless so much trades at once (R12).
        reduce_only : bool, default False
            Only lower the owner's position (R16).
        owner : int, optional
            Whose order it is, 1 to 2**32 - 1.
        self_trade : str, default "off"
            What to do when it meets an order of the same owner: "off", "cancel_newest", "cancel_oldest",
            "cancel_both" or
            "decrement" (R26).

        Returns
        -------
        result : SubmitResult
            How it stood when its own matching ended.

        Raises
        ------
        ValidationError
            If an argument is outside what is allowed: QuantityError, PriceError or ValidationError itself (R90).
        """
        e: Event
        o: Options
        out: Outcome
        _check_type(quantity, "quantity")
        _check_option_types(owner, None, None, min_quantity)
        e.kind = EVENT_MARKET
        e.flags = 0
        e.owner = 0
        e.id = 0
        e.side = _side(side)
        e.policy = IOC
        self._mode(cython.address(e), self_trade)
        e.quantity = self._quantity_of(quantity, "quantity")
        self._owned(cython.address(e), owner)
        e.price = INT64_MAX if e.side == BUY else INT64_MIN
        if min_quantity is not None or reduce_only is not False:
            memset(cython.address(o), 0, cython.sizeof(Options))
            self._optional(cython.address(e), cython.address(o), False, None, min_quantity, None)
            self._reducing(cython.address(e), reduce_only, self_trade)
            self._room(e.side, e.quantity)
            apply_event(
                cython.address(self.book), cython.address(e), cython.address(o), cython.NULL, cython.address(out)
            )
            return self._result(cython.address(out))
        self._reducing(cython.address(e), False, self_trade)
        self._room(e.side, e.quantity)
        submit_event(cython.address(self.book), cython.address(e), cython.address(out))
        return self._result(cython.address(out))

    def try_submit_limit(self, side, price, quantity, tif="gtc", **options):
        """Submit a limit order, giving a refusal as a value.
        Parameters
        ----------
        side : Side or str
            Direction.
        price : int
            Limit.
        quantity : int
            How much.
        tif : TimeInForce or str, default "gtc"
            "gtc", "ioc", "fok", "gtd" or "day".
        **options
            As ``submit_limit``.

        Returns
        -------
        result : SubmitResult or ValidationError
            The error that ``submit_limit`` would raise is returned.
        """
        try:
            return self.submit_limit(side, price, quantity, tif, **options)
        except ValidationError as error:
            return error

    def try_submit_market(self, side, quantity, **options):
        """Submit a market order, giving a refusal as a value.
        Parameters
        ----------
        side : Side or str
            Direction.
        quantity : int
            How much.
        **options
            As ``submit_market``.

        Returns
        -------
        result : SubmitResult or ValidationError
            The error that ``submit_market`` would raise is returned.
        """
        try:
            return self.submit_market(side, quantity, **options)
        except ValidationError as error:
            return error

    def submit_pegged(
        self,
        side,
        reference,
        quantity,
        offset=0,
        *,
        limit_price=None,
        tif="gtc",
        display=None,
        expire_ns=None,
        owner=None,
        self_trade="off",
    ):
        """Submit an order whose price follows the best prices of the others; it never takes (R58).
        Parameters
        ----------
        side : Side or str
            Direction.
        reference : {"bid", "ask", "mid"}
            What it follows.
        quantity : int
            How much.
        offset : int, default 0
            Added to the reference.
        limit_price : int, optional
            Not beyond this price.
        tif : TimeInForce or str, default "gtc"
            "gtc", "ioc", "fok", "gtd" or "day".
        display : int, optional
            Show at most so much of it.
        expire_ns : int, optional
            When a "gtd" order expires.
        owner : int, optional
            Whose order it is, 1 to 2**32 - 1.
        self_trade : str, default "off"
            What to do when it meets an order of the same owner: "off", "cancel_newest", "cancel_oldest",
            "cancel_both" or
            "decrement" (R26).

        Returns
        -------
        result : SubmitResult
            How it stood when its own matching ended.

        Raises
        ------
        ValidationError
            If an argument is outside what is allowed: QuantityError, PriceError or ValidationError itself (R90).
        """
        e: Event
        o: Options
        out: Outcome
        memset(cython.address(e), 0, cython.sizeof(Event))
        memset(cython.address(o), 0, cython.sizeof(Options))
        _check_type(quantity, "quantity")
        _check_type(offset, "offset")
        if limit_price is not None:
            _check_type(limit_price, "limit_price")
        _check_option_types(owner, expire_ns, display)
        e.kind = EVENT_PEGGED
        e.side = _side(side)
        e.policy = _resting_tif(tif, "a pegged order")
        o.peg = _word(reference, "reference", _REFERENCES)
        self._mode(cython.address(e), self_trade)
        e.quantity = self._quantity_of(quantity, "quantity")
        o.offset = _integer(offset, "offset", True)
        if limit_price is not None:
            o.limit_price = self._price_of(limit_price, "limit_price")
            o.has_limit = 1
        self._owned(cython.address(e), owner)
        self._optional(cython.address(e), cython.address(o), False, display, None, expire_ns)
        self._reducing(cython.address(e), False, self_trade)
        self._room(e.side, e.quantity)
        apply_event(cython.address(self.book), cython.address(e), cython.address(o), cython.NULL, cython.address(out))
        return self._result(cython.address(out))

    def submit_bracket(
        self,
        side,
        price,
        quantity,
        take_profit,
        stop_loss,
        *,
        tif="gtc",
        expire_ns=None,
        contingency="ouo",
        owner=None,
        self_trade="off",
    ):
        """Submit an order with a take-profit and a stop-loss that wait for it to fill (R50).
        Parameters
        ----------
        side : Side or str
            Direction.
        price : int
            Limit of the entry.
        quantity : int
            How much.
        take_profit, stop_loss : int
            Prices of the legs; the entry's lies between them.
        tif : TimeInForce or str, default "gtc"
            "gtc", "gtd" or "day".
        expire_ns : int, optional
            When a "gtd" order expires.
        contingency : {"ouo", "oco"}, default "ouo"
            How the legs act on each other.
        owner : int, optional
            Whose order it is, 1 to 2**32 - 1.
        self_trade : str, default "off"
            What to do when it meets an order of the same owner: "off", "cancel_newest", "cancel_oldest",
            "cancel_both" or
            "decrement" (R26).

        Returns
        -------
        result : BracketResult
            Result of the entry, and the ids of the legs.

        Raises
        ------
        ValidationError
            If an argument is outside what is allowed: QuantityError, PriceError or ValidationError itself (R90).
        """
        e: Event
        o: Options
        out: Outcome
        memset(cython.address(e), 0, cython.sizeof(Event))
        memset(cython.address(o), 0, cython.sizeof(Options))
        for field, value in (
            ("price", price),
            ("quantity", quantity),
            ("take_profit", take_profit),
            ("stop_loss", stop_loss),
        ):
            _check_type(value, field)
        _check_option_types(owner, expire_ns)
        e.kind = EVENT_BRACKET
        e.side = _side(side)
        e.policy = _resting_tif(tif, "a bracket")
        o.link = _word(contingency, "contingency", _CONTINGENCIES)
        self._mode(cython.address(e), self_trade)
        e.quantity = self._quantity_of(quantity, "quantity")
        e.price = self._price_of(price, "price")
        o.take_profit = self._price_of(take_profit, "take_profit")
        o.stop_price = self._price_of(stop_loss, "stop_loss")
        self._owned(cython.address(e), owner)
        self._optional(cython.address(e), cython.address(o), False, None, None, expire_ns)
        self._reducing(cython.address(e), False, self_trade)
        if not (o.stop_price < e.price < o.take_profit if e.side == BUY else o.take_profit < e.price < o.stop_price):
            raise PriceError(
                f"price={price} must lie between take_profit={take_profit} and stop_loss={stop_loss}.",
                field="stop_loss" if (o.stop_price < e.price) != (e.side == BUY) else "take_profit",
                value=stop_loss,
                allowed="stop_loss < price < take_profit for a buy, the reverse for a sell",
            )
        self._room(e.side, e.quantity)
        if e.quantity > INT64_MAX // 2:
            self._room(1 - e.side, INT64_MAX)
            raise QuantityError(
                f"quantity={quantity} of each of two legs does not fit 64 bits.",
                field="quantity",
                value=quantity,
                allowed=f"at most {INT64_MAX // 2}",
            )
        self._room(1 - e.side, 2 * e.quantity)
        apply_event(cython.address(self.book), cython.address(e), cython.address(o), cython.NULL, cython.address(out))
        return BracketResult(self._result(cython.address(out)), out.profit_id, out.loss_id)

    # ---- stops ------------------------------------------------------------------------------------------------------

    def _stop(self, e, o, owner, self_trade, reduce_only, expire_ns):
        out: Outcome
        r: StopSubmitResult
        self._owned(e, owner)
        self._optional(e, o, False, None, None, expire_ns)
        self._reducing(e, reduce_only, self_trade)
        self._room(e.side, e.quantity)
        apply_event(cython.address(self.book), e, o, cython.NULL, cython.address(out))
        r = StopSubmitResult.__new__(StopSubmitResult)
        r.order_id = out.order_id
        r.triggered = out.profit_id
        r.status_code = 2 if out.reason != 0 else out.success
        return r

    def submit_stop_market(self, side, stop_price, quantity, *, owner=None, self_trade="off", reduce_only=False):
        """Submit a stop that becomes a market order.
        Parameters
        ----------
        side : Side or str
            Direction.
        stop_price : int
            A buy triggers at a trade at or above it, a sell at or below it.
        quantity : int
            How much.
        owner : int, optional
            Whose order it is, 1 to 2**32 - 1.
        self_trade : str, default "off"
            What to do when it meets an order of the same owner: "off", "cancel_newest", "cancel_oldest",
            "cancel_both" or
            "decrement" (R26).
        reduce_only : bool, default False
            Only lower the owner's position (R16).

        Returns
        -------
        result : StopSubmitResult
            Pending, triggered at once, or rejected in a halt.

        Raises
        ------
        ValidationError
            If an argument is outside what is allowed: QuantityError, PriceError or ValidationError itself (R90).
        """
        e: Event
        o: Options
        memset(cython.address(e), 0, cython.sizeof(Event))
        memset(cython.address(o), 0, cython.sizeof(Options))
        _check_type(stop_price, "stop_price")
        _check_type(quantity, "quantity")
        _check_option_types(owner)
        e.kind = EVENT_STOP_MARKET
        e.side = _side(side)
        self._mode(cython.address(e), self_trade)
        e.quantity = self._quantity_of(quantity, "quantity")
        o.stop_price = self._price_of(stop_price, "stop_price")
        return self._stop(cython.address(e), cython.address(o), owner, self_trade, reduce_only, None)

    def submit_stop_limit(
        self,
        side,
        stop_price,
        limit_price,
        quantity,
        tif="gtc",
        *,
        owner=None,
        self_trade="off",
        reduce_only=False,
        expire_ns=None,
    ):
        """Submit a stop that becomes a limit order.
        Parameters
        ----------
        side : Side or str
            Direction.
        stop_price : int
            A buy triggers at a trade at or above it, a sell at or below it.
        limit_price : int
            Limit of the order that the stop becomes.
        quantity : int
            How much.
        tif : TimeInForce or str, default "gtc"
            "gtc", "ioc", "fok", "gtd" or "day".
        owner : int, optional
            Whose order it is, 1 to 2**32 - 1.
        self_trade : str, default "off"
            What to do when it meets an order of the same owner: "off", "cancel_newest", "cancel_oldest",
            "cancel_both" or
            "decrement" (R26).
        reduce_only : bool, default False
            Only lower the owner's position (R16).
        expire_ns : int, optional
            When a "gtd" order expires.

        Returns
        -------
        result : StopSubmitResult
            Pending, triggered at once, or rejected in a halt.

        Raises
        ------
        ValidationError
            If an argument is outside what is allowed: QuantityError, PriceError or ValidationError itself (R90).
        """
        e: Event
        o: Options
        memset(cython.address(e), 0, cython.sizeof(Event))
        memset(cython.address(o), 0, cython.sizeof(Options))
        _check_type(stop_price, "stop_price")
        _check_type(limit_price, "limit_price")
        _check_type(quantity, "quantity")
        _check_option_types(owner, expire_ns)
        e.kind = EVENT_STOP_LIMIT
        e.side = _side(side)
        e.policy = _tif(tif)
        self._mode(cython.address(e), self_trade)
        e.quantity = self._quantity_of(quantity, "quantity")
        o.stop_price = self._price_of(stop_price, "stop_price")
        o.limit_price = self._price_of(limit_price, "limit_price")
        o.has_limit = 1
        return self._stop(cython.address(e), cython.address(o), owner, self_trade, reduce_only, expire_ns)

    def _trail_types(self, method, value, period):
        if isinstance(value, (str, bytes)) or not hasattr(type(value), "__float__"):
            raise TypeError(f"trail_value={value!r} must be a number, not {type(value).__name__}")
        if period is not None and _TRAILS.get(_lower(method), TRAIL_SMA) >= TRAIL_SMA:
            _check_type(period, "atr_period")
        return 0

    def _trail(self, o, value, period):
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
            if period is None or not 1 <= _integer(period, "atr_period", 2) <= _LARGEST_PERIOD:
                raise ValidationError(
                    f"atr_period={period!r} is needed by this trail_type.",
                    field="atr_period",
                    value=period,
                    allowed=f"1 to {_LARGEST_PERIOD}",
                )
            o.trail_period = period
        return 0

    def submit_trailing_stop_market(
        self,
        side,
        stop_price,
        quantity,
        trail_type,
        trail_value,
        atr_period=None,
        *,
        owner=None,
        self_trade="off",
        reduce_only=False,
    ):
        """Submit a stop that follows the market and becomes a market order (R39 to R41).
        Parameters
        ----------
        side : Side or str
            Direction.
        stop_price : int
            A buy triggers at a trade at or above it, a sell at or below it.
        quantity : int
            How much.
        trail_type : str
            "fixed", "percentage", "sma_abs_change" (also "atr") or "wilder_atr" (R39).
        trail_value : float
            Price units, a fraction in (0, 1], or a multiplier.
        atr_period : int, optional
            Prints averaged, for the last two methods.
        owner : int, optional
            Whose order it is, 1 to 2**32 - 1.
        self_trade : str, default "off"
            What to do when it meets an order of the same owner: "off", "cancel_newest", "cancel_oldest",
            "cancel_both" or
            "decrement" (R26).
        reduce_only : bool, default False
            Only lower the owner's position (R16).

        Returns
        -------
        result : StopSubmitResult
            Pending, triggered at once, or rejected in a halt.

        Raises
        ------
        ValidationError
            If an argument is outside what is allowed: QuantityError, PriceError or ValidationError itself (R90).
        """
        e: Event
        o: Options
        memset(cython.address(e), 0, cython.sizeof(Event))
        memset(cython.address(o), 0, cython.sizeof(Options))
        _check_type(stop_price, "stop_price")
        _check_type(quantity, "quantity")
        _check_option_types(owner)
        self._trail_types(trail_type, trail_value, atr_period)
        e.kind = EVENT_TRAIL_MARKET
        e.side = _side(side)
        o.trail_method = _trail_method(trail_type)
        self._mode(cython.address(e), self_trade)
        e.quantity = self._quantity_of(quantity, "quantity")
        o.stop_price = self._price_of(stop_price, "stop_price")
        self._trail(cython.address(o), trail_value, atr_period)
        return self._stop(cython.address(e), cython.address(o), owner, self_trade, reduce_only, None)

    def submit_trailing_stop_limit(
        self,
        side,
        stop_price,
        limit_price,
        quantity,
        trail_type,
        trail_value,
        tif="gtc",
        atr_period=None,
        *,
        owner=None,
        self_trade="off",
        reduce_only=False,
        expire_ns=None,
    ):
        """Submit a stop that follows the market and becomes a limit order (R39 to R41).
        Parameters
        ----------
        side : Side or str
            Direction.
        stop_price : int
            A buy triggers at a trade at or above it, a sell at or below it.
        limit_price : int
            Limit of the order that the stop becomes.
        quantity : int
            How much.
        trail_type : str
            "fixed", "percentage", "sma_abs_change" (also "atr") or "wilder_atr" (R39).
        trail_value : float
            Price units, a fraction in (0, 1], or a multiplier.
        tif : TimeInForce or str, default "gtc"
            "gtc", "ioc", "fok", "gtd" or "day".
        atr_period : int, optional
            Prints averaged, for the last two methods.
        owner : int, optional
            Whose order it is, 1 to 2**32 - 1.
        self_trade : str, default "off"
            What to do when it meets an order of the same owner: "off", "cancel_newest", "cancel_oldest",
            "cancel_both" or
            "decrement" (R26).
        reduce_only : bool, default False
            Only lower the owner's position (R16).
        expire_ns : int, optional
            When a "gtd" order expires.

        Returns
        -------
        result : StopSubmitResult
            Pending, triggered at once, or rejected in a halt.

        Raises
        ------
        ValidationError
            If an argument is outside what is allowed: QuantityError, PriceError or ValidationError itself (R90).
        """
        e: Event
        o: Options
        memset(cython.address(e), 0, cython.sizeof(Event))
        memset(cython.address(o), 0, cython.sizeof(Options))
        _check_type(stop_price, "stop_price")
        _check_type(limit_price, "limit_price")
        _check_type(quantity, "quantity")
        _check_option_types(owner, expire_ns)
        self._trail_types(trail_type, trail_value, atr_period)
        e.kind = EVENT_TRAIL_LIMIT
        e.side = _side(side)
        e.policy = _tif(tif)
        o.trail_method = _trail_method(trail_type)
        self._mode(cython.address(e), self_trade)
        e.quantity = self._quantity_of(quantity, "quantity")
        o.stop_price = self._price_of(stop_price, "stop_price")
        o.limit_price = self._price_of(limit_price, "limit_price")
        o.has_limit = 1
        self._trail(cython.address(o), trail_value, atr_period)
        return self._stop(cython.address(e), cython.address(o), owner, self_trade, reduce_only, expire_ns)

    # ---- changes ----------------------------------------------------------------------------------------------------

    def cancel(self, order_id):
        """Cancel an order or a stop.
        Parameters
        ----------
        order_id : int
            Which one.

        Returns
        -------
        result : CancelResult
            What was cancelled, or why nothing was (R31).
        """
        out: Outcome
        r: CancelResult
        id: cython.longlong
        if not nd_small(order_id, cython.address(id)) or id < 0:
            id = _id_of(order_id)
        cancel_event(cython.address(self.book), id, cython.address(out))
        # The last answer is used again if nobody kept it.
        if nd_references(cython.cast(cython.pointer(PyObject), self.answer), 1):
            r = self.answer
        else:
            r = CancelResult.__new__(CancelResult)
            self.answer = r
        r.cancelled_quantity = out.cancelled
        r.error_code = out.error
        return r

    def reduce(self, order_id, quantity):
        """Take a part off an order or a stop; it keeps its id and its place.
        Parameters
        ----------
        order_id : int
            Which one.
        quantity : int
            How much to take off.

        Returns
        -------
        result : CancelResult
            What was cancelled, or why nothing was (R32).
        """
        e: Event
        out: Outcome
        r: CancelResult
        memset(cython.address(e), 0, cython.sizeof(Event))
        e.kind = EVENT_REDUCE
        e.id = _id_of(order_id)
        e.quantity = _clamped(quantity, "quantity")
        apply_event(cython.address(self.book), cython.address(e), cython.NULL, cython.NULL, cython.address(out))
        r = CancelResult.__new__(CancelResult)
        r.cancelled_quantity = out.cancelled
        r.error_code = out.error
        return r

    def modify(self, order_id, price, quantity):
        """Cancel an order and submit another in its place: new id, last in its queue (R33).
        Parameters
        ----------
        order_id : int
            Which one.
        price : int
            New limit.
        quantity : int
            New open quantity.

        Returns
        -------
        result : ModifyResult
            The new id and its trades, or why not.
        """
        e: Event
        out: Outcome
        r: ModifyResult
        memset(cython.address(e), 0, cython.sizeof(Event))
        e.kind = EVENT_MODIFY
        e.id = _id_of(order_id)
        e.price = _clamped(price, "price")
        e.quantity = _clamped(quantity, "quantity")
        apply_event(cython.address(self.book), cython.address(e), cython.NULL, cython.NULL, cython.address(out))
        r = ModifyResult.__new__(ModifyResult)
        r.old_order_id = order_id
        r.new_order_id = out.order_id
        r.cancelled_quantity = out.cancelled
        r.first_trade = out.first_trade
        r.n_trades = out.n_trades
        r.store = self.store
        r.error_code = out.error
        return r

    def link(self, contingency, order_ids):
        """Let resting orders and pending stops act on each other (R52 to R54).
        Parameters
        ----------
        contingency : {"oco", "ouo"}
            One cancels the others, or updates them.
        order_ids : iterable of int
            Two or more.

        Returns
        -------
        group_id : int
            From 1.

        Raises
        ------
        UnknownOrderError
            If an id is not active.
        BookError
            If there are too few, or one is pegged or linked already.
        """
        order_ids = tuple(order_ids)
        e: Event
        o: Options
        out: Outcome
        ids: list = [_id_of(order_id) for order_id in order_ids]
        data: cython.pointer(int64_t)
        i: cython.Py_ssize_t
        number: int64_t
        record: cython.pointer(OrderRecord)
        memset(cython.address(e), 0, cython.sizeof(Event))
        memset(cython.address(o), 0, cython.sizeof(Options))
        e.kind = EVENT_LINK
        o.link = _word(contingency, "contingency", _CONTINGENCIES)
        if len(ids) > _LARGEST_GROUP:
            raise BookError(
                f"order_ids: {len(ids)} ids are too many.",
                field="order_ids",
                value=len(ids),
                allowed=f"at most {_LARGEST_GROUP}",
            )
        if len(ids) < 2 or len({order_id.__index__() for order_id in order_ids}) != len(ids):
            raise BookError(
                f"order_ids={order_ids} must be two or more different ids.",
                field="order_ids",
                value=order_ids,
                allowed="two or more different ids",
            )
        for given, number in zip(order_ids, ids, strict=True):
            record = cython.NULL
            if 1 <= number < self.book.next_id and self.book.pages[number >> 15] != cython.NULL:
                record = order_at(cython.address(self.book), number)
            fault = _not_linkable(record)
            if fault is not None:
                raise (UnknownOrderError if fault == "not active" else BookError)(
                    f"order_ids: {given} is {fault}.",
                    field="order_ids",
                    value=given,
                    allowed="resting orders and pending stops, neither pegged nor linked",
                )
        data = cython.cast(cython.pointer(int64_t), malloc(len(ids) * cython.sizeof(int64_t)))
        if data == cython.NULL:
            raise MemoryError
        try:
            for i in range(len(ids)):
                data[i] = ids[i]
            o.ids_count = len(ids)
            apply_event(cython.address(self.book), cython.address(e), cython.address(o), data, cython.address(out))
        finally:
            free(data)
        return out.order_id

    def set_position(self, owner, quantity):
        """Set the net position that reduce-only orders of an owner look at.
        Parameters
        ----------
        owner : int
            Whose.
        quantity : int
            Positive for long.

        Raises
        ------
        ValidationError
            If an argument is outside what is allowed: QuantityError, PriceError or ValidationError itself (R90).
        """
        e: Event
        memset(cython.address(e), 0, cython.sizeof(Event))
        e.kind = EVENT_POSITION
        _check_type(owner, "owner")
        _check_type(quantity, "quantity")
        self._owned(cython.address(e), owner)
        e.quantity = _integer(quantity, "quantity", False)
        if e.quantity == INT64_MIN:
            raise QuantityError(
                f"quantity={quantity} is out of range.",
                field="quantity",
                value=quantity,
                allowed=f"-{INT64_MAX} to {INT64_MAX}",
            )
        self._simple(cython.address(e))

    def position(self, owner):
        """Net position of an owner.
        Parameters
        ----------
        owner : int
            Whose.

        Returns
        -------
        quantity : int
            Positive for long.
        """
        e: Event
        memset(cython.address(e), 0, cython.sizeof(Event))
        _check_type(owner, "owner")
        self._owned(cython.address(e), owner)
        return position_of(cython.address(self.book), e.owner)

    def _simple(self, e):
        out: Outcome
        apply_event(cython.address(self.book), e, cython.NULL, cython.NULL, cython.address(out))
        return None

    # ---- sessions and phases ----------------------------------------------------------------------------------------

    def advance_clock(self, now_ns):
        """Move the clock; what has expired is cancelled (R60).
        Parameters
        ----------
        now_ns : int
            Not before the present clock.

        Raises
        ------
        ValidationError
            If an argument is outside what is allowed: QuantityError, PriceError or ValidationError itself (R90).
        """
        e: Event
        memset(cython.address(e), 0, cython.sizeof(Event))
        e.kind = EVENT_CLOCK
        e.price = _integer(now_ns, "now_ns", 2)
        if e.price < self.book.clock:
            raise ValidationError(
                f"now_ns={now_ns} is before the clock.", field="now_ns", value=now_ns, allowed=f">= {self.book.clock}"
            )
        self._simple(cython.address(e))

    def set_session_close(self, close_ns):
        """Say when "day" orders of this session expire.
        Parameters
        ----------
        close_ns : int
            After the clock.

        Raises
        ------
        ValidationError
            If an argument is outside what is allowed: QuantityError, PriceError or ValidationError itself (R90).
        """
        e: Event
        memset(cython.address(e), 0, cython.sizeof(Event))
        e.kind = EVENT_SESSION_CLOSE
        e.price = _integer(close_ns, "close_ns", 2)
        if e.price <= self.book.clock:
            raise ValidationError(
                f"close_ns={close_ns} is not after the clock.",
                field="close_ns",
                value=close_ns,
                allowed=f"> {self.book.clock}",
            )
        self._simple(cython.address(e))

    def set_price_band(self, low, high):
        """Reject limit orders outside a band and hold market orders within it (R61, R62).
        Parameters
        ----------
        low, high : int or None
            None for no limit.

        Raises
        ------
        ValidationError
            If an argument is outside what is allowed: QuantityError, PriceError or ValidationError itself (R90).
        """
        e: Event
        value: int64_t
        memset(cython.address(e), 0, cython.sizeof(Event))
        e.kind = EVENT_BAND
        for field, number in (("low", low), ("high", high)):
            if number is not None:
                _check_type(number, field)
        if low is not None:
            e.price = _integer(low, "low", True)
            e.flags |= HAS_LOW
        if high is not None:
            e.quantity = _integer(high, "high", True)
            e.flags |= HAS_HIGH
        for field, number in (("low", low), ("high", high)):
            if number is not None and (number % self.book.tick != 0 or not INT64_MIN < number < INT64_MAX):
                raise PriceError(
                    f"{field}={number} is not a price on the tick grid.",
                    field=field,
                    value=number,
                    allowed=f"a multiple of {self.book.tick}",
                )
        if low is not None and high is not None and e.price > e.quantity:
            raise PriceError(f"low={low} is above high={high}.", field="low", value=low, allowed=f"<= {high}")
        self._simple(cython.address(e))

    def halt(self):
        """Stop submissions; cancelling goes on (R63)."""
        e: Event
        memset(cython.address(e), 0, cython.sizeof(Event))
        e.kind = EVENT_HALT
        self._simple(cython.address(e))

    def resume(self):
        """Go on continuously after a halt, or after an auction that is not crossed (R63).

        Raises
        ------
        CrossedBookError
            If the book is crossed.
        """
        e: Event
        memset(cython.address(e), 0, cython.sizeof(Event))
        e.kind = EVENT_RESUME
        if is_crossed(cython.address(self.book)):
            raise CrossedBookError(
                f"phase is {self.phase!r} and the book is crossed.",
                field="phase",
                value=self.phase,
                allowed="a book that is not crossed",
                fix="Call uncross() to end the auction.",
            )
        self._simple(cython.address(e))

    def start_auction(self):
        """Let orders rest without matching until ``uncross`` (R64).

        Raises
        ------
        BookError
            If an auction is on already.
        """
        e: Event
        memset(cython.address(e), 0, cython.sizeof(Event))
        e.kind = EVENT_START_AUCTION
        if self.book.phase == AUCTION:
            raise BookError(
                "phase is 'auction' already.",
                field="phase",
                value=self.phase,
                allowed='"continuous" or "halted"',
                fix="Call uncross() to end it.",
            )
        self._simple(cython.address(e))

    @property
    def phase(self):
        """``"continuous"``, ``"halted"`` or ``"auction"``."""
        return _PHASES[self.book.phase]

    @property
    def clock_ns(self):
        """Time of the last ``advance_clock``."""
        return self.book.clock

    def indicative(self, reference=None):
        """What an auction would do now (R67).
        Parameters
        ----------
        reference : int, optional
            Decides between equal prices; the last trade price if None.

        Returns
        -------
        indicative : Indicative or None
            None if nothing would trade.
        """
        price: int64_t = 0
        volume: int64_t = 0
        surplus: int64_t = 0
        number: int64_t = 0
        if reference is not None:
            number = self._price_of(reference, "reference")
        if not auction_price(
            cython.address(self.book),
            reference is not None,
            number,
            cython.address(price),
            cython.address(volume),
            cython.address(surplus),
        ):
            return None
        return Indicative(price, volume, surplus)

    def uncross(self, reference=None):
        """End the auction: trade at its price and go on continuously (R68).
        Parameters
        ----------
        reference : int, optional
            Decides between equal prices; the last trade price if None.

        Returns
        -------
        result : AuctionResult
            Price, volume and trades.

        Raises
        ------
        BookError
            If no auction is on.
        """
        e: Event
        out: Outcome
        memset(cython.address(e), 0, cython.sizeof(Event))
        e.kind = EVENT_UNCROSS
        if reference is not None:
            e.price = self._price_of(reference, "reference")
            e.flags = HAS_LOW
        if self.book.phase != AUCTION:
            raise BookError(
                f"phase is {self.phase!r}: there is no auction to end.",
                field="phase",
                value=self.phase,
                allowed='"auction"',
                fix="Call start_auction() first.",
            )
        apply_event(cython.address(self.book), cython.address(e), cython.NULL, cython.NULL, cython.address(out))
        return AuctionResult(
            out.price if out.success else None, out.filled, tuple(self.store._between(out.first_trade, out.n_trades))
        )

    # ---- queries ----------------------------------------------------------------------------------------------------

    def best_bid_ask(self):
        """Best prices.
        Returns
        -------
        prices : tuple of (int or None, int or None)
            Bid and ask; None for an empty side.
        """
        bids: cython.pointer(Ladder) = cython.address(self.book.ladders[BUY])
        asks: cython.pointer(Ladder) = cython.address(self.book.ladders[SELL])
        bid: int64_t = bids.levels[bids.best].price if bids.best != 0 else 0
        ask: int64_t = asks.levels[asks.best].price if asks.best != 0 else 0
        found: cython.int = (1 if bids.best != 0 else 0) + (2 if asks.best != 0 else 0)
        # The last tuple is given again while it is right: two prices cost more than all the rest.
        if self.quote is None or bid != self.quoted_bid or ask != self.quoted_ask or found != self.quoted:
            self.quote = (bid if found & 1 else None, ask if found & 2 else None)
            self.quoted_bid = bid
            self.quoted_ask = ask
            self.quoted = found
        return self.quote

    def best_bid(self):
        """Highest bid.
        Returns
        -------
        price : int or None
            None if there is no bid.
        """
        bids: cython.pointer(Ladder) = cython.address(self.book.ladders[BUY])
        return bids.levels[bids.best].price if bids.best != 0 else None

    def best_ask(self):
        """Lowest ask.
        Returns
        -------
        price : int or None
            None if there is no ask.
        """
        asks: cython.pointer(Ladder) = cython.address(self.book.ladders[SELL])
        return asks.levels[asks.best].price if asks.best != 0 else None

    def spread(self):
        """Best ask less best bid.
        Returns
        -------
        spread : int or None
            None if a side is empty.
        """
        bid, ask = self.best_bid_ask()
        return None if bid is None or ask is None else ask - bid

    def depth(self, levels=10):
        """The best levels of both sides.
        Parameters
        ----------
        levels : int, default 10
            How many a side.

        Returns
        -------
        snapshot : BookSnapshot
            As of now.
        """
        n: int64_t = _integer(levels, "levels", 2)
        s: BookSnapshot
        if n < 0:
            raise ValidationError(f"levels={n} must not be negative.", field="levels", value=n, allowed=">= 0")
        # The last snapshot but one is filled anew, arrays and all, if nobody kept a part of it.
        if not (
            nd_references(cython.cast(cython.pointer(PyObject), self.shown_before), 1)
            and self.shown_before._refill(cython.address(self.book), n)
        ):
            s = BookSnapshot.__new__(BookSnapshot)
            s._fill(cython.address(self.book), n)
            self.shown_before = s
        s = self.shown_before
        self.shown_before = self.shown
        self.shown = s
        return s

    def depth_view(self, levels=10):
        """Arrays of the best levels that are made once and refreshed in place.

        Parameters
        ----------
        levels : int, default 10
            How many a side.

        Returns
        -------
        view : DepthView
            Not yet refreshed.
        """
        return DepthView(self, levels)

    def full_book(self):
        """All levels of both sides.
        Returns
        -------
        snapshot : BookSnapshot
            As of now.
        """
        s: BookSnapshot = BookSnapshot.__new__(BookSnapshot)
        s._fill(cython.address(self.book), INT64_MAX)
        return s

    def queue(self, side, price):
        """The orders at one price, first in time first.
        Parameters
        ----------
        side : Side or str
            Direction.
        price : int
            Of the level.

        Returns
        -------
        orders : list of Order
            Empty if nothing rests there.
        """
        b: cython.pointer(Book) = cython.address(self.book)
        at: int64_t
        index: uint32_t = ladder_find(cython.address(b.ladders[_side(side)]), _integer(price, "price", True))
        found: list = []
        if index != 0:
            at = b.ladders[_side(side)].levels[index].head
            while at != 0:
                found.append(self.get_order(at))
                at = order_at(b, at).next
        return found

    def get_order(self, order_id):
        """An order, also one that is gone.
        Parameters
        ----------
        order_id : int
            Which one.

        Returns
        -------
        order : Order or None
            None if the id is no order's, or was rejected or forgotten.
        """
        id: int64_t = _id_of(order_id)
        b: cython.pointer(Book) = cython.address(self.book)
        o: cython.pointer(OrderRecord)
        x: cython.pointer(Extra) = cython.NULL
        cut: int64_t = 0
        active: cython.bint
        if id < 1 or id >= b.next_id or b.pages[id >> 15] == cython.NULL:
            return None
        o = order_at(b, id)
        if terms_of(o).extra != 0:
            x = cython.address(b.extras[terms_of(o).extra])
            cut = x.cut
            if x.is_loss_leg:
                return None
        active = o.state == RESTING or o.state == PARKED or o.state == HELD
        if not active and o.state != FILLED and o.state != CANCELLED:
            return None
        filled: object = terms_of(o).quantity - o.open - cut
        status: object = (
            "filled" if o.state == FILLED else "cancelled" if not active else "partially_filled" if filled else "new"
        )
        return Order(
            id=id,
            side=Side.SELL if o.side else Side.BUY,
            price=terms_of(o).price,
            original_quantity=terms_of(o).quantity,
            remaining_quantity=o.open if active else 0,
            filled_quantity=filled,
            cancelled_quantity=cut if active else cut + o.open,
            visible_quantity=visible_of(b, o) if o.state == RESTING else 0,
            timestamp=terms_of(o).timestamp,
            time_in_force=TimeInForce(_TIFS[o.policy & 15]),
            status=_STATUS_OF[status],
            owner=terms_of(o).owner or None,
            self_trade=_SELF_TRADE[o.policy >> 4],
            post_only=bool(o.flags & POST_ONLY),
            reduce_only=bool(o.flags & REDUCE_ONLY),
            display=(x.display or None) if x != cython.NULL else None,
            expire_ns=(x.expire_ns or None) if x != cython.NULL else None,
            stop_id=(x.twin or None) if x != cython.NULL else None,
            is_held=o.state == HELD,
            is_parked=o.state == PARKED,
        )

    def get_stop_order(self, order_id):
        """A stop, also one that is gone.
        Parameters
        ----------
        order_id : int
            Which one.

        Returns
        -------
        stop : StopOrder or None
            None if the id is no stop's.
        """
        id: int64_t = _id_of(order_id)
        b: cython.pointer(Book) = cython.address(self.book)
        o: cython.pointer(OrderRecord)
        x: cython.pointer(Extra)
        if id < 1 or id >= b.next_id or b.pages[id >> 15] == cython.NULL:
            return None
        o = order_at(b, id)
        if o.state == STOP_PENDING or (o.state == HELD and b.extras[terms_of(o).extra].is_loss_leg):
            status = "pending" if o.state == STOP_PENDING else "held"
        elif o.state == STOP_TRIGGERED:
            status = "triggered"
        elif o.state == STOP_CANCELLED:
            status = "cancelled"
        else:
            return None
        x = cython.address(b.extras[terms_of(o).extra])
        return StopOrder(
            id=id,
            side=Side.SELL if o.side else Side.BUY,
            stop_price=terms_of(o).price,
            limit_price=x.limit_price if x.has_limit else None,
            quantity=o.open,
            status=status,
            timestamp=terms_of(o).timestamp,
            owner=terms_of(o).owner or None,
            trail_type=(None, "fixed", "percentage", "sma_abs_change", "wilder_atr")[x.trail_method],
            watermark=x.watermark if x.has_watermark else None,
            triggered_order_id=x.twin or None,
        )

    def pending_stop_count(self):
        """How many stops wait.
        Returns
        -------
        count : int
            Bracket legs not counted before their parent fills.
        """
        return self.book.n_pending_stops

    def committed_quantity(self, side):
        """Open quantity of a side's orders and stops, of whatever kind: what counts against its capacity (R5).

        Parameters
        ----------
        side : Side or str
            Direction.

        Returns
        -------
        quantity : int
            At most 2**63 - 1.
        """
        return self.book.committed[_side(side)]

    def last_trade_price(self):
        """Price of the last trade.
        Returns
        -------
        price : int or None
            None before the first.
        """
        return self.book.last_price if self.book.has_last else None

    def trades(self):
        """All trades since the last ``clear_trades``, oldest first.
        Returns
        -------
        trades : list of Trade
            Made when asked for.
        """
        first: int64_t = self.store.log.base_id + self.store.log.first_visible
        return self.store._between(first, self.book.next_trade_id - first)

    def trade_array(self):
        """All trades since the last ``clear_trades`` as a structured array, oldest first.
        Returns
        -------
        trades : ndarray, shape (n,)
            Fields price, quantity, aggressor, passive, timestamp, is_sell, all int64; a copy.
        """
        import numpy

        first: int64_t = self.store.log.first_visible
        n: int64_t = self.store.log.n - first
        array = numpy.empty(
            n,
            dtype=[
                ("price", "i8"),
                ("quantity", "i8"),
                ("aggressor", "i8"),
                ("passive", "i8"),
                ("timestamp", "i8"),
                ("is_sell", "i8"),
            ],
        )
        address: uint64_t = array.ctypes.data
        if n > 0:
            memcpy(
                cython.cast(cython.p_void, address),
                cython.address(self.store.log.data[first]),
                n * cython.sizeof(TradeRecord),
            )
        return array

    def notices(self):
        """What happened to orders outside their own commands, oldest first (R70).
        Returns
        -------
        notices : list of Notice
            Since the last ``take_notices``.
        """
        found: list = []
        i: int64_t
        n: cython.pointer(Note)
        for i in range(self.book.n_notes):
            n = cython.address(self.book.notes[i])
            found.append(Notice(_NOTES[n.kind], n.order_id, n.quantity, n.related_id))
        return found

    def take_notices(self):
        """The notices, which are then forgotten.
        Returns
        -------
        notices : list of Notice
            Since the last call.
        """
        found: list = self.notices()
        self.book.n_notes = 0
        return found

    def state_hash(self):
        """64-bit hash of all that decides the future, and of every trade (R72).
        Returns
        -------
        hash : int
            Equal for equal books.
        """
        return state_hash(cython.address(self.book))

    # ---- memory -----------------------------------------------------------------------------------------------------

    def clear_trades(self):
        """Forget the trades; results keep theirs."""
        b: cython.pointer(Book) = cython.address(self.book)
        kept: Trades
        first: int64_t = b.seen if b.leftover else b.next_trade_id
        n: int64_t = b.next_trade_id - first
        fold_trades(b)
        fold_history(b, first)
        kept = Trades.__new__(Trades, first)
        if n > 0:
            kept.log.data = cython.cast(cython.pointer(TradeRecord), malloc(n * cython.sizeof(TradeRecord)))
            if kept.log.data == cython.NULL:
                raise MemoryError
            memcpy(
                kept.log.data, cython.address(b.trades.data[first - b.trades.base_id]), n * cython.sizeof(TradeRecord)
            )
            kept.log.n = n
            kept.log.capacity = n
            kept.log.first_visible = n
        self.store = kept
        b.trades = cython.address(kept.log)

    def clear_order_history(self):
        """Forget orders and stops that are gone.
        Returns
        -------
        count : int
            How many orders.
        """
        b: cython.pointer(Book) = cython.address(self.book)
        o: cython.pointer(OrderRecord)
        id: int64_t
        n: int64_t = 0
        for id in range(1, b.next_id):
            if b.pages[id >> 15] == cython.NULL:
                continue
            o = order_at(b, id)
            if o.state == FILLED or o.state == CANCELLED:
                if not (o.state == CANCELLED and terms_of(o).extra != 0 and b.extras[terms_of(o).extra].is_loss_leg):
                    n += 1
                o.state = FORGOTTEN_ORDER
            elif o.state == STOP_TRIGGERED or o.state == STOP_CANCELLED:
                o.state = FORGOTTEN_STOP
            else:
                continue
            # A filled parent that the cascade limit left unlooked at still has legs to send.
            if terms_of(o).extra != 0 and not o.flags & PARENT:
                b.extras[terms_of(o).extra].id = b.free_extra
                b.free_extra = terms_of(o).extra
                terms_of(o).extra = 0
        return n

    def compact(self):
        """Nothing to do: a cancelled order leaves its queue at once. Kept for the published name."""

    # ---- batch, log -------------------------------------------------------------------------------------------------

    def submit_batch(self, commands, out=None):
        """Run many commands at once, without Python objects and without the interpreter lock.
        Parameters
        ----------
        commands : ndarray of COMMAND_DTYPE, shape (n,)
            Limit, market, cancel, modify and reduce, see ``book.batch``.
        out : ndarray of ANSWER_DTYPE, shape (n,), optional
            Where to write the answers; made if missing. Reuse one for many batches.

        Returns
        -------
        answers : ndarray of ANSWER_DTYPE, shape (n,)
            What each call would have answered; a row that would have raised has an error of 100 or more.

        Raises
        ------
        ValidationError
            If the array has another layout.
        """
        import numpy

        b: cython.pointer(Book) = cython.address(self.book)
        if commands.dtype != COMMAND_DTYPE or commands.ndim != 1:
            raise ValidationError(
                f"commands has dtype {commands.dtype} and {commands.ndim} dimensions.",
                field="commands",
                value=commands.dtype,
                allowed="a one-dimensional array of book.exchange.COMMAND_DTYPE",
            )
        rows = numpy.ascontiguousarray(commands)
        answers = numpy.empty(rows.shape[0], dtype=ANSWER_DTYPE) if out is None else out
        if answers.dtype != ANSWER_DTYPE or answers.shape != rows.shape or not answers.flags.carray:
            raise ValidationError(
                f"out has dtype {answers.dtype} and shape {answers.shape}.",
                field="out",
                value=answers.shape,
                allowed=f"a contiguous array of book.batch.ANSWER_DTYPE with shape {rows.shape}",
            )
        source: uint64_t = rows.ctypes.data
        target: uint64_t = answers.ctypes.data
        n: int64_t = rows.shape[0]
        with cython.nogil:
            run_batch(b, cython.cast(cython.pointer(Event), source), n, cython.cast(cython.pointer(BatchRow), target))
        return answers

    def event_count(self):
        """How many inputs the log holds.
        Returns
        -------
        count : int
            One for each command that did not raise.
        """
        return self.book.journal.n

    def events(self, start=0, stop=None):
        """Inputs from the log.
        Parameters
        ----------
        start, stop : int, optional
            Part of the log, as a slice.

        Returns
        -------
        events : list of Event
            Oldest first.
        """
        first, last, _ = slice(start, stop).indices(self.book.journal.n)
        found: list = []
        i: int64_t
        at: Cursor
        e: Event
        o: cython.pointer(Options)
        journal_seek(cython.address(self.book.journal), min(first, last), cython.address(at))
        for i in range(first, last):
            journal_next(cython.address(at), cython.address(e))
            o = cython.address(self.book.options[e.id]) if e.flags & HAS_OPTIONS else cython.NULL
            kind, fields = _described(cython.address(e), o, self.book.link_ids.data)
            found.append(LogEvent(kind, **fields))
        return found

    def apply(self, event):
        """Run one event.
        Parameters
        ----------
        event : Event
            A command.

        Returns
        -------
        result : object
            What its method gives.

        Raises
        ------
        ReplayError
            If it is no command.
        """
        if event.kind not in COMMANDS:
            raise ReplayError(f"{event.kind!r} is no command of an exchange")
        return getattr(self, event.kind)(**event.fields)

    @classmethod
    def replay(cls, events, instrument=None, **configuration):
        """An exchange after a list of events.
        Parameters
        ----------
        events : iterable of Event
            Oldest first.
        instrument : Instrument, optional
            As of the exchange that logged them.
        **configuration
            Its rules, as ``configuration`` gives them.

        Returns
        -------
        exchange : Exchange
            Equal to the one that logged them.
        """
        exchange = cls(instrument, **configuration)
        for event in events:
            exchange.apply(event)
        return exchange

    def save(self, path, *, binary=False):
        """Write the event log, replacing the file in one step.
        Parameters
        ----------
        path : str or Path
            Destination.
        binary : bool, default False
            The compact form instead of JSON lines.
        """
        # Imported here as it stands above this module, and only saving needs it.
        import_module("nanodesk.book.event_log").save(self, path, binary=binary)

    @classmethod
    def load(cls, path, *, strict=False):
        """The exchange that a saved log leads to.
        Parameters
        ----------
        path : str or Path
            A log of either form, or the published engine's JSON lines.
        strict : bool, default False
            Refuse a log that is cut instead of recovering its longest valid prefix with a warning.

        Returns
        -------
        exchange : Exchange
            After all records.

        Raises
        ------
        ReplayError
            If the log is altered or of an unknown schema.
        """
        return import_module("nanodesk.book.event_log").load(path, strict=strict)

    def raw_log(self, start, stop):
        """Records as bytes; places in the tables count from the first of the part.
        Parameters
        ----------
        start, stop : int
            Part of the log.

        Returns
        -------
        parts : tuple of bytes
            Events, their options, their link ids.

        Raises
        ------
        ValidationError
            If this is no part of the log.
        """
        if not 0 <= start <= stop <= self.book.journal.n:
            raise ValidationError(
                f"start={start} and stop={stop} are no part of the log.",
                field="start",
                value=start,
                allowed=f"0 <= start <= stop <= {self.book.journal.n}",
            )
        import numpy

        b: cython.pointer(Book) = cython.address(self.book)
        n: int64_t = stop - start
        events = bytearray(n * cython.sizeof(Event))
        options: list = []
        ids: list = []
        i: int64_t
        j: int64_t
        at: Cursor
        e: Event
        o: Options
        target: cython.p_char = events
        journal_seek(cython.address(b.journal), start, cython.address(at))
        for i in range(n):
            journal_next(cython.address(at), cython.address(e))
            if e.flags & HAS_OPTIONS:
                o = b.options[e.id]
                for j in range(o.ids_count):
                    ids.append(b.link_ids.data[o.ids_start + j])
                o.ids_start = len(ids) - o.ids_count
                e.id = len(options)
                options.append(cython.cast(cython.p_char, cython.address(o))[: cython.sizeof(Options)])
            memcpy(target + i * cython.sizeof(Event), cython.address(e), cython.sizeof(Event))
        return bytes(events), b"".join(options), numpy.array(ids, dtype="<i8").tobytes()

    def replay_raw(self, events, options, ids):
        """Run records in the layout of ``raw_log``, each checked first.
        Parameters
        ----------
        events, options, ids : bytes
            The parts.

        Returns
        -------
        count : int
            How many ran.

        Raises
        ------
        ReplayError
            At the first record that no command makes; those before it have run.
        """
        b: cython.pointer(Book) = cython.address(self.book)
        data: cython.p_char = events
        more: cython.p_char = options
        link_ids: cython.p_char = ids
        records: cython.pointer(Event) = cython.cast(cython.pointer(Event), data)
        n: int64_t = len(events) // cython.sizeof(Event)
        n_options: int64_t = len(options) // cython.sizeof(Options)
        n_ids: int64_t = len(ids) // 8
        at: int64_t = 0
        o: cython.pointer(Options)
        e: cython.pointer(Event)
        while at < n:
            with cython.nogil:
                at = run_plain(b, records, at, n)
            if at < 0:
                raise ReplayError(f"record {-1 - at} holds a value that no command has", events_read=-1 - at)
            if at == n:
                break
            e = cython.address(records[at])
            o = cython.NULL
            if e.flags & HAS_OPTIONS:
                if not 0 <= e.id < n_options:
                    raise ReplayError(f"record {at} points outside its options", events_read=at)
                o = cython.address(cython.cast(cython.pointer(Options), more)[e.id])
                if o.ids_count < 0 or o.ids_start < 0 or o.ids_count > n_ids or o.ids_start > n_ids - o.ids_count:
                    raise ReplayError(f"record {at} points outside its ids", events_read=at)
            try:
                kind, fields = _described(e, o, cython.cast(cython.pointer(int64_t), link_ids))
                getattr(self, kind)(**fields)
            except (NanodeskError, IndexError, TypeError) as error:
                raise ReplayError(f"record {at} is no command: {error}", events_read=at) from error
            at += 1
        return n

    def replayed(self):
        """Another exchange after the same inputs.
        Returns
        -------
        exchange : Exchange
            Equal in every observable.
        """
        other: Exchange = Exchange(self.instrument, **self.configuration)
        source: cython.pointer(Book) = cython.address(self.book)
        target: cython.pointer(Book) = cython.address(other.book)
        with cython.nogil:
            run_log(target, source)
        return other

    def address(self):
        """Address of the book for compiled strategies (docs/exchange.md, section 15).
        Returns
        -------
        address : int
            Valid while the exchange lives.
        """
        return cython.cast(uint64_t, cython.address(self.book))

    def __repr__(self):
        bid, ask = self.best_bid_ask()
        return f"Exchange(bid={bid}, ask={ask}, trades={self.book.next_trade_id - 1})"


@cython.final
@cython.cclass
class DepthView:
    """Depth of an exchange in arrays that stay: ``refresh`` fills them and makes no objects.

    Parameters
    ----------
    exchange : Exchange
        Whose book.
    levels : int
        How many a side, at least 1.

    Attributes
    ----------
    prices, quantities, counts : ndarray of int64, shape (2, levels)
        Row 0 bids, row 1 asks, best first; 0 beyond the last level.
    """

    def __init__(self, exchange, levels):
        import numpy

        if _integer(levels, "levels", 2) < 1:
            raise ValidationError(f"levels={levels} must be at least 1.", field="levels", value=levels, allowed=">= 1")
        self.exchange = exchange
        self.levels = levels
        self.memory = numpy.zeros((3, 2, levels), dtype=numpy.int64)
        self.prices, self.quantities, self.counts = self.memory
        address: uint64_t = self.memory.ctypes.data
        self.data = cython.cast(cython.pointer(int64_t), address)

    def refresh(self):
        """Fill the arrays with the book as it is.

        Returns
        -------
        levels : tuple of (int, int)
            How many bids and asks were found.
        """
        side: cython.int
        n: int64_t
        found: int64_t[2]
        ladder: cython.pointer(Ladder)
        level: cython.pointer(Level)
        index: uint32_t
        out: cython.pointer(int64_t) = self.data
        plane: int64_t = 2 * self.levels
        for side in range(2):
            ladder = cython.address(self.exchange.book.ladders[side])
            index = ladder.best
            n = 0
            while n < self.levels and index != 0:
                level = cython.address(ladder.levels[index])
                out[n] = level.price
                out[plane + n] = level.visible
                out[2 * plane + n] = level.count
                index = level.worse
                n += 1
            found[side] = n
            while n < self.levels and out[2 * plane + n] != 0:
                out[n] = 0
                out[plane + n] = 0
                out[2 * plane + n] = 0
                n += 1
            out += self.levels
        return (found[0], found[1])


@cython.cfunc
@cython.exceptval(-1, check=True)
def _id_of(value: object) -> int64_t:
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


@cython.cfunc
@cython.exceptval(-1, check=True)
def _clamped(value: object, field: str) -> int64_t:
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


@cython.cfunc
def _not_linkable(o: cython.pointer(OrderRecord)) -> object:
    """Why an order cannot join a group (R93), or None."""
    if o == cython.NULL or (o.state != RESTING and o.state != PARKED and o.state != STOP_PENDING):
        return "not active"
    if o.flags & PEGGED and o.state != STOP_PENDING:
        return "pegged"
    if o.state == PARKED:
        return "not active"
    return "linked already" if o.flags & LINKED else None


@cython.cfunc
def _described(e: cython.pointer(Event), o: cython.pointer(Options), ids: cython.pointer(int64_t)) -> tuple:
    """A record as the name of a method and its arguments, defaults left out."""
    fields: dict = {}
    kind: cython.int = e.kind
    tif: cython.int = e.policy & 15
    i: int64_t
    # A record from a file may hold any bytes: no word is looked up before its number is in range.
    if e.side > 1 or tif > DAY or e.policy >> 4 > 4:
        raise ReplayError("a record with a side, time in force or self-trade mode that does not exist")
    if o != cython.NULL and (o.link > 1 or o.peg > 2 or o.trail_method > TRAIL_WILDER):
        raise ReplayError("a record with options that do not exist")
    if kind == EVENT_CANCEL:
        return "cancel", {"order_id": e.id}
    if kind == EVENT_MODIFY:
        return "modify", {"order_id": e.id, "price": e.price, "quantity": e.quantity}
    if kind == EVENT_REDUCE:
        return "reduce", {"order_id": e.id, "quantity": e.quantity}
    if kind == EVENT_POSITION:
        return "set_position", {"owner": e.owner, "quantity": e.quantity}
    if kind == EVENT_CLOCK:
        return "advance_clock", {"now_ns": e.price}
    if kind == EVENT_SESSION_CLOSE:
        return "set_session_close", {"close_ns": e.price}
    if kind == EVENT_BAND:
        return "set_price_band", {
            "low": e.price if e.flags & HAS_LOW else None,
            "high": e.quantity if e.flags & HAS_HIGH else None,
        }
    if kind == EVENT_UNCROSS:
        return "uncross", {"reference": e.price} if e.flags & HAS_LOW else {}
    if kind >= EVENT_HALT and kind <= EVENT_START_AUCTION:
        return ("halt", "resume", "start_auction")[kind - EVENT_HALT], {}
    if kind > EVENT_UNCROSS or (kind > EVENT_MARKET and o == cython.NULL):
        raise ReplayError("a record of an unknown kind or without its options")
    if kind == EVENT_LINK:
        return "link", {
            "contingency": _CONTINGENCIES[o.link],
            "order_ids": [ids[o.ids_start + i] for i in range(o.ids_count)],
        }
    fields["side"] = ("buy", "sell")[e.side]
    if kind == EVENT_LIMIT or kind == EVENT_BRACKET:
        fields["price"] = e.price
    if kind >= EVENT_STOP_MARKET and kind <= EVENT_TRAIL_LIMIT:
        fields["stop_price"] = o.stop_price
        if kind == EVENT_STOP_LIMIT or kind == EVENT_TRAIL_LIMIT:
            fields["limit_price"] = o.limit_price
    if kind == EVENT_PEGGED:
        fields["reference"] = _REFERENCES[o.peg]
    fields["quantity"] = e.quantity
    if kind == EVENT_PEGGED:
        fields["offset"] = o.offset
        if o.has_limit:
            fields["limit_price"] = o.limit_price
    if kind == EVENT_BRACKET:
        fields["take_profit"] = o.take_profit
        fields["stop_loss"] = o.stop_price
        fields["contingency"] = _CONTINGENCIES[o.link]
    if kind == EVENT_TRAIL_MARKET or kind == EVENT_TRAIL_LIMIT:
        fields["trail_type"] = (None, "fixed", "percentage", "sma_abs_change", "wilder_atr")[o.trail_method]
        fields["trail_value"] = o.offset if o.trail_method == TRAIL_FIXED else o.trail_value
        if o.trail_method >= TRAIL_SMA:
            fields["atr_period"] = o.trail_period
    if kind != EVENT_MARKET and kind != EVENT_STOP_MARKET and kind != EVENT_TRAIL_MARKET:
        fields["tif"] = _TIFS[tif]
        if tif == GTD:
            fields["expire_ns"] = o.expire_ns if o != cython.NULL else 0
    if e.flags & ASK_POST_ONLY:
        fields["post_only"] = True
    if e.flags & ASK_REDUCE_ONLY:
        fields["reduce_only"] = True
    if o != cython.NULL and o.display != 0:
        fields["display"] = o.display
    if o != cython.NULL and o.min_quantity != 0:
        fields["min_quantity"] = o.min_quantity
    if e.owner != 0:
        fields["owner"] = e.owner
    if e.policy >> 4 != 0:
        fields["self_trade"] = _SELF_TRADE[e.policy >> 4]
    return _METHODS[kind], fields


_STATUS_OF = {status.value: status for status in OrderStatus}
