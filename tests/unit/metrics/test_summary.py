import json
import math

import numpy as np
import pytest

from nanodesk.errors import ShapeError, ValidationError
from nanodesk.metrics.drawdown import drawdown_table
from nanodesk.metrics.performance import compute_metrics
from nanodesk.metrics.significance import deflated_sharpe
from nanodesk.metrics.summary import summarize

GROUPS = ["return", "risk", "ratios", "significance", "hit_rates", "benchmark", "portfolio"]


def full_case(seed=0, n=600, symbols=20):
    rng = np.random.default_rng(seed)
    returns = rng.standard_t(4, n) * 0.01 + 0.0003
    equity = 1e6 * np.cumprod(1 + returns)
    return {
        "returns": returns,
        "dates": np.datetime64("2018-01-01") + np.arange(n),
        "risk_free": np.full(n, 0.0001),
        "benchmark": rng.standard_t(4, n) * 0.01,
        "initial_equity": 1e6,
        "equity": equity,
        "weights": rng.dirichlet(np.ones(symbols), n) * 0.95,
        "turnover": rng.random(n) * 0.02,
        "costs": {"commission": rng.random(n) * 10, "spread": rng.random(n) * 5},
        "n_trials": 12,
        "symbols": [f"S{i}" for i in range(symbols)],
        "sectors": {f"S{i}": "tech" if i % 2 else "oil" for i in range(symbols)},
        "traded_value": rng.random((n, symbols)) * 1e8,
    }


class TestSummarize:
    def test_groups_come_in_order_with_every_number(self):
        groups = summarize(**full_case())
        assert list(groups) == GROUPS
        missing = [f"{name}.{key}" for name, group in groups.items() for key, value in group.items() if value is None]
        # the series is shorter than three years, not cross-validated, and may end under water
        expected = {
            "return.three_years_annualised",
            "return.five_years_annualised",
            "significance.overfitting_probability",
        }
        assert set(missing) - {"risk.max_drawdown_recovery", "risk.max_drawdown_peak"} == expected
        assert sum(len(group) for group in groups.values()) >= 58

    def test_agrees_with_the_functions_it_gathers(self):
        case = full_case(1)
        groups = summarize(**case)
        metrics = compute_metrics(case["returns"], risk_free=case["risk_free"])
        assert groups["return"]["cagr"] == metrics.cagr
        assert groups["ratios"]["sharpe"] == metrics.sharpe
        worst = drawdown_table(case["returns"], case["dates"])[0]
        assert groups["risk"]["max_drawdown"] == worst.depth
        assert groups["risk"]["max_drawdown_trough"] == str(worst.trough)
        expected = deflated_sharpe(case["returns"], n_trials=12, risk_free=case["risk_free"])
        assert groups["significance"]["deflated_sharpe"] == expected
        assert groups["significance"]["n_trials"] == 12
        assert groups["portfolio"]["net_exposure"] == pytest.approx(0.95)
        sectors = groups["portfolio"]["sector_weight.oil"] + groups["portfolio"]["sector_weight.tech"]
        assert sectors == pytest.approx(0.95)
        kinds = groups["portfolio"]["commission_bps_per_year"] + groups["portfolio"]["spread_bps_per_year"]
        assert groups["portfolio"]["costs_bps_per_year"] == pytest.approx(kinds)

    def test_is_json_as_it_stands(self):
        for case in (full_case(), {"returns": [0.01], "dates": ["2024-01-02"]}):
            groups = summarize(**case)
            assert json.loads(json.dumps(groups, allow_nan=False)) == groups

    def test_without_optional_input_the_keys_stay(self):
        case = full_case()
        little = summarize(case["returns"], dates=case["dates"])
        much = summarize(**case)
        assert list(little) == GROUPS
        for name in GROUPS[:-1]:
            assert list(little[name]) == list(much[name])
        assert all(value is None for value in little["benchmark"].values())
        assert all(value is None for value in little["portfolio"].values())

    def test_initial_equity_follows_from_the_first_return(self):
        case = full_case()
        given = summarize(**case)
        del case["initial_equity"]
        taken_back = summarize(**case)
        paid = taken_back["portfolio"]["costs_bps_per_year"]
        assert paid == pytest.approx(given["portfolio"]["costs_bps_per_year"], rel=1e-12)

    def test_costs_need_equity(self):
        with pytest.raises(ValidationError, match="equity"):
            summarize([0.1], dates=["2024-01-02"], costs={"commission": [1.0]})

    def test_refuses_bad_input(self):
        with pytest.raises(ValidationError, match=r"returns\[1\]"):
            summarize([0.1, math.nan], dates=["2024-01-02", "2024-01-03"])
        with pytest.raises(ShapeError, match="benchmark"):
            summarize([0.1], dates=["2024-01-02"], benchmark=[0.1, 0.2])
        with pytest.raises(ValidationError, match="n_trials"):
            summarize([0.1], dates=["2024-01-02"], n_trials=0)
