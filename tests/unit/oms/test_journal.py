"""The journal: durable, exactly once, one writer, closed to others, and silent after a fault."""

import json
import os
import sqlite3
import stat
import subprocess
import sys

import pytest

from nanodesk.errors import JournalDamagedError, JournalError, JournalLockedError, ValidationError
from nanodesk.oms.journal import Journal
from nanodesk.oms.journal_event import JournalEvent, canonical_json


def note(number):
    return JournalEvent("note", {"number": number, "text": "x" * 30})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "orders.db"


class TestAppend:
    def test_gives_back_what_was_written(self, path):
        with Journal.open(path, now_ns=lambda: 7) as journal:
            stored = journal.append([note(1), JournalEvent("order_intent", {"a": [1, None, "ü"]}, "c1")])
            assert list(journal.read()) == list(stored) and journal.sequence == 2
            assert stored[1].payload == {"a": [1, None, "ü"]} and stored[1].ts_ns == 7
            assert list(journal.read(after=1)) == [stored[1]]

    def test_survives_closing(self, path):
        with Journal.open(path) as journal:
            journal.append([note(1)])
            head = journal.head_hash
        with Journal.open(path) as journal:
            journal.append([note(2)])
            assert journal.verify().events == 2
            assert next(iter(journal.read())).hash == head

    def test_all_or_none(self, path):
        with Journal.open(path) as journal:
            with pytest.raises(ValidationError):
                journal.append([note(1), JournalEvent("note", {"price": 1.5})])
            assert journal.sequence == 0 and journal.append([note(1)])[0].sequence == 1

    def test_an_execution_is_booked_once(self, path):
        fill = JournalEvent("order_filled", {}, "c", "binance", "A", "E1")
        with Journal.open(path) as journal:
            journal.append([fill])
            assert [event.kind for event in journal.find_execution("binance", "A", "E1")] == ["order_filled"]
            assert journal.find_execution("binance", "B", "E1") == ()
            with pytest.raises(JournalError, match="UNIQUE"):
                journal.append([fill])

    def test_what_was_looked_up_follows_its_revisions(self, path):
        def booking(kind, revision):
            return JournalEvent(kind, {"n": revision}, "c", "binance", "A", "E1", revision)

        with Journal.open(path) as journal:
            assert journal.find_execution("binance", "A", "E1") == ()
            late = journal.append([booking("execution_corrected", 1)])
            assert journal.find_execution("binance", "A", "E1") == late
            first = journal.append([booking("execution_superseded", 0)])
            assert journal.find_execution("binance", "A", "E1") == (*first, *late)
        with Journal.open(path, read_only=True) as journal:
            assert journal.find_execution("binance", "A", "E1") == (*first, *late)

    def test_an_intent_is_written_once(self, path):
        with Journal.open(path) as journal:
            journal.append([JournalEvent("order_intent", {}, "c")])
            with pytest.raises(JournalError, match="UNIQUE"):
                journal.append([JournalEvent("order_intent", {}, "c")])

    @pytest.mark.parametrize(
        "payload",
        [
            {"a": 1.5}, {"a": float("nan")}, {1: 2}, {"a": {1, 2}}, {"a": b"x"}, {"a": [[[]]] * 3 + [1.0]},
            {"a": "x" * (4 << 20)},
        ],
    )  # fmt: skip
    def test_payload_that_is_not_exact_is_refused(self, payload):
        with pytest.raises(ValidationError, match="payload"):
            canonical_json(payload)

    def test_deep_payload_is_refused(self):
        deep = []
        for _ in range(10_000):
            deep = [deep]
        with pytest.raises(ValidationError, match="levels"):
            canonical_json({"a": deep})

    @pytest.mark.parametrize("event", [
        JournalEvent("Note", {}), JournalEvent("", {}), JournalEvent("n" * 49, {}), JournalEvent("note", {}, "a\nb"),
        JournalEvent("note", {}, "a" * 129), JournalEvent("order_filled", {}, "a", "v", "a", "\ud800"),
    ])  # fmt: skip
    def test_bad_names_are_refused(self, path, event):
        with Journal.open(path) as journal, pytest.raises(ValidationError):
            journal.append([event])

    def test_steps_are_inside_the_transaction(self, path):
        seen = []

        def reached(step):
            with Journal.open(path, read_only=True) as reader:
                seen.append((step, len(list(reader.read()))))

        with Journal.open(path, reached=reached) as journal:
            journal.append([note(1)], inside="intent.inside")
        assert seen == [("intent.inside", 0)]


class TestFault:
    """After a failed write nothing more is written, so nothing is sent."""

    def test_full_disk(self, path):
        with Journal.open(path) as journal:
            journal.append([note(1)])
            journal._connection.execute("PRAGMA max_page_count=8")
            with pytest.raises(JournalError, match="full"):
                journal.append([note(i) for i in range(2_000)])
            journal._connection.execute("PRAGMA max_page_count=100000")
            with pytest.raises(JournalError, match="nothing more is sent"):
                journal.append([note(2)])
            assert "full" in journal.fault and not isinstance(journal.fault, JournalDamagedError)
        with Journal.open(path) as journal:
            assert journal.verify().events == 1 and journal.append([note(2)])

    def test_write_that_the_system_refuses(self, path):
        code = """
import resource, signal, sys
from nanodesk.oms.journal import Journal
from nanodesk.oms.journal_event import JournalEvent
from nanodesk.errors import JournalError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal.open(sys.argv[1])
journal.append([JournalEvent("note", {"n": 0})])
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
done = 0
try:
    for n in range(1_000):
        journal.append([JournalEvent("note", {"n": n})])
        done = n + 1
except JournalError as error:
    print(done, journal.fault != "")
"""
        ran = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=60)
        done, is_poisoned = ran.stdout.split()
        assert is_poisoned == "True" and int(done) > 0
        with Journal.open(path) as journal:
            assert journal.verify().events == int(done) + 1

    def test_step_that_raises(self, path):
        def reached(step):
            raise RuntimeError(step)

        with Journal.open(path, reached=reached) as journal:
            with pytest.raises(RuntimeError, match="inside"):
                journal.append([note(1)], inside="ack.inside")
            with pytest.raises(JournalError, match="RuntimeError"):
                journal.append([note(1)])


class TestOneWriter:
    def test_second_in_this_process_is_refused(self, path):
        with Journal.open(path), pytest.raises(JournalLockedError, match=f"process {os.getpid()} \\(started 20"):
            Journal.open(path)
        Journal.open(path).close()

    def test_second_process_is_refused_and_a_dead_one_is_not_waited_for(self, path):
        code = "import sys\nfrom nanodesk.oms.journal import Journal\nj = Journal.open(sys.argv[1])\n"
        code += "print(1, flush=True)\ninput()"
        child = subprocess.Popen(
            [sys.executable, "-c", code, path], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
        )
        child.stdout.readline()
        with pytest.raises(JournalLockedError, match=str(child.pid)):
            Journal.open(path)
        child.kill()
        child.communicate()
        with Journal.open(path) as journal:
            journal.append([note(1)])

    def test_readers_are_let_in(self, path):
        with Journal.open(path) as journal:
            journal.append([note(1)])
            with Journal.open(path, read_only=True) as reader:
                journal.append([note(2)])
                assert [event.sequence for event in reader.read()] == [1, 2] and reader.verify().events == 2
                with pytest.raises(JournalError, match="reading only"):
                    reader.append([note(3)])


class TestFiles:
    def test_are_closed_to_others(self, tmp_path):
        path = tmp_path / "new" / "logs" / "orders.db"
        with Journal.open(path) as journal:
            journal.append([note(1)])
            journal.snapshot(path.with_name("copy.db"))
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        assert set(modes.values()) == {0o600} and {"orders.db-wal", "orders.db.lock", "copy.db"} <= set(modes)
        assert stat.S_IMODE(path.with_name("orders.db.seal").stat().st_mode) == 0o600

    def test_link_is_refused(self, path, tmp_path):
        path.symlink_to(tmp_path / "elsewhere.db")
        with pytest.raises(JournalError, match="symbolic link"):
            Journal.open(path)

    @pytest.mark.parametrize("content", [b"", b"not a database, but some text that is long enough" * 50])
    def test_file_that_is_no_journal(self, path, content):
        path.write_bytes(content)
        if not content:
            Journal.open(path).close()
            return
        with pytest.raises(JournalDamagedError):
            Journal.open(path)
        assert path.read_bytes() == content

    def test_database_of_another_program(self, path):
        with sqlite3.connect(path) as other:
            other.execute("create table t (x)")
        other.close()
        with pytest.raises(JournalDamagedError, match="another program"):
            Journal.open(path)

    def test_missing_file_is_not_made_by_a_reader(self, path):
        with pytest.raises(JournalError, match="does not exist"):
            Journal.open(path, read_only=True)
        assert not path.exists()

    @pytest.mark.parametrize("read_only", [True, False])
    def test_newer_schema_stops(self, path, read_only):
        Journal.open(path).close()
        (path.parent / "orders.db.seal").unlink()
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version=2")
        connection.close()
        with pytest.raises(JournalError, match="schema 2") as caught:
            Journal.open(path, read_only=read_only)
        assert not isinstance(caught.value, JournalDamagedError)

    def test_newer_event_stops(self, path, monkeypatch):
        with Journal.open(path) as journal:
            journal.append([note(1)])
            monkeypatch.setattr("nanodesk.oms.journal.EVENT_VERSION", 2)
            journal.append([note(2)])
            with pytest.raises(JournalError, match="event 2 has version 2"):
                list(journal.read())

    def test_settings(self, path):
        with Journal.open(path) as journal:
            ask = lambda name: journal._connection.execute(f"PRAGMA {name}").fetchone()[0]  # noqa: E731
            assert (ask("journal_mode"), ask("synchronous"), ask("trusted_schema")) == ("wal", 2, 0)
            assert ask("application_id") == 0x6E646A31 and ask("user_version") == 1

    def test_snapshot_while_in_use(self, path, tmp_path):
        with Journal.open(path) as journal:
            journal.append([note(i) for i in range(500)])
            journal.snapshot(tmp_path / "snapshot.db")
            journal.append([note(1)])
        with Journal.open(tmp_path / "snapshot.db", read_only=True) as copy:
            assert copy.verify().events == 500

    def test_crash_leaves_no_seal_and_no_reason_to_complain(self, path):
        code = """
import os, sys
from nanodesk.oms.journal import Journal
from nanodesk.oms.journal_event import JournalEvent
journal = Journal.open(sys.argv[1])
journal.append([JournalEvent("note", {"n": 1})])
os.kill(os.getpid(), 9)
"""
        subprocess.run([sys.executable, "-c", code, path], timeout=60)
        assert not path.with_name("orders.db.seal").exists()
        with Journal.open(path) as journal:
            assert journal.verify().events == 1

    def test_lock_file_tells_who_writes(self, path):
        with Journal.open(path):
            note = json.loads(path.with_name("orders.db.lock").read_text())
            assert note["pid"] == os.getpid() and note["started_ns"] > 10**18
        assert path.with_name("orders.db.lock").read_text() == ""
