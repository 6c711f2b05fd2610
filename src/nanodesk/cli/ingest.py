"""``nanodesk ingest``: a file becomes rows of a lake."""

from __future__ import annotations

import dataclasses
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from nanodesk.cli.output import note, print_json

if TYPE_CHECKING:
    from nanodesk.research.ingest import IngestReport


def ingest(
    file: Path = typer.Argument(help="CSV (.csv, .csv.gz) or Parquet."),
    lake: Path = typer.Option(..., "--lake", help="Folder of the lake; made if absent."),
    dataset: str = typer.Option(..., "--dataset", help="Name that manifests call it by."),
    layout: str = typer.Option("ohlcv", "--format", help="ohlcv, wide_close, pystock, edgar, ..."),
    symbol: str | None = typer.Option(None, "--symbol", help="Symbol of every row, where the file has none."),
    revised_at: datetime | None = typer.Option(
        None, "--revised-at", formats=["%Y-%m-%d"], help="Day on which changed rows became known."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Read and judge the file, write nothing."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Add a file to a lake. Bad rows are set aside with their reason; the same file again changes nothing.

    Example: nanodesk ingest prices.csv --lake lake --dataset prices --format ohlcv
    """
    from nanodesk.research.lake import Lake, open_lake
    from nanodesk.research.lake_files import MemoryStore
    from nanodesk.research.sources.files import FileSource

    source = FileSource(file, dataset, layout, symbol)
    target = Lake(MemoryStore(), location="dry run") if dry_run else open_lake(lake)
    report = target.ingest_source(source, revised_at=revised_at.date() if revised_at is not None else None)
    if as_json:
        print_json(_values(report) | {"dry_run": dry_run})
        return
    for finding in report.findings:
        note(f"{finding}")
    sys.stdout.write(
        f"{report.file} -> {dataset}: {report.rows:,} rows, {report.added:,} added, {report.revised:,} revised, "
        f"{report.unchanged:,} unchanged, {report.quarantined:,} set aside\n"
        + ("dry run: nothing was written\n" if dry_run else f"snapshot {report.snapshot_id} of {lake}\n")
    )


def _values(report: IngestReport) -> dict[str, Any]:
    return dataclasses.asdict(report)
