"""The steps that turn raw factor values into comparable ones, in the order written, as a manifest names them.

Each step is a frozen model told apart by ``kind``. A step touches every factor unless ``columns`` lists some. Steps
across names see the names of one decision only, inside the screen; steps along time (``align``, ``lag``, ``ewma``,
``decay_linear``) go from decision to decision and read earlier ones only; steps that read prices (``returns``,
``log_returns``, ``roc``, ``vol``) add a column taken from the daily bars up to each decision. No step learns anything
across time, so there is nothing to fit and nothing to leak.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated

from pydantic import Field

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.market.arrays import BoolArray, FloatArray
from nanodesk.metrics.ranking import masked
from nanodesk.research.transforms.base import BaseStep, Known, PreprocessContext, Values
from nanodesk.research.transforms.cross_steps import (
    Clip,
    GaussRank,
    Rank,
    RobustZ,
    Scale,
    StandardStep,
    Winsor,
    ZScore,
)
from nanodesk.research.transforms.price_steps import LogReturns, Returns, Roc, Vol
from nanodesk.research.transforms.relative_steps import DropIf, Impute, Neutralize, Orthogonalize
from nanodesk.research.transforms.time_steps import Align, DecayLinear, Ewma, Lag

__all__ = ["PreprocessContext", "Step", "apply_steps", "check_steps", "problems_in"]


Step = Annotated[
    Align
    | Returns
    | LogReturns
    | Roc
    | Vol
    | Lag
    | Winsor
    | ZScore
    | RobustZ
    | Rank
    | GaussRank
    | Neutralize
    | Impute
    | Ewma
    | DecayLinear
    | Clip
    | Scale
    | Orthogonalize
    | DropIf,
    Field(discriminator="kind"),
]


def check_steps(
    steps: Sequence[BaseStep],
    columns: Sequence[str],
    *,
    covariates: Collection[str] = (),
    sectors: bool = False,
    bars: Collection[str] = ("close",),
    calendar: str | None = None,
) -> tuple[str, ...]:
    """What is wrong with steps given the data they will meet, before anything is computed.

    Parameters
    ----------
    steps : sequence of Step
        In order.
    columns : sequence of str
        Factors.
    covariates : collection of str, default ()
        Further columns of the context.
    sectors : bool, default False
        Whether sectors are known.
    bars : collection of str, default ("close",)
        Prices that the data holds, of open, high, low, close.
    calendar : str, optional
        Calendar of the data.

    Returns
    -------
    problems : tuple of str
        One phrase each, such as ``[1].by: "log_mcap" is not available; ...``; empty when all is well.

    Examples
    --------
    >>> check_steps([Impute(kind="impute", method="sector_median")], ["vol_63"])
    ('[0].method: "sector_median" needs sectors, and the data names none',)
    """
    found: list[str] = []
    present = tuple(columns)
    standardised = False
    for i, step in enumerate(steps):
        known = Known(present, covariates, sectors, bars, calendar, standardised)
        found += [f"[{i}].{problem}" for problem in step.problems(known)]
        present += step.added()
        standardised = standardised or isinstance(step, StandardStep)
    return tuple(found)


def problems_in(steps: Sequence[BaseStep], columns: Sequence[str], context: PreprocessContext) -> tuple[str, ...]:
    """What is wrong with steps given the data at hand; as `check_steps`.

    Parameters
    ----------
    steps : sequence of step
        In the order applied.
    columns : sequence of str
        Names of the factors.
    context : PreprocessContext
        What steps may read beside them.

    Returns
    -------
    problems : tuple of str
        Each begins with ``[i].key``.
    """
    panel = None if context.rows is None else context.panel
    return check_steps(
        steps,
        columns,
        covariates=context.covariates,
        sectors=context.has_sectors,
        bars=[name for name in ("open", "high", "low", "close") if getattr(panel, name, None) is not None],
        calendar=context.calendar,
    )


def apply_steps(
    steps: Sequence[BaseStep], values: Values, mask: BoolArray, context: PreprocessContext | None = None
) -> dict[str, FloatArray]:
    """Apply the steps in order.

    Parameters
    ----------
    steps : sequence of Step
        In the order of the manifest.
    values : mapping of str to ndarray of float64, shape (n_decisions, n_symbols)
        Raw factor values; ``nan`` is missing.
    mask : ndarray of bool, shape (n_decisions, n_symbols)
        Names that passed the screen.
    context : PreprocessContext, optional
        Prices, sectors and covariates.

    Returns
    -------
    values : dict of str to ndarray of float64, shape (n_decisions, n_symbols)
        ``nan`` outside the mask. Holds the columns that price steps added, after the factors.

    Raises
    ------
    ShapeError
        If a matrix has not the shape of `mask`.
    ValidationError
        If a step names a column or needs data that is not there; the message lists all such faults.

    Examples
    --------
    >>> import numpy as np
    >>> raw = {"vol_63": np.array([[-0.2, -0.5, -0.3]])}
    >>> apply_steps([Rank(kind="rank")], raw, np.ones((1, 3), dtype=bool))["vol_63"].round(3)
    array([[ 0.333, -0.333,  0.   ]])
    """
    known = context or PreprocessContext()
    for name, matrix in {**known.covariates, **values}.items():
        if matrix.shape != mask.shape:
            raise ShapeError(
                f"{name} has shape {matrix.shape}, expected {mask.shape} like the mask.", field=name, value=matrix.shape
            )
    problems = problems_in(steps, tuple(values), known)
    if problems:
        raise ValidationError("; ".join(f"preprocess{problem}" for problem in problems) + ".", field="preprocess")
    current = dict(values)
    for step in steps:
        current = step.apply(current, mask, known)
    return {name: masked(matrix, mask) for name, matrix in current.items()}
