"""``nanodesk report``: the tear sheet of a stored run, made again."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import typer

from nanodesk.cli.options import AsJson, DryRun, Run, Store
from nanodesk.cli.output import print_json


def report(
    run: Run,
    out: Annotated[Path | None, typer.Option(help="Where to write; by default the run's tearsheet.html.")] = None,
    store: Store = Path("runs"),
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write a stored run's tear sheet again, counting every trial of its strategy up to now.

    Example: nanodesk report RUN --out tearsheet.html
    """
    from nanodesk.research.report import report_numbers, write_report
    from nanodesk.research.tracking import TEAR_SHEET, load_run, run_folder, trials

    folder = run_folder(run, store)
    result = load_run(folder)
    tried = trials(folder.parent).get(result.name, [])
    result = dataclasses.replace(result, n_trials=max(result.n_trials, len(tried)))
    path = out or folder / TEAR_SHEET
    if not dry_run:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_report(result, path)
    if as_json:
        print_json({"run_id": result.run_id, "path": None if dry_run else str(path)} | report_numbers(result))
    else:
        sys.stdout.write(f"{'Would write' if dry_run else 'Tear sheet'}  {path}\n")
