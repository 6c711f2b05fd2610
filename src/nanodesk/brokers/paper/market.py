"""The paper market: one matching engine and one exact ledger behind the paper broker and the loopback venues."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from nanodesk.brokers.base import Clock
from nanodesk.brokers.paper.checks import Funds
from nanodesk.brokers.paper.clock import VirtualClock as VirtualClock
from nanodesk.brokers.paper.clock import require_at_least
from nanodesk.brokers.paper.ledger import Ledger
from nanodesk.brokers.paper.listing import Level, Listing, require_symbol
from nanodesk.brokers.paper.matching import Matching
from nanodesk.brokers.paper.orders import EventFeed, OrderStore, Timeline
from nanodesk.brokers.paper.queries import MarketQueries
from nanodesk.brokers.paper.quotes import RecordedFeed
from nanodesk.brokers.paper.requests import OrderRequests
from nanodesk.brokers.paper.values import (
    FEES,
    HOUSE,
    Fees,
    Reject,
)
from nanodesk.errors import ValidationError
from nanodesk.market.account import Quote
from nanodesk.market.enums import Side
from nanodesk.market.trading_rules import TradingRules, TradingStatus


class PaperMarket(OrderRequests, MarketQueries):
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
    >>> from nanodesk.market.fixed_point import E9, format_e9, parse_e9
    >>> from nanodesk.market.order import Order
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
            require_at_least(name, number, least)
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
        require_at_least("leverage", leverage, 1)
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
