"""Reading a TOML file from outside: limits before parsing, and where every key came from.

A text of a few kilobytes can hold a parser up for seconds (dotted keys) or overflow its stack (nested arrays), so
size and nesting are bounded before ``tomllib`` sees it.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanodesk.errors import ConfigError
from nanodesk.toml_files.lines import KeyPath, Place, nearest, nested_deeper, places

MAX_NESTING = 16

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PART = re.compile(r'\.?(?:([A-Za-z0-9_-]+)|"([^"]*)"|\[(\d+)\])')
_TOMLLIB_POSITION = re.compile(r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a manifest.

    Parameters
    ----------
    path : tuple of str or int
        Where, as keys and indices from the top.
    message : str
        What is wrong and what is allowed.
    shows_value : bool, default True
        Whether the value as written is worth showing.
    """

    path: KeyPath
    message: str
    shows_value: bool = True


@dataclass(slots=True)
class Source:
    """Which file and line each key of a resolved manifest came from.

    Any two are equal: where a manifest came from is no part of what it says.

    Parameters
    ----------
    file : str
        Name of the manifest, as given by the user.
    found : dict of tuple to Place
        Places within ``file``.
    inherited : dict of tuple to (str, Place), optional
        Keys that an extended file gave.
    settings : dict of tuple to str, optional
        Keys set from outside the file, and what they were set to.
    """

    file: str = field(compare=False)
    found: dict[KeyPath, Place] = field(default_factory=dict, compare=False)
    inherited: dict[KeyPath, tuple[str, Place]] = field(default_factory=dict, compare=False)
    settings: dict[KeyPath, str] = field(default_factory=dict, compare=False)

    def where(self, path: KeyPath) -> tuple[str, int, str]:
        """File, line and text of a key or its nearest known parent.

        Parameters
        ----------
        path : tuple of str or int
            The key.

        Returns
        -------
        file : str
            Where it stands; ``--set`` for a setting.
        line : int
            From 1; 0 for a setting.
        text : str
            The value as written; empty unless the key itself was found.
        """
        if any(path[: len(key)] == key for key in self.settings):
            return "--set", 0, self.settings.get(path, "")
        for length in range(len(path), 0, -1):
            if path[:length] in self.found:
                break
            if path[:length] in self.inherited:
                file, place = self.inherited[path[:length]]
                return file, place.line, place.text if length == len(path) else ""
        place = nearest(self.found, path)
        return self.file, place.line, place.text

    def error(self, problems: Iterable[Problem]) -> ConfigError:
        """All problems as one error, sorted by line: ``file:line: dotted.key: message (got value)``.

        Parameters
        ----------
        problems : iterable of Problem
            At least one.

        Returns
        -------
        error : ConfigError
            Ready to raise.
        """
        rows = []
        for problem in problems:
            file, line, text = self.where(problem.path)
            got = f" (got {_shortened(text)})" if problem.shows_value and text else ""
            position = f"{file}:{line}" if line else file
            rows.append((file, line, f"{position}: {dotted(problem.path)}: {problem.message}{got}"))
        lines = [text for *_, text in sorted(dict.fromkeys(rows))]
        return ConfigError("\n".join(lines), problems=lines)


def dotted(path: KeyPath) -> str:
    """A path as users write it.

    Parameters
    ----------
    path : tuple of str or int
        Keys and indices from the top.

    Returns
    -------
    text : str
        Keys joined by dots, indices in brackets.

    Examples
    --------
    >>> dotted(("universe", "filter", 2, "min"))
    'universe.filter[2].min'
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE.fullmatch(part) else json.dumps(part))
    return text or "manifest"


def parse_dotted(text: str) -> KeyPath:
    """The path that a user wrote.

    Parameters
    ----------
    text : str
        A dotted key.

    Returns
    -------
    path : tuple of str or int
        Keys and indices from the top.

    Raises
    ------
    ConfigError
        If the text is no dotted key.

    Examples
    --------
    >>> parse_dotted("universe.filter[2].min")
    ('universe', 'filter', 2, 'min')
    """
    path: list[str | int] = []
    at = 0
    while at < len(text):
        match = _PART.match(text, at)
        if match is None:
            break
        bare, quoted, index = match.groups()
        path.append(int(index) if index is not None else bare if bare is not None else quoted)
        at = match.end()
    if at < len(text) or not path or isinstance(path[0], int):
        message = f"--set: {text!r} is not a dotted key such as portfolio.limits.max_weight or universe.filter[0].min"
        raise ConfigError(message, problems=[message])
    return tuple(path)


def read_text(path: Path, *, max_bytes: int) -> str:
    """The text of a file that may be anything.

    Parameters
    ----------
    path : Path
        The file.
    max_bytes : int
        Largest size that is read.

    Returns
    -------
    text : str
        Without a byte order mark.

    Raises
    ------
    ConfigError
        If the file is missing, unreadable, too large or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise file_error(path, "there is no such file") from error
    except OSError as error:
        raise file_error(path, f"cannot be read: {error.strerror}") from error
    if len(data) > max_bytes:
        raise file_error(path, f"is larger than {max_bytes // 1024} KiB")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")  # editors of Windows put a byte order mark first
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise file_error(path, f"byte 0x{data[error.start]:02x} is not UTF-8", line) from error


def file_error(path: Path, message: str, line: int | None = None) -> ConfigError:
    """A fault of a file as a whole.

    Parameters
    ----------
    path : Path
        The file.
    message : str
        What is wrong.
    line : int, optional
        Where.

    Returns
    -------
    error : ConfigError
        Ready to raise.
    """
    text = f"{path}: {message}" if line is None else f"{path}:{line}: {message}"
    return ConfigError(text, problems=[text])


def parse_toml(text: str, file: str) -> tuple[dict[str, Any], Source]:
    """The values of a TOML text and where each stands.

    Parameters
    ----------
    text : str
        Any text.
    file : str
        Name for error messages.

    Returns
    -------
    values : dict
        Tables as dicts, arrays as tuples.
    source : Source
        For error messages.

    Raises
    ------
    ConfigError
        If the text is no TOML, nested too deeply, or holds a number of too many digits.
    """
    if line := nested_deeper(text, MAX_NESTING):
        raise file_error(Path(file), f"is nested more than {MAX_NESTING} deep", line)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(text, file, str(error)) from error
    except ValueError as error:  # a whole number longer than Python converts
        raise file_error(Path(file), f"holds a number of too many digits: {str(error).partition(':')[0]}") from error
    return {key: frozen_value(value) for key, value in values.items()}, Source(file, places(text))


def _syntax_error(text: str, file: str, message: str) -> ConfigError:
    match = _TOMLLIB_POSITION.match(message)
    if match is None:
        line = f"{file}:1:1: {message}"
    elif match["line"] is None:
        lines = text.split("\n")
        line = f"{file}:{len(lines)}:{len(lines[-1]) + 1}: {match['what']} at the end of the file"
    else:
        line = f"{file}:{match['line']}:{match['column']}: {match['what']}"
    return ConfigError(line, problems=[line])


def frozen_value(value: Any) -> Any:
    """A parsed value with tuples for lists, so that it can be held in frozen models.

    Parameters
    ----------
    value : object
        From ``tomllib``.

    Returns
    -------
    frozen : object
        The same value.
    """
    if isinstance(value, list):
        return tuple(frozen_value(item) for item in value)
    if isinstance(value, dict):
        return {key: frozen_value(item) for key, item in value.items()}
    return value


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:57]}..."
