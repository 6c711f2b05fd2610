"""From weights to orders: what to trade so that an account holds a target, and at which prices.

Every rule is a function of its arguments. The order of the plan is the order of sending: all sales first, so that they
pay for the purchases, and on either side closings first, since they shed risk. A limit stands on the side of the quote
that trades: at the ask or above it for a purchase, at the bid or below it for a sale, closings like any other. A
position that changes its sign is closed and opened by two orders, so that each can be told to reduce or to open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from nanodesk.errors import PriceError, RebalanceError, StalePlanError
from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9, format_e9, notional_e9, parse_e9
from nanodesk.market.trading_rules import TradingRules
from nanodesk.rebalance.trading_cost import TradingCost

BPS = 10_000


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """How a plan is made.

    Parameters
    ----------
    limit_offset_e9 : int, default 5 bps
        Fraction of the price, in billionths, that a limit goes beyond the quote.
    min_trade_e9 : int, default 0
        Least notional of an order toward a target, in billionths of the currency; closings have none.
    cost : TradingCost
        What trading is expected to cost.
    no_trade_band_e9 : int, default 0
        The same as a fraction of equity, in billionths; the larger one holds.
    reserve : TradingCost, optional
        Commissions that purchases set cash aside for; by default `cost`.
    is_cash_account : bool, default False
        Whether only cash pays for purchases, instead of the account's buying power.
    """

    limit_offset_e9: int = 5 * E9 // BPS
    min_trade_e9: int = 0
    cost: TradingCost = field(default_factory=TradingCost)
    is_cash_account: bool = False
    reserve: TradingCost | None = None
    no_trade_band_e9: int = 0

    @property
    def set_aside(self) -> TradingCost:
        """Commissions that purchases set cash aside for."""
        return self.cost if self.reserve is None else self.reserve


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """One line of a plan.

    Parameters
    ----------
    line : int
        Place in the order of sending, from 1.
    symbol : str
        Name at the desk.
    side : Side
        Buy or sell.
    quantity_e9 : int
        Positive quantity in billionths, on the lot grid.
    limit_price_e9 : int
        Worst price to trade at, in billionths, on the tick grid.
    mid_price_e9 : int
        Price that the quantity was computed with.
    action : str
        ``BUY``, ``SELL``, ``SELL SHORT`` or ``BUY COVER``.
    description : str
        Why, in the words of the desk: ``open``, ``close long``, ``flip to short: close`` and the like.
    closes : bool
        Whether it only takes a position toward zero.
    """

    line: int
    symbol: str
    side: Side
    quantity_e9: int
    limit_price_e9: int
    mid_price_e9: int
    action: str
    description: str
    closes: bool

    @property
    def signed_quantity_e9(self) -> int:
        """Quantity with the sign of the side."""
        return self.quantity_e9 if self.side is Side.BUY else -self.quantity_e9


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One name of a plan: where it stands and where it should.

    Parameters
    ----------
    symbol : str
        Name at the desk.
    held_e9, wanted_e9 : int
        Signed quantities in billionths; `wanted_e9` is what the weight would buy, before the lot grid.
    weight_e9 : int
        Target weight, a fraction of equity in billionths; 0 for a name that is to be closed.
    price_e9 : int
        Middle price.
    """

    symbol: str
    held_e9: int
    wanted_e9: int
    weight_e9: int
    price_e9: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A difference that is not traded.

    Parameters
    ----------
    symbol : str
        Name at the desk.
    quantity_e9 : int
        Signed quantity left as it is.
    reason : str
        Why.
    """

    symbol: str
    quantity_e9: int
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Orders that take an account to its target.

    Parameters
    ----------
    orders : tuple of PlannedOrder
        In the order of sending.
    rows : tuple of PlanRow
        Every name held or wanted: the held ones that are to be closed by symbol, then the target's in its order.
    skipped : tuple of Skipped
        What is left alone, and why.
    equity_e9 : int
        That weights are a fraction of.
    cost_e9 : int
        Commission and slippage to expect.
    funds_e9, proceeds_e9, needed_e9 : int
        What can be spent now, what the sales will bring, and what the purchases cost with fees.
    scale_e9 : int
        Fraction of the purchases that the money allows, in billionths; 1e9 when it is all.
    """

    orders: tuple[PlannedOrder, ...]
    rows: tuple[PlanRow, ...]
    skipped: tuple[Skipped, ...]
    equity_e9: int
    cost_e9: int
    funds_e9: int
    proceeds_e9: int
    needed_e9: int
    scale_e9: int

    @property
    def is_cash_bound(self) -> bool:
        """Whether purchases must wait for the money of the sales."""
        return self.needed_e9 > self.funds_e9


def make_plan(
    weights: Mapping[str, float],
    holdings: Iterable[Holding],
    *,
    quotes: Mapping[str, Quote],
    rules: Mapping[str, TradingRules],
    account: Account,
    settings: PlanSettings,
) -> Plan:
    """What to trade so that the account holds the weights.

    Parameters
    ----------
    weights : mapping of str to float
        Signed fraction of equity by symbol; every other holding is closed, so none at all flattens the account.
    holdings : iterable of Holding
        What is held.
    quotes, rules : mapping of str to Quote and TradingRules
        For every name held or wanted.
    account : Account
        Its money.
    settings : PlanSettings
        Offsets, minima, costs.

    Returns
    -------
    plan : Plan
        After all its orders are filled every name is within one lot of its weight at the middle price, except those
        that `Plan.skipped` names and those that money did not reach for; the purchases never cost more than there is.

    Raises
    ------
    StalePlanError
        If a name has no quote.
    PriceError
        If it has a quote without a price above zero.
    RebalanceError
        If weights are given and equity is not above zero.
    """
    if weights and account.equity_e9 <= 0:
        raise RebalanceError(
            f"equity is {format_e9(account.equity_e9)} {account.currency}: weights are fractions of nothing.",
            field="equity",
            value=format_e9(account.equity_e9),
            allowed="> 0",
            fix="Check the account, or use `kill --flatten`.",
        )
    held = {holding.symbol: holding.quantity_e9 for holding in holdings if holding.quantity_e9}
    band = max(account.equity_e9, 0) * settings.no_trade_band_e9 // E9
    settings = replace(settings, min_trade_e9=max(settings.min_trade_e9, band))
    rows = _rows(weights, held, quotes, rules, account.equity_e9)
    wanted, skipped = _differences(rows, rules, settings.min_trade_e9)
    lines = _told_apart([_priced(line, quotes[line.symbol], rules[line.symbol], settings) for line in wanted], rules)
    kept, small = _above_venue_minimum(lines, rules)
    skipped += small
    kept.sort(key=_sending_order)
    funds = min(account.cash_e9, account.buying_power_e9) if settings.is_cash_account else account.buying_power_e9
    proceeds = sum(_cash_in(line, rules, settings.set_aside) for line in kept)
    fitted, scale = fit_to_cash(kept, max(funds + proceeds, 0), rules=rules, settings=settings)
    skipped += [
        Skipped(line.symbol, line.signed_quantity_e9 - (left.signed_quantity_e9 if left else 0), "not enough cash")
        for line, left in zip(kept, fitted, strict=True)
        if left is None or left.quantity_e9 < line.quantity_e9
    ]
    orders = tuple(replace(line, line=i) for i, line in enumerate((line for line in fitted if line), start=1))
    return Plan(
        orders=orders,
        rows=rows,
        skipped=tuple(skipped),
        equity_e9=account.equity_e9,
        cost_e9=sum(settings.cost.estimate_e9(line.quantity_e9, _cash(line, rules)) for line in orders),
        funds_e9=max(funds, 0),
        proceeds_e9=proceeds,
        needed_e9=sum(_cash_out(line, rules, settings.set_aside) for line in orders),
        scale_e9=scale,
    )


def fit_to_cash(
    lines: Sequence[PlannedOrder], money_e9: int, *, rules: Mapping[str, TradingRules], settings: PlanSettings
) -> tuple[list[PlannedOrder | None], int]:
    """Scale purchases down to what can be paid, fees included.

    Every purchase that opens or grows a position keeps the same fraction of its quantity, on its lot grid, and is
    dropped when that is below a minimum; purchases that close a short are never touched.

    Parameters
    ----------
    lines : sequence of PlannedOrder
        Any orders; sales pass.
    money_e9 : int
        What may be spent, in billionths of the currency.
    rules : mapping of str to TradingRules
        Lots and minima by symbol.
    settings : PlanSettings
        Costs and the smallest trade.

    Returns
    -------
    fitted : list of PlannedOrder or None
        One for each line; ``None`` where nothing is left.
    scale_e9 : int
        The largest fraction, in billionths, whose cost is within the money; 0 if there is none.
    """

    def scaled(fraction_e9: int) -> list[PlannedOrder | None]:
        return [_scaled(line, fraction_e9, rules[line.symbol], settings.min_trade_e9) for line in lines]

    def cost(fraction_e9: int) -> int:
        return sum(_cash_out(line, rules, settings.set_aside) for line in scaled(fraction_e9) if line is not None)

    if cost(E9) <= money_e9:
        return list(lines), E9
    low, high = 0, E9
    # The cost never falls as the fraction grows, so the largest one that can be paid is found by halving.
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cost(middle) <= money_e9 else (low, middle)
    return scaled(low), low


def limit_price_e9(side: Side, quote: Quote, rules: TradingRules, offset_e9: int) -> int:
    """The worst price of a marketable limit order: beyond the quote on the far side, on the grid.

    Parameters
    ----------
    side : Side
        Buy or sell.
    quote : Quote
        Best prices; where the far side is missing, the middle stands in for it.
    rules : TradingRules
        Grid and bounds.
    offset_e9 : int
        Fraction of the price, in billionths, to go beyond it.

    Returns
    -------
    price_e9 : int
        For a purchase at the ask or above, for a sale at the bid or below.

    Raises
    ------
    PriceError
        If the quote has no price above zero.

    Examples
    --------
    >>> quote = Quote("AAPL", parse_e9("184.90"), parse_e9("185.10"), None, 0)
    >>> format_e9(limit_price_e9(Side.BUY, quote, TradingRules("AAPL"), 500_000))
    '185.2'
    >>> format_e9(limit_price_e9(Side.SELL, quote, TradingRules("AAPL"), 500_000))
    '184.8'
    """
    touch = quote.ask_e9 if side is Side.BUY else quote.bid_e9
    if touch is None or touch <= 0:
        touch = middle_price_e9(quote)
    if side is Side.BUY:
        price = rules.ceil_to_tick(touch + -(-touch * offset_e9 // E9))
        return min(price, rules.floor_to_tick(rules.max_price_e9))
    price = rules.floor_to_tick(touch - -(-touch * offset_e9 // E9))
    return max(price, rules.ceil_to_tick(rules.min_price_e9))


def middle_price_e9(quote: Quote) -> int:
    """The middle of a quote, which must be above zero.

    Parameters
    ----------
    quote : Quote
        Best prices.

    Returns
    -------
    price_e9 : int
        Middle of bid and ask, else the one there is, else the last price.

    Raises
    ------
    PriceError
        If there is none, or it is not above zero.
    """
    price = quote.mid_e9
    if price is None or price <= 0:
        raise PriceError(
            f"{quote.symbol} has no price above zero (bid {quote.bid_e9}, ask {quote.ask_e9}, last {quote.last_e9}).",
            field="quote",
            value=price,
            allowed="> 0",
            fix="Wait for a quote, or leave the name out.",
        )
    return price


def _rows(
    weights: Mapping[str, float],
    held: Mapping[str, int],
    quotes: Mapping[str, Quote],
    rules: Mapping[str, TradingRules],
    equity_e9: int,
) -> tuple[PlanRow, ...]:
    rows = []
    for symbol in (*sorted(held.keys() - weights.keys()), *weights):
        if symbol not in quotes or symbol not in rules:
            raise StalePlanError(
                f"{symbol} is held or wanted and has no quote.", field="quotes", value=symbol, fix="Quote it first."
            )
        price = middle_price_e9(quotes[symbol])
        weight = parse_e9(weights.get(symbol, 0), field=f"weight of {symbol}")
        value = _toward_zero(equity_e9 * weight, E9)
        quantity = _toward_zero(value * E9, price * rules[symbol].multiplier)
        rows.append(PlanRow(symbol, held.get(symbol, 0), quantity, weight, price))
    return tuple(rows)


def _toward_zero(numerator: int, denominator: int) -> int:
    whole = abs(numerator) // denominator
    return whole if numerator >= 0 else -whole


def _differences(
    rows: Sequence[PlanRow], rules: Mapping[str, TradingRules], min_trade_e9: int
) -> tuple[list[PlannedOrder], list[Skipped]]:
    lines: list[PlannedOrder] = []
    skipped: list[Skipped] = []
    for row in rows:
        rule = rules[row.symbol]
        exact = row.wanted_e9 - row.held_e9
        change = rule.floor_to_lot(exact)
        if not change:
            if exact and (not row.weight_e9 or not row.held_e9 or abs(exact) >= rule.lot_e9):
                skipped.append(Skipped(row.symbol, exact, "below one lot"))
            continue
        if row.weight_e9 and _value(row, change, rule) < min_trade_e9:
            skipped.append(Skipped(row.symbol, change, f"below the smallest trade of {format_e9(min_trade_e9)}"))
            continue
        closing = _closing_part(row.held_e9, change, rule)
        opening = change - closing
        if closing and opening and _value(row, opening, rule) < min_trade_e9:
            skipped.append(Skipped(row.symbol, opening, f"below the smallest trade of {format_e9(min_trade_e9)}"))
            opening = 0
        flips = bool(closing and opening)
        lines += [
            _line(row, part, closes=closes, flips=flips) for part, closes in ((closing, True), (opening, False)) if part
        ]
    return lines, skipped


def _value(row: PlanRow, quantity_e9: int, rule: TradingRules) -> int:
    return abs(notional_e9(row.price_e9, quantity_e9, rule.multiplier))


def _closing_part(held_e9: int, change_e9: int, rule: TradingRules) -> int:
    """The part of a change that takes the holding toward zero and not beyond."""
    if held_e9 * change_e9 >= 0:
        return 0
    most = rule.floor_to_lot(-held_e9)
    return min(change_e9, most) if change_e9 > 0 else max(change_e9, most)


def _line(row: PlanRow, change_e9: int, *, closes: bool, flips: bool) -> PlannedOrder:
    is_buy = change_e9 > 0
    side = Side.BUY if is_buy else Side.SELL
    if closes:
        action = "BUY COVER" if is_buy else "SELL"
    else:
        action = "BUY" if is_buy else "SELL SHORT"
    description = _description(row, is_buy=is_buy, closes=closes, flips=flips)
    return PlannedOrder(0, row.symbol, side, abs(change_e9), 0, row.price_e9, action, description, closes)


def _description(row: PlanRow, *, is_buy: bool, closes: bool, flips: bool) -> str:
    if flips:
        return f"flip to {'long' if is_buy else 'short'}: {'close' if closes else 'open'}"
    if closes and not row.weight_e9:
        return "close short" if is_buy else "close long"
    if closes:
        return "decrease short" if is_buy else "decrease"
    word = "increase" if row.held_e9 else "open"
    return word if is_buy else f"{word} short"


def _priced(line: PlannedOrder, quote: Quote, rule: TradingRules, settings: PlanSettings) -> PlannedOrder:
    return replace(line, limit_price_e9=limit_price_e9(line.side, quote, rule, settings.limit_offset_e9))


def _told_apart(lines: Sequence[PlannedOrder], rules: Mapping[str, TradingRules]) -> list[PlannedOrder]:
    """The opening half of a flip reaches a tick further: two equal orders would look like one that was sent twice."""
    apart = list(lines)
    for i, (first, second) in enumerate(pairwise(lines), start=1):
        if first.symbol == second.symbol:
            tick = rules[second.symbol].tick_e9
            price = second.limit_price_e9 + (tick if second.side is Side.BUY else -tick)
            # From the lowest price of the grid it cannot go lower; a tick nearer is as different.
            apart[i] = replace(second, limit_price_e9=price if price > 0 else second.limit_price_e9 + tick)
    return apart


def _above_venue_minimum(
    lines: Sequence[PlannedOrder], rules: Mapping[str, TradingRules]
) -> tuple[list[PlannedOrder], list[Skipped]]:
    kept, skipped = [], []
    for line in lines:
        if _meets_minimum(line, rules[line.symbol]):
            kept.append(line)
        else:
            skipped.append(Skipped(line.symbol, line.signed_quantity_e9, "below the venue's minimum"))
    return kept, skipped


def _meets_minimum(line: PlannedOrder, rule: TradingRules) -> bool:
    value = notional_e9(line.limit_price_e9, line.quantity_e9, rule.multiplier)
    return line.quantity_e9 >= rule.min_quantity_e9 and value >= rule.min_notional_e9


def _sending_order(line: PlannedOrder) -> tuple[bool, bool]:
    return line.side is Side.BUY, not line.closes


def _scaled(line: PlannedOrder, fraction_e9: int, rule: TradingRules, min_trade_e9: int) -> PlannedOrder | None:
    if line.side is Side.SELL or line.closes:
        return line
    quantity = rule.floor_to_lot(line.quantity_e9 * fraction_e9 // E9)
    if quantity == line.quantity_e9:
        return line
    less = replace(line, quantity_e9=quantity)
    is_worth = notional_e9(line.mid_price_e9, quantity, rule.multiplier) >= min_trade_e9
    return less if quantity and is_worth and _meets_minimum(less, rule) else None


def _cash(line: PlannedOrder, rules: Mapping[str, TradingRules]) -> int:
    return notional_e9(line.limit_price_e9, line.quantity_e9, rules[line.symbol].multiplier)


def _cash_out(line: PlannedOrder, rules: Mapping[str, TradingRules], cost: TradingCost) -> int:
    if line.side is Side.SELL:
        return 0
    cash = _cash(line, rules)
    return cash + cost.commission_e9(line.quantity_e9, cash)


def _cash_in(line: PlannedOrder, rules: Mapping[str, TradingRules], cost: TradingCost) -> int:
    """What a sale surely brings; the money of a short sale is collateral, not cash."""
    if line.side is Side.BUY or not line.closes:
        return 0
    cash = _cash(line, rules)
    return cash - cost.commission_e9(line.quantity_e9, cash)
