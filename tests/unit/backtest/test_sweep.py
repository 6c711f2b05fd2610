import os
import threading
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import pytest

import sweep_tasks
from nanodesk.backtest.sweep import grid, sweep
from nanodesk.errors import ValidationError
from nanodesk.metrics.significance import deflated_sharpe


class TestGrid:
    def test_last_name_varies_fastest(self):
        assert grid(a=[1, 2], b=["xy"], c=(None, 3)) == [
            {"a": 1, "b": "xy", "c": None},
            {"a": 1, "b": "xy", "c": 3},
            {"a": 2, "b": "xy", "c": None},
            {"a": 2, "b": "xy", "c": 3},
        ]

    @pytest.mark.parametrize("lists", [{}, {"a": []}, {"a": "word"}])
    def test_refuses_what_gives_no_combination(self, lists):
        with pytest.raises(ValidationError):
            grid(**lists)


class TestSweep:
    @pytest.mark.parametrize("chunk", [1, 3, 100])
    def test_rows_come_in_the_order_of_the_parameters(self, chunk):
        def slower_first(x):
            time.sleep(0.002 * (10 - x))
            return x * x

        rows = sweep(slower_first, range(10), chunk=chunk)
        assert [(row.index, row.parameter, row.value) for row in rows] == [(x, x, x * x) for x in range(10)]
        assert all(row.error is None and row.attempts == 1 for row in rows)

    def test_no_parameters_no_rows(self):
        assert sweep(sweep_tasks.square, []) == []

    def test_threads_run_at_the_same_time(self):
        both_there = threading.Barrier(2, timeout=10)
        with ThreadPoolExecutor(2) as pool:
            rows = sweep(lambda _: both_there.wait() is not None, range(2), executor=pool)
        assert [row.value for row in rows] == [True, True]

    @pytest.mark.parametrize("chunk", [1, 2])
    def test_an_error_of_the_function_stays_in_its_row(self, chunk):
        calls = []

        def counted(x):
            calls.append(x)
            return sweep_tasks.fails_on_two(x)

        rows = sweep(counted, [1, 2, 3], chunk=chunk)
        assert [row.value for row in rows] == [1, None, 3]
        assert isinstance(rows[1].error, ValueError)
        assert "fails_on_two" in rows[1].traceback
        assert sorted(calls) == [1, 2, 3]

    def test_result_is_the_value_or_raises_the_error(self):
        rows = sweep(sweep_tasks.fails_on_two, [1, 2])
        assert rows[0].result == 1
        with pytest.raises(ValueError, match="bad 2"):
            rows[1].result  # noqa: B018 - the property raises

    def test_strict_raises_it(self):
        with pytest.raises(ValueError, match="bad 2") as caught:
            sweep(sweep_tasks.fails_on_two, [1, 2, 3], strict=True)
        assert caught.value.__notes__ == ["in parameter 1 of the sweep: 2"]

    def test_progress_counts_to_the_total(self):
        seen = []
        sweep(sweep_tasks.square, range(7), chunk=2, progress=lambda done, total: seen.append((done, total)))
        assert seen[-1] == (7, 7)
        assert sorted(done for done, _ in seen) == [done for done, _ in seen]

    @pytest.mark.parametrize("options", [{"chunk": 0}, {"chunk": 1.5}, {"retries": -1}, {"chunk": True}])
    def test_refuses_counts_that_are_none(self, options):
        with pytest.raises(ValidationError, match=next(iter(options))):
            sweep(sweep_tasks.square, [1], **options)

    def test_an_executor_that_is_given_stays_open(self):
        with ThreadPoolExecutor(1) as pool:
            sweep(sweep_tasks.square, [1], executor=pool)
            assert pool.submit(sweep_tasks.square, 3).result() == 9

    def test_trials_deflate_the_sharpe_ratio_of_the_best(self):
        rows = sweep(lambda shift: [0.01 + shift, -0.005, 0.02, -0.01, 0.0, 0.015], [0.0, 0.001, 0.002])
        best = max((row.value for row in rows), key=sum)
        assert deflated_sharpe(best, n_trials=len(rows)) < deflated_sharpe(best, n_trials=1)


class Unlucky(Executor):
    """Runs in place; fails the first tries of some tasks in the way given."""

    def __init__(self, failures):
        self.failures = list(failures)
        self.submitted = 0

    def submit(self, fn, /, *args, **kwargs):
        self.submitted += 1
        future = Future()
        failure = self.failures.pop(0) if self.failures else None
        if failure == "cancelled":
            future.cancel()
            future.set_running_or_notify_cancel()
        elif failure is not None:
            future.set_exception(failure)
        else:
            future.set_result(fn(*args, **kwargs))
        return future


class TestSweepLosesNothing:
    @pytest.mark.parametrize("failure", [BrokenExecutor("gone"), "cancelled", ConnectionResetError("gone")])
    def test_a_lost_task_is_tried_again(self, failure):
        rows = sweep(sweep_tasks.square, [2, 3, 4], executor=Unlucky([failure]))
        assert [row.value for row in rows] == [4, 9, 16]
        assert [row.attempts for row in rows] == [2, 1, 1]

    def test_a_lost_chunk_is_tried_again_one_by_one(self):
        rows = sweep(sweep_tasks.square, range(4), executor=Unlucky([BrokenExecutor("gone")]), chunk=2)
        assert [row.value for row in rows] == [0, 1, 4, 9]
        assert [row.attempts for row in rows] == [2, 2, 1, 1]

    def test_retries_end(self):
        unlucky = Unlucky([BrokenExecutor("gone")] * 10)
        rows = sweep(sweep_tasks.square, [2], executor=unlucky, retries=2)
        assert unlucky.submitted == 3
        assert isinstance(rows[0].error, BrokenExecutor)
        assert rows[0].attempts == 3

    def test_processes(self):
        with ProcessPoolExecutor(2) as pool:
            rows = sweep(sweep_tasks.square, range(20), executor=pool, chunk=3)
        assert [row.value for row in rows] == [x * x for x in range(20)]

    @pytest.mark.parametrize("made_here", [True, False])
    def test_a_killed_process_loses_no_result(self, tmp_path, made_here):
        parameters = [{"x": x, "deadly": x == 4, "marker": str(tmp_path / "died")} for x in range(12)]
        make = partial(ProcessPoolExecutor, 2)
        rows = sweep(sweep_tasks.dies_once, parameters, executor=make if made_here else make())
        assert [row.value for row in rows] == [x * 10 for x in range(12)]
        assert max(row.attempts for row in rows) == 2

    def test_a_deadly_parameter_costs_only_itself(self):
        rows = sweep(sweep_tasks.dies_always, range(12), executor=partial(ProcessPoolExecutor, 2), retries=1)
        assert [row.value for row in rows] == [x * 10 if x != 3 else None for x in range(12)]
        assert isinstance(rows[3].error, BrokenExecutor)

    def test_an_error_that_cannot_be_unpickled_breaks_nothing(self):
        with ProcessPoolExecutor(1) as pool:
            row = sweep(sweep_tasks.raises_hard_to_move, [1], executor=pool)[0]
        assert str(row.error).endswith("1 and 1")
        assert row.attempts == 1

    def test_a_value_that_cannot_be_pickled_is_an_error_of_its_row(self):
        with ProcessPoolExecutor(1) as pool:
            rows = sweep(sweep_tasks.returns_what_cannot_be_pickled, range(3), executor=pool, chunk=3)
        assert [row.value for row in rows] == [0, None, 2]
        assert "pickle" in str(rows[1].error)

    def test_own_threads_end_with_the_sweep(self):
        before = threading.active_count()
        sweep(sweep_tasks.square, range(4 * (os.cpu_count() or 1)))
        assert threading.active_count() == before
