"""``nanodesk run``: a manifest becomes a backtest, a report and a target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nanodesk.cli.options import AsJson, DryRun, ManifestFile, OtherStore, Settings
from nanodesk.cli.output import print_json, progress_bar
from nanodesk.cli.settings import parse_settings

if TYPE_CHECKING:
    from nanodesk.research.manifest import Manifest


def run(
    file: ManifestFile,
    settings: Settings = None,
    store: OtherStore = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Run a manifest: screen, factors, scores, weights, backtest, report, target.

    Example: nanodesk run examples/low_volatility.toml
    """
    from nanodesk.research.manifest import load_manifest

    manifest = load_manifest(file, settings=parse_settings(settings or []))
    execute(manifest, file.parent, store, dry_run=dry_run, as_json=as_json)


def execute(manifest: Manifest, base_dir: Path, store: Path | None, *, dry_run: bool, as_json: bool) -> None:
    """Run a checked manifest, store the run and print it.

    Parameters
    ----------
    manifest : Manifest
        What to run.
    base_dir : Path
        Folder that the manifest's lake is relative to.
    store : Path or None
        Run store, instead of the manifest's.
    dry_run : bool
        Whether to write nothing.
    as_json : bool
        Whether to print one JSON object.
    """
    from nanodesk.cli.results import print_result, summary
    from nanodesk.research.run import run_manifest
    from nanodesk.research.tracking import save_run

    with progress_bar() as progress:
        result = run_manifest(manifest, base_dir=base_dir, progress=progress)
    folder = None if dry_run else save_run(result, store or manifest.tracking.store)
    if as_json:
        print_json(summary(result, folder))
    else:
        print_result(result, folder)
