"""Everything wrong that a user may hand in, from the outside: one clear error, its exit code, nothing left behind.

The rows follow the list of the specification: NaN, infinite, negative and zero prices, duplicate dates, unsorted dates,
unknown symbols, weights that do not sum, empty universe, and manifests that are wrong in every way.
"""

import datetime as dt
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from nanodesk.backtest.weights import backtest_weights
from nanodesk.cli.app import DATA, DONE, FAILED, USAGE, run_command
from nanodesk.cli.demo import MANIFEST
from nanodesk.errors import PriceError, ValidationError, WeightsError
from nanodesk.research.lake import open_lake

DEMO = MANIFEST.read_text()
HEAD = "date,symbol,open,high,low,close,volume"
DAYS = ("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05")


@pytest.fixture
def invoke(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run_command(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def rows(close="10.5", day="2024-01-04", symbol="AAA"):
    """Four sessions of one name; the third as told."""
    lines = [f"{date},AAA,10,11,9,10.{i},1000" for i, date in enumerate(DAYS)]
    lines[2] = f"{day},{symbol},10,11,9,{close},1000"
    return "\n".join([HEAD, *lines]) + "\n"


class TestManifests:
    @pytest.mark.parametrize(
        ("old", "new", "lines"),
        [
            ('kind = "volatility"', 'kind = "price"\nmin = -3e8\n[[universe.filter]]\nkind = "volatility"',
             ["mine.toml:28: universe.filter[1].min: must be >= 0 (got -3e8)"]),
            ("lo = 0.05", "lo_q = 0.05",
             ['mine.toml:42: preprocess[0].lo_q: unknown key for kind "winsor"; did you mean "lo"?']),
            ('"mom_12_1"', '"mom_12_2"',
             ['mine.toml:52: signals.factor[0].id: unknown factor "mom_12_2"; nearest: mom_12_1; run']),
            ("[report]", "[walk_forward]\npurge = 5\n[watch]\npsi_max = 0.25\n[report]",
             ["mine.toml:101: walk_forward: section [walk_forward] is not implemented yet",
              "mine.toml:103: watch: section [watch] is not implemented yet"]),
            ("[portfolio]", "[portfolo]", ['mine.toml:75: portfolo: unknown key; did you mean "portfolio"?']),
            ("seed        = 7", "seed = 7.5", ["mine.toml:9: strategy.seed: must be a whole number (got 7.5)"]),
            ("max = 0.80", 'max = "80%"', ['mine.toml:29: universe.filter[1].max: must be a number (got "80%")']),
            ("1990-01-02", '"1990-01-02"', ["mine.toml:16: data.start: must be a date such as"]),
            ("weight = 0.30", "weight = nan", ["mine.toml:53: signals.factor[0].weight: must be finite (got nan)"]),
            ("max_weight    = 0.15", "max_weight = 15", ["portfolio.limits.max_weight: must be <= 1 (got 15)"]),
            ("min_names = 10", "min_names = 30\nmax_names = 20", ["min_names: must be <= universe.max_names 20"]),
            ("min_names = 10", "min_names = 2\nmax_names = 4", ["max_weight x universe.max_names = 0.15 x 4 < 0.99"]),
            ('"min_variance"', '"min_variance"\nlong_only = false', ["portfolio.long_only: false needs a"]),
            ("trailing_pct = 0.25", "trailing_pct = 25", ["backtest.stops.trailing_pct: must be < 1 (got 25)"]),
            ("commission_bps  = 1.0", "impact = { kind = \"square\" }", ['impact.kind: must be "sqrt" (got "square")']),
            ("seed        = 7", "seed = = 7", ["mine.toml:9:8: Invalid value"]),
            ("seed        = 7", "seed = " + "9" * 5000, ["mine.toml: holds a number of too many digits"]),
            ("schema = 1", "schema = 2", ["mine.toml:3: schema: this version reads schema 1; upgrade nanodesk"]),
        ],
    )  # fmt: skip
    def test_file_line_key_value_and_what_is_allowed(self, invoke, old, new, lines):
        Path("mine.toml").write_text(DEMO.replace(old, new, 1))
        for command in ("check", "run"):
            code, out, err = invoke(command, "mine.toml")
            assert (code, out) == (USAGE, "")
            assert all(line in err for line in lines), err
        assert [path.name for path in Path().iterdir()] == ["mine.toml"]

    def test_several_at_once_in_order_of_lines(self, invoke):
        wrong = {
            "seed        = 7": "seed = -1",
            "max = 0.80": "max = -1",
            "lo = 0.05": "low = 0.05",
            "month_end": "never",
        }
        text = DEMO
        for old, new in wrong.items():
            text = text.replace(old, new, 1)
        Path("mine.toml").write_text(text)
        err = invoke("check", "mine.toml")[2].splitlines()
        assert [line.split(": ")[1].rpartition(".")[2] for line in err] == ["seed", "max", "low", "rebalance"]
        assert [int(line.split(":")[1]) for line in err] == sorted(int(line.split(":")[1]) for line in err)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"\x00\xff\xfe", "mine.toml:1: byte 0xff is not UTF-8"),
            (b"", "mine.toml:1: schema: is required"),
            (DEMO.encode("utf-16"), "mine.toml:1: byte 0xff is not UTF-8"),
            (b"a = 1\n" * 60_000, "mine.toml: is larger than 256 KiB"),
            (b"a = " + b"[" * 5000, "mine.toml:1: is nested more than 16 deep"),
        ],
    )
    def test_files_that_are_no_manifest(self, invoke, content, message):
        Path("mine.toml").write_bytes(content)
        code, _, err = invoke("check", "mine.toml")
        assert (code, err.count("\n")) == (USAGE, 1)
        assert message in err

    @pytest.mark.parametrize("content", [b"\xef\xbb\xbf" + DEMO.encode(), DEMO.replace("\n", "\r\n").encode()])
    def test_files_of_other_editors_are_read(self, invoke, content):
        Path("mine.toml").write_bytes(content)
        assert invoke("check", "mine.toml")[0] == DONE

    @pytest.mark.parametrize(("name", "message"), [("gone.toml", "no such file"), (".", "Is a directory")])
    def test_places_that_hold_no_file(self, invoke, name, message):
        for command in ("check", "run"):
            code, _, err = invoke(command, name)
            assert code == USAGE
            assert message in err

    @pytest.mark.parametrize(
        ("setting", "code", "message"),
        [
            ("data.prices=nothing", DATA, "--set: data.prices: dataset 'nothing' is not in lake 'bundled'. It holds"),
            ("data.market=SPX", DATA, "--set: data.market: series 'SPX' is not in lake 'bundled'."),
            ("report.risk_free=DGS10", DATA, "--set: report.risk_free: series 'DGS10' covers 1990-01-02 to 2017-03-29"),
            ("data.snapshot=dead", DATA, "--set: data.snapshot: snapshot='dead' is not in this lake"),
            ("universe.names=['AAPL', 'ZZZZ']", DATA, "--set: universe.names: symbols=['ZZZZ'] are not in dataset"),
            ("universe.min_names=21", DATA, "empty universe on 1990-12-31: 20 names are left, min_names=21. Funnel"),
            ("universe.filter=[{kind='volatility', max=0.001}]", DATA, "'volatility' dropped the most, 20 of 20"),
            ("portfolio.limits.max_weight=0.01", FAILED, "on 1990-12-31, 14 names: max_weight"),
            ("backtest.fill=next_open", USAGE, '--set: backtest.fill: "next_open" needs open, which dataset sp500_20'),
            ("portfolio.method=best", USAGE, '--set: portfolio.method: must be one of "equal"'),
            ("portfolio.method=best", USAGE, '(got "best")'),
        ],
    )  # fmt: skip
    def test_what_the_data_cannot_give(self, invoke, setting, code, message):
        Path("mine.toml").write_text(DEMO)
        source = ["--set", "universe.source=list"] if "names=[" in setting else []
        found, out, err = invoke("run", "mine.toml", *source, "--set", setting)
        assert (found, out) == (code, "")
        assert message in err
        assert [path.name for path in Path().iterdir()] == ["mine.toml"]

    def test_all_columns_that_lack_at_once(self, invoke):
        Path("mine.toml").write_text(
            DEMO.replace('"next_close"', '"vwap_proxy"').replace("trailing_pct = 0.25", 'check = "intrabar"')
        )
        err = invoke("run", "mine.toml")[2].splitlines()
        assert len(err) == 2
        assert '"vwap_proxy" needs open, high, low' in err[0]
        assert '"intrabar" needs open, high, low' in err[1]


class TestPriceFiles:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (rows("NaN"), "p.csv:4: close=nan (AAA 2024-01-04): close is not a finite number"),
            (rows("inf"), "p.csv:4: close=inf (AAA 2024-01-04): close is not a finite number"),
            (rows("-5"), "p.csv:4: close=-5.0 (AAA 2024-01-04): close must be greater than 0"),
            (rows("0"), "p.csv:4: close=0.0 (AAA 2024-01-04): close must be greater than 0"),
            (rows(""), "p.csv:4: close=None (AAA 2024-01-04): close is blank"),
            (rows("abc"), "p.csv:4: close='abc' is not a number"),
            (rows("10,5"), "p.csv:4: has 8 fields, the header has 7"),
            (rows(day="2024-01-03"), "symbol and date repeat; the last line wins"),
            (rows(day="2024-01-06"), "p.csv:4: date=2024-01-06 (AAA 2024-01-06): no session of XNYS"),
            (rows(day="04/01/2024"), "p.csv:4: date='04/01/2024' is not a date like"),
            (rows(symbol=""), "p.csv:4: symbol=None"),
            (rows(symbol='"AAA'), "p.csv:4: a quoted cell does not end on its line"),
            (rows().replace(",", ";"), "Its columns are separated by ';'"),
            (rows().replace("close", "klose"), "column 'close' is missing"),
            (rows().encode("utf-16"), "byte 0x00 is not text; the file is UTF-16"),
            (b"\xff\xfe\x01", "p.csv:1: byte 0xff is not UTF-8 text"),
            (HEAD + "\n", "has a header and no rows"),
            ("", "is empty"),
        ],
    )
    def test_refused_with_line_and_cell_and_nothing_written(self, invoke, text, message):
        Path("p.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        code, out, err = invoke("ingest", "p.csv", "--lake", "new/lake", "--dataset", "us")
        assert (code, out) == (DATA, "")
        assert message in err
        assert err.count("\n") == 1
        assert [path.name for path in Path().iterdir()] == ["p.csv"]

    @pytest.mark.parametrize(
        "text",
        [
            rows().replace("\n", "\r\n").encode(),
            b"\xef\xbb\xbf" + rows().encode(),
            rows().partition("2024-01-03")[0].encode(),
            "\n".join([HEAD, *reversed(rows().splitlines()[1:])]).encode(),
        ],
        ids=["crlf", "bom", "one row", "unsorted"],
    )
    def test_files_that_are_read(self, invoke, text):
        Path("p.csv").write_bytes(text)
        assert invoke("ingest", "p.csv", "--lake", "lake", "--dataset", "us")[0] == DONE
        days = open_lake("lake").rows("us")["date"].to_list()
        assert days == sorted(days)

    def test_bad_rows_are_set_aside_where_that_is_allowed(self, invoke):
        Path("p.csv").write_text(rows("NaN"))
        arguments = ("ingest", "p.csv", "--lake", "lake", "--dataset", "us", "--max-quarantined-pct", "30")
        code, out, err = invoke(*arguments)
        assert (code, "1 set aside" in out, "p.csv:4: close=nan" in err) == (DONE, True, True)
        assert open_lake("lake").quarantine("us")["line"].to_list() == [4]

    def test_a_market_that_never_closes(self, invoke):
        Path("p.csv").write_text(rows(day="2024-01-06"))  # a Saturday
        arguments = ("ingest", "p.csv", "--lake", "lake", "--dataset", "coins", "--calendar", "24-7")
        assert invoke(*arguments)[0] == DONE
        assert open_lake("lake").describe("coins").about.calendar == "24-7"


class TestWeights:
    CLOSES = np.array([[10.0, 20.0], [11.0, 19.0], [12.0, 21.0]])
    DATES = np.array(["2024-01-02", "2024-01-03", "2024-01-04"], dtype="datetime64[D]")

    @pytest.mark.parametrize(
        ("close", "message"),
        [(value, rf"close={value} on 2024-01-03 for 'B'") for value in (0.0, -1.0, math.inf, -math.inf)],
    )
    def test_prices(self, close, message):
        closes = self.CLOSES.copy()
        closes[1, 1] = close
        with pytest.raises(PriceError, match=message):
            self.run(prices=closes)

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            (
                {"weights": [[math.inf, 0.0]] * 3},
                WeightsError,
                r"weights=inf on 2024-01-02 for 'A' \(row 0, column 0\)",
            ),
            ({"weights": [[50.0, 50.0]] * 3}, WeightsError, "sum to 100, above max_gross=10. Weights are fractions"),
            ({"weights": [[1.0, 1.0]] * 3, "max_gross": 1.0}, WeightsError, "sum to 2, above max_gross=1"),
            ({"weights": [[("ZZ", 1.0)], None, None]}, WeightsError, "symbol 'ZZ' has no prices"),
            ({"dates": ["2024-01-02", "2024-01-02", "2024-01-03"]}, ValidationError, "repeats dates"),
            ({"dates": ["2024-01-03", "2024-01-02", "2024-01-04"]}, ValidationError, "comes before dates"),
            ({"prices": np.full((3, 2), math.nan), "missing_price": "raise"}, None, ""),
        ],
    )
    def test_weights_and_dates(self, options, error, message):
        if error is None:  # nothing has a price, so nothing is held and nothing is missed
            assert len(self.run(**options).trades) == 0
            return
        with pytest.raises(error, match=message):
            self.run(**options)

    def test_a_frame_of_unknown_dates(self):
        frame = pl.DataFrame({"date": [dt.date(2025, 1, 2)], "A": [1.0]})
        with pytest.raises(WeightsError, match="2025-01-02 is not a session of the prices"):
            self.run(weights=frame)

    def run(self, weights=((0.5, 0.5),) * 3, prices=None, **options):
        options = {"dates": self.DATES, "symbols": ["A", "B"], "fill": "same_close"} | options
        return backtest_weights(weights, self.CLOSES if prices is None else prices, **options)
