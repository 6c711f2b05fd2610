"""Values of the paper market: orders, executions, events, fees and the words of its refusals."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, unique
from operator import attrgetter
from typing import Any, Final

from nanodesk.errors import ValidationError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.order import Execution, ExecutionKind, Order, OrderReport, OrderState

HOUSE: Final = "~HOUSE"
"""Ledger account that stands behind the quotes."""

FEES: Final = "~FEES"
"""Ledger account that receives commissions."""

BPS_E9: Final = E9 // 10_000
"""One basis point as a fraction in billionths."""


@unique
class Refusal(Enum):
    """Why the market refused a request; the value is the ``code`` of the order or the answer."""

    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_SYMBOL = "unknown_symbol"
    HALTED = "halted"
    CLOSED = "closed"
    EXPIRED = "expired"
    ORDER_TYPE = "order_type"
    TIME_IN_FORCE = "time_in_force"
    TICK = "tick"
    LOT = "lot"
    QUANTITY_RANGE = "quantity_range"
    PRICE_RANGE = "price_range"
    NOTIONAL_RANGE = "notional_range"
    OUT_OF_RANGE = "out_of_range"
    DUPLICATE_ID = "duplicate_id"
    NO_LIQUIDITY = "no_liquidity"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    INSUFFICIENT_POSITION = "insufficient_position"
    POST_ONLY = "post_only"
    REDUCE_ONLY = "reduce_only"
    STOP_PRICE = "stop_price"
    UNKNOWN_ORDER = "unknown_order"
    ORDER_CLOSED = "order_closed"
    NOTHING_TO_CHANGE = "nothing_to_change"


@unique
class IdRule(Enum):
    """Which client order ids a venue takes twice."""

    EVER = "ever"
    OPEN = "open"
    FREE = "free"


@unique
class EventKind(Enum):
    """What happened to an order."""

    __hash__ = object.__hash__  # members are looked up for every message; the enum's own hash is a call of Python

    PENDING = "pending"
    NEW = "new"
    REJECTED = "rejected"
    TRIGGERED = "triggered"
    TRADE = "trade"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REPLACED = "replaced"
    CHANGED = "changed"
    CANCEL_REJECTED = "cancel_rejected"
    REPLACE_REJECTED = "replace_rejected"
    BUST = "bust"
    CORRECT = "correct"
    BALANCE = "balance"


@dataclass(frozen=True, slots=True)
class Fees:
    """What a fill costs.

    Parameters
    ----------
    maker_e9, taker_e9 : int, default 0
        Fraction of the notional in billionths; 10 bps are 1_000_000. A rebate is negative.
    per_unit_e9 : int, default 0
        Per share, contract or coin, in billionths of the currency.
    minimum_e9 : int, default 0
        Least commission of one order, in billionths of the currency; charged with its first fill.
    in_received_asset : bool, default False
        Whether a buyer pays in the coins bought, as at Binance; then only the fractions may be set.

    Raises
    ------
    ValidationError
        If ``per_unit_e9`` or ``minimum_e9`` is negative, a fraction is not within -1 % to 10 %, or
        ``in_received_asset`` is joined with an amount of money.

    Examples
    --------
    >>> Fees.bps(maker="1", taker="2.5").taker_e9
    250000
    """

    maker_e9: int = 0
    taker_e9: int = 0
    per_unit_e9: int = 0
    minimum_e9: int = 0
    in_received_asset: bool = False

    def __post_init__(self) -> None:
        for name in ("maker_e9", "taker_e9"):
            if not -E9 // 100 <= getattr(self, name) <= E9 // 10:
                raise _fee_error(name, getattr(self, name), "a fraction from -1 % to 10 % in billionths")
        for name in ("per_unit_e9", "minimum_e9"):
            value = getattr(self, name)
            if value < 0 or (value and self.in_received_asset):
                raise _fee_error(name, value, "0 or more, and 0 when fees are taken in the asset received")

    @classmethod
    def bps(cls, *, maker: str = "0", taker: str = "0", in_received_asset: bool = False) -> Fees:
        """Fees in basis points of the notional.

        Parameters
        ----------
        maker, taker : str, default "0"
            Basis points as decimal text.
        in_received_asset : bool, default False
            Whether a buyer pays in the coins bought.

        Returns
        -------
        fees : Fees
            The same as fractions.
        """
        fractions = [parse_e9(bps, field=name) // 10_000 for name, bps in (("maker", maker), ("taker", taker))]
        return cls(fractions[0], fractions[1], in_received_asset=in_received_asset)

    def on(self, notional: int, quantity_e9: int, *, is_maker: bool = False) -> int:
        """Commission of a fill before the minimum of its order.

        Parameters
        ----------
        notional : int
            Cash value in billionths, or the quantity when fees are taken in the asset received.
        quantity_e9 : int
            Quantity in billionths.
        is_maker : bool, default False
            Whether the order was resting.

        Returns
        -------
        fee_e9 : int
            Billionths of the currency or asset, rounded down, so that the parts never cost more than the whole.
        """
        fraction = self.maker_e9 if is_maker else self.taker_e9
        return abs(notional) * fraction // E9 + self.per_unit_e9 * quantity_e9 // E9

    def worst(self, notional: int, quantity_e9: int) -> int:
        """The most money that the rest of an order can cost.

        Parameters
        ----------
        notional, quantity_e9 : int
            Cash value and quantity in billionths.

        Returns
        -------
        fee_e9 : int
            Billionths of the currency.
        """
        dearest = max(self.on(notional, quantity_e9), self.on(notional, quantity_e9, is_maker=True), 0)
        return max(dearest, self.minimum_e9)


def _fee_error(name: str, value: int, allowed: str) -> ValidationError:
    return ValidationError(f"{name}={value} must be {allowed}.", field=name, value=value, allowed=allowed)


@dataclass(frozen=True, slots=True)
class Reject:
    """A refusal written in advance, for rehearsals and tests.

    Parameters
    ----------
    code, text : str
        Reason to give.
    symbol : str, optional
        Only orders of this symbol.
    side : Side, optional
        Only orders of this side.
    skip : int, default 0
        How many matching orders pass first.
    count : int, default 1
        How many are then refused.
    """

    code: str
    text: str = ""
    symbol: str | None = None
    side: Side | None = None
    skip: int = 0
    count: int = 1

    def fits(self, order: Order) -> bool:
        """Whether an order is meant.

        Parameters
        ----------
        order : Order
            As submitted.

        Returns
        -------
        fits : bool
            Symbol and side agree.
        """
        return self.symbol in (None, order.symbol) and self.side in (None, order.side)


@dataclass(frozen=True, slots=True)
class PaperOrder:
    """One order as the market holds it at one moment.

    Parameters
    ----------
    number : int
        The market's id, from 1, in the order of arrival.
    account_id : str
        Whose it is.
    client_order_id : str
        The client's id; empty for an order placed by hand.
    order : Order
        As it stands: prices and quantity after changes in place.
    state : OrderState
        In FIX words.
    filled_quantity_e9 : int, default 0
        Filled so far, in billionths.
    filled_value : int, default 0
        Sum of price times quantity of the fills, in 1e-18.
    fee_e9 : int, default 0
        Commissions so far, in billionths of the fee's asset.
    code, text : str, default ""
        Reason of a refusal or an end.
    replaces, replaced_by : int, default 0
        Numbers of the order before and after in a chain of replacements.
    created_ns, updated_ns : int, default 0
        Arrival and last change, nanoseconds since 1970.
    expires_ns : int or None
        Last instant of a GTD order.
    is_triggered : bool, default False
        Whether a stop has become an order.
    is_manual : bool, default False
        Whether a human placed it at the venue.
    tag : str, default ""
        Free text of the venue, kept and dumped.
    """

    number: int
    account_id: str
    client_order_id: str
    order: Order
    state: OrderState
    filled_quantity_e9: int = 0
    filled_value: int = 0
    fee_e9: int = 0
    code: str = ""
    text: str = ""
    replaces: int = 0
    replaced_by: int = 0
    created_ns: int = 0
    updated_ns: int = 0
    expires_ns: int | None = None
    is_triggered: bool = False
    is_manual: bool = False
    tag: str = ""

    @property
    def symbol(self) -> str:
        """Name at the market."""
        return self.order.symbol

    @property
    def side(self) -> Side:
        """Buy or sell."""
        return self.order.side

    @property
    def quantity_e9(self) -> int:
        """Ordered quantity after changes, in billionths."""
        return self.order.quantity_e9

    @property
    def leaves_quantity_e9(self) -> int:
        """Quantity that may still fill; zero once terminal."""
        return 0 if self.state.is_terminal else self.order.quantity_e9 - self.filled_quantity_e9

    @property
    def average_price_e9(self) -> int:
        """Mean price of the fills, half up; 0 before the first."""
        filled = self.filled_quantity_e9
        return (2 * self.filled_value + filled) // (2 * filled) if filled > 0 else 0

    @property
    def is_open(self) -> bool:
        """Whether it may still trade."""
        return not self.state.is_terminal

    @property
    def is_waiting_stop(self) -> bool:
        """Whether it is a stop that has not been triggered."""
        return self.order.order_type.needs_stop and not self.is_triggered

    def changed(self, **changes: Any) -> PaperOrder:
        """The order a moment later.

        Parameters
        ----------
        **changes : object
            New values by field name.

        Returns
        -------
        order : PaperOrder
            A new frozen order.
        """
        # Four times an order, so quicker than dataclasses.replace.
        return PaperOrder(**{**dict(zip(PaperOrder.__slots__, _ALL_OF(self), strict=True)), **changes})

    def report(self, *, replaces: str = "") -> OrderReport:
        """The same in the words of the broker port.

        Parameters
        ----------
        replaces : str, default ""
            Client id of the order before it in a chain.

        Returns
        -------
        report : OrderReport
            With ``venue_order_id`` the number.
        """
        order = self.order
        return OrderReport(
            client_order_id=self.client_order_id,
            venue_order_id=str(self.number),
            symbol=order.symbol,
            side=order.side,
            state=self.state,
            quantity_e9=order.quantity_e9,
            filled_quantity_e9=self.filled_quantity_e9,
            average_price_e9=self.average_price_e9,
            order_type=order.order_type,
            limit_price_e9=order.limit_price_e9,
            stop_price_e9=order.stop_price_e9,
            replaces=replaces,
            code=self.code,
            text=self.text,
            ts_event_ns=self.updated_ns,
        )


_ALL_OF: Final = attrgetter(*PaperOrder.__slots__)


@dataclass(frozen=True, slots=True)
class PaperExecution:
    """One side of one trade.

    Parameters
    ----------
    number : int
        Unique in the market, from 1.
    trade_number : int
        Unique per symbol, the same for both sides of a trade.
    order_number : int
        The order filled.
    account_id, client_order_id, symbol : str
        Whose, which order, what.
    side : Side
        Of the order.
    quantity_e9, price_e9 : int
        In billionths.
    fee_e9 : int
        Commission in billionths of ``fee_asset``, negative for a rebate.
    fee_asset : str
        Currency or coin.
    is_maker : bool
        Whether the order was resting.
    ts_ns : int
        When, nanoseconds since 1970.
    cumulative_e9 : int
        Filled quantity of the order including this fill.
    cash_e9 : int
        Cash that changed hands, without fee, positive.
    counter_number : int, default 0
        Execution of the other side, 0 when that was the house.
    kind : ExecutionKind, default TRADE
        Fill, correction or bust.
    revision : int, default 0
        How often it was corrected.
    """

    number: int
    trade_number: int
    order_number: int
    account_id: str
    client_order_id: str
    symbol: str
    side: Side
    quantity_e9: int
    price_e9: int
    fee_e9: int
    fee_asset: str
    is_maker: bool
    ts_ns: int
    cumulative_e9: int
    cash_e9: int
    counter_number: int = 0
    kind: ExecutionKind = ExecutionKind.TRADE
    revision: int = 0

    def report(self) -> Execution:
        """The same in the words of the broker port.

        Returns
        -------
        execution : Execution
            With ``execution_id`` the number.
        """
        return Execution(
            execution_id=str(self.number),
            client_order_id=self.client_order_id,
            venue_order_id=str(self.order_number),
            symbol=self.symbol,
            side=self.side,
            quantity_e9=self.quantity_e9,
            price_e9=self.price_e9,
            fee_e9=self.fee_e9,
            fee_currency=self.fee_asset,
            kind=self.kind,
            ts_event_ns=self.ts_ns,
        )


@dataclass(frozen=True, slots=True)
class MarketEvent:
    """One thing that happened, as one account hears it.

    Parameters
    ----------
    sequence : int
        Place among all events of the market, from 1, without gaps.
    ts_ns : int
        When, nanoseconds since 1970.
    account_id : str
        Who hears it.
    kind : EventKind
        What happened.
    order : PaperOrder, optional
        The order after it; ``None`` for a change of balance.
    execution : PaperExecution, optional
        The fill, correction or bust.
    code, text : str, default ""
        Reason of a refused cancel or replace.
    previous : PaperExecution, optional
        Of a correction: the execution as it was.
    balances_e9 : dict of str to int
        Balances after it, of the assets that it touched.
    """

    sequence: int
    ts_ns: int
    account_id: str
    kind: EventKind
    order: PaperOrder | None = None
    execution: PaperExecution | None = None
    code: str = ""
    text: str = ""
    previous: PaperExecution | None = None
    balances_e9: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the market says to a cancel or a change.

    Parameters
    ----------
    order : PaperOrder or None
        The order after the request; of a replacement the new order. ``None`` when there is no such order.
    code, text : str, default ""
        Reason of a refusal; empty when the request was taken.
    """

    order: PaperOrder | None
    code: str = ""
    text: str = ""

    @property
    def is_taken(self) -> bool:
        """Whether the request was taken."""
        return not self.code


IMMEDIATE: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK})
"""Times in force whose remainder never rests."""
