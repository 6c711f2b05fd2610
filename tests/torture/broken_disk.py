"""A disk that fails from a chosen step on: full, broken, or limited by the kernel."""

from __future__ import annotations

import resource
import signal
import sqlite3
from typing import Any

from nanodesk.oms.journal import Journal

HOWS = ("full", "io_error", "size_limit")


class BrokenDisk:
    """Fails every commit and checkpoint after the ``nth`` time that ``step`` was reached.

    ``full`` and ``io_error`` are what SQLite raises then; ``size_limit`` lets no file grow (``RLIMIT_FSIZE``), so the
    failing is the kernel's and SQLite's own.
    """

    def __init__(self, step: str, nth: int, how: str) -> None:
        self.step, self.nth, self.how = step, nth, how
        self.is_broken = False

    def open(self, journal: Journal) -> None:
        """Put this disk under a journal."""
        journal._connection = _Connection(journal._connection, self)

    def reached(self, step: str, count: int) -> None:
        """Break when it is time."""
        if (step, count) != (self.step, self.nth) or self.is_broken:
            return
        self.is_broken = True
        if self.how == "size_limit":
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    def mend(self) -> None:
        """Let files grow again."""
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

    def before(self, statement: str) -> None:
        """Refuse what has to reach the disk."""
        if self.is_broken and self.how != "size_limit" and ("COMMIT" in statement or "checkpoint" in statement):
            raise sqlite3.OperationalError("database or disk is full" if self.how == "full" else "disk I/O error")


class _Connection:
    def __init__(self, inner: sqlite3.Connection, disk: BrokenDisk) -> None:
        self._inner, self._disk = inner, disk

    def execute(self, statement: str, *values: Any) -> Any:
        self._disk.before(statement)
        return self._inner.execute(statement, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
