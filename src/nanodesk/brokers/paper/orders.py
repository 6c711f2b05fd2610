"""What the paper market remembers and tells: every order and execution ever, a timeline, and the listeners."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable

from nanodesk.brokers.paper.values import EventKind, IdRule, MarketEvent, PaperExecution, PaperOrder
from nanodesk.market.order import ExecutionKind, OrderState

Listener = Callable[[MarketEvent], None]
"""Called with each event of an account, in order; it must not call the market back."""


class Timeline:
    """What is to happen later, in the order of its instant and then of its making."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, int, Callable[[], object]]] = []
        self._count = 0

    def add(self, due_ns: int, action: Callable[[], object]) -> None:
        """Plan an action.

        Parameters
        ----------
        due_ns : int
            Earliest instant.
        action : callable
            What to do then.
        """
        self._count += 1
        heapq.heappush(self._entries, (due_ns, self._count, action))

    def next_due_ns(self) -> int | None:
        """Instant of the next action.

        Returns
        -------
        due_ns : int or None
            ``None`` when nothing is planned.
        """
        return self._entries[0][0] if self._entries else None

    def take_due(self, now_ns: int) -> tuple[int, Callable[[], object]] | None:
        """The next action that is due, removed.

        Parameters
        ----------
        now_ns : int
            Present instant.

        Returns
        -------
        entry : (int, callable) or None
            Its instant and itself; ``None`` when nothing is due.
        """
        if not self._entries or self._entries[0][0] > now_ns:
            return None
        due_ns, _, action = heapq.heappop(self._entries)
        return due_ns, action


class OrderStore:
    """Orders by number and by client id, and executions by number; nothing is ever forgotten.

    Attributes
    ----------
    orders : dict of int to PaperOrder
        By number.
    open : dict of int to None
        Numbers of what may still trade.
    executions : list of PaperExecution
        Number ``n`` at place ``n - 1``.
    changed_orders, changed_executions : set of int, optional
        Numbers of what changed, while somebody collects them.
    """

    def __init__(self) -> None:
        self.orders: dict[int, PaperOrder] = {}
        self.open: dict[int, None] = {}
        self.executions: list[PaperExecution] = []
        self.changed_orders: set[int] | None = None
        self.changed_executions: set[int] | None = None
        self._by_client: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self._by_account: defaultdict[str, list[int]] = defaultdict(list)
        self._executions_of_order: defaultdict[int, list[int]] = defaultdict(list)
        self._executions_of_account: defaultdict[str, list[int]] = defaultdict(list)

    def next_number(self) -> int:
        """Number of the next order.

        Returns
        -------
        number : int
            From 1.
        """
        return len(self.orders) + 1

    def add(self, order: PaperOrder) -> None:
        """Keep a new order.

        Parameters
        ----------
        order : PaperOrder
            With the next number.
        """
        if order.client_order_id:
            self._by_client[order.account_id, order.client_order_id].append(order.number)
        self._by_account[order.account_id].append(order.number)
        self.put(order)

    def put(self, order: PaperOrder) -> None:
        """Keep an order as it stands now.

        Parameters
        ----------
        order : PaperOrder
            With a number that is known.
        """
        self.orders[order.number] = order
        if self.changed_orders is not None:
            self.changed_orders.add(order.number)
        if order.is_open:
            self.open[order.number] = None
        else:
            self.open.pop(order.number, None)

    def find(self, account_id: str, client_order_id: str, *, open_only: bool = False) -> PaperOrder | None:
        """The order of a client id: the open one, else the newest that was accepted, else the newest.

        Parameters
        ----------
        account_id, client_order_id : str
            Whose, and the client's id.
        open_only : bool, default False
            Whether a finished order does not count.

        Returns
        -------
        order : PaperOrder or None
            ``None`` when there is none.
        """
        found = [self.orders[number] for number in self._by_client.get((account_id, client_order_id), ())]
        for order in reversed(found):
            if order.is_open:
                return order
        if open_only or not found:
            return None
        return next((order for order in reversed(found) if order.state is not OrderState.REJECTED), found[-1])

    def is_taken(self, account_id: str, client_order_id: str, rule: IdRule) -> bool:
        """Whether a client id may not be used again.

        Parameters
        ----------
        account_id, client_order_id : str
            Whose, and the client's id.
        rule : IdRule
            Of the venue.

        Returns
        -------
        taken : bool
            Always ``False`` for an empty id; a refused order does not use its id up.
        """
        if rule is IdRule.FREE or not client_order_id:
            return False
        order = self.find(account_id, client_order_id, open_only=rule is IdRule.OPEN)
        return order is not None and order.state is not OrderState.REJECTED

    def of_account(self, account_id: str | None) -> Iterable[PaperOrder]:
        """Orders of one account or of all, by number.

        Parameters
        ----------
        account_id : str or None
            ``None`` for all.

        Returns
        -------
        orders : iterable of PaperOrder
            Oldest first.
        """
        if account_id is None:
            return self.orders.values()
        return (self.orders[number] for number in self._by_account.get(account_id, ()))

    def add_execution(self, execution: PaperExecution) -> None:
        """Keep a new execution.

        Parameters
        ----------
        execution : PaperExecution
            With the next number.
        """
        self.executions.append(execution)
        if self.changed_executions is not None:
            self.changed_executions.add(execution.number)
        self._executions_of_order[execution.order_number].append(execution.number)
        self._executions_of_account[execution.account_id].append(execution.number)

    def put_execution(self, execution: PaperExecution) -> None:
        """Keep an execution as it stands after a bust or a correction.

        Parameters
        ----------
        execution : PaperExecution
            With a number that is known.
        """
        self.executions[execution.number - 1] = execution
        if self.changed_executions is not None:
            self.changed_executions.add(execution.number)

    def executions_of(self, account_id: str | None, order_number: int | None) -> list[PaperExecution]:
        """Executions of an account, of an order, or all, by number.

        Parameters
        ----------
        account_id : str or None
            ``None`` for all.
        order_number : int or None
            ``None`` for all.

        Returns
        -------
        executions : list of PaperExecution
            Oldest first.
        """
        if order_number is not None:
            numbers = self._executions_of_order.get(order_number, [])
        elif account_id is not None:
            numbers = self._executions_of_account.get(account_id, [])
        else:
            return list(self.executions)
        found = [self.executions[number - 1] for number in numbers]
        return [one for one in found if account_id in (None, one.account_id)]

    def standing_value(self, order_number: int) -> tuple[int, int]:
        """Filled quantity of an order and its sum of price times quantity, without busted fills.

        Parameters
        ----------
        order_number : int
            The order.

        Returns
        -------
        quantity_e9, value : int
            In billionths and in 1e-18.
        """
        standing = [one for one in self.executions_of(None, order_number) if one.kind is not ExecutionKind.BUST]
        return sum(one.quantity_e9 for one in standing), sum(one.quantity_e9 * one.price_e9 for one in standing)


class EventFeed:
    """Tells each account what happens to it, at once or after a latency.

    Parameters
    ----------
    timeline : Timeline
        Where delayed reports wait.
    delay_ns : callable
        Gives the latency of the next report.
    """

    def __init__(self, timeline: Timeline, delay_ns: Callable[[], int]) -> None:
        self.sequence = 0
        self._timeline = timeline
        self._delay_ns = delay_ns
        self._listeners: defaultdict[str, list[Listener]] = defaultdict(list)
        self._last_due: dict[str, int] = {}

    def listen(self, account_id: str, listener: Listener) -> Callable[[], None]:
        """Call a function with each event of an account from now on.

        Parameters
        ----------
        account_id : str
            Whose events.
        listener : callable
            What to call.

        Returns
        -------
        stop : callable
            Ends it; safe to call twice.
        """
        listeners = self._listeners[account_id]
        listeners.append(listener)

        def stop() -> None:
            if listener in listeners:
                listeners.remove(listener)

        return stop

    def emit(
        self,
        kind: EventKind,
        account_id: str,
        ts_ns: int,
        order: PaperOrder | None = None,
        execution: PaperExecution | None = None,
        *,
        code: str = "",
        text: str = "",
        previous: PaperExecution | None = None,
        balances_e9: dict[str, int] | None = None,
    ) -> None:
        """Tell one account one thing.

        Parameters
        ----------
        kind : EventKind
            What happened.
        account_id : str
            Who hears it.
        ts_ns : int
            When it happened.
        order : PaperOrder, optional
            The order after it.
        execution : PaperExecution, optional
            The fill, bust or correction.
        code, text : str, default ""
            Reason of a refusal.
        previous : PaperExecution, optional
            The execution before its correction.
        balances_e9 : dict of str to int, optional
            Balances that it touched.
        """
        self.sequence += 1
        event = MarketEvent(
            self.sequence, ts_ns, account_id, kind, order, execution, code, text, previous, balances_e9 or {}
        )
        delay = self._delay_ns()
        if not delay:
            self._deliver(event)
            return
        # A report never overtakes an earlier one of the same account, whatever the jitter says.
        due = max(ts_ns + delay, self._last_due.get(account_id, 0))
        self._last_due[account_id] = due
        self._timeline.add(due, lambda: self._deliver(event))

    def _deliver(self, event: MarketEvent) -> None:
        for listener in tuple(self._listeners.get(event.account_id, ())):
            listener(event)
