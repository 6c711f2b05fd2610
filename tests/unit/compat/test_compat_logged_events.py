"""Events of a log are looked up when they are asked for; what they say and lead to is that of events made at once."""

import copy
import gc
import pickle

import pytest

from nanodesk.compat.nanobook import Event, Exchange


def traded() -> Exchange:
    book = Exchange()
    book.submit_limit("sell", 101_00, 10)
    book.submit_limit("buy", 101_00, 4, "ioc")
    book.submit_limit("buy", 99_00, 7)
    book.submit_stop_market("sell", 95_00, 2)
    book.submit_trailing_stop_market("sell", 90_00, 3, "atr", 2.0, 14)
    book.modify(3, 98_00, 5)
    book.cancel(77)
    book.submit_market("sell", 3)
    return book


def state(book: Exchange) -> tuple[object, ...]:
    depth = book.full_book()
    return [repr(e) for e in book.events()], [repr(t) for t in book.trades()], depth.bids, depth.asks, repr(book)


class TestLoggedEvents:
    def test_equal_to_events_made_at_once(self) -> None:
        for event in traded().events():
            made = Event.from_json(event.to_json())
            assert event == made
            assert hash(event) == hash(made)
            assert repr(event) == repr(made)
            assert (event.kind, event.arguments) == (made.kind, made.arguments)
            assert pickle.loads(pickle.dumps(event)) == copy.deepcopy(event) == made  # noqa: S301

    def test_outlive_the_exchange_and_stay_as_they_were(self) -> None:
        book = traded()
        events = book.events()
        told = [repr(event) for event in traded().events()]
        book.submit_limit("buy", 1, 1)
        book.clear_trades()
        book.clear_order_history()
        book.clear_events()
        del book
        gc.collect()
        assert [repr(event) for event in events] == told

    def test_have_no_other_attributes(self) -> None:
        with pytest.raises(AttributeError):
            traded().events()[0].colour = 1  # type: ignore[attr-defined]


class TestReplay:
    def test_the_whole_log(self) -> None:
        book = traded()
        assert state(Exchange.replay(book.events())) == state(book)

    def test_a_beginning(self) -> None:
        book = traded()
        for count in range(len(book.events()) + 1):
            events = book.events()[:count]
            one_by_one = Exchange()
            for event in events:
                one_by_one.apply(Event.from_json(event.to_json()))
            assert state(Exchange.replay(events)) == state(one_by_one)

    @pytest.mark.parametrize("part", [slice(1, None), slice(None, None, 2), slice(None, None, -1)])
    def test_any_other_choice(self, part: slice) -> None:
        events = traded().events()[part]
        one_by_one = Exchange()
        one_by_one.apply_all([Event.from_json(event.to_json()) for event in events])
        assert state(Exchange.replay(events)) == state(one_by_one)

    def test_of_two_books(self) -> None:
        events = traded().events()[:1] + traded().events()[1:]
        assert state(Exchange.replay(events)) == state(traded())

    def test_what_is_no_event(self) -> None:
        for events in ([*traded().events(), "x"], ["x"]):
            with pytest.raises(TypeError, match="'str' object cannot be cast as 'Event'"):
                Exchange.replay(events)
