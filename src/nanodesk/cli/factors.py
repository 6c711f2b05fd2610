"""``nanodesk factors``: the catalogue."""

from __future__ import annotations

import typer

from nanodesk.cli.output import print_json, stdout_console


def factors(as_json: bool = typer.Option(False, "--json", help="One JSON object.")) -> None:
    """List the factors that a manifest can name.

    Example: nanodesk factors
    """
    from nanodesk.research.factors.catalog import FACTORS

    if as_json:
        print_json({"factors": [describe(factor) for factor in FACTORS.values()]})
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("Id", "Family", "Lookback", "Inputs", "Source"):
        table.add_column(heading, justify="right" if heading == "Lookback" else "left")
    for factor in FACTORS.values():
        table.add_row(factor.id, factor.family, str(factor.lookback), ", ".join(factor.inputs), factor.citation)
    stdout_console().print(table)
