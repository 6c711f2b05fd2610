"""Checks 1 to 7: is this an order at all, of a known instrument, on the right account?"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import LARGEST_E9, format_e9
from nanodesk.market.order import CLIENT_ORDER_ID, Order, OrderType
from nanodesk.market.trading_rules import TradingRules, TradingStatus
from nanodesk.risk.exposure import ceil_value, is_price
from nanodesk.risk.proposal import Proposal
from nanodesk.risk.report import RiskCheck
from nanodesk.risk.verdict import failed, passed

LONGEST_SYMBOL: Final = 32
_PLAIN_SYMBOL: Final = re.compile(r"[A-Za-z0-9^][A-Za-z0-9._:=-]{0,31}")
_MARKS: Final = frozenset("._:=-")
_WRITTEN_TOGETHER: Final = frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA", "HANGUL"})


def whole_numbers(proposal: Proposal, order: Order) -> RiskCheck:  # noqa: ARG001
    """(1) Quantity and prices are positive integers in range, and so is their product.

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
    number, name = 1, "whole positive numbers"
    inputs = {"quantity_e9": order.quantity_e9, "limit_price_e9": order.limit_price_e9}
    for field in ("quantity_e9", "limit_price_e9", "stop_price_e9"):
        amount = getattr(order, field)
        needed = field == "quantity_e9" or getattr(order.order_type, f"needs_{field[:-9]}")
        if amount is None and not needed:
            continue
        if not is_price(amount) or amount > LARGEST_E9:
            return failed(number, name, f"{field}={amount!r} is no integer in 1..{LARGEST_E9}", inputs)
        if not needed:
            return failed(number, name, f"{field}={amount!r} does not belong to this type of order", inputs)
    price = order.limit_price_e9 or order.stop_price_e9 or 0
    if ceil_value(order.quantity_e9, price) > LARGEST_E9:
        return failed(number, name, f"quantity times price is above {LARGEST_E9}", inputs)
    if not CLIENT_ORDER_ID.fullmatch(order.client_order_id):
        return failed(number, name, f"client_order_id={order.client_order_id!r} is malformed", inputs)
    return passed(number, name, "", inputs)


def known_instrument(proposal: Proposal, order: Order) -> RiskCheck:
    """(2) The symbol has rules, trades now, and is allowed.

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
    number, name, config = 2, "known instrument", proposal.config
    inputs = {"symbol": order.symbol}
    rules = proposal.context.rules.get(order.symbol)
    if rules is None:
        return failed(number, name, "no trading rules are known", inputs)
    is_waiting = rules.status is TradingStatus.CLOSED and config.allow_outside_session
    if rules.status is not TradingStatus.TRADING and not is_waiting:
        return failed(number, name, f"it is {rules.status.value}", inputs)
    if config.allowed_symbols is not None and order.symbol not in config.allowed_symbols:
        return failed(number, name, "it is not among allowed_symbols", inputs)
    if order.symbol in config.blocked_symbols:
        return failed(number, name, "it is among blocked_symbols", inputs)
    return passed(number, name, "", inputs)


def symbol_syntax(proposal: Proposal, order: Order) -> RiskCheck:  # noqa: ARG001
    """(3) The symbol is a plain name: no path, no control character, no mixture of scripts.

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
    number, name = 3, "symbol syntax"
    inputs = {"symbol": order.symbol}
    if ".." in order.symbol:
        return failed(number, name, "'..' is a path", inputs)
    if _PLAIN_SYMBOL.fullmatch(order.symbol):
        return passed(number, name, "", inputs)
    reason = _symbol_fault(order.symbol)
    return failed(number, name, reason, inputs) if reason else passed(number, name, "", inputs)


def _symbol_fault(symbol: str) -> str:
    if not 0 < len(symbol) <= LONGEST_SYMBOL:
        return f"it has {len(symbol)} characters, allowed are 1 to {LONGEST_SYMBOL}"
    if unicodedata.normalize("NFKC", symbol) != symbol:
        return "it looks like another name (not in normal form NFKC)"
    scripts: set[str] = set()
    for place, character in enumerate(symbol):
        if character.isascii() and character.isdigit():
            continue
        if unicodedata.category(character)[0] == "L":
            scripts.add(unicodedata.name(character, "?").split()[0])
        elif place == 0 or character not in _MARKS:
            return f"{character!r} at {place} is not allowed"
    if len(scripts) > 1 and not scripts <= _WRITTEN_TOGETHER:
        return f"it mixes scripts ({', '.join(sorted(scripts))})"
    return ""


def supported_type(proposal: Proposal, order: Order) -> RiskCheck:
    """(4) Side, type and time in force are ones that the venue takes.

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
    number, name = 4, "side, type and time in force"
    inputs = {"side": order.side, "order_type": order.order_type, "time_in_force": order.time_in_force}
    rules = proposal.context.rules[order.symbol]
    if not isinstance(order.side, Side):
        return failed(number, name, "the side is unknown", inputs)
    if not isinstance(order.order_type, OrderType) or order.order_type not in rules.order_types:
        return failed(number, name, "the venue does not take this type", inputs)
    if not isinstance(order.time_in_force, TimeInForce) or order.time_in_force not in rules.times_in_force:
        return failed(number, name, "the venue does not take this time in force", inputs)
    if type(order.post_only) is not bool or type(order.reduce_only) is not bool:
        return failed(number, name, "post_only and reduce_only are true or false", inputs)
    if order.post_only and not (order.order_type is OrderType.LIMIT and order.time_in_force.can_rest):
        return failed(number, name, "post_only needs a limit order that can rest", inputs)
    return passed(number, name, "", inputs)


def grid_and_bounds(proposal: Proposal, order: Order) -> RiskCheck:
    """(5) Quantity and prices lie on the venue's grid and within its bounds.

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
    number, name = 5, "grid and bounds"
    rules = proposal.context.rules[order.symbol]
    inputs = {"lot_e9": rules.lot_e9, "tick_e9": rules.tick_e9}
    reason = _quantity_fault(order, rules) or _price_fault(order, rules) or _notional_fault(proposal, order, rules)
    return failed(number, name, reason, inputs) if reason else passed(number, name, "", inputs)


def _quantity_fault(order: Order, rules: TradingRules) -> str:
    if order.quantity_e9 % rules.lot_e9 != 0:
        return f"{format_e9(order.quantity_e9)} is no multiple of the lot of {format_e9(rules.lot_e9)}"
    if not rules.min_quantity_e9 <= order.quantity_e9 <= rules.max_quantity_e9:
        return f"the quantity {_outside(order.quantity_e9, rules.min_quantity_e9, rules.max_quantity_e9)}"
    return ""


def _price_fault(order: Order, rules: TradingRules) -> str:
    for price in (order.limit_price_e9, order.stop_price_e9):
        if price is None:
            continue
        if price % rules.tick_e9 != 0:
            return f"the price {format_e9(price)} is no multiple of the tick of {format_e9(rules.tick_e9)}"
        if not rules.min_price_e9 <= price <= rules.max_price_e9:
            return f"the price {_outside(price, rules.min_price_e9, rules.max_price_e9)}"
    return ""


def _notional_fault(proposal: Proposal, order: Order, rules: TradingRules) -> str:
    price = order.limit_price_e9 or order.stop_price_e9 or proposal.after.line(order.symbol).mark_e9
    if price is None:
        return "there is no price"
    value = ceil_value(order.quantity_e9, price) * rules.multiplier
    if not rules.min_notional_e9 <= value <= rules.max_notional_e9:
        return f"the value {_outside(value, rules.min_notional_e9, rules.max_notional_e9)}"
    return ""


def _outside(amount_e9: int, least_e9: int, most_e9: int) -> str:
    return f"{format_e9(amount_e9)} is outside the venue's {format_e9(least_e9)} to {format_e9(most_e9)}"


def session_open(proposal: Proposal, order: Order) -> RiskCheck:
    """(6) The venue's session is open and the instrument has not expired.

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
    number, name, context = 6, "session open, not expired", proposal.context
    expires = context.rules[order.symbol].expires_ns
    inputs = {"is_session_open": context.is_session_open, "expires_ns": expires}
    if context.is_session_open is not True and not proposal.config.allow_outside_session:
        reason = "the session is closed" if context.is_session_open is False else "whether it is open was not told"
        return failed(number, name, reason, inputs)
    if expires is not None and not context.now_ns < expires:
        return failed(number, name, "it has expired", inputs)
    return passed(number, name, "", inputs)


def right_account(proposal: Proposal) -> RiskCheck:
    """(7) The account is the configured one, and paper or live as the switch says.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS or FAIL.
    """
    number, name, config, account = 7, "account and mode", proposal.config, proposal.context.account
    inputs = {"account_id": account.account_id, "is_live": account.is_live, "mode": config.mode}
    if not account.account_id or account.account_id != config.account_id:
        return failed(number, name, f"the configured account is {config.account_id!r}", inputs)
    if account.is_live is not (config.mode == "live"):
        return failed(number, name, f"the configured mode is {config.mode!r}", inputs)
    return passed(number, name, "", inputs)
