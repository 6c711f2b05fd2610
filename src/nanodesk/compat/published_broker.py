"""The published shape of a broker, over any adapter of ours: dictionaries with the published keys, built-in errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from nanodesk.book import orders as book_orders
from nanodesk.brokers.base import Broker, Outcome, OutcomeKind
from nanodesk.compat import published_arguments as arguments
from nanodesk.compat import published_results
from nanodesk.errors import BrokerError, NanodeskError, NotConnectedError
from nanodesk.market import order as orders
from nanodesk.market.account import Holding
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9, notional_e9

_CENT_E9: Final = E9 // 100

_SIDES: Final = {"buy": Side.BUY, "b": Side.BUY, "sell": Side.SELL, "s": Side.SELL}

_TYPES: Final = {
    "market": orders.OrderType.MARKET,
    "limit": orders.OrderType.LIMIT,
    "stop": orders.OrderType.STOP,
    "stop_limit": orders.OrderType.STOP_LIMIT,
}

_STATES: Final[Mapping[orders.OrderState, str]] = {
    orders.OrderState.CREATED: "Pending",
    orders.OrderState.INTENT_LOGGED: "Pending",
    orders.OrderState.PARTIALLY_FILLED: "PartiallyFilled",
    orders.OrderState.FILLED: "Filled",
    orders.OrderState.CANCELLED: "Cancelled",
    orders.OrderState.REPLACED: "Cancelled",
    orders.OrderState.EXPIRED: "Cancelled",
    orders.OrderState.DONE_FOR_DAY: "Cancelled",
    orders.OrderState.REJECTED: "Rejected",
    orders.OrderState.RISK_REJECTED: "Rejected",
    orders.OrderState.NOT_SENT: "Rejected",
}


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """An order as an object, accepted by ``submit_order`` in place of its arguments.

    Parameters
    ----------
    symbol : str
        Name of at most eight bytes.
    side : str
        ``"buy"`` or ``"sell"``.
    quantity : int
        Whole units of the broker, as in ``submit_order``.
    order_type : str, default "market"
        ``"market"``, ``"limit"``, ``"stop"`` or ``"stop_limit"``.
    limit_price_cents, stop_price_cents : int, optional
        Prices in cents.
    client_order_id : str, optional
        Id of the caller's own.
    """

    symbol: str
    side: str
    quantity: int
    order_type: str = "market"
    limit_price_cents: int | None = None
    client_order_id: str | None = None
    stop_price_cents: int | None = None


class _OneNameForTwo(type):
    """The published name ``Order`` stands for a book's order; called with terms, it makes an order for a broker."""

    def __call__(cls, *terms: Any, **named: Any) -> Any:
        if len(terms) + len(named) > 1:
            return BrokerOrder(*terms, **named)
        return super().__call__(*terms, **named)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, published_results.Order)


class Order(published_results.Order, metaclass=_OneNameForTwo):
    """An order of a book as it stood when it was asked for; called with several arguments, an order for a broker.

    Parameters
    ----------
    of : nanodesk.book.orders.Order
        The engine's order.

    Examples
    --------
    >>> Order("AAPL", "buy", 100, "limit", 18500).limit_price_cents
    18500
    """

    def __init__(self, of: book_orders.Order) -> None:
        super().__init__(of)


class PublishedBroker:
    """The published methods of a broker.

    Parameters
    ----------
    make : callable
        Makes the adapter; called at the first ``connect``.
    unit_e9 : int, default one whole unit
        What a quantity of 1 means in billionths: a share, or 10 for the 1e-8 coins of the published positions.
    ns : callable, optional
        Clock for ids made here.
    """

    def __init__(self, make: Callable[[], Broker], *, unit_e9: int = E9, ns: Callable[[], int] = time.time_ns) -> None:
        self._make = make
        self._unit_e9 = unit_e9
        self._ns = ns
        self._broker: Broker | None = None
        self._made = 0
        self._client_ids: dict[int, str] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    def connect(self) -> None:
        """Connect to the broker.

        Raises
        ------
        RuntimeError
            If it cannot be reached; ``connection error: ...``.
        """
        try:
            if self._broker is None:
                self._broker = self._make()
            self._broker.connect()
        except NanodeskError as error:
            raise RuntimeError(f"connection error: {error}") from error

    def disconnect(self) -> None:
        """Disconnect; nothing happens when not connected."""
        if self._broker is not None:
            self._broker.disconnect()

    def _connected(self) -> Broker:
        if self._broker is None or not self._broker.is_connected:
            raise RuntimeError("not connected")
        return self._broker

    def positions(self) -> list[dict[str, Any]]:
        """All holdings.

        Returns
        -------
        positions : list of dict
            Each with ``symbol``, ``quantity``, ``avg_cost_cents``, ``market_value_cents``,
            ``unrealized_pnl_cents``.

        Raises
        ------
        RuntimeError
            If not connected, or the broker cannot be asked.
        """
        broker = self._connected()
        return [self._position(broker, holding) for holding in _ask(broker.positions)]

    def _position(self, broker: Broker, holding: Holding) -> dict[str, Any]:
        cost = notional_e9(holding.average_price_e9, holding.quantity_e9)
        mark = holding.average_price_e9
        with suppress(NanodeskError):  # without a price the holding is shown at its cost
            mark = broker.quote(holding.symbol).mid_e9 or mark
        value = notional_e9(mark, holding.quantity_e9)
        return {
            "symbol": holding.symbol,
            "quantity": _units(holding.quantity_e9, self._unit_e9),
            "avg_cost_cents": _cents(holding.average_price_e9),
            "market_value_cents": _cents(value),
            "unrealized_pnl_cents": _cents(value - cost) if holding.average_price_e9 else 0,
        }

    def account(self) -> dict[str, Any]:
        """Money now.

        Returns
        -------
        account : dict
            ``equity_cents``, ``buying_power_cents``, ``cash_cents``, ``gross_position_value_cents``.

        Raises
        ------
        RuntimeError
            If not connected, or the broker cannot be asked.
        """
        account = _ask(self._connected().account)
        return {
            "equity_cents": _cents(account.equity_e9),
            "buying_power_cents": _cents(account.buying_power_e9),
            "cash_cents": _cents(account.cash_e9),
            "gross_position_value_cents": _cents(account.equity_e9 - account.cash_e9),
        }

    def submit_order(
        self,
        symbol: str | BrokerOrder,
        side: str | None = None,
        quantity: int | None = None,
        order_type: str = "market",
        limit_price_cents: int | None = None,
        client_order_id: str | None = None,
        stop_price_cents: int | None = None,
    ) -> int:
        """Submit one order, once.

        Parameters
        ----------
        symbol : str or BrokerOrder
            Name of at most eight bytes, or the whole order as an object; then nothing else is given.
        side : str
            ``"buy"`` or ``"sell"``.
        quantity : int
            Whole units.
        order_type : str, default "market"
            ``"market"``, ``"limit"``, ``"stop"`` or ``"stop_limit"``.
        limit_price_cents, stop_price_cents : int, optional
            Prices in cents, required by the types that have them.
        client_order_id : str, optional
            1 to 36 letters, digits, ``_``, ``.``, ``-``; made here when missing.

        Returns
        -------
        order_id : int
            The broker's id of the order.

        Raises
        ------
        ValueError
            If an argument is wrong.
        OverflowError
            If a number does not fit.
        RuntimeError
            If not connected, the order is refused, or its outcome is not known; then look the order up before
            sending another.
        """
        if not isinstance(symbol, str):
            return self._submit_object(symbol)
        terms = _terms(symbol, side, quantity, order_type, limit_price_cents, stop_price_cents)
        if client_order_id is not None and not orders.CLIENT_ORDER_ID.fullmatch(client_order_id):
            raise ValueError("order error: client_order_id must be 1..=36 ASCII-safe characters")
        broker = self._connected()
        self._made += 1
        client_id = client_order_id or f"nd-{self._ns():x}-{self._made}"
        try:
            order = orders.Order(client_id, **terms, time_in_force=TimeInForce.DAY)
            order = self._in_units(order)
        except NanodeskError as error:
            raise ValueError(f"order error: {error}") from error
        return self._booked(client_id, _ask(lambda: broker.submit(order)))

    def _submit_object(self, order: BrokerOrder) -> int:
        return self.submit_order(
            order.symbol,
            order.side,
            order.quantity,
            order.order_type,
            order.limit_price_cents,
            order.client_order_id,
            getattr(order, "stop_price_cents", None),
        )

    def _in_units(self, order: orders.Order) -> orders.Order:
        return replace(order, quantity_e9=order.quantity_e9 // E9 * self._unit_e9)

    def _booked(self, client_id: str, outcome: Outcome) -> int:
        if outcome.kind is OutcomeKind.REFUSED:
            raise RuntimeError(f"order error: {outcome.text or outcome.code}")
        if outcome.kind is OutcomeKind.UNKNOWN or outcome.report is None:
            raise RuntimeError(
                f"order error: the outcome of client_order_id={client_id!r} is not known ({outcome.text});"
                " look it up before sending another"
            )
        text = outcome.report.venue_order_id
        number = int(text) if text.isdecimal() else len(self._client_ids) + 1
        self._client_ids[number] = client_id
        return number

    def _client_id(self, order_id: int) -> str:
        number = arguments.unsigned(order_id, "order_id")
        self._connected()
        try:
            return self._client_ids[number]
        except KeyError:
            raise RuntimeError(f"order error: no order {number} was submitted here") from None

    def order_status(self, order_id: int) -> dict[str, Any]:
        """Where an order stands at the broker.

        Parameters
        ----------
        order_id : int
            From ``submit_order``.

        Returns
        -------
        status : dict
            ``id``, ``status``, ``filled_quantity``, ``remaining_quantity``, ``avg_fill_price_cents``.

        Raises
        ------
        RuntimeError
            If not connected, or the order is not known.
        """
        client_id = self._client_id(order_id)
        broker = self._connected()
        report = _ask(lambda: broker.status(client_id))
        if report is None:
            raise RuntimeError(f"order error: the broker knows no order {order_id}")
        return {
            "id": order_id,
            "status": _STATES.get(report.state, "Submitted"),
            "filled_quantity": _units(report.filled_quantity_e9, self._unit_e9),
            "remaining_quantity": _units(report.leaves_quantity_e9, self._unit_e9),
            "avg_fill_price_cents": _cents(report.average_price_e9),
        }

    def open_orders(self) -> list[dict[str, Any]]:
        """Every open order of the account.

        Returns
        -------
        orders : list of dict
            As ``order_status``; ``id`` is 0 where the broker's id is no number.

        Raises
        ------
        RuntimeError
            If not connected, or the broker cannot be asked.
        """
        return [
            {
                "id": int(one.venue_order_id) if one.venue_order_id.isdecimal() else 0,
                "status": _STATES.get(one.state, "Submitted"),
                "filled_quantity": _units(one.filled_quantity_e9, self._unit_e9),
                "remaining_quantity": _units(one.leaves_quantity_e9, self._unit_e9),
                "avg_fill_price_cents": _cents(one.average_price_e9),
            }
            for one in _ask(self._connected().open_orders)
        ]

    def cancel_order(self, order_id: int) -> None:
        """Ask the broker to cancel.

        Parameters
        ----------
        order_id : int
            From ``submit_order``.

        Raises
        ------
        RuntimeError
            If not connected, or the request is refused or its outcome is not known.
        """
        client_id = self._client_id(order_id)
        broker = self._connected()
        outcome = _ask(lambda: broker.cancel(client_id))
        if outcome.kind is not OutcomeKind.ACCEPTED:
            raise RuntimeError(f"order error: {outcome.text or outcome.code}")

    def quote(self, symbol: str) -> dict[str, Any]:
        """Best bid and ask.

        Parameters
        ----------
        symbol : str
            Name of at most eight bytes.

        Returns
        -------
        quote : dict
            ``symbol``, ``bid_cents``, ``ask_cents``, ``last_cents``, ``volume`` (0: no broker tells it here).

        Raises
        ------
        ValueError
            If the symbol is too long.
        RuntimeError
            If not connected, or the broker cannot be asked.
        """
        name = arguments.symbol(symbol, "symbol")
        broker = self._connected()
        quote = _ask(lambda: broker.quote(name))
        last = quote.last_e9 if quote.last_e9 is not None else quote.mid_e9
        return {
            "symbol": name,
            "bid_cents": _cents(quote.bid_e9 or 0),
            "ask_cents": _cents(quote.ask_e9 or 0),
            "last_cents": _cents(last or 0),
            "volume": 0,
        }


def _terms(
    symbol: str,
    side: str | None,
    quantity: int | None,
    order_type: str,
    limit_price_cents: int | None,
    stop_price_cents: int | None,
) -> dict[str, Any]:
    name = arguments.symbol(symbol, "symbol")
    if not isinstance(side, str) or side.lower() not in _SIDES:
        raise ValueError(f"Invalid side '{side}'. Use 'buy' or 'sell'.")
    if not isinstance(order_type, str) or order_type.lower() not in _TYPES:
        raise ValueError(f"Invalid order_type '{order_type}'. Use 'market', 'limit', 'stop', or 'stop_limit'.")
    kind = _TYPES[order_type.lower()]
    units = arguments.unsigned(quantity, "quantity")
    prices = {
        "limit_price": (kind.needs_limit, limit_price_cents),
        "stop_price": (kind.needs_stop, stop_price_cents),
    }
    found = {}
    for field, (needed, cents) in prices.items():
        if needed and cents is None:
            raise ValueError(f"{field}_cents required for {order_type.lower()} orders")
        # A price that the type does not have is ignored, as published.
        found[f"{field}_e9"] = arguments.integer(cents, f"{field}_cents") * _CENT_E9 if needed else None
    return {"symbol": name, "side": _SIDES[side.lower()], "quantity_e9": units * E9, "order_type": kind, **found}


def _ask(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except NotConnectedError as error:
        raise RuntimeError("not connected") from error
    except BrokerError as error:
        raise RuntimeError(f"connection error: {error}") from error
    except NanodeskError as error:
        raise RuntimeError(f"order error: {error}") from error


def _cents(amount_e9: int) -> int:
    """Nearest cent, half away from zero."""
    magnitude = (2 * abs(amount_e9) + _CENT_E9) // (2 * _CENT_E9)
    return magnitude if amount_e9 >= 0 else -magnitude


def _units(quantity_e9: int, unit_e9: int) -> int:
    magnitude = abs(quantity_e9) // unit_e9
    return magnitude if quantity_e9 >= 0 else -magnitude
