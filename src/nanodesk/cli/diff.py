"""``nanodesk diff``: where two runs first part."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from nanodesk.cli.options import AsJson, OtherRun, Run, Store
from nanodesk.cli.output import print_json


def diff(
    left: Run,
    right: OtherRun,
    store: Store = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Show the first stage at which two runs differ, and its first differing cell.

    Example: nanodesk diff RUN RUN
    """
    from nanodesk.research.tracking import compare_runs, load_run

    a, b = load_run(left, store), load_run(right, store)
    found = compare_runs(a, b)
    if as_json:
        difference = None if found is None else dataclasses.asdict(found)
        print_json({"left": a.run_id, "right": b.run_id, "same": found is None, "difference": difference})
    elif found is None:
        sys.stdout.write(f"{a.run_id} and {b.run_id}: the same, bit for bit\n")
    else:
        sys.stdout.write(
            f"first difference: {found.stage}\n  {found.cell}\n"
            f"  {a.run_id}: {found.left!r}\n  {b.run_id}: {found.right!r}\n"
        )
