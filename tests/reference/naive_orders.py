"""What lives in the naive book: orders, stops, link groups, and the numbers all of them share."""

from __future__ import annotations

from dataclasses import dataclass, field

MAX = 2**63 - 1
MIN = -(2**63)
BUY = "buy"
SELL = "sell"
RESTING_TIFS = ("gtc", "gtd", "day")
TERMINAL = ("filled", "cancelled")
HISTORY_LENGTH = 10_000


class RefusedError(Exception):
    """A command that raises (R90): the name of the error class and the field it names."""

    def __init__(self, kind: str, field_name: str | None) -> None:
        super().__init__(kind, field_name)
        self.kind = kind
        self.field = None if kind == "TypeError" else field_name


@dataclass(eq=False)
class Group:
    """Orders and stops linked as ``oco`` or ``ouo`` (R52), by id."""

    kind: str
    members: list[int]
    is_acting: bool = False


@dataclass(eq=False)
class Peg:
    """What a pegged order follows (R58)."""

    reference: str
    offset: int
    limit_price: int | None


@dataclass(eq=False)
class Order:
    """One order (R9). ``place`` says where it is: entering, resting, parked, held or gone."""

    id: int
    side: str
    price: int
    quantity: int
    timestamp: int
    tif: str = "gtc"
    owner: int | None = None
    self_trade: str = "off"
    post_only: bool = False
    display: int | None = None
    reduce_only: bool = False
    expire_ns: int | None = None
    is_market: bool = False
    peg: Peg | None = None
    stop_id: int | None = None
    open: int = 0
    visible: int = 0
    filled: int = 0
    status: str = "new"
    place: str = "entering"
    is_top: bool = False
    group: Group | None = None
    legs: list[Order | Stop] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open = self.quantity

    @property
    def shown(self) -> int:
        """What the order shows when it comes to the back of a queue (R14)."""
        return self.open if self.display is None else min(self.display, self.open)

    @property
    def cancelled(self) -> int:
        return self.quantity - self.filled - self.open


@dataclass(eq=False)
class Trail:
    """How a trailing stop follows the prints (R39, R41)."""

    method: str
    value: float
    period: int | None
    watermark: int | None = None
    previous: int | None = None
    true_ranges: int = 0
    sum_of_ranges: float = 0.0
    atr: float | None = None


@dataclass(eq=False)
class Stop:
    """One stop (section 7). ``open`` is its quantity; status held, pending, triggered or cancelled."""

    id: int
    side: str
    stop_price: int
    limit_price: int | None
    open: int
    timestamp: int
    tif: str = "gtc"
    owner: int | None = None
    self_trade: str = "off"
    reduce_only: bool = False
    expire_ns: int | None = None
    trail: Trail | None = None
    status: str = "pending"
    triggered_order_id: int | None = None
    group: Group | None = None

    @property
    def place(self) -> str:
        return "held" if self.status == "held" else self.status

    def holds_at(self, price: int) -> bool:
        """Whether a trade at ``price`` triggers it (R38)."""
        return price >= self.stop_price if self.side == BUY else price <= self.stop_price


def opposite(side: str) -> str:
    return SELL if side == BUY else BUY


def crosses(side: str, limit: int, price: int) -> bool:
    """Whether an order of ``side`` limited at ``limit`` can trade at ``price`` (R18)."""
    return limit >= price if side == BUY else limit <= price
