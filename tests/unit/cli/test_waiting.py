"""Long waits are told: one line when they begin, one when they end."""

import asyncio
import logging

from nanodesk.brokers import rate_governor
from nanodesk.cli.waiting import waits_are_told


async def _two_requests(seconds):
    await asyncio.gather(rate_governor.wait_for_room(seconds), rate_governor.wait_for_room(seconds))


class TestWaits:
    def test_a_long_one_is_told_once_for_all_requests(self, capsys, monkeypatch):
        monkeypatch.setattr(rate_governor, "LONG_WAIT_S", 0.0)
        with waits_are_told():
            asyncio.run(_two_requests(0.01))
        assert capsys.readouterr().err.splitlines() == [
            "The venue's request limit is full: waiting 0 s.",
            "The venue's limit has room again: going on.",
        ]

    def test_a_short_one_is_not(self, capsys):
        with waits_are_told():
            asyncio.run(_two_requests(0.01))
        assert capsys.readouterr().err == ""

    def test_loggers_are_left_as_they_were(self):
        logger = logging.getLogger(rate_governor.__name__)
        before = (list(logger.handlers), logger.level)
        with waits_are_told():
            pass
        assert (logger.handlers, logger.level) == before
