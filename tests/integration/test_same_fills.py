"""One command line, several brokers: the embedded paper broker, and look-alikes in processes of their own."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from nanodesk.cli.demo import MANIFEST

pytest.importorskip("aiohttp")

PROGRAM = "from nanodesk.cli.app import main; main()"
COINS = [
    {"symbol": "BTC", "bid": "64999.99", "ask": "65000.01", "tick": "0.01", "lot": "0.00001"},
    {"symbol": "ETH", "bid": "3399.90", "ask": "3400.10", "tick": "0.01", "lot": "0.0001"},
    {"symbol": "SOL", "bid": "149.95", "ask": "150.05", "tick": "0.01", "lot": "0.001"},
]
SHARES = [
    {"symbol": "AAPL", "bid": "184.99", "ask": "185.01"},
    {"symbol": "MSFT", "bid": "369.90", "ask": "370.10"},
    {"symbol": "NVDA", "bid": "599.50", "ask": "600.50"},
]
CONFIG = """
[connection]
broker = "paper"
api_key_env = "TEST_VENUE_KEY"
api_secret_env = "TEST_VENUE_SECRET"
[account]
id = "{account}"
type = "cash"
[risk]
max_trade_usd = 1e6
max_position_pct = 0.6
[cost]
commission_per_share = 0
commission_min = 0
slippage_bps = 0
[logging]
min_free_bytes = 1
"""


@pytest.fixture
def environment():
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "TEST_VENUE_KEY": "loopback-key",
        "TEST_VENUE_SECRET": "loopback-secret",
    }


@contextmanager
def venue(folder, environment, name, currency, symbols):
    quotes = {"schema": 1, "currency": currency, "cash": "100000", "symbols": symbols}
    (folder / "quotes.json").write_text(json.dumps(quotes))
    command = [sys.executable, "-c", PROGRAM, "venue", name, "--quotes", str(folder / "quotes.json")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


def rebalance(folder, environment, account, *arguments):
    (folder / "config.toml").write_text(CONFIG.format(account=account))
    command = [sys.executable, "-c", PROGRAM, "rebalance", *arguments, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, timeout=120)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def trade(folder, environment, account, symbols, *broker):
    """Two targets, one after the other: every fill, and what is held in the end."""
    folder.mkdir()
    first, second, third = (row["symbol"] for row in symbols)
    fills = []
    for weights in ({first: 0.5, second: 0.3}, {second: 0.1, third: 0.5}):
        rows = [{"symbol": symbol, "weight": weight} for symbol, weight in weights.items()]
        target = {"timestamp": "2026-02-08T15:30:00Z", "targets": rows}
        (folder / "target.json").write_text(json.dumps(target))
        code, values = rebalance(folder, environment, account, "run", "target.json", *broker, "--force")
        assert (code, values["outcome"]) == (0, "done"), values
        fills.append([(o["action"], o["symbol"], o["filled"], o["avg_price"]) for o in values["orders"]])
    _, positions = rebalance(folder, environment, account, "positions", *broker)
    return fills, [(row["symbol"], row["quantity"]) for row in positions["positions"]]


def test_binance_and_paper(tmp_path, environment):
    pytest.importorskip("nanodesk.brokers.binance.broker")
    with venue(tmp_path, environment, "binance", "USDT", COINS) as ready:
        url = f"http://{ready['host']}:{ready['port']}"
        there = trade(tmp_path / "there", environment, "", COINS, "--broker", "binance", "--url", url)
    quotes = str(tmp_path / "quotes.json")
    here = trade(tmp_path / "here", environment, "", COINS, "--broker", "paper", "--quotes", quotes)
    assert there == here
    assert len(here[1]) == 2


def test_ibkr_and_paper(tmp_path, environment):
    pytest.importorskip("ib_async")
    with venue(tmp_path, environment, "tws", "USD", SHARES) as ready:
        account, port = ready["endpoints"]["account"], str(ready["port"])
        there = trade(tmp_path / "there", environment, account, SHARES, "--broker", "ibkr", "--port", port)
    quotes = str(tmp_path / "quotes.json")
    here = trade(tmp_path / "here", environment, "PAPER", SHARES, "--broker", "paper", "--quotes", quotes)
    assert there == here
    assert len(here[1]) == 2


def test_alpaca_and_paper(tmp_path, environment):
    pytest.importorskip("nanodesk.brokers.alpaca.broker")
    with venue(tmp_path, environment, "alpaca", "USD", SHARES) as ready:
        url = f"http://{ready['host']}:{ready['port']}"
        there = trade(tmp_path / "there", environment, "", SHARES, "--broker", "alpaca", "--url", url)
    quotes = str(tmp_path / "quotes.json")
    here = trade(tmp_path / "here", environment, "PAPER", SHARES, "--broker", "paper", "--quotes", quotes)
    assert there == here
    assert len(here[1]) == 2


NAMES = ["AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO"]
NAMES += ["LLY", "MRK", "MSFT", "PEP", "PFE", "PG", "RRC", "UNH", "WMT", "XOM"]


@pytest.mark.parametrize("name", ["binance", "alpaca", "tws"])
def test_a_strategy_file_with_no_configuration_at_all(tmp_path, environment, name):
    """One command, of which only the broker's name and address change; no key and no account had to be made."""
    manifest = MANIFEST.read_text().replace("2022-12-28", "1993-06-30")
    rows = [{"symbol": symbol, "bid": f"{20 + i}.99", "ask": f"{21 + i}.01"} for i, symbol in enumerate(NAMES)]

    def decided(folder, *broker):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.toml").write_text(manifest)
        command = [sys.executable, "-c", PROGRAM, "trade", "mine.toml", "--once", *broker, "--force", "--json"]
        done = subprocess.run(
            command, cwd=tmp_path / folder, capture_output=True, text=True, env=environment, timeout=120
        )
        values = json.loads(done.stdout)
        assert (done.returncode, values["outcome"]) == (0, "done"), values
        return [(o["action"], o["symbol"], o["filled"], o["avg_price"]) for o in values["orders"]]

    with venue(tmp_path, environment, name, "USDT" if name == "binance" else "USD", rows) as ready:
        address = {"tws": ["--broker", "ibkr", "--port", str(ready["port"]), "--account", "DU0000001"]}
        url = f"http://{ready['host']}:{ready['port']}"
        there = decided("there", *address.get(name, ["--broker", name, "--url", url]))
    here = decided("here", "--broker", "paper", "--quotes", str(tmp_path / "quotes.json"))
    assert there == here
    assert len(here) >= 8
