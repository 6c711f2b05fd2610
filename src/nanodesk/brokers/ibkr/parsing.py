"""Messages of the TWS socket read once: exactly, or refused by one error.

Amounts go from text to billionths without passing through a float: quantities exactly, prices rounded at the ninth
place, for they are doubles at the gateway and may come with the tail of one. The fixed layouts are read here; the two
layouts of orders, with their hundred conditional fields, are read by :mod:`nanodesk.brokers.ibkr.codec`.
The fields follow server versions 157 to 178, which is what ``ib_async`` 2.1 offers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nanodesk.brokers.ibkr.frames import FieldReader
from nanodesk.brokers.ibkr.messages import (
    AccountValue,
    CommissionMessage,
    ContractDetailsMessage,
    CurrentTime,
    EndMessage,
    EndOf,
    ExecutionMessage,
    ManagedAccounts,
    MarketDataType,
    NextValidId,
    OrderStatusMessage,
    PositionMessage,
    Tick,
    TwsContract,
    TwsError,
    TwsMessage,
)
from nanodesk.errors import FeedError
from nanodesk.market.enums import Side

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
    quantity, has_price = reader.amount_e9("shares"), not reader.is_unset
    price = reader.mean_e9("price")
    perm_id, client_id = reader.integer("permId"), reader.integer("clientId")
    reader.skip()
    cumulative, average = reader.amount_e9("cumQty") or 0, reader.mean_e9("avgPrice")
    if not execution_id or quantity is None or quantity < 0 or not has_price:
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


def _commission(reader: FieldReader) -> CommissionMessage | None:
    reader.skip()
    execution_id, is_known = reader.text("execId"), not reader.is_unset
    fee, currency = reader.mean_e9("commission"), reader.text("currency")
    # Without an amount it says that the commission is not known yet, which is not a commission of nothing.
    return CommissionMessage(execution_id, fee, currency) if is_known else None


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
    request_id, kind, has_price = reader.integer("reqId", -1), reader.integer("tickType"), not reader.is_unset
    price = reader.mean_e9("price")
    return Tick(request_id, kind, price if has_price else None, reader.amount_e9("size"))


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


_PARSERS: Final[Mapping[int, Callable[[FieldReader], TwsMessage | None]]] = {
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
