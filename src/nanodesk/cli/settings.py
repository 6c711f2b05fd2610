"""``--set key=value``: single values of a manifest, given on the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

from nanodesk.errors import ConfigError


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
        settings[key] = _value(text)
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
            grid[key] = list(tomllib.loads(f"value = [{text}]")["value"])
        except tomllib.TOMLDecodeError:
            grid[key] = [_value(word.strip()) for word in text.split(",")]
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


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
