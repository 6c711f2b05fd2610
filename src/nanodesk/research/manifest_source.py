"""Reading manifest files: ``extends``, single settings, and where every key came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nanodesk.errors import ConfigError
from nanodesk.toml_files.lines import KeyPath
from nanodesk.toml_files.source import Problem, Source, dotted, frozen_value, parse_dotted, parse_toml, read_text

MAX_BYTES = 256 * 1024
MAX_EXTENDS = 8


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
    values, source = parse_toml(text, file)
    if "extends" in values:
        raise source.error([Problem(("extends",), "only a manifest read from a file can extend another")])
    return _with_settings(values, source, settings or {})


def _read_chain(path: Path, below: tuple[Path, ...]) -> tuple[dict[str, Any], Source]:
    values, source = parse_toml(read_text(path, max_bytes=MAX_BYTES), str(path))
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


def _with_settings(
    values: dict[str, Any], source: Source, settings: Mapping[str, Any]
) -> tuple[dict[str, Any], Source]:
    paths = {parse_dotted(key): value for key, value in settings.items()}
    for path, value in paths.items():
        values = _replaced(values, path, frozen_value(value), path, source)
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
