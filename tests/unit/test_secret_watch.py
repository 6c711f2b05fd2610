"""The watch over secrets notices what is planted: in files of every kind, in output, log and traceback."""

import ast
import base64
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

import secret_watch
from secret_watch import HOLDS_A_SECRET, MARK, leaks_in, marked

TESTS = Path(secret_watch.__file__).parent
SECRET = marked("planted")
PLANTED = """
import gzip, logging, sqlite3
import polars as pl
import pytest
from secret_watch import HOLDS_A_SECRET, marked

@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    (folder / "by-a-fixture.log").write_text(marked("x"))

def test_text(tmp_path): (tmp_path / "audit.jsonl").write_text('{"key": "%s"}' % marked("x"))
def test_gzip(tmp_path): (tmp_path / "log.gz").write_bytes(gzip.compress(marked("x").encode()))
def test_parquet(tmp_path): pl.DataFrame({"a": [marked("x")] * 99}).write_parquet(tmp_path / "a.parquet")
def test_wal(tmp_path):
    keep = sqlite3.connect(tmp_path / "orders.db")
    keep.execute("PRAGMA journal_mode=WAL")
    keep.execute("CREATE TABLE t (v)")
    keep.execute("INSERT INTO t VALUES (?)", (marked("x"),))
    keep.commit()
    globals()["open_to_the_end"] = keep
def test_fixture(shared): pass
def test_allowed(tmp_path): (tmp_path / HOLDS_A_SECRET).write_text(marked("x"))
def test_quiet(tmp_path): (tmp_path / "a.txt").write_text("nothing")
def test_output(): print(marked("x"))
def test_log(): logging.getLogger("a").warning("told %s", marked("x"))
def test_traceback(): raise ValueError(marked("x"))
"""


@pytest.mark.parametrize("workers", [[], ["-n", "2", "--dist", "loadfile"]], ids=["alone", "two workers"])
def test_every_planted_leak_fails_the_run_with_its_name(tmp_path, workers):
    (tmp_path / "test_planted.py").write_text(PLANTED)
    base = tmp_path / HOLDS_A_SECRET
    command = [sys.executable, "-m", "pytest", "-p", "secret_watch", "-p", "no:cacheprovider", "--basetemp", str(base)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [*command, *workers, "-q", "test_planted.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    told = done.stdout[done.stdout.index("secrets were written") :].splitlines()
    for name, file in {
        "text": "audit.jsonl", "gzip": "log.gz", "parquet": "a.parquet", "wal": "orders.db-wal",
    }.items():  # fmt: skip
        assert [line for line in told if line.startswith(f"test_planted.py::test_{name} left") and file in line], name
    assert any(line.startswith("a fixture left") and "by-a-fixture.log" in line for line in told)
    for name in ("output", "log", "traceback"):
        assert f"test_planted.py::test_{name}: a secret is told in" in done.stdout
    assert "test_allowed" not in done.stdout
    assert "test_quiet" not in done.stdout
    assert "3 failed, 7 passed" in done.stdout
    assert done.returncode == 1
    assert MARK not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "form",
    [
        SECRET, quote(f"a b/{SECRET}"), SECRET[::-1], SECRET.encode().hex(), SECRET.encode().hex().upper(),
        *(base64.b64encode(b"x" * shift + SECRET.encode()).decode() for shift in range(4)),
        base64.urlsafe_b64encode(f"user:{SECRET}".encode()).decode(), f"/order?a=1&signature={'0a' * 32}",
        '{"signature": "' + "0b" * 32 + '"}', f"&signature={'Ab%2F' * 20}", secret_watch.UNMARKED[0],
    ],
)  # fmt: skip
def test_every_form_is_found(form):
    assert leaks_in(f"before {form} after".encode())
    assert leaks_in(form.encode("utf-16")) or "signature" in form or form != SECRET


def test_what_is_hidden_is_no_leak():
    assert not leaks_in(b"/order?signature=[hidden] c4n4rY <api_key: hidden>")


def test_every_secret_of_a_test_is_known_to_the_watch():
    too_short = 6  # "k": what no search could tell from a text
    literals = [
        (path.name, word.value.value)
        for path in TESTS.rglob("*.py")
        for word in ast.walk(ast.parse(path.read_text()))
        if isinstance(word, ast.keyword) and word.arg in ("api_key", "secret", "api_secret")
        if isinstance(word.value, ast.Constant) and len(word.value.value) > too_short
    ]
    assert {value for _, value in literals} <= {*secret_watch.UNMARKED}, literals
