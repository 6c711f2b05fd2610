"""A Hypothesis state machine drives the compiled exchange and the naive one side by side."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from nanodesk.market.instrument import Instrument
from reference.book_comparison import Pair

SIDES = st.sampled_from(("buy", "sell"))
PRICES = st.integers(95, 105)
QUANTITIES = st.integers(1, 12)
IDS = st.integers(1, 30)
TIFS = st.sampled_from(("gtc", "ioc", "fok"))
OWNERS = {"owner": st.integers(1, 2)}
SELF_TRADE = st.sampled_from(("off", "cancel_newest", "cancel_oldest", "cancel_both", "decrement"))
RESTING = st.fixed_dictionaries({}, optional={"post_only": st.booleans(), "display": st.integers(1, 12), **OWNERS})
TAKING = st.fixed_dictionaries({**OWNERS, "self_trade": SELF_TRADE}, optional={"reduce_only": st.booleans()})
TRAILS = st.one_of(
    st.tuples(st.just("fixed"), st.integers(1, 4), st.none()),
    st.tuples(st.just("percentage"), st.sampled_from((0.01, 0.03, 1.0)), st.none()),
    st.tuples(st.sampled_from(("sma_abs_change", "wilder_atr")), st.sampled_from((0.5, 1.5)), st.integers(1, 4)),
)


class TwoBooks(RuleBasedStateMachine):
    """Every rule is one command, given to both books."""

    driver: type

    @initialize(
        matching=st.sampled_from(("price_time", "pro_rata", "split")),
        top_order=st.booleans(),
        cascade_limit=st.integers(1, 4),
        lot=st.integers(1, 3),
    )
    def start(self, matching, top_order, cascade_limit, lot):
        instrument = Instrument("TEST", lot_size=lot)
        configuration = {"matching": matching, "top_order": top_order, "cascade_limit": cascade_limit}
        self.lot = lot
        self.pair = Pair(self.driver, {"instrument": instrument, **configuration})

    def do(self, *command):
        found = self.pair.apply(command, with_snapshot=True)
        assert found is None, str(found)

    @property
    def phase(self):
        return self.pair.reference.book.phase

    @rule(side=SIDES, price=PRICES, lots=QUANTITIES, options=RESTING)
    def rest(self, side, price, lots, options):
        if "display" in options:
            options = {**options, "display": options["display"] * self.lot}
        self.do("limit", side, price, lots * self.lot, "gtc", options)

    @rule(side=SIDES, price=PRICES, lots=QUANTITIES, tif=TIFS, options=TAKING)
    def take(self, side, price, lots, tif, options):
        self.do("limit", side, price, lots * self.lot, tif, options)

    @rule(side=SIDES, lots=QUANTITIES)
    def market(self, side, lots):
        self.do("market", side, lots * self.lot, {})

    @rule(order_id=IDS)
    def cancel(self, order_id):
        self.do("cancel", order_id)

    @rule(order_id=IDS, lots=QUANTITIES)
    def reduce(self, order_id, lots):
        self.do("reduce", order_id, lots * self.lot)

    @rule(order_id=IDS, price=PRICES, lots=QUANTITIES)
    def modify(self, order_id, price, lots):
        self.do("modify", order_id, price, lots * self.lot)

    @rule(side=SIDES, stop=PRICES, limit=PRICES, lots=QUANTITIES, tif=TIFS)
    def stop_limit(self, side, stop, limit, lots, tif):
        self.do("stop_limit", side, stop, limit, lots * self.lot, tif, {})

    @rule(side=SIDES, stop=PRICES, lots=QUANTITIES, options=TAKING)
    def stop_market(self, side, stop, lots, options):
        self.do("stop_market", side, stop, lots * self.lot, options)

    @rule(side=SIDES, stop=PRICES, lots=QUANTITIES, trail=TRAILS)
    def trailing(self, side, stop, lots, trail):
        self.do("trail_market", side, stop, lots * self.lot, *trail, {})

    @rule(side=SIDES, price=PRICES, away=st.integers(1, 4), lots=QUANTITIES, kind=st.sampled_from(("oco", "ouo")))
    def bracket(self, side, price, away, lots, kind):
        sign = 1 if side == "buy" else -1
        profit, loss = price + sign * away, price - sign * away
        self.do("bracket", side, price, lots * self.lot, profit, loss, {"contingency": kind})

    @rule(kind=st.sampled_from(("oco", "ouo")), ids=st.lists(IDS, min_size=2, max_size=3))
    def link(self, kind, ids):
        self.do("link", kind, tuple(ids))

    @rule(side=SIDES, reference=st.sampled_from(("bid", "ask", "mid")), lots=QUANTITIES, offset=st.integers(-3, 3))
    def pegged(self, side, reference, lots, offset):
        self.do("pegged", side, reference, lots * self.lot, offset, {})

    @rule(owner=st.integers(1, 2), quantity=st.integers(-30, 30))
    def position(self, owner, quantity):
        self.do("position", owner, quantity)

    @rule(low=st.one_of(st.none(), st.integers(94, 99)), high=st.one_of(st.none(), st.integers(101, 106)))
    def band(self, low, high):
        self.do("band", low, high)

    @precondition(lambda self: self.phase == "continuous")
    @rule()
    def auction(self):
        self.do("start_auction")

    @precondition(lambda self: self.phase == "auction")
    @rule(reference=st.one_of(st.none(), PRICES))
    def uncross(self, reference):
        self.do("uncross", reference)

    @precondition(lambda self: self.phase == "continuous")
    @rule()
    def halt(self):
        self.do("halt")

    @precondition(lambda self: self.phase != "continuous")
    @rule()
    def resume(self):
        self.do("resume")

    @rule()
    def forget(self):
        self.do("clear_order_history")


def test_two_books_agree():
    driver = pytest.importorskip("reference.exchange_driver").Driver
    machine = type("EngineAndReference", (TwoBooks,), {"driver": driver, "TestCase": None})
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(machine, settings=settings(max_examples=60, stateful_step_count=60, deadline=None))
