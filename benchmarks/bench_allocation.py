"""Milliseconds per solve of every optimiser, against skfolio and cvxpy where they are installed.

Usage: python benchmarks/bench_allocation.py [SOLVES]    (default 20; a tenth of it for 500 names)

One solve is one month of a walk-forward: a 252-session window of synthetic returns with three factors, from returns to
weights with the sample covariance, long-only, 5 % cap (risk parity and HRP without cap). The window moves by 21
sessions from solve to solve, so nothing is warm but the code. ``first`` is the first call of its kind in the process;
``vol`` is the yearly volatility of the last portfolio in its window, where engines must agree for
min_variance and risk_parity. All engines use one BLAS thread: on a busy machine a second one waits longer than it
works. skfolio's estimator is built anew for each solve, as its walk-forward does.
"""

from __future__ import annotations

import os
import platform
import sys
import time
import warnings
from collections.abc import Callable

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

WINDOW, STEP, CAP = 252, 21, 0.05
Solve = Callable[[np.ndarray], np.ndarray]


def returns_of(n_names: int, n_solves: int) -> np.ndarray:
    rng = np.random.default_rng(5)
    loadings = rng.normal(1, 0.4, (3, n_names))
    n_sessions = WINDOW + STEP * n_solves
    return rng.normal(2e-4, 0.008, (n_sessions, 3)) @ loadings + rng.normal(0, 0.012, (n_sessions, n_names))


def ours() -> dict[str, Solve]:
    from nanodesk.allocation.allocate import allocate
    from nanodesk.allocation.limits import Limits

    def solver(method: str, **fields: float) -> Solve:
        limits = Limits(**fields)
        return lambda window: allocate(method, returns=window, limits=limits, covariance_method="sample")

    return {
        "min_variance": solver("min_variance", max_weight=CAP),
        "max_sharpe": solver("max_sharpe", max_weight=CAP),
        "risk_parity": solver("risk_parity"),
        "hrp": solver("hrp"),
        "cvar": solver("cvar", max_weight=CAP),
        "inverse_vol": solver("inverse_vol", max_weight=CAP),
    }


def skfolio() -> dict[str, Solve]:
    from skfolio import RiskMeasure
    from skfolio.optimization import HierarchicalRiskParity, MeanRisk, ObjectiveFunction, RiskBudgeting

    ratio = ObjectiveFunction.MAXIMIZE_RATIO
    return {
        "min_variance": lambda window: MeanRisk(max_weights=CAP).fit(window).weights_,
        "max_sharpe": lambda window: MeanRisk(objective_function=ratio, max_weights=CAP).fit(window).weights_,
        "risk_parity": lambda window: RiskBudgeting().fit(window).weights_,
        "hrp": lambda window: HierarchicalRiskParity().fit(window).weights_,
        "cvar": lambda window: MeanRisk(risk_measure=RiskMeasure.CVAR, max_weights=CAP).fit(window).weights_,
    }


def cvxpy() -> dict[str, Solve]:
    import cvxpy as cp

    def min_variance(window: np.ndarray) -> np.ndarray:
        weights = cp.Variable(window.shape[1])
        objective = cp.Minimize(cp.quad_form(weights, cp.psd_wrap(np.cov(window.T) * 1e4)))
        cp.Problem(objective, [cp.sum(weights) == 1, weights >= 0, weights <= CAP]).solve(solver=cp.CLARABEL)
        return weights.value

    return {"min_variance": min_variance}


def clarabel_plain() -> dict[str, Solve]:
    """The whole problem to the solver in one piece, with its default settings: what our builder starts from."""
    import clarabel
    from scipy import sparse

    def min_variance(window: np.ndarray) -> np.ndarray:
        n = window.shape[1]
        quadratic = sparse.triu(sparse.csc_matrix(np.cov(window.T) * 1e4)).tocsc()
        rows = sparse.vstack([np.ones((1, n)), -sparse.eye(n), sparse.eye(n)]).tocsc()
        rhs = np.concatenate([[1], np.zeros(n), np.full(n, CAP)])
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(2 * n)]
        return np.array(clarabel.DefaultSolver(quadratic, np.zeros(n), rows, rhs, cones, settings).solve().x)

    return {"min_variance": min_variance}


ENGINES: dict[str, Callable[[], dict[str, Solve]]] = {
    "nanodesk": ours,
    "skfolio": skfolio,
    "cvxpy": cvxpy,
    "Clarabel, dense": clarabel_plain,
}


def timed(solve: Solve, n_names: int, n_solves: int) -> str:
    returns = returns_of(n_names, n_solves)
    spent = []
    for month in range(n_solves + 1):
        window = returns[STEP * month : STEP * month + WINDOW]
        started = time.perf_counter()
        weights = np.asarray(solve(window))
        spent.append((time.perf_counter() - started) * 1e3)
    warm = np.sort(spent[1:])
    vol = float(np.sqrt(weights @ np.cov(window.T) @ weights * 252))
    p99 = warm[min(len(warm) - 1, int(np.ceil(0.99 * len(warm))) - 1)]
    return f"{spent[0]:8.1f} {warm[0]:8.2f} {np.median(warm):8.2f} {p99:8.2f}   {vol:.5f}  {weights.max():.4f}"


def main() -> None:
    warnings.simplefilter("ignore")
    n_solves = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print(f"{platform.machine()}, Python {platform.python_version()}; python {' '.join(sys.argv)}; ms per solve")
    columns = "".join(f" {name:>8s}" for name in ("first", "best", "median", "p99"))
    print(f"{'method':13s} {'names':>5s} {'engine':16s}{columns}   vol      max")
    engines = {}
    for name, load in ENGINES.items():
        try:
            engines[name] = load()
        except ImportError:
            print(f"{name}: not installed")
    for method in ours():
        for n_names in (50, 500):
            for name, solvers in engines.items():
                if method not in solvers or (
                    n_names == 500 and name == "skfolio" and method in ("cvar", "risk_parity")
                ):
                    continue  # skfolio needs minutes there
                row = timed(solvers[method], n_names, n_solves if n_names == 50 else max(3, n_solves // 10))
                print(f"{method:13s} {n_names:5d} {name:16s} {row}", flush=True)


if __name__ == "__main__":
    main()
