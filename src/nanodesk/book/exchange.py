"""One instrument's venue: submit, cancel, modify, query, record, replay.

The rules are in docs/exchange.md; the loops are in ``kernels``. This class checks what comes in, keeps the memory
and turns
outcomes into values. It is compiled, as a caller touches it once an order.
"""

import cython
from cython.cimports.cpython.object import PyObject
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, malloc
from cython.cimports.libc.string import memcpy, memset
from cython.cimports.nanodesk.book.arguments import (
    check_option_types,
    check_room,
    check_trail_types,
    check_type,
    clamped,
    id_of,
    integer,
    nd_small,
    not_linkable,
    price_of,
    quantity_of,
    read_options,
    read_owner,
    read_reduce_only,
    read_self_trade,
    read_trail,
    resting_tif,
    side_word,
    trail_method,
    word_of,
)
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
from cython.cimports.nanodesk.book.kernels.records import (
    AUCTION,
    BUY,
    CANCELLED,
    EVENT_BAND,
    EVENT_BRACKET,
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
    FORGOTTEN_ORDER,
    FORGOTTEN_STOP,
    GTC,
    GTD,
    HAS_HIGH,
    HAS_LOW,
    HAS_OPTIONS,
    INT64_MAX,
    INT64_MIN,
    IOC,
    PARENT,
    PRICE_TIME,
    SELL,
    STOP_CANCELLED,
    STOP_TRIGGERED,
    Book,
    Options,
    Outcome,
    order_at,
    terms_of,
)
from cython.cimports.nanodesk.book.kernels.records import Order as OrderRecord
from cython.cimports.nanodesk.book.kernels.records import Trade as TradeRecord
from cython.cimports.nanodesk.book.kernels.statehash import fold_trades, state_hash
from cython.cimports.nanodesk.book.kernels.store import book_free, book_init, position_of
from cython.cimports.nanodesk.book.kernels.uncross import auction_price, is_crossed
from cython.cimports.nanodesk.book.log_records import command_of, raw_records
from cython.cimports.nanodesk.book.readout import notices_of, order_of, stop_of, trade_rows
from cython.cimports.nanodesk.book.results import CancelResult, ModifyResult, StopSubmitResult, SubmitResult, Trades
from cython.cimports.nanodesk.book.snapshot import BookSnapshot, nd_references

from nanodesk.book.batch import ANSWER_DTYPE, COMMAND_DTYPE
from nanodesk.book.event_log import load as load_log
from nanodesk.book.event_log import save as save_log
from nanodesk.book.events import COMMANDS
from nanodesk.book.events import Event as LogEvent
from nanodesk.book.orders import AuctionResult, BracketResult, Indicative
from nanodesk.book.words import ALGORITHMS, CONTINGENCIES, PHASES, REFERENCES, TIFS
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
from nanodesk.market.instrument import Instrument

# The usual words, to be compared by address: literals of a caller are the same objects.
_BUY_WORD = cython.declare(object, "buy")
_SELL_WORD = cython.declare(object, "sell")
_GTC_WORD = cython.declare(object, "gtc")
_IOC_WORD = cython.declare(object, "ioc")
_OFF_WORD = cython.declare(object, "off")
_LARGEST_GROUP = 100


@cython.cfunc
@cython.inline
@cython.exceptval(-1)
def _side(side: object) -> cython.int:
    """0 for buy, 1 for sell; the usual words cost a comparison of addresses."""
    if side is _BUY_WORD:
        return BUY
    if side is _SELL_WORD:
        return SELL
    return side_word(side)


@cython.cfunc
@cython.inline
@cython.exceptval(-1)
def _tif(tif: object) -> cython.int:
    if tif is _GTC_WORD:
        return GTC
    if tif is _IOC_WORD:
        return IOC
    return word_of(tif, "tif", TIFS)


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
        b.algorithm = word_of(matching, "matching", ALGORITHMS)
        for name, value, low, high in (
            ("fifo_percent", fifo_percent, 0, 100),
            ("min_allocation", min_allocation, 0, INT64_MAX),
            ("cascade_limit", cascade_limit, 1, INT64_MAX),
            ("max_display_parts", max_display_parts, 1, 1_000_000),
        ):
            if not low <= integer(value, name, 2) <= high:
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
            "matching": ALGORITHMS[b.algorithm],
            "fifo_percent": b.fifo_percent,
            "min_allocation": b.min_allocation,
            "top_order": bool(top_order),
            "cascade_limit": b.cascade_limit,
            "max_display_parts": b.max_display_parts,
        }

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
            check_type(price, "price")
            check_type(quantity, "quantity")
            check_option_types(owner, expire_ns, display, min_quantity)
        e.kind = EVENT_LIMIT
        e.flags = 0
        e.owner = 0
        e.id = 0
        e.side = _side(side)
        e.policy = _tif(tif)
        if self_trade is not _OFF_WORD:
            read_self_trade(cython.address(e), self_trade)
        # The ordinary number on an ordinary grid, without a call.
        if not ordinary or number <= 0 or self.book.lot != 1:
            number = quantity_of(cython.address(self.book), quantity, "quantity")
        e.quantity = number
        if not ordinary or limit <= 0 or self.book.tick != 1:
            limit = price_of(cython.address(self.book), price, "price")
        e.price = limit
        if owner is not None:
            read_owner(cython.address(e), owner)
        if has_options or e.policy & 15 >= GTD:
            memset(cython.address(o), 0, cython.sizeof(Options))
            read_options(
                cython.address(self.book),
                cython.address(e),
                cython.address(o),
                post_only,
                display,
                min_quantity,
                expire_ns,
            )
            read_reduce_only(cython.address(e), reduce_only, self_trade)
            check_room(cython.address(self.book), e.side, e.quantity)
            apply_event(
                cython.address(self.book), cython.address(e), cython.address(o), cython.NULL, cython.address(out)
            )
            return self._result(cython.address(out))
        if e.policy >> 4 != 0:
            read_reduce_only(cython.address(e), False, self_trade)
        if self.book.committed[e.side] > INT64_MAX - e.quantity:
            check_room(cython.address(self.book), e.side, e.quantity)
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
        check_type(quantity, "quantity")
        check_option_types(owner, None, None, min_quantity)
        e.kind = EVENT_MARKET
        e.flags = 0
        e.owner = 0
        e.id = 0
        e.side = _side(side)
        e.policy = IOC
        read_self_trade(cython.address(e), self_trade)
        e.quantity = quantity_of(cython.address(self.book), quantity, "quantity")
        read_owner(cython.address(e), owner)
        e.price = INT64_MAX if e.side == BUY else INT64_MIN
        if min_quantity is not None or reduce_only is not False:
            memset(cython.address(o), 0, cython.sizeof(Options))
            read_options(
                cython.address(self.book), cython.address(e), cython.address(o), False, None, min_quantity, None
            )
            read_reduce_only(cython.address(e), reduce_only, self_trade)
            check_room(cython.address(self.book), e.side, e.quantity)
            apply_event(
                cython.address(self.book), cython.address(e), cython.address(o), cython.NULL, cython.address(out)
            )
            return self._result(cython.address(out))
        read_reduce_only(cython.address(e), False, self_trade)
        check_room(cython.address(self.book), e.side, e.quantity)
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
        check_type(quantity, "quantity")
        check_type(offset, "offset")
        if limit_price is not None:
            check_type(limit_price, "limit_price")
        check_option_types(owner, expire_ns, display)
        e.kind = EVENT_PEGGED
        e.side = _side(side)
        e.policy = resting_tif(tif, "a pegged order")
        o.peg = word_of(reference, "reference", REFERENCES)
        read_self_trade(cython.address(e), self_trade)
        e.quantity = quantity_of(cython.address(self.book), quantity, "quantity")
        o.offset = integer(offset, "offset", True)
        if limit_price is not None:
            o.limit_price = price_of(cython.address(self.book), limit_price, "limit_price")
            o.has_limit = 1
        read_owner(cython.address(e), owner)
        read_options(cython.address(self.book), cython.address(e), cython.address(o), False, display, None, expire_ns)
        read_reduce_only(cython.address(e), False, self_trade)
        check_room(cython.address(self.book), e.side, e.quantity)
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
            check_type(value, field)
        check_option_types(owner, expire_ns)
        e.kind = EVENT_BRACKET
        e.side = _side(side)
        e.policy = resting_tif(tif, "a bracket")
        o.link = word_of(contingency, "contingency", CONTINGENCIES)
        read_self_trade(cython.address(e), self_trade)
        e.quantity = quantity_of(cython.address(self.book), quantity, "quantity")
        e.price = price_of(cython.address(self.book), price, "price")
        o.take_profit = price_of(cython.address(self.book), take_profit, "take_profit")
        o.stop_price = price_of(cython.address(self.book), stop_loss, "stop_loss")
        read_owner(cython.address(e), owner)
        read_options(cython.address(self.book), cython.address(e), cython.address(o), False, None, None, expire_ns)
        read_reduce_only(cython.address(e), False, self_trade)
        if not (o.stop_price < e.price < o.take_profit if e.side == BUY else o.take_profit < e.price < o.stop_price):
            raise PriceError(
                f"price={price} must lie between take_profit={take_profit} and stop_loss={stop_loss}.",
                field="stop_loss" if (o.stop_price < e.price) != (e.side == BUY) else "take_profit",
                value=stop_loss,
                allowed="stop_loss < price < take_profit for a buy, the reverse for a sell",
            )
        check_room(cython.address(self.book), e.side, e.quantity)
        if e.quantity > INT64_MAX // 2:
            check_room(cython.address(self.book), 1 - e.side, INT64_MAX)
            raise QuantityError(
                f"quantity={quantity} of each of two legs does not fit 64 bits.",
                field="quantity",
                value=quantity,
                allowed=f"at most {INT64_MAX // 2}",
            )
        check_room(cython.address(self.book), 1 - e.side, 2 * e.quantity)
        apply_event(cython.address(self.book), cython.address(e), cython.address(o), cython.NULL, cython.address(out))
        return BracketResult(self._result(cython.address(out)), out.profit_id, out.loss_id)

    # ---- stops ------------------------------------------------------------------------------------------------------

    def _stop(self, e, o, owner, self_trade, reduce_only, expire_ns):
        out: Outcome
        r: StopSubmitResult
        read_owner(e, owner)
        read_options(cython.address(self.book), e, o, False, None, None, expire_ns)
        read_reduce_only(e, reduce_only, self_trade)
        check_room(cython.address(self.book), e.side, e.quantity)
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
        check_type(stop_price, "stop_price")
        check_type(quantity, "quantity")
        check_option_types(owner)
        e.kind = EVENT_STOP_MARKET
        e.side = _side(side)
        read_self_trade(cython.address(e), self_trade)
        e.quantity = quantity_of(cython.address(self.book), quantity, "quantity")
        o.stop_price = price_of(cython.address(self.book), stop_price, "stop_price")
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
        check_type(stop_price, "stop_price")
        check_type(limit_price, "limit_price")
        check_type(quantity, "quantity")
        check_option_types(owner, expire_ns)
        e.kind = EVENT_STOP_LIMIT
        e.side = _side(side)
        e.policy = _tif(tif)
        read_self_trade(cython.address(e), self_trade)
        e.quantity = quantity_of(cython.address(self.book), quantity, "quantity")
        o.stop_price = price_of(cython.address(self.book), stop_price, "stop_price")
        o.limit_price = price_of(cython.address(self.book), limit_price, "limit_price")
        o.has_limit = 1
        return self._stop(cython.address(e), cython.address(o), owner, self_trade, reduce_only, expire_ns)

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
        check_type(stop_price, "stop_price")
        check_type(quantity, "quantity")
        check_option_types(owner)
        check_trail_types(trail_type, trail_value, atr_period)
        e.kind = EVENT_TRAIL_MARKET
        e.side = _side(side)
        o.trail_method = trail_method(trail_type)
        read_self_trade(cython.address(e), self_trade)
        e.quantity = quantity_of(cython.address(self.book), quantity, "quantity")
        o.stop_price = price_of(cython.address(self.book), stop_price, "stop_price")
        read_trail(cython.address(o), trail_value, atr_period)
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
        check_type(stop_price, "stop_price")
        check_type(limit_price, "limit_price")
        check_type(quantity, "quantity")
        check_option_types(owner, expire_ns)
        check_trail_types(trail_type, trail_value, atr_period)
        e.kind = EVENT_TRAIL_LIMIT
        e.side = _side(side)
        e.policy = _tif(tif)
        o.trail_method = trail_method(trail_type)
        read_self_trade(cython.address(e), self_trade)
        e.quantity = quantity_of(cython.address(self.book), quantity, "quantity")
        o.stop_price = price_of(cython.address(self.book), stop_price, "stop_price")
        o.limit_price = price_of(cython.address(self.book), limit_price, "limit_price")
        o.has_limit = 1
        read_trail(cython.address(o), trail_value, atr_period)
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
            id = id_of(order_id)
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
        e.id = id_of(order_id)
        e.quantity = clamped(quantity, "quantity")
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
        e.id = id_of(order_id)
        e.price = clamped(price, "price")
        e.quantity = clamped(quantity, "quantity")
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
        ids: list = [id_of(order_id) for order_id in order_ids]
        data: cython.pointer(int64_t)
        i: cython.Py_ssize_t
        number: int64_t
        record: cython.pointer(OrderRecord)
        memset(cython.address(e), 0, cython.sizeof(Event))
        memset(cython.address(o), 0, cython.sizeof(Options))
        e.kind = EVENT_LINK
        o.link = word_of(contingency, "contingency", CONTINGENCIES)
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
            fault = not_linkable(record)
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
        check_type(owner, "owner")
        check_type(quantity, "quantity")
        read_owner(cython.address(e), owner)
        e.quantity = integer(quantity, "quantity", False)
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
        check_type(owner, "owner")
        read_owner(cython.address(e), owner)
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
        e.price = integer(now_ns, "now_ns", 2)
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
        e.price = integer(close_ns, "close_ns", 2)
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
                check_type(number, field)
        if low is not None:
            e.price = integer(low, "low", True)
            e.flags |= HAS_LOW
        if high is not None:
            e.quantity = integer(high, "high", True)
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
        return PHASES[self.book.phase]

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
            number = price_of(cython.address(self.book), reference, "reference")
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
            e.price = price_of(cython.address(self.book), reference, "reference")
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
        n: int64_t = integer(levels, "levels", 2)
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
        index: uint32_t = ladder_find(cython.address(b.ladders[_side(side)]), integer(price, "price", True))
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
        return order_of(cython.address(self.book), id_of(order_id))

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
        return stop_of(cython.address(self.book), id_of(order_id))

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
        return trade_rows(cython.address(self.store.log))

    def notices(self):
        """What happened to orders outside their own commands, oldest first (R70).

        Returns
        -------
        notices : list of Notice
            Since the last ``take_notices``.
        """
        return notices_of(cython.address(self.book))

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
            kind, fields = command_of(cython.address(e), o, self.book.link_ids.data)
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
        save_log(self, path, binary=binary)

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
        return load_log(cls, path, strict=strict)

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
        return raw_records(cython.address(self.book), start, stop)

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
                kind, fields = command_of(e, o, cython.cast(cython.pointer(int64_t), link_ids))
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

        if integer(levels, "levels", 2) < 1:
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
