"""What the package promises about hostile input, addresses and dangerous calls, held in one place."""

import ast
import contextlib
import gzip
import json
import time
import tomllib
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from nanodesk.brokers.alpaca.broker import AlpacaBroker
from nanodesk.brokers.binance.broker import BinanceBroker
from nanodesk.brokers.http import Endpoint
from nanodesk.brokers.ibkr.broker import IbkrBroker
from nanodesk.brokers.paper.quotes import read_table
from nanodesk.brokers.strict_json import parse_json
from nanodesk.cli.settings import parse_grid, parse_settings
from nanodesk.errors import ConfigError, DataError, NanodeskError, SchemaMismatchError, ValidationError
from nanodesk.rebalance.config import parse_config
from nanodesk.rebalance.target import Target, symbol_fault
from nanodesk.research.lake import open_lake
from nanodesk.research.manifest import load_manifest, parse_manifest
from nanodesk.research.sources import files
from nanodesk.toml_files.source import parse_toml, read_text
from nanodesk.venues.server import VenueOptions

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src" / "nanodesk").rglob("*.py"))
DEEP = {
    "arrays": "x = " + "[" * 50_000,
    "closed arrays": "x = " + "[" * 5_000 + "]" * 5_000,
    "inline tables": "x = " + "{a=" * 3_000,
    "dotted key": "a." * 16_000 + "b = 1",
    "dotted header": "[" + "a." * 16_000 + "b]",
    "dotted key in a table": "x = {" + "a." * 16_000 + "b = 1}",
    "dotted key behind a quoted sign": '"=".' + "a." * 16_000 + "b = 1",
    "too many digits": "x = " + "9" * 5_000,
    "open string": 'x = """' + "x" * 500_000,
}
QUICK_S = 2.0
"""Of the processor; unbounded, the dotted keys alone take up to twenty."""


class TestTomlLimits:
    @pytest.mark.parametrize("read", [parse_manifest, parse_config, lambda text: parse_toml(text, "f.toml")])
    @pytest.mark.parametrize("name", DEEP)
    def test_a_text_that_is_too_deep_is_refused_at_once(self, read, name):
        start = time.process_time()
        with pytest.raises(ConfigError):
            read(DEEP[name])
        assert time.process_time() - start < QUICK_S

    @pytest.mark.parametrize("name", DEEP)
    def test_so_is_a_quotes_file(self, tmp_path, name):
        path = tmp_path / "quotes.toml"
        path.write_text(DEEP[name])
        start = time.process_time()
        with pytest.raises(ConfigError):
            read_table(path)
        assert time.process_time() - start < QUICK_S

    @pytest.mark.parametrize(
        "name", ["arrays", "closed arrays", "inline tables", "dotted key in a table", "too many digits"]
    )
    @pytest.mark.parametrize("read", [parse_settings, parse_grid])
    def test_so_is_a_value_of_the_command_line(self, read, name):
        with pytest.raises(ConfigError):
            read(["key=" + DEEP[name].removeprefix("x = ")])

    def test_a_large_file_is_refused_before_it_is_read(self, tmp_path):
        path = tmp_path / "large.toml"
        path.write_text("# " + "x" * (1 << 20) + "\n")
        for read in (load_manifest, read_table, lambda path: read_text(path, max_bytes=1 << 20)):
            with pytest.raises(ConfigError, match="larger"):
                read(path)


class TestJsonLimits:
    @pytest.mark.parametrize(
        "text", ["[" * 100_000, '{"a":' * 100_000, '{"a": 1, "a": 2}', "NaN", "1e999", "9" * 5_000]
    )
    def test_what_no_venue_may_send_is_refused(self, text):
        with pytest.raises(NanodeskError):
            parse_json(text)
        with pytest.raises(NanodeskError):
            Target.from_json(text)


class TestTableLimits:
    """A small file may claim to be very much; it is refused before it is unpacked."""

    def test_a_gzip_bomb(self, tmp_path, monkeypatch):
        monkeypatch.setattr(files, "MAX_TEXT_BYTES", 1 << 20)
        path = tmp_path / "bomb.csv.gz"
        path.write_bytes(gzip.compress(b"date,symbol,close\n" + b"0" * (1 << 22)))
        with pytest.raises(DataError, match="larger than 1,048,576 bytes, unpacked"):
            files._read_cells(path)
        plain = tmp_path / "long.csv"
        plain.write_bytes(b"0" * (1 << 21))
        with pytest.raises(DataError, match="larger than"):
            files._read_cells(plain)

    def test_a_parquet_of_a_billion_cells(self, tmp_path):
        path = tmp_path / "bomb.parquet"
        pl.select(pl.repeat(0, 20_000_000, dtype=pl.Int8)).write_parquet(path)
        wide = pl.DataFrame({f"c{i}": [0.0] for i in range(60)})
        wide.write_parquet(tmp_path / "wide.parquet")
        assert path.stat().st_size < 1 << 20
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(files, "MAX_CELLS", 10_000_000)
            with pytest.raises(DataError, match="20,000,000 rows and 1 columns"):
                files._read_cells(path)
            patch.setattr(files, "MAX_COLUMNS", 50)
            with pytest.raises(DataError, match="1 rows and 60 columns"):
                files._read_cells(tmp_path / "wide.parquet")

    @pytest.mark.parametrize("value", [[1], {"a": 1}, b"raw"], ids=["list", "struct", "binary"])
    def test_a_column_of_objects(self, tmp_path, value):
        path = tmp_path / "objects.parquet"
        pl.DataFrame({"symbol": ["A"], "odd": [value]}).write_parquet(path)
        with pytest.raises(SchemaMismatchError, match="column 'odd' holds"):
            files._read_cells(path)


def test_no_secret_can_be_given_on_a_command_line():
    """Where every process of the machine could read it."""
    from typer.main import get_command

    from nanodesk.cli.app import app

    left, options = [get_command(app)], set()
    while left:
        command = left.pop()
        left += getattr(command, "commands", {}).values()
        options |= {name for parameter in command.params for name in parameter.opts}
    assert {"--broker", "--config", "--port"} <= options
    assert not [name for name in options if any(word in name for word in ("key", "secret", "token", "passw"))]


class TestNames:
    @pytest.mark.parametrize(
        "name",
        ["", "..", "../x", "a/b", "a\\b", "C:x", ".hidden", "-rf", "a\0b", "a\nb", "x" * 33, "ﬁ", "a\u202eb", " A"],
    )  # fmt: skip
    def test_a_name_that_could_be_something_else_is_no_symbol(self, name):
        assert symbol_fault(name) is not None
        row = {"timestamp": "2024-01-31T21:00:00Z", "targets": [{"symbol": name, "weight": 0.1}]}
        with pytest.raises(NanodeskError):
            Target.from_json(json.dumps(row))

    @pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "/etc/passwd", "a\\b", ".x", "-x", "a\0", "x" * 65, "é"])
    def test_a_name_in_the_lake_is_never_a_path(self, tmp_path, name):
        frame = pl.DataFrame({"date": [date(2024, 1, 2)], "symbol": ["AAPL"], "close": [1.0]})
        lake = open_lake(tmp_path / "lake")
        before = sorted(tmp_path.rglob("*"))
        for act in (
            lambda: lake.ingest(frame, name, kind="prices"),
            lambda: lake.rows(name),
            lambda: lake.describe(name),
        ):
            with pytest.raises((ValidationError, DataError)):
                act()
        assert sorted(tmp_path.rglob("*")) == before

    def test_a_symbol_in_the_lake_is_a_value_and_no_file(self, tmp_path):
        frame = pl.DataFrame({"date": [date(2024, 1, 2)], "symbol": ["../../escaped"], "close": [1.0]})
        lake = open_lake(tmp_path / "lake")
        with contextlib.suppress(NanodeskError):
            lake.ingest(frame, "prices", kind="prices")
        assert not [path for path in tmp_path.rglob("*") if "escaped" in path.name]
        assert [path.name for path in tmp_path.parent.iterdir() if "escaped" in path.name] == []


class TestAddresses:
    @pytest.mark.parametrize(
        "url",
        [
            "http://169.254.169.254/latest", "http://10.0.0.5", "http://[fd00::1]", "http://example.com", "ftp://127.0.0.1",
            "file:///etc/passwd", "http://127.0.0.1@example.com", "http://user:word@127.0.0.1", "http://127.0.0.1#@x",
            "https://", "http://127.0.0.1.example.com", "http://2130706433", "http://0.0.0.0", "http://127.1", "gopher://x",
            "https://exämple.com", "http://local host", "http://127.0.0.1:99999", "http://127.0.0.1/?a=b",
        ],
    )  # fmt: skip
    def test_plain_text_goes_to_this_machine_only(self, url):
        with pytest.raises(ValidationError):
            Endpoint.parse(url, field="base_url")

    @pytest.mark.parametrize(
        "url", ["https://169.254.169.254", "https://evil.example", "https://api.binance.com.evil.example"]
    )
    def test_keys_go_to_the_venue_and_to_nobody_else(self, url):
        socket = "wss" + url.removeprefix("https")
        with pytest.raises(NanodeskError):
            BinanceBroker(api_key="k" * 20, secret="s" * 20, base_url=url, ws_api_url=socket, stream_url=socket)
        with pytest.raises(NanodeskError):
            AlpacaBroker(api_key="PK" + "k" * 18, secret="s" * 20, base_url=url, stream_url=socket, data_url=url)

    def test_the_unencrypted_gateway_is_local_unless_said_otherwise(self):
        with pytest.raises(NanodeskError):
            IbkrBroker(host="192.168.1.9", port=4002, client_id=1, account="DU1")

    def test_every_server_listens_on_this_machine_by_default(self):
        assert VenueOptions().host == "127.0.0.1"
        assert not [path for path in SOURCES if '"0.0.0.0"' in path.read_text()]

    def test_verification_of_certificates_is_nowhere_turned_off(self):
        for path in SOURCES:
            text = path.read_text()
            assert not any(
                word in text for word in ("CERT_NONE", "check_hostname", "verify=False", "_create_unverified")
            ), path


BANNED_CALLS = {"eval", "exec", "compile", "__import__", "breakpoint"}
BANNED_MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "yaml", "telnetlib", "xml"}
ALLOWED = {
    # A worker asks whether its own exception would survive the way to its parent, and reads nothing from outside.
    ("backtest/sweep.py", "pickle"),
}


class TestBans:
    def test_nothing_is_evaluated_and_nothing_unpickled(self):
        found = []
        for path in SOURCES:
            name = str(path.relative_to(ROOT / "src" / "nanodesk"))
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    called = node.func.id if isinstance(node.func, ast.Name) else ""
                    shell = any(word.arg == "shell" for word in node.keywords)
                    found += [(name, called)] if called in BANNED_CALLS else []
                    found += [(name, "shell")] if shell else []
                    found += [(name, "os.system")] if ast.unparse(node.func) in ("os.system", "os.popen") else []
                elif isinstance(node, ast.Import):
                    found += [(name, one.name) for one in node.names if one.name.split(".")[0] in BANNED_MODULES]
                elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in BANNED_MODULES:
                    found += [(name, node.module)]
        assert set(found) == ALLOWED

    def test_the_lint_holds_the_same_in_every_new_line(self):
        lint = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
        banned = {"S301", "S307", "S102", "S506", "S602"}
        assert "S" in lint["select"]
        assert not banned & {*lint["ignore"]}
        for pattern, ignored in lint["per-file-ignores"].items():
            assert not pattern.startswith("src") or not banned & {*ignored}, pattern
