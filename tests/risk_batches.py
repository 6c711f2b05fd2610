"""Random desks, limits and batches for the properties of the risk engine; one seed is one case."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Order, OrderType, WorkingOrder
from nanodesk.market.trading_rules import TradingRules
from nanodesk.risk.context import RiskContext
from nanodesk.risk.limits import RiskConfig
from nanodesk.risk.order_flow import FlowSnapshot
from risk_scenes import NOW, context

SYMBOLS = ("A", "B", "C", "D")
CENT = E9 // 100


def any_quote(rng: random.Random, symbol: str) -> Quote:
    bid = rng.randrange(100, 20_000) * CENT
    return Quote(symbol, bid, bid + rng.randrange(1, 50) * CENT, bid, NOW, E9, E9)


def any_order(rng: random.Random, name: str, symbol: str, side: Side, quote: Quote) -> Order:
    kind = rng.choice([OrderType.LIMIT, OrderType.LIMIT, OrderType.LIMIT, OrderType.MARKET, OrderType.STOP])
    assert quote.bid_e9 is not None
    near = max(quote.bid_e9 + rng.randrange(-200, 200) * CENT, CENT)
    return Order(
        name,
        symbol,
        side,
        rng.randrange(1, 200) * E9,
        kind,
        near if kind is OrderType.LIMIT else None,
        near if kind is OrderType.STOP else None,
    )


def any_desk(rng: random.Random) -> RiskContext:
    symbols = SYMBOLS[: rng.randrange(1, 5)]
    quotes = {symbol: any_quote(rng, symbol) for symbol in symbols}
    rules = {
        symbol: TradingRules(
            symbol,
            can_short=rng.random() < 0.8,
            multiplier=rng.choice([1, 1, 5]),
            sector=rng.choice(["x", "y"]),
            currency=rng.choice(["USD", "USD", "USD", "EUR", "JPY"]),
        )
        for symbol in symbols
    }
    held = [Holding(symbol, rng.randrange(-300, 300) * E9) for symbol in symbols if rng.random() < 0.6]
    working = []
    for number in range(rng.choice([0, 0, 0, 1, 2, 3])):
        symbol = rng.choice(symbols)
        order = any_order(rng, f"w-{number}", symbol, rng.choice(list(Side)), quotes[symbol])
        leaves = rng.randrange(1, order.quantity_e9 // E9 + 1) * E9
        working.append(WorkingOrder(order, leaves, rng.random() < 0.1))
    equity = rng.choice([rng.randrange(1, 10**5), rng.randrange(10**5, 10**6)]) * E9
    cash = rng.randrange(0, 2 * equity // E9) * E9
    return context(
        account=Account(
            "PAPER", "USD", equity, cash, cash, False, NOW, {"EUR": rng.randrange(10**6) * E9, "JPY": 10**8 * E9}
        ),
        fx_rates_e9={"EUR": rng.choice([1_100_000_000, 983_333_333]), "JPY": 6_666_667},
        flow=FlowSnapshot(traded_notional_e9=rng.choice([0, rng.randrange(10**5) * E9])),
        is_working_reserved=rng.random() < 0.3,
        average_daily_volume_e9={symbol: rng.randrange(1, 10_000) * E9 for symbol in symbols},
        holdings=tuple(item for item in held if item.quantity_e9),
        quotes=quotes,
        rules=rules,
        working=tuple(working),
        day_start_equity_e9=equity,
        high_water_e9=equity,
    )


def any_batch(rng: random.Random, desk: RiskContext) -> list[Order]:
    sides = {symbol: rng.choice(list(Side)) for symbol in desk.rules}
    orders = []
    for number in range(rng.randrange(1, 5)):
        symbol = rng.choice(list(desk.rules))
        order = any_order(rng, f"r-{number}", symbol, sides[symbol], desk.quotes[symbol])
        orders.append(dataclasses.replace(order, reduce_only=rng.random() < 0.1))
    return sorted(orders, key=lambda order: order.side is Side.BUY)


def any_limits(rng: random.Random) -> dict[str, Any]:
    def some(low: float, high: float) -> str:
        return f"{rng.uniform(low, high):.4f}"

    return {
        "max_position_frac": some(0.2, 3),
        "max_gross_notional": some(1_000, 2_000_000),
        "max_net_frac": some(0.5, 4),
        "max_leverage": some(0.5, 5),
        "max_short_frac": some(0, 2),
        "max_sector_frac": rng.choice([None, some(0.5, 4)]),
        "max_turnover_frac": some(1, 20),
        "max_daily_notional": rng.choice([10**7, some(10_000, 300_000)]),
        "max_adv_frac": rng.choice([None, None, None, some(0.01, 2)]),
        "max_displayed_multiple": rng.choice([None, None, None, some(1, 300)]),
        "max_order_notional": 10**7,
        "max_batch_notional": 10**8,
        "price_collar_bps": 10**6,
        "max_slippage_bps": 10**6,
        "max_market_spread_bps": 10**6,
        "market_slippage_bps": rng.choice([0, 50, 300]),
        "fee_bps": rng.choice([0, 10]),
        "fee_per_order": rng.choice([0, 1]),
        "allow_short": rng.random() < 0.8,
        "breach_may_be_reduced": rng.random() < 0.5,
        "halt_drawdown_frac": 1,
        "halt_daily_loss_frac": 1,
    }


def any_config(rng: random.Random) -> RiskConfig:
    return RiskConfig(**any_limits(rng))


def with_scarce_cash(rng: random.Random, desk: RiskContext, orders: list[Order]) -> RiskContext:
    """Sometimes a desk whose cash is within a few percent of what the purchases cost at the market."""
    if rng.random() < 0.6:
        return desk
    cost = 0
    for order in [*orders, *(item.order for item in desk.working)]:
        if order.side is Side.BUY:
            price = order.limit_price_e9 or desk.quotes[order.symbol].ask_e9 or 0
            cost += order.quantity_e9 // E9 * price * desk.rules[order.symbol].multiplier
    cash = cost * rng.randrange(10_000, rng.choice([10_012, 10_400])) // 10_000
    return dataclasses.replace(desk, account=dataclasses.replace(desk.account, buying_power_e9=cash))
