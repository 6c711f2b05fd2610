"""An engine over a scripted broker, on a clock that only sleeping moves."""

import pytest
from scripted_broker import FakeTime, ScriptedBroker

from nanodesk.oms.journal import Journal
from nanodesk.oms.order_engine import OrderEngine


@pytest.fixture
def broker():
    return ScriptedBroker()


@pytest.fixture
def clock():
    return FakeTime()


@pytest.fixture
def journal(tmp_path):
    with Journal.open(tmp_path / "orders.db") as journal:
        # These tests ask what is written and in which order; that it survives is asked elsewhere.
        journal._connection.execute("PRAGMA synchronous=OFF")
        yield journal


@pytest.fixture
def make_engine(broker, clock):
    def make(journal, **options):
        times = {"now_ns": clock.now_ns, "monotonic_s": clock.monotonic_s, "sleep": clock.sleep}
        return OrderEngine(broker, journal, **(times | options))

    return make


@pytest.fixture
def engine(make_engine, journal):
    return make_engine(journal)
