"""What the risk checks of a run read: the broker's word on money, holdings and prices, as fresh as each check needs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from nanodesk.brokers.base import Broker
from nanodesk.errors import BrokerError
from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Execution, Order, OrderReport, OrderState, OrderType, WorkingOrder
from nanodesk.market.trading_rules import TradingRules, TradingStatus
from nanodesk.oms.order_view import OrderView
from nanodesk.rebalance.plan import PlannedOrder
from nanodesk.risk.context import RiskContext
from nanodesk.risk.engine import RiskEngine
from nanodesk.risk.kill_switch import KillSwitch
from nanodesk.risk.loss_monitor import LossMonitor
from nanodesk.risk.order_flow import DAY_NS, OrderFlow
from nanodesk.risk.report import RiskReport

FRESH_NS: Final = 1_000_000_000
"""A quote or an account younger than this is not asked for again before a send."""

RULES_FRESH_NS: Final = 60 * FRESH_NS
"""Trading rules, which tell of a halt, are asked for again when older."""


class RiskView:
    """The account, its market and the desk, as the risk engine wants them.

    Parameters
    ----------
    broker : Broker
        Connected.
    risk : RiskEngine
        With the limits of this run.
    kill_switch : KillSwitch
        Read anew at every check.
    loss_monitor : LossMonitor
        Told of every equity that is read.
    now_ns : callable
        Wall clock.
    run_id : str, default ""
        The run that orders belong to.
    completed_runs : frozenset of str
        Runs that were done before.
    """

    def __init__(
        self,
        broker: Broker,
        risk: RiskEngine,
        *,
        kill_switch: KillSwitch,
        loss_monitor: LossMonitor,
        now_ns: Callable[[], int],
        run_id: str = "",
        completed_runs: frozenset[str] = frozenset(),
    ) -> None:
        self.risk = risk
        self.quotes: dict[str, Quote] = {}
        self.rules: dict[str, TradingRules] = {}
        self.flow = OrderFlow(
            execution_window_ns=risk.config.execution_window_ns,
            recent_window_ns=max(risk.config.duplicate_window_ns, 60 * FRESH_NS),
        )
        self.working: Callable[[], tuple[WorkingOrder, ...]] = tuple
        self.blocked: Callable[[], Mapping[str, str]] = dict
        self.is_stream_live: Callable[[], bool] = lambda: True
        self.fills_e9: Callable[[], Mapping[str, int]] = dict
        self.is_reconciled = False
        self.is_confirmed = False
        self.run_id, self.completed_runs = run_id, completed_runs
        self.plan_prices_e9: dict[str, int] = {}
        self.earlier_prices_e9: dict[str, int] = {}
        self.volumes_e9: Mapping[str, int] = {}
        self.sectors: Mapping[str, str] = {}
        self._broker, self._kill_switch, self._losses, self._now_ns = broker, kill_switch, loss_monitor, now_ns
        self._account: Account | None = None
        self._holdings: tuple[Holding, ...] = ()
        self._holdings_ns = 0
        self._quoted_ns: dict[str, int] = {}
        self._ruled_ns: dict[str, int] = {}
        self._fills_read: Mapping[str, int] = {}
        self._promised_e9: dict[str, int] = {}
        self._foreign: tuple[WorkingOrder, ...] = ()
        self._context: RiskContext | None = None

    @property
    def account(self) -> Account:
        """Money as last read."""
        return self._account if self._account is not None else self.read_account()

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """Holdings as last read."""
        return self._holdings

    @property
    def foreign(self) -> tuple[WorkingOrder, ...]:
        """Open orders of the account that are not ours, as last read."""
        return self._foreign

    def read_account(self) -> Account:
        """Ask the broker for money, and show the equity to the loss monitor.

        Returns
        -------
        account : Account
            As of now.
        """
        self._account = self._broker.account()
        self._promised_e9.clear()
        day = time.strftime("%Y-%m-%d", time.gmtime(self._now_ns() // 10**9))
        self._losses.update(self._account.equity_e9, now_ns=self._now_ns(), day=day)
        return self._account

    def read_holdings(self) -> tuple[Holding, ...]:
        """Ask the broker for positions, and for open orders that are not ours.

        Returns
        -------
        holdings : tuple of Holding
            Not zero, sorted by symbol.
        """
        self._fills_read = dict(self.fills_e9())
        self._holdings = self._broker.positions()
        self._holdings_ns = self._now_ns()
        ours = {working.order.client_order_id for working in self.working()}
        self._foreign = tuple(
            _as_working(report) for report in self._broker.open_orders() if report.client_order_id not in ours
        )
        return self._holdings

    def read_quotes(self, symbols: Iterable[str], *, may_be_old: bool = False) -> None:
        """Ask the broker for quotes and rules.

        Parameters
        ----------
        symbols : iterable of str
            For which names; those of open orders are added.
        may_be_old : bool, default False
            Whether an earlier quote will do where none can be had.
        """
        wanted = dict.fromkeys((*symbols, *(working.order.symbol for working in (*self.working(), *self._foreign))))
        for symbol in wanted:
            try:
                self.read_quote(symbol)
            except BrokerError:
                if not may_be_old or symbol not in self.quotes:
                    raise

    def read_quote(self, symbol: str) -> Quote:
        """Ask the broker for the quote and the rules of one name.

        Parameters
        ----------
        symbol : str
            Name at the desk.

        Returns
        -------
        quote : Quote
            With the broker's time.
        """
        self._fresh_rules(symbol, within_ns=0)
        return self.fresh_quote(symbol, within_ns=0)

    def fresh_quote(self, symbol: str, *, within_ns: int = FRESH_NS) -> Quote:
        """A quote that was asked for lately.

        Parameters
        ----------
        symbol : str
            Name at the desk.
        within_ns : int, default one second
            How long ago at most.

        Returns
        -------
        quote : Quote
            With the broker's time, which may be older.
        """
        now = self._now_ns()
        if symbol not in self.quotes or now - self._quoted_ns[symbol] >= within_ns:
            # Never changed in place: a context holds them, and what it has worked out stands as long as they do.
            self.quotes = {**self.quotes, symbol: self._broker.quote(symbol)}
            self._quoted_ns[symbol] = now
        return self.quotes[symbol]

    def _fresh_rules(self, symbol: str, *, within_ns: int = RULES_FRESH_NS) -> TradingRules:
        now = self._now_ns()
        if symbol not in self.rules or now - self._ruled_ns[symbol] >= within_ns:
            rules = self._broker.trading_rules(symbol)
            sector = rules.sector or self.sectors.get(symbol, "")
            self.rules = {**self.rules, symbol: rules if sector == rules.sector else replace(rules, sector=sector)}
            self._ruled_ns[symbol] = now
        return self.rules[symbol]

    def _held_now(self) -> tuple[Holding, ...]:
        """The holdings as read, and what was booked since: a slice that has filled is held when the next one goes."""
        fills, then = self.fills_e9(), self._fills_read
        if fills == then:
            return self._holdings
        moved = {symbol: sum_e9 - then.get(symbol, 0) for symbol, sum_e9 in fills.items()}
        held = {holding.symbol: holding for holding in self._holdings}
        for symbol, change_e9 in moved.items():
            if change_e9:
                before = held.get(symbol, Holding(symbol, 0))
                held[symbol] = replace(before, quantity_e9=before.quantity_e9 + change_e9)
        return tuple(holding for holding in held.values() if holding.quantity_e9)

    def _money_now(self) -> Account:
        """The account as read, less what the orders sent since then will take."""
        account, promised = self.account, self._promised_e9
        if not promised:
            return account
        left = {currency: cash - promised.get(currency, 0) for currency, cash in account.balances_e9.items()}
        power = account.buying_power_e9 - promised.get(account.currency, 0)
        return replace(account, buying_power_e9=power, balances_e9=left)

    def context(self) -> RiskContext:
        """Everything as last read, with what was sent and filled since, and the switches as they are now.

        Returns
        -------
        context : RiskContext
            Frozen.
        """
        now = self._now_ns()
        record = self._losses.record
        working = self.working()
        is_open = any(rules.status is not TradingStatus.CLOSED for rules in self.rules.values())
        facts: dict[str, Any] = {
            "now_ns": now,
            "account": self._money_now(),
            "holdings": self._held_now(),
            "holdings_ts_ns": self._holdings_ns,
            "quotes": self.quotes,
            "rules": self.rules,
            "venue": self._broker.name,
            "working": (*working, *self._foreign) if self._foreign else working,
            "clock_offset_ns": self._broker.clock_offset_ns(),
            "is_session_open": is_open or not self.rules,
            "day_start_equity_e9": record.day_start_equity_e9,
            "high_water_e9": record.high_water_e9,
            "flow": self.flow.snapshot(now),
            "kill_switch": self._kill_switch.state(),
            "trading_state": self._losses.state,
            "is_reconciled": self.is_reconciled,
            "is_stream_live": self.is_stream_live(),
            "blocked_symbols": self.blocked(),
            "plan_prices_e9": self.plan_prices_e9,
            "earlier_prices_e9": self.earlier_prices_e9,
            "average_daily_volume_e9": self.volumes_e9,
            "run_id": self.run_id,
            "completed_runs": self.completed_runs,
            "is_confirmed": self.is_confirmed,
            # Every broker of ours reports buying power with open orders taken off already.
            "is_working_reserved": True,
        }
        before = self._context
        if before is None:
            self._context = RiskContext(**facts)
        else:
            news = {name: value for name, value in facts.items() if getattr(before, name) is not value}
            self._context = before.advance(**news)
        return self._context

    def check_at_send(self, order: Order) -> RiskReport:
        """The last look before an order leaves: what is no longer fresh is asked for again.

        Money is a second old at most where the order may need any; a sale of what is held only needs the equity to be
        looked at now and then, for the loss monitor.

        Parameters
        ----------
        order : Order
            About to be sent.

        Returns
        -------
        report : RiskReport
            The order does not go unless it is accepted.
        """
        longest_ns = self.risk.config.max_account_age_ns if self._is_covered(order) else FRESH_NS
        if self._now_ns() - self.account.ts_ns >= longest_ns:
            self.read_account()
        self._fresh_rules(order.symbol)
        self.fresh_quote(order.symbol)  # last, for a question may wait a minute for room in the venue's limits
        report = self.risk.check_at_send(order, self.context())
        if report.is_accepted:
            self.flow.sent(order, self._now_ns())
            self._promise(report)
        return report

    def _is_covered(self, order: Order) -> bool:
        held_e9 = sum(holding.quantity_e9 for holding in self._held_now() if holding.symbol == order.symbol)
        return order.side is Side.SELL and held_e9 >= order.quantity_e9

    def _promise(self, report: RiskReport) -> None:
        """Until the account is read again its buying power does not know of this order."""
        for check in report.of(27):
            needed, currency = check.inputs.get("needed_e9"), check.inputs.get("currency")
            if isinstance(needed, int) and isinstance(currency, str) and needed > 0:
                self._promised_e9[currency] = self._promised_e9.get(currency, 0) + needed

    def planned(self, prices_e9: Mapping[str, int]) -> None:
        """Note the prices of a plan: a later check of the same run looks for a jump since then.

        Parameters
        ----------
        prices_e9 : mapping of str to int
            Middle prices by symbol.
        """
        self.plan_prices_e9 = dict(prices_e9)

    def asked(self) -> None:
        """Count a cancel or a replace as a message to the venue."""
        self.flow.message(self._now_ns())

    def remember(self, orders: Iterable[tuple[OrderView, int]], *, released_ns: int = 0) -> None:
        """Count what earlier runs sent: limits of a day hold for all runs of the day, and an id is used once for ever.

        Parameters
        ----------
        orders : iterable of (OrderView, int)
            Every order of the journal and when it was intended, oldest first.
        released_ns : int, default 0
            When a person last allowed trading again: rejects before are forgiven.
        """
        known = list(orders)
        self.flow.remember_ids([view.client_order_id for view, _ in known])
        today = self._now_ns() // DAY_NS
        for view, when_ns in known:
            if when_ns // DAY_NS != today or view.state in (OrderState.RISK_REJECTED, OrderState.NOT_SENT):
                continue
            order = view.order
            self.flow.sent(order, when_ns)
            if when_ns >= released_ns:
                self.answered(view)
            if order.limit_price_e9 is not None:
                self.earlier_prices_e9[order.symbol] = order.limit_price_e9
            if view.cum_quantity_e9:
                fill = Execution("", "", "", order.symbol, order.side, view.cum_quantity_e9, view.average_price_e9)
                self.flow.executed(fill, when_ns, rate_e9=self._rate_e9(order.symbol))

    def _rate_e9(self, symbol: str) -> int:
        rules = self.rules.get(symbol)
        return (self._fresh_rules(symbol) if rules is None else rules).multiplier * E9

    def answered(self, view: OrderView) -> None:
        """Count what the venue, or risk, said to an order.

        Parameters
        ----------
        view : OrderView
            After it was sent.
        """
        if view.state is OrderState.REJECTED:
            if not view.may_retry:  # a full limit or a lost line says nothing about our orders
                self.flow.rejected()
        elif view.state is not OrderState.RISK_REJECTED:
            self.flow.accepted()

    def filled(self, line: PlannedOrder, quantity_e9: int, price_e9: int) -> None:
        """Count a fill of a planned order.

        Parameters
        ----------
        line : PlannedOrder
            What was planned; slippage is measured against its middle price.
        quantity_e9, price_e9 : int
            Of the fill.
        """
        execution = Execution("", "", "", line.symbol, line.side, quantity_e9, price_e9)
        rate_e9 = self._rate_e9(line.symbol)
        self.flow.executed(execution, self._now_ns(), reference_price_e9=line.mid_price_e9, rate_e9=rate_e9)


def _as_working(report: OrderReport) -> WorkingOrder:
    """An open order of somebody else, counted at its worst like ours."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", report.client_order_id or f"venue-{report.venue_order_id}")[:36]
    kind = report.order_type
    limit = report.limit_price_e9 if kind.needs_limit else None
    stop = report.stop_price_e9 if kind.needs_stop else None
    if (kind.needs_limit and limit is None) or (kind.needs_stop and stop is None):
        kind, limit, stop = OrderType.MARKET, None, None
    order = Order(name or "unnamed", report.symbol, report.side, max(report.quantity_e9, 1), kind, limit, stop)
    return WorkingOrder(order, report.leaves_quantity_e9)
