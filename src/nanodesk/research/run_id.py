"""What identifies a run: manifest, code, data and seed, hashed."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from nanodesk.version import __version__

_DIGITS = 16


@cache
def code_version() -> str:
    """The package's version and a hash of its Python sources, kernels included.

    Returns
    -------
    version : str
        For example ``0.1.0+3f2a9c0d1b4e``; any change of a source changes it.
    """
    digest = hashlib.sha256()
    for name, content in sorted(_sources(files("nanodesk"), "")):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return f"{__version__}+{digest.hexdigest()[:12]}"


def run_id(canonical_manifest: str, *, code: str, snapshot: str, seed: int) -> str:
    """The id of a run.

    Parameters
    ----------
    canonical_manifest : str
        From `nanodesk.research.manifest.canonical`.
    code, snapshot : str
        Version of the code, id of the data.
    seed : int
        Root of all randomness.

    Returns
    -------
    run_id : str
        First 16 hex digits of SHA-256 over the four.
    """
    text = json.dumps([canonical_manifest, code, snapshot, seed])
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _sources(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found = []
    for item in folder.iterdir():
        name = f"{prefix}{item.name}"
        if item.is_dir() and item.name != "__pycache__":
            found += _sources(item, f"{name}/")
        elif item.name.endswith(".py"):
            found.append((name, item.read_bytes()))
    return found
