"""The published broker calls over our broker port: cents, whole words, dictionaries with the published keys.

The keys, words and errors are the published ones. What the published adapters got wrong is right here: states come
from the venue, open orders are listed, cancels cancel, and quantities and prices are exact.
"""

from __future__ import annotations

import itertools
import time
from typing import Any, Final

from nanodesk.brokers.base import Broker, Outcome, OutcomeKind
from nanodesk.errors import BrokerError, NotConnectedError, ValidationError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9, notional_e9, parse_e9
from nanodesk.market.order import Order, OrderReport, OrderState, OrderType

CENT_E9: Final = E9 // 100
_WORDS: Final = {
    OrderState.PARTIALLY_FILLED: "PartiallyFilled",
    OrderState.FILLED: "Filled",
    OrderState.CANCELLED: "Cancelled",
    OrderState.REPLACED: "Cancelled",
    OrderState.EXPIRED: "Cancelled",
    OrderState.REJECTED: "Rejected",
    OrderState.PENDING_NEW: "Pending",
}


class PublishedBroker:
    """The published calls of a broker.

    Parameters
    ----------
    broker : Broker
        Ours.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._is_open = False
        self._client_ids: dict[int, str] = {}
        self._numbers = itertools.count(1)
        self._session = ""

    def connect(self) -> None:
        """Connect.

        Raises
        ------
        RuntimeError
            If the broker cannot be reached or refuses us.
        """
        try:
            self._broker.connect()
        except BrokerError as error:
            raise RuntimeError(str(error)) from error
        self._is_open = True
        self._session = f"{time.time_ns():x}"[-12:]

    def disconnect(self) -> None:
        """Disconnect; safe to call twice."""
        self._broker.disconnect()
        self._is_open = False

    def _require_open(self) -> None:
        if not self._is_open:
            raise RuntimeError("not connected")

    def _ask(self, question: Any, *words: Any) -> Any:
        self._require_open()
        try:
            return question(*words)
        except NotConnectedError as error:
            raise RuntimeError("not connected") from error
        except BrokerError as error:
            raise RuntimeError(str(error)) from error

    def positions(self) -> list[dict[str, Any]]:
        """Holdings.

        Returns
        -------
        positions : list of dict
            ``symbol``, ``quantity`` in whole units (a fraction where there is one, in the unit that
            :meth:`submit_order` takes), ``avg_cost_cents``, ``market_value_cents``, ``unrealized_pnl_cents``.
        """
        return [self._position(holding) for holding in self._ask(self._broker.positions)]

    def _position(self, holding: Any) -> dict[str, Any]:
        try:
            mid_e9 = self._broker.quote(holding.symbol).mid_e9
        except (BrokerError, ValidationError):
            mid_e9 = None  # a coin without a market against the quote asset has no value in it
        value = notional_e9(mid_e9 or 0, holding.quantity_e9)
        cost = notional_e9(holding.average_price_e9, holding.quantity_e9)
        return {
            "symbol": holding.symbol,
            "quantity": _units(holding.quantity_e9),
            "avg_cost_cents": _cents(holding.average_price_e9),
            "market_value_cents": _cents(value),
            "unrealized_pnl_cents": _cents(value - cost) if holding.average_price_e9 else 0,
        }

    def account(self) -> dict[str, int]:
        """Money.

        Returns
        -------
        account : dict
            ``equity_cents``, ``buying_power_cents``, ``cash_cents``, ``gross_position_value_cents``.
        """
        account = self._ask(self._broker.account)
        return {
            "equity_cents": _cents(account.equity_e9),
            "buying_power_cents": _cents(account.buying_power_e9),
            "cash_cents": _cents(account.cash_e9),
            "gross_position_value_cents": _cents(account.equity_e9 - account.cash_e9),
        }

    def quote(self, symbol: str) -> dict[str, Any]:
        """Best bid and ask.

        Parameters
        ----------
        symbol : str
            Name at the desk.

        Returns
        -------
        quote : dict
            ``symbol``, ``bid_cents``, ``ask_cents``, ``last_cents`` (the middle where there is no last price) and
            ``volume``, 0.
        """
        quote = self._ask(self._broker.quote, str(symbol))
        last = quote.last_e9 if quote.last_e9 is not None else quote.mid_e9
        return {
            "symbol": quote.symbol,
            "bid_cents": _cents(quote.bid_e9 or 0),
            "ask_cents": _cents(quote.ask_e9 or 0),
            "last_cents": _cents(last or 0),
            "volume": 0,
        }

    def submit_order(
        self,
        symbol: Any,
        side: str = "",
        quantity: Any = 0,
        order_type: str = "market",
        limit_price_cents: int | None = None,
        client_order_id: str | None = None,
        stop_price_cents: int | None = None,
    ) -> int:
        """Send one order.

        Parameters
        ----------
        symbol : str
            Name at the desk, or an object with the fields of an order.
        side : str
            ``"buy"`` or ``"sell"``.
        quantity : int, float, str or Decimal
            Whole units; fractions where the venue trades them.
        order_type : str, default "market"
            ``"market"``, ``"limit"`` or ``"stop"``.
        limit_price_cents, stop_price_cents : int, optional
            Prices in cents.
        client_order_id : str, optional
            1 to 36 of letters, digits, ``_``, ``.``, ``-``; given where it is missing.

        Returns
        -------
        order_id : int
            The venue's id.

        Raises
        ------
        RuntimeError
            If it is not connected, the venue refuses, or nothing can be learned of what came of it.
        ValueError
            If a word, a price or the id is wrong.
        """
        self._require_open()
        if side == "" and hasattr(symbol, "side"):
            given = symbol
            return self.submit_order(
                given.symbol, given.side, given.quantity, given.order_type, getattr(given, "limit_price_cents", None)
            )
        name = client_order_id or f"nanodesk-{self._session}-{next(self._numbers)}"
        order = _order(name, str(symbol), side, quantity, order_type, limit_price_cents, stop_price_cents)
        report = self._report_of(self._ask(self._broker.submit, order), name)
        number = int(report.venue_order_id)
        self._client_ids[number] = name
        return number

    def _report_of(self, outcome: Outcome, name: str) -> OrderReport:
        if outcome.kind is OutcomeKind.REFUSED:
            raise RuntimeError(f"order rejected ({outcome.code}): {outcome.text}")
        if outcome.report is not None and outcome.kind is OutcomeKind.ACCEPTED:
            return outcome.report
        # No answer is not a refusal: the venue is asked, and the order is never sent again.
        found: OrderReport | None = self._ask(self._broker.status, name)
        if found is None:
            raise RuntimeError(f"outcome of order {name} unknown; look it up before sending it again")
        return found

    def order_status(self, order_id: int) -> dict[str, Any]:
        """What became of an order.

        Parameters
        ----------
        order_id : int
            From :meth:`submit_order`.

        Returns
        -------
        status : dict
            ``id``, ``status`` (Pending, Submitted, PartiallyFilled, Filled, Cancelled, Rejected),
            ``filled_quantity``, ``remaining_quantity``, ``avg_fill_price_cents``.
        """
        report = self._ask(self._broker.status, self._name(order_id))
        if report is None:
            raise RuntimeError(f"order {order_id} not found")
        return self._status(report)

    def _status(self, report: OrderReport) -> dict[str, Any]:
        return {
            "id": int(report.venue_order_id),
            "status": _WORDS.get(report.state, "Submitted"),
            "filled_quantity": _units(report.filled_quantity_e9),
            "remaining_quantity": _units(report.quantity_e9 - report.filled_quantity_e9),
            "avg_fill_price_cents": _cents(report.average_price_e9),
        }

    def open_orders(self) -> list[dict[str, Any]]:
        """Open orders.

        Returns
        -------
        orders : list of dict
            With the keys of :meth:`order_status`.
        """
        return [self._status(report) for report in self._ask(self._broker.open_orders)]

    def cancel_order(self, order_id: int) -> None:
        """Cancel an order.

        Parameters
        ----------
        order_id : int
            From :meth:`submit_order`.

        Raises
        ------
        RuntimeError
            If the venue refuses, or does not answer.
        """
        outcome = self._ask(self._broker.cancel, self._name(order_id))
        if outcome.kind is not OutcomeKind.ACCEPTED:
            raise RuntimeError(f"cancel not confirmed ({outcome.code}): {outcome.text}")

    def _name(self, order_id: int) -> str:
        self._require_open()
        if order_id not in self._client_ids:
            for report in self._ask(self._broker.open_orders):
                if report.client_order_id:
                    self._client_ids[int(report.venue_order_id)] = report.client_order_id
        if order_id not in self._client_ids:
            raise RuntimeError(f"order {order_id} not found")
        return self._client_ids[order_id]


class BinanceBroker(PublishedBroker):
    """The published Binance adapter.

    Parameters
    ----------
    api_key, secret_key : str
        Key and HMAC secret, or an Ed25519 private key in PEM.
    testnet : bool, default False
        No real money.
    quote_asset : str, default "USDT"
        Currency that pays.
    base_url, ws_api_url, stream_url : str, optional
        Addresses of a loopback venue, with ``testnet=True``.
    """

    def __init__(
        self,
        api_key: str,
        secret_key: str,
        testnet: bool = False,
        quote_asset: str = "USDT",
        *,
        base_url: str | None = None,
        ws_api_url: str | None = None,
        stream_url: str | None = None,
    ) -> None:
        from nanodesk.brokers.binance import BinanceBroker as OurBroker

        broker = OurBroker(
            api_key=api_key,
            secret=secret_key,
            base_url=base_url,
            ws_api_url=ws_api_url,
            stream_url=stream_url,
            quote_asset=quote_asset,
            testnet=testnet,
        )
        super().__init__(broker)


def _order(
    name: str,
    symbol: str,
    side: str,
    quantity: Any,
    order_type: str,
    limit_price_cents: int | None,
    stop_price_cents: int | None,
) -> Order:
    kinds = {
        "market": OrderType.MARKET,
        "limit": OrderType.LIMIT,
        "stop": OrderType.STOP if limit_price_cents is None else OrderType.STOP_LIMIT,
    }
    kind = kinds.get(str(order_type).lower())
    if kind is None:
        raise ValidationError(
            f"order_type={order_type!r} is unknown.",
            field="order_type",
            value=order_type,
            allowed="market, limit, stop",
        )
    return Order(
        name,
        symbol,
        Side.parse(side),
        parse_e9(quantity, field="quantity"),
        kind,
        None if limit_price_cents is None else limit_price_cents * CENT_E9,
        None if stop_price_cents is None else stop_price_cents * CENT_E9,
        time_in_force=TimeInForce.GTC,
    )


def _cents(amount_e9: int) -> int:
    magnitude = (2 * abs(amount_e9) + CENT_E9) // (2 * CENT_E9)
    return -magnitude if amount_e9 < 0 else magnitude


def _units(quantity_e9: int) -> int | float:
    whole, rest = divmod(quantity_e9, E9)
    return whole if not rest else quantity_e9 / E9
