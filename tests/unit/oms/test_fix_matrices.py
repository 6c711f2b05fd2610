"""The order state-change matrices of FIX 4.4 (volume 4, appendix D), as tables of steps.

Each row: what happens, then the state, the cumulative and the leaves quantity that must hold. Where FIX lets a broker
choose, the row says which choice it plays. Names are those of the appendix.
"""

import pytest

from nanodesk.brokers.base import RequestRejected
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import OrderState
from scripted_broker import PRICE, an_order

S = OrderState


class Play:
    """One order of 100 at a venue that does exactly what the row says."""

    def __init__(self, engine, broker):
        self.engine, self.broker, self.name = engine, broker, "x"
        self.fills = []
        self.number = 0

    def do(self, step):
        action, *arguments = step.split()
        getattr(self, action)(*arguments)
        self.engine.poll()

    def new(self):
        self.engine.submit(an_order("x"))

    def pending_new(self):
        self.broker.script.append("lost")
        self.broker.says_on_stream = False
        self.engine.submit(an_order("x"))
        self.broker.says_on_stream = True
        self.says("pending_new")

    def unacknowledged(self):
        self.broker.fail_reads = 1_000
        self.broker.script.append("lost")
        self.engine.submit(an_order("x"))

    def refused(self):
        self.broker.script.append("refuse")
        self.engine.submit(an_order("x"))

    def fill(self, quantity):
        self.fills.append(self.broker.fill(self.name, int(quantity)))

    def says(self, state, filled=None, quantity=None):
        changes = {"state": OrderState(state)}
        if filled is not None:
            changes["filled_quantity_e9"] = int(filled) * E9
        if quantity is not None:
            changes["quantity_e9"] = int(quantity) * E9
        self.broker.report(self.name, **changes)

    def cancel(self):
        self.broker.cancel_script.append("take")
        self.engine.cancel(self.name)

    def cancel_rejected(self):
        self.broker.stream.append(RequestRejected(self.name, False, "102", "too late", self.broker.tick()))

    def cancel_refused(self):
        self.broker.cancel_script.append("refuse")
        self.engine.cancel(self.name)

    def replace(self, quantity):
        self.number += 1
        self.engine.replace(self.name, an_order(f"x{self.number}", quantity=int(quantity)))
        self.name = f"x{self.number}"

    def replace_refused(self, quantity):
        self.broker.script.append("refuse")
        self.engine.replace(self.name, an_order("refused", quantity=int(quantity)))

    def bust(self, index):
        self.broker.bust(self.fills[int(index)])

    def correct(self, index, quantity):
        self.fills[int(index)] = self.broker.correct(self.fills[int(index)], int(quantity), PRICE)


MATRICES = {
    "A.1.a filled order": [
        ("new", S.NEW, 0, 100),
        ("fill 20", S.PARTIALLY_FILLED, 20, 80),
        ("fill 30", S.PARTIALLY_FILLED, 50, 50),
        ("fill 50", S.FILLED, 100, 0),
    ],
    "A.1.b part-filled day order, done for day": [
        ("new", S.NEW, 0, 100),
        ("fill 30", S.PARTIALLY_FILLED, 30, 70),
        ("says done_for_day 30", S.DONE_FOR_DAY, 30, 70),
    ],
    "B.1.a cancel of a zero-filled order": [
        ("new", S.NEW, 0, 100),
        ("cancel", S.PENDING_CANCEL, 0, 100),
        ("says pending_cancel", S.PENDING_CANCEL, 0, 100),
        ("says cancelled", S.CANCELLED, 0, 0),
    ],
    "B.1.b cancel of a part-filled order, executions while it is active": [
        ("new", S.NEW, 0, 100),
        ("fill 20", S.PARTIALLY_FILLED, 20, 80),
        ("cancel", S.PENDING_CANCEL, 20, 80),
        ("fill 30", S.PENDING_CANCEL, 50, 50),
        ("says cancelled 50", S.CANCELLED, 50, 0),
    ],
    "B.1.c cancel of an order that fills before it is accepted": [
        ("new", S.NEW, 0, 100),
        ("fill 20", S.PARTIALLY_FILLED, 20, 80),
        ("cancel", S.PENDING_CANCEL, 20, 80),
        ("fill 80", S.FILLED, 100, 0),
        ("cancel_rejected", S.FILLED, 100, 0),
    ],
    "B.1.d cancel of an order that has not been acknowledged": [
        ("unacknowledged", S.UNKNOWN, 0, 100),
        ("cancel", S.PENDING_CANCEL, 0, 100),
        ("says new", S.PENDING_CANCEL, 0, 100),
        ("says cancelled", S.CANCELLED, 0, 0),
    ],
    "B.1.e cancel rejected, the order lives": [
        ("new", S.NEW, 0, 100),
        ("cancel", S.PENDING_CANCEL, 0, 100),
        ("cancel_rejected", S.NEW, 0, 100),
    ],
    "B.1.f cancel refused in the answer, the order lives": [
        ("new", S.NEW, 0, 100),
        ("fill 10", S.PARTIALLY_FILLED, 10, 90),
        ("cancel_refused", S.PARTIALLY_FILLED, 10, 90),
    ],
    "C.1.a replace of a zero-filled order to increase the quantity": [
        ("new", S.NEW, 0, 100),
        ("replace 110", S.NEW, 0, 110),
        ("fill 110", S.FILLED, 110, 0),
    ],
    "C.1.b replace of a part-filled order": [
        ("new", S.NEW, 0, 100),
        ("fill 20", S.PARTIALLY_FILLED, 20, 80),
        ("replace 90", S.NEW, 0, 90),
        ("fill 90", S.FILLED, 90, 0),
    ],
    "C.1.c filled order, then a replace: refused here, nothing is sent": [
        ("new", S.NEW, 0, 100),
        ("fill 100", S.FILLED, 100, 0),
    ],
    "C.2.a replace is refused, the order lives": [
        ("new", S.NEW, 0, 100),
        ("fill 20", S.PARTIALLY_FILLED, 20, 80),
        ("replace_refused 120", S.PARTIALLY_FILLED, 20, 80),
        ("fill 80", S.FILLED, 100, 0),
    ],
    "D.1.a two replaces one after the other": [
        ("new", S.NEW, 0, 100),
        ("replace 150", S.NEW, 0, 150),
        ("replace 70", S.NEW, 0, 70),
        ("fill 70", S.FILLED, 70, 0),
    ],
    "E.1.b unsolicited cancel of a part-filled order": [
        ("new", S.NEW, 0, 100),
        ("fill 20", S.PARTIALLY_FILLED, 20, 80),
        ("says cancelled 20", S.CANCELLED, 20, 0),
    ],
    "E.1.c unsolicited replace": [
        ("new", S.NEW, 0, 100),
        ("says replaced", S.REPLACED, 0, 0),
    ],
    "E.1.d unsolicited reduction of the quantity": [
        ("new", S.NEW, 0, 100),
        ("fill 20", S.PARTIALLY_FILLED, 20, 80),
        ("says partially_filled 20 60", S.PARTIALLY_FILLED, 20, 40),
        ("fill 40", S.FILLED, 60, 0),
    ],
    "F.1.a order rejected": [
        ("refused", S.REJECTED, 0, 0),
    ],
    "F.1.b order rejected after it was taken": [
        ("pending_new", S.PENDING_NEW, 0, 100),
        ("says rejected", S.REJECTED, 0, 0),
    ],
    "G.1.c status requests during the life of an order": [
        ("pending_new", S.PENDING_NEW, 0, 100),
        ("says new", S.NEW, 0, 100),
        ("says new", S.NEW, 0, 100),
        ("fill 100", S.FILLED, 100, 0),
        ("says filled 100", S.FILLED, 100, 0),
    ],
    "H.1.a part-filled, done for day, renewed and filled": [
        ("new", S.NEW, 0, 100),
        ("fill 20", S.PARTIALLY_FILLED, 20, 80),
        ("says done_for_day 20", S.DONE_FOR_DAY, 20, 80),
        ("says new 20", S.PARTIALLY_FILLED, 20, 80),
        ("fill 80", S.FILLED, 100, 0),
    ],
    "H.1.b split of two to one between two fills": [
        ("new", S.NEW, 0, 100),
        ("fill 20", S.PARTIALLY_FILLED, 20, 80),
        ("says partially_filled 20 180", S.PARTIALLY_FILLED, 20, 160),
        ("fill 160", S.FILLED, 180, 0),
    ],
    "H.1.c part-filled, renewed and cancelled the next day": [
        ("new", S.NEW, 0, 100),
        ("fill 20", S.PARTIALLY_FILLED, 20, 80),
        ("says done_for_day 20", S.DONE_FOR_DAY, 20, 80),
        ("says new 20", S.PARTIALLY_FILLED, 20, 80),
        ("cancel", S.PENDING_CANCEL, 20, 80),
        ("says cancelled 20", S.CANCELLED, 20, 0),
    ],
    "I.1.a fill or kill that cannot be filled": [
        ("new", S.NEW, 0, 100),
        ("says expired", S.EXPIRED, 0, 0),
    ],
    "I.1.b immediate or cancel, partly filled": [
        ("new", S.NEW, 0, 100),
        ("fill 40", S.PARTIALLY_FILLED, 40, 60),
        ("says cancelled 40", S.CANCELLED, 40, 0),
    ],
    "J.1.a part-filled order, correction and bust of its executions": [
        ("new", S.NEW, 0, 100),
        ("fill 40", S.PARTIALLY_FILLED, 40, 60),
        ("fill 40", S.PARTIALLY_FILLED, 80, 20),
        ("correct 0 30", S.PARTIALLY_FILLED, 70, 30),
        ("bust 1", S.PARTIALLY_FILLED, 30, 70),
        ("bust 0", S.NEW, 0, 100),
    ],
    "J.1.b cancelled order, then a bust and a new execution": [
        ("new", S.NEW, 0, 100),
        ("fill 50", S.PARTIALLY_FILLED, 50, 50),
        ("says cancelled 50", S.CANCELLED, 50, 0),
        ("bust 0", S.CANCELLED, 0, 0),
        ("fill 50", S.CANCELLED, 50, 0),
    ],
    "J.1.d part-filled order, done for day, then a correction": [
        ("new", S.NEW, 0, 100),
        ("fill 50", S.PARTIALLY_FILLED, 50, 50),
        ("says done_for_day 50", S.DONE_FOR_DAY, 50, 50),
        ("correct 0 40", S.DONE_FOR_DAY, 40, 60),
    ],
    "K.1.a trading halt, reinstated": [
        ("new", S.NEW, 0, 100),
        ("says suspended", S.SUSPENDED, 0, 100),
        ("says new", S.NEW, 0, 100),
        ("fill 100", S.FILLED, 100, 0),
    ],
    "K.1.b trading halt, cancelled": [
        ("new", S.NEW, 0, 100),
        ("fill 20", S.PARTIALLY_FILLED, 20, 80),
        ("says suspended 20", S.SUSPENDED, 20, 80),
        ("cancel", S.PENDING_CANCEL, 20, 80),
        ("says cancelled 20", S.CANCELLED, 20, 0),
    ],
    "L.1.a execution is guaranteed before it happens": [
        ("new", S.NEW, 0, 100),
        ("says stopped", S.STOPPED, 0, 100),
        ("fill 100", S.FILLED, 100, 0),
    ],
}


@pytest.mark.parametrize("steps", MATRICES.values(), ids=MATRICES)
def test_matrix(engine, broker, steps):
    play = Play(engine, broker)
    for step, state, cum, leaves in steps:
        play.do(step)
        view = engine.order(play.name)
        assert (view.state, view.cum_quantity_e9, view.leaves_quantity_e9) == (state, cum * E9, leaves * E9), step
    assert engine.positions().get("AAPL", 0) == broker.held.get("AAPL", 0)
    assert engine.ledger.anomalies == {}


def test_part_fill_of_an_order_that_is_being_cancelled_counts_once_it_is_rejected(engine, broker):
    play = Play(engine, broker)
    for step in ("new", "fill 20", "cancel", "fill 30", "cancel_rejected"):
        play.do(step)
    view = engine.order("x")
    assert view.state is S.PARTIALLY_FILLED and not view.is_cancel_pending
