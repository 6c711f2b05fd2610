"""``nanodesk orders``: what a journal knows of orders, positions and blocked symbols."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nanodesk.cli.options import AsJson
from nanodesk.cli.output import note, print_json, print_whole, stdout_console

if TYPE_CHECKING:
    from nanodesk.oms.journal import Journal
    from nanodesk.oms.ledger import Ledger
    from nanodesk.oms.order_view import OrderView

JournalPath = Annotated[Path, typer.Option("--journal", help="The journal of orders.")]
DEFAULT = Path("logs/orders.db")


def orders(
    journal: JournalPath = DEFAULT,
    run: Annotated[str, typer.Option(help="Only the orders of this run.")] = "",
    only_open: Annotated[bool, typer.Option("--open", help="Only orders that may still change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show orders, positions and blocked symbols as the journal has them; asks no broker, changes nothing.

    Example: nanodesk orders --journal logs/orders.db --open
    """
    from nanodesk.oms.journal import Journal
    from nanodesk.oms.ledger import Ledger

    ledger = Ledger()
    with Journal.open(journal, read_only=True) as source:
        for event in source.read():
            ledger.apply(event)
        views = _chosen(ledger, run, only_open=only_open)
        if as_json:
            print_json(orders_values(source, ledger, views))
            return
    _print_table(ledger, views)


def orders_values(journal: Journal, ledger: Ledger, views: list[OrderView]) -> dict[str, Any]:
    """Orders, positions and blocked symbols as plain values.

    Parameters
    ----------
    journal : Journal
        Open.
    ledger : Ledger
        Folded from it.
    views : list of OrderView
        The orders to show.

    Returns
    -------
    values : dict
        Amounts as decimal text.
    """
    from nanodesk.market.fixed_point import format_e9

    return {
        "schema": "nanodesk.orders/1",
        "journal": str(journal.path),
        "venue": ledger.venue,
        "account": ledger.account,
        "events": ledger.sequence,
        "orders": [_order_values(view) for view in views],
        "positions": {symbol: format_e9(held_e9) for symbol, held_e9 in ledger.positions_e9().items()},
        "blocked": ledger.blocked_symbols(),
        "runs": ledger.runs,
        "state_hash": ledger.state_hash(),
    }


def _chosen(ledger: Ledger, run: str, *, only_open: bool) -> list[OrderView]:
    names = ledger.open_ids if only_open else ledger.orders
    records = (ledger.orders[name] for name in names)
    return [record.view() for record in records if not run or record.run_id == run]


def _order_values(view: OrderView) -> dict[str, Any]:
    from nanodesk.market.fixed_point import format_e9

    order = view.order
    return {
        "client_order_id": view.client_order_id,
        "venue_order_id": view.venue_order_id,
        "run_id": view.run_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "quantity": format_e9(order.quantity_e9),
        "order_type": order.order_type.value,
        "limit_price": None if order.limit_price_e9 is None else format_e9(order.limit_price_e9),
        "state": view.state.value,
        "filled": format_e9(view.cum_quantity_e9),
        "leaves": format_e9(view.leaves_quantity_e9),
        "average_price": format_e9(view.average_price_e9) if view.cum_quantity_e9 else None,
        "fees": {currency: format_e9(fee_e9) for currency, fee_e9 in view.fees.items()},
        "reason": view.reason,
    }


def _print_table(ledger: Ledger, views: list[OrderView]) -> None:
    from nanodesk.cli.trading_view import grid

    table = grid("Order", "Symbol", "Side", "Quantity", "Limit", "Filled", "Average")
    table.add_column("State")
    keys = ("client_order_id", "symbol", "side", "quantity", "limit_price", "filled", "average_price", "state")
    for view in views:
        row = _order_values(view)
        table.add_row(*(str(row[key] if row[key] is not None else "") for key in keys))
    if views:
        print_whole(table)
    else:
        note("No such orders.")
    for view in views:
        if view.reason and view.cum_quantity_e9 < view.order.quantity_e9:
            stdout_console().print(f"{view.client_order_id}: {view.reason}", soft_wrap=True)
    for symbol, reason in ledger.blocked_symbols().items():
        note(f"{symbol} is blocked: {reason}")
