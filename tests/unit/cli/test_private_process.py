"""What the trading commands write is their owner's alone, whatever the umask; memory with a key is not dumped."""

import json
import os
import resource

import pytest

from nanodesk.cli.app import run_command
from nanodesk.cli.broker_factory import make_broker
from nanodesk.rebalance.config import parse_config
from secret_watch import marked

CONFIG = '[connection]\nbroker = "paper"\nquotes = "quotes.json"\n[logging]\ndir = "new/logs"\nmin_free_bytes = 1\n'
QUOTES = {"schema": 1, "symbols": [{"symbol": "AAPL", "bid": "184.99", "ask": "185.01"}]}
TARGET = {"timestamp": "2026-02-08T15:30:00Z", "targets": [{"symbol": "AAPL", "weight": 0.05}]}


@pytest.fixture
def open_shell():
    before = os.umask(0)
    yield
    os.umask(before)


def test_every_file_and_folder_of_a_run_is_private(tmp_path, monkeypatch, open_shell):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "quotes.json").write_text(json.dumps(QUOTES))
    (tmp_path / "target.json").write_text(json.dumps(TARGET))
    run_command(["rebalance", "run", "target.json", "--force"])
    run_command(["rebalance", "kill", "--why", "a test"])
    written = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "new").rglob("*")}
    assert {"orders.db", "audit.jsonl", "run.lock", "kill-switch.json", "paper-account.jsonl"} <= written.keys()
    assert written.pop("logs") == 0o700
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert {*written.values()} == {0o600}, written
    assert os.umask(0) == 0


def test_a_process_that_holds_a_key_leaves_no_core_dump():
    pytest.importorskip("aiohttp")
    config = parse_config(
        '[connection]\nbroker = "alpaca"\napi_key_env = "K"\napi_secret_env = "S"\nbase_url = "http://127.0.0.1:1"\n'
    )
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        make_broker(config, {"K": "PK" + marked("k"), "S": marked("s")}, reached=lambda _step: None)
        assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
