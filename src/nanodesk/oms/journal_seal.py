"""The seal of a closed journal: a hash of the whole file, so that a flipped bit in unused bytes is seen as well.

A chain of hashes covers every byte of every event. A database file has more bytes than those: free space,
counters, indexes. The seal is written when a journal is closed in order and broken before it is written again;
after a crash there is none, and the chain alone speaks.
"""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Final

from nanodesk.atomic_file import replacing
from nanodesk.errors import JournalDamagedError

SEAL_SCHEMA: Final = "nanodesk.seal/1"
_CHUNK: Final = 1 << 20


def seal_path(journal: Path) -> Path:
    """Where the seal of a journal lies.

    Parameters
    ----------
    journal : Path
        The database.

    Returns
    -------
    path : Path
        Beside it.
    """
    return journal.with_name(journal.name + ".seal")


def write_seal(journal: Path) -> None:
    """Seal a journal that nobody has open.

    Parameters
    ----------
    journal : Path
        The database, checkpointed and closed.
    """
    with replacing(seal_path(journal), mode=0o600) as temporary:
        temporary.write_text(_line(journal), encoding="ascii")


def check_seal(journal: Path) -> bool:
    """Compare a journal with its seal.

    Parameters
    ----------
    journal : Path
        The database.

    Returns
    -------
    is_sealed : bool
        Whether there is a seal.

    Raises
    ------
    JournalDamagedError
        If the file is not the one that was sealed.
    """
    try:
        expected = seal_path(journal).read_bytes()
    except FileNotFoundError:
        return False
    if expected != _line(journal).encode():
        raise JournalDamagedError(
            f"{journal}: the file is not the one that was sealed when it was closed. "
            "Run `nanodesk audit export`, which saves every event that is sound, or restore a snapshot."
        )
    return True


def break_seal(journal: Path) -> None:
    """Remove the seal, durably, before the first new byte.

    Parameters
    ----------
    journal : Path
        The database.
    """
    seal_path(journal).unlink(missing_ok=True)
    sync_folder(journal.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable.

    Parameters
    ----------
    folder : Path
        Any folder.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _line(journal: Path) -> str:
    digest = sha256()
    with journal.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    fields = {"bytes": journal.stat().st_size, "schema": SEAL_SCHEMA, "sha256": digest.hexdigest()}
    return json.dumps(fields, sort_keys=True, separators=(",", ":")) + "\n"
