"""What TWS says, as lists of fields in the layout of server version 178; :func:`frame` makes them bytes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from nanodesk.brokers.ibkr.codec import ORDER_TYPES, TIMES_IN_FORCE
from nanodesk.brokers.ibkr.frames import UNSET_DOUBLE
from nanodesk.brokers.ibkr.messages import TwsContract
from nanodesk.brokers.paper.values import PaperExecution, PaperOrder
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import format_e9, notional_e9
from nanodesk.market.order import ExecutionKind, OrderState
from nanodesk.market.trading_rules import TradingRules, TradingStatus

Fields = list[object]

_STATUS: Final[Mapping[OrderState, str]] = {
    OrderState.PENDING_NEW: "PendingSubmit",
    OrderState.NEW: "Submitted",
    OrderState.PARTIALLY_FILLED: "Submitted",
    OrderState.PENDING_CANCEL: "PendingCancel",
    OrderState.FILLED: "Filled",
    OrderState.CANCELLED: "Cancelled",
    OrderState.EXPIRED: "Cancelled",
    OrderState.REPLACED: "Cancelled",
    OrderState.REJECTED: "Inactive",
}


def clock_text(ts_ns: int) -> str:
    """An instant as the venue writes it.

    Parameters
    ----------
    ts_ns : int
        Nanoseconds since 1970.

    Returns
    -------
    text : str
        As ``20261120 09:30:00 UTC``.
    """
    return time.strftime("%Y%m%d %H:%M:%S UTC", time.gmtime(ts_ns // 10**9))


def status_word(order: PaperOrder) -> str:
    """Status of an order in the venue's words.

    Parameters
    ----------
    order : PaperOrder
        As it stands.

    Returns
    -------
    word : str
        ``PreSubmitted`` for a stop that waits.
    """
    if order.state is OrderState.NEW and order.is_waiting_stop:
        return "PreSubmitted"
    return _STATUS.get(order.state, "Inactive")


def error(request_id: int, code: int, text: str) -> Fields:
    """Message 4.

    Parameters
    ----------
    request_id : int
        Request or order, -1 for the system.
    code : int
        Kind of error.
    text : str
        In words.

    Returns
    -------
    fields : list
        Of one message.
    """
    return [4, 2, request_id, code, text, ""]


def order_status(order: PaperOrder, ids: tuple[int, int, int], *, status: str = "", last_price_e9: int = 0) -> Fields:
    """Message 3.

    Parameters
    ----------
    order : PaperOrder
        As it stands.
    ids : tuple of (int, int, int)
        Order id, client id and permId.
    status : str, optional
        Stands in for the order's own.
    last_price_e9 : int, default 0
        Price of the last fill.

    Returns
    -------
    fields : list
        Of one message.
    """
    order_id, client_id, perm_id = ids
    filled = order.filled_quantity_e9
    return [
        3,
        order_id,
        status or status_word(order),
        format_e9(filled),
        format_e9(order.quantity_e9 - filled),
        format_e9(order.average_price_e9),
        perm_id,
        0,
        format_e9(last_price_e9),
        client_id,
        "",
        0,
    ]


def _contract_fields(contract: TwsContract) -> Fields:
    # conId, symbol, secType, expiry, strike, right, multiplier, exchange, currency, localSymbol, tradingClass
    c = contract
    return [
        *(c.con_id, c.symbol, c.sec_type, c.expiry, 0, c.right, c.multiplier),
        *(c.exchange, c.currency, c.local_symbol, c.trading_class),
    ]


def _terms(order: PaperOrder, account: str) -> Fields:
    # action, quantity, type, limit, aux, tif, oca, account, openClose, origin, orderRef
    terms = order.order
    limit, stop = terms.limit_price_e9, terms.stop_price_e9
    return [
        "BUY" if order.side is Side.BUY else "SELL",
        format_e9(order.quantity_e9),
        ORDER_TYPES[terms.order_type],
        "0" if limit is None else format_e9(limit),
        "0" if stop is None else format_e9(stop),
        TIMES_IN_FORCE[terms.time_in_force],
        "",
        account,
        "",
        0,
        order.client_order_id,
    ]


def open_order(
    order: PaperOrder,
    ids: tuple[int, int, int],
    contract: TwsContract,
    account: str,
    *,
    status: str = "",
    margin_e9: int | None = None,
) -> Fields:
    """Message 5.

    Parameters
    ----------
    order : PaperOrder
        As it stands.
    ids : tuple of (int, int, int)
        Order id, client id and permId.
    contract : TwsContract
        Instrument.
    account : str
        Whose.
    status : str, optional
        Stands in for the order's own.
    margin_e9 : int, optional
        Makes it the answer to a what-if: the cash that the order would tie up.

    Returns
    -------
    fields : list
        Of one message.
    """
    order_id, client_id, perm_id = ids
    head = [5, order_id, *_contract_fields(contract), *_terms(order, account), client_id, perm_id]
    head += [0, 0, 0, "", "", "", "", ""]  # outsideRth, hidden, discretionary, goodAfter, shares, advisor's three
    # modelCode, goodTill, rule80A, percentOffset, settling, shortSaleSlot, location, exempt, auction, 5 prices,
    # display, block, sweep, allOrNone, minQty, ocaType, eTrade, firmQuote, nbboCap, parent, trigger, volatility 2
    middle = ["", "", "", "", "", 0, "", -1, 0, "", "", "", "", "", 0, 0, 0, 0, "", 3, 0, 0, "", 0, 0, "", 0]
    # TWS fills in the word None, and a filled-in type brings eight fields with it
    delta_neutral = ["None", "", 0, "", "", "", "?", 0, 0, ""]
    trail = [0, 0, "", "", "", "", ""]
    legs = [0, 0, 0]
    scale_hedge = ["", "", "", ""]
    clearing = [0, "", "IB", 0, 0, ""]  # optOut, account, intent, notHeld, deltaNeutral, algo
    margin = UNSET_DOUBLE if margin_e9 is None else format_e9(margin_e9)
    margins = [UNSET_DOUBLE, UNSET_DOUBLE, UNSET_DOUBLE, margin, margin, *([UNSET_DOUBLE] * 4)]
    is_question = int(margin_e9 is not None)
    state = [0, is_question, status or status_word(order), *margins, "", "", "", contract.currency, "", 0, 0]
    conditions = [0]
    adjusted = ["None", "", "", "", "", "", "", 0, "", "", "", "", 0, 0, 0, ""]
    tail = ["", "", 0, "", "", "", "", ""]  # duration, postToAts, autoCancelParent, five of pegs
    parts = (head, middle, delta_neutral, trail, legs, scale_hedge, clearing, state, conditions, adjusted, tail)
    return [field for part in parts for field in part]


def completed_order(order: PaperOrder, perm_id: int, contract: TwsContract, account: str) -> Fields:
    """Message 101.

    Parameters
    ----------
    order : PaperOrder
        As it ended.
    perm_id : int
        Its number.
    contract : TwsContract
        Instrument.
    account : str
        Whose.

    Returns
    -------
    fields : list
        Of one message.
    """
    head = [101, *_contract_fields(contract), *_terms(order, account), perm_id]
    head += [0, 0, 0, "", "", "", ""]  # outsideRth, hidden, discretionary, goodAfter, advisor's three
    # modelCode, goodTill, rule80A, percentOffset, settling, shortSaleSlot, location, exempt, 5 prices, display,
    # sweep, allOrNone, minQty, ocaType, trigger, volatility 2
    middle = ["", "", "", "", "", 0, "", -1, "", "", "", "", "", 0, 0, 0, "", 3, 0, "", 0]
    delta_neutral = ["None", "", 0, 0, 0, ""]
    trail_legs = [0, 0, "", "", "", 0, 0, 0]
    scale_hedge = ["", "", "", ""]
    clearing = ["", "IB", 0, 0, ""]  # account, intent, notHeld, deltaNeutral, algo
    state = [0, status_word(order), 0, 0, 0]  # solicited, status, randomize size and price, conditions
    rest = ["", "", "", 0, 0, "", format_e9(order.filled_quantity_e9), 0, 0, "", 0, 0, 0]
    done = [clock_text(order.updated_ns), order.text or f"{status_word(order)} Size: {format_e9(order.quantity_e9)}"]
    tail = ["", "", "", "", ""]
    parts = (head, middle, delta_neutral, trail_legs, scale_hedge, clearing, state, rest, done, tail)
    return [field for part in parts for field in part]


def execution_id(one: PaperExecution, seed: int) -> str:
    """Id of an execution; its last part counts corrections.

    Parameters
    ----------
    one : PaperExecution
        As it stands now.
    seed : int
        Of the venue.

    Returns
    -------
    text : str
        As ``0000e0d5.0000002a.01.01``.
    """
    revision = 1 + one.revision + (1 if one.kind is ExecutionKind.BUST else 0)
    return f"{seed % 2**32:08x}.{one.number:08x}.01.{revision:02d}"


def execution_details(
    one: PaperExecution,
    order: PaperOrder,
    ids: tuple[int, int, int],
    contract: TwsContract,
    account: str,
    *,
    request_id: int = -1,
    seed: int = 0,
) -> Fields:
    """Message 11.

    Parameters
    ----------
    one : PaperExecution
        The fill; a busted one has no shares.
    order : PaperOrder
        The order as it stands.
    ids : tuple of (int, int, int)
        Order id, client id and permId.
    contract : TwsContract
        Instrument.
    account : str
        Whose.
    request_id : int, default -1
        Request that it answers.
    seed : int, default 0
        Of the venue.

    Returns
    -------
    fields : list
        Of one message.
    """
    order_id, client_id, perm_id = ids
    shares = 0 if one.kind is ExecutionKind.BUST else one.quantity_e9
    return [
        *(11, request_id, order_id, *_contract_fields(contract)),
        *(execution_id(one, seed), clock_text(one.ts_ns), account, contract.primary_exchange or contract.exchange),
        "BOT" if one.side is Side.BUY else "SLD",
        *(format_e9(shares), format_e9(one.price_e9), perm_id, client_id, 0),
        *(format_e9(one.cumulative_e9), format_e9(order.average_price_e9), order.client_order_id),
        *("", "", "", 1 if one.is_maker else 2, 0),
    ]


def commission_report(one: PaperExecution, seed: int) -> Fields:
    """Message 59.

    Parameters
    ----------
    one : PaperExecution
        The fill.
    seed : int
        Of the venue.

    Returns
    -------
    fields : list
        Of one message.
    """
    return [59, 1, execution_id(one, seed), format_e9(one.fee_e9), one.fee_asset, "", "", ""]


def position(contract: TwsContract, account: str, quantity_e9: int, average_cost_e9: int) -> Fields:
    """Message 61.

    Parameters
    ----------
    contract : TwsContract
        Instrument.
    account : str
        Whose.
    quantity_e9, average_cost_e9 : int
        In billionths.

    Returns
    -------
    fields : list
        Of one message.
    """
    return [61, 3, account, *_contract_fields(contract), format_e9(quantity_e9), format_e9(average_cost_e9)]


def portfolio_row(
    contract: TwsContract, account: str, quantity_e9: int, average_cost_e9: int, price_e9: int, multiplier: int
) -> Fields:
    """Message 7.

    Parameters
    ----------
    contract : TwsContract
        Instrument.
    account : str
        Whose.
    quantity_e9, average_cost_e9, price_e9 : int
        In billionths.
    multiplier : int
        Cash per point and contract.

    Returns
    -------
    fields : list
        Of one message.
    """
    c = contract
    value = notional_e9(price_e9, quantity_e9, multiplier)
    profit = value - notional_e9(average_cost_e9, quantity_e9, multiplier)
    amounts = (format_e9(one) for one in (quantity_e9, price_e9, value, average_cost_e9, profit, 0))
    return [
        *(7, 8, c.con_id, c.symbol, c.sec_type, c.expiry, 0, c.right, c.multiplier, c.primary_exchange, c.currency),
        *(c.local_symbol, c.trading_class, *amounts, account),
    ]


def contract_details(request_id: int, contract: TwsContract, rules: TradingRules, now_ns: int) -> Fields:
    """Message 10.

    Parameters
    ----------
    request_id : int
        Request that it answers.
    contract : TwsContract
        Instrument.
    rules : TradingRules
        Grid and status.
    now_ns : int
        Days around it are in the trading hours.

    Returns
    -------
    fields : list
        Of one message.
    """
    c = contract
    kinds = sorted(ORDER_TYPES[kind].replace(" ", "") for kind in rules.order_types)
    times = sorted(TIMES_IN_FORCE[tif] for tif in rules.times_in_force)
    hours = _hours(rules, now_ns)
    return [
        *(10, request_id, c.symbol, c.sec_type, c.expiry, 0, c.right, c.exchange, c.currency, c.local_symbol),
        *(c.trading_class, c.trading_class, c.con_id, format_e9(rules.tick_e9), c.multiplier),
        *(",".join([*kinds, *times]), f"SMART,{c.primary_exchange}", 1, 0, rules.symbol, c.primary_exchange, ""),
        *(rules.sector, rules.asset_class, "", "UTC", hours, hours, "", 0, 0, 1, "", "", "26", "", "COMMON"),
        *(format_e9(max(rules.min_quantity_e9, rules.lot_e9)), format_e9(rules.lot_e9), format_e9(rules.lot_e9)),
    ]


def _hours(rules: TradingRules, now_ns: int) -> str:
    days = [time.strftime("%Y%m%d", time.gmtime(now_ns // 10**9 + 86400 * offset)) for offset in range(-1, 3)]
    if rules.status is TradingStatus.CLOSED:
        return ";".join(f"{day}:CLOSED" for day in days)
    return ";".join(f"{day}:0000-{following}:0000" for day, following in pairwise(days))


def tick_price(request_id: int, tick_type: int, price_e9: int | None, size_e9: int) -> Fields:
    """Message 1.

    Parameters
    ----------
    request_id : int
        Subscription.
    tick_type : int
        1 bid, 2 ask, 4 last.
    price_e9 : int or None
        ``None`` is sent as -1.
    size_e9 : int
        Displayed size.

    Returns
    -------
    fields : list
        Of one message.
    """
    return [1, 6, request_id, tick_type, "-1" if price_e9 is None else format_e9(price_e9), format_e9(size_e9), 0]
