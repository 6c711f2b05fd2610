"""Events out of a journal that SQLite can no longer open: page by page, each believed only if it fits the chain.

The pages of a table are found by their own form (SQLite file format, sections 1.6 and 2.1), without the header, the
index or the tree above them, in the database and in its write-ahead log.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from nanodesk.errors import JournalError
from nanodesk.oms.journal_event import EVENT_VERSION, StoredEvent, first_hash, next_hash, parsed

_LEAF: Final = 0x0D
_PAGE_SIZE: Final = 4096
_LOG_HEADER, _FRAME_HEADER = 32, 24
_EVENT_COLUMNS, _HEAD_COLUMNS = 11, 5
_WIDTHS: Final = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)

Row = tuple[Any, ...]


def salvage(path: str | Path) -> tuple[str, int, tuple[StoredEvent, ...]]:
    """The longest sound beginning of a damaged journal.

    Parameters
    ----------
    path : str or Path
        The database; nothing is changed.

    Returns
    -------
    identity : str
        The journal's name, empty if even that is gone.
    created_ns : int
        When it was made.
    events : tuple of StoredEvent
        From the first on, each linked to the one before.

    Raises
    ------
    JournalError
        If the file cannot be read.
    """
    path = Path(path)
    try:
        pages = _pages(path)
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror or error}.", field="journal", value=str(path)) from error
    rows: dict[int, set[Row]] = {}
    heads: set[tuple[str, int]] = set()
    for page in pages:
        for row in _rows(page, pages):
            if len(row) == _EVENT_COLUMNS:
                rows.setdefault(row[0], set()).add(row)
            elif len(row) == _HEAD_COLUMNS and isinstance(row[1], str) and isinstance(row[2], int):
                heads.add((row[1], row[2]))
    found = [(identity, created_ns, _chain(identity, created_ns, rows)) for identity, created_ns in sorted(heads)]
    return max(found, key=lambda item: len(item[2]), default=("", 0, ()))


def _pages(path: Path) -> list[bytes]:
    data = path.read_bytes()
    pages = [data[start : start + _PAGE_SIZE] for start in range(0, len(data), _PAGE_SIZE)]
    log = path.with_name(path.name + "-wal")
    if log.exists():
        frames = log.read_bytes()
        step = _FRAME_HEADER + _PAGE_SIZE
        starts = range(_LOG_HEADER + _FRAME_HEADER, len(frames), step)
        pages += [frames[start : start + _PAGE_SIZE] for start in starts]
    return [page for page in pages if len(page) == _PAGE_SIZE]


def _chain(identity: str, created_ns: int, rows: dict[int, set[Row]]) -> tuple[StoredEvent, ...]:
    events: list[StoredEvent] = []
    previous = first_hash(identity, created_ns)
    while True:
        event = _next(previous, rows.get(len(events) + 1, set()))
        if event is None:
            return tuple(events)
        events.append(event)
        previous = event.hash


def _next(previous: bytes, candidates: set[Row]) -> StoredEvent | None:
    for row in candidates:
        try:
            if next_hash(previous, *row[:10]) == row[10] and row[2] <= EVENT_VERSION:
                return StoredEvent._make((*row[:9], parsed(row[9]), row[10]))
        except (TypeError, ValueError, AttributeError):
            continue
    return None


def _rows(page: bytes, pages: list[bytes]) -> Iterator[Row]:
    if page[0] != _LEAF:
        return
    for index in range(int.from_bytes(page[3:5], "big")):
        at = int.from_bytes(page[8 + 2 * index : 10 + 2 * index], "big")
        try:
            size, at = _varint(page, at)
            rowid, at = _varint(page, at)
            yield _record(_payload(page, at, size, pages), rowid)
        except (IndexError, ValueError, OverflowError):
            continue


def _payload(page: bytes, at: int, size: int, pages: list[bytes]) -> bytes:
    usable = _PAGE_SIZE
    if size <= usable - 35:
        return page[at : at + size]
    least = (usable - 12) * 32 // 255 - 23
    local = least + (size - least) % (usable - 4)
    local = local if local <= usable - 35 else least
    parts, following = [page[at : at + local]], int.from_bytes(page[at + local : at + local + 4], "big")
    left = size - local
    while left > 0 and 0 < following <= len(pages) and len(parts) <= len(pages):
        more = pages[following - 1]
        parts.append(more[4 : 4 + min(left, usable - 4)])
        left -= usable - 4
        following = int.from_bytes(more[:4], "big")
    return b"".join(parts)


def _record(payload: bytes, rowid: int) -> Row:
    size, at = _varint(payload, 0)
    values: list[Any] = []
    body = size
    while at < size:
        kind, at = _varint(payload, at)
        width = _WIDTHS[kind] if kind < 10 else (kind - 12) // 2
        cell = payload[body : body + width]
        if len(cell) != width:
            raise ValueError("cut")
        body += width
        values.append(_value(kind, cell))
    return (rowid, *values[1:]) if values else ()


def _value(kind: int, cell: bytes) -> Any:
    if kind == 0:
        return None
    if kind in (8, 9):
        return kind - 8
    if kind < 7:
        return int.from_bytes(cell, "big", signed=True)
    if kind < 12:
        raise ValueError("no column of ours is a float")
    return cell.decode() if kind % 2 else cell


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for _ in range(8):
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    return value << 8 | data[at], at + 1
