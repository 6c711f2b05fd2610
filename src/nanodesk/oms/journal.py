"""The durable memory of order management: an append-only chain of events in one SQLite file.

Write-ahead log, every commit synced, one writer. What :meth:`Journal.append` has returned from survives the death of
the process and of the machine. A failed write poisons the journal: nothing more is written, so nothing is sent.
"""

from __future__ import annotations

import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from nanodesk.atomic_file import replacing
from nanodesk.brokers.base import Clock, Reached, nothing_reached
from nanodesk.errors import JournalDamagedError, JournalError
from nanodesk.oms.journal_event import (
    EVENT_VERSION,
    JournalEvent,
    StoredEvent,
    canonical_json,
    first_hash,
    next_hash,
    parsed,
    require_known_version,
    require_names,
)
from nanodesk.oms.journal_lock import WriterLock
from nanodesk.oms.journal_seal import break_seal, check_seal, sync_folder, write_seal
from nanodesk.oms.journal_wal import check_wal_tail

APPLICATION_ID: Final = 0x6E64_6A31
"""``ndj1`` in the header of the file."""

SCHEMA_VERSION: Final = 1
DEFAULT_JOURNAL: Final = Path("logs/orders.db")
LARGEST_BATCH: Final = 100_000
MOST_REMEMBERED: Final = 2_000
"""Executions that are looked up without asking the file."""


_SCHEMA = """
CREATE TABLE head (
  one INTEGER PRIMARY KEY CHECK (one = 1), identity TEXT NOT NULL, created_ns INTEGER NOT NULL,
  sequence INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
CREATE TABLE events (
  sequence INTEGER PRIMARY KEY, ts_ns INTEGER NOT NULL, version INTEGER NOT NULL, kind TEXT NOT NULL,
  client_order_id TEXT NOT NULL, venue TEXT NOT NULL, account TEXT NOT NULL, execution_id TEXT NOT NULL,
  revision INTEGER NOT NULL, payload BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
CREATE UNIQUE INDEX one_booking ON events (execution_id, account, venue, revision) WHERE execution_id <> '';
CREATE UNIQUE INDEX one_intent ON events (client_order_id) WHERE kind = 'order_intent';
"""
_COLUMNS = "sequence, ts_ns, version, kind, client_order_id, venue, account, execution_id, revision, payload, hash"
_SETTINGS = ("synchronous=FULL", "fullfsync=ON", "foreign_keys=ON", "trusted_schema=OFF", "cell_size_check=ON")
_PAGES_A_STEP = 256
_ROWS_A_READ = 1024


@dataclass(frozen=True, slots=True)
class JournalCheck:
    """What a check of a whole journal found sound.

    Parameters
    ----------
    events : int
        How many there are.
    head_hash : str
        Hash of the last, hexadecimal; the same journal has the same.
    is_sealed : bool
        Whether the file was closed in order, and every byte of it checked.
    """

    events: int
    head_hash: str
    is_sealed: bool


class Journal:
    """An append-only store of events; made by :meth:`open`.

    Parameters
    ----------
    path : Path
        The database.
    connection : sqlite3.Connection
        To it.
    lock : WriterLock or None
        Held while it is open for writing.
    reached : callable
        Called with the name of each step.
    now_ns : callable
        Clock of the events.

    Attributes
    ----------
    identity : str
        Name of this journal, made when it was created.
    commits : int
        Synced transactions since it was opened.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, lock: WriterLock | None, reached: Reached, now_ns: Clock
    ) -> None:
        self.path = path
        self.commits = 0
        self._connection = connection
        self._lock = lock
        self._pid = os.getpid()
        self._reached = reached
        self._now_ns = now_ns
        self._fault = ""
        self._booked: dict[tuple[str, str, str], tuple[StoredEvent, ...]] = {}
        self.identity, self._created_ns, self._sequence, self._hash = self._read_head()

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        reached: Reached = nothing_reached,
        now_ns: Clock = time.time_ns,
        read_only: bool = False,
    ) -> Self:
        """Open a journal, or make one.

        Parameters
        ----------
        path : str or Path
            The database; a missing folder is made with mode 0700, the file has 0600. Never on a network file system.
        reached : callable, optional
            Called with the name of each step, inside the transactions too.
        now_ns : callable, default time.time_ns
            Clock of the events.
        read_only : bool, default False
            Take no lock and change nothing; a writer may be at work.

        Returns
        -------
        journal : Journal
            To be closed, or used in ``with``.

        Raises
        ------
        JournalLockedError
            If another process writes it.
        JournalDamagedError
            If the file is no sound journal.
        JournalError
            If it cannot be opened, is a link, or is of a newer schema.
        """
        path = Path(path)
        if path.is_symlink() or path.parent.is_symlink():
            raise JournalError(
                f"{path} is a symbolic link, or lies in one.", field="journal", value=str(path), fix="Name the file."
            )
        if read_only:
            return cls._open_reader(path, reached, now_ns)
        lock: WriterLock | None = None
        try:
            if not path.parent.exists():
                path.parent.mkdir(mode=0o700, parents=True)
            lock = WriterLock(path.with_name(path.name + ".lock"))
            return cls._open_writer(path, lock, reached, now_ns)
        except BaseException as error:
            if lock is not None:
                lock.release()
            raise _translated(error, path) from error

    @classmethod
    def _open_writer(cls, path: Path, lock: WriterLock, reached: Reached, now_ns: Clock) -> Self:
        check_seal(path)
        break_seal(path)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
        connection = sqlite3.connect(path, isolation_level=None, timeout=5.0)
        try:
            for setting in _SETTINGS:
                connection.execute(f"PRAGMA {setting}")
            check_wal_tail(path, _head_page(connection))
            if connection.execute("PRAGMA application_id").fetchone()[0] == 0:
                _create(connection, path, now_ns())
            journal = cls(path, connection, lock, reached, now_ns)
            journal._check_last()
        except BaseException:
            connection.close()
            raise
        return journal

    @classmethod
    def _open_reader(cls, path: Path, reached: Reached, now_ns: Clock) -> Self:
        if not path.is_file():
            what = "is no file" if path.exists() else "does not exist"
            raise JournalError(
                f"{path} {what}.",
                field="journal",
                value=str(path),
                fix="Name the journal of a run, by default orders.db in its logging.dir.",
            )
        connection = None
        try:
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
            connection.execute("PRAGMA trusted_schema=OFF")
            return cls(path, connection, None, reached, now_ns)
        except BaseException as error:
            if connection is not None:
                connection.close()
            raise _translated(error, path) from error

    @classmethod
    def restore(
        cls, path: str | Path, identity: str, created_ns: int, events: Iterable[StoredEvent]
    ) -> tuple[int, bytes]:
        """Make a new journal that holds events of an old one, with its chain.

        Parameters
        ----------
        path : str or Path
            Must not exist.
        identity : str
            Name of the old journal.
        created_ns : int
            When that was made.
        events : iterable of StoredEvent
            From its first event on, without gaps.

        Returns
        -------
        sequence : int
            Number of the last.
        head_hash : bytes
            Its hash.

        Raises
        ------
        JournalError
            If the path exists, or the disk refuses.
        """
        if Path(path).exists():
            raise JournalError(f"{path} exists.", field="journal", value=str(path), fix="Name a new file.")
        with cls.open(path) as journal:
            connection = journal._connection
            connection.execute("BEGIN IMMEDIATE")
            sequence, head = 0, first_hash(identity, created_ns)
            for event in events:
                row = (*event[:9], canonical_json(event.payload), event.hash)
                connection.execute(f"INSERT INTO events ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)", row)  # noqa: S608
                sequence, head = event.sequence, event.hash
            connection.execute(
                "UPDATE head SET identity = ?, created_ns = ?, sequence = ?, hash = ?",
                (identity, created_ns, sequence, head),
            )
            connection.execute("COMMIT")
        return sequence, head

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def sequence(self) -> int:
        """Number of the last event, 0 before the first."""
        return self._sequence

    @property
    def head_hash(self) -> bytes:
        """Hash of the last event."""
        return self._hash

    @property
    def created_ns(self) -> int:
        """When the journal was made, nanoseconds since 1970."""
        return self._created_ns

    @property
    def fault(self) -> str:
        """Why nothing more is written; empty while all is well."""
        return self._fault

    def append(self, events: Sequence[JournalEvent], *, inside: str = "") -> tuple[StoredEvent, ...]:
        """Write events, all or none, and return when they are on disk.

        Parameters
        ----------
        events : sequence of JournalEvent
            At most 100 000.
        inside : str, default ""
            Name of a step to call ``reached`` with, after the writing and before the commit.

        Returns
        -------
        stored : tuple of StoredEvent
            The same, with sequence and hash.

        Raises
        ------
        ValidationError
            If an event cannot be written; nothing is, and the journal stays sound.
        JournalError
            If the disk refuses, or has refused before: open the journal again once the cause is gone.
        """
        self._require_writable()
        if not events:
            return ()
        if len(events) > LARGEST_BATCH:
            raise JournalError(f"{len(events)} events in one batch, at most {LARGEST_BATCH}.", field="events")
        stored, rows = self._link(events)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(f"INSERT INTO events ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows)  # noqa: S608
            last = stored[-1]
            self._connection.execute("UPDATE head SET sequence = ?, hash = ?", (last.sequence, last.hash))
            if inside:
                self._reached(inside)
            self._connection.execute("COMMIT")
        except BaseException as error:
            self._poison(error)
            raise _translated(error, self.path) from error
        self._sequence, self._hash = last.sequence, last.hash
        self._remember(stored)
        self.commits += 1
        return tuple(stored)

    def _link(self, events: Sequence[JournalEvent]) -> tuple[list[StoredEvent], list[tuple[Any, ...]]]:
        stored, rows = [], []
        sequence, previous, ts_ns = self._sequence, self._hash, self._now_ns()
        for event in events:
            require_names(event)
            payload = canonical_json(event.payload)
            sequence += 1
            names = (event.kind, event.client_order_id, event.venue, event.account, event.execution_id, event.revision)
            previous = next_hash(previous, sequence, ts_ns, EVENT_VERSION, *names, payload)
            rows.append((sequence, ts_ns, EVENT_VERSION, *names, payload, previous))
            # What is folded live is what a replay will read: the payload goes through its bytes.
            stored.append(StoredEvent(sequence, ts_ns, EVENT_VERSION, *names, parsed(payload), previous))
        return stored, rows

    def _poison(self, error: BaseException) -> None:
        self._fault = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            pass  # The file is left as the crash would leave it; opening it again rolls back.

    def _require_writable(self) -> None:
        if self._lock is None:
            raise JournalError(f"{self.path} is open for reading only.", field="journal", value=str(self.path))
        if self._pid != os.getpid():
            raise JournalError(
                f"{self.path} was opened by another process ({self._pid}), of which this one is a fork.",
                field="journal",
                value=str(self.path),
                fix="Open it where it is written.",
            )
        if self._fault:
            raise JournalError(
                f"{self.path} could not be written ({self._fault}); nothing more is sent.",
                field="journal",
                value=str(self.path),
                fix="Free the disk, then start again: recovery goes on from the last durable event.",
            )

    def read(self, after: int = 0) -> Iterator[StoredEvent]:
        """Events in order, each checked against the chain.

        Parameters
        ----------
        after : int, default 0
            Sequence of the last event not wanted; its own hash is then believed.

        Yields
        ------
        event : StoredEvent
            Every event before the first that is damaged.

        Raises
        ------
        JournalDamagedError
            At the first event that does not follow; those before it have been given.
        JournalError
            At an event of a newer version.
        """
        expected = after
        try:
            previous = self._hash_of(after)
            cursor = self._connection.execute(
                f"SELECT {_COLUMNS} FROM events WHERE sequence > ? ORDER BY sequence",  # noqa: S608
                (after,),
            )
            while rows := cursor.fetchmany(_ROWS_A_READ):
                for row in rows:
                    expected += 1
                    previous = next_hash(previous, *row[:10])
                    if row[0] != expected or previous != row[10]:
                        raise _damaged(self.path, expected, "does not follow the chain")
                    require_known_version(row[2], expected)
                    yield _stored(row)
        except (sqlite3.Error, OverflowError, TypeError, ValueError, AttributeError) as error:
            raise _damaged(self.path, expected + 1, str(error)) from error
        if self._lock is not None and expected != self._sequence:
            raise _damaged(self.path, expected + 1, f"is missing; {self._sequence} were written")

    def find_execution(self, venue: str, account: str, execution_id: str) -> tuple[StoredEvent, ...]:
        """What has been booked under the id of one execution.

        Parameters
        ----------
        venue, account, execution_id : str
            Its names.

        Returns
        -------
        events : tuple of StoredEvent
            The booking and its revisions, oldest first; empty if it is new.
        """
        key = (venue, account, execution_id)
        found = self._booked.get(key)
        if found is None:
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM events WHERE execution_id = ? AND account = ? AND venue = ? "  # noqa: S608
                "AND execution_id <> '' ORDER BY revision",
                (execution_id, account, venue),
            )
            found = tuple(_stored(row) for row in rows)
            if self._lock is not None:
                # Venues tell nearly every fill twice, in the answer and on the stream.
                if len(self._booked) >= MOST_REMEMBERED:
                    self._booked.clear()
                self._booked[key] = found
        return found

    def _remember(self, stored: Sequence[StoredEvent]) -> None:
        for event in stored:
            key = (event.venue, event.account, event.execution_id)
            if event.execution_id and key in self._booked:
                self._booked[key] = tuple(sorted((*self._booked[key], event), key=lambda one: one.revision))

    def verify(self) -> JournalCheck:
        """Check every byte: the seal if there is one, the file's structure, and the chain from end to end.

        Returns
        -------
        check : JournalCheck
            How much was sound.

        Raises
        ------
        JournalDamagedError
            If anything is not as it was written.
        """
        is_sealed = self._lock is None and check_seal(self.path)
        try:
            check_wal_tail(self.path, _head_page(self._connection))
            for (text,) in self._connection.execute("PRAGMA integrity_check(1)"):
                if text != "ok":
                    raise JournalDamagedError(f"{self.path}: {text}.")
            _, _, sequence, head = self._read_head()
        except sqlite3.Error as error:
            raise _translated(error, self.path) from error
        count, last = 0, first_hash(self.identity, self._created_ns)
        for event in self.read():
            count, last = event.sequence, event.hash
        # A writer may have gone on meanwhile; a reader asks again what the last event is.
        if (count, last) != (sequence, head) and (count, last) != self._read_head()[2:]:
            raise _damaged(self.path, count + 1, f"is missing; {sequence} were written")
        return JournalCheck(count, last.hex(), is_sealed)

    def checkpoint(self, *, truncate: bool = False) -> None:
        """Move what is in the write-ahead log into the database; events are durable either way.

        Parameters
        ----------
        truncate : bool, default False
            Also empty the log file, at the end of a run; else only what disturbs nobody, in an idle moment.

        Raises
        ------
        JournalError
            If the disk refuses.
        """
        self._require_writable()
        try:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self._reached("checkpoint.inside")
            if truncate:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except BaseException as error:
            self._poison(error)
            raise _translated(error, self.path) from error

    def snapshot(self, path: str | Path) -> None:
        """Copy the journal as of now into one file, while it is in use.

        Parameters
        ----------
        path : str or Path
            Destination; replaced in one step.

        Raises
        ------
        JournalError
            If it cannot be written.
        """
        path = Path(path)
        try:
            with (
                replacing(path, mode=0o600) as temporary,
                closing(sqlite3.connect(temporary, isolation_level=None)) as copy,
            ):
                self._connection.backup(copy, pages=_PAGES_A_STEP, progress=self._snapshot_progress())
                copy.execute("PRAGMA journal_mode=DELETE")
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"{path}: the snapshot could not be written: {error}.", field="path") from error

    def _snapshot_progress(self) -> Callable[[int, int, int], None]:
        return lambda _status, _remaining, _total: self._reached("snapshot.write")

    def close(self) -> None:
        """Checkpoint, close and seal; after a fault only close. Safe to call twice; a forked child closes nothing."""
        if self._pid != os.getpid():
            return
        lock, self._lock = self._lock, None
        try:
            if lock is not None and not self._fault:
                busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            self._connection.close()
            if lock is not None and not self._fault and not busy:
                write_seal(self.path)
        except (sqlite3.Error, OSError) as error:
            raise _translated(error, self.path) from error
        finally:
            if lock is not None:
                lock.release()

    def _read_head(self) -> tuple[str, int, int, bytes]:
        application = self._connection.execute("PRAGMA application_id").fetchone()[0]
        schema = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION_ID:
            raise JournalDamagedError(f"{self.path} is no journal of nanodesk.")
        if schema != SCHEMA_VERSION:
            raise JournalError(
                f"{self.path} has schema {schema}; this program knows {SCHEMA_VERSION}.",
                field="schema",
                value=schema,
                allowed=str(SCHEMA_VERSION),
                fix="Use the program that wrote it.",
            )
        row = self._connection.execute("SELECT identity, created_ns, sequence, hash FROM head").fetchone()
        if row is None:
            raise _damaged(self.path, 1, "has no head")
        return str(row[0]), int(row[1]), int(row[2]), bytes(row[3])

    def _hash_of(self, sequence: int) -> bytes:
        if sequence == 0:
            return first_hash(self.identity, self._created_ns)
        row = self._connection.execute("SELECT hash FROM events WHERE sequence = ?", (sequence,)).fetchone()
        if row is None:
            raise _damaged(self.path, sequence, "is missing")
        return bytes(row[0])

    def _check_last(self) -> None:
        last = self._connection.execute("SELECT max(sequence) FROM events").fetchone()[0] or 0
        if last != self._sequence or self._hash_of(last) != self._hash:
            raise _damaged(self.path, min(last, self._sequence) + 1, f"is missing; {self._sequence} were written")


def _create(connection: sqlite3.Connection, path: Path, now_ns: int) -> None:
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise JournalDamagedError(f"{path} is another program's database.")
    connection.execute("PRAGMA journal_mode=WAL")
    identity = uuid.uuid4().hex
    connection.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA.split(";"):
        connection.execute(statement)
    connection.execute("INSERT INTO head VALUES (1, ?, ?, 0, ?)", (identity, now_ns, first_hash(identity, now_ns)))
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    connection.execute("COMMIT")
    # The schema is in the database itself before the first event, so a lost log can be told from a new journal.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sync_folder(path.parent)


def _head_page(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'head'").fetchone()
    return int(row[0]) if row else 0


def _stored(row: tuple[Any, ...]) -> StoredEvent:
    return StoredEvent._make((*row[:9], parsed(row[9]), row[10]))


def _damaged(path: Path, sequence: int, what: str) -> JournalDamagedError:
    return JournalDamagedError(
        f"{path}: event {sequence} {what}; the {sequence - 1} before it are sound.",
        sequence=sequence,
    )


def _translated(error: BaseException, path: Path) -> BaseException:
    if isinstance(error, sqlite3.OperationalError | sqlite3.IntegrityError | OSError):
        return JournalError(
            f"{path}: {error}.", field="journal", value=str(path), fix="Free or mend the disk, then run again."
        )
    if isinstance(error, sqlite3.DatabaseError | UnicodeDecodeError | ValueError | TypeError) and not isinstance(
        error, JournalError
    ):
        return JournalDamagedError(f"{path}: {error}.")
    return error
