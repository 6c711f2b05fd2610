"""Matching of the paper market: orders enter their exchange, trades move the ledger, prints trigger stops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from nanodesk.book.results import SubmitResult, Trade
from nanodesk.brokers.paper.checks import Funds, Reserve
from nanodesk.brokers.paper.ledger import Ledger
from nanodesk.brokers.paper.listing import HOUSE_OWNER, Listing
from nanodesk.brokers.paper.orders import EventFeed, OrderStore
from nanodesk.brokers.paper.values import FEES, HOUSE, IMMEDIATE, EventKind, Fees, PaperExecution, PaperOrder, Refusal
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import format_e9, notional_e9
from nanodesk.market.order import OrderState, OrderType

LARGEST_ROUNDS: Final = 100_000
"""How often the house refills during one order."""


class Matching:
    """The part of the market that changes orders and the ledger.

    Parameters
    ----------
    ledger : Ledger
        Amounts by account.
    store : OrderStore
        Orders and executions.
    feed : EventFeed
        Who is told.
    listings : dict of str to Listing
        By symbol.
    fees : Fees
        Commissions.
    funds : Funds
        Reservations.
    now_ns : callable
        The market's clock.
    replenish : bool
        Whether the displayed size comes back after every print.
    """

    def __init__(
        self,
        ledger: Ledger,
        store: OrderStore,
        feed: EventFeed,
        listings: dict[str, Listing],
        fees: Fees,
        funds: Funds,
        now_ns: Callable[[], int],
        *,
        replenish: bool,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._feed = feed
        self._listings = listings
        self._fees = fees
        self._funds = funds
        self._now_ns = now_ns
        self._replenish = replenish
        self._reserves: dict[int, Reserve] = {}
        self._at_exchange: dict[int, int] = {}
        self._owners: dict[str, int] = {}
        self._prints: list[int] = []
        self._fee_before_minimum: dict[int, int] = {}

    # -- orders ---------------------------------------------------------------------------------------------------

    def hold_back(self, order: PaperOrder, reserve: Reserve) -> None:
        """Set what an open order holds back; zero releases it.

        Parameters
        ----------
        order : PaperOrder
            Whose funds.
        reserve : Reserve
            From now on.
        """
        listing = self._listings[order.symbol]
        old = self._reserves.pop(order.number, Reserve())
        self._ledger.reserve(order.account_id, listing.rules.currency, reserve.cash_e9 - old.cash_e9)
        hold = self._ledger.reserve if order.side is Side.SELL else self._ledger.cover
        hold(order.account_id, listing.asset, reserve.closing_e9 - old.closing_e9)
        if reserve != Reserve():
            self._reserves[order.number] = reserve

    def reserve_of(self, number: int) -> Reserve:
        """What an order holds back now.

        Parameters
        ----------
        number : int
            The order.

        Returns
        -------
        reserve : Reserve
            Zero when it holds nothing.
        """
        return self._reserves.get(number, Reserve())

    def enter(self, number: int) -> None:
        """Let an accepted order into its book, or among the waiting stops.

        Parameters
        ----------
        number : int
            The order, with its funds held back.
        """
        order = self._store.orders[number]
        listing = self._listings[order.symbol]
        if order.is_waiting_stop:
            listing.stops[number] = None
            if self._holds(listing, order, self._standing_price(listing, order.side)):
                self._trigger(listing, number)
        else:
            self._send(listing, number)
        self._settle(listing)

    def _send(self, listing: Listing, number: int) -> None:
        order = self._store.orders[number]
        rests = order.order.order_type.needs_limit and order.order.time_in_force.can_rest
        if self._replenish and order.order.time_in_force is not TimeInForce.FOK:
            for _ in range(LARGEST_ROUNDS):
                result = self._submit(listing, number, immediate=True)
                if not result.n_trades or not self._store.orders[number].is_open:
                    break
                self.refresh_house(listing)
            if not rests or not self._store.orders[number].is_open:
                self._after_entry(listing, number, result)
                return
        self._after_entry(listing, number, self._submit(listing, number, immediate=False))

    def resume(self, number: int, closing_e9: int) -> None:
        """Let an order of an earlier process go on: funds held back, in its book or among the waiting stops.

        Parameters
        ----------
        number : int
            The open order.
        closing_e9 : int
            How much of it closes a position.
        """
        order = self._store.orders[number]
        listing = self._listings[order.symbol]
        fills = self._store.executions_of(None, number)
        self._fee_before_minimum[number] = sum(
            self._fees.on(one.cash_e9, one.quantity_e9, is_maker=one.is_maker) for one in fills
        )
        price = order.order.limit_price_e9 or order.order.stop_price_e9 or 0
        leaves = order.leaves_quantity_e9
        self.hold_back(order, self._funds.reserve_for(listing, order.side, leaves, min(closing_e9, leaves), price))
        self.enter(number)

    def _submit(self, listing: Listing, number: int, *, immediate: bool) -> SubmitResult:
        result = self._command(listing, self._store.orders[number], immediate=immediate)
        listing.orders.pop(self._at_exchange.get(number, 0), None)
        listing.orders[result.order_id] = number
        self._at_exchange[number] = result.order_id
        self._book(listing, result.trades)
        return result

    def _command(self, listing: Listing, order: PaperOrder, *, immediate: bool) -> SubmitResult:
        terms = order.order
        lots = listing.lots(order.leaves_quantity_e9)
        options: dict[str, Any] = {"owner": self.owner(order.account_id)}
        if terms.reduce_only:
            self._tell_position(listing, order.account_id)
            options["reduce_only"] = True
        if listing.self_trade != "off":
            options["self_trade"] = listing.self_trade
        if terms.limit_price_e9 is None:
            if terms.time_in_force is TimeInForce.FOK:
                options["min_quantity"] = lots
            return listing.exchange.submit_market(terms.side, lots, **options)
        word = "gtc" if terms.time_in_force.can_rest else terms.time_in_force.value
        ticks = listing.ticks(terms.limit_price_e9)
        return listing.exchange.submit_limit(terms.side, ticks, lots, "ioc" if immediate else word, **options)

    def owner(self, account_id: str) -> int:
        """Owner number of an account at the exchanges.

        Parameters
        ----------
        account_id : str
            Which.

        Returns
        -------
        owner : int
            From 2.
        """
        return self._owners.setdefault(account_id, HOUSE_OWNER + 1 + len(self._owners))

    def _tell_position(self, listing: Listing, account_id: str) -> None:
        held = self._ledger.amount(account_id, listing.asset)
        lots = listing.rules.floor_to_lot(held) // listing.rules.lot_e9
        listing.exchange.set_position(self.owner(account_id), lots)

    def _after_entry(self, listing: Listing, number: int, result: SubmitResult) -> None:
        self._read_notices(listing)
        order = self._store.orders[number]
        if not order.is_open or result.resting_quantity:
            return
        code = (result.reason or "").replace("min_quantity", "fok") or (
            "time_in_force" if order.order.time_in_force in IMMEDIATE else ""
        )
        if not code:
            code = Refusal.NO_LIQUIDITY.value if order.order.limit_price_e9 is None else "self_trade"
        self.finish(number, OrderState.CANCELLED, EventKind.CANCELLED, code=code)

    def _read_notices(self, listing: Listing) -> None:
        for notice in listing.exchange.take_notices():
            number = listing.orders.get(notice.order_id)
            if number is None or notice.kind not in ("self_trade", "reduce_only"):
                continue
            order = self._store.orders[number]
            if order.is_open:
                left = order.leaves_quantity_e9 - listing.quantity(notice.quantity)
                self._cut(order, max(left, 0), notice.kind)

    def _cut(self, order: PaperOrder, leaves_e9: int, code: str) -> None:
        if not leaves_e9:
            self.finish(order.number, OrderState.CANCELLED, EventKind.CANCELLED, code=code)
            return
        terms = replace(order.order, quantity_e9=order.filled_quantity_e9 + leaves_e9)
        order = order.changed(order=terms, code=code, updated_ns=self._now_ns())
        self._store.put(order)
        self._hold_rest(order)
        self._feed.emit(EventKind.CHANGED, order.account_id, order.updated_ns, order, code=code)

    def finish(
        self, number: int, state: OrderState, kind: EventKind, *, code: str = "", text: str = "", replaced_by: int = 0
    ) -> PaperOrder:
        """End an open order: out of the book, funds released, told.

        Parameters
        ----------
        number : int
            The order.
        state : OrderState
            Terminal.
        kind : EventKind
            What to tell.
        code, text : str, default ""
            Why.
        replaced_by : int, default 0
            Number of the order that takes its place.

        Returns
        -------
        order : PaperOrder
            As it ended.
        """
        order = self._store.orders[number]
        listing = self._listings[order.symbol]
        self._leave_book(listing, number)
        order = order.changed(state=state, code=code, text=text, replaced_by=replaced_by, updated_ns=self._now_ns())
        self._store.put(order)
        self.hold_back(order, Reserve())
        self._feed.emit(kind, order.account_id, order.updated_ns, order, code=code, text=text)
        return order

    def _leave_book(self, listing: Listing, number: int) -> None:
        listing.stops.pop(number, None)
        exchange_id = self._at_exchange.pop(number, None)
        if exchange_id is not None:
            listing.exchange.cancel(exchange_id)
            listing.orders.pop(exchange_id, None)
            listing.sweep_history()

    def change_in_book(self, before: PaperOrder, after: PaperOrder) -> None:
        """Carry a change of price or quantity into the book; only a smaller quantity alone keeps its place.

        Parameters
        ----------
        before, after : PaperOrder
            The open order, already kept as ``after``.
        """
        listing = self._listings[after.symbol]
        exchange_id = self._at_exchange.get(after.number)
        if exchange_id is None:
            if self._holds(listing, after, self._standing_price(listing, after.side)):
                self._trigger(listing, after.number)
            self._settle(listing)
            return
        cut = before.quantity_e9 - after.quantity_e9
        if before.order.limit_price_e9 == after.order.limit_price_e9 and cut >= 0:
            if cut:
                listing.exchange.reduce(exchange_id, listing.lots(cut))
            return
        self._leave_book(listing, after.number)
        self._send(listing, after.number)
        self._settle(listing)

    # -- trades ---------------------------------------------------------------------------------------------------

    def _book(self, listing: Listing, trades: Sequence[Trade]) -> None:
        for trade in trades:
            self._book_trade(listing, trade)
        listing.sweep_history()

    def _book_trade(self, listing: Listing, trade: Trade) -> None:
        price, quantity = listing.price(trade.price), listing.quantity(trade.quantity)
        cash = notional_e9(price, quantity, listing.rules.multiplier)
        passive, aggressor = listing.orders.get(trade.passive_order_id), listing.orders.get(trade.aggressor_order_id)
        listing.last_price_e9, listing.last_trade_id = price, trade.id
        self._prints.append(price)
        self._move(listing, trade.aggressor_side, aggressor, passive, quantity, cash)
        first = len(self._store.executions) + 1
        both = passive is not None and aggressor is not None
        trade_number = listing.trade_offset + trade.id
        for number, side, is_maker in (
            (passive, trade.passive_side, True),
            (aggressor, trade.aggressor_side, False),
        ):
            if number is not None:
                counter = (first + 1 if is_maker else first) if both else 0
                self._fill(listing, number, side, trade_number, price, quantity, cash, counter, is_maker=is_maker)

    def force_fill(self, number: int, quantity_e9: int, price_e9: int) -> None:
        """Let the house trade with an order at a price, wherever the book stands; also after its end.

        Parameters
        ----------
        number : int
            The order, open or not.
        quantity_e9, price_e9 : int
            On the instrument's grid.
        """
        order = self._store.orders[number]
        listing = self._listings[order.symbol]
        exchange_id = self._at_exchange.get(number)
        if exchange_id is not None:
            listing.exchange.reduce(exchange_id, listing.lots(quantity_e9))
        cash = notional_e9(price_e9, quantity_e9, listing.rules.multiplier)
        listing.trade_offset += 1
        trade_number = listing.trade_offset + listing.last_trade_id
        self._move(listing, order.side, number, None, quantity_e9, cash)
        self._fill(listing, number, order.side, trade_number, price_e9, quantity_e9, cash, 0, is_maker=True)
        if not self._store.orders[number].is_open:
            listing.stops.pop(number, None)

    def _move(
        self,
        listing: Listing,
        aggressor_side: Side,
        aggressor: int | None,
        passive: int | None,
        quantity: int,
        cash: int,
    ) -> None:
        taker, maker = self._account(aggressor), self._account(passive)
        buyer, seller = (taker, maker) if aggressor_side is Side.BUY else (maker, taker)
        if buyer != seller:
            self._ledger.book_cost(buyer, listing.asset, quantity, cash)
            self._ledger.book_cost(seller, listing.asset, -quantity, -cash)
        self._ledger.move(listing.asset, quantity, source=seller, target=buyer)
        self._ledger.move(listing.rules.currency, cash, source=buyer, target=seller)

    def _account(self, number: int | None) -> str:
        return HOUSE if number is None else self._store.orders[number].account_id

    def _fill(
        self,
        listing: Listing,
        number: int,
        side: Side,
        trade_number: int,
        price: int,
        quantity: int,
        cash: int,
        counter: int,
        *,
        is_maker: bool,
    ) -> None:
        order, now = self._store.orders[number], self._now_ns()
        fee, asset = self._fee(listing, order, quantity, cash, is_maker=is_maker)
        self._ledger.move(asset, fee, source=order.account_id, target=FEES)
        filled = order.filled_quantity_e9 + quantity
        execution = PaperExecution(
            number=len(self._store.executions) + 1,
            trade_number=trade_number,
            order_number=number,
            account_id=order.account_id,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=side,
            quantity_e9=quantity,
            price_e9=price,
            fee_e9=fee,
            fee_asset=asset,
            is_maker=is_maker,
            ts_ns=now,
            cumulative_e9=filled,
            cash_e9=cash,
            counter_number=counter,
        )
        self._store.add_execution(execution)
        state = order.state  # a late fill does not revive an order
        if order.is_open:
            state = OrderState.FILLED if filled >= order.quantity_e9 else OrderState.PARTIALLY_FILLED
        order = order.changed(
            state=state,
            filled_quantity_e9=filled,
            filled_value=order.filled_value + price * quantity,
            fee_e9=order.fee_e9 + fee,
            updated_ns=now,
        )
        self._store.put(order)
        self._hold_rest(order, filled_e9=quantity)
        if not order.is_open:
            listing.orders.pop(self._at_exchange.pop(number, 0), None)
        self._feed.emit(EventKind.TRADE, order.account_id, now, order, execution)

    def _fee(self, listing: Listing, order: PaperOrder, quantity: int, cash: int, *, is_maker: bool) -> tuple[int, str]:
        if self._fees.in_received_asset and order.side is Side.BUY:
            return self._fees.on(quantity, quantity, is_maker=is_maker), listing.asset
        fee = self._fees.on(cash, quantity, is_maker=is_maker)
        if self._fees.minimum_e9:
            # The running total of the order stays at the minimum until the parts exceed it.
            due = self._fee_before_minimum.get(order.number, 0) + fee
            self._fee_before_minimum[order.number] = due
            fee = max(due, self._fees.minimum_e9) - order.fee_e9
        return fee, listing.rules.currency

    def _hold_rest(self, order: PaperOrder, *, filled_e9: int = 0) -> None:
        old = self._reserves.get(order.number)
        if old is None:
            return
        leaves = order.leaves_quantity_e9
        closing = min(max(old.closing_e9 - filled_e9, 0), leaves)
        listing = self._listings[order.symbol]
        self.hold_back(order, self._funds.reserve_for(listing, order.side, leaves, closing, old.price_e9))

    # -- house and stops ------------------------------------------------------------------------------------------

    def refresh_house(self, listing: Listing) -> None:
        """Put the house's orders of the present quote into the book; they may meet resting orders.

        Parameters
        ----------
        listing : Listing
            Which book.
        """
        listing.withdraw_house()
        for side, ticks, lots in listing.house_orders():
            result = listing.exchange.submit_limit(side, ticks, lots, "gtc", owner=HOUSE_OWNER)
            if result.resting_quantity:
                listing.keep_house_order(result.order_id)
            self._book(listing, result.trades)
        self._read_notices(listing)

    def on_quote(self, listing: Listing) -> None:
        """Act on a new quote: refresh the house, then let prints and prices trigger stops.

        Parameters
        ----------
        listing : Listing
            With the quote set.
        """
        self.refresh_house(listing)
        quote = listing.quote
        if quote is not None and quote.last_e9 is not None:
            listing.last_price_e9 = quote.last_e9
            self._prints.append(quote.last_e9)
        elif quote is not None:
            for number in sorted(listing.stops):
                order = self._store.orders[number]
                if self._holds(listing, order, listing.best(order.side.opposite)):
                    self._trigger(listing, number)
        self._settle(listing)

    def _settle(self, listing: Listing) -> None:
        while self._prints:
            prints, self._prints = self._prints, []
            for price in prints if listing.stops else ():
                for number in sorted(listing.stops):
                    if number in listing.stops and self._holds(listing, self._store.orders[number], price):
                        self._trigger(listing, number)

    @staticmethod
    def _holds(listing: Listing, order: PaperOrder, price: int | None) -> bool:
        stop = order.order.stop_price_e9
        if price is None or stop is None or order.number not in listing.stops:
            return False
        return price >= stop if order.side is Side.BUY else price <= stop

    @staticmethod
    def _standing_price(listing: Listing, side: Side) -> int | None:
        return listing.best(side.opposite) if listing.last_price_e9 is None else listing.last_price_e9

    def _trigger(self, listing: Listing, number: int) -> None:
        listing.stops.pop(number)
        order = self._store.orders[number].changed(is_triggered=True, updated_ns=self._now_ns())
        self._store.put(order)
        self._feed.emit(EventKind.TRIGGERED, order.account_id, order.updated_ns, order)
        if order.order.order_type is OrderType.STOP:
            fault = self._afford(listing, order)
            if fault is not None:
                self.finish(number, OrderState.CANCELLED, EventKind.CANCELLED, code=fault[0].value, text=fault[1])
                return
        self._send(listing, number)

    def _afford(self, listing: Listing, order: PaperOrder) -> tuple[Refusal, str] | None:
        """Hold back what a triggered stop costs in the book as it is now."""
        self.hold_back(order, Reserve())
        leaves = order.leaves_quantity_e9
        found, price = self._funds.sweep_cost(listing, order.side, leaves)
        if not found:
            return Refusal.NO_LIQUIDITY, f"Nothing to trade {format_e9(leaves)} {order.symbol} with."
        closing = self._funds.closing_part(order.account_id, listing, order.side, leaves)
        reserve = self._funds.reserve_for(listing, order.side, leaves, closing, price)
        self.hold_back(order, reserve)
        power = self._funds.buying_power(order.account_id, listing.rules.currency)
        if reserve.cash_e9 and power < 0:
            return Refusal.INSUFFICIENT_FUNDS, f"{format_e9(-power)} {listing.rules.currency} are missing."
        return None
