"""Macro: how a name answers to a common shock."""

from __future__ import annotations

import numpy as np

from nanodesk.market.arrays import FloatArray
from nanodesk.research.factors.base import Factor, Parameters
from nanodesk.research.factors.coverage import covered, min_coverage, window
from nanodesk.research.factors.market_series import Common
from nanodesk.research.factors.windows import Own, SymbolBlock

# Market return and VIX change are taken as collinear when less than this share of either is left unexplained.
COLLINEAR = 1e-10


def vix_exposure(block: SymbolBlock, parameters: Parameters) -> FloatArray:
    """Minus the slope on the daily VIX change (points) in a regression of R on VIX change, market return and intercept.

    Parameters
    ----------
    block : SymbolBlock
        Symbols and decision rows.
    parameters : mapping
        ``window``, ``min_coverage``.

    Returns
    -------
    score : ndarray of float64, shape (n_decisions, n_symbols)
        Return lost per point of VIX; ``nan`` with too few sessions on which name, market and VIX are all known, where
        the name does not vary, or where market and VIX are collinear.
    """
    sessions = int(parameters["window"])

    def total(own: Own, common: Common) -> FloatArray:
        return block.window_sum(own, common, "rmv", sessions)

    n = total("1", "1")
    r, m, v = total("r", "1"), total("1", "m"), total("1", "v")
    rm, rv = total("r", "m") - r * m / n, total("r", "v") - r * v / n
    plain_mm, plain_vv = total("1", "mm"), total("1", "vv")
    mm, vv, mv = plain_mm - m * m / n, plain_vv - v * v / n, total("1", "mv") - m * v / n
    independent = mm * vv - mv * mv
    solvable = (mm > COLLINEAR * plain_mm) & (vv > COLLINEAR * plain_vv) & (independent > COLLINEAR * mm * vv)
    moving = ~np.isnan(block.variation(sessions)[1])
    score = np.where(solvable & moving, -(rv * mm - rm * mv) / independent, np.nan)
    return covered(score, n, sessions, parameters)


VIX_BETA = Factor(
    id="vix_beta",
    family="macro",
    formula="-beta of R on the VIX change, controlling for M, 63 d",
    inputs=("close", "market", "vix"),
    parameters={"window": window(63, low=5), "min_coverage": min_coverage()},
    reach=lambda p: int(p["window"]),
    citation="Ang, Hodrick, Xing, Zhang (2006), J. Finance 61(1)",
    func=vix_exposure,
)
