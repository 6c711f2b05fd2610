"""The target file: weights that a portfolio should hold.

The file comes from outside. JSON as Python reads it takes ``NaN``, turns ``1e999`` into infinity and keeps the last of
two equal keys without a word; all three are refused here, as are texts that are too long or nested too deeply.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from nanodesk.atomic_file import write_text
from nanodesk.errors import ConfigError, SchemaMismatchError, WeightsError

SCHEMA = 1

MAX_BYTES = 1024 * 1024
MAX_TARGETS = 10_000
MAX_SYMBOL = 32
MAX_ID = 128
LARGEST_VOLUME = 1e15

MAX_SECTOR = 64

_KEYS = ("schema", "timestamp", "targets", "constraints", "metadata", "average_daily_volume", "sectors")
_CONSTRAINTS: Mapping[str, tuple[float, float]] = {
    "max_position_pct": (1e-9, 1.0),
    "max_leverage": (1e-9, 100.0),
    "min_trade_usd": (0.0, 1e15),
}
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


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
        Limits that travel with the target: ``max_position_pct`` (fraction), ``max_leverage``, ``min_trade_usd``. Each
        can only tighten what the configuration says.
    run_id : str, optional
        ``metadata.id`` of the file: what this rebalance is called; a target of the same id and the same weights is the
        same rebalance.
    average_daily_volume : mapping of str to float, optional
        Units traded a day by symbol, above zero: what ``risk.max_adv_frac`` is a fraction of.
    sectors : mapping of str to str, optional
        Sector by symbol where the broker tells none, for ``risk.max_sector_frac``.

    Raises
    ------
    WeightsError
        If there is no weight, or one is zero, not finite or beyond 1, or longs add to more than 1; if a symbol is no
        name of 1 to 32 printable characters, or a constraint or a volume is out of range.
    """

    timestamp: str
    weights: Mapping[str, float]
    constraints: Mapping[str, float] = field(default_factory=dict)
    run_id: str | None = None
    average_daily_volume: Mapping[str, float] = field(default_factory=dict)
    sectors: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.weights:
            raise WeightsError("targets is empty.", field="targets", value=[], allowed="at least one symbol")
        if len(self.weights) > MAX_TARGETS:
            count = len(self.weights)
            raise WeightsError(
                f"targets has {count} rows.", field="targets", value=count, allowed=f"at most {MAX_TARGETS}"
            )
        for symbol in (*self.weights, *self.average_daily_volume, *self.sectors):
            if fault := symbol_fault(symbol):
                raise WeightsError(f"symbol={symbol[:60]!r} {fault}.", field="symbol", value=symbol, allowed="a name")
        for symbol, weight in self.weights.items():
            if not math.isfinite(weight) or weight == 0 or abs(weight) > 1:
                raise WeightsError(
                    f"targets[{symbol!r}].weight={weight} must be finite, not zero and within [-1, 1].",
                    field="weight",
                    value=weight,
                    allowed="[-1, 1] without 0",
                )
        long = sum(weight for weight in self.weights.values() if weight > 0)
        if long > 1 + 1e-9:
            raise WeightsError(
                f"long weights add to {long:.10g}, more than 1.",
                field="targets",
                value=long,
                allowed="<= 1",
                fix="Divide each by their sum.",
            )
        for name, limit in self.constraints.items():
            low, high = _CONSTRAINTS.get(name, (math.nan, math.nan))
            if not low <= limit <= high:
                raise WeightsError(
                    f"constraints.{name}={limit} must lie within [{low:g}, {high:g}].",
                    field=f"constraints.{name}",
                    value=limit,
                    allowed=f"[{low:g}, {high:g}]",
                )

        for symbol, volume in self.average_daily_volume.items():
            if not 0 < volume <= LARGEST_VOLUME:
                raise WeightsError(
                    f"average_daily_volume[{symbol!r}]={volume} must be above 0 and at most {LARGEST_VOLUME:g}.",
                    field="average_daily_volume",
                    value=volume,
                    allowed=f"(0, {LARGEST_VOLUME:g}]",
                )

    @property
    def window_id(self) -> str:
        """SHA-256 of what this rebalance is: its id (else its timestamp) and its weights; 64 hexadecimal digits.

        Two files of one window are one rebalance: a second scheduled run of it is refused.
        """
        rows = [[symbol, weight] for symbol, weight in sorted(self.weights.items())]
        text = json.dumps([self.run_id or self.timestamp, rows], ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

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
        if self.average_daily_volume:
            document["average_daily_volume"] = dict(sorted(self.average_daily_volume.items()))
        if self.sectors:
            document["sectors"] = dict(sorted(self.sectors.items()))
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
            If the text is not JSON, longer than 1 MiB, or lacks a key or has one that is unknown, given twice or of the
            wrong type.
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
        if len(text) > MAX_BYTES:
            raise _fault(f"{file}: is larger than {MAX_BYTES // 1024} KiB")
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
        constraints = _object(document.get("constraints", {}), file, "constraints", known=tuple(_CONSTRAINTS))
        metadata = _object(document.get("metadata", {}), file, "metadata", known=("id",))
        said = (
            _timestamp(document["timestamp"], file),
            _weights(document["targets"], file),
            {name: _number(value, file, f"constraints.{name}") for name, value in constraints.items()},
            None if "id" not in metadata else _text(metadata["id"], file, "metadata.id", longest=MAX_ID),
            {
                name: _number(value, file, f"average_daily_volume.{name}")
                for name, value in _facts(document, "average_daily_volume", file)
            },
            {
                name: _text(value, file, f"sectors.{name}", longest=MAX_SECTOR)
                for name, value in _facts(document, "sectors", file)
            },
        )
        try:
            return cls(*said)
        except WeightsError as error:
            message = f"{file}: {error}"
            raise WeightsError(message, field=error.field, value=error.value, allowed=error.allowed) from error


def symbol_fault(symbol: str) -> str | None:
    """What keeps a text from being the name of an instrument.

    A name may end in file names, messages and logs, so it is short, prints, and looks like nothing else: no white space
    or control character, no path, no option, no letter that only looks like another form of itself.

    Parameters
    ----------
    symbol : str
        Any text.

    Returns
    -------
    fault : str or None
        To stand after the symbol; ``None`` if nothing is wrong.

    Examples
    --------
    >>> symbol_fault("BRK.B"), symbol_fault("../etc")
    (None, 'must not begin with a dot or a dash')
    """
    if not 0 < len(symbol) <= MAX_SYMBOL:
        return f"must have 1 to {MAX_SYMBOL} characters"
    if any(character.isspace() or not character.isprintable() for character in symbol):
        return "must be printable, without white space"
    if symbol[0] in ".-":
        return "must not begin with a dot or a dash"
    if ".." in symbol or any(sign in symbol for sign in "/\\:"):
        return "must not look like a path"
    return None if unicodedata.normalize("NFKC", symbol) == symbol else "is not in its normal form (NFKC)"


def _parsed(text: str, file: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_refused_constant)
    except json.JSONDecodeError as error:
        raise _fault(f"{file}:{error.lineno}:{error.colno}: is not JSON: {error}") from error
    except (ValueError, RecursionError) as error:  # a repeated key, NaN, a number of too many digits, or too deep
        raise _fault(f"{file}: is not JSON that is read here: {str(error).partition(';')[0]}") from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        repeated = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"key {repeated!r:.60} appears twice in one object")
    return found


def _refused_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


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


def _facts(document: dict[str, Any], key: str, file: str) -> list[tuple[str, Any]]:
    found = document.get(key, {})
    if not isinstance(found, dict) or len(found) > MAX_TARGETS:
        raise _fault(f"{file}: {key}: must be an object of at most {MAX_TARGETS} symbols (got {found!r:.60})")
    return list(found.items())


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
        if not _RFC3339.fullmatch(text):
            raise ValueError
        datetime.fromisoformat(text.upper())
    except ValueError:
        raise _fault(f"{file}: timestamp: must be an instant such as 2024-01-31T21:00:00Z (got {text!r:.60})") from None
    return text


def _text(value: Any, file: str, path: str, *, longest: int = 256) -> str:
    if not isinstance(value, str) or not value or len(value) > longest:
        raise _fault(f"{file}: {path}: must be text of at most {longest} characters (got {value!r:.60})")
    return value


def _number(value: Any, file: str, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _fault(f"{file}: {path}: must be a number (got {value!r:.60})")
    try:
        return float(value)
    except OverflowError:
        raise _fault(f"{file}: {path}: is too large (got {value!r:.60})") from None
