"""``nanodesk factors``: the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nanodesk.cli.options import AsJson
from nanodesk.cli.output import print_json, stdout_console

if TYPE_CHECKING:
    from nanodesk.research.factors.base import Factor


def factors(as_json: AsJson = False) -> None:
    """List the factors that a manifest can name.

    Example: nanodesk factors
    """
    from nanodesk.research.factors.catalog import FACTORS

    if as_json:
        print_json({"factors": [_values(factor) for factor in FACTORS.values()]})
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("Id", "Family", "Lookback", "Inputs", "Source"):
        table.add_column(heading, justify="right" if heading == "Lookback" else "left")
    for factor in FACTORS.values():
        table.add_row(factor.id, factor.family, str(factor.lookback), ", ".join(factor.inputs), factor.citation)
    stdout_console().print(table)


def _values(factor: Factor) -> dict[str, Any]:
    return {
        "id": factor.id,
        "family": factor.family,
        "formula": factor.formula,
        "inputs": list(factor.inputs),
        "lookback": factor.lookback,
        "parameters": {
            name: {"default": item.default, "low": item.low, "high": item.high, "meaning": item.meaning}
            for name, item in factor.parameters.items()
        },
        "source": factor.citation,
    }
