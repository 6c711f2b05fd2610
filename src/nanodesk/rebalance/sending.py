"""Orders out, one by one and paced; each is watched until it is done, cancelled when its time is up, and never sent
again while its end is not known.

Time is an argument: the monotonic clock decides about time-outs, and waiting is asked of the caller's ``sleep``, so a
rehearsal on a virtual clock runs the same lines at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from nanodesk.errors import BrokerError, NanodeskError, NotConnectedError, PriceError, StalePlanError
from nanodesk.market.account import Quote
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.order import Order, OrderState, OrderType
from nanodesk.market.trading_rules import TradingRules
from nanodesk.oms.client_order_id import LARGEST_ATTEMPT, client_order_id
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.oms.order_view import OrderView
from nanodesk.rebalance.clock_watch import ClockWatch
from nanodesk.rebalance.config import Execution
from nanodesk.rebalance.order_parts import pieces, slices
from nanodesk.rebalance.plan import PlannedOrder, limit_price_e9, middle_price_e9
from nanodesk.rebalance.risk_view import RiskView

LONGEST_WAIT_S: Final = 0.25
"""So that a signal is noticed soon."""

CANCEL_AGAIN_S: Final = 2.0
"""After which a cancel that did not end its order is asked for again: the request, or its answer, may be lost."""

RETRIES_AFTER_S: Final = (3.0, 10.0, 30.0)
"""Together with an adapter's own patience longer than a minute, the window of every venue's limits."""

LONGEST_OUTAGE_S: Final = 60.0
"""A venue ends connections and a gateway restarts; the adapter comes back in seconds, and the run goes on."""

Progress = Callable[[str, int, int], None]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LineResult:
    """What came of one line of a plan.

    Parameters
    ----------
    line : PlannedOrder
        As planned.
    orders : tuple of OrderView
        Every order that was sent for it, or refused at the last moment.
    """

    line: PlannedOrder
    orders: tuple[OrderView, ...]

    @property
    def filled_e9(self) -> int:
        """Quantity filled, in billionths."""
        return sum(view.cum_quantity_e9 for view in self.orders)

    @property
    def average_price_e9(self) -> int:
        """Mean price of the fills, rounded to a billionth; 0 before the first."""
        filled = self.filled_e9
        paid = sum(view.average_price_e9 * view.cum_quantity_e9 for view in self.orders)
        return (2 * paid + filled) // (2 * filled) if filled else 0

    @property
    def fees_e9(self) -> dict[str, int]:
        """Fees by currency, in billionths."""
        fees: dict[str, int] = {}
        for view in self.orders:
            for currency, paid in view.fees.items():
                fees[currency] = fees.get(currency, 0) + paid
        return fees

    @property
    def is_filled(self) -> bool:
        """Whether nothing of it is left to trade."""
        return self.filled_e9 >= self.line.quantity_e9

    @property
    def is_unresolved(self) -> bool:
        """Whether an order of it may still trade, or its end is not known."""
        return any(not view.is_terminal for view in self.orders)

    @property
    def reason(self) -> str:
        """Why the last order did not fill; empty where it did."""
        return "" if self.is_filled or not self.orders else self.orders[-1].reason

    @property
    def status(self) -> str:
        """One word for the table: ``filled``, ``partial``, ``refused``, ``cancelled``, ``unknown`` or ``not sent``."""
        if self.is_filled:
            return "filled"
        if self.is_unresolved:
            return "unknown"
        if self.filled_e9:
            return "partial"
        if not self.orders:
            return "not sent"
        refused = (OrderState.RISK_REJECTED, OrderState.REJECTED)
        return "refused" if self.orders[-1].state in refused else "cancelled"


@dataclass(slots=True)
class _Part:
    """One order of a line, or the rest of it after a peg has moved."""

    line: PlannedOrder
    number: int
    quantity_e9: int
    left_e9: int
    planned_s: float
    due_s: float
    attempt: int = 0
    live: str = ""
    deadline_s: float = 0.0
    give_up_s: float | None = None
    cancel_again_s: float = 0.0
    reprice_s: float | None = None
    is_moving: bool = False
    retries: int = 0
    near_e9: int | None = None
    sent: list[str] = field(default_factory=list)


class Sender:
    """Sends the lines of a plan and waits for their ends.

    Parameters
    ----------
    engine : OrderEngine
        Order management; every order goes through it.
    run_id : str
        The run that orders are named after.
    settings : Execution
        Style, pace and time-outs.
    view : RiskView
        Fresh quotes and trading rules; told of answers and fills.
    clock_watch : ClockWatch
        Asked before every order; when it raises, everything open is cancelled.
    clocks : tuple of callable
        Wall clock in nanoseconds, monotonic clock in seconds, and waiting.
    should_stop : callable
        Whether to cancel the rest and end, asked at every turn.
    reached, progress : callable
        Told of steps, and of lines done.
    is_reduce_only : bool, default False
        Whether orders may only take positions toward zero.
    """

    def __init__(
        self,
        engine: OrderEngine,
        run_id: str,
        settings: Execution,
        *,
        view: RiskView,
        clock_watch: ClockWatch,
        clocks: tuple[Callable[[], int], Callable[[], float], Callable[[float], None]],
        should_stop: Callable[[], bool],
        reached: Callable[[str], None],
        progress: Progress,
        is_reduce_only: bool = False,
    ) -> None:
        self._engine, self._run_id, self._settings = engine, run_id, settings
        self._view = view
        self._seen: dict[str, tuple[int, int]] = {}
        self._clock_watch = clock_watch
        self._now_ns, self._monotonic_s, self._sleep = clocks
        self._is_reduce_only = is_reduce_only
        self._should_stop, self._reached, self._progress = should_stop, reached, progress
        self._parts: list[_Part] = []
        self._lines: list[PlannedOrder] = []
        self._next_send_s = float("-inf")
        self._n_parts = self._n_sent = 0
        self._lost_since_s: float | None = None
        self.stopped: str = ""
        """Why sending was stopped before its end; empty if it was not."""

    def work(self, lines: Sequence[PlannedOrder]) -> None:
        """Send lines and wait until each is done, given up or stopped.

        When something fails that is not the fate of one order, open orders are asked to be cancelled first.

        Parameters
        ----------
        lines : sequence of PlannedOrder
            In the order of sending.
        """
        started_s = self._monotonic_s()
        self._lines += lines
        waiting = [part for line in lines for part in self._parts_of(line, started_s)]
        self._parts += waiting
        self._tell_progress()
        working: list[_Part] = []
        try:
            while waiting or working:
                self._turn(waiting, working)
        except NanodeskError:
            for part in self._parts:
                if part.live:
                    self._let_go(part.live)
            raise

    def _let_go(self, name: str) -> None:
        with suppress(NanodeskError):
            if self._engine.journal.fault:  # nobody can follow it any more, and a cancel needs no journal
                self._engine.broker.cancel(name)
            else:
                self._engine.cancel(name)

    def _turn(self, waiting: list[_Part], working: list[_Part]) -> None:
        self._look_for_stop()
        if self.stopped:
            waiting.clear()
        now_s = self._monotonic_s()
        is_live = self._engine.is_stream_live
        try:
            if not is_live and self._may_be_lost(now_s):
                self._poll(LONGEST_WAIT_S, now_s)
                return
            if self._lost_since_s is not None:
                for part in working:
                    part.give_up_s = None  # a cancel that the outage met is asked for again
            self._act(waiting, working, now_s)
        except NotConnectedError:  # nothing has left: the order waits for the line
            if not self._may_be_lost(now_s):
                raise
            self._sleep(LONGEST_WAIT_S)
        else:
            if is_live:
                self._lost_since_s = None

    def _may_be_lost(self, now_s: float) -> bool:
        if self._lost_since_s is None:
            self._lost_since_s = now_s
        return now_s - self._lost_since_s < LONGEST_OUTAGE_S

    def _act(self, waiting: list[_Part], working: list[_Part], now_s: float) -> None:
        part = self._due(waiting, now_s)
        if part is not None:
            self._send(part, now_s)
            waiting.remove(part)
            if part.live:
                working.append(part)
            elif part.left_e9 and part.retries:
                waiting.insert(0, part)  # sales stay before purchases
        self._watch(working, now_s)
        self._take_ended(working, waiting)
        if waiting or working:
            self._wait(waiting, working)

    def results(self) -> tuple[LineResult, ...]:
        """What came of every line so far.

        Returns
        -------
        results : tuple of LineResult
            In the order of sending.
        """
        sent: dict[int, list[str]] = {line.line: [] for line in self._lines}
        for part in self._parts:
            sent[part.line.line] += part.sent
        return tuple(LineResult(line, tuple(map(self._engine.order, sent[line.line]))) for line in self._lines)

    def _parts_of(self, line: PlannedOrder, started_s: float) -> list[_Part]:
        settings, rules = self._settings, self._view.rules[line.symbol]
        price = line.limit_price_e9
        is_sliced = settings.order_type == "twap"
        cut = slices(line.quantity_e9, settings.twap_slices if is_sliced else 1, rules=rules, price_e9=price)
        parts = []
        for i, quantity in enumerate(cut):
            due_s = started_s + i * settings.twap_interval_secs
            for piece in pieces(quantity, rules=rules, price_e9=price):
                self._n_parts += 1
                parts.append(_Part(line, self._n_parts, piece, piece, due_s, due_s))
        return parts

    def _look_for_stop(self) -> None:
        if self.stopped:
            return
        if self._should_stop():
            self.stopped = "asked to stop"
        try:
            self._clock_watch.look(self._now_ns(), self._monotonic_s())
        except StalePlanError as error:
            self.stopped = str(error)

    def _due(self, waiting: list[_Part], now_s: float) -> _Part | None:
        if now_s < self._next_send_s:
            return None
        return next((part for part in waiting if part.due_s <= now_s), None)

    def _send(self, part: _Part, now_s: float) -> None:
        if self._n_sent:
            self._reached("orders.between")
        self._n_sent += 1
        if part.attempt == LARGEST_ATTEMPT:
            self._n_parts += 1
            part.number, part.attempt = self._n_parts, 0
        part.attempt += 1
        try:
            order = self._order(part)
        except (BrokerError, PriceError):
            self._wait_for_price(part, now_s)
            return
        self._keep_distance(part, now_s)
        part.live = order.client_order_id
        view = self._engine.submit(order)
        part.sent.append(order.client_order_id)
        self._view.answered(view)
        self._tell_fills(part, view)
        self._next_send_s = now_s + self._settings.order_interval_ms / 1000
        if view.is_terminal:
            self._end(part, view, now_s)
            return
        part.give_up_s = None
        if not part.deadline_s:
            part.deadline_s = now_s + self._settings.order_timeout_secs
        part.reprice_s = None
        if self._settings.order_type == "peg":
            part.reprice_s = now_s + self._settings.peg_interval_ms / 1000

    def _keep_distance(self, part: _Part, now_s: float) -> None:
        """A slice that went late moves those after it: two at once would look like one that was sent twice."""
        later_slices = self._parts if self._settings.order_type == "twap" else ()
        for later in later_slices:
            if later.line is part.line and later.planned_s > part.planned_s:
                later.due_s = max(later.due_s, now_s + later.planned_s - part.planned_s)

    def _wait_for_price(self, part: _Part, now_s: float) -> None:
        """One name without a quote ends no other; its own order is tried as often as one that the venue put off."""
        is_last = part.retries == len(RETRIES_AFTER_S)
        part.due_s = now_s if is_last else now_s + RETRIES_AFTER_S[part.retries]
        part.retries = 0 if is_last else part.retries + 1

    def _order(self, part: _Part) -> Order:
        line, rules = part.line, self._view.rules[part.line.symbol]
        is_market = self._settings.order_type == "market"
        return Order(
            client_order_id(self._run_id, part.number, part.attempt),
            line.symbol,
            line.side,
            part.left_e9,
            OrderType.MARKET if is_market else OrderType.LIMIT,
            None if is_market else self._price(part),
            time_in_force=_time_in_force(self._settings, rules),
            reduce_only=self._is_reduce_only,
        )

    def _price(self, part: _Part) -> int:
        line, settings = part.line, self._settings
        rules = self._view.rules[line.symbol]
        if settings.order_type == "peg":
            return peg_price_e9(line, self._quote_of_others(part), rules, settings.peg_to)
        if settings.order_type == "twap":
            return limit_price_e9(line.side, self._view.fresh_quote(line.symbol), rules, settings.limit_offset_e9)
        return line.limit_price_e9

    def _tell_fills(self, part: _Part, view: OrderView) -> None:
        before, paid_before = self._seen.get(view.client_order_id, (0, 0))
        paid = view.average_price_e9 * view.cum_quantity_e9
        if view.cum_quantity_e9 > before:
            more = view.cum_quantity_e9 - before
            self._view.filled(part.line, more, (paid - paid_before) // more)
        self._seen[view.client_order_id] = (view.cum_quantity_e9, paid)

    def _quote_of_others(self, part: _Part) -> Quote:
        """The quote without our own order, as far as it can be told: a peg must not follow itself."""
        quote = self._view.fresh_quote(part.line.symbol, within_ns=0)
        is_buy = part.line.side is Side.BUY
        near = quote.bid_e9 if is_buy else quote.ask_e9
        own = {self._engine.order(name).order.limit_price_e9 for name in part.sent[-1:]}
        if part.near_e9 is None or near not in own:
            part.near_e9 = near
        return replace(quote, bid_e9=part.near_e9) if is_buy else replace(quote, ask_e9=part.near_e9)

    def _watch(self, working: Sequence[_Part], now_s: float) -> None:
        for part in working:
            is_late = now_s >= part.deadline_s or bool(self.stopped)
            if part.give_up_s is None and (is_late or self._must_move(part, now_s)):
                part.is_moving = not is_late
                part.give_up_s = now_s + self._settings.cancel_timeout_secs
                part.cancel_again_s = now_s
            if part.give_up_s is not None and now_s >= part.cancel_again_s:
                part.cancel_again_s = now_s + CANCEL_AGAIN_S
                with suppress(NotConnectedError):  # an order is not left alone because the line is down just now
                    self._engine.cancel(part.live)
                    self._view.asked()

    def _must_move(self, part: _Part, now_s: float) -> bool:
        if part.reprice_s is None or now_s < part.reprice_s:
            return False
        part.reprice_s = now_s + self._settings.peg_interval_ms / 1000
        try:
            return self._price(part) != self._engine.order(part.live).order.limit_price_e9
        except (BrokerError, PriceError):
            return False  # without a quote it stays where it is

    def _take_ended(self, working: list[_Part], waiting: list[_Part]) -> None:
        now_s = self._monotonic_s()
        for part in list(working):
            view = self._engine.order(part.live)
            self._tell_fills(part, view)
            if view.is_terminal:
                working.remove(part)
                self._end(part, view, now_s)
                # What was proved absent may still come: only a new plan, made after a comparison, decides about it.
                may_move = part.is_moving and now_s < part.deadline_s and view.state is not OrderState.NOT_SENT
                part.is_moving = False
                if part.left_e9 and (may_move or part.retries) and not self.stopped:
                    waiting.insert(0, part)
            elif part.give_up_s is not None and now_s >= part.give_up_s:
                working.remove(part)  # its end is not known: recovery and reconciliation take it from here

    def _end(self, part: _Part, view: OrderView, now_s: float) -> None:
        part.left_e9 = self._left_e9(part)
        part.live = ""
        may_retry = view.may_retry and part.retries < len(RETRIES_AFTER_S) and not self.stopped
        part.due_s = now_s + (RETRIES_AFTER_S[part.retries] if may_retry else 0.0)
        if may_retry:  # a full limit or a lost line is nothing about this order: the others wait with it
            logger.info("orders_wait", extra={"wait_s": part.due_s - now_s, "reason": view.reason})
            self._next_send_s = max(self._next_send_s, part.due_s)
        part.retries = part.retries + 1 if may_retry else 0
        self._tell_progress()

    def _tell_progress(self) -> None:
        done = sum(not part.live and (bool(part.sent) or not part.left_e9) for part in self._parts)
        self._progress("orders", done, len(self._parts))

    def _left_e9(self, part: _Part) -> int:
        """What no order of the part has filled: fills that the venue counts and has not told are filled, too."""
        views = map(self._engine.order, part.sent)
        return max(part.quantity_e9 - sum(view.cum_quantity_e9 + view.awaited_quantity_e9 for view in views), 0)

    def _wait(self, waiting: Sequence[_Part], working: Sequence[_Part]) -> None:
        now_s = self._monotonic_s()
        until = [max(part.due_s, self._next_send_s) for part in waiting]
        for part in working:
            if part.give_up_s is not None:
                until.append(min(part.give_up_s, part.cancel_again_s))
            else:
                until.append(part.deadline_s if part.reprice_s is None else min(part.deadline_s, part.reprice_s))
        timeout_s = min(max(min(until) - now_s, 0.0), LONGEST_WAIT_S)
        if working:
            self._poll(timeout_s, now_s)
        else:
            self._sleep(timeout_s)

    def _poll(self, timeout_s: float, now_s: float) -> None:
        came = self._engine.poll(timeout_s)
        rest_s = timeout_s - (self._monotonic_s() - now_s)
        if not came and rest_s > 0:
            self._sleep(rest_s)


def peg_price_e9(line: PlannedOrder, quote: Quote, rules: TradingRules, peg_to: str) -> int:
    """Where a pegged order stands now.

    Parameters
    ----------
    line : PlannedOrder
        Its side, and the limit that it never passes.
    quote : Quote
        Best prices.
    rules : TradingRules
        Grid.
    peg_to : {"near", "mid", "far"}
        Own side of the quote, the middle, or the other side.

    Returns
    -------
    price_e9 : int
        On the grid, rounded away from the other side.
    """
    is_buy = line.side is Side.BUY
    near, far = (quote.bid_e9, quote.ask_e9) if is_buy else (quote.ask_e9, quote.bid_e9)
    wanted = {"near": near, "mid": middle_price_e9(quote), "far": far}[peg_to]
    price = middle_price_e9(quote) if wanted is None else wanted
    if is_buy:
        return max(min(rules.floor_to_tick(price), line.limit_price_e9), rules.tick_e9)
    return max(rules.ceil_to_tick(price), line.limit_price_e9)


def _time_in_force(settings: Execution, rules: TradingRules) -> TimeInForce:
    wanted = TimeInForce.DAY if settings.time_in_force == "day" else TimeInForce.GTC
    resting = (wanted, TimeInForce.GTC, TimeInForce.DAY)
    return next((word for word in resting if word in rules.times_in_force), wanted)
