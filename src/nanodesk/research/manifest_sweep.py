"""One manifest under many settings: every point of a grid is a run, and every run counts as a trial."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanodesk.backtest.sweep import sweep
from nanodesk.errors import ConfigError, NanodeskError
from nanodesk.research.headline import costs_bps_per_year, turnover_per_year
from nanodesk.research.manifest import load_manifest
from nanodesk.research.run import run_manifest

MAX_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """One point of a grid; travels to the worker.

    Parameters
    ----------
    file : str
        The manifest, as an absolute path.
    settings : tuple of (str, object)
        Values that replace those of the file, by dotted key.
    """

    file: str
    settings: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class SweepOutcome:
    """What one point gave.

    Parameters
    ----------
    settings : mapping of str to object
        Values of the point, by dotted key.
    strategy, run_id : str or None
        The run; ``None`` if it failed.
    cagr, volatility, sharpe, max_drawdown, turnover_year, costs_bps_year : float
        Headline numbers as fractions, costs in basis points of equity a year; ``nan`` if it failed.
    error : str or None
        Why it failed.
    """

    settings: Mapping[str, Any]
    strategy: str | None = None
    run_id: str | None = None
    cagr: float = float("nan")
    volatility: float = float("nan")
    sharpe: float = float("nan")
    max_drawdown: float = float("nan")
    turnover_year: float = float("nan")
    costs_bps_year: float = float("nan")
    error: str | None = None


def grid_points(file: str | Path, grid: Mapping[str, Sequence[Any]]) -> list[SweepPoint]:
    """Every combination of the grid, the last key moving fastest.

    Parameters
    ----------
    file : str or Path
        The manifest.
    grid : mapping of str to sequence
        Values by dotted key.

    Returns
    -------
    points : list of SweepPoint
        One per combination.

    Raises
    ------
    ConfigError
        If the grid is empty or has more than 10,000 points.
    """
    count = 1
    for values in grid.values():
        count *= len(values)
    if not grid or not 1 <= count <= MAX_POINTS:
        message = f"--set: the grid has {count if grid else 0} points, allowed are 1 to {MAX_POINTS:,}"
        raise ConfigError(message, problems=[message])
    path = str(Path(file).resolve())
    return [SweepPoint(path, tuple(zip(grid, values, strict=True))) for values in itertools.product(*grid.values())]


def sweep_manifest(
    file: str | Path,
    grid: Mapping[str, Sequence[Any]],
    *,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[SweepOutcome]:
    """Run a manifest at every point of a grid.

    Parameters
    ----------
    file : str or Path
        The manifest.
    grid : mapping of str to sequence
        Values by dotted key.
    executor : concurrent.futures.Executor, optional
        Where the runs happen; by default threads.
    progress : callable, optional
        Called as ``progress(done, total)``.

    Returns
    -------
    outcomes : list of SweepOutcome
        In the order of the grid; a point that cannot run says why.

    Raises
    ------
    ConfigError
        If the grid is empty or too large, or the manifest is wrong at its first point.
    """
    points = grid_points(file, grid)
    load_manifest(points[0].file, settings=dict(points[0].settings))
    rows = sweep(run_point, points, executor=executor, progress=progress)
    return [row.value if row.value is not None else _failed(row.parameter, row.error) for row in rows]


def run_point(point: SweepPoint) -> SweepOutcome:
    """Run one point.

    Parameters
    ----------
    point : SweepPoint
        Manifest and settings.

    Returns
    -------
    outcome : SweepOutcome
        Headline numbers, or the reason why the settings cannot run.
    """
    settings = dict(point.settings)
    try:
        manifest = load_manifest(point.file, settings=settings)
        result = run_manifest(manifest, base_dir=Path(point.file).parent)
    except NanodeskError as error:
        return _failed(point, error)
    metrics = result.backtest.metrics
    return SweepOutcome(
        settings,
        result.name,
        result.run_id,
        metrics.cagr,
        metrics.volatility,
        metrics.sharpe,
        metrics.max_drawdown,
        turnover_per_year(result),
        math.fsum(costs_bps_per_year(result).values()),
    )


def _failed(point: SweepPoint, error: BaseException | None) -> SweepOutcome:
    return SweepOutcome(dict(point.settings), error=str(error))
