"""The manifest: what it accepts, what it refuses, and in which words."""

import dataclasses
import datetime
import json
import re
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

import nanodesk.cli.demo
from nanodesk.errors import ConfigError
from nanodesk.research.factors.catalog import FACTORS
from nanodesk.research.manifest import (
    NOT_IMPLEMENTED,
    Manifest,
    canonical,
    from_plain_values,
    json_schema,
    load_manifest,
    parse_manifest,
    plain_values,
)
from nanodesk.research.manifest_source import MAX_BYTES
from nanodesk.toml_files.source import dotted, parse_dotted

SMALL = """schema = 1
[strategy]
name = "abc"
[data]
prices = "sp500_20"
[[signals.factor]]
id = "mom_12_1"
"""


def problems(text: str, name: str = "q.toml") -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse_manifest(text, name=name)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


class TestParseManifest:
    def test_defaults(self):
        manifest = parse_manifest(SMALL)
        assert manifest.data.lake == "bundled"
        assert manifest.backtest.fill == "next_open"
        assert manifest.portfolio.limits.max_weight == 1.0

    def test_is_frozen(self):
        manifest = parse_manifest(SMALL)
        with pytest.raises(ValidationError):
            manifest.strategy.name = "other"

    def test_a_list_of_wrong_items_is_not_called_empty(self):
        assert problems(SMALL + 'weight = "5%"\n') == (
            'q.toml:8: signals.factor[0].weight: must be a number (got "5%")',
        )

    def test_every_problem_at_once_sorted_by_line(self):
        text = SMALL + (
            "[[universe.filter]]\n"  # 8
            'kind = "volatility"\n'
            "window = -63\n"  # 10
            "[[preprocess]]\n"
            'kind = "winsor"\n'
            "lo_q = 0.01\n"  # 13
            "[[signals.factor]]\n"
            'id = "mom_12_2"\n'  # 15
            "[portfolio]\n"
            'method = "min_varianc"\n'  # 17
            "limits.max_weight = 5\n"
            "[regime]\n"  # 19
            'kind = "rules"\n'
        )
        found = problems(text, "quality.toml")
        assert [re.match(r"quality\.toml:(\d+): ([^:]+): ", line).groups() for line in found] == [
            ("10", "universe.filter[0].window"),
            ("13", "preprocess[0].lo_q"),
            ("15", "signals.factor[1].id"),
            ("17", "portfolio.method"),
            ("18", "portfolio.limits.max_weight"),
            ("19", "regime"),
        ]

    def test_wording(self):
        text = SMALL + (
            "[universe]\nmin_names = -3\n"
            "[[universe.filter]]\nkind = 'histry'\n"
            "[[preprocess]]\nkind = 'winsor'\nlo_q = 0.01\n"
            "[portfolio]\nmethod = 'min_varianc'\nwindow = 2.5\nlong_only = 1\ngross = nan\n"
            "[backtest]\nrebalance = 'monthly'\ncash = '5%'\ncosts.impact = 3\n"
            "[report]\nrisk_free = true\n[portfoli]\n"
        )
        found = {line.split(": ")[1]: line for line in problems(text)}
        assert found["universe.min_names"] == "q.toml:9: universe.min_names: must be >= 1 (got -3)"
        assert 'unknown kind "histry"; did you mean "history"? allowed: ' in found["universe.filter[0]"]
        assert 'unknown key for kind "winsor"; did you mean "lo"? allowed: ' in found["preprocess[0].lo_q"]
        assert found["portfolio.method"].endswith("; did you mean \"min_variance\"? (got 'min_varianc')")
        assert found["portfolio.window"].endswith("must be a whole number (got 2.5)")
        assert found["portfolio.long_only"].endswith("must be true or false (got 1)")
        assert found["portfolio.gross"].endswith("must be finite (got nan)")
        assert 'must be one of "daily", "weekly", "month_end"' in found["backtest.rebalance"]
        assert found["backtest.cash"].endswith("must be a number (got '5%')")
        assert found["backtest.costs.impact"].endswith("must be a table (got 3)")
        assert found["report.risk_free"].endswith("must be a number or text in quotes (got true)")
        assert 'unknown key; did you mean "portfolio"? allowed: schema, ' in found["portfoli"]

    def test_value_is_shown_as_written(self):
        assert problems(SMALL + "[backtest]\ncash = -3e8\n") == ("q.toml:9: backtest.cash: must be > 0 (got -3e8)",)

    def test_a_table_in_place_of_a_word(self):
        assert problems(SMALL + "[portfolio]\nmethod = {}\n")[0].startswith(
            "q.toml:9: portfolio.method: must be one of"
        )
        found = problems(SMALL + "[backtest]\nrebalance = { evry = 3 }\n")
        assert [line.split(": ", 1)[1] for line in found] == [
            "backtest.rebalance.every: is required and missing",
            'backtest.rebalance.evry: unknown key; did you mean "every"? allowed: every',
        ]

    def test_missing_sections(self):
        assert problems("schema = 1\n") == tuple(
            f"q.toml:1: {name}: is required and missing" for name in ("data", "signals", "strategy")
        )

    def test_unknown_factor(self):
        assert problems(SMALL.replace("mom_12_1", "mom_12_2")) == (
            'q.toml:7: signals.factor[0].id: unknown factor "mom_12_2"; nearest: mom_12_1; run `nanodesk factors`',
        )

    def test_factor_parameters(self):
        found = problems(SMALL + "params = { lok = 3 }\n")
        assert len(found) == 1
        assert found[0].startswith("q.toml:8: signals.factor[0].params.lok: mom_12_1 has no parameter 'lok'")

    @pytest.mark.parametrize("table", ["[data.end]\n", "[strategy]\n"])
    def test_duplicate_tables_are_syntax_errors(self, table):
        assert re.match(r"q\.toml:\d+:\d+: ", problems(SMALL + table + table)[0])

    def test_dates_are_toml_dates(self):
        assert parse_manifest(SMALL, settings={"data.start": datetime.date(2010, 1, 4)}).data.start.year == 2010
        text = SMALL.replace('prices = "sp500_20"', 'prices = "sp500_20"\nstart = "2010-01-04"')
        assert problems(text)[0].endswith('must be a date such as 2010-01-04, without quotes (got "2010-01-04")')


class TestNotImplemented:
    @pytest.mark.parametrize("path", sorted(NOT_IMPLEMENTED))
    def test_sections_are_refused_by_name(self, path):
        parts = [str(part) for part in path]
        text = SMALL.replace("[[signals.factor]]\nid", f"[{'.'.join(parts)}]\nx = 1\n[[signals.factor]]\nid")
        found = problems(text)
        assert [line for line in found if "is not implemented yet in this version" in line]
        assert not [line for line in found if "unknown key" in line]

    def test_message(self):
        assert problems(SMALL + "[regime]\nkind = 'rules'\n") == (
            "q.toml:8: regime: section [regime] is not implemented yet in this version",
        )

    def test_values(self):
        text = SMALL.replace("[[signals", '[signals]\ncombine = "ml"\n[[signals') + "[portfolio]\ncovariance='factor'\n"
        assert problems(text) == (
            'q.toml:7: signals.combine: "ml" is not implemented yet in this version',
            'q.toml:11: portfolio.covariance: "factor" is not implemented yet in this version',
        )

    def test_planned_factor(self):
        assert problems(SMALL.replace("mom_12_1", "gross_prof")) == (
            'q.toml:7: signals.factor[0].id: factor "gross_prof" is not implemented yet in this version',
        )

    def test_the_example_of_the_specification_is_refused_only_by_name(self):
        # Every line must speak of something that later versions bring, or of data this one lacks.
        for line in problems(SPECIFIED):
            assert "not implemented yet" in line or "needs data." in line, line


class TestCrossChecks:
    @pytest.mark.parametrize(
        ("extra", "expected"),
        [
            ("[universe]\nmin_names = 9\nmax_names = 3\n", "9: universe.min_names: must be <= universe.max_names 3"),
            ("[universe]\nsource = 'list'\n", '8: universe.names: is needed with source = "list", and only there'),
            (
                "[universe]\nmax_names = 10\n[portfolio.limits]\nmax_weight = 0.05\n",
                "11: portfolio.limits.max_weight: max_weight x universe.max_names = 0.05 x 10 < 1, the gross to invest",
            ),
            ("[portfolio]\ngross = 1.5\n", "9: portfolio.gross: must be <= 1 with long_only = true"),
            (
                "[portfolio.limits]\nmax_weight = 0.1\nmin_weight = 0.2\n",
                "10: portfolio.limits.min_weight: must be <= portfolio.limits.max_weight 0.1",
            ),
            ("weight = 0\n", "6: signals.factor: every weight is zero"),
            (
                "[[universe.filter]]\nkind = 'fundamental_coverage'\n",
                "9: universe.filter[0].kind: fundamental_coverage needs data.fundamentals, the name of a dataset",
            ),
            (
                "[[signals.factor]]\nid = 'vix_beta'\n",
                "9: signals.factor[1].id: vix_beta needs data.vix, the name of a series",
            ),
            (
                "[universe]\nrebalance = 'daily'\n",
                "9: universe.rebalance: a screen at another pace than backtest.rebalance is not implemented yet",
            ),
        ],
    )
    def test_message(self, extra, expected):
        found = problems(SMALL + extra)
        assert any(f"q.toml:{expected}" in line for line in found), found

    def test_span(self):
        text = SMALL.replace('prices = "sp500_20"', 'prices = "x"\nstart = 2012-01-01\nend = 2011-01-01')
        assert "q.toml:7: data.end: must come after data.start 2012-01-01" in problems(text)[0]

    def test_beside_a_fault_elsewhere(self):
        found = problems(SMALL + "[universe]\nmin_names = 9\nmax_names = 3\n[backtest]\ncash = 0\n")
        assert len(found) == 2


class TestSyntaxAndLimits:
    @pytest.mark.parametrize(
        ("text", "where"),
        [
            ("schema = 1\na = [1,", "2:8: "),
            ('schema = 1\na = "x\nb = 1\n', "2:"),
            ("schema = 1\nx = 2\nx = 2\n", "3:"),
            ("schema 1\n", "1:"),
        ],
    )
    def test_line_and_column(self, text, where):
        assert problems(text)[0].startswith(f"q.toml:{where}")

    def test_nesting(self):
        assert problems("a = " + "[" * 5000)[0] == "q.toml:1: is nested more than 16 deep"
        assert problems("x = 1\n" + "a." * 20_000 + "b = 1")[0].startswith("q.toml:2: is nested")

    def test_schema(self):
        assert problems("schema = 2\n") == (
            "q.toml:1: schema: this version reads schema 1; upgrade nanodesk to read it (got 2)",
        )
        assert problems("a = 1\n") == ("q.toml:1: schema: is required: write schema = 1 as the first line",)
        assert "write schema = 1" in problems('schema = "1"\n')[0]

    def test_files(self, tmp_path):
        path = tmp_path / "m.toml"
        with pytest.raises(ConfigError, match="there is no such file"):
            load_manifest(path)
        path.write_bytes(b"schema = 1\nx = '\xff'\n")
        with pytest.raises(ConfigError, match=r"m\.toml:2: byte 0xff is not UTF-8"):
            load_manifest(path)
        path.write_bytes(b"#" * (MAX_BYTES + 1))
        with pytest.raises(ConfigError, match="is larger than 256 KiB"):
            load_manifest(path)
        with pytest.raises(ConfigError, match="cannot be read"):
            load_manifest(tmp_path)


class TestExtends:
    def write(self, folder: Path, child: str, base: str = SMALL) -> Path:
        (folder / "base.toml").write_text(base)
        (folder / "child.toml").write_text(child)
        return folder / "child.toml"

    def test_adds(self, tmp_path):
        path = self.write(tmp_path, 'extends = "base.toml"\nschema = 1\n[portfolio]\nmethod = "hrp"\n')
        manifest = load_manifest(path)
        assert (manifest.strategy.name, manifest.portfolio.method) == ("abc", "hrp")

    def test_replaces_what_it_names(self, tmp_path):
        path = self.write(tmp_path, 'extends = "base.toml"\noverrides = ["strategy.name"]\nstrategy.name = "child"\n')
        assert load_manifest(path).strategy.name == "child"

    def test_unnamed_and_idle_overrides(self, tmp_path):
        path = self.write(tmp_path, 'extends = "base.toml"\noverrides = ["data.end"]\nstrategy.name = "child"\n')
        with pytest.raises(ConfigError) as caught:
            load_manifest(path)
        idle, unnamed = caught.value.problems
        assert re.search(r"child\.toml:2: overrides\[0\]: is not set both here and in .*base\.toml", idle)
        assert re.search(r'child\.toml:3: strategy\.name: is also set in .*base\.toml; name it|name "strat', unnamed)

    def test_faults_are_told_in_the_file_that_has_them(self, tmp_path):
        path = self.write(
            tmp_path,
            'extends = "base.toml"\n[portfolio]\nwindow = 1\n',
            base=SMALL + "[backtest]\ncash = 0\n",
        )
        with pytest.raises(ConfigError) as caught:
            load_manifest(path)
        assert [re.sub(r"^.*/", "", line).split(": ")[0] for line in caught.value.problems] == [
            "base.toml:9",
            "child.toml:3",
        ]

    def test_circle_missing_and_text(self, tmp_path):
        path = self.write(tmp_path, 'extends = "child.toml"\n')
        with pytest.raises(ConfigError, match="makes a circle"):
            load_manifest(path)
        path = self.write(tmp_path, 'extends = "gone.toml"\n')
        with pytest.raises(ConfigError, match=r"child\.toml:1: extends: there is no file"):
            load_manifest(path)
        with pytest.raises(ConfigError, match="only a manifest read from a file"):
            parse_manifest('extends = "base.toml"\n')
        path = self.write(tmp_path, 'overrides = ["a"]\n')
        with pytest.raises(ConfigError, match='needs "extends"'):
            load_manifest(path)


class TestSettings:
    def test_replace(self):
        manifest = parse_manifest(SMALL, settings={"portfolio.limits.max_weight": 0.5, "signals.factor[0].weight": 2})
        assert manifest.portfolio.limits.max_weight == 0.5
        assert manifest.signals.factor[0].weight == 2

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"portfolio.window": 1}, "--set: portfolio.window: must be >= 20"),
            ({"portfolio.windw": 1}, '--set: portfolio.windw: unknown key; did you mean "window"?'),
            ({"signals.factor[3].weight": 1}, "--set: signals.factor\\[3\\].weight: m.toml has nothing at"),
            ({"a..b": 1}, "is not a dotted key"),
        ],
    )
    def test_faults(self, settings, message):
        with pytest.raises(ConfigError, match=message):
            parse_manifest(SMALL, name="m.toml", settings=settings)


class TestCanonical:
    def test_is_the_same_manifest(self):
        manifest = load_manifest(nanodesk.cli.demo.MANIFEST)
        text = canonical(manifest)
        again = parse_manifest(text)
        assert again == manifest
        assert canonical(again) == text

    def test_order_comments_and_defaults_do_not_matter(self):
        other = "\n".join(
            ['signals.factor = [{ id = "mom_12_1", weight = 1.0 }]', 'data = { prices = "sp500_20", lake = "bundled" }']
        )
        assert canonical(parse_manifest(f'# note\n{other}\nstrategy.name = "abc"\nschema = 1\n')) == canonical(
            parse_manifest(SMALL)
        )

    def test_odd_text(self):
        for text in ('a "quoted" \\ \n \x7f \x01 é 😀', ""):
            manifest = parse_manifest(SMALL, settings={"strategy.description": text})
            assert parse_manifest(canonical(manifest)).strategy.description == text

    def test_sorted(self):
        values = tomllib.loads(canonical(parse_manifest(SMALL)))
        assert list(values["backtest"]["costs"]) == sorted(values["backtest"]["costs"])


class TestPlainValues:
    def test_back_and_forth(self):
        manifest = load_manifest(nanodesk.cli.demo.MANIFEST)
        values = json.loads(json.dumps(plain_values(manifest)))
        assert from_plain_values(values) == manifest

    def test_stored_by_another_version(self):
        values = plain_values(parse_manifest(SMALL)) | {"regim": {}}
        with pytest.raises(ConfigError, match="stored manifest:1: regim: unknown key"):
            from_plain_values(values)


class TestJsonSchema:
    def test_names_every_section(self):
        schema = json_schema()
        assert set(schema["properties"]) == {info.alias or name for name, info in Manifest.model_fields.items()}
        assert schema["additionalProperties"] is False
        json.dumps(schema)


class TestDotted:
    def test_back_and_forth(self):
        for path in (("a", "b"), ("universe", "filter", 2, "min"), ("x y", 0)):
            assert parse_dotted(dotted(path)) == path


def test_every_factor_can_be_named():
    lines = "".join(f'[[signals.factor]]\nid = "{name}"\n' for name in FACTORS if name != "mom_12_1")
    settings = {"data.market": "SP500", "data.vix": "VIXCLS"}
    assert len(parse_manifest(SMALL + lines, settings=settings).signals.factor) == len(FACTORS)


def test_frozen_dataclasses_of_the_result():
    from nanodesk.research.result import ResearchResult

    assert "n_trials" in {item.name for item in dataclasses.fields(ResearchResult)}


SPECIFIED = """schema = 1
[strategy]
name = "quality-momentum-us"
tags = ["equity", "monthly"]
seed = 7
[data]
lake = "lake"
prices = "yahoo"
fundamentals = "fmp"
macro = ["VIXCLS", "T10Y2Y"]
calendar = "XNYS"
start = 2010-01-04
end = 2025-12-31
point_in_time = true
[data.lags]
quarterly = "45d"
[data.quality]
missing_sessions = "warn"
[universe]
source = "security_master"
rebalance = "month_end"
min_names = 20
max_names = 75
survivorship = "require"
[[universe.filter]]
kind = "listing"
exchanges = ["XNYS", "XNAS"]
types = ["common"]
[[universe.filter]]
kind = "history"
min_sessions = 252
[[universe.filter]]
kind = "market_cap"
min = 300e6
[[universe.filter]]
kind = "dollar_volume"
window = 63
min = 5e6
[[universe.filter]]
kind = "price"
min = 5.0
[[universe.filter]]
kind = "volatility"
window = 63
min = 0.08
max = 0.80
[[universe.filter]]
kind = "rank_top"
by = "composite"
n = 60
exit_rank = 90
[[universe.filter]]
kind = "diversify"
max_sector_share = 0.25
[[preprocess]]
kind = "winsor"
lo = 0.01
hi = 0.99
[[preprocess]]
kind = "neutralize"
by = ["sector", "log_mcap"]
[[preprocess]]
kind = "gauss_rank"
[[preprocess]]
kind = "impute"
method = "sector_median"
[signals]
combine = "weighted"
min_families = 2
[[signals.factor]]
id = "mom_12_1"
weight = 0.35
[[signals.factor]]
id = "gross_prof"
weight = 0.25
[[signals.factor]]
id = "vol_63"
weight = 0.25
params = { window = 63 }
[signals.ml]
model = "lightgbm"
[regime]
kind = "rules"
gross = { risk_on = 1.0 }
[portfolio]
method = "min_variance"
covariance = "ledoit_wolf"
window = 252
long_only = true
gross = 1.0
[portfolio.limits]
max_weight = 0.05
min_weight = 0.005
max_sector = 0.25
max_turnover = 0.40
no_trade_band = 0.002
adv_participation = 0.05
cash_buffer = 0.01
[backtest]
cash = 1_000_000
currency = "USD"
rebalance = "month_end"
fill = "next_open"
benchmark = "SPY"
periods_per_year = 252
delisting_return = -0.30
[backtest.costs]
commission_bps = 1.0
min_commission = 0.0
half_spread_bps = 3.0
impact = { kind = "sqrt", coef = 0.1 }
borrow_bps_year = 50.0
[backtest.stops]
trailing_pct = 0.0
[walk_forward]
mode = "expanding"
[tracking]
store = "runs"
mlflow = { enabled = false, uri = "sqlite:///runs/mlflow.db" }
artifacts = ["weights"]
[report]
formats = ["html", "json"]
risk_free = "DGS3MO"
[schedule]
engine = "local"
[watch]
psi_max = 0.25
[execution]
mode = "paper"
"""
