"""One client's socket at the TWS look-alike: frames in, frames out, pace counted, faults of bytes applied."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from contextlib import suppress
from typing import Final

from nanodesk.brokers.ibkr.frames import MAX_FRAME_BYTES, frame, frame_body, split_body
from nanodesk.errors import FeedError, TruncatedMessageError
from nanodesk.venues.fault_effects import bytes_under
from nanodesk.venues.faults import Fault, FaultKind
from nanodesk.venues.tws.messages import Fields

MESSAGES_PER_SECOND: Final = 50
STRIKES: Final = 3

_LENGTH = struct.Struct(">I")


class Pace:
    """Counts messages in every window of one second, and strikes when there are too many.

    Parameters
    ----------
    limit : int, default 50
        Most messages of a second.

    Attributes
    ----------
    worst : int
        Most messages that any second has held.
    strikes : int
        How often the limit was passed.
    """

    def __init__(self, limit: int = MESSAGES_PER_SECOND) -> None:
        self._limit = limit
        self._stamps: deque[float] = deque()
        self.worst = 0
        self.strikes = 0

    def count(self, now_s: float) -> bool:
        """Count a message that has arrived.

        Parameters
        ----------
        now_s : float
            Monotonic clock.

        Returns
        -------
        within : bool
            False if it is one too many; the window then starts anew, so that one burst is one strike.
        """
        self._stamps.append(now_s)
        while self._stamps[0] <= now_s - 1.0:
            self._stamps.popleft()
        self.worst = max(self.worst, len(self._stamps))
        if len(self._stamps) <= self._limit:
            return True
        self.strikes += 1
        self._stamps.clear()
        return False


class Connection:
    """Reads and writes messages of one socket.

    Parameters
    ----------
    reader, writer : asyncio streams
        The socket.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._slow: asyncio.Task[None] | None = None
        self._queue: deque[tuple[bytes, float]] = deque()
        self.is_deaf = False
        self.is_dumb = False
        self.next_fault: Fault | None = None

    async def read_hello(self) -> tuple[int, int]:
        """The client's first words.

        Returns
        -------
        versions : tuple of (int, int)
            Lowest and highest that it speaks.

        Raises
        ------
        FeedError
            If they are not those of a TWS client.
        """
        word = await self._reader.readexactly(4)
        if word != b"API\0":
            raise FeedError(f"A client began with {word!r}.", field="hello", allowed="b'API\\x00'")
        text = (await self._read_body()).decode("ascii", "replace").split(" ")[0]
        low, dots, high = text.removeprefix("v").partition("..")
        high = high if dots else low
        if not (text.startswith("v") and low.isdigit() and high.isdigit() and len(text) < 30):
            raise FeedError(f"A client offers the versions {text[:40]!r}.", field="hello", allowed="v157..178")
        return int(low), int(high)

    async def read(self) -> list[str]:
        """The next message.

        Returns
        -------
        fields : list of str
            The message id first.

        Raises
        ------
        FeedError
            If the frame is too long or malformed.
        """
        body = await self._read_body()
        while self.is_deaf:
            body = await self._read_body()
        return split_body(body)

    async def _read_body(self) -> bytes:
        length = _LENGTH.unpack(await self._reader.readexactly(4))[0]
        if length > MAX_FRAME_BYTES:
            raise FeedError(f"A client's frame says it is {length} bytes long.", field="length", value=length)
        try:
            return await self._reader.readexactly(length)
        except asyncio.IncompleteReadError as error:
            raise TruncatedMessageError("A client's frame ends early.", field="length", value=length) from error

    def write(self, fields: Fields) -> None:
        """Send one message.

        Parameters
        ----------
        fields : list
            Of the message.
        """
        if self.is_dumb or self._writer.is_closing():
            return
        fault, self.next_fault = self.next_fault, None
        pieces = [(frame(fields), 0.0)] if fault is None else _spoiled(fault, frame(fields)[_LENGTH.size :])
        if self._slow is None and len(pieces) == 1:
            self._writer.write(pieces[0][0])
        else:
            self._queue.extend(pieces)
            self._slow = self._slow or asyncio.get_running_loop().create_task(self._drip())
        if fault is not None and fault.kind is FaultKind.TRUNCATED:
            self._writer.close()

    async def _drip(self) -> None:
        while self._queue:
            piece, pause_s = self._queue.popleft()
            self._writer.write(piece)
            with suppress(ConnectionError):
                await self._writer.drain()
            await asyncio.sleep(pause_s)
        self._slow = None

    async def drain(self) -> None:
        """Wait until the client has room for more."""
        with suppress(ConnectionError):
            await self._writer.drain()

    def close(self) -> None:
        """End it after what was written."""
        self._writer.close()

    def abort(self) -> None:
        """End it at once, with a reset where the system gives one."""
        self._writer.transport.abort()


def _spoiled(fault: Fault, body: bytes) -> list[tuple[bytes, float]]:
    pieces = bytes_under(fault, body)
    if fault.kind is FaultKind.TRUNCATED:
        return [(_LENGTH.pack(len(body)) + pieces[0], 0.0)]
    if fault.kind is FaultKind.OVERSIZE:
        # The length alone is enough to be refused; whoever believes it waits for ever.
        return [(_LENGTH.pack(len(pieces[0])) + body, 0.0)]
    if fault.kind is FaultKind.SLOW_TRICKLE:
        whole = frame_body(body)
        return [(whole[index : index + 1], fault.seconds) for index in range(len(whole))]
    return [(frame_body(pieces[0]), 0.0)]
