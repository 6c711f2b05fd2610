"""Committed frames that a damaged write-ahead log would hide.

SQLite ends a log silently at the first frame whose checksum fails, since a torn last write looks just so. But every
commit here is synced before the next begins: at most one transaction can be torn. If the log goes on with the commits
of later transactions, it was damaged afterwards, and what follows must not be forgotten.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

from nanodesk.errors import JournalDamagedError

_HEADER: Final = struct.Struct(">8I")
"""Magic, format, page size, checkpoint number, two salts, two sums (SQLite file format, section 4.1)."""

_FRAME: Final = struct.Struct(">6I")
"""Page, size of the database after a commit or 0, two salts, two sums."""

_MAGIC: Final = (0x377F0682, 0x377F0683)


def check_wal_tail(journal: Path, head_page: int) -> None:
    """Refuse a log that goes on behind the point at which SQLite stops reading it.

    Parameters
    ----------
    journal : Path
        The database; its log lies beside it.
    head_page : int
        Number of the page that every commit writes, 0 if the database has none yet.

    Raises
    ------
    JournalDamagedError
        If commits follow that the database does not hold.
    """
    try:
        data = journal.with_name(journal.name + "-wal").read_bytes()
    except FileNotFoundError:
        return
    # A log of zeros is one whose first write was lost with the power.
    if len(data) < _HEADER.size + _FRAME.size or not any(data[: _HEADER.size]):
        return
    step = _FRAME.size + _page_size(journal)
    frames, head = _walk(data, step, head_page)
    salts = _HEADER.unpack_from(data)[4:6] if frames >= 0 else _FRAME.unpack_from(data, _HEADER.size)[2:4]
    commits, last_head = 0, b""
    for start in range(_HEADER.size + max(frames, 0) * step, len(data) - step + 1, step):
        page, size_after, *own = _FRAME.unpack_from(data, start)[:4]
        if tuple(own) == tuple(salts):
            commits += size_after != 0
            last_head = data[start + _FRAME.size : start + step] if page == head_page else last_head
    # A log that was moved into the database is left behind, old commits and all; then both heads are the same.
    known = head or _page(journal, head_page, step - _FRAME.size)
    if commits > 1 and last_head != known:
        raise JournalDamagedError(
            f"{journal}-wal is damaged behind frame {max(frames, 0)}, with commits after it that can no longer be "
            "read. Run `nanodesk audit export`, which saves what is sound, and reconcile before trading on."
        )


def _walk(data: bytes, step: int, head_page: int) -> tuple[int, bytes]:
    """How many frames SQLite accepts, -1 if not even the header, and the last image of the head among them."""
    header = _HEADER.unpack_from(data)
    order = ">" if header[0] & 1 else "<"
    sums = _sums(data[:24], order, (0, 0))
    if header[0] not in _MAGIC or sums != header[6:]:
        return -1, b""
    frames, head, pending = 0, b"", b""
    for number, start in enumerate(range(_HEADER.size, len(data) - step + 1, step), 1):
        fields = _FRAME.unpack_from(data, start)
        sums = _sums(data[start + _FRAME.size : start + step], order, _sums(data[start : start + 8], order, sums))
        if fields[2:4] != header[4:6] or fields[4:] != sums:
            break
        pending = data[start + _FRAME.size : start + step] if fields[0] == head_page else pending
        if fields[1]:
            frames, head = number, pending
    return frames, head


def _page_size(journal: Path) -> int:
    with journal.open("rb") as file:
        size = int.from_bytes(file.read(18)[16:], "big")
    return 65536 if size == 1 else size or 4096


def _page(journal: Path, number: int, size: int) -> bytes:
    with journal.open("rb") as file:
        file.seek(max(number - 1, 0) * size)
        return file.read(size) if number else b""


def _sums(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for index in range(0, len(words), 2):
        first = (first + words[index] + second) & 0xFFFFFFFF
        second = (second + words[index + 1] + first) & 0xFFFFFFFF
    return first, second
