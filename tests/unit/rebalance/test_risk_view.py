"""What the last look before a send sees: holdings, money and halts as they are then, not as the plan found them."""

from contextlib import contextmanager
from dataclasses import replace

import pytest

from nanodesk.brokers.paper.market import PaperMarket, VirtualClock
from nanodesk.brokers.paper.values import Fees
from nanodesk.market.account import Quote
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.order import Order, OrderState, OrderType
from nanodesk.market.trading_rules import TradingRules, TradingStatus
from nanodesk.oms.journal import Journal
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.rebalance.plan import PlannedOrder
from nanodesk.rebalance.risk_view import RiskView
from nanodesk.rebalance.standing_quotes import StandingQuotesBroker
from nanodesk.risk.engine import RiskEngine
from nanodesk.risk.kill_switch import KillSwitch
from nanodesk.risk.limits import RiskConfig
from nanodesk.risk.loss_monitor import LossMonitor
from nanodesk.risk.trading_state import TradingState

START_NS = 1_706_734_800 * E9
SECOND = E9


class Counting(StandingQuotesBroker):
    """Counts how often the account is asked for."""

    accounts = 0

    def account(self):
        self.accounts += 1
        return super().account()


class Stage:
    def __init__(self, folder, *, cash="100000", held=None, rules=None, leverage=1):
        self.folder, self.clock = folder, VirtualClock(START_NS)
        instrument = rules or TradingRules("AAPL", can_short=True)
        price = Quote("AAPL", parse_e9("99.99"), parse_e9("100.01"), None, START_NS)
        self.market = PaperMarket(
            [instrument],
            quotes=[price],
            cash_e9={"USD": parse_e9(cash)},
            holdings_e9={symbol: parse_e9(quantity) for symbol, quantity in (held or {}).items()},
            leverage=leverage,
            fees=Fees(),
            now_ns=self.clock,
        )
        self.config = RiskConfig(max_position_frac=10, max_order_notional=10**9, fee_bps=0)
        self.count = 0

    @contextmanager
    def open(self):
        self.broker = Counting(self.market, sleep=self.clock.sleep)
        self.broker.connect()
        with Journal.open(self.folder / "orders.db", now_ns=self.clock) as journal:
            self.engine = OrderEngine(self.broker, journal, now_ns=self.clock, sleep=self.clock.sleep)
            self.losses = LossMonitor(self.config)
            self.switch = KillSwitch(self.folder / "kill.json", now_ns=self.clock)
            self.view = RiskView(
                self.broker,
                RiskEngine(self.config),
                kill_switch=self.switch,
                loss_monitor=self.losses,
                now_ns=self.clock,
            )
            view, engine = self.view, self.engine
            view.working, view.blocked = engine.working, engine.blocked_symbols
            view.fills_e9 = lambda: engine.ledger.fills_e9
            engine.at_send = view.check_at_send
            view.is_reconciled = True
            view.read_account()
            view.read_holdings()
            view.read_quotes(["AAPL"])
            yield self
        self.broker.disconnect()

    def order(self, side, quantity, price=None, **changes):
        self.count += 1
        kind = OrderType.MARKET if price is None else OrderType.LIMIT
        limit = None if price is None else parse_e9(price)
        return Order(f"o-{self.count}", "AAPL", Side(side), parse_e9(quantity), kind, limit, **changes)

    def send(self, side, quantity, price=None, **changes):
        view = self.engine.submit(self.order(side, quantity, price, **changes))
        self.engine.poll()
        return view


@pytest.fixture
def stage(tmp_path):
    with Stage(tmp_path, held={"AAPL": "100"}).open() as opened:
        yield opened


class TestHoldings:
    def test_what_was_sold_since_the_plan_is_not_there_to_be_sold_again(self, stage):
        stage.losses.tighten(TradingState.REDUCING, "test", now_ns=1)
        assert stage.send("sell", "60", "99").state is OrderState.FILLED
        refused = stage.send("sell", "50", "99")
        assert refused.state is OrderState.RISK_REJECTED
        assert "trading state" in refused.reason
        assert stage.send("sell", "40", "99").state is OrderState.FILLED

    def test_what_was_bought_may_be_sold(self, stage):
        stage.send("buy", "10", "101")
        stage.losses.tighten(TradingState.REDUCING, "test", now_ns=1)
        assert stage.send("sell", "110", "99").state is OrderState.FILLED

    def test_a_new_reading_replaces_what_was_counted(self, stage):
        stage.send("sell", "60", "99")
        stage.view.read_holdings()
        (held,) = stage.view.context().holdings
        assert held.quantity_e9 == parse_e9("40")


class TestMoney:
    def test_orders_of_one_second_do_not_spend_the_same_money(self, tmp_path):
        with Stage(tmp_path, cash="1000").open() as stage:
            first = stage.send("buy", "6", "99")  # it rests: the money is not gone, and no longer free
            second = stage.send("buy", "5", "98")
            assert (first.state, second.state) == (OrderState.NEW, OrderState.RISK_REJECTED)
            assert "buying power" in second.reason
            assert stage.send("buy", "4", "99").state is OrderState.NEW

    def test_it_is_counted_once_when_the_account_is_read_again(self, tmp_path):
        with Stage(tmp_path, cash="1000").open() as stage:
            stage.send("buy", "6", "99")
            stage.clock.sleep(2)
            assert stage.send("buy", "4", "99").state is OrderState.NEW

    def test_a_short_that_opens_asks_for_money_as_it_is_now(self, stage):
        stage.clock.sleep(2)
        asked = stage.broker.accounts
        stage.send("sell", "101", "99")
        assert stage.broker.accounts == asked + 1

    def test_a_long_row_of_sales_shows_its_equity_to_the_loss_monitor(self, stage):
        asked = stage.broker.accounts
        stage.clock.sleep(30)
        stage.send("sell", "10", "99")
        assert stage.broker.accounts == asked
        stage.clock.sleep(31)
        stage.send("sell", "11", "99")
        assert stage.broker.accounts == asked + 1

    def test_a_loss_on_the_way_stops_the_rest(self, stage):
        low = Quote("AAPL", parse_e9("9.99"), parse_e9("10.01"), None, START_NS)
        stage.market.set_quote(low)
        stage.clock.sleep(61)
        refused = stage.send("buy", "1", "10")
        assert stage.losses.state is TradingState.REDUCING
        assert "trading state" in refused.reason


class TestHalts:
    @pytest.mark.parametrize("status", [TradingStatus.HALTED, TradingStatus.CLOSED])
    def test_one_that_came_after_the_plan_is_seen_within_a_minute(self, stage, status):
        stage.market.set_status("AAPL", status)
        stage.clock.sleep(61)
        refused = stage.send("sell", "10", "99")
        assert refused.state is OrderState.RISK_REJECTED
        assert "halted" in refused.reason


class TestBreakers:
    def test_rejects_stop_a_run_on_its_way(self, stage):
        for _ in range(6):
            stage.view.flow.rejected()
        refused = stage.send("sell", "10", "99")
        assert "max_consecutive_rejects = 5" in refused.reason

    def test_a_flattening_goes_on(self, stage):
        stage.switch.pull(who="me", why="test", may_flatten=True)
        for _ in range(6):
            stage.view.flow.rejected()
        assert stage.send("sell", "100", "99", reduce_only=True).state is OrderState.FILLED

    def test_a_short_without_any_money_is_covered(self, tmp_path):
        with Stage(tmp_path, cash="20000", held={"AAPL": "-100"}, leverage=4).open() as stage:
            poor = replace(stage.view.account, buying_power_e9=0)
            stage.broker.account = lambda: poor
            stage.view.read_account()
            assert stage.send("buy", "100", "101").state is OrderState.FILLED
            assert stage.send("buy", "1", "101").state is OrderState.RISK_REJECTED


class TestFlow:
    def test_turnover_counts_the_multiplier(self, tmp_path):
        with Stage(tmp_path, rules=TradingRules("AAPL", multiplier=50)).open() as stage:
            line = PlannedOrder(1, "AAPL", Side.BUY, E9, parse_e9("101"), parse_e9("100"), "BUY", "", False)
            stage.view.filled(line, E9, parse_e9("100"))
            assert stage.view.flow.snapshot(stage.clock()).traded_notional_e9 == parse_e9("5000")

    def test_and_so_it_does_after_a_restart(self, tmp_path):
        stage = Stage(tmp_path, cash="1000000", rules=TradingRules("AAPL", multiplier=50))
        with stage.open():
            stage.send("buy", "2", "101")
        with stage.open():
            stage.view.remember([(view, stage.clock()) for view in stage.engine.orders()])
            assert stage.view.flow.snapshot(stage.clock()).traded_notional_e9 == parse_e9("10001")

    def test_cancels_are_messages(self, stage):
        stage.view.asked()
        snapshot = stage.view.flow.snapshot(stage.clock())
        assert (snapshot.orders.second, snapshot.messages.second) == (0, 1)


class TestPlannedPrices:
    def test_orders_of_the_day_tell_where_the_price_was(self, tmp_path):
        stage = Stage(tmp_path)
        with stage.open():
            stage.send("buy", "2", "101")
        with stage.open():
            stage.view.remember([(view, stage.clock()) for view in stage.engine.orders()])
            assert stage.view.context().earlier_prices_e9 == {"AAPL": parse_e9("101")}
            report = RiskEngine(RiskConfig(max_price_jump_bps=90)).check_order(
                stage.order("buy", "1", "100"), stage.view.context()
            )
            assert report.of(21)[0].status.value == "warn"

    def test_those_of_another_day_do_not(self, tmp_path):
        stage = Stage(tmp_path)
        with stage.open():
            stage.send("buy", "2", "101")
            stage.view.remember([(view, stage.clock() - 2 * 86_400 * E9) for view in stage.engine.orders()])
            assert stage.view.context().earlier_prices_e9 == {}
