"""Reading one snapshot of a lake: which files, which versions, and errors that name what there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

from nanodesk.errors import DataError
from nanodesk.market import calendar
from nanodesk.market.calendar import Day
from nanodesk.research.dataset_kinds import Kind, KindName, kind_of, nearest
from nanodesk.research.ingest import newest_versions
from nanodesk.research.lake_files import Store
from nanodesk.research.snapshot import Entry, Snapshot

_BOOKKEEPING = ("known_at", "ingest")


class LakeReader:
    """A snapshot and the store its files are in.

    Parameters
    ----------
    store : Store
        Where the bytes are.
    snapshot : Snapshot
        What is read.
    location : str
        Name used in messages.
    """

    def __init__(self, store: Store, snapshot: Snapshot, location: str) -> None:
        self.store = store
        self.snapshot = snapshot
        self.location = location
        self._series: dict[str, list[str]] | None = None

    def of_kind(self, kind: KindName) -> list[str]:
        """Datasets of one kind.

        Parameters
        ----------
        kind : str
            Name of the kind.

        Returns
        -------
        names : list of str
            Sorted.
        """
        return [name for name in sorted(self.snapshot.datasets) if self.snapshot.datasets[name].kind == kind]

    def entry(self, dataset: str, kind: KindName | None = None) -> Entry:
        """What the snapshot lists under a name.

        Parameters
        ----------
        dataset : str
            Its name.
        kind : str, optional
            The kind it must be of.

        Returns
        -------
        entry : Entry
            Files and facts.

        Raises
        ------
        DataError
            If there is no such dataset, or it is of another kind.
        """
        known = sorted(self.snapshot.datasets) if kind is None else self.of_kind(kind)
        if dataset not in self.snapshot.datasets:
            raise DataError(
                f"dataset {dataset!r} is not in lake {self.location!r}.",
                field="dataset",
                value=dataset,
                allowed=", ".join(known) or "none; ingest a source first",
                fix=nearest(dataset, known) or _listed(known),
            )
        entry = self.snapshot.datasets[dataset]
        if kind is not None and entry.kind != kind:
            raise DataError(
                f"dataset {dataset!r} holds {entry.kind}, not {kind}.",
                field="dataset",
                value=dataset,
                allowed=", ".join(known) or f"none of kind {kind}",
            )
        return entry

    def rows(
        self,
        entry: Entry,
        columns: Sequence[str],
        *,
        as_of: Day | None = None,
        partitions: Sequence[str] | None = None,
        symbols: Sequence[str] | None = None,
        newest: bool = True,
        bookkeeping: bool = True,
    ) -> pl.DataFrame:
        """Rows of a dataset, as known on a day.

        Parameters
        ----------
        entry : Entry
            The dataset.
        columns : sequence of str
            Besides the key.
        as_of : date, datetime64 or ISO text, optional
            Rows known later do not exist.
        partitions : sequence of str, optional
            Only these files.
        symbols : sequence of str, optional
            Only rows of these.
        newest : bool, default True
            Of every fact only the version known last.
        bookkeeping : bool, default True
            ``known_at`` and ``ingest`` as well, even where no version has to be told from another.

        Returns
        -------
        frame : polars.DataFrame
            Sorted by key within each file.
        """
        kind: Kind = kind_of(entry.kind)
        versioned = newest is False or entry.revised or as_of is not None
        wanted = list(dict.fromkeys([*kind.key, *columns, *(_BOOKKEEPING if versioned or bookkeeping else ())]))
        names = sorted(entry.partitions) if partitions is None else partitions
        frames = [self.store.read(entry.partitions[name], wanted, symbols=symbols) for name in names]
        limit = bound(as_of, "as_of")
        if limit is not None:
            frames = [
                frame.filter(pl.col("known_at").is_null() | (pl.col("known_at") <= limit.item())) for frame in frames
            ]
        if newest and entry.revised:
            frames = [newest_versions(frame, kind) for frame in frames]
        return pl.concat(frames) if frames else pl.DataFrame(schema=dict.fromkeys(wanted, pl.Float64))

    def symbols_of(
        self, frame: pl.DataFrame, dataset: str, symbols: Sequence[str] | None, *, first: np.datetime64 | None
    ) -> list[str]:
        """Symbols of a panel: those asked for, checked against the whole dataset, or those in the span.

        Parameters
        ----------
        frame : polars.DataFrame
            Rows of the panel, and perhaps earlier ones.
        dataset : str
            Its name.
        symbols : sequence of str or None
            Those asked for.
        first : datetime64 or None
            First day of the span.

        Returns
        -------
        symbols : list of str
            In the order asked for, or sorted.

        Raises
        ------
        DataError
            If a symbol is not in the dataset, or named twice.
        """
        if symbols is None:
            rows = frame if first is None else frame.filter(pl.col("date") >= first.item())
            return sorted(rows["symbol"].unique().to_list())
        twice = [symbol for symbol, count in Counter(symbols).items() if count > 1]
        if twice:
            raise DataError(f"symbol {twice[0]!r} is named twice.", field="symbols", value=twice, fix="Name it once.")
        known = set(frame["symbol"].unique().to_list())
        if not known.issuperset(symbols):
            known = set(self.rows(self.entry(dataset), [], newest=False)["symbol"].unique().to_list())
        unknown = [symbol for symbol in symbols if symbol not in known]
        if unknown:
            raise DataError(
                f"symbols={unknown[:5]} are not in dataset {dataset!r}, which has {len(known)} symbols.",
                field="symbols",
                value=unknown,
                allowed=", ".join(sorted(known)[:20]),
                fix=nearest(unknown[0], known),
            )
        return list(symbols)

    def series_index(self) -> dict[str, list[str]]:
        """Names of the series in each dataset.

        Returns
        -------
        names : dict of str to list of str
            By dataset of kind ``series``.
        """
        if self._series is None:
            self._series = {
                dataset: self.rows(self.entry(dataset), [])["name"].unique().sort().to_list()
                for dataset in self.of_kind("series")
            }
        return self._series

    def series_dataset(self, name: str) -> tuple[str, str]:
        """Where a series is.

        Parameters
        ----------
        name : str
            Name of the series, or ``dataset/name``.

        Returns
        -------
        dataset, name : str
            Both apart.

        Raises
        ------
        DataError
            If no dataset has it, or several.
        """
        index = self.series_index()
        dataset, _, short = name.rpartition("/")
        found = [known for known in index if short in index[known] and dataset in ("", known)]
        if len(found) == 1:
            return found[0], short
        names = sorted({name for known in index.values() for name in known})
        raise DataError(
            f"series {name!r} is {'in several datasets' if found else 'not in lake ' + repr(self.location)}.",
            field="series",
            value=name,
            allowed=", ".join(f"{known}/{short}" for known in found) or ", ".join(names) or "none",
            fix=f"Write {found[0]}/{short}." if found else nearest(short, names) or _listed(names),
        )


def _listed(names: Sequence[str]) -> str:
    return f"It holds {', '.join(names)}." if names else "Ingest a source first."


def bound(day: Day | None, field: str) -> np.datetime64 | None:
    """A date that may be absent.

    Parameters
    ----------
    day : date, datetime64, ISO text or None
        The date.
    field : str
        Name used in the error.

    Returns
    -------
    day : datetime64[D] or None
        The same day.

    Raises
    ------
    ValidationError
        If it is no date.
    """
    return None if day is None else calendar.as_day(day, field=field)


def years(entry: Entry, first: np.datetime64 | None, last: np.datetime64 | None) -> list[str]:
    """The files of a dataset that can hold rows of a span.

    Parameters
    ----------
    entry : Entry
        A dataset with one file a year.
    first, last : datetime64[D] or None
        Ends of the span, both included.

    Returns
    -------
    partitions : list of str
        In order.
    """
    low = "0" if first is None else str(first)[:4]
    high = "9" if last is None else str(last)[:4]
    return [name for name in sorted(entry.partitions) if low <= name[:4] <= high]
