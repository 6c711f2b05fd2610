"""A captured stream of TWS bytes as messages: for recordings, and the door through which the parsers are fuzzed."""

from __future__ import annotations

from nanodesk.brokers.ibkr.codec import MAX_VERSION, TwsCodec
from nanodesk.brokers.ibkr.frames import FrameBuffer
from nanodesk.brokers.ibkr.messages import TwsMessage


def parse_stream(data: bytes, server_version: int = MAX_VERSION) -> list[TwsMessage]:
    """Messages of a stream from a gateway, after its handshake.

    Parameters
    ----------
    data : bytes
        Frames one after the other; a last one that is not whole is left out.
    server_version : int, default 178
        What both sides agreed on.

    Returns
    -------
    messages : list of TwsMessage
        Without the kinds that are not used.

    Raises
    ------
    FeedError
        Whatever is wrong with the bytes; no other exception leaves it.

    Examples
    --------
    >>> from nanodesk.brokers.ibkr.frames import frame
    >>> parse_stream(frame([9, 1, 42]) + frame([15, 1, "DU1,DU2"]))
    [NextValidId(order_id=42), ManagedAccounts(accounts=('DU1', 'DU2'))]
    """
    codec = TwsCodec(server_version)
    messages = (codec.parse(body) for body in FrameBuffer().feed(data))
    return [message for message in messages if message is not None]
