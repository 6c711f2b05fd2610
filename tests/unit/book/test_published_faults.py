"""What the published engine gets wrong (execution-kernel.md, section 22), one fault a test: ours does not."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from nanodesk.book.batch import COMMAND_DTYPE
from nanodesk.book.events import Event
from nanodesk.book.exchange import Exchange
from nanodesk.book.multi_exchange import MultiExchange
from nanodesk.errors import NanodeskError, QuantityError


class TestBug1StaleQueues:
    def test_three_orders(self):
        book = Exchange()
        a, b, c = (book.submit_limit("buy", 100, quantity).order_id for quantity in (10, 20, 30))
        book.submit_limit("sell", 100, 10)
        assert book.cancel(b).cancelled_quantity == 20
        assert [order.id for order in book.queue("buy", 100)] == [c]
        assert book.submit_limit("sell", 100, 5).trades[0].passive_order_id == c
        assert book.get_order(a).status.value == "filled"
        assert book.depth().bids == [(100, 25, 1)]

    def test_an_emptied_level_is_gone(self):
        book = Exchange()
        book.submit_limit("buy", 100, 1)
        second = book.submit_limit("buy", 100, 2).order_id
        book.submit_limit("sell", 100, 1)
        assert book.cancel(second).success
        assert book.depth().bids == []
        assert book.submit_limit("sell", 100, 2).resting_quantity == 2

    def test_compact_between(self):
        book = Exchange()
        ids = [book.submit_limit("buy", 100, 1).order_id for _ in range(10)]
        for order_id in ids[::2]:
            book.cancel(order_id)
            book.compact()
        taken = book.submit_limit("sell", 100, 9).trades
        assert [trade.passive_order_id for trade in taken] == ids[1::2]

    def test_a_long_flow_ends(self):
        """The flow that hung the published engine within a few hundred operations, three orders of magnitude longer."""
        rng, n = np.random.default_rng(1), 500_000
        rows = np.zeros(n, COMMAND_DTYPE)
        rows["kind"] = np.where(rng.random(n) < 0.35, 2, 0)
        rows["side"], rows["price"] = rng.integers(0, 2, n), rng.integers(95, 106, n)
        rows["quantity"], rows["order_id"] = rng.integers(1, 50, n), rng.integers(1, n, n)
        book = Exchange()
        answers = book.submit_batch(rows)
        entered = rows["quantity"][rows["kind"] == 0].sum()
        traded = 2 * book.trade_array()["quantity"].sum()
        resting = book.committed_quantity("buy") + book.committed_quantity("sell")
        assert entered == traded + resting + answers["cancelled"].sum()


class TestBug2DeadOrdersCancelled:
    def test_a_partly_filled_ioc_is_over(self):
        book = Exchange()
        book.submit_limit("sell", 100, 30)
        taker = book.submit_limit("buy", 100, 100, "ioc").order_id
        rested = book.submit_limit("buy", 100, 50).order_id
        assert book.cancel(taker).error == "OrderNotActive"
        assert [order.id for order in book.queue("buy", 100)] == [rested]
        assert book.clear_order_history() == 2
        assert book.get_order(taker) is None


class TestBug3ReplayOfATradingModify:
    def test_live_and_replayed_agree(self):
        book = Exchange()
        book.submit_limit("sell", 105, 5)
        book.submit_stop_market("buy", 105, 2)
        book.submit_limit("sell", 106, 5)
        book.modify(book.submit_limit("buy", 100, 3).order_id, 105, 3)
        assert book.last_trade_price() == 105
        assert len(book.trades()) == 2
        assert Exchange.replay(book.events()).state_hash() == book.replayed().state_hash() == book.state_hash()


class TestBug4SelfTradePrevention:
    def test_kept_by_modify_log_and_replay(self):
        book = Exchange()
        book.submit_limit("sell", 105, 5, owner=7)
        moved = book.modify(book.submit_limit("buy", 90, 5, owner=7, self_trade="cancel_newest").order_id, 105, 5)
        assert moved.trades == []
        assert book.get_order(moved.new_order_id).owner == 7
        assert book.events()[1].owner == 7
        assert Exchange.replay(book.events()).state_hash() == book.state_hash()

    def test_fok_sees_own_orders(self):
        book = Exchange()
        book.submit_limit("sell", 100, 5, owner=7)
        book.submit_limit("sell", 100, 5)
        result = book.submit_limit("buy", 100, 10, "fok", owner=7, self_trade="cancel_oldest")
        assert (result.filled_quantity, result.reason) == (0, "fok")


class TestBug5NothingIsFilledThatDidNotTrade:
    @pytest.mark.parametrize("call", ["submit_limit", "submit_market", "submit_stop_market"])
    def test_zero(self, call):
        book = Exchange()
        arguments = ("buy", 0) if call == "submit_market" else ("buy", 100, 0)
        with pytest.raises(QuantityError):
            getattr(book, call)(*arguments)
        assert (book.trades(), book.event_count()) == ([], 0)

    def test_the_validated_door_gives_the_error_as_a_value(self):
        assert isinstance(Exchange().try_submit_limit("buy", -1, 1), NanodeskError)
        assert isinstance(Exchange().try_submit_market("buy", 0), NanodeskError)


class TestWeaknesses:
    def test_1_events_are_made_copied_and_saved(self, tmp_path):
        event = Event("submit_limit", side="buy", price=5, quantity=1)
        assert pickle.loads(pickle.dumps(event)) == copy.deepcopy(event) == event  # noqa: S301
        book = Exchange.replay([event])
        book.save(tmp_path / "log")
        assert Exchange.load(tmp_path / "log").state_hash() == book.state_hash()

    def test_2_a_triggered_stop_knows_its_order(self):
        book = Exchange()
        stop = book.submit_stop_market("sell", 100, 1).order_id
        book.submit_limit("buy", 100, 5)
        book.submit_limit("sell", 100, 1)
        order = book.get_stop_order(stop).triggered_order_id
        assert book.get_order(order).stop_id == stop

    def test_3_every_price_of_a_sweep_is_seen(self):
        book = Exchange()
        for price in (100, 110, 105):
            book.submit_limit("sell", price, 1)
        stop = book.submit_stop_market("buy", 110, 1).order_id
        book.submit_limit("buy", 110, 3)
        book.submit_limit("sell", 90, 1, "ioc")
        assert book.get_stop_order(stop).status == "triggered"

    def test_11_books_come_in_the_order_in_which_they_were_opened(self):
        venues = MultiExchange()
        symbols = [f"S{number * 7919 % 100}" for number in range(100)]
        for symbol in symbols:
            venues.get_or_create(symbol)
        assert [symbol for symbol, _, _ in venues.best_prices()] == symbols

    def test_12_the_timestamp_of_a_snapshot_is_a_time(self):
        book = Exchange()
        book.submit_limit("sell", 100, 5)
        book.submit_limit("buy", 100, 5)
        assert book.depth().timestamp == 3  # two orders and a trade
