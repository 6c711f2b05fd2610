"""Which fills were told, and whether a fill of the stream fits on to those before it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from nanodesk.brokers.alpaca.messages import FillRow, fill_id
from nanodesk.market.order import Execution, ExecutionKind

MOST_TOLD: Final = 400_000
"""Fills that are remembered; an older one would be told again, and the order manager knows it by its name."""


def named_fills(rows: Iterable[FillRow], client_order_id: str) -> list[Execution]:
    """Fills of one order with their names.

    Parameters
    ----------
    rows : iterable of FillRow
        All rows of the order, oldest first.
    client_order_id : str
        Our id of the order.

    Returns
    -------
    executions : list of Execution
        A correction or bust has the name of the fill that it revises; it is left out when that is not known.
    """
    found: list[Execution] = []
    names: dict[str, str] = {}
    revisions = 0
    for row in in_order(rows):
        if row.kind is ExecutionKind.TRADE:
            names[row.row_id] = fill_id(row.order_id, row.cumulative_e9, revisions)
            found.append(row.execution(names[row.row_id], client_order_id))
        else:
            revisions += 1
            if row.previous_id in names:
                names[row.row_id] = names[row.previous_id]
                found.append(row.execution(names[row.previous_id], client_order_id))
    return found


def standing_quantity(executions: Iterable[Execution]) -> int:
    """What fills of one order come to after corrections and busts.

    Parameters
    ----------
    executions : iterable of Execution
        Oldest first.

    Returns
    -------
    quantity_e9 : int
        In billionths.
    """
    standing: dict[str, int] = {}
    for one in executions:
        standing[one.execution_id] = 0 if one.kind is ExecutionKind.BUST else one.quantity_e9
    return sum(standing.values())


def in_order(rows: Iterable[FillRow]) -> list[FillRow]:
    """Rows in the order in which they happened.

    Parameters
    ----------
    rows : iterable of FillRow
        Of any orders.

    Returns
    -------
    rows : list of FillRow
        By time; the venue lists fills of one millisecond in any order, so then by what the order had filled.
    """
    return sorted(rows, key=lambda row: (row.ts_ns, row.kind is not ExecutionKind.TRADE, row.cumulative_e9))


class FillTracker:
    """What was told of the fills of each order.

    An order is followed exactly when all of its events were heard from its beginning; only then a fill of the
    stream is told without asking for the order's fills.
    """

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[str, ExecutionKind, int, int], None] = OrderedDict()
        self._seen: dict[str, int] = {}
        self._exact: set[str] = set()

    def began(self, venue_order_id: str) -> None:
        """An order has just come into being: no fill of it was missed.

        Parameters
        ----------
        venue_order_id : str
            The order.
        """
        if venue_order_id not in self._seen:
            self._seen[venue_order_id] = 0
            self._exact.add(venue_order_id)

    def ended(self, venue_order_id: str) -> None:
        """An order trades no longer; a late fill is asked for.

        Parameters
        ----------
        venue_order_id : str
            The order.
        """
        self._seen.pop(venue_order_id, None)
        self._exact.discard(venue_order_id)

    def missed(self) -> None:
        """Events may have been missed, of any order."""
        self._exact.clear()

    def caught_up(self, venue_order_id: str, filled_e9: int, *, is_exact: bool) -> None:
        """All fills of an order were told.

        Parameters
        ----------
        venue_order_id : str
            The order.
        filled_e9 : int
            Their sum, in billionths.
        is_exact : bool
            Whether the next fill may be told without asking: there were no busts and no corrections.
        """
        self._seen[venue_order_id] = filled_e9
        (self._exact.add if is_exact else self._exact.discard)(venue_order_id)

    def unseen(self, venue_order_id: str, filled_e9: int) -> int:
        """How much of what an order has filled was not told.

        Parameters
        ----------
        venue_order_id : str
            The order.
        filled_e9 : int
            What it has filled, in billionths.

        Returns
        -------
        unseen_e9 : int
            Negative where more was told: what states it is older, or fills were taken back.
        """
        return filled_e9 - self._seen.get(venue_order_id, 0)

    def fits(self, row: FillRow) -> bool:
        """Whether a fill of the stream is the very next one of an order that is followed exactly.

        Parameters
        ----------
        row : FillRow
            Of the stream.

        Returns
        -------
        fits : bool
            Then it may be told without asking.
        """
        if row.kind is not ExecutionKind.TRADE or row.order_id not in self._exact:
            return False
        return self._seen[row.order_id] + row.quantity_e9 == row.cumulative_e9

    def was_told(self, row: FillRow) -> bool:
        """Whether a fill of the stream was told already, as a duplicate was.

        Parameters
        ----------
        row : FillRow
            Of the stream.

        Returns
        -------
        was_told : bool
            False where that cannot be said without asking.
        """
        if row.kind is not ExecutionKind.TRADE or row.order_id not in self._exact:
            return False
        return (fill_id(row.order_id, row.cumulative_e9), row.kind, row.quantity_e9, row.price_e9) in self._told

    def is_news(self, execution: Execution) -> bool:
        """Whether a fill, correction or bust was not told before; from now on it was.

        Parameters
        ----------
        execution : Execution
            With its name.

        Returns
        -------
        is_news : bool
            True once.
        """
        key = (execution.execution_id, execution.kind, execution.quantity_e9, execution.price_e9)
        if key in self._told:
            return False
        self._told[key] = None
        while len(self._told) > MOST_TOLD:
            self._told.popitem(last=False)
        return True
