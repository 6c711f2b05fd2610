"""The data lake: a versioned store of datasets, read as they were known on a day.

Rows are never overwritten. Every row carries ``known_at``, the first day on which it may be used, and the number of
the ingest that brought it; every state of the whole lake is a snapshot whose id is a hash of its content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from nanodesk.errors import DataError, ValidationError
from nanodesk.market import calendar
from nanodesk.market.arrays import BoolArray, Dates, FloatArray
from nanodesk.market.calendar import Day
from nanodesk.market.panel import PricePanel
from nanodesk.research import corporate_actions
from nanodesk.research.corporate_actions import adjusted_bars
from nanodesk.research.dataset_kinds import KINDS, About, DatasetInfo, KindName, conform, kind_of, nearest
from nanodesk.research.ingest import IngestReport, plan_change
from nanodesk.research.lake_files import FolderStore, MemoryStore, Store
from nanodesk.research.lake_reader import LakeReader, bound, years
from nanodesk.research.point_in_time import (
    check_coverage,
    members_at,
    report_age_at,
    reports_at,
    series_at,
    to_fraction,
)
from nanodesk.research.price_matrices import to_matrices
from nanodesk.research.quality import QualityGates, check
from nanodesk.research.snapshot import Snapshot
from nanodesk.research.sources.base import Source

BUNDLED = "bundled"
_LATEST = "latest"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.^=-]{0,63}")
_BARS = ("open", "high", "low", "close", "volume")
_ACTIONS = ("dividend", "split", "next_factor")


class Lake:
    """One snapshot of a store, and the way to the next one.

    Parameters
    ----------
    store : Store
        Where the bytes are.
    location : str
        Name used in messages.
    snapshot : str, default "latest"
        Snapshot to read.
    read_only : bool, default False
        Whether ingest is refused.

    Raises
    ------
    DataError
        If the snapshot is not in the store.
    """

    def __init__(self, store: Store, *, location: str, snapshot: str = _LATEST, read_only: bool = False) -> None:
        self._store = store
        self._read_only = read_only
        self.location = location
        self._reader = LakeReader(store, self._find(snapshot), location)

    def __repr__(self) -> str:
        return f"Lake({self.location!r}, snapshot={self.snapshot_id()!r}, datasets={list(self.datasets())})"

    def at(self, snapshot: str) -> Lake:
        """The same lake, read at a snapshot.

        Parameters
        ----------
        snapshot : str
            An id of :meth:`snapshots`, or ``latest``.

        Returns
        -------
        lake : Lake
            Pinned to it.

        Raises
        ------
        DataError
            If the snapshot is not in the lake.
        """
        return Lake(self._store, location=self.location, snapshot=snapshot, read_only=self._read_only)

    def snapshots(self) -> tuple[str, ...]:
        """Ids of every state, oldest first.

        Returns
        -------
        ids : tuple of str
            Empty in a new lake.
        """
        return self._store.history()

    def snapshot_id(self, snapshot: str = _LATEST) -> str:
        """The id of a snapshot; for ``latest`` that of the state this object reads.

        Parameters
        ----------
        snapshot : str, default "latest"
            ``latest``, or an id to be checked.

        Returns
        -------
        snapshot_id : str
            16 hex digits, a hash of the content: equal in every lake that was filled the same way.

        Raises
        ------
        DataError
            If the snapshot is not in the lake.
        """
        return self._reader.snapshot.id if snapshot == _LATEST else self._find(snapshot).id

    def datasets(self) -> tuple[str, ...]:
        """Names of all datasets.

        Returns
        -------
        names : tuple of str
            Sorted.
        """
        return tuple(sorted(self._reader.snapshot.datasets))

    def describe(self, dataset: str) -> DatasetInfo:
        """Kind, size and warnings of a dataset.

        Parameters
        ----------
        dataset : str
            Its name.

        Returns
        -------
        info : DatasetInfo
            The facts.

        Raises
        ------
        DataError
            If there is no such dataset.
        """
        entry = self._reader.entry(dataset)
        return DatasetInfo(
            dataset,
            kind_of(entry.kind).name,
            sum(part.rows for part in entry.partitions.values()),
            entry.columns,
            sum(part.rows for part in entry.quarantine),
            About.from_json(entry.about),
        )

    def ingest(
        self,
        frame: pl.DataFrame,
        dataset: str,
        *,
        kind: KindName,
        about: About | None = None,
        gates: QualityGates | None = None,
        revised_at: date | None = None,
        file: str = "frame",
    ) -> IngestReport:
        """Add rows; the lake then reads the snapshot this makes.

        The same rows again change nothing and keep the snapshot id. Rows that differ from what is known become new
        versions, known from ``revised_at`` on.

        Parameters
        ----------
        frame : polars.DataFrame
            Columns of the kind; ``known_at`` and ``line`` are optional where the kind can do without.
        dataset : str
            Name; new or existing.
        kind : {"prices", "series", "fundamentals", "membership", "securities"}
            What the rows are.
        about : About, optional
            Facts kept with the dataset; by default those it has.
        gates : QualityGates, optional
            By default the defaults of the model.
        revised_at : date, optional
            Day on which changed rows became known; needed only when rows changed.
        file : str, default "frame"
            Name used in findings and errors.

        Returns
        -------
        report : IngestReport
            Counts and findings.

        Raises
        ------
        DataError
            If the lake is read-only or cannot be written, the gates refuse the frame, or rows changed without
            ``revised_at``; nothing is written then.
        SchemaMismatchError
            If columns are missing or differ from the dataset's.
        ValidationError
            If the dataset's name is none.
        """
        if self._read_only:
            raise DataError(
                f"lake {self.location!r} is read-only.", field="lake", value=self.location, fix="Name a folder."
            )
        shape = kind_of(kind)
        _check_name(dataset)
        conformed = conform(frame, shape, file=file)
        with self._writing(), self._store.locked():
            present = self._find(_LATEST)
            old = present.datasets.get(dataset)
            facts = about or (About.from_json(old.about) if old else About())
            checked = check(conformed, shape, gates or QualityGates(), about=facts, file=file)
            change = plan_change(
                self._store, dataset, shape, old=old, checked=checked, about=facts, revised_at=revised_at, file=file
            )
            if change.entry is not old:
                self._store.commit(Snapshot({**present.datasets, dataset: change.entry}))
        self._reader = LakeReader(self._store, self._find(_LATEST), self.location)
        return IngestReport(
            dataset,
            file,
            self.snapshot_id(),
            len(frame),
            change.added,
            change.revised,
            change.unchanged,
            len(checked.bad),
            checked.findings,
        )

    def ingest_source(
        self, source: Source, *, gates: QualityGates | None = None, revised_at: date | None = None
    ) -> IngestReport:
        """Read a source and add its rows.

        Parameters
        ----------
        source : Source
            For example a :class:`~nanodesk.research.sources.files.FileSource`.
        gates : QualityGates, optional
            As in :meth:`ingest`.
        revised_at : date, optional
            As in :meth:`ingest`.

        Returns
        -------
        report : IngestReport
            Counts and findings.

        Raises
        ------
        DataError
            As in :meth:`ingest`, or if the source cannot be read.
        """
        table = source.read()
        return self.ingest(
            table.frame,
            table.dataset,
            kind=table.kind,
            about=table.about,
            gates=gates,
            revised_at=revised_at,
            file=table.file,
        )

    def quarantine(self, dataset: str) -> pl.DataFrame:
        """Rows that failed a gate, with ``file``, ``line``, ``gate`` and ``reason``.

        Parameters
        ----------
        dataset : str
            Its name.

        Returns
        -------
        frame : polars.DataFrame
            Empty where nothing was set aside.

        Raises
        ------
        DataError
            If there is no such dataset.
        """
        parts = self._reader.entry(dataset).quarantine
        return pl.concat([self._store.read(part) for part in parts]) if parts else pl.DataFrame()

    def rows(self, dataset: str, *, as_of: Day | None = None, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """The newest version of every row that was known on a day.

        Parameters
        ----------
        dataset : str
            Its name.
        as_of : date, datetime64 or ISO text, optional
            Rows known later do not exist; by default every row does.
        columns : sequence of str, optional
            Besides the key and ``known_at``; by default all.

        Returns
        -------
        frame : polars.DataFrame
            Sorted by key within each year.

        Raises
        ------
        DataError
            If there is no such dataset.
        """
        entry = self._reader.entry(dataset)
        return self._reader.rows(entry, entry.columns if columns is None else columns, as_of=as_of)

    def price_panel(
        self,
        dataset: str,
        *,
        start: Day | None = None,
        end: Day | None = None,
        symbols: Sequence[str] | None = None,
        as_of: Day | None = None,
        adjust: corporate_actions.Adjust = "total_return",
        anchor: corporate_actions.Anchor = "first",
    ) -> PricePanel:
        """Daily bars as aligned matrices.

        Parameters
        ----------
        dataset : str
            A dataset of kind ``prices``.
        start, end : date, datetime64 or ISO text, optional
            First and last day, both included.
        symbols : sequence of str, optional
            Names and their order; one without a row in the span becomes a column of ``nan``. By default all names
            that have a row in the span, sorted.
        as_of : date, datetime64 or ISO text, optional
            Reads what was known on that day.
        adjust : {"total_return", "split", "none"}
            What open, high, low and close are adjusted for. ``none`` gives raw prices, and ``dividend`` and ``split``
            beside them. Without effect where the source is adjusted already.
        anchor : {"first", "last"}
            Session whose prices stay as they were. With ``first``, the default, a panel read as of an earlier day is
            bit for bit the beginning of a later one; see :mod:`nanodesk.research.corporate_actions`.

        Returns
        -------
        panel : PricePanel
            ``close * volume`` is the traded value in every adjustment. ``raw_close`` is ``None`` where the source has
            adjusted prices only.

        Raises
        ------
        DataError
            If there is no such dataset, it holds no prices, a symbol is not in it, or the span is empty.
        """
        entry = self._reader.entry(dataset, "prices")
        first, last = bound(start, "start"), bound(end, "end")
        names = [name for name in (*_BARS, *_ACTIONS) if name in entry.columns]
        span = years(entry, None if set(names) & set(_ACTIONS) else first, last)
        frame = self._reader.rows(entry, names, as_of=as_of, partitions=span, symbols=symbols, bookkeeping=False)
        if last is not None:
            frame = frame.filter(pl.col("date") <= last.item())
        order = self._reader.symbols_of(frame, dataset, symbols, first=first)
        if symbols is not None or first is not None:
            frame = frame.filter(pl.col("symbol").is_in(order))
        if frame.is_empty():
            raise _no_price(dataset, first, last)
        dates, matrices = to_matrices(frame, names, symbols=order)
        skip = 0 if first is None else int(np.searchsorted(dates, first))
        if len(dates) == skip:
            raise _no_price(dataset, first, last)
        about = About.from_json(entry.about)
        bars = {name: matrices[name] for name in names if name in _BARS}
        columns = bars if about.adjusted else adjusted_bars(matrices, bars, adjust=adjust, anchor=anchor)
        cut = {name: matrix[skip:] for name, matrix in columns.items()}
        sectors = self.sectors()
        known = {symbol: sectors[symbol] for symbol in order if symbol in sectors}
        return PricePanel(dates[skip:], tuple(order), sectors=known, **cut)

    def series_names(self) -> tuple[str, ...]:
        """Names that :meth:`series` knows.

        Returns
        -------
        names : tuple of str
            Sorted, over all datasets of kind ``series``.
        """
        return tuple(sorted({name for names in self._reader.series_index().values() for name in names}))

    def series(
        self,
        name: str,
        dates: Dates,
        *,
        lag_sessions: int = 0,
        unit: Literal["fraction"] | None = None,
        as_of: Day | None = None,
    ) -> FloatArray:
        """Last value of a series known on each date.

        Parameters
        ----------
        name : str
            For example ``VIXCLS``; ``dataset/name`` where two datasets share it.
        dates : ndarray of datetime64[D], shape (n_dates,)
            Increasing dates.
        lag_sessions : int, default 0
            Look at what was known so many sessions earlier.
        unit : {"fraction"}, optional
            Convert percent to fractions; by default values come as stored.
        as_of : date, datetime64 or ISO text, optional
            Reads what was known on that day.

        Returns
        -------
        values : ndarray of float64, shape (n_dates,)
            ``nan`` before the first value is known.

        Raises
        ------
        DataError
            If there is no such series, its unit is not known, or it ended more than 10 sessions before a date.
        """
        dataset, short = self._reader.series_dataset(name)
        entry = self._reader.entry(dataset)
        about = About.from_json(entry.about)
        frame = self._reader.rows(entry, ["value"], as_of=as_of, newest=False).filter(pl.col("name") == short)
        asked = dates if lag_sessions == 0 else calendar.offset_sessions(about.calendar, dates, -lag_sessions)
        check_coverage(name, frame, asked, market=about.calendar)
        values = series_at(frame, asked)
        return values if unit is None else values * to_fraction(name, about.units.get(short, ""))

    def membership(self, index: str, dates: Dates, symbols: Sequence[str], *, as_of: Day | None = None) -> BoolArray:
        """Who belonged to an index on each date.

        Parameters
        ----------
        index : str
            For example ``SP500``.
        dates : ndarray of datetime64[D], shape (n_dates,)
            Increasing dates.
        symbols : sequence of str, length n_symbols
            Order of the columns.
        as_of : date, datetime64 or ISO text, optional
            Reads what was known on that day.

        Returns
        -------
        member : ndarray of bool, shape (n_dates, n_symbols)
            True from the first day inside to the day before the first day outside.

        Raises
        ------
        DataError
            If no dataset knows the index.
        """
        frames = [self.rows(name, as_of=as_of) for name in self._reader.of_kind("membership")]
        known = sorted({str(value) for frame in frames for value in frame["index"].unique()})
        if index not in known:
            raise DataError(
                f"index={index!r} is in no membership dataset of lake {self.location!r}.",
                field="index",
                value=index,
                allowed=", ".join(known) or "none; ingest one first",
                fix=nearest(index, known),
            )
        return members_at(
            pl.concat([frame.filter(pl.col("index") == index) for frame in frames], how="diagonal"), dates, symbols
        )

    def fundamentals(
        self, dataset: str, dates: Dates, symbols: Sequence[str], column: str, *, as_of: Day | None = None
    ) -> FloatArray:
        """A figure of the newest report known on each date.

        Parameters
        ----------
        dataset : str
            A dataset of kind ``fundamentals``.
        dates : ndarray of datetime64[D], shape (n_decisions,)
            Increasing dates.
        symbols : sequence of str, length n_symbols
            Order of the columns.
        column : str
            The figure.
        as_of : date, datetime64 or ISO text, optional
            Reads what was known on that day.

        Returns
        -------
        values : ndarray of float64, shape (n_decisions, n_symbols)
            ``nan`` where no report is known, or it lacks the figure.

        Raises
        ------
        DataError
            If there is no such dataset or column.
        """
        entry = self._reader.entry(dataset, "fundamentals")
        figures = [name for name in entry.columns if name not in KINDS["fundamentals"].key]
        if column not in figures:
            raise DataError(
                f"dataset {dataset!r} has no column {column!r}.",
                field="column",
                value=column,
                allowed=", ".join(figures),
                fix=nearest(column, figures),
            )
        return reports_at(self._reader.rows(entry, [column], as_of=as_of), dates, symbols, column=column)

    def report_age(self, dataset: str, dates: Dates, symbols: Sequence[str], *, as_of: Day | None = None) -> FloatArray:
        """Calendar days since a report of a new period became known.

        Parameters
        ----------
        dataset : str
            A dataset of kind ``fundamentals``.
        dates : ndarray of datetime64[D], shape (n_decisions,)
            Increasing dates.
        symbols : sequence of str, length n_symbols
            Order of the columns.
        as_of : date, datetime64 or ISO text, optional
            Reads what was known on that day.

        Returns
        -------
        age_days : ndarray of float64, shape (n_decisions, n_symbols)
            ``nan`` where none is known.

        Raises
        ------
        DataError
            If there is no such dataset.
        """
        entry = self._reader.entry(dataset, "fundamentals")
        return report_age_at(self._reader.rows(entry, [], as_of=as_of), dates, symbols)

    def sectors(self) -> Mapping[str, str]:
        """Sector by symbol, from every dataset of kind ``securities``.

        Returns
        -------
        sectors : mapping of str to str
            Empty where the lake has none.
        """
        return self._security_column("sector")

    def listings(self) -> Mapping[str, tuple[str, str]]:
        """Exchange and type by symbol, from every dataset of kind ``securities``.

        Returns
        -------
        listings : mapping of str to (str, str)
            Symbols of which both are known; empty where the lake has none.
        """
        exchanges, types = self._security_column("exchange"), self._security_column("type")
        return {symbol: (exchanges[symbol], types[symbol]) for symbol in exchanges if symbol in types}

    def _security_column(self, column: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in self._reader.of_kind("securities"):
            entry = self._reader.entry(name)
            if column in entry.columns:
                rows = self._reader.rows(entry, [column]).drop_nulls(column)
                found |= dict(rows.select("symbol", column).iter_rows())
        return found

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(
                f"lake {self.location!r} cannot be written: {error.strerror or error}.",
                field="lake",
                value=self.location,
                fix="Name a folder that you can write; the lake is as it was.",
            ) from error

    def _find(self, snapshot: str) -> Snapshot:
        history = self._store.history()
        if snapshot != _LATEST:
            return self._store.snapshot(snapshot)
        return self._store.snapshot(history[-1]) if history else Snapshot({})


def _check_name(dataset: str) -> None:
    if _NAME.fullmatch(dataset) is None:
        raise ValidationError(
            f"dataset={dataset!r} is no name: a letter or digit, then up to 63 of A-Z, a-z, 0-9 and _ . ^ = -.",
            field="dataset",
            value=dataset,
            allowed=_NAME.pattern,
            fix="A folder is named by the lake, not here.",
        )


def open_lake(location: str | Path, *, snapshot: str = _LATEST) -> Lake:
    """A lake in a folder, or the data that ships with the package.

    Parameters
    ----------
    location : str or Path
        A folder, which need not exist yet, or the word ``bundled``.
    snapshot : str, default "latest"
        Snapshot to read.

    Returns
    -------
    lake : Lake
        Pinned to the snapshot; ``bundled`` is read-only.

    Raises
    ------
    DataError
        If the location is a file, or the snapshot is not in the lake.
    SchemaMismatchError
        If the lake was written by another schema.

    Examples
    --------
    >>> lake = open_lake("bundled")
    >>> lake.price_panel("sp500_20", start="2020-01-01", end="2020-12-31").shape
    (253, 20)
    """
    if location == BUNDLED:
        return _bundled_lake(snapshot)
    folder = Path(location)
    if folder.exists() and not folder.is_dir():
        raise DataError(
            f"lake={str(location)!r} is a file.", field="lake", value=str(location), allowed='a folder, or "bundled"'
        )
    return Lake(FolderStore(folder), location=str(location), snapshot=snapshot)


def _bundled_lake(snapshot: str) -> Lake:
    from nanodesk.research.sources.bundled import BUNDLED_FILES

    store = MemoryStore()
    filling = Lake(store, location=BUNDLED)
    for source in BUNDLED_FILES:
        filling.ingest_source(source)
    return Lake(store, location=BUNDLED, snapshot=snapshot, read_only=True)


def _no_price(dataset: str, first: np.datetime64 | None, last: np.datetime64 | None) -> DataError:
    return DataError(
        f"dataset {dataset!r} has no price from {first or 'its start'} to {last or 'its end'}.",
        field="start",
        value=str(first),
        fix="Widen the span, or ingest the years.",
    )
