"""Whatever stands in a target or a configuration file: an error of ours that names it, or a value that holds."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from nanodesk.errors import NanodeskError
from nanodesk.rebalance.config import parse_config
from nanodesk.rebalance.target import Target

TARGET = json.dumps(
    {
        "schema": 1,
        "timestamp": "2026-02-08T15:30:00Z",
        "targets": [{"symbol": "AAPL", "weight": 0.4}, {"symbol": "SPY", "weight": -0.1}],
        "constraints": {"max_position_pct": 0.45, "max_leverage": 1.2, "min_trade_usd": 100.0},
        "metadata": {"id": "night"},
    }
)
CONFIG = """
[connection]
broker = "paper"
quotes = "quotes.json"
base_url = "http://127.0.0.1:1"
[account]
type = "cash"
[execution]
order_type = "twap"
limit_offset_bps = 5.0
[risk]
max_position_pct = 0.25
max_daily_loss_frac = "0.05"
allowed_symbols = ["AAPL"]
[logging]
dir = "./logs"
"""
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
PIECES = st.sampled_from(
    [
        "NaN",
        "1e999",
        "-",
        '"',
        "\\",
        "\x00",
        "[" * 50,
        "{" * 50,
        "=",
        "\n",
        "9" * 5000,
        "\ud800",
        "\u2028",
        "true",
        "a.b" * 40,
    ]
)


@st.composite
def damaged(draw, text):
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        stop = min(len(text), start + draw(st.integers(0, 12)))
        text = text[:start] + draw(PIECES | st.text(max_size=3)) + text[stop:]
    return text


def reads(text):
    try:
        target = Target.from_json(text)
    except NanodeskError:
        return
    assert Target.from_json(target.to_json()) == target
    assert len(target.window_id) == 64


@given(damaged(TARGET))
@settings(deadline=None, max_examples=300)
def test_damaged_targets(text):
    reads(text)


@given(st.text() | VALUES.map(lambda value: json.dumps(value)))
def test_anything_as_a_target(text):
    reads(text)


@given(st.sampled_from(["timestamp", "targets", "constraints", "metadata", "schema", "other"]), VALUES)
@settings(deadline=None)
def test_any_value_of_a_target(key, value):
    reads(json.dumps({**json.loads(TARGET), key: value}))


@given(damaged(CONFIG))
@settings(deadline=None, max_examples=300)
def test_damaged_configurations(text):
    try:
        config = parse_config(text)
    except NanodeskError as error:
        assert str(error)
        return
    config.limits()
    config.plan_settings()
