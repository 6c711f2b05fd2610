"""Every step, alone and in chains, reads nothing after the decision, and nothing across names but the screen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from nanodesk.market.panel import PricePanel
from nanodesk.research.preprocess import PreprocessContext, Step, apply_steps

READ = TypeAdapter(Step)
STEPS = [
    READ.validate_python(settings_)
    for settings_ in (
        {"kind": "align", "fill": "ffill", "max": 2},
        {"kind": "lag", "bars": 1},
        {"kind": "ewma", "halflife": 2.0},
        {"kind": "decay_linear", "window": 3},
        {"kind": "winsor"},
        {"kind": "winsor", "mad": 2.0},
        {"kind": "zscore"},
        {"kind": "robust_z"},
        {"kind": "rank"},
        {"kind": "gauss_rank"},
        {"kind": "neutralize", "by": ["sector", "log_mcap", "beta"]},
        {"kind": "neutralize", "by": ["sector"], "method": "demean"},
        {"kind": "impute", "method": "sector_median"},
        {"kind": "clip", "lo": -1.0, "hi": 1.0},
        {"kind": "scale"},
        {"kind": "orthogonalize", "to": ["slow"]},
        {"kind": "drop_if", "expression": "fast > 1.5 or log_mcap < -1"},
    )
]
PRICE_STEPS = [
    READ.validate_python({"kind": kind, "into": f"column_{i}", **more})
    for i, (kind, more) in enumerate(
        [
            ("returns", {"periods": 3}),
            ("log_returns", {"periods": 3}),
            ("roc", {"periods": 3}),
            *(
                ("vol", {"window": 8, "estimator": e})
                for e in ("std", "ewm", "parkinson", "garman_klass", "yang_zhang")
            ),
        ]
    )
]
D, N, EACH = 14, 20, 5


def random_world(seed):
    rng = np.random.default_rng(seed)
    values = {name: rng.normal(size=(D, N)) for name in ("fast", "slow")}
    covariates = {name: rng.normal(size=(D, N)) for name in ("log_mcap", "beta")}
    for matrix in (*values.values(), *covariates.values()):
        matrix[rng.random((D, N)) < 0.1] = np.nan
    close = 30 * np.exp(np.cumsum(rng.normal(0, 0.02, (D * EACH, N)), axis=0))
    close[rng.random(close.shape) < 0.03] = np.nan
    return values, rng.random((D, N)) < 0.85, covariates, close


def run(steps, values, mask, covariates, close, decisions=D):
    n_dates = decisions * EACH
    symbols = tuple(f"S{i}" for i in range(N))
    dates = np.datetime64("2020-01-01") + np.arange(n_dates)
    sectors = {symbol: "xyz"[i % 3] for i, symbol in enumerate(symbols)}
    bars = close[:n_dates]
    panel = PricePanel(dates, symbols, bars, bars * 0.99, bars * 1.02, bars * 0.97, sectors=sectors)
    rows = np.arange(decisions) * EACH + EACH - 1
    cut = [{name: x[:decisions] for name, x in columns.items()} for columns in (values, covariates)]
    return apply_steps(steps, cut[0], mask[:decisions], PreprocessContext(panel, rows, cut[1]))


class TestApplySteps:
    @settings(max_examples=60, deadline=None)
    @given(
        seed=st.integers(0, 9),
        cut=st.integers(1, D - 1),
        steps=st.lists(st.sampled_from(STEPS + PRICE_STEPS), min_size=1, max_size=4, unique_by=id),
    )
    def test_cutting_or_changing_the_future_changes_no_bit_before(self, seed, cut, steps):
        values, mask, covariates, close = random_world(seed)
        full = run(steps, values, mask, covariates, close)
        short = run(steps, values, mask, covariates, close, decisions=cut)
        rng = np.random.default_rng(seed + 100)
        for matrix in (*values.values(), *covariates.values()):
            matrix[cut:] = rng.normal(5.0, 9.0, matrix[cut:].shape)
        mask[cut:] = ~mask[cut:]
        close[cut * EACH :] *= 7.0
        noisy = run(steps, values, mask, covariates, close)
        for name, matrix in full.items():
            assert matrix[:cut].tobytes() == short[name].tobytes(), name
            assert matrix[:cut].tobytes() == noisy[name][:cut].tobytes(), name

    @pytest.mark.parametrize("step", STEPS, ids=lambda s: s.kind)
    def test_no_value_appears_outside_the_mask(self, step):
        values, mask, covariates, close = random_world(3)
        for matrix in run([step], values, mask, covariates, close).values():
            assert np.isnan(matrix[~mask]).all()

    @pytest.mark.parametrize(
        "step", [s for s in STEPS if s.kind not in ("align", "lag", "ewma", "decay_linear")], ids=lambda s: s.kind
    )
    def test_a_decision_alone_gives_the_bits_it_gives_among_others(self, step):
        rng = np.random.default_rng(11)
        n = 400  # enough names for NumPy to sum in blocks
        columns = {name: rng.normal(size=(6, n)) for name in ("fast", "slow", "log_mcap", "beta")}
        columns["fast"][rng.random((6, n)) < 0.1] = np.nan
        symbols = tuple(f"S{i}" for i in range(n))
        bars = np.exp(rng.normal(size=(6, n)))
        dates = np.datetime64("2020-01-01") + np.arange(6)
        panel = PricePanel(dates, symbols, bars, sectors={symbol: "xyz"[i % 3] for i, symbol in enumerate(symbols)})

        def run_rows(rows):
            part = {name: x[rows] for name, x in columns.items()}
            factors = {name: part.pop(name) for name in ("fast", "slow")}
            mask = np.ones((len(rows), n), dtype=bool)
            return apply_steps([step], factors, mask, PreprocessContext(panel, rows, part))

        together = run_rows(np.arange(6))
        for row in range(6):
            alone = run_rows(np.array([row]))
            for name in ("fast", "slow"):
                assert alone[name][0].tobytes() == together[name][row].tobytes()
