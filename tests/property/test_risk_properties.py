"""What holds for every batch: the accepted one cannot breach a limit however it fills; a tighter limit refuses more."""

import dataclasses
import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.risk.context import RiskContext
from nanodesk.risk.engine import RiskEngine
from nanodesk.risk.exposure import Exposures, Line, OrderTerms, PriceSource, revalue_holdings, value_holdings
from nanodesk.risk.limits import RiskConfig
from reference.exposure_reference import Desk, whole
from risk_batches import any_batch, any_desk, any_limits, with_scarce_cash

CASES_PER_SEED = 20
SEEDS = 60
MANY_SEEDS = 34_000

LOOSER = {
    "max_position_frac": 2, "max_gross_notional": 2, "max_net_frac": 2, "max_leverage": 2, "max_short_frac": 2,
    "max_turnover_frac": 2, "max_order_notional": 10**8, "max_batch_notional": 10**9, "max_order_quantity": 10**8,
    "min_order_notional": 0, "max_daily_notional": 10**9, "price_collar_bps": 10**7, "max_slippage_bps": 10**7,
    "max_market_spread_bps": 10**7, "max_open_orders": 5000, "max_open_orders_per_symbol": 5000,
    "max_orders_per_second": 10**6, "max_quote_age_s": 10**4, "max_holding_price_age_s": 10**6,
    "max_sector_frac": 100, "max_batch_orders": 10**6, "allow_short": True, "breach_may_be_reduced": True,
    "sells_fund_buys": True, "allow_market_orders": True, "require_locate": False, "max_adv_frac": None,
    "max_displayed_multiple": None, "price_collar_absolute": None, "max_price_jump_bps": 10**7,
    "max_executions_per_symbol": 10**6, "max_consecutive_rejects": 10**6,
}  # fmt: skip
"""A looser value of each limit, or the factor that makes it looser where it is random."""


def worst_before(desk: Desk, context, config) -> dict[str, Fraction]:
    """The largest of each measure that the orders which are open already can lead to."""
    worst: dict[str, Fraction] = {}
    open_orders = [(item.order, whole(item.leaves_quantity_e9)) for item in context.working]
    for choice in range(2 ** len(open_orders)):
        trial = Desk(context, config, ordered=frozenset(context.rules))
        for place, (order, leaves) in enumerate(open_orders):
            if choice >> place & 1:
                trial.fill(order, leaves, max(trial.worst_price(order), trial.mark(order.symbol)), is_first=True)
        measures = trial.measures() | {f"spent {currency}": spent for currency, spent in trial.spent.items()}
        for symbol, held in trial.positions.items():
            if held < 0:
                measures[f"short of {symbol}"] = abs(held * trial.mark(symbol))
        for name, value in measures.items():
            worst[name] = max(worst.get(name, Fraction(0)), value)
    return worst


def is_reducing(context, orders) -> bool:
    """Whether all orders of their symbols together, open ones included, leave every position on its side of zero."""
    held = {item.symbol: item.quantity_e9 for item in context.holdings}
    sums = {side: dict.fromkeys(context.rules, 0) for side in Side}
    for order, leaves in [
        *((o, o.quantity_e9) for o in orders),
        *((w.order, w.leaves_quantity_e9) for w in context.working),
    ]:
        sums[order.side][order.symbol] += leaves
    return all(
        (held.get(o.symbol, 0) > 0 and o.side is Side.SELL and held[o.symbol] >= sums[Side.SELL][o.symbol])
        or (held.get(o.symbol, 0) < 0 and o.side is Side.BUY and -held[o.symbol] >= sums[Side.BUY][o.symbol])
        for o in orders
    )


def flipped(desk: Desk, context, orders) -> list[str]:
    """Reduce-only orders that took a position through zero, or away from it."""
    held = {item.symbol: whole(item.quantity_e9) for item in context.holdings}
    found = []
    for order in orders:
        before, after = held.get(order.symbol, Fraction(0)), desk.positions.get(order.symbol, Fraction(0))
        opened = {item.order.symbol for item in context.working}
        if order.reduce_only and order.symbol not in opened and (before * after < 0 or abs(after) > abs(before)):
            found.append(f"reduce-only {order.symbol}")
    return found


def some_price(rng: random.Random, desk: Desk, order) -> Fraction:
    worst, mark = desk.worst_price(order), desk.mark(order.symbol)
    if order.side is Side.BUY:
        return rng.choice([worst, worst, worst * Fraction(rng.randrange(50, 101), 100), min(mark, worst)])
    return rng.choice([worst, worst, worst * Fraction(rng.randrange(100, 150), 100), max(mark, worst)])


def fill_somehow(rng: random.Random, context, config, orders, before) -> list[str]:
    """Every order in up to three parts, in any order; stop anywhere, look after every part."""
    ordered = frozenset(order.symbol for order in orders)
    desk, parts = Desk(context, config, ordered=ordered, is_reducing=is_reducing(context, orders)), []
    waiting = [(order, whole(order.quantity_e9)) for order in orders]
    waiting += [(item.order, whole(item.leaves_quantity_e9)) for item in context.working]
    for order, leaves in waiting:
        if rng.random() < 0.8:
            first = leaves * rng.randrange(0, 5) / 4
            parts += [(order, part) for part in (first, leaves - first) if part]
    rng.shuffle(parts)
    seen, found = set(), list(desk.breaches(before))
    for order, part in parts:
        if rng.random() < 0.1:
            break
        desk.fill(order, part, some_price(rng, desk, order), is_first=order.client_order_id not in seen)
        seen.add(order.client_order_id)
        found += desk.breaches(before) + flipped(desk, context, orders)
    return found


def case(seed: str) -> tuple[bool, list[str]]:
    rng = random.Random(seed)
    context = any_desk(rng)
    config, orders = RiskConfig(**any_limits(rng)), any_batch(rng, context)
    context = with_scarce_cash(rng, context, orders)
    if not RiskEngine(config).check_batch(orders, context).is_accepted:
        return False, []
    before = worst_before(Desk(context, config), context, config)
    return True, [breach for _ in range(3) for breach in fill_somehow(rng, context, config, orders, before)]


def one_by_one(seed: str) -> tuple[int, list[str]]:
    """Orders that are checked each by itself, the earlier ones still open: many small ones pass no limit either."""
    rng = random.Random(seed)
    context = any_desk(rng)
    # What an order is excused by itself, a row is not: nothing is excused here.
    config = RiskConfig(**any_limits(rng) | {"breach_may_be_reduced": False})
    orders = any_batch(rng, context) + any_batch(rng, context)
    context = with_scarce_cash(rng, dataclasses.replace(context, is_working_reserved=False), orders)
    engine, after, sent = RiskEngine(config), context, []
    for number, order in enumerate(orders):
        order = dataclasses.replace(order, client_order_id=f"s-{number}", reduce_only=False)
        if engine.check_order(order, after).is_accepted:
            after = after.after_sending(order)
            sent.append(order)
    if not sent:
        return 0, []
    before = worst_before(Desk(context, config), context, config)
    return len(sent), fill_somehow(rng, context, config, sent, before)


def looser_case(seed: str) -> bool:
    """Whether a batch that the tight limits accept is refused by the loose ones."""
    rng = random.Random(seed)
    context = any_desk(rng)
    limits, orders = any_limits(rng), any_batch(rng, context)
    if not RiskEngine(RiskConfig(**limits)).check_batch(orders, context).is_accepted:
        return False
    loose = dict(limits)
    for name in rng.sample(sorted(LOOSER), rng.randrange(1, 5)):
        current = limits.get(name)
        if name == "max_sector_frac":
            loose[name] = None if rng.random() < 0.5 or current is None else str(float(current) * 2)
        elif isinstance(current, str):
            loose[name] = f"{float(current) * rng.uniform(1, 3):.4f}"
            loose[name] = max(loose[name], current, key=float)
        else:
            loose[name] = LOOSER[name]
    return not RiskEngine(RiskConfig(**loose)).check_batch(orders, context).is_accepted


class TestAcceptedBatches:
    @settings(max_examples=SEEDS, deadline=None)
    @given(st.integers(0, 2**32))
    def test_no_fills_breach_a_limit(self, seed):
        for number in range(CASES_PER_SEED):
            assert case(f"{seed}-{number}")[1] == [], f"{seed}-{number}"

    def test_many_are_accepted(self):
        assert sum(case(f"count-{number}")[0] for number in range(400)) >= 40

    @settings(max_examples=SEEDS, deadline=None)
    @given(st.integers(0, 2**32))
    def test_a_looser_limit_refuses_nothing_more(self, seed):
        for number in range(CASES_PER_SEED):
            assert not looser_case(f"{seed}-{number}"), f"{seed}-{number}"

    @settings(max_examples=SEEDS, deadline=None)
    @given(st.integers(0, 2**32))
    def test_a_row_of_small_orders_passes_no_limit(self, seed):
        for number in range(CASES_PER_SEED):
            assert one_by_one(f"{seed}-{number}")[1] == [], f"{seed}-{number}"

    @pytest.mark.slow
    def test_over_a_million_cases(self):
        for seed in range(MANY_SEEDS):
            for number in range(CASES_PER_SEED // 2):
                assert case(f"long-{seed}-{number}")[1] == [], f"long-{seed}-{number}"
                assert not looser_case(f"long-{seed}-{number}"), f"long-{seed}-{number}"
                assert one_by_one(f"long-{seed}-{number}")[1] == [], f"long-{seed}-{number}"


def valued(exposures: Exposures) -> tuple:
    """Everything but the source; a group of which nothing is left says nothing."""
    groups = {group: value for group, value in exposures.groups.items() if value}
    rest = [getattr(exposures, name) for name in Exposures.__slots__ if name not in ("groups", "lines", "source")]
    return list(exposures.lines.items()), groups, rest


class TestHoldingsALittleLater:
    @settings(max_examples=200, deadline=None)
    @given(st.integers(0, 2**32))
    def test_what_has_not_changed_need_not_be_valued_again(self, seed):
        rng = random.Random(seed)
        first, later = any_desk(rng), any_desk(rng)
        quotes, rules = dict(first.quotes), dict(first.rules)
        for ours, theirs in ((quotes, later.quotes), (rules, later.rules)):
            for symbol in (*ours, *theirs):
                if rng.random() < 0.3:
                    ours.pop(symbol, None)
                    if symbol in theirs:
                        ours[symbol] = theirs[symbol]
        holdings = [holding for holding in (*first.holdings, *later.holdings) if rng.random() < 0.7]
        terms = OrderTerms(0, 0, 0)
        source = PriceSource(first.account.currency, first.quotes, first.rules, first.fx_rates_e9)
        now = PriceSource(first.account.currency, quotes, rules, first.fx_rates_e9)
        before = value_holdings(first.holdings, source, terms)
        untouched = valued(before)
        assert valued(revalue_holdings(before, holdings, now)) == valued(value_holdings(holdings, now, terms))
        assert valued(before) == untouched


class TestPlantedFaults:
    """The slow account notices when the engine's is wrong: each fault lets some batch through that breaches a limit."""

    @staticmethod
    def is_noticed() -> bool:
        return any(case(f"fault-{number}")[1] for number in range(1200))

    def test_sound(self):
        assert not self.is_noticed()

    @pytest.mark.parametrize(
        "fault",
        ["untouched holdings count as zero", "open orders do not count", "sales do not count",
         "fees do not count", "slippage does not count", "the other end is forgotten", "multiplier is forgotten",
         "exchange rate is forgotten"],
    )  # fmt: skip
    def test_fault_is_noticed(self, monkeypatch, fault):
        plant(monkeypatch, fault)
        assert self.is_noticed()

    def test_a_row_whose_orders_are_forgotten_is_noticed(self, monkeypatch):
        monkeypatch.setattr(RiskContext, "after_sending", lambda context, _order: context)
        assert any(one_by_one(f"fault-{number}")[1] for number in range(1200))


def plant(monkeypatch, fault: str) -> None:
    settle, hold, add, fee = Line.settle, Exposures.hold, Line.add, Line._add_fee

    def settled(line):
        if fault == "sales do not count":
            line.sells_e9 = 0
        if fault == "multiplier is forgotten":
            line.factor_e9 = E9
        if fault == "exchange rate is forgotten":
            line.factor_e9 = line.multiplier_e9
        settle(line)
        if fault == "the other end is forgotten":
            line.gross_e9 = line.long_e9
        return line

    def held(exposures, line):
        if fault == "untouched holdings count as zero" and not line.orders:
            line.gross_e9 = line.short_e9 = line.lowest_e9 = line.highest_e9 = 0
        hold(exposures, line)

    def added(line, order, leaves_e9, quote, terms):
        if fault == "open orders do not count" and order.client_order_id.startswith("w-"):
            return
        if fault == "slippage does not count":
            terms = terms._replace(market_slippage_bps_e9=0)
        add(line, order, leaves_e9, quote, terms)

    monkeypatch.setattr(Line, "settle", settled)
    monkeypatch.setattr(Exposures, "hold", held)
    monkeypatch.setattr(Line, "add", added)
    if fault == "fees do not count":
        free = {"fee_bps_e9": 0, "fee_per_order_e9": 0}
        monkeypatch.setattr(Line, "_add_fee", lambda line, value, terms: fee(line, value, terms._replace(**free)))
