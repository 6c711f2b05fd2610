"""Whatever a venue tells late, never or twice: no share is bought that the plan did not ask for, no order is left."""

import shutil
from dataclasses import replace

import pytest

from nanodesk.brokers.base import Outcome, OutcomeKind
from nanodesk.errors import StalePlanError
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Execution
from nanodesk.rebalance.clock_watch import Clocks
from nanodesk.rebalance.execute import RunOptions
from nanodesk.rebalance.run_report import RunOutcome
from nanodesk.rebalance.standing_quotes import StandingQuotesBroker
from rebalance_desk import QUOTES, Desk, quotes_of, target

UNATTENDED = RunOptions()
PEG = '[execution]\norder_type = "peg"\npeg_to = "mid"\npeg_interval_ms = 1000\norder_timeout_secs = 20\n'
THIN = {"AAPL": "100"}


def run(desk, broker, weights=None):
    with desk.open(broker=broker) as rebalancer:
        return rebalancer.run(target(weights or {"AAPL": 0.5}), UNATTENDED)


class LateFills(StandingQuotesBroker):
    """Tells what an order has filled at once, and the executions themselves only when they are asked for."""

    def submit(self, order):
        return replace(super().submit(order), executions=())

    def cancel(self, client_order_id):
        return replace(super().cancel(client_order_id), executions=())

    def events(self, timeout_s=0.0):
        return tuple(event for event in super().events(timeout_s) if not isinstance(event, Execution))


class DeafToCancels(StandingQuotesBroker):
    """Loses a number of requests to cancel."""

    def __init__(self, *arguments, lost, refuses=False, **options):
        super().__init__(*arguments, **options)
        self.lost, self.refuses = lost, refuses

    def cancel(self, client_order_id):
        if self.lost:
            self.lost -= 1
            kind = OutcomeKind.REFUSED if self.refuses else OutcomeKind.UNKNOWN
            return Outcome(kind, code="429", text="not now", may_retry=True)
        return super().cancel(client_order_id)


class TestPeg:
    def test_what_is_filled_and_not_told_yet_is_not_bought_again(self, tmp_path):
        desk = Desk(tmp_path, prices=QUOTES | {"AAPL": ("184.00", "186.00")}, text=PEG)
        broker = LateFills(desk.market, sleep=desk.clock.sleep)
        prices = iter([("184.00", "186.00", "0"), ("184.50", "184.90", "1000"), ("184.80", "185.80", "0")])

        def sleep(seconds):
            before = desk.clock() // E9
            desk.clock.sleep(seconds)
            if desk.clock() // E9 != before and (price := next(prices, None)) is not None:
                desk.market.set_quote(quotes_of({"AAPL": price[:2]}, {"AAPL": price[2]})[0])

        broker._sleep = sleep
        report = run(desk, broker)
        orders = desk.market.orders("PAPER")
        assert len(orders) > 1 and 0 < orders[0].filled_quantity_e9 < orders[0].order.quantity_e9
        wanted = report.lines[0].line.quantity_e9
        assert orders[1].order.quantity_e9 == wanted - orders[0].filled_quantity_e9
        assert report.lines[0].filled_e9 <= wanted


class TestCancel:
    @pytest.mark.parametrize("refuses", [False, True], ids=["lost", "refused for now"])
    def test_is_asked_again_until_it_is_done(self, tmp_path, refuses):
        desk = Desk(tmp_path, sizes=THIN, text="[execution]\norder_timeout_secs = 5\n")
        broker = DeafToCancels(desk.market, lost=3, refuses=refuses, sleep=desk.clock.sleep)
        report = run(desk, broker)
        assert report.outcome is RunOutcome.INCOMPLETE, report.reason
        assert desk.open_orders() == ()


class TestAfterAnEarlierRun:
    def test_nothing_is_planned_over_an_order_that_cannot_be_cancelled(self, tmp_path):
        desk = Desk(tmp_path, sizes=THIN, text="[execution]\norder_timeout_secs = 5\n")
        broker = DeafToCancels(desk.market, lost=10**6, sleep=desk.clock.sleep)
        assert run(desk, broker).outcome is RunOutcome.UNRESOLVED
        assert len(desk.open_orders()) == 1
        desk.market.set_quote(quotes_of({"AAPL": ("185.50", "185.60")}, {"AAPL": "9000"})[0])
        again = run(desk, DeafToCancels(desk.market, lost=10**6, sleep=desk.clock.sleep))
        assert again.outcome is RunOutcome.REFUSED
        assert any("could not be cancelled" in warning for warning in again.warnings)
        desk.market.set_quote(quotes_of(QUOTES, {"AAPL": "9000"})[0])
        assert desk.held()["AAPL"] <= 2702

    @pytest.mark.parametrize("is_restored", [False, True], ids=["lost", "restored"])
    def test_a_journal_that_knows_less_than_the_venue_gives_new_names(self, tmp_path, is_restored):
        """A container that keeps no disk, a backup of last night: the venue remembers names that the journal lacks."""
        desk = Desk(tmp_path, sizes=THIN, text="[execution]\norder_timeout_secs = 5\n")
        if is_restored:
            run(desk, None, {"MSFT": 0.1})
            shutil.copy(tmp_path / "orders.db", tmp_path / "backup")
        run(desk, None)
        first = {order.order.client_order_id for order in desk.market.orders("PAPER")}
        for path in tmp_path.glob("orders.db*"):
            path.unlink()
        if is_restored:
            (tmp_path / "backup").rename(tmp_path / "orders.db")
        desk.market.set_quote(quotes_of(QUOTES)[0])
        report = run(desk, None)
        names = {order.order.client_order_id for order in desk.market.orders("PAPER")}
        assert report.outcome is RunOutcome.DONE, report.reason
        assert len(names) > len(first)
        assert desk.held()["AAPL"] == pytest.approx(2702, abs=2)


class TestClock:
    @pytest.mark.parametrize("step_s", [-3600, 3600], ids=["back", "ahead"])
    def test_a_clock_that_is_set_while_a_human_thinks(self, tmp_path, step_s):
        """Set back by an hour, a plan of an hour ago looks as if it were made now."""
        desk = Desk(tmp_path)
        steps_ns = []

        def confirm(_plan, _risk):
            steps_ns.append(step_s * E9)
            desk.clock.sleep(3000)
            return True

        with desk.open() as rebalancer:
            now = lambda: desk.clock() + sum(steps_ns)  # noqa: E731
            rebalancer._clocks = Clocks(now, desk.monotonic_s, desk.clock.sleep)
            with pytest.raises(StalePlanError):
                rebalancer.run(target({"AAPL": 0.5}), RunOptions(confirm=confirm))
        assert desk.market.orders("PAPER") == ()


class TestCurrency:
    def test_what_trades_in_another_money_is_not_priced_as_if_it_were_ours(self, tmp_path):
        """100 yen are not 100 dollars: without a rate the size of such an order is anybody's guess."""
        desk = Desk(tmp_path)

        class Abroad(StandingQuotesBroker):
            def trading_rules(self, symbol):
                rules = super().trading_rules(symbol)
                return replace(rules, currency="JPY") if symbol == "MSFT" else rules

        with desk.open(broker=Abroad(desk.market, sleep=desk.clock.sleep)) as rebalancer:
            report = rebalancer.run(target({"MSFT": 0.2}), UNATTENDED)
        assert report.outcome is RunOutcome.REFUSED
        assert desk.market.orders("PAPER") == ()
