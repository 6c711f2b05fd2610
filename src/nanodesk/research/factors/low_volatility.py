"""Low risk: names that move less, with or without the market, have earned more per unit of risk."""

from __future__ import annotations

import math

import numpy as np

from nanodesk.market.arrays import FloatArray
from nanodesk.market.units import SESSIONS_PER_YEAR
from nanodesk.research.factors.base import Factor, Parameter, Parameters
from nanodesk.research.factors.coverage import covered, min_coverage, window
from nanodesk.research.factors.windows import SymbolBlock


def total_volatility(block: SymbolBlock, parameters: Parameters) -> FloatArray:
    """``-std(R) * sqrt(252)`` over the window, sample deviation (ddof 1).

    Parameters
    ----------
    block : SymbolBlock
        Symbols and decision rows.
    parameters : mapping
        ``window``, ``min_coverage``.

    Returns
    -------
    score : ndarray of float64, shape (n_decisions, n_symbols)
        ``nan`` with too few returns, or where the price does not vary: a stale price is no safe one.
    """
    sessions = int(parameters["window"])
    n, squares = block.variation(sessions)
    score = -np.sqrt(squares / (n - 1.0)) * math.sqrt(SESSIONS_PER_YEAR)
    return covered(score, n, sessions, parameters)


def downside_volatility(block: SymbolBlock, parameters: Parameters) -> FloatArray:
    """``-sqrt(mean(min(R, 0)^2)) * sqrt(252)`` over the window.

    Parameters
    ----------
    block : SymbolBlock
        Symbols and decision rows.
    parameters : mapping
        ``window``, ``min_coverage``.

    Returns
    -------
    score : ndarray of float64, shape (n_decisions, n_symbols)
        Zero for a name without a loss; ``nan`` with too few returns, or where the price does not vary.
    """
    sessions = int(parameters["window"])
    n, squares = block.variation(sessions)
    losses = block.window_sum("dd", "1", "r", sessions)
    score = -np.sqrt(losses / n) * math.sqrt(SESSIONS_PER_YEAR)
    return covered(np.where(np.isnan(squares), np.nan, score), n, sessions, parameters)


def shrunk_beta(block: SymbolBlock, parameters: Parameters) -> FloatArray:
    r"""Minus the market beta of Frazzini and Pedersen.

    .. math:: -\left(shrink \cdot \rho \frac{\sigma_i}{\sigma_m} + (1 - shrink)\right)

    ``rho`` is the correlation of overlapping `overlap`-session log returns that lie wholly inside the window (less
    hurt by stale prices than that of daily returns); the two ``sigma`` are sample deviations of daily log returns.
    Each statistic uses the sessions on which the name and the market are both known.

    Parameters
    ----------
    block : SymbolBlock
        Symbols and decision rows.
    parameters : mapping
        ``window``, ``overlap``, ``shrink``, ``min_coverage`` (of daily and of overlapping returns).

    Returns
    -------
    score : ndarray of float64, shape (n_decisions, n_symbols)
        ``nan`` with too few returns, or where name or market does not vary.
    """
    sessions, overlap, shrink = int(parameters["window"]), int(parameters["overlap"]), float(parameters["shrink"])
    daily, wide = block.regression(sessions), block.regression(sessions, overlap)
    correlation = wide.sxy / np.sqrt(wide.sxx * wide.syy)
    beta = correlation * np.sqrt(daily.syy / daily.sxx)
    score = -(shrink * beta + (1.0 - shrink))
    return covered(covered(score, daily.n, sessions, parameters), wide.n, sessions - overlap + 1, parameters)


def idiosyncratic_volatility(block: SymbolBlock, parameters: Parameters) -> FloatArray:
    """``-std(eps)`` of the residuals of daily R on M with intercept, sample deviation (ddof 1), not annualised.

    Parameters
    ----------
    block : SymbolBlock
        Symbols and decision rows.
    parameters : mapping
        ``window``, ``min_coverage``.

    Returns
    -------
    score : ndarray of float64, shape (n_decisions, n_symbols)
        ``nan`` with too few returns, where name or market does not vary, or where the market explains the name to
        rounding.
    """
    sessions = int(parameters["window"])
    fit = block.regression(sessions)
    return covered(-np.sqrt(fit.rss / (fit.n - 1.0)), fit.n, sessions, parameters)


def _overlap_below_window(parameters: Parameters) -> None:
    if parameters["overlap"] + 2 > parameters["window"]:
        raise ValueError(f"overlap={parameters['overlap']} must be at most window={parameters['window']} less two.")


VOL_63 = Factor(
    id="vol_63",
    family="low_volatility",
    formula="-std(R, 63) * sqrt(252)",
    inputs=("close",),
    parameters={"window": window(63, low=3), "min_coverage": min_coverage()},
    reach=lambda p: int(p["window"]),
    citation="Ang, Hodrick, Xing, Zhang (2006), J. Finance 61(1); Blitz, van Vliet (2007), J. Portfolio Mgmt 34(1)",
    func=total_volatility,
)

DOWNSIDE_63 = Factor(
    id="downside_63",
    family="low_volatility",
    formula="-sqrt(mean(min(R, 0)^2, 63)) * sqrt(252)",
    inputs=("close",),
    parameters={"window": window(63, low=3), "min_coverage": min_coverage()},
    reach=lambda p: int(p["window"]),
    citation="Ang, Chen, Xing (2006), Review of Financial Studies 19(4)",
    func=downside_volatility,
)

BETA_252 = Factor(
    id="beta_252",
    family="low_volatility",
    formula="-(0.6 rho(3-day R, M) sigma_i / sigma_m + 0.4)",
    inputs=("close", "market"),
    parameters={
        "window": window(252, low=5),
        "overlap": Parameter(3, 1, 21, "sessions per return of the correlation"),
        "shrink": Parameter(0.6, 0.0, 1.0, "weight of the estimate against a beta of one"),
        "min_coverage": min_coverage(),
    },
    reach=lambda p: int(p["window"]),
    citation="Frazzini, Pedersen (2014), J. Financial Economics 111(1)",
    func=shrunk_beta,
    check=_overlap_below_window,
)

IVOL_252 = Factor(
    id="ivol_252",
    family="low_volatility",
    formula="-std(residual of R on M, 252)",
    inputs=("close", "market"),
    parameters={"window": window(252, low=4), "min_coverage": min_coverage()},
    reach=lambda p: int(p["window"]),
    citation="Ang, Hodrick, Xing, Zhang (2006), J. Finance 61(1)",
    func=idiosyncratic_volatility,
)
