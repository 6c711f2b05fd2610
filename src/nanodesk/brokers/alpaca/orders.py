"""An order of ours as Alpaca wants it, or the reason why it cannot be said there."""

from __future__ import annotations

from typing import Final

from nanodesk.errors import OrderRejectedError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import format_e9
from nanodesk.market.order import Order

_TIMES_IN_FORCE: Final = {
    TimeInForce.DAY: "day",
    TimeInForce.GTC: "gtc",
    TimeInForce.IOC: "ioc",
    TimeInForce.FOK: "fok",
}


def order_body(order: Order) -> dict[str, str]:
    """Content of a request for a new order.

    Parameters
    ----------
    order : Order
        What to send.

    Returns
    -------
    body : dict of str to str
        Amounts are exact decimals.

    Raises
    ------
    OrderRejectedError
        If the venue has no words for it; it is refused here.

    Examples
    --------
    >>> from nanodesk.market.order import OrderType
    >>> order_body(Order("a-1", "AAPL", Side.BUY, 10 * 10**9, OrderType.LIMIT, 185_050_000_000))["limit_price"]
    '185.05'
    """
    if order.post_only:
        raise _refusal(order, "post_only", "Alpaca has no such order")
    if order.time_in_force not in _TIMES_IN_FORCE:
        raise _refusal(order, "time_in_force", "Alpaca knows day, gtc, ioc and fok")
    body = {
        "symbol": order.symbol,
        "side": order.side.value,
        "type": order.order_type.value,
        "qty": format_e9(order.quantity_e9),
        "time_in_force": _TIMES_IN_FORCE[order.time_in_force],
        "client_order_id": order.client_order_id,
        **_prices(order),
    }
    if order.reduce_only:
        body["position_intent"] = "sell_to_close" if order.side is Side.SELL else "buy_to_close"
    return body


def replacement_body(order: Order) -> dict[str, str]:
    """Content of a request that replaces an order.

    Parameters
    ----------
    order : Order
        The new order, of the same symbol, side and type.

    Returns
    -------
    body : dict of str to str
        The quantity is always named: without it the venue takes the whole quantity of the old order, filled or not.

    Raises
    ------
    OrderRejectedError
        If the venue has no words for it.
    """
    if order.reduce_only:
        raise _refusal(order, "reduce_only", "a replacement at Alpaca cannot ask for it")
    body = order_body(order)
    return {
        "qty": body["qty"],
        "time_in_force": body["time_in_force"],
        "client_order_id": order.client_order_id,
        **_prices(order),
    }


def _prices(order: Order) -> dict[str, str]:
    prices = (("limit_price", order.limit_price_e9), ("stop_price", order.stop_price_e9))
    return {name: format_e9(price) for name, price in prices if price is not None}


def _refusal(order: Order, field: str, why: str) -> OrderRejectedError:
    return OrderRejectedError(
        f"Order {order.client_order_id} was not sent: {field}={getattr(order, field)!s}; {why}.", field=field
    )
