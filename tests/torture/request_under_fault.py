"""One request while the network or the venue misbehaves: what came of it, and how long until all is well again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from nanodesk.brokers.base import Broker
from nanodesk.errors import BrokerError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.fixed_point import E9, parse_e9
from nanodesk.market.order import Order, OrderType
from nanodesk.oms.client_order_id import client_order_id
from nanodesk.oms.order_engine import OrderEngine
from nanodesk.oms.order_view import OrderView
from nanodesk.oms.reconcile import ReconcileReport, reconcile
from torture.venue_life import ask, stock

RUN: Final = "under-fault"
HEAL_LIMIT_S: Final = 30.0
"""After healing the desk must trade again within this time (specification, section 7)."""

DEADLINE_S: Final = 2.0
"""Of each request: well below the longest fault, and more than a busy machine takes."""

_STEP_S: Final = 0.02


def request_under_fault(engine: OrderEngine, broker: Broker, spec: dict[str, Any]) -> dict[str, Any]:
    """Rest an order, let the fault strike a new order, a cancel or a replace, heal, and see that trading goes on."""
    scene = _Scene(engine, broker, spec)
    scene.prepare()
    scene.strike()
    return scene.recover()


def _order(line: int, symbol: str, side: Side, quantity: int, price: str) -> Order:
    name = client_order_id(RUN, line, 1)
    return Order(name, symbol, side, quantity * E9, OrderType.LIMIT, parse_e9(price), time_in_force=TimeInForce.GTC)


class _Scene:
    def __init__(self, engine: OrderEngine, broker: Broker, spec: dict[str, Any]) -> None:
        self.engine, self.broker, self.request = engine, broker, spec["request"]
        self.admin_url = spec["ready"]["admin_url"]
        self.notes: list[str] = []

    def door(self, name: str, body: dict[str, Any]) -> None:
        ask(self.admin_url, name, body)

    def prepare(self) -> None:
        for body in stock("200"):
            self.door("quote", body)
        self.engine.recover()
        while self.attempt(lambda: reconcile(self.engine, self.broker)) is None:
            self.wait(lambda: False, 0.1)
        self.engine.begin_run(RUN)
        if self.request["op"] != "new":
            self.old = self.engine.submit(_order(1, "BBB", Side.BUY, 500, "100.05"))
            self.wait(lambda: self.view(1).cum_quantity_e9 >= 250 * E9, 5.0)
        for rule in self.request["rules"]:
            self.door("fault", rule)
        for name, body in self.request.get("before", ()):
            self.door(name, body)
            self.wait(lambda: False, 0.05)

    def view(self, line: int) -> OrderView:
        return self.engine.order(client_order_id(RUN, line, 1))

    def wait(self, condition: Callable[[], bool], limit_s: float) -> bool:
        until_s = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() >= until_s:
                return False
            self.attempt(lambda: self.engine.poll(_STEP_S))
            time.sleep(_STEP_S / 4)
        return True

    def attempt(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except BrokerError as error:
            self.notes.append(f"{type(error).__name__}: {error}"[:120])
            return None

    def strike(self) -> None:
        engine, old = self.engine, client_order_id(RUN, 1, 1)
        if self.request["op"] == "new":
            self.attempt(lambda: engine.submit(_order(2, "BBB", Side.BUY, 500, "100.05")))
        elif self.request["op"] == "cancel":
            self.attempt(lambda: engine.cancel(old))
        else:
            self.attempt(lambda: engine.replace(old, _order(2, "BBB", Side.BUY, 200, "99.95")))
        for name, body in self.request.get("after", ()):
            self.door(name, body)
        self.wait(lambda: False, self.request.get("under_s", 0.3))

    def recover(self) -> dict[str, Any]:
        for name, body in self.request.get("healing", (("heal", {}),)):
            self.door(name, body)
        started_s = time.monotonic()
        lived = self.wait(self.is_well, HEAL_LIMIT_S)
        lived = lived and self.trades_again(started_s + HEAL_LIMIT_S)
        took_s = time.monotonic() - started_s
        self.clear()
        books = None
        while books is None and time.monotonic() < started_s + HEAL_LIMIT_S:
            books = self.attempt(lambda: reconcile(self.engine, self.broker))
            self.wait(lambda: False, 0.0 if books else 0.1)
        self.engine.end_run(RUN)
        outcome = "done" if lived else "not live"
        stuck = [view.state.value for view in self.engine.open_orders()]
        return {"outcome": outcome, "took_s": took_s, "runs": self.notes[-8:], "open": stuck, "books": _told(books)}

    def is_well(self) -> bool:
        engine = self.engine
        if not engine.is_stream_live or any(engine.is_unresolved(view.client_order_id) for view in engine.orders()):
            return False
        books = self.attempt(lambda: reconcile(engine, self.broker))
        return books is not None and not books.unknown and not books.awaited and not books.findings

    def trades_again(self, until_s: float) -> bool:
        """An order in another instrument is taken and filled."""
        symbol = self.request.get("live", "AAA")
        side, price = (Side.SELL, "99.90") if symbol == "AAA" else (Side.BUY, "100.10")
        line = 10

        def is_told() -> bool:
            return self.view(line).is_terminal and not self.view(line).awaited_quantity_e9

        while time.monotonic() < until_s:
            for body in stock("200"):
                if body["symbol"] == symbol:
                    self.door("quote", body)
            line += 1
            order = _order(line, symbol, side, 10, price)
            if self.attempt(lambda order=order: self.engine.submit(order)) and self.wait(is_told, 5.0):
                if self.view(line).cum_quantity_e9 == 10 * E9:
                    return True
                self.notes.append(f"{self.view(line).state.value} {self.view(line).reason}")
            self.wait(lambda: False, 0.1)
        return False

    def clear(self) -> None:
        def is_done() -> bool:
            return not any(not view.is_terminal for view in self.engine.open_orders())

        for _ in range(8):  # a cancel whose answer was lost is asked for again
            for view in self.engine.open_orders():
                if not view.is_terminal:
                    self.attempt(lambda name=view.client_order_id: self.engine.cancel(name))
            if self.wait(is_done, 0.6):
                break


def _told(books: ReconcileReport | None) -> list[str]:
    if books is None:
        return ["the broker could not be asked"]
    return [f"{f.kind} {f.symbol} {f.ours} -> {f.theirs}" for f in books.findings] + list(books.blocked.values())
