"""Checks 35 to 41: does the stream of orders make sense?"""

from __future__ import annotations

from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Order, OrderType
from nanodesk.risk.checks.exposure import sale_proceeds
from nanodesk.risk.checks.loss import spared
from nanodesk.risk.order_flow import order_key
from nanodesk.risk.proposal import Proposal
from nanodesk.risk.report import RiskCheck
from nanodesk.risk.verdict import at_most, count_at_most, failed, passed


def rates(proposal: Proposal) -> RiskCheck:
    """(35) Orders and messages in a second, a minute and a day, these orders included; a flattening goes on.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS or FAIL.
    """
    number, name, config, flow = 35, "order and message rate", proposal.config, proposal.context.flow
    if flow is None:
        return failed(number, name, "what was sent lately was not told")
    count = len(proposal.orders)
    windows = {
        "max_orders_per_second": (flow.orders.second, config.max_orders_per_second),
        "max_orders_per_minute": (flow.orders.minute, config.max_orders_per_minute),
        "max_orders_per_day": (flow.orders.day, config.max_orders_per_day),
        "max_messages_per_second": (flow.messages.second, config.max_messages_per_second),
        "max_messages_per_minute": (flow.messages.minute, config.max_messages_per_minute),
        "max_messages_per_day": (flow.messages.day, config.max_messages_per_day),
    }
    inputs = {"venue": proposal.context.venue, "new": count, "sent": (flow.orders, flow.messages)}
    checks = [
        count_at_most(number, name, sent + count, limit, inputs, key=key) for key, (sent, limit) in windows.items()
    ]
    return next((spared(proposal, check) for check in checks if check.reason), checks[0])


def duplicate(proposal: Proposal, order: Order) -> RiskCheck:
    """(36) No order that looks the same within the window, and no client id twice, ever.

    Parameters
    ----------
    proposal : Proposal
        The batch.
    order : Order
        One of its orders.

    Returns
    -------
    check : RiskCheck
        PASS or FAIL.
    """
    number, name, context, flow = 36, "duplicate", proposal.context, proposal.context.flow
    inputs = {"client_order_id": order.client_order_id, "window_ns": proposal.config.duplicate_window_ns}
    if flow is None:
        return failed(number, name, "what was sent before was not told", inputs)
    if proposal.id_counts[order.client_order_id] > 1 or order.client_order_id in flow.used_client_ids:
        return failed(number, name, "the client id was used before", inputs)
    if not proposal.is_at_send and order.client_order_id in context.working_ids:
        return failed(number, name, "an order with this client id is open", inputs)
    if proposal.key_counts[order_key(order)] > 1:
        return failed(number, name, "the batch holds an equal order", inputs)
    last = flow.recent.get(order_key(order))
    if last is not None and not context.now_ns - last[0] > proposal.config.duplicate_window_ns:
        return failed(
            number, name, f"{last[1]!r} was the same, sent {(context.now_ns - last[0]) / E9:.3f} s ago", inputs
        )
    return passed(number, name, "", inputs)


def repeated_execution(proposal: Proposal, order: Order) -> RiskCheck:
    """(37) Fills of one symbol in the execution window; a flattening goes on.

    Parameters
    ----------
    proposal : Proposal
        The batch.
    order : Order
        One of its orders.

    Returns
    -------
    check : RiskCheck
        PASS or FAIL.
    """
    number, name, flow = 37, "repeated executions", proposal.context.flow
    if flow is None:
        return failed(number, name, "recent fills were not told")
    count = flow.executions.get(order.symbol, 0)
    most, inputs = proposal.config.max_executions_per_symbol, {"symbol": order.symbol}
    return spared(proposal, count_at_most(number, name, count, most, inputs, key="max_executions_per_symbol"))


def open_orders(proposal: Proposal) -> RiskCheck:
    """(38) Orders open at once, in all and of one symbol.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS or FAIL.
    """
    number, name, config, after = 38, "open orders", proposal.config, proposal.after
    total = count_at_most(number, name, after.orders, config.max_open_orders, key="max_open_orders")
    if total.reason or not proposal.orders:
        return total
    busiest = max(proposal.symbol_counts, key=lambda symbol: after.line(symbol).orders)
    inputs = {"open": after.orders, "symbol": busiest}
    limit = config.max_open_orders_per_symbol
    return count_at_most(number, name, after.line(busiest).orders, limit, inputs, key="max_open_orders_per_symbol")


def self_match(proposal: Proposal, order: Order) -> RiskCheck:
    """(39) It does not trade with an order of our own.

    Parameters
    ----------
    proposal : Proposal
        The batch.
    order : Order
        One of its orders.

    Returns
    -------
    check : RiskCheck
        PASS or FAIL.
    """
    number, name = 39, "self-match"
    for other in proposal.context.working_by_symbol.get(order.symbol, ()):
        if other.order.side is not order.side and _may_meet(order, other.order):
            inputs = {"own_order": other.order.client_order_id, "limit_price_e9": other.order.limit_price_e9}
            return failed(number, name, f"it would meet our own {other.order.client_order_id!r}", inputs)
    return passed(number, name)


def _may_meet(order: Order, resting: Order) -> bool:
    """Whether their prices cross; a stop that has not fired does not rest."""
    if resting.order_type is OrderType.STOP or resting.order_type is OrderType.STOP_LIMIT:
        return False
    if order.limit_price_e9 is None or resting.limit_price_e9 is None:
        return True
    buy, sell = (order, resting) if order.side is Side.BUY else (resting, order)
    return (buy.limit_price_e9 or 0) >= (sell.limit_price_e9 or 0)


def repeated_run(proposal: Proposal) -> RiskCheck:
    """(40) The run or window has not been done before.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS or FAIL.
    """
    number, name, context = 40, "run seen before", proposal.context
    inputs = {"run_id": context.run_id}
    if context.run_id and context.run_id in context.completed_runs:
        return failed(number, name, "this run was done before", inputs)
    return passed(number, name, "" if context.run_id else "the orders belong to no run", inputs)


def batch(proposal: Proposal) -> RiskCheck:
    """(41) Value and number of the orders, one side a symbol, and sales first when cash is short.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS, WARN or FAIL.
    """
    number, name, config, orders = 41, "batch", proposal.config, proposal.orders
    inputs = {"orders": len(orders)}
    if not orders:
        return failed(number, name, "there are no orders", inputs)
    if len(orders) > config.max_batch_orders:
        return count_at_most(number, name, len(orders), config.max_batch_orders, inputs, key="max_batch_orders")
    bought = {order.symbol for order in orders if order.side is Side.BUY}
    both = sorted(bought & {order.symbol for order in orders if order.side is Side.SELL})
    if both:
        return failed(number, name, f"{both[0]!r} is both bought and sold", inputs)
    if _sales_come_late(proposal):
        return failed(number, name, "cash is short without the sales, and a purchase stands before one", inputs)
    total, limit, warn = sum(proposal.notionals_e9), config.max_batch_notional_e9, config.warn_at_frac_e9
    return at_most(number, name, total, limit, inputs, key="max_batch_notional", warn_at_frac_e9=warn)


def _sales_come_late(proposal: Proposal) -> bool:
    sides = [order.side for order in proposal.orders]
    if Side.BUY not in sides or Side.SELL not in sides[sides.index(Side.BUY) :]:
        return False
    account = proposal.context.account
    for currency, needed in proposal.after.cash_needed_e9.items():
        available = account.buying_power_e9 if currency == account.currency else account.balances_e9.get(currency, 0)
        if not needed <= available and sale_proceeds(proposal, currency) > 0:
            return True
    return False
