import json
import shutil
import subprocess
import sys
import textwrap

import polars as pl
import pytest

from nanodesk.errors import DataError, SchemaMismatchError, ValidationError
from nanodesk.research.lake import open_lake
from nanodesk.research.snapshot import Snapshot, content_hash

KILLED = 77
# Ends the process, as a power cut would, at the n-th step that touches the disk.
KILL_AT = """
    import os, sys, pathlib
    import polars as pl
    from nanodesk.research.lake import open_lake

    left = int(sys.argv[2])
    def dying(call):
        def step(*args, **kwargs):
            global left
            left -= 1
            if left < 0:
                os._exit(77)
            return call(*args, **kwargs)
        return step

    os.fsync = dying(os.fsync)
    pathlib.Path.replace = dying(pathlib.Path.replace)
    frame = pl.read_parquet(sys.argv[3])
    open_lake(sys.argv[1]).ingest(frame, "us", kind="prices")
"""


def prices(years):
    days = pl.date_range(pl.date(2020, 1, 8), pl.date(2019 + years, 12, 31), "7d", eager=True)
    frame = pl.DataFrame({"date": days, "symbol": "A", "close": 10.0})
    return frame.with_columns(close=pl.col("close") + pl.int_range(pl.len()))


class TestCrash:
    def test_a_kill_at_any_step_leaves_the_old_state_or_the_new_one(self, tmp_path):
        start, new = tmp_path / "start", tmp_path / "new.parquet"
        before = open_lake(start).ingest(prices(1), "us", kind="prices").snapshot_id
        prices(2).write_parquet(new)
        script, outcomes = textwrap.dedent(KILL_AT), []
        while not outcomes or outcomes[-1][0] == KILLED:
            root = tmp_path / f"killed-at-{len(outcomes)}"
            shutil.copytree(start, root)
            arguments = [sys.executable, "-c", script, str(root), str(len(outcomes)), str(new)]
            run = subprocess.run(arguments, capture_output=True, check=False)
            assert run.returncode in (0, KILLED), run.stderr.decode()
            lake = open_lake(root)
            is_new = lake.snapshot_id() != before
            assert lake.rows("us").height == prices(2 if is_new else 1).height
            assert lake.ingest(prices(2), "us", kind="prices").unchanged == prices(2 if is_new else 1).height
            outcomes.append((run.returncode, is_new))
        assert len(outcomes) > 8  # a test that never kills would prove nothing
        assert [is_new for _, is_new in outcomes] == sorted(is_new for _, is_new in outcomes)

    def test_a_failure_while_writing_leaves_no_temporary_file(self, tmp_path, monkeypatch):
        lake = open_lake(tmp_path)
        lake.ingest(prices(1), "us", kind="prices")
        files = sorted(path.name for path in tmp_path.rglob("*"))

        def full(*args, **kwargs):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
        with pytest.raises(DataError, match="cannot be written: No space left"):
            lake.ingest(prices(2), "us", kind="prices")
        assert sorted(path.name for path in tmp_path.rglob("*")) == files

    def test_a_first_ingest_that_fails_leaves_no_folder(self, tmp_path, monkeypatch):
        def full(*args, **kwargs):
            raise OSError(28, "No space left on device")

        lake = open_lake(tmp_path / "new" / "lake")
        with pytest.raises(DataError, match="close must be greater than 0"):
            lake.ingest(prices(1).with_columns(close=pl.lit(-1.0)), "us", kind="prices")
        monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
        with pytest.raises(DataError, match="cannot be written: No space left"):
            lake.ingest(prices(1), "us", kind="prices")
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_was_there_stays(self, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        with pytest.raises(DataError):
            open_lake(tmp_path).ingest(prices(1).with_columns(close=pl.lit(-1.0)), "us", kind="prices")
        assert (tmp_path / "notes.txt").read_text() == "mine"

    def test_an_unwritable_place(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(DataError, match="cannot be written: Not a directory"):
            open_lake(tmp_path / "file" / "lake").ingest(prices(1), "us", kind="prices")

    @pytest.mark.parametrize("name", ["../us", "a/b", "", "a b", ".us", "é", "x" * 65])
    def test_a_name_that_is_no_name(self, tmp_path, name):
        with pytest.raises(ValidationError, match=r"is no name: a letter or digit"):
            open_lake(tmp_path / "lake").ingest(prices(1), name, kind="prices")
        assert list(tmp_path.iterdir()) == []


class TestDamagedFiles:
    @pytest.mark.parametrize(
        "content",
        [b"", b"{", b"\xff\xfe", b'{"schema": 1}', b'{"schema": 1, "history": 3}', b'{"schema": 1, "history": [1]}'],
    )
    def test_the_pointer(self, tmp_path, content):
        open_lake(tmp_path).ingest(prices(1), "us", kind="prices")
        (tmp_path / "lake.json").write_bytes(content)
        with pytest.raises(DataError, match=r"lake\.json: is not valid JSON of a lake. Restore it from a copy"):
            open_lake(tmp_path)

    @pytest.mark.parametrize(
        "content",
        [b"\xff", b'{"schema": 1}', b'{"schema": 1, "datasets": 3}', b'{"schema": 1, "datasets": {"us": {}}}'],
    )
    def test_a_snapshot(self, tmp_path, content):
        found = open_lake(tmp_path).ingest(prices(1), "us", kind="prices").snapshot_id
        (tmp_path / "snapshots" / f"{found}.json").write_bytes(content)
        with pytest.raises(DataError, match=rf"{found}.json: is not valid JSON of a lake"):
            open_lake(tmp_path)


class TestFolderStore:
    def test_schema_comes_first_in_every_file(self, tmp_path):
        open_lake(tmp_path).ingest(prices(1), "us", kind="prices")
        for path in tmp_path.rglob("*.json"):
            assert next(iter(json.loads(path.read_text()))) == "schema"

    def test_one_file_per_year(self, tmp_path):
        open_lake(tmp_path).ingest(prices(3), "us", kind="prices")
        names = sorted(path.name[:5] for path in (tmp_path / "prices" / "us").iterdir())
        assert names == ["2020-", "2021-", "2022-"]

    def test_an_unknown_schema_is_refused(self, tmp_path):
        open_lake(tmp_path).ingest(prices(1), "us", kind="prices")
        pointer = tmp_path / "lake.json"
        pointer.write_text(pointer.read_text().replace('"schema": 1', '"schema": 2'))
        with pytest.raises(SchemaMismatchError, match=r"lake.json: schema=2, this version reads 1"):
            open_lake(tmp_path)

    def test_a_torn_pointer(self, tmp_path):
        open_lake(tmp_path).ingest(prices(1), "us", kind="prices")
        pointer = tmp_path / "lake.json"
        pointer.write_text(pointer.read_text()[:20])
        with pytest.raises(DataError, match=r"lake.json: is not valid JSON"):
            open_lake(tmp_path)

    def test_a_lost_data_file(self, tmp_path):
        lake = open_lake(tmp_path)
        lake.ingest(prices(1), "us", kind="prices")
        next((tmp_path / "prices" / "us").iterdir()).unlink()
        with pytest.raises(DataError, match="the lake lists this file, and it cannot be read"):
            lake.rows("us")

    def test_a_damaged_data_file(self, tmp_path):
        lake = open_lake(tmp_path)
        lake.ingest(prices(1), "us", kind="prices")
        next((tmp_path / "prices" / "us").iterdir()).write_bytes(b"PAR1 and no more")
        with pytest.raises(DataError, match="cannot be read"):
            lake.rows("us")


class TestSnapshot:
    def test_text_and_back(self, tmp_path):
        lake = open_lake(tmp_path)
        lake.ingest(prices(2), "us", kind="prices")
        text = (tmp_path / "snapshots" / f"{lake.snapshot_id()}.json").read_text()
        snapshot = Snapshot.from_text(text, file="x")
        assert snapshot.to_text() == text
        assert snapshot.id == lake.snapshot_id()


class TestContentHash:
    @pytest.mark.parametrize(
        "other",
        [
            {"a": [1.0, None], "b": ["x", "yz"]},
            {"a": [1.0, 0.0], "b": ["xy", "z"]},
            {"a": [1, 0], "b": ["x", "yz"]},
            {"c": [1.0, 0.0], "b": ["x", "yz"]},
            {"b": ["x", "yz"], "a": [1.0, 0.0]},
            {"a": [1.0, 0.0], "b": ["x", None]},
        ],
    )
    def test_differs_where_names_types_or_values_differ(self, other):
        assert content_hash(pl.DataFrame(other)) != content_hash(pl.DataFrame({"a": [1.0, 0.0], "b": ["x", "yz"]}))
