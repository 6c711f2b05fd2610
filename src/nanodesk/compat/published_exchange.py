"""The published exchange: its names, words and errors over `nanodesk.book.exchange.Exchange`, which does the work.

Prices of any sign are taken, as published; a quantity of zero is refused (docs/compat.md). The arguments go straight to
the engine; only when it refuses them are they read again in the published way, so that the published error is raised.
The class is compiled, as a caller touches it once an order; the ``.pxd`` beside it names its fields.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nanodesk.book import exchange as engine
from nanodesk.compat import published_arguments as arguments
from nanodesk.compat.kernels import logged_events
from nanodesk.compat.published_events import Event, beginning_of_log
from nanodesk.compat.published_log import load_events, save_events
from nanodesk.compat.published_results import (
    BookSnapshot,
    CancelResult,
    ModifyResult,
    Order,
    StopSubmitResult,
    SubmitResult,
    Trade,
)
from nanodesk.compat.published_values import dollars
from nanodesk.errors import PriceError, QuantityError, ValidationError
from nanodesk.market.instrument import Instrument

_LARGEST = 2**63 - 1
_ANY_PRICE = Instrument("PUBLISHED", allows_negative_price=True)


class Exchange:
    """One limit order book with price-time priority, stops and an event log.

    Examples
    --------
    >>> exchange = Exchange()
    >>> exchange.submit_limit("sell", 50_00, 100)
    SubmitResult(order_id=1, status='New', filled=0, resting=100, cancelled=0, trades=0)
    >>> result = exchange.submit_limit("buy", 50_00, 30)
    >>> result.trades
    [Trade(id=1, price=$50.00, qty=30, side='buy')]
    >>> exchange
    Exchange(bid=None, ask=$50.00, trades=1)
    """

    def __init__(self) -> None:
        self._book = engine.Exchange(_ANY_PRICE)
        self._first_event = 0

    def submit_limit(
        self, side: Any, price: Any, quantity: Any, tif: Any = "gtc", *, owner: Any = None, self_trade: Any = "off"
    ) -> SubmitResult:
        """Send a limit order.

        Parameters
        ----------
        side : str
            ``"buy"`` or ``"sell"``, in any case; ``"b"``, ``"s"``.
        price : int
            Cents; zero and below are allowed.
        quantity : int
            Shares, from 1.
        tif : str, default "gtc"
            ``"gtc"``, ``"ioc"`` or ``"fok"``, in any case.
        owner : int, optional
            Whose order it is, for self-trade prevention.
        self_trade : str, default "off"
            ``"cancel_newest"``, ``"cancel_oldest"``, ``"cancel_both"`` or ``"decrement"``: what happens where it would
            trade with its own owner.

        Returns
        -------
        result : SubmitResult
            How the order stands.

        Raises
        ------
        TypeError
            If an argument has the wrong type.
        ValueError
            If a word is unknown or the quantity is zero.
        OverflowError
            If a number does not fit 64 bits, or the quantity is negative.
        """
        try:
            if owner is None and self_trade == "off":
                return SubmitResult(self._book.submit_limit(side, price, quantity, tif))
            return SubmitResult(self._book.submit_limit(side, price, quantity, tif, owner=owner, self_trade=self_trade))
        except (TypeError, ValueError):
            Event("submit_limit", side, price, quantity, tif)
            raise

    def submit_market(self, side: Any, quantity: Any, *, owner: Any = None, self_trade: Any = "off") -> SubmitResult:
        """Send a market order; what does not trade is cancelled.

        Parameters
        ----------
        side : str
            ``"buy"`` or ``"sell"``.
        quantity : int
            Shares, from 1.
        owner : int, optional
            See `submit_limit`.
        self_trade : str, default "off"
            See `submit_limit`.

        Returns
        -------
        result : SubmitResult
            How the order stands.
        """
        try:
            if owner is None and self_trade == "off":
                return SubmitResult(self._book.submit_market(side, quantity))
            return SubmitResult(self._book.submit_market(side, quantity, owner=owner, self_trade=self_trade))
        except (TypeError, ValueError):
            Event("submit_market", side, quantity)
            raise

    def try_submit_limit(
        self, side: Any, price: Any, quantity: Any, tif: Any = "gtc", *, owner: Any = None, self_trade: Any = "off"
    ) -> SubmitResult:
        """Send a limit order whose price must be positive.

        Parameters
        ----------
        side : str
            ``"buy"`` or ``"sell"``.
        price : int
            Cents, from 1.
        quantity : int
            Shares, from 1.
        tif : str, default "gtc"
            Time in force.
        owner : int, optional
            See `submit_limit`.
        self_trade : str, default "off"
            See `submit_limit`.

        Returns
        -------
        result : SubmitResult
            How the order stands.

        Raises
        ------
        ValidationError
            ``ZeroQuantity`` for a quantity of zero, looked at first; ``ZeroPrice`` for a price of zero or below. It is
            a ``ValueError``; nothing is logged or used up.
        """
        order = Event("submit_limit", side, price, quantity, tif).arguments
        _nonzero(order["quantity"])
        if order["price"] <= 0:
            raise PriceError(
                f"ZeroPrice: price={order['price']} must be positive.",
                field="price",
                value=order["price"],
                allowed=f"1 to {_LARGEST - 1}",
                fix="Use submit_limit for spreads.",
            )
        return self.submit_limit(side, price, quantity, tif, owner=owner, self_trade=self_trade)

    def try_submit_market(
        self, side: Any, quantity: Any, *, owner: Any = None, self_trade: Any = "off"
    ) -> SubmitResult:
        """Send a market order whose quantity must be positive.

        Parameters
        ----------
        side : str
            ``"buy"`` or ``"sell"``.
        quantity : int
            Shares, from 1.
        owner : int, optional
            See `submit_limit`.
        self_trade : str, default "off"
            See `submit_limit`.

        Returns
        -------
        result : SubmitResult
            How the order stands.

        Raises
        ------
        ValidationError
            ``ZeroQuantity`` for a quantity of zero.
        """
        _nonzero(Event("submit_market", side, quantity).arguments["quantity"])
        return self.submit_market(side, quantity, owner=owner, self_trade=self_trade)

    def submit_stop_market(self, side: Any, stop_price: Any, quantity: Any) -> StopSubmitResult:
        """Leave a market order that is sent when the price reaches a trigger.

        Parameters
        ----------
        side : str
            ``"buy"`` triggers at trades at or above the stop, ``"sell"`` at or below it.
        stop_price : int
            Cents.
        quantity : int
            Shares, from 1.

        Returns
        -------
        result : StopSubmitResult
            Pending, or triggered at once by the last trade.
        """
        try:
            return StopSubmitResult(self._book.submit_stop_market(side, stop_price, quantity))
        except (TypeError, ValueError):
            Event("submit_stop_market", side, stop_price, quantity)
            raise

    def submit_stop_limit(
        self, side: Any, stop_price: Any, limit_price: Any, quantity: Any, tif: Any = "gtc"
    ) -> StopSubmitResult:
        """Leave a limit order that is sent when the price reaches a trigger.

        Parameters
        ----------
        side : str
            ``"buy"`` or ``"sell"``.
        stop_price, limit_price : int
            Cents.
        quantity : int
            Shares, from 1.
        tif : str, default "gtc"
            Time in force of the order it becomes.

        Returns
        -------
        result : StopSubmitResult
            Pending, or triggered at once by the last trade.
        """
        try:
            return StopSubmitResult(self._book.submit_stop_limit(side, stop_price, limit_price, quantity, tif))
        except (TypeError, ValueError):
            Event("submit_stop_limit", side, stop_price, limit_price, quantity, tif)
            raise

    def submit_trailing_stop_market(
        self,
        side: Any,
        initial_stop_price: Any,
        quantity: Any,
        trail_type: Any,
        trail_value: Any,
        atr_period: Any = None,
    ) -> StopSubmitResult:
        """Leave a market order whose trigger follows the price as it moves in its favour.

        Parameters
        ----------
        side : str
            ``"buy"`` or ``"sell"``.
        initial_stop_price : int
            Cents.
        quantity : int
            Shares, from 1.
        trail_type : str
            ``"fixed"`` (cents), ``"percentage"`` or ``"pct"`` (fraction), ``"atr"`` or ``"sma_abs_change"`` (multiple
            of the mean absolute change between trades), ``"wilder_atr"``.
        trail_value : float
            Distance in that unit, above zero.
        atr_period : int, optional
            Changes averaged by the last three.

        Returns
        -------
        result : StopSubmitResult
            Pending: a trailing stop never triggers when it is sent.
        """
        order = (side, initial_stop_price, quantity, trail_type, trail_value, atr_period)
        try:
            return StopSubmitResult(self._book.submit_trailing_stop_market(*order))
        except (TypeError, ValueError, OverflowError):
            Event("submit_trailing_stop_market", *order)
            raise

    def submit_trailing_stop_limit(
        self,
        side: Any,
        initial_stop_price: Any,
        limit_price: Any,
        quantity: Any,
        trail_type: Any,
        trail_value: Any,
        tif: Any = "gtc",
        atr_period: Any = None,
    ) -> StopSubmitResult:
        """Leave a limit order whose trigger follows the price; the limit does not.

        Parameters
        ----------
        side : str
            ``"buy"`` or ``"sell"``.
        initial_stop_price, limit_price : int
            Cents.
        quantity : int
            Shares, from 1.
        trail_type : str
            See `submit_trailing_stop_market`.
        trail_value : float
            Distance, above zero.
        tif : str, default "gtc"
            Time in force of the order it becomes.
        atr_period : int, optional
            See `submit_trailing_stop_market`.

        Returns
        -------
        result : StopSubmitResult
            Pending.
        """
        order = (side, initial_stop_price, limit_price, quantity, trail_type, trail_value, tif, atr_period)
        try:
            return StopSubmitResult(self._book.submit_trailing_stop_limit(*order))
        except (TypeError, ValueError, OverflowError):
            Event("submit_trailing_stop_limit", *order)
            raise

    def cancel(self, order_id: Any) -> CancelResult:
        """Take an order off the book, or a pending stop.

        Parameters
        ----------
        order_id : int
            Number of the order or stop.

        Returns
        -------
        result : CancelResult
            What was cancelled, or why nothing was.
        """
        number = order_id if type(order_id) is int and 0 <= order_id <= _LARGEST else _order_id(order_id)
        result = self._book.cancel(number)
        return CancelResult(result, None if result else self._forgotten(number, result.error))

    def modify(self, order_id: Any, new_price: Any, new_quantity: Any) -> ModifyResult:
        """Cancel an order and send another in its place: new number, end of the queue.

        Parameters
        ----------
        order_id : int
            Number of the order; stops cannot be modified.
        new_price : int
            Cents.
        new_quantity : int
            Open quantity of the new order.

        Returns
        -------
        result : ModifyResult
            The new order, or why there is none.
        """
        number = _order_id(order_id)
        price = arguments.integer(new_price, "new_price")
        quantity = arguments.unsigned(new_quantity, "new_quantity")
        # The engine counts to half as far; what is beyond is refused like 0.
        result = self._book.modify(number, price, quantity if quantity <= _LARGEST else 0)
        return ModifyResult(result, number, None if result else self._forgotten(number, result.error))

    def best_bid_ask(self) -> tuple[int | None, int | None]:
        """Best prices of both sides.

        Returns
        -------
        bid, ask : int or None
            Cents.
        """
        return self._book.best_bid_ask()

    def best_bid(self) -> int | None:
        """Highest bid.

        Returns
        -------
        price : int or None
            Cents.
        """
        return self._book.best_bid()

    def best_ask(self) -> int | None:
        """Lowest ask.

        Returns
        -------
        price : int or None
            Cents.
        """
        return self._book.best_ask()

    def spread(self) -> int | None:
        """Best ask less best bid.

        Returns
        -------
        spread : int or None
            Cents; None if a side is empty.
        """
        return self._book.spread()

    def depth(self, levels: Any = 10) -> BookSnapshot:
        """The best levels of both sides.

        Parameters
        ----------
        levels : int, default 10
            How many of each side.

        Returns
        -------
        snapshot : BookSnapshot
            Levels and their measures.
        """
        return BookSnapshot(self._book.depth(min(arguments.unsigned(levels, "levels"), _LARGEST)))

    def full_book(self) -> BookSnapshot:
        """Every level of both sides.

        Returns
        -------
        snapshot : BookSnapshot
            Levels and their measures.
        """
        return BookSnapshot(self._book.full_book())

    def get_order(self, order_id: Any) -> Order | None:
        """An order that rests or did once.

        Parameters
        ----------
        order_id : int
            Its number.

        Returns
        -------
        order : Order or None
            As it stands now; None for stops, rejected and forgotten orders.
        """
        found = self._book.get_order(_order_id(order_id))
        return None if found is None else Order(found)

    def get_stop_order(self, order_id: Any) -> dict[str, Any] | None:
        """A stop, pending or not.

        Parameters
        ----------
        order_id : int
            Its number.

        Returns
        -------
        stop : dict or None
            ``id``, ``side``, ``stop_price``, ``limit_price``, ``quantity``, ``status`` and ``timestamp``.
        """
        found = self._book.get_stop_order(_order_id(order_id))
        if found is None:
            return None
        return {
            "id": found.id,
            "side": found.side.value,
            "stop_price": found.stop_price,
            "limit_price": found.limit_price,
            "quantity": found.quantity,
            "status": found.status,
            "timestamp": found.timestamp,
        }

    def pending_stop_count(self) -> int:
        """How many stops wait.

        Returns
        -------
        count : int
            Trailing ones included.
        """
        return self._book.pending_stop_count()

    def last_trade_price(self) -> int | None:
        """Price of the last trade.

        Returns
        -------
        price : int or None
            Cents; None before the first.
        """
        return self._book.last_trade_price()

    def trades(self) -> list[Trade]:
        """Every trade since the last `clear_trades`.

        Returns
        -------
        trades : list of Trade
            Oldest first.
        """
        return [Trade(trade) for trade in self._book.trades()]

    def clear_trades(self) -> None:
        """Forget the trades; nothing else changes."""
        self._book.clear_trades()

    def clear_order_history(self) -> int:
        """Forget orders and stops that are no longer active.

        Returns
        -------
        count : int
            How many orders; stops do not count.
        """
        return self._book.clear_order_history()

    def compact(self) -> None:
        """Nothing to do: a cancelled order leaves its queue at once."""

    def events(self) -> list[Event]:
        """Every input so far, also those that failed or were rejected.

        Returns
        -------
        events : list of Event
            Oldest first.
        """
        return logged_events.faces(self._book, self._first_event, self._book.event_count())

    def clear_events(self) -> None:
        """Forget the inputs; `replay` and `save` then know only later ones."""
        self._first_event = self._book.event_count()

    def apply(self, event: Event) -> None:
        """Repeat an input.

        Parameters
        ----------
        event : Event
            From this exchange or another.
        """
        if not isinstance(event, Event):
            raise TypeError(f"argument 'event': '{type(event).__name__}' object cannot be cast as 'Event'")
        event.send(self._book)

    def apply_all(self, events: Iterable[Event]) -> None:
        """Repeat inputs in order.

        Parameters
        ----------
        events : iterable of Event
            Oldest first.
        """
        for event in events:
            event.send(self._book)

    @staticmethod
    def replay(events: Any) -> Exchange:
        """A new exchange to which the events were applied.

        Parameters
        ----------
        events : list of Event
            Oldest first.

        Returns
        -------
        exchange : Exchange
            In the state that the events lead to.
        """
        items = arguments.sequence(events, "events")
        fresh = Exchange()
        source = beginning_of_log(items)
        if source is not None:
            fresh._book.replay_raw(*source.raw_log(0, len(items)))
        else:
            fresh.apply_all(items)
        return fresh

    def save(self, path: Any) -> None:
        """Write the events as a published log, one JSON object a line.

        Parameters
        ----------
        path : str or Path
            File; replaced in one step.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        save_events(path, self.events())

    @staticmethod
    def load(path: Any) -> Exchange:
        """Replay a published log.

        Parameters
        ----------
        path : str or Path
            File.

        Returns
        -------
        exchange : Exchange
            In the state that the events lead to.

        Raises
        ------
        OSError
            If the file cannot be read, or a line is no event; the message names the line.
        """
        fresh = Exchange()
        for number, event in enumerate(load_events(path), start=1):
            try:
                fresh.apply(event)
            except ValidationError as error:
                raise OSError(f"{path}: event {number}: {error}") from None
        return fresh

    def _forgotten(self, order_id: int, error: str | None) -> str | None:
        """An order that was cleared from the history is not known any more, as published."""
        if error == "OrderNotActive" and self._book.get_order(order_id) is None:
            return "OrderNotFound"
        return error

    def __repr__(self) -> str:
        bid, ask = self._book.best_bid_ask()
        return f"Exchange(bid={dollars(bid)}, ask={dollars(ask)}, trades={len(self._book.trade_array())})"


def _order_id(value: Any) -> int:
    return arguments.unsigned(value, "order_id")


def _nonzero(quantity: int) -> None:
    if quantity == 0:
        raise QuantityError(
            "ZeroQuantity: quantity=0 must be positive.", field="quantity", value=0, allowed=f"1 to {_LARGEST}"
        )
