"""What TWS and IB Gateway say, as frozen values: each message read once, exactly, or refused by one error.

Amounts go from text to billionths without passing through a float. The fixed layouts are read here; the two
layouts of orders, with their hundred conditional fields, are read by :mod:`nanodesk.brokers.ibkr_codec`.
The fields follow server versions 157 to 178, which is what ``ib_async`` 2.1 offers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import Enum, unique
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nanodesk.brokers.ibkr_frames import FieldReader
from nanodesk.errors import FeedError
from nanodesk.market.enums import Side


@dataclass(frozen=True, slots=True)
class TwsContract:
    """An instrument in the words of Interactive Brokers.

    Parameters
    ----------
    symbol : str
        Their symbol; a share class stands after a blank, as in ``BRK B``.
    sec_type : str, default "STK"
        ``STK``, ``FUT``, ``OPT``, ``CASH``, ``CRYPTO`` and so on.
    exchange, currency : str, default "SMART", "USD"
        Where it is routed and what pays.
    con_id : int, default 0
        Their number of it, 0 when not known.
    primary_exchange, expiry, right, multiplier, local_symbol, trading_class : str, default ""
        What tells it from others of the same symbol.
    strike : str, default "0.0"
        Strike price of an option, as written.
    """

    symbol: str
    sec_type: str = "STK"
    exchange: str = "SMART"
    currency: str = "USD"
    con_id: int = 0
    primary_exchange: str = ""
    expiry: str = ""
    strike: str = "0.0"
    right: str = ""
    multiplier: str = ""
    local_symbol: str = ""
    trading_class: str = ""


@dataclass(frozen=True, slots=True)
class ManagedAccounts:
    """Accounts that the session may use.

    Parameters
    ----------
    accounts : tuple of str
        Their names.
    """

    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NextValidId:
    """Lowest order id that this client id has not used.

    Parameters
    ----------
    order_id : int
        The id.
    """

    order_id: int


@dataclass(frozen=True, slots=True)
class CurrentTime:
    """The gateway's clock.

    Parameters
    ----------
    seconds : int
        Whole seconds since 1970.
    """

    seconds: int


@dataclass(frozen=True, slots=True)
class TwsError:
    """A message with a code: an error, a warning, a confirmation or news of a link.

    Parameters
    ----------
    request_id : int
        Request or order that it is about, -1 for none.
    code : int
        What kind.
    text : str
        In their words.
    advanced : str, default ""
        Reasons of an advanced rejection, as JSON.
    """

    request_id: int
    code: int
    text: str
    advanced: str = ""


@dataclass(frozen=True, slots=True)
class OrderStatusMessage:
    """How far an order is; repeats are normal and it may come before the order's own message.

    Parameters
    ----------
    order_id, perm_id, parent_id, client_id : int
        Identities; ``perm_id`` alone is unique across clients and sessions.
    status : str
        In their words.
    filled_e9, remaining_e9, average_price_e9, last_price_e9 : int
        Quantities and prices in billionths.
    why_held : str
        Reason when it is held.
    """

    order_id: int
    status: str
    filled_e9: int
    remaining_e9: int
    average_price_e9: int
    perm_id: int
    parent_id: int
    last_price_e9: int
    client_id: int
    why_held: str


@dataclass(frozen=True, slots=True)
class OrderMessage:
    """An order as the gateway holds it, open or completed.

    Parameters
    ----------
    contract : TwsContract
        Instrument.
    side : Side
        Buy or sell.
    quantity_e9 : int
        Ordered, in billionths.
    order_type, tif : str
        In their words.
    limit_e9, aux_e9 : int or None
        Limit and trigger price.
    account, order_ref : str
        Account and the free text that carries our client order id.
    perm_id : int
        Unique across clients and sessions.
    status : str
        In their words.
    order_id, client_id : int, default 0
        Of an open order.
    is_completed : bool, default False
        Whether it came among the completed orders.
    filled_e9 : int, default 0
        Filled quantity of a completed order.
    text : str, default ""
        Warning of an open order, last word on a completed one.
    """

    contract: TwsContract
    side: Side
    quantity_e9: int
    order_type: str
    limit_e9: int | None
    aux_e9: int | None
    tif: str
    account: str
    order_ref: str
    perm_id: int
    status: str
    order_id: int = 0
    client_id: int = 0
    is_completed: bool = False
    filled_e9: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class ExecutionMessage:
    """One fill, or the correction of one.

    Parameters
    ----------
    request_id : int
        Request that it answers, -1 when it happened now.
    order_id, perm_id, client_id : int
        The order.
    contract : TwsContract
        Instrument.
    execution_id : str
        With the number of its revision after the last dot.
    ts_ns : int
        The venue's clock, 0 when its text cannot be read.
    account, order_ref : str
        Account and our client order id.
    side : Side
        Buy or sell.
    quantity_e9, price_e9, cumulative_e9, average_price_e9 : int
        This fill, and the order so far, in billionths.
    """

    request_id: int
    order_id: int
    contract: TwsContract
    execution_id: str
    ts_ns: int
    account: str
    side: Side
    quantity_e9: int
    price_e9: int
    perm_id: int
    client_id: int
    cumulative_e9: int
    average_price_e9: int
    order_ref: str


@dataclass(frozen=True, slots=True)
class CommissionMessage:
    """What one fill cost; comes after it, and may come twice.

    Parameters
    ----------
    execution_id : str
        The fill.
    commission_e9 : int
        In billionths, positive when paid.
    currency : str
        In which.
    """

    execution_id: str
    commission_e9: int
    currency: str


@dataclass(frozen=True, slots=True)
class PositionMessage:
    """A holding.

    Parameters
    ----------
    account : str
        Whose.
    contract : TwsContract
        Instrument.
    quantity_e9, average_cost_e9 : int
        Signed quantity and cost per unit (times the multiplier for derivatives), in billionths.
    """

    account: str
    contract: TwsContract
    quantity_e9: int
    average_cost_e9: int


@dataclass(frozen=True, slots=True)
class AccountValue:
    """One line of an account's summary.

    Parameters
    ----------
    request_id : int
        Request that it answers, -1 for the running subscription.
    account, tag, value, currency : str
        As sent.
    """

    request_id: int
    account: str
    tag: str
    value: str
    currency: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A price or a size of a quote.

    Parameters
    ----------
    request_id : int
        Subscription.
    tick_type : int
        1 bid, 2 ask, 4 last, 9 close; sizes 0, 3, 5, 8; 66 to 75 are the same with delay.
    price_e9, size_e9 : int or None
        In billionths; a price of -1 means none.
    """

    request_id: int
    tick_type: int
    price_e9: int | None
    size_e9: int | None


@dataclass(frozen=True, slots=True)
class MarketDataType:
    """How fresh the quotes of a subscription are.

    Parameters
    ----------
    request_id : int
        Subscription.
    data_type : int
        1 live, 2 frozen, 3 delayed, 4 delayed and frozen.
    """

    request_id: int
    data_type: int


@dataclass(frozen=True, slots=True)
class ContractDetailsMessage:
    """What the venue accepts for an instrument.

    Parameters
    ----------
    request_id : int
        Request that it answers.
    contract : TwsContract
        Instrument, complete.
    min_tick_e9, min_size_e9, size_increment_e9 : int
        Steps in billionths, 0 when not told.
    order_types : tuple of str
        Codes of order types and instructions.
    long_name, industry, category, stock_type : str
        Descriptions.
    time_zone, trading_hours, liquid_hours : str
        When it trades, as sent.
    """

    request_id: int
    contract: TwsContract
    min_tick_e9: int
    min_size_e9: int
    size_increment_e9: int
    order_types: tuple[str, ...]
    long_name: str
    industry: str
    category: str
    stock_type: str
    time_zone: str
    trading_hours: str
    liquid_hours: str


@unique
class EndOf(Enum):
    """Which list is complete."""

    OPEN_ORDERS = 53
    ACCOUNT_DOWNLOAD = 54
    EXECUTIONS = 55
    CONTRACT_DETAILS = 52
    SNAPSHOT = 57
    POSITIONS = 62
    ACCOUNT_SUMMARY = 64
    COMPLETED_ORDERS = 102


@dataclass(frozen=True, slots=True)
class EndMessage:
    """The last line of a list.

    Parameters
    ----------
    end_of : EndOf
        Which list.
    request_id : int, default -1
        Request that it answers, where lists are told apart.
    """

    end_of: EndOf
    request_id: int = -1


TwsMessage = (
    ManagedAccounts
    | NextValidId
    | CurrentTime
    | TwsError
    | OrderStatusMessage
    | OrderMessage
    | ExecutionMessage
    | CommissionMessage
    | PositionMessage
    | AccountValue
    | Tick
    | MarketDataType
    | ContractDetailsMessage
    | EndMessage
)

_SIDES: Final = {"BUY": Side.BUY, "BOT": Side.BUY, "SELL": Side.SELL, "SLD": Side.SELL, "SSHORT": Side.SELL}


def parse_fixed(fields: Sequence[str]) -> TwsMessage | None:
    """One message of a fixed layout.

    Parameters
    ----------
    fields : sequence of str
        As split from its frame, the message id first.

    Returns
    -------
    message : TwsMessage or None
        ``None`` for an id that is not read here.

    Raises
    ------
    FeedError
        If the id is no number, a field is missing, or a field cannot be read.

    Examples
    --------
    >>> parse_fixed(["4", "2", "-1", "2104", "Market data farm connection is OK:usfarm"])
    TwsError(request_id=-1, code=2104, text='Market data farm connection is OK:usfarm', advanced='')
    """
    kind = message_id(fields)
    parser = _PARSERS.get(kind)
    return parser(FieldReader(fields, f"Message {kind}")) if parser is not None else None


def message_id(fields: Sequence[str]) -> int:
    """Number of the kind of a message.

    Parameters
    ----------
    fields : sequence of str
        As split from its frame.

    Returns
    -------
    kind : int
        Not negative.

    Raises
    ------
    FeedError
        If the first field is no such number.
    """
    kind = FieldReader(fields, "A message", start=0).integer("message id", default=-1)
    if kind < 0:
        raise FeedError(f"A message has the id {fields[0][:20]!r}.", field="message id", allowed="0 or more")
    return kind


def parse_side(text: str, message: str) -> Side:
    """Side of an order or a fill.

    Parameters
    ----------
    text : str
        ``BUY``, ``SELL``, ``SSHORT``, ``BOT`` or ``SLD``.
    message : str
        Name used in the error.

    Returns
    -------
    side : Side
        Buy or sell.

    Raises
    ------
    FeedError
        If it is another word.
    """
    side = _SIDES.get(text)
    if side is None:
        raise FeedError(
            f"{message}: side={text[:20]!r} is unknown.", field="side", value=text[:200], allowed="BUY, SELL, BOT, SLD"
        )
    return side


def parse_time(text: str) -> int:
    """Instant of a fill.

    Parameters
    ----------
    text : str
        ``20261120 09:30:00 US/Eastern``, ``20261120-14:30:00`` (UTC) or seconds since 1970.

    Returns
    -------
    ts_ns : int
        Nanoseconds since 1970; 0 when it cannot be read, because no fill is dropped for its clock. A text without
        a zone counts as UTC.

    Examples
    --------
    >>> parse_time("20261120 09:30:00 US/Eastern"), parse_time("20261120-14:30:00"), parse_time("soon")
    (1795185000000000000, 1795185000000000000, 0)
    """
    if text.isascii() and text.isdigit() and 9 <= len(text) <= 11:
        return int(text) * 10**9
    day, _, rest = text.replace("-", " ", 1).partition(" ")
    clock, _, zone = rest.strip().partition(" ")
    try:
        moment = datetime.strptime(f"{day} {clock}", "%Y%m%d %H:%M:%S").replace(tzinfo=_zone(zone.strip()))
        return int(moment.timestamp()) * 10**9
    except (ValueError, OverflowError, OSError, ZoneInfoNotFoundError):
        return 0


def _zone(name: str) -> tzinfo:
    return ZoneInfo(name) if name and name != "UTC" else UTC


def _contract(reader: FieldReader, *, has_primary: bool = False) -> TwsContract:
    # conId, symbol, secType, expiry, strike, right, multiplier, exchange, [primary], currency, local, class
    con_id, symbol, sec_type = reader.integer("conId"), reader.text("symbol"), reader.text("secType")
    expiry, strike, right = reader.text("expiry"), reader.text("strike"), reader.text("right")
    multiplier, exchange = reader.text("multiplier"), reader.text("exchange")
    primary = reader.text("primaryExchange") if has_primary else ""
    return TwsContract(
        symbol=symbol,
        sec_type=sec_type,
        exchange=exchange,
        currency=reader.text("currency"),
        con_id=con_id,
        primary_exchange=primary,
        expiry=expiry,
        strike=strike,
        right=right,
        multiplier=multiplier,
        local_symbol=reader.text("localSymbol"),
        trading_class=reader.text("tradingClass"),
    )


def _accounts(reader: FieldReader) -> ManagedAccounts:
    reader.skip()
    return ManagedAccounts(tuple(name for name in reader.text("accounts").split(",") if name))


def _next_id(reader: FieldReader) -> NextValidId:
    reader.skip()
    return NextValidId(reader.integer("orderId"))


def _time(reader: FieldReader) -> CurrentTime:
    reader.skip()
    return CurrentTime(reader.integer("time"))


def _error(reader: FieldReader) -> TwsError:
    reader.skip()
    request_id, code, text = reader.integer("reqId", -1), reader.integer("code"), reader.text("text")
    return TwsError(request_id, code, text, reader.text("advancedReject") if len(reader) else "")


def _order_status(reader: FieldReader) -> OrderStatusMessage:
    return OrderStatusMessage(
        order_id=reader.integer("orderId"),
        status=reader.text("status"),
        filled_e9=reader.amount_e9("filled") or 0,
        remaining_e9=reader.amount_e9("remaining") or 0,
        average_price_e9=reader.mean_e9("avgFillPrice"),
        perm_id=reader.integer("permId"),
        parent_id=reader.integer("parentId"),
        last_price_e9=reader.mean_e9("lastFillPrice"),
        client_id=reader.integer("clientId"),
        why_held=reader.text("whyHeld"),
    )


def _execution(reader: FieldReader) -> ExecutionMessage:
    request_id, order_id = reader.integer("reqId", -1), reader.integer("orderId")
    contract = _contract(reader)
    execution_id, when = reader.text("execId"), reader.text("time")
    account = reader.text("account")
    reader.skip()
    side = parse_side(reader.text("side"), "execDetails")
    quantity, price = reader.amount_e9("shares"), reader.amount_e9("price")
    perm_id, client_id = reader.integer("permId"), reader.integer("clientId")
    reader.skip()
    cumulative, average = reader.amount_e9("cumQty") or 0, reader.mean_e9("avgPrice")
    if not execution_id or quantity is None or quantity < 0 or price is None:
        raise FeedError(
            f"execDetails: execId={execution_id[:40]!r} with shares={quantity} and price={price} is no fill.",
            field="execId",
        )
    return ExecutionMessage(
        request_id=request_id,
        order_id=order_id,
        contract=contract,
        execution_id=execution_id,
        ts_ns=parse_time(when),
        account=account,
        side=side,
        quantity_e9=quantity,
        price_e9=price,
        perm_id=perm_id,
        client_id=client_id,
        cumulative_e9=cumulative,
        average_price_e9=average,
        order_ref=reader.text("orderRef"),
    )


def _commission(reader: FieldReader) -> CommissionMessage:
    reader.skip()
    return CommissionMessage(reader.text("execId"), reader.mean_e9("commission"), reader.text("currency"))


def _position(reader: FieldReader) -> PositionMessage:
    reader.skip()
    account = reader.text("account")
    contract = _contract(reader)
    return PositionMessage(account, contract, reader.amount_e9("position") or 0, reader.mean_e9("avgCost"))


def _summary(reader: FieldReader) -> AccountValue:
    reader.skip()
    request_id = reader.integer("reqId", -1)
    account, tag = reader.text("account"), reader.text("tag")
    return AccountValue(request_id, account, tag, reader.text("value"), reader.text("currency"))


def _tick_price(reader: FieldReader) -> Tick:
    reader.skip()
    request_id, kind = reader.integer("reqId", -1), reader.integer("tickType")
    return Tick(request_id, kind, reader.amount_e9("price"), reader.amount_e9("size"))


def _tick_size(reader: FieldReader) -> Tick:
    reader.skip()
    return Tick(reader.integer("reqId", -1), reader.integer("tickType"), None, reader.amount_e9("size"))


def _data_type(reader: FieldReader) -> MarketDataType:
    reader.skip()
    return MarketDataType(reader.integer("reqId", -1), reader.integer("marketDataType"))


def _details(reader: FieldReader) -> ContractDetailsMessage:
    request_id, symbol, sec_type = reader.integer("reqId", -1), reader.text("symbol"), reader.text("secType")
    expiry, strike, right = reader.text("expiry"), reader.text("strike"), reader.text("right")
    exchange, currency, local = reader.text("exchange"), reader.text("currency"), reader.text("localSymbol")
    reader.skip()  # market name
    trading_class, con_id = reader.text("tradingClass"), reader.integer("conId")
    min_tick = reader.amount_e9("minTick") or 0
    multiplier, order_types = reader.text("multiplier"), reader.text("orderTypes")
    reader.skip(3)  # valid exchanges, price magnifier, underlying
    long_name, primary = reader.text("longName"), reader.text("primaryExchange")
    reader.skip()  # contract month
    industry, category = reader.text("industry"), reader.text("category")
    reader.skip()  # subcategory
    zone, trading, liquid = reader.text("timeZoneId"), reader.text("tradingHours"), reader.text("liquidHours")
    reader.skip(2)  # economic value rule and multiplier
    reader.skip(2 * max(reader.integer("secIds"), 0))
    reader.skip(5)  # group, underlying symbol and type, market rules, expiration
    stock_type = reader.text("stockType")
    min_size, increment = reader.amount_e9("minSize") or 0, reader.amount_e9("sizeIncrement") or 0
    contract = TwsContract(
        symbol, sec_type, exchange, currency, con_id, primary, expiry, strike, right, multiplier, local, trading_class
    )
    return ContractDetailsMessage(
        request_id=request_id,
        contract=contract,
        min_tick_e9=min_tick,
        min_size_e9=min_size,
        size_increment_e9=increment,
        order_types=tuple(kind for kind in order_types.split(",") if kind),
        long_name=long_name,
        industry=industry,
        category=category,
        stock_type=stock_type,
        time_zone=zone,
        trading_hours=trading,
        liquid_hours=liquid,
    )


def _end(end_of: EndOf, *, has_version: bool = True, has_request: bool = False) -> Callable[[FieldReader], EndMessage]:
    def read(reader: FieldReader) -> EndMessage:
        if has_version:
            reader.skip()
        return EndMessage(end_of, reader.integer("reqId", -1) if has_request else -1)

    return read


_PARSERS: Final[Mapping[int, Callable[[FieldReader], TwsMessage]]] = {
    1: _tick_price,
    2: _tick_size,
    3: _order_status,
    4: _error,
    9: _next_id,
    10: _details,
    11: _execution,
    15: _accounts,
    49: _time,
    52: _end(EndOf.CONTRACT_DETAILS, has_request=True),
    53: _end(EndOf.OPEN_ORDERS),
    54: _end(EndOf.ACCOUNT_DOWNLOAD),
    55: _end(EndOf.EXECUTIONS, has_request=True),
    57: _end(EndOf.SNAPSHOT, has_request=True),
    58: _data_type,
    59: _commission,
    61: _position,
    62: _end(EndOf.POSITIONS),
    63: _summary,
    64: _end(EndOf.ACCOUNT_SUMMARY, has_request=True),
    102: _end(EndOf.COMPLETED_ORDERS, has_version=False),
}
