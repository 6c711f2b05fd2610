"""Our own safeguards, each taken away by name in the client process; the matrix must notice every one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from nanodesk.brokers.base import Outcome, OutcomeKind
from nanodesk.errors import BrokerError
from nanodesk.market.order import OrderState
from nanodesk.oms import bookings, ledger, order_engine, outcome_search, recovery
from nanodesk.oms.desk import Desk
from nanodesk.oms.journal import Journal
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.oms.order_record import OrderRecord
from nanodesk.rebalance import execute
from nanodesk.rebalance.execute import Rebalancer
from nanodesk.rebalance.sending import Sender

_RECONCILE: Final = sys.modules["nanodesk.oms.reconcile"]


@dataclass(frozen=True)
class Mutant:
    """What is taken away, how, and the cases of which at least one must turn bad.

    A case is ``kill KIND POINT POSITION``, ``net KIND OP FAULT``, ``disk KIND POINT HOW`` or ``run KIND untold -``:
    every cancel meets a fill, and only asking tells of it.
    """

    name: str
    apply: Callable[[], None]
    cases: tuple[str, ...]


class MutantDoesNotFit(Exception):  # noqa: N818  what it says
    """The code that a mutant changes has moved; being noticed for that is not being caught."""


def apply_mutant(name: str) -> None:
    """Take a safeguard away in this process, which is about to end anyway."""
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    try:
        mutant.apply()
    except AttributeError as error:
        raise MutantDoesNotFit(f"{name}: {error}") from error


def _set(target: Any, name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(target, name, value)


def _nothing(*_: Any, **__: Any) -> dict[str, None]:
    return {}


# -- sending ----------------------------------------------------------------------------------------------------------


def _intent_after_send(self: OrderEngine, orders: Any) -> Any:
    fresh = self._fresh(orders)
    outcomes = self._outcomes(fresh)
    self._intend(fresh)
    made = self.bookings()
    for order, outcome in zip(fresh, outcomes, strict=True):
        order_engine._book_outcome(made, order.client_order_id, outcome)
    self._write(made.events)
    return tuple(self.order(order.client_order_id) for order in orders)


_book_outcome = order_engine._book_outcome


def _unknown_is(kind: OutcomeKind) -> Callable[..., None]:
    def book(made: Any, name: str, outcome: Outcome) -> None:
        _book_outcome(made, name, replace(outcome, kind=kind) if outcome.kind is OutcomeKind.UNKNOWN else outcome)

    return book


_outcomes = OrderEngine._outcomes


def _send_again(self: OrderEngine, orders: Any) -> Any:
    outcomes = list(_outcomes(self, orders))
    return [self.broker.submit(order) if outcome.kind is OutcomeKind.UNKNOWN else outcome
            for order, outcome in zip(orders, outcomes, strict=True)]  # fmt: skip


def _send_twice(self: OrderEngine, orders: Any) -> Any:
    _outcomes(self, orders)
    return _outcomes(self, [replace(order, client_order_id=order.client_order_id + "x") for order in orders])


def _believe_cancel(self: OrderEngine, client_order_id: str) -> Any:
    record = self._record(client_order_id)
    self._write([order_engine.JournalEvent("cancel_intent", {"run_id": self._run_id}, client_order_id)])
    self.reached("cancel.logged")
    self._ask(lambda: self.broker.cancel(client_order_id))
    record.life = OrderState.CANCELLED
    self.ledger.open_ids.pop(client_order_id, None)
    return record.view()


# -- looking up -------------------------------------------------------------------------------------------------------

_ask = outcome_search.OutcomeSearch._ask


def _absent_unasked(self: Any, desk: Any, name: str, trail: Any, *, not_sent: bool) -> Any:
    self._trails.pop(name, None)
    return outcome_search.mark_not_sent(desk, name)


def _error_is_absence(self: Any, desk: Any, name: str, trail: Any, *, not_sent: bool) -> Any:
    try:
        self._broker.status(name)
    except BrokerError:
        self._trails.pop(name, None)
        return outcome_search.mark_not_sent(desk, name)
    return _ask(self, desk, name, trail, not_sent=not_sent)


def _send_before_asking(self: Any, desk: Any, name: str, trail: Any, *, not_sent: bool) -> Any:
    self._broker.submit(desk.ledger.orders[name].order)
    return _ask(self, desk, name, trail, not_sent=not_sent)


def _recover_nothing(desk: Any, search: Any, **_: Any) -> Any:
    desk.reached("recovery.start")
    return recovery.RecoveryReport()


# -- booking ----------------------------------------------------------------------------------------------------------

_fill, _find, _append = ledger.Ledger._fill, Journal.find_execution, Journal.append
_execution = bookings.Bookings.execution


def _ignore_late(self: Any, event: Any) -> None:
    record = self.orders.get(event.client_order_id)
    if record is None or not record.life.is_terminal:
        _fill(self, event)


def _first_fill_only(self: Any, execution: Any, *, is_history: bool = False) -> bool:
    record = self._ledger.orders.get(execution.client_order_id)
    is_later = record is not None and record.cum_e9 > 0 and not self._known(execution.execution_id)
    return False if is_later else _execution(self, execution, is_history=is_history)


def _stream_fills_only(self: Any, execution: Any, *, is_history: bool = False) -> bool:
    return False if is_history else _execution(self, execution, is_history=is_history)


def _not_unique() -> None:
    from nanodesk.oms import journal

    Journal.find_execution = lambda self, *names: ()  # type: ignore[method-assign]
    journal._SCHEMA = journal._SCHEMA.replace("UNIQUE INDEX one_booking", "INDEX one_booking")


def _swallow(self: Journal, events: Any, *, inside: str = "") -> Any:
    try:
        return _append(self, events, inside=inside)
    except Exception:  # noqa: BLE001  that is the mutant
        self._fault = ""
        return ()


def _roll_back_only(self: Journal, error: BaseException) -> None:
    if self._connection.in_transaction:
        self._connection.execute("ROLLBACK")


def _retry_writes(self: Desk, events: Any, *, inside: str = "") -> Any:
    try:
        return _write(self, events, inside=inside)
    except Exception:  # noqa: BLE001  that is the mutant
        return {}


_write = Desk._write

# -- rebalancing ------------------------------------------------------------------------------------------------------

_name_run = Rebalancer._name_run


def _leave_open(engine: OrderEngine, view: Any, *_: Any) -> Any:
    engine.recover()
    view.is_reconciled = True
    return ()


def _same_run(self: Rebalancer, target: Any, view: Any, options: Any) -> None:
    _name_run(self, target, view, options)
    view.run_id = f"{target.window_id}-1"


def _give_up_at_once(self: Sender, working: Any, waiting: Any) -> None:
    for part in list(working):
        working.remove(part)
        part.live = ""
        waiting.append(part)


_take_ended = Sender._take_ended


def _unresolved_is_sent_again(self: Sender, working: Any, waiting: Any) -> None:
    for part in list(working):
        if part.give_up_s is not None:
            working.remove(part)
            part.left_e9 = max(part.left_e9 - self._engine.order(part.live).cum_quantity_e9, 0)
            part.live, part.give_up_s, part.deadline_s = "", None, 0.0
            waiting.append(part)
            self._settings = self._settings.model_copy(update={"order_timeout_secs": 5.0})
    _take_ended(self, working, waiting)


# -- adapters ---------------------------------------------------------------------------------------------------------


def _binance_posts_again() -> None:
    from nanodesk.brokers.binance.placing import BinancePlacing

    once = BinancePlacing.submit

    async def submit(self: Any, order: Any) -> Outcome:
        outcome = await once(self, order)
        return await once(self, order) if outcome.kind is OutcomeKind.UNKNOWN else outcome

    BinancePlacing.submit = submit  # type: ignore[method-assign]


def _binance_server_error_is_refusal() -> None:
    from nanodesk.brokers.binance import placing as binance_placing

    binance_placing.outcome_of = lambda error: Outcome(OutcomeKind.REFUSED, code="5xx", text=str(error))


def _ibkr_silence_is_refusal() -> None:
    from nanodesk.brokers.ibkr.placing import IbkrPlacing

    answered = IbkrPlacing._outcome

    def outcome(self: Any, tracked: Any, deadline_s: float) -> Outcome:
        found = answered(self, tracked, deadline_s)
        return replace(found, kind=OutcomeKind.REFUSED) if found.kind is OutcomeKind.UNKNOWN else found

    IbkrPlacing._outcome = outcome  # type: ignore[method-assign]


def _ibkr_revision_is_new() -> None:
    from nanodesk.brokers.ibkr import executions as ibkr_executions

    ibkr_executions.split_revision = lambda execution_id: (execution_id, 1)


def _ibkr_error_is_evidence() -> None:
    from nanodesk.brokers.ibkr import orders as ibkr_orders

    def on_error(self: Any, client_id: int, error: Any) -> Any:
        tracked = self._by_id.get((client_id, error.request_id))
        if tracked is not None and error.code == 100:
            return self._tell(tracked, replace(tracked.report, code="100", text=error.text))
        return told(self, client_id, error)

    told = ibkr_orders.OrderTable.on_error
    ibkr_orders.OrderTable.on_error = on_error  # type: ignore[method-assign]


def _ibkr_new_before_old_is_dead() -> None:
    from nanodesk.brokers.ibkr.placing import IbkrPlacing

    def replace_order(self: Any, client_order_id: str, replacement: Any) -> Outcome:
        self.cancel(client_order_id)
        return self.submit(replacement)

    IbkrPlacing.replace = replace_order  # type: ignore[method-assign]


def _alpaca_error_is_refusal() -> None:
    from nanodesk.brokers.alpaca import placing as alpaca_placing

    alpaca_placing.outcome_of = lambda error: Outcome(OutcomeKind.REFUSED, code="5xx", text=str(error))


BOTH: Final = ("binance", "ibkr")


def _kills(point: str, *kinds: str) -> tuple[str, ...]:
    return tuple(f"kill {kind} {point} middle" for kind in kinds or BOTH)


MUTANTS: Final = (
    Mutant("intent after the send", _set(OrderEngine, "submit_many", _intent_after_send), _kills("K11")),
    Mutant("unknown is a refusal", _set(order_engine, "_book_outcome", _unknown_is(OutcomeKind.REFUSED)),
           ("net binance new reset_after_accept", "net ibkr new reset_after_accept")),
    Mutant("unknown is an acceptance", _set(order_engine, "_book_outcome", _unknown_is(OutcomeKind.ACCEPTED)),
           ("net binance new reset_before_accept", "net ibkr new reset_before_accept")),
    Mutant("unknown is sent again at once", _set(OrderEngine, "_outcomes", _send_again),
           ("net binance new reset_after_accept", "net binance new error_after_accept")),
    Mutant("every order is sent twice", _set(OrderEngine, "_outcomes", _send_twice), _kills("K11")),
    Mutant("a cancel is believed when it is sent", _set(OrderEngine, "cancel", _believe_cancel),
           ("net binance cancel cancel_races_fill", "net ibkr cancel reset_before_accept")),
    Mutant("nobody looks an order up", _set(outcome_search.OutcomeSearch, "_ask", _absent_unasked), _kills("K11")),
    Mutant("an error is absence", _set(outcome_search.OutcomeSearch, "_ask", _error_is_absence),
           ("net binance new black_hole_after", "net alpaca new black_hole_after")),
    Mutant("sent again before asking", _set(outcome_search.OutcomeSearch, "_ask", _send_before_asking),
           ("kill binance K11 last", "kill ibkr K11 last")),
    Mutant("recovery does nothing", _set(order_engine, "recover", _recover_nothing), _kills("K8")),
    Mutant("nobody searches while trading", _set(outcome_search.OutcomeSearch, "step", _nothing),
           ("net binance new reset_before_accept", "net ibkr new reset_before_accept")),
    Mutant("an unknown order is no longer unresolved", _set(OrderRecord, "is_unresolved", property(lambda self: False)),
           _kills("K8")),
    Mutant("late fills are dropped", _set(ledger.Ledger, "_fill", _ignore_late),
           ("net binance cancel late_fill", "net ibkr cancel late_fill")),
    Mutant("only the first fill of an order counts", _set(bookings.Bookings, "execution", _first_fill_only),
           _kills("K16")),
    Mutant("executions are not read again", _set(bookings.Bookings, "execution", _stream_fills_only), _kills("K15")),
    Mutant("executions are neither looked up nor unique", _not_unique, _kills("K14")),
    Mutant("executions are not looked up", _set(Journal, "find_execution", lambda self, *names: ()), _kills("K14")),
    Mutant("a correction adds", _set(bookings, "_values", lambda payload: {"quantity_e9": 0, "price_e9": 0}),
           ("net ibkr new correct",)),
    Mutant("a bust is ignored", _set(ledger.Ledger, "_bust", _nothing), ("net ibkr new bust",)),
    Mutant("a corrected execution is a new one", _ibkr_revision_is_new, ("net ibkr new correct",)),
    Mutant("positions are not compared", _set(_RECONCILE, "_differing", lambda desk, theirs: []),
           ("net binance new bust", "net ibkr new split")),
    Mutant("a failed commit is swallowed", _set(Journal, "append", _swallow),
           ("disk binance K7 full", "disk ibkr K13 io_error")),
    Mutant("a fault of the disk does not stop sending", lambda: (
        setattr(Journal, "_poison", _roll_back_only), setattr(Desk, "_write", _retry_writes)),
           ("disk binance K7 full", "disk ibkr K7 io_error")),
    Mutant("what earlier runs left open stays open", _set(execute, "clear_up", _leave_open),
           ("kill binance K14 middle", "kill binance K14 first", "kill ibkr K18 first", "kill alpaca K14 first",
            "kill alpaca K21 first", "kill ibkr K21 first")),
    Mutant("a second run has the name of the first", _set(Rebalancer, "_name_run", _same_run), _kills("K14")),
    Mutant("working orders are forgotten and sent again", _set(Sender, "_take_ended", _give_up_at_once),
           ("run binance untold -", "run alpaca untold -")),
    Mutant("an order is sent again before its cancel is answered",
           _set(Sender, "_take_ended", _unresolved_is_sent_again), ("run binance untold -", "run alpaca untold -")),
    Mutant("Binance: POST is tried again", _binance_posts_again,
           ("net binance new reset_after_accept", "net binance new error_after_accept")),
    Mutant("Binance: 5xx is a refusal", _binance_server_error_is_refusal,
           ("net binance new error_after_accept", "net binance new reset_after_accept")),
    Mutant("Alpaca: 5xx is a refusal", _alpaca_error_is_refusal,
           ("net alpaca new error_after_accept", "net alpaca new reset_after_accept")),
    Mutant("TWS: silence is a refusal", _ibkr_silence_is_refusal, ("net ibkr new reset_after_accept",)),
    Mutant("TWS: an error says that the order lives", _ibkr_error_is_evidence, ("net ibkr new rate_limited",)),
    Mutant("TWS: a replacement is sent before the old order is dead", _ibkr_new_before_old_is_dead,
           ("net ibkr replace cancel_races_fill",)),
)  # fmt: skip
