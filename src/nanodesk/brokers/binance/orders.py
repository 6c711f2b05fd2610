"""An order of ours as Binance wants it, or the reason why it cannot be said there."""

from __future__ import annotations

from nanodesk.brokers.binance.pairs import TIMES_IN_FORCE
from nanodesk.brokers.binance.signing import Parameter
from nanodesk.errors import OrderRejectedError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import format_e9
from nanodesk.market.order import Order, OrderType


def order_parameters(order: Order, pair: str) -> dict[str, Parameter]:
    """Parameters of a new order.

    Parameters
    ----------
    order : Order
        What to send.
    pair : str
        Name at the venue.

    Returns
    -------
    parameters : dict of str to object
        Without time and signature; amounts are exact decimals.

    Raises
    ------
    OrderRejectedError
        If the venue has no words for it; it is refused here.

    Examples
    --------
    >>> order = Order("a-1", "BTC", Side.BUY, 250_000_000, OrderType.LIMIT, 50_000_120_000_000,
    ...               time_in_force=TimeInForce.GTC)
    >>> order_parameters(order, "BTCUSDT")["price"], order_parameters(order, "BTCUSDT")["quantity"]
    ('50000.12', '0.25')
    """
    if order.reduce_only and order.side is Side.BUY:
        raise _refusal(order, "reduce_only", "a spot account has no short to reduce")
    parameters: dict[str, Parameter] = {"symbol": pair, "side": order.side.value.upper(), "type": _type(order)}
    if order.order_type.needs_limit:
        assert order.limit_price_e9 is not None  # noqa: S101  (the order's own check)
        if not order.post_only:
            parameters["timeInForce"] = _time_in_force(order)
        parameters["price"] = format_e9(order.limit_price_e9)
    parameters["quantity"] = format_e9(order.quantity_e9)
    if order.stop_price_e9 is not None:
        parameters["stopPrice"] = format_e9(order.stop_price_e9)
    return {**parameters, "newClientOrderId": order.client_order_id, "newOrderRespType": "FULL"}


def _type(order: Order) -> str:
    if order.post_only:
        if order.order_type is not OrderType.LIMIT or order.time_in_force not in (TimeInForce.GTC, TimeInForce.DAY):
            raise _refusal(order, "post_only", "only a limit order good till cancelled can be post-only")
        _time_in_force(order)
        return "LIMIT_MAKER"
    return {
        OrderType.MARKET: "MARKET",
        OrderType.LIMIT: "LIMIT",
        OrderType.STOP: "STOP_LOSS",
        OrderType.STOP_LIMIT: "STOP_LOSS_LIMIT",
    }[order.order_type]


def _time_in_force(order: Order) -> str:
    if order.time_in_force not in TIMES_IN_FORCE:
        raise _refusal(order, "time_in_force", "Binance knows gtc (and day, which never ends there), ioc and fok")
    # The venue has no close at which a day order could end.
    return "GTC" if order.time_in_force is TimeInForce.DAY else order.time_in_force.value.upper()


def _refusal(order: Order, field: str, why: str) -> OrderRejectedError:
    return OrderRejectedError(
        f"Order {order.client_order_id} was not sent: {field}={getattr(order, field)!s}; {why}.", field=field
    )
