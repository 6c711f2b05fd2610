"""Answers that the vendor recorded for the tests of its own client are read by the adapter's parsers."""

import gzip
import json
from collections import Counter

import pytest

from market_data import market_data
from nanodesk.brokers.alpaca.recorded import read_message


@pytest.fixture(scope="module")
def rows():
    path = market_data() / "api_fixtures" / "alpaca_rest.jsonl.gz"
    if not path.exists():
        pytest.skip("no recorded answers")
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def test_every_recorded_answer_is_read(rows):
    found = Counter()
    for row in rows:
        found += read_message(json.dumps(row["response"]))
    assert len(rows) == 103
    assert found["order"] >= 5
    assert found["fill"] >= 5
    assert min(found[kind] for kind in ("account", "position", "asset", "quote", "error")) >= 1
