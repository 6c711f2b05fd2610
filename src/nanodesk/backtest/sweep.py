"""One function over many parameters, on threads, processes or a cluster, with no result lost to a dead worker."""

from __future__ import annotations

import itertools
import os
import pickle
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar, cast

from nanodesk.errors import NanodeskError, ValidationError
from nanodesk.market.ranges import whole_number

P = TypeVar("P")
R = TypeVar("R")

Workers: TypeAlias = Executor | Callable[[], Executor] | None
"""An executor, a function that makes one, or ``None`` for threads."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the parameters finished and their total."""


@dataclass(frozen=True, slots=True)
class SweepRow(Generic[P, R]):
    """What one parameter gave.

    Parameters
    ----------
    index : int
        Position of the parameter.
    parameter : object
        The parameter itself.
    value : object or None
        What the function returned; ``None`` where it failed.
    error : BaseException or None
        What the function raised, or why no worker could finish it.
    traceback : str or None
        Where the function failed, as text.
    attempts : int
        Tries that this row took; more than 1 after a worker died.
    """

    index: int
    parameter: P
    value: R | None = None
    error: BaseException | None = None
    traceback: str | None = None
    attempts: int = 1

    @property
    def result(self) -> R:
        """The value; where there is none, the error is raised."""
        if self.error is not None:
            raise self.error
        return cast(R, self.value)


def grid(**lists: Sequence[Any]) -> list[dict[str, Any]]:
    """Every combination of some lists of values.

    Parameters
    ----------
    **lists : sequence
        Values by name; each at least one.

    Returns
    -------
    parameters : list of dict
        The last name varies fastest.

    Raises
    ------
    ValidationError
        If there is no list, one is empty, or one is a string.

    Examples
    --------
    >>> grid(window=[10, 20], top=[5])
    [{'window': 10, 'top': 5}, {'window': 20, 'top': 5}]
    """
    for name, values in lists.items():
        if isinstance(values, str) or not len(values):
            raise ValidationError(
                f"{name}={values!r} must be a list of at least one value.",
                field=name,
                value=values,
                allowed="a list of values",
                fix=f"Use [{values!r}].",
            )
    if not lists:
        raise ValidationError("grid needs at least one list of values.", field="lists", allowed="name=[values]")
    return [dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]


def sweep(
    function: Callable[[P], R],
    parameters: Iterable[P],
    *,
    executor: Workers = None,
    progress: Progress | None = None,
    chunk: int = 1,
    retries: int = 3,
    strict: bool = False,
) -> list[SweepRow[P, R]]:
    """Call a function once for each parameter, many at a time.

    Parameters
    ----------
    function : callable
        Takes one parameter. For processes and clusters it must be importable or, with Dask, picklable by cloudpickle.
    parameters : iterable
        For example the mappings of ``grid``.
    executor : concurrent.futures.Executor, or callable that makes one, optional
        Where to run. By default one thread a core: the kernels hold no interpreter lock, so threads scale. Also a
        ``ProcessPoolExecutor``, or ``client.get_executor()`` of a Dask client for more than one machine. One that is
        given as it is stays open; one that is made here is shut down here.
    progress : callable, optional
        Called in this thread with the parameters finished and their total.
    chunk : int, default 1
        Parameters per task: more for many quick ones.
    retries : int, default 3
        How often a parameter is tried again after its worker died. An error of the function itself is an answer and
        is not tried again.
    strict : bool, default False
        Raise the first error seen, and cancel the rest, instead of returning it in its row.

    Returns
    -------
    rows : list of SweepRow
        In the order of the parameters; ``len(rows)`` is the number of trials that a deflated Sharpe ratio pays for.

    Raises
    ------
    ValidationError
        If ``chunk`` or ``retries`` is not an integer in its range.
    Exception
        With ``strict``, what the function raised.

    Notes
    -----
    When a worker process dies, everything it and its neighbours were doing is lost together, and nothing tells which
    parameter was at fault. All of them are then tried again alone, one after the other, so that a parameter that
    kills its worker every time costs only itself. A broken process pool is replaced by one with the same settings.

    Examples
    --------
    >>> rows = sweep(lambda p: p["a"] * p["b"], grid(a=[1, 2], b=[3, 0]))
    >>> [row.value for row in rows]
    [3, 0, 6, 0]
    >>> sweep(lambda x: 1 / x, [1, 0])[1].error
    ZeroDivisionError('division by zero')
    """
    whole_number("chunk", chunk, low=1)
    whole_number("retries", retries, low=0)
    items = list(parameters)
    with _Pool(executor) as pool:
        return _Sweep(function, items, pool, progress, retries, strict).run(chunk)


@dataclass(frozen=True, slots=True)
class _Outcome:
    value: Any = None
    error: BaseException | None = None
    traceback: str | None = None


@dataclass(frozen=True, slots=True)
class _Task:
    indices: tuple[int, ...]
    attempt: int = 1


def _evaluate(function: Callable[[Any], Any], parameters: Sequence[Any], attempt: int) -> list[_Outcome]:
    """Runs in the worker. ``attempt`` sets a second try apart where the scheduler remembers calls by arguments."""
    del attempt
    return [_outcome(function, parameter) for parameter in parameters]


def _outcome(function: Callable[[Any], Any], parameter: Any) -> _Outcome:
    try:
        return _Outcome(value=function(parameter))
    except Exception as error:  # noqa: BLE001 - whatever the function raises is its answer
        return _Outcome(error=_portable(error), traceback=traceback.format_exc())


def _portable(error: Exception) -> Exception:
    """The error if it survives the way home: one that cannot be unpickled would break the whole pool."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    except Exception:  # noqa: BLE001 - any failure of a foreign __reduce__
        return NanodeskError(f"{type(error).__qualname__}: {error}")
    return error


class _Pool:
    """The executor in use, with what is needed to follow a broken one by another."""

    def __init__(self, executor: Workers) -> None:
        self._make: Callable[[], Executor] | None = None
        self._owned = not isinstance(executor, Executor)
        if isinstance(executor, Executor):
            self.executor = executor
        else:
            self._make = executor or _threads
            self.executor = self._make()

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_: object) -> None:
        if self._owned:
            self.executor.shutdown(wait=True, cancel_futures=True)

    @property
    def limit(self) -> int | None:
        """Tasks to have under way: few where they all die together, else no limit."""
        if isinstance(self.executor, ProcessPoolExecutor):
            return 2 * _workers_of(self.executor)
        return None

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[list[_Outcome]]:
        try:
            return self.executor.submit(function, *arguments)
        except BrokenExecutor:
            if not self._replace():
                raise
            return self.executor.submit(function, *arguments)

    def _replace(self) -> bool:
        broken = self.executor
        if self._make is not None:
            self.executor = self._make()
        elif isinstance(broken, ProcessPoolExecutor):
            self.executor = _same_again(broken)
        else:
            return False
        if self._owned:
            broken.shutdown(wait=False, cancel_futures=True)
        self._owned = True
        return True


def _threads() -> Executor:
    return ThreadPoolExecutor(os.cpu_count())


def _workers_of(executor: ProcessPoolExecutor) -> int:
    return int(getattr(executor, "_max_workers", None) or os.cpu_count() or 1)


def _same_again(executor: ProcessPoolExecutor) -> ProcessPoolExecutor:
    """A pool with the settings of a broken one. They have no public name; without them the defaults serve."""
    return ProcessPoolExecutor(
        _workers_of(executor),
        mp_context=getattr(executor, "_mp_context", None),
        initializer=getattr(executor, "_initializer", None),
        initargs=getattr(executor, "_initargs", ()),
    )


class _Sweep(Generic[P, R]):
    """State of one sweep: what waits, what runs, what is done."""

    def __init__(
        self,
        function: Callable[[P], R],
        items: list[P],
        pool: _Pool,
        progress: Progress | None,
        retries: int,
        strict: bool,
    ) -> None:
        self._function = function
        self._items = items
        self._pool = pool
        self._progress = progress
        self._retries = retries
        self._strict = strict
        self._rows: dict[int, SweepRow[P, R]] = {}
        self._waiting: deque[_Task] = deque()
        self._suspects: deque[_Task] = deque()
        self._running: dict[Future[list[_Outcome]], _Task] = {}

    def run(self, chunk: int) -> list[SweepRow[P, R]]:
        every = range(len(self._items))
        self._waiting.extend(_Task(tuple(every[start : start + chunk])) for start in every[::chunk])
        try:
            while self._waiting or self._suspects or self._running:
                self._fill()
                finished = wait(self._running, return_when=FIRST_COMPLETED).done
                for future in sorted(finished, key=lambda future: self._running[future].indices):
                    self._collect(self._running.pop(future), future)
        finally:
            for future in self._running:
                future.cancel()
        return [self._rows[index] for index in every]

    def _fill(self) -> None:
        while self._waiting and (self._pool.limit is None or len(self._running) < self._pool.limit):
            self._start(self._waiting.popleft())
        if self._suspects and not self._running:
            self._start(self._suspects.popleft())

    def _start(self, task: _Task) -> None:
        parameters = [self._items[index] for index in task.indices]
        try:
            future = self._pool.submit(_evaluate, self._function, parameters, task.attempt)
        except BrokenExecutor as error:
            self._lost(task, error)
        else:
            self._running[future] = task

    def _collect(self, task: _Task, future: Future[list[_Outcome]]) -> None:
        try:
            outcomes = future.result()
        except (Exception, CancelledError) as error:  # noqa: BLE001 - of the machinery, not of the function
            if _is_infrastructure(error):
                self._lost(task, error)
            elif len(task.indices) > 1:
                self._waiting.extend(_Task((index,), task.attempt) for index in task.indices)
            else:
                self._finish(task, [_Outcome(error=error)])
        else:
            self._finish(task, outcomes)

    def _lost(self, task: _Task, error: BaseException) -> None:
        if task.attempt > self._retries:
            self._finish(task, [_Outcome(error=error)] * len(task.indices))
        else:
            self._suspects.extend(_Task((index,), task.attempt + 1) for index in task.indices)

    def _finish(self, task: _Task, outcomes: list[_Outcome]) -> None:
        for index, outcome in zip(task.indices, outcomes, strict=True):
            if self._strict and outcome.error is not None:
                outcome.error.add_note(f"in parameter {index} of the sweep: {self._items[index]!r}")
                raise outcome.error
            self._rows[index] = SweepRow(
                index, self._items[index], outcome.value, outcome.error, outcome.traceback, task.attempt
            )
        if self._progress is not None:
            self._progress(len(self._rows), len(self._items))


def _is_infrastructure(error: BaseException) -> bool:
    # Dask's own errors are known by their module, so that Dask need not be installed.
    ours = isinstance(error, (BrokenExecutor, CancelledError, ConnectionError))
    return ours or type(error).__module__.partition(".")[0] == "distributed"
