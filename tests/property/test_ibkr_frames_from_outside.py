"""Whatever bytes come over the TWS socket, only our own errors leave the parsers, on both sides of the wire."""

from __future__ import annotations

import struct
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from nanodesk.brokers.ibkr.codec import TwsCodec
from nanodesk.brokers.ibkr.executions import ExecutionTable
from nanodesk.brokers.ibkr.frames import FrameBuffer, frame
from nanodesk.brokers.ibkr.messages import CommissionMessage, ExecutionMessage, OrderMessage, OrderStatusMessage
from nanodesk.brokers.ibkr.orders import OrderTable
from nanodesk.brokers.ibkr.stream import parse_stream
from nanodesk.errors import FeedError
from nanodesk.venues.tws.requests import parse_request

CODEC = TwsCodec()

WORDS = st.one_of(
    st.sampled_from(
        ["", "0", "1", "-1", "2", "7", "100", "185.05", "nan", "inf", "1e400", "1.7976931348623157E308", "2147483647"]
        + ["AAPL", "STK", "BUY", "SELL", "BOT", "SLD", "LMT", "Filled", "Submitted", "None", "BAG", "0.01.01.02"]
        + ["9" * 400, "20261120 09:30:00 UTC", "20261120 09:30:00 " + "x" * 300, "\\", "\\x", "\\N{", "é", "٣", "-"]
    ),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
    st.integers(-(10**20), 10**20).map(str),
)
KINDS = st.one_of(st.integers(0, 110).map(str), WORDS)
MESSAGES = st.tuples(KINDS, st.lists(WORDS, max_size=160)).map(lambda parts: [parts[0], *parts[1]])


@given(MESSAGES)
def test_every_server_message_is_read_passed_over_or_refused(fields):
    with suppress(FeedError):
        CODEC.parse(frame(fields)[4:])


@given(MESSAGES)
def test_every_client_message_is_read_or_refused(fields):
    with suppress(FeedError):
        parse_request(fields)


@given(st.lists(st.one_of(st.binary(max_size=60), MESSAGES.map(frame)), max_size=6), st.integers(1, 50))
def test_streams_of_anything_end_in_our_error_or_nothing(parts, size):
    stream = b"".join(parts)
    try:
        whole = parse_stream(stream)
    except FeedError:
        return
    buffer, bodies = FrameBuffer(), []
    for at in range(0, len(stream), size):
        bodies += buffer.feed(stream[at : at + size])
    assert [message for body in bodies if (message := CODEC.parse(body)) is not None] == whole


@given(st.integers(0, 2**32 - 1), st.binary(max_size=20))
def test_memory_follows_what_came_and_not_what_was_announced(length, rest):
    buffer = FrameBuffer()
    with suppress(FeedError):
        list(buffer.feed(struct.pack(">I", length) + rest))
    assert buffer.pending_bytes <= 4 + len(rest)


@settings(max_examples=60)
@given(st.lists(MESSAGES, max_size=30))
def test_tables_take_whatever_was_parsed(messages):
    orders = OrderTable(lambda contract: contract.symbol)
    fills = ExecutionTable(lambda contract: contract.symbol)
    for at, fields in enumerate(messages):
        try:
            message = CODEC.parse_fields(fields)
        except FeedError:
            continue
        if isinstance(message, OrderMessage):
            orders.on_order(message)
        elif isinstance(message, OrderStatusMessage):
            orders.on_status(message)
        elif isinstance(message, ExecutionMessage):
            fills.on_execution(message, float(at))
        elif isinstance(message, CommissionMessage):
            fills.on_commission(message)
    fills.overdue(1e9)
