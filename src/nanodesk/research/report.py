"""Tear sheet of a run: one offline HTML page, and the same numbers as JSON beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nanodesk.atomic_file import write_text
from nanodesk.errors import ValidationError
from nanodesk.research.result import ResearchResult
from nanodesk.research.tearsheet.numbers import collect
from nanodesk.research.tearsheet.page import render


def write_report(result: ResearchResult, path: Path) -> Path:
    """Write the tear sheet of a run, and its numbers beside it under the same name with ``.json``.

    Parameters
    ----------
    result : ResearchResult
        One run.
    path : Path
        The HTML file; its folder must exist. An older file is replaced in one step.

    Returns
    -------
    path : Path
        The HTML file. The JSON file has the same name with the suffix ``.json``.

    Raises
    ------
    ValidationError
        If ``path`` is a folder, or is itself named ``.json``.
    """
    path = Path(path)
    if path.suffix == ".json" or path.is_dir():
        what = "a folder" if path.is_dir() else "where the numbers go"
        raise ValidationError(
            f"path={str(path)!r} is {what}; it must name an HTML file.",
            field="path",
            value=str(path),
            allowed="a file name that does not end in .json",
            fix="Write for example tearsheet.html.",
        )
    numbers = report_numbers(result)
    write_text(path.with_suffix(".json"), numbers_text(numbers))
    write_text(path, render(numbers))
    return path


def report_numbers(result: ResearchResult) -> dict[str, Any]:
    """Every number of the tear sheet as plain values.

    Parameters
    ----------
    result : ResearchResult
        One run.

    Returns
    -------
    numbers : dict
        ``schema`` first; the layout is described in ``docs/report.md``. Series are exact and complete; a number that
        does not exist, or is infinite, is ``None``.
    """
    return collect(result)


def numbers_text(numbers: dict[str, Any]) -> str:
    """The numbers as the text of the JSON file.

    Parameters
    ----------
    numbers : dict
        As ``report_numbers`` gives them.

    Returns
    -------
    text : str
        One top-level key a line, with a final newline. The same numbers give the same bytes.
    """
    lines = (f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in numbers.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"
