"""The tear sheet of a run: its numbers are the metrics', its page survives any run and loads nothing."""

import json
import re
import warnings
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from market_data import market_data
from nanodesk.metrics.drawdown import drawdown_series, drawdown_table
from nanodesk.metrics.performance import compute_metrics
from nanodesk.metrics.rolling import rolling_beta, rolling_sharpe, rolling_volatility
from nanodesk.metrics.summary import summarize
from nanodesk.rebalance.target import Target
from nanodesk.research.report import numbers_text, report_numbers, write_report
from nanodesk.research.tearsheet.page import render
from sample_results import MANIFEST, SECTORS, momentum_result, random_closes, real_closes

EVIL = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>&"


def sample(n_dates=400, n_symbols=8, *, benchmark=True, **options):
    dates, symbols, closes = random_closes(n_dates, n_symbols)
    options.setdefault("held", min(3, n_symbols))
    options.setdefault("lookback", min(60, max(n_dates // 3, 1)))
    return momentum_result(dates, symbols, closes, index=closes.mean(axis=1) if benchmark else None, **options)


def with_backtest(result, **changes):
    return replace(result, backtest=replace(result.backtest, **changes))


def ruined():
    result = sample(500)
    returns, equity = result.backtest.returns.copy(), result.backtest.equity.copy()
    weights, holdings = result.backtest.weights.copy(), result.backtest.holdings.copy()
    returns[300:], equity[300:], weights[300:], holdings[300:] = 0.0, 0.0, np.nan, 0.0
    returns[300] = -1.0
    return with_backtest(result, returns=returns, equity=equity, weights=weights, holdings=holdings)


def in_debt():
    result = sample(500)
    returns, equity = result.backtest.returns.copy(), result.backtest.equity.copy()
    returns[300:], equity[300:] = 0.0, -20_000.0
    returns[300] = -1.02
    return with_backtest(result, returns=returns, equity=equity)


def motionless():
    result = sample()
    return with_backtest(result, returns=np.zeros(400), equity=np.full(400, result.backtest.initial_cash))


def without_coefficients():
    result = sample()
    nothing = {"ic_mean": np.nan, "ic_t": np.nan, "icir": np.nan, "autocorrelation": np.nan}
    reports = tuple(
        replace(
            r, ic=r.ic * np.nan, ic_decay=r.ic_decay * np.nan, quantile_returns=r.quantile_returns * np.nan, **nothing
        )
        for r in result.factor_reports
    )
    return replace(result, factor_reports=reports, scores=result.scores * np.nan)


def with_gaps():
    result = sample(700)
    benchmark = result.benchmark_returns.copy()
    benchmark[100:120] = np.nan
    return replace(result, benchmark_returns=benchmark)


def hostile():
    result = sample(300, name=EVIL)
    return replace(
        with_backtest(result, symbols=tuple(f"{EVIL}{i}" for i in range(8))),
        benchmark_name=EVIL,
        run_id=EVIL,
        snapshot_id=EVIL,
        code_version=EVIL,
        warnings=(EVIL,),
        sectors={f"{EVIL}0": EVIL},
        manifest={"strategy": {"description": EVIL}, EVIL: [EVIL, {EVIL: EVIL}]},
        factor_values={EVIL + key: values for key, values in result.factor_values.items()},
        factor_reports=tuple(replace(report, id=EVIL + report.id) for report in result.factor_reports),
        funnel=tuple(tuple(replace(step, kind=EVIL) for step in screen) for screen in result.funnel),
        target=Target(timestamp="2026-01-30T21:00:00Z", weights={'"><script>alert(1)': 0.5}),
    )


AWKWARD = {
    **{f"{n} sessions": (lambda n=n: sample(n)) for n in (1, 2, 3, 5, 21, 40, 130)},
    "no benchmark": lambda: sample(benchmark=False),
    "benchmark without a return": lambda: replace(sample(100), benchmark_returns=np.full(100, np.nan)),
    "benchmark with gaps": with_gaps,
    "shorts": lambda: sample(600, short=True, sectors={"S00": "Tech", "S01": "Oil & Gas"}),
    "one symbol": lambda: sample(400, 1),
    "total loss": ruined,
    "debt": in_debt,
    "no variance": motionless,
    "no coefficient": without_coefficients,
    "no factor, no screen": lambda: replace(sample(), factor_reports=(), factor_values={}, funnel=()),
    "no costs": lambda: with_backtest(sample(), costs={}),
    "empty manifest": lambda: replace(sample(), manifest={}),
    "markup in every name": hostile,
    "many names and sectors": lambda: sample(
        300, 300, held=150, sectors={f"S{i:02d}": f"Sector {i % 14}" for i in range(300)}
    ),
}


@pytest.fixture(params=AWKWARD.values(), ids=AWKWARD.keys())
def awkward(request):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield request.param()


class Page(HTMLParser):
    """Collects tags and attributes, and fails on elements that do not nest."""

    VOID = ("meta", "link", "br", "img")

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.open = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, key, value or "") for key, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


class TestReportNumbers:
    def test_metrics_are_those_of_the_metrics_package(self):
        result = sample(700)
        backtest, numbers = result.backtest, report_numbers(result)
        expected = summarize(
            backtest.returns,
            dates=backtest.dates,
            risk_free=result.risk_free,
            benchmark=result.benchmark_returns,
            initial_equity=backtest.initial_cash,
            equity=backtest.equity,
            weights=backtest.weights,
            turnover=backtest.turnover,
            costs=backtest.costs,
            symbols=backtest.symbols,
        )
        assert numbers["metrics"] == expected
        direct = compute_metrics(backtest.returns, risk_free=result.risk_free)
        assert numbers["metrics"]["ratios"]["sharpe"] == direct.sharpe
        assert numbers["metrics"]["risk"]["max_drawdown"] == direct.max_drawdown == numbers["drawdowns"][0]["depth"]

    def test_series_are_exact_and_complete(self):
        result = sample(700)
        backtest, series = result.backtest, report_numbers(result)["series"]
        assert series["date"] == [str(date) for date in backtest.dates]
        assert series["equity"] == backtest.equity.tolist()
        assert series["return"] == backtest.returns.tolist()
        assert series["drawdown"] == (-drawdown_series(backtest.returns)).tolist()
        assert series["turnover"] == backtest.turnover.tolist()
        for key, expected in (
            ("sharpe", rolling_sharpe(backtest.returns, 126, risk_free=result.risk_free)),
            ("volatility", rolling_volatility(backtest.returns, 126)),
            ("beta", rolling_beta(backtest.returns, result.benchmark_returns, 126)),
        ):
            np.testing.assert_array_equal(np.array(series["rolling"][key], dtype=float), expected)

    def test_drawdowns_are_the_ten_deepest(self):
        result = sample(700)
        expected = drawdown_table(result.backtest.returns, result.backtest.dates, 10)
        assert [item["depth"] for item in report_numbers(result)["drawdowns"]] == [item.depth for item in expected]

    def test_contributions_add_up_to_the_gross_return(self):
        result = sample(700)
        backtest, rows = result.backtest, report_numbers(result)["contributions"]
        paid = sum(backtest.costs.values())
        gross = backtest.returns + paid / np.append(backtest.initial_cash, backtest.equity[:-1])
        assert sum(row["contribution"] for row in rows) == pytest.approx(gross.sum(), abs=1e-9)
        profit = backtest.equity[-1] - backtest.initial_cash + paid.sum()
        assert sum(row["profit"] for row in rows) == pytest.approx(profit, rel=1e-9)

    def test_the_cost_curve_meets_the_run_at_its_own_cost(self):
        result = sample(700)
        free = with_backtest(result, costs={k: np.zeros(700) for k in result.backtest.costs})
        curve = report_numbers(free)["cost_sensitivity"]
        assert curve["cost_bps"][0] == 0.0
        assert curve["cagr"][0] == result.backtest.metrics.cagr
        assert all(a > b for a, b in zip(curve["cagr"], curve["cagr"][1:], strict=False))

    def test_costs_and_turnover_add_up_over_the_periods(self):
        result = sample(900)
        periods = report_numbers(result)["periods"]
        assert periods["unit"] == "year" and periods["period"] == ["2015", "2016", "2017", "2018"]
        assert sum(periods["turnover"]) == pytest.approx(result.backtest.turnover.sum())

    def test_holdings_and_targets(self):
        result = sample(600, short=True)
        rows = report_numbers(result)["holdings"]
        held = {row["symbol"]: row["weight"] for row in rows if row["weight"]}
        last = dict(zip(result.backtest.symbols, result.backtest.weights[-1].tolist(), strict=True))
        assert held == {symbol: weight for symbol, weight in last.items() if weight}
        assert {row["symbol"]: row["target"] for row in rows if row["target"]} == dict(result.target.weights)

    def test_the_funnel_is_the_last_and_the_mean(self):
        result = sample()
        screen = report_numbers(result)["screen"]
        assert [step["left"] for step in screen["steps"]] == [step.left for step in result.funnel[-1]]
        means = np.mean([[step.left for step in screen] for screen in result.funnel], axis=0)
        assert [step["mean_left"] for step in screen["steps"]] == pytest.approx(means.tolist())

    def test_factor_correlation_is_symmetric_with_a_unit_diagonal(self):
        correlation = report_numbers(sample())["factors"]["correlation"]
        matrix = np.array(correlation["matrix"], dtype=float)
        assert (np.diag(matrix) == 1.0).all() and (matrix == matrix.T).all() and (np.abs(matrix) <= 1.0).all()

    def test_a_gap_in_the_benchmark_is_told(self):
        assert any("20 sessions" in warning for warning in report_numbers(with_gaps())["warnings"])

    def test_any_run_gives_plain_json(self, awkward):
        numbers = report_numbers(awkward)
        assert next(iter(numbers)) == "schema"
        assert json.loads(numbers_text(numbers)) == numbers


class TestWriteReport:
    def test_writes_the_page_and_the_same_numbers_beside_it(self, tmp_path):
        result = sample()
        path = write_report(result, tmp_path / "tearsheet.html")
        assert path == tmp_path / "tearsheet.html"
        assert sorted(p.name for p in tmp_path.iterdir()) == ["tearsheet.html", "tearsheet.json"]
        numbers = json.loads((tmp_path / "tearsheet.json").read_text("utf-8"))
        assert numbers == report_numbers(result)
        assert path.read_text("utf-8") == render(numbers)

    def test_the_same_run_gives_the_same_bytes(self, tmp_path):
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir()
            write_report(sample(sectors=SECTORS), tmp_path / folder / "tearsheet.html")
        for name in ("tearsheet.html", "tearsheet.json"):
            assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()

    def test_33_years_stay_below_a_megabyte(self, tmp_path):
        dates, symbols, closes, index = real_closes(market_data())
        result = momentum_result(dates, symbols, closes, index=index, sectors=SECTORS)
        assert len(dates) == 8313
        assert write_report(result, tmp_path / "tearsheet.html").stat().st_size < 1_000_000


class TestPage:
    def test_any_run_gives_a_page_that_loads_nothing(self, awkward):
        text = render(report_numbers(awkward))
        page = Page(text)
        assert set(page.tags).isdisjoint({"img", "iframe", "object", "embed", "base", "form"})
        assert "script" in page.tags and page.tags.count("style") == 1
        for tag, key, value in page.attributes:
            assert key not in ("src", "style", "srcset", "action", "xlink:href") and not key.startswith("on"), (
                tag,
                key,
            )
            if key == "href":
                assert value.startswith("#") or value == "data:,"
        scripts = [value for tag, key, value in page.attributes if tag == "script" and key == "type"]
        assert page.tags.count("script") == len(scripts) + 1 and set(scripts) <= {"application/json"}
        assert not re.search(
            r"url\(|@import|NaN|Infinity|undefined", re.sub(r"<script>.*?</script>", "", text, flags=re.S)
        )

    def test_names_never_become_markup(self):
        text = render(report_numbers(hostile()))
        assert "<script>alert" not in text and "<img" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text

    def test_every_data_island_is_json(self, awkward):
        islands = re.findall(r'<script type="application/json">(.*?)</script>', render(report_numbers(awkward)), re.S)
        for island in islands:
            data = json.loads(island)
            length = len(data.get("d", data.get("l", [])))
            assert data["s"] and all(len(values) == length for values in data["s"])

    def test_warnings_come_before_any_number(self):
        text = render(report_numbers(replace(sample(), warnings=("Survivorship bias.",))))
        assert text.index('class="warnings"') < text.index("<h1>") < text.index("Headline numbers")
        assert 'class="warnings"' not in render(report_numbers(sample()))

    def test_fragments_lead_to_sections_and_identifiers_are_unique(self):
        page = Page(render(report_numbers(sample(sectors=SECTORS))))
        identifiers = [value for _, key, value in page.attributes if key == "id"]
        assert len(identifiers) == len(set(identifiers))
        assert {value[1:] for _, key, value in page.attributes if key == "href" and value != "data:,"} <= set(
            identifiers
        )
        charts = [value for _, key, value in page.attributes if key == "data-chart"]
        assert len(charts) == len(set(charts)) > 10

    def test_every_chart_has_a_description(self):
        page = Page(render(report_numbers(sample())))
        roles = [value for tag, key, value in page.attributes if tag == "svg" and key == "role"]
        spoken = [value for tag, key, value in page.attributes if tag == "svg" and key == "aria-label"]
        assert len(roles) == len(spoken) and all(len(text) > 10 for text in spoken)

    def test_the_page_names_the_run_and_its_settings(self):
        text = render(report_numbers(sample()))
        assert "3f9a1c27be04d581" in text and "b7714c02" in text
        assert "backtest.costs.half_spread_bps" in text and MANIFEST["strategy"]["description"] in text
