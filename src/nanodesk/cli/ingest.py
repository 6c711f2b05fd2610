"""``nanodesk ingest``: a file becomes rows of a lake."""

from __future__ import annotations

import dataclasses
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nanodesk.cli.options import AsJson, DryRun
from nanodesk.cli.output import note, print_json

if TYPE_CHECKING:
    from nanodesk.research.ingest import IngestReport


def ingest(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV (.csv, .csv.gz) or Parquet.")],
    lake: Annotated[Path, typer.Option(help="Folder of the lake; made if absent.")],
    dataset: Annotated[str, typer.Option(help="Name that manifests call it by.")],
    layout: Annotated[str, typer.Option("--format", help="How the file is laid out; see the guide.")] = "ohlcv",
    symbol: Annotated[str | None, typer.Option(help="Symbol of every row, where the file has none.")] = None,
    revised_at: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day on which changed rows became known.")
    ] = None,
    calendar: Annotated[
        Literal["XNYS", "XNAS", "24-7"] | None, typer.Option(help="Sessions of the rows; XNYS by default.")
    ] = None,
    max_quarantined_pct: Annotated[
        float | None, typer.Option(min=0, max=100, help="Percent of rows that may be set aside; 2 by default.")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Add a file to a lake. Bad rows are set aside with their reason; the same file again changes nothing.

    Example: nanodesk ingest prices.csv --lake lake --dataset prices --format ohlcv
    """
    from nanodesk.errors import ValidationError
    from nanodesk.research.lake import BUNDLED, Lake, open_lake
    from nanodesk.research.lake_files import MemoryStore
    from nanodesk.research.quality import QualityGates
    from nanodesk.research.sources.files import FileSource, file_format

    if str(lake) == BUNDLED:
        raise ValidationError(
            f"--lake: {BUNDLED} names the data in the package, which are read only.", fix="Name a folder."
        )
    gates = None if max_quarantined_pct is None else QualityGates(max_quarantined_pct=max_quarantined_pct)
    form = file_format(layout)
    if calendar is not None:
        form = dataclasses.replace(form, about=dataclasses.replace(form.about, calendar=calendar))
    source = FileSource(file, dataset, form, symbol)
    target = Lake(MemoryStore(), location="dry run") if dry_run else open_lake(lake)
    report = target.ingest_source(source, gates=gates, revised_at=revised_at.date() if revised_at is not None else None)
    if as_json:
        print_json(_values(report) | {"dry_run": dry_run})
        return
    for finding in report.findings:
        note(f"{finding}")
    sys.stdout.write(
        f"{report.file} -> {dataset}: {report.rows:,} rows, {report.added:,} added, {report.revised:,} revised, "
        f"{report.unchanged:,} unchanged, {report.quarantined:,} set aside\n"
        + (
            "dry run: nothing was written; rows are counted as for an empty lake\n"
            if dry_run
            else f"snapshot {report.snapshot_id} of {lake}\n"
        )
    )


def _values(report: IngestReport) -> dict[str, Any]:
    return dataclasses.asdict(report)
