"""The export: reproducible, lossless, with the names of the seeds, and sound up to its first damaged line."""

import json
import stat

import pytest

from nanodesk.errors import JournalDamagedError, JournalError
from nanodesk.oms.audit import AUDIT_SCHEMA, export_audit, import_audit, read_audit, salvage_audit, verify_audit
from nanodesk.oms.journal import Journal
from nanodesk.oms.journal_event import JournalEvent
from scripted_broker import an_order


@pytest.fixture
def traded(engine, broker):
    """A run with one of everything."""
    engine.begin_run("r1", {"target_file": "target.json", "account": "TEST"})
    engine.record("positions_fetched", {"positions": [{"symbol": "AAPL", "qty_e9": 5}], "equity_e9": 7})
    engine.record("risk_check", {"passed": True, "checks": []})
    engine.submit(an_order("a"))
    broker.script.append("refuse")
    engine.submit(an_order("b"))
    execution = broker.fill("a", 40, fee=1)
    engine.poll()
    broker.bust(execution)
    engine.poll()
    engine.cancel("a")
    engine.poll()
    engine.end_run("r1", {"submitted": 2})
    return engine


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


class TestExport:
    def test_names_are_those_of_the_seeds(self, traded, journal, tmp_path):
        export_audit(journal, tmp_path / "audit.jsonl")
        names = [line["event"] for line in lines_of(tmp_path / "audit.jsonl")]
        expected = {"run_started", "positions_fetched", "risk_check", "order_intent", "order_submitted", "order_failed",
                    "order_filled", "cancel_intent", "cancel_result", "run_completed"}  # fmt: skip
        assert expected <= set(names) and names[0] == "audit_start" and names[-1] == "audit_end"

    def test_schema_is_the_first_field_and_payload_lies_flat(self, traded, journal, tmp_path):
        export_audit(journal, tmp_path / "audit.jsonl")
        lines = lines_of(tmp_path / "audit.jsonl")
        assert all(next(iter(line)) == "schema" and line["schema"] == AUDIT_SCHEMA for line in lines)
        started = next(line for line in lines if line["event"] == "run_started")
        assert (started["target_file"], started["account"], started["run_id"]) == ("target.json", "TEST", "r1")
        assert [line["sequence_number"] for line in lines[1:-1]] == list(range(1, len(lines) - 1))

    def test_same_journal_gives_the_same_bytes(self, traded, journal, tmp_path):
        checks = [export_audit(journal, tmp_path / name) for name in ("1", "2")]
        assert checks[0] == checks[1] and checks[0].head_hash == journal.verify().head_hash
        assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
        assert stat.S_IMODE((tmp_path / "1").stat().st_mode) == 0o600

    def test_reads_back_exactly(self, traded, journal, tmp_path):
        export_audit(journal, tmp_path / "audit.jsonl")
        assert list(read_audit(tmp_path / "audit.jsonl")) == list(journal.read())
        assert verify_audit(tmp_path / "audit.jsonl").events == journal.sequence

    def test_payload_keys_that_a_line_has_itself(self, journal, tmp_path):
        payload = {"event": "x", "hash": "y", "payload": {"schema": 1}, "ts": None, "account": "A", "execution": []}
        journal.append([JournalEvent("note", payload)])
        export_audit(journal, tmp_path / "audit.jsonl")
        (event,) = read_audit(tmp_path / "audit.jsonl")
        assert event.payload == payload

    def test_empty_journal(self, journal, tmp_path):
        assert export_audit(journal, tmp_path / "audit.jsonl").events == 0
        assert verify_audit(tmp_path / "audit.jsonl").events == 0

    def test_place_that_cannot_be_written(self, journal, tmp_path):
        with pytest.raises(JournalError, match="No such file"):
            export_audit(journal, tmp_path / "missing" / "audit.jsonl")


class TestImport:
    def test_journal_with_the_same_chain_and_state(self, traded, journal, make_engine, tmp_path):
        export_audit(journal, tmp_path / "audit.jsonl")
        check = import_audit(tmp_path / "audit.jsonl", tmp_path / "copy.db")
        with Journal.open(tmp_path / "copy.db") as copy:
            assert copy.verify().head_hash == check.head_hash == journal.head_hash.hex()
            assert make_engine(copy).state_hash() == traded.state_hash()
            assert copy.append([JournalEvent("note", {})])[0].sequence == check.events + 1

    def test_existing_journal_is_not_touched(self, journal, tmp_path):
        export_audit(journal, tmp_path / "audit.jsonl")
        with pytest.raises(JournalError, match="exists"):
            import_audit(tmp_path / "audit.jsonl", journal.path)

    def test_torn_last_line_does_not_block_later_runs(self, traded, journal, make_engine, tmp_path):
        """A peer cannot run again once the last line of its log is torn; ours takes all that is whole."""
        export_audit(journal, tmp_path / "audit.jsonl")
        content = (tmp_path / "audit.jsonl").read_bytes()
        (tmp_path / "audit.jsonl").write_bytes(content[:-300])
        with pytest.raises(JournalDamagedError) as caught:
            import_audit(tmp_path / "audit.jsonl", tmp_path / "copy.db")
        with Journal.open(tmp_path / "copy.db") as copy:
            assert copy.sequence == caught.value.sequence - 1 >= journal.sequence - 2
            engine = make_engine(copy)
            engine.begin_run("r2")
            assert engine.submit(an_order("z")).state.value == "new"

    def test_damaged_journal_exports_what_is_sound(self, traded, journal, tmp_path):
        journal._connection.execute("UPDATE events SET hash = zeroblob(32) WHERE sequence = 5")
        with pytest.raises(JournalDamagedError):
            export_audit(journal, tmp_path / "audit.jsonl")
        assert not (tmp_path / "audit.jsonl").exists()
        # The log still holds the page as it was before: the salvage finds more than the four events SQLite gives.
        saved = salvage_audit(journal.path, tmp_path / "audit.jsonl").events
        assert 4 <= saved == verify_audit(tmp_path / "audit.jsonl").events

    def test_newer_schema_is_refused(self, journal, tmp_path):
        export_audit(journal, tmp_path / "audit.jsonl")
        place = tmp_path / "audit.jsonl"
        place.write_bytes(place.read_bytes().replace(b"nanodesk.audit/1", b"nanodesk.audit/2"))
        with pytest.raises(JournalError, match="schema nanodesk") as caught:
            verify_audit(place)
        assert not isinstance(caught.value, JournalDamagedError)

    @pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"[]\n", b"\xff\xfe", b"null\n", b'{"schema":1}\n'])
    def test_file_that_is_no_export(self, tmp_path, content):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(JournalDamagedError):
            verify_audit(tmp_path / "x")
        with pytest.raises(JournalDamagedError):
            list(read_audit(tmp_path / "x"))

    def test_missing_file(self, tmp_path):
        with pytest.raises(JournalError, match="No such file"):
            verify_audit(tmp_path / "x")
