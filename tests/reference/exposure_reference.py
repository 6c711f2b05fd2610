"""A slow and obvious account: it fills orders one by one at given prices and adds everything up in fractions.

It shares no code with the risk engine. Where the engine claims that no fills lead past a limit, this one tries fills.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from nanodesk.market.enums import Side
from nanodesk.market.order import Order
from nanodesk.risk.context import RiskContext
from nanodesk.risk.limits import RiskConfig


def whole(amount_e9: int) -> Fraction:
    return Fraction(amount_e9, 10**9)


@dataclass
class Desk:
    """Positions, cash that was spent, and fees; marks stay as they are.

    The limit of a position is looked at for the symbols that the batch orders: fees alone can lift another one that
    stands at its limit. What ``is_reducing`` says of a batch is that it may be paid from short sales, and may be traded
    past the day's turnover.
    """

    context: RiskContext
    config: RiskConfig
    ordered: frozenset[str] = frozenset()
    positions: dict[str, Fraction] = field(default_factory=dict)
    is_reducing: bool = False
    spent: dict[str, Fraction] = field(default_factory=dict)
    traded: Fraction = Fraction(0)
    gain: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        for item in self.context.holdings:
            self.positions[item.symbol] = self.positions.get(item.symbol, Fraction(0)) + whole(item.quantity_e9)

    def mark(self, symbol: str) -> Fraction:
        quote = self.context.quotes[symbol]
        assert quote.bid_e9 is not None
        assert quote.ask_e9 is not None
        return whole(quote.bid_e9 + (quote.ask_e9 - quote.bid_e9) // 2)

    def rate(self, symbol: str) -> Fraction:
        """Multiplier and exchange rate into the account's currency."""
        rules, account = self.context.rules[symbol], self.context.account
        if rules.currency == account.currency:
            return Fraction(rules.multiplier)
        return rules.multiplier * whole(self.context.fx_rates_e9[rules.currency])

    def worst_price(self, order: Order) -> Fraction:
        """Of a market order: quote or stop, whichever is worse, and the slippage that is assumed."""
        if order.limit_price_e9 is not None:
            return whole(order.limit_price_e9)
        quote, slip = self.context.quotes[order.symbol], whole(self.config.market_slippage_bps_e9) / 10_000
        assert quote.bid_e9 is not None
        assert quote.ask_e9 is not None
        if order.side is Side.BUY:
            return whole(max(quote.ask_e9, order.stop_price_e9 or 0)) * (1 + slip)
        return whole(min(quote.bid_e9, order.stop_price_e9 or quote.bid_e9)) * max(1 - slip, 0)

    def fill(self, order: Order, quantity: Fraction, price: Fraction, *, is_first: bool) -> None:
        signed = quantity if order.side is Side.BUY else -quantity
        rules, rate = self.context.rules[order.symbol], self.rate(order.symbol)
        value = quantity * price * rules.multiplier
        fee = value * whole(self.config.fee_bps_e9) / 10_000
        if is_first:
            fee += whole(self.config.fee_per_order_e9)
        in_account = rate / rules.multiplier
        held, mark = self.positions.get(order.symbol, Fraction(0)), self.mark(order.symbol)
        self.positions[order.symbol] = held + signed
        self.gain += signed * (mark - price) * rate - fee * in_account
        # A sale that brings more than was to be expected is no turnover that a limit could have known.
        counted = min(price, max(self.worst_price(order), mark, whole(order.stop_price_e9 or 0)))
        self.traded += quantity * counted * rate
        if order.side is Side.BUY and not self.is_reserved(order):
            self.spent[rules.currency] = self.spent.get(rules.currency, Fraction(0)) + value + fee

    def is_reserved(self, order: Order) -> bool:
        """Whether the broker has taken it off the buying power already."""
        return self.context.is_working_reserved and order.client_order_id in self.context.working_ids

    def available(self, currency: str) -> Fraction:
        account = self.context.account
        return whole(account.buying_power_e9 if currency == account.currency else account.balances_e9[currency])

    @property
    def equity(self) -> Fraction:
        return whole(self.context.account.equity_e9) + self.gain

    def values(self) -> dict[str, Fraction]:
        return {name: held * self.mark(name) * self.rate(name) for name, held in self.positions.items()}

    def groups(self, kind: str) -> dict[str, Fraction]:
        found: dict[str, Fraction] = {}
        for symbol, value in self.values().items():
            name = getattr(self.context.rules[symbol], kind)
            found[name] = found.get(name, Fraction(0)) + abs(value)
        return found

    def measures(self) -> dict[str, Fraction]:
        """Everything that has a limit, in currency."""
        values = self.values()
        return {
            "gross": sum(map(abs, values.values()), Fraction(0)),
            "net": abs(sum(values.values(), Fraction(0))),
            "short": sum((-value for value in values.values() if value < 0), Fraction(0)),
            **{f"position {name}": abs(value) for name, value in values.items() if name in self.ordered},
            **{f"sector {name}": value for name, value in self.groups("sector").items()},
        }

    def breaches(self, before: dict[str, Fraction]) -> list[str]:
        """Limits that are past now, and were not, or were less, with the open orders of before at their worst."""
        config, measures, found = self.config, self.measures(), []
        limits = {
            "net": config.max_net_frac_e9,
            "short": config.max_short_frac_e9,
            **dict.fromkeys((name for name in measures if name.startswith("position ")), config.max_position_frac_e9),
            **dict.fromkeys((name for name in measures if name.startswith("sector ")), config.max_sector_frac_e9),
        }
        for name, limit in limits.items():
            excused = config.breach_may_be_reduced and measures[name] <= before.get(name, Fraction(0))
            if limit is not None and measures[name] > whole(limit) * self.equity and not excused:
                found.append(name)
        excused = config.breach_may_be_reduced and measures["gross"] <= before.get("gross", Fraction(0))
        if not excused and measures["gross"] > whole(config.max_leverage_e9) * self.equity:
            found.append("leverage")
        if not excused and measures["gross"] > whole(config.max_gross_notional_e9):
            found.append("gross")
        is_excused = config.breach_may_be_reduced and self.is_reducing
        for currency, spent in self.spent.items():
            if spent > self.available(currency) and spent > before.get(f"spent {currency}", 0) and not is_excused:
                found.append("buying power")
        assert self.context.flow is not None
        traded = whole(self.context.flow.traded_notional_e9) + self.traded
        most = min(whole(config.max_daily_notional_e9), whole(config.max_turnover_frac_e9) * self.equity)
        if self.ordered and traded > most and not is_excused:
            found.append("turnover")
        if self.equity <= whole(config.min_equity_e9) and self.gain == 0:
            found.append("equity")
        for symbol, held in self.positions.items():
            may_short = config.allow_short and self.context.rules[symbol].can_short
            if not may_short and -held * self.mark(symbol) > before.get(f"short of {symbol}", Fraction(0)):
                found.append(f"short of {symbol}")
        return found
