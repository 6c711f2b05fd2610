"""The run store: one folder a run, a list of all trials, and the first difference between two runs."""

from __future__ import annotations

import dataclasses
import difflib
import errno
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nanodesk.errors import DataError
from nanodesk.research.report import numbers_text, report_numbers, write_report
from nanodesk.research.result import ResearchResult
from nanodesk.research.run_files import HEADER, read_files, write_files

TRIALS = "trials.jsonl"
TEAR_SHEET = "tearsheet.html"
REPORT_NUMBERS = "tearsheet.json"


def save_run(result: ResearchResult, store: str | Path) -> Path:
    """Write a run to its folder in one step and count it as a trial of its strategy.

    Running the same manifest on the same data writes the same bytes to the same folder.

    Parameters
    ----------
    result : ResearchResult
        The run.
    store : str or Path
        Folder of all runs; made if absent.

    Returns
    -------
    folder : Path
        ``store/<run id>``, holding ``run.json``, ``manifest.toml``, ``target.json``, Parquet files, and the tear
        sheet in the formats that the manifest asks for.

    Raises
    ------
    DataError
        If the store cannot be written; nothing half written is left.
    """
    root = Path(store)
    with _writing(root):
        counted = dataclasses.replace(result, n_trials=register_trial(root, result.name, result.run_id))
        # Named before it is made, so that an interrupt has no moment in which the folder is nobody's to remove.
        temporary = root / f".{result.run_id}.{secrets.token_hex(4)}"
        try:
            temporary.mkdir(mode=0o700)
            write_files(counted, temporary)
            _write_report(counted, temporary)
            _to_disk(temporary)
            temporary.chmod(0o755)
            return _move_into_place(temporary, root / result.run_id)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def check_store(store: str | Path) -> None:
    """Make sure that runs can be written, before there are any.

    Parameters
    ----------
    store : str or Path
        Folder of all runs; made if absent.

    Raises
    ------
    DataError
        If it cannot be written.
    """
    with _writing(Path(store)), tempfile.TemporaryFile(dir=store):
        pass


@contextmanager
def _writing(root: Path) -> Iterator[None]:
    """The folder of all runs, made if absent, and one error for all that the disk says."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise DataError(
            f"the run store {root} cannot be written: {error.strerror or error}.",
            field="store",
            value=str(root),
            fix="Name a folder that you can write.",
        ) from error


def load_run(run: str | Path, store: str | Path = "runs") -> ResearchResult:
    """Read a stored run.

    Parameters
    ----------
    run : str or Path
        A run's folder, its id, or the first characters of its id.
    store : str or Path, default "runs"
        Folder of all runs, where an id is looked up.

    Returns
    -------
    result : ResearchResult
        Equal to what was saved.

    Raises
    ------
    DataError
        If there is no such run, or its files are damaged.
    SchemaMismatchError
        If another version of the package wrote it.
    """
    return read_files(run_folder(run, store))


def run_folder(run: str | Path, store: str | Path = "runs") -> Path:
    """The folder of a stored run.

    Parameters
    ----------
    run : str or Path
        A run's folder, its id, or the first characters of its id.
    store : str or Path, default "runs"
        Folder of all runs.

    Returns
    -------
    folder : Path
        Holds ``run.json``.

    Raises
    ------
    DataError
        If no run, or more than one, fits.
    """
    if (Path(run) / HEADER).is_file():
        return Path(run)
    known = run_ids(store)
    fitting = [name for name in known if name.startswith(str(run))]
    if len(fitting) == 1:
        return Path(store) / fitting[0]
    close = difflib.get_close_matches(str(run), known, n=3, cutoff=0.3)
    word = "fits several runs" if fitting else "is no run"
    raise DataError(
        f"{str(run)!r} {word} in {store}.",
        field="run",
        value=str(run),
        allowed=", ".join(fitting or known),
        fix=f"Nearest: {', '.join(fitting[:3] or close)}." if fitting or close else "Run a manifest first.",
    )


def run_ids(store: str | Path) -> list[str]:
    """Every run of a store, sorted.

    Parameters
    ----------
    store : str or Path
        Folder of all runs; may be absent.

    Returns
    -------
    ids : list of str
        Run ids.
    """
    return sorted(path.parent.name for path in Path(store).glob(f"*/{HEADER}") if not path.parent.name.startswith("."))


def register_trial(store: str | Path, strategy: str, run_id: str) -> int:
    """Note that a strategy was tried, once a run id, and count its trials so far.

    Parameters
    ----------
    store : str or Path
        Folder of all runs; made if absent.
    strategy : str
        Strategy name.
    run_id : str
        The run.

    Returns
    -------
    n_trials : int
        Distinct runs of the strategy, this one included.

    Raises
    ------
    DataError
        If the store cannot be written, or its list of trials is damaged.
    """
    tried = trials(store).get(strategy, [])
    if run_id in tried:
        return len(tried)
    line = (json.dumps({"schema": 1, "strategy": strategy, "run_id": run_id}) + "\n").encode()
    with _writing(Path(store)):
        # One write to a file opened for appending: two processes cannot tear each other's lines.
        handle = os.open(Path(store) / TRIALS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            written = os.write(handle, line)
            if written < len(line):  # the disk is full: half a line must not stay
                os.ftruncate(handle, os.fstat(handle).st_size - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(handle)
    return len(trials(store)[strategy])


def trials(store: str | Path) -> dict[str, list[str]]:
    """Distinct run ids by strategy name, in the order tried.

    Parameters
    ----------
    store : str or Path
        Folder of all runs; may be absent.

    Returns
    -------
    tried : dict of str to list of str
        Empty if nothing was run.

    Raises
    ------
    DataError
        If a line is not of this schema.
    """
    path = Path(store) / TRIALS
    tried: dict[str, list[str]] = {}
    if not path.is_file():
        return tried
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            runs = tried.setdefault(row["strategy"], [])
            if row["schema"] == 1 and row["run_id"] not in runs:
                runs.append(row["run_id"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}:{number}: not a trial: {line[:80]!r}.", field="trials", value=line) from error
    return tried


@dataclass(frozen=True, slots=True)
class RunDifference:
    """Where two runs first part.

    Parameters
    ----------
    stage : str
        The first stage of the pipeline that differs: ``manifest``, ``code``, ``snapshot``, ``universe``, ``factors``,
        ``scores``, ``weights`` or ``backtest``.
    cell : str
        The first differing key, or date and symbol.
    left, right : object
        The two values.
    """

    stage: str
    cell: str
    left: object
    right: object


def compare_runs(a: ResearchResult, b: ResearchResult) -> RunDifference | None:
    """The first stage at which two runs differ, and its first differing cell.

    Parameters
    ----------
    a, b : ResearchResult
        Two runs.

    Returns
    -------
    difference : RunDifference or None
        ``None`` if every number is the same, bit for bit.
    """
    for compare in _COMPARISONS:
        difference = compare(a, b)
        if difference is not None:
            return difference
    return None


def _write_report(result: ResearchResult, folder: Path) -> None:
    formats = result.manifest["report"]["formats"]
    numbers = folder / REPORT_NUMBERS
    if "html" in formats:
        write_report(result, folder / TEAR_SHEET)
    elif "json" in formats:
        numbers.write_text(numbers_text(report_numbers(result)), encoding="utf-8")
    if "json" not in formats:
        numbers.unlink(missing_ok=True)


def _to_disk(folder: Path) -> None:
    """After a power cut the folder has all its bytes or does not exist."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _move_into_place(temporary: Path, folder: Path) -> Path:
    if folder.exists():
        old = temporary.with_name(f"{temporary.name}.old")
        folder.rename(old)
        temporary.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    else:
        temporary.rename(folder)
    return folder


def _flat(values: Any, path: str = "") -> dict[str, Any]:
    if isinstance(values, Mapping) and values:
        return {k: v for key, item in values.items() for k, v in _flat(item, f"{path}.{key}" if path else key).items()}
    if isinstance(values, (list, tuple)) and values:
        return {k: v for i, item in enumerate(values) for k, v in _flat(item, f"{path}[{i}]").items()}
    return {path: values}


def _compare_manifest(a: ResearchResult, b: ResearchResult) -> RunDifference | None:
    left, right = _flat(a.manifest), _flat(b.manifest)
    for key in [*left, *(key for key in right if key not in left)]:
        if left.get(key) != right.get(key) or (key in left) != (key in right):
            return RunDifference("manifest", key, left.get(key), right.get(key))
    return None


def _compare_word(stage: str, name: str) -> Callable[[ResearchResult, ResearchResult], RunDifference | None]:
    def compare(a: ResearchResult, b: ResearchResult) -> RunDifference | None:
        left, right = getattr(a, name), getattr(b, name)
        return RunDifference(stage, name, left, right) if left != right else None

    return compare


def _compare_universe(a: ResearchResult, b: ResearchResult) -> RunDifference | None:
    for name, left, right in (
        ("symbols", a.backtest.symbols, b.backtest.symbols),
        ("decision_dates", a.decision_dates.astype(str).tolist(), b.decision_dates.astype(str).tolist()),
    ):
        if left != right:
            return RunDifference("universe", name, left, right)
    for date, left_steps, right_steps in zip(a.decision_dates, a.funnel, b.funnel, strict=True):
        for left_step, right_step in zip(left_steps, right_steps, strict=False):
            if left_step != right_step:
                return RunDifference("universe", f"{date} {left_step.kind}", left_step, right_step)
        if len(left_steps) != len(right_steps):
            return RunDifference("universe", str(date), len(left_steps), len(right_steps))
    return None


def _compare_factors(a: ResearchResult, b: ResearchResult) -> RunDifference | None:
    for name in a.factor_values:
        if name not in b.factor_values:
            return RunDifference("factors", name, name, None)
        difference = _compare_matrix("factors", name, a, a.factor_values[name], b.factor_values[name])
        if difference is not None:
            return difference
    return None


def _compare_scores(a: ResearchResult, b: ResearchResult) -> RunDifference | None:
    return _compare_matrix("scores", "score", a, a.scores, b.scores)


def _compare_weights(a: ResearchResult, b: ResearchResult) -> RunDifference | None:
    return _compare_matrix("weights", "target", a, a.target_weights, b.target_weights)


def _compare_backtest(a: ResearchResult, b: ResearchResult) -> RunDifference | None:
    for name in ("holdings", "weights"):
        left, right = getattr(a.backtest, name), getattr(b.backtest, name)
        difference = _compare_matrix("backtest", name, a, left, right, a.backtest.dates)
        if difference is not None:
            return difference
    for name in ("equity", "cash", "returns"):
        left, right = getattr(a.backtest, name)[:, None], getattr(b.backtest, name)[:, None]
        difference = _compare_matrix("backtest", name, a, left, right, a.backtest.dates)
        if difference is not None:
            return difference
    return None


def _compare_matrix(
    stage: str, name: str, run: ResearchResult, left: Any, right: Any, dates: Any = None
) -> RunDifference | None:
    if left.shape != right.shape:
        return RunDifference(stage, f"{name} shape", left.shape, right.shape)
    differs = (left != right) & ~(np.isnan(left) & np.isnan(right))
    if not differs.any():
        return None
    row, column = (int(i) for i in np.argwhere(differs)[0])
    date = (run.decision_dates if dates is None else dates)[row]
    symbol = f" {run.backtest.symbols[column]}" if left.shape[1] == len(run.backtest.symbols) else ""
    return RunDifference(stage, f"{name} {date}{symbol}", float(left[row, column]), float(right[row, column]))


_COMPARISONS: tuple[Callable[[ResearchResult, ResearchResult], RunDifference | None], ...] = (
    _compare_manifest,
    _compare_word("code", "code_version"),
    _compare_word("snapshot", "snapshot_id"),
    _compare_universe,
    _compare_factors,
    _compare_scores,
    _compare_weights,
    _compare_backtest,
)
