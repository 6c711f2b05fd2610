"""Lines that someone wrote who knows the chain: found by the parser fuzzer, held here."""

import json

import pytest

from nanodesk.errors import JournalDamagedError
from nanodesk.oms import audit
from nanodesk.oms.journal_event import canonical_json, first_hash, next_hash


def forged(tmp_path, **changes):
    """An export of one event whose hash fits, whatever its fields are."""
    row = {
        "schema": audit.AUDIT_SCHEMA, "event": "note", "ts": "1970-01-01T00:00:00.000000000Z", "sequence_number": 1,
        "version": 1, "execution": ["paper", "PAPER", "E1", 0],
    } | changes  # fmt: skip
    names = (row["event"], "", *row["execution"])
    head = next_hash(first_hash("id", 5), 1, 0, row["version"], *names, canonical_json({}))
    row["hash"] = head.hex()
    line = json.dumps(row, separators=(",", ":")).encode() + b"\n"
    path = tmp_path / "audit.jsonl"
    path.write_bytes(audit._header_line("id", 5) + line + audit._end_line(1, head))
    return path


def test_a_sound_line_is_taken(tmp_path):
    assert audit.import_audit(forged(tmp_path), tmp_path / "j.db").events == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "1"},
        {"version": True},
        {"version": -(10**30)},
        {"event": ["note"]},
        {"execution": ["paper", "PAPER", ["E1"], 0]},
        {"execution": ["paper", "PAPER", "E1", 10**30]},
        {"execution": ["paper", "PAPER", "E1", -1]},
    ],
    ids=str,
)
def test_a_line_that_no_journal_would_write_is_damage(tmp_path, changes):
    path = forged(tmp_path, **changes)
    for read in (audit.verify_audit, lambda path: audit.import_audit(path, tmp_path / "j.db")):
        with pytest.raises(JournalDamagedError):
            read(path)
