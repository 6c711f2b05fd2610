"""The truth of a paper market: every order, execution and balance as plain values, the same bytes each time."""

from __future__ import annotations

import json
from typing import Any

from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.brokers.paper.values import FEES, HOUSE, PaperExecution, PaperOrder
from nanodesk.market.fixed_point import format_e9

SCHEMA = 1
"""Version of the dump."""


def truth(market: PaperMarket) -> dict[str, Any]:
    """Everything a market knows.

    Parameters
    ----------
    market : PaperMarket
        Which.

    Returns
    -------
    truth : dict
        ``schema``, ``orders``, ``executions``, ``balances`` by account, ``supply``, ``imbalance`` (empty unless
        the ledger is broken), ``counts`` and ``events``; amounts are decimal text, times nanoseconds.
    """
    market.advance()
    accounts = (*market.account_ids, HOUSE, FEES)
    return {
        "schema": SCHEMA,
        "orders": [_order(order) for order in market.orders()],
        "executions": [_execution(one) for one in market.executions()],
        "balances": {
            account: {asset: format_e9(amount) for asset, amount in market.ledger.holdings(account).items()}
            for account in accounts
        },
        "supply": {asset: format_e9(amount) for asset, amount in sorted(market.ledger.supply_e9.items())},
        "imbalance": {asset: format_e9(amount) for asset, amount in market.ledger.imbalance().items()},
        "counts": dict(sorted(market.counts.items())),
        "events": market.feed.sequence,
    }


def truth_json(market: PaperMarket) -> str:
    """The same as canonical JSON: sorted keys, no spaces, one line.

    Parameters
    ----------
    market : PaperMarket
        Which.

    Returns
    -------
    text : str
        Ends with a line feed.
    """
    return json.dumps(truth(market), sort_keys=True, separators=(",", ":")) + "\n"


def _order(order: PaperOrder) -> dict[str, Any]:
    terms = order.order
    return {
        "number": order.number,
        "account": order.account_id,
        "client_order_id": order.client_order_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "type": terms.order_type.value,
        "time_in_force": terms.time_in_force.value,
        "quantity": format_e9(terms.quantity_e9),
        "limit_price": None if terms.limit_price_e9 is None else format_e9(terms.limit_price_e9),
        "stop_price": None if terms.stop_price_e9 is None else format_e9(terms.stop_price_e9),
        "state": order.state.value,
        "filled": format_e9(order.filled_quantity_e9),
        "average_price": format_e9(order.average_price_e9),
        "fee": format_e9(order.fee_e9),
        "code": order.code,
        "text": order.text,
        "replaces": order.replaces,
        "replaced_by": order.replaced_by,
        "is_manual": order.is_manual,
        "created_ns": order.created_ns,
        "updated_ns": order.updated_ns,
        "tag": order.tag,
    }


def _execution(one: PaperExecution) -> dict[str, Any]:
    return {
        "number": one.number,
        "trade_number": one.trade_number,
        "order_number": one.order_number,
        "account": one.account_id,
        "client_order_id": one.client_order_id,
        "symbol": one.symbol,
        "side": one.side.value,
        "quantity": format_e9(one.quantity_e9),
        "price": format_e9(one.price_e9),
        "fee": format_e9(one.fee_e9),
        "fee_asset": one.fee_asset,
        "is_maker": one.is_maker,
        "kind": one.kind.value,
        "revision": one.revision,
        "counter_number": one.counter_number,
        "ts_ns": one.ts_ns,
    }
