"""Files appear whole or not at all."""

import os
from pathlib import Path

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

    def test_the_content_is_durable_before_the_name_and_the_name_before_it_ends(self, tmp_path, monkeypatch):
        steps, sync, rename = [], os.fsync, Path.replace

        def synced(handle):
            steps.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
            sync(handle)

        def renamed(old, new):
            steps.append("renamed")
            rename(old, new)

        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(Path, "replace", renamed)
        write_text(tmp_path / "x", "new")
        assert [step.startswith(str(tmp_path / ".x.")) for step in steps] == [True, False, False]
        assert steps[1:] == ["renamed", str(tmp_path)]

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


class TestPermissions:
    @pytest.fixture(params=[0o022, 0o077])
    def umask(self, request):
        before = os.umask(request.param)
        yield request.param
        os.umask(before)

    def test_a_file_is_as_open_as_the_umask_lets_it_be(self, tmp_path, umask):
        write_text(tmp_path / "x", "a")
        assert (tmp_path / "x").stat().st_mode & 0o777 == 0o666 & ~umask

    def test_a_private_one_is_born_private(self, tmp_path, umask):
        with replacing(tmp_path / "x", mode=0o600) as temporary:
            assert temporary.stat().st_mode & 0o777 == 0o600
            temporary.write_text("a")
        assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600

    def test_what_stood_there_before_lends_it_no_permissions(self, tmp_path):
        (tmp_path / "x").write_text("old")
        (tmp_path / "x").chmod(0o666)
        write_text(tmp_path / "x", "new", mode=0o600)
        assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600
