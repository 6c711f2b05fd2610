"""One command line, two brokers: the embedded paper broker and the Binance look-alike in a process of its own."""

import json
import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("nanodesk.brokers.binance")

PROGRAM = "from nanodesk.cli.app import main; main()"
SYMBOLS = [
    {"symbol": "BTC", "bid": "64999.99", "ask": "65000.01", "tick": "0.01", "lot": "0.00001"},
    {"symbol": "ETH", "bid": "3399.90", "ask": "3400.10", "tick": "0.01", "lot": "0.0001"},
    {"symbol": "SOL", "bid": "149.95", "ask": "150.05", "tick": "0.01", "lot": "0.001"},
]
CONFIG = """
[connection]
broker = "paper"
api_key_env = "TEST_VENUE_KEY"
api_secret_env = "TEST_VENUE_SECRET"
[account]
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


@pytest.fixture
def venue(tmp_path, environment):
    quotes = {"schema": 1, "currency": "USDT", "cash": "100000", "symbols": SYMBOLS}
    (tmp_path / "quotes.json").write_text(json.dumps(quotes))
    command = [sys.executable, "-c", PROGRAM, "venue", "binance", "--quotes", str(tmp_path / "quotes.json")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        ready = json.loads(process.stdout.readline())
        yield f"http://{ready['host']}:{ready['port']}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


def rebalance(folder, environment, *arguments):
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(CONFIG)
    command = [sys.executable, "-c", PROGRAM, "rebalance", *arguments, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, timeout=120)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_the_same_command_gives_the_same_fills(tmp_path, venue, environment):
    results = {}
    for name, extra in {
        "paper": ("--quotes", str(tmp_path / "quotes.json")),
        "binance": ("--url", venue),
    }.items():
        folder = tmp_path / name
        fills = []
        for weights in ({"BTC": 0.5, "ETH": 0.3}, {"ETH": 0.1, "SOL": 0.5}):
            rows = [{"symbol": symbol, "weight": weight} for symbol, weight in weights.items()]
            folder.mkdir(exist_ok=True)
            target = {"timestamp": "2026-02-08T15:30:00Z", "targets": rows}
            (folder / "target.json").write_text(json.dumps(target))
            code, values = rebalance(folder, environment, "run", "target.json", "--broker", name, *extra, "--force")
            assert (code, values["outcome"]) == (0, "done"), values
            fills.append([(o["action"], o["symbol"], o["filled"], o["avg_price"]) for o in values["orders"]])
        code, positions = rebalance(folder, environment, "positions", "--broker", name, *extra)
        held = [(row["symbol"], row["quantity"]) for row in positions["positions"]]
        results[name] = (fills, held)
    assert results["paper"] == results["binance"]
    assert len(results["paper"][0][1]) == 3
