"""Ids of orders: the same for the same intent, accepted everywhere, never shared."""

import pytest

from nanodesk.errors import ValidationError
from nanodesk.market.order import CLIENT_ORDER_ID
from nanodesk.oms.client_order_id import client_order_id


def test_is_a_function_of_run_line_and_attempt():
    assert client_order_id("2026-11-20 open", 3) == "11644b4e87cb49ff84e3-3-1"
    ids = {client_order_id(run, line, attempt) for run in "ab" for line in range(20) for attempt in (1, 2)}
    assert len(ids) == 80


def test_every_venue_accepts_it():
    longest = client_order_id("ü" * 200, 999_999, 999)
    assert CLIENT_ORDER_ID.fullmatch(longest) and len(longest) == 31


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("", 1), "run_id"), (("x" * 201, 1), "run_id"), ((None, 1), "run_id"), (("r", -1), "line"),
        (("r", 1_000_000), "line"), (("r", 1.0), "line"), (("r", True), "line"), (("r", 1, 0), "attempt"),
        (("r", 1, 1000), "attempt"),
    ],
)  # fmt: skip
def test_out_of_range_is_an_error(arguments, field):
    with pytest.raises(ValidationError) as caught:
        client_order_id(*arguments)
    assert caught.value.field == field
