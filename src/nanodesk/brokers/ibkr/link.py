"""One TCP connection to TWS or IB Gateway: handshake, a thread that reads, and writes that are known to have left.

There is no queue. A message is written by the thread that wants it sent, when its slot comes, and the call tells
whether its bytes were handed to the socket. So nothing can be lost between "placed" and "sent".
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import Enum, unique
from typing import Final

from nanodesk.brokers.base import Reached, nothing_reached
from nanodesk.brokers.ibkr.codec import MAX_VERSION, MIN_VERSION, TwsCodec
from nanodesk.brokers.ibkr.frames import FrameBuffer, frame_body, split_body
from nanodesk.brokers.ibkr.messages import TwsMessage
from nanodesk.brokers.ibkr.pacing import Pacer
from nanodesk.errors import BrokerError, FeedError, NotConnectedError

_LOG = logging.getLogger(__name__)
_RECEIVE_BYTES: Final = 65536


@unique
class Sending(Enum):
    """What became of the bytes of one message."""

    SENT = "sent"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


class TwsLink:
    """One connection; a new one is made after each loss.

    Parameters
    ----------
    address : tuple of (str, int)
        Host and port.
    pacer : Pacer
        Outlives the connection, so that a reconnect does not start a new second.
    on_message : callable
        Called with each message, on the reading thread.
    on_closed : callable
        Called once with the reason when the connection ends, on the reading thread.
    connect_timeout_s, write_timeout_s : float
        Deadlines of the handshake and of one write.
    reached : callable
        Told ``send.connected``, ``send.half`` and ``send.written`` of an order.
    """

    def __init__(
        self,
        address: tuple[str, int],
        pacer: Pacer,
        *,
        on_message: Callable[[TwsMessage], None],
        on_closed: Callable[[str], None],
        connect_timeout_s: float = 5.0,
        write_timeout_s: float = 5.0,
        reached: Reached = nothing_reached,
    ) -> None:
        self._address = address
        self._pacer = pacer
        self._on_message = on_message
        self._on_closed = on_closed
        self._connect_timeout_s = connect_timeout_s
        self._write_timeout_s = write_timeout_s
        self._reached = reached
        self._buffer = FrameBuffer()
        self._write_lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._reason = ""
        self.codec = TwsCodec()
        self.server_version = 0
        self.heard_s = time.monotonic()

    @property
    def is_open(self) -> bool:
        """Whether bytes can be written."""
        return self._socket is not None

    def open(self) -> None:
        """Connect, agree on a version and start to read.

        Raises
        ------
        NotConnectedError
            If nobody listens, the answer is late, or the version is out of range.
        """
        host, port = self._address
        deadline_s = time.monotonic() + self._connect_timeout_s
        try:
            sock = socket.create_connection(self._address, timeout=self._connect_timeout_s)
        except OSError as error:
            raise NotConnectedError(
                f"Nobody answers at {host}:{port} ({error}).",
                field="port",
                value=port,
                fix="Start TWS or IB Gateway and enable its API socket (docs/brokers/ibkr.md).",
            ) from error
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            sock.sendall(b"API\0" + frame_body(b"v%d..%d" % (MIN_VERSION, MAX_VERSION)))
            first, rest = self._read_hello(sock, deadline_s)
            self.server_version = _agreed_version(first)
        except (OSError, FeedError) as error:
            sock.close()
            raise NotConnectedError(
                f"{host}:{port} does not speak the TWS protocol ({error}).", field="port", value=port
            ) from error
        except NotConnectedError:
            sock.close()
            raise
        self.codec = TwsCodec(self.server_version)
        sock.settimeout(self._write_timeout_s)
        self._socket = sock
        threading.Thread(target=self._read, args=(sock, rest), name=f"ibkr-read-{port}", daemon=True).start()

    def _read_hello(self, sock: socket.socket, deadline_s: float) -> tuple[bytes, list[bytes]]:
        while (left_s := deadline_s - time.monotonic()) > 0:
            sock.settimeout(left_s)
            data = sock.recv(_RECEIVE_BYTES)
            if not data:
                raise NotConnectedError(
                    f"{self._address[0]}:{self._address[1]} closed the connection during the handshake.",
                    fix="Is 127.0.0.1 a trusted address in the API settings, or was the client count reached?",
                )
            bodies = list(self._buffer.feed(data))
            if bodies:
                return bodies[0], bodies[1:]
        raise TimeoutError(f"no server version within {self._connect_timeout_s} s")

    def _read(self, sock: socket.socket, bodies: Iterable[bytes]) -> None:
        reason = "The gateway closed the connection."
        try:
            while True:
                for body in bodies:
                    message = self.codec.parse(body)
                    if message is not None:
                        self._on_message(message)
                data = _receive(sock)
                if not data:
                    break
                self.heard_s = time.monotonic()
                bodies = self._buffer.feed(data)
        except FeedError as error:
            reason = f"A message cannot be read: {error}"
        except OSError as error:
            reason = f"The connection broke: {error}."
        except Exception as error:  # noqa: BLE001  (a fault of ours must not end the reading thread without a word)
            _LOG.exception("ibkr_reader_failed")
            reason = f"A message could not be handled: {type(error).__name__}: {error}."
        self.close(reason)
        self._on_closed(self._reason)

    def close(self, reason: str = "Closed by us.") -> None:
        """End the connection; the reading thread then calls ``on_closed``.

        Parameters
        ----------
        reason : str
            Kept if it is the first.
        """
        sock, self._socket = self._socket, None
        self._reason = self._reason or reason
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def send(self, message: bytes, *, deadline_s: float, is_order: bool = False) -> Sending:
        """Write one message when its slot comes.

        Parameters
        ----------
        message : bytes
            A whole frame.
        deadline_s : float
            Instant of the monotonic clock after which it is not sent any more.
        is_order : bool, default False
            Whether the steps of sending are told to ``reached``.

        Returns
        -------
        sending : Sending
            ``NOT_SENT`` is certain: not even the last byte's half of the frame was handed over.
        """
        with self._write_lock:
            if not self._pacer.wait(deadline_s):
                return Sending.NOT_SENT
            sock = self._socket
            if sock is None:
                return Sending.NOT_SENT
            return self._write(sock, message, self._reached if is_order else nothing_reached)

    def _write(self, sock: socket.socket, message: bytes, reached: Reached) -> Sending:
        half = len(message) // 2
        reached("send.connected")
        try:
            sock.sendall(message[:half])
        except OSError as error:
            # A frame that began cannot be taken back, so the connection ends; without its end nobody can read it.
            self.close(f"The connection broke while writing: {error}.")
            return Sending.NOT_SENT
        try:
            reached("send.half")
            sock.sendall(message[half:])
        except OSError as error:
            self.close(f"The connection broke while writing: {error}.")
            return Sending.UNKNOWN
        except BaseException:
            self.close("A message was left half written.")  # what is written next would be read as its end
            raise
        reached("send.written")
        return Sending.SENT


def _receive(sock: socket.socket) -> bytes:
    # The socket's one time-out is that of writing; a quiet gateway is no fault.
    while True:
        try:
            return sock.recv(_RECEIVE_BYTES)
        except TimeoutError:
            continue


def _agreed_version(body: bytes) -> int:
    fields = split_body(body)
    if len(fields) != 2 or not (fields[0].isascii() and fields[0].isdigit() and len(fields[0]) < 6):
        raise FeedError(f"its first message is {fields[0][:40]!r}, not a server version", field="server version")
    version = int(fields[0])
    if not MIN_VERSION <= version <= MAX_VERSION:
        raise NotConnectedError(
            f"The gateway offers version {version} of its protocol.",
            field="server version",
            value=version,
            allowed=f"{MIN_VERSION} to {MAX_VERSION}",
            fix="Update TWS or IB Gateway to version 972 or later.",
        )
    return version


def require_open(link: TwsLink | None) -> TwsLink:
    """The connection itself, if it is there.

    Parameters
    ----------
    link : TwsLink or None
        What there is.

    Returns
    -------
    link : TwsLink
        Open at the moment of the call.

    Raises
    ------
    NotConnectedError
        If there is none or it has ended.
    """
    if link is None or not link.is_open:
        raise NotConnectedError("Not connected to TWS or IB Gateway.", fix="Call connect() first.")
    return link


def request_failed(what: str, why: str) -> BrokerError:
    """The error of a request that got no usable answer.

    Parameters
    ----------
    what : str
        What was asked.
    why : str
        What came instead.

    Returns
    -------
    error : BrokerError
        To be raised.
    """
    return BrokerError(f"{what}: {why}", field="request", value=what)
