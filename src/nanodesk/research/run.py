"""The research river: manifest in, result out. The one place where the pipeline is spelled."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nanodesk.backtest.result import BacktestResult
from nanodesk.backtest.stops import Stops
from nanodesk.backtest.weights import backtest_weights
from nanodesk.market import calendar
from nanodesk.market.arrays import BoolArray, FloatArray
from nanodesk.metrics.information import forward_returns
from nanodesk.metrics.performance import compute_metrics
from nanodesk.portfolio.costs import CostModel
from nanodesk.rebalance.target import Target
from nanodesk.research.decide import Decision, Signals, decide, early_filters, ranked_filters
from nanodesk.research.factors.base import FactorInputs
from nanodesk.research.factors.compute import compute_factors
from nanodesk.research.manifest import Manifest, canonical, plain_values
from nanodesk.research.preprocess import PreprocessContext, apply_steps, problems_in
from nanodesk.research.result import FactorReport, ResearchResult, ScreenStep
from nanodesk.research.run_id import code_version, run_id
from nanodesk.research.run_inputs import RunInputs, read_inputs
from nanodesk.research.scoring import combine, factor_report, ic_weights
from nanodesk.research.screen_context import ScreenContext
from nanodesk.research.universe import screen, screen_context
from nanodesk.toml_files.lines import KeyPath
from nanodesk.toml_files.source import parse_dotted

Progress = Callable[[str, int, int], None]

_NS_PER_SECOND = 1_000_000_000
_WARM_UP_SESSIONS = 63


def run_manifest(manifest: Manifest, *, base_dir: str | Path, progress: Progress | None = None) -> ResearchResult:
    """Run a strategy: data, screen, factors, scores, weights, backtest, target.

    Parameters
    ----------
    manifest : Manifest
        A checked manifest.
    base_dir : str or Path
        Folder that ``data.lake`` is relative to, usually the manifest's.
    progress : callable, optional
        Called as ``progress(stage, done, total)``.

    Returns
    -------
    result : ResearchResult
        The same manifest, code, data and seed give the same result, bit for bit.

    Raises
    ------
    ConfigError
        If the manifest asks for what the data cannot give, or too few names are left; with file and line.
    DataError
        If data is missing.
    SolverError
        If no portfolio meets the limits on some date.
    """
    report = progress if progress is not None else _silent
    report("data", 0, 1)
    inputs = read_inputs(manifest, Path(base_dir))
    report("data", 1, 1)
    signals = compute_signals(manifest, inputs, report)
    decisions = decide_all(manifest, inputs, signals, report)
    report("backtest", 0, 1)
    backtest = simulate(manifest, inputs, decisions)
    report("backtest", 1, 1)
    return _assemble(manifest, inputs, signals, decisions, backtest)


def decide_target(
    manifest: Manifest, as_of: datetime.date | None, *, base_dir: str | Path, progress: Progress | None = None
) -> Target:
    """The one decision that trading asks for: what to hold after the close of a session.

    The data are cut at the session before anything is computed, and the decisions before it are taken again, as
    turnover and hysteresis remember them. So a backtest over a longer span, paper trading and live trading give the
    same weights for the same date, byte for byte.

    Parameters
    ----------
    manifest : Manifest
        A checked manifest.
    as_of : datetime.date or None
        Last session whose close is known; ``None`` for the last one that the data and the manifest have.
    base_dir : str or Path
        Folder that ``data.lake`` is relative to, usually the manifest's.
    progress : callable, optional
        Called as ``progress(stage, done, total)``.

    Returns
    -------
    target : Target
        Of the last decision date up to `as_of`.

    Raises
    ------
    ConfigError, DataError, SolverError
        As `run_manifest`; also if `as_of` lies before the first decision, or after ``data.end``.
    """
    report = progress if progress is not None else _silent
    report("data", 0, 1)
    inputs = inputs_until(manifest, as_of, Path(base_dir))
    report("data", 1, 1)
    decisions = decide_all(manifest, inputs, compute_signals(manifest, inputs, report), report)
    return target_of(manifest, inputs, decisions[-1])


def inputs_until(manifest: Manifest, as_of: datetime.date | None, base_dir: Path) -> RunInputs:
    """The data of a strategy, cut after a session.

    Parameters
    ----------
    manifest : Manifest
        A checked manifest.
    as_of : datetime.date or None
        Last session that is read; ``None`` for all.
    base_dir : Path
        Folder that ``data.lake`` is relative to.

    Returns
    -------
    inputs : RunInputs
        As if the data ended there.
    """
    return read_inputs(_ending(manifest, as_of), base_dir)


def _ending(manifest: Manifest, as_of: datetime.date | None) -> Manifest:
    if as_of is None:
        return manifest
    data = manifest.data
    if data.end is not None and as_of > data.end:
        raise manifest.error(("data", "end"), f"the decision as of {as_of} needs data up to that day; set it later")
    return manifest.model_copy(update={"data": data.model_copy(update={"end": as_of})})


def compute_signals(manifest: Manifest, inputs: RunInputs, progress: Progress | None = None) -> Signals:
    """Screen, factors, transforms and composite scores of every decision row.

    Parameters
    ----------
    manifest : Manifest
        The strategy.
    inputs : RunInputs
        Its data.
    progress : callable, optional
        Called as ``progress(stage, done, total)``.

    Returns
    -------
    signals : Signals
        A row depends on nothing after its own session.
    """
    report = progress if progress is not None else _silent
    filters = (*early_filters(manifest), *ranked_filters(manifest))
    context = screen_context(
        filters, inputs.panel, inputs.rows, lake=inputs.lake, fundamentals=manifest.data.fundamentals
    )
    eligible, funnel = _screen_all(manifest, inputs, context, report)
    report("factors", 0, 1)
    factors = compute_factors(
        [(choice.id, choice.params) for choice in manifest.signals.factor],
        FactorInputs(inputs.panel, inputs.market, inputs.vix),
        inputs.rows,
    )
    report("factors", 1, 1)
    values = _transformed(manifest, inputs, factors, eligible)
    scores = combine(
        values,
        _factor_weights(manifest, inputs, values, eligible),
        min_families=manifest.signals.min_families,
        mask=eligible,
    )
    return Signals(factors, eligible, funnel, scores, context)


def decide_all(
    manifest: Manifest, inputs: RunInputs, signals: Signals, progress: Progress | None = None
) -> tuple[Decision, ...]:
    """Every decision in order, each knowing the one before.

    Parameters
    ----------
    manifest : Manifest
        The strategy.
    inputs : RunInputs
        Its data.
    signals : Signals
        From `compute_signals`.
    progress : callable, optional
        Called as ``progress(stage, done, total)``.

    Returns
    -------
    decisions : tuple of Decision, length n_decisions
        The last one is the target to trade.
    """
    report = progress if progress is not None else _silent
    decisions: list[Decision] = []
    for position in range(len(inputs.rows)):
        last = decisions[-1] if decisions else None
        decisions.append(decide(manifest, inputs, signals, position, last))
        report("weights", position + 1, len(inputs.rows))
    return tuple(decisions)


def simulate(manifest: Manifest, inputs: RunInputs, decisions: Sequence[Decision]) -> BacktestResult:
    """The backtest of the decided weights, from the first decision on.

    Parameters
    ----------
    manifest : Manifest
        Cash, fills, costs and stops.
    inputs : RunInputs
        Prices.
    decisions : sequence of Decision
        Weights; between them holdings drift.

    Returns
    -------
    backtest : BacktestResult
        The first session is that of the first decision.
    """
    settings, limits = manifest.backtest, manifest.portfolio.limits
    first = int(inputs.rows[0])
    # Volumes, volatilities and ranges need sessions before the first fill; they are cut off again.
    start = max(0, first - _WARM_UP_SESSIONS)
    backtest = backtest_weights(
        np.array([decision.weights for decision in decisions]),
        inputs.execution.rows(len(inputs.panel.dates), start=start),
        rebalance=inputs.rows - start,
        cash=settings.cash,
        costs=_costs(manifest),
        fill=settings.fill,
        quantity=settings.shares,
        no_trade_band=limits.no_trade_band,
        max_participation=limits.adv_participation,
        stops=_stops(manifest),
        delisting_return=settings.delisting_return,
        periods_per_year=settings.periods_per_year,
    )
    cut = _since(backtest, first - start)
    metrics = compute_metrics(
        cut.returns, periods_per_year=settings.periods_per_year, risk_free=inputs.risk_free[first:]
    )
    return replace(cut, metrics=metrics)


def _since(backtest: BacktestResult, row: int) -> BacktestResult:
    """The backtest without its first sessions, in which nothing was held."""
    if row == 0:
        return backtest
    per_session = ("dates", "equity", "cash", "returns", "holdings", "weights", "symbol_returns", "turnover")
    cut: dict[str, Any] = {name: np.ascontiguousarray(getattr(backtest, name)[row:]) for name in per_session}
    tables = {name: replace(table, row=table.row - row) for name, table in _tables(backtest).items()}
    return replace(
        backtest,
        **cut,
        **tables,
        costs={kind: paid[row:] for kind, paid in backtest.costs.items()},
        income=None if backtest.income is None else backtest.income[row:],
        exact=None,
    )


def _tables(backtest: BacktestResult) -> dict[str, Any]:
    return {"trades": backtest.trades, "stop_events": backtest.stop_events}


def _silent(_stage: str, _done: int, _total: int) -> None:
    pass


def _screen_all(
    manifest: Manifest, inputs: RunInputs, context: ScreenContext, progress: Progress
) -> tuple[BoolArray, tuple[tuple[ScreenStep, ...], ...]]:
    filters = early_filters(manifest)
    eligible = np.zeros((len(inputs.rows), len(inputs.panel.symbols)), dtype=np.bool_)
    funnel = []
    for i, row in enumerate(inputs.rows):
        eligible[i], steps = screen(filters, context, int(row), min_names=manifest.universe.min_names)
        funnel.append(steps)
        progress("screen", i + 1, len(inputs.rows))
    return eligible, tuple(funnel)


def _transformed(
    manifest: Manifest, inputs: RunInputs, factors: Mapping[str, FloatArray], eligible: BoolArray
) -> dict[str, FloatArray]:
    context = PreprocessContext(inputs.panel, inputs.rows, _covariates(manifest, inputs), manifest.data.calendar)
    problems = problems_in(manifest.preprocess, tuple(factors), context)
    if problems:
        raise manifest.errors(_step_problem(text) for text in problems)
    return apply_steps(manifest.preprocess, factors, eligible, context)


def _step_problem(text: str) -> tuple[KeyPath, str]:
    """``[1].by: what is wrong`` as a path into the manifest and a message."""
    where, _, message = text.partition(": ")
    return ("preprocess", *parse_dotted(f"preprocess{where}")[1:]), message


def _covariates(manifest: Manifest, inputs: RunInputs) -> dict[str, FloatArray]:
    """Columns that steps may neutralize against: market beta and the logarithm of the market capitalisation."""
    wanted = {name for step in manifest.preprocess for name in getattr(step, "by", ())}
    found: dict[str, FloatArray] = {}
    if "beta" in wanted and inputs.market is not None:
        # The factor is signed so that a low beta is good.
        found["beta"] = -compute_factors([("beta_252", {})], FactorInputs(inputs.panel, inputs.market), inputs.rows)[
            "beta_252"
        ]
    dataset = manifest.data.fundamentals
    raw = inputs.panel.raw_close
    if "log_mcap" in wanted and dataset is not None and raw is not None:
        dates = inputs.panel.dates[inputs.rows]
        if "shares" in inputs.lake.describe(dataset).columns:
            shares = inputs.lake.fundamentals(dataset, dates, inputs.panel.symbols, "shares")
            found["log_mcap"] = np.log(np.where(shares > 0, shares, np.nan) * raw[inputs.rows])
    return found


def _factor_weights(
    manifest: Manifest, inputs: RunInputs, values: dict[str, FloatArray], eligible: BoolArray
) -> dict[str, float | FloatArray]:
    stated: dict[str, float | FloatArray] = {choice.id: choice.weight for choice in manifest.signals.factor}
    if manifest.signals.combine == "weighted":
        return stated
    later = forward_returns(inputs.panel.close, inputs.rows)
    learned = ic_weights(values, later, window=manifest.signals.ic_window, mask=eligible)
    return {name: weight * stated[name] for name, weight in learned.items()}


def _costs(manifest: Manifest) -> CostModel:
    costs = manifest.backtest.costs
    return CostModel(
        commission_bps=costs.commission_bps,
        commission_per_share=costs.commission_per_share,
        min_commission=costs.min_commission,
        half_spread_bps=costs.half_spread_bps,
        impact_coef=costs.impact.coef if costs.impact is not None else 0.0,
        borrow_bps_year=costs.borrow_bps_year,
    )


def _stops(manifest: Manifest) -> Stops | None:
    stops = manifest.backtest.stops
    if not (stops.fixed_pct or stops.trailing_pct or stops.atr_multiple):
        return None
    return Stops(
        fixed_pct=stops.fixed_pct or None,
        trailing_pct=stops.trailing_pct or None,
        atr_multiple=stops.atr_multiple or None,
        atr_period=stops.atr_period,
        check=stops.check,
        atr=stops.atr,
        reentry_after=stops.reentry_after,
    )


def _assemble(
    manifest: Manifest,
    inputs: RunInputs,
    signals: Signals,
    decisions: Sequence[Decision],
    backtest: BacktestResult,
) -> ResearchResult:
    first = int(inputs.rows[0])
    code = code_version()
    seed = manifest.strategy.seed
    identity = run_id(canonical(manifest), code=code, snapshot=inputs.snapshot_id, seed=seed)
    dates = inputs.panel.dates[inputs.rows]
    return ResearchResult(
        run_id=identity,
        name=manifest.strategy.name,
        manifest=plain_values(manifest),
        code_version=code,
        snapshot_id=inputs.snapshot_id,
        seed=seed,
        backtest=backtest,
        benchmark_name=manifest.backtest.benchmark,
        benchmark_returns=_returns(inputs.benchmark, first),
        risk_free=inputs.risk_free[first:],
        decision_dates=dates,
        target_weights=np.array([decision.weights for decision in decisions]),
        scores=signals.scores,
        factor_values=signals.factors,
        funnel=tuple(decision.funnel for decision in decisions),
        factor_reports=_factor_reports(inputs, signals),
        sectors={name: inputs.panel.sectors[name] for name in inputs.panel.symbols if name in inputs.panel.sectors},
        warnings=inputs.warnings + _decision_warnings(decisions, backtest),
        target=target_of(manifest, inputs, decisions[-1]),
        periods_per_year=manifest.backtest.periods_per_year,
    )


def _returns(level: FloatArray | None, first: int) -> FloatArray | None:
    """Session returns from a row on; the first is zero, as the portfolio's is."""
    if level is None:
        return None
    returns = np.zeros(len(level) - first)
    returns[1:] = level[first + 1 :] / level[first:-1] - 1.0
    return returns


def _factor_reports(inputs: RunInputs, signals: Signals) -> tuple[FactorReport, ...]:
    named = [*signals.factors.items(), ("composite", signals.scores)]
    return tuple(
        factor_report(name, values, close=inputs.panel.close, rows=inputs.rows, mask=signals.eligible)
        for name, values in named
    )


def _decision_warnings(decisions: Sequence[Decision], backtest: BacktestResult) -> tuple[str, ...]:
    said = []
    if len(backtest.trades) == 0:
        said.append("nothing was traded: every target is below one share, or no fill session has a price.")
    if exceeding := sum(decision.exceeds_turnover for decision in decisions):
        said.append(
            f"max_turnover could not be met together with the other limits on {exceeding} of {len(decisions)} dates."
        )
    return tuple(said)


def target_of(manifest: Manifest, inputs: RunInputs, decision: Decision) -> Target:
    """The target file of one decision.

    Parameters
    ----------
    manifest : Manifest
        The strategy.
    inputs : RunInputs
        Its data.
    decision : Decision
        Taken with them.

    Returns
    -------
    target : Target
        Its id is the run's id and the date: monthly targets of the same weights are not the same rebalance.
    """
    date = inputs.panel.dates[decision.row]
    close_ns = calendar.session(manifest.data.calendar, date).close_ns
    held = np.flatnonzero(decision.weights)
    identity = run_id(
        canonical(manifest), code=code_version(), snapshot=inputs.snapshot_id, seed=manifest.strategy.seed
    )
    return Target(
        timestamp=f"{np.datetime64(close_ns // _NS_PER_SECOND, 's')}Z",
        weights={inputs.panel.symbols[i]: float(decision.weights[i]) for i in held},
        constraints={
            "max_leverage": manifest.portfolio.gross,
            "max_position_pct": manifest.portfolio.limits.max_weight,
        },
        run_id=f"{identity}-{date}",
    )
