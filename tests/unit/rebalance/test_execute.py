"""A rebalance from target to reconciled, on a paper market and a virtual clock."""

from dataclasses import replace
from itertools import pairwise
from typing import ClassVar

import pytest

from nanodesk.brokers.base import Outcome, OutcomeKind
from nanodesk.brokers.paper import admin as paper_admin
from nanodesk.brokers.paper.broker import PaperBroker
from nanodesk.errors import DuplicateRunError, NanodeskError, NotConnectedError, RebalanceError, StalePlanError
from nanodesk.market.fixed_point import E9, format_e9, parse_e9
from nanodesk.oms.journal import Journal
from nanodesk.oms.reconcile import reconcile
from nanodesk.rebalance.clock_watch import Clocks
from nanodesk.rebalance.config import parse_config
from nanodesk.rebalance.execute import Rebalancer, RunOptions
from nanodesk.rebalance.run_report import RunOutcome
from nanodesk.rebalance.standing_quotes import StandingQuotesBroker
from nanodesk.risk.loss_monitor import LossMonitor
from rebalance_desk import LIMITS, QUOTES, Desk, quotes_of, target

UNATTENDED = RunOptions()
CRON = RunOptions(is_cron=True)
THIN = {"AAPL": "100"}


def run(desk, weights, options=UNATTENDED, **changes):
    with desk.open() as rebalancer:
        return rebalancer.run(target(weights, **changes), options)


def kinds(desk):
    return [kind for kind, _ in desk.events()]


def sent(desk):
    """Every order of the account as (symbol, side, quantity, limit), in the order of arrival."""
    return [
        (o.order.symbol, o.order.side.value, format_e9(o.order.quantity_e9), format_e9(o.order.limit_price_e9))
        for o in desk.market.orders("PAPER")
    ]


class TestRun:
    def test_from_cash_to_weights(self, tmp_path):
        desk = Desk(tmp_path)
        report = run(desk, {"AAPL": 0.5, "MSFT": 0.3})
        assert (report.outcome, report.reason) == (RunOutcome.DONE, "")
        assert desk.held() == {"AAPL": 2702, "MSFT": 810}
        assert [line.status for line in report.lines] == ["filled", "filled"]
        assert format_e9(report.lines[0].average_price_e9) == "185.01"
        assert report.lines[0].fees_e9 == {"USD": 2702 * 3_500_000}
        assert not report.drift.drifted
        assert report.drift.tracking_error_pct < 0.05

    def test_steps_and_events_in_their_order(self, tmp_path):
        desk = Desk(tmp_path)
        run(desk, {"AAPL": 0.5, "MSFT": 0.3})
        assert desk.steps == [
            "run.before_started",
            "run.started",
            "run.positions",
            "run.quotes",
            "run.plan",
            "run.risk",
            "orders.between",
            "reconcile.before",
            "run.before_completed",
        ]
        ours = ["run_started", "positions_fetched", "diff_computed", "risk_check", "order_intent", "run_completed"]
        assert [kind for kind in dict.fromkeys(kinds(desk)) if kind in ours] == ours

    def test_a_second_run_has_nothing_to_do(self, tmp_path):
        desk = Desk(tmp_path)
        run(desk, {"AAPL": 0.5})
        again = run(desk, {"AAPL": 0.5})
        assert again.outcome is RunOutcome.NOTHING_TO_DO
        assert "no_rebalance_needed" in kinds(desk)
        assert len(sent(desk)) == 1

    def test_names_left_out_are_closed_on_the_trading_side(self, tmp_path):
        """nanobook offers a closing sale above the middle, where nobody buys it (its bug 13)."""
        desk = Desk(tmp_path, held={"MSFT": "100", "NVDA": "50"})
        report = run(desk, {"AAPL": 0.5})
        assert report.outcome is RunOutcome.DONE
        assert desk.held() == {"AAPL": 2883}
        assert sent(desk)[:2] == [("MSFT", "sell", "100", "369.71"), ("NVDA", "sell", "50", "599.2")]

    def test_long_to_short(self, tmp_path):
        desk = Desk(tmp_path, held={"AAPL": "100"}, leverage=2, can_short=True)
        report = run(desk, {"AAPL": -0.2})
        assert report.outcome is RunOutcome.DONE, report.reason
        assert [line.line.action for line in report.lines] == ["SELL", "SELL SHORT"]
        assert desk.held()["AAPL"] == -1101


class TestMoney:
    def test_purchases_wait_for_the_sales_that_pay(self, tmp_path):
        desk = Desk(tmp_path, cash="1000", held={"MSFT": "2700"})
        report = run(desk, {"AAPL": 0.9})
        assert report.outcome is RunOutcome.DONE, report.reason
        assert report.is_staged
        assert [side for _, side, _, _ in sent(desk)] == ["sell", "buy"]
        assert desk.market.account("PAPER").cash_e9 >= 0

    def test_all_of_the_cash_and_not_a_cent_more(self, tmp_path):
        desk = Desk(tmp_path)
        report = run(desk, {"AAPL": 0.4, "MSFT": 0.3, "NVDA": 0.3})
        assert report.outcome is RunOutcome.DONE, report.reason
        assert 0 <= desk.market.account("PAPER").cash_e9 < 3_000 * E9
        assert any("the money reaches for" in warning for warning in report.warnings)

    def test_sales_that_bring_less_buy_less(self, tmp_path):
        """The sale fills a part only; the purchase is cut to the money that came."""
        desk = Desk(tmp_path, cash="1000", held={"AAPL": "2700"}, sizes=THIN)
        report = run(desk, {"MSFT": 0.9})
        assert report.outcome is RunOutcome.INCOMPLETE
        assert desk.held() == {"AAPL": 2600, "MSFT": 52}
        assert desk.market.account("PAPER").cash_e9 >= 0

    def test_a_rotation_beyond_the_leverage_of_its_worst_case_is_staged(self, tmp_path):
        text = "max_leverage = 1.2\n"
        desk = Desk(tmp_path, cash="500000", held={"MSFT": "1300"}, text=text, leverage=2)
        report = run(desk, {"AAPL": 0.9})
        assert report.outcome is RunOutcome.DONE, report.reason
        assert report.is_staged

    @pytest.mark.parametrize(
        "limit", ["max_batch_notional = 800000", "max_batch_orders = 1", "max_daily_notional = 8e5"]
    )
    def test_a_limit_of_the_whole_is_not_met_by_its_halves(self, tmp_path, limit):
        text = f"max_leverage = 1.2\n{limit}\n"
        desk = Desk(tmp_path, cash="500000", held={"MSFT": "1300"}, leverage=2)
        desk.config = parse_config(LIMITS.replace("max_batch_notional = 1e8\n", "") + text)
        report = run(desk, {"AAPL": 0.7})
        assert report.outcome is RunOutcome.REFUSED
        assert not report.is_staged
        assert sent(desk) == []


class TestFactsOfTheTarget:
    """A limit that needs what no broker tells holds with what the target tells, and refuses without."""

    TEXT = "max_adv_frac = 0.1\nmax_sector_frac = 0.6\n"

    @pytest.mark.parametrize(("volume", "outcome"), [(27_250, "done"), (27_000, "refused")])
    def test_volume(self, tmp_path, volume, outcome):
        """0.5 of a million at 185 are 2,702 shares."""
        desk = Desk(tmp_path, text=self.TEXT)
        facts = {"average_daily_volume": {"AAPL": volume}, "sectors": {"AAPL": "Tech"}}
        report = run(desk, {"AAPL": 0.5}, **facts)
        assert report.outcome.value == outcome, report.reason
        assert ("max_adv_frac = 0.1" in report.reason) == (outcome == "refused")

    @pytest.mark.parametrize(("other", "outcome"), [("Banks", "done"), ("Tech", "refused")])
    def test_sectors(self, tmp_path, other, outcome):
        desk = Desk(tmp_path, text=self.TEXT)
        facts = {"average_daily_volume": {"AAPL": 1e6, "MSFT": 1e6}, "sectors": {"AAPL": "Tech", "MSFT": other}}
        report = run(desk, {"AAPL": 0.4, "MSFT": 0.4}, **facts)
        assert report.outcome.value == outcome, report.reason
        assert ("max_sector_frac = 0.6" in report.reason) == (outcome == "refused")

    def test_nothing_told_is_refused(self, tmp_path):
        report = run(Desk(tmp_path, text=self.TEXT), {"AAPL": 0.5})
        assert report.outcome is RunOutcome.REFUSED
        assert {check.number for check in report.risk.failures} == {10, 28}


class TestRefusals:
    def test_risk_says_no(self, tmp_path):
        desk = Desk(tmp_path, text="max_net_frac = 0.4\n")
        report = run(desk, {"AAPL": 0.5})
        assert report.outcome is RunOutcome.REFUSED
        assert "FAIL 24 net" in report.reason
        assert sent(desk) == []
        assert kinds(desk)[-1] == "run_completed"

    def test_a_targets_own_constraint(self, tmp_path):
        desk = Desk(tmp_path)
        report = run(desk, {"AAPL": 0.5}, constraints={"max_position_pct": 0.4})
        assert report.outcome is RunOutcome.REFUSED
        assert "FAIL 14" in report.reason

    def test_too_many_orders(self, tmp_path):
        desk = Desk(tmp_path, text="[execution]\nmax_orders_per_run = 1\n")
        report = run(desk, {"AAPL": 0.5, "MSFT": 0.2})
        assert report.outcome is RunOutcome.REFUSED
        assert "more than execution.max_orders_per_run = 1" in report.reason
        assert sent(desk) == []

    def test_the_kill_switch(self, tmp_path):
        desk = Desk(tmp_path)
        desk.kill_switch.pull(who="me", why="test")
        report = run(desk, {"AAPL": 0.5})
        assert report.outcome is RunOutcome.REFUSED
        assert "FAIL 42 kill switch" in report.reason

    def test_a_dry_run_sends_and_writes_nothing(self, tmp_path):
        desk = Desk(tmp_path)
        broker = PaperBroker(desk.market, sleep=desk.clock.sleep)
        broker.connect()
        rebalancer = Rebalancer(
            broker,
            None,
            desk.config,
            kill_switch=desk.kill_switch,
            loss_monitor=LossMonitor(desk.config.limits()),
            clocks=Clocks(desk.clock, desk.monotonic_s, desk.clock.sleep),
        )
        report = rebalancer.run(target({"AAPL": 0.5}), RunOptions(is_dry_run=True))
        assert report.outcome is RunOutcome.DRY_RUN, report.reason
        assert len(report.plan.orders) == 1
        assert report.risk.is_accepted
        assert sent(desk) == []
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(RebalanceError, match="orders need a journal"):
            rebalancer.run(target({"AAPL": 0.5}), RunOptions())

    def test_a_human_says_no(self, tmp_path):
        desk = Desk(tmp_path)
        asked = []
        report = run(desk, {"AAPL": 0.5}, RunOptions(confirm=lambda plan, risk: bool(asked.append((plan, risk)))))
        assert report.outcome is RunOutcome.DECLINED
        assert asked[0][0].orders[0].symbol == "AAPL"
        assert sent(desk) == []

    def test_a_human_thinks_longer_than_quotes_live(self, tmp_path):
        desk = Desk(tmp_path)

        def confirm(_plan, _risk):
            desk.clock.sleep(31)
            return True

        with pytest.raises(StalePlanError, match="waited longer for its confirmation than 30 s"):
            run(desk, {"AAPL": 0.5}, RunOptions(confirm=confirm))
        assert sent(desk) == []

    def test_old_quotes(self, tmp_path):
        desk = Desk(tmp_path)

        class Slow(PaperBroker):
            def quote(self, symbol):
                return replace(super().quote(symbol), ts_ns=desk.clock() - 31 * E9)

        broker = Slow(desk.market, sleep=desk.clock.sleep)
        with desk.open(broker=broker) as rebalancer, pytest.raises(StalePlanError, match="AAPL is of 31 s ago"):
            rebalancer.run(target({"AAPL": 0.5}), UNATTENDED)
        assert sent(desk) == []
        assert desk.events()[-1][1]["reason"].startswith("1 of 1 quotes are too old: AAPL is of 31 s ago.")


class TestFailures:
    """Only a process that is killed leaves a run open in the journal."""

    @pytest.mark.parametrize("failure", [KeyboardInterrupt(), SystemExit(143), RuntimeError("Aborted")], ids=repr)
    def test_an_end_at_the_question_is_written(self, tmp_path, failure):
        desk = Desk(tmp_path)

        def confirm(_plan, _risk):
            raise failure

        with pytest.raises(type(failure)):
            run(desk, {"AAPL": 0.5}, RunOptions(confirm=confirm))
        kind, said = desk.events()[-1]
        assert (kind, said["outcome"]) == ("run_completed", "failed")
        assert said["reason"] == str(failure) or type(failure).__name__
        assert sent(desk) == []

    def test_a_name_that_the_venue_does_not_list(self, tmp_path):
        desk = Desk(tmp_path)
        with pytest.raises(NanodeskError):
            run(desk, {"AAPL": 0.5, "NONE": 0.1})
        kind, said = desk.events()[-1]
        assert (kind, said["outcome"]) == ("run_completed", "failed")
        assert "NONE" in said["reason"]
        assert run(desk, {"AAPL": 0.5}).outcome is RunOutcome.DONE
        with desk.open() as rebalancer:
            assert sorted(rebalancer._engine.ledger.runs.values()) == ["completed", "failed"]

    def test_a_kill_leaves_it_open(self, tmp_path):
        desk = Desk(tmp_path)

        def killed(step):
            if step == "run.plan":
                raise Died

        with pytest.raises(Died), desk.open(reached=killed) as rebalancer:
            rebalancer.run(target({"AAPL": 0.5}), UNATTENDED)
        assert "run_completed" not in kinds(desk)


class TestTime:
    def test_an_order_that_is_not_done_in_time_is_cancelled(self, tmp_path):
        """nanobook looks at its time-out only when a message comes; a silent market waits for ever (its bug 14)."""
        desk = Desk(tmp_path, sizes=THIN)
        report = run(desk, {"AAPL": 0.5})
        assert report.outcome is RunOutcome.INCOMPLETE
        assert report.lines[0].status == "partial"
        assert desk.held() == {"AAPL": 100}
        assert desk.open_orders() == ()
        assert 300 <= (desk.clock() - 1_706_734_800 * E9) / E9 < 302
        assert [row.symbol for row in report.drift.drifted] == ["AAPL"]

    def test_orders_keep_their_distance(self, tmp_path):
        desk = Desk(tmp_path, text="[execution]\norder_interval_ms = 1500\n")
        run(desk, {"AAPL": 0.3, "MSFT": 0.3, "NVDA": 0.3})
        times = [order.created_ns for order in desk.market.orders("PAPER")]
        assert [(later - first) / E9 for first, later in pairwise(times)] == [1.5, 1.5]

    def test_a_stop_cancels_the_rest_and_reports(self, tmp_path):
        desk = Desk(tmp_path, sizes=THIN)

        def stop_between(step):
            desk.stop = desk.stop or step == "orders.between"

        with desk.open(reached=stop_between) as rebalancer:
            report = rebalancer.run(target({"AAPL": 0.3, "MSFT": 0.3, "NVDA": 0.3}), UNATTENDED)
        assert report.outcome is RunOutcome.STOPPED
        assert [line.status for line in report.lines] == ["partial", "filled", "not sent"]
        assert desk.open_orders() == ()
        assert kinds(desk)[-1] == "run_completed"

    def test_a_kill_switch_pulled_on_the_way(self, tmp_path):
        desk = Desk(tmp_path)

        def pull(step):
            if step == "orders.between":
                desk.kill_switch.pull(who="other process", why="test")

        with desk.open(reached=pull) as rebalancer:
            report = rebalancer.run(target({"AAPL": 0.3, "MSFT": 0.3}), UNATTENDED)
        assert report.outcome is RunOutcome.STOPPED
        assert [line.status for line in report.lines] == ["filled", "refused"]
        assert "kill switch" in report.lines[1].reason

    def test_a_clock_that_is_set_on_the_way(self, tmp_path):
        desk = Desk(tmp_path, sizes=THIN, text="[logging]\nclock_skew_threshold_sec = 5\n")
        step_ns = []
        with desk.open() as rebalancer:
            clocks = Clocks(lambda: desk.clock() - sum(step_ns), desk.monotonic_s, desk.clock.sleep)
            rebalancer._clocks = clocks
            rebalancer._reached = lambda step: step_ns.append(6 * E9) if step == "orders.between" else None
            report = rebalancer.run(target({"AAPL": 0.3, "MSFT": 0.3, "NVDA": 0.3}), UNATTENDED)
        assert report.outcome is RunOutcome.STOPPED
        assert "the clock moved by" in report.reason
        assert desk.open_orders() == ()
        assert "NVDA" not in desk.held()


class TestStyles:
    def test_market_orders(self, tmp_path):
        desk = Desk(tmp_path, text='[execution]\norder_type = "market"\n')
        report = run(desk, {"AAPL": 0.5})
        assert report.outcome is RunOutcome.DONE, report.reason
        assert desk.market.orders("PAPER")[0].order.limit_price_e9 is None

    def test_slices_in_time_follow_the_quote(self, tmp_path):
        text = '[execution]\norder_type = "twap"\ntwap_slices = 4\ntwap_interval_secs = 60\n'
        desk = Desk(tmp_path, text=text)

        def move(_step):
            desk.market.set_quote(quotes_of({"AAPL": ("186.99", "187.01")})[0])

        with desk.open() as rebalancer:
            rebalancer._reached = lambda step: move(step) if step == "orders.between" else None
            report = rebalancer.run(target({"AAPL": 0.5}), UNATTENDED)
        assert report.outcome is RunOutcome.DONE, report.reason
        orders = desk.market.orders("PAPER")
        assert [order.order.quantity_e9 // E9 for order in orders] == [676, 676, 675, 675]
        assert [(order.created_ns - orders[0].created_ns) // E9 for order in orders] == [0, 60, 120, 180]
        assert format_e9(orders[0].order.limit_price_e9) == "185.11"
        assert format_e9(orders[-1].order.limit_price_e9) == "187.11"

    def test_a_peg_follows_the_middle_and_never_passes_the_limit(self, tmp_path):
        text = '[execution]\norder_type = "peg"\npeg_interval_ms = 1000\norder_timeout_secs = 10\n'
        desk = Desk(tmp_path, prices=QUOTES | {"AAPL": ("184.00", "186.00")}, text=text)
        steps = iter([("184.50", "186.10"), ("184.60", "185.40"), ("190.00", "192.00")])

        def sleep(seconds):
            before = desk.clock() // E9
            desk.clock.sleep(seconds)
            if desk.clock() // E9 % 2 == 0 and before != desk.clock() // E9 and (prices := next(steps, None)):
                desk.market.set_quote(quotes_of({"AAPL": prices})[0])

        with desk.open() as rebalancer:
            rebalancer._broker._sleep = sleep
            report = rebalancer.run(target({"AAPL": 0.5}), UNATTENDED)
        limits = [format_e9(order.order.limit_price_e9) for order in desk.market.orders("PAPER")]
        assert limits == ["185", "185.3", "185", "186.1"]  # its own bid is not the market's; the plan's limit holds
        assert report.outcome is RunOutcome.INCOMPLETE
        assert desk.open_orders() == ()


class TestAgain:
    def test_a_scheduled_run_of_a_done_window_is_refused(self, tmp_path):
        """nanobook's window is only blocked after it is done, by a hash of one process (its bug 11)."""
        desk = Desk(tmp_path)
        assert run(desk, {"AAPL": 0.5}, CRON, run_id="night").outcome is RunOutcome.DONE
        with pytest.raises(DuplicateRunError, match=r"window .* \(night\) was completed before"):
            run(desk, {"AAPL": 0.5}, CRON, run_id="night")
        assert run(desk, {"AAPL": 0.4}, CRON, run_id="night").outcome is RunOutcome.DONE
        assert run(desk, {"AAPL": 0.4}, UNATTENDED, run_id="night").outcome is RunOutcome.NOTHING_TO_DO

    def test_limits_of_a_day_hold_for_all_its_runs(self, tmp_path):
        desk = Desk(tmp_path, text="max_daily_notional = 600000\n")
        assert run(desk, {"AAPL": 0.5}).outcome is RunOutcome.DONE
        desk.clock.sleep(60)
        again = run(desk, {"AAPL": 0.5, "MSFT": 0.2})
        assert again.outcome is RunOutcome.REFUSED
        assert "FAIL 29" in again.reason
        desk.clock.sleep(24 * 3600)
        assert run(desk, {"AAPL": 0.5, "MSFT": 0.2}).outcome is RunOutcome.DONE

    def test_a_refused_run_may_be_repeated(self, tmp_path):
        desk = Desk(tmp_path)
        desk.kill_switch.pull(who="me", why="test")
        assert run(desk, {"AAPL": 0.5}, CRON).outcome is RunOutcome.REFUSED
        desk.kill_switch.reset(who="me", why="test")
        assert run(desk, {"AAPL": 0.5}, CRON).outcome is RunOutcome.DONE

    def test_runs_of_one_window_have_names_of_their_own(self, tmp_path):
        desk = Desk(tmp_path)
        names = {run(desk, {"AAPL": weight}).run_id for weight in (0.5, 0.5, 0.4)}
        assert len(names) == 3


class Flaky(PaperBroker):
    """A broker whose line is down for ``down_s`` from the first time that ``strike`` is called."""

    def __init__(self, desk, down_s):
        super().__init__(desk.market, sleep=desk.clock.sleep)
        self._desk, self._down_s, self._until_s = desk, down_s, None

    def strike(self, step="orders.between"):
        if step == "orders.between" and self._until_s is None:
            self._until_s = self._desk.monotonic_s() + self._down_s

    @property
    def is_connected(self):
        return super().is_connected and (self._until_s is None or self._desk.monotonic_s() >= self._until_s)


class TestLine:
    """A venue ends its connections once a day, a gateway restarts every night."""

    def test_an_outage_between_two_orders_is_waited_out(self, tmp_path):
        desk = Desk(tmp_path)
        broker = Flaky(desk, 20.0)
        with desk.open(broker=broker, reached=broker.strike) as rebalancer:
            report = rebalancer.run(target({"AAPL": 0.3, "MSFT": 0.3, "NVDA": 0.2}), UNATTENDED)
        assert report.outcome is RunOutcome.DONE, report.reason
        assert [symbol for symbol, *_ in sent(desk)] == ["AAPL", "MSFT", "NVDA"]

    def test_an_order_whose_time_was_up_meanwhile_is_cancelled_afterwards(self, tmp_path):
        desk = Desk(tmp_path, sizes=THIN, text="[execution]\norder_timeout_secs = 5\n")
        broker = Flaky(desk, 20.0)
        with desk.open(broker=broker, reached=broker.strike) as rebalancer:
            report = rebalancer.run(target({"AAPL": 0.3, "MSFT": 0.3}), UNATTENDED)
        assert report.outcome is RunOutcome.INCOMPLETE
        assert [line.status for line in report.lines] == ["partial", "filled"]
        assert desk.open_orders() == ()

    def test_a_line_that_stays_away_ends_the_run(self, tmp_path):
        desk = Desk(tmp_path)
        broker = Flaky(desk, 1e9)
        started_s = desk.monotonic_s()
        with desk.open(broker=broker, reached=broker.strike) as rebalancer, pytest.raises(NotConnectedError):
            rebalancer.run(target({"AAPL": 0.3, "MSFT": 0.3}), UNATTENDED)
        assert 60 <= desk.monotonic_s() - started_s < 62
        assert len(sent(desk)) == 1


class TestWhatOnlyAPersonKnows:
    def test_a_split_stops_everything_and_says_what_to_do(self, tmp_path):
        desk = Desk(tmp_path)
        run(desk, {"AAPL": 0.5})
        paper_admin.split(desk.market, "AAPL", 2, 1)
        for _ in range(2):
            report = run(desk, {"AAPL": 0.4, "MSFT": 0.3})
            assert report.outcome is RunOutcome.REFUSED
            assert "nanodesk rebalance recover --accept AAPL" in report.warnings[-1]
        assert "the broker's books differed" not in report.warnings[0]  # told once; the block goes on

    def test_it_goes_on_when_a_person_has_accepted(self, tmp_path):
        desk = Desk(tmp_path)
        run(desk, {"AAPL": 0.5})
        paper_admin.split(desk.market, "AAPL", 2, 1)
        run(desk, {"AAPL": 0.4})
        with desk.open() as rebalancer:
            assert reconcile(rebalancer._engine, accept=["AAPL"]).is_clean
            assert rebalancer.run(target({"AAPL": 0.4}), UNATTENDED).outcome is RunOutcome.DONE


class Died(BaseException):
    """Stands for the end of the process."""


class TestDeath:
    """The process ends at a step; the next run takes the account to the target, and nothing was bought twice."""

    STEPS = (
        "run.before_started",
        "run.started",
        "run.positions",
        "run.quotes",
        "run.plan",
        "run.risk",
        "orders.between",
        "reconcile.before",
        "run.before_completed",
        "intent.logged",
        "ack.logged",
    )

    @pytest.mark.parametrize("step", STEPS)
    @pytest.mark.parametrize("sizes", [None, THIN], ids=["deep", "thin"])
    def test_at(self, tmp_path, step, sizes):
        desk = Desk(tmp_path, sizes=sizes, text="[execution]\norder_timeout_secs = 5\n")

        def die(reached):
            if reached == step:
                raise Died

        with pytest.raises(Died), desk.open(reached=die) as rebalancer:
            rebalancer.run(target({"AAPL": 0.5, "MSFT": 0.3}), UNATTENDED)
        desk.market.set_quote(quotes_of(QUOTES)[0])
        report = run(desk, {"AAPL": 0.5, "MSFT": 0.3})
        assert report.outcome in (RunOutcome.DONE, RunOutcome.NOTHING_TO_DO), report.reason
        assert abs(desk.held()["AAPL"] - 2702) <= 1
        assert abs(desk.held()["MSFT"] - 810) <= 1
        assert desk.open_orders() == ()
        bought = sum(e.quantity_e9 for e in desk.market.executions("PAPER")) // E9
        assert bought == sum(desk.held().values())
        with Journal.open(tmp_path / "orders.db", read_only=True) as journal:
            journal.verify()

    def test_a_lost_answer_is_found_not_sent_again(self, tmp_path):
        for is_accepted in (True, False):
            folder = tmp_path / str(is_accepted)
            folder.mkdir()
            desk = Desk(folder)
            broker = PaperBroker(desk.market, sleep=desk.clock.sleep)
            broker.lose_reply(is_accepted=is_accepted)
            with desk.open(broker=broker) as rebalancer:
                report = rebalancer.run(target({"AAPL": 0.5}), UNATTENDED)
            assert desk.held() == ({"AAPL": 2702} if is_accepted else {})
            assert report.outcome is (RunOutcome.DONE if is_accepted else RunOutcome.INCOMPLETE)
            assert len(sent(desk)) == is_accepted


class TestFlatten:
    def test_everything_is_closed_under_the_kill_switch(self, tmp_path):
        desk = Desk(tmp_path, held={"MSFT": "100", "NVDA": "50"})
        desk.kill_switch.pull(who="me", why="test", may_flatten=True)
        with desk.open() as rebalancer:
            results = rebalancer.flatten("kill-1")
        assert [result.status for result in results] == ["filled", "filled"]
        assert desk.held() == {}

    def test_not_unless_the_switch_allows_it(self, tmp_path):
        desk = Desk(tmp_path, held={"MSFT": "100"})
        desk.kill_switch.pull(who="me", why="test")
        with desk.open() as rebalancer:
            results = rebalancer.flatten("kill-1")
        assert results[0].status == "refused"
        assert desk.held() == {"MSFT": 100}

    def test_an_old_quote_of_one_name_does_not_keep_the_others(self, tmp_path):
        desk = Desk(tmp_path, held={"MSFT": "100", "NVDA": "50"})
        desk.kill_switch.pull(who="me", why="test", may_flatten=True)
        broker = OldQuote(desk.market, sleep=desk.clock.sleep)
        with desk.open(broker=broker) as rebalancer:
            results = rebalancer.flatten("kill-1")
        assert [(result.line.symbol, result.status) for result in results] == [("MSFT", "refused"), ("NVDA", "filled")]
        assert "quote age" in results[0].reason

    def test_shorts_are_covered_without_buying_power(self, tmp_path):
        desk = Desk(tmp_path, held={"MSFT": "-100"}, leverage=4)
        desk.kill_switch.pull(who="me", why="test", may_flatten=True)
        broker = Poor(desk.market, sleep=desk.clock.sleep)
        with desk.open(broker=broker) as rebalancer:
            (result,) = rebalancer.flatten("kill-1")
        assert (result.status, desk.held()) == ("filled", {})


class TestDrift:
    def test_rows(self, tmp_path):
        desk = Desk(tmp_path, held={"AAPL": "2702", "NVDA": "10"}, cash="500000")
        with desk.open() as rebalancer:
            report = rebalancer.drift(target({"AAPL": 0.5, "MSFT": 0.1}))
        rows = {row.symbol: (format_e9(row.held_e9), format_e9(row.wanted_e9), row.is_drifted) for row in report.rows}
        assert rows == {"AAPL": ("2702", "2718", True), "MSFT": ("0", "271", True), "NVDA": ("10", "0", True)}
        squares = [(row.actual_e9 - row.weight_e9) ** 2 for row in report.rows]
        assert report.tracking_error_pct == pytest.approx(100 * (sum(squares) / 3) ** 0.5 / 1e9)
        assert report.equity_e9 == parse_e9("1005870")


class OldQuote(StandingQuotesBroker):
    """Nobody quotes MSFT any more."""

    def quote(self, symbol):
        quote = super().quote(symbol)
        return replace(quote, ts_ns=quote.ts_ns - 3600 * E9) if symbol == "MSFT" else quote


class Poor(StandingQuotesBroker):
    """Lends nothing."""

    def account(self):
        return replace(super().account(), buying_power_e9=0)


class Refusing(StandingQuotesBroker):
    """Refuses orders until an instant of its market's clock."""

    until_ns, code, may_retry = 0, "RATE_LIMIT", True

    def submit(self, order):
        if self.market.now_ns() < self.until_ns:
            return Outcome(OutcomeKind.REFUSED, code=self.code, text="not now", may_retry=self.may_retry)
        return super().submit(order)


class TestVenueRefusals:
    WEIGHTS: ClassVar = {"AAPL": 0.3, "MSFT": 0.3, "NVDA": 0.3}

    def refusing(self, desk, seconds, **said):
        broker = Refusing(desk.market, sleep=desk.clock.sleep)
        broker.until_ns = desk.clock() + seconds * E9
        for name, value in said.items():
            setattr(broker, name, value)
        return broker

    def test_a_full_limit_is_waited_for_by_all_orders_and_breaks_nothing(self, tmp_path):
        desk = Desk(tmp_path, text="max_consecutive_rejects = 1\n")
        with desk.open(broker=self.refusing(desk, 40)) as rebalancer:
            report = rebalancer.run(target(self.WEIGHTS), UNATTENDED)
        assert report.outcome is RunOutcome.DONE, report.reason
        assert [line.status for line in report.lines] == ["filled"] * 3

    def test_an_account_that_takes_long_to_read_leaves_no_old_quote(self, tmp_path):
        desk = Desk(tmp_path, text="[execution]\norder_interval_ms = 1500\n")

        class Slow(StandingQuotesBroker):
            def account(self):
                if desk.market.orders("PAPER"):
                    desk.clock.sleep(45)  # longer than a quote lives
                return super().account()

        with desk.open(broker=Slow(desk.market, sleep=desk.clock.sleep)) as rebalancer:
            report = rebalancer.run(target(self.WEIGHTS), UNATTENDED)
        assert report.outcome is RunOutcome.DONE, report.reason

    def test_rejects_in_a_row_stop_the_day_until_a_person_releases_it(self, tmp_path):
        desk = Desk(tmp_path, text="max_consecutive_rejects = 2\n")
        broker = self.refusing(desk, 1, code="no", may_retry=False)
        with desk.open(broker=broker) as rebalancer:
            assert rebalancer.run(target(self.WEIGHTS), UNATTENDED).outcome is not RunOutcome.DONE
        desk.clock.sleep(60)
        refused = run(desk, self.WEIGHTS)
        assert refused.outcome is RunOutcome.REFUSED
        assert "FAIL 34 reject and slippage breaker" in refused.reason
        desk.kill_switch.reset(who="me", why="the venue was closed")
        assert run(desk, self.WEIGHTS).outcome is RunOutcome.DONE
