"""What the account could become: every holding priced, every open order filled in the worst way.

Any subset of the open orders may fill, in any order and in any part. A position then ends anywhere between all its
sales and all its purchases, and every measure here (gross, short, net, group) is largest at one of these two ends;
so the two ends are all that has to be looked at. Values round away from zero: the sum of the parts is never
understated, and one value that is exact in billionths stays exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, NamedTuple

from nanodesk.market.account import Holding, Quote
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Order
from nanodesk.market.trading_rules import TradingRules

BPS: Final = 10_000
NEVER: Final = 2**63 - 1
"""Later than any price."""


class OrderTerms(NamedTuple):
    """What is assumed of an order that has no price of its own, and of fees.

    Parameters
    ----------
    market_slippage_bps_e9 : int
        How much worse than the quote a market order may fill.
    fee_bps_e9, fee_per_order_e9 : int
        Commission on the notional and per order.
    """

    market_slippage_bps_e9: int
    fee_bps_e9: int
    fee_per_order_e9: int


class PriceSource(NamedTuple):
    """Where prices and rules come from.

    Parameters
    ----------
    currency : str
        The account's.
    quotes : mapping of str to Quote
        By symbol.
    rules : mapping of str to TradingRules
        By symbol.
    fx_rates_e9 : mapping of str to int
        Units of the account's currency for one unit of another.
    """

    currency: str
    quotes: Mapping[str, Quote]
    rules: Mapping[str, TradingRules]
    fx_rates_e9: Mapping[str, int]


def ceil_value(quantity_e9: int, price_e9: int, factor_e9: int = E9) -> int:
    """Value of a quantity, rounded away from zero.

    Parameters
    ----------
    quantity_e9, price_e9 : int
        Signed quantity and price, in billionths.
    factor_e9 : int, default one
        Multiplier times exchange rate, in billionths.

    Returns
    -------
    value_e9 : int
        Signed value in billionths.
    """
    product = quantity_e9 * price_e9 * factor_e9
    return -(-product // (E9 * E9)) if product > 0 else product // (E9 * E9)


def is_price(price: object) -> bool:
    """Whether something is a positive whole number of billionths.

    Parameters
    ----------
    price : object
        Anything.

    Returns
    -------
    answer : bool
        False for what is missing, a float, zero or negative.
    """
    return type(price) is int and price > 0


def mark_of(quote: Quote | None) -> int | None:
    """The price that a holding counts at.

    Parameters
    ----------
    quote : Quote or None
        What is known.

    Returns
    -------
    mark_e9 : int or None
        The middle of bid and ask, else the last price, else the one side there is, else ``None``.
    """
    if quote is None or type(quote.ts_ns) is not int:
        return None
    bid, ask, last = quote.bid_e9, quote.ask_e9, quote.last_e9
    if is_price(bid) and is_price(ask):
        return quote.mid_e9
    return next((price for price in (last, bid, ask) if is_price(price)), None)


def worst_buy_price(order: Order, quote: Quote | None, slippage_bps_e9: int) -> int | None:
    """The most that a purchase may cost per unit.

    Parameters
    ----------
    order : Order
        A buy.
    quote : Quote or None
        Its market.
    slippage_bps_e9 : int
        Assumed of an order without a limit.

    Returns
    -------
    price_e9 : int or None
        The limit, else the worse of ask and stop with slippage; ``None`` without any price.
    """
    if order.limit_price_e9 is not None:
        return order.limit_price_e9
    reference = quote.ask_e9 if quote is not None and is_price(quote.ask_e9) else mark_of(quote)
    prices = [price for price in (reference, order.stop_price_e9) if price is not None]
    return -(-max(prices) * (BPS * E9 + slippage_bps_e9) // (BPS * E9)) if prices else None


def worst_sell_price(order: Order, quote: Quote | None, slippage_bps_e9: int) -> int | None:
    """The least that a sale may bring per unit.

    Parameters
    ----------
    order : Order
        A sell.
    quote : Quote or None
        Its market.
    slippage_bps_e9 : int
        Assumed of an order without a limit.

    Returns
    -------
    price_e9 : int or None
        The limit, else the worse of bid and stop with slippage, at least 0; ``None`` without any price.
    """
    if order.limit_price_e9 is not None:
        return order.limit_price_e9
    reference = quote.bid_e9 if quote is not None and is_price(quote.bid_e9) else mark_of(quote)
    prices = [price for price in (reference, order.stop_price_e9) if price is not None]
    return min(prices) * max(BPS * E9 - slippage_bps_e9, 0) // (BPS * E9) if prices else None


@dataclass(slots=True)
class Line:
    """One symbol of the account: its position, what is open on it, and the two ends that follow.

    Parameters
    ----------
    symbol, currency : str
        The instrument and what pays for it.
    position_e9 : int
        Signed quantity held.
    mark_e9 : int or None
        Its price; ``None`` where there is none, or no rules, or no exchange rate.
    price_ns : int
        When the price was true.
    multiplier_e9, factor_e9 : int
        Cash per point; and the same in the account's currency.
    groups : tuple of (str, str)
        ``("sector", name)`` and the like.
    buys_e9, sells_e9 : int
        Quantities that may still fill.
    buy_price_e9, sell_price_e9 : int
        Highest price at which a fill may open a long or a short.
    cash_e9 : int
        What the purchases may cost with fees, in the instrument's currency.
    fees_e9, adverse_e9 : int
        Fees, and loss against the mark when everything fills at its worst price, in the account's currency.
    notional_e9 : int
        Sum of the orders' values, in the account's currency.
    sell_fees_e9 : int
        Fees of the sales, in the instrument's currency; paid out of their proceeds unless they open a short.
    orders : int
        How many are open.
    long_e9, short_e9, gross_e9 : int
        Largest value of a long position, of a short one, of either.
    lowest_e9, highest_e9 : int
        Signed value when all sales, or all purchases, fill.
    """

    symbol: str
    currency: str
    position_e9: int
    mark_e9: int | None
    price_ns: int
    multiplier_e9: int
    factor_e9: int
    groups: tuple[tuple[str, str], ...]
    buys_e9: int = 0
    sells_e9: int = 0
    buy_price_e9: int = 0
    sell_price_e9: int = 0
    cash_e9: int = 0
    fees_e9: int = 0
    adverse_e9: int = 0
    notional_e9: int = 0
    sell_fees_e9: int = 0
    orders: int = 0
    long_e9: int = 0
    short_e9: int = 0
    gross_e9: int = 0
    lowest_e9: int = 0
    highest_e9: int = 0

    @property
    def low_e9(self) -> int:
        """Position when every sale fills and no purchase."""
        return self.position_e9 - self.sells_e9

    @property
    def high_e9(self) -> int:
        """Position when every purchase fills and no sale."""
        return self.position_e9 + self.buys_e9

    @property
    def opening_short_e9(self) -> int:
        """Quantity that may be sold beyond what is held now."""
        return max(-self.low_e9, 0) - max(-self.position_e9, 0)

    @property
    def cash_needed_e9(self) -> int:
        """Purchases with fees, and the value of shorts that may open, in the instrument's currency."""
        opened = self.opening_short_e9
        if not opened:
            return self.cash_e9
        return self.cash_e9 + self.sell_fees_e9 + ceil_value(opened, self.sell_price_e9, self.multiplier_e9)

    def settle(self) -> Line:
        """Work out the two ends after the sums have changed.

        Returns
        -------
        line : Line
            Itself.
        """
        mark, position, factor = self.mark_e9, self.position_e9, self.factor_e9
        if mark is None:
            return self
        low, high = position - self.sells_e9, position + self.buys_e9
        held = min(max(position, 0), max(high, 0))
        self.long_e9 = ceil_value(held, mark, factor)
        if high > held:
            self.long_e9 += ceil_value(high - held, max(mark, self.buy_price_e9), factor)
        held = min(max(-position, 0), max(-low, 0))
        self.short_e9 = ceil_value(held, mark, factor)
        if -low > held:
            self.short_e9 += ceil_value(-low - held, max(mark, self.sell_price_e9), factor)
        self.gross_e9 = max(self.long_e9, self.short_e9)
        self.highest_e9 = self.long_e9 if high >= 0 else ceil_value(high, mark, factor)
        self.lowest_e9 = -self.short_e9 if low <= 0 else ceil_value(low, mark, factor)
        return self

    def add(self, order: Order, leaves_e9: int, quote: Quote | None, terms: OrderTerms) -> None:
        """Count one more open order; :meth:`settle` must follow.

        Parameters
        ----------
        order : Order
            The order.
        leaves_e9 : int
            How much of it may still fill.
        quote : Quote or None
            Its market.
        terms : OrderTerms
            What is assumed where the order has no price.
        """
        self.orders += 1
        if order.side is Side.BUY:
            self._add_buy(order, leaves_e9, quote, terms)
        else:
            self._add_sell(order, leaves_e9, quote, terms)

    def _add_buy(self, order: Order, leaves_e9: int, quote: Quote | None, terms: OrderTerms) -> None:
        price = worst_buy_price(order, quote, terms.market_slippage_bps_e9)
        self.buys_e9 += leaves_e9
        if price is None:
            self.mark_e9 = None
            return
        self.buy_price_e9 = max(self.buy_price_e9, price, order.stop_price_e9 or 0)
        value = ceil_value(leaves_e9, price, self.multiplier_e9)
        self.cash_e9 += value + self._add_fee(value, terms)
        if self.mark_e9 is not None and price > self.mark_e9:
            self.adverse_e9 += ceil_value(leaves_e9, price - self.mark_e9, self.factor_e9)

    def _add_sell(self, order: Order, leaves_e9: int, quote: Quote | None, terms: OrderTerms) -> None:
        price = worst_sell_price(order, quote, terms.market_slippage_bps_e9)
        self.sells_e9 += leaves_e9
        if price is None:
            self.mark_e9 = None
            return
        best = max(price, self.mark_e9 or 0, order.stop_price_e9 or 0)
        self.sell_price_e9 = max(self.sell_price_e9, best)
        self.sell_fees_e9 += self._add_fee(ceil_value(leaves_e9, best, self.multiplier_e9), terms)
        if self.mark_e9 is not None and price < self.mark_e9:
            self.adverse_e9 += ceil_value(leaves_e9, self.mark_e9 - price, self.factor_e9)

    def _add_fee(self, value_e9: int, terms: OrderTerms) -> int:
        fee = -(-value_e9 * terms.fee_bps_e9 // (BPS * E9)) + terms.fee_per_order_e9
        rate_e9 = self.factor_e9 * E9 // self.multiplier_e9
        self.fees_e9 += ceil_value(fee, rate_e9)
        self.notional_e9 += ceil_value(value_e9, rate_e9)
        return fee


def new_line(symbol: str, position_e9: int, source: PriceSource) -> Line:
    """A symbol without open orders; call :meth:`Line.settle` before reading its values.

    Parameters
    ----------
    symbol : str
        The instrument.
    position_e9 : int
        Signed quantity held.
    source : PriceSource
        Prices, rules and exchange rates.

    Returns
    -------
    line : Line
        With no mark where price, rules or exchange rate are missing.
    """
    rules, quote = source.rules.get(symbol), source.quotes.get(symbol)
    if rules is None or not is_price(rules.multiplier):
        return Line(symbol, "", position_e9, None, 0, E9, E9, ())
    rate = E9 if rules.currency == source.currency else source.fx_rates_e9.get(rules.currency)
    if rate is None or not is_price(rate):
        rate = 0
    mark = mark_of(quote) if rate else None
    groups = (("sector", rules.sector), ("asset_class", rules.asset_class), ("venue", rules.venue))
    multiplier_e9 = rules.multiplier * E9
    return Line(
        symbol,
        rules.currency,
        position_e9,
        mark,
        quote.ts_ns if quote is not None and mark is not None else 0,
        multiplier_e9,
        rules.multiplier * rate,
        groups,
    )


class Exposures:
    """Every symbol that is held or open, and the sums over all of them.

    Parameters
    ----------
    source : PriceSource
        Prices, rules and exchange rates.
    terms : OrderTerms
        What is assumed where an order has no price.
    """

    __slots__ = (
        "adverse_e9",
        "cash_needed_e9",
        "gross_e9",
        "groups",
        "highest_e9",
        "lines",
        "lowest_e9",
        "newest_ns",
        "notional_e9",
        "oldest_ns",
        "orders",
        "short_e9",
        "source",
        "terms",
        "unpriced",
    )

    def __init__(self, source: PriceSource, terms: OrderTerms) -> None:
        self.source = source
        self.terms = terms
        self.lines: dict[str, Line] = {}
        self.unpriced: frozenset[str] = frozenset()
        self.groups: dict[tuple[str, str], int] = {}
        self.cash_needed_e9: dict[str, int] = {}
        self.gross_e9 = self.short_e9 = self.lowest_e9 = self.highest_e9 = 0
        self.adverse_e9 = self.notional_e9 = self.orders = 0
        self.oldest_ns, self.newest_ns = NEVER, 0

    @property
    def net_e9(self) -> int:
        """Largest absolute net value that any fills can lead to."""
        return max(abs(self.lowest_e9), abs(self.highest_e9))

    def line(self, symbol: str) -> Line:
        """One symbol; empty where nothing is held or open.

        Parameters
        ----------
        symbol : str
            The instrument.

        Returns
        -------
        line : Line
            As counted in the sums.
        """
        found = self.lines.get(symbol)
        return new_line(symbol, 0, self.source).settle() if found is None else found

    def with_orders(self, orders: Iterable[tuple[Order, int]]) -> Exposures:
        """The same account with more open orders.

        Parameters
        ----------
        orders : iterable of (Order, int)
            Each with the quantity that may still fill.

        Returns
        -------
        exposures : Exposures
            This one stays as it is.
        """
        by_symbol: dict[str, list[tuple[Order, int]]] = {}
        for order, leaves in orders:
            by_symbol.setdefault(order.symbol, []).append((order, leaves))
        if not by_symbol:
            return self
        after = self._copy()
        for symbol, added in by_symbol.items():
            after._open(symbol, added)
        return after

    def _copy(self) -> Exposures:
        twin = Exposures.__new__(Exposures)
        for name in Exposures.__slots__:
            setattr(twin, name, getattr(self, name))
        twin.lines, twin.groups = self.lines.copy(), self.groups.copy()
        twin.cash_needed_e9 = self.cash_needed_e9.copy()
        return twin

    def _open(self, symbol: str, added: list[tuple[Order, int]]) -> None:
        before = self.lines.get(symbol)
        if before is None:
            line = new_line(symbol, 0, self.source)
        else:
            self._count(before, -1)
            line = _twin(before)
        quote = self.source.quotes.get(symbol)
        for order, leaves in added:
            line.add(order, leaves, quote, self.terms)
        self.hold(line.settle())

    def hold(self, line: Line) -> None:
        """Count a symbol that is not counted yet.

        Parameters
        ----------
        line : Line
            Settled.
        """
        self._list(line)
        self._count(line, 1)

    def _list(self, line: Line) -> None:
        self.lines[line.symbol] = line
        if line.mark_e9 is None:
            self.unpriced |= {line.symbol}
            return
        if line.price_ns < self.oldest_ns:
            self.oldest_ns = line.price_ns
        if line.price_ns > self.newest_ns:
            self.newest_ns = line.price_ns

    def _count(self, line: Line, sign: int) -> None:
        self.gross_e9 += sign * line.gross_e9
        self.short_e9 += sign * line.short_e9
        self.lowest_e9 += sign * line.lowest_e9
        self.highest_e9 += sign * line.highest_e9
        self.adverse_e9 += sign * (line.adverse_e9 + line.fees_e9)
        self.notional_e9 += sign * line.notional_e9
        self.orders += sign * line.orders
        for group in line.groups:
            self.groups[group] = self.groups.get(group, 0) + sign * line.gross_e9
        if line.orders:
            needed = self.cash_needed_e9
            needed[line.currency] = needed.get(line.currency, 0) + sign * line.cash_needed_e9


def _twin(line: Line) -> Line:
    return Line(*_PARTS(line))


_PARTS: Final = attrgetter(*Line.__slots__)
"""In a fraction of the time of one ``getattr`` each."""


def value_holdings(holdings: Iterable[Holding], source: PriceSource, terms: OrderTerms) -> Exposures:
    """The account as it stands, without open orders.

    Parameters
    ----------
    holdings : iterable of Holding
        Every position; two of one symbol add up.
    source : PriceSource
        Prices, rules and exchange rates.
    terms : OrderTerms
        What is assumed where an order has no price.

    Returns
    -------
    exposures : Exposures
        Sums over every symbol; those without a price are named in ``unpriced``.
    """
    exposures = Exposures(source, terms)
    for symbol, position in _positions(holdings).items():
        exposures.hold(new_line(symbol, position, source).settle())
    return exposures


def revalue_holdings(before: Exposures, holdings: Iterable[Holding], source: PriceSource) -> Exposures:
    """The account as it stands a moment later: only what has another position, quote or rules is worked out again.

    Parameters
    ----------
    before : Exposures
        Of :func:`value_holdings`, in the same currency and with the same exchange rates.
    holdings : iterable of Holding
        Every position; two of one symbol add up.
    source : PriceSource
        Prices, rules and exchange rates as they are now.

    Returns
    -------
    exposures : Exposures
        The same as of :func:`value_holdings`; ``before`` stays as it is.
    """
    positions, then, lines = _positions(holdings), before.source, before.lines
    after = before._copy()
    after.source, after.lines, after.unpriced = source, {}, frozenset()
    after.oldest_ns, after.newest_ns = NEVER, 0
    for symbol, position in positions.items():
        line = lines.get(symbol)
        is_known = (
            line is not None
            and line.position_e9 == position
            and source.quotes.get(symbol) is then.quotes.get(symbol)
            and source.rules.get(symbol) is then.rules.get(symbol)
        )
        if line is not None and is_known:
            after._list(line)
            continue
        if line is not None:
            after._count(line, -1)
        after.hold(new_line(symbol, position, source).settle())
    for symbol, line in lines.items():
        if symbol not in positions:
            after._count(line, -1)
    return after


def _positions(holdings: Iterable[Holding]) -> dict[str, int]:
    positions: dict[str, int] = {}
    for holding in holdings:
        positions[holding.symbol] = positions.get(holding.symbol, 0) + holding.quantity_e9
    return {symbol: position for symbol, position in positions.items() if position}
