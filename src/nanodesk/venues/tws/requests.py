"""What a client of TWS asks, as frozen values; whatever the bytes, only ``FeedError`` comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nanodesk.brokers.ibkr.frames import FieldReader
from nanodesk.brokers.ibkr.messages import TwsContract
from nanodesk.brokers.ibkr.parsing import message_id, parse_side
from nanodesk.errors import FeedError
from nanodesk.market.enums import Side


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Message 3, as far as this venue trades it.

    Parameters
    ----------
    order_id : int
        Of the client.
    contract : TwsContract
        Instrument.
    side : Side
        Buy or sell.
    quantity_e9 : int
        In billionths; 0 when empty.
    order_type, tif, account, order_ref, good_till : str
        As sent.
    limit_e9, aux_e9 : int or None
        Limit and trigger price.
    transmit, what_if : bool
        Whether it is to be sent on, and whether only its effect is asked.
    parent_id : int
        Order that it is attached to.
    """

    order_id: int
    contract: TwsContract
    side: Side
    quantity_e9: int
    order_type: str
    limit_e9: int | None
    aux_e9: int | None
    tif: str
    account: str
    order_ref: str
    transmit: bool
    parent_id: int
    good_till: str
    what_if: bool


@dataclass(frozen=True, slots=True)
class MarketDataRequest:
    """Message 1.

    Parameters
    ----------
    request_id : int
        Of the client.
    contract : TwsContract
        Instrument.
    is_snapshot : bool
        One quote, or a stream of them.
    """

    request_id: int
    contract: TwsContract
    is_snapshot: bool


@dataclass(frozen=True, slots=True)
class ContractRequest:
    """Message 9.

    Parameters
    ----------
    request_id : int
        Of the client.
    contract : TwsContract
        What is known of it.
    """

    request_id: int
    contract: TwsContract


@dataclass(frozen=True, slots=True)
class ExecutionsRequest:
    """Message 7.

    Parameters
    ----------
    request_id : int
        Of the client.
    client_id : int
        Only fills of this client; 0 for all.
    account, time, symbol, sec_type, exchange, side : str
        Filters; empty for all.
    """

    request_id: int
    client_id: int
    account: str
    time: str
    symbol: str
    sec_type: str
    exchange: str
    side: str


@dataclass(frozen=True, slots=True)
class PlainRequest:
    """A request of a number and at most a few words.

    Parameters
    ----------
    kind : int
        Message id.
    number : int
        Its one number: request id, order id, client id or switch.
    words : tuple of str
        What follows.
    """

    kind: int
    number: int
    words: tuple[str, ...]


TwsRequest = PlaceOrder | MarketDataRequest | ContractRequest | ExecutionsRequest | PlainRequest

_PLAIN_WITH_VERSION = (2, 4, 5, 6, 8, 15, 16, 17, 49, 58, 59, 61, 62, 63, 64, 71, 74, 75, 76, 77)


def parse_request(fields: Sequence[str]) -> TwsRequest:
    """One message of a client.

    Parameters
    ----------
    fields : sequence of str
        The message id first.

    Returns
    -------
    request : TwsRequest
        A :class:`PlainRequest` for every kind without a layout of its own, known here or not.

    Raises
    ------
    FeedError
        If a field is missing or cannot be read.

    Examples
    --------
    >>> parse_request(["4", "1", "17", ""])
    PlainRequest(kind=4, number=17, words=('',))
    """
    kind = message_id(fields)
    reader = FieldReader(fields, f"Request {kind}")
    if kind == 3:
        return _place_order(reader)
    if kind == 1:
        return _market_data(reader)
    if kind == 9:
        reader.skip()
        return ContractRequest(reader.integer("reqId"), _contract(reader))
    if kind == 7:
        reader.skip()
        number, client_id = reader.integer("reqId"), reader.integer("clientId")
        names = ("account", "time", "symbol", "secType", "exchange", "side")
        return ExecutionsRequest(number, client_id, *(reader.text(name) for name in names))
    if kind in _PLAIN_WITH_VERSION:
        reader.skip()
    is_word = kind in (99,) or not len(reader)
    number = 0 if is_word else reader.integer("number", -1)
    return PlainRequest(kind, number, tuple(reader.text("word") for _ in range(len(reader))))


def _contract(reader: FieldReader) -> TwsContract:
    con_id, symbol, sec_type = reader.integer("conId"), reader.text("symbol"), reader.text("secType")
    expiry, strike, right = reader.text("expiry"), reader.text("strike"), reader.text("right")
    multiplier, exchange, primary = reader.text("multiplier"), reader.text("exchange"), reader.text("primaryExchange")
    currency, local, trading_class = reader.text("currency"), reader.text("localSymbol"), reader.text("tradingClass")
    return TwsContract(
        symbol, sec_type, exchange, currency, con_id, primary, expiry, strike, right, multiplier, local, trading_class
    )


def _market_data(reader: FieldReader) -> MarketDataRequest:
    reader.skip()
    request_id, contract = reader.integer("reqId"), _contract(reader)
    if contract.sec_type == "BAG":
        reader.skip(4 * _count(reader, "legs"))
    if reader.flag("deltaNeutral"):
        reader.skip(3)
    reader.skip()  # generic ticks
    return MarketDataRequest(request_id, contract, reader.flag("snapshot"))


def _count(reader: FieldReader, name: str) -> int:
    count = reader.integer(name)
    if not 0 <= count <= 1000:
        raise FeedError(f"{name}={count} is no number of rows.", field=name, value=count, allowed="0 to 1000")
    return count


def _place_order(reader: FieldReader) -> PlaceOrder:
    order_id, contract = reader.integer("orderId"), _contract(reader)
    reader.skip(2)  # secIdType, secId
    side = parse_side(reader.text("action"), "placeOrder")
    quantity, order_type = reader.amount_e9("totalQuantity") or 0, reader.text("orderType")
    limit, aux, tif = reader.amount_e9("lmtPrice"), reader.amount_e9("auxPrice"), reader.text("tif")
    reader.skip()  # oca group
    account = reader.text("account")
    reader.skip(2)  # openClose, origin
    order_ref, transmit, parent = reader.text("orderRef"), reader.flag("transmit"), reader.integer("parentId")
    reader.skip(6)  # blockOrder, sweepToFill, displaySize, triggerMethod, outsideRth, hidden
    if contract.sec_type == "BAG":
        reader.skip(8 * _count(reader, "legs"))
        reader.skip(_count(reader, "orderLegs"))
        reader.skip(2 * _count(reader, "routing"))
    reader.skip(3)  # shares allocation, discretionary amount, good after
    good_till = reader.text("goodTillDate")
    _skip_to_what_if(reader)
    return PlaceOrder(
        order_id=order_id,
        contract=contract,
        side=side,
        quantity_e9=quantity,
        order_type=order_type,
        limit_e9=limit,
        aux_e9=aux,
        tif=tif,
        account=account,
        order_ref=order_ref,
        transmit=transmit,
        parent_id=parent,
        good_till=good_till,
        what_if=reader.flag("whatIf"),
    )


def _skip_to_what_if(reader: FieldReader) -> None:
    reader.skip(3)  # advisor's group, method, percentage
    reader.skip(22)  # modelCode to volatilityType
    has_delta_neutral = bool(reader.text("deltaNeutralOrderType"))
    reader.skip(9 if has_delta_neutral else 1)
    reader.skip(6)  # continuousUpdate to scaleSubsLevelSize
    if (reader.amount_e9("scalePriceIncrement") or 0) > 0:
        reader.skip(7)
    reader.skip(3)  # scaleTable, activeStartTime, activeStopTime
    if reader.text("hedgeType"):
        reader.skip()
    reader.skip(4)  # optOutSmartRouting, clearing account and intent, notHeld
    if reader.flag("deltaNeutral"):
        reader.skip(3)
    if reader.text("algoStrategy"):
        reader.skip(2 * _count(reader, "algoParams"))
    reader.skip()  # algoId
