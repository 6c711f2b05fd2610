"""Factor values at decision rows: blocks of symbols, shared statistics, any number of threads."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.market.arrays import FloatArray, IntArray
from nanodesk.research.factors.base import Factor, FactorInputs, Value
from nanodesk.research.factors.catalog import find_factor
from nanodesk.research.factors.market_series import MarketSeries
from nanodesk.research.factors.windows import SymbolBlock

FactorSpec = tuple[str, Mapping[str, Value]]

# Symbols per block. Their returns and squares over ten years (under 3 MB) about fill a second-level cache.
BLOCK = 64


def compute_factors(
    specs: Sequence[FactorSpec], inputs: FactorInputs, rows: NDArray[np.integer], *, threads: int | None = None
) -> dict[str, FloatArray]:
    """Values of the named factors on every decision row.

    Parameters
    ----------
    specs : sequence of (str, mapping)
        Factor id and the parameters that differ from the default; an id appears once.
    inputs : FactorInputs
        Prices and the common series.
    rows : ndarray of int, shape (n_decisions,)
        Rows of the panel, strictly increasing. A decision is taken after that session's close.
    threads : int, optional
        Workers; by default one per core. The numbers do not depend on it.

    Returns
    -------
    values : dict of str to ndarray of float64, shape (n_decisions, n_symbols)
        One matrix per spec, in order. ``nan`` where unknown, never zero for missing; a name without a close on the
        decision row has no value.

    Raises
    ------
    ValidationError
        If a factor or parameter is unknown, an id is given twice, or an input is absent.
    ShapeError
        If `rows` is not a strictly increasing vector of rows of the panel.

    Notes
    -----
    Sessions after the last decision row are never touched. A value depends on its own column, the common series and
    its own row's window: cutting the panel, choosing other rows, other symbols or another number of threads leaves
    every bit of it as it was. O(n_dates * n_symbols) per window statistic, whatever the window and the rows.
    """
    resolved = _resolve(specs, inputs)
    at = _check_rows(rows, len(inputs.panel.dates))
    n_symbols = len(inputs.panel.symbols)
    out = {factor.id: np.empty((len(at), n_symbols)) for factor, _ in resolved}
    if len(at) == 0 or n_symbols == 0:
        return out
    stop = int(at[-1]) + 1
    close = inputs.panel.close[:stop]
    market = MarketSeries(stop, *(None if s is None else s[:stop] for s in (inputs.market, inputs.vix)))

    def fill(first: int) -> None:
        block = SymbolBlock(np.ascontiguousarray(close[:, first : first + BLOCK], dtype=np.float64), market, at)
        absent = np.isnan(block.price(0))
        with np.errstate(divide="ignore", invalid="ignore"):
            for factor, parameters in resolved:
                score = factor.func(block, parameters)
                out[factor.id][:, first : first + BLOCK] = np.where(absent, np.nan, score)

    firsts = range(0, n_symbols, BLOCK)
    workers = min(threads or os.cpu_count() or 1, len(firsts))
    if workers == 1:
        for first in firsts:
            fill(first)
    else:
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(fill, firsts):
                pass
    return out


def _resolve(specs: Sequence[FactorSpec], inputs: FactorInputs) -> list[tuple[Factor, dict[str, Value]]]:
    ids = [factor_id for factor_id, _ in specs]
    twice = next((factor_id for factor_id in ids if ids.count(factor_id) > 1), None)
    if twice is not None:
        raise ValidationError(f"factor {twice!r} is given twice.", field="specs", value=twice, allowed="each id once")
    resolved = []
    for factor_id, given in specs:
        factor = find_factor(factor_id)
        missing = [name for name in factor.inputs if not inputs.has(name)]
        if missing:
            raise ValidationError(
                f"{factor_id} reads {' and '.join(missing)}, which the inputs do not hold.",
                field=missing[0],
                allowed="one close per session of the panel",
                fix=f"Give {missing[0]} to FactorInputs, or leave {factor_id} out.",
            )
        resolved.append((factor, factor.resolve(given)))
    return resolved


def _check_rows(rows: NDArray[np.integer], n_dates: int) -> IntArray:
    at = np.asarray(rows)
    whole = at.ndim == 1 and (at.size == 0 or np.issubdtype(at.dtype, np.integer))
    inside = whole and (at.size == 0 or (at[0] >= 0 and at[-1] < n_dates))
    if not inside or np.any(np.diff(at) <= 0):
        raise ShapeError(
            f"rows must be strictly increasing whole numbers from 0 to {n_dates - 1}.",
            field="rows",
            value=at.tolist()[:10],
            allowed=f"0 to {n_dates - 1}, increasing",
        )
    return np.ascontiguousarray(at, dtype=np.int64)
