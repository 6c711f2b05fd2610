"""Orders, reports and executions as the plain values that the journal holds; defaults are left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.order import Execution, Order, OrderReport, OrderState, OrderType

SIDES: Final = {side.value: side for side in Side}
STATES: Final = {state.value: state for state in OrderState}
_TYPES: Final = {kind.value: kind for kind in OrderType}
_TIMES: Final = {time.value: time for time in TimeInForce}


def order_payload(order: Order) -> dict[str, Any]:
    """An order without its id, which has a column of its own.

    Parameters
    ----------
    order : Order
        As it is to be sent.

    Returns
    -------
    payload : dict
        Plain values.
    """
    payload: dict[str, Any] = {
        "symbol": order.symbol,
        "side": order.side.value,
        "quantity_e9": order.quantity_e9,
        "order_type": order.order_type.value,
        "time_in_force": order.time_in_force.value,
    }
    if order.limit_price_e9 is not None:
        payload["limit_price_e9"] = order.limit_price_e9
    if order.stop_price_e9 is not None:
        payload["stop_price_e9"] = order.stop_price_e9
    if order.post_only:
        payload["post_only"] = True
    if order.reduce_only:
        payload["reduce_only"] = True
    return payload


def order_of(client_order_id: str, payload: Mapping[str, Any]) -> Order:
    """The order that a payload describes.

    Parameters
    ----------
    client_order_id : str
        Its id.
    payload : mapping
        As :func:`order_payload` gives it; further keys are ignored.

    Returns
    -------
    order : Order
        The same order.
    """
    return Order(
        client_order_id,
        payload["symbol"],
        SIDES[payload["side"]],
        payload["quantity_e9"],
        _TYPES[payload["order_type"]],
        payload.get("limit_price_e9"),
        payload.get("stop_price_e9"),
        _TIMES[payload["time_in_force"]],
        payload.get("post_only", False),
        payload.get("reduce_only", False),
    )


def report_payload(report: OrderReport) -> dict[str, Any]:
    """What a venue said of an order.

    Parameters
    ----------
    report : OrderReport
        From an answer or from the stream.

    Returns
    -------
    payload : dict
        Plain values.
    """
    payload: dict[str, Any] = {
        "state": report.state.value,
        "quantity_e9": report.quantity_e9,
        "filled_quantity_e9": report.filled_quantity_e9,
    }
    for name in ("venue_order_id", "average_price_e9", "code", "text", "ts_event_ns"):
        if value := getattr(report, name):
            payload[name] = value
    return payload


def foreign_payload(report: OrderReport) -> dict[str, Any]:
    """An order that is not ours.

    Parameters
    ----------
    report : OrderReport
        From the list of open orders or from the stream.

    Returns
    -------
    payload : dict
        Plain values, with what an order of ours need not repeat.
    """
    return report_payload(report) | {
        "symbol": report.symbol,
        "side": report.side.value,
        "foreign_client_order_id": report.client_order_id,
    }


def execution_payload(execution: Execution) -> dict[str, Any]:
    """A fill, a correction or a bust, without its id.

    Parameters
    ----------
    execution : Execution
        From an answer, the stream or the list of executions.

    Returns
    -------
    payload : dict
        Plain values.
    """
    payload: dict[str, Any] = {
        "symbol": execution.symbol,
        "side": execution.side.value,
        "quantity_e9": execution.quantity_e9,
        "price_e9": execution.price_e9,
    }
    for name in ("fee_e9", "fee_currency", "venue_order_id", "ts_event_ns"):
        if value := getattr(execution, name):
            payload[name] = value
    return payload
