"""From factor values to one score per name, and back to what each factor gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nanodesk.errors import ShapeError, WeightsError
from nanodesk.market.arrays import BoolArray, FloatArray
from nanodesk.metrics.information import (
    forward_returns,
    ic_decay,
    icir,
    known_mean,
    mean_by_quantile,
    quantile_returns,
    rank_ic,
)
from nanodesk.metrics.newey_west import newey_west_t
from nanodesk.metrics.ranking import masked
from nanodesk.metrics.stability import coverage, rank_autocorrelation
from nanodesk.research.factors.catalog import FACTORS
from nanodesk.research.result import FactorReport

Weights = Mapping[str, float | FloatArray]

HORIZONS = (1, 5, 10, 21, 42, 63)


@dataclass(frozen=True, slots=True)
class Composite:
    """A combined score that can say where it came from.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_decisions, n_symbols)
        Weighted mean of the values a name has; ``nan`` outside the mask or with too few families.
    values : mapping of str to ndarray of float64, shape (n_decisions, n_symbols)
        The combined values, ``nan`` outside the mask.
    weights : mapping of str to ndarray of float64, shape (n_decisions,)
        Weight of each factor on each decision, before renormalising.
    """

    scores: FloatArray
    values: Mapping[str, FloatArray]
    weights: Mapping[str, FloatArray]

    def explain(self, row: int) -> dict[str, FloatArray]:
        """What each factor gave to each name's score on one decision.

        Parameters
        ----------
        row : int
            Decision, from 0.

        Returns
        -------
        contributions : dict of str to ndarray of float64, shape (n_symbols,)
            They add up to the score; ``nan`` where the name has no score, zero where it has no value of the factor.
        """
        scored = ~np.isnan(self.scores[row])
        norm = np.zeros(len(scored))
        for name, matrix in self.values.items():
            norm += abs(self.weights[name][row]) * ~np.isnan(matrix[row])
        share = np.divide(1.0, norm, out=np.full(len(norm), np.nan), where=scored)
        return {
            name: np.where(np.isnan(matrix[row]) & scored, 0.0, matrix[row] * self.weights[name][row]) * share
            for name, matrix in self.values.items()
        }


def combine(
    values: Mapping[str, FloatArray],
    weights: Weights,
    *,
    min_families: int = 1,
    families: Mapping[str, str] | None = None,
    mask: BoolArray | None = None,
) -> FloatArray:
    """Weighted mean of the values each name has.

    Parameters
    ----------
    values : mapping of str to ndarray of float64, shape (n_decisions, n_symbols)
        Preprocessed factor values, ``nan`` where missing. Columns without a weight are ignored.
    weights : mapping of str to float or ndarray of float64, shape (n_decisions,)
        Weight per factor; a negative one turns it round.
    min_families : int, default 1
        Fewest families a name must have a value of.
    families : mapping of str to str, optional
        Family per factor; by default the catalog's, and a factor of its own name otherwise.
    mask : ndarray of bool, shape (n_decisions, n_symbols), optional
        Names that are scored.

    Returns
    -------
    scores : ndarray of float64, shape (n_decisions, n_symbols)
        ``sum(weight * value) / sum(|weight|)`` over the factors the name has; missing ones count neither way.

    Raises
    ------
    WeightsError
        If there are no weights, one is not finite, all are zero, or one names no column of `values`.
    ShapeError
        If shapes differ.

    Examples
    --------
    >>> combine({"vol_63": np.array([[1.0, np.nan]]), "rev_1m": np.array([[3.0, 5.0]])}, {"vol_63": 1, "rev_1m": 3})
    array([[2.5, 5. ]])
    """
    return compose(values, weights, min_families=min_families, families=families, mask=mask).scores


def compose(
    values: Mapping[str, FloatArray],
    weights: Weights,
    *,
    min_families: int = 1,
    families: Mapping[str, str] | None = None,
    mask: BoolArray | None = None,
) -> Composite:
    """As `combine`, keeping what is needed to explain each score.

    Parameters
    ----------
    values : mapping of str to ndarray of float64, shape (n_decisions, n_symbols)
        Preprocessed factor values.
    weights : mapping of str to float or ndarray of float64, shape (n_decisions,)
        Weight per factor.
    min_families : int, default 1
        Fewest families a name must have a value of.
    families : mapping of str to str, optional
        Family per factor.
    mask : ndarray of bool, shape (n_decisions, n_symbols), optional
        Names that are scored.

    Returns
    -------
    composite : Composite
        Scores with values and weights.

    Raises
    ------
    WeightsError
        If the weights do not fit the values.
    ShapeError
        If shapes differ.
    """
    _check_names(values, weights)
    kept = {name: masked(values[name], mask) for name in weights}
    shape = next(iter(kept.values())).shape
    by_row = {name: _per_row(name, weight, shape[0]) for name, weight in weights.items()}
    total, norm = np.zeros(shape), np.zeros(shape)
    seen: dict[str, BoolArray] = {}
    for name, matrix in kept.items():
        if matrix.shape != shape:
            raise ShapeError(f"{name} has shape {matrix.shape}, expected {shape}.", field=name, value=matrix.shape)
        present = ~np.isnan(matrix) & (by_row[name] != 0.0)[:, None]
        total += np.where(present, matrix * by_row[name][:, None], 0.0)
        norm += np.where(present, np.abs(by_row[name])[:, None], 0.0)
        family = _family(name, families)
        seen[family] = present | seen[family] if family in seen else present
    enough = np.sum(list(seen.values()), axis=0) >= max(min_families, 1)
    scores = np.divide(total, norm, out=np.full(shape, np.nan), where=enough)
    return Composite(scores, kept, by_row)


def ic_weights(
    values: Mapping[str, FloatArray],
    returns: FloatArray,
    *,
    window: int = 36,
    min_history: int = 12,
    mask: BoolArray | None = None,
) -> dict[str, FloatArray]:
    """Weight of each factor from the skill it had shown by each decision.

    Parameters
    ----------
    values : mapping of str to ndarray of float64, shape (n_decisions, n_symbols)
        Preprocessed factor values.
    returns : ndarray of float64, shape (n_decisions, n_symbols)
        Return from each decision to the next, from `forward_returns`.
    window : int, default 36
        Decisions looked back on.
    min_history : int, default 12
        With fewer past ICs of any factor, all weigh the same.
    mask : ndarray of bool, shape (n_decisions, n_symbols), optional
        Names that take part.

    Returns
    -------
    weights : dict of str to ndarray of float64, shape (n_decisions,)
        Mean of the past ICs, zero where negative, scaled to sum to one; equal where no factor had skill. Decision d
        reads the ICs of decisions before d only: the return from d - 1 ends at d.
    """
    ics = np.array([rank_ic(matrix, returns, mask=mask) for matrix in values.values()])
    equal = np.full(len(ics), 1.0 / len(ics))
    weights = np.tile(equal[:, None], (1, ics.shape[1]))
    for d in range(ics.shape[1]):
        past = ics[:, max(0, d - window) : d]
        if np.sum(~np.isnan(past), axis=1).min() >= min_history:
            skill = np.maximum([known_mean(series) for series in past], 0.0)
            weights[:, d] = skill / skill.sum() if skill.sum() > 0.0 else equal
    return dict(zip(values, weights, strict=True))


def factor_report(
    factor_id: str,
    scores: FloatArray,
    *,
    close: FloatArray,
    rows: NDArray[np.integer],
    mask: BoolArray | None = None,
    horizons: Sequence[int] = HORIZONS,
    n_quantiles: int = 5,
) -> FactorReport:
    """How well a factor, or the composite, ordered the returns that followed.

    Parameters
    ----------
    factor_id : str
        Factor id, or ``composite``.
    scores : ndarray of float64, shape (n_decisions, n_symbols)
        Values on the decision rows.
    close : ndarray of float64, shape (n_dates, n_symbols)
        Closes.
    rows : ndarray of int, shape (n_decisions,)
        Decision rows.
    mask : ndarray of bool, shape (n_decisions, n_symbols), optional
        Names that passed the screen.
    horizons : sequence of int, default (1, 5, 10, 21, 42, 63)
        Sessions ahead for the decay.
    n_quantiles : int, default 5
        Groups of the quantile returns.

    Returns
    -------
    report : FactorReport
        IC is against the return to the next decision row, so it is ``nan`` on the last.
    """
    later = forward_returns(close, rows)
    ic = rank_ic(scores, later, mask=mask)
    return FactorReport(
        id=factor_id,
        horizons=tuple(horizons),
        ic=ic,
        ic_mean=known_mean(ic),
        ic_t=newey_west_t(ic),
        icir=icir(ic),
        ic_decay=ic_decay(scores, close, rows, horizons, mask=mask),
        quantile_returns=mean_by_quantile(quantile_returns(scores, later, n_quantiles, mask=mask)),
        coverage=known_mean(coverage(scores, mask=mask)),
        autocorrelation=known_mean(rank_autocorrelation(scores, mask=mask)),
    )


def _family(name: str, families: Mapping[str, str] | None) -> str:
    if families is not None:
        return families.get(name, name)
    return FACTORS[name].family if name in FACTORS else name


def _check_names(values: Mapping[str, FloatArray], weights: Weights) -> None:
    unknown = [name for name in weights if name not in values]
    if unknown or not weights:
        raise WeightsError(
            f"weights name {unknown}, which are no columns." if unknown else "weights are empty.",
            field="weights",
            value=unknown,
            allowed=", ".join(values),
        )
    if not any(np.any(np.asarray(weight) != 0.0) for weight in weights.values()):
        raise WeightsError("every weight is zero.", field="weights", allowed="at least one weight that is not zero")


def _per_row(name: str, weight: float | FloatArray, n_rows: int) -> FloatArray:
    vector = np.asarray(weight, dtype=np.float64)
    if vector.shape not in ((), (n_rows,)):
        raise ShapeError(f"weight of {name} has shape {vector.shape}, expected ({n_rows},).", field=name)
    if not np.isfinite(vector).all():
        raise WeightsError(f"weight of {name} is not finite.", field=name, value=weight, allowed="finite numbers")
    return np.broadcast_to(vector, (n_rows,))
