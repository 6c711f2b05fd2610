"""Whatever arrives from Binance, the parsers raise our error or nothing."""

import contextlib
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from nanodesk.brokers.binance.recorded import read_message
from nanodesk.brokers.fields import Fields
from nanodesk.brokers.http_connection import parse_head
from nanodesk.errors import BrokerError, ValidationError
from nanodesk.market.fixed_point import parse_e9

REPORT = {
    "e": "executionReport", "E": 1, "s": "BTCUSDT", "c": "a-1", "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "1.0",
    "p": "2.0", "P": "0.0", "C": "", "x": "TRADE", "X": "FILLED", "r": "NONE", "i": 7, "l": "1.0", "z": "1.0",
    "L": "2.0", "n": "0", "N": None, "T": 1, "t": 3, "I": 9, "Z": "2.0",
}  # fmt: skip
ORDER = {
    "symbol": "BTCUSDT", "orderId": 1, "clientOrderId": "a-1", "price": "1.0", "origQty": "1.0", "executedQty": "0.5",
    "cummulativeQuoteQty": "0.5", "status": "NEW", "type": "LIMIT", "side": "BUY", "transactTime": 1,
    "fills": [{"price": "1", "qty": "0.5", "commission": "0", "commissionAsset": "BNB", "tradeId": 4}],
}  # fmt: skip
FILL = {"symbol": "B", "id": 1, "orderId": 2, "price": "1", "qty": "1", "commission": "0", "time": 1, "isBuyer": True}
INFO = {
    "rateLimits": [{"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 5}],
    "symbols": [
        {
            "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT", "orderTypes": ["LIMIT"],
            "filters": [{"filterType": "PRICE_FILTER", "minPrice": "0", "maxPrice": "0", "tickSize": "0.01"}],
        }
    ],
}  # fmt: skip
ACCOUNT = {"balances": [{"asset": "BTC", "free": "1", "locked": "0"}]}
ANSWER = {"id": 1, "status": 200, "result": ORDER}
SOUND = [REPORT, ORDER, FILL, INFO, ACCOUNT, ANSWER, {"subscriptionId": 0, "event": REPORT}, {"code": -1, "msg": "x"}]
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["1e999", "-1", "NaN", "1e-30", "9" * 40, "0x1", " 1", "１", "-0.0", []]),
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


@settings(max_examples=300, deadline=None)
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
    with contextlib.suppress(BrokerError):
        parse_head(raw)


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(st.decimals(allow_nan=True, allow_infinity=True).map(str), st.from_regex(r"-?[0-9]{0,22}\.?[0-9]{0,12}"))
)
def test_amounts_are_read_as_everywhere_else(text):
    def read(reader):
        try:
            return reader()
        except (BrokerError, ValidationError):
            return None

    assert read(lambda: Fields({"a": text}, "row").amount("a")) == read(lambda: parse_e9(text))
