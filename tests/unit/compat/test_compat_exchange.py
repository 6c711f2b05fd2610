import gc
import random

import pytest

from nanodesk.compat.nanobook import (
    CostModel,
    Exchange,
    MultiExchange,
    OrderId,
    OrderStatus,
    Portfolio,
    Price,
    Side,
    TimeInForce,
    Trade,
    TradeId,
)
from nanodesk.errors import PriceError, QuantityError, ValidationError


def book_of(*orders: tuple[str, int, int]) -> Exchange:
    book = Exchange()
    for side, price, quantity in orders:
        book.submit_limit(side, price, quantity)
    return book


class TestExchange:
    def test_words_are_members_too(self) -> None:
        book = Exchange()
        book.submit_limit(Side.Buy, Price(100_00), 10, TimeInForce.GTC)
        result = book.submit_limit("SELL", 100_00, 4, "Ioc")
        assert result.status == OrderStatus.Filled == "Filled"
        assert result.trades[0].aggressor_side == Side.Sell == "sell"

    def test_the_readable_forms(self) -> None:
        book = book_of(("buy", 100_50, 100), ("sell", 100_50, 40))
        assert repr(book) == "Exchange(bid=$100.50, ask=None, trades=1)"
        assert repr(book.get_order(1)) == "Order(id=1, side=buy, price=10050, qty=40/100, status=partiallyfilled)"
        assert repr(book.trades()) == "[Trade(id=1, price=$100.50, qty=40, side='sell')]"
        assert repr(book.depth()) == "BookSnapshot(bids=1, asks=0)"
        assert repr(book.depth().bids) == "[Level(price=$100.50, qty=60, orders=1)]"
        assert repr(book.cancel(1)) == "CancelResult(success=True, cancelled_quantity=60)"
        assert repr(book.cancel(9)) == "CancelResult(success=False, error='OrderNotFound')"
        assert repr(book.modify(1, 1, 1)) == "ModifyResult(success=False, error='OrderNotActive')"
        assert repr(book.submit_stop_market("sell", 1, 1)) == "StopSubmitResult(order_id=3, status='Pending')"

    def test_prices_of_any_sign_rest(self) -> None:
        book = book_of(("buy", 0, 1), ("buy", -5, 1))
        assert book.depth().bids[1].price == -5
        assert repr(book) == "Exchange(bid=$0.00, ask=None, trades=0)"

    @pytest.mark.parametrize("call", [
        lambda book: book.submit_limit("buy", 5, 0),
        lambda book: book.submit_limit("buy", 5, 0, "fok"),
        lambda book: book.submit_market("buy", 0),
        lambda book: book.submit_stop_market("buy", 5, 0),
        lambda book: book.submit_trailing_stop_limit("buy", 5, 5, 0, "fixed", 1),
        lambda book: book.try_submit_limit("buy", 0, 0),
        lambda book: book.try_submit_market("buy", 0),
    ])  # fmt: skip
    def test_nothing_of_zero_is_taken(self, call) -> None:
        book = Exchange()
        with pytest.raises(QuantityError):
            call(book)
        assert book.events() == []
        assert book.submit_limit("buy", 5, 1).order_id == 1

    def test_try_submit_names_the_published_error(self) -> None:
        book = Exchange()
        with pytest.raises(ValidationError, match="ZeroQuantity"):
            book.try_submit_limit("buy", 0, 0)
        for price in (0, -1):
            with pytest.raises(PriceError, match="ZeroPrice"):
                book.try_submit_limit("buy", price, 1)
        with pytest.raises(OverflowError):
            book.try_submit_limit("buy", 2**63, 1)
        assert book.try_submit_limit("buy", 1, 1).order_id == 1
        assert book.try_submit_market("sell", 1).filled_quantity == 1

    def test_owners_do_not_trade_with_themselves(self) -> None:
        book = Exchange()
        book.submit_limit("sell", 100, 10, owner=7)
        result = book.submit_limit("buy", 100, 10, owner=7, self_trade="cancel_newest")
        assert (result.status, result.cancelled_quantity, result.trades) == ("Cancelled", 10, [])
        assert book.submit_market("buy", 4, owner=7, self_trade="cancel_oldest").status == "Cancelled"
        assert book.best_ask() is None
        assert book.get_order(1).owner == 7

    def test_history_that_was_cleared_is_unknown(self) -> None:
        book = book_of(("buy", 5, 1), ("sell", 5, 1))
        assert book.cancel(1).error == "OrderNotActive"
        assert book.clear_order_history() == 2
        assert book.get_order(1) is None
        assert book.cancel(1).error == book.modify(1, 5, 5).error == "OrderNotFound"

    def test_results_outlive_the_exchange(self) -> None:
        book = book_of(("sell", 5, 3))
        result = book.submit_limit("buy", 5, 3)
        book.clear_trades()
        del book
        gc.collect()
        assert result.trades[0].quantity == 3

    def test_a_quantity_beyond_the_engine(self) -> None:
        book = book_of(("buy", 5, 3))
        assert book.modify(1, 5, 2**64 - 1).error == "InvalidQuantity"
        with pytest.raises(QuantityError):
            book.submit_limit("buy", 5, 2**63)
        assert book.best_bid() == 5


class TestFaultsOfThePublishedEngine:
    """Specification, section 22; the first would hang there."""

    def test_cancel_takes_the_order_it_names(self) -> None:
        book = book_of(("buy", 100, 10), ("buy", 100, 20), ("buy", 100, 30), ("sell", 100, 10))
        assert book.cancel(2).cancelled_quantity == 20
        assert book.get_order(3).status == "new"
        assert [trade.passive_order_id for trade in book.submit_limit("sell", 100, 5).trades] == [3]
        book = book_of(("buy", 100, 1), ("buy", 100, 2), ("sell", 100, 1))
        book.compact()
        assert book.cancel(2).success
        assert book.depth().bids == []
        assert book.submit_limit("sell", 100, 2).resting_quantity == 2

    def test_a_market_order_that_is_over_stays_over(self) -> None:
        book = book_of(("sell", 100, 30))
        taken = book.submit_limit("buy", 100, 100, "ioc")
        assert (taken.status, taken.filled_quantity, taken.cancelled_quantity) == ("PartiallyFilled", 30, 70)
        book.submit_limit("buy", 100, 50)
        assert book.cancel(taken.order_id).error == "OrderNotActive"
        assert book.depth().bids[0].quantity == 50
        assert book.get_order(taken.order_id).remaining_quantity == 70
        assert book.clear_order_history() == 2

    def test_a_modify_that_trades_is_a_trade(self) -> None:
        book = book_of(("sell", 105, 5))
        book.submit_stop_market("buy", 105, 1)
        book.submit_limit("sell", 106, 5)
        book.submit_limit("buy", 100, 5)
        assert len(book.modify(4, 105, 5).trades) == 1
        assert book.last_trade_price() == 106
        assert (book.pending_stop_count(), len(book.trades())) == (0, 2)

    def test_a_hundred_stops_and_the_next_trade(self) -> None:
        book = Exchange()
        for step in range(150):
            book.submit_limit("sell", 1000 + step, 1)
            book.submit_stop_market("buy", 1000 + step, 1)
        book.submit_limit("buy", 1000, 1)
        assert book.pending_stop_count() == 50
        book.submit_limit("buy", 2000, 1)
        assert book.pending_stop_count() == 0

    def test_a_triggered_stop_is_linked_to_its_order(self) -> None:
        book = book_of(("sell", 10, 1), ("buy", 10, 1), ("sell", 11, 1))
        fired = book.submit_stop_market("buy", 10, 1)
        assert fired.status == "Triggered"
        assert book.get_order(fired.triggered_order_id).stop_id == fired.order_id


class TestTrailingStops:
    def test_the_example_of_the_specification(self) -> None:
        book, stops = Exchange(), []
        stop = book.submit_trailing_stop_market("sell", 9500, 1, "fixed", 200).order_id
        for price in (10000, 10300, 10200, 10150, 10100):
            book.submit_limit("sell", price, 1)
            book.submit_limit("buy", price, 1)
            stops.append(book.get_stop_order(stop)["stop_price"])
        assert stops == [9800, 10100, 10100, 10100, 10100]
        assert book.get_stop_order(stop)["status"] == "triggered"

    def test_a_stop_that_triggers_at_once_is_no_trade(self) -> None:
        book = book_of(("sell", 10_000, 1), ("buy", 10_000, 1))
        trailing = book.submit_trailing_stop_market("sell", 9_000, 1, "fixed", 200).order_id
        assert book.submit_stop_market("buy", 10_000, 1).status == "Triggered"
        # It met an empty book: the trailing stop has seen no price yet.
        assert book.get_stop_order(trailing)["stop_price"] == 9_000

    def test_wilder_and_the_later_name(self) -> None:
        book = Exchange()
        assert book.submit_trailing_stop_market("sell", 9, 1, "wilder_atr", 2.0, 14).status == "Pending"
        assert book.submit_trailing_stop_market("sell", 9, 1, "sma_abs_change", 2.0, 14).status == "Pending"


class TestTrade:
    def test_fields(self) -> None:
        (trade,) = book_of(("buy", -250, 3), ("sell", -250, 2)).trades()
        assert (trade.trade_id, trade.id, trade.price_float, trade.timestamp) == (1, 1, -2.5, 3)
        assert (trade.aggressor_side, trade.passive_side(), trade.notional()) == ("sell", "buy", -500)

    def test_vwap(self) -> None:
        book = book_of(("sell", 100, 1), ("sell", 103, 3), ("buy", 103, 4))
        assert Trade.vwap(book.trades()) == 102
        assert Trade.vwap([]) is None
        # -409 / 4 is -102.25, truncated toward zero.
        assert Trade.vwap(book_of(("buy", -100, 1), ("buy", -103, 3), ("sell", -103, 4)).trades()) == -102


class TestBookSnapshot:
    def test_measures(self) -> None:
        snapshot = book_of(("buy", 100, 30), ("buy", 99, 10), ("sell", 104, 10)).depth()
        assert (snapshot.best_bid(), snapshot.best_ask(), snapshot.spread(), snapshot.mid_price()) == (100, 104, 4, 102)
        assert (snapshot.total_bid_quantity(), snapshot.total_ask_quantity(), snapshot.imbalance()) == (40, 10, 0.6)
        assert snapshot.weighted_mid() == 103
        assert snapshot.timestamp == 3

    def test_empty_sides(self) -> None:
        snapshot = Exchange().full_book()
        assert [snapshot.best_bid(), snapshot.best_ask(), snapshot.spread(), snapshot.mid_price()] == [None] * 4
        assert [snapshot.imbalance(), snapshot.weighted_mid()] == [None] * 2


class TestMultiExchange:
    def test_books_are_live_and_in_order(self) -> None:
        multi = MultiExchange()
        for name in ("ZZ", "A", "M"):
            multi.get_or_create(name).submit_limit("buy", 100, 1)
        assert multi.get_or_create("A") is multi.get_or_create("A")
        assert multi.best_prices() == [("ZZ", 100, None), ("A", 100, None), ("M", 100, None)]
        assert multi.symbols() == list(multi) == ["ZZ", "A", "M"]
        assert (multi.len(), len(multi), "A" in multi) == (3, 3, True)

    def test_asking_makes_no_book(self) -> None:
        multi = MultiExchange()
        assert multi.cancel("A", 1).error == multi.modify("A", 1, 1, 1).error == "OrderNotFound"
        assert multi.get("A") is None
        assert multi.symbols() == []

    def test_each_book_counts_for_itself(self) -> None:
        multi = MultiExchange()
        assert [multi.submit_limit(name, "buy", 5, 1).order_id for name in ("A", "B", "A")] == [1, 1, 2]
        assert multi.submit_market("A", "sell", 2).filled_quantity == 2


class TestRebalanceLob:
    def test_it_trades_in_the_books(self) -> None:
        multi = MultiExchange()
        multi.submit_limit("A", "sell", 102, 30)
        multi.submit_limit("A", "sell", 103, 1000)
        multi.submit_limit("A", "buy", 98, 50)
        held = Portfolio(10_000, CostModel(min_trade_fee=7))
        held.rebalance_lob([("A", 0.5)], multi)
        # 50 at the mid of 100: 30 at 102 and 20 at 103, each print with its own fee.
        assert held.cash == 10_000 - 30 * 102 - 20 * 103 - 2 * 7
        assert multi.best_prices() == [("A", 98, 103)]
        held.rebalance_lob([], multi)
        assert held.position("A").quantity == 0
        assert held.cash == 4_866 + 50 * 98 - 7

    def test_what_finds_no_counterpart_is_lost(self) -> None:
        multi = MultiExchange()
        multi.submit_limit("A", "sell", 100, 10)
        held = Portfolio(100_000, CostModel())
        held.rebalance_lob([("A", 1.0), ("B", 1.0)], multi)
        assert held.position("A").quantity == 10
        assert multi.symbols() == ["A"]
        held.rebalance_lob([("A", 1.0)], multi)
        assert held.total_equity([]) == 100_000

    def test_only_books(self) -> None:
        with pytest.raises(TypeError, match="MultiExchange"):
            Portfolio(1, CostModel()).rebalance_lob([], Exchange())


class TestValues:
    def test_price(self) -> None:
        assert [str(Price(cents)) for cents in (10050, -250, 5, 0)] == ["$100.50", "-$2.50", "$0.05", "$0.00"]
        assert (Price.ZERO, Price.MAX, Price.MIN) == (0, 2**63 - 1, -(2**63))
        with pytest.raises(OverflowError):
            Price(2**63)
        with pytest.raises(TypeError):
            Price(1.5)

    def test_numbers_of_orders_and_trades(self) -> None:
        assert (str(OrderId(42)), repr(OrderId(42)), str(TradeId(7)), repr(TradeId(7))) == (
            "O42", "OrderId(42)", "T7", "TradeId(7)")  # fmt: skip

    def test_words(self) -> None:
        assert (Side.Buy.opposite(), str(Side.Sell), str(TimeInForce.FOK)) == (Side.Sell, "SELL", "FOK")
        assert [tif.can_rest() for tif in TimeInForce] == [True, False, False]
        assert [tif.allows_partial() for tif in TimeInForce] == [True, True, False]
        assert [status.is_active() for status in OrderStatus] == [True, True, False, False]
        assert [status.is_terminal() for status in OrderStatus] == [False, False, True, True]


class TestConservation:
    def test_quantity_in_is_resting_traded_and_cancelled(self) -> None:
        rng, book, entered, cancelled = random.Random(3), Exchange(), 0, 0
        for _ in range(3000):
            if rng.random() < 0.4:
                cancelled += book.cancel(rng.randint(1, 3000)).cancelled_quantity
                continue
            quantity = rng.randint(1, 20)
            result = book.submit_limit(rng.choice(["buy", "sell"]), rng.randint(95, 105), quantity)
            entered, cancelled = entered + quantity, cancelled + result.cancelled_quantity
        snapshot = book.full_book()
        resting = snapshot.total_bid_quantity() + snapshot.total_ask_quantity()
        assert entered == resting + cancelled + 2 * sum(trade.quantity for trade in book.trades())
