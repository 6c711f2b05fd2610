"""What Binance says, read into our words: orders, fills, balances, events; anything else is a BrokerError."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

from nanodesk.brokers.base import BrokerEvent
from nanodesk.brokers.binance.pairs import Pairs
from nanodesk.brokers.fields import Fields
from nanodesk.errors import BrokerError
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import CLIENT_ORDER_ID, Execution, Order, OrderReport, OrderState, OrderType

T = TypeVar("T")

MS: Final = 1_000_000
"""Nanoseconds in a millisecond."""

_STATES: Final = {
    "NEW": OrderState.NEW,
    "PENDING_NEW": OrderState.PENDING_NEW,
    "PARTIALLY_FILLED": OrderState.PARTIALLY_FILLED,
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELLED,
    "PENDING_CANCEL": OrderState.PENDING_CANCEL,
    "REJECTED": OrderState.REJECTED,
    "EXPIRED": OrderState.EXPIRED,
    "EXPIRED_IN_MATCH": OrderState.EXPIRED,
}
_TYPES: Final = {
    "MARKET": OrderType.MARKET,
    "LIMIT": OrderType.LIMIT,
    "LIMIT_MAKER": OrderType.LIMIT,
    "STOP_LOSS": OrderType.STOP,
    "STOP_LOSS_LIMIT": OrderType.STOP_LIMIT,
    "TAKE_PROFIT": OrderType.STOP,
    "TAKE_PROFIT_LIMIT": OrderType.STOP_LIMIT,
}
_FOREIGN: Final = ("web_", "and_", "ios_", "electron_", "x-")
"""How ids of the venue's own applications and of its partners' programs begin."""

_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}


def order_report(row: Fields, pairs: Pairs) -> OrderReport:
    """One order as the REST calls and the answers of the WebSocket API describe it.

    Parameters
    ----------
    row : Fields
        The object.
    pairs : Pairs
        Names of instruments.

    Returns
    -------
    report : OrderReport
        After a cancel under the id that the order had, not that of the cancel. The quantity of an order that waits
        for another (placed by hand as a list) is not known before and 0.

    Raises
    ------
    BrokerError
        If it cannot be read.
    """
    filled = row.amount("executedQty")
    quote_key = "cummulativeQuoteQty" if "cummulativeQuoteQty" in row else "cumulativeQuoteQty"
    is_cancel = row.text("status") == "CANCELED"
    name = row.text("origClientOrderId", "") if is_cancel else ""
    return OrderReport(
        client_order_id=_our_id(name or row.text("clientOrderId")),
        venue_order_id=str(row.integer("orderId")),
        symbol=pairs.symbol(row.text("symbol")),
        side=side(row, "side"),
        state=state(row, "status"),
        quantity_e9=row.amount("origQty") if "origQty" in row else row.amount("qty", 0),
        filled_quantity_e9=filled,
        average_price_e9=_average(row.amount(quote_key, 0), filled),
        order_type=order_type(row, "type"),
        limit_price_e9=row.amount("price", 0) or None,
        stop_price_e9=row.amount("stopPrice", 0) or None,
        ts_event_ns=_newest(row, ("transactTime", "updateTime", "time")),
    )


def acknowledged(row: Fields, order: Order, pairs: Pairs) -> OrderReport:
    """A placed order from the shortest answer, which names only its ids.

    Parameters
    ----------
    row : Fields
        The object; a longer one is read whole.
    order : Order
        What was sent.
    pairs : Pairs
        Names of instruments.

    Returns
    -------
    report : OrderReport
        The order at the venue.

    Raises
    ------
    BrokerError
        If it cannot be read, or is another order.
    """
    if row.text("clientOrderId") != order.client_order_id:
        raise BrokerError("The answer is about another order.", field="clientOrderId")
    if "status" in row:
        return order_report(row, pairs)
    return OrderReport(
        client_order_id=order.client_order_id,
        venue_order_id=str(row.integer("orderId")),
        symbol=order.symbol,
        side=order.side,
        state=OrderState.NEW,
        quantity_e9=order.quantity_e9,
        filled_quantity_e9=0,
        order_type=order.order_type,
        limit_price_e9=order.limit_price_e9,
        stop_price_e9=order.stop_price_e9,
        ts_event_ns=row.integer("transactTime", 0) * MS,
    )


def fills_of_order(row: Fields, report: OrderReport, pairs: Pairs) -> tuple[Execution, ...]:
    """Fills that the answer to a new order carries.

    Parameters
    ----------
    row : Fields
        The answer.
    report : OrderReport
        The order read from it.
    pairs : Pairs
        Names of instruments.

    Returns
    -------
    executions : tuple of Execution
        In the venue's order.

    Raises
    ------
    BrokerError
        If one cannot be read.
    """
    pair = row.text("symbol")
    return tuple(
        Execution(
            execution_id=execution_id(pair, fill.integer("tradeId"), fill.integer("allocId", -1)),
            client_order_id=report.client_order_id,
            venue_order_id=report.venue_order_id,
            symbol=report.symbol,
            side=report.side,
            quantity_e9=_positive(fill, "qty"),
            price_e9=fill.amount("price"),
            fee_e9=fill.amount("commission", 0),
            fee_currency=pairs.coin(fill.text("commissionAsset", "")),
            ts_event_ns=report.ts_event_ns,
        )
        for fill in row.rows("fills")
        if "tradeId" in fill
    )


def trade(row: Fields, pairs: Pairs, client_order_id: str = "") -> Execution:
    """One row of ``myTrades``.

    Parameters
    ----------
    row : Fields
        The object.
    pairs : Pairs
        Names of instruments.
    client_order_id : str, default ""
        The order's id, which the row does not tell.

    Returns
    -------
    execution : Execution
        The fill.

    Raises
    ------
    BrokerError
        If it cannot be read.
    """
    pair = row.text("symbol")
    return Execution(
        execution_id=execution_id(pair, row.integer("id")),
        client_order_id=client_order_id,
        venue_order_id=str(row.integer("orderId")),
        symbol=pairs.symbol(pair),
        side=Side.BUY if row.flag("isBuyer") else Side.SELL,
        quantity_e9=_positive(row, "qty"),
        price_e9=row.amount("price"),
        fee_e9=row.amount("commission", 0),
        fee_currency=pairs.coin(row.text("commissionAsset", "")),
        ts_event_ns=row.integer("time") * MS,
    )


@dataclass(frozen=True, slots=True)
class StreamReport:
    """One ``executionReport``.

    Parameters
    ----------
    report : OrderReport
        The order after it.
    execution : Execution or None
        The fill, if it is one.
    pair : str
        Name at the venue.
    number : int
        Number of the report at the venue, 0 where it tells none.
    """

    report: OrderReport
    execution: Execution | None
    pair: str
    number: int

    @property
    def events(self) -> tuple[BrokerEvent, ...]:
        """The same as events of the port: the fill first, then the state that it led to."""
        return (self.report,) if self.execution is None else (self.execution, self.report)


def stream_report(event: Fields, pairs: Pairs) -> StreamReport:
    """An ``executionReport`` of the user data stream.

    Parameters
    ----------
    event : Fields
        The event.
    pairs : Pairs
        Names of instruments.

    Returns
    -------
    report : StreamReport
        Order and fill. After a cancel the order has its own id back; after an amendment it names the id before.

    Raises
    ------
    BrokerError
        If it cannot be read.
    """
    pair, filled, kind = event.text("s"), event.amount("z"), event.text("x")
    name, before = event.text("c"), event.text("C", "")
    is_ended = kind in ("CANCELED", "EXPIRED", "REJECTED")
    reason = event.text("r", "NONE")
    report = OrderReport(
        client_order_id=_our_id(before if is_ended and before not in ("", "null") else name),
        venue_order_id=str(event.integer("i")),
        symbol=pairs.symbol(pair),
        side=side(event, "S"),
        state=state(event, "X"),
        quantity_e9=event.amount("q"),
        filled_quantity_e9=filled,
        average_price_e9=_average(event.amount("Z", 0), filled),
        order_type=order_type(event, "o"),
        limit_price_e9=event.amount("p", 0) or None,
        stop_price_e9=event.amount("P", 0) or None,
        replaces=_our_id(before) if kind == "REPLACED" else "",
        code="" if reason == "NONE" else reason,
        ts_event_ns=event.integer("T") * MS,
    )
    return StreamReport(
        report, _stream_fill(event, report, pairs) if kind == "TRADE" else None, pair, event.integer("I", 0)
    )


def _stream_fill(event: Fields, report: OrderReport, pairs: Pairs) -> Execution:
    return Execution(
        execution_id=execution_id(event.text("s"), event.integer("t"), event.integer("a", -1)),
        client_order_id=report.client_order_id,
        venue_order_id=report.venue_order_id,
        symbol=report.symbol,
        side=report.side,
        quantity_e9=_positive(event, "l"),
        price_e9=event.amount("L"),
        fee_e9=event.amount("n", 0),
        fee_currency=pairs.coin(event.text("N", "")),
        ts_event_ns=report.ts_event_ns,
    )


def balances(answer: Fields) -> dict[str, tuple[int, int]]:
    """Free and locked amounts by asset.

    Parameters
    ----------
    answer : Fields
        Answer of ``account``.

    Returns
    -------
    balances_e9 : dict of str to (int, int)
        Those that are not zero, in billionths.

    Raises
    ------
    BrokerError
        If one cannot be read.
    """
    found = {row.text("asset"): (row.amount("free"), row.amount("locked")) for row in answer.rows("balances")}
    return {asset: amounts for asset, amounts in found.items() if any(amounts)}


def execution_id(pair: str, trade_id: int, allocation_id: int = -1) -> str:
    """Id of a fill: trades are numbered for each pair, so the pair belongs to it.

    Parameters
    ----------
    pair : str
        Name at the venue.
    trade_id : int
        The venue's number.
    allocation_id : int, default -1
        Number of an allocation, which smart order routing gives in place of trades.

    Returns
    -------
    execution_id : str
        Unique within the account.

    Raises
    ------
    BrokerError
        If the number is negative.

    Examples
    --------
    >>> execution_id("BTCUSDT", 28457)
    'BTCUSDT:28457'
    """
    if trade_id < 0 <= allocation_id:
        return f"{pair}:a{allocation_id}"
    if trade_id < 0:
        raise BrokerError(f"The fill has no trade number ({trade_id}).", field="tradeId", value=trade_id)
    return f"{pair}:{trade_id}"


def side(row: Fields, key: str) -> Side:
    """The side of an order.

    Parameters
    ----------
    row : Fields
        The object.
    key : str
        Name of the field.

    Returns
    -------
    side : Side
        In our words.

    Raises
    ------
    BrokerError
        If the word is not known.
    """
    return _known(_SIDES, row.text(key), key)


def state(row: Fields, key: str) -> OrderState:
    """The state of an order.

    Parameters
    ----------
    row : Fields
        The object.
    key : str
        Name of the field.

    Returns
    -------
    state : OrderState
        In our words.

    Raises
    ------
    BrokerError
        If the word is not known.
    """
    return _known(_STATES, row.text(key), key)


def order_type(row: Fields, key: str) -> OrderType:
    """The type of an order.

    Parameters
    ----------
    row : Fields
        The object.
    key : str
        Name of the field.

    Returns
    -------
    order_type : OrderType
        In our words.

    Raises
    ------
    BrokerError
        If the word is not known.
    """
    return _known(_TYPES, row.text(key), key)


def _known(table: dict[str, T], word: str, key: str) -> T:
    if word not in table:
        raise BrokerError(f"{key}={word[:40]!r} is a word this adapter does not know.", field=key, value=word[:40])
    return table[word]


def _our_id(text: str) -> str:
    # An id that we could not have given belongs to an order placed elsewhere, as one of the venue's own clients.
    return text if CLIENT_ORDER_ID.fullmatch(text) and not text.startswith(_FOREIGN) else ""


def _average(cash_e9: int, filled_e9: int) -> int:
    # The venue writes -1 where the cash of an old order is not known.
    return (2 * cash_e9 * E9 + filled_e9) // (2 * filled_e9) if filled_e9 > 0 and cash_e9 > 0 else 0


def _positive(row: Fields, key: str) -> int:
    amount = row.amount(key)
    if amount <= 0:
        raise BrokerError(f"The fill has {key}={amount} billionths.", field=key, value=amount)
    return amount


def _newest(row: Fields, keys: tuple[str, ...]) -> int:
    return max((row.integer(key, 0) for key in keys), default=0) * MS
