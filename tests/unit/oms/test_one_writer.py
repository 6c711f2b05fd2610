"""Two writers of one journal would send everything twice: whatever is done to lock and file, the second one stops."""

import os
import shutil

import pytest

from nanodesk.errors import JournalError, JournalLockedError
from nanodesk.oms.journal import Journal
from nanodesk.oms.journal_event import JournalEvent
from scripted_broker import an_order

NOTE = [JournalEvent("note", {"a": 1})]


def test_lock_file_that_was_removed(tmp_path):
    """Somebody tidied up: the second writer is let in, and the first can write nothing over what it wrote."""
    path = tmp_path / "orders.db"
    with Journal.open(path) as first:
        first.append(NOTE)
        (tmp_path / "orders.db.lock").unlink()
        with Journal.open(path) as second:
            second.append(NOTE)
            with pytest.raises(JournalError):
                first.append(NOTE)
            with pytest.raises(JournalError, match="nothing more is sent"):
                first.append(NOTE)
            assert second.append(NOTE)[0].sequence == 3
    with Journal.open(path, read_only=True) as reader:
        assert reader.verify().events == 3


def test_engine_whose_journal_has_another_writer_sends_nothing(tmp_path, make_engine, broker):
    path = tmp_path / "orders.db"
    with Journal.open(path) as first:
        engine = make_engine(first)
        engine.poll()
        (tmp_path / "orders.db.lock").unlink()
        with Journal.open(path) as second:
            second.append(NOTE)
            with pytest.raises(JournalError):
                engine.submit(an_order("a"))
    assert broker.sent == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_child_of_the_writer_writes_nothing(tmp_path):
    """A forked process has the same connection and the same lock; SQLite forbids to use either in both."""
    path = tmp_path / "orders.db"
    with Journal.open(path) as journal:
        journal.append(NOTE)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                journal.append(NOTE)
            except JournalError as error:
                code = 0 if "another process" in str(error) else 2
            finally:
                journal.close()
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with pytest.raises(JournalLockedError, match=f"process {os.getpid()}"):
            Journal.open(path)
        assert journal.append(NOTE)[0].sequence == 2
    with Journal.open(path, read_only=True) as reader:
        assert reader.verify().events == 2


def test_copy_that_was_made_while_it_was_written(tmp_path):
    """Without its write-ahead log a copy is older, and sound: what it lacks is asked of the venue."""
    path, copy = tmp_path / "orders.db", tmp_path / "copy" / "orders.db"
    copy.parent.mkdir()
    with Journal.open(path) as journal:
        journal.append(NOTE)
        journal.checkpoint(truncate=True)
        journal.append(NOTE)
        shutil.copy(path, copy)
    with Journal.open(copy) as older:
        assert older.verify().events == 1
