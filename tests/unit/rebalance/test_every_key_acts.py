"""Every key of config.toml changes what is planned, sent, refused, written or asked: a pair of values, two outcomes.

nanobook reads four keys that change nothing (its bug 11). A new key without a row here fails the first test.
"""

import json
from dataclasses import replace

import pytest

import nanodesk.cli.broker_factory
import nanodesk.rebalance.kill
from nanodesk.brokers.base import Outcome, OutcomeKind
from nanodesk.cli.broker_factory import make_broker
from nanodesk.cli.kill_switch import pull_and_cancel
from nanodesk.cli.trading_desk import open_desk
from nanodesk.errors import NanodeskError
from nanodesk.market.account import Quote
from nanodesk.market.fixed_point import E9, format_e9, parse_e9
from nanodesk.market.trading_rules import TradingStatus
from nanodesk.rebalance.config import TradingConfig, parse_config
from nanodesk.rebalance.execute import RunOptions
from nanodesk.rebalance.standing_quotes import StandingQuotesBroker
from nanodesk.rebalance.startup_checks import startup_issues
from nanodesk.risk.limits import written_name
from rebalance_desk import START_NS, Desk, target

BASE = {
    "connection.broker": "paper",
    "risk.max_position_frac": 1.0,
    "risk.max_target_weight_frac": 1.0,
    "risk.max_order_notional": 1e7,
    "risk.max_batch_notional": 1e8,
}
ENVIRON = {"KEY": "key-value", "SECRET": "secret-value", "OTHER": "other-value"}
WEIGHTS = {"AAPL": 0.2, "MSFT": 0.1}


def text_of(said):
    """TOML of dotted keys; JSON's spelling of these values is TOML's too."""
    sections = {}
    for dotted, value in said.items():
        section, _, key = dotted.rpartition(".")
        sections.setdefault(section, []).append(f"{key} = {json.dumps(value)}")
    return "\n".join(
        line for section in sorted(sections) for line in ([f"[{section}]"] if section else []) + sections[section]
    )


def config_of(said):
    return parse_config(text_of(said))


# -- scenes: what is looked at under a configuration ------------------------------------------------------------------


class Watched(StandingQuotesBroker):
    """A paper broker that a scene can disturb."""

    offset_ns = 0
    on_account = staticmethod(lambda: None)
    loses_cancels = False
    rejects_until_ns = 0
    is_live = False

    def clock_offset_ns(self):
        return self.offset_ns

    def account(self):
        self.on_account()
        return replace(super().account(), is_live=self.is_live)

    def cancel(self, client_order_id):
        if self.loses_cancels:
            return Outcome(OutcomeKind.UNKNOWN, code="lost", text="no answer")
        return super().cancel(client_order_id)

    def submit(self, order):
        if self.market.now_ns() < self.rejects_until_ns:
            return Outcome(OutcomeKind.REFUSED, code="no", text="no")
        return super().submit(order)


def run_of(weights=None, *, then=None, before=None, broker=None, **scene):
    """Run a rebalance, or two, and tell everything that came of it."""

    def look(folder, said):
        desk = Desk(folder, **scene)
        desk.config = config_of(said)
        made = Watched(desk.market, sleep=desk.clock.sleep)
        if broker is not None:
            broker(made, desk)
        if before is not None:
            before(desk)
        told = []
        for wanted in (weights or WEIGHTS, *([then] if then else [])):
            try:
                with desk.open(broker=made) as rebalancer:
                    told.append(report_of(rebalancer.run(target(wanted), RunOptions())))
            except NanodeskError as error:
                told.append(str(error))
        orders = [
            (o.order.symbol, o.order.side, o.order.order_type, o.order.time_in_force, format_e9(o.order.quantity_e9))
            + (o.order.limit_price_e9, o.created_ns)
            for o in desk.market.orders("PAPER")
        ]
        return told, orders, desk.clock(), desk.held()

    return look


def report_of(report):
    drifted = [] if report.drift is None else [row.symbol for row in report.drift.drifted]
    warned = [] if report.risk is None else [check.number for check in report.risk.warnings]
    return report.outcome, report.reason, report.plan.cost_e9, report.plan.scale_e9, drifted, warned, len(report.lines)


def made(folder, said):
    """What the adapter of a broker is made with, or why it is not made."""
    calls = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            nanodesk.cli.broker_factory, "_adapter", lambda module, name: lambda **given: calls.append((module, given))
        )
        try:
            make_broker(config_of({"logging.dir": str(folder), **said}), ENVIRON, reached=lambda _step: None)
        except NanodeskError as error:
            return str(error)
    [(module, given)] = calls
    del given["reached"]
    return module, {name: getattr(value, "reveal", lambda value=value: value)() for name, value in given.items()}


def issues(folder, said):
    config = config_of({"logging.dir": str(folder / "logs"), **said})
    return [str(issue) for issue in startup_issues(config, location="config.toml", environ=ENVIRON)]


def desk_files(folder, said):
    """The files that one dry command leaves, by name."""
    config = config_of({"logging.dir": str(folder / "logs"), "logging.min_free_bytes": 0, **said})
    quotes = folder / "quotes.json"
    quotes.write_text('{"schema": 1, "symbols": [{"symbol": "AAPL", "bid": "1", "ask": "2"}]}')
    with open_desk(config.with_connection(quotes=str(quotes)), location="test", environ=ENVIRON):
        pass
    pull_and_cancel(
        config.with_connection(quotes=str(quotes)), "test", flatten=False, timeout_s=None, who="me", why="test"
    )
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def quoted(folder, said):
    """Equity and buying power that the paper broker of a quotes file tells."""
    for name, cash in (("a.json", "1000"), ("b.json", "2000")):
        (folder / name).write_text(
            f'{{"schema": 1, "cash": "{cash}", "symbols": [{{"symbol": "AAPL", "bid": "1", "ask": "2"}}]}}'
        )
    said = {**said, "connection.quotes": str(folder / said.get("connection.quotes", "a.json"))}
    broker = make_broker(config_of({"logging.dir": str(folder), **said}), ENVIRON, reached=lambda _step: None)
    broker.connect()
    account = broker.account()
    broker.disconnect()
    return account.account_id, account.equity_e9, account.buying_power_e9


def patience_of_kill(folder, said):
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        real = nanodesk.rebalance.kill.stop_running
        patch.setattr(
            nanodesk.rebalance.kill,
            "stop_running",
            lambda path, *, timeout_s, **rest: asked.append(timeout_s) or real(path, timeout_s=timeout_s, **rest),
        )
        desk_files(folder, said)
    return asked


# -- disturbances -----------------------------------------------------------------------------------------------------


def late_quotes(symbol, seconds):
    """One symbol's quote is old."""

    def set_up(broker, desk):
        fresh = broker.quote
        broker.quote = lambda name: replace(fresh(name), ts_ns=desk.clock() - (seconds * E9 if name == symbol else 0))

    return set_up


def sleepy_quotes(seconds):
    """Every quote takes long to come, so what was read before is old by then."""

    def set_up(broker, desk):
        fresh = broker.quote

        def quote(name):
            if not desk.market.orders("PAPER"):
                desk.clock.sleep(seconds)
            return fresh(name)

        broker.quote = quote

    return set_up


def setting(**values):
    def set_up(broker, _desk):
        for name, value in values.items():
            setattr(broker, name, value)

    return set_up


def rejecting(broker, desk):
    broker.rejects_until_ns = desk.clock() + E9


def jumping(broker, desk):
    """The price of what is bought jumps while the sales are worked."""
    submit = broker.submit

    def then_jump(order):
        outcome = submit(order)
        desk.market.set_quote(Quote("AAPL", parse_e9("203.49"), parse_e9("203.51"), None, desk.clock()))
        return outcome

    broker.submit = then_jump


def stepping(forward_s):
    """The wall clock is set ahead with the first order, and one second passes."""

    def set_up(broker, desk):
        submit, ahead_s = broker.submit, [0.0]
        desk.monotonic_s = lambda: desk.clock() / 1e9 - ahead_s[0]

        def then_step(order):
            if not ahead_s[0]:
                desk.clock.sleep(forward_s)
                ahead_s[0] = forward_s - 1.0
            return submit(order)

        broker.submit = then_step

    return set_up


def moving(broker, desk):
    """Both sides of every quote rise by two cents a second."""
    still = broker.quote

    def quote(name):
        now, up = still(name), (desk.clock() - START_NS) // E9 * 20_000_000
        return replace(now, bid_e9=now.bid_e9 + up, ask_e9=now.ask_e9 + up)

    broker.quote = quote


def lost_before(equity):
    """The record of the day begins with more than there is now."""

    def set_up(desk):
        from nanodesk.risk.limits import RiskConfig
        from nanodesk.risk.loss_monitor import LossMonitor

        loose = RiskConfig(
            **{f"{word}_{what}": 1 for word in ("max", "halt") for what in ("daily_loss_frac", "drawdown_frac")}
        )
        day = "2024-01-31"
        LossMonitor(loose, path=desk.folder / "losses.json").update(parse_e9(equity), now_ns=START_NS, day=day)

    return set_up


def closed(broker, _desk):
    open_rules = broker.trading_rules
    broker.trading_rules = lambda name: replace(open_rules(name), status=TradingStatus.CLOSED)


# -- the table: key, usual value, other value, scene, what must differ -------------------------------------------------

PLAIN = run_of()
SHORT = {"can_short": True, "leverage": 2, "weights": {"AAPL": -0.2, "MSFT": 0.1}}
ROTATION = {"weights": {"AAPL": 0.9}, "held": {"NVDA": "1500"}, "cash": "100000"}
BINANCE = {
    "connection.broker": "binance",
    "connection.api_key_env": "KEY",
    "connection.api_secret_env": "SECRET",
    "connection.base_url": "http://127.0.0.1:1",
}
ALPACA = {**BINANCE, "connection.broker": "alpaca"}
IBKR = {"connection.broker": "ibkr", "account.id": "DU1"}
THIN = {"sizes": {"AAPL": "100"}}
TWAP = {"execution.order_type": "twap", "execution.twap_slices": 2}
PEG = {"execution.order_type": "peg", "execution.order_timeout_secs": 5}

CONNECTION = {
    "broker": (ALPACA, "alpaca", "binance", made),
    "mode": (BINANCE, "paper", "live", made),
    "host": (IBKR, "127.0.0.1", "::1", made),
    "port": (IBKR, 0, 7497, made),
    "client_id": (IBKR, 1, 2, made),
    "timeout_secs": (ALPACA, 30, 10, made),
    "allow_remote_host": (IBKR | {"connection.host": "tws.example"}, False, True, issues),
    "base_url": (ALPACA, "http://127.0.0.1:1", "http://127.0.0.1:2", made),
    "stream_url": (ALPACA, None, "ws://127.0.0.1:3", made),
    "ws_api_url": (BINANCE, None, "ws://127.0.0.1:3", made),
    "data_url": (ALPACA, None, "http://127.0.0.1:3", made),
    "quote_asset": (BINANCE, "USDT", "USDC", made),
    "api_key_env": (BINANCE, "KEY", "OTHER", made),
    "api_secret_env": (BINANCE, "SECRET", "OTHER", made),
    "keyring_service": (BINANCE | {"connection.api_key_env": "GONE"}, None, "nanodesk", made),
    "secrets_dir": (BINANCE, None, "/nonexistent", made),
    "quotes": ({}, "a.json", "b.json", quoted),
}
ACCOUNT = {"id": ({}, "ONE", "TWO", quoted), "type": ({}, "margin", "cash", quoted)}
EXECUTION = {
    "order_type": ({}, "limit", "market", PLAIN),
    "order_interval_ms": ({}, 100, 5000, PLAIN),
    "limit_offset_bps": ({}, 5, 50, PLAIN),
    "order_timeout_secs": ({}, 300, 20, run_of(**THIN)),
    "cancel_timeout_secs": ({}, 10, 60, run_of(broker=setting(loses_cancels=True), **THIN)),
    "max_orders_per_run": ({}, 50, 1, PLAIN),
    "quote_staleness_threshold_sec": ({}, 30, 300, run_of(broker=late_quotes("AAPL", 60))),
    "time_in_force": ({}, "day", "gtc", PLAIN),
    "twap_slices": (TWAP, 2, 4, PLAIN),
    "twap_interval_secs": (TWAP, 60, 30, PLAIN),
    "peg_to": (PEG, "mid", "near", PLAIN),
    "peg_interval_ms": (PEG, 1000, 4000, run_of(broker=moving)),
    "no_trade_band": ({}, 0.0, 0.15, PLAIN),
    "drift_tolerance_bps": ({"execution.no_trade_band": 0.15}, 25, 5000, PLAIN),
}
COST = {
    "commission_per_share": ({}, 0.0035, 1, PLAIN),
    "commission_min": ({}, 0.35, 500, PLAIN),
    "commission_bps": ({}, 0, 50, PLAIN),
    "slippage_bps": ({}, 5, 50, PLAIN),
}
LOGGING = {
    "dir": ({}, "logs", "elsewhere", lambda folder, said: desk_files(folder, said | _inside(folder, said))),
    "journal_file": ({}, "orders.db", "other.db", desk_files),
    "audit_file": ({}, "audit.jsonl", "other.jsonl", desk_files),
    "min_free_bytes": ({}, 0, 10**18, issues),
    "clock_skew_threshold_sec": ({}, 30, 5, run_of(broker=stepping(20.0))),
    "max_jump_rate_sec_per_sec": ({}, 2, 100, run_of(broker=stepping(40.0))),
}
KILL = {"timeout_secs": ({}, 30, 3, patience_of_kill), "switch_file": ({}, "kill-switch.json", "k.json", desk_files)}


def _inside(folder, said):
    return {"logging.dir": str(folder / said["logging.dir"])}


MARKET = {"execution.order_type": "market"}
RISK = {
    "max_position_pct": ({}, 1.0, 0.15, PLAIN, 14),
    "max_short_pct": ({}, 1.0, 0.1, run_of(**SHORT), 26),
    "max_trade_usd": ({}, 1e7, 1000, PLAIN, 9),
    "min_trade_usd": ({}, 100, 150_000, PLAIN, None),
    "allowed_symbols": ({}, ["AAPL", "MSFT"], ["MSFT"], PLAIN, 2),
    "blocked_symbols": ({}, [], ["AAPL"], PLAIN, 2),
    "allow_outside_session": ({}, True, False, run_of(broker=closed), 6),
    "max_order_quantity": ({}, 1e6, 100, PLAIN, 8),
    "max_order_notional": ({}, 1e7, 1000, PLAIN, 9),
    "min_order_notional": ({}, 1, 150_000, PLAIN, 15),
    "max_adv_frac": ({}, None, 0.1, PLAIN, 10),
    "max_displayed_multiple": ({}, None, 2, run_of(**THIN), 10),
    "price_collar_bps": ({}, 500, 1, PLAIN, 11),
    "price_collar_absolute": ({}, None, 0.01, PLAIN, 11),
    "allow_market_orders": (MARKET, True, False, PLAIN, 12),
    "max_market_spread_bps": (MARKET, 100, 0.5, PLAIN, 12),
    "market_slippage_bps": (MARKET | {"risk.max_position_frac": 0.21}, 100, 5000, PLAIN, 22),
    "max_slippage_bps": ({"execution.limit_offset_bps": 50}, 100, 10, PLAIN, 13),
    "max_target_weight_frac": ({}, 1, 0.15, PLAIN, 14),
    "max_target_gross_frac": ({}, 1.5, 0.2, PLAIN, 14),
    "max_holding_price_age_s": (
        {"execution.quote_staleness_threshold_sec": 1e6},
        900,
        30,
        run_of(held={"NVDA": "10"}, weights={**WEIGHTS, "NVDA": 0.006}, broker=late_quotes("NVDA", 60)),
        23,
    ),
    "max_account_age_s": (
        {"execution.quote_staleness_threshold_sec": 1e6},
        60,
        5,
        run_of(broker=sleepy_quotes(10)),
        17,
    ),
    "max_positions_age_s": (
        {"execution.quote_staleness_threshold_sec": 1e6},
        60,
        5,
        run_of(broker=sleepy_quotes(10)),
        18,
    ),
    "max_clock_skew_s": ({}, 1, 0.1, run_of(broker=setting(offset_ns=E9 // 2)), 19),
    "max_price_jump_bps": ({}, 5000, 100, run_of(broker=jumping, **ROTATION), 21),
    "max_position_frac": ({}, 1, 0.15, PLAIN, 22),
    "max_position_notional": ({}, None, 1000, PLAIN, 22),
    "max_gross_notional": ({}, 1e7, 1000, PLAIN, 23),
    "max_net_frac": ({}, 1.5, 0.1, PLAIN, 24),
    "max_leverage": ({}, 1.5, 0.2, PLAIN, 25),
    "allow_short": ({}, True, False, run_of(**SHORT), 14),
    "max_short_frac": ({}, 0.3, 0.1, run_of(**SHORT), 26),
    "require_locate": ({}, False, True, run_of(**SHORT), 26),
    "fee_bps": ({}, 10, 5000, run_of(weights={"AAPL": 1.0}), None),
    "fee_per_order": ({}, 0, 50_000, run_of(weights={"AAPL": 1.0}), None),
    "max_sector_frac": ({}, None, 0.5, PLAIN, 28),
    "max_asset_class_frac": ({}, None, 0.5, PLAIN, 28),
    "max_venue_frac": ({}, None, 0.1, PLAIN, 28),
    "max_turnover_frac": ({}, 10, 0.1, PLAIN, 29),
    "max_daily_notional": ({}, 1e7, 1000, PLAIN, 29),
    "min_equity": ({}, 0, 2e6, PLAIN, 31),
    "max_daily_loss_frac": ({"risk.halt_daily_loss_frac": 0.5}, 0.4, 0.01, run_of(before=lost_before("1200000")), 32),
    "halt_daily_loss_frac": (
        {"risk.max_daily_loss_frac": 0.01},
        0.5,
        0.02,
        run_of(before=lost_before("1200000"), **ROTATION | {"cash": "100", "weights": {"NVDA": 0.5}}),
        32,
    ),
    "max_drawdown_frac": (
        {"risk.halt_drawdown_frac": 0.5, "risk.max_daily_loss_frac": 0.5, "risk.halt_daily_loss_frac": 0.6},
        0.4,
        0.01,
        run_of(before=lost_before("1200000")),
        33,
    ),
    "halt_drawdown_frac": (
        {"risk.max_drawdown_frac": 0.01, "risk.max_daily_loss_frac": 0.5, "risk.halt_daily_loss_frac": 0.6},
        0.5,
        0.02,
        run_of(before=lost_before("1200000"), **ROTATION | {"cash": "100", "weights": {"NVDA": 0.5}}),
        33,
    ),
    "max_consecutive_rejects": ({}, 5, 1, run_of(broker=rejecting, then=WEIGHTS), 34),
    "max_recent_slippage_bps": ({}, 100, 1, run_of(**ROTATION), 34),
    "max_orders_per_second": ({}, 500, 1, PLAIN, 35),
    "max_orders_per_minute": ({}, 5000, 1, PLAIN, 35),
    "max_orders_per_day": ({}, 100_000, 1, PLAIN, 35),
    "max_messages_per_second": ({}, 1000, 1, PLAIN, 35),
    "max_messages_per_minute": ({}, 10_000, 1, PLAIN, 35),
    "max_messages_per_day": ({}, 100_000, 1, PLAIN, 35),
    "duplicate_window_s": (TWAP | {"execution.twap_interval_secs": 5}, 2, 60, run_of(weights={"AAPL": 0.37}), None),
    "max_executions_per_symbol": ({}, 1000, 0, run_of(then={"AAPL": 0.4, "MSFT": 0.1}), 37),
    "execution_window_s": (
        {"risk.max_executions_per_symbol": 0, "execution.order_interval_ms": 5000},
        1,
        60,
        run_of(then={"AAPL": 0.4, "MSFT": 0.1}),
        37,
    ),
    "max_open_orders": ({}, 1000, 1, PLAIN, 38),
    "max_open_orders_per_symbol": ({}, 50, 0, PLAIN, 38),
    "max_batch_notional": ({}, 1e8, 1000, PLAIN, 41),
    "max_batch_orders": ({}, 1000, 1, PLAIN, 41),
    "confirm_above": (
        {"connection.mode": "live"},
        1e9,
        1000,
        run_of(broker=setting(is_live=True)),
        48,
    ),
    "warn_at_frac": ({}, 1, 0.01, PLAIN, None),
    "breach_may_be_reduced": (
        {"risk.max_position_frac": 0.3},
        True,
        False,
        run_of(held={"NVDA": "1500"}, cash="100000", weights={"NVDA": 0.5}),
        22,
    ),
}
SECTIONS = {
    "connection": CONNECTION,
    "account": ACCOUNT,
    "execution": EXECUTION,
    "cost": COST,
    "logging": LOGGING,
    "kill": KILL,
    "risk": RISK,
}
SAID_ELSEWHERE = {"account_id", "mode", "max_quote_age_s", "sells_fund_buys"}


def effect(scene, folder, said, seen={}):  # noqa: B006  (many rows have the same usual outcome)
    """What a scene tells of a configuration; the same question is asked once."""
    question = (id(scene), str(config_of(said)) if scene is PLAIN else str(folder))
    if question not in seen:
        folder.mkdir()
        seen[question] = json.loads(json.dumps(scene(folder, said), default=str).replace(str(folder), ""))
    return seen[question]


def rows():
    for section, table in SECTIONS.items():
        for key, (given, usual, other, scene, *number) in table.items():
            yield pytest.param(
                f"{section}.{key}", given, usual, other, scene, *(number or [None]), id=f"{section}.{key}"
            )


class TestEveryKeyActs:
    @pytest.mark.parametrize("section", list(SECTIONS))
    def test_every_key_of_the_model_has_a_row(self, section):
        model = type(getattr(config_of({"connection.broker": "paper"}), section))
        keys = {written_name(name) if section == "risk" else name for name in model.model_fields}
        assert set(SECTIONS[section]) == keys - (SAID_ELSEWHERE if section == "risk" else set())

    @pytest.mark.parametrize("given", [IBKR, BINANCE, ALPACA], ids=["ibkr", "binance", "alpaca"])
    def test_every_broker_waits_as_long_as_it_is_told(self, tmp_path, given):
        patience = [made(tmp_path, BASE | given | {"connection.timeout_secs": seconds}) for seconds in (30, 10)]
        assert patience[0] != patience[1]

    def test_no_section_is_left_out(self):
        assert set(TradingConfig.model_fields) == {*SECTIONS, "schema_version"}

    @pytest.mark.parametrize(("key", "given", "usual", "other", "scene", "number"), list(rows()))
    def test_it_acts(self, tmp_path, key, given, usual, other, scene, number):
        found = []
        for name, value in (("usual", usual), ("other", other)):
            said = BASE | given | ({} if value is None else {key: value})
            for ours in _SAME.get(key, ()):
                said.pop(ours, None)
            found.append(effect(scene, tmp_path / name, said))
        assert found[0] != found[1]
        if number is not None:
            assert f"FAIL {number} " in str(found[1]), found[1][0]
            assert f"FAIL {number} " not in str(found[0]), found[0][0]


_SAME = {
    "risk.max_position_pct": ("risk.max_position_frac", "risk.max_target_weight_frac"),
    "risk.max_trade_usd": ("risk.max_order_notional",),
}
