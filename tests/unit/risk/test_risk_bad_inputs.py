"""A table of bad inputs: every row is refused. Nanobook refuses 3 of the first 17."""

import dataclasses
from collections.abc import Callable

import pytest

from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9, LARGEST_E9
from nanodesk.market.order import Order, OrderType, WorkingOrder
from nanodesk.market.trading_rules import TradingStatus
from nanodesk.risk.engine import RiskEngine
from nanodesk.risk.kill_switch import KillSwitchState
from nanodesk.risk.limits import RiskConfig
from nanodesk.risk.order_flow import FlowSnapshot, Rates, order_key
from nanodesk.risk.report import RiskReport
from nanodesk.risk.trading_state import TradingState
from risk_scenes import NOW, account, context, holding, limit, market, quote, rules, spoilt, units

NAN, INF = float("nan"), float("inf")
NO_NUMBERS = (None, NAN, INF, -INF, 1.5, "1", True, [], 0, -1)
ROWS: dict[str, Callable[[], RiskReport]] = {}


def one(name, order, desk=None, config=None):
    desk = context() if desk is None else desk
    assert name not in ROWS, name
    ROWS[name] = lambda: RiskEngine(config).check_order(order, desk)


def many(name, orders, desk=None, weights=None, config=None):
    desk = context() if desk is None else desk
    assert name not in ROWS, name
    ROWS[name] = lambda: RiskEngine(config).check_batch(orders, desk, target_weights=weights)


def named(order, name):
    return dataclasses.replace(order, client_order_id=name)


# The 17 that were offered to nanobook (brokers-oms-risk.md, section 3); it refuses infinite weight, unknown side and
# the order above equity.
SMALL = limit(quantity=1)
many(
    "untouched holding worth many times equity", [limit(1, symbol="MSFT")], context(holdings=(holding("AAPL", 50_000),))
)
many("NaN target weight", [SMALL], weights={"AAPL": NAN})
many("infinite target weight", [SMALL], weights={"AAPL": INF})
many("zero price, a million shares", [spoilt(limit(quantity=1_000_000), limit_price_e9=0)])
one("negative price", spoilt(SMALL, limit_price_e9=-100))
one("zero quantity", spoilt(SMALL, quantity_e9=0))
many("same order twice", [SMALL, named(SMALL, "r-2")])
many("buy and sell of one symbol", [SMALL, limit(quantity=1, side="sell", client_order_id="r-2")])
one("limit price 100 x market", limit(price=10_000, quantity=1))
one("zero equity", SMALL, context(account=account(equity_e9=0)))
one("negative equity", SMALL, context(account=account(equity_e9=-1)))
one("unknown side", spoilt(SMALL, side="hold"))
one("path as symbol", spoilt(SMALL, symbol="../../x"))
one("empty symbol", spoilt(SMALL, symbol=""))
one("NUL in symbol", spoilt(SMALL, symbol="A\0B"))
LETTERS = "ABCDEFGHIJKLMNOP"
LETTER_DESK = context(quotes={s: quote(s) for s in LETTERS}, rules={s: rules(s) for s in LETTERS})
many("weights sum to 400 %", [limit(quantity=1, symbol=s, client_order_id=s) for s in LETTERS], LETTER_DESK,
     dict.fromkeys(LETTERS, 0.25))  # fmt: skip
one("order larger than equity, cash account", limit(quantity=1100))
NANOBOOK_ROWS = len(ROWS)

for value in NO_NUMBERS:
    for field in ("quantity_e9", "limit_price_e9"):
        one(f"order {field}={value!r}", spoilt(SMALL, **{field: value}))
    one(f"stop price {value!r}", spoilt(SMALL, order_type=OrderType.STOP, limit_price_e9=None, stop_price_e9=value))
    one(f"equity {value!r}", SMALL, context(account=account(equity_e9=value)))
    one(f"buying power {value!r}", SMALL, context(account=account(buying_power_e9=value)))
    one(f"day start {value!r}", SMALL, context(day_start_equity_e9=value))
    one(f"high water {value!r}", SMALL, context(high_water_e9=value))
    for side in ("bid_e9", "ask_e9"):
        one(f"quote {side}={value!r}", SMALL, context(quotes={"AAPL": quote(**{side: value})}))
    one(f"quote time {value!r}", SMALL, context(quotes={"AAPL": quote(ts_ns=value)}))
    one(f"account time {value!r}", SMALL, context(account=account(ts_ns=value)))
    one(f"holdings time {value!r}", SMALL, context(holdings_ts_ns=value))
    one(f"clock {value!r}", SMALL, context(now_ns=value))
    one(f"price of a holding {value!r}", SMALL, context(
        holdings=(holding("MSFT", 1),),
        quotes={"AAPL": quote(), "MSFT": quote("MSFT", bid_e9=value, ask_e9=value, last_e9=value)}))  # fmt: skip
    one(f"multiplier {value!r}", SMALL, context(rules={"AAPL": rules(multiplier=value)}))
    one(f"exchange rate {value!r}", SMALL, context(
        account=account(balances_e9={"EUR": units(10**6)}), rules={"AAPL": rules(currency="EUR")},
        fx_rates_e9={"EUR": value}))  # fmt: skip

for value in (None, NAN, INF, 1.5, "1", []):
    one(f"holding {value!r}", SMALL, context(holdings=(dataclasses.replace(holding("AAPL", 1), quantity_e9=value),)))
    one(f"clock offset {value!r}", SMALL, context(clock_offset_ns=value))
    one(f"open quantity {value!r}", SMALL, context(working=(WorkingOrder(named(limit(), "w"), value),)))
    one(f"rejects {value!r}", SMALL, context(flow=FlowSnapshot(consecutive_rejects=value)))
    one(f"slippage {value!r}", SMALL, context(flow=FlowSnapshot(recent_slippage_bps_e9=value)))
    one(f"traded today {value!r}", SMALL, context(flow=FlowSnapshot(traded_notional_e9=value)))
    one(f"orders sent {value!r}", SMALL, context(flow=FlowSnapshot(orders=Rates(second=value))))
    one(
        f"plan price {value!r}",
        SMALL,
        context(plan_prices_e9={"AAPL": value}) if value is not None else context(flow=None),
    )
    many(f"weight {value!r}", [SMALL], weights={"AAPL": value if value != 1.5 else -1.5})

for symbol in ("..", "a/b", "a\\b", "C:\\x", "A\nB", "A B", " A", "A ", "-A", ".A", "X" * 33, "A\u200bB", "A\u202eB",
               "ＡＡＰＬ", "ﬁ", "AАPL", "A;B", "$A", "A%00", "~A", "A*", None, 5, b"AAPL", "\ud800",
               "aapl\x7f"):  # fmt: skip
    one(f"symbol {symbol!r}", spoilt(SMALL, symbol=symbol), context(
        quotes={symbol: quote(symbol)}, rules={symbol: spoilt(rules(), symbol=symbol)}))  # fmt: skip

for name in ("", "a b", "x" * 37, "a/b", "ä", "a\n", None, 7):
    one(f"client id {name!r}", spoilt(SMALL, client_order_id=name))
for kind in ("limit", None, 1, "market"):
    one(f"order type {kind!r}", spoilt(SMALL, order_type=kind))
for side in ("buy", None, 1, -1, ""):
    one(f"side {side!r}", spoilt(SMALL, side=side))
for life in ("day", None, 0):
    one(f"time in force {life!r}", spoilt(SMALL, time_in_force=life))
for flag in (None, 1, "no"):
    one(f"reduce_only {flag!r}", spoilt(SMALL, reduce_only=flag))
    one(f"post_only {flag!r}", spoilt(SMALL, post_only=flag))
for junk in (None, 5, "order", {}, object()):
    one(f"no order but {type(junk).__name__}", junk)

for field in ("account", "holdings", "quotes", "rules", "flow", "kill_switch", "trading_state", "is_session_open",
              "is_reconciled", "is_stream_live", "day_start_equity_e9", "high_water_e9", "clock_offset_ns", "working",
              "blocked_symbols", "halted_symbols", "halted_venues"):  # fmt: skip
    one(f"{field} not told", SMALL, context(**{field: None}))
for field in ("is_session_open", "is_reconciled", "is_stream_live"):
    for fact in (False, 1, "yes"):
        one(f"{field}={fact!r}", SMALL, context(**{field: fact}))
for state in (TradingState.HALTED, TradingState.REDUCING, "active", 0):
    one(f"trading state {state!r}", SMALL, context(trading_state=state))

one("quantity beyond 64 bits", spoilt(SMALL, quantity_e9=2**64 * E9 + 10**27))
one("quantity 2^62 shares at 10^6", limit(quantity=2**62 // E9, price=10**6))
one("largest quantity", spoilt(SMALL, quantity_e9=LARGEST_E9))
one("largest price", spoilt(SMALL, limit_price_e9=LARGEST_E9))
one("limit price with a market order", spoilt(market(), limit_price_e9=E9))
one("limit order without a price", spoilt(SMALL, limit_price_e9=None))
one("sub-tick price", limit(price=100.001, quantity=1))
one("sub-lot quantity", limit(quantity=0.5))
one("below the least size", limit(quantity=1), context(rules={"AAPL": rules(min_quantity_e9=2 * E9)}))
one("above the largest size", limit(quantity=3), context(rules={"AAPL": rules(max_quantity_e9=2 * E9)}))
one("dust", limit(quantity=0.001), context(rules={"AAPL": rules(lot_e9=1)}))
one("sell limit at half the market", limit(price=50, quantity=1, side="sell"))
one("buy limit at half the market", limit(price=50, quantity=1))
one("market order on a wide quote", market(1), context(quotes={"AAPL": quote(bid=90, ask=110)}))
one("market order on an old quote", market(1), context(quotes={"AAPL": quote(ts_ns=NOW - 31 * E9)}))
one("crossed quote", SMALL, context(quotes={"AAPL": quote(bid=101, ask=100)}))
one("quote of another symbol", SMALL, context(quotes={"AAPL": quote("MSFT")}))
one("quote from the future", SMALL, context(quotes={"AAPL": quote(ts_ns=NOW + 2 * E9)}))
one("price doubled since the plan", SMALL, context(plan_prices_e9={"AAPL": units(50)}))
one("another account", SMALL, context(account=account(account_id="DU2")))
one("live account in paper mode", SMALL, context(account=account(is_live=True)))
one("paper account in live mode", SMALL, config=RiskConfig(mode="live"))
one("live without confirmation", limit(quantity=101), context(account=account(is_live=True)), RiskConfig(mode="live"))
one("unknown instrument", limit(quantity=1, symbol="NVDA"))
one("halted instrument", SMALL, context(rules={"AAPL": rules(status=TradingStatus.HALTED)}))
one("closed instrument", SMALL, context(rules={"AAPL": rules(status=TradingStatus.CLOSED)}))
one("expired instrument", SMALL, context(rules={"AAPL": rules(expires_ns=NOW)}))
one("symbol not allowed", SMALL, config=RiskConfig(allowed_symbols=["MSFT"]))
one("symbol blocked", SMALL, config=RiskConfig(blocked_symbols=["AAPL"]))
one("type not taken", SMALL, context(rules={"AAPL": rules(order_types=frozenset())}))
one("life not taken", SMALL, context(rules={"AAPL": rules(times_in_force=frozenset())}))
one("post-only IOC", limit(quantity=1, post_only=True, time_in_force=TimeInForce.IOC))
one("short where shorts are off", limit(quantity=1, side="sell"), config=RiskConfig(allow_short=False))
one("short of what cannot be borrowed", limit(quantity=1, side="sell"), context(rules={"AAPL": rules(can_short=False)}))
one("short without a locate", limit(quantity=1, side="sell"), config=RiskConfig(require_locate=True))
one("reduce-only without a position", limit(quantity=1, side="sell", reduce_only=True))
one("reduce-only that flips", limit(quantity=2, side="sell", reduce_only=True), context(holdings=(holding("AAPL", 1),)))
one("holding without a quote", SMALL, context(holdings=(holding("NVDA", 1),)))
one("holding without rules", SMALL, context(holdings=(holding("MSFT", 1),), rules={"AAPL": rules()}))
OLD = {"AAPL": quote(), "MSFT": quote("MSFT", ts_ns=NOW - 3600 * E9)}
one("holding with an old price", SMALL, context(holdings=(holding("MSFT", 1),), quotes=OLD))
one("holding in a currency without a rate", SMALL, context(
    holdings=(holding("MSFT", 1),), rules={"AAPL": rules(), "MSFT": rules("MSFT", currency="JPY")}))  # fmt: skip
one("open orders use up the position", limit(quantity=10), context(
    working=(WorkingOrder(limit(quantity=245, client_order_id="w"), units(245)),)))  # fmt: skip
one("our own order in the way", limit(quantity=1), context(
    working=(WorkingOrder(limit(quantity=1, side="sell", client_order_id="w"), E9),)))  # fmt: skip
one("unknown order on the symbol", SMALL, context(working=(WorkingOrder(limit(client_order_id="w"), E9, True),)))
one("blocked symbol", SMALL, context(blocked_symbols={"AAPL": "r-0"}))
one("client id used before", SMALL, context(flow=FlowSnapshot(used_client_ids={"r-1"})))
one("same order a moment ago", SMALL, context(flow=FlowSnapshot(recent={order_key(SMALL): (NOW, "r-0")})))
one("too many rejects", SMALL, context(flow=FlowSnapshot(consecutive_rejects=6)))
one("too many fills", SMALL, context(flow=FlowSnapshot(executions={"AAPL": 1001})))
one("too many orders", SMALL, context(flow=FlowSnapshot(orders=Rates(second=500))))
one("too many messages", SMALL, context(flow=FlowSnapshot(messages=Rates(day=200_000))))
one("run done before", SMALL, context(run_id="a", completed_runs=frozenset({"a"})))
one("kill switch pulled", SMALL, context(kill_switch=KillSwitchState(True, "ann", "fire")))
one("kill switch pulled to flatten, but it buys", SMALL, context(kill_switch=KillSwitchState(True, "a", "b", 1, True)))
one("lost 6 % today", SMALL, context(day_start_equity_e9=units(106_400)))
one("lost 21 % from the peak", SMALL, context(high_water_e9=units(127_000)))
one("holdings behind the events", SMALL, context(newest_sequence=1))
one("venue halted", SMALL, context(halted_venues=frozenset({"paper"})))
many("empty batch", [])
many("one id for two orders", [SMALL, limit(quantity=2)])
many("purchase before the sale that pays", [limit(), limit(symbol="MSFT", side="sell", client_order_id="r-2")],
     context(account=account(buying_power_e9=0), holdings=(holding("MSFT", 10),)))  # fmt: skip
many("something else among the orders", [SMALL, None])
many("weights that are no mapping", [SMALL], weights=[("AAPL", 0.1)])


class TestBadInputs:
    def test_there_are_enough_rows(self):
        assert NANOBOOK_ROWS == 17
        assert len(ROWS) >= 200

    def test_the_good_order_passes(self):
        assert RiskEngine().check_order(SMALL, context()).is_accepted
        assert RiskEngine().check_batch([SMALL], context(), target_weights={"AAPL": 0.1}).is_accepted
        assert isinstance(SMALL, Order)
        assert SMALL.side is Side.BUY

    @pytest.mark.parametrize("name", ROWS)
    def test_row_is_refused(self, name):
        report = ROWS[name]()
        assert not report.is_accepted
        assert [check.number for check in report.checks] == sorted(check.number for check in report.checks)
        assert {check.number for check in report.checks} | {0} >= {7, 14, 17, 42, 47}
