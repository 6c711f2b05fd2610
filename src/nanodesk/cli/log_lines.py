"""What is logged while a command runs: a line a record on standard error, without any secret the command has loaded."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from nanodesk.errors import visible

if TYPE_CHECKING:
    from nanodesk.brokers.credentials import Secret

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class _Lines(logging.StreamHandler[TextIO]):
    """Knows its own kind from the handlers of whoever calls the command line from Python."""


class _WithFields(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = [f"{name}={value!r}" for name, value in vars(record).items() if name not in _OWN]
        first, *rest = super().format(record).splitlines() or [""]
        return visible("\n".join([" ".join([first, *fields]), *rest]))


@contextmanager
def log_lines(*, debug: bool) -> Iterator[None]:
    """Write what is logged inside the ``with``: warnings and errors.

    Parameters
    ----------
    debug : bool
        Whether to write the information that nanodesk logs, too.
    """
    root, package = logging.getLogger(), logging.getLogger("nanodesk")
    handler, level = _Lines(), package.level
    handler.setFormatter(_WithFields("%(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
    package.setLevel(logging.INFO if debug else level)
    try:
        yield
    finally:
        package.setLevel(level)
        root.removeHandler(handler)


def hide(secret: Secret) -> None:
    """Keep a secret out of the lines from now on.

    Parameters
    ----------
    secret : Secret
        As it was loaded.
    """
    from nanodesk.brokers.redaction import RedactingFilter, Redactor

    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Lines):
            handler.addFilter(RedactingFilter(Redactor([secret])))
