"""``nanodesk demo``: the bundled strategy over three decades of real prices that ship in the package."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

MANIFEST = Path(__file__).with_name("demo.toml")


def demo(
    out: Path | None = typer.Option(None, "--out", help="Run store; by default ./runs."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Compute and print, write nothing."),
    show_manifest: bool = typer.Option(False, "--manifest", help="Print the strategy file, to start your own."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Run the bundled strategy on the bundled prices: no network, no files needed.

    Example: nanodesk demo --out runs
    """
    if show_manifest:
        sys.stdout.write(MANIFEST.read_text(encoding="utf-8"))
        return
    from nanodesk.cli.run import execute
    from nanodesk.research.manifest import load_manifest

    execute(load_manifest(MANIFEST), Path.cwd(), out, dry_run=dry_run, as_json=as_json)
