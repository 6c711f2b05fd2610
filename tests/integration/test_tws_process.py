"""``nanodesk venue tws`` as a process: a client that is killed at any step of sending leaves what its venue says."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from loopback_tws import QUICK
from nanodesk.brokers.base import OutcomeKind
from nanodesk.brokers.ibkr.broker import IbkrBroker
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Order, OrderType
from waiting import until

pytest.importorskip("ib_async")

CHILD = """
import os, signal, sys
from nanodesk.brokers.ibkr.broker import IbkrBroker
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Order, OrderType

def kill(step):
    if step == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

broker = IbkrBroker(port=int(sys.argv[1]), client_id=7, account="DU0000001", reached=kill)
broker.connect()
broker.submit(Order(sys.argv[2], "AAPL", Side.BUY, E9, OrderType.LIMIT, 180 * E9))
broker.cancel(sys.argv[2])
"""


@pytest.fixture(scope="module")
def venue() -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "nanodesk.cli.app", "venue", "tws"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def truth(venue: dict[str, Any]) -> dict[str, Any]:
    with urllib.request.urlopen(f"{venue['admin_url']}/truth", timeout=10) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    return found


class TestProcess:
    def test_the_ready_line_names_the_account_that_clients_see(self, venue):
        assert venue["venue"] == "tws"
        assert venue["endpoints"]["account"] == "DU0000001"

    @pytest.mark.parametrize(
        ("step", "orders"),
        [
            ("send.connected", []),
            ("send.half", []),
            ("send.written", ["new"]),
            ("reply.read", ["new"]),
            ("cancel.sent", ["cancelled"]),
        ],
    )
    def test_a_client_killed_while_sending(self, venue, step, orders):
        child = subprocess.run([sys.executable, "-c", CHILD, str(venue["port"]), step], timeout=30, check=False)
        assert child.returncode == -signal.SIGKILL
        until(lambda: self.states(venue, step) == orders)
        broker = IbkrBroker(port=venue["port"], client_id=7, account="DU0000001", times=QUICK)
        broker.connect()
        try:
            self.recover(broker, step, orders)
        finally:
            broker.disconnect()
        assert self.states(venue, step) == ["cancelled"]

    def recover(self, broker: IbkrBroker, name: str, orders: list[str]) -> None:
        """What the venue says is what is there; an order that never arrived is sent again, a live one cancelled."""
        report = broker.status(name)
        assert ([] if report is None else [report.state.value]) == orders
        if report is None:
            order = Order(name, "AAPL", Side.BUY, E9, OrderType.LIMIT, 180 * E9)
            assert broker.submit(order).kind is OutcomeKind.ACCEPTED
        if orders != ["cancelled"]:
            assert broker.cancel(name).kind is OutcomeKind.ACCEPTED

    def states(self, venue: dict[str, Any], name: str) -> list[str]:
        return [order["state"] for order in truth(venue)["orders"] if order["client_order_id"] == name]
