"""A broker adapter over a paper market through a bad line: the whole port, with the faults that a seed has chosen.

The adapter lives and dies with its process; what it has put on the wire arrives all the same.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nanodesk.brokers.base import BrokerEvent, Outcome, OutcomeKind, RequestRejected, StreamChange, StreamState
from nanodesk.brokers.paper import admin as paper_admin
from nanodesk.brokers.paper.values import Answer, EventKind, MarketEvent, PaperOrder, Refusal
from nanodesk.errors import BrokerError, NotConnectedError, ValidationError
from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.order import Execution, ExecutionKind, Order, OrderReport, OrderState
from nanodesk.market.trading_rules import TradingRules
from simulation.invariants import ACCOUNT

if TYPE_CHECKING:
    from simulation.world import World

MS = 1_000_000
_UNKNOWN = Outcome(OutcomeKind.UNKNOWN, text="no answer came")


@dataclass
class _Told:
    due_ns: int
    number: int
    event: BrokerEvent


class SimLink:
    """One process's connection to the simulated venue."""

    name = "simulated"
    account_id = ACCOUNT
    is_live = False

    def __init__(self, world: World) -> None:
        self.world = world
        self.market, self.options, self.profile = world.market, world.options, world.profile
        self.rng: random.Random = world.rng
        self.absence_rule = world.profile.rule
        self.is_connected = False
        self._stream: list[_Told] = []
        self._number = 0
        self._is_mute = False
        self._has_lost = False
        self._back_ns = 0
        self._stop_listening = None

    def _chance(self, rate: float) -> bool:
        return self.world.has_faults and rate > 0 and self.rng.random() < rate

    # The connection

    def connect(self) -> None:
        self.is_connected, self._is_mute = True, False
        if self._stop_listening is None:
            self._stop_listening = self.market.listen(ACCOUNT, self._hear)
            self._push(StreamChange(StreamState.LIVE, self.world.clock()))

    def disconnect(self) -> None:
        self.is_connected = False
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None

    def _lose(self, *, connection: bool) -> None:
        if self._is_mute:
            return
        self._is_mute, self.is_connected = True, not connection
        self._has_lost = False
        self._back_ns = self.world.clock() + self.rng.randrange(1, 20_000) * MS
        self._stream.append(_Told(self.world.clock(), -1, StreamChange(StreamState.LOST, self.world.clock())))
        if self.rng.random() < 0.5:
            # What was on its way is gone with the connection.
            self._has_lost = any(not isinstance(told.event, StreamChange) for told in self._stream)
            self._stream = [told for told in self._stream if isinstance(told.event, StreamChange)]

    def heal(self) -> None:
        """Come back, if the time has come or faults are over."""
        now = self.world.clock()
        if self._is_mute and (now >= self._back_ns or not self.world.has_faults):
            self._is_mute, self.is_connected = False, True
            state = StreamState.RESTORED_DATA_LOST if self._has_lost else StreamState.RESTORED
            # Nothing that was said before overtakes the news that all may be believed again.
            due = max([now, *(told.due_ns for told in self._stream)])
            self._push(StreamChange(state, now), due_ns=due)

    # The stream

    def _hear(self, event: MarketEvent) -> None:
        order = event.order
        if order is None or self._is_hidden(order):
            return
        if event.kind in (EventKind.CANCEL_REJECTED, EventKind.REPLACE_REJECTED):
            is_replace = event.kind is EventKind.REPLACE_REJECTED
            self._tell(RequestRejected(order.client_order_id, is_replace, event.code, event.text, event.ts_ns))
            return
        if event.execution is not None:
            self._tell(self._named_or_not(event.execution.report()))
        self._tell(self._report(order))

    def _tell(self, event: BrokerEvent) -> None:
        if self._is_mute:
            if self.rng.random() < 0.5:
                self._has_lost = True
                return
        elif self._chance(self.options.gap):
            return
        self._push(event)
        if self._chance(self.options.duplicate):
            self._push(event)

    def _push(self, event: BrokerEvent, *, due_ns: int | None = None) -> None:
        now = self.world.clock()
        delay = self.rng.randrange(self.options.latency_ms * MS + 1) if self.options.latency_ms else 0
        if self._chance(self.options.reorder):
            delay += self.rng.randrange(2_000 * MS)
        self._number += 1
        self._stream.append(_Told(now + delay if due_ns is None else due_ns, self._number, event))

    def events(self, timeout_s: float = 0.0) -> tuple[BrokerEvent, ...]:
        if self._chance(self.options.stream_loss):
            self._lose(connection=False)
        elif self._chance(self.options.disconnect):
            self._lose(connection=True)
        until = self.world.clock() + round(timeout_s * 1e9)
        while True:
            self.market.advance()
            self.heal()
            now = self.world.clock()
            ready = sorted((told for told in self._stream if told.due_ns <= now), key=lambda t: (t.due_ns, t.number))
            if self._is_mute:
                ready = [told for told in ready if isinstance(told.event, StreamChange)]
            if ready or now >= until:
                taken = {id(told) for told in ready}
                self._stream = [told for told in self._stream if id(told) not in taken]
                return tuple(told.event for told in ready)
            self.world.sleep(min(0.25, (until - now) / 1e9))

    # Reading

    def _require(self, *, may_fail: bool = True) -> None:
        self.market.advance()
        if not self.is_connected:
            raise NotConnectedError("the simulated line is down")
        if may_fail and self._chance(self.options.read_error):
            raise BrokerError("the simulated answer was lost")

    def _is_hidden(self, order: PaperOrder) -> bool:
        # A second order of an id is refused without a trace; so is any other refusal, at venues that keep none, unless
        # the order had been taken first.
        if order.state is not OrderState.REJECTED or order.updated_ns > order.created_ns:
            return False
        return order.code == Refusal.DUPLICATE_ID.value or not self.profile.keeps_refused

    def _find(self, client_order_id: str) -> PaperOrder | None:
        numbers = self.market.store._by_client.get((ACCOUNT, client_order_id), ())
        found = [self.market.store.orders[number] for number in numbers]
        return next((order for order in found if not self._is_hidden(order)), None)

    def _report(self, order: PaperOrder) -> OrderReport:
        before = self.market.store.orders.get(order.replaces)
        return order.report(replaces=before.client_order_id if before is not None else "")

    def account(self) -> Account:
        self._require()
        return self.market.account(ACCOUNT)

    def positions(self) -> tuple[Holding, ...]:
        self._require()
        return self.market.positions(ACCOUNT)

    def trading_rules(self, symbol: str) -> TradingRules:
        self._require(may_fail=False)
        return self.market.rules(symbol)

    def quote(self, symbol: str) -> Quote:
        self._require(may_fail=False)
        return replace(self.market.quote(symbol), ts_ns=self.world.clock())

    def status(self, client_order_id: str, symbol: str | None = None) -> OrderReport | None:
        self._require()
        order = self._find(client_order_id)
        return None if order is None else self._report(order)

    def open_orders(self) -> tuple[OrderReport, ...]:
        self._require()
        return tuple(self._report(order) for order in self.market.orders(ACCOUNT, open_only=True))

    def executions(self, since_ns: int = 0) -> tuple[Execution, ...]:
        self._require()
        lag = self.rng.randrange(1_500 * MS) if self._lags() else 0
        rows: list[Execution] = []
        for one in self.market.executions(ACCOUNT, since_ns=since_ns):
            if one.ts_ns + lag > self.world.clock() and lag:
                continue
            report = one.report()
            original = self.world.originals.get(one.number)
            if self.options.splits_revisions and original is not None and one.kind is not ExecutionKind.TRADE:
                rows.append(original)
            rows.append(report)
        return tuple(self._named_or_not(row) for row in rows)

    def _named_or_not(self, execution: Execution) -> Execution:
        return replace(execution, client_order_id="") if self._chance(self.options.nameless) else execution

    def _lags(self) -> bool:
        return self.world.reads_lag and self._chance(self.options.reads_lag)

    def clock_offset_ns(self) -> int:
        return 0

    # Requests

    def submit(self, order: Order) -> Outcome:
        return self.submit_many((order,))[0]

    def submit_many(self, orders: tuple[Order, ...]) -> tuple[Outcome, ...]:
        self.world.watch.sending(orders)
        outcomes = []
        for order in orders:
            outcomes.append(self._submit(order))
        self.world.reached("reply.read")
        if self._chance(self.options.raises):
            raise ValueError("the simulated adapter failed")
        return tuple(outcomes)

    def _submit(self, order: Order) -> Outcome:
        self.world.reached("send.connected")
        self.world.reached("send.half")
        options, rule = self.options, self.profile.id_rule
        if self._chance(options.rate_limited):
            return Outcome(OutcomeKind.REFUSED, code="429", text="slow down", may_retry=True)
        if self._chance(options.refused):
            return Outcome(OutcomeKind.REFUSED, code="-2010", text="no")
        if self._chance(options.lost_before):
            self.world.reached("send.written")
            return _UNKNOWN
        if self._is_late():
            self.world.deliver(self._late_s(), lambda: self.market.submit(ACCOUNT, order, id_rule=rule), order)
            self.world.reached("send.written")
            return _UNKNOWN
        number = self.market.submit(ACCOUNT, order, id_rule=rule).number
        self.world.reached("send.written")
        if self._chance(options.lost_after):
            return _UNKNOWN
        if self._chance(options.misread):
            return Outcome(OutcomeKind.REFUSED, code="399", text="misread")
        self.world.answer_time()
        return self._outcome(self.market.store.orders[number])

    def _is_late(self) -> bool:
        return self.profile.rule.wait_s > 0 and self._chance(self.options.late)

    def _late_s(self) -> float:
        return self.rng.random() * self.profile.rule.wait_s * 0.999

    def _outcome(self, order: PaperOrder) -> Outcome:
        if order.state is OrderState.REJECTED:
            return Outcome(OutcomeKind.REFUSED, None, code=order.code, text=order.text)
        if self._chance(self.options.bare):
            return Outcome(OutcomeKind.ACCEPTED)
        fills: tuple[Execution, ...] = ()
        if self.rng.random() < self.options.tells_fills:
            fills = tuple(one.report() for one in self.market.store.executions_of(ACCOUNT, order.number))
        return Outcome(OutcomeKind.ACCEPTED, self._report(order), fills)

    def cancel(self, client_order_id: str) -> Outcome:
        self._require(may_fail=False)
        order = self._find(client_order_id)
        number = order.number if order is not None else 0
        if order is not None and order.is_open and self._chance(self.options.cancel_race):
            self.world.fill_by_force(number)
        if self._chance(self.options.rate_limited):
            return Outcome(OutcomeKind.REFUSED, code="429", text="slow down", may_retry=True)
        if self._chance(self.options.lost_before):
            self.world.reached("cancel.sent")
            return _UNKNOWN
        if self._is_late():
            self.world.deliver(self._late_s(), lambda: self.market.cancel(ACCOUNT, number), None)
            self.world.reached("cancel.sent")
            return _UNKNOWN
        answer = self.market.cancel(ACCOUNT, number)
        self.world.reached("cancel.sent")
        if self._chance(self.options.lost_after):
            return _UNKNOWN
        self.world.answer_time()
        return self._answer(answer)

    def replace(self, client_order_id: str, replacement: Order) -> Outcome:
        self._require(may_fail=False)
        self.world.watch.sending((replacement,))
        self.world.reached("send.connected")
        self.world.reached("send.half")
        order = self._find(client_order_id)
        number, rule = order.number if order is not None else 0, self.profile.id_rule
        if self._chance(self.options.lost_before):
            return _UNKNOWN
        if self._is_late():
            act = lambda: self.market.replace(ACCOUNT, number, replacement, id_rule=rule)  # noqa: E731
            self.world.deliver(self._late_s(), act, replacement)
            self.world.reached("send.written")
            return _UNKNOWN
        answer = self.market.replace(ACCOUNT, number, replacement, id_rule=rule)
        self.world.reached("send.written")
        if self._chance(self.options.lost_after):
            return _UNKNOWN
        self.world.answer_time()
        self.world.reached("reply.read")
        if answer.is_taken and answer.order is not None and answer.order.number == number:
            return Outcome(OutcomeKind.ACCEPTED)  # on its way inside the venue
        return self._answer(answer)

    def _answer(self, answer: Answer) -> Outcome:
        if answer.order is None or not answer.is_taken:
            report = None if answer.order is None or self._is_hidden(answer.order) else self._report(answer.order)
            return Outcome(OutcomeKind.REFUSED, report, code=answer.code, text=answer.text)
        return self._outcome(self.market.store.orders[answer.order.number])


def fill(world: World, number: int) -> None:
    """Fill part or all of what is left of an order, whatever the book says.

    Parameters
    ----------
    world : World
        Whose market.
    number : int
        The order.
    """
    order = world.market.store.orders[number]
    left = order.quantity_e9 - order.filled_quantity_e9
    if left <= 0 or order.state is OrderState.REJECTED:
        return
    lot = world.market.rules(order.symbol).lot_e9
    quantity = world.rng.randint(1, left // lot) * lot
    try:
        paper_admin.force_fill(world.market, number, quantity_e9=quantity)
    except ValidationError:
        return
