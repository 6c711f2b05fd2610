"""Files of published events: one JSON object a line."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nanodesk import atomic_file
from nanodesk.compat import published_arguments as arguments
from nanodesk.compat.published_events import Event


def save_events(path: Any, events: Iterable[Event]) -> None:
    """Write events as a published log, in one step.

    Parameters
    ----------
    path : str or Path
        File; its folder must exist.
    events : iterable of Event
        What to write, oldest first.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    atomic_file.write_text(path_of(path), "".join(f"{event.to_json()}\n" for event in events))


def load_events(path: Any) -> list[Event]:
    """Read a published log, of either schema; blank lines are skipped.

    Parameters
    ----------
    path : str or Path
        File.

    Returns
    -------
    events : list of Event
        Oldest first.

    Raises
    ------
    OSError
        If the file cannot be read, or a line is no event; the message names the line.
    """
    source, events = path_of(path), []
    # Split by line feeds only: the other ends of line that Python knows may stand inside a record.
    for number, line in enumerate(source.read_bytes().split(b"\n"), start=1):
        if line.strip():
            try:
                events.append(Event.from_json(line.decode()))
            except (ValueError, RecursionError) as error:
                raise OSError(f"{source}: line {number}: {error}") from None
    return events


def path_of(path: Any) -> Path:
    """A file's name as text or as a path.

    Parameters
    ----------
    path : str or Path
        Name.

    Returns
    -------
    path : Path
        The same.

    Raises
    ------
    TypeError
        If it is neither.
    """
    return Path(path if isinstance(path, os.PathLike) else arguments.string(path, "path"))
