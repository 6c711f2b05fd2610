"""What the paper market checks before an order enters: the rules of the instrument, then the money."""

from __future__ import annotations

from dataclasses import dataclass

from nanodesk.brokers.paper.ledger import Ledger
from nanodesk.brokers.paper.listing import LARGEST_LOTS, LARGEST_TICKS, Listing
from nanodesk.brokers.paper.values import Fees, Refusal
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import format_e9, notional_e9
from nanodesk.market.order import Order, OrderType
from nanodesk.market.trading_rules import TradingStatus

Fault = tuple[Refusal, str] | None
"""Why an order is refused, with a sentence; ``None`` when it is not."""


def check_rules(order: Order, listing: Listing, now_ns: int, expires_ns: int | None) -> Fault:
    """First rule of the instrument that an order breaks.

    Parameters
    ----------
    order : Order
        As submitted.
    listing : Listing
        Rules and book.
    now_ns : int
        The market's clock.
    expires_ns : int or None
        Last instant of a GTD order.

    Returns
    -------
    fault : (Refusal, str) or None
        The reason, or ``None``.
    """
    return (
        _check_session(order, listing, now_ns, expires_ns)
        or _check_words(order, listing)
        or _check_grid(order, listing)
        or _check_bounds(order, listing)
    )


def _check_session(order: Order, listing: Listing, now_ns: int, expires_ns: int | None) -> Fault:
    rules = listing.rules
    if rules.status is TradingStatus.HALTED:
        return Refusal.HALTED, f"{order.symbol} is halted."
    if rules.status is TradingStatus.CLOSED:
        return Refusal.CLOSED, f"{order.symbol} is closed."
    if rules.expires_ns is not None and rules.expires_ns <= now_ns:
        return Refusal.EXPIRED, f"{order.symbol} expired at {rules.expires_ns}."
    if (order.time_in_force is TimeInForce.GTD) != (expires_ns is not None):
        return Refusal.TIME_IN_FORCE, "An expiry belongs to a GTD order, and a GTD order needs one."
    if expires_ns is not None and expires_ns <= now_ns:
        return Refusal.EXPIRED, f"expires_ns={expires_ns} is not after {now_ns}."
    return None


def _check_words(order: Order, listing: Listing) -> Fault:
    rules = listing.rules
    if order.order_type not in rules.order_types:
        return Refusal.ORDER_TYPE, f"{order.symbol} does not take {order.order_type.value} orders."
    if order.time_in_force not in rules.times_in_force:
        return Refusal.TIME_IN_FORCE, f"{order.symbol} does not take {order.time_in_force.value} orders."
    if order.post_only and (order.order_type is not OrderType.LIMIT or not order.time_in_force.can_rest):
        return Refusal.POST_ONLY, "post_only belongs to a limit order that can rest."
    return None


def _check_grid(order: Order, listing: Listing) -> Fault:
    rules = listing.rules
    for name, price in (("limit_price", order.limit_price_e9), ("stop_price", order.stop_price_e9)):
        if price is None:
            continue
        if price % rules.tick_e9:
            return Refusal.TICK, f"{name}={format_e9(price)} is no multiple of tick {format_e9(rules.tick_e9)}."
        if not rules.min_price_e9 <= price <= rules.max_price_e9:
            return Refusal.PRICE_RANGE, f"{name}={format_e9(price)} is outside the price range of {order.symbol}."
        if price // rules.tick_e9 > LARGEST_TICKS:
            return Refusal.OUT_OF_RANGE, f"{name}={format_e9(price)} is beyond 2^62 ticks."
    if order.quantity_e9 % rules.lot_e9:
        return Refusal.LOT, f"quantity={format_e9(order.quantity_e9)} is no multiple of {format_e9(rules.lot_e9)}."
    if order.quantity_e9 // rules.lot_e9 > LARGEST_LOTS:
        return Refusal.OUT_OF_RANGE, f"quantity={format_e9(order.quantity_e9)} is beyond 2^60 lots."
    return None


def _check_bounds(order: Order, listing: Listing) -> Fault:
    rules, quantity = listing.rules, order.quantity_e9
    if not rules.min_quantity_e9 <= quantity <= rules.max_quantity_e9:
        return Refusal.QUANTITY_RANGE, (
            f"quantity={format_e9(quantity)} is outside {format_e9(rules.min_quantity_e9)} to"
            f" {format_e9(rules.max_quantity_e9)}."
        )
    price = order.limit_price_e9 or order.stop_price_e9 or listing.best(order.side.opposite) or listing.mark()
    if price is None:
        return None
    cash = notional_e9(price, quantity, rules.multiplier)
    if not rules.min_notional_e9 <= cash <= rules.max_notional_e9:
        return Refusal.NOTIONAL_RANGE, (
            f"notional={format_e9(cash)} is outside {format_e9(rules.min_notional_e9)} to"
            f" {format_e9(rules.max_notional_e9)}."
        )
    return None


@dataclass(frozen=True, slots=True)
class Reserve:
    """What an open order holds back.

    Parameters
    ----------
    closing_e9 : int, default 0
        How much of its quantity closes a position; the rest opens one and is paid for.
    price_e9 : int, default 0
        Price at which the opening part is reserved.
    cash_e9 : int, default 0
        Currency held back.
    """

    closing_e9: int = 0
    price_e9: int = 0
    cash_e9: int = 0


class Funds:
    """What an account can pay for.

    Parameters
    ----------
    ledger : Ledger
        Amounts and reservations.
    listings : dict of str to Listing
        By symbol; they give the marks.
    fees : Fees
        Commissions, held back with the price.
    """

    def __init__(self, ledger: Ledger, listings: dict[str, Listing], fees: Fees) -> None:
        self._ledger = ledger
        self._listings = listings
        self._fees = fees
        self.leverage: dict[str, int] = {}

    def equity(self, account_id: str, currency: str) -> int:
        """Cash and marked holdings of one currency.

        Parameters
        ----------
        account_id, currency : str
            Whose, and in which currency.

        Returns
        -------
        equity_e9 : int
            In billionths; a holding without any price counts at its cost.
        """
        return self._ledger.amount(account_id, currency) + sum(self._values(account_id, currency))

    def _values(self, account_id: str, currency: str) -> list[int]:
        values, seen = [], set()
        amounts = self._ledger.amounts_e9[account_id]
        for listing in self._listings.values():
            held = amounts.get(listing.asset, 0)
            if held and listing.rules.currency == currency and listing.asset not in seen:
                seen.add(listing.asset)
                values.append(self._value(account_id, listing, held))
        return values

    def _value(self, account_id: str, listing: Listing, held: int) -> int:
        mark = listing.mark()
        if mark is None:
            return self._ledger.costs_e9[account_id].get(listing.asset, 0)
        return notional_e9(mark, held, listing.rules.multiplier)

    def buying_power(self, account_id: str, currency: str) -> int:
        """What may still be bought: leverage times equity less gross exposure and what open orders hold back.

        Parameters
        ----------
        account_id, currency : str
            Whose, and in which currency.

        Returns
        -------
        buying_power_e9 : int
            In billionths; for an account without leverage and short positions, cash less reservations, exactly.
        """
        cash, leverage = self._ledger.amount(account_id, currency), self.leverage.get(account_id, 1)
        free = cash - self._ledger.reserved(account_id, currency)
        if leverage == 1 and not self._is_short(account_id):
            return free
        values = self._values(account_id, currency)
        return free + 2 * sum(value for value in values if value < 0) + (leverage - 1) * (cash + sum(values))

    def _is_short(self, account_id: str) -> bool:
        owed = [asset for asset, amount in self._ledger.amounts_e9[account_id].items() if amount < 0]
        return bool(owed) and any(listing.asset in owed for listing in self._listings.values())

    def closing_part(self, account_id: str, listing: Listing, side: Side, quantity_e9: int) -> int:
        """How much of an order closes a position that no other open order closes already.

        Parameters
        ----------
        account_id : str
            Whose order.
        listing : Listing
            Of what.
        side : Side
            Buy closes a short position, sell a long one.
        quantity_e9 : int
            Of the order, in billionths.

        Returns
        -------
        closing_e9 : int
            From 0 to ``quantity_e9``.
        """
        held = self._ledger.amount(account_id, listing.asset)
        if side is Side.SELL:
            free = held - self._ledger.reserved(account_id, listing.asset)
        else:
            free = -held - self._ledger.covering(account_id, listing.asset)
        return max(0, min(quantity_e9, free))

    def reserve_for(self, listing: Listing, side: Side, leaves_e9: int, closing_e9: int, price_e9: int) -> Reserve:
        """What the rest of an order has to hold back.

        Parameters
        ----------
        listing : Listing
            Of what.
        side : Side
            Of the order.
        leaves_e9, closing_e9 : int
            What may still fill, and how much of it closes.
        price_e9 : int
            Price to reserve at.

        Returns
        -------
        reserve : Reserve
            Zero when nothing is left.
        """
        if leaves_e9 <= 0:
            return Reserve()
        multiplier = listing.rules.multiplier
        whole = notional_e9(price_e9, leaves_e9, multiplier)
        opening = notional_e9(price_e9, leaves_e9 - closing_e9, multiplier)
        in_coins = self._fees.in_received_asset and side is Side.BUY
        fee = 0 if in_coins else self._fees.worst(whole, leaves_e9)
        if leaves_e9 == closing_e9:
            fee = max(0, fee - whole) if side is Side.SELL else 0
        return Reserve(closing_e9, price_e9, opening + fee)

    def sweep_cost(self, listing: Listing, side: Side, quantity_e9: int) -> tuple[int, int]:
        """What a market order would find in the book now.

        Parameters
        ----------
        listing : Listing
            The book.
        side : Side
            Of the order.
        quantity_e9 : int
            Of the order, in billionths.

        Returns
        -------
        quantity_e9, price_e9 : int
            How much would fill, and the mean price rounded up.
        """
        left, value = quantity_e9, 0
        for price, size in listing.depth(side.opposite, 1_000):
            taken = min(left, size)
            left, value = left - taken, value + taken * price
            if not left:
                break
        filled = quantity_e9 - left
        return filled, -(-value // filled) if filled else 0

    def check(self, account_id: str, listing: Listing, order: Order, leaves_e9: int, reserve: Reserve) -> Fault:
        """Whether an account can afford an order.

        Parameters
        ----------
        account_id : str
            Whose order.
        listing : Listing
            Of what.
        order : Order
            As submitted.
        leaves_e9 : int
            What of it may still fill.
        reserve : Reserve
            What it would hold back.

        Returns
        -------
        fault : (Refusal, str) or None
            The reason, or ``None``.
        """
        opening = leaves_e9 - reserve.closing_e9
        if order.side is Side.SELL and opening > 0 and not listing.rules.can_short:
            return Refusal.INSUFFICIENT_POSITION, (
                f"{format_e9(reserve.closing_e9)} of {listing.asset} are free to sell, the order asks for"
                f" {format_e9(leaves_e9)}."
            )
        currency = listing.rules.currency
        power = self.buying_power(account_id, currency) if reserve.cash_e9 > 0 else 0
        if reserve.cash_e9 > power:
            return Refusal.INSUFFICIENT_FUNDS, (
                f"The order needs {format_e9(reserve.cash_e9)} {currency}, {format_e9(power)} are free."
            )
        return None
