"""The configuration file of live orders."""

import pytest

from nanodesk.errors import ConfigError
from nanodesk.market.fixed_point import E9
from nanodesk.rebalance.config import RiskSection, TradingConfig, parse_config
from nanodesk.rebalance.target import Target

PUBLISHED = """
[connection]
host = "127.0.0.1"
port = 4002
client_id = 1
timeout_secs = 30

[account]
id = "DU123456"
type = "margin"

[execution]
order_interval_ms = 100
limit_offset_bps = 5
order_timeout_secs = 300
max_orders_per_run = 50
quote_staleness_threshold_sec = 30

[risk]
max_position_pct = 0.25
max_leverage = 1.5
min_trade_usd = 100.0
max_trade_usd = 100000.0
allow_short = true
max_short_pct = 0.30

[cost]
commission_per_share = 0.0035
commission_min = 0.35
slippage_bps = 5

[logging]
dir = "./logs"
audit_file = "audit.jsonl"
clock_skew_threshold_sec = 30
max_jump_rate_sec_per_sec = 2.0

[kill]
timeout_secs = 30
"""
PAPER = '[connection]\nbroker = "paper"\n'
NOW = "2024-01-31T21:00:00Z"


class TestParse:
    def test_the_published_file_says_the_defaults(self):
        said = parse_config(PUBLISHED)
        least = parse_config('[account]\nid = "DU123456"\n[connection]\nport = 4002')
        assert said.limits() == least.limits()
        assert said.execution == least.execution
        assert said.cost == least.cost
        assert said.kill == least.kill
        assert said.logging == least.logging

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('[connection]\nbrokr = "x"', r'c\.toml:2: connection\.brokr: unknown key; did you mean "broker"\?'),
            (PAPER + "[execution]\nlimit_ofset_bps = 1", r"c\.toml:4: execution\.limit_ofset_bps: unknown key; did"),
            (PAPER + "[execution]\nlimit_offset_bps = -1", r"c\.toml:4: .*: must be >= 0 \(got -1\)"),
            (PAPER + "[riskk]", r'c\.toml:3: riskk: unknown key; did you mean "risk"'),
            (PAPER + 'port = "4002"', r"c\.toml:3: connection\.port: must be a whole number \(got \"4002\"\)"),
            ('[connection]\nbroker = "ib"', r'must be one of "paper", .* did you mean "ibkr"'),
            (PAPER + '[risk]\nmax_leverage = "much"', r"c\.toml:4: risk\.max_leverage: limit='much' is no decimal"),
            (PAPER + "[risk]\nmax_leverage = -1", r"c\.toml:4: risk\.max_leverage: must be >= 0"),
            (PAPER + "[risk]\nmax_position_pct = 0.1\nmax_position_frac = 0.1", r"c\.toml:4: risk\.max_position_pct"),
            (PAPER + '[risk]\nmode = "live"', r"c\.toml:4: risk\.mode: is said by connection\.mode"),
            (PAPER + '[logging]\naudit_file = "../a"', r"c\.toml:4: logging\.audit_file: must be the name of a file"),
            (PAPER + '[logging]\ndir = " "', r"c\.toml:4: logging\.dir: must name a folder"),
            (PAPER + 'base_url = "http://key:secret@x"', r"connection\.base_url: must be an address"),
            (PAPER + 'api_key_env = "abc def"', r"connection\.api_key_env: must be the name"),
            ("", r"account\.id: is required with broker ibkr"),
            (PAPER + "[execution]\ntwap_slices = 1.5", r"twap_slices: must be a whole number"),
            (PAPER + "[cost]\nslippage_bps = nan", r"slippage_bps: must be"),
            ("a = " + "[" * 100_000, "is nested"),
            ("a" + ".a" * 20_000 + " = 1", "is nested"),
            ("schema = 2\n" + PAPER, "schema: must be"),
        ],
    )
    def test_faults(self, text, message):
        with pytest.raises(ConfigError, match=message):
            parse_config(text, "c.toml")

    def test_every_fault_at_once(self):
        with pytest.raises(ConfigError) as caught:
            parse_config('[connection]\nport = -1\nbroker = "x"\n[kill]\ntimeout = 3')
        assert len(caught.value.problems) == 3


class TestLimits:
    def test_published_names_are_the_engines_limits(self):
        limits = parse_config(PUBLISHED.replace("0.25", "0.1").replace("100000.0", "5e4").replace("0.30", "0")).limits()
        assert limits.max_position_frac_e9 == limits.max_target_weight_frac_e9 == E9 // 10
        assert limits.max_order_notional_e9 == 50_000 * E9
        assert limits.max_short_frac_e9 == 0
        assert limits.account_id == "DU123456"

    def test_any_limit_of_the_engine_may_be_said(self):
        limits = parse_config(PAPER + "[risk]\nmax_daily_loss_frac = 0.01\nduplicate_window_s = 5").limits()
        assert limits.max_daily_loss_frac_e9 == E9 // 100
        assert limits.duplicate_window_ns == 5 * E9

    def test_staleness_and_mode_come_from_their_sections(self):
        text = '[connection]\nmode = "live"\n[account]\nid = "U1"\n[execution]\nquote_staleness_threshold_sec = 7'
        limits = parse_config(text).limits()
        assert (limits.mode, limits.max_quote_age_ns) == ("live", 7 * E9)

    def test_a_target_only_tightens(self):
        """nanobook reads constraints.min_trade_usd and never uses it (its bug 11)."""
        config = parse_config(PAPER)
        tight = Target(NOW, {"A": 0.1}, {"max_position_pct": 0.2, "max_leverage": 1.0, "min_trade_usd": 500})
        loose = Target(NOW, {"A": 0.1}, {"max_position_pct": 0.9, "max_leverage": 4.0, "min_trade_usd": 1})
        assert config.limits(tight).max_target_weight_frac_e9 == E9 // 5
        assert config.limits(tight).max_target_gross_frac_e9 == E9
        assert config.limits(loose) == config.limits()
        assert config.plan_settings(tight).min_trade_e9 == 500 * E9
        assert config.plan_settings(loose).min_trade_e9 == 100 * E9

    def test_the_reserve_covers_what_risk_will_ask_for(self):
        settings = parse_config(
            PAPER + "[risk]\nfee_bps = 20\nfee_per_order = 2\n[cost]\ncommission_bps = 5"
        ).plan_settings()
        assert settings.cost.commission_e9_frac == 500_000
        assert settings.set_aside.commission_e9_frac == 2_000_000
        assert settings.set_aside.minimum_e9 == 2 * E9

    def test_every_limit_can_be_written(self):
        """A limit added to the engine is a key of the section without another line here."""
        assert set(RiskSection().limits()) | {"account_id", "mode", "max_quote_age_s", "sells_fund_buys"} == {
            info.alias for info in type(parse_config(PAPER).limits()).model_fields.values()
        }


class TestCommandLine:
    def test_the_broker_of_the_command_line_is_checked_too(self):
        config = parse_config(PAPER)
        assert config.with_connection(broker="binance", base_url="http://127.0.0.1:1").connection.broker == "binance"
        assert config.with_connection(broker=None) is config
        with pytest.raises(ConfigError, match="command line: account"):
            config.with_connection(broker="ibkr")
        with pytest.raises(ConfigError, match=r"connection\.port: must be <= 65535"):
            config.with_connection(port=70_000)

    def test_schema_is_optional(self):
        assert isinstance(parse_config("schema = 1\n" + PAPER), TradingConfig)
