"""A sweep over a Dask cluster of two local workers, one of which is killed half way."""

import os
import signal

import pytest

import sweep_tasks
from nanodesk.backtest.sweep import grid, sweep

distributed = pytest.importorskip("distributed")


@pytest.fixture
def client():
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1", silence_logs=50
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


def test_a_killed_worker_loses_no_result(client):
    parameters = grid(lookback=[2, 3, 5, 8], top=[1, 2, 3], pause=[0.1])
    serial = [sweep_tasks.slow_backtest(parameter | {"pause": 0.0}) for parameter in parameters]
    pids = client.run(os.getpid)
    killed = []

    def kill_one(done, total):
        if not killed and done >= total // 2:
            killed.append(next(iter(pids.values())))
            os.kill(killed[0], signal.SIGKILL)

    rows = sweep(sweep_tasks.slow_backtest, parameters, executor=client.get_executor(), progress=kill_one)
    assert killed
    assert [row.error for row in rows] == [None] * len(parameters)
    assert [row.value for row in rows] == serial
    assert [row.parameter for row in rows] == parameters


def test_an_error_of_the_function_stays_in_its_row(client):
    rows = sweep(sweep_tasks.fails_on_two, [1, 2, 3], executor=client.get_executor())
    assert [row.value for row in rows] == [1, None, 3]
    assert isinstance(rows[1].error, ValueError)
