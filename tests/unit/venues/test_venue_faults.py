"""Fault rules: read strictly, struck on the right occasion, and doing what they say."""

import re
from pathlib import Path

import pytest

from nanodesk.brokers.paper.market import PaperMarket, VirtualClock
from nanodesk.brokers.paper.values import EventKind, MarketEvent
from nanodesk.errors import ConfigError, ValidationError
from nanodesk.market.account import Quote
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Order, OrderState, OrderType
from nanodesk.market.trading_rules import TradingRules
from nanodesk.venues.fault_effects import EventGate, VenueClock, strike_order, strike_venue
from nanodesk.venues.faults import (
    POINTS,
    Fault,
    FaultInjector,
    FaultKind,
    FaultPoint,
    bytes_under,
    parse_faults,
    read_faults,
)

TOML = """
schema = 1

[[rules]]
fault = "reset_after_accept"
match = "new"
nth = 2

[[rules]]
fault = "duplicate"
at = "event"
match = "trade"
count = 0
probability = 0.5
"""


def table(**rule):
    return {"schema": 1, "rules": [{"fault": "black_hole", **rule}]}


class TestReading:
    def test_toml_and_json(self, tmp_path):
        (tmp_path / "f.toml").write_text(TOML)
        (tmp_path / "f.json").write_text('{"schema":1,"rules":[{"fault":"mute","at":"event","seconds":0.5}]}')
        assert read_faults(tmp_path / "f.toml") == (
            Fault(FaultKind.RESET_AFTER_ACCEPT, match="new", nth=2),
            Fault(FaultKind.DUPLICATE, FaultPoint.EVENT, match="trade", count=0, probability=0.5),
        )
        assert read_faults(tmp_path / "f.json") == (Fault(FaultKind.MUTE, FaultPoint.EVENT, seconds=0.5),)

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            ({"rules": []}, "schema: None must be 1"),
            ({"schema": 1, "rule": []}, "rule: unknown key"),
            ({"schema": 1, "rules": 5}, "rules[0]: must be a table"),
            (table(fault="explode"), "fault: 'explode' is none of"),
            (table(at="sometimes"), "at: 'sometimes' is none of"),
            (table(nth="1"), "nth: '1' must be a whole number"),
            (table(nth=True), "nth: True must be a whole number"),
            (table(nth=0), "out of range"),
            (table(probability=2), "out of range"),
            (table(when=1), "when: unknown key"),
            (table(fault="duplicate"), "cannot strike at 'request'"),
            (table(fault="bust", at="event"), "cannot strike at 'event'"),
            (table(match=["new"]), "match: ['new'] must be text"),
            (table(fault=[]), "fault: [] must be text"),
            (table(fault={"kind": "mute"}), "must be text"),
            (table(at={"5": "event"}), "at: {'5': 'event'} must be text"),
            (table(at=None), "at: None must be text"),
            ({"schema": 1, "rules": [{}]}, "fault: is required and missing"),
            ({"schema": True, "rules": []}, "schema: True must be 1"),
            ({"schema": [1], "rules": []}, "schema: [1] must be 1"),
            (table(match="order"), "match='order' never happens at 'request'"),
            (table(match="new", at="connect", fault="banned"), "match='new' never happens at 'connect'"),
            (table(match="login", at="event", fault="gap"), "match='login' never happens at 'event'"),
            (table(seconds=-1), "seconds=-1 is out of range"),
            (table(seconds=1e9), "seconds=1000000000.0 is out of range"),
            (table(fault="split", at="venue", value="4"), "value='4' does not suit split: write for example '4:1'"),
            (table(fault="correct", at="venue"), "value='' does not suit correct"),
            (table(fault="manual_order", at="venue", value="buy AAPL"), "write for example 'buy 10 AAPL'"),
            (table(fault="symbol_change", at="venue"), "does not suit symbol_change"),
        ],
    )
    def test_fault_of_the_file(self, content, problem):
        with pytest.raises(ConfigError) as caught:
            parse_faults(content, source="f.toml")
        assert len(caught.value.problems) == 1 and problem in str(caught.value) and "f.toml" in str(caught.value)

    def test_every_kind_can_strike_somewhere(self):
        for kind in FaultKind:
            points = [at for at in FaultPoint if _takes(kind, at)]
            assert points, kind


VALUES = {
    FaultKind.CORRECT: "184.5",
    FaultKind.SPLIT: "4:1",
    FaultKind.MANUAL_ORDER: "buy 10 AAPL",
    FaultKind.SYMBOL_CHANGE: "META",
}


def _takes(kind, at):
    try:
        FaultInjector([Fault(kind, at, value=VALUES.get(kind, ""))])
    except ValidationError:
        return False
    return True


class TestInjector:
    def test_nth_and_count(self):
        faults = FaultInjector([Fault(FaultKind.RATE_LIMITED, match="new", nth=2, count=2)])
        names = ["new", "cancel", "new", "new", "new"]
        assert [faults.request(name) is not None for name in names] == [False, False, True, True, False]
        assert faults.struck == [("request", "new", "rate_limited")] * 2

    def test_points_do_not_mix(self):
        faults = FaultInjector([Fault(FaultKind.BLACK_HOLE, FaultPoint.CONNECT)])
        assert faults.request("new") is None and faults.event("new") is None and faults.connect() is not None

    def test_first_rule_wins_and_the_second_still_counts(self):
        faults = FaultInjector([Fault(FaultKind.BANNED), Fault(FaultKind.MALFORMED, nth=2)])
        assert [faults.request("new").kind for _ in range(2)] == [FaultKind.BANNED, FaultKind.MALFORMED]

    def test_chances_come_from_the_seed(self):
        def strikes(seed):
            faults = FaultInjector([Fault(FaultKind.BANNED, count=0, probability=0.3)], seed=seed)
            return [faults.request("new") is not None for _ in range(400)]

        assert strikes(1) == strikes(1) != strikes(2)
        assert 80 < sum(strikes(1)) < 160

    def test_heal(self):
        faults = FaultInjector([Fault(FaultKind.BANNED, count=0)])
        faults.clear()
        assert faults.request("new") is None


class TestBytes:
    def test_each_kind(self):
        payload = b'{"a":1}'
        pieces = {kind: bytes_under(Fault(kind), payload) for kind in FaultKind}
        assert b"".join(pieces[FaultKind.SLOW_TRICKLE]) == payload and len(pieces[FaultKind.SLOW_TRICKLE]) == 7
        assert pieces[FaultKind.TRUNCATED] == (b'{"a',)
        assert len(pieces[FaultKind.OVERSIZE][0]) > 16 * 2**20
        assert pieces[FaultKind.MALFORMED] != (payload,)
        assert pieces[FaultKind.BANNED] == (payload,)


class TestGate:
    @staticmethod
    def gate(kind, **options):
        now = [0.0]
        gate = EventGate(FaultInjector([Fault(kind, FaultPoint.EVENT, **options)]), monotonic_s=lambda: now[0])
        return gate, now

    def test_duplicate_and_gap(self):
        assert self.gate(FaultKind.DUPLICATE)[0].pass_on("new", 1) == [1, 1]
        assert self.gate(FaultKind.GAP)[0].pass_on("new", 1) == []

    def test_reorder_gives_up_its_event_when_asked(self):
        gate, _ = self.gate(FaultKind.REORDER)
        assert gate.pass_on("new", 1) == [] and gate.flush() == [1] and gate.flush() == []

    def test_mute_for_a_while_and_for_ever(self):
        gate, now = self.gate(FaultKind.MUTE, seconds=5.0)
        assert gate.pass_on("new", 1) == [] and gate.is_mute and gate.pass_on("new", 2) == []
        now[0] = 5.0
        assert gate.pass_on("new", 3) == [3]
        gate, now = self.gate(FaultKind.MUTE)
        gate.pass_on("new", 1)
        now[0] = 1e9
        assert gate.is_mute

    def test_kinds_of_bytes_are_left_to_the_venue(self):
        gate, _ = self.gate(FaultKind.MALFORMED)
        assert gate.pass_on("new", 1) == [1] and gate.last_fault.kind is FaultKind.MALFORMED
        assert gate.pass_on("new", 2) == [2] and gate.last_fault is None


class TestStrikes:
    @pytest.fixture
    def market(self):
        quotes = [Quote("AAPL", 99 * E9, 101 * E9, None, 0)]
        return PaperMarket([TradingRules("AAPL")], quotes=quotes, cash_e9={"USD": 10_000 * E9}, now_ns=VirtualClock())

    @staticmethod
    def order(market, units=5, price=100):
        return market.submit(
            "PAPER", Order(f"o{units}-{price}", "AAPL", Side.BUY, units * E9, OrderType.LIMIT, price * E9)
        )

    @staticmethod
    def strike(market, fault, event, clock=None, restart=None):
        strike_venue(fault, event, market, clock or VenueClock(), restart or (lambda: None))

    def test_cancel_races_fill(self, market):
        order = self.order(market)
        strike_order(Fault(FaultKind.CANCEL_RACES_FILL), market, order.number)
        assert market.cancel("PAPER", order.number).code == "order_closed"
        assert market.order(order.number).state is OrderState.FILLED

    def test_partial_then_disconnect(self, market):
        order = self.order(market)
        strike_order(Fault(FaultKind.PARTIAL_THEN_DISCONNECT), market, order.number)
        assert market.order(order.number).filled_quantity_e9 == 2 * E9
        strike_order(Fault(FaultKind.PARTIAL_THEN_DISCONNECT), market, 99)

    def test_clock_and_restart(self, market):
        clock, restarts = VenueClock(), []
        event = MarketEvent(1, 0, "PAPER", EventKind.NEW)
        self.strike(market, Fault(FaultKind.CLOCK_OFFSET, FaultPoint.VENUE, seconds=-10.0), event, clock=clock)
        self.strike(market, Fault(FaultKind.RESTART, FaultPoint.VENUE), event, restart=lambda: restarts.append(1))
        assert clock.offset_ns() == -10 * E9 and restarts == [1]

    @pytest.mark.parametrize(
        ("kind", "value", "holdings"),
        [
            (FaultKind.BUST, "", {}),
            (FaultKind.CORRECT, "100.5", {"AAPL": 5}),
            (FaultKind.MANUAL_ORDER, "buy 2 AAPL", {"AAPL": 7}),
            (FaultKind.SPLIT, "4:1", {"AAPL": 20}),
            (FaultKind.SYMBOL_CHANGE, "APPL", {"APPL": 5}),
        ],
    )
    def test_after_a_trade(self, market, kind, value, holdings):
        events = []
        market.listen("PAPER", events.append)
        self.order(market, 5, 101)
        self.strike(market, Fault(kind, FaultPoint.VENUE, match="trade", value=value), events[-1])
        assert {one.symbol: one.quantity_e9 // E9 for one in market.positions("PAPER")} == holdings
        assert market.ledger.imbalance() == {}

    def test_late_fill(self, market):
        events = []
        market.listen("PAPER", events.append)
        market.cancel("PAPER", self.order(market).number)
        self.strike(market, Fault(FaultKind.LATE_FILL, FaultPoint.VENUE, match="cancelled"), events[-1])
        assert market.order(1).state is OrderState.CANCELLED and market.order(1).filled_quantity_e9 == 5 * E9

    @pytest.mark.parametrize(
        ("kind", "value"),
        [(FaultKind.MANUAL_ORDER, "buy"), (FaultKind.SPLIT, "four"), (FaultKind.BUST, ""), (FaultKind.CORRECT, "1")],
    )
    def test_bad_value(self, market, kind, value):
        order = self.order(market)
        with pytest.raises(ValidationError):
            self.strike(
                market, Fault(kind, FaultPoint.VENUE, value=value), MarketEvent(1, 0, "PAPER", EventKind.NEW, order)
            )


@pytest.mark.parametrize("point", list(FaultPoint))
def test_the_page_lists_what_may_strike_where(point):
    page = (Path(__file__).parents[3] / "docs" / "venues.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith(f"| `{point.value}` | "))
    named = {word for word in re.findall(r"`(\w+)`", row) if word in {kind.value for kind in FaultKind}}
    assert named == {kind.value for kind in POINTS[point]}
