"""Gates that rows pass before they enter the lake; what fails is set aside with its reason, never deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from nanodesk.errors import DataError, MissingSessionError
from nanodesk.market import calendar
from nanodesk.research.dataset_kinds import About, Kind

Level = Literal["ignore", "warn", "fail"]

_EXAMPLES = 5
_MAD_TO_SIGMA = 1.4826  # of a normal distribution
_SMALLEST_JUMP = 0.25  # log return; below it no move is called a jump, however calm the name
_SHORTEST_HISTORY = 20  # returns; fewer do not tell what is usual
_SPLIT_RATIOS = (2.0, 3.0, 4.0, 5.0, 7.0, 8.0, 10.0, 15.0, 20.0, 1.5)
_SPLIT_TOLERANCE_FRAC = 0.02


class QualityGates(BaseModel):
    """How strict each gate is: ``ignore`` skips it, ``warn`` reports, ``fail`` quarantines the rows.

    A field that is wrong raises pydantic's error naming the key.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    missing_value: Level = "fail"
    not_finite: Level = "fail"
    non_positive: Level = "fail"
    high_below_low: Level = "fail"
    outside_range: Level = "warn"
    range_tolerance_frac: Annotated[float, Field(ge=0.0, lt=0.1)] = 1e-9
    negative_volume: Level = "fail"
    zero_volume: Level = "warn"
    action_range: Level = "fail"
    max_action_factor: Annotated[float, Field(gt=1.0)] = 250.0
    duplicate: Level = "fail"
    unsorted: Level = "warn"
    stale_run: Level = "warn"
    stale_sessions: Annotated[int, Field(ge=2)] = 10
    price_jump: Level = "warn"
    price_jump_mad: Annotated[float, Field(gt=0.0)] = 12.0
    stray_session: Level = "fail"
    missing_sessions: Level = "warn"
    future_period: Level = "fail"
    on_fail: Literal["quarantine", "stop"] = "quarantine"
    max_quarantined_pct: Annotated[float, Field(ge=0.0, le=100.0)] = 2.0


@dataclass(frozen=True, slots=True)
class BadCell:
    """One example of what a gate found.

    Parameters
    ----------
    line : int
        Line of the file, the header being 1; row of a frame, counting from 1.
    key : str
        Symbol and date, or what else names the row.
    column : str
        Column at fault.
    value : str
        The value as text.
    """

    line: int
    key: str
    column: str
    value: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What one gate found in one file.

    Parameters
    ----------
    gate : str
        Field of :class:`QualityGates`.
    level : {"warn", "fail"}
        What was done: reported, or quarantined.
    rows : int
        Rows, or sessions for ``missing_sessions``.
    reason : str
        The rule in words.
    file : str
        Where they are.
    examples : tuple of BadCell
        The first few.
    """

    gate: str
    level: Level
    rows: int
    reason: str
    file: str
    examples: tuple[BadCell, ...]

    def __str__(self) -> str:
        first = self.examples[0] if self.examples else None
        where = f"{self.file}:{first.line}: {first.column}={first.value} ({first.key}): " if first else f"{self.file}: "
        return f"{where}{self.reason} [{self.gate}, {self.level}, {self.rows} rows]"


@dataclass(frozen=True, slots=True)
class Checked:
    """A frame after the gates.

    Parameters
    ----------
    good : polars.DataFrame
        Rows to keep, sorted by key.
    bad : polars.DataFrame
        Rows set aside, with ``gate`` and ``reason``.
    findings : tuple of Finding
        In the order of the gates.
    """

    good: pl.DataFrame
    bad: pl.DataFrame
    findings: tuple[Finding, ...]


class _Rule(NamedTuple):
    gate: str
    column: str
    failed: pl.Expr
    reason: str


def check(frame: pl.DataFrame, kind: Kind, gates: QualityGates, *, about: About, file: str) -> Checked:
    """Run every gate that applies to a kind.

    Parameters
    ----------
    frame : polars.DataFrame
        Rows in the shape of their kind, with ``line``.
    kind : Kind
        What they are.
    gates : QualityGates
        Levels and thresholds.
    about : About
        Names the calendar.
    file : str
        Name used in findings.

    Returns
    -------
    checked : Checked
        Rows kept, rows set aside, and why.

    Raises
    ------
    DataError
        If ``on_fail`` is ``stop`` and a gate of level ``fail`` found something, or if more rows than
        ``max_quarantined_pct`` would be set aside.
    MissingSessionError
        If ``missing_sessions`` is ``fail`` and a session of the calendar has no row.
    """
    findings: list[Finding] = []
    ordered, note = _sorted(frame, kind, gates, file)
    findings += note
    bad: list[pl.DataFrame] = []
    for rules in (_cell_rules(kind, gates, frame.columns), _row_rules(kind, gates, about, frame.columns)):
        ordered, failed, found = _apply(ordered, rules, kind, gates, file)
        findings += found
        bad.append(failed)
    findings += _missing_sessions(ordered, kind, gates, about, file)
    aside = pl.concat(bad)
    _refuse(findings, aside, frame, gates, file)
    return Checked(ordered, aside, tuple(findings))


def _sorted(frame: pl.DataFrame, kind: Kind, gates: QualityGates, file: str) -> tuple[pl.DataFrame, list[Finding]]:
    """Sort by key, lines in file order inside a key; note where one name's dates ran backwards."""
    day = kind.key[1] if kind.name in ("prices", "series") else None
    ordered = frame.sort([*kind.key, *_corrections(kind, frame), "line"])
    if day is None or gates.unsorted == "ignore":
        return ordered, []
    name = pl.col(kind.key[0])
    backwards = (name == name.shift(1)) & (pl.col(day) < pl.col(day).shift(1))
    rows = frame.filter(backwards)
    if rows.is_empty():
        return ordered, []
    finding = _finding(rows, _Rule("unsorted", day, backwards, "dates run backwards; sorted"), kind, gates, file)
    if gates.unsorted == "fail":
        raise DataError(
            f"{file}:{finding.examples[0].line}: {day}={finding.examples[0].value} comes after a later date.",
            field=day,
            value=finding.examples[0].value,
            allowed="dates in order",
            fix="Sort the file, or set unsorted to warn.",
        )
    return ordered, [finding]


def _corrections(kind: Kind, frame: pl.DataFrame) -> list[str]:
    # An amendment corrects the filing it amends, wherever it stands in the file.
    return ["amend"] if kind.name == "fundamentals" and "amend" in frame.columns else []


def _cell_rules(kind: Kind, gates: QualityGates, columns: Sequence[str]) -> list[_Rule]:
    """Rules that look at one row."""
    nullable = {"to"}
    rules = [
        _Rule("missing_value", name, pl.col(name).is_null(), f"{name} is blank")
        for name in kind.required
        if name not in nullable
    ]
    numbers = [name for name in ("close", "open", "high", "low", "value") if name in columns]
    extra = [name for name in ("volume", "dividend", "split", "next_factor") if name in columns]
    rules += [
        _Rule("not_finite", name, ~pl.col(name).is_finite(), f"{name} is not a finite number")
        for name in numbers + extra
    ]
    if kind.name == "prices":
        rules += _bar_rules(gates, columns)
    if kind.name == "fundamentals":
        late = pl.col("period_end") > pl.col("known_at")
        rules.append(_Rule("future_period", "period_end", late, "the period ends after the report was known"))
    if kind.name == "membership":
        late = pl.col("to") < pl.col("from")
        rules.append(_Rule("missing_value", "to", late, "the membership ends before it starts"))
    return rules


def _bar_rules(gates: QualityGates, columns: Sequence[str]) -> list[_Rule]:
    rules = [
        _Rule("non_positive", name, pl.col(name) <= 0.0, f"{name} must be greater than 0")
        for name in ("close", "open", "high", "low", "split")
        if name in columns
    ]
    if {"high", "low"} <= set(columns):
        rules.append(_Rule("high_below_low", "high", pl.col("high") < pl.col("low"), "high is below low"))
        slack = 1.0 + gates.range_tolerance_frac
        for name in ("open", "close"):
            if name in columns:
                outside = (pl.col(name) > pl.col("high") * slack) | (pl.col(name) * slack < pl.col("low"))
                rules.append(_Rule("outside_range", name, outside, f"{name} is outside [low, high]"))
    if "volume" in columns:
        rules.append(_Rule("negative_volume", "volume", pl.col("volume") < 0.0, "volume is negative"))
        rules.append(_Rule("zero_volume", "volume", pl.col("volume") == 0.0, "nothing was traded"))
    if "next_factor" in columns:
        factor, most = pl.col("next_factor"), gates.max_action_factor
        outside = (factor < 1.0 / most) | (factor > most)
        rules.append(_Rule("action_range", "next_factor", outside, f"adjustment factor outside 1/{most:g} to {most:g}"))
    return rules


def _row_rules(kind: Kind, gates: QualityGates, about: About, columns: Sequence[str]) -> list[_Rule]:
    """Rules that compare a row with its neighbours or with the calendar; rows are sorted by key."""
    later = pl.all_horizontal([pl.col(name) == pl.col(name).shift(-1) for name in kind.key])
    rules = [
        _Rule("duplicate", kind.key[-1], later.fill_null(False), f"{' and '.join(kind.key)} repeat; the last line wins")
    ]
    if kind.name == "prices":
        rules.append(_Rule("stray_session", "date", _stray(about), f"no session of {about.calendar}"))
        rules.append(_Rule("stale_run", "close", _stale(gates.stale_sessions), "close has not moved"))
        rules.append(_Rule("price_jump", "close", _jump(gates.price_jump_mad, columns), "moved far without an action"))
    return rules


def _stray(about: About) -> pl.Expr:
    first, last = calendar.bounds(about.calendar)
    known = pl.Series(calendar.sessions(about.calendar, first, last))
    return pl.col("date").is_between(first, last) & ~pl.col("date").is_in(known.implode())


def _stale(sessions: int) -> pl.Expr:
    """The last row of a run of equal closes of at least that many sessions."""
    moved = (pl.col("close") != pl.col("close").shift(1)).fill_null(True) | _starts()
    run = moved.cum_sum()
    ends = (run != run.shift(-1)).fill_null(True)
    return ends & (pl.len().over(run) >= sessions)


def _jump(mads: float, columns: Sequence[str]) -> pl.Expr:
    move = (pl.col("close") / pl.col("close").shift(1)).log()
    if "next_factor" in columns:
        move = move - pl.col("next_factor").shift(1).fill_null(1.0).log()
    if "split" in columns:
        move = move + pl.col("split").fill_null(1.0).log()
    move = pl.when(_starts()).then(None).otherwise(move)
    usual = move.median().over("symbol")
    spread = (move - usual).abs().median().over("symbol") * _MAD_TO_SIGMA
    known = move.count().over("symbol") >= _SHORTEST_HISTORY
    return known & (move.abs() > _SMALLEST_JUMP) & ((move - usual).abs() > mads * spread)


def _starts() -> pl.Expr:
    return (pl.col("symbol") != pl.col("symbol").shift(1)).fill_null(True)


def split_like(ratio: float) -> float | None:
    """The ratio of a common split that a price change looks like.

    Parameters
    ----------
    ratio : float
        Price after over price before.

    Returns
    -------
    split : float or None
        New shares per old share, below one for a reverse split; ``None`` where nothing fits.

    Examples
    --------
    >>> split_like(0.501), split_like(9.95), split_like(0.9)
    (2.0, 0.1, None)
    """
    for size in _SPLIT_RATIOS:
        for split in (size, 1.0 / size):
            if abs(ratio * split - 1.0) <= _SPLIT_TOLERANCE_FRAC:
                return split
    return None


def _apply(
    frame: pl.DataFrame, rules: Sequence[_Rule], kind: Kind, gates: QualityGates, file: str
) -> tuple[pl.DataFrame, pl.DataFrame, list[Finding]]:
    """Evaluate rules together; the first that fails gives a row its reason."""
    rules = [rule for rule in rules if getattr(gates, rule.gate) != "ignore"]
    flags = frame.select(rule.failed.fill_null(False).alias(str(i)) for i, rule in enumerate(rules))
    findings = [
        _finding(frame.filter(flags[str(i)]), rule, kind, gates, file)
        for i, rule in enumerate(rules)
        if flags[str(i)].any()
    ]
    strict = [i for i, rule in enumerate(rules) if getattr(gates, rule.gate) == "fail" and flags[str(i)].any()]
    gate = pl.coalesce([pl.lit(None, pl.String), *(pl.when(flags[str(i)]).then(pl.lit(rules[i].gate)) for i in strict)])
    reason = pl.coalesce(
        [pl.lit(None, pl.String), *(pl.when(flags[str(i)]).then(pl.lit(rules[i].reason)) for i in strict)]
    )
    if not strict:
        return frame, frame.clear().with_columns(gate.alias("gate"), reason.alias("reason")), findings
    failed = flags.select(pl.any_horizontal([str(i) for i in strict]).alias("failed"))["failed"]
    marked = frame.with_columns(gate.alias("gate"), reason.alias("reason"))
    return frame.filter(~failed), marked.filter(failed), findings


def _finding(rows: pl.DataFrame, rule: _Rule, kind: Kind, gates: QualityGates, file: str) -> Finding:
    examples = tuple(
        BadCell(row["line"], " ".join(str(row[name]) for name in kind.key), rule.column, str(row[rule.column]))
        for row in rows.sort("line").head(_EXAMPLES).iter_rows(named=True)
    )
    return Finding(rule.gate, getattr(gates, rule.gate), len(rows), rule.reason, file, examples)


def _missing_sessions(frame: pl.DataFrame, kind: Kind, gates: QualityGates, about: About, file: str) -> list[Finding]:
    if kind.name != "prices" or gates.missing_sessions == "ignore" or frame.is_empty():
        return []
    days = frame["date"].unique().sort().to_numpy().astype("datetime64[D]")
    first, last = (np.datetime64(day, "D") for day in calendar.bounds(about.calendar))
    low, high = max(days[0], first), min(days[-1], last)
    missing = np.setdiff1d(calendar.sessions(about.calendar, low, high), days) if low <= high else days[:0]
    if not len(missing):
        return []
    if gates.missing_sessions == "fail":
        raise MissingSessionError(
            f"{file}: {len(missing)} sessions of {about.calendar} have no row, the first is {missing[0]}.",
            field="date",
            value=str(missing[0]),
            fix="Fetch them, or set missing_sessions to warn.",
        )
    examples = tuple(BadCell(0, about.calendar, "date", str(day)) for day in missing[:_EXAMPLES])
    return [Finding("missing_sessions", "warn", len(missing), "session without a row", file, examples)]


def _refuse(
    findings: Sequence[Finding], aside: pl.DataFrame, frame: pl.DataFrame, gates: QualityGates, file: str
) -> None:
    failed = [finding for finding in findings if finding.level == "fail"]
    if not failed:
        return
    cell = failed[0].examples[0]
    share_pct = 100.0 * len(aside) / len(frame)
    if gates.on_fail == "stop":
        raise DataError(
            f"{failed[0]}. Nothing was written.",
            field=cell.column,
            value=cell.value,
            allowed=failed[0].reason,
            fix='Correct the file, or set on_fail to "quarantine".',
        )
    if share_pct > gates.max_quarantined_pct:
        raise DataError(
            f"{file}: {len(aside)} of {len(frame)} rows ({share_pct:.2f} %) fail a gate, more than "
            f"max_quarantined_pct={gates.max_quarantined_pct:g}; the first is {failed[0]}. Nothing was written.",
            field="max_quarantined_pct",
            value=share_pct,
            allowed=f"<= {gates.max_quarantined_pct:g}",
            fix="Look at the file first; raise max_quarantined_pct only if the rest of it can be trusted.",
        )
