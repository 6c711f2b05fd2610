"""``ib_async`` as a codec and nothing else: it writes requests and reads the two layouts of orders.

Its socket, its queue, its throttle and its idea of an order's state are not used: the queue is emptied without
a word when the link drops, the throttle lets more than 50 messages into one second, and an error on a live order
marks it cancelled. If the vendor ever asks for more than server version 178, this file is what is replaced.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from nanodesk.brokers.ibkr.frames import FieldReader, frame_body, split_body
from nanodesk.brokers.ibkr.messages import OrderMessage, TwsContract, TwsMessage
from nanodesk.brokers.ibkr.parsing import message_id, parse_fixed, parse_side
from nanodesk.errors import FeedError, MissingExtraError, TruncatedMessageError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import format_e9, parse_e9
from nanodesk.market.order import Order, OrderType

if TYPE_CHECKING:
    from ib_async import Contract

MIN_VERSION: Final = 157
MAX_VERSION: Final = 178
"""Server versions whose layouts the codec knows."""

MAX_ORDER_FIELDS: Final = 2_000
"""Most fields of one order; one without legs has about 140."""

ORDER_TYPES: Final = {
    OrderType.MARKET: "MKT",
    OrderType.LIMIT: "LMT",
    OrderType.STOP: "STP",
    OrderType.STOP_LIMIT: "STP LMT",
}
TIMES_IN_FORCE: Final = {
    TimeInForce.DAY: "DAY",
    TimeInForce.GTC: "GTC",
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
    TimeInForce.GTD: "GTD",
}


class TwsCodec:
    """Requests as frames, and frames as messages.

    Parameters
    ----------
    server_version : int, default 178
        What both sides agreed on.

    Raises
    ------
    MissingExtraError
        If ``ib_async`` is not installed.
    """

    def __init__(self, server_version: int = MAX_VERSION) -> None:
        try:
            from ib_async.client import Client
            from ib_async.decoder import Decoder
        except ImportError as error:
            raise MissingExtraError(
                "Interactive Brokers needs ib_async, which is not installed.", fix="pip install nanodesk[live]"
            ) from error
        self._caught: list[tuple[Any, ...]] = []
        self._written: list[str] = []
        self._write_lock = threading.Lock()
        catcher: Any = SimpleNamespace(
            openOrder=lambda _order_id, *order: self._caught.append(order),
            completedOrder=lambda *order: self._caught.append(order),
        )
        self._decoder: Any = Decoder(catcher, server_version)
        client: Any = Client
        self._client = client(catcher)
        self._client.connState = Client.CONNECTED
        self._client._serverVersion = server_version
        # Only the text of a request is wanted; when it goes out is ours to say.
        self._client.sendMsg = self._written.append

    def parse(self, body: bytes) -> TwsMessage | None:
        """One body as a message.

        Parameters
        ----------
        body : bytes
            As it stood behind its length prefix.

        Returns
        -------
        message : TwsMessage or None
            ``None`` for a kind that the adapter does not use.

        Raises
        ------
        FeedError
            Whatever is wrong with the bytes.
        """
        return self.parse_fields(split_body(body))

    def parse_fields(self, fields: Sequence[str]) -> TwsMessage | None:
        """The fields of one message as a value.

        Parameters
        ----------
        fields : sequence of str
            The message id first.

        Returns
        -------
        message : TwsMessage or None
            ``None`` for a kind that the adapter does not use.

        Raises
        ------
        FeedError
            Whatever is wrong with the fields.
        """
        kind = message_id(fields)
        if kind == 5:
            return self._order_message(fields, is_completed=False)
        if kind == 101:
            return self._order_message(fields, is_completed=True)
        return parse_fixed(fields)

    def _order_message(self, fields: Sequence[str], *, is_completed: bool) -> OrderMessage:
        if len(fields) > MAX_ORDER_FIELDS:
            # The decoder copies what is left of a message for each leg, which many legs would turn into minutes.
            raise FeedError(f"An order has {len(fields)} fields.", field="order", allowed=f"up to {MAX_ORDER_FIELDS}")
        self._caught.clear()
        try:
            if is_completed:
                self._decoder.completedOrder(list(fields))
            else:
                self._decoder.openOrder(list(fields))
            _, order, state = self._caught.pop()
            # The decoder has made a float of it; its shortest text is what was sent.
            filled = parse_e9(order.filledQuantity) if is_completed and order.filledQuantity < 1e18 else 0
        except Exception as error:  # the decoder checks nothing, so anything may come out of it
            name = "completedOrder" if is_completed else "openOrder"
            raise FeedError(
                f"{name} of {len(fields)} fields cannot be read: {type(error).__name__}: {str(error)[:80]}.",
                field=name,
            ) from error
        return _order_head(fields, is_completed, str(state.status), filled, _last_word(state, is_completed))

    def place_order(self, order_id: int, contract: TwsContract, order: Order, account: str) -> bytes:
        """The frame that places an order, or changes it when the id is live.

        Parameters
        ----------
        order_id : int
            Never used before by this client id.
        contract : TwsContract
            Instrument.
        order : Order
            What to do; its client id travels as ``orderRef``.
        account : str
            Whose order.

        Returns
        -------
        message : bytes
            Length prefix and body.
        """
        from ib_async.order import Order as WireOrder

        limit, stop = order.limit_price_e9, order.stop_price_e9
        wire = WireOrder(
            action="BUY" if order.side is Side.BUY else "SELL",
            orderType=ORDER_TYPES[order.order_type],
            tif=TIMES_IN_FORCE[order.time_in_force],
            orderRef=order.client_order_id,
            account=account,
        )
        wire.totalQuantity = Decimal(format_e9(order.quantity_e9))  # type: ignore[assignment]
        if limit is not None:
            wire.lmtPrice = Decimal(format_e9(limit))
        if stop is not None:
            wire.auxPrice = Decimal(format_e9(stop))
        return self._write(lambda: self._client.placeOrder(order_id, _wire_contract(contract), wire))

    def cancel_order(self, order_id: int) -> bytes:
        """The frame that asks to cancel.

        Parameters
        ----------
        order_id : int
            The order of this client id.

        Returns
        -------
        message : bytes
            Length prefix and body.
        """
        return self._write(lambda: self._client.cancelOrder(order_id))

    def contract_details(self, request_id: int, contract: TwsContract) -> bytes:
        """The frame that asks what an instrument is.

        Parameters
        ----------
        request_id : int
            Comes back with the answer.
        contract : TwsContract
            What is known of it.

        Returns
        -------
        message : bytes
            Length prefix and body.
        """
        return self._write(lambda: self._client.reqContractDetails(request_id, _wire_contract(contract)))

    def snapshot(self, request_id: int, contract: TwsContract) -> bytes:
        """The frame that asks for one quote.

        Parameters
        ----------
        request_id : int
            Comes back with the answer.
        contract : TwsContract
            Instrument.

        Returns
        -------
        message : bytes
            Length prefix and body.
        """
        wire = _wire_contract(contract)
        return self._write(lambda: self._client.reqMktData(request_id, wire, "", True, False, []))

    def request(self, *fields: object) -> bytes:
        """The frame of a request without an instrument.

        Parameters
        ----------
        *fields : object
            Message id, version and arguments, in order.

        Returns
        -------
        message : bytes
            Length prefix and body.
        """
        return self._write(lambda: self._client.send(*fields))

    def _write(self, write: Callable[[], object]) -> bytes:
        with self._write_lock:
            write()
            return frame_body(self._written.pop().encode("utf-8", "surrogateescape"))


def _wire_contract(contract: TwsContract) -> Contract:
    from ib_async.contract import Contract

    return Contract(
        secType=contract.sec_type,
        conId=contract.con_id,
        symbol=contract.symbol,
        lastTradeDateOrContractMonth=contract.expiry,
        strike=float(contract.strike or 0),
        right=contract.right,
        multiplier=contract.multiplier,
        exchange=contract.exchange,
        primaryExchange=contract.primary_exchange,
        currency=contract.currency,
        localSymbol=contract.local_symbol,
        tradingClass=contract.trading_class,
    )


def _last_word(state: Any, is_completed: bool) -> str:
    return str(state.completedStatus) if is_completed else str(state.warningText)


def _order_head(fields: Sequence[str], is_completed: bool, status: str, filled_e9: int, text: str) -> OrderMessage:
    # The head of both layouts is fixed, so amounts are read from the text itself, exactly.
    name = "completedOrder" if is_completed else "openOrder"
    reader = FieldReader(fields, name)
    order_id = 0 if is_completed else reader.integer("orderId")
    con_id, symbol, sec_type = reader.integer("conId"), reader.text("symbol"), reader.text("secType")
    expiry, strike, right = reader.text("expiry"), reader.text("strike"), reader.text("right")
    multiplier, exchange, currency = reader.text("multiplier"), reader.text("exchange"), reader.text("currency")
    local, trading_class = reader.text("localSymbol"), reader.text("tradingClass")
    side = parse_side(reader.text("action"), name)
    quantity, order_type = reader.amount_e9("totalQuantity"), reader.text("orderType")
    limit, aux, tif = reader.mean_e9("lmtPrice"), reader.mean_e9("auxPrice"), reader.text("tif")
    reader.skip()
    account = reader.text("account")
    reader.skip(2)
    order_ref = reader.text("orderRef")
    client_id = 0 if is_completed else reader.integer("clientId")
    if quantity is None:
        raise TruncatedMessageError(f"{name}: totalQuantity is empty.", field="totalQuantity")
    return OrderMessage(
        contract=TwsContract(
            symbol, sec_type, exchange, currency, con_id, "", expiry, strike, right, multiplier, local, trading_class
        ),
        side=side,
        quantity_e9=quantity,
        order_type=order_type,
        limit_e9=limit or None,
        aux_e9=aux or None,
        tif=tif,
        account=account,
        order_ref=order_ref,
        perm_id=reader.integer("permId"),
        status=status,
        order_id=order_id,
        client_id=client_id,
        is_completed=is_completed,
        filled_e9=filled_e9,
        text=text,
    )
