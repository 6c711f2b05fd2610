"""Waits that a person would wonder about, told on standard error: a venue's limit is full, or it takes no orders."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nanodesk.cli.output import note

_TOLD_BY = ("nanodesk.brokers.rate_governor", "nanodesk.rebalance.sending")


class _Waits(logging.Handler):
    """One line when the first of several requests begins to wait, one when the last of them goes on."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._waiting = 0

    def emit(self, record: logging.LogRecord) -> None:
        said: dict[str, Any] = record.__dict__
        if record.msg == "limit_full":
            if not self._waiting:
                note(f"The venue's request limit is full: waiting {said['wait_s']:.0f} s.")
            self._waiting += 1
        elif record.msg == "limit_has_room":
            self._waiting -= 1
            if not self._waiting:
                note("The venue's limit has room again: going on.")
        elif record.msg == "orders_wait":
            note(f"The venue takes no order now ({said['reason']}): trying again in {said['wait_s']:.0f} s.")


@contextmanager
def waits_are_told() -> Iterator[None]:
    """Write long waits to standard error, for a block.

    Yields
    ------
    None
        Nothing; the loggers are as before when the block ends.
    """
    handler = _Waits()
    loggers = [logging.getLogger(name) for name in _TOLD_BY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
