"""What commands print: tables for people, one JSON object for programs, progress and messages on standard error."""

from __future__ import annotations

import io
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nanodesk.errors import visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

Progress = Callable[[str, int, int], None]

_ANY_WIDTH = 10_000


def print_json(value: dict[str, Any]) -> None:
    """Write one JSON object to standard output; ``nan`` and infinities become null.

    Parameters
    ----------
    value : dict
        Plain values.
    """
    plain = not (sys.stdout.encoding or "").lower().startswith("utf")
    text = json.dumps(_finite(value), indent=2, ensure_ascii=plain, default=str)
    sys.stdout.write(visible(text) + "\n")  # the rest of what is escaped in JSON is the same there and here


def print_error(
    message: str, problems: Sequence[str], code: int, *, as_json: bool, kind: str = "NanodeskError"
) -> None:
    """Write an error to standard error, and with ``as_json`` also as an object to standard output.

    Parameters
    ----------
    message : str
        What went wrong.
    problems : sequence of str
        The same one by one, if there are several.
    code : int
        Exit code.
    as_json : bool
        Whether a program reads the output.
    kind : str, default "NanodeskError"
        Name of the exception.
    """
    sys.stderr.write(visible(f"nanodesk: {message}\n" if not problems else "\n".join([*problems, ""])))
    if as_json:
        print_json({"error": kind, "message": message, "problems": list(problems), "exit_code": code})


def prepare_streams() -> None:
    """Let nothing that is printed fail: no stream is missing, and what its encoding lacks becomes a question mark."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123  lives as long as the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def stdout_console() -> Console:
    """A console for tables: color only on a terminal; elsewhere as wide as ``COLUMNS`` says, or 100.

    Returns
    -------
    console : rich.console.Console
        Writes to standard output; brackets and control characters in names mean nothing.
    """
    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit() else 100
    return _console(width)


def _console(width: int | None) -> Console:
    from rich.console import Console

    class PlainConsole(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(visible(text), **options)

    return PlainConsole(highlight=False, markup=False, emoji=False, width=width)


def natural_width(renderable: RenderableType) -> int:
    """Columns that something needs so that nothing in it is cut or wrapped.

    Parameters
    ----------
    renderable : rich renderable
        For example a table.

    Returns
    -------
    width : int
        Columns.
    """
    from rich.measure import Measurement

    wide = _console(_ANY_WIDTH)
    return Measurement.get(wide, wide.options, renderable).maximum


def print_whole(renderable: RenderableType) -> None:
    """Print a table so that no number is cut: lines that a narrow terminal cannot hold are left to it to wrap.

    Parameters
    ----------
    renderable : rich renderable
        For example a table.
    """
    console = stdout_console()
    console.width = max(console.width, natural_width(renderable))
    console.print(renderable)


def note(text: str) -> None:
    """Write a line to standard error.

    Parameters
    ----------
    text : str
        One line.
    """
    sys.stderr.write(visible(text) + "\n")


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress bar on standard error while something is under way, or nothing where that is no terminal.

    It is taken away when every stage is done, for it would paint over a question to the user.

    Yields
    ------
    progress : callable
        ``progress(stage, done, total)``.
    """
    if not sys.stderr.isatty():
        yield lambda _stage, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)
            if bar.finished:
                bar.stop()
            elif not bar.live.is_started:
                bar.start()

        yield progress


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if hasattr(value, "tolist"):
        return _finite(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
