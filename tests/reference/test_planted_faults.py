"""The judge is judged: faults planted in a book are found by the streams, and shrunk to a few commands."""

from __future__ import annotations

import pytest

from reference.book_comparison import compare_stream, shrink
from reference.book_laws import BookLaws
from reference.command_stream import CommandStream
from reference.naive_book import NaiveDriver
from reference.naive_orders import BUY
from reference.naive_state import NaiveState
from reference.stream_profiles import PROFILES

FEW_COMMANDS = 8


class CancelsTheNext(NaiveDriver):
    """The published engine's fault: after a fill, a cancel takes the order behind the one that is meant."""

    def _cancel(self, item_id):
        queue = self.book.resting[BUY]
        if len(queue) > 2 and queue[1].id == item_id and self.book.last_trade_price is not None:
            item_id = queue[2].id
        return super()._cancel(item_id)


class ModifyForgetsTheOwner(NaiveDriver):
    def _modify(self, order_id, price, quantity):
        result = super()._modify(order_id, price, quantity)
        if result[1] and result[3] in self.book.orders:
            self.book.orders[result[3]].owner = None
        return result


class KeepsPlaceOnRefresh(NaiveState):
    """An iceberg that shows anew without going to the back."""

    def move_to_back(self, order):
        order.visible = order.shown


class LastComeFirstServed(NaiveState):
    def levels(self, side):
        return [queue[::-1] for queue in super().levels(side)]


class DeafGroups(NaiveState):
    """A link group that does not hear of a stop that triggers."""

    def group_acts(self, member, event, quantity=0):
        if event != "triggered":
            super().group_acts(member, event, quantity)


class SellersKeepTheirPosition(NaiveState):
    def _add_position(self, owner, quantity):
        if quantity > 0:
            super()._add_position(owner, quantity)


class SweepsSeeOnePrint(NaiveState):
    """Only the last price of a command reaches the stops."""

    def trade(self, aggressor, passive, price, quantity):
        super().trade(aggressor, passive, price, quantity)
        del self.prints[:-1]


def driver_with(state: type[NaiveState]) -> type[NaiveDriver]:
    class Faulty(NaiveDriver):
        def __init__(self, **configuration):
            self.book = state(**configuration)

    Faulty.__name__ = state.__name__
    return Faulty


@pytest.mark.parametrize(
    ("fault", "profile"),
    [
        (CancelsTheNext, "plain"),
        (ModifyForgetsTheOwner, "options"),
        (driver_with(KeepsPlaceOnRefresh), "options"),
        (driver_with(LastComeFirstServed), "plain"),
        (driver_with(DeafGroups), "links"),
        (driver_with(SellersKeepTheirPosition), "options"),
        (driver_with(SweepsSeeOnePrint), "stops"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_fault_is_found_and_shrunk(fault, profile):
    found = next(f for seed in range(30) if (f := compare_stream(fault, seed, profile, 1500)) is not None)
    assert len(shrink(fault, found, max_runs=1500).commands) <= FEW_COMMANDS


def test_the_laws_alone_see_who_is_overtaken():
    stream = CommandStream(1, PROFILES["plain"])
    driver, laws, broken = driver_with(LastComeFirstServed)(**stream.configuration), BookLaws(stream.configuration), []
    for _ in range(300):
        command = stream.next()
        stream.driver.apply(command)
        broken.append(laws.after(command, driver.apply(command), driver.orders()))
    assert any(law is not None and "before order" in law for law in broken)
