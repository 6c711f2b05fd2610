"""What only the paper broker promises: its file, its lost replies, its waiting, its steps."""

import json
import os
import signal
import stat
import subprocess
import sys
import textwrap

import pytest

from nanodesk.brokers.base import OutcomeKind, RequestRejected, StreamState
from nanodesk.brokers.paper.broker import PaperBroker
from nanodesk.brokers.paper.market import PaperMarket, VirtualClock
from nanodesk.brokers.paper.truth import truth
from nanodesk.brokers.paper.values import Fees
from nanodesk.errors import BrokerError, NotConnectedError, ValidationError
from nanodesk.market.account import Quote
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Execution, Order, OrderReport, OrderState, OrderType
from nanodesk.market.trading_rules import TradingRules

GTC = TimeInForce.GTC


def make(size=0, **options):
    options.setdefault("now_ns", VirtualClock(10**18))
    quotes = [Quote("AAPL", 99 * E9, 101 * E9, None, 0, size * E9, size * E9)]
    return PaperMarket([TradingRules("AAPL")], quotes=quotes, cash_e9={"USD": 100_000 * E9}, **options)


def buy(name, units, price=None, **terms):
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    return Order(name, "AAPL", Side.BUY, units * E9, kind, None if price is None else price * E9, **terms)


def connected(market, **options):
    broker = PaperBroker(market, **options)
    broker.connect()
    return broker


class TestFile:
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "account.jsonl"

    def test_the_account_lives_on(self, path):
        broker = connected(make(50, fees=Fees.bps(taker="10")), state_path=path)
        broker.submit(buy("a", 10))
        broker.submit(buy("b", 7, 95, time_in_force=GTC))
        before = truth(broker.market)
        broker.disconnect()
        again = connected(make(50, fees=Fees.bps(taker="10")), state_path=path)
        after = truth(again.market)
        for key in ("orders", "executions", "balances", "supply", "imbalance"):
            assert after[key] == before[key]
        assert [one.client_order_id for one in again.open_orders()] == ["b"]
        assert again.market.balances("PAPER")["USD"][1] == 7 * 95 * E9 + 665_000_000
        assert again.submit(buy("a", 1)).code == "duplicate_id"
        assert again.submit(buy("c", 1)).executions[0].execution_id == "2"

    def test_open_orders_meet_the_quotes_of_today_and_the_fills_are_heard(self, path):
        broker = connected(make(), state_path=path)
        broker.submit(buy("a", 10, 100, time_in_force=GTC))
        broker.disconnect()
        market = make()
        market.set_quote(Quote("AAPL", 95 * E9, 96 * E9, None, 0))
        again = connected(market, state_path=path)
        assert again.status("a").average_price_e9 == 96 * E9
        assert [one.execution_id for one in again.events() if isinstance(one, Execution)] == ["1"]
        again.disconnect()
        assert connected(make(), state_path=path).status("a").state is OrderState.FILLED

    def test_waiting_stop_and_minimum_fee_go_on(self, path):
        fees = Fees(per_unit_e9=10_000_000, minimum_e9=E9)
        broker = connected(make(10, fees=fees), state_path=path)
        broker.submit(buy("a", 300, 101, time_in_force=GTC))
        broker.submit(Order("s", "AAPL", Side.BUY, E9, OrderType.STOP, None, 110 * E9, GTC))
        broker.disconnect()
        again = connected(make(fees=fees), state_path=path)
        assert again.market.orders()[0].fee_e9 == 3 * E9
        again.market.set_quote(Quote("AAPL", 110 * E9, 111 * E9, 111 * E9, 0))
        assert again.status("s").state is OrderState.FILLED

    def test_mode_and_lock(self, path):
        broker = connected(make(), state_path=path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(BrokerError, match="in use"):
            connected(make(), state_path=path)
        broker.disconnect()
        connected(make(), state_path=path).disconnect()

    def test_reconnect_keeps_the_market(self, path):
        broker = connected(make(), state_path=path)
        broker.submit(buy("a", 1))
        broker.disconnect()
        broker.connect()
        assert broker.events()[-1].state is StreamState.RESTORED_DATA_LOST
        assert broker.submit(buy("b", 1)).kind is OutcomeKind.ACCEPTED

    def test_a_torn_last_line_never_happened(self, path):
        broker = connected(make(), state_path=path)
        broker.submit(buy("a", 1))
        broker.disconnect()
        whole = path.read_bytes()
        lines = whole.splitlines(keepends=True)
        for cut in range(1, len(lines[-1]), 97):
            path.write_bytes(whole[:-cut])
            again = connected(make(), state_path=path)
            assert again.status("a") is None and again.account().cash_e9 == 100_000 * E9
            again.disconnect()
            assert again.market.ledger.imbalance() == {}

    @pytest.mark.parametrize("damage", [b"{}\n", b"[]\n", b'{"schema":2}\n', b"\xff\n", b"[" * 9_000 + b"\n"])
    def test_damage_is_an_error(self, path, damage):
        path.write_bytes(damage)
        broker = PaperBroker(make(), state_path=path)
        with pytest.raises(BrokerError, match="line 1"):
            broker.connect()
        assert not broker.is_connected

    @pytest.mark.parametrize("key", ["orders", "executions", "amounts", "supply", "rules"])
    @pytest.mark.parametrize("value", [None, [[]], ["x"], [{"symbol": []}], [["PAPER", "USD", "9", 0]]])
    def test_a_line_written_by_hand_is_an_error(self, path, key, value):
        broker = connected(make(), state_path=path)
        broker.submit(buy("a", 1))
        broker.disconnect()
        first, *rest = path.read_text().splitlines(keepends=True)
        path.write_text(json.dumps({**json.loads(first), key: value}) + "\n" + "".join(rest))
        with pytest.raises(BrokerError, match="holds what was never written"):
            PaperBroker(make(), state_path=path).connect()

    def test_disk_that_takes_nothing(self, path, monkeypatch):
        broker = connected(make(), state_path=path)

        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fdatasync", full)
        outcome = broker.submit(buy("a", 1))
        assert outcome.kind is OutcomeKind.UNKNOWN and "No space" in outcome.text
        with pytest.raises(NotConnectedError):
            broker.submit(buy("b", 1))

    def test_symlink_and_missing_folder(self, tmp_path):
        (tmp_path / "link").symlink_to(tmp_path / "target")
        for path in (tmp_path / "link", tmp_path / "no" / "file"):
            with pytest.raises(BrokerError):
                connected(make(), state_path=path)

    def test_market_with_orders_takes_no_file(self, path):
        market = make()
        market.submit("PAPER", buy("a", 1))
        with pytest.raises(BrokerError):
            PaperBroker(market, state_path=path)

    @pytest.mark.parametrize(
        ("step", "is_there"),
        [("send.connected", False), ("send.half", False), ("send.written", True), ("reply.read", True)],
    )
    def test_kill(self, path, step, is_there):
        program = f"""
            import os, signal
            from pathlib import Path
            from nanodesk.brokers.paper.broker import PaperBroker
            from nanodesk.brokers.paper.market import PaperMarket
            from nanodesk.market.account import Quote
            from nanodesk.market.enums import Side
            from nanodesk.market.order import Order
            from nanodesk.market.trading_rules import TradingRules

            E9 = 10**9
            market = PaperMarket([TradingRules("AAPL")], quotes=[Quote("AAPL", 99 * E9, 101 * E9, None, 0)],
                                 cash_e9={{"USD": 100_000 * E9}})
            die = lambda step: os.kill(os.getpid(), signal.SIGKILL) if step == {step!r} else None
            broker = PaperBroker(market, state_path=Path({str(path)!r}), reached=die)
            broker.connect()
            broker.submit(Order("a", "AAPL", Side.BUY, 10 * E9))
        """
        done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False)
        assert done.returncode == -signal.SIGKILL
        broker = connected(make(), state_path=path)
        assert (broker.status("a") is not None) is is_there
        assert sum(one.quantity_e9 for one in broker.executions()) == 10 * E9 * is_there
        assert broker.market.ledger.imbalance() == {}

    def test_several_orders_are_one_line(self, path):
        broker = connected(make(), state_path=path)
        outcomes = broker.submit_many([buy(f"o{index}", 1) for index in range(20)])
        assert {one.kind for one in outcomes} == {OutcomeKind.ACCEPTED} and len(path.read_text().splitlines()) == 2

    def test_lines_are_json_with_a_schema(self, path):
        connected(make(), state_path=path).submit(buy("a", 1))
        assert [json.loads(line)["schema"] for line in path.read_text().splitlines()] == [1, 1]


class TestOutcomes:
    def test_lost_reply(self):
        broker = connected(make())
        broker.lose_reply()
        broker.lose_reply(is_accepted=False)
        assert [broker.submit(buy(name, 1)).kind for name in "ab"] == [OutcomeKind.UNKNOWN] * 2
        assert broker.status("a").state is OrderState.FILLED and broker.status("b") is None

    def test_fills_are_in_the_answer_and_in_the_stream(self):
        broker = connected(make(4))
        outcome = broker.submit(buy("a", 10, 101))
        assert [one.quantity_e9 for one in outcome.executions] == [4 * E9]
        assert [type(one).__name__ for one in broker.events()][1:] == ["OrderReport", "Execution", "OrderReport"]
        assert broker.events() == ()

    @pytest.mark.parametrize(("units", "price", "retry"), [(1, None, True), (10_000, 100, False)])
    def test_which_refusals_may_pass_later(self, units, price, retry):
        market = make()
        market.set_quote(Quote("AAPL", 99 * E9, None, None, 0))
        outcome = connected(market).submit(buy("a", units, price))
        assert outcome.kind is OutcomeKind.REFUSED and outcome.may_retry is retry

    def test_steps(self):
        steps = []
        broker = connected(make(), reached=steps.append)
        broker.submit(buy("a", 1, 90))
        broker.replace("a", buy("b", 1, 91))
        broker.cancel("b")
        send = ["send.connected", "send.half", "send.written", "reply.read"]
        assert steps == [*send, *send, "cancel.sent"]

    def test_replacement_names_its_predecessor(self):
        broker = connected(make())
        broker.submit(buy("a", 1, 90))
        assert broker.replace("a", buy("b", 2, 91)).report.replaces == "a"
        assert broker.replace("a", buy("c", 2, 91)).code == "order_closed"

    def test_unknown_account(self):
        with pytest.raises(ValidationError):
            PaperBroker(make(), account_id="X")


class TestWaiting:
    def test_it_sleeps_until_something_is_due(self):
        clock = VirtualClock()
        broker = connected(make(now_ns=clock, latency_ns=3 * E9), sleep=clock.sleep)
        broker.submit(buy("a", 1))
        broker.events()
        assert [one.state for one in broker.events(10.0) if isinstance(one, OrderReport)] == [
            OrderState.NEW,
            OrderState.FILLED,
        ]
        assert clock() == 3 * E9
        assert broker.events(2.0) == () and clock() == 5 * E9

    def test_late_cancel_is_refused_in_the_stream(self):
        clock = VirtualClock()
        broker = connected(make(now_ns=clock, latency_ns=E9), sleep=clock.sleep)
        broker.submit(buy("a", 1, 100))
        broker.events(1.0)
        broker.events(1.0)
        assert broker.cancel("a").kind is OutcomeKind.ACCEPTED
        broker.market.set_quote(Quote("AAPL", 98 * E9, 99 * E9, None, 0))
        clock.advance(E9)
        assert [one.client_order_id for one in broker.events() if isinstance(one, RequestRejected)] == ["a"]
