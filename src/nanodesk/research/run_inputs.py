"""From a manifest to the data that its run reads, aligned on the sessions of the prices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanodesk.allocation.allocate import FROM_RETURNS
from nanodesk.errors import DataError
from nanodesk.market import calendar
from nanodesk.market.arrays import FloatArray, IntArray
from nanodesk.market.panel import PricePanel
from nanodesk.research.dataset_kinds import DatasetInfo
from nanodesk.research.decision_rows import decision_rows
from nanodesk.research.factors.catalog import FACTORS
from nanodesk.research.lake import BUNDLED, Lake, open_lake
from nanodesk.research.manifest import Manifest
from nanodesk.research.manifest_sections import Every
from nanodesk.toml_files.lines import KeyPath


@dataclass(frozen=True, slots=True)
class RunInputs:
    """Everything that a run reads, on the same sessions.

    Parameters
    ----------
    panel : PricePanel
        Total-return prices, which signals read.
    execution : PricePanel
        Prices that fills and holdings use: raw with dividends and splits, or the same as `panel` where the source is
        adjusted already.
    rows : ndarray of int64, shape (n_decisions,)
        Decision rows of the panel.
    market, vix : ndarray of float64, shape (n_dates,), or None
        Series that factors are measured against.
    benchmark : ndarray of float64, shape (n_dates,), or None
        Benchmark level.
    risk_free : ndarray of float64, shape (n_dates,)
        Risk-free return per session, as a fraction.
    lake : Lake
        Where the screen finds reports, members and listings.
    snapshot_id : str
        Data that was read.
    warnings : tuple of str
        What the reader must know first.
    """

    panel: PricePanel
    execution: PricePanel
    rows: IntArray
    market: FloatArray | None
    vix: FloatArray | None
    benchmark: FloatArray | None
    risk_free: FloatArray
    lake: Lake
    snapshot_id: str
    warnings: tuple[str, ...]


def read_inputs(manifest: Manifest, base_dir: Path) -> RunInputs:
    """Open the lake and read what the manifest names.

    Parameters
    ----------
    manifest : Manifest
        A checked manifest.
    base_dir : Path
        Folder that ``data.lake`` is relative to.

    Returns
    -------
    inputs : RunInputs
        Aligned on the sessions of the prices.

    Raises
    ------
    ConfigError
        If the manifest asks for what this data cannot give; with file and line.
    DataError
        If a dataset or series is missing or ends too early.
    """
    with _told_at(manifest, "data", "lake" if manifest.data.snapshot == "latest" else "snapshot"):
        lake = _open(manifest, base_dir)
    with _told_at(manifest, "data", "prices"):
        info = lake.describe(manifest.data.prices)
    panel, execution = _read_prices(manifest, lake, info)
    rows = _rows(manifest, panel)
    data = manifest.data
    return RunInputs(
        panel=panel,
        execution=execution,
        rows=rows,
        market=_level(manifest, lake, ("data", "market") if data.market else ("backtest", "benchmark"), panel),
        vix=_level(manifest, lake, ("data", "vix"), panel),
        benchmark=_level(manifest, lake, ("backtest", "benchmark"), panel),
        risk_free=_risk_free(manifest, lake, panel),
        lake=lake,
        snapshot_id=lake.snapshot_id(),
        warnings=_warnings(manifest, lake, info) + _missed(manifest, panel, rows),
    )


def longest_lookback(manifest: Manifest) -> int:
    """Sessions before the first decision that some stage reads.

    Parameters
    ----------
    manifest : Manifest
        A checked manifest.

    Returns
    -------
    sessions : int
        The largest need of factors, filters, transforms and allocation.
    """
    needs = [0]
    for choice in manifest.signals.factor:
        factor = FACTORS[choice.id]
        needs.append(factor.reach(factor.resolve(choice.params)))
    for chosen in manifest.universe.filter:
        needs += [getattr(chosen, name, 0) or 0 for name in ("window", "min_sessions", "lookback")]
    if manifest.portfolio.method in FROM_RETURNS:
        needs.append(manifest.portfolio.window)
    return max(needs)


def _open(manifest: Manifest, base_dir: Path) -> Lake:
    location: str | Path = manifest.data.lake
    if location != BUNDLED:
        location = base_dir / location
        if not location.is_dir():
            raise manifest.error(
                ("data", "lake"), f'there is no folder {location}; ingest data first, or use "bundled"'
            )
    return open_lake(location, snapshot=manifest.data.snapshot)


def _read_prices(manifest: Manifest, lake: Lake, info: DatasetInfo) -> tuple[PricePanel, PricePanel]:
    data, universe = manifest.data, manifest.universe
    if universe.survivorship == "require" and info.about.survivorship != "free":
        message = f'"require", but dataset {data.prices} is {info.about.survivorship}; use "warn"'
        raise manifest.error(("universe", "survivorship"), message)
    symbols: Sequence[str] | None = universe.names or None
    with _told_at(manifest, *(("universe", "names") if symbols else ("data", "prices"))):
        panel = lake.price_panel(data.prices, start=data.start, end=data.end, symbols=symbols)
    execution = panel
    if not info.about.adjusted:
        execution = lake.price_panel(data.prices, start=data.start, end=data.end, symbols=panel.symbols, adjust="none")
    _check_bars(manifest, execution)
    return panel, execution


def _check_bars(manifest: Manifest, panel: PricePanel) -> None:
    backtest, limits = manifest.backtest, manifest.portfolio.limits
    dataset = manifest.data.prices
    needs: list[tuple[KeyPath, str, tuple[str, ...], str]] = []
    if backtest.fill == "next_open":
        needs.append((("backtest", "fill"), '"next_open"', ("open",), 'use "next_close"'))
    if backtest.fill == "vwap_proxy":
        needs.append((("backtest", "fill"), '"vwap_proxy"', ("open", "high", "low"), 'use "next_close"'))
    if backtest.stops.check == "intrabar":
        needs.append((("backtest", "stops", "check"), '"intrabar"', ("open", "high", "low"), 'use "close"'))
    if backtest.stops.atr_multiple > 0 and backtest.stops.atr == "wilder":
        needs.append((("backtest", "stops", "atr"), '"wilder"', ("high", "low"), 'use "close_change"'))
    if backtest.costs.impact is not None and backtest.costs.impact.coef > 0:
        needs.append((("backtest", "costs", "impact"), "impact", ("volume",), "leave it out"))
    if limits.adv_participation is not None:
        volume_of: KeyPath = ("portfolio", "limits", "adv_participation")
        needs.append((volume_of, "adv_participation", ("volume",), "leave it out"))
    faults = [
        (path, f"{word} needs {', '.join(absent)}, which dataset {dataset} lacks; {fix}")
        for path, word, columns, fix in needs
        if (absent := [name for name in columns if getattr(panel, name) is None])
    ]
    if faults:
        raise manifest.errors(faults)


def _rows(manifest: Manifest, panel: PricePanel) -> IntArray:
    lookback = longest_lookback(manifest)
    pace = manifest.backtest.rebalance
    rows = decision_rows(
        panel.dates,
        pace.every if isinstance(pace, Every) else pace,
        calendar_name=manifest.data.calendar,
        first=lookback,
    )
    if len(rows) == 0:
        span = f"{panel.dates[0]} to {panel.dates[-1]} holds {len(panel.dates)} sessions"
        message = f"{span}; the first decision needs {lookback} before it and the end of a period after them"
        raise manifest.error(("data", "start"), message)
    return rows


def _missed(manifest: Manifest, panel: PricePanel, rows: IntArray) -> tuple[str, ...]:
    pace = manifest.backtest.rebalance
    if pace not in ("weekly", "month_end"):
        return ()
    expected = calendar.sessions(manifest.data.calendar, panel.dates[rows[0]], panel.dates[-1])
    due = expected[decision_rows(expected, pace, calendar_name=manifest.data.calendar)]
    missed = due[~np.isin(due, panel.dates[rows])]
    if len(missed) == 0:
        return ()
    said = f"{len(missed)} of {len(due)} decision dates have no prices and were passed over, the first on {missed[0]}."
    return (said,)


@contextmanager
def _told_at(manifest: Manifest, *path: str) -> Iterator[None]:
    """What the lake says of a name is told with the place that the name was written at."""
    try:
        yield
    except DataError as error:
        facts = {name: getattr(error, name) for name in ("field", "value", "allowed")}
        raise type(error)(f"{manifest.place(path)}: {error}", **facts) from error


def _level(manifest: Manifest, lake: Lake, path: tuple[str, str], panel: PricePanel) -> FloatArray | None:
    """A series on the panel's sessions; a symbol of the panel will do where no series has the name."""
    name = getattr(getattr(manifest, path[0]), path[1])
    if name is None:
        return None
    if name not in lake.series_names() and name in panel.symbols:
        return np.ascontiguousarray(panel.close[:, panel.symbols.index(name)])
    with _told_at(manifest, *path):
        return lake.series(name, panel.dates)


def _risk_free(manifest: Manifest, lake: Lake, panel: PricePanel) -> FloatArray:
    rate, periods = manifest.report.risk_free, manifest.backtest.periods_per_year
    if isinstance(rate, str):
        with _told_at(manifest, "report", "risk_free"):
            yearly = lake.series(rate, panel.dates, unit="fraction")
        if np.isnan(yearly).all():
            raise DataError(
                f"series {rate!r} has no value known by {panel.dates[-1]}.",
                field="report.risk_free",
                fix="Name another series, or a yearly rate such as 0.02.",
            )
        # Before the first known rate there is no risk-free return.
        return np.asarray(np.nan_to_num(yearly, nan=0.0) / periods)
    return np.full(len(panel.dates), rate / periods)


def _warnings(manifest: Manifest, lake: Lake, info: DatasetInfo) -> tuple[str, ...]:
    said = list(info.warnings)
    if info.about.survivorship == "unknown":
        said.append(f"survivorship of {info.name} is unknown: names that failed may be missing.")
    if not manifest.data.point_in_time:
        said.append("not point-in-time: data may have been revised after the decisions that use it.")
    if manifest.backtest.fill == "same_close":
        said.append("same_close is optimistic: it trades at the price that the decision was made with.")
    if manifest.backtest.shares == "integer" and info.about.adjusted:
        said.append("integer shares of adjusted prices are not the shares that could have been bought.")
    for name in dict.fromkeys((manifest.backtest.benchmark, manifest.data.market)):
        if name is not None and name in lake.series_names():
            said += [note for note in _series_notes(lake, name) if note not in said]
    return tuple(said)


def _series_notes(lake: Lake, name: str) -> tuple[str, ...]:
    for dataset in lake.datasets():
        info = lake.describe(dataset)
        if info.kind == "series" and name in lake.rows(dataset, columns=[])["name"].unique():
            return info.about.notes
    return ()
