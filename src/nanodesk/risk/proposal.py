"""The orders under check, seen against the account: what the checks of exposure and state share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property

from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Order
from nanodesk.risk.context import RiskContext
from nanodesk.risk.exposure import Exposures, OrderTerms, ceil_value, worst_buy_price, worst_sell_price
from nanodesk.risk.limits import RiskConfig
from nanodesk.risk.order_flow import OrderKey, order_key


class Proposal:
    """Orders that may be sent together, with everything a check may read; nothing in it changes.

    Parameters
    ----------
    orders : sequence of Order
        In the order of sending.
    context : RiskContext
        The account and the desk.
    config : RiskConfig
        The limits.
    target_weights : mapping of str to float, optional
        The weights that the batch trades toward.
    is_at_send : bool, default False
        Whether the order may already stand among the open ones, its intent being logged.
    """

    def __init__(
        self,
        orders: Sequence[Order],
        context: RiskContext,
        config: RiskConfig,
        *,
        target_weights: Mapping[str, float] | None = None,
        is_at_send: bool = False,
    ) -> None:
        self.orders = tuple(orders)
        self.context = context
        self.config = config
        self.target_weights = target_weights
        self.is_at_send = is_at_send
        self.terms = OrderTerms(config.market_slippage_bps_e9, config.fee_bps_e9, config.fee_per_order_e9)
        self._notionals: dict[int, int] = {}

    @cached_property
    def before(self) -> Exposures:
        """The account with what is open already; at sending the order itself may be, and is left out."""
        own = frozenset(order.client_order_id for order in self.orders) if self.is_at_send else frozenset()
        if own & self.context.working_ids:
            return self.context.exposures_without(self.terms, own)
        return self.context.exposures(self.terms)

    @cached_property
    def after(self) -> Exposures:
        """The account with these orders open too."""
        return self.before.with_orders((order, order.quantity_e9) for order in self.orders)

    @cached_property
    def equity_floor_e9(self) -> int:
        """Equity less all fees and all losses against the mark when every open order fills at its worst."""
        return self.context.account.equity_e9 - self.after.adverse_e9

    @cached_property
    def valuation_fault(self) -> str:
        """Why the account cannot be valued: a holding or an open order without a price, or with an old one."""
        after, config, now = self.after, self.config, self.context.now_ns
        if after.unpriced:
            return f"no price, rules or exchange rate of {', '.join(map(repr, sorted(after.unpriced)[:5]))}"
        if after.lines and not now - after.oldest_ns <= config.max_holding_price_age_ns:
            old = [line.symbol for line in after.lines.values() if line.price_ns == after.oldest_ns]
            return f"the price of {old[0]!r} is {(now - after.oldest_ns) / E9:.1f} s old"
        if after.lines and not after.newest_ns - now <= config.max_clock_skew_ns:
            return "a price comes from the future"
        return ""

    def of_equity(self, value_e9: int) -> int:
        """A value as a fraction of the worst equity, rounded up.

        Parameters
        ----------
        value_e9 : int
            In the account's currency.

        Returns
        -------
        fraction_e9 : int
            In billionths; beyond every limit when there is no equity left.
        """
        floor = self.equity_floor_e9
        return -(-value_e9 * E9 // floor) if floor > 0 else NO_EQUITY_E9

    def notional_e9(self, order: Order) -> int:
        """Largest value of an order, in the account's currency.

        Parameters
        ----------
        order : Order
            One of these.

        Returns
        -------
        value_e9 : int
            At its limit, or at the market with slippage.

        Raises
        ------
        LookupError
            If there is no price, no rules or no exchange rate.
        """
        known = self._notionals.get(id(order))
        if known is None:
            known = self._notionals[id(order)] = self._value(order)
        return known

    def _value(self, order: Order) -> int:
        line = self.after.line(order.symbol)
        if line.mark_e9 is None:
            raise LookupError(f"no price, rules or exchange rate of {order.symbol!r}")
        quote, slippage = self.context.quotes.get(order.symbol), self.terms.market_slippage_bps_e9
        worst = worst_buy_price if order.side is Side.BUY else worst_sell_price
        price = max(worst(order, quote, slippage) or 0, order.stop_price_e9 or 0)
        return ceil_value(
            order.quantity_e9, price if order.side is Side.BUY else max(price, line.mark_e9), line.factor_e9
        )

    @cached_property
    def notionals_e9(self) -> tuple[int, ...]:
        """Largest value of each order, in the account's currency."""
        return tuple(map(self.notional_e9, self.orders))

    def is_reducing(self, order: Order) -> bool:
        """Whether an order, with all others of its symbol filled, still only shrinks the position.

        Parameters
        ----------
        order : Order
            One of these.

        Returns
        -------
        answer : bool
            False where nothing is held, or where it could flip the sign.
        """
        line = self.after.line(order.symbol)
        if line.position_e9 > 0:
            return order.side is Side.SELL and line.low_e9 >= 0
        return line.position_e9 < 0 and order.side is Side.BUY and line.high_e9 <= 0

    @cached_property
    def all_reduce(self) -> bool:
        """Whether every order only shrinks its position."""
        return bool(self.orders) and all(map(self.is_reducing, self.orders))

    @cached_property
    def is_flattening(self) -> bool:
        """Whether a human pulled the kill switch to flatten, and this is that: reduce-only orders that reduce."""
        switch = self.context.kill_switch
        allowed = switch is not None and switch.is_pulled is True and switch.may_flatten is True
        return allowed and all(order.reduce_only is True for order in self.orders) and self.all_reduce

    @cached_property
    def key_counts(self) -> Counter[OrderKey]:
        """How often each look occurs among the orders."""
        return Counter(map(order_key, self.orders))

    @cached_property
    def id_counts(self) -> Counter[str]:
        """How often each client id occurs among the orders."""
        return Counter(order.client_order_id for order in self.orders)

    @cached_property
    def symbol_counts(self) -> Counter[str]:
        """How many of the orders each symbol has."""
        return Counter(order.symbol for order in self.orders)


NO_EQUITY_E9 = 10**36
"""Fraction of an equity that is zero or negative."""
