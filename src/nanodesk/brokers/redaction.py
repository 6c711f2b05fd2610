"""Nothing that is written holds a secret: one filter by value, in every form a secret travels in."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from nanodesk.brokers.credentials import Secret

MASK = "[hidden]"
_SHORTEST = 4
"""A shorter value occurs by chance in any text."""
_SHORTEST_RECEIVED = 8
"""In what a venue says, a shorter value could be part of an answer that is needed."""


def _forms(value: str) -> set[str]:
    """How a value may look once it has been encoded for a URL, a header, JSON or a log line."""
    raw = value.encode()
    plain = base64.b64encode(raw).decode()
    forms = {value, quote(value, safe=""), quote_plus(value), plain, plain.rstrip("="), raw.hex(), repr(value)[1:-1]}
    forms.add(base64.urlsafe_b64encode(raw).decode().rstrip("="))
    forms.update(line for line in value.splitlines() if len(line) >= 2 * _SHORTEST and not line.startswith("-----"))
    return {form for form in forms if len(form) >= _SHORTEST}


class Redactor:
    """Replaces known secrets, and signatures of any key, in text.

    Parameters
    ----------
    secrets : iterable of Secret, optional
        What must not appear; more can be added.

    Examples
    --------
    >>> Redactor([Secret("hunter22")]).clean("GET /order?key=hunter22&signature=0a1b2c3d4e5f60718293")
    'GET /order?key=[hidden]&signature=[hidden]'
    """

    _SIGNATURE_BYTES = re.compile(rb"(?i)(signature=)[A-Za-z0-9+/=%_-]{8,}")
    _SIGNATURE = re.compile(r"(?i)(signature[\"']?\s*[=:]\s*[\"']?)[A-Za-z0-9+/=%_-]{8,}")

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._received: re.Pattern[bytes] | None = None
        self.add(*secrets)

    def add(self, *secrets: Secret) -> None:
        """Hide these too.

        Parameters
        ----------
        *secrets : Secret
            What must not appear from now on.
        """
        for secret in secrets:
            self._values |= _forms(secret.reveal())
        longest_first = sorted(self._values, key=lambda value: (-len(value), value))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        long = [re.escape(value.encode()) for value in longest_first if len(value) >= _SHORTEST_RECEIVED]
        self._received = re.compile(b"|".join(long)) if long else None

    def clean(self, text: str) -> str:
        """The text without secrets.

        Parameters
        ----------
        text : str
            Anything that is about to be written.

        Returns
        -------
        cleaned : str
            With every form of every secret, and every signature, replaced.
        """
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        return self._SIGNATURE.sub(rf"\g<1>{MASK}", text)

    def clean_received(self, content: bytes) -> bytes:
        """What a venue said, without secrets: an error page may repeat the request with its keys.

        Parameters
        ----------
        content : bytes
            An answer or a message, before anything of it is read.

        Returns
        -------
        cleaned : bytes
            The same object where there was nothing to hide.
        """
        if self._received is not None and self._received.search(content):
            content = self._received.sub(MASK.encode(), content)
        if b"ignature=" in content:
            content = self._SIGNATURE_BYTES.sub(rb"\g<1>" + MASK.encode(), content)
        return content


class RedactingFilter(logging.Filter):
    """A logging filter that cleans message, arguments, extra fields and exception text of each record.

    Parameters
    ----------
    redactor : Redactor
        Knows the secrets.
    """

    _OWN = frozenset(vars(logging.makeLogRecord({})))

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean one record in place.

        Parameters
        ----------
        record : logging.LogRecord
            About to be handled.

        Returns
        -------
        keep : bool
            Always true.
        """
        record.msg = self._redactor.clean(record.getMessage())
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self._redactor.clean(record.exc_text)
        if record.stack_info:
            record.stack_info = self._redactor.clean(record.stack_info)
        for name in vars(record).keys() - self._OWN:
            value = getattr(record, name)
            if not isinstance(value, int | float | bool | None):
                setattr(record, name, self._redactor.clean(str(value)))
        return True
