"""What Alpaca says, read into our words: orders, fills, positions, quotes, events; anything else is a BrokerError.

Fills are named by order and by what the order had filled after them (:func:`fill_id`). Both the trade stream and
the account's activities state that sum, so one fill has one name wherever it is met. That the stream's
``execution_id`` is the second half of an activity's id is written nowhere, so nothing here rests on it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar

from nanodesk.brokers.alpaca.times import parse_time
from nanodesk.brokers.fields import Fields
from nanodesk.errors import BrokerError, ValidationError
from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9, LARGEST_E9, format_e9
from nanodesk.market.order import CLIENT_ORDER_ID, Execution, ExecutionKind, OrderReport, OrderState, OrderType
from nanodesk.market.trading_rules import TradingRules, TradingStatus

T = TypeVar("T")

STATES: Final = {
    "new": OrderState.NEW,
    "accepted": OrderState.NEW,
    "accepted_for_bidding": OrderState.NEW,
    "held": OrderState.NEW,
    "pending_new": OrderState.PENDING_NEW,
    "pending_review": OrderState.PENDING_NEW,
    "partially_filled": OrderState.PARTIALLY_FILLED,
    "filled": OrderState.FILLED,
    "done_for_day": OrderState.DONE_FOR_DAY,
    "canceled": OrderState.CANCELLED,
    "expired": OrderState.EXPIRED,
    "replaced": OrderState.REPLACED,
    "pending_cancel": OrderState.PENDING_CANCEL,
    "pending_replace": OrderState.PENDING_REPLACE,
    "rejected": OrderState.REJECTED,
    "suspended": OrderState.SUSPENDED,
    "stopped": OrderState.STOPPED,
    "calculated": OrderState.CALCULATED,
}
"""Our word for each status; accepted, held and bidding orders are the venue's and may be cancelled there."""

_TYPES: Final = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "stop": OrderType.STOP,
    "stop_limit": OrderType.STOP_LIMIT,
    "trailing_stop": OrderType.STOP,
}
_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL, "sell_short": Side.SELL}
_FILLS: Final = {
    "fill": ExecutionKind.TRADE,
    "partial_fill": ExecutionKind.TRADE,
    "trade_correct": ExecutionKind.CORRECT,
    "trade_bust": ExecutionKind.BUST,
}
_GIVEN_BY_VENUE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The id that Alpaca gives to an order that comes without one, as from its own pages."""

_TIMES: Final = ("updated_at", "filled_at", "canceled_at", "expired_at", "failed_at", "replaced_at", "submitted_at")
_BLOCKS: Final = ("trading_blocked", "account_blocked", "trade_suspended_by_user")
_SHARE_TICK: Final = E9 // 100
_FINEST_LOT: Final = 1


def order_report(row: Fields, *, replaces: str = "") -> OrderReport:
    """One order, as REST and the stream both describe it.

    Parameters
    ----------
    row : Fields
        The object.
    replaces : str, default ""
        Our id of the order before it, which the object names by the venue's id only.

    Returns
    -------
    report : OrderReport
        The quantity of an order by cash is what it has filled so far.

    Raises
    ------
    BrokerError
        If it cannot be read.
    """
    filled = row.amount("filled_qty", 0)
    return OrderReport(
        client_order_id=_our_id(row.text("client_order_id", "")),
        venue_order_id=_id(row, "id"),
        symbol=row.text("symbol"),
        side=_known(_SIDES, row.text("side"), "side"),
        state=_known(STATES, row.text("status"), "status"),
        quantity_e9=row.amount("qty", filled),
        filled_quantity_e9=filled,
        average_price_e9=mean(row, "filled_avg_price", 0) if filled else 0,
        order_type=_known(_TYPES, row.text("type", "") or row.text("order_type"), "type"),
        limit_price_e9=row.amount("limit_price", 0) or None,
        stop_price_e9=row.amount("stop_price", 0) or None,
        replaces=replaces,
        ts_event_ns=max((time_of(row, key) for key in _TIMES), default=0),
    )


def is_of_several_legs(row: Fields) -> bool:
    """Whether an order trades several options at once: it has neither symbol nor side, and is never ours.

    Parameters
    ----------
    row : Fields
        The order.

    Returns
    -------
    is_of_several_legs : bool
        Then it is left out; what its legs filled stands in the activities.
    """
    return row.text("order_class", "") == "mleg"


def time_of(row: Fields, key: str) -> int:
    """An instant.

    Parameters
    ----------
    row : Fields
        The object.
    key : str
        Name of the field.

    Returns
    -------
    time_ns : int
        0 where there is none.

    Raises
    ------
    BrokerError
        If it cannot be read.
    """
    text = row.text(key, "")
    return parse_time(text, field=key) if text else 0


def mean(row: Fields, key: str, default: int | None = None) -> int:
    """A price or value that the venue has computed, rounded to nine places.

    Parameters
    ----------
    row : Fields
        The object.
    key : str
        Name of the field.
    default : int, optional
        In place of one that is missing, in billionths.

    Returns
    -------
    amount_e9 : int
        In billionths.

    Raises
    ------
    BrokerError
        If it is missing or no number of a sensible size.

    Examples
    --------
    >>> mean(Fields({"filled_avg_price": "161.2533333333333333"}, "order"), "filled_avg_price")
    161253333333
    """
    if key not in row and default is not None:
        return default
    value = row.value(key)
    text = str(value) if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool) else ""
    try:
        number = Decimal(text) if 0 < len(text) <= 64 and text.isascii() and "_" not in text else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number.adjusted()) > 30 or abs(number) * E9 > LARGEST_E9:
        raise BrokerError(f"{key}={str(value)[:40]!r} is no decimal number.", field=key, value=str(value)[:40])
    return int((number * E9).to_integral_value())


def fill_id(venue_order_id: str, cumulative_e9: int, revisions: int = 0) -> str:
    """Name of a fill.

    Parameters
    ----------
    venue_order_id : str
        The order.
    cumulative_e9 : int
        What the order had filled after it, in billionths.
    revisions : int, default 0
        Busts and corrections of the order before it: they lower the sum, which may then come up again.

    Returns
    -------
    execution_id : str
        Unique within the account.

    Examples
    --------
    >>> fill_id("cddf433b", 1_792_161_878), fill_id("cddf433b", 10 * 10**9, 1)
    ('cddf433b:1.792161878', 'cddf433b:10+1')
    """
    return f"{venue_order_id}:{format_e9(cumulative_e9)}" + (f"+{revisions}" if revisions else "")


@dataclass(frozen=True, slots=True)
class FillRow:
    """One fill, correction or bust, of the stream or of the activities.

    Parameters
    ----------
    row_id : str
        The venue's id of this row, without its time.
    order_id : str
        The venue's id of the order.
    symbol : str
        Name at the desk.
    side : Side
        Buy or sell.
    kind : ExecutionKind
        What it does.
    quantity_e9, price_e9 : int
        Of this fill.
    cumulative_e9 : int
        What the order had filled after it.
    fee_e9 : int
        Commission where one is told.
    ts_ns : int
        When.
    previous_id : str
        Of a correction or bust: the row that it revises.
    """

    row_id: str
    order_id: str
    symbol: str
    side: Side
    kind: ExecutionKind
    quantity_e9: int
    price_e9: int
    cumulative_e9: int
    fee_e9: int
    ts_ns: int
    previous_id: str = ""

    def execution(self, execution_id: str, client_order_id: str) -> Execution:
        """The same in the words of the port.

        Parameters
        ----------
        execution_id : str
            Its name.
        client_order_id : str
            Our id of the order.

        Returns
        -------
        execution : Execution
            Fill, correction or bust.
        """
        return Execution(
            execution_id=execution_id,
            client_order_id=client_order_id,
            venue_order_id=self.order_id,
            symbol=self.symbol,
            side=self.side,
            quantity_e9=self.quantity_e9,
            price_e9=self.price_e9,
            fee_e9=self.fee_e9,
            fee_currency="USD" if self.fee_e9 else "",
            kind=self.kind,
            ts_event_ns=self.ts_ns,
        )


def activity(row: Fields) -> FillRow:
    """One row of ``account/activities`` of the type ``FILL``.

    Parameters
    ----------
    row : Fields
        The object.

    Returns
    -------
    fill : FillRow
        Its id is the part after the time.

    Raises
    ------
    BrokerError
        If it cannot be read.
    """
    return FillRow(
        row_id=row.text("id").rpartition("::")[2],
        order_id=_id(row, "order_id"),
        symbol=row.text("symbol"),
        side=_known(_SIDES, row.text("side"), "side"),
        kind=_known(_FILLS, row.text("type"), "type"),
        quantity_e9=_positive(row, "qty"),
        price_e9=row.amount("price"),
        cumulative_e9=row.amount("cum_qty"),
        fee_e9=row.amount("commission", 0),
        ts_ns=parse_time(row.text("transaction_time"), field="transaction_time"),
        previous_id=row.text("previous_execution_id", ""),
    )


@dataclass(frozen=True, slots=True)
class TradeUpdate:
    """One event of the trade stream.

    Parameters
    ----------
    event : str
        The venue's word: ``new``, ``fill``, ...
    report : OrderReport
        The order after it.
    fill : FillRow or None
        The fill, if it is one.
    ts_ns : int
        When.
    """

    event: str
    report: OrderReport
    fill: FillRow | None
    ts_ns: int


def trade_update(data: Fields) -> TradeUpdate:
    """One event of the trade stream.

    Parameters
    ----------
    data : Fields
        What the message carries.

    Returns
    -------
    update : TradeUpdate
        Order and fill.

    Raises
    ------
    BrokerError
        If it cannot be read.
    """
    event = data.text("event")
    report = order_report(data.child("order"))
    ts_ns = time_of(data, "timestamp") or report.ts_event_ns
    fill = None
    if event in _FILLS:
        fill = FillRow(
            row_id=data.text("execution_id", ""),
            order_id=report.venue_order_id,
            symbol=report.symbol,
            side=report.side,
            kind=_FILLS[event],
            quantity_e9=_positive(data, "qty"),
            price_e9=data.amount("price"),
            cumulative_e9=report.filled_quantity_e9,
            fee_e9=data.amount("commission", 0),
            ts_ns=ts_ns,
            previous_id=data.text("previous_execution_id", ""),
        )
    return TradeUpdate(event, report, fill, ts_ns)


def account(row: Fields, *, is_live: bool, ts_ns: int) -> Account:
    """Money of the account.

    Parameters
    ----------
    row : Fields
        Answer of ``account``.
    is_live : bool
        Whether real money is at stake.
    ts_ns : int
        When it was asked for.

    Returns
    -------
    account : Account
        Nothing can be bought where trading is blocked, by the venue or by the account's owner.

    Raises
    ------
    BrokerError
        If it cannot be read.
    """
    is_blocked = any(row.flag(what, False) for what in _BLOCKS)
    cash = mean(row, "cash")
    currency = row.text("currency", "USD")
    return Account(
        account_id=row.text("account_number"),
        currency=currency,
        equity_e9=mean(row, "equity"),
        cash_e9=cash,
        buying_power_e9=0 if is_blocked else mean(row, "buying_power"),
        is_live=is_live,
        ts_ns=ts_ns,
        balances_e9={currency: cash},
    )


def position(row: Fields) -> Holding:
    """One position.

    Parameters
    ----------
    row : Fields
        Row of ``positions``.

    Returns
    -------
    holding : Holding
        Negative when the venue calls it short.

    Raises
    ------
    BrokerError
        If it cannot be read.
    """
    sign = _known({"long": 1, "short": -1}, row.text("side"), "side")
    return Holding(row.text("symbol"), sign * abs(row.amount("qty")), mean(row, "avg_entry_price", 0))


def latest_quote(answer: Fields, symbol: str) -> Quote:
    """The newest quote of one share.

    Parameters
    ----------
    answer : Fields
        Answer of ``stocks/{symbol}/quotes/latest``.
    symbol : str
        Name at the desk.

    Returns
    -------
    quote : Quote
        With the venue's time. A price of 0 is none.

    Raises
    ------
    BrokerError
        If it cannot be read or is of another share.
    """
    if answer.text("symbol", symbol) != symbol:
        raise BrokerError("The answer is about another symbol.", field="symbol", value=answer.text("symbol")[:40])
    row = answer.child("quote")
    return Quote(
        symbol=symbol,
        bid_e9=row.amount("bp", 0) or None,
        ask_e9=row.amount("ap", 0) or None,
        last_e9=None,
        ts_ns=parse_time(row.text("t"), field="t"),
        bid_quantity_e9=row.amount("bs", 0),
        ask_quantity_e9=row.amount("as", 0),
    )


def asset_rules(row: Fields, *, is_open: bool, is_fractional: bool) -> TradingRules:
    """What the venue accepts for one asset.

    Parameters
    ----------
    row : Fields
        Answer of ``assets/{symbol}``.
    is_open : bool
        Whether the market is open now.
    is_fractional : bool
        Whether parts of shares are wanted where the asset allows them.

    Returns
    -------
    rules : TradingRules
        Whole cents for shares: finer steps exist below one dollar only, where a cent is still on the grid.

    Raises
    ------
    BrokerError
        If it cannot be read.
    """
    is_share = row.text("class", "us_equity") == "us_equity"
    lot = E9
    if not is_share or (is_fractional and row.flag("fractionable", False)):
        lot = max(row.amount("min_trade_increment", 0), _FINEST_LOT)
    is_tradable = row.flag("tradable") and row.text("status") == "active"
    status = TradingStatus.TRADING if is_open or not is_share else TradingStatus.CLOSED
    try:
        return TradingRules(
            symbol=row.text("symbol"),
            tick_e9=row.amount("price_increment", 0) or _SHARE_TICK,
            lot_e9=lot,
            min_quantity_e9=max(row.amount("min_order_size", 0), 1) if lot < E9 else 1,
            min_notional_e9=E9 if lot < E9 else 0,
            status=status if is_tradable else TradingStatus.HALTED,
            times_in_force=frozenset({TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK}),
            can_short=row.flag("shortable", False) and row.flag("easy_to_borrow", False),
            asset_class=row.text("class", ""),
            venue="alpaca",
        )
    except ValidationError as error:
        raise BrokerError(f"The rules of an asset cannot be used: {error}", field=error.field) from error


def _known(table: dict[str, T], word: str, key: str) -> T:
    if word not in table:
        raise BrokerError(f"{key}={word[:40]!r} is a word this adapter does not know.", field=key, value=word[:40])
    return table[word]


def _id(row: Fields, key: str) -> str:
    text = row.text(key)
    if not CLIENT_ORDER_ID.fullmatch(text):
        raise BrokerError(f"{key}={text[:40]!r} is no id of the venue.", field=key, value=text[:40])
    return text


def _our_id(text: str) -> str:
    return text if CLIENT_ORDER_ID.fullmatch(text) and not _GIVEN_BY_VENUE.fullmatch(text) else ""


def _positive(row: Fields, key: str) -> int:
    amount = row.amount(key)
    if amount <= 0:
        raise BrokerError(f"The fill has {key}={amount} billionths.", field=key, value=amount)
    return amount
