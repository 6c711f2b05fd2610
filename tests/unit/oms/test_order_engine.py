"""The engine over a scripted broker: intents, outcomes, fills, cancels, replaces, streams."""

import pytest

from nanodesk.market.fixed_point import E9
from nanodesk.market.order import OrderState
from nanodesk.oms.journal import Journal
from nanodesk.oms.order_engine import OrderEngine
from scripted_broker import PRICE, FakeTime, ScriptedBroker, an_order


@pytest.fixture
def broker():
    return ScriptedBroker()


@pytest.fixture
def clock():
    return FakeTime()


@pytest.fixture
def journal(tmp_path):
    with Journal.open(tmp_path / "orders.db") as journal:
        yield journal


@pytest.fixture
def engine(broker, journal, clock):
    return OrderEngine(broker, journal, now_ns=clock.now_ns, monotonic_s=clock.monotonic_s, sleep=clock.sleep)


class TestSubmit:
    def test_order_lives_from_intent_to_last_fill(self, engine, broker):
        engine.begin_run("r1")
        assert engine.submit(an_order("a")).state is OrderState.NEW
        broker.fill("a", 40, fee=1)
        (view,) = engine.poll()
        assert (view.state, view.cum_quantity_e9, view.leaves_quantity_e9) == (
            OrderState.PARTIALLY_FILLED, 40 * E9, 60 * E9,
        )  # fmt: skip
        broker.fill("a", 60, price=PRICE + 5, fee=2)
        (view,) = engine.poll()
        assert view.state is OrderState.FILLED and view.average_price_e9 == PRICE + 3
        assert view.fees == {"USD": 3 * E9} and view.run_id == "r1" and view.venue_order_id == "V1"
        assert engine.positions() == {"AAPL": 100 * E9}
        assert engine.open_orders() == () and engine.working() == ()

    def test_intent_is_durable_before_the_first_byte(self, engine, broker, journal):
        seen = []
        place = broker.submit
        broker.submit = lambda order: seen.append([event.kind for event in journal.read()]) or place(order)
        engine.submit(an_order("a"))
        assert seen == [["account_bound", "order_intent"]]
