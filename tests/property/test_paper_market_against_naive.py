"""The paper market and the naive one take the same random commands and must agree on every order and every amount."""

import random
from fractions import Fraction

import pytest

from nanodesk.brokers.paper import admin as paper_admin
from nanodesk.brokers.paper.market import PaperMarket, VirtualClock
from nanodesk.brokers.paper.truth import truth_json
from nanodesk.brokers.paper.values import FEES, Fees
from nanodesk.market.account import Quote
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Order, OrderType
from nanodesk.market.trading_rules import TradingRules
from reference.naive_paper_market import NaiveMarket

CENT = E9 // 100
SYMBOLS = ("AAA", "BBB")
ACCOUNTS = {"ann": 20_000, "bob": 3_000}


def real_market(**options):
    market = PaperMarket(
        [TradingRules(symbol) for symbol in SYMBOLS],
        cash_e9={"USD": ACCOUNTS["ann"] * E9},
        account_id="ann",
        now_ns=VirtualClock(),
        **options,
    )
    market.add_account("bob", {"USD": ACCOUNTS["bob"] * E9})
    return market


def random_command(rng, numbers):
    kind = rng.choices(("order", "cancel", "shrink", "quote"), (6, 2, 1, 2))[0]
    if kind in ("cancel", "shrink") and numbers:
        return kind, rng.randint(1, numbers), rng.randint(1, 40)
    if kind == "quote":
        bid = rng.randint(950, 1_030)
        return kind, rng.choice(SYMBOLS), bid, bid + rng.randint(1, 30), rng.randint(1, 60), rng.randint(1, 60)
    price = None if rng.random() < 0.2 else rng.randint(940, 1_060)
    words = rng.choice(tuple(ACCOUNTS)), rng.choice(SYMBOLS), rng.choice(("buy", "sell"))
    return "order", *words, rng.randint(1, 60), price, rng.choice(("gtc", "day", "ioc", "fok"))


def apply_real(market, command):
    kind, *words = command
    if kind == "order":
        account, symbol, side, quantity, price, tif = words
        terms = (OrderType.MARKET, None) if price is None else (OrderType.LIMIT, price * CENT)
        name = f"o{market.store.next_number()}"
        order = Order(name, symbol, Side(side), quantity * E9, *terms, time_in_force=TimeInForce(tif))
        market.submit(account, order)
    elif kind == "quote":
        symbol, bid, ask, bid_size, ask_size = words
        market.set_quote(Quote(symbol, bid * CENT, ask * CENT, None, 0, bid_size * E9, ask_size * E9))
    else:
        order = market.order(words[0])
        if kind == "cancel":
            market.cancel(order.account_id, order.number)
        elif order.is_open and order.filled_quantity_e9 < words[1] * E9 < order.quantity_e9:
            assert market.change(order.account_id, order.number, quantity_e9=words[1] * E9).is_taken


def apply_naive(naive, command):
    kind, *words = command
    if kind == "order":
        naive.submit(*words)
    elif kind == "quote":
        naive.quote(*words)
    elif kind == "cancel":
        naive.cancel(words[0])
    else:
        naive.shrink(*words)


def check(market, naive):
    assert market.ledger.imbalance() == {}
    for account in ACCOUNTS:
        assert Fraction(market.ledger.amount(account, "USD"), E9) == naive.cash[account]
        cash, units = naive.reserved(account)
        assert Fraction(market.ledger.reserved(account, "USD"), E9) == cash
        assert naive.cash[account] >= cash
        for symbol in SYMBOLS:
            assert market.ledger.amount(account, symbol) == naive.held[account, symbol] * E9
            assert market.ledger.reserved(account, symbol) == units.get(symbol, 0) * E9
    assert Fraction(market.ledger.amount(FEES, "USD"), E9) == naive.fees
    orders = market.orders()
    assert [one.state.value for one in orders] == [one.state for one in naive.orders]
    assert [one.filled_quantity_e9 for one in orders] == [one.filled * E9 for one in naive.orders]


@pytest.mark.parametrize("seed", range(40))
def test_same_commands_same_market(seed):
    rng = random.Random(seed)
    maker, taker = rng.choice(((0, 0), (1, 10), (0, 25)))
    market = real_market(fees=Fees.bps(maker=str(maker), taker=str(taker)))
    naive = NaiveMarket(ACCOUNTS, SYMBOLS, Fraction(maker, 10_000), Fraction(taker, 10_000))
    for step in range(250):
        command = random_command(rng, len(naive.orders))
        apply_real(market, command)
        apply_naive(naive, command)
        try:
            check(market, naive)
        except AssertionError as error:
            raise AssertionError(f"seed={seed} step={step} command={command}: {error}") from error
    fills = [(one.quantity_e9 // E9, one.price_e9 // CENT) for one in market.executions()]
    assert sorted(fills) == sorted(fill for order in naive.orders for fill in order.fills)


@pytest.mark.parametrize("seed", range(4))
def test_same_calls_same_bytes(seed):
    dumps = []
    for _ in range(2):
        rng = random.Random(seed)
        market = real_market(fees=Fees.bps(maker="1", taker="5"), seed=seed, latency_ns=5, latency_jitter_ns=7)
        for _ in range(150):
            market._clock.advance(rng.randint(0, 9))
            apply_real(market, random_command(rng, 0))
        dumps.append(truth_json(market))
    assert dumps[0] == dumps[1]


@pytest.mark.parametrize("options", [{"prints_per_level": 3}, {"replenish": True}, {"self_trade": "cancel_both"}])
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_made_or_lost(seed, options):
    rng = random.Random(seed)
    fees = Fees(maker_e9=-20_000, taker_e9=300_000, per_unit_e9=5_000_000, minimum_e9=350_000_000)
    market = real_market(fees=fees, **options)
    for _ in range(250):
        apply_real(market, random_command(rng, 0 if rng.random() < 0.7 else market.store.next_number() - 1))
        standing = [one.number for one in market.executions() if one.kind.value != "bust"]
        if standing and rng.random() < 0.1:
            paper_admin.bust(market, rng.choice(standing))
        elif standing and rng.random() < 0.1:
            paper_admin.correct(market, rng.choice(standing), price_e9=rng.randint(900, 1_100) * CENT)
        assert market.ledger.imbalance() == {}
        for order in market.orders():
            fills = [one for one in market.executions(order_number=order.number) if one.kind.value != "bust"]
            assert sum(one.quantity_e9 for one in fills) == order.filled_quantity_e9
            assert sum(one.fee_e9 for one in fills) == order.fee_e9 or any(
                one.kind.value == "bust" for one in market.executions(order_number=order.number)
            )
            assert order.leaves_quantity_e9 >= 0
    for answer in market.cancel_all("ann") + market.cancel_all("bob"):
        assert answer.is_taken
    for account in ACCOUNTS:
        assert all(locked == 0 for _, locked in market.balances(account).values())
