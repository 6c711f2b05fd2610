"""What an adapter has seen of each order, to notice what its stream did not tell."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from nanodesk.market.order import Execution, OrderReport

MOST_FINISHED: Final = 400_000
"""Finished orders that are remembered; older ones are asked for again when needed. It is more than the limits of
Binance let out in an hour: so far back fills are read again, and each that names an unknown order costs a question."""


@dataclass(slots=True)
class KnownOrder:
    """One order.

    Parameters
    ----------
    client_order_id : str
        Our id.
    pair : str
        Name of its instrument at the venue.
    venue_order_id : str, default ""
        The venue's id, once known.
    filled_e9 : int, default 0
        Sum of the fills that were told, in billionths.
    is_open : bool, default True
        Whether it may still trade, as far as we know.
    """

    client_order_id: str
    pair: str
    venue_order_id: str = ""
    filled_e9: int = 0
    is_open: bool = True


class KnownOrders:
    """Orders by our id and by the venue's."""

    def __init__(self) -> None:
        self._by_client_id: OrderedDict[str, KnownOrder] = OrderedDict()
        self._by_venue_id: dict[tuple[str, str], KnownOrder] = {}
        self._told: OrderedDict[str, None] = OrderedDict()

    def sent(self, client_order_id: str, pair: str) -> None:
        """Remember an order that is about to be sent.

        Parameters
        ----------
        client_order_id : str
            Our id.
        pair : str
            Name at the venue.
        """
        self._by_client_id[client_order_id] = KnownOrder(client_order_id, pair)
        self._forget_old()

    def pair_of(self, client_order_id: str) -> str | None:
        """Where an order of ours went.

        Parameters
        ----------
        client_order_id : str
            Our id.

        Returns
        -------
        pair : str or None
            ``None`` when it is not known here.
        """
        known = self._by_client_id.get(client_order_id)
        return None if known is None else known.pair

    def known(self, client_order_id: str) -> KnownOrder | None:
        """What is remembered of an order of ours.

        Parameters
        ----------
        client_order_id : str
            Our id.

        Returns
        -------
        known : KnownOrder or None
            ``None`` when it is not known here.
        """
        return self._by_client_id.get(client_order_id)

    def client_id_of(self, pair: str, venue_order_id: str) -> str:
        """Our id of an order.

        Parameters
        ----------
        pair, venue_order_id : str
            The venue's names.

        Returns
        -------
        client_order_id : str
            Empty when it is not known here.
        """
        known = self._by_venue_id.get((pair, venue_order_id))
        return "" if known is None else known.client_order_id

    def told_report(self, report: OrderReport, pair: str) -> KnownOrder:
        """Take over what the venue says of an order.

        Parameters
        ----------
        report : OrderReport
            From the stream or from an answer.
        pair : str
            Name at the venue.

        Returns
        -------
        known : KnownOrder
            ``filled_e9`` below the report's means that fills were not told.
        """
        key = (pair, report.venue_order_id)
        known = self._by_venue_id.get(key) or self._by_client_id.get(report.client_order_id)
        if known is None or known.venue_order_id not in ("", report.venue_order_id):
            known = KnownOrder(report.client_order_id, pair)
        known.client_order_id = report.client_order_id or known.client_order_id
        known.venue_order_id = report.venue_order_id
        known.is_open = known.is_open and not report.state.is_terminal
        self._by_venue_id[key] = known
        if known.client_order_id:
            self._by_client_id[known.client_order_id] = known
        self._forget_old()
        return known

    def told_fill(self, execution: Execution, pair: str) -> bool:
        """Take over a fill.

        Parameters
        ----------
        execution : Execution
            From the stream or from an answer.
        pair : str
            Name at the venue.

        Returns
        -------
        is_new : bool
            Whether it was not told before.
        """
        if execution.execution_id in self._told:
            return False
        self._told[execution.execution_id] = None
        while len(self._told) > MOST_FINISHED:
            self._told.popitem(last=False)
        key = (pair, execution.venue_order_id)
        known = self._by_venue_id.get(key) or self._by_client_id.get(execution.client_order_id)
        if known is None or known.venue_order_id not in ("", execution.venue_order_id):
            known = KnownOrder(execution.client_order_id, pair)
        known.venue_order_id = execution.venue_order_id
        known.filled_e9 += execution.quantity_e9
        self._by_venue_id[key] = known
        return True

    def ended(self, known: KnownOrder) -> None:
        """Mark an order as finished: the venue no longer lists it.

        Parameters
        ----------
        known : KnownOrder
            Which.
        """
        known.is_open = False

    def open_orders(self) -> tuple[KnownOrder, ...]:
        """Orders that the venue has and that may still trade, as far as we know."""
        return tuple(known for known in self._by_venue_id.values() if known.is_open)

    def pairs(self) -> set[str]:
        """Instruments of every order that is remembered."""
        return {pair for pair, _ in self._by_venue_id} | {known.pair for known in self._by_client_id.values()}

    def _forget_old(self) -> None:
        while len(self._by_client_id) > MOST_FINISHED:
            oldest = next(iter(self._by_client_id.values()))
            if oldest.is_open:
                self._by_client_id.move_to_end(oldest.client_order_id)
                return
            self._by_client_id.pop(oldest.client_order_id)
            self._by_venue_id.pop((oldest.pair, oldest.venue_order_id), None)
