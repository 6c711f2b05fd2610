"""From the validator's errors to sentences that name the key, what is allowed and the nearest known word."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Any

from pydantic import BaseModel, ValidationError

from nanodesk.toml_files.lines import KeyPath
from nanodesk.toml_files.source import Problem

_BOUNDS = {
    "greater_than": "must be > {gt:g}",
    "greater_than_equal": "must be >= {ge:g}",
    "less_than": "must be < {lt:g}",
    "less_than_equal": "must be <= {le:g}",
    "finite_number": "must be finite",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} item(s)",
    "too_long": "must have at most {max_length} item(s)",
}
_TYPES = {
    "float": "must be a number",
    "int": "must be a whole number",
    "bool": "must be true or false",
    "string": "must be text in quotes",
    "date": "must be a date such as 2010-01-04, without quotes",
    "tuple": "must be an array",
    "list": "must be an array",
    "dict": "must be a table",
    "model": "must be a table",
}


def problems_of(error: ValidationError, model: type[BaseModel], values: Mapping[str, Any]) -> list[Problem]:
    """Every fault that validation found, one a key.

    Parameters
    ----------
    error : pydantic.ValidationError
        From validating ``values``.
    model : type
        The model they were validated against.
    values : mapping
        The raw values.

    Returns
    -------
    problems : list of Problem
        In no particular order.
    """
    messages: dict[KeyPath, list[tuple[str, bool]]] = {}
    for item in error.errors():
        path = _raw_path(item["loc"], values)
        message = _message(dict(item), path, model, values)
        if message not in (known := messages.setdefault(path, [])):
            known.append(message)
    for path in [path for path in messages if isinstance(_at(values, path), (dict, list, tuple)) and _at(values, path)]:
        # What is wrong inside a table or list says more than that the table is no word, or the list without it empty.
        if any(other[: len(path)] == path and other != path for other in messages):
            del messages[path]
    return [
        Problem(path, _joined([text for text, _ in found]), shows_value=any(shown for _, shown in found))
        for path, found in messages.items()
    ]


def quoted_nearest(word: object, known: Iterable[str]) -> str:
    """``; did you mean "x"?`` or nothing.

    Parameters
    ----------
    word : object
        What the user wrote.
    known : iterable of str
        What exists.

    Returns
    -------
    hint : str
        Starts with a semicolon unless empty.
    """
    close = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.5)
    return f'; did you mean "{close[0]}"?' if close else ""


def _at(values: Any, path: KeyPath) -> Any:
    for part in path:
        inside = part in values if isinstance(values, dict) else isinstance(part, int) and part < len(values)
        if not inside:
            return None
        values = values[part]
    return values


def _joined(messages: Sequence[str]) -> str:
    first, *rest = messages
    return " or ".join([first, *(text.removeprefix("must be ") for text in rest)])


def _raw_path(loc: Sequence[str | int], values: Any) -> KeyPath:
    """``loc`` without the validator's own steps: tags of unions and names of wrappers."""
    path: list[str | int] = []
    node = values
    for i, part in enumerate(loc):
        if not isinstance(node, (dict, tuple, list)):
            break
        if isinstance(node, dict):
            after_index = bool(path) and isinstance(path[-1], int)
            is_tag = after_index and part == node.get("kind") and loc[i - 1] == path[-1]
            is_wrapper = part not in node and (i < len(loc) - 1 or any(sign in str(part) for sign in "[(-"))
            if is_tag or is_wrapper:
                continue
        path.append(part)
        inside = part in node if isinstance(node, dict) else isinstance(part, int) and part < len(node)
        node = node[part] if inside else None  # type: ignore[index]
    return tuple(path)


def _message(item: dict[str, Any], path: KeyPath, model: type[BaseModel], values: Any) -> tuple[str, bool]:
    kind, context = item["type"], item.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(path, model, values), False
    if kind == "missing":
        return "is required and missing", False
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _unknown_kind(path, item["input"], model, values), False
    if kind == "literal_error":
        quoted = context["expected"].replace(" or ", ", ").replace("'", '"')  # numbers stand without quotes
        allowed = [word.strip('" ') for word in quoted.split(", ")]
        words = ", ".join(quoted.split(", "))
        if len(allowed) == 1:
            return f"must be {words}", True
        return f"must be one of {words}{quoted_nearest(item['input'], allowed)}", True
    if kind in _BOUNDS:
        return _BOUNDS[kind].format(**context), True
    for name, text in _TYPES.items():
        if kind.startswith(name) and ("type" in kind or "parsing" in kind or "from" in kind):
            return text, True
    return str(item["msg"]).removeprefix("Value error, "), True


def _unknown_key(path: KeyPath, model: type[BaseModel], values: Any) -> str:
    owner, node = _model_at(path[:-1], model, values)
    allowed = [name for name in _keys(owner) if name != "kind"] if owner else []
    of_kind = f' for kind "{node["kind"]}"' if isinstance(node, dict) and "kind" in node else ""
    return _with_allowed(f"unknown key{of_kind}", path[-1], allowed)


def _unknown_kind(path: KeyPath, given: Any, model: type[BaseModel], values: Any) -> str:
    _, annotation, _ = _walk(path, model, values)
    allowed = sorted(tag for member in _members(annotation) for tag in _tags(member))
    kind = given.get("kind") if isinstance(given, dict) else None
    return _with_allowed("kind is missing" if kind is None else f'unknown kind "{kind}"', kind or "", allowed)


def _with_allowed(text: str, word: object, allowed: Sequence[str]) -> str:
    hint = quoted_nearest(word, allowed)
    return f"{text}{hint or ';'} allowed: {', '.join(allowed)}"


def _model_at(path: KeyPath, model: type[BaseModel], values: Any) -> tuple[type[BaseModel] | None, Any]:
    owner, _, node = _walk(path, model, values)
    return owner, node


def _walk(path: KeyPath, model: type[BaseModel], values: Any) -> tuple[type[BaseModel] | None, Any, Any]:
    """The model, the annotation and the raw value at a path."""
    annotation: Any = model
    node = values
    owner = _chosen(annotation, node)
    for part in path:
        if isinstance(part, int):
            annotation = next(
                (typing.get_args(item)[0] for item in _members(annotation) if typing.get_args(item)), annotation
            )
        elif owner is not None:
            annotation = next(
                (info.annotation for name, info in owner.model_fields.items() if part in (name, info.alias)), None
            )
        node = node[part]
        owner = _chosen(annotation, node)
    return owner, annotation, node


def _chosen(annotation: Any, node: Any) -> type[BaseModel] | None:
    models = [item for item in _members(annotation) if isinstance(item, type) and issubclass(item, BaseModel)]
    if len(models) > 1 and isinstance(node, dict):
        models = [item for item in models if node.get("kind") in _tags(item)]
    return models[0] if models else None


def _members(annotation: Any) -> list[Any]:
    if hasattr(annotation, "__value__"):
        return _members(annotation.__value__)
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _members(typing.get_args(annotation)[0])
    if origin in (typing.Union, UnionType):
        return [member for item in typing.get_args(annotation) for member in _members(item)]
    return [annotation]


def _tags(model: Any) -> tuple[str, ...]:
    info = getattr(model, "model_fields", {}).get("kind")
    return typing.get_args(info.annotation) if info is not None else ()


def _keys(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]
