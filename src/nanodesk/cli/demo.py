"""``nanodesk demo``: the bundled strategy over three decades of real prices that ship in the package."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from nanodesk.cli.options import AsJson, DryRun

MANIFEST = Path(__file__).with_name("demo.toml")


def demo(
    out: Annotated[Path | None, typer.Option(help="Folder of all runs; by default ./runs.")] = None,
    dry_run: DryRun = False,
    show_manifest: Annotated[bool, typer.Option("--manifest", help="Print the strategy file and stop.")] = False,
    as_json: AsJson = False,
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
