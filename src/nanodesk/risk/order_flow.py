"""What was sent, refused and filled lately: the memory behind the flow checks and the breakers."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9, notional_e9
from nanodesk.market.order import Execution, ExecutionKind, Order

SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
DAY_NS: Final = 86_400 * SECOND_NS
SLIPPAGE_FILLS: Final = 20
"""Fills over which slippage is averaged."""

OrderKey = tuple[str, Side, int, int | None, int | None]


def order_key(order: Order) -> OrderKey:
    """What makes two orders look alike: symbol, side, quantity and prices.

    Parameters
    ----------
    order : Order
        The order.

    Returns
    -------
    key : tuple
        Equal for orders that a duplicate check must tell apart by time.
    """
    return (order.symbol, order.side, order.quantity_e9, order.limit_price_e9, order.stop_price_e9)


class Rates(NamedTuple):
    """How many in the last second, the last sixty and the UTC day.

    Parameters
    ----------
    second, minute, day : int
        Counts.
    """

    second: int = 0
    minute: int = 0
    day: int = 0


_NONE: Final = Rates()


@dataclass(frozen=True, slots=True)
class FlowSnapshot:
    """The flow at one instant.

    Parameters
    ----------
    orders, messages : Rates
        New orders, and everything sent (orders, cancels, replaces).
    recent : mapping of OrderKey to (int, str)
        When an order that looks like this was last sent, and its client id.
    used_client_ids : collection of str
        Ids of orders that were sent at any time; anything with ``in``, a journal's index for instance.
    executions : mapping of str to int
        Fills in the execution window, by symbol.
    consecutive_rejects : int
        Rejects since the last acceptance.
    recent_slippage_bps_e9 : int
        Mean of the last fills against their reference price; positive is a loss.
    traded_notional_e9 : int
        Value traded in the UTC day, in the account's currency.
    """

    orders: Rates = _NONE
    messages: Rates = _NONE
    recent: Mapping[OrderKey, tuple[int, str]] = field(default_factory=dict)
    used_client_ids: Collection[str] = frozenset()
    executions: Mapping[str, int] = field(default_factory=dict)
    consecutive_rejects: int = 0
    recent_slippage_bps_e9: int = 0
    traded_notional_e9: int = 0


class OrderFlow:
    """Counts what is sent and filled, and forgets it when its window has passed.

    Parameters
    ----------
    execution_window_ns : int, default one minute
        Window of repeated executions, ``RiskConfig.execution_window_ns``.
    recent_window_ns : int, default one minute
        How long orders are remembered for the duplicate check; at least ``RiskConfig.duplicate_window_ns``.

    Examples
    --------
    >>> flow = OrderFlow()
    >>> flow.sent(Order("r-1", "AAPL", Side.BUY, 10 * E9), now_ns=0)
    >>> flow.snapshot(now_ns=0).orders
    Rates(second=1, minute=1, day=1)
    """

    def __init__(self, *, execution_window_ns: int = MINUTE_NS, recent_window_ns: int = MINUTE_NS) -> None:
        self._execution_window_ns = execution_window_ns
        self._recent_window_ns = recent_window_ns
        self._orders: deque[int] = deque()
        self._messages: deque[int] = deque()
        # The last second has its own, or each look would count all of it again.
        self._orders_of_second: deque[int] = deque()
        self._messages_of_second: deque[int] = deque()
        self._recent: dict[OrderKey, tuple[int, str]] = {}
        self._used: set[str] = set()
        self._executions: deque[tuple[int, str]] = deque()
        self._slippages: deque[int] = deque(maxlen=SLIPPAGE_FILLS)
        self._rejects = 0
        self._day = -1
        self._orders_today = self._messages_today = self._traded_today = 0

    def remember_ids(self, client_order_ids: Collection[str]) -> None:
        """Ids that were used before this process began, from the journal.

        Parameters
        ----------
        client_order_ids : collection of str
            Every id ever sent.
        """
        self._used.update(client_order_ids)

    def sent(self, order: Order, now_ns: int) -> None:
        """A new order went to the venue.

        Parameters
        ----------
        order : Order
            The order.
        now_ns : int
            When.
        """
        self.message(now_ns)
        self._orders.append(now_ns)
        self._orders_of_second.append(now_ns)
        self._orders_today += 1
        key = order_key(order)
        self._recent.pop(key, None)
        self._recent[key] = (now_ns, order.client_order_id)
        self._used.add(order.client_order_id)

    def message(self, now_ns: int) -> None:
        """A cancel, a replace or anything else that the venue counts was sent.

        Parameters
        ----------
        now_ns : int
            When.
        """
        self._turn_day(now_ns)
        self._messages.append(now_ns)
        self._messages_of_second.append(now_ns)
        self._messages_today += 1

    def accepted(self) -> None:
        """The venue took an order: the run of rejects ends."""
        self._rejects = 0

    def rejected(self) -> None:
        """The venue refused an order."""
        self._rejects += 1

    def executed(
        self, execution: Execution, now_ns: int, *, reference_price_e9: int | None = None, rate_e9: int = E9
    ) -> None:
        """A fill arrived.

        Parameters
        ----------
        execution : Execution
            The fill; corrections and busts are not flow.
        now_ns : int
            When.
        reference_price_e9 : int, optional
            The mid when the order was decided; without it no slippage is measured.
        rate_e9 : int, default one
            Multiplier times exchange rate into the account's currency.
        """
        if execution.kind is not ExecutionKind.TRADE:
            return
        self._turn_day(now_ns)
        self._executions.append((now_ns, execution.symbol))
        self._traded_today += notional_e9(execution.price_e9, execution.quantity_e9) * rate_e9 // E9
        if reference_price_e9:
            worse = execution.price_e9 - reference_price_e9
            paid = worse if execution.side is Side.BUY else -worse
            self._slippages.append(paid * 10_000 * E9 // reference_price_e9)

    def snapshot(self, now_ns: int) -> FlowSnapshot:
        """The flow now.

        Parameters
        ----------
        now_ns : int
            Our clock.

        Returns
        -------
        snapshot : FlowSnapshot
            For :class:`~nanodesk.risk.context.RiskContext`; ``used_client_ids`` is the living set.
        """
        self._turn_day(now_ns)
        self._forget(now_ns)
        return FlowSnapshot(
            Rates(len(self._orders_of_second), len(self._orders), self._orders_today),
            Rates(len(self._messages_of_second), len(self._messages), self._messages_today),
            dict(self._recent),
            self._used,
            Counter(symbol for _, symbol in self._executions),
            self._rejects,
            sum(self._slippages) // len(self._slippages) if self._slippages else 0,
            self._traded_today,
        )

    def _turn_day(self, now_ns: int) -> None:
        if (day := now_ns // DAY_NS) != self._day:
            self._day = day
            self._orders_today = self._messages_today = self._traded_today = 0

    def _forget(self, now_ns: int) -> None:
        for times, length_ns in (
            (self._orders, MINUTE_NS),
            (self._messages, MINUTE_NS),
            (self._orders_of_second, SECOND_NS),
            (self._messages_of_second, SECOND_NS),
        ):
            while times and times[0] <= now_ns - length_ns:
                times.popleft()
        while self._executions and self._executions[0][0] <= now_ns - self._execution_window_ns:
            self._executions.popleft()
        for key, (sent_ns, _) in list(self._recent.items()):
            if sent_ns > now_ns - self._recent_window_ns:
                break
            del self._recent[key]
