"""Checks 42 to 48: is the desk in a state to trade?"""

from __future__ import annotations

from nanodesk.market.order import Order
from nanodesk.market.trading_rules import TradingStatus
from nanodesk.risk.proposal import Proposal
from nanodesk.risk.report import RiskCheck
from nanodesk.risk.trading_state import TradingState
from nanodesk.risk.verdict import at_most, failed, passed, warned

FLATTENS = "a human asked to flatten"


def kill_switch(proposal: Proposal) -> RiskCheck:
    """(42) The kill switch is not pulled, or it allows to flatten and that is all the orders do.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS, WARN or FAIL.
    """
    number, name, switch = 42, "kill switch", proposal.context.kill_switch
    inputs = {"kill_switch": switch}
    if switch is None:
        return failed(number, name, "it was not read", inputs)
    if switch.is_pulled is False:
        return passed(number, name, "", inputs)
    if proposal.is_flattening:
        return warned(number, name, FLATTENS, inputs)
    return failed(number, name, str(switch), inputs)


def halted(proposal: Proposal, order: Order) -> RiskCheck:
    """(43) Neither the symbol nor its venue is halted or, without ``allow_outside_session``, closed.

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
    number, name, context = 43, "halted", proposal.context
    rules = context.rules[order.symbol]
    inputs = {"symbol": order.symbol, "venue": rules.venue or context.venue}
    if rules.status is TradingStatus.HALTED or order.symbol in context.halted_symbols:
        return failed(number, name, "the symbol is halted", inputs)
    if rules.status is TradingStatus.CLOSED and not proposal.config.allow_outside_session:
        return failed(number, name, "its market is closed", inputs)
    if rules.venue in context.halted_venues or context.venue in context.halted_venues:
        return failed(number, name, "the venue is halted", inputs)
    return passed(number, name, "", inputs)


def unknown_order(proposal: Proposal, order: Order) -> RiskCheck:
    """(44) No other order of the symbol has an outcome that nobody knows.

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
    number, name, context = 44, "unknown order on the symbol", proposal.context
    if order.symbol in context.blocked_symbols:
        return failed(number, name, context.blocked_symbols[order.symbol] or "blocked", {"symbol": order.symbol})
    for other in context.working_by_symbol.get(order.symbol, ()):
        if other.is_unknown is not False and other.order.client_order_id != order.client_order_id:
            inputs = {"unknown": other.order.client_order_id}
            return failed(number, name, f"{other.order.client_order_id!r} may or may not be at the venue", inputs)
    return passed(number, name)


def reconciled(proposal: Proposal) -> RiskCheck:
    """(45) The last reconciliation with the broker was clean.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS or FAIL.
    """
    return _told(45, "reconciled", proposal.context.is_reconciled, "the last reconciliation was not clean")


def stream_live(proposal: Proposal) -> RiskCheck:
    """(46) The broker's events arrive.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS or FAIL.
    """
    return _told(46, "event stream", proposal.context.is_stream_live, "the broker's events do not arrive")


def _told(number: int, name: str, fact: bool | None, denial: str) -> RiskCheck:
    if fact is True:
        return passed(number, name)
    return failed(number, name, denial if fact is False else "it was not told")


def trading_state(proposal: Proposal) -> RiskCheck:
    """(47) ACTIVE sends everything, REDUCING what only reduces, HALTED nothing but an asked-for flattening.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS, WARN or FAIL.
    """
    number, name, state = 47, "trading state", proposal.context.trading_state
    inputs = {"trading_state": state}
    if state is TradingState.ACTIVE:
        return passed(number, name, "", inputs)
    if state is TradingState.REDUCING and proposal.all_reduce:
        return passed(number, name, "every order reduces", inputs)
    if state is TradingState.HALTED and proposal.is_flattening:
        return warned(number, name, FLATTENS, inputs)
    if isinstance(state, TradingState):
        return failed(number, name, f"the desk is {state.value}", inputs)
    return failed(number, name, "it was not told", inputs)


def confirmed(proposal: Proposal) -> RiskCheck:
    """(48) A human has confirmed what is above the threshold on a live account.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS or FAIL.
    """
    number, name, account = 48, "human confirmation", proposal.context.account
    if account.is_live is False:
        return passed(number, name, "the account is not live")
    if proposal.context.is_confirmed is True:
        return passed(number, name, "a human confirmed")
    total, limit = sum(proposal.notionals_e9), proposal.config.confirm_above_e9
    check = at_most(number, name, total, limit, key="confirm_above")
    return check._replace(reason="a human must confirm") if check.reason else check
