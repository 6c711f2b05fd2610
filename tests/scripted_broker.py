"""A broker in memory that does what a test tells it: the venue's truth, its answers, its stream and its faults."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from nanodesk.brokers.base import AbsenceRule, Outcome, OutcomeKind, StreamChange, StreamState
from nanodesk.errors import BrokerError
from nanodesk.market.account import Account, Holding
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9, notional_e9
from nanodesk.market.order import Execution, ExecutionKind, Order, OrderReport, OrderState, OrderType
from nanodesk.market.trading_rules import TradingRules

PRICE = 100 * E9
RULE = AbsenceRule(wait_s=5.0, misses=2, spacing_s=1.0)


def an_order(name, symbol="AAPL", side=Side.BUY, quantity=100, price=100):
    return Order(name, symbol, side, quantity * E9, OrderType.LIMIT, price * E9)


class ScriptedBroker:
    """Orders rest until :meth:`fill`; ``script`` holds what the next sendings do, oldest first.

    An entry is ``"accept"``, ``"refuse"``, ``"lost"`` (accepted, answer lost), ``"never"`` (lost on the way there),
    ``"late:N"`` (arrives after N more questions), ``"fill"`` (accepted and filled in the answer), or an exception.
    """

    name = "scripted"
    account_id = "TEST"
    is_live = False

    def __init__(self, absence_rule=RULE, cash=1_000_000):
        self.absence_rule = absence_rule
        self.is_connected = True
        self.script = deque()
        self.cancel_script = deque()
        self.orders = {}
        self.all_executions = []
        self.stream = deque()
        self.sent = []
        self.cancels = []
        self.held = {}
        self.cash_e9 = cash * E9
        self.clock_ns = 1_000
        self.late = []
        self.fail_reads = 0
        self.says_on_stream = True
        self.questions = 0

    # The venue

    def tick(self):
        self.clock_ns += 1_000
        return self.clock_ns

    def _place(self, order, state=OrderState.NEW):
        number = len(self.orders) + 1
        report = OrderReport(
            order.client_order_id, f"V{number}", order.symbol, order.side, state, order.quantity_e9, 0,
            limit_price_e9=order.limit_price_e9, ts_event_ns=self.tick(),
        )  # fmt: skip
        self.orders[order.client_order_id] = report
        return report

    def _say(self, event):
        if self.says_on_stream:
            self.stream.append(event)

    def report(self, name, **changes):
        report = replace(self.orders[name], ts_event_ns=self.tick(), **changes)
        self.orders[name] = report
        self._say(report)
        return report

    def fill(self, name, quantity=None, price=PRICE, fee=0, say=True, execution_id=None):
        report = self.orders[name]
        rest = report.quantity_e9 - report.filled_quantity_e9
        quantity_e9 = rest if quantity is None else quantity * E9
        execution = Execution(
            execution_id or f"E{len(self.all_executions) + 1}", name, report.venue_order_id, report.symbol,
            report.side, quantity_e9, price, fee * E9, "USD" if fee else "", ts_event_ns=self.tick(),
        )  # fmt: skip
        return self.execute(execution, say=say)

    def execute(self, execution, say=True):
        self.all_executions.append(execution)
        self.book_position(execution.symbol, execution.signed_quantity_e9, execution.price_e9, execution.fee_e9)
        name = execution.client_order_id
        if say:
            self._say(execution)
        if name in self.orders:
            filled = self.orders[name].filled_quantity_e9 + execution.quantity_e9
            done = filled >= self.orders[name].quantity_e9
            state = OrderState.FILLED if done else OrderState.PARTIALLY_FILLED
            was = self.orders[name].state
            self.orders[name] = replace(
                self.orders[name], filled_quantity_e9=filled, state=was if was.is_terminal else state,
                ts_event_ns=self.tick(),
            )  # fmt: skip
            if say:
                self._say(self.orders[name])
        return execution

    def book_position(self, symbol, signed_e9, price_e9=0, fee_e9=0):
        self.held[symbol] = self.held.get(symbol, 0) + signed_e9
        self.cash_e9 -= notional_e9(price_e9, signed_e9) + fee_e9

    def bust(self, execution, say=True):
        undone = replace(execution, kind=ExecutionKind.BUST, ts_event_ns=self.tick())
        self.all_executions.append(undone)
        self.book_position(execution.symbol, -execution.signed_quantity_e9, execution.price_e9, -execution.fee_e9)
        if say:
            self._say(undone)
        return undone

    def correct(self, execution, quantity, price=PRICE, say=True):
        right = replace(
            execution, kind=ExecutionKind.CORRECT, quantity_e9=quantity * E9, price_e9=price, ts_event_ns=self.tick()
        )
        self.all_executions.append(right)
        self.book_position(execution.symbol, -execution.signed_quantity_e9, execution.price_e9)
        self.book_position(execution.symbol, right.signed_quantity_e9, right.price_e9)
        if say:
            self._say(right)
        return right

    def lose_stream(self, *, data=True):
        self.stream.append(StreamChange(StreamState.LOST, self.tick()))
        state = StreamState.RESTORED_DATA_LOST if data else StreamState.RESTORED
        return StreamChange(state, self.tick())

    # The port

    def connect(self):
        self.is_connected = True

    def disconnect(self):
        self.is_connected = False

    def account(self):
        self._read()
        return Account(self.account_id, "USD", self.cash_e9, self.cash_e9, self.cash_e9, False, self.clock_ns)

    def positions(self):
        self._read()
        return tuple(Holding(symbol, held) for symbol, held in sorted(self.held.items()) if held)

    def trading_rules(self, symbol):
        return TradingRules(symbol)

    def quote(self, symbol):
        raise NotImplementedError

    def submit(self, order):
        self.sent.append(order.client_order_id)
        what = self.script.popleft() if self.script else "accept"
        if isinstance(what, BaseException):
            raise what
        if what == "refuse":
            return Outcome(OutcomeKind.REFUSED, code="-2010", text="no money", may_retry=False)
        if what == "never":
            return Outcome(OutcomeKind.UNKNOWN, text="time-out")
        if what.startswith("late"):
            self.late.append([int(what.partition(":")[2]), order])
            return Outcome(OutcomeKind.UNKNOWN, text="time-out")
        if order.client_order_id in self.orders and self.absence_rule.same_id_is_refused:
            return Outcome(OutcomeKind.REFUSED, code="duplicate", text="must be unique")
        report = self._place(order)
        if what == "lost":
            return Outcome(OutcomeKind.UNKNOWN, text="connection reset")
        if what == "fill":
            execution = self.fill(order.client_order_id)
            return Outcome(OutcomeKind.ACCEPTED, self.orders[order.client_order_id], (execution,))
        return Outcome(OutcomeKind.ACCEPTED, report)

    def submit_many(self, orders):
        return tuple(self.submit(order) for order in orders)

    def cancel(self, name):
        self.cancels.append(name)
        what = self.cancel_script.popleft() if self.cancel_script else "cancel"
        if what == "unknown":
            return Outcome(OutcomeKind.UNKNOWN, text="time-out")
        if what == "fill":
            self.fill(name)
        if self.orders[name].state.is_terminal or what == "refuse":
            return Outcome(OutcomeKind.REFUSED, self.orders[name], code="-2011", text="unknown order")
        if what == "cancel":
            self.report(name, state=OrderState.CANCELLED)
        return Outcome(OutcomeKind.ACCEPTED)

    def replace(self, name, order):
        self.sent.append(order.client_order_id)
        what = self.script.popleft() if self.script else "accept"
        if what == "never":
            return Outcome(OutcomeKind.UNKNOWN, text="time-out")
        if what == "refuse" or self.orders[name].state.is_terminal:
            return Outcome(OutcomeKind.REFUSED, code="-2022", text="too late")
        self.report(name, state=OrderState.REPLACED)
        report = self._place(order)
        return Outcome(OutcomeKind.UNKNOWN) if what == "lost" else Outcome(OutcomeKind.ACCEPTED, report)

    def _read(self):
        if self.fail_reads:
            self.fail_reads -= 1
            raise BrokerError("cannot be asked")

    def status(self, name, symbol=None):
        self._read()
        self.questions += 1
        for entry in self.late:
            entry[0] -= 1
            if entry[0] < 0 and entry[1].client_order_id not in self.orders:
                self._place(entry[1])
        return self.orders.get(name)

    def open_orders(self):
        self._read()
        return tuple(report for report in self.orders.values() if not report.state.is_terminal)

    def executions(self, since_ns=0):
        self._read()
        return tuple(self.all_executions)

    def events(self, timeout_s=0.0):
        events = tuple(self.stream)
        self.stream.clear()
        return events

    def clock_offset_ns(self):
        return 0


class FakeTime:
    """A clock that sleeping moves."""

    def __init__(self):
        self.now_s = 100.0

    def monotonic_s(self):
        return self.now_s

    def now_ns(self):
        return 1_700_000_000 * 10**9 + int(self.now_s * 1e9)

    def sleep(self, seconds):
        assert seconds > 0
        self.now_s += seconds
