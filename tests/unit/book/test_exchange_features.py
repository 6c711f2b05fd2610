"""Stops, prevention, icebergs, pegs, links, allocation, sessions and auctions: the rules' own examples."""

from __future__ import annotations

import pytest

from nanodesk.book.exchange import Exchange
from nanodesk.errors import BookError, CrossedBookError, PriceError, QuantityError, UnknownOrderError, ValidationError
from nanodesk.market.instrument import Instrument


def trade(exchange, price, quantity=1):
    """Make one trade at a price on an empty book."""
    exchange.submit_limit("sell", price, quantity)
    return exchange.submit_limit("buy", price, quantity)


class TestStops:
    def test_triggered_stop_knows_its_order(self):
        exchange = Exchange()
        stop = exchange.submit_stop_market("sell", 95, 5)
        assert (stop.status, exchange.get_order(stop.order_id)) == ("pending", None)
        exchange.submit_limit("buy", 94, 9)
        exchange.submit_limit("buy", 95, 1)
        exchange.submit_market("sell", 1)
        became = exchange.get_stop_order(stop.order_id).triggered_order_id
        assert exchange.get_order(became).stop_id == stop.order_id
        assert exchange.trades()[-1].aggressor_order_id == became
        assert exchange.take_notices()[0].kind == "triggered"

    def test_every_price_of_a_sweep_is_seen(self):
        # execution-kernel.md section 5: a buy stop at 10050 sleeps there when one order trades at 10100, then 10000
        exchange = Exchange()
        exchange.submit_limit("buy", 10_100, 1)
        exchange.submit_limit("buy", 10_000, 1)
        exchange.submit_stop_market("buy", 10_050, 1)
        exchange.submit_market("sell", 2)
        assert exchange.pending_stop_count() == 0

    def test_published_trailing_example(self):
        exchange = Exchange()
        stop = exchange.submit_trailing_stop_market("sell", 9_500, 1, "fixed", 200).order_id
        seen = []
        for price in (10_000, 10_300, 10_200, 10_150):
            trade(exchange, price)
            seen.append(exchange.get_stop_order(stop).stop_price)
        assert seen == [9_800, 10_100, 10_100, 10_100]
        trade(exchange, 10_100)
        assert exchange.get_stop_order(stop).status == "triggered"

    def test_percentage_rounds_half_up(self):
        exchange = Exchange()
        stop = exchange.submit_trailing_stop_market("sell", 1, 1, "percentage", 0.05).order_id
        trade(exchange, 10_010)
        assert exchange.get_stop_order(stop).stop_price == 9_509

    def test_wilder_range(self):
        exchange = Exchange()
        stop = exchange.submit_trailing_stop_market("sell", 1, 1, "wilder_atr", 2.0, 2).order_id
        prices = (100, 110, 104, 124)
        stops = []
        for price in prices:
            trade(exchange, price)
            stops.append(exchange.get_stop_order(stop).stop_price)
        # ranges 10, 6, 20: average 8 after two, then (8 + 20) / 2 = 14
        assert stops == [1, 1, 110 - 16, 124 - 28]

    def test_cascade_of_ten_thousand(self):
        n = 10_000
        exchange = Exchange(cascade_limit=n + 1)
        for i in range(n):
            exchange.submit_limit("buy", 20_000 - i, 1)
            exchange.submit_stop_market("sell", 20_000 - i, 1)
        exchange.submit_limit("buy", 20_001, 1)
        exchange.submit_limit("sell", 20_000, 2)
        assert exchange.pending_stop_count() == 0
        assert not [notice for notice in exchange.notices() if notice.kind == "cascade_limit"]

    def test_the_limit_of_a_cascade_is_said(self):
        exchange = Exchange(cascade_limit=3)
        for i in range(10):
            exchange.submit_limit("buy", 100 - i, 1)
            exchange.submit_stop_market("sell", 100 - i, 1)
        exchange.submit_limit("sell", 100, 1)
        assert exchange.take_notices()[-1].kind == "cascade_limit"
        before = exchange.pending_stop_count()
        assert before > 0
        trade(exchange, 200)
        assert exchange.pending_stop_count() < before

    @pytest.mark.parametrize(
        "arguments",
        [
            ("fixed", 0),
            ("percentage", 0.0),
            ("percentage", 1.5),
            ("sma_abs_change", 1.0),
            ("moon", 1),
            ("fixed", float("nan")),
        ],
    )
    def test_bad_trails(self, arguments):
        with pytest.raises(ValidationError):
            Exchange().submit_trailing_stop_market("sell", 100, 1, *arguments)


class TestSelfTrade:
    @pytest.mark.parametrize(
        ("mode", "filled", "resting", "cancelled", "asks"),
        [
            ("off", 10, 0, 0, []),
            ("cancel_newest", 0, 0, 10, [(100, 4, 1), (101, 9, 1)]),
            ("cancel_oldest", 9, 1, 0, []),
            ("cancel_both", 0, 0, 10, [(101, 9, 1)]),
            ("decrement", 6, 0, 4, [(101, 3, 1)]),
        ],
    )
    def test_modes(self, mode, filled, resting, cancelled, asks):
        exchange = Exchange()
        exchange.submit_limit("sell", 100, 4, owner=1)
        exchange.submit_limit("sell", 101, 9, owner=2)
        result = exchange.submit_limit("buy", 101, 10, owner=1, self_trade=mode)
        assert (result.filled_quantity, result.resting_quantity, result.cancelled_quantity) == (
            filled,
            resting,
            cancelled,
        )
        if mode != "off":
            assert [tuple(level) for level in exchange.full_book().asks] == asks

    def test_fok_looks_past_own_orders(self):
        exchange = Exchange()
        exchange.submit_limit("sell", 100, 4, owner=1)
        exchange.submit_limit("sell", 100, 6, owner=2)
        assert exchange.submit_limit("buy", 100, 10, "fok", owner=1, self_trade="cancel_oldest").reason == "fok"
        assert exchange.submit_limit("buy", 100, 6, "fok", owner=1, self_trade="cancel_oldest").filled_quantity == 6

    def test_needs_an_owner(self):
        with pytest.raises(ValidationError, match="Give owner="):
            Exchange().submit_limit("buy", 1, 1, self_trade="decrement")


class TestOrderOptions:
    def test_post_only(self):
        exchange = Exchange()
        exchange.submit_limit("sell", 100, 1)
        assert exchange.submit_limit("buy", 100, 1, post_only=True).reason == "post_only"
        assert exchange.submit_limit("buy", 99, 1, post_only=True).resting_quantity == 1

    def test_iceberg_shows_a_part_and_goes_to_the_back(self):
        exchange = Exchange()
        exchange.submit_limit("sell", 100, 10, display=4)
        exchange.submit_limit("sell", 100, 5)
        assert exchange.depth(1).asks[0].quantity == 9
        trades = exchange.submit_limit("buy", 100, 11).trades
        assert [(t.passive_order_id, t.quantity) for t in trades] == [(1, 4), (2, 5), (1, 2)]
        assert exchange.depth(1).asks[0].quantity == 2

    def test_iceberg_parts_are_bounded(self):
        with pytest.raises(QuantityError):
            Exchange().submit_limit("sell", 100, 10_000_000, display=1)

    def test_min_quantity(self):
        exchange = Exchange()
        exchange.submit_limit("sell", 100, 4)
        assert exchange.submit_limit("buy", 100, 10, min_quantity=5).reason == "min_quantity"
        assert exchange.submit_limit("buy", 100, 10, min_quantity=4).filled_quantity == 4

    def test_reduce_only(self):
        exchange = Exchange()
        assert exchange.submit_limit("sell", 100, 5, reduce_only=True, owner=1).reason == "reduce_only"
        exchange.set_position(1, 3)
        result = exchange.submit_limit("sell", 100, 5, reduce_only=True, owner=1)
        assert (result.resting_quantity, result.cancelled_quantity) == (3, 2)
        exchange.set_position(1, 1)
        assert exchange.submit_limit("buy", 100, 5).filled_quantity == 1
        assert exchange.position(1) == 0

    def test_pegs_follow_the_others(self):
        exchange = Exchange()
        exchange.submit_limit("buy", 90, 1)
        exchange.submit_limit("sell", 110, 1)
        peg = exchange.submit_pegged("buy", "mid", 5, -1).order_id
        assert exchange.get_order(peg).price == 99
        exchange.submit_limit("buy", 94, 1)
        assert exchange.get_order(peg).price == 101
        exchange.submit_market("buy", 1)
        assert exchange.get_order(peg).is_parked


class TestLinks:
    def test_oco(self):
        exchange = Exchange()
        ids = [exchange.submit_limit("sell", price, 5).order_id for price in (101, 105)]
        exchange.link("oco", ids)
        exchange.submit_limit("buy", 101, 1)
        assert exchange.best_bid_ask() == (None, 101)
        assert exchange.take_notices() == [("contingent", 2, 5, 1)]

    def test_ouo(self):
        exchange = Exchange()
        ids = [exchange.submit_limit("sell", price, 5).order_id for price in (101, 105)]
        exchange.link("ouo", ids)
        exchange.submit_limit("buy", 101, 2)
        assert [level.quantity for level in exchange.full_book().asks] == [3, 3]

    def test_bracket(self):
        exchange = Exchange()
        exchange.submit_limit("sell", 100, 10)
        bracket = exchange.submit_bracket("buy", 100, 10, 110, 90)
        assert (bracket.entry.filled_quantity, bracket.take_profit_id, bracket.stop_loss_id) == (10, 3, 4)
        assert exchange.best_ask() == 110
        assert exchange.get_stop_order(4).status == "pending"
        exchange.submit_limit("buy", 110, 10)
        assert exchange.get_stop_order(4).status == "cancelled"

    def test_errors(self):
        exchange = Exchange()
        exchange.submit_limit("buy", 1, 1)
        with pytest.raises(BookError):
            exchange.link("oco", [1])
        with pytest.raises(UnknownOrderError):
            exchange.link("oco", [1, 2])
        with pytest.raises(PriceError):
            exchange.submit_bracket("buy", 100, 1, 90, 95)


class TestAllocation:
    def book(self, **rules):
        exchange = Exchange(**rules)
        for quantity in (10, 30, 60):
            exchange.submit_limit("sell", 100, quantity)
        return exchange

    def shares(self, exchange, quantity):
        return [(t.passive_order_id, t.quantity) for t in exchange.submit_limit("buy", 100, quantity).trades]

    def test_price_time(self):
        assert self.shares(self.book(), 50) == [(1, 10), (2, 30), (3, 10)]

    def test_pro_rata(self):
        assert self.shares(self.book(matching="pro_rata"), 50) == [(1, 5), (2, 15), (3, 30)]

    def test_pro_rata_gives_crumbs_by_time(self):
        assert self.shares(self.book(matching="pro_rata"), 7) == [(1, 1), (2, 2), (3, 4)]
        assert self.shares(self.book(matching="pro_rata", min_allocation=3), 7) == [(1, 3), (3, 4)]

    def test_split(self):
        # 40 % of 50 = 20 by time: 10 + 10; the other 30 over 0, 20, 60: 7.5 and 22.5, the crumb by time
        assert self.shares(self.book(matching="split"), 50) == [(1, 10), (2, 18), (3, 22)]

    def test_top_order(self):
        assert self.shares(self.book(matching="pro_rata", top_order=True), 20) == [(1, 10), (2, 4), (3, 6)]


class TestSessions:
    def test_gtd_and_day(self):
        exchange = Exchange()
        exchange.submit_limit("buy", 10, 1, "gtd", expire_ns=100)
        with pytest.raises(ValidationError):
            exchange.submit_limit("buy", 11, 1, "day")
        exchange.set_session_close(50)
        exchange.submit_limit("buy", 11, 1, "day")
        exchange.advance_clock(50)
        assert exchange.best_bid() == 10
        exchange.advance_clock(100)
        assert exchange.best_bid() is None
        with pytest.raises(ValidationError):
            exchange.advance_clock(99)

    def test_halt(self):
        exchange = Exchange()
        exchange.submit_limit("buy", 10, 1)
        exchange.halt()
        assert exchange.submit_market("sell", 1).reason == "halted"
        assert exchange.modify(1, 11, 1).error == "Halted"
        assert exchange.cancel(1)
        exchange.resume()
        assert exchange.submit_limit("buy", 10, 1).reason is None

    def test_price_band(self):
        exchange = Exchange()
        exchange.submit_limit("sell", 100, 1)
        exchange.submit_limit("sell", 120, 1)
        exchange.set_price_band(90, 110)
        assert exchange.submit_limit("buy", 111, 1).reason == "price_band"
        assert exchange.submit_market("buy", 5).filled_quantity == 1


class TestAuction:
    def test_trades_most_at_one_price(self):
        exchange = Exchange()
        exchange.start_auction()
        for price, quantity in ((103, 5), (102, 5), (101, 10)):
            exchange.submit_limit("buy", price, quantity)
        for price, quantity in ((100, 6), (102, 6), (104, 9)):
            exchange.submit_limit("sell", price, quantity)
        assert exchange.indicative() == (102, 10, -2)
        with pytest.raises(CrossedBookError):
            exchange.resume()
        result = exchange.uncross()
        assert (result.price, result.volume) == (102, 10)
        assert {t.price for t in result.trades} == {102}
        assert exchange.best_bid_ask() == (101, 102)
        assert exchange.phase == "continuous"

    def test_market_orders_come_first_and_do_not_stay(self):
        exchange = Exchange()
        exchange.start_auction()
        exchange.submit_market("buy", 5)
        exchange.submit_limit("buy", 100, 5)
        exchange.submit_limit("sell", 99, 3)
        assert exchange.uncross().trades[0].passive_order_id == 1
        assert exchange.take_notices() == [("auction", 1, 2, 0)]

    def test_needs_an_auction(self):
        with pytest.raises(BookError):
            Exchange().uncross()

    def test_what_its_group_took_is_not_cancelled_again(self):
        exchange = Exchange()
        exchange.start_auction()
        exchange.submit_market("sell", 10)
        exchange.submit_market("sell", 10)
        exchange.link("ouo", (2, 1))
        exchange.uncross()
        assert [(notice.kind, notice.order_id) for notice in exchange.notices()] == [("auction", 1), ("contingent", 2)]


class TestLots:
    def test_lot(self):
        exchange = Exchange(Instrument("X", lot_size=10))
        with pytest.raises(QuantityError, match="lot_size=10"):
            exchange.submit_limit("buy", 1, 15)
        exchange.submit_limit("buy", 1, 20)
        assert exchange.reduce(1, 5).error == "InvalidQuantity"


class TestForgettingWithWorkLeft:
    def test_a_filled_parent_keeps_its_legs_when_history_is_cleared(self):
        exchange = Exchange(cascade_limit=1)
        exchange.submit_bracket("sell", 110, 5, 90, 130)
        exchange.submit_stop_market("buy", 100, 5)
        trade(exchange, 100)
        assert exchange.take_notices()[-1].kind == "cascade_limit"
        for price in range(20, 60):
            exchange.submit_limit("buy", price, 1, display=1)
        exchange.clear_order_history()
        exchange.clear_trades()
        trade(exchange, 101)
        assert exchange.best_bid() == 90
        assert exchange.get_stop_order(3).status == "pending"
        assert exchange.replayed().state_hash() == exchange.state_hash()

    def test_the_contingency_of_the_legs_is_not_that_of_the_parents_group(self):
        exchange = Exchange()
        exchange.submit_bracket("sell", 110, 5, 90, 130, contingency="ouo")
        other = exchange.submit_limit("buy", 50, 1).order_id
        exchange.link("oco", [1, other])
        exchange.submit_limit("buy", 110, 5)
        exchange.submit_limit("sell", 90, 2)
        assert exchange.get_stop_order(3).quantity == 3


class TestCapacity:
    def test_a_marked_stop_that_is_cut_gives_its_capacity_back_once(self):
        exchange = Exchange()
        exchange.submit_limit("buy", 99, 30)
        exchange.submit_stop_limit("buy", 103, 104, 30)
        exchange.link("ouo", [1, 2])
        exchange.submit_limit("sell", 103, 1)
        exchange.submit_stop_market("sell", 103, 20)
        exchange.submit_limit("buy", 103, 1)
        open_orders = [order for i in range(1, 10) if (order := exchange.get_order(i)) is not None]
        for side in ("buy", "sell"):
            expected = sum(order.remaining_quantity for order in open_orders if order.side.value == side)
            assert exchange.committed_quantity(side) == expected
