"""Orders, their reports and their executions, in the words of FIX and without any venue's dialect."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, unique
from typing import Final

from nanodesk.errors import ValidationError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import require_positive_e9

CLIENT_ORDER_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,36}")
"""What every venue accepts as an id of ours."""


@unique
class OrderType(Enum):
    """How an order is priced."""

    __hash__ = object.__hash__  # members are looked up for every message; the enum's own hash is a call of Python

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"

    @property
    def needs_limit(self) -> bool:
        """Whether a limit price belongs to it."""
        return self in (OrderType.LIMIT, OrderType.STOP_LIMIT)

    @property
    def needs_stop(self) -> bool:
        """Whether a stop price belongs to it."""
        return self in (OrderType.STOP, OrderType.STOP_LIMIT)


@unique
class OrderState(Enum):
    """Where an order stands, in FIX terms, with the two states that FIX lacks.

    ``INTENT_LOGGED`` means durable on our disk and not yet sent; ``UNKNOWN`` means sent, or perhaps sent, with
    an outcome that only the venue can tell.
    """

    __hash__ = object.__hash__  # members are looked up for every message; the enum's own hash is a call of Python

    CREATED = "created"
    RISK_REJECTED = "risk_rejected"
    INTENT_LOGGED = "intent_logged"
    NOT_SENT = "not_sent"
    PENDING_NEW = "pending_new"
    UNKNOWN = "unknown"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    PENDING_CANCEL = "pending_cancel"
    CANCELLED = "cancelled"
    PENDING_REPLACE = "pending_replace"
    REPLACED = "replaced"
    REJECTED = "rejected"
    EXPIRED = "expired"
    DONE_FOR_DAY = "done_for_day"
    SUSPENDED = "suspended"
    STOPPED = "stopped"
    CALCULATED = "calculated"

    @property
    def is_terminal(self) -> bool:
        """Whether the venue holds nothing open; late fills and corrections are still booked."""
        return self in _TERMINAL

    @property
    def may_be_live(self) -> bool:
        """Whether the venue may still trade the order."""
        return not self.is_terminal and self not in (OrderState.CREATED, OrderState.INTENT_LOGGED)


_TERMINAL = frozenset(
    {
        OrderState.RISK_REJECTED,
        OrderState.NOT_SENT,
        OrderState.FILLED,
        OrderState.CANCELLED,
        OrderState.REPLACED,
        OrderState.REJECTED,
        OrderState.EXPIRED,
    }
)


@dataclass(frozen=True, slots=True)
class Order:
    """What we ask a venue to do.

    Parameters
    ----------
    client_order_id : str
        Our id: 1 to 36 letters, digits, ``_``, ``.`` or ``-``; the same for the same intent, never random.
    symbol : str
        Name of the instrument at the desk.
    side : Side
        Buy or sell.
    quantity_e9 : int
        Positive quantity, in billionths of a share, contract or coin.
    order_type : OrderType, default MARKET
        How it is priced.
    limit_price_e9, stop_price_e9 : int, optional
        Prices in billionths of a currency unit; given exactly when the type needs them.
    time_in_force : TimeInForce, default DAY
        How long it lives.
    post_only, reduce_only : bool, default False
        Never takes liquidity; never grows or flips a position.

    Raises
    ------
    ValidationError
        If the id is malformed, a number is not positive, or a price is missing or superfluous.
    """

    client_order_id: str
    symbol: str
    side: Side
    quantity_e9: int
    order_type: OrderType = OrderType.MARKET
    limit_price_e9: int | None = None
    stop_price_e9: int | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    post_only: bool = False
    reduce_only: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.client_order_id, str) or not CLIENT_ORDER_ID.fullmatch(self.client_order_id):
            raise ValidationError(
                f"client_order_id={str(self.client_order_id)[:60]!r} is not 1 to 36 of letters, digits, '_', '.', '-'.",
                field="client_order_id",
                value=self.client_order_id,
                allowed="1-36 of A-Z a-z 0-9 _ . -",
            )
        require_positive_e9(self.quantity_e9, field="quantity_e9")
        self._check_price("limit_price_e9", self.limit_price_e9, self.order_type.needs_limit)
        self._check_price("stop_price_e9", self.stop_price_e9, self.order_type.needs_stop)

    def _check_price(self, field: str, price_e9: int | None, needed: bool) -> None:
        if needed:
            require_positive_e9(price_e9, field=field)
        elif price_e9 is not None:
            raise ValidationError(
                f"{field}={price_e9} does not belong to a {self.order_type.value} order ({self.symbol}).",
                field=field,
                value=price_e9,
                allowed="None",
                fix="Leave it out or change order_type.",
            )

    @property
    def signed_quantity_e9(self) -> int:
        """Quantity with the sign of the side."""
        return self.quantity_e9 if self.side is Side.BUY else -self.quantity_e9


@dataclass(frozen=True, slots=True)
class OrderReport:
    """What a venue says about one order, at one moment.

    Parameters
    ----------
    client_order_id : str
        Our id; empty for an order that is not ours (placed by a human or another program).
    venue_order_id : str
        The venue's id; permId at Interactive Brokers.
    symbol : str
        Name at the desk.
    side : Side
        Buy or sell.
    state : OrderState
        In our words.
    quantity_e9, filled_quantity_e9 : int
        Ordered and filled so far, in billionths.
    average_price_e9 : int, default 0
        Mean price of the fills, 0 before the first.
    order_type : OrderType, default LIMIT
        How it is priced.
    limit_price_e9, stop_price_e9 : int, optional
        Its prices.
    replaces : str, default ""
        Client id of the order that it took the place of.
    code, text : str, default ""
        The venue's reason, when it gave one.
    ts_event_ns : int, default 0
        The venue's clock, nanoseconds since 1970, 0 when it gave none.
    """

    client_order_id: str
    venue_order_id: str
    symbol: str
    side: Side
    state: OrderState
    quantity_e9: int
    filled_quantity_e9: int
    average_price_e9: int = 0
    order_type: OrderType = OrderType.LIMIT
    limit_price_e9: int | None = None
    stop_price_e9: int | None = None
    replaces: str = ""
    code: str = ""
    text: str = ""
    ts_event_ns: int = 0

    @property
    def leaves_quantity_e9(self) -> int:
        """Quantity that may still fill; zero once terminal."""
        return 0 if self.state.is_terminal else max(self.quantity_e9 - self.filled_quantity_e9, 0)


@unique
class ExecutionKind(Enum):
    """What an execution report does to the position."""

    TRADE = "trade"
    CORRECT = "correct"
    BUST = "bust"


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill, correction or bust, as the venue's drop copy tells it.

    Parameters
    ----------
    execution_id : str
        Unique at the venue within the account (and, where the venue counts per symbol, with the symbol in it);
        a correction carries the id of the execution that it replaces.
    client_order_id, venue_order_id : str
        The order; the first is empty when it is not ours.
    symbol : str
        Name at the desk.
    side : Side
        Buy or sell.
    quantity_e9, price_e9 : int
        Quantity and price of this fill; for a correction the right ones, for a bust those taken back.
    fee_e9 : int, default 0
        Commission, positive when paid.
    fee_currency : str, default ""
        Its currency or asset.
    kind : ExecutionKind, default TRADE
        Fill, correction or bust.
    ts_event_ns : int, default 0
        The venue's clock, nanoseconds since 1970.
    """

    execution_id: str
    client_order_id: str
    venue_order_id: str
    symbol: str
    side: Side
    quantity_e9: int
    price_e9: int
    fee_e9: int = 0
    fee_currency: str = ""
    kind: ExecutionKind = ExecutionKind.TRADE
    ts_event_ns: int = 0

    @property
    def signed_quantity_e9(self) -> int:
        """Quantity with the sign of the side."""
        return self.quantity_e9 if self.side is Side.BUY else -self.quantity_e9


@dataclass(frozen=True, slots=True)
class WorkingOrder:
    """An order that may still trade, and how much of it.

    Parameters
    ----------
    order : Order
        As sent.
    leaves_quantity_e9 : int
        Quantity that may still fill.
    is_unknown : bool, default False
        Whether its outcome at the venue is not known.
    """

    order: Order
    leaves_quantity_e9: int
    is_unknown: bool = False
