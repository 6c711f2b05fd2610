"""Momentum: what has risen goes on rising, and what rose in the last month falls back."""

from __future__ import annotations

import numpy as np

from nanodesk.market.arrays import FloatArray
from nanodesk.research.factors.base import Factor, Parameter, Parameters
from nanodesk.research.factors.coverage import covered, min_coverage, window
from nanodesk.research.factors.windows import SymbolBlock

_STALE = Parameter(0, 0, 20, "sessions by which a missing end price may be older")
_SKIP = Parameter(21, 0, 251, "latest sessions left out")


def price_momentum(block: SymbolBlock, parameters: Parameters) -> FloatArray:
    """``P[t - skip] / P[t - window] - 1``.

    Parameters
    ----------
    block : SymbolBlock
        Symbols and decision rows.
    parameters : mapping
        ``window``, ``skip``, ``stale``.

    Returns
    -------
    score : ndarray of float64, shape (n_decisions, n_symbols)
        ``nan`` where an end price is missing.
    """
    stale = int(parameters["stale"])
    newest, oldest = (block.price(int(parameters[name]), stale) for name in ("skip", "window"))
    return newest / oldest - 1.0


def reversal(block: SymbolBlock, parameters: Parameters) -> FloatArray:
    """``-(P[t] / P[t - window] - 1)``.

    Parameters
    ----------
    block : SymbolBlock
        Symbols and decision rows.
    parameters : mapping
        ``window``, ``stale``.

    Returns
    -------
    score : ndarray of float64, shape (n_decisions, n_symbols)
        ``nan`` where an end price is missing.
    """
    return 1.0 - block.price(0) / block.price(int(parameters["window"]), int(parameters["stale"]))


def nearness_to_high(block: SymbolBlock, parameters: Parameters) -> FloatArray:
    """``P[t] / max(P[t - window + 1 .. t])``.

    Parameters
    ----------
    block : SymbolBlock
        Symbols and decision rows.
    parameters : mapping
        ``window``, ``min_coverage`` (of closes).

    Returns
    -------
    score : ndarray of float64, shape (n_decisions, n_symbols)
        At most 1; ``nan`` with too few closes.
    """
    sessions = int(parameters["window"])
    score = block.price(0) / block.highest(sessions)
    return covered(score, block.traded(sessions), sessions, parameters)


def residual_momentum(block: SymbolBlock, parameters: Parameters) -> FloatArray:
    r"""Market-adjusted momentum in units of its own noise.

    .. math:: \frac{\sum_{k=t-window+1}^{t-skip} (R_k - a - \beta M_k)}{std(\varepsilon)}

    ``beta`` and the residuals ``eps`` come from ordinary least squares with intercept of R on M over the
    `estimation` sessions up to t; ``std`` is their sample deviation (ddof 1). ``a`` is zero unless `remove_alpha`:
    residuals with intercept sum to zero over their own window, so over the same 252 sessions the sum without the last
    month would merely be minus the residual return of that month. With a longer estimation window (756: the three
    years of the paper) `remove_alpha` takes out the estimated intercept as the paper does.

    Parameters
    ----------
    block : SymbolBlock
        Symbols and decision rows.
    parameters : mapping
        ``window``, ``skip``, ``estimation``, ``remove_alpha``, ``min_coverage`` (of both windows).

    Returns
    -------
    score : ndarray of float64, shape (n_decisions, n_symbols)
        ``nan`` with too few sessions, or where market or residual does not vary.
    """
    skip, estimation = int(parameters["skip"]), int(parameters["estimation"])
    formation = int(parameters["window"]) - skip
    fit = block.regression(estimation)
    n = block.window_sum("1", "1", "rm", formation, lag=skip)
    own = block.window_sum("r", "1", "rm", formation, lag=skip)
    market = block.window_sum("1", "m", "rm", formation, lag=skip)
    total = own - fit.slope * market
    if parameters["remove_alpha"]:
        total = total - n * (fit.mean_y - fit.slope * fit.mean_x)
    score = total / np.sqrt(fit.rss / (fit.n - 1.0))
    return covered(covered(score, fit.n, estimation, parameters), n, formation, parameters)


def _skip_below_window(parameters: Parameters) -> None:
    if parameters["skip"] >= parameters["window"]:
        raise ValueError(f"skip={parameters['skip']} must be below window={parameters['window']}.")


def _check_residual(parameters: Parameters) -> None:
    _skip_below_window(parameters)
    estimation, formation = parameters["estimation"], parameters["window"]
    if estimation < formation or (parameters["remove_alpha"] and estimation == formation):
        least = "above" if parameters["remove_alpha"] else "at least"
        raise ValueError(f"estimation={estimation} must be {least} window={formation}.")


MOM_12_1 = Factor(
    id="mom_12_1",
    family="momentum",
    formula="P[t-21] / P[t-252] - 1",
    inputs=("close",),
    parameters={"window": window(252, low=2), "skip": _SKIP, "stale": _STALE},
    reach=lambda p: int(p["window"]) + int(p["stale"]),
    citation="Jegadeesh, Titman (1993), J. Finance 48(1); Carhart (1997), J. Finance 52(1)",
    func=price_momentum,
    check=_skip_below_window,
)

MOM_6_1 = Factor(
    id="mom_6_1",
    family="momentum",
    formula="P[t-21] / P[t-126] - 1",
    inputs=("close",),
    parameters={"window": window(126, low=2), "skip": _SKIP, "stale": _STALE},
    reach=lambda p: int(p["window"]) + int(p["stale"]),
    citation="Jegadeesh, Titman (1993), J. Finance 48(1)",
    func=price_momentum,
    check=_skip_below_window,
)

REV_1M = Factor(
    id="rev_1m",
    family="momentum",
    formula="-(P[t] / P[t-21] - 1)",
    inputs=("close",),
    parameters={"window": window(21, low=1), "stale": _STALE},
    reach=lambda p: int(p["window"]) + int(p["stale"]),
    citation="Jegadeesh (1990), J. Finance 45(3); Lehmann (1990), Quarterly J. Economics 105(1)",
    func=reversal,
)

HIGH_52W = Factor(
    id="high_52w",
    family="momentum",
    formula="P[t] / max(P[t-251..t])",
    inputs=("close",),
    parameters={"window": window(252, low=1), "min_coverage": min_coverage()},
    reach=lambda p: int(p["window"]) - 1,
    citation="George, Hwang (2004), J. Finance 59(5)",
    func=nearness_to_high,
)

RESID_MOM = Factor(
    id="resid_mom",
    family="momentum",
    formula="sum of R - beta M over [t-252, t-21] / std(residual of R on M, 252 d)",
    inputs=("close", "market"),
    parameters={
        "window": window(252, low=2),
        "skip": _SKIP,
        "estimation": window(252, low=20, meaning="sessions of the regression"),
        "remove_alpha": Parameter(False, 0, 1, "take the regression's intercept out of the residuals"),
        "min_coverage": min_coverage(),
    },
    reach=lambda p: int(p["estimation"]),
    citation="Blitz, Huij, Martens (2011), J. Empirical Finance 18(3); Gutierrez, Prinsky (2007), J. Fin. Mkts 10(1)",
    func=residual_momentum,
    check=_check_residual,
)
