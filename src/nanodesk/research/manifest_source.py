"""Reading manifest files: limits, ``extends``, single settings, and where every key came from."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanodesk.errors import ConfigError
from nanodesk.research.toml_lines import KeyPath, Place, deepest_nesting, nearest, places

MAX_BYTES = 256 * 1024
MAX_NESTING = 16
MAX_EXTENDS = 8

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


def read_source(path: Path, settings: Mapping[str, Any] | None = None) -> tuple[dict[str, Any], Source]:
    """The resolved values of a manifest file and where each came from.

    Parameters
    ----------
    path : Path
        The manifest.
    settings : mapping of str to object, optional
        Values that replace those of the file, by dotted key.

    Returns
    -------
    values : dict
        Tables as dicts, arrays as tuples; ``extends`` and ``overrides`` are resolved and gone.
    source : Source
        For error messages.

    Raises
    ------
    ConfigError
        If a file is missing, too large, nested too deeply, not UTF-8 or not TOML, or extends itself.
    """
    values, source = _read_chain(path, ())
    return _with_settings(values, source, settings or {})


def parse_source(text: str, file: str, settings: Mapping[str, Any] | None = None) -> tuple[dict[str, Any], Source]:
    """Like `read_source`, for a text; ``extends`` is refused because a text has no folder.

    Parameters
    ----------
    text : str
        TOML.
    file : str
        Name for error messages.
    settings : mapping of str to object, optional
        Values that replace those of the text, by dotted key.

    Returns
    -------
    values : dict
        Tables as dicts, arrays as tuples.
    source : Source
        For error messages.
    """
    values, source = _parse(text, file)
    if "extends" in values:
        raise source.error([Problem(("extends",), "only a manifest read from a file can extend another")])
    return _with_settings(values, source, settings or {})


def _read_chain(path: Path, below: tuple[Path, ...]) -> tuple[dict[str, Any], Source]:
    values, source = _parse(_read_text(path), str(path))
    extends, overrides = values.pop("extends", None), values.pop("overrides", ())
    if extends is None:
        if overrides:
            raise source.error([Problem(("overrides",), 'needs "extends"')])
        return values, source
    if not isinstance(extends, str) or not extends.endswith(".toml"):
        raise source.error([Problem(("extends",), "must be the name of a .toml file")])
    if not isinstance(overrides, tuple) or not all(isinstance(item, str) for item in overrides):
        raise source.error([Problem(("overrides",), "must be an array of dotted keys")])
    parent = path.parent / extends
    seen = (*below, path.resolve())
    if parent.resolve() in seen or len(seen) > MAX_EXTENDS:
        raise source.error([Problem(("extends",), f"makes a circle or more than {MAX_EXTENDS} steps")])
    if not parent.is_file():
        raise source.error([Problem(("extends",), f"there is no file {parent}")])
    return _extended(_read_chain(parent, seen), values, source, overrides)


def _extended(
    base: tuple[dict[str, Any], Source], values: dict[str, Any], source: Source, overrides: tuple[str, ...]
) -> tuple[dict[str, Any], Source]:
    replaced: set[KeyPath] = set()
    merged = _merge(base[0], values, (), replaced)
    named = {parse_dotted(key): i for i, key in enumerate(overrides)}
    problems = [
        Problem(path, f'is also set in {base[1].file}; name "{dotted(path)}" in overrides', shows_value=False)
        for path in replaced - named.keys()
    ]
    problems += [
        Problem(("overrides", named[path]), f"is not set both here and in {base[1].file}")
        for path in named.keys() - replaced
    ]
    if problems:
        raise source.error(problems)
    origin = {path: (base[1].file, place) for path, place in base[1].found.items()} | base[1].inherited
    gone = {path for path in origin if any(path[: len(key)] == key for key in replaced)}
    source.inherited = {path: origin[path] for path in origin.keys() - gone}
    return merged, source


def _merge(base: dict[str, Any], child: dict[str, Any], path: KeyPath, replaced: set[KeyPath]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in child.items():
        here = (*path, key)
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merged[key] = _merge(base[key], value, here, replaced)
            continue
        if key in base and here != ("schema",):
            replaced.add(here)
        merged[key] = value
    return merged


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise _file_error(path, "there is no such file") from error
    except OSError as error:
        raise _file_error(path, f"cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise _file_error(path, f"is larger than {MAX_BYTES // 1024} KiB")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")  # editors of Windows put a byte order mark first
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _file_error(path, f"byte 0x{data[error.start]:02x} is not UTF-8", line) from error


def _file_error(path: Path, message: str, line: int | None = None) -> ConfigError:
    text = f"{path}: {message}" if line is None else f"{path}:{line}: {message}"
    return ConfigError(text, problems=[text])


def _parse(text: str, file: str) -> tuple[dict[str, Any], Source]:
    depth = deepest_nesting(text)
    if int(depth.text) > MAX_NESTING:
        raise _file_error(Path(file), f"is nested {depth.text} deep, more than {MAX_NESTING}", depth.line)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(text, file, str(error)) from error
    except ValueError as error:  # a whole number longer than Python converts
        raise _file_error(Path(file), f"holds a number of too many digits: {str(error).partition(':')[0]}") from error
    return {key: _frozen(value) for key, value in values.items()}, Source(file, places(text))


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


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value


def _with_settings(
    values: dict[str, Any], source: Source, settings: Mapping[str, Any]
) -> tuple[dict[str, Any], Source]:
    paths = {parse_dotted(key): value for key, value in settings.items()}
    for path, value in paths.items():
        values = _replaced(values, path, _frozen(value), path, source)
    source.settings = {path: _as_written(value) for path, value in paths.items()}
    return values, source


def _replaced(node: Any, path: KeyPath, value: Any, whole: KeyPath, source: Source) -> Any:
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(key, str) and isinstance(node, dict):
        child = node.get(key, {} if rest else None)
        return node | {key: _replaced(child, rest, value, whole, source)}
    if isinstance(key, int) and isinstance(node, tuple) and key < len(node):
        return (*node[:key], _replaced(node[key], rest, value, whole, source), *node[key + 1 :])
    message = f"--set: {dotted(whole)}: {source.file} has nothing at {dotted(whole[: len(whole) - len(rest)])}"
    raise ConfigError(message, problems=[message])


def _as_written(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:57]}..."
