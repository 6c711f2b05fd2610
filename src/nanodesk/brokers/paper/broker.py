"""The embedded paper broker: the whole broker port over a :class:`PaperMarket`, in this process, without threads."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from nanodesk.brokers.base import (
    AbsenceRule,
    BrokerEvent,
    Outcome,
    OutcomeKind,
    Reached,
    RequestRejected,
    StreamChange,
    StreamState,
    nothing_reached,
)
from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.brokers.paper.state import PaperState
from nanodesk.brokers.paper.values import Answer, EventKind, MarketEvent, PaperOrder, Refusal
from nanodesk.errors import BrokerError, NotConnectedError
from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.order import Execution, Order, OrderReport, OrderState
from nanodesk.market.trading_rules import TradingRules

_MAY_PASS_LATER: Final = frozenset({Refusal.HALTED.value, Refusal.CLOSED.value, Refusal.NO_LIQUIDITY.value})
_REQUEST_REJECTED: Final = frozenset({EventKind.CANCEL_REJECTED, EventKind.REPLACE_REJECTED})


class PaperBroker:
    """One account of a paper market behind the :class:`~nanodesk.brokers.base.Broker` port.

    Parameters
    ----------
    market : PaperMarket
        What it trades on. With ``state_path`` it must be fresh: no orders yet.
    account_id : str, default "PAPER"
        One of the market's accounts.
    state_path : Path, optional
        File that keeps the account between processes. Every accepted order and every fill is on disk before a
        call returns; the amounts of the file win over those that the market was made with.
    reads_only : bool, default False
        Only look at the file, which another process may trade on meanwhile; send nothing.
    reached : callable, optional
        Told ``send.connected``, ``send.half``, ``send.written``, ``reply.read`` and ``cancel.sent``; the order is
        at the market, and on disk, from ``send.written`` on.
    sleep : callable, optional
        How :meth:`events` waits; give ``clock.sleep`` of a virtual clock.

    Examples
    --------
    >>> from nanodesk.brokers.paper.market import VirtualClock
    >>> from nanodesk.market.enums import Side
    >>> from nanodesk.market.fixed_point import E9
    >>> market = PaperMarket(
    ...     [TradingRules("AAPL")],
    ...     quotes=[Quote("AAPL", 184 * E9, 185 * E9, None, 0)],
    ...     cash_e9={"USD": 1_000 * E9},
    ...     now_ns=VirtualClock(),
    ... )
    >>> broker = PaperBroker(market)
    >>> broker.connect()
    >>> outcome = broker.submit(Order("run-1", "AAPL", Side.BUY, 2 * E9))
    >>> outcome.kind.value, outcome.report.state.value, broker.account().cash_e9 // E9
    ('accepted', 'filled', 630)
    """

    def __init__(
        self,
        market: PaperMarket,
        *,
        account_id: str = "PAPER",
        state_path: Path | None = None,
        reads_only: bool = False,
        reached: Reached = nothing_reached,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        market.currency(account_id)
        if state_path is not None and market.store.orders:
            raise BrokerError("A market with orders cannot take the state of a file.", field="state_path")
        self._market = market
        self._account_id = account_id
        self._state_path, self._reads_only = state_path, reads_only
        self._state: PaperState | None = None
        self._is_restored = False
        self._reached = reached
        self._sleep = sleep
        self._events: deque[BrokerEvent] = deque()
        self._stop_listening: Callable[[], None] | None = None
        self._was_connected = False
        self._lost_replies: deque[bool] = deque()

    @property
    def name(self) -> str:
        """``paper``."""
        return "paper"

    @property
    def account_id(self) -> str:
        """Name of the account at the market."""
        return self._account_id

    @property
    def is_live(self) -> bool:
        """Never."""
        return False

    @property
    def is_connected(self) -> bool:
        """Whether :meth:`connect` was called, and the file of the account still takes what is written."""
        return self._stop_listening is not None

    @property
    def absence_rule(self) -> AbsenceRule:
        """One miss proves absence at once: nothing is ever on its way unseen."""
        return AbsenceRule(wait_s=0.0, misses=1, same_id_is_refused=True)

    @property
    def market(self) -> PaperMarket:
        """The market behind it, for quotes and admin calls."""
        return self._market

    def connect(self) -> None:
        """Open the account's file, if there is one, and listen to the market; a second call does nothing.

        Raises
        ------
        BrokerError
            If the file is in use by another process, or damaged.
        """
        if self.is_connected:
            return
        state = StreamState.RESTORED_DATA_LOST if self._was_connected else StreamState.LIVE
        self._events.append(StreamChange(state, self._market.now_ns()))
        self._stop_listening = self._market.listen(self._account_id, self._hear)
        if self._state_path is not None:
            try:
                self._state = PaperState(self._state_path, reads_only=self._reads_only)
                self._restore(self._state)
            except BrokerError:
                self.disconnect()
                raise
        self._was_connected = True

    def _restore(self, state: PaperState) -> None:
        if self._is_restored:
            state.save(self._market)
        else:
            state.restore(self._market)
            self._is_restored = True

    def disconnect(self) -> None:
        """Stop listening; what happens meanwhile is in :meth:`executions` and :meth:`status`, not in events."""
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None
        self._close_state()

    def _close_state(self) -> None:
        if self._state is not None:
            self._state.close()
            self._state = None

    def _require_connected(self) -> PaperMarket:
        if not self.is_connected:
            raise NotConnectedError("The paper broker is not connected.", fix="Call connect() first.")
        self._market.advance()
        self._save()
        return self._market

    def _save(self) -> None:
        if self._state is None:
            return
        try:
            self._state.save(self._market)
        except BrokerError:
            self.disconnect()
            raise

    # -- reading --------------------------------------------------------------------------------------------------

    def account(self) -> Account:
        """Money now."""
        return self._require_connected().account(self._account_id)

    def positions(self) -> tuple[Holding, ...]:
        """Holdings that are not zero, sorted by symbol."""
        return self._require_connected().positions(self._account_id)

    def trading_rules(self, symbol: str) -> TradingRules:
        """What the market accepts for one instrument.

        Parameters
        ----------
        symbol : str
            Name at the desk.

        Returns
        -------
        rules : TradingRules
            Grid, bounds, status.

        Raises
        ------
        ValidationError
            If it is not listed.
        """
        return self._require_connected().rules(symbol)

    def quote(self, symbol: str) -> Quote:
        """Best bid and ask now.

        Parameters
        ----------
        symbol : str
            Name at the desk.

        Returns
        -------
        quote : Quote
            Of house and accounts together.

        Raises
        ------
        ValidationError
            If it is not listed.
        """
        return self._require_connected().quote(symbol)

    def status(self, client_order_id: str, symbol: str | None = None) -> OrderReport | None:  # noqa: ARG002
        """The market's word on one order, open or not.

        Parameters
        ----------
        client_order_id : str
            The order's id.
        symbol : str, optional
            Not needed here.

        Returns
        -------
        report : OrderReport or None
            ``None`` when the market never saw it.
        """
        order = self._require_connected().find(self._account_id, client_order_id) if client_order_id else None
        return None if order is None else self._report(order)

    def open_orders(self) -> tuple[OrderReport, ...]:
        """Every open order of the account, those placed by hand included."""
        orders = self._require_connected().orders(self._account_id, open_only=True)
        return tuple(self._report(order) for order in orders)

    def executions(self, since_ns: int = 0) -> tuple[Execution, ...]:
        """Fills of the account from an instant on, oldest first, as corrections and busts left them.

        Parameters
        ----------
        since_ns : int, default 0
            Nanoseconds since 1970.

        Returns
        -------
        executions : tuple of Execution
            Each id once.
        """
        found = self._require_connected().executions(self._account_id, since_ns=since_ns)
        return tuple(one.report() for one in found)

    def clock_offset_ns(self) -> int:
        """0: the market's clock is ours."""
        return 0

    def _report(self, order: PaperOrder) -> OrderReport:
        before = self._market.store.orders.get(order.replaces)
        return order.report(replaces=before.client_order_id if before is not None else "")

    # -- requests -------------------------------------------------------------------------------------------------

    def lose_reply(self, *, is_accepted: bool = True) -> None:
        """Rehearse a lost answer: the next submission comes back unknown.

        Parameters
        ----------
        is_accepted : bool, default True
            Whether the market takes the order all the same.
        """
        self._lost_replies.append(is_accepted)

    def submit(self, order: Order) -> Outcome:
        """Send one order, once.

        Parameters
        ----------
        order : Order
            What to send.

        Returns
        -------
        outcome : Outcome
            Accepted with the fills it made at once; refused with the market's reason; unknown only after
            :meth:`lose_reply`, or when the account's file cannot be written.
        """
        return self.submit_many((order,))[0]

    def _take(self, order: Order) -> PaperOrder | Outcome:
        """The order as the market took it, or the unknown outcome of a rehearsed loss."""
        self._reached("send.connected")
        self._reached("send.half")
        lost = self._lost_replies.popleft() if self._lost_replies else None
        if lost is not False:
            taken = self._market.submit(self._account_id, order)
        return taken if lost is None else Outcome(OutcomeKind.UNKNOWN, text="The answer was lost (rehearsed).")

    def _reply(self, taken: PaperOrder | Outcome) -> Outcome:
        self._reached("send.written")
        if isinstance(taken, Outcome):
            return taken
        self._reached("reply.read")
        return self._outcome(self._market.store.orders[taken.number])

    def _outcome(self, paper: PaperOrder) -> Outcome:
        report = self._report(paper)
        if paper.state is OrderState.REJECTED:
            retry = paper.code in _MAY_PASS_LATER
            return Outcome(OutcomeKind.REFUSED, report, code=paper.code, text=paper.text, may_retry=retry)
        fills = self._market.store.executions_of(self._account_id, paper.number)
        return Outcome(OutcomeKind.ACCEPTED, report, tuple(one.report() for one in fills), paper.code, paper.text)

    def submit_many(self, orders: Sequence[Order]) -> tuple[Outcome, ...]:
        """Send several in order; they reach the account's file together, in one write.

        Parameters
        ----------
        orders : sequence of Order
            What to send.

        Returns
        -------
        outcomes : tuple of Outcome
            One for each, in the same order.
        """
        self._require_connected()
        taken = [self._take(order) for order in orders]
        try:
            self._save()
        except BrokerError as error:
            return tuple(Outcome(OutcomeKind.UNKNOWN, text=str(error)) for _ in taken)
        return tuple(self._reply(one) for one in taken)

    def cancel(self, client_order_id: str) -> Outcome:
        """Ask to cancel; without latency the order is dead when the call returns.

        Parameters
        ----------
        client_order_id : str
            The order's id.

        Returns
        -------
        outcome : Outcome
            Refused as ``unknown_order`` or ``order_closed``.
        """
        market = self._require_connected()
        order = market.find(self._account_id, client_order_id)
        answer = market.cancel(self._account_id, order.number if order is not None else 0)
        self._save()
        self._reached("cancel.sent")
        return self._answer(answer)

    def replace(self, client_order_id: str, replacement: Order) -> Outcome:
        """Put another order in the place of a live one: both happen or neither.

        Parameters
        ----------
        client_order_id : str
            The order's id.
        replacement : Order
            The new order; its quantity does not count what the old one filled.

        Returns
        -------
        outcome : Outcome
            Its report is the new order's; none while the request is on its way to a market with latency. When
            refused, the old order's, which lives on.
        """
        market = self._require_connected()
        order = market.find(self._account_id, client_order_id)
        self._reached("send.connected")
        self._reached("send.half")
        answer = market.replace(self._account_id, order.number if order is not None else 0, replacement)
        self._save()
        self._reached("send.written")
        self._reached("reply.read")
        if answer.is_taken and answer.order is not None and answer.order.client_order_id == client_order_id:
            return Outcome(OutcomeKind.ACCEPTED)  # on its way: the old order is all there is to tell of
        return self._answer(answer)

    def _answer(self, answer: Answer) -> Outcome:
        if answer.order is None:
            return Outcome(OutcomeKind.REFUSED, code=answer.code, text=answer.text)
        if not answer.is_taken:
            return Outcome(OutcomeKind.REFUSED, self._report(answer.order), code=answer.code, text=answer.text)
        return self._outcome(answer.order)

    # -- events ---------------------------------------------------------------------------------------------------

    def events(self, timeout_s: float = 0.0) -> tuple[BrokerEvent, ...]:
        """What happened since the last call.

        Parameters
        ----------
        timeout_s : float, default 0.0
            How long to wait for the first event. Only delayed requests, reports and recorded quotes can bring
            one while this thread waits, so it sleeps until the next of them, or the whole time.

        Returns
        -------
        events : tuple of BrokerEvent
            In order: of a fill first the execution, then the order's report.
        """
        market = self._require_connected()
        left_ns = round(timeout_s * 1_000_000_000)
        while not self._events and left_ns > 0:
            due = market.next_due_ns()
            step = left_ns if due is None else min(left_ns, max(due - market.now_ns(), 1))
            self._sleep(step / 1_000_000_000)
            left_ns -= step
            self._require_connected()
        found = tuple(self._events)
        self._events.clear()
        return found

    def _hear(self, event: MarketEvent) -> None:
        order = event.order
        if order is None:
            return
        if event.kind in _REQUEST_REJECTED:
            is_replace = event.kind is EventKind.REPLACE_REJECTED
            self._events.append(RequestRejected(order.client_order_id, is_replace, event.code, event.text, event.ts_ns))
            return
        if event.execution is not None:
            self._events.append(event.execution.report())
        self._events.append(self._report(order))
