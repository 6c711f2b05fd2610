"""An emergency is no time for a clean desk: what can be closed is closed, whatever is wrong with the rest."""

from dataclasses import replace

import pytest

from nanodesk.brokers.base import Outcome, OutcomeKind
from nanodesk.brokers.paper import admin as paper_admin
from nanodesk.errors import BrokerError
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.order import Order, OrderType
from nanodesk.rebalance.earlier_runs import books_agree
from nanodesk.rebalance.standing_quotes import StandingQuotesBroker
from rebalance_desk import Desk, quotes_of


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path, held={"MSFT": "100", "NVDA": "50"}, can_short=True, leverage=2)
    desk.kill_switch.pull(who="me", why="test", may_flatten=True)
    return desk


def flatten(desk, broker=None):
    with desk.open(broker=broker) as rebalancer:
        return {result.line.symbol: result.status for result in rebalancer.flatten("kill-1")}


class OneBadQuote(StandingQuotesBroker):
    """MSFT is halted, delisted or without data: its quote is hours old, empty, or cannot be had."""

    fault = "old"

    def quote(self, symbol):
        quote = super().quote(symbol)
        if symbol != "MSFT":
            return quote
        if self.fault == "none":
            raise BrokerError("no market data for MSFT")
        if self.fault == "empty":
            return replace(quote, bid_e9=None, ask_e9=None, last_e9=None)
        return replace(quote, ts_ns=quote.ts_ns - 4 * 3600 * E9)


@pytest.mark.parametrize("fault", ["old", "empty", "none"])
def test_one_name_without_a_price_leaves_no_other_open(desk, fault):
    broker = OneBadQuote(desk.market, sleep=desk.clock.sleep)
    broker.fault = fault
    assert flatten(desk, broker)["NVDA"] == "filled"
    assert desk.held() == {"MSFT": 100}


def test_a_position_that_no_fill_explains_is_closed_too(desk):
    """A split or a transfer over night: the books differ, and the broker's word is what is closed."""
    with desk.open() as rebalancer:
        books_agree(rebalancer._engine, [])
    paper_admin.deposit(desk.market, "PAPER", "MSFT", parse_e9("100"))
    assert flatten(desk) == {"MSFT": "filled", "NVDA": "filled"}
    assert desk.held() == {}


@pytest.mark.parametrize("style", ["peg", "twap"])
def test_it_crosses_the_spread_at_once_whatever_the_style_of_a_rebalance(tmp_path, style):
    text = f'[execution]\norder_type = "{style}"\npeg_to = "near"\n'
    desk = Desk(tmp_path, held={"MSFT": "100"}, text=text)
    desk.kill_switch.pull(who="me", why="test", may_flatten=True)
    started = desk.clock()
    assert flatten(desk) == {"MSFT": "filled"}
    assert desk.clock() - started < 5 * E9 and len(desk.market.orders("PAPER")) == 1


def test_a_sale_that_cannot_be_cancelled_is_not_doubled(desk):
    class Deaf(StandingQuotesBroker):
        def cancel(self, client_order_id):
            return Outcome(OutcomeKind.UNKNOWN, text="lost")

    broker = Deaf(desk.market, sleep=desk.clock.sleep)
    desk.kill_switch.reset(who="me", why="test")
    with desk.open(broker=broker) as rebalancer:
        rebalancer._engine.submit(Order("old-1", "MSFT", Side.SELL, 100 * E9, OrderType.LIMIT, 400 * E9))
    desk.kill_switch.pull(who="me", why="test", may_flatten=True)
    flatten(desk, Deaf(desk.market, sleep=desk.clock.sleep))
    desk.market.set_quote(quotes_of({"MSFT": ("401.00", "402.00")}, {"MSFT": "9000"})[0])
    assert desk.held().get("MSFT", 0) >= 0
