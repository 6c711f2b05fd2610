"""Pre-trade checks: one order and a batch of 500 against an account with 500 holdings; p50, p99 and worst.

Usage: python benchmarks/bench_risk.py [--rounds N]
"""

import argparse
import gc
import platform
import time

from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Order, OrderType, WorkingOrder
from nanodesk.market.trading_rules import TradingRules
from nanodesk.risk.context import RiskContext
from nanodesk.risk.engine import RiskEngine
from nanodesk.risk.kill_switch import KillSwitchState
from nanodesk.risk.limits import RiskConfig
from nanodesk.risk.order_flow import FlowSnapshot
from nanodesk.risk.trading_state import TradingState

HOLDINGS = 500
NOW = 1_780_000_000 * E9
SYMBOLS = [f"SYM{number:03d}" for number in range(HOLDINGS)]


def context() -> RiskContext:
    working = tuple(WorkingOrder(limit_order(f"w-{i}", SYMBOLS[i], Side.SELL), 5 * E9) for i in range(50))
    return RiskContext(
        now_ns=NOW,
        account=Account("PAPER", "USD", 10_000_000 * E9, 10_000_000 * E9, 10_000_000 * E9, False, NOW),
        holdings=tuple(Holding(symbol, 100 * E9) for symbol in SYMBOLS),
        holdings_ts_ns=NOW,
        quotes={name: Quote(name, 99_990_000_000, 100_010_000_000, 100 * E9, NOW, E9, E9) for name in SYMBOLS},
        rules={name: TradingRules(name, sector="s", asset_class="equity", venue="x") for name in SYMBOLS},
        venue="paper",
        working=working,
        clock_offset_ns=0,
        is_session_open=True,
        day_start_equity_e9=10_000_000 * E9,
        high_water_e9=10_000_000 * E9,
        flow=FlowSnapshot(),
        kill_switch=KillSwitchState(False),
        trading_state=TradingState.ACTIVE,
        is_reconciled=True,
        is_stream_live=True,
    )


def limit_order(name: str, symbol: str, side: Side) -> Order:
    return Order(name, symbol, side, 10 * E9, OrderType.LIMIT, 100_010_000_000)


def told(name: str, times: list[float]) -> None:
    times.sort()
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    print(f"{name:42s} p50 {p50 * 1e6:10.1f} us   p99 {p99 * 1e6:10.1f} us   worst {times[-1] * 1e6:10.1f} us")


def timed(name: str, rounds: int, call, argument) -> None:
    for index in range(min(rounds, 20)):
        call(argument(index))
    times = []
    for index in range(rounds):
        value = argument(index)
        start = time.perf_counter()
        call(value)
        times.append(time.perf_counter() - start)
    told(name, times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5000)
    rounds = parser.parse_args().rounds
    config = RiskConfig(max_sector_frac=1, max_position_frac=1, max_batch_notional=10_000_000)
    engine, desk = RiskEngine(config), context()
    orders = [limit_order(f"r-{i}", SYMBOLS[i % HOLDINGS], Side.BUY) for i in range(HOLDINGS)]
    assert engine.check_order(orders[60], desk).is_accepted
    assert engine.check_batch(orders[50:], desk).is_accepted
    print(f"Python {platform.python_version()}, {HOLDINGS} holdings, {len(desk.working)} open orders")
    gc.disable()
    timed("one order, 48 checks", rounds, lambda i: engine.check_order(orders[i % HOLDINGS], desk), lambda i: i)
    timed(
        "one order at send, 14 checks", rounds, lambda i: engine.check_at_send(orders[i % HOLDINGS], desk), lambda i: i
    )
    seen = [desk]

    def a_quote_later(index: int) -> Order:
        order = orders[index % HOLDINGS]
        quote = Quote(order.symbol, 99_990_000_000, 100_010_000_000, 100 * E9, NOW, E9, E9)
        seen[0] = seen[0].advance(quotes={**seen[0].quotes, order.symbol: quote})
        return order

    timed("one order at send, its quote just read", rounds, lambda o: engine.check_at_send(o, seen[0]), a_quote_later)
    gc.enable()
    timed("batch of 500 orders", max(rounds // 100, 5), lambda _: engine.check_batch(orders, desk), lambda i: i)
    timed(
        "first order, holdings valued anew",
        50,
        lambda fresh: engine.check_order(orders[60], fresh),
        lambda _: context(),
    )


if __name__ == "__main__":
    main()
