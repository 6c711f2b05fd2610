"""The strategy manifest: one TOML file that says everything a run does."""

from __future__ import annotations

import datetime
import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, PrivateAttr, ValidationError

from nanodesk.errors import ConfigError
from nanodesk.errors import ValidationError as ValidationFault
from nanodesk.research.factors.base import Factor
from nanodesk.research.factors.catalog import FACTORS
from nanodesk.research.manifest_sections import (
    Backtest,
    Data,
    Execution,
    Portfolio,
    Preprocess,
    Report,
    Section,
    Signals,
    Strategy,
    Tracking,
    Universe,
)
from nanodesk.research.manifest_source import parse_source, read_source
from nanodesk.toml_files.faults import problems_of
from nanodesk.toml_files.lines import KeyPath
from nanodesk.toml_files.source import Problem, Source, dotted

SCHEMA = 1

_LONG_SHORT = ("score", "mean_variance", "max_sharpe")
"""Methods that do not end with nothing where longs and shorts must balance."""

NOT_IMPLEMENTED: Mapping[KeyPath, str] = {
    ("regime",): "section [regime]",
    ("walk_forward",): "section [walk_forward]",
    ("schedule",): "section [schedule]",
    ("watch",): "section [watch]",
    ("signals", "ml"): "section [signals.ml]",
    ("data", "lags"): "section [data.lags]",
    ("data", "quality"): "section [data.quality]",
    ("data", "macro"): "data.macro",
    ("tracking", "mlflow"): "tracking.mlflow",
    ("tracking", "artifacts"): "tracking.artifacts",
}
NOT_IMPLEMENTED_VALUES: Mapping[KeyPath, tuple[object, ...]] = {
    ("signals", "combine"): ("ml",),
    ("universe", "source"): ("security_master", "file"),
    ("portfolio", "covariance"): ("factor",),
}
PLANNED_FACTORS = (
    "earn_yield",
    "book_price",
    "ebitda_ev",
    "fcf_yield",
    "roe",
    "gross_prof",
    "accruals",
    "leverage",
    "asset_growth",
    "rate_beta",
    "curve_tilt",
)


class Manifest(Section):
    """One strategy, checked: every section with its defaults filled in.

    Made by `load_manifest` or `parse_manifest`, which give errors with file and line.
    """

    schema_version: Literal[1] = Field(alias="schema")
    strategy: Strategy
    data: Data
    universe: Universe = Universe()
    preprocess: Preprocess = ()
    signals: Signals
    portfolio: Portfolio = Portfolio()
    backtest: Backtest = Backtest()
    report: Report = Report()
    tracking: Tracking = Tracking()
    execution: Execution | None = None

    _source: Source = PrivateAttr(default_factory=lambda: Source("manifest"))

    def error(self, path: KeyPath, message: str) -> ConfigError:
        """A fault found later, when the data is known, with the file and line of the key.

        Parameters
        ----------
        path : tuple of str or int
            The key.
        message : str
            What is wrong and what would do.

        Returns
        -------
        error : ConfigError
            Ready to raise.
        """
        return self.errors([(path, message)])

    def place(self, path: KeyPath) -> str:
        """Where a key stands, as errors begin.

        Parameters
        ----------
        path : tuple of str or int
            The key.

        Returns
        -------
        place : str
            ``file:line: dotted.key``, or ``--set: dotted.key``.
        """
        file, line, _ = self._source.where(path)
        return f"{file}:{line}: {dotted(path)}" if line else f"{file}: {dotted(path)}"

    def errors(self, problems: Iterable[tuple[KeyPath, str]]) -> ConfigError:
        """Several faults found later.

        Parameters
        ----------
        problems : iterable of (tuple of str or int, str)
            Keys, and what is wrong with each.

        Returns
        -------
        error : ConfigError
            Ready to raise.
        """
        return self._source.error([Problem(path, message) for path, message in problems])


def load_manifest(path: str | Path, *, settings: Mapping[str, Any] | None = None) -> Manifest:
    """Read and check a manifest.

    Parameters
    ----------
    path : str or Path
        The TOML file.
    settings : mapping of str to object, optional
        Values that replace those of the file, by dotted key: ``{"portfolio.limits.max_weight": 0.05}``.

    Returns
    -------
    manifest : Manifest
        Frozen, defaults filled.

    Raises
    ------
    ConfigError
        With every problem at once, sorted by line, each as ``file:line: dotted.key: message (got value)``.
    """
    return _checked(*read_source(Path(path), settings))


def parse_manifest(text: str, *, name: str = "manifest.toml", settings: Mapping[str, Any] | None = None) -> Manifest:
    """Check a manifest that is already text.

    Parameters
    ----------
    text : str
        TOML.
    name : str, default "manifest.toml"
        File name for messages.
    settings : mapping of str to object, optional
        As in `load_manifest`.

    Returns
    -------
    manifest : Manifest
        Frozen, defaults filled.

    Raises
    ------
    ConfigError
        As in `load_manifest`.
    """
    return _checked(*parse_source(text, name, settings))


def plain_values(manifest: Manifest) -> dict[str, Any]:
    """The manifest as plain values: tables as dicts, arrays as lists, dates as ``YYYY-MM-DD``.

    Parameters
    ----------
    manifest : Manifest
        A checked manifest.

    Returns
    -------
    values : dict
        Defaults filled; keys that are absent by default are ``None``.
    """
    return manifest.model_dump(mode="json", by_alias=True)


def from_plain_values(values: Mapping[str, Any]) -> Manifest:
    """The manifest whose `plain_values` these are.

    Parameters
    ----------
    values : mapping
        From `plain_values`, for example out of a stored run.

    Returns
    -------
    manifest : Manifest
        Equal to the one that was stored.

    Raises
    ------
    ConfigError
        If another version wrote the values and this one does not read them.
    """
    try:
        return Manifest.model_validate_json(json.dumps(dict(values)))
    except ValidationError as error:
        raise Source("stored manifest").error(problems_of(error, Manifest, values)) from error


def canonical(manifest: Manifest) -> str:
    """The one text of a manifest: TOML with sorted keys and every default written out.

    Two files that mean the same have the same canonical text, and reading it gives the same manifest.

    Parameters
    ----------
    manifest : Manifest
        A checked manifest.

    Returns
    -------
    text : str
        TOML, one key a line.

    Examples
    --------
    >>> text = 'schema = 1\\nstrategy.name = "abc"\\ndata.prices = "x"\\nsignals.factor = [{ id = "mom_12_1" }]'
    >>> again = parse_manifest(canonical(parse_manifest(text)))
    >>> again == parse_manifest(text)
    True
    """
    values = manifest.model_dump(by_alias=True, exclude_none=True)
    return "\n".join(_toml_lines(values, ())) + "\n"


def json_schema() -> dict[str, Any]:
    """JSON Schema of the manifest, for editors.

    Returns
    -------
    schema : dict
        Draft 2020-12.
    """
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Manifest.model_json_schema(by_alias=True)


def _checked(values: dict[str, Any], source: Source) -> Manifest:
    problems = [*_schema_problems(values), *_unimplemented(values)]
    if any(problem.path == ("schema",) for problem in problems):
        raise source.error(problems)
    kept = _without(values, {problem.path for problem in problems})
    try:
        manifest = Manifest.model_validate(kept)
    except ValidationError as error:
        found = problems_of(error, Manifest, kept)
        refused = {problem.path for problem in problems}
        problems += [problem for problem in found if problem.path not in refused]
    problems += _factor_problems(kept) + _cross_problems(kept)
    if problems:
        raise source.error(problems)
    manifest._source = source
    return manifest


def _schema_problems(values: Mapping[str, Any]) -> list[Problem]:
    schema = values.get("schema")
    if schema is None:
        return [Problem(("schema",), f"is required: write schema = {SCHEMA} as the first line")]
    if schema != SCHEMA or isinstance(schema, bool):
        newer = isinstance(schema, int) and schema > SCHEMA
        hint = "upgrade nanodesk to read it" if newer else f"write schema = {SCHEMA}"
        return [Problem(("schema",), f"this version reads schema {SCHEMA}; {hint}")]
    return []


def _unimplemented(values: Mapping[str, Any]) -> list[Problem]:
    later = "is not implemented yet in this version"
    absent = object()
    problems = [
        Problem(path, f"{name} {later}", shows_value=False)
        for path, name in NOT_IMPLEMENTED.items()
        if _at(values, path, absent) is not absent
    ]
    for path, words in NOT_IMPLEMENTED_VALUES.items():
        word = _at(values, path, absent)
        if isinstance(word, str) and word in words:
            problems.append(Problem(path, f'"{word}" {later}', shows_value=False))
    return problems


def _at(values: Any, path: KeyPath, default: object) -> Any:
    for part in path:
        if not isinstance(values, dict) or part not in values:
            return default
        values = values[part]
    return values


def _without(values: dict[str, Any], paths: set[KeyPath]) -> dict[str, Any]:
    kept = dict(values)
    for first, *rest in paths:
        if first in kept and not rest:
            del kept[str(first)]
        elif isinstance(kept.get(str(first)), dict):
            kept[str(first)] = _without(kept[str(first)], {tuple(rest)})
    return kept


def _factor_problems(values: Mapping[str, Any]) -> list[Problem]:
    factors = _at(values, ("signals", "factor"), ())
    problems: list[Problem] = []
    seen: set[str] = set()
    for i, choice in enumerate(factors if isinstance(factors, tuple) else ()):
        name = choice.get("id") if isinstance(choice, dict) else None
        if not isinstance(name, str):
            continue
        path = ("signals", "factor", i)
        problem = _id_problem(name, seen)
        if problem is not None:
            problems.append(Problem((*path, "id"), problem, shows_value=False))
        elif isinstance(choice.get("params", {}), dict):
            problems += _parameter_problems(FACTORS[name], choice.get("params", {}), (*path, "params"))
        seen.add(name)
    return problems


def _id_problem(name: str, seen: set[str]) -> str | None:
    if name in FACTORS:
        return f'factor "{name}" appears twice' if name in seen else None
    if name in PLANNED_FACTORS:
        return f'factor "{name}" is not implemented yet in this version'
    close = difflib.get_close_matches(name, FACTORS, n=1, cutoff=0.5)
    hint = f"; nearest: {close[0]}" if close else ""
    return f'unknown factor "{name}"{hint}; run `nanodesk factors`'


def _parameter_problems(factor: Factor, params: Mapping[str, Any], path: KeyPath) -> list[Problem]:
    problems = []
    for key, value in params.items():
        try:
            factor.resolve({key: value})
        except ValidationFault as error:
            problems.append(Problem((*path, key), str(error), shows_value=False))
    if problems:
        return problems
    try:
        factor.resolve(params)
    except ValidationFault as error:
        problems.append(Problem(path, str(error), shows_value=False))
    return problems


def _cross_problems(values: Mapping[str, Any]) -> list[Problem]:
    """Checks between sections, each made when the sections that it reads are sound by themselves."""
    sections: dict[str, Any] = {}
    for name, info in Manifest.model_fields.items():
        model = info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            try:
                sections[name] = model.model_validate(values.get(name, {}))
            except ValidationError:
                continue
    problems = []
    for needed, check in _CROSS_CHECKS:
        if all(name in sections for name in needed):
            problems += check(*(sections[name] for name in needed))
    return problems


def _check_span(data: Data) -> list[Problem]:
    if data.start is not None and data.end is not None and data.end <= data.start:
        return [Problem(("data", "end"), f"must come after data.start {data.start}")]
    return []


def _check_names(universe: Universe) -> list[Problem]:
    problems = []
    if universe.max_names is not None and universe.min_names > universe.max_names:
        problems.append(Problem(("universe", "min_names"), f"must be <= universe.max_names {universe.max_names}"))
    if (universe.source == "list") != bool(universe.names):
        problems.append(Problem(("universe", "names"), 'is needed with source = "list", and only there'))
    return problems


def _check_survivorship(data: Data, universe: Universe) -> list[Problem]:
    if universe.survivorship == "require" and not data.point_in_time:
        return [Problem(("universe", "survivorship"), '"require" contradicts data.point_in_time = false')]
    return []


def _check_pace(universe: Universe, backtest: Backtest) -> list[Problem]:
    if universe.rebalance is not None and universe.rebalance != backtest.rebalance:
        message = "a screen at another pace than backtest.rebalance is not implemented yet in this version"
        return [Problem(("universe", "rebalance"), message)]
    return []


def _check_signals(signals: Signals) -> list[Problem]:
    if all(choice.weight == 0 for choice in signals.factor):
        return [Problem(("signals", "factor"), "every weight is zero", shows_value=False)]
    return []


def _check_capacity(universe: Universe, portfolio: Portfolio) -> list[Problem]:
    limit, most = portfolio.limits.max_weight, universe.max_names
    wanted = portfolio.gross * (1.0 - portfolio.limits.cash_buffer)
    if most is not None and limit * most < wanted - 1e-12:
        message = f"max_weight x universe.max_names = {limit:g} x {most} < {wanted:g}, the gross to invest"
        return [Problem(("portfolio", "limits", "max_weight"), message)]
    return []


def _check_limits(portfolio: Portfolio) -> list[Problem]:
    problems = []
    if portfolio.long_only and portfolio.gross > 1.0:
        problems.append(Problem(("portfolio", "gross"), "must be <= 1 with long_only = true"))
    if not portfolio.long_only and portfolio.method not in _LONG_SHORT:
        words = ", ".join(f'"{method}"' for method in _LONG_SHORT)
        message = f'false needs a portfolio.method that holds shorts: {words}; "{portfolio.method}" does not'
        problems.append(Problem(("portfolio", "long_only"), message, shows_value=False))
    if portfolio.limits.min_weight > portfolio.limits.max_weight:
        message = f"must be <= portfolio.limits.max_weight {portfolio.limits.max_weight:g}"
        problems.append(Problem(("portfolio", "limits", "min_weight"), message))
    return problems


def _check_factor_inputs(data: Data, signals: Signals, backtest: Backtest) -> list[Problem]:
    given = {"market": data.market or backtest.benchmark, "vix": data.vix}
    problems = []
    for i, choice in enumerate(signals.factor):
        factor = FACTORS.get(choice.id)
        for name in factor.inputs if factor is not None else ():
            if name in given and given[name] is None:
                message = f"{choice.id} needs data.{name}, the name of a series"
                problems.append(Problem(("signals", "factor", i, "id"), message))
    return problems


def _check_filters(data: Data, universe: Universe) -> list[Problem]:
    return [
        Problem(("universe", "filter", i, "kind"), f"{chosen.kind} needs data.fundamentals, the name of a dataset")
        for i, chosen in enumerate(universe.filter)
        if chosen.kind in ("fundamental_coverage", "fundamental", "market_cap") and data.fundamentals is None
    ]


_CROSS_CHECKS: tuple[tuple[tuple[str, ...], Callable[..., list[Problem]]], ...] = (
    (("data",), _check_span),
    (("universe",), _check_names),
    (("portfolio",), _check_limits),
    (("signals",), _check_signals),
    (("data", "universe"), _check_survivorship),
    (("universe", "backtest"), _check_pace),
    (("universe", "portfolio"), _check_capacity),
    (("data", "signals", "backtest"), _check_factor_inputs),
    (("data", "universe"), _check_filters),
)


def _toml_lines(values: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    lines: list[str] = []
    tables = {}
    for key, value in sorted(values.items()):
        if isinstance(value, dict):
            tables[key] = value
        else:
            lines.append(f"{_toml_key(key)} = {_toml_value(value)}")
    for key, table in tables.items():
        here = (*path, key)
        lines += ["", f"[{'.'.join(_toml_key(part) for part in here)}]", *_toml_lines(table, here)]
    return lines


def _toml_key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else json.dumps(key)


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, (int, float, datetime.date)):
        return str(value)
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_toml_key(key)} = {_toml_value(item)}' for key, item in sorted(value.items()))} }}"
    if isinstance(value, (tuple, list)) and value and isinstance(value[0], dict):
        return "[\n" + "".join(f"    {_toml_value(item)},\n" for item in value) + "]"
    return f"[{', '.join(_toml_value(item) for item in value)}]"
