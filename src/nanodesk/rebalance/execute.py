"""The live river: target -> plan -> risk -> orders -> fills -> reconciled, the one place where it is spelled out.

Every stage is a room below; this file asks them in order, writes what they said into the journal, and stops at the
first that says no. A run that dies anywhere is taken up by the next one: recovery learns what became of its orders,
what is left of them is cancelled, and a new plan is made from what the account holds then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from nanodesk.brokers.base import Broker, Reached, nothing_reached
from nanodesk.errors import BrokerError, DuplicateRunError, PriceError, RebalanceError, StalePlanError
from nanodesk.market.account import Holding
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9, format_e9, parse_e9
from nanodesk.market.order import OrderState
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.oms.reconcile import reconcile
from nanodesk.rebalance.clock_watch import Clocks, ClockWatch
from nanodesk.rebalance.config import TradingConfig
from nanodesk.rebalance.drift import DriftReport, measure_drift
from nanodesk.rebalance.earlier_runs import books_agree, clear_up
from nanodesk.rebalance.plan import Plan, PlannedOrder, fit_to_cash, limit_price_e9, make_plan, middle_price_e9
from nanodesk.rebalance.plan_check import check_plan, orders_of
from nanodesk.rebalance.risk_view import RiskView
from nanodesk.rebalance.run_report import RunOutcome, RunReport, line_values, plan_values, risk_payload
from nanodesk.rebalance.sending import LineResult, Progress, Sender
from nanodesk.rebalance.target import Target
from nanodesk.risk.engine import RiskEngine
from nanodesk.risk.kill_switch import KillSwitch
from nanodesk.risk.loss_monitor import LossMonitor
from nanodesk.risk.report import RiskReport

Confirm = Callable[[Plan, RiskReport], bool]

AFTER_SALES: Final = "after the sales: "
CRON_STARTED: Final = "cron_start"
CRON_COMPLETED: Final = "cron_completed"
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the caller of a run decides.

    Parameters
    ----------
    is_dry_run : bool, default False
        Plan and check only: nothing is sent, and nothing is written.
    is_cron : bool, default False
        Refuse when this window was completed before.
    confirm : callable, optional
        Asked with plan and risk report before the first order; ``None`` for an unattended run.
    """

    is_dry_run: bool = False
    is_cron: bool = False
    confirm: Confirm | None = None


class Rebalancer:
    """Takes one account at one broker to a target.

    Parameters
    ----------
    broker : Broker
        Connected.
    engine : OrderEngine or None
        Order management over the same broker; ``None`` only for a dry run without a journal.
    config : TradingConfig
        Everything else.
    kill_switch : KillSwitch
        Asked before every order.
    loss_monitor : LossMonitor
        Shown every equity.
    clocks : Clocks
        Time.
    reached : callable, optional
        Told the name of each step.
    progress : callable, optional
        Called as ``progress(stage, done, total)``.
    should_stop : callable, optional
        Whether to cancel the rest and end.
    """

    def __init__(
        self,
        broker: Broker,
        engine: OrderEngine | None,
        config: TradingConfig,
        *,
        kill_switch: KillSwitch,
        loss_monitor: LossMonitor,
        clocks: Clocks | None = None,
        reached: Reached = nothing_reached,
        progress: Progress = lambda _stage, _done, _total: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._broker, self._engine, self._config = broker, engine, config
        self._kill_switch, self._losses = kill_switch, loss_monitor
        self._clocks = clocks or Clocks()
        self._reached, self._progress, self._should_stop = reached, progress, should_stop
        self._clock_watch = self._new_clock_watch()

    def run(self, target: Target, options: RunOptions) -> RunReport:
        """Plan, check, send, wait, reconcile.

        Parameters
        ----------
        target : Target
            What to hold.
        options : RunOptions
            Dry run, schedule, confirmation.

        Returns
        -------
        report : RunReport
            A refusal by risk is a result, not an exception.

        Raises
        ------
        DuplicateRunError
            If the window was completed before and the run is a scheduled one.
        StalePlanError
            If a quote is too old, or the clock was set.
        BrokerError, JournalError
            If broker or journal fail; the next run takes up what was begun.
        """
        view = self._view(target, options)
        if options.is_dry_run:
            view.is_reconciled = True
            self._remember(view)
            return self._plan_only(target, view)
        engine = self._require_engine()
        warnings = clear_up(engine, view, self._clocks, self._config.execution.cancel_timeout_secs)
        self._remember(view)
        self._reached("run.before_started")
        engine.begin_run(view.run_id, {"window_id": target.window_id, **self._names(target)})
        with _closing(engine, view.run_id):
            if options.is_cron:
                engine.record(CRON_STARTED, {"window_id": target.window_id})
            self._reached("run.started")
            plan, risk, is_staged = self._decide(target, view)
            report = RunReport(
                view.run_id, target.window_id, RunOutcome.DONE, view.account, plan, risk, is_staged=is_staged
            )
            report = replace(report, warnings=(*warnings, *_plan_warnings(plan, view)))
            report = self._execute(report, target, view, options)
            return self._finish(engine, report, options)

    def drift(self, target: Target) -> DriftReport:
        """Compare the account with a target; nothing is sent and nothing is written.

        Parameters
        ----------
        target : Target
            What should be held.

        Returns
        -------
        report : DriftReport
            As of now.
        """
        view = self._view(target, RunOptions(is_dry_run=True))
        self._read(target.weights, view)
        return self._drift(target, view)

    def flatten(self, run_id: str) -> tuple[LineResult, ...]:
        """Close every position with reduce-only orders, for a kill.

        What stands in the way of one name keeps no other open: a name without a price, of which an order may still
        trade, or of which an order's fate is not known is left. A position that our books cannot explain is closed,
        for it is the broker's word that counts.

        Parameters
        ----------
        run_id : str
            Name of the run that the orders belong to.

        Returns
        -------
        results : tuple of LineResult
            What came of each.
        """
        engine = self._require_engine()
        view = self._view(None, RunOptions())
        clear_up(engine, view, self._clocks, self._config.execution.cancel_timeout_secs)
        reconcile(engine, self._broker, accept=engine.blocked_symbols())
        view.is_reconciled = True
        engine.begin_run(run_id, {"flatten": True})
        with _closing(engine, run_id):
            view.read_account()
            view.read_holdings()
            plan = self._plan({}, self._closable(engine, view), view, None)
            sender = self._sender(engine, run_id, view, is_flatten=True)
            sender.work(plan.orders)
            results = sender.results()
            engine.end_run(run_id, {"outcome": "flattened", "orders": [line_values(result) for result in results]})
        return results

    def _closable(self, engine: OrderEngine, view: RiskView) -> list[Holding]:
        busy = {order.order.symbol for order in engine.open_orders() if not order.is_terminal}
        found = []
        for holding in view.holdings:
            with suppress(BrokerError, PriceError):
                middle_price_e9(view.read_quote(holding.symbol))
                if holding.symbol not in busy:
                    found.append(holding)
        return found

    def _new_clock_watch(self) -> ClockWatch:
        logging = self._config.logging
        return ClockWatch(logging.clock_skew_threshold_sec, logging.max_jump_rate_sec_per_sec)

    # -- before the first order -----------------------------------------------------------------------------------

    def _require_engine(self) -> OrderEngine:
        if self._engine is None:
            raise RebalanceError("orders need a journal.", field="engine", fix="Give an OrderEngine.")
        return self._engine

    def _view(self, target: Target | None, options: RunOptions) -> RiskView:
        engine = self._engine
        self._clock_watch = self._new_clock_watch()
        view = RiskView(
            self._broker,
            RiskEngine(self._config.limits(target, account_id=self._broker.account_id)),
            kill_switch=self._kill_switch,
            loss_monitor=self._losses,
            now_ns=self._clocks.now_ns,
        )
        if engine is not None:
            self._watch_engine(engine, view)
        if target is not None:
            self._name_run(target, view, options)
            view.volumes_e9 = {name: parse_e9(each) for name, each in target.average_daily_volume.items()}
            view.sectors = target.sectors
        # Check 48 asks whether a human confirms: one will be asked, and a "no" ends the run.
        view.is_confirmed = options.confirm is not None
        return view

    def _remember(self, view: RiskView) -> None:
        """What was sent before, as far as recovery has found out."""
        if self._engine is not None:
            orders = self._engine.ledger.orders
            state = self._kill_switch.state()
            view.remember(
                ((record.view(), record.intent_ns) for record in orders.values()),
                released_ns=0 if state.is_pulled else state.when_ns,
            )

    def _watch_engine(self, engine: OrderEngine, view: RiskView) -> None:
        view.working, view.blocked = engine.working, engine.blocked_symbols
        view.is_stream_live = lambda: engine.is_stream_live
        view.fills_e9 = lambda: engine.ledger.fills_e9
        engine.at_send = view.check_at_send

    def _name_run(self, target: Target, view: RiskView, options: RunOptions) -> None:
        window = target.window_id
        if self._engine is None:
            view.run_id = f"{window}-1"
        else:
            # A venue remembers names that a lost journal, or a restored one, does not: its start tells a run apart.
            runs = self._engine.ledger.runs
            earlier = sum(run.startswith(window) for run in runs)
            view.completed_runs = frozenset(run for run, state in runs.items() if state == "completed")
            view.run_id = f"{window}-{earlier + 1}-{self._clocks.now_ns()}"
        if options.is_cron and self._engine is not None and _is_completed(self._engine, window):
            raise DuplicateRunError(
                f"window {window[:12]} ({target.run_id or target.timestamp}) was completed before.",
                field="window_id",
                value=window,
                fix="Decide a new target; or run it by hand, without --cron.",
            )

    def _names(self, target: Target) -> dict[str, str]:
        return {
            "account": self._broker.account_id,
            "target": target.run_id or target.timestamp,
            "broker": self._broker.name,
        }

    def _plan_only(self, target: Target, view: RiskView) -> RunReport:
        self._read(target.weights, view)
        plan = self._plan(target.weights, view.holdings, view, target)
        risk, is_staged = check_plan(plan, target, view, self._config)
        refused = self._refusal(plan, risk)
        outcome = RunOutcome.REFUSED if refused else RunOutcome.DRY_RUN
        return RunReport(
            view.run_id,
            target.window_id,
            outcome,
            view.account,
            plan,
            risk,
            reason=refused,
            warnings=_plan_warnings(plan, view),
            is_staged=is_staged,
        )

    def _decide(self, target: Target, view: RiskView) -> tuple[Plan, RiskReport | None, bool]:
        engine = self._require_engine()
        view.read_account()
        view.read_holdings()
        engine.record("positions_fetched", _positions_payload(view.holdings, view.account.equity_e9))
        self._reached("run.positions")
        self._read_quotes(target.weights, view)
        self._clock_watch.look(self._clocks.now_ns(), self._clocks.monotonic_s())
        self._reached("run.quotes")
        plan = self._plan(target.weights, view.holdings, view, target)
        if plan.orders:
            engine.record("diff_computed", plan_values(plan))
        else:
            engine.record("no_rebalance_needed", {})
        self._reached("run.plan")
        risk, is_staged = check_plan(plan, target, view, self._config)
        if risk is not None:
            engine.record("risk_check", risk_payload(risk))
        self._reached("run.risk")
        return plan, risk, is_staged

    def _read(self, weights: Iterable[str], view: RiskView) -> None:
        view.read_account()
        view.read_holdings()
        self._read_quotes(weights, view)

    def _read_quotes(self, weights: Iterable[str], view: RiskView, *, may_be_old: bool = False) -> None:
        wanted = dict.fromkeys((*(holding.symbol for holding in view.holdings), *weights))
        self._progress("quotes", 0, len(wanted))
        view.read_quotes(wanted, may_be_old=may_be_old)
        self._progress("quotes", len(wanted), len(wanted))
        limit_ns = round(self._config.execution.quote_staleness_threshold_sec * E9)
        now = self._clocks.now_ns()
        old = [symbol for symbol in wanted if now - view.quotes[symbol].ts_ns > limit_ns]
        if old and not may_be_old:
            age_s = (now - view.quotes[old[0]].ts_ns) / E9
            raise StalePlanError(
                f"{len(old)} of {len(wanted)} quotes are too old: {old[0]} is of {age_s:.0f} s ago.",
                field="execution.quote_staleness_threshold_sec",
                value=age_s,
                allowed=f"at most {limit_ns / E9:g} s",
                fix="Wait until the market is open, or check the market data subscription.",
            )

    def _plan(
        self, weights: Mapping[str, float], holdings: Iterable[Holding], view: RiskView, target: Target | None
    ) -> Plan:
        return make_plan(
            weights,
            holdings,
            quotes=view.quotes,
            rules=view.rules,
            account=view.account,
            settings=self._config.plan_settings(target),
        )

    def _refusal(self, plan: Plan, risk: RiskReport | None) -> str:
        most = self._config.execution.max_orders_per_run
        if len(plan.orders) > most:
            return f"the plan has {len(plan.orders)} orders, more than execution.max_orders_per_run = {most}"
        if risk is not None and not risk.is_accepted:
            return "; ".join(str(check) for check in risk.failures[:5])
        return ""

    # -- orders ---------------------------------------------------------------------------------------------------

    def _execute(self, report: RunReport, target: Target, view: RiskView, options: RunOptions) -> RunReport:
        engine = self._require_engine()
        refused = self._refusal(report.plan, report.risk)
        if refused:
            return replace(report, outcome=RunOutcome.REFUSED, reason=refused)
        if not report.plan.orders:
            return replace(report, outcome=RunOutcome.NOTHING_TO_DO, drift=self._drift(target, view))
        if options.confirm is not None and report.risk is not None:
            is_approved = options.confirm(report.plan, report.risk)
            engine.record("user_confirmed", {"approved": is_approved})
            if not is_approved:
                return replace(report, outcome=RunOutcome.DECLINED, reason="not confirmed")
            self._require_fresh(view)
        sender = self._sender(engine, report.run_id, view)
        stopped = self._send(report, sender, view)
        self._reached("reconcile.before")
        differences: list[str] = []
        view.is_reconciled = books_agree(engine, differences)
        if not view.is_reconciled:
            report = replace(report, warnings=(*report.warnings, *differences))
        view.read_account()
        view.read_holdings()
        self._read_quotes(target.weights, view, may_be_old=True)
        return self._judged(report, sender.results(), stopped, self._drift(target, view), view)

    def _require_fresh(self, view: RiskView) -> None:
        """A human may think longer than quotes live; what moved meanwhile is for a new plan."""
        self._clock_watch.look(self._clocks.now_ns(), self._clocks.monotonic_s())
        limit_ns = round(self._config.execution.quote_staleness_threshold_sec * E9)
        oldest = min(quote.ts_ns for quote in view.quotes.values())
        if self._clocks.now_ns() - oldest > limit_ns:
            raise StalePlanError(
                f"the plan waited longer for its confirmation than {limit_ns / E9:g} s.",
                field="execution.quote_staleness_threshold_sec",
                fix="Run again and confirm sooner, or raise the threshold.",
            )

    def _sender(self, engine: OrderEngine, run_id: str, view: RiskView, *, is_flatten: bool = False) -> Sender:
        execution = self._config.execution
        if is_flatten and execution.order_type != "market":
            execution = execution.model_copy(update={"order_type": "limit"})  # at once, across the spread
        return Sender(
            engine,
            run_id,
            execution,
            view=view,
            clock_watch=self._clock_watch,
            clocks=(self._clocks.now_ns, self._clocks.monotonic_s, self._clocks.sleep),
            should_stop=(lambda: False) if is_flatten else self._must_stop,
            reached=self._reached,
            progress=self._progress,
            is_reduce_only=is_flatten,
        )

    def _must_stop(self) -> bool:
        return self._should_stop() or self._kill_switch.state().is_pulled

    def _send(self, report: RunReport, sender: Sender, view: RiskView) -> str:
        plan = report.plan
        if not report.is_staged:
            sender.work(plan.orders)
            return sender.stopped
        sender.work([line for line in plan.orders if line.side is Side.SELL])
        if sender.stopped:
            return sender.stopped
        view.read_account()
        view.read_holdings()
        self._read_quotes((line.symbol for line in plan.orders), view)
        purchases = self._affordable([line for line in plan.orders if line.side is Side.BUY], view)
        if not purchases:
            return ""
        orders = orders_of(purchases, view, self._config)
        again = view.risk.check_batch(orders, view.context())
        if not again.is_accepted:
            self._require_engine().record("risk_check", risk_payload(again))
            return AFTER_SALES + "; ".join(str(check) for check in again.failures[:3])
        sender.work(purchases)
        return sender.stopped

    def _affordable(self, purchases: Sequence[PlannedOrder], view: RiskView) -> list[PlannedOrder]:
        settings = self._config.plan_settings()
        account = view.account
        funds = min(account.cash_e9, account.buying_power_e9) if settings.is_cash_account else account.buying_power_e9
        offset = settings.limit_offset_e9
        priced = [
            replace(
                line,
                limit_price_e9=limit_price_e9(line.side, view.quotes[line.symbol], view.rules[line.symbol], offset),
            )
            for line in purchases
        ]
        fitted, _ = fit_to_cash(priced, max(funds, 0), rules=view.rules, settings=settings)
        return [line for line in fitted if line is not None]

    # -- afterwards -----------------------------------------------------------------------------------------------

    def _drift(self, target: Target, view: RiskView) -> DriftReport:
        return measure_drift(
            target.weights,
            view.holdings,
            quotes=view.quotes,
            rules=view.rules,
            account=view.account,
            tolerance_bps=self._config.execution.drift_tolerance_bps,
        )

    def _judged(
        self, report: RunReport, results: tuple[LineResult, ...], stopped: str, drift: DriftReport, view: RiskView
    ) -> RunReport:
        stopped = stopped or ("asked to stop" if self._must_stop() else "")
        unfilled = [result for result in results if not result.is_filled]
        refused = [result for result in unfilled if any(o.state is OrderState.RISK_REJECTED for o in result.orders)]
        if any(result.is_unresolved for result in results) or not view.is_reconciled:
            outcome, reason = RunOutcome.UNRESOLVED, "the end of an order is not known, or the broker's books differ"
        elif not unfilled and len(results) == len(report.plan.orders):
            outcome, reason = RunOutcome.DONE, ""
        elif stopped:
            outcome, reason = RunOutcome.STOPPED, stopped
            if stopped.startswith(AFTER_SALES):
                outcome = RunOutcome.REFUSED
        elif refused:
            outcome, reason = RunOutcome.REFUSED, refused[0].reason
        elif unfilled:
            outcome, reason = RunOutcome.INCOMPLETE, unfilled[0].reason or f"{unfilled[0].line.symbol} was not filled"
        else:
            outcome, reason = RunOutcome.INCOMPLETE, "the sales did not bring the money for all purchases"
        return replace(report, outcome=outcome, reason=reason, lines=results, drift=drift)

    def _finish(self, engine: OrderEngine, report: RunReport, options: RunOptions) -> RunReport:
        self._reached("run.before_completed")
        is_done = report.outcome in (RunOutcome.DONE, RunOutcome.NOTHING_TO_DO, RunOutcome.INCOMPLETE)
        if options.is_cron and is_done:
            engine.record(CRON_COMPLETED, {"window_id": report.window_id})
        counts = {
            "submitted": sum(len(result.orders) for result in report.lines),
            "filled": sum(result.filled_e9 > 0 for result in report.lines),
            "failed": sum(not result.filled_e9 for result in report.lines),
        }
        engine.end_run(report.run_id, {"outcome": report.outcome.value, "reason": report.reason[:500], **counts})
        return report


@contextmanager
def _closing(engine: OrderEngine, run_id: str) -> Iterator[None]:
    """A run that fails is closed with its reason: only a process that was killed leaves one open."""
    try:
        yield
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        reason = str(error)[:500] or type(error).__name__
        with suppress(Exception):  # the first error is the one to tell
            if engine.ledger.runs.get(run_id) == "started":
                engine.end_run(run_id, {"outcome": FAILED, "reason": reason, "error": type(error).__name__})
        raise


def _is_completed(engine: OrderEngine, window_id: str) -> bool:
    return any(
        event.kind == CRON_COMPLETED and event.payload.get("window_id") == window_id for event in engine.journal.read()
    )


def _positions_payload(holdings: Iterable[Holding], equity_e9: int) -> dict[str, object]:
    rows = [
        {"symbol": h.symbol, "qty": format_e9(h.quantity_e9), "avg_cost": format_e9(h.average_price_e9)}
        for h in holdings
    ]
    return {"positions": rows, "equity": format_e9(equity_e9)}


def _plan_warnings(plan: Plan, view: RiskView) -> tuple[str, ...]:
    said = []
    if view.foreign:
        said.append(f"{len(view.foreign)} open orders of the account are not ours; risk counts them at their worst.")
    if plan.scale_e9 < E9:
        said.append(f"the money reaches for {plan.scale_e9 / E9:.2%} of the purchases.")
    return tuple(said)
