"""A venue as a process: its first line, its door, its faults, its end."""

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

VENUE = Path(__file__).with_name("venue_of_lines.py")


class Running:
    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, str(VENUE), "venue", "tws", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.ready = json.loads(self.process.stdout.readline())

    def say(self, line):
        with socket.create_connection(("127.0.0.1", self.ready["port"]), timeout=10) as client:
            client.sendall(line.encode() + b"\n")
            return client.makefile().readline().strip()

    def ask(self, name, body=None, headers=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.ready['admin_url']}/{name}", data, headers or {})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    folder = tmp_path_factory.mktemp("venue")
    (folder / "faults.toml").write_text(
        'schema = 1\n[[rules]]\nfault = "bust"\nat = "venue"\nmatch = "trade"\nnth = 2\n'
    )
    running = Running(
        "--truth", str(folder / "truth.json"), "--faults", str(folder / "faults.toml"), "--taker-bps", "10"
    )
    running.truth_path = folder / "truth.json"
    yield running
    running.process.kill()
    running.process.wait()


def test_ready_line(venue):
    assert venue.ready["venue"] == "tws" and venue.ready["host"] == "127.0.0.1" and venue.ready["port"] > 0
    assert set(venue.ready) == {"venue", "host", "port", "admin_url", "account", "endpoints"}


def test_orders_faults_and_truth(venue):
    assert venue.say("a AAPL 10") == "filled"
    assert venue.say("b AAPL 10") == "filled"
    status, truth = venue.ask("truth")
    assert status == 200 and truth["balances"]["PAPER"] == {"AAPL": "10", "USD": "998148.0499"}
    assert [one["kind"] for one in truth["executions"]] == ["trade", "bust"]
    assert (
        truth["faults"] == [["venue", "trade", "bust"]] and truth["imbalance"] == {} and truth["messages"]["new"] == 2
    )


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("quote", {"symbol": "AAPL", "bid": "184", "ask": "185", "ask_size": "50", "asks": [["186", "10"]]}),
        ("order", {"symbol": "MSFT", "side": "buy", "quantity": "3", "type": "limit", "limit_price": "1"}),
        ("cancel", {"order": 1}),
        ("fill", {"order": 3, "quantity": "1"}),
        ("correct", {"execution": 1, "price": "185.5"}),
        ("bust", {"execution": 1}),
        ("deposit", {"asset": "USD", "amount": "-5.5"}),
        ("split", {"symbol": "SPY", "new": 3, "old": 2}),
        ("rename", {"symbol": "SPY", "new_symbol": "SPX"}),
        ("status", {"symbol": "GOOG", "status": "halted"}),
        ("clock", {"seconds": -0.5}),
        ("restart", {}),
        ("reject", {"code": "busy", "symbol": "BTC", "side": "buy"}),
        ("fault", {"fault": "rate_limited", "match": "new"}),
        ("heal", {}),
        ("close_session", {}),
    ],
)
def test_door(venue, name, body):
    assert venue.ask(name, body)[0] == 200
    assert venue.ask("truth")[1]["imbalance"] == {}


@pytest.mark.parametrize(
    ("name", "body", "headers", "status"),
    [
        ("nothing", {}, {}, 404),
        ("truth", {}, {}, 404),
        ("quote", [], {}, 400),
        ("quote", {"symbol": "NO", "bid": "1"}, {}, 400),
        ("quote", {"symbol": "AAPL", "bid": "x"}, {}, 400),
        ("quote", {"symbol": "AAPL", "colour": 1}, {}, 400),
        ("quote", {"symbol": "AAPL", "bids": [1]}, {}, 400),
        ("order", {"symbol": "AAPL", "side": "buy", "quantity": "1", "type": "magic"}, {}, 400),
        ("bust", {"execution": 999}, {}, 400),
        ("fault", {"fault": "explode"}, {}, 400),
        ("heal", {}, {"Origin": "http://evil.example"}, 403),
        ("heal", {}, {"Host": "evil.example"}, 403),
        ("heal", {"a": 1}, {}, 400),
    ],
)
def test_door_refuses(venue, name, body, headers, status):
    answer = venue.ask(name, body, headers)
    assert answer[0] == status and answer[1]["error"]


def test_door_survives_noise(venue):
    port = int(venue.ready["admin_url"].split(":")[2].split("/")[0])
    for noise in (
        b"",
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"\xff" * 4_000,
        b"POST /_desk/heal HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(noise)
            client.shutdown(socket.SHUT_WR)
            client.recv(1_000)
    assert venue.ask("health") == (200, {"ok": True})


def test_sigterm_writes_the_truth(venue):
    last = venue.ask("truth")[1]
    assert venue.stop() == 0
    assert json.loads(venue.truth_path.read_text()) == last
    assert venue.process.stderr.read() == b""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--host", "192.0.2.1"], 2, "not loopback"),
        (["--faults", "no-such.toml"], 2, "no-such.toml"),
        (["--quotes", "no-such.json"], 2, "no-such.json"),
    ],
)
def test_bad_arguments(arguments, code, words):
    command = [sys.executable, str(VENUE), "venue", "tws", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code and words in done.stderr and done.stdout == ""
