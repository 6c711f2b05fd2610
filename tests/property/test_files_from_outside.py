"""Whatever bytes a file holds, reading and ingesting it gives a table or one DataError, and never half a lake."""

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nanodesk.errors import DataError
from nanodesk.research.lake import Lake
from nanodesk.research.lake_files import MemoryStore
from nanodesk.research.sources.files import FileSource

GOOD = b"symbol,date,open,high,low,close,volume\n" + b"".join(
    b"A,2024-01-%02d,10,11,9,10.5,100\n" % day for day in (2, 3, 4, 5, 8, 9, 10, 11, 12)
)
cells = st.sampled_from(
    ["", "A", "2024-01-02", "1", "-1", "0", "nan", "inf", "1e400", "x", '"', "1,2", "2024-13-01", "9999999999", "\x00"]
)
tables = st.lists(st.lists(cells, min_size=1, max_size=5), min_size=1, max_size=6).map(
    lambda rows: ("symbol,date,close,volume\n" + "\n".join(",".join(row) for row in rows)).encode()
)


def mutated(edits):
    data = bytearray(GOOD)
    for position, byte in edits:
        data[position % len(data)] = byte
    return bytes(data)


edits = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4).map(mutated)
cuts = st.integers(0, len(GOOD)).map(lambda end: GOOD[:end])


@pytest.mark.parametrize("name", ["p.csv", "p.csv.gz", "p.parquet"])
class TestFileSource:
    @settings(max_examples=120, deadline=None)
    @given(data=st.one_of(st.binary(max_size=200), tables, edits, cuts))
    @example(data=mutated([(0, 13), (11, 1)]))  # a header that begins with a carriage return
    def test_a_table_or_one_data_error(self, name, data):
        lake = Lake(MemoryStore(), location="memory")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
            try:
                report = lake.ingest_source(FileSource(path, "us"))
            except DataError as error:
                assert name.split(".")[0] in str(error)
                assert lake.snapshots() == ()
            else:
                assert report.added > 0
                assert lake.price_panel("us").shape[0] > 0
