"""What a command answers: small compiled values, and the trades they can show.

A result of the hot path holds numbers and a reference to the memory its trades lie in; Python objects for the
trades appear only
when they are asked for. They stay right after ``clear_trades`` and after the exchange is gone.
"""

import cython
from cython.cimports.libc.stdint import int64_t
from cython.cimports.libc.stdlib import free
from cython.cimports.nanodesk.book.kernels.records import Trade as TradeRecord
from cython.cimports.nanodesk.book.kernels.store import trade_log_init

from nanodesk.market.enums import OrderStatus, Side

_STATUSES = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED, OrderStatus.CANCELLED)
_REASONS = (None, "halted", "auction", "price_band", "reduce_only", "post_only", "fok", "min_quantity")
_ERRORS = (
    None,
    "OrderNotFound",
    "OrderNotActive",
    "InvalidQuantity",
    "InvalidPrice",
    "NotModifiable",
    "Halted",
    "PriceBand",
    "ReduceOnly",
    "PostOnly",
)
_STOP_STATUSES = ("pending", "triggered", "rejected")


@cython.final
@cython.no_gc
@cython.cclass
class Trades:
    """Memory of consecutive trades, shared by an exchange and its results."""

    def __cinit__(self, first_id: int64_t = 1):
        trade_log_init(cython.address(self.log), first_id)

    def __dealloc__(self):
        free(self.log.data)

    @cython.cfunc
    def _at(self, trade_id: int64_t) -> Trade:
        t: cython.pointer(TradeRecord) = cython.address(self.log.data[trade_id - self.log.base_id])
        trade: Trade = Trade.__new__(Trade)
        trade.id = trade_id
        trade.price = t.price
        trade.quantity = t.quantity
        trade.aggressor_order_id = t.aggressor
        trade.passive_order_id = t.passive
        trade.timestamp = t.timestamp
        trade.side = t.side
        return trade

    @cython.cfunc
    def _between(self, first_id: int64_t, n: int64_t) -> list:
        trades: list = []
        i: int64_t
        for i in range(first_id, first_id + n):
            trades.append(self._at(i))
        return trades


@cython.final
@cython.no_gc
@cython.freelist(64)
@cython.cclass
class Trade:
    """One match, at the passive order's price.

    Parameters
    ----------
    id : int
        Trade id, from 1.
    price, quantity : int
        What was traded.
    aggressor_order_id, passive_order_id : int
        The order that arrived and the one that waited.
    aggressor_side : Side or str
        Side of the order that arrived.
    timestamp : int
        Logical time of the book.
    """

    def __init__(self, id, price, quantity, aggressor_order_id, passive_order_id, aggressor_side, timestamp):
        self.id = id
        self.price = price
        self.quantity = quantity
        self.aggressor_order_id = aggressor_order_id
        self.passive_order_id = passive_order_id
        self.side = Side.parse(aggressor_side) is Side.SELL
        self.timestamp = timestamp

    @property
    def aggressor_side(self):
        """Side of the order that arrived."""
        return Side.SELL if self.side else Side.BUY

    @property
    def passive_side(self):
        """Side of the order that waited."""
        return Side.BUY if self.side else Side.SELL

    def as_tuple(self):
        """All fields in the order of the parameters.

        Returns
        -------
        fields : tuple
            The side is ``"buy"`` or ``"sell"``.
        """
        return (
            self.id,
            self.price,
            self.quantity,
            self.aggressor_order_id,
            self.passive_order_id,
            "sell" if self.side else "buy",
            self.timestamp,
        )

    @staticmethod
    def vwap(trades):
        """Average price of trades, weighted by quantity.

        Parameters
        ----------
        trades : iterable of Trade
            What to average.

        Returns
        -------
        price : float or None
            None without trades.
        """
        quantity: object = 0
        value: object = 0
        for trade in trades:
            quantity += trade.quantity
            value += trade.price * trade.quantity
        return value / quantity if quantity else None

    def __eq__(self, other):
        return isinstance(other, Trade) and self.as_tuple() == other.as_tuple()

    def __hash__(self):
        return hash(self.as_tuple())

    def __reduce__(self):
        return Trade, self.as_tuple()

    def __repr__(self):
        return (
            f"Trade(id={self.id}, price={self.price}, quantity={self.quantity}, "
            f"aggressor_order_id={self.aggressor_order_id}, passive_order_id={self.passive_order_id}, "
            f"aggressor_side={self.as_tuple()[5]!r}, timestamp={self.timestamp})"
        )


@cython.final
@cython.no_gc
@cython.freelist(64)
@cython.cclass
class SubmitResult:
    """How an order stood when its own matching ended.

    Attributes
    ----------
    order_id : int
        Its id.
    filled_quantity, resting_quantity, cancelled_quantity : int
        Together the quantity submitted.
    """

    @property
    def status(self):
        """``OrderStatus`` of the order."""
        return _STATUSES[self.status_code]

    @property
    def reason(self):
        """Why the order was rejected whole on entry, or None."""
        return _REASONS[self.reason_code]

    @property
    def trades(self):
        """Its own trades, oldest first."""
        return self.store._between(self.first_trade, self.n_trades)

    def __repr__(self):
        return (
            f"SubmitResult(order_id={self.order_id}, status={self.status.value!r}, filled={self.filled_quantity}, "
            f"resting={self.resting_quantity}, cancelled={self.cancelled_quantity}, trades={self.n_trades}"
            + (f", reason={self.reason!r})" if self.reason_code else ")")
        )


@cython.final
@cython.no_gc
@cython.freelist(64)
@cython.cclass
class CancelResult:
    """Answer to a cancel or a reduce.

    Attributes
    ----------
    cancelled_quantity : int
        What was taken off; 0 on failure.
    """

    @property
    def success(self):
        """Whether anything was cancelled."""
        return self.error_code == 0

    @property
    def error(self):
        """``"OrderNotFound"``, ``"OrderNotActive"``, ``"InvalidQuantity"`` or None."""
        return _ERRORS[self.error_code]

    def __bool__(self):
        return self.error_code == 0

    def __repr__(self):
        if self.error_code:
            return f"CancelResult(success=False, error={self.error!r})"
        return f"CancelResult(success=True, cancelled={self.cancelled_quantity})"


@cython.final
@cython.no_gc
@cython.freelist(16)
@cython.cclass
class ModifyResult:
    """Answer to a modify.

    Attributes
    ----------
    old_order_id, new_order_id : int
        The order that was cancelled and the one in its place; the latter is 0 on failure.
    cancelled_quantity : int
        Open quantity of the old order.
    """

    @property
    def success(self):
        """Whether the order was replaced."""
        return self.error_code == 0

    @property
    def error(self):
        """Why not, or None."""
        return _ERRORS[self.error_code]

    @property
    def trades(self):
        """Trades of the new order."""
        return self.store._between(self.first_trade, self.n_trades)

    def __bool__(self):
        return self.error_code == 0

    def __repr__(self):
        if self.error_code:
            return f"ModifyResult(success=False, old_order_id={self.old_order_id}, error={self.error!r})"
        return (
            f"ModifyResult(success=True, old_order_id={self.old_order_id}, new_order_id={self.new_order_id}, "
            f"cancelled={self.cancelled_quantity}, trades={self.n_trades})"
        )


@cython.final
@cython.no_gc
@cython.freelist(16)
@cython.cclass
class StopSubmitResult:
    """Answer to a stop.

    Attributes
    ----------
    order_id : int
        Id of the stop.
    """

    @property
    def status(self):
        """``"pending"``, ``"triggered"`` or ``"rejected"``."""
        return _STOP_STATUSES[self.status_code]

    @property
    def triggered_order_id(self):
        """Id of the order it became at once, or None."""
        return self.triggered or None

    def __repr__(self):
        return f"StopSubmitResult(order_id={self.order_id}, status={self.status!r})"
