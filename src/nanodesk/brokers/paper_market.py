"""The paper market: one matching engine and one exact ledger behind the paper broker and the loopback venues."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from nanodesk.brokers.base import Clock
from nanodesk.brokers.paper_checks import Fault, Funds, Reserve, check_rules
from nanodesk.brokers.paper_ledger import Ledger
from nanodesk.brokers.paper_listing import Level, Listing, require_symbol
from nanodesk.brokers.paper_matching import Matching
from nanodesk.brokers.paper_orders import EventFeed, Listener, OrderStore, Timeline
from nanodesk.brokers.paper_quotes import RecordedFeed
from nanodesk.brokers.paper_values import (
    FEES,
    HOUSE,
    Answer,
    EventKind,
    Fees,
    IdRule,
    PaperExecution,
    PaperOrder,
    Refusal,
    Reject,
)
from nanodesk.errors import ValidationError
from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import format_e9
from nanodesk.market.order import Order, OrderState
from nanodesk.market.trading_rules import TradingRules, TradingStatus


class PaperMarket:
    """Many instruments, many accounts, one ledger.

    Every instrument is a :class:`~nanodesk.book.exchange.Exchange`; the house stands behind its quote with the
    displayed sizes, and accounts trade with the house and with each other. The same calls give the same bytes.
    Single-threaded: one caller at a time.

    Parameters
    ----------
    instruments : iterable of TradingRules
        What is listed.
    quotes : iterable of Quote, optional
        First quotes. A size of 0 is unknown and means as much as anyone wants.
    cash_e9 : mapping of str to int
        First cash (or coins) of the first account by currency or asset, in billionths; the first key is the
        currency that :meth:`account` reports in.
    account_id : str, default "PAPER"
        Name of the first account.
    holdings_e9 : mapping of str to int, optional
        First holdings of the first account by symbol, in billionths.
    leverage : int, default 1
        Gross exposure that the first account may reach, in multiples of its equity.
    fees : Fees, optional
        Commissions; none by default.
    now_ns : callable, optional
        Clock; the system's by default. Give :class:`VirtualClock` for runs that repeat.
    seed : int, default 0
        Of the latency jitter.
    latency_ns, report_latency_ns : int, default 0
        From a request to its effect, and from an event to the listeners. Latencies pass as the clock does: see
        :meth:`advance`.
    latency_jitter_ns : int, default 0
        Greatest addition to each latency, drawn from the seed.
    replenish : bool, default False
        Whether the displayed size comes back after every print, so that a marketable order fills whole in
        prints of that size. Without it the size is used up until the next quote.
    prints_per_level : int, default 1
        In how many orders the house splits each level: a sweep of a level makes that many fills.
    rejects : iterable of Reject, optional
        Refusals written in advance.
    self_trade : str, default "off"
        What happens when orders of one account meet: ``off``, ``cancel_newest``, ``cancel_oldest``,
        ``cancel_both`` or ``decrement``.

    Raises
    ------
    ValidationError
        If two instruments share a symbol, a share is named like a currency, or an argument is out of range.

    Examples
    --------
    >>> from nanodesk.market.fixed_point import E9, parse_e9
    >>> clock = VirtualClock()
    >>> market = PaperMarket(
    ...     [TradingRules("AAPL")],
    ...     quotes=[Quote("AAPL", parse_e9("184.99"), parse_e9("185.01"), None, 0)],
    ...     cash_e9={"USD": 100_000 * E9},
    ...     now_ns=clock,
    ... )
    >>> order = market.submit("PAPER", Order("a-1", "AAPL", Side.BUY, 100 * E9))
    >>> order.state, format_e9(order.average_price_e9), format_e9(market.account("PAPER").cash_e9)
    (<OrderState.FILLED: 'filled'>, '185.01', '81499')
    """

    def __init__(
        self,
        instruments: Iterable[TradingRules],
        *,
        quotes: Iterable[Quote] = (),
        cash_e9: Mapping[str, int],
        account_id: str = "PAPER",
        holdings_e9: Mapping[str, int] | None = None,
        leverage: int = 1,
        fees: Fees | None = None,
        now_ns: Clock = time.time_ns,
        seed: int = 0,
        latency_ns: int = 0,
        report_latency_ns: int = 0,
        latency_jitter_ns: int = 0,
        replenish: bool = False,
        prints_per_level: int = 1,
        rejects: Iterable[Reject] = (),
        self_trade: str = "off",
    ) -> None:
        for name, number, least in (
            ("latency_ns", latency_ns, 0),
            ("report_latency_ns", report_latency_ns, 0),
            ("latency_jitter_ns", latency_jitter_ns, 0),
            ("prints_per_level", prints_per_level, 1),
        ):
            _require_at_least(name, number, least)
        self.fees = fees or Fees()
        self.counts: Counter[str] = Counter()
        self._clock = now_ns
        self._event_ns: int | None = None
        self._quotes: RecordedFeed | None = None
        self._rng = random.Random(seed)  # noqa: S311  (latency, not secrets)
        self._latency_ns, self._report_latency_ns, self._jitter_ns = latency_ns, report_latency_ns, latency_jitter_ns
        self._prints_per_level, self._self_trade = prints_per_level, self_trade
        self._rejects = list(rejects)
        self._currencies: dict[str, str] = {}
        self.listings: dict[str, Listing] = {}
        self.ledger = Ledger()
        self.store = OrderStore()
        self.timeline = Timeline()
        self.feed = EventFeed(self.timeline, self._report_delay)
        self.funds = Funds(self.ledger, self.listings, self.fees)
        self.matching = Matching(
            self.ledger, self.store, self.feed, self.listings, self.fees, self.funds, self.now_ns, replenish=replenish
        )
        for name in (HOUSE, FEES):
            self.ledger.open(name)
        for rules in instruments:
            self.add_instrument(rules)
        self.add_account(account_id, cash_e9, holdings_e9=holdings_e9, leverage=leverage)
        for quote in quotes:
            self.set_quote(quote)

    # -- time -----------------------------------------------------------------------------------------------------

    def now_ns(self) -> int:
        """The market's clock: while a delayed action runs, the instant it was due.

        Returns
        -------
        now_ns : int
            Nanoseconds since 1970.
        """
        return self._clock() if self._event_ns is None else self._event_ns

    def advance(self) -> None:
        """Let everything happen that is due by now: recorded quotes, delayed requests and reports, expiries.

        Every other call does it first; call it yourself when you only wait.
        """
        if self._event_ns is not None:
            return
        now = self._clock()
        try:
            while (due := self.next_due_ns()) is not None and due <= now:
                self._event_ns = due
                if self._quotes is not None and self._quotes.next_ns == due:
                    for quote in self._quotes.until(due):
                        self.set_quote(quote)
                elif (entry := self.timeline.take_due(due)) is not None:
                    entry[1]()
        finally:
            self._event_ns = None

    def play(self, feed: RecordedFeed) -> None:
        """Take quotes from a recording from now on, each at its own time.

        Parameters
        ----------
        feed : RecordedFeed
            Quotes of listed symbols.
        """
        self._quotes = feed

    def next_due_ns(self) -> int | None:
        """When :meth:`advance` will next have something to do.

        Returns
        -------
        due_ns : int or None
            Nanoseconds since 1970; ``None`` when nothing is planned.
        """
        planned = (self.timeline.next_due_ns(), self._quotes.next_ns if self._quotes is not None else None)
        return min((due for due in planned if due is not None), default=None)

    def _delay(self, base_ns: int) -> int:
        return base_ns + (self._rng.randrange(self._jitter_ns + 1) if base_ns and self._jitter_ns else 0)

    def _report_delay(self) -> int:
        return self._delay(self._report_latency_ns)

    # -- accounts and instruments ---------------------------------------------------------------------------------

    @property
    def account_ids(self) -> tuple[str, ...]:
        """Names of the clients' accounts, in the order of their opening."""
        return tuple(self._currencies)

    @property
    def symbols(self) -> tuple[str, ...]:
        """What is listed, in the order of listing."""
        return tuple(self.listings)

    def add_account(
        self,
        account_id: str,
        cash_e9: Mapping[str, int],
        *,
        holdings_e9: Mapping[str, int] | None = None,
        leverage: int = 1,
    ) -> None:
        """Open an account.

        Parameters
        ----------
        account_id : str
            Its name.
        cash_e9 : mapping of str to int
            Currencies and coins it starts with, in billionths; the first is its reporting currency.
        holdings_e9 : mapping of str to int, optional
            Positions it starts with, by symbol; negative is short.
        leverage : int, default 1
            Gross exposure it may reach, in multiples of its equity.

        Raises
        ------
        ValidationError
            If the account exists, ``cash_e9`` is empty or negative, a symbol is not listed, or ``leverage`` is
            below 1.
        """
        if not cash_e9 or not account_id or any(amount < 0 for amount in cash_e9.values()):
            raise ValidationError(
                f"cash_e9={dict(cash_e9)!r} of account {account_id!r} must name a currency, 0 or more.",
                field="cash_e9",
                value=cash_e9,
                allowed="at least one currency, 0 or more",
            )
        _require_at_least("leverage", leverage, 1)
        assets = {self.listing(symbol).asset: held for symbol, held in (holdings_e9 or {}).items()}
        self.ledger.open(account_id)
        self._currencies[account_id] = next(iter(cash_e9))
        self.funds.leverage[account_id] = leverage
        for asset, amount in (*cash_e9.items(), *assets.items()):
            self.ledger.deposit(account_id, asset, amount)

    def add_instrument(self, rules: TradingRules) -> None:
        """List an instrument.

        Parameters
        ----------
        rules : TradingRules
            Grid, bounds and status.

        Raises
        ------
        ValidationError
            If the symbol is listed, or a share is named like a currency.
        """
        if rules.symbol in self.listings:
            raise ValidationError(f"symbol={rules.symbol!r} is listed twice.", field="symbol", value=rules.symbol)
        currencies = {listing.rules.currency for listing in self.listings.values()} | {rules.currency}
        if not rules.base and rules.symbol in currencies:
            raise ValidationError(
                f"symbol={rules.symbol!r} is a currency here.",
                field="symbol",
                value=rules.symbol,
                allowed="a name that is no currency",
                fix="Give base= for a pair of coins.",
            )
        self.listings[rules.symbol] = Listing(
            rules, prints_per_level=self._prints_per_level, self_trade=self._self_trade
        )

    def listing(self, symbol: str) -> Listing:
        """The listing of a symbol: rules, exchange, quote.

        Parameters
        ----------
        symbol : str
            Name at the market.

        Returns
        -------
        listing : Listing
            To read; change it only through the market.

        Raises
        ------
        ValidationError
            If it is not listed.
        """
        return require_symbol(self.listings, symbol)

    def rules(self, symbol: str) -> TradingRules:
        """Rules of one instrument.

        Parameters
        ----------
        symbol : str
            Name at the market.

        Returns
        -------
        rules : TradingRules
            As they are now.
        """
        return self.listing(symbol).rules

    def delist(self, symbol: str) -> None:
        """Take an instrument off the list.

        Parameters
        ----------
        symbol : str
            Without open orders.

        Raises
        ------
        ValidationError
            If it is not listed or has open orders.
        """
        listing = self.listing(symbol)
        if listing.orders or listing.stops:
            raise ValidationError(f"symbol={symbol!r} has open orders.", field="symbol", value=symbol)
        del self.listings[symbol]

    def set_status(self, symbol: str, status: TradingStatus) -> None:
        """Halt an instrument, close it, or let it trade again; open orders stay.

        Parameters
        ----------
        symbol : str
            Name at the market.
        status : TradingStatus
            From now on.
        """
        listing = self.listing(symbol)
        listing.rules = replace(listing.rules, status=status)
        if status is TradingStatus.TRADING:
            self.matching.refresh_house(listing)
        else:
            listing.withdraw_house()

    # -- quotes ---------------------------------------------------------------------------------------------------

    def set_quote(self, quote: Quote, *, bids: Sequence[Level] = (), asks: Sequence[Level] = ()) -> None:
        """Change what the house offers; resting orders that it reaches fill at their own price.

        A crossed or locked quote is shown, but nobody can trade on it. A last price counts as a print and may
        trigger stops; without one the bid and the ask trigger them.

        Parameters
        ----------
        quote : Quote
            Prices and displayed sizes; size 0 is unlimited, a missing price takes that side away.
        bids, asks : sequence of (int, int), optional
            Further levels, price and quantity in billionths, from best to worst.

        Raises
        ------
        ValidationError
            If the symbol is not listed, or a price or size is off its grid.
        """
        self.advance()
        listing = self.listing(quote.symbol)
        listing.check_quote(quote, (bids, asks))
        listing.quote, listing.levels = quote, (tuple(bids), tuple(asks))
        self.counts["quotes"] += 1
        if listing.rules.status is TradingStatus.TRADING:
            self.matching.on_quote(listing)

    def quote(self, symbol: str) -> Quote:
        """Best bid and ask of house and accounts together, now.

        Parameters
        ----------
        symbol : str
            Name at the market.

        Returns
        -------
        quote : Quote
            With the time of the house's quote; size 0 where it is unlimited.
        """
        self.advance()
        return self.listing(symbol).current_quote(self.now_ns())

    def depth(self, symbol: str, side: Side, levels: int = 10) -> tuple[Level, ...]:
        """Levels of one side, best first.

        Parameters
        ----------
        symbol : str
            Name at the market.
        side : Side
            Buy for the bids.
        levels : int, default 10
            How many at most.

        Returns
        -------
        levels : tuple of (int, int)
            Price and quantity in billionths.
        """
        self.advance()
        return self.listing(symbol).depth(side, levels)

    def quantity_for(self, symbol: str, side: Side, cash_e9: int) -> int:
        """How much an amount of cash would trade in the book now, on the lot grid.

        Parameters
        ----------
        symbol : str
            Name at the market.
        side : Side
            Of the order.
        cash_e9 : int
            To spend or to receive, in billionths.

        Returns
        -------
        quantity_e9 : int
            0 when the cash buys no lot.
        """
        listing, left, lots = self.listing(symbol), cash_e9 * 10**9, 0
        rules = listing.rules
        for price, quantity in listing.depth(side.opposite, 1_000):
            of_level = min(quantity // rules.lot_e9, left // (price * rules.lot_e9 * rules.multiplier))
            lots += of_level
            left -= of_level * price * rules.lot_e9 * rules.multiplier
            if of_level * rules.lot_e9 < quantity:
                break
        return lots * rules.lot_e9

    # -- orders ---------------------------------------------------------------------------------------------------

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
        if paper.account_id not in self._currencies:
            return Refusal.UNKNOWN_ACCOUNT, f"There is no account {paper.account_id!r}."
        if paper.symbol not in self.listings:
            return Refusal.UNKNOWN_SYMBOL, f"{paper.symbol!r} is not listed."
        if self.store.is_taken(paper.account_id, paper.client_order_id, id_rule):
            return Refusal.DUPLICATE_ID, f"client_order_id={paper.client_order_id!r} must be unique."
        return None

    def _reject(self, paper: PaperOrder, code: str, text: str) -> PaperOrder:
        paper = replace(paper, state=OrderState.REJECTED, code=code, text=text, updated_ns=self.now_ns())
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
        paper = replace(paper, state=OrderState.NEW, updated_ns=self.now_ns())
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
        found = [order.number for order in self.orders(account_id, symbol=symbol, open_only=True)]
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
        after = replace(order, order=new, updated_ns=self.now_ns())
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
        reserve, fault = self._admit(replace(order, order=new))
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
        new = replace(paper, number=self.store.next_number(), updated_ns=self.now_ns())
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
            for order in self.orders(open_only=True)
            if order.order.time_in_force is TimeInForce.DAY and order.symbol in wanted
        ]
        return tuple(
            self.matching.finish(number, OrderState.EXPIRED, EventKind.EXPIRED, code="session_closed") for number in day
        )

    # -- queries --------------------------------------------------------------------------------------------------

    def order(self, number: int) -> PaperOrder | None:
        """One order by number.

        Parameters
        ----------
        number : int
            The market's id.

        Returns
        -------
        order : PaperOrder or None
            ``None`` when there is none.
        """
        self.advance()
        return self.store.orders.get(number)

    def find(self, account_id: str, client_order_id: str, *, open_only: bool = False) -> PaperOrder | None:
        """One order by client id: the open one, else the newest accepted, else the newest.

        Parameters
        ----------
        account_id, client_order_id : str
            Whose, and the client's id.
        open_only : bool, default False
            Whether finished orders do not count.

        Returns
        -------
        order : PaperOrder or None
            ``None`` when there is none.
        """
        self.advance()
        return self.store.find(account_id, client_order_id, open_only=open_only)

    def orders(
        self, account_id: str | None = None, *, symbol: str | None = None, open_only: bool = False
    ) -> tuple[PaperOrder, ...]:
        """Orders ever taken, by number.

        Parameters
        ----------
        account_id, symbol : str, optional
            Only these.
        open_only : bool, default False
            Only what may still trade.

        Returns
        -------
        orders : tuple of PaperOrder
            Oldest first.
        """
        self.advance()
        if open_only:
            found: Iterable[PaperOrder] = (self.store.orders[number] for number in sorted(self.store.open))
            found = (order for order in found if account_id in (None, order.account_id))
        else:
            found = self.store.of_account(account_id)
        return tuple(order for order in found if symbol in (None, order.symbol))

    def executions(
        self,
        account_id: str | None = None,
        *,
        order_number: int | None = None,
        symbol: str | None = None,
        since_ns: int = 0,
    ) -> tuple[PaperExecution, ...]:
        """Executions ever made, by number, as they stand after busts and corrections.

        Parameters
        ----------
        account_id, symbol : str, optional
            Only these.
        order_number : int, optional
            Only of this order.
        since_ns : int, default 0
            Only from this instant on.

        Returns
        -------
        executions : tuple of PaperExecution
            Oldest first.
        """
        self.advance()
        found = self.store.executions_of(account_id, order_number)
        return tuple(one for one in found if symbol in (None, one.symbol) and one.ts_ns >= since_ns)

    def account(self, account_id: str) -> Account:
        """Money of one account, in its reporting currency.

        Parameters
        ----------
        account_id : str
            Which.

        Returns
        -------
        account : Account
            With all its currencies, coins and shares in ``balances_e9``.
        """
        self.advance()
        currency = self._require_account(account_id)
        return Account(
            account_id,
            currency,
            self.funds.equity(account_id, currency),
            self.ledger.amount(account_id, currency),
            self.funds.buying_power(account_id, currency),
            is_live=False,
            ts_ns=self.now_ns(),
            balances_e9=dict(self.ledger.holdings(account_id)),
        )

    def _require_account(self, account_id: str) -> str:
        try:
            return self._currencies[account_id]
        except KeyError:
            raise ValidationError(
                f"account_id={account_id!r} is not open.",
                field="account_id",
                value=account_id,
                allowed=", ".join(self._currencies),
            ) from None

    def currency(self, account_id: str) -> str:
        """Reporting currency of an account.

        Parameters
        ----------
        account_id : str
            Which.

        Returns
        -------
        currency : str
            As ``USD``.
        """
        return self._require_account(account_id)

    def positions(self, account_id: str) -> tuple[Holding, ...]:
        """Holdings of listed instruments that are not zero, sorted by symbol.

        Parameters
        ----------
        account_id : str
            Which.

        Returns
        -------
        holdings : tuple of Holding
            A coin that several symbols trade appears once, under the first that pays in the reporting currency.
        """
        self.advance()
        currency = self._require_account(account_id)
        listings = sorted(self.listings.values(), key=lambda one: (one.rules.currency != currency, one.rules.symbol))
        seen: set[str] = set()
        found = []
        for listing in listings:
            held = self.ledger.amount(account_id, listing.asset)
            if held and listing.asset not in seen:
                seen.add(listing.asset)
                average = self.ledger.average_price(account_id, listing.asset, listing.rules.multiplier)
                found.append(Holding(listing.rules.symbol, held, average))
        return tuple(sorted(found, key=lambda one: one.symbol))

    def balances(self, account_id: str) -> dict[str, tuple[int, int]]:
        """Free and reserved amount of every asset of an account that is not zero, sorted by asset.

        Parameters
        ----------
        account_id : str
            Which.

        Returns
        -------
        balances_e9 : dict of str to (int, int)
            Free and locked, in billionths; together what is held.
        """
        self.advance()
        self._require_account(account_id)
        held = self.ledger.holdings(account_id)
        locked = {asset: self.ledger.reserved(account_id, asset) for asset in held}
        return {asset: (amount - locked[asset], locked[asset]) for asset, amount in held.items()}

    def listen(self, account_id: str, listener: Listener) -> Callable[[], None]:
        """Call a function with each event of an account from now on, in order.

        Parameters
        ----------
        account_id : str
            Whose events.
        listener : callable
            Takes one :class:`MarketEvent`; must not call the market back.

        Returns
        -------
        stop : callable
            Ends it.
        """
        self._require_account(account_id)
        return self.feed.listen(account_id, listener)


class VirtualClock:
    """A clock that stands until it is moved.

    Parameters
    ----------
    now_ns : int, default 0
        Where it starts, nanoseconds since 1970.

    Examples
    --------
    >>> clock = VirtualClock(5)
    >>> clock.advance(10)
    >>> clock()
    15
    """

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns

    def __call__(self) -> int:
        """The present instant, nanoseconds since 1970."""
        return self._now_ns

    def advance(self, ns: int) -> None:
        """Move it forward.

        Parameters
        ----------
        ns : int
            Nanoseconds, 0 or more.

        Raises
        ------
        ValidationError
            If ``ns`` is negative.
        """
        _require_at_least("ns", ns, 0)
        self._now_ns += ns

    def sleep(self, seconds: float) -> None:
        """Move it forward in place of waiting.

        Parameters
        ----------
        seconds : float
            0 or more.
        """
        self.advance(round(seconds * 1_000_000_000))


def _require_at_least(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValidationError(
            f"{name}={value!r} must be an integer of at least {least}.", field=name, value=value, allowed=f">= {least}"
        )


def _crosses(order: Order, best_e9: int) -> bool:
    limit = order.limit_price_e9 or 0
    return limit >= best_e9 if order.side is Side.BUY else limit <= best_e9
