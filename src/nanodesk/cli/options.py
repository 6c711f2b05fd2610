"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Compute and print, write nothing.")]
ManifestFile = Annotated[Path, typer.Argument(metavar="FILE", help="The manifest, a TOML file.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replace one value; may be repeated.")
]
Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, its first characters, or its folder.")]
OtherRun = Annotated[str, typer.Argument(metavar="RUN", help="Another run.")]
Store = Annotated[Path, typer.Option("--store", help="Folder of all runs.")]
OtherStore = Annotated[Path | None, typer.Option("--store", help="Folder of all runs, instead of the manifest's.")]
