"""What a book tells about orders: values, made when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from nanodesk.market.enums import OrderStatus, Side, TimeInForce

if TYPE_CHECKING:
    from nanodesk.book.results import SubmitResult, Trade


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it stands.

    Parameters
    ----------
    id : int
        Order id.
    side : Side
        Direction.
    price : int
        Limit; the extreme of 64 bits for a market order, 0 for a parked peg.
    original_quantity, remaining_quantity, filled_quantity, cancelled_quantity : int
        As submitted; still open; traded; taken off. The last three add up to the first.
    visible_quantity : int
        What the book shows of it.
    timestamp : int
        Logical time of its submission.
    time_in_force : TimeInForce
        How long it lives.
    status : OrderStatus
        Where it stands.
    owner : int or None
        Whose it is.
    self_trade : str
        Its mode of self-trade prevention.
    post_only, reduce_only : bool
        As submitted.
    display : int or None
        What an iceberg shows at most.
    expire_ns : int or None
        When it expires.
    stop_id : int or None
        The stop it came from.
    is_held : bool
        Whether it is a bracket leg that waits for its parent.
    is_parked : bool
        Whether it is a pegged order without a reference.
    """

    id: int
    side: Side
    price: int
    original_quantity: int
    remaining_quantity: int
    filled_quantity: int
    cancelled_quantity: int
    visible_quantity: int
    timestamp: int
    time_in_force: TimeInForce
    status: OrderStatus
    owner: int | None = None
    self_trade: str = "off"
    post_only: bool = False
    reduce_only: bool = False
    display: int | None = None
    expire_ns: int | None = None
    stop_id: int | None = None
    is_held: bool = False
    is_parked: bool = False


@dataclass(frozen=True, slots=True)
class StopOrder:
    """A stop as it stands.

    Parameters
    ----------
    id : int
        Id of the stop.
    side : Side
        Direction of the order it becomes.
    stop_price : int
        Where it triggers; moves if it trails.
    limit_price : int or None
        Limit of the order it becomes; None for a market order.
    quantity : int
        Quantity of the order it becomes.
    status : str
        ``"pending"``, ``"held"``, ``"triggered"`` or ``"cancelled"``.
    timestamp : int
        Logical time of its submission.
    owner : int or None
        Whose it is.
    trail_type : str or None
        How it trails.
    watermark : int or None
        Most favourable print seen by a trailing stop.
    triggered_order_id : int or None
        The order it became.
    """

    id: int
    side: Side
    stop_price: int
    limit_price: int | None
    quantity: int
    status: str
    timestamp: int
    owner: int | None = None
    trail_type: str | None = None
    watermark: int | None = None
    triggered_order_id: int | None = None


class Notice(NamedTuple):
    """Something that happened to an order outside its own command's result.

    Parameters
    ----------
    kind : str
        What happened, a word of R70.
    order_id : int
        To which order.
    quantity : int
        How much, or the new price of a peg.
    related_id : int
        The other order, or 0.
    """

    kind: str
    order_id: int
    quantity: int
    related_id: int


class Indicative(NamedTuple):
    """What an auction would do now.

    Parameters
    ----------
    price : int
        Where it would trade.
    volume : int
        How much would trade.
    surplus : int
        Buying less selling quantity at that price.
    """

    price: int
    volume: int
    surplus: int


class AuctionResult(NamedTuple):
    """What an auction did.

    Parameters
    ----------
    price : int or None
        Where it traded.
    volume : int
        How much traded.
    trades : tuple of Trade
        The trades, in order.
    """

    price: int | None
    volume: int
    trades: tuple[Trade, ...]


class BracketResult(NamedTuple):
    """Answer to a bracket.

    Parameters
    ----------
    entry : SubmitResult
        Of the parent order.
    take_profit_id, stop_loss_id : int
        Ids of the legs.
    """

    entry: SubmitResult
    take_profit_id: int
    stop_loss_id: int
