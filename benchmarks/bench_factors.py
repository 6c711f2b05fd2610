"""Ten price factors, ranked on the decision dates: nanodesk against wide NumPy and lazy Polars, equal work.

Usage: python benchmarks/bench_factors.py [SYMBOLS] [DAYS] [EVERY]    (default 5000 2520 21)

Every engine starts from closes in memory in the form it likes (a dates x symbols matrix, or a long frame sorted by
symbol and date), computes the ten factors of ``docs/factors.md`` and their ranks on every EVERY-th date, and runs in a
process of its own: best of three after one warm run, peak resident memory with the data. The NumPy and Polars versions
know no missing values and no coverage rule and use running sums; nanodesk handles both on every cell. The last column
is the largest difference of a rank from nanodesk's, as a share of the cross-section: Polars agrees to rounding, the
NumPy version gives names that tie at their 52-week high different ranks.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ENGINES = ("nanodesk", "nanodesk, 1 thread", "wide numpy", "polars")
IDS = [
    "mom_12_1",
    "mom_6_1",
    "rev_1m",
    "high_52w",
    "resid_mom",
    "vol_63",
    "downside_63",
    "beta_252",
    "ivol_252",
    "vix_beta",
]
YEAR = float(np.sqrt(252.0))


def panel(n_dates, n_symbols, seed=3):
    """Closes of the names (geometric random walks about a market), of the market, and of the VIX."""
    rng = np.random.default_rng(seed)
    market_return = rng.normal(2e-4, 0.009, n_dates)
    close = rng.normal(0.0, 0.02, (n_dates, n_symbols))
    close += market_return[:, None]
    np.cumsum(close, axis=0, out=close)
    np.exp(close, out=close)
    close *= 50.0
    vix = 18.0 * np.exp(np.cumsum(-2.0 * market_return + rng.normal(0.0, 0.03, n_dates)) * 0.3)
    return close, 1000.0 * np.exp(np.cumsum(market_return)), vix


def nanodesk_engine(close, market, vix, rows, threads=None) -> Callable[[], dict[str, np.ndarray]]:
    from nanodesk.market.panel import PricePanel
    from nanodesk.research.factors.base import FactorInputs
    from nanodesk.research.factors.compute import compute_factors
    from nanodesk.research.transforms.cross_section import rank

    dates = np.datetime64("2010-01-01") + np.arange(len(close))
    inputs = FactorInputs(PricePanel(dates, tuple(f"S{i}" for i in range(close.shape[1])), close), market, vix)
    mask = np.ones((len(rows), close.shape[1]), dtype=bool)

    def run():
        values = compute_factors([(factor_id, {}) for factor_id in IDS], inputs, rows, threads=threads)
        return {name: rank(matrix, mask) for name, matrix in values.items()}

    return run


def wide_engine(close, market, vix, rows) -> Callable[[], dict[str, np.ndarray]]:
    rows = rows[rows >= 252]

    def window(x, n, lag=0):
        total = np.cumsum(x, axis=0)
        end = rows - lag
        return total[end] - total[end - n]

    def highest(x, n):
        out, k = x.copy(), 1
        while 2 * k <= n:
            out[k:] = np.maximum(out[k:], out[:-k].copy())
            k *= 2
        if n > k:
            out[n - k :] = np.maximum(out[n - k :], out[: k - n].copy())
        return out[rows]

    def rank(x):
        order = np.argsort(x, axis=1)
        out = np.empty(x.shape)
        np.put_along_axis(out, order, np.broadcast_to(np.arange(x.shape[1], dtype=float), x.shape), axis=1)
        return (out + 0.5) / x.shape[1] - 0.5

    def fit(x, y, n):
        sx, sy = window(x, n), window(y, n)
        sxx, syy, sxy = window(x * x, n) - sx * sx / n, window(y * y, n) - sy * sy / n, window(x * y, n) - sx * sy / n
        return sxx, syy, sxy

    def three(x):
        out = np.zeros_like(x)
        out[2:] = x[2:] + x[1:-1] + x[:-2]
        return out

    def run():
        r, m, v = np.zeros_like(close), np.zeros((len(market), 1)), np.zeros((len(vix), 1))
        r[1:], m[1:, 0], v[1:, 0] = np.log(close[1:] / close[:-1]), np.diff(np.log(market)), np.diff(vix)
        out = {
            "mom_12_1": close[rows - 21] / close[rows - 252] - 1.0,
            "mom_6_1": close[rows - 21] / close[rows - 126] - 1.0,
            "rev_1m": 1.0 - close[rows] / close[rows - 21],
            "high_52w": close[rows] / highest(close, 252),
        }
        sxx, syy, sxy = fit(m, r, 252)
        rss = syy - sxy * sxy / sxx
        out["resid_mom"] = (window(r, 231, 21) - sxy / sxx * window(m, 231, 21)) / np.sqrt(rss / 251.0)
        s1, s2 = window(r, 63), window(r * r, 63)
        out["vol_63"] = -np.sqrt((s2 - s1 * s1 / 63.0) / 62.0) * YEAR
        out["downside_63"] = -np.sqrt(window(np.minimum(r, 0.0) ** 2, 63) / 63.0) * YEAR
        wxx, wyy, wxy = fit(three(m), three(r), 250)
        out["beta_252"] = -(0.6 * wxy / np.sqrt(wxx * wyy) * np.sqrt(syy / sxx) + 0.4)
        out["ivol_252"] = -np.sqrt(rss / 251.0)
        sm, sv = window(m, 63), window(v, 63)
        mm, vv, mv = window(m * m, 63) - sm**2 / 63, window(v * v, 63) - sv**2 / 63, window(m * v, 63) - sm * sv / 63
        rm, rv = window(r * m, 63) - s1 * sm / 63, window(r * v, 63) - s1 * sv / 63
        out["vix_beta"] = -(rv * mm - rm * mv) / (mm * vv - mv * mv)
        return {name: rank(matrix) for name, matrix in out.items()}

    return run


def polars_engine(close, market, vix, rows) -> Callable[[], dict[str, np.ndarray]]:
    import polars as pl

    n_dates, n_symbols = close.shape
    frame = pl.DataFrame(
        {
            "sym": np.repeat(np.arange(n_symbols, dtype=np.uint32), n_dates),
            "t": np.tile(np.arange(n_dates, dtype=np.int32), n_symbols),
            "px": np.ascontiguousarray(close.T).ravel(),
        }
    )
    common = pl.DataFrame({"t": np.arange(n_dates, dtype=np.int32), "mkt": market, "vix": vix}).with_columns(
        m=(pl.col("mkt") / pl.col("mkt").shift(1)).log(), v=pl.col("vix").diff()
    )
    common = common.with_columns(m3=pl.col("m") + pl.col("m").shift(1) + pl.col("m").shift(2))
    wanted = rows[rows >= 252].tolist()

    def total(x, n):
        return x.rolling_sum(n).over("sym")

    def run():
        c, r, m, v, r3, m3 = (pl.col(name) for name in ("px", "r", "m", "v", "r3", "m3"))
        lazy = frame.lazy().join(common.lazy(), on="t", how="left", maintain_order="left")
        lazy = lazy.with_columns(
            r=(c / c.shift(1).over("sym")).log(),
            **{f"p{k}": c.shift(k).over("sym") for k in (21, 126, 252)},
            high=c.rolling_max(252).over("sym"),
        )
        lazy = lazy.with_columns(r3=r + r.shift(1).over("sym") + r.shift(2).over("sym"))
        sums = {
            **{f"year_{k}": (x, 252) for k, x in {"y": r, "x": m, "yy": r * r, "xx": m * m, "xy": r * m}.items()},
            **{f"wide_{k}": (x, 250) for k, x in {"y": r3, "x": m3, "yy": r3**2, "xx": m3**2, "xy": r3 * m3}.items()},
            **{f"part_{k}": (x, 63) for k, x in {"y": r, "m": m, "v": v, "yy": r * r, "mm": m * m}.items()},
            **{f"part_{k}": (x, 63) for k, x in {"vv": v * v, "mv": m * v, "ym": r * m, "yv": r * v}.items()},
            "loss": (r.clip(upper_bound=0.0) ** 2, 63),
            "form_y": (r.shift(21).over("sym"), 231),
            "form_x": (m.shift(21).over("sym"), 231),
        }
        lazy = lazy.with_columns(**{name: total(x, n) for name, (x, n) in sums.items()})
        lazy = lazy.filter(pl.col("t").is_in(wanted))

        def centred(group, left, right, product, n):
            return pl.col(f"{group}_{product}") - pl.col(f"{group}_{left}") * pl.col(f"{group}_{right}") / n

        xx, yy, xy = (
            centred("year", "x", "x", "xx", 252),
            centred("year", "y", "y", "yy", 252),
            centred("year", "x", "y", "xy", 252),
        )
        wxx, wyy, wxy = (
            centred("wide", "x", "x", "xx", 250),
            centred("wide", "y", "y", "yy", 250),
            centred("wide", "x", "y", "xy", 250),
        )
        mm, vv, mv = (
            centred("part", "m", "m", "mm", 63),
            centred("part", "v", "v", "vv", 63),
            centred("part", "m", "v", "mv", 63),
        )
        ym, yv = centred("part", "y", "m", "ym", 63), centred("part", "y", "v", "yv", 63)
        noise = ((yy - xy**2 / xx) / 251.0).sqrt()
        lazy = lazy.select(
            "t",
            "sym",
            mom_12_1=pl.col("p21") / pl.col("p252") - 1,
            mom_6_1=pl.col("p21") / pl.col("p126") - 1,
            rev_1m=1 - c / pl.col("p21"),
            high_52w=c / pl.col("high"),
            resid_mom=(pl.col("form_y") - xy / xx * pl.col("form_x")) / noise,
            vol_63=-(centred("part", "y", "y", "yy", 63) / 62.0).sqrt() * YEAR,
            downside_63=-(pl.col("loss") / 63.0).sqrt() * YEAR,
            beta_252=-(0.6 * wxy / (wxx * wyy).sqrt() * (yy / xx).sqrt() + 0.4),
            ivol_252=-noise,
            vix_beta=-(yv * mm - ym * mv) / (mm * vv - mv**2),
        )
        lazy = lazy.with_columns([((pl.col(f).rank() - 0.5) / pl.col(f).count() - 0.5).over("t") for f in IDS])
        found = lazy.collect()
        return {f: found[f].to_numpy().reshape(n_symbols, len(wanted)).T for f in IDS}

    return run


def measure(engine, n_symbols, n_dates, every, reference: Path):
    """One engine in this process: seconds, peak memory, and distance of its ranks from the reference file's."""
    close, market, vix = panel(n_dates, n_symbols)
    rows = np.arange(n_dates - 1, -1, -every)[::-1].copy()
    build = {
        "nanodesk": nanodesk_engine,
        "nanodesk, 1 thread": lambda *given: nanodesk_engine(*given, threads=1),
        "wide numpy": wide_engine,
        "polars": polars_engine,
    }[engine]
    run = build(close, market, vix, rows)
    data = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        ranks = run()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    full = {name: matrix[-int(np.sum(rows >= 252)) :] for name, matrix in ranks.items()}
    if not reference.exists():
        np.savez(reference, **full)
    kept = np.load(reference)
    away = max(float(np.max(np.abs(kept[name] - full[name]))) for name in IDS)
    return {"first": seconds[0], "best": min(seconds[1:]), "data_mb": data, "peak_mb": peak, "away": away}


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "--engine":
        engine, n_symbols, n_dates, every, reference = sys.argv[2:]
        print(json.dumps(measure(engine, int(n_symbols), int(n_dates), int(every), Path(reference))))
        return
    n_symbols, n_dates, every = (int(x) for x in [*sys.argv[1:], *("5000", "2520", "21")[len(sys.argv) - 1 :]])
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, NumPy {np.__version__}")
    print(f"10 factors and ranks, {n_symbols} symbols x {n_dates} days, every {every} days")
    print(f"{'engine':20}{'first s':>9}{'best s':>9}{'ratio':>8}{'data MB':>9}{'peak MB':>9}{'rank diff':>11}")
    with tempfile.TemporaryDirectory() as folder:
        best = None
        for engine in ENGINES:
            command = [sys.executable, __file__, "--engine", engine, str(n_symbols), str(n_dates), str(every)]
            done = subprocess.run([*command, f"{folder}/ranks.npz"], check=True, capture_output=True, text=True)
            found = json.loads(done.stdout)
            best = best or found["best"]
            print(
                f"{engine:20}{found['first']:9.3f}{found['best']:9.3f}{found['best'] / best:7.1f}x"
                f"{found['data_mb']:9}{found['peak_mb']:9}{found['away']:11.1e}",
                flush=True,
            )


if __name__ == "__main__":
    main()
