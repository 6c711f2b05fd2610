"""The target file: weights that a portfolio should hold."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from nanodesk.atomic_file import write_text
from nanodesk.errors import ConfigError, SchemaMismatchError, WeightsError

SCHEMA = 1

_KEYS = ("schema", "timestamp", "targets", "constraints", "metadata")
_CONSTRAINTS = ("max_position_pct", "max_leverage", "min_trade_usd")


@dataclass(frozen=True, slots=True)
class Target:
    """Weights wanted at an instant.

    Parameters
    ----------
    timestamp : str
        RFC 3339 instant of the decision, in UTC.
    weights : mapping of str to float
        Signed fraction of equity by symbol; never zero, ``abs(weight) <= 1``.
    constraints : mapping of str to float, optional
        Limits that travel with the target: ``max_position_pct`` (fraction), ``max_leverage``, ``min_trade_usd``.
    run_id : str, optional
        The run that decided the weights.

    Raises
    ------
    WeightsError
        If there is no weight, or one is zero, not finite or beyond 1, or longs add to more than 1.
    """

    timestamp: str
    weights: Mapping[str, float]
    constraints: Mapping[str, float] = field(default_factory=dict)
    run_id: str | None = None

    def __post_init__(self) -> None:
        if not self.weights:
            raise WeightsError("targets is empty.", field="targets", value=[], allowed="at least one symbol")
        for symbol, weight in self.weights.items():
            if not symbol or not math.isfinite(weight) or weight == 0 or abs(weight) > 1:
                raise WeightsError(
                    f"targets[{symbol!r}].weight={weight} must be finite, not zero and within [-1, 1].",
                    field="weight",
                    value=weight,
                    allowed="[-1, 1] without 0",
                )
        long = sum(weight for weight in self.weights.values() if weight > 0)
        if long > 1 + 1e-9:
            raise WeightsError(
                f"long weights add to {long:.6f}, more than 1.", field="targets", value=long, allowed="<= 1"
            )

    def to_json(self) -> str:
        """The file's text: keys in fixed order, symbols sorted.

        Returns
        -------
        text : str
            JSON with a final newline.
        """
        document: dict[str, object] = {
            "schema": SCHEMA,
            "timestamp": self.timestamp,
            "targets": [{"symbol": symbol, "weight": weight} for symbol, weight in sorted(self.weights.items())],
        }
        if self.constraints:
            document["constraints"] = dict(sorted(self.constraints.items()))
        if self.run_id is not None:
            document["metadata"] = {"id": self.run_id}
        return json.dumps(document, indent=2) + "\n"

    def write(self, path: Path) -> None:
        """Replace the file at ``path`` in one step.

        Parameters
        ----------
        path : Path
            Destination; its folder must exist.
        """
        write_text(path, self.to_json())

    @classmethod
    def from_json(cls, text: str, *, file: str = "target.json") -> Target:
        """Read a target file.

        Parameters
        ----------
        text : str
            The file's text.
        file : str, default "target.json"
            Name for messages.

        Returns
        -------
        target : Target
            Equal to the one that wrote the text.

        Raises
        ------
        ConfigError
            If the text is not JSON, lacks a key, or has one that is unknown or of the wrong type.
        SchemaMismatchError
            If the schema is not the one this version reads; a file without one is read.
        WeightsError
            If a symbol appears twice, or the weights are out of range.

        Examples
        --------
        >>> target = Target("2024-01-31T21:00:00Z", {"AAPL": 0.6, "MSFT": 0.4})
        >>> Target.from_json(target.to_json()) == target
        True
        """
        document = _object(_parsed(text, file), file, "", required=("timestamp", "targets"), known=_KEYS)
        schema = document.get("schema", SCHEMA)
        if schema != SCHEMA or isinstance(schema, bool):
            raise SchemaMismatchError(
                f"{file}: schema={schema!r}, this version reads {SCHEMA}.",
                field="schema",
                value=schema,
                allowed=str(SCHEMA),
                fix="Use the version that wrote it.",
            )
        constraints = _object(document.get("constraints", {}), file, "constraints", known=_CONSTRAINTS)
        metadata = _object(document.get("metadata", {}), file, "metadata", known=("id",))
        return cls(
            _timestamp(document["timestamp"], file),
            _weights(document["targets"], file),
            {name: _number(value, file, f"constraints.{name}") for name, value in constraints.items()},
            None if "id" not in metadata else _text(metadata["id"], file, "metadata.id"),
        )


def _parsed(text: str, file: str) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        place = f":{error.lineno}:{error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise _fault(f"{file}{place}: is not JSON: {error}") from error


def _fault(message: str) -> ConfigError:
    return ConfigError(message, problems=[message])


def _object(
    value: Any, file: str, path: str, *, required: tuple[str, ...] = (), known: tuple[str, ...]
) -> dict[str, Any]:
    where = path or "target"
    if not isinstance(value, dict):
        raise _fault(f"{file}: {where}: must be an object (got {value!r:.60})")
    for key in value:
        if key not in known:
            raise _fault(f"{file}: {where}: unknown key {key!r}; allowed: {', '.join(known)}")
    for key in required:
        if key not in value:
            raise _fault(f"{file}: {where}: {key} is required and missing")
    return value


def _weights(rows: Any, file: str) -> dict[str, float]:
    if not isinstance(rows, list):
        raise _fault(f"{file}: targets: must be an array (got {rows!r:.60})")
    weights: dict[str, float] = {}
    for i, row in enumerate(rows):
        path = f"targets[{i}]"
        keys = ("symbol", "weight")
        entry = _object(row, file, path, required=keys, known=keys)
        symbol = _text(entry["symbol"], file, f"{path}.symbol")
        if symbol in weights:
            raise WeightsError(f"{file}: {path}: symbol {symbol!r} appears twice.", field="targets", value=symbol)
        weights[symbol] = _number(entry["weight"], file, f"{path}.weight")
    return weights


def _timestamp(value: Any, file: str) -> str:
    text = _text(value, file, "timestamp")
    try:
        has_zone = datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        has_zone = False
    if not has_zone:
        raise _fault(f"{file}: timestamp: must be an instant such as 2024-01-31T21:00:00Z (got {text!r:.60})")
    return text


def _text(value: Any, file: str, path: str) -> str:
    if not isinstance(value, str) or not value:
        raise _fault(f"{file}: {path}: must be text (got {value!r:.60})")
    return value


def _number(value: Any, file: str, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _fault(f"{file}: {path}: must be a number (got {value!r:.60})")
    return float(value)
