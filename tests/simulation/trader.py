"""The process under test: journal, order engine, risk, and a trader who does anything that may be done."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from nanodesk.errors import BrokerError, ValidationError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Order, OrderState, OrderType
from nanodesk.oms.audit import export_audit
from nanodesk.oms.client_order_id import client_order_id
from nanodesk.oms.journal import Journal
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.oms.reconcile import PeriodicReconcile, ReconcileReport, reconcile
from nanodesk.rebalance.risk_view import RiskView
from nanodesk.risk.engine import RiskEngine
from nanodesk.risk.kill_switch import KillSwitch
from nanodesk.risk.limits import RiskConfig
from nanodesk.risk.loss_monitor import LossMonitor
from simulation.invariants import (
    Fills,
    check_agreement,
    check_executions,
    check_replay,
    check_venue,
    require,
)
from simulation.link import SimLink
from simulation.world import ACCOUNT, START_NS, Crash, World

RUN = "simulated"
LARGEST_E9 = 30 * E9
TIGHT_NOTIONAL = 6_000


class Trader:
    """One process after the other over the same files."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.options, self.rng, self.folder = world, world.options, world.rng, folder
        self.lives = 0
        self.next_line = self.settled = 0
        self.fills = Fills()
        self.batch: list[Order] = []  # what was being sent when the process died
        self.is_killed = self.is_recovering = False
        limit = TIGHT_NOTIONAL if self.options.tight_limits else 500_000
        self.config = RiskConfig(
            max_position_notional=limit,
            max_position_frac=1,
            max_order_notional=limit,
            max_gross_notional=10 * limit,
            max_daily_notional=100_000_000,
            max_turnover_frac=1_000,
            max_consecutive_rejects=1_000_000,
            min_order_notional=1,
            max_leverage=4,
            max_net_frac=4,
            max_short_frac=4,
            price_collar_bps=5_000,
            max_slippage_bps=5_000,
            max_price_jump_bps=10_000,
            allow_outside_session=True,
        )
        self.limit_e9 = limit * E9
        self.path = folder / "0" / "orders.db"
        self.path.parent.mkdir(mode=0o700)
        # An identity of the seed's, so that the same seed writes the same bytes.
        Journal.restore(self.path, f"seed {self.options.seed}", START_NS, ())
        world.watch.desk = self

    # Life and death

    def start(self) -> None:
        """Open the journal, connect, and learn what became of every intent."""
        world = self.world
        self.journal = Journal.open(self.path, reached=world.reached, now_ns=world.clock)
        self.link = SimLink(world)
        self.link.connect()
        self.engine = OrderEngine(
            self.link,
            self.journal,
            now_ns=world.clock,
            monotonic_s=world.monotonic_s,
            sleep=world.sleep,
            reached=world.reached,
        )
        check_replay(self.engine, self.journal)
        self._watch_risk()
        self.periodic = PeriodicReconcile(self.engine, every_s=20.0)
        unresolved = {view.client_order_id for view in self.engine.open_orders()}
        self.is_recovering = self.view.is_reconciled = True  # what is sent again was reconciled before the crash
        try:
            report = self.engine.recover(resend=self.options.resend, patience_s=10.0)
        finally:
            self.is_recovering = self.view.is_reconciled = False
        require(set(report.unknown) <= unresolved, "recovery only speaks of orders that were open", report)
        require(
            report.is_clean or world.has_faults, "recovery from a venue that answers leaves nothing unknown", report
        )
        self.engine.begin_run(RUN, {"life": self.lives})
        self._open()

    def _open(self) -> None:
        # As the product does: positions are opened before the first order, from lists that are whole.
        self.world.reads_lag = False
        while self.engine.ledger.opened_ns < 0:
            if self._reconcile() is None:
                self.world.sleep(1.0)
        self.world.reads_lag = True

    def _watch_risk(self) -> None:
        world, folder = self.world, self.folder
        self.kill_switch = KillSwitch(folder / "kill.json", now_ns=world.clock)
        self.view = RiskView(
            self.link,
            RiskEngine(self.config),
            kill_switch=self.kill_switch,
            loss_monitor=LossMonitor(self.config, path=folder / "losses.json"),
            now_ns=world.clock,
        )
        self.view.working, self.view.blocked = self.engine.working, self.engine.blocked_symbols
        self.view.is_stream_live = lambda: self.engine.is_stream_live
        if self.options.uses_risk:
            self.engine.at_send = self.view.check_at_send

    def die(self) -> None:
        """Leave the files as the process would, and nothing else."""
        self.lives += 1
        grave = self.folder / str(self.lives)
        grave.mkdir(mode=0o700)
        for name in ("orders.db", "orders.db-wal", "orders.db.seal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(self.path.with_name(name), grave / name)
        self.link.disconnect()
        self._drop(self.journal)
        shutil.rmtree(self.path.parent)
        self.path = grave / "orders.db"

    @staticmethod
    def _drop(journal: Journal) -> None:
        journal._connection.close()
        if journal._lock is not None:
            journal._lock.release()

    def live(self, work: Callable[[], None]) -> None:
        """Do a piece of work; whenever the process dies in it, start again.

        Parameters
        ----------
        work : callable
            What to do; it is not repeated.
        """
        try:
            work()
        except Crash:
            self._rise()

    def _rise(self) -> None:
        while True:
            self.die()
            try:
                self.start()
                self._send_again()
                return
            except Crash:
                continue

    def _send_again(self) -> None:
        # A run that was interrupted plans the same lines again: what is known is not sent a second time.
        if self.batch and self.rng.random() < 0.7:
            self._submit(self.batch)

    # What a trader does

    def act(self) -> None:
        """One thing of many."""
        rng, options = self.rng, self.options
        draw = rng.random()
        if options.kill and rng.random() < options.kill:
            self._turn_switch()
        if draw < 0.44:
            self._trade()
        elif draw < 0.54:
            self._cancel()
        elif draw < 0.62:
            self._replace()
        elif draw < 0.80:
            self.engine.poll(rng.choice((0.0, 0.0, 0.5, 3.0)))
        elif draw < 0.90:
            self._reconcile()
        elif draw < 0.93:
            self.periodic.step()
        elif draw < 0.95:
            self.journal.snapshot(self.folder / "snapshot.db")
        elif draw < 0.97:
            self.engine.record("positions_fetched", {"count": len(self.engine.positions())})
        elif draw < 0.985:
            self.world.sleep(rng.choice((0.01, 1.0, 40.0)))
        else:
            with suppress(BrokerError):
                self.engine.catch_up()

    def _turn_switch(self) -> None:
        if self.is_killed:
            self.kill_switch.reset(who="simulated", why="seed")
            self.is_killed = False
        elif self.options.uses_risk:
            self.kill_switch.pull(who="simulated", why="seed")
            self.is_killed = True

    def _order(self, line: int, attempt: int = 1) -> Order:
        rng, world = self.rng, self.world
        symbol, side = rng.choice(world.symbols), rng.choice(tuple(Side))
        quantity = rng.randint(1, LARGEST_E9 // E9) * E9
        name = client_order_id(RUN, line, attempt)
        what = rng.random()
        if what < 0.3:
            return Order(name, symbol, side, quantity, time_in_force=TimeInForce.DAY)
        mid = world.market.listing(symbol).quote.mid_e9
        price = mid + rng.randint(-60, 60) * E9 // 100
        price -= price % (E9 // 100)
        if what < 0.36:
            stop = price + (E9 if side is Side.BUY else -E9)
            return Order(name, symbol, side, quantity, OrderType.STOP, None, stop, TimeInForce.GTC)
        tif = rng.choice((TimeInForce.DAY, TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK))
        return Order(name, symbol, side, quantity, OrderType.LIMIT, price, None, tif)

    def _trade(self) -> None:
        for _ in range(2):
            if self.options.uses_risk and not self.view.is_reconciled:
                self._reconcile()
        again = self._retry()
        if again is not None:
            self._submit([again])
            return
        orders = []
        for _ in range(self.rng.randint(1, self.options.batch)):
            orders.append(self._order(self.next_line))
            self.next_line += 1
        self._submit(orders)
        if self.rng.random() < 0.1:
            self._submit(orders[:1])

    def _retry(self) -> Order | None:
        # Only what is definitely not at the venue may be tried again, under the id of the next attempt.
        ended = (OrderState.NOT_SENT, OrderState.REJECTED, OrderState.RISK_REJECTED)
        tried = {view.client_order_id for view in self.engine.orders()}
        for view in reversed(self.engine.orders()):
            if "misread" in view.reason:
                continue  # who believes an adapter that lies about a refusal doubles his order; ours must find it alive
            if view.state in ended and not view.cum_quantity_e9 and not view.replaces and self.rng.random() < 0.2:
                head, line, attempt = view.client_order_id.rsplit("-", 2)
                name = f"{head}-{line}-{int(attempt) + 1}"
                if name in tried:
                    return None
                order = view.order
                return Order(
                    name, order.symbol, order.side, order.quantity_e9, order.order_type, order.limit_price_e9,
                    order.stop_price_e9, order.time_in_force,
                )  # fmt: skip
        return None

    def _submit(self, orders: list[Order]) -> None:
        try:
            passed = orders if not self.options.uses_risk else [order for order in orders if self._passes(order)][:1]
            self.batch = passed
            if passed:
                self.engine.submit_many(passed)
        except BrokerError:
            pass
        self.batch = []

    def _passes(self, order: Order) -> bool:
        if order.client_order_id in self.engine.ledger.orders:
            return True
        view = self.view
        view.read_account()
        view.read_holdings()
        view.read_quotes({order.symbol, *(holding.symbol for holding in view.holdings)})
        return view.risk.check_order(order, view.context()).is_accepted

    def judge_limits(self, order: Order) -> None:
        """Whether the account, as the venue knows it, keeps its limit whatever fills.

        Parameters
        ----------
        order : Order
            About to leave.
        """
        if not self.options.uses_risk:
            return
        market, symbol = self.world.market, order.symbol
        held = next((one.quantity_e9 for one in market.positions(ACCOUNT) if one.symbol == symbol), 0)
        ends = []
        for side in Side:
            sign = 1 if side is Side.BUY else -1
            ours = (one for one in market.orders(ACCOUNT, symbol=symbol, open_only=True) if one.side is side)
            leaves = sum(one.leaves_quantity_e9 for one in ours if not one.is_manual)
            leaves += order.quantity_e9 if order.side is side else 0
            ends.append(abs(held + sign * leaves))
        own = order.quantity_e9 if order.side is Side.BUY else -order.quantity_e9
        if abs(held + own) <= abs(held):
            return  # past its limit, what does not add to the breach may go
        price = min(market.listing(symbol).quote.mid_e9, order.limit_price_e9 or 10**18) * 98 // 100
        worst = max(0, max(ends) - self.world.disturbed_e9[symbol]) * price // E9
        require(worst <= self.limit_e9 or self.world.is_moving, "limits hold after the worst case", order, worst)

    def _live_view(self) -> object:
        views = [view for view in self.engine.open_orders() if not view.is_terminal]
        return self.rng.choice(views) if views else None

    def _cancel(self) -> None:
        view = self._live_view()
        if view is not None:
            with suppress(BrokerError):
                self.engine.cancel(view.client_order_id)

    def _replace(self) -> None:
        view = self._live_view()
        if view is None or (self.options.uses_risk and self.is_killed):
            return
        fresh = self._order(self.next_line)
        order = Order(
            fresh.client_order_id, view.order.symbol, view.order.side, fresh.quantity_e9, OrderType.LIMIT,
            self.world.market.listing(view.order.symbol).quote.bid_e9, None, TimeInForce.GTC,
        )  # fmt: skip
        with suppress(BrokerError, ValidationError):
            if not self.options.uses_risk or self._passes(order):
                self.next_line += 1
                self.engine.replace(view.client_order_id, order)

    def _reconcile(self) -> ReconcileReport | None:
        try:
            report = reconcile(self.engine)
        except BrokerError:
            return None
        self.view.is_reconciled = not report.findings
        return report

    # What must hold

    def check(self, *, deep: bool = False) -> None:
        """Compare journal, engine and venue.

        Parameters
        ----------
        deep : bool, default False
            Whether the journal is read from its first event.
        """
        self.fills.read(self.journal)
        self.fills.check(self.engine)
        check_venue(self.world.market)
        if deep:
            check_replay(self.engine, self.journal)
            check_executions(self.fills, self.world.market, complete=False)

    def settle(self) -> None:
        """Faults are over: everything must become known, and both books must say the same."""
        world, engine = self.world, self.engine
        world.calm()
        self._turn_off_switch()
        self._until_quiet("faults have ended")
        for view in engine.open_orders():
            if not view.is_terminal and not engine.is_unresolved(view.client_order_id):
                engine.cancel(view.client_order_id)
        self._until_quiet("everything was cancelled", is_cancelled=True)
        check_agreement(engine, world.market)
        self.check(deep=True)
        check_executions(self.fills, world.market, complete=True)
        second = reconcile(engine)
        require(second.is_clean, "a second comparison finds nothing", second)
        engine.end_run(f"{RUN} {self.settled}")
        self.settled += 1
        require(self.journal.verify().events == self.journal.sequence, "the journal is sound")

    def _turn_off_switch(self) -> None:
        if self.is_killed:
            self._turn_switch()

    def _until_quiet(self, when: str, *, is_cancelled: bool = False) -> None:
        for _ in range(60):
            self.engine.poll(1.0)
            report = reconcile(self.engine)
            is_over = not is_cancelled or all(view.is_terminal for view in self.engine.open_orders())
            if report.is_clean and is_over and not self.world.is_wire_busy and self.engine.is_stream_live:
                return
        require(False, f"all is known a minute after {when}", report, self.engine.open_orders())

    def close(self) -> bytes:
        """End in order; every byte of the audit.

        Returns
        -------
        audit : bytes
            The export.
        """
        path = self.folder / "audit.jsonl"
        export_audit(self.journal, path)
        self.link.disconnect()
        self.journal.close()
        return path.read_bytes()
