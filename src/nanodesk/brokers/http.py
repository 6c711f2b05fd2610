"""The transport of the REST adapters: asynchronous inside, synchronous to its callers.

Three promises. Every call has a deadline. Nothing is sent twice, except a ``GET`` whose kept connection turned out
to be closed. An error says what is known about the request: :class:`~nanodesk.errors.NotConnectedError` means that
not one byte left, any other :class:`~nanodesk.errors.BrokerError` that the outcome is unknown. No error names a URL,
a header or a parameter, for those carry keys and signatures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from nanodesk.brokers.base import Outcome, OutcomeKind, Reached
from nanodesk.brokers.event_loop import EventLoopThread
from nanodesk.brokers.http_connection import HttpAnswer, HttpConnection, Progress, client_tls
from nanodesk.errors import BrokerError, NotConnectedError, RateLimitedError, ValidationError

DEADLINE_S: Final = 10.0
MAX_BODY_BYTES: Final = 16 * 1024 * 1024
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")

AnswerSeen = Callable[[str, HttpAnswer], None]
"""Told the label and the answer of every request, for the audit."""


def as_received(content: bytes) -> bytes:
    """Leave content as it is.

    Parameters
    ----------
    content : bytes
        Of an answer or a message.

    Returns
    -------
    content : bytes
        The same object.
    """
    return content


def nothing_seen(label: str, answer: HttpAnswer) -> None:
    """Keep no raw answers.

    Parameters
    ----------
    label : str
        What was asked.
    answer : HttpAnswer
        What came back.
    """


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a venue listens.

    Parameters
    ----------
    scheme, host : str
        ``https`` or ``wss``; plain ``http`` and ``ws`` only to this machine.
    port : int
        Port.
    path : str
        Prefix of every path, without a slash at its end.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine."""
        return self.host in LOOPBACK

    @classmethod
    def parse(cls, url: str, *, field: str, schemes: tuple[str, str] = ("http", "https")) -> Endpoint:
        """Read and check a base URL.

        Parameters
        ----------
        url : str
            As ``https://api.binance.com``.
        field : str
            Name used in the error.
        schemes : pair of str, default ("http", "https")
            Plain and encrypted.

        Returns
        -------
        endpoint : Endpoint
            Checked.

        Raises
        ------
        ValidationError
            If it is no such URL, carries a user, a query or a fragment, or would send keys in plain text.

        Examples
        --------
        >>> Endpoint.parse("http://127.0.0.1:8000/api", field="base_url")
        Endpoint(scheme='http', host='127.0.0.1', port=8000, path='/api')
        """
        plain, encrypted = schemes
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == encrypted else 80)
        except ValueError:
            parts, port = urlsplit(""), 0
        host = parts.hostname or ""
        is_clean = not (parts.query or parts.fragment or parts.username or parts.password) and url.isascii()
        if not host or not is_clean or parts.scheme not in schemes or any(c.isspace() for c in url):
            raise ValidationError(
                f"{field} is no address of the kind {encrypted}://host.", field=field, allowed=f"{encrypted}://host"
            )
        if parts.scheme == plain and host not in LOOPBACK:
            raise ValidationError(
                f"{field} would send keys to {host} in plain text.",
                field=field,
                allowed=f"{encrypted}://, or {plain}:// to 127.0.0.1",
                fix=f"Use {encrypted}://.",
            )
        return cls(parts.scheme, host, port, parts.path.rstrip("/"))


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request.

    Parameters
    ----------
    method : str
        ``GET``, ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
    target : str
        Path below the base URL with its query, percent-encoded already.
    label : str
        What it does, for errors and the audit: ``"new order"``.
    headers : mapping of str to str, optional
        Keys and content type.
    body : bytes, default b""
        Content.
    reached : callable, optional
        Told the steps of sending.
    """

    method: str
    target: str = field(repr=False)
    label: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    reached: Reached | None = field(default=None, repr=False)


class HttpClient:
    """Requests to one venue over a few kept connections.

    Parameters
    ----------
    base_url : str
        Where every target hangs below.
    loop : EventLoopThread
        On which everything runs.
    deadline_s : float, default 10
        Seconds for one call, from connecting to the last byte of the answer.
    max_body_bytes : int, default 16 MiB
        Larger answers are refused.
    connections : int, default 8
        Most requests under way at once.
    on_answer : callable, optional
        Told every answer.
    clean : callable, optional
        Takes secrets out of every body before anything of it is read.
    """

    def __init__(
        self,
        base_url: str,
        *,
        loop: EventLoopThread,
        deadline_s: float = DEADLINE_S,
        max_body_bytes: int = MAX_BODY_BYTES,
        connections: int = 8,
        on_answer: AnswerSeen = nothing_seen,
        clean: Callable[[bytes], bytes] = as_received,
    ) -> None:
        self.endpoint = Endpoint.parse(base_url, field="base_url")
        self._loop = loop
        self._deadline_s = deadline_s
        self._max_body_bytes = max_body_bytes
        self._on_answer = on_answer
        self._clean = clean
        self._idle: list[HttpConnection] = []
        self._busy: set[HttpConnection] = set()
        self._connections = connections
        self._slots = asyncio.Semaphore(connections)
        self._tls = client_tls() if self.endpoint.scheme == "https" else None

    def call(self, request: HttpRequest, *, deadline_s: float | None = None) -> HttpAnswer:
        """Send and wait: :meth:`send` for a caller outside of the loop.

        Parameters
        ----------
        request : HttpRequest
            What to send.
        deadline_s : float, optional
            Seconds, else the client's.

        Returns
        -------
        answer : HttpAnswer
            Whatever its status.

        Raises
        ------
        NotConnectedError
            If no byte left.
        BrokerError
            If no readable answer came; the outcome is unknown.
        """
        limit = self._deadline_s if deadline_s is None else deadline_s
        return self._loop.run(self.send(request, deadline_s=limit), timeout_s=limit)

    async def send(self, request: HttpRequest, *, deadline_s: float | None = None) -> HttpAnswer:
        """Send one request.

        Parameters
        ----------
        request : HttpRequest
            What to send.
        deadline_s : float, optional
            Seconds, else the client's.

        Returns
        -------
        answer : HttpAnswer
            Whatever its status.

        Raises
        ------
        NotConnectedError
            If no byte left.
        BrokerError
            If no readable answer came; the outcome is unknown.
        """
        limit = self._deadline_s if deadline_s is None else deadline_s
        block = self._block(request)
        progress = Progress()
        try:
            async with asyncio.timeout(limit), self._slots:
                answer = await self._exchange(request, block, progress)
        except TimeoutError:
            raise _late(request.label, limit, progress) from None
        except NotConnectedError:
            raise
        except BrokerError as error:
            raise BrokerError(f"The {request.label} request has no answer. {error}", field=request.label) from None
        answer = replace(answer, body=self._clean(answer.body))
        self._on_answer(request.label, answer)
        return answer

    async def _exchange(self, request: HttpRequest, block: bytes, progress: Progress) -> HttpAnswer:
        kept = self._idle_connection()
        if kept is not None:
            try:
                return await self._on(kept, request, block, progress)
            except BrokerError:
                # The peer may have closed it while it lay idle; a question may be asked again, an order never.
                if request.method != "GET" or progress.is_answered:
                    raise
                progress.has_started = False
        fresh = await HttpConnection.open(self.endpoint.host, self.endpoint.port, self._tls)
        return await self._on(fresh, request, block, progress)

    async def _on(
        self, connection: HttpConnection, request: HttpRequest, block: bytes, progress: Progress
    ) -> HttpAnswer:
        self._busy.add(connection)
        try:
            answer = await connection.exchange(
                block,
                has_body=request.method != "HEAD",
                max_body_bytes=self._max_body_bytes,
                reached=request.reached,
                progress=progress,
            )
        finally:
            self._busy.discard(connection)
        if connection.is_usable:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def _idle_connection(self) -> HttpConnection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
            connection.close()
        return None

    def _block(self, request: HttpRequest) -> bytes:
        endpoint = self.endpoint
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        headers = {
            "Host": f"{host}:{endpoint.port}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "nanodesk",
            **request.headers,
        }
        if request.body or request.method in ("POST", "PUT", "PATCH"):
            headers["Content-Length"] = str(len(request.body))
        lines = [f"{request.method} {endpoint.path}{request.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if any(not (line.isascii() and line.isprintable()) for line in lines) or " " in request.target:
            raise ValidationError(
                f"The {request.label} request holds a character that no header may hold.", field=request.label
            )
        return "\r\n".join([*lines, "", ""]).encode("ascii") + request.body

    async def close(self) -> None:
        """Drop every connection; another loop may use the client afterwards."""
        for connection in [*self._idle, *self._busy]:
            connection.close()
        self._idle.clear()
        self._slots = asyncio.Semaphore(self._connections)


def _late(label: str, limit_s: float, progress: Progress) -> BrokerError:
    if progress.has_started:
        return BrokerError(f"The {label} request has no answer within {limit_s:g} s.", field=label, value=limit_s)
    return NotConnectedError(f"The {label} request found no connection within {limit_s:g} s.", field=label)


def lost_outcome(error: BrokerError) -> Outcome:
    """What an error of the transport means for an order: not sent, or unknown, never failed.

    Parameters
    ----------
    error : BrokerError
        From :class:`HttpClient`.

    Returns
    -------
    outcome : Outcome
        Refused (with ``may_retry``) only when not one byte left this machine.

    Examples
    --------
    >>> lost_outcome(BrokerError("No answer within 5 s.")).kind
    <OutcomeKind.UNKNOWN: 'unknown'>
    """
    if isinstance(error, RateLimitedError):
        return Outcome(OutcomeKind.REFUSED, code="RATE_LIMIT", text=str(error), may_retry=True)
    if isinstance(error, NotConnectedError):
        return Outcome(OutcomeKind.REFUSED, code="NOT_SENT", text=str(error), may_retry=True)
    return Outcome(OutcomeKind.UNKNOWN, code="NO_ANSWER", text=str(error))
