"""Files appear whole or not at all."""

import pytest

from nanodesk.atomic_file import replacing, write_text


class TestReplacing:
    def test_an_error_leaves_the_old_bytes_and_no_litter(self, tmp_path):
        path = tmp_path / "target.json"
        path.write_text("old")
        with pytest.raises(RuntimeError), replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError
        assert path.read_text() == "old"
        assert [item.name for item in tmp_path.iterdir()] == ["target.json"]

    def test_readers_never_see_the_temporary_name(self, tmp_path):
        path = tmp_path / "x"
        with replacing(path) as temporary:
            temporary.write_text("new")
            assert not path.exists()
        assert path.read_text() == "new"


class TestWriteText:
    def test_writes_utf8(self, tmp_path):
        write_text(tmp_path / "x", "Überrendite")
        assert (tmp_path / "x").read_bytes() == "Überrendite".encode()
