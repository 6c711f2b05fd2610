"""From a frame to the next state of one dataset: gates, comparison with what is known, new versions of what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from nanodesk.errors import DataError, SchemaMismatchError, ValidationError
from nanodesk.research.dataset_kinds import About, Kind
from nanodesk.research.lake_files import Store
from nanodesk.research.quality import Checked, Finding
from nanodesk.research.snapshot import Entry, Partition, content_hash

_WHOLE = "all"
_BOOKKEEPING = ("known_at", "ingest")


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did.

    Parameters
    ----------
    dataset, file : str
        Where the rows went, and where they came from.
    snapshot_id : str
        The newest snapshot afterwards; unchanged where nothing was new.
    rows : int
        Rows of the source.
    added, revised, unchanged, quarantined : int
        What became of them.
    findings : tuple of Finding
        What the gates said.
    """

    dataset: str
    file: str
    snapshot_id: str
    rows: int
    added: int
    revised: int
    unchanged: int
    quarantined: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """The next entry of a dataset, and the counts behind it.

    Parameters
    ----------
    entry : Entry
        To be listed in the next snapshot; the old one where nothing is new.
    added, revised, unchanged : int
        Rows by fate.
    """

    entry: Entry
    added: int
    revised: int
    unchanged: int


def plan_change(
    store: Store,
    dataset: str,
    kind: Kind,
    *,
    old: Entry | None,
    checked: Checked,
    about: About,
    revised_at: date | None,
    file: str,
) -> Change:
    """Write the files of a dataset's next state, without making it visible.

    Parameters
    ----------
    store : Store
        Where files go.
    dataset : str
        Name of the dataset.
    kind : Kind
        What its rows are.
    old : Entry or None
        Its present state.
    checked : Checked
        Rows that passed, and rows set aside.
    about : About
        Facts kept with the dataset.
    revised_at : date or None
        Day on which changed rows became known.
    file : str
        Name used in errors and in the quarantine.

    Returns
    -------
    change : Change
        What a snapshot is to list.

    Raises
    ------
    SchemaMismatchError
        If the dataset exists with another kind or other columns.
    DataError
        If rows changed and ``revised_at`` is absent, or earlier than what it would replace.
    """
    frame = checked.good.drop("line")
    columns = tuple(name for name in frame.columns if name != "known_at")
    if old is not None:
        _check_same_shape(dataset, kind, columns, old)
    touched = _by_partition(frame, kind)
    ordinal = 1 if old is None else old.ingests + 1
    partitions = {} if old is None else dict(old.partitions)
    counts = {"added": 0, "revised": 0, "unchanged": 0}
    for name, rows in touched.items():
        present = store.read(partitions[name]) if name in partitions else None
        fresh = _versions(present, rows, kind, ordinal, revised_at, counts, file)
        if len(fresh):
            merged = fresh if present is None else pl.concat([present, fresh])
            partitions[name] = store.write(_folder(kind, dataset), name, merged.sort([*kind.key, *_versioned_by(kind)]))
    quarantine = _quarantined(store, dataset, checked, old, file)
    document = about.to_json()
    changed = counts["added"] + counts["revised"] > 0
    if old is not None and not changed and quarantine == old.quarantine and document == old.about:
        return Change(old, **counts)
    revised = counts["revised"] > 0 or (old is not None and old.revised)
    entry = Entry(kind.name, columns, ordinal, revised, document, partitions, quarantine)
    return Change(entry, **counts)


def newest_versions(frame: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    """Of every fact, the version known last.

    Parameters
    ----------
    frame : polars.DataFrame
        Rows sorted by key, ``known_at`` and ``ingest``, as partitions are.
    kind : Kind
        Names the key.

    Returns
    -------
    frame : polars.DataFrame
        One row per key, in the same order.
    """
    same = pl.all_horizontal([pl.col(name).eq_missing(pl.col(name).shift(-1)) for name in kind.key])
    last = pl.int_range(pl.len()) == pl.len() - 1
    return frame.filter(~same | last)


def _check_same_shape(dataset: str, kind: Kind, columns: Sequence[str], old: Entry) -> None:
    if old.kind != kind.name:
        raise SchemaMismatchError(
            f"dataset {dataset!r} is of kind {old.kind!r}, not {kind.name!r}.",
            field="kind",
            value=kind.name,
            allowed=old.kind,
            fix="Use another dataset name.",
        )
    if tuple(columns) != old.columns:
        raise SchemaMismatchError(
            f"dataset {dataset!r} has columns {', '.join(old.columns)}; this frame has {', '.join(columns)}.",
            field="columns",
            value=list(columns),
            allowed=", ".join(old.columns),
            fix="Give the same columns, or use another dataset name.",
        )


def _by_partition(frame: pl.DataFrame, kind: Kind) -> dict[str, pl.DataFrame]:
    if kind.partition_by is None:
        return {_WHOLE: frame}
    year = pl.col(kind.partition_by).dt.year().cast(pl.String)
    parts = frame.with_columns(year.alias("_year")).partition_by("_year", as_dict=True, include_key=False)
    return {str(key[0]): parts[key] for key in sorted(parts)}


def _versions(
    present: pl.DataFrame | None,
    rows: pl.DataFrame,
    kind: Kind,
    ordinal: int,
    revised_at: date | None,
    counts: dict[str, int],
    file: str,
) -> pl.DataFrame:
    """The rows that say something new: unknown keys, and other values under a known key."""
    fresh = rows.with_columns(pl.lit(ordinal, pl.Int32).alias("ingest"))
    if present is None:
        counts["added"] += len(fresh)
        return fresh
    newest = newest_versions(present, kind).select(pl.all().name.suffix("_old"))
    on_old = [f"{name}_old" for name in kind.key]
    joined = fresh.join(
        newest.with_columns(pl.lit(True).alias("_known")), left_on=list(kind.key), right_on=on_old, how="left"
    )
    values = [name for name in rows.columns if name not in kind.key and name != "known_at"]
    differs = pl.any_horizontal([pl.lit(False), *(pl.col(name).ne_missing(pl.col(f"{name}_old")) for name in values)])
    known = pl.col("_known").fill_null(False)
    added = joined.filter(~known).select(fresh.columns)
    revised = joined.filter(known & differs)
    counts["added"] += len(added)
    counts["revised"] += len(revised)
    counts["unchanged"] += len(rows) - len(added) - len(revised)
    if revised.is_empty():
        return added
    return pl.concat([added, _dated(revised, kind, revised_at, file).select(fresh.columns)])


def _dated(revised: pl.DataFrame, kind: Kind, revised_at: date | None, file: str) -> pl.DataFrame:
    """Changed rows, known from the day of the revision on."""
    if "known_at" in kind.key:  # a filing carries its own day, so another value under it corrects the reading of it
        return revised
    first = revised.row(0, named=True)
    name = " ".join(str(first[key]) for key in kind.key)
    if revised_at is None:
        raise DataError(
            f"{file}: {len(revised)} rows differ from what the lake holds, the first is {name}. Nothing was written.",
            field="revised_at",
            value=None,
            allowed="the day on which the changed rows became known",
            fix="Pass revised_at; the old values stay readable as of earlier days.",
        )
    latest = str(revised["known_at_old"].max())
    if latest > str(revised_at) and latest != "None":
        raise ValidationError(
            f"revised_at={revised_at} is before {latest}, when a present value of {file} became known.",
            field="revised_at",
            value=str(revised_at),
            allowed=f">= {latest}",
        )
    return revised.with_columns(pl.lit(revised_at).alias("known_at"))


def _versioned_by(kind: Kind) -> list[str]:
    return [name for name in _BOOKKEEPING if name not in kind.key]


def _quarantined(store: Store, dataset: str, checked: Checked, old: Entry | None, file: str) -> tuple[Partition, ...]:
    """The listed quarantine files, and one more where this ingest set rows aside that none of them holds."""
    kept = () if old is None else old.quarantine
    if checked.bad.is_empty():
        return kept
    rows = checked.bad.sort("line").with_columns(pl.lit(file).alias("file"))
    name = content_hash(rows)
    if any(name in part.file for part in kept):
        return kept
    return (*kept, store.write(f"quarantine/{dataset}", "rows", rows))


def _folder(kind: Kind, dataset: str) -> str:
    return f"{kind.name}/{dataset}"
