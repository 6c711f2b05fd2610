"""Where a lake keeps its bytes: content-addressed Parquet files, and one small pointer that is replaced at the end.

A commit writes new data files, then the snapshot that lists them, then the pointer ``lake.json``. Nothing that an
older snapshot lists is ever touched, so a crash at any instant leaves the old state, plus at most unlisted files.
The layout is described in ``docs/lake.md``.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

import polars as pl

from nanodesk.atomic_file import replacing, write_text
from nanodesk.errors import DataError
from nanodesk.research.snapshot import SCHEMA, Partition, Snapshot, content_hash, damaged, read_document

_POINTER = "lake.json"
_ROW_GROUP = 131_072  # rows; files are sorted by symbol, so a reader of few symbols skips most groups


class Store(Protocol):
    """A place for snapshots and immutable files."""

    def history(self) -> tuple[str, ...]:
        """Snapshot ids, oldest first.

        Returns
        -------
        ids : tuple of str
            Empty in a new lake.
        """

    def snapshot(self, snapshot_id: str) -> Snapshot:
        """The state of that id.

        Parameters
        ----------
        snapshot_id : str
            One of :meth:`history`.

        Returns
        -------
        snapshot : Snapshot
            The state.

        Raises
        ------
        DataError
            If the id is unknown.
        """

    def read(
        self, partition: Partition, columns: Sequence[str] | None = None, *, symbols: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """The rows of a file.

        Parameters
        ----------
        partition : Partition
            What a snapshot lists.
        columns : sequence of str, optional
            Only these.
        symbols : sequence of str, optional
            Only rows of these.

        Returns
        -------
        frame : polars.DataFrame
            Its rows.
        """

    def write(self, folder: str, name: str, frame: pl.DataFrame) -> Partition:
        """Keep a frame under a name made of ``name`` and its content hash.

        Parameters
        ----------
        folder, name : str
            Where it belongs.
        frame : polars.DataFrame
            The rows.

        Returns
        -------
        partition : Partition
            How a snapshot lists it.
        """

    def commit(self, snapshot: Snapshot) -> None:
        """Make a snapshot the newest.

        Parameters
        ----------
        snapshot : Snapshot
            The new state, whose files are written.
        """

    def locked(self) -> AbstractContextManager[None]:
        """A context in which no other process commits.

        Returns
        -------
        lock : context manager
            Released at its end, and by the end of the process.
        """


class MemoryStore:
    """A lake without files: tests, examples and the data that ships with the package."""

    def __init__(self) -> None:
        self._frames: dict[str, pl.DataFrame] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._history: list[str] = []

    def history(self) -> tuple[str, ...]:
        """Snapshot ids, oldest first.

        Returns
        -------
        ids : tuple of str
            Empty in a new lake.
        """
        return tuple(self._history)

    def snapshot(self, snapshot_id: str) -> Snapshot:
        """The state of that id.

        Parameters
        ----------
        snapshot_id : str
            One of :meth:`history`.

        Returns
        -------
        snapshot : Snapshot
            The state.

        Raises
        ------
        DataError
            If the id is unknown.
        """
        if snapshot_id not in self._snapshots:
            raise _unknown_snapshot(snapshot_id, self._history)
        return self._snapshots[snapshot_id]

    def read(
        self, partition: Partition, columns: Sequence[str] | None = None, *, symbols: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """The rows of a file.

        Parameters
        ----------
        partition : Partition
            What a snapshot lists.
        columns : sequence of str, optional
            Only these.
        symbols : sequence of str, optional
            Only rows of these.

        Returns
        -------
        frame : polars.DataFrame
            Its rows.
        """
        frame = self._frames[partition.file]
        if symbols is not None:
            frame = frame.filter(pl.col("symbol").is_in(list(symbols)))
        return frame if columns is None else frame.select(columns)

    def write(self, folder: str, name: str, frame: pl.DataFrame) -> Partition:
        """Keep a frame.

        Parameters
        ----------
        folder, name : str
            Where it belongs.
        frame : polars.DataFrame
            The rows.

        Returns
        -------
        partition : Partition
            How a snapshot lists it.
        """
        partition = Partition(f"{folder}/{name}-{content_hash(frame)}.parquet", len(frame))
        self._frames[partition.file] = frame
        return partition

    def commit(self, snapshot: Snapshot) -> None:
        """Make a snapshot the newest.

        Parameters
        ----------
        snapshot : Snapshot
            The new state.
        """
        self._snapshots[snapshot.id] = snapshot
        self._history = _appended(self._history, snapshot.id)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nothing to lock.

        Yields
        ------
        None
            Always at once.
        """
        yield


class FolderStore:
    """A lake in a folder.

    Parameters
    ----------
    root : Path
        The folder; created by the first commit.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def history(self) -> tuple[str, ...]:
        """Snapshot ids, oldest first.

        Returns
        -------
        ids : tuple of str
            Empty where the folder holds no lake yet.

        Raises
        ------
        SchemaMismatchError
            If the lake was written by another schema.
        DataError
            If its file is damaged.
        """
        pointer = self.root / _POINTER
        if not pointer.exists():
            return ()
        # Bytes that are no text make no JSON either, which is told.
        history = read_document(pointer.read_text("utf-8", "replace"), file=str(pointer)).get("history")
        if not isinstance(history, list) or not all(isinstance(item, str) for item in history):
            raise damaged(str(pointer))
        return tuple(history)

    def snapshot(self, snapshot_id: str) -> Snapshot:
        """The state of that id.

        Parameters
        ----------
        snapshot_id : str
            One of :meth:`history`.

        Returns
        -------
        snapshot : Snapshot
            The state.

        Raises
        ------
        DataError
            If the id is unknown or its file is torn.
        """
        if snapshot_id not in self.history():
            raise _unknown_snapshot(snapshot_id, self.history())
        path = self._snapshot_path(snapshot_id)
        text = path.read_text("utf-8", "replace") if path.exists() else ""
        return Snapshot.from_text(text, file=str(path))

    def read(
        self, partition: Partition, columns: Sequence[str] | None = None, *, symbols: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """The rows of a file.

        Parameters
        ----------
        partition : Partition
            What a snapshot lists.
        columns : sequence of str, optional
            Only these.
        symbols : sequence of str, optional
            Only rows of these.

        Returns
        -------
        frame : polars.DataFrame
            Its rows.

        Raises
        ------
        DataError
            If the file is gone or damaged.
        """
        path = self.root / partition.file
        try:
            if symbols is None:
                return pl.read_parquet(path, glob=False, columns=None if columns is None else list(columns))
            some = pl.scan_parquet(path, glob=False).filter(pl.col("symbol").is_in(list(symbols)))
            return (some if columns is None else some.select(columns)).collect()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise DataError(
                f"{path}: the lake lists this file, and it cannot be read ({type(error).__name__}).",
                field="file",
                value=str(path),
                fix="Restore it from a copy of the lake, or ingest the source again into a new folder.",
            ) from error

    def write(self, folder: str, name: str, frame: pl.DataFrame) -> Partition:
        """Write a frame, unless a file with the same content exists.

        Parameters
        ----------
        folder, name : str
            Where it belongs.
        frame : polars.DataFrame
            The rows.

        Returns
        -------
        partition : Partition
            How a snapshot lists it.
        """
        partition = Partition(f"{folder}/{name}-{content_hash(frame)}.parquet", len(frame))
        path = self.root / partition.file
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            content = io.BytesIO()  # Polars writing to a full disk raises no OSError
            frame.write_parquet(content, compression="zstd", compression_level=3, row_group_size=_ROW_GROUP)
            with replacing(path) as temporary:
                temporary.write_bytes(content.getbuffer())
            _sync_folder(path.parent)
        return partition

    def commit(self, snapshot: Snapshot) -> None:
        """Make a snapshot the newest: the one step that readers see.

        Parameters
        ----------
        snapshot : Snapshot
            The new state, whose files are written.
        """
        history = _appended(list(self.history()), snapshot.id)
        path = self._snapshot_path(snapshot.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_text(path, snapshot.to_text())
            _sync_folder(path.parent)
        pointer = {"schema": SCHEMA, "snapshot": snapshot.id, "history": history}
        write_text(self.root / _POINTER, json.dumps(pointer, indent=1) + "\n")
        _sync_folder(self.root)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lake's lock; it goes with the process, so a crash leaves none behind.

        Where the block raises before the first commit, the folders made for it are removed again.

        Yields
        ------
        None
            When no other process holds it.
        """
        made = [folder for folder in (self.root, *self.root.parents) if not folder.exists()]
        try:
            with self._lock_file():
                yield
        except BaseException:
            if self.root in made and not (self.root / _POINTER).exists():
                shutil.rmtree(self.root, ignore_errors=True)
                with suppress(OSError):  # somebody else has put something there
                    for folder in made[1:]:
                        folder.rmdir()
            raise

    @contextmanager
    def _lock_file(self) -> Iterator[None]:
        try:
            import fcntl
        except ImportError:  # no advisory locks on this system: one writer at a time is then up to the caller
            self.root.mkdir(parents=True, exist_ok=True)
            yield
            return
        path = self.root / ".lock"
        while True:
            self.root.mkdir(parents=True, exist_ok=True)
            with path.open("a") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX)
                # The one who held it may have removed the folder of a first ingest that failed.
                if path.exists() and os.path.samestat(os.fstat(handle.fileno()), path.stat()):
                    yield
                    return

    def _snapshot_path(self, snapshot_id: str) -> Path:
        return self.root / "snapshots" / f"{snapshot_id}.json"


def _appended(history: Sequence[str], snapshot_id: str) -> list[str]:
    return [*(known for known in history if known != snapshot_id), snapshot_id]


def _unknown_snapshot(snapshot_id: str, history: Sequence[str]) -> DataError:
    return DataError(
        f"snapshot={snapshot_id!r} is not in this lake.",
        field="snapshot",
        value=snapshot_id,
        allowed=f'"latest" or one of {", ".join(history[-5:]) or "none yet"}',
        fix='Use "latest", or the lake that the run was recorded with.',
    )


def _sync_folder(folder: Path) -> None:
    # The rename itself must reach the disk before the next step relies on it (POSIX only).
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
