"""Messages that others recorded, or that the venue documents, are read by the adapter's parsers.

The files are not part of this repository (their licences forbid it); they are read where ``NANODESK_DATA`` has them.
"""

import gzip
import json
import tarfile
from collections import Counter

import pytest

from market_data import market_data
from nanodesk.brokers.binance.recorded import read_message
from nanodesk.brokers.binance.signing import signer_of, websocket_payload

DOCUMENTED_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"  # noqa: S105
"""The example secret of Binance's documents on signatures."""


def lines(name):
    path = market_data() / "api_fixtures" / name
    if not path.exists():
        pytest.skip(f"no {name}")
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def read_all(texts):
    found = Counter()
    for text in texts:
        found += read_message(text)
    return found


def test_every_documented_message_is_read():
    rows = lines("binance_spot_doc_examples.jsonl.gz")
    found = read_all(json.dumps(row["json"]) for row in rows)
    assert len(rows) == 253
    assert found["order"] >= 80
    assert found["error"] >= 8
    assert min(found[kind] for kind in ("account", "instruments", "fill")) >= 1


def test_every_recorded_message_is_read():
    found = read_all(json.dumps(row["json"]) for row in lines("binance_spot_recorded_roq.jsonl.gz"))
    assert min(found[kind] for kind in ("order", "account", "instruments", "report", "error")) >= 1


def test_every_captured_message_is_read():
    path = market_data() / "api_fixtures" / "nautilus_binance_spot_and_futures.tar.gz"
    if not path.exists():
        pytest.skip("no captured messages")
    with tarfile.open(path) as archive:
        members = [one for one in archive if one.name.startswith("spot/") and one.name.endswith(".json")]
        found = read_all(archive.extractfile(one).read() for one in members if "sbe" not in one.name)
    assert found["report"] >= 5
    assert min(found[kind] for kind in ("order", "account", "instruments", "fill")) >= 1


def test_signatures_of_the_documents_come_out_the_same():
    checked = 0
    for row in lines("binance_spot_doc_examples.jsonl.gz"):
        if "SIGNED request example (HMAC)" not in row["section"]:
            continue
        parameters = dict(row["json"].get("params", {}))
        expected = parameters.pop("signature", "-")
        if not expected.startswith("-"):
            assert signer_of(DOCUMENTED_SECRET).sign(websocket_payload(parameters)) == expected
            checked += 1
    assert checked == 2, "one symbol in ASCII and one that is not"
