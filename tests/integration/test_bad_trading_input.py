"""Everything wrong that a user may hand to the trading commands: one clear error, its exit code, nothing half done."""

import json
import os
import resource
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from nanodesk.cli.app import run_command
from nanodesk.cli.exit_codes import BROKER, DATA, DONE, FAILED, REFUSED_BY_RISK, USAGE

CONFIG = '[connection]\nbroker = "paper"\nquotes = "quotes.json"\n[logging]\nmin_free_bytes = 1\n'
IBKR = '[connection]\nbroker = "ibkr"\n{connection}\n[account]\nid = "{account}"\n[logging]\nmin_free_bytes = 1\n'
BINANCE = (
    '[connection]\nbroker = "binance"\nbase_url = "http://127.0.0.1:1"\n'
    'api_key_env = "K_NAME"\napi_secret_env = "S_NAME"\n{more}\n[logging]\nmin_free_bytes = 1\n'
)
AAPL = {"symbol": "AAPL", "bid": "184.99", "ask": "185.01"}
MSFT = {"symbol": "MSFT", "bid": "369.90", "ask": "370.10"}
WHEN = "2026-02-08T15:30:00Z"
RUN = ("rebalance", "run", "target.json", "--force")
FILES = ["config.toml", "quotes.json", "target.json"]
PROGRAM = "from nanodesk.cli.app import main; main()"
PASTED = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"


def quotes(*rows, **head):
    return {"schema": 1, "currency": "USD", "cash": "1000000", "symbols": list(rows or (AAPL, MSFT)), **head}


def target(*rows, **head):
    given = rows or ({"symbol": "AAPL", "weight": 0.1}, {"symbol": "MSFT", "weight": 0.1})
    return {"timestamp": WHEN, "targets": list(given), **head}


def aapl(**changes):
    return target({"symbol": "AAPL", "weight": 0.1} | changes)


def write(*, config=CONFIG, quoted=None, wanted=None):
    Path("config.toml").write_text(config)
    for name, content, usual in (("quotes.json", quoted, quotes()), ("target.json", wanted, target())):
        content = usual if content is None else content
        data = content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else None
        Path(name).write_bytes(json.dumps(content).encode() if data is None else data)


@pytest.fixture
def invoke(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write()

    def call(*arguments):
        code = run_command(list(arguments))
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return call


def files():
    """What lies there; an empty folder for the logs is nothing."""
    return sorted(path.name for path in Path().iterdir() if path.name != "logs" or list(path.iterdir()))


def is_one_error(err, message):
    assert message in err, err
    return len(err.strip().splitlines()) <= 2


class TestConfiguration:
    @pytest.mark.parametrize(
        ("config", "message"),
        [
            (
                CONFIG + "[execution]\norder_intervall_ms = 5",
                'config.toml:7: execution.order_intervall_ms: unknown key; did you mean "order_interval_ms"?',
            ),
            (CONFIG + "[exec]\nx = 1", 'config.toml:6: exec: unknown key; did you mean "execution"?'),
            (CONFIG + '[execution]\norder_interval_ms = "fast"', 'order_interval_ms: must be a number (got "fast")'),
            (
                CONFIG + "[execution]\norder_timeout_secs = 0",
                "config.toml:7: execution.order_timeout_secs: must be > 0 (got 0)",
            ),
            (
                CONFIG + "[execution]\nmax_orders_per_run = 1.5",
                "execution.max_orders_per_run: must be a whole number (got 1.5)",
            ),
            (
                CONFIG + '[execution]\norder_type = "iceberg"',
                'execution.order_type: must be one of "limit", "market", "peg", "twap"',
            ),
            (CONFIG + "[risk]\nmax_leverage = nan", "config.toml:7: risk.max_leverage"),
            (CONFIG + "[risk]\nmax_leverage = 100", "risk.max_leverage: set it within [1, 10] (got 100)"),
            (CONFIG + "[risk]\nmax_position_pct = 25", "risk.max_position_pct: must be <= 1 (got 25)"),
            (
                CONFIG + "[risk]\nmax_position_pct = 0.2\nmax_position_frac = 0.2",
                "risk.max_position_pct: says the same as max_position_frac",
            ),
            (CONFIG + "[kill]\ntimeout_secs = 1\ntimeout_secs = 2", "config.toml:8:17: Cannot overwrite a value"),
            (CONFIG + "[kill\n", "config.toml:6:6: Expected ']'"),
            (CONFIG + '[kill]\nswitch_file = "a/b"', "kill.switch_file: must be the name of a file, without a folder"),
            (CONFIG + 'journal_file = "../x.db"', "logging.journal_file: must be the name of a file, without a folder"),
            (CONFIG + 'dir = " "', 'logging.dir: must name a folder (got " ")'),
            (
                CONFIG.replace("= 1\n", "= 10000000000000000\n"),
                "logging.min_free_bytes: free 10000000000000000 bytes in logs",
            ),
            ("schema = 2\n" + CONFIG, "config.toml:1: schema: must be"),
            (CONFIG + "a = " + "[" * 3000, "config.toml:6: is nested more than 16 deep"),
            ("#" * 2_000_000, "config.toml: is larger than 1024 KiB"),
            (
                CONFIG.replace('"paper"', '"ib"'),
                'connection.broker: must be one of "paper", "ibkr", "binance", "alpaca"; did you mean "ibkr"?',
            ),
            (CONFIG.replace("quotes =", "port = 70000\nquotes ="), "connection.port: must be <= 65535 (got 70000)"),
            (
                CONFIG.replace("quotes =", "timeout_secs = 1\nquotes ="),
                "connection.timeout_secs: set it within [5, 60] (got 1)",
            ),
            (
                CONFIG.replace("quotes =", 'mode = "live"\nquotes ='),
                "connection.mode: the paper broker has no real money",
            ),
            (
                CONFIG.replace("quotes =", 'api_secret = "abc"\nquotes ='),
                'connection.api_secret: unknown key; did you mean "api_secret_env"?',
            ),
            (CONFIG.replace("quotes.json", "gone.json"), "gone.json: there is no such file"),
            (CONFIG.replace('quotes = "quotes.json"', ""), "connection.quotes: the paper broker needs a quotes file"),
            (IBKR.format(connection="", account=""), "account.id: is required with broker ibkr, for example DU1234567"),
            (
                IBKR.format(connection='host = "10.0.0.1"', account="DU1"),
                "connection.host: the protocol has no password",
            ),
            (IBKR.format(connection='mode = "live"', account="U1"), "NANODESK_LIVE_ACCOUNT, set to the account's id"),
            (
                BINANCE.format(more="").replace("127.0.0.1:1", "u:p@127.0.0.1"),
                "connection.base_url: must be an address such as",
            ),
            (
                BINANCE.format(more="").replace("http://127.0.0.1:1", "ftp://host"),
                "connection.base_url: must be an address such as",
            ),
            (
                BINANCE.format(more=""),
                "connection.api_key_env: name an environment variable that is set, never the secret (got K_NAME)",
            ),
            (
                BINANCE.format(more="").replace("K_NAME", "a secret"),
                "connection.api_key_env: must be the name of a secret",
            ),
        ],
    )
    def test_file_key_value_and_fix(self, invoke, config, message):
        write(config=config)
        code, out, err = invoke(*RUN)
        assert (code, out) == (USAGE, "")
        assert message in err
        assert files() == FILES

    @pytest.mark.parametrize(
        ("connection", "account", "message"),
        [
            ("", "U123", "account='U123' is not one of paper trading: those start with DU."),
            ("port = 4001", "DU123", "port=4001 is the custom port of live trading, and mode is 'paper'."),
        ],
    )
    def test_paper_and_live_must_agree(self, invoke, connection, account, message):
        pytest.importorskip("ib_async")
        write(config=IBKR.format(connection=connection, account=account))
        code, _, err = invoke(*RUN)
        assert code == USAGE
        assert is_one_error(err, message)
        assert files() == FILES

    @pytest.mark.parametrize(
        "text",
        [
            BINANCE.format(more="").replace("K_NAME", PASTED),
            BINANCE.replace("127.0.0.1:1", f"me:{PASTED}@host").format(more=""),
        ],
    )
    def test_a_secret_in_the_wrong_place_is_not_repeated(self, invoke, text):
        write(config=text)
        code, out, err = invoke(*RUN)
        assert code == USAGE
        assert PASTED not in out + err


class TestTarget:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "target.json:1:1: is not JSON"),
            ("[]", "target.json: target: must be an object"),
            ("[" * 100_000, "target.json: is not JSON that is read here"),
            (" " * 2_000_000, "target.json: is larger than 1024 KiB"),
            (json.dumps(target()).encode("utf-16"), "target.json:1: byte 0xff is not UTF-8"),
            ({"targets": target()["targets"]}, "target.json: target: timestamp is required"),
            ({"timestamp": WHEN}, "target.json: target: targets is required"),
            ({"timestamp": WHEN, "targets": []}, "target.json: targets is empty"),
            (target(timestamp="2026-02-08T15:30:00"), "timestamp: must be an instant such as 2024-01-31T21:00:00Z"),
            (aapl(weight=0), "target.json: targets['AAPL'].weight=0.0 must be finite, not zero and within [-1, 1]"),
            (aapl(weight=40), "targets['AAPL'].weight=40.0 must be finite"),
            (aapl(weight="0.1"), "target.json: targets[0].weight: must be a number (got '0.1')"),
            (aapl(weight=True), "target.json: targets[0].weight: must be a number (got True)"),
            ('{"timestamp": "' + WHEN + '", "targets": [{"symbol": "A", "weight": NaN}]}', "NaN is no JSON number"),
            (
                '{"timestamp": "' + WHEN + '", "targets": [{"symbol": "A", "weight": 1e999}]}',
                "weight=inf must be finite",
            ),
            ('{"timestamp": "x", "timestamp": "y", "targets": []}', "key 'timestamp' appears twice"),
            (aapl(wieght=1), "target.json: targets[0]: unknown key 'wieght'; allowed: symbol, weight"),
            (aapl(symbol="../x"), "target.json: symbol='../x' must not begin with a dot"),
            (aapl(symbol=""), "targets[0].symbol: must be text"),
            (aapl(symbol="A" * 40), "must have 1 to 32 characters"),
            (target(*[{"symbol": "AAPL", "weight": 0.1}] * 2), "targets[1]: symbol 'AAPL' appears twice"),
            (
                target({"symbol": "AAPL", "weight": 0.6}, {"symbol": "MSFT", "weight": 0.6}),
                "target.json: long weights add to 1.2, more than 1",
            ),
            (target(constraints={"max_leverage": -1}), "target.json: constraints.max_leverage=-1.0 must lie within"),
            (target(constraints={"max_lev": 1}), "target.json: constraints: unknown key 'max_lev'"),
        ],
    )
    def test_file_key_and_value(self, invoke, content, message):
        write(wanted=content)
        for arguments in (RUN, ("rebalance", "reconcile", "target.json")):
            code, out, err = invoke(*arguments)
            assert (code, out) == (USAGE, "")
            assert is_one_error(err, message)
        assert files() == FILES

    def test_a_schema_of_another_version(self, invoke):
        write(wanted=target(schema=2))
        code, _, err = invoke(*RUN)
        assert code == DATA
        assert "target.json: schema=2, this version reads 1" in err

    @pytest.mark.parametrize(("name", "message"), [("gone.json", "no such file"), (".", "Is a directory")])
    def test_places_that_hold_no_file(self, invoke, name, message):
        code, _, err = invoke("rebalance", "run", name, "--force")
        assert code == USAGE
        assert message in err

    @pytest.mark.parametrize(
        ("wanted", "code", "message"),
        [
            (aapl(symbol="ZZZZ"), USAGE, "symbol='ZZZZ' is not listed. Add it to the quotes file"),
            (aapl(weight=0.5), REFUSED_BY_RISK, "0.5 is above max_target_weight_frac = 0.25"),
            (aapl(weight=-0.1), REFUSED_BY_RISK, "the instrument cannot be sold short"),
        ],
    )
    def test_what_the_market_or_risk_refuses_sends_nothing(self, invoke, wanted, code, message):
        write(wanted=wanted)
        found, out, err = invoke(*RUN)
        assert found == code
        assert message in out + err
        assert json.loads(invoke("orders", "--json")[1])["orders"] == []


class TestQuotes:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "quotes.json: Expecting value"),
            (quotes(AAPL | {"bid": "0"}), "quotes.json: symbols[0].bid: '0' must be above 0"),
            (quotes(AAPL | {"bid": "-1"}), "symbols[0].bid: '-1' must be above 0"),
            (quotes(AAPL | {"bid": "184.995"}), "symbols[0].bid: 184.995 is no multiple of tick 0.01"),
            (quotes(AAPL | {"bid": "NaN"}), "symbols[0].bid: 'NaN' must be a decimal number"),
            (quotes(AAPL | {"ask": "1e30"}), "symbols[0].ask: '1e30' must be a decimal number"),
            (quotes(AAPL | {"bidd": "1"}), "quotes.json: symbols[0].bidd: unknown key"),
            (quotes({"bid": "1"}), "symbols[0].symbol: None must be a name"),
            (quotes(AAPL, AAPL), "quotes.json: symbols: 'AAPL' is given twice"),
            (quotes(AAPL | {"lot": "0"}), "quotes.json: symbols[0]: lot_e9=0 must be a positive integer"),
            (quotes(schema=2), "quotes.json: schema: 2 must be 1"),
            (quotes(cash="-5"), "quotes.json: cash: '-5' must be 0 or more"),
            (quotes(symbols=[]), "quotes.json: symbols: must be a list with at least one entry"),
        ],
    )
    def test_file_key_and_value(self, invoke, content, message):
        write(quoted=content)
        code, out, err = invoke(*RUN)
        assert (code, out) == (USAGE, "")
        assert is_one_error(err, message)
        assert files() == FILES

    @pytest.mark.parametrize(
        ("content", "code", "message"),
        [
            (
                quotes({"symbol": "AAPL", "bid": "184.99"}, MSFT),
                REFUSED_BY_RISK,
                "the other side of the quote is missing",
            ),
            (quotes(AAPL | {"bid": "186"}, MSFT), REFUSED_BY_RISK, "crossed"),
            (quotes({"symbol": "AAPL"}, MSFT), DATA, "AAPL has no price above zero"),
            (quotes(cash="0"), FAILED, "equity is 0 USD"),
        ],
    )
    def test_what_cannot_be_traded_on(self, invoke, content, code, message):
        write(quoted=content)
        found, out, err = invoke(*RUN)
        assert found == code
        assert message in out + err
        assert json.loads(invoke("orders", "--json")[1])["orders"] == []


class TestCommandLine:
    @pytest.mark.parametrize(
        ("arguments", "code", "message"),
        [
            (["rebalance", "run"], USAGE, "Missing argument 'TARGET'"),
            (["rebalance", "run", "target.json", "--focre"], USAGE, "No such option: --focre"),
            (["rebalance", "run", "target.json"], USAGE, "there is nobody to ask: add --force"),
            (["rebalance", "run", "target.json", "--json"], USAGE, "there is nobody to ask: add --force"),
            ([*RUN, "--broker", "ftx"], USAGE, 'command line: connection.broker: must be one of "paper"'),
            ([*RUN, "--port", "99999"], USAGE, "command line: connection.port: must be <= 65535"),
            (
                [*RUN, "--broker", "binance", "--url", "ftp://x"],
                USAGE,
                "command line: connection.base_url: must be an address",
            ),
            ([*RUN, "--config", "gone.toml"], USAGE, "gone.toml: there is no such file"),
            ([*RUN, "--config", "."], USAGE, ".: cannot be read: Is a directory"),
            (["rebalance", "kill", "--timeout", "0"], USAGE, "greater than or equal to 0.1"),
            (["rebalance", "kill", "--why", ""], USAGE, "why='' must say something"),
            (["rebalance", "release"], USAGE, "say why orders may be sent again: --why"),
            (
                ["rebalance", "recover", "--accept", "NOPE"],
                USAGE,
                "--accept NOPE: this symbol is not blocked; blocked: none",
            ),
            (
                ["rebalance", "status", "--broker", "ibkr", "--port", "1"],
                USAGE,
                "account.id: is required with broker ibkr",
            ),
            (
                ["rebalance", "status", "--broker", "binance", "--url", "http://127.0.0.1:1"],
                BROKER,
                "127.0.0.1:1 cannot be reached",
            ),
            (
                ["rebalance", "status", "--broker", "binance"],
                USAGE,
                "connection.api_key_env: name the environment variable",
            ),
            (["orders"], FAILED, "logs/orders.db does not exist"),
            (["audit", "verify", "x.db"], FAILED, "x.db does not exist"),
            (["trade", "gone.toml", "--once"], USAGE, "gone.toml: there is no such file"),
            (["trade", "config.toml"], USAGE, "say --once"),
            (["venue", "nyse"], USAGE, "'nyse' is not one of 'binance', 'alpaca', 'tws'"),
            (["venue", "binance", "--host", "0.0.0.0"], USAGE, "is not loopback"),  # noqa: S104
            (["venue", "binance", "--taker-bps", "x"], USAGE, "--taker-bps: "),
            (["venue", "tws", "--quotes", "target.json"], USAGE, "target.json: targets: unknown key"),
            (["venue", "tws", "--faults", "gone.toml"], USAGE, "gone.toml: there is no such file"),
        ],
    )
    def test_option_value_and_fix(self, invoke, arguments, code, message):
        if "binance" in arguments or "tws" in arguments:
            pytest.importorskip("aiohttp")
        if "config.toml" not in arguments and "--config" not in arguments and arguments[0] == "rebalance":
            Path("config.toml").unlink() if "--broker" in arguments else None
        found, _, err = invoke(*arguments)
        assert found == code
        assert message in err

    @pytest.mark.parametrize("name", ["binance", "alpaca", "tws"])
    def test_a_port_in_use(self, invoke, name):
        pytest.importorskip("aiohttp")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            code, out, err = invoke("venue", name, "--port", port)
        assert (code, out) == (USAGE, "")
        assert is_one_error(err, f"port={port}, admin_port=0 at 127.0.0.1: address already in use. Choose another")


class TestSecrets:
    @pytest.mark.parametrize(
        ("mode", "content", "message"),
        [
            (0o644, "x", "K_NAME: sec/K_NAME has mode 0644 and is open to others. Use chmod 600."),
            (0o600, "", "K_NAME is empty"),
            (0o600, "x" * 10**6, "K_NAME: sec/K_NAME is longer than"),
            (0o600, "a\nb", "connection.api_key_env: K_NAME holds a line break"),
            (0o600, "a\0b", "connection.api_key_env: K_NAME holds a line break"),
            (None, "", "K_NAME: sec/K_NAME cannot be read (No such file or directory)"),
        ],
    )
    def test_files(self, invoke, mode, content, message):
        pytest.importorskip("aiohttp")
        write(config=BINANCE.format(more='secrets_dir = "sec"'))
        Path("sec").mkdir(mode=0o700)
        for name in ("K_NAME", "S_NAME") if mode else ():
            (Path("sec") / name).write_text(content)
            (Path("sec") / name).chmod(mode)
        code, _, err = invoke("rebalance", "status")
        assert code == USAGE
        assert is_one_error(err, message)

    def test_a_link_is_refused(self, invoke):
        pytest.importorskip("aiohttp")
        write(config=BINANCE.format(more='secrets_dir = "."'))
        Path("real").write_text("x")
        Path("real").chmod(0o600)
        Path("K_NAME").symlink_to("real")
        code, _, err = invoke("rebalance", "status")
        assert code == USAGE
        assert "links are refused" in err

    def test_live_money_at_a_loopback_address(self, invoke, monkeypatch):
        pytest.importorskip("aiohttp")
        for name, value in {"K_NAME": "k", "S_NAME": "s", "NANODESK_LIVE_ACCOUNT": "1"}.items():
            monkeypatch.setenv(name, value)
        write(config=BINANCE.format(more='mode = "live"\n[account]\nid = "1"'))
        code, _, err = invoke(*RUN)
        assert code == USAGE
        assert "base_url: 127.0.0.1 is loopback, but testnet=False" in err
        assert files() == FILES


class TestFolder:
    def test_a_link_in_place_of_the_logs(self, invoke, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "logs").symlink_to("elsewhere")
        code, _, err = invoke(*RUN)
        assert code == USAGE
        assert "logging.dir: name a real folder, not a link" in err

    def test_a_file_in_place_of_the_logs(self, invoke):
        Path("logs").write_text("")
        code, _, err = invoke(*RUN)
        assert code == USAGE
        assert "logging.dir: it must be a folder that can be written" in err

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_that_cannot_be_written(self, invoke):
        Path("logs").mkdir(mode=0o500)
        code, _, err = invoke(*RUN)
        assert code == USAGE
        assert "logging.dir: it must be a folder that can be written (Permission denied)" in err

    @pytest.mark.parametrize("damage", [b"", b"no journal" * 500, None])
    def test_a_damaged_journal(self, invoke, damage):
        assert invoke(*RUN)[0] == DONE
        journal = Path("logs/orders.db")
        whole = journal.read_bytes()
        middle = len(whole) // 2
        journal.write_bytes(
            whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :] if damage is None else damage
        )
        account = Path("logs/paper-account.jsonl").read_bytes()
        code, out, err = invoke(*RUN)
        assert (code, out) == (DATA, "")
        assert "logs/orders.db" in err
        assert Path("logs/paper-account.jsonl").read_bytes() == account

    def test_the_journal_of_another_account(self, invoke):
        assert invoke(*RUN)[0] == DONE
        write(config=CONFIG + '[account]\nid = "OTHER"\n')
        Path("logs/paper-account.jsonl").unlink()
        code, _, err = invoke(*RUN)
        assert code != DONE
        assert "PAPER" in err
        assert "OTHER" in err

    def test_a_damaged_paper_account(self, invoke):
        assert invoke(*RUN)[0] == DONE
        Path("logs/paper-account.jsonl").write_text('{"schema": 1}\nnonsense\n{}\n')
        code, _, err = invoke(*RUN)
        assert code != DONE
        assert "paper-account.jsonl" in err

    @pytest.mark.parametrize("limit", [1, 4_000, 30_000, 60_000])
    def test_a_full_disk_sends_nothing_that_is_not_written(self, invoke, tmp_path, limit):
        """The largest file that may be written stands for the room that is left."""

        def small():
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        done = subprocess.run(
            [sys.executable, "-c", "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);" + PROGRAM, *RUN],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            preexec_fn=small,
        )
        assert done.returncode not in (DONE, -25), done.stdout
        assert "Traceback" not in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        code, out, _ = invoke(*RUN)
        assert code == DONE, out
        held = {
            row["symbol"]: row["quantity"]
            for row in json.loads(invoke("rebalance", "positions", "--json")[1])["positions"]
        }
        assert held == {"AAPL": "540", "MSFT": "270"}

    def test_everything_is_private(self, invoke):
        assert invoke(*RUN)[0] == DONE
        for path in Path("logs").iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


class TestTwice:
    def test_a_window_is_done_once_by_a_schedule(self, invoke):
        assert invoke("rebalance", "run", "target.json", "--cron")[0] == DONE
        code, _, err = invoke("rebalance", "run", "target.json", "--cron")
        assert code == FAILED
        assert "was completed before" in err
        assert invoke(*RUN)[0] == DONE
