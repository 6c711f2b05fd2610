"""What TWS and IB Gateway say, as frozen values; amounts are billionths."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique

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
