"""One decision: from screened names and scores to target weights, the same in a backtest and on the last day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from nanodesk.allocation.allocate import FROM_RETURNS, allocate
from nanodesk.allocation.limits import Limits
from nanodesk.errors import InfeasibleError, SolverError, ValidationError
from nanodesk.market.arrays import BoolArray, FloatArray, IntArray
from nanodesk.research.manifest import Manifest
from nanodesk.research.result import ScreenStep
from nanodesk.research.run_inputs import RunInputs
from nanodesk.research.screen_context import ScreenContext
from nanodesk.research.screen_rules import Membership
from nanodesk.research.universe import Filter, narrowed, screen

RANKED_KINDS = ("rank_top", "diversify")
"""Filters that read the composite score; they and all after them run once scores exist."""

_MIN_RETURN_COVERAGE = 0.95  # of the window's sessions; gaps are carried forward
_DUST = 1e-7  # fraction of equity: a solver's zero


@dataclass(frozen=True, slots=True)
class Signals:
    """What every decision reads, on all decision rows.

    Parameters
    ----------
    factors : mapping of str to ndarray of float64, shape (n_decisions, n_symbols)
        Raw factor values.
    eligible : ndarray of bool, shape (n_decisions, n_symbols)
        Names that passed the filters before the first one that needs a score.
    funnel : tuple of tuple of ScreenStep, length n_decisions
        Those filters.
    scores : ndarray of float64, shape (n_decisions, n_symbols)
        Composite score; ``nan`` where not eligible or unknown.
    context : ScreenContext
        What filters read.
    """

    factors: Mapping[str, FloatArray]
    eligible: BoolArray
    funnel: tuple[tuple[ScreenStep, ...], ...]
    scores: FloatArray
    context: ScreenContext


@dataclass(frozen=True, slots=True)
class Decision:
    """Target weights of one date, and how the names were chosen.

    Parameters
    ----------
    row : int
        Session whose close was the last thing known.
    weights : ndarray of float64, shape (n_symbols,)
        Fractions of equity; zero where not held.
    selected : ndarray of bool, shape (n_symbols,)
        Names that passed the whole screen.
    funnel : tuple of ScreenStep
        Every filter of the date.
    exceeds_turnover : bool
        Whether the turnover limit could not be met together with the others.
    """

    row: int
    weights: FloatArray
    selected: BoolArray
    funnel: tuple[ScreenStep, ...]
    exceeds_turnover: bool


def decide(manifest: Manifest, inputs: RunInputs, signals: Signals, position: int, last: Decision | None) -> Decision:
    """The target of one decision date.

    Reads nothing after the close of that date: the same inputs cut there give the same weights, bit for bit.

    Parameters
    ----------
    manifest : Manifest
        The strategy.
    inputs : RunInputs
        Prices and rows.
    signals : Signals
        Scores and eligible names.
    position : int
        Which decision, from 0.
    last : Decision or None
        The decision before.

    Returns
    -------
    decision : Decision
        Weights and funnel.

    Raises
    ------
    DataError
        If fewer names than ``universe.min_names`` are left.
    SolverError
        If no portfolio meets the limits; the message names the date.
    """
    row = int(inputs.rows[position])
    selected, funnel = _select(manifest, inputs, signals, position, last)
    names = np.flatnonzero(selected)
    weights = np.zeros(len(selected))
    previous = None if last is None else _drifted(inputs, last, row)
    try:
        weights[names], exceeds = _allocate(manifest, inputs, signals.scores[position], names, row, previous)
    except (SolverError, ValidationError) as error:
        kind = type(error) if isinstance(error, SolverError) else InfeasibleError
        hint = _positive_scores(manifest, signals.scores[position][names])
        raise kind(f"on {inputs.panel.dates[row]}, {len(names)} names: {error}{hint}") from error
    weights[np.abs(weights) < _DUST] = 0.0
    return Decision(row, weights, selected, funnel, exceeds)


def _positive_scores(manifest: Manifest, scores: FloatArray) -> str:
    if manifest.portfolio.method != "score" or not manifest.portfolio.long_only:
        return ""
    some = int((scores > 0).sum())
    return f' The method "score" holds positive scores only, {some} of {len(scores)} here.'


def early_filters(manifest: Manifest) -> tuple[Filter, ...]:
    """The filters that run before scores exist, index membership first.

    Parameters
    ----------
    manifest : Manifest
        The strategy.

    Returns
    -------
    filters : tuple of Filter
        Up to the first one of `RANKED_KINDS`.
    """
    universe = manifest.universe
    index = universe.source.removeprefix("index:")
    member = (Membership(kind="membership", index=index),) if index != universe.source else ()
    return (*member, *universe.filter[: _first_ranked(universe.filter)])


def ranked_filters(manifest: Manifest) -> tuple[Filter, ...]:
    """The filters that run once scores exist.

    Parameters
    ----------
    manifest : Manifest
        The strategy.

    Returns
    -------
    filters : tuple of Filter
        From the first one of `RANKED_KINDS` on.
    """
    return manifest.universe.filter[_first_ranked(manifest.universe.filter) :]


def _first_ranked(filters: Sequence[Filter]) -> int:
    return next((i for i, chosen in enumerate(filters) if chosen.kind in RANKED_KINDS), len(filters))


def _select(
    manifest: Manifest, inputs: RunInputs, signals: Signals, position: int, last: Decision | None
) -> tuple[BoolArray, tuple[ScreenStep, ...]]:
    row = int(inputs.rows[position])
    scores = signals.scores[position]
    alive, steps = signals.eligible[position], signals.funnel[position]
    further = {"score": ~np.isnan(scores)}
    if manifest.portfolio.method in FROM_RETURNS:
        further["return_history"] = _has_history(inputs, row, manifest.portfolio.window)
    for kind, passing in further.items():
        left, step = narrowed(kind, alive, passing, inputs.panel.symbols)
        if step.left < step.entered:
            alive, steps = left, (*steps, step)
    return screen(
        ranked_filters(manifest),
        signals.context,
        row,
        composite=scores,
        held=None if last is None else last.selected,
        min_names=manifest.universe.min_names,
        max_names=manifest.universe.max_names,
        after=(alive, steps),
    )


def _closes(inputs: RunInputs, row: int, window: int) -> FloatArray:
    """Closes of a window and the session before it, gaps carried forward."""
    closes = inputs.panel.close[row - window : row + 1]
    known = np.where(np.isnan(closes), 0, np.arange(len(closes))[:, None])
    return np.take_along_axis(closes, np.maximum.accumulate(known, axis=0), axis=0)


def _has_history(inputs: RunInputs, row: int, window: int) -> BoolArray:
    closes = inputs.panel.close[row - window : row + 1]
    present = ~np.isnan(closes)
    return np.asarray(present[0] & (present.mean(axis=0) >= _MIN_RETURN_COVERAGE))


def _drifted(inputs: RunInputs, last: Decision, row: int) -> FloatArray:
    """The last target as prices since then have moved it; costs and stops are not in it."""
    names = np.flatnonzero(last.weights)
    closes = inputs.panel.close[last.row : row + 1, names]
    known = np.where(np.isnan(closes), 0, np.arange(len(closes))[:, None]).max(axis=0)
    growth = closes[known, np.arange(len(names))] / closes[0]
    values = last.weights[names] * growth
    drifted = np.zeros(len(last.weights))
    drifted[names] = values / (1.0 - last.weights[names].sum() + values.sum())
    return drifted


def _allocate(
    manifest: Manifest,
    inputs: RunInputs,
    scores: FloatArray,
    names: IntArray,
    row: int,
    previous: FloatArray | None,
) -> tuple[FloatArray, bool]:
    portfolio = manifest.portfolio
    returns = None
    if portfolio.method in FROM_RETURNS:
        closes = _closes(inputs, row, portfolio.window)[:, names]
        returns = np.ascontiguousarray(closes[1:] / closes[:-1] - 1.0)
    limits = _limits(manifest, inputs, names)
    solve = partial(
        allocate,
        portfolio.method,
        returns=returns,
        scores=scores[names],
        risk_free=float(inputs.risk_free[row]),
        alpha=portfolio.alpha,
        covariance_method=portfolio.covariance,
        no_excess="min_variance",
    )
    if previous is None or portfolio.limits.max_turnover is None:
        return solve(limits=limits), False
    kept = previous[names]
    # Names that left the universe are sold whatever the limit; what they use of it is gone.
    forced = 0.5 * float(np.abs(previous).sum() - np.abs(kept).sum())
    capped = replace(limits, max_turnover=max(portfolio.limits.max_turnover - forced, 0.0))
    try:
        return solve(limits=capped, previous=kept), False
    except InfeasibleError:
        return solve(limits=limits), True


def _limits(manifest: Manifest, inputs: RunInputs, names: IntArray) -> Limits:
    portfolio, limits = manifest.portfolio, manifest.portfolio.limits
    groups = None
    if limits.max_sector is not None:
        symbols = [inputs.panel.symbols[i] for i in names]
        # A name of unknown sector is a sector of its own.
        groups = tuple(inputs.panel.sectors.get(symbol, f"unknown: {symbol}") for symbol in symbols)
    return Limits(
        max_weight=limits.max_weight,
        min_weight=limits.min_weight,
        max_group=limits.max_sector,
        groups=groups,
        gross=portfolio.gross * (1.0 - limits.cash_buffer),
        long_only=portfolio.long_only,
    )
