"""Every source keeps the promises of the port: a whole table of a known kind, the same on every read."""

import datetime

import polars as pl
import pytest

from nanodesk.research.dataset_kinds import conform, kind_of
from nanodesk.research.lake import Lake
from nanodesk.research.lake_files import MemoryStore
from nanodesk.research.sources.bundled import BUNDLED_FILES
from nanodesk.research.sources.files import FileSource
from nanodesk.research.sources.frames import FrameSource

FRAME = pl.DataFrame({"symbol": ["A"], "date": [datetime.date(2024, 1, 2)], "close": [10.0]})


def file_source(tmp_path, name):
    path = tmp_path / name
    FRAME.write_parquet(path) if name.endswith("parquet") else FRAME.write_csv(path)
    return FileSource(path, "us")


SOURCES = {
    "frame": lambda tmp_path: FrameSource(FRAME, "us", "prices"),
    "csv": lambda tmp_path: file_source(tmp_path, "p.csv"),
    "parquet": lambda tmp_path: file_source(tmp_path, "p.parquet"),
    **{file.name: lambda tmp_path, file=file: file for file in BUNDLED_FILES},
}


@pytest.fixture(params=SOURCES)
def source(request, tmp_path):
    return SOURCES[request.param](tmp_path)


class TestSource:
    def test_gives_the_columns_of_its_kind(self, source):
        table = source.read()
        kind = kind_of(table.kind)
        frame = conform(table.frame, kind, file=table.file)
        assert set(kind.key) <= set(frame.columns)
        assert not table.frame.is_empty()
        assert table.dataset
        assert table.file

    def test_reads_the_same_again(self, source):
        first, second = source.read(), source.read()
        assert first.frame.equals(second.frame)
        assert first.about == second.about

    def test_enters_a_lake_once(self, source):
        lake = Lake(MemoryStore(), location="memory")
        report = lake.ingest_source(source)
        again = lake.ingest_source(source)
        assert report.added + report.quarantined == report.rows == source.read().frame.height
        assert (again.added, again.revised, again.snapshot_id) == (0, 0, report.snapshot_id)
