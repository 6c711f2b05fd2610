"""One client of the TWS look-alike: what each of its messages does, and which news it hears."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from nanodesk.brokers.ibkr.codec import MAX_VERSION, ORDER_TYPES, TIMES_IN_FORCE
from nanodesk.brokers.ibkr.parsing import parse_time
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.brokers.paper.values import IdRule, PaperOrder
from nanodesk.errors import FeedError, ValidationError
from nanodesk.market.enums import TimeInForce
from nanodesk.market.fixed_point import E9, format_e9, notional_e9
from nanodesk.market.order import Order, OrderState
from nanodesk.venues.fault_effects import EventGate, strike_order
from nanodesk.venues.faults import Fault, FaultKind
from nanodesk.venues.server import VenueOptions
from nanodesk.venues.tws import messages as say
from nanodesk.venues.tws.account import summary_values
from nanodesk.venues.tws.connection import STRIKES, Connection, Pace
from nanodesk.venues.tws.messages import Fields
from nanodesk.venues.tws.orders import BEFORE_THE_VENUE, NOBODY, OrderKey, TwsOrders, cancel_refusal, refusal
from nanodesk.venues.tws.requests import (
    ContractRequest,
    ExecutionsRequest,
    MarketDataRequest,
    PlaceOrder,
    PlainRequest,
    TwsRequest,
    parse_request,
)

logger = logging.getLogger(__name__)

FARMS: Final = (
    (2104, "Market data farm connection is OK:usfarm"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefnj"),
)
UNBOUNDED_E9: Final = 1_000_000 * E9
"""Displayed size of a quote that takes any quantity."""

MOST_SUMMARIES: Final = 2
"""Subscriptions to the account summary that one client may have at a time."""

MASTER_CLIENT_ID: Final = 0
"""Hears of every order and fill, those of a human too."""

_ORDER_TYPES: Final = {word: kind for kind, word in ORDER_TYPES.items()}
_TIMES_IN_FORCE: Final = {word: tif for tif, word in TIMES_IN_FORCE.items()} | {"": TimeInForce.DAY}

_REQUEST_NAMES: Final[Mapping[int, str]] = {
    1: "quote",
    2: "quote",
    3: "new",
    4: "cancel",
    5: "open_orders",
    6: "account",
    7: "executions",
    9: "rules",
    16: "open_orders",
    49: "time",
    58: "cancel",
    61: "positions",
    62: "account",
    71: "login",
    74: "positions",
    76: "account",
    99: "status",
}
_ERRORS_BEFORE: Final = {"new": 201, "replace": 201, "cancel": 10148, "quote": 354, "rules": 200}
_ERRORS_AFTER: Final = {"new": 399, "replace": 399, "cancel": 399, "quote": 10167}


class SessionHost(Protocol):
    """What a session needs of its venue."""

    market: PaperMarket
    options: VenueOptions
    orders: TwsOrders
    sessions: dict[int, Session]
    messages: Counter[str]
    messages_per_second: int
    snapshot_end_s: float

    def now_ns(self) -> int:
        """The venue's clock."""

    def arm(self) -> None:
        """Plan the market's next delayed action."""

    def stream(self) -> None:
        """Send changed quotes from now on."""

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do something after a while.

        Parameters
        ----------
        delay_s : float
            Seconds.
        action : callable
            What to do.
        """


class Session:
    """One connected client.

    Parameters
    ----------
    venue : SessionHost
        Whose client.
    connection : Connection
        Its socket.
    refuses_id : bool, default False
        Whether its client id counts as in use, whatever it is.
    """

    def __init__(self, venue: SessionHost, connection: Connection, *, refuses_id: bool = False) -> None:
        self.venue = venue
        self._refuses_id = refuses_id
        self.connection = connection
        self.client_id = -1
        self.wants_positions = False
        self.wants_account = False
        self.gate: EventGate[list[Fields]] = EventGate(venue.options.faults)
        self.pace = Pace(venue.messages_per_second)
        self.streams: dict[int, str] = {}
        self._sent_quotes: dict[int, list[Fields]] = {}
        self._summaries: set[int] = set()
        self._handlers: Mapping[int, Callable[[PlainRequest], None]] = {
            2: lambda request: self._end_stream(request.number),
            4: self._cancel,
            5: lambda _: self._open_orders(everyone=False),
            6: self._account_updates,
            8: lambda _: self.say([9, 1, self.venue.orders.next_id(self.client_id)]),
            15: lambda _: None,  # the master client hears of a human's orders anyway
            16: lambda _: self._open_orders(everyone=True),
            17: lambda _: self.say([15, 1, self.venue.orders.account]),
            49: lambda _: self.say([49, 1, self.venue.now_ns() // 10**9]),
            58: lambda _: self._cancel_everything(),
            59: lambda _: None,
            61: self._positions,
            62: self._summary,
            63: lambda request: self._summaries.discard(request.number),
            64: self._end_positions,
            74: self._positions_multi,
            75: lambda _: None,
            76: self._account_multi,
            77: lambda _: None,
            99: lambda _: self._completed_orders(),
        }

    async def run(self) -> None:
        """Serve the client until either side ends the connection.

        Raises
        ------
        FeedError
            If the client does not follow the protocol; the caller ends the connection.
        """
        low, high = await self.connection.read_hello()
        if not low <= MAX_VERSION <= high:
            raise FeedError(f"A client speaks the versions {low} to {high}.", field="version", allowed="178")
        self.say([MAX_VERSION, say.clock_text(self.venue.now_ns())])
        while True:
            fields = await self.connection.read()
            self.venue.messages[f"in_{fields[0][:6]}"] += 1
            loop = asyncio.get_running_loop()
            if not self.pace.count(loop.time()):
                self._strike()
                continue
            self._serve(fields)
            self.venue.arm()
            await self.connection.drain()

    def say(self, fields: Fields) -> None:
        """Send one message.

        Parameters
        ----------
        fields : list
            Of the message.
        """
        self.venue.messages[f"out_{fields[0]}"] += 1
        self.connection.write(fields)

    def _strike(self) -> None:
        strikes = self.pace.strikes
        text = f"Max rate of messages per second has been exceeded:max=50 ({strikes})"
        self.say(say.error(-1, 100, text))
        if strikes >= STRIKES:
            # What is still coming in is read first: closing over it would reset the line, and the errors be lost.
            self.connection.is_deaf = True
            asyncio.get_running_loop().call_later(0.2, self.connection.close)

    # --- faults around a request ------------------------------------------------------------------------------

    def _serve(self, fields: list[str]) -> None:
        request = parse_request(fields)
        name = self._name(request)
        fault = self.venue.options.faults.request(name)
        if fault is None:
            self._handle(request)
            return
        number = _number(request)
        match fault.kind:
            case FaultKind.HALF_OPEN | FaultKind.BLACK_HOLE:
                self.connection.is_deaf = self.connection.is_dumb = True
            case FaultKind.RESET_BEFORE_ACCEPT | FaultKind.BANNED:
                self.connection.abort()
            case FaultKind.RESET_AFTER_ACCEPT:
                self.connection.is_dumb = True
                self._handle(request)
                self.connection.abort()
            case FaultKind.RATE_LIMITED:
                self.say(say.error(number, 100, "Max rate of messages per second has been exceeded:max=50"))
            case FaultKind.PACING_DISCONNECT:
                self.say(say.error(-1, 100, "Max rate of messages per second has been exceeded:max=50"))
                self.connection.close()
            case FaultKind.ERROR_BEFORE_ACCEPT:
                self.say(say.error(number, _code(fault, _ERRORS_BEFORE.get(name, 321)), "Error of the rehearsal."))
            case FaultKind.ERROR_AFTER_ACCEPT:
                self._handle(request)
                self.say(say.error(number, _code(fault, _ERRORS_AFTER.get(name, 2103)), "Error of the rehearsal."))
            case FaultKind.PARTIAL_THEN_DISCONNECT:
                self._handle(request)
                self._strike_order(fault, number)
                self.connection.close()
            case FaultKind.CANCEL_RACES_FILL:
                self._strike_order(fault, number)
                self._handle(request)
            case FaultKind.MALFORMED | FaultKind.TRUNCATED | FaultKind.OVERSIZE | FaultKind.SLOW_TRICKLE:
                self.connection.next_fault = fault
                self._handle(request)
            case _:
                self._handle(request)

    def _strike_order(self, fault: Fault, order_id: int) -> None:
        order = self.venue.orders.find(OrderKey(self.client_id, order_id))
        if order is not None:
            strike_order(fault, self.venue.market, order.number)

    def _name(self, request: TwsRequest) -> str:
        if isinstance(request, PlaceOrder):
            return "replace" if self.venue.orders.find(OrderKey(self.client_id, request.order_id)) else "new"
        kind = {MarketDataRequest: 1, ContractRequest: 9, ExecutionsRequest: 7}.get(type(request))
        return _REQUEST_NAMES.get(request.kind if isinstance(request, PlainRequest) else kind or 0, "other")

    def _handle(self, request: TwsRequest) -> None:
        match request:
            case PlainRequest(kind=71):
                self._start_api(request)
            case _ if self.client_id < 0:
                self.say(say.error(-1, 321, "Error validating request:-'the session has not been started'."))
            case PlaceOrder():
                self._place(request)
            case MarketDataRequest():
                self._market_data(request)
            case ContractRequest():
                self._details(request)
            case ExecutionsRequest():
                self._executions(request)
            case PlainRequest():
                handler = self._handlers.get(request.kind)
                if handler is None:
                    logger.warning("not_served: message %d", request.kind)
                    text = f"Message {request.kind} is not part of this venue."
                    self.say(say.error(_number(request), 321, text))
                else:
                    handler(request)

    # --- session ----------------------------------------------------------------------------------------------

    def _start_api(self, request: PlainRequest) -> None:
        if self._refuses_id or request.number in self.venue.sessions:
            self.say(say.error(-1, 326, "Unable to connect as the client id is already in use."))
            self.connection.close()
            return
        self.client_id = request.number
        self.venue.sessions[self.client_id] = self
        self.say([15, 1, self.venue.orders.account])
        self.say([9, 1, self.venue.orders.next_id(self.client_id)])
        for code, text in FARMS:
            self.say(say.error(-1, code, text))

    def hears_of(self, order: PaperOrder) -> bool:
        """Whether the client is told of an order.

        Parameters
        ----------
        order : PaperOrder
            Of the market.

        Returns
        -------
        hears : bool
            True for its own orders, for all at the master client, for a human's where they are bound.
        """
        key = self.venue.orders.key(order)
        return self.client_id == MASTER_CLIENT_ID or (key != NOBODY and key.client_id == self.client_id)

    # --- orders -----------------------------------------------------------------------------------------------

    def _place(self, request: PlaceOrder) -> None:
        venue, key = self.venue, OrderKey(self.client_id, request.order_id)
        known = venue.orders.find(key)
        if known is not None and request.order_id < venue.orders.next_id(self.client_id) and known.is_open:
            self._modify(request, known)
            return
        if known is not None and known.state is OrderState.FILLED:
            self.say(say.error(request.order_id, 104, "Cannot modify a filled order."))
            return
        if request.order_id < venue.orders.next_id(self.client_id):
            self.say(say.error(request.order_id, 103, "Duplicate order id"))
            return
        venue.orders.use_id(key)
        fault = self._fault_of(request)
        if fault is not None:
            self.say(say.error(request.order_id, *fault))
            return
        try:
            order = self._order(request, key, venue.orders.resolve(request.contract) or "")
        except ValidationError as error:
            self.say(say.error(request.order_id, 321, f"Error validating request:-'{error}'"))
            return
        expires_ns = parse_time(request.good_till) if order.time_in_force is TimeInForce.GTD else None
        if request.what_if:
            self._what_if(order, key, request, expires_ns)
            return
        venue.orders.use_id(key, venue.market.store.next_number())
        venue.market.submit(
            venue.orders.account_id,
            order,
            client_order_id=request.order_ref,
            id_rule=IdRule.FREE,
            expires_ns=expires_ns,
            tag=key.tag,
        )

    def _fault_of(self, request: PlaceOrder) -> tuple[int, str] | None:
        if request.account not in ("", self.venue.orders.account):
            return 321, f"Error validating request:-'the account code {request.account!r} is unknown'."
        if self.venue.orders.resolve(request.contract) is None:
            return 200, "No security definition has been found for the request"
        if request.order_type not in _ORDER_TYPES:
            return 387, "Unsupported order type for this exchange and security type."
        if request.tif not in _TIMES_IN_FORCE:
            return 201, f"Order rejected - reason:Invalid time in force:{request.tif}."
        if request.quantity_e9 <= 0:
            return 434, "The order size cannot be zero."
        if request.parent_id or not request.transmit:
            return 321, "Error validating request:-'attached orders are not part of this venue'."
        return None

    def _order(self, request: PlaceOrder, key: OrderKey, symbol: str) -> Order:
        kind = _ORDER_TYPES[request.order_type]
        return Order(
            client_order_id=f"tws-{key.client_id}-{key.order_id}",
            symbol=symbol,
            side=request.side,
            quantity_e9=request.quantity_e9,
            order_type=kind,
            limit_price_e9=request.limit_e9 if kind.needs_limit else None,
            stop_price_e9=request.aux_e9 if kind.needs_stop else None,
            time_in_force=_TIMES_IN_FORCE[request.tif],
        )

    def _what_if(self, order: Order, key: OrderKey, request: PlaceOrder, expires_ns: int | None) -> None:
        venue = self.venue
        fault = venue.market.check(venue.orders.account_id, order, expires_ns=expires_ns)
        if fault is not None:
            self.say(say.error(key.order_id, *refusal(*fault)))
            return
        paper = PaperOrder(0, venue.orders.account_id, request.order_ref, order, OrderState.PENDING_NEW, tag=key.tag)
        price = order.limit_price_e9 or order.stop_price_e9 or venue.market.quote(order.symbol).mid_e9 or 0
        margin = notional_e9(price, order.quantity_e9, venue.market.rules(order.symbol).multiplier)
        self.say(venue.orders.open_order(paper, status="PreSubmitted", margin_e9=margin))

    def _modify(self, request: PlaceOrder, known: PaperOrder) -> None:
        venue = self.venue
        if (venue.orders.resolve(request.contract), request.side) != (known.symbol, known.side):
            self.say(say.error(request.order_id, 105, "Order being modified does not match original order"))
            return
        kind = known.order.order_type
        sequence = venue.market.feed.sequence
        answer = venue.market.change(
            venue.orders.account_id,
            known.number,
            quantity_e9=request.quantity_e9 or None,
            limit_price_e9=request.limit_e9 if kind.needs_limit else None,
            stop_price_e9=request.aux_e9 if kind.needs_stop else None,
        )
        if not answer.code or venue.market.feed.sequence != sequence:
            return  # the market's own event tells
        if answer.code == "nothing_to_change":
            self.say(venue.orders.open_order(known))
            self.say(venue.orders.status(known))
        else:
            self.say(say.error(request.order_id, *refusal(answer.code, answer.text)))

    def _cancel(self, request: PlainRequest) -> None:
        venue = self.venue
        known = venue.orders.find(OrderKey(self.client_id, request.number))
        if known is None:
            self.say(
                say.error(request.number, 10147, f"OrderId {request.number} that needs to be cancelled is not found.")
            )
        elif not known.is_open:
            self.say(say.error(request.number, *cancel_refusal(known)))
        else:
            self.say(venue.orders.status(known, status="PendingCancel"))
            venue.market.cancel(venue.orders.account_id, known.number)

    def _cancel_everything(self) -> None:
        self.venue.market.cancel_all(self.venue.orders.account_id)

    # --- lists ------------------------------------------------------------------------------------------------

    def _open_orders(self, *, everyone: bool) -> None:
        orders = self.venue.orders
        for order in self.venue.market.orders(orders.account_id, open_only=True):
            if everyone or self.hears_of(order):
                self.say(orders.open_order(order))
                self.say(orders.status(order))
        self.say([53, 1])

    def _completed_orders(self) -> None:
        orders = self.venue.orders
        for order in self.venue.market.orders(orders.account_id):
            is_held = order.state is not OrderState.REJECTED or refusal(order.code, "")[0] not in BEFORE_THE_VENUE
            if not order.is_open and is_held and order.symbol in self.venue.market.symbols:
                contract = orders.contract(order.symbol)
                self.say(say.completed_order(order, orders.ids(order)[2], contract, orders.account))
        self.say([102])

    def _executions(self, request: ExecutionsRequest) -> None:
        orders = self.venue.orders
        wanted = [
            order
            for order in self.venue.market.orders(orders.account_id)
            if order.symbol in self.venue.market.symbols
            and (not request.client_id or orders.key(order).client_id == request.client_id)
            and request.account in ("", orders.account)
            and request.symbol in ("", orders.contract(order.symbol).symbol)
        ]
        for fields in orders.executions(request.request_id, wanted):
            self.say(fields)
        self.say([55, 1, request.request_id])

    def _details(self, request: ContractRequest) -> None:
        symbol = self.venue.orders.resolve(request.contract)
        if symbol is None:
            self._no_contract(request.request_id)
            return
        rules, contract = self.venue.market.rules(symbol), self.venue.orders.contract(symbol)
        self.say(say.contract_details(request.request_id, contract, rules, self.venue.now_ns()))
        self.say([52, 1, request.request_id])

    def _no_contract(self, request_id: int) -> None:
        self.say(say.error(request_id, 200, "No security definition has been found for the request"))

    # --- account ----------------------------------------------------------------------------------------------

    def _positions(self, _: PlainRequest) -> None:
        self.wants_positions = True
        self.tell_positions()
        self.say([62, 1])

    def _end_positions(self, _: PlainRequest) -> None:
        self.wants_positions = False

    def tell_positions(self) -> None:
        """Say every holding."""
        orders = self.venue.orders
        for held in self.venue.market.positions(orders.account_id):
            contract = orders.contract(held.symbol)
            cost = held.average_price_e9 * self.venue.market.rules(held.symbol).multiplier
            self.say(say.position(contract, orders.account, held.quantity_e9, cost))

    def _positions_multi(self, request: PlainRequest) -> None:
        orders = self.venue.orders
        for held in self.venue.market.positions(orders.account_id):
            cost = held.average_price_e9 * self.venue.market.rules(held.symbol).multiplier
            row = say.position(orders.contract(held.symbol), orders.account, held.quantity_e9, cost)
            self.say([71, 1, request.number, *row[2:], ""])
        self.say([72, 1, request.number])

    def _summary(self, request: PlainRequest) -> None:
        if len(self._summaries | {request.number}) > MOST_SUMMARIES:
            text = "Error processing request:-'Maximum number of account summary requests exceeded'."
            self.say(say.error(request.number, 322, text))
            return
        self._summaries.add(request.number)
        tags = request.words[1].split(",") if len(request.words) > 1 else []
        for tag, value, currency in summary_values(self.venue.market, self.venue.orders.account_id):
            is_ledger = tag == "CashBalance" and any(one.startswith("$LEDGER") for one in tags)
            if tag in tags or is_ledger:
                self.say([63, 1, request.number, self.venue.orders.account, tag, value, currency])
        self.say([64, 1, request.number])

    def _account_multi(self, request: PlainRequest) -> None:
        for tag, value, currency in summary_values(self.venue.market, self.venue.orders.account_id):
            self.say([73, 1, request.number, self.venue.orders.account, "", tag, value, currency])
        self.say([74, 1, request.number])

    def _account_updates(self, request: PlainRequest) -> None:
        self.wants_account = request.number == 1
        if self.wants_account:
            self.tell_account()

    def tell_account(self) -> None:
        """Say values and holdings of the running account subscription."""
        orders, market = self.venue.orders, self.venue.market
        for tag, value, currency in summary_values(market, orders.account_id):
            self.say([6, 2, tag, value, currency, orders.account])
        for held in market.positions(orders.account_id):
            price = market.quote(held.symbol).mid_e9 or 0
            contract, multiplier = orders.contract(held.symbol), market.rules(held.symbol).multiplier
            self.say(
                say.portfolio_row(contract, orders.account, held.quantity_e9, held.average_price_e9, price, multiplier)
            )
        self.say([8, 1, say.clock_text(self.venue.now_ns())[9:14]])
        self.say([54, 1, orders.account])

    # --- market data ------------------------------------------------------------------------------------------

    def _market_data(self, request: MarketDataRequest) -> None:
        symbol = self.venue.orders.resolve(request.contract)
        if symbol is None:
            self._no_contract(request.request_id)
            return
        self.say([81, request.request_id, format_e9(self.venue.market.rules(symbol).tick_e9), "9c0001", 3])
        self.say([58, 1, request.request_id, 1])
        self._ticks(request.request_id, symbol)
        if request.is_snapshot:
            self._sent_quotes.pop(request.request_id, None)
            # TWS gathers what comes for eleven seconds; whoever waits for the end waits that long for every quote.
            self.venue.later(self.venue.snapshot_end_s, lambda: self.say([57, 1, request.request_id]))
        else:
            self.streams[request.request_id] = symbol
            self.venue.stream()

    def _ticks(self, request_id: int, symbol: str) -> None:
        quote = self.venue.market.quote(symbol)
        # The market writes 0 for a size without bound; a client would read that as nobody there.
        rows = [
            say.tick_price(request_id, 1, quote.bid_e9, quote.bid_quantity_e9 or UNBOUNDED_E9),
            say.tick_price(request_id, 2, quote.ask_e9, quote.ask_quantity_e9 or UNBOUNDED_E9),
            *([say.tick_price(request_id, 4, quote.last_e9, 0)] if quote.last_e9 is not None else []),
        ]
        sent = self._sent_quotes.get(request_id, [])
        for row in rows:
            if row not in sent:
                self.say(row)
        self._sent_quotes[request_id] = rows

    def tell_quotes(self) -> None:
        """Say every streamed price that has changed."""
        for request_id, symbol in self.streams.items():
            self._ticks(request_id, symbol)

    def _end_stream(self, request_id: int) -> None:
        self.streams.pop(request_id, None)
        self._sent_quotes.pop(request_id, None)


def _number(request: TwsRequest) -> int:
    match request:
        case PlaceOrder():
            return request.order_id
        case PlainRequest():
            # Of the rest the number is no id, so the error is the system's.
            return request.number if request.kind in (2, 4, 62, 63, 74, 75, 76, 77) else -1
        case _:
            return request.request_id


def _code(fault: Fault, usual: int) -> int:
    return int(fault.value) if fault.value.isascii() and fault.value.isdigit() else usual
