"""An engine over a scripted broker, on a clock that only sleeping moves."""

import shutil
import tempfile
from pathlib import Path

import pytest

from nanodesk.oms.journal import Journal
from nanodesk.oms.order_engine import OrderEngine
from scripted_broker import FakeTime, ScriptedBroker


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


@pytest.fixture
def memory_path(tmp_path):
    """A folder in memory where there is one: for tests that open thousands of files."""
    if not Path("/dev/shm").is_dir():  # noqa: S108
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder)
