"""One rebalance at a time: a lock that the kernel frees, and a note of who holds it.

The lock is the kernel's, so a process that died holds nothing whatever its note says. The note names process, start
time and window, so that `kill` signals the process that rebalances and not another one that got its number.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from nanodesk.errors import DuplicateRunError

_LONGEST_NOTE: Final = 1024
_LONGEST_LOOK_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class RunHolder:
    """Who rebalances now.

    Parameters
    ----------
    pid : int
        Process.
    start_ticks : int
        When the kernel started it, in its ticks; 0 where the kernel does not tell.
    since_ns : int
        When it took the lock, nanoseconds since 1970.
    window_id : str
        What it works on; empty for other commands.
    """

    pid: int
    start_ticks: int
    since_ns: int
    window_id: str = ""

    @property
    def is_alive(self) -> bool:
        """Whether the process that wrote the note still runs."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return not self.start_ticks or start_ticks(self.pid) in (0, self.start_ticks)

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(self.since_ns // 10**9))
        return f"process {self.pid} (since {since} UTC{', window ' + self.window_id[:12] if self.window_id else ''})"


def start_ticks(pid: int) -> int:
    """When the kernel started a process.

    Parameters
    ----------
    pid : int
        Process.

    Returns
    -------
    ticks : int
        Field 22 of ``/proc/<pid>/stat``; 0 where it cannot be read.
    """
    try:
        # Counted behind the name in brackets, which may hold spaces.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


@contextmanager
def run_lock(path: Path, *, now_ns: int, window_id: str = "") -> Iterator[RunHolder]:
    """Hold the lock for a block.

    Parameters
    ----------
    path : Path
        Lock file; made with mode 0600, and left behind empty.
    now_ns : int
        Wall clock.
    window_id : str, default ""
        What is worked on.

    Yields
    ------
    holder : RunHolder
        This process.

    Raises
    ------
    DuplicateRunError
        If another process holds it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _take(handle)
        me = RunHolder(os.getpid(), start_ticks(os.getpid()), now_ns, window_id)
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(asdict(me)).encode(), 0)
        except OSError as error:  # a full disk, and by its number alone nobody knows which
            raise OSError(error.errno, error.strerror, str(path)) from error
        try:
            yield me
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _take(handle: int) -> None:
    import fcntl

    until_s = time.monotonic() + _LONGEST_LOOK_S
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _read(handle)
            # Who looks at the lock holds it for an instant, without a note.
            if holder is not None or time.monotonic() > until_s:
                raise DuplicateRunError(
                    f"another rebalance is under way: {holder or 'an unnamed process'}.",
                    field="run",
                    value=None if holder is None else holder.pid,
                    fix="Wait for it, or stop it with `nanodesk rebalance kill`.",
                ) from error
        time.sleep(_LONGEST_LOOK_S / 50)


def current_holder(path: Path) -> RunHolder | None:
    """Who holds the lock now.

    Parameters
    ----------
    path : Path
        Lock file.

    Returns
    -------
    holder : RunHolder or None
        ``None`` when nobody does, or the note cannot be read.
    """
    return _probed(path)[1]


def is_held(path: Path) -> bool:
    """Whether a process holds the lock, named or not: its note is empty for a moment before and after.

    Parameters
    ----------
    path : Path
        Lock file.

    Returns
    -------
    is_held : bool
        As the kernel says.
    """
    return _probed(path)[0]


def _probed(path: Path) -> tuple[bool, RunHolder | None]:
    import fcntl

    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False, None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared, so that two who look do not meet
    except OSError:
        return True, _read(handle)
    finally:
        os.close(handle)
    return False, None


def _read(handle: int) -> RunHolder | None:
    try:
        note = json.loads(os.pread(handle, _LONGEST_NOTE, 0))
        return RunHolder(int(note["pid"]), int(note["start_ticks"]), int(note["since_ns"]), str(note["window_id"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
