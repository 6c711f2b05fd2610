"""Whatever arrives from Alpaca is read or refused with our error, and nothing else happens."""

import contextlib
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from nanodesk.brokers.alpaca.recorded import read_message
from nanodesk.brokers.alpaca.times import format_time, parse_time
from nanodesk.errors import BrokerError

ORDER = {
    "id": "61e69015-8549-4bfd-b9c3-01e75843f47d", "client_order_id": "a-1", "created_at": "2021-03-16T18:38:01.942282Z",
    "updated_at": "2021-03-16T18:38:01.942282Z", "submitted_at": "2021-03-16T18:38:01.93Z", "filled_at": None,
    "replaces": None, "symbol": "AAPL", "qty": "10", "filled_qty": "4", "filled_avg_price": "161.2533333333333",
    "type": "limit", "side": "buy", "time_in_force": "day", "limit_price": "185.05", "status": "partially_filled",
}  # fmt: skip
UPDATE = {
    "stream": "trade_updates",
    "data": {
        "event": "partial_fill", "execution_id": "2b9e8979-48b4-4b70-9ba0-008210b76ebf", "price": "161.25", "qty": "4",
        "position_qty": "4", "timestamp": "2021-03-16T18:38:01.94Z", "order": ORDER,
    },
}  # fmt: skip
FILL = {
    "id": "20220304135420903::047e252a", "activity_type": "FILL", "transaction_time": "2022-03-04T18:54:20.903569Z",
    "type": "partial_fill", "price": "2907.15", "qty": "1.792161878", "side": "buy", "symbol": "AMZN",
    "leaves_qty": "1", "order_id": "cddf433b", "cum_qty": "1.792161878", "order_status": "partially_filled",
}  # fmt: skip
ACCOUNT = {"account_number": "PA1", "currency": "USD", "cash": "1", "equity": "2.5", "buying_power": "4"}
POSITION = {"symbol": "AAPL", "qty": "-5", "side": "short", "avg_entry_price": "100.33333333333"}
ASSET = {"symbol": "AAPL", "class": "us_equity", "status": "active", "tradable": True, "fractionable": True}
QUOTE = {
    "symbol": "AAPL",
    "quote": {"t": "2022-03-18T14:02:43.651613184Z", "ap": 161.11, "as": 13, "bp": 161.1, "bs": 2},
}
CLOCK = {"timestamp": "2022-03-18T10:02:43-04:00", "is_open": True}
SOUND = [ORDER, UPDATE, FILL, ACCOUNT, POSITION, ASSET, QUOTE, CLOCK, [ORDER, FILL], {"code": 1, "message": "x"}]
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["1e999", "-1", "NaN", "1e-30", "9" * 40, "0x1", " 1", "１", "-0.0", "1_0", []]),
)  # fmt: skip


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, one in value.items():
            yield from leaves(one, (*path, key))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from leaves(one, (*path, index))
    else:
        yield path


def changed(value, path, new):
    value = json.loads(json.dumps(value))
    at = value
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = new
    return value


def test_the_sound_ones_are_read():
    assert all(sum(read_message(json.dumps(one)).values()) for one in SOUND)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_changed_field_is_read_or_refused(data):
    message = data.draw(st.sampled_from(SOUND))
    path = data.draw(st.sampled_from(list(leaves(message))))
    text = json.dumps(changed(message, path, data.draw(VALUES)))
    with contextlib.suppress(BrokerError):
        read_message(text)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_cut_and_flipped_bytes_are_read_or_refused(data):
    raw = bytearray(json.dumps(data.draw(st.sampled_from(SOUND))).encode())
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= 1 << data.draw(st.integers(0, 7))
    cut = data.draw(st.integers(0, len(raw)))
    for damaged in (bytes(raw), bytes(raw[:cut])):
        with contextlib.suppress(BrokerError):
            read_message(damaged)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw):
    with contextlib.suppress(BrokerError):
        read_message(raw)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_a_time_or_refused(text):
    with contextlib.suppress(BrokerError):
        parse_time(text)


@given(st.integers(0, 253_402_300_799 * 10**9))
def test_a_time_written_is_the_time_read(time_ns):
    assert parse_time(format_time(time_ns)) == time_ns
