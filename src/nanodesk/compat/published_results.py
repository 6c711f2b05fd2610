"""What the published exchange answers: its attribute names, spellings and reprs over the engine's values.

Compiled, as a caller gets one an order; the ``.pxd`` beside it names the fields.
"""

from __future__ import annotations

from collections.abc import Iterable

from nanodesk.book import orders, results, snapshot
from nanodesk.compat.kernels import level_rows
from nanodesk.compat.published_level import LevelSnapshot
from nanodesk.compat.published_values import dollars
from nanodesk.market.enums import OrderStatus, TimeInForce

_RESULT_STATUS = {
    OrderStatus.NEW: "New",
    OrderStatus.PARTIALLY_FILLED: "PartiallyFilled",
    OrderStatus.FILLED: "Filled",
    OrderStatus.CANCELLED: "Cancelled",
}
_ORDER_STATUS = {status: spelled.lower() for status, spelled in _RESULT_STATUS.items()}


class Trade:
    """One match, at the price of the order that waited.

    Parameters
    ----------
    of : nanodesk.book.results.Trade
        The engine's trade.
    """

    def __init__(self, of: results.Trade) -> None:
        self._of = of

    @property
    def trade_id(self) -> int:
        """Number of the trade, from 1."""
        return self._of.id

    @property
    def id(self) -> int:
        """The same number under the name of the published reference."""
        return self._of.id

    @property
    def price(self) -> int:
        """Cents."""
        return self._of.price

    @property
    def price_float(self) -> float:
        """Dollars."""
        return self._of.price / 100

    @property
    def quantity(self) -> int:
        """Shares."""
        return self._of.quantity

    @property
    def aggressor_order_id(self) -> int:
        """The order that arrived."""
        return self._of.aggressor_order_id

    @property
    def passive_order_id(self) -> int:
        """The order that waited."""
        return self._of.passive_order_id

    @property
    def aggressor_side(self) -> str:
        """``"buy"`` or ``"sell"``."""
        return self._of.aggressor_side.value

    @property
    def timestamp(self) -> int:
        """Logical time of the book."""
        return self._of.timestamp

    def passive_side(self) -> str:
        """Side of the order that waited.

        Returns
        -------
        side : str
            ``"buy"`` or ``"sell"``.
        """
        return self._of.passive_side.value

    def notional(self) -> int:
        """Price times quantity, in cents.

        Returns
        -------
        notional : int
            Exact; it does not wrap at 64 bits.
        """
        return self._of.price * self._of.quantity

    @staticmethod
    def vwap(trades: Iterable[Trade]) -> int | None:
        """Average price weighted by quantity, truncated toward zero.

        Parameters
        ----------
        trades : iterable of Trade
            What to average.

        Returns
        -------
        price : int or None
            Cents; None without trades.
        """
        pairs = [(trade.price, trade.quantity) for trade in trades]
        quantity = sum(shares for _, shares in pairs)
        if quantity == 0:
            return None
        value = sum(price * shares for price, shares in pairs)
        return value // quantity if value >= 0 else -(-value // quantity)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trade) and self._of == other._of

    def __hash__(self) -> int:
        return hash(self._of)

    def __str__(self) -> str:
        return repr(self)

    def __repr__(self) -> str:
        price, quantity, side = dollars(self.price), self.quantity, self.aggressor_side
        return f"Trade(id={self.trade_id}, price={price}, qty={quantity}, side='{side}')"


class SubmitResult:
    """How an order stood when its own matching ended.

    Parameters
    ----------
    of : nanodesk.book.results.SubmitResult
        The engine's result.
    """

    def __init__(self, of: results.SubmitResult) -> None:
        self._of = of

    @property
    def order_id(self) -> int:
        """Number of the order."""
        return self._of.order_id

    @property
    def status(self) -> str:
        """``"New"``, ``"PartiallyFilled"``, ``"Filled"`` or ``"Cancelled"``."""
        return _RESULT_STATUS[self._of.status]

    @property
    def trades(self) -> list[Trade]:
        """Its own trades, oldest first; not those of stops that it set off."""
        return [Trade(trade) for trade in self._of.trades]

    @property
    def filled_quantity(self) -> int:
        """Traded at once."""
        return self._of.filled_quantity

    @property
    def resting_quantity(self) -> int:
        """Left in the book."""
        return self._of.resting_quantity

    @property
    def cancelled_quantity(self) -> int:
        """Neither traded nor resting."""
        return self._of.cancelled_quantity

    def __repr__(self) -> str:
        return (
            f"SubmitResult(order_id={self.order_id}, status='{self.status}', filled={self.filled_quantity}, "
            f"resting={self.resting_quantity}, cancelled={self.cancelled_quantity}, trades={len(self._of.trades)})"
        )


class CancelResult:
    """Answer to a cancel.

    Parameters
    ----------
    of : nanodesk.book.results.CancelResult
        The engine's result.
    error : str or None
        ``"OrderNotFound"``, ``"OrderNotActive"`` or None.
    """

    def __init__(self, of: results.CancelResult, error: str | None) -> None:
        self._of = of
        self._error = error

    @property
    def success(self) -> bool:
        """Whether something was cancelled."""
        return self._error is None

    @property
    def cancelled_quantity(self) -> int:
        """What was taken off; 0 on failure."""
        return self._of.cancelled_quantity

    @property
    def error(self) -> str | None:
        """Why not, or None."""
        return self._error

    def __repr__(self) -> str:
        if self._error is None:
            return f"CancelResult(success=True, cancelled_quantity={self.cancelled_quantity})"
        return f"CancelResult(success=False, error='{self._error}')"


class ModifyResult:
    """Answer to a modify.

    Parameters
    ----------
    of : nanodesk.book.results.ModifyResult
        The engine's result.
    old_order_id : int
        The order that was to be changed.
    error : str or None
        ``"OrderNotFound"``, ``"OrderNotActive"``, ``"InvalidQuantity"`` or None.
    """

    def __init__(self, of: results.ModifyResult, old_order_id: int, error: str | None) -> None:
        self._of, self._old_order_id, self._error = of, old_order_id, error

    @property
    def success(self) -> bool:
        """Whether the order was replaced."""
        return self._error is None

    @property
    def old_order_id(self) -> int:
        """The order that was to be changed."""
        return self._old_order_id

    @property
    def new_order_id(self) -> int | None:
        """The order in its place; None on failure."""
        return None if self._error is not None else self._of.new_order_id

    @property
    def cancelled_quantity(self) -> int:
        """Open quantity of the old order; 0 on failure."""
        return self._of.cancelled_quantity

    @property
    def trades(self) -> list[Trade]:
        """Trades of the new order."""
        return [Trade(trade) for trade in self._of.trades]

    @property
    def error(self) -> str | None:
        """Why not, or None."""
        return self._error

    def __repr__(self) -> str:
        if self._error is not None:
            return f"ModifyResult(success=False, error='{self._error}')"
        old, new = self._old_order_id, self._of.new_order_id
        return f"ModifyResult(success=True, old={old}, new=Some({new}), trades={len(self._of.trades)})"


class StopSubmitResult:
    """Answer to a stop.

    Parameters
    ----------
    of : nanodesk.book.results.StopSubmitResult
        The engine's result.
    """

    def __init__(self, of: results.StopSubmitResult) -> None:
        self._of = of

    @property
    def order_id(self) -> int:
        """Number of the stop."""
        return self._of.order_id

    @property
    def status(self) -> str:
        """``"Pending"`` or ``"Triggered"``."""
        return self._of.status.capitalize()

    @property
    def triggered_order_id(self) -> int | None:
        """The order it became at once, or None."""
        return self._of.triggered_order_id

    def __repr__(self) -> str:
        return f"StopSubmitResult(order_id={self.order_id}, status='{self.status}')"


class Order:
    """An order as it stood when it was asked for.

    Parameters
    ----------
    of : nanodesk.book.orders.Order
        The engine's order.
    """

    def __init__(self, of: orders.Order) -> None:
        self._of = of

    @property
    def id(self) -> int:
        """Number of the order."""
        return self._of.id

    @property
    def side(self) -> str:
        """``"buy"`` or ``"sell"``."""
        return self._of.side.value

    @property
    def price(self) -> int:
        """Limit in cents; the extreme of 64 bits for a market order."""
        return self._of.price

    @property
    def original_quantity(self) -> int:
        """As submitted."""
        return self._of.original_quantity

    @property
    def remaining_quantity(self) -> int:
        """Still open; of an order that never rests, what it did not trade."""
        if self._of.time_in_force is TimeInForce.GTC:
            return self._of.remaining_quantity
        return self._of.original_quantity - self._of.filled_quantity

    @property
    def filled_quantity(self) -> int:
        """Traded so far."""
        return self._of.filled_quantity

    @property
    def timestamp(self) -> int:
        """Logical time of its submission."""
        return self._of.timestamp

    @property
    def time_in_force(self) -> str:
        """``"gtc"``, ``"ioc"`` or ``"fok"``."""
        return self._of.time_in_force.value

    @property
    def status(self) -> str:
        """``"new"``, ``"partiallyfilled"``, ``"filled"`` or ``"cancelled"``."""
        return _ORDER_STATUS[self._of.status]

    @property
    def owner(self) -> int | None:
        """Whose it is, where that was said."""
        return self._of.owner

    @property
    def stop_id(self) -> int | None:
        """The stop it came from."""
        return self._of.stop_id

    def __repr__(self) -> str:
        traded = f"{self.filled_quantity}/{self.original_quantity}"
        return f"Order(id={self.id}, side={self.side}, price={self.price}, qty={traded}, status={self.status})"


class BookSnapshot:
    """The best levels of both sides, and what follows from them.

    Parameters
    ----------
    of : nanodesk.book.snapshot.BookSnapshot
        The engine's snapshot.
    """

    def __init__(self, of: snapshot.BookSnapshot) -> None:
        self._of = of

    @property
    def bids(self) -> list[LevelSnapshot]:
        """Bid levels, highest first."""
        return level_rows.bids(self._of)

    @property
    def asks(self) -> list[LevelSnapshot]:
        """Ask levels, lowest first."""
        return level_rows.asks(self._of)

    @property
    def timestamp(self) -> int:
        """Logical time: the last timestamp that the book used."""
        return self._of.timestamp

    def best_bid(self) -> int | None:
        """Highest bid.

        Returns
        -------
        price : int or None
            Cents.
        """
        return self._of.best_bid

    def best_ask(self) -> int | None:
        """Lowest ask.

        Returns
        -------
        price : int or None
            Cents.
        """
        return self._of.best_ask

    def spread(self) -> int | None:
        """Best ask less best bid.

        Returns
        -------
        spread : int or None
            Cents; None if a side is empty.
        """
        return self._of.spread

    def mid_price(self) -> float | None:
        """Half way between the best prices.

        Returns
        -------
        price : float or None
            Cents; None if a side is empty.
        """
        return self._of.mid_price

    def total_bid_quantity(self) -> int:
        """Quantity of the bids in the snapshot.

        Returns
        -------
        quantity : int
            Shares.
        """
        return self._of.total_bid_quantity

    def total_ask_quantity(self) -> int:
        """Quantity of the asks in the snapshot.

        Returns
        -------
        quantity : int
            Shares.
        """
        return self._of.total_ask_quantity

    def imbalance(self) -> float | None:
        """Bid less ask quantity over their sum, of the levels in the snapshot.

        Returns
        -------
        imbalance : float or None
            In [-1, 1]; None if both sides are empty.
        """
        return self._of.imbalance

    def weighted_mid(self) -> float | None:
        """Best prices, each weighted by the other side's best quantity.

        Returns
        -------
        price : float or None
            Cents; None if a side is empty.
        """
        return self._of.weighted_mid

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BookSnapshot) and self._of == other._of

    def __hash__(self) -> int:
        return hash(self._of)

    def __repr__(self) -> str:
        return f"BookSnapshot(bids={len(self._of.bids)}, asks={len(self._of.asks)})"
