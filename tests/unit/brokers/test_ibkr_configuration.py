"""What contradicts itself is refused before anything is sent."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nanodesk.brokers.base import Broker
from nanodesk.brokers.ibkr.broker import IbkrBroker
from nanodesk.errors import ConfigError, NotConnectedError

PAPER = {"port": 4002, "client_id": 1, "account": "DU0000001"}


class TestConfiguration:
    def test_it_is_a_broker(self):
        assert isinstance(IbkrBroker(**PAPER), Broker)

    @pytest.mark.parametrize("host", ["10.0.0.5", "gateway.example", "0.0.0.0", "::", "1.1.1.1", ""])  # noqa: S104
    def test_other_machines_are_refused(self, host):
        with pytest.raises(ConfigError, match="allow_remote_host") as caught:
            IbkrBroker(**PAPER, host=host)
        assert caught.value.field == "host"

    def test_other_machines_on_purpose(self):
        assert not IbkrBroker(**PAPER, host="10.0.0.5", allow_remote_host=True).is_connected

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
    def test_this_machine(self, host):
        assert not IbkrBroker(**PAPER, host=host).is_connected

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"port": 0}, "port"),
            ({"port": 70000}, "port"),
            ({"port": "4002"}, "port"),
            ({"port": True}, "port"),
            ({"client_id": -1}, "client_id"),
            ({"client_id": 2**31}, "client_id"),
            ({"mode": "demo"}, "mode"),
            ({"account": "U1234567"}, "account"),
            ({"mode": "live"}, "account"),
            ({"mode": "live", "account": "U1234567"}, "port"),
            ({"port": 4001}, "port"),
            ({"port": 7496}, "port"),
        ],
    )
    def test_contradictions_name_their_field(self, changes, field):
        with pytest.raises(ConfigError) as caught:
            IbkrBroker(**(PAPER | changes))
        assert caught.value.field == field
        assert caught.value.fix

    def test_live_when_mode_account_and_port_agree(self):
        assert IbkrBroker(port=4001, client_id=1, account="U1234567", mode="live").is_live

    def test_nobody_listening_is_our_error(self):
        broker = IbkrBroker(port=1, client_id=1, account="DU0000001")
        with pytest.raises(NotConnectedError, match="Start TWS"):
            broker.connect()
        assert not broker.is_connected

    def test_the_library_is_loaded_by_connecting_and_not_before(self):
        code = "import sys, nanodesk.brokers.ibkr.broker; sys.exit('ib_async' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
