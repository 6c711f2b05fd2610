"""One rebalance at a time."""

import fcntl
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from nanodesk.errors import DuplicateRunError
from nanodesk.rebalance.run_lock import current_holder, is_held, run_lock, start_ticks

HOLD = """
import sys, time
from pathlib import Path
from nanodesk.rebalance.run_lock import run_lock
with run_lock(Path(sys.argv[1]), now_ns=1, window_id="abc"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "run.lock")], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


class TestRunLock:
    def test_a_second_process_is_refused_and_told_who_works(self, tmp_path, other):
        with (
            pytest.raises(DuplicateRunError, match=rf"process {other.pid} .*window abc"),
            run_lock(tmp_path / "run.lock", now_ns=2),
        ):
            pass

    def test_who_holds_it(self, tmp_path, other):
        holder = current_holder(tmp_path / "run.lock")
        assert (holder.pid, holder.window_id, holder.is_alive) == (other.pid, "abc", True)
        assert not replace(holder, start_ticks=holder.start_ticks + 1).is_alive  # its number was given to another

    def test_a_killed_process_holds_nothing(self, tmp_path, other):
        other.kill()
        other.wait()
        assert current_holder(tmp_path / "run.lock") is None
        with run_lock(tmp_path / "run.lock", now_ns=time.time_ns()) as me:
            assert me.pid == os.getpid()

    def test_a_look_at_it_refuses_nobody(self, tmp_path):
        """A monitor that asks for the status must not make the nightly run give up."""
        path = tmp_path / "run.lock"
        path.touch(mode=0o600)
        handle = os.open(path, os.O_RDWR)
        fcntl.flock(handle, fcntl.LOCK_SH)
        threading.Timer(0.05, lambda: os.close(handle)).start()
        with run_lock(path, now_ns=1) as me:
            assert me.pid == os.getpid()

    def test_held_without_a_name(self, tmp_path):
        path = tmp_path / "run.lock"
        path.touch(mode=0o600)
        handle = os.open(path, os.O_RDWR)
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert is_held(path) and current_holder(path) is None
        with pytest.raises(DuplicateRunError, match="an unnamed process"), run_lock(path, now_ns=1):
            pass
        os.close(handle)
        assert not is_held(path)

    def test_free_again_after_the_block(self, tmp_path):
        for _ in range(2):
            with run_lock(tmp_path / "run.lock", now_ns=1):
                assert current_holder(tmp_path / "run.lock").pid == os.getpid()
        assert current_holder(tmp_path / "run.lock") is None
        assert current_holder(tmp_path / "none.lock") is None

    def test_mode_and_links(self, tmp_path):
        with run_lock(tmp_path / "run.lock", now_ns=1):
            assert (tmp_path / "run.lock").stat().st_mode & 0o777 == 0o600
        (tmp_path / "link.lock").symlink_to(tmp_path / "run.lock")
        with pytest.raises(OSError, match="symbolic links"), run_lock(tmp_path / "link.lock", now_ns=1):
            pass

    def test_start_of_a_process_that_is_not(self):
        assert start_ticks(2**22 + 1) == 0


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match=r"run\.lock") as caught, run_lock(tmp_path / "run.lock", now_ns=1):
        pass
    assert caught.value.filename == str(tmp_path / "run.lock")
