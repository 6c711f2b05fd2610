"""HTTP/1.1 over one connection, written byte by byte on purpose.

An order must be known to have left, to have left in part, or not to have left at all, and a general client hides
that: it retries ``PUT`` and ``DELETE`` on a connection the peer has closed, and it cannot say how much was written.
So the request is one block of bytes written here, and the answer is read with a bound on everything it holds.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from nanodesk.brokers.base import Reached
from nanodesk.errors import BrokerError, NotConnectedError

MAX_HEAD_BYTES: Final = 64 * 1024
"""Bound of the status line and headers together."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\x00]*?)[ \t]*")
_CHUNK_HEAD = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_NO_BODY: Final = (204, 304)
_NEXT_ADDRESS_S: Final = 0.25
"""Silence after which the next address of a name is tried beside the first (RFC 8305)."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a server answered.

    Parameters
    ----------
    status : int
        Status code.
    headers : mapping of str to str
        Names in lower case.
    body : bytes
        As received.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Progress:
    """How far one request came; read after a failure.

    Parameters
    ----------
    has_started : bool, default False
        Whether a byte may have left.
    is_answered : bool, default False
        Whether a byte came back.
    """

    has_started: bool = False
    is_answered: bool = False


def client_tls() -> ssl.SSLContext:
    """What encrypts a connection to a venue.

    Returns
    -------
    context : SSLContext
        Certificates and host names are checked. ``SSLKEYLOGFILE`` of the environment, which would have the keys of
        every connection written to a file, is not followed.
    """
    context = ssl.create_default_context()
    context.keylog_filename = None  # type: ignore[assignment]
    return context


class _Reader(asyncio.StreamReader):
    """Knows how much has come that nobody has read."""

    unread = 0

    def feed_data(self, data: bytes) -> None:  # type: ignore[override]
        self.unread += len(data)
        super().feed_data(data)

    def _took(self, data: bytes) -> bytes:
        self.unread -= len(data)
        return data

    async def readuntil(self, separator: bytes = b"\n") -> bytes:  # type: ignore[override]
        return self._took(await super().readuntil(separator))

    async def readexactly(self, n: int) -> bytes:
        return self._took(await super().readexactly(n))

    async def read(self, n: int = -1) -> bytes:
        return self._took(await super().read(n))


@dataclass(slots=True, eq=False)
class HttpConnection:
    """One open connection; serves one request at a time.

    Parameters
    ----------
    reader : StreamReader
        Bytes in.
    writer : StreamWriter
        Bytes out.
    """

    reader: _Reader
    writer: asyncio.StreamWriter
    _keeps_alive: bool = field(default=True, init=False)

    @classmethod
    async def open(cls, host: str, port: int, tls: ssl.SSLContext | None) -> HttpConnection:
        """Connect.

        Parameters
        ----------
        host : str
            Name or address.
        port : int
            Port.
        tls : SSLContext or None
            ``None`` for plain text.

        Returns
        -------
        connection : HttpConnection
            Open.

        Raises
        ------
        NotConnectedError
            If the peer cannot be reached or its certificate is not valid.
        """
        loop = asyncio.get_running_loop()
        reader = _Reader(limit=MAX_HEAD_BYTES, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        try:
            transport, _ = await loop.create_connection(
                lambda: protocol,
                host,
                port,
                ssl=tls,
                server_hostname=host if tls else None,
                happy_eyeballs_delay=_NEXT_ADDRESS_S,
            )
        except OSError as error:
            raise NotConnectedError(
                f"{host}:{port} cannot be reached: {_why(error)}.", field="base_url", value=f"{host}:{port}"
            ) from None
        return cls(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    @property
    def is_usable(self) -> bool:
        """Whether another request may be written; words that came unasked would pass for its answer."""
        is_quiet = not self.reader.unread and not self.reader.at_eof()
        return self._keeps_alive and is_quiet and not self.writer.is_closing()

    def close(self) -> None:
        """Drop the connection at once."""
        self._keeps_alive = False
        self.writer.transport.abort()

    async def exchange(
        self, block: bytes, *, has_body: bool, max_body_bytes: int, reached: Reached | None, progress: Progress
    ) -> HttpAnswer:
        """Write one request and read its answer.

        Parameters
        ----------
        block : bytes
            The whole request.
        has_body : bool
            Whether an answer of this method carries a body (``HEAD`` does not).
        max_body_bytes : int
            Larger answers are refused.
        reached : callable or None
            Told ``send.connected``, ``send.half``, ``send.written`` and ``reply.read``.
        progress : Progress
            Kept up to date for the caller.

        Returns
        -------
        answer : HttpAnswer
            Complete.

        Raises
        ------
        BrokerError
            If the connection broke or the answer is no HTTP.
        """
        try:
            await self._write(block, reached, progress)
            answer = await self._read(has_body, max_body_bytes, progress)
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            self.close()
            raise BrokerError(f"The connection broke ({type(error).__name__}).") from None
        except BaseException:
            self.close()
            raise
        if reached is not None:
            reached("reply.read")
        return answer

    async def _write(self, block: bytes, reached: Reached | None, progress: Progress) -> None:
        if reached is None:
            progress.has_started = True
            self.writer.write(block)
            await self.writer.drain()
            return
        reached("send.connected")
        progress.has_started = True
        middle = len(block) // 2
        self.writer.write(block[:middle])
        await self.writer.drain()
        reached("send.half")
        self.writer.write(block[middle:])
        await self.writer.drain()
        reached("send.written")

    async def _read(self, has_body: bool, max_body_bytes: int, progress: Progress) -> HttpAnswer:
        while True:
            head = await self.reader.readuntil(b"\r\n\r\n")
            progress.is_answered = True
            status, headers = parse_head(head)
            if status >= 200:
                break
        if not has_body or status in _NO_BODY:
            body = b""
        else:
            body = await self._body(headers, max_body_bytes)
        if headers.get("connection", "").lower() == "close" or head.startswith(b"HTTP/1.0"):
            self.close()
        return HttpAnswer(status, headers, body)

    async def _body(self, headers: Mapping[str, str], max_body_bytes: int) -> bytes:
        coding = headers.get("transfer-encoding")
        if coding is not None:
            if coding.lower() != "chunked" or "content-length" in headers:
                raise BrokerError("The answer's length is stated in a way that cannot be trusted.")
            return await self._chunks(max_body_bytes)
        if "content-length" in headers:
            size = _content_length(headers["content-length"], max_body_bytes)
            return await self.reader.readexactly(size)
        self._keeps_alive = False
        body = await self.reader.read(max_body_bytes + 1)
        while len(body) <= max_body_bytes and not self.reader.at_eof():
            body += await self.reader.read(max_body_bytes + 1 - len(body))
        return _require_size(body, max_body_bytes)

    async def _chunks(self, max_body_bytes: int) -> bytes:
        body = bytearray()
        while True:
            match = _CHUNK_HEAD.fullmatch(await self.reader.readuntil(b"\r\n"))
            if match is None:
                raise BrokerError("A chunk of the answer has no readable size.")
            size = int(match[1], 16)
            if not size:
                break
            if len(body) + size > max_body_bytes:
                raise BrokerError(f"The answer is larger than {max_body_bytes} bytes.")
            body += await self.reader.readexactly(size)
            if await self.reader.readexactly(2) != b"\r\n":
                raise BrokerError("A chunk of the answer does not end where it says.")
        while await self.reader.readuntil(b"\r\n") != b"\r\n":
            pass
        return bytes(body)


def _why(error: OSError) -> str:
    # Nothing of what was to be sent is in these words; a certificate's fault names only what it was checked against.
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"it does not speak TLS as it should ({error.reason or type(error).__name__})"
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    return "nobody listens there" if isinstance(error, ConnectionRefusedError) else type(error).__name__


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Status and headers of an answer.

    Parameters
    ----------
    head : bytes
        Everything to the empty line, with it.

    Returns
    -------
    status : int
        100 to 599.
    headers : dict of str to str
        Names in lower case; a repeated header is joined with commas.

    Raises
    ------
    BrokerError
        If it is no HTTP/1 head, or states its length twice.

    Examples
    --------
    >>> parse_head(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n")
    (200, {'content-length': '2'})
    """
    lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    first = _STATUS_LINE.fullmatch(lines[0])
    if first is None:
        raise BrokerError("The answer is no HTTP.")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        match = _HEADER.fullmatch(line)
        if match is None:
            raise BrokerError("A header of the answer cannot be read.")
        name, value = match[1].decode("ascii").lower(), match[2].decode("latin-1")
        if name in headers and name in ("content-length", "transfer-encoding"):
            raise BrokerError("The answer states its length twice.")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return int(first[1]), headers


def _content_length(text: str, max_body_bytes: int) -> int:
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise BrokerError("The answer's length is no number.")
    size = int(text)
    if size > max_body_bytes:
        raise BrokerError(f"The answer is larger than {max_body_bytes} bytes.")
    return size


def _require_size(body: bytes, max_body_bytes: int) -> bytes:
    if len(body) > max_body_bytes:
        raise BrokerError(f"The answer is larger than {max_body_bytes} bytes.")
    return body
