"""Everything that the pre-trade checks read, frozen at one instant."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.order import Order, WorkingOrder
from nanodesk.market.trading_rules import TradingRules
from nanodesk.risk.exposure import Exposures, OrderTerms, PriceSource, revalue_holdings, value_holdings
from nanodesk.risk.kill_switch import KillSwitchState
from nanodesk.risk.order_flow import FlowSnapshot
from nanodesk.risk.trading_state import TradingState

_KEPT: Final = {
    "_held": frozenset({"account", "holdings", "quotes", "rules", "fx_rates_e9"}),
    "_exposures": frozenset({"account", "holdings", "quotes", "rules", "fx_rates_e9", "working"}),
    "working_by_symbol": frozenset({"working"}),
    "working_ids": frozenset({"working"}),
}
"""What is worked out once, and the fields it follows from."""


@dataclass(frozen=True, kw_only=True)
class RiskContext:
    """The account, its market and the state of the desk at one instant.

    What is ``None`` was not told; a check that needs it fails. What follows from it (every holding priced, open
    orders by symbol) is computed once and kept by :meth:`advance` while its sources stay the same.

    Parameters
    ----------
    now_ns : int
        Our clock, nanoseconds since 1970.
    account : Account
        Money, as the broker reports it.
    holdings : tuple of Holding
        Every position that is not zero.
    holdings_ts_ns : int
        When they were read.
    quotes : mapping of str to Quote
        Prices of every symbol that is held, open or ordered.
    rules : mapping of str to TradingRules
        Rules of the same symbols.
    venue : str, default ""
        The broker or venue that takes the orders.
    working : tuple of WorkingOrder, default ()
        Orders that may still trade, unknown ones included.
    holdings_sequence, newest_sequence : int, default 0
        Last event that the holdings include, and the last that is known.
    clock_offset_ns : int, optional
        The venue's clock less ours.
    is_session_open : bool, optional
        Whether the venue trades now.
    day_start_equity_e9, high_water_e9 : int, optional
        Equity when the day began, and the highest ever, in the account's currency.
    flow : FlowSnapshot, optional
        What was sent and filled lately.
    kill_switch : KillSwitchState, optional
        As read from its file.
    trading_state : TradingState, optional
        As the loss monitor and the operator left it.
    is_reconciled, is_stream_live : bool, optional
        Whether the last reconciliation was clean, and whether the broker's events arrive.
    halted_symbols, halted_venues : frozenset of str
        Trading halts beyond what the rules tell.
    blocked_symbols : mapping of str to str
        Symbols with an order whose outcome is unknown, and why.
    plan_prices_e9 : mapping of str to int
        Prices of the run's last plan, by symbol; empty when there was none.
    earlier_prices_e9 : mapping of str to int
        Prices of earlier orders of the day, by symbol.
    average_daily_volume_e9 : mapping of str to int
        Units traded a day, by symbol.
    located_e9 : mapping of str to int
        Units that may be borrowed, by symbol.
    fx_rates_e9 : mapping of str to int
        Units of the account's currency for one unit of another, by currency.
    run_id : str, default ""
        The run or window that the orders belong to.
    completed_runs : frozenset of str
        Runs that were done before.
    is_confirmed : bool, default False
        Whether a human has confirmed these orders.
    is_working_reserved : bool, default False
        Whether the broker has already taken open orders off the buying power that it reports.
    """

    now_ns: int
    account: Account
    holdings: tuple[Holding, ...]
    holdings_ts_ns: int
    quotes: Mapping[str, Quote]
    rules: Mapping[str, TradingRules]
    venue: str = ""
    working: tuple[WorkingOrder, ...] = ()
    holdings_sequence: int = 0
    newest_sequence: int = 0
    clock_offset_ns: int | None = None
    is_session_open: bool | None = None
    day_start_equity_e9: int | None = None
    high_water_e9: int | None = None
    flow: FlowSnapshot | None = None
    kill_switch: KillSwitchState | None = None
    trading_state: TradingState | None = None
    is_reconciled: bool | None = None
    is_stream_live: bool | None = None
    halted_symbols: frozenset[str] = frozenset()
    halted_venues: frozenset[str] = frozenset()
    blocked_symbols: Mapping[str, str] = field(default_factory=dict)
    plan_prices_e9: Mapping[str, int] = field(default_factory=dict)
    earlier_prices_e9: Mapping[str, int] = field(default_factory=dict)
    average_daily_volume_e9: Mapping[str, int] = field(default_factory=dict)
    located_e9: Mapping[str, int] = field(default_factory=dict)
    fx_rates_e9: Mapping[str, int] = field(default_factory=dict)
    run_id: str = ""
    completed_runs: frozenset[str] = frozenset()
    is_confirmed: bool = False
    is_working_reserved: bool = False

    def advance(self, **changes: Any) -> RiskContext:
        """The same context a little later, without valuing again what has not changed.

        Parameters
        ----------
        **changes : object
            New values by field name.

        Returns
        -------
        context : RiskContext
            A new frozen context.
        """
        if not changes.keys() <= _FIELDS:
            raise TypeError(f"RiskContext has no field {min(changes.keys() - _FIELDS)!r}")
        # Made for every order that is sent; dataclasses.replace reads and writes each of thirty fields on its own.
        later = RiskContext.__new__(RiskContext)
        later.__dict__.update(self.__dict__, **changes)
        changed = set(changes)
        if later.account.currency == self.account.currency:
            changed.discard("account")  # of the account only the currency counts
        for name, sources in _KEPT.items():
            if sources & changed:
                dropped = later.__dict__.pop(name, None)
                if name == "_held" and dropped:
                    later.__dict__["_held_before"] = dropped
        return later

    def after_sending(self, order: Order) -> RiskContext:
        """The context in which an order more is open; only its symbol is valued again.

        Parameters
        ----------
        order : Order
            What was sent.

        Returns
        -------
        context : RiskContext
            A new frozen context.
        """
        later = dataclasses.replace(self, working=(*self.working, WorkingOrder(order, order.quantity_e9)))
        known: dict[OrderTerms, Exposures] = self.__dict__.get("_exposures", {})
        added = ((order, order.quantity_e9),)
        if "_held" in self.__dict__:
            later.__dict__["_held"] = self.__dict__["_held"]
        later.__dict__["_exposures"] = {terms: known[terms].with_orders(added) for terms in known}
        return later

    def exposures(self, terms: OrderTerms) -> Exposures:
        """Every holding priced and every open order at its worst; worked out once.

        Parameters
        ----------
        terms : OrderTerms
            What is assumed of orders without a price, and of fees.

        Returns
        -------
        exposures : Exposures
            Values in the account's currency.
        """
        known: dict[OrderTerms, Exposures] = self.__dict__.setdefault("_exposures", {})
        if terms not in known:
            known[terms] = self.exposures_without(terms, frozenset())
        return known[terms]

    def exposures_without(self, terms: OrderTerms, client_order_ids: frozenset[str]) -> Exposures:
        """The same without some of the open orders; the holdings are valued once.

        Parameters
        ----------
        terms : OrderTerms
            What is assumed of orders without a price, and of fees.
        client_order_ids : frozenset of str
            The open orders to leave out.

        Returns
        -------
        exposures : Exposures
            Values in the account's currency.
        """
        return self._holdings_valued(terms).with_orders(
            (item.order, item.leaves_quantity_e9)
            for item in self.working
            if item.order.client_order_id not in client_order_ids
        )

    def _holdings_valued(self, terms: OrderTerms) -> Exposures:
        held: dict[OrderTerms, Exposures] = self.__dict__.setdefault("_held", {})
        if terms not in held:
            source = PriceSource(self.account.currency, self.quotes, self.rules, self.fx_rates_e9)
            before: Exposures | None = self.__dict__.get("_held_before", {}).get(terms)
            is_alike = before is not None and (before.source.currency, before.source.fx_rates_e9) == (
                source.currency,
                source.fx_rates_e9,
            )
            if before is not None and is_alike:
                held[terms] = revalue_holdings(before, self.holdings, source)
            else:
                held[terms] = value_holdings(self.holdings, source, terms)
        return held[terms]

    @cached_property
    def working_by_symbol(self) -> Mapping[str, tuple[WorkingOrder, ...]]:
        """Open orders by symbol."""
        found: dict[str, tuple[WorkingOrder, ...]] = {}
        for item in self.working:
            found[item.order.symbol] = (*found.get(item.order.symbol, ()), item)
        return found

    @cached_property
    def working_ids(self) -> frozenset[str]:
        """Client ids of the open orders."""
        return frozenset(item.order.client_order_id for item in self.working)


_FIELDS: Final = frozenset(field.name for field in dataclasses.fields(RiskContext))
