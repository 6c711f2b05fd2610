"""``--set key=value``: single values of a manifest, given on the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

from nanodesk.errors import ConfigError
from nanodesk.toml_files.lines import nested_deeper
from nanodesk.toml_files.source import MAX_NESTING


def parse_settings(options: Sequence[str]) -> dict[str, Any]:
    """Settings that replace values of a manifest.

    Parameters
    ----------
    options : sequence of str
        Each ``dotted.key=value``; the value is TOML, or text where it is not.

    Returns
    -------
    settings : dict of str to object
        By dotted key.

    Raises
    ------
    ConfigError
        If an option has no ``=`` or a key is given twice.

    Examples
    --------
    >>> parse_settings(["portfolio.limits.max_weight=0.05", "portfolio.method=hrp"])
    {'portfolio.limits.max_weight': 0.05, 'portfolio.method': 'hrp'}
    """
    settings: dict[str, Any] = {}
    for option in options:
        key, text = _split(option, settings)
        settings[key] = _value(key, text)
    return settings


def parse_grid(options: Sequence[str]) -> dict[str, list[Any]]:
    """Settings with several values each.

    Parameters
    ----------
    options : sequence of str
        Each ``dotted.key=value,value,...``.

    Returns
    -------
    grid : dict of str to list
        By dotted key.

    Raises
    ------
    ConfigError
        If an option has no ``=`` or a key is given twice.

    Examples
    --------
    >>> parse_grid(["portfolio.limits.max_weight=0.03,0.05", "portfolio.method=hrp,equal"])
    {'portfolio.limits.max_weight': [0.03, 0.05], 'portfolio.method': ['hrp', 'equal']}
    """
    grid: dict[str, list[Any]] = {}
    for option in options:
        key, text = _split(option, grid)
        try:
            grid[key] = list(_toml_value(key, f"[{text}]"))
        except tomllib.TOMLDecodeError:
            grid[key] = [_value(key, word.strip()) for word in text.split(",")]
    return grid


def _split(option: str, seen: dict[str, Any]) -> tuple[str, str]:
    key, sign, text = option.partition("=")
    key, text = key.strip(), text.strip()
    if not sign or not key or not text:
        message = f"--set: {option!r} is not key=value, for example portfolio.limits.max_weight=0.05"
        raise ConfigError(message, problems=[message])
    if key in seen:
        message = f"--set: {key} is given twice"
        raise ConfigError(message, problems=[message])
    return key, text


def _value(key: str, text: str) -> Any:
    try:
        return _toml_value(key, text)
    except tomllib.TOMLDecodeError:
        return text


def _toml_value(key: str, text: str) -> Any:
    document = f"value = {text}"
    if nested_deeper(document, MAX_NESTING):
        raise _refused(key, f"is nested more than {MAX_NESTING} deep")
    try:
        return tomllib.loads(document)["value"]
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:  # a whole number longer than Python converts
        raise _refused(key, "holds a number of too many digits") from error


def _refused(key: str, what: str) -> ConfigError:
    message = f"--set: {key} {what}"
    return ConfigError(message, problems=[message])
