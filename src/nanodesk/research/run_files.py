"""The files of one stored run: Parquet for what is long, JSON for the rest; the same run gives the same bytes."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from nanodesk.backtest.result import REASONS, BacktestResult, StopTable, TradeTable
from nanodesk.errors import DataError, SchemaMismatchError
from nanodesk.market.arrays import Dates, FloatArray
from nanodesk.metrics.performance import PerformanceMetrics
from nanodesk.rebalance.target import Target
from nanodesk.research.manifest import canonical, from_plain_values
from nanodesk.research.result import FactorReport, ResearchResult, ScreenStep

SCHEMA = 1
HEADER = "run.json"

_SESSION_MATRICES = {"holdings": 0.0, "weights": 0.0, "symbol_returns": np.nan}
_DECISION_MATRICES = {"target_weights": 0.0, "scores": np.nan}
_SESSION_COLUMNS = {"equity": "equity", "cash": "cash", "returns": "return", "turnover": "turnover"}


def write_files(result: ResearchResult, folder: Path) -> None:
    """Write every file of a run but the report.

    Parameters
    ----------
    result : ResearchResult
        The run.
    folder : Path
        An empty folder.
    """
    backtest = result.backtest
    _write_json(folder / HEADER, _header(result))
    _write_json(folder / "funnel.json", _funnel(result))
    (folder / "manifest.toml").write_text(canonical(from_plain_values(result.manifest)), encoding="utf-8")
    (folder / "target.json").write_text(result.target.to_json(), encoding="utf-8")
    _write_frame(folder / "sessions.parquet", _sessions(result))
    _write_frame(folder / "trades.parquet", _events(backtest.trades, backtest))
    _write_frame(folder / "stops.parquet", _events(backtest.stop_events, backtest))
    for name, fill in _SESSION_MATRICES.items():
        _write_matrix(folder / f"{name}.parquet", backtest.dates, backtest.symbols, getattr(backtest, name), fill)
    for name, fill in _DECISION_MATRICES.items():
        _write_matrix(folder / f"{name}.parquet", result.decision_dates, backtest.symbols, getattr(result, name), fill)
    (folder / "factors").mkdir()
    for name, values in result.factor_values.items():
        _write_matrix(folder / "factors" / f"{name}.parquet", result.decision_dates, backtest.symbols, values, np.nan)


def read_files(folder: Path) -> ResearchResult:
    """Read a run back, equal to what was written.

    Parameters
    ----------
    folder : Path
        Written by `write_files`.

    Returns
    -------
    result : ResearchResult
        The run.

    Raises
    ------
    DataError
        If a file is missing or damaged.
    SchemaMismatchError
        If another version of the package wrote the folder.
    """
    try:
        header = json.loads((folder / HEADER).read_text(encoding="utf-8"))
        if header.get("schema") != SCHEMA:
            raise SchemaMismatchError(
                f"{folder / HEADER}: schema={header.get('schema')} but this version reads {SCHEMA}.",
                field="schema",
                value=header.get("schema"),
                allowed=str(SCHEMA),
                fix="Run the manifest again, or use the version that wrote it.",
            )
        return _read(folder, header)
    except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{folder}: not a readable run: {error}", field="run", value=str(folder)) from error


def _header(result: ResearchResult) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "run_id": result.run_id,
        "name": result.name,
        "code_version": result.code_version,
        "snapshot_id": result.snapshot_id,
        "seed": result.seed,
        "n_trials": result.n_trials,
        "periods_per_year": result.periods_per_year,
        "warnings": list(result.warnings),
        "metrics": _numbers(dataclasses.asdict(result.backtest.metrics)),
        "initial_cash": result.backtest.initial_cash,
        "benchmark_name": result.benchmark_name,
        "symbols": list(result.backtest.symbols),
        "sectors": dict(sorted(result.sectors.items())),
        "cost_kinds": list(result.backtest.costs),
        "factors": list(result.factor_values),
        "factor_reports": [_numbers(dataclasses.asdict(report)) for report in result.factor_reports],
        "manifest": dict(result.manifest),
    }


def _funnel(result: ResearchResult) -> list[dict[str, Any]]:
    return [
        {"date": str(date), "steps": [dataclasses.asdict(step) for step in steps]}
        for date, steps in zip(result.decision_dates, result.funnel, strict=True)
    ]


def _sessions(result: ResearchResult) -> pl.DataFrame:
    backtest = result.backtest
    columns: dict[str, Any] = {"date": backtest.dates}
    columns |= {column: getattr(backtest, name) for name, column in _SESSION_COLUMNS.items()}
    columns |= {f"cost_{kind}": paid for kind, paid in backtest.costs.items()}
    if backtest.income is not None:
        columns["income"] = backtest.income
    columns["risk_free"] = result.risk_free
    if result.benchmark_returns is not None:
        columns["benchmark_return"] = result.benchmark_returns
    return pl.DataFrame(columns)


def _events(table: TradeTable | StopTable, backtest: BacktestResult) -> pl.DataFrame:
    names = np.array(backtest.symbols, dtype=object)
    columns: dict[str, Any] = {
        "date": pl.Series(backtest.dates[table.row], dtype=pl.Date),
        "symbol": pl.Series(list(names[table.symbol]), dtype=pl.String),
    }
    for item in dataclasses.fields(table):
        if item.name not in ("row", "symbol", "reason"):
            columns[item.name] = getattr(table, item.name)
    columns["reason"] = pl.Series([REASONS[code] for code in table.reason], dtype=pl.String)
    return pl.DataFrame(columns)


def _write_matrix(
    path: Path,
    dates: Dates,
    symbols: tuple[str, ...],
    matrix: FloatArray,
    fill: float,
) -> None:
    """Symbols whose whole column is the fill value are left out."""
    empty = np.isnan(matrix) if math.isnan(fill) else matrix == fill
    kept = np.flatnonzero(~empty.all(axis=0))
    columns = {symbols[i]: np.ascontiguousarray(matrix[:, i]) for i in kept}
    if "date" in columns:
        raise DataError("a symbol named 'date' cannot be stored.", field="symbols", value="date", fix="Rename it.")
    _write_frame(path, pl.DataFrame({"date": dates} | columns))


def _write_frame(path: Path, frame: pl.DataFrame) -> None:
    content = io.BytesIO()  # Polars writing to a full disk raises no OSError
    frame.write_parquet(content, compression="zstd", statistics=False)
    path.write_bytes(content.getbuffer())


def _read_frame(path: Path) -> pl.DataFrame:
    # By file, not by name: Polars takes brackets and stars in the name of a folder as a pattern.
    with path.open("rb") as file:
        return pl.read_parquet(file)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")


def _read(folder: Path, header: Mapping[str, Any]) -> ResearchResult:
    symbols = tuple(header["symbols"])
    sessions = _read_frame(folder / "sessions.parquet")
    targets = _read_frame(folder / "target_weights.parquet")
    decision_dates = targets["date"].to_numpy()
    shape = (len(targets), len(symbols))
    backtest = _read_backtest(folder, header, sessions, symbols)
    decided = {
        name: _read_matrix(folder / f"{name}.parquet", shape, symbols, fill)
        for name, fill in _DECISION_MATRICES.items()
    }
    benchmark = sessions["benchmark_return"].to_numpy() if "benchmark_return" in sessions.columns else None
    return ResearchResult(
        run_id=header["run_id"],
        name=header["name"],
        manifest=header["manifest"],
        code_version=header["code_version"],
        snapshot_id=header["snapshot_id"],
        seed=header["seed"],
        backtest=backtest,
        benchmark_name=header["benchmark_name"],
        benchmark_returns=benchmark,
        risk_free=sessions["risk_free"].to_numpy(),
        decision_dates=decision_dates,
        target_weights=decided["target_weights"],
        scores=decided["scores"],
        factor_values={
            name: _read_matrix(folder / "factors" / f"{name}.parquet", shape, symbols, np.nan)
            for name in header["factors"]
        },
        funnel=_read_funnel(folder / "funnel.json"),
        factor_reports=tuple(_read_report(item) for item in header["factor_reports"]),
        sectors=header["sectors"],
        warnings=tuple(header["warnings"]),
        target=Target.from_json((folder / "target.json").read_text(encoding="utf-8")),
        periods_per_year=header["periods_per_year"],
        n_trials=header["n_trials"],
    )


def _read_backtest(
    folder: Path, header: Mapping[str, Any], sessions: pl.DataFrame, symbols: tuple[str, ...]
) -> BacktestResult:
    shape = (len(sessions), len(symbols))
    dates = sessions["date"].to_numpy()

    def column(name: str) -> FloatArray:
        return np.asarray(sessions[name].to_numpy())

    def matrix(name: str, fill: float) -> FloatArray:
        return _read_matrix(folder / f"{name}.parquet", shape, symbols, fill)

    return BacktestResult(
        dates=dates,
        symbols=symbols,
        initial_cash=header["initial_cash"],
        trades=_read_events(TradeTable, folder / "trades.parquet", dates, symbols),
        stop_events=_read_events(StopTable, folder / "stops.parquet", dates, symbols),
        costs={kind: column(f"cost_{kind}") for kind in header["cost_kinds"]},
        metrics=PerformanceMetrics(**_from_numbers(header["metrics"])),
        income=column("income") if "income" in sessions.columns else None,
        equity=column("equity"),
        cash=column("cash"),
        returns=column("return"),
        turnover=column("turnover"),
        holdings=matrix("holdings", 0.0),
        weights=matrix("weights", 0.0),
        symbol_returns=matrix("symbol_returns", np.nan),
    )


def _read_matrix(path: Path, shape: tuple[int, int], symbols: tuple[str, ...], fill: float) -> FloatArray:
    frame = _read_frame(path)
    matrix = np.full(shape, fill)
    position = {symbol: i for i, symbol in enumerate(symbols)}
    for name in frame.columns:
        if name != "date":
            matrix[:, position[name]] = frame[name].to_numpy()
    return matrix


def _read_events(table: type[Any], path: Path, dates: Dates, symbols: tuple[str, ...]) -> Any:
    frame = _read_frame(path)
    position = {symbol: i for i, symbol in enumerate(symbols)}
    columns: dict[str, Any] = {
        item.name: frame[item.name].to_numpy()
        for item in dataclasses.fields(table)
        if item.name not in ("row", "symbol", "reason")
    }
    columns["row"] = np.searchsorted(dates, frame["date"].to_numpy()).astype(np.int64)
    columns["symbol"] = np.array([position[name] for name in frame["symbol"]], dtype=np.int64)
    columns["reason"] = np.array([REASONS.index(word) for word in frame["reason"]], dtype=np.int8)
    return table(**columns)


def _read_funnel(path: Path) -> tuple[tuple[ScreenStep, ...], ...]:
    days = json.loads(path.read_text(encoding="utf-8"))
    return tuple(
        tuple(ScreenStep(step["kind"], step["entered"], step["left"], tuple(step["dropped"])) for step in day["steps"])
        for day in days
    )


def _read_report(item: Mapping[str, Any]) -> FactorReport:
    values = _from_numbers(item)
    for name in ("ic", "ic_decay", "quantile_returns"):
        values[name] = np.array(values[name], dtype=np.float64)
    values["horizons"] = tuple(item["horizons"])
    return FactorReport(**values)


def _numbers(value: Any) -> Any:
    """Plain values that JSON can hold: ``nan`` as null, infinities as words."""
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, (tuple, list, np.ndarray)):
        return [_numbers(item) for item in value]
    if isinstance(value, np.generic):
        return _numbers(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def _from_numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value if key == "id" else _from_number(value) for key, value in values.items()}


def _from_number(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_number(item) for item in value]
    return math.nan if value is None else float(value) if isinstance(value, str) else value
