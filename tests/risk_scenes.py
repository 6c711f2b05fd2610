"""A desk on which everything is in order, for the tests of the risk engine: each test spoils one thing."""

import dataclasses
from typing import Any

from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.order import Order, OrderType
from nanodesk.market.trading_rules import TradingRules
from nanodesk.risk.context import RiskContext
from nanodesk.risk.engine import RiskEngine
from nanodesk.risk.kill_switch import KillSwitchState
from nanodesk.risk.limits import RiskConfig
from nanodesk.risk.order_flow import FlowSnapshot
from nanodesk.risk.trading_state import TradingState

NOW = 1_780_000_000 * E9


def units(text: str | float) -> int:
    return parse_e9(text)


def account(**changes: Any) -> Account:
    base = Account("PAPER", "USD", units(100_000), units(100_000), units(100_000), False, NOW)
    return dataclasses.replace(base, **changes)


def quote(symbol: str = "AAPL", bid: float = 99.99, ask: float = 100.01, **changes: Any) -> Quote:
    middle = (bid + ask) / 2
    base = Quote(symbol, units(bid), units(ask), units(round(middle, 9)), NOW, units(1000), units(1000))
    return dataclasses.replace(base, **changes)


def rules(symbol: str = "AAPL", **changes: Any) -> TradingRules:
    return dataclasses.replace(TradingRules(symbol, can_short=True), **changes)


def context(**changes: Any) -> RiskContext:
    symbols = ("AAPL", "MSFT", "TSLA")
    base = RiskContext(
        now_ns=NOW,
        account=account(),
        holdings=(),
        holdings_ts_ns=NOW,
        quotes={symbol: quote(symbol) for symbol in symbols},
        rules={symbol: rules(symbol) for symbol in symbols},
        venue="paper",
        clock_offset_ns=0,
        is_session_open=True,
        day_start_equity_e9=units(100_000),
        high_water_e9=units(100_000),
        flow=FlowSnapshot(),
        kill_switch=KillSwitchState(False),
        trading_state=TradingState.ACTIVE,
        is_reconciled=True,
        is_stream_live=True,
    )
    return dataclasses.replace(base, **changes)


def holding(symbol: str, quantity: float) -> Holding:
    return Holding(symbol, units(quantity))


def limit(price: float = 100, quantity: float = 10, symbol: str = "AAPL", side: str = "buy", **changes: Any) -> Order:
    base = Order("r-1", symbol, Side(side), units(quantity), OrderType.LIMIT, units(price))
    return dataclasses.replace(base, **changes)


def market(quantity: float = 10, symbol: str = "AAPL", side: str = "buy", **changes: Any) -> Order:
    return dataclasses.replace(Order("r-1", symbol, Side(side), units(quantity)), **changes)


def spoilt(target: Any, **values: Any) -> Any:
    """A copy with values that its constructor would refuse."""
    twin = dataclasses.replace(target)
    for name, value in values.items():
        object.__setattr__(twin, name, value)
    return twin


def free(**changes: Any) -> RiskConfig:
    """No fees and no slippage, so that numbers come out round."""
    return RiskConfig(**({"fee_bps": 0, "market_slippage_bps": 0} | changes))


def verdict(number: int, order: Order, desk: RiskContext, config: RiskConfig | None = None) -> str:
    """Status of one check of one order: "pass", "warn" or "fail"."""
    report = RiskEngine(free() if config is None else config).check_order(order, desk)
    (check,) = report.of(number)
    return check.status.value
