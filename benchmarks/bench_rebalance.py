"""A rebalance of 500 names: the plan alone, and the whole run from target to reconciled on a paper market.

Usage: python benchmarks/bench_rebalance.py [--names N] [--rounds N]
"""

import argparse
import platform
import tempfile
import time
from pathlib import Path

from nanodesk.brokers.paper.market import PaperMarket
from nanodesk.market.account import Account, Quote
from nanodesk.market.fixed_point import E9
from nanodesk.market.trading_rules import TradingRules
from nanodesk.oms.journal import Journal
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.rebalance.config import parse_config
from nanodesk.rebalance.execute import Rebalancer, RunOptions
from nanodesk.rebalance.plan import PlanSettings, make_plan
from nanodesk.rebalance.standing_quotes import StandingQuotesBroker
from nanodesk.rebalance.target import Target
from nanodesk.risk.kill_switch import KillSwitch
from nanodesk.risk.loss_monitor import LossMonitor

CASH = 10_000_000 * E9
CONFIG = """
[connection]
broker = "paper"
[execution]
order_interval_ms = 0
max_orders_per_run = 10000
[risk]
max_trade_usd = 1e6
max_batch_notional = 1e9
max_orders_per_second = 100000
max_messages_per_second = 100000
"""


def market(names: int) -> tuple[dict[str, Quote], dict[str, TradingRules]]:
    symbols = [f"SYM{number:04d}" for number in range(names)]
    quotes = {name: Quote(name, 99_990_000_000, 100_010_000_000, 100 * E9, 0) for name in symbols}
    return quotes, {name: TradingRules(name) for name in symbols}


def plans(names: int, rounds: int) -> None:
    quotes, rules = market(names)
    weights = dict.fromkeys(quotes, 1.0 / names)  # all of the cash: the fit runs too
    account = Account("PAPER", "USD", CASH, CASH, CASH, False, 0)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        made = make_plan(weights, (), quotes=quotes, rules=rules, account=account, settings=PlanSettings())
        times.append(time.perf_counter() - start)
    times.sort()
    print(f"plan of {len(made.orders)} orders, fitted to cash   p50 {times[len(times) // 2] * 1e3:8.2f} ms")


def whole_run(names: int) -> None:
    quotes, rules = market(names)
    config = parse_config(CONFIG)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = StandingQuotesBroker(PaperMarket(rules.values(), quotes=quotes.values(), cash_e9={"USD": CASH}))
        broker.connect()
        with Journal.open(folder / "orders.db") as journal:
            rebalancer = Rebalancer(
                broker,
                OrderEngine(broker, journal),
                config,
                kill_switch=KillSwitch(folder / "kill-switch.json"),
                loss_monitor=LossMonitor(config.limits()),
            )
            target = Target("2026-02-08T15:30:00Z", dict.fromkeys(quotes, 0.95 / names))
            start = time.perf_counter()
            report = rebalancer.run(target, RunOptions())
            took = time.perf_counter() - start
    sent = sum(len(line.orders) for line in report.lines)
    print(f"whole run, {report.outcome.value}: {sent} durable orders in {took:.2f} s, {sent / took:,.0f} orders/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}")
    plans(options.names, options.rounds)
    whole_run(options.names)


if __name__ == "__main__":
    main()
