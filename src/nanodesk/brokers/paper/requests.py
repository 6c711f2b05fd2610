"""What clients ask of a paper market: submit, cancel, change, replace; and the end of a session."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from nanodesk.brokers.paper.checks import Fault, Funds, Reserve, check_rules
from nanodesk.brokers.paper.listing import Listing
from nanodesk.brokers.paper.matching import Matching
from nanodesk.brokers.paper.orders import EventFeed, OrderStore, Timeline
from nanodesk.brokers.paper.values import Answer, EventKind, IdRule, PaperOrder, Refusal, Reject
from nanodesk.errors import ValidationError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import format_e9
from nanodesk.market.order import Order, OrderState


class OrderRequests(ABC):
    """The part of :class:`~nanodesk.brokers.paper.market.PaperMarket` that takes requests.

    Attributes
    ----------
    counts : Counter
        Requests by name since the start.
    listings : dict of str to Listing
        By symbol.
    store : OrderStore
        Orders and executions.
    timeline : Timeline
        What is to happen later.
    feed : EventFeed
        Who is told.
    funds : Funds
        What accounts can pay for.
    matching : Matching
        Changes orders and the ledger.
    """

    counts: Counter[str]
    listings: dict[str, Listing]
    store: OrderStore
    timeline: Timeline
    feed: EventFeed
    funds: Funds
    matching: Matching
    _rejects: list[Reject]
    _latency_ns: int

    @abstractmethod
    def now_ns(self) -> int:
        """The market's clock, nanoseconds since 1970."""

    @abstractmethod
    def advance(self) -> None:
        """Let everything happen that is due by now."""

    @property
    @abstractmethod
    def account_ids(self) -> tuple[str, ...]:
        """Names of the clients' accounts."""

    @abstractmethod
    def _delay(self, base_ns: int) -> int: ...

    def submit(
        self,
        account_id: str,
        order: Order,
        *,
        client_order_id: str | None = None,
        id_rule: IdRule = IdRule.EVER,
        expires_ns: int | None = None,
        is_manual: bool = False,
        tag: str = "",
    ) -> PaperOrder:
        """Take one order.

        Parameters
        ----------
        account_id : str
            Whose.
        order : Order
            What.
        client_order_id : str, optional
            Stands in for the order's own id, for venues whose ids are longer, or may be empty.
        id_rule : IdRule, default EVER
            Which ids are refused as duplicates: once used ever, used by an open order, or none.
        expires_ns : int, optional
            Last instant of a GTD order; required by it, refused by others.
        is_manual : bool, default False
            Whether a human placed it at the venue; then it has no client id.
        tag : str, default ""
            Free text kept with the order.

        Returns
        -------
        order : PaperOrder
            As it stands when the call returns: resting, filled, partly filled, cancelled (an IOC remainder, a
            FOK), ``REJECTED`` with ``code`` and ``text``, or ``PENDING_NEW`` when there is latency. A refused
            order is kept too, under a number of its own.
        """
        self.advance()
        self.counts["submit"] += 1
        client_id = "" if is_manual else order.client_order_id if client_order_id is None else client_order_id
        now = self.now_ns()
        paper = PaperOrder(
            self.store.next_number(),
            account_id,
            client_id,
            order,
            OrderState.PENDING_NEW,
            created_ns=now,
            updated_ns=now,
            expires_ns=expires_ns,
            is_manual=is_manual,
            tag=tag,
        )
        fault = self._identity_fault(paper, id_rule)
        self.store.add(paper)
        if fault is not None:
            return self._reject(paper, fault[0].value, fault[1])
        delay = self._delay(self._latency_ns)
        if not delay:
            self._arrive(paper.number)
        else:
            self.feed.emit(EventKind.PENDING, account_id, now, paper)
            self.timeline.add(now + delay, lambda: self._arrive(paper.number))
        return self.store.orders[paper.number]

    def _identity_fault(self, paper: PaperOrder, id_rule: IdRule) -> Fault:
        if paper.account_id not in self.account_ids:
            return Refusal.UNKNOWN_ACCOUNT, f"There is no account {paper.account_id!r}."
        if paper.symbol not in self.listings:
            return Refusal.UNKNOWN_SYMBOL, f"{paper.symbol!r} is not listed."
        if self.store.is_taken(paper.account_id, paper.client_order_id, id_rule):
            return Refusal.DUPLICATE_ID, f"client_order_id={paper.client_order_id!r} must be unique."
        return None

    def _reject(self, paper: PaperOrder, code: str, text: str) -> PaperOrder:
        paper = paper.changed(state=OrderState.REJECTED, code=code, text=text, updated_ns=self.now_ns())
        self.store.put(paper)
        self.counts["rejected"] += 1
        self.feed.emit(EventKind.REJECTED, paper.account_id, paper.updated_ns, paper, code=code, text=text)
        return paper

    def _arrive(self, number: int) -> None:
        paper = self.store.orders[number]
        if not paper.is_open:
            return  # cancelled on its way
        scripted = self._scripted_reject(paper.order)
        if scripted is not None:
            self._reject(paper, scripted.code, scripted.text)
            return
        reserve, fault = self._admit(paper)
        if fault is not None:
            self._reject(paper, fault[0].value, fault[1])
            return
        self._accept(paper, reserve)

    def _scripted_reject(self, order: Order) -> Reject | None:
        for index, reject in enumerate(self._rejects):
            if reject.fits(order):
                if reject.skip:
                    self._rejects[index] = replace(reject, skip=reject.skip - 1)
                    continue
                if reject.count > 1:
                    self._rejects[index] = replace(reject, count=reject.count - 1)
                else:
                    del self._rejects[index]
                return reject
        return None

    def add_reject(self, reject: Reject) -> None:
        """Write a refusal in advance.

        Parameters
        ----------
        reject : Reject
            Which of the coming orders, and why.
        """
        self._rejects.append(reject)

    def check(self, account_id: str, order: Order, *, expires_ns: int | None = None) -> tuple[str, str] | None:
        """Why an order would be refused now, without sending it (for ``order/test`` and what-if).

        Parameters
        ----------
        account_id : str
            Whose.
        order : Order
            What.
        expires_ns : int, optional
            Last instant of a GTD order.

        Returns
        -------
        fault : (str, str) or None
            Code (a value of :class:`Refusal`) and sentence; ``None`` when it would be accepted.
        """
        self.advance()
        paper = PaperOrder(0, account_id, "", order, OrderState.PENDING_NEW, expires_ns=expires_ns)
        fault = self._identity_fault(paper, IdRule.FREE) or self._admit(paper)[1]
        return None if fault is None else (fault[0].value, fault[1])

    def _admit(self, paper: PaperOrder) -> tuple[Reserve, Fault]:
        """What an order would hold back, or why it is refused."""
        order, listing = paper.order, self.listings[paper.symbol]
        fault = check_rules(order, listing, self.now_ns(), paper.expires_ns)
        if fault is not None:
            return Reserve(), fault
        best = listing.best(order.side.opposite)
        if order.post_only and best is not None and _crosses(order, best):
            return Reserve(), (Refusal.POST_ONLY, f"It would take liquidity at {format_e9(best)}.")
        return self._admit_funds(paper.account_id, order, listing, paper.leaves_quantity_e9)

    def _admit_funds(self, account_id: str, order: Order, listing: Listing, leaves: int) -> tuple[Reserve, Fault]:
        closing = self.funds.closing_part(account_id, listing, order.side, leaves)
        if order.reduce_only and closing < leaves:
            text = f"{format_e9(closing)} {order.symbol} can be reduced, the order asks for {format_e9(leaves)}."
            return Reserve(), (Refusal.REDUCE_ONLY, text)
        price = order.limit_price_e9 or order.stop_price_e9
        if price is None:
            found, price = self.funds.sweep_cost(listing, order.side, leaves)
            if not found:
                return Reserve(), (Refusal.NO_LIQUIDITY, f"There is nothing to trade {order.symbol} with.")
            if order.side is Side.BUY and closing == 0:
                # What the book does not hold will not trade, so it need not be paid for.
                reserve = self.funds.reserve_for(listing, order.side, found, 0, price)
                return reserve, self.funds.check(account_id, listing, order, leaves, reserve)
        elif order.side is Side.SELL and leaves > closing:
            price = max(price, listing.best(Side.BUY) or 0)
        reserve = self.funds.reserve_for(listing, order.side, leaves, closing, price)
        return reserve, self.funds.check(account_id, listing, order, leaves, reserve)

    def _accept(self, paper: PaperOrder, reserve: Reserve) -> None:
        paper = paper.changed(state=OrderState.NEW, updated_ns=self.now_ns())
        self.store.put(paper)
        self.matching.hold_back(paper, reserve)
        self.feed.emit(EventKind.NEW, paper.account_id, paper.updated_ns, paper)
        if paper.expires_ns is not None:
            self.timeline.add(paper.expires_ns, lambda: self._expire(paper.number))
        self.matching.enter(paper.number)

    def _expire(self, number: int) -> None:
        if self.store.orders[number].is_open:
            self.matching.finish(number, OrderState.EXPIRED, EventKind.EXPIRED, code="time_in_force")

    def resume(self, number: int) -> None:
        """Let an open order of an earlier process go on in this one.

        Parameters
        ----------
        number : int
            An open order of the store that no book holds yet.
        """
        paper = self.store.orders[number]
        if paper.state is OrderState.PENDING_NEW:
            self._arrive(number)
            return
        if paper.expires_ns is not None:
            self.timeline.add(paper.expires_ns, lambda: self._expire(number))
        listing = self.listings[paper.symbol]
        leaves = paper.leaves_quantity_e9
        self.matching.resume(number, self.funds.closing_part(paper.account_id, listing, paper.side, leaves))

    def cancel(self, account_id: str, number: int) -> Answer:
        """Cancel an open order.

        Parameters
        ----------
        account_id : str
            Whose; another account's order is unknown to it.
        number : int
            The order.

        Returns
        -------
        answer : Answer
            Refused as ``unknown_order`` or ``order_closed``. With latency the order is still open in it.
        """
        self.advance()
        self.counts["cancel"] += 1
        order = self._own(account_id, number)
        if order is None or not order.is_open:
            return self._refuse(order)
        delay = self._delay(self._latency_ns)
        if delay:
            self.timeline.add(self.now_ns() + delay, lambda: self._cancel_now(number))
            return Answer(order)
        return self._cancel_now(number)

    def _own(self, account_id: str, number: int) -> PaperOrder | None:
        order = self.store.orders.get(number)
        return order if order is not None and order.account_id == account_id else None

    def _refuse(self, order: PaperOrder | None) -> Answer:
        if order is None:
            return Answer(None, Refusal.UNKNOWN_ORDER.value, "There is no such order.")
        return Answer(order, Refusal.ORDER_CLOSED.value, f"Order {order.number} is {order.state.value}.")

    def _cancel_now(self, number: int) -> Answer:
        order = self.store.orders[number]
        if order.is_open:
            return Answer(self.matching.finish(number, OrderState.CANCELLED, EventKind.CANCELLED))
        answer = self._refuse(order)
        self.feed.emit(
            EventKind.CANCEL_REJECTED, order.account_id, self.now_ns(), order, code=answer.code, text=answer.text
        )
        return answer

    def cancel_all(self, account_id: str, symbol: str | None = None) -> tuple[Answer, ...]:
        """Cancel every open order of an account.

        Parameters
        ----------
        account_id : str
            Whose.
        symbol : str, optional
            Only of this instrument.

        Returns
        -------
        answers : tuple of Answer
            One for each, oldest first.
        """
        found = [
            number
            for number in sorted(self.store.open)
            if self.store.orders[number].account_id == account_id and symbol in (None, self.store.orders[number].symbol)
        ]
        return tuple(self.cancel(account_id, number) for number in found)

    def change(
        self,
        account_id: str,
        number: int,
        *,
        quantity_e9: int | None = None,
        limit_price_e9: int | None = None,
        stop_price_e9: int | None = None,
    ) -> Answer:
        """Change an open order in place, under its number; a smaller quantity alone keeps its place in the queue.

        Parameters
        ----------
        account_id : str
            Whose.
        number : int
            The order.
        quantity_e9 : int, optional
            New whole quantity, fills included; above what is filled.
        limit_price_e9, stop_price_e9 : int, optional
            New prices, where the order has them.

        Returns
        -------
        answer : Answer
            Refused for the reasons of :meth:`submit` and :meth:`cancel`, or ``nothing_to_change``; the order
            then lives on as it was.
        """
        self.advance()
        self.counts["change"] += 1
        order = self._own(account_id, number)
        if order is None or not order.is_open:
            return self._refuse(order)
        terms = order.order
        try:
            new = replace(
                terms,
                quantity_e9=terms.quantity_e9 if quantity_e9 is None else quantity_e9,
                limit_price_e9=terms.limit_price_e9 if limit_price_e9 is None else limit_price_e9,
                stop_price_e9=terms.stop_price_e9 if stop_price_e9 is None else stop_price_e9,
            )
        except ValidationError as error:
            return Answer(order, Refusal.ORDER_TYPE.value, str(error))
        delay = self._delay(self._latency_ns)
        if delay:
            self.timeline.add(self.now_ns() + delay, lambda: self._change_now(number, new))
            return Answer(order)
        return self._change_now(number, new)

    def _change_now(self, number: int, new: Order) -> Answer:
        order = self.store.orders[number]
        answer = self._refuse(order) if not order.is_open else self._change_fault(order, new)
        if answer is not None:
            self.feed.emit(
                EventKind.REPLACE_REJECTED, order.account_id, self.now_ns(), order, code=answer.code, text=answer.text
            )
            return answer
        after = order.changed(order=new, updated_ns=self.now_ns())
        self.store.put(after)
        self.feed.emit(EventKind.CHANGED, after.account_id, after.updated_ns, after)
        self.matching.change_in_book(order, after)
        return Answer(self.store.orders[number])

    def _change_fault(self, order: PaperOrder, new: Order) -> Answer | None:
        if new == order.order:
            return Answer(order, Refusal.NOTHING_TO_CHANGE.value, "Quantity and prices are the same.")
        if new.quantity_e9 <= order.filled_quantity_e9:
            text = f"{format_e9(order.filled_quantity_e9)} are filled already."
            return Answer(order, Refusal.QUANTITY_RANGE.value, text)
        old_reserve = self.matching.reserve_of(order.number)
        self.matching.hold_back(order, Reserve())
        reserve, fault = self._admit(order.changed(order=new))
        self.matching.hold_back(order, old_reserve if fault is not None else reserve)
        return None if fault is None else Answer(order, fault[0].value, fault[1])

    def replace(
        self,
        account_id: str,
        number: int,
        order: Order,
        *,
        client_order_id: str | None = None,
        id_rule: IdRule = IdRule.EVER,
        expires_ns: int | None = None,
        tag: str = "",
    ) -> Answer:
        """Put a new order, with a number of its own, in the place of an open one: both happen or neither.

        The new order's quantity is its own: fills of the old one are not counted in it.

        Parameters
        ----------
        account_id : str
            Whose.
        number : int
            The open order.
        order : Order
            The new one; same symbol and side.
        client_order_id : str, optional
            Stands in for its id.
        id_rule : IdRule, default EVER
            As in :meth:`submit`.
        expires_ns : int, optional
            Last instant of a GTD order.
        tag : str, default ""
            Free text kept with the new order.

        Returns
        -------
        answer : Answer
            With the new order, ``replaces`` set; the old one is ``REPLACED``. When refused, the old order
            lives on and is in the answer.
        """
        self.advance()
        self.counts["replace"] += 1
        old = self._own(account_id, number)
        if old is None or not old.is_open:
            return self._refuse(old)
        paper = PaperOrder(
            0,
            account_id,
            order.client_order_id if client_order_id is None else client_order_id,
            order,
            OrderState.PENDING_NEW,
            created_ns=self.now_ns(),
            expires_ns=expires_ns,
            replaces=number,
            tag=tag,
        )
        fault = self._identity_fault(paper, id_rule)
        if fault is None and (order.symbol, order.side) != (old.symbol, old.side):
            fault = Refusal.ORDER_TYPE, "A replacement keeps symbol and side."
        if fault is not None:
            return Answer(old, fault[0].value, fault[1])
        delay = self._delay(self._latency_ns)
        if delay:
            self.timeline.add(self.now_ns() + delay, lambda: self._replace_now(paper))
            return Answer(old)
        return self._replace_now(paper)

    def _replace_now(self, paper: PaperOrder) -> Answer:
        old = self.store.orders[paper.replaces]
        answer = self._refuse(old) if not old.is_open else None
        if answer is None:
            kept = self.matching.reserve_of(old.number)
            self.matching.hold_back(old, Reserve())
            reserve, fault = self._admit(paper)
            if fault is not None:
                self.matching.hold_back(old, kept)
                answer = Answer(old, fault[0].value, fault[1])
        if answer is not None:
            self.feed.emit(
                EventKind.REPLACE_REJECTED, old.account_id, self.now_ns(), old, code=answer.code, text=answer.text
            )
            return answer
        new = paper.changed(number=self.store.next_number(), updated_ns=self.now_ns())
        self.matching.finish(old.number, OrderState.REPLACED, EventKind.REPLACED, replaced_by=new.number)
        self.store.add(new)
        self._accept(new, reserve)
        return Answer(self.store.orders[new.number])

    def close_session(self, symbols: Iterable[str] | None = None) -> tuple[PaperOrder, ...]:
        """End the day: open DAY orders expire.

        Parameters
        ----------
        symbols : iterable of str, optional
            Only these.

        Returns
        -------
        orders : tuple of PaperOrder
            Those that expired, oldest first.
        """
        self.advance()
        wanted = set(self.listings if symbols is None else symbols)
        day = [
            order.number
            for order in [self.store.orders[number] for number in sorted(self.store.open)]
            if order.order.time_in_force is TimeInForce.DAY and order.symbol in wanted
        ]
        return tuple(
            self.matching.finish(number, OrderState.EXPIRED, EventKind.EXPIRED, code="session_closed") for number in day
        )


def _crosses(order: Order, best_e9: int) -> bool:
    limit = order.limit_price_e9 or 0
    return limit >= best_e9 if order.side is Side.BUY else limit <= best_e9
