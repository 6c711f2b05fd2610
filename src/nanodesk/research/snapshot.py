"""What a state of the lake is: immutable files by content hash, listed by dataset, and an id that hashes the list."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from nanodesk.errors import DataError, SchemaMismatchError

SCHEMA = 1
_ID_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Partition:
    """One immutable file of rows.

    Parameters
    ----------
    file : str
        Path relative to the lake.
    rows : int
        Number of rows.
    """

    file: str
    rows: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One dataset in a snapshot.

    Parameters
    ----------
    kind : str
        Name of its kind.
    columns : tuple of str
        Data columns, in file order.
    ingests : int
        How many ingests have changed it.
    revised : bool
        Whether any fact has more than one version.
    about : mapping
        Plain values of :class:`~nanodesk.research.dataset_kinds.About`.
    partitions : mapping of str to Partition
        By year, or ``all``.
    quarantine : tuple of Partition
        Rows that failed a gate.
    """

    kind: str
    columns: tuple[str, ...]
    ingests: int
    revised: bool
    about: Mapping[str, Any]
    partitions: Mapping[str, Partition]
    quarantine: tuple[Partition, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An immutable state of a whole lake.

    Parameters
    ----------
    datasets : mapping of str to Entry
        By dataset name.
    """

    datasets: Mapping[str, Entry]

    @property
    def id(self) -> str:
        """First 16 hex digits of SHA-256 over the canonical JSON."""
        return hashlib.sha256(self.to_text().encode()).hexdigest()[:_ID_DIGITS]

    def to_text(self) -> str:
        """Canonical JSON: sorted names, no clock, no machine; equal content gives equal bytes.

        Returns
        -------
        text : str
            The content of a snapshot file.
        """
        datasets = {name: _entry_to_json(self.datasets[name]) for name in sorted(self.datasets)}
        return json.dumps({"schema": SCHEMA, "datasets": datasets}, indent=1) + "\n"

    @classmethod
    def from_text(cls, text: str, *, file: str) -> Snapshot:
        """The inverse of :meth:`to_text`.

        Parameters
        ----------
        text : str
            Content of a snapshot file.
        file : str
            Its name, for errors.

        Returns
        -------
        snapshot : Snapshot
            The state.

        Raises
        ------
        SchemaMismatchError
            If the schema is unknown.
        DataError
            If the text is torn.
        """
        document = read_document(text, file=file)
        try:
            return cls({name: _entry_from_json(entry) for name, entry in document["datasets"].items()})
        except (KeyError, TypeError, AttributeError) as error:
            raise damaged(file) from error


def content_hash(frame: pl.DataFrame) -> str:
    """Hash of names, types and values: independent of Polars' version and of the file encoding.

    Parameters
    ----------
    frame : polars.DataFrame
        Columns of text, numbers, truth values and dates.

    Returns
    -------
    digest : str
        12 hex digits of SHA-256.

    Examples
    --------
    >>> content_hash(pl.DataFrame({"a": [1.0, None]}))
    'bb079eaeb8d1'
    """
    digest = hashlib.sha256()
    for column in frame:
        digest.update(f"{column.name}\x1f{column.dtype}\x1f{len(column)}\x1f".encode())
        digest.update(np.packbits(column.is_null().to_numpy()).tobytes())
        if column.dtype == pl.String:
            text = column.fill_null("")
            digest.update(text.str.len_bytes().to_numpy().astype("<u4").tobytes())
            digest.update("".join(text.to_list()).encode())
        else:
            number = column.to_physical() if column.dtype == pl.Date else column
            wide = number.cast(pl.Float64 if number.dtype.is_float() else pl.Int64).fill_null(0)
            digest.update(wide.to_numpy().astype("<f8" if wide.dtype.is_float() else "<i8").tobytes())
    return digest.hexdigest()[:12]


def damaged(file: str) -> DataError:
    """The error of a JSON file that is not what the lake wrote.

    Parameters
    ----------
    file : str
        Its name.

    Returns
    -------
    error : DataError
        Ready to raise.
    """
    message = f"{file}: is not valid JSON of a lake."
    return DataError(message, field="file", value=file, fix="Restore it from a copy.")


def read_document(text: str, *, file: str) -> dict[str, Any]:
    """A JSON document of this schema.

    Parameters
    ----------
    text : str
        Its content.
    file : str
        Its name, for errors.

    Returns
    -------
    document : dict
        The parsed values.

    Raises
    ------
    DataError
        If it is no JSON object.
    SchemaMismatchError
        If its ``schema`` is not the one this version reads.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise damaged(file) from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(document, dict) or schema != SCHEMA:
        raise SchemaMismatchError(
            f"{file}: schema={schema!r}, this version reads {SCHEMA}.",
            field="schema",
            value=schema,
            allowed=str(SCHEMA),
            fix="Use the version of nanodesk that wrote the lake, or ingest the sources into a new folder.",
        )
    return document


def _entry_to_json(entry: Entry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "columns": list(entry.columns),
        "ingests": entry.ingests,
        "revised": entry.revised,
        "about": dict(entry.about),
        "partitions": {name: {"file": part.file, "rows": part.rows} for name, part in sorted(entry.partitions.items())},
        "quarantine": [{"file": part.file, "rows": part.rows} for part in entry.quarantine],
    }


def _entry_from_json(document: Mapping[str, Any]) -> Entry:
    return Entry(
        document["kind"],
        tuple(document["columns"]),
        document["ingests"],
        document["revised"],
        document["about"],
        {name: Partition(**part) for name, part in document["partitions"].items()},
        tuple(Partition(**part) for part in document["quarantine"]),
    )
