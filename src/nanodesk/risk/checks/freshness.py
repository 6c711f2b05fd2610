"""Checks 16 to 21: is what we know still true?"""

from __future__ import annotations

from typing import Final

from nanodesk.market.account import Quote
from nanodesk.market.order import Order
from nanodesk.risk.checks.fat_finger import bps_between
from nanodesk.risk.exposure import is_price
from nanodesk.risk.proposal import Proposal
from nanodesk.risk.report import RiskCheck
from nanodesk.risk.verdict import at_most, failed, passed, warned

SINCE_TODAY: Final = "since an order of today"


def _age(number: int, name: str, proposal: Proposal, ts_ns: int, limit_ns: int, key: str) -> RiskCheck:
    age = proposal.context.now_ns - ts_ns
    inputs = {"ts_ns": ts_ns, "now_ns": proposal.context.now_ns}
    if type(age) is not int or ts_ns <= 0:
        return failed(number, name, "there is no time of it", inputs)
    if age < -proposal.config.max_clock_skew_ns:
        return failed(number, name, "it comes from the future", inputs)
    return at_most(number, name, max(age, 0), limit_ns, inputs, key=key)


def quote_age(proposal: Proposal, order: Order) -> RiskCheck:
    """(16) Age of the quote of an ordered symbol.

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
    quote = proposal.context.quotes[order.symbol]
    return _age(16, "quote age", proposal, quote.ts_ns, proposal.config.max_quote_age_ns, "max_quote_age_s")


def account_age(proposal: Proposal) -> RiskCheck:
    """(17) Age of the account's figures, which are whole numbers.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS or FAIL.
    """
    number, name, account = 17, "account age", proposal.context.account
    for field in ("equity_e9", "cash_e9", "buying_power_e9"):
        if type(getattr(account, field)) is not int:
            return failed(number, name, f"{field}={getattr(account, field)!r} is no whole number", {"field": field})
    return _age(number, name, proposal, account.ts_ns, proposal.config.max_account_age_ns, "max_account_age_s")


def holdings_age(proposal: Proposal) -> RiskCheck:
    """(18) Age of the holdings, and whether they include every event that is known.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS or FAIL.
    """
    number, name, context = 18, "holdings age and sequence", proposal.context
    if not context.holdings_sequence >= context.newest_sequence:
        inputs = {"holdings_sequence": context.holdings_sequence, "newest_sequence": context.newest_sequence}
        return failed(number, name, "later events are not in them", inputs)
    limit = proposal.config.max_positions_age_ns
    return _age(number, name, proposal, context.holdings_ts_ns, limit, "max_positions_age_s")


def clock_skew(proposal: Proposal) -> RiskCheck:
    """(19) Difference of our clock and the venue's.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS or FAIL.
    """
    number, name, offset = 19, "clock skew", proposal.context.clock_offset_ns
    if offset is None:
        return failed(number, name, "the venue's clock was not compared")
    limit, inputs = proposal.config.max_clock_skew_ns, {"clock_offset_ns": offset}
    return at_most(number, name, abs(offset), limit, inputs, key="max_clock_skew_s")


def sound_quote(proposal: Proposal, order: Order) -> RiskCheck:
    """(20) The quote has two sides that do not cross; locked is a warning.

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
    number, name, quote = 20, "crossed, locked or one-sided quote", proposal.context.quotes[order.symbol]
    inputs = {"bid_e9": quote.bid_e9, "ask_e9": quote.ask_e9}
    if quote.symbol != order.symbol:
        return failed(number, name, f"the quote is of {quote.symbol!r}", inputs)
    fault = _quote_fault(quote)
    if fault:
        return failed(number, name, fault, inputs)
    if quote.bid_e9 == quote.ask_e9:
        return warned(number, name, "bid and ask are equal", inputs)
    return passed(number, name, "", inputs)


def _quote_fault(quote: Quote) -> str:
    bid, ask = quote.bid_e9, quote.ask_e9
    if bid is None or ask is None or not is_price(bid) or not is_price(ask):
        return "a side is missing, or no positive whole number"
    return "the bid is above the ask" if bid > ask else ""


def price_jump(proposal: Proposal, order: Order) -> RiskCheck:
    """(21) Move of the price since the run's last plan; since an earlier order of the day it is a warning.

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
    number, name, context = 21, "price jump since the last plan", proposal.context
    planned, earlier = context.plan_prices_e9.get(order.symbol), context.earlier_prices_e9.get(order.symbol)
    mark = proposal.after.line(order.symbol).mark_e9
    inputs = {"planned_e9": planned, "earlier_e9": earlier, "mark_e9": mark}
    if mark is None:
        return failed(number, name, "there is no market price", inputs)
    before, excuse = (planned, "") if planned is not None else (earlier, SINCE_TODAY)
    if before is None:
        return passed(number, name, "no earlier plan had this symbol", inputs)
    if not is_price(before):
        return failed(number, name, "the planned price is no positive whole number", inputs)
    jump, limit = bps_between(mark, before), proposal.config.max_price_jump_bps_e9
    return at_most(number, name, jump, limit, inputs, key="max_price_jump_bps", excuse=excuse)
