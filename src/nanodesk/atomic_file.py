"""Replacing a file in one step, so that a reader sees the old bytes or the new ones and never half."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that becomes it when the block ends well.

    Parameters
    ----------
    path : Path
        Destination; its folder must exist.

    Yields
    ------
    temporary : Path
        Where to write; removed if the block raises.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replace a file by UTF-8 text.

    Parameters
    ----------
    path : Path
        Destination; its folder must exist.
    text : str
        The whole content.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
