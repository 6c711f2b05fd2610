"""The calls of the Alpaca look-alike on orders, fills, positions and the account."""

from __future__ import annotations

from typing import Any, Final

from nanodesk.brokers.base import Clock
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.brokers.paper.values import Answer, EventKind, IdRule, MarketEvent, PaperOrder, Refusal
from nanodesk.market.account import Holding
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9, format_e9, notional_e9
from nanodesk.market.order import Order, OrderState, OrderType
from nanodesk.venues.alpaca.errors import FORBIDDEN, WRONG_STATE, AlpacaError, bad, not_found, of_refusal
from nanodesk.venues.alpaca.requests import AlpacaRequest, amount, changed_order, client_id, new_order, side_of
from nanodesk.venues.alpaca.views import AlpacaViews
from nanodesk.venues.fault_effects import strike_order
from nanodesk.venues.faults import Fault, FaultKind

MOST_ORDERS: Final = 500
MOST_FILLS: Final = 100
_REFUSALS: Final = (EventKind.REJECTED, EventKind.CANCEL_REJECTED, EventKind.REPLACE_REJECTED)
_FILLS: Final = (EventKind.TRADE, EventKind.BUST, EventKind.CORRECT)


class AlpacaDesk:
    """Answers of one venue for one account.

    Parameters
    ----------
    market : PaperMarket
        Behind the venue.
    account_id : str
        Whose.
    seed : int
        Of the ids.
    now_ns : callable
        The venue's clock.
    """

    def __init__(self, market: PaperMarket, *, account_id: str, seed: int, now_ns: Clock) -> None:
        self.market = market
        self.account_id = account_id
        self.views = AlpacaViews(account_id, seed)
        self._now_ns = now_ns
        self._refused: set[int] = set()
        self._is_answering = False
        self._fills: list[tuple[int, dict[str, Any]]] = []
        market.listen(account_id, self._keep_fill)

    # -- events ---------------------------------------------------------------------------------------------------

    def _keep_fill(self, event: MarketEvent) -> None:
        if event.kind in _FILLS:
            self._fills.append((event.ts_ns, self.views.activity(event)))

    def update(self, event: MarketEvent) -> dict[str, Any] | None:
        """What the trade stream tells of an event.

        Parameters
        ----------
        event : MarketEvent
            Of the account.

        Returns
        -------
        data : dict or None
            ``None`` where it tells nothing: what was refused in an answer is not told again.
        """
        is_told_already = self._is_answering or (event.order is not None and event.order.number in self._refused)
        if event.kind in _REFUSALS and is_told_already:
            return None
        held = 0 if event.order is None else self._held(event.order.symbol)
        return self.views.update(event, held)

    def _held(self, symbol: str) -> int:
        listing = self.market.listings.get(symbol)
        return 0 if listing is None else self.market.ledger.amount(self.account_id, listing.asset)

    # -- faults ---------------------------------------------------------------------------------------------------

    def strike_before(self, fault: Fault, request: AlpacaRequest) -> None:
        """Let a fault fill the order that a cancel or a replacement names, before it arrives.

        Parameters
        ----------
        fault : Fault
            That struck the request.
        request : AlpacaRequest
            As read.
        """
        if fault.kind is FaultKind.CANCEL_RACES_FILL and request.parts:
            number = self.views.number(request.parts[0], len(self.market.store.orders))
            if number is not None:
                strike_order(fault, self.market, number)

    def strike_after(self, fault: Fault, answer: Any) -> None:
        """Let a fault fill a part of the order that was just placed.

        Parameters
        ----------
        fault : Fault
            That struck the request.
        answer : object
            What would have been answered.
        """
        name = answer.get("id") if isinstance(answer, dict) else None
        number = self.views.number(name, len(self.market.store.orders)) if isinstance(name, str) else None
        if number is not None:
            strike_order(fault, self.market, number)

    # -- orders ---------------------------------------------------------------------------------------------------

    def place(self, request: AlpacaRequest) -> dict[str, Any]:
        """Take a new order.

        Parameters
        ----------
        request : AlpacaRequest
            With its body.

        Returns
        -------
        order : dict
            As it stands now.

        Raises
        ------
        AlpacaError
            If it is refused.
        """
        body = request.body
        symbol = body.get("symbol")
        if not isinstance(symbol, str) or symbol not in self.market.listings:
            raise AlpacaError(WRONG_STATE, f'asset "{str(symbol)[:40]}" not found')
        quantity, cash = amount(body, "qty"), amount(body, "notional")
        if (quantity is None) is (cash is None):
            raise bad("qty or notional is required, and only one of them")
        if cash is not None:
            quantity = self.market.quantity_for(symbol, side_of(body), cash)
        if not quantity:
            raise AlpacaError(FORBIDDEN, "notional buys nothing")
        order, name = new_order(body, symbol, quantity), client_id(body)
        if not name or self.market.find(self.account_id, name) is None:
            self._refuse_wash_trade(order)
        return self._place(order, name, tag="" if cash is None else format_e9(cash))

    def _refuse_wash_trade(self, order: Order) -> None:
        # The vendor's page on user protection: an order that could trade with another of the account is refused.
        for other in self.market.orders(self.account_id, symbol=order.symbol, open_only=True):
            if other.side is not order.side and _may_meet(order, other.order):
                kinds = {order.order_type, other.order.order_type}
                reason = "limit" if kinds == {OrderType.LIMIT} else "market/stop"
                error = AlpacaError(FORBIDDEN, "potential wash trade detected. use complex orders")
                error.data = {
                    "existing_order_id": self.views.order(other)["id"],
                    "reject_reason": f"opposite side {reason} order exists",
                }
                raise error

    def _place(self, order: Order, name: str, *, tag: str = "") -> dict[str, Any]:
        name = name or self.views.uuid("client", self.market.store.next_number())
        self._is_answering = True
        try:
            # An id belongs to one order for good: a second order with it is refused whatever became of the first.
            placed = self.market.submit(self.account_id, order, client_order_id=name, id_rule=IdRule.EVER, tag=tag)
        finally:
            self._is_answering = False
        if placed.state is OrderState.REJECTED:
            self._refused.add(placed.number)
            raise self._worded(placed.code, placed.text, placed)
        return self.views.order(placed)

    def _worded(self, code: str, text: str, order: PaperOrder | None) -> AlpacaError:
        error = of_refusal(code, text)
        if code == Refusal.INSUFFICIENT_FUNDS.value:
            error.data = {"buying_power": format_e9(max(self.market.account(self.account_id).buying_power_e9, 0))}
        if order is not None and code in (Refusal.INSUFFICIENT_POSITION.value, Refusal.REDUCE_ONLY.value):
            error.data = {"symbol": order.symbol, "existing_qty": format_e9(self._held(order.symbol))}
        return error

    def _own(self, name: str) -> PaperOrder:
        number = self.views.number(name, len(self.market.store.orders))
        order = None if number is None or number in self._refused else self.market.order(number)
        if order is None or order.account_id != self.account_id:
            raise not_found("order")
        return order

    def order(self, request: AlpacaRequest) -> dict[str, Any]:
        """One order by the venue's id.

        Parameters
        ----------
        request : AlpacaRequest
            Naming it.

        Returns
        -------
        order : dict
            As it stands.
        """
        return self.views.order(self._own(request.parts[0]))

    def order_by_client_id(self, request: AlpacaRequest) -> dict[str, Any]:
        """One order by the client's id.

        Parameters
        ----------
        request : AlpacaRequest
            With ``client_order_id``.

        Returns
        -------
        order : dict
            As it stands.
        """
        wanted = request.query.get("client_order_id", "")
        found = self.market.find(self.account_id, wanted) if wanted else None
        if found is None or found.number in self._refused:
            by_hand = (one for one in self.market.orders(self.account_id) if not one.client_order_id)
            found = next((one for one in by_hand if self.views.uuid("client", one.number) == wanted), None)
        if found is None:
            raise not_found("order")
        return self.views.order(found)

    def orders(self, request: AlpacaRequest) -> list[dict[str, Any]]:
        """Orders by state and time.

        Parameters
        ----------
        request : AlpacaRequest
            With ``status``, ``limit``, ``after``, ``until``, ``direction``, ``side`` and ``symbols``.

        Returns
        -------
        orders : list of dict
            Newest first unless asked otherwise.
        """
        state = request.word("status", ("open", "closed", "all"))
        is_rising = request.word("direction", ("desc", "asc")) == "asc"
        side = request.word("side", ("", "buy", "sell"))
        after, until = request.instant("after"), request.instant("until")
        limit = request.whole("limit", 50, MOST_ORDERS)
        symbols = set(filter(None, request.query.get("symbols", "").split(",")))
        found = [
            order
            for order in self.market.orders(self.account_id, open_only=state == "open")
            if order.number not in self._refused
            and (state != "closed" or not order.is_open)
            and side in ("", order.side.value)
            and (not symbols or order.symbol in symbols)
            and (after is None or order.created_ns > after)
            and (until is None or order.created_ns < until)
        ]
        found.sort(key=lambda order: (order.created_ns, order.number), reverse=not is_rising)
        return [self.views.order(order) for order in found[:limit]]

    def replace(self, request: AlpacaRequest) -> dict[str, Any]:
        """Put another order in the place of an open one.

        Parameters
        ----------
        request : AlpacaRequest
            Naming it, with what changes.

        Returns
        -------
        order : dict
            The new one.

        Raises
        ------
        AlpacaError
            If it is refused; the old order lives on.
        """
        old = self._own(request.parts[0])
        if not old.is_open or old.state is OrderState.PENDING_NEW:
            raise AlpacaError(WRONG_STATE, f'order in "{self.views.order(old)["status"]}" state cannot be replaced')
        order = changed_order(request.body, old.order)
        name = client_id(request.body) or self.views.uuid("client", self.market.store.next_number())
        answer = self._within(lambda: self.market.replace(self.account_id, old.number, order, client_order_id=name))
        if not answer.is_taken or answer.order is None:
            raise self._worded(answer.code, answer.text, old)
        return self.views.order(answer.order)

    def _within(self, action: Any) -> Answer:
        self._is_answering = True
        try:
            answer: Answer = action()
        finally:
            self._is_answering = False
        return answer

    def cancel(self, request: AlpacaRequest) -> None:
        """Cancel an open order.

        Parameters
        ----------
        request : AlpacaRequest
            Naming it.

        Raises
        ------
        AlpacaError
            If it is not open.
        """
        self._cancel(self._own(request.parts[0]))

    def _cancel(self, order: PaperOrder) -> None:
        answer = self._within(lambda: self.market.cancel(self.account_id, order.number))
        if not answer.is_taken:
            raise AlpacaError(WRONG_STATE, f'order is already in "{self.views.order(order)["status"]}" state')

    def cancel_all(self) -> list[dict[str, Any]]:
        """Cancel every open order.

        Returns
        -------
        rows : list of dict
            ``id`` and ``status`` of each, and ``body`` where it failed.
        """
        rows = []
        for order in self.market.orders(self.account_id, open_only=True):
            row: dict[str, Any] = {"id": self.views.uuid("order", order.number), "status": 200}
            try:
                self._cancel(order)
            except AlpacaError as error:
                row.update(status=error.status, body=error.content())
            rows.append(row)
        return rows

    # -- fills ----------------------------------------------------------------------------------------------------

    def activities(self, request: AlpacaRequest) -> list[dict[str, Any]]:
        """Fills, corrections and busts.

        Parameters
        ----------
        request : AlpacaRequest
            With ``after``, ``until``, ``date``, ``direction``, ``page_size`` and ``page_token``.

        Returns
        -------
        rows : list of dict
            Newest first unless asked otherwise.
        """
        wanted = request.parts[0] if request.parts else request.query.get("activity_types", "FILL")
        after, until, day = request.instant("after"), request.instant("until"), request.instant("date")
        size = request.whole("page_size", MOST_FILLS, MOST_FILLS)
        self.market.advance()
        rows = [
            row
            for ts_ns, row in (self._fills if "FILL" in wanted.split(",") else [])
            if (after is None or ts_ns > after)
            and (until is None or ts_ns < until)
            and (day is None or 0 <= ts_ns - day < 86_400 * E9)
        ]
        if request.word("direction", ("desc", "asc")) == "desc":
            rows.reverse()
        token = request.query.get("page_token")
        start = next((index + 1 for index, row in enumerate(rows) if row["id"] == token), 0)
        return rows[start : start + size]

    # -- account and positions ------------------------------------------------------------------------------------

    def account(self) -> dict[str, Any]:
        """Money now.

        Returns
        -------
        account : dict
            The venue's object.
        """
        values = [self._value(one) for one in self.market.positions(self.account_id)]
        return self.views.account(
            self.market.account(self.account_id),
            (sum(value for value in values if value > 0), sum(value for value in values if value < 0)),
            leverage=self.market.funds.leverage.get(self.account_id, 1),
            now_ns=self._now_ns(),
        )

    def _value(self, holding: Holding) -> int:
        mark = self.market.listing(holding.symbol).mark() or holding.average_price_e9
        return notional_e9(mark, holding.quantity_e9)

    def positions(self) -> list[dict[str, Any]]:
        """Everything held.

        Returns
        -------
        positions : list of dict
            By symbol.
        """
        return [self._position(one) for one in self.market.positions(self.account_id)]

    def position(self, request: AlpacaRequest) -> dict[str, Any]:
        """One position.

        Parameters
        ----------
        request : AlpacaRequest
            Naming it by symbol or id of the asset.

        Returns
        -------
        position : dict
            The venue's object.
        """
        return self._position(self._holding(request.parts[0]))

    def _position(self, holding: Holding) -> dict[str, Any]:
        listing = self.market.listing(holding.symbol)
        free, _ = self.market.balances(self.account_id).get(listing.asset, (holding.quantity_e9, 0))
        return self.views.position(holding, listing.mark(), free)

    def _holding(self, name: str) -> Holding:
        for one in self.market.positions(self.account_id):
            if name in (one.symbol, self.views.uuid("asset", one.symbol)):
                return one
        raise not_found("position")

    def close_position(self, request: AlpacaRequest) -> dict[str, Any]:
        """Sell, or buy back, what is held.

        Parameters
        ----------
        request : AlpacaRequest
            Naming it, with ``qty`` or ``percentage`` of it or all.

        Returns
        -------
        order : dict
            The market order.
        """
        holding = self._holding(request.parts[0])
        percentage, quantity = amount(request.query, "percentage"), amount(request.query, "qty")
        if percentage is not None:
            lots = self.market.rules(holding.symbol)
            quantity = lots.floor_to_lot(abs(holding.quantity_e9) * min(percentage, 100 * E9) // (100 * E9))
        return self._close(holding, quantity or abs(holding.quantity_e9))

    def _close(self, holding: Holding, quantity: int) -> dict[str, Any]:
        side = Side.SELL if holding.quantity_e9 > 0 else Side.BUY
        order = Order("v", holding.symbol, side, quantity, time_in_force=TimeInForce.DAY, reduce_only=True)
        return self._place(order, "")

    def close_all(self, request: AlpacaRequest) -> list[dict[str, Any]]:
        """Close everything.

        Parameters
        ----------
        request : AlpacaRequest
            With ``cancel_orders``.

        Returns
        -------
        rows : list of dict
            ``symbol``, ``status`` and ``body`` of each.
        """
        if request.query.get("cancel_orders", "").lower() == "true":
            self.cancel_all()
        rows = []
        for one in self.market.positions(self.account_id):
            row: dict[str, Any] = {"symbol": one.symbol}
            try:
                row.update(status=200, body=self._close(one, abs(one.quantity_e9)))
            except AlpacaError as error:
                row.update(status=error.status, body=error.content())
            rows.append(row)
        return rows

    # -- assets ---------------------------------------------------------------------------------------------------

    def assets(self, request: AlpacaRequest) -> list[dict[str, Any]]:
        """Everything that is listed.

        Parameters
        ----------
        request : AlpacaRequest
            With ``status`` and ``asset_class``.

        Returns
        -------
        assets : list of dict
            All of them are active shares.
        """
        is_asked_for = request.query.get("status", "active") == "active"
        is_asked_for &= request.query.get("asset_class", "us_equity") == "us_equity"
        return [self.views.asset(self.market.rules(one)) for one in self.market.symbols] if is_asked_for else []

    def asset(self, request: AlpacaRequest) -> dict[str, Any]:
        """One asset.

        Parameters
        ----------
        request : AlpacaRequest
            Naming it by symbol or id.

        Returns
        -------
        asset : dict
            The venue's object.
        """
        for symbol in self.market.symbols:
            if request.parts[0] in (symbol, self.views.uuid("asset", symbol)):
                return self.views.asset(self.market.rules(symbol))
        raise not_found(f"asset for {request.parts[0][:40]}")


def _may_meet(order: Order, other: Order) -> bool:
    """Whether a purchase and a sale could trade with each other; an order without a limit could with any."""
    if order.limit_price_e9 is None or other.limit_price_e9 is None:
        return True
    buy, sell = (order, other) if order.side is Side.BUY else (other, order)
    assert buy.limit_price_e9 is not None and sell.limit_price_e9 is not None  # noqa: S101  (checked above)
    return buy.limit_price_e9 >= sell.limit_price_e9
