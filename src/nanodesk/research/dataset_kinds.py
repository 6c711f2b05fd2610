"""The kinds of dataset a lake holds: their keys, columns and types, and facts about one dataset."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Literal

import polars as pl

from nanodesk.errors import SchemaMismatchError, ValidationError

KindName = Literal["prices", "series", "fundamentals", "membership", "securities"]
Survivorship = Literal["free", "biased", "unknown"]


@dataclass(frozen=True, slots=True)
class Kind:
    """Shape of one kind of dataset.

    Parameters
    ----------
    name : str
        What manifests and messages call it.
    key : tuple of str
        Columns that name a row; two rows with one key are versions of the same fact.
    required, optional : mapping of str to polars type
        Columns that must and may be given, besides ``known_at`` and ``line``.
    known_from : str or None
        Column whose date a row is known on when the source says nothing else.
    partition_by : str or None
        Date column whose year names the file; ``None`` keeps one file.
    open_ended : bool, default False
        Whether other columns are kept as they come.
    """

    name: KindName
    key: tuple[str, ...]
    required: Mapping[str, Any]
    optional: Mapping[str, Any]
    known_from: str | None
    partition_by: str | None
    open_ended: bool = False


_TEXT, _DAY, _NUMBER = pl.String, pl.Date, pl.Float64
_FIRST_DAY, _LAST_DAY = date(1800, 1, 1), date(2200, 12, 31)

KINDS: Mapping[str, Kind] = {
    "prices": Kind(
        "prices",
        ("symbol", "date"),
        {"symbol": _TEXT, "date": _DAY, "close": _NUMBER},
        dict.fromkeys(("open", "high", "low", "volume", "dividend", "split", "next_factor"), _NUMBER),
        "date",
        "date",
    ),
    "series": Kind("series", ("name", "date"), {"name": _TEXT, "date": _DAY, "value": _NUMBER}, {}, "date", None),
    "fundamentals": Kind(
        "fundamentals",
        ("symbol", "period_end", "known_at"),
        {"symbol": _TEXT, "period_end": _DAY, "known_at": _DAY},
        {},
        None,
        "known_at",
        open_ended=True,
    ),
    "membership": Kind(
        "membership",
        ("index", "symbol", "from"),
        {"index": _TEXT, "symbol": _TEXT, "from": _DAY, "to": _DAY},
        {"reason": _TEXT},
        "from",
        None,
    ),
    "securities": Kind(
        "securities",
        ("symbol",),
        {"symbol": _TEXT},
        dict.fromkeys(("name", "sector", "industry", "exchange", "type"), _TEXT),
        None,
        None,
    ),
}


@dataclass(frozen=True, slots=True)
class About:
    """What a reader must know of a dataset and its rows cannot say.

    Parameters
    ----------
    source, licence : str
        Where the rows came from and under which terms.
    calendar : str, default "XNYS"
        Calendar of its sessions.
    adjusted : bool, default False
        Whether prices come adjusted for splits and dividends already; then no raw price exists.
    survivorship : {"free", "biased", "unknown"}
        Whether names that failed or left are in it.
    units : mapping of str to str
        Unit of each series: ``percent``, ``fraction`` or a word such as ``index points``.
    notes : tuple of str
        Warnings that a run prints first.
    """

    source: str = ""
    licence: str = ""
    calendar: str = "XNYS"
    adjusted: bool = False
    survivorship: Survivorship = "unknown"
    units: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values, in the order of the fields.

        Returns
        -------
        document : dict
            What :meth:`from_json` reads.
        """
        return {**asdict(self), "units": dict(sorted(self.units.items())), "notes": list(self.notes)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> About:
        """The inverse of :meth:`to_json`.

        Parameters
        ----------
        document : mapping
            Plain values.

        Returns
        -------
        about : About
            The same facts.
        """
        return cls(**{**document, "notes": tuple(document["notes"])})


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What a lake holds under one name.

    Parameters
    ----------
    name, kind : str
        Dataset and its kind.
    rows : int
        Rows, all versions counted.
    columns : tuple of str
        Data columns.
    quarantined : int
        Rows set aside.
    about : About
        Licence, calendar, units, warnings.
    """

    name: str
    kind: KindName
    rows: int
    columns: tuple[str, ...]
    quarantined: int
    about: About

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a run prints first: survivorship and the notes of the source."""
        biased = f"survivorship-biased: {self.name} lacks names that failed or left."
        return ((biased,) if self.about.survivorship == "biased" else ()) + self.about.notes


def kind_of(name: str) -> Kind:
    """The kind of that name.

    Parameters
    ----------
    name : str
        ``prices``, ``series``, ``fundamentals``, ``membership`` or ``securities``.

    Returns
    -------
    kind : Kind
        Keys and columns.

    Raises
    ------
    ValidationError
        If there is no such kind.
    """
    if name not in KINDS:
        raise ValidationError(
            f"kind={name!r} is unknown.", field="kind", value=name, allowed=", ".join(KINDS), fix=nearest(name, KINDS)
        )
    return KINDS[name]


def conform(frame: pl.DataFrame, kind: Kind, *, file: str) -> pl.DataFrame:
    """The frame with exactly the columns and types of its kind, plus ``known_at`` and ``line``.

    Parameters
    ----------
    frame : polars.DataFrame
        Rows as a source gives them.
    kind : Kind
        What they are to be.
    file : str
        Name used in errors.

    Returns
    -------
    frame : polars.DataFrame
        Key columns, the others in a fixed order, ``known_at`` and ``line``; ``line`` counts from 1 without a source.

    Raises
    ------
    SchemaMismatchError
        If a column is missing, unknown or cannot be read as its type; the message names line, column and value.
    """
    allowed = {**kind.required, **kind.optional, "known_at": _DAY, "line": pl.Int64}
    missing = [name for name in kind.required if name not in frame.columns]
    if missing:
        raise SchemaMismatchError(
            f"{file}: column {missing[0]!r} is missing; a dataset of kind {kind.name!r} needs "
            f"{', '.join(kind.required)}, the file has {', '.join(frame.columns)}.",
            field=missing[0],
            value=frame.columns,
            allowed=", ".join(kind.required),
            fix=nearest(missing[0], frame.columns, "Rename {!r} with columns={{...}}."),
        )
    extra = [name for name in frame.columns if name not in allowed]
    if extra and not kind.open_ended:
        raise SchemaMismatchError(
            f"{file}: column {extra[0]!r} is not one of a dataset of kind {kind.name!r}.",
            field=extra[0],
            value=extra,
            allowed=", ".join(allowed),
            fix=nearest(extra[0], allowed) or "Drop it.",
        )
    if "line" not in frame.columns:
        frame = frame.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("line"))
    if "known_at" not in frame.columns:
        known = pl.lit(None, _DAY) if kind.known_from is None else pl.col(kind.known_from)
        frame = frame.with_columns(known.alias("known_at"))
    order = [name for name in (*kind.key, *allowed, *sorted(extra)) if name in frame.columns]
    order = [name for name in dict.fromkeys(order) if name not in ("known_at", "line")] + ["known_at", "line"]
    conformed = frame.select(_cast(frame, name, allowed.get(name), file) for name in order)
    for column in conformed:
        if column.dtype == _DAY:
            _check_days(column, conformed["line"], file)
    return conformed


def _cast(frame: pl.DataFrame, name: str, dtype: Any, file: str) -> pl.Series:
    column = frame[name]
    if dtype is None:  # a free column keeps text and truth values, every number becomes a float
        dtype = pl.Float64 if column.dtype.is_numeric() else column.dtype
    if column.dtype == dtype:
        return column
    try:
        cast = column.cast(dtype, strict=False)
    except pl.exceptions.PolarsError as error:
        raise SchemaMismatchError(
            f"{file}: column {name!r} has type {column.dtype}, which cannot be read as {_WORDS[dtype]}.",
            field=name,
            value=str(column.dtype),
            allowed=_WORDS[dtype],
        ) from error
    lost = (cast.is_null() & column.is_not_null()).arg_true()
    if len(lost):
        line, value = frame["line"][lost[0]], column[lost[0]]
        raise SchemaMismatchError(
            f"{file}:{line}: {name}={value!r} cannot be read as {_WORDS[dtype]}.",
            field=name,
            value=value,
            allowed=_WORDS[dtype],
            fix="Correct the cell, or map another column.",
        )
    return cast


def _check_days(column: pl.Series, line: pl.Series, file: str) -> None:
    """A year like 24 or 20240 is a slip of the format, and would stretch every matrix to its date."""
    wrong = (~column.is_between(_FIRST_DAY, _LAST_DAY)).fill_null(False).arg_true()
    if len(wrong):
        value = column[wrong[:1]].cast(pl.String)[0]
        raise SchemaMismatchError(
            f"{file}:{line[wrong[0]]}: {column.name}={value} is not between {_FIRST_DAY} and {_LAST_DAY}.",
            field=column.name,
            value=value,
            allowed=f"{_FIRST_DAY} to {_LAST_DAY}",
            fix="Correct the cell, or name the date format.",
        )


_WORDS = {_TEXT: "text", _DAY: "a date", _NUMBER: "a number", pl.Int64: "a whole number"}


def nearest(name: str, known: Iterable[object], form: str = "Did you mean {!r}?") -> str | None:
    """A hint naming the most similar of the known names.

    Parameters
    ----------
    name : str
        What was written.
    known : iterable of str
        What exists.
    form : str
        Template around the answer.

    Returns
    -------
    hint : str or None
        ``None`` where nothing is similar.
    """
    lower = {str(item).lower(): str(item) for item in known}
    match = difflib.get_close_matches(name.lower(), list(lower), n=1, cutoff=0.6)
    return form.format(lower[match[0]]) if match else None
