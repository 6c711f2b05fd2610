"""The 48 checks over a whole plan, before its first order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from nanodesk.market.account import Holding
from nanodesk.market.enums import Side
from nanodesk.market.order import Order, OrderType
from nanodesk.rebalance.config import TradingConfig
from nanodesk.rebalance.order_parts import pieces
from nanodesk.rebalance.plan import Plan, PlannedOrder
from nanodesk.rebalance.risk_view import RiskView
from nanodesk.rebalance.target import Target
from nanodesk.risk.report import RiskReport

CURED_BY_WAITING: Final = frozenset({22, 23, 24, 25, 26, 27, 28})
"""Checks of exposure and cash, which hold at every instant when purchases wait for the sales; a limit of the whole
batch (41, 48), of the day (29) or of the flow does not care for the order of sending."""

_NO_NAME = re.compile(r"[^A-Za-z0-9_.-]")


def check_plan(plan: Plan, target: Target, view: RiskView, config: TradingConfig) -> tuple[RiskReport | None, bool]:
    """Check the orders as one batch; where only the order of sending makes it safe, sales first and then purchases.

    Parameters
    ----------
    plan : Plan
        What is to be sent.
    target : Target
        Whose weights it follows.
    view : RiskView
        With account, holdings, quotes and rules read.
    config : TradingConfig
        Type of the orders.

    Returns
    -------
    risk : RiskReport or None
        ``None`` where there is nothing to send.
    is_staged : bool
        Whether purchases have to wait for the sales.
    """
    if not plan.orders:
        return None, False
    context = view.context()
    orders = orders_of(plan.orders, view, config)
    whole = view.risk.check_batch(orders, context, target_weights=target.weights)
    sales = [order for order in orders if order.side is Side.SELL]
    purchases = [order for order in orders if order.side is Side.BUY]
    view.planned({row.symbol: row.price_e9 for row in plan.rows})
    is_curable = {check.number for check in whole.failures} <= CURED_BY_WAITING
    if whole.is_accepted or not is_curable or not sales or not purchases:
        return whole, plan.is_cash_bound
    after = _after_sales(plan, view)
    staged = (
        view.risk.check_batch(sales, context, target_weights=target.weights),
        view.risk.check_batch(purchases, context.advance(**after), target_weights=target.weights),
    )
    if all(report.is_accepted for report in staged):
        return RiskReport(staged[0].checks + staged[1].checks), True
    return whole, plan.is_cash_bound


def orders_of(lines: Iterable[PlannedOrder], view: RiskView, config: TradingConfig) -> list[Order]:
    """Lines as orders for a check of the whole: slices of one line count as one order, which is their worst case.

    Parameters
    ----------
    lines : iterable of PlannedOrder
        Of a plan.
    view : RiskView
        With the rules read.
    config : TradingConfig
        Type of the orders.

    Returns
    -------
    orders : list of Order
        With names that a reader of the report knows them by; they are sent under others.
    """
    is_market = config.execution.order_type == "market"
    orders = []
    for line in lines:
        for i, piece in enumerate(
            pieces(line.quantity_e9, rules=view.rules[line.symbol], price_e9=line.limit_price_e9)
        ):
            # Not the id it will be sent under: a name that a reader of the report knows the order by.
            name = _NO_NAME.sub("-", f"{line.line}.{i + 1}-{line.action}-{line.symbol}")[:36]
            kind, limit = (OrderType.MARKET, None) if is_market else (OrderType.LIMIT, line.limit_price_e9)
            orders.append(Order(name, line.symbol, line.side, piece, kind, limit))
    return orders


def _after_sales(plan: Plan, view: RiskView) -> dict[str, object]:
    held = {holding.symbol: holding.quantity_e9 for holding in view.holdings}
    for line in plan.orders:
        if line.side is Side.SELL:
            held[line.symbol] = held.get(line.symbol, 0) - line.quantity_e9
    account = view.account
    richer = replace(
        account,
        cash_e9=account.cash_e9 + plan.proceeds_e9,
        buying_power_e9=account.buying_power_e9 + plan.proceeds_e9,
    )
    holdings = tuple(Holding(symbol, quantity) for symbol, quantity in sorted(held.items()) if quantity)
    return {"account": richer, "holdings": holdings}
