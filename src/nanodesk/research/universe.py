"""The screen: from every name in the data to the few that a strategy may hold on a date.

Rules are applied top to bottom. Each looks only at what was known on the decision date, and logs how many names
entered, how many stayed, and who was dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field, TypeAdapter

from nanodesk.errors import DataError, ShapeError
from nanodesk.market.arrays import BoolArray, FloatArray, IntArray
from nanodesk.market.panel import PricePanel
from nanodesk.research import screen_rules as rules
from nanodesk.research.result import ScreenStep
from nanodesk.research.screen_context import ScreenContext
from nanodesk.research.screen_rules import Decision

if TYPE_CHECKING:  # a manifest is checked without opening a lake
    from nanodesk.research.lake import Lake


_TRADED = "traded"
_MAX_NAMES = "max_names"

Filter = Annotated[
    rules.Listing
    | rules.History
    | rules.Price
    | rules.MarketCap
    | rules.DollarVolume
    | rules.SpreadProxy
    | rules.Volatility
    | rules.Momentum
    | rules.FundamentalCoverage
    | rules.Fundamental
    | rules.Exclude
    | rules.Membership
    | rules.RankTop
    | rules.Diversify,
    Field(discriminator="kind"),
]
"""One screening rule of a manifest, told apart by ``kind``."""

_FILTERS: TypeAdapter[tuple[Filter, ...]] = TypeAdapter(Annotated[tuple[Filter, ...], Field(strict=False)])


def parse_filters(values: Sequence[Mapping[str, Any]]) -> tuple[Filter, ...]:
    """Rules from plain values, as a manifest has them.

    Parameters
    ----------
    values : sequence of mapping
        One table per rule.

    Returns
    -------
    filters : tuple of Filter
        In the same order.

    Raises
    ------
    pydantic.ValidationError
        Naming each wrong key.

    Examples
    --------
    >>> parse_filters([{"kind": "volatility", "max": 0.8}])[0].window
    63
    """
    return _FILTERS.validate_python(list(values))


def screen_context(
    filters: Sequence[Filter],
    panel: PricePanel,
    rows: IntArray,
    *,
    lake: Lake,
    fundamentals: str | None = None,
) -> ScreenContext:
    """The context that a list of rules needs, read from a lake.

    Parameters
    ----------
    filters : sequence of Filter
        Rules; only what they ask for is read.
    panel : PricePanel
        Prices.
    rows : ndarray of int64, shape (n_decisions,)
        Row numbers of the decision dates.
    lake : Lake
        Where reports, members and listings are.
    fundamentals : str, optional
        Dataset of reports.

    Returns
    -------
    context : ScreenContext
        What the lake lacks is absent from it, and the rule that needs it says so.

    Raises
    ------
    DataError
        If an index or a column that a rule names is not in the lake.
    """
    dates = panel.dates[rows]
    indexes = {rule.index for rule in filters if isinstance(rule, rules.Membership)}
    columns = {rule.column for rule in filters if isinstance(rule, rules.Fundamental)}
    if fundamentals is not None and any(isinstance(rule, rules.MarketCap) for rule in filters):
        columns |= {rules.SHARES} & set(lake.describe(fundamentals).columns)
    ages = fundamentals is not None and any(isinstance(rule, rules.FundamentalCoverage) for rule in filters)
    return ScreenContext(
        panel,
        rows,
        members={index: lake.membership(index, dates, panel.symbols) for index in sorted(indexes)},
        figures={}
        if fundamentals is None
        else {name: lake.fundamentals(fundamentals, dates, panel.symbols, name) for name in sorted(columns)},
        report_age=lake.report_age(fundamentals, dates, panel.symbols) if ages and fundamentals else None,
        listings=lake.listings() if any(isinstance(rule, rules.Listing) for rule in filters) else {},
    )


def screen(
    filters: Sequence[Filter],
    context: ScreenContext,
    row: int,
    *,
    composite: FloatArray | None = None,
    held: BoolArray | None = None,
    min_names: int = 1,
    max_names: int | None = None,
    after: tuple[BoolArray, tuple[ScreenStep, ...]] | None = None,
) -> tuple[BoolArray, tuple[ScreenStep, ...]]:
    """Apply rules on one decision date.

    Parameters
    ----------
    filters : sequence of Filter
        Applied in this order to the names that have a close on the date.
    context : ScreenContext
        Prices and everything else the rules look at.
    row : int
        Row of the panel; one of the context's decision rows.
    composite : ndarray of float64, shape (n_symbols,), optional
        Scores, higher is better; needed by ``rank_top``.
    held : ndarray of bool, shape (n_symbols,), optional
        Names held now; ``rank_top`` is patient with them.
    min_names : int, default 1
        Fewer names are an error, not a small portfolio.
    max_names : int, optional
        The best ones are kept; needs scores when it binds.
    after : (ndarray of bool, tuple of ScreenStep), optional
        Names and steps of the first part of the same screen, which this call goes on with.

    Returns
    -------
    mask : ndarray of bool, shape (n_symbols,)
        Names that passed everything.
    steps : tuple of ScreenStep
        The first is ``traded``; then one per rule.

    Raises
    ------
    DataError
        If fewer than ``min_names`` are left, naming the step that dropped the most; or if a rule needs data that are
        not available.
    ShapeError
        If scores or holdings do not fit the panel, or the row is no decision row.
    """
    at = context.position(row)
    n_symbols = context.panel.shape[1]
    for name, vector in (("composite", composite), ("held", held)):
        if vector is not None and vector.shape != (n_symbols,):
            raise ShapeError(f"{name} has shape {vector.shape}, expected ({n_symbols},).", field=name)
    symbols = context.panel.symbols
    if after is None:
        alive, step = narrowed(
            _TRADED, np.ones(n_symbols, dtype=np.bool_), ~np.isnan(context.panel.close[row]), symbols
        )
        steps = [step]
    else:
        alive, steps = after[0], list(after[1])
    for rule in filters:
        alive, step = narrowed(
            rule.kind, alive, rules.passing(rule, Decision(context, at, alive, composite, held)), symbols
        )
        steps.append(step)
    if max_names is not None and int(alive.sum()) > max_names:
        alive, step = narrowed(
            _MAX_NAMES, alive, _best(Decision(context, at, alive, composite, held), max_names), symbols
        )
        steps.append(step)
    if int(alive.sum()) < max(min_names, 1):
        raise _empty(steps, int(alive.sum()), min_names, str(context.panel.dates[row]))
    return alive, tuple(steps)


def narrowed(kind: str, alive: BoolArray, passing: BoolArray, symbols: Sequence[str]) -> tuple[BoolArray, ScreenStep]:
    """One step of a screen: who is left, and what the funnel says of it.

    Parameters
    ----------
    kind : str
        What the step is called.
    alive : ndarray of bool, shape (n_symbols,)
        Names before the step.
    passing : ndarray of bool, shape (n_symbols,)
        Names that may stay.
    symbols : sequence of str, length n_symbols
        Their names.

    Returns
    -------
    left : ndarray of bool, shape (n_symbols,)
        Names after the step.
    step : ScreenStep
        The counts, and who was dropped.
    """
    left = alive & passing
    dropped = tuple(symbols[i] for i in np.flatnonzero(alive & ~passing).tolist())
    return left, ScreenStep(kind, int(alive.sum()), int(left.sum()), dropped)


def _best(decision: Decision, most: int) -> BoolArray:
    if decision.composite is None:
        raise DataError(
            f"{int(decision.alive.sum())} names passed, max_names={most}, and there are no scores to choose by.",
            field="max_names",
            value=int(decision.alive.sum()),
            fix="Add a rule that narrows the universe, or scores.",
        )
    kept = np.zeros_like(decision.alive)
    kept[decision.order(decision.alive)[:most]] = True
    return kept


def _empty(steps: Sequence[ScreenStep], left: int, min_names: int, day: str) -> DataError:
    enough_traded = len(steps) > 1 and steps[0].left >= max(min_names, 1)
    worst = max(steps[1:] if enough_traded else steps[:1], key=lambda step: step.entered - step.left)
    funnel = " -> ".join([str(steps[0].entered), *(f"{step.left} ({step.kind})" for step in steps)])
    dropped = worst.entered - worst.left
    most = f" The step {worst.kind!r} dropped the most, {dropped} of {worst.entered}." if dropped else ""
    fix = f"Loosen {worst.kind!r}, or start later." if worst.kind != _TRADED else "Start later, or ingest more data."
    return DataError(
        f"empty universe on {day}: {left} names are left, min_names={min_names}.{most} Funnel: {funnel}.",
        field="universe",
        value=left,
        allowed=f">= {max(min_names, 1)} names",
        fix=fix if dropped else "Lower min_names, or ingest more names.",
    )
