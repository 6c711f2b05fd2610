"""``nanodesk sweep``: a manifest under many settings."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nanodesk.cli.options import AsJson, DryRun, ManifestFile, OtherStore
from nanodesk.cli.output import note, print_json, print_whole, progress_bar
from nanodesk.cli.settings import parse_grid

if TYPE_CHECKING:
    from nanodesk.research.manifest_sweep import SweepOutcome


class ExecutorName(StrEnum):
    """Where the runs of a sweep happen."""

    THREADS = "threads"
    PROCESSES = "processes"
    DASK = "dask"


def sweep(
    file: ManifestFile,
    grid: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE,VALUE", help="Values of one key; may be repeated.")
    ],
    executor: Annotated[ExecutorName, typer.Option(help="Where the runs happen.")] = ExecutorName.THREADS,
    workers: Annotated[int | None, typer.Option(min=1, help="How many at a time; by default one a core.")] = None,
    store: OtherStore = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Run a manifest at every combination of settings. Every run counts as a trial in the deflated Sharpe ratio.

    Example: nanodesk sweep examples/low_volatility.toml --set portfolio.limits.max_weight=0.2,0.3
    """
    from nanodesk.research.manifest import load_manifest
    from nanodesk.research.manifest_sweep import grid_points, sweep_manifest
    from nanodesk.research.tracking import check_store, register_trial

    settings = parse_grid(grid)
    first = grid_points(file, settings)[0]
    folder = Path(store or load_manifest(file, settings=dict(first.settings)).tracking.store)
    if not dry_run:
        check_store(folder)  # before hours of work, not after
    with _executor(executor, workers) as pool, progress_bar() as progress:
        outcomes = sweep_manifest(
            file, settings, executor=pool, progress=lambda done, total: progress("runs", done, total)
        )
    if not dry_run:
        for outcome in outcomes:
            if outcome.run_id is not None and outcome.strategy is not None:
                register_trial(folder, outcome.strategy, outcome.run_id)
    if as_json:
        print_json({"file": str(file), "store": str(folder), "runs": [dataclasses.asdict(item) for item in outcomes]})
    else:
        _print(outcomes, list(settings))
    if all(outcome.error is not None for outcome in outcomes):
        raise typer.Exit(1)


@contextmanager
def _executor(name: ExecutorName, workers: int | None) -> Iterator[Executor]:
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
    from multiprocessing import get_context

    if name is ExecutorName.DASK:
        with _dask(workers) as distributed:
            yield distributed
    elif name is ExecutorName.PROCESSES:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as processes:
            yield processes
    else:
        with ThreadPoolExecutor(workers or os.cpu_count()) as threads:
            yield threads


@contextmanager
def _dask(workers: int | None) -> Iterator[Executor]:
    try:
        import distributed
    except ImportError as error:
        from nanodesk.errors import MissingExtraError

        raise MissingExtraError(
            "--executor dask needs Dask, which is not installed.", fix="pip install nanodesk[dask]"
        ) from error
    options: dict[str, Any] = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(**options) as cluster,  # type: ignore[no-untyped-call]
        distributed.Client(cluster) as client,  # type: ignore[no-untyped-call]
    ):
        yield client.get_executor()


def _print(outcomes: list[SweepOutcome], keys: list[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for key in keys:
        table.add_column(key.rpartition(".")[2], no_wrap=True)
    for heading in ("Sharpe", "CAGR", "Vol", "Drawdown", "Turnover", "Bps paid"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Run", no_wrap=True)
    ranked = sorted(
        outcomes, key=lambda item: (item.error is not None, -item.sharpe if item.sharpe == item.sharpe else 0)
    )
    for item in ranked:
        table.add_row(*(_shown(item.settings[key]) for key in keys), *_cells(item))
    print_whole(table)
    for item in ranked:
        if item.error is not None:
            note(f"{dict(item.settings)}: {item.error}")


def _cells(item: SweepOutcome) -> tuple[str, ...]:
    if item.error is not None:
        return ("-",) * 6 + ("failed",)
    return (
        f"{item.sharpe:.2f}",
        f"{item.cagr:.2%}",
        f"{item.volatility:.2%}",
        f"{item.max_drawdown:.2%}",
        f"{item.turnover_year:.0%}",
        f"{item.costs_bps_year:.1f}",
        str(item.run_id),
    )


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
