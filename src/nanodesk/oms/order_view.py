"""An order as order management knows it, at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nanodesk.market.order import Order, OrderState


@dataclass(frozen=True, slots=True)
class OrderView:
    """Everything known of one order of ours.

    Parameters
    ----------
    order : Order
        As it was sent.
    state : OrderState
        The strongest of what holds; see :mod:`nanodesk.oms.order_state`.
    cum_quantity_e9 : int
        Booked from executions.
    leaves_quantity_e9 : int
        What may still fill; 0 once terminal.
    average_price_e9 : int
        Mean price of what is booked, half away from zero; 0 before the first fill.
    venue_order_id : str
        The venue's id, empty until it told one.
    run_id : str
        Run that it belongs to.
    reason : str
        Why it was refused, is unknown or was not sent.
    is_cancel_pending, is_replace_pending : bool
        Whether a request of ours is unanswered.
    fees_e9 : mapping of str to int
        Fees by currency, positive when paid.
    awaited_quantity_e9 : int, default 0
        What the venue calls filled beyond the executions that have come.
    may_retry : bool, default False
        Of a refused order: whether the same may pass later, under the id of the next attempt.
    replaces, replaced_by : str, default ""
        Client ids of the orders before and after it in a chain of replaces.
    """

    order: Order
    state: OrderState
    cum_quantity_e9: int
    leaves_quantity_e9: int
    average_price_e9: int
    venue_order_id: str
    run_id: str
    reason: str
    is_cancel_pending: bool
    is_replace_pending: bool
    fees_e9: Mapping[str, int] = field(default_factory=dict)
    awaited_quantity_e9: int = 0
    may_retry: bool = False
    replaces: str = ""
    replaced_by: str = ""

    @property
    def client_order_id(self) -> str:
        """Our id of it."""
        return self.order.client_order_id

    @property
    def fees(self) -> Mapping[str, int]:
        """Fees by currency, in billionths."""
        return self.fees_e9

    @property
    def is_terminal(self) -> bool:
        """Whether the venue holds nothing open."""
        return self.state.is_terminal
