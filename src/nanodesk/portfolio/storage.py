"""The file that keeps a portfolio: ``docs/portfolio-file.md``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from nanodesk.atomic_file import write_text
from nanodesk.errors import SchemaMismatchError
from nanodesk.market.instrument import Instrument
from nanodesk.portfolio.costs import CostModel
from nanodesk.portfolio.position import Position

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class PortfolioState:
    """Everything a portfolio knows, as values.

    Parameters
    ----------
    cash : int
        In cents.
    cost_model : CostModel
        What trading costs.
    missing_price : {"carry", "raise"}
        What a holding without a price is worth.
    rounding : {"target", "trade"}
        Which quantity is truncated.
    reserve_costs : bool
        Whether purchases leave cash for their costs.
    instruments : tuple of Instrument or None
        The symbols that exist; ``None`` for any share.
    positions : tuple of Position
        Sorted by symbol.
    last_prices : dict of str to int
        Last price of each symbol seen, in cents.
    equity_curve : tuple of int, length n_periods + 1
        In cents.
    returns : tuple of float, length n_periods
        Fractions.
    """

    cash: int
    cost_model: CostModel
    missing_price: Literal["carry", "raise"]
    rounding: Literal["target", "trade"]
    reserve_costs: bool
    instruments: tuple[Instrument, ...] | None
    positions: tuple[Position, ...]
    last_prices: dict[str, int]
    equity_curve: tuple[int, ...]
    returns: tuple[float, ...]


def write_state(state: PortfolioState, path: Path) -> None:
    """Replace a file by a state, in one step.

    Parameters
    ----------
    state : PortfolioState
        What to write.
    path : Path
        Destination; its folder must exist.
    """
    document = {"schema": SCHEMA, "kind": "portfolio", **asdict(state)}
    document["cost_model"] = {name: float(value) for name, value in asdict(state.cost_model).items()}
    document["last_prices"] = dict(sorted(state.last_prices.items()))
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def read_state(path: Path) -> PortfolioState:
    """Read a state that ``write_state`` wrote.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    state : PortfolioState
        Checked: types, ranges, and one return for each period.

    Raises
    ------
    SchemaMismatchError
        If the file is not JSON, not a portfolio, of another version, or inconsistent; the message names the place.
    """
    from pydantic import TypeAdapter, ValidationError

    document = _document(path)
    unknown = sorted(document.keys() - set(PortfolioState.__dataclass_fields__))
    if unknown:
        raise _mismatch(path, unknown[0], document[unknown[0]], "is not a key of a portfolio")
    try:
        # As JSON text, so that strict mode still reads arrays as tuples.
        state = TypeAdapter(PortfolioState).validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _mismatch(path, place, first["input"], first["msg"]) from error
    if len(state.returns) != len(state.equity_curve) - 1:
        raise _mismatch(path, "returns", len(state.returns), f"must have {len(state.equity_curve) - 1} values")
    return state


def _document(path: Path) -> dict[str, object]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SchemaMismatchError(f"{path}: not JSON: {error}.", field="file", value=str(path)) from error
    if not isinstance(document, dict) or document.pop("kind", None) != "portfolio":
        raise _mismatch(path, "kind", document, 'must be "portfolio"')
    version = document.pop("schema", None)
    if version != SCHEMA:
        raise _mismatch(path, "schema", version, f"must be {SCHEMA}")
    return document


def _mismatch(path: Path, place: str, value: object, why: str) -> SchemaMismatchError:
    shown = repr(value)
    short = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return SchemaMismatchError(f"{path}: {place}={short}: {why}.", field=place, value=value)
