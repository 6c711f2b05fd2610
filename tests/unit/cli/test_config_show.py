"""``nanodesk config show``: what is in force, as a file that means the same."""

import json

import pytest

from nanodesk.cli.app import run_command
from nanodesk.cli.exit_codes import DONE, USAGE
from nanodesk.rebalance.config import TradingConfig, parse_config

FILE = """
[connection]
broker = "binance"
api_key_env = "DESK_KEY"
api_secret_env = "A123456789abcdef0123456789abcdef"
base_url = "http://127.0.0.1:9"
[execution]
order_type = "twap"
[risk]
max_position_pct = 0.2
max_adv_frac = 0.05
max_order_notional = "123456789012345678.123456789"
allowed_symbols = ["MSFT", "AAPL"]
min_trade_usd = 50
"""


@pytest.fixture
def show(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESK_KEY", "the-key-itself")

    def run(*arguments, text=None):
        if text is not None:
            (tmp_path / "config.toml").write_text(text)
        code = run_command(["config", "show", *arguments])
        return code, *capsys.readouterr()

    return run


class TestShow:
    def test_without_a_file_the_defaults_are_in_force(self, show, tmp_path):
        code, out, err = show()
        assert (code, err) == (DONE, "")
        assert parse_config(out) == TradingConfig.model_validate({"connection": {"broker": "paper"}})
        assert list(tmp_path.iterdir()) == []

    def test_what_is_printed_means_the_same(self, show):
        text = FILE.replace("A123456789abcdef0123456789abcdef", "DESK_SECRET")
        code, out, _ = show(text=text)
        said, printed = parse_config(text), parse_config(out)
        assert code == DONE
        assert printed.limits() == said.limits()
        assert printed.plan_settings() == said.plan_settings()
        for section in ("connection", "account", "execution", "cost", "logging", "kill"):
            assert getattr(printed, section) == getattr(said, section)
        assert 'order_type                    = "twap"  # default: "limit"' in out
        assert "max_position_frac          = 0.2  # default: 0.25" in out

    def test_secrets_are_only_named(self, show):
        code, out, err = show(text=FILE)
        assert code == DONE
        assert "DESK_KEY" in out
        assert "the-key-itself" not in out + err
        assert "A123456789abcdef" not in out + err
        assert "a text of 32 characters" in out

    def test_json_and_what_would_keep_it_from_starting(self, show):
        code, out, _ = show("--json", "--account", "ME", text=FILE)
        values = json.loads(out)
        assert code == DONE
        assert values["schema"] == "nanodesk.config/1"
        assert values["config"]["account"] == {"id": "ME", "type": "margin"}
        assert values["config"]["risk"]["max_order_notional"] == "123456789012345678.123456789"
        assert [issue.split(": ")[1] for issue in values["startup_issues"]] == ["connection.api_secret_env"]

    def test_faults(self, show):
        code, out, err = show(text="schema = 2\n")
        assert (code, out) == (USAGE, "")
        assert err == "config.toml:1: schema: must be 1 (got 2)\n"
