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


def check_wal_tail(journal: Path, frames: int, head_page: int) -> None:
    """Refuse a log that goes on behind the point at which SQLite stopped reading it.

    Parameters
    ----------
    journal : Path
        The database, into which the log has been moved; its log lies beside it.
    frames : int
        How many frames SQLite has accepted.
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
    if len(data) < _HEADER.size + _FRAME.size or not any(data[: _HEADER.size]):
        return
    header = _HEADER.unpack_from(data)
    is_sound = header[0] in _MAGIC and _sums(data[:24], header[0]) == header[6:]
    step = _FRAME.size + _page_size(journal)
    first = _HEADER.size + frames * step
    salts = header[4:6] if is_sound else _FRAME.unpack_from(data, _HEADER.size)[2:4]
    commits, last_head = 0, b""
    for start in range(first, len(data) - step + 1, step):
        page, size_after, *own = _FRAME.unpack_from(data, start)[:4]
        if tuple(own) == salts:
            commits += size_after != 0
            last_head = data[start + _FRAME.size : start + step] if page == head_page else last_head
    if commits > 1 and last_head != _page(journal, head_page, step - _FRAME.size):
        raise JournalDamagedError(
            f"{journal}-wal is damaged behind frame {frames}, with commits after it that can no longer be read. "
            "Run `nanodesk audit export`, which saves what is sound, and reconcile before trading on."
        )


def _page_size(journal: Path) -> int:
    with journal.open("rb") as file:
        size = int.from_bytes(file.read(18)[16:], "big")
    return 65536 if size == 1 else size or 4096


def _page(journal: Path, number: int, size: int) -> bytes | None:
    # A log that was moved into the database is left behind, old commits and all; then both heads are the same.
    if number == 0:
        return None
    with journal.open("rb") as file:
        file.seek((number - 1) * size)
        return file.read(size)


def _sums(data: bytes, magic: int) -> tuple[int, int]:
    words = struct.unpack(f"{'>' if magic & 1 else '<'}{len(data) // 4}I", data)
    first = second = 0
    for index in range(0, len(words), 2):
        first = (first + words[index] + second) & 0xFFFFFFFF
        second = (second + words[index + 1] + first) & 0xFFFFFFFF
    return first, second
