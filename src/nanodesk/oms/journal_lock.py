"""One writer for each journal: a lock on a file beside it, which the kernel frees when the process dies."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Final

from nanodesk.errors import JournalLockedError

_LONGEST_NOTE: Final = 512


class WriterLock:
    """An exclusive lock, held from construction to :meth:`release`.

    The file tells who holds it; the lock itself is the kernel's, so a note left by a dead process stops nobody.

    Parameters
    ----------
    path : Path
        Lock file; made with mode 0600.

    Raises
    ------
    JournalLockedError
        If another process, or another journal of this one, holds it.
    """

    def __init__(self, path: Path) -> None:
        import fcntl

        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _read_note(self._handle)
            os.close(self._handle)
            raise JournalLockedError(
                f"{path.with_suffix('')} is being written by {holder}.",
                field="journal",
                value=str(path),
                fix="Wait for it to end, or name another journal.",
            ) from error
        note = json.dumps({"pid": os.getpid(), "started_ns": process_start_ns()})
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, note.encode(), 0)

    def release(self) -> None:
        """Let the next writer in; safe to call twice."""
        if self._handle >= 0:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = -1


def process_start_ns() -> int:
    """When this process began, nanoseconds since 1970.

    Returns
    -------
    started_ns : int
        To the kernel's tick; now, where the kernel does not tell.
    """
    try:
        # Field 22 of proc(5) stat, counted behind the name in brackets, which may hold spaces.
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        lines = Path("/proc/stat").read_text().splitlines()
        boot_s = next(int(line.split()[1]) for line in lines if line.startswith("btime"))
        return boot_s * 10**9 + ticks * 10**9 // os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, StopIteration):
        return time.time_ns()


def _read_note(handle: int) -> str:
    try:
        note = json.loads(os.pread(handle, _LONGEST_NOTE, 0))
        started = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(int(note["started_ns"]) // 10**9))
        return f"process {int(note['pid'])} (started {started} UTC)"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
