"""Checks 8 to 15: is it what a sober trader would send?"""

from __future__ import annotations

import math
from typing import Final

from nanodesk.market.account import Quote
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9, format_e9
from nanodesk.market.order import Order
from nanodesk.risk.exposure import BPS, is_price
from nanodesk.risk.proposal import Proposal
from nanodesk.risk.report import RiskCheck
from nanodesk.risk.verdict import OFF, at_most, failed, passed

HAS_LIMIT: Final = "it has a limit price"


def bps_between(price_e9: int, reference_e9: int) -> int:
    """Distance of a price from a reference, in billionths of a basis point, rounded up.

    Parameters
    ----------
    price_e9, reference_e9 : int
        Prices; the reference is positive.

    Returns
    -------
    distance_e9 : int
        At least zero.

    Examples
    --------
    >>> bps_between(101, 100) == 100 * E9
    True
    """
    return -(-abs(price_e9 - reference_e9) * BPS * E9 // reference_e9)


def order_quantity(proposal: Proposal, order: Order) -> RiskCheck:
    """(8) Quantity of one order.

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
    config = proposal.config
    inputs = {"symbol": order.symbol}
    limit = config.max_order_quantity_e9
    warn = config.warn_at_frac_e9
    return at_most(
        8, "order quantity", order.quantity_e9, limit, inputs, key="max_order_quantity", warn_at_frac_e9=warn
    )


def order_notional(proposal: Proposal, order: Order) -> RiskCheck:
    """(9) Cash value of one order at its worst price.

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
    config = proposal.config
    inputs = {"symbol": order.symbol, "quantity_e9": order.quantity_e9}
    value, limit = proposal.notional_e9(order), config.max_order_notional_e9
    warn = config.warn_at_frac_e9
    return at_most(9, "order notional", value, limit, inputs, key="max_order_notional", warn_at_frac_e9=warn)


def market_share(proposal: Proposal, order: Order) -> RiskCheck:
    """(10) Quantity against the average daily volume and the displayed size that it would take.

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
    number, name, config = 10, "share of volume and of displayed size", proposal.config
    quote = proposal.context.quotes[order.symbol]
    displayed = quote.ask_quantity_e9 if order.side is Side.BUY else quote.bid_quantity_e9
    volume = proposal.context.average_daily_volume_e9.get(order.symbol)
    inputs = {"quantity_e9": order.quantity_e9, "displayed_e9": displayed, "average_daily_volume_e9": volume}
    check = passed(number, name, OFF, inputs)
    limits = (
        (config.max_adv_frac_e9, volume, "max_adv_frac"),
        (config.max_displayed_multiple_e9, displayed, "max_displayed_multiple"),
    )
    for limit, whole, key in limits:
        if limit is None:
            continue
        if not is_price(whole) or whole is None:
            return failed(number, name, f"{key} is set, and the size to compare with was not told", inputs)
        check = at_most(number, name, -(-order.quantity_e9 * E9 // whole), limit, inputs, key=key)
        if check.reason:
            return check
    return check


def price_collar(proposal: Proposal, order: Order) -> RiskCheck:
    """(11) Distance of limit and stop price from the market, on either side.

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
    number, name, config = 11, "price collar", proposal.config
    mark = proposal.after.line(order.symbol).mark_e9
    prices = [price for price in (order.limit_price_e9, order.stop_price_e9) if price is not None]
    inputs = {"mark_e9": mark, "limit_price_e9": order.limit_price_e9, "stop_price_e9": order.stop_price_e9}
    if mark is None:
        return failed(number, name, "there is no market price to compare with", inputs)
    if not prices:
        return passed(number, name, "it has no price of its own", inputs)
    farthest = max(abs(price - mark) for price in prices)
    absolute = config.price_collar_absolute_e9
    if absolute is not None and not farthest <= absolute:
        return at_most(number, name, farthest, absolute, inputs, key="price_collar_absolute")
    distance = bps_between(mark + farthest, mark)
    return at_most(number, name, distance, config.price_collar_bps_e9, inputs, key="price_collar_bps")


def market_order(proposal: Proposal, order: Order) -> RiskCheck:
    """(12) An order without a limit price needs a fresh quote with a narrow spread.

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
    number, name, config = 12, "market order", proposal.config
    if order.order_type.needs_limit:
        return passed(number, name, HAS_LIMIT)
    quote = proposal.context.quotes[order.symbol]
    inputs = {"bid_e9": quote.bid_e9, "ask_e9": quote.ask_e9, "ts_ns": quote.ts_ns}
    if not config.allow_market_orders:
        return failed(number, name, "allow_market_orders is off", inputs)
    if not abs(proposal.context.now_ns - quote.ts_ns) <= config.max_quote_age_ns:
        return failed(number, name, "the quote is not fresh", inputs)
    if not is_price(quote.bid_e9) or not is_price(quote.ask_e9) or quote.bid_e9 is None or quote.ask_e9 is None:
        return failed(number, name, "the quote has one side only", inputs)
    spread = -(-(quote.ask_e9 - quote.bid_e9) * 2 * BPS * E9 // (quote.ask_e9 + quote.bid_e9))
    return at_most(number, name, spread, config.max_market_spread_bps_e9, inputs, key="max_market_spread_bps")


def marketable_slippage(proposal: Proposal, order: Order) -> RiskCheck:
    """(13) How far a limit reaches through the other side of the quote.

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
    number, name, config = 13, "slippage of a marketable limit", proposal.config
    price = order.limit_price_e9
    if price is None:
        return passed(number, name, "it has no limit price")
    facing = _facing(proposal.context.quotes[order.symbol], order.side)
    inputs = {"limit_price_e9": price, "facing_e9": facing}
    if not is_price(facing) or facing is None:
        return failed(number, name, "the other side of the quote is missing", inputs)
    through = price - facing if order.side is Side.BUY else facing - price
    if through <= 0:
        return passed(number, name, "it does not reach through", inputs)
    distance = bps_between(facing + through, facing)
    return at_most(number, name, distance, config.max_slippage_bps_e9, inputs, key="max_slippage_bps")


def _facing(quote: Quote, side: Side) -> int | None:
    return quote.ask_e9 if side is Side.BUY else quote.bid_e9


def target_weights(proposal: Proposal) -> RiskCheck:
    """(14) Target weights are finite, and none of them nor their sum is too large.

    Parameters
    ----------
    proposal : Proposal
        The batch.

    Returns
    -------
    check : RiskCheck
        PASS or FAIL.
    """
    number, name, config, weights = 14, "target weights", proposal.config, proposal.target_weights
    if weights is None:
        return passed(number, name, "no weights were given")
    exact: dict[str, int] = {}
    for symbol, weight in weights.items():
        if type(weight) not in (int, float) or not math.isfinite(weight):
            return failed(number, name, f"weight of {symbol!r} is {weight!r}", {"symbol": symbol})
        if weight < 0 and not config.allow_short:
            return failed(number, name, f"weight of {symbol!r} is {weight!r} and shorts are off", {"symbol": symbol})
        exact[symbol] = round(abs(weight) * E9)
    largest = max(exact, key=lambda symbol: exact[symbol], default="")
    limit, inputs = config.max_target_weight_frac_e9, {"largest": largest}
    check = at_most(number, name, exact.get(largest, 0), limit, inputs, key="max_target_weight_frac")
    if check.reason:
        return check._replace(reason=f"the weight of {largest!r}")
    gross, limit = sum(exact.values()), config.max_target_gross_frac_e9
    check = at_most(number, name, gross, limit, {"sum_of": len(exact)}, key="max_target_gross_frac")
    return check._replace(reason="the sum of all weights") if check.reason else check


def least_notional(proposal: Proposal, order: Order) -> RiskCheck:
    """(15) An order is worth its cost, unless it closes what is left of a position.

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
    number, name, least = 15, "least trade size", proposal.config.min_order_notional_e9
    value = proposal.notional_e9(order)
    inputs = {"notional_e9": value, "least_e9": least}
    if value >= least:
        return passed(number, name, "", inputs)
    if proposal.is_reducing(order):
        return passed(number, name, "it reduces the position", inputs)
    said = f"{format_e9(value)} is below min_order_notional = {format_e9(least)}"
    return failed(number, name, said, inputs)
