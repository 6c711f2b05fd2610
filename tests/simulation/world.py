"""The virtual clock, the venue with its accidents, the wire, and the process that a crash ends."""

from __future__ import annotations

import random
from collections.abc import Callable

from nanodesk.brokers.paper import admin as paper_admin
from nanodesk.brokers.paper.market import PaperMarket, VirtualClock
from nanodesk.brokers.paper.values import EventKind, Fees, MarketEvent
from nanodesk.market.account import Quote
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Execution, ExecutionKind, Order, OrderType
from nanodesk.market.trading_rules import TradingRules, TradingStatus
from simulation.invariants import ACCOUNT, require
from simulation.link import MS, fill
from simulation.options import PROFILES, Options

START_NS = 1_700_000_000 * E9
NAMES = ("AAPL", "MSFT", "BTC")


class Crash(BaseException):
    """The process is dead."""


class World:
    """Everything outside the process under test; it goes on when that dies."""

    def __init__(self, options: Options) -> None:
        self.options, self.profile = options, PROFILES[options.profile]
        self.rng = random.Random(f"world {options.seed}")
        self.clock = VirtualClock(START_NS)
        self.has_faults = self.reads_lag = True
        self.symbols = NAMES[: options.symbols]
        fees = {"none": Fees(), "unit": Fees(per_unit_e9=5_000_000), "bps": Fees.bps(maker="1", taker="2")}
        self.market = PaperMarket(
            [TradingRules(symbol, can_short=True) for symbol in self.symbols],
            quotes=[self._quote(symbol, 100 * E9) for symbol in self.symbols],
            cash_e9={"USD": 1_000_000 * E9},
            holdings_e9={self.symbols[0]: 40 * E9} if options.opening else None,
            leverage=4,
            fees=fees[options.fee],
            now_ns=self.clock,
            seed=options.seed,
            latency_ns=options.market_latency_ms * MS,
            latency_jitter_ns=options.market_latency_ms * MS,
            prints_per_level=options.prints,
            replenish=not options.moves,
        )
        self.originals: dict[int, Execution] = {}
        self.market.listen(ACCOUNT, self._remember)
        self.disturbed_e9: dict[str, int] = dict.fromkeys(self.symbols, 0)  # what nobody asked for, by symbol
        self.steps: list[str] = []
        self.crashes_left = options.crashes
        self._crash_in = self._next_crash()
        self._under_way: list[tuple[int, int, Callable[[], object], Order | None]] = []
        self._sent = 0
        self.watch: Watch = Watch(self)

    # Time and the wire

    def monotonic_s(self) -> float:
        return (self.clock() - START_NS) / 1e9

    def sleep(self, seconds: float) -> None:
        """Let time pass, with what is due in it.

        Parameters
        ----------
        seconds : float
            How long.
        """
        until = self.clock() + round(seconds * 1e9)
        while self._under_way and self._under_way[0][0] <= until:
            due, _, act, _ = self._under_way.pop(0)
            self.clock.advance(max(due - self.clock(), 0))
            self.market.advance()
            act()
        self.clock.advance(max(until - self.clock(), 0))
        self.market.advance()

    def answer_time(self) -> None:
        """What a request and its answer take."""
        if self.options.latency_ms:
            self.sleep(self.rng.random() * self.options.latency_ms / 1e3)

    def deliver(self, after_s: float, act: Callable[[], object], order: Order | None) -> None:
        """Put a request on the wire that arrives later, whatever becomes of who sent it.

        Parameters
        ----------
        after_s : float
            Seconds from now.
        act : callable
            What the venue does then.
        order : Order or None
            The order in it.
        """
        self._sent += 1
        self._under_way.append((self.clock() + round(after_s * 1e9), self._sent, act, order))
        self._under_way.sort(key=lambda entry: entry[:2])

    def orders_under_way(self) -> list[Order]:
        """Orders that no answer will ever tell of, and that have not arrived yet."""
        return [order for *_, order in self._under_way if order is not None]

    @property
    def is_wire_busy(self) -> bool:
        """Whether something is on its way to the venue."""
        return bool(self._under_way)

    @property
    def is_moving(self) -> bool:
        """Whether prices may have moved between a check and the sending it was for."""
        return self.options.moves > 0

    # Crashes

    def _next_crash(self) -> int:
        return 1 + int(self.rng.expovariate(1 / self.options.crash_gap)) if self.crashes_left else 0

    def reached(self, step: str) -> None:
        """A step of the process under test; here it may die.

        Parameters
        ----------
        step : str
            Name of the step.
        """
        self.steps.append(step)
        if not self.has_faults or not self._crash_in:
            return
        self._crash_in -= 1
        if self._crash_in == 0:
            self.crashes_left -= 1
            again = self.rng.random() < self.options.crash_again
            self._crash_in = (1 + self.rng.randrange(10)) if again and self.crashes_left else self._next_crash()
            raise Crash(step)

    # The venue's accidents

    def _remember(self, event: MarketEvent) -> None:
        one = event.execution
        if one is not None and event.kind is EventKind.TRADE:
            self.originals[one.number] = one.report()

    def _quote(self, symbol: str, mid_e9: int) -> Quote:
        size = self.options.displayed * E9
        return Quote(symbol, mid_e9 - E9 // 100, mid_e9 + E9 // 100, None, self.clock(), size, size)

    def stir(self) -> None:
        """Let the venue do something of its own."""
        options, rng = self.options, self.rng
        for rate, act in (
            (options.moves, self._move),
            (options.busts, self._revise),
            (options.late_fills, self._fill_late),
            (options.humans, self._human),
            (options.expiries, lambda: self.market.close_session(self.symbols[:1])),
            (options.halts, self._halt),
        ):
            if rate and rng.random() < rate:
                act()

    def _move(self) -> None:
        symbol = self.rng.choice(self.symbols)
        mid = self.market.listing(symbol).quote.mid_e9
        self.market.set_quote(self._quote(symbol, max(mid + self.rng.randint(-40, 40) * E9 // 100, 50 * E9)))

    def _revise(self) -> None:
        standing = [one for one in self.market.store.executions[-12:] if one.kind is not ExecutionKind.BUST]
        if not standing:
            return
        one = self.rng.choice(standing)
        # Two corrections at one instant, told in the wrong order, are beyond anyone: reconciliation blocks the symbol.
        if one.account_id != ACCOUNT or one.ts_ns == self.clock():
            return
        self.disturbed_e9[one.symbol] += 2 * one.quantity_e9
        if self.rng.random() < 0.5:
            paper_admin.bust(self.market, one.number)
            return
        quantity = self.rng.randint(1, one.quantity_e9 // E9) * E9
        paper_admin.correct(self.market, one.number, price_e9=one.price_e9 + E9 // 100, quantity_e9=quantity)

    def _fill_late(self) -> None:
        numbers = list(self.market.store.orders)[-12:]
        if numbers:
            self.fill_by_force(self.rng.choice(numbers))

    def fill_by_force(self, number: int) -> None:
        """Fill some of an order, open or ended.

        Parameters
        ----------
        number : int
            The order.
        """
        order = self.market.store.orders[number]
        if order.state.is_terminal:
            self.disturbed_e9[order.symbol] += order.quantity_e9
        fill(self, number)

    def _human(self) -> None:
        symbol, rng = self.rng.choice(self.symbols), self.rng
        open_orders = self.market.orders(ACCOUNT, open_only=True)
        if open_orders and rng.random() < 0.5:
            self.market.cancel(ACCOUNT, rng.choice(open_orders).number)
            return
        quantity, side = rng.randint(1, 8) * E9, rng.choice(tuple(Side))
        price = self.market.listing(symbol).quote.mid_e9 + rng.randint(-20, 20) * E9 // 100
        price -= price % (E9 // 100)
        order = Order("by-hand", symbol, side, quantity, OrderType.LIMIT, price, time_in_force=TimeInForce.GTC)
        self.disturbed_e9[symbol] += quantity
        self.market.submit(ACCOUNT, order, is_manual=True)

    def _halt(self) -> None:
        symbol = self.rng.choice(self.symbols)
        halted = self.market.rules(symbol).status is TradingStatus.HALTED
        self.market.set_status(symbol, TradingStatus.TRADING if halted else TradingStatus.HALTED)

    def calm(self) -> None:
        """End all faults: what is on the wire arrives, halts end."""
        self.has_faults = False
        for symbol in self.symbols:
            if self.market.rules(symbol).status is not TradingStatus.TRADING:
                self.market.set_status(symbol, TradingStatus.TRADING)


class Watch:
    """Stands at the wire and looks at what leaves the process."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.desk = None  # set by the desk that trades
        self.orders = 0

    def sending(self, orders: tuple[Order, ...]) -> None:
        """Judge orders just before their first byte.

        Parameters
        ----------
        orders : tuple of Order
            What is about to be sent.
        """
        desk, world = self.desk, self.world
        connection = desk.journal._connection
        require(not connection.in_transaction, "nothing is sent from inside a transaction")
        under_way = {order.symbol: order for order in world.orders_under_way()}
        for order in orders:
            self.orders += 1
            row = connection.execute(
                "SELECT count(*) FROM events WHERE kind = 'order_intent' AND client_order_id = ?",
                (order.client_order_id,),
            ).fetchone()
            require(row[0] == 1, "an intent is durable before its order leaves", order)
            waiting = under_way.get(order.symbol)
            # What a recovery sends was decided together with the orders that are still unknown.
            is_free = waiting is None or desk.is_recovering
            require(is_free, "nothing is sent past an unknown order of the symbol", order, waiting)
            require(not desk.is_killed, "nothing is sent once the kill switch is pulled", order)
            desk.judge_limits(order)
