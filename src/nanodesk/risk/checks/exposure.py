"""Checks 22 to 31: what could the account become, with every open order filled at its worst?

A limit that was past before may stay past while nothing is added to it: selling down an account that fell into a
breach must remain possible. Such a check warns instead of failing unless ``breach_may_be_reduced`` is off.
"""

from __future__ import annotations

from collections.abc import Mapping

from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9, format_e9
from nanodesk.market.order import Order
from nanodesk.risk.exposure import BPS, Line, worst_sell_price
from nanodesk.risk.proposal import Proposal
from nanodesk.risk.report import NO_INPUTS, CheckStatus, RiskCheck
from nanodesk.risk.verdict import OFF, at_most, failed, passed

STAYS = "past the limit before, and not further after"
COVERS = "every order reduces: a short is covered from what its sale brought"


def _excuse(proposal: Proposal, before_e9: int, after_e9: int) -> str:
    return STAYS if proposal.config.breach_may_be_reduced and after_e9 <= before_e9 else ""


def _limited(
    number: int,
    name: str,
    proposal: Proposal,
    value_e9: int,
    limit_e9: int | None,
    excuse: str,
    inputs: Mapping[str, object] = NO_INPUTS,
    key: str = "",
) -> RiskCheck:
    if proposal.valuation_fault:
        return failed(number, name, proposal.valuation_fault, inputs)
    warn = proposal.config.warn_at_frac_e9
    return at_most(number, name, value_e9, limit_e9, inputs, key=key, warn_at_frac_e9=warn, excuse=excuse)


def position(proposal: Proposal, order: Order) -> RiskCheck:
    """(22) Worst position of an ordered symbol, against equity and in currency.

    Parameters
    ----------
    proposal : Proposal
        The batch.
    order : Order
        One of its orders.

    Returns
    -------
    check : RiskCheck
        PASS, WARN or FAIL.
    """
    number, name, config = 22, "position", proposal.config
    line, before = proposal.after.line(order.symbol), proposal.before.line(order.symbol)
    inputs = {"symbol": line.symbol, "low_e9": line.low_e9, "high_e9": line.high_e9, "gross_e9": line.gross_e9}
    excuse = _excuse(proposal, before.gross_e9, line.gross_e9)
    limit = config.max_position_notional_e9
    if limit is not None:
        check = _limited(number, name, proposal, line.gross_e9, limit, excuse, inputs, "max_position_notional")
        if check.status is CheckStatus.FAIL:
            return check
    fraction = proposal.of_equity(line.gross_e9)
    return _limited(number, name, proposal, fraction, config.max_position_frac_e9, excuse, inputs, "max_position_frac")


def gross(proposal: Proposal) -> RiskCheck:
    """(23) Sum of absolute positions, in currency.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS, WARN or FAIL.
    """
    after, before = proposal.after, proposal.before
    inputs = {"before_e9": before.gross_e9, "symbols": len(after.lines)}
    excuse = _excuse(proposal, before.gross_e9, after.gross_e9)
    limit = proposal.config.max_gross_notional_e9
    return _limited(23, "gross", proposal, after.gross_e9, limit, excuse, inputs, "max_gross_notional")


def net(proposal: Proposal) -> RiskCheck:
    """(24) Largest absolute net exposure, as a fraction of equity.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS, WARN or FAIL.
    """
    after, before = proposal.after, proposal.before
    inputs = {"lowest_e9": after.lowest_e9, "highest_e9": after.highest_e9, "equity_e9": proposal.equity_floor_e9}
    excuse = _excuse(proposal, before.net_e9, after.net_e9)
    value = proposal.of_equity(after.net_e9)
    return _limited(24, "net", proposal, value, proposal.config.max_net_frac_e9, excuse, inputs, "max_net_frac")


def leverage(proposal: Proposal) -> RiskCheck:
    """(25) Gross exposure as a multiple of equity.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS, WARN or FAIL.
    """
    after, before = proposal.after, proposal.before
    inputs = {"gross_e9": after.gross_e9, "equity_e9": proposal.equity_floor_e9}
    excuse = _excuse(proposal, before.gross_e9, after.gross_e9)
    value = proposal.of_equity(after.gross_e9)
    return _limited(25, "leverage", proposal, value, proposal.config.max_leverage_e9, excuse, inputs, "max_leverage")


def short(proposal: Proposal, order: Order) -> RiskCheck:
    """(26) A position below zero is allowed, can be borrowed, and all shorts together stay small.

    Parameters
    ----------
    proposal : Proposal
        The batch.
    order : Order
        One of its orders.

    Returns
    -------
    check : RiskCheck
        PASS, WARN or FAIL.
    """
    number, name, config = 26, "short", proposal.config
    after, line = proposal.after, proposal.after.line(order.symbol)
    inputs = {"symbol": line.symbol, "low_e9": line.low_e9, "short_e9": after.short_e9}
    fault = "" if order.side is Side.BUY or line.low_e9 >= 0 else _short_fault(proposal, line)
    if fault:
        return failed(number, name, fault, inputs)
    if after.short_e9 == 0:
        return passed(number, name, "nothing can be short", inputs)
    excuse = _excuse(proposal, proposal.before.short_e9, after.short_e9)
    value = proposal.of_equity(proposal.after.short_e9)
    return _limited(number, name, proposal, value, config.max_short_frac_e9, excuse, inputs, "max_short_frac")


def _short_fault(proposal: Proposal, line: Line) -> str:
    if not proposal.config.allow_short:
        return "allow_short is off"
    if proposal.context.rules[line.symbol].can_short is not True:
        return "the instrument cannot be sold short"
    if proposal.config.require_locate:
        located = proposal.context.located_e9.get(line.symbol)
        if located is None or not line.opening_short_e9 <= located:
            told = "nothing was located" if located is None else f"{format_e9(located)} located"
            return f"{told}, for a short of {format_e9(line.opening_short_e9)}"
    return ""


def buying_power(proposal: Proposal) -> RiskCheck:
    """(27) Cash for every purchase at its worst price with fees, and for shorts that may open, by currency.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS, WARN or FAIL.
    """
    number, name, context = 27, "buying power", proposal.context
    worst: RiskCheck | None = None
    for currency in sorted({context.rules[order.symbol].currency for order in proposal.orders}):
        check = _buying_power(proposal, currency)
        if worst is None or check.status is CheckStatus.FAIL:
            worst = check
        if check.status is CheckStatus.FAIL:
            break
    return worst if worst is not None else failed(number, name, "there are no orders")


def _buying_power(proposal: Proposal, currency: str) -> RiskCheck:
    number, name, context, account = 27, "buying power", proposal.context, proposal.context.account
    before = proposal.before.cash_needed_e9.get(currency, 0)
    needed = proposal.after.cash_needed_e9.get(currency, 0)
    added = needed - before
    if context.is_working_reserved:
        needed = added
    if proposal.config.sells_fund_buys:
        needed -= sale_proceeds(proposal, currency)
    available = account.buying_power_e9 if currency == account.currency else account.balances_e9.get(currency)
    inputs = {"currency": currency, "needed_e9": needed, "available_e9": available}
    if type(available) is not int:
        return failed(number, name, f"what is available in {currency!r} was not told", inputs)
    for symbol in {order.symbol for order in proposal.orders}:
        if proposal.after.line(symbol).mark_e9 is None:
            return failed(number, name, f"no price, rules or exchange rate of {symbol!r}", inputs)
    excuse = _excuse(proposal, 0, added)
    if proposal.config.breach_may_be_reduced and proposal.all_reduce:
        excuse = COVERS
    if needed <= 0:
        return passed(number, name, "nothing is paid for", inputs)
    return at_most(number, name, needed, available, inputs, key=f"the {currency} available", excuse=excuse)


def sale_proceeds(proposal: Proposal, currency: str) -> int:
    """Least that the batch's sales of what is held may bring, after fees.

    Parameters
    ----------
    proposal : Proposal
        The batch.
    currency : str
        Of the instruments.

    Returns
    -------
    proceeds_e9 : int
        In that currency; only orders that reduce count.
    """
    total, terms = 0, proposal.terms
    for order in proposal.orders:
        line = proposal.after.line(order.symbol)
        if order.side is not Side.SELL or line.currency != currency or not proposal.is_reducing(order):
            continue
        price = worst_sell_price(order, proposal.context.quotes.get(order.symbol), terms.market_slippage_bps_e9)
        value = order.quantity_e9 * (price or 0) * line.multiplier_e9 // (E9 * E9)
        total += value + value * -terms.fee_bps_e9 // (BPS * E9) - terms.fee_per_order_e9
    return max(total, 0)


def concentration(proposal: Proposal) -> RiskCheck:
    """(28) Gross exposure of every sector, asset class and venue, as a fraction of equity.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS, WARN or FAIL.
    """
    number, name, config = 28, "concentration", proposal.config
    limits = {
        "sector": config.max_sector_frac_e9,
        "asset_class": config.max_asset_class_frac_e9,
        "venue": config.max_venue_frac_e9,
    }
    if all(limit is None for limit in limits.values()):
        return passed(number, name, OFF)
    found: list[RiskCheck] = []
    for (kind, group), value in proposal.after.groups.items():
        if limits[kind] is None or value == 0:
            continue
        inputs = {"kind": kind, "group": group, "gross_e9": value}
        if not group:
            return failed(number, name, f"the {kind} of a holding or an order is not known", inputs)
        excuse = _excuse(proposal, proposal.before.groups.get((kind, group), 0), value)
        fraction, key = proposal.of_equity(value), f"max_{kind}_frac"
        found.append(_limited(number, name, proposal, fraction, limits[kind], excuse, inputs, key))
    if not found:
        return _limited(number, name, proposal, 0, 0, "")
    return max(found, key=lambda check: (_RANK[check.status], check.value_e9 or 0))


_RANK = {CheckStatus.PASS: 0, CheckStatus.WARN: 1, CheckStatus.FAIL: 2}


def turnover(proposal: Proposal) -> RiskCheck:
    """(29) What was traded today and what is open, against equity and in currency.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS, WARN or FAIL.
    """
    number, name, config, flow = 29, "turnover", proposal.config, proposal.context.flow
    if flow is None:
        return failed(number, name, "what was traded today was not told")
    value = flow.traded_notional_e9 + proposal.after.notional_e9
    inputs = {"traded_notional_e9": flow.traded_notional_e9, "open_e9": proposal.after.notional_e9}
    excuse = STAYS if config.breach_may_be_reduced and proposal.all_reduce else ""
    check = _limited(number, name, proposal, value, config.max_daily_notional_e9, excuse, inputs, "max_daily_notional")
    if check.status is CheckStatus.FAIL:
        return check
    fraction = proposal.of_equity(value)
    other = _limited(number, name, proposal, fraction, config.max_turnover_frac_e9, excuse, inputs, "max_turnover_frac")
    return check if _RANK[check.status] > _RANK[other.status] else other


def reduce_only(proposal: Proposal, order: Order) -> RiskCheck:
    """(30) A reduce-only order really reduces, whatever else fills.

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
    number, name, line = 30, "reduce-only", proposal.after.line(order.symbol)
    inputs = {"reduce_only": order.reduce_only, "low_e9": line.low_e9, "high_e9": line.high_e9}
    if order.reduce_only is False:
        return passed(number, name, "", inputs)
    if proposal.is_reducing(order):
        return passed(number, name, "", inputs)
    return failed(number, name, "it could grow or flip the position", inputs)


def positive_equity(proposal: Proposal) -> RiskCheck:
    """(31) Equity above its least value.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS or FAIL.
    """
    number, name, equity = 31, "equity", proposal.context.account.equity_e9
    least = proposal.config.min_equity_e9
    inputs = {"equity_e9": equity, "least_e9": least}
    if type(equity) is not int:
        return failed(number, name, f"equity_e9={equity!r} is no whole number", inputs)
    if equity > least:
        return passed(number, name, "", inputs)
    return failed(number, name, f"{format_e9(equity)} is not above min_equity = {format_e9(least)}", inputs)
