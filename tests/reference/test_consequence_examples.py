"""Worked examples of stops, brackets, links, pegs, sessions and auctions, by hand from ``docs/exchange.md``."""

from __future__ import annotations

import pytest

from reference.book_examples import DRIVERS, Example
from reference.naive_hash import START, fold


@pytest.fixture(params=DRIVERS, ids=lambda driver: driver.__module__.split(".")[-1])
def example(request):
    """Makes an example book: the naive one and the compiled one must both give what was worked out by hand."""
    return lambda **configuration: Example(request.param, **configuration)


class TestStops:
    def test_triggers_at_once(self, example):
        book = example()
        book.trade_at(100)
        assert book.do("stop_market", "buy", 100, 5, {}) == ("stop", 3, "triggered", 4)
        assert book.do("stop_market", "buy", 101, 5, {}) == ("stop", 5, "pending", None)

    def test_stop_limit_rests(self, example):
        book = example()
        book.do("stop_limit", "sell", 100, 98, 5, "gtc", {})
        book.trade_at(100)
        assert book.notices == [("triggered", 1, 5, 4)]
        assert book.asks == [(98, 5, 1)]

    def test_cascade_ends_with_a_notice_and_goes_on_later(self, example):
        book = example(cascade_limit=2)
        for price in (100, 101, 102, 103, 104):
            book.sell(price, 1)
        for price in (100, 101, 102):
            book.do("stop_market", "buy", price, 1, {})
        book.buy(100, 1)
        assert [trade[1] for trade in book.seen[1]] == [100, 101, 102]
        assert book.notices == [("triggered", 6, 1, 10), ("triggered", 7, 1, 11), ("cascade_limit", 0, 1, 0)]
        book.sell(90, 1)
        book.buy(90, 1)
        assert [n[:2] for n in book.notices] == [("triggered", 8)]

    def test_trailing_fixed_of_the_specification(self, example):
        book = example()
        book.do("trail_market", "sell", 9500, 1, "fixed", 200, None, {})
        stops = []
        for price in (10_000, 10_300, 10_200, 10_150):
            book.trade_at(price)
            stops.append(book.driver.stops()[1][1])
        assert stops == [9800, 10_100, 10_100, 10_100]
        book.trade_at(10_100)
        assert book.notices[0][:2] == ("triggered", 1)

    def test_trailing_percentage_rounds_half_up(self, example):
        book = example()
        book.do("trail_market", "sell", 9000, 1, "percentage", 0.05, None, {})
        book.trade_at(10_010)
        assert book.driver.stops()[1][1] == 9509

    def test_trailing_mean_of_changes(self, example):
        book = example()
        book.do("trail_market", "sell", 100, 1, "sma_abs_change", 2.0, 2, {})
        for price, stop in ((1000, 100), (1010, 990), (1013, 1000), (1033, 1010)):
            # changes 10; 10, 3; 3, 20: offsets 20, 13, 23 below the highest print
            book.trade_at(price)
            assert book.driver.stops()[1][1] == stop

    def test_trailing_wilder(self, example):
        book = example()
        book.trade_at(1000)
        book.do("trail_market", "sell", 100, 1, "wilder_atr", 1.0, 2, {})
        for price, stop in ((1010, 100), (1030, 1015), (1050, 1033)):
            # ranges 10, 20 -> mean 15; then (15 + 20) / 2 = 17.5 -> 17
            book.trade_at(price)
            assert book.driver.stops()[3][1] == stop

    def test_halted_venue_rejects(self, example):
        book = example()
        book.do("halt")
        assert book.do("stop_market", "buy", 100, 1, {}) == ("stop", 1, "rejected", None)


class TestBrackets:
    def test_filled_parent_activates_both_legs(self, example):
        book = example()
        book.sell(100, 5)
        assert book.do("bracket", "buy", 100, 5, 110, 90, {})[2:] == (3, 4)
        assert book.notices == [("activated", 3, 5, 0), ("activated", 4, 5, 0)]
        assert book.asks == [(110, 5, 1)]

    def test_ouo_cuts_the_other_leg(self, example):
        book = example()
        book.sell(100, 5)
        book.do("bracket", "buy", 100, 5, 110, 90, {})
        book.buy(110, 2)
        assert book.notices == [("contingent", 4, 2, 3)]
        assert book.driver.stops()[4][3] == 3
        book.buy(110, 3)
        assert book.driver.stops()[4][4] == "cancelled"

    def test_stop_leg_triggers_and_cancels_the_profit(self, example):
        book = example()
        book.sell(100, 5)
        book.do("bracket", "buy", 100, 5, 110, 90, {"contingency": "oco"})
        book.buy(89, 5)
        book.trade_at(90)
        assert book.notices == [("triggered", 4, 5, 8), ("contingent", 3, 5, 4)]

    def test_cancelled_parent_drops_its_legs(self, example):
        book = example()
        book.do("bracket", "buy", 100, 5, 110, 90, {})
        book.do("cancel", 1)
        assert book.notices == [("dropped", 2, 5, 0), ("dropped", 3, 5, 0)]

    def test_legs_are_cut_to_what_the_parent_filled(self, example):
        book = example()
        book.do("bracket", "buy", 100, 5, 110, 90, {})
        book.do("reduce", 1, 2)
        book.sell(100, 3)
        assert book.notices == [("activated", 2, 3, 0), ("activated", 3, 3, 0)]

    def test_prices_must_lie_on_either_side(self, example):
        book = example()
        assert book.do("bracket", "buy", 100, 5, 90, 80, {})[:2] == ("error", "PriceError")
        assert book.do("bracket", "sell", 100, 5, 90, 110, {})[0] == "bracket"


class TestLinks:
    def test_oco_cancels_the_others(self, example):
        book = example()
        for price in (101, 102, 103):
            book.sell(price, 5)
        assert book.do("link", "oco", (3, 1, 2)) == ("link", 1)
        book.buy(101, 1)
        assert book.notices == [("contingent", 2, 5, 1), ("contingent", 3, 5, 1)]
        assert book.asks == [(101, 4, 1)]

    def test_ouo_follows_trades_and_dissolves_on_a_cancel(self, example):
        book = example()
        book.sell(101, 5)
        book.sell(102, 8)
        book.do("link", "ouo", (1, 2))
        book.buy(101, 2)
        assert book.open(2) == 6
        book.do("cancel", 1)
        assert book.notices == [("contingent", 2, 6, 1)]

    @pytest.mark.parametrize(
        ("ids", "error"), [((1,), "BookError"), ((1, 1), "BookError"), ((1, 99), "UnknownOrderError")]
    )
    def test_errors(self, example, ids, error):
        book = example()
        book.sell(101, 5)
        assert book.do("link", "oco", ids)[:2] == ("error", error)

    @pytest.mark.parametrize(
        ("mode", "loss"), [("cancel_newest", 0), ("cancel_oldest", 3), ("cancel_both", 3), ("decrement", 3)]
    )
    @pytest.mark.parametrize("matching", ["price_time", "pro_rata", "split"])
    def test_self_trade_that_takes_the_aggressor_out_by_its_group_ends_the_match(self, example, matching, mode, loss):
        book = example(matching=matching)
        book.buy(99, 3, owner=1)
        book.buy(99, 8, owner=1)
        book.sell(103, 9, owner=1, self_trade=mode)
        book.do("link", "oco", (1, 3))
        assert book.do("modify", 3, 99, 9) == ("modify", True, 3, 4, 9, "", 0)
        taken = [("self_trade", 1, 3, 4)] if loss else []
        by_group = ("contingent", 4, 9 - (loss if mode == "decrement" else 0), 1) if loss else ("contingent", 1, 3, 4)
        assert book.notices == [*taken, by_group]
        assert book.queue("buy") == [2]
        assert (book.open(2), book.status(4)) == (8, "cancelled")


class TestPegs:
    def test_follows_the_best_of_the_others(self, example):
        book = example()
        assert book.do("pegged", "buy", "bid", 5, 0, {})[2] == "new"
        assert book.bids == []
        book.buy(100, 1)
        assert book.notices == [("repriced", 1, 100, 0)]
        assert book.queue("buy") == [2, 1]
        book.do("cancel", 2)
        assert book.notices == [("parked", 1, 0, 0)]

    def test_mid_is_floored_and_never_takes(self, example):
        book = example()
        book.buy(100, 1)
        book.sell(103, 1)
        book.do("pegged", "buy", "mid", 5, 0, {})
        book.do("pegged", "buy", "ask", 5, 0, {"limit_price": 101})
        book.do("pegged", "sell", "mid", 5, 0, {})
        assert book.bids == [(101, 10, 2), (100, 1, 1)]
        assert book.asks == [(102, 5, 1), (103, 1, 1)]


class TestSessions:
    def test_expiry_in_order_of_time(self, example):
        book = example()
        book.buy(100, 1, "gtd", expire_ns=20)
        book.buy(100, 2, "gtd", expire_ns=10)
        book.do("clock", 20)
        assert book.notices == [("expired", 2, 2, 0), ("expired", 1, 1, 0)]

    def test_day_needs_a_close(self, example):
        book = example()
        assert book.buy(100, 1, "day")[:2] == ("error", "ValidationError")
        book.do("session_close", 5)
        book.buy(100, 1, "day")
        book.do("clock", 5)
        assert book.notices == [("expired", 1, 1, 0)]

    def test_band_rejects_and_clamps(self, example):
        book = example()
        book.sell(103, 5)
        book.do("band", None, 102)
        assert book.buy(103, 1)[6] == "price_band"
        assert book.do("market", "buy", 1, {})[2] == "cancelled"

    def test_halt(self, example):
        book = example()
        book.buy(100, 1)
        book.do("halt")
        assert book.sell(100, 1)[6] == "halted"
        assert book.do("modify", 1, 101, 1)[5] == "Halted"
        assert book.do("cancel", 1)[1] is True


class TestAuctions:
    def test_uncross(self, example):
        book = example()
        book.do("start_auction")
        for side, price, quantity in (("buy", 102, 10), ("buy", 100, 5), ("sell", 99, 8), ("sell", 101, 4)):
            book.do("limit", side, price, quantity, "gtc", {})
        # at 99, 100: 15 and 8; at 101, 102: 10 and 12 -> volume 10, surplus -2 at both: the lowest
        assert book.driver.indicative() == (101, 10, -2)
        assert book.do("uncross", None) == ("uncross", 101, 10)
        assert [trade[1:6] for trade in book.seen[1]] == [(101, 8, 3, 1, "sell"), (101, 2, 4, 1, "sell")]
        assert (book.bids, book.asks) == ([(100, 5, 1)], [(101, 2, 1)])

    def test_market_orders_wait_and_leave(self, example):
        book = example()
        book.do("start_auction")
        assert book.do("market", "buy", 5, {})[2] == "new"
        book.sell(100, 3)
        assert book.do("uncross", None) == ("uncross", 100, 3)
        assert book.notices == [("auction", 1, 2, 0)]

    def test_nearest_to_the_reference_and_the_higher_of_two(self, example):
        book = example()
        book.do("start_auction")
        book.buy(104, 5)
        book.sell(100, 5)
        assert book.driver.indicative(101) == (100, 5, 0)
        assert book.driver.indicative(102) == (104, 5, 0)
        assert book.driver.indicative() == (104, 5, 0)

    def test_rejections(self, example):
        book = example()
        book.do("start_auction")
        assert book.buy(100, 1, "ioc")[6] == "auction"
        assert book.buy(100, 1, post_only=True)[6] == "auction"
        assert book.do("bracket", "buy", 100, 5, 110, 90, {})[1][6] == "auction"

    def test_crossed_auction_cannot_resume(self, example):
        book = example()
        book.do("start_auction")
        book.buy(100, 1)
        book.sell(100, 1)
        assert book.do("resume") == ("error", "CrossedBookError", "phase")


class TestHash:
    def test_fold_by_hand(self):
        first = (START ^ 5) * 0x9E3779B97F4A7C15 % 2**64
        assert fold(START, [5]) == first ^ (first >> 32)

    def test_history_is_no_state(self, example):
        book = example()
        book.trade_at(100)
        before = book.seen[5]
        for command in ("clear_trades", "clear_order_history", "compact"):
            book.do(command)
            assert book.seen[5] == before
        assert book.do("cancel", 1) == ("cancel", False, 0, "OrderNotActive")
