"""Replacing a file in one step, so that a reader sees the old bytes or the new ones and never half."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path, *, mode: int = 0o666) -> Iterator[Path]:
    """A temporary path beside ``path`` that becomes it when the block ends well.

    Parameters
    ----------
    path : Path
        Destination; its folder must exist.
    mode : int, default 0o666
        Permissions that the new file is born with, less those that the umask takes; 0o600 for what only its owner may
        read.

    Yields
    ------
    temporary : Path
        Where to write; removed if the block raises.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    os.close(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str, *, mode: int = 0o666) -> None:
    """Replace a file by UTF-8 text.

    Parameters
    ----------
    path : Path
        Destination; its folder must exist.
    text : str
        The whole content.
    mode : int, default 0o666
        Permissions that the new file is born with, less those that the umask takes.
    """
    with replacing(path, mode=mode) as temporary:
        temporary.write_text(text, encoding="utf-8")
