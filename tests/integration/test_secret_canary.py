"""Marker secrets go through everything that trades, and then every byte that was produced is searched for them.

Produced is whatever left memory: output and errors of the command line, journal, audit, state files, log records of
every level, exceptions with their causes and tracebacks. Searched are all forms in which a secret travels.
"""

import base64
import contextlib
import http.server
import json
import logging
import os
import pickle
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import alpaca_venue
import binance_venue
from nanodesk.brokers.alpaca.broker import AlpacaBroker
from nanodesk.brokers.binance.broker import BinanceBroker
from nanodesk.brokers.credentials import Secret
from nanodesk.errors import NanodeskError
from nanodesk.oms.journal import Journal
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.oms.reconcile import reconcile
from nanodesk.venues.faults import FaultKind
from secret_watch import MARK

SOURCE = Path(__file__).resolve().parents[2] / "src"
PEM = (
    Ed25519PrivateKey.from_private_bytes((MARK * 3)[:32].encode())
    .private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    .decode()
)  # fmt: skip
WINDOW = 12
"""Any piece of a secret of this length counts as the secret."""


def needles(*secrets):
    """Every form of every piece that gives a secret away."""
    found = set()
    for secret in secrets:
        body = "".join(line for line in secret.splitlines() if not line.startswith("-----"))
        raw = body.encode()
        forms = {body, quote(body, safe=""), quote_plus(body), repr(body)[1:-1], json.dumps(body)[1:-1], body[::-1]}
        forms |= {raw.hex(), raw.hex().upper(), raw.hex(" "), base64.b32encode(raw).decode()}
        for shift in range(3):  # base64 of a longer text shows a secret in one of three ways
            inner = base64.b64encode(b"x" * shift + raw).decode()[4:-4]
            forms |= {inner, inner.replace("+", "-").replace("/", "_")}
        for form in forms:
            found |= {form[at : at + WINDOW].encode() for at in range(max(len(form) - WINDOW, 0) + 1)}
        found.add(raw.decode().encode("utf-16-le")[: 2 * WINDOW])
    return sorted(found)


def hits(produced, *secrets):
    looked_for = needles(*secrets)
    return [(name, needle) for name, content in produced.items() for needle in looked_for if needle in content]


def told(error, seen=None):
    """An exception as it would be printed, with every exception behind it."""
    parts = ["".join(traceback.format_exception(error)), repr(error), str(error), repr(vars(error))]
    seen = seen or set()
    for other in (error.__cause__, error.__context__):
        if other is not None and id(other) not in seen:
            seen.add(id(other))
            parts.append(told(other, seen))
    return "\n".join(parts)


class Everything(logging.Handler):
    """Keeps every record whole: message, arguments, extra fields, traceback."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.lines = []

    def emit(self, record):
        self.lines.append(f"{self.format(record)} {vars(record)!r}")


@pytest.fixture
def produced():
    """What a test has produced, by name; log records of every level are added, and then all of it is searched."""
    handler, root, found = Everything(), logging.getLogger(), {}
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield found
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    found["log"] = "\n".join(handler.lines).encode()
    assert len(found) > 1
    assert hits(found, binance_venue.KEY, binance_venue.SECRET, alpaca_venue.KEY, PEM) == []


@pytest.fixture
def errors(produced):
    """A context manager that keeps what is raised in it as it would be printed."""

    @contextlib.contextmanager
    def kept(name):
        try:
            yield
        except NanodeskError as error:
            produced[f"error {name} {len(produced)}"] = told(error).encode()

    return kept


def trade(broker, produced, errors, folder, order):
    """A life of one desk: orders, cancels, replaces, readings, a crash's recovery; its files are kept."""
    with Journal.open(folder / "orders.db") as journal:
        engine = OrderEngine(broker, journal)
        with errors("trade"):
            engine.begin_run("r", {})
            reconcile(engine)
            produced["view"] = repr(engine.submit(order)).encode()
            engine.cancel(order.client_order_id)
            engine.poll(0.1)
            engine.recover(patience_s=0.1)
            produced["account"] = repr((broker.account(), broker.positions(), broker.executions())).encode()
    keep_files(produced, folder)


def keep_files(produced, folder):
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            produced[f"file {path.relative_to(folder)}"] = path.read_bytes()


REST_FAULTS = (
    FaultKind.RESET_AFTER_ACCEPT,
    FaultKind.ERROR_AFTER_ACCEPT,
    FaultKind.ERROR_BEFORE_ACCEPT,
    FaultKind.MALFORMED,
    FaultKind.TRUNCATED,
    FaultKind.OVERSIZE,
    FaultKind.RATE_LIMITED,
    FaultKind.BLACK_HOLE,
)


class TestAdapters:
    @pytest.mark.parametrize("secret", [binance_venue.SECRET, PEM], ids=["hmac", "ed25519"])
    def test_binance(self, tmp_path, produced, errors, secret):
        with binance_venue.running(secret=secret) as venue:
            with binance_venue.trading(venue, secret=secret, deadline_s=0.5) as broker:
                produced["broker"] = f"{broker!r} {broker}".encode()
                trade(broker, produced, errors, tmp_path, binance_venue.limit("a-0"))
                for number, kind in enumerate(REST_FAULTS, 1):
                    for match in ("new", "account"):
                        venue.fault(kind, match=match)
                    with errors(kind.value):
                        produced[f"outcome {number}"] = repr(broker.submit(binance_venue.limit(f"a-{number}"))).encode()
                    with errors(kind.value):
                        broker.account()
                    venue.do(venue.faults.clear)
            with errors("wrong secret"), binance_venue.trading(venue, secret=binance_venue.SECRET[::-1]):
                pass

    def test_alpaca(self, tmp_path, produced, errors):
        with alpaca_venue.running() as venue, alpaca_venue.trading(venue, deadline_s=0.5) as broker:
            produced["broker"] = f"{broker!r} {broker}".encode()
            trade(broker, produced, errors, tmp_path, alpaca_venue.limit("a-0"))
            for number, kind in enumerate(REST_FAULTS, 1):
                for match in ("new", "account"):
                    venue.fault(kind, match=match)
                with errors(kind.value):
                    produced[f"outcome {number}"] = repr(broker.submit(alpaca_venue.limit(f"a-{number}"))).encode()
                with errors(kind.value):
                    broker.account()
                venue.do(venue.faults.clear)

    @pytest.mark.parametrize("made", [BinanceBroker, AlpacaBroker])
    def test_an_adapter_holds_its_secret_hidden(self, made):
        """What a tool that prints every variable of a traceback would show, however deep it looks."""
        seen, left = {}, [made(api_key="PK" + binance_venue.KEY, secret=binance_venue.SECRET)]
        while left:
            one = left.pop()
            if id(one) in seen or isinstance(one, Secret | type):
                continue
            seen[id(one)] = one
            assert binance_venue.SECRET not in repr(one)
            slots = [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
            left += [*getattr(one, "__dict__", {}).values(), *(getattr(one, name, None) for name in slots)]
            left += one.values() if isinstance(one, dict) else one if isinstance(one, list | tuple | set) else ()
        assert len(seen) > 50

    def test_a_secret_shows_itself_nowhere(self, produced):
        logging.getLogger("canary").debug("%s %r", Secret(binance_venue.SECRET), {"key": Secret(PEM)})
        secret = Secret(binance_venue.SECRET, name="api_secret")
        produced["secret"] = f"{secret} {secret!r} {secret:>20} {[secret]}".encode()
        for write in (pickle.dumps, json.dumps):
            with pytest.raises(TypeError) as refused:
                write(secret)
            produced[write.__module__] = told(refused.value).encode()


class Echo(http.server.BaseHTTPRequestHandler):
    """What some proxies do: their error page repeats the request, headers and all."""

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        repeated = f"{self.requestline} {dict(self.headers)} {body!r}"
        status = self.server.status
        if status >= 500:
            content = f"<html>Bad gateway: {repeated}</html>".encode()
        else:
            content = json.dumps(
                {"code": -1102 if status < 429 else 40310000, "msg": repeated, "message": repeated}
            ).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = do_PATCH = do_PUT = answer  # noqa: N815  the names are the library's

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("status", [400, 403, 422, 429, 502])
class TestEcho:
    @pytest.fixture
    def url(self, status):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        server.status = status
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        server.server_close()
        thread.join()

    def ask(self, broker, produced, errors, order):
        logging.getLogger("canary").debug("asked")
        for name, call in {
            "connect": broker.connect,
            "account": broker.account,
            "submit": lambda: broker.submit(order),
            "cancel": lambda: broker.cancel("a-1"),
            "status": lambda: broker.status("a-1"),
        }.items():
            with errors(name):
                produced[f"answer {name}"] = repr(call()).encode()
        broker.disconnect()
        assert any(name.startswith("error") for name in produced)

    def test_binance(self, url, produced, errors):
        endpoints = {"base_url": f"http://{url}", "ws_api_url": f"ws://{url}/ws-api/v3", "stream_url": f"ws://{url}"}
        broker = BinanceBroker(
            api_key=binance_venue.KEY, secret=binance_venue.SECRET, deadline_s=0.5, **endpoints
        )  # fmt: skip
        self.ask(broker, produced, errors, binance_venue.limit("a-1"))

    def test_alpaca(self, url, produced, errors):
        broker = AlpacaBroker(
            api_key=alpaca_venue.KEY,
            secret=alpaca_venue.SECRET,
            base_url=f"http://{url}",
            stream_url=f"ws://{url}/stream",
            data_url=f"http://{url}",
            deadline_s=0.5,
        )
        self.ask(broker, produced, errors, alpaca_venue.limit("a-1"))


CONFIG = """
[connection]
broker = "{broker}"
api_key_env = "CANARY_KEY"
api_secret_env = "CANARY_SECRET"
timeout_secs = 5.0
base_url = "{url}"
[execution]
order_timeout_secs = 2
cancel_timeout_secs = 2
[risk]
max_trade_usd = 1e6
max_position_pct = 0.5
[logging]
min_free_bytes = 1
"""
COMMANDS = [["run", "target.json", "--force"], ["recover", "--json"], ["kill", "--force"]]


@pytest.mark.parametrize("broker", ["binance", "alpaca"])
def test_the_command_line(tmp_path, produced, broker):
    logging.getLogger("canary").debug("command line")
    module, symbol = (binance_venue, "BTC") if broker == "binance" else (alpaca_venue, "AAPL")
    target = {"timestamp": "2026-02-08T15:30:00Z", "targets": [{"symbol": symbol, "weight": 0.01}]}
    (tmp_path / "target.json").write_text(json.dumps(target))
    with module.running() as venue:
        (tmp_path / "config.toml").write_text(CONFIG.format(broker=broker, url=venue.endpoints["base_url"]))
        for number, (command, secret) in enumerate(
            [*((one, module.SECRET) for one in COMMANDS), (COMMANDS[0], "wrong" * 5)]
        ):
            environment = {
                **os.environ, "PYTHONPATH": str(SOURCE), "CANARY_KEY": module.KEY, "CANARY_SECRET": secret,
                "PYTHONWARNINGS": "default", "PYTHONASYNCIODEBUG": "1",
            }  # fmt: skip
            done = subprocess.run(
                [sys.executable, "-m", "nanodesk.cli.app", "--debug", "rebalance", *command],
                cwd=tmp_path, env=environment, capture_output=True, timeout=60,
            )  # fmt: skip
            produced[f"out {number} {command}"], produced[f"err {number} {command}"] = done.stdout, done.stderr
            assert done.stdout + done.stderr
    keep_files(produced, tmp_path)
    assert any(name.startswith("file logs/orders.db") for name in produced)
    assert sum(map(len, produced.values())) > 20_000


def test_the_search_finds_what_is_there():
    secret = binance_venue.SECRET
    for form in (
        secret, quote(secret), base64.b64encode(f"key:{secret}".encode()).decode(), secret.encode().hex(), secret[2:15],
        json.dumps({"a": secret}), PEM, PEM.splitlines()[1][5:40],
    ):  # fmt: skip
        assert hits({"x": form.encode()}, secret, PEM), form
    assert not hits({"x": b"nothing of the kind, but canary-key here"}, secret, PEM)
