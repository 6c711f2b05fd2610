"""``nanodesk check``: every fault of a manifest at once, without running it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from nanodesk.cli.options import AsJson, Settings
from nanodesk.cli.output import print_json
from nanodesk.cli.settings import parse_settings


def check(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="The manifest, a TOML file.")] = None,
    settings: Settings = None,
    canonical: Annotated[bool, typer.Option("--canonical", help="Print it sorted, defaults filled in.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of manifests, for editors.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check a manifest: every problem at once, each with file, line, key and what is allowed.

    Example: nanodesk check examples/low_volatility.toml
    """
    from nanodesk.research import manifest as manifests

    if schema:
        print_json(manifests.json_schema())
        return
    if file is None:
        raise typer.BadParameter("name a manifest, or ask for --schema", param_hint="FILE")
    manifest = manifests.load_manifest(file, settings=parse_settings(settings or []))
    if as_json:
        values = manifests.plain_values(manifest)
        print_json({"file": str(file), "ok": True, "strategy": manifest.strategy.name, "manifest": values})
    elif canonical:
        sys.stdout.write(manifests.canonical(manifest))
    else:
        sys.stdout.write(f"{file}: {manifest.strategy.name}: no problems\n")
